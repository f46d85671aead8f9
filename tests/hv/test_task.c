// SPDX-License-Identifier: GPL-2.0-only
/* Task switches: every source, both sizes of TSS, and each check with its vector and error code. */
#include "fake_backend.h"
#include "fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define ROM 0xe0000000u
enum { RAM = 8 << 20, GDT = 0x20000, LDT = 0x21000, OLD = 0x22000, NEW = 0x23ff0, TABLE = 0x30000 };
/* Selectors. */
enum { CODE = 0x08, DATA = 0x10, OLD_TSS = 0x18, NEW_TSS = 0x20, LDT_SEL = 0x28, CODE3 = 0x30,
       DATA3 = 0x38, ABSENT = 0x40, GDT_BYTES = 0x48, LOCAL = 0x04 };
enum { TSS16 = 1, TSS32 = 9, BUSY = 2 };
enum { NO_FAULT = -1 };

static struct hv_vm *vm;
static struct hv_vcpu *v;
static struct hv_user user;

static void set_descriptor(unsigned table, unsigned selector, uint32_t base, uint32_t limit,
			   uint32_t attr)
{
	uint64_t *d = fake_ram(vm, table + (selector & ~7u));

	*d = (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)attr << 40 |
	     (uint64_t)(limit >> 16 & 0xf) << 48 | (uint64_t)(base >> 24) << 56;
}

static uint8_t type_of(unsigned table, unsigned selector)
{
	return ((uint8_t *)fake_ram(vm, table + (selector & ~7u)))[5] & 0xf;
}

static uint32_t get32(uint32_t gpa)
{
	uint32_t val;

	memcpy(&val, fake_ram(vm, gpa), 4);
	return val;
}

static void put(uint32_t gpa, uint32_t val, unsigned n)
{
	memcpy(fake_ram(vm, gpa), &val, n);
}

static void fill_tss32(uint32_t at)
{
	static const uint32_t seg[] = { DATA, CODE, DATA, DATA, 0, DATA, LDT_SEL };

	put(at + 0x20, 0x5000, 4);
	put(at + 0x24, RFLAGS_ZF | RFLAGS_RESERVED1, 4);
	for (unsigned i = 0; i < 8; i++)
		put(at + 0x28 + 4 * i, 0x10100000 + i, 4);
	put(at + 0x38, FAKE_STACK, 4); /* ESP */
	for (unsigned i = 0; i < 7; i++)
		put(at + 0x48 + 4 * i, seg[i], 4);
}

static void fill_tss16(uint32_t at)
{
	static const uint16_t word[] = { 0x5000, RFLAGS_ZF, 1, 2, 3, 4, 0xf000, 6, 7, 8,
					 DATA, CODE, DATA, DATA, 0 };

	memcpy(fake_ram(vm, at + 0xe), word, sizeof(word));
}

static void begin(unsigned old_type, unsigned new_type)
{
	struct hv_state *st;

	fake_host_reset();
	vm = fake_vm_new(RAM);
	v = fake_vcpu_new(vm);
	fake_mode(v, 32);
	v->user = &user;
	hv_need(v, HV_ALL);
	hv_touch(v, HV_ALL);
	st = &v->st;
	st->gdt = (struct hv_table){ GDT, GDT_BYTES - 1 };
	st->seg[HV_TR] = (struct hv_seg){ OLD, 0x67, OLD_TSS, SEG_P | old_type | BUSY };
	set_descriptor(GDT, CODE, 0, 0xfffff, SEG_G | SEG_DB | SEG_P | SEG_S | 0xa);
	set_descriptor(GDT, DATA, 0, 0xfffff, SEG_G | SEG_DB | SEG_P | SEG_S | 2);
	set_descriptor(GDT, CODE3, 0, 0xfffff, SEG_G | SEG_DB | SEG_P | SEG_S | SEG_DPL | 0xa);
	set_descriptor(GDT, DATA3, 0, 0xfffff, SEG_G | SEG_DB | SEG_P | SEG_S | SEG_DPL | 2);
	set_descriptor(GDT, ABSENT, 0, 0xfffff, SEG_G | SEG_DB | SEG_S | 2);
	set_descriptor(GDT, OLD_TSS, OLD, 0x67, SEG_P | old_type | BUSY);
	set_descriptor(GDT, NEW_TSS, NEW, 0x67, SEG_P | new_type);
	set_descriptor(GDT, LDT_SEL, LDT, 0xff, SEG_P | 2);
	set_descriptor(LDT, LOCAL, 0, 0xfffff, SEG_G | SEG_DB | SEG_P | SEG_S | 2);
	if (new_type & 8)
		fill_tss32(NEW);
	else
		fill_tss16(NEW);
	for (unsigned i = 0; i < 8; i++)
		st->gpr[i] = 0x20200000 + i;
	st->rflags = RFLAGS_CF | RFLAGS_RESERVED1;
	st->dr7 = 0x7ff;
	st->shadow_sti = true;
}

