// SPDX-License-Identifier: GPL-2.0-only
/*
 * CD-ROM drive: the packet protocol, sense data, the disc's coming and going, and the commands
 * that read. Commands that only tell something are in mmc.c.
 *
 * Missing: audio, raw sectors (READ CD gives user data), writing, MODE SENSE(6).
 * Ignored: power conditions, speed, MODE SELECT's parameters.
 * Reference: ATA/ATAPI-6 (T13/1410D), "PACKET command feature set", "PACKET command protocol";
 * MMC-3 (T10/1363-D), "Commands for Multi-Media Devices"; SPC-2, "Sense data".
 */
#include <errno.h>
#include <string.h>

#include "ide.h"

enum atapi_command {
	CMD_PACKET = 0xa0,
	CMD_IDENTIFY_PACKET = 0xa1,
	CMD_READ_SECTORS = 0x20,
	CMD_IDENTIFY = 0xec,
};

enum { FEAT_DMA = 0x01, FEAT_OVERLAP = 0x02 };

enum packet_command {
	MMC_TEST_UNIT_READY = 0x00,
	MMC_REQUEST_SENSE = 0x03,
	MMC_INQUIRY = 0x12,
	MMC_START_STOP = 0x1b,
	MMC_PREVENT_ALLOW = 0x1e,
	MMC_READ_CAPACITY = 0x25,
	MMC_READ_10 = 0x28,
	MMC_SEEK = 0x2b,
	MMC_READ_SUBCHANNEL = 0x42,
	MMC_READ_TOC = 0x43,
	MMC_GET_CONFIGURATION = 0x46,
	MMC_GET_EVENT = 0x4a,
	MMC_READ_DISC_INFO = 0x51,
	MMC_READ_TRACK_INFO = 0x52,
	MMC_MODE_SELECT = 0x55,
	MMC_MODE_SENSE = 0x5a,
	MMC_READ_12 = 0xa8,
	MMC_READ_DVD_STRUCTURE = 0xad,
	MMC_READ_CD_MSF = 0xb9,
	MMC_SET_SPEED = 0xbb,
	MMC_MECHANISM_STATUS = 0xbd,
	MMC_READ_CD = 0xbe,
};

/* Additional sense codes. */
enum {
	ASC_READ_ERROR = 0x11,
	ASC_OPCODE = 0x20,
	ASC_LBA = 0x21,
	ASC_FIELD = 0x24,
	ASC_MEDIUM_CHANGED = 0x28,
	ASC_RESET = 0x29,
	ASC_NO_MEDIUM = 0x3a,
	ASC_REMOVAL_PREVENTED = 0x53,
	ASC_TRACK_MODE = 0x64,
};

enum { SENSE_LEN = 18, INQUIRY_LEN = 36, NEEDS_DISC = 1, BEFORE_ATTENTION = 2 };

bool atapi_medium_present(const struct ide_drive *d)
{
	return d->block && !d->tray_open;
}

/* A last sector that the image cuts short counts; what is missing reads as zeroes. */
uint32_t atapi_sectors(const struct ide_drive *d)
{
	uint64_t n = d->block ? (block_size(d->block) + CD_SECTOR - 1) / CD_SECTOR : 0;

	return n > UINT32_MAX ? UINT32_MAX : n;
}

/* --- the protocol's ends --- */

static void set_reason(struct ide_drive *d, uint8_t reason)
{
	d->count[0] = reason;
}

/* A burst is ready: the registers tell its direction and length. */
void atapi_burst(struct ide_channel *c, struct ide_drive *d, bool in)
{
	uint32_t n = c->x.stop - c->x.pos;

	set_reason(d, c->x.op == OP_PACKET ? REASON_CD : in ? REASON_IO : 0);
	if (c->x.op == OP_PACKET)
		return; /* the byte count register still holds the limit */
	d->lba_mid[0] = n;
	d->lba_high[0] = n >> 8;
}

static void end_packet(struct ide_channel *c, struct ide_drive *d, uint8_t status, uint8_t error)
{
	c->x = (struct ide_transfer){ 0 };
	d->status = ST_READY | status;
	d->error = error;
	set_reason(d, REASON_CD | REASON_IO);
	ide_raise(c, d);
}

void atapi_done(struct ide_channel *c, struct ide_drive *d)
{
	end_packet(c, d, 0, 0);
}

void atapi_check(struct ide_channel *c, struct ide_drive *d, struct ide_sense sense)
{
	d->sense = sense;
	end_packet(c, d, ST_ERR, sense.key << 4 | ERR_ABRT);
}

