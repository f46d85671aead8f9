/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lists of key strokes and mouse movements made from what a user writes: "ls -l", "Ctrl+Alt+Del".
 * Making one sends nothing.
 */
#ifndef UI_STROKES_H
#define UI_STROKES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stroke_kind { STROKE_KEY, STROKE_MOUSE };

struct stroke {
	uint8_t kind;
	bool more; /* the next one follows at once */
	/* a key */
	bool down; /* and of buttons: pressed or released */
	uint8_t qnum;
	/* the mouse */
	uint8_t buttons; /* those that change, as in ui/input.h */
	int8_t dz;
	int16_t dx, dy;
};

struct strokes {
	struct stroke *list;
	size_t n, room;
};

/*
 * Each adds to *s: 0 or -errno, with one sentence in *why (to be freed) unless memory ran out; then
 * *s holds a part. strokes_free() in any case.
 */

/* UTF-8 text on a US keyboard whose Caps Lock light is as caps says; \n is Return, \t is Tab. */
int strokes_text(struct strokes *s, const char *text, bool caps, char **why);
/* Keys by name, joined by plus signs: pressed in this order, released in the opposite one. */
int strokes_combination(struct strokes *s, const char *combination, char **why);
int strokes_move(struct strokes *s, int dx, int dy, char **why); /* down is positive */
int strokes_click(struct strokes *s, const char *button, char **why); /* left, right, ... */
int strokes_wheel(struct strokes *s, int steps, char **why); /* towards the user is positive */

void strokes_free(struct strokes *s);

#endif
