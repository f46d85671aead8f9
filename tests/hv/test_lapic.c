// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC: every register in both modes, priority, destinations, saved state, and random
 * sequences against a model of two sets of vectors. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "lapic_machine.h"

/* --- registers --- */

static void test_reset(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		lapic_reset(&vcpu[i], false);
		assert_int_equal(vcpu[i].lapic.base, 0xfee00800 | (i ? 0 : 0x100));
		assert_int_equal(lapic_read(&vcpu[i], 0x20), i << 24);
		assert_int_equal(lapic_read(&vcpu[i], 0x30), 0x01060014);
		assert_int_equal(lapic_read(&vcpu[i], 0xe0), 0xffffffff);
		assert_int_equal(lapic_read(&vcpu[i], 0xf0), 0xff);
		assert_int_equal(lapic_read(&vcpu[i], 0x350), i ? 0x10000 : 0x700);
		for (unsigned off = 0x320; off <= 0x370; off += 0x10)
			if (off != 0x350)
				assert_int_equal(lapic_read(&vcpu[i], off), 0x10000);
		assert_int_equal(lapic_takes_extint(&vcpu[i]), !i);
		assert_false(lapic_software_enabled(&vcpu[i]));
	}
}

static void test_init(void **state)
{
	uint64_t base = APIC_DEFAULT_GPA | 0x4000000 | APIC_BASE_ENABLE;

	assert_int_equal(lapic_set_base(v, base, false), 0);
	wr(LAPIC_TPR, 0x55);
	lapic_accept(v, 0x99, false);
	lapic_reset(v, true);
	assert_int_equal(v->lapic.base, base);
	assert_int_equal(rd(LAPIC_TPR), 0);
	assert_int_equal(rd(LAPIC_IRR + 4), 0);
	assert_int_equal(lapic_requested(v), -1);
	x2apic_on(v);
	lapic_reset(v, true);
	assert_int_equal(v->lapic.base, base | APIC_BASE_X2APIC);
	assert_int_equal(rdmsr(LAPIC_LDR), 1);
}

/* What a register of the page keeps of ones and of zeroes; none: it is not to be written here. */
static void test_page_registers(void **state)
{
	static const struct { unsigned off; uint32_t ones, zeroes; } regs[] = {
		{ 0x80, 0xff, 0 }, { 0xd0, 0xff000000, 0 }, { 0xe0, 0xffffffff, 0x0fffffff },
		{ 0xf0, 0x13ff, 0 }, { 0x2f0, 0x107ff, 0x10000 }, { 0x310, 0xff000000, 0 },
		{ 0xf0, 0x13ff, 0x100 }, /* enabled from here on */
		{ 0x2f0, 0x107ff, 0 }, { 0x330, 0x107ff, 0 }, { 0x340, 0x107ff, 0 },
		{ 0x350, 0x1a7ff, 0 }, { 0x360, 0x1a7ff, 0 }, { 0x370, 0x100ff, 0 },
		{ 0x320, 0x700ff, 0 }, { 0x380, 0xffffffff, 0 }, { 0x3e0, 0xb, 0 },
		/* read only */
		{ 0x20, 0, 0 }, { 0x30, 0x01060014, 0x01060014 }, { 0x90, 0, 0 }, { 0xc0, 0, 0 },
		{ 0x390, 0, 0 }, { 0x100, 0, 0 }, { 0x180, 0, 0 }, { 0x270, 0, 0 },
	};

	for (unsigned i = 0; i < HV_ARRAY(regs); i++) {
		lapic_write(v, regs[i].off, 0xffffffff);
		assert_int_equal(lapic_read(v, regs[i].off), regs[i].ones);
		lapic_write(v, regs[i].off, regs[i].zeroes);
		assert_int_equal(lapic_read(v, regs[i].off), regs[i].zeroes);
	}
	check_errors(0);
	assert_int_equal(rd(LAPIC_EOI), 0);
	lapic_write(v, 0x81, 0x12); /* not aligned: nothing */
	lapic_write(v, 0x84, 0x12);
	assert_int_equal(lapic_read(v, 0x84), 0);
	assert_int_equal(rd(LAPIC_TPR), 0);
	check_errors(0);
}

