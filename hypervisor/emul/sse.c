// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moves between memory and SSE or MMX registers. A shorter load clears the rest of the register,
 * but for the halves (MOVLPS, MOVHPS and their twins).
 *
 * Missing: moves between registers.
 *
 * Reference: Intel SDM 2, "Instruction Set Reference"; AMD APM 4, "128-Bit Media and Scientific
 * Instruction Reference".
 */
#include "cpu.h"
#include "work.h"

enum { XMM_BYTES = 16 };
enum { STORE = 1, ALIGNED = 2, HALF = 4, WIDE = 8 /* 8 bytes with REX.W */, MMX = 16 };
enum { MMX_REGS = 16 /* as the ops number them */ };
/* The prefix that chooses; F2 and F3 hide a 66. */
enum { P_NONE = 1, P_66 = 2, P_F3 = 4, P_F2 = 8, P_PACKED = P_NONE | P_66 };

struct sse_move {
	uint8_t map, opcode, prefixes;
	uint8_t bytes, at; /* how many, from where in the register */
	uint8_t how;
};

static const struct sse_move moves[] = {
	{ MAP_0F, 0x10, P_PACKED, 16, 0, 0 },		     /* MOVUPS, MOVUPD */
	{ MAP_0F, 0x11, P_PACKED, 16, 0, STORE },
	{ MAP_0F, 0x10, P_F3, 4, 0, 0 },		     /* MOVSS */
	{ MAP_0F, 0x11, P_F3, 4, 0, STORE },
	{ MAP_0F, 0x10, P_F2, 8, 0, 0 },		     /* MOVSD */
	{ MAP_0F, 0x11, P_F2, 8, 0, STORE },
	{ MAP_0F, 0x12, P_PACKED, 8, 0, HALF },		     /* MOVLPS, MOVLPD */
	{ MAP_0F, 0x13, P_PACKED, 8, 0, HALF | STORE },
	{ MAP_0F, 0x16, P_PACKED, 8, 8, HALF },		     /* MOVHPS, MOVHPD */
	{ MAP_0F, 0x17, P_PACKED, 8, 8, HALF | STORE },
	{ MAP_0F, 0x28, P_PACKED, 16, 0, ALIGNED },	     /* MOVAPS, MOVAPD */
	{ MAP_0F, 0x29, P_PACKED, 16, 0, ALIGNED | STORE },
	{ MAP_0F, 0x2b, P_PACKED, 16, 0, ALIGNED | STORE },  /* MOVNTPS, MOVNTPD */
	{ MAP_0F, 0x6e, P_66, 4, 0, WIDE },		     /* MOVD, MOVQ */
	{ MAP_0F, 0x7e, P_66, 4, 0, WIDE | STORE },
	{ MAP_0F, 0x7e, P_F3, 8, 0, 0 },		     /* MOVQ */
	{ MAP_0F, 0xd6, P_66, 8, 0, STORE },
	{ MAP_0F, 0x6f, P_66, 16, 0, ALIGNED },		     /* MOVDQA */
	{ MAP_0F, 0x7f, P_66, 16, 0, ALIGNED | STORE },
	{ MAP_0F, 0x6f, P_F3, 16, 0, 0 },		     /* MOVDQU */
	{ MAP_0F, 0x7f, P_F3, 16, 0, STORE },
	{ MAP_0F, 0xf0, P_F2, 16, 0, 0 },		     /* LDDQU */
	{ MAP_0F, 0xe7, P_66, 16, 0, ALIGNED | STORE },	     /* MOVNTDQ */
	{ MAP_0F38, 0x2a, P_66, 16, 0, ALIGNED },	     /* MOVNTDQA */
	{ MAP_0F, 0x6e, P_NONE, 4, 0, MMX | WIDE },	     /* MOVD, MOVQ */
	{ MAP_0F, 0x7e, P_NONE, 4, 0, MMX | WIDE | STORE },
	{ MAP_0F, 0x6f, P_NONE, 8, 0, MMX },
	{ MAP_0F, 0x7f, P_NONE, 8, 0, MMX | STORE },
	{ MAP_0F, 0xe7, P_NONE, 8, 0, MMX | STORE },	     /* MOVNTQ */
};

static uint8_t chosen_by(const struct emul_insn *in)
{
	if (in->rep)
		return in->rep == PREFIX_REP ? P_F3 : P_F2;
	return in->op_prefix ? P_66 : P_NONE;
}

static const struct sse_move *find(const struct emul_insn *in)
{
	uint8_t prefix = chosen_by(in);
	unsigned i;

	for (i = 0; i < HV_ARRAY(moves); i++)
		if (moves[i].opcode == in->opcode && moves[i].map == in->map &&
		    moves[i].prefixes & prefix)
			return &moves[i];
	return NULL;
}

void emul_sse(struct emul_work *w)
{
	const struct emul_insn *in = w->in;
	const struct sse_move *m = find(in);
	struct emul *e = w->e;
	uint8_t xmm[XMM_BYTES] = { 0 };
	unsigned n, reg;

	if (!m || !in->is_mem)
		return emul_stop(e, EMUL_UNHANDLED);
	if (!(m->how & MMX) && !(e->cr4 & CR4_OSFXSR))
		return emul_raise(e, X86_UD);
	if (m->how & ALIGNED && emul_misaligned(e))
		return emul_raise(e, X86_GP);
	n = m->how & WIDE && in->rex & REX_W ? 8 : m->bytes;
	reg = m->how & MMX ? MMX_REGS + (in->reg & 7) : in->reg;
	if (m->how & (STORE | HALF))
		e->ops->read_xmm(e, reg, xmm);
	if (m->how & STORE)
		return emul_stop(e, e->ops->write(e, in->seg, in->ea, xmm + m->at, n));
	emul_stop(e, e->ops->read(e, in->seg, in->ea, xmm + m->at, n));
	if (m->how & MMX)
		memset(xmm + 8, 0xff, 2); /* exponent and sign */
	if (e->result == EMUL_OK)
		e->ops->write_xmm(e, reg, xmm);
}
