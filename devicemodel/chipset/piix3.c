// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PIIX3's ISA bridge at 00.1.0: it steers the four PCI interrupts to ISA inputs, and has the
 * ports that reset the machine and drive its A20 gate.
 *
 * State: config space, port 0x92, the reset control register, the POST code. The levels on the
 * PIRQ pins are not state: they are what the devices drive now.
 * Missing: the ISA DMA controllers; decoding of X-bus chip selects; APIC and SMI control, whose
 * registers are kept only.
 * Reference: Intel 82371SB (PIIX3), "PCI Configuration Registers (PCI-ISA Bridge)", "PIRQ[A:D]#
 * Route Control Registers", "RC - Reset Control Register", "Port 92 Register".
 */
#include <errno.h>

#include "dm/device.h"
#include "dm/isa.h"
#include "dm/log.h"
#include "dm/parts.h"
#include "dm/pci.h"

enum { CFG_PIRQ = 0x60, PIRQS = 4 };
enum { PIRQ_OFF = 0x80, PIRQ_IRQ = 0x0f, PIRQ_BITS = PIRQ_OFF | PIRQ_IRQ };
enum { ISA_IRQS = 16 };
#define ROUTABLE 0xdef8u /* 3 to 7, 9 to 12, 14 and 15 */

enum { PORT92_RESET = 0x01, PORT92_A20 = 0x02, PORT92_BITS = 0x03 };
enum { RC_HARD = 0x02, RC_RESET = 0x04, RC_BITS = RC_HARD | RC_RESET };
enum { ADDRESS_SPAN = 4, RC_OFFSET = PORT_RESET - PORT_PCI_CONFIG };

struct piix3 {
	struct device dev;
	struct pci_dev pci;
	struct region port92_io, post_io, rc_io;
	const struct region *address;	/* the host bridge's ports, which rc_io lies over */
	struct irq_line line[ISA_IRQS];
	bool pirq[PIRQS];		/* levels; derived */
	uint8_t port92, rc, post;
};

/* --- PIRQ steering --- */

/* The ISA input that a PIRQ pin drives; 0, which nothing may be routed to, for none. */
static unsigned route_of(const struct piix3 *p, unsigned pirq)
{
	uint8_t reg = p->pci.config[CFG_PIRQ + pirq];
	unsigned irq = reg & PIRQ_IRQ;

	return !(reg & PIRQ_OFF) && (ROUTABLE >> irq & 1) ? irq : 0;
}

/* Each input is computed from all four pins, so none is lost or stuck when a route changes. */
static void piix3_update_irq(struct piix3 *p)
{
	unsigned high = 0;

	for (unsigned i = 0; i < PIRQS; i++)
		high |= (unsigned)p->pirq[i] << route_of(p, i);
	for (unsigned irq = 1; irq < ISA_IRQS; irq++)
		irq_set(&p->line[irq], high >> irq & 1);
}

/* INTA# of slot 1 is the bus's input 1, and pin PIRQA of this chip. */
static void piix3_route(void *dev, unsigned n, bool level)
{
	struct piix3 *p = dev;

	p->pirq[(n + PIRQS - 1) % PIRQS] = level;
	piix3_update_irq(p);
}

static void piix3_config_written(void *dev, unsigned off, unsigned size)
{
	piix3_update_irq(dev);
}

/* --- ports --- */

static void request_reset(struct piix3 *p, const char *by)
{
	log_guest("piix3", "reset by %s", by);
	machine_request_reset(p->dev.machine);
}

static uint64_t port92_read(void *dev, uint64_t off, unsigned size)
{
	const struct piix3 *p = dev;

	return p->port92;
}

static void port92_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct piix3 *p = dev;
	bool reset = (val & PORT92_RESET) && !(p->port92 & PORT92_RESET);

	p->port92 = val & PORT92_BITS;
	machine_set_a20(p->dev.machine, A20_PORT92, p->port92 & PORT92_A20);
	if (reset)
		request_reset(p, "port 0x92");
}

static uint64_t post_read(void *dev, uint64_t off, unsigned size)
{
	const struct piix3 *p = dev;

	return p->post;
}

static void post_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct piix3 *p = dev;

	p->post = val;
}

/*
 * The reset control register is a byte in the middle of the configuration address register. Byte
 * accesses to it are ours; all others pass on to the bridge whose ports lie underneath.
 */
static uint64_t rc_read(void *dev, uint64_t off, unsigned size)
{
	const struct piix3 *p = dev;

	if (off == RC_OFFSET && size == 1)
		return p->rc;
	return p->address->ops->read(p->address->dev, off, size);
}

