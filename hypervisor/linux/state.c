// SPDX-License-Identifier: GPL-2.0-only
/*
 * The processor's state as the KVM API has it, from and to the core's: registers, segments, FPU,
 * events, local APIC, debugging. Nothing is decided here but what the API's fields mean.
 *
 * Missing: system management mode, exception payloads, AMX, PKRU (none is offered).
 *
 * Reference: Linux, "The Definitive KVM API Documentation".
 */
#include <linux/bitops.h>
#include <linux/string.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>

#include "glue.h"

/* --- general registers --- */

/* kvm_regs has RAX RBX RCX RDX RSI RDI RSP RBP, R8 to R15, RIP, RFLAGS. */
static const u8 gpr_order[HV_GPRS] = {
	HV_RAX, HV_RBX, HV_RCX, HV_RDX, HV_RSI, HV_RDI, HV_RSP, HV_RBP,
	HV_R8, HV_R9, HV_R10, HV_R11, HV_R12, HV_R13, HV_R14, HV_R15,
};

static long get_regs(struct vcpu *vcpu, void *arg, void __user *user)
{
	struct kvm_regs *r = arg;
	struct hv_state s;

	hv_vcpu_get(vcpu->hv, &s, HV_GPR);
	for (unsigned int i = 0; i < HV_GPRS; i++)
		((u64 *)arg)[i] = s.gpr[gpr_order[i]];
	r->rip = s.rip;
	r->rflags = s.rflags;
	return 0;
}

/* CR8 is in the same group of the core's, and stays. */
static long set_regs(struct vcpu *vcpu, void *arg, void __user *user)
{
	const struct kvm_regs *r = arg;
	struct hv_state s;

	hv_vcpu_get(vcpu->hv, &s, HV_GPR);
	for (unsigned int i = 0; i < HV_GPRS; i++)
		s.gpr[gpr_order[i]] = ((u64 *)arg)[i];
	s.rip = r->rip;
	s.rflags = r->rflags;
	return hv_vcpu_set(vcpu->hv, &s, HV_GPR);
}

/* --- segments and control registers --- */

/* kvm_sregs begins with eight kvm_segment. */
static const u8 seg_order[HV_SEGS] = {
	HV_CS, HV_DS, HV_ES, HV_FS, HV_GS, HV_SS, HV_TR, HV_LDTR,
};

/* Fields of a byte, and where they are in hv_seg.attr: as in bits 40 to 55 of a descriptor. */
static const struct seg_field {
	u8 at, shift, mask;
} seg_fields[] = {
	{ offsetof(struct kvm_segment, type), 0, 15 },
	{ offsetof(struct kvm_segment, s), 4, 1 },
	{ offsetof(struct kvm_segment, dpl), 5, 3 },
	{ offsetof(struct kvm_segment, present), 7, 1 },
	{ offsetof(struct kvm_segment, avl), 12, 1 },
	{ offsetof(struct kvm_segment, l), 13, 1 },
	{ offsetof(struct kvm_segment, db), 14, 1 },
	{ offsetof(struct kvm_segment, g), 15, 1 },
};

static struct kvm_segment get_seg(const struct hv_seg *from)
{
	struct kvm_segment to = {
		.base = from->base, .limit = from->limit, .selector = from->selector,
	};

	for (const struct seg_field *f = seg_fields; f < seg_fields + ARRAY_SIZE(seg_fields); f++)
		((u8 *)&to)[f->at] = from->attr >> f->shift & f->mask;
	to.unusable = !to.present;
	return to;
}

static struct hv_seg set_seg(struct kvm_segment from)
{
	struct hv_seg to = { .base = from.base, .limit = from.limit, .selector = from.selector };

	from.present &= !from.unusable;
	for (const struct seg_field *f = seg_fields; f < seg_fields + ARRAY_SIZE(seg_fields); f++)
		to.attr |= (((u8 *)&from)[f->at] & f->mask) << f->shift;
	return to;
}

