// SPDX-License-Identifier: GPL-2.0-only
/*
 * The processor's state as the KVM API has it, from and to the core's: registers, segments, events,
 * local APIC, debugging. Nothing is decided here but what the API's own fields mean.
 *
 * Missing: system management mode, exception payloads (neither is offered).
 *
 * Reference: Linux, "The Definitive KVM API Documentation".
 */
#include <linux/bitmap.h>
#include <linux/string.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "glue.h"

/* --- general registers --- */

/* kvm_regs has RAX RBX RCX RDX RSI RDI RSP RBP, then R8 to R15. */
static const u8 gpr_order[HV_GPRS] = {
	HV_RAX, HV_RBX, HV_RCX, HV_RDX, HV_RSI, HV_RDI, HV_RSP, HV_RBP,
	HV_R8, HV_R9, HV_R10, HV_R11, HV_R12, HV_R13, HV_R14, HV_R15,
};

static_assert(offsetof(struct kvm_regs, rip) == HV_GPRS * sizeof(u64));

int state_get_regs(struct vcpu *vcpu, struct kvm_regs *r)
{
	struct hv_state s;
	u64 *to = (u64 *)r;
	int err = hv_vcpu_get(vcpu->hv, &s, HV_GPR);

	if (err)
		return err;
	for (unsigned int i = 0; i < HV_GPRS; i++)
		to[i] = s.gpr[gpr_order[i]];
	r->rip = s.rip;
	r->rflags = s.rflags;
	return 0;
}

/* CR8 is in the same group of the core's, and stays. */
int state_set_regs(struct vcpu *vcpu, const struct kvm_regs *r)
{
	struct hv_state s;
	const u64 *from = (const u64 *)r;
	int err = hv_vcpu_get(vcpu->hv, &s, HV_GPR);

	if (err)
		return err;
	for (unsigned int i = 0; i < HV_GPRS; i++)
		s.gpr[gpr_order[i]] = from[i];
	s.rip = r->rip;
	s.rflags = r->rflags;
	return hv_vcpu_set(vcpu->hv, &s, HV_GPR);
}

/* --- segments and control registers --- */

/* hv_seg.attr: bits 40 to 55 of a descriptor. */
enum {
	ATTR_S = 4, ATTR_DPL = 5, ATTR_P = 7, ATTR_AVL = 12, ATTR_L = 13, ATTR_DB = 14, ATTR_G = 15,
};

static void get_seg(struct kvm_segment *to, const struct hv_seg *from)
{
	*to = (struct kvm_segment){
		.base = from->base,
		.limit = from->limit,
		.selector = from->selector,
		.type = from->attr & 15,
		.s = from->attr >> ATTR_S & 1,
		.dpl = from->attr >> ATTR_DPL & 3,
		.present = from->attr >> ATTR_P & 1,
		.avl = from->attr >> ATTR_AVL & 1,
		.l = from->attr >> ATTR_L & 1,
		.db = from->attr >> ATTR_DB & 1,
		.g = from->attr >> ATTR_G & 1,
		.unusable = !(from->attr >> ATTR_P & 1),
	};
}

static void set_seg(struct hv_seg *to, const struct kvm_segment *from)
{
	*to = (struct hv_seg){
		.base = from->base,
		.limit = from->limit,
		.selector = from->selector,
		.attr = (from->type & 15) | (from->s & 1) << ATTR_S | (from->dpl & 3) << ATTR_DPL |
			(from->present & !from->unusable & 1) << ATTR_P | (from->avl & 1) << ATTR_AVL |
			(from->l & 1) << ATTR_L | (from->db & 1) << ATTR_DB | (from->g & 1) << ATTR_G,
	};
}

