// SPDX-License-Identifier: GPL-2.0-only
/* The PS/2 mouse behind the 8042: its three protocols, through ports 0x60 and 0x64. */
#include "i8042_box.h"

static void test_mouse_reset(void **state)
{
	struct box *b = *state;

	mouse(b, 0xff);
	assert_int_equal(b->r->rises[IRQ_MOUSE], 1);
	EXPECT_AUX(b, 0xfa, 0xaa, 0x00);
	assert_int_equal(b->r->rises[IRQ_MOUSE], 3);
	assert_int_equal(b->r->rises[IRQ_KEYBOARD], 0);
	mouse(b, 0xf2);
	EXPECT_AUX(b, 0xfa, 0x00);
	mouse(b, 0xe9);
	EXPECT_AUX(b, 0xfa, 0x00, 0x02, 100);
	mouse_ack(b, 0xe8);
	mouse_ack(b, 3);
	mouse_rate(b, 40);
	mouse_ack(b, 0xe7);
	mouse_ack(b, 0xf4);
	i8042_mouse(b->k, 0, 0, 0, INPUT_LEFT | INPUT_RIGHT);
	EXPECT_AUX(b, 0x0b, 0, 0);
	mouse(b, 0xe9);
	EXPECT_AUX(b, 0xfa, 0x35, 0x03, 40);
	mouse(b, 0xfe);
	EXPECT_AUX(b, 0xfa, 0x35, 0x03, 40);
	mouse_ack(b, 0xf6);
	mouse(b, 0xe9);
	EXPECT_AUX(b, 0xfa, 0x05, 0x02, 100);
}

static void test_mouse_invalid(void **state)
{
	struct box *b = *state;

	mouse(b, 0xe1);
	EXPECT_AUX(b, 0xfe);
	mouse(b, 0xe1);
	EXPECT_AUX(b, 0xfc);
	mouse_ack(b, 0xf3);
	mouse(b, 55);
	EXPECT_AUX(b, 0xfe);
	mouse_ack(b, 0xe6);
	mouse_ack(b, 0xe8);
	mouse(b, 9);
	EXPECT_AUX(b, 0xfe);
}

static void test_mouse_stream(void **state)
{
	struct box *b = *state;

	i8042_mouse(b->k, 5, 5, 0, 0);
	assert_false(status(b) & OBF); /* reporting is off at first */
	mouse_ack(b, 0xf4);
	assert_false(status(b) & OBF); /* and forgets what was before */
	i8042_mouse(b->k, 3, 4, 0, 0);
	EXPECT_AUX(b, 0x28, 3, 0xfc);
	i8042_mouse(b->k, -1, -2, 0, INPUT_MIDDLE);
	EXPECT_AUX(b, 0x1c, 0xff, 2);
	/* what comes while a packet waits is merged into one */
	i8042_mouse(b->k, 1, 0, 0, 0);
	for (int i = 0; i < 10; i++)
		i8042_mouse(b->k, 2, -3, 0, 0);
	EXPECT_AUX(b, 0x08, 1, 0, 0x08, 20, 30);
	i8042_mouse(b->k, 0, 0, 0, 0);
	assert_false(status(b) & OBF);
	/* a click is not lost in between */
	i8042_mouse(b->k, 1, 0, 0, 0);
	i8042_mouse(b->k, 0, 0, 0, INPUT_LEFT);
	i8042_mouse(b->k, 0, 0, 0, 0);
	EXPECT_AUX(b, 0x08, 1, 0, 0x09, 0, 0, 0x08, 0, 0);
}

