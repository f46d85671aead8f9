// SPDX-License-Identifier: GPL-2.0-only
/* The window's process: start, updates, the window's own events, end. */
#include "window_priv.h"

#include "draw.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MIN_WIDTH = 160, MIN_HEIGHT = 100 };
/* SDL holds changes of focus back this long, and tells of them only when it is called again. */
enum { SETTLE_MS = 250 };

/* The guest's end closes when its process ends, in whatever way. */
static void leave(struct window *w)
{
	w->sdl.Quit();
	_exit(EXIT_SUCCESS);
}

void window_say(struct window *w, const struct window_event *e)
{
	while (send(w->sock, e, sizeof(*e), MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			leave(w);
}

static void say_flag(struct window *w, enum window_says kind, bool on)
{
	struct window_event e = {.kind = kind, .on = on};

	window_say(w, &e);
}

void window_set_title(struct window *w)
{
	char title[160];

	snprintf(title, sizeof(title), "%s%s%s%s", w->name, w->paused ? " (paused)" : "",
		 w->pressed ? " - power button pressed" : "",
		 w->grabbed ? " - Press Ctrl+Alt to release" : "");
	w->sdl.SetWindowTitle(w->window, title);
}

/* --- drawing --- */

/* NULL: there is none now; a later event makes one. */
static SDL_Surface *window_pixels(struct window *w, struct fit *f)
{
	SDL_Surface *s = w->sdl.GetWindowSurface(w->window);

	if (s && w->picture.width)
		*f = fit_make(w->picture, (struct size){s->w, s->h});
	return s && draw_knows(s) ? s : NULL;
}

struct fit window_fit(struct window *w)
{
	struct fit f = fit_make(w->picture, w->picture);

	window_pixels(w, &f);
	return f;
}

static void draw_all(struct window *w)
{
	pixman_box32_t whole = {0, 0, w->picture.width, w->picture.height};
	struct fit f;
	SDL_Surface *s = window_pixels(w, &f);

	if (!s)
		return;
	w->sdl.FillRect(s, NULL, 0);
	draw_part(s, w->pixels, &f, &whole);
	w->sdl.UpdateWindowSurface(w->window);
	w->stale = false;
}

static void draw_boxes(struct window *w, const struct window_update *u)
{
	SDL_Rect rect[WIRE_BOXES];
	struct fit f;
	SDL_Surface *s = window_pixels(w, &f);

	for (unsigned i = 0; s && i < u->n_boxes; i++)
		rect[i] = draw_part(s, w->pixels, &f, &u->box[i]);
	if (s && u->n_boxes)
		w->sdl.UpdateWindowSurfaceRects(w->window, rect, (int)u->n_boxes);
}

/* --- updates --- */

static bool box_is_good(const struct window_update *u, const pixman_box32_t *b)
{
	return b->x1 >= 0 && b->y1 >= 0 && b->x1 < b->x2 && b->y1 < b->y2 &&
	       (uint32_t)b->x2 <= u->width && (uint32_t)b->y2 <= u->height;
}

static bool update_is_good(const struct window_update *u, ssize_t length)
{
	bool good = length == (ssize_t)sizeof(*u) && u->width && u->height &&
		    u->width <= SURFACE_MAX_WIDTH && u->height <= SURFACE_MAX_HEIGHT &&
		    u->n_boxes <= WIRE_BOXES;

	for (unsigned i = 0; good && i < u->n_boxes; i++)
		good = box_is_good(u, &u->box[i]);
	return good;
}

static bool size_is_ours(struct window *w)
{
	return !(w->sdl.GetWindowFlags(w->window) &
		 (SDL_WINDOW_FULLSCREEN | SDL_WINDOW_MAXIMIZED));
}

/* The guest changed its mode: the window follows, as much larger or smaller as the user has it. */
static void follow_size(struct window *w, struct size picture)
{
	int display = w->sdl.GetWindowDisplayIndex(w->window);
	SDL_Rect room = {0, 0, SURFACE_MAX_WIDTH, SURFACE_MAX_HEIGHT};
	struct size s;

	w->picture = picture;
	w->stale = true;
	if (!size_is_ours(w))
		return;
	w->sdl.GetDisplayUsableBounds(display < 0 ? 0 : display, &room);
	s = window_size(picture, w->scale, (struct size){room.w, room.h});
	w->sdl.SetWindowSize(w->window, s.width, s.height);
}

static void take_state(struct window *w, const struct window_update *u)
{
	w->caps_tried &= w->leds == u->leds;
	w->leds = u->leds;
	if (w->paused == !!u->paused)
		return;
	w->paused = u->paused;
	window_set_title(w);
}

static void on_update(struct window *w)
{
	struct window_update u = w->incoming;
	ssize_t length = w->length;
	bool first = !w->picture.width;

	sem_post(&w->taken);
	if (!update_is_good(&u, length))
		leave(w);
	take_state(w, &u);
	if ((int)u.width != w->picture.width || (int)u.height != w->picture.height)
		follow_size(w, (struct size){(int)u.width, (int)u.height});
	if (first)
		w->sdl.ShowWindow(w->window);
	if (w->stale)
		draw_all(w);
	else
		draw_boxes(w, &u);
	say_flag(w, WINDOW_DONE, true);
}

static void *read_updates(void *arg)
{
	struct window *w = arg;
	SDL_Event e = {.type = SDL_USEREVENT};

	do {
		w->length = recv(w->sock, &w->incoming, sizeof(w->incoming), 0);
		w->sdl.PushEvent(&e);
		while (sem_wait(&w->taken))
			;
	} while (w->length > 0);
	return NULL;
}

/* --- the window's events --- */

/* The user's, or the desktop's: what follow_size() asks for is no such event. */
static void on_resized(struct window *w)
{
	struct fit f = window_fit(w);

	if (size_is_ours(w) && w->picture.width)
		w->scale = (double)f.shown.width / f.picture.width;
}

static void on_close(struct window *w)
{
	say_flag(w, WINDOW_CLOSED, true);
	w->pressed = true;
	window_set_title(w);
}

static void tell_shown(struct window *w)
{
	bool on = !(w->sdl.GetWindowFlags(w->window) &
		    (SDL_WINDOW_HIDDEN | SDL_WINDOW_MINIMIZED));

	if (on == w->shown)
		return;
	w->shown = on;
	say_flag(w, WINDOW_SHOWN, on);
}

static void on_window(struct window *w, const SDL_WindowEvent *e)
{
	switch (e->event) {
	case SDL_WINDOWEVENT_RESIZED:
		on_resized(w);
		break;
	case SDL_WINDOWEVENT_SIZE_CHANGED:
	case SDL_WINDOWEVENT_EXPOSED:
		w->stale = true;
		break;
	case SDL_WINDOWEVENT_FOCUS_GAINED:
	case SDL_WINDOWEVENT_FOCUS_LOST:
		window_focus(w, e->event == SDL_WINDOWEVENT_FOCUS_GAINED);
		break;
	case SDL_WINDOWEVENT_CLOSE:
		on_close(w);
		break;
	}
	tell_shown(w);
	if (w->stale && w->shown)
		draw_all(w);
}

static void run(struct window *w)
{
	bool settled = false;
	SDL_Event e;

	for (;;) {
		if (!w->sdl.WaitEventTimeout(&e, settled ? -1 : SETTLE_MS)) {
			settled = true;
			continue;
		}
		if (e.type == SDL_USEREVENT) {
			on_update(w);
			continue;
		}
		settled = false;
		if (e.type == SDL_WINDOWEVENT)
			on_window(w, &e.window);
		else if (w->picture.width)
			window_input(w, &e);
	}
}

/* --- start --- */

static void fail(struct window *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fail(struct window *w, const char *format, ...)
{
	struct window_event e = {.kind = WINDOW_FAILED};
	va_list ap;

	va_start(ap, format);
	vsnprintf(e.why, sizeof(e.why), format, ap);
	va_end(ap);
	window_say(w, &e);
	_exit(EXIT_FAILURE);
}

static void check_display(struct window *w)
{
	const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");

	if (!(x && *x) && !(wayland && *wayland) && !getenv("SDL_VIDEODRIVER"))
		fail(w, "--sdl finds no display, as neither DISPLAY nor WAYLAND_DISPLAY is set; "
			"start the guest from a desktop, or show it with --vnc.");
}

static void open_display(struct window *w)
{
	const char *why = "", *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");

	check_display(w);
	if (!sdl_library_load(&w->sdl, &why))
		fail(w, "--sdl needs SDL 2 (%s); install libsdl2-2.0-0, or show the guest with "
			"--vnc.", why);
	setenv("SDL_VIDEO_X11_WMCLASS", "caisson", 0);
	setenv("SDL_VIDEO_WAYLAND_WMCLASS", "caisson", 0);
	w->sdl.SetHint(SDL_HINT_VIDEODRIVER, "x11,wayland");
	w->sdl.SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
	w->sdl.SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
	if (w->sdl.Init(SDL_INIT_VIDEO))
		fail(w, "--sdl cannot open the display (DISPLAY=%s, WAYLAND_DISPLAY=%s: %s); name "
			"one that lets you in, or show the guest with --vnc.", x ? x : "",
		     wayland ? wayland : "", w->sdl.GetError());
	w->sdl.StopTextInput(); /* keys go to the guest, not to an input method */
	/* X takes the pixels from memory; elsewhere SDL needs its way through a texture */
	if (!strcmp(w->sdl.GetCurrentVideoDriver(), "x11"))
		w->sdl.SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION, "0");
}

static void open_window(struct window *w)
{
	struct fit f;

	w->window = w->sdl.CreateWindow(w->name, SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED,
					720, 400, SDL_WINDOW_HIDDEN | SDL_WINDOW_RESIZABLE);
	if (!w->window || !window_pixels(w, &f))
		fail(w, "--sdl cannot make a window on this display (%s); show the guest with "
			"--vnc.", w->window ? "its pixels are unusual" : w->sdl.GetError());
	w->sdl.SetWindowMinimumSize(w->window, MIN_WIDTH, MIN_HEIGHT);
}

/* Nothing that libraries print is for the guest's terminal, or for who reads it. */
static void let_go_of_output(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			close(fd);
}

void window_run(int sock, const uint32_t *pixels, const char *name)
{
	static struct window w;
	pthread_t reader;
	sigset_t all;

	w.sock = sock;
	w.pixels = pixels;
	w.name = name;
	w.scale = 1;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL); /* Ctrl-C is for the guest's process */
	prctl(PR_SET_NAME, "caisson-window");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	let_go_of_output();
	open_display(&w);
	open_window(&w);
	sem_init(&w.taken, 0, 0);
	if (pthread_create(&reader, NULL, read_updates, &w))
		fail(&w, "--sdl cannot start a thread for its window; raise the limit on "
			 "processes.");
	say_flag(&w, WINDOW_READY, true);
	run(&w);
	_exit(EXIT_SUCCESS);
}
