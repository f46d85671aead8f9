/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The keyboard and the mouse at the 8042's two ports, as the controller sees them: it hands down
 * bytes, and takes bytes one at a time when it has room. Private to this folder.
 */
#ifndef INPUT_PS2_H
#define INPUT_PS2_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dm/timer.h"

enum {
	PS2_BAT_OK = 0xaa,	/* self-test passed */
	PS2_ACK = 0xfa,
	PS2_ERROR = 0xfc,
	PS2_RESEND = 0xfe,
	PS2_CMD_RESET = 0xff,
};

/* Bytes on their way to the controller: sixteen, and one more for the keyboard's overrun code. */
enum { PS2_QUEUE_ROOM = 16, PS2_QUEUE_LEN = PS2_QUEUE_ROOM + 1 };

struct ps2_queue {
	uint8_t byte[PS2_QUEUE_LEN];
	uint8_t first, count;
};

static inline void ps2_queue_clear(struct ps2_queue *q)
{
	memset(q, 0, sizeof(*q));
}

static inline void ps2_queue_push(struct ps2_queue *q, uint8_t b)
{
	if (q->count < PS2_QUEUE_LEN)
		q->byte[(q->first + q->count++) % PS2_QUEUE_LEN] = b;
}

/* -1: empty */
static inline int ps2_queue_pop(struct ps2_queue *q)
{
	uint8_t b;

	if (!q->count)
		return -1;
	b = q->byte[q->first % PS2_QUEUE_LEN];
	q->first = (q->first + 1) % PS2_QUEUE_LEN;
	q->count--;
	return b;
}

static inline bool ps2_queue_valid(const struct ps2_queue *q)
{
	return q->first < PS2_QUEUE_LEN && q->count <= PS2_QUEUE_LEN;
}

/* --- keyboard ------------------------------------------------------------------------------ */

enum { KBD_KEYS = 256 };

struct ps2_keyboard {
	struct ps2_queue replies;	/* to commands; they go before scan codes */
	struct ps2_queue events;	/* scan codes, each key's in one piece */
	uint8_t last;			/* the byte sent last, for the resend command */
	uint8_t command;		/* the one that waits for its argument, or 0 */
	uint8_t set;			/* scan code set: 1, 2, 3 */
	uint8_t scanning;
	uint8_t leds;			/* bit 0 scroll, 1 num, 2 caps lock */
	uint8_t rate;			/* typematic delay and rate, as the command sets them */
	uint8_t overrun;		/* the overrun code is in the queue, and no key after it */
	uint8_t print_as;		/* what the last Print Screen was sent as */
	uint8_t repeat_key;		/* repeats while it is down; 0: none */
	uint8_t repeat_starved;		/* the next repeat waits until the queue has been read */
	uint8_t down[KBD_KEYS / 8];	/* keys that are down, by qnum */
	uint8_t late[KBD_KEYS / 8];	/* keys that are up, but their break found no room */
	uint8_t any_late;
	uint8_t set3_type[KBD_KEYS];	/* set 3: what each code does besides make */
	struct timer repeat;

	void (*leds_changed)(void *arg, unsigned leds);
	void *leds_arg;
};

/* repeat is what the typematic timer calls with dev: it calls ps2_keyboard_repeat(). */
void ps2_keyboard_init(struct ps2_keyboard *k, struct machine *m, void (*repeat)(void *dev),
		       void *dev);
void ps2_keyboard_reset(struct ps2_keyboard *k);
bool ps2_keyboard_valid(const struct ps2_keyboard *k); /* after a restore */
void ps2_keyboard_write(struct ps2_keyboard *k, uint8_t b);
int ps2_keyboard_next(struct ps2_keyboard *k); /* the next byte, or -1 */
void ps2_keyboard_key(struct ps2_keyboard *k, unsigned qnum, bool down);
void ps2_keyboard_repeat(struct ps2_keyboard *k);
static inline bool ps2_keyboard_drained(const struct ps2_keyboard *k)
{
	return !k->replies.count && !k->events.count;
}

/* --- mouse --------------------------------------------------------------------------------- */

enum { MOUSE_MOTIONS = 8, MOUSE_PACKET_MAX = 5 };

struct ps2_motion {
	int16_t dx, dy, dz;
	uint8_t buttons;
	uint8_t overflow;	/* as in a packet's first byte */
};

struct ps2_mouse {
	struct ps2_queue out;		/* replies, or the rest of one packet; never both */
	uint8_t last[MOUSE_PACKET_MAX];	/* what was sent last, for the resend command */
	uint8_t last_len;
	uint8_t command;		/* the one that waits for its argument, or 0 */
	uint8_t id;			/* 0, 3 with wheel, 4 with wheel and five buttons */
	uint8_t reporting, remote, wrap, scaling;
	uint8_t resolution, rate;
	uint8_t knock[2];		/* the two sample rates set before this one */
	uint8_t invalid;		/* the byte before was not understood */
	uint8_t buttons;		/* as they are */
	uint8_t motion_count;
	struct ps2_motion motion[MOUSE_MOTIONS]; /* not yet reported, the oldest first */
};

void ps2_mouse_reset(struct ps2_mouse *m);
bool ps2_mouse_valid(const struct ps2_mouse *m); /* after a restore */
void ps2_mouse_write(struct ps2_mouse *m, uint8_t b);
int ps2_mouse_next(struct ps2_mouse *m); /* the next byte, or -1 */
/* Movements that nobody has asked to hear of do not count. */
static inline bool ps2_mouse_drained(const struct ps2_mouse *m)
{
	return !m->out.count && (!m->reporting || m->remote || !m->motion_count);
}
/* dy: down is positive; dz: towards the user is positive; buttons as in ui/input.h */
void ps2_mouse_move(struct ps2_mouse *m, int dx, int dy, int dz, unsigned buttons);

#endif