static void test_page_reserved(void **state)
{
	static const uint16_t reserved[] = { 0x00, 0x10, 0x40, 0x70, 0x290, 0x2e0, 0x3a0, 0x3d0,
					     0x3f0, 0x400, 0xff0 };

	for (unsigned i = 0; i < HV_ARRAY(reserved); i++) {
		assert_int_equal(lapic_read(v, reserved[i]), 0);
		check_errors(ESR_REGISTER);
		lapic_write(v, reserved[i], 0xff);
		check_errors(ESR_REGISTER);
		check_errors(0);
	}
}

/* r, w: which of the 256 MSRs may be read and written at all. */
static void test_x2apic_access(void **state)
{
	static const char access[] = /* r, w, b: both, -: #GP */
		"--rr----b-rw-r-brrrrrrrrrrrrrrrrrrrrrrrrb------bb-bbbbbbbr----bw";
	uint64_t val;

	for (unsigned i = 0; i < 0x100; i++)
		assert_int_equal(lapic_msr_read(v, 0x800 + i, &val), -EINVAL); /* xAPIC mode */
	x2apic_on(v);
	for (unsigned i = 0; i < 0x100; i++) {
		char a = i < 64 ? access[i] : '-';
		int read = a == 'r' || a == 'b' ? 0 : -EINVAL;
		int write = a == 'w' || a == 'b' ? 0 : -EINVAL;

		assert_int_equal(lapic_msr_read(v, 0x800 + i, &val), read);
		if (i == LAPIC_ICR || i == LAPIC_SELF_IPI)
			val = 0x30;
		else
			val = i == LAPIC_SVR ? 0x1ff : 0;
		assert_int_equal(lapic_msr_write(v, 0x800 + i, val), write);
	}
	assert_int_equal(v->lapic.esr_pending, 0);
	assert_false(lapic_covers(v, APIC_DEFAULT_GPA));
}

/* Each bit alone is accepted or refused. */
static void test_x2apic_bits(void **state)
{
	static const struct { unsigned reg; uint64_t valid; } regs[] = {
		{ LAPIC_TPR, 0xff }, { LAPIC_EOI, 0 }, { LAPIC_SVR, 0x13ff }, { LAPIC_ESR, 0 },
		{ LAPIC_CMCI, 0x117ff }, { LAPIC_ICR, 0xffffffff000cdfff },
		{ LAPIC_LVT_TIMER, 0x710ff }, { LAPIC_LVT_THERMAL, 0x117ff },
		{ LAPIC_LVT_PERF, 0x117ff }, { LAPIC_LVT_LINT0, 0x1f7ff },
		{ LAPIC_LVT_LINT1, 0x1f7ff }, { LAPIC_LVT_ERROR, 0x110ff },
		{ LAPIC_INITIAL, 0xffffffff }, { LAPIC_DIVIDE, 0xb }, { LAPIC_SELF_IPI, 0xff },
	};

	x2apic_on(v);
	for (unsigned i = 0; i < HV_ARRAY(regs); i++)
		for (unsigned bit = 0; bit < 64; bit++)
			assert_int_equal(lapic_msr_write(v, MSR_X2APIC + regs[i].reg, 1ull << bit),
					 regs[i].valid >> bit & 1 ? 0 : -EINVAL);
}

static void test_x2apic_values(void **state)
{
	struct hv_vcpu *other = &vcpu[3];

	x2apic_on(other);
	assert_int_equal(other->lapic.reg[LAPIC_LDR], 0x8);
	other->lapic.id = 0x123;
	assert_int_equal(lapic_set_base(other, other->lapic.base & ~APIC_BASE_X2APIC, true), 0);
	assert_int_equal(lapic_read(other, 0xd0), 0);
	x2apic_on(other);
	assert_int_equal(other->lapic.reg[LAPIC_LDR], 0x00120008);
	x2apic_on(v);
	assert_int_equal(rdmsr(LAPIC_ID), 0);
	assert_int_equal(lapic_msr_write(v, MSR_X2APIC + LAPIC_ICR, 0x12345678000000f1), 0);
	assert_int_equal(rdmsr(LAPIC_ICR), 0x12345678000000f1);
	assert_int_equal(lapic_msr_write(v, MSR_X2APIC + LAPIC_SELF_IPI, 0x77), 0);
	assert_int_equal(lapic_pending(v), 0x77);
}

