// SPDX-License-Identifier: GPL-2.0-only
/* Model-specific registers: values, rules, time, filters, the user's part, the hypercall page. */
#include "fake_backend.h"
#include "fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { RAM = 8 << 20, PAGE = 0x20000, NO_MSR = 0x12345 };
enum { FAULT = 100 }; /* + vector */

static struct hv_vm *vm;
static struct hv_vcpu *v;
static struct hv_user user;

static void begin(void)
{
	fake_host_reset();
	vm = fake_vm_new(RAM);
	v = fake_vcpu_new(vm);
	v->user = &user;
	memset(&user, 0, sizeof(user));
}

static void end(void)
{
	hv_vcpu_release(v);
	fake_vm_free(vm);
	assert_int_equal(fake.live, 0);
}

static int exit_msr(bool write, uint32_t index, uint64_t val)
{
	struct hv_exit x = { .kind = HV_EXIT_MSR, .insn_len = 2, .msr.write = write };
	int r;

	v->exception.type = HV_EV_NONE;
	v->st.rip = FAKE_CODE;
	v->st.gpr[HV_RCX] = 0xdead00000000 | index;
	v->st.gpr[HV_RAX] = write ? 0xdead00000000 | (uint32_t)val : ~0ull;
	v->st.gpr[HV_RDX] = write ? 0xdead00000000 | val >> 32 : ~0ull;
	fake_exit(v);
	r = hv_exit_handle(v, &x);
	hv_vcpu_release(v);
	fake_exit(v);
	if (v->exception.type) {
		assert_int_equal(v->st.rip, FAKE_CODE);
		return FAULT + v->exception.vector;
	}
	assert_int_equal(v->st.rip, FAKE_CODE + (r == HV_AGAIN ? 2 : 0));
	return r;
}

static int guest_write(uint32_t index, uint64_t val)
{
	return exit_msr(true, index, val);
}

static uint64_t guest_read(uint32_t index)
{
	assert_int_equal(exit_msr(false, index, 0), HV_AGAIN);
	return v->st.gpr[HV_RDX] << 32 | v->st.gpr[HV_RAX];
}

static uint64_t user_read(uint32_t index)
{
	uint64_t val;

	assert_int_equal(hv_msr_get(v, index, &val), 0);
	return val;
}

static void holds(uint32_t index, uint64_t val)
{
	assert_int_equal(guest_write(index, val), HV_AGAIN);
	assert_int_equal(guest_read(index), val);
	assert_int_equal(user_read(index), val);
}

static void refuses(uint32_t index, uint64_t val)
{
	assert_int_equal(guest_write(index, val), FAULT + X86_GP);
}

static void test_registers_of_the_processor(void **state)
{
	const uint64_t high = 0xffff800000001000, bad = 0x0000800000000000;

	begin();
	holds(MSR_STAR, 0x123456789abcdef0);
	holds(MSR_LSTAR, high);
	holds(MSR_SFMASK, 0x47700);
	holds(MSR_FS_BASE, high);
	holds(MSR_GS_BASE, 0x1000);
	holds(MSR_KERNEL_GS_BASE, high);
	holds(MSR_SYSENTER_CS, 8);
	holds(MSR_SYSENTER_EIP, high);
	assert_int_equal(fake_hw(v)->st.lstar, high);
	assert_int_equal(fake_hw(v)->st.seg[HV_FS].base, high);
	assert_int_equal(fake_hw(v)->st.kernel_gs_base, high);
	refuses(MSR_LSTAR, bad);
	refuses(MSR_FS_BASE, bad);
	refuses(MSR_GS_BASE, bad);
	refuses(MSR_SYSENTER_ESP, bad);
	refuses(MSR_TSC_AUX, 1ull << 32);
	assert_int_equal(fake_hw(v)->st.lstar, high);
	holds(MSR_EFER, EFER_LME | EFER_LMA | EFER_NXE);
	refuses(MSR_EFER, EFER_SVME | EFER_LME);
	refuses(MSR_EFER, 0);
	end();
}

