// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions on memory that is not RAM: what the user is asked, in which order, that nothing is
 * done twice when an instruction starts again, and what is answered here.
 */
#include "fake_backend.h"
#include "fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { RAM = 8 << 20, BUF = 0x20000 };
#define MMIO 0xd0000000ull
#define ROM  0xe0000000ull
enum { ROM_LEN = 0x10000, LAPIC_TPR = 0x80, LAPIC_SVR = 0xf0 };

static struct hv_vm *vm;
static struct hv_vcpu *v;
static struct hv_user user;

static void begin(unsigned bits)
{
	fake_host_reset();
	vm = fake_vm_new(RAM);
	v = fake_vcpu_new(vm);
	fake_mode(v, bits);
	v->requests = 0; /* what its creation leaves for the first run */
	memset(&user, 0, sizeof(user));
	v->user = &user;
}

static void end(void)
{
	hv_vcpu_release(v);
	fake_vm_free(vm);
	assert_int_equal(fake.live, 0);
}

/* Code at a fresh FAKE_CODE. */
#define CODE(...)                                                                                  \
	do {                                                                                       \
		v->st.rip = FAKE_CODE;                                                             \
		FAKE_CODE_BYTES(v, __VA_ARGS__);                                                   \
	} while (0)

/* The exit, without decode assists; gpa 0: one that says nothing of the operand. */
static int fault(uint64_t gpa, uint32_t access)
{
	struct hv_exit x = { .kind = HV_EXIT_MEM, .mem = { .gpa = gpa, .access = access } };
	int r;

	fake_exit(v);
	if (!gpa)
		x.mem.access |= HV_ACCESS_WALK;
	r = hv_emulate(v, &x);
	hv_vcpu_release(v);
	return r;
}

static void expect_mmio(bool write, uint64_t gpa, unsigned len, uint64_t val)
{
	uint64_t data = 0;

	assert_int_equal(user.reason, HV_USER_MMIO);
	assert_int_equal(user.mmio.write, write);
	assert_int_equal(user.mmio.gpa, gpa);
	assert_int_equal(user.mmio.len, len);
	memcpy(&data, user.mmio.data, sizeof(data));
	assert_int_equal(data, val);
	user.reason = HV_USER_NONE;
}

static int answer(uint64_t val)
{
	int r;

	memcpy(user.mmio.data, &val, sizeof(val));
	r = hv_complete(v);
	hv_vcpu_release(v);
	return r;
}

/* Slot 1 is at MMIO from now on: its memory. */
static uint8_t *put_ram(void)
{
	return fake_slot_add(vm, 1, MMIO, S2_HUGE, 0);
}

static void expect_done(unsigned len)
{
	assert_int_equal(v->st.rip, FAKE_CODE + len);
	assert_int_equal(v->n_fragments, 0);
	assert_int_equal(v->exception.type, HV_EV_NONE);
	assert_null(v->complete);
	fake_exit(v);
}

/* --- one access --- */

static void load_waits_for_the_user(void **state)
{
	begin(64);
	v->st.gpr[HV_RBX] = MMIO;
	v->st.gpr[HV_RAX] = ~0ull;
	CODE(0x8b, 0x43, 0x10); /* mov 0x10(%rbx), %eax */
	assert_int_equal(fault(0, 0), HV_TO_USER);
	expect_mmio(false, MMIO + 0x10, 4, 0);
	assert_int_equal(v->st.rip, FAKE_CODE);
	assert_int_equal(answer(0xffffffff12345678), HV_AGAIN);
	assert_int_equal(v->st.gpr[HV_RAX], 0x12345678);
	expect_done(3);
	end();
}

static void store_is_told_at_its_end(void **state)
{
	begin(32);
	v->st.gpr[HV_RBX] = MMIO;
	v->st.gpr[HV_RAX] = 0x11223344;
	CODE(0x66, 0x89, 0x43, 0x02); /* mov %ax, 2(%ebx) */
	assert_int_equal(fault(0, 0), HV_TO_USER);
	expect_mmio(true, MMIO + 2, 2, 0x3344);
	expect_done(4);
	assert_int_equal(answer(0), HV_AGAIN);
	expect_done(4);
	v->st.rflags |= RFLAGS_TF; /* a step is told of when the user has seen the write */
	CODE(0x66, 0x89, 0x43, 0x02);
	assert_int_equal(fault(0, 0), HV_TO_USER);
	expect_mmio(true, MMIO + 2, 2, 0x3344);
	assert_int_equal(v->st.rip, FAKE_CODE);
	assert_int_equal(answer(0), HV_AGAIN);
	assert_int_equal(v->st.rip, FAKE_CODE + 4);
	assert_int_equal(v->exception.vector, X86_DB);
	end();
}

