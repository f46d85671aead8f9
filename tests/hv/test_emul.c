// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator by tables: addresses and segments, stacks of 16 bits, repetition, locks, faults,
 * restarts, lengths. What a processor can be asked is in test_emul_native.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cpu.h"
#include "emul/emul.h"
#include "emul/work.h"

enum { SEG_SIZE = 0x10000, ACCESSES = 8 };
enum kind { READ = 1, WRITE, CMPXCHG };

struct access {
	enum kind kind;
	unsigned seg, n;
	uint64_t off;
};

static struct box {
	struct emul e;
	uint8_t mem[SEG_COUNT][SEG_SIZE]; /* by the low 16 bits of an offset */
	struct access access[ACCESSES];
	unsigned n_accesses;
	int fail_at;			  /* -1: none fails */
	enum emul_result fail_with;
	const uint8_t *code;
	unsigned code_len, page_left;	  /* bytes that one fetch may bring, at most */
	unsigned fetched;
	uint8_t xmm[24][16];		  /* and eight of MMX */
	uint16_t loaded[8];
} box;

/* --- ops --- */

static enum emul_result op_fetch(struct emul *e, unsigned off, uint8_t *buf, unsigned n,
				 unsigned *got)
{
	struct box *b = e->ctx;

	assert_true(n > 0 && off + n <= EMUL_INSN_MAX);
	if (off >= b->code_len) {
		e->fault = (struct emul_fault){ .vector = X86_PF, .address = e->rip + off };
		return EMUL_FAULT;
	}
	*got = b->code_len - off;
	if (*got > n)
		*got = n;
	if (*got > b->page_left)
		*got = b->page_left;
	memcpy(buf, b->code + off, *got);
	b->fetched = off + *got;
	return EMUL_OK;
}

static enum emul_result note(struct box *b, enum kind kind, unsigned seg, uint64_t off, unsigned n)
{
	assert_in_range(seg, 0, SEG_COUNT - 1);
	assert_in_range(n, 1, 16);
	if ((int)b->n_accesses == b->fail_at) {
		b->e.fault = (struct emul_fault){ .vector = X86_SS, .has_error = true, .error = 7 };
		return b->fail_with;
	}
	assert_true(b->n_accesses < ACCESSES);
	b->access[b->n_accesses++] = (struct access){ kind, seg, n, off };
	return EMUL_OK;
}

static uint8_t *mem(struct box *b, unsigned seg, uint64_t off, unsigned n)
{
	off &= SEG_SIZE - 1;
	assert_true(off + n <= SEG_SIZE);
	return b->mem[seg] + off;
}

static enum emul_result op_read(struct emul *e, unsigned seg, uint64_t off, void *buf, unsigned n)
{
	enum emul_result r = note(e->ctx, READ, seg, off, n);

	if (r == EMUL_OK)
		memcpy(buf, mem(e->ctx, seg, off, n), n);
	return r;
}

static enum emul_result op_write(struct emul *e, unsigned seg, uint64_t off, const void *buf,
				 unsigned n)
{
	enum emul_result r = note(e->ctx, WRITE, seg, off, n);

	if (r == EMUL_OK)
		memcpy(mem(e->ctx, seg, off, n), buf, n);
	return r;
}

static enum emul_result op_cmpxchg(struct emul *e, unsigned seg, uint64_t off, const void *old,
				   const void *val, unsigned n)
{
	enum emul_result r = note(e->ctx, CMPXCHG, seg, off, n);

	if (r != EMUL_OK)
		return r;
	if (memcmp(mem(e->ctx, seg, off, n), old, n) != 0)
		return EMUL_RETRY;
	memcpy(mem(e->ctx, seg, off, n), val, n);
	return EMUL_OK;
}

static void op_read_xmm(struct emul *e, unsigned reg, void *buf)
{
	memcpy(buf, ((struct box *)e->ctx)->xmm[reg], 16);
}

static void op_write_xmm(struct emul *e, unsigned reg, const void *buf)
{
	memcpy(((struct box *)e->ctx)->xmm[reg], buf, 16);
}

static uint16_t op_selector(struct emul *e, unsigned seg)
{
	return 0x1000 + seg;
}

/* 0x13 is what cannot be loaded. */
static enum emul_result op_load_segment(struct emul *e, unsigned seg, uint16_t selector)
{
	if (selector == 0x13) {
		e->fault = (struct emul_fault){ X86_GP, true, 0x10, 0 };
		return EMUL_FAULT;
	}
	((struct box *)e->ctx)->loaded[seg] = selector;
	return EMUL_OK;
}

static const struct emul_ops ops = {
	op_fetch, op_read, op_write, op_cmpxchg, op_read_xmm, op_write_xmm, op_selector,
	op_load_segment,
};

/* --- running --- */

/* Registers at 0x100 * (number + 1), and the code. */
static struct emul *prepare(enum emul_mode mode, const uint8_t *code, unsigned len)
{
	struct emul *e = &box.e;
	unsigned i;

	memset(&box, 0, sizeof(box));
	box.fail_at = -1;
	box.code = code;
	box.code_len = len;
	box.page_left = EMUL_INSN_MAX;
	e->ops = &ops;
	e->ctx = &box;
	e->mode = mode;
	e->cr4 = CR4_OSFXSR;
	e->stack32 = mode == EMUL_32;
	e->rip = 0x1000;
	e->rflags = RFLAGS_RESERVED1 | RFLAGS_IF;
	for (i = 0; i < 16; i++)
		e->gpr[i] = 0x100 * (i + 1);
	return e;
}

#define CODE(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static struct emul *run(enum emul_mode mode, const uint8_t *code, unsigned len)
{
	struct emul *e = prepare(mode, code, len);

	assert_int_equal(emul_step(e, NULL, 0), EMUL_OK);
	assert_int_equal(e->insn.len, len);
	return e;
}

static struct emul *run_again(struct emul *e)
{
	box.n_accesses = 0;
	assert_int_equal(emul_step(e, NULL, 0), EMUL_OK);
	return e;
}

static void assert_access(unsigned i, enum kind kind, unsigned seg, uint64_t off, unsigned n)
{
	assert_in_range(box.n_accesses, i + 1, ACCESSES);
	assert_int_equal(box.access[i].kind, kind);
	assert_int_equal(box.access[i].seg, seg);
	assert_int_equal(box.access[i].off, off);
	assert_int_equal(box.access[i].n, n);
}

/* --- addresses --- */

struct address {
	enum emul_mode mode;
	uint8_t len, code[12];
	uint8_t seg;
	uint64_t off;
};

