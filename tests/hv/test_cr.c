// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control registers, debug registers, XCR0 and whole groups of state: what is taken, what is #GP,
 * what is flushed, and that it reaches the hardware.
 */
#include "fake_backend.h"
#include "fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { RAM = 8 << 20, PDPT = 0x20000, DATA = 0x21000 };

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

static int write_cr(unsigned cr, uint64_t val)
{
	int r;

	fake_exit(v);
	r = hv_cr_write(v, cr, val);
	hv_vcpu_release(v);
	fake_exit(v);
	return r;
}

static const struct hv_state *hw(void)
{
	return &fake_hw(v)->st;
}

static unsigned flushes_of(unsigned cr, uint64_t val)
{
	unsigned before = fake_hw(v)->flushes;

	assert_int_equal(write_cr(cr, val), 0);
	return fake_hw(v)->flushes - before;
}

static void test_cr0_rules(void **state)
{
	begin(32);
	assert_int_equal(write_cr(0, CR0_PG), -EINVAL);
	assert_int_equal(write_cr(0, CR0_PE | CR0_NW), -EINVAL);
	assert_int_equal(write_cr(0, CR0_PE | 1ull << 32), -EINVAL);
	assert_int_equal(hw()->cr0, CR0_PE | CR0_ET | CR0_NE);
	assert_int_equal(write_cr(0, CR0_PE | CR0_CD | CR0_NW | CR0_WP | 0xff80), 0);
	assert_int_equal(hw()->cr0, CR0_PE | CR0_CD | CR0_NW | CR0_WP | CR0_ET);
	end();
}

static void test_cr4_rules(void **state)
{
	begin(32);
	v->cr4_allowed &= ~CR4_SMEP;
	assert_int_equal(write_cr(4, CR4_SMEP), -EINVAL);
	assert_int_equal(write_cr(4, CR4_VMXE), -EINVAL);
	assert_int_equal(write_cr(4, CR4_PCIDE), -EINVAL); /* not in long mode */
	assert_int_equal(write_cr(4, CR4_PSE | CR4_PGE), 0);
	assert_int_equal(hw()->cr4, CR4_PSE | CR4_PGE);
	hv_cap.cr4_guest &= ~CR4_PGE; /* whatever CPUID says */
	assert_int_equal(write_cr(4, CR4_PSE | CR4_PGE), -EINVAL);
	end();
}

static void test_long_mode_on_and_off(void **state)
{
	begin(32);
	assert_int_equal(hv_efer_write(v, EFER_LME | EFER_LMA), 0);
	assert_int_equal(write_cr(0, CR0_PE | CR0_PG), -EINVAL); /* no PAE */
	assert_int_equal(write_cr(4, CR4_PAE), 0);
	assert_int_equal(hw()->efer, EFER_LME);
	assert_int_equal(write_cr(0, CR0_PE | CR0_PG), 0);
	assert_int_equal(hw()->efer, EFER_LME | EFER_LMA);
	assert_int_equal(hv_efer_write(v, 0), -EINVAL);
	assert_int_equal(hv_efer_write(v, EFER_LME | EFER_NXE), 0); /* LMA stays */
	assert_int_equal(write_cr(4, 0), -EINVAL);
	assert_int_equal(hw()->efer, EFER_LME | EFER_LMA | EFER_NXE);
	assert_int_equal(write_cr(0, CR0_PE), 0);
	assert_int_equal(hw()->efer, EFER_LME | EFER_NXE);
	assert_int_equal(hv_efer_write(v, EFER_SVME), -EINVAL);
	end();
}

static void test_long_mode_and_cs(void **state)
{
	begin(64);
	assert_int_equal(write_cr(0, CR0_PE), -EINVAL); /* from a 64-bit segment */
	end();
	begin(32);
	assert_int_equal(hv_efer_write(v, EFER_LME), 0);
	assert_int_equal(write_cr(4, CR4_PAE), 0);
	hv_touch(v, HV_SEG);
	v->st.seg[HV_CS].attr |= SEG_L;
	assert_int_equal(write_cr(0, CR0_PE | CR0_PG), -EINVAL);
	end();
}

