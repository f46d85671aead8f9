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

	val &= mask;
	if (is_high_byte(e, reg, size))
		e->gpr[reg - 4] = (e->gpr[reg - 4] & ~0xff00ull) | val << 8;
	else if (size >= 4)
		e->gpr[reg] = val;
	else
		e->gpr[reg] = (e->gpr[reg] & ~mask) | val;
}

/* --- memory --- */

enum emul_result emul_mem_read(struct emul_work *w, unsigned seg, uint64_t off, uint64_t *val)
{
	*val = 0;
	return w->e->ops->read(w->e, seg, off, val, w->size);
}

enum emul_result emul_mem_write(struct emul_work *w, unsigned seg, uint64_t off, uint64_t val)
{
	return w->e->ops->write(w->e, seg, off, &val, w->size);
}

enum emul_result emul_rm_read(struct emul_work *w, uint64_t *val)
{
	if (w->in->is_mem)
		return emul_mem_read(w, w->in->seg, w->in->ea, val);
	*val = emul_reg_read(w->e, w->in->rm, w->size);
	return EMUL_OK;
}

/* n bytes of the memory operand; under LOCK, only if they are still old. */
static enum emul_result operand_write(struct emul_work *w, const void *old, const void *val,
				      unsigned n)
{
	const struct emul_insn *in = w->in;

	if (in->lock)
		return w->e->ops->cmpxchg(w->e, in->seg, in->ea, old, val, n);
	return w->e->ops->write(w->e, in->seg, in->ea, val, n);
}

enum emul_result emul_rm_write(struct emul_work *w, uint64_t val)
{
	if (w->in->is_mem)
		return operand_write(w, &w->old, &val, w->size);
	emul_reg_write(w->e, w->in->rm, w->size, val);
	return EMUL_OK;
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

static enum emul_result load_source(struct emul_work *w)
{
	switch (w->in->flags & FORM) {
	case REG_RM:
		return emul_rm_read(w, &w->src);
	case RM_IMM:
		w->src = w->in->imm & emul_mask(w->size);
		break;
	case RM_ONE:
		w->src = 1;
		break;
	case RM_CL:
		w->src = w->e->gpr[RCX] & 0xff;
		break;
	default:
		w->src = reg_read(w);
	}
	return EMUL_OK;
}

static enum emul_result load_destination(struct emul_work *w)
{
	enum emul_result r = EMUL_OK;

	if (w->in->flags & NO_READ)
		return EMUL_OK;
	if ((w->in->flags & FORM) == REG_RM)
		w->dst = reg_read(w);
	else
		r = emul_rm_read(w, &w->dst);
	w->old = w->dst;
	return r;
}

static enum emul_result store_destination(struct emul_work *w)
{
	if (w->in->flags & NO_WRITE)
		return EMUL_OK;
	if ((w->in->flags & FORM) != REG_RM)
		return emul_rm_write(w, w->dst);
	reg_write(w, w->dst);
	return EMUL_OK;
}

enum emul_result emul_binary(struct emul_work *w)
{
	enum emul_result r = load_source(w);

	if (r == EMUL_OK)
		r = load_destination(w);
	if (r != EMUL_OK)
		return r;
	w->in->entry->compute(w);
	return store_destination(w);
}

/* A bit offset in a register, signed, reaches beyond the operand: to another one of its size. */
enum emul_result emul_bit(struct emul_work *w)
{
	struct emul_insn *in = w->in;

	if (in->is_mem && (in->flags & FORM) == RM_REG) {
		int64_t off = (int64_t)emul_sign_extend(reg_read(w), w->size);

		in->ea += (uint64_t)(off >> 3) & ~(w->size - 1ull);
		in->ea &= emul_mask(in->addr_size);
	}
	return emul_binary(w);
}

/* BSF, BSR. Nothing to find: all of the destination stays. With F3 they may be TZCNT and LZCNT. */
enum emul_result emul_scan(struct emul_work *w)
{
	enum emul_result r;