void atapi_illegal_field(struct ide_channel *c, struct ide_drive *d)
{
	atapi_check(c, d, (struct ide_sense){ KEY_ILLEGAL, ASC_FIELD, 0 });
}

static void report_attention(struct ide_channel *c, struct ide_drive *d)
{
	struct ide_sense sense = { KEY_ATTENTION, d->attention, 0 };

	d->attention = 0;
	atapi_check(c, d, sense);
}

void atapi_failed(struct ide_channel *c, struct ide_drive *d, int err)
{
	if (err == -ENOMEDIUM && d->attention)
		report_attention(c, d);
	else if (err == -ENOMEDIUM)
		atapi_check(c, d, (struct ide_sense){ KEY_NOT_READY, ASC_NO_MEDIUM, 0 });
	else
		atapi_check(c, d, (struct ide_sense){ KEY_MEDIUM, ASC_READ_ERROR, 0 });
}

/* --- data phases: the transfer goes on with what the packet asks for --- */

static struct ide_transfer *next_op(struct ide_channel *c, enum ide_op op)
{
	struct ide_transfer *x = &c->x;

	x->op = op;
	x->phase = IDE_READY;
	x->pos = x->stop = x->end = 0;
	x->left = 0;
	return x;
}

/* len zeroed bytes for a reply. */
uint8_t *atapi_buffer(struct ide_channel *c, size_t len)
{
	return memset(c->pio, 0, len);
}

/* Sends what is in the buffer, as far as the host has room for it. */
void atapi_reply(struct ide_channel *c, size_t len, size_t allocated)
{
	if (len > allocated)
		len = allocated;
	next_op(c, OP_REPLY)->end = len;
	ide_step(c);
}

static void read_sectors(struct ide_channel *c, struct ide_drive *d, uint32_t lba, uint32_t n)
{
	uint32_t total = atapi_sectors(d);
	struct ide_transfer *x;

	if (lba > total || n > total - lba) {
		atapi_check(c, d, (struct ide_sense){ KEY_ILLEGAL, ASC_LBA, 0 });
		return;
	}
	x = next_op(c, OP_READ);
	x->offset = (uint64_t)lba * CD_SECTOR;
	x->left = (uint64_t)n * CD_SECTOR;
	ide_step(c);
}

/* --- commands --- */

static void test_unit_ready(struct ide_channel *c, struct ide_drive *d)
{
	atapi_done(c, d);
}

/* Sense data are told once; a pending unit attention counts as told, too. */
static void request_sense(struct ide_channel *c, struct ide_drive *d)
{
	uint8_t *p = atapi_buffer(c, SENSE_LEN);

	if (!d->sense.key && d->attention) {
		d->sense = (struct ide_sense){ KEY_ATTENTION, d->attention, 0 };
		d->attention = 0;
	}
	p[0] = 0x70;
	p[2] = d->sense.key;
	p[7] = SENSE_LEN - 8;
	p[12] = d->sense.asc;
	p[13] = d->sense.ascq;
	d->sense = (struct ide_sense){ 0 };
	atapi_reply(c, SENSE_LEN, d->packet[4]);
}

static void inquiry(struct ide_channel *c, struct ide_drive *d)
{
	uint8_t *p = atapi_buffer(c, INQUIRY_LEN);

	if ((d->packet[1] & 3) || d->packet[2]) { /* vital product data, command support data */
		atapi_illegal_field(c, d);
		return;
	}
	p[0] = 0x05; /* CD-ROM */
	p[1] = 0x80; /* removable */
	p[3] = 0x21; /* ATAPI's response format */
	p[4] = INQUIRY_LEN - 5;
	memcpy(p + 8, "Caisson CD-ROM          1.0 ", 28);
	atapi_reply(c, INQUIRY_LEN, get_be16(d->packet + 3));
}

static void open_tray(struct ide_channel *c, struct ide_drive *d)
{
	if (d->locked) {
		atapi_check(c, d, (struct ide_sense){ KEY_ILLEGAL, ASC_REMOVAL_PREVENTED, 2 });
		return;
	}
	if (atapi_medium_present(d))
		d->event = EVENT_REMOVED;
	d->tray_open = true;
	atapi_done(c, d);
}

static void close_tray(struct ide_channel *c, struct ide_drive *d)
{
	if (d->tray_open && d->block) {
		d->attention = ASC_MEDIUM_CHANGED;
		d->event = EVENT_NEW;
	}
	d->tray_open = false;
	atapi_done(c, d);
}

