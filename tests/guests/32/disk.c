// SPDX-License-Identifier: GPL-2.0-only
/*
 * IDE disks: identify, PIO and DMA in both forms of address, blocks of several sectors, errors,
 * flush, interrupts and nIEN, software reset. The disk is large enough for 48-bit addresses, and
 * has the pattern that tests/system/guests_here.py describes.
 * Reference: ATA/ATAPI-6 (T13/1410D), "Command descriptions".
 */
#include "ata.h"
#include "clock.h"
#include "guest.h"
#include "io.h"
#include "trap.h"

enum {
	READ = 0x20,
	READ_EXT = 0x24,
	READ_DMA_EXT = 0x25,
	READ_MULTIPLE = 0xc4,
	READ_DMA = 0xc8,
	WRITE = 0x30,
	WRITE_EXT = 0x34,
	WRITE_DMA_EXT = 0x35,
	WRITE_MULTIPLE = 0xc5,
	WRITE_DMA = 0xca,
	SET_MULTIPLE = 0xc6,
	FLUSH = 0xe7,
	FLUSH_EXT = 0xea,
	IDENTIFY = 0xec,
	SET_FEATURES = 0xef,
	VERIFY = 0x40,
};
enum { IRQ_IDE = 14, SECTORS = 16, WORDS = ATA_SECTOR / 4, MARK = 0xca155001 };
enum { DISK_GIB = 130, FAR = 0x10000001 }; /* beyond 28 bits */
#define DISK_SECTORS ((uint64_t)DISK_GIB << 21)

static struct ata disk;
static uint32_t buffer[SECTORS * WORDS + WORDS], other[SECTORS * WORDS];
static uint16_t id[256];
static struct prd table[4] __attribute__((aligned(16)));

static unsigned good_sectors(const uint32_t *p, uint32_t lba, unsigned n)
{
	unsigned good = 0;

	for (unsigned i = 0; i < n; i++, p += WORDS)
		good += p[0] == MARK && p[1] == lba + i && p[WORDS - 1] == lba + i;
	return good;
}

static void fill(uint32_t *p, unsigned sectors, uint32_t seed)
{
	for (unsigned i = 0; i < sectors * WORDS; i++)
		p[i] = seed + i * 0x01000193;
}

static uint8_t read_pio(uint8_t command, uint64_t lba, unsigned n, unsigned block)
{
	memset(buffer, 0, sizeof(buffer));
	ata_command(&disk, command, lba, n, command == READ_EXT);
	return ata_pio_in(&disk, buffer, n, block);
}

static uint8_t write_pio(uint8_t command, uint64_t lba, unsigned n, unsigned block)
{
	fill(other, n, lba);
	ata_command(&disk, command, lba, n, command == WRITE_EXT);
	return ata_pio_out(&disk, other, n, block);
}

static bool same(unsigned sectors)
{
	return !memcmp(buffer, other, sectors * ATA_SECTOR);
}

static void check_identify(void)
{
	uint8_t sum = 0;

	ata_command(&disk, IDENTIFY, 0, 0, false);
	check("identify", ata_pio_in(&disk, id, 1, 1) & (ST_ERR | ST_DRQ | ST_READY), ST_READY);
	check("ata", id[0] & 0x8000, 0);
	check("lba-and-dma", id[49] & 0x0300, 0x0300);
	check("lba28-full", id[60] | id[61] << 16, 0x0fffffff);
	check("lba48-set", id[83] >> 10 & 1, 1);
	check64("lba48-sectors", id[100] | (uint64_t)id[101] << 16 | (uint64_t)id[102] << 32,
		DISK_SECTORS);
	check("serial-number", id[10] << 16 | id[11], 'G' << 24 | 'U' << 16 | 'E' << 8 | 'S');
	for (unsigned i = 0; i < 256; i++)
		sum += id[i] + (id[i] >> 8);
	check("identify-sum", (id[255] & 0xff) == 0xa5 ? sum : 0, 0);
}

static void check_pio(void)
{
	check("read", read_pio(READ, 5, 1, 1) & ST_ERR, 0);
	check("read-data", good_sectors(buffer, 5, 1), 1);
	check("read-16", (read_pio(READ, 100, 16, 1), good_sectors(buffer, 100, 16)), 16);
	check("read-ext", (read_pio(READ_EXT, 200, 3, 1), good_sectors(buffer, 200, 3)), 3);
	check("write", write_pio(WRITE, 300, 2, 1) & ST_ERR, 0);
	check_true("write-read", (read_pio(READ, 300, 2, 1), same(2)));
	check("write-neighbours", (read_pio(READ, 299, 1, 1), good_sectors(buffer, 299, 1)), 1);
	check("write-far", write_pio(WRITE_EXT, FAR, 4, 1) & ST_ERR, 0);
	check_true("read-far", (read_pio(READ_EXT, FAR, 4, 1), same(4)));
	check("far-is-not-near", (read_pio(READ, 1, 1, 1), good_sectors(buffer, 1, 1)), 1);
	check("flush", (ata_command(&disk, FLUSH, 0, 0, false), ata_wait(&disk)) & ST_ERR, 0);
	check("flush-ext", (ata_command(&disk, FLUSH_EXT, 0, 0, true), ata_wait(&disk)) & ST_ERR,
	      0);
	check("verify", (ata_command(&disk, VERIFY, 100, 16, false), ata_wait(&disk)) &
			(ST_ERR | ST_DRQ), 0);
}

static void check_multiple(void)
{
	ata_command(&disk, SET_MULTIPLE, 0, 8, false);
	check("set-multiple", ata_wait(&disk) & ST_ERR, 0);
	check("read-multiple",
	      (read_pio(READ_MULTIPLE, 400, 13, 8), good_sectors(buffer, 400, 13)), 13);
	check("write-multiple", write_pio(WRITE_MULTIPLE, 420, 10, 8) & ST_ERR, 0);
	check_true("write-multiple-read", (read_pio(READ_MULTIPLE, 420, 10, 8), same(10)));
}

