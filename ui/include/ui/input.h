/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keys and pointer on their way from viewers to the guest. A key is named by its qnum: the PC's
 * scan code of set 1, with 0x80 added for those with an E0 prefix (Pause is 0xc6, Print 0x54), as
 * in the RFB protocol's "QEMU Extended Key Event".
 */
#ifndef UI_INPUT_H
#define UI_INPUT_H

#include <stdbool.h>

enum {
	INPUT_LEFT = 1,
	INPUT_MIDDLE = 2,
	INPUT_RIGHT = 4,
	INPUT_SIDE = 8,
	INPUT_EXTRA = 16,
};

enum { INPUT_LED_SCROLL = 1, INPUT_LED_NUM = 2, INPUT_LED_CAPS = 4 };

/* Where input goes. Called on viewers' threads; the machine's glue takes the lock it needs. */
struct input_sink {
	void (*key)(void *arg, unsigned qnum, bool down);
	/* dz: wheel steps, towards the user is positive */
	void (*relative)(void *arg, int dx, int dy, int dz, unsigned buttons);
	/*
	 * Types UTF-8 text one stroke after another, as the guest reads them, instead of what is
	 * left of an older text; the next key that goes down ends it. 0 or -errno, with one
	 * sentence in *why (to be freed). May be NULL.
	 */
	int (*type)(void *arg, const char *text, char **why);
	void *arg;
};

struct input;

struct input *input_create(const struct input_sink *sink); /* *sink is copied */
void input_destroy(struct input *in);

/* Any thread. */
void input_key(struct input *in, unsigned qnum, bool down);
void input_relative(struct input *in, int dx, int dy, int dz, unsigned buttons);
/*
 * A pointer at (x, y) of a width x height picture. Without an absolute device in the guest this
 * becomes the movement since the last position; one that jumps to an edge pushes a little
 * further, so that the guest's pointer and the viewer's meet again there.
 */
void input_absolute(struct input *in, int x, int y, unsigned width, unsigned height, int dz,
		    unsigned buttons);
/* Releases every key and button that is down: for a viewer that leaves. */
void input_release_all(struct input *in);
/* As the sink's; -ENOTSUP if it has none. */
int input_type(struct input *in, const char *text, char **why);
/* Is this key down in the guest, whichever viewer pressed it? */
bool input_key_is_down(const struct input *in, unsigned qnum);

/* The guest's keyboard lights, as viewers want them for their caps lock logic. */
void input_set_leds(struct input *in, unsigned leds);
unsigned input_leds(const struct input *in);

/* Who wants to hear of changed lights. changed: any thread, must not block. */
struct input_watcher {
	void (*changed)(struct input_watcher *w);
	struct input_watcher *next; /* the hub's own */
};
void input_watch_leds(struct input *in, struct input_watcher *w);
void input_unwatch_leds(struct input *in, struct input_watcher *w); /* not called any more then */

#endif
