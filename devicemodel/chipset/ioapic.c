// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioapic: an I/O APIC of 24 pins with an EOI register, which turns pins into interrupt messages.
 *
 * State: the index, the ID, the redirection entries with their remote IRR, the levels of the pins.
 * Missing: nothing. Delivery status always reads 0: a message is gone as soon as it is sent.
 * Ignored: polarity, which is stored only: pins are told "asserted" or not. The trigger mode of
 * SMI, NMI, INIT and ExtINT entries, which are edges whatever it says.
 * Reference: Intel 82093AA data sheet, "Register Description"; the EOI register: Intel I/O
 * Controller Hub data sheets, "EOIR - EOI Register"; messages: Intel SDM 3, "Message Signalled
 * Interrupts".
 */
#include <errno.h>

#include "dm/device.h"
#include "dm/parts.h"

#define IOAPIC_BASE 0xfec00000ull
enum { IOAPIC_LEN = 0x1000, PINS = 24 };

enum { REG_INDEX = 0x00, REG_WINDOW = 0x10, REG_EOI = 0x40 };
enum { INDEX_ID, INDEX_VERSION, INDEX_ARBITRATION, INDEX_RTE = 0x10 };
enum { VERSION = 0x20 | (PINS - 1) << 16, ID_BITS = 0x0f000000 };

#define RTE_VECTOR   0xffull
#define RTE_MODE     0x700ull
#define RTE_LOGICAL  0x800ull
#define RTE_REMOTE   0x4000ull /* read-only: sent as a level, EOI not yet seen */
#define RTE_LEVEL    0x8000ull
#define RTE_MASKED   0x10000ull
#define RTE_WRITABLE 0xff0000000001afffull
#define RTE_HELD     (RTE_WRITABLE | RTE_REMOTE)
enum { MODE_SHIFT = 8, MODE_FIXED = 0, MODE_LOWEST = 1, DEST_SHIFT = 56 };

#define MSI_BASE 0xfee00000u
enum {
	MSI_DEST_SHIFT = 12,
	MSI_REDIRECT = 0x08,
	MSI_LOGICAL = 0x04,
	MSI_ASSERT = 0x4000,
	MSI_LEVEL = 0x8000,
};

struct ioapic {
	struct device dev;
	struct region mmio;
	struct ioapic_ops ops;
	void *arg;

	uint64_t rte[PINS];
	uint32_t lines; /* levels of the pins */
	uint32_t id;	/* as it reads; the arbitration ID follows it */
	uint8_t index;
};

/* --- messages --- */

static unsigned mode(uint64_t rte)
{
	return (rte & RTE_MODE) >> MODE_SHIFT;
}

/* Only fixed and lowest priority interrupts know levels. */
static bool is_level(uint64_t rte)
{
	return rte & RTE_LEVEL && (mode(rte) == MODE_FIXED || mode(rte) == MODE_LOWEST);
}

static uint64_t message_address(uint64_t rte)
{
	return MSI_BASE | (rte >> DEST_SHIFT) << MSI_DEST_SHIFT |
	       (rte & RTE_LOGICAL ? MSI_LOGICAL : 0) |
	       (mode(rte) == MODE_LOWEST ? MSI_REDIRECT : 0);
}

static uint32_t message_data(uint64_t rte)
{
	return (rte & (RTE_VECTOR | RTE_MODE)) | (is_level(rte) ? MSI_LEVEL | MSI_ASSERT : 0);
}

static void send(struct ioapic *io, unsigned pin)
{
	uint64_t rte = io->rte[pin];

	if (is_level(rte))
		io->rte[pin] |= RTE_REMOTE;
	io->ops.message(io->arg, message_address(rte), message_data(rte));
}

/* A level goes out when it is high, unmasked, and not under way. Edges go out as they come. */
static void ioapic_update_pin(struct ioapic *io, unsigned pin)
{
	uint64_t rte = io->rte[pin];

	if (is_level(rte) && io->lines & 1u << pin && !(rte & (RTE_MASKED | RTE_REMOTE)))
		send(io, pin);
}

static void route(struct ioapic *io, unsigned pin)
{
	uint64_t rte = io->rte[pin];

	if (rte & RTE_MASKED)
		io->ops.route(io->arg, pin, 0, 0);
	else
		io->ops.route(io->arg, pin, message_address(rte), message_data(rte));
}

/* "Interrupt Mask": an edge at a masked pin is not held. */
void ioapic_input(void *dev, unsigned pin, bool level)
{
	struct ioapic *io = dev;
	uint32_t bit;
	bool rise;

	if (pin >= PINS)
		return;
	bit = 1u << pin;
	rise = level && !(io->lines & bit);
	io->lines = level ? io->lines | bit : io->lines & ~bit;
	if (rise && !is_level(io->rte[pin]) && !(io->rte[pin] & RTE_MASKED))
		send(io, pin);
	ioapic_update_pin(io, pin);
}

