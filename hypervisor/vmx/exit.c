// SPDX-License-Identifier: GPL-2.0-only
/*
 * One entry into the guest, and what the hardware says about the exit in neutral words.
 *
 * Reference: Intel SDM 3, "VM Entries", "VM Exits", "Information for VM Exits Due to Vectored
 * Events", "Information for VM Exits That Occur During Event Delivery", "Exit Qualification",
 * "Basic VM-Exit Information", "VMX Basic Exit Reasons".
 */
#include "vmx.h"

enum { DR7_ENABLES = 0xff };

/* --- debug registers: DR7 is in the VMCS, the others are nobody's --- */

/*
 * The guest's are in the registers while it has breakpoints, and, once it has touched one, until
 * the next exit: most guests write them once. Otherwise each access exits.
 */
static void vmx_debug_enter(struct hv_vcpu *v)
{
	struct vmx_vcpu *vv = v->hw;

	asm volatile("mov %%db7, %0" : "=r"(vv->host.dr7));
	vv->debug_loaded = vv->debug_open || vv->dr7 & DR7_ENABLES;
	vmx_proc_set(vv, PROC_MOV_DR, !vv->debug_loaded || vv->debug_trap);
	if (!vv->debug_loaded)
		return;
	asm volatile("mov %0, %%db6" : : "r"(v->st.dr6));
	if (vv->host.dr7 & DR7_ENABLES) {
		cpu_read_breakpoints(vv->host.dr);
		asm volatile("mov %0, %%db7" : : "r"(DR7_FIXED));
	}
	cpu_write_breakpoints(v->st.dr);
}

/* The exit has switched all breakpoints off; DR6 is as the guest has left it. */
static void vmx_debug_leave(struct hv_vcpu *v)
{
	struct vmx_vcpu *vv = v->hw;

	vv->debug_open = false;
	if (vv->debug_loaded) {
		asm volatile("mov %%db6, %0" : "=r"(v->st.dr6));
		asm volatile("mov %0, %%db6" : : "r"(DR6_FIXED));
		cpu_read_breakpoints(v->st.dr);
		vv->dr7 = vmx_read(GUEST_DR7);
	}
	if (!(vv->host.dr7 & DR7_ENABLES))
		return;
	if (vv->debug_loaded)
		cpu_write_breakpoints(vv->host.dr);
	asm volatile("mov %0, %%db7" : : "r"(vv->host.dr7));
}

/* --- exits to neutral ones --- */

/*
 * What was on its way in and has not arrived. The processor takes it again with the same type and
 * length. An interrupted NMI has not masked anything yet.
 */
static void vmx_exit_interrupted(struct hv_exit *x, uint32_t info)
{
	static const uint8_t types[8] = {
		[EVENT_INTR >> 8] = HV_EV_INTR, [EVENT_NMI >> 8] = HV_EV_NMI,
		[EVENT_EXCEPTION >> 8] = HV_EV_EXCEPTION, [EVENT_SOFT >> 8] = HV_EV_SOFT,
		[EVENT_INT1 >> 8] = HV_EV_EXCEPTION, [EVENT_TRAP >> 8] = HV_EV_EXCEPTION,
	};
	struct hv_event *ev = &x->interrupted;
	uint32_t type = info & EVENT_TYPE;

	ev->type = types[type >> 8];
	ev->vector = info & EVENT_VECTOR;
	ev->has_error = info & EVENT_HAS_ERROR;
	ev->error = ev->has_error ? (uint32_t)vmx_read(CUT_SHORT_ERROR) : 0;
	ev->insn_len = type >= EVENT_SOFT ? (uint8_t)vmx_read(EXIT_INSN_LEN) : 0;
	if (ev->type == HV_EV_NMI)
		vmx_write(GUEST_SHADOW, vmx_read(GUEST_SHADOW) & ~(uint64_t)NMI_MASKED);
}

/* An IRET that has faulted has opened NMIs; it comes again, and they are masked until then. */
static void vmx_nmi_mask_again(const struct hv_exit *x, uint64_t info)
{
	if (info & EVENT_NMI_UNBLOCKED && !x->interrupted.type)
		vmx_write(GUEST_SHADOW, vmx_read(GUEST_SHADOW) | NMI_MASKED);
}

static void vmx_exit_io(struct hv_exit *x)
{
	uint64_t info = vmx_read(QUALIFICATION);

	x->kind = HV_EXIT_IO;
	x->io.port = info >> IO_PORT_SHIFT;
	x->io.size = (info & IO_SIZE) + 1;
	x->io.in = info & IO_IN;
	x->io.string = info & IO_STRING;
	x->io.rep = info & IO_REP;
	if (!x->io.string)
		return;
	info = vmx_read(EXIT_INSN_INFO);
	x->io.seg = x->io.in ? HV_ES : info >> INFO_SEG_SHIFT & INFO_SEG;
	x->io.addr_bits = 16 << (info >> INFO_ADDR_SHIFT & INFO_ADDR);
}

