// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every way in which one processor resets the PC. The CMOS memory counts: each start checks that
 * devices are as after power-on, makes them different, and takes the next way.
 * Reference: Intel 82371SB (PIIX3), "RC - Reset Control Register", "Port 92 Register"; IBM PS/2
 * Hardware Interface Technical Reference, "Keyboard/Auxiliary Device Controller".
 */
#include "clock.h"
#include "cmos.h"
#include "guest.h"
#include "io.h"
#include "pci.h"

enum { PORT_92 = 0x92, RESET_CONTROL = 0xcf9, KBC_DATA = 0x60, KBC_COMMAND = 0x64 };
enum { IDE_BAR = PCI_BAR0 + 16, PAM = 0x59, IDE_DEVICE = 0x1f6 };

static void by_port_92(void)
{
	out8(PORT_92, in8(PORT_92) & ~1);
	out8(PORT_92, in8(PORT_92) | 1);
}

static void by_cf9_hard(void)
{
	out8(RESET_CONTROL, 0x02);
	out8(RESET_CONTROL, 0x06);
}

static void by_cf9_soft(void)
{
	out8(RESET_CONTROL, 0x00);
	out8(RESET_CONTROL, 0x04);
}

static void by_kbc_pulse(void)
{
	out8(KBC_COMMAND, 0xfe);
}

static void by_kbc_output_port(void)
{
	out8(KBC_COMMAND, 0xd1);
	out8(KBC_DATA, 0xde);
}

static void by_triple_fault(void)
{
	static const struct __attribute__((packed)) {
		uint16_t limit;
		uint32_t base;
	} no_idt;

	__asm__ volatile("lidt %0; int3" : : "m"(no_idt));
}

/* each of them five times in a row; ACPI's reset register, which is 0xcf9, is in guest acpi */
static void (*const ways[])(void) = {
	by_port_92, by_cf9_hard, by_cf9_soft, by_kbc_pulse, by_kbc_output_port, by_triple_fault,
};
enum { TIMES = 5, RESETS = TIMES * sizeof(ways) / sizeof(ways[0]) };

static void check_fresh(void)
{
	check("bar-unplaced", pci_read32(PCI_IDE, IDE_BAR), 1);
	check("command-off", pci_read16(PCI_IDE, PCI_COMMAND), 0);
	check("pam-off", pci_read8(PCI_HOST, PAM), 0);
	check("keyboard-controller", (out8(KBC_COMMAND, 0x21), in8(KBC_DATA)), 0);
	pci_write16(PCI_IDE, PCI_COMMAND, PCI_COMMAND_IO);
	check("disk-selected", in8(IDE_DEVICE) & 0x10, 0);
}

static void make_different(void)
{
	pci_write32(PCI_IDE, IDE_BAR, 0xd000);
	pci_write16(PCI_IDE, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MASTER);
	pci_write8(PCI_HOST, PAM, 0x30);
	out8(KBC_COMMAND, 0x61);
	out8(KBC_DATA, 0x77);
	out8(IDE_DEVICE, 0xf0);
}

void guest_main(void)
{
	uint8_t now = cmos_read(CMOS_STEP);

	check_fresh();
	make_different();
	check_range("step", now, 0, RESETS);
	if (now >= RESETS) {
		cmos_write(CMOS_STEP, 0);
		return;
	}
	cmos_write(CMOS_STEP, now + 1);
	ways[now / TIMES]();
	delay_us(1000000);
	guest_fail("no-reset");
}
