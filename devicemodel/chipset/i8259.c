// SPDX-License-Identifier: GPL-2.0-only
/*
 * i8259: the two 8259A interrupt controllers of a PC, as they stand in a PIIX3. Each chip is one
 * device; the slave's INT output is wired to the master's input 2.
 *
 * State: both chips' registers, the levels of their inputs, and which edges are latched.
 * Missing: the 8080 mode of the acknowledge cycle.
 * Ignored: ICW1's LTIM (the edge/level control registers take its place), ADI, and SNGL beyond
 * leaving out ICW3; ICW3's value, since the wiring is fixed; ICW4's BUF and M/S.
 * Reference: Intel 8259A data sheet, "Programming the 8259A" and "Interrupt Request Register";
 * Intel 82371SB (PIIX3) data sheet, "ELCR1 - Edge/Level Control Register".
 */
#include <errno.h>

#include "dm/device.h"
#include "dm/isa.h"
#include "dm/parts.h"

enum { REG_COMMAND, REG_DATA, REG_SPAN };
enum { INPUTS = 8, CASCADE = 2, CASCADE_BIT = 1 << CASCADE, SPURIOUS = 7, NONE = -1 };

enum { /* commands at REG_COMMAND */
	ICW1 = 0x10,
	ICW1_SNGL = 0x02,
	ICW1_IC4 = 0x01,
	OCW3 = 0x08,
};
enum { ICW2_VECTOR = 0xf8 };
enum { ICW4_SFNM = 0x10, ICW4_AEOI = 0x02 };
enum { OCW2_ROTATE = 0x80, OCW2_SPECIFIC = 0x40, OCW2_EOI = 0x20, OCW2_LEVEL = 0x07 };
enum { OCW3_ESMM = 0x40, OCW3_SMM = 0x20, OCW3_POLL = 0x04, OCW3_RR = 0x02, OCW3_RIS = 0x01 };
enum { POLL_FOUND = 0x80 };

/* What the next write to REG_DATA is. */
enum { STEP_READY, STEP_ICW2, STEP_ICW3, STEP_ICW4, STEPS };

/* 0, 1, 2 and 8, 13 are the board's own and stay edge-triggered. */
enum { ELCR_MASTER = 0xf8, ELCR_SLAVE = 0xde };

struct i8259 {
	struct device dev;
	struct region io, elcr_io;
	irq_fn *intr; /* hears of changes of out */
	void *intr_arg;
	irq_fn *unmasked; /* optional: hears which inputs the mask lets through */
	void *unmasked_arg;
	struct i8259 *master, *slave; /* the other chip, in the chip that is not it */
	uint8_t elcr_writable;
	bool out;

	uint8_t lines;	 /* levels of the inputs */
	uint8_t latch;	 /* rising edges not yet acknowledged; a falling edge takes one back */
	uint8_t elcr;	 /* 1: level-triggered */
	uint8_t imr, isr;
	uint8_t vector;	 /* of input 0 */
	uint8_t lowest;	 /* the input with the lowest priority */
	uint8_t step, skip_icw3, wants_icw4;
	uint8_t auto_eoi, rotate_auto_eoi, special_mask, special_nested;
	uint8_t poll, read_isr;
};

/* --- priorities and the INT output --- */

/* The slave holds its INT until it is acknowledged, so the master takes it as a level. */
static uint8_t irr(const struct i8259 *pic)
{
	uint8_t level = pic->elcr | (pic->slave ? CASCADE_BIT : 0);

	return (pic->latch & ~level) | (pic->lines & level);
}

/* The input at a rank; rank 0 goes first. */
static unsigned ranked(const struct i8259 *pic, unsigned rank)
{
	return (pic->lowest + 1 + rank) % INPUTS;
}

/* The first input of a set, by priority; NONE in an empty set. */
static int first_of(const struct i8259 *pic, uint8_t set)
{
	for (unsigned rank = 0; rank < INPUTS; rank++)
		if (set & 1 << ranked(pic, rank))
			return ranked(pic, rank);
	return NONE;
}

/* In special mask mode, masked interrupts in service hold nobody back, and keep their bit. */
static uint8_t in_service(const struct i8259 *pic)
{
	return pic->special_mask ? pic->isr & ~pic->imr : pic->isr;
}

/* Special fully nested mode: the slave may interrupt again while it is in service. */
static bool may_nest(const struct i8259 *pic, unsigned irq)
{
	return pic->special_nested && pic->slave && irq == CASCADE;
}

/* The input whose request gets through masks and priorities, or NONE. */
static int pending(const struct i8259 *pic)
{
	uint8_t asking = irr(pic) & ~pic->imr, service = in_service(pic);

	if (pic->step != STEP_READY)
		return NONE;
	for (unsigned rank = 0; rank < INPUTS; rank++) {
		unsigned irq = ranked(pic, rank), bit = 1u << irq;

		if (asking & bit && (!(service & bit) || may_nest(pic, irq)))
			return irq;
		if (service & bit)
			return NONE;
	}
	return NONE;
}

