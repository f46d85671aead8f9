// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction bytes to struct emul_insn: prefixes, opcode, ModRM, displacement, immediate, and the
 * address of the memory operand.
 *
 * Missing: XOP. Of what has a VEX or EVEX prefix only the length is found. A near branch with a 66
 * prefix in 64-bit mode has a 16-bit displacement, as AMD has it; on Intel's it has 32 bits.
 *
 * Reference: Intel SDM 2, "Instruction Format", "Opcode Map"; AMD APM 3, "Instruction Encoding".
 */
#include "work.h"

enum emul_result emul_raise(struct emul *e, uint8_t vector)
{
	e->fault = (struct emul_fault){
		.vector = vector,
		.has_error = vector == X86_GP || vector == X86_SS,
	};
	return EMUL_FAULT;
}

/* --- bytes --- */

/* Has the next n bytes in; asks for more than n when it must ask, up to the longest instruction. */
static enum emul_result bytes_fetch(struct emul *e, unsigned n)
{
	struct emul_insn *in = &e->insn;

	if (in->len + n > EMUL_INSN_MAX)
		return emul_raise(e, X86_GP);
	while (in->fetched < in->len + n) {
		unsigned room = EMUL_INSN_MAX - in->fetched, got = 0;
		enum emul_result r = e->ops->fetch(e, in->fetched, in->bytes + in->fetched, room,
						   &got);

		if (r != EMUL_OK)
			return r;
		if (got == 0 || got > room)
			return EMUL_UNHANDLED;
		in->fetched += got;
	}
	return EMUL_OK;
}

static inline enum emul_result bytes_need(struct emul *e, unsigned n)
{
	return e->insn.len + n <= e->insn.fetched ? EMUL_OK : bytes_fetch(e, n);
}

static enum emul_result take_byte(struct emul *e, uint8_t *b)
{
	enum emul_result r = bytes_need(e, 1);

	if (r == EMUL_OK)
		*b = e->insn.bytes[e->insn.len++];
	return r;
}

/* n bytes, sign-extended. */
static enum emul_result take_signed(struct emul *e, unsigned n, uint64_t *val)
{
	enum emul_result r = bytes_need(e, n);

	if (r != EMUL_OK)
		return r;
	*val = 0;
	memcpy(val, e->insn.bytes + e->insn.len, n);
	*val = emul_sign_extend(*val, n);
	e->insn.len += n;
	return EMUL_OK;
}

/* --- prefixes and opcode --- */

/* Segment prefixes but those of FS and GS do not count in 64-bit mode. */
static void segment_prefix(struct emul *e, unsigned seg)
{
	if (e->mode != EMUL_64 || seg >= SEG_FS)
		e->insn.seg = seg;
}

static unsigned address_size(const struct emul *e, bool prefix)
{
	if (e->mode == EMUL_64)
		return prefix ? 4 : 8;
	return (e->mode == EMUL_32) != prefix ? 4 : 2;
}

/* False: b is no prefix. */
static bool prefix(struct emul *e, uint8_t b)
{
	struct emul_insn *in = &e->insn;

	switch (b) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		segment_prefix(e, b >> 3 & 3);
		return true;
	case 0x64:
	case 0x65:
		segment_prefix(e, b - 0x64 + SEG_FS);
		return true;
	case 0x66:
		in->op_prefix = true;
		return true;
	case 0x67:
		in->addr_size = address_size(e, true);
		return true;
	case 0xf0:
		in->lock = true;
		return true;
	case PREFIX_REPNE:
	case PREFIX_REP:
		in->rep = b;
		return true;
	default:
		return false;
	}
}

/* All prefixes, and the byte behind them. A REX counts only right before the opcode. */
static enum emul_result take_prefixes(struct emul *e, uint8_t *b)
{
	enum emul_result r;

	while ((r = take_byte(e, b)) == EMUL_OK) {
		if (e->mode == EMUL_64 && (*b & 0xf0) == 0x40)
			e->insn.rex = *b;
		else if (prefix(e, *b))
			e->insn.rex = 0;
		else
			break;
	}
	return r;
}

/* VEX and EVEX, unless it is LES, LDS or BOUND after all. */
static enum emul_result take_vex(struct emul *e, bool *vex)
{
	struct emul_insn *in = &e->insn;
	uint8_t first = in->opcode, maps = first == 0xc4 ? 0x1f : 0x07;
	unsigned n = first == 0x62 ? 3 : first == 0xc4 ? 2 : 1;
	enum emul_result r = bytes_need(e, 1);

