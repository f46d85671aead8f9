// SPDX-License-Identifier: GPL-2.0-only
/* Tests of the HPET: counter, comparators, routing, legacy replacement. */
#include "rig.h"

#define BASE 0xfed00000ull

enum { CAP = 0x00, CONFIG = 0x10, STATUS = 0x20, COUNTER = 0xf0 };
enum { ENABLE = 1, LEGACY = 2 };
enum { T_LEVEL = 0x02, T_INT = 0x04, T_PERIODIC = 0x08, T_SET = 0x40, T_32BIT = 0x100 };
enum { TICK = 10, MS = 100000 /* ticks */, US = 1000 /* nanoseconds */ };

static struct rig *r;
static struct hpet *hpet;

static int setup(void **state)
{
	static const struct rtc_options opt;
	struct i8254 *pit;
	struct mc146818 *rtc;

	r = rig_new();
	pit = i8254_create(r->m);
	rtc = mc146818_create(r->m, &opt);
	hpet = hpet_create(r->m, pit, rtc);
	assert_non_null(hpet);
	rig_reset(r);
	rig_advance(r, 5); /* to a tick, the rig begins at ..345 */
	rig_advance(r, (TICK - rig_now(r) % TICK) % TICK);
	return 0;
}

static int teardown(void **state)
{
	rig_free(r);
	return 0;
}

static uint64_t get(unsigned reg)
{
	return rig_read(r, BASE + reg, 8);
}

static void set(unsigned reg, uint64_t val)
{
	rig_write(r, BASE + reg, val, 8);
}

static unsigned t_config(unsigned n)
{
	return 0x100 + 0x20 * n;
}

static unsigned t_match(unsigned n)
{
	return 0x108 + 0x20 * n;
}

static unsigned route(unsigned gsi)
{
	return gsi << 9;
}

static void ticks(uint64_t n)
{
	rig_advance(r, n * TICK);
}

static void test_capabilities(void **state)
{
	assert_int_equal(get(CAP), 0x009896808086a201ull);
	set(CAP, 0);
	assert_int_equal(get(CAP), 0x009896808086a201ull);
	assert_int_equal(rig_read(r, BASE, 4), 0x8086a201);
	assert_int_equal(rig_read(r, BASE + 4, 4), 10000000); /* femtoseconds */
	for (unsigned n = 0; n < 3; n++) {
		assert_int_equal(get(t_config(n)), 0x00ff010400000030ull);
		assert_int_equal(get(t_match(n)), UINT64_MAX);
	}
	assert_int_equal(get(0x160), 0); /* no fourth timer */
}

static void test_counter(void **state)
{
	assert_int_equal(get(COUNTER), 0);
	ticks(100);
	assert_int_equal(get(COUNTER), 0);
	set(COUNTER, 0x1fffffff0);
	set(CONFIG, ENABLE);
	assert_int_equal(get(COUNTER), 0x1fffffff0);
	rig_advance(r, 9);
	assert_int_equal(get(COUNTER), 0x1fffffff0);
	rig_advance(r, 1);
	assert_int_equal(get(COUNTER), 0x1fffffff1);
	ticks(0x20);
	assert_int_equal(rig_read(r, BASE + COUNTER, 4), 0x11);
	assert_int_equal(rig_read(r, BASE + COUNTER + 4, 4), 2);
	set(CONFIG, 0);
	ticks(1000);
	assert_int_equal(get(COUNTER), 0x200000011);
	rig_write(r, BASE + COUNTER + 4, 7, 4);
	assert_int_equal(get(COUNTER), 0x700000011);
	assert_false(rig_timer_armed(r));
}

static void test_one_shot(void **state)
{
	set(CONFIG, ENABLE);
	set(t_config(0), T_INT | route(20));
	set(t_match(0), get(COUNTER) + 1000);
	assert_true(rig_timer_armed(r));
	ticks(999);
	assert_int_equal(r->rises[20], 0);
	ticks(1);
	assert_int_equal(r->rises[20], 1);
	assert_false(rig_timer_armed(r));
	assert_int_equal(get(STATUS), 0); /* edges leave no status */
	set(t_match(0), get(COUNTER) + 50);
	ticks(50);
	assert_int_equal(r->rises[20], 2);
	set(t_match(0), get(COUNTER) - 1); /* too late: the next turn of 64 bits */
	assert_false(rig_timer_armed(r));
}

