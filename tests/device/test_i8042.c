// SPDX-License-Identifier: GPL-2.0-only
/* The 8042 itself, through ports 0x60 and 0x64. */
#include "i8042_box.h"

/* --- controller ---------------------------------------------------------------------------- */

static void test_self_test(void **state)
{
	struct box *b = *state;

	assert_int_equal(status(b) & (OBF | SYS | AUX | 0xc2), 0);
	command(b, 0xaa);
	assert_int_equal(status(b), OBF | SYS | CMD | 0x10);
	EXPECT(b, 0x55);
	command(b, 0xab);
	EXPECT(b, 0x00);
	command(b, 0xa9);
	EXPECT(b, 0x00);
	/* the system flag follows the command byte */
	command1(b, 0x60, 0x00);
	assert_int_equal(status(b), 0x10);
}

static void test_command_byte_and_ram(void **state)
{
	struct box *b = *state;

	command1(b, 0x60, 0x65);
	command(b, 0x20);
	EXPECT(b, 0x65);
	for (unsigned i = 1; i < 32; i++)
		command1(b, 0x60 + i, i * 7);
	for (unsigned i = 1; i < 32; i++) {
		command(b, 0x20 + i);
		EXPECT(b, (uint8_t)(i * 7));
	}
	command(b, 0xad);
	command(b, 0xa7);
	command(b, 0x20);
	EXPECT(b, 0x75);
	command(b, 0xae);
	command(b, 0x20);
	EXPECT(b, 0x65);
	command(b, 0xa8);
	command(b, 0x20);
	EXPECT(b, 0x45);
	/* a command in place of the awaited data byte forgets the first */
	command(b, 0x60);
	command1(b, 0x60, 0x44);
	command(b, 0x20);
	EXPECT(b, 0x44);
}

/* How Linux decides that there is an auxiliary port, and that it is not multiplexed. */
static void test_loop(void **state)
{
	struct box *b = *state;

	command1(b, 0x60, 0x03);
	command1(b, 0xd3, 0x5a);
	assert_int_equal(b->r->rises[IRQ_MOUSE], 1);
	assert_int_equal(b->r->rises[IRQ_KEYBOARD], 0);
	EXPECT_AUX(b, 0x5a);
	command1(b, 0xd3, 0xa4);
	EXPECT_AUX(b, 0xa4);
	command1(b, 0xd2, 0x5a);
	assert_int_equal(b->r->rises[IRQ_KEYBOARD], 1);
	EXPECT(b, 0x5a);
	/* back to back, unread: each byte is an edge */
	command1(b, 0xd2, 1);
	command1(b, 0xd2, 2);
	assert_int_equal(b->r->rises[IRQ_KEYBOARD], 3);
	EXPECT(b, 2);
	command1(b, 0x60, 0x00);
	command1(b, 0xd3, 1);
	assert_false(b->r->gsi[IRQ_MOUSE]);
	command1(b, 0x60, 0x02);
	assert_true(b->r->gsi[IRQ_MOUSE]);
	EXPECT_AUX(b, 1);
	assert_false(b->r->gsi[IRQ_MOUSE]);
}

static void test_ports(void **state)
{
	struct box *b = *state;
	int v;

	command(b, 0xc0);
	assert_true(get(b) & 0x80);
	command1(b, 0xd1, 0xdf);
	command(b, 0xd0);
	v = get(b);
	assert_int_equal(v & 3, 3);
	command1(b, 0xd1, 0xdd);
	command(b, 0xd0);
	assert_int_equal(get(b) & 3, 1);
	command(b, 0xdf);
	command(b, 0xd0);
	assert_int_equal(get(b) & 3, 3);
	command1(b, 0x60, 0x10);
	command(b, 0xe0);
	EXPECT(b, 0x02);
	command1(b, 0x60, 0x20);
	command(b, 0xe0);
	EXPECT(b, 0x01);
	command(b, 0xa4);
	EXPECT(b, 0xf1);
	assert_int_equal(b->r->resets, 0);
}

static void test_reset_pulse(void **state)
{
	struct box *b = *state;

	command(b, 0xff);
	command(b, 0xf1);
	assert_int_equal(b->r->resets, 0);
	command(b, 0xfe);
	assert_int_equal(b->r->resets, 1);
	command(b, 0xf0);
	assert_int_equal(b->r->resets, 2);
	command1(b, 0xd1, 0x02);
	assert_int_equal(b->r->resets, 3);
}

/* An answer of the controller is read first, and takes no byte of a device with it. */
static void test_answer_overtakes(void **state)
{
	struct box *b = *state;

	command1(b, 0x60, CTR_TRANSLATED);
	i8042_key(b->k, KEY_A, true);
	command(b, 0x20);
	EXPECT(b, CTR_TRANSLATED, 0x1e);
	assert_int_equal(rig_in8(b->r, DATA), 0x1e); /* the buffer keeps its value */
}