static void test_base(void **state)
{
	const uint64_t off = APIC_DEFAULT_GPA, x = off | 0x800, x2 = off | 0xc00, bad = off | 0x400;
	/* from, to, may a guest, may the user */
	const struct { uint64_t from, to; bool guest, user; } moves[] = {
		{ off, off, true, true }, { off, bad, false, false }, { off, x, true, true },
		{ off, x2, false, true }, { x, off, true, true }, { x, bad, false, false },
		{ x, x2, true, true }, { x2, off, true, true }, { x2, bad, false, false },
		{ x2, x, false, true }, { x2, x2, true, true },
	};

	for (unsigned i = 0; i < HV_ARRAY(moves); i++)
		for (unsigned user = 0; user < 2; user++) {
			bool fine = user ? moves[i].user : moves[i].guest;

			assert_int_equal(lapic_set_base(v, moves[i].from, true), 0);
			assert_int_equal(lapic_set_base(v, moves[i].to, user), fine ? 0 : -EINVAL);
			assert_int_equal(v->lapic.base, fine ? moves[i].to : moves[i].from);
		}
	assert_int_equal(lapic_set_base(v, x, true), 0);
	assert_int_equal(lapic_set_base(v, x | 1ull << 48, true), -EINVAL);
	assert_int_equal(lapic_set_base(v, x | 1, false), -EINVAL);
	assert_int_equal(lapic_set_base(v, x | 0x200, false), -EINVAL);
	assert_int_equal(lapic_set_base(v, x | 0x100, false), 0);
	v->x2apic_allowed = false;
	assert_int_equal(lapic_set_base(v, x2, true), -EINVAL);
}

static void test_base_effects(void **state)
{
	const uint64_t moved = 0x7fffe000;

	assert_true(lapic_covers(v, 0xfee00000) && lapic_covers(v, 0xfee00fff));
	assert_false(lapic_covers(v, 0xfee01000) || lapic_covers(v, 0xfedfffff));
	assert_int_equal(lapic_set_base(v, moved | 0x900, false), 0);
	assert_true(lapic_covers(v, moved));
	assert_false(lapic_covers(v, 0xfee00000));
	lapic_accept(v, 0x60, false);
	assert_int_equal(lapic_set_base(v, moved, false), 0);
	assert_false(lapic_covers(v, moved) || lapic_enabled(v));
	assert_int_equal(lapic_pending(v), -1);
	assert_true(lapic_takes_extint(v));
	assert_int_equal(lapic_set_base(v, moved | 0x900, false), 0);
	assert_false(lapic_software_enabled(v)); /* as after power-on */
	assert_int_equal(lapic_pending(v), -1);
}

static void test_software_disable(void **state)
{
	wr(LAPIC_LVT_LINT0, 0x700);
	wr(LAPIC_LVT_TIMER, 0x30);
	wr(LAPIC_INITIAL, 1000);
	lapic_accept(v, 0x70, false);
	assert_int_equal(fake_host_timers(), 1);
	wr(LAPIC_SVR, 0xff);
	assert_int_equal(fake_host_timers(), 0);
	assert_false(lapic_takes_extint(v));
	wr(LAPIC_LVT_ERROR, 0x31);
	assert_int_equal(rd(LAPIC_LVT_ERROR), 0x10031);
	assert_int_equal(lapic_pending(v), 0x70); /* what was requested stays so */
	wr(LAPIC_SVR, 0x1ff);
	assert_int_equal(rd(LAPIC_LVT_LINT0), 0x10700);
	assert_int_equal(rd(LAPIC_LVT_TIMER), 0x10030);
	wr(LAPIC_LVT_LINT0, 0x700);
	assert_true(lapic_takes_extint(v));
}

