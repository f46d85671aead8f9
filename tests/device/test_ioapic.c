// SPDX-License-Identifier: GPL-2.0-only
/* Tests of the I/O APIC: registers, edges and levels, messages, routes. */
#include "rig.h"

#define BASE   0xfec00000ull
#define WINDOW (BASE + 0x10)
#define EOI    (BASE + 0x40)

enum { MASKED = 0x10000, LEVEL = 0x8000, REMOTE = 0x4000, LOW = 0x2000, LOGICAL = 0x800 };
enum { LOWEST = 1 << 8, SMI = 2 << 8, NMI = 4 << 8, INIT = 5 << 8, EXTINT = 7 << 8 };

static struct rig *r;
static struct ioapic *io;
static unsigned messages, routes;
static uint64_t last_address;
static uint32_t last_data;
static struct {
	uint64_t address;
	uint32_t data;
} route[24];

static void on_message(void *arg, uint64_t address, uint32_t data)
{
	assert_ptr_equal(arg, &messages);
	messages++;
	last_address = address;
	last_data = data;
}

static void on_route(void *arg, unsigned pin, uint64_t address, uint32_t data)
{
	assert_ptr_equal(arg, &messages);
	assert_in_range(pin, 0, 23);
	routes++;
	route[pin].address = address;
	route[pin].data = data;
}

static int setup(void **state)
{
	static const struct ioapic_ops ops = { on_message, on_route };

	messages = 0;
	r = rig_new();
	io = ioapic_create(r->m, &ops, &messages);
	assert_non_null(io);
	rig_reset(r);
	return 0;
}

static int teardown(void **state)
{
	rig_free(r);
	return 0;
}

static uint32_t get(unsigned index)
{
	rig_write(r, BASE, index, 4);
	return rig_read(r, WINDOW, 4);
}

static void set(unsigned index, uint32_t val)
{
	rig_write(r, BASE, index, 4);
	rig_write(r, WINDOW, val, 4);
}

static void set_pin(unsigned pin, uint32_t low, unsigned dest)
{
	set(0x11 + 2 * pin, dest << 24);
	set(0x10 + 2 * pin, low);
}

static void pulse(unsigned pin)
{
	ioapic_input(io, pin, false);
	ioapic_input(io, pin, true);
}

static void test_identity(void **state)
{
	assert_int_equal(get(1), 0x00170020);
	assert_int_equal(get(0), 0);
	set(0, 0xffffffff);
	assert_int_equal(get(0), 0x0f000000);
	assert_int_equal(get(2), 0x0f000000); /* loaded with the ID */
	set(1, 0);
	set(2, 0);
	assert_int_equal(get(1), 0x00170020);
	assert_int_equal(get(2), 0x0f000000);
	assert_int_equal(rig_read(r, BASE, 4), 2);
}

static void test_entries(void **state)
{
	for (unsigned pin = 0; pin < 24; pin++) {
		assert_int_equal(get(0x10 + 2 * pin), MASKED);
		assert_int_equal(get(0x11 + 2 * pin), 0);
		set_pin(pin, 0xffffffff, 0xff);
		assert_int_equal(get(0x10 + 2 * pin), 0x1afff);
		assert_int_equal(get(0x11 + 2 * pin), 0xff000000);
	}
	for (unsigned index = 0x40; index < 0x100; index++) {
		set(index, 0xffffffff);
		assert_int_equal(get(index), 0);
	}
	assert_int_equal(get(3), 0);
	assert_int_equal(messages, 0);
}

static void test_edge(void **state)
{
	set_pin(4, 0x31, 2);
	pulse(4);
	assert_int_equal(messages, 1);
	assert_int_equal(last_address, 0xfee02000);
	assert_int_equal(last_data, 0x31);
	assert_int_equal(get(0x18), 0x31);
	ioapic_input(io, 4, true);
	assert_int_equal(messages, 1);
	pulse(4); /* no EOI needed */
	assert_int_equal(messages, 2);
}

static void test_masked_edge_is_lost(void **state)
{
	set_pin(4, 0x31 | MASKED, 0);
	pulse(4);
	set_pin(4, 0x31, 0);
	assert_int_equal(messages, 0);
	pulse(4);
	assert_int_equal(messages, 1);
}

