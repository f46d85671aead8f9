/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The picture on a surface as a PNG file: 8 bits a channel, RGB, not interlaced.
 * Reference: libpng manual, "Writing".
 */
#include "ui/png.h"

#include "ui/surface.h"

#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct picture {
	uint8_t *rgb;
	unsigned width, height;
};

struct output {
	int fd;
	int err;
};

static void copy_pixels(struct picture *p, const struct surface_look *look)
{
	const uint32_t *from;
	uint8_t *to = p->rgb;
	unsigned x, y;

	for (y = 0; y < p->height; y++) {
		from = look->pixels + (size_t)y * look->stride;
		for (x = 0; x < p->width; x++) {
			*to++ = from[x] >> 16;
			*to++ = from[x] >> 8;
			*to++ = from[x];
		}
	}
}

static int copy_surface(struct picture *p, struct surface *s)
{
	struct surface_look look;

	surface_take(s, NULL, NULL, &look);
	p->width = look.width;
	p->height = look.height;
	p->rgb = malloc((size_t)p->width * p->height * 3);
	if (p->rgb)
		copy_pixels(p, &look);
	surface_release(s);
	return p->rgb ? 0 : -ENOMEM;
}

static void write_bytes(png_structp png, png_bytep bytes, size_t n)
{
	struct output *out = png_get_io_ptr(png);
	ssize_t done;

	while (n) {
		done = write(out->fd, bytes, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			out->err = done < 0 ? -errno : -EIO;
			png_error(png, "write");
		}
		bytes += done;
		n -= (size_t)done;
	}
}

static void flush_bytes(png_structp png)
{
	(void)png;
}

static void on_error(png_structp png, png_const_charp what)
{
	(void)what;
	png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp what)
{
	(void)png;
	(void)what;
}

static void write_picture(png_structp png, png_infop info, const struct picture *p)
{
	unsigned y;

	png_set_IHDR(png, info, p->width, p->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
		     PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_set_compression_level(png, 3); /* screens compress well; be quick about it */
	png_write_info(png, info);
	for (y = 0; y < p->height; y++)
		png_write_row(png, p->rgb + (size_t)y * p->width * 3);
	png_write_end(png, NULL);
}

static int encode(const struct picture *p, struct output *out)
{
	png_structp png =
		png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
	png_infop info = png ? png_create_info_struct(png) : NULL;

	if (!info) {
		png_destroy_write_struct(&png, NULL);
		return -ENOMEM;
	}
	if (setjmp(png_jmpbuf(png))) {
		png_destroy_write_struct(&png, &info);
		return out->err ? out->err : -EIO;
	}
	png_set_write_fn(png, out, write_bytes, flush_bytes);
	write_picture(png, info, p);
	png_destroy_write_struct(&png, &info);
	return 0;
}

int png_write_surface(struct surface *s, int fd)
{
	struct output out = {.fd = fd};
	struct picture p;
	int err = copy_surface(&p, s);

	if (err)
		return err;
	err = encode(&p, &out);
	free(p.rgb);
	return err;
}
