/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instruction emulator: a pure function from an instruction, registers and memory to registers
 * and memory. It knows no guest and no hypervisor; everything else comes through emul_ops. It never
 * sleeps by itself, allocates nothing, and may be restarted: nothing is changed in struct emul
 * until an instruction (or one iteration of a REP) is complete.
 *
 * Reference: Intel SDM 2, "Instruction Format", "Opcode Map"; AMD APM 3, "Instruction Encoding".
 */
#ifndef HV_EMUL_H
#define HV_EMUL_H

#include "host_types.h"

enum emul_result {
	EMUL_OK,	/* done; RIP is behind it, or on it when a REP has more to do */
	EMUL_FAULT,	/* e->fault is to be raised in the guest; RIP is on it */
	EMUL_RETRY,	/* an op asked to stop and come again; nothing has changed */
	EMUL_UNHANDLED,	/* not an instruction that is emulated; e->insn has its bytes */
};

struct emul_fault {
	uint8_t vector;
	bool has_error;
	uint32_t error;
	uint64_t address; /* CR2 of a page fault */
};

enum { EMUL_INSN_MAX = 15, EMUL_DATA_MAX = 32 };
enum emul_mode { EMUL_16 = 2, EMUL_32 = 4, EMUL_64 = 8 }; /* by CS; the default operand size... */

struct emul;

/*
 * Memory by segment (order of hv_seg_name) and offset, already cut to the address size; ops add the
 * base and check limit, rights and canonical form. Each returns EMUL_OK, EMUL_FAULT with e->fault
 * filled, EMUL_RETRY or EMUL_UNHANDLED, and that is what emul_step() returns.
 */
struct emul_ops {
	/* at least 1 and at most n bytes of code from RIP + off on; *got says how many */
	enum emul_result (*fetch)(struct emul *e, unsigned off, uint8_t *buf, unsigned n,
				  unsigned *got);
	enum emul_result (*read)(struct emul *e, unsigned seg, uint64_t off, void *buf, unsigned n);
	enum emul_result (*write)(struct emul *e, unsigned seg, uint64_t off, const void *buf,
				  unsigned n);
	/* writes val if memory is still old (both n bytes, n up to 16), atomically where it is RAM;
	 * EMUL_RETRY if it is not */
	enum emul_result (*cmpxchg)(struct emul *e, unsigned seg, uint64_t off, const void *old,
				    const void *val, unsigned n);
	/* SSE registers, 16 bytes; from 16 on MMX registers, as x87's have them; never fail */
	void (*read_xmm)(struct emul *e, unsigned reg, void *buf);
	void (*write_xmm)(struct emul *e, unsigned reg, const void *buf);
	/* of ES to GS, LDTR and TR, to be stored; never fails */
	uint16_t (*selector)(struct emul *e, unsigned seg);
	/* loads it, or CS for a far jump, after all other accesses */
	enum emul_result (*load_segment)(struct emul *e, unsigned seg, uint16_t selector);
};

/* A decoded instruction; decode.c fills it, exec.c reads it. */
struct emul_insn {
	uint8_t bytes[EMUL_INSN_MAX];
	uint8_t fetched, len;	/* bytes that are in; length of the instruction when decoded */
	uint8_t opcode, map;	/* map 1: one byte; 2: 0F; 3: 0F 38; 4: 0F 3A */
	uint8_t op_size, addr_size; /* 1, 2, 4, 8 */
	uint8_t rex, rep;	/* rep: 0, 0xf2, 0xf3 */
	bool lock, op_prefix;
	uint8_t seg;		/* of the memory operand: default or prefix */
	bool has_modrm, is_mem;
	uint8_t mod, reg, rm;	/* with REX bits */
	uint64_t ea;		/* offset of the memory operand, cut to addr_size */
	uint64_t imm;		/* sign-extended to 64 bits */
	uint32_t flags;		/* of the opcode table */
	const struct emul_entry *entry;
};

struct emul {
	const struct emul_ops *ops;
	void *ctx;		/* the caller's */
	/* in and out */
	uint64_t gpr[16], rip, rflags;
	/* in */
	enum emul_mode mode;
	uint8_t cpl;
	uint64_t cr0, cr4;	/* for SMSW; OSFXSR for SSE */
	bool stack32;		/* SS.B, outside 64-bit mode: PUSH and POP use ESP */
	/* out */
	enum emul_result result; /* the first that was not EMUL_OK */
	struct emul_fault fault;
	struct emul_insn insn;
};

/*
 * Sets *e's insn from bytes that the caller has already (n may be 0: everything is fetched),
 * decodes and executes one instruction or one iteration of a repeated one.
 */
enum emul_result emul_step(struct emul *e, const uint8_t *bytes, unsigned n);
/* Only the length: EMUL_OK and e->insn.len, for any instruction of the one-byte and 0F maps. */
enum emul_result emul_decode(struct emul *e, const uint8_t *bytes, unsigned n);

#endif