static void get_segs(struct kvm_sregs *r, const struct hv_state *s)
{
	get_seg(&r->cs, &s->seg[HV_CS]);
	get_seg(&r->ds, &s->seg[HV_DS]);
	get_seg(&r->es, &s->seg[HV_ES]);
	get_seg(&r->fs, &s->seg[HV_FS]);
	get_seg(&r->gs, &s->seg[HV_GS]);
	get_seg(&r->ss, &s->seg[HV_SS]);
	get_seg(&r->tr, &s->seg[HV_TR]);
	get_seg(&r->ldt, &s->seg[HV_LDTR]);
	r->gdt.base = s->gdt.base;
	r->gdt.limit = s->gdt.limit;
	r->idt.base = s->idt.base;
	r->idt.limit = s->idt.limit;
}

/* The API has no CPL of its own: it is SS's. */
static void set_segs(struct hv_state *s, const struct kvm_sregs *r)
{
	set_seg(&s->seg[HV_CS], &r->cs);
	set_seg(&s->seg[HV_DS], &r->ds);
	set_seg(&s->seg[HV_ES], &r->es);
	set_seg(&s->seg[HV_FS], &r->fs);
	set_seg(&s->seg[HV_GS], &r->gs);
	set_seg(&s->seg[HV_SS], &r->ss);
	set_seg(&s->seg[HV_TR], &r->tr);
	set_seg(&s->seg[HV_LDTR], &r->ldt);
	s->cpl = r->ss.dpl & 3;
	s->gdt = (struct hv_table){ .base = r->gdt.base, .limit = r->gdt.limit };
	s->idt = (struct hv_table){ .base = r->idt.base, .limit = r->idt.limit };
}

int state_get_sregs(struct vcpu *vcpu, struct kvm_sregs *r)
{
	struct hv_events e;
	struct hv_state s;
	int err = hv_vcpu_get(vcpu->hv, &s, HV_GPR | HV_SEG | HV_CR);

	if (!err)
		err = hv_msr_get(vcpu->hv, MSR_IA32_APICBASE, &r->apic_base, true);
	if (err)
		return err;
	get_segs(r, &s);
	r->cr0 = s.cr0;
	r->cr2 = s.cr2;
	r->cr3 = s.cr3;
	r->cr4 = s.cr4;
	r->cr8 = s.cr8;
	r->efer = s.efer;
	hv_events_get(vcpu->hv, &e);
	memset(r->interrupt_bitmap, 0, sizeof(r->interrupt_bitmap));
	if (e.event.type == HV_EV_INTR)
		r->interrupt_bitmap[e.event.vector / 64] |= 1ull << e.event.vector % 64;
	return 0;
}

/* An interrupt whose delivery is to begin: at most one makes sense, the first counts. */
static int set_interrupt(struct vcpu *vcpu, const __u64 bitmap[4])
{
	struct hv_events e;

	for (unsigned int i = 0; i < 4; i++) {
		if (!bitmap[i])
			continue;
		hv_events_get(vcpu->hv, &e);
		e.event = (struct hv_event){ .type = HV_EV_INTR, .vector = i * 64 + __ffs64(bitmap[i]) };
		e.exception_pending = false;
		return hv_events_set(vcpu->hv, &e);
	}
	return 0;
}

int state_set_sregs(struct vcpu *vcpu, const struct kvm_sregs *r)
{
	struct hv_state s;
	int err = hv_vcpu_get(vcpu->hv, &s, HV_GPR | HV_SEG | HV_CR);

	if (err)
		return err;
	set_segs(&s, r);
	s.cr0 = r->cr0;
	s.cr2 = r->cr2;
	s.cr3 = r->cr3;
	s.cr4 = r->cr4;
	s.cr8 = r->cr8;
	s.efer = r->efer;
	if (r->cr8 > 15)
		return -EINVAL;
	err = hv_msr_set(vcpu->hv, MSR_IA32_APICBASE, r->apic_base, true);
	if (!err)
		err = hv_vcpu_set(vcpu->hv, &s, HV_GPR | HV_SEG | HV_CR);
	if (!err)
		err = set_interrupt(vcpu, r->interrupt_bitmap);
	return err ? -EINVAL : 0;
}

int state_get_debugregs(struct vcpu *vcpu, struct kvm_debugregs *d)
{
	struct hv_state s;
	int err = hv_vcpu_get(vcpu->hv, &s, HV_DR);

	if (err)
		return err;
	memset(d, 0, sizeof(*d));
	memcpy(d->db, s.dr, sizeof(d->db));
	d->dr6 = s.dr6;
	d->dr7 = s.dr7;
	return 0;
}