static void test_no_timer_unless_needed(void **state)
{
	set(t_config(1), T_INT | route(21));
	set(t_match(1), 1000);
	assert_false(rig_timer_armed(r)); /* the counter stands */
	set(CONFIG, ENABLE);
	assert_true(rig_timer_armed(r));
	set(t_config(1), route(21));
	assert_false(rig_timer_armed(r));
	set(t_config(1), T_INT | route(21));
	assert_true(rig_timer_armed(r));
	set(CONFIG, 0);
	assert_false(rig_timer_armed(r));
	set(CONFIG, ENABLE);
	rig_reset(r);
	assert_false(rig_timer_armed(r));
	assert_int_equal(get(CONFIG), 0);
}

static void test_level(void **state)
{
	set(CONFIG, ENABLE);
	set(t_config(2), T_LEVEL | T_INT | route(23));
	set(t_match(2), 100);
	ticks(100);
	assert_true(r->gsi[23]);
	assert_int_equal(get(STATUS), 4);
	set(STATUS, 3); /* others' bits */
	assert_true(r->gsi[23]);
	set(CONFIG, 0); /* no interrupts, but the status stays */
	assert_false(r->gsi[23]);
	assert_int_equal(get(STATUS), 4);
	set(CONFIG, ENABLE);
	assert_true(r->gsi[23]);
	set(STATUS, 4);
	assert_false(r->gsi[23]);
	assert_int_equal(get(STATUS), 0);
}

/* "The timer can still operate and generate appropriate status bits". */
static void test_status_without_interrupt(void **state)
{
	set(CONFIG, ENABLE);
	set(t_config(0), T_LEVEL | route(20));
	set(t_match(0), 100);
	assert_false(rig_timer_armed(r));
	ticks(99);
	assert_int_equal(get(STATUS), 0);
	ticks(1);
	assert_int_equal(get(STATUS), 1);
	assert_false(r->gsi[20]);
	set(t_config(0), T_LEVEL | T_INT | route(20));
	assert_true(r->gsi[20]);
}

static void test_periodic(void **state)
{
	set(t_config(0), T_INT | T_PERIODIC | T_SET | route(20));
	set(t_match(0), 5 * MS); /* first match, and period */
	set(t_match(0), 1 * MS); /* period */
	assert_int_equal(get(t_match(0)), 5 * MS);
	assert_false(get(t_config(0)) & T_SET);
	set(CONFIG, ENABLE);
	ticks(5 * MS - 1);
	assert_int_equal(r->rises[20], 0);
	ticks(1);
	assert_int_equal(r->rises[20], 1);
	assert_int_equal(get(t_match(0)), 6 * MS);
	for (unsigned i = 2; i < 100; i++) {
		ticks(MS - 1);
		assert_int_equal(r->rises[20], i - 1);
		ticks(1);
		assert_int_equal(r->rises[20], i);
		assert_true(r->gsi[20]);
	}
}

/* Nobody takes interrupts, but the comparator goes on when it is looked at. */
static void test_periodic_without_interrupt(void **state)
{
	set(t_config(0), T_PERIODIC | T_SET | route(20));
	set(t_match(0), 1000);
	set(CONFIG, ENABLE);
	assert_false(rig_timer_armed(r));
	ticks(12345);
	assert_int_equal(get(t_match(0)), 13000);
	ticks(655);
	assert_int_equal(get(t_match(0)), 14000);
}

static void test_periodic_level(void **state)
{
	set(t_config(0), T_INT | T_LEVEL | T_PERIODIC | T_SET | route(20));
	set(t_match(0), MS);
	set(CONFIG, ENABLE);
	ticks(MS);
	assert_true(r->gsi[20]);
	assert_false(rig_timer_armed(r)); /* nothing new to say until it is cleared */
	ticks(10 * MS + 1);
	set(STATUS, 1);
	assert_false(r->gsi[20]);
	ticks(MS - 2);
	assert_false(r->gsi[20]);
	ticks(1);
	assert_true(r->gsi[20]);
}

static void test_32bit(void **state)
{
	set(t_config(0), T_INT | T_32BIT | route(20));
	set(t_match(0), 0x123456789abcull);
	assert_int_equal(get(t_match(0)), 0x56789abc);
	set(COUNTER, 0xfffffff0);
	set(t_match(0), 0x10);
	set(CONFIG, ENABLE);
	ticks(0x1f);
	assert_int_equal(r->rises[20], 0);
	ticks(1);
	assert_int_equal(r->rises[20], 1);
	ticks((1ull << 32) - 1); /* and again each turn */
	assert_int_equal(r->rises[20], 1);
	ticks(1);
	assert_int_equal(r->rises[20], 2);
}