/* Three regions that cut across sectors. */
static void regions(uint32_t *p, unsigned bytes)
{
	uint32_t at = (uintptr_t)p;

	table[0] = (struct prd){ at, 100, 0 };
	table[1] = (struct prd){ at + 100, 1000, 0 };
	table[2] = (struct prd){ at + 1100, bytes - 1100, PRD_LAST };
}

static uint8_t dma(uint8_t command, uint64_t lba, unsigned n, bool to_memory)
{
	ata_dma_prepare(&disk, table, to_memory);
	ata_command(&disk, command, lba, n, command == READ_DMA_EXT || command == WRITE_DMA_EXT);
	return ata_dma_run(&disk) & (BM_ACTIVE | BM_ERROR | BM_IRQ);
}

static void check_dma(void)
{
	memset(buffer, 0, sizeof(buffer));
	regions(buffer, 16 * ATA_SECTOR);
	check("dma-read", dma(READ_DMA, 500, 16, true), BM_IRQ);
	check("dma-read-status", in8(disk.port + ATA_STATUS) & (ST_ERR | ST_DRQ | ST_BUSY), 0);
	check("dma-read-data", good_sectors(buffer, 500, 16), 16);
	check("dma-read-no-more", buffer[16 * WORDS], 0);
	fill(other, 8, 77);
	regions(other, 8 * ATA_SECTOR);
	check("dma-write", dma(WRITE_DMA, 600, 8, false), BM_IRQ);
	check_true("dma-write-read", (read_pio(READ, 600, 8, 1), same(8)));
	fill(other, 8, 99);
	check("dma-write-far", dma(WRITE_DMA_EXT, FAR + 8, 8, false), BM_IRQ);
	memset(buffer, 0, sizeof(buffer));
	regions(buffer, 8 * ATA_SECTOR);
	check("dma-read-far", dma(READ_DMA_EXT, FAR + 8, 8, true), BM_IRQ);
	check_true("dma-far-same", same(8));
	table[0] = (struct prd){ (uintptr_t)buffer, 8192, PRD_LAST };
	check("dma-table-longer", dma(READ_DMA, 500, 8, true), BM_IRQ | BM_ACTIVE);
	check("dma-table-longer-data", good_sectors(buffer, 500, 8), 8);
}

static void check_errors(void)
{
	uint64_t end = DISK_SECTORS;

	check("last-sector", read_pio(READ_EXT, end - 1, 1, 1) & ST_ERR, 0);
	check("beyond-end", read_pio(READ_EXT, end, 1, 1) & (ST_ERR | ST_DRQ), ST_ERR);
	check("beyond-end-error", in8(disk.port + ATA_ERROR) & ERR_NOT_FOUND, ERR_NOT_FOUND);
	regions(buffer, 16 * ATA_SECTOR);
	dma(READ_DMA_EXT, end - 4, 16, true);
	check("dma-beyond-end", in8(disk.port + ATA_STATUS) & ST_ERR, ST_ERR);
	ata_command(&disk, 0xfc, 0, 0, false);
	check("unknown-command", ata_wait(&disk) & ST_ERR, ST_ERR);
	check("unknown-command-error", in8(disk.port + ATA_ERROR) & ERR_ABORT, ERR_ABORT);
	check("still-reads", (read_pio(READ, 7, 1, 1), good_sectors(buffer, 7, 1)), 1);
}

static unsigned interrupts_for(unsigned sectors)
{
	uint32_t before = irq_count(IRQ_IDE);

	read_pio(READ, 8, sectors, 1);
	delay_us(5000);
	return irq_count(IRQ_IDE) - before;
}

static void on_ide(unsigned vector)
{
	(void)vector;
	in8(disk.port + ATA_STATUS);
}

/* One interrupt for each sector of a read. */
static void check_interrupts(void)
{
	trap_handler[VECTOR_PIC + IRQ_IDE] = on_ide;
	in8(disk.port + ATA_STATUS);
	pic_mask(IRQ_IDE, false);
	interrupts_on();
	check("irq-one", interrupts_for(1), 1);
	check("irq-four", interrupts_for(4), 4);
	out8(disk.port + ATA_CONTROL, CTL_NO_IRQ);
	check("no-irq-with-nien", interrupts_for(2), 0);
	out8(disk.port + ATA_CONTROL, 0);
	interrupts_off();
	pic_mask(IRQ_IDE, true);
}

static void check_reset(void)
{
	out8(disk.port + ATA_DEVICE, 0xf0);
	out8(disk.port + ATA_CONTROL, CTL_RESET);
	delay_us(10);
	out8(disk.port + ATA_CONTROL, 0);
	delay_us(2000);
	ata_wait(&disk);
	check("reset-signature-count", in8(disk.port + ATA_COUNT), 1);
	check("reset-signature-lba", in8(disk.port + ATA_LBA_LOW), 1);
	check("reset-signature-disk",
	      in8(disk.port + ATA_LBA_MID) | in8(disk.port + ATA_LBA_HIGH) << 8, 0);
	check("reset-selects-0", in8(disk.port + ATA_DEVICE) & 0x10, 0);
	check("reset-still-reads", (read_pio(READ, 9, 1, 1), good_sectors(buffer, 9, 1)), 1);
}

void guest_main(void)
{
	trap_init();
	pic_init();
	disk = ata_drive(0, 0);
	check_identify();
	check_pio();
	check_multiple();
	check_dma();
	check_errors();
	check_interrupts();
	check_reset();
}
