// SPDX-License-Identifier: GPL-2.0-only
/*
 * CD-ROM drive: commands that tell about the drive and the disc in it, which is one session with
 * one data track; images larger than a CD are single-layer DVD-ROMs.
 * Missing: operational change, power and device busy events; changeable mode parameters.
 * Reference: MMC-3 (T10/1363-D), "Commands for Multi-Media Devices", "Mode Parameters", "Features".
 */
#include <string.h>

#include "ide.h"

enum {
	CD_MAX_SECTORS = 80 * 60 * 75,
	FRAMES_PER_SECOND = 75,
	MSF_LEAD = 150, /* frames before sector 0 */
	TRACK_DATA = 0x14, /* position in Q, data track */
	LEAD_OUT = 0xaa,
	SPEED = 16 * 176, /* kB/s */
};

enum { PROFILE_CD = 0x0008, PROFILE_DVD = 0x0010 };

static bool is_dvd(const struct ide_drive *d)
{
	return atapi_sectors(d) > CD_MAX_SECTORS;
}

static void put_msf(uint8_t *p, uint32_t lba)
{
	uint32_t frames = lba + MSF_LEAD, seconds = frames / FRAMES_PER_SECOND;

	p[0] = seconds / 60 > 255 ? 255 : seconds / 60;
	p[1] = seconds % 60;
	p[2] = frames % FRAMES_PER_SECOND;
}

int32_t mmc_lba_of_msf(const uint8_t msf[3])
{
	return (msf[0] * 60 + msf[1]) * FRAMES_PER_SECOND + msf[2] - MSF_LEAD;
}

/* A four-byte address as the MSF bit of the packet wants it. */
static void put_address(uint8_t *p, const struct ide_drive *d, uint32_t lba)
{
	if (d->packet[1] & 2)
		put_msf(p + 1, lba);
	else
		put_be32(p, lba);
}

/* --- table of contents --- */

static size_t put_track(uint8_t *p, const struct ide_drive *d, uint8_t track, uint32_t lba)
{
	p[1] = TRACK_DATA;
	p[2] = track;
	put_address(p + 4, d, lba);
	return 8;
}

/* Format 0: tracks from the one asked for, and the lead-out. 0: no such track. */
static size_t toc_tracks(uint8_t *p, const struct ide_drive *d)
{
	uint8_t first = d->packet[6];
	size_t n = 4;

	if (first > 1 && first != LEAD_OUT)
		return 0;
	if (first <= 1)
		n += put_track(p + n, d, 1, 0);
	return n + put_track(p + n, d, LEAD_OUT, atapi_sectors(d));
}

/* Format 1: the last session's first track. */
static size_t toc_sessions(uint8_t *p, const struct ide_drive *d)
{
	return 4 + put_track(p + 4, d, 1, 0);
}

static size_t put_point(uint8_t *p, uint8_t point, const uint8_t msf[3])
{
	p[0] = 1; /* session */
	p[1] = TRACK_DATA;
	p[3] = point;
	memcpy(p + 8, msf, 3);
	return 11;
}

/* Format 2: the lead-in's entries, whose addresses are always MSF. */
static size_t toc_raw(uint8_t *p, const struct ide_drive *d)
{
	static const uint8_t first_track[3] = { 1, 0, 0 }, last_track[3] = { 1, 0, 0 };
	uint8_t msf[3];
	size_t n = 4;

	if (d->packet[6] > 1)
		return 0;
	n += put_point(p + n, 0xa0, first_track);
	n += put_point(p + n, 0xa1, last_track);
	put_msf(msf, atapi_sectors(d));
	n += put_point(p + n, 0xa2, msf);
	put_msf(msf, 0);
	return n + put_point(p + n, 1, msf);
}

void mmc_read_toc(struct ide_channel *c, struct ide_drive *d)
{
	uint8_t *p = atapi_buffer(c, 64), format = d->packet[2] & 0xf;
	size_t n = 0;

	if (!format)
		format = d->packet[9] >> 6; /* where SFF-8020i had it */
	if (format == 0)
		n = toc_tracks(p, d);
	else if (format == 1)
		n = toc_sessions(p, d);
	else if (format == 2)
		n = toc_raw(p, d);
	if (!n) {
		atapi_illegal_field(c, d);
		return;
	}
	put_be16(p, n - 2);
	p[2] = p[3] = 1; /* first and last track or session */
	atapi_reply(c, n, get_be16(d->packet + 7));
}

