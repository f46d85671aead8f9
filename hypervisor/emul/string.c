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

static enum emul_result movs(struct emul_work *w)
{
	enum emul_result r = emul_mem_read(w, w->in->seg, pointer(w, RSI), &w->src);

	if (r == EMUL_OK)
		r = emul_mem_write(w, SEG_ES, pointer(w, RDI), w->src);
	if (r != EMUL_OK)
		return r;
	advance(w, RSI);
	advance(w, RDI);
	return EMUL_OK;
}

static enum emul_result stos(struct emul_work *w)
{
	enum emul_result r = emul_mem_write(w, SEG_ES, pointer(w, RDI), w->e->gpr[RAX]);

	if (r == EMUL_OK)
		advance(w, RDI);
	return r;
}

static enum emul_result lods(struct emul_work *w)
{
	enum emul_result r = emul_mem_read(w, w->in->seg, pointer(w, RSI), &w->src);

	if (r != EMUL_OK)
		return r;
	emul_reg_write(w->e, RAX, w->size, w->src);
	advance(w, RSI);
	return EMUL_OK;
}

static enum emul_result cmps(struct emul_work *w)
{
	enum emul_result r = emul_mem_read(w, w->in->seg, pointer(w, RSI), &w->dst);

	if (r == EMUL_OK)
		r = emul_mem_read(w, SEG_ES, pointer(w, RDI), &w->src);
	if (r != EMUL_OK)
		return r;
	alu_sub(w);
	advance(w, RSI);
	advance(w, RDI);
	return EMUL_OK;
}

static enum emul_result scas(struct emul_work *w)
{
	enum emul_result r = emul_mem_read(w, SEG_ES, pointer(w, RDI), &w->src);

	if (r != EMUL_OK)
		return r;
	w->dst = emul_reg_read(w->e, RAX, w->size);
	alu_sub(w);
	advance(w, RDI);
	return EMUL_OK;
}

/* --- repetition --- */

/* REPE and REPNE end comparisons early; for the others both are REP. */
static bool goes_on(const struct emul_work *w)
{
	bool compares = (w->in->opcode & 6) == 6, equal = w->flags & RFLAGS_ZF;

	return pointer(w, RCX) && (!compares || equal == (w->in->rep == PREFIX_REP));
}

enum emul_result emul_string(struct emul_work *w)
{
	static emul_run *const one[] = { NULL, NULL, movs, cmps, NULL, stos, lods, scas };
	enum emul_result r;

	if (w->in->rep && pointer(w, RCX) == 0)
		return EMUL_OK;
	r = one[w->in->opcode >> 1 & 7](w);
	if (r != EMUL_OK || !w->in->rep)
		return r;
	emul_reg_write(w->e, RCX, w->in->addr_size, pointer(w, RCX) - 1);
	if (goes_on(w)) {
		w->rip = w->e->rip;
		w->flags |= RFLAGS_RF;
	}
	return EMUL_OK;
}
