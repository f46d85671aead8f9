// SPDX-License-Identifier: GPL-2.0-only
/*
 * ATA disk commands, and the few that packet devices share with disks.
 *
 * Missing: SMART, logs, security, host protected area (but READ NATIVE MAX answers), queued
 * commands, READ and WRITE BUFFER: all aborted, and not announced by IDENTIFY DEVICE.
 * Ignored: standby timers (a drive that has nothing to do costs nothing), retry bits.
 * Reference: ATA/ATAPI-6 (T13/1410D), "Command descriptions".
 */
#include <errno.h>

#include "ide.h"

enum ata_command {
	CMD_NOP = 0x00,
	CMD_DATA_SET_MANAGEMENT = 0x06,
	CMD_RECALIBRATE = 0x10, /* to 0x1f */
	CMD_READ_SECTORS = 0x20,
	CMD_READ_EXT = 0x24,
	CMD_READ_DMA_EXT = 0x25,
	CMD_NATIVE_MAX_EXT = 0x27,
	CMD_READ_MULTIPLE_EXT = 0x29,
	CMD_WRITE_SECTORS = 0x30,
	CMD_WRITE_EXT = 0x34,
	CMD_WRITE_DMA_EXT = 0x35,
	CMD_WRITE_MULTIPLE_EXT = 0x39,
	CMD_WRITE_VERIFY = 0x3c,
	CMD_WRITE_DMA_FUA_EXT = 0x3d,
	CMD_VERIFY = 0x40,
	CMD_VERIFY_EXT = 0x42,
	CMD_SEEK = 0x70,
	CMD_SET_GEOMETRY = 0x91, /* INITIALIZE DEVICE PARAMETERS */
	CMD_READ_MULTIPLE = 0xc4,
	CMD_WRITE_MULTIPLE = 0xc5,
	CMD_SET_MULTIPLE = 0xc6,
	CMD_READ_DMA = 0xc8,
	CMD_WRITE_DMA = 0xca,
	CMD_WRITE_MULTIPLE_FUA_EXT = 0xce,
	CMD_FLUSH = 0xe7,
	CMD_FLUSH_EXT = 0xea,
	CMD_IDENTIFY = 0xec,
	CMD_SET_FEATURES = 0xef,
	CMD_NATIVE_MAX = 0xf8,
};

enum ata_feature {
	FEAT_WRITE_CACHE_ON = 0x02,
	FEAT_TRANSFER_MODE = 0x03,
	FEAT_APM_ON = 0x05,
	FEAT_LOOK_AHEAD_OFF = 0x55,
	FEAT_REVERT_OFF = 0x66,
	FEAT_WRITE_CACHE_OFF = 0x82,
	FEAT_APM_OFF = 0x85,
	FEAT_LOOK_AHEAD_ON = 0xaa,
	FEAT_REVERT_ON = 0xcc,
};

/* Commands that move sectors. */
enum { HOW_EXT = 1, HOW_DMA = 2, HOW_MULTI = 4, HOW_FUA = 8 };

struct sector_command {
	uint8_t cmd, op, how;
};

