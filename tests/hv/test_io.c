// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports as a guest and a user see them: values and widths, string instructions in all their edges,
 * ioevents, what is left for the user and what he may do before he comes back.
 */
#include "fake_backend.h"
#include "fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { RAM = 8 << 20, PORT = 0x1f0, BUF = 0x20000, ABSENT = S2_HUGE };

static struct hv_vm *vm;
static struct hv_vcpu *v;
static struct hv_user user;
static uint8_t io_data[HV_IO_BYTES];

static void begin(unsigned bits)
{
	fake_host_reset();
	vm = fake_vm_new(RAM);
	v = fake_vcpu_new(vm);
	fake_mode(v, bits);
	memset(&user, 0, sizeof(user));
	memset(io_data, 0, sizeof(io_data));
	v->user = &user;
	v->io_data = io_data;
}

static void end(void)
{
	hv_vcpu_release(v);
	fake_vm_free(vm);
	assert_int_equal(fake.live, 0);
}

/* A page table entry goes: ABSENT and the 2 MiB from there on. */
static void unmap_absent(void)
{
	uint64_t *pd = fake_ram(vm, FAKE_TABLES + 2 * S2_PAGE);

	pd[ABSENT >> PAGE_SHIFT_2M] = 0;
}

static struct hv_exit plain(bool in, unsigned size)
{
	return (struct hv_exit){ .kind = HV_EXIT_IO, .insn_len = 1,
				 .io = { .port = PORT, .size = size, .in = in } };
}

static struct hv_exit string(bool in, unsigned size, bool rep, unsigned addr_bits)
{
	return (struct hv_exit){ .kind = HV_EXIT_IO, .insn_len = 2,
				 .io = { .port = PORT, .size = size, .in = in, .string = true,
					 .rep = rep, .seg = HV_DS, .addr_bits = addr_bits } };
}

/* The exit comes with nothing cached, and what it does must reach the hardware. */
static int handle(struct hv_exit x)
{
	int r;

	fake_exit(v);
	r = hv_exit_handle(v, &x);
	hv_vcpu_release(v);
	return r;
}

static void answer(int want)
{
	assert_int_equal(hv_complete(v), want);
	fake_exit(v);
}

static void expect_io(bool in, unsigned size, unsigned count)
{
	assert_int_equal(user.reason, HV_USER_IO);
	assert_int_equal(user.io.port, PORT);
	assert_int_equal(user.io.in, in);
	assert_int_equal(user.io.size, size);
	assert_int_equal(user.io.count, count);
}

static void expect_exception(unsigned vector, uint32_t error)
{
	assert_int_equal(v->exception.type, HV_EV_EXCEPTION);
	assert_int_equal(v->exception.vector, vector);
	assert_int_equal(v->exception.error, error);
	assert_int_equal(v->st.rip, FAKE_CODE);
	assert_null(v->complete);
}

/* --- IN and OUT --- */

static void in_lands_at_its_width(void **state)
{
	static const struct { unsigned size; uint64_t rax; } row[] = {
		{ 1, 0x11223344556677d4 }, { 2, 0x112233445566c3d4 }, { 4, 0xa1b2c3d4 },
	};

	for (unsigned i = 0; i < HV_ARRAY(row); i++) {
		begin(64);
		v->st.gpr[HV_RAX] = 0x1122334455667788;
		assert_int_equal(handle(plain(true, row[i].size)), HV_TO_USER);
		expect_io(true, row[i].size, 1);
		assert_int_equal(v->st.rip, FAKE_CODE);
		memcpy(io_data, &(uint32_t){ 0xa1b2c3d4 }, 4);
		answer(HV_AGAIN);
		assert_int_equal(v->st.gpr[HV_RAX], row[i].rax);
		assert_int_equal(v->st.rip, FAKE_CODE + 1);
		end();
	}
}

