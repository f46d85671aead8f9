// SPDX-License-Identifier: GPL-2.0-only
/* State: what belongs to a guest stays its own, between exits and beside another vCPU. */
#include "rig.h"

extern char guest_nops_1[];

enum { CPUID_XSAVE = 1 << 26 };

/* Both vCPUs in turn, each to its next OUT, until both are done. */
static void alternate(struct rig *r)
{
	bool done[RIG_VCPUS] = { false };

	for (unsigned i = 0; !done[0] || !done[1]; i = !i) {
		if (done[i])
			continue;
		r->v = r->vcpu[i];
		expect(r, HV_USER_IO);
		done[i] = r->u.io.port == P_DONE;
	}
}

static void set_ids(struct rig *r, uint64_t first, uint64_t second)
{
	for (unsigned i = 0; i < RIG_VCPUS; i++) {
		struct hv_state s;

		hv_vcpu_get(r->vcpu[i], &s, HV_GPR);
		s.gpr[HV_RBX] = i ? second : first;
		s.gpr[HV_RDI] = i * 64;
		CHECK_EQ(hv_vcpu_set(r->vcpu[i], &s, HV_GPR), 0);
	}
}

CASE(state_fpu, MODE_LONG, guest_fpu)
{
	rig_second(r, MODE_LONG, guest_fpu);
	set_ids(r, 0x1234567, 0x7654321);
	alternate(r);
}

CASE(state_xcr0, MODE_LONG, guest_xcr0)
{
	if (!(cpu_cpuid(1, 0).ecx & CPUID_XSAVE))
		return;
	rig_second(r, MODE_LONG, guest_xcr0);
	set_ids(r, 1, 3);
	alternate(r);
	CHECK_EQ(hv_xcr0_get(r->vcpu[0]), 1);
	CHECK_EQ(hv_xcr0_get(r->vcpu[1]), 3);
}

CASE(state_registers, MODE_LONG, guest_registers)
{
	rig_second(r, MODE_LONG, guest_registers);
	set_ids(r, 0x1111, 0x2222);
	alternate(r);
}

/* Each #DB comes by way of an exit: in its own delivery it could come up again without end. */
CASE(state_debug, MODE_LONG, guest_debug)
{
	const uint64_t *exits;

	expect(r, HV_USER_IO);
	CHECK_EQ(r->u.io.port, P_DATA);
	expect_done(r);
	exits = hv_stats(r->v);
	CHECK_EQ(exits[HV_EXIT_EXCEPTION], 2);
}

CASE(state_syscall, MODE_LONG, guest_syscall)
{
	struct hv_state s;

	for (unsigned i = 0; i < 2; i++) {
		expect(r, HV_USER_IO);
		CHECK_EQ(r->u.io.port, P_DATA);
		hv_vcpu_get(r->v, &s, HV_SEG);
		CHECK_EQ((s.seg[HV_SS].attr & SEG_DPL) >> SEG_DPL_SHIFT, s.cpl);
		CHECK_EQ(hv_vcpu_set(r->v, &s, HV_SEG), 0);
	}
	expect_done(r);
}

GUEST_CASE(state_sysenter, MODE_32, guest_sysenter);

CASE(state_cr2, MODE_LONG, guest_cr2)
{
	struct hv_state s;

	hv_vcpu_get(r->v, &s, HV_CR);
	s.cr2 = 0x12345678;
	CHECK_EQ(hv_vcpu_set(r->v, &s, HV_CR), 0);
	expect_out(r, P_DATA, 4, 0x12345678);
	expect_done(r);
}

CASE(state_cr4, MODE_LONG, guest_cr4)
{
	static struct hv_cpuid leaves[HV_MAX_CPUID];
	unsigned n = hv_cpuid_get(r->v, leaves);
	struct hv_state s;
	uint64_t cr4;

	for (unsigned i = 0; i < n; i++)
		if (leaves[i].leaf == 7 && !leaves[i].sub)
			leaves[i].ebx &= ~1u; /* FSGSBASE */
	CHECK_EQ(hv_cpuid_set(r->v, leaves, n), 0);
	hv_vcpu_get(r->v, &s, HV_CR);
	cr4 = s.cr4 ^ (CR4_PGE | CR4_TSD);
	expect_out(r, P_DATA, 4, (uint32_t)cr4);
	hv_vcpu_get(r->v, &s, HV_CR);
	CHECK_EQ(s.cr4, cr4);
	s.cr4 ^= CR4_PGE | CR4_DE;
	CHECK_EQ(hv_vcpu_set(r->v, &s, HV_CR), 0);
	expect_out(r, P_DATA, 4, (uint32_t)s.cr4);
	expect_done(r);
}

