// SPDX-License-Identifier: GPL-2.0-only
/* From the picture's pixels to the window's and back. */
#include "geometry.h"

#include <math.h>
#include <stdint.h>

static int at_least_1(int64_t v)
{
	return v < 1 ? 1 : (int)v;
}

static int64_t divide_up(int64_t a, int64_t b)
{
	return (a + b - 1) / b;
}

struct fit fit_make(struct size picture, struct size window)
{
	int64_t across = (int64_t)window.width * picture.height;
	int64_t down = (int64_t)window.height * picture.width;
	struct fit f = {.picture = picture, .shown = window};

	if (across < down)
		f.shown.height = at_least_1((across + picture.width / 2) / picture.width);
	else
		f.shown.width = at_least_1((down + picture.height / 2) / picture.height);
	f.x = (window.width - f.shown.width) / 2;
	f.y = (window.height - f.shown.height) / 2;
	return f;
}

bool fit_is_exact(const struct fit *f)
{
	int by = f->shown.width / f->picture.width;

	return f->shown.width == by * f->picture.width &&
	       f->shown.height == by * f->picture.height;
}

/* Smoothing mixes a pixel with its neighbours; one more covers what pixman's numbers round off. */
static void spread(int *from, int *to, int picture, int shown)
{
	int64_t a, b;

	if (picture == shown)
		return;
	a = (int64_t)(*from - 1) * shown / picture - 1;
	b = divide_up((int64_t)(*to + 1) * shown, picture) + 1;
	*from = a < 0 ? 0 : (int)a;
	*to = b > shown ? shown : (int)b;
}

pixman_box32_t fit_box(const struct fit *f, const pixman_box32_t *part)
{
	pixman_box32_t box = *part;

	spread(&box.x1, &box.x2, f->picture.width, f->shown.width);
	spread(&box.y1, &box.y2, f->picture.height, f->shown.height);
	box.x1 += f->x;
	box.x2 += f->x;
	box.y1 += f->y;
	box.y2 += f->y;
	return box;
}

static int map_back(int at, int picture, int shown)
{
	if (at < 0)
		return 0;
	if (at >= shown)
		return picture - 1;
	return (int)((int64_t)at * picture / shown);
}

void fit_point(const struct fit *f, int *x, int *y)
{
	*x = map_back(*x - f->x, f->picture.width, f->shown.width);
	*y = map_back(*y - f->y, f->picture.height, f->shown.height);
}

struct size window_size(struct size picture, double scale, struct size room)
{
	scale = fmin(scale, (double)room.width / picture.width);
	scale = fmin(scale, (double)room.height / picture.height);
	return (struct size){
		.width = at_least_1(lround(picture.width * scale)),
		.height = at_least_1(lround(picture.height * scale)),
	};
}
