// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI bus 0: configuration mechanism 1, type 0 headers, BARs and INTx.
 * Missing: bridges and further buses, MSI, power management.
 * Reference: PCI Local Bus Specification 3.0, "Configuration Space", "Base Addresses".
 */
#include "dm/pci.h"

#include <errno.h>
#include <string.h>

#include "dm/device.h"
#include "dm/isa.h"
#include "machine/machine_priv.h"

enum { REG_ADDRESS = 0, REG_DATA = 4, REG_SPAN = 8, DEVFNS = 256, PIRQS = 4 };
#define ADDRESS_ENABLE 0x80000000u
#define ADDRESS_BITS   0x80fffffcu

struct pci_bus {
	struct device dev;
	struct region io;
	uint32_t address;
	struct pci_dev *slot[DEVFNS];
	struct irq_gate pirq[PIRQS];
};

void pci_set16(struct pci_dev *d, unsigned off, uint16_t val)
{
	d->config[off] = val;
	d->config[off + 1] = val >> 8;
}

void pci_set32(struct pci_dev *d, unsigned off, uint32_t val)
{
	pci_set16(d, off, val);
	pci_set16(d, off + 2, val >> 16);
}

static void set_wmask32(struct pci_dev *d, unsigned off, uint32_t mask)
{
	for (unsigned i = 0; i < 4; i++)
		d->wmask[off + i] = mask >> i * 8;
}

/* --- functions --- */

static void header_init(struct pci_dev *d, const struct pci_id *id)
{
	pci_set16(d, PCI_VENDOR_ID, id->vendor);
	pci_set16(d, PCI_DEVICE_ID, id->device);
	pci_set32(d, PCI_REVISION, id->class << 8 | id->revision);
	d->config[PCI_HEADER_TYPE] = id->multifunction ? 0x80 : 0;
	d->config[PCI_INT_PIN] = id->int_pin;
	d->wmask[PCI_COMMAND] = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	d->wmask[PCI_COMMAND + 1] = id->int_pin ? PCI_COMMAND_INTX_OFF >> 8 : 0;
	d->wmask[PCI_CACHE_LINE] = d->wmask[PCI_LATENCY] = d->wmask[PCI_INT_LINE] = 0xff;
	d->w1c[PCI_STATUS + 1] = 0xf9; /* the error bits */
}

int pci_add(struct pci_bus *b, unsigned devfn, struct pci_dev *d, void *dev,
	    const struct pci_id *id)
{
	if (devfn >= DEVFNS || b->slot[devfn])
		return -EBUSY;
	d->bus = b;
	d->machine = b->dev.machine;
	d->devfn = devfn;
	d->dev = dev;
	header_init(d, id);
	if (id->int_pin)
		irq_connect(&d->intx, &b->pirq[(devfn / 8 + id->int_pin - 1) % PIRQS]);
	b->slot[devfn] = d;
	return 0;
}

static unsigned bar_offset(unsigned n)
{
	return n == PCI_ROM ? PCI_ROM_BAR : PCI_BAR0 + 4 * n;
}

static bool power_of_two(uint64_t len)
{
	return len && !(len & (len - 1));
}

/* The BAR's bits in config space; its region stays off until the guest turns decoding on. */
static int bar_init(struct pci_dev *d, unsigned n, enum bar_kind kind, uint64_t len)
{
	uint32_t type = kind == BAR_IO ? 1 : kind == BAR_MEM_PREFETCH ? 8 : 0;
	uint64_t least = kind == BAR_IO ? 4 : kind == BAR_ROM ? 2048 : 16;

	if (n > PCI_ROM || !power_of_two(len) || len < least || len > 1u << 31)
		return -EINVAL;
	d->bar[n].kind = kind;
	d->bar[n].len = len;
	pci_set32(d, bar_offset(n), type);
	set_wmask32(d, bar_offset(n), -(uint32_t)len | (kind == BAR_ROM));
	return 0;
}

static struct space *bar_space(struct pci_dev *d, enum bar_kind kind)
{
	return kind == BAR_IO ? machine_pio(d->machine) : machine_mem(d->machine);
}

static int bar_added(struct pci_dev *d, unsigned n, int err)
{
	if (!err)
		region_enable(&d->bar[n].region, false);
	return err;
}

int pci_bar(struct pci_dev *d, unsigned n, enum bar_kind kind, uint64_t len,
	    const struct region_ops *ops)
{
	int err = bar_init(d, n, kind, len);

	if (err)
		return err;
	return bar_added(d, n, region_add(bar_space(d, kind), &d->bar[n].region, ops, d->dev, 0,
					  len));
}

int pci_bar_ram(struct pci_dev *d, unsigned n, uint64_t len, void *host, unsigned flags)
{
	int err = bar_init(d, n, BAR_MEM_PREFETCH, len);

	if (err)
		return err;
	return bar_added(d, n, region_add_ram(machine_mem(d->machine), &d->bar[n].region, 0, len,
					      host, flags));
}

int pci_bar_rom(struct pci_dev *d, uint64_t len, void *rom)
{
	int err = bar_init(d, PCI_ROM, BAR_ROM, len);

	if (err)
		return err;
	return bar_added(d, PCI_ROM, region_add_rom(machine_mem(d->machine),
						    &d->bar[PCI_ROM].region, 0, len, rom, NULL,
						    NULL));
}

