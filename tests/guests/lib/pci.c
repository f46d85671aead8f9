// SPDX-License-Identifier: GPL-2.0-only
/* PCI configuration space. Reference: PCI Local Bus Specification, "Configuration Mechanism #1". */
#include "pci.h"

#include "io.h"

enum { ADDRESS = 0xcf8, DATA = 0xcfc };

static uint16_t select(unsigned devfn, unsigned off)
{
	out32(ADDRESS, 0x80000000u | devfn << 8 | (off & 0xfc));
	return DATA + (off & 3);
}

uint8_t pci_read8(unsigned devfn, unsigned off)
{
	return in8(select(devfn, off));
}

uint16_t pci_read16(unsigned devfn, unsigned off)
{
	return in16(select(devfn, off));
}

uint32_t pci_read32(unsigned devfn, unsigned off)
{
	return in32(select(devfn, off));
}

void pci_write8(unsigned devfn, unsigned off, uint8_t v)
{
	out8(select(devfn, off), v);
}

void pci_write16(unsigned devfn, unsigned off, uint16_t v)
{
	out16(select(devfn, off), v);
}

void pci_write32(unsigned devfn, unsigned off, uint32_t v)
{
	out32(select(devfn, off), v);
}

unsigned pci_find_class(uint16_t class)
{
	unsigned devfn = 0;

	while (devfn < PCI_NONE && pci_read32(devfn, PCI_CLASS) >> 16 != class)
		devfn++;
	return devfn;
}
