// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of a vCPU as its user reads and sets it: whole groups, checked so that no entry is
 * refused for them and nothing that the host loads into its own registers can fault.
 *
 * References: Intel SDM 3, "Checks on the Guest State Area"; AMD APM 2, "Canonicalization and
 * Consistency Checks".
 */
#include "core/core.h"

#define SPAN(group, first, last)                                                                   \
	{ group, offsetof(struct hv_state, first),                                                 \
	  offsetof(struct hv_state, last) + sizeof(((struct hv_state *)0)->last) }

/* Where the groups are; without CR8, which is the local APIC's. */
static const struct span {
	uint32_t group, from, to;
} spans[] = {
	SPAN(HV_GPR, gpr, rflags), SPAN(HV_SEG, seg, cpl),
	SPAN(HV_CR, cr0, pdpte),   SPAN(HV_DR, dr, dr7),
	SPAN(HV_MSR, star, spec_ctrl), SPAN(HV_EVENT, shadow_sti, nmi_masked),
};

static void copy_groups(struct hv_state *to, const struct hv_state *from, uint32_t groups)
{
	for (const struct span *s = spans; s < spans + HV_ARRAY(spans); s++)
		if (groups & s->group)
			memcpy((char *)to + s->from, (const char *)from + s->from, s->to - s->from);
}

void hv_vcpu_get(struct hv_vcpu *v, struct hv_state *s, uint32_t groups)
{
	host_lock(&v->lock);
	hv_need(v, groups);
	copy_groups(s, &v->st, groups);
	if (groups & HV_GPR)
		s->cr8 = lapic_cr8(v);
	hv_vcpu_unlock(v);
}

/* Those whose base the processor takes with 64 bits. */
static bool bases_valid(const struct hv_state *s)
{
	return hv_canonical(s->seg[HV_FS].base) && hv_canonical(s->seg[HV_GS].base) &&
	       hv_canonical(s->seg[HV_TR].base) && hv_canonical(s->seg[HV_LDTR].base) &&
	       hv_canonical(s->gdt.base) && hv_canonical(s->idt.base);
}

static bool groups_valid(struct hv_vcpu *v, const struct hv_state *s, uint32_t groups)
{
	struct hv_control c = { s->cr0, s->cr3, s->cr4, s->efer };

	if ((groups & HV_GPR) && s->cr8 > 15)
		return false;
	if ((groups & HV_SEG) && (s->cpl > 3 || !bases_valid(s)))
		return false;
	if ((groups & HV_CR) && !hv_control_valid(v, &c))
		return false;
	if ((groups & HV_DR) && (s->dr6 >> 32 || s->dr7 >> 32))
		return false;
	return !(groups & HV_MSR) || hv_msr_group_valid(v, s);
}

static bool same_control(const struct hv_state *a, const struct hv_state *b)
{
	return a->cr0 == b->cr0 && a->cr3 == b->cr3 && a->cr4 == b->cr4 && a->efer == b->efer;
}

/* Bits that are fixed in a processor are so whatever the user says. */
static void fix_bits(struct hv_state *st)
{
	st->rflags |= RFLAGS_RESERVED1;
	st->cr0 |= CR0_ET;
	st->dr6 = (st->dr6 & DR6_KNOWN) | DR6_FIXED;
	st->dr7 = (st->dr7 & DR7_KNOWN) | DR7_FIXED;
}

/* What a guest's own writes would do besides. */
static void control_changed(struct hv_vcpu *v)
{
	struct hv_state *st = &v->st;

	if ((st->cr0 & CR0_PG) && (st->cr4 & CR4_PAE) && !(st->efer & EFER_LMA))
		hv_load_pdptes(v, st->cr3); /* the user's own stay if memory has none yet */
	hv_vcpu_bind(v);
	hv_ops->flush_tlb(v, false);
}

int hv_vcpu_set(struct hv_vcpu *v, const struct hv_state *s, uint32_t groups)
{
	bool same;

	host_lock(&v->lock);
	if (!groups_valid(v, s, groups)) {
		host_unlock(&v->lock);
		return -EINVAL;
	}
	hv_touch(v, groups);
	same = !(groups & HV_CR) || same_control(&v->st, s);
	copy_groups(&v->st, s, groups);
	fix_bits(&v->st); /* of groups that are not current it is rubbish, before and after */
	if (groups & HV_GPR) {
		lapic_set_cr8(v, s->cr8);
		v->exception.type = HV_EV_NONE; /* it belonged to what ran before */
	}
	if (!same)
		control_changed(v);
	hv_vcpu_unlock(v);
	return 0;
}
