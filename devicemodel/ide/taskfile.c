// SPDX-License-Identifier: GPL-2.0-only
/*
 * An IDE channel as the guest's accesses meet it: task file, device control, data port, resets.
 *
 * State: both drives' registers, what one of them has under way, the bus master.
 * Missing: overlapped and queued commands.
 * Ignored: writes to the command block while BSY, which the standard leaves open; direction of
 * the bus master.
 * Reference: ATA/ATAPI-6 (T13/1410D), "I/O register descriptions", "Software reset protocol",
 * "Signature and persistence", "Device 0 only configurations".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ide.h"

static bool irq_level(struct ide_channel *c)
{
	const struct ide_drive *d = ide_selected(c);

	return d->present && d->intrq && !(c->control & CTL_NIEN);
}

/* The bus master's status remembers that the line rose. */
void ide_update_irq(struct ide_channel *c)
{
	bool level = irq_level(c);

	if (level && !c->irq.level)
		c->bm.status |= BM_ST_INTR;
	irq_set(&c->irq, level);
}

void ide_raise(struct ide_channel *c, struct ide_drive *d)
{
	d->intrq = true;
	ide_update_irq(c);
}

/* No command is accepted: one is under way, or a reset. */
static bool busy(const struct ide_channel *c)
{
	return c->x.phase >= IDE_IO;
}

/* --- resets --- */

void ide_set_signature(struct ide_drive *d)
{
	bool cd = d->kind == IDE_CDROM;

	d->count[0] = d->lba_low[0] = 1;
	d->lba_mid[0] = cd ? 0x14 : 0;
	d->lba_high[0] = cd ? 0xeb : 0;
	d->count[1] = d->lba_low[1] = d->lba_mid[1] = d->lba_high[1] = 0;
}

static void software_reset(struct ide_channel *c)
{
	for (unsigned u = 0; u < 2; u++)
		ata_software_reset(&c->drive[u]);
	c->device = 0;
	ide_reset_drives(c, 3);
}

static void diagnose(struct ide_channel *c)
{
	c->device = 0;
	ide_reset_drives(c, 3);
	/* drive 0 speaks for both, also where it is alone */
	if (c->drive[0].present)
		ide_raise(c, &c->drive[0]);
}

/* --- the data port --- */

/* Bytes of the present burst that an access of size bytes moves. 0: no burst waits for it. */
static uint32_t burst_room(struct ide_channel *c, enum ide_phase phase, unsigned size)
{
	const struct ide_transfer *x = &c->x;

	if (x->phase != phase || ide_owner(c) != ide_selected(c) || x->stop > sizeof(c->pio) ||
	    x->pos >= x->stop)
		return 0;
	if (size < 2)
		size = 2; /* the data port is 16 bits wide: a byte access uses up a word */
	return x->stop - x->pos < size ? x->stop - x->pos : size;
}

static void burst_moved(struct ide_channel *c, uint32_t n)
{
	c->x.pos += n;
	if (c->x.pos == c->x.stop)
		ide_burst_done(c);
}

static uint32_t data_read(struct ide_channel *c, unsigned size)
{
	uint32_t n = burst_room(c, IDE_DATA_IN, size), val = 0;

	if (!n)
		return ~0u;
	memcpy(&val, c->pio + c->x.pos, n);
	burst_moved(c, n);
	return val;
}

static void data_write(struct ide_channel *c, uint32_t val, unsigned size)
{
	uint32_t n = burst_room(c, IDE_DATA_OUT, size);

	if (!n)
		return;
	memcpy(c->pio + c->x.pos, &val, n);
	burst_moved(c, n);
}

/* Whole items of a string instruction; what is odd is left to the functions above. */
static uint32_t string_room(struct ide_channel *c, enum ide_phase phase, unsigned size,
			    unsigned count)
{
	const struct ide_transfer *x = &c->x;
	uint32_t items;

	if (size < 2 || !burst_room(c, phase, size))
		return 0;
	items = (x->stop - x->pos) / size;
	return items < count ? items : count;
}

static unsigned data_read_string(void *dev, uint64_t off, void *buf, unsigned size,
				 unsigned count)
{
	struct ide_channel *c = dev;
	uint32_t n = off == REG_DATA ? string_room(c, IDE_DATA_IN, size, count) : 0;

	if (!n)
		return 0;
	memcpy(buf, c->pio + c->x.pos, n * size);
	burst_moved(c, n * size);
	return n;
}

static unsigned data_write_string(void *dev, uint64_t off, const void *buf, unsigned size,
				  unsigned count)
{
	struct ide_channel *c = dev;
	uint32_t n = off == REG_DATA ? string_room(c, IDE_DATA_OUT, size, count) : 0;

	if (!n)
		return 0;
	memcpy(c->pio + c->x.pos, buf, n * size);
	burst_moved(c, n * size);
	return n;
}

