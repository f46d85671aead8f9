// SPDX-License-Identifier: GPL-2.0-only
/* Tests of the 8259A pair: commands, priorities, ends of interrupt, edges and levels. */
#include "rig.h"

#include "machine/machine_priv.h"

enum { PIC1 = 0x20, PIC1_DATA = 0x21, PIC2 = 0xa0, PIC2_DATA = 0xa1, ELCR1 = 0x4d0, ELCR2 = 0x4d1 };
enum { EOI = 0x20, READ_IRR = 0x0a, READ_ISR = 0x0b, POLL = 0x0c };
enum { BASE1 = 0x30, BASE2 = 0x70, AUTO_EOI = 0x02, NESTED = 0x10 };

static struct rig *r;
static struct i8259 *pic;
static bool intr;
static unsigned intr_rises;

static void on_intr(void *arg, unsigned n, bool level)
{
	assert_int_equal(n, 0);
	assert_int_not_equal(level, intr);
	intr = level;
	intr_rises += level;
}

static void program(unsigned icw4)
{
	rig_out8(r, PIC1, 0x11);
	rig_out8(r, PIC2, 0x11);
	rig_out8(r, PIC1_DATA, BASE1);
	rig_out8(r, PIC2_DATA, BASE2);
	rig_out8(r, PIC1_DATA, 0x04);
	rig_out8(r, PIC2_DATA, 0x02);
	rig_out8(r, PIC1_DATA, 0x01 | icw4);
	rig_out8(r, PIC2_DATA, 0x01 | (icw4 & AUTO_EOI));
}

static int setup(void **state)
{
	intr = false;
	r = rig_new();
	pic = i8259_create(r->m, on_intr, NULL);
	assert_non_null(pic);
	rig_reset(r);
	program(0);
	return 0;
}

static int teardown(void **state)
{
	rig_free(r);
	return 0;
}

static void pulse(unsigned irq)
{
	i8259_input(pic, irq, false);
	i8259_input(pic, irq, true);
}

static uint8_t read_reg(uint16_t port, uint8_t which)
{
	rig_out8(r, port, which);
	return rig_in8(r, port);
}

static uint8_t isr1(void)
{
	return read_reg(PIC1, READ_ISR);
}

static void assert_vector(unsigned vector)
{
	assert_true(intr);
	assert_int_equal(i8259_acknowledge(pic), vector);
}

/* Linux looks for a PIC by writing a mask and reading it back. */
static void test_mask_reads_back(void **state)
{
	for (unsigned v = 0; v < 256; v++) {
		rig_out8(r, PIC1_DATA, v);
		rig_out8(r, PIC2_DATA, v ^ 0xff);
		assert_int_equal(rig_in8(r, PIC1_DATA), v);
		assert_int_equal(rig_in8(r, PIC2_DATA), v ^ 0xff);
	}
}

static void test_icw1_clears_mask(void **state)
{
	rig_out8(r, PIC1_DATA, 0xff);
	rig_out8(r, PIC1, 0x11);
	assert_int_equal(rig_in8(r, PIC1_DATA), 0);
}

static void test_reset_masks_all(void **state)
{
	pulse(1);
	assert_true(intr);
	rig_reset(r);
	assert_false(intr);
	pulse(3);
	assert_false(intr);
	assert_int_equal(rig_in8(r, PIC1_DATA), 0xff);
	assert_int_equal(rig_in8(r, ELCR1), 0);
}

static void test_vectors(void **state)
{
	for (unsigned irq = 0; irq < 16; irq++) {
		if (irq == 2)
			continue;
		pulse(irq);
		assert_vector(irq < 8 ? BASE1 + irq : BASE2 + irq - 8);
		assert_false(intr);
		if (irq >= 8)
			rig_out8(r, PIC2, EOI);
		rig_out8(r, PIC1, EOI);
		assert_int_equal(isr1(), 0);
	}
}

