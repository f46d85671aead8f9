// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator against this machine's processor: random instructions, registers, flags and memory;
 * each case is executed by both, and everything that the manuals define is compared.
 *
 * 64-bit code runs as it is. 32 and 16-bit code needs segments of its own (modify_ldt) and is left
 * out where the kernel has none. Accesses that the emulator makes outside the test's memory are not
 * tried on the processor.
 */
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <cmocka.h>

#include "emul/emul.h"
#include "emul/work.h"
#include "cpu.h"

enum {
	DEFINED = RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_DF | RFLAGS_OF,
};
enum { BASE = 0x20000000, SPAN = 0x10000, CODE = BASE + 0x1000, BACK = BASE + 0x3000 };
enum { DATA = 0x8000, DATA_SIZE = 0x1000, GS_BASE = BASE + 0x4568 };
enum { CODE32 = 0x23, FLAT = 0x2b, CODE64 = 0x33, LDT_CODE16 = 0x07, LDT_DATA = 0x0f };
enum { CASES = 2500 }; /* of each row and mode */

/* --- one run on the processor --- */

struct state {
	uint64_t gpr[16], rflags;
	uint8_t xmm[16][16];
};

struct machine {
	struct state in, out;	/* offsets as enter_native has them */
	uint64_t rsp;
	struct { uint32_t off; uint16_t selector; } __attribute__((packed)) target;
	uint16_t pad;
	uint64_t data_segment;
};

extern struct machine native_machine;
struct machine native_machine;
static int native_vector; /* -1: none */

void native_enter(void);
void native_back(void);
void native_fault(void);

#define EACH_GPR(X) X(0, rax) X(1, rcx) X(2, rdx) X(3, rbx) X(4, rsp) X(5, rbp) X(6, rsi) \
	X(7, rdi) X(8, r8) X(9, r9) X(10, r10) X(11, r11) X(12, r12) X(13, r13) X(14, r14) \
	X(15, r15)
#define EACH_XMM(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) \
	X(14) X(15)
#define OUT "392" /* sizeof(struct state) */
#define LOAD(n, reg) "movq native_machine+8*" #n "(%rip), %" #reg "\n"
#define SAVE(n, reg) "movq %" #reg ", native_machine+" OUT "+8*" #n "(%rip)\n"
#define LOAD_XMM(n) "movups native_machine+136+16*" #n "(%rip), %xmm" #n "\n"
#define SAVE_XMM(n) "movups %xmm" #n ", native_machine+" OUT "+136+16*" #n "(%rip)\n"

_Static_assert(sizeof(struct state) == 392, "OUT");

asm(".text\n"
    "native_enter:\n"
    "push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
    "movq %rsp, native_machine+784(%rip)\n" EACH_XMM(LOAD_XMM)
    "movq native_machine+800(%rip), %rax\n mov %eax, %ds\n mov %eax, %es\n"
    "pushq native_machine+128(%rip)\n popfq\n"
    "mov %eax, %ss\n" EACH_GPR(LOAD)
    "ljmp *native_machine+792(%rip)\n"
    "native_back:\n" EACH_GPR(SAVE)
    "mov $0x2b, %eax\n mov %eax, %ss\n"
    "movq native_machine+784(%rip), %rsp\n"
    "pushfq\n popq native_machine+392+128(%rip)\n" EACH_XMM(SAVE_XMM)
    "native_fault:\n"
    "cld\n mov $0x2b, %eax\n mov %eax, %ss\n"
    "xor %eax, %eax\n mov %eax, %ds\n mov %eax, %es\n"
    "movq native_machine+784(%rip), %rsp\n"
    "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n");

_Static_assert(offsetof(struct machine, rsp) == 784, "rsp");
_Static_assert(offsetof(struct machine, target) == 792, "target");
_Static_assert(offsetof(struct machine, data_segment) == 800, "data_segment");

