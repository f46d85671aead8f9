// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets of a machine whose four processors all run: asked for by the first, asked for by another,
 * and by triple faults of either. Afterwards only the first runs, and the others start again.
 */
#include "smp.h"

#include "apic.h"
#include "clock.h"
#include "cmos.h"
#include "guest.h"
#include "io.h"

enum { CPUS = 4, STEPS = 4 };

static volatile uint32_t running, order, from_start;

static void by_port_92(void)
{
	out8(0x92, in8(0x92) & ~1);
	out8(0x92, in8(0x92) | 1);
}

static void by_triple_fault(void)
{
	static const struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} no_idt;

	__asm__ volatile("lidt %0; int3" : : "m"(no_idt));
}

static void ask(unsigned now)
{
	if (now < 2)
		by_port_92();
	else
		by_triple_fault();
}

static void other(void)
{
	uint32_t id = read_msr(MSR_APIC_BASE) & APIC_BASE_BOOT ? 0 : apic_id();

	__atomic_fetch_add(&running, 1, __ATOMIC_SEQ_CST);
	while (order != id)
		from_start++;
	ask(cmos_read(CMOS_STEP) - 1);
	for (;;)
		relax();
}

void guest_main(void)
{
	uint8_t now = cmos_read(CMOS_STEP);
	unsigned started = 0;
	uint32_t before;

	apic_on();
	before = from_start;
	delay_us(2000);
	check("others-stand", from_start, before);
	for (uint32_t id = 1; id < CPUS; id++)
		started += smp_start(id, other);
	check("others-start", started, CPUS - 1);
	if (now >= STEPS) {
		cmos_write(CMOS_STEP, 0);
		return;
	}
	cmos_write(CMOS_STEP, now + 1);
	if (now & 1)
		order = 2;
	else
		ask(now);
	delay_us(1000000);
	guest_fail("no-reset");
}