/* --- read --- */

/*
 * Whose registers show. A disk that is alone as drive 0 answers for drive 1 too, save for status;
 * a packet device in that place gives zeroes. Where nobody answers the bus is pulled low, which
 * every prober takes for an empty channel at once.
 */
static struct ide_drive *answering(struct ide_channel *c)
{
	struct ide_drive *d = ide_selected(c), *first = &c->drive[0];

	if (d->present)
		return d;
	return d != first && first->present && first->kind == IDE_DISK ? first : NULL;
}

static uint8_t status_of(struct ide_channel *c)
{
	const struct ide_drive *d = ide_selected(c);

	if (!d->present)
		return 0;
	return c->x.phase == IDE_RESET ? ST_BSY : d->status;
}

static uint8_t read_status(struct ide_channel *c)
{
	uint8_t val = status_of(c);

	ide_selected(c)->intrq = false;
	ide_update_irq(c);
	return val;
}

static uint8_t reg_read(struct ide_channel *c, unsigned off)
{
	const struct ide_drive *d = answering(c);
	unsigned old = !!(c->control & CTL_HOB);

	if (!d)
		return 0;
	switch (off) {
	case REG_ERROR:
		return d->error;
	case REG_COUNT:
		return d->count[old];
	case REG_LBA_LOW:
		return d->lba_low[old];
	case REG_LBA_MID:
		return d->lba_mid[old];
	case REG_LBA_HIGH:
		return d->lba_high[old];
	case REG_DEVICE:
		return c->device | DEV_OBSOLETE;
	case REG_STATUS:
		return read_status(c);
	default:
		return 0xff;
	}
}

static uint64_t command_read(void *dev, uint64_t off, unsigned size)
{
	struct ide_channel *c = dev;
	uint32_t val = 0;

	if (off == REG_DATA)
		return data_read(c, size);
	for (unsigned i = 0; i < size; i++)
		val |= (uint32_t)reg_read(c, off + i) << i * 8;
	return val;
}

static uint64_t control_read(void *dev, uint64_t off, unsigned size)
{
	return status_of(dev);
}

/* --- write --- */

/* A command ends what its channel had under way; only a burst can be, as BSY lets none in. */
static void drop_burst(struct ide_channel *c)
{
	if (c->x.phase == IDE_DATA_IN || c->x.phase == IDE_DATA_OUT)
		ide_owner(c)->status = ST_READY;
	c->x = (struct ide_transfer){ 0 };
}

static void start_command(struct ide_channel *c, struct ide_drive *d, uint8_t cmd)
{
	drop_burst(c);
	d->error = 0;
	d->status = ST_READY;
	d->intrq = false;
	ide_update_irq(c);
	if (d->kind == IDE_CDROM)
		atapi_command(c, d, cmd);
	else
		ata_command(c, d, cmd);
}

static void write_command(struct ide_channel *c, uint8_t cmd)
{
	struct ide_drive *d = ide_selected(c);

	/* the one command that a busy drive takes, and a sleeping one; not in software reset */
	if (cmd == CMD_DEVICE_RESET && d->present && d->kind == IDE_CDROM &&
	    c->x.phase != IDE_RESET) {
		d->power = POWER_ACTIVE;
		ide_reset_drives(c, 1u << (d - c->drive));
		return;
	}
	if (busy(c))
		return;
	if (cmd == CMD_DIAGNOSTIC)
		diagnose(c);
	else if (d->present && d->power != POWER_SLEEP)
		start_command(c, d, cmd);
}

/* Both drives take what is written; 48-bit commands look at the content before it too. */
static void push(uint8_t reg[2], uint8_t val)
{
	reg[1] = reg[0];
	reg[0] = val;
}

static void write_parameter(struct ide_drive *d, unsigned off, uint8_t val)
{
	switch (off) {
	case REG_ERROR:
		push(d->feature, val);
		break;
	case REG_COUNT:
		push(d->count, val);
		break;
	case REG_LBA_LOW:
		push(d->lba_low, val);
		break;
	case REG_LBA_MID:
		push(d->lba_mid, val);
		break;
	case REG_LBA_HIGH:
		push(d->lba_high, val);
		break;
	}
}

static void reg_write(struct ide_channel *c, unsigned off, uint8_t val)
{
	c->control &= ~CTL_HOB;
	if (off == REG_STATUS) {
		write_command(c, val);
		return;
	}
	if (busy(c))
		return;
	if (off == REG_DEVICE) {
		c->device = val;
		ide_update_irq(c);
		return;
	}
	write_parameter(&c->drive[0], off, val);
	write_parameter(&c->drive[1], off, val);
}

