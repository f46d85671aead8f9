// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hub between viewers and the guest's keyboard and mouse.
 *
 * Two locks. order is held while the sink is called, so that events of several viewers reach the
 * guest one after the other; the sink may take the machine lock under it. Lights come from the
 * guest with the machine lock held, so they have a lock of their own, a leaf.
 *
 * Missing: an absolute pointing device; positions become movements.
 */
#include "ui/input.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

enum { QNUMS = 256 };
enum { EDGE_PUSH = 32 }; /* how much further a pointer goes that is at an edge of the picture */

/* Locks: [I] immutable, [o] order, [l] watchers, [a] atomic */
struct input {
	struct input_sink sink; /* [I] */
	pthread_mutex_t order;
	pthread_mutex_t watch;
	atomic_bool down[QNUMS];	/* [a], written under order */
	unsigned buttons;		/* [o] */
	bool placed;			/* [o] the five below are valid */
	int x, y;			/* [o] where the viewer's pointer was last */
	unsigned width, height;		/* [o] in a picture of this size */
	atomic_uint leds;		/* [a] */
	struct input_watcher *watchers; /* [l] */
};

struct input *input_create(const struct input_sink *sink)
{
	struct input *in = calloc(1, sizeof(*in));

	if (!in)
		return NULL;
	in->sink = *sink;
	pthread_mutex_init(&in->order, NULL);
	pthread_mutex_init(&in->watch, NULL);
	return in;
}

void input_destroy(struct input *in)
{
	if (!in)
		return;
	pthread_mutex_destroy(&in->order);
	pthread_mutex_destroy(&in->watch);
	free(in);
}

/* --- keys --- */

/* The release of a key that is not down would tell the guest of a stroke that never was. */
static void send_key(struct input *in, unsigned qnum, bool down)
{
	if (!down && !in->down[qnum])
		return;
	in->down[qnum] = down;
	in->sink.key(in->sink.arg, qnum, down);
}

void input_key(struct input *in, unsigned qnum, bool down)
{
	if (!qnum || qnum >= QNUMS)
		return;
	pthread_mutex_lock(&in->order);
	send_key(in, qnum, down);
	pthread_mutex_unlock(&in->order);
}

bool input_key_is_down(const struct input *in, unsigned qnum)
{
	return qnum < QNUMS && in->down[qnum];
}

int input_type(struct input *in, const char *text, char **why)
{
	int err = -ENOTSUP;

	pthread_mutex_lock(&in->order);
	if (in->sink.type)
		err = in->sink.type(in->sink.arg, text, why);
	pthread_mutex_unlock(&in->order);
	return err;
}

/* --- the pointer --- */

static void send_movement(struct input *in, int dx, int dy, int dz, unsigned buttons)
{
	if (!dx && !dy && !dz && buttons == in->buttons)
		return;
	in->buttons = buttons;
	in->sink.relative(in->sink.arg, dx, dy, dz, buttons);
}

void input_relative(struct input *in, int dx, int dy, int dz, unsigned buttons)
{
	pthread_mutex_lock(&in->order);
	in->placed = false; /* the guest's pointer is elsewhere now */
	send_movement(in, dx, dy, dz, buttons);
	pthread_mutex_unlock(&in->order);
}

static int clamp(int v, unsigned size)
{
	int last = size > INT16_MAX ? INT16_MAX : (int)size - 1;

	if (v < 0)
		return 0;
	return v > last ? last : v;
}

static int edge_push(int v, unsigned size)
{
	if (v == 0)
		return -EDGE_PUSH;
	return v == clamp(INT16_MAX, size) ? EDGE_PUSH : 0;
}

void input_absolute(struct input *in, int x, int y, unsigned width, unsigned height, int dz,
		    unsigned buttons)
{
	int dx = 0, dy = 0;

	if (!width || !height)
		return;
	x = clamp(x, width);
	y = clamp(y, height);
	pthread_mutex_lock(&in->order);
	if (in->placed && in->width == width && in->height == height) {
		dx = x - in->x;
		dy = y - in->y;
	}
	if (dx || dy) {
		dx += edge_push(x, width);
		dy += edge_push(y, height);
	}
	in->placed = true;
	in->x = x;
	in->y = y;
	in->width = width;
	in->height = height;
	send_movement(in, dx, dy, dz, buttons);
	pthread_mutex_unlock(&in->order);
}

void input_release_all(struct input *in)
{
	unsigned qnum;

	pthread_mutex_lock(&in->order);
	for (qnum = 1; qnum < QNUMS; qnum++)
		send_key(in, qnum, false);
	send_movement(in, 0, 0, 0, 0);
	pthread_mutex_unlock(&in->order);
}

/* --- lights --- */

void input_set_leds(struct input *in, unsigned leds)
{
	struct input_watcher *w;

	if (atomic_exchange(&in->leds, leds) == leds)
		return;
	pthread_mutex_lock(&in->watch);
	for (w = in->watchers; w; w = w->next)
		w->changed(w);
	pthread_mutex_unlock(&in->watch);
}

unsigned input_leds(const struct input *in)
{
	return in->leds;
}

void input_watch_leds(struct input *in, struct input_watcher *w)
{
	pthread_mutex_lock(&in->watch);
	w->next = in->watchers;
	in->watchers = w;
	pthread_mutex_unlock(&in->watch);
}

void input_unwatch_leds(struct input *in, struct input_watcher *w)
{
	struct input_watcher **p;

	pthread_mutex_lock(&in->watch);
	for (p = &in->watchers; *p && *p != w; p = &(*p)->next)
		;
	if (*p)
		*p = w->next;
	pthread_mutex_unlock(&in->watch);
}