static void test_32bit_halves(void **state)
{
	set(CONFIG, ENABLE);
	set(t_config(0), T_INT | route(20));
	rig_write(r, BASE + t_match(0), 0x11111111, 4);
	rig_write(r, BASE + t_match(0) + 4, 0x22222222, 4);
	assert_int_equal(get(t_match(0)), 0x2222222211111111ull);
	set(t_config(0), T_INT | T_PERIODIC | T_SET | route(20));
	rig_write(r, BASE + t_match(0), 0x33333333, 4);
	assert_int_equal(get(t_match(0)), 0x2222222233333333ull);
	rig_write(r, BASE + t_match(0) + 4, 0, 4); /* VAL_SET is gone: the period only */
	assert_int_equal(get(t_match(0)), 0x2222222233333333ull);
}

/* How Linux sets up its clock event device. */
static void test_linux_periodic(void **state)
{
	set(CONFIG, ENABLE | LEGACY);
	rig_write(r, BASE + t_config(0), T_INT | T_PERIODIC | T_SET | T_32BIT, 4);
	rig_write(r, BASE + t_match(0), rig_read(r, BASE + COUNTER, 4) + 4 * MS, 4);
	rig_advance(r, US);
	rig_write(r, BASE + t_match(0), 4 * MS, 4);
	r->rises[0] = 0;
	ticks(40 * MS);
	assert_int_equal(r->rises[0], 10);
	rig_advance(r, 39000000);
	assert_int_equal(r->rises[0], 19);
}

static void test_routing(void **state)
{
	set(t_config(0), route(23));
	assert_int_equal(get(t_config(0)) & route(31), route(23));
	set(t_config(0), route(5)); /* not one of its routes */
	assert_int_equal(get(t_config(0)) & route(31), route(23));
	set(CONFIG, ENABLE);
	set(t_match(0), 100);
	set(t_config(0), T_INT | route(23));
	ticks(100);
	assert_true(r->gsi[23]);
	set(t_config(0), T_INT | route(16));
	assert_false(r->gsi[23]);
	assert_false(r->gsi[16]);
	set(t_config(1), T_INT | route(2)); /* pin 2 is the machine's input 0 */
	set(t_match(1), 200);
	ticks(100);
	assert_true(r->gsi[0]);
	assert_false(r->gsi[2]);
}

/* Without a route, which is how reset leaves it, no interrupt can go anywhere. */
static void test_no_route(void **state)
{
	set(CONFIG, ENABLE);
	set(t_match(0), 100);
	set(t_config(0), T_INT);
	assert_false(rig_timer_armed(r));
	ticks(200);
	for (unsigned gsi = 0; gsi < 24; gsi++)
		assert_int_equal(r->rises[gsi], 0);
}

static void start_pit(void)
{
	rig_out8(r, PORT_PIT + 3, 0x34);
	rig_out8(r, PORT_PIT, 0xa9);
	rig_out8(r, PORT_PIT, 0x04); /* about 1 ms */
}

static void test_legacy(void **state)
{
	start_pit();
	assert_true(r->gsi[0]);
	set(CONFIG, ENABLE | LEGACY);
	assert_false(r->gsi[0]);
	assert_false(rig_timer_armed(r));
	set(t_config(0), T_INT);
	set(t_config(1), T_INT | T_LEVEL | route(20));
	set(t_match(0), MS);
	set(t_match(1), 2 * MS);
	r->rises[0] = 0;
	ticks(3 * MS);
	assert_int_equal(r->rises[0], 1);
	assert_int_equal(r->rises[8], 1);
	assert_true(r->gsi[8]);
	assert_int_equal(r->rises[20], 0);
	set(CONFIG, ENABLE);
	assert_false(r->gsi[8]);
	r->rises[0] = 0;
	rig_advance(r, 10 * 1000 * US);
	assert_in_range(r->rises[0], 9, 11); /* the PIT again */
}

static void test_late_matches_are_made_up(void **state)
{
	set(t_config(0), T_INT | T_PERIODIC | T_SET | route(20));
	set(t_match(0), MS);
	set(CONFIG, ENABLE);
	r->host_ns += 3500 * US; /* the host did not run for three periods and a half */
	rig_advance(r, 0);
	assert_int_equal(r->rises[20], 1);
	rig_advance(r, 1500 * US);
	assert_int_equal(r->rises[20], 5);
	ticks(MS - 1);
	assert_int_equal(r->rises[20], 5);
	ticks(1);
	assert_int_equal(r->rises[20], 6);
	r->host_ns += 3600ull * 1000000 * US;
	r->rises[20] = 0;
	rig_advance(r, 0);
	ticks(1000 * MS);
	assert_in_range(r->rises[20], 1900, 2010);
}

