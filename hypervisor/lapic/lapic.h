/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC, xAPIC and x2APIC. Its registers belong to its vCPU ([v]); other threads only set
 * bits of IRR and TMR ([a]), read what addresses it (id, LDR, DFR, base: single words), and kick.
 *
 * References: Intel SDM 3, "Advanced Programmable Interrupt Controller (APIC)"; AMD APM 2, chapter
 * of the same name.
 */
#ifndef HV_LAPIC_H
#define HV_LAPIC_H

#include "host.h"

struct hv_vm;
struct hv_vcpu;

enum { LAPIC_REGS = 64, LAPIC_WORDS = 8 }; /* of 32 bits each; 8 words are 256 vectors */

struct lapic {
	uint64_t base;		   /* [v] MSR_APIC_BASE */
	uint32_t id;		   /* [I] the vCPU's, in both modes; read-only to the guest */
	uint32_t reg[LAPIC_REGS];  /* [v], IRR and TMR [a]; by enum lapic_reg, as in the page */
	uint32_t irr_words;	   /* [a] bit for each word of IRR that is not 0; set after it */
	uint32_t isr_words;	   /* [v] the same for ISR, exactly */
	int16_t isr_highest;	   /* [v] -1: none */
	int16_t eoi_offered;	   /* [v] the vector that the guest may end by its word, -1: none */
	uint32_t esr_pending;	   /* [a] errors since the last write of ESR */
	uint64_t timer_start_ns;   /* [v] when the count, or its period, began; 0: it stands at 0 */
	uint64_t deadline;	   /* [v] guest's MSR_TSC_DEADLINE, 0: disarmed */
	struct host_timer timer;
	bool timer_armed;	   /* [v] */
	uint32_t timer_fired;	   /* [a] expired, not yet turned into an interrupt */
};

/* --- lapic.c: registers and priority; vCPU lock held --- */

void lapic_init(struct hv_vcpu *v);  /* once: with timer.c's */
void lapic_reset(struct hv_vcpu *v, bool init); /* power-on, or INIT (which keeps base and id) */
void lapic_fini(struct hv_vcpu *v);

/* The page at base; off 0 to 0xfff, size 1 to 8: what is not an aligned word of 32 bits reads 0. */
uint32_t lapic_read(struct hv_vcpu *v, uint32_t off);
void lapic_write(struct hv_vcpu *v, uint32_t off, uint32_t val);
/* MSR 0x800 + reg. 0; -EINVAL: #GP. */
int lapic_msr_read(struct hv_vcpu *v, uint32_t msr, uint64_t *val);
int lapic_msr_write(struct hv_vcpu *v, uint32_t msr, uint64_t val);
int lapic_set_base(struct hv_vcpu *v, uint64_t val, bool by_user); /* -EINVAL: #GP */
/* Is gpa in the page, and is that page there? */
bool lapic_covers(const struct hv_vcpu *v, uint64_t gpa);

uint8_t lapic_cr8(const struct hv_vcpu *v);
void lapic_set_cr8(struct hv_vcpu *v, uint8_t cr8);

/* The vector that may be delivered now, by priority; -1: none. Any thread may ask for a guess. */
int lapic_pending(const struct hv_vcpu *v);
/* Highest requested vector whatever the priority, -1: none. */
int lapic_requested(const struct hv_vcpu *v);
/* The processor takes it: from IRR to ISR. */
void lapic_take(struct hv_vcpu *v, int vector);
/* End of interrupt; what is to be told to the user is left in v->eoi_pending (see core.h). */
void lapic_eoi(struct hv_vcpu *v);

/*
 * KVM's paravirtual EOI (MSR_KVM_PV_EOI), around each entry: the offer; is one that was made to be
 * taken back before; what the guest has made of it. The first and the last may sleep.
 */
void lapic_eoi_offer(struct hv_vcpu *v);
bool lapic_eoi_overtaken(const struct hv_vcpu *v);
void lapic_eoi_collect(struct hv_vcpu *v);

/* The page as KVM_GET_LAPIC has it, and back. */
void lapic_save(struct hv_vcpu *v, void *regs1k);
int lapic_load(struct hv_vcpu *v, const void *regs1k); /* -EINVAL */

/* Does the 8259A's output reach this processor through LINT0 (or no APIC at all)? */
bool lapic_takes_extint(const struct hv_vcpu *v);
bool lapic_enabled(const struct hv_vcpu *v);	    /* by base */
bool lapic_software_enabled(const struct hv_vcpu *v); /* by base and SVR */

/* --- timer.c --- */

void lapic_timer_init(struct hv_vcpu *v);
void lapic_timer_update(struct hv_vcpu *v); /* after each change of it, or of the guest's TSC */
void lapic_timer_sleep(struct hv_vcpu *v);  /* before a sleep, which no deadline ends */
uint32_t lapic_timer_current(const struct hv_vcpu *v);
uint64_t lapic_deadline(const struct hv_vcpu *v);
void lapic_set_deadline(struct hv_vcpu *v, uint64_t tsc); /* guest's TSC */
/* Turns an expiry into the interrupt, and goes on with a periodic one. Before each entry. */
void lapic_timer_poll(struct hv_vcpu *v);

/* --- ipi.c: delivery; any context unless said otherwise --- */

struct lapic_message {
	uint32_t dest;
	uint8_t vector, mode; /* delivery mode: LAPIC_FIXED ... */
	bool logical, level, assert;
	bool dest_x2apic; /* dest has 32 bits */
	uint8_t shorthand;
};
/* To whom it goes; from: the sender, NULL for a device. How many took it. */
int lapic_deliver(struct hv_vm *vm, struct hv_vcpu *from, const struct lapic_message *m);
/* One interrupt into one APIC. */
void lapic_accept(struct hv_vcpu *v, uint8_t vector, bool level);
/* The ICR has been written: send. Vendor's vCPU lock held. */
void lapic_send_ipi(struct hv_vcpu *v);
/*
 * To processors from the APIC ID first on, one for each bit, by the lower half of an ICR without
 * destination. How many took it; -EINVAL: it has one.
 */
int lapic_send_ipis(struct hv_vcpu *v, uint32_t first, const uint64_t to[2], uint32_t icr);
int lapic_send_msi(struct hv_vm *vm, uint64_t address, uint32_t data);

#endif
