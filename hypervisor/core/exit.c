// SPDX-License-Identifier: GPL-2.0-only
/*
 * From exits to those who handle them, and the exits that are a line or two.
 */
#include "core/core.h"

static int exit_hlt(struct hv_vcpu *v, struct hv_exit *x)
{
	int r = hv_skip(v, x);

	if (r == HV_AGAIN && !hv_event_waiting(v))
		v->mp = HV_MP_HALTED;
	return r;
}

/* A guest that spins: somebody else may have this processor. */
static int exit_pause(struct hv_vcpu *v, struct hv_exit *x)
{
	int r = hv_skip(v, x);

	hv_vcpu_release(v);
	return r;
}

int hv_tell_user(struct hv_vcpu *v, enum hv_reason reason, int (*complete)(struct hv_vcpu *v))
{
	v->user->reason = reason;
	v->complete = complete;
	v->complete_rip = v->st.rip;
	return HV_TO_USER;
}

/* A user who has put RIP elsewhere (a reset) wants nothing of the old instruction. */
int hv_complete(struct hv_vcpu *v)
{
	int (*complete)(struct hv_vcpu *v) = v->complete;

	v->complete = NULL;
	return complete && v->st.rip == v->complete_rip ? complete(v) : HV_AGAIN;
}

/* A breakpoint or step of whoever debugs the guest from outside. */
int hv_tell_debugger(struct hv_vcpu *v, uint8_t vector, uint64_t dr6)
{
	hv_need(v, HV_MODE | HV_DR);
	v->user->debug.exception = vector;
	v->user->debug.pc = v->st.seg[HV_CS].base + v->st.rip;
	v->user->debug.dr6 = dr6;
	v->user->debug.dr7 = v->debug.hard_bp ? v->debug.dr7 : v->st.dr7;
	return hv_tell_user(v, HV_USER_DEBUG, NULL);
}

static int exit_exception(struct hv_vcpu *v, struct hv_exit *x)
{
	if (x->exc.vector == X86_UD)
		return hv_exit_ud(v, x);
	if (x->exc.vector == X86_DB && (v->debug.step || v->debug.hard_bp))
		return hv_tell_debugger(v, X86_DB, v->debug_dr6);
	if (x->exc.vector == X86_BP && v->debug.soft_bp)
		return hv_tell_debugger(v, X86_BP, 0);
	return hv_raise_fault(v, &(struct emul_fault){ x->exc.vector, x->exc.has_error,
						       x->exc.error, x->exc.addr });
}

int hv_internal_error(struct hv_vcpu *v, const uint8_t *insn, unsigned n)
{
	v->user->internal.n_insn = n < HV_INSN_MAX ? n : HV_INSN_MAX;
	memcpy(v->user->internal.insn, insn, v->user->internal.n_insn);
	return hv_tell_user(v, HV_USER_INTERNAL, NULL);
}

int hv_exit_handle(struct hv_vcpu *v, struct hv_exit *x)
{
	switch (x->kind) {
	case HV_EXIT_NONE:
	case HV_EXIT_HOST_INTR:
	case HV_EXIT_WINDOW:
		return HV_AGAIN;
	case HV_EXIT_DEADLINE:
		lapic_timer_update(v);
		return HV_AGAIN;
	case HV_EXIT_IO:
		return hv_exit_io(v, x);
	case HV_EXIT_MEM:
		return hv_exit_mem(v, x);
	case HV_EXIT_MSR:
		return hv_exit_msr(v, x);
	case HV_EXIT_CPUID:
		return hv_exit_cpuid(v, x);
	case HV_EXIT_CR:
		return hv_exit_cr(v, x);
	case HV_EXIT_DR:
		return hv_exit_dr(v, x);
	case HV_EXIT_XSETBV:
		return hv_exit_xsetbv(v, x);
	case HV_EXIT_EXCEPTION:
		return exit_exception(v, x);
	case HV_EXIT_HLT:
		return exit_hlt(v, x);
	case HV_EXIT_PAUSE:
		return exit_pause(v, x);
	case HV_EXIT_HYPERCALL:
		return hv_exit_hypercall(v, x);
	case HV_EXIT_TASK:
		return hv_exit_task(v, x);
	case HV_EXIT_CACHE:
		return hv_skip(v, x);
	case HV_EXIT_UNDEFINED:
		return hv_raise(v, X86_UD);
	case HV_EXIT_SHUTDOWN:
		return hv_tell_user(v, HV_USER_SHUTDOWN, NULL);
	default:
		return hv_internal_error(v, x->insn, x->n_insn);
	}
}
