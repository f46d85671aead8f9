/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the Linux glue share: a VM and a vCPU as Linux sees them, around the core's.
 *
 * Locks, outermost first: vcpu->lock, vm->lock, vms_lock, then the core's own (core/core.h); routes_lock
 * is a leaf towards Linux, and the core's any-context calls are made under it.
 * Field letters: [I] immutable after create, [m] vm->lock, [v] vcpu->lock, [r] vm->routes_lock.
 */
#ifndef GLUE_H
#define GLUE_H

#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/signal_types.h>
#include <linux/spinlock.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>

#include "hv.h"

enum { GLUE_MAX_GSI = 4096 }; /* numbers of routed inputs are below it */

/* Where a raised input goes. */
struct msi_route {
	u64 address;
	u32 data;
	bool used;
};

struct routes {
	unsigned int n;
	struct msi_route gsi[];
};

struct vcpu;

struct vm {
	struct hv_vm *hv;		/* [I] */
	struct mm_struct *mm;		/* [I] the creator's; kept by the notifier */
	struct mmu_notifier notifier;	/* registered while notifier.ops is not NULL */
	refcount_t users;		/* file descriptors: its own and its vCPUs' */
	struct list_head link;		/* vms_lock */
	struct mutex lock;
	struct vcpu *vcpu[HV_MAX_VCPUS]; /* [m] set once */
	unsigned int n_vcpus;		/* [m] */
	u32 slot_flags[HV_MAX_SLOTS];	/* [m] KVM_MEM_* */
	bool split;			/* [m] KVM_CAP_SPLIT_IRQCHIP was enabled */
	unsigned int ioapic_pins;	/* [m] the first routes are an I/O APIC's */
	bool manual_dirty;		/* [m] KVM_GET_DIRTY_LOG does not clear */
	bool wide_apic_ids;		/* [m] KVM_X2APIC_API_USE_32BIT_IDS */
	struct list_head irqfds, ioeventfds; /* [m] */
	rwlock_t routes_lock;
	struct routes *routes;		/* [r] NULL: none */
};

struct vcpu {
	struct vm *vm;			/* [I] */
	struct hv_vcpu *hv;		/* [I] NULL: creation failed */
	struct mutex lock;
	struct kvm_run *run;		/* [I] page 0 of its mapping: user space writes to it any time */
	void *io_data;			/* [I] page 1: HV_IO_BYTES */
	struct hv_user user;		/* [v] */
	struct fpu_guest fpu;		/* [v] */
	bool has_sigmask;		/* [v] */
	sigset_t sigmask;		/* [v] */
	u8 fxsave[512] __aligned(16);	/* [v] host_fpu_xmm()'s */
};

/* module.c */
extern struct mutex vms_lock;
extern struct list_head vms;
extern bool glue_stopping; /* the machine goes down: no guest may run any more */

/* ioctl_vm.c */
long vm_create(unsigned long type);
long vm_check_extension(unsigned long cap);
void vm_put(struct vm *vm);

/* ioctl_vcpu.c */
long vcpu_create(struct vm *vm, unsigned long id); /* vm->lock held */
void vcpu_free(struct vcpu *vcpu);
/* KVM_GET_SUPPORTED_CPUID and KVM_GET_CPUID2, whose arrays look alike. */
long put_cpuids(struct kvm_cpuid2 __user *user, const struct hv_cpuid *from, unsigned int n);

/* run.c: vcpu->lock held */
long vcpu_run(struct vcpu *vcpu);
long vcpu_set_signal_mask(struct vcpu *vcpu, const struct kvm_signal_mask __user *from);

/* state.c: the API's structs from and to the core's; vcpu->lock held */
int state_get_regs(struct vcpu *vcpu, struct kvm_regs *r);
int state_set_regs(struct vcpu *vcpu, const struct kvm_regs *r);
int state_get_sregs(struct vcpu *vcpu, struct kvm_sregs *s);
int state_set_sregs(struct vcpu *vcpu, const struct kvm_sregs *s);
int state_get_debugregs(struct vcpu *vcpu, struct kvm_debugregs *d);
int state_set_debugregs(struct vcpu *vcpu, const struct kvm_debugregs *d);
int state_get_events(struct vcpu *vcpu, struct kvm_vcpu_events *e);
int state_set_events(struct vcpu *vcpu, const struct kvm_vcpu_events *e);
int state_get_xcrs(struct vcpu *vcpu, struct kvm_xcrs *x);
int state_set_xcrs(struct vcpu *vcpu, const struct kvm_xcrs *x);
int state_get_lapic(struct vcpu *vcpu, struct kvm_lapic_state *s);
int state_set_lapic(struct vcpu *vcpu, struct kvm_lapic_state *s);
int state_get_mp(struct vcpu *vcpu, struct kvm_mp_state *m);
int state_set_mp(struct vcpu *vcpu, const struct kvm_mp_state *m);
int state_set_debug(struct vcpu *vcpu, const struct kvm_guest_debug *d);

/* fpu.c */
int fpu_get_regs(struct vcpu *vcpu, struct kvm_fpu *f);
int fpu_set_regs(struct vcpu *vcpu, const struct kvm_fpu *f);
int fpu_get_xsave(struct vcpu *vcpu, struct kvm_xsave *x);
int fpu_set_xsave(struct vcpu *vcpu, const struct kvm_xsave *x);

/* mem.c: from register to unregister the core hears of what the process's mappings lose */
int mem_watch(struct vm *vm);
void mem_unwatch(struct vm *vm);

/* irqfd.c */
long irq_set_routing(struct vm *vm, const struct kvm_irq_routing __user *from);
long irq_fd(struct vm *vm, const struct kvm_irqfd *f);
long irq_io_eventfd(struct vm *vm, const struct kvm_ioeventfd *f);
/* How many processors it reached, 0: none, -1: the input leads nowhere. Any context. */
int irq_raise(struct vm *vm, unsigned int gsi, bool level);
void irq_free(struct vm *vm); /* no interrupt comes from outside any more */

#endif
