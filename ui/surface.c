// SPDX-License-Identifier: GPL-2.0-only
/*
 * The picture on the guest's monitor, and who looks at it.
 *
 * Three locks, taken in this order: watch, which keeps the painter's "watched" callbacks in the
 * order of the comings and goings (the painter may take the machine lock in them); then notify,
 * held while viewers are told of damage, so that a viewer that has been detached is never called
 * again; then lock, the leaf that guards the rest. A painter that holds the machine lock takes
 * notify and lock only.
 */
#include "ui/surface.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_WIDTH = 720, FIRST_HEIGHT = 400 };
enum { MAX_RECTS = 64 }; /* a more ragged damage is replaced by the box around it */

/* Locks: [w] watch, [n] changed under notify and lock, read under either, [l] lock */
struct surface {
	pthread_mutex_t watch;
	pthread_mutex_t notify;
	pthread_mutex_t lock;
	uint32_t *pixels;			  /* [l] width * height, without gaps */
	unsigned width, height;			  /* [l] */
	struct surface_viewer *viewers;		  /* [n] */
	void (*painter)(void *arg, bool watched); /* [l] */
	void *painter_arg;			  /* [l] */
};

/* --- damage --- */

static void damage_all(const struct surface *s, struct surface_viewer *v)
{
	if (!pixman_region32_not_empty(&v->damage))
		v->pending = true;
	pixman_region32_fini(&v->damage);
	pixman_region32_init_rect(&v->damage, 0, 0, s->width, s->height);
}

static void damage_box(const struct surface *s, struct surface_viewer *v, const pixman_box32_t *b)
{
	pixman_box32_t around;

	if (!pixman_region32_not_empty(&v->damage))
		v->pending = true;
	if (!pixman_region32_union_rect(&v->damage, &v->damage, b->x1, b->y1, b->x2 - b->x1,
					b->y2 - b->y1)) {
		damage_all(s, v); /* no memory for an exact answer */
		return;
	}
	if (pixman_region32_n_rects(&v->damage) > MAX_RECTS) {
		around = *pixman_region32_extents(&v->damage);
		pixman_region32_fini(&v->damage);
		pixman_region32_init_with_extents(&v->damage, &around);
	}
}

static struct surface_viewer *take_pending(struct surface *s)
{
	struct surface_viewer *v;

	pthread_mutex_lock(&s->lock);
	for (v = s->viewers; v && !v->pending; v = v->next)
		;
	if (v)
		v->pending = false;
	pthread_mutex_unlock(&s->lock);
	return v;
}

/* Tells every viewer that has news. Called without the leaf lock. */
static void tell_viewers(struct surface *s)
{
	struct surface_viewer *v;

	pthread_mutex_lock(&s->notify);
	while ((v = take_pending(s)) != NULL)
		v->changed(v);
	pthread_mutex_unlock(&s->notify);
}

static bool any_pending(const struct surface *s)
{
	const struct surface_viewer *v;

	for (v = s->viewers; v; v = v->next)
		if (v->pending)
			return true;
	return false;
}

/* Drops the leaf lock, then tells the viewers what happened under it. */
static void unlock_and_tell(struct surface *s)
{
	bool news = any_pending(s);

	pthread_mutex_unlock(&s->lock);
	if (news)
		tell_viewers(s);
}

/* --- lifetime --- */

struct surface *surface_create(void)
{
	struct surface *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	pthread_mutex_init(&s->watch, NULL);
	pthread_mutex_init(&s->notify, NULL);
	pthread_mutex_init(&s->lock, NULL);
	if (surface_resize(s, FIRST_WIDTH, FIRST_HEIGHT)) {
		surface_destroy(s);
		return NULL;
	}
	return s;
}

void surface_destroy(struct surface *s)
{
	if (!s)
		return;
	pthread_mutex_destroy(&s->watch);
	pthread_mutex_destroy(&s->notify);
	pthread_mutex_destroy(&s->lock);
	free(s->pixels);
	free(s);
}

/* --- the painter's side --- */

int surface_resize(struct surface *s, unsigned width, unsigned height)
{
	struct surface_viewer *v;
	uint32_t *pixels, *old;

	if (!width || !height || width > SURFACE_MAX_WIDTH || height > SURFACE_MAX_HEIGHT)
		return -EINVAL;
	pixels = calloc((size_t)width * height, sizeof(*pixels));
	if (!pixels)
		return -ENOMEM;
	pthread_mutex_lock(&s->lock);
	old = s->pixels;
	s->pixels = pixels;
	s->width = width;
	s->height = height;
	for (v = s->viewers; v; v = v->next)
		damage_all(s, v);
	unlock_and_tell(s);
	free(old);
	return 0;
}