static void real_mode_reaches_its_first_mebibyte(void **state)
{
	begin(16);
	vm->slot[0].len = 0x90000; /* a hole */
	v->last_slot = NULL;
	hv_touch(v, HV_SEG);
	v->st.seg[HV_ES].base = 0xb8000;
	v->st.gpr[HV_RDI] = 0x12;
	v->st.gpr[HV_RAX] = 0x0741;
	CODE(0x26, 0x89, 0x05); /* mov %ax, %es:(%di) */
	assert_int_equal(fault(0, 0), HV_TO_USER);
	expect_mmio(true, 0xb8012, 2, 0x0741);
	assert_int_equal(answer(0), HV_AGAIN);
	expect_done(3);
	vm->slot[0].len = RAM;
	end();
}

/* With the address of the exit the page tables are not walked: here they do not even map it. */
static void exits_address_is_used(void **state)
{
	uint64_t gpa = 0x1234567000 + 0x10;

	begin(64);
	v->st.gpr[HV_RBX] = MMIO;
	CODE(0x8b, 0x43, 0x10);
	assert_int_equal(fault(gpa, HV_ACCESS_READ), HV_TO_USER);
	expect_mmio(false, gpa, 4, 0);
	assert_int_equal(answer(1), HV_AGAIN);
	expect_done(3);
	assert_int_equal(v->st.gpr[HV_RAX], 1);

	/* not for another offset, nor for a write when it was a read, nor of a walk */
	CODE(0x8b, 0x43, 0x14);
	assert_int_equal(fault(gpa, HV_ACCESS_READ), HV_TO_USER);
	expect_mmio(false, MMIO + 0x14, 4, 0);
	CODE(0x89, 0x43, 0x10);
	assert_int_equal(fault(gpa, HV_ACCESS_READ), HV_TO_USER);
	expect_mmio(true, MMIO + 0x10, 4, 1);
	CODE(0x8b, 0x43, 0x10);
	assert_int_equal(fault(gpa, HV_ACCESS_READ | HV_ACCESS_WALK), HV_TO_USER);
	expect_mmio(false, MMIO + 0x10, 4, 0);
	/* nor for a stack: push 0x10(%rbx) */
	v->st.gpr[HV_RSP] = MMIO + 0x1018;
	CODE(0xff, 0x73, 0x10);
	assert_int_equal(fault(gpa, HV_ACCESS_READ | HV_ACCESS_WRITE), HV_TO_USER);
	expect_mmio(false, MMIO + 0x10, 8, 0);
	end();
}

static void bytes_of_the_exit_are_used(void **state)
{
	struct hv_exit x = { .kind = HV_EXIT_MEM, .n_insn = 3, .insn = { 0x8b, 0x43, 0x10 },
			     .mem = { .gpa = MMIO + 0x10, .access = HV_ACCESS_READ } };
	unsigned copies;

	begin(64);
	v->st.gpr[HV_RBX] = MMIO;
	fake_exit(v);
	copies = fake.copies;
	assert_int_equal(hv_emulate(v, &x), HV_TO_USER);
	assert_int_equal(fake.copies, copies); /* neither walked nor fetched */
	expect_mmio(false, MMIO + 0x10, 4, 0);
	assert_int_equal(answer(5), HV_AGAIN);
	assert_int_equal(fake.copies, copies);
	assert_int_equal(v->st.gpr[HV_RAX], 5);
	expect_done(3);
	end();
}

/* --- several accesses --- */

