// SPDX-License-Identifier: GPL-2.0-only
/*
 * mc146818: the real-time clock, with the PC's 128 bytes of CMOS memory.
 *
 * The registers hold the time of some second in the past, and are brought up to date when looked
 * at; interrupt flags likewise. A timer is armed only for the next event that would raise the
 * interrupt. Periodic ticks that were late are made up one by one as register C is read.
 *
 * State: CMOS memory with the clock's registers, the index, the phase of the divider.
 * Missing: the square wave output; time bases other than 32.768 kHz.
 * Ignored: daylight saving (DSE); the NMI mask in the index port.
 * Reference: Motorola MC146818 data sheet, "Programming"; Intel 82371SB (PIIX3) data sheet,
 * "Real Time Clock"; the century byte as the ACPI table FADT names it.
 */
#include <errno.h>
#include <time.h>

#include "dm/device.h"
#include "dm/isa.h"
#include "dm/parts.h"

enum { PORT_INDEX, PORT_DATA, PORTS };
enum { CMOS_BYTES = 128, INDEX_BITS = CMOS_BYTES - 1 };

enum {
	REG_SECOND = 0x00,
	REG_SECOND_ALARM = 0x01,
	REG_MINUTE = 0x02,
	REG_MINUTE_ALARM = 0x03,
	REG_HOUR = 0x04,
	REG_HOUR_ALARM = 0x05,
	REG_WEEKDAY = 0x06,
	REG_DAY = 0x07,
	REG_MONTH = 0x08,
	REG_YEAR = 0x09,
	REG_A = 0x0a,
	REG_B = 0x0b,
	REG_C = 0x0c,
	REG_D = 0x0d,
	REG_CENTURY = 0x32,
};

enum { A_UIP = 0x80, A_DIVIDER_RESET = 0x60, A_RATE = 0x0f, A_WRITABLE = 0x7f, A_POWER_ON = 0x26 };
enum {
	B_SET = 0x80,
	B_PIE = 0x40,
	B_AIE = 0x20,
	B_UIE = 0x10,
	B_SQWE = 0x08,
	B_BINARY = 0x04,
	B_24H = 0x02,
};
enum { C_IRQ = 0x80, C_PERIODIC = 0x40, C_ALARM = 0x20, C_UPDATE = 0x10 };
enum { C_FLAGS = C_PERIODIC | C_ALARM | C_UPDATE }; /* at the places of their enables in B */
enum { D_VALID = 0x80, HOUR_PM = 0x80, ALARM_ANY = 0xc0 };

enum { ANY = -1, DAY_SECONDS = 86400 };
#define NEVER	    UINT64_MAX
#define UIP_NS	    244141 /* "Update Cycle": this long before the time changes */
#define HALF_SECOND (NS_PER_SEC / 2)
#define MIN_GAP	    (20 * NS_PER_US) /* from reading C to a tick that is made up */

struct mc146818 {
	struct device dev;
	struct region io;
	struct timer timer;
	struct irq_line irq;
	struct irq_watch watch;

	uint8_t cmos[CMOS_BYTES];
	uint8_t index;
	uint8_t replaced;      /* the HPET drives the input instead */
	uint64_t second_start; /* when the second in the registers began */
	uint64_t ticks_seen;   /* periodic ticks dealt with, counted as in ticks_at() */
	uint64_t not_before;   /* no tick that is made up comes sooner */
};

/* Time as used here: one second ahead of the machine's, so that the first second began after 0. */
static uint64_t rtc_now(const struct mc146818 *rtc)
{
	return machine_now(rtc->dev.machine) + NS_PER_SEC;
}

/* --- register formats --- */

static unsigned decode(const struct mc146818 *rtc, uint8_t v)
{
	return rtc->cmos[REG_B] & B_BINARY ? v : (v >> 4) * 10 + (v & 0xf);
}

static uint8_t encode(const struct mc146818 *rtc, unsigned v)
{
	return rtc->cmos[REG_B] & B_BINARY ? v : v / 10 % 10 << 4 | v % 10;
}

static unsigned decode_hour(const struct mc146818 *rtc, uint8_t v)
{
	if (rtc->cmos[REG_B] & B_24H)
		return decode(rtc, v);
	return decode(rtc, v & ~HOUR_PM) % 12 + (v & HOUR_PM ? 12 : 0);
}