static void test_priority(void **state)
{
	pulse(5);
	pulse(3);
	assert_vector(BASE1 + 3);
	assert_false(intr);	/* 5 waits */
	pulse(1);
	assert_vector(BASE1 + 1);
	assert_int_equal(isr1(), 0x0a);
	rig_out8(r, PIC1, EOI); /* 1, the highest */
	assert_int_equal(isr1(), 0x08);
	assert_false(intr);
	rig_out8(r, PIC1, EOI);
	assert_vector(BASE1 + 5);
}

static void test_same_level_waits_for_eoi(void **state)
{
	pulse(4);
	assert_vector(BASE1 + 4);
	pulse(4);
	assert_false(intr);
	assert_int_equal(read_reg(PIC1, READ_IRR), 0x10);
	rig_out8(r, PIC1, EOI);
	assert_vector(BASE1 + 4);
}

static void test_slave_sits_at_two(void **state)
{
	pulse(3);
	pulse(12);
	assert_vector(BASE2 + 4);
	assert_int_equal(isr1(), 0x04);
	assert_int_equal(read_reg(PIC2, READ_ISR), 0x10);
	pulse(9); /* more urgent in the slave, but the master still serves it */
	assert_false(intr);
	rig_out8(r, PIC1, EOI);
	assert_vector(BASE2 + 1);
	rig_out8(r, PIC2, EOI);
	rig_out8(r, PIC1, EOI);
	assert_vector(BASE1 + 3);
	assert_int_equal(read_reg(PIC2, READ_ISR), 0x10);
}

static void test_special_fully_nested(void **state)
{
	program(NESTED);
	pulse(12);
	assert_vector(BASE2 + 4);
	pulse(13); /* less urgent in the slave */
	pulse(5);  /* less urgent in the master */
	assert_false(intr);
	pulse(9);
	assert_vector(BASE2 + 1);
	assert_false(intr);
	rig_out8(r, PIC2, EOI);
	assert_false(intr);
	rig_out8(r, PIC2, EOI);
	assert_vector(BASE2 + 5);
	rig_out8(r, PIC2, EOI);
	rig_out8(r, PIC1, EOI);
	assert_vector(BASE1 + 5);
}

static void test_spurious(void **state)
{
	assert_int_equal(i8259_acknowledge(pic), BASE1 + 7);
	assert_int_equal(isr1(), 0);
	pulse(4);
	i8259_input(pic, 4, false); /* gone before it was taken */
	assert_false(intr);
	assert_int_equal(i8259_acknowledge(pic), BASE1 + 7);
	assert_int_equal(isr1(), 0);
}

/* A slave request that goes away leaves the master serving input 2. */
static void test_spurious_slave(void **state)
{
	rig_out8(r, ELCR2, 0x02);
	rig_out8(r, PIC1_DATA, 0xff);
	i8259_input(pic, 9, true);
	rig_out8(r, PIC1_DATA, 0);
	assert_true(intr);
	/* between the master's choice and the slave's answer nothing can change here, so poll */
	assert_int_equal(read_reg(PIC2, POLL), 0x81);
	assert_int_equal(read_reg(PIC1, POLL), 0);
	i8259_input(pic, 9, false);
	rig_out8(r, PIC2, EOI);
	assert_false(intr);
	assert_int_equal(read_reg(PIC2, READ_ISR), 0);
}

static void test_level(void **state)
{
	rig_out8(r, ELCR1, 0x20);
	i8259_input(pic, 5, true);
	assert_vector(BASE1 + 5);
	assert_int_equal(read_reg(PIC1, READ_IRR), 0x20);
	rig_out8(r, PIC1, EOI);
	assert_vector(BASE1 + 5); /* still high: again */
	i8259_input(pic, 5, false);
	assert_int_equal(read_reg(PIC1, READ_IRR), 0);
	rig_out8(r, PIC1, EOI);
	assert_false(intr);
}