/* No audio plays: the position is the disc's beginning, and there is no catalogue number. */
void mmc_read_subchannel(struct ide_channel *c, struct ide_drive *d)
{
	uint8_t *p = atapi_buffer(c, 24), format = d->packet[3];
	size_t n = 4;

	if (d->packet[2] & 0x40) {
		if (format < 1 || format > 3) {
			atapi_illegal_field(c, d);
			return;
		}
		n = format == 1 ? 16 : 24;
		p[4] = format;
		p[5] = format == 2 ? 0 : TRACK_DATA;
		p[6] = format == 2 ? 0 : 1;
		if (format == 1) {
			p[7] = 1;
			put_address(p + 8, d, 0);
		}
	}
	p[1] = 0x15; /* no audio status */
	put_be16(p + 2, n - 4);
	atapi_reply(c, n, get_be16(d->packet + 7));
}

/* --- features --- */

enum { FEATURE_CURRENT = 1, FEATURE_PERSISTENT = 2, FEATURE_HEADER = 4, FEATURE_DATA = 8 };

struct feature {
	uint16_t code;
	uint8_t flags; /* version and FEATURE_PERSISTENT */
	uint8_t when;  /* WHEN_: is it current now */
	uint8_t len, data[FEATURE_DATA];
};

enum { WHEN_ALWAYS, WHEN_DISC, WHEN_CD, WHEN_DVD };

static const struct feature features[] = {
	{ 0x0000, 0x02, WHEN_ALWAYS, 8, { 0, PROFILE_DVD, 0, 0, 0, PROFILE_CD, 0, 0 } },
	{ 0x0001, 0x0a, WHEN_ALWAYS, 8, { 0, 0, 0, 2 } },	 /* core: ATAPI */
	{ 0x0002, 0x06, WHEN_ALWAYS, 4, { 0 } },		 /* morphing: by polling */
	{ 0x0003, 0x02, WHEN_ALWAYS, 4, { 0x29 } },		 /* tray, ejects, locks */
	{ 0x0010, 0x00, WHEN_DISC, 8, { 0, 0, 8, 0, 0, 1, 0, 0 } }, /* random reads of 2048 */
	{ 0x001d, 0x00, WHEN_CD, 0, { 0 } },			 /* multi-read */
	{ 0x001e, 0x08, WHEN_CD, 4, { 0 } },			 /* CD read */
	{ 0x001f, 0x00, WHEN_DVD, 0, { 0 } },			 /* DVD read */
	{ 0x0100, 0x02, WHEN_ALWAYS, 0, { 0 } },		 /* power management */
	{ 0x0105, 0x02, WHEN_ALWAYS, 0, { 0 } },		 /* timeout */
};

static bool is_current(const struct feature *f, const struct ide_drive *d)
{
	if (f->when == WHEN_ALWAYS)
		return true;
	if (!atapi_medium_present(d))
		return false;
	return f->when == WHEN_DISC || (f->when == WHEN_DVD) == is_dvd(d);
}

static uint16_t profile(const struct ide_drive *d)
{
	return !atapi_medium_present(d) ? 0 : is_dvd(d) ? PROFILE_DVD : PROFILE_CD;
}

static size_t put_feature(uint8_t *p, const struct feature *f, const struct ide_drive *d)
{
	put_be16(p, f->code);
	p[2] = f->flags | (is_current(f, d) ? FEATURE_CURRENT : 0);
	p[3] = f->len;
	memcpy(p + FEATURE_HEADER, f->data, f->len);
	if (f->code == 0) { /* the profile list says which of them is the disc's */
		p[6] = profile(d) == PROFILE_DVD;
		p[10] = profile(d) == PROFILE_CD;
	}
	return FEATURE_HEADER + f->len;
}

/* Whether the packet asks for it: all, those that are current, or one. */
static bool is_wanted(const struct feature *f, const struct ide_drive *d)
{
	uint16_t start = get_be16(d->packet + 2);

	switch (d->packet[1] & 3) {
	case 0:
		return f->code >= start;
	case 1:
		return f->code >= start && is_current(f, d);
	default:
		return f->code == start;
	}
}