static uint8_t encode_hour(const struct mc146818 *rtc, unsigned hour)
{
	if (rtc->cmos[REG_B] & B_24H)
		return encode(rtc, hour);
	return encode(rtc, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? HOUR_PM : 0);
}

/* --- the calendar --- */

static unsigned days_in_month(unsigned month, unsigned year)
{
	bool leap = year % 4 == 0 && (year % 100 || year % 400 == 0);

	if (month == 2)
		return leap ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static void add_days(struct mc146818 *rtc, uint64_t days)
{
	unsigned day = decode(rtc, rtc->cmos[REG_DAY]), month = decode(rtc, rtc->cmos[REG_MONTH]);
	unsigned year = decode(rtc, rtc->cmos[REG_CENTURY]) * 100 +
			decode(rtc, rtc->cmos[REG_YEAR]);
	uint64_t weekday = decode(rtc, rtc->cmos[REG_WEEKDAY]) + 6 + days;

	while (days--) {
		if (++day <= days_in_month(month, year))
			continue;
		day = 1;
		if (++month <= 12)
			continue;
		month = 1;
		year++;
	}
	rtc->cmos[REG_WEEKDAY] = encode(rtc, weekday % 7 + 1);
	rtc->cmos[REG_DAY] = encode(rtc, day);
	rtc->cmos[REG_MONTH] = encode(rtc, month);
	rtc->cmos[REG_YEAR] = encode(rtc, year % 100);
	rtc->cmos[REG_CENTURY] = encode(rtc, year / 100 % 100);
}

static uint64_t second_of_day(const struct mc146818 *rtc)
{
	return decode_hour(rtc, rtc->cmos[REG_HOUR]) * 3600 +
	       decode(rtc, rtc->cmos[REG_MINUTE]) * 60 + decode(rtc, rtc->cmos[REG_SECOND]);
}

/* The date is left alone until midnight, so that one set in steps is not corrected half-way. */
static void add_seconds(struct mc146818 *rtc, uint64_t n)
{
	uint64_t t = second_of_day(rtc) + n, days = t / DAY_SECONDS;

	t %= DAY_SECONDS;
	rtc->cmos[REG_SECOND] = encode(rtc, t % 60);
	rtc->cmos[REG_MINUTE] = encode(rtc, t / 60 % 60);
	rtc->cmos[REG_HOUR] = encode_hour(rtc, t / 3600);
	if (days)
		add_days(rtc, days);
}

static void set_time(struct mc146818 *rtc, const struct tm *tm)
{
	rtc->cmos[REG_SECOND] = encode(rtc, tm->tm_sec > 59 ? 59 : tm->tm_sec);
	rtc->cmos[REG_MINUTE] = encode(rtc, tm->tm_min);
	rtc->cmos[REG_HOUR] = encode_hour(rtc, tm->tm_hour);
	rtc->cmos[REG_WEEKDAY] = encode(rtc, tm->tm_wday + 1);
	rtc->cmos[REG_DAY] = encode(rtc, tm->tm_mday);
	rtc->cmos[REG_MONTH] = encode(rtc, tm->tm_mon + 1);
	rtc->cmos[REG_YEAR] = encode(rtc, tm->tm_year % 100);
	rtc->cmos[REG_CENTURY] = encode(rtc, 19 + tm->tm_year / 100);
}

/* --- the alarm --- */

static int alarm_field(const struct mc146818 *rtc, unsigned reg)
{
	uint8_t v = rtc->cmos[reg];

	if (v >= ALARM_ANY)
		return ANY;
	return reg == REG_HOUR_ALARM ? decode_hour(rtc, v) : decode(rtc, v);
}

static bool differs(int wanted, uint64_t is)
{
	return wanted != ANY && (uint64_t)wanted != is;
}

/* Seconds until the alarm goes off, 1 to 86400; NEVER if it is set to no time of day. */
static uint64_t seconds_to_alarm(const struct mc146818 *rtc)
{
	int second = alarm_field(rtc, REG_SECOND_ALARM);
	int minute = alarm_field(rtc, REG_MINUTE_ALARM);
	int hour = alarm_field(rtc, REG_HOUR_ALARM);
	uint64_t start = second_of_day(rtc), n = 1;

	if (second > 59 || minute > 59 || hour > 23)
		return NEVER;
	while (n <= DAY_SECONDS) {
		uint64_t t = (start + n) % DAY_SECONDS;

		if (differs(hour, t / 3600))
			n += 3600 - t % 3600;
		else if (differs(minute, t / 60 % 60))
			n += 60 - t % 60;
		else if (differs(second, t % 60))
			n++;
		else
			return n;
	}
	return NEVER;
}

/* --- bringing everything up to date --- */

static bool is_divider_reset(const struct mc146818 *rtc)
{
	return (rtc->cmos[REG_A] & A_DIVIDER_RESET) == A_DIVIDER_RESET;
}

static bool is_updating(const struct mc146818 *rtc)
{
	return !(rtc->cmos[REG_B] & B_SET) && !is_divider_reset(rtc);
}

/* "Periodic Interrupt Rate": ticks a second, 0 for none. */
static unsigned rate(const struct mc146818 *rtc)
{
	unsigned rs = rtc->cmos[REG_A] & A_RATE;

	if (rs == 0 || is_divider_reset(rtc))
		return 0;
	return rs < 3 ? 512 >> rs : 65536 >> rs;
}

/* Ticks keep in step with seconds, since every rate divides one. */
static uint64_t divider_phase(const struct mc146818 *rtc)
{
	return rtc->second_start % NS_PER_SEC;
}

static uint64_t ticks_at(const struct mc146818 *rtc, uint64_t t)
{
	return muldiv64(t - divider_phase(rtc), rate(rtc), NS_PER_SEC);
}

static uint64_t tick_time(const struct mc146818 *rtc, uint64_t tick)
{
	uint64_t t = divider_phase(rtc) + muldiv64(tick, NS_PER_SEC, rate(rtc));

	return ticks_at(rtc, t) < tick ? t + 1 : t;
}

static bool is_heard(const struct mc146818 *rtc)
{
	return !rtc->replaced && !irq_ignored(&rtc->irq);
}

/* Every tick counts while somebody takes interrupts for them; else they run into one flag. */
static void update_periodic(struct mc146818 *rtc, uint64_t now)
{
	uint64_t ticks = ticks_at(rtc, now);
	bool each = rtc->cmos[REG_B] & B_PIE && is_heard(rtc);

	if (ticks <= rtc->ticks_seen)
		return;
	if (!each) {
		rtc->cmos[REG_C] |= C_PERIODIC;
		rtc->ticks_seen = ticks;
		return;
	}
	if (ticks - rtc->ticks_seen > rate(rtc)) /* later than a second: lost */
		rtc->ticks_seen = ticks - rate(rtc);
	if (rtc->cmos[REG_C] & C_PERIODIC || now < rtc->not_before)
		return;
	rtc->cmos[REG_C] |= C_PERIODIC;
	rtc->ticks_seen++;
}

static void catch_up(struct mc146818 *rtc)
{
	uint64_t now = rtc_now(rtc), n = (now - rtc->second_start) / NS_PER_SEC;

	if (is_divider_reset(rtc))
		return;
	rtc->second_start += n * NS_PER_SEC;
	update_periodic(rtc, now);
	if (!n || !is_updating(rtc))
		return;
	if (n >= seconds_to_alarm(rtc))
		rtc->cmos[REG_C] |= C_ALARM;
	rtc->cmos[REG_C] |= C_UPDATE;
	add_seconds(rtc, n);
}

/* --- interrupt --- */

static bool is_interrupting(const struct mc146818 *rtc)
{
	return rtc->cmos[REG_C] & rtc->cmos[REG_B] & C_FLAGS;
}

static uint64_t next_tick(const struct mc146818 *rtc)
{
	uint64_t t;

	if (!(rtc->cmos[REG_B] & B_PIE) || !rate(rtc))
		return NEVER;
	t = tick_time(rtc, rtc->ticks_seen + 1);
	return t > rtc->not_before ? t : rtc->not_before;
}

static uint64_t next_update(const struct mc146818 *rtc)
{
	uint64_t n = NEVER;

	if (!is_updating(rtc))
		return NEVER;
	if (rtc->cmos[REG_B] & B_UIE)
		n = 1;
	else if (rtc->cmos[REG_B] & B_AIE)
		n = seconds_to_alarm(rtc);
	return n == NEVER ? NEVER : rtc->second_start + n * NS_PER_SEC;
}

/* While the interrupt is high, nothing that happens can be seen before C is read. */
static void arm(struct mc146818 *rtc)
{
	uint64_t tick = next_tick(rtc), update = next_update(rtc);
	uint64_t when = tick < update ? tick : update;

	if (when == NEVER || !is_heard(rtc) || is_interrupting(rtc))
		timer_cancel(&rtc->timer);
	else
		timer_arm_at(&rtc->timer, when - NS_PER_SEC);
}

static void mc146818_update_irq(struct mc146818 *rtc)
{
	irq_set(&rtc->irq, is_interrupting(rtc) && !rtc->replaced);
	arm(rtc);
}

static void rtc_fire(void *dev)
{
	struct mc146818 *rtc = dev;

	catch_up(rtc);
	mc146818_update_irq(rtc);
}

/* Somebody takes interrupts again, or nobody. Ticks that nobody took are not made up. */
static void hearing_changed(struct mc146818 *rtc)
{
	uint64_t ticks = ticks_at(rtc, rtc_now(rtc));

	if (is_heard(rtc) && rtc->cmos[REG_B] & C_FLAGS) {
		if (ticks > rtc->ticks_seen + 1)
			rtc->ticks_seen = ticks - 1;
		catch_up(rtc);
	}
	mc146818_update_irq(rtc);
}

static void rtc_watch_changed(void *dev)
{
	hearing_changed(dev);
}

void mc146818_set_replaced(struct mc146818 *rtc, bool replaced)
{
	if (rtc->replaced == replaced)
		return;
	rtc->replaced = replaced;
	hearing_changed(rtc);
}

/* --- registers --- */

static uint8_t read_a(const struct mc146818 *rtc)
{
	bool uip = is_updating(rtc) && rtc_now(rtc) - rtc->second_start >= NS_PER_SEC - UIP_NS;

	return rtc->cmos[REG_A] | (uip ? A_UIP : 0);
}

static uint8_t read_c(struct mc146818 *rtc)
{
	uint8_t val = rtc->cmos[REG_C] | (is_interrupting(rtc) ? C_IRQ : 0);
	uint64_t now = rtc_now(rtc), gap = rate(rtc) ? NS_PER_SEC / rate(rtc) / 4 : 0;

	rtc->cmos[REG_C] = 0;
	rtc->not_before = 0;
	if (rate(rtc) && ticks_at(rtc, now) > rtc->ticks_seen)
		rtc->not_before = now + (gap > MIN_GAP ? gap : MIN_GAP);
	mc146818_update_irq(rtc);
	return val;
}

static uint8_t register_read(struct mc146818 *rtc, unsigned reg)
{
	catch_up(rtc);
	switch (reg) {
	case REG_A:
		return read_a(rtc);
	case REG_C:
		return read_c(rtc);
	case REG_D:
		return D_VALID;
	default:
		return rtc->cmos[reg];
	}
}

/* "Divider Control": half a second after the divider is released, the time is updated. */
static void write_a(struct mc146818 *rtc, uint8_t val)
{
	bool was_reset = is_divider_reset(rtc);

	if (rtc->cmos[REG_A] == (val & A_WRITABLE))
		return;
	rtc->cmos[REG_A] = val & A_WRITABLE;
	if (was_reset && !is_divider_reset(rtc))
		rtc->second_start = rtc_now(rtc) - HALF_SECOND;
	rtc->ticks_seen = ticks_at(rtc, rtc_now(rtc));
	rtc->not_before = 0;
}

static void write_b(struct mc146818 *rtc, uint8_t val)
{
	if (val & B_SET && !(rtc->cmos[REG_B] & B_SET))
		val &= ~B_UIE;
	rtc->cmos[REG_B] = val;
}

static void register_write(struct mc146818 *rtc, unsigned reg, uint8_t val)
{
	catch_up(rtc);
	switch (reg) {
	case REG_A:
		write_a(rtc, val);
		break;
	case REG_B:
		write_b(rtc, val);
		break;
	case REG_C:
	case REG_D:
		return;
	default:
		rtc->cmos[reg] = val;
	}
	mc146818_update_irq(rtc);
}

static uint64_t mc146818_read(void *dev, uint64_t off, unsigned size)
{
	struct mc146818 *rtc = dev;

	return off == PORT_DATA ? register_read(rtc, rtc->index) : 0xff;
}

static void mc146818_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct mc146818 *rtc = dev;

	if (off == PORT_DATA)
		register_write(rtc, rtc->index, val);
	else
		rtc->index = val & INDEX_BITS;
}

