// SPDX-License-Identifier: GPL-2.0-only
/* ISA bridge: PIRQ steering with levels that move, the ports 0x92, 0xcf9 and 0x80. */
#include "rig.h"

#include "dm/pci.h"

/* In test programs the inside of the machine is open: the A20 gate's position is not a port. */
#include "machine/machine_priv.h"

enum { DEVFN = PCI_DEVFN(1, 0), PIRQ = 0x60, CARDS = 4 };

/* Four cards with INTA# in slots 2 to 5, which reach PIRQB, C, D and A. */
struct bridge {
	struct rig *r;
	struct pci_dev card[CARDS];
};

static int setup(void **state)
{
	static const struct pci_id id = { .vendor = 0x1234, .device = 1, .int_pin = 1 };
	struct bridge *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->r = rig_new();
	rig_add_pci(b->r);
	assert_non_null(piix3_create(b->r->m));
	for (unsigned i = 0; i < CARDS; i++)
		assert_int_equal(pci_add(machine_pci(b->r->m), PCI_DEVFN(2 + i, 0), &b->card[i],
					 NULL, &id), 0);
	rig_reset(b->r);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bridge *b = *state;

	rig_free(b->r);
	free(b);
	return 0;
}

/* The card that drives PIRQA, B, C or D */
static struct pci_dev *on_pirq(struct bridge *b, unsigned pirq)
{
	return &b->card[(pirq + 3) % 4];
}

static void route(struct rig *r, unsigned pirq, uint8_t val)
{
	rig_config_write(r, DEVFN, PIRQ + pirq, val, 1);
}

static unsigned high_lines(const struct rig *r)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < 24; i++)
		mask |= (unsigned)r->gsi[i] << i;
	return mask;
}

static void identity(void **state)
{
	struct rig *r = ((struct bridge *)*state)->r;

	assert_int_equal(rig_config_read(r, DEVFN, 0x00, 4), 0x70008086);
	assert_int_equal(rig_config_read(r, DEVFN, 0x08, 4), 0x06010000);
	assert_int_equal(rig_config_read(r, DEVFN, 0x0e, 1), 0x80);
	assert_int_equal(rig_config_read(r, DEVFN, 0x2c, 4), 0x11001af4);
	assert_int_equal(rig_config_read(r, DEVFN, PIRQ, 4), 0x80808080);
}

static void nothing_is_routed_at_first(void **state)
{
	struct bridge *b = *state;

	for (unsigned i = 0; i < CARDS; i++)
		pci_irq_set(&b->card[i], true);
	assert_int_equal(high_lines(b->r), 0);
}

/* SeaBIOS's routes: A and B to 10, C and D to 11 */
static void each_pin_reaches_its_input(void **state)
{
	struct bridge *b = *state;

	rig_config_write(b->r, DEVFN, PIRQ, 0x0b0b0a0a, 4);
	for (unsigned pirq = 0; pirq < 4; pirq++) {
		pci_irq_set(on_pirq(b, pirq), true);
		assert_int_equal(high_lines(b->r), 1 << (pirq < 2 ? 10 : 11));
		pci_irq_set(on_pirq(b, pirq), false);
		assert_int_equal(high_lines(b->r), 0);
	}
}

static void shared_input_stays_high(void **state)
{
	struct bridge *b = *state;

	rig_config_write(b->r, DEVFN, PIRQ, 0x0a0a0a0a, 4);
	pci_irq_set(on_pirq(b, 0), true);
	pci_irq_set(on_pirq(b, 3), true);
	pci_irq_set(on_pirq(b, 0), false);
	assert_int_equal(high_lines(b->r), 1 << 10);
	assert_int_equal(b->r->rises[10], 1);
	pci_irq_set(on_pirq(b, 3), false);
	assert_int_equal(high_lines(b->r), 0);
}