void ioapic_eoi(struct ioapic *io, uint8_t vector)
{
	for (unsigned pin = 0; pin < PINS; pin++) {
		uint64_t rte = io->rte[pin];

		if (!(rte & RTE_REMOTE) || (rte & RTE_VECTOR) != vector)
			continue;
		io->rte[pin] &= ~RTE_REMOTE;
		ioapic_update_pin(io, pin);
	}
}

/* --- registers --- */

/* An entry that is turned to edge forgets its remote IRR: software's way to clear it. */
static void set_rte(struct ioapic *io, unsigned pin, uint64_t val)
{
	uint64_t rte = (val & RTE_WRITABLE) | (io->rte[pin] & RTE_REMOTE);

	io->rte[pin] = is_level(rte) ? rte : rte & ~RTE_REMOTE;
	route(io, pin);
	ioapic_update_pin(io, pin);
}

static uint32_t window_read(const struct ioapic *io)
{
	unsigned pin = (io->index - INDEX_RTE) / 2;

	switch (io->index) {
	case INDEX_ID:
	case INDEX_ARBITRATION:
		return io->id;
	case INDEX_VERSION:
		return VERSION;
	}
	if (io->index < INDEX_RTE || pin >= PINS)
		return 0;
	return io->index & 1 ? io->rte[pin] >> 32 : io->rte[pin];
}

static void window_write(struct ioapic *io, uint32_t val)
{
	unsigned pin = (io->index - INDEX_RTE) / 2;
	uint64_t rte;

	if (io->index == INDEX_ID)
		io->id = val & ID_BITS;
	if (io->index < INDEX_RTE || pin >= PINS)
		return;
	rte = io->rte[pin];
	if (io->index & 1)
		set_rte(io, pin, (uint32_t)rte | (uint64_t)val << 32);
	else
		set_rte(io, pin, (rte & ~0xffffffffull) | val);
}

/* Narrow reads give their part of the register. */
static uint64_t ioapic_read(void *dev, uint64_t off, unsigned size)
{
	const struct ioapic *io = dev;
	uint32_t val = 0;

	if ((off & ~3ull) == REG_INDEX)
		val = io->index;
	else if ((off & ~3ull) == REG_WINDOW)
		val = window_read(io);
	return val >> (off & 3) * 8;
}

/* Index and vector are bytes and may be written as such; the window takes whole registers. */
static void ioapic_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct ioapic *io = dev;

	if (off == REG_INDEX)
		io->index = val;
	else if (off == REG_EOI)
		ioapic_eoi(io, val);
	else if (off == REG_WINDOW && size == 4)
		window_write(io, val);
}

/* The pins are wires: they keep their levels. */
static void ioapic_reset(void *dev)
{
	struct ioapic *io = dev;

	io->index = 0;
	io->id = 0;
	for (unsigned pin = 0; pin < PINS; pin++) {
		io->rte[pin] = RTE_MASKED;
		route(io, pin);
	}
}

static int ioapic_loaded(void *dev)
{
	struct ioapic *io = dev;

	io->lines &= (1u << PINS) - 1;
	io->id &= ID_BITS;
	for (unsigned pin = 0; pin < PINS; pin++) {
		io->rte[pin] &= is_level(io->rte[pin]) ? RTE_HELD : RTE_WRITABLE;
		route(io, pin);
		ioapic_update_pin(io, pin);
	}
	return 0;
}

static const struct region_ops ioapic_io = { ioapic_read, ioapic_write, .min = 1, .max = 4 };

static const struct field ioapic_fields[] = {
	FIELD(struct ioapic, rte, 1),
	FIELD(struct ioapic, lines, 1),
	FIELD(struct ioapic, id, 1),
	FIELD(struct ioapic, index, 1),
	FIELD_END,
};

static const struct device_class ioapic_class = {
	.name = "ioapic",
	.size = sizeof(struct ioapic),
	.reset = ioapic_reset,
	.fields = ioapic_fields,
	.loaded = ioapic_loaded,
};

struct ioapic *ioapic_create(struct machine *m, const struct ioapic_ops *ops, void *arg)
{
	struct ioapic *io = device_new(m, &ioapic_class);

	if (!io)
		return NULL;
	io->ops = *ops;
	io->arg = arg;
	if (region_add(machine_mem(m), &io->mmio, &ioapic_io, io, IOAPIC_BASE, IOAPIC_LEN))
		return NULL;
	ioapic_reset(io);
	return io;
}
