// SPDX-License-Identifier: GPL-2.0-only
/* Tests of the 8254 and port 0x61, tick by tick. */
#include "rig.h"

enum { CH0 = 0x40, CH2 = 0x42, CONTROL = 0x43, SPEAKER = 0x61 };
enum { PIT_HZ = 1193182 };
enum { GATE = 0x01, REFRESH = 0x10, OUT2 = 0x20, STATUS_OUT = 0x80, STATUS_NULL = 0x40 };

static struct rig *r;
static struct i8254 *pit;
static uint64_t tick; /* the present one */

/* To the first nanosecond of the tick n ticks away. */
static void clocks(uint64_t n)
{
	uint64_t ns;

	tick += n;
	ns = (tick * 1000000000ull + PIT_HZ - 1) / PIT_HZ;
	rig_advance(r, ns - rig_now(r));
}

static int setup(void **state)
{
	r = rig_new();
	pit = i8254_create(r->m);
	assert_non_null(pit);
	rig_reset(r);
	tick = rig_now(r) * PIT_HZ / 1000000000ull;
	clocks(1);
	return 0;
}

static int teardown(void **state)
{
	rig_free(r);
	return 0;
}

static void start(unsigned ch, unsigned mode, unsigned count)
{
	rig_out8(r, CONTROL, ch << 6 | 0x30 | mode << 1);
	rig_out8(r, CH0 + ch, count);
	rig_out8(r, CH0 + ch, count >> 8);
}

static unsigned read_two(unsigned ch)
{
	unsigned low = rig_in8(r, CH0 + ch);

	return low | rig_in8(r, CH0 + ch) << 8;
}

static unsigned count_of(unsigned ch)
{
	rig_out8(r, CONTROL, ch << 6);
	return read_two(ch);
}

static unsigned status_of(unsigned ch)
{
	rig_out8(r, CONTROL, 0xe0 | 2 << ch);
	return rig_in8(r, CH0 + ch);
}

static bool out_of(unsigned ch)
{
	return status_of(ch) & STATUS_OUT;
}

static bool out2(void)
{
	bool out = rig_in8(r, SPEAKER) & OUT2;

	assert_int_equal(out, out_of(2));
	return out;
}

static void gate(bool on)
{
	rig_out8(r, SPEAKER, on ? GATE : 0);
}

/* The expected levels of OUT2, one digit a tick, beginning after the next CLK. */
static void assert_wave(const char *levels)
{
	for (unsigned i = 0; levels[i]; i++) {
		clocks(1);
		if (out2() != (levels[i] == '1'))
			fail_msg("tick %u of %s", i, levels);
	}
}

static void assert_counts(unsigned ch, const unsigned *count, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		clocks(1);
		assert_int_equal(count_of(ch), count[i]);
	}
}

static void test_idle_after_reset(void **state)
{
	assert_false(rig_timer_armed(r));
	assert_false(r->gsi[0]);
	start(0, 2, 1000);
	assert_true(rig_timer_armed(r));
	rig_reset(r);
	assert_false(rig_timer_armed(r));
	assert_false(r->gsi[0]);
}

static void test_mode0(void **state)
{
	static const unsigned count[] = { 4, 3, 2, 1, 0, 0xffff, 0xfffe };

	gate(true);
	start(2, 0, 4);
	assert_wave("0000111");
	start(2, 0, 4);
	assert_counts(2, count, 7);
	rig_out8(r, CH2, 9); /* the first byte stops it, with OUT low */
	assert_false(out2());
	clocks(20);
	assert_false(out2());
	rig_out8(r, CH2, 0);
	assert_wave("0000000001");
}

static void test_mode0_gate(void **state)
{
	gate(true);
	start(2, 0, 5);
	assert_wave("000");
	gate(false);
	clocks(100);
	assert_int_equal(count_of(2), 3);
	assert_false(out2());
	gate(true);
	assert_wave("001");
	gate(false);
	start(2, 0, 2); /* loaded with the gate low */
	clocks(50);
	assert_false(out2());
	gate(true);
	assert_wave("01");
}

static void test_mode0_interrupt(void **state)
{
	start(0, 0, 100);
	assert_false(r->gsi[0]);
	clocks(100);
	assert_false(r->gsi[0]);
	clocks(1); /* N + 1 pulses after the write */
	assert_true(r->gsi[0]);
	assert_false(rig_timer_armed(r));
	clocks(100000);
	assert_int_equal(r->rises[0], 1);
	rig_out8(r, CH0, 0);
	assert_false(r->gsi[0]);
}