static void level_moves_with_its_route(void **state)
{
	struct bridge *b = *state;

	route(b->r, 0, 10);
	route(b->r, 1, 10);
	pci_irq_set(on_pirq(b, 0), true);
	pci_irq_set(on_pirq(b, 1), true);
	route(b->r, 0, 5);
	assert_int_equal(high_lines(b->r), 1 << 5 | 1 << 10);
	assert_int_equal(b->r->rises[10], 1); /* undisturbed */
	route(b->r, 1, 0x85);
	assert_int_equal(high_lines(b->r), 1 << 5);
	pci_irq_set(on_pirq(b, 1), false);
	route(b->r, 1, 11);
	assert_int_equal(high_lines(b->r), 1 << 5);
	route(b->r, 0, 0x80);
	assert_int_equal(high_lines(b->r), 0);
	route(b->r, 0, 15);
	assert_int_equal(high_lines(b->r), 1 << 15);
	pci_irq_set(on_pirq(b, 0), false);
	assert_int_equal(high_lines(b->r), 0);
}

static void reserved_inputs_cannot_be_reached(void **state)
{
	struct bridge *b = *state;
	const unsigned valid = 0xdef8; /* 3-7, 9-12, 14, 15 */

	pci_irq_set(on_pirq(b, 2), true);
	for (unsigned irq = 0; irq < 16; irq++) {
		route(b->r, 2, irq);
		assert_int_equal(high_lines(b->r), valid & 1 << irq);
		assert_int_equal(rig_config_read(b->r, DEVFN, PIRQ + 2, 1), irq);
	}
	route(b->r, 2, 0xff);
	assert_int_equal(rig_config_read(b->r, DEVFN, PIRQ + 2, 1), 0x8f);
	assert_int_equal(high_lines(b->r), 0);
}

/* Any sequence of route and level changes ends where the levels say. */
static void random_routes(void **state)
{
	const unsigned valid = 0xdef8;
	struct bridge *b = *state;
	bool level[4] = { 0 };

	srand(4);
	for (unsigned i = 0; i < 5000; i++) {
		unsigned pirq = rand() % 4, want = 0;

		if (rand() & 1) {
			route(b->r, pirq, rand());
		} else {
			level[pirq] = rand() & 1;
			pci_irq_set(on_pirq(b, pirq), level[pirq]);
		}
		for (unsigned p = 0; p < 4; p++) {
			uint8_t reg = rig_config_read(b->r, DEVFN, PIRQ + p, 1);

			if (level[p] && !(reg & 0x80))
				want |= valid & 1 << (reg & 0xf);
		}
		assert_int_equal(high_lines(b->r), want);
	}
	rig_check_saved_state(b->r);
}

static void reset_unroutes(void **state)
{
	struct bridge *b = *state;

	route(b->r, 0, 10);
	pci_irq_set(on_pirq(b, 0), true);
	rig_reset(b->r);
	assert_int_equal(high_lines(b->r), 0);
	route(b->r, 0, 11); /* the card still drives its pin */
	assert_int_equal(high_lines(b->r), 1 << 11);
}

static void port_92_gates_and_resets(void **state)
{
	struct rig *r = ((struct bridge *)*state)->r;

	assert_true(machine_a20(r->m));
	rig_out8(r, 0x92, 0x00);
	assert_false(machine_a20(r->m));
	assert_int_equal(rig_in8(r, 0x92), 0x00);
	rig_out8(r, 0x92, 0xfe);
	assert_true(machine_a20(r->m));
	assert_int_equal(rig_in8(r, 0x92), 0x02);
	assert_int_equal(r->resets, 0);
	rig_out8(r, 0x92, 0x03);
	assert_int_equal(r->resets, 1);
	rig_out8(r, 0x92, 0x03); /* no edge */
	assert_int_equal(r->resets, 1);
	rig_out8(r, 0x92, 0x00);
	rig_reset(r);
	assert_true(machine_a20(r->m));
	rig_out8(r, 0x92, 0x01);
	assert_int_equal(r->resets, 2);
}

