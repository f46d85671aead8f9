// SPDX-License-Identifier: GPL-2.0-only
/*
 * DATA SET MANAGEMENT with the TRIM bit: ranges of sectors that the guest does not need any more.
 *
 * The list arrives by DMA and stays in the channel's buffer while its ranges go to the back end
 * one by one, neighbours together. Ranges before a bad one have been discarded by then, as the
 * standard allows.
 * Missing: bits of FEATURE other than TRIM.
 * Reference: ATA/ATAPI Command Set 2 (T13/2015-D), "DATA SET MANAGEMENT".
 */
#include <errno.h>

#include "ide.h"

enum { FEATURE_TRIM = 0x01, ENTRY_LEN = 8 };

/* An entry: 48 bits of LBA, 16 of count. */
static uint64_t get_entry(const struct ide_channel *c, uint32_t pos)
{
	uint64_t e = 0;

	for (unsigned i = 0; i < ENTRY_LEN; i++)
		e |= (uint64_t)c->pio[pos + i] << 8 * i;
	return e;
}

void ata_trim(struct ide_channel *c, struct ide_drive *d)
{
	uint32_t blocks = d->count[0] | d->count[1] << 8;
	struct ide_transfer *x;

	if (block_discard(d->block) == DISCARD_NONE || d->feature[0] != FEATURE_TRIM ||
	    !blocks || blocks > IDE_TRIM_BLOCKS) {
		ata_abort(c, d);
		return;
	}
	d->power = POWER_ACTIVE;
	x = ide_begin(c, OP_TRIM_LIST);
	x->form = FORM_LBA48;
	x->dma = true;
	x->end = blocks * IDE_SECTOR;
	ide_step(c);
}

/* Takes the entry at x.pos and those that go on where it ends. False: the list is over. */
static bool next_range(struct ide_channel *c, uint64_t *lba, uint64_t *n)
{
	struct ide_transfer *x = &c->x;

	for (*n = 0; x->pos + ENTRY_LEN <= x->end; x->pos += ENTRY_LEN) {
		uint64_t e = get_entry(c, x->pos), at = e & 0xffffffffffffull, count = e >> 48;

		if (*n && count && at != *lba + *n)
			break;
		if (!*n)
			*lba = at;
		*n += count;
	}
	return *n;
}

void ide_step_trim(struct ide_channel *c)
{
	struct ide_drive *d = ide_owner(c);
	uint64_t total = ata_sectors(d), lba, n;
	uint32_t start = c->x.pos;

	if (!next_range(c, &lba, &n)) {
		ide_finish(c);
		return;
	}
	if (lba >= total || n > total - lba) {
		ata_abort(c, d);
		return;
	}
	c->want = c->x.pos - start;
	c->x.pos = start; /* until it is done */
	ide_submit(c, BLOCK_DISCARD, lba * IDE_SECTOR, n * IDE_SECTOR);
}

bool ide_trim_valid(const struct ide_transfer *x)
{
	return x->dma && !x->packet && !x->left && x->pos <= x->end &&
	       x->end <= IDE_TRIM_BLOCKS * IDE_SECTOR && x->end % IDE_SECTOR == 0 &&
	       (x->op == OP_TRIM_LIST || x->pos % ENTRY_LEN == 0);
}
