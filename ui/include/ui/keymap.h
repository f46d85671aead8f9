/* SPDX-License-Identifier: GPL-2.0-only */
/* From X11 keysyms, as viewers send them, to the keys of a PC keyboard with US layout. */
#ifndef UI_KEYMAP_H
#define UI_KEYMAP_H

#include <stdbool.h>
#include <stdint.h>

struct keystroke {
	uint8_t qnum; /* 0: no such key */
	bool shift;   /* the symbol needs shift on a US keyboard */
};

struct keystroke keymap_from_keysym(uint32_t keysym);
/* By name for command lines: "a", "Return", "Ctrl", "F1", "Pause"; 0 if there is none. */
uint8_t keymap_from_name(const char *name);

#endif