static const uint8_t gpr_of_context[16] = {
	REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
	REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

static void on_signal(int sig, siginfo_t *info, void *context)
{
	ucontext_t *c = context;
	greg_t *g = c->uc_mcontext.gregs;
	unsigned i;

	if ((g[REG_CSGSFS] & 0xffff) == CODE64 && (g[REG_RIP] < CODE || g[REG_RIP] >= BACK)) {
		/* the test's own fault */
		signal(sig, SIG_DFL);
		return;
	}
	native_vector = (int)g[REG_TRAPNO];
	for (i = 0; i < 16; i++)
		native_machine.out.gpr[i] = (uint64_t)g[gpr_of_context[i]];
	native_machine.out.rflags = (uint64_t)g[REG_EFL];
	memcpy(native_machine.out.xmm, c->uc_mcontext.fpregs->_xmm, sizeof(native_machine.out.xmm));
	g[REG_RIP] = (greg_t)(uintptr_t)native_fault;
	g[REG_RSP] = (greg_t)native_machine.rsp;
	g[REG_EFL] = 0x202;
	g[REG_CSGSFS] = CODE64 | (greg_t)FLAT << 48;
}

/* --- what is tried --- */

enum {
	R_MODRM = 1, R_IMM8 = 2, R_IMMZ = 4, R_IMMV = 8, R_MOFFS = 0x10,
	R_MEM = 0x20,	 /* a memory operand only */
	R_STRING = 0x40,
	R_STACK = 0x80,
	R_SHIFT = 0x100, /* what is undefined depends on the count: in CL, unless R_IMM8 or R_ONE */
	R_ONE = 0x200,
	R_BITS = 0x400,	 /* the register is a bit offset */
	R_DIVIDE = 0x800,
	R_ALIGNED = 0x1000, /* to 16 bytes, most of the time */
	R_NO_REP = 0x2000,  /* F2 or F3 would make it something else */
	R_NO_66 = 0x4000,
	R_BYTE = 0x8000,
	R_64 = 0x10000, R_NOT_64 = 0x20000,
	R_DOUBLE = 0x40000, /* SHLD, SHRD */
	R_XLAT = 0x80000,
};
enum {
	U_LOGIC = RFLAGS_AF,
	U_MUL = RFLAGS_SF | RFLAGS_ZF | RFLAGS_AF | RFLAGS_PF,
	U_BIT = RFLAGS_OF | RFLAGS_SF | RFLAGS_AF | RFLAGS_PF,
	U_SCAN = U_BIT | RFLAGS_CF,
	U_ALL = U_MUL | RFLAGS_CF | RFLAGS_OF,
};

struct row {
	const char *name;
	uint8_t map, opcode, vary;  /* bits of the opcode that are random */
	uint8_t reg, reg_vary;	    /* ModRM.reg likewise */
	uint8_t prefix;		    /* 66, F2, F3 that belongs to the opcode */
	uint32_t how, undefined;
};

static const struct row rows[] = {
	{ "ADD SUB ADC SBB CMP", 1, 0x00, 0x3b, 0, 7, 0, R_MODRM, U_LOGIC },
	{ "ADD", 1, 0x00, 0x03, 0, 7, 0, R_MODRM, 0 },
	{ "ADC, SBB", 1, 0x10, 0x0b, 0, 7, 0, R_MODRM, 0 },
	{ "SUB", 1, 0x28, 0x03, 0, 7, 0, R_MODRM, 0 },
	{ "CMP", 1, 0x38, 0x03, 0, 7, 0, R_MODRM, 0 },
	{ "ALU AL, imm", 1, 0x04, 0x38, 0, 0, 0, R_IMM8, U_LOGIC },
	{ "ALU rAX, imm", 1, 0x05, 0x38, 0, 0, 0, R_IMMZ, U_LOGIC },
	{ "80", 1, 0x80, 0, 0, 7, 0, R_MODRM | R_IMM8, U_LOGIC },
	{ "81", 1, 0x81, 0, 0, 7, 0, R_MODRM | R_IMMZ, U_LOGIC },
	{ "82", 1, 0x82, 0, 0, 7, 0, R_MODRM | R_IMM8, U_LOGIC },
	{ "83", 1, 0x83, 0, 0, 7, 0, R_MODRM | R_IMM8, U_LOGIC },
	{ "INC, DEC r", 1, 0x40, 0x0f, 0, 0, 0, R_NOT_64, 0 },
	{ "PUSH r", 1, 0x50, 0x07, 0, 0, 0, R_STACK, 0 },
	{ "POP r", 1, 0x58, 0x07, 0, 0, 0, R_STACK, 0 },
	{ "MOVSXD", 1, 0x63, 0, 0, 7, 0, R_MODRM | R_64, 0 },
	{ "PUSH imm", 1, 0x68, 0, 0, 0, 0, R_IMMZ | R_STACK, 0 },
	{ "PUSH imm8", 1, 0x6a, 0, 0, 0, 0, R_IMM8 | R_STACK, 0 },
	{ "IMUL imm", 1, 0x69, 0, 0, 7, 0, R_MODRM | R_IMMZ, U_MUL },
	{ "IMUL imm8", 1, 0x6b, 0, 0, 7, 0, R_MODRM | R_IMM8, U_MUL },
	{ "TEST", 1, 0x84, 1, 0, 7, 0, R_MODRM, U_LOGIC },
	{ "XCHG", 1, 0x86, 1, 0, 7, 0, R_MODRM, 0 },
	{ "MOV", 1, 0x88, 3, 0, 7, 0, R_MODRM, 0 },
	{ "MOV sreg", 1, 0x8c, 0, 0, 7, 0, R_MODRM, 0 },
	{ "LEA", 1, 0x8d, 0, 0, 7, 0, R_MODRM, 0 },
	{ "POP r/m", 1, 0x8f, 0, 0, 0, 0, R_MODRM | R_STACK, 0 },
	{ "XCHG r, NOP", 1, 0x90, 7, 0, 0, 0, R_NO_REP, 0 },
	{ "MOV moffs", 1, 0xa0, 3, 0, 0, 0, R_MOFFS, 0 },
	{ "MOVS", 1, 0xa4, 1, 0, 0, 0, R_STRING, 0 },
	{ "CMPS", 1, 0xa6, 1, 0, 0, 0, R_STRING, 0 },
	{ "STOS", 1, 0xaa, 1, 0, 0, 0, R_STRING, 0 },
	{ "LODS", 1, 0xac, 1, 0, 0, 0, R_STRING, 0 },
	{ "SCAS", 1, 0xae, 1, 0, 0, 0, R_STRING, 0 },
	{ "TEST AL, imm", 1, 0xa8, 0, 0, 0, 0, R_IMM8, U_LOGIC },
	{ "TEST rAX, imm", 1, 0xa9, 0, 0, 0, 0, R_IMMZ, U_LOGIC },
	{ "MOV r, imm8", 1, 0xb0, 7, 0, 0, 0, R_IMM8, 0 },
	{ "MOV r, imm", 1, 0xb8, 7, 0, 0, 0, R_IMMV, 0 },
	{ "shift imm", 1, 0xc0, 1, 0, 7, 0, R_MODRM | R_IMM8 | R_SHIFT, 0 },
	{ "shift 1", 1, 0xd0, 1, 0, 7, 0, R_MODRM | R_SHIFT | R_ONE, 0 },
	{ "shift CL", 1, 0xd2, 1, 0, 7, 0, R_MODRM | R_SHIFT, 0 },
	{ "MOV rm8, imm", 1, 0xc6, 0, 0, 0, 0, R_MODRM | R_IMM8, 0 },
	{ "MOV rm, imm", 1, 0xc7, 0, 0, 0, 0, R_MODRM | R_IMMZ, 0 },
	{ "XLAT", 1, 0xd7, 0, 0, 0, 0, R_XLAT, 0 },
	{ "TEST rm8, imm", 1, 0xf6, 0, 0, 1, 0, R_MODRM | R_IMM8, U_LOGIC },
	{ "TEST rm, imm", 1, 0xf7, 0, 0, 1, 0, R_MODRM | R_IMMZ, U_LOGIC },
	{ "NOT, NEG", 1, 0xf6, 1, 2, 1, 0, R_MODRM, 0 },
	{ "MUL, IMUL", 1, 0xf6, 1, 4, 1, 0, R_MODRM, U_MUL },
	{ "DIV, IDIV", 1, 0xf6, 1, 6, 1, 0, R_MODRM | R_DIVIDE, U_ALL },
	{ "INC, DEC", 1, 0xfe, 1, 0, 1, 0, R_MODRM, 0 },
	{ "PUSH r/m", 1, 0xff, 0, 6, 0, 0, R_MODRM | R_STACK, 0 },
	{ "NOP r/m", 2, 0x1f, 0, 0, 7, 0, R_MODRM, 0 },
	{ "CMOVcc", 2, 0x40, 0xf, 0, 7, 0, R_MODRM, 0 },
	{ "SETcc", 2, 0x90, 0xf, 0, 7, 0, R_MODRM, 0 },
	{ "BT BTS", 2, 0xa3, 8, 0, 7, 0, R_MODRM | R_BITS, U_BIT },
	{ "BTR BTC", 2, 0xb3, 8, 0, 7, 0, R_MODRM | R_BITS, U_BIT },
	{ "BT imm", 2, 0xba, 0, 4, 3, 0, R_MODRM | R_IMM8, U_BIT },
	{ "SHLD, SHRD imm", 2, 0xa4, 8, 0, 7, 0, R_MODRM | R_IMM8 | R_DOUBLE, 0 },
	{ "SHLD, SHRD CL", 2, 0xa5, 8, 0, 7, 0, R_MODRM | R_DOUBLE, 0 },
	{ "IMUL", 2, 0xaf, 0, 0, 7, 0, R_MODRM, U_MUL },
	{ "CMPXCHG", 2, 0xb0, 1, 0, 7, 0, R_MODRM, 0 },
	{ "MOVZX, MOVSX", 2, 0xb6, 9, 0, 7, 0, R_MODRM, 0 },
	{ "BSF, BSR", 2, 0xbc, 1, 0, 7, 0, R_MODRM | R_NO_REP, U_SCAN },
	{ "XADD", 2, 0xc0, 1, 0, 7, 0, R_MODRM, 0 },
	{ "MOVNTI", 2, 0xc3, 0, 0, 7, 0, R_MODRM | R_MEM | R_NO_REP | R_NO_66, 0 },
	{ "CMPXCHG8B", 2, 0xc7, 0, 1, 0, 0, R_MODRM | R_MEM | R_ALIGNED | R_NO_REP, 0 },
	{ "MOVBE", 3, 0xf0, 1, 0, 7, 0, R_MODRM | R_MEM | R_NO_REP, 0 },
	{ "MOVUPS", 2, 0x10, 1, 0, 7, 0, R_MODRM | R_MEM, 0 },
	{ "MOVUPD", 2, 0x10, 1, 0, 7, 0x66, R_MODRM | R_MEM, 0 },
	{ "MOVSS", 2, 0x10, 1, 0, 7, 0xf3, R_MODRM | R_MEM, 0 },
	{ "MOVSD", 2, 0x10, 1, 0, 7, 0xf2, R_MODRM | R_MEM, 0 },
	{ "MOVLPS, MOVHPS", 2, 0x12, 5, 0, 7, 0, R_MODRM | R_MEM, 0 },
	{ "MOVLPD, MOVHPD", 2, 0x12, 5, 0, 7, 0x66, R_MODRM | R_MEM, 0 },
	{ "MOVAPS", 2, 0x28, 1, 0, 7, 0, R_MODRM | R_MEM | R_ALIGNED, 0 },
	{ "MOVAPD", 2, 0x28, 1, 0, 7, 0x66, R_MODRM | R_MEM | R_ALIGNED, 0 },
	{ "MOVNTPS", 2, 0x2b, 0, 0, 7, 0, R_MODRM | R_MEM | R_ALIGNED, 0 },
	{ "MOVNTPD", 2, 0x2b, 0, 0, 7, 0x66, R_MODRM | R_MEM | R_ALIGNED, 0 },
	{ "MOVD, MOVDQA", 2, 0x6e, 0x11, 0, 7, 0x66, R_MODRM | R_MEM | R_ALIGNED, 0 },
	{ "MOVDQU", 2, 0x6f, 0x10, 0, 7, 0xf3, R_MODRM | R_MEM, 0 },
	{ "MOVQ load", 2, 0x7e, 0, 0, 7, 0xf3, R_MODRM | R_MEM, 0 },
	{ "MOVQ store", 2, 0xd6, 0, 0, 7, 0x66, R_MODRM | R_MEM, 0 },
	{ "LDDQU", 2, 0xf0, 0, 0, 7, 0xf2, R_MODRM | R_MEM, 0 },
	{ "MOVNTDQ", 2, 0xe7, 0, 0, 7, 0x66, R_MODRM | R_MEM | R_ALIGNED, 0 },
	{ "MOVNTDQA", 3, 0x2a, 0, 0, 7, 0x66, R_MODRM | R_MEM | R_ALIGNED, 0 },
};

/* --- randomness: the same in each run --- */

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1d;
}

