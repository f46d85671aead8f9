// SPDX-License-Identifier: GPL-2.0-only
/* Every family of exits: what the user sees of it, what the guest gets. */
#include "rig.h"

/* --- ports --- */

CASE(exit_io, MODE_LONG, guest_io)
{
	expect_out(r, P_DATA, 1, 0x11);
	expect_out(r, P_DATA, 2, 0x2233);
	expect_out(r, P_DATA, 4, 0x44556677);
	expect_out(r, 0x1234, 1, 0x77);
	expect_in(r, P_DATA, 1, 0x81);
	expect_in(r, 0x1234, 2, 0x8182);
	expect_in(r, 0x1234, 4, 0x81828384);
	expect_done(r);
}

/* n items of that size, in as many exits as the hypervisor likes. */
static void expect_outs(struct rig *r, unsigned size, uint32_t n, const uint8_t *data)
{
	while (n) {
		expect(r, HV_USER_IO);
		if (r->u.io.in || r->u.io.port != P_DATA || r->u.io.size != size ||
		    !r->u.io.count || r->u.io.count > n)
			fail("port %#x size %u count %u of %u", r->u.io.port, r->u.io.size,
			     r->u.io.count, n);
		if (memcmp(r->io, data, r->u.io.count * size))
			fail("other bytes than the %u items at %#lx", n,
			     (uint64_t)data - (uint64_t)r->ram.va);
		n -= r->u.io.count;
		data += r->u.io.count * size;
	}
}

/* Answers with bytes that count up from first. */
static void expect_ins(struct rig *r, unsigned size, uint32_t n, uint8_t first)
{
	while (n) {
		expect(r, HV_USER_IO);
		if (!r->u.io.in || r->u.io.port != P_DATA || r->u.io.size != size ||
		    !r->u.io.count || r->u.io.count > n)
			fail("port %#x size %u count %u of %u", r->u.io.port, r->u.io.size,
			     r->u.io.count, n);
		for (unsigned i = 0; i < r->u.io.count * size; i++)
			r->io[i] = first++;
		n -= r->u.io.count;
	}
}

static void fill(struct rig *r, uint64_t gpa, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		*rig_ram(r, gpa + i) = (uint8_t)(i * 7 + (i >> 8));
}

CASE(exit_io_string, MODE_LONG, guest_io_string)
{
	fill(r, G_FREE, 0x5000);
	expect_outs(r, 1, 10, rig_ram(r, G_FREE));
	expect_outs(r, 4, 3, rig_ram(r, G_FREE + 10));
	expect_outs(r, 2, 1, rig_ram(r, G_FREE + 22));
	expect_ins(r, 2, 5, 0x40);
	expect_ins(r, 1, 8, 0x80);
	expect_ins(r, 4, 1, 0xa0);
	expect_outs(r, 1, 5000, rig_ram(r, G_FREE + 0x2ffa));
	expect_done(r);
	CHECK_EQ(rig_peek(r, G_FREE + 0x1000), 0x4746454443424140);
	CHECK_EQ(rig_peek(r, G_FREE + 0x2000), 0x8081828384a3a2a1);
}

CASE(exit_io_string16, MODE_REAL, guest_io_string16)
{
	fill(r, 0x6ff0, 4);
	expect_outs(r, 1, 4, rig_ram(r, 0x6ff0));
	expect_ins(r, 2, 2, 0x40);
	CHECK_EQ(rig_peek32(r, 0x6010), 0);
	expect_outs(r, 2, 2, (const uint8_t *)"\x40\x41\x42\x43");
	expect_done(r);
	CHECK_EQ(rig_peek32(r, 0x6010), 0x43424140);
}

CASE(exit_io_string_fault, MODE_LONG, guest_io_string_fault)
{
	uint64_t entry = G_PT + (G_FREE + 0x2000) / 4096 * 8;

	rig_poke(r, entry, 0);
	expect_ins(r, 1, 2, 0x40);
	expect_done(r);
}

/* --- MMIO --- */

