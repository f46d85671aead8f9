// SPDX-License-Identifier: GPL-2.0-only
/*
 * The effect of a decoded instruction: operands from registers and memory, a computation of alu.c
 * or shift.c between, and the result back.
 *
 * Missing: alignment checks (#AC). A read-modify-write reads before it knows whether it may write.
 *
 * Reference: Intel SDM 2, "Instruction Set Reference"; AMD APM 3, "General-Purpose Instruction
 * Reference".
 */
#include "work.h"

/* --- registers --- */

/* AH, CH, DH, BH: the second byte of the first four, where there is no REX prefix. */
static bool is_high_byte(const struct emul *e, unsigned reg, unsigned size)
{
	return size == 1 && !e->insn.rex && reg >= 4;
}

uint64_t emul_reg_read(const struct emul *e, unsigned reg, unsigned size)
{
	if (is_high_byte(e, reg, size))
		return e->gpr[reg - 4] >> 8 & 0xff;
	return e->gpr[reg] & emul_mask(size);
}

void emul_reg_write(struct emul *e, unsigned reg, unsigned size, uint64_t val)
{
	uint64_t mask = emul_mask(size);

	if (e->result != EMUL_OK)
		return;
	val &= mask;
	if (is_high_byte(e, reg, size))
		e->gpr[reg - 4] = (e->gpr[reg - 4] & ~0xff00ull) | val << 8;
	else if (size >= 4)
		e->gpr[reg] = val;
	else
		e->gpr[reg] = (e->gpr[reg] & ~mask) | val;
}

/* --- memory --- */

uint64_t emul_mem_read(struct emul_work *w, unsigned seg, uint64_t off)
{
	uint64_t val = 0;

	if (w->e->result == EMUL_OK)
		w->e->result = w->e->ops->read(w->e, seg, off, &val, w->size);
	return val;
}

void emul_mem_write(struct emul_work *w, unsigned seg, uint64_t off, uint64_t val)
{
	if (w->e->result == EMUL_OK)
		w->e->result = w->e->ops->write(w->e, seg, off, &val, w->size);
}

/* n bytes of the memory operand; under LOCK, only if they are still old. */
static void operand_write(struct emul_work *w, const void *old, const void *val, unsigned n)
{
	const struct emul_insn *in = w->in;
	struct emul *e = w->e;

	if (e->result == EMUL_OK)
		e->result = in->lock ? e->ops->cmpxchg(e, in->seg, in->ea, old, val, n) :
				       e->ops->write(e, in->seg, in->ea, val, n);
}

uint64_t emul_rm_read(struct emul_work *w)
{
	return w->in->is_mem ? emul_mem_read(w, w->in->seg, w->in->ea) :
			       emul_reg_read(w->e, w->in->rm, w->size);
}

void emul_rm_write(struct emul_work *w, uint64_t val)
{
	if (w->in->is_mem)
		operand_write(w, &w->old, &val, w->size);
	else
		emul_reg_write(w->e, w->in->rm, w->size, val);
}

static uint64_t reg_read(struct emul_work *w)
{
	return emul_reg_read(w->e, w->in->reg, w->size);
}

static void reg_write(struct emul_work *w, uint64_t val)
{
	emul_reg_write(w->e, w->in->reg, w->size, val);
}

/* --- one result from two operands --- */

static uint64_t source(struct emul_work *w)
{
	switch (w->in->flags & FORM) {
	case REG_RM:
		return emul_rm_read(w);
	case RM_IMM:
		return w->in->imm & emul_mask(w->size);
	case RM_ONE:
		return 1;
	case RM_CL:
		return w->e->gpr[RCX] & 0xff;
	default:
		return reg_read(w);
	}
}

void emul_binary(struct emul_work *w)
{
	bool to_reg = (w->in->flags & FORM) == REG_RM;

	w->src = source(w);
	if (!(w->in->flags & NO_READ))
		w->dst = w->old = to_reg ? reg_read(w) : emul_rm_read(w);
	w->in->entry->compute(w);
	if (w->in->flags & NO_WRITE)
		return;
	to_reg ? reg_write(w, w->dst) : emul_rm_write(w, w->dst);
}

