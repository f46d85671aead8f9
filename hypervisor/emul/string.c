// SPDX-License-Identifier: GPL-2.0-only
/*
 * String instructions, one iteration at a time: while a repeated one has more to do, RIP stays on
 * it and RF is set, so that a breakpoint on it is taken once.
 *
 * Reference: Intel SDM 2, "REP/REPE/REPZ/REPNE/REPNZ"; Intel SDM 1, "String Instructions".
 */
#include "work.h"

static uint64_t pointer(const struct emul_work *w, unsigned reg)
{
	return emul_reg_read(w->e, reg, w->in->addr_size);
}

static void advance(struct emul_work *w, unsigned reg)
{
	uint64_t step = w->flags & RFLAGS_DF ? -(uint64_t)w->size : w->size;

	emul_reg_write(w->e, reg, w->in->addr_size, pointer(w, reg) + step);
}

/* --- one iteration; each: all of its memory first --- */

static void movs(struct emul_work *w)
{
	emul_mem_write(w, SEG_ES, pointer(w, RDI), emul_mem_read(w, w->in->seg, pointer(w, RSI)));
	advance(w, RSI);
	advance(w, RDI);
}

static void stos(struct emul_work *w)
{
	emul_mem_write(w, SEG_ES, pointer(w, RDI), w->e->gpr[RAX]);
	advance(w, RDI);
}

static void lods(struct emul_work *w)
{
	emul_reg_write(w->e, RAX, w->size, emul_mem_read(w, w->in->seg, pointer(w, RSI)));
	advance(w, RSI);
}

static void cmps(struct emul_work *w)
{
	w->dst = emul_mem_read(w, w->in->seg, pointer(w, RSI));
	w->src = emul_mem_read(w, SEG_ES, pointer(w, RDI));
	alu_sub(w);
	advance(w, RSI);
	advance(w, RDI);
}

static void scas(struct emul_work *w)
{
	w->dst = emul_reg_read(w->e, RAX, w->size);
	w->src = emul_mem_read(w, SEG_ES, pointer(w, RDI));
	alu_sub(w);
	advance(w, RDI);
}

/* --- repetition --- */

/* REPE and REPNE end comparisons early; for the others both are REP. */
static bool goes_on(const struct emul_work *w)
{
	bool compares = (w->in->opcode & 6) == 6, equal = w->flags & RFLAGS_ZF;

	return pointer(w, RCX) && (!compares || equal == (w->in->rep == PREFIX_REP));
}

void emul_string(struct emul_work *w)
{
	static emul_run *const one[] = { NULL, NULL, movs, cmps, NULL, stos, lods, scas };

	if (w->in->rep && pointer(w, RCX) == 0)
		return;
	one[w->in->opcode >> 1 & 7](w);
	if (!w->in->rep)
		return;
	emul_reg_write(w->e, RCX, w->in->addr_size, pointer(w, RCX) - 1);
	if (goes_on(w)) {
		w->rip = w->e->rip;
		w->flags |= RFLAGS_RF;
	}
}
