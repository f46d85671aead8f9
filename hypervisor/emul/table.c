// SPDX-License-Identifier: GPL-2.0-only
/*
 * The opcode tables. An entry without a handler says how long the instruction is, and no more; an
 * opcode that is not listed has neither ModRM byte nor immediate.
 *
 * Missing: what never has memory for an operand, or no guest uses on devices: x87, arithmetic of
 * MMX and SSE, AVX, PUSHA, PUSHF, far calls and returns, descriptor tables.
 *
 * Reference: Intel SDM 2, "Opcode Map"; AMD APM 3, "Opcode and Operand Encodings".
 */
#include "cpu.h"
#include "work.h"

/* A row of the classic eight operations; how: LOCK or NO_WRITE. */
#define ALU_ROW(op, fn, how)							\
	[op ... op + 1] = { MODRM | W_BIT | (how), emul_binary, { fn } },	\
	[op + 2 ... op + 3] = { MODRM | W_BIT | REG_RM | ((how) & ~LOCK), emul_binary, { fn } }, \
	[op + 4 ... op + 5] = { W_BIT | IMM_Z | RM_IMM | ((how) & ~LOCK), emul_binary, { fn } }

/* 80 to 83: the same by ModRM.reg. */
#define ALU_GROUP(how)								\
	{									\
		{ MODRM | RM_IMM | LOCK | (how), emul_binary, { alu_add } },	\
		{ MODRM | RM_IMM | LOCK | (how), emul_binary, { alu_or } },	\
		{ MODRM | RM_IMM | LOCK | (how), emul_binary, { alu_adc } },	\
		{ MODRM | RM_IMM | LOCK | (how), emul_binary, { alu_sbb } },	\
		{ MODRM | RM_IMM | LOCK | (how), emul_binary, { alu_and } },	\
		{ MODRM | RM_IMM | LOCK | (how), emul_binary, { alu_sub } },	\
		{ MODRM | RM_IMM | LOCK | (how), emul_binary, { alu_xor } },	\
		{ MODRM | RM_IMM | NO_WRITE | (how), emul_binary, { alu_sub } }, \
	}

static const struct emul_entry alu_z[8] = ALU_GROUP(W_BIT | IMM_Z);
static const struct emul_entry alu_82[8] = ALU_GROUP(BYTE | IMM_8 | NO_64);
static const struct emul_entry alu_8[8] = ALU_GROUP(IMM_8);

/* C0, C1, D0 to D3; /6 is SHL once more, as all processors have it. */
#define SHIFT_GROUP(how)							\
	{									\
		{ MODRM | W_BIT | (how), emul_binary, { bits_rol } },		\
		{ MODRM | W_BIT | (how), emul_binary, { bits_ror } },		\
		{ MODRM | W_BIT | (how), emul_binary, { bits_rcl } },		\
		{ MODRM | W_BIT | (how), emul_binary, { bits_rcr } },		\
		{ MODRM | W_BIT | (how), emul_binary, { bits_shl } },		\
		{ MODRM | W_BIT | (how), emul_binary, { bits_shr } },		\
		{ MODRM | W_BIT | (how), emul_binary, { bits_shl } },		\
		{ MODRM | W_BIT | (how), emul_binary, { bits_sar } },		\
	}

static const struct emul_entry shift_imm[8] = SHIFT_GROUP(RM_IMM | IMM_8);
static const struct emul_entry shift_one[8] = SHIFT_GROUP(RM_ONE);
static const struct emul_entry shift_cl[8] = SHIFT_GROUP(RM_CL);

