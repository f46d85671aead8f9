// SPDX-License-Identifier: GPL-2.0-only
/* Drawing is pixman's work; here it is told from where to where. */
#include "draw.h"

/* 0: none */
static pixman_format_code_t pixman_format(const SDL_Surface *window)
{
	switch (window->format->format) {
	case SDL_PIXELFORMAT_RGB888:
	case SDL_PIXELFORMAT_ARGB8888:
		return PIXMAN_x8r8g8b8;
	case SDL_PIXELFORMAT_BGR888:
	case SDL_PIXELFORMAT_ABGR8888:
		return PIXMAN_x8b8g8r8;
	case SDL_PIXELFORMAT_RGB565:
		return PIXMAN_r5g6b5;
	case SDL_PIXELFORMAT_XRGB1555:
		return PIXMAN_x1r5g5b5;
	case SDL_PIXELFORMAT_ARGB2101010:
		return PIXMAN_x2r10g10b10;
	default:
		return 0;
	}
}

bool draw_knows(const SDL_Surface *window)
{
	return pixman_format(window) != 0;
}

static pixman_image_t *picture_image(const uint32_t *pixels, const struct fit *f)
{
	struct size s = f->picture;
	pixman_transform_t t;
	pixman_image_t *image;

	/* it is only read from */
	image = pixman_image_create_bits_no_clear(PIXMAN_x8r8g8b8, s.width, s.height,
						  (uint32_t *)pixels, s.width * 4);
	if (!image || (s.width == f->shown.width && s.height == f->shown.height))
		return image;
	pixman_transform_init_scale(&t, pixman_double_to_fixed((double)s.width / f->shown.width),
				    pixman_double_to_fixed((double)s.height / f->shown.height));
	pixman_image_set_transform(image, &t);
	pixman_image_set_filter(image,
				fit_is_exact(f) ? PIXMAN_FILTER_NEAREST : PIXMAN_FILTER_BILINEAR,
				NULL, 0);
	pixman_image_set_repeat(image, PIXMAN_REPEAT_PAD);
	return image;
}

SDL_Rect draw_part(SDL_Surface *window, const uint32_t *pixels, const struct fit *f,
		   const pixman_box32_t *part)
{
	pixman_box32_t b = fit_box(f, part);
	SDL_Rect r = {b.x1, b.y1, b.x2 - b.x1, b.y2 - b.y1};
	pixman_image_t *from = picture_image(pixels, f), *to;

	to = pixman_image_create_bits_no_clear(pixman_format(window), window->w, window->h,
					       window->pixels, window->pitch);
	if (from && to)
		pixman_image_composite32(PIXMAN_OP_SRC, from, NULL, to, r.x - f->x, r.y - f->y, 0,
					 0, r.x, r.y, r.w, r.h);
	else
		r.w = r.h = 0;
	if (from)
		pixman_image_unref(from);
	if (to)
		pixman_image_unref(to);
	return r;
}