static void test_errors(void **state)
{
	wr(LAPIC_LVT_ERROR, 0xe0);
	wr(LAPIC_ICR, 0x4005); /* vector 5 to 0 */
	assert_int_equal(drain(v, 0xe0), 1);
	wr(LAPIC_ICR, 0x4005);
	assert_int_equal(lapic_send_msi(&vm, 0xfee00000, 3), 0);
	assert_int_equal(drain(v, 0xe0), 0); /* once until ESR is written */
	assert_int_equal(rd(LAPIC_ESR), 0);
	check_errors(ESR_SEND_VECTOR | ESR_RECEIVE_VECTOR);
	lapic_accept(v, 15, false);
	assert_int_equal(drain(v, 0xe0), 1);
	check_errors(ESR_RECEIVE_VECTOR);
	wr(LAPIC_LVT_ERROR, 0x0f); /* an error to tell of an error */
	lapic_read(v, 0);
	assert_int_equal(drain(v, 0), 0);
	check_errors(ESR_REGISTER | ESR_RECEIVE_VECTOR);
	wr(LAPIC_LVT_TIMER, 4);
	wr(LAPIC_INITIAL, 10);
	fake_host_advance(20);
	assert_int_equal(drain(v, 0), 0);
	check_errors(ESR_RECEIVE_VECTOR);
}

/* --- priority --- */

static void test_priority(void **state)
{
	lapic_accept(v, 0x45, false);
	lapic_accept(v, 0x51, false);
	assert_int_equal(lapic_pending(v), 0x51);
	wr(LAPIC_TPR, 0x50);
	assert_int_equal(lapic_pending(v), -1);
	assert_int_equal(lapic_requested(v), 0x51);
	assert_int_equal(rd(LAPIC_PPR), 0x50);
	wr(LAPIC_TPR, 0x4f);
	assert_int_equal(lapic_pending(v), 0x51);
	lapic_take(v, 0x51);
	assert_int_equal(rd(LAPIC_PPR), 0x50);
	assert_int_equal(rd(LAPIC_ISR + 2), 1 << 17);
	lapic_accept(v, 0x5f, false);
	assert_int_equal(lapic_pending(v), -1); /* the same class */
	lapic_accept(v, 0x60, false);
	lapic_take(v, lapic_pending(v));
	assert_int_equal(rd(LAPIC_PPR), 0x60);
	wr(LAPIC_EOI, 0);
	assert_int_equal(rd(LAPIC_PPR), 0x50);
	wr(LAPIC_EOI, 0);
	assert_int_equal(rd(LAPIC_PPR), 0x4f);
	assert_int_equal(lapic_pending(v), 0x5f);
	wr(LAPIC_EOI, 0); /* none is in service */
	assert_int_equal(lapic_pending(v), 0x5f);
}

static void test_cr8(void **state)
{
	wr(LAPIC_TPR, 0x37);
	assert_int_equal(lapic_cr8(v), 3);
	lapic_set_cr8(v, 3);
	assert_int_equal(rd(LAPIC_TPR), 0x37);
	lapic_set_cr8(v, 9);
	assert_int_equal(rd(LAPIC_TPR), 0x90);
}

static void take_level(unsigned vector, bool level)
{
	v->eoi_pending = -1;
	lapic_accept(v, vector, level);
	lapic_take(v, lapic_pending(v));
	wr(LAPIC_EOI, 0);
}

static void test_eoi_to_user(void **state)
{
	vm.eoi_vectors[0x91 / 64] = 1ull << 0x91 % 64;
	take_level(0x91, true);
	assert_int_equal(v->eoi_pending, 0x91);
	take_level(0x91, false);
	assert_int_equal(v->eoi_pending, -1);
	assert_int_equal(rd(LAPIC_TMR + 4), 0);
	take_level(0x92, true);
	assert_int_equal(v->eoi_pending, -1);
	assert_int_equal(rd(LAPIC_TMR + 4), 1 << 18);
	wr(LAPIC_SVR, 0x11ff); /* the guest tells the I/O APIC by itself */
	take_level(0x91, true);
	assert_int_equal(v->eoi_pending, -1);
}