static void vmx_exit_mem(struct hv_exit *x)
{
	uint64_t info = vmx_read(QUALIFICATION);

	x->kind = HV_EXIT_MEM;
	x->insn_len = 0;
	x->mem.gpa = vmx_read(EXIT_GPA);
	x->mem.access = info & MEM_FETCH ? HV_ACCESS_FETCH : HV_ACCESS_READ;
	if (info & MEM_WRITE)
		x->mem.access = HV_ACCESS_WRITE;
	if (info & MEM_LINEAR && !(info & MEM_NOT_WALK))
		x->mem.access |= HV_ACCESS_WALK;
	vmx_nmi_mask_again(x, info);
}

static void vmx_exit_cr(struct hv_exit *x)
{
	uint64_t info = vmx_read(QUALIFICATION);
	unsigned type = info >> CR_TYPE_SHIFT & CR_TYPE;

	x->kind = HV_EXIT_CR;
	x->cr.cr = info & CR_NUMBER;
	x->cr.write = type != CR_TYPE_READ;
	x->cr.gpr = type <= CR_TYPE_READ ? info >> CR_GPR_SHIFT & CR_GPR : HV_GPR_UNKNOWN;
}

/* Unless the core wants to see it, the guest gets its debug registers and tries again. */
static void vmx_exit_dr(struct vmx_vcpu *vv, struct hv_exit *x)
{
	uint64_t info = vmx_read(QUALIFICATION);

	if (!vv->debug_trap) {
		vv->debug_open = true;
		return;
	}
	x->kind = HV_EXIT_DR;
	x->dr.dr = info & DR_NUMBER;
	x->dr.write = !(info & DR_READ);
	x->dr.gpr = info >> CR_GPR_SHIFT & CR_GPR;
}

static void vmx_exit_task(struct hv_exit *x)
{
	static const uint8_t sources[] = { HV_TASK_CALL, HV_TASK_IRET, HV_TASK_JMP, HV_TASK_GATE };
	uint64_t info = vmx_read(QUALIFICATION);

	x->kind = HV_EXIT_TASK;
	x->task.selector = (uint16_t)info;
	x->task.source = sources[info >> TASK_SOURCE_SHIFT & 3];
	x->task.has_error = x->interrupted.type && x->interrupted.has_error;
	x->task.error = x->interrupted.error;
}

static void vmx_raise(struct hv_exit *x, uint8_t vector, bool has_error, uint32_t error)
{
	x->kind = HV_EXIT_EXCEPTION;
	x->exc.vector = vector;
	x->exc.has_error = has_error;
	x->exc.error = error;
}

/*
 * The host's own: an NMI, which the exit has taken and masked, and machine checks. Its handlers
 * are called as the processor would have done; the first ends with the IRET that opens NMIs.
 */
static bool vmx_is_host_event(uint32_t info)
{
	if ((info & EVENT_TYPE) == EVENT_NMI)
		asm volatile("int %0" : : "i"(X86_NMI));
	else if ((info & EVENT_VECTOR) == X86_MC)
		asm volatile("int %0" : : "i"(X86_MC));
	else
		return false;
	return true;
}

/* What its delivery does to DR6 and DR7 is not done when it exits, nor when it is injected. */
static void vmx_debug_exception(struct hv_vcpu *v, uint64_t dr6)
{
	struct vmx_vcpu *vv = v->hw;

	v->st.dr6 = (v->st.dr6 & ~0xfull) | (dr6 & DEBUG_DR6);
	vv->dr7 = vmx_read(GUEST_DR7);
	vmx_update(GUEST_DR7, &vv->dr7, vv->dr7 & ~DR7_GD);
}

static bool vmx_checks_alignment(const struct hv_vcpu *v)
{
	return v->st.rflags & RFLAGS_AC && vmx_read(GUEST_CR0) & CR0_AM &&
	       (vmx_read(GUEST_ATTR + 2 * HV_SS) & SEG_DPL) == SEG_DPL;
}