/* MOV to AL; RAX is 0x100, RCX 0x200, RDX 0x300, RBX 0x400, RSP 0x500, RBP 0x600, RSI 0x700 ... */
static const struct address addresses[] = {
	{ EMUL_16, 2, { 0x8a, 0x00 }, SEG_DS, 0x0b00 },		    /* BX + SI */
	{ EMUL_16, 2, { 0x8a, 0x01 }, SEG_DS, 0x0c00 },		    /* BX + DI */
	{ EMUL_16, 2, { 0x8a, 0x02 }, SEG_SS, 0x0d00 },		    /* BP + SI */
	{ EMUL_16, 2, { 0x8a, 0x03 }, SEG_SS, 0x0e00 },		    /* BP + DI */
	{ EMUL_16, 2, { 0x8a, 0x04 }, SEG_DS, 0x0700 },		    /* SI */
	{ EMUL_16, 2, { 0x8a, 0x05 }, SEG_DS, 0x0800 },		    /* DI */
	{ EMUL_16, 4, { 0x8a, 0x06, 0x34, 0x92 }, SEG_DS, 0x9234 },
	{ EMUL_16, 2, { 0x8a, 0x07 }, SEG_DS, 0x0400 },		    /* BX */
	{ EMUL_16, 3, { 0x8a, 0x46, 0xff }, SEG_SS, 0x05ff },	    /* BP - 1 */
	{ EMUL_16, 4, { 0x8a, 0x87, 0x00, 0xfd }, SEG_DS, 0x0100 }, /* wraps */
	{ EMUL_16, 3, { 0x26, 0x8a, 0x02 }, SEG_ES, 0x0d00 },
	{ EMUL_16, 3, { 0x2e, 0x8a, 0x04 }, SEG_CS, 0x0700 },
	{ EMUL_16, 3, { 0x36, 0x8a, 0x04 }, SEG_SS, 0x0700 },
	{ EMUL_16, 3, { 0x3e, 0x8a, 0x02 }, SEG_DS, 0x0d00 },
	{ EMUL_16, 3, { 0x64, 0x8a, 0x04 }, SEG_FS, 0x0700 },
	{ EMUL_16, 4, { 0x64, 0x65, 0x8a, 0x04 }, SEG_GS, 0x0700 }, /* the last one counts */
	{ EMUL_16, 3, { 0x67, 0x8a, 0x00 }, SEG_DS, 0x0100 },	    /* EAX */
	{ EMUL_16, 4, { 0x67, 0x8a, 0x04, 0x24 }, SEG_SS, 0x0500 }, /* ESP */
	{ EMUL_16, 3, { 0xa0, 0x34, 0x92 }, SEG_DS, 0x9234 },
	{ EMUL_16, 6, { 0x67, 0xa0, 0x78, 0x56, 0x34, 0x92 }, SEG_DS, 0x92345678 },
	{ EMUL_32, 6, { 0x8a, 0x05, 0x78, 0x56, 0x34, 0x92 }, SEG_DS, 0x92345678 },
	{ EMUL_32, 3, { 0x8a, 0x45, 0x80 }, SEG_SS, 0x0580 },	    /* EBP - 128 */
	{ EMUL_32, 3, { 0x8a, 0x04, 0x24 }, SEG_SS, 0x0500 },	    /* no index */
	{ EMUL_32, 3, { 0x8a, 0x04, 0xd8 }, SEG_DS, 0x2100 },	    /* EAX + 8 * EBX */
	{ EMUL_32, 3, { 0x8a, 0x04, 0x2c }, SEG_SS, 0x0b00 },	    /* ESP + EBP */
	{ EMUL_32, 4, { 0x8a, 0x44, 0x4d, 0x00 }, SEG_SS, 0x0a00 }, /* EBP + 2 * ECX */
	{ EMUL_32, 7, { 0x8a, 0x04, 0xad, 0, 0, 0, 0xf0 }, SEG_DS, 0xf0001800 },
	{ EMUL_32, 6, { 0x8a, 0x80, 0x00, 0xff, 0xff, 0xff }, SEG_DS, 0 },
	{ EMUL_32, 6, { 0x8a, 0x80, 0xff, 0xfe, 0xff, 0xff }, SEG_DS, 0xffffffff },
	{ EMUL_32, 3, { 0x67, 0x8a, 0x02 }, SEG_SS, 0x0d00 },
	{ EMUL_64, 6, { 0x8a, 0x80, 0xff, 0xfe, 0xff, 0xff }, SEG_DS, 0xffffffffffffffff },
	{ EMUL_64, 7, { 0x67, 0x8a, 0x80, 0xff, 0xfe, 0xff, 0xff }, SEG_DS, 0xffffffff },
	{ EMUL_64, 6, { 0x8a, 0x05, 0xfa, 0xff, 0xff, 0xff }, SEG_DS, 0x1000 }, /* RIP */
	{ EMUL_64, 7, { 0x67, 0x8a, 0x05, 0, 0, 0, 0x80 }, SEG_DS, 0x80001007 },
	{ EMUL_64, 7, { 0x8a, 0x04, 0x25, 0, 0, 0, 0x80 }, SEG_DS, 0xffffffff80000000 },
	{ EMUL_64, 4, { 0x41, 0x8a, 0x45, 0x01 }, SEG_DS, 0x0e01 }, /* R13 is not RBP */
	{ EMUL_64, 4, { 0x41, 0x8a, 0x04, 0x24 }, SEG_DS, 0x0d00 }, /* nor R12 RSP */
	{ EMUL_64, 4, { 0x42, 0x8a, 0x04, 0x20 }, SEG_DS, 0x0e00 }, /* R12 is an index */
	{ EMUL_64, 3, { 0x26, 0x8a, 0x00 }, SEG_DS, 0x0100 },	    /* does not count */
	{ EMUL_64, 4, { 0x65, 0x2e, 0x8a, 0x00 }, SEG_GS, 0x0100 }, /* nor take GS away */
	{ EMUL_64, 3, { 0x64, 0x8a, 0x00 }, SEG_FS, 0x0100 },
	{ EMUL_64, 9, { 0xa0, 8, 7, 6, 5, 4, 3, 2, 1 }, SEG_DS, 0x0102030405060708 },
	{ EMUL_64, 6, { 0x67, 0xa0, 8, 7, 6, 0xf5 }, SEG_DS, 0xf5060708 },
};

static void finds_addresses_and_segments(void **state)
{
	unsigned i;

	for (i = 0; i < HV_ARRAY(addresses); i++) {
		const struct address *a = &addresses[i];

		prepare(a->mode, a->code, a->len);
		box.mem[a->seg][a->off & 0xffff] = 0x5a;
		assert_int_equal(emul_step(&box.e, a->code, a->len), EMUL_OK);
		assert_access(0, READ, a->seg, a->off, 1);
		assert_int_equal(box.e.gpr[RAX], 0x15a);
		assert_int_equal(box.e.rip, 0x1000 + a->len);
	}
}