	if (w->in->rep == PREFIX_REP)
		return EMUL_UNHANDLED;
	r = emul_rm_read(w, &w->src);
	if (r != EMUL_OK)
		return r;
	emul_set_flags(w, RFLAGS_ZF, emul_flag_if(!w->src, RFLAGS_ZF));
	if (w->src)
		reg_write(w, w->in->opcode & 1 ? 63 - __builtin_clzll(w->src)
					       : __builtin_ctzll(w->src));
	return EMUL_OK;
}

/* With F2 it is CRC32; between registers it is not. */
enum emul_result emul_movbe(struct emul_work *w)
{
	return w->in->rep || !w->in->is_mem ? EMUL_UNHANDLED : emul_binary(w);
}

/* Never of 16 bits; with a prefix or a register, it is not. */
enum emul_result emul_movnti(struct emul_work *w)
{
	if (w->in->rep || w->in->op_prefix || !w->in->is_mem)
		return EMUL_UNHANDLED;
	w->size = w->in->rex & REX_W ? 8 : 4;
	return emul_mem_write(w, w->in->seg, w->in->ea, reg_read(w));
}

/* --- moves that are more than that --- */

enum emul_result emul_lea(struct emul_work *w)
{
	if (!w->in->is_mem)
		return emul_raise(w->e, X86_UD);
	reg_write(w, w->in->ea);
	return EMUL_OK;
}

/* Moves from a smaller operand, with sign or without. */
static enum emul_result move_extended(struct emul_work *w, unsigned from, bool is_signed)
{
	unsigned to = w->size;
	enum emul_result r;

	w->size = from;
	r = emul_rm_read(w, &w->src);
	w->size = to;
	if (r == EMUL_OK)
		reg_write(w, is_signed ? emul_sign_extend(w->src, from) : w->src);
	return r;
}

/* MOVZX (B6, B7) and MOVSX (BE, BF) */
enum emul_result emul_movx(struct emul_work *w)
{
	return move_extended(w, w->in->opcode & 1 ? 2 : 1, w->in->opcode & 8);
}

/* Outside 64-bit mode it is ARPL. */
enum emul_result emul_movsxd(struct emul_work *w)
{
	if (w->e->mode != EMUL_64)
		return EMUL_UNHANDLED;
	return move_extended(w, w->size == 2 ? 2 : 4, true);
}

enum emul_result emul_mov_from_seg(struct emul_work *w)
{
	unsigned seg = w->in->reg & 7;

	if (seg >= SEG_COUNT)
		return emul_raise(w->e, X86_UD);
	if (!w->e->ops->selector)
		return EMUL_UNHANDLED;
	if (w->in->is_mem)
		w->size = 2;
	return emul_rm_write(w, w->e->ops->selector(w->e, seg));
}

enum emul_result emul_xlat(struct emul_work *w)
{
	uint64_t off = (w->e->gpr[RBX] + (w->e->gpr[RAX] & 0xff)) & emul_mask(w->in->addr_size);
	enum emul_result r = emul_mem_read(w, w->in->seg, off, &w->src);

	if (r == EMUL_OK)
		emul_reg_write(w->e, RAX, 1, w->src);
	return r;
}

enum emul_result emul_nop(struct emul_work *w)
{
	return EMUL_OK;
}

/* --- exchanges --- */

/* With memory, LOCK is implied. 90 with F3 is PAUSE, without REX.B NOP: nothing changes at all. */
enum emul_result emul_xchg(struct emul_work *w)
{
	enum emul_result r;

	if (w->in->opcode == 0x90 && (w->in->rm == RAX || w->in->rep == PREFIX_REP))
		return EMUL_OK;
	w->in->lock = w->in->is_mem;
	r = emul_rm_read(w, &w->old);
	w->src = reg_read(w);
	if (r == EMUL_OK)
		r = emul_rm_write(w, w->src);
	if (r == EMUL_OK)
		reg_write(w, w->old);
	return r;
}

/* With one register for both operands, the sum stays. */
enum emul_result emul_xadd(struct emul_work *w)
{
	enum emul_result r = emul_rm_read(w, &w->old);