static void command_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct ide_channel *c = dev;

	if (off == REG_DATA) {
		data_write(c, val, size);
		return;
	}
	for (unsigned i = 0; i < size; i++)
		reg_write(c, off + i, val >> i * 8);
}

static void control_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct ide_channel *c = dev;
	uint8_t was = c->control;

	c->control = val & (CTL_HOB | CTL_SRST | CTL_NIEN);
	if ((c->control & CTL_SRST) && !(was & CTL_SRST))
		software_reset(c);
	else if (was & CTL_SRST)
		ide_resume(c);
	ide_update_irq(c);
}

/* --- power-on, saved state --- */

static void drive_reset(struct ide_drive *d)
{
	memset(d->feature, 0, sizeof(d->feature));
	d->intrq = false;
	ata_power_on(d);
	if (d->kind == IDE_CDROM)
		atapi_power_on(d);
}

static void channel_reset(void *dev)
{
	struct ide_channel *c = dev;

	memset(c->pio, 0, sizeof(c->pio));
	c->bm = (struct bus_master){ 0 };
	c->control = c->device = 0;
	for (unsigned u = 0; u < 2; u++)
		drive_reset(&c->drive[u]);
	ide_reset_drives(c, 3);
	ide_update_irq(c);
}

static int channel_loaded(void *dev)
{
	struct ide_channel *c = dev;

	if (ata_check_drive(&c->drive[0]) || ata_check_drive(&c->drive[1]) ||
	    ide_check_transfer(c))
		return -EINVAL;
	c->bm.after_valid = false;
	c->dropped = c->in_flight;
	irq_set(&c->irq, irq_level(c));
	ide_resume(c);
	return 0;
}

static void channel_destroy(void *dev)
{
	struct ide_channel *c = dev;

	free(c->io);
}

#define C(member) FIELD(struct ide_channel, member, 1)
#define DRIVE(n)                                                                                   \
	C(drive[n].feature), C(drive[n].count), C(drive[n].lba_low), C(drive[n].lba_mid),          \
		C(drive[n].lba_high), C(drive[n].error), C(drive[n].status), C(drive[n].intrq),    \
		C(drive[n].power), C(drive[n].multi), C(drive[n].apm), C(drive[n].mwdma),          \
		C(drive[n].udma), C(drive[n].heads), C(drive[n].sectors),                          \
		C(drive[n].write_cache), C(drive[n].look_ahead), C(drive[n].revert),               \
		C(drive[n].sense.key), C(drive[n].sense.asc), C(drive[n].sense.ascq),              \
		C(drive[n].attention), C(drive[n].event), C(drive[n].tray_open),                   \
		C(drive[n].locked), C(drive[n].packet)

static const struct field channel_fields[] = {
	DRIVE(0), DRIVE(1), C(device), C(control),
	C(x.unit), C(x.phase), C(x.op), C(x.form), C(x.dma), C(x.packet), C(x.flush), C(x.stale),
	C(x.reset), C(x.offset), C(x.left), C(x.step), C(x.block), C(x.pos), C(x.stop), C(x.end),
	C(bm.command), C(bm.status), C(bm.table), C(bm.at.next), C(bm.at.entries),
	C(bm.at.addr), C(bm.at.left), C(bm.at.last), C(bm.at.failed),
	C(pio), FIELD_END
};

static const struct device_class channel_class = {
	.name = "ide-channel",
	.size = sizeof(struct ide_channel),
	.reset = channel_reset,
	.fields = channel_fields,
	.loaded = channel_loaded,
	.destroy = channel_destroy,
};

static const struct region_ops command_ops = {
	command_read, command_write, .min = 1, .max = 4,
	.read_string = data_read_string, .write_string = data_write_string,
};
static const struct region_ops control_ops = { control_read, control_write, .min = 1, .max = 1 };

void ide_channel_decode(struct ide_channel *c, bool on)
{
	region_enable(&c->command, on);
	region_enable(&c->control_region, on);
}

struct ide_channel *ide_channel_create(struct machine *m, struct pci_dev *pci, uint16_t port,
				       uint16_t control_port, unsigned irq)
{
	struct ide_channel *c = device_new(m, &channel_class);

	if (!c)
		return NULL;
	c->pci = pci;
	c->io = malloc(IDE_CHUNK);
	machine_irq_connect(m, &c->irq, irq);
	if (!c->io ||
	    region_add(machine_pio(m), &c->command, &command_ops, c, port, REG_SPAN) ||
	    region_add(machine_pio(m), &c->control_region, &control_ops, c, control_port, 1))
		return NULL;
	return c;
}