	if (r == EMUL_OK && e->mode != EMUL_64 && in->bytes[in->len] < 0xc0)
		return EMUL_OK;
	if (r == EMUL_OK)
		r = bytes_need(e, n);
	if (r != EMUL_OK)
		return r;
	*vex = true;
	in->map = first == 0xc5 ? MAP_0F : (in->bytes[in->len] & maps) + 1;
	in->len += n;
	return take_byte(e, &in->opcode);
}

static enum emul_result take_0f(struct emul *e)
{
	struct emul_insn *in = &e->insn;
	enum emul_result r = take_byte(e, &in->opcode);

	in->map = in->opcode == 0x38 ? MAP_0F38 : in->opcode == 0x3a ? MAP_0F3A : MAP_0F;
	if (r != EMUL_OK || in->map == MAP_0F)
		return r;
	return take_byte(e, &in->opcode);
}

static enum emul_result take_opcode(struct emul *e)
{
	static const struct emul_entry only_length;
	struct emul_insn *in = &e->insn;
	enum emul_result r = take_prefixes(e, &in->opcode);
	bool vex = false;

	in->map = MAP_1;
	if (r == EMUL_OK && in->opcode == 0x0f)
		r = take_0f(e);
	else if (r == EMUL_OK && (in->opcode == 0x62 || (in->opcode & 0xfe) == 0xc4))
		r = take_vex(e, &vex);
	if (r != EMUL_OK)
		return r;
	in->entry = emul_lookup(in->map, in->opcode);
	if (!in->entry)
		return EMUL_UNHANDLED;
	in->flags = in->entry->flags;
	if (vex) {
		in->flags &= MODRM | IMM;
		in->entry = &only_length;
	}
	return EMUL_OK;
}

/* --- operands --- */

/* INS, OUTS, IN, OUT: bytes when even, and never more than 32 bits. */
static bool is_port_io(const struct emul_insn *in)
{
	return in->map == MAP_1 && ((in->opcode & 0xfc) == 0x6c || (in->opcode & 0xf4) == 0xe4);
}

static unsigned operand_size(const struct emul *e)
{
	const struct emul_insn *in = &e->insn;

	if (in->flags & BYTE || (is_port_io(in) && !(in->opcode & 1)))
		return 1;
	if (in->flags & REGISTERS)
		return e->mode == EMUL_64 ? 8 : 4;
	if (e->mode != EMUL_64)
		return (e->mode == EMUL_32) != in->op_prefix ? 4 : 2;
	if (in->rex & REX_W)
		return is_port_io(in) ? 4 : 8;
	if (in->op_prefix)
		return 2;
	return in->flags & D64 ? 8 : 4;
}

static void use_default_segment(struct emul_insn *in, unsigned seg)
{
	if (in->seg == SEG_DEFAULT)
		in->seg = seg;
}

static enum emul_result address_16(struct emul *e)
{
	static const uint8_t base[8] = { RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX };
	static const uint8_t index[4] = { RSI, RDI, RSI, RDI };
	struct emul_insn *in = &e->insn;
	unsigned rm = in->rm & 7;
	uint64_t disp = 0;
	enum emul_result r = EMUL_OK;

	if (in->mod == 0 && rm == 6)
		return take_signed(e, 2, &in->ea);
	if (in->mod != 0)
		r = take_signed(e, in->mod == 1 ? 1 : 2, &disp);
	if (base[rm] == RBP)
		use_default_segment(in, SEG_SS);
	in->ea = disp + e->gpr[base[rm]];
	if (rm < 4)
		in->ea += e->gpr[index[rm]];
	return r;
}

/* POP to memory computes its address after the stack pointer has moved. */
static uint64_t base_value(const struct emul *e, unsigned reg)
{
	const struct emul_insn *in = &e->insn;
	bool pop = in->map == MAP_1 && in->opcode == 0x8f;

	return e->gpr[reg] + (pop && reg == RSP ? in->op_size : 0);
}

/* The SIB byte; in->ea so far, *base the register that is still to be added. */
static enum emul_result take_sib(struct emul *e, unsigned *base)
{
	struct emul_insn *in = &e->insn;
	uint8_t sib = 0;
	enum emul_result r = take_byte(e, &sib);
	unsigned index = (sib >> 3 & 7) | (in->rex & REX_X) << 2;

