// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI configuration and BARs: who is there, sizes, moves, decoding off and on, the ROM BAR. What
 * moves is the display adapter's frame buffer, registers and ROM, and the IDE bus master's ports.
 * Reference: PCI Local Bus Specification 3.0, "Configuration Space", "Base Addresses".
 */
#include "pci.h"

#include "guest.h"
#include "io.h"

enum { ADDRESS = 0xcf8, CLASS_VGA = 0x0300, VBE_ID_REG = 0x500, IDE_BAR = PCI_BAR0 + 16 };
enum { BM_TABLE = 4 };
#define LFB   0xe0000000u
#define LFB2  0xd0000000u
#define MMIO  0xc8000000u
#define ROM   0xc9000000u

static unsigned vga;

static uint32_t size_of(unsigned devfn, unsigned bar, uint32_t flags)
{
	uint32_t old = pci_read32(devfn, bar), v;

	pci_write32(devfn, bar, bar == PCI_ROM_BAR ? 0xfffff800 : UINT32_MAX);
	v = pci_read32(devfn, bar);
	pci_write32(devfn, bar, old);
	return ~(v & ~flags) + 1;
}

static void check_configuration(void)
{
	check("host-bridge", pci_read32(PCI_HOST, 0), 0x12378086);
	check("isa-bridge", pci_read32(PCI_ISA, 0), 0x70008086);
	check("ide", pci_read32(PCI_IDE, 0), 0x70108086);
	check("power", pci_read32(PCI_PM, 0), 0x71138086);
	check("multifunction", pci_read8(PCI_ISA, 0x0e) & 0x80, 0x80);
	check("nobody", pci_read32(PCI_FN(31, 7), 0), UINT32_MAX);
	check("address-reads-back", in32(ADDRESS), 0x8000ff00);
	pci_write16(PCI_HOST, 0, 0);
	check("id-is-fixed", pci_read32(PCI_HOST, 0), 0x12378086);
	pci_write8(PCI_IDE, PCI_INT, 0x5a);
	check("interrupt-line-kept", pci_read8(PCI_IDE, PCI_INT), 0x5a);
	out32(ADDRESS, 0x00000000); /* not enabled */
	check("not-enabled", in32(0xcfc), UINT32_MAX);
}

static void check_sizes(void)
{
	uint32_t bar0 = pci_read32(vga, PCI_BAR0);

	check("lfb-size", size_of(vga, PCI_BAR0, 0xf), 16 << 20);
	check("lfb-prefetchable", bar0 & 0xf, 8);
	check("mmio-size", size_of(vga, PCI_BAR0 + 8, 0xf), 4096);
	check_range("rom-size", size_of(vga, PCI_ROM_BAR, 0x7ff), 32 << 10, 64 << 10);
	check("no-bar-5", size_of(vga, PCI_BAR0 + 20, 0xf), 0);
	check("io-size", size_of(PCI_IDE, IDE_BAR, 0x3) & 0xffff, 16);
	check("io-flag", pci_read32(PCI_IDE, IDE_BAR) & 3, 1);
}

static void check_memory(void)
{
	pci_write16(vga, PCI_COMMAND, 0);
	pci_write32(vga, PCI_BAR0, LFB);
	pci_write32(vga, PCI_BAR0 + 8, MMIO);
	check("off-floats", *mem32(LFB), UINT32_MAX);
	pci_write16(vga, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	*mem32(LFB + 0x1234) = 0x12345678;
	*mem32(LFB + (16 << 20) - 4) = 0x9abcdef0;
	check("on", *mem32(LFB + 0x1234), 0x12345678);
	check("last-word", *mem32(LFB + (16 << 20) - 4), 0x9abcdef0);
	check("ends", *mem32(LFB + (16 << 20)), UINT32_MAX);
	check("registers", *mem16(MMIO + VBE_ID_REG) & 0xfff0, 0xb0c0);
	pci_write32(vga, PCI_BAR0, LFB2);
	check("moved", *mem32(LFB2 + 0x1234), 0x12345678);
	check("old-place-floats", *mem32(LFB + 0x1234), UINT32_MAX);
	pci_write16(vga, PCI_COMMAND, PCI_COMMAND_IO);
	check("off-again-floats", *mem32(LFB2 + 0x1234), UINT32_MAX);
	check("registers-off", *mem32(MMIO + VBE_ID_REG), UINT32_MAX);
	pci_write16(vga, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	check("on-again", *mem32(LFB2 + 0x1234), 0x12345678);
}

static void check_rom(void)
{
	pci_write32(vga, PCI_ROM_BAR, ROM);
	check("rom-off-floats", *mem32(ROM), UINT32_MAX);
	pci_write32(vga, PCI_ROM_BAR, ROM | 1);
	check("rom-signature", *mem16(ROM), 0xaa55);
	*mem16(ROM) = 0;
	check("rom-is-rom", *mem16(ROM), 0xaa55);
	pci_write16(vga, PCI_COMMAND, 0);
	check("rom-needs-memory", *mem32(ROM), UINT32_MAX);
	pci_write32(vga, PCI_ROM_BAR, 0);
}

static void check_ports(void)
{
	pci_write16(PCI_IDE, PCI_COMMAND, 0);
	pci_write32(PCI_IDE, IDE_BAR, 0xd000);
	check("ports-off-float", in32(0xd000 + BM_TABLE), UINT32_MAX);
	pci_write16(PCI_IDE, PCI_COMMAND, PCI_COMMAND_IO);
	out32(0xd000 + BM_TABLE, 0x00123450);
	check("ports-on", in32(0xd000 + BM_TABLE), 0x00123450);
	pci_write32(PCI_IDE, IDE_BAR, 0xe010);
	check("ports-moved", in32(0xe010 + BM_TABLE), 0x00123450);
	check("old-ports-float", in32(0xd000 + BM_TABLE), UINT32_MAX);
	out32(0xe010 + BM_TABLE, 0);
}

void guest_main(void)
{
	check_configuration();
	vga = pci_find_class(CLASS_VGA);
	if (vga == PCI_NONE)
		guest_fail("no-display-adapter");
	check_sizes();
	check_memory();
	check_rom();
	check_ports();
}
