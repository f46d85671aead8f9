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

void emul_stop(struct emul *e, enum emul_result why)
{
	if (e->result == EMUL_OK)
		e->result = why;
}

void emul_raise(struct emul *e, uint8_t vector)
{
	if (e->result == EMUL_OK)
		e->fault = (struct emul_fault){
			.vector = vector,
			.has_error = vector == X86_GP || vector == X86_SS,
		};
	emul_stop(e, EMUL_FAULT);
}

/* --- bytes --- */

/* Has the next n bytes in; asks for more than n when it must ask, up to the longest instruction. */
static void fetch(struct emul *e, unsigned n)
{
	struct emul_insn *in = &e->insn;

	if (in->len + n > EMUL_INSN_MAX)
		emul_raise(e, X86_GP);
	while (e->result == EMUL_OK && in->fetched < in->len + n) {
		unsigned room = EMUL_INSN_MAX - in->fetched, got = 0;

		emul_stop(e, e->ops->fetch(e, in->fetched, in->bytes + in->fetched, room, &got));
		if (got == 0 || got > room)
			emul_stop(e, EMUL_UNHANDLED);
		if (e->result == EMUL_OK)
			in->fetched += got;
	}
}

/* Are the next n bytes in? */
static inline bool have(struct emul *e, unsigned n)
{
	if (e->insn.len + n > e->insn.fetched)
		fetch(e, n);
	return e->result == EMUL_OK;
}

static uint8_t take_byte(struct emul *e)
{
	return have(e, 1) ? e->insn.bytes[e->insn.len++] : 0;
}

/* n bytes, sign-extended. */
static uint64_t take_signed(struct emul *e, unsigned n)
{
	uint64_t val = 0;

	if (!have(e, n))
		return 0;
	memcpy(&val, e->insn.bytes + e->insn.len, n);
	e->insn.len += n;
	return emul_sign_extend(val, n);
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

	if ((b & 0xe7) == 0x26) /* 26, 2e, 36, 3e */
		segment_prefix(e, b >> 3 & 3);
	else if (b == 0x64 || b == 0x65)
		segment_prefix(e, b - 0x64 + SEG_FS);
	else if (b == 0x66)
		in->op_prefix = true;
	else if (b == 0x67)
		in->addr_size = address_size(e, true);
	else if (b == 0xf0)
		in->lock = true;
	else if (b == PREFIX_REPNE || b == PREFIX_REP)
		in->rep = b;
	else
		return false;
	return true;
}

/* All prefixes; the byte behind them. A REX counts only right before the opcode. */
static uint8_t take_prefixes(struct emul *e)
{
	for (;;) {
		uint8_t b = take_byte(e);

		if (e->mode == EMUL_64 && (b & 0xf0) == 0x40)
			e->insn.rex = b;
		else if (prefix(e, b))
			e->insn.rex = 0;
		else
			return b;
	}
}

/* VEX and EVEX. False: it is LES, LDS or BOUND after all. */
static bool take_vex(struct emul *e)
{
	struct emul_insn *in = &e->insn;
	uint8_t first = in->opcode, maps = first == 0xc4 ? 0x1f : 0x07;
	unsigned n = first == 0x62 ? 3 : first == 0xc4 ? 2 : 1;

	if (!have(e, 1) || (e->mode != EMUL_64 && in->bytes[in->len] < 0xc0) || !have(e, n))
		return false;
	in->map = first == 0xc5 ? MAP_0F : (in->bytes[in->len] & maps) + 1;
	in->len += n;
	in->opcode = take_byte(e);
	return true;
}

static void take_0f(struct emul *e)
{
	struct emul_insn *in = &e->insn;

	in->opcode = take_byte(e);
	in->map = in->opcode == 0x38 ? MAP_0F38 : in->opcode == 0x3a ? MAP_0F3A : MAP_0F;
	if (in->map != MAP_0F)
		in->opcode = take_byte(e);
}

static void take_opcode(struct emul *e)
{
	static const struct emul_entry only_length;
	struct emul_insn *in = &e->insn;
	bool vex = false;

	in->opcode = take_prefixes(e);
	in->map = MAP_1;
	if (in->opcode == 0x0f)
		take_0f(e);
	else if (in->opcode == 0x62 || (in->opcode & 0xfe) == 0xc4)
		vex = take_vex(e);
	in->entry = emul_lookup(in->map, in->opcode);
	if (!in->entry)
		emul_stop(e, EMUL_UNHANDLED);
	in->flags = in->entry ? in->entry->flags : 0;
	if (vex) {
		in->flags &= MODRM | IMM;
		in->entry = &only_length;
	}
}

/* --- operands --- */

/* INS, OUTS, IN, OUT: never more than 32 bits. */
static bool is_port_io(const struct emul_insn *in)
{
	return in->map == MAP_1 && ((in->opcode & 0xfc) == 0x6c || (in->opcode & 0xf4) == 0xe4);
}