uint32_t *surface_begin(struct surface *s, unsigned *width, unsigned *height, unsigned *stride)
{
	pthread_mutex_lock(&s->lock);
	*width = s->width;
	*height = s->height;
	*stride = s->width;
	return s->pixels;
}

static int32_t clip(int64_t v, unsigned limit)
{
	if (v < 0)
		return 0;
	return v > limit ? (int32_t)limit : (int32_t)v;
}

void surface_damage(struct surface *s, int x, int y, unsigned width, unsigned height)
{
	struct surface_viewer *v;
	pixman_box32_t box = {
		.x1 = clip(x, s->width),
		.y1 = clip(y, s->height),
		.x2 = clip((int64_t)x + width, s->width),
		.y2 = clip((int64_t)y + height, s->height),
	};

	if (box.x1 >= box.x2 || box.y1 >= box.y2)
		return;
	for (v = s->viewers; v; v = v->next)
		damage_box(s, v, &box);
}

void surface_end(struct surface *s)
{
	unlock_and_tell(s);
}

void surface_set_painter(struct surface *s, void (*fn)(void *arg, bool watched), void *arg)
{
	pthread_mutex_lock(&s->lock);
	s->painter = fn;
	s->painter_arg = arg;
	pthread_mutex_unlock(&s->lock);
}

/* --- a viewer's side --- */

/* Called with the watch lock held, and no other. */
static void tell_painter(struct surface *s, bool watched)
{
	void (*painter)(void *arg, bool watched);
	void *arg;

	pthread_mutex_lock(&s->lock);
	painter = s->painter;
	arg = s->painter_arg;
	pthread_mutex_unlock(&s->lock);
	if (painter)
		painter(arg, watched);
}

void surface_attach(struct surface *s, struct surface_viewer *v)
{
	bool first;

	pixman_region32_init(&v->damage);
	v->pending = false;
	pthread_mutex_lock(&s->watch);
	pthread_mutex_lock(&s->notify);
	pthread_mutex_lock(&s->lock);
	first = !s->viewers;
	v->next = s->viewers;
	s->viewers = v;
	damage_all(s, v);
	pthread_mutex_unlock(&s->lock);
	pthread_mutex_unlock(&s->notify);
	tell_viewers(s);
	if (first)
		tell_painter(s, true);
	pthread_mutex_unlock(&s->watch);
}

static bool unlink_viewer(struct surface *s, struct surface_viewer *v)
{
	struct surface_viewer **p;

	for (p = &s->viewers; *p; p = &(*p)->next) {
		if (*p == v) {
			*p = v->next;
			return true;
		}
	}
	return false;
}

void surface_detach(struct surface *s, struct surface_viewer *v)
{
	bool found, last;

	pthread_mutex_lock(&s->watch);
	pthread_mutex_lock(&s->notify);
	pthread_mutex_lock(&s->lock);
	found = unlink_viewer(s, v);
	last = !s->viewers;
	pthread_mutex_unlock(&s->lock);
	pthread_mutex_unlock(&s->notify);
	if (found)
		pixman_region32_fini(&v->damage);
	if (found && last)
		tell_painter(s, false);
	pthread_mutex_unlock(&s->watch);
}

/* Swapped, so that nothing is allocated and nothing can fail. */
static void take_damage(struct surface_viewer *v, pixman_region32_t *damage)
{
	pixman_region32_t none = *damage;

	*damage = v->damage;
	v->damage = none;
	pixman_region32_clear(&v->damage);
	v->pending = false;
}

void surface_take(struct surface *s, struct surface_viewer *v, pixman_region32_t *damage,
		  struct surface_look *look)
{
	pthread_mutex_lock(&s->lock);
	look->pixels = s->pixels;
	look->width = s->width;
	look->height = s->height;
	look->stride = s->width;
	if (v)
		take_damage(v, damage);
}

static bool is_little(pixman_region32_t *damage, unsigned pixels)
{
	int n, i;
	const pixman_box32_t *b = pixman_region32_rectangles(damage, &n);
	uint64_t sum = 0;

	for (i = 0; i < n; i++)
		sum += (uint64_t)(b[i].x2 - b[i].x1) * (unsigned)(b[i].y2 - b[i].y1);
	return sum <= pixels;
}

bool surface_take_little(struct surface *s, struct surface_viewer *v, unsigned pixels,
			 pixman_region32_t *damage, struct surface_look *look)
{
	surface_take(s, NULL, NULL, look);
	if (!is_little(&v->damage, pixels)) {
		surface_release(s);
		return false;
	}
	take_damage(v, damage);
	return true;
}

void surface_release(struct surface *s)
{
	pthread_mutex_unlock(&s->lock);
}