static void out_gives_its_bytes(void **state)
{
	begin(32);
	v->st.gpr[HV_RAX] = 0x55667788;
	assert_int_equal(handle(plain(false, 2)), HV_TO_USER);
	expect_io(false, 2, 1);
	assert_int_equal(io_data[0], 0x88);
	assert_int_equal(io_data[1], 0x77);
	answer(HV_AGAIN);
	assert_int_equal(v->st.gpr[HV_RAX], 0x55667788);
	assert_int_equal(v->st.rip, FAKE_CODE + 1);
	end();
}

static void length_is_decoded_when_unknown(void **state)
{
	struct hv_exit x = plain(false, 1);

	begin(64);
	FAKE_CODE_BYTES(v, 0x66, 0xe6, 0x80); /* a prefix that means nothing */
	x.insn_len = 0;
	assert_int_equal(handle(x), HV_TO_USER);
	answer(HV_AGAIN);
	assert_int_equal(v->st.rip, FAKE_CODE + 3);
	end();
}

static void user_may_reset_in_between(void **state)
{
	begin(64);
	assert_int_equal(handle(plain(true, 4)), HV_TO_USER);
	v->st.rip = 0xfff0;
	v->st.gpr[HV_RAX] = 77;
	answer(HV_AGAIN);
	assert_int_equal(v->st.rip, 0xfff0);
	assert_int_equal(v->st.gpr[HV_RAX], 77);
	end();
}

static void shadow_and_rf_end_with_the_instruction(void **state)
{
	begin(64);
	hv_touch(v, HV_EVENT);
	v->st.shadow_sti = true;
	v->st.rflags |= RFLAGS_RF;
	assert_int_equal(handle(plain(false, 1)), HV_TO_USER);
	answer(HV_AGAIN);
	hv_need(v, HV_EVENT);
	assert_false(v->st.shadow_sti);
	assert_false(v->st.rflags & RFLAGS_RF);
	end();
}

static void trap_flag_traps_behind_it(void **state)
{
	begin(64);
	v->st.rflags |= RFLAGS_TF;
	assert_int_equal(handle(plain(false, 1)), HV_TO_USER);
	assert_int_equal(v->exception.type, HV_EV_NONE);
	answer(HV_AGAIN);
	assert_int_equal(v->exception.vector, X86_DB);
	assert_int_equal(v->st.rip, FAKE_CODE + 1);
	hv_need(v, HV_DR);
	assert_int_equal(v->st.dr6, DR6_FIXED | DR6_BS);
	end();
}

static void debugger_steps_over_it(void **state)
{
	begin(64);
	v->debug.on = v->debug.step = true;
	v->st.rflags |= RFLAGS_TF;
	assert_int_equal(handle(plain(false, 1)), HV_TO_USER);
	assert_int_equal(hv_complete(v), HV_TO_USER);
	assert_int_equal(user.reason, HV_USER_DEBUG);
	assert_int_equal(user.debug.exception, X86_DB);
	assert_int_equal(user.debug.pc, FAKE_CODE + 1);
	assert_int_equal(v->exception.type, HV_EV_NONE);
	end();
}

/* --- ioevents --- */

static void ioevents_take_writes(void **state)
{
	static int mark;
	struct hv_ioevent any = { .addr = PORT, .pio = true, .event = &mark };
	struct hv_ioevent one = { .addr = PORT, .pio = true, .event = &mark, .len = 2,
				  .match = true, .val = 0x7788 };

	begin(64);
	v->st.gpr[HV_RAX] = 0x55667788;
	assert_int_equal(hv_ioevent_add(vm, &one), 0);
	assert_int_equal(hv_ioevent_add(vm, &any), -EEXIST);
	assert_int_equal(handle(plain(false, 2)), HV_AGAIN);
	assert_int_equal(fake.signals, 1);
	assert_ptr_equal(fake.last_event, &mark);
	assert_int_equal(v->st.rip, FAKE_CODE + 1);
	assert_int_equal(handle(plain(false, 1)), HV_TO_USER); /* another length */
	assert_int_equal(handle(plain(true, 2)), HV_TO_USER);  /* not a write */
	v->st.gpr[HV_RAX] = 0x7789;
	assert_int_equal(handle(plain(false, 2)), HV_TO_USER); /* another value */
	assert_int_equal(fake.signals, 1);
	assert_int_equal(hv_ioevent_del(vm, &any), -ENOENT);
	assert_int_equal(hv_ioevent_del(vm, &one), 0);
	assert_int_equal(hv_ioevent_add(vm, &any), 0);
	assert_int_equal(handle(plain(false, 4)), HV_AGAIN);
	assert_int_equal(fake.signals, 2);
	assert_false(hv_ioevent_signal(vm, false, PORT, 0x7788, 2)); /* memory is not a port */
	end();
}