static void rc_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct piix3 *p = dev;
	bool reset;

	if (off != RC_OFFSET || size != 1) {
		p->address->ops->write(p->address->dev, off, val, size);
		return;
	}
	reset = (val & RC_RESET) && !(p->rc & RC_RESET);
	p->rc = val & RC_BITS;
	if (reset)
		request_reset(p, "port 0xcf9");
}

/* --- device --- */

static void config_init(struct pci_dev *d)
{
	/* registers that are kept: I/O recovery, X-bus, memory, MBIRQ, MBDMA, chip select, APIC */
	static const struct {
		uint8_t off, val, wmask;
	} kept[] = {
		{ 0x4c, 0x4d, 0xff }, { 0x4e, 0x03, 0xff }, { 0x4f, 0x00, 0xff },
		{ 0x69, 0x02, 0xfe }, { 0x6a, 0x00, 0xff }, { 0x70, 0x80, 0xef },
		{ 0x76, 0x0c, 0x8f }, { 0x77, 0x0c, 0x8f }, { 0x78, 0x02, 0xff },
		{ 0x79, 0x00, 0xff }, { 0x80, 0x00, 0x7f }, { 0x82, 0x00, 0x0f },
		{ 0xa0, 0x08, 0x1f }, { 0xa8, 0x0f, 0xff },
	};

	pci_set16(d, PCI_SUBSYS_VENDOR, 0x1af4); /* by which SeaBIOS knows a virtual PC */
	pci_set16(d, PCI_SUBSYS_ID, 0x1100);
	pci_set16(d, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	d->wmask[PCI_COMMAND] = 0; /* hard-wired */
	pci_set16(d, PCI_STATUS, 0x0200);
	for (unsigned i = 0; i < PIRQS; i++) {
		d->config[CFG_PIRQ + i] = PIRQ_OFF;
		d->wmask[CFG_PIRQ + i] = PIRQ_BITS;
	}
	for (unsigned i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		d->config[kept[i].off] = kept[i].val;
		d->wmask[kept[i].off] = kept[i].wmask;
	}
}

/* The gate is open at power-on, or the processor could not fetch its first instruction. */
static void piix3_reset(void *dev)
{
	struct piix3 *p = dev;

	p->port92 = PORT92_A20;
	p->rc = 0;
	p->post = 0;
	machine_set_a20(p->dev.machine, A20_PORT92, true);
	pci_reset(&p->pci);
}

static int piix3_loaded(void *dev)
{
	struct piix3 *p = dev;

	p->port92 &= PORT92_BITS;
	p->rc &= RC_BITS;
	machine_set_a20(p->dev.machine, A20_PORT92, p->port92 & PORT92_A20);
	pci_loaded(&p->pci);
	return 0;
}

static const struct region_ops port92_ops = { port92_read, port92_write, .min = 1, .max = 1 };
static const struct region_ops post_ops = { post_read, post_write, .min = 1, .max = 1 };
static const struct region_ops rc_ops = { rc_read, rc_write, .min = 1, .max = 4 };

static const struct field piix3_fields[] = {
	PCI_FIELDS(struct piix3, pci, 1),
	FIELD(struct piix3, port92, 1),
	FIELD(struct piix3, rc, 1),
	FIELD(struct piix3, post, 1),
	FIELD_END
};

static const struct device_class piix3_class = {
	.name = "piix3",
	.size = sizeof(struct piix3),
	.reset = piix3_reset,
	.fields = piix3_fields,
	.loaded = piix3_loaded,
};

static const struct pci_id piix3_id = {
	.vendor = 0x8086,
	.device = 0x7000,
	.class = 0x060100,
	.multifunction = true,
};

static int add_ports(struct piix3 *p, struct space *pio)
{
	const struct flat *below = space_find(pio, PORT_PCI_CONFIG);
	int err;

	if (!below)
		return -ENODEV; /* no bus to be on */
	p->address = below->region;
	err = region_add(pio, &p->rc_io, &rc_ops, p, PORT_PCI_CONFIG, ADDRESS_SPAN);
	region_set_prio(&p->rc_io, p->address->prio + 1);
	err = err ?: region_add(pio, &p->port92_io, &port92_ops, p, PORT_92, 1);
	return err ?: region_add(pio, &p->post_io, &post_ops, p, PORT_POST, 1);
}

struct piix3 *piix3_create(struct machine *m)
{
	struct piix3 *p = device_new(m, &piix3_class);

	if (!p || pci_add(machine_pci(m), PCI_DEVFN(1, 0), &p->pci, p, &piix3_id))
		return NULL;
	p->pci.config_written = piix3_config_written;
	config_init(&p->pci);
	for (unsigned irq = 0; irq < ISA_IRQS; irq++)
		if (ROUTABLE >> irq & 1)
			machine_irq_connect(m, &p->line[irq], irq);
	pci_bus_route(machine_pci(m), piix3_route, p);
	return add_ports(p, machine_pio(m)) ? NULL : p;
}