/* INT1 changes none of them and is behind itself afterwards: it comes again as what it is. */
static void vmx_exit_exception(struct hv_vcpu *v, struct hv_exit *x)
{
	uint32_t info = (uint32_t)vmx_read(EXIT_EVENT);
	uint8_t vector = info & EVENT_VECTOR;

	if (vmx_is_host_event(info)) {
		x->kind = HV_EXIT_HOST_INTR;
		return;
	}
	if ((info & EVENT_TYPE) == EVENT_INT1) {
		vmx_exit_interrupted(x, info);
		return;
	}
	vmx_nmi_mask_again(x, info);
	if (vector == X86_AC && !vmx_checks_alignment(v) && vmx_host_split_lock(v->hw))
		return;
	vmx_raise(x, vector, info & EVENT_HAS_ERROR,
		  info & EVENT_HAS_ERROR ? (uint32_t)vmx_read(EXIT_ERROR) : 0);
	x->exc.addr = vmx_read(QUALIFICATION);
	if (vector == X86_DB)
		vmx_debug_exception(v, x->exc.addr);
}

/* Exits of which the reason says all. */
static const uint8_t plain_exits[] = {
	[EXIT_INTR] = HV_EXIT_HOST_INTR, [EXIT_TRIPLE_FAULT] = HV_EXIT_SHUTDOWN,
	[EXIT_INIT ... EXIT_SMI] = HV_EXIT_HOST_INTR, [EXIT_INTR_WINDOW] = HV_EXIT_WINDOW,
	[EXIT_NMI_WINDOW] = HV_EXIT_WINDOW, [EXIT_CPUID] = HV_EXIT_CPUID,
	[EXIT_GETSEC] = HV_EXIT_UNDEFINED, [EXIT_HLT] = HV_EXIT_HLT, [EXIT_INVD] = HV_EXIT_CACHE,
	[EXIT_RSM] = HV_EXIT_UNDEFINED, [EXIT_VMCALL] = HV_EXIT_HYPERCALL,
	[EXIT_VMCLEAR ... EXIT_VMXON] = HV_EXIT_UNDEFINED, [EXIT_MWAIT] = HV_EXIT_UNDEFINED,
	[EXIT_MONITOR] = HV_EXIT_UNDEFINED, [EXIT_PAUSE] = HV_EXIT_PAUSE,
	[EXIT_TPR_BELOW] = HV_EXIT_WINDOW, [EXIT_INVEPT] = HV_EXIT_UNDEFINED,
	[EXIT_TIMER] = HV_EXIT_DEADLINE, [EXIT_INVVPID] = HV_EXIT_UNDEFINED,
	[EXIT_WBINVD] = HV_EXIT_CACHE,
	[EXIT_XSETBV] = HV_EXIT_XSETBV,
};

static enum hv_exit_kind vmx_plain_exit(uint32_t reason)
{
	if (reason >= HV_ARRAY(plain_exits) || !plain_exits[reason])
		return HV_EXIT_UNHANDLED;
	return plain_exits[reason];
}

static int vmx_exit(struct hv_vcpu *v, struct hv_exit *x)
{
	uint32_t reason = (uint32_t)vmx_read(EXIT_REASON_FIELD);
	uint32_t info = (uint32_t)vmx_read(CUT_SHORT_EVENT);

	x->hw_reason = reason;
	x->kind = HV_EXIT_NONE;
	x->n_insn = 0;
	x->interrupted.type = HV_EV_NONE;
	if (reason == (EXIT_ENTRY_FAILED | EXIT_MACHINE_CHECK))
		asm volatile("int %0" : : "i"(X86_MC));
	if (reason & EXIT_ENTRY_FAILED)
		return -EIO;
	x->insn_len = (uint8_t)vmx_read(EXIT_INSN_LEN);
	if (info & EVENT_VALID)
		vmx_exit_interrupted(x, info);

	switch (reason & EXIT_REASON) {
	case EXIT_EXCEPTION:
		vmx_exit_exception(v, x);
		break;
	case EXIT_CR:
		vmx_exit_cr(x);
		break;
	case EXIT_DR:
		vmx_exit_dr(v->hw, x);
		break;
	case EXIT_RDPMC: /* no counters, so each number is a wrong one */
		vmx_raise(x, X86_GP, true, 0);
		break;
	case EXIT_IO:
		vmx_exit_io(x);
		break;
	case EXIT_RDMSR:
	case EXIT_WRMSR:
		x->kind = HV_EXIT_MSR;
		x->msr.write = (reason & EXIT_REASON) == EXIT_WRMSR;
		break;
	case EXIT_TASK_SWITCH:
		vmx_exit_task(x);
		break;
	case EXIT_EPT_VIOLATION:
		vmx_exit_mem(x);
		break;
	case EXIT_EPT_MISCONFIG: /* an entry of stage 2 is wrong: no guest can help that */
		return -EIO;
	default:
		x->kind = vmx_plain_exit(reason & EXIT_REASON);
	}
	return 0;
}

/* --- entry --- */

