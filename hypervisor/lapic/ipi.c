// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts on their way to local APICs: from other processors, from devices, from inside. All of
 * it may run in any context: it sets bits, and makes the vCPU look.
 * Missing: SMI; ExtINT (the 8259A's vector comes by hv_interrupt()); focus processors.
 *
 * Reference: Intel SDM 3, "Issuing Interprocessor Interrupts", "Error Handling", "Message Signalled
 * Interrupts".
 */
#include "lapic/lapic_reg.h"

/* True when it did not stand there already; if it did, the vCPU has been told. TMR comes first. */
static bool request(struct lapic *l, uint8_t vector, bool level)
{
	unsigned w = vector / 32;
	uint32_t bit = 1u << vector % 32;

	if (!(cpu_load(&l->reg[LAPIC_TMR + w]) & bit) == level) {
		if (level)
			cpu_or(&l->reg[LAPIC_TMR + w], bit);
		else
			cpu_and(&l->reg[LAPIC_TMR + w], ~bit);
	}
	if (cpu_or(&l->reg[LAPIC_IRR + w], bit) & bit)
		return false;
	cpu_or(&l->irr_words, 1u << w);
	return true;
}

void lapic_accept(struct hv_vcpu *v, uint8_t vector, bool level)
{
	if (vector < LAPIC_FIRST_VECTOR)
		lapic_error(v, ESR_RECEIVE_VECTOR);
	else if (request(&v->lapic, vector, level))
		hv_vcpu_poke(v);
}

void lapic_fire(struct hv_vcpu *v, enum lapic_reg lvt)
{
	uint32_t entry = cpu_load(&v->lapic.reg[lvt]);

	if (entry & LVT_MASKED)
		return;
	if ((entry & LVT_VECTOR) < LAPIC_FIRST_VECTOR)
		lapic_error(v, ESR_RECEIVE_VECTOR);
	else
		request(&v->lapic, entry & LVT_VECTOR, false);
}

/* One interrupt for all errors until ESR is written; so an illegal vector for it ends there too. */
void lapic_error(struct hv_vcpu *v, uint32_t error)
{
	if (cpu_or(&v->lapic.esr_pending, error))
		return;
	lapic_fire(v, LAPIC_LVT_ERROR);
	hv_vcpu_poke(v);
}

/* --- whom it is for --- */

static bool logical_match(const struct hv_vcpu *v, uint32_t dest)
{
	uint32_t ldr = cpu_load(&v->lapic.reg[LAPIC_LDR]);

	if (lapic_x2apic(v))
		return dest >> 16 == ldr >> 16 && dest & ldr & 0xffff;
	if (dest > 0xff)
		return false;
	ldr >>= 24;
	if (cpu_load(&v->lapic.reg[LAPIC_DFR]) >> 28) /* flat model */
		return dest & ldr;
	return dest >> 4 == ldr >> 4 && dest & ldr & 0xf;
}

static bool is_for(const struct hv_vcpu *v, const struct hv_vcpu *from,
		   const struct lapic_message *m)
{
	if (!lapic_enabled(v))
		return false;
	switch (m->shorthand) {
	case LAPIC_TO_SELF:
		return v == from;
	case LAPIC_TO_ALL:
		return true;
	case LAPIC_TO_OTHERS:
		return v != from;
	}
	if (m->dest == (m->dest_x2apic ? 0xffffffff : 0xff))
		return true;
	return m->logical ? logical_match(v, m->dest) : m->dest == v->lapic.id;
}

/* 1 when it was taken. SMI, ExtINT and the reserved mode go nowhere. */
static int deliver_to(struct hv_vcpu *v, const struct lapic_message *m)
{
	if (m->level && !m->assert)
		return 0; /* INIT's level goes away: for processors older than these */
	switch (m->mode) {
	case LAPIC_FIXED:
	case LAPIC_LOWEST:
		if (!lapic_software_enabled(v))
			return 0;
		lapic_accept(v, m->vector, m->level);
		return m->vector >= LAPIC_FIRST_VECTOR;
	case LAPIC_NMI:
		hv_vcpu_request(v, HV_REQ_NMI);
		return 1;
	case LAPIC_INIT: /* what was to start it before starts it no more */
		cpu_and(&v->requests, ~HV_REQ_SIPI);
		hv_vcpu_request(v, HV_REQ_INIT);
		return 1;
	case LAPIC_SIPI:
		cpu_store(&v->sipi_vector, m->vector);
		hv_vcpu_request(v, HV_REQ_SIPI);
		return 1;
	}
	return 0;
}

/*
 * Lowest priority: of those with the lowest PPR the first, counted from a place that the vector
 * chooses, so that vectors spread over the processors and each stays on its own.
 */
static int deliver_lowest(struct hv_vm *vm, struct hv_vcpu *from, const struct lapic_message *m)
{
	unsigned n = cpu_load(&vm->n_vcpus), least = 0x100;
	struct hv_vcpu *best = NULL;

	for (unsigned i = 0; i < n; i++) {
		struct hv_vcpu *v = cpu_load(&vm->vcpu[(m->vector + i) % n]);

		if (!v || !is_for(v, from, m) || !lapic_software_enabled(v))
			continue;
		if (lapic_ppr(&v->lapic) < least) {
			least = lapic_ppr(&v->lapic);
			best = v;
		}
	}
	return best ? deliver_to(best, m) : 0;
}

int lapic_deliver(struct hv_vm *vm, struct hv_vcpu *from, const struct lapic_message *m)
{
	int taken = 0;

	if (m->shorthand == LAPIC_TO_DEST && !m->logical && m->dest < HV_MAX_VCPUS) {
		struct hv_vcpu *v = cpu_load(&vm->vcpu[m->dest]);

		return v && lapic_enabled(v) ? deliver_to(v, m) : 0;
	}
	if (m->mode == LAPIC_LOWEST)
		return deliver_lowest(vm, from, m);
	HV_EACH_VCPU(v, vm)
		if (is_for(v, from, m))
			taken += deliver_to(v, m);
	return taken;
}

/* --- senders --- */

/* An IPI is an edge whatever the ICR says, but for INIT's level de-assert. */
void lapic_send_ipi(struct hv_vcpu *v)
{
	uint32_t icr = v->lapic.reg[LAPIC_ICR];
	bool x2apic = lapic_x2apic(v);
	struct lapic_message m = {
		.dest = x2apic ? v->lapic.reg[LAPIC_ICR_HIGH] : v->lapic.reg[LAPIC_ICR_HIGH] >> 24,
		.dest_x2apic = x2apic,
		.vector = icr & LVT_VECTOR,
		.mode = icr >> 8 & 7,
		.logical = icr & ICR_LOGICAL,
		.assert = icr & ICR_ASSERT,
		.shorthand = icr >> 18 & 3,
	};

	m.level = m.mode == LAPIC_INIT && icr & ICR_LEVEL;
	if (m.mode <= LAPIC_LOWEST && m.vector < LAPIC_FIRST_VECTOR)
		lapic_error(v, ESR_SEND_VECTOR);
	else
		lapic_deliver(v->vm, v, &m);
}

int lapic_send_ipis(struct hv_vcpu *v, uint32_t first, const uint64_t to[2], uint32_t icr)
{
	struct lapic_message m = {
		.dest_x2apic = true,
		.vector = icr & LVT_VECTOR,
		.mode = icr >> 8 & 7,
		.assert = true,
	};
	int taken = 0;

	if (icr & (ICR_LOGICAL | ICR_SHORTHAND))
		return -EINVAL;
	for (unsigned i = 0; i < 128 && (uint64_t)first + i < HV_MAX_VCPUS; i++) {
		m.dest = first + i;
		if (to[i / 64] >> (i % 64) & 1)
			taken += lapic_deliver(v->vm, v, &m);
	}
	return taken;
}

/*
 * Bits 40 to 63 of the address are bits 8 to 31 of the destination, as KVM_CAP_X2APIC_API has it.
 * A redirection hint with a logical destination means lowest priority.
 */
int lapic_send_msi(struct hv_vm *vm, uint64_t address, uint32_t data)
{
	uint32_t high = address >> 32 & 0xffffff00;
	struct lapic_message m = {
		.dest = (address >> 12 & 0xff) | high,
		.dest_x2apic = high != 0,
		.logical = address & 4,
		.vector = data & LVT_VECTOR,
		.mode = data >> 8 & 7,
		.level = data & ICR_LEVEL,
		.assert = true,
	};

	if (m.mode == LAPIC_FIXED && m.logical && address & 8)
		m.mode = LAPIC_LOWEST;
	return lapic_deliver(vm, NULL, &m);
}
