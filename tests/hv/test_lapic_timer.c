// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC's timer: its modes, what is due when, and that the host has a timer only then. */
#include <stdlib.h>

#include "lapic_machine.h"

static void test_one_shot(void **state)
{
	wr(LAPIC_DIVIDE, 0xb);
	wr(LAPIC_LVT_TIMER, 0x30);
	wr(LAPIC_INITIAL, 5000);
	assert_int_equal(rd(LAPIC_CURRENT), 5000);
	fake_host_advance(1234);
	assert_int_equal(rd(LAPIC_CURRENT), 3766);
	assert_int_equal(drain(v, 0x30), 0);
	fake_host_advance(3766);
	assert_int_equal(pokes[0], 1);
	assert_int_equal(drain(v, 0x30), 1);
	assert_int_equal(rd(LAPIC_CURRENT), 0);
	assert_int_equal(rd(LAPIC_INITIAL), 5000);
	assert_int_equal(fake_host_timers(), 0);
	fake_host_advance(1000000);
	assert_int_equal(drain(v, 0x30), 0);
	wr(LAPIC_INITIAL, 5000);
	wr(LAPIC_INITIAL, 0);
	assert_int_equal(fake_host_timers(), 0);
}

static void test_divide(void **state)
{
	static const uint8_t config[] = { 0xb, 0, 1, 2, 3, 8, 9, 0xa };

	for (unsigned i = 0; i < 8; i++) {
		wr(LAPIC_DIVIDE, config[i]);
		wr(LAPIC_INITIAL, 1000);
		fake_host_advance(100 << i);
		assert_int_equal(rd(LAPIC_CURRENT), 900);
	}
	wr(LAPIC_DIVIDE, 0xb); /* goes on from 900 */
	assert_int_equal(rd(LAPIC_CURRENT), 900);
	fake_host_advance(899);
	assert_int_equal(rd(LAPIC_CURRENT), 1);
	fake_host_advance(1);
	assert_int_equal(rd(LAPIC_CURRENT), 0);
	wr(LAPIC_INITIAL, 0xffffffff);
	wr(LAPIC_DIVIDE, 0xa);
	fake_host_advance(128ull * 0xffffffff - 1);
	assert_int_equal(rd(LAPIC_CURRENT), 1);
}

static void test_periodic(void **state)
{
	uint64_t start = fake.now_ns;

	wr(LAPIC_DIVIDE, 0xb);
	wr(LAPIC_LVT_TIMER, 0x20030);
	wr(LAPIC_INITIAL, 100000);
	for (unsigned i = 1; i <= 50; i++) {
		assert_int_equal(fake_host_next_timer(), start + i * 100000);
		fake_host_advance(fake_host_next_timer() - fake.now_ns + i); /* i: too late */
		assert_int_equal(drain(v, 0x30), 1);
		assert_int_equal(rd(LAPIC_CURRENT), 100000 - i);
	}
	fake_host_advance(1234567); /* twelve periods collapse */
	assert_int_equal(fake_host_timers(), 0);
	assert_int_equal(drain(v, 0x30), 1);
	assert_int_equal(drain(v, 0x30), 0);
	assert_int_equal((fake_host_next_timer() - start) % 100000, 0);
	wr(LAPIC_INITIAL, 1); /* a nuisance: bounded */
	assert_true(fake_host_next_timer() >= fake.now_ns + 10000);
}

static void test_masked(void **state)
{
	uint64_t start = fake.now_ns;

	wr(LAPIC_DIVIDE, 0xb);
	wr(LAPIC_LVT_TIMER, 0x30030);
	wr(LAPIC_INITIAL, 100000);
	assert_int_equal(fake_host_timers(), 0);
	fake_host_advance(250000);
	assert_int_equal(rd(LAPIC_CURRENT), 50000);
	wr(LAPIC_LVT_TIMER, 0x20030);
	assert_int_equal(drain(v, 0x30), 0); /* what was masked is lost */
	assert_int_equal(fake_host_next_timer(), start + 300000);
	wr(LAPIC_LVT_TIMER, 0x10030);
	assert_int_equal(fake_host_timers(), 0);
	wr(LAPIC_INITIAL, 1000);
	fake_host_advance(1000);
	wr(LAPIC_LVT_TIMER, 0x30);
	assert_int_equal(drain(v, 0x30), 0);
	assert_int_equal(fake_host_timers(), 0);
}