static void end(void)
{
	hv_vcpu_release(v);
	fake_vm_free(vm);
	assert_int_equal(fake.live, 0);
}

/* The vector that came of it. */
static int switch_task(enum hv_task_source source, struct hv_exit x)
{
	x.kind = HV_EXIT_TASK;
	x.task.source = source;
	x.task.selector = x.task.selector ? x.task.selector : NEW_TSS;
	if (source != HV_TASK_GATE)
		x.insn_len = 5;
	fake_exit(v);
	assert_int_equal(hv_exit_handle(v, &x), HV_AGAIN);
	hv_vcpu_release(v);
	fake_exit(v);
	return v->exception.type ? v->exception.vector : NO_FAULT;
}

static int jump(void)
{
	return switch_task(HV_TASK_JMP, (struct hv_exit){ 0 });
}

static void is_fault(int got, int vector, uint32_t error)
{
	assert_int_equal(got, vector);
	assert_true(v->exception.has_error);
	assert_int_equal(v->exception.error, error);
}

static void test_jmp(void **state)
{
	const struct hv_state *st;

	begin(TSS32, TSS32);
	assert_int_equal(jump(), NO_FAULT);
	st = &fake_hw(v)->st;
	assert_int_equal(get32(OLD + 0x20), FAKE_CODE + 5);
	assert_int_equal(get32(OLD + 0x24), RFLAGS_CF | RFLAGS_RESERVED1);
	assert_int_equal(get32(OLD + 0x28), 0x20200000);
	assert_int_equal(get32(OLD + 0x44), 0x20200007);
	assert_int_equal(get32(OLD + 0x4c), CODE);
	assert_int_equal(v->st.rip, 0x5000);
	assert_int_equal(v->st.rflags, RFLAGS_ZF | RFLAGS_RESERVED1);
	assert_int_equal(v->st.gpr[HV_RAX], 0x10100000);
	assert_int_equal(v->st.gpr[HV_RDI], 0x10100007);
	assert_int_equal(v->st.gpr[HV_RSP], FAKE_STACK);
	assert_int_equal(st->seg[HV_TR].selector, NEW_TSS);
	assert_int_equal(st->seg[HV_TR].base, NEW);
	assert_int_equal(st->seg[HV_TR].attr, SEG_P | TSS32 | BUSY);
	assert_int_equal(st->seg[HV_CS].selector, CODE);
	assert_int_equal(st->seg[HV_CS].limit, 0xffffffff);
	assert_int_equal(st->seg[HV_DS].attr, SEG_G | SEG_DB | SEG_P | SEG_S | 3);
	assert_int_equal(st->seg[HV_FS].attr & SEG_P, 0); /* null */
	assert_int_equal(st->seg[HV_LDTR].base, LDT);
	assert_int_equal(st->cr0 & CR0_TS, CR0_TS);
	assert_int_equal(st->dr7, 0x6aa);
	assert_false(st->shadow_sti);
	assert_int_equal(type_of(GDT, OLD_TSS), TSS32);
	assert_int_equal(type_of(GDT, NEW_TSS), TSS32 | BUSY);
	assert_int_equal(type_of(GDT, DATA), 3); /* accessed */
	end();
}