static unsigned pick(unsigned n)
{
	return (unsigned)((rnd() >> 33) % n);
}

/* Values that find carries: all kinds of sizes, and the borders. */
static uint64_t rnd_value(void)
{
	static const uint64_t borders[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff,
		0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, ~0ull };

	switch (pick(4)) {
	case 0:
		return borders[pick(14)];
	case 1:
		return rnd() >> pick(64);
	case 2:
		return -(rnd() >> pick(64));
	default:
		return rnd();
	}
}

/* --- one case --- */

struct trial {
	const struct row *row;
	enum emul_mode mode;
	uint8_t code[32];
	unsigned len, rex, seg, addr_size, op_size;
	unsigned rip_relative_at; /* 0: none */
	bool lock, op_prefix, gs;
	uint8_t rep, opcode, reg, imm8;
	bool is_mem;
	struct state s;
	bool outside;		  /* the emulator left the test's memory */
};

static uint8_t *const data = (uint8_t *)(BASE + DATA);
static uint8_t shadow[DATA_SIZE];

static void put(struct trial *t, uint64_t val, unsigned n)
{
	memcpy(t->code + t->len, &val, n);
	t->len += n;
}

static void put_prefixes(struct trial *t)
{
	static const uint8_t segments[] = { 0x26, 0x36, 0x3e, 0x2e, 0x65 };
	uint8_t p[8], tmp;
	unsigned n = 0, i, j;

	if (t->op_prefix)
		p[n++] = 0x66;
	if (t->addr_size != (t->mode == EMUL_16 ? 2 : t->mode))
		p[n++] = 0x67;
	if (t->lock)
		p[n++] = 0xf0;
	if (t->rep)
		p[n++] = t->rep;
	if (!pick(4)) {
		p[n++] = segments[pick(t->mode == EMUL_64 ? 5 : 3)];
		t->gs = p[n - 1] == 0x65;
	}
	for (i = 0; i < n; i++) {
		j = pick(n);
		tmp = p[i];
		p[i] = p[j];
		p[j] = tmp;
	}
	memcpy(t->code, p, n);
	t->len = n;
	if (t->rex)
		put(t, t->rex, 1);
}