int state_set_debugregs(struct vcpu *vcpu, const struct kvm_debugregs *d)
{
	struct hv_state s;

	if (d->flags || d->dr6 >> 32 || d->dr7 >> 32)
		return -EINVAL;
	memcpy(s.dr, d->db, sizeof(s.dr));
	s.dr6 = d->dr6;
	s.dr7 = d->dr7;
	return hv_vcpu_set(vcpu->hv, &s, HV_DR);
}

int state_get_xcrs(struct vcpu *vcpu, struct kvm_xcrs *x)
{
	memset(x, 0, sizeof(*x));
	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return 0;
	x->nr_xcrs = 1;
	x->xcrs[0].value = hv_xcr0_get(vcpu->hv);
	return 0;
}

int state_set_xcrs(struct vcpu *vcpu, const struct kvm_xcrs *x)
{
	if (!boot_cpu_has(X86_FEATURE_XSAVE) || x->nr_xcrs > KVM_MAX_XCRS || x->flags)
		return -EINVAL;
	for (unsigned int i = 0; i < x->nr_xcrs; i++)
		if (x->xcrs[i].xcr == 0) /* there is no other */
			return hv_xcr0_set(vcpu->hv, x->xcrs[i].value);
	return 0;
}

/* --- events --- */

int state_get_events(struct vcpu *vcpu, struct kvm_vcpu_events *to)
{
	const struct hv_event *ev;
	struct hv_events e;

	hv_events_get(vcpu->hv, &e);
	ev = &e.event;
	memset(to, 0, sizeof(*to));
	if (ev->type == HV_EV_EXCEPTION) {
		to->exception.injected = 1;
		to->exception.nr = ev->vector;
		to->exception.has_error_code = ev->has_error;
		to->exception.error_code = ev->error;
	}
	to->interrupt.injected = ev->type == HV_EV_INTR || ev->type == HV_EV_SOFT;
	if (to->interrupt.injected) {
		to->interrupt.nr = ev->vector;
		to->interrupt.soft = ev->type == HV_EV_SOFT;
	}
	to->interrupt.shadow = (e.shadow_movss ? KVM_X86_SHADOW_INT_MOV_SS : 0) |
			       (e.shadow_sti ? KVM_X86_SHADOW_INT_STI : 0);
	to->nmi.injected = ev->type == HV_EV_NMI;
	to->nmi.pending = e.nmi_pending;
	to->nmi.masked = e.nmi_masked;
	to->sipi_vector = e.sipi_vector;
	to->flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
	return 0;
}

/* The API can name several at once; the one that comes first in the processor's own order counts. */
static struct hv_event one_event(const struct kvm_vcpu_events *from)
{
	struct hv_event ev = { .type = HV_EV_NONE };

	if (from->exception.injected) {
		ev.type = HV_EV_EXCEPTION;
		ev.vector = from->exception.nr;
		ev.has_error = from->exception.has_error_code;
		ev.error = from->exception.error_code;
	} else if (from->nmi.injected) {
		ev.type = HV_EV_NMI;
		ev.vector = 2;
	} else if (from->interrupt.injected) {
		ev.type = from->interrupt.soft ? HV_EV_SOFT : HV_EV_INTR;
		ev.vector = from->interrupt.nr;
	}
	return ev;
}