void mmc_get_configuration(struct ide_channel *c, struct ide_drive *d)
{
	uint8_t *p = atapi_buffer(c, 256);
	size_t n = 8;

	if ((d->packet[1] & 3) == 3) {
		atapi_illegal_field(c, d);
		return;
	}
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (is_wanted(&features[i], d))
			n += put_feature(p + n, &features[i], d);
	put_be32(p, n - 4);
	put_be16(p + 6, profile(d));
	atapi_reply(c, n, get_be16(d->packet + 7));
}

/* --- events, mechanism --- */

enum { CLASS_MEDIA = 4, NO_EVENT_AVAILABLE = 0x80 };

void mmc_get_event(struct ide_channel *c, struct ide_drive *d)
{
	uint8_t *p = atapi_buffer(c, 8);
	size_t n = 4;

	if (!(d->packet[1] & 1)) { /* only polling is offered */
		atapi_illegal_field(c, d);
		return;
	}
	p[3] = 1 << CLASS_MEDIA;
	p[2] = NO_EVENT_AVAILABLE;
	if (d->packet[4] & 1 << CLASS_MEDIA) {
		n = 8;
		p[2] = CLASS_MEDIA;
		p[4] = d->event;
		p[5] = (atapi_medium_present(d) ? 2 : 0) | (d->tray_open ? 1 : 0);
		d->event = EVENT_NONE;
	}
	put_be16(p, n - 4);
	atapi_reply(c, n, get_be16(d->packet + 7));
}

void mmc_mechanism_status(struct ide_channel *c, struct ide_drive *d)
{
	uint8_t *p = atapi_buffer(c, 8);

	p[1] = d->tray_open ? 0x10 : 0;
	p[5] = 1; /* slot */
	atapi_reply(c, 8, get_be16(d->packet + 8));
}

/* --- the disc --- */

void mmc_read_disc_info(struct ide_channel *c, struct ide_drive *d)
{
	uint8_t *p = atapi_buffer(c, 34);

	if (d->packet[1] & 7) {
		atapi_illegal_field(c, d);
		return;
	}
	put_be16(p, 32);
	p[2] = 0x0e; /* the last session is complete, and so is the disc */
	p[3] = p[4] = p[5] = p[6] = 1; /* first track, sessions, tracks of the last session */
	p[7] = 0x20; /* unrestricted use */
	atapi_reply(c, 34, get_be16(d->packet + 7));
}

static bool names_the_track(const struct ide_drive *d)
{
	uint32_t n = get_be32(d->packet + 2);

	switch (d->packet[1] & 3) {
	case 0: /* by a sector in it */
		return n < atapi_sectors(d);
	case 1: /* by track number */
	case 2: /* by session number */
		return n == 1;
	default:
		return false;
	}
}

void mmc_read_track_info(struct ide_channel *c, struct ide_drive *d)
{
	uint8_t *p = atapi_buffer(c, 36);

	if (!names_the_track(d)) {
		atapi_illegal_field(c, d);
		return;
	}
	put_be16(p, 34);
	p[2] = p[3] = 1; /* track, session */
	p[5] = 0x04; /* data track */
	p[6] = 0x01; /* mode 1 */
	put_be32(p + 24, atapi_sectors(d));
	atapi_reply(c, 36, get_be16(d->packet + 7));
}

enum { DVD_PHYSICAL = 0, DVD_COPYRIGHT = 1, DVD_MANUFACTURER = 4, DVD_LIST = 0xff };

/* Lengths with the four-byte header. */
static size_t dvd_physical(uint8_t *p, const struct ide_drive *d)
{
	p[4] = 0x01; /* DVD-ROM, version 1 */
	p[5] = 0x0f; /* 120 mm, any rate */
	p[6] = 0x01; /* one embossed layer */
	put_be32(p + 8, 0x030000);
	put_be32(p + 12, 0x030000 + atapi_sectors(d) - 1);
	return 4 + 2048;
}

static size_t dvd_list(uint8_t *p)
{
	static const struct {
		uint8_t format;
		uint16_t len;
	} list[] = { { DVD_PHYSICAL, 2052 }, { DVD_COPYRIGHT, 8 }, { DVD_MANUFACTURER, 2052 } };
	size_t n = 4;

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++, n += 4) {
		p[n] = list[i].format;
		p[n + 1] = 0x40; /* readable */
		put_be16(p + n + 2, list[i].len);
	}
	return n;
}