CASE(exit_mmio, MODE_LONG, guest_mmio)
{
	expect_mmio_write(r, G_MMIO, 1, 0x12);
	expect_mmio_write(r, G_MMIO + 2, 2, 0x1234);
	expect_mmio_write(r, G_MMIO + 4, 4, 0x12345678);
	expect_mmio_write(r, G_MMIO + 8, 8, 0x1122334455667788);
	expect_mmio_read(r, G_MMIO, 1, 0xa1);
	expect_mmio_read(r, G_MMIO + 2, 2, 0xa2a3);
	expect_mmio_read(r, G_MMIO + 4, 4, 0xfffffffe);
	expect_mmio_read(r, G_MMIO + 8, 8, 0x8877665544332211);
	expect_mmio_read(r, G_MMIO + 0x10, 4, 7);
	expect_mmio_write(r, G_MMIO + 0x10, 4, 12);
	expect_mmio_read(r, G_MMIO + 0x14, 4, 0x0f);
	expect_mmio_write(r, G_MMIO + 0x14, 4, 0x8f);
	expect_mmio_read(r, G_MMIO + 0x18, 4, 0x99);
	expect_mmio_write(r, G_MMIO + 0x18, 4, 77);
	expect_mmio_read(r, G_MMIO + 0x1c, 4, 0x10);
	expect_mmio_write(r, G_MMIO + 0x1c, 4, 0x10);
	expect_mmio_write(r, G_MMIO + 0xffe, 2, 3);
	expect_mmio_write(r, G_MMIO + 0x1000, 2, 0);
	expect_done(r);
}

static uint64_t signals;

static void expect_signals(uint64_t n)
{
	CHECK_EQ(signals, n);
	signals = 0;
}

/* A write that has an event does not come to the user. */
CASE(exit_ioevent, MODE_LONG, guest_io)
{
	struct hv_ioevent any = { .addr = P_DATA, .pio = true, .event = &signals };
	struct hv_ioevent exact = { .addr = 0x1234, .val = 0x78, .len = 1, .pio = true,
				    .match = true, .event = &signals };

	signals = 0;
	CHECK_EQ(hv_ioevent_add(r->vm, &any), 0);
	CHECK_EQ(hv_ioevent_add(r->vm, &any), -EEXIST);
	CHECK_EQ(hv_ioevent_add(r->vm, &exact), 0);
	expect_out(r, 0x1234, 1, 0x77);
	expect_signals(3);
	CHECK_EQ(hv_ioevent_del(r->vm, &any), 0);
	CHECK_EQ(hv_ioevent_del(r->vm, &any), -ENOENT);
	expect_in(r, P_DATA, 1, 0x81);
	expect_in(r, 0x1234, 2, 0x8182);
	expect_in(r, 0x1234, 4, 0x81828384);
	expect_done(r);
}

/* --- CPUID, MSRs --- */

static const struct hv_cpuid *find_leaf(const struct hv_cpuid *list, unsigned n, uint32_t leaf)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].leaf == leaf)
			return &list[i];
	return NULL;
}

CASE(exit_cpuid, MODE_LONG, guest_cpuid)
{
	static struct hv_cpuid list[HV_MAX_CPUID];
	unsigned n = hv_cpuid_get(r->v, list);
	struct hv_cpuid *zero = (struct hv_cpuid *)find_leaf(list, n, 0);
	const struct hv_cpuid *one = find_leaf(list, n, 1);

	CHECK(zero && one);
	zero->ebx = 0x12345678;
	CHECK_EQ(hv_cpuid_set(r->v, list, n), 0);
	expect_done(r);
	CHECK_EQ(rig_peek32(r, G_SCRATCH), zero->eax);
	CHECK_EQ(rig_peek32(r, G_SCRATCH + 4), 0x12345678);
	CHECK_EQ(rig_peek32(r, G_SCRATCH + 16), one->eax);
	CHECK_EQ(rig_peek32(r, G_SCRATCH + 28), one->edx);
	CHECK(rig_peek32(r, G_SCRATCH + 24) & 1u << 31); /* a hypervisor is there */
	CHECK(!(rig_peek32(r, G_SCRATCH + 24) & (1 << 3 | 1 << 5))); /* no MONITOR, no VMX */
}

CASE(exit_msr, MODE_LONG, guest_msr)
{
	uint64_t val;

	for (unsigned i = 0; i < 12; i++) {
		expect(r, HV_USER_IO);
		CHECK_EQ(r->u.io.port, P_DATA);
	}
	expect_done(r);
	CHECK_EQ(hv_msr_get(r->v, MSR_LSTAR, &val), 0);
	CHECK_EQ(val, 0xffffffff81234567);
	CHECK_EQ(hv_msr_get(r->v, MSR_KERNEL_GS_BASE, &val), 0);
	CHECK_EQ(val, 0x333330000);
	CHECK_EQ(hv_msr_get(r->v, MSR_PAT, &val), 0);
	CHECK_EQ(val, 0x0007010600070106);
}

GUEST_CASE(exit_msr_faults, MODE_LONG, guest_msr_faults);