static void start_stop(struct ide_channel *c, struct ide_drive *d)
{
	bool load_eject = d->packet[4] & 2, start = d->packet[4] & 1;

	if (!load_eject || d->packet[4] >> 4) /* spinning, power conditions */
		atapi_done(c, d);
	else if (start)
		close_tray(c, d);
	else
		open_tray(c, d);
}

static void prevent_allow(struct ide_channel *c, struct ide_drive *d)
{
	d->locked = d->packet[4] & 1;
	atapi_done(c, d);
}

static void read_capacity(struct ide_channel *c, struct ide_drive *d)
{
	uint8_t *p = atapi_buffer(c, 8);

	put_be32(p, atapi_sectors(d) - 1);
	put_be32(p + 4, CD_SECTOR);
	atapi_reply(c, 8, 8);
}

static void read_10(struct ide_channel *c, struct ide_drive *d)
{
	read_sectors(c, d, get_be32(d->packet + 2), get_be16(d->packet + 7));
}

static void read_12(struct ide_channel *c, struct ide_drive *d)
{
	read_sectors(c, d, get_be32(d->packet + 2), get_be32(d->packet + 6));
}

/* User data of sectors in a data mode, or nothing at all. */
static void read_cd_sectors(struct ide_channel *c, struct ide_drive *d, uint32_t lba, uint32_t n)
{
	uint8_t type = d->packet[1] >> 2 & 7, what = d->packet[9] & 0xf8;

	if ((what && what != 0x10) || (d->packet[9] & 6) || (d->packet[10] & 7))
		atapi_illegal_field(c, d);
	else if (type != 0 && type != 2)
		atapi_check(c, d, (struct ide_sense){ KEY_ILLEGAL, ASC_TRACK_MODE, 0 });
	else
		read_sectors(c, d, lba, what ? n : 0);
}

static void read_cd(struct ide_channel *c, struct ide_drive *d)
{
	read_cd_sectors(c, d, get_be32(d->packet + 2), get_be32(d->packet + 5) & 0xffffff);
}

/* From one minute, second and frame up to another. */
static void read_cd_msf(struct ide_channel *c, struct ide_drive *d)
{
	const uint8_t *from = d->packet + 3, *to = d->packet + 6;
	int32_t lba = mmc_lba_of_msf(from), n = mmc_lba_of_msf(to) - lba;

	if (lba < 0)
		atapi_check(c, d, (struct ide_sense){ KEY_ILLEGAL, ASC_LBA, 0 });
	else if (n < 0 || from[1] > 59 || from[2] > 74 || to[1] > 59 || to[2] > 74)
		atapi_illegal_field(c, d);
	else
		read_cd_sectors(c, d, lba, n);
}

static void seek(struct ide_channel *c, struct ide_drive *d)
{
	if (get_be32(d->packet + 2) >= atapi_sectors(d))
		atapi_check(c, d, (struct ide_sense){ KEY_ILLEGAL, ASC_LBA, 0 });
	else
		atapi_done(c, d);
}

static void mode_select(struct ide_channel *c, struct ide_drive *d)
{
	next_op(c, OP_SINK)->left = get_be16(d->packet + 7);
	ide_step(c);
}

static void set_speed(struct ide_channel *c, struct ide_drive *d)
{
	atapi_done(c, d);
}

static const struct packet_row {
	uint8_t cmd, when;
	void (*run)(struct ide_channel *c, struct ide_drive *d);
} rows[] = {
	{ MMC_TEST_UNIT_READY, NEEDS_DISC, test_unit_ready },
	{ MMC_REQUEST_SENSE, BEFORE_ATTENTION, request_sense },
	{ MMC_INQUIRY, BEFORE_ATTENTION, inquiry },
	{ MMC_START_STOP, 0, start_stop },
	{ MMC_PREVENT_ALLOW, 0, prevent_allow },
	{ MMC_READ_CAPACITY, NEEDS_DISC, read_capacity },
	{ MMC_READ_10, NEEDS_DISC, read_10 },
	{ MMC_SEEK, NEEDS_DISC, seek },
	{ MMC_READ_SUBCHANNEL, NEEDS_DISC, mmc_read_subchannel },
	{ MMC_READ_TOC, NEEDS_DISC, mmc_read_toc },
	{ MMC_GET_CONFIGURATION, BEFORE_ATTENTION, mmc_get_configuration },
	{ MMC_GET_EVENT, BEFORE_ATTENTION, mmc_get_event },
	{ MMC_READ_DISC_INFO, NEEDS_DISC, mmc_read_disc_info },
	{ MMC_READ_TRACK_INFO, NEEDS_DISC, mmc_read_track_info },
	{ MMC_MODE_SELECT, 0, mode_select },
	{ MMC_MODE_SENSE, 0, mmc_mode_sense },
	{ MMC_READ_12, NEEDS_DISC, read_12 },
	{ MMC_READ_DVD_STRUCTURE, NEEDS_DISC, mmc_read_dvd_structure },
	{ MMC_SET_SPEED, 0, set_speed },
	{ MMC_MECHANISM_STATUS, 0, mmc_mechanism_status },
	{ MMC_READ_CD, NEEDS_DISC, read_cd },
	{ MMC_READ_CD_MSF, NEEDS_DISC, read_cd_msf },
};

