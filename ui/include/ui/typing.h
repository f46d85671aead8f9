/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Typing by symbol: what a viewer does that names a symbol and not a key. The guest has a US
 * keyboard, so a symbol may need another state of shift than the viewer's keyboard is in; shift
 * is then pressed or released around the stroke. One for each viewer, used by one thread.
 */
#ifndef UI_TYPING_H
#define UI_TYPING_H

#include <stdbool.h>
#include <stdint.h>

struct input;

enum { TYPING_HELD = 16 };

struct typing {
	struct input *in;
	bool altgr; /* this viewer's level 3 shift is down; a US keyboard has none */
	struct {
		uint32_t keysym; /* 0: free */
		uint8_t qnum;
	} held[TYPING_HELD]; /* what this viewer holds down, so that the release finds its key */
};

void typing_init(struct typing *t, struct input *in);
void typing_key(struct typing *t, uint32_t keysym, bool down);

#endif
