// SPDX-License-Identifier: GPL-2.0-only
/*
 * ATA drives behind the PIIX3. Reference: ATA/ATAPI-6 (T13/1410D), "PIO data-in command protocol";
 * Intel, "Programming Interface for Bus Master IDE Controller".
 */
#include "ata.h"

#include "clock.h"
#include "io.h"
#include "pci.h"

enum { BM_BAR = PCI_BAR0 + 16, BM_PLACE = 0xc000, LONG_US = 3000000 };

static const struct ata *waiting;

struct ata ata_drive(unsigned channel, unsigned unit)
{
	uint16_t base = pci_read32(PCI_IDE, BM_BAR) & 0xfff0;

	if (!base) {
		base = BM_PLACE;
		pci_write32(PCI_IDE, BM_BAR, base);
	}
	pci_write16(PCI_IDE, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MASTER);
	return (struct ata){ channel ? ATA_SECONDARY : ATA_PRIMARY, unit, base + 8 * channel };
}

static bool not_busy(void)
{
	return !(in8(waiting->port + ATA_CONTROL) & ST_BUSY);
}

uint8_t ata_wait(const struct ata *d)
{
	waiting = d;
	wait_until(not_busy, LONG_US);
	return in8(d->port + ATA_CONTROL);
}

void ata_select(const struct ata *d)
{
	out8(d->port + ATA_DEVICE, 0xe0 | d->unit << 4);
	ata_wait(d);
}

static void write_lba(const struct ata *d, uint32_t lba, uint8_t count)
{
	out8(d->port + ATA_COUNT, count);
	out8(d->port + ATA_LBA_LOW, lba);
	out8(d->port + ATA_LBA_MID, lba >> 8);
	out8(d->port + ATA_LBA_HIGH, lba >> 16);
}

void ata_command(const struct ata *d, uint8_t command, uint64_t lba, uint16_t count, bool ext)
{
	ata_select(d);
	if (ext)
		write_lba(d, lba >> 24, count >> 8);
	else
		out8(d->port + ATA_DEVICE, 0xe0 | d->unit << 4 | (lba >> 24 & 0xf));
	write_lba(d, lba, count);
	out8(d->port + ATA_COMMAND, command);
}

uint8_t ata_pio_in(const struct ata *d, void *p, unsigned sectors, unsigned block)
{
	while (sectors) {
		unsigned n = sectors < block ? sectors : block;

		if ((ata_wait(d) & (ST_DRQ | ST_ERR)) != ST_DRQ)
			break;
		in16s(d->port, p, n * ATA_SECTOR / 2);
		p = (char *)p + n * ATA_SECTOR;
		sectors -= n;
	}
	ata_wait(d);
	return in8(d->port + ATA_STATUS);
}

uint8_t ata_pio_out(const struct ata *d, const void *p, unsigned sectors, unsigned block)
{
	while (sectors) {
		unsigned n = sectors < block ? sectors : block;

		if ((ata_wait(d) & (ST_DRQ | ST_ERR)) != ST_DRQ)
			break;
		out16s(d->port, p, n * ATA_SECTOR / 2);
		p = (const char *)p + n * ATA_SECTOR;
		sectors -= n;
	}
	ata_wait(d);
	return in8(d->port + ATA_STATUS);
}

void ata_dma_prepare(const struct ata *d, const struct prd *table, bool to_memory)
{
	out8(d->bm + BM_COMMAND, to_memory ? BM_TO_MEMORY : 0);
	out8(d->bm + BM_STATUS, BM_ERROR | BM_IRQ);
	out32(d->bm + BM_TABLE, (uintptr_t)table);
}

static bool dma_over(void)
{
	return in8(waiting->bm + BM_STATUS) & (BM_IRQ | BM_ERROR);
}

uint8_t ata_dma_run(const struct ata *d)
{
	uint8_t status, direction = in8(d->bm + BM_COMMAND) & BM_TO_MEMORY;

	out8(d->bm + BM_COMMAND, direction | BM_START);
	waiting = d;
	wait_until(dma_over, LONG_US);
	status = in8(d->bm + BM_STATUS);
	out8(d->bm + BM_COMMAND, direction);
	return status;
}
