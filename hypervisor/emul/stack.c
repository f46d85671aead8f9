// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stack, and where it or a pointer in memory says that the guest goes on.
 *
 * Missing: far calls and returns, ENTER of nested frames, PUSHA, PUSHF; the limit of CS, which the
 * next fetch finds.
 *
 * Reference: Intel SDM 2, "Instruction Set Reference"; AMD APM 3, "General-Purpose Instruction
 * Reference".
 */
#include "cpu.h"
#include "work.h"

static unsigned stack_width(const struct emul *e)
{
	return e->mode == EMUL_64 ? 8 : e->stack32 ? 4 : 2;
}

static uint64_t stack_offset(const struct emul *e, unsigned reg, uint64_t below)
{
	return (e->gpr[reg] - below) & emul_mask(stack_width(e));
}

/* The stack pointer moves when all of the instruction's accesses are through. */
static enum emul_result write_top(struct emul_work *w, uint64_t val)
{
	return emul_mem_write(w, SEG_SS, stack_offset(w->e, RSP, w->size), val);
}

static enum emul_result moved(struct emul_work *w, uint64_t sp)
{
	emul_reg_write(w->e, RSP, stack_width(w->e), sp);
	return EMUL_OK;
}

enum emul_result emul_push(struct emul_work *w)
{
	enum emul_result r = EMUL_OK;

	if ((w->in->flags & FORM) == RM_IMM)
		w->src = w->in->imm;
	else
		r = emul_rm_read(w, &w->src);
	if (r == EMUL_OK)
		r = write_top(w, w->src);
	return r == EMUL_OK ? moved(w, w->e->gpr[RSP] - w->size) : r;
}

/* The stack pointer moves before a register is written, which may be the stack pointer. */
enum emul_result emul_pop(struct emul_work *w)
{
	uint64_t sp = stack_offset(w->e, RSP, 0);
	enum emul_result r = emul_mem_read(w, SEG_SS, sp, &w->dst);

	if (r == EMUL_OK && w->in->is_mem)
		r = emul_rm_write(w, w->dst);
	if (r != EMUL_OK)
		return r;
	moved(w, sp + w->size);
	return w->in->is_mem ? EMUL_OK : emul_rm_write(w, w->dst);
}

/* Without the frames of the procedures around this one. */
enum emul_result emul_enter(struct emul_work *w)
{
	struct emul *e = w->e;
	uint64_t frame = stack_offset(e, RSP, w->size);
	enum emul_result r;

	if (w->in->bytes[w->in->len - 1] & 31)
		return EMUL_UNHANDLED;
	r = write_top(w, e->gpr[RBP]);
	if (r != EMUL_OK)
		return r;
	emul_reg_write(e, RBP, w->size, frame);
	return moved(w, frame - (uint16_t)w->in->imm);
}

enum emul_result emul_leave(struct emul_work *w)
{
	uint64_t frame = stack_offset(w->e, RBP, 0);
	enum emul_result r = emul_mem_read(w, SEG_SS, frame, &w->dst);

	if (r != EMUL_OK)
		return r;
	emul_reg_write(w->e, RBP, w->size, w->dst);
	return moved(w, frame + w->size);
}

/* --- where to go on --- */

static enum emul_result go_on_at(struct emul_work *w, uint64_t rip)
{
	rip &= emul_mask(w->size);
	if (w->e->mode == EMUL_64 && (uint64_t)((int64_t)(rip << 16) >> 16) != rip)
		return emul_raise(w->e, X86_GP);
	w->rip = rip;
	return EMUL_OK;
}

/* Near, by a register or memory. */
enum emul_result emul_jump(struct emul_work *w)
{
	enum emul_result r = emul_rm_read(w, &w->src);

	return r == EMUL_OK ? go_on_at(w, w->src) : r;
}

/* Near: E8 by its displacement. */
enum emul_result emul_call(struct emul_work *w)
{
	uint64_t back = w->rip;
	enum emul_result r = EMUL_OK;

	w->src = back + w->in->imm;
	if (w->in->has_modrm)
		r = emul_rm_read(w, &w->src);
	if (r == EMUL_OK)
		r = go_on_at(w, w->src);
	if (r == EMUL_OK)
		r = write_top(w, back);
	return r == EMUL_OK ? moved(w, w->e->gpr[RSP] - w->size) : r;
}

/* Near; C2 drops arguments as well. */
enum emul_result emul_return(struct emul_work *w)
{
	uint64_t sp = stack_offset(w->e, RSP, 0);
	enum emul_result r = emul_mem_read(w, SEG_SS, sp, &w->dst);

	if (r == EMUL_OK)
		r = go_on_at(w, w->dst);
	return r == EMUL_OK ? moved(w, sp + w->size + (uint16_t)w->in->imm) : r;
}

/* --- segments, by a selector in memory; with one in a register, no operand brings them here --- */

static enum emul_result load_segment(struct emul_work *w, unsigned seg, uint64_t at)
{
	unsigned size = w->size;
	enum emul_result r;

	if (!w->in->is_mem || !w->e->ops->load_segment)
		return EMUL_UNHANDLED;
	w->size = 2;
	r = emul_mem_read(w, w->in->seg, at, &w->src);
	w->size = size;
	return r == EMUL_OK ? w->e->ops->load_segment(w->e, seg, (uint16_t)w->src) : r;
}

enum emul_result emul_mov_to_seg(struct emul_work *w)
{
	unsigned seg = w->in->reg & 7;

	if (seg >= SEG_COUNT || seg == SEG_CS)
		return emul_raise(w->e, X86_UD);
	return load_segment(w, seg, w->in->ea);
}

/* LLDT and LTR */
enum emul_result emul_load_system(struct emul_work *w)
{
	return load_segment(w, w->in->reg & 1 ? SEG_TR : SEG_LDTR, w->in->ea);
}

enum emul_result emul_jump_far(struct emul_work *w)
{
	enum emul_result r;

	if (!w->in->is_mem)
		return emul_raise(w->e, X86_UD);
	r = emul_jump(w);
	if (r != EMUL_OK)
		return r;
	return load_segment(w, SEG_CS, (w->in->ea + w->size) & emul_mask(w->in->addr_size));
}

/* SLDT, STR and SMSW: 16 bits in memory. */
enum emul_result emul_store_system(struct emul_work *w)
{
	const struct emul *e = w->e;

	if (!w->in->is_mem || !e->ops->selector)
		return EMUL_UNHANDLED;
	w->size = 2;
	if (w->in->opcode == 1)
		return emul_rm_write(w, e->cr0);
	return emul_rm_write(w, e->ops->selector(w->e, w->in->reg & 1 ? SEG_TR : SEG_LDTR));
}