static void test_mode1(void **state)
{
	start(2, 1, 3);
	assert_wave("111");
	gate(true);
	assert_wave("0001111");
	gate(false);
	assert_true(out2());
	gate(true);
	assert_wave("00");
	gate(false);
	gate(true); /* again, while it is low */
	assert_wave("0001");
	gate(false);
	gate(true);
	clocks(1);
	rig_out8(r, CH2, 5); /* for the next trigger */
	rig_out8(r, CH2, 0);
	assert_true(status_of(2) & STATUS_NULL);
	assert_wave("0011");
	gate(false);
	gate(true);
	assert_wave("000001");
	assert_false(status_of(2) & STATUS_NULL);
}

static void test_mode2(void **state)
{
	static const unsigned count[] = { 3, 2, 1, 3, 2, 1, 3 };

	gate(true);
	start(2, 2, 3);
	assert_true(out2());
	assert_wave("110110110");
	start(2, 2, 3);
	assert_counts(2, count, 7);
	start(2, 2, 3);
	assert_wave("110");
	gate(false); /* OUT goes high at once */
	assert_true(out2());
	clocks(10);
	assert_true(out2());
	gate(true);
	assert_wave("110110");
}

static void test_mode2_new_count(void **state)
{
	gate(true);
	start(2, 2, 4);
	assert_wave("11");
	rig_out8(r, CH2, 2);
	assert_false(status_of(2) & STATUS_NULL); /* one byte is no count */
	rig_out8(r, CH2, 0);
	assert_true(status_of(2) & STATUS_NULL);
	assert_wave("10");
	assert_true(status_of(2) & STATUS_NULL);
	assert_wave("1010");
	assert_false(status_of(2) & STATUS_NULL);
}

static void test_mode3(void **state)
{
	static const unsigned even[] = { 4, 2, 4, 2, 4 };
	static const unsigned odd[] = { 4, 2, 0, 4, 2, 4 };

	gate(true);
	start(2, 3, 4);
	assert_wave("11001100");
	start(2, 7, 4); /* 7 is 3 */
	assert_counts(2, even, 5);
	start(2, 3, 5);
	assert_wave("1110011100");
	start(2, 3, 5);
	assert_counts(2, odd, 6);
	gate(false);
	assert_true(out2());
	gate(true);
	assert_wave("1110011");
}

static void test_mode3_new_count(void **state)
{
	gate(true);
	start(2, 3, 8);
	assert_wave("11");
	rig_out8(r, CH2, 4); /* from the end of this half */
	rig_out8(r, CH2, 0);
	assert_wave("11001100");
	rig_out8(r, CH2, 6);
	rig_out8(r, CH2, 0);
	assert_wave("111000111000");
}

static void test_mode4(void **state)
{
	gate(true);
	start(2, 4, 3);
	assert_wave("111011111");
	start(2, 4, 5);
	assert_wave("11");
	rig_out8(r, CH2, 2); /* one byte changes nothing */
	assert_wave("1");
	rig_out8(r, CH2, 0);
	assert_wave("1101");
	start(2, 4, 3);
	assert_wave("11");
	gate(false);
	assert_wave("11111");
	gate(true);
	assert_wave("101");
}

static void test_mode5(void **state)
{
	start(2, 5, 3);
	assert_wave("11111");
	gate(true);
	assert_wave("1110111");
	gate(false);
	gate(true);
	assert_wave("11");
	gate(false); /* the level does not matter */
	gate(true);  /* the edge does */
	assert_wave("11101");
}

static void test_bcd(void **state)
{
	rig_out8(r, CONTROL, 0x31);
	rig_out8(r, CH0, 0x00);
	rig_out8(r, CH0, 0x10);
	clocks(1);
	assert_int_equal(count_of(0), 0x1000);
	clocks(1);
	assert_int_equal(count_of(0), 0x0999);
	clocks(999);
	assert_int_equal(count_of(0), 0);
	assert_true(r->gsi[0]);
	clocks(1);
	assert_int_equal(count_of(0), 0x9999);
	rig_out8(r, CONTROL, 0x35);
	rig_out8(r, CH0, 0);
	rig_out8(r, CH0, 0); /* 10000 */
	clocks(1 + 10000 - 1);
	assert_int_equal(count_of(0), 0x0001);
	clocks(1);
	assert_int_equal(count_of(0), 0x0000);
}