static void counts_the_immediate_into_rip(void **state)
{
	run(EMUL_64, CODE(0xc7, 0x05, 0, 0x20, 0, 0, 1, 2, 3, 4)); /* MOV [RIP + 2000], imm32 */
	assert_access(0, WRITE, SEG_DS, 0x1000 + 10 + 0x2000, 4);
	run(EMUL_64, CODE(0x80, 0x3d, 0, 0x20, 0, 0, 1)); /* CMP [RIP + 2000], imm8 */
	assert_access(0, READ, SEG_DS, 0x1000 + 7 + 0x2000, 1);
}

static void finds_bits_outside_the_operand(void **state)
{
	struct emul *e = prepare(EMUL_32, CODE(0x0f, 0xab, 0x08)); /* BTS [EAX], ECX */

	e->gpr[RCX] = 0xffffffff;
	run_again(e);
	assert_access(1, WRITE, SEG_DS, 0xfc, 4);
	assert_int_equal(box.mem[SEG_DS][0xff], 0x80);
	e = prepare(EMUL_16, CODE(0x0f, 0xb3, 0x0f)); /* BTR [BX], CX */
	e->gpr[RCX] = 0x8000;
	run_again(e);
	assert_access(1, WRITE, SEG_DS, 0xf400, 2); /* 0x400 - 0x1000, cut to 16 bits */
}

/* --- stack --- */

static void uses_the_stack_of_the_mode(void **state)
{
	struct emul *e = prepare(EMUL_16, CODE(0x50)); /* PUSH AX */

	e->gpr[RSP] = 0x12340000;
	run_again(e);
	assert_access(0, WRITE, SEG_SS, 0xfffe, 2);
	assert_int_equal(e->gpr[RSP], 0x1234fffe);
	e = prepare(EMUL_16, CODE(0x66, 0x59)); /* POP ECX */
	e->gpr[RSP] = 0x1234fffc;
	memcpy(&box.mem[SEG_SS][0xfffc], "\1\2\3\4", 4);
	run_again(e);
	assert_int_equal(e->gpr[RSP], 0x12340000);
	assert_int_equal(e->gpr[RCX], 0x04030201);
	e = prepare(EMUL_16, CODE(0x6a, 0xfe)); /* with a 32-bit stack */
	e->stack32 = true;
	e->gpr[RSP] = 0x10000;
	run_again(e);
	assert_access(0, WRITE, SEG_SS, 0xfffe, 2);
	assert_int_equal(e->gpr[RSP], 0xfffe);
	e = run(EMUL_64, CODE(0xff, 0x34, 0x24)); /* PUSH [RSP] */
	assert_access(0, READ, SEG_SS, 0x500, 8);
	assert_access(1, WRITE, SEG_SS, 0x4f8, 8);
	run(EMUL_64, CODE(0x8f, 0x04, 0x24)); /* POP [RSP]: the address is that after the POP */
	assert_access(0, READ, SEG_SS, 0x500, 8);
	assert_access(1, WRITE, SEG_SS, 0x508, 8);
}

/* --- strings --- */

static void repeats_one_by_one(void **state)
{
	struct emul *e = prepare(EMUL_32, CODE(0xf3, 0x64, 0xa5)); /* REP MOVSD, from FS */

	e->gpr[RCX] = 2;
	memcpy(&box.mem[SEG_FS][0x700], "abcdefgh", 8);
	run_again(e);
	assert_access(0, READ, SEG_FS, 0x700, 4);
	assert_access(1, WRITE, SEG_ES, 0x800, 4);
	assert_int_equal(e->rip, 0x1000);
	assert_true(e->rflags & RFLAGS_RF);
	assert_int_equal(e->gpr[RCX], 1);
	run_again(e);
	assert_int_equal(e->rip, 0x1003);
	assert_false(e->rflags & RFLAGS_RF);
	assert_int_equal(e->gpr[RCX], 0);
	assert_memory_equal(&box.mem[SEG_ES][0x800], "abcdefgh", 8);
}

static void repeats_nothing_when_the_count_is_0(void **state)
{
	struct emul *e = prepare(EMUL_16, CODE(0xf3, 0xaa));

	e->gpr[RCX] = 0x10000;
	run_again(e);
	assert_int_equal(box.n_accesses, 0);
	assert_int_equal(e->rip, 0x1002);
	assert_int_equal(e->gpr[RCX], 0x10000);
	assert_int_equal(e->gpr[RDI], 0x800);
}

static void wraps_and_turns_string_pointers(void **state)
{
	struct emul *e = prepare(EMUL_16, CODE(0xf3, 0x26, 0xac)); /* REP LODSB, from ES */

	e->gpr[RSI] = 0x70000;
	e->rflags |= RFLAGS_DF;
	run_again(e);
	assert_access(0, READ, SEG_ES, 0, 1);
	assert_int_equal(e->gpr[RSI], 0x7ffff);
	assert_int_equal(e->gpr[RCX], 0x1ff);
}

static void compares_until_it_differs(void **state)
{
	struct emul *e = prepare(EMUL_64, CODE(0xf2, 0xae)); /* REPNE SCASB */

	box.mem[SEG_ES][0x802] = 0x42;
	e->gpr[RAX] = 0x42;
	run_again(e);
	run_again(e);
	assert_int_equal(e->rip, 0x1000);
	run_again(e);
	assert_int_equal(e->rip, 0x1002);
	assert_true(e->rflags & RFLAGS_ZF);
	assert_int_equal(e->gpr[RDI], 0x803);
	e = prepare(EMUL_64, CODE(0xf3, 0xa6)); /* REPE CMPSB */
	box.mem[SEG_ES][0x801] = 1;
	run_again(e);
	assert_int_equal(e->rip, 0x1000);
	run_again(e);
	assert_int_equal(e->rip, 0x1002);
	assert_true(e->rflags & RFLAGS_CF);
}

/* --- locks --- */

static void writes_locked_only_over_what_it_read(void **state)
{
	struct emul *e = run(EMUL_64, CODE(0xf0, 0x48, 0x01, 0x00)); /* LOCK ADD [RAX], RAX */

	assert_access(0, READ, SEG_DS, 0x100, 8);
	assert_access(1, CMPXCHG, SEG_DS, 0x100, 8);
	assert_int_equal(box.mem[SEG_DS][0x101], 1);
	e = run(EMUL_64, CODE(0x01, 0x00));
	assert_access(1, WRITE, SEG_DS, 0x100, 4);
	e = run(EMUL_64, CODE(0x87, 0x08)); /* XCHG, locked by itself */
	assert_access(1, CMPXCHG, SEG_DS, 0x100, 4);
	assert_int_equal(e->gpr[RCX], 0);
	run(EMUL_64, CODE(0xf0, 0x48, 0x0f, 0xc7, 0x08)); /* CMPXCHG16B */
	assert_access(1, CMPXCHG, SEG_DS, 0x100, 16);
}

