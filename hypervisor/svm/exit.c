// SPDX-License-Identifier: GPL-2.0-only
/*
 * One entry into the guest, and what the hardware says about the exit in neutral words.
 *
 * Reference: AMD APM 2, "VMRUN Instruction", "#VMEXIT", "Event Injection", "Instruction
 * Intercepts", "Exception Intercepts", "SVM Intercept Exit Codes", "Software Debug Resources".
 */
#include "svm.h"

enum { DR7_ENABLES = 0xff, DR6_BREAKPOINTS = 0xf, DR6_STEP = 1 << 14 };

/* --- debug registers: DR6 and DR7 are in the VMCB, DR0 to DR3 are nobody's --- */

/*
 * The guest's are in the registers while it has breakpoints, and, once it has touched one, until
 * the next exit: most guests write them once. Otherwise each access exits.
 */
static void svm_debug_enter(struct hv_vcpu *v)
{
	struct svm_vcpu *sv = v->hw;

	asm volatile("mov %%db7, %0" : "=r"(sv->host_dr7));
	sv->debug_loaded = sv->debug_open || sv->vmcb->dr7 & DR7_ENABLES;
	sv->vmcb->intercept_dr = sv->debug_loaded && !sv->debug_trap ? 0 : DR_ALL;
	if (!sv->debug_loaded)
		return;
	if (sv->host_dr7 & DR7_ENABLES) {
		cpu_read_breakpoints(sv->host_dr);
		asm volatile("mov %0, %%db7" : : "r"(DR7_FIXED));
	}
	cpu_write_breakpoints(v->st.dr);
}

/* The exit has switched all breakpoints off; DR6 is left as the guest had it. */
static void svm_debug_leave(struct hv_vcpu *v)
{
	struct svm_vcpu *sv = v->hw;

	sv->debug_open = false;
	if (sv->debug_loaded)
		cpu_read_breakpoints(v->st.dr);
	if (sv->vmcb->dr6 != DR6_FIXED)
		asm volatile("mov %0, %%db6" : : "r"(DR6_FIXED));
	if (!(sv->host_dr7 & DR7_ENABLES))
		return;
	if (sv->debug_loaded)
		cpu_write_breakpoints(sv->host_dr);
	asm volatile("mov %0, %%db7" : : "r"(sv->host_dr7));
}

/* --- the end of an NMI's handler --- */

/*
 * Where an NMI waits, the IRET is run alone: RFLAGS.TF makes an exception behind it, and every
 * exception is intercepted, so that none takes our TF into a frame that the guest sees. With an
 * event to be delivered first it is not the next instruction: it is intercepted again.
 */
static void svm_step_enter(struct hv_vcpu *v)
{
	struct svm_vcpu *sv = v->hw;

	if (v->st.rip != sv->iret_rip || sv->vmcb->event_inject & EVENT_VALID) {
		svm_nmi_set(sv, NMI_MASKED);
		return;
	}
	if (!(sv->window & HV_WINDOW_NMI))
		return;
	sv->stepping = true;
	sv->guest_steps = v->st.rflags & RFLAGS_TF;
	sv->step_dr6 = sv->vmcb->dr6;
	sv->vmcb->rflags |= RFLAGS_TF;
	sv->vmcb->intercept_exception = ~0u;
}

/*
 * Anything but the trap behind the IRET leaves RFLAGS as it was, with our TF. An exception or a
 * task switch means that the IRET has faulted, or goes on elsewhere, and opens NMIs as well.
 */
static void svm_step_leave(struct svm_vcpu *sv)
{
	struct vmcb *b = sv->vmcb;
	bool exception = b->exit_code - EXIT_EXCEPTION < 32 &&
			 b->exit_code != EXIT_EXCEPTION + X86_MC;

	b->intercept_exception = sv->traps;
	if (b->exit_code != EXIT_EXCEPTION + X86_DB && !sv->guest_steps)
		b->rflags &= ~RFLAGS_TF;
	if (exception || b->exit_code == EXIT_TASK_SWITCH)
		svm_nmi_set(sv, NMI_OPEN);
}

/* The trap behind the IRET: ours alone, unless the guest steps too or has a breakpoint there. */
static bool svm_step_is_ours(struct svm_vcpu *sv)
{
	struct vmcb *b = sv->vmcb;

	if (!sv->stepping || sv->guest_steps)
		return false;
	b->dr6 &= ~(uint64_t)DR6_STEP;
	b->dr6 |= sv->step_dr6 & DR6_STEP;
	return !(b->dr6 & DR6_BREAKPOINTS & ~sv->step_dr6);
}

