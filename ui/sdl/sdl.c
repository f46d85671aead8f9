// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's side of the window: one thread, which copies what changed to where the window sees
 * it, one update at a time, and hands on what the user does. It sleeps without a timeout.
 */
#include "ui/sdl.h"

#include "dm/log.h"
#include "dm/sandbox.h"
#include "dm/thread.h"
#include "ui/input.h"
#include "ui/surface.h"
#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { START_MS = 60 * 1000 }; /* for a display that is far away; one that hangs ends the start */
enum { BUTTONS = INPUT_LEFT | INPUT_MIDDLE | INPUT_RIGHT | INPUT_SIDE | INPUT_EXTRA };

/* Fields: [I] set before the thread starts, [a] atomic, [t] the thread's */
struct sdl {
	struct sdl_options opt; /* [I] */
	struct surface *surface; /* [I] */
	struct input *input;	/* [I] */
	uint32_t *pixels;	/* [I] what the window sees; [t] in it */
	int sock, wake;		/* [I] wake: an eventfd */
	pthread_t thread;	/* [I] */
	bool started;		/* [I] */
	struct surface_viewer viewer;	/* [t] but for the surface's part */
	struct input_watcher leds_watch; /* [t] but for the hub's part */
	unsigned width, height; /* [t] of the picture in pixels */
	bool news;		/* [t] for the window */
	bool busy;		/* [t] it has not drawn the last update yet */
	atomic_bool paused, stopping, shown;	/* [a] */
	atomic_ullong wakeups, updates, copied; /* [a] for sdl_read_stats() */
};

/* --- from the surface to the window --- */

static void copy_box(struct sdl *s, const struct surface_look *look, const pixman_box32_t *b)
{
	for (int y = b->y1; y < b->y2; y++)
		memcpy(s->pixels + (size_t)y * s->width + b->x1,
		       look->pixels + (size_t)y * look->stride + b->x1,
		       (size_t)(b->x2 - b->x1) * sizeof(*s->pixels));
	s->copied += (uint64_t)(b->y2 - b->y1) * (uint64_t)(b->x2 - b->x1);
}

/* What the old picture took of memory is given back. */
static void follow_size(struct sdl *s, const struct surface_look *look)
{
	size_t old = (size_t)s->width * s->height * sizeof(*s->pixels);

	if (s->width == look->width && s->height == look->height)
		return;
	madvise(s->pixels, old, MADV_REMOVE);
	s->width = look->width;
	s->height = look->height;
}

static void copy_damage(struct sdl *s, struct window_update *u)
{
	const pixman_box32_t *boxes;
	struct surface_look look;
	pixman_region32_t damage;
	int n;

	pixman_region32_init(&damage);
	surface_take(s->surface, s->shown ? &s->viewer : NULL, &damage, &look);
	follow_size(s, &look);
	boxes = pixman_region32_rectangles(&damage, &n);
	if (n > WIRE_BOXES) {
		boxes = pixman_region32_extents(&damage);
		n = 1;
	}
	for (int i = 0; i < n; i++)
		copy_box(s, &look, &boxes[i]);
	surface_release(s->surface);
	memcpy(u->box, boxes, (size_t)n * sizeof(*boxes));
	u->n_boxes = (uint32_t)n;
	pixman_region32_fini(&damage);
}

static bool send_update(struct sdl *s)
{
	struct window_update u = {.leds = input_leds(s->input), .paused = s->paused};

	copy_damage(s, &u);
	u.width = s->width;
	u.height = s->height;
	s->news = false;
	s->busy = true;
	s->updates++;
	return send(s->sock, &u, sizeof(u), MSG_NOSIGNAL) == (ssize_t)sizeof(u);
}

/* --- from the window --- */

static void show(struct sdl *s, bool on)
{
	if (s->shown == on)
		return;
	s->shown = on;
	if (on)
		surface_attach(s->surface, &s->viewer);
	else
		surface_detach(s->surface, &s->viewer);
}

static void take_event(struct sdl *s, const struct window_event *e)
{
	unsigned buttons = e->buttons & BUTTONS;

	switch (e->kind) {
	case WINDOW_SHOWN:
		show(s, e->on);
		break;
	case WINDOW_DONE:
		s->busy = false;
		break;
	case WINDOW_KEY:
		input_key(s->input, e->qnum, e->on);
		break;
	case WINDOW_RELATIVE:
		input_relative(s->input, e->x, e->y, e->wheel, buttons);
		break;
	case WINDOW_ABSOLUTE:
		input_absolute(s->input, e->x, e->y, e->width, e->height, e->wheel, buttons);
		break;
	case WINDOW_RELEASE:
		input_release_all(s->input);
		break;
	case WINDOW_CLOSED:
		s->opt.closed(s->opt.arg);
		break;
	}
}

/* False: the window has gone. */
static bool receive(struct sdl *s)
{
	struct window_event e;

	if (recv(s->sock, &e, sizeof(e), 0) != (ssize_t)sizeof(e))
		return false;
	take_event(s, &e);
	return true;
}

/* --- the thread --- */

