// SPDX-License-Identifier: GPL-2.0-only
/* Tests of the real-time clock: calendar, formats, interrupts, CMOS memory. */
#include <time.h>

#include "rig.h"

enum { INDEX = 0x70, DATA = 0x71 };
enum {
	SECOND, SECOND_ALARM, MINUTE, MINUTE_ALARM, HOUR, HOUR_ALARM, WEEKDAY, DAY, MONTH, YEAR,
	REG_A, REG_B, REG_C, REG_D, CENTURY = 0x32,
};
enum { UIP = 0x80, RESET_DIVIDER = 0x70, RUN = 0x20 };
enum { SET = 0x80, PIE = 0x40, AIE = 0x20, UIE = 0x10, SQWE = 0x08, BINARY = 0x04, H24 = 0x02 };
enum { IRQF = 0x80, PF = 0x40, AF = 0x20, UF = 0x10 };
#define SEC 1000000000ull

static struct rig *r;
static struct mc146818 *rtc;

static uint8_t get(uint8_t reg)
{
	rig_out8(r, INDEX, reg);
	return rig_in8(r, DATA);
}

static void set(uint8_t reg, uint8_t val)
{
	rig_out8(r, INDEX, reg);
	rig_out8(r, DATA, val);
}

/* A moment after the divider was let go: the next second begins half a second later. */
static void set_time(uint8_t b, const uint8_t t[8])
{
	set(REG_B, SET | b);
	set(REG_A, RESET_DIVIDER);
	set(HOUR, t[0]);
	set(MINUTE, t[1]);
	set(SECOND, t[2]);
	set(WEEKDAY, t[3]);
	set(DAY, t[4]);
	set(MONTH, t[5]);
	set(YEAR, t[6]);
	set(CENTURY, t[7]);
	set(REG_B, b);
	set(REG_A, RUN | 6);
}

static void assert_time(const uint8_t t[8])
{
	static const uint8_t reg[] = { HOUR, MINUTE, SECOND, WEEKDAY, DAY, MONTH, YEAR, CENTURY };

	for (unsigned i = 0; i < 8; i++)
		if (get(reg[i]) != t[i])
			fail_msg("register %u is 0x%x, not 0x%x", reg[i], get(reg[i]), t[i]);
}

#define TIME(...) ((const uint8_t[8]){ __VA_ARGS__ })

static int setup(void **state)
{
	static const struct rtc_options opt;

	r = rig_new();
	rtc = mc146818_create(r->m, &opt);
	assert_non_null(rtc);
	rig_reset(r);
	return 0;
}

static int teardown(void **state)
{
	rig_free(r);
	return 0;
}

/* To just after a whole second of noon of 29 February 2024, a Thursday. */
static void noon(uint8_t b)
{
	set_time(b, TIME(0x11, 0x59, 0x59, 5, 0x29, 0x02, 0x24, 0x20));
	rig_advance(r, SEC / 2);
	get(REG_C);
}

static unsigned from_bcd(uint8_t v)
{
	return (v >> 4) * 10 + (v & 15);
}

static void test_power_on(void **state)
{
	struct tm tm = { 0 };
	time_t guest, host = time(NULL);

	assert_int_equal(get(REG_A) & ~UIP, 0x26);
	assert_int_equal(get(REG_B), H24);
	assert_int_equal(get(REG_D), 0x80);
	tm.tm_year = from_bcd(get(CENTURY)) * 100 + from_bcd(get(YEAR)) - 1900;
	tm.tm_mon = from_bcd(get(MONTH)) - 1;
	tm.tm_mday = from_bcd(get(DAY));
	tm.tm_hour = from_bcd(get(HOUR));
	tm.tm_min = from_bcd(get(MINUTE));
	tm.tm_sec = from_bcd(get(SECOND));
	guest = timegm(&tm);
	assert_in_range(guest + 3, host, host + 4);
	assert_int_equal(tm.tm_wday + 1, get(WEEKDAY));
	assert_false(rig_timer_armed(r));
}

