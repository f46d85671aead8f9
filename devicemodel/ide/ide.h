/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The inside of the IDE controller: a channel with its two drives, the transfer that one of them
 * may have under way, and the channel's bus master.
 *
 * taskfile.c is what the guest's accesses meet; transfer.c moves data between back end, buffer
 * and guest; bus_master.c is the DMA engine; ata.c and atapi.c decide what a command means;
 * trim.c discards.
 * Everything here runs under the machine lock.
 */
#ifndef IDE_H
#define IDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dm/block.h"
#include "dm/device.h"
#include "dm/parts.h"
#include "dm/pci.h"

enum {
	IDE_SECTOR = 512,
	CD_SECTOR = 2048,
	IDE_MULTI_MAX = 16,	  /* sectors of a READ MULTIPLE block */
	IDE_DRQ_MAX = 32 << 10,	  /* bytes of the longest PIO burst */
	IDE_PIO_LEN = 36 << 10,	  /* the longest burst, and sectors that begin within it */
	IDE_CHUNK = 128 << 10,	  /* the longest request to a back end that has data */
	IDE_TRIM_BLOCKS = 8,	  /* sectors of the longest list of ranges to discard */
	IDE_PACKET_LEN = 12,
	IDE_SERIAL_LEN = 20,
};

/* Registers of the command block, as offsets; some mean something else when written. */
enum ide_reg {
	REG_DATA = 0,
	REG_ERROR = 1, /* written: features */
	REG_COUNT = 2,
	REG_LBA_LOW = 3,
	REG_LBA_MID = 4,
	REG_LBA_HIGH = 5,
	REG_DEVICE = 6,
	REG_STATUS = 7, /* written: command */
	REG_SPAN = 8,
};

enum ide_status {
	ST_ERR = 0x01, /* CHK for packet commands */
	ST_DRQ = 0x08,
	ST_DSC = 0x10, /* seek complete, until ATA-3; later obsolete, but still looked for */
	ST_DF = 0x20,
	ST_DRDY = 0x40,
	ST_BSY = 0x80,
	ST_READY = ST_DRDY | ST_DSC,
};

enum ide_error {
	ERR_PASSED = 0x01, /* diagnostic code: no fault */
	ERR_ABRT = 0x04,
	ERR_IDNF = 0x10,
	ERR_UNC = 0x40, /* of a read */
	ERR_WP = 0x40,	/* of a write: the medium is protected */
};

enum ide_device { DEV_LBA = 0x40, DEV_UNIT = 0x10, DEV_OBSOLETE = 0xa0 };
enum ide_control { CTL_NIEN = 0x02, CTL_SRST = 0x04, CTL_HOB = 0x80 };

/* Interrupt reason, which packet commands show in the count register. */
enum ide_reason { REASON_CD = 0x01, REASON_IO = 0x02 };

enum ide_command {
	CMD_DEVICE_RESET = 0x08,
	CMD_DIAGNOSTIC = 0x90,
};

enum ide_power { POWER_ACTIVE, POWER_IDLE, POWER_STANDBY, POWER_SLEEP };

/* What a drive waits for. BSY shows from IDE_IO on. */
enum ide_phase {
	IDE_READY,    /* nothing under way */
	IDE_DATA_IN,  /* DRQ: the guest reads a burst */
	IDE_DATA_OUT, /* DRQ: the guest writes a burst */
	IDE_IO,	      /* the back end */
	IDE_DMA_WAIT, /* the bus master */
	IDE_RESET,    /* a request that reset has overtaken; then the signature appears */
};

/* What the data of a transfer are. */
enum ide_op {
	OP_NONE,
	OP_READ,   /* back end to guest */
	OP_WRITE,  /* guest to back end */
	OP_VERIFY, /* read and forget */
	OP_FLUSH,
	OP_REPLY,  /* buffer to guest */
	OP_SINK,   /* from the guest, ignored */
	OP_PACKET, /* the 12 bytes of a packet command */
	OP_TRIM_LIST, /* from the guest, into the buffer */
	OP_TRIM,      /* ranges in the buffer, to the back end */
};

enum ide_form { FORM_CHS, FORM_LBA28, FORM_LBA48 }; /* how a command names sectors */

enum ide_event { EVENT_NONE, EVENT_EJECT, EVENT_NEW, EVENT_REMOVED }; /* MMC, "Media Status" */

