/* SPDX-License-Identifier: GPL-2.0-only */
/* Pictures as PNG files, read back by libpng's simplified reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "ui/png.h"
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

static void check(unsigned width, unsigned height)
{
	struct surface *s = painted(width, height);
	int fd = memfd_create("png", MFD_CLOEXEC);
	png_image image;
	unsigned x, y;
	uint8_t *rgb;
	FILE *f;

	assert_int_equal(png_write_surface(s, fd), 0);
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
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_true(full >= 0);
	assert_int_equal(png_write_surface(s, full), -ENOSPC);
	assert_int_equal(png_write_surface(s, -1), -EBADF);
	close(full);
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