static void test_poke_once(void **state)
{
	lapic_accept(&vcpu[1], 0x40, false);
	lapic_accept(&vcpu[1], 0x40, false);
	assert_int_equal(pokes[1], 1);
	lapic_take(&vcpu[1], 0x40);
	lapic_accept(&vcpu[1], 0x40, false);
	assert_int_equal(pokes[1], 2);
}

/* --- destinations --- */

static void send(uint32_t dest, uint32_t icr)
{
	lapic_write(v, LAPIC_ICR_HIGH * 16, dest << 24);
	lapic_write(v, LAPIC_ICR * 16, icr);
}

/* Who has the vector, one bit each; and it is taken away. */
static unsigned who(unsigned vector)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < CPUS; i++)
		if (requested(&vcpu[i], vector)) {
			mask |= 1 << i;
			lapic_take(&vcpu[i], vector);
			lapic_eoi(&vcpu[i]);
		}
	return mask;
}

static void test_ipi_physical(void **state)
{
	static const unsigned shorthand[] = { 8, 1, 15, 14 };

	send(2, 0x4040);
	assert_int_equal(who(0x40), 4);
	send(9, 0x4040);
	assert_int_equal(who(0x40), 0);
	send(0xff, 0x4040);
	assert_int_equal(who(0x40), 15);
	for (unsigned i = 0; i < 4; i++) {
		send(3, 0x4040 | i << 18);
		assert_int_equal(who(0x40), shorthand[i]);
	}
	lapic_write(&vcpu[1], 0xf0, 0xff); /* software disabled */
	assert_int_equal(lapic_set_base(&vcpu[2], APIC_DEFAULT_GPA, false), 0);
	send(0, 0x84040);
	assert_int_equal(who(0x40), 9);
	send(1, 0x4040);
	send(2, 0x4040);
	assert_int_equal(who(0x40), 0);
	assert_int_equal(rd(LAPIC_ICR), 0x4040); /* never busy */
}

static void test_ipi_logical(void **state)
{
	static const uint8_t flat[CPUS] = { 1, 2, 4, 6 };
	static const uint8_t cluster[CPUS] = { 0x11, 0x12, 0x21, 0x22 };

	for (unsigned i = 0; i < CPUS; i++)
		lapic_write(&vcpu[i], 0xd0, (uint32_t)flat[i] << 24);
	send(4, 0x4840);
	assert_int_equal(who(0x40), 12);
	send(3, 0x4840);
	assert_int_equal(who(0x40), 11);
	send(0xff, 0x4840);
	assert_int_equal(who(0x40), 15);
	for (unsigned i = 0; i < CPUS; i++) {
		lapic_write(&vcpu[i], 0xe0, 0);
		lapic_write(&vcpu[i], 0xd0, (uint32_t)cluster[i] << 24);
	}
	send(0x13, 0x4840);
	assert_int_equal(who(0x40), 3);
	send(0x21, 0x4840);
	assert_int_equal(who(0x40), 4);
	send(0x33, 0x4840);
	assert_int_equal(who(0x40), 0);
	send(0xff, 0x4840);
	assert_int_equal(who(0x40), 15);
}

static void send_x2(uint32_t dest, uint32_t icr)
{
	assert_int_equal(lapic_msr_write(v, MSR_X2APIC + LAPIC_ICR, (uint64_t)dest << 32 | icr), 0);
}

static void test_ipi_x2apic(void **state)
{
	for (unsigned i = 0; i < CPUS; i++)
		x2apic_on(&vcpu[i]);
	send_x2(2, 0x4040);
	assert_int_equal(who(0x40), 4);
	send_x2(0xff, 0x4040);
	assert_int_equal(who(0x40), 0);
	send_x2(0xffffffff, 0x4040);
	assert_int_equal(who(0x40), 15);
	send_x2(0x6, 0x4840);
	assert_int_equal(who(0x40), 6);
	send_x2(0x10006, 0x4840);
	assert_int_equal(who(0x40), 0);
	send_x2(0xffffffff, 0x4840);
	assert_int_equal(who(0x40), 15);
	send_x2(0, 0xc4040);
	assert_int_equal(who(0x40), 14);
}