static long get_sregs(struct vcpu *vcpu, void *arg, void __user *user)
{
	struct kvm_segment *seg = arg;
	struct kvm_sregs *r = arg;
	struct hv_events e;
	struct hv_state s;

	hv_vcpu_get(vcpu->hv, &s, HV_GPR | HV_SEG | HV_CR);
	hv_msr_get(vcpu->hv, MSR_IA32_APICBASE, &r->apic_base);
	for (unsigned int i = 0; i < HV_SEGS; i++)
		seg[i] = get_seg(&s.seg[seg_order[i]]);
	r->gdt = (struct kvm_dtable){ .base = s.gdt.base, .limit = s.gdt.limit };
	r->idt = (struct kvm_dtable){ .base = s.idt.base, .limit = s.idt.limit };
	r->cr0 = s.cr0;
	r->cr2 = s.cr2;
	r->cr3 = s.cr3;
	r->cr4 = s.cr4;
	r->cr8 = s.cr8;
	r->efer = s.efer;
	hv_events_get(vcpu->hv, &e);
	if (e.event.type == HV_EV_INTR)
		r->interrupt_bitmap[e.event.vector / 64] |= 1ull << e.event.vector % 64;
	return 0;
}

/* An interrupt whose delivery is to begin: at most one makes sense, the first counts. */
static int set_interrupt(struct vcpu *vcpu, const __u64 bitmap[4])
{
	struct hv_events e;
	unsigned int i;

	for (i = 0; i < 4 && !bitmap[i]; i++)
		;
	if (i == 4)
		return 0;
	hv_events_get(vcpu->hv, &e);
	e.event = (struct hv_event){ .type = HV_EV_INTR, .vector = i * 64 + __ffs(bitmap[i]) };
	e.exception_pending = false;
	return hv_events_set(vcpu->hv, &e);
}

/* The API has no CPL of its own: it is SS's. */
static long set_sregs(struct vcpu *vcpu, void *arg, void __user *user)
{
	const struct kvm_segment *seg = arg;
	const struct kvm_sregs *r = arg;
	struct hv_state s;
	int err;

	if (r->cr8 > 15)
		return -EINVAL;
	hv_vcpu_get(vcpu->hv, &s, HV_GPR | HV_SEG | HV_CR);
	for (unsigned int i = 0; i < HV_SEGS; i++)
		s.seg[seg_order[i]] = set_seg(seg[i]);
	s.cpl = r->ss.dpl & 3;
	s.gdt = (struct hv_table){ .base = r->gdt.base, .limit = r->gdt.limit };
	s.idt = (struct hv_table){ .base = r->idt.base, .limit = r->idt.limit };
	s.cr0 = r->cr0;
	s.cr2 = r->cr2;
	s.cr3 = r->cr3;
	s.cr4 = r->cr4;
	s.cr8 = r->cr8;
	s.efer = r->efer;
	err = hv_msr_set(vcpu->hv, MSR_IA32_APICBASE, r->apic_base);
	if (!err)
		err = hv_vcpu_set(vcpu->hv, &s, HV_GPR | HV_SEG | HV_CR);
	return err ? -EINVAL : set_interrupt(vcpu, r->interrupt_bitmap);
}

static long get_debugregs(struct vcpu *vcpu, void *arg, void __user *user)
{
	struct kvm_debugregs *d = arg;
	struct hv_state s;

	hv_vcpu_get(vcpu->hv, &s, HV_DR);
	memcpy(d->db, s.dr, sizeof(d->db));
	d->dr6 = s.dr6;
	d->dr7 = s.dr7;
	return 0;
}

static long set_debugregs(struct vcpu *vcpu, void *arg, void __user *user)
{
	const struct kvm_debugregs *d = arg;
	struct hv_state s = { .dr6 = d->dr6, .dr7 = d->dr7 };

	if (d->flags || d->dr6 >> 32 || d->dr7 >> 32)
		return -EINVAL;
	memcpy(s.dr, d->db, sizeof(s.dr));
	return hv_vcpu_set(vcpu->hv, &s, HV_DR);
}

/* --- extended state: the vCPU is not running, so all of it lies in memory --- */

static u64 user_features(const struct vcpu *vcpu)
{
	return vcpu->fpu.fpstate->user_xfeatures | XFEATURE_MASK_FPSSE;
}

static long get_xsave(struct vcpu *vcpu, void *arg, void __user *user)
{
	fpu_copy_guest_fpstate_to_uabi(&vcpu->fpu, arg, sizeof(struct kvm_xsave),
				       user_features(vcpu), 0);
	return 0;
}