static void test_memory_types(void **state)
{
	begin();
	assert_int_equal(guest_read(MSR_PAT), 0x0007040600070406);
	holds(MSR_PAT, 0x0007010600070106);
	refuses(MSR_PAT, 2);
	refuses(MSR_PAT, 3ull << 56);
	refuses(MSR_PAT, 0x80);
	assert_int_equal(guest_read(MSR_MTRRCAP), 0x508);
	refuses(MSR_MTRRCAP, 0x508);
	holds(MSR_MTRR_FIX64K, 0x0606060606060606);
	holds(MSR_MTRR_FIX4K + 7, 0x0505050505050505);
	refuses(MSR_MTRR_FIX4K, 0x0606060606060607);
	assert_int_equal(exit_msr(false, MSR_MTRR_FIX4K + 8, 0), FAULT + X86_GP);
	holds(MSR_MTRR_PHYSBASE0, 0xc0000000);
	holds(MSR_MTRR_PHYSBASE0 + 15, 0xfc0000800);
	refuses(MSR_MTRR_PHYSBASE0, 0xc0000002);
	refuses(MSR_MTRR_PHYSBASE0, 0xc0000100);
	refuses(MSR_MTRR_PHYSBASE0 + 1, 1ull << 40);
	refuses(MSR_MTRR_PHYSBASE0 + 1, 0x801);
	holds(MSR_MTRR_DEFTYPE, 0xc06);
	refuses(MSR_MTRR_DEFTYPE, 0x1000);
	refuses(MSR_MTRR_DEFTYPE, 2);
	end();
}

static void test_machine_check(void **state)
{
	begin();
	assert_int_equal(guest_read(MSR_MCG_CAP), 0x100 | HV_MC_BANKS);
	holds(MSR_MCG_CTL, ~0ull);
	refuses(MSR_MCG_CTL, 1);
	holds(MSR_MC0_CTL + 4 * 4, ~0ull & ~(1ull << 10));
	refuses(MSR_MC0_CTL, 5);
	refuses(MSR_MC0_CTL + 1, 1ull << 63);
	assert_int_equal(hv_msr_set(v, MSR_MC0_CTL + 1, 1ull << 63), 0);
	holds(MSR_MC0_CTL + 1, 0);
	holds(MSR_MC0_CTL + 2, 0x1234);
	refuses(MSR_MC0_CTL + 4 * HV_MC_BANKS, 0);
	end();
}

static void test_dull_ones(void **state)
{
	static const uint32_t zero[] = { 0x17, 0x2a, 0x34, 0xce, 0x198, 0xc0010000, 0xc0010007,
					 0xc0010010, 0xc0010055, 0xc0010140, 0xc0011020,
					 0xc001102a };

	begin();
	for (unsigned i = 0; i < HV_ARRAY(zero); i++)
		assert_int_equal(guest_read(zero[i]), 0);
	assert_int_equal(guest_write(0xc0011020, 5), HV_AGAIN);
	assert_int_equal(guest_read(0xc0011020), 0);
	assert_int_equal(guest_read(0xc0011029), 2);
	assert_int_equal(guest_read(MSR_FEATURE_CONTROL), 1);
	refuses(MSR_FEATURE_CONTROL, 5);
	refuses(0xce, 1);
	holds(MSR_MISC_ENABLE, 0x1801);
	assert_int_equal(guest_write(MSR_BIOS_SIGN_ID, 0), HV_AGAIN);
	assert_int_not_equal(guest_read(MSR_BIOS_SIGN_ID), 0);
	assert_int_equal(guest_write(MSR_DEBUGCTL, 3), HV_AGAIN);
	assert_int_equal(guest_read(MSR_DEBUGCTL), 0);
	refuses(MSR_DEBUGCTL, 0x40);
	end();
}