static void test_call_and_return(void **state)
{
	begin(TSS32, TSS32);
	assert_int_equal(switch_task(HV_TASK_CALL, (struct hv_exit){ 0 }), NO_FAULT);
	assert_int_equal(get32(NEW) & 0xffff, OLD_TSS);
	assert_int_equal(v->st.rflags & RFLAGS_NT, RFLAGS_NT);
	assert_int_equal(type_of(GDT, OLD_TSS), TSS32 | BUSY);
	put(OLD + 0x48, DATA, 4);
	put(OLD + 0x4c, CODE, 4);
	put(OLD + 0x50, DATA, 4);
	put(OLD + 0x54, DATA, 4);
	put(OLD + 0x58, 0, 4);
	put(OLD + 0x5c, 0, 4);
	hv_touch(v, HV_EVENT);
	v->st.nmi_masked = true;
	assert_int_equal(switch_task(HV_TASK_IRET, (struct hv_exit){ .task.selector = OLD_TSS }),
			 NO_FAULT);
	assert_int_equal(v->st.rip, FAKE_CODE + 5);
	assert_int_equal(v->st.rflags, RFLAGS_CF | RFLAGS_RESERVED1);
	assert_int_equal(get32(NEW + 0x24) & RFLAGS_NT, 0);
	assert_int_equal(type_of(GDT, NEW_TSS), TSS32);
	assert_int_equal(type_of(GDT, OLD_TSS), TSS32 | BUSY);
	assert_false(fake_hw(v)->st.nmi_masked);
	assert_false(fake_hw(v)->st.seg[HV_LDTR].attr & SEG_P);
	end();
}

static void test_16_bits(void **state)
{
	uint16_t ip;

	begin(TSS16, TSS16);
	v->st.seg[HV_TR].limit = 0x2b;
	set_descriptor(GDT, NEW_TSS, NEW, 0x2b, SEG_P | TSS16);
	assert_int_equal(jump(), NO_FAULT);
	memcpy(&ip, fake_ram(vm, OLD + 0xe), 2);
	assert_int_equal(ip, (FAKE_CODE + 5) & 0xffff);
	assert_int_equal(get32(OLD + 0x2a) & 0xffff, 0); /* the LDT is not saved */
	assert_int_equal(v->st.rip, 0x5000);
	assert_int_equal(v->st.gpr[HV_RSP], 0xf000);
	assert_int_equal(v->st.gpr[HV_RDI], 8);
	assert_int_equal(fake_hw(v)->st.seg[HV_TR].attr, SEG_P | TSS16 | BUSY);
	end();
}

/* --- by a task gate in the IDT --- */

static int by_gate(struct hv_event ev, bool has_error, uint8_t len)
{
	struct hv_exit x = { .insn_len = len, .task = { .has_error = has_error, .error = 0x1234 } };

	v->interrupted = ev;
	return switch_task(HV_TASK_GATE, x);
}

static void test_gate_exception(void **state)
{
	begin(TSS32, TSS32);
	assert_int_equal(by_gate((struct hv_event){ HV_EV_EXCEPTION, X86_DF, true, 0, 0 }, true, 0),
			 NO_FAULT);
	assert_int_equal(get32(OLD + 0x20), FAKE_CODE); /* the instruction comes again */
	assert_int_equal(v->st.gpr[HV_RSP], FAKE_STACK - 4);
	assert_int_equal(get32(FAKE_STACK - 4), 0x1234);
	assert_int_equal(get32(NEW) & 0xffff, OLD_TSS);
	assert_int_equal(v->interrupted.type, HV_EV_NONE);
	end();
}

static void test_gate_software_and_nmi(void **state)
{
	begin(TSS32, TSS32);
	FAKE_CODE_BYTES(v, 0xcd, 0x40);
	assert_int_equal(by_gate((struct hv_event){ .type = HV_EV_SOFT, .vector = 0x40 }, false, 0),
			 NO_FAULT);
	assert_int_equal(get32(OLD + 0x20), FAKE_CODE + 2);
	end();
	begin(TSS32, TSS32);
	assert_int_equal(by_gate((struct hv_event){ .type = HV_EV_NMI, .vector = 2 }, false, 0),
			 NO_FAULT);
	assert_true(fake_hw(v)->st.nmi_masked);
	assert_int_equal(v->st.gpr[HV_RSP], FAKE_STACK);
	end();
}