static void test_edge_only_once(void **state)
{
	i8259_input(pic, 5, true);
	assert_vector(BASE1 + 5);
	i8259_input(pic, 5, true);
	rig_out8(r, PIC1, EOI);
	assert_false(intr);
	assert_int_equal(read_reg(PIC1, READ_IRR), 0);
}

/* ICW1 resets the edge detectors: a line that is high must fall first. */
static void test_icw1_forgets_edges(void **state)
{
	pulse(6);
	program(0);
	assert_false(intr);
	i8259_input(pic, 6, true);
	assert_false(intr);
	pulse(6);
	assert_true(intr);
}

static void test_silent_while_initialised(void **state)
{
	rig_out8(r, PIC1, 0x11);
	pulse(1);
	assert_false(intr);
	rig_out8(r, PIC1_DATA, 0x50);
	rig_out8(r, PIC1_DATA, 0x04);
	assert_false(intr);
	rig_out8(r, PIC1_DATA, 0x01);
	assert_vector(0x51);
}

/* Without IC4 there is no ICW4; with SNGL there is no ICW3. */
static void test_short_initialisation(void **state)
{
	rig_out8(r, PIC1, 0x12);
	rig_out8(r, PIC1_DATA, 0x40);
	rig_out8(r, PIC1_DATA, 0xab);
	assert_int_equal(rig_in8(r, PIC1_DATA), 0xab);
	rig_out8(r, PIC1, 0x10);
	rig_out8(r, PIC1_DATA, 0x40);
	rig_out8(r, PIC1_DATA, 0x04);
	rig_out8(r, PIC1_DATA, 0xcd);
	assert_int_equal(rig_in8(r, PIC1_DATA), 0xcd);
}

static void test_elcr_writable_bits(void **state)
{
	rig_out8(r, ELCR1, 0xff);
	rig_out8(r, ELCR2, 0xff);
	assert_int_equal(rig_in8(r, ELCR1), 0xf8);
	assert_int_equal(rig_in8(r, ELCR2), 0xde);
	rig_out16(r, ELCR1, 0x0c20);
	assert_int_equal(rig_in16(r, ELCR1), 0x0c20);
}

static void test_specific_eoi(void **state)
{
	pulse(5);
	assert_vector(BASE1 + 5);
	pulse(3);
	assert_vector(BASE1 + 3);
	rig_out8(r, PIC1, 0x60 | 5);
	assert_int_equal(isr1(), 0x08);
	rig_out8(r, PIC1, 0x40 | 3); /* no operation */
	assert_int_equal(isr1(), 0x08);
}

static void take_in_order(const unsigned *irq, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert_vector(BASE1 + irq[i]);
		rig_out8(r, PIC1, EOI);
	}
	assert_false(intr);
}

static void test_set_priority(void **state)
{
	static const unsigned order[] = { 5, 6, 7, 0, 1, 3, 4 };

	rig_out8(r, PIC1, 0xc0 | 4); /* 4 becomes the lowest */
	for (unsigned irq = 0; irq < 8; irq++)
		pulse(irq);
	take_in_order(order, 7);
}

static void test_rotate_on_eoi(void **state)
{
	pulse(3);
	assert_vector(BASE1 + 3);
	rig_out8(r, PIC1, 0xa0); /* non-specific: 3 becomes the lowest */
	pulse(3);
	pulse(4);
	assert_vector(BASE1 + 4);
	rig_out8(r, PIC1, 0xe0 | 4); /* specific */
	pulse(4);
	pulse(0);
	assert_vector(BASE1 + 0);
	rig_out8(r, PIC1, EOI);
	assert_vector(BASE1 + 3);
}

static void test_auto_eoi(void **state)
{
	program(AUTO_EOI);
	pulse(3);
	assert_vector(BASE1 + 3);
	assert_int_equal(isr1(), 0);
	pulse(10);
	assert_vector(BASE2 + 2);
	assert_int_equal(isr1(), 0);
	assert_int_equal(read_reg(PIC2, READ_ISR), 0);
	rig_out8(r, PIC1, 0x80); /* rotate in automatic mode */
	pulse(0);
	assert_vector(BASE1 + 0);
	pulse(0);
	pulse(7);
	assert_vector(BASE1 + 7);
	rig_out8(r, PIC1, 0x00); /* rotation off: 7 stays the lowest */
	assert_vector(BASE1 + 0);
	pulse(0);
	pulse(1);
	assert_vector(BASE1 + 0);
}

