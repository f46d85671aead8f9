/* SPDX-License-Identifier: GPL-2.0-only */
/* Standard names of the ISA bus: which port and which input belongs to whom. */
#ifndef DM_ISA_H
#define DM_ISA_H

enum isa_port {
	PORT_PIC1 = 0x20,
	PORT_PIT = 0x40,
	PORT_8042_DATA = 0x60,
	PORT_SPEAKER = 0x61,
	PORT_8042_COMMAND = 0x64,
	PORT_RTC = 0x70,
	PORT_POST = 0x80,
	PORT_92 = 0x92,
	PORT_PIC2 = 0xa0,
	PORT_IDE2 = 0x170,
	PORT_IDE1 = 0x1f0,
	PORT_VBE = 0x1ce,
	PORT_IDE2_CONTROL = 0x376,
	PORT_VGA = 0x3b0,
	PORT_IDE1_CONTROL = 0x3f6,
	PORT_COM1 = 0x3f8,
	PORT_DEBUGCON = 0x402,
	PORT_ELCR = 0x4d0,
	PORT_FW_CFG = 0x510,
	PORT_EXIT = 0x501,
	PORT_PCI_CONFIG = 0xcf8,
	PORT_RESET = 0xcf9,
};

enum isa_irq {
	IRQ_PIT = 0,
	IRQ_KEYBOARD = 1,
	IRQ_CASCADE = 2,
	IRQ_COM1 = 4,
	IRQ_RTC = 8,
	IRQ_SCI = 9,
	IRQ_MOUSE = 12,
	IRQ_IDE1 = 14,
	IRQ_IDE2 = 15,
};

#endif
