// SPDX-License-Identifier: GPL-2.0-only
/*
 * What exits share that stand for an instruction: RIP behind it in every mode, its bytes where
 * pages end, and the hypercalls, which are found by them.
 */
#include "fake_backend.h"
#include "fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { RAM = 8 << 20, ABSENT = S2_HUGE };

static struct hv_vm *vm;
static struct hv_vcpu *v;
static struct hv_user user;

static void begin(unsigned bits)
{
	fake_host_reset();
	vm = fake_vm_new(RAM);
	v = fake_vcpu_new(vm);
	fake_mode(v, bits);
	memset(&user, 0, sizeof(user));
	v->user = &user;
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

/* --- RIP --- */

static void skip_stays_in_the_mode(void **state)
{
	struct hv_exit x = { .insn_len = 4 };

	begin(32);
	v->st.rip = 0xfffffffe;
	assert_int_equal(hv_skip(v, &x), HV_AGAIN);
	assert_int_equal(v->st.rip, 2);
	end();
	begin(64);
	v->st.rip = 0xfffffffe;
	assert_int_equal(hv_skip(v, &x), HV_AGAIN);
	assert_int_equal(v->st.rip, 0x100000002);
	v->st.rip = FAKE_CODE;
	FAKE_CODE_BYTES(v, 0x48, 0x0f, 0xa2);
	x.insn_len = 0;
	assert_int_equal(hv_skip(v, &x), HV_AGAIN);
	assert_int_equal(v->st.rip, FAKE_CODE + 3);
	end();
}

static void fetch_stops_at_what_is_not_there(void **state)
{
	begin(64);
	unmap_absent();
	v->st.rip = ABSENT - 2;
	FAKE_CODE_BYTES(v, 0x0f, 0xa2);
	assert_int_equal(hv_fetch_insn(v), 0);
	assert_int_equal(v->emul.insn.len, 2);
	v->st.rip = ABSENT - 1;
	FAKE_CODE_BYTES(v, 0xf4);
	assert_int_equal(hv_fetch_insn(v), 0);
	assert_int_equal(v->emul.insn.len, 1);
	end();
}

static void fetch_faults_where_the_instruction_goes_on(void **state)
{
	begin(64);
	unmap_absent();
	v->st.rip = ABSENT - 1;
	FAKE_CODE_BYTES(v, 0x0f);
	assert_int_equal(hv_fetch_insn(v), -EFAULT);
	assert_int_equal(v->exception.vector, X86_PF);
	assert_int_equal(v->st.cr2, ABSENT);
	assert_int_equal(v->st.rip, ABSENT - 1);
	end();
}

/* --- hypercalls --- */

static struct hv_exit vmcall(unsigned len)
{
	return (struct hv_exit){ .kind = HV_EXIT_HYPERCALL, .insn_len = len };
}

static void kvm_hypercalls(void **state)
{
	begin(64);
	v->st.gpr[HV_RAX] = 1;
	assert_int_equal(handle(vmcall(3)), HV_AGAIN);
	assert_int_equal(v->st.gpr[HV_RAX], 0);
	assert_int_equal(v->st.rip, FAKE_CODE + 3);
	v->st.gpr[HV_RAX] = 12345;
	assert_int_equal(handle(vmcall(0)), HV_AGAIN);
	assert_int_equal(v->st.gpr[HV_RAX], (uint64_t)-1000);
	assert_int_equal(v->st.rip, FAKE_CODE + 6);
	hv_touch(v, HV_SEG);
	v->st.cpl = 3;
	v->st.gpr[HV_RAX] = 1;
	assert_int_equal(handle(vmcall(3)), HV_AGAIN);
	assert_int_equal(v->st.gpr[HV_RAX], (uint64_t)-1);
	end();
	begin(32);
	v->st.gpr[HV_RAX] = 12345;
	assert_int_equal(handle(vmcall(3)), HV_AGAIN);
	assert_int_equal(v->st.gpr[HV_RAX], (uint32_t)-1000);
	end();
}

/* One vCPU, APIC ID 0: which bits are it, in both modes; and what is refused. */
static uint64_t send_ipis(uint64_t low, uint64_t high, uint32_t first, uint32_t icr)
{
	v->st.gpr[HV_RAX] = 10;
	v->st.gpr[HV_RBX] = low;
	v->st.gpr[HV_RCX] = high;
	v->st.gpr[HV_RDX] = first;
	v->st.gpr[HV_RSI] = icr;
	v->st.rip = FAKE_CODE;
	assert_int_equal(handle(vmcall(3)), HV_AGAIN);
	return v->st.gpr[HV_RAX];
}

static void kvm_sends_interrupts(void **state)
{
	begin(64);
	assert_int_equal(lapic_set_base(v, v->lapic.base | 0x800, true), 0);
	lapic_write(v, 0xf0, 0x1ff);
	assert_int_equal(send_ipis(1, 0, 0, 0x41), 1);
	assert_int_equal(lapic_requested(v), 0x41);
	assert_int_equal(send_ipis(~1ull, ~0ull, 0, 0x42), 0);
	assert_int_equal(send_ipis(0xffffffff, 0, 0xffffffff, 0x43), 0);
	assert_int_equal(lapic_requested(v), 0x41);
	assert_int_equal(send_ipis(1, 0, 0, 0x800 | 0x44), (uint64_t)-22);
	assert_int_equal(send_ipis(1, 0, 0, 0x40000 | 0x44), (uint64_t)-22);
	end();
}

static void xen_hypercalls_are_the_users(void **state)
{
	static const uint8_t args[2][6] = {
		{ HV_RBX, HV_RCX, HV_RDX, HV_RSI, HV_RDI, HV_RBP },
		{ HV_RDI, HV_RSI, HV_RDX, HV_R10, HV_R8, HV_R9 },
	};

	for (unsigned wide = 0; wide < 2; wide++) {
		begin(wide ? 64 : 32);
		hv_xen_config(vm, 0, true);
		for (unsigned i = 0; i < HV_GPRS; i++)
			v->st.gpr[i] = 0xf00000000ull + i;
		assert_int_equal(handle(vmcall(3)), HV_TO_USER);
		assert_int_equal(user.reason, HV_USER_XEN);
		assert_int_equal(user.hypercall.longmode, wide);
		assert_int_equal(user.hypercall.cpl, 0);
		assert_int_equal(user.hypercall.nr, wide ? 0xf00000000 : 0);
		for (unsigned i = 0; i < 6; i++)
			assert_int_equal(user.hypercall.args[i],
					 (wide ? 0xf00000000ull : 0) + args[wide][i]);
		assert_int_equal(v->st.rip, FAKE_CODE);
		user.hypercall.result = -38;
		answer(HV_AGAIN);
		assert_int_equal(v->st.gpr[HV_RAX], wide ? (uint64_t)-38 : (uint32_t)-38);
		assert_int_equal(v->st.rip, FAKE_CODE + 3);
		end();
	}
}

static void other_vendors_instruction(void **state)
{
	struct hv_exit x = { .kind = HV_EXIT_EXCEPTION, .exc = { .vector = X86_UD } };

	begin(64);
	FAKE_CODE_BYTES(v, 0x0f, 0x01, 0xc1, 0x0f, 0x01, 0xd9, 0x0f, 0x0b);
	v->st.gpr[HV_RAX] = 1;
	assert_int_equal(handle(x), HV_AGAIN);
	assert_int_equal(v->st.gpr[HV_RAX], 0);
	assert_int_equal(v->st.rip, FAKE_CODE + 3);
	v->st.gpr[HV_RAX] = 1;
	assert_int_equal(handle(x), HV_AGAIN);
	assert_int_equal(v->st.gpr[HV_RAX], 0);
	assert_int_equal(v->st.rip, FAKE_CODE + 6);
	assert_int_equal(v->exception.type, HV_EV_NONE);
	assert_int_equal(handle(x), HV_AGAIN);
	assert_int_equal(v->st.rip, FAKE_CODE + 6);
	assert_int_equal(v->exception.vector, X86_UD);
	end();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(skip_stays_in_the_mode),
		cmocka_unit_test(fetch_stops_at_what_is_not_there),
		cmocka_unit_test(fetch_faults_where_the_instruction_goes_on),
		cmocka_unit_test(kvm_hypercalls),
		cmocka_unit_test(kvm_sends_interrupts),
		cmocka_unit_test(xen_hypercalls_are_the_users),
		cmocka_unit_test(other_vendors_instruction),
	};

	return cmocka_run_group_tests_name("insn", tests, NULL, NULL);
}
