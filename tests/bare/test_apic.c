// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC as a guest finds it: its page, its MSRs, its timer in three modes, messages. */
#include "rig.h"

static void set_rbx(struct rig *r, uint64_t val)
{
	struct hv_state s;

	hv_vcpu_get(r->v, &s, HV_GPR);
	s.gpr[HV_RBX] = val;
	CHECK_EQ(hv_vcpu_set(r->v, &s, HV_GPR), 0);
}

GUEST_CASE(apic_xapic, MODE_LONG, guest_xapic);
GUEST_CASE(apic_x2apic, MODE_LONG, guest_x2apic);

CASE(apic_timer, MODE_LONG, guest_timer)
{
	static const uint64_t ns = 2000000; /* the clock has 1 GHz */
	uint64_t started = host_now_ns();

	set_rbx(r, ns);
	expect_step(r, 1);
	CHECK(host_now_ns() - started >= ns);
	expect_step(r, 2);
	CHECK(host_now_ns() - started >= 6 * ns);
	expect_step(r, 3);
	started = host_now_ns();
	while (host_now_ns() - started < 2 * ns)
		;
	expect_done(r);
}

/* Late enough that it does not come between STI and HLT, which QEMU does not keep together. */
CASE(apic_deadline, MODE_LONG, guest_deadline)
{
	set_rbx(r, host_tsc().khz * 50);
	expect_done(r);
}

/* Where entries end at it by themselves they do, once for each, and nothing else has to. */
CASE(apic_deadline_spin, MODE_LONG, guest_deadline_spin)
{
	const uint64_t *exits = hv_stats(r->v);
	uint64_t started;

	set_rbx(r, host_tsc().khz * 2);
	expect_step(r, 1);
	CHECK(!hv_caps()->deadline == !exits[HV_EXIT_DEADLINE]);
	CHECK(exits[HV_EXIT_DEADLINE] <= 2);
	expect_step(r, 2);
	started = host_now_ns();
	while (host_now_ns() - started < 3000000)
		;
	expect_step(r, 3);
	started = exits[HV_EXIT_DEADLINE];
	expect_done(r);
	CHECK_EQ(exits[HV_EXIT_DEADLINE], started);
}

CASE(apic_eoi, MODE_LONG, guest_eoi)
{
	static const uint64_t vectors[4] = { 0, 1ull << (0x59 - 64), 0, 0 };

	hv_set_eoi_vectors(r->vm, vectors);
	expect_step(r, 1);
	CHECK_EQ(hv_send_message(r->vm, 0xfee00000, 0xc059), 1);
	expect(r, HV_USER_EOI);
	CHECK_EQ(r->u.eoi.vector, 0x59);
	expect_step(r, 2);
	expect_done(r);
}

CASE(apic_message_nobody, MODE_LONG, guest_eoi)
{
	expect_step(r, 1);
	CHECK_EQ(hv_send_message(r->vm, 0xfee05000, 0x59), 0);
	CHECK_EQ(hv_send_message(r->vm, 0xfee00000, 0x59), 1);
	expect_step(r, 2);
	expect_done(r);
}
