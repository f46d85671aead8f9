/* SPDX-License-Identifier: GPL-2.0-only */
/* An 8042 in a rig, and the ways in which the tests of keyboard and mouse talk to it. */
#ifndef TESTS_DEVICE_I8042_BOX_H
#define TESTS_DEVICE_I8042_BOX_H

#include "rig.h"

#include "ui/input.h"

enum { DATA = 0x60, COMMAND = 0x64 };
enum { OBF = 0x01, SYS = 0x04, CMD = 0x08, AUX = 0x20 };
enum { KEY_A = 0x1e, KEY_CTRL = 0x1d, KEY_ALT = 0x38, KEY_SHIFT = 0x2a, KEY_RIGHT = 0xcd,
       KEY_PRINT = 0x54, KEY_PAUSE = 0xc6 };
enum { CTR_RAW = 0x07, CTR_TRANSLATED = 0x47 };

struct box {
	struct rig *r;
	struct i8042 *k;
};

static unsigned leds_now, leds_calls;

static inline void leds(void *arg, unsigned v)
{
	leds_now = v;
	leds_calls++;
}

static inline void command(struct box *b, uint8_t cmd)
{
	rig_out8(b->r, COMMAND, cmd);
}

static inline void command1(struct box *b, uint8_t cmd, uint8_t v)
{
	rig_out8(b->r, COMMAND, cmd);
	rig_out8(b->r, DATA, v);
}

static inline uint8_t status(struct box *b)
{
	return rig_in8(b->r, COMMAND);
}

/* The next byte, which must be there and be the keyboard's (or the controller's). */
static inline int get(struct box *b)
{
	if ((status(b) & (OBF | AUX)) != OBF)
		return -1;
	return rig_in8(b->r, DATA);
}

static inline int get_aux(struct box *b)
{
	if ((status(b) & (OBF | AUX)) != (OBF | AUX))
		return -1;
	return rig_in8(b->r, DATA);
}

static inline void expect(struct box *b, unsigned n, const int *want)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(get(b), want[i]);
	assert_false(status(b) & OBF);
}

static inline void expect_aux(struct box *b, unsigned n, const int *want)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(get_aux(b), want[i]);
	assert_false(status(b) & OBF);
}

#define EXPECT(b, ...)                                                                             \
	expect((b), sizeof((int[]){ __VA_ARGS__ }) / sizeof(int), (int[]){ __VA_ARGS__ })
#define EXPECT_AUX(b, ...)                                                                         \
	expect_aux((b), sizeof((int[]){ __VA_ARGS__ }) / sizeof(int), (int[]){ __VA_ARGS__ })

static inline void keyboard(struct box *b, uint8_t v)
{
	rig_out8(b->r, DATA, v);
}

static inline void mouse(struct box *b, uint8_t v)
{
	command1(b, 0xd4, v);
}

static inline void mouse_ack(struct box *b, uint8_t v)
{
	mouse(b, v);
	EXPECT_AUX(b, 0xfa);
}

static inline void mouse_rate(struct box *b, uint8_t rate)
{
	mouse_ack(b, 0xf3);
	mouse_ack(b, rate);
}

static inline void tap(struct box *b, unsigned qnum)
{
	i8042_key(b->k, qnum, true);
	i8042_key(b->k, qnum, false);
}

static inline int setup(void **state)
{
	struct box *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->r = rig_new();
	b->k = i8042_create(b->r->m);
	assert_non_null(b->k);
	leds_now = 99;
	leds_calls = 0;
	i8042_watch_leds(b->k, leds, NULL);
	rig_reset(b->r);
	*state = b;
	return 0;
}

static inline int teardown(void **state)
{
	struct box *b = *state;

	rig_free(b->r);
	free(b);
	return 0;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