static const struct emul_entry group_f6[8] = {
	/* TEST */
	[0 ... 1] = { MODRM | W_BIT | IMM_Z | RM_IMM | NO_WRITE, emul_binary, { alu_and } },
	[2] = { MODRM | W_BIT | LOCK, emul_binary, { alu_not } },
	[3] = { MODRM | W_BIT | LOCK, emul_binary, { alu_neg } },
	[4 ... 7] = { MODRM | W_BIT, emul_mul_div },
};
static const struct emul_entry group_fe[8] = {
	{ MODRM | BYTE | LOCK, emul_binary, { alu_inc } },
	{ MODRM | BYTE | LOCK, emul_binary, { alu_dec } },
	[2 ... 7] = { MODRM },
};
static const struct emul_entry group_ff[8] = {
	{ MODRM | LOCK, emul_binary, { alu_inc } },
	{ MODRM | LOCK, emul_binary, { alu_dec } },
	[2] = { MODRM | D64, emul_call },
	[3] = { MODRM },
	[4] = { MODRM | D64, emul_jump },
	[5] = { MODRM, emul_jump_far },
	[6] = { MODRM | D64, emul_push },
	[7] = { MODRM },
};
static const struct emul_entry group_8f[8] = {
	[0] = { MODRM | D64, emul_pop },
	[1 ... 7] = { MODRM },
};
static const struct emul_entry group_0f00[8] = {
	[0 ... 1] = { MODRM, emul_store_system },
	[2 ... 3] = { MODRM, emul_load_system },
	[4 ... 7] = { MODRM },
};
static const struct emul_entry group_0f01[8] = {
	[0 ... 3] = { MODRM },
	[4] = { MODRM, emul_store_system },
	[5 ... 7] = { MODRM },
};
static const struct emul_entry group_c6[8] = {
	{ MODRM | W_BIT | IMM_Z | RM_IMM | NO_READ, emul_binary, { alu_mov } },
	[1 ... 7] = { MODRM | W_BIT | IMM_Z },
};
static const struct emul_entry group_0fba[8] = {
	[0 ... 3] = { MODRM | IMM_8 },
	[4] = { MODRM | IMM_8 | RM_IMM | NO_WRITE, emul_bit, { bits_bt } },
	[5] = { MODRM | IMM_8 | RM_IMM | LOCK, emul_bit, { bits_bts } },
	[6] = { MODRM | IMM_8 | RM_IMM | LOCK, emul_bit, { bits_btr } },
	[7] = { MODRM | IMM_8 | RM_IMM | LOCK, emul_bit, { bits_btc } },
};
static const struct emul_entry group_0fc7[8] = {
	[0] = { MODRM },
	[1] = { MODRM | LOCK, emul_cmpxchg_pair },
	[2 ... 7] = { MODRM },
};
static const struct emul_entry group_0fae[8] = {
	[0 ... 6] = { MODRM },
	[7] = { MODRM, emul_nop }, /* CLFLUSH, SFENCE */
};

