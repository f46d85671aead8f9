/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the Linux glue share: a VM and a vCPU as Linux sees them, around the core's.
 *
 * Locks, outermost first: vcpu->lock, vm->lock, vms_lock, then the core's own (core/core.h). Under
 * routes_lock only calls that the core allows in any context are made.
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

enum { GLUE_GSIS = 1024 }; /* inputs that can be routed */

struct vm {
	struct hv_vm *hv;		/* [I] */
	struct mm_struct *mm;		/* [I] the creator's; kept by the notifier */
	struct mmu_notifier notifier;	/* registered while notifier.ops is not NULL */
	refcount_t users;		/* file descriptors: its own and its vCPUs' */
	struct list_head link;		/* vms_lock */
	struct mutex lock;
	struct vcpu *vcpu[HV_MAX_VCPUS]; /* [m] set once */
	unsigned int n_vcpus;		/* [m] */
	bool split;			/* [m] KVM_CAP_SPLIT_IRQCHIP was enabled */
	unsigned int ioapic_pins;	/* [m] the first routes are an I/O APIC's */
	bool manual_dirty;		/* [m] KVM_GET_DIRTY_LOG does not clear */
	void *vram_event[HV_MAX_SLOTS];	/* [m] kept until the slot gets another, or the VM goes */
	struct list_head irqfds;	/* [m] */
	rwlock_t routes_lock;
	struct route *routes;		/* [r] GLUE_GSIS of them; NULL: none */
};

struct vcpu {
	struct vm *vm;			/* [I] */
	struct hv_vcpu *hv;		/* [I] NULL: creation failed */
	struct mutex lock;
	struct kvm_run *run;		/* [I] page 0 of its mapping: user space writes any time */
	void *io_data;			/* [I] page 1: HV_IO_BYTES */
	struct hv_user user;		/* [v] */
	struct fpu_guest fpu;		/* [v] */
	bool has_sigmask;		/* [v] */
	sigset_t sigmask;		/* [v] */
	u8 fxsave[512] __aligned(16);	/* [v] host_fpu_xmm()'s */
};

/*
 * An ioctl of a VM or vCPU whose argument points to a struct: arg is a copy of it, by the direction
 * and size in cmd, and copied back; user the pointer, for what lies behind the struct. Without a
 * struct arg is NULL and user the argument itself. Called with the object's lock held.
 */
struct vm_call {
	unsigned int cmd;
	long (*fn)(struct vm *vm, void *arg, void __user *user);
};

struct vcpu_call {
	unsigned int cmd;
	long (*fn)(struct vcpu *vcpu, void *arg, void __user *user);
};

/* module.c */
extern struct mutex vms_lock;
extern struct list_head vms;
extern bool glue_stopping; /* the machine goes down: no guest may run any more */
/* An ioctl's struct. Most have room here; an allocation takes longer than many of the calls. */
struct arg {
	void *at;
	u64 room[18];
};
long arg_in(struct arg *a, unsigned int cmd, void __user *user);
long arg_out(struct arg *a, unsigned int cmd, void __user *user, long result); /* frees it */

/* ioctl_vm.c */
long vm_create(unsigned long type);
long vm_check_extension(unsigned long cap);
void vm_put(struct vm *vm);

/* ioctl_vcpu.c */
long vcpu_create(struct vm *vm, void *arg, void __user *id);
void vcpu_free(struct vcpu *vcpu);
long vcpu_call(struct vcpu *vcpu, unsigned int cmd, void __user *user); /* an ioctl */

/* run.c */
long vcpu_run(struct vcpu *vcpu);
long vcpu_set_signal_mask(struct vcpu *vcpu, const struct kvm_signal_mask __user *from);

/* state.c: the API's structs from and to the core's; ends with cmd 0 */
extern const struct vcpu_call state_calls[];

/* mem.c: in between, the core hears of what the process's mappings lose */
int mem_watch(struct vm *vm);
void mem_unwatch(struct vm *vm);

/* irqfd.c */
long irq_set_routing(struct vm *vm, void *arg, void __user *user);
long irq_fd(struct vm *vm, void *arg, void __user *user);
long irq_io_eventfd(struct vm *vm, void *arg, void __user *user);
/* How many processors it reached, 0: none, -1: the input leads nowhere. Any context. */
int irq_raise(struct vm *vm, unsigned int gsi, bool level);
void irq_free(struct vm *vm); /* no interrupt comes from outside any more */

#endif
