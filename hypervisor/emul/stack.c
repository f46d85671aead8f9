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
static void write_top(struct emul_work *w, uint64_t val)
{
	emul_mem_write(w, SEG_SS, stack_offset(w->e, RSP, w->size), val);
}

static void move(struct emul_work *w, uint64_t sp)
{
	emul_reg_write(w->e, RSP, stack_width(w->e), sp);
}

static void push(struct emul_work *w, uint64_t val)
{
	write_top(w, val);
	move(w, w->e->gpr[RSP] - w->size);
}

void emul_push(struct emul_work *w)
{
	push(w, (w->in->flags & FORM) == RM_IMM ? w->in->imm : emul_rm_read(w));
}

/* The stack pointer moves before a register is written, which may be the stack pointer. */
void emul_pop(struct emul_work *w)
{
	uint64_t sp = stack_offset(w->e, RSP, 0);

	w->dst = emul_mem_read(w, SEG_SS, sp);
	if (w->in->is_mem)
		emul_rm_write(w, w->dst);
	move(w, sp + w->size);
	if (!w->in->is_mem)
		emul_rm_write(w, w->dst);
}

/* Without the frames of the procedures around this one. */
void emul_enter(struct emul_work *w)
{
	struct emul *e = w->e;
	uint64_t frame = stack_offset(e, RSP, w->size);

	if (w->in->bytes[w->in->len - 1] & 31)
		return emul_stop(e, EMUL_UNHANDLED);
	write_top(w, e->gpr[RBP]);
	emul_reg_write(e, RBP, w->size, frame);
	move(w, frame - (uint16_t)w->in->imm);
}

void emul_leave(struct emul_work *w)
{
	uint64_t frame = stack_offset(w->e, RBP, 0);

	emul_reg_write(w->e, RBP, w->size, emul_mem_read(w, SEG_SS, frame));
	move(w, frame + w->size);
}

/* --- where to go on --- */

static void go_on_at(struct emul_work *w, uint64_t rip)
{
	rip &= emul_mask(w->size);
	if (w->e->mode == EMUL_64 && (uint64_t)((int64_t)(rip << 16) >> 16) != rip)
		emul_raise(w->e, X86_GP);
	w->rip = rip;
}

/* Near, by a register or memory. */
void emul_jump(struct emul_work *w)
{
	go_on_at(w, emul_rm_read(w));
}

/* Near: E8 by its displacement. */
void emul_call(struct emul_work *w)
{
	uint64_t back = w->rip;

	go_on_at(w, w->in->has_modrm ? emul_rm_read(w) : back + w->in->imm);
	push(w, back);
}

/* Near; C2 drops arguments as well. */
void emul_return(struct emul_work *w)
{
	uint64_t sp = stack_offset(w->e, RSP, 0);

	go_on_at(w, emul_mem_read(w, SEG_SS, sp));
	move(w, sp + w->size + (uint16_t)w->in->imm);
}

/* --- segments, by a selector in memory; with one in a register, no operand brings them here --- */

static void load_segment(struct emul_work *w, unsigned seg, uint64_t at)
{
	struct emul *e = w->e;

	if (!w->in->is_mem)
		return emul_stop(e, EMUL_UNHANDLED);
	w->size = 2;
	w->src = emul_mem_read(w, w->in->seg, at);
	if (e->result == EMUL_OK)
		e->result = e->ops->load_segment(e, seg, (uint16_t)w->src);
}

void emul_mov_to_seg(struct emul_work *w)
{
	unsigned seg = w->in->reg & 7;

	if (seg >= SEG_COUNT || seg == SEG_CS)
		return emul_raise(w->e, X86_UD);
	load_segment(w, seg, w->in->ea);
}

/* LLDT and LTR. A program may have put them where another instruction was that came here. */
void emul_load_system(struct emul_work *w)
{
	if (w->e->cpl)
		return emul_raise(w->e, X86_GP);
	load_segment(w, w->in->reg & 1 ? SEG_TR : SEG_LDTR, w->in->ea);
}

void emul_jump_far(struct emul_work *w)
{
	if (!w->in->is_mem)
		return emul_raise(w->e, X86_UD);
	emul_jump(w);
	load_segment(w, SEG_CS, (w->in->ea + w->size) & emul_mask(w->in->addr_size));
}

/* SLDT, STR and SMSW: 16 bits in memory. */
void emul_store_system(struct emul_work *w)
{
	struct emul *e = w->e;

	if (!w->in->is_mem)
		return emul_stop(e, EMUL_UNHANDLED);
	w->size = 2;
	emul_rm_write(w, w->in->opcode == 1 ? e->cr0 :
			 e->ops->selector(e, w->in->reg & 1 ? SEG_TR : SEG_LDTR));
}
