/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vendor table for unit tests, and VMs made with it. Its "hardware" is a second struct hv_state:
 * state reaches the guest only by state_set() and comes back only by state_get(), and whatever was
 * not asked for is rubbish in v->st, so that a missing hv_need() or hv_touch() fails a test. The
 * guest is a list of exits, or a function of the test's.
 */
#ifndef FAKE_BACKEND_H
#define FAKE_BACKEND_H

#include "core/core.h"

enum { FAKE_EXITS = 64, FAKE_EVENTS = 64, FAKE_TRAPS = 64 };

/* What plays the guest: changes hw->st, fills *x; 0, or -EIO: the entry is refused. */
struct fake_hw;
typedef int fake_guest_fn(struct hv_vcpu *v, struct fake_hw *hw, struct hv_exit *x);

struct fake_hw {
	struct hv_state st; /* what the hardware holds */
	bool loaded;
	unsigned loads, enters, gets, sets, flushes, stage2_flushes;

	/* the guest: first the queue, then the function; without both the guest shuts down */
	struct hv_exit queue[FAKE_EXITS];
	unsigned queue_first, queue_end;
	fake_guest_fn *guest;
	void *arg; /* the test's */

	struct hv_event inject; /* for the next entry */
	struct hv_event delivered[FAKE_EVENTS]; /* in the order of entries */
	unsigned n_delivered;
	uint32_t window; /* HV_WINDOW_* that want_window() asked for last */
	unsigned window_calls;

	uint64_t tsc_offset, tsc_ratio;
	uint32_t exception_traps;
	bool dr_trap;
	struct { uint32_t msr, access; } msr_trap[FAKE_TRAPS];
	unsigned n_msr_traps;
};

extern const struct hv_backend fake_backend;

static inline struct fake_hw *fake_hw(struct hv_vcpu *v)
{
	return v->hw;
}

/*
 * Where things are in guest memory: tables that map the first 4 GiB to themselves (64-bit mode),
 * where fake_code() puts code, the top of the stack. RAM of 64 KiB is enough.
 */
enum { FAKE_TABLES = 0x1000, FAKE_CODE = 0x8000, FAKE_STACK = 0xf000 };

/* A VM with ram bytes (a multiple of 4 KiB, 0: none) as slot 0 at 0; chooses fake_backend. */
struct hv_vm *fake_vm_new(size_t ram);
void fake_vm_free(struct hv_vm *vm); /* its vCPUs and memory too */
/* A further slot, 2 MiB-aligned in this process: its memory. */
void *fake_slot_add(struct hv_vm *vm, unsigned id, uint64_t gpa, size_t len, uint32_t flags);
/* The byte at gpa in this process; fails the test where there is none. */
void *fake_ram(struct hv_vm *vm, uint64_t gpa);

/* The next vCPU of the VM, running, in fake_mode() 64 if RAM allows; not loaded, its lock free. */
struct hv_vcpu *fake_vcpu_new(struct hv_vm *vm);
/*
 * Real mode (16), flat protected mode without paging (32) or flat 64-bit mode: everything else as
 * after power-on, interrupts off, RIP FAKE_CODE, RSP FAKE_STACK. What was in the vCPU is dropped.
 */
void fake_mode(struct hv_vcpu *v, unsigned bits);
/* Puts code at CS:RIP (which fake_mode() has set, or the test). */
void fake_code(struct hv_vcpu *v, const void *code, size_t n);
#define FAKE_CODE_BYTES(v, ...)                                                                    \
	do {                                                                                       \
		static const uint8_t fake_bytes[] = { __VA_ARGS__ };                               \
		fake_code(v, fake_bytes, sizeof(fake_bytes));                                      \
	} while (0)

/* As if the guest had run: what is dirty in v->st goes to the hardware, nothing is cached. */
void fake_exit(struct hv_vcpu *v);
/* The next exit of the queue, zero but for its kind; the test fills in the rest. */
struct hv_exit *fake_push(struct hv_vcpu *v, enum hv_exit_kind kind);

#endif
