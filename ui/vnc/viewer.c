// SPDX-License-Identifier: GPL-2.0-only
/*
 * The thread of one viewer: waits for its messages and for news from the surface, and sends what
 * changed when the viewer has asked for it, at most 60 times a second.
 */
#include "vnc_priv.h"

#include <errno.h>
#include <rfb/rfbregion.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- from the surface to the viewer's picture --- */

static unsigned min_unsigned(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static bool size_differs(const struct vnc_viewer *v, const struct surface_look *look)
{
	if (look->width != v->seen_width || look->height != v->seen_height)
		return true;
	return v->client->useNewFBSize &&
	       (v->width != min_unsigned(look->width, VNC_MAX_WIDTH) || v->height != look->height);
}

/* A viewer that cannot change size sees as much as fits, and black around the rest. */
static int follow_size(struct vnc_viewer *v, unsigned width, unsigned height)
{
	v->seen_width = width;
	v->seen_height = height;
	if (v->client->useNewFBSize)
		return vnc_screen_resize(v, min_unsigned(width, VNC_MAX_WIDTH), height);
	memset(v->picture, 0, (size_t)v->width * v->height * sizeof(*v->picture));
	rfbMarkRectAsModified(v->screen, 0, 0, (int)v->width, (int)v->height);
	return 0;
}

static void copy_box(struct vnc_viewer *v, const struct surface_look *look, const pixman_box32_t *b)
{
	int x2 = (int)min_unsigned((unsigned)b->x2, min_unsigned(v->width, look->width));
	int y2 = (int)min_unsigned((unsigned)b->y2, min_unsigned(v->height, look->height)), y;

	if (b->x1 >= x2)
		return;
	for (y = b->y1; y < y2; y++)
		memcpy(v->picture + (size_t)y * v->width + b->x1,
		       look->pixels + (size_t)y * look->stride + b->x1,
		       (size_t)(x2 - b->x1) * sizeof(*v->picture));
}

static void copy_damage(struct vnc_viewer *v, const struct surface_look *look,
			pixman_region32_t *damage)
{
	int n, i;
	const pixman_box32_t *boxes = pixman_region32_rectangles(damage, &n);

	for (i = 0; i < n; i++)
		copy_box(v, look, &boxes[i]);
}

static void mark_damage(struct vnc_viewer *v, pixman_region32_t *damage)
{
	int n, i;
	const pixman_box32_t *b = pixman_region32_rectangles(damage, &n);

	for (i = 0; i < n; i++)
		rfbMarkRectAsModified(v->screen, b[i].x1, b[i].y1, b[i].x2, b[i].y2);
}

static void damage_everything(pixman_region32_t *damage, const struct surface_look *look)
{
	pixman_region32_fini(damage);
	pixman_region32_init_rect(damage, 0, 0, look->width, look->height);
}

/* Brings the picture up to date, and sends what changed unless the library has to. */
static int refresh(struct vnc_viewer *v)
{
	struct surface *s = v->vnc->surface;
	struct surface_look look;
	pixman_region32_t damage;
	int err = 0;

	pixman_region32_init(&damage);
	v->dirty = false;
	surface_take(s, &v->damage, &damage, &look);
	if (size_differs(v, &look)) {
		surface_release(s); /* not while memory is got and cleared */
		err = follow_size(v, look.width, look.height);
		surface_take(s, &v->damage, &damage, &look);
		damage_everything(&damage, &look);
	}
	if (!err)
		copy_damage(v, &look, &damage);
	surface_release(s);
	if (!err && vnc_plain_is_enough(v))
		err = vnc_plain_send(v, &damage);
	else if (!err)
		mark_damage(v, &damage);
	pixman_region32_fini(&damage);
	return err;
}

/* --- updates by the thread --- */

static bool update_is_due(const struct vnc_viewer *v)
{
	const rfbClientRec *cl = v->client;

	if (!v->asked && sraRgnEmpty(cl->requestedRegion))
		return false;
	return v->dirty || (cl->useNewFBSize && cl->newFBSizePending) ||
	       !sraRgnEmpty(cl->modifiedRegion) ||
	       (cl->enableCursorShapeUpdates && cl->cursorWasChanged);
}

static void count_bytes(struct vnc_viewer *v)
{
	unsigned sent = (unsigned)rfbStatGetSentBytes(v->client);

	v->vnc->bytes += sent - v->sent;
	v->sent = sent;
}

static void update_by_library(struct vnc_viewer *v)
{
	vnc_plain_hand_over(v);
	rfbUpdateClient(v->client);
	if (update_is_due(v)) /* a new size went out, alone; the pixels follow */
		rfbUpdateClient(v->client);
	v->settled = true;
	v->vnc->updates++;
	count_bytes(v);
}

/* Sends what there is to send. How long to wait at most in *ns; false: without limit. */
static bool update(struct vnc_viewer *v, uint64_t *ns)
{
	uint64_t now;

	vnc_input_tell_leds(v);
	if (!update_is_due(v))
		return false;
	now = vnc_now();
	if (now < v->next_frame) {
		*ns = v->next_frame - now;
		return true;
	}
	if (v->dirty && refresh(v)) {
		rfbCloseClient(v->client);
		return false;
	}
	if (update_is_due(v))
		update_by_library(v);
	v->next_frame = vnc_now() + VNC_FRAME_NS;
	return false;
}

/* --- updates by a painter --- */

/*
 * False: the thread has something to do. After another size it damages everything, so that what is
 * taken here is not lost.
 */
static bool send_little(struct vnc_viewer *v)
{
	struct surface *s = v->vnc->surface;
	struct surface_look look;
	pixman_region32_t damage;
	uint64_t now = vnc_now();
	bool sent = false;

	if (now < v->next_frame || !v->wire || !vnc_plain_is_enough(v))
		return false;
	pixman_region32_init(&damage);
	if (surface_take_little(s, &v->damage, VNC_LITTLE, &damage, &look)) {
		sent = !size_differs(v, &look);
		if (sent)
			copy_damage(v, &look, &damage);
		surface_release(s);
	}
	if (sent) {
		v->dirty = false;
		v->next_frame = now + VNC_FRAME_NS;
		sent = vnc_plain_send_little(v, &damage);
	}
	pixman_region32_fini(&damage);
	return sent;
}

/*
 * Whoever has painted, perhaps with the machine lock. A thread that is awake looks at its eventfd
 * before it sleeps. One that sleeps is not woken for damage that its viewer has not asked for.
 */
static void on_damage(struct surface_viewer *damage)
{
	struct vnc_viewer *v = (void *)((char *)damage - offsetof(struct vnc_viewer, damage));
	bool wake = true;

	if (!pthread_mutex_trylock(&v->awake)) {
		v->dirty = true;
		wake = update_is_due(v) && !send_little(v);
		pthread_mutex_unlock(&v->awake);
	}
	if (wake)
		eventfd_write(v->wake, 1);
}

/* --- the thread --- */

/* Sleeps; false: the viewer has left. News come by their edge, so that nobody has to take them. */
static bool wait_for_work(struct vnc_viewer *v)
{
	struct epoll_event e[2];
	struct timespec t;
	uint64_t ns;
	bool limited = update(v, &ns), message = false;
	int n, i, err;

	if (v->client->sock < 0)
		return false;
	t.tv_sec = 0;
	t.tv_nsec = limited ? (long)ns : 0;
	v->vnc->wakeups++;
	pthread_mutex_unlock(&v->awake);
	n = epoll_pwait2(v->epoll, e, 2, limited ? &t : NULL, NULL);
	err = n < 0 ? errno : 0;
	pthread_mutex_lock(&v->awake);
	for (i = 0; i < n; i++) {
		if (e[i].data.fd == v->wake)
			v->dirty = true;
		else
			message = true;
	}
	if (vnc_plain_finish(v))
		return false;
	return n < 0 ? err == EINTR : !message || !vnc_client_message(v);
}

static int watch(const struct vnc_viewer *v, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.fd = fd};

	return epoll_ctl(v->epoll, EPOLL_CTL_ADD, fd, &e);
}

