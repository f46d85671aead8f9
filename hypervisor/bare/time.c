// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time on the bare machine: the clock is the TSC, timers are a list behind the local APIC's
 * one-shot timer; both are measured against the 8254 once. Missing: the date, which is a constant.
 *
 * References: Intel SDM 3, "APIC Timer"; Intel 8254 data sheet, "Mode 0".
 */
#include "bare.h"

enum { PIT_HZ = 1193182, CALIBRATION_MS = 10, PORT_B = 0x61, PORT_B_GATE = 1, PORT_B_OUT = 0x20 };
enum { APIC_LVT_TIMER = 0x320, APIC_INITIAL = 0x380, APIC_CURRENT = 0x390, APIC_DIVIDE = 0x3e0 };
enum { LEAF_POWER = (int)0x80000007, INVARIANT_TSC = 0x100 };
enum { DIVIDE_BY_1 = 0xb, MIN_TICKS = 16 };
static const uint64_t apic_base = 0xfee00000, boot_day_ns = 1577836800000000000; /* 2020-01-01 */

static struct {
	uint64_t tsc_start, tsc_khz, apic_khz;
	struct host_timer *first; /* by when_ns; interrupts off */
} clock;

uint32_t apic_read(uint32_t reg)
{
	return *(volatile uint32_t *)(apic_base + reg);
}

void apic_write(uint32_t reg, uint32_t val)
{
	*(volatile uint32_t *)(apic_base + reg) = val;
}

struct host_tsc host_tsc(void)
{
	return (struct host_tsc){ .khz = clock.tsc_khz,
				  .steady = cpu_cpuid(LEAF_POWER, 0).edx & INVARIANT_TSC };
}

uint64_t host_now_ns(void)
{
	uint64_t ticks = cpu_rdtsc() - clock.tsc_start;

	return ticks / clock.tsc_khz * 1000000 + ticks % clock.tsc_khz * 1000000 / clock.tsc_khz;
}

uint64_t host_wall_ns(void)
{
	return boot_day_ns + host_now_ns();
}

/* Asks for an interrupt when the first timer is due. */
static void program(void)
{
	uint64_t now = host_now_ns(), ns, ticks;

	if (!clock.first) {
		apic_write(APIC_INITIAL, 0);
		return;
	}
	ns = clock.first->when_ns > now ? clock.first->when_ns - now : 0;
	ns = ns > 1000000000 ? 1000000000 : ns; /* early is fine: it is programmed again */
	ticks = ns * clock.apic_khz / 1000000;
	apic_write(APIC_INITIAL, (uint32_t)(ticks < MIN_TICKS ? MIN_TICKS : ticks));
}

void time_interrupt(void)
{
	struct host_timer *t;

	while ((t = clock.first) && t->when_ns <= host_now_ns()) {
		clock.first = t->next;
		t->armed = false;
		t->fire(t->arg);
	}
	program();
}

void host_timer_init(struct host_timer *t, void (*fire)(void *arg), void *arg)
{
	*t = (struct host_timer){ .fire = fire, .arg = arg };
}

static void take_out(struct host_timer *t)
{
	struct host_timer **at = &clock.first;

	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
	t->armed = false;
}

void host_timer_arm(struct host_timer *t, uint64_t when_ns)
{
	uint64_t flags = cpu_irq_off();
	struct host_timer **at = &clock.first;

	BUG_ON(!t->fire);
	take_out(t);
	while (*at && (*at)->when_ns <= when_ns)
		at = &(*at)->next;
	t->when_ns = when_ns;
	t->next = *at;
	t->armed = true;
	*at = t;
	program();
	cpu_irq_restore(flags);
}

void host_timer_stop(struct host_timer *t)
{
	uint64_t flags = cpu_irq_off();

	take_out(t);
	program();
	cpu_irq_restore(flags);
}

/* Channel 2 counts once from n; its output is a bit of port B. */
static void pit_start(uint16_t n)
{
	outb(PORT_B, (uint8_t)((inb(PORT_B) & ~3u) | PORT_B_GATE));
	outb(0x43, 0xb0);
	outb(0x42, (uint8_t)n);
	outb(0x42, (uint8_t)(n >> 8));
}

void time_init(void)
{
	uint64_t tsc, ticks;

	apic_write(APIC_SVR, 0x100 | TRAP_SPURIOUS);
	apic_write(APIC_TPR, 0);
	apic_write(APIC_DIVIDE, DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, TRAP_TIMER);
	pit_start(PIT_HZ * CALIBRATION_MS / 1000);
	tsc = cpu_rdtsc();
	asm volatile("cli");
	apic_write(APIC_LVT_TIMER, 1 << 16 | TRAP_TIMER);
	apic_write(APIC_INITIAL, ~0u);
	while (!(inb(PORT_B) & PORT_B_OUT))
		;
	ticks = ~0u - apic_read(APIC_CURRENT);
	clock.tsc_start = cpu_rdtsc();
	clock.tsc_khz = (clock.tsc_start - tsc) / CALIBRATION_MS;
	clock.apic_khz = ticks / CALIBRATION_MS;
	BUG_ON(!clock.tsc_khz || !clock.apic_khz);
	apic_write(APIC_INITIAL, 0);
	apic_write(APIC_LVT_TIMER, TRAP_TIMER);
}
