// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's extended state (x87, SSE, AVX and what else XSAVE saves): kept by the kernel's own
 * functions for guests, swapped with the thread's around hv_vcpu_run(), read and set by ioctls.
 *
 * Missing: AMX (the state that a process has to ask for), PKRU as a guest's own.
 */
#include <linux/sched.h>
#include <linux/string.h>

#include "glue.h"

/* Guests' XSAVE areas of this kernel's XCR0 fit into the API's 4 KiB as long as AMX is not in it. */

void host_fpu_swap(struct hv_vcpu *v, bool to_guest)
{
	struct vcpu *vcpu = hv_vcpu_host(v);

	fpu_swap_kvm_fpstate(&vcpu->fpu, to_guest);
}

/* By way of the whole legacy area: emulated SSE moves to devices are rare. */
void host_fpu_xmm(struct hv_vcpu *v, unsigned reg, void *data16, bool write)
{
	struct vcpu *vcpu = hv_vcpu_host(v);
	struct fxregs_state *area = (struct fxregs_state *)vcpu->fxsave;
	void *xmm = &area->xmm_space[4 * reg];

	fpregs_lock();
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
	asm volatile("fxsave64 %0" : "=m"(*area));
	if (write) {
		memcpy(xmm, data16, 16);
		asm volatile("fxrstor64 %0" : : "m"(*area));
	} else {
		memcpy(data16, xmm, 16);
	}
	fpregs_unlock();
}

/* --- for the ioctls; the vCPU is not running --- */

/* kvm_fpu has the fields of the FXSAVE area in another order. */
int fpu_get_regs(struct vcpu *vcpu, struct kvm_fpu *f)
{
	const struct fxregs_state *from = &vcpu->fpu.fpstate->regs.fxsave;

	memset(f, 0, sizeof(*f));
	memcpy(f->fpr, from->st_space, sizeof(f->fpr));
	f->fcw = from->cwd;
	f->fsw = from->swd;
	f->ftwx = from->twd;
	f->last_opcode = from->fop;
	f->last_ip = from->rip;
	f->last_dp = from->rdp;
	memcpy(f->xmm, from->xmm_space, sizeof(f->xmm));
	f->mxcsr = from->mxcsr;
	return 0;
}

int fpu_set_regs(struct vcpu *vcpu, const struct kvm_fpu *f)
{
	struct fxregs_state *to = &vcpu->fpu.fpstate->regs.fxsave;

	/* A reserved bit would make the kernel's own restore fault. */
	if (f->mxcsr & ~(to->mxcsr_mask ? to->mxcsr_mask : 0xffbfu))
		return -EINVAL;
	memcpy(to->st_space, f->fpr, sizeof(f->fpr));
	to->cwd = f->fcw;
	to->swd = f->fsw;
	to->twd = f->ftwx;
	to->fop = f->last_opcode;
	to->rip = f->last_ip;
	to->rdp = f->last_dp;
	memcpy(to->xmm_space, f->xmm, sizeof(f->xmm));
	to->mxcsr = f->mxcsr;
	if (boot_cpu_has(X86_FEATURE_XSAVE)) /* none of it is in its initial state any more */
		vcpu->fpu.fpstate->regs.xsave.header.xfeatures |= XFEATURE_MASK_FPSSE;
	return 0;
}

static u64 user_features(const struct vcpu *vcpu)
{
	return vcpu->fpu.fpstate->user_xfeatures | XFEATURE_MASK_FPSSE;
}

int fpu_get_xsave(struct vcpu *vcpu, struct kvm_xsave *x)
{
	memset(x, 0, sizeof(*x));
	fpu_copy_guest_fpstate_to_uabi(&vcpu->fpu, x->region, sizeof(x->region),
				       user_features(vcpu), 0);
	return 0;
}

int fpu_set_xsave(struct vcpu *vcpu, const struct kvm_xsave *x)
{
	u32 pkru;

	return fpu_copy_uabi_to_guest_fpstate(&vcpu->fpu, x->region, user_features(vcpu), &pkru);
}
