// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator inside a guest: each instruction runs on RAM, where the processor does it, and on
 * memory-mapped I/O, where the emulator does; registers, flags and memory must come out the same.
 */
#include "emul_cases.h"
#include "rig.h"

/* What BT and its family leave undefined. */
#define BIT_UNKNOWN (RFLAGS_OF | RFLAGS_SF | RFLAGS_AF | RFLAGS_PF)

enum { REGS = 17, FLAGS = 16, SIZE = 256, MIDDLE = 64 };
static const uint64_t status_flags = RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF |
				     RFLAGS_OF | RFLAGS_DF;

/* RDI and RSI point into the middle of destination and source, RBX is 2, RCX 3. */
static const struct insn {
	const char *name;
	uint8_t len, bytes[14];
	uint64_t unknown_flags;
} insns[] = {
	{ "mov [rdi], al", 2, { 0x88, 0x07 }, 0 },
	{ "mov [rdi], ax", 3, { 0x66, 0x89, 0x07 }, 0 },
	{ "mov [rdi], eax", 2, { 0x89, 0x07 }, 0 },
	{ "mov [rdi], rax", 3, { 0x48, 0x89, 0x07 }, 0 },
	{ "mov r9, [rdi+rbx*8-4]", 5, { 0x4c, 0x8b, 0x4c, 0xdf, 0xfc }, 0 },
	{ "mov ch, [rdi+5]", 3, { 0x8a, 0x6f, 0x05 }, 0 },
	{ "mov sil, [rdi]", 3, { 0x40, 0x8a, 0x37 }, 0 },
	{ "mov [rdi], imm8", 3, { 0xc6, 0x07, 0x5a }, 0 },
	{ "mov [rdi], imm16", 5, { 0x66, 0xc7, 0x07, 0x34, 0x12 }, 0 },
	{ "mov qword [rdi], imm32", 7, { 0x48, 0xc7, 0x07, 0x78, 0x56, 0x34, 0xf2 }, 0 },
	{ "movzx eax, byte [rdi]", 3, { 0x0f, 0xb6, 0x07 }, 0 },
	{ "movzx rax, word [rdi]", 4, { 0x48, 0x0f, 0xb7, 0x07 }, 0 },
	{ "movsx eax, byte [rdi]", 3, { 0x0f, 0xbe, 0x07 }, 0 },
	{ "movsx rax, word [rdi]", 4, { 0x48, 0x0f, 0xbf, 0x07 }, 0 },
	{ "movsxd rax, [rdi]", 3, { 0x48, 0x63, 0x07 }, 0 },
	{ "add [rdi], eax", 2, { 0x01, 0x07 }, 0 },
	{ "add rax, [rdi]", 3, { 0x48, 0x03, 0x07 }, 0 },
	{ "adc [rdi], al", 2, { 0x10, 0x07 }, 0 },
	{ "sbb [rdi], rax", 3, { 0x48, 0x19, 0x07 }, 0 },
	{ "sub word [rdi], imm8", 4, { 0x66, 0x83, 0x2f, 0x85 }, 0 },
	{ "and [rdi], eax", 2, { 0x21, 0x07 }, RFLAGS_AF },
	{ "or [rdi], imm32", 6, { 0x81, 0x0f, 0x01, 0x02, 0x03, 0x84 }, RFLAGS_AF },
	{ "xor rax, [rdi]", 3, { 0x48, 0x33, 0x07 }, RFLAGS_AF },
	{ "cmp [rdi], eax", 2, { 0x39, 0x07 }, 0 },
	{ "cmp byte [rdi], imm8", 3, { 0x80, 0x3f, 0x80 }, 0 },
	{ "test [rdi], eax", 2, { 0x85, 0x07 }, RFLAGS_AF },
	{ "test byte [rdi], imm8", 3, { 0xf6, 0x07, 0x81 }, RFLAGS_AF },
	{ "not dword [rdi]", 2, { 0xf7, 0x17 }, 0 },
	{ "neg qword [rdi]", 3, { 0x48, 0xf7, 0x1f }, 0 },
	{ "inc byte [rdi]", 2, { 0xfe, 0x07 }, 0 },
	{ "dec dword [rdi]", 2, { 0xff, 0x0f }, 0 },
	{ "lock add [rdi], eax", 3, { 0xf0, 0x01, 0x07 }, 0 },
	{ "lock dec word [rdi]", 4, { 0xf0, 0x66, 0xff, 0x0f }, 0 },
	{ "xchg [rdi], eax", 2, { 0x87, 0x07 }, 0 },
	{ "xchg [rdi], bl", 2, { 0x86, 0x1f }, 0 },
	{ "xadd [rdi], eax", 3, { 0x0f, 0xc1, 0x07 }, 0 },
	{ "cmpxchg [rdi], ebx", 3, { 0x0f, 0xb1, 0x1f }, 0 },
	{ "lock cmpxchg [rdi], rbx", 5, { 0xf0, 0x48, 0x0f, 0xb1, 0x1f }, 0 },
	{ "bt [rdi], ebx", 3, { 0x0f, 0xa3, 0x1f }, BIT_UNKNOWN },
	{ "bts [rdi], ebx", 3, { 0x0f, 0xab, 0x1f }, BIT_UNKNOWN },
	{ "btr dword [rdi], imm8", 4, { 0x0f, 0xba, 0x37, 0x1f },
	  BIT_UNKNOWN },
	{ "btc qword [rdi], imm8", 5, { 0x48, 0x0f, 0xba, 0x3f, 0x3f },
	  BIT_UNKNOWN },
	{ "movsb", 1, { 0xa4 }, 0 },
	{ "movsd", 1, { 0xa5 }, 0 },
	{ "movsq", 2, { 0x48, 0xa5 }, 0 },
	{ "rep movsb", 2, { 0xf3, 0xa4 }, 0 },
	{ "rep movsw", 3, { 0xf3, 0x66, 0xa5 }, 0 },
	{ "rep movsq", 3, { 0xf3, 0x48, 0xa5 }, 0 },
	{ "std; rep movsd", 3, { 0xfd, 0xf3, 0xa5 }, 0 },
	{ "stosb", 1, { 0xaa }, 0 },
	{ "rep stosd", 2, { 0xf3, 0xab }, 0 },
	{ "rep stosq", 3, { 0xf3, 0x48, 0xab }, 0 },
	{ "lodsb", 1, { 0xac }, 0 },
	{ "lodsq", 2, { 0x48, 0xad }, 0 },
	{ "scasb", 1, { 0xae }, 0 },
	{ "repne scasw", 3, { 0xf2, 0x66, 0xaf }, 0 },
	{ "cmpsb", 1, { 0xa6 }, 0 },
	{ "repe cmpsd", 2, { 0xf3, 0xa7 }, 0 },
	{ "push qword [rdi]; pop rax", 3, { 0xff, 0x37, 0x58 }, 0 },
	{ "push rax; pop qword [rdi]", 3, { 0x50, 0x8f, 0x07 }, 0 },
	{ "movdqu [rdi], xmm2", 4, { 0xf3, 0x0f, 0x7f, 0x17 }, 0 },
	{ "movdqa xmm9, [rdi]", 5, { 0x66, 0x44, 0x0f, 0x6f, 0x0f }, 0 },
	{ "movups xmm2, [rdi+3]", 4, { 0x0f, 0x10, 0x57, 0x03 }, 0 },
	{ "movaps [rdi], xmm2", 3, { 0x0f, 0x29, 0x17 }, 0 },
	{ "movnti [rdi], eax", 3, { 0x0f, 0xc3, 0x07 }, 0 },
	{ "setc byte [rdi]", 3, { 0x0f, 0x92, 0x07 }, 0 },
	{ "cmovz eax, [rdi]", 3, { 0x0f, 0x44, 0x07 }, 0 },
	{ "shl dword [rdi], 3", 3, { 0xc1, 0x27, 0x03 }, RFLAGS_OF | RFLAGS_AF },
	{ "mov eax, fs:[edi]", 4, { 0x64, 0x67, 0x8b, 0x07 }, 0 },
};

