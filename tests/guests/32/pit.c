// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8254: rates against the PM timer, modes 0, 2 and 3, latches, read-back, channel 2 behind
 * port 0x61.
 * Reference: Intel 82C54 data sheet, "Programming the 82C54"; Intel 82371SB, "NMISC".
 */
#include "clock.h"
#include "guest.h"
#include "io.h"
#include "trap.h"

enum { PIT = 0x40, CONTROL = 0x43, PORT61 = 0x61, PIT_HZ = 1193182, IRQ_PIT = 0 };
enum { GATE2 = 0x01, OUT2 = 0x20, REFRESH = 0x10 };
enum { STATUS_OUT = 0x80, STATUS_NULL = 0x40 };
enum { PERIOD = PIT_HZ / 100, TICKS = 30, WINDOW_US = 100000 };

static struct stopwatch since;
static uint32_t ticks_seen, first_at, last_at;

static void start(unsigned channel, unsigned mode, uint16_t count)
{
	out8(CONTROL, channel << 6 | 0x30 | mode << 1);
	out8(PIT + channel, count);
	out8(PIT + channel, count >> 8);
}

static uint16_t latched(unsigned channel)
{
	uint8_t low;

	out8(CONTROL, channel << 6);
	low = in8(PIT + channel);
	return low | in8(PIT + channel) << 8;
}

static uint8_t status(unsigned channel)
{
	out8(CONTROL, 0xe0 | 2 << channel);
	return in8(PIT + channel);
}

static uint32_t read_down0(void)
{
	return -(uint32_t)latched(0);
}

static uint32_t read_down2(void)
{
	return -(uint32_t)latched(2);
}

static void on_tick(unsigned vector)
{
	(void)vector;
	if (ticks_seen <= TICKS)
		last_at = stopwatch_ticks(&since);
	if (!ticks_seen++)
		first_at = last_at;
}

static bool enough_ticks(void)
{
	return ticks_seen > TICKS;
}

static uint8_t tick_mode;

/* Length of TICKS periods in us by the PM timer. */
static uint32_t ticks_us(void)
{
	ticks_seen = 0;
	stopwatch_start(&since);
	start(0, tick_mode, PERIOD);
	pic_mask(IRQ_PIT, false);
	interrupts_on();
	wait_until(enough_ticks, 3000000);
	interrupts_off();
	pic_mask(IRQ_PIT, true);
	return muldiv(last_at - first_at, 1000000, PM_HZ);
}

static void check_rates(void)
{
	start(0, 2, 0);
	check_near("rate-mode-2", counter_rate(read_down0, 0xffff, PIT_HZ, WINDOW_US), PIT_HZ, 2);
	start(0, 3, 0); /* counts by two */
	check_near("rate-mode-3", counter_rate(read_down0, 0xffff, 2 * PIT_HZ, WINDOW_US),
		   2 * PIT_HZ, 2);
	tick_mode = 2;
	check_time("irq-period-mode-2", ticks_us, TICKS * 10000, 5);
	tick_mode = 3;
	check_time("irq-period-mode-3", ticks_us, TICKS * 10000, 5);
}

/* One interrupt, when the count has run out; none before, and no other. */
static void check_one_shot(void)
{
	struct stopwatch s;

	ticks_seen = 0;
	stopwatch_start(&s); /* before it counts: a busy host may stop us at any place */
	stopwatch_start(&since);
	start(0, 0, 23864); /* 20 ms */
	pic_mask(IRQ_PIT, false);
	check("mode-0-out-low", status(0) & STATUS_OUT, 0);
	interrupts_on();
	while (!ticks_seen && stopwatch_us(&s) < 1000000)
		relax();
	check_range("mode-0-time", muldiv(first_at, 1000000, PM_HZ), 19500, 1000000);
	delay_us(50000);
	interrupts_off();
	check("mode-0-once", ticks_seen, 1);
	check("mode-0-out-high", status(0) & STATUS_OUT, STATUS_OUT);
	pic_mask(IRQ_PIT, true);
}

static void check_latches(void)
{
	uint16_t first;

	start(0, 2, 0xf000);
	delay_us(100);
	out8(CONTROL, 0x00);
	delay_us(1000);
	first = in8(PIT);
	first |= in8(PIT) << 8;
	check_range("latch-in-range", first, 0xf000 - 0x8000, 0xf000);
	check_true("latch-holds", (uint16_t)(first - latched(0)) > 800);
	out8(CONTROL, 0xc2); /* count and status of channel 0: status comes first */
	check("read-back-status", in8(PIT) & 0x3f, 0x34);
	first = in8(PIT);
	first |= in8(PIT) << 8;
	check_range("read-back-count", first, 1, 0xf000);
	out8(CONTROL, 0x34);
	check("null-count-after-control", status(0) & STATUS_NULL, STATUS_NULL);
	out8(PIT, 0x00);
	out8(PIT, 0xf0);
	delay_us(100);
	check("null-count-loaded", status(0) & STATUS_NULL, 0);
	out8(CONTROL, 0x14); /* low byte only */
	out8(PIT, 0x80);
	delay_us(50);
	out8(CONTROL, 0x00);
	check_range("low-byte-only", in8(PIT), 1, 0x80);
	out8(CONTROL, 0x35); /* BCD */
	out8(PIT, 0x00);
	out8(PIT, 0x10);
	delay_us(50);
	first = latched(0);
	check_true("bcd", first <= 0x1000 && (first & 0xf) < 10 && (first >> 4 & 0xf) < 10 &&
			  (first >> 8 & 0xf) < 10);
}

static bool out2_high(void)
{
	return in8(PORT61) & OUT2;
}

/* Channel 2 stands while its gate is low, as programs that calibrate with it rely on. */
static void check_channel2(void)
{
	struct stopwatch s;
	uint16_t held;

	out8(PORT61, 0);
	start(2, 0, 11932); /* 10 ms */
	delay_us(1000);
	held = latched(2);
	delay_us(1000);
	check("gate-low-stands", latched(2), held);
	stopwatch_start(&s);
	out8(PORT61, GATE2);
	check("out-low-at-first", in8(PORT61) & OUT2, 0);
	check_true("out-rises", wait_until(out2_high, 1000000));
	check_range("out-time", stopwatch_us(&s), 9700, 100000);
	start(2, 2, 0);
	check_near("rate-channel-2", counter_rate(read_down2, 0xffff, PIT_HZ, WINDOW_US), PIT_HZ,
		   2);
	check("port61-kept", in8(PORT61) & 0x0f, GATE2);
	out8(PORT61, 0);
}

static void check_refresh(void)
{
	unsigned changes = 0;
	uint8_t last = in8(PORT61) & REFRESH;

	for (unsigned i = 0; i < 200; i++) {
		uint8_t now = in8(PORT61) & REFRESH;

		changes += now != last;
		last = now;
		delay_us(7);
	}
	check_range("refresh-toggles", changes, 20, 200);
}

void guest_main(void)
{
	trap_init();
	pic_init();
	trap_handler[VECTOR_PIC + IRQ_PIT] = on_tick;
	check_rates();
	check_one_shot();
	check_latches();
	check_channel2();
	check_refresh();
}
