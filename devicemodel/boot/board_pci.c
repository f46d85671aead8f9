// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI as firmware leaves it: every function of bus 0 has addresses, decodes them, and knows its
 * interrupt input. Found by asking, so that a new card needs no line here.
 * Missing: bridges, 64-bit BARs; this board has neither.
 * Reference: PCI Local Bus Specification 3.0, "Base Addresses", "Device Drivers".
 */
#include "boot_priv.h"
#include "dm/isa.h"
#include "dm/machine.h"
#include "dm/pci.h"
#include "dm/region.h"

enum { SLOTS = 32, FUNCTIONS = 8, MULTIFUNCTION = 0x80, NOBODY = 0xffff };
enum { PIRQ_ROUTE = 0x60, ISA_BRIDGE = PCI_DEVFN(1, 0), POWER = PCI_DEVFN(1, 3) };
enum { CLASS_DISPLAY = 0x03, CLASS_IDE = 0x0101, IO_FIRST = 0xc000, IO_LAST = 0xffff };
#define ADDRESS_ENABLE 0x80000000u
#define MEMORY_LAST    0xfebfffffu /* the I/O APIC comes next */

static void select_register(struct machine *m, unsigned devfn, unsigned off)
{
	board_out(m, PORT_PCI_CONFIG, ADDRESS_ENABLE | devfn << 8 | (off & ~3u), 4);
}

uint32_t board_config_read(struct machine *m, unsigned devfn, unsigned off, unsigned size)
{
	select_register(m, devfn, off);
	return board_in(m, PORT_PCI_CONFIG + 4 + (off & 3), size);
}

void board_config_write(struct machine *m, unsigned devfn, unsigned off, uint32_t val,
			unsigned size)
{
	select_register(m, devfn, off);
	board_out(m, PORT_PCI_CONFIG + 4 + (off & 3), val, size);
}

/* The next address for len bytes, a power of two; 0 when the space is full. */
static uint32_t take(uint32_t *next, uint32_t last, uint32_t len)
{
	uint64_t at = ((uint64_t)*next + len - 1) & -(uint64_t)len;

	if (at + len - 1 > last)
		return 0;
	*next = at + len;
	return at;
}

/* Gives the command bit that makes it answer; 0 for a BAR that is not there, or has no place. */
static uint16_t place_bar(struct machine *m, unsigned devfn, unsigned off, struct board_cards *c)
{
	bool rom = off == PCI_ROM_BAR, io;
	uint32_t mask, at;

	board_config_write(m, devfn, off, rom ? ~1u : ~0u, 4);
	mask = board_config_read(m, devfn, off, 4);
	io = !rom && (mask & 1);
	mask &= io ? ~3u : rom ? ~0x7ffu : ~0xfu;
	board_config_write(m, devfn, off, 0, 4);
	if (!mask)
		return 0;
	if (io)
		at = take(&c->io, IO_LAST, -(mask | 0xffff0000u));
	else
		at = take(&c->memory, MEMORY_LAST, -mask);
	board_config_write(m, devfn, off, at, 4);
	if (!at || rom)
		return 0;
	return io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
}

/* INTA# of slot 1 is PIRQA, and each further pin or slot is one further on. */
static void set_interrupt_line(struct machine *m, unsigned devfn)
{
	unsigned pin = board_config_read(m, devfn, PCI_INT_PIN, 1), pirq;
	uint8_t line;

	if (!pin)
		return;
	pirq = (devfn / FUNCTIONS + pin + 2) % 4;
	line = board_config_read(m, ISA_BRIDGE, PIRQ_ROUTE + pirq, 1);
	if (devfn == POWER)
		line = IRQ_SCI; /* wired, not steered */
	board_config_write(m, devfn, PCI_INT_LINE, line, 1);
}

static void place_card(struct machine *m, unsigned devfn, struct board_cards *c)
{
	unsigned class = board_config_read(m, devfn, PCI_CLASS + 1, 2);
	uint16_t command = board_config_read(m, devfn, PCI_COMMAND, 2);

	board_config_write(m, devfn, PCI_COMMAND,
			   command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY), 2);
	for (unsigned n = 0; n < PCI_BARS; n++)
		command |= place_bar(m, devfn, PCI_BAR0 + 4 * n, c);
	place_bar(m, devfn, PCI_ROM_BAR, c);
	if (class == CLASS_IDE) /* at ports of its own beside its BARs */
		command |= PCI_COMMAND_IO | PCI_COMMAND_MASTER;
	board_config_write(m, devfn, PCI_COMMAND, command, 2);
	set_interrupt_line(m, devfn);
	if (class >> 8 == CLASS_DISPLAY && !c->framebuffer && (command & PCI_COMMAND_MEMORY))
		c->framebuffer = board_config_read(m, devfn, PCI_BAR0, 4) & ~0xfu;
}

void board_place_cards(struct machine *m, struct board_cards *c)
{
	if (!c->io)
		c->io = IO_FIRST;
	space_begin(machine_mem(m));
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		unsigned devfn = PCI_DEVFN(slot, 0), functions = 1;

		if (board_config_read(m, devfn, PCI_HEADER_TYPE, 1) & MULTIFUNCTION)
			functions = FUNCTIONS;
		for (unsigned fn = 0; fn < functions; fn++)
			if (board_config_read(m, devfn + fn, PCI_VENDOR_ID, 2) != NOBODY)
				place_card(m, devfn + fn, c);
	}
	space_commit(machine_mem(m));
}