static void test_special_mask(void **state)
{
	pulse(3);
	assert_vector(BASE1 + 3);
	pulse(6);
	assert_false(intr);
	rig_out8(r, PIC1, 0x68); /* on */
	assert_false(intr);
	rig_out8(r, PIC1_DATA, 0x08);
	assert_vector(BASE1 + 6); /* a lower one gets through */
	rig_out8(r, PIC1, EOI);	  /* ends 6, not the masked 3 */
	assert_int_equal(isr1(), 0x08);
	pulse(6);
	assert_true(intr);
	rig_out8(r, PIC1, 0x48); /* off */
	assert_false(intr);
	rig_out8(r, PIC1, 0x08); /* without ESMM: unchanged */
	assert_false(intr);
}

static void test_poll(void **state)
{
	assert_int_equal(read_reg(PIC1, POLL), 0);
	pulse(4);
	assert_int_equal(read_reg(PIC1, POLL), 0x84);
	assert_int_equal(rig_in8(r, PIC1), 0); /* one read only; back to IRR */
	assert_int_equal(isr1(), 0x10);
	assert_false(intr);
	rig_out8(r, PIC1, EOI);
	pulse(11);
	assert_int_equal(read_reg(PIC1, POLL), 0x82);
	assert_int_equal(read_reg(PIC2, POLL), 0x83);
}

static void test_input_two_is_not_connected(void **state)
{
	i8259_input(pic, 2, true);
	assert_false(intr);
	i8259_input(pic, 16, true);
	i8259_input(pic, ~0u, true);
	assert_false(intr);
}

static uint16_t heard;

static void on_unmasked(void *arg, unsigned irq, bool on)
{
	heard = on ? heard | 1u << irq : heard & ~(1u << irq);
}

static void test_watch(void **state)
{
	rig_out8(r, PIC1_DATA, 0xfa);
	rig_out8(r, PIC2_DATA, 0xff);
	heard = 0xf00;
	i8259_watch(pic, on_unmasked, NULL);
	assert_int_equal(heard, 0x0005);
	rig_out8(r, PIC2_DATA, 0xfe);
	assert_int_equal(heard, 0x0105);
	rig_out8(r, PIC1, 0x11);
	assert_int_equal(heard, 0x01ff);
	rig_reset(r);
	assert_int_equal(heard, 0);
}

static void to_pic(void *arg, unsigned n, bool level)
{
	i8259_input(pic, n, level);
}

static void ignore_masked(void *arg, unsigned irq, bool on)
{
	irq_gate_ignore(&r->m->gsi[irq], !on);
}

/* As on a board: the timer stops while its interrupt is masked, and its latched tick is kept. */
static void test_clock_behind_the_mask(void **state)
{
	static const struct machine_ops ops = { .gsi = to_pic };

	machine_set_ops(r->m, &ops, NULL);
	assert_non_null(i8254_create(r->m));
	i8259_watch(pic, ignore_masked, NULL);
	rig_out8(r, PORT_PIT + 3, 0x34);
	rig_out8(r, PORT_PIT, 0xa9);
	rig_out8(r, PORT_PIT, 0x04); /* about 1 ms */
	assert_vector(BASE1);
	rig_out8(r, PIC1, EOI);
	rig_advance(r, 1500000);
	assert_vector(BASE1);
	rig_out8(r, PIC1, EOI);
	rig_out8(r, PIC1_DATA, 0x01);
	assert_false(rig_timer_armed(r));
	rig_advance(r, 300000);
	rig_out8(r, PIC1_DATA, 0x00); /* no tick was due */
	assert_false(intr);
	rig_out8(r, PIC1_DATA, 0x01);
	rig_advance(r, 5000000);
	rig_out8(r, PIC1_DATA, 0x00);
	assert_vector(BASE1);
	rig_out8(r, PIC1, EOI);
	assert_false(intr);
	assert_true(rig_timer_armed(r));
}