static void test_interface_off_holds(void **state)
{
	struct box *b = *state;

	command1(b, 0x60, CTR_RAW);
	command(b, 0xad);
	tap(b, KEY_A);
	assert_false(status(b) & OBF);
	assert_int_equal(b->r->rises[IRQ_KEYBOARD], 0);
	command(b, 0xae);
	assert_int_equal(b->r->rises[IRQ_KEYBOARD], 1);
	EXPECT(b, 0x1c, 0xf0, 0x1c);
	assert_int_equal(b->r->rises[IRQ_KEYBOARD], 3);
	/* speaking to the keyboard turns it on again */
	command(b, 0xad);
	keyboard(b, 0xee);
	EXPECT(b, 0xee);
	command(b, 0x20);
	EXPECT(b, CTR_RAW);
}

/* --- both ---------------------------------------------------------------------------------- */

static void test_machine_reset(void **state)
{
	struct box *b = *state;

	command1(b, 0x60, 0x00);
	mouse_ack(b, 0xf4);
	i8042_key(b->k, KEY_A, true);
	rig_reset(b->r);
	assert_false(status(b) & OBF);
	assert_false(rig_timer_armed(b->r));
	assert_false(b->r->gsi[IRQ_KEYBOARD]);
	command1(b, 0x60, CTR_TRANSLATED);
	i8042_key(b->k, KEY_A, true); /* pressed anew, as far as this machine knows */
	EXPECT(b, 0x1e);
}

static void test_saved_state(void **state)
{
	struct box *b = *state;

	command1(b, 0x60, CTR_TRANSLATED);
	mouse_rate(b, 200);
	mouse_rate(b, 200);
	mouse_rate(b, 80);
	mouse_ack(b, 0xf4);
	keyboard(b, 0xed);
	keyboard(b, 0x02);
	tap(b, KEY_PRINT);
	i8042_key(b->k, KEY_A, true);
	i8042_mouse(b->k, 900, 2, 3, INPUT_SIDE);
	i8042_mouse(b->k, 1, 2, 3, INPUT_LEFT);
	command(b, 0x20);
	command(b, 0xd1);
	rig_check_saved_state(b->r);
	assert_int_equal(leds_now, INPUT_LED_NUM);
	assert_true(b->r->gsi[IRQ_KEYBOARD]);
	rig_out8(b->r, DATA, 0xdf);
	assert_int_equal(get(b), CTR_TRANSLATED);
	assert_int_equal(get(b), 0xfa);
	assert_int_equal(get(b), 0xfa);
}

static struct device *device_of(struct box *b)
{
	return (struct device *)b->k;
}

/* Any record at all is refused or leaves a device that holds together. */
static void test_hostile_state(void **state)
{
	struct box *b = *state;
	uint8_t good[2048], bad[2048];
	size_t len = device_save(device_of(b), good, sizeof(good));
	unsigned seed = 8042;

	assert_in_range(len, 1, sizeof(good));
	for (unsigned round = 0; round < 2000; round++) {
		memcpy(bad, good, len);
		for (unsigned i = 0; i < 1 + round % 8; i++)
			bad[2 + (unsigned)rand_r(&seed) % (len - 2)] = rand_r(&seed);
		device_load(device_of(b), bad, len);
		for (unsigned i = 0; i < 4; i++) {
			tap(b, rand_r(&seed) & 0xff);
			i8042_mouse(b->k, i, i, i, i);
			rig_in8(b->r, DATA);
			rig_out8(b->r, DATA, rand_r(&seed));
		}
		if (round % 64 == 0)
			rig_advance(b->r, NS_PER_SEC);
	}
}

static void test_sweep(void **state)
{
	struct box *b = *state;
	unsigned seed = 1;

	for (unsigned i = 0; i < 60000; i++) {
		uint16_t port = rand_r(&seed) & 1 ? DATA : COMMAND;
		uint32_t v = rand_r(&seed);

		switch (rand_r(&seed) % 9) {
		case 0:
			rig_out16(b->r, port, v);
			break;
		case 1:
			rig_out32(b->r, port, v);
			break;
		case 2:
			rig_in16(b->r, port);
			break;
		case 3:
			rig_in32(b->r, port);
			break;
		case 4:
			i8042_key(b->k, v & 0xff, v & 0x100);
			break;
		case 5:
			i8042_mouse(b->k, (int)v >> 16, (int)(v << 16) >> 16, (int)v >> 28, v >> 3);
			break;
		case 6:
			rig_advance(b->r, v % (20 * NS_PER_MS));
			break;
		case 7:
			rig_in8(b->r, DATA);
			break;
		default:
			rig_out8(b->r, port, v);
		}
	}
	rig_check_saved_state(b->r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_self_test),
		TEST(test_command_byte_and_ram),
		TEST(test_loop),
		TEST(test_ports),
		TEST(test_reset_pulse),
		TEST(test_answer_overtakes),
		TEST(test_interface_off_holds),
		TEST(test_machine_reset),
		TEST(test_saved_state),
		TEST(test_hostile_state),
		TEST(test_sweep),
	};

	return cmocka_run_group_tests_name("i8042", tests, NULL, NULL);
}