static void refuses_lock_where_it_does_not_belong(void **state)
{
	static const struct { uint8_t len, code[6]; } codes[] = {
		{ 3, { 0xf0, 0x01, 0xc0 } },	   /* register */
		{ 3, { 0xf0, 0x03, 0x00 } },	   /* to a register */
		{ 3, { 0xf0, 0x39, 0x00 } },	   /* CMP */
		{ 4, { 0xf0, 0x80, 0x38, 0x01 } }, /* CMP */
		{ 3, { 0xf0, 0x85, 0x00 } },	   /* TEST */
		{ 3, { 0xf0, 0x89, 0x00 } },	   /* MOV */
		{ 3, { 0xf0, 0xd1, 0x20 } },	   /* SHL */
		{ 4, { 0xf0, 0x0f, 0xa3, 0x00 } }, /* BT */
		{ 2, { 0xf0, 0xa4 } }, { 2, { 0xf0, 0x90 } }, { 3, { 0xf0, 0xff, 0x30 } },
		{ 4, { 0xf0, 0x0f, 0x10, 0x00 } }, { 3, { 0xf0, 0xf7, 0x20 } },
	};
	unsigned i;

	for (i = 0; i < HV_ARRAY(codes); i++) {
		struct emul *e = prepare(EMUL_64, codes[i].code, codes[i].len);

		assert_int_equal(emul_step(e, NULL, 0), EMUL_FAULT);
		assert_int_equal(e->fault.vector, X86_UD);
		assert_false(e->fault.has_error);
		assert_int_equal(box.n_accesses, 0);
	}
}

/* --- faults and restarts --- */

static const struct step {
	enum emul_mode mode;
	uint8_t len, code[8];
	uint8_t accesses;
} steps[] = {
	{ EMUL_64, 2, { 0x89, 0x08 }, 1 },		     /* MOV */
	{ EMUL_64, 2, { 0x8b, 0x08 }, 1 },
	{ EMUL_64, 2, { 0x11, 0x08 }, 2 },		     /* ADC */
	{ EMUL_64, 3, { 0xf0, 0x11, 0x08 }, 2 },
	{ EMUL_64, 2, { 0x13, 0x08 }, 1 },
	{ EMUL_64, 2, { 0xff, 0x00 }, 2 },		     /* INC */
	{ EMUL_64, 2, { 0xf7, 0x20 }, 1 },		     /* MUL */
	{ EMUL_64, 2, { 0x87, 0x08 }, 2 },		     /* XCHG */
	{ EMUL_64, 3, { 0x0f, 0xc1, 0x08 }, 2 },	     /* XADD */
	{ EMUL_64, 3, { 0x0f, 0xb1, 0x08 }, 2 },	     /* CMPXCHG */
	{ EMUL_64, 3, { 0x0f, 0xc7, 0x08 }, 2 },	     /* CMPXCHG8B */
	{ EMUL_64, 5, { 0xf0, 0x48, 0x0f, 0xc7, 0x08 }, 2 }, /* CMPXCHG16B */
	{ EMUL_64, 2, { 0xd3, 0x18 }, 2 },		     /* RCR */
	{ EMUL_64, 3, { 0x0f, 0xa5, 0x08 }, 2 },	     /* SHLD */
	{ EMUL_64, 3, { 0x0f, 0xbb, 0x08 }, 2 },	     /* BTC */
	{ EMUL_64, 3, { 0x0f, 0xbc, 0x08 }, 1 },	     /* BSF */
	{ EMUL_64, 3, { 0x0f, 0xbe, 0x08 }, 1 },	     /* MOVSX */
	{ EMUL_64, 3, { 0x0f, 0x94, 0x00 }, 1 },	     /* SETZ */
	{ EMUL_64, 3, { 0x0f, 0x44, 0x08 }, 1 },	     /* CMOVZ */
	{ EMUL_64, 1, { 0x50 }, 1 },			     /* PUSH */
	{ EMUL_64, 2, { 0xff, 0x30 }, 2 },
	{ EMUL_32, 1, { 0x5c }, 1 },			     /* POP ESP */
	{ EMUL_32, 2, { 0x8f, 0x00 }, 2 },
	{ EMUL_64, 2, { 0xff, 0x10 }, 2 },		     /* CALL */
	{ EMUL_64, 2, { 0xff, 0x20 }, 1 },		     /* JMP */
	{ EMUL_64, 3, { 0x48, 0xff, 0x28 }, 2 },	     /* far */
	{ EMUL_64, 5, { 0xe8, 1, 0, 0, 0 }, 1 },
	{ EMUL_64, 1, { 0xc3 }, 1 },			     /* RET */
	{ EMUL_32, 4, { 0xc8, 8, 0, 0 }, 1 },		     /* ENTER */
	{ EMUL_64, 1, { 0xc9 }, 1 },			     /* LEAVE */
	{ EMUL_16, 2, { 0xf3, 0xa4 }, 2 },		     /* MOVS */
	{ EMUL_16, 2, { 0xf3, 0xa6 }, 2 },		     /* CMPS */
	{ EMUL_16, 2, { 0xf3, 0xaa }, 1 },		     /* STOS */
	{ EMUL_16, 2, { 0xf3, 0xac }, 1 },		     /* LODS */
	{ EMUL_16, 2, { 0xf3, 0xae }, 1 },		     /* SCAS */
	{ EMUL_16, 1, { 0xd7 }, 1 },			     /* XLAT */
	{ EMUL_64, 3, { 0x0f, 0x10, 0x08 }, 1 },	     /* MOVUPS */
	{ EMUL_64, 3, { 0x0f, 0x11, 0x08 }, 1 },
	{ EMUL_64, 2, { 0x8c, 0x18 }, 1 },		     /* MOV from DS */
	{ EMUL_64, 4, { 0x0f, 0x38, 0xf0, 0x08 }, 1 },	     /* MOVBE */
};