static uint64_t seg_base(const struct trial *t)
{
	if (t->mode == EMUL_64)
		return t->gs ? GS_BASE : 0;
	return BASE;
}

/* Somewhere in the middle of the test's memory. */
static uint64_t somewhere(const struct trial *t)
{
	uint64_t at = DATA + 0x100 + pick(DATA_SIZE - 0x200);

	if (t->row->how & R_ALIGNED && pick(8))
		at &= ~15ull;
	return BASE + at;
}

/* What a register needs to be val for addressing: rubbish above. */
static uint64_t with_rubbish(const struct trial *t, uint64_t val)
{
	return t->addr_size == 8 ? val : (val & emul_mask(t->addr_size)) |
					 (rnd() & ~emul_mask(t->addr_size));
}

static void put_memory_16(struct trial *t, unsigned mod)
{
	static const uint8_t base[8] = { 3, 3, 5, 5, 6, 7, 5, 3 }, index[4] = { 6, 7, 6, 7 };
	unsigned rm = pick(8);
	uint64_t off = somewhere(t) - BASE;
	int64_t disp = mod == 1 ? (int8_t)rnd() : mod == 2 ? (int16_t)rnd() : 0;

	put(t, mod << 6 | (t->reg & 7) << 3 | rm, 1);
	if (mod == 0 && rm == 6) {
		put(t, off, 2);
		return;
	}
	off -= (uint64_t)disp;
	if (rm < 4)
		off -= t->s.gpr[index[rm]];
	t->s.gpr[base[rm]] = with_rubbish(t, off);
	put(t, (uint64_t)disp, mod);
}

