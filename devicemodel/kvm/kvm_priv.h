/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of kvm/ only. Locks: [I] immutable after create, [m] the machine lock. */
#ifndef KVM_PRIV_H
#define KVM_PRIV_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "dm/loop.h"
#include "kvm.h"
#include "machine/machine_priv.h"

enum { KVM_SLOTS = 64, KVM_VIEWS = 2 };

/* One memory slot as the kernel has it; len 0: free. */
struct kvm_slot {
	uint64_t gpa, len;
	uint8_t *host;
	uint32_t flags;
	struct region *region;
	uint64_t off; /* of its start in the region */
};

/* Video memory, as vram.c tracks it. Under the machine lock. */
struct kvm_vram {
	bool extension;		/* [I] the hypervisor does it: /dev/caisson */
	int event;		/* [I] its eventfd */
	struct loop_fd watch;
	struct {
		struct region *region;
		uint8_t *host;	/* the guest's mapping of it; NULL: it could not be made */
	} view[KVM_VIEWS];
	int slot;		/* what is tracked; -1: nothing */
	uint64_t off, len, idle_ns;
	bool idle;		/* woken() is to be called for the next write */
	uint8_t *held;		/* the range, while it has no write access; else NULL */
	uint64_t turns;		/* how often that has changed */
	bool lost;		/* a log went with its slot, or was passed by: all is dirty */
	uint64_t last_found;	/* when there was a dirty page */
	uint64_t last_clear;	/* when no page was left writable because it is hot */
	unsigned long *log;	/* a bit a page of a slot: as asked for, */
	unsigned long *found;	/* and as the look before found it */
	size_t words;		/* of each of the two */
	uint64_t faults;	/* of earlier ranges */
	void (*woken)(void *dev);
	void *dev;
};

struct vcpu_state; /* power-on state, see vcpu_state.c */

struct vcpu {
	struct kvm *k;		/* [I] */
	unsigned index;		/* [I] also its APIC id */
	int fd;			/* [I] */
	struct kvm_run *run;	/* [I] shared with the kernel */
	struct vcpu_state *power_on; /* [I] */
	pthread_t thread;	/* [I] */
	bool started;		/* [I] thread is valid */
	uint64_t exits[EXITS_KINDS]; /* [m] */
};

struct kvm {
	struct machine *m;		/* [I] */
	struct kvm_board board;		/* [I] once running */
	int dev, vm;			/* [I] */
	size_t run_size;		/* [I] */
	unsigned n_vcpus;		/* [I] made so far */
	unsigned n_vcpus_wanted;	/* [I] */
	uint32_t cpu_signature, cpu_features; /* [I] CPUID leaf 1 EAX and EDX */
	unsigned phys_bits;		/* [I] width of physical addresses; 0: CPUID does not say */
	struct vcpu vcpu[KVM_MAX_VCPUS];
	unsigned holds;			/* [m] kvm_stop() without kvm_go() */
	unsigned inside;		/* [m] vCPU threads that are not parked */
	bool quit;			/* [m] */
	pthread_cond_t parked, go;	/* with the machine lock */
	bool intr;			/* [m] */
	struct kvm_stats stats;		/* [m] all but what the vCPUs count */
	struct kvm_clock_data clock;	/* [m] when guest time was stopped, */
	bool clock_saved;		/* [m] if the kernel told it, */
	uint64_t stopped_at;		/* [m] and the host's TSC then */
	struct kvm_slot slot[KVM_SLOTS]; /* [m] */
	struct kvm_vram vram;		/* [m] */
	struct kvm_irq_routing_entry route[MACHINE_GSIS]; /* [m] */
	bool routes_stale;		/* [m] the kernel has not seen them yet */
};

/* cpuid.c: what the processor can do, with this vCPU's place in the topology. */
int kvm_set_cpuid(struct vcpu *v);

/* vcpu_state.c */
int vcpu_state_capture(struct vcpu *v);
void vcpu_state_restore(struct vcpu *v);
void vcpu_state_free(struct vcpu *v);
/* Registers, readable, on standard error: for the reports of crashes. */
void vcpu_state_print(struct vcpu *v);

/* vcpu.c: the thread. Machine lock held. */
int vcpu_start(struct vcpu *v);
/* Makes the thread leave the guest soon. */
void vcpu_kick(struct vcpu *v);

/* vram.c. Machine lock held. */
int kvm_vram_init(struct kvm *k);
void kvm_vram_fini(struct kvm *k);
/* Where the guest's own accesses to region r go. */
uint8_t *kvm_vram_host(struct kvm *k, struct region *r);
void kvm_vram_moved(struct kvm *k); /* a slot with a dirty log comes or goes */
/* KVM_RUN failed with EFAULT, turns were seen before it: true if that is why and it can go on. */
bool kvm_vram_fault(struct kvm *k, uint64_t seen);
/* The guest writes here through the device model. */
void kvm_vram_written(struct kvm *k, uint64_t gpa);

/* irq.c: before entering the guest: what the 8259A has for it. Machine lock held. */
void kvm_prepare_irq(struct vcpu *v);
void kvm_init_routes(struct kvm *k);

#endif
