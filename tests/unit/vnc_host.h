/* SPDX-License-Identifier: GPL-2.0-only */
/* A VNC server with a painter and a guest's keyboard around it, for tests. After cmocka.h. */
#ifndef TESTS_UNIT_VNC_HOST_H
#define TESTS_UNIT_VNC_HOST_H

#include "rfb_client.h"

#include "ui/input.h"
#include "ui/surface.h"
#include "ui/vnc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

struct host {
	struct surface *s;
	struct input *in;
	struct vnc *vnc;
	const char *address;
	atomic_int watched;
	pthread_mutex_t lock;
	char events[1024]; /* "+1e -1e m(1,2,0,4) " */
	uint64_t paint_ns; /* longest time a painter waited */
};

/* --- the guest's side --- */

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void sleep_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

static inline void note(struct host *h, const char *what)
{
	size_t used;

	pthread_mutex_lock(&h->lock);
	used = strlen(h->events);
	snprintf(h->events + used, sizeof(h->events) - used, "%s ", what);
	pthread_mutex_unlock(&h->lock);
}

static inline void on_key(void *arg, unsigned qnum, bool down)
{
	char text[16];

	snprintf(text, sizeof(text), "%c%02x", down ? '+' : '-', qnum);
	note(arg, text);
}

static inline void on_relative(void *arg, int dx, int dy, int dz, unsigned buttons)
{
	char text[64];

	snprintf(text, sizeof(text), "m(%d,%d,%d,%u)", dx, dy, dz, buttons);
	note(arg, text);
}

/* A guest whose keyboard has no capital X. */
static inline int on_type(void *arg, const char *text, char **why)
{
	char what[96];

	if (strchr(text, 'X')) {
		*why = strdup("No key types this.");
		return -EINVAL;
	}
	snprintf(what, sizeof(what), "type(%zu,%.40s)", strlen(text), text);
	note(arg, what);
	return 0;
}

static inline bool happened(struct host *h, const char *want)
{
	bool same;

	pthread_mutex_lock(&h->lock);
	same = !strcmp(h->events, want);
	if (same)
		h->events[0] = 0;
	pthread_mutex_unlock(&h->lock);
	return same;
}

/* Waits for exactly these events. */
static inline void assert_events(struct host *h, const char *want)
{
	int i;

	for (i = 0; i < 12000; i++) {
		if (happened(h, want))
			return;
		sleep_ms(10);
	}
	assert_string_equal(h->events, want);
}

static inline void on_watched(void *arg, bool watched)
{
	struct host *h = arg;

	h->watched = watched;
}

static inline void assert_watched(struct host *h, bool want)
{
	int i;

	for (i = 0; i < 12000 && h->watched != want; i++)
		sleep_ms(10);
	assert_int_equal(h->watched, want);
}

static inline unsigned viewers(const struct host *h)
{
	struct vnc_stats s;

	vnc_read_stats(h->vnc, &s);
	return s.viewers;
}

static inline void assert_all_gone(const struct host *h)
{
	int i;

	for (i = 0; i < 12000 && viewers(h); i++)
		sleep_ms(10);
	assert_int_equal(viewers(h), 0);
}

static inline void fill(struct host *h, unsigned x, unsigned y, unsigned w, unsigned hgt,
			uint32_t colour)
{
	unsigned width, height, stride, i, j;
	uint64_t start = now_ns(), took;
	uint32_t *p = surface_begin(h->s, &width, &height, &stride);

	took = now_ns() - start;
	if (took > h->paint_ns)
		h->paint_ns = took;
	for (j = y; j < y + hgt; j++)
		for (i = x; i < x + w; i++)
			p[(size_t)j * stride + i] = colour;
	surface_damage(h->s, (int)x, (int)y, w, hgt);
	surface_end(h->s);
}

/* Noise, so that no encoding makes it small. */
static inline void fill_noise(struct host *h, unsigned seed)
{
	unsigned width, height, stride, i;
	uint32_t *p = surface_begin(h->s, &width, &height, &stride);

	for (i = 0; i < stride * height; i++)
		p[i] = (uint32_t)rand_r(&seed) & 0xffffff;
	surface_damage(h->s, 0, 0, width, height);
	surface_end(h->s);
}

/* password: NULL for none; a path or, without a slash, the password itself. */
static inline void serve_with(struct host *h, const char *address, const char *password)
{
	bool file = password && strchr(password, '/');
	struct vnc_options opt = {
		.address = address,
		.name = "a guest",
		.password_file = file ? password : NULL,
		.password = file ? NULL : password,
	};
	char *why = NULL;

	assert_int_equal(vnc_start(&h->vnc, &opt, h->s, h->in, &why), 0);
	assert_null(why);
	h->address = vnc_address(h->vnc);
}

static inline void serve(struct host *h, const char *address)
{
	serve_with(h, address, NULL);
}

static inline int setup(void **state)
{
	struct host *h = calloc(1, sizeof(*h));
	struct input_sink sink = {
		.key = on_key, .relative = on_relative, .type = on_type, .arg = h};

	pthread_mutex_init(&h->lock, NULL);
	h->s = surface_create();
	h->in = input_create(&sink);
	surface_set_painter(h->s, on_watched, h);
	surface_resize(h->s, 320, 200);
	serve(h, "127.0.0.1:0");
	*state = h;
	return 0;
}

static inline int teardown(void **state)
{
	struct host *h = *state;

	vnc_stop(h->vnc);
	assert_false(h->watched);
	input_destroy(h->in);
	surface_destroy(h->s);
	free(h);
	return 0;
}

static inline void assert_alive(struct host *h)
{
	struct rfb *c = rfb_connect(h->address, 8);

	rfb_request_all(c, false);
	rfb_update(c);
	rfb_close(c);
}

#endif
