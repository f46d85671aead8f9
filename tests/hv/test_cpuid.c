// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID: what is offered, what follows from what the user sets, and what a guest is told. The offer
 * depends on the processor that the test runs on; only what must hold everywhere is checked.
 */
#include "fake_backend.h"
#include "fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { RAM = 8 << 20 };

static struct hv_vm *vm;
static struct hv_vcpu *v;

static void begin(void)
{
	fake_host_reset();
	vm = fake_vm_new(RAM);
	v = fake_vcpu_new(vm);
	hv_cap.host_xcr0 = XCR0_X87 | XCR0_SSE | XCR0_AVX;
}

static void end(void)
{
	hv_vcpu_release(v);
	fake_vm_free(vm);
	assert_int_equal(fake.live, 0);
}

static struct hv_cpuid offer[HV_MAX_CPUID];
static unsigned n_offer;

static const struct hv_cpuid *offered(uint32_t leaf, uint32_t sub)
{
	for (unsigned i = 0; i < n_offer; i++)
		if (offer[i].leaf == leaf && (!offer[i].has_sub || offer[i].sub == sub))
			return &offer[i];
	return NULL;
}

static void get_offer(void)
{
	n_offer = hv_cpuid_supported(offer);
	assert_in_range(n_offer, 20, HV_MAX_CPUID);
}

static void test_offer(void **state)
{
	begin();
	get_offer();
	assert_in_range(offered(0, 0)->eax, 1, 0xd);
	assert_int_equal(offered(1, 0)->ecx & 0x81200000, 0x81200000); /* x2APIC, deadline */
	assert_int_equal(offered(1, 0)->ecx & 0x08000068, 0); /* OSXSAVE, VMX, SMX, MONITOR */
	assert_int_equal(offered(1, 0)->ebx & 0xff000000, 0); /* not the host's APIC ID */
	assert_int_equal(offered(7, 0)->ebx & 0x00000812, 2); /* TSC_ADJUST; no HLE, RTM */
	assert_int_equal(offered(7, 0)->ecx & 0x00010018, 0); /* no protection keys, no LA57 */
	assert_int_equal(offered(0x80000001, 0)->ecx & 4, 0); /* no SVM */
	assert_int_equal(offered(0x40000000, 0)->ebx, 0x4b4d564b);
	assert_int_equal(offered(0x40000001, 0)->eax, 0x0100004b);
	assert_in_range(offered(0x80000008, 0)->eax & 0xff, 32, 40);
	assert_int_equal(offered(0xd, 1)->eax & 0xa, 0);
	for (const struct hv_cpuid *c = &offer[1]; c < &offer[n_offer]; c++) /* in order */
		assert_true(c[-1].leaf < c->leaf || (c[-1].leaf == c->leaf && c[-1].sub < c->sub));
	end();
}

static void test_offer_follows_the_processor(void **state)
{
	begin();
	hv_cap.cr4_guest &= ~(CR4_PCIDE | CR4_SMEP | CR4_OSXSAVE);
	hv_cap.host_xcr0 = 0;
	hv_cap.phys_bits = 36;
	get_offer();
	assert_int_equal(offered(1, 0)->ecx & 0x34021000, 0); /* PCID, XSAVE, AVX, F16C, FMA */
	assert_int_equal(offered(7, 0)->ebx & 0x000004a0, 0); /* SMEP, INVPCID, AVX2 */
	assert_int_equal(offered(7, 0)->ebx & 0xd0230000, 0); /* AVX-512 */
	assert_int_equal(offered(0xd, 0)->eax, 0);
	assert_in_range(offered(0x80000008, 0)->eax & 0xff, 32, 36);
	assert_int_equal(offered(7, 0)->edx & 0x20000000, 0);
	hv_cap.arch_capabilities = 1;
	get_offer();
	assert_int_not_equal(offered(7, 0)->edx & 0x20000000, 0);
	end();
}