static const struct sector_command sector_commands[] = {
	{ CMD_READ_SECTORS, OP_READ, 0 },
	{ CMD_READ_SECTORS + 1, OP_READ, 0 },
	{ CMD_READ_EXT, OP_READ, HOW_EXT },
	{ CMD_READ_MULTIPLE, OP_READ, HOW_MULTI },
	{ CMD_READ_MULTIPLE_EXT, OP_READ, HOW_EXT | HOW_MULTI },
	{ CMD_READ_DMA, OP_READ, HOW_DMA },
	{ CMD_READ_DMA + 1, OP_READ, HOW_DMA },
	{ CMD_READ_DMA_EXT, OP_READ, HOW_EXT | HOW_DMA },
	{ CMD_WRITE_SECTORS, OP_WRITE, 0 },
	{ CMD_WRITE_SECTORS + 1, OP_WRITE, 0 },
	{ CMD_WRITE_EXT, OP_WRITE, HOW_EXT },
	{ CMD_WRITE_VERIFY, OP_WRITE, 0 },
	{ CMD_WRITE_MULTIPLE, OP_WRITE, HOW_MULTI },
	{ CMD_WRITE_MULTIPLE_EXT, OP_WRITE, HOW_EXT | HOW_MULTI },
	{ CMD_WRITE_DMA, OP_WRITE, HOW_DMA },
	{ CMD_WRITE_DMA + 1, OP_WRITE, HOW_DMA },
	{ CMD_WRITE_DMA_EXT, OP_WRITE, HOW_EXT | HOW_DMA },
	{ CMD_WRITE_DMA_FUA_EXT, OP_WRITE, HOW_EXT | HOW_DMA | HOW_FUA },
	{ CMD_WRITE_MULTIPLE_FUA_EXT, OP_WRITE, HOW_EXT | HOW_MULTI | HOW_FUA },
	{ CMD_VERIFY, OP_VERIFY, 0 },
	{ CMD_VERIFY + 1, OP_VERIFY, 0 },
	{ CMD_VERIFY_EXT, OP_VERIFY, HOW_EXT },
};

/* --- ends of commands --- */

static void command_ok(struct ide_channel *c, struct ide_drive *d)
{
	ide_raise(c, d);
}

static void command_failed(struct ide_channel *c, struct ide_drive *d, uint8_t status,
			   uint8_t error)
{
	c->x = (struct ide_transfer){ 0 };
	d->status = ST_READY | ST_ERR | status;
	d->error = error;
	ide_raise(c, d);
}

void ata_abort(struct ide_channel *c, struct ide_drive *d)
{
	command_failed(c, d, 0, ERR_ABRT);
}

/* The identify data, which are in the buffer, as a PIO data-in command. */
void ata_reply(struct ide_channel *c)
{
	ide_begin(c, OP_REPLY)->end = IDE_SECTOR;
	ide_step(c);
}

/* --- sectors and the registers that name them --- */

static enum ide_form form_of(const struct ide_channel *c)
{
	return c->device & DEV_LBA ? FORM_LBA28 : FORM_CHS;
}

static void put_chs(struct ide_channel *c, struct ide_drive *d, uint64_t lba)
{
	uint64_t track = lba / d->sectors, cylinder = track / d->heads;

	d->lba_low[0] = lba % d->sectors + 1;
	d->lba_mid[0] = cylinder;
	d->lba_high[0] = cylinder >> 8;
	c->device = (c->device & 0xf0) | (track % d->heads);
}

/* Shows a sector in the registers, in the form in which the command named its own. */
static void put_lba(struct ide_channel *c, struct ide_drive *d, enum ide_form form, uint64_t lba)
{
	if (form == FORM_CHS) {
		put_chs(c, d, lba);
		return;
	}
	d->lba_low[0] = lba;
	d->lba_mid[0] = lba >> 8;
	d->lba_high[0] = lba >> 16;
	if (form == FORM_LBA28) {
		c->device = (c->device & 0xf0) | (lba >> 24 & 0xf);
		return;
	}
	d->lba_low[1] = lba >> 24;
	d->lba_mid[1] = lba >> 32;
	d->lba_high[1] = lba >> 40;
}

/* The sector that the registers name; UINT64_MAX where the geometry has no such place. */
static uint64_t get_lba(const struct ide_channel *c, const struct ide_drive *d,
			enum ide_form form)
{
	uint32_t low = d->lba_low[0] | d->lba_mid[0] << 8 | d->lba_high[0] << 16;
	uint32_t high = d->lba_low[1] | d->lba_mid[1] << 8 | d->lba_high[1] << 16;
	unsigned cylinder = low >> 8, head = c->device & 0xf, sector = d->lba_low[0];

