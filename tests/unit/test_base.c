// SPDX-License-Identifier: GPL-2.0-only
/* Lines and gates, the virtual clock, the door to guest memory. */
#include "unit.h"

#include <errno.h>

#include "dm/dma.h"
#include "dm/irq.h"
#include "dm/timer.h"
#include "machine/machine_priv.h"

/* --- lines --- */

struct ear {
	unsigned changes, n;
	bool level;
};

static void listen_line(void *arg, unsigned n, bool level)
{
	struct ear *e = arg;

	e->changes++;
	e->n = n;
	e->level = level;
}

static void a_gate_is_high_while_any_line_is(void **state)
{
	struct irq_line a = { 0 }, b = { 0 };
	struct irq_gate g;
	struct ear e = { 0 };

	irq_gate_init(&g, listen_line, &e, 5);
	irq_connect(&a, &g);
	irq_connect(&b, &g);
	irq_set(&a, true);
	irq_set(&a, true);
	irq_set(&b, true);
	assert_int_equal(e.changes, 1);
	assert_int_equal(e.n, 5);
	irq_set(&a, false);
	assert_true(e.level);
	irq_set(&b, false);
	assert_false(e.level);
	assert_int_equal(e.changes, 2);
}

static void a_line_carries_its_level_along(void **state)
{
	struct irq_line l = { 0 };
	struct irq_gate g, h;
	struct ear e = { 0 }, f = { 0 };

	irq_gate_init(&g, listen_line, &e, 0);
	irq_gate_init(&h, listen_line, &f, 1);
	irq_set(&l, true); /* connected to nothing */
	irq_connect(&l, &g);
	assert_true(e.level);
	irq_connect(&l, &h);
	assert_false(e.level);
	assert_true(f.level);
	irq_connect(&l, NULL);
	assert_false(f.level);
}

/* --- clock --- */

static uint64_t host;

static uint64_t source(void *arg)
{
	return host;
}

struct armed {
	unsigned calls;
	bool armed;
	uint64_t when;
};

static void rearm(void *arg, bool on, uint64_t when)
{
	struct armed *a = arg;

	a->calls++;
	a->armed = on;
	a->when = when;
}

static char fired[16];

static void fire_a(void *dev)
{
	strcat(fired, "a");
}

static void fire_b(void *dev)
{
	strcat(fired, "b");
}

static void timers_fire_in_order_and_once(void **state)
{
	struct machine m;
	struct timer a, b;

	host = 1000;
	fired[0] = 0;
	machine_init(&m, source, NULL, NULL);
	clock_start(&m.clock);
	timer_init(&a, &m, fire_a, NULL);
	timer_init(&b, &m, fire_b, NULL);
	timer_arm_in(&a, 200);
	timer_arm_in(&b, 100);
	host = 1099;
	clock_run(&m.clock);
	assert_string_equal(fired, "");
	host = 1300;
	clock_run(&m.clock);
	assert_string_equal(fired, "ba");
	assert_false(a.armed);
	clock_run(&m.clock);
	assert_string_equal(fired, "ba");
	machine_fini(&m);
}

static void guest_time_stands_still_while_stopped(void **state)
{
	struct machine m;

	host = 5000;
	machine_init(&m, source, NULL, NULL);
	assert_int_equal(machine_now(&m), 0);
	clock_start(&m.clock);
	host += 70;
	clock_stop(&m.clock);
	host += 1000;
	assert_int_equal(machine_now(&m), 70);
	clock_start(&m.clock);
	host += 5;
	assert_int_equal(machine_now(&m), 75);
	machine_fini(&m);
}

/* The host's timer is set for the soonest, disarmed with the last, and left alone otherwise. */
static void the_host_timer_follows_the_soonest(void **state)
{
	struct armed armed = { 0 };
	struct machine m;
	struct timer a, b;
	unsigned calls;

	host = 0;
	machine_init(&m, source, rearm, &armed);
	timer_init(&a, &m, fire_a, NULL);
	timer_init(&b, &m, fire_b, NULL);
	clock_start(&m.clock);
	assert_false(armed.armed);
	timer_arm_in(&a, 100);
	assert_true(armed.armed);
	assert_int_equal(armed.when, 100);
	calls = armed.calls;
	timer_arm_in(&b, 200);
	assert_int_equal(armed.calls, calls);
	timer_cancel(&a);
	assert_int_equal(armed.when, 200);
	clock_stop(&m.clock);
	assert_false(armed.armed);
	clock_start(&m.clock);
	assert_true(armed.armed);
	timer_cancel(&b);
	assert_false(armed.armed);
	machine_fini(&m);
}