/* The picture as large as the surface is now, which ServerInit tells. */
static int first_picture(struct vnc_viewer *v)
{
	struct surface_look look;

	surface_take(v->vnc->surface, NULL, NULL, &look);
	surface_release(v->vnc->surface);
	v->seen_width = look.width;
	v->seen_height = look.height;
	return vnc_screen_resize(v, min_unsigned(look.width, VNC_MAX_WIDTH), look.height);
}

static void serve(struct vnc_viewer *v)
{
	v->dirty = true;
	v->asked = v->settled = false;
	v->next_frame = 0;
	v->sent = 0;
	v->unsent = v->unsent_end = 0;
	pthread_mutex_lock(&v->awake);
	vnc_input_begin(v);
	v->damage.changed = on_damage;
	surface_attach(v->vnc->surface, &v->damage);
	v->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (v->epoll >= 0 && !watch(v, v->sock, EPOLLIN) && !watch(v, v->wake, EPOLLIN | EPOLLET))
		while (!v->vnc->stopping && wait_for_work(v))
			;
	if (v->epoll >= 0)
		close(v->epoll);
	surface_detach(v->vnc->surface, &v->damage);
	vnc_input_end(v);
	pthread_mutex_unlock(&v->awake);
}

/* From then on it cannot be turned out for another. */
static bool come_in(struct vnc_viewer *v)
{
	enum viewer_state stranger = VIEWER_STRANGER;

	if (!atomic_compare_exchange_strong(&v->state, &stranger, VIEWER_RUNNING))
		return false;
	if (v->alone)
		vnc_be_alone(v);
	return true;
}

void *vnc_viewer_run(void *viewer)
{
	struct vnc_viewer *v = viewer;

	prctl(PR_SET_NAME, "vnc viewer");
	if (!vnc_handshake(v) && come_in(v) && !first_picture(v) && !vnc_client_adopt(v))
		serve(v);
	vnc_client_drop(v);
	free(v->picture);
	free(v->wire);
	v->picture = NULL;
	v->wire = NULL;
	v->screen->frameBuffer = NULL;
	shutdown(v->sock, SHUT_RDWR); /* closed later, by the thread that joins this one */
	v->state = VIEWER_GONE;
	eventfd_write(v->vnc->wake, 1);
	return NULL;
}
