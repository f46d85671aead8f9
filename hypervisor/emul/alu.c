// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arithmetic and its flags. Flags that the manuals leave undefined come out as cleared, or as they
 * were.
 *
 * Reference: Intel SDM 1, "Status Flags"; Intel SDM 2, "Instruction Set Reference"; AMD APM 3.
 */
#include "work.h"

#define ARITHMETIC (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)
#define MULTIPLIED (RFLAGS_CF | RFLAGS_OF)

/* SF, ZF and PF as a result has them. */
static uint64_t result_flags(uint64_t val, unsigned size)
{
	uint8_t p = (uint8_t)val ^ (uint8_t)val >> 4;

	val &= emul_mask(size);
	return emul_flag_if(0x9669 >> (p & 15) & 1, RFLAGS_PF) | emul_flag_if(!val, RFLAGS_ZF) |
	       emul_flag_if(val & emul_top_bit(size), RFLAGS_SF);
}

/* carries: the carry out of each bit. */
static uint64_t carry_flags(uint64_t carries, unsigned size)
{
	uint64_t top = emul_top_bit(size);

	return emul_flag_if(carries & top, RFLAGS_CF) | emul_flag_if(carries & 8, RFLAGS_AF) |
	       emul_flag_if(!(carries & top) != !(carries & top >> 1), RFLAGS_OF);
}

static void add(struct emul_work *w, uint64_t src, unsigned carry, uint64_t which)
{
	uint64_t dst = w->dst, sum = dst + src + carry;
	uint64_t carries = (dst & src) | ((dst | src) & ~sum);

	w->dst = sum;
	emul_set_flags(w, which, result_flags(sum, w->size) | carry_flags(carries, w->size));
}

static void subtract(struct emul_work *w, uint64_t src, unsigned borrow, uint64_t which)
{
	uint64_t dst = w->dst, diff = dst - src - borrow;
	uint64_t borrows = (~dst & src) | ((~dst | src) & diff);

	w->dst = diff;
	emul_set_flags(w, which, result_flags(diff, w->size) | carry_flags(borrows, w->size));
}

static void logic(struct emul_work *w, uint64_t val)
{
	w->dst = val;
	emul_set_flags(w, ARITHMETIC, result_flags(val, w->size));
}

void alu_mov(struct emul_work *w)
{
	w->dst = w->src;
}

void alu_add(struct emul_work *w)
{
	add(w, w->src, 0, ARITHMETIC);
}

void alu_adc(struct emul_work *w)
{
	add(w, w->src, w->flags & RFLAGS_CF, ARITHMETIC);
}

void alu_sub(struct emul_work *w)
{
	subtract(w, w->src, 0, ARITHMETIC);
}

void alu_sbb(struct emul_work *w)
{
	subtract(w, w->src, w->flags & RFLAGS_CF, ARITHMETIC);
}

void alu_and(struct emul_work *w)
{
	logic(w, w->dst & w->src);
}

void alu_or(struct emul_work *w)
{
	logic(w, w->dst | w->src);
}

void alu_xor(struct emul_work *w)
{
	logic(w, w->dst ^ w->src);
}

void alu_inc(struct emul_work *w)
{
	add(w, 1, 0, ARITHMETIC & ~RFLAGS_CF);
}

void alu_dec(struct emul_work *w)
{
	subtract(w, 1, 0, ARITHMETIC & ~RFLAGS_CF);
}

void alu_not(struct emul_work *w)
{
	w->dst = ~w->dst;
}

void alu_neg(struct emul_work *w)
{
	w->src = w->dst;
	w->dst = 0;
	alu_sub(w);
}

void alu_bswap(struct emul_work *w)
{
	w->dst = __builtin_bswap64(w->src) >> (64 - 8 * w->size);
}

/* --- conditions --- */