static void i8259_update_irq(struct i8259 *pic)
{
	bool out = pending(pic) != NONE;

	if (out == pic->out)
		return;
	pic->out = out;
	pic->intr(pic->intr_arg, 0, out);
}

static void set_imr(struct i8259 *pic, uint8_t imr)
{
	uint8_t changed = pic->imr ^ imr;
	unsigned first = pic->master ? INPUTS : 0;

	pic->imr = imr;
	for (unsigned irq = 0; irq < INPUTS && pic->unmasked; irq++)
		if (changed & 1 << irq)
			pic->unmasked(pic->unmasked_arg, first + irq, !(imr & 1 << irq));
}

void i8259_watch(struct i8259 *pic, irq_fn *unmasked, void *arg)
{
	struct i8259 *chip[] = { pic, pic->slave };

	for (unsigned irq = 0; irq < 2 * INPUTS; irq++)
		unmasked(arg, irq, !(chip[irq / INPUTS]->imr & 1 << irq % INPUTS));
	for (unsigned i = 0; i < 2; i++) {
		chip[i]->unmasked = unmasked;
		chip[i]->unmasked_arg = arg;
	}
}

/* --- inputs and acknowledge --- */

static void set_input(struct i8259 *pic, unsigned irq, bool level)
{
	uint8_t bit = 1u << irq;

	if (!level)
		pic->latch &= ~bit;
	else if (!(pic->lines & bit))
		pic->latch |= bit;
	pic->lines = level ? pic->lines | bit : pic->lines & ~bit;
	i8259_update_irq(pic);
}

/* The slave's INT output. */
static void cascade(void *arg, unsigned n, bool level)
{
	set_input(arg, CASCADE, level);
}

void i8259_input(void *dev, unsigned irq, bool level)
{
	struct i8259 *pic = dev;

	if (irq >= 2 * INPUTS || irq == CASCADE)
		return;
	set_input(irq < INPUTS ? pic : pic->slave, irq % INPUTS, level);
}

/* The first pending request becomes an interrupt in service. */
static int take(struct i8259 *pic)
{
	int irq = pending(pic);

	if (irq == NONE)
		return NONE;
	pic->latch &= ~(1u << irq);
	if (!pic->auto_eoi)
		pic->isr |= 1u << irq;
	else if (pic->rotate_auto_eoi)
		pic->lowest = irq;
	i8259_update_irq(pic);
	return irq;
}

/* A request that went away in the meantime is answered with input 7, without its ISR bit. */
static uint8_t vector_of(const struct i8259 *pic, int irq)
{
	return pic->vector | (irq == NONE ? SPURIOUS : irq);
}

uint8_t i8259_acknowledge(struct i8259 *pic)
{
	int irq = take(pic);

	if (irq == CASCADE)
		return vector_of(pic->slave, take(pic->slave));
	return vector_of(pic, irq);
}

/* --- commands --- */

static void write_icw1(struct i8259 *pic, uint8_t val)
{
	pic->step = STEP_ICW2;
	pic->skip_icw3 = !!(val & ICW1_SNGL);
	pic->wants_icw4 = val & ICW1_IC4;
	pic->latch = 0;
	pic->isr = 0;
	pic->lowest = SPURIOUS;
	pic->special_mask = pic->read_isr = pic->poll = 0;
	pic->auto_eoi = pic->rotate_auto_eoi = pic->special_nested = 0;
	set_imr(pic, 0);
}

static void write_ocw2(struct i8259 *pic, uint8_t val)
{
	int irq = val & OCW2_SPECIFIC ? val & OCW2_LEVEL : first_of(pic, in_service(pic));

	if (val & OCW2_EOI && irq != NONE)
		pic->isr &= ~(1u << irq);
	switch (val & (OCW2_ROTATE | OCW2_SPECIFIC | OCW2_EOI)) {
	case OCW2_ROTATE | OCW2_EOI:
	case OCW2_ROTATE | OCW2_SPECIFIC | OCW2_EOI:
	case OCW2_ROTATE | OCW2_SPECIFIC:
		if (irq != NONE)
			pic->lowest = irq;
		break;
	case OCW2_ROTATE:
	case 0:
		pic->rotate_auto_eoi = !!(val & OCW2_ROTATE);
		break;
	}
}

static void write_ocw3(struct i8259 *pic, uint8_t val)
{
	if (val & OCW3_ESMM)
		pic->special_mask = !!(val & OCW3_SMM);
	if (val & OCW3_RR)
		pic->read_isr = val & OCW3_RIS;
	pic->poll = !!(val & OCW3_POLL);
}

static uint8_t step_after(const struct i8259 *pic, uint8_t step)
{
	if (step == STEP_ICW2 && !pic->skip_icw3)
		return STEP_ICW3;
	return step != STEP_ICW4 && pic->wants_icw4 ? STEP_ICW4 : STEP_READY;
}

