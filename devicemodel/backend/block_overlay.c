// SPDX-License-Identifier: GPL-2.0-only
/*
 * The overlay behind --discard-changes: a sparse file without a name, laid out as the image is,
 * and a bitmap of the granules that live in it. A granule that is written in part is copied first.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block_priv.h"
#include "dm/log.h"

enum { GRANULE = 64 << 10 };

struct overlay {
	int fd, base;
	uint64_t size;
	uint8_t *changed; /* a bit a granule */
	uint8_t copy[GRANULE];
};

static bool is_changed(const struct overlay *o, uint64_t granule)
{
	return o->changed[granule / 8] >> granule % 8 & 1;
}

/* Bytes of granule that the image has: the last may be shorter. */
static size_t granule_len(const struct overlay *o, uint64_t granule)
{
	uint64_t rest = o->size - granule * GRANULE;

	return rest < GRANULE ? rest : GRANULE;
}

/* How much of [offset, offset + len) lies in the granule at offset. */
static size_t part_of(uint64_t len, uint64_t offset)
{
	size_t room = GRANULE - offset % GRANULE;

	return len < room ? len : room;
}

/* Brings a granule into the overlay, unless [offset, offset + len) covers it anyway. */
static int take_granule(struct overlay *o, uint64_t granule, size_t len)
{
	size_t whole = granule_len(o, granule);
	int err = 0;

	if (is_changed(o, granule) || len == whole)
		return 0;
	err = block_read_all(o->base, o->copy, whole, granule * GRANULE);
	return err ? err : block_write_all(o->fd, o->copy, whole, granule * GRANULE);
}

int overlay_write(struct overlay *o, const void *buf, size_t len, uint64_t offset)
{
	const uint8_t *p = buf;

	while (len) {
		uint64_t granule = offset / GRANULE;
		size_t n = part_of(len, offset);
		int err = take_granule(o, granule, n);

		if (!err)
			err = block_write_all(o->fd, p, n, offset);
		if (err)
			return err;
		o->changed[granule / 8] |= 1u << granule % 8;
		p += n;
		offset += n;
		len -= n;
	}
	return 0;
}

int overlay_read(struct overlay *o, void *buf, size_t len, uint64_t offset)
{
	uint8_t *p = buf;

	while (len) {
		size_t n = part_of(len, offset);
		int fd = is_changed(o, offset / GRANULE) ? o->fd : o->base;
		int err = block_read_all(fd, p, n, offset);

		if (err)
			return err;
		p += n;
		offset += n;
		len -= n;
	}
	return 0;
}

/* Makes n bytes within a granule zeroes. A granule that never was in the overlay has none. */
static int discard_part(struct overlay *o, size_t n, uint64_t offset)
{
	static const uint8_t zeroes[GRANULE];
	uint64_t granule = offset / GRANULE;
	int err;

	if (n < granule_len(o, granule))
		return overlay_write(o, zeroes, n, offset);
	if (is_changed(o, granule)) {
		err = block_punch(o->fd, n, offset);
		if (err == -EOPNOTSUPP)
			err = block_write_all(o->fd, zeroes, n, offset);
		if (err)
			return err;
	}
	o->changed[granule / 8] |= 1u << granule % 8;
	return 0;
}

int overlay_discard(struct overlay *o, uint64_t len, uint64_t offset)
{
	while (len) {
		size_t n = part_of(len, offset);
		int err = discard_part(o, n, offset);

		if (err)
			return err;
		offset += n;
		len -= n;
	}
	return 0;
}

/* A file that is gone when it is closed. */
static int open_nameless(const char *dir)
{
	char path[4096];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);

	if (fd >= 0)
		return fd;
	if ((size_t)snprintf(path, sizeof(path), "%s/caisson-XXXXXX", dir) >= sizeof(path))
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

int overlay_create(struct overlay **out, int base, uint64_t size, char **why)
{
	const char *dir = getenv("TMPDIR");
	struct overlay *o = calloc(1, sizeof(*o));
	int err;

	if (!o)
		return -ENOMEM;
	if (!dir || !*dir)
		dir = "/var/tmp";
	o->base = base;
	o->size = size;
	o->changed = calloc(size / GRANULE / 8 + 1, 1);
	o->fd = open_nameless(dir);
	err = !o->changed ? -ENOMEM : o->fd < 0 ? -errno : ftruncate(o->fd, size) ? -errno : 0;
	if (err) {
		*why = sentence("The changes to be discarded cannot be kept in %s: %s; set TMPDIR "
				"to a directory that has room.", dir, strerror(-err));
		overlay_free(o);
		return err;
	}
	*out = o;
	return 0;
}

void overlay_free(struct overlay *o)
{
	if (!o)
		return;
	if (o->fd >= 0)
		close(o->fd);
	free(o->changed);
	free(o);
}