static void wake(struct sdl *s)
{
	eventfd_write(s->wake, 1);
}

static void on_damage(struct surface_viewer *v)
{
	wake((struct sdl *)((char *)v - offsetof(struct sdl, viewer)));
}

static void on_leds(struct input_watcher *w)
{
	wake((struct sdl *)((char *)w - offsetof(struct sdl, leds_watch)));
}

static bool serve(struct sdl *s)
{
	struct pollfd p[2] = {{.fd = s->sock, .events = POLLIN}, {.fd = s->wake, .events = POLLIN}};
	eventfd_t count;

	if (s->news && !s->busy && !send_update(s))
		return false;
	if (poll(p, 2, -1) < 0)
		return errno == EINTR;
	s->wakeups++;
	sandbox_narrow(SANDBOX_SDL);
	if (p[1].revents) {
		eventfd_read(s->wake, &count);
		s->news = true;
	}
	return !p[0].revents || receive(s);
}

static void *sdl_run(void *arg)
{
	struct sdl *s = arg;

	prctl(PR_SET_NAME, "sdl");
	while (serve(s) && !s->stopping)
		;
	show(s, false);
	input_unwatch_leds(s->input, &s->leds_watch);
	input_release_all(s->input);
	if (!s->stopping)
		log_line(LOG_WARN, "The window is gone, and its display perhaps; the guest goes "
				   "on: 'caisson stop %s' presses its power button.", s->opt.name);
	return NULL;
}

/* --- start and stop --- */

/* In the window's process: nothing that is open here is its business. */
static void become_window(struct sdl *s, int sock)
{
	if (dup2(sock, STDERR_FILENO + 1) < 0)
		_exit(EXIT_FAILURE);
	close_range(STDERR_FILENO + 2, ~0u, 0);
	window_run(STDERR_FILENO + 1, s->pixels, s->opt.name);
}

static int make_process(struct sdl *s)
{
	int ends[2], err = 0;
	pid_t pid;

	s->pixels = mmap(NULL, WIRE_PICTURE_BYTES, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s->pixels == MAP_FAILED)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	pid = fork();
	if (!pid)
		become_window(s, ends[1]);
	if (pid < 0)
		err = -errno;
	close(ends[1]);
	s->sock = ends[0];
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return err || s->wake >= 0 ? err : -errno;
}

int sdl_spawn(struct sdl **out, const struct sdl_options *opt, char **why)
{
	struct sdl *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (s) {
		s->opt = *opt;
		s->sock = s->wake = -1;
		err = make_process(s);
	}
	if (!err) {
		*out = s;
		return 0;
	}
	sdl_stop(s);
	*why = sentence("No process could be started for --sdl: %s; show the guest with --vnc.",
			strerror(-err));
	return err;
}

static int wait_for_window(struct sdl *s, char **why)
{
	struct pollfd p = {.fd = s->sock, .events = POLLIN};
	struct window_event e;
	int n;

	do
		n = poll(&p, 1, START_MS);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		*why = sentence("The display does not answer --sdl; look after it, or show the "
				"guest with --vnc.");
	else if (recv(s->sock, &e, sizeof(e), 0) != (ssize_t)sizeof(e))
		*why = sentence("--sdl ended while it opened the display; show the guest with "
				"--vnc.");
	else if (e.kind == WINDOW_READY)
		return 0;
	else
		*why = strndup(e.why, sizeof(e.why));
	return -ENODEV;
}

static int start_thread(struct sdl *s)
{
	int err = thread_start(&s->thread, sdl_run, s);

	s->started = !err;
	return err;
}

int sdl_start(struct sdl *s, struct surface *surface, struct input *in, char **why)
{
	int err = wait_for_window(s, why);

	if (err)
		return err;
	s->surface = surface;
	s->input = in;
	s->news = true; /* the first update shows the window */
	s->viewer.changed = on_damage;
	s->leds_watch.changed = on_leds;
	input_watch_leds(in, &s->leds_watch);
	err = start_thread(s);
	if (!err)
		return 0;
	input_unwatch_leds(in, &s->leds_watch);
	*why = sentence("No thread could be started for --sdl: %s; raise the limit on processes.",
			strerror(-err));
	return err;
}

void sdl_set_paused(struct sdl *s, bool paused)
{
	s->paused = paused;
	wake(s);
}

/* The window ends by itself. Nobody waits for it: its display may hang. */
void sdl_stop(struct sdl *s)
{
	if (!s)
		return;
	if (s->started) {
		s->stopping = true;
		shutdown(s->sock, SHUT_RDWR); /* ends whatever the thread waits for */
		pthread_join(s->thread, NULL);
	}
	if (s->sock >= 0)
		close(s->sock);
	if (s->wake >= 0)
		close(s->wake);
	if (s->pixels && s->pixels != MAP_FAILED)
		munmap(s->pixels, WIRE_PICTURE_BYTES);
	free(s);
}

void sdl_read_stats(const struct sdl *s, struct sdl_stats *st)
{
	*st = (struct sdl_stats){s->shown, s->wakeups, s->updates, s->copied};
}
