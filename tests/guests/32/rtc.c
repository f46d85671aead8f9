/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The MC146818: number formats, update in progress, the three interrupts and their rate against
 * the PM timer, CMOS memory.
 * Reference: Motorola MC146818 data sheet, "Programming", "Update Cycle".
 */
#include "clock.h"
#include "guest.h"
#include "io.h"
#include "trap.h"

enum { PORT_INDEX = 0x70, PORT_DATA = 0x71, IRQ_RTC = 8 };
enum { SECOND, SECOND_ALARM, MINUTE, MINUTE_ALARM, HOUR, HOUR_ALARM, WEEKDAY, DAY, MONTH, YEAR };
enum { REG_A = 10, REG_B, REG_C, REG_D, CENTURY = 0x32 };
enum { A_UIP = 0x80, B_SET = 0x80, B_PIE = 0x40, B_AIE = 0x20, B_UIE = 0x10 };
enum { B_BINARY = 0x04, B_24H = 0x02 };
enum { RATE_64HZ = 10, TICKS = 16, SECOND_US = 1000000 };

static volatile uint8_t cause, wanted;
static volatile uint32_t seen;
static uint32_t first_at, last_at;
static struct stopwatch since;

static uint8_t cmos(unsigned reg)
{
	out8(PORT_INDEX, reg);
	return in8(PORT_DATA);
}

static void cmos_set(unsigned reg, uint8_t v)
{
	out8(PORT_INDEX, reg);
	out8(PORT_DATA, v);
}

static void set_time(uint8_t b, const uint8_t time[10])
{
	cmos_set(REG_B, b | B_SET);
	for (unsigned i = 0; i < 10; i++)
		if (i != SECOND_ALARM && i != MINUTE_ALARM && i != HOUR_ALARM)
			cmos_set(i, time[i]);
	cmos_set(REG_B, b);
}

static bool updated(void)
{
	return cmos(REG_C) & B_UIE;
}

/* The next second ends half a second after the divider has been reset: "Divider Control". */
static void reset_divider(void)
{
	cmos_set(REG_A, 0x76);
	cmos_set(REG_A, 0x26);
}

static void next_second(void)
{
	reset_divider();
	cmos(REG_C);
	wait_until(updated, 2 * SECOND_US);
}

static void on_rtc(unsigned vector)
{
	uint8_t c = cmos(REG_C);

	(void)vector;
	last_at = stopwatch_ticks(&since);
	cause |= c;
	if (c & wanted && !seen++)
		first_at = last_at;
}

static bool seen_one(void)
{
	return seen;
}

static bool seen_enough(void)
{
	return seen > TICKS;
}

static void listen(uint8_t b)
{
	cmos(REG_C);
	cause = seen = 0;
	wanted = b;
	stopwatch_start(&since);
	cmos_set(REG_B, B_24H | b);
	interrupts_on();
}

static void stop(void)
{
	interrupts_off();
	cmos_set(REG_B, B_24H);
}

static void check_formats(void)
{
	/* the last second of a day, of a month, of a leap year's February */
	static const uint8_t bcd[10] = { 0x59, 0, 0x59, 0, 0x23, 0, 3, 0x29, 0x02, 0x24 };
	static const uint8_t binary[10] = { 59, 0, 59, 0, 0x80 | 11, 0, 7, 31, 12, 99 };
	uint8_t century;

	set_time(B_24H, bcd);
	next_second();
	check("bcd-second", cmos(SECOND), 0x00);
	check("bcd-hour", cmos(HOUR), 0x00);
	check("bcd-day", cmos(DAY), 0x01);
	check("bcd-month", cmos(MONTH), 0x03);
	check("bcd-weekday", cmos(WEEKDAY), 4);

	century = cmos(CENTURY);
	cmos_set(CENTURY, 19);
	set_time(B_BINARY, binary);
	next_second();
	check("binary-minute", cmos(MINUTE), 0);
	check("12-hours-midnight", cmos(HOUR), 12);
	check("binary-month", cmos(MONTH), 1);
	check("binary-year", cmos(YEAR), 0);
	check("weekday-wraps", cmos(WEEKDAY), 1);
	check("century", cmos(CENTURY), 20);
	cmos_set(CENTURY, century);
	set_time(B_24H, bcd);
}