static void test_ipi_modes(void **state)
{
	send(1, 0x4400);
	assert_int_equal(vcpu[1].requests, HV_REQ_NMI);
	send(2, 0xc500);
	assert_int_equal(vcpu[2].requests, HV_REQ_INIT);
	vcpu[2].requests = 0;
	send(2, 0x8500); /* de-assert */
	assert_int_equal(vcpu[2].requests, 0);
	send(2, 0x4699);
	assert_int_equal(vcpu[2].requests, HV_REQ_SIPI);
	assert_int_equal(vcpu[2].sipi_vector, 0x99);
	send(2, 0xc500); /* it has not started yet, and waits for another one */
	assert_int_equal(vcpu[2].requests, HV_REQ_INIT);
	send(3, 0x4230); /* SMI */
	send(3, 0x4330); /* reserved */
	send(3, 0x4730); /* ExtINT */
	assert_int_equal(vcpu[3].requests, 0);
	assert_int_equal(who(0x30), 0);
	lapic_write(&vcpu[3], 0xf0, 0xff); /* software disabled: these come through all the same */
	send(0, 0xc4400);
	assert_true(vcpu[3].requests & HV_REQ_NMI);
	send(1, 0xc040); /* a level is an edge */
	assert_int_equal(vcpu[1].lapic.reg[LAPIC_TMR + 2], 0);
	assert_int_equal(who(0x40), 2);
}

static void test_lowest(void **state)
{
	unsigned seen = 0;

	lapic_write(&vcpu[0], 0x80, 0x30);
	lapic_write(&vcpu[1], 0x80, 0x20);
	lapic_write(&vcpu[2], 0x80, 0x10);
	lapic_write(&vcpu[3], 0xf0, 0xff);
	send(0xff, 0x4140);
	assert_int_equal(who(0x40), 4);
	lapic_accept(&vcpu[2], 0x50, false);
	lapic_take(&vcpu[2], 0x50); /* busy */
	send(0xff, 0x4140);
	assert_int_equal(who(0x40), 2);
	for (unsigned i = 0; i < 3; i++)
		lapic_write(&vcpu[i], 0x80, 0x50);
	for (unsigned vector = 0x60; vector < 0x70; vector++) {
		send(0xff, 0x4100 | vector);
		seen |= who(vector);
	}
	assert_int_equal(seen, 7); /* equals share */
	send(1, 0x4140);
	assert_int_equal(who(0x40), 2);
	for (unsigned i = 0; i < CPUS; i++)
		lapic_write(&vcpu[i], 0xf0, 0xff);
	send(0xff, 0x4140);
	assert_int_equal(who(0x40), 0);
}

static void test_msi(void **state)
{
	assert_int_equal(lapic_send_msi(&vm, 0xfee02000, 0x41), 1);
	assert_int_equal(who(0x41), 4);
	assert_int_equal(lapic_send_msi(&vm, 0xfee09000, 0x41), 0);
	assert_int_equal(lapic_send_msi(&vm, 0xfeeff000, 0x41), CPUS);
	assert_int_equal(who(0x41), 15);
	assert_int_equal(lapic_send_msi(&vm, 0xfee01000, 0x8041), 1);
	assert_int_equal(vcpu[1].lapic.reg[LAPIC_TMR + 2], 2);
	assert_int_equal(who(0x41), 2);
	assert_int_equal(lapic_send_msi(&vm, 0xfee01000, 0x400), 1);
	assert_int_equal(vcpu[1].requests, HV_REQ_NMI);
	for (unsigned i = 0; i < CPUS; i++)
		lapic_write(&vcpu[i], 0xd0, 1u << (24 + i));
	assert_int_equal(lapic_send_msi(&vm, 0xfee0e004, 0x41), 3);
	assert_int_equal(who(0x41), 14);
	assert_int_equal(lapic_send_msi(&vm, 0xfee0e00c, 0x41), 1); /* redirected */
	assert_int_equal(__builtin_popcount(who(0x41) & 14), 1);
	for (unsigned i = 0; i < CPUS; i++)
		x2apic_on(&vcpu[i]);
	assert_int_equal(lapic_send_msi(&vm, 0xfeeff000, 0x41), CPUS);
	assert_int_equal(who(0x41), 15);
	assert_int_equal(lapic_send_msi(&vm, 0x00000100fee01000, 0x41), 0);
	assert_int_equal(lapic_send_msi(&vm, 0xffffff00feeff000, 0x41), CPUS);
}

