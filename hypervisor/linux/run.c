// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_RUN: what user space answered goes to the core, the vCPU runs, and why it came back goes into
 * the page that user space has mapped. That page changes under our hands: each field is read once.
 *
 * Reference: Linux, "The Definitive KVM API Documentation", "The kvm_run structure".
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "glue.h"

/* --- signals --- */

long vcpu_set_signal_mask(struct vcpu *vcpu, const struct kvm_signal_mask __user *from)
{
	struct kvm_signal_mask head;
	sigset_t set;

	if (!from) {
		vcpu->has_sigmask = false;
		return 0;
	}
	if (copy_from_user(&head, from, sizeof(head)))
		return -EFAULT;
	if (head.len != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, from->sigset, sizeof(set)))
		return -EFAULT;
	sigdelsetmask(&set, sigmask(SIGKILL) | sigmask(SIGSTOP));
	vcpu->sigmask = set;
	vcpu->has_sigmask = true;
	return 0;
}

/* real_blocked: so that a signal which comes meanwhile is judged by the mask of before. */
static void mask_signals(struct vcpu *vcpu)
{
	if (vcpu->has_sigmask)
		sigprocmask(SIG_SETMASK, &vcpu->sigmask, &current->real_blocked);
}

static void unmask_signals(struct vcpu *vcpu)
{
	if (!vcpu->has_sigmask)
		return;
	sigprocmask(SIG_SETMASK, &current->real_blocked, NULL);
	sigemptyset(&current->real_blocked);
}

/* --- user space's answers --- */

static void take_answer(struct vcpu *vcpu)
{
	struct hv_user *u = &vcpu->user;
	struct kvm_run *run = vcpu->run;

	switch (u->reason) {
	case HV_USER_MMIO:
		if (!u->mmio.write)
			memcpy(u->mmio.data, run->mmio.data, sizeof(u->mmio.data));
		break;
	case HV_USER_MSR_READ:
	case HV_USER_MSR_WRITE:
		u->msr.fault = READ_ONCE(run->msr.error);
		u->msr.data = READ_ONCE(run->msr.data);
		break;
	case HV_USER_XEN:
		u->hypercall.result = READ_ONCE(run->xen.u.hcall.result);
		break;
	default:
		break;
	}
}

/* --- why it came back --- */

static const u32 exit_reasons[] = {
	[HV_USER_IO] = KVM_EXIT_IO,
	[HV_USER_MMIO] = KVM_EXIT_MMIO,
	[HV_USER_WINDOW] = KVM_EXIT_IRQ_WINDOW_OPEN,
	[HV_USER_EOI] = KVM_EXIT_IOAPIC_EOI,
	[HV_USER_SHUTDOWN] = KVM_EXIT_SHUTDOWN,
	[HV_USER_DEBUG] = KVM_EXIT_DEBUG,
	[HV_USER_MSR_READ] = KVM_EXIT_X86_RDMSR,
	[HV_USER_MSR_WRITE] = KVM_EXIT_X86_WRMSR,
	[HV_USER_INTERNAL] = KVM_EXIT_INTERNAL_ERROR,
	[HV_USER_FAIL_ENTRY] = KVM_EXIT_FAIL_ENTRY,
	[HV_USER_XEN] = KVM_EXIT_XEN,
};

static void tell_msr(struct kvm_run *run, const struct hv_user *u)
{
	run->msr.error = 0;
	memset(run->msr.pad, 0, sizeof(run->msr.pad));
	run->msr.reason = u->msr.why;
	run->msr.index = u->msr.index;
	run->msr.data = u->msr.data; /* 0 when it reads */
}

static void tell_xen(struct kvm_run *run, const struct hv_user *u)
{
	memset(&run->xen, 0, sizeof(run->xen));
	run->xen.type = KVM_EXIT_XEN_HCALL;
	run->xen.u.hcall.longmode = u->hypercall.longmode;
	run->xen.u.hcall.cpl = u->hypercall.cpl;
	run->xen.u.hcall.input = u->hypercall.nr;
	memcpy(run->xen.u.hcall.params, u->hypercall.args, sizeof(run->xen.u.hcall.params));
}

/* An instruction that the emulator does not know, with its bytes if they could be read. */
static void tell_internal(struct kvm_run *run, const struct hv_user *u)
{
	unsigned int n = min_t(unsigned int, u->internal.n_insn,
			       sizeof(run->emulation_failure.insn_bytes));

	memset(&run->emulation_failure, 0, sizeof(run->emulation_failure));
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	if (!n)
		return;
	run->emulation_failure.ndata = 3; /* words: flags, and two that hold the instruction */
	run->emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	run->emulation_failure.insn_size = n;
	memcpy(run->emulation_failure.insn_bytes, u->internal.insn, n);
}

static void tell(struct kvm_run *run, const struct hv_user *u)
{
	run->exit_reason = exit_reasons[u->reason];
	switch (u->reason) {
	case HV_USER_IO:
		run->io.direction = u->io.in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
		run->io.size = u->io.size;
		run->io.port = u->io.port;
		run->io.count = u->io.count;
		run->io.data_offset = PAGE_SIZE;
		break;
	case HV_USER_MMIO:
		run->mmio.phys_addr = u->mmio.gpa;
		memcpy(run->mmio.data, u->mmio.data, sizeof(run->mmio.data));
		run->mmio.len = u->mmio.len;
		run->mmio.is_write = u->mmio.write;
		break;
	case HV_USER_EOI:
		run->eoi.vector = u->eoi.vector;
		break;
	case HV_USER_DEBUG:
		run->debug.arch = (struct kvm_debug_exit_arch){
			.exception = u->debug.exception,
			.pc = u->debug.pc,
			.dr6 = u->debug.dr6,
			.dr7 = u->debug.dr7,
		};
		break;
	case HV_USER_MSR_READ:
	case HV_USER_MSR_WRITE:
		tell_msr(run, u);
		break;
	case HV_USER_INTERNAL:
		tell_internal(run, u);
		break;
	case HV_USER_FAIL_ENTRY:
		run->fail_entry.hardware_entry_failure_reason = u->fail.hw_reason;
		run->fail_entry.cpu = raw_smp_processor_id();
		break;
	case HV_USER_XEN:
		tell_xen(run, u);
		break;
	default: /* the reason says all */
		break;
	}
}

/* The byte behind request_interrupt_window is immediate_exit, which kernels name differently. */
static const volatile uint8_t *stop_flag(const struct kvm_run *run)
{
	return &run->request_interrupt_window + 1;
}

long vcpu_run(struct vcpu *vcpu)
{
	struct hv_user *u = &vcpu->user;
	struct kvm_run *run = vcpu->run;
	long r;

	mask_signals(vcpu);
	take_answer(vcpu);
	u->reason = HV_USER_NONE;
	hv_interrupt_window(vcpu->hv, READ_ONCE(run->request_interrupt_window));
	r = hv_vcpu_run(vcpu->hv, u, vcpu->io_data, stop_flag(run));
	run->flags = 0;
	run->if_flag = u->if_flag;
	run->ready_for_interrupt_injection = u->interrupt_ready;
	run->cr8 = u->cr8;
	run->apic_base = u->apic_base;
	if (!r)
		tell(run, u);
	else if (r == -EINTR && signal_pending(current)) /* immediate_exit alone changes nothing */
		run->exit_reason = KVM_EXIT_INTR;
	unmask_signals(vcpu);
	return r;
}