static long set_xsave(struct vcpu *vcpu, void *arg, void __user *user)
{
	u32 pkru;

	return fpu_copy_uabi_to_guest_fpstate(&vcpu->fpu, arg, user_features(vcpu), &pkru);
}

/* kvm_fpu is the FXSAVE area with its parts in another order; the first ones are alike. */
enum { FXSAVE_HEAD = offsetof(struct fxregs_state, mxcsr) };

static long get_fpu(struct vcpu *vcpu, void *arg, void __user *user)
{
	const struct fxregs_state *from = &vcpu->fpu.fpstate->regs.fxsave;
	struct kvm_fpu *f = arg;

	memcpy(f->fpr, from->st_space, sizeof(f->fpr));
	memcpy(f->xmm, from->xmm_space, sizeof(f->xmm));
	memcpy(arg + offsetof(struct kvm_fpu, fcw), from, FXSAVE_HEAD);
	f->mxcsr = from->mxcsr;
	return 0;
}

static long set_fpu(struct vcpu *vcpu, void *arg, void __user *user)
{
	struct fxregs_state *to = &vcpu->fpu.fpstate->regs.fxsave;
	const struct kvm_fpu *f = arg;

	/* A reserved bit would make the kernel's own restore fault. */
	if (f->mxcsr & ~(to->mxcsr_mask ? to->mxcsr_mask : 0xffbfu))
		return -EINVAL;
	memcpy(to->st_space, f->fpr, sizeof(f->fpr));
	memcpy(to->xmm_space, f->xmm, sizeof(f->xmm));
	memcpy(to, arg + offsetof(struct kvm_fpu, fcw), FXSAVE_HEAD);
	to->mxcsr = f->mxcsr;
	if (boot_cpu_has(X86_FEATURE_XSAVE)) /* none of it is in its initial state any more */
		vcpu->fpu.fpstate->regs.xsave.header.xfeatures |= XFEATURE_MASK_FPSSE;
	return 0;
}

static long get_xcrs(struct vcpu *vcpu, void *arg, void __user *user)
{
	struct kvm_xcrs *x = arg;

	x->nr_xcrs = boot_cpu_has(X86_FEATURE_XSAVE);
	if (x->nr_xcrs)
		x->xcrs[0].value = hv_xcr0_get(vcpu->hv);
	return 0;
}

static long set_xcrs(struct vcpu *vcpu, void *arg, void __user *user)
{
	const struct kvm_xcrs *x = arg;

	if (!boot_cpu_has(X86_FEATURE_XSAVE) || x->nr_xcrs > KVM_MAX_XCRS || x->flags)
		return -EINVAL;
	for (unsigned int i = 0; i < x->nr_xcrs; i++)
		if (x->xcrs[i].xcr == 0) /* there is no other */
			return hv_xcr0_set(vcpu->hv, x->xcrs[i].value);
	return 0;
}

/* --- events --- */

