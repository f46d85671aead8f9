// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local APIC and I/O APIC. Reference: Intel SDM 3, "Advanced Programmable Interrupt Controller";
 * Intel 82093AA data sheet, "Register Description".
 */
#include "apic.h"

#include "io.h"

#define LOCAL  0xfee00000u
#define IOAPIC 0xfec00000u
enum { WINDOW = 0x10, RTE_INDEX = 0x10 };

static bool by_msrs(void)
{
	return read_msr(MSR_APIC_BASE) & APIC_BASE_X2;
}

void apic_on(void)
{
	write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | APIC_BASE_ON);
	apic_write(APIC_SPURIOUS, 0x1ff);
	apic_write(APIC_TPR, 0);
}

void apic_use_msrs(void)
{
	write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | APIC_BASE_ON | APIC_BASE_X2);
}

uint32_t apic_read(unsigned reg)
{
	return by_msrs() ? read_msr(MSR_X2APIC + reg / 16) : *mem32(LOCAL + reg);
}

void apic_write(unsigned reg, uint32_t v)
{
	if (by_msrs())
		write_msr(MSR_X2APIC + reg / 16, v);
	else
		*mem32(LOCAL + reg) = v;
}

void apic_end(void)
{
	apic_write(APIC_EOI, 0);
}

uint32_t apic_id(void)
{
	return by_msrs() ? apic_read(APIC_ID) : apic_read(APIC_ID) >> 24;
}

void apic_send(uint32_t to, uint32_t what)
{
	if (by_msrs()) {
		write_msr(MSR_X2APIC + APIC_ICR / 16, (uint64_t)to << 32 | what);
		return;
	}
	apic_write(APIC_ICR_HIGH, to << 24);
	apic_write(APIC_ICR, what);
	for (unsigned i = 0; i < 100000 && apic_read(APIC_ICR) & ICR_BUSY; i++)
		relax();
}

uint32_t ioapic_read(unsigned reg)
{
	*mem32(IOAPIC) = reg;
	return *mem32(IOAPIC + WINDOW);
}

void ioapic_write(unsigned reg, uint32_t v)
{
	*mem32(IOAPIC) = reg;
	*mem32(IOAPIC + WINDOW) = v;
}

uint64_t ioapic_entry(unsigned pin)
{
	uint64_t high = ioapic_read(RTE_INDEX + 2 * pin + 1);

	return high << 32 | ioapic_read(RTE_INDEX + 2 * pin);
}

/* Masked meanwhile, so that no half of an entry is ever used. */
void ioapic_set_entry(unsigned pin, uint64_t rte)
{
	ioapic_write(RTE_INDEX + 2 * pin, RTE_MASKED);
	ioapic_write(RTE_INDEX + 2 * pin + 1, rte >> 32);
	ioapic_write(RTE_INDEX + 2 * pin, rte);
}
