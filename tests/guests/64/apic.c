// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC: identity, self IPI, priorities, timer one-shot, periodic and by deadline against
 * the PM timer, the 8259A through LINT0, and all of it that matters by x2APIC.
 * Reference: Intel SDM 3, "Advanced Programmable Interrupt Controller (APIC)".
 */
#include "apic.h"
#include "clock.h"
#include "guest.h"
#include "io.h"
#include "trap.h"

enum { VECTOR_TIMER = 0x50, VECTOR_LOW = 0x41, VECTOR_HIGH = 0x91, TICKS = 20 };
enum { DIVIDE_BY_16 = 0x3, TICK_US = 10000 };

static struct stopwatch since;
static volatile uint32_t first_at, last_at, ticks;
static volatile uint8_t order[4];
static volatile unsigned served;

static void on_timer(unsigned vector)
{
	(void)vector;
	if (ticks <= TICKS)
		last_at = stopwatch_ticks(&since);
	if (!ticks++)
		first_at = last_at;
	apic_end();
}

static void on_vector(unsigned vector)
{
	order[served++ & 3] = vector;
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

static void let_in(void)
{
	interrupts_on();
	delay_us(1000);
	interrupts_off();
}

static uint32_t read_timer(void)
{
	return -apic_read(APIC_TIMER_CURRENT);
}

static uint32_t read_clock(void)
{
	return read_tsc() >> 8;
}

static void check_identity(void)
{
	uint32_t regs[4];

	cpuid(1, regs);
	check("cpuid-has-apic", regs[3] >> 9 & 1, 1);
	check("id-is-cpuid's", apic_id(), regs[1] >> 24);
	check("boot-processor", read_msr(MSR_APIC_BASE) & APIC_BASE_BOOT, APIC_BASE_BOOT);
	check("base", read_msr(MSR_APIC_BASE) & 0xfffff000, 0xfee00000);
	check("version", apic_read(APIC_VERSION) & 0xf0, 0x10);
}

static void check_priorities(void)
{
	trap_handler[VECTOR_LOW] = trap_handler[VECTOR_HIGH] = on_vector;
	served = 0;
	apic_send(0, ICR_SELF | ICR_ASSERT | VECTOR_LOW);
	apic_send(0, ICR_SELF | ICR_ASSERT | VECTOR_HIGH);
	check("requested", apic_read(APIC_IRR + 0x10 * (VECTOR_HIGH / 32)) >> VECTOR_HIGH % 32 & 1,
	      1);
	let_in();
	check("self-ipis", served, 2);
	check("high-first", order[0], VECTOR_HIGH);
	served = 0;
	apic_write(APIC_TPR, 0x80);
	apic_send(apic_id(), ICR_ASSERT | VECTOR_LOW);
	apic_send(apic_id(), ICR_ASSERT | VECTOR_HIGH);
	let_in();
	check("tpr-holds-low", served, 1);
	check("tpr-lets-high", order[0], VECTOR_HIGH);
	check("tpr-reads", apic_read(APIC_TPR), 0x80);
	apic_write(APIC_TPR, 0);
	let_in();
	check("tpr-lets-low", order[1], VECTOR_LOW);
}

static void timer(uint32_t lvt, uint32_t count)
{
	ticks = 0;
	stopwatch_start(&since);
	apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_16);
	apic_write(APIC_LVT_TIMER, lvt | VECTOR_TIMER);
	apic_write(APIC_TIMER_INITIAL, count);
}

static uint32_t timer_hz;

static uint32_t rate(void)
{
	return counter_rate(read_timer, UINT32_MAX, 0, 100000);
}

static uint32_t periods_us(void)
{
	timer(LVT_PERIODIC, muldiv(timer_hz, TICK_US, 1000000));
	interrupts_on();
	wait_until(ticked_enough, 3000000);
	interrupts_off();
	return muldiv(last_at - first_at, 1000000, PM_HZ);
}

static void check_timer(void)
{
	trap_handler[VECTOR_TIMER] = on_timer;
	timer(LVT_MASKED, UINT32_MAX);
	timer_hz = rate();
	check_time("timer-steady", rate, timer_hz, 2);

	timer(0, muldiv(timer_hz, TICK_US, 1000000));
	interrupts_on();
	check_true("one-shot", wait_until(ticked, 1000000));
	delay_us(3 * TICK_US);
	interrupts_off();
	check("one-shot-once", ticks, 1);
	check_range("one-shot-time", muldiv(first_at, 1000000, PM_HZ), TICK_US * 95 / 100,
		    TICK_US * 10);
	check("one-shot-over", apic_read(APIC_TIMER_CURRENT), 0);

	check_time("periodic-time", periods_us, TICKS * TICK_US, 5);
	timer(LVT_MASKED, 0);
	let_in(); /* the last one may still have been under way */
	ticks = 0;
	interrupts_on();
	delay_us(3 * TICK_US);
	interrupts_off();
	check("timer-off", ticks, 0);
}

static void check_deadline(void)
{
	uint32_t regs[4], hz;

	cpuid(1, regs);
	if (!(regs[2] >> 24 & 1)) {
		say("note no TSC deadline here\n");
		return;
	}
	hz = counter_rate(read_clock, UINT32_MAX, 0, 100000);
	timer(LVT_DEADLINE, 0);
	write_msr(MSR_TSC_DEADLINE, read_tsc() + 256ull * muldiv(hz, TICK_US, 1000000));
	interrupts_on();
	check_true("deadline", wait_until(ticked, 1000000));
	interrupts_off();
	check_range("deadline-time", muldiv(first_at, 1000000, PM_HZ), TICK_US * 95 / 100,
		    TICK_US * 10);
	check64("deadline-cleared", read_msr(MSR_TSC_DEADLINE), 0);
	apic_write(APIC_LVT_TIMER, LVT_MASKED);
}

static void on_pic(unsigned vector)
{
	(void)vector;
	in8(0x60);
}

/* Without an I/O APIC entry, interrupts come from the 8259A by way of LINT0. */
static void check_lint0(void)
{
	pic_init();
	trap_handler[VECTOR_PIC + 1] = on_pic;
	pic_mask(1, false);
	out8(0x64, 0x60);
	out8(0x60, 0x01);
	apic_write(APIC_LVT_LINT0, LVT_EXTINT);
	out8(0x64, 0xd2);
	out8(0x60, 0x33);
	let_in();
	check("8259-through-lint0", irq_count(1), 1);
	pic_mask(1, true);
}

static void check_x2apic(void)
{
	uint32_t regs[4], id = apic_id();

	cpuid(1, regs);
	if (!check("cpuid-has-x2apic", regs[2] >> 21 & 1, 1))
		return;
	apic_use_msrs();
	check("x2apic-id", apic_id(), id);
	check("x2apic-keeps-version", apic_read(APIC_VERSION) & 0xf0, 0x10);
	served = 0;
	write_msr(MSR_X2APIC + 0x3f, VECTOR_LOW); /* the self IPI register */
	let_in();
	check("x2apic-self-ipi", served, 1);
	apic_send(id, ICR_ASSERT | VECTOR_HIGH);
	let_in();
	check("x2apic-ipi", order[1], VECTOR_HIGH);
	check("x2apic-logical-id", read_msr(MSR_X2APIC + 0x0d), (id >> 4) << 16 | 1u << (id & 15));
}

void guest_main(void)
{
	trap_init();
	pic_init();
	apic_on();
	check_identity();
	check_priorities();
	check_timer();
	check_deadline();
	check_lint0();
	check_x2apic();
}
