/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PCI: configuration mechanism 1, type 0 headers, BARs that move, INTx lines. A function embeds a
 * struct pci_dev; config space is kept here, effects beside the standard header are the device's.
 * Under the machine lock. Manual: PCI Local Bus Specification 3.0, "Configuration Space".
 */
#ifndef DM_PCI_H
#define DM_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "dm/irq.h"
#include "dm/region.h"

struct machine;
struct pci_bus;

enum {
	PCI_VENDOR_ID = 0x00,
	PCI_DEVICE_ID = 0x02,
	PCI_COMMAND = 0x04,
	PCI_STATUS = 0x06,
	PCI_REVISION = 0x08,
	PCI_CLASS = 0x09, /* programming interface, then sub-class, then class */
	PCI_CACHE_LINE = 0x0c,
	PCI_LATENCY = 0x0d,
	PCI_HEADER_TYPE = 0x0e,
	PCI_BAR0 = 0x10,
	PCI_SUBSYS_VENDOR = 0x2c,
	PCI_SUBSYS_ID = 0x2e,
	PCI_ROM_BAR = 0x30,
	PCI_CAPABILITIES = 0x34,
	PCI_INT_LINE = 0x3c,
	PCI_INT_PIN = 0x3d,
	PCI_CONFIG_SIZE = 256,
	PCI_BARS = 6,
	PCI_ROM = 6, /* index of the expansion ROM among the bars below */
};

enum { PCI_COMMAND_IO = 1, PCI_COMMAND_MEMORY = 2, PCI_COMMAND_MASTER = 4,
       PCI_COMMAND_INTX_OFF = 0x400 };
enum { PCI_STATUS_INTX = 0x08 };

struct pci_id {
	uint16_t vendor, device;
	uint32_t class; /* 24 bits: class, sub-class, programming interface */
	uint8_t revision;
	uint8_t int_pin; /* 0 none, 1 INTA# */
	bool multifunction;
};

enum bar_kind { BAR_NONE, BAR_IO, BAR_MEM, BAR_MEM_PREFETCH, BAR_ROM };

struct pci_bar {
	enum bar_kind kind;
	uint64_t len;
	struct region region;
	uint64_t placed; /* where the region stands while decoded */
	bool decoded;
};

struct pci_dev {
	struct pci_bus *bus;
	struct machine *machine;
	unsigned devfn;
	void *dev; /* the device that embeds this */
	uint8_t config[PCI_CONFIG_SIZE];
	uint8_t wmask[PCI_CONFIG_SIZE];	/* bits that a write changes */
	uint8_t w1c[PCI_CONFIG_SIZE];	/* bits that a write of 1 clears */
	uint8_t reset_config[PCI_CONFIG_SIZE]; /* as it stood at the first reset */
	bool assembled;			       /* reset_config is filled in */
	struct pci_bar bar[PCI_BARS + 1];
	/* optional: after config bytes [off, off + size) were written (or all of them, by reset) */
	void (*config_written)(void *dev, unsigned off, unsigned size);
	struct irq_line intx;
};

/* Saved state of the embedded struct pci_dev called member. */
#define PCI_FIELDS(type, member, ver) FIELD(type, member.config, ver)

/* dev is handed to config_written. 0, or -EBUSY when devfn is taken. */
int pci_add(struct pci_bus *b, unsigned devfn, struct pci_dev *d, void *dev,
	    const struct pci_id *id);

/*
 * A BAR whose accesses go to ops with dev. len is a power of two, at least 4 for I/O and 16 for
 * memory. To be called between pci_add() and the first reset. 0, or -EINVAL.
 */
int pci_bar(struct pci_dev *d, unsigned n, enum bar_kind kind, uint64_t len,
	    const struct region_ops *ops);
/* A prefetchable memory BAR over host memory; flags as region_add_ram(). */
int pci_bar_ram(struct pci_dev *d, unsigned n, uint64_t len, void *host, unsigned flags);
/* The expansion ROM: len bytes at rom, which stay the caller's; len is a power of two. */
int pci_bar_rom(struct pci_dev *d, uint64_t len, void *rom);

/* To be called by the device's reset: config space as assembled, BARs off, INTx low. */
void pci_reset(struct pci_dev *d);
/* To be called by the device's loaded: places BARs as the restored config space says. */
void pci_loaded(struct pci_dev *d);

/* The function's interrupt; honours the INTx disable bit and shows in the status register. */
void pci_irq_set(struct pci_dev *d, bool level);
bool pci_master_enabled(const struct pci_dev *d);

static inline uint16_t pci_config16(const struct pci_dev *d, unsigned off)
{
	return d->config[off] | d->config[off + 1] << 8;
}
static inline uint32_t pci_config32(const struct pci_dev *d, unsigned off)
{
	return pci_config16(d, off) | (uint32_t)pci_config16(d, off + 2) << 16;
}
void pci_set16(struct pci_dev *d, unsigned off, uint16_t val);
void pci_set32(struct pci_dev *d, unsigned off, uint32_t val);

/*
 * The bus itself: ports 0xcf8 to 0xcff, and where INTA# to INTD# go: route hears, for each of the
 * four PIRQ inputs, changes of the level on it. The swizzle is (slot + pin - 1) mod 4, which makes
 * pin A of slot 1 input 1 and so on; the bridge turns inputs into PIRQ pins.
 */
struct pci_bus *pci_bus_create(struct machine *m);
void pci_bus_route(struct pci_bus *b, irq_fn *route, void *arg);
struct pci_bus *machine_pci(struct machine *m);

#define PCI_DEVFN(slot, fn) ((slot) << 3 | (fn))

#endif