static void read_modify_write_reads_once(void **state)
{
	static const uint8_t lock[] = { 0x90, 0xf0 }; /* without, with LOCK */

	for (unsigned i = 0; i < 2; i++) {
		uint8_t code[] = { lock[i], 0x01, 0x03 }; /* add %eax, (%rbx) */

		begin(64);
		v->st.gpr[HV_RBX] = MMIO;
		v->st.gpr[HV_RAX] = 5;
		v->st.rip = FAKE_CODE + !i;
		memcpy(fake_ram(vm, FAKE_CODE), code, 3);
		assert_int_equal(fault(MMIO, HV_ACCESS_READ | HV_ACCESS_WRITE), HV_TO_USER);
		expect_mmio(false, MMIO, 4, 0);
		assert_int_equal(answer(0xfffffffb), HV_TO_USER);
		expect_mmio(true, MMIO, 4, 0);
		assert_true(v->st.rflags & RFLAGS_ZF);
		expect_done(3);
		assert_int_equal(answer(0), HV_AGAIN);
		assert_true(v->st.rflags & RFLAGS_ZF);
		assert_true(v->st.rflags & RFLAGS_CF);
		expect_done(3);
		end();
	}
}

static void sixteen_bytes_are_two_fragments(void **state)
{
	begin(64);
	v->st.gpr[HV_RBX] = MMIO;
	for (unsigned i = 0; i < 16; i++)
		fake.xmm[1][i] = i;
	CODE(0x0f, 0x11, 0x0b); /* movups %xmm1, (%rbx) */
	assert_int_equal(fault(0, 0), HV_TO_USER);
	expect_mmio(true, MMIO, 8, 0x0706050403020100);
	assert_int_equal(answer(0), HV_TO_USER);
	expect_mmio(true, MMIO + 8, 8, 0x0f0e0d0c0b0a0908);
	assert_int_equal(answer(0), HV_AGAIN);
	expect_done(3);
	CODE(0x0f, 0x10, 0x13); /* movups (%rbx), %xmm2 */
	assert_int_equal(fault(0, 0), HV_TO_USER);
	expect_mmio(false, MMIO, 8, 0);
	assert_int_equal(answer(0x1111111111111111), HV_TO_USER);
	expect_mmio(false, MMIO + 8, 8, 0);
	assert_int_equal(answer(0x2222222222222222), HV_AGAIN);
	assert_int_equal(fake.xmm[2][7], 0x11);
	assert_int_equal(fake.xmm[2][8], 0x22);
	expect_done(3);
	end();
}

/* The last two bytes of RAM and the first two beyond. */
static void operand_crosses_from_ram(void **state)
{
	begin(64);
	v->st.gpr[HV_RBX] = RAM - 2;
	v->st.gpr[HV_RAX] = 0x00010001;
	memcpy(fake_ram(vm, RAM - 2), "\x10\x20", 2);
	CODE(0x01, 0x03); /* add %eax, (%rbx) */
	assert_int_equal(fault(RAM, HV_ACCESS_READ | HV_ACCESS_WRITE), HV_TO_USER);
	expect_mmio(false, RAM, 2, 0);
	assert_int_equal(answer(0x4030), HV_TO_USER);
	expect_mmio(true, RAM, 2, 0x4031);
	assert_memory_equal(fake_ram(vm, RAM - 2), "\x11\x20", 2);
	assert_int_equal(answer(0), HV_AGAIN);
	assert_memory_equal(fake_ram(vm, RAM - 2), "\x11\x20", 2);
	expect_done(2);
	end();
}

static void user_may_reset_in_between(void **state)
{
	begin(64);
	v->st.gpr[HV_RBX] = MMIO;
	CODE(0x8b, 0x03);
	assert_int_equal(fault(MMIO, HV_ACCESS_READ), HV_TO_USER);
	v->st.rip = 0xfff0;
	assert_int_equal(answer(77), HV_AGAIN);
	assert_int_equal(v->st.gpr[HV_RAX], 0);
	assert_int_equal(v->st.rip, 0xfff0);
	end();
}

/* --- REP --- */

static void rep_stores_go_on_in_place(void **state)
{
	unsigned enters;

	begin(64);
	v->st.gpr[HV_RDI] = MMIO;
	v->st.gpr[HV_RCX] = 3;
	v->st.gpr[HV_RAX] = 0x41;
	CODE(0xf3, 0xaa); /* rep stosb */
	enters = fake_hw(v)->enters;
	assert_int_equal(fault(MMIO, HV_ACCESS_WRITE), HV_TO_USER);
	for (unsigned i = 0; i < 3; i++) {
		expect_mmio(true, MMIO + i, 1, 0x41);
		assert_int_equal(v->st.gpr[HV_RCX], 2 - i);
		assert_int_equal(answer(0), i < 2 ? HV_TO_USER : HV_AGAIN);
	}
	assert_int_equal(fake_hw(v)->enters, enters);
	assert_int_equal(v->st.gpr[HV_RDI], MMIO + 3);
	expect_done(2);
	end();
}