/* Whether the BAR is decoded now, and where. */
static bool bar_decoded(const struct pci_dev *d, unsigned n, uint64_t *base)
{
	uint32_t val = pci_config32(d, bar_offset(n));
	bool io = d->bar[n].kind == BAR_IO;
	uint16_t need = io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;

	*base = val & -(uint32_t)d->bar[n].len;
	if (!(pci_config16(d, PCI_COMMAND) & need) || (n == PCI_ROM && !(val & 1)))
		return false;
	/* 0, and the top that sizing writes, are how firmware says "not placed" */
	return *base && *base + d->bar[n].len <= (io ? 0x10000 : 0xffffffffu);
}

static void bar_place(struct pci_dev *d, unsigned n)
{
	struct pci_bar *bar = &d->bar[n];
	uint64_t base;
	bool on;

	if (bar->kind == BAR_NONE)
		return;
	on = bar_decoded(d, n, &base);
	if (on == bar->decoded && (!on || base == bar->placed))
		return;
	space_begin(bar->region.space);
	if (on)
		region_move(&bar->region, base);
	region_enable(&bar->region, on);
	space_commit(bar->region.space);
	bar->decoded = on;
	bar->placed = base;
}

static void place_all(struct pci_dev *d)
{
	for (unsigned n = 0; n <= PCI_ROM; n++)
		bar_place(d, n);
}

static void update_irq(struct pci_dev *d)
{
	bool off = pci_config16(d, PCI_COMMAND) & PCI_COMMAND_INTX_OFF;

	irq_set(&d->intx, (d->config[PCI_STATUS] & PCI_STATUS_INTX) && !off);
}

void pci_irq_set(struct pci_dev *d, bool level)
{
	d->config[PCI_STATUS] &= ~PCI_STATUS_INTX;
	d->config[PCI_STATUS] |= level ? PCI_STATUS_INTX : 0;
	update_irq(d);
}

bool pci_master_enabled(const struct pci_dev *d)
{
	return pci_config16(d, PCI_COMMAND) & PCI_COMMAND_MASTER;
}

/* The first reset, with every BAR and subsystem id in place, fixes what later ones return to. */
void pci_reset(struct pci_dev *d)
{
	if (!d->assembled)
		memcpy(d->reset_config, d->config, sizeof(d->config));
	d->assembled = true;
	memcpy(d->config, d->reset_config, sizeof(d->config));
	pci_loaded(d);
}

void pci_loaded(struct pci_dev *d)
{
	place_all(d);
	update_irq(d);
	if (d->config_written)
		d->config_written(d->dev, 0, PCI_CONFIG_SIZE);
}

/* --- configuration accesses --- */

static void config_write8(struct pci_dev *d, unsigned off, uint8_t val)
{
	uint8_t mask = d->wmask[off];

	d->config[off] = (d->config[off] & ~mask) | (val & mask);
	d->config[off] &= ~(val & d->w1c[off]);
}

/* What moves in both spaces moves at once: a new map costs as much as tens of exits. */
static void config_write(struct pci_dev *d, unsigned off, uint32_t val, unsigned size)
{
	struct space *mem = machine_mem(d->machine), *pio = machine_pio(d->machine);

	for (unsigned i = 0; i < size; i++)
		config_write8(d, off + i, val >> i * 8);
	space_begin(mem);
	space_begin(pio);
	if (off < PCI_INT_LINE)
		place_all(d);
	update_irq(d);
	if (d->config_written)
		d->config_written(d->dev, off, size);
	space_commit(pio);
	space_commit(mem);
}

static uint32_t config_read(const struct pci_dev *d, unsigned off, unsigned size)
{
	uint32_t val = 0;

	for (unsigned i = 0; i < size; i++)
		val |= (uint32_t)d->config[off + i] << i * 8;
	return val;
}

/* The function that the address register names, if it is there. */
static struct pci_dev *selected(const struct pci_bus *b)
{
	unsigned bus = b->address >> 16 & 0xff, devfn = b->address >> 8 & 0xff;

	return (b->address & ADDRESS_ENABLE) && !bus ? b->slot[devfn] : NULL;
}

static uint64_t pci_read(void *dev, uint64_t off, unsigned size)
{
	const struct pci_bus *b = dev;
	const struct pci_dev *d = selected(b);

	if (off < REG_DATA) /* the address register answers 32-bit accesses only */
		return off == REG_ADDRESS && size == 4 ? b->address : ~0ull;
	return d ? config_read(d, (b->address & 0xfc) + (off & 3), size) : ~0ull;
}

static void pci_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct pci_bus *b = dev;
	struct pci_dev *d = selected(b);

	if (off < REG_DATA) {
		if (off == REG_ADDRESS && size == 4)
			b->address = val & ADDRESS_BITS;
		return;
	}
	if (d)
		config_write(d, (b->address & 0xfc) + (off & 3), val, size);
}

static void pci_bus_reset(void *dev)
{
	struct pci_bus *b = dev;

	b->address = 0;
}

static const struct region_ops pci_io = { pci_read, pci_write, .min = 1, .max = 4 };

static const struct field pci_bus_fields[] = { FIELD(struct pci_bus, address, 1), FIELD_END };

static const struct device_class pci_bus_class = {
	.name = "pci",
	.size = sizeof(struct pci_bus),
	.reset = pci_bus_reset,
	.fields = pci_bus_fields,
};

struct pci_bus *pci_bus_create(struct machine *m)
{
	struct pci_bus *b = device_new(m, &pci_bus_class);

	if (!b || region_add(machine_pio(m), &b->io, &pci_io, b, PORT_PCI_CONFIG, REG_SPAN))
		return NULL;
	m->pci = b;
	return b;
}

void pci_bus_route(struct pci_bus *b, irq_fn *route, void *arg)
{
	for (unsigned i = 0; i < PIRQS; i++)
		irq_gate_init(&b->pirq[i], route, arg, i);
}
