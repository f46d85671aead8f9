// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shifts, rotations and single bits. A count has five bits, six for 64-bit operands; a count of 0
 * changes no flag. OF, which is defined for a count of 1, follows the same rule for all counts.
 *
 * Reference: Intel SDM 2, "Instruction Set Reference"; AMD APM 3.
 */
#include "work.h"

static unsigned masked(const struct emul_work *w, uint64_t count)
{
	return count & (w->size == 8 ? 63 : 31);
}

static bool top_of(const struct emul_work *w, uint64_t val)
{
	return val & emul_top_bit(w->size);
}

static uint64_t carry_overflow(bool carry, bool overflow)
{
	return emul_flag_if(carry, RFLAGS_CF) | emul_flag_if(overflow, RFLAGS_OF);
}

/* --- shifts --- */

static void shift_done(struct emul_work *w, uint64_t val, bool carry, bool overflow)
{
	uint64_t flags = w->flags;

	w->dst = val;
	w->src = 0;
	alu_or(w); /* SF, ZF, PF */
	emul_set_flags(w, RFLAGS_AF, flags);
	emul_set_flags(w, RFLAGS_CF | RFLAGS_OF, carry_overflow(carry, overflow));
}

/* The last bit that left at the top; 0 when all have left long before. */
static bool shl_carry(const struct emul_work *w, uint64_t val, unsigned n)
{
	unsigned bits = 8 * w->size;

	return n <= bits && val >> (bits - n) & 1;
}

void bits_shl(struct emul_work *w)
{
	unsigned n = masked(w, w->src);
	bool carry;

	if (n == 0)
		return;
	carry = shl_carry(w, w->dst, n);
	shift_done(w, w->dst << n, carry, carry != top_of(w, w->dst << n));
}

void bits_shr(struct emul_work *w)
{
	unsigned n = masked(w, w->src);

	if (n)
		shift_done(w, w->dst >> n, w->dst >> (n - 1) & 1, top_of(w, w->dst));
}

void bits_sar(struct emul_work *w)
{
	unsigned n = masked(w, w->src);
	int64_t val = (int64_t)emul_sign_extend(w->dst, w->size);

	if (n)
		shift_done(w, (uint64_t)(val >> n), val >> (n - 1) & 1, false);
}

/* SHLD, SHRD: the count is an immediate, or CL in the opcode behind. */
static unsigned double_count(const struct emul_work *w)
{
	return masked(w, w->in->opcode & 1 ? w->e->gpr[RCX] : w->in->imm);
}

/* A count beyond 16 bits is undefined for them: the source comes around, as in 32 bits. */
void bits_shld(struct emul_work *w)
{
	unsigned n = double_count(w), bits = 8 * w->size;
	unsigned __int128 both = (unsigned __int128)w->dst << bits | w->src;
	uint64_t val;

	if (n == 0)
		return;
	val = (uint64_t)(both << n >> bits);
	shift_done(w, val, shl_carry(w, w->dst, n), top_of(w, val) != top_of(w, w->old));
}

void bits_shrd(struct emul_work *w)
{
	unsigned n = double_count(w), bits = 8 * w->size;
	unsigned __int128 both = (unsigned __int128)w->src << bits | w->dst;
	uint64_t val;

	if (n == 0)
		return;
	val = (uint64_t)(both >> n);
	shift_done(w, val, (uint64_t)(both >> (n - 1)) & 1, top_of(w, val) != top_of(w, w->old));
}

/* --- rotations --- */

/* OF of a rotation to the left; to the right, it is whether the two top bits differ. */
static void rotate_done(struct emul_work *w, uint64_t val, bool carry, bool left)
{
	bool other = left ? carry : top_of(w, val << 1);

	w->dst = val;
	emul_set_flags(w, RFLAGS_CF | RFLAGS_OF, carry_overflow(carry, top_of(w, val) != other));
}

/* Left by n below the number of bits. */
static uint64_t rotate(const struct emul_work *w, unsigned n)
{
	return n ? w->dst << n | w->dst >> (8 * w->size - n) : w->dst;
}

void bits_rol(struct emul_work *w)
{
	unsigned n = masked(w, w->src);
	uint64_t val = rotate(w, n % (8 * w->size));

	if (n)
		rotate_done(w, val, val & 1, true);
}

void bits_ror(struct emul_work *w)
{
	unsigned n = masked(w, w->src), bits = 8 * w->size;
	uint64_t val = rotate(w, (bits - n % bits) % bits);

	if (n)
		rotate_done(w, val, top_of(w, val), false);
}

/* Left by n through the carry, which is one bit more. */
static void rotate_carry(struct emul_work *w, unsigned n, bool left)
{
	unsigned bits = 8 * w->size;
	unsigned __int128 ring = w->dst | (unsigned __int128)(w->flags & RFLAGS_CF) << bits;

	ring = ring << n | ring >> (bits + 1 - n);
	rotate_done(w, (uint64_t)ring & emul_mask(w->size), ring >> bits & 1, left);
}

void bits_rcl(struct emul_work *w)
{
	unsigned n = masked(w, w->src) % (8 * w->size + 1);

	if (n)
		rotate_carry(w, n, true);
}

void bits_rcr(struct emul_work *w)
{
	unsigned bits = 8 * w->size, n = masked(w, w->src) % (bits + 1);

	if (n)
		rotate_carry(w, bits + 1 - n, false);
}

/* --- single bits --- */

/* CF becomes the bit that w->src names in w->dst; in w->src, its mask. */
void bits_bt(struct emul_work *w)
{
	uint64_t bit = 1ull << (w->src & (8 * w->size - 1));

	emul_set_flags(w, RFLAGS_CF, emul_flag_if(w->dst & bit, RFLAGS_CF));
	w->src = bit;
}

void bits_bts(struct emul_work *w)
{
	bits_bt(w);
	w->dst |= w->src;
}

void bits_btr(struct emul_work *w)
{
	bits_bt(w);
	w->dst &= ~w->src;
}

void bits_btc(struct emul_work *w)
{
	bits_bt(w);
	w->dst ^= w->src;
}