int state_set_events(struct vcpu *vcpu, const struct kvm_vcpu_events *from)
{
	const u32 known = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR |
			  KVM_VCPUEVENT_VALID_SHADOW;
	struct hv_events e;

	if (from->flags & ~known || from->interrupt.shadow &
	    ~(KVM_X86_SHADOW_INT_MOV_SS | KVM_X86_SHADOW_INT_STI))
		return -EINVAL;
	hv_events_get(vcpu->hv, &e);
	e.event = one_event(from);
	e.exception_pending = false; /* "injected": its effects, CR2 say, have been had already */
	e.nmi_masked = from->nmi.masked;
	if (from->flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
		e.nmi_pending = from->nmi.pending;
	if (from->flags & KVM_VCPUEVENT_VALID_SHADOW) {
		e.shadow_movss = from->interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS;
		e.shadow_sti = from->interrupt.shadow & KVM_X86_SHADOW_INT_STI;
	}
	if (from->flags & KVM_VCPUEVENT_VALID_SIPI_VECTOR)
		e.sipi_vector = from->sipi_vector;
	return hv_events_set(vcpu->hv, &e);
}

/* --- local APIC, INIT and SIPI --- */

enum { APIC_ID_WORD = 0x20 };

/* In x2APIC mode the ID fills its register; the API has it in the top byte, unless told otherwise. */
static bool narrow_id(struct vcpu *vcpu)
{
	u64 base = 0;

	hv_msr_get(vcpu->hv, MSR_IA32_APICBASE, &base, true);
	return base & X2APIC_ENABLE && !vcpu->vm->wide_apic_ids;
}

int state_get_lapic(struct vcpu *vcpu, struct kvm_lapic_state *s)
{
	u32 *id = (u32 *)(s->regs + APIC_ID_WORD);

	memset(s, 0, sizeof(*s));
	hv_lapic_get(vcpu->hv, s->regs);
	if (narrow_id(vcpu))
		*id <<= 24;
	return 0;
}

int state_set_lapic(struct vcpu *vcpu, struct kvm_lapic_state *s)
{
	u32 *id = (u32 *)(s->regs + APIC_ID_WORD);

	if (narrow_id(vcpu))
		*id >>= 24;
	return hv_lapic_set(vcpu->hv, s->regs);
}

static const u32 mp_states[] = {
	[HV_MP_RUN] = KVM_MP_STATE_RUNNABLE,
	[HV_MP_WAIT_INIT] = KVM_MP_STATE_UNINITIALIZED,
	[HV_MP_WAIT_SIPI] = KVM_MP_STATE_INIT_RECEIVED,
	[HV_MP_HALTED] = KVM_MP_STATE_HALTED,
};

int state_get_mp(struct vcpu *vcpu, struct kvm_mp_state *m)
{
	m->mp_state = mp_states[hv_mp_get(vcpu->hv)];
	return 0;
}

int state_set_mp(struct vcpu *vcpu, const struct kvm_mp_state *m)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(mp_states); i++)
		if (mp_states[i] == m->mp_state)
			return hv_mp_set(vcpu->hv, i);
	return -EINVAL;
}

/* --- debugging --- */

static int inject_trap(struct vcpu *vcpu, u8 vector)
{
	struct hv_events e;

	hv_events_get(vcpu->hv, &e);
	if (e.event.type == HV_EV_EXCEPTION)
		return -EBUSY;
	e.event = (struct hv_event){ .type = HV_EV_EXCEPTION, .vector = vector };
	e.exception_pending = true;
	return hv_events_set(vcpu->hv, &e);
}

int state_set_debug(struct vcpu *vcpu, const struct kvm_guest_debug *d)
{
	const u32 known = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_SW_BP |
			  KVM_GUESTDBG_USE_HW_BP | KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP;
	struct hv_debug debug = {
		.on = d->control & KVM_GUESTDBG_ENABLE,
		.step = d->control & KVM_GUESTDBG_SINGLESTEP,
		.soft_bp = d->control & KVM_GUESTDBG_USE_SW_BP,
		.hard_bp = d->control & KVM_GUESTDBG_USE_HW_BP,
		.dr7 = d->arch.debugreg[7],
	};
	int err = 0;

	if (d->control & ~known)
		return -EINVAL;
	if (d->control & KVM_GUESTDBG_INJECT_DB)
		err = inject_trap(vcpu, 1);
	else if (d->control & KVM_GUESTDBG_INJECT_BP)
		err = inject_trap(vcpu, 3);
	if (err)
		return err;
	memcpy(debug.dr, d->arch.debugreg, sizeof(debug.dr));
	return hv_debug_set(vcpu->hv, &debug);
}