static unsigned operand_size(const struct emul *e)
{
	const struct emul_insn *in = &e->insn;

	if (in->flags & BYTE || (in->flags & W_BIT && !(in->opcode & 1)))
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

static void address_16(struct emul *e)
{
	static const uint8_t base[8] = { RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX };
	static const uint8_t index[4] = { RSI, RDI, RSI, RDI };
	struct emul_insn *in = &e->insn;
	unsigned rm = in->rm & 7;
	bool absolute = in->mod == 0 && rm == 6;

	if (in->mod != 0 || absolute)
		in->ea = take_signed(e, in->mod == 1 ? 1 : 2);
	if (absolute)
		return;
	if (base[rm] == RBP)
		use_default_segment(in, SEG_SS);
	in->ea += e->gpr[base[rm]];
	if (rm < 4)
		in->ea += e->gpr[index[rm]];
}

/* POP to memory computes its address after the stack pointer has moved. */
static uint64_t base_value(const struct emul *e, unsigned reg)
{
	const struct emul_insn *in = &e->insn;
	bool pop = in->map == MAP_1 && in->opcode == 0x8f;

	return e->gpr[reg] + (pop && reg == RSP ? in->op_size : 0);
}

/* The SIB byte: in->ea by its index; its base is still to be added. */
static unsigned take_sib(struct emul *e)
{
	struct emul_insn *in = &e->insn;
	uint8_t sib = take_byte(e);
	unsigned index = (sib >> 3 & 7) | (in->rex & REX_X) << 2;

	if (index != RSP)
		in->ea = e->gpr[index] << (sib >> 6);
	return sib & 7;
}

/*
 * 32 and 64-bit addressing. With mod 0, a base of 5 is none but a 32-bit displacement. True: what
 * comes of it is relative to the next instruction.
 */
static bool address_32(struct emul *e)
{
	struct emul_insn *in = &e->insn;
	unsigned base = in->rm & 7, disp_size = in->mod == 1 ? 1 : in->mod == 2 ? 4 : 0;
	bool sib = base == RSP, absolute;

	if (sib)
		base = take_sib(e);
	absolute = in->mod == 0 && base == RBP;
	if (absolute) {
		disp_size = 4;
	} else {
		base |= (in->rex & REX_B) << 3;
		if (base == RSP || base == RBP)
			use_default_segment(in, SEG_SS);
		in->ea += base_value(e, base);
	}
	if (disp_size)
		in->ea += take_signed(e, disp_size);
	return absolute && !sib && e->mode == EMUL_64;
}

/* The ModRM byte itself, and by it the entry of a group. */
static void take_modrm(struct emul *e)
{
	struct emul_insn *in = &e->insn;
	uint8_t b = take_byte(e);

	in->has_modrm = true;
	in->mod = in->flags & REGISTERS ? 3 : b >> 6;
	in->reg = (b >> 3 & 7) | (in->rex & REX_R) << 1;
	in->rm = (b & 7) | (in->rex & REX_B) << 3;
	in->is_mem = in->mod != 3;
	if (in->flags & GROUP) {
		in->entry = &in->entry->group[in->reg & 7];
		in->flags = in->entry->flags;
	}
}

/* Selectors of far pointers are skipped, nobody emulates those; and so is ENTER's level. */
static void take_immediate(struct emul *e)
{
	struct emul_insn *in = &e->insn;
	unsigned z = in->op_size < 4 ? in->op_size : 4;

	switch (in->flags & IMM) {
	case IMM_8:
		in->imm = take_signed(e, 1);
		break;
	case IMM_Z:
		in->imm = take_signed(e, z);
		break;
	case IMM_V:
		in->imm = take_signed(e, in->op_size);
		break;
	case IMM_16:
		in->imm = take_signed(e, 2);
		break;
	case IMM_24:
		in->imm = take_signed(e, 2);
		take_byte(e);
		break;
	case MOFFS:
		in->is_mem = true;
		in->ea = take_signed(e, in->addr_size);
		break;
	case FAR:
		in->imm = take_signed(e, z);
		take_signed(e, 2);
		break;
	}
}

static void take_operands(struct emul *e)
{
	struct emul_insn *in = &e->insn;
	bool rip_relative = false;

	if (in->flags & MODRM)
		take_modrm(e);
	in->op_size = operand_size(e);
	if (in->flags & OPREG)
		in->rm = (in->opcode & 7) | (in->rex & REX_B) << 3;
	if (in->is_mem && in->addr_size == 2)
		address_16(e);
	else if (in->is_mem)
		rip_relative = address_32(e);
	take_immediate(e);
	if (rip_relative)
		in->ea += e->rip + in->len;
	in->ea &= emul_mask(in->addr_size);
	if (in->map == MAP_1 && (in->opcode & 0xfe) == 0x6c) /* INS: no prefix changes it */
		in->seg = SEG_ES;
	use_default_segment(in, SEG_DS);
}

enum emul_result emul_decode(struct emul *e, const uint8_t *bytes, unsigned n)
{
	struct emul_insn *in = &e->insn;

	e->result = EMUL_OK;
	memset(in, 0, sizeof(*in));
	in->fetched = n < EMUL_INSN_MAX ? n : EMUL_INSN_MAX;
	if (n)
		memcpy(in->bytes, bytes, in->fetched);
	in->seg = SEG_DEFAULT;
	in->addr_size = address_size(e, false);
	take_opcode(e);
	take_operands(e);
	return e->result;
}
