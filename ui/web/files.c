// SPDX-License-Identifier: GPL-2.0-only
/*
 * noVNC in memory. It is read once, before the sandbox; a request is answered by looking its path
 * up in this list, so no request can reach any other file. Only what a browser needs is kept:
 * known kinds of files, below the folders that the page uses.
 */
#include "web_priv.h"

#include "dm/log.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOVNC "/usr/share/novnc" /* Debian's package novnc */

enum { FILES_MAX = 1024, BYTES_MAX = 16 << 20 };

static const char *type_of(const char *path)
{
	static const char *const types[][2] = {
		{".html", "text/html; charset=utf-8"},
		{".js", "text/javascript; charset=utf-8"},
		{".css", "text/css; charset=utf-8"},
		{".json", "application/json"},
		{".svg", "image/svg+xml"},
		{".png", "image/png"},
		{".ico", "image/x-icon"},
		{".woff", "font/woff"},
		{".woff2", "font/woff2"},
		{".ttf", "font/ttf"},
		{".mp3", "audio/mpeg"},
		{".oga", "audio/ogg"},
	};
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(dot, types[i][0]))
			return types[i][1];
	return NULL;
}

/* 0 or -errno. */
static int read_file(struct web_file *f, const char *path, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat st;
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (st.st_size < 0 || (uint64_t)st.st_size > room)
		err = -EFBIG;
	f->data = err ? NULL : malloc((size_t)st.st_size + 1);
	if (!err && !f->data)
		err = -ENOMEM;
	while (!err && f->len < (size_t)st.st_size) {
		n = read(fd, f->data + f->len, (size_t)st.st_size - f->len);
		if (n <= 0)
			err = n ? -errno : -EIO;
		else
			f->len += (size_t)n;
	}
	close(fd);
	return err;
}

/* The room for it has been made. */
static int add_file(struct web_files *f, const char *path, size_t skip, size_t *bytes)
{
	struct web_file *file = &f->file[f->n];
	int err;

	memset(file, 0, sizeof(*file));
	file->type = type_of(path);
	if (!file->type)
		return 0;
	if (f->n == FILES_MAX)
		return -EFBIG;
	file->path = strdup(path + skip);
	err = file->path ? read_file(file, path, BYTES_MAX - *bytes) : -ENOMEM;
	*bytes += file->len;
	f->n++; /* in any case: what is there is freed with the others */
	return err;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct web_file *)a)->path, ((const struct web_file *)b)->path);
}

/* FNV-1a: a name for these contents, nothing that holds against anybody. */
static void make_tag(struct web_files *f)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < f->n; i++)
		for (size_t k = 0; k < f->file[i].len; k++)
			h = (h ^ f->file[i].data[k]) * 0x100000001b3u;
	snprintf(f->tag, sizeof(f->tag), "\"%016llx\"", (unsigned long long)h);
}

/* The page, and the folders of what it loads. */
static int load(struct web_files *f, const char *folder)
{
	static const char *const parts[] = {"vnc.html", "app", "core", "vendor"};
	char path[4][4096], *roots[] = {path[0], path[1], path[2], path[3], NULL};
	size_t bytes = 0;
	FTSENT *e = NULL;
	int err = 0;
	FTS *fts;

	for (unsigned i = 0; i < 4; i++)
		snprintf(path[i], sizeof(path[i]), "%s/%s", folder, parts[i]);
	fts = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
	if (!fts)
		return -errno;
	while (!err && (e = fts_read(fts))) {
		if (e->fts_info == FTS_F)
			err = add_file(f, e->fts_path, strlen(folder), &bytes);
		else if (e->fts_info == FTS_NS || e->fts_info == FTS_ERR || e->fts_info == FTS_DNR)
			err = -e->fts_errno;
	}
	fts_close(fts);
	return err;
}

int web_files_load(struct web_files *f, const char *folder, char **why)
{
	int err;

	folder = folder ? folder : NOVNC;
	f->n = 0;
	f->file = calloc(FILES_MAX + 1, sizeof(*f->file));
	err = f->file ? load(f, folder) : -ENOMEM;
	if (!err) {
		qsort(f->file, f->n, sizeof(*f->file), by_path);
		make_tag(f);
		if (!web_files_find(f, "/vnc.html"))
			err = -ENOENT;
	}
	if (err)
		*why = sentence("Cannot read noVNC, the viewer for browsers, from %s: %s; install "
				"Debian's package novnc, or leave out --web.",
				folder, strerror(-err));
	return err;
}

const struct web_file *web_files_find(const struct web_files *f, const char *path)
{
	const struct web_file key = {.path = (char *)path};

	return bsearch(&key, f->file, f->n, sizeof(*f->file), by_path);
}

void web_files_free(struct web_files *f)
{
	for (size_t i = 0; f->file && i < f->n; i++) {
		free(f->file[i].path);
		free(f->file[i].data);
	}
	free(f->file);
	f->file = NULL;
	f->n = 0;
}
