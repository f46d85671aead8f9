/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the emulator share: the opcode table's entries, and one instruction at work.
 *
 * Whatever goes wrong is noted in e->result and looked at in the end: what follows it reads 0 and
 * writes nothing. A handler makes all its accesses to memory before it changes a register: thus an
 * access that fails or is to come again leaves everything as it was.
 */
#ifndef HV_EMUL_WORK_H
#define HV_EMUL_WORK_H

#include "emul.h"
#include "x86.h"

/* What an opcode needs; the default is: no ModRM byte, no immediate, operands RM_REG. */
enum {
	MODRM = 0x0001,
	BYTE = 0x0002,	 /* the operands are bytes */
	D64 = 0x0004,	 /* in 64-bit mode, 64 bits without REX.W */
	IMM = 0x0038,	 /* mask of the immediates: */
	IMM_8 = 0x0008,	 /* a byte, sign-extended */
	IMM_Z = 0x0010,	 /* of operand size, 4 at most, sign-extended */
	IMM_V = 0x0018,	 /* of operand size */
	IMM_16 = 0x0020,
	IMM_24 = 0x0028, /* ENTER */
	MOFFS = 0x0030,	 /* an address; it becomes the memory operand beside RAX */
	FAR = 0x0038,	 /* offset and selector */
	GROUP = 0x0040,	 /* ModRM.reg chooses from the entry's group, whose flags count */
	LOCK = 0x0080,	 /* may have it, when its destination is memory */
	NO_64 = 0x0100,	 /* #UD in 64-bit mode */
	FORM = 0x0e00,	 /* mask of the operands' forms: */
	RM_REG = 0x0000, /* destination, source; without ModRM, RM is RAX */
	REG_RM = 0x0200,
	RM_IMM = 0x0400,
	RM_ONE = 0x0600,
	RM_CL = 0x0800,
	NO_READ = 0x1000,  /* of the destination */
	NO_WRITE = 0x2000, /* likewise */
	REGISTERS = 0x4000, /* ModRM.mod does not count: MOV to and from CR, DR, TR */
	OPREG = 0x8000,	    /* RM is a register, by the opcode's low bits */
	W_BIT = 0x10000,    /* BYTE if the opcode is even */
};

/* In the order of the encoding. */
enum { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_COUNT, SEG_DEFAULT = 0xff };
enum { SEG_LDTR = SEG_COUNT, SEG_TR };
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };
enum { REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8 };
enum { PREFIX_REPNE = 0xf2, PREFIX_REP = 0xf3 };
enum { MAP_1 = 1, MAP_0F, MAP_0F38, MAP_0F3A };

struct emul_work;
typedef void emul_run(struct emul_work *w);
typedef void emul_compute(struct emul_work *w);

struct emul_entry {
	uint32_t flags;
	emul_run *run;			  /* NULL: only its length is known */
	union {
		emul_compute *compute;	  /* dst and src to dst and flags */
		const struct emul_entry *group;
	};
};

struct emul_work {
	struct emul *e;
	struct emul_insn *in;
	unsigned size;	     /* of the operands, in bytes */
	uint64_t dst, src;   /* values, zero-extended; in results, bits beyond size do not count */
	uint64_t old;	     /* dst as it was read */
	uint64_t flags, rip; /* as they are to become */
};

/* --- small things --- */

static inline uint64_t emul_mask(unsigned size)
{
	return size == 8 ? ~0ull : (1ull << 8 * size) - 1;
}

static inline uint64_t emul_top_bit(unsigned size)
{
	return 1ull << (8 * size - 1);
}

static inline uint64_t emul_sign_extend(uint64_t val, unsigned size)
{
	uint64_t top = emul_top_bit(size);

	return ((val & emul_mask(size)) ^ top) - top;
}

static inline void emul_set_flags(struct emul_work *w, uint64_t which, uint64_t bits)
{
	w->flags = (w->flags & ~which) | (bits & which);
}

static inline uint64_t emul_flag_if(bool on, uint64_t flag)
{
	return on ? flag : 0;
}

/*
 * Is the memory operand one that a processor refuses for not being at a multiple of 16? Asked where
 * the segment starts at 0; elsewhere the processor itself has asked before it came to memory.
 */
static inline bool emul_misaligned(const struct emul *e)
{
	return e->mode == EMUL_64 && e->insn.seg < SEG_FS && e->insn.ea & 15;
}

/* --- decode.c --- */

void emul_stop(struct emul *e, enum emul_result why); /* the first one counts */
void emul_raise(struct emul *e, uint8_t vector); /* EMUL_FAULT; error code 0, if any */

/* --- table.c --- */

/* NULL: no such map. */
const struct emul_entry *emul_lookup(unsigned map, uint8_t opcode);

/* --- exec.c: operands --- */

/* Registers as an instruction names them: size 1 knows AH to BH, size 4 writes all 64 bits. */
uint64_t emul_reg_read(const struct emul *e, unsigned reg, unsigned size);
void emul_reg_write(struct emul *e, unsigned reg, unsigned size, uint64_t val);
uint64_t emul_mem_read(struct emul_work *w, unsigned seg, uint64_t off);
void emul_mem_write(struct emul_work *w, unsigned seg, uint64_t off, uint64_t val);
/* The operand that ModRM.rm or the opcode names. */
uint64_t emul_rm_read(struct emul_work *w);
void emul_rm_write(struct emul_work *w, uint64_t val);

/* --- what the table names --- */

/* exec.c: loads what the form and flags say, computes, stores */
emul_run emul_binary, emul_bit, emul_lea, emul_movx, emul_movsxd, emul_mov_from_seg, emul_xchg;
emul_run emul_xadd, emul_cmpxchg, emul_cmpxchg_pair, emul_mul_div, emul_xlat;
emul_run emul_nop, emul_scan, emul_movbe, emul_movnti;
/* stack.c */
emul_run emul_push, emul_pop, emul_enter, emul_leave, emul_jump, emul_call, emul_return;
emul_run emul_jump_far, emul_mov_to_seg, emul_load_system, emul_store_system;
/* string.c, sse.c */
emul_run emul_string, emul_sse;
/* alu.c */
emul_compute alu_mov, alu_add, alu_or, alu_adc, alu_sbb, alu_and, alu_sub, alu_xor, alu_inc;
emul_compute alu_dec, alu_not, alu_neg, alu_imul, alu_imul_imm, alu_bswap, alu_setcc, alu_cmovcc;
/* F6 and F7 /4 to /7: *lo and *hi are RAX and RDX, of w->size, in and out. False: #DE. */
bool alu_mul_div(struct emul_work *w, unsigned op, uint64_t *lo, uint64_t *hi);
/* shift.c */
emul_compute bits_rol, bits_ror, bits_rcl, bits_rcr, bits_shl, bits_shr, bits_sar;
emul_compute bits_shld, bits_shrd, bits_bt, bits_bts, bits_btr, bits_btc;

#endif