/* An external interrupt's fault says so, and the interrupt comes again later. */
static void test_gate_fault(void **state)
{
	begin(TSS32, TSS32);
	set_descriptor(GDT, NEW_TSS, NEW, 0x66, SEG_P | TSS32);
	is_fault(by_gate((struct hv_event){ .type = HV_EV_INTR, .vector = 0x40 }, false, 0), X86_TS,
		 NEW_TSS | 1);
	assert_int_equal(v->user_vector, 0x40);
	assert_int_equal(v->st.rip, FAKE_CODE);
	end();
}

/* --- faults before the switch: nothing has changed --- */

static void unchanged(void)
{
	assert_int_equal(v->st.rip, FAKE_CODE);
	assert_int_equal(fake_hw(v)->st.seg[HV_TR].selector, OLD_TSS);
	assert_int_equal(get32(OLD + 0x20), 0);
	end();
}

static void test_bad_tss(void **state)
{
	begin(TSS32, TSS32 | BUSY);
	is_fault(jump(), X86_GP, NEW_TSS);
	unchanged();
	begin(TSS32, TSS32);
	is_fault(switch_task(HV_TASK_IRET, (struct hv_exit){ 0 }), X86_TS, NEW_TSS);
	unchanged();
	begin(TSS32, TSS32);
	set_descriptor(GDT, NEW_TSS, NEW, 0x67, TSS32);
	is_fault(jump(), X86_NP, NEW_TSS);
	unchanged();
	begin(TSS32, TSS32);
	set_descriptor(GDT, NEW_TSS, NEW, 0x66, SEG_P | TSS32);
	is_fault(jump(), X86_TS, NEW_TSS);
	unchanged();
	begin(TSS32, TSS32);
	v->st.gdt.limit = NEW_TSS + 6;
	is_fault(jump(), X86_GP, NEW_TSS);
	unchanged();
	begin(TSS32, TSS32);
	is_fault(switch_task(HV_TASK_JMP, (struct hv_exit){ .task.selector = DATA }), X86_GP, DATA);
	unchanged();
	begin(TSS32, TSS32);
	is_fault(switch_task(HV_TASK_JMP, (struct hv_exit){ .task.selector = NEW_TSS | 4 }), X86_GP,
		 NEW_TSS | 4);
	unchanged();
	begin(TSS32, TSS32);
	v->st.seg[HV_TR].limit = 0x60;
	is_fault(jump(), X86_TS, OLD_TSS);
	unchanged();
}

/* --- faults in the new task --- */

static void fault_in_new(uint32_t at, uint16_t val, int vector, uint32_t error)
{
	begin(TSS32, TSS32);
	put(NEW + at, val, 2);
	is_fault(jump(), vector, error);
	assert_int_equal(v->st.rip, 0x5000);
	assert_int_equal(fake_hw(v)->st.seg[HV_TR].selector, NEW_TSS);
	assert_int_equal(get32(OLD + 0x20), FAKE_CODE + 5);
	end();
}

static void test_bad_segments(void **state)
{
	enum { ES = 0x48, CS = 0x4c, SS = 0x50, DS = 0x54, LDTR = 0x60 };

	fault_in_new(CS, 0, X86_TS, 0);
	fault_in_new(CS, DATA, X86_TS, DATA);
	fault_in_new(CS, CODE | 3, X86_TS, CODE);
	fault_in_new(SS, 0, X86_TS, 0);
	fault_in_new(SS, CODE, X86_TS, CODE);
	fault_in_new(SS, DATA | 3, X86_TS, DATA);
	fault_in_new(SS, DATA3, X86_TS, DATA3);
	fault_in_new(SS, ABSENT, X86_SS, ABSENT);
	fault_in_new(DS, ABSENT, X86_NP, ABSENT);
	fault_in_new(DS, GDT_BYTES, X86_TS, GDT_BYTES);
	fault_in_new(DS, DATA | 3, X86_TS, DATA);
	fault_in_new(ES, NEW_TSS, X86_TS, NEW_TSS);
	fault_in_new(LDTR, DATA, X86_TS, DATA);
	fault_in_new(LDTR, LOCAL, X86_TS, LOCAL);
	fault_in_new(LDTR, LDT_SEL | 4, X86_TS, LDT_SEL | 4);
}