static void put_sib(struct trial *t, unsigned mod, uint64_t off)
{
	unsigned scale = pick(4), index = pick(8), base = pick(8);
	unsigned i = index | (t->rex & REX_X) << 2, b = base | (t->rex & REX_B) << 3;
	int64_t disp = mod == 1 ? (int8_t)rnd() : mod == 2 ? (int32_t)rnd() : 0;

	put(t, scale << 6 | index << 3 | base, 1);
	if (mod == 0 && base == 5) {
		if (i != 4)
			t->s.gpr[i] = with_rubbish(t, pick(4000) - 2000ull);
		put(t, off - (i != 4 ? t->s.gpr[i] << scale : 0), 4);
		return;
	}
	off -= (uint64_t)disp;
	if (i == b && i != 4)
		off = (uint64_t)((int64_t)off / (1 + (1 << scale)));
	else if (i != 4)
		off -= t->s.gpr[i] << scale;
	t->s.gpr[b] = with_rubbish(t, off);
	put(t, (uint64_t)disp, mod == 2 ? 4 : mod);
}

static void put_memory_32(struct trial *t, unsigned mod)
{
	unsigned rm = pick(8), base = rm | (t->rex & REX_B) << 3;
	uint64_t off = somewhere(t) - seg_base(t);
	int64_t disp = mod == 1 ? (int8_t)rnd() : mod == 2 ? (int32_t)rnd() : 0;

	put(t, mod << 6 | (t->reg & 7) << 3 | rm, 1);
	if (rm == 4) {
		put_sib(t, mod, off);
		return;
	}
	if (mod == 0 && rm == 5) {
		if (t->mode == EMUL_64)
			t->rip_relative_at = t->len;
		put(t, off, 4);
		return;
	}
	t->s.gpr[base] = with_rubbish(t, off - (uint64_t)disp);
	put(t, (uint64_t)disp, mod == 2 ? 4 : mod);
}

static void put_modrm(struct trial *t)
{
	unsigned mod = t->is_mem ? pick(3) : 3;

	if (mod == 3)
		put(t, 0xc0 | (t->reg & 7) << 3 | pick(8), 1);
	else if (t->addr_size == 2)
		put_memory_16(t, mod);
	else
		put_memory_32(t, mod);
}

static void put_immediate(struct trial *t)
{
	uint32_t how = t->row->how;
	uint64_t imm = rnd_value();

	t->imm8 = (uint8_t)imm;
	if (how & R_IMM8)
		put(t, imm, 1);
	else if (how & R_IMMZ)
		put(t, imm, t->op_size == 2 ? 2 : 4);
	else if (how & R_IMMV)
		put(t, imm, t->op_size);
	else if (how & R_MOFFS)
		put(t, somewhere(t) - seg_base(t), t->addr_size);
	if (t->rip_relative_at) {
		uint32_t disp;

		memcpy(&disp, t->code + t->rip_relative_at, 4);
		disp -= CODE + t->len;
		memcpy(t->code + t->rip_relative_at, &disp, 4);
	}
}

static void choose_registers(struct trial *t)
{
	uint32_t how = t->row->how;
	unsigned i;

	for (i = 0; i < 16; i++)
		t->s.gpr[i] = rnd_value();
	for (i = 0; i < 32; i++)
		((uint64_t *)(void *)t->s.xmm)[i] = rnd();
	t->s.rflags = 0x202 | (rnd() & DEFINED);
	if (how & R_STACK)
		t->s.gpr[RSP] = somewhere(t) - (t->mode == EMUL_64 ? 0 : BASE);
	if (how & R_BITS && pick(4))
		t->s.gpr[t->reg | (t->rex & REX_R) << 1] = pick(8000) - 4000ull;
	if (how & R_DIVIDE && pick(4)) {
		t->s.gpr[RDX] = pick(2) ? 0 : pick(2) ? ~0ull : rnd() >> (32 + pick(32));
		t->s.gpr[RAX] = pick(2) ? t->s.gpr[RAX] & 0xff : t->s.gpr[RAX];
	}
}

static void choose_string_registers(struct trial *t)
{
	uint64_t es = t->mode == EMUL_64 ? 0 : BASE;

	if (t->row->how & R_XLAT)
		t->s.gpr[RBX] = with_rubbish(t, somewhere(t) - seg_base(t));
	if (!(t->row->how & R_STRING))
		return;
	t->s.gpr[RSI] = with_rubbish(t, somewhere(t) - seg_base(t));
	t->s.gpr[RDI] = with_rubbish(t, somewhere(t) - es);
	t->s.gpr[RCX] = with_rubbish(t, pick(8) + (t->addr_size == 4 && t->mode == EMUL_64));
	if (pick(2))
		t->s.gpr[RAX] = 0;
}

