/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rig of the bare tests: a VM with 2 MiB of RAM and one vCPU (or two) in some mode, at the
 * beginning of some guest. It uses hv.h only: no test knows whose processor runs it. A check that
 * fails leaves the test.
 */
#ifndef BARE_RIG_H
#define BARE_RIG_H

#include "bare.h"
#include "cpu.h"
#include "errno_names.h"
#include "guest.h"
#include "hv.h"
#include "x86.h"

enum rig_mode {
	MODE_RESET,	/* as the processor comes up; only memory is prepared */
	MODE_REAL,
	MODE_UNREAL,	/* real mode with 4 GiB limits */
	MODE_32,	/* protected, no paging */
	MODE_32_PAGED,
	MODE_PAE,
	MODE_LONG,
	MODE_COMPAT,	/* 32-bit code in long mode */
	MODE_V86,
};

enum { RIG_VCPUS = 2 };

struct rig {
	struct hv_vm *vm;
	struct bare_vm host;
	struct hv_vcpu *vcpu[RIG_VCPUS];
	struct bare_vcpu fpu[RIG_VCPUS];
	struct hv_vcpu *v;	/* the one that runs: the first, unless the test says otherwise */
	struct hv_user u;
	volatile uint8_t stop;
	uint8_t io[HV_IO_BYTES] __attribute__((aligned(64)));
	struct host_page ram, more; /* slots 0 and 1 */
	uint64_t watchdog_ns;	/* of one rig_run() */
};

struct bare_case {
	const char *name;
	enum rig_mode mode;
	char *entry;		/* guest_NAME */
	void (*run)(struct rig *r);
};

#define CASE_ENTRY(id, mode_, entry_, run_)                                                        \
	extern char entry_[];                                                                      \
	static const struct bare_case case_##id = { #id, mode_, entry_, run_ };                    \
	static const struct bare_case *const pointer_##id                                          \
		__attribute__((used, section(".cases"))) = &case_##id

/* A test: a function that gets the rig with the vCPU at the guest's beginning. */
#define CASE(id, mode, entry)                                                                      \
	static void id(struct rig *r);                                                             \
	CASE_ENTRY(id, mode, entry, id);                                                           \
	static void id(struct rig *r)
/* A test that is all in the guest: it must get to its DONE. */
#define GUEST_CASE(id, mode, entry) CASE_ENTRY(id, mode, entry, expect_done)

void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			fail("%s:%d: %s", __FILE_NAME__, __LINE__, #cond);                         \
	} while (0)
#define CHECK_EQ(is, wanted)                                                                       \
	do {                                                                                       \
		uint64_t is_ = (uint64_t)(is), wanted_ = (uint64_t)(wanted);                       \
		if (is_ != wanted_)                                                                \
			fail("%s:%d: %s is %#lx, not %#lx", __FILE_NAME__, __LINE__, #is,          \
			     (unsigned long)is_, (unsigned long)wanted_);                          \
	} while (0)

/* --- rig.c --- */

void rig_begin(struct rig *r, const struct bare_case *c);
void rig_end(struct rig *r); /* everything goes; also after a failure */
/* A second vCPU, made like the first. */
void rig_second(struct rig *r, enum rig_mode mode, char *entry);
/* Slot 1: G_MORE_SIZE at G_MORE. */
void rig_more(struct rig *r, uint32_t flags);
void rig_slot(struct rig *r, unsigned id, uint64_t gpa, uint64_t len, uint64_t uaddr,
	      uint32_t flags);

/* hv_vcpu_run() once; the host's state is compared around it. */
int rig_run(struct rig *r);
/* The same, and it must come back for a reason; P_FAIL and P_TRAP fail the test. */
enum hv_reason rig_go(struct rig *r);

void expect(struct rig *r, enum hv_reason reason);
void expect_out(struct rig *r, uint16_t port, uint8_t size, uint32_t val);
void expect_step(struct rig *r, uint32_t n);
void expect_done(struct rig *r);
void expect_in(struct rig *r, uint16_t port, uint8_t size, uint32_t answer);
void expect_mmio_read(struct rig *r, uint64_t gpa, uint8_t len, uint64_t answer);
void expect_mmio_write(struct rig *r, uint64_t gpa, uint8_t len, uint64_t val);

uint8_t *rig_ram(struct rig *r, uint64_t gpa);
uint64_t rig_peek(struct rig *r, uint64_t gpa); /* 64 bits */
uint32_t rig_peek32(struct rig *r, uint64_t gpa);
void rig_poke(struct rig *r, uint64_t gpa, uint64_t val);
void rig_poke32(struct rig *r, uint64_t gpa, uint32_t val);
uint32_t rig_count(struct rig *r, unsigned vector); /* how often the guest's handler ran */
/* The local APIC's software enable, as a guest would set it. */
void rig_enable_apic(struct rig *r);

/* --- setup.c --- */

void setup_memory(struct rig *r, enum rig_mode mode);
void setup_vcpu(struct hv_vcpu *v, enum rig_mode mode, uint64_t entry);

/* --- host_state.c: the machine's own state that a guest must not change --- */

struct host_state {
	uint64_t words[64];
	uint8_t xmm[16][16];
};
void host_state_init(void); /* values by which a lost one shows */
void host_state_mark_xmm(unsigned reg, const uint64_t mark[2]);
void host_state_get(struct host_state *s);
/* Fails when they differ. */
void host_state_compare(const struct host_state *a, const struct host_state *b);

#endif