/* --- exits to neutral ones --- */

/* The length of the instruction at RIP by the address behind it; 0 when that is not told. */
static uint8_t svm_insn_len(const struct vmcb *b, uint64_t next)
{
	uint64_t len = next - b->rip;

	return next && len <= HV_INSN_MAX ? (uint8_t)len : 0;
}

/*
 * An INT n, INT3 or INTO of the guest's own whose delivery was cut short is run again: RIP is on
 * it. Only a task switch has to know of it; and in an interrupt shadow, which an emulated host may
 * forget, it is injected, before interrupts. An interrupted NMI has not masked anything yet.
 */
static void svm_exit_interrupted(struct svm_vcpu *sv, struct hv_exit *x)
{
	static const uint8_t types[8] = {
		[EVENT_INTR >> 8] = HV_EV_INTR, [EVENT_NMI >> 8] = HV_EV_NMI,
		[EVENT_EXCEPTION >> 8] = HV_EV_EXCEPTION, [EVENT_SOFT >> 8] = HV_EV_SOFT,
	};
	uint64_t info = sv->vmcb->exit_int_info;
	struct hv_event *ev = &x->interrupted;

	ev->type = types[(info & EVENT_TYPE) >> 8];
	ev->vector = info & EVENT_VECTOR;
	ev->has_error = info & EVENT_HAS_ERROR;
	ev->error = ev->has_error ? info >> EVENT_ERROR_SHIFT : 0;
	ev->insn_len = sv->soft_len;
	if (ev->type == HV_EV_NMI)
		svm_nmi_set(sv, NMI_OPEN);
	if (!sv->soft_len && svm_soft_len(ev) && sv->vmcb->exit_code != EXIT_TASK_SWITCH &&
	    !(sv->vmcb->int_state & INT_SHADOW))
		ev->type = HV_EV_NONE;
}

static void svm_exit_io(const struct vmcb *b, struct hv_exit *x)
{
	uint32_t info = (uint32_t)b->exit_info1;

	x->kind = HV_EXIT_IO;
	x->insn_len = svm_insn_len(b, b->exit_info2);
	x->io.port = info >> IO_PORT_SHIFT;
	x->io.size = info >> IO_SIZE_SHIFT & 7; /* one bit for each size */
	x->io.in = info & IO_IN;
	x->io.string = info & IO_STRING;
	x->io.rep = info & IO_REP;
	x->io.seg = x->io.in ? HV_ES : info >> IO_SEG_SHIFT & 7;
	x->io.addr_bits = (info >> IO_ADDR_SHIFT & 7) * 16;
	if (!svm_has(SVM_EDX_DECODE) && !x->io.in)
		x->io.addr_bits = 0; /* which segment OUTS reads is not told */
}

static void svm_exit_mem(const struct vmcb *b, struct hv_exit *x)
{
	uint64_t info = b->exit_info1;

	x->kind = HV_EXIT_MEM;
	x->insn_len = 0;
	x->mem.gpa = b->exit_info2;
	x->mem.access = info & NPF_FETCH ? HV_ACCESS_FETCH : HV_ACCESS_READ;
	if (info & NPF_WRITE)
		x->mem.access = HV_ACCESS_WRITE;
	if (info & NPF_WALK)
		x->mem.access |= HV_ACCESS_WALK;
	if (svm_has(SVM_EDX_DECODE) && b->n_insn <= HV_INSN_MAX) {
		x->n_insn = b->n_insn;
		memcpy(x->insn, b->insn, b->n_insn);
	}
}

static void svm_exit_cr(const struct vmcb *b, struct hv_exit *x)
{
	bool selective = b->exit_code == EXIT_CR0_SELECTIVE;

	x->kind = HV_EXIT_CR;
	x->cr.cr = selective ? 0 : b->exit_code % 16;
	x->cr.write = selective || b->exit_code >= EXIT_CR_WRITE;
	x->cr.gpr = HV_GPR_UNKNOWN;
	if (svm_has(SVM_EDX_DECODE) && b->exit_info1 & MOV_CR_VALID)
		x->cr.gpr = b->exit_info1 & MOV_GPR;
}

/* Unless the core wants to see it, the guest gets its debug registers and tries again. */
static void svm_exit_dr(struct svm_vcpu *sv, struct hv_exit *x)
{
	const struct vmcb *b = sv->vmcb;

	if (!sv->debug_trap) {
		sv->debug_open = true;
		return;
	}
	x->kind = HV_EXIT_DR;
	x->dr.dr = b->exit_code % 16;
	x->dr.write = b->exit_code >= EXIT_DR_WRITE;
	x->dr.gpr = svm_has(SVM_EDX_DECODE) ? b->exit_info1 & MOV_GPR : HV_GPR_UNKNOWN;
}