static void test_user_task(void **state)
{
	begin(TSS32, TSS32);
	put(NEW + 0x48, 0, 4);
	put(NEW + 0x4c, CODE3 | 3, 4);
	put(NEW + 0x50, DATA3 | 3, 4);
	put(NEW + 0x54, LOCAL, 4); /* DPL 0: not for CPL 3 */
	is_fault(jump(), X86_TS, LOCAL);
	assert_int_equal(fake_hw(v)->st.cpl, 3);
	end();
	begin(TSS32, TSS32);
	put(NEW + 0x54, LOCAL, 4);
	assert_int_equal(jump(), NO_FAULT);
	assert_int_equal(fake_hw(v)->st.seg[HV_DS].selector, LOCAL);
	assert_int_equal(type_of(LDT, LOCAL), 3);
	end();
}

static void test_virtual_8086_task(void **state)
{
	begin(TSS32, TSS32);
	put(NEW + 0x24, RFLAGS_VM | RFLAGS_RESERVED1, 4);
	put(NEW + 0x4c, 0x1234, 4);
	assert_int_equal(jump(), NO_FAULT);
	assert_int_equal(fake_hw(v)->st.seg[HV_CS].base, 0x12340);
	assert_int_equal(fake_hw(v)->st.seg[HV_CS].attr, SEG_P | SEG_S | SEG_DPL | 3);
	assert_int_equal(fake_hw(v)->st.cpl, 3);
	end();
}

static void test_debug_trap(void **state)
{
	begin(TSS32, TSS32);
	put(NEW + 0x64, 1, 2);
	assert_int_equal(jump(), X86_DB);
	assert_int_equal(fake_hw(v)->st.dr6 & DR6_BT, DR6_BT);
	end();
}

/* --- with paging: tables that map 4 MiB to itself --- */

static void with_paging(void)
{
	uint32_t *dir = fake_ram(vm, TABLE), *table = fake_ram(vm, TABLE + S2_PAGE);

	dir[0] = (TABLE + S2_PAGE) | PTE_P | PTE_W | PTE_U;
	for (uint32_t i = 0; i < 1024; i++)
		table[i] = i << PAGE_SHIFT_4K | PTE_P | PTE_W | PTE_U;
	memcpy(fake_ram(vm, TABLE + 2 * S2_PAGE), dir, S2_PAGE);
	v->st.cr0 |= CR0_PG | CR0_WP;
	v->st.cr3 = TABLE;
	put(NEW + 0x1c, TABLE + 2 * S2_PAGE, 4);
}

static void test_address_space(void **state)
{
	begin(TSS32, TSS32);
	with_paging();
	assert_int_equal(jump(), NO_FAULT);
	assert_int_equal(fake_hw(v)->st.cr3, TABLE + 2 * S2_PAGE);
	assert_int_equal(fake_hw(v)->flushes, 1);
	end();
}

static void test_page_faults(void **state)
{
	uint32_t *table;

	begin(TSS32, TSS32); /* the new TSS lies across two pages */
	with_paging();
	table = fake_ram(vm, TABLE + S2_PAGE);
	table[(NEW >> 12) + 1] = 0;
	assert_int_equal(jump(), X86_PF);
	assert_int_equal(v->exception.error, 0);
	assert_int_equal(fake_hw(v)->st.cr2, (NEW & ~0xfffu) + 0x1000);
	unchanged();
	begin(TSS32, TSS32);
	with_paging();
	table = fake_ram(vm, TABLE + S2_PAGE);
	table[OLD >> 12] &= ~(uint32_t)PTE_W;
	assert_int_equal(jump(), X86_PF);
	assert_int_equal(v->exception.error, PF_PRESENT | PF_WRITE);
	unchanged();
	begin(TSS32, TSS32); /* the link goes into it */
	with_paging();
	table = fake_ram(vm, TABLE + S2_PAGE);
	table[NEW >> 12] &= ~(uint32_t)PTE_W;
	assert_int_equal(switch_task(HV_TASK_CALL, (struct hv_exit){ 0 }), X86_PF);
	assert_int_equal(v->exception.error, PF_PRESENT | PF_WRITE);
	unchanged();
}