/* The k-th access stops the instruction: nothing but fault and insn is any different. */
static void stop_at(const struct step *s, unsigned k, enum emul_result with)
{
	struct emul *e = prepare(s->mode, s->code, s->len), before;
	uint8_t xmm[16] = { 1, 2, 3 };

	memcpy(box.xmm[1], xmm, 16);
	e->rflags |= RFLAGS_RF | RFLAGS_CF;
	before = *e;
	box.fail_at = (int)k;
	box.fail_with = with;
	assert_int_equal(emul_step(e, NULL, 0), with);
	assert_int_equal(box.n_accesses, k);
	assert_memory_equal(e->gpr, before.gpr, sizeof(e->gpr));
	assert_int_equal(e->rip, before.rip);
	assert_int_equal(e->rflags, before.rflags);
	assert_memory_equal(box.xmm[1], xmm, 16);
	if (with == EMUL_FAULT) {
		assert_int_equal(e->fault.vector, X86_SS);
		assert_int_equal(e->fault.error, 7);
	}
	box.fail_at = -1;
	box.n_accesses = 0;
	assert_int_equal(emul_step(e, NULL, 0), EMUL_OK);
	assert_int_equal(box.n_accesses, s->accesses);
}

static void changes_nothing_until_it_is_complete(void **state)
{
	unsigned i, k;

	for (i = 0; i < HV_ARRAY(steps); i++) {
		for (k = 0; k < steps[i].accesses; k++) {
			stop_at(&steps[i], k, EMUL_RETRY);
			stop_at(&steps[i], k, EMUL_FAULT);
			stop_at(&steps[i], k, EMUL_UNHANDLED);
		}
	}
}

static void raises_divide_errors(void **state)
{
	static const struct { uint8_t len, code[3]; uint64_t rax, rdx, rcx; } divisions[] = {
		{ 2, { 0xf7, 0xf1 }, 1, 0, 0 },			  /* by 0 */
		{ 2, { 0xf7, 0xf1 }, 0, 1, 1 },
		{ 2, { 0xf6, 0xf1 }, 0x100, 0, 1 },
		{ 2, { 0xf6, 0xf9 }, 0x80, 0, 1 },		  /* 128 does not fit */
		{ 3, { 0x48, 0xf7, 0xf9 }, 1ull << 63, ~0ull, ~0ull },
		{ 3, { 0x48, 0xf7, 0xf9 }, 0, 1ull << 63, ~0ull },
		{ 3, { 0x48, 0xf7, 0xf1 }, 0, 5, 5 },
	};
	unsigned i;

	for (i = 0; i < HV_ARRAY(divisions); i++) {
		struct emul *e = prepare(EMUL_64, divisions[i].code, divisions[i].len);

		e->gpr[RAX] = divisions[i].rax;
		e->gpr[RDX] = divisions[i].rdx;
		e->gpr[RCX] = divisions[i].rcx;
		assert_int_equal(emul_step(e, NULL, 0), EMUL_FAULT);
		assert_int_equal(e->fault.vector, X86_DE);
		assert_int_equal(e->gpr[RAX], divisions[i].rax);
		assert_int_equal(e->rip, 0x1000);
	}
}

static void assert_fault(const uint8_t *code, unsigned len, uint8_t vector)
{
	struct emul *e = &box.e;

	assert_int_equal(emul_step(e, code, len), EMUL_FAULT);
	assert_int_equal(e->fault.vector, vector);
	assert_int_equal(e->rip, 0x1000);
}

static void refuses_what_a_processor_refuses(void **state)
{
	struct emul *e;

	prepare(EMUL_64, NULL, 0);
	assert_fault(CODE(0x82, 0x00, 0x01), X86_UD);
	assert_fault(CODE(0x8d, 0xc0), X86_UD);		   /* LEA of a register */
	assert_fault(CODE(0x8c, 0x30), X86_UD);		   /* seventh segment */
	assert_fault(CODE(0x0f, 0x28, 0x40, 0x08), X86_GP); /* MOVAPS */
	assert_true(box.e.fault.has_error);
	assert_fault(CODE(0x48, 0x0f, 0xc7, 0x48, 0x08), X86_GP); /* CMPXCHG16B */
	e = prepare(EMUL_32, NULL, 0);
	assert_int_equal(emul_step(e, CODE(0x82, 0x00, 0x01)), EMUL_OK);
	e->rip = 0x1000;
	e->cr4 = 0;
	assert_fault(CODE(0x0f, 0x10, 0x00), X86_UD);
}

/* --- fetching and lengths --- */

static void refuses_more_than_15_bytes(void **state)
{
	uint8_t code[16];
	struct emul *e;

	memset(code, 0x66, sizeof(code));
	code[14] = 0x90;
	e = prepare(EMUL_32, code, 15);
	assert_int_equal(emul_step(e, NULL, 0), EMUL_OK);
	assert_int_equal(e->rip, 0x100f);
	code[14] = 0x66;
	code[15] = 0x90;
	e = prepare(EMUL_32, code, 16);
	assert_int_equal(emul_step(e, NULL, 0), EMUL_FAULT);
	assert_int_equal(e->fault.vector, X86_GP);
	code[13] = 0xb8; /* MOV EAX, imm32, of which two bytes are beyond */
	e = prepare(EMUL_32, code, 16);
	assert_int_equal(emul_decode(e, code, 16), EMUL_FAULT);
	assert_int_equal(e->fault.vector, X86_GP);
}

static void fetches_over_a_page_end_only_when_it_must(void **state)
{
	struct emul *e = prepare(EMUL_32, CODE(0x89, 0x08, 0xff));

	box.page_left = 1;
	assert_int_equal(emul_step(e, NULL, 0), EMUL_OK);
	assert_int_equal(box.fetched, 2);
	e = prepare(EMUL_32, CODE(0xc7));
	assert_int_equal(emul_step(e, NULL, 0), EMUL_FAULT);
	assert_int_equal(e->fault.vector, X86_PF);
	assert_int_equal(e->fault.address, 0x1001);
}

static void uses_bytes_that_the_caller_has(void **state)
{
	static const uint8_t code[] = { 0x81, 0x00, 1, 2, 3, 4 };
	struct emul *e = prepare(EMUL_32, code, sizeof(code));

	assert_int_equal(emul_step(e, code, sizeof(code)), EMUL_OK);
	assert_int_equal(box.fetched, 0);
	e = prepare(EMUL_32, code, sizeof(code));
	assert_int_equal(emul_step(e, code, 3), EMUL_OK);
	assert_int_equal(box.fetched, sizeof(code));
	assert_memory_equal(&box.mem[SEG_DS][0x100], "\1\2\3\4", 4);
}

