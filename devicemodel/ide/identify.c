// SPDX-License-Identifier: GPL-2.0-only
/*
 * What drives say about themselves: IDENTIFY DEVICE, IDENTIFY PACKET DEVICE, geometry.
 * Reference: ATA/ATAPI-6 (T13/1410D), "IDENTIFY DEVICE", "IDENTIFY PACKET DEVICE"; words of later
 * standards: ATA/ATAPI Command Set 2 (T13/2015-D), "IDENTIFY DEVICE".
 */
#include <string.h>

#include "ide.h"

enum {
	CHS_CYLINDERS_MAX = 16383,
	CHS_HEADS = 16,
	CHS_SECTORS = 63,
	LBA28_MAX = 0xfffffff,
};

/* Word 82 and after: command sets. Word 85 and after say which of them are on. */
enum {
	SET82_PACKET = 1 << 4,
	SET82_POWER = 1 << 3,
	SET82_WRITE_CACHE = 1 << 5,
	SET82_LOOK_AHEAD = 1 << 6,
	SET82_DEVICE_RESET = 1 << 9,
	SET82_NOP = 1 << 14,
	SET83_APM = 1 << 3,
	SET83_LBA48 = 1 << 10,
	SET83_FLUSH = 1 << 12,
	SET83_FLUSH_EXT = 1 << 13,
	SET84_FUA = 1 << 6,
	SETS_VALID = 1 << 14,
};

enum {
	COMPLETE = 0xc837, /* word 2: no SET FEATURES is needed to spin up, and all words count */
	SET69_TRIM_ZEROES = 1 << 14 | 1 << 5, /* what was trimmed reads the same, and as zeroes */
	NO_ROTATION = 1,
};

uint64_t ata_sectors(const struct ide_drive *d)
{
	return d->block ? block_size(d->block) / IDE_SECTOR : 0;
}

/* 16 heads of 63 sectors, unless the disk is too small to have one such cylinder. */
void ata_default_geometry(const struct ide_drive *d, unsigned *heads, unsigned *sectors)
{
	uint64_t total = ata_sectors(d);

	*heads = total && total < CHS_HEADS * CHS_SECTORS ? 1 : CHS_HEADS;
	*sectors = total && total < CHS_SECTORS ? total : CHS_SECTORS;
}

static unsigned cylinders(uint64_t total, unsigned heads, unsigned sectors, unsigned max)
{
	uint64_t n = total / (heads * sectors);

	return n > max ? max : n;
}

static void word(uint8_t *buf, unsigned n, uint16_t val)
{
	buf[2 * n] = val;
	buf[2 * n + 1] = val >> 8;
}

static void words(uint8_t *buf, unsigned n, uint64_t val, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		word(buf, n + i, val >> 16 * i);
}

/* Two characters a word, the first in the high byte, blanks behind. */
static void string(uint8_t *buf, unsigned n, unsigned len, const char *s)
{
	size_t have = strlen(s);

	for (size_t i = 0; i < len; i++)
		buf[2 * n + (i ^ 1)] = i < have ? s[i] : ' ';
}

static void checksum(uint8_t *buf)
{
	uint8_t sum = 0;

	buf[510] = 0xa5;
	for (unsigned i = 0; i < 511; i++)
		sum += buf[i];
	buf[511] = -sum;
}

static void geometry(const struct ide_drive *d, uint8_t *buf)
{
	uint64_t total = ata_sectors(d);
	unsigned heads, sectors, n;

	ata_default_geometry(d, &heads, &sectors);
	word(buf, 1, cylinders(total, heads, sectors, CHS_CYLINDERS_MAX));
	word(buf, 3, heads);
	word(buf, 6, sectors);
	/* the default translation ends where word 1 does, any other with the register */
	n = cylinders(total, d->heads, d->sectors,
		      d->heads == heads && d->sectors == sectors ? CHS_CYLINDERS_MAX : UINT16_MAX);
	word(buf, 54, n);
	word(buf, 55, d->heads);
	word(buf, 56, d->sectors);
	words(buf, 57, (uint64_t)n * d->heads * d->sectors, 2);
	words(buf, 60, total > LBA28_MAX ? LBA28_MAX : total, 2);
	words(buf, 100, total, 4);
}