static void test_pcid(void **state)
{
	begin(64);
	assert_int_equal(write_cr(3, FAKE_TABLES | 5), 0);
	assert_int_equal(write_cr(4, CR4_PAE | CR4_PCIDE), -EINVAL); /* CR3 names a PCID already */
	assert_int_equal(write_cr(3, FAKE_TABLES | 1ull << 63), -EINVAL);
	assert_int_equal(write_cr(3, FAKE_TABLES), 0);
	assert_int_equal(flushes_of(4, CR4_PAE | CR4_PCIDE), 0);
	assert_int_equal(flushes_of(3, FAKE_TABLES | 7 | 1ull << 63), 0);
	assert_int_equal(hw()->cr3, FAKE_TABLES | 7);
	assert_int_equal(flushes_of(3, FAKE_TABLES | 6), 1);
	assert_int_equal(flushes_of(4, CR4_PAE), 1);
	end();
}

static void test_cr3_width(void **state)
{
	begin(64);
	v->phys_bits = 40;
	assert_int_equal(write_cr(3, 1ull << 40), -EINVAL);
	assert_int_equal(write_cr(3, 1ull << 39), 0);
	assert_int_equal(write_cr(3, 1ull << 52), -EINVAL);
	end();
}

static void test_flushes(void **state)
{
	begin(64);
	assert_int_equal(flushes_of(3, FAKE_TABLES), 1);
	assert_int_equal(flushes_of(0, hw()->cr0 | CR0_WP), 0);
	assert_int_equal(flushes_of(0, hw()->cr0 | CR0_TS), 0);
	assert_int_equal(flushes_of(4, CR4_PAE | CR4_PGE), 1);
	assert_int_equal(flushes_of(4, CR4_PAE | CR4_PGE | CR4_OSXSAVE), 0);
	assert_int_equal(flushes_of(4, CR4_PAE | CR4_PGE | CR4_SMEP), 1);
	assert_int_equal(flushes_of(4, CR4_PAE | CR4_PGE), 0);
	assert_int_equal(flushes_of(2, 0x1234), 0);
	assert_int_equal(hv_cr_read(v, 2), 0x1234);
	end();
}

static void test_pae_paging_loads_pdptes(void **state)
{
	uint64_t *pdpt;

	begin(32);
	pdpt = fake_ram(vm, PDPT);
	pdpt[0] = DATA | PTE_P;
	assert_int_equal(write_cr(3, PDPT), 0);
	assert_int_equal(write_cr(4, CR4_PAE), 0);
	assert_int_equal(write_cr(0, CR0_PE | CR0_PG), 0);
	assert_int_equal(hw()->pdpte[0], DATA | PTE_P);
	pdpt[1] = DATA | PTE_P | PTE_W; /* a reserved bit */
	assert_int_equal(write_cr(3, PDPT), -EINVAL);
	assert_int_equal(write_cr(0, CR0_PE | CR0_PG | CR0_WP), 0); /* not read again */
	assert_int_equal(write_cr(0, CR0_PE | CR0_PG | CR0_CD), -EINVAL);
	assert_int_equal(write_cr(3, RAM), -EINVAL); /* no memory there */
	end();
}

/* --- exits --- */

static int exit_cr(uint8_t cr, uint8_t gpr, bool write, uint8_t len)
{
	struct hv_exit x = { .kind = HV_EXIT_CR, .insn_len = len,
			     .cr = { .cr = cr, .gpr = gpr, .write = write } };
	int r;

	fake_exit(v);
	r = hv_exit_handle(v, &x);
	hv_vcpu_release(v);
	fake_exit(v);
	return r;
}

static void test_exit_moves(void **state)
{
	begin(64);
	v->st.gpr[HV_RBX] = CR4_PAE | CR4_PGE;
	assert_int_equal(exit_cr(4, HV_RBX, true, 3), HV_AGAIN);
	assert_int_equal(hw()->cr4, CR4_PAE | CR4_PGE);
	assert_int_equal(v->st.rip, FAKE_CODE + 3);
	assert_int_equal(exit_cr(3, HV_R9, false, 4), HV_AGAIN);
	assert_int_equal(v->st.gpr[HV_R9], FAKE_TABLES);
	v->st.gpr[HV_RCX] = 16;
	assert_int_equal(exit_cr(8, HV_RCX, true, 3), HV_AGAIN);
	assert_int_equal(v->exception.vector, X86_GP);
	assert_int_equal(v->st.rip, FAKE_CODE + 7);
	v->exception.type = HV_EV_NONE;
	v->st.gpr[HV_RCX] = 9;
	assert_int_equal(exit_cr(8, HV_RCX, true, 3), HV_AGAIN);
	assert_int_equal(hv_cr_read(v, 8), 9);
	end();
}