static void ioevents_are_counted(void **state)
{
	struct hv_ioevent e = { .pio = true, .len = 4 };

	begin(64);
	for (e.addr = 0; e.addr < HV_IOEVENTS; e.addr++)
		assert_int_equal(hv_ioevent_add(vm, &e), 0);
	assert_int_equal(hv_ioevent_add(vm, &e), -ENOSPC);
	e.addr = 3;
	assert_int_equal(hv_ioevent_del(vm, &e), 0);
	assert_int_equal(hv_ioevent_del(vm, &e), -ENOENT);
	assert_int_equal(vm->n_ioevents, HV_IOEVENTS - 1);
	for (e.addr = 0; e.addr < HV_IOEVENTS; e.addr++)
		assert_int_equal(hv_ioevent_signal(vm, true, e.addr, 0, 4), e.addr != 3);
	for (unsigned left = HV_IOEVENTS - 1; left; left--) {
		assert_true(hv_ioevent_pop(vm, &e));
		assert_false(hv_ioevent_signal(vm, true, e.addr, 0, 4));
	}
	assert_false(hv_ioevent_pop(vm, &e));
	end();
}

/* --- string instructions --- */

static void rep_ins_takes_a_sector_at_once(void **state)
{
	begin(64);
	v->st.gpr[HV_RDI] = BUF;
	v->st.gpr[HV_RCX] = 256;
	assert_int_equal(handle(string(true, 2, true, 64)), HV_TO_USER);
	expect_io(true, 2, 256);
	for (unsigned i = 0; i < 512; i++)
		io_data[i] = i * 7;
	answer(HV_AGAIN);
	assert_memory_equal(fake_ram(vm, BUF), io_data, 512);
	assert_int_equal(v->st.gpr[HV_RDI], BUF + 512);
	assert_int_equal(v->st.gpr[HV_RCX], 0);
	assert_int_equal(v->st.rip, FAKE_CODE + 2);
	end();
}

static void a_count_made_less_is_the_end(void **state)
{
	begin(64);
	v->st.gpr[HV_RDI] = BUF;
	v->st.gpr[HV_RCX] = 2;
	assert_int_equal(handle(string(true, 1, true, 64)), HV_TO_USER);
	expect_io(true, 1, 2);
	v->st.gpr[HV_RCX] = 1;
	answer(HV_AGAIN);
	assert_int_equal(v->st.gpr[HV_RDI], BUF + 1);
	assert_int_equal(v->st.gpr[HV_RCX], 0);
	assert_int_equal(v->st.rip, FAKE_CODE + 2);
	end();
}

static void ins_without_rep_is_one(void **state)
{
	begin(32);
	v->st.gpr[HV_RDI] = BUF;
	v->st.gpr[HV_RCX] = 256;
	assert_int_equal(handle(string(true, 4, false, 32)), HV_TO_USER);
	expect_io(true, 4, 1);
	memcpy(io_data, "abcd", 4);
	answer(HV_AGAIN);
	assert_memory_equal(fake_ram(vm, BUF), "abcd", 5);
	assert_int_equal(v->st.gpr[HV_RDI], BUF + 4);
	assert_int_equal(v->st.gpr[HV_RCX], 256);
	assert_int_equal(v->st.rip, FAKE_CODE + 2);
	end();
}

