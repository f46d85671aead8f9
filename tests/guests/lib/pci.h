/* SPDX-License-Identifier: GPL-2.0-only */
/* PCI configuration space of bus 0, by mechanism 1. */
#ifndef GUESTS_PCI_H
#define GUESTS_PCI_H

#include <stdint.h>

enum {
	PCI_COMMAND = 0x04,
	PCI_CLASS = 0x08,
	PCI_BAR0 = 0x10,
	PCI_ROM_BAR = 0x30,
	PCI_INT = 0x3c,
};
enum { PCI_COMMAND_IO = 1, PCI_COMMAND_MEMORY = 2, PCI_COMMAND_MASTER = 4 };

/* Where this board has them. */
#define PCI_HOST PCI_FN(0, 0)
#define PCI_ISA	 PCI_FN(1, 0)
#define PCI_IDE	 PCI_FN(1, 1)
#define PCI_PM	 PCI_FN(1, 3)
#define PCI_FN(slot, fn) ((slot) << 3 | (fn))
enum { PCI_NONE = 0x100 };

uint8_t pci_read8(unsigned devfn, unsigned off);
uint16_t pci_read16(unsigned devfn, unsigned off);
uint32_t pci_read32(unsigned devfn, unsigned off);
void pci_write8(unsigned devfn, unsigned off, uint8_t v);
void pci_write16(unsigned devfn, unsigned off, uint16_t v);
void pci_write32(unsigned devfn, unsigned off, uint32_t v);
/* The first function of a class (base and sub-class), or PCI_NONE. */
unsigned pci_find_class(uint16_t class);

#endif
