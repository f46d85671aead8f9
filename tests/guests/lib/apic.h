/* SPDX-License-Identifier: GPL-2.0-only */
/* The local APIC, by memory or by MSRs, and the I/O APIC, in 64-bit guests. */
#ifndef GUESTS_APIC_H
#define GUESTS_APIC_H

#include <stdbool.h>
#include <stdint.h>

enum {
	APIC_ID = 0x20,
	APIC_VERSION = 0x30,
	APIC_TPR = 0x80,
	APIC_EOI = 0xb0,
	APIC_SPURIOUS = 0xf0,
	APIC_ISR = 0x100,
	APIC_IRR = 0x200,
	APIC_ESR = 0x280,
	APIC_ICR = 0x300,
	APIC_ICR_HIGH = 0x310,
	APIC_LVT_TIMER = 0x320,
	APIC_LVT_LINT0 = 0x350,
	APIC_TIMER_INITIAL = 0x380,
	APIC_TIMER_CURRENT = 0x390,
	APIC_TIMER_DIVIDE = 0x3e0,
};
enum {
	ICR_FIXED = 0x000,
	ICR_NMI = 0x400,
	ICR_INIT = 0x500,
	ICR_STARTUP = 0x600,
	ICR_BUSY = 0x1000,
	ICR_ASSERT = 0x4000,
	ICR_SELF = 0x40000,
	ICR_ALL = 0x80000,
	ICR_OTHERS = 0xc0000,
};
enum { LVT_MASKED = 0x10000, LVT_PERIODIC = 0x20000, LVT_DEADLINE = 0x40000, LVT_EXTINT = 0x700 };
enum { MSR_APIC_BASE = 0x1b, MSR_TSC_DEADLINE = 0x6e0, MSR_X2APIC = 0x800 };
enum { APIC_BASE_BOOT = 0x100, APIC_BASE_X2 = 0x400, APIC_BASE_ON = 0x800 };

/* Turns the local APIC of this processor on, with vector 0xff as the spurious one. */
void apic_on(void);
void apic_use_msrs(void); /* x2APIC from now on, on this processor */
uint32_t apic_read(unsigned reg);
void apic_write(unsigned reg, uint32_t v);
void apic_end(void);
uint32_t apic_id(void);
void apic_send(uint32_t to, uint32_t what);

enum { IOAPIC_ID = 0, IOAPIC_VERSION = 1, IOAPIC_PINS = 24 };
#define RTE_MASKED 0x10000ull
#define RTE_LEVEL  0x8000ull
#define RTE_REMOTE 0x4000ull
uint32_t ioapic_read(unsigned reg);
void ioapic_write(unsigned reg, uint32_t v);
uint64_t ioapic_entry(unsigned pin);
void ioapic_set_entry(unsigned pin, uint64_t rte);

#endif