static uint32_t read_clock(void)
{
	return read_tsc() >> 10;
}

/*
 * UIP is high for 244 us, hardly longer than a look at it takes in some hosts. So this looks as
 * fast as it can, from shortly before the end of a second by the TSC.
 */
static bool uip_seen(uint32_t hz)
{
	uint32_t begin;
	bool uip = false;

	next_second();
	out8(PORT_INDEX, REG_A);
	begin = read_clock();
	while (read_clock() - begin < hz - hz / 500)
		relax();
	while (!uip && read_clock() - begin < hz + hz / 1000)
		uip = in8(PORT_DATA) & A_UIP;
	return uip;
}

static void check_update(void)
{
	uint32_t tsc = counter_rate(read_clock, UINT32_MAX, 0, 100000);
	struct stopwatch s;
	uint8_t before;
	bool uip = false;

	next_second();
	before = cmos(SECOND);
	cmos(REG_C);
	stopwatch_start(&s);
	check_true("update-ended", wait_until(updated, 2 * SECOND_US));
	check_near("second-is-a-second", stopwatch_us(&s), SECOND_US, 5);
	check_true("second-changed", cmos(SECOND) != before);
	check("no-uip-after-update", cmos(REG_A) & A_UIP, 0);
	for (unsigned i = 0; i < 4 && !uip; i++)
		uip = uip_seen(tsc);
	check_true("uip-before-update", uip);
	cmos_set(REG_B, B_24H | B_SET);
	before = cmos(SECOND);
	reset_divider();
	delay_us(SECOND_US / 2 + 100000);
	check("set-halts", cmos(SECOND), before);
	check("set-no-uip", cmos(REG_A) & A_UIP, 0);
	cmos_set(REG_B, B_24H);
}

static void check_periodic(void)
{
	cmos_set(REG_A, 0x20 | RATE_64HZ);
	listen(B_PIE);
	wait_until(seen_enough, 2 * SECOND_US);
	stop();
	check_near("periodic-time", muldiv(last_at - first_at, 1000000, PM_HZ),
		   TICKS * SECOND_US / 64, 5);
	check("periodic-cause", cause & 0xf0 & ~(B_UIE | B_AIE), 0xc0);
	cmos_set(REG_A, 0x26);
	seen = 0;
	interrupts_on();
	delay_us(50000);
	interrupts_off();
	check("periodic-off", seen, 0);
}

static void check_alarm(void)
{
	static const uint8_t time[10] = { 0x58, 0, 0x59, 0, 0x11, 0, 2, 0x05, 0x06, 0x23 };

	set_time(B_24H, time);
	cmos_set(SECOND_ALARM, 0x59);
	cmos_set(MINUTE_ALARM, 0xff); /* any */
	cmos_set(HOUR_ALARM, 0x11);
	reset_divider();
	listen(B_AIE);
	check_true("alarm", wait_until(seen_one, 3 * SECOND_US));
	stop();
	check("alarm-second", cmos(SECOND), 0x59);
	check("alarm-cause", cause & 0xa0, 0xa0);
	reset_divider();
	listen(B_UIE);
	check_true("update", wait_until(seen_one, 2 * SECOND_US));
	stop();
	check("update-cause", cause & 0x90, 0x90);
	check("update-no-alarm", cause & B_AIE, 0);
	check("update-hour", cmos(HOUR), 0x12);
}

static void check_memory(void)
{
	check("valid-ram", cmos(REG_D) & 0x80, 0x80);
	cmos_set(0x40, 0x5a);
	cmos_set(0x7f, 0xa5);
	check("cmos-40", cmos(0x40), 0x5a);
	check("cmos-7f", cmos(0x7f), 0xa5);
	cmos_set(0x40, 0);
	cmos_set(0x7f, 0);
	/* the clock starts at the host's date, which is in this century */
	check("firmware-century", cmos(CENTURY), 0x20);
	check_range("month", cmos(MONTH), 1, 0x12);
}

void guest_main(void)
{
	trap_init();
	pic_init();
	trap_handler[VECTOR_PIC + IRQ_RTC] = on_rtc;
	pic_mask(IRQ_RTC, false);
	check_memory();
	check_formats();
	check_update();
	check_periodic();
	check_alarm();
}