/*
 * An entry insists that a step waits behind a shadow in which TF is set, and on IF in the shadow of
 * STI. The core may have changed both flags; and a #DB that exits takes the step with it.
 */
static void vmx_shadow_fix(const struct hv_vcpu *v)
{
	uint64_t shadow = vmx_read(GUEST_SHADOW), pending = vmx_read(GUEST_PENDING_DEBUG);

	if (!(v->st.rflags & RFLAGS_IF))
		shadow &= ~(uint64_t)SHADOW_STI;
	vmx_write(GUEST_SHADOW, shadow);
	if (!(shadow & (SHADOW_STI | SHADOW_MOVSS)))
		return;
	pending &= ~(uint64_t)PENDING_STEP;
	vmx_write(GUEST_PENDING_DEBUG, pending | (v->st.rflags & RFLAGS_TF ? PENDING_STEP : 0));
}

static void vmx_gpr_enter(struct hv_vcpu *v)
{
	struct vmx_vcpu *vv = v->hw;

	if (v->st.rflags & RFLAGS_TF || (v->st.rflags ^ vv->rflags) & (RFLAGS_TF | RFLAGS_IF))
		vmx_shadow_fix(v);
	vmx_update(GUEST_RIP, &vv->rip, v->st.rip);
	vmx_update(GUEST_RSP, &vv->rsp, v->st.gpr[HV_RSP]);
	vmx_update(GUEST_RFLAGS, &vv->rflags, v->st.rflags);
	((uint8_t *)vv->apic_page.va)[APIC_PAGE_TPR] = (uint8_t)(v->st.cr8 << 4);
}

static void vmx_gpr_leave(struct hv_vcpu *v)
{
	struct vmx_vcpu *vv = v->hw;

	v->st.gpr[HV_RSP] = vv->rsp = vmx_read(GUEST_RSP);
	v->st.rip = vv->rip = vmx_read(GUEST_RIP);
	v->st.rflags = vv->rflags = vmx_read(GUEST_RFLAGS);
	v->st.cr8 = ((uint8_t *)vv->apic_page.va)[APIC_PAGE_TPR] >> 4;
}

/* Where nothing is to come the timer is set as far as it goes; what it says then means nothing. */
static void vmx_deadline_enter(const struct hv_vcpu *v)
{
	struct vmx_vcpu *vv = v->hw;
	uint64_t now, count = UINT32_MAX;

	if (v->deadline) {
		now = cpu_rdtsc();
		count = v->deadline > now ? (v->deadline - now) >> vmx_machine.timer_rate : 0;
		count = count < UINT32_MAX ? count : UINT32_MAX;
	}
	vmx_update(TIMER_VALUE, &vv->timer, count);
}

/* The entry itself, with what it leaves to us. */
static bool vmx_run(struct hv_vcpu *v)
{
	struct vmx_vcpu *vv = v->hw;
	struct vmx_switch *s = &vv->switched;
	bool done;

	vmx_debug_enter(v);
	if (cpu_cr2() != v->st.cr2)
		asm volatile("mov %0, %%cr2" : : "r"(v->st.cr2));
	if (vmx_machine.flush_l1d)
		cpu_wrmsr(MSR_FLUSH_CMD, FLUSH_L1D);
	if (vmx_machine.spec_ctrl) {
		s->swap_spec_ctrl = vv->spec_ctrl_open || s->spec_ctrl != s->host_spec_ctrl;
		cpu_msr_switch(MSR_SPEC_CTRL, s->host_spec_ctrl, s->spec_ctrl);
	}
	done = vmx_switch(v->st.gpr, s, vv->launched);
	v->st.cr2 = cpu_cr2();
	if (vv->host.debugctl)
		cpu_wrmsr(MSR_DEBUGCTL, vv->host.debugctl);
	vmx_debug_leave(v);
	return done;
}

int vmx_enter(struct hv_vcpu *v, struct hv_exit *x)
{
	struct vmx_vcpu *vv = v->hw;
	int err = -EIO;

	vmx_tag_ready(v);
	vmx_gpr_enter(v);
	if (vmx_machine.pin & PIN_TIMER)
		vmx_deadline_enter(v);
	if (vv->window & HV_WINDOW_NMI)
		vmx_window_update(vv);
	vmx_host_enter(vv);
	if (vmx_run(v)) {
		vmx_gpr_leave(v);
		err = vmx_exit(v, x);
		vv->launched |= !(x->hw_reason & EXIT_ENTRY_FAILED);
	} else {
		x->hw_reason = vmx_read(INSN_ERROR);
	}
	if (err) {
		vv->refused_event = (uint32_t)vmx_read(ENTRY_EVENT);
		vmx_write(ENTRY_EVENT, 0); /* an exit has done so itself */
	}
	return err;
}