void mmc_read_dvd_structure(struct ide_channel *c, struct ide_drive *d)
{
	uint8_t *p = atapi_buffer(c, 4 + 2048), format = d->packet[7];
	size_t n = 0;

	if (!is_dvd(d)) {
		/* cannot read medium: incompatible format */
		atapi_check(c, d, (struct ide_sense){ KEY_ILLEGAL, 0x30, 0x02 });
		return;
	}
	if (format == DVD_PHYSICAL)
		n = dvd_physical(p, d);
	else if (format == DVD_COPYRIGHT)
		n = 8; /* no protection */
	else if (format == DVD_MANUFACTURER)
		n = 4 + 2048;
	else if (format == DVD_LIST)
		n = dvd_list(p);
	if (!n || d->packet[6]) { /* nor is there a second layer */
		atapi_illegal_field(c, d);
		return;
	}
	put_be16(p, n - 2);
	atapi_reply(c, n, get_be16(d->packet + 8));
}

/* --- mode pages --- */

enum {
	PAGE_ERRORS = 0x01,
	PAGE_AUDIO = 0x0e,
	PAGE_POWER = 0x1a,
	PAGE_TIMEOUT = 0x1d,
	PAGE_CAPABILITIES = 0x2a,
	PAGE_ALL = 0x3f,
};
enum { MODE_CHANGEABLE = 1, MODE_SAVED = 3 };

/* Of a page's parameters. */
static uint8_t page_len(uint8_t page)
{
	switch (page) {
	case PAGE_ERRORS:
		return 6;
	case PAGE_AUDIO:
		return 14;
	case PAGE_POWER:
		return 10;
	case PAGE_TIMEOUT:
		return 8;
	default:
		return 18;
	}
}

/* The pages for power and timeouts say that no timer runs. */
static void page_body(uint8_t *p, uint8_t page, const struct ide_drive *d)
{
	switch (page) {
	case PAGE_ERRORS:
		p[3] = 5; /* retries */
		break;
	case PAGE_AUDIO:
		p[2] = 0x04; /* immediate */
		break;
	case PAGE_CAPABILITIES:
		p[2] = 0x0b; /* reads CD-R, CD-RW and DVD-ROM */
		p[6] = 0x29 | (d->locked ? 2 : 0); /* tray, ejects, locks */
		put_be16(p + 8, SPEED);
		put_be16(p + 12, 512); /* KiB of buffer */
		put_be16(p + 14, SPEED);
		break;
	}
}

/* Nothing is changeable, so a mask of changeable bits is all zero. */
static size_t put_page(uint8_t *p, uint8_t page, const struct ide_drive *d)
{
	uint8_t len = page_len(page);

	p[0] = page;
	p[1] = len;
	if (d->packet[2] >> 6 != MODE_CHANGEABLE)
		page_body(p, page, d);
	return 2 + len;
}

static uint8_t medium_type(const struct ide_drive *d)
{
	if (atapi_medium_present(d))
		return 0x01; /* 120 mm, data */
	return d->tray_open ? 0x71 : 0x70;
}

void mmc_mode_sense(struct ide_channel *c, struct ide_drive *d)
{
	static const uint8_t pages[] = { PAGE_ERRORS, PAGE_AUDIO, PAGE_POWER, PAGE_TIMEOUT,
					 PAGE_CAPABILITIES };
	uint8_t *p = atapi_buffer(c, 128), wanted = d->packet[2] & 0x3f;
	size_t n = 8;

	if (d->packet[2] >> 6 == MODE_SAVED) {
		/* saving parameters is not supported */
		atapi_check(c, d, (struct ide_sense){ KEY_ILLEGAL, 0x39, 0 });
		return;
	}
	for (size_t i = 0; i < sizeof(pages); i++)
		if (wanted == pages[i] || wanted == PAGE_ALL)
			n += put_page(p + n, pages[i], d);
	if (n == 8) {
		atapi_illegal_field(c, d);
		return;
	}
	put_be16(p, n - 2);
	p[2] = medium_type(d);
	atapi_reply(c, n, get_be16(d->packet + 7));
}