static void test_zero_is_the_longest(void **state)
{
	start(0, 2, 0);
	clocks(1);
	assert_int_equal(count_of(0), 0);
	clocks(1);
	assert_int_equal(count_of(0), 0xffff);
	clocks(65534);
	assert_int_equal(count_of(0), 1);
	assert_int_equal(r->rises[0], 1); /* mode 2 set OUT high */
	clocks(1);
	assert_int_equal(r->rises[0], 2);
}

static void test_rate_is_exact(void **state)
{
	unsigned before;

	start(0, 2, 11932); /* 100 Hz as Linux asks for it */
	clocks(1);
	before = r->rises[0];
	for (unsigned i = 1; i <= 1000; i++) {
		clocks(11931);
		assert_int_equal(r->rises[0] - before, i - 1);
		clocks(1);
		assert_int_equal(r->rises[0] - before, i);
		assert_true(r->gsi[0]);
	}
}

static void test_square_rate(void **state)
{
	unsigned before;

	start(0, 3, 0); /* the BIOS's 18.2 Hz */
	clocks(1);
	before = r->rises[0];
	clocks(65536ull * 182);
	assert_int_equal(r->rises[0] - before, 182);
}

static void test_one_shot_strobe(void **state)
{
	unsigned before;

	rig_out8(r, CONTROL, 0x38);
	before = r->rises[0];
	rig_out8(r, CH0, 0xe8);
	rig_out8(r, CH0, 0x03);
	clocks(1001);
	assert_int_equal(r->rises[0], before);
	clocks(1); /* the strobe's end */
	assert_int_equal(r->rises[0], before + 1);
	assert_false(rig_timer_armed(r));
}

/* The timer runs late: ticks come one by one, then in step with the old phase. */
static void test_late_ticks_are_made_up(void **state)
{
	const uint64_t period = 11932;
	unsigned before;

	start(0, 2, period);
	clocks(1);
	before = r->rises[0];
	r->host_ns += 35000000; /* three periods, and the host did not run */
	rig_advance(r, 0);
	assert_int_equal(r->rises[0] - before, 1);
	clocks(5 * period);
	assert_int_equal(r->rises[0] - before, 5);
	clocks(period - 1);
	assert_int_equal(r->rises[0] - before, 5);
	clocks(1);
	assert_int_equal(r->rises[0] - before, 6);
	r->host_ns += 3600ull * 1000000000; /* an hour: a second's worth at most */
	before = r->rises[0];
	rig_advance(r, 1000000000);
	assert_in_range(r->rises[0] - before, 190, 201);
}

static void test_shortest_period_is_bounded(void **state)
{
	start(0, 2, 1);
	r->rises[0] = 0;
	rig_advance(r, 100 * 1000000ull);
	assert_in_range(r->rises[0], 1, 5000);
	start(0, 3, 2);
	r->rises[0] = 0;
	rig_advance(r, 100 * 1000000ull);
	assert_in_range(r->rises[0], 1, 5000);
}

static void test_latch_holds(void **state)
{
	start(0, 2, 1000);
	clocks(11);
	rig_out8(r, CONTROL, 0x00);
	clocks(100);
	rig_out8(r, CONTROL, 0x00); /* ignored: the first is not read yet */
	assert_int_equal(read_two(0), 990);
	assert_int_equal(read_two(0), 890);
}

static void test_byte_modes(void **state)
{
	rig_out8(r, CONTROL, 0x14); /* low byte only */
	rig_out8(r, CH0, 200);
	clocks(1);
	assert_int_equal(rig_in8(r, CH0), 200);
	assert_int_equal(rig_in8(r, CH0), 200);
	rig_out8(r, CONTROL, 0x24); /* high byte only */
	rig_out8(r, CH0, 0x12);
	clocks(1);
	assert_int_equal(rig_in8(r, CH0), 0x12);
	clocks(1);
	assert_int_equal(rig_in8(r, CH0), 0x11);
	rig_out8(r, CONTROL, 0x00);
	assert_int_equal(rig_in8(r, CH0), 0x11);
	clocks(0x100);
	assert_int_equal(rig_in8(r, CH0), 0x10);
}

