// SPDX-License-Identifier: GPL-2.0-only
/*
 * The HPET: its counter against the PM timer, one-shot and periodic comparators, levels, and
 * legacy replacement of PIT and RTC.
 * Reference: IA-PC HPET Specification 1.0a, "Register Overview", "Theory of Operation".
 */
#include "apic.h"
#include "clock.h"
#include "guest.h"
#include "io.h"
#include "trap.h"

#define HPET 0xfed00000ull
enum { CAPABILITIES = 0x000, CONFIG = 0x010, STATUS = 0x020, COUNTER = 0x0f0, TIMER0 = 0x100,
       TIMER_SPAN = 0x20, COMPARATOR = 0x08 };
enum { ENABLE = 0x1, LEGACY = 0x2 };
enum { T_LEVEL = 0x02, T_INT = 0x04, T_PERIODIC = 0x08, T_SET = 0x40, T_32BIT = 0x100,
       T_ROUTE = 9 };
enum { PIN = 16, PIN_PIT = 2, PIN_RTC = 8, VECTOR = 0x60, VECTOR_PIT = 0x61, VECTOR_RTC = 0x62,
       TICKS = 20, TICK_US = 10000, FS_PER_US = 1000000000 };

static uint32_t hz;
static struct stopwatch since;
static volatile uint32_t first_at, last_at, ticks, in_level;

static volatile uint64_t *timer_reg(unsigned n, unsigned reg)
{
	return mem64(HPET + TIMER0 + n * TIMER_SPAN + reg);
}

static uint32_t read_counter(void)
{
	return *mem32(HPET + COUNTER);
}

static void on_tick(unsigned vector)
{
	(void)vector;
	if (ticks <= TICKS)
		last_at = stopwatch_ticks(&since);
	if (!ticks++)
		first_at = last_at;
	in_level += *mem32(HPET + STATUS) & 1;
	*mem32(HPET + STATUS) = 1;
	apic_end();
}

static bool ticked(void)
{
	return ticks;
}

static bool ticked_enough(void)
{
	return ticks > TICKS;
}

static void begin(void)
{
	ticks = in_level = 0;
	stopwatch_start(&since);
	interrupts_on();
}

static uint32_t in_ticks(uint32_t us)
{
	return muldiv(hz, us, 1000000);
}

/* Whatever was under way by then still comes; what was counted stays as it was. */
static void quiet(void)
{
	uint32_t counted = ticks;

	for (unsigned n = 0; n < 3; n++)
		*timer_reg(n, 0) = 0;
	*mem32(HPET + STATUS) = 7;
	delay_us(1000);
	interrupts_off();
	ticks = counted;
}

static void check_counter(void)
{
	uint64_t caps = *mem64(HPET + CAPABILITIES);
	uint32_t period = caps >> 32, frozen;

	check_range("period-fs", period, 1, 0x05f5e100);
	check_range("timers", (caps >> 8 & 0x1f) + 1, 3, 32);
	check("legacy-capable", caps >> 15 & 1, 1);
	hz = FS_PER_US / (period / 1000) * 1000;
	*mem64(HPET + CONFIG) = 0;
	*mem64(HPET + COUNTER) = 0xfffff000;
	frozen = read_counter();
	delay_us(1000);
	check("stands", read_counter(), frozen);
	*mem64(HPET + CONFIG) = ENABLE;
	delay_us(1000);
	check("64-bits", *mem64(HPET + COUNTER) >> 32, caps >> 13 & 1);
	check_near("rate", counter_rate(read_counter, UINT32_MAX, hz, 100000), hz, 2);
}

static void check_one_shot(void)
{
	ioapic_set_entry(PIN, VECTOR);
	begin();
	*timer_reg(0, COMPARATOR) = *mem64(HPET + COUNTER) + in_ticks(TICK_US);
	*timer_reg(0, 0) = T_INT | PIN << T_ROUTE;
	check("route", *timer_reg(0, 0) >> T_ROUTE & 0x1f, PIN);
	check_true("one-shot", wait_until(ticked, 1000000));
	delay_us(3 * TICK_US);
	interrupts_off();
	check("one-shot-once", ticks, 1);
	check_range("one-shot-time", muldiv(first_at, 1000000, PM_HZ), TICK_US * 90 / 100,
		    TICK_US * 10);
	quiet();
}

static uint32_t periods_us(void)
{
	begin();
	*timer_reg(0, 0) = T_INT | T_PERIODIC | T_SET | PIN << T_ROUTE;
	*timer_reg(0, COMPARATOR) = *mem64(HPET + COUNTER) + in_ticks(TICK_US);
	*timer_reg(0, COMPARATOR) = in_ticks(TICK_US);
	wait_until(ticked_enough, 3000000);
	quiet();
	return muldiv(last_at - first_at, 1000000, PM_HZ);
}

static void check_periodic(void)
{
	check_time("periodic-time", periods_us, TICKS * TICK_US, 5);
	check("edge-has-no-status", in_level, 0);
}

static void check_level(void)
{
	ioapic_set_entry(PIN, RTE_LEVEL | VECTOR);
	begin();
	*timer_reg(0, COMPARATOR) = *mem64(HPET + COUNTER) + in_ticks(TICK_US);
	*timer_reg(0, 0) = T_INT | T_LEVEL | PIN << T_ROUTE;
	check_true("level", wait_until(ticked, 1000000));
	delay_us(TICK_US);
	quiet();
	check("level-once", ticks, 1);
	check("level-status", in_level, 1);
	check("level-status-cleared", *mem32(HPET + STATUS), 0);
	ioapic_set_entry(PIN, RTE_MASKED);
}

/* Timer 0 takes the PIT's place, timer 1 the RTC's, and neither of those is heard. */
static void check_legacy(void)
{
	ioapic_set_entry(PIN_PIT, VECTOR_PIT);
	ioapic_set_entry(PIN_RTC, VECTOR_RTC);
	out8(0x43, 0x34);
	out8(0x40, 0x00);
	out8(0x40, 0x08); /* the PIT at 583 Hz */
	*mem64(HPET + CONFIG) = ENABLE | LEGACY;
	begin();
	delay_us(TICK_US); /* the PIT's last one may still have been under way */
	trap_count[VECTOR_PIT] = 0;
	delay_us(3 * TICK_US);
	check("pit-replaced", trap_count[VECTOR_PIT], 0);
	*timer_reg(0, COMPARATOR) = *mem64(HPET + COUNTER) + in_ticks(TICK_US);
	*timer_reg(0, 0) = T_INT;
	*timer_reg(1, COMPARATOR) = *mem64(HPET + COUNTER) + in_ticks(TICK_US);
	*timer_reg(1, 0) = T_INT;
	delay_us(4 * TICK_US);
	check("timer-0-as-pit", trap_count[VECTOR_PIT], 1);
	check("timer-1-as-rtc", trap_count[VECTOR_RTC], 1);
	quiet();
	*mem64(HPET + CONFIG) = ENABLE;
	interrupts_on();
	delay_us(3 * TICK_US);
	interrupts_off();
	check_true("pit-back", trap_count[VECTOR_PIT] > 2);
	out8(0x43, 0x30);
}

void guest_main(void)
{
	trap_init();
	pic_init();
	apic_on();
	trap_handler[VECTOR] = trap_handler[VECTOR_PIT] = trap_handler[VECTOR_RTC] = on_tick;
	check_counter();
	check_one_shot();
	check_periodic();
	check_level();
	check_legacy();
}