	if (form == FORM_LBA48)
		return (uint64_t)high << 24 | low;
	if (form == FORM_LBA28)
		return (uint64_t)(c->device & 0xf) << 24 | low;
	if (!sector || sector > d->sectors || head >= d->heads)
		return UINT64_MAX;
	return ((uint64_t)cylinder * d->heads + head) * d->sectors + sector - 1;
}

static uint32_t get_count(const struct ide_drive *d, bool ext)
{
	uint32_t n = d->count[0] | (ext ? d->count[1] << 8 : 0);

	return n ? n : ext ? 0x10000 : 0x100;
}

static void put_count(struct ide_drive *d, uint64_t n)
{
	d->count[0] = n;
	d->count[1] = n >> 8;
}

/* Some sector from lba on does not exist: the registers name the first. */
static void not_found(struct ide_channel *c, struct ide_drive *d, enum ide_form form,
		      uint64_t lba)
{
	uint64_t total = ata_sectors(d);

	if (lba != UINT64_MAX)
		put_lba(c, d, form, lba < total ? total : lba);
	command_failed(c, d, 0, ERR_IDNF);
}

static const struct sector_command *find_sector_command(uint8_t cmd)
{
	for (size_t i = 0; i < sizeof(sector_commands) / sizeof(sector_commands[0]); i++)
		if (sector_commands[i].cmd == cmd)
			return &sector_commands[i];
	return NULL;
}

static void start_sectors(struct ide_channel *c, struct ide_drive *d,
			  const struct sector_command *s)
{
	bool ext = s->how & HOW_EXT, multi = s->how & HOW_MULTI;
	enum ide_form form = ext ? FORM_LBA48 : form_of(c);
	uint64_t lba = get_lba(c, d, form), total = ata_sectors(d);
	uint32_t n = get_count(d, ext);
	struct ide_transfer *x;

	if (multi && !d->multi) {
		ata_abort(c, d);
		return;
	}
	/* hosts that know of no protected disks take it for a bad medium, and do not try again */
	if (s->op == OP_WRITE && block_read_only(d->block)) {
		command_failed(c, d, 0, ERR_ABRT | ERR_WP);
		return;
	}
	if (lba >= total || n > total - lba) {
		not_found(c, d, form, lba);
		return;
	}
	d->power = POWER_ACTIVE;
	x = ide_begin(c, s->op);
	x->form = form;
	x->dma = s->how & HOW_DMA;
	x->flush = !!(s->how & HOW_FUA);
	x->offset = lba * IDE_SECTOR;
	x->left = (uint64_t)n * IDE_SECTOR;
	x->block = multi ? d->multi * IDE_SECTOR : IDE_SECTOR;
	ide_step(c);
}

/* What was asked for has been moved. PIO data-in has said so with its last burst. */
void ata_done(struct ide_channel *c, struct ide_drive *d)
{
	struct ide_transfer x = c->x;
	bool quiet = (x.op == OP_READ || x.op == OP_REPLY) && !x.dma;

	c->x = (struct ide_transfer){ 0 };
	if (x.offset) {
		put_lba(c, d, x.form, x.offset / IDE_SECTOR - 1);
		put_count(d, 0);
	}
	if (!quiet)
		command_ok(c, d);
}

void ata_failed(struct ide_channel *c, struct ide_drive *d, int err)
{
	struct ide_transfer x = c->x;

	put_lba(c, d, x.form, x.offset / IDE_SECTOR);
	put_count(d, x.left / IDE_SECTOR);
	if (x.op == OP_READ || x.op == OP_VERIFY)
		command_failed(c, d, 0, ERR_UNC);
	else
		command_failed(c, d, ST_DF, ERR_ABRT);
}

/* --- commands without data --- */

static void flush(struct ide_channel *c)
{
	ide_begin(c, OP_FLUSH);
	ide_step(c);
}

static void seek(struct ide_channel *c, struct ide_drive *d)
{
	uint64_t lba = get_lba(c, d, form_of(c));

	if (lba >= ata_sectors(d))
		not_found(c, d, form_of(c), lba);
	else
		command_ok(c, d);
}