static void write_data(struct i8259 *pic, uint8_t val)
{
	switch (pic->step) {
	case STEP_READY:
		set_imr(pic, val);
		return;
	case STEP_ICW2:
		pic->vector = val & ICW2_VECTOR;
		break;
	case STEP_ICW4:
		pic->special_nested = !!(val & ICW4_SFNM);
		pic->auto_eoi = !!(val & ICW4_AEOI);
		break;
	}
	pic->step = step_after(pic, pic->step);
}

/* --- register access --- */

/* After a poll command, any read is an acknowledge that answers over the data bus. */
static uint64_t i8259_read(void *dev, uint64_t off, unsigned size)
{
	struct i8259 *pic = dev;
	int irq;

	if (pic->poll) {
		pic->poll = 0;
		irq = take(pic);
		return irq == NONE ? 0 : POLL_FOUND | irq;
	}
	if (off == REG_DATA)
		return pic->imr;
	return pic->read_isr ? pic->isr : irr(pic);
}

static void i8259_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct i8259 *pic = dev;

	if (off == REG_DATA)
		write_data(pic, val);
	else if (val & ICW1)
		write_icw1(pic, val);
	else if (val & OCW3)
		write_ocw3(pic, val);
	else
		write_ocw2(pic, val);
	i8259_update_irq(pic);
}

static uint64_t elcr_read(void *dev, uint64_t off, unsigned size)
{
	const struct i8259 *pic = dev;

	return pic->elcr;
}

static void elcr_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct i8259 *pic = dev;

	pic->elcr = val & pic->elcr_writable;
	i8259_update_irq(pic);
}

/* The inputs are wires: they keep their levels. */
static void i8259_reset(void *dev)
{
	struct i8259 *pic = dev;

	write_icw1(pic, 0);
	pic->step = STEP_READY;
	pic->skip_icw3 = 0;
	pic->vector = 0;
	pic->elcr = 0;
	set_imr(pic, 0xff);
	i8259_update_irq(pic);
}

static int i8259_loaded(void *dev)
{
	struct i8259 *pic = dev;
	uint8_t imr = pic->imr;

	if (pic->step >= STEPS || pic->lowest >= INPUTS)
		return -EINVAL;
	pic->vector &= ICW2_VECTOR;
	pic->elcr &= pic->elcr_writable;
	pic->latch &= pic->lines;
	if (pic->slave)
		pic->lines = (pic->lines & ~CASCADE_BIT) | (pic->slave->out ? CASCADE_BIT : 0);
	pic->imr = ~imr; /* so that every bit is told as a change */
	set_imr(pic, imr);
	i8259_update_irq(pic);
	return 0;
}

static const struct region_ops i8259_io = { i8259_read, i8259_write, .min = 1, .max = 1 };
static const struct region_ops elcr_io = { elcr_read, elcr_write, .min = 1, .max = 1 };

static const struct field i8259_fields[] = {
	FIELD(struct i8259, lines, 1),
	FIELD(struct i8259, latch, 1),
	FIELD(struct i8259, elcr, 1),
	FIELD(struct i8259, imr, 1),
	FIELD(struct i8259, isr, 1),
	FIELD(struct i8259, vector, 1),
	FIELD(struct i8259, lowest, 1),
	FIELD(struct i8259, step, 1),
	FIELD(struct i8259, skip_icw3, 1),
	FIELD(struct i8259, wants_icw4, 1),
	FIELD(struct i8259, auto_eoi, 1),
	FIELD(struct i8259, rotate_auto_eoi, 1),
	FIELD(struct i8259, special_mask, 1),
	FIELD(struct i8259, special_nested, 1),
	FIELD(struct i8259, poll, 1),
	FIELD(struct i8259, read_isr, 1),
	FIELD_END,
};

static const struct device_class i8259_class = {
	.name = "i8259",
	.size = sizeof(struct i8259),
	.reset = i8259_reset,
	.fields = i8259_fields,
	.loaded = i8259_loaded,
};

static int add_ports(struct i8259 *pic, uint16_t port, uint16_t elcr_port)
{
	struct space *pio = machine_pio(pic->dev.machine);
	int err = region_add(pio, &pic->io, &i8259_io, pic, port, REG_SPAN);

	return err ? err : region_add(pio, &pic->elcr_io, &elcr_io, pic, elcr_port, 1);
}

struct i8259 *i8259_create(struct machine *m, irq_fn *intr, void *arg)
{
	struct i8259 *master = device_new(m, &i8259_class);
	struct i8259 *slave = device_new(m, &i8259_class);

	if (!master || !slave)
		return NULL;
	master->slave = slave;
	master->intr = intr;
	master->intr_arg = arg;
	master->elcr_writable = ELCR_MASTER;
	slave->master = master;
	slave->intr = cascade;
	slave->intr_arg = master;
	slave->elcr_writable = ELCR_SLAVE;
	if (add_ports(master, PORT_PIC1, PORT_ELCR) || add_ports(slave, PORT_PIC2, PORT_ELCR + 1))
		return NULL;
	i8259_reset(master);
	i8259_reset(slave);
	return master;
}