static void test_unknown(void **state)
{
	uint64_t val;

	begin();
	refuses(NO_MSR, 0);
	refuses(MSR_XSS, 0);
	assert_int_equal(exit_msr(false, NO_MSR, 0), FAULT + X86_GP);
	assert_int_equal(hv_msr_get(v, NO_MSR, &val), -ENOENT);
	assert_int_equal(hv_msr_set(v, NO_MSR, 0), -ENOENT);
	assert_int_equal(hv_msr_set(v, MSR_PAT, 2), -EINVAL);
	end();
}

/* Two numbers for each of kvmclock's pages. */
static void test_clock(void **state)
{
	begin();
	v->requests = 0;
	holds(MSR_KVM_SYSTEM_TIME, 0x3001);
	assert_true(v->requests & HV_REQ_CLOCK);
	assert_int_equal(guest_read(MSR_KVM_SYSTEM_TIME_OLD), 0x3001);
	holds(MSR_KVM_SYSTEM_TIME_OLD, 0);
	holds(MSR_KVM_WALL_CLOCK_OLD, 1ull << 50); /* no RAM: the guest's own fault */
	assert_int_equal(guest_read(MSR_KVM_WALL_CLOCK), 1ull << 50);
	refuses(MSR_KVM_SYSTEM_TIME + 1, 0);
	end();
}

/* Everything that is listed can be saved and set again, as it is. */
static void test_list(void **state)
{
	unsigned n;
	const uint32_t *list = hv_msr_list(&n);

	begin();
	assert_in_range(n, 50, 200);
	for (unsigned i = 0; i < n; i++) {
		uint64_t val = 0, again = 1;

		assert_int_equal(hv_msr_get(v, list[i], &val), 0);
		assert_int_equal(hv_msr_set(v, list[i], val), 0);
		assert_int_equal(hv_msr_get(v, list[i], &again), 0);
		assert_int_equal(val, again);
		for (unsigned k = 0; k < i; k++)
			assert_int_not_equal(list[i], list[k]);
	}
	end();
}

static void test_reset(void **state)
{
	begin();
	holds(MSR_MTRR_DEFTYPE, 0xc06);
	v->xcr0 = 3;
	hv_vcpu_reset(v, true);
	hv_vcpu_release(v);
	assert_int_equal(user_read(MSR_MTRR_DEFTYPE), 0xc06);
	assert_int_equal(v->xcr0, 3);
	hv_vcpu_reset(v, false);
	hv_vcpu_release(v);
	assert_int_equal(user_read(MSR_MTRR_DEFTYPE), 0);
	assert_int_equal(user_read(MSR_PAT), 0x0007040600070406);
	assert_int_equal(v->xcr0, 1);
	end();
}

/* --- time --- */

static void test_tsc(void **state)
{
	uint64_t now;

	begin();
	now = guest_read(MSR_TSC);
	fake_host_advance(1000000);
	assert_int_equal(guest_read(MSR_TSC) - now, fake.tsc_khz);
	assert_int_equal(guest_write(MSR_TSC, now), HV_AGAIN);
	assert_int_equal(guest_read(MSR_TSC), now);
	assert_int_equal(guest_read(MSR_TSC_ADJUST), -fake.tsc_khz);
	assert_int_equal(guest_write(MSR_TSC_ADJUST, 0), HV_AGAIN);
	assert_int_equal(guest_read(MSR_TSC), now + fake.tsc_khz);
	assert_int_equal(fake_hw(v)->tsc_offset, v->tsc_offset);
	assert_int_equal(hv_msr_set(v, MSR_TSC_ADJUST, 5), 0); /* only the register */
	assert_int_equal(guest_read(MSR_TSC), now + fake.tsc_khz);
	assert_int_equal(guest_read(MSR_TSC_ADJUST), 5);
	end();
}