void mc146818_set_cmos(struct mc146818 *rtc, uint8_t index, uint8_t value)
{
	rtc->cmos[index & INDEX_BITS] = value;
}

/* "RESET": the battery keeps time and memory. */
static void mc146818_reset(void *dev)
{
	struct mc146818 *rtc = dev;

	catch_up(rtc);
	rtc->index &= INDEX_BITS;
	rtc->cmos[REG_B] &= ~(B_PIE | B_AIE | B_UIE | B_SQWE);
	rtc->cmos[REG_C] = 0;
	rtc->ticks_seen = ticks_at(rtc, rtc_now(rtc));
	rtc->not_before = 0;
	mc146818_update_irq(rtc);
}

static int mc146818_loaded(void *dev)
{
	struct mc146818 *rtc = dev;
	uint64_t now = rtc_now(rtc);

	rtc->index &= INDEX_BITS;
	rtc->cmos[REG_A] &= A_WRITABLE;
	rtc->cmos[REG_C] &= C_FLAGS;
	if (rtc->second_start > now) {
		rtc->second_start = now;
		return -EINVAL;
	}
	if (rtc->ticks_seen > ticks_at(rtc, now) || rtc->not_before > now + NS_PER_SEC)
		return -EINVAL;
	mc146818_update_irq(rtc);
	return 0;
}