static void fire_again(void *dev)
{
	timer_arm_in(dev, 100);
	timer_arm_in(dev, 50);
}

/* However much is armed and cancelled while timers fire, the host hears of it once. */
static void the_host_timer_is_set_once_a_run(void **state)
{
	struct armed armed = { 0 };
	struct machine m;
	struct timer a, b;

	host = 0;
	machine_init(&m, source, rearm, &armed);
	timer_init(&a, &m, fire_again, &a);
	timer_init(&b, &m, fire_again, &b);
	clock_start(&m.clock);
	timer_arm_in(&a, 10);
	timer_arm_in(&b, 20);
	host = 30;
	armed.calls = 0;
	clock_run(&m.clock);
	assert_int_equal(armed.calls, 1);
	assert_true(armed.armed);
	assert_int_equal(armed.when, 80);
	timer_cancel(&a);
	timer_cancel(&b);
	assert_false(armed.armed);
	machine_fini(&m);
}

static void far_timers_do_not_wrap(void **state)
{
	struct machine m;
	struct timer a;

	host = 0;
	machine_init(&m, source, NULL, NULL);
	clock_start(&m.clock);
	host = 10;
	fired[0] = 0;
	timer_init(&a, &m, fire_a, NULL);
	timer_arm_in(&a, UINT64_MAX);
	clock_run(&m.clock);
	assert_string_equal(fired, "");
	timer_cancel(&a);
	machine_fini(&m);
}

static void timers_are_counted_by_name(void **state)
{
	struct machine m;
	struct timer a, b;

	host = 0;
	machine_init(&m, source, NULL, NULL);
	clock_start(&m.clock);
	fired[0] = 0;
	timer_init(&a, &m, fire_a, NULL);
	timer_init(&b, &m, fire_b, NULL);
	timer_name(&a, "first");
	for (unsigned i = 0; i < 3; i++) {
		timer_arm_in(&a, 0);
		timer_arm_in(&b, 0);
		clock_run(&m.clock);
	}
	assert_ptr_equal(m.clock.named, &a);
	assert_null(a.next_named);
	assert_string_equal(a.name, "first");
	assert_int_equal(a.fired, 3);
	assert_int_equal(m.clock.fired, 6);
	machine_fini(&m);
}

/* --- the door to memory --- */

static void dma_reaches_main_memory_only(void **state)
{
	uint8_t ram[0x2000] = { 0 }, vram[0x1000] = { 0 }, rom[0x1000] = { 7 }, buf[16];
	struct region low, high, video, shadow;
	struct machine m;
	struct dma *d = &m.dma;

	machine_init(&m, source, NULL, NULL);
	region_add_ram(&m.mem, &low, 0, 0x1000, ram, REGION_DMA);
	region_add_ram(&m.mem, &high, 0x1000, 0x1000, ram + 0x1000, REGION_DMA);
	region_add_ram(&m.mem, &video, 0x3000, 0x1000, vram, 0);
	region_add_rom(&m.mem, &shadow, 0x4000, 0x1000, rom, NULL, NULL);
	shadow.flags = REGION_DMA;

	memset(buf, 0x5a, sizeof(buf));
	assert_int_equal(dma_write(d, 0xff8, buf, 16), 0); /* across two regions */
	assert_int_equal(ram[0xff8], 0x5a);
	assert_int_equal(ram[0x1007], 0x5a);
	assert_int_equal(dma_write(d, 0x1ff8, buf, 16), -EFAULT);
	assert_int_equal(ram[0x1ff8], 0); /* all or nothing */
	assert_int_equal(dma_write(d, 0x3000, buf, 16), -EFAULT);
	assert_int_equal(dma_write(d, 0x4000, buf, 16), -EFAULT);
	assert_int_equal(dma_read(d, 0x4000, buf, 16), 0);
	assert_int_equal(buf[0], 7);
	assert_int_equal(dma_read(d, ~0ull - 7, buf, 16), -EFAULT);
	assert_int_equal(dma_read(d, 0x2000, buf, 0), 0);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gate_is_high_while_any_line_is),
		cmocka_unit_test(a_line_carries_its_level_along),
		cmocka_unit_test(timers_fire_in_order_and_once),
		cmocka_unit_test(guest_time_stands_still_while_stopped),
		cmocka_unit_test(the_host_timer_follows_the_soonest),
		cmocka_unit_test(the_host_timer_is_set_once_a_run),
		cmocka_unit_test(far_timers_do_not_wrap),
		cmocka_unit_test(timers_are_counted_by_name),
		cmocka_unit_test(dma_reaches_main_memory_only),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