/* Due, but the vCPU has not looked: a change of the register must not lose it. */
static void test_due_before_change(void **state)
{
	static const struct { unsigned reg; uint32_t val; } change[] = {
		{ LAPIC_LVT_TIMER, 0x10030 }, { LAPIC_LVT_TIMER, 0x40030 }, { LAPIC_INITIAL, 0 },
		{ LAPIC_INITIAL, 9 }, { LAPIC_DIVIDE, 3 }, { LAPIC_SVR, 0xff },
	};

	for (unsigned i = 0; i < HV_ARRAY(change); i++) {
		setup(NULL);
		wr(LAPIC_LVT_TIMER, 0x30);
		wr(LAPIC_INITIAL, 10);
		fake_host_advance(20);
		wr(change[i].reg, change[i].val);
		assert_int_equal(lapic_pending(v), 0x30);
		assert_int_equal(drain(v, 0x30), 1);
	}
}

static void test_deadline(void **state)
{
	uint64_t tsc;

	lapic_set_deadline(v, 5); /* not in this mode */
	assert_int_equal(lapic_deadline(v), 0);
	wr(LAPIC_LVT_TIMER, 0x40030);
	wr(LAPIC_INITIAL, 1000);
	assert_int_equal(rd(LAPIC_INITIAL), 0);
	v->tsc_offset = -5000;
	tsc = hv_guest_tsc(v);
	lapic_set_deadline(v, tsc + 2000000);
	assert_int_equal(lapic_deadline(v), tsc + 2000000);
	assert_int_equal(rd(LAPIC_CURRENT), 0);
	fake_host_advance(999999);
	assert_int_equal(drain(v, 0x30), 0);
	fake_host_advance(2);
	assert_int_equal(drain(v, 0x30), 1);
	assert_int_equal(lapic_deadline(v), 0);
	assert_int_equal(fake_host_timers(), 0);
	lapic_set_deadline(v, 1); /* long ago */
	assert_int_equal(drain(v, 0x30), 1);
	lapic_set_deadline(v, ~0ull);
	assert_int_equal(drain(v, 0x30), 0);
	assert_true(fake_host_next_timer() > fake.now_ns);
	lapic_set_deadline(v, 0);
	assert_int_equal(fake_host_timers(), 0);
}

static void test_deadline_changes(void **state)
{
	uint64_t tsc = hv_guest_tsc(v);

	wr(LAPIC_LVT_TIMER, 0x50030); /* masked */
	lapic_set_deadline(v, tsc + 2000);
	assert_int_equal(fake_host_timers(), 0);
	fake_host_advance(1000);
	assert_int_equal(lapic_deadline(v), 0);
	wr(LAPIC_LVT_TIMER, 0x40030);
	assert_int_equal(drain(v, 0x30), 0);
	lapic_set_deadline(v, hv_guest_tsc(v) + 2000000);
	v->tsc_offset += 1000000;
	lapic_timer_update(v);
	assert_int_equal(fake_host_next_timer(), fake.now_ns + 500001);
	v->tsc_offset += 1000000;
	lapic_timer_update(v);
	assert_int_equal(drain(v, 0x30), 1);
	lapic_set_deadline(v, hv_guest_tsc(v) + 2000000);
	wr(LAPIC_LVT_TIMER, 0x30); /* disarms */
	assert_int_equal(fake_host_timers(), 0);
	wr(LAPIC_LVT_TIMER, 0x40030);
	assert_int_equal(lapic_deadline(v), 0);
}