static const struct emul_entry map_1[256] = {
	ALU_ROW(0x00, alu_add, LOCK),
	ALU_ROW(0x08, alu_or, LOCK),
	ALU_ROW(0x10, alu_adc, LOCK),
	ALU_ROW(0x18, alu_sbb, LOCK),
	ALU_ROW(0x20, alu_and, LOCK),
	ALU_ROW(0x28, alu_sub, LOCK),
	ALU_ROW(0x30, alu_xor, LOCK),
	ALU_ROW(0x38, alu_sub, NO_WRITE), /* CMP */
	[0x40 ... 0x47] = { OPREG, emul_binary, { alu_inc } },
	[0x48 ... 0x4f] = { OPREG, emul_binary, { alu_dec } },
	[0x50 ... 0x57] = { OPREG | D64, emul_push },
	[0x58 ... 0x5f] = { OPREG | D64, emul_pop },
	[0x62] = { MODRM },
	[0x63] = { MODRM, emul_movsxd },
	[0x68] = { IMM_Z | RM_IMM | D64, emul_push },
	[0x69] = { MODRM | IMM_Z | REG_RM | NO_READ, emul_binary, { alu_imul_imm } },
	[0x6a] = { IMM_8 | RM_IMM | D64, emul_push },
	[0x6b] = { MODRM | IMM_8 | REG_RM | NO_READ, emul_binary, { alu_imul_imm } },
	[0x6c ... 0x6f] = { W_BIT }, /* INS, OUTS */
	[0x70 ... 0x7f] = { IMM_8 },
	[0x80 ... 0x81] = { MODRM | GROUP, .group = alu_z },
	[0x82] = { MODRM | GROUP, .group = alu_82 },
	[0x83] = { MODRM | GROUP, .group = alu_8 },
	[0x84 ... 0x85] = { MODRM | W_BIT | NO_WRITE, emul_binary, { alu_and } }, /* TEST */
	[0x86 ... 0x87] = { MODRM | W_BIT | LOCK, emul_xchg },
	[0x88 ... 0x89] = { MODRM | W_BIT | NO_READ, emul_binary, { alu_mov } },
	[0x8a ... 0x8b] = { MODRM | W_BIT | REG_RM | NO_READ, emul_binary, { alu_mov } },
	[0x8c] = { MODRM, emul_mov_from_seg },
	[0x8d] = { MODRM, emul_lea },
	[0x8e] = { MODRM, emul_mov_to_seg },
	[0x8f] = { MODRM | GROUP, .group = group_8f },
	[0x90 ... 0x97] = { OPREG, emul_xchg }, /* NOP too */
	[0x9a] = { FAR },
	[0xa0 ... 0xa1] = { W_BIT | MOFFS | REG_RM | NO_READ, emul_binary, { alu_mov } },
	[0xa2 ... 0xa3] = { W_BIT | MOFFS | NO_READ, emul_binary, { alu_mov } },
	[0xa4 ... 0xa7] = { W_BIT, emul_string }, /* MOVS, CMPS */
	[0xa8 ... 0xa9] = { W_BIT | IMM_Z | RM_IMM | NO_WRITE, emul_binary, { alu_and } },
	[0xaa ... 0xaf] = { W_BIT, emul_string }, /* STOS, LODS, SCAS */
	[0xb0 ... 0xb7] = { OPREG | BYTE | IMM_8 | RM_IMM | NO_READ, emul_binary, { alu_mov } },
	[0xb8 ... 0xbf] = { OPREG | IMM_V | RM_IMM | NO_READ, emul_binary, { alu_mov } },
	[0xc0 ... 0xc1] = { MODRM | GROUP, .group = shift_imm },
	[0xc2] = { IMM_16 | D64, emul_return },
	[0xc3] = { D64, emul_return },
	[0xc4 ... 0xc5] = { MODRM },
	[0xc6 ... 0xc7] = { MODRM | GROUP, .group = group_c6 },
	[0xc8] = { IMM_24 | D64, emul_enter },
	[0xc9] = { D64, emul_leave },
	[0xca] = { IMM_16 },
	[0xcd] = { IMM_8 },
	[0xd0 ... 0xd1] = { MODRM | GROUP, .group = shift_one },
	[0xd2 ... 0xd3] = { MODRM | GROUP, .group = shift_cl },
	[0xd4 ... 0xd5] = { IMM_8 },
	[0xd7] = { BYTE, emul_xlat },
	[0xd8 ... 0xdf] = { MODRM },
	[0xe0 ... 0xe3] = { IMM_8 },
	[0xe4 ... 0xe7] = { IMM_8 | W_BIT }, /* IN, OUT */
	[0xe8] = { IMM_Z | D64, emul_call },
	[0xe9] = { IMM_Z | D64 },
	[0xea] = { FAR },
	[0xeb] = { IMM_8 },
	[0xec ... 0xef] = { W_BIT },
	[0xf6 ... 0xf7] = { MODRM | GROUP, .group = group_f6 },
	[0xfe] = { MODRM | GROUP, .group = group_fe },
	[0xff] = { MODRM | GROUP, .group = group_ff },
};