/* The condition in an opcode's low four bits: the lowest negates, 12 and up are signed. */
static bool condition(const struct emul_work *w)
{
	static const uint16_t any[8] = {
		RFLAGS_OF, RFLAGS_CF, RFLAGS_ZF, RFLAGS_CF | RFLAGS_ZF, RFLAGS_SF, RFLAGS_PF, 0,
		RFLAGS_ZF,
	};
	unsigned which = w->in->opcode >> 1 & 7;
	bool less = !(w->flags & RFLAGS_SF) != !(w->flags & RFLAGS_OF);
	bool yes = w->flags & any[which] || (which >= 6 && less);

	return yes != (w->in->opcode & 1);
}

void alu_setcc(struct emul_work *w)
{
	w->dst = condition(w);
}

void alu_cmovcc(struct emul_work *w)
{
	if (condition(w))
		w->dst = w->src;
}

/* --- multiplication --- */

/* *hi:*lo = a * b; CF and OF: the product does not fit *lo. */
static void multiply(struct emul_work *w, uint64_t a, uint64_t b, uint64_t *lo, uint64_t *hi)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	*lo = (uint64_t)product & emul_mask(w->size);
	*hi = (uint64_t)(product >> 8 * w->size) & emul_mask(w->size);
	emul_set_flags(w, MULTIPLIED, emul_flag_if(*hi, MULTIPLIED));
}

static void multiply_signed(struct emul_work *w, uint64_t a, uint64_t b, uint64_t *lo, uint64_t *hi)
{
	unsigned size = w->size;
	__int128 product = (__int128)(int64_t)emul_sign_extend(a, size) *
			   (int64_t)emul_sign_extend(b, size);
	bool fits = product == (int64_t)emul_sign_extend((uint64_t)product, size);

	*lo = (uint64_t)product & emul_mask(size);
	*hi = (uint64_t)(product >> 8 * size) & emul_mask(size);
	emul_set_flags(w, MULTIPLIED, emul_flag_if(!fits, MULTIPLIED));
}

void alu_imul(struct emul_work *w)
{
	uint64_t hi;

	multiply_signed(w, w->dst, w->src, &w->dst, &hi);
}

void alu_imul_imm(struct emul_work *w)
{
	w->dst = w->in->imm;
	alu_imul(w);
}

/* --- division --- */

/* *hi:*lo by d: quotient in *lo, remainder in *hi. False: the quotient has more than size bytes. */
static bool divide(uint64_t d, unsigned size, uint64_t *lo, uint64_t *hi)
{
	uint64_t low = *lo, high = *hi;

	if (size < 8) {
		low |= high << 8 * size;
		high = 0;
	}
	if (high >= d)
		return false;
	asm("divq %[d]" : "+a"(low), "+d"(high) : [d] "r"(d) : "cc");
	*lo = low;
	*hi = high;
	return low <= emul_mask(size);
}

static bool divide_signed(uint64_t d, unsigned size, uint64_t *lo, uint64_t *hi)
{
	unsigned __int128 n = (unsigned __int128)emul_sign_extend(*hi, size) << 8 * size | *lo;
	bool negative = *hi & emul_top_bit(size), opposite = negative != !!(d & emul_top_bit(size));
	uint64_t most = emul_top_bit(size) - !opposite;

	d = emul_sign_extend(d, size);
	if ((int64_t)d < 0)
		d = -d;
	if (negative)
		n = -n;
	*lo = (uint64_t)n & emul_mask(size);
	*hi = (uint64_t)(n >> 8 * size) & emul_mask(size);
	if (!divide(d, size, lo, hi) || *lo > most)
		return false;
	*lo = (opposite ? -*lo : *lo) & emul_mask(size);
	*hi = (negative ? -*hi : *hi) & emul_mask(size);
	return true;
}

bool alu_mul_div(struct emul_work *w, unsigned op, uint64_t *lo, uint64_t *hi)
{
	switch (op) {
	case 4:
		multiply(w, *lo, w->src, lo, hi);
		return true;
	case 5:
		multiply_signed(w, *lo, w->src, lo, hi);
		return true;
	case 6:
		return divide(w->src, w->size, lo, hi);
	default:
		return divide_signed(w->src, w->size, lo, hi);
	}
}