static void test_local_time(void **state)
{
	struct rtc_options opt = { .local_time = true };
	struct rig *other = rig_new();
	time_t now;
	struct tm tm;

	setenv("TZ", "ABC-05:30", 1);
	tzset();
	assert_non_null(mc146818_create(other->m, &opt));
	now = time(NULL);
	localtime_r(&now, &tm);
	rig_out8(other, INDEX, HOUR);
	assert_in_range((tm.tm_hour + 24 - from_bcd(rig_in8(other, DATA))) % 24, 0, 1);
	rig_out8(other, INDEX, MINUTE);
	assert_in_range((tm.tm_min + 60 - from_bcd(rig_in8(other, DATA))) % 60, 0, 1);
	rig_free(other);
	unsetenv("TZ");
	tzset();
}

static void test_leap_day(void **state)
{
	set_time(H24, TIME(0x23, 0x59, 0x58, 4, 0x28, 0x02, 0x24, 0x20));
	rig_advance(r, SEC / 2 - 1);
	assert_time(TIME(0x23, 0x59, 0x58, 4, 0x28, 0x02, 0x24, 0x20));
	rig_advance(r, 1);
	assert_time(TIME(0x23, 0x59, 0x59, 4, 0x28, 0x02, 0x24, 0x20));
	rig_advance(r, SEC);
	assert_time(TIME(0x00, 0x00, 0x00, 5, 0x29, 0x02, 0x24, 0x20));
	rig_advance(r, 86400 * SEC);
	assert_time(TIME(0x00, 0x00, 0x00, 6, 0x01, 0x03, 0x24, 0x20));
}

static void test_centuries(void **state)
{
	set_time(H24, TIME(0x23, 0x59, 0x59, 6, 0x31, 0x12, 0x99, 0x19));
	rig_advance(r, SEC / 2);
	assert_time(TIME(0x00, 0x00, 0x00, 7, 0x01, 0x01, 0x00, 0x20));
	set_time(H24, TIME(0x23, 0x59, 0x59, 7, 0x28, 0x02, 0x00, 0x21));
	rig_advance(r, SEC / 2); /* 2100 has no leap day */
	assert_time(TIME(0x00, 0x00, 0x00, 1, 0x01, 0x03, 0x00, 0x21));
	set_time(H24, TIME(0x00, 0x00, 0x00, 7, 0x01, 0x01, 0x00, 0x20));
	rig_advance(r, SEC / 2 + (366 + 365) * 86400 * SEC);
	assert_time(TIME(0x00, 0x00, 0x01, 3, 0x01, 0x01, 0x02, 0x20));
}

static void test_binary_12_hours(void **state)
{
	static const struct {
		uint8_t before, after;
	} hour[] = { { 12, 1 }, { 11, 12 | 0x80 }, { 12 | 0x80, 1 | 0x80 }, { 11 | 0x80, 12 } };

	for (unsigned i = 0; i < 4; i++) {
		set_time(BINARY, TIME(hour[i].before, 59, 59, 1, 31, 12, 99, 19));
		assert_int_equal(get(HOUR), hour[i].before);
		rig_advance(r, SEC / 2);
		assert_int_equal(get(HOUR), hour[i].after);
	}
	assert_time(TIME(12, 0, 0, 2, 1, 1, 0, 20));
	set_time(0, TIME(0x91, 0x59, 0x59, 1, 0x30, 0x04, 0x99, 0x19));
	rig_advance(r, SEC / 2);
	assert_time(TIME(0x12, 0x00, 0x00, 2, 0x01, 0x05, 0x99, 0x19));
}

/* SET holds the registers; the divider goes on below. */
static void test_set_bit(void **state)
{
	noon(H24);
	rig_advance(r, SEC / 4);
	set(REG_B, SET | H24 | UIE);
	assert_int_equal(get(REG_B), SET | H24); /* SET takes UIE away */
	rig_advance(r, 10 * SEC);
	assert_int_equal(get(SECOND), 0);
	assert_int_equal(get(REG_C) & UF, 0);
	set(SECOND, 0x30);
	set(REG_B, H24);
	rig_advance(r, SEC * 3 / 4 - 1);
	assert_int_equal(get(SECOND), 0x30);
	rig_advance(r, 1);
	assert_int_equal(get(SECOND), 0x31);
}