static void set_geometry(struct ide_channel *c, struct ide_drive *d)
{
	if (!d->count[0]) {
		ata_abort(c, d);
		return;
	}
	d->sectors = d->count[0];
	d->heads = (c->device & 0xf) + 1;
	command_ok(c, d);
}

static bool multi_valid(uint8_t n)
{
	return n <= IDE_MULTI_MAX && !(n & (n - 1));
}

static void set_multiple(struct ide_channel *c, struct ide_drive *d)
{
	if (!multi_valid(d->count[0])) {
		ata_abort(c, d);
		return;
	}
	d->multi = d->count[0];
	command_ok(c, d);
}

static void native_max(struct ide_channel *c, struct ide_drive *d, bool ext)
{
	uint64_t last = ata_sectors(d) - 1;

	if (!ext && last > 0xfffffff)
		last = 0xfffffff;
	put_lba(c, d, ext ? FORM_LBA48 : form_of(c), last);
	command_ok(c, d);
}

/* --- power management: every command has two codes --- */

static void check_power(struct ide_channel *c, struct ide_drive *d)
{
	d->count[0] = d->power == POWER_STANDBY ? 0x00 : d->power == POWER_IDLE ? 0x80 : 0xff;
	command_ok(c, d);
}

static void set_power(struct ide_channel *c, struct ide_drive *d, enum ide_power power)
{
	d->power = power;
	/* what the cache holds must not depend on the supply any longer */
	if (power >= POWER_STANDBY && d->kind == IDE_DISK)
		flush(c);
	else
		command_ok(c, d);
}

static bool power_command(struct ide_channel *c, struct ide_drive *d, uint8_t cmd)
{
	switch (cmd) {
	case 0x94: /* STANDBY IMMEDIATE, STANDBY */
	case 0x96:
	case 0xe0:
	case 0xe2:
		set_power(c, d, POWER_STANDBY);
		return true;
	case 0x95: /* IDLE IMMEDIATE, IDLE */
	case 0x97:
	case 0xe1:
	case 0xe3:
		set_power(c, d, POWER_IDLE);
		return true;
	case 0x98:
	case 0xe5:
		check_power(c, d);
		return true;
	case 0x99:
	case 0xe6:
		set_power(c, d, POWER_SLEEP);
		return true;
	default:
		return false;
	}
}

/* --- SET FEATURES --- */

/* Table "Transfer mode values": the kind in the high bits, the mode in the low ones. */
static bool set_transfer_mode(struct ide_drive *d, uint8_t val)
{
	unsigned mode = val & 7;

	switch (val >> 3) {
	case 0: /* PIO default, and without IORDY */
		if (mode > 1)
			return false;
		break;
	case 1: /* PIO with flow control */
		if (mode > 4)
			return false;
		break;
	case 4:
		if (mode > 2)
			return false;
		d->mwdma = 1u << mode;
		d->udma = 0;
		return true;
	case 8:
		if (mode > 5)
			return false;
		d->udma = 1u << mode;
		d->mwdma = 0;
		return true;
	default:
		return false;
	}
	return true; /* a PIO mode leaves the DMA mode as it is */
}

/* Subcommands of disks only. */
static bool set_disk_feature(struct ide_drive *d, uint8_t feature)
{
	switch (feature) {
	case FEAT_WRITE_CACHE_ON:
		d->write_cache = true;
		return true;
	case FEAT_LOOK_AHEAD_ON:
	case FEAT_LOOK_AHEAD_OFF:
		d->look_ahead = feature == FEAT_LOOK_AHEAD_ON;
		return true;
	case FEAT_APM_ON:
		if (d->count[0] == 0 || d->count[0] == 0xff)
			return false;
		d->apm = d->count[0];
		return true;
	case FEAT_APM_OFF:
		d->apm = 0;
		return true;
	default:
		return false;
	}
}