static const struct emul_entry map_0f[256] = {
	[0x00] = { MODRM | GROUP, .group = group_0f00 },
	[0x01] = { MODRM | GROUP, .group = group_0f01 },
	[0x02 ... 0x03] = { MODRM },
	[0x0d] = { MODRM, emul_nop }, /* PREFETCHW */
	[0x0f] = { MODRM | IMM_8 },   /* 3DNow!: the opcode is behind all */
	[0x10 ... 0x13] = { MODRM, emul_sse },
	[0x14 ... 0x15] = { MODRM },
	[0x16 ... 0x17] = { MODRM, emul_sse },
	[0x18 ... 0x1f] = { MODRM, emul_nop }, /* PREFETCH, NOP */
	[0x20 ... 0x27] = { MODRM | REGISTERS },
	[0x28 ... 0x29] = { MODRM, emul_sse },
	[0x2a] = { MODRM },
	[0x2b] = { MODRM, emul_sse },
	[0x2c ... 0x2f] = { MODRM },
	[0x38 ... 0x3f] = { MODRM },
	[0x40 ... 0x4f] = { MODRM | REG_RM, emul_binary, { alu_cmovcc } },
	[0x50 ... 0x6d] = { MODRM },
	[0x6e ... 0x6f] = { MODRM, emul_sse },
	[0x70 ... 0x73] = { MODRM | IMM_8 },
	[0x74 ... 0x76] = { MODRM },
	[0x78 ... 0x7d] = { MODRM },
	[0x7e ... 0x7f] = { MODRM, emul_sse },
	[0x80 ... 0x8f] = { IMM_Z | D64 },
	[0x90 ... 0x9f] = { MODRM | BYTE | NO_READ, emul_binary, { alu_setcc } },
	[0xa3] = { MODRM | NO_WRITE, emul_bit, { bits_bt } },
	[0xa4] = { MODRM | IMM_8, emul_binary, { bits_shld } },
	[0xa5] = { MODRM, emul_binary, { bits_shld } },
	[0xa6 ... 0xa7] = { MODRM },
	[0xab] = { MODRM | LOCK, emul_bit, { bits_bts } },
	[0xac] = { MODRM | IMM_8, emul_binary, { bits_shrd } },
	[0xad] = { MODRM, emul_binary, { bits_shrd } },
	[0xae] = { MODRM | GROUP, .group = group_0fae },
	[0xaf] = { MODRM | REG_RM, emul_binary, { alu_imul } },
	[0xb0 ... 0xb1] = { MODRM | W_BIT | LOCK, emul_cmpxchg },
	[0xb2] = { MODRM },
	[0xb3] = { MODRM | LOCK, emul_bit, { bits_btr } },
	[0xb4 ... 0xb5] = { MODRM },
	[0xb6 ... 0xb7] = { MODRM, emul_movx },
	[0xb8 ... 0xb9] = { MODRM },
	[0xba] = { MODRM | GROUP, .group = group_0fba },
	[0xbb] = { MODRM | LOCK, emul_bit, { bits_btc } },
	[0xbc ... 0xbd] = { MODRM, emul_scan },
	[0xbe ... 0xbf] = { MODRM, emul_movx },
	[0xc0 ... 0xc1] = { MODRM | W_BIT | LOCK, emul_xadd },
	[0xc2] = { MODRM | IMM_8 },
	[0xc3] = { MODRM, emul_movnti },
	[0xc4 ... 0xc6] = { MODRM | IMM_8 },
	[0xc7] = { MODRM | GROUP, .group = group_0fc7 },
	[0xd0 ... 0xd5] = { MODRM },
	[0xd6] = { MODRM, emul_sse },
	[0xd7 ... 0xe6] = { MODRM },
	[0xe7] = { MODRM, emul_sse },
	[0xe8 ... 0xef] = { MODRM },
	[0xf0] = { MODRM, emul_sse },
	[0xf1 ... 0xff] = { MODRM },
};

static const struct emul_entry map_0f38[256] = {
	[0x00 ... 0x29] = { MODRM },
	[0x2a] = { MODRM, emul_sse }, /* MOVNTDQA */
	[0x2b ... 0xef] = { MODRM },
	[0xf0] = { MODRM | REG_RM | NO_READ, emul_movbe, { alu_bswap } },
	[0xf1] = { MODRM | NO_READ, emul_movbe, { alu_bswap } },
	[0xf2 ... 0xff] = { MODRM },
};

static const struct emul_entry map_0f3a[256] = { [0x00 ... 0xff] = { MODRM | IMM_8 } };

const struct emul_entry *emul_lookup(unsigned map, uint8_t opcode)
{
	static const struct emul_entry *const maps[] = {
		[MAP_1] = map_1, [MAP_0F] = map_0f, [MAP_0F38] = map_0f38, [MAP_0F3A] = map_0f3a,
	};

	return map < HV_ARRAY(maps) ? &maps[map][opcode] : NULL;
}
