// SPDX-License-Identifier: GPL-2.0-only
/*
 * The four IDE drives: where each goes, what --disk says about one, and the entries of xl.cfg's
 * disk list in both their forms.
 * Missing: formats other than raw, drives other than hda to hdd.
 * Reference: xl-disk-configuration(5), "Positional Parameters", "Other Parameters and Flags".
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

const char *config_drive_name(unsigned drive)
{
	static const char *const names[CONFIG_DRIVES] = { "hda", "hdb", "hdc", "hdd" };

	return drive < CONFIG_DRIVES ? names[drive] : "none";
}

/* What text says about one drive, before it has a place. Strings point into the text. */
struct spec {
	const char *path, *serial;
	bool read_only, cdrom, no_discard;
	bool raw;	      /* said so, whatever the file looks like */
	const char *given[4]; /* xl.cfg: target, format, vdev, access */
};

static int check_serial(const char *serial, char **why)
{
	size_t n = 0;

	while (isgraph((unsigned char)serial[n]) && serial[n] != ',')
		n++;
	if (n && n <= CONFIG_SERIAL_MAX && !serial[n])
		return 0;
	return config_refuse(why,
			     "'%s' cannot be a drive's serial number; use 1 to %d characters "
			     "without blank or comma.",
			     serial, CONFIG_SERIAL_MAX);
}

static int place(struct config *c, unsigned drive, const struct spec *s, char **why)
{
	struct config_drive *d = &c->drives[drive];
	int err = 0;

	if (s->serial)
		err = check_serial(s->serial, why);
	if (!err && s->path && !s->cdrom && !s->raw)
		err = image_check_raw(s->path, why);
	if (!err && s->path && s->cdrom)
		err = image_check_disc(s->path, why);
	if (!err)
		err = config_replace(&d->path, s->path);
	if (!err)
		err = config_replace(&d->serial, s->serial);
	if (err)
		return err;
	d->present = true;
	d->cdrom = s->cdrom;
	d->read_only = s->read_only || s->cdrom;
	d->no_discard = s->no_discard;
	return 0;
}

/* The next place for a disk; the CD-ROM drive's is left free. */
static int place_disk(struct config *c, const struct spec *s, char **why)
{
	for (unsigned i = 0; i < CONFIG_DRIVES; i++) {
		if (i != CONFIG_DRIVE_CD && !c->drives[i].present)
			return place(c, i, s, why);
	}
	return config_refuse(why,
			     "There is no place left for %s: hda, hdb and hdd are taken and "
			     "hdc is kept for the CD-ROM drive.",
			     s->path);
}

int drives_add_disk(struct config *c, const char *path, char **why)
{
	struct spec s = { .path = path };

	return place_disk(c, &s, why);
}

/* Into the CD-ROM drive there is, else into a new one. */
int drives_set_cdrom(struct config *c, const char *path, char **why)
{
	struct spec s = { .path = path, .cdrom = true };
	unsigned i = 0;

	if (!*path)
		return config_refuse(why, "The name of a CD image is missing.");
	while (i < CONFIG_DRIVES && !(c->drives[i].present && c->drives[i].cdrom))
		i++;
	if (i < CONFIG_DRIVES)
		return place(c, i, &s, why);
	if (!c->drives[CONFIG_DRIVE_CD].present)
		return place(c, CONFIG_DRIVE_CD, &s, why);
	for (i = 0; i < CONFIG_DRIVES; i++) {
		if (!c->drives[i].present)
			return place(c, i, &s, why);
	}
	return config_refuse(why,
			     "There is no place left for a CD-ROM drive with %s; remove one of "
			     "the four disks.",
			     path);
}

/* --- --disk PATH[,ro][,no-discard][,serial=S][,format=raw] ----------------------------------- */

/* Cuts the next piece off at a comma; two commas stand for one that belongs to the piece. */
static char *next_piece(char **rest)
{
	char *start = *rest, *in = start, *out = start;

	if (!start)
		return NULL;
	while (*in && (*in != ',' || in[1] == ',')) {
		in += *in == ',';
		*out++ = *in++;
	}
	*rest = *in ? in + 1 : NULL;
	*out = 0;
	return start;
}

static int disk_option(struct spec *s, const char *piece, char **why)
{
	if (!strcmp(piece, "ro"))
		s->read_only = true;
	else if (!strcmp(piece, "rw"))
		s->read_only = false;
	else if (!strcmp(piece, "discard") || !strcmp(piece, "no-discard"))
		s->no_discard = piece[0] == 'n';
	else if (!strcmp(piece, "format=raw"))
		s->raw = true;
	else if (!strncmp(piece, "serial=", 7))
		s->serial = piece + 7;
	else
		return config_refuse(why,
				     "'%s' is not an option of a disk; there are ro, rw, "
				     "no-discard, serial=S and format=raw, and a comma in a "
				     "file's name is written twice.",
				     piece);
	return 0;
}

int drives_add_option(struct config *c, const char *value, char **why)
{
	char *text = strdup(value), *rest = text, *piece;
	struct spec s = { 0 };
	int err = 0;

	if (!text)
		return -ENOMEM;
	s.path = next_piece(&rest);
	if (!*s.path)
		err = config_refuse(why, "The name of a disk image is missing.");
	while (!err && (piece = next_piece(&rest)))
		err = disk_option(&s, piece, why);
	if (!err)
		err = place_disk(c, &s, why);
	free(text);
	return err;
}

/* --- an entry of disk = [ ... ] -------------------------------------------------------------- */

