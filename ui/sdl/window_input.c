// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the user does in the window. Until a click the pointer is the desktop's, and its places go
 * to the guest; then the window has grabbed it with the keyboard, and movements go.
 * Missing: the wheel's sideways steps.
 */
#include "window_priv.h"

#include "ui/input.h"

enum { KEY_CAPS_LOCK = 0x3a };

/* --- keyboard --- */

static void say_key(struct window *w, unsigned qnum, bool down)
{
	struct window_event e = {.kind = WINDOW_KEY, .qnum = qnum, .on = down};

	window_say(w, &e);
}

static void grab(struct window *w, bool on)
{
	if (on == w->grabbed || w->sdl.SetRelativeMouseMode(on))
		return;
	w->sdl.SetWindowKeyboardGrab(w->window, on);
	w->grabbed = on;
	window_set_title(w);
}

static void toggle_fullscreen(struct window *w)
{
	bool on = w->sdl.GetWindowFlags(w->window) & SDL_WINDOW_FULLSCREEN;

	w->sdl.SetWindowFullscreen(w->window, on ? 0 : SDL_WINDOW_FULLSCREEN_DESKTOP);
}

static void forget_press(struct window *w)
{
	if (!w->pressed)
		return;
	w->pressed = false;
	window_set_title(w);
}

/* The guest's keyboard repeats keys by itself. */
static void on_key(struct window *w, const SDL_KeyboardEvent *key)
{
	bool down = key->state == SDL_PRESSED;
	unsigned qnum = keys_from_scancode(key->keysym.scancode);
	enum hotkey hot;

	if (key->repeat || !qnum)
		return;
	if (down)
		forget_press(w);
	hot = hotkeys_key(&w->hotkeys, qnum, down);
	if (hot == HOTKEY_NONE || hot == HOTKEY_RELEASE)
		say_key(w, qnum, down);
	if (hot == HOTKEY_RELEASE)
		grab(w, false);
	if (hot == HOTKEY_FULLSCREEN)
		toggle_fullscreen(w);
}

/*
 * Caps Lock may have been pressed while the keyboard was another window's. A guest that never
 * answers with its light is asked once.
 */
static void match_caps_lock(struct window *w)
{
	bool here = w->sdl.GetModState() & KMOD_CAPS, there = w->leds & INPUT_LED_CAPS;

	if (here == there || w->caps_tried)
		return;
	w->caps_tried = true;
	say_key(w, KEY_CAPS_LOCK, true);
	say_key(w, KEY_CAPS_LOCK, false);
}

void window_focus(struct window *w, bool gained)
{
	struct window_event e = {.kind = WINDOW_RELEASE};

	if (gained) {
		match_caps_lock(w);
		return;
	}
	w->hotkeys = (struct hotkeys){0};
	w->buttons = 0;
	grab(w, false);
	window_say(w, &e);
}

/* --- pointer --- */

static void say_place(struct window *w, int wheel)
{
	struct fit f = window_fit(w);
	struct window_event e = {
		.kind = WINDOW_ABSOLUTE,
		.x = w->x,
		.y = w->y,
		.wheel = wheel,
		.buttons = w->buttons,
		.width = (uint32_t)w->picture.width,
		.height = (uint32_t)w->picture.height,
	};

	fit_point(&f, &e.x, &e.y);
	window_say(w, &e);
}

static void say_movement(struct window *w, int dx, int dy, int wheel)
{
	struct window_event e = {
		.kind = WINDOW_RELATIVE, .x = dx, .y = dy, .wheel = wheel, .buttons = w->buttons};

	window_say(w, &e);
}

static void on_motion(struct window *w, const SDL_MouseMotionEvent *m)
{
	w->x = m->x;
	w->y = m->y;
	if (w->grabbed)
		say_movement(w, m->xrel, m->yrel, 0);
	else
		say_place(w, 0);
}

static unsigned button_bit(unsigned button)
{
	switch (button) {
	case SDL_BUTTON_LEFT:
		return INPUT_LEFT;
	case SDL_BUTTON_MIDDLE:
		return INPUT_MIDDLE;
	case SDL_BUTTON_RIGHT:
		return INPUT_RIGHT;
	case SDL_BUTTON_X1:
		return INPUT_SIDE;
	case SDL_BUTTON_X2:
		return INPUT_EXTRA;
	default:
		return 0;
	}
}

/* The click that grabs is not the guest's, and neither is its end. */
static void on_button(struct window *w, const SDL_MouseButtonEvent *b)
{
	unsigned bit = button_bit(b->button);
	bool down = b->state == SDL_PRESSED;

	if (down)
		forget_press(w);
	if (down && !w->grabbed) {
		grab(w, true);
		return;
	}
	if (down == !!(w->buttons & bit))
		return;
	w->buttons ^= bit;
	say_movement(w, 0, 0, 0);
}

static void on_wheel(struct window *w, const SDL_MouseWheelEvent *wheel)
{
	int steps = wheel->direction == SDL_MOUSEWHEEL_FLIPPED ? wheel->y : -wheel->y;

	if (w->grabbed)
		say_movement(w, 0, 0, steps);
	else
		say_place(w, steps);
}

void window_input(struct window *w, const SDL_Event *e)
{
	switch (e->type) {
	case SDL_KEYDOWN:
	case SDL_KEYUP:
		on_key(w, &e->key);
		break;
	case SDL_MOUSEMOTION:
		on_motion(w, &e->motion);
		break;
	case SDL_MOUSEBUTTONDOWN:
	case SDL_MOUSEBUTTONUP:
		on_button(w, &e->button);
		break;
	case SDL_MOUSEWHEEL:
		on_wheel(w, &e->wheel);
		break;
	}
}