	if (index != RSP)
		in->ea = e->gpr[index] << (sib >> 6);
	*base = sib & 7;
	return r;
}

/* 32 and 64-bit addressing. With mod 0, a base of 5 is none but a 32-bit displacement. */
static enum emul_result address_32(struct emul *e, bool *rip_relative)
{
	struct emul_insn *in = &e->insn;
	unsigned base = in->rm & 7, disp_size = in->mod == 1 ? 1 : in->mod == 2 ? 4 : 0;
	bool sib = base == RSP;
	uint64_t disp = 0;
	enum emul_result r = sib ? take_sib(e, &base) : EMUL_OK;

	if (r != EMUL_OK)
		return r;
	if (in->mod == 0 && base == RBP) {
		disp_size = 4;
		*rip_relative = !sib && e->mode == EMUL_64;
	} else {
		base |= (in->rex & REX_B) << 3;
		if (base == RSP || base == RBP)
			use_default_segment(in, SEG_SS);
		in->ea += base_value(e, base);
	}
	if (disp_size)
		r = take_signed(e, disp_size, &disp);
	in->ea += disp;
	return r;
}

/* The ModRM byte itself, and by it the entry of a group. */
static enum emul_result take_modrm(struct emul *e)
{
	struct emul_insn *in = &e->insn;
	uint8_t b = 0;
	enum emul_result r = take_byte(e, &b);

	in->has_modrm = true;
	in->mod = in->flags & REGISTERS ? 3 : b >> 6;
	in->reg = (b >> 3 & 7) | (in->rex & REX_R) << 1;
	in->rm = (b & 7) | (in->rex & REX_B) << 3;
	in->is_mem = in->mod != 3;
	if (in->flags & GROUP) {
		in->entry = &in->entry->group[in->reg & 7];
		in->flags = in->entry->flags;
	}
	return r;
}

/* Selectors of far pointers are skipped, nobody emulates those; and so is ENTER's level. */
static enum emul_result take_immediate(struct emul *e)
{
	struct emul_insn *in = &e->insn;
	unsigned z = in->op_size == 2 ? 2 : 4;
	uint64_t skipped;
	enum emul_result r;

	switch (in->flags & IMM) {
	case IMM_8:
		return take_signed(e, 1, &in->imm);
	case IMM_Z:
		return take_signed(e, z, &in->imm);
	case IMM_V:
		return take_signed(e, in->op_size, &in->imm);
	case IMM_16:
		return take_signed(e, 2, &in->imm);
	case IMM_24:
		r = take_signed(e, 2, &in->imm);
		return r == EMUL_OK ? take_signed(e, 1, &skipped) : r;
	case MOFFS:
		in->is_mem = true;
		return take_signed(e, in->addr_size, &in->ea);
	case FAR:
		r = take_signed(e, z, &in->imm);
		return r == EMUL_OK ? take_signed(e, 2, &skipped) : r;
	default:
		return EMUL_OK;
	}
}

static enum emul_result take_operands(struct emul *e)
{
	struct emul_insn *in = &e->insn;
	enum emul_result r = in->flags & MODRM ? take_modrm(e) : EMUL_OK;
	bool rip_relative = false;

	if (r != EMUL_OK)
		return r;
	in->op_size = operand_size(e);
	if (in->flags & OPREG)
		in->rm = (in->opcode & 7) | (in->rex & REX_B) << 3;
	if (in->is_mem)
		r = in->addr_size == 2 ? address_16(e) : address_32(e, &rip_relative);
	if (r == EMUL_OK)
		r = take_immediate(e);
	if (rip_relative)
		in->ea += e->rip + in->len;
	in->ea &= emul_mask(in->addr_size);
	if (in->map == MAP_1 && (in->opcode & 0xfe) == 0x6c) /* INS: no prefix changes it */
		in->seg = SEG_ES;
	use_default_segment(in, SEG_DS);
	return r;
}

enum emul_result emul_decode(struct emul *e, const uint8_t *bytes, unsigned n)
{
	struct emul_insn *in = &e->insn;
	enum emul_result r;

	memset(in, 0, sizeof(*in));
	in->fetched = n < EMUL_INSN_MAX ? n : EMUL_INSN_MAX;
	if (n)
		memcpy(in->bytes, bytes, in->fetched);
	in->seg = SEG_DEFAULT;
	in->addr_size = address_size(e, false);
	r = take_opcode(e);
	return r == EMUL_OK ? take_operands(e) : r;
}