CASE(exit_msr_user, MODE_LONG, guest_msr_user)
{
	hv_msr_to_user(r->vm, HV_MSR_UNKNOWN);
	expect(r, HV_USER_MSR_READ);
	CHECK_EQ(r->u.msr.index, 0x12345);
	r->u.msr.data = 0x1122334455667788;
	r->u.msr.fault = false;
	expect(r, HV_USER_MSR_WRITE);
	CHECK_EQ(r->u.msr.data, 0x11aabbccdd);
	r->u.msr.fault = false;
	expect(r, HV_USER_MSR_READ);
	r->u.msr.fault = true;
	expect_done(r);
}

CASE(exit_tsc, MODE_LONG, guest_tsc)
{
	expect_step(r, 1);
	hv_tsc_offset_set(r->v, (1ull << 40) - cpu_rdtsc());
	expect_step(r, 2);
	CHECK(rig_peek(r, G_SCRATCH) >= 1ull << 40);
	CHECK(rig_peek(r, G_SCRATCH) < (1ull << 40) + host_tsc().khz * 1000);
	expect_done(r);
}

/* --- control registers and the rest --- */

CASE(exit_cr, MODE_LONG, guest_cr)
{
	struct hv_state before, s;

	expect_out(r, P_DATA, 4, 0x1234);
	hv_vcpu_get(r->v, &before, HV_CR);
	expect_out(r, P_DATA, 4, (uint32_t)before.cr4 | CR4_PGE);
	hv_vcpu_get(r->v, &s, HV_CR);
	CHECK_EQ(s.cr4, before.cr4 | CR4_PGE);
	expect_done(r);
	hv_vcpu_get(r->v, &s, HV_CR);
	CHECK_EQ(s.cr4, before.cr4);
	CHECK_EQ(rig_count(r, 13), 4);
}

GUEST_CASE(exit_reserved_native, MODE_LONG, guest_reserved_native);

CASE(exit_cr8, MODE_LONG, guest_cr8)
{
	expect_out(r, P_DATA, 4, 9);
	expect_done(r);
}

GUEST_CASE(exit_pae_cr3, MODE_PAE, guest_pae_cr3);
GUEST_CASE(exit_lmsw_real, MODE_REAL, guest_lmsw_real);

CASE(exit_misc, MODE_LONG, guest_misc)
{
	const uint64_t *exits;

	expect_step(r, 1);
	exits = hv_stats(r->v);
	CHECK_EQ(exits[HV_EXIT_IO], 1);
	expect_done(r);
	CHECK_EQ(rig_count(r, 6), 9);
}

CASE(exit_hypercall, MODE_LONG, guest_hypercall)
{
	expect_step(r, 1);
	expect_done(r);
	CHECK_EQ(rig_peek(r, G_SCRATCH), -1000); /* KVM's ENOSYS */
}

CASE(exit_hypercall_user, MODE_LONG, guest_hypercall_user)
{
	hv_xen_config(r->vm, 0x40000000, true);
	for (unsigned i = 0; i < 2; i++) {
		expect(r, HV_USER_XEN);
		CHECK_EQ(r->u.hypercall.nr, 17);
		CHECK(r->u.hypercall.longmode);
		CHECK_EQ(r->u.hypercall.cpl, 0);
		for (unsigned n = 0; n < 6; n++)
			CHECK_EQ(r->u.hypercall.args[n], n + 1);
		r->u.hypercall.result = 0x4321 + i;
	}
	expect_done(r);
}

/* Sleeps until what a host's timer sends. */
static struct hv_vcpu *to_wake;

static void send_interrupt(void *arg)
{
	hv_send_message(arg, 0xfee00000, 0x61);
}

static void send_nmi(void *arg)
{
	hv_nmi(to_wake);
}

/* Late enough, on a busy machine too, for the guest to have halted before. */
CASE(exit_hlt, MODE_LONG, guest_hlt)
{
	const uint64_t wait = 50000000;
	struct host_timer t;
	uint64_t started = host_now_ns();

	to_wake = r->v;
	rig_enable_apic(r);
	host_timer_init(&t, send_interrupt, r->vm);
	host_timer_arm(&t, started + wait);
	expect_step(r, 1);
	CHECK(host_now_ns() - started >= wait);
	host_timer_init(&t, send_nmi, NULL);
	host_timer_arm(&t, host_now_ns() + wait);
	expect_done(r);
	host_timer_stop(&t);
}

CASE(exit_triple, MODE_LONG, guest_triple)
{
	expect(r, HV_USER_SHUTDOWN);
}

CASE(exit_xsetbv, MODE_LONG, guest_xsetbv)
{
	expect(r, HV_USER_IO);
	if (r->u.io.port == P_DONE)
		return;
	CHECK_EQ(r->u.io.port, P_DATA);
	CHECK_EQ(hv_xcr0_get(r->v), 3);
	expect_done(r);
	CHECK_EQ(rig_count(r, 13), 2);
}
