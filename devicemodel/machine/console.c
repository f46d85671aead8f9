// SPDX-License-Identifier: GPL-2.0-only
/*
 * Glue between the PC and ui/: viewers' threads come in here and take the machine lock for the
 * moment that a key, a movement or a change of audience needs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dm/log.h"
#include "dm/parts.h"
#include "pc.h"
#include "typist.h"
#include "ui/input.h"
#include "ui/sdl.h"
#include "ui/surface.h"
#include "ui/vnc.h"
#include "ui/web.h"

static void on_key(void *arg, unsigned qnum, bool down)
{
	struct pc *pc = arg;

	machine_lock(&pc->m);
	if (down && pc->typist)
		typist_interrupt(pc->typist);
	i8042_key(pc->kbc, qnum, down);
	vga_expect(pc->vga);
	machine_unlock(&pc->m);
}

static void on_relative(void *arg, int dx, int dy, int dz, unsigned buttons)
{
	struct pc *pc = arg;

	machine_lock(&pc->m);
	i8042_mouse(pc->kbc, dx, dy, dz, buttons);
	vga_expect(pc->vga);
	machine_unlock(&pc->m);
}

struct typist *console_typist(struct pc *pc)
{
	if (!pc->typist)
		pc->typist = typist_create(&pc->m, pc->kbc);
	return pc->typist;
}

static int on_type(void *arg, const char *text, char **why)
{
	struct pc *pc = arg;
	struct strokes s = { 0 };
	int err = strokes_text(&s, text, input_leds(pc->input) & INPUT_LED_CAPS, why);

	machine_lock(&pc->m);
	if (!err)
		err = console_typist(pc) ? typist_paste(pc->typist, &s) : -ENOMEM;
	machine_unlock(&pc->m);
	strokes_free(&s);
	return err;
}

static void on_watched(void *arg, bool watched)
{
	struct pc *pc = arg;

	machine_lock(&pc->m);
	vga_set_watched(pc->vga, watched);
	machine_unlock(&pc->m);
}

static void on_leds(void *arg, unsigned leds)
{
	struct pc *pc = arg;

	input_set_leds(pc->input, leds);
}

/* The user closed the window: a PC has a button for that. */
static void on_closed(void *arg)
{
	struct pc *pc = arg;

	machine_lock(&pc->m);
	piix4_pm_power_button(pc->pm);
	machine_unlock(&pc->m);
}

int console_open_window(struct pc *pc, const struct config *c, char **why)
{
	struct sdl_options opt = { .name = c->name, .closed = on_closed, .arg = pc };

	return c->sdl ? sdl_spawn(&pc->sdl, &opt, why) : 0;
}

int console_create(struct pc *pc, char **why)
{
	struct input_sink sink = {
		.key = on_key,
		.relative = on_relative,
		.type = on_type,
		.arg = pc,
	};

	pc->surface = surface_create();
	pc->input = input_create(&sink);
	if (pc->surface && pc->input)
		return 0;
	*why = sentence("No memory for the picture.");
	return -ENOMEM;
}

void console_connect(struct pc *pc)
{
	i8042_watch_leds(pc->kbc, on_leds, pc);
	surface_set_painter(pc->surface, on_watched, pc);
}

static int serve_vnc(struct pc *pc, struct config *c, char **why)
{
	struct vnc_options opt = {
		.name = c->name,
		.password_file = c->vnc_password_file,
		.password = c->vnc_password,
	};
	int err;

	for (;;) {
		opt.address = c->vnc;
		err = vnc_start(&pc->vnc, &opt, pc->surface, pc->input, why);
		if (err != -EADDRINUSE || config_next_vnc(c))
			return err;
		free(*why);
		*why = NULL;
	}
}

static int serve_web(struct pc *pc, struct config *c, char **why)
{
	struct web_options opt = { .name = c->name, .certificate = c->web_certificate,
				   .key = c->web_key };
	int err;

	for (;;) {
		opt.address = c->web;
		err = web_start(&pc->web, &opt, pc->vnc, why);
		if (err != -EADDRINUSE || config_next_web(c))
			return err;
		free(*why);
		*why = NULL;
	}
}

/* Browsers are viewers of the VNC server, which need not listen for that. */
int console_serve(struct pc *pc, struct config *c, char **why)
{
	int err = c->vnc || c->web ? serve_vnc(pc, c, why) : 0;

	if (!err && c->web)
		err = serve_web(pc, c, why);
	if (!err && pc->sdl)
		err = sdl_start(pc->sdl, pc->surface, pc->input, why);
	return err;
}

void console_set_paused(struct pc *pc, bool paused)
{
	if (pc->sdl)
		sdl_set_paused(pc->sdl, paused);
}

void console_stop_serving(struct pc *pc)
{
	if (pc->web)
		web_stop(pc->web);
	pc->web = NULL;
	sdl_stop(pc->sdl);
	pc->sdl = NULL;
	if (pc->vnc)
		vnc_stop(pc->vnc);
	pc->vnc = NULL;
}

void console_destroy(struct pc *pc)
{
	if (pc->input)
		input_destroy(pc->input);
	if (pc->surface)
		surface_destroy(pc->surface);
}
