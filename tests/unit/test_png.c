// SPDX-License-Identifier: GPL-2.0-only
/* Pictures: a surface's pixels in a file, and as a PNG, read back by libpng's simple reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "ui/png.h"
#include "ui/raw.h"
#include "ui/surface.h"

#include <errno.h>
#include <fcntl.h>
#include <png.h>
#include <stdio.h>
#include <sys/mman.h>
#include <string.h>
#include <unistd.h>

static uint32_t colour(unsigned x, unsigned y)
{
	return (x * 3 & 0xff) << 16 | (y * 5 & 0xff) << 8 | ((x + y) & 0xff) | 0xa5000000u;
}

static struct surface *painted(unsigned width, unsigned height)
{
	struct surface *s = surface_create();
	unsigned w, h, stride, x, y;
	uint32_t *p;

	assert_non_null(s);
	assert_int_equal(surface_resize(s, width, height), 0);
	p = surface_begin(s, &w, &h, &stride);
	for (y = 0; y < h; y++)
		for (x = 0; x < w; x++)
			p[(size_t)y * stride + x] = colour(x, y);
	surface_end(s);
	return s;
}

/* The pixels of a surface, by way of a file. */
static uint32_t *through_file(struct surface *s, unsigned width, unsigned height)
{
	size_t bytes = (size_t)width * height * 4;
	int fd = memfd_create("raw", MFD_CLOEXEC);
	uint32_t *pixels = malloc(bytes);
	unsigned w, h;

	assert_int_equal(lseek(fd, 12345, SEEK_SET), 12345); /* must not matter */
	assert_int_equal(raw_write_surface(s, fd, &w, &h), 0);
	assert_int_equal(w, width);
	assert_int_equal(h, height);
	assert_int_equal(lseek(fd, 0, SEEK_END), bytes);
	assert_int_equal(pread(fd, pixels, bytes, 0), bytes);
	close(fd);
	return pixels;
}

static void check(unsigned width, unsigned height)
{
	struct surface *s = painted(width, height);
	uint32_t *pixels = through_file(s, width, height);
	int fd = memfd_create("png", MFD_CLOEXEC);
	png_image image;
	unsigned x, y;
	uint8_t *rgb;
	FILE *f;

	assert_int_equal(png_write(pixels, width, height, fd), 0);
	free(pixels);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0); /* still open */
	f = fdopen(fd, "rb");
	memset(&image, 0, sizeof(image));
	image.version = PNG_IMAGE_VERSION;
	assert_true(png_image_begin_read_from_stdio(&image, f));
	assert_int_equal(image.width, width);
	assert_int_equal(image.height, height);
	assert_int_equal(image.format, PNG_FORMAT_RGB); /* 8 bits, no alpha */
	rgb = malloc(PNG_IMAGE_SIZE(image));
	assert_true(png_image_finish_read(&image, NULL, rgb, 0, NULL));
	for (y = 0; y < height; y++) {
		for (x = 0; x < width; x++) {
			const uint8_t *p = rgb + ((size_t)y * width + x) * 3;

			assert_int_equal((uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2],
					 colour(x, y) & 0xffffff);
		}
	}
	free(rgb);
	fclose(f);
	surface_destroy(s);
}

static void test_pictures(void **state)
{
	check(1, 1);
	check(641, 37);
	check(800, 600);
}

static void test_errors(void **state)
{
	struct surface *s = painted(320, 200);
	uint32_t *pixels = through_file(s, 320, 200);
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	int sealed = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	unsigned w, h;

	assert_true(full >= 0);
	assert_int_equal(png_write(pixels, 320, 200, full), -ENOSPC);
	assert_int_equal(png_write(pixels, 320, 200, -1), -EBADF);
	assert_int_equal(raw_write_surface(s, -1, &w, &h), -EBADF);
	assert_int_equal(fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW), 0);
	assert_int_equal(raw_write_surface(s, sealed, &w, &h), -EPERM);
	free(pixels);
	close(full);
	close(sealed);
	surface_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pictures),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests_name("png", tests, NULL, NULL);
}