enum { TARGET, FORMAT, VDEV, ACCESS };

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	for (n = strlen(s); n && strchr(" \t", s[n - 1]);)
		s[--n] = 0;
	return s;
}

/* Prefixes of older files name the way to the target; both mean a raw image here. */
static void strip_prefix(struct spec *s)
{
	const char *t = s->given[TARGET];

	if (strncmp(t, "file:", 5) && strncmp(t, "phy:", 4))
		return;
	s->given[TARGET] = strchr(t, ':') + 1;
	s->given[FORMAT] = "raw";
}

static int positional(struct spec *s, const char *piece, char **why)
{
	for (unsigned i = TARGET; i <= ACCESS; i++) {
		if (s->given[i])
			continue;
		s->given[i] = piece;
		if (i == TARGET)
			strip_prefix(s);
		return 0;
	}
	return config_refuse(why,
			     "'%s' is one value too many for a disk; there are target, format, "
			     "vdev and access.",
			     piece);
}

static int keyword(struct spec *s, const char *key, const char *value, char **why)
{
	static const char *const names[] = { "target", "format", "vdev", "access" };

	for (unsigned i = TARGET; i <= ACCESS; i++) {
		if (!strcmp(key, names[i])) {
			s->given[i] = value;
			return 0;
		}
	}
	if (!strcmp(key, "devtype") && (!strcmp(value, "cdrom") || !strcmp(value, "disk")))
		s->cdrom = !strcmp(value, "cdrom");
	else if (!strcmp(key, "serial"))
		s->serial = value;
	else if (strcmp(key, "backendtype"))
		return config_refuse(why,
				     "'%s=%s' is not available for a disk in this version; "
				     "remove it.",
				     key, value);
	return 0;
}

/* Whether the rest of an entry is a target= to the end of the text, commas and all. */
static bool is_target(char *rest, char **path)
{
	rest += strspn(rest, " \t");
	if (strncmp(rest, "target=", 7))
		return false;
	*path = rest + 7;
	return true;
}

static int split_entry(struct spec *s, char *rest, char **why)
{
	int err = 0;

	while (rest && !err) {
		char *piece, *value, *path;

		if (is_target(rest, &path)) {
			s->given[TARGET] = path;
			break;
		}
		piece = trim(strsep(&rest, ","));
		value = strchr(piece, '=');
		if (value && isalpha((unsigned char)*piece) &&
		    strcspn(piece, "=/") == (size_t)(value - piece)) {
			*value++ = 0;
			err = keyword(s, trim(piece), trim(value), why);
		} else if (!strcmp(piece, "cdrom")) {
			s->cdrom = true;
		} else if (!strcmp(piece, "discard") || !strcmp(piece, "no-discard")) {
			s->no_discard = piece[0] == 'n';
		} else if (strcmp(piece, "direct-io-safe")) {
			err = positional(s, piece, why);
		}
	}
	return err;
}

static int entry_access(struct spec *s, char **why)
{
	const char *a = s->given[ACCESS];

	if (!a || !*a || !strcmp(a, "rw") || !strcmp(a, "w"))
		return 0;
	if (strcmp(a, "ro") && strcmp(a, "r"))
		return config_refuse(why, "'%s' is not a disk's access; write rw or ro.", a);
	s->read_only = true;
	return 0;
}

static int entry_drive(const struct spec *s, const struct config *c, unsigned *drive, char **why)
{
	const char *vdev = s->given[VDEV];

	if (!vdev || !*vdev)
		return config_refuse(why,
				     "The entry for '%s' does not say which drive it is; add "
				     "vdev=hda, hdb, hdc or hdd.",
				     s->path ? s->path : "");
	for (*drive = 0; *drive < CONFIG_DRIVES; (*drive)++) {
		if (!strcmp(vdev, config_drive_name(*drive)))
			break;
	}
	if (*drive == CONFIG_DRIVES)
		return config_refuse(why,
				     "'%s' is not a drive of this version's machine; use hda, "
				     "hdb, hdc or hdd.",
				     vdev);
	if (c->drives[*drive].present)
		return config_refuse(why, "%s is there twice; give '%s' another vdev.", vdev,
				     s->path ? s->path : "");
	return 0;
}

static int check_entry(struct spec *s, char **why)
{
	const char *format = s->given[FORMAT], *target = s->given[TARGET];

	s->raw = format && !strcmp(format, "raw");
	if (format && *format && !s->raw && !(s->cdrom && !strcmp(format, "empty")))
		return config_refuse(why,
				     "'%s' is not a format that this version reads; convert the "
				     "image to raw and write format=raw.",
				     format);
	s->path = target && *target ? target : NULL;
	if (!s->path && !s->cdrom)
		return config_refuse(why, "The entry names no image; add target=FILE.");
	return entry_access(s, why);
}

int drives_add_entry(struct config *c, const char *value, char **why)
{
	char *text = strdup(value), *suffix;
	struct spec s = { 0 };
	unsigned drive = 0;
	int err;

	if (!text)
		return -ENOMEM;
	err = split_entry(&s, text, why);
	if (!err && s.given[VDEV] && (suffix = strstr(s.given[VDEV], ":cdrom")) && !suffix[6]) {
		*suffix = 0; /* into text, which is ours */
		s.cdrom = true;
	}
	if (!err)
		err = check_entry(&s, why);
	if (!err)
		err = entry_drive(&s, c, &drive, why);
	if (!err)
		err = place(c, drive, &s, why);
	free(text);
	return err;
}
