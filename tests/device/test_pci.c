// SPDX-License-Identifier: GPL-2.0-only
/* PCI configuration space, BARs and INTx, with a function made for the purpose. */
#include "rig.h"

#include "dm/pci.h"

struct toy {
	struct device dev;
	struct pci_dev pci;
	uint8_t regs[32];
};

static uint64_t toy_read(void *dev, uint64_t off, unsigned size)
{
	return ((struct toy *)dev)->regs[off];
}

static void toy_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	((struct toy *)dev)->regs[off] = val;
}

static void toy_reset(void *dev)
{
	pci_reset(&((struct toy *)dev)->pci);
}

static int toy_loaded(void *dev)
{
	pci_loaded(&((struct toy *)dev)->pci);
	return 0;
}

static const struct region_ops toy_ops = { toy_read, toy_write, .min = 1, .max = 1 };
static const struct field toy_fields[] = { PCI_FIELDS(struct toy, pci, 1),
					   FIELD(struct toy, regs, 1), FIELD_END };
static const struct device_class toy_class = {
	.name = "toy",
	.size = sizeof(struct toy),
	.reset = toy_reset,
	.fields = toy_fields,
	.loaded = toy_loaded,
};
static const struct pci_id toy_id = {
	.vendor = 0x1af4, .device = 0x7777, .class = 0xff0000, .revision = 3, .int_pin = 1,
};

enum { SLOT = 5, DEVFN = PCI_DEVFN(5, 0) };

static unsigned pirq_level[4];

static void pirq(void *arg, unsigned n, bool level)
{
	pirq_level[n] = level;
}

static struct toy *toy_new(struct rig *r)
{
	struct toy *t;

	rig_add_pci(r);
	pci_bus_route(machine_pci(r->m), pirq, NULL);
	t = device_new(r->m, &toy_class);
	assert_non_null(t);
	assert_int_equal(pci_add(machine_pci(r->m), DEVFN, &t->pci, t, &toy_id), 0);
	assert_int_equal(pci_bar(&t->pci, 0, BAR_IO, 32, &toy_ops), 0);
	assert_int_equal(pci_bar(&t->pci, 1, BAR_MEM, 4096, &toy_ops), 0);
	rig_reset(r);
	return t;
}

static void header(void **state)
{
	struct rig *r = rig_new();

	toy_new(r);
	assert_int_equal(rig_config_read(r, DEVFN, PCI_VENDOR_ID, 4), 0x77771af4);
	assert_int_equal(rig_config_read(r, DEVFN, PCI_REVISION, 4), 0xff000003);
	assert_int_equal(rig_config_read(r, DEVFN, PCI_INT_PIN, 1), 1);
	rig_config_write(r, DEVFN, PCI_VENDOR_ID, 0, 4);
	assert_int_equal(rig_config_read(r, DEVFN, PCI_VENDOR_ID, 2), 0x1af4);
	assert_int_equal(rig_config_read(r, DEVFN + 8, PCI_VENDOR_ID, 4), 0xffffffff);
	rig_out32(r, 0xcf8, DEVFN << 8); /* enable bit off */
	assert_int_equal(rig_in32(r, 0xcfc), 0xffffffff);
	rig_out32(r, 0xcf8, 0x80010000 | DEVFN << 8); /* bus 1 */
	assert_int_equal(rig_in32(r, 0xcfc), 0xffffffff);
	rig_free(r);
}

/* As firmware sizes: write ones, read back, the zeroes are the size. */
static void bar_sizing(void **state)
{
	struct rig *r = rig_new();

	toy_new(r);
	rig_config_write(r, DEVFN, PCI_BAR0, 0xffffffff, 4);
	assert_int_equal(rig_config_read(r, DEVFN, PCI_BAR0, 4), 0xffffffe1);
	rig_config_write(r, DEVFN, PCI_BAR0 + 4, 0xffffffff, 4);
	assert_int_equal(rig_config_read(r, DEVFN, PCI_BAR0 + 4, 4), 0xfffff000);
	rig_config_write(r, DEVFN, PCI_BAR0 + 8, 0xffffffff, 4);
	assert_int_equal(rig_config_read(r, DEVFN, PCI_BAR0 + 8, 4), 0);
	rig_free(r);
}

static void bars_move(void **state)
{
	struct rig *r = rig_new();
	struct toy *t = toy_new(r);

	t->regs[3] = 0x42;
	rig_config_write(r, DEVFN, PCI_BAR0, 0xc000, 4);
	assert_int_equal(rig_in8(r, 0xc003), 0xff); /* decoding is off */
	rig_config_write(r, DEVFN, PCI_COMMAND, PCI_COMMAND_IO, 2);
	assert_int_equal(rig_in8(r, 0xc003), 0x42);
	rig_config_write(r, DEVFN, PCI_BAR0, 0xd000, 4);
	assert_int_equal(rig_in8(r, 0xc003), 0xff);
	assert_int_equal(rig_in8(r, 0xd003), 0x42);
	rig_config_write(r, DEVFN, PCI_BAR0 + 4, 0xe0000000, 4);
	assert_int_equal(rig_read(r, 0xe0000003, 1), 0xff);
	rig_config_write(r, DEVFN, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 2);
	assert_int_equal(rig_read(r, 0xe0000003, 1), 0x42);
	rig_check_saved_state(r);
	assert_int_equal(rig_in8(r, 0xd003), 0x42);
	rig_reset(r);
	assert_int_equal(rig_in8(r, 0xd003), 0xff);
	assert_int_equal(rig_config_read(r, DEVFN, PCI_BAR0, 4), 1);
	rig_free(r);
}

/* Slot 5, pin A: input (5 + 0) mod 4. */
static void intx(void **state)
{
	struct rig *r = rig_new();
	struct toy *t = toy_new(r);

	pci_irq_set(&t->pci, true);
	assert_true(pirq_level[1]);
	assert_int_equal(rig_config_read(r, DEVFN, PCI_STATUS, 2) & PCI_STATUS_INTX,
			 PCI_STATUS_INTX);
	rig_config_write(r, DEVFN, PCI_COMMAND, PCI_COMMAND_INTX_OFF, 2);
	assert_false(pirq_level[1]);
	rig_config_write(r, DEVFN, PCI_COMMAND, 0, 2);
	assert_true(pirq_level[1]);
	rig_reset(r);
	assert_false(pirq_level[1]);
	rig_free(r);
}

/* CVE-2015-2756's lesson: every offset, width and a random value, on a function and on none. */
static void write_matrix(void **state)
{
	struct rig *r = rig_new();

	toy_new(r);
	srand(3);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned size = 1u << rand() % 3;
		unsigned off = rand() & 0xff & ~(size - 1);

		rig_config_write(r, rand() % 2 ? DEVFN : rand() & 0xff, off,
				 (uint32_t)rand() << 1 ^ rand(), size);
		rig_config_read(r, DEVFN, rand() & 0xfc, 4);
	}
	assert_int_equal(rig_config_read(r, DEVFN, PCI_VENDOR_ID, 4), 0x77771af4);
	assert_int_equal(rig_config_read(r, DEVFN, PCI_INT_PIN, 1), 1);
	rig_check_saved_state(r);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header), cmocka_unit_test(bar_sizing), cmocka_unit_test(bars_move),
		cmocka_unit_test(intx),	  cmocka_unit_test(write_matrix),
	};

	return cmocka_run_group_tests_name("pci", tests, NULL, NULL);
}