static void interrupts_get_into_a_rep(void **state)
{
	begin(64);
	v->st.gpr[HV_RDI] = MMIO;
	v->st.gpr[HV_RCX] = 3;
	CODE(0xf3, 0xaa);
	assert_int_equal(fault(MMIO, HV_ACCESS_WRITE), HV_TO_USER);
	hv_vcpu_kick(v);
	assert_int_equal(answer(0), HV_AGAIN);
	assert_int_equal(v->st.rip, FAKE_CODE);
	assert_int_equal(v->st.gpr[HV_RCX], 2);
	v->requests = 0;
	assert_int_equal(fault(MMIO + 1, HV_ACCESS_WRITE), HV_TO_USER);
	v->nmis = 1;
	assert_int_equal(answer(0), HV_AGAIN);
	assert_int_equal(v->st.gpr[HV_RCX], 1);
	end();
}

static void rep_with_trap_flag_is_single_steps(void **state)
{
	begin(64);
	v->st.gpr[HV_RDI] = MMIO;
	v->st.gpr[HV_RCX] = 3;
	v->st.rflags |= RFLAGS_TF;
	CODE(0xf3, 0xaa);
	assert_int_equal(fault(MMIO, HV_ACCESS_WRITE), HV_TO_USER);
	assert_int_equal(answer(0), HV_AGAIN);
	assert_int_equal(v->exception.vector, X86_DB);
	assert_int_equal(v->st.rip, FAKE_CODE);
	assert_int_equal(v->st.gpr[HV_RCX], 2);
	end();
}

/* In RAM nothing needs the user; still the run loop has its turn. */
static void endless_rep_comes_back(void **state)
{
	begin(64);
	v->st.gpr[HV_RDI] = BUF;
	v->st.gpr[HV_RCX] = 100000;
	CODE(0xf3, 0xaa);
	assert_int_equal(fault(0, 0), HV_AGAIN);
	assert_int_equal(v->st.rip, FAKE_CODE);
	assert_in_range(v->st.gpr[HV_RCX], 100000 - 4096, 99999);
	end();
}

static void movs_from_device_to_ram(void **state)
{
	begin(64);
	v->st.gpr[HV_RSI] = MMIO;
	v->st.gpr[HV_RDI] = BUF;
	v->st.gpr[HV_RCX] = 2;
	CODE(0xf3, 0xa5); /* rep movsl */
	assert_int_equal(fault(MMIO, HV_ACCESS_READ), HV_TO_USER);
	expect_mmio(false, MMIO, 4, 0);
	assert_int_equal(answer(0x64636261), HV_TO_USER);
	expect_mmio(false, MMIO + 4, 4, 0);
	assert_int_equal(answer(0x68676665), HV_AGAIN);
	assert_memory_equal(fake_ram(vm, BUF), "abcdefgh", 9);
	expect_done(2);
	end();
}

static void movs_from_device_to_device(void **state)
{
	begin(64);
	v->st.gpr[HV_RSI] = MMIO;
	v->st.gpr[HV_RDI] = MMIO + 0x100;
	CODE(0xa4); /* movsb */
	assert_int_equal(fault(MMIO, HV_ACCESS_READ), HV_TO_USER);
	expect_mmio(false, MMIO, 1, 0);
	assert_int_equal(answer(0x5a), HV_TO_USER);
	expect_mmio(true, MMIO + 0x100, 1, 0x5a);
	assert_int_equal(answer(0), HV_AGAIN);
	expect_done(1);
	end();
}

/* --- what is answered here --- */

static void ioevents_take_writes(void **state)
{
	struct hv_ioevent e = { .addr = MMIO + 8, .len = 4, .event = &e };

	begin(64);
	assert_int_equal(hv_ioevent_add(vm, &e), 0);
	v->st.gpr[HV_RBX] = MMIO;
	CODE(0x89, 0x43, 0x08);
	assert_int_equal(fault(MMIO + 8, HV_ACCESS_WRITE), HV_AGAIN);
	assert_int_equal(fake.signals, 1);
	expect_done(3);
	CODE(0x8b, 0x43, 0x08);
	assert_int_equal(fault(MMIO + 8, HV_ACCESS_READ), HV_TO_USER);
	expect_mmio(false, MMIO + 8, 4, 0);
	assert_int_equal(fake.signals, 1);
	end();
}