/* CVE-2015-3214: reads and writes keep their place separately. */
static void test_reads_do_not_move_writes(void **state)
{
	rig_out8(r, CONTROL, 0x34);
	rig_out8(r, CH0, 0x34);
	rig_in8(r, CH0); /* low byte; the high one is next to be read */
	rig_out8(r, CH0, 0x12);
	clocks(1);
	assert_int_equal(rig_in8(r, CH0), 0x12);
	assert_int_equal(read_two(0), 0x1234);
	rig_out8(r, CONTROL, 0xc2); /* status and count */
	rig_in8(r, CH0);
	rig_out8(r, CH0, 0x78);
	assert_int_equal(rig_in8(r, CH0), 0x34);
	rig_out8(r, CH0, 0x56);
	assert_int_equal(rig_in8(r, CH0), 0x12);
	clocks(0x1234);
	assert_int_equal(count_of(0), 0x5678);
}

static void test_read_back(void **state)
{
	start(0, 2, 1000);
	rig_out8(r, CONTROL, 0x98); /* channel 2, low byte, mode 4 */
	rig_out8(r, CH2, 50);
	assert_int_equal(status_of(0), 0x80 | STATUS_NULL | 0x34);
	clocks(1);
	rig_out8(r, CONTROL, 0xc0 | 0x0a); /* status and count of 0 and 2 */
	clocks(5);
	assert_int_equal(rig_in8(r, CH0), 0x80 | 0x34);
	assert_int_equal(read_two(0), 1000);
	assert_int_equal(rig_in8(r, CH2), 0x80 | 0x18);
	assert_int_equal(rig_in8(r, CH2), 50);
	rig_out8(r, CONTROL, 0xd0 | 0x02); /* count only */
	clocks(5);
	assert_int_equal(read_two(0), 995);
	assert_int_equal(read_two(0), 990);
}

static void test_null_count(void **state)
{
	rig_out8(r, CONTROL, 0x30);
	assert_true(status_of(0) & STATUS_NULL);
	rig_out8(r, CH0, 10);
	assert_true(status_of(0) & STATUS_NULL);
	rig_out8(r, CH0, 0);
	assert_true(status_of(0) & STATUS_NULL);
	clocks(1);
	assert_false(status_of(0) & STATUS_NULL);
}

static void test_control_word_resets_sequences(void **state)
{
	rig_out8(r, CONTROL, 0x34);
	rig_out8(r, CH0, 0x99);
	rig_out8(r, CONTROL, 0x00);
	rig_in8(r, CH0);
	start(0, 2, 0x4321);
	clocks(1);
	assert_int_equal(read_two(0), 0x4321);
}

static void test_speaker_port(void **state)
{
	unsigned toggles = 0, last = rig_in8(r, SPEAKER) & REFRESH;

	rig_out8(r, SPEAKER, 0xff);
	assert_int_equal(rig_in8(r, SPEAKER) & 0xcf, 0x0f);
	rig_out8(r, SPEAKER, 0x02);
	assert_int_equal(rig_in8(r, SPEAKER) & 0x0f, 0x02);
	for (unsigned i = 0; i < 1800; i++) {
		unsigned now;

		clocks(1);
		now = rig_in8(r, SPEAKER) & REFRESH;
		toggles += now != last;
		last = now;
	}
	assert_int_equal(toggles, 100);
}

/* How Linux and memtest86+ calibrate the TSC. */
static void test_calibration_loop(void **state)
{
	unsigned loops = 0;

	rig_out8(r, SPEAKER, (rig_in8(r, SPEAKER) & ~0x02) | GATE);
	rig_out8(r, CONTROL, 0xb0);
	rig_out8(r, CH2, 59659 & 0xff);
	rig_out8(r, CH2, 59659 >> 8);
	while (!(rig_in8(r, SPEAKER) & OUT2)) {
		clocks(1);
		assert_in_range(++loops, 1, 59660);
	}
	assert_int_equal(loops, 59660);
	assert_false(rig_timer_armed(r));
}

static void test_replaced(void **state)
{
	start(0, 2, 1000);
	i8254_set_replaced(pit, true);
	assert_false(r->gsi[0]);
	assert_false(rig_timer_armed(r));
	clocks(5001);
	assert_false(r->gsi[0]);
	assert_int_equal(count_of(0), 1000);
	i8254_set_replaced(pit, false);
	assert_true(rig_timer_armed(r));
	r->rises[0] = 0;
	clocks(1000);
	assert_int_equal(r->rises[0], 1);
}