static void test_shortest_period_is_bounded(void **state)
{
	for (unsigned period = 0; period < 3; period++) {
		set(t_config(0), T_INT | T_PERIODIC | T_SET | route(20));
		set(CONFIG, ENABLE);
		set(t_match(0), get(COUNTER) + 1);
		set(t_match(0), period);
		r->rises[20] = 0;
		rig_advance(r, 20 * 1000 * US);
		assert_in_range(r->rises[20], 1, 1000);
	}
	set(t_config(0), T_INT | T_PERIODIC | T_SET | T_32BIT | route(20));
	set(t_match(0), 0);
	rig_advance(r, 20 * 1000 * US);
}

static void test_nobody_listens(void **state)
{
	struct irq_line probe = { 0 };

	machine_irq_connect(r->m, &probe, 20);
	set(t_config(0), T_INT | T_PERIODIC | T_SET | route(20));
	set(t_match(0), MS);
	set(CONFIG, ENABLE);
	irq_gate_ignore(probe.gate, true);
	assert_false(rig_timer_armed(r));
	ticks(5 * MS + 500);
	assert_int_equal(r->rises[20], 0);
	irq_gate_ignore(probe.gate, false);
	assert_int_equal(r->rises[20], 1);
	ticks(MS - 501);
	assert_int_equal(r->rises[20], 1);
	ticks(1);
	assert_int_equal(r->rises[20], 2);
}

static void test_narrow_writes(void **state)
{
	rig_write(r, BASE + CONFIG, ENABLE, 1);
	rig_write(r, BASE + CONFIG, ENABLE, 2);
	assert_int_equal(get(CONFIG), 0);
	assert_int_equal(rig_read(r, BASE + 2, 2), 0x8086);
	rig_write(r, BASE + CONFIG + 4, ~0ull, 4);
	assert_int_equal(get(CONFIG), 0);
}

static void test_saved_state(void **state)
{
	set(CONFIG, ENABLE | LEGACY);
	set(t_config(0), T_INT | T_PERIODIC | T_SET);
	set(t_match(0), MS);
	set(t_config(1), T_INT | T_LEVEL);
	set(t_match(1), MS);
	set(t_config(2), T_INT | T_32BIT | route(22));
	set(t_match(2), 10 * MS);
	ticks(MS + 7);
	assert_true(r->gsi[0] && r->gsi[8]);
	rig_check_saved_state(r);
	assert_int_equal(get(COUNTER), MS + 7);
	r->rises[0] = 0;
	ticks(MS - 7);
	assert_int_equal(r->rises[0], 1);
	ticks(8 * MS);
	assert_true(r->gsi[22]);
}

static void test_hostile_state(void **state)
{
	struct device *d = (struct device *)hpet;
	uint8_t buf[256];
	size_t len;

	set(CONFIG, ENABLE);
	set(t_config(0), T_INT | T_PERIODIC | T_SET | route(20));
	set(t_match(0), MS);
	len = device_save(d, buf, sizeof(buf));
	assert_true(len <= sizeof(buf));
	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t bad[256];

		memcpy(bad, buf, len);
		for (unsigned k = rand() % 8; k < 8; k++)
			bad[2 + rand() % (len - 2)] = rand() & 1 ? 0xff : rand();
		device_load(d, bad, len);
		get(STATUS);
		get(t_match(rand() % 3));
		rig_advance(r, 30000);
		set(t_match(rand() % 3), rand());
	}
}

static void test_random_access(void **state)
{
	static const unsigned size[] = { 1, 2, 4, 8 };

	srand(1004);
	for (unsigned i = 0; i < 60000; i++) {
		uint64_t addr = BASE + (rand() % 8 ? rand() % 0x30 * 8 : rand() % 0x3f8);
		uint64_t val = rand() & 1 ? rand() % 0x4000u : (uint64_t)rand() << 32 | rand();

		if (rand() % 4 == 0)
			rig_read(r, addr, size[rand() % 4]);
		else if (rand() % 8 == 0)
			rig_advance(r, rand() % 50000);
		else
			rig_write(r, addr, val, size[rand() % 4]);
	}
	rig_check_saved_state(r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_capabilities),
		TEST(test_counter),
		TEST(test_one_shot),
		TEST(test_no_timer_unless_needed),
		TEST(test_level),
		TEST(test_status_without_interrupt),
		TEST(test_periodic),
		TEST(test_periodic_without_interrupt),
		TEST(test_periodic_level),
		TEST(test_32bit),
		TEST(test_32bit_halves),
		TEST(test_linux_periodic),
		TEST(test_routing),
		TEST(test_no_route),
		TEST(test_legacy),
		TEST(test_late_matches_are_made_up),
		TEST(test_shortest_period_is_bounded),
		TEST(test_nobody_listens),
		TEST(test_narrow_writes),
		TEST(test_saved_state),
		TEST(test_hostile_state),
		TEST(test_random_access),
	};

	return cmocka_run_group_tests_name("hpet", tests, NULL, NULL);
}
