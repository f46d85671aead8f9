// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes numbered sectors for ever, in steps, and reports the number of each step once the disk
 * has confirmed that it keeps them: after a flush, or after writes that go through its cache.
 * tests/system/durability_here.py, which gives the seed in sector 0 and takes away the power, knows
 * by the same numbers where a step writes what.
 */
#include "ata.h"
#include "guest.h"
#include "io.h"

enum { MAGIC = 0xca155d0b, SECTORS = 1024, LONGEST = 64, LONGEST_PIO = 2, PIECES = 4 };
enum { WORDS = ATA_SECTOR / 4, PATTERN = 4, WEIGHTS = 32 };
enum {
	READ = 0x20,
	WRITE = 0x30,
	WRITE_EXT = 0x34,
	WRITE_DMA_EXT = 0x35,
	WRITE_DMA_FUA_EXT = 0x3d,
	WRITE_MULTIPLE = 0xc5,
	WRITE_DMA = 0xca,
	WRITE_MULTIPLE_FUA_EXT = 0xce,
	FLUSH = 0xe7,
	FLUSH_EXT = 0xea,
};
enum { MULTIPLE = 16 }; /* sectors of a block, as the drive has it from power-on */
enum { HOW_EXT = 1, HOW_DMA = 2, HOW_MULTIPLE = 4 };

/* PIO is seldom, for each word of it is an exit, and an exit takes long in the lab. */
static const struct {
	uint8_t command, how, weight;
} cached[] = {
	{ WRITE, 0, 1 },
	{ WRITE_EXT, HOW_EXT, 1 },
	{ WRITE_MULTIPLE, HOW_MULTIPLE, 1 },
	{ WRITE_DMA, HOW_DMA, 14 },
	{ WRITE_DMA_EXT, HOW_DMA | HOW_EXT, 15 },
}, through[] = {
	{ WRITE_MULTIPLE_FUA_EXT, HOW_MULTIPLE | HOW_EXT, 2 },
	{ WRITE_DMA_FUA_EXT, HOW_DMA | HOW_EXT, 30 },
};

static struct ata disk;
static uint32_t seed, state;
static uint32_t buffer[LONGEST * WORDS] __attribute__((aligned(32768)));
static struct prd table[2] __attribute__((aligned(16)));

/* Marsaglia's xorshift */
static uint32_t next(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

/* A sector is one pattern over and over, so that a torn one shows. */
static void fill(uint32_t lba, uint32_t step, unsigned n)
{
	uint32_t *p = buffer;

	for (; n--; lba++)
		for (unsigned i = 0; i < WORDS; i += PATTERN) {
			*p++ = MAGIC ^ seed;
			*p++ = lba;
			*p++ = step;
			*p++ = lba * 0x9e3779b1 ^ step * 0x85ebca6b;
		}
}

static void expect_good(uint8_t status, const char *what)
{
	if (status & (ST_ERR | ST_DRQ | ST_BUSY))
		guest_fail(what);
}

static void write_dma(uint8_t command, uint8_t how, uint32_t lba, unsigned n)
{
	table[0] = (struct prd){ (uintptr_t)buffer, 256, 0 };
	table[1] = (struct prd){ (uintptr_t)buffer + 256, n * ATA_SECTOR - 256, PRD_LAST };
	ata_dma_prepare(&disk, table, false);
	ata_command(&disk, command, lba, n, how & HOW_EXT);
	if (ata_dma_run(&disk) & (BM_ACTIVE | BM_ERROR))
		guest_fail("dma");
	expect_good(ata_wait(&disk), "write-dma");
}

static void write_piece(uint32_t step, uint8_t command, uint8_t how, uint32_t lba, unsigned n)
{
	fill(lba, step, n);
	if (how & HOW_DMA) {
		write_dma(command, how, lba, n);
		return;
	}
	ata_command(&disk, command, lba, n, how & HOW_EXT);
	expect_good(ata_pio_out(&disk, buffer, n, how & HOW_MULTIPLE ? MULTIPLE : 1),
		    "write-pio");
}

/* A random row of either table. */
static void choose(bool go_through, uint8_t *command, uint8_t *how)
{
	uint32_t left = next() % WEIGHTS;
	unsigned i = 0;

	if (go_through) {
		for (; left >= through[i].weight; i++)
			left -= through[i].weight;
		*command = through[i].command;
		*how = through[i].how;
		return;
	}
	for (; left >= cached[i].weight; i++)
		left -= cached[i].weight;
	*command = cached[i].command;
	*how = cached[i].how;
}

static void write_pieces(uint32_t step, bool go_through)
{
	unsigned pieces = 1 + next() % PIECES;

	while (pieces--) {
		uint32_t length, place;
		uint8_t command, how;

		choose(go_through, &command, &how);
		length = next();
		place = next();
		length = 1 + length % (how & HOW_DMA ? LONGEST : LONGEST_PIO);
		write_piece(step, command, how, 1 + place % (SECTORS - length), length);
	}
}

static void do_step(uint32_t step)
{
	unsigned end = next() % 3;

	write_pieces(step, end == 2);
	if (end < 2) {
		ata_command(&disk, end ? FLUSH_EXT : FLUSH, 0, 0, end);
		expect_good(ata_wait(&disk), "flush");
	}
	say("%u\n", step);
}

void guest_main(void)
{
	disk = ata_drive(0, 0);
	ata_command(&disk, READ, 0, 1, false);
	expect_good(ata_pio_in(&disk, buffer, 1, 1), "read");
	seed = state = buffer[1];
	if (buffer[0] != MAGIC || !seed)
		guest_fail("seed");
	for (uint32_t step = 1;; step++)
		do_step(step);
}