static void count_zero_does_nothing(void **state)
{
	begin(64);
	unmap_absent();
	v->st.gpr[HV_RDI] = ABSENT;
	assert_int_equal(handle(string(true, 2, true, 64)), HV_AGAIN);
	assert_int_equal(v->st.rip, FAKE_CODE + 2);
	assert_int_equal(v->exception.type, HV_EV_NONE);
	v->st.rip = FAKE_CODE;
	v->st.gpr[HV_RCX] = 0xffffffff00000000; /* ECX is 0 */
	assert_int_equal(handle(string(true, 2, true, 32)), HV_AGAIN);
	assert_int_equal(v->st.rip, FAKE_CODE + 2);
	end();
}

static void long_rep_goes_on_in_the_guest(void **state)
{
	begin(64);
	memset(fake_ram(vm, BUF), 'x', 5000);
	v->st.gpr[HV_RSI] = BUF;
	v->st.gpr[HV_RCX] = 5000;
	assert_int_equal(handle(string(false, 1, true, 64)), HV_TO_USER);
	expect_io(false, 1, 4096);
	assert_int_equal(io_data[4095], 'x');
	answer(HV_AGAIN);
	assert_int_equal(v->st.rip, FAKE_CODE);
	assert_int_equal(v->st.gpr[HV_RSI], BUF + 4096);
	assert_int_equal(v->st.gpr[HV_RCX], 904);
	assert_int_equal(handle(string(false, 1, true, 64)), HV_TO_USER);
	expect_io(false, 1, 904);
	answer(HV_AGAIN);
	assert_int_equal(v->st.rip, FAKE_CODE + 2);
	end();
}

/* Two pages that lie apart: data goes to both, even within an item. */
static void items_cross_a_page(void **state)
{
	uint64_t *pd;

	begin(64);
	pd = fake_ram(vm, FAKE_TABLES + 2 * S2_PAGE);
	pd[1] = 2ull << PAGE_SHIFT_2M | PTE_P | PTE_W | PTE_U | PTE_PS;
	v->st.gpr[HV_RDI] = S2_HUGE - 5;
	v->st.gpr[HV_RCX] = 4;
	assert_int_equal(handle(string(true, 4, true, 64)), HV_TO_USER);
	expect_io(true, 4, 4);
	memcpy(io_data, "0123456789abcdef", 16);
	answer(HV_AGAIN);
	assert_memory_equal(fake_ram(vm, S2_HUGE - 5), "01234", 5);
	assert_memory_equal(fake_ram(vm, 2 * S2_HUGE), "56789abcdef", 12);
	end();
}

static void page_fault_comes_before_the_port_is_read(void **state)
{
	begin(64);
	unmap_absent();
	v->st.gpr[HV_RDI] = ABSENT - 6;
	v->st.gpr[HV_RCX] = 8;
	assert_int_equal(handle(string(true, 4, true, 64)), HV_TO_USER);
	expect_io(true, 4, 1); /* what fits before it */
	answer(HV_AGAIN);
	user.reason = HV_USER_NONE;
	assert_int_equal(handle(string(true, 4, true, 64)), HV_AGAIN);
	assert_int_equal(user.reason, HV_USER_NONE);
	expect_exception(X86_PF, PF_WRITE);
	assert_int_equal(v->st.cr2, ABSENT);
	assert_int_equal(v->st.gpr[HV_RCX], 7);
	end();
	begin(64);
	unmap_absent();
	v->st.gpr[HV_RDI] = ABSENT; /* none of many */
	v->st.gpr[HV_RCX] = 8;
	assert_int_equal(handle(string(true, 1, true, 64)), HV_AGAIN);
	expect_exception(X86_PF, PF_WRITE);
	end();
}

static void limit_is_checked(void **state)
{
	begin(32);
	hv_touch(v, HV_SEG);
	v->st.seg[HV_ES].limit = BUF + 9;
	v->st.gpr[HV_RDI] = BUF;
	v->st.gpr[HV_RCX] = 8;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(handle(string(true, 4, true, 32)), HV_TO_USER);
		expect_io(true, 4, 1);
		answer(HV_AGAIN);
	}
	assert_int_equal(handle(string(true, 4, true, 32)), HV_AGAIN);
	expect_exception(X86_GP, 0);
	assert_int_equal(v->st.gpr[HV_RDI], BUF + 8);
	end();
}