/* --- descriptors in ROM --- */

static int marks(unsigned selector)
{
	struct hv_exit x = { .kind = HV_EXIT_MEM };
	int r;

	x.mem.gpa = ROM + selector + 5;
	x.mem.access = HV_ACCESS_READ | HV_ACCESS_WRITE;
	fake_exit(v);
	r = hv_exit_handle(v, &x);
	hv_vcpu_release(v);
	return r;
}

static void begin_rom(void)
{
	uint8_t *rom;

	begin(TSS32, TSS32);
	hv_vcpu_release(v);
	rom = fake_slot_add(vm, 1, ROM, S2_PAGE, HV_SLOT_READONLY);
	memcpy(rom, fake_ram(vm, GDT), GDT_BYTES);
	v->st.gdt.base = ROM;
	v->st.rip = FAKE_CODE;
}

static void test_rom_descriptors(void **state)
{
	begin_rom();
	v->st.gpr[HV_RAX] = NEW_TSS;
	FAKE_CODE_BYTES(v, 0x0f, 0x00, 0xd8); /* ltr %ax */
	assert_int_equal(marks(NEW_TSS), HV_AGAIN);
	assert_int_equal(v->st.rip, FAKE_CODE + 3);
	assert_int_equal(v->st.seg[HV_TR].base, NEW);
	assert_int_equal(v->st.seg[HV_TR].attr, SEG_P | TSS32 | BUSY);
	end();
	begin_rom();
	v->st.gpr[HV_RSP] = FAKE_STACK;
	put(FAKE_STACK, 0x5678, 4);
	put(FAKE_STACK + 4, CODE, 4);
	FAKE_CODE_BYTES(v, 0xcb); /* lret */
	assert_int_equal(marks(CODE), HV_AGAIN);
	assert_int_equal(v->st.rip, 0x5678);
	assert_int_equal(v->st.gpr[HV_RSP], FAKE_STACK + 8);
	assert_int_equal(v->st.seg[HV_CS].selector, CODE);
	assert_int_equal(v->st.seg[HV_CS].attr & SEG_TYPE, 0xb);
	end();
}

static void test_rom_unknown(void **state)
{
	begin_rom();
	FAKE_CODE_BYTES(v, 0xcf); /* iret */
	assert_int_equal(marks(CODE), HV_TO_USER);
	assert_int_equal(user.reason, HV_USER_INTERNAL);
	assert_int_equal(v->st.rip, FAKE_CODE);
	end();
	begin_rom(); /* a return to another level */
	v->st.gpr[HV_RSP] = FAKE_STACK;
	put(FAKE_STACK + 4, CODE3 | 3, 4);
	FAKE_CODE_BYTES(v, 0xcb);
	assert_int_equal(marks(CODE3), HV_TO_USER);
	assert_int_equal(user.reason, HV_USER_INTERNAL);
	end();
}

/* Instructions with the selector in a device: what comes of it, and the error code. */
static int load(unsigned seg, uint16_t selector, uint32_t *error)
{
	struct emul_fault f = { 0 };
	int err = hv_load_segment(v, seg, selector, &f);

	*error = f.error;
	hv_vcpu_release(v);
	return err == -EFAULT ? f.vector : err;
}