/* --- save and load --- */

static void test_save_load(void **state)
{
	uint8_t page[1024], again[1024];

	for (unsigned x2 = 0; x2 < 2; x2++) {
		setup(NULL);
		wr(LAPIC_LDR, 0x05000000);
		wr(LAPIC_DFR, 0);
		wr(LAPIC_ICR_HIGH, 0x77000000);
		if (x2)
			x2apic_on(v);
		v->lapic.reg[LAPIC_TPR] = 0x23;
		lapic_accept(v, 0x55, true);
		lapic_accept(v, 0x66, false);
		lapic_take(v, 0x66);
		lapic_save(v, page);
		lapic_reset(v, true);
		assert_int_equal(lapic_load(v, page), 0);
		lapic_save(v, again);
		assert_memory_equal(page, again, sizeof(page));
		assert_int_equal(lapic_requested(v), 0x55);
		assert_int_equal(lapic_ppr(&v->lapic), 0x60);
		lapic_eoi(v);
		assert_int_equal(lapic_pending(v), 0x55);
		page[0x23] ^= 1;
		assert_int_equal(lapic_load(v, page), x2 ? -EINVAL : 0);
	}
}

static void test_save_x2apic_layout(void **state)
{
	uint8_t page[1024];
	uint32_t word;

	x2apic_on(&vcpu[3]);
	assert_int_equal(lapic_msr_write(&vcpu[3], 0x830, 0x89abcdef00000040), 0);
	lapic_save(&vcpu[3], page);
	memcpy(&word, page + 0x20, 4);
	assert_int_equal(word, 3 << 24);
	memcpy(&word, page + 0x310, 4);
	assert_int_equal(word, 0x89abcdef);
	assert_int_equal(lapic_load(&vcpu[3], page), 0);
	assert_int_equal(vcpu[3].lapic.reg[LAPIC_ICR_HIGH], 0x89abcdef);
}

/* --- two threads --- */

enum { ROUNDS = 200000, PATIENCE = 100000000, ONE_PROCESSOR = 1024 };

/* Where both share a processor the other one has to get it. */
static void let_other_run(unsigned spin)
{
	if (spin % ONE_PROCESSOR == ONE_PROCESSOR - 1)
		sched_yield();
}

/* The next request comes as soon as the last one's bit is gone, while lapic_take() goes on. */
static void *accept_many(void *done)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		lapic_accept(v, 0x40 + i % 7, i & 1);
		for (unsigned spin = 0; cpu_load(&v->lapic.reg[LAPIC_IRR + 2]); spin++) {
			if (spin == PATIENCE)
				return NULL;
			let_other_run(spin);
		}
	}
	cpu_store((uint32_t *)done, 1);
	return NULL;
}

static void *take_all(void *done)
{
	for (unsigned spin = 0; !cpu_load((uint32_t *)done); spin++) {
		int vector = lapic_pending(v);

		let_other_run(spin);
		if (vector < 0)
			continue;
		lapic_take(v, vector);
		lapic_eoi(v);
	}
	return NULL;
}

/* One asks for interrupts in one word, the other takes them: none is forgotten. */
static void test_accept_while_taking(void **state)
{
	uint32_t done = 0, stop = 0;
	pthread_t sender, taker;

	assert_int_equal(pthread_create(&taker, NULL, take_all, &stop), 0);
	assert_int_equal(pthread_create(&sender, NULL, accept_many, &done), 0);
	pthread_join(sender, NULL);
	cpu_store(&stop, 1);
	pthread_join(taker, NULL);
	assert_true(done);
	assert_int_equal(v->lapic.irr_words, 0);
}

/* --- random sequences against two sets --- */

struct model {
	bool irr[256], isr[256];
	uint8_t tpr;
};

static int top(const bool *set)
{
	for (int i = 255; i >= 0; i--)
		if (set[i])
			return i;
	return -1;
}