static void test_level(void **state)
{
	set_pin(17, 0x41 | LEVEL | LOW, 1);
	ioapic_input(io, 17, true);
	assert_int_equal(messages, 1);
	assert_int_equal(last_data, 0xc041);
	assert_int_equal(get(0x32), 0x41 | LEVEL | LOW | REMOTE);
	pulse(17);
	assert_int_equal(messages, 1);
	ioapic_eoi(io, 0x40); /* someone else's */
	assert_int_equal(messages, 1);
	ioapic_eoi(io, 0x41); /* still high: again */
	assert_int_equal(messages, 2);
	ioapic_input(io, 17, false);
	ioapic_eoi(io, 0x41);
	assert_int_equal(messages, 2);
	assert_int_equal(get(0x32), 0x41 | LEVEL | LOW);
}

static void test_masked_level_is_kept(void **state)
{
	ioapic_input(io, 17, true);
	set_pin(17, 0x41 | LEVEL | MASKED, 1);
	assert_int_equal(messages, 0);
	set_pin(17, 0x41 | LEVEL, 1);
	assert_int_equal(messages, 1);
	/* masked while it is served; the EOI counts, and unmasking sends it again */
	set_pin(17, 0x41 | LEVEL | MASKED, 1);
	assert_int_equal(get(0x32), 0x41 | LEVEL | MASKED | REMOTE);
	ioapic_eoi(io, 0x41);
	assert_int_equal(messages, 1);
	assert_int_equal(get(0x32), 0x41 | LEVEL | MASKED);
	set_pin(17, 0x41 | LEVEL, 1);
	assert_int_equal(messages, 2);
}

static void test_eoi_register(void **state)
{
	set_pin(3, 0x55 | LEVEL, 0);
	set_pin(9, 0x55 | LEVEL, 0);
	ioapic_input(io, 3, true);
	ioapic_input(io, 9, true);
	ioapic_input(io, 3, false);
	ioapic_input(io, 9, false);
	rig_write(r, EOI, 0x55, 4);
	assert_int_equal(get(0x16), 0x55 | LEVEL);
	assert_int_equal(get(0x22), 0x55 | LEVEL);
}

/* What old kernels do where there is no EOI register. */
static void test_turning_to_edge_clears_remote_irr(void **state)
{
	set_pin(3, 0x55 | LEVEL, 0);
	ioapic_input(io, 3, true);
	assert_true(get(0x16) & REMOTE);
	set(0x16, 0x55 | MASKED);
	set(0x16, 0x55 | MASKED | LEVEL);
	assert_false(get(0x16) & REMOTE);
	assert_int_equal(messages, 1);
	set(0x16, 0x55 | LEVEL);
	assert_int_equal(messages, 2);
}

static void test_remote_irr_is_read_only(void **state)
{
	set_pin(3, 0x55 | LEVEL | REMOTE | 0x1000, 0);
	assert_int_equal(get(0x16), 0x55 | LEVEL);
	ioapic_input(io, 3, true);
	set(0x16, 0x55 | LEVEL);
	assert_true(get(0x16) & REMOTE);
	assert_int_equal(messages, 1);
}

static void assert_message(uint32_t low, unsigned dest, uint64_t address, uint32_t data)
{
	unsigned before = messages;

	ioapic_input(io, 5, false);
	set_pin(5, low, dest);
	assert_int_equal(route[5].address, address);
	assert_int_equal(route[5].data, data);
	ioapic_input(io, 5, true);
	assert_int_equal(messages, before + 1);
	assert_int_equal(last_address, address);
	assert_int_equal(last_data, data);
}

static void test_messages(void **state)
{
	assert_message(0x61, 0, 0xfee00000, 0x61);
	assert_message(0x61, 0xff, 0xfeeff000, 0x61);
	assert_message(0x61 | LOGICAL, 0x81, 0xfee81004, 0x61);
	assert_message(0x61 | LOWEST | LOGICAL, 3, 0xfee0300c, 0x161);
	assert_message(SMI, 0, 0xfee00000, 0x200);
	assert_message(NMI, 7, 0xfee07000, 0x400);
	assert_message(NMI | LEVEL, 7, 0xfee07000, 0x400); /* always an edge */
	assert_message(INIT, 1, 0xfee01000, 0x500);
	assert_message(EXTINT | 0x20, 0, 0xfee00000, 0x720);
	assert_message(0x62 | LOWEST | LEVEL, 0, 0xfee00008, 0xc162);
}