static void registers_wrap_by_address_size(void **state)
{
	static const uint64_t at[] = { 0xfffe, 0xffff, 0, 1 };

	begin(16);
	v->st.gpr[HV_RDI] = 0xaaaafffe;
	v->st.gpr[HV_RCX] = 0xbbbb0003;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(v->st.gpr[HV_RDI], 0xaaaa0000 | at[i]);
		assert_int_equal(handle(string(true, 1, true, 16)), HV_TO_USER);
		expect_io(true, 1, 1);
		io_data[0] = 'A' + i;
		answer(HV_AGAIN);
		assert_int_equal(*(uint8_t *)fake_ram(vm, at[i]), 'A' + i);
	}
	assert_int_equal(v->st.gpr[HV_RDI], 0xaaaa0001);
	assert_int_equal(v->st.gpr[HV_RCX], 0xbbbb0000);
	assert_int_equal(v->st.rip, FAKE_CODE + 2);
	end();
}

static void address_size_32_in_64_bit_mode(void **state)
{
	begin(64);
	v->st.gpr[HV_RDI] = 0xffffffff00000000 | BUF;
	v->st.gpr[HV_RCX] = 0xffffffff00000002;
	assert_int_equal(handle(string(true, 2, true, 32)), HV_TO_USER);
	expect_io(true, 2, 2);
	answer(HV_AGAIN);
	assert_int_equal(v->st.gpr[HV_RDI], BUF + 4);
	assert_int_equal(v->st.gpr[HV_RCX], 0);
	end();
}

static void direction_flag_goes_down(void **state)
{
	begin(64);
	v->st.rflags |= RFLAGS_DF;
	v->st.gpr[HV_RSI] = BUF + 2;
	v->st.gpr[HV_RCX] = 2;
	memcpy(fake_ram(vm, BUF), "abcd", 4);
	assert_int_equal(handle(string(false, 2, true, 64)), HV_TO_USER);
	expect_io(false, 2, 1);
	assert_memory_equal(io_data, "cd", 2);
	answer(HV_AGAIN);
	assert_int_equal(v->st.gpr[HV_RSI], BUF);
	assert_int_equal(v->st.rip, FAKE_CODE);
	assert_int_equal(handle(string(false, 2, true, 64)), HV_TO_USER);
	assert_memory_equal(io_data, "ab", 2);
	answer(HV_AGAIN);
	assert_int_equal(v->st.gpr[HV_RSI], BUF - 2);
	assert_int_equal(v->st.rip, FAKE_CODE + 2);
	end();
}

static void step_traps_in_a_rep(void **state)
{
	begin(64);
	v->st.rflags |= RFLAGS_TF;
	v->st.gpr[HV_RSI] = BUF;
	v->st.gpr[HV_RCX] = 5;
	assert_int_equal(handle(string(false, 1, true, 64)), HV_TO_USER);
	expect_io(false, 1, 1);
	assert_int_equal(hv_complete(v), HV_AGAIN);
	assert_int_equal(v->exception.vector, X86_DB);
	assert_int_equal(v->st.rip, FAKE_CODE);
	assert_int_equal(v->st.gpr[HV_RCX], 4);
	end();
}

static void outs_uses_its_segment(void **state)
{
	struct hv_exit x = string(false, 1, true, 64);

	begin(64);
	hv_touch(v, HV_SEG);
	v->st.seg[HV_GS].base = 0x1000;
	v->st.gpr[HV_RSI] = BUF;
	v->st.gpr[HV_RCX] = 3;
	memcpy(fake_ram(vm, BUF + 0x1000), "gs!", 3);
	x.io.seg = HV_GS;
	assert_int_equal(handle(x), HV_TO_USER);
	assert_memory_equal(io_data, "gs!", 3);
	answer(HV_AGAIN);

	/* the same where the hardware does not say which */
	v->st.rip = FAKE_CODE;
	FAKE_CODE_BYTES(v, 0xf3, 0x67, 0x65, 0x6e);
	v->st.gpr[HV_RSI] = 0x700000000 | BUF;
	v->st.gpr[HV_RCX] = 3;
	memset(io_data, 0, sizeof(io_data));
	x.io.seg = x.io.addr_bits = x.insn_len = 0;
	assert_int_equal(handle(x), HV_TO_USER);
	assert_memory_equal(io_data, "gs!", 3);
	answer(HV_AGAIN);
	assert_int_equal(v->st.rip, FAKE_CODE + 4);
	assert_int_equal(v->st.gpr[HV_RSI], BUF + 3);
	end();
}