static void svm_exit_task(const struct vmcb *b, struct hv_exit *x)
{
	uint64_t info = b->exit_info2;

	x->kind = HV_EXIT_TASK;
	x->task.selector = (uint16_t)b->exit_info1;
	x->task.has_error = info & TASK_ERROR;
	x->task.error = (uint32_t)info;
	if (info & TASK_IRET)
		x->task.source = HV_TASK_IRET;
	else if (info & TASK_JMP)
		x->task.source = HV_TASK_JMP;
	else if (x->interrupted.type)
		x->task.source = HV_TASK_GATE;
	else
		x->task.source = HV_TASK_CALL;
}

static void svm_raise(struct hv_exit *x, uint8_t vector, bool has_error, uint32_t error)
{
	x->kind = HV_EXIT_EXCEPTION;
	x->exc.vector = vector;
	x->exc.has_error = has_error;
	x->exc.error = error;
}

/*
 * A machine check is the host's: its own handler is called as the processor would have done, with
 * the registers of the machine check still standing. It takes what the guest has hit for the
 * kernel's.
 */
static void svm_exit_exception(struct svm_vcpu *sv, struct hv_exit *x)
{
	static const uint32_t with_error = 1 << X86_DF | 1 << X86_TS | 1 << X86_NP | 1 << X86_SS |
					   1 << X86_GP | 1 << X86_PF | 1 << X86_AC;
	const struct vmcb *b = sv->vmcb;
	uint8_t vector = b->exit_code - EXIT_EXCEPTION;

	if (vector == X86_MC) {
		asm volatile("int %0" : : "i"(X86_MC));
		return;
	}
	if (vector == X86_DB && svm_step_is_ours(sv)) {
		x->kind = HV_EXIT_WINDOW;
		return;
	}
	svm_raise(x, vector, with_error & 1u << vector, (uint32_t)b->exit_info1);
	x->exc.addr = b->exit_info2;
}

/* Exits of which the code says all. */
static const uint8_t plain_exits[] = {
	[EXIT_INTR] = HV_EXIT_HOST_INTR, [EXIT_NMI] = HV_EXIT_HOST_INTR,
	[EXIT_SMI] = HV_EXIT_HOST_INTR, [EXIT_INIT] = HV_EXIT_HOST_INTR,
	[EXIT_VINTR] = HV_EXIT_WINDOW, [EXIT_CPUID] = HV_EXIT_CPUID,
	[EXIT_HLT] = HV_EXIT_HLT, [EXIT_PAUSE] = HV_EXIT_PAUSE,
	[EXIT_INVD] = HV_EXIT_CACHE, [EXIT_WBINVD] = HV_EXIT_CACHE,
	[EXIT_VMMCALL] = HV_EXIT_HYPERCALL, [EXIT_XSETBV] = HV_EXIT_XSETBV,
	[EXIT_SHUTDOWN] = HV_EXIT_SHUTDOWN, [EXIT_RSM] = HV_EXIT_UNDEFINED,
	[EXIT_INVLPGA] = HV_EXIT_UNDEFINED, [EXIT_RDPRU] = HV_EXIT_UNDEFINED,
	[EXIT_VMRUN] = HV_EXIT_UNDEFINED, [EXIT_VMLOAD ... EXIT_SKINIT] = HV_EXIT_UNDEFINED,
	[EXIT_MONITOR ... EXIT_MWAIT_ARMED] = HV_EXIT_UNDEFINED,
};

static enum hv_exit_kind svm_plain_exit(uint32_t code)
{
	if (code >= HV_ARRAY(plain_exits) || !plain_exits[code])
		return HV_EXIT_UNHANDLED;
	return plain_exits[code];
}