	if (r != EMUL_OK)
		return r;
	w->dst = w->old;
	w->src = reg_read(w);
	alu_add(w);
	r = emul_rm_write(w, w->dst);
	if (r == EMUL_OK && (w->in->is_mem || w->in->reg != w->in->rm))
		reg_write(w, w->old);
	return r;
}

/* Memory is written in any case: with itself when it differs from the accumulator. */
enum emul_result emul_cmpxchg(struct emul_work *w)
{
	enum emul_result r = emul_rm_read(w, &w->old);
	bool equal;

	if (r != EMUL_OK)
		return r;
	w->dst = emul_reg_read(w->e, RAX, w->size);
	w->src = w->old;
	alu_sub(w); /* CMP */
	equal = w->flags & RFLAGS_ZF;
	if (equal || w->in->is_mem)
		r = emul_rm_write(w, equal ? reg_read(w) : w->old);
	if (r == EMUL_OK && !equal)
		emul_reg_write(w->e, RAX, w->size, w->old);
	return r;
}

/* CMPXCHG8B and CMPXCHG16B: n bytes in two registers, the low half first in memory. */
static void pair_get(const struct emul *e, unsigned low, unsigned high, unsigned n, uint8_t *to)
{
	memcpy(to, &e->gpr[low], n / 2);
	memcpy(to + n / 2, &e->gpr[high], n / 2);
}

static void pair_put(struct emul *e, unsigned low, unsigned high, unsigned n, const uint8_t *from)
{
	e->gpr[low] = e->gpr[high] = 0;
	memcpy(&e->gpr[low], from, n / 2);
	memcpy(&e->gpr[high], from + n / 2, n / 2);
}

enum emul_result emul_cmpxchg_pair(struct emul_work *w)
{
	unsigned n = w->in->rex & REX_W ? 16 : 8;
	uint8_t old[16], expected[16], new[16];
	struct emul *e = w->e;
	enum emul_result r;
	bool equal;

	if (!w->in->is_mem || w->in->rep) /* RDRAND and others */
		return EMUL_UNHANDLED;
	if (n == 16 && emul_misaligned(e))
		return emul_raise(e, X86_GP);
	r = e->ops->read(e, w->in->seg, w->in->ea, old, n);
	if (r != EMUL_OK)
		return r;
	pair_get(e, RAX, RDX, n, expected);
	pair_get(e, RBX, RCX, n, new);
	equal = memcmp(old, expected, n) == 0;
	r = operand_write(w, old, equal ? new : old, n);
	if (r != EMUL_OK)
		return r;
	emul_set_flags(w, RFLAGS_ZF, emul_flag_if(equal, RFLAGS_ZF));
	if (!equal)
		pair_put(e, RAX, RDX, n, old);
	return EMUL_OK;
}

/* --- multiplication and division: AX, or DX:AX and wider --- */

enum emul_result emul_mul_div(struct emul_work *w)
{
	struct emul *e = w->e;
	bool bytes = w->size == 1;
	uint64_t lo, hi;
	enum emul_result r = emul_rm_read(w, &w->src);

	if (r != EMUL_OK)
		return r;
	lo = e->gpr[RAX] & emul_mask(w->size);
	hi = (bytes ? e->gpr[RAX] >> 8 : e->gpr[RDX]) & emul_mask(w->size);
	if (!alu_mul_div(w, w->in->reg & 7, &lo, &hi))
		return emul_raise(e, X86_DE);
	emul_reg_write(e, RAX, bytes ? 2 : w->size, bytes ? hi << 8 | lo : lo);
	if (!bytes)
		emul_reg_write(e, RDX, w->size, hi);
	return EMUL_OK;
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
	enum emul_result r = emul_decode(e, bytes, n);
	struct emul_work w = {
		.e = e,
		.in = &e->insn,
		.size = e->insn.op_size,
		.flags = e->rflags & ~RFLAGS_RF,
	};

	if (r != EMUL_OK)
		return r;
	if (is_undefined(e))
		return emul_raise(e, X86_UD);
	if (!e->insn.entry->run)
		return EMUL_UNHANDLED;
	w.rip = (e->rip + e->insn.len) & (e->mode == EMUL_64 ? ~0ull : emul_mask(4));
	r = e->insn.entry->run(&w);
	if (r != EMUL_OK)
		return r;
	e->rip = w.rip;
	e->rflags = w.flags;
	return EMUL_OK;
}