static void port_cf9_resets_on_an_edge(void **state)
{
	struct rig *r = ((struct bridge *)*state)->r;

	assert_int_equal(rig_in8(r, 0xcf9), 0);
	rig_out8(r, 0xcf9, 0x02);
	assert_int_equal(rig_in8(r, 0xcf9), 0x02);
	assert_int_equal(r->resets, 0);
	rig_out8(r, 0xcf9, 0x06);
	assert_int_equal(r->resets, 1);
	rig_out8(r, 0xcf9, 0x06);
	assert_int_equal(r->resets, 1);
	rig_reset(r);
	rig_out8(r, 0xcf9, 0x0e); /* as ACPI's reset register: one write */
	assert_int_equal(r->resets, 2);
	rig_reset(r);
	rig_out8(r, 0xcf9, 0x04); /* soft */
	assert_int_equal(r->resets, 3);
}

/* The address register around 0xcf9 stays whole. */
static void config_address_is_untouched(void **state)
{
	struct rig *r = ((struct bridge *)*state)->r;

	rig_out32(r, 0xcf8, 0x80000608);
	assert_int_equal(rig_in32(r, 0xcf8), 0x80000608);
	assert_int_equal(r->resets, 0); /* byte 1 was 0x06 */
	rig_out8(r, 0xcf8, 0xff);
	rig_out16(r, 0xcf8, 0xffff);
	rig_out16(r, 0xcfa, 0xffff);
	rig_out8(r, 0xcfb, 0xff);
	assert_int_equal(rig_in32(r, 0xcf8), 0x80000608);
	rig_out8(r, 0xcf9, 0x02);
	assert_int_equal(rig_in32(r, 0xcf8), 0x80000608);
	rig_out32(r, 0xcf8, 0x80000800);
	assert_int_equal(rig_in32(r, 0xcfc), 0x70008086);
	assert_int_equal(rig_in16(r, 0xcfe), 0x7000);
	assert_int_equal(r->resets, 0);
}

static void post_port_remembers(void **state)
{
	struct rig *r = ((struct bridge *)*state)->r;

	rig_out8(r, 0x80, 0x99);
	assert_int_equal(rig_in8(r, 0x80), 0x99);
}

static void saved_state(void **state)
{
	struct bridge *b = *state;

	rig_config_write(b->r, DEVFN, PIRQ, 0x800b0a05, 4);
	pci_irq_set(on_pirq(b, 0), true);
	pci_irq_set(on_pirq(b, 3), true);
	rig_out8(b->r, 0x92, 0);
	rig_out8(b->r, 0xcf9, 2);
	rig_out8(b->r, 0x80, 3);
	rig_check_saved_state(b->r);
	assert_int_equal(high_lines(b->r), 1 << 5);
	assert_false(machine_a20(b->r->m));
	assert_int_equal(rig_in8(b->r, 0xcf9), 2);
	pci_irq_set(on_pirq(b, 0), false);
	assert_int_equal(high_lines(b->r), 0);
}

static void random_accesses(void **state)
{
	static const uint16_t port[] = { 0x80, 0x92, 0xcf8, 0xcf9, 0xcfa, 0xcfb };
	struct bridge *b = *state;

	srand(5);
	for (unsigned i = 0; i < 20000; i++) {
		uint16_t at = port[rand() % 6];
		unsigned size = 1 << rand() % 3;

		if (rand() & 1)
			space_write(machine_pio(b->r->m), at, rand(), size);
		else
			space_read(machine_pio(b->r->m), at, size);
		if (!(i % 8))
			rig_config_write(b->r, DEVFN, rand() & 0xfc, rand(), 4);
	}
	rig_check_saved_state(b->r);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(identity),
		TEST(nothing_is_routed_at_first),
		TEST(each_pin_reaches_its_input),
		TEST(shared_input_stays_high),
		TEST(level_moves_with_its_route),
		TEST(reserved_inputs_cannot_be_reached),
		TEST(random_routes),
		TEST(reset_unroutes),
		TEST(port_92_gates_and_resets),
		TEST(port_cf9_resets_on_an_edge),
		TEST(config_address_is_untouched),
		TEST(post_port_remembers),
		TEST(saved_state),
		TEST(random_accesses),
	};

	return cmocka_run_group_tests_name("piix3", tests, NULL, NULL);
}
