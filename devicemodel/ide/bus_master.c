// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bus master of an IDE channel: command, status, and the walk through the table of regions.
 *
 * The table is read entry by entry as data move, and each entry moves at least two bytes, so a
 * walk ends with the data. What the guest changes meanwhile changes where data go, no more.
 *
 * Ignored: the direction bit, which the command already implies; the rule that a table must not
 * cross a 64 KiB boundary (its length is limited instead).
 * Reference: Intel, "Programming Interface for Bus Master IDE Controller", revision 1.0.
 */
#include "ide.h"

enum { REG_BM_COMMAND = 0, REG_BM_STATUS = 2, REG_BM_TABLE = 4 };
enum { BM_START = 0x01, BM_TO_MEMORY = 0x08 };
enum { BM_ST_WRITABLE = 0x60 }; /* "drive 0/1 DMA capable": notes of the firmware */
enum {
	ENTRY_LEN = 8,
	ENTRIES_MAX = 0x10000 / ENTRY_LEN,
	REGION_MAX = 0x10000, /* what a count of 0 means */
};

static uint32_t get_le32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Takes the next entry of the table. False: there is none, or it cannot be read. */
static bool next_region(const struct dma *dma, struct bm_cursor *at)
{
	uint8_t e[ENTRY_LEN];
	uint32_t count;

	if (at->last || at->failed)
		return false;
	if (at->entries >= ENTRIES_MAX || dma_read(dma, at->next, e, sizeof(e))) {
		at->failed = true;
		return false;
	}
	count = get_le32(e + 4) & 0xfffe;
	at->addr = get_le32(e) & ~1u;
	at->left = count ? count : REGION_MAX;
	at->last = e[7] & 0x80;
	at->next += ENTRY_LEN;
	at->entries++;
	return true;
}

/* Moves up to n bytes between buf and the regions from the cursor on; how many it moved. */
size_t bm_move(const struct ide_channel *c, struct bm_cursor *at, uint8_t *buf, size_t n,
	       bool to_guest)
{
	const struct dma *dma = machine_dma(c->dev.machine);
	size_t done = 0;

	while (done < n && (at->left || next_region(dma, at))) {
		size_t part = at->left < n - done ? at->left : n - done;
		int err = to_guest ? dma_write(dma, at->addr, buf + done, part) :
				     dma_read(dma, at->addr, buf + done, part);

		if (err) {
			at->failed = true;
			break;
		}
		at->addr += part;
		at->left -= part;
		done += part;
	}
	return done;
}

/* The cursor has moved for good: shows in the status. */
void bm_commit(struct ide_channel *c, const struct bm_cursor *at)
{
	struct bus_master *b = &c->bm;

	b->at = *at;
	if (at->failed)
		b->status |= BM_ST_ERROR;
	if (at->failed || (at->last && !at->left))
		b->status &= ~BM_ST_ACTIVE;
}

bool bm_ready(const struct ide_channel *c)
{
	return (c->bm.status & BM_ST_ACTIVE) && pci_master_enabled(c->pci);
}

uint8_t bm_read(const struct bus_master *b, unsigned off)
{
	switch (off) {
	case REG_BM_COMMAND:
		return b->command;
	case REG_BM_STATUS:
		return b->status;
	default:
		return off < REG_BM_TABLE ? 0 : b->table >> (off - REG_BM_TABLE) * 8;
	}
}

/* Only changes of the start bit count. A stopped engine forgets where it was. */
static void write_start(struct ide_channel *c, uint8_t val)
{
	struct bus_master *b = &c->bm;
	bool was = b->command & BM_START, on = val & BM_START;

	b->command = val & (BM_START | BM_TO_MEMORY);
	if (was == on)
		return;
	b->after_valid = false;
	b->status &= ~BM_ST_ACTIVE;
	if (!on)
		return;
	b->at = (struct bm_cursor){ .next = b->table };
	b->status |= BM_ST_ACTIVE;
	ide_resume(c);
}

void bm_write(struct ide_channel *c, unsigned off, uint8_t val)
{
	struct bus_master *b = &c->bm;
	unsigned shift = (off & 3) * 8;

	if (off == REG_BM_COMMAND) {
		write_start(c, val);
	} else if (off == REG_BM_STATUS) {
		b->status &= ~(val & (BM_ST_ERROR | BM_ST_INTR));
		b->status = (b->status & ~BM_ST_WRITABLE) | (val & BM_ST_WRITABLE);
	} else if (off >= REG_BM_TABLE) {
		b->table = (b->table & ~(0xffu << shift)) | (uint32_t)val << shift;
		b->table &= ~3u;
	}
}