static void test_set_and_get(void **state)
{
	struct hv_cpuid in[] = {
		{ 0x40000000, 0, 1, 2, 3, 4, false },
		{ 4, 1, 41, 0, 0, 0, true }, { 4, 0, 40, 0, 0, 0, true },
		{ 1, 0, 10, 0, 0, 0, false }, { 1, 0, 11, 0, 0, 0, false },
	};
	struct hv_cpuid out[HV_MAX_CPUID];

	begin();
	assert_int_equal(hv_cpuid_set(v, in, HV_ARRAY(in)), 0);
	assert_int_equal(hv_cpuid_get(v, out), HV_ARRAY(in));
	assert_int_equal(hv_cpuid_find(v, 1, 5)->eax, 10); /* the first one counts */
	assert_int_equal(hv_cpuid_find(v, 4, 0)->eax, 40);
	assert_int_equal(hv_cpuid_find(v, 4, 1)->eax, 41);
	assert_null(hv_cpuid_find(v, 4, 2));
	assert_null(hv_cpuid_find(v, 2, 0));
	assert_null(hv_cpuid_find(v, ~0u, 0));
	v->st.cr4 |= CR4_OSXSAVE;
	hv_cpuid_get(v, out);
	assert_int_equal(out[0].ecx, 0x08000000); /* as the guest reads it */
	assert_int_equal(hv_cpuid_set(v, out, HV_MAX_CPUID + 1), -E2BIG);
	in[0] = (struct hv_cpuid){ .leaf = 0x80000008, .eax = 57 << 8 | 40 };
	assert_int_equal(hv_cpuid_set(v, in, 1), -EINVAL);
	assert_int_equal(hv_cpuid_get(v, out), HV_ARRAY(in));
	end();
}

static void test_what_follows(void **state)
{
	const struct hv_cpuid nothing = { 0 };
	const struct hv_cpuid leaf7 = { .leaf = 7, .has_sub = true, .edx = 1 << 26 | 1 << 29 };

	begin();
	get_offer();
	assert_int_equal(hv_cpuid_set(v, &leaf7, 1), 0);
	assert_true(v->pred_cmd_allowed && v->arch_capabilities_allowed);
	assert_int_equal(hv_cpuid_set(v, offer, n_offer), 0);
	assert_int_equal(v->efer_allowed & (EFER_SCE | EFER_LME | EFER_LMA), EFER_SCE | EFER_LME |
			 EFER_LMA);
	assert_int_equal(v->cr4_allowed & ~hv_cap.cr4_guest, 0);
	assert_int_equal(v->phys_bits, offered(0x80000008, 0)->eax & 0xff);
	assert_true(v->x2apic_allowed);
	assert_int_equal(hv_cpuid_set(v, &nothing, 1), 0);
	assert_int_equal(v->efer_allowed, 0);
	assert_int_equal(v->xcr0_allowed, 0);
	assert_int_equal(v->spec_ctrl_allowed, 0);
	assert_int_equal(v->phys_bits, 36);
	assert_false(v->x2apic_allowed || v->pred_cmd_allowed || v->arch_capabilities_allowed);
	assert_int_equal(v->cr4_allowed & (CR4_PAE | CR4_SMEP | CR4_OSXSAVE), CR4_PAE);
	assert_int_equal(hv_cpuid_set(v, NULL, 0), 0);
	assert_int_equal(v->cr4_allowed, hv_cap.cr4_guest);
	assert_int_not_equal(v->efer_allowed & EFER_LME, 0);
	end();
}

/* A user who claims what the processor has not gets none of it into its registers. */
static void test_lies(void **state)
{
	const struct hv_cpuid lies[] = {
		{ 1, 0, ~0u, ~0u, ~0u, ~0u, false }, { 7, 0, ~0u, ~0u, ~0u, ~0u, true },
		{ 0xd, 0, ~0u, ~0u, ~0u, ~0u, true }, { 0x80000001, 0, ~0u, ~0u, ~0u, ~0u, false },
		{ 0x80000008, 0, 0x30ff, ~0u, ~0u, ~0u, false },
	};

	begin();
	hv_cap.cr4_guest = CR4_PAE | CR4_SMEP;
	assert_int_equal(hv_cpuid_set(v, lies, HV_ARRAY(lies)), 0);
	assert_int_equal(v->cr4_allowed, CR4_PAE | CR4_SMEP);
	assert_int_equal(v->xcr0_allowed, XCR0_X87 | XCR0_SSE | XCR0_AVX);
	assert_int_equal(v->efer_allowed & EFER_SVME, 0);
	assert_int_equal(v->spec_ctrl_allowed & ~hv_spec_ctrl_host(), 0);
	assert_int_equal(v->phys_bits, 52);
	end();
}

/* --- exits --- */