static const struct region_ops mc146818_io = { mc146818_read, mc146818_write, .min = 1, .max = 1 };

static const struct field mc146818_fields[] = {
	FIELD(struct mc146818, cmos, 1),
	FIELD(struct mc146818, index, 1),
	FIELD(struct mc146818, replaced, 1),
	FIELD(struct mc146818, second_start, 1),
	FIELD(struct mc146818, ticks_seen, 1),
	FIELD(struct mc146818, not_before, 1),
	FIELD_END,
};

static const struct device_class mc146818_class = {
	.name = "mc146818",
	.size = sizeof(struct mc146818),
	.reset = mc146818_reset,
	.fields = mc146818_fields,
	.loaded = mc146818_loaded,
};

/* The host's wall clock is read once; from then on the guest's time is the machine's. */
static void start_clock(struct mc146818 *rtc, bool local_time)
{
	struct timespec ts;
	struct tm tm;

	rtc->cmos[REG_A] = A_POWER_ON;
	rtc->cmos[REG_B] = B_24H;
	clock_gettime(CLOCK_REALTIME, &ts);
	if (local_time)
		localtime_r(&ts.tv_sec, &tm);
	else
		gmtime_r(&ts.tv_sec, &tm);
	set_time(rtc, &tm);
	rtc->second_start = rtc_now(rtc) - ts.tv_nsec;
}

struct mc146818 *mc146818_create(struct machine *m, const struct rtc_options *opt)
{
	struct mc146818 *rtc = device_new(m, &mc146818_class);

	if (!rtc)
		return NULL;
	start_clock(rtc, opt->local_time);
	timer_init(&rtc->timer, m, rtc_fire, rtc);
	timer_name(&rtc->timer, "RTC");
	machine_irq_connect(m, &rtc->irq, IRQ_RTC);
	irq_watch(&rtc->irq, &rtc->watch, rtc_watch_changed, rtc);
	if (region_add(machine_pio(m), &rtc->io, &mc146818_io, rtc, PORT_RTC, PORTS))
		return NULL;
	mc146818_reset(rtc);
	return rtc;
}