static void test_routes(void **state)
{
	set_pin(7, 0x71 | LEVEL, 2);
	assert_int_equal(route[7].address, 0xfee02000);
	assert_int_equal(route[7].data, 0xc071);
	routes = 0;
	set(0x1e, 0x71 | LEVEL | MASKED);
	assert_int_equal(routes, 1);
	assert_int_equal(route[7].address, 0);
	assert_int_equal(route[7].data, 0);
	set_pin(7, 0x71, 2);
	memset(route, 0xff, sizeof(route));
	rig_reset(r);
	for (unsigned pin = 0; pin < 24; pin++) {
		assert_int_equal(route[pin].address, 0);
		assert_int_equal(route[pin].data, 0);
	}
}

static void test_odd_accesses(void **state)
{
	set_pin(1, 0x12a34, 0x56);
	rig_write(r, BASE, 0x12, 1);
	assert_int_equal(rig_read(r, WINDOW, 1), 0x34);
	assert_int_equal(rig_read(r, WINDOW + 1, 1), 0x2a);
	assert_int_equal(rig_read(r, WINDOW + 2, 2), 0x0001);
	assert_int_equal(rig_read(r, WINDOW, 8), 0x12a34);
	rig_write(r, WINDOW, 0xff, 1);
	rig_write(r, WINDOW + 2, 0xffff, 2);
	assert_int_equal(get(0x12), 0x12a34);
	assert_int_equal(rig_read(r, BASE + 0x20, 4), 0);
	rig_write(r, BASE + 0xffc, 1, 4);
	assert_int_equal(rig_read(r, BASE + 0xffc, 4), 0);
}

static void test_no_such_pin(void **state)
{
	ioapic_input(io, 24, true);
	ioapic_input(io, 32, true);
	ioapic_input(io, ~0u, true);
	assert_int_equal(messages, 0);
}

static void test_saved_state(void **state)
{
	set(0, 0x05000000);
	set_pin(17, 0x41 | LEVEL, 1);
	set_pin(3, 0x33, 1);
	set_pin(8, 0x88 | LEVEL | MASKED, 1);
	ioapic_input(io, 17, true);
	ioapic_input(io, 8, true);
	ioapic_input(io, 3, true);
	rig_write(r, BASE, 0x1f, 4);
	memset(route, 0, sizeof(route));
	messages = 0;
	rig_check_saved_state(r);
	assert_int_equal(messages, 0); /* nothing is sent twice */
	assert_int_equal(route[17].data, 0xc041);
	assert_int_equal(route[3].data, 0x33);
	ioapic_eoi(io, 0x41);
	assert_int_equal(messages, 1);
}

static void test_hostile_state(void **state)
{
	struct device *d = (struct device *)io;
	uint8_t buf[512];
	size_t len = device_save(d, buf, sizeof(buf));

	assert_true(len <= sizeof(buf));
	memset(buf + 2, 0xff, len - 2);
	device_load(d, buf, len);
	for (unsigned pin = 0; pin < 24; pin++) {
		assert_int_equal(get(0x10 + 2 * pin) & ~0x1ffffu, 0);
		pulse(pin);
	}
	for (unsigned v = 0; v < 256; v++)
		ioapic_eoi(io, v);
}

static void test_random_access(void **state)
{
	srand(82093);
	for (unsigned i = 0; i < 200000; i++) {
		static const unsigned size[] = { 1, 2, 4, 8 };
		uint64_t addr = BASE + (rand() % 4 ? rand() % 0x48 : rand() % 0xff8);

		switch (rand() % 5) {
		case 0:
			rig_read(r, addr, size[rand() % 4]);
			break;
		case 1:
			rig_write(r, addr, (uint64_t)rand() << 32 | rand(), size[rand() % 4]);
			break;
		case 2:
			set(rand() % 0x48, rand());
			break;
		case 3:
			ioapic_input(io, rand() % 26, rand() & 1);
			break;
		default:
			ioapic_eoi(io, rand());
		}
	}
	rig_check_saved_state(r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_identity),
		TEST(test_entries),
		TEST(test_edge),
		TEST(test_masked_edge_is_lost),
		TEST(test_level),
		TEST(test_masked_level_is_kept),
		TEST(test_eoi_register),
		TEST(test_turning_to_edge_clears_remote_irr),
		TEST(test_remote_irr_is_read_only),
		TEST(test_messages),
		TEST(test_routes),
		TEST(test_odd_accesses),
		TEST(test_no_such_pin),
		TEST(test_saved_state),
		TEST(test_hostile_state),
		TEST(test_random_access),
	};

	return cmocka_run_group_tests_name("ioapic", tests, NULL, NULL);
}