static void test_exit_in_32_bits(void **state)
{
	begin(32);
	v->st.gpr[HV_RAX] = 0xdead00000000 | CR0_PE; /* rubbish above is not seen */
	assert_int_equal(exit_cr(0, HV_RAX, true, 3), HV_AGAIN);
	assert_int_equal(v->exception.type, HV_EV_NONE);
	assert_int_equal(hw()->cr0, CR0_PE | CR0_ET);
	end();
}

static void test_exit_decodes(void **state)
{
	begin(32);
	FAKE_CODE_BYTES(v, 0x0f, 0x22, 0xe1); /* mov %ecx,%cr4 */
	v->st.gpr[HV_RCX] = CR4_PSE;
	assert_int_equal(exit_cr(0, HV_GPR_UNKNOWN, true, 0), HV_AGAIN);
	assert_int_equal(hw()->cr4, CR4_PSE);
	assert_int_equal(v->st.rip, FAKE_CODE + 3);
	v->st.rip = FAKE_CODE;
	FAKE_CODE_BYTES(v, 0x0f, 0x20, 0xe2); /* mov %cr4,%edx */
	assert_int_equal(exit_cr(0, HV_GPR_UNKNOWN, false, 0), HV_AGAIN);
	assert_int_equal(v->st.gpr[HV_RDX], CR4_PSE);
	v->st.rip = FAKE_CODE;
	FAKE_CODE_BYTES(v, 0x90); /* something else by now: the guest runs it */
	assert_int_equal(exit_cr(0, HV_GPR_UNKNOWN, true, 0), HV_AGAIN);
	assert_int_equal(v->st.rip, FAKE_CODE);
	end();
}

/* Known operands, unknown length: paging may change what stands at RIP. */
static void test_exit_length_before_effect(void **state)
{
	begin(32);
	FAKE_CODE_BYTES(v, 0x0f, 0x22, 0xc0); /* mov %eax,%cr0 */
	((uint32_t *)fake_ram(vm, PDPT))[0] = 0; /* no page at all */
	assert_int_equal(write_cr(3, PDPT), 0);
	v->st.gpr[HV_RAX] = CR0_PE | CR0_PG;
	assert_int_equal(exit_cr(0, HV_RAX, true, 0), HV_AGAIN);
	assert_int_equal(hw()->cr0, CR0_PE | CR0_PG | CR0_ET);
	assert_int_equal(v->st.rip, FAKE_CODE + 3);
	assert_int_equal(v->exception.type, HV_EV_NONE);
	end();
}

static void test_lmsw_and_clts(void **state)
{
	begin(32);
	FAKE_CODE_BYTES(v, 0x0f, 0x01, 0xf1); /* lmsw %cx */
	v->st.gpr[HV_RCX] = 0xfffe; /* PE stays */
	assert_int_equal(exit_cr(0, HV_GPR_UNKNOWN, true, 0), HV_AGAIN);
	assert_int_equal(hw()->cr0, CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE);
	v->st.rip = FAKE_CODE;
	FAKE_CODE_BYTES(v, 0x0f, 0x06);
	assert_int_equal(exit_cr(0, HV_GPR_UNKNOWN, true, 0), HV_AGAIN);
	assert_int_equal(hw()->cr0, CR0_PE | CR0_MP | CR0_EM | CR0_ET | CR0_NE);
	assert_int_equal(v->st.rip, FAKE_CODE + 2);
	end();
	begin(16);
	FAKE_CODE_BYTES(v, 0x0f, 0x01, 0x36, 0x00, 0x30); /* lmsw 0x3000 */
	((uint16_t *)fake_ram(vm, 0x3000))[0] = 1;
	assert_int_equal(exit_cr(0, HV_GPR_UNKNOWN, true, 0), HV_AGAIN);
	assert_int_equal(hw()->cr0, CR0_PE | CR0_ET);
	assert_int_equal(v->st.rip, FAKE_CODE + 5);
	end();
}

