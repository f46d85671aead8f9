// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MC146818: number formats, update in progress, the three interrupts and their rate against
 * the PM timer, CMOS memory.
 * Reference: Motorola MC146818 data sheet, "Programming", "Update Cycle".
 */
#include "clock.h"
#include "cmos.h"
#include "guest.h"
#include "io.h"
#include "trap.h"

enum { IRQ_RTC = 8 };
enum { SECOND, SECOND_ALARM, MINUTE, MINUTE_ALARM, HOUR, HOUR_ALARM, WEEKDAY, DAY, MONTH, YEAR };
enum { REG_A = 10, REG_B, REG_C, REG_D, CENTURY = 0x32 };
enum { A_UIP = 0x80, B_SET = 0x80, B_PIE = 0x40, B_AIE = 0x20, B_UIE = 0x10 };
enum { B_BINARY = 0x04, B_24H = 0x02 };
enum { RATE_64HZ = 10, TICKS = 16, SECOND_US = 1000000, UIP_TRIES = 12 };

static volatile uint8_t cause, wanted;
static volatile uint32_t seen;
static uint32_t first_at, last_at;
static struct stopwatch since;

static void set_time(uint8_t b, const uint8_t time[10])
{
	cmos_write(REG_B, b | B_SET);
	for (unsigned i = 0; i < 10; i++)
		if (i != SECOND_ALARM && i != MINUTE_ALARM && i != HOUR_ALARM)
			cmos_write(i, time[i]);
	cmos_write(REG_B, b);
}

static bool updated(void)
{
	return cmos_read(REG_C) & B_UIE;
}

/* The next second ends half a second after the divider has been reset: "Divider Control". */
static void reset_divider(void)
{
	cmos_write(REG_A, 0x76);
	cmos_write(REG_A, 0x26);
}

static void next_second(void)
{
	reset_divider();
	cmos_read(REG_C);
	wait_until(updated, 2 * SECOND_US);
}

static void on_rtc(unsigned vector)
{
	uint8_t c = cmos_read(REG_C);

	(void)vector;
	cause |= c;
	if (!(c & wanted))
		return;
	if (seen <= TICKS)
		last_at = stopwatch_ticks(&since);
	if (!seen++)
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
	cmos_read(REG_C);
	cause = seen = 0;
	wanted = b;
	stopwatch_start(&since);
	cmos_write(REG_B, B_24H | b);
	interrupts_on();
}

static void stop(void)
{
	interrupts_off();
	cmos_write(REG_B, B_24H);
}

static void check_formats(void)
{
	/* the last second of a day, of a month, of a leap year's February */
	static const uint8_t bcd[10] = { 0x59, 0, 0x59, 0, 0x23, 0, 3, 0x29, 0x02, 0x24 };
	static const uint8_t binary[10] = { 59, 0, 59, 0, 0x80 | 11, 0, 7, 31, 12, 99 };
	uint8_t century;

	set_time(B_24H, bcd);
	next_second();
	check("bcd-second", cmos_read(SECOND), 0x00);
	check("bcd-hour", cmos_read(HOUR), 0x00);
	check("bcd-day", cmos_read(DAY), 0x01);
	check("bcd-month", cmos_read(MONTH), 0x03);
	check("bcd-weekday", cmos_read(WEEKDAY), 4);

	century = cmos_read(CENTURY);
	cmos_write(CENTURY, 19);
	set_time(B_BINARY, binary);
	next_second();
	check("binary-minute", cmos_read(MINUTE), 0);
	check("12-hours-midnight", cmos_read(HOUR), 12);
	check("binary-month", cmos_read(MONTH), 1);
	check("binary-year", cmos_read(YEAR), 0);
	check("weekday-wraps", cmos_read(WEEKDAY), 1);
	check("century", cmos_read(CENTURY), 20);
	cmos_write(CENTURY, century);
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

	reset_divider();
	begin = read_clock();
	out8(CMOS_INDEX, REG_A);
	while (read_clock() - begin < hz / 2 - hz / 500)
		relax();
	while (!uip && read_clock() - begin < hz / 2 + hz / 1000)
		uip = in8(CMOS_DATA) & A_UIP;
	return uip;
}

static uint32_t second_us(void)
{
	struct stopwatch s;

	next_second();
	cmos_read(REG_C);
	stopwatch_start(&s);
	wait_until(updated, 2 * SECOND_US);
	return stopwatch_us(&s);
}

static void check_update(void)
{
	uint32_t tsc = counter_rate(read_clock, UINT32_MAX, 0, 100000);
	uint8_t before = cmos_read(SECOND);
	bool uip = false;

	check_time("second-is-a-second", second_us, SECOND_US, 5);
	check_true("second-changed", cmos_read(SECOND) != before);
	check("no-uip-after-update", cmos_read(REG_A) & A_UIP, 0);
	for (unsigned i = 0; i < UIP_TRIES && !uip; i++)
		uip = uip_seen(tsc);
	check_true("uip-before-update", uip);
	cmos_write(REG_B, B_24H | B_SET);
	before = cmos_read(SECOND);
	reset_divider();
	delay_us(SECOND_US / 2 + 100000);
	check("set-halts", cmos_read(SECOND), before);
	check("set-no-uip", cmos_read(REG_A) & A_UIP, 0);
	cmos_write(REG_B, B_24H);
}

static uint32_t periods_us(void)
{
	listen(B_PIE);
	wait_until(seen_enough, 2 * SECOND_US);
	stop();
	return muldiv(last_at - first_at, 1000000, PM_HZ);
}

static void check_periodic(void)
{
	cmos_write(REG_A, 0x20 | RATE_64HZ);
	check_time("periodic-time", periods_us, TICKS * SECOND_US / 64, 5);
	check("periodic-cause", cause & 0xf0 & ~(B_UIE | B_AIE), 0xc0);
	cmos_write(REG_A, 0x26);
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
	cmos_write(SECOND_ALARM, 0x59);
	cmos_write(MINUTE_ALARM, 0xff); /* any */
	cmos_write(HOUR_ALARM, 0x11);
	reset_divider();
	listen(B_AIE);
	check_true("alarm", wait_until(seen_one, 3 * SECOND_US));
	stop();
	check("alarm-second", cmos_read(SECOND), 0x59);
	check("alarm-cause", cause & 0xa0, 0xa0);
	reset_divider();
	listen(B_UIE);
	check_true("update", wait_until(seen_one, 2 * SECOND_US));
	stop();
	check("update-cause", cause & 0x90, 0x90);
	check("update-no-alarm", cause & B_AIE, 0);
	check("update-hour", cmos_read(HOUR), 0x12);
}

static void check_memory(void)
{
	check("valid-ram", cmos_read(REG_D) & 0x80, 0x80);
	cmos_write(0x40, 0x5a);
	cmos_write(0x7f, 0xa5);
	check("cmos-40", cmos_read(0x40), 0x5a);
	check("cmos-7f", cmos_read(0x7f), 0xa5);
	cmos_write(0x40, 0);
	cmos_write(0x7f, 0);
	/* the clock starts at the host's date, which is in this century */
	check("firmware-century", cmos_read(CENTURY), 0x20);
	check_range("month", cmos_read(MONTH), 1, 0x12);
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