/* The user sets one vCPU after the other: they get one time. */
static void test_tsc_of_several(void **state)
{
	struct hv_vcpu *other;
	uint64_t second;

	begin();
	other = fake_vcpu_new(vm);
	second = fake.tsc_khz * 1000;
	fake_host_advance(5000000000);
	assert_int_equal(hv_msr_set(v, MSR_TSC, 1000 * second), 0);
	assert_int_equal(user_read(MSR_TSC), 1000 * second);
	fake_host_advance(300000000);
	assert_int_equal(hv_msr_set(other, MSR_TSC, 1000 * second), 0);
	assert_int_equal(other->tsc_offset, v->tsc_offset);
	assert_int_equal(hv_msr_set(other, MSR_TSC, 0), 0);
	assert_int_equal(other->tsc_offset, v->tsc_offset);
	assert_int_equal(hv_msr_set(other, MSR_TSC, 2000 * second), 0);
	assert_int_not_equal(other->tsc_offset, v->tsc_offset);
	end();
}

/* --- speculation --- */

static void test_speculation(void **state)
{
	begin();
	refuses(MSR_SPEC_CTRL, 0);
	refuses(MSR_PRED_CMD, 0);
	assert_int_equal(exit_msr(false, MSR_ARCH_CAPABILITIES, 0), FAULT + X86_GP);
	assert_int_equal(hv_msr_set(v, MSR_SPEC_CTRL, 0), 0);
	assert_int_equal(hv_msr_set(v, MSR_SPEC_CTRL, 1ull << 20), -EINVAL);
	v->spec_ctrl_allowed = SPEC_CTRL_IBRS;
	v->pred_cmd_allowed = true;
	hv_msr_traps(v);
	hv_vcpu_release(v);
	holds(MSR_SPEC_CTRL, SPEC_CTRL_IBRS);
	assert_int_equal(fake_hw(v)->st.spec_ctrl, SPEC_CTRL_IBRS);
	refuses(MSR_SPEC_CTRL, SPEC_CTRL_SSBD);
	assert_int_equal(guest_write(MSR_PRED_CMD, PRED_CMD_IBPB), HV_AGAIN); /* hv_cap: none */
	refuses(MSR_PRED_CMD, 2);
	assert_int_equal(exit_msr(false, MSR_PRED_CMD, 0), FAULT + X86_GP);
	hv_cap.arch_capabilities = 9;
	v->arch_capabilities_allowed = true;
	assert_int_equal(guest_read(MSR_ARCH_CAPABILITIES), 9);
	end();
}

/* --- filters, and the user --- */

static uint32_t trap_of(uint32_t msr)
{
	for (unsigned i = 0; i < fake_hw(v)->n_msr_traps; i++)
		if (fake_hw(v)->msr_trap[i].msr == msr)
			return fake_hw(v)->msr_trap[i].access;
	return ~0u;
}

static void test_filter(void **state)
{
	struct hv_msr_filter f = { .n = 2, .range = {
		{ .base = MSR_STAR, .count = 2, .read = true, .write = true },
		{ .base = MSR_PAT, .count = 1, .write = true },
	} };

	begin();
	hv_msr_traps(v);
	hv_vcpu_release(v);
	assert_int_equal(trap_of(MSR_STAR), 0);
	f.range[0].bits = host_alloc(sizeof(unsigned long));
	f.range[1].bits = host_alloc(sizeof(unsigned long));
	f.range[0].bits[0] = 2; /* the second one */
	hv_msr_filter_set(vm, &f);
	hv_msr_traps(v);
	hv_vcpu_release(v);
	assert_int_equal(trap_of(MSR_STAR), HV_ACCESS_READ | HV_ACCESS_WRITE);
	assert_int_equal(trap_of(MSR_LSTAR), 0);
	refuses(MSR_STAR, 1);
	holds(MSR_LSTAR, 1);
	assert_int_equal(guest_read(MSR_PAT), 0x0007040600070406);
	refuses(MSR_PAT, 0);
	assert_int_equal(hv_msr_set(v, MSR_PAT, 0), 0); /* the user is not filtered */
	hv_msr_filter_set(vm, &(struct hv_msr_filter){ .deny = true });
	refuses(MSR_LSTAR, 1);
	v->lapic.base = APIC_DEFAULT_GPA | APIC_BASE_ENABLE | APIC_BASE_X2APIC;
	assert_int_equal(exit_msr(false, MSR_X2APIC + 3, 0), HV_AGAIN); /* never filtered */
	end();
}