static bool set_feature(struct ide_drive *d, uint8_t feature)
{
	switch (feature) {
	case FEAT_TRANSFER_MODE:
		return set_transfer_mode(d, d->count[0]);
	case FEAT_REVERT_ON:
	case FEAT_REVERT_OFF:
		d->revert = feature == FEAT_REVERT_ON;
		return true;
	default:
		return d->kind == IDE_DISK && set_disk_feature(d, feature);
	}
}

static void set_features(struct ide_channel *c, struct ide_drive *d)
{
	uint8_t feature = d->feature[0];

	if (d->kind == IDE_DISK && feature == FEAT_WRITE_CACHE_OFF) {
		d->write_cache = false;
		flush(c); /* what was cached until now */
	} else if (set_feature(d, feature)) {
		command_ok(c, d);
	} else {
		ata_abort(c, d);
	}
}

/* --- commands --- */

/* Those that packet devices have too. False: not one of them. */
bool ata_common_command(struct ide_channel *c, struct ide_drive *d, uint8_t cmd)
{
	if (cmd == CMD_NOP)
		ata_abort(c, d); /* that is what it does */
	else if (cmd == CMD_SET_FEATURES)
		set_features(c, d);
	else
		return power_command(c, d, cmd);
	return true;
}

static void identify(struct ide_channel *c, struct ide_drive *d)
{
	ata_identify(d, d - c->drive, c->pio);
	ata_reply(c);
}

static void other_command(struct ide_channel *c, struct ide_drive *d, uint8_t cmd)
{
	switch (cmd) {
	case CMD_IDENTIFY:
		identify(c, d);
		break;
	case CMD_FLUSH:
	case CMD_FLUSH_EXT:
		flush(c);
		break;
	case CMD_DATA_SET_MANAGEMENT:
		ata_trim(c, d);
		break;
	case CMD_SEEK:
		seek(c, d);
		break;
	case CMD_SET_GEOMETRY:
		set_geometry(c, d);
		break;
	case CMD_SET_MULTIPLE:
		set_multiple(c, d);
		break;
	case CMD_NATIVE_MAX:
	case CMD_NATIVE_MAX_EXT:
		native_max(c, d, cmd == CMD_NATIVE_MAX_EXT);
		break;
	default:
		if ((cmd & 0xf0) == CMD_RECALIBRATE)
			command_ok(c, d);
		else
			ata_abort(c, d);
	}
}

void ata_command(struct ide_channel *c, struct ide_drive *d, uint8_t cmd)
{
	const struct sector_command *s = find_sector_command(cmd);

	if (s)
		start_sectors(c, d, s);
	else if (!ata_common_command(c, d, cmd))
		other_command(c, d, cmd);
}

/* --- resets and restores --- */

/* Mode 2 of multiword DMA is what firmware sets on this controller, and ours sets nothing. */
static void default_settings(struct ide_drive *d)
{
	unsigned heads, sectors;

	d->mwdma = 1u << 2;
	d->udma = 0;
	d->multi = d->kind == IDE_DISK ? IDE_MULTI_MAX : 0;
	d->write_cache = d->look_ahead = d->kind == IDE_DISK;
	d->apm = 0;
	ata_default_geometry(d, &heads, &sectors);
	d->heads = heads;
	d->sectors = sectors;
}

void ata_power_on(struct ide_drive *d)
{
	default_settings(d);
	d->revert = false;
	d->power = POWER_ACTIVE;
}

void ata_software_reset(struct ide_drive *d)
{
	d->power = POWER_ACTIVE;
	if (d->revert)
		default_settings(d);
}

int ata_check_drive(const struct ide_drive *d)
{
	if (d->power > POWER_SLEEP || !multi_valid(d->multi) || d->event > EVENT_REMOVED)
		return -EINVAL;
	return !d->sectors || !d->heads || d->heads > 16 ? -EINVAL : 0;
}