static const struct packet_row *find_row(uint8_t cmd)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].cmd == cmd)
			return &rows[i];
	return NULL;
}

/* The packet has arrived. */
void atapi_packet(struct ide_channel *c, struct ide_drive *d)
{
	const struct packet_row *row = find_row(d->packet[0]);
	uint8_t tray = d->tray_open ? 2 : 1;

	if (d->packet[0] != MMC_REQUEST_SENSE)
		d->sense = (struct ide_sense){ 0 };
	if (!row)
		atapi_check(c, d, (struct ide_sense){ KEY_ILLEGAL, ASC_OPCODE, 0 });
	else if (d->attention && row->when != BEFORE_ATTENTION)
		report_attention(c, d);
	else if (row->when == NEEDS_DISC && !atapi_medium_present(d))
		atapi_check(c, d, (struct ide_sense){ KEY_NOT_READY, ASC_NO_MEDIUM, tray });
	else
		row->run(c, d);
}

/* --- ATA commands of packet devices --- */

/* The longest burst that the host wants; odd ones are for the end of the data only. */
static uint32_t byte_count_limit(const struct ide_drive *d)
{
	uint32_t n = d->lba_mid[0] | d->lba_high[0] << 8;

	if (!n)
		n = 0xfffe; /* as word 125 of IDENTIFY PACKET DEVICE says */
	if (n < 2)
		n = 2;
	return n > IDE_DRQ_MAX ? IDE_DRQ_MAX : n;
}

static void start_packet(struct ide_channel *c, struct ide_drive *d)
{
	struct ide_transfer *x;

	if (d->feature[0] & FEAT_OVERLAP) {
		ata_abort(c, d);
		return;
	}
	x = ide_begin(c, OP_PACKET);
	x->packet = true;
	x->dma = d->feature[0] & FEAT_DMA;
	x->block = byte_count_limit(d);
	x->left = IDE_PACKET_LEN;
	ide_step(c);
}

void atapi_command(struct ide_channel *c, struct ide_drive *d, uint8_t cmd)
{
	switch (cmd) {
	case CMD_PACKET:
		start_packet(c, d);
		break;
	case CMD_IDENTIFY_PACKET:
		atapi_identify(d, d - c->drive, c->pio);
		ata_reply(c);
		break;
	case CMD_IDENTIFY: /* so that the host learns what it has before it */
	case CMD_READ_SECTORS:
		ide_set_signature(d);
		ata_abort(c, d);
		break;
	default:
		if (!ata_common_command(c, d, cmd))
			ata_abort(c, d);
	}
}

/* --- power-on, another disc --- */

/* RESET# leaves the tray where it is, as in a real PC: a disc that was ejected stays out. */
void atapi_power_on(struct ide_drive *d)
{
	memset(d->packet, 0, sizeof(d->packet));
	d->sense = (struct ide_sense){ 0 };
	d->attention = ASC_RESET;
	d->event = EVENT_NONE;
	d->locked = false;
}

void atapi_change_medium(struct ide_channel *c, unsigned unit, struct block *b)
{
	struct ide_drive *d = &c->drive[unit];

	if (c->x.unit == unit && c->x.packet && c->x.op == OP_READ && c->x.phase < IDE_RESET)
		c->x.stale = true;
	d->block = b;
	d->tray_open = false;
	d->locked = d->locked && b;
	d->attention = ASC_MEDIUM_CHANGED;
	d->event = b ? EVENT_NEW : EVENT_REMOVED;
}

int atapi_press_eject(struct ide_drive *d)
{
	if (!d->locked || !atapi_medium_present(d))
		return 0;
	d->event = EVENT_EJECT;
	return -EBUSY;
}