/* Masked everywhere: no timer; unmasked: one tick for those that passed, then the old phase. */
static void test_nobody_listens(void **state)
{
	struct irq_line probe = { 0 };

	machine_irq_connect(r->m, &probe, 0);
	start(0, 2, 1000);
	clocks(1);
	irq_gate_ignore(probe.gate, true);
	assert_false(rig_timer_armed(r));
	r->rises[0] = 0;
	clocks(500);
	irq_gate_ignore(probe.gate, false);
	assert_int_equal(r->rises[0], 0);
	irq_gate_ignore(probe.gate, true);
	clocks(5000);
	assert_int_equal(r->rises[0], 0);
	irq_gate_ignore(probe.gate, false);
	assert_int_equal(r->rises[0], 1);
	clocks(499);
	assert_int_equal(r->rises[0], 1);
	clocks(1);
	assert_int_equal(r->rises[0], 2);
}

static void test_saved_state(void **state)
{
	start(0, 3, 1000);
	gate(true);
	start(2, 2, 77);
	clocks(601); /* channel 0's OUT is low now, channel 2 in mid-period */
	rig_out8(r, CH2, 5);
	rig_out8(r, CH2, 0);
	rig_out8(r, CONTROL, 0xc4);
	rig_out8(r, CH0, 0x11);
	rig_in8(r, CH2 - 1);
	rig_check_saved_state(r);
	assert_true(rig_timer_armed(r));
	r->rises[0] = 0;
	clocks(399);
	assert_int_equal(r->rises[0], 0);
	clocks(1);
	assert_int_equal(r->rises[0], 1);
}

static void test_hostile_state(void **state)
{
	struct device *d = (struct device *)pit;
	uint8_t buf[256];
	size_t len;

	gate(true);
	start(0, 3, 999);
	start(2, 2, 3);
	len = device_save(d, buf, sizeof(buf));
	assert_true(len <= sizeof(buf));
	srand(3214);
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t bad[256];

		memcpy(bad, buf, len);
		for (unsigned k = rand() % 8; k < 8; k++)
			bad[2 + rand() % (len - 2)] = rand() & 1 ? 0xff : rand();
		device_load(d, bad, len);
		rig_out8(r, CONTROL, 0xc0 | (rand() & 0x3f));
		for (unsigned port = CH0; port <= CONTROL; port++)
			rig_in32(r, port);
		rig_in8(r, SPEAKER);
		rig_out8(r, SPEAKER, rand());
		rig_advance(r, 30000);
	}
}

static void test_random_access(void **state)
{
	srand(8254);
	for (unsigned i = 0; i < 100000; i++) {
		uint16_t port = rand() % 8 ? CH0 + rand() % 4 : SPEAKER;

		switch (rand() % 8) {
		case 0:
			rig_in8(r, port);
			break;
		case 1:
			rig_in16(r, port);
			break;
		case 2:
			rig_in32(r, port);
			break;
		case 3:
			rig_out32(r, port, rand());
			break;
		case 4:
			rig_out16(r, port, rand());
			break;
		case 5:
			rig_advance(r, rand() % 20000);
			break;
		default:
			rig_out8(r, port, rand());
		}
	}
	rig_check_saved_state(r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_idle_after_reset),
		TEST(test_mode0),
		TEST(test_mode0_gate),
		TEST(test_mode0_interrupt),
		TEST(test_mode1),
		TEST(test_mode2),
		TEST(test_mode2_new_count),
		TEST(test_mode3),
		TEST(test_mode3_new_count),
		TEST(test_mode4),
		TEST(test_mode5),
		TEST(test_bcd),
		TEST(test_zero_is_the_longest),
		TEST(test_rate_is_exact),
		TEST(test_square_rate),
		TEST(test_one_shot_strobe),
		TEST(test_late_ticks_are_made_up),
		TEST(test_shortest_period_is_bounded),
		TEST(test_latch_holds),
		TEST(test_byte_modes),
		TEST(test_reads_do_not_move_writes),
		TEST(test_read_back),
		TEST(test_null_count),
		TEST(test_control_word_resets_sequences),
		TEST(test_speaker_port),
		TEST(test_calibration_loop),
		TEST(test_replaced),
		TEST(test_nobody_listens),
		TEST(test_saved_state),
		TEST(test_hostile_state),
		TEST(test_random_access),
	};

	return cmocka_run_group_tests_name("i8254", tests, NULL, NULL);
}