/* A bit offset in a register, signed, reaches beyond the operand: to another one of its size. */
void emul_bit(struct emul_work *w)
{
	struct emul_insn *in = w->in;

	if (in->is_mem && (in->flags & FORM) == RM_REG) {
		int64_t off = (int64_t)emul_sign_extend(reg_read(w), w->size);

		in->ea += (uint64_t)(off >> 3) & ~(w->size - 1ull);
		in->ea &= emul_mask(in->addr_size);
	}
	emul_binary(w);
}

/* BSF, BSR. Nothing to find: all of the destination stays. With F3 they may be TZCNT and LZCNT. */
void emul_scan(struct emul_work *w)
{
	if (w->in->rep == PREFIX_REP)
		return emul_stop(w->e, EMUL_UNHANDLED);
	w->src = emul_rm_read(w);
	emul_set_flags(w, RFLAGS_ZF, emul_flag_if(!w->src, RFLAGS_ZF));
	if (w->src)
		reg_write(w, w->in->opcode & 1 ? 63 - __builtin_clzll(w->src)
					       : __builtin_ctzll(w->src));
}

/* With F2 it is CRC32; between registers it is not. */
void emul_movbe(struct emul_work *w)
{
	if (w->in->rep || !w->in->is_mem)
		return emul_stop(w->e, EMUL_UNHANDLED);
	emul_binary(w);
}

/* Never of 16 bits; with a prefix or a register, it is not. */
void emul_movnti(struct emul_work *w)
{
	if (w->in->rep || w->in->op_prefix || !w->in->is_mem)
		return emul_stop(w->e, EMUL_UNHANDLED);
	w->size = w->in->rex & REX_W ? 8 : 4;
	emul_mem_write(w, w->in->seg, w->in->ea, reg_read(w));
}

/* --- moves that are more than that --- */

void emul_lea(struct emul_work *w)
{
	if (!w->in->is_mem)
		emul_raise(w->e, X86_UD);
	reg_write(w, w->in->ea);
}

/* Moves from a smaller operand, with sign or without. */
static void move_extended(struct emul_work *w, unsigned from, bool is_signed)
{
	unsigned to = w->size;

	w->size = from;
	w->src = emul_rm_read(w);
	w->size = to;
	reg_write(w, is_signed ? emul_sign_extend(w->src, from) : w->src);
}

/* MOVZX (B6, B7) and MOVSX (BE, BF) */
void emul_movx(struct emul_work *w)
{
	move_extended(w, w->in->opcode & 1 ? 2 : 1, w->in->opcode & 8);
}

/* Outside 64-bit mode it is ARPL. */
void emul_movsxd(struct emul_work *w)
{
	if (w->e->mode != EMUL_64)
		return emul_stop(w->e, EMUL_UNHANDLED);
	move_extended(w, w->size == 2 ? 2 : 4, true);
}

void emul_mov_from_seg(struct emul_work *w)
{
	unsigned seg = w->in->reg & 7;

	if (seg >= SEG_COUNT)
		return emul_raise(w->e, X86_UD);
	if (w->in->is_mem)
		w->size = 2;
	emul_rm_write(w, w->e->ops->selector(w->e, seg));
}

void emul_xlat(struct emul_work *w)
{
	uint64_t off = (w->e->gpr[RBX] + (w->e->gpr[RAX] & 0xff)) & emul_mask(w->in->addr_size);

	emul_reg_write(w->e, RAX, 1, emul_mem_read(w, w->in->seg, off));
}

void emul_nop(struct emul_work *w)
{
}

/* --- exchanges --- */

/* With memory, LOCK is implied. 90 with F3 is PAUSE, without REX.B NOP: nothing changes at all. */
void emul_xchg(struct emul_work *w)
{
	if (w->in->opcode == 0x90 && (w->in->rm == RAX || w->in->rep == PREFIX_REP))
		return;
	w->in->lock = w->in->is_mem;
	w->old = emul_rm_read(w);
	w->src = reg_read(w);
	emul_rm_write(w, w->src);
	reg_write(w, w->old);
}

/* With one register for both operands, the sum stays. */
void emul_xadd(struct emul_work *w)
{
	w->dst = w->old = emul_rm_read(w);
	w->src = reg_read(w);
	alu_add(w);
	emul_rm_write(w, w->dst);
	if (w->in->is_mem || w->in->reg != w->in->rm)
		reg_write(w, w->old);
}