/* The device: source and destination, a page each. */
static uint8_t device[2][SIZE];

struct outcome {
	uint64_t regs[REGS];
	uint8_t xmm[32], mem[2][SIZE];
};

static uint8_t pattern(unsigned page, unsigned i)
{
	return (uint8_t)(i * 37 + page * 11 + 0x83);
}

static uint64_t base_of(unsigned page, bool mmio)
{
	return mmio ? G_MMIO + page * 0x1000 : EMUL_RAM + page * 0x1000;
}

static void prepare(struct rig *r, const struct insn *insn, bool src_mmio, bool dst_mmio)
{
	for (unsigned page = 0; page < 2; page++)
		for (unsigned i = 0; i < SIZE; i++)
			device[page][i] = *rig_ram(r, base_of(page, false) + i) = pattern(page, i);
	for (unsigned i = 0; i < REGS; i++)
		rig_poke(r, EMUL_REGS + i * 8, 0x8182838485868788 + 0x0101010101010101 * i);
	for (unsigned i = 0; i < 32; i++)
		*rig_ram(r, EMUL_XMM + i) = (uint8_t)(i * 13 + 1);
	rig_poke(r, EMUL_REGS + HV_RCX * 8, 3);
	rig_poke(r, EMUL_REGS + HV_RBX * 8, 2);
	rig_poke(r, EMUL_REGS + HV_RSI * 8, base_of(0, src_mmio) + MIDDLE);
	rig_poke(r, EMUL_REGS + HV_RDI * 8, base_of(1, dst_mmio) + MIDDLE);
	rig_poke(r, EMUL_REGS + FLAGS * 8, RFLAGS_RESERVED1 | RFLAGS_CF);
	memcpy(rig_ram(r, EMUL_CODE), insn->bytes, insn->len);
	*rig_ram(r, EMUL_CODE + insn->len) = 0xc3;
}