static void lapic_is_in_the_kernel(void **state)
{
	begin(64);
	v->st.gpr[HV_RBX] = APIC_DEFAULT_GPA;
	v->st.gpr[HV_RAX] = 0x1ff;
	CODE(0x89, 0x83, 0xf0, 0, 0, 0); /* mov %eax, 0xf0(%rbx): SVR */
	assert_int_equal(fault(APIC_DEFAULT_GPA + LAPIC_SVR, HV_ACCESS_WRITE), HV_AGAIN);
	expect_done(6);
	assert_int_equal(lapic_read(v, LAPIC_SVR), 0x1ff);
	v->st.gpr[HV_RAX] = 0;
	CODE(0x8b, 0x83, 0xf0, 0, 0, 0);
	assert_int_equal(fault(APIC_DEFAULT_GPA + LAPIC_SVR, HV_ACCESS_READ), HV_AGAIN);
	expect_done(6);
	assert_int_equal(v->st.gpr[HV_RAX], 0x1ff);
	CODE(0x0f, 0xb6, 0x83, 0xf1, 0, 0, 0); /* movzbl 0xf1(%rbx), %eax */
	assert_int_equal(fault(0, 0), HV_AGAIN);
	expect_done(7);
	assert_int_equal(v->st.gpr[HV_RAX], 1);
	CODE(0x88, 0x83, 0xf0, 0, 0, 0); /* mov %al, 0xf0(%rbx): nothing */
	assert_int_equal(fault(0, 0), HV_AGAIN);
	expect_done(6);
	assert_int_equal(lapic_read(v, LAPIC_SVR), 0x1ff);
	end();
}

static void rom_is_read_here_and_written_by_the_user(void **state)
{
	uint8_t *rom;

	begin(64);
	rom = fake_slot_add(vm, 1, ROM, ROM_LEN, HV_SLOT_READONLY);
	rom[4] = 0x10;
	v->st.gpr[HV_RBX] = ROM;
	v->st.gpr[HV_RAX] = 1;
	CODE(0x00, 0x43, 0x04); /* add %al, 4(%rbx) */
	assert_int_equal(fault(ROM + 4, HV_ACCESS_READ | HV_ACCESS_WRITE), HV_TO_USER);
	expect_mmio(true, ROM + 4, 1, 0x11);
	assert_int_equal(answer(0), HV_AGAIN);
	assert_int_equal(rom[4], 0x10);
	expect_done(3);
	CODE(0xf0, 0x00, 0x43, 0x04); /* the same with LOCK */
	assert_int_equal(fault(ROM + 4, HV_ACCESS_READ | HV_ACCESS_WRITE), HV_TO_USER);
	expect_mmio(true, ROM + 4, 1, 0x11);
	assert_int_equal(answer(0), HV_AGAIN);
	assert_int_equal(rom[4], 0x10);
	expect_done(4);
	end();
}

static void locked_operations_on_ram_are_atomic(void **state)
{
	uint32_t *word;
	unsigned before;

	begin(64);
	word = fake_ram(vm, BUF);
	*word = 40;
	v->st.gpr[HV_RBX] = BUF;
	v->st.gpr[HV_RAX] = 2;
	CODE(0xf0, 0x01, 0x03);
	assert_int_equal(fault(0, 0), HV_AGAIN);
	assert_int_equal(*word, 42);
	expect_done(3);
	before = fake.cmpxchgs; /* the walks have set accessed and dirty bits by now */
	v->st.rip = FAKE_CODE;
	assert_int_equal(fault(0, 0), HV_AGAIN);
	assert_int_equal(*word, 44);
	assert_int_equal(fake.cmpxchgs, before + 1);
	expect_done(3);
	word = fake_ram(vm, BUF + S2_PAGE - 2);
	memcpy(word, &(uint32_t){ 40 }, 4);
	v->st.gpr[HV_RBX] = BUF + S2_PAGE - 2;
	CODE(0xf0, 0x01, 0x03);
	assert_int_equal(fault(0, 0), HV_AGAIN);
	assert_memory_equal(word, &(uint32_t){ 42 }, 4);
	expect_done(3);
	end();
}

/* --- what goes wrong --- */