static int exit_dr(uint8_t dr, uint8_t gpr, bool write)
{
	struct hv_exit x = { .kind = HV_EXIT_DR, .insn_len = 3,
			     .dr = { .dr = dr, .gpr = gpr, .write = write } };
	int r;

	fake_exit(v);
	r = hv_exit_handle(v, &x);
	hv_vcpu_release(v);
	fake_exit(v);
	return r;
}

static void test_debug_registers(void **state)
{
	begin(64);
	v->st.gpr[HV_RAX] = 0x123456789000;
	exit_dr(2, HV_RAX, true);
	assert_int_equal(hw()->dr[2], 0x123456789000);
	v->st.gpr[HV_RAX] = 0xffffffff;
	exit_dr(5, HV_RAX, true); /* DR7's other name */
	assert_int_equal(hw()->dr7, 0xffff27ff);
	v->st.gpr[HV_RAX] = 0;
	exit_dr(7, HV_RAX, true); /* GD is on */
	assert_int_equal(v->exception.vector, X86_DB);
	assert_int_equal(hw()->dr6, DR6_FIXED | DR6_BD);
	assert_int_equal(hw()->dr7, 0xffff07ff);
	v->exception.type = HV_EV_NONE;
	v->st.gpr[HV_RAX] = 1ull << 32;
	exit_dr(6, HV_RAX, true);
	assert_int_equal(v->exception.vector, X86_GP);
	v->exception.type = HV_EV_NONE;
	assert_int_equal(write_cr(4, CR4_PAE | CR4_DE), 0);
	exit_dr(4, HV_RBX, false);
	assert_int_equal(v->exception.vector, X86_UD);
	end();
}

static void test_debug_registers_decoded_and_debugged(void **state)
{
	begin(32);
	v->st.gpr[HV_RBX] = 0x5678;
	FAKE_CODE_BYTES(v, 0x0f, 0x23, 0xdb); /* mov %ebx,%dr3 */
	assert_int_equal(exit_dr(0, HV_GPR_UNKNOWN, true), HV_AGAIN);
	assert_int_equal(hw()->dr[3], 0x5678);
	v->debug.hard_bp = v->debug.on = true;
	v->debug.dr7 = DR7_GD | DR7_FIXED;
	assert_int_equal(exit_dr(3, HV_RAX, false), HV_TO_USER);
	assert_int_equal(user.reason, HV_USER_DEBUG);
	assert_int_equal(user.debug.dr6 & DR6_BD, DR6_BD);
	end();
}

static int exit_xsetbv(uint32_t index, uint64_t val)
{
	struct hv_exit x = { .kind = HV_EXIT_XSETBV, .insn_len = 3 };
	int vector;

	v->exception.type = HV_EV_NONE;
	v->st.gpr[HV_RCX] = index;
	v->st.gpr[HV_RAX] = (uint32_t)val;
	v->st.gpr[HV_RDX] = val >> 32;
	fake_exit(v);
	assert_int_equal(hv_exit_handle(v, &x), HV_AGAIN);
	hv_vcpu_release(v);
	fake_exit(v);
	vector = v->exception.type ? v->exception.vector : -1;
	return vector;
}

static void test_xcr0(void **state)
{
	begin(64);
	v->xcr0_allowed = XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512;
	assert_int_equal(exit_xsetbv(0, 1), X86_UD); /* CR4.OSXSAVE */
	assert_int_equal(write_cr(4, CR4_PAE | CR4_OSXSAVE), 0);
	assert_int_equal(exit_xsetbv(0, 7), -1);
	assert_int_equal(hv_xcr0_get(v), 7);
	assert_int_equal(exit_xsetbv(0, 0xe7), -1);
	assert_int_equal(exit_xsetbv(0, 0xe3), X86_GP);
	assert_int_equal(exit_xsetbv(0, 0x67), X86_GP);
	assert_int_equal(exit_xsetbv(0, 6), X86_GP);
	assert_int_equal(exit_xsetbv(0, 5), X86_GP);
	assert_int_equal(exit_xsetbv(0, 1ull << 62 | 1), X86_GP);
	assert_int_equal(exit_xsetbv(1, 1), X86_GP);
	hv_touch(v, HV_SEG);
	v->st.cpl = 3;
	assert_int_equal(exit_xsetbv(0, 3), X86_GP);
	assert_int_equal(hv_xcr0_get(v), 0xe7);
	assert_int_equal(hv_xcr0_set(v, 6), -EINVAL);
	assert_int_equal(hv_xcr0_set(v, 3), 0);
	end();
}