static void test_segment_by_itself(void **state)
{
	uint32_t error;

	begin(TSS32, TSS32);
	assert_int_equal(load(HV_ES, DATA | 3, &error), X86_GP);
	assert_int_equal(error, DATA);
	assert_int_equal(load(HV_ES, DATA, &error), 0);
	assert_int_equal(v->st.seg[HV_ES].selector, DATA);
	assert_int_equal(v->st.seg[HV_ES].attr & SEG_TYPE, 3);
	assert_int_equal(type_of(GDT, DATA), 3);
	assert_int_equal(load(HV_ES, 3, &error), 0);
	assert_false(v->st.seg[HV_ES].attr & SEG_P);
	assert_int_equal(load(HV_DS, ABSENT, &error), X86_NP);
	assert_int_equal(error, ABSENT);
	assert_int_equal(load(HV_SS, ABSENT, &error), X86_SS);
	assert_int_equal(load(HV_SS, DATA | 3, &error), X86_GP);
	assert_int_equal(load(HV_SS, 0, &error), X86_GP);
	assert_int_equal(error, 0);
	assert_int_equal(load(HV_DS, GDT_BYTES, &error), X86_GP);
	assert_int_equal(load(HV_CS, CODE, &error), 0);
	assert_int_equal(v->st.seg[HV_CS].selector, CODE);
	assert_int_equal(load(HV_CS, CODE3 | 3, &error), X86_GP);
	assert_int_equal(load(HV_CS, DATA, &error), X86_GP);
	assert_int_equal(load(HV_CS, NEW_TSS, &error), -EINVAL);
	assert_int_equal(load(HV_LDTR, LDT_SEL, &error), 0);
	assert_int_equal(v->st.seg[HV_LDTR].base, LDT);
	assert_int_equal(load(HV_TR, NEW_TSS, &error), 0);
	assert_int_equal(v->st.seg[HV_TR].base, NEW);
	assert_int_equal(type_of(GDT, NEW_TSS), TSS32 | BUSY);
	assert_int_equal(load(HV_TR, NEW_TSS, &error), X86_GP);
	assert_int_equal(load(HV_TR, 0, &error), X86_GP);
	v->st.cr0 &= ~(uint64_t)CR0_PE;
	assert_int_equal(load(HV_ES, 0x1234, &error), 0);
	assert_int_equal(v->st.seg[HV_ES].base, 0x12340);
	end();
}

/* In 64-bit mode: SS may be none, descriptors of the system have 16 bytes. */
static void test_segment_in_long_mode(void **state)
{
	uint32_t error;

	begin(TSS32, TSS32);
	v->st.efer |= EFER_LMA | EFER_LME;
	v->st.seg[HV_CS].attr = SEG_P | SEG_S | SEG_L | 0xb;
	assert_int_equal(load(HV_SS, 0, &error), 0);
	assert_false(v->st.seg[HV_SS].attr & SEG_P);
	assert_int_equal(load(HV_SS, 3, &error), X86_GP);
	set_descriptor(GDT, CODE, 0, 0xfffff, SEG_G | SEG_L | SEG_DB | SEG_P | SEG_S | 0xa);
	assert_int_equal(load(HV_CS, CODE, &error), X86_GP);
	put(GDT + NEW_TSS + 8, 0xffff8000, 4);
	assert_int_equal(load(HV_TR, NEW_TSS, &error), 0);
	assert_int_equal(v->st.seg[HV_TR].base, 0xffff800000000000 | NEW);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jmp), cmocka_unit_test(test_call_and_return),
		cmocka_unit_test(test_16_bits), cmocka_unit_test(test_gate_exception),
		cmocka_unit_test(test_gate_software_and_nmi), cmocka_unit_test(test_gate_fault),
		cmocka_unit_test(test_bad_tss), cmocka_unit_test(test_bad_segments),
		cmocka_unit_test(test_user_task), cmocka_unit_test(test_virtual_8086_task),
		cmocka_unit_test(test_debug_trap), cmocka_unit_test(test_address_space),
		cmocka_unit_test(test_page_faults), cmocka_unit_test(test_rom_descriptors),
		cmocka_unit_test(test_rom_unknown), cmocka_unit_test(test_segment_by_itself),
		cmocka_unit_test(test_segment_in_long_mode),
	};

	return cmocka_run_group_tests_name("task", tests, NULL, NULL);
}
