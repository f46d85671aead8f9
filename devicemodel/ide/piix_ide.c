// SPDX-License-Identifier: GPL-2.0-only
/*
 * PIIX3 IDE controller, PCI function 00.1.1: two channels in compatibility mode, whose bus
 * masters are in BAR 4.
 *
 * State: timing registers; the channels keep their own.
 * Missing: native mode, which this chip does not have either.
 * Ignored: timing, beyond the bits that turn a channel's ports on.
 * Reference: Intel 82371FB/82371SB (PIIX/PIIX3), "IDE Controller Registers (PCI Function 1)".
 */
#include <errno.h>
#include <stdio.h>

#include "dm/isa.h"
#include "ide.h"

enum { IDETIM = 0x40, SIDETIM = 0x44, IDETIM_DECODE = 0x8000, BM_SPAN = 16, BM_CHANNEL = 8 };
enum { BAR_BM = 4, CHANNELS = 2, UNITS = 2 };

struct piix_ide {
	struct device dev;
	struct pci_dev pci;
	struct ide_channel *channel[CHANNELS];
};

/* --- effects --- */

/* The ports answer while the function decodes I/O and the channel's own enable bit is set. */
static void update_decode(struct piix_ide *p, unsigned n)
{
	bool io = pci_config16(&p->pci, PCI_COMMAND) & PCI_COMMAND_IO;
	bool on = pci_config16(&p->pci, IDETIM + 2 * n) & IDETIM_DECODE;

	ide_channel_decode(p->channel[n], io && on);
}

static void config_written(void *dev, unsigned off, unsigned size)
{
	struct piix_ide *p = dev;

	for (unsigned n = 0; n < CHANNELS; n++) {
		update_decode(p, n);
		ide_resume(p->channel[n]); /* it may have waited to become a bus master */
	}
}

/* --- bus master registers --- */

static uint64_t bm_io_read(void *dev, uint64_t off, unsigned size)
{
	struct piix_ide *p = dev;

	return bm_read(&p->channel[off / BM_CHANNEL]->bm, off % BM_CHANNEL);
}

static void bm_io_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct piix_ide *p = dev;

	bm_write(p->channel[off / BM_CHANNEL], off % BM_CHANNEL, val);
}

/* --- the function --- */

static void piix_ide_reset(void *dev)
{
	struct piix_ide *p = dev;

	pci_reset(&p->pci);
}

static int piix_ide_loaded(void *dev)
{
	struct piix_ide *p = dev;

	pci_loaded(&p->pci);
	return 0;
}

static const struct region_ops bm_ops = { bm_io_read, bm_io_write, .min = 1, .max = 1 };

static const struct field piix_ide_fields[] = { PCI_FIELDS(struct piix_ide, pci, 1), FIELD_END };

static const struct device_class piix_ide_class = {
	.name = "piix-ide",
	.size = sizeof(struct piix_ide),
	.reset = piix_ide_reset,
	.fields = piix_ide_fields,
	.loaded = piix_ide_loaded,
};

/*
 * The data sheet has the channels off after reset, for the BIOS to turn on. They start enabled
 * here, so that guests that start without a BIOS find their drives: Linux takes a channel whose
 * bit is clear for one that does not exist.
 */
static int config_init(struct piix_ide *p)
{
	static const struct pci_id id = { .vendor = 0x8086, .device = 0x7010, .class = 0x010180 };
	int err = pci_add(machine_pci(p->dev.machine), PCI_DEVFN(1, 1), &p->pci, p, &id);

	if (err)
		return err;
	pci_set16(&p->pci, PCI_STATUS, 0x0280); /* fast back-to-back, medium DEVSEL# */
	for (unsigned n = 0; n < CHANNELS; n++) {
		pci_set16(&p->pci, IDETIM + 2 * n, IDETIM_DECODE);
		p->pci.wmask[IDETIM + 2 * n] = p->pci.wmask[IDETIM + 2 * n + 1] = 0xff;
	}
	p->pci.wmask[SIDETIM] = 0xff;
	err = pci_bar(&p->pci, BAR_BM, BAR_IO, BM_SPAN, &bm_ops);
	p->pci.config_written = config_written;
	return err;
}

struct piix_ide *piix_ide_create(struct machine *m)
{
	struct piix_ide *p = device_new(m, &piix_ide_class);

	if (!p)
		return NULL;
	p->channel[0] = ide_channel_create(m, &p->pci, PORT_IDE1, PORT_IDE1_CONTROL, IRQ_IDE1);
	p->channel[1] = ide_channel_create(m, &p->pci, PORT_IDE2, PORT_IDE2_CONTROL, IRQ_IDE2);
	if (!p->channel[0] || !p->channel[1] || config_init(p))
		return NULL;
	return p;
}

int piix_ide_attach(struct piix_ide *ide, unsigned channel, unsigned unit, enum ide_kind kind,
		    struct block *b, const char *serial)
{
	struct ide_drive *d;

	if (channel >= CHANNELS || unit >= UNITS || (kind == IDE_DISK && !b))
		return -EINVAL;
	d = &ide->channel[channel]->drive[unit];
	if (d->present)
		return -EBUSY;
	d->present = true;
	d->kind = kind;
	d->block = b;
	if (serial && *serial)
		snprintf(d->serial, sizeof(d->serial), "%s", serial);
	else
		snprintf(d->serial, sizeof(d->serial), "CS%08u", channel * UNITS + unit + 1);
	return 0;
}

static bool is_cdrom(const struct piix_ide *ide, unsigned channel, unsigned unit)
{
	return channel < CHANNELS && unit < UNITS && ide->channel[channel]->drive[unit].present &&
	       ide->channel[channel]->drive[unit].kind == IDE_CDROM;
}

int ide_change_medium(struct piix_ide *ide, unsigned channel, unsigned unit, struct block *b)
{
	if (!is_cdrom(ide, channel, unit))
		return -EINVAL;
	atapi_change_medium(ide->channel[channel], unit, b);
	return 0;
}

int ide_press_eject(struct piix_ide *ide, unsigned channel, unsigned unit)
{
	if (!is_cdrom(ide, channel, unit))
		return -EINVAL;
	return atapi_press_eject(&ide->channel[channel]->drive[unit]);
}
