/* SPDX-License-Identifier: GPL-2.0-only */
/* ATA drives: task file, PIO data, and the bus master of the PIIX. */
#ifndef GUESTS_ATA_H
#define GUESTS_ATA_H

#include <stdbool.h>
#include <stdint.h>

enum { ATA_PRIMARY = 0x1f0, ATA_SECONDARY = 0x170, ATA_CONTROL = 0x206 }; /* from the channel */
enum {
	ATA_DATA,
	ATA_ERROR,
	ATA_COUNT,
	ATA_LBA_LOW,
	ATA_LBA_MID,
	ATA_LBA_HIGH,
	ATA_DEVICE,
	ATA_STATUS,
	ATA_COMMAND = ATA_STATUS,
	ATA_FEATURES = ATA_ERROR,
};
enum { ST_ERR = 0x01, ST_DRQ = 0x08, ST_READY = 0x40, ST_BUSY = 0x80 };
enum { ERR_ABORT = 0x04, ERR_NOT_FOUND = 0x10 };
enum { CTL_NO_IRQ = 0x02, CTL_RESET = 0x04 };
enum { ATA_SECTOR = 512 };

/* A drive: its channel's ports, 0 or 1 on it, and the channel's bus master. */
struct ata {
	uint16_t port, unit, bm;
};

/* Places the bus master where nobody has. */
struct ata ata_drive(unsigned channel, unsigned unit);

uint8_t ata_wait(const struct ata *d);	   /* until not busy; the status */
void ata_select(const struct ata *d);
/* lba: 28 bits, or 48 with ext; count: as the register has it */
void ata_command(const struct ata *d, uint8_t command, uint64_t lba, uint16_t count, bool ext);
/* Whole sectors of a command under way, block at a time; the last status. */
uint8_t ata_pio_in(const struct ata *d, void *p, unsigned sectors, unsigned block);
uint8_t ata_pio_out(const struct ata *d, const void *p, unsigned sectors, unsigned block);

/* Regions of memory that a bus master walks. */
struct prd {
	uint32_t address;
	uint16_t count, last;
};
enum { PRD_LAST = 0x8000 };
enum { BM_COMMAND = 0, BM_STATUS = 2, BM_TABLE = 4 };
enum { BM_START = 0x01, BM_TO_MEMORY = 0x08, BM_ACTIVE = 0x01, BM_ERROR = 0x02, BM_IRQ = 0x04 };

void ata_dma_prepare(const struct ata *d, const struct prd *table, bool to_memory);
/* Starts, waits for the drive, stops; the bus master's status when it was done. */
uint8_t ata_dma_run(const struct ata *d);

#endif