/* A date set in steps, without SET, as BIOSes do it: 31 January to 28 February. */
static void test_date_in_steps(void **state)
{
	set_time(H24, TIME(0x12, 0x00, 0x00, 1, 0x31, 0x01, 0x23, 0x20));
	set(MONTH, 0x02);
	rig_advance(r, 2 * SEC);
	assert_int_equal(get(MONTH), 0x02);
	assert_int_equal(get(DAY), 0x31);
	set(DAY, 0x28);
	assert_time(TIME(0x12, 0x00, 0x02, 1, 0x28, 0x02, 0x23, 0x20));
}

static void test_update_in_progress(void **state)
{
	noon(H24);
	rig_advance(r, SEC - 244142);
	assert_int_equal(get(REG_A) & UIP, 0);
	rig_advance(r, 1);
	assert_int_equal(get(REG_A) & UIP, UIP);
	assert_int_equal(get(SECOND), 0);
	rig_advance(r, 244140);
	assert_int_equal(get(REG_A) & UIP, UIP);
	assert_int_equal(get(SECOND), 0);
	rig_advance(r, 1);
	assert_int_equal(get(REG_A) & UIP, 0);
	assert_int_equal(get(SECOND), 1);
	rig_advance(r, SEC - 1);
	set(REG_B, SET | H24);
	assert_int_equal(get(REG_A) & UIP, 0);
}

static void test_update_ended(void **state)
{
	noon(H24);
	rig_advance(r, SEC); /* the flag needs no timer and no enable */
	assert_false(rig_timer_armed(r));
	assert_int_equal(get(REG_C), UF | PF);
	assert_int_equal(get(REG_C), 0);
	set(REG_B, H24 | UIE);
	assert_true(rig_timer_armed(r));
	rig_advance(r, SEC - 1);
	assert_false(r->gsi[8]);
	rig_advance(r, 1);
	assert_true(r->gsi[8]);
	assert_false(rig_timer_armed(r)); /* nothing to add until C is read */
	assert_int_equal(get(REG_C), IRQF | UF | PF);
	assert_false(r->gsi[8]);
	rig_advance(r, 10 * SEC);
	assert_int_equal(r->rises[8], 2);
}

/* A flag that stands already interrupts as soon as it is enabled. */
static void test_enable_after_flag(void **state)
{
	noon(H24);
	rig_advance(r, SEC);
	set(REG_B, H24 | UIE);
	assert_true(r->gsi[8]);
	set(REG_B, H24);
	assert_false(r->gsi[8]);
	assert_int_equal(get(REG_C) & (IRQF | UF), UF);
}

static void test_alarm(void **state)
{
	noon(H24);
	set(HOUR_ALARM, 0x12);
	set(MINUTE_ALARM, 0x01);
	set(SECOND_ALARM, 0x05);
	set(REG_B, H24 | AIE);
	assert_true(rig_timer_armed(r));
	rig_advance(r, 65 * SEC - 1);
	assert_false(r->gsi[8]);
	rig_advance(r, 1);
	assert_true(r->gsi[8]);
	assert_int_equal(get(REG_C) & ~PF, IRQF | AF | UF);
	rig_advance(r, 86400 * SEC - 1);
	assert_int_equal(get(REG_C) & AF, 0);
	rig_advance(r, 1);
	assert_true(r->gsi[8]);
}

static void assert_alarm_in(unsigned seconds)
{
	noon(H24 | AIE);
	rig_advance(r, seconds * SEC - 1);
	assert_false(r->gsi[8]);
	rig_advance(r, 1);
	assert_true(r->gsi[8]);
	get(REG_C);
}

static void test_alarm_wildcards(void **state)
{
	set(HOUR_ALARM, 0xff);
	set(MINUTE_ALARM, 0xc0);
	set(SECOND_ALARM, 0xff);
	assert_alarm_in(1);
	set(SECOND_ALARM, 0x00); /* each minute */
	assert_alarm_in(60);
	set(MINUTE_ALARM, 0x00); /* each hour */
	assert_alarm_in(3600);
	set(MINUTE_ALARM, 0xff);
	set(HOUR_ALARM, 0x11); /* each minute from 11 to 12, which is tomorrow */
	assert_alarm_in(23 * 3600);
	set(SECOND_ALARM, 0x7a); /* never */
	noon(H24 | AIE);
	assert_false(rig_timer_armed(r));
}

