// SPDX-License-Identifier: GPL-2.0-only
/*
 * Four processors: start by INIT and start-up messages, counting together, interrupts from one to
 * another and to all, I/O APIC delivery to a chosen one, and INIT again.
 * Reference: Intel SDM 3, "Multiple-Processor (MP) Initialization", "Issuing Interprocessor
 * Interrupts".
 */
#include "smp.h"

#include "apic.h"
#include "clock.h"
#include "guest.h"
#include "io.h"
#include "trap.h"

enum { CPUS = 4, ROUNDS = 20000, VECTOR_IPI = 0x55, VECTOR_PIT = 0x66, PIN_PIT = 2 };

static volatile uint32_t plain, locked, alive, go, ids, interrupted, nmis, pit_ids, restarted;

static void count(void)
{
	for (unsigned i = 0; i < ROUNDS; i++)
		__atomic_fetch_add(&locked, 1, __ATOMIC_SEQ_CST);
}

/* Each adds to the counter when it is told to, and then waits for interrupts. */
static void other(void)
{
	apic_on();
	__atomic_fetch_or(&ids, 1u << apic_id(), __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&alive, 1, __ATOMIC_SEQ_CST);
	while (!go)
		relax();
	count();
	__atomic_fetch_add(&plain, 1, __ATOMIC_SEQ_CST);
	for (;;)
		halt();
}

static void again(void)
{
	restarted = 1 + apic_id();
}

static void on_ipi(unsigned vector)
{
	(void)vector;
	__atomic_fetch_or(&interrupted, 1u << apic_id(), __ATOMIC_SEQ_CST);
	apic_end();
}

static void on_pit(unsigned vector)
{
	(void)vector;
	__atomic_fetch_or(&pit_ids, 1u << apic_id(), __ATOMIC_SEQ_CST);
	apic_end();
}

static void on_nmi(unsigned vector)
{
	(void)vector;
	__atomic_fetch_or(&nmis, 1u << apic_id(), __ATOMIC_SEQ_CST);
}

static bool all_counted(void)
{
	return plain == CPUS - 1;
}

static uint32_t interrupted_by(uint32_t to, uint32_t what)
{
	interrupted = 0;
	apic_send(to, what | ICR_ASSERT | VECTOR_IPI);
	interrupts_on();
	delay_us(20000);
	interrupts_off();
	return interrupted;
}

static void check_start(void)
{
	unsigned started = 0;

	for (uint32_t id = 1; id < CPUS; id++)
		started += smp_start(id, other);
	check("started", started, CPUS - 1);
	delay_us(10000);
	check("ids", ids, 0xe);
	check("alive", alive, CPUS - 1);
}

static void check_count(void)
{
	go = 1;
	count();
	check_true("all-counted", wait_until(all_counted, 3000000));
	check("counter", locked, CPUS * ROUNDS);
}

static void check_ipis(void)
{
	trap_handler[VECTOR_IPI] = on_ipi;
	trap_handler[2] = on_nmi;
	check("ipi-to-2", interrupted_by(2, 0), 0x4);
	check("ipi-to-others", interrupted_by(0, ICR_OTHERS), 0xe);
	check("ipi-to-all", interrupted_by(0, ICR_ALL), 0xf);
	check("ipi-to-self", interrupted_by(0, ICR_SELF), 0x1);
	apic_send(3, ICR_NMI | ICR_ASSERT);
	delay_us(20000);
	check("nmi-to-3", nmis, 0x8);
}

/* The PIT, once, to processor 1. */
static void check_ioapic(void)
{
	trap_handler[VECTOR_PIT] = on_pit;
	out8(0x43, 0x30);
	ioapic_set_entry(PIN_PIT, 1ull << 56 | VECTOR_PIT);
	out8(0x40, 0x00);
	out8(0x40, 0x10);
	interrupts_on();
	delay_us(50000);
	interrupts_off();
	check("ioapic-to-1", pit_ids, 0x2);
	ioapic_set_entry(PIN_PIT, RTE_MASKED);
}

static void check_again(void)
{
	check_true("starts-again", smp_start(3, again));
	delay_us(10000);
	check("started-again-id", restarted, 4);
	smp_stop(1);
	check("stopped-takes-nothing", interrupted_by(0, ICR_OTHERS), 0x4);
}

void guest_main(void)
{
	trap_init();
	pic_init();
	apic_on();
	check_start();
	check_count();
	check_ipis();
	check_ioapic();
	check_again();
}