static void faults_are_the_guests(void **state)
{
	uint64_t *pd;

	begin(64);
	pd = fake_ram(vm, FAKE_TABLES + 2 * S2_PAGE);
	pd[1] = 0;
	v->st.gpr[HV_RSI] = MMIO;
	v->st.gpr[HV_RDI] = S2_HUGE + 0x123;
	CODE(0xa4); /* movsb */
	assert_int_equal(fault(MMIO, HV_ACCESS_READ), HV_TO_USER);
	expect_mmio(false, MMIO, 1, 0);
	assert_int_equal(answer(1), HV_AGAIN);
	assert_int_equal(v->exception.vector, X86_PF);
	assert_int_equal(v->exception.error, PF_WRITE);
	assert_int_equal(v->st.cr2, S2_HUGE + 0x123);
	assert_int_equal(v->st.rip, FAKE_CODE);
	assert_int_equal(v->st.gpr[HV_RSI], MMIO);
	assert_int_equal(v->n_fragments, 0);
	end();
	begin(64);
	v->st.gpr[HV_RBX] = 1ull << 50; /* not canonical */
	CODE(0x8b, 0x03);
	assert_int_equal(fault(0, 0), HV_AGAIN);
	assert_int_equal(v->exception.vector, X86_GP);
	end();
}

static void user_rights_count(void **state)
{
	uint64_t *pml4;

	begin(64);
	pml4 = fake_ram(vm, FAKE_TABLES);
	hv_touch(v, HV_SEG);
	v->st.cpl = 3;
	v->st.gpr[HV_RBX] = MMIO;
	CODE(0x8b, 0x03);
	assert_int_equal(fault(0, 0), HV_TO_USER);
	pml4[0] &= ~PTE_U;
	assert_int_equal(fault(0, 0), HV_AGAIN);
	assert_int_equal(v->exception.vector, X86_PF);
	assert_int_equal(v->exception.error, PF_PRESENT | PF_USER); /* no NX, no SMEP */
	end();
}

static void unknown_instructions_go_to_the_user(void **state)
{
	begin(64);
	v->st.gpr[HV_RBX] = MMIO;
	CODE(0xd9, 0x03); /* flds (%rbx) */
	assert_int_equal(fault(MMIO, HV_ACCESS_READ), HV_TO_USER);
	assert_int_equal(user.reason, HV_USER_INTERNAL);
	assert_in_range(user.internal.n_insn, 2, HV_INSN_MAX);
	assert_int_equal(user.internal.insn[0], 0xd9);
	assert_int_equal(user.internal.insn[1], 0x03);
	assert_int_equal(v->st.rip, FAKE_CODE);
	assert_null(v->complete);
	end();
}

static void code_beyond_ram_is_not_run(void **state)
{
	begin(64);
	v->st.rip = MMIO;
	assert_int_equal(fault(MMIO, HV_ACCESS_FETCH), HV_TO_USER);
	assert_int_equal(user.reason, HV_USER_INTERNAL);
	assert_int_equal(user.internal.n_insn, 0);
	end();
}

static void shadow_and_trap_flag(void **state)
{
	begin(64);
	hv_touch(v, HV_EVENT);
	v->st.shadow_movss = true;
	v->st.rflags |= RFLAGS_TF;
	v->st.gpr[HV_RBX] = MMIO;
	CODE(0x89, 0x03);
	assert_int_equal(fault(MMIO, HV_ACCESS_WRITE), HV_TO_USER);
	assert_int_equal(answer(0), HV_AGAIN);
	assert_int_equal(v->exception.vector, X86_DB);
	fake_exit(v);
	hv_need(v, HV_EVENT | HV_DR);
	assert_false(v->st.shadow_movss);
	assert_int_equal(v->st.dr6, DR6_FIXED | DR6_BS);
	assert_int_equal(v->st.rip, FAKE_CODE + 2);
	end();
}

/* --- slots that change while the user answers --- */

static void write_that_is_done_reaches_no_new_ram(void **state)
{
	const uint8_t *ram;

	begin(64);
	v->st.gpr[HV_RBX] = MMIO;
	v->st.gpr[HV_RAX] = 0x11223344;
	CODE(0x89, 0x03); /* mov %eax, (%rbx) */
	assert_int_equal(fault(0, 0), HV_TO_USER);
	expect_mmio(true, MMIO, 4, 0x11223344);
	ram = put_ram();
	assert_int_equal(answer(0), HV_AGAIN);
	expect_done(2);
	assert_int_equal(ram[0], 0);
	end();
}