struct ide_sense {
	uint8_t key, asc, ascq;
};

/* Flags that are saved are bytes, not bool: a record may bring any value. */
struct ide_drive {
	/* fixed by piix_ide_attach() */
	bool present;
	enum ide_kind kind;
	struct block *block; /* NULL: CD-ROM drive without a disc */
	char serial[IDE_SERIAL_LEN + 1];

	/* registers; [1] is the previous content, which HOB shows */
	uint8_t feature[2], count[2], lba_low[2], lba_mid[2], lba_high[2];
	uint8_t error, status;
	uint8_t intrq; /* wants an interrupt; it is heard while the drive is selected */

	/* settings */
	uint8_t power;	    /* enum ide_power */
	uint8_t multi;	    /* sectors of a READ MULTIPLE block, 0: none set */
	uint8_t apm;	    /* advanced power management level, 0: off */
	uint8_t mwdma, udma; /* bit of the selected mode, as in IDENTIFY; at most one is set */
	uint8_t heads, sectors; /* translation in force */
	uint8_t write_cache, look_ahead;
	uint8_t revert;	    /* software reset returns settings to their defaults */

	/* CD-ROM */
	struct ide_sense sense; /* of the last command */
	uint8_t attention;	/* ASC of a pending unit attention, 0: none */
	uint8_t event;		/* enum ide_event, for who asks next */
	uint8_t tray_open, locked;
	uint8_t packet[IDE_PACKET_LEN];
};

/* What one of the channel's drives has under way. */
struct ide_transfer {
	uint8_t unit, phase, op, form;
	uint8_t dma;
	uint8_t packet;	 /* by the rules of packet commands */
	uint8_t flush;	 /* a write that is not done before it is on the disk */
	uint8_t stale;	 /* the disc that it reads from is gone */
	uint8_t reset;	 /* IDE_RESET: bit per drive that shall show its signature */
	uint64_t offset; /* of the image: what the back end moves next */
	uint64_t left;	 /* bytes that the back end has yet to move */
	uint32_t step;	 /* longest request; one sector once something failed */
	uint32_t block;	 /* bytes of a burst */
	uint32_t pos, stop, end; /* in pio: next byte, end of the burst, end of data */
};

/* Where the bus master is in its table of regions. */
struct bm_cursor {
	uint32_t next;	  /* address of the next entry */
	uint32_t entries; /* entries taken since start */
	uint32_t addr, left; /* rest of the present region */
	uint8_t last;	  /* which is the last */
	uint8_t failed;	  /* table or data outside memory */
};

enum { BM_ST_ACTIVE = 0x01, BM_ST_ERROR = 0x02, BM_ST_INTR = 0x04 };

struct bus_master {
	uint8_t command, status;
	uint32_t table;
	struct bm_cursor at;
	/* not saved: where a write that is under way leaves the cursor, unless stopped meanwhile */
	struct bm_cursor after;
	bool after_valid;
};

struct ide_channel {
	struct device dev;
	struct pci_dev *pci; /* the function that masters the bus for this channel */
	struct region command, control_region;
	struct irq_line irq;
	struct ide_drive drive[2];
	uint8_t device, control; /* registers that both drives share */
	struct ide_transfer x;
	struct bus_master bm;
	uint8_t pio[IDE_PIO_LEN]; /* what the data register reads and writes */

	/* the request, and not saved: a restored transfer in IDE_IO asks again */
	struct block_req req;
	uint8_t *io;	/* IDE_CHUNK bytes, the back end's while in_flight */
	uint32_t want;	/* bytes that the transfer counts for the request */
	bool in_flight;
	bool dropped;	/* its result concerns nobody any more */
};

static inline struct ide_drive *ide_selected(struct ide_channel *c)
{
	return &c->drive[!!(c->device & DEV_UNIT)];
}

static inline struct ide_drive *ide_owner(struct ide_channel *c)
{
	return &c->drive[c->x.unit & 1];
}

/* taskfile.c */
struct ide_channel *ide_channel_create(struct machine *m, struct pci_dev *pci, uint16_t port,
				       uint16_t control_port, unsigned irq);
void ide_channel_decode(struct ide_channel *c, bool on); /* whether the ports answer */
void ide_update_irq(struct ide_channel *c);
void ide_raise(struct ide_channel *c, struct ide_drive *d);
void ide_set_signature(struct ide_drive *d);