static int svm_exit(struct svm_vcpu *sv, struct hv_exit *x)
{
	struct vmcb *b = sv->vmcb;

	x->hw_reason = b->exit_code;
	x->kind = HV_EXIT_NONE;
	x->n_insn = 0;
	x->insn_len = svm_has(SVM_EDX_NRIP) ? svm_insn_len(b, b->next_rip) : 0;
	x->interrupted.type = HV_EV_NONE;
	if (b->exit_int_info & EVENT_VALID)
		svm_exit_interrupted(sv, x);

	switch ((int32_t)b->exit_code) {
	case EXIT_CR_READ ... EXIT_CR_READ + 15:
	case EXIT_CR_WRITE ... EXIT_CR_WRITE + 15:
	case EXIT_CR0_SELECTIVE:
		svm_exit_cr(b, x);
		break;
	case EXIT_DR_READ ... EXIT_DR_READ + 15:
	case EXIT_DR_WRITE ... EXIT_DR_WRITE + 15:
		svm_exit_dr(sv, x);
		break;
	case EXIT_EXCEPTION ... EXIT_EXCEPTION + 31:
		svm_exit_exception(sv, x);
		break;
	case EXIT_RDPMC: /* no counters, so each number is a wrong one */
		svm_raise(x, X86_GP, true, 0);
		break;
	case EXIT_FERR_FREEZE: /* no FERR# and no IRQ 13: the error is told the modern way */
		svm_raise(x, X86_MF, false, 0);
		break;
	case EXIT_IRET:
		svm_nmi_set(sv, NMI_IRET);
		sv->iret_rip = b->rip;
		break;
	case EXIT_IO:
		svm_exit_io(b, x);
		break;
	case EXIT_MSR:
		x->kind = HV_EXIT_MSR;
		x->msr.write = b->exit_info1 & 1;
		break;
	case EXIT_TASK_SWITCH:
		svm_exit_task(b, x);
		break;
	case EXIT_NPF:
		svm_exit_mem(b, x);
		break;
	case EXIT_INVALID:
		return -EIO;
	default:
		x->kind = svm_plain_exit((uint32_t)b->exit_code);
	}
	return 0;
}

/* --- entry --- */

/*
 * An injected INT n, INT3 or INTO pushes the next RIP; a processor that saves none pushes RIP
 * itself, which is therefore moved. If the delivery is cut short it is moved back.
 */
static void svm_gpr_enter(struct hv_vcpu *v)
{
	struct svm_vcpu *sv = v->hw;
	struct vmcb *b = sv->vmcb;

	b->rax = v->st.gpr[HV_RAX];
	b->rsp = v->st.gpr[HV_RSP];
	b->rip = b->next_rip = v->st.rip + sv->soft_len;
	b->rflags = v->st.rflags;
	b->int_control = (b->int_control & ~(uint64_t)V_TPR) | (v->st.cr8 & V_TPR);
}

static void svm_gpr_leave(struct hv_vcpu *v)
{
	struct svm_vcpu *sv = v->hw;
	struct vmcb *b = sv->vmcb;

	if (sv->soft_len && b->exit_int_info & EVENT_VALID)
		b->rip = v->st.rip;
	v->st.gpr[HV_RAX] = b->rax;
	v->st.gpr[HV_RSP] = b->rsp;
	v->st.rip = b->rip;
	v->st.rflags = b->rflags;
	v->st.cr8 = b->int_control & V_TPR;
}

/* The entry itself, with what VMRUN leaves to us. */
static void svm_run(struct hv_vcpu *v)
{
	struct svm_vcpu *sv = v->hw;

	svm_debug_enter(v);
	if (svm_machine.swap_spec_ctrl)
		cpu_msr_switch(MSR_SPEC_CTRL, sv->host_spec_ctrl, sv->spec_ctrl);
	svm_switch(sv->page.pa, v->st.gpr, sv->cpu->area.pa + sizeof(struct vmcb));
	if (svm_machine.swap_spec_ctrl) {
		if (sv->spec_ctrl_open)
			sv->spec_ctrl = cpu_rdmsr(MSR_SPEC_CTRL);
		cpu_msr_switch(MSR_SPEC_CTRL, sv->spec_ctrl, sv->host_spec_ctrl);
	}
	svm_debug_leave(v);
}

int svm_enter(struct hv_vcpu *v, struct hv_exit *x)
{
	struct svm_vcpu *sv = v->hw;
	int err;

	svm_tag_ready(sv);
	svm_gpr_enter(v);
	if (sv->nmi == NMI_IRET)
		svm_step_enter(v);
	svm_run(v);
	sv->vmcb->tlb_control = TLB_KEEP;
	sv->vmcb->event_inject = 0;
	if (sv->stepping)
		svm_step_leave(sv);
	else if (sv->nmi == NMI_IRET && sv->vmcb->rip != sv->iret_rip)
		svm_nmi_set(sv, NMI_OPEN);
	svm_gpr_leave(v);
	err = svm_exit(sv, x);
	sv->stepping = false;
	sv->soft_len = 0;
	return err;
}