static void ask(uint32_t leaf, uint32_t sub)
{
	struct hv_exit x = { .kind = HV_EXIT_CPUID, .insn_len = 2 };

	v->st.gpr[HV_RAX] = 0xdead00000000 | leaf;
	v->st.gpr[HV_RCX] = 0xdead00000000 | sub;
	v->st.gpr[HV_RBX] = v->st.gpr[HV_RDX] = ~0ull;
	v->st.rip = FAKE_CODE;
	fake_exit(v);
	assert_int_equal(hv_exit_handle(v, &x), HV_AGAIN);
	assert_int_equal(v->st.rip, FAKE_CODE + 2);
	hv_vcpu_release(v);
}

static void answer(uint64_t eax, uint64_t ebx, uint64_t ecx, uint64_t edx)
{
	assert_int_equal(v->st.gpr[HV_RAX], eax);
	assert_int_equal(v->st.gpr[HV_RBX], ebx);
	assert_int_equal(v->st.gpr[HV_RCX], ecx);
	assert_int_equal(v->st.gpr[HV_RDX], edx);
}

static void set_vendor(uint32_t ebx)
{
	const struct hv_cpuid in[] = {
		{ 0, 0, 0xd, ebx, 0, 0, false }, { 1, 0, 1, 2, ~0u, ~0u, false },
		{ 0xb, 0, 1, 2, 0x100, 9, true }, { 0xb, 1, 3, 4, 0x201, 9, true },
		{ 0xd, 0, 7, 1, 2, 0, true }, { 0xd, 1, 5, 0, 0, 0, true },
		{ 0xd, 2, 256, 576, 0, 0, true },
		{ 0x40000000, 0, 0x40000001, 5, 6, 7, false }, { 0x40000001, 0, 8, 0, 0, 0, false },
		{ 0x80000000, 0, 0x80000008, 0, 0, 0, false },
		{ 0x80000004, 0, 4, 4, 4, 4, false },
	};

	assert_int_equal(hv_cpuid_set(v, in, HV_ARRAY(in)), 0);
}

static void test_exit(void **state)
{
	begin();
	set_vendor(0x68747541);
	ask(0x80000004, 77);
	answer(4, 4, 4, 4);
	ask(5, 0);
	answer(0, 0, 0, 0);
	ask(0xe, 0); /* beyond the last */
	answer(0, 0, 0, 0);
	ask(0x80000009, 0);
	answer(0, 0, 0, 0);
	ask(0xb, 1);
	answer(3, 4, 0x201, 9);
	ask(0xb, 7);
	answer(0, 0, 7, 9);
	end();
}

static void test_exit_beyond_range(void **state)
{
	begin();
	set_vendor(0x756e6547);
	ask(5, 0); /* within: nothing */
	answer(0, 0, 0, 0);
	ask(0x80000003, 0);
	answer(0, 0, 0, 0);
	ask(0x40000002, 1);
	answer(5, 0, 0, 0);
	ask(0xe, 2);
	answer(256, 576, 0, 0);
	ask(0x80000009, 1);
	answer(5, 0, 0, 0);
	assert_int_equal(hv_cpuid_set(v, NULL, 0), 0);
	ask(0xe, 2);
	answer(0, 0, 0, 0);
	end();
}

static void test_exit_live_bits(void **state)
{
	begin();
	set_vendor(0x756e6547);
	ask(1, 0);
	answer(1, 2, 0xf7ffffff, 0xffffffff); /* CR4.OSXSAVE is off */
	hv_touch(v, HV_CR);
	v->st.cr4 |= CR4_OSXSAVE;
	v->lapic.base &= ~APIC_BASE_ENABLE;
	ask(1, 0);
	answer(1, 2, 0xffffffff, 0xfffffdff);
	ask(0xd, 0);
	answer(7, 576, 2, 0);
	v->xcr0 = 7;
	ask(0xd, 0);
	answer(7, 832, 2, 0);
	ask(0xe, 0); /* stands for 0xD */
	answer(7, 832, 2, 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offer),
		cmocka_unit_test(test_offer_follows_the_processor),
		cmocka_unit_test(test_set_and_get), cmocka_unit_test(test_what_follows),
		cmocka_unit_test(test_lies), cmocka_unit_test(test_exit),
		cmocka_unit_test(test_exit_beyond_range), cmocka_unit_test(test_exit_live_bits),
	};

	return cmocka_run_group_tests_name("cpuid", tests, NULL, NULL);
}
