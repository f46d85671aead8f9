// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest time stands still while the machine is paused: the kernel's clock is put back to where it
 * was, and so is each TSC, by the same amount, so that they stay in step.
 *
 * Missing: a local APIC timer that counts bus ticks goes on; one that waits for a TSC deadline, as
 * today's guests use it, is set again.
 * Reference: Linux, "The Definitive KVM API Documentation", "KVM_SET_CLOCK", "KVM_KVMCLOCK_CTRL";
 * "Generic vcpu interface", "KVM_VCPU_TSC_CTRL".
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <x86intrin.h>

#include "dm/log.h"
#include "kvm_priv.h"

enum { MSR_TSC_DEADLINE = 0x6e0 };

struct one_msr {
	struct kvm_msrs head;
	struct kvm_msr_entry entry;
};

void kvm_time_stop(struct kvm *k)
{
	k->clock_saved = !ioctl(k->vm, KVM_GET_CLOCK, &k->clock);
	k->stopped_at = __rdtsc();
	/* tells guests with a watchdog that they were stopped; refused before a clock is in use */
	for (unsigned i = 0; i < k->n_vcpus; i++)
		ioctl(k->vcpu[i].fd, KVM_KVMCLOCK_CTRL, 0);
}

/* False where the hypervisor lets nobody move a TSC. */
static bool move_tsc_back(struct vcpu *v, uint64_t by)
{
	uint64_t offset;
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)&offset,
	};

	if (ioctl(v->fd, KVM_GET_DEVICE_ATTR, &attr))
		return false;
	offset -= by;
	return !ioctl(v->fd, KVM_SET_DEVICE_ATTR, &attr);
}

/* The kernel's timer was set for a host time: writing the deadline again sets it anew. */
static void set_deadline_again(struct vcpu *v)
{
	struct one_msr m = { .head.nmsrs = 1, .entry.index = MSR_TSC_DEADLINE };

	if (ioctl(v->fd, KVM_GET_MSRS, &m) == 1 && m.entry.data)
		ioctl(v->fd, KVM_SET_MSRS, &m);
}

void kvm_time_start(struct kvm *k)
{
	uint64_t stood = __rdtsc() - k->stopped_at;
	struct kvm_clock_data clock = { .clock = k->clock.clock };

	for (unsigned i = 0; i < k->n_vcpus; i++) {
		if (move_tsc_back(&k->vcpu[i], stood))
			set_deadline_again(&k->vcpu[i]);
		else
			log_line(LOG_DEBUG, "the hypervisor cannot stop the TSC of virtual "
					    "processor %u (%s)", i, strerror(errno));
	}
	if (k->clock_saved)
		ioctl(k->vm, KVM_SET_CLOCK, &clock);
}