/* Word 93, "Hardware reset result": jumpered, passed, on an 80-conductor cable. */
static uint16_t reset_result(unsigned unit)
{
	return unit ? 0x6b00 : 0x600b;
}

/* What both kinds have in common: names, timing, transfer modes, versions. */
static void common(const struct ide_drive *d, unsigned unit, uint8_t *buf, const char *model)
{
	string(buf, 10, IDE_SERIAL_LEN, d->serial);
	string(buf, 23, 8, "1.0");
	string(buf, 27, 40, model);
	word(buf, 49, 0x0f00); /* IORDY, which can be turned off; LBA; DMA */
	word(buf, 51, 0x0200);
	word(buf, 53, 0x0007); /* words 54-58, 64-70 and 88 are valid */
	word(buf, 63, 0x0007 | d->mwdma << 8);
	word(buf, 64, 0x0003); /* PIO modes 3 and 4 */
	for (unsigned i = 65; i <= 68; i++)
		word(buf, i, 120); /* ns a cycle */
	word(buf, 88, 0x003f | d->udma << 8);
	word(buf, 93, reset_result(unit));
}

static void disk_sets(const struct ide_drive *d, uint8_t *buf)
{
	uint16_t s82 = SET82_NOP | SET82_POWER;
	uint16_t s83 = SETS_VALID | SET83_LBA48 | SET83_FLUSH | SET83_FLUSH_EXT;

	word(buf, 82, s82 | SET82_WRITE_CACHE | SET82_LOOK_AHEAD);
	word(buf, 83, s83 | SET83_APM);
	word(buf, 84, SETS_VALID | SET84_FUA);
	word(buf, 85, s82 | (d->write_cache ? SET82_WRITE_CACHE : 0) |
			      (d->look_ahead ? SET82_LOOK_AHEAD : 0));
	word(buf, 86, (s83 & ~SETS_VALID) | (d->apm ? SET83_APM : 0));
	word(buf, 87, SETS_VALID | SET84_FUA);
	word(buf, 91, d->apm);
}

static void trim(const struct ide_drive *d, uint8_t *buf)
{
	enum block_discard kind = block_discard(d->block);

	if (kind == DISCARD_NONE)
		return;
	if (kind == DISCARD_ZEROES)
		word(buf, 69, SET69_TRIM_ZEROES);
	word(buf, 105, IDE_TRIM_BLOCKS);
	word(buf, 169, 1);
}

void ata_identify(const struct ide_drive *d, unsigned unit, uint8_t *buf)
{
	memset(buf, 0, IDE_SECTOR);
	word(buf, 0, 0x0040); /* ATA, not removable */
	word(buf, 2, COMPLETE);
	common(d, unit, buf, "Caisson disk");
	geometry(d, buf);
	word(buf, 47, 0x8000 | IDE_MULTI_MAX);
	word(buf, 50, 0x4000);
	word(buf, 59, d->multi ? 0x0100 | d->multi : 0);
	disk_sets(d, buf);
	word(buf, 80, 0x03f0); /* ATA/ATAPI-4 to -7, ATA8-ACS, ACS-2 */
	trim(d, buf);
	word(buf, 217, NO_ROTATION);
	checksum(buf);
}

void atapi_identify(const struct ide_drive *d, unsigned unit, uint8_t *buf)
{
	uint16_t sets = SET82_PACKET | SET82_POWER | SET82_DEVICE_RESET | SET82_NOP;

	memset(buf, 0, IDE_SECTOR);
	word(buf, 0, 0x85c0); /* ATAPI, CD-ROM, removable, DRQ within 50 us, 12-byte packets */
	common(d, unit, buf, "Caisson CD-ROM");
	word(buf, 53, 0x0006);
	word(buf, 80, 0x00f0); /* ATA/ATAPI-4 to -7 */
	word(buf, 82, sets);
	word(buf, 83, SETS_VALID);
	word(buf, 84, SETS_VALID);
	word(buf, 85, sets);
	word(buf, 87, SETS_VALID);
	word(buf, 125, 0xfffe); /* what a byte count limit of 0 stands for */
	checksum(buf);
}