static long get_events(struct vcpu *vcpu, void *arg, void __user *user)
{
	struct kvm_vcpu_events *to = arg;
	const struct hv_event *ev;
	struct hv_events e;

	hv_events_get(vcpu->hv, &e);
	ev = &e.event;
	if (ev->type == HV_EV_EXCEPTION) {
		to->exception.injected = 1;
		to->exception.nr = ev->vector;
		to->exception.has_error_code = ev->has_error;
		to->exception.error_code = ev->error;
	} else if (ev->type == HV_EV_INTR || ev->type == HV_EV_SOFT) {
		to->interrupt.injected = 1;
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

/* The API can name several at once; the first one in the processor's own order counts. */
static struct hv_event one_event(const struct kvm_vcpu_events *from)
{
	if (from->exception.injected)
		return (struct hv_event){
			.type = HV_EV_EXCEPTION,
			.vector = from->exception.nr,
			.has_error = from->exception.has_error_code,
			.error = from->exception.error_code,
		};
	if (from->nmi.injected)
		return (struct hv_event){ .type = HV_EV_NMI, .vector = 2 };
	if (from->interrupt.injected)
		return (struct hv_event){
			.type = from->interrupt.soft ? HV_EV_SOFT : HV_EV_INTR,
			.vector = from->interrupt.nr,
		};
	return (struct hv_event){ .type = HV_EV_NONE };
}

static long set_events(struct vcpu *vcpu, void *arg, void __user *user)
{
	const u32 known = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR |
			  KVM_VCPUEVENT_VALID_SHADOW;
	const struct kvm_vcpu_events *from = arg;
	struct hv_events e;

	if (from->flags & ~known)
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

static long get_lapic(struct vcpu *vcpu, void *arg, void __user *user)
{
	hv_lapic_get(vcpu->hv, arg);
	return 0;
}

static long set_lapic(struct vcpu *vcpu, void *arg, void __user *user)
{
	return hv_lapic_set(vcpu->hv, arg);
}

static const u32 mp_states[] = {
	[HV_MP_RUN] = KVM_MP_STATE_RUNNABLE,
	[HV_MP_WAIT_INIT] = KVM_MP_STATE_UNINITIALIZED,
	[HV_MP_WAIT_SIPI] = KVM_MP_STATE_INIT_RECEIVED,
	[HV_MP_HALTED] = KVM_MP_STATE_HALTED,
};

static long get_mp(struct vcpu *vcpu, void *arg, void __user *user)
{
	((struct kvm_mp_state *)arg)->mp_state = mp_states[hv_mp_get(vcpu->hv)];
	return 0;
}

static long set_mp(struct vcpu *vcpu, void *arg, void __user *user)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(mp_states); i++)
		if (mp_states[i] == ((struct kvm_mp_state *)arg)->mp_state)
			return hv_mp_set(vcpu->hv, i);
	return -EINVAL;
}

/* --- debugging --- */

static long set_debug(struct vcpu *vcpu, void *arg, void __user *user)
{
	const u32 known = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_SW_BP |
			  KVM_GUESTDBG_USE_HW_BP | KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP;
	const struct kvm_guest_debug *d = arg;
	struct hv_debug debug = {
		.on = d->control & KVM_GUESTDBG_ENABLE,
		.step = d->control & KVM_GUESTDBG_SINGLESTEP,
		.soft_bp = d->control & KVM_GUESTDBG_USE_SW_BP,
		.hard_bp = d->control & KVM_GUESTDBG_USE_HW_BP,
		.dr7 = d->arch.debugreg[7],
	};

	if (d->control & ~known)
		return -EINVAL;
	if (d->control & KVM_GUESTDBG_INJECT_DB)
		debug.inject = 1;
	else if (d->control & KVM_GUESTDBG_INJECT_BP)
		debug.inject = 3;
	memcpy(debug.dr, d->arch.debugreg, sizeof(debug.dr));
	return hv_debug_set(vcpu->hv, &debug);
}

static long translate(struct vcpu *vcpu, void *arg, void __user *user)
{
	struct kvm_translation *t = arg;
	uint64_t gpa;

	t->valid = !hv_translate(vcpu->hv, t->linear_address, &gpa);
	t->physical_address = t->valid ? gpa : ~0ull;
	t->writeable = 1; /* nobody looks at these two */
	t->usermode = 0;
	return 0;
}

const struct vcpu_call state_calls[] = {
	{ KVM_GET_REGS, get_regs },		  { KVM_SET_REGS, set_regs },
	{ KVM_GET_SREGS, get_sregs },		  { KVM_SET_SREGS, set_sregs },
	{ KVM_GET_DEBUGREGS, get_debugregs },	  { KVM_SET_DEBUGREGS, set_debugregs },
	{ KVM_GET_FPU, get_fpu },		  { KVM_SET_FPU, set_fpu },
	{ KVM_GET_XSAVE, get_xsave },		  { KVM_SET_XSAVE, set_xsave },
	{ KVM_GET_XCRS, get_xcrs },		  { KVM_SET_XCRS, set_xcrs },
	{ KVM_GET_VCPU_EVENTS, get_events },	  { KVM_SET_VCPU_EVENTS, set_events },
	{ KVM_GET_LAPIC, get_lapic },		  { KVM_SET_LAPIC, set_lapic },
	{ KVM_GET_MP_STATE, get_mp },		  { KVM_SET_MP_STATE, set_mp },
	{ KVM_SET_GUEST_DEBUG, set_debug },	  { KVM_TRANSLATE, translate },
	{}
};