static void leaves_the_bytes_of_what_it_does_not_know(void **state)
{
	static const uint8_t codes[][4] = {
		{ 0xd9, 0x00 },		    /* FLD */
		{ 0x0f, 0xfc, 0x00 },	    /* PADDB of MMX */
		{ 0xc5, 0xf8, 0x10, 0x00 }, /* VMOVUPS */
		{ 0xf3, 0x0f, 0xbc, 0x00 }, /* TZCNT */
		{ 0x0f, 0x01, 0x10 },	    /* LGDT */
		{ 0x0f, 0x0b },		    /* UD2 */
	};
	unsigned i;

	for (i = 0; i < HV_ARRAY(codes); i++) {
		struct emul *e = prepare(EMUL_64, codes[i], 4);

		assert_int_equal(emul_step(e, NULL, 0), EMUL_UNHANDLED);
		assert_memory_equal(e->insn.bytes, codes[i], e->insn.fetched);
		assert_int_equal(e->insn.fetched, 4);
		assert_int_equal(e->rip, 0x1000);
	}
}

static const struct length {
	enum emul_mode mode;
	uint8_t len, code[15];
} lengths[] = {
	{ EMUL_64, 2, { 0x0f, 0xa2 } },			 /* CPUID */
	{ EMUL_64, 2, { 0x0f, 0x32 } },			 /* RDMSR */
	{ EMUL_64, 2, { 0x0f, 0x30 } },			 /* WRMSR */
	{ EMUL_64, 2, { 0x0f, 0x08 } },			 /* INVD */
	{ EMUL_64, 2, { 0x0f, 0x09 } },			 /* WBINVD */
	{ EMUL_64, 1, { 0xf4 } },			 /* HLT */
	{ EMUL_64, 2, { 0xf3, 0x90 } },			 /* PAUSE */
	{ EMUL_64, 3, { 0x0f, 0x01, 0xd9 } },		 /* VMMCALL */
	{ EMUL_64, 3, { 0x0f, 0x01, 0xd1 } },		 /* XSETBV */
	{ EMUL_64, 3, { 0x0f, 0x01, 0x38 } },		 /* INVLPG */
	{ EMUL_16, 5, { 0x0f, 0x01, 0x16, 0x34, 0x12 } }, /* LGDT */
	{ EMUL_64, 2, { 0xcd, 0x80 } },			 /* INT */
	{ EMUL_32, 5, { 0xe8, 1, 2, 3, 4 } }, { EMUL_16, 3, { 0xe8, 1, 2 } },
	{ EMUL_16, 5, { 0xea, 1, 2, 3, 4 } }, { EMUL_32, 7, { 0xea, 1, 2, 3, 4, 5, 6 } },
	{ EMUL_32, 7, { 0x9a, 1, 2, 3, 4, 5, 6 } }, { EMUL_64, 4, { 0xc8, 1, 2, 3 } },
	{ EMUL_64, 6, { 0x0f, 0x84, 1, 2, 3, 4 } }, { EMUL_64, 3, { 0xc2, 1, 2 } },
	{ EMUL_64, 10, { 0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ EMUL_64, 4, { 0x66, 0xb8, 1, 2 } }, { EMUL_64, 5, { 0x68, 1, 2, 3, 4 } },
	{ EMUL_32, 2, { 0xc5, 0x08 } },			 /* LDS */
	{ EMUL_32, 4, { 0xc5, 0xf8, 0x10, 0xc0 } },	 /* VMOVUPS */
	{ EMUL_64, 3, { 0xc5, 0xf8, 0x77 } },		 /* VZEROUPPER */
	{ EMUL_64, 5, { 0xc5, 0xf9, 0x70, 0xc0, 1 } },	 /* VPSHUFD */
	{ EMUL_64, 6, { 0xc4, 0xe3, 0x79, 0x0f, 0xc0, 1 } }, /* VPALIGNR */
	{ EMUL_64, 6, { 0xc4, 0xe2, 0x79, 0x58, 0x45, 1 } }, /* VPBROADCASTD */
	{ EMUL_64, 6, { 0x62, 0xf1, 0x7c, 0x48, 0x10, 0x00 } }, /* EVEX VMOVUPS */
	{ EMUL_32, 2, { 0x62, 0x00 } },			 /* BOUND */
	{ EMUL_64, 6, { 0x66, 0x0f, 0x3a, 0x0f, 0xc0, 1 } }, /* PALIGNR */
	{ EMUL_64, 5, { 0x66, 0x0f, 0x38, 0x00, 0xc0 } }, /* PSHUFB */
	{ EMUL_64, 7, { 0xf6, 0x05, 0, 0, 0, 0, 1 } },	 /* TEST */
	{ EMUL_64, 6, { 0xf6, 0x15, 0, 0, 0, 0 } },	 /* NOT */
	{ EMUL_64, 3, { 0xd9, 0x40, 1 } }, { EMUL_64, 1, { 0xcf } }, { EMUL_64, 2, { 0x0f, 0x05 } },
};

static void knows_lengths(void **state)
{
	unsigned i;

	for (i = 0; i < HV_ARRAY(lengths); i++) {
		struct emul *e = prepare(lengths[i].mode, lengths[i].code, lengths[i].len);

		assert_int_equal(emul_decode(e, NULL, 0), EMUL_OK);
		assert_int_equal(e->insn.len, lengths[i].len);
		assert_int_equal(e->rip, 0x1000);
	}
}

static const struct emul_insn *decode(enum emul_mode mode, const uint8_t *code, unsigned len)
{
	struct emul *e = prepare(mode, code, len);

	assert_int_equal(emul_decode(e, NULL, 0), EMUL_OK);
	assert_int_equal(e->insn.len, len);
	return &e->insn;
}

static void tells_of_port_io(void **state)
{
	const struct emul_insn *in = decode(EMUL_64, CODE(0xf3, 0x65, 0x48, 0x6f)); /* REP OUTS */

	assert_int_equal(in->op_size, 4);
	assert_int_equal(in->addr_size, 8);
	assert_int_equal(in->seg, SEG_GS);
	assert_int_equal(in->rep, PREFIX_REP);
	in = decode(EMUL_16, CODE(0x2e, 0x67, 0x6c)); /* INSB: always to ES */
	assert_int_equal(in->op_size, 1);
	assert_int_equal(in->addr_size, 4);
	assert_int_equal(in->seg, SEG_ES);
	assert_int_equal(in->rep, 0);
	in = decode(EMUL_32, CODE(0x66, 0x6f));
	assert_int_equal(in->op_size, 2);
	assert_int_equal(in->seg, SEG_DS);
	assert_int_equal(decode(EMUL_64, CODE(0xe4, 0x80))->op_size, 1);
	assert_int_equal(decode(EMUL_64, CODE(0x66, 0xe7, 0x80))->op_size, 2);
	assert_int_equal(decode(EMUL_64, CODE(0x48, 0xed))->op_size, 4);
	assert_int_equal(decode(EMUL_64, CODE(0xee))->op_size, 1);
}

static void tells_of_control_registers(void **state)
{
	const struct emul_insn *in = decode(EMUL_64, CODE(0x44, 0x0f, 0x22, 0xc3)); /* CR8 = RBX */

	assert_int_equal(in->reg, 8);
	assert_int_equal(in->rm, RBX);
	assert_int_equal(in->op_size, 8);
	in = decode(EMUL_32, CODE(0x0f, 0x20, 0x05)); /* mod does not count */
	assert_false(in->is_mem);
	assert_int_equal(in->reg, 0);
	assert_int_equal(in->rm, RBP);
	assert_int_equal(in->op_size, 4);
	in = decode(EMUL_64, CODE(0x41, 0x0f, 0x23, 0xf8)); /* DR7 = R8 */
	assert_int_equal(in->map, MAP_0F);
	assert_int_equal(in->opcode, 0x23);
	assert_int_equal(in->reg, 7);
	assert_int_equal(in->rm, 8);
	in = decode(EMUL_16, CODE(0x0f, 0x01, 0x36, 0x34, 0x12)); /* LMSW */
	assert_true(in->is_mem);
	assert_int_equal(in->reg, 6);
	assert_int_equal(in->ea, 0x1234);
	assert_int_equal(in->seg, SEG_DS);
	in = decode(EMUL_16, CODE(0x0f, 0x01, 0xe0)); /* SMSW AX */
	assert_int_equal(in->reg, 4);
	assert_int_equal(in->mod, 3);
	assert_int_equal(in->op_size, 2);
	assert_int_equal(decode(EMUL_16, CODE(0x0f, 0x06))->opcode, 0x06); /* CLTS */
}

/* --- the rest --- */

static void reads_segment_registers(void **state)
{
	struct emul *e = run(EMUL_64, CODE(0x8c, 0xd9)); /* MOV ECX, DS */

	assert_int_equal(e->gpr[RCX], 0x1000 + SEG_DS);
	run(EMUL_32, CODE(0x8c, 0x10)); /* always 16 bits in memory */
	assert_access(0, WRITE, SEG_DS, 0x100, 2);
}

/* With data at DS:0x100. */
static struct emul *prepare_with(enum emul_mode mode, const uint8_t *code, unsigned len,
				 const void *data, unsigned n)
{
	struct emul *e = prepare(mode, code, len);

	memcpy(mem(&box, SEG_DS, 0x100, n), data, n);
	return e;
}

static void loads_segment_registers(void **state)
{
	struct emul *e;

	run_again(prepare_with(EMUL_64, CODE(0x8e, 0x10), "\x18\0", 2)); /* MOV SS, (RAX) */
	assert_access(0, READ, SEG_DS, 0x100, 2);
	assert_int_equal(box.loaded[SEG_SS], 0x18);
	run_again(prepare_with(EMUL_32, CODE(0x0f, 0x00, 0x18), "\x18\0", 2)); /* LTR */
	assert_int_equal(box.loaded[SEG_TR], 0x18);
	run_again(prepare_with(EMUL_64, CODE(0x0f, 0x00, 0x10), "\x18\0", 2)); /* LLDT */
	assert_int_equal(box.loaded[SEG_LDTR], 0x18);
	e = prepare_with(EMUL_64, CODE(0x0f, 0x00, 0x18), "\x18\0", 2);
	e->cpl = 3;
	assert_int_equal(emul_step(e, NULL, 0), EMUL_FAULT);
	assert_int_equal(e->fault.vector, X86_GP);
	e = prepare_with(EMUL_64, CODE(0x8e, 0x10), "\x13\0", 2);
	assert_int_equal(emul_step(e, NULL, 0), EMUL_FAULT);
	assert_int_equal(e->fault.error, 0x10);
	assert_fault(CODE(0x8e, 0x08), X86_UD); /* MOV CS */
	assert_fault(CODE(0x8e, 0x38), X86_UD);
	e = prepare(EMUL_64, CODE(0x8e, 0xd0)); /* a selector in a register: not here */
	assert_int_equal(emul_step(e, NULL, 0), EMUL_UNHANDLED);
}

/* Near and far, by memory; what is not canonical is not gone to. */
static void goes_where_memory_says(void **state)
{
	static const uint8_t target[] = { 0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0, 0x08, 0 };
	static const uint8_t nowhere[] = { 0, 0, 0, 0, 0, 0, 0x80, 0 };
	struct emul *e = prepare_with(EMUL_64, CODE(0xff, 0x10), target, 8); /* CALL */
	uint64_t rip = e->rip + 2, sp = e->gpr[RSP];

	run_again(e);
	assert_int_equal(e->rip, 0x12345678);
	assert_int_equal(e->gpr[RSP], sp - 8);
	assert_access(1, WRITE, SEG_SS, sp - 8, 8);
	assert_memory_equal(mem(&box, SEG_SS, sp - 8, 8), &rip, 8);
	e = prepare_with(EMUL_64, CODE(0x48, 0xff, 0x28), target, sizeof(target)); /* far */
	run_again(e);
	assert_int_equal(e->rip, 0x12345678);
	assert_int_equal(box.loaded[SEG_CS], 8);
	e = prepare_with(EMUL_32, CODE(0x66, 0xff, 0x20), target, 2); /* JMP */
	run_again(e);
	assert_int_equal(e->rip, 0x5678);
	e = prepare_with(EMUL_64, CODE(0xff, 0x20), nowhere, 8);
	assert_int_equal(emul_step(e, NULL, 0), EMUL_FAULT);
	assert_int_equal(e->fault.vector, X86_GP);
	e = prepare_with(EMUL_64, CODE(0xff, 0x10), nowhere, 8);
	assert_int_equal(emul_step(e, NULL, 0), EMUL_FAULT);
	assert_int_equal(box.n_accesses, 1);
	assert_fault(CODE(0xff, 0xe8), X86_UD);
}

static void keeps_frames_on_the_stack(void **state)
{
	struct emul *e = prepare(EMUL_64, CODE(0xc8, 0x30, 0x02, 0x00)); /* ENTER */
	uint64_t sp = e->gpr[RSP], frame = e->gpr[RBP], word = 0x1234;

	run_again(e);
	assert_int_equal(e->gpr[RBP], sp - 8);
	assert_int_equal(e->gpr[RSP], sp - 8 - 0x230);
	assert_memory_equal(mem(&box, SEG_SS, sp - 8, 8), &frame, 8);
	e = prepare(EMUL_64, CODE(0xc9)); /* LEAVE */
	memcpy(mem(&box, SEG_SS, frame, 8), &word, 8);
	run_again(e);
	assert_int_equal(e->gpr[RBP], 0x1234);
	assert_int_equal(e->gpr[RSP], frame + 8);
	e = prepare(EMUL_64, CODE(0xc2, 0x10, 0x80)); /* RET */
	memcpy(mem(&box, SEG_SS, sp, 8), &word, 8);
	run_again(e);
	assert_int_equal(e->rip, 0x1234);
	assert_int_equal(e->gpr[RSP], sp + 8 + 0x8010);
	e = prepare(EMUL_64, CODE(0xc8, 0x30, 0x02, 0x01));
	assert_int_equal(emul_step(e, NULL, 0), EMUL_UNHANDLED);
}

static void stores_the_systems_registers(void **state)
{
	struct emul *e = prepare(EMUL_64, CODE(0x0f, 0x01, 0x20)); /* SMSW */

	e->cr0 = 0x80050033;
	run_again(e);
	assert_access(0, WRITE, SEG_DS, 0x100, 2);
	assert_memory_equal(mem(&box, SEG_DS, 0x100, 2), "\x33\0", 2);
	run(EMUL_64, CODE(0x0f, 0x00, 0x08)); /* STR */
	assert_memory_equal(mem(&box, SEG_DS, 0x100, 2), "\x07\x10", 2);
}

static void moves_mmx_registers(void **state)
{
	static const uint8_t loaded[16] = "abcdefgh\xff\xff";
	struct emul *e = prepare_with(EMUL_64, CODE(0x44, 0x0f, 0x6f, 0x18), loaded, 8);

	e->cr4 = 0;
	run_again(e); /* MM3, REX or not */
	assert_memory_equal(box.xmm[16 + 3], loaded, 16);
	e = prepare(EMUL_32, CODE(0x0f, 0x7e, 0x18)); /* MOVD */
	memcpy(box.xmm[16 + 3], "ABCDEFGH", 8);
	run_again(e);
	assert_access(0, WRITE, SEG_DS, 0x100, 4);
	assert_memory_equal(mem(&box, SEG_DS, 0x100, 4), "ABCD", 4);
}

static void wraps_the_instruction_pointer(void **state)
{
	struct emul *e = prepare(EMUL_32, CODE(0x90));

	e->rip = 0xffffffff;
	run_again(e);
	assert_int_equal(e->rip, 0);
	e = prepare(EMUL_64, CODE(0x90));
	e->rip = 0xffffffff;
	e->rflags |= RFLAGS_RF;
	run_again(e);
	assert_int_equal(e->rip, 0x100000000);
	assert_false(e->rflags & RFLAGS_RF);
}

static enum emul_result fetch_nothing(struct emul *e, unsigned off, uint8_t *buf, unsigned n,
				      unsigned *got)
{
	*got = 0;
	return EMUL_OK;
}

static void survives_a_fetch_that_brings_nothing(void **state)
{
	static const struct emul_ops broken = { .fetch = fetch_nothing };
	struct emul *e = prepare(EMUL_64, NULL, 0);

	e->ops = &broken;
	assert_int_equal(emul_step(e, NULL, 0), EMUL_UNHANDLED);
}

/* Whatever bytes there are: a result, 15 bytes at most, and no change unless it is done. */
static void survives_random_bytes(void **state)
{
	static const enum emul_mode modes[] = { EMUL_16, EMUL_32, EMUL_64 };
	unsigned i, j, done = 0;

	srandom(1);
	for (i = 0; i < 100000; i++) {
		uint8_t *code = malloc(EMUL_INSN_MAX); /* so that ASan sees its end */
		struct emul *e = &box.e;
		struct emul before;
		enum emul_result r;

		for (j = 0; j < EMUL_INSN_MAX; j++)
			code[j] = (uint8_t)random();
		if (i == 0)
			prepare(EMUL_64, NULL, 0);
		box.n_accesses = 0;
		box.fail_at = random() % 4 - 1;
		box.fail_with = EMUL_RETRY;
		e->mode = modes[i % 3];
		e->rip = (uint64_t)random() << 16;
		e->rflags = RFLAGS_RESERVED1 | (random() & 0xcd5);
		for (j = 0; j < 16; j++) /* offsets that do not leave a segment's 64 KiB */
			e->gpr[j] = ((uint64_t)random() << 32 | (uint64_t)random()) & ~0xffffull;
		before = *e;
		r = emul_decode(e, code, EMUL_INSN_MAX);
		if (r == EMUL_OK)
			assert_in_range(e->insn.len, 1, EMUL_INSN_MAX);
		else
			assert_true(r == EMUL_UNHANDLED || e->fault.vector == X86_GP);
		assert_memory_equal(e->gpr, before.gpr, sizeof(e->gpr));
		if (r == EMUL_OK && (e->insn.ea & 0xffff) < 0xfff0 && e->insn.opcode != 0xd7) {
			r = emul_step(e, code, EMUL_INSN_MAX);
			done += r == EMUL_OK;
			if (r != EMUL_OK)
				assert_memory_equal(e->gpr, before.gpr, sizeof(e->gpr));
		}
		free(code);
	}
	assert_true(done > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_addresses_and_segments),
		cmocka_unit_test(counts_the_immediate_into_rip),
		cmocka_unit_test(finds_bits_outside_the_operand),
		cmocka_unit_test(uses_the_stack_of_the_mode),
		cmocka_unit_test(repeats_one_by_one),
		cmocka_unit_test(repeats_nothing_when_the_count_is_0),
		cmocka_unit_test(wraps_and_turns_string_pointers),
		cmocka_unit_test(compares_until_it_differs),
		cmocka_unit_test(writes_locked_only_over_what_it_read),
		cmocka_unit_test(refuses_lock_where_it_does_not_belong),
		cmocka_unit_test(changes_nothing_until_it_is_complete),
		cmocka_unit_test(raises_divide_errors),
		cmocka_unit_test(refuses_what_a_processor_refuses),
		cmocka_unit_test(refuses_more_than_15_bytes),
		cmocka_unit_test(fetches_over_a_page_end_only_when_it_must),
		cmocka_unit_test(uses_bytes_that_the_caller_has),
		cmocka_unit_test(leaves_the_bytes_of_what_it_does_not_know),
		cmocka_unit_test(knows_lengths),
		cmocka_unit_test(tells_of_port_io),
		cmocka_unit_test(tells_of_control_registers),
		cmocka_unit_test(reads_segment_registers),
		cmocka_unit_test(loads_segment_registers),
		cmocka_unit_test(goes_where_memory_says),
		cmocka_unit_test(keeps_frames_on_the_stack),
		cmocka_unit_test(stores_the_systems_registers),
		cmocka_unit_test(moves_mmx_registers),
		cmocka_unit_test(wraps_the_instruction_pointer),
		cmocka_unit_test(survives_a_fetch_that_brings_nothing),
		cmocka_unit_test(survives_random_bytes),
	};

	return cmocka_run_group_tests_name("emul", tests, NULL, NULL);
}