static void test_to_user(void **state)
{
	begin();
	hv_msr_to_user(vm, HV_MSR_UNKNOWN);
	assert_int_equal(exit_msr(false, NO_MSR, 0), HV_TO_USER);
	assert_int_equal(user.reason, HV_USER_MSR_READ);
	assert_int_equal(user.msr.index, NO_MSR);
	assert_int_equal(user.msr.why, HV_MSR_UNKNOWN);
	user.msr.data = 0x1122334455667788;
	user.reason = HV_USER_NONE; /* who comes back need not say from what */
	assert_int_equal(hv_complete(v), HV_AGAIN);
	assert_int_equal(v->st.gpr[HV_RAX], 0x55667788);
	assert_int_equal(v->st.gpr[HV_RDX], 0x11223344);
	assert_int_equal(v->st.rip, FAKE_CODE + 2);
	refuses(MSR_PAT, 2);
	hv_msr_to_user(vm, HV_MSR_INVALID);
	refuses(NO_MSR, 1);
	assert_int_equal(guest_write(MSR_PAT, 0x12300000002), HV_TO_USER);
	assert_int_equal(user.reason, HV_USER_MSR_WRITE);
	assert_int_equal(user.msr.data, 0x12300000002);
	assert_int_equal(user.msr.why, HV_MSR_INVALID);
	user.msr.fault = true;
	assert_int_equal(hv_complete(v), HV_AGAIN);
	assert_int_equal(v->exception.vector, X86_GP);
	assert_int_equal(v->st.rip, FAKE_CODE);
	end();
}

static void test_user_moves_the_guest(void **state)
{
	begin();
	hv_msr_to_user(vm, HV_MSR_UNKNOWN);
	assert_int_equal(exit_msr(false, NO_MSR, 0), HV_TO_USER);
	v->st.rip = 0x9000;
	assert_int_equal(hv_complete(v), HV_AGAIN);
	assert_int_equal(v->st.rip, 0x9000);
	end();
}

static void test_hypercall_page(void **state)
{
	static const uint8_t stub[] = { 0xb8, 34, 0, 0, 0, 0x0f, 0x01, 0xd9, 0xc3, 0xcc };
	const uint8_t *page;

	begin();
	memcpy(hv_cap.hypercall_insn, &stub[5], 3);
	refuses(0x40000200, PAGE);
	hv_xen_config(vm, 0x40000200, true);
	assert_int_equal(guest_write(0x40000200, PAGE), HV_AGAIN);
	page = fake_ram(vm, PAGE);
	assert_memory_equal(page + 34 * 32, stub, sizeof(stub));
	assert_int_equal(page[4095], 0xcc);
	assert_int_equal(page[4096], 0);
	assert_int_equal(guest_read(0x40000200), 0);
	refuses(0x40000200, PAGE | 1);
	refuses(0x40000200, RAM);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registers_of_the_processor),
		cmocka_unit_test(test_memory_types), cmocka_unit_test(test_machine_check),
		cmocka_unit_test(test_dull_ones), cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_clock), cmocka_unit_test(test_reset),
		cmocka_unit_test(test_tsc), cmocka_unit_test(test_tsc_of_several),
		cmocka_unit_test(test_speculation), cmocka_unit_test(test_filter),
		cmocka_unit_test(test_to_user), cmocka_unit_test(test_user_moves_the_guest),
		cmocka_unit_test(test_hypercall_page),
	};

	return cmocka_run_group_tests_name("msr", tests, NULL, NULL);
}