static uint8_t model_ppr(const struct model *m)
{
	int serving = top(m->isr);

	if (serving < 0 || m->tpr >> 4 >= serving >> 4)
		return m->tpr;
	return serving & 0xf0;
}

static void check_model(const struct model *m)
{
	int want = top(m->irr);

	assert_int_equal(rd(LAPIC_PPR), model_ppr(m));
	assert_int_equal(lapic_requested(v), want);
	assert_int_equal(lapic_pending(v), want >> 4 > model_ppr(m) >> 4 ? want : -1);
	for (unsigned i = 0; i < 256; i++) {
		assert_int_equal(requested(v, i), m->irr[i]);
		assert_int_equal(rd(LAPIC_ISR + i / 32) >> i % 32 & 1, m->isr[i]);
	}
}

static void random_step(struct model *m)
{
	unsigned vector = 16 + rand() % 240;
	uint8_t page[1024];
	int pending;

	switch (rand() % 8) {
	case 0:
	case 1:
	case 2:
		lapic_accept(v, vector, rand() & 1);
		m->irr[vector] = true;
		break;
	case 3:
	case 4:
		pending = lapic_pending(v);
		if (pending >= 0) {
			assert_true(m->irr[pending]);
			assert_true(pending > top(m->isr)); /* nesting goes up only */
			lapic_take(v, pending);
			m->irr[pending] = false;
			m->isr[pending] = true;
		}
		break;
	case 5:
		lapic_eoi(v);
		if (top(m->isr) >= 0)
			m->isr[top(m->isr)] = false;
		break;
	case 6:
		m->tpr = rand() & (rand() & 1 ? 0xff : 0x3f);
		wr(LAPIC_TPR, m->tpr);
		break;
	case 7:
		lapic_save(v, page);
		assert_int_equal(lapic_load(v, page), 0);
		break;
	}
}

static void test_random(void **state)
{
	struct model m;

	srand(4);
	for (unsigned round = 0; round < 40; round++) {
		setup(NULL);
		memset(&m, 0, sizeof(m));
		for (unsigned i = 0; i < 500; i++) {
			random_step(&m);
			check_model(&m);
		}
	}
}

/* Anything at all in the page: no crash, no illegal vector, and what is loaded is what is saved. */
static void test_random_load(void **state)
{
	uint8_t page[1024], a[1024], b[1024];

	srand(5);
	for (unsigned round = 0; round < 2000; round++) {
		setup(NULL);
		for (unsigned i = 0; i < sizeof(page); i++)
			page[i] = rand();
		if (round & 1) {
			x2apic_on(v);
			memset(page + 0x20, 0, 4);
		}
		assert_int_equal(lapic_load(v, page), 0);
		assert_int_equal(v->lapic.reg[LAPIC_IRR] & 0xffff, 0);
		assert_int_equal(v->lapic.reg[LAPIC_ISR] & 0xffff, 0);
		lapic_save(v, a);
		if (!memcmp(a + 0x390, "\0\0\0", 4) && memcmp(a + 0x380, "\0\0\0", 4))
			continue; /* expired: comes again */
		assert_int_equal(lapic_load(v, a), 0);
		lapic_save(v, b);
		assert_memory_equal(a, b, sizeof(a));
		fake_host_advance(rand());
		lapic_timer_poll(v);
		lapic_reset(v, true);
		assert_int_equal(fake_host_timers(), 0);
	}
}

#define T(name) cmocka_unit_test_setup(name, setup)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_reset), T(test_init), T(test_page_registers), T(test_page_reserved),
		T(test_x2apic_access), T(test_x2apic_bits), T(test_x2apic_values), T(test_base),
		T(test_base_effects), T(test_software_disable), T(test_errors), T(test_priority),
		T(test_cr8), T(test_eoi_to_user), T(test_poke_once), T(test_ipi_physical),
		T(test_ipi_logical), T(test_ipi_x2apic), T(test_ipi_modes), T(test_lowest),
		T(test_msi), T(test_save_load), T(test_save_x2apic_layout),
		T(test_accept_while_taking), T(test_random), T(test_random_load),
	};

	return cmocka_run_group_tests_name("lapic", tests, NULL, NULL);
}