static void assert_device(uint64_t gpa, unsigned len, bool write)
{
	assert_int_equal(user.reason, HV_USER_MMIO);
	assert_int_equal(user.mmio.gpa, gpa);
	assert_int_equal(user.mmio.len, len);
	assert_int_equal(user.mmio.write, write);
}

/* An item at a time: from the port, then to the device; or from it, then to the port. */
static void items_go_to_devices_and_come_from_them(void **state)
{
	begin(64);
	v->st.gpr[HV_RDI] = v->st.gpr[HV_RSI] = 0xd0000010;
	v->st.gpr[HV_RCX] = 3;
	assert_int_equal(handle(string(true, 2, true, 64)), HV_TO_USER);
	assert_int_equal(user.reason, HV_USER_IO);
	assert_int_equal(user.io.count, 1);
	memcpy(io_data, "xy", 2);
	answer(HV_TO_USER);
	assert_device(0xd0000010, 2, true);
	assert_memory_equal(user.mmio.data, "xy", 2);
	assert_int_equal(v->st.gpr[HV_RCX], 3);
	answer(HV_AGAIN);
	assert_int_equal(v->st.gpr[HV_RCX], 2);
	assert_int_equal(v->st.gpr[HV_RDI], 0xd0000012);

	v->st.gpr[HV_RCX] = 1;
	assert_int_equal(handle(string(false, 4, true, 64)), HV_TO_USER);
	assert_device(0xd0000010, 4, false);
	memcpy(user.mmio.data, "abcd", 4);
	answer(HV_TO_USER);
	assert_int_equal(user.reason, HV_USER_IO);
	assert_memory_equal(io_data, "abcd", 4);
	answer(HV_AGAIN);
	assert_int_equal(v->st.gpr[HV_RCX], 0);
	assert_int_equal(v->st.gpr[HV_RSI], 0xd0000014);

	v->st.gpr[HV_RDI] = 0xd0000fff; /* not over the end of a page */
	v->st.gpr[HV_RCX] = 1;
	assert_int_equal(handle(string(true, 2, true, 64)), HV_TO_USER);
	assert_int_equal(user.reason, HV_USER_INTERNAL);
	assert_null(v->complete);
	end();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_lands_at_its_width),
		cmocka_unit_test(out_gives_its_bytes),
		cmocka_unit_test(length_is_decoded_when_unknown),
		cmocka_unit_test(user_may_reset_in_between),
		cmocka_unit_test(shadow_and_rf_end_with_the_instruction),
		cmocka_unit_test(trap_flag_traps_behind_it),
		cmocka_unit_test(debugger_steps_over_it),
		cmocka_unit_test(ioevents_take_writes),
		cmocka_unit_test(ioevents_are_counted),
		cmocka_unit_test(rep_ins_takes_a_sector_at_once),
		cmocka_unit_test(a_count_made_less_is_the_end),
		cmocka_unit_test(ins_without_rep_is_one),
		cmocka_unit_test(count_zero_does_nothing),
		cmocka_unit_test(long_rep_goes_on_in_the_guest),
		cmocka_unit_test(items_cross_a_page),
		cmocka_unit_test(page_fault_comes_before_the_port_is_read),
		cmocka_unit_test(limit_is_checked),
		cmocka_unit_test(registers_wrap_by_address_size),
		cmocka_unit_test(address_size_32_in_64_bit_mode),
		cmocka_unit_test(direction_flag_goes_down),
		cmocka_unit_test(step_traps_in_a_rep),
		cmocka_unit_test(outs_uses_its_segment),
		cmocka_unit_test(items_go_to_devices_and_come_from_them),
	};

	return cmocka_run_group_tests_name("io", tests, NULL, NULL);
}