static void test_saved_state(void **state)
{
	rig_out8(r, ELCR2, 0x08);
	rig_out8(r, PIC1, 0xc3);
	rig_out8(r, PIC2_DATA, 0x40);
	pulse(4);
	assert_vector(BASE1 + 4);
	pulse(1);
	i8259_input(pic, 11, true);
	rig_out8(r, PIC2, 0x11); /* in the middle of its initialisation */
	rig_out8(r, PIC2_DATA, 0x88);
	rig_check_saved_state(r);
	rig_out8(r, PIC2_DATA, 0x02);
	rig_out8(r, PIC2_DATA, 0x01);
	rig_out8(r, PIC1, EOI);
	assert_vector(BASE1 + 1);
	rig_out8(r, PIC1, EOI);
	assert_vector(0x8b);
}

/* A line that is high while state is restored must not look like a new edge. */
static void test_restored_line_is_no_edge(void **state)
{
	pulse(4);
	assert_vector(BASE1 + 4);
	rig_out8(r, PIC1, EOI);
	rig_check_saved_state(r);
	i8259_input(pic, 4, true);
	assert_false(intr);
}

static void test_hostile_state(void **state)
{
	struct device *d = (struct device *)pic;
	uint8_t buf[64];
	size_t len = device_save(d, buf, sizeof(buf));

	assert_true(len <= sizeof(buf));
	for (size_t i = 2; i < len; i++) {
		uint8_t was = buf[i];

		buf[i] = 0xff;
		device_load(d, buf, len);
		for (unsigned k = 0; k < 16; k++)
			i8259_acknowledge(pic);
		buf[i] = was;
	}
}

static void test_random_access(void **state)
{
	static const uint16_t port[] = { PIC1, PIC1_DATA, PIC2, PIC2_DATA, ELCR1, ELCR2 };

	srand(8259);
	for (unsigned i = 0; i < 200000; i++) {
		uint16_t p = port[rand() % 6];

		switch (rand() % 6) {
		case 0:
			rig_out8(r, p, rand());
			break;
		case 1:
			rig_out32(r, p, rand());
			break;
		case 2:
			rig_in8(r, p);
			break;
		case 3:
			rig_in16(r, p);
			break;
		case 4:
			i8259_input(pic, rand() % 18, rand() & 1);
			break;
		default:
			if (intr)
				i8259_acknowledge(pic);
		}
	}
	rig_check_saved_state(r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mask_reads_back),
		TEST(test_icw1_clears_mask),
		TEST(test_reset_masks_all),
		TEST(test_vectors),
		TEST(test_priority),
		TEST(test_same_level_waits_for_eoi),
		TEST(test_slave_sits_at_two),
		TEST(test_special_fully_nested),
		TEST(test_spurious),
		TEST(test_spurious_slave),
		TEST(test_level),
		TEST(test_edge_only_once),
		TEST(test_icw1_forgets_edges),
		TEST(test_silent_while_initialised),
		TEST(test_short_initialisation),
		TEST(test_elcr_writable_bits),
		TEST(test_specific_eoi),
		TEST(test_set_priority),
		TEST(test_rotate_on_eoi),
		TEST(test_auto_eoi),
		TEST(test_special_mask),
		TEST(test_poll),
		TEST(test_input_two_is_not_connected),
		TEST(test_watch),
		TEST(test_clock_behind_the_mask),
		TEST(test_saved_state),
		TEST(test_restored_line_is_no_edge),
		TEST(test_hostile_state),
		TEST(test_random_access),
	};

	return cmocka_run_group_tests_name("i8259", tests, NULL, NULL);
}