static unsigned choose_operand_size(const struct trial *t)
{
	if (t->mode == EMUL_64)
		return t->rex & REX_W ? 8 : t->op_prefix ? 2 : 4;
	return (t->mode == EMUL_32) != t->op_prefix ? 4 : 2;
}

static void make(struct trial *t, const struct row *row, enum emul_mode mode)
{
	uint32_t how = row->how;

	memset(t, 0, sizeof(*t));
	t->row = row;
	t->mode = mode;
	t->rex = mode == EMUL_64 && pick(2) ? 0x40 | pick(16) : 0;
	t->op_prefix = row->prefix == 0x66 || (!row->prefix && !(how & R_NO_66) &&
					       row->map == 1 && !pick(4));
	t->lock = !pick(8);
	if (row->prefix > 0x66)
		t->rep = row->prefix;
	else if (how & R_STRING ? pick(2) : row->map == 1 && !(how & R_NO_REP) && !pick(16))
		t->rep = 0xf2 + pick(2);
	t->op_prefix |= row->map == 2 && row->opcode >= 0x40 && !row->prefix &&
			!(how & R_NO_66) && row->opcode != 0x6e && !pick(4);
	t->op_prefix |= row->map == 3 && row->opcode >= 0xf0 && !pick(4);
	t->addr_size = mode == EMUL_64 ? 8 : mode;
	if (!pick(4))
		t->addr_size = mode == EMUL_16 ? 4 : mode / 2;
	t->op_size = choose_operand_size(t);
	t->is_mem = how & R_MEM || pick(4);
	t->opcode = row->opcode ^ (rnd() & row->vary);
	t->reg = row->reg | (rnd() & row->reg_vary);
	choose_registers(t);
	put_prefixes(t);
	if (row->map > 1)
		put(t, 0x0f, 1);
	if (row->map == 3)
		put(t, 0x38, 1);
	put(t, t->opcode, 1);
	choose_string_registers(t);
	if (how & R_MODRM)
		put_modrm(t);
	put_immediate(t);
	if (mode != EMUL_64) {
		unsigned i;

		for (i = 0; i < 16; i++)
			t->s.gpr[i] &= 0xffffffff;
	}
}

/* --- the emulator's side --- */

static enum emul_result op_fetch(struct emul *e, unsigned off, uint8_t *buf, unsigned n,
				 unsigned *got)
{
	struct trial *t = e->ctx;

	assert_in_range(n, 1, 15 - off);
	*got = 1 + pick(n);
	memcpy(buf, t->code + off, *got);
	return EMUL_OK;
}

/* NULL: outside. */
static uint8_t *at(struct trial *t, unsigned seg, uint64_t off, unsigned n)
{
	uint64_t base = t->mode != EMUL_64 ? BASE : seg == SEG_GS ? GS_BASE : 0;

	if (t->mode == EMUL_64 || (off < SPAN && off + n <= SPAN))
		off += base - BASE - DATA;
	else
		off = DATA_SIZE;
	t->outside |= off >= DATA_SIZE || n > DATA_SIZE - off;
	return t->outside ? NULL : shadow + off;
}

static enum emul_result op_read(struct emul *e, unsigned seg, uint64_t off, void *buf, unsigned n)
{
	const uint8_t *p = at(e->ctx, seg, off, n);

	if (!p)
		return EMUL_UNHANDLED;
	memcpy(buf, p, n);
	return EMUL_OK;
}

static enum emul_result op_write(struct emul *e, unsigned seg, uint64_t off, const void *buf,
				 unsigned n)
{
	uint8_t *p = at(e->ctx, seg, off, n);

	if (!p)
		return EMUL_UNHANDLED;
	memcpy(p, buf, n);
	return EMUL_OK;
}

static enum emul_result op_cmpxchg(struct emul *e, unsigned seg, uint64_t off, const void *old,
				   const void *val, unsigned n)
{
	uint8_t *p = at(e->ctx, seg, off, n);

	if (!p)
		return EMUL_UNHANDLED;
	assert_memory_equal(p, old, n);
	memcpy(p, val, n);
	return EMUL_OK;
}

static void op_read_xmm(struct emul *e, unsigned reg, void *buf)
{
	memcpy(buf, ((struct trial *)e->ctx)->s.xmm[reg], 16);
}

static void op_write_xmm(struct emul *e, unsigned reg, const void *buf)
{
	memcpy(((struct trial *)e->ctx)->s.xmm[reg], buf, 16);
}

static uint16_t op_selector(struct emul *e, unsigned seg)
{
	enum emul_mode mode = ((struct trial *)e->ctx)->mode;

	if (seg == SEG_CS)
		return mode == EMUL_64 ? CODE64 : mode == EMUL_32 ? CODE32 : LDT_CODE16;
	return seg >= SEG_FS ? 0 : mode == EMUL_64 ? FLAT : LDT_DATA;
}