/* transfer.c */
struct ide_transfer *ide_begin(struct ide_channel *c, enum ide_op op);
void ide_step(struct ide_channel *c);
void ide_burst_done(struct ide_channel *c);
void ide_finish(struct ide_channel *c);
void ide_submit(struct ide_channel *c, enum block_op op, uint64_t offset, uint64_t len);
void ide_reset_drives(struct ide_channel *c, uint8_t units);
void ide_resume(struct ide_channel *c);
int ide_check_transfer(const struct ide_channel *c);

/* bus_master.c */
uint8_t bm_read(const struct bus_master *b, unsigned off);
void bm_write(struct ide_channel *c, unsigned off, uint8_t val);
bool bm_ready(const struct ide_channel *c);
size_t bm_move(const struct ide_channel *c, struct bm_cursor *at, uint8_t *buf, size_t n,
	       bool to_guest);
void bm_commit(struct ide_channel *c, const struct bm_cursor *at);

/* ata.c */
void ata_power_on(struct ide_drive *d);
void ata_software_reset(struct ide_drive *d);
bool ata_common_command(struct ide_channel *c, struct ide_drive *d, uint8_t cmd);
void ata_command(struct ide_channel *c, struct ide_drive *d, uint8_t cmd);
void ata_done(struct ide_channel *c, struct ide_drive *d);
void ata_failed(struct ide_channel *c, struct ide_drive *d, int err);
void ata_abort(struct ide_channel *c, struct ide_drive *d);
void ata_reply(struct ide_channel *c);
int ata_check_drive(const struct ide_drive *d);

/* trim.c */
void ata_trim(struct ide_channel *c, struct ide_drive *d);
void ide_step_trim(struct ide_channel *c);
bool ide_trim_valid(const struct ide_transfer *x);

/* identify.c */
void ata_default_geometry(const struct ide_drive *d, unsigned *heads, unsigned *sectors);
uint64_t ata_sectors(const struct ide_drive *d);
void ata_identify(const struct ide_drive *d, unsigned unit, uint8_t *buf);
void atapi_identify(const struct ide_drive *d, unsigned unit, uint8_t *buf);

/* atapi.c */
enum { KEY_NOT_READY = 2, KEY_MEDIUM = 3, KEY_ILLEGAL = 5, KEY_ATTENTION = 6 };
void atapi_power_on(struct ide_drive *d);
void atapi_command(struct ide_channel *c, struct ide_drive *d, uint8_t cmd);
void atapi_packet(struct ide_channel *c, struct ide_drive *d);
void atapi_burst(struct ide_channel *c, struct ide_drive *d, bool in);
void atapi_done(struct ide_channel *c, struct ide_drive *d);
void atapi_failed(struct ide_channel *c, struct ide_drive *d, int err);
void atapi_check(struct ide_channel *c, struct ide_drive *d, struct ide_sense sense);
void atapi_illegal_field(struct ide_channel *c, struct ide_drive *d);
uint8_t *atapi_buffer(struct ide_channel *c, size_t len);
void atapi_reply(struct ide_channel *c, size_t len, size_t allocated);
bool atapi_medium_present(const struct ide_drive *d);
uint32_t atapi_sectors(const struct ide_drive *d);
void atapi_change_medium(struct ide_channel *c, unsigned unit, struct block *b);
int atapi_press_eject(struct ide_drive *d); /* as ide_press_eject() */

/* mmc.c: commands that tell about the drive and its disc */
int32_t mmc_lba_of_msf(const uint8_t msf[3]);
void mmc_read_toc(struct ide_channel *c, struct ide_drive *d);
void mmc_read_subchannel(struct ide_channel *c, struct ide_drive *d);
void mmc_get_configuration(struct ide_channel *c, struct ide_drive *d);
void mmc_get_event(struct ide_channel *c, struct ide_drive *d);
void mmc_read_disc_info(struct ide_channel *c, struct ide_drive *d);
void mmc_read_track_info(struct ide_channel *c, struct ide_drive *d);
void mmc_read_dvd_structure(struct ide_channel *c, struct ide_drive *d);
void mmc_mechanism_status(struct ide_channel *c, struct ide_drive *d);
void mmc_mode_sense(struct ide_channel *c, struct ide_drive *d);

static inline uint16_t get_be16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static inline uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)get_be16(p) << 16 | get_be16(p + 2);
}

static inline void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, v >> 16);
	put_be16(p + 2, v);
}

#endif