static void serve(struct rig *r, const char *name)
{
	uint64_t off = r->u.mmio.gpa - G_MMIO, at = off % 0x1000;

	if (off >= 0x2000 || at + r->u.mmio.len > SIZE)
		fail("%s: access of %#lx", name, r->u.mmio.gpa);
	if (r->u.mmio.write)
		memcpy(device[off / 0x1000] + at, r->u.mmio.data, r->u.mmio.len);
	else
		memcpy(r->u.mmio.data, device[off / 0x1000] + at, r->u.mmio.len);
}

/* Pointers relative to where they pointed at first; memory wherever it was. */
static void collect(struct rig *r, struct outcome *o, bool src_mmio, bool dst_mmio)
{
	memcpy(o->regs, rig_ram(r, EMUL_REGS), sizeof(o->regs));
	memcpy(o->xmm, rig_ram(r, EMUL_XMM), sizeof(o->xmm));
	if (o->regs[HV_RSI] - base_of(0, src_mmio) < SIZE)
		o->regs[HV_RSI] -= base_of(0, src_mmio);
	if (o->regs[HV_RDI] - base_of(1, dst_mmio) < SIZE)
		o->regs[HV_RDI] -= base_of(1, dst_mmio);
	memcpy(o->mem[0], src_mmio ? device[0] : rig_ram(r, base_of(0, false)), SIZE);
	memcpy(o->mem[1], dst_mmio ? device[1] : rig_ram(r, base_of(1, false)), SIZE);
}

static void run(struct rig *r, const struct insn *insn, bool src_mmio, bool dst_mmio,
		struct outcome *o)
{
	enum hv_reason reason;

	prepare(r, insn, src_mmio, dst_mmio);
	while ((reason = rig_go(r)) == HV_USER_MMIO)
		serve(r, insn->name);
	if (reason == HV_USER_INTERNAL)
		fail("%s is not emulated", insn->name);
	if (reason != HV_USER_IO || r->u.io.port != P_STEP)
		fail("%s: reason %u", insn->name, reason);
	collect(r, o, src_mmio, dst_mmio);
}

static void compare(const struct insn *insn, const char *how, const struct outcome *a,
		    const struct outcome *b)
{
	uint64_t known = status_flags & ~insn->unknown_flags;

	for (unsigned i = 0; i < FLAGS; i++)
		if (i != HV_RSP && a->regs[i] != b->regs[i])
			fail("%s, %s: register %u is %#lx, not %#lx", insn->name, how, i,
			     b->regs[i], a->regs[i]);
	if ((a->regs[FLAGS] ^ b->regs[FLAGS]) & known)
		fail("%s, %s: flags are %#lx, not %#lx", insn->name, how, b->regs[FLAGS],
		     a->regs[FLAGS]);
	if (memcmp(a->xmm, b->xmm, sizeof(a->xmm)))
		fail("%s, %s: an XMM register differs", insn->name, how);
	if (memcmp(a->mem, b->mem, sizeof(a->mem)))
		fail("%s, %s: memory differs", insn->name, how);
}

CASE(emul_table, MODE_LONG, guest_emul)
{
	static struct outcome native, emulated;

	expect_step(r, 1);
	for (unsigned i = 0; i < HV_ARRAY(insns); i++) {
		run(r, &insns[i], false, false, &native);
		run(r, &insns[i], false, true, &emulated);
		compare(&insns[i], "RAM to device", &native, &emulated);
		run(r, &insns[i], true, false, &emulated);
		compare(&insns[i], "device to RAM", &native, &emulated);
		run(r, &insns[i], true, true, &emulated);
		compare(&insns[i], "device to device", &native, &emulated);
	}
}

/* What is not emulated comes to the user with its bytes. */
CASE(emul_unknown, MODE_LONG, guest_emul)
{
	static const struct insn fld = { "fld tbyte [rdi]", 2, { 0xdb, 0x2f }, 0 };

	expect_step(r, 1);
	prepare(r, &fld, false, true);
	expect(r, HV_USER_INTERNAL);
	CHECK(r->u.internal.n_insn >= fld.len);
	CHECK(!memcmp(r->u.internal.insn, fld.bytes, fld.len));
}
