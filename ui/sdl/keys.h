/* SPDX-License-Identifier: GPL-2.0-only */
/* Keys of the window: from SDL's scan codes to the guest's, and the combinations that stay here. */
#ifndef SDL_KEYS_H
#define SDL_KEYS_H

#include <stdbool.h>
#include <stdint.h>

/* The qnum of an SDL_Scancode; 0: a PC keyboard has no such key. */
uint8_t keys_from_scancode(unsigned scancode);

/*
 * Ctrl+Alt, pressed and let go of without another key, releases what is grabbed; with F it
 * switches full screen on and off. The guest sees Ctrl and Alt go down and up, and never that F.
 * Every other combination is the guest's.
 */
struct hotkeys {
	bool ctrl[2], alt; /* down; Alt is the left one: the right one types */
	bool alone;	   /* both went down, and no other key since */
	bool fullscreen;   /* F is down, and ours */
};

enum hotkey { HOTKEY_NONE, HOTKEY_RELEASE, HOTKEY_FULLSCREEN, HOTKEY_SWALLOW };

/* Each key that goes down or up comes here first. All but the last two are the guest's as well. */
enum hotkey hotkeys_key(struct hotkeys *h, unsigned qnum, bool down);

#endif