static void answer_counts_more_than_new_ram(void **state)
{
	begin(64);
	v->st.gpr[HV_RBX] = MMIO;
	CODE(0x8b, 0x03); /* mov (%rbx), %eax */
	assert_int_equal(fault(0, 0), HV_TO_USER);
	expect_mmio(false, MMIO, 4, 0);
	put_ram();
	assert_int_equal(answer(0x5a5a), HV_AGAIN);
	assert_int_equal(v->st.gpr[HV_RAX], 0x5a5a);
	expect_done(2);
	end();
}

static void exchange_that_is_done_reaches_no_new_ram(void **state)
{
	const uint8_t *ram;

	begin(64);
	v->st.gpr[HV_RBX] = MMIO;
	v->st.gpr[HV_RAX] = 9;
	CODE(0x87, 0x03); /* xchg %eax, (%rbx) */
	assert_int_equal(fault(0, 0), HV_TO_USER);
	expect_mmio(false, MMIO, 4, 0);
	assert_int_equal(answer(7), HV_TO_USER);
	expect_mmio(true, MMIO, 4, 9);
	ram = put_ram();
	assert_int_equal(answer(0), HV_AGAIN);
	assert_int_equal(v->st.gpr[HV_RAX], 7);
	expect_done(2);
	assert_int_equal(ram[0], 0);
	end();
}

/* The source was RAM and comes before what has been answered. A step stops at the write, too. */
static void answer_outlasts_ram_that_goes(void **state)
{
	uint8_t *ram;

	begin(64);
	v->st.rflags |= RFLAGS_TF;
	v->st.gpr[HV_RSI] = MMIO;
	v->st.gpr[HV_RDI] = ROM;
	ram = put_ram();
	ram[0] = 0x77;
	CODE(0xa4); /* movsb */
	assert_int_equal(fault(0, 0), HV_TO_USER);
	expect_mmio(true, ROM, 1, 0x77);
	assert_int_equal(hv_slot_set(vm, 1, MMIO, 0, (uintptr_t)ram, 0), 0);
	assert_int_equal(answer(0), HV_TO_USER);
	expect_mmio(false, MMIO, 1, 0);
	assert_int_equal(answer(0x55), HV_AGAIN); /* the write is not made again */
	assert_int_equal(v->exception.vector, X86_DB);
	assert_int_equal(v->st.rip, FAKE_CODE + 1);
	end();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(load_waits_for_the_user),
		cmocka_unit_test(store_is_told_at_its_end),
		cmocka_unit_test(real_mode_reaches_its_first_mebibyte),
		cmocka_unit_test(exits_address_is_used),
		cmocka_unit_test(bytes_of_the_exit_are_used),
		cmocka_unit_test(read_modify_write_reads_once),
		cmocka_unit_test(sixteen_bytes_are_two_fragments),
		cmocka_unit_test(write_that_is_done_reaches_no_new_ram),
		cmocka_unit_test(answer_counts_more_than_new_ram),
		cmocka_unit_test(exchange_that_is_done_reaches_no_new_ram),
		cmocka_unit_test(answer_outlasts_ram_that_goes),
		cmocka_unit_test(operand_crosses_from_ram),
		cmocka_unit_test(user_may_reset_in_between),
		cmocka_unit_test(rep_stores_go_on_in_place),
		cmocka_unit_test(interrupts_get_into_a_rep),
		cmocka_unit_test(rep_with_trap_flag_is_single_steps),
		cmocka_unit_test(endless_rep_comes_back),
		cmocka_unit_test(movs_from_device_to_ram),
		cmocka_unit_test(movs_from_device_to_device),
		cmocka_unit_test(ioevents_take_writes),
		cmocka_unit_test(lapic_is_in_the_kernel),
		cmocka_unit_test(rom_is_read_here_and_written_by_the_user),
		cmocka_unit_test(locked_operations_on_ram_are_atomic),
		cmocka_unit_test(faults_are_the_guests),
		cmocka_unit_test(user_rights_count),
		cmocka_unit_test(unknown_instructions_go_to_the_user),
		cmocka_unit_test(code_beyond_ram_is_not_run),
		cmocka_unit_test(shadow_and_trap_flag),
	};

	return cmocka_run_group_tests_name("mmio", tests, NULL, NULL);
}