/* Memory is written in any case: with itself when it differs from the accumulator. */
void emul_cmpxchg(struct emul_work *w)
{
	bool equal;

	w->src = w->old = emul_rm_read(w);
	w->dst = emul_reg_read(w->e, RAX, w->size);
	alu_sub(w); /* CMP */
	equal = w->flags & RFLAGS_ZF;
	if (equal || w->in->is_mem)
		emul_rm_write(w, equal ? reg_read(w) : w->old);
	if (!equal)
		emul_reg_write(w->e, RAX, w->size, w->old);
}

/* CMPXCHG8B and CMPXCHG16B: two registers of size bytes each, the low half first in memory. */
static void pair_get(const struct emul *e, unsigned low, unsigned high, unsigned size, uint8_t *to)
{
	memcpy(to, &e->gpr[low], size);
	memcpy(to + size, &e->gpr[high], size);
}

static void pair_put(struct emul *e, unsigned low, unsigned high, unsigned size,
		     const uint8_t *from)
{
	uint64_t val[2] = { 0 };

	memcpy(&val[0], from, size);
	memcpy(&val[1], from + size, size);
	emul_reg_write(e, low, size, val[0]);
	emul_reg_write(e, high, size, val[1]);
}

void emul_cmpxchg_pair(struct emul_work *w)
{
	unsigned size = w->in->rex & REX_W ? 8 : 4;
	uint8_t old[16] = { 0 }, expected[16], new[16];
	struct emul *e = w->e;
	bool equal;

	if (!w->in->is_mem || w->in->rep) /* RDRAND and others */
		return emul_stop(e, EMUL_UNHANDLED);
	if (size == 8 && emul_misaligned(e))
		return emul_raise(e, X86_GP);
	emul_stop(e, e->ops->read(e, w->in->seg, w->in->ea, old, 2 * size));
	pair_get(e, RAX, RDX, size, expected);
	pair_get(e, RBX, RCX, size, new);
	equal = memcmp(old, expected, 2 * size) == 0;
	operand_write(w, old, equal ? new : old, 2 * size);
	emul_set_flags(w, RFLAGS_ZF, emul_flag_if(equal, RFLAGS_ZF));
	if (!equal)
		pair_put(e, RAX, RDX, size, old);
}

/* --- multiplication and division: AX, or DX:AX and wider --- */

void emul_mul_div(struct emul_work *w)
{
	struct emul *e = w->e;
	bool bytes = w->size == 1;
	uint64_t lo = e->gpr[RAX] & emul_mask(w->size);
	uint64_t hi = (bytes ? e->gpr[RAX] >> 8 : e->gpr[RDX]) & emul_mask(w->size);

	w->src = emul_rm_read(w);
	if (!alu_mul_div(w, w->in->reg & 7, &lo, &hi))
		return emul_raise(e, X86_DE);
	emul_reg_write(e, RAX, bytes ? 2 : w->size, bytes ? hi << 8 | lo : lo);
	if (!bytes)
		emul_reg_write(e, RDX, w->size, hi);
}

/* --- the whole --- */

static bool is_undefined(const struct emul *e)
{
	const struct emul_insn *in = &e->insn;
	bool lockable = in->flags & LOCK && in->is_mem;

	return (in->lock && !lockable) || (in->flags & NO_64 && e->mode == EMUL_64);
}

enum emul_result emul_step(struct emul *e, const uint8_t *bytes, unsigned n)
{
	struct emul_work w = { .e = e, .in = &e->insn };

	if (emul_decode(e, bytes, n) != EMUL_OK)
		return e->result;
	w.size = e->insn.op_size;
	w.flags = e->rflags & ~RFLAGS_RF;
	w.rip = (e->rip + e->insn.len) & (e->mode == EMUL_64 ? ~0ull : emul_mask(4));
	if (is_undefined(e))
		emul_raise(e, X86_UD);
	else if (!e->insn.entry->run)
		emul_stop(e, EMUL_UNHANDLED);
	else
		e->insn.entry->run(&w);
	if (e->result == EMUL_OK) {
		e->rip = w.rip;
		e->rflags = w.flags;
	}
	return e->result;
}