/* The flag is right even if nobody looked for hours. */
static void test_alarm_flag_without_enable(void **state)
{
	noon(H24);
	set(HOUR_ALARM, 0x15);
	set(MINUTE_ALARM, 0x00);
	set(SECOND_ALARM, 0x00);
	rig_advance(r, 3 * 3600 * SEC - 1);
	assert_int_equal(get(REG_C) & AF, 0);
	rig_advance(r, 7200 * SEC);
	assert_int_equal(get(REG_C) & AF, AF);
	assert_false(r->gsi[8]);
}

static void test_rates(void **state)
{
	static const unsigned hz[] = { 0,   256, 128, 8192, 4096, 2048, 1024, 512,
				       256, 128, 64,  32,   16,	  8,	4,    2 };

	for (unsigned rs = 0; rs < 16; rs++) {
		unsigned ticks = 0;

		set(REG_A, RUN | rs);
		get(REG_C);
		set(REG_B, H24 | PIE);
		r->rises[8] = 0;
		for (unsigned i = 0; i < 10000; i++) {
			rig_advance(r, SEC / 10000);
			if (r->gsi[8]) {
				assert_true(get(REG_C) & PF);
				ticks++;
			}
		}
		assert_in_range(ticks + 1, hz[rs], hz[rs] + 2);
		assert_int_equal(r->rises[8], ticks);
		assert_int_equal(rig_timer_armed(r), rs != 0);
		set(REG_B, H24);
	}
	assert_false(rig_timer_armed(r));
}

/* Ticks of 1024 Hz are in step with the seconds. */
static void test_periodic_phase(void **state)
{
	noon(H24);
	set(REG_B, H24 | PIE);
	rig_advance(r, 976562); /* 976562.5 ns */
	assert_false(r->gsi[8]);
	rig_advance(r, 1);
	assert_true(r->gsi[8]);
	for (unsigned i = 2; i <= 1024; i++) {
		get(REG_C);
		rig_advance(r, SEC / 2 + i * SEC / 1024 - SEC / 2 - (i - 1) * SEC / 1024 + 1 - 1);
	}
	assert_int_equal(r->rises[8], 1024);
}

/* The guest was late in taking ticks: each is made up as it reads register C. */
static void test_missed_ticks(void **state)
{
	noon(H24);
	set(REG_A, RUN | 10); /* 64 Hz, as Windows uses */
	set(REG_B, H24 | PIE);
	get(REG_C);
	r->rises[8] = 0;
	rig_advance(r, SEC / 2); /* 32 ticks, of which one interrupts */
	assert_int_equal(r->rises[8], 1);
	for (unsigned i = 0; i < 1000; i++) {
		if (r->gsi[8])
			get(REG_C);
		rig_advance(r, SEC / 2000);
	}
	assert_in_range(r->rises[8], 63, 65);
	rig_advance(r, 3600 * SEC); /* an hour: a second's worth at most */
	r->rises[8] = 0;
	for (unsigned i = 0; i < 2000; i++) {
		if (r->gsi[8])
			get(REG_C);
		rig_advance(r, SEC / 1000);
	}
	assert_in_range(r->rises[8], 128, 194);
}

static void test_nobody_listens(void **state)
{
	struct irq_line probe = { 0 };

	machine_irq_connect(r->m, &probe, 8);
	noon(H24);
	set(REG_B, H24 | PIE);
	irq_gate_ignore(probe.gate, true);
	assert_false(rig_timer_armed(r));
	rig_advance(r, SEC);
	irq_gate_ignore(probe.gate, false);
	assert_true(r->gsi[8]); /* one for all that passed */
	get(REG_C);
	rig_advance(r, SEC / 2048 - 1);
	assert_false(r->gsi[8]);
}

static void test_replaced(void **state)
{
	noon(H24);
	mc146818_set_replaced(rtc, true);
	set(REG_B, H24 | PIE | UIE | AIE);
	assert_false(rig_timer_armed(r));
	rig_advance(r, 2 * SEC);
	assert_false(r->gsi[8]);
	assert_int_equal(get(REG_C) & (UF | PF), UF | PF);
	mc146818_set_replaced(rtc, false);
	rig_advance(r, SEC);
	assert_true(r->gsi[8]);
}