/* What is set comes back, also after an entry. */
CASE(state_round_trip, MODE_LONG, guest_nops)
{
	struct hv_state s, t;

	hv_vcpu_get(r->v, &s, HV_ALL);
	for (unsigned i = 0; i < HV_GPRS; i++)
		if (i != HV_RSP)
			s.gpr[i] = 0x1111111111111111ull * i;
	s.dr[2] = 0x123456;
	s.kernel_gs_base = 0xffff800012345678;
	s.seg[HV_FS].base = 0x7fff12345678;
	s.lstar = 0xffffffff81234567;
	s.sysenter_eip = 0xffffffff81234560;
	s.pat = 0x0007040600070406;
	CHECK_EQ(hv_vcpu_set(r->v, &s, HV_ALL), 0);
	expect_done(r);
	hv_vcpu_get(r->v, &t, HV_ALL);
	for (unsigned i = 0; i < HV_GPRS; i++)
		CHECK_EQ(t.gpr[i], s.gpr[i]);
	for (unsigned i = 0; i < HV_SEGS; i++) {
		CHECK_EQ(t.seg[i].selector, s.seg[i].selector);
		CHECK_EQ(t.seg[i].base, s.seg[i].base);
		CHECK_EQ(t.seg[i].limit, s.seg[i].limit);
		if (s.seg[i].attr & SEG_P)
			CHECK_EQ(t.seg[i].attr | 1, s.seg[i].attr | 1);
	}
	CHECK_EQ(t.gdt.base, s.gdt.base);
	CHECK_EQ(t.idt.limit, s.idt.limit);
	CHECK_EQ(t.cr0, s.cr0);
	CHECK_EQ(t.cr3, s.cr3);
	CHECK_EQ(t.cr4, s.cr4);
	CHECK_EQ(t.efer, s.efer);
	CHECK_EQ(t.dr[2], s.dr[2]);
	CHECK_EQ(t.dr7, s.dr7);
	CHECK_EQ(t.kernel_gs_base, s.kernel_gs_base);
	CHECK_EQ(t.lstar, s.lstar);
	CHECK_EQ(t.sysenter_eip, s.sysenter_eip);
	CHECK_EQ(t.pat, s.pat);
	CHECK_EQ(t.cpl, 0);
}

CASE(state_refused, MODE_LONG, guest_nops)
{
	struct hv_state s, ok;

	hv_vcpu_get(r->v, &ok, HV_ALL);
	s = ok;
	s.cr0 &= ~CR0_PE;
	CHECK_EQ(hv_vcpu_set(r->v, &s, HV_CR), -EINVAL);
	s = ok;
	s.cr4 |= CR4_VMXE;
	CHECK_EQ(hv_vcpu_set(r->v, &s, HV_CR), -EINVAL);
	s = ok;
	s.efer |= EFER_SVME;
	CHECK_EQ(hv_vcpu_set(r->v, &s, HV_CR), -EINVAL);
	s = ok;
	s.kernel_gs_base = 0x8000000000000000;
	CHECK_EQ(hv_vcpu_set(r->v, &s, HV_MSR), -EINVAL);
	s = ok;
	s.pat = 2;
	CHECK_EQ(hv_vcpu_set(r->v, &s, HV_MSR), -EINVAL);
	expect_done(r);
}

/* The host's own breakpoints, which are never hit, beside guests with some and without. */
CASE(state_debug_host, MODE_LONG, guest_debug)
{
	static const uint64_t at[4] = { 1, 2, 3, 4 };

	cpu_write_breakpoints(at);
	asm volatile("mov %0, %%db7" : : "r"(DR7_FIXED | 0x2));
	rig_second(r, MODE_LONG, guest_nops);
	expect(r, HV_USER_IO);
	r->v = r->vcpu[1];
	expect_done(r);
	r->v = r->vcpu[0];
	expect_done(r);
}

/* The processor goes and comes, as for the host's sleep: the vCPU goes on where it was. */
CASE(state_processor_off, MODE_LONG, guest_registers)
{
	rig_second(r, MODE_LONG, guest_registers);
	set_ids(r, 0x1111, 0x2222);
	for (unsigned i = 0; i < 6; i++) {
		r->v = r->vcpu[i % 2];
		expect(r, HV_USER_IO);
		CHECK_EQ(r->u.io.port, P_DATA);
		hv_cpu_off();
		CHECK_EQ(hv_cpu_on(), 0);
	}
	alternate(r);
}

/*
 * An instruction longer than any can be: VT-x refuses the entry before it has looked at the guest,
 * AMD-V does not look at it. Nothing is left of it afterwards.
 */
CASE(state_refused_control, MODE_LONG, guest_nops)
{
	struct hv_events e;
	enum hv_reason reason;

	rig_poke(r, T_RESUME, (uint64_t)guest_nops_1);
	hv_events_get(r->v, &e);
	e.event = (struct hv_event){ .type = HV_EV_SOFT, .vector = 0x48, .insn_len = 31 };
	CHECK_EQ(hv_events_set(r->v, &e), 0);
	reason = rig_go(r);
	CHECK(reason == HV_USER_FAIL_ENTRY || reason == HV_USER_IO);
	CHECK_EQ(rig_count(r, 0x48), reason == HV_USER_IO);
	expect_done(r);
}

/* What only the processor refuses: code of 64 and 32 bits at once. The log says so, once. */
CASE(state_refused_entry, MODE_LONG, guest_nops)
{
	struct hv_state s, ok;
	unsigned lines;

	hv_vcpu_get(r->v, &ok, HV_ALL);
	s = ok;
	s.seg[HV_CS].attr |= SEG_DB;
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(hv_vcpu_set(r->v, &s, HV_ALL), 0);
		lines = bare_warnings;
		expect(r, HV_USER_FAIL_ENTRY);
		CHECK(i ? bare_warnings == lines : bare_warnings > lines + 30);
	}
	CHECK_EQ(hv_vcpu_set(r->v, &ok, HV_ALL), 0);
	expect_done(r);
}