/* Where entries end at a deadline by themselves the host has a timer for sleeps alone. */
static void test_deadline_by_entries(void **state)
{
	uint64_t tsc;

	hv_cap.deadline = true;
	v->tsc_ratio = 1ull << 32;
	v->tsc_offset = -5000;
	wr(LAPIC_LVT_TIMER, 0x40030);
	tsc = cpu_rdtsc();
	lapic_set_deadline(v, hv_guest_tsc(v) + 2000000);
	assert_int_equal(v->deadline, tsc + 2000000);
	assert_int_equal(fake_host_timers(), 0);
	lapic_timer_sleep(v);
	assert_int_equal(fake_host_next_timer(), fake.now_ns + 1000001);
	fake_host_advance(1000001);
	assert_int_equal(drain(v, 0x30), 1);
	assert_int_equal(v->deadline, 0);
	lapic_set_deadline(v, ~0ull);
	assert_true(v->deadline > cpu_rdtsc() + (1ull << 60));
	v->tsc_ratio = 2ull << 32;
	lapic_timer_update(v);
	assert_int_equal(v->deadline, 0);
	assert_int_equal(fake_host_timers(), 1);
	wr(LAPIC_LVT_TIMER, 0x30);
	wr(LAPIC_INITIAL, 1000);
	assert_int_equal(v->deadline, 0);
	assert_int_equal(fake_host_timers(), 1);
	hv_cap.deadline = false;
}

/* --- save and load --- */

static void test_load_timer(void **state)
{
	uint8_t page[1024];

	wr(LAPIC_DIVIDE, 0xb);
	wr(LAPIC_LVT_TIMER, 0x20030);
	wr(LAPIC_INITIAL, 1000000);
	fake_host_advance(300000);
	lapic_save(v, page);
	lapic_reset(v, false);
	assert_int_equal(fake_host_timers(), 0);
	fake_host_advance(5000000);
	assert_int_equal(lapic_load(v, page), 0);
	assert_int_equal(rd(LAPIC_CURRENT), 700000);
	assert_int_equal(fake_host_next_timer(), fake.now_ns + 700000);
	fake_host_advance(1700000);
	assert_int_equal(drain(v, 0x30), 1);
	/* a user without the current count: one-shot is due at once, periodic begins anew */
	memset(page + 0x390, 0, 4);
	assert_int_equal(lapic_load(v, page), 0);
	assert_int_equal(fake_host_next_timer(), fake.now_ns + 1000000);
	page[0x322] = 0;
	assert_int_equal(lapic_load(v, page), 0);
	assert_int_equal(drain(v, 0x30), 1);
	assert_int_equal(fake_host_timers(), 0);
}

/* What is due when the state is saved, goes with it. */
static void test_save_due(void **state)
{
	uint8_t page[1024];

	wr(LAPIC_LVT_TIMER, 0x30);
	wr(LAPIC_INITIAL, 100);
	fake_host_advance(1000);
	lapic_save(v, page);
	lapic_reset(v, true);
	memset(page + 0x380, 0, 4);
	assert_int_equal(lapic_load(v, page), 0);
	assert_int_equal(drain(v, 0x30), 1);
}

/* --- random --- */

/* Any write of any register: the timer neither runs away nor stays when it is masked. */
static void test_random_registers(void **state)
{
	srand(6);
	setup(NULL);
	for (unsigned i = 0; i < 200000; i++) {
		unsigned reg = rand() % 0x42;
		uint32_t val = (uint32_t)rand() << 1 ^ rand();

		if (reg == LAPIC_SVR)
			val |= SVR_ENABLE;
		lapic_write(v, reg * 16, val);
		if (!(rand() % 4))
			lapic_set_deadline(v, hv_guest_tsc(v) + (rand() % 3 ? rand() : -1ull));
		if (v->lapic.reg[LAPIC_LVT_TIMER] & LVT_MASKED)
			assert_int_equal(fake_host_timers(), 0);
		assert_true(rd(LAPIC_CURRENT) <= rd(LAPIC_INITIAL));
		fake_host_advance(rand() % 3 ? 0 : rand() % 100000);
		lapic_timer_poll(v);
		if (lapic_pending(v) >= 0)
			lapic_take(v, lapic_pending(v));
	}
}

#define T(name) cmocka_unit_test_setup(name, setup)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_one_shot), T(test_divide), T(test_periodic), T(test_masked),
		T(test_due_before_change), T(test_deadline), T(test_deadline_changes),
		T(test_deadline_by_entries),
		T(test_load_timer), T(test_save_due), T(test_random_registers),
	};

	return cmocka_run_group_tests_name("lapic timer", tests, NULL, NULL);
}