static void test_cmos_memory(void **state)
{
	for (unsigned i = 0x0e; i < 0x80; i++)
		set(i, i ^ 0x5a);
	mc146818_set_cmos(rtc, 0x40, 0x99);
	rig_reset(r);
	for (unsigned i = 0x0e; i < 0x80; i++)
		if (i != CENTURY && i != 0x40)
			assert_int_equal(get(i | 0x80), i ^ 0x5a); /* bit 7 masks the NMI */
	assert_int_equal(get(0x40), 0x99);
	assert_int_equal(rig_in8(r, INDEX), 0xff);
	set(REG_D, 0);
	assert_int_equal(get(REG_D), 0x80);
	set(REG_A, 0xff);
	assert_int_equal(get(REG_A), 0x7f);
}

static void test_reset(void **state)
{
	noon(H24);
	set(REG_B, H24 | PIE | AIE | UIE | SQWE | BINARY);
	set(HOUR_ALARM, 0x77);
	rig_advance(r, SEC);
	assert_true(r->gsi[8]);
	rig_reset(r);
	assert_false(r->gsi[8]);
	assert_false(rig_timer_armed(r));
	assert_int_equal(get(REG_B), H24 | BINARY);
	assert_int_equal(get(REG_C), 0);
	assert_int_equal(get(HOUR_ALARM), 0x77);
	assert_int_equal(get(SECOND), 1);
	assert_int_equal(get(REG_A) & ~UIP, RUN | 6);
}

static void test_saved_state(void **state)
{
	noon(H24);
	set(REG_A, RUN | 15);
	set(REG_B, H24 | PIE | UIE);
	rig_advance(r, SEC * 3 / 4);
	assert_true(r->gsi[8]);
	rig_check_saved_state(r);
	get(REG_C);
	rig_advance(r, SEC / 4 - 1);
	assert_false(r->gsi[8]);
	rig_advance(r, 1);
	assert_true(r->gsi[8]);
	assert_int_equal(get(REG_C), IRQF | PF | UF);
	assert_int_equal(get(SECOND), 1);
}

static void test_hostile_state(void **state)
{
	struct device *d = (struct device *)rtc;
	uint8_t buf[256];
	size_t len = device_save(d, buf, sizeof(buf));

	assert_true(len <= sizeof(buf));
	srand(5154);
	for (unsigned i = 0; i < 300; i++) {
		uint8_t bad[256];

		memcpy(bad, buf, len);
		for (unsigned k = rand() % 16; k < 16; k++)
			bad[2 + rand() % (len - 2)] = rand() & 1 ? 0xff : rand();
		for (unsigned k = 0; k < 8; k++)
			if (rand() % 4 == 0)
				bad[len - 1 - rand() % 26] = 0xff;
		device_load(d, bad, len);
		rig_advance(r, SEC);
		for (unsigned reg = 0; reg < 0x10; reg++)
			get(reg);
	}
}

static void test_random_access(void **state)
{
	srand(146818);
	for (unsigned i = 0; i < 100000; i++) {
		switch (rand() % 6) {
		case 0:
			get(rand());
			break;
		case 1:
			rig_in16(r, INDEX);
			break;
		case 2:
			rig_out16(r, INDEX, rand());
			break;
		case 3:
			rig_advance(r, rand() % (rand() % 64 ? 100000ull : 86400 * SEC));
			get(REG_C);
			break;
		default:
			set(rand() % 14, rand());
		}
	}
	rig_check_saved_state(r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_power_on),
		TEST(test_local_time),
		TEST(test_leap_day),
		TEST(test_centuries),
		TEST(test_binary_12_hours),
		TEST(test_set_bit),
		TEST(test_date_in_steps),
		TEST(test_update_in_progress),
		TEST(test_update_ended),
		TEST(test_enable_after_flag),
		TEST(test_alarm),
		TEST(test_alarm_wildcards),
		TEST(test_alarm_flag_without_enable),
		TEST(test_rates),
		TEST(test_periodic_phase),
		TEST(test_missed_ticks),
		TEST(test_nobody_listens),
		TEST(test_replaced),
		TEST(test_cmos_memory),
		TEST(test_reset),
		TEST(test_saved_state),
		TEST(test_hostile_state),
		TEST(test_random_access),
	};

	return cmocka_run_group_tests_name("mc146818", tests, NULL, NULL);
}