static const struct emul_ops ops = {
	op_fetch, op_read, op_write, op_cmpxchg, op_read_xmm, op_write_xmm, op_selector, NULL,
};

static enum emul_result emulate(struct trial *t, struct emul *e)
{
	uint64_t rip = t->mode == EMUL_16 ? CODE - BASE : CODE;
	enum emul_result r = EMUL_OK;
	unsigned i;

	memset(e, 0, sizeof(*e));
	e->ops = &ops;
	e->ctx = t;
	memcpy(e->gpr, t->s.gpr, sizeof(e->gpr));
	e->rip = rip;
	e->rflags = t->s.rflags;
	e->mode = t->mode;
	e->cpl = 3;
	e->cr4 = CR4_OSFXSR;
	e->stack32 = true;
	for (i = 0; i < 10 && r == EMUL_OK && e->rip == rip; i++)
		r = emul_step(e, t->code, pick(t->len + 1));
	if (r == EMUL_OK)
		assert_int_equal(e->rip, rip + t->len);
	return r;
}

/* --- comparison --- */

__attribute__((format(printf, 2, 3), noreturn))
static void differ(const struct trial *t, const char *fmt, ...)
{
	char bytes[64] = "", why[200];
	va_list ap;
	unsigned i;

	for (i = 0; i < t->len; i++)
		snprintf(bytes + 3 * i, sizeof(bytes) - 3 * i, "%02x ", t->code[i]);
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	print_error("%s, %u bits: %s: %s\n", t->row->name, t->mode * 8, bytes, why);
	for (i = 0; i < 16; i++)
		print_error("  r%-2u %016llx -> %016llx\n", i,
			    (unsigned long long)native_machine.in.gpr[i],
			    (unsigned long long)native_machine.out.gpr[i]);
	fail();
	abort();
}

/* Flags that the manuals leave open, ~0: the result too. By the operands before. */
static uint64_t undefined(const struct trial *t)
{
	uint32_t how = t->row->how;
	unsigned size = how & R_SHIFT && !(t->opcode & 1) ? 1 : t->op_size;
	unsigned count = native_machine.in.gpr[RCX] & 0xff;

	if (!(how & (R_SHIFT | R_DOUBLE)))
		return t->row->undefined;
	if (how & (R_IMM8 | R_ONE))
		count = how & R_ONE ? 1 : t->imm8;
	count &= size == 8 ? 63 : 31;
	if (how & R_DOUBLE && count > 8 * size)
		return ~0ull;
	if (count == 0)
		return 0;
	return (count != 1 ? RFLAGS_OF : 0) |
	       (how & R_DOUBLE || t->reg >= 4 ? RFLAGS_AF : 0) |
	       (how & R_SHIFT && t->reg >= 4 && count >= 8 * size ? RFLAGS_CF : 0);
}

static void compare(const struct trial *t, const struct emul *e)
{
	uint64_t mask = t->mode == EMUL_64 ? ~0ull : 0xffffffff, open = undefined(t);
	unsigned i, n = t->mode == EMUL_64 ? 16 : 8;

	if (open == ~0ull) {
		memcpy(shadow, data, DATA_SIZE);
		return;
	}
	for (i = 0; i < n; i++)
		if ((e->gpr[i] ^ native_machine.out.gpr[i]) & mask)
			differ(t, "register %u: %llx", i, (unsigned long long)e->gpr[i]);
	if ((e->rflags ^ native_machine.out.rflags) & DEFINED & ~open)
		differ(t, "flags %llx -> %llx, emulated %llx",
		       (unsigned long long)native_machine.in.rflags,
		       (unsigned long long)native_machine.out.rflags,
		       (unsigned long long)e->rflags);
	if (memcmp(t->s.xmm, native_machine.out.xmm, 16 * n))
		differ(t, "SSE registers");
	for (i = 0; i < DATA_SIZE && memcmp(shadow, data, DATA_SIZE); i++)
		if (shadow[i] != data[i])
			differ(t, "memory at %x: %02x, emulated %02x", BASE + DATA + i, data[i],
			       shadow[i]);
}

/* --- the processor's side --- */

static void native(const struct trial *t, const struct state *before)
{
	uint8_t *code = (uint8_t *)CODE;
	uint32_t back = BACK;
	unsigned n = t->len;

	memcpy(code, t->code, n);
	if (t->mode == EMUL_16)
		code[n++] = 0x66;
	code[n++] = t->mode == EMUL_64 ? 0xe9 : 0xea;
	if (t->mode == EMUL_64)
		back -= CODE + n + 4;
	memcpy(code + n, &back, 4);
	memcpy(code + n + 4, &(uint16_t){ CODE64 }, 2);
	native_machine.in = *before;
	native_machine.target.off = t->mode == EMUL_16 ? CODE - BASE : CODE;
	native_machine.target.selector = t->mode == EMUL_64 ? CODE64 :
					 t->mode == EMUL_32 ? CODE32 : LDT_CODE16;
	native_machine.data_segment = t->mode == EMUL_64 ? FLAT : LDT_DATA;
	native_vector = -1;
	native_enter();
}