/* --- whole groups --- */

static void test_state_round_trip(void **state)
{
	struct hv_state s = { 0 }, got = { 0 };

	begin(64);
	fake_exit(v);
	hv_vcpu_get(v, &s, HV_ALL);
	s.gpr[HV_R15] = 15;
	s.rflags = RFLAGS_IF;
	s.cr8 = 3;
	s.lstar = 0xffff800000000000;
	s.dr[1] = 77;
	s.dr7 = 0x401;
	s.cr2 = 99;
	s.nmi_masked = true;
	assert_int_equal(hv_vcpu_set(v, &s, HV_ALL), 0);
	assert_int_equal(fake_hw(v)->flushes, 0);
	assert_false(v->loaded);
	fake_exit(v);
	hv_vcpu_get(v, &got, HV_ALL);
	assert_int_equal(got.rflags, RFLAGS_IF | RFLAGS_RESERVED1);
	got.rflags = s.rflags;
	assert_memory_equal(got.gpr, s.gpr, sizeof(s.gpr));
	assert_memory_equal(got.seg, s.seg, sizeof(s.seg));
	assert_int_equal(got.lstar, s.lstar);
	assert_int_equal(got.dr7, 0x401);
	assert_int_equal(got.cr8, 3);
	assert_int_equal(got.cr2, 99);
	assert_true(got.nmi_masked);
	s.cr3 = 0x5000;
	assert_int_equal(hv_vcpu_set(v, &s, HV_CR), 0);
	assert_int_equal(fake_hw(v)->flushes, 1);
	end();
}

static void refused(struct hv_state s, uint32_t groups)
{
	assert_int_equal(hv_vcpu_set(v, &s, groups), -EINVAL);
	assert_false(v->lock.held);
}

static void test_state_refused(void **state)
{
	struct hv_state good = { 0 }, s;

	begin(64);
	fake_exit(v);
	hv_vcpu_get(v, &good, HV_ALL);
	s = good, s.efer &= ~EFER_LMA, refused(s, HV_CR);
	s = good, s.cr0 &= ~CR0_PG, refused(s, HV_CR);
	s = good, s.cr4 = 0, refused(s, HV_CR);
	s = good, s.cr4 |= CR4_VMXE, refused(s, HV_CR);
	s = good, s.cr0 |= CR0_NW, refused(s, HV_CR);
	s = good, s.cr3 = 1ull << 50, refused(s, HV_CR);
	s = good, s.efer |= EFER_SVME, refused(s, HV_CR);
	s = good, s.cpl = 4, refused(s, HV_SEG);
	s = good, s.seg[HV_FS].base = 1ull << 50, refused(s, HV_SEG);
	s = good, s.dr7 = 1ull << 40, refused(s, HV_DR);
	s = good, s.cr8 = 16, refused(s, HV_GPR);
	s = good, s.lstar = 1ull << 50, refused(s, HV_MSR);
	s = good, s.pat = 2, refused(s, HV_MSR);
	s = good, s.spec_ctrl = 1ull << 9, refused(s, HV_MSR);
	s = good, s.debugctl = 1, refused(s, HV_MSR);
	s = good, s.cr3 = 1ull << 50;
	assert_int_equal(hv_vcpu_set(v, &s, HV_GPR | HV_SEG), 0); /* only what is named */
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cr0_rules), cmocka_unit_test(test_cr4_rules),
		cmocka_unit_test(test_long_mode_on_and_off),
		cmocka_unit_test(test_long_mode_and_cs),
		cmocka_unit_test(test_pcid), cmocka_unit_test(test_cr3_width),
		cmocka_unit_test(test_flushes), cmocka_unit_test(test_pae_paging_loads_pdptes),
		cmocka_unit_test(test_exit_moves), cmocka_unit_test(test_exit_in_32_bits),
		cmocka_unit_test(test_exit_decodes),
		cmocka_unit_test(test_exit_length_before_effect),
		cmocka_unit_test(test_lmsw_and_clts), cmocka_unit_test(test_debug_registers),
		cmocka_unit_test(test_debug_registers_decoded_and_debugged),
		cmocka_unit_test(test_xcr0), cmocka_unit_test(test_state_round_trip),
		cmocka_unit_test(test_state_refused),
	};

	return cmocka_run_group_tests_name("cr", tests, NULL, NULL);
}
