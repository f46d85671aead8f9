/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC's registers in constants, and what the three files of this room share.
 * Reference: Intel SDM 3, "Local APIC Register Address Map", "x2APIC Register Address Space".
 */
#ifndef HV_LAPIC_REG_H
#define HV_LAPIC_REG_H

#include "core/core.h"

/* Offset in the page is 16 times the number; the MSR is MSR_X2APIC plus the number. */
enum lapic_reg {
	LAPIC_ID = 0x02, LAPIC_VERSION = 0x03, LAPIC_TPR = 0x08, LAPIC_APR = 0x09, LAPIC_PPR = 0x0a,
	LAPIC_EOI = 0x0b, LAPIC_RRD = 0x0c, LAPIC_LDR = 0x0d, LAPIC_DFR = 0x0e, LAPIC_SVR = 0x0f,
	LAPIC_ISR = 0x10, LAPIC_TMR = 0x18, LAPIC_IRR = 0x20, LAPIC_ESR = 0x28,
	LAPIC_CMCI = 0x2f, LAPIC_ICR = 0x30, LAPIC_ICR_HIGH = 0x31,
	LAPIC_LVT_TIMER, LAPIC_LVT_THERMAL, LAPIC_LVT_PERF, LAPIC_LVT_LINT0, LAPIC_LVT_LINT1,
	LAPIC_LVT_ERROR,
	LAPIC_INITIAL = 0x38, LAPIC_CURRENT = 0x39, LAPIC_DIVIDE = 0x3e, LAPIC_SELF_IPI = 0x3f,
};

enum {
	LVT_VECTOR = 0xff, LVT_MODE = 0x700, LVT_EXTINT = 0x700, LVT_BUSY = 0x1000,
	LVT_REMOTE_IRR = 0x4000, LVT_MASKED = 0x10000,
	LVT_TIMER_MODE = 0x60000, LVT_PERIODIC = 0x20000, LVT_DEADLINE = 0x40000,
	LVT_SENSOR = 0x117ff, LVT_LINT = 0x1f7ff, /* all that the entry of one has */
};

/* Delivery modes: ICR, LVT, messages. */
enum {
	LAPIC_FIXED, LAPIC_LOWEST, LAPIC_SMI, LAPIC_NMI = 4, LAPIC_INIT, LAPIC_SIPI, LAPIC_EXTINT,
};

enum { LAPIC_TO_DEST, LAPIC_TO_SELF, LAPIC_TO_ALL, LAPIC_TO_OTHERS }; /* shorthands */

enum {
	ICR_LOGICAL = 0x800, ICR_BUSY = 0x1000, ICR_ASSERT = 0x4000, ICR_LEVEL = 0x8000,
	ICR_SHORTHAND = 0xc0000,
	ICR_VALID = 0xcdfff,
};

enum { SVR_VECTOR = 0xff, SVR_ENABLE = 0x100, SVR_FOCUS = 0x200, SVR_NO_EOI_BROADCAST = 0x1000 };
enum { VERSION_BASIC = 6 << 16 | 0x14, VERSION_NO_EOI_BROADCAST = 1 << 24 };
enum { ESR_SEND_VECTOR = 0x20, ESR_RECEIVE_VECTOR = 0x40, ESR_REGISTER = 0x80, ESR_ALL = 0xe0 };

enum { LAPIC_FIRST_VECTOR = 16, LAPIC_BUS_NS = 1 }; /* below: illegal; 1 GHz before the divider */

static inline bool lapic_x2apic(const struct hv_vcpu *v)
{
	return (v->lapic.base & (APIC_BASE_ENABLE | APIC_BASE_X2APIC)) ==
	       (APIC_BASE_ENABLE | APIC_BASE_X2APIC);
}

uint8_t lapic_ppr(const struct lapic *l); /* processor priority; any thread may ask for a guess */

/* ipi.c */
void lapic_error(struct hv_vcpu *v, uint32_t error); /* ESR_*; any context */
void lapic_fire(struct hv_vcpu *v, enum lapic_reg lvt); /* timer, error; does not poke */

/* timer.c */
void lapic_timer_settle(struct hv_vcpu *v); /* what is due by now happens: before a change */
void lapic_timer_write(struct hv_vcpu *v, enum lapic_reg reg, uint32_t val); /* of its registers */
void lapic_timer_resume(struct hv_vcpu *v, uint32_t current); /* the count goes on from there */

#endif