/* True: both did it, or both raised the same. */
static bool try(struct trial *t)
{
	struct state before = t->s;
	struct emul e;
	enum emul_result r = emulate(t, &e);

	if (t->outside) {
		memcpy(shadow, data, DATA_SIZE);
		return false;
	}
	native(t, &before);
	if (r == EMUL_UNHANDLED || r == EMUL_RETRY)
		differ(t, "emulated: %s", r == EMUL_RETRY ? "retry" : "unhandled");
	if (r == EMUL_FAULT && native_vector != e.fault.vector)
		differ(t, "exception %d, emulated %u", native_vector, e.fault.vector);
	if (native_vector == X86_GP && t->row->how & R_ALIGNED && (t->gs || t->mode != EMUL_64)) {
		memcpy(shadow, data, DATA_SIZE); /* there the emulator does not ask */
		return false;
	}
	if (r == EMUL_OK && native_vector >= 0)
		differ(t, "exception %d, emulated none", native_vector);
	if (r == EMUL_FAULT)
		assert_memory_equal(e.gpr, before.gpr, sizeof(e.gpr));
	else
		compare(t, &e);
	return true;
}

/* Random bytes, and runs of the same ones for comparisons. */
static void fill(void)
{
	unsigned i, j;

	for (i = 0; i < DATA_SIZE; i += 64) {
		uint8_t same = pick(2) ? 0 : (uint8_t)rnd();
		bool run = pick(2);

		for (j = i; j < i + 64; j++)
			data[j] = run ? same : (uint8_t)rnd();
	}
	memcpy(shadow, data, DATA_SIZE);
}

/* cmocka has handlers of its own, which it sets before each test. */
static void catch_signals(void)
{
	static uint8_t stack[65536];
	static const int signals[] = { SIGSEGV, SIGILL, SIGFPE, SIGBUS };
	stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	unsigned i;

	sigaltstack(&alt, NULL);
	for (i = 0; i < HV_ARRAY(signals); i++)
		sigaction(signals[i], &sa, NULL);
}

static bool is_absent(const struct row *row)
{
	return row->map == 3 && row->opcode == 0xf0 && !(cpu_cpuid(1, 0).ecx & 1 << 22);
}

static void run_mode(enum emul_mode mode)
{
	unsigned done = 0, outside = 0, i, j;

	catch_signals();
	for (i = 0; i < HV_ARRAY(rows); i++) {
		if (rows[i].how & (mode == EMUL_64 ? R_NOT_64 : R_64) || is_absent(&rows[i]))
			continue;
		fill();
		for (j = 0; j < CASES; j++) {
			struct trial t;

			make(&t, &rows[i], mode);
			if (t.len > 15)
				continue;
			if (try(&t))
				done++;
			else
				outside++;
		}
	}
	print_message("%u bits: %u instructions compared, %u left out\n", mode * 8, done, outside);
	assert_true(done > 10 * outside);
}

static void runs_64_bit_code_like_the_processor(void **state)
{
	run_mode(EMUL_64);
}

static bool have_ldt;

static void runs_32_bit_code_like_the_processor(void **state)
{
	if (!have_ldt)
		skip();
	run_mode(EMUL_32);
}

static void runs_16_bit_code_like_the_processor(void **state)
{
	if (!have_ldt)
		skip();
	run_mode(EMUL_16);
}

/* --- setup --- */

static void ldt_set(unsigned entry, bool code)
{
	struct user_desc d = {
		.entry_number = entry,
		.base_addr = BASE,
		.limit = SPAN - 1,
		.seg_32bit = !code,
		.contents = code ? MODIFY_LDT_CONTENTS_CODE : MODIFY_LDT_CONTENTS_DATA,
		.useable = 1,
	};

	if (syscall(SYS_modify_ldt, 1, &d, sizeof(d)) != 0)
		have_ldt = false;
}

static void map(uintptr_t addr, size_t len, int prot)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;

	assert_ptr_equal(mmap((void *)addr, len, prot, flags, -1, 0), (void *)addr);
}

static int setup(void **state)
{
	static const uint8_t jump[] = { 0xff, 0x25, 0, 0, 0, 0 };
	void (*back)(void) = native_back;

	map(CODE, 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC);
	map(BACK, 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC);
	map(BASE + DATA, DATA_SIZE, PROT_READ | PROT_WRITE);
	memcpy((void *)BACK, jump, sizeof(jump));
	memcpy((uint8_t *)BACK + sizeof(jump), &back, sizeof(back));
	syscall(SYS_arch_prctl, ARCH_SET_GS, GS_BASE);
	have_ldt = true;
	ldt_set(0, true);
	ldt_set(1, false);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_64_bit_code_like_the_processor),
		cmocka_unit_test(runs_32_bit_code_like_the_processor),
		cmocka_unit_test(runs_16_bit_code_like_the_processor),
	};

	return cmocka_run_group_tests_name("emul_native", tests, setup, NULL);
}
