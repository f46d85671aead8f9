// SPDX-License-Identifier: GPL-2.0-only
/*
 * `caisson screenshot`: the guest writes its pixels into memory that this process hands over, and
 * this process makes a PNG of them, in its own time.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/client.h"
#include "dm/log.h"
#include "ui/png.h"

enum { SIDE_MAX = 16384 };

static int print_text(const char *name)
{
	struct call c = { name, client_request("text"), .passed = -1, .patience = PATIENCE };
	int status = client_call(&c);

	if (status == STATUS_OK)
		fputs(client_text(c.answer, "text", ""), stdout);
	json_object_put(c.answer);
	return status;
}

/*
 * The picture goes to a new file beside the one that is asked for, and takes its place when it is
 * complete. Devices and the like are not replaced.
 */
static int open_beside(const char *file, char **beside)
{
	mode_t mask = umask(0);
	struct stat st;
	int fd;

	umask(mask);
	if (!stat(file, &st) && !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EOPNOTSUPP;
	*beside = sentence("%s.XXXXXX", file);
	if (!*beside)
		return -ENOMEM;
	fd = mkostemp(*beside, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	fchmod(fd, 0666 & ~mask);
	return fd;
}

/* The pixels in memory, as many as the answer says; NULL when they are not there. */
static void *map_pixels(int memory, struct json_object *answer, unsigned *width, unsigned *height)
{
	int64_t w = client_number(answer, "width"), h = client_number(answer, "height");
	struct stat st;
	void *p;

	if (w < 1 || w > SIDE_MAX || h < 1 || h > SIDE_MAX || fstat(memory, &st) ||
	    st.st_size < w * h * 4)
		return NULL;
	*width = (unsigned)w;
	*height = (unsigned)h;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, memory, 0);
	return p == MAP_FAILED ? NULL : p;
}

static int encode(int memory, struct json_object *answer, int out, const char *file)
{
	unsigned width = 0, height = 0;
	void *pixels = map_pixels(memory, answer, &width, &height);
	int err;

	if (!pixels)
		return client_fail(STATUS_HOST, sentence("The guest gave no picture."));
	err = png_write(pixels, width, height, out);
	munmap(pixels, (size_t)width * height * 4);
	if (!err)
		return STATUS_OK;
	return client_fail(STATUS_HOST,
			   sentence("%s cannot be written: %s.", file, strerror(-err)));
}

static int take_picture(const char *name, int out, const char *file)
{
	struct call c = { name, client_request("screenshot"), .patience = PATIENCE };
	int status;

	c.passed = memfd_create("screenshot", MFD_CLOEXEC);
	if (c.passed < 0) {
		json_object_put(c.request);
		return client_fail(STATUS_HOST, sentence("There is no memory for the picture: %s.",
							 strerror(errno)));
	}
	status = client_call(&c);
	if (status == STATUS_OK)
		status = encode(c.passed, c.answer, out, file);
	json_object_put(c.answer);
	close(c.passed);
	return status;
}

static int save_picture(const char *name, const char *file)
{
	char *beside = NULL;
	int fd = open_beside(file, &beside), status;

	if (fd < 0) {
		free(beside);
		return client_fail(STATUS_USAGE,
				   sentence("%s cannot be written: %s; name another file, or - for "
					    "standard output.",
					    file,
					    fd == -EOPNOTSUPP ? "it is no file" : strerror(-fd)));
	}
	status = take_picture(name, fd, file);
	if (close(fd) && status == STATUS_OK)
		status = client_fail(STATUS_HOST, sentence("%s: %s.", file, strerror(errno)));
	if (status == STATUS_OK && rename(beside, file))
		status = client_fail(STATUS_HOST, sentence("%s: %s.", file, strerror(errno)));
	if (status != STATUS_OK)
		unlink(beside);
	free(beside);
	return status;
}

int verb_screenshot(const struct arguments *a)
{
	if (a->as_text && a->n == 1)
		return print_text(a->text[0]);
	if (a->as_text || a->n == 1)
		return client_fail(STATUS_USAGE,
				   sentence("A screenshot is either a picture in a file or, with "
					    "--text, the characters on standard output."));
	if (!strcmp(a->text[1], "-"))
		return take_picture(a->text[0], STDOUT_FILENO, "Standard output");
	return save_picture(a->text[0], a->text[1]);
}