static void test_mouse_large(void **state)
{
	struct box *b = *state;

	mouse_ack(b, 0xf4);
	i8042_mouse(b->k, 600, -300, 0, 0);
	EXPECT_AUX(b, 0x08, 255, 255, 0x08, 255, 45, 0x08, 90, 0);
	i8042_mouse(b->k, -256, 0, 0, 0);
	EXPECT_AUX(b, 0x18, 1, 0, 0x18, 0xff, 0);
	/* beyond what the counters hold, the overflow bits tell */
	i8042_mouse(b->k, 1 << 30, 1 << 30, 0, 0);
	assert_int_equal(get_aux(b), 0xe8);
	assert_int_equal(get_aux(b), 255);
	assert_int_equal(get_aux(b), 1);
	assert_int_equal(get_aux(b), 0x28);
	while (status(b) & OBF)
		get_aux(b);
	/* scaling 2:1 */
	mouse_ack(b, 0xf4);
	mouse_ack(b, 0xe7);
	i8042_mouse(b->k, 3, -4, 0, 0);
	EXPECT_AUX(b, 0x08, 3, 6);
	i8042_mouse(b->k, -2, -10, 0, 0);
	EXPECT_AUX(b, 0x18, 0xff, 20);
}

static void test_mouse_wheel(void **state)
{
	struct box *b = *state;

	mouse_rate(b, 200);
	mouse_rate(b, 100);
	mouse_rate(b, 80);
	mouse(b, 0xf2);
	EXPECT_AUX(b, 0xfa, 3);
	mouse_ack(b, 0xf4);
	i8042_mouse(b->k, 0, 0, -1, INPUT_SIDE);
	EXPECT_AUX(b, 0x08, 0, 0, 0xff);
	i8042_mouse(b->k, 0, 0, 9, 0);
	EXPECT_AUX(b, 0x08, 0, 0, 7, 0x08, 0, 0, 2);
	mouse_rate(b, 200);
	mouse_rate(b, 200);
	mouse_rate(b, 80);
	mouse(b, 0xf2);
	EXPECT_AUX(b, 0xfa, 4);
	i8042_mouse(b->k, 1, 0, -1, INPUT_SIDE);
	EXPECT_AUX(b, 0x08, 1, 0, 0x1f);
	i8042_mouse(b->k, 0, 0, 1, INPUT_EXTRA | INPUT_LEFT);
	EXPECT_AUX(b, 0x09, 0, 0, 0x21);
	mouse(b, 0xff);
	EXPECT_AUX(b, 0xfa, 0xaa, 0x00);
}

static void test_mouse_modes(void **state)
{
	struct box *b = *state;

	mouse_ack(b, 0xf4);
	mouse_ack(b, 0xf0);
	i8042_mouse(b->k, 7, 0, 0, 0);
	i8042_mouse(b->k, 7, 0, 0, INPUT_LEFT);
	assert_false(status(b) & OBF);
	mouse(b, 0xeb);
	EXPECT_AUX(b, 0xfa, 0x09, 14, 0);
	mouse(b, 0xeb);
	EXPECT_AUX(b, 0xfa, 0x09, 0, 0);
	mouse_ack(b, 0xee);
	mouse(b, 0xe9);
	EXPECT_AUX(b, 0xe9);
	mouse_ack(b, 0xec);
	mouse_ack(b, 0xea);
	i8042_mouse(b->k, 1, 0, 0, INPUT_LEFT);
	EXPECT_AUX(b, 0x09, 1, 0);
}

/* A command in the middle of a packet ends it: the reply is not taken for movement. */
static void test_mouse_command_cuts_packet(void **state)
{
	struct box *b = *state;

	mouse_ack(b, 0xf4);
	i8042_mouse(b->k, 1, 2, 0, 0);
	assert_int_equal(get_aux(b), 0x28);
	mouse(b, 0xf5);
	EXPECT_AUX(b, 1, 0xfa);
	/* keyboard bytes may come between a packet's, marked as what they are */
	mouse_ack(b, 0xf4);
	command1(b, 0x60, CTR_TRANSLATED);
	i8042_mouse(b->k, 1, 2, 0, 0);
	i8042_key(b->k, KEY_A, true);
	assert_int_equal(get_aux(b), 0x28);
	assert_int_equal(get(b), 0x1e);
	EXPECT_AUX(b, 1, 0xfe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mouse_reset),
		TEST(test_mouse_invalid),
		TEST(test_mouse_stream),
		TEST(test_mouse_large),
		TEST(test_mouse_wheel),
		TEST(test_mouse_modes),
		TEST(test_mouse_command_cuts_packet),
	};

	return cmocka_run_group_tests_name("ps2_mouse", tests, NULL, NULL);
}
