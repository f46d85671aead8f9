// SPDX-License-Identifier: GPL-2.0-only
/*
 * The configuration of a guest: its defaults, one setter for each value that options and
 * configuration files share, and what is derived in the end.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dm/timer.h"
#include "internal.h"

enum {
	MEMORY_MIN_MIB = 4,
	MEMORY_MAX_MIB = 1024 * 1024,
	VIDEO_MIN_MIB = 8,
	VIDEO_MAX_MIB = 256,
	IDLE_MAX_S = 3600,
};

int config_refuse(char **why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(why, fmt, ap) < 0)
		*why = NULL;
	va_end(ap);
	return -EINVAL;
}

int config_blame(char **why, int err, const char *fmt, ...)
{
	char *what = *why, *where = NULL;
	va_list ap;

	if (!what)
		return err;
	va_start(ap, fmt);
	if (vasprintf(&where, fmt, ap) < 0)
		where = NULL;
	va_end(ap);
	if (where && asprintf(why, "%s: %s", where, what) >= 0)
		free(what);
	else
		*why = what;
	free(where);
	return err;
}

int config_replace(char **field, const char *value)
{
	char *copy = value ? strdup(value) : NULL;

	if (value && !copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

int config_note(struct config *c, bool warning, const char *fmt, ...)
{
	struct config_note *notes;
	char *text;
	va_list ap;
	int n;

	notes = realloc(c->notes, (c->n_notes + 1) * sizeof(*notes));
	if (!notes)
		return -ENOMEM;
	c->notes = notes;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -ENOMEM;
	notes[c->n_notes++] = (struct config_note){ warning, text };
	return 0;
}

int config_init(struct config *c)
{
	*c = (struct config){
		.memory = 1024 * CONFIG_MIB,
		.video_memory = 16 * CONFIG_MIB,
		.cpus = 1,
		.vnc = strdup("127.0.0.1:5900"),
		.vnc_search = true,
		.serial = strdup("none"),
		.debugcon = strdup("none"),
		.accel = strdup("auto"),
		.firmware = strdup("seabios"),
		.vram_tracking = VRAM_IDLE,
		.vram_idle_ns = CONFIG_IDLE_AUTO,
		.on_reboot = CONFIG_RESTART,
		.on_crash = CONFIG_RESTART,
		.sandbox = true,
	};
	return c->vnc && c->serial && c->debugcon && c->accel && c->firmware ? 0 : -ENOMEM;
}

void config_free(struct config *c)
{
	for (unsigned i = 0; i < CONFIG_DRIVES; i++) {
		free(c->drives[i].path);
		free(c->drives[i].serial);
	}
	for (size_t i = 0; i < c->n_notes; i++)
		free(c->notes[i].text);
	free(c->notes);
	free(c->name);
	free(c->uuid);
	free(c->vnc);
	free(c->web);
	free(c->web_certificate);
	free(c->web_key);
	free(c->vnc_password_file);
	free(c->vnc_password);
	free(c->serial);
	free(c->debugcon);
	free(c->accel);
	free(c->firmware);
	free(c->kernel);
	free(c->initrd);
	free(c->append);
	free(c->user);
	free(c->source);
	*c = (struct config){ 0 };
}

/* --- setters --------------------------------------------------------------------------------- */

static bool name_char(char ch)
{
	return isalnum((unsigned char)ch) || (ch && strchr("._-", ch));
}

bool config_name_ok(const char *name)
{
	size_t n = 0;

	while (name_char(name[n]))
		n++;
	return n && n <= CONFIG_NAME_MAX && !name[n] && isalnum((unsigned char)name[0]);
}

int config_set_name(struct config *c, const char *value, char **why)
{
	if (!config_name_ok(value))
		return config_refuse(why,
				     "'%s' cannot be a guest's name; use up to %d letters, "
				     "digits and the characters . _ - after a letter or digit.",
				     value, CONFIG_NAME_MAX);
	return config_replace(&c->name, value);
}

int config_set_uuid(struct config *c, const char *value, char **why)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t i = 0;
	int err;

	while (form[i] && (form[i] == '-' ? value[i] == '-' : isxdigit((unsigned char)value[i])))
		i++;
	if (form[i] || value[i])
		return config_refuse(why,
				     "'%s' is not a UUID; write it like "
				     "01234567-89ab-cdef-0123-456789abcdef.",
				     value);
	err = config_replace(&c->uuid, value);
	for (i = 0; !err && c->uuid[i]; i++)
		c->uuid[i] = (char)tolower((unsigned char)c->uuid[i]);
	return err;
}

static int size_in_mib(const char *value, uint64_t min, uint64_t max, uint64_t *bytes, char **why)
{
	uint64_t v;
	int err = units_parse(value, &v);

	if (err == -EINVAL)
		return config_refuse(why, "'%s' is not a size; write it like 512M or 2G.", value);
	if (err || v < min * CONFIG_MIB || v > max * CONFIG_MIB)
		return config_refuse(why, "'%s' is out of range; it must be from %lluM to %lluM.",
				     value, (unsigned long long)min, (unsigned long long)max);
	if (v % CONFIG_MIB)
		return config_refuse(why,
				     "'%s' is not a whole number of MiB; the nearest that is "
				     "would be %lluM.",
				     value, (unsigned long long)(v / CONFIG_MIB));
	*bytes = v;
	return 0;
}

int config_set_memory(struct config *c, const char *value, char **why)
{
	return size_in_mib(value, MEMORY_MIN_MIB, MEMORY_MAX_MIB, &c->memory, why);
}

int config_set_video_memory(struct config *c, const char *value, char **why)
{
	uint64_t v = 0;
	int err = size_in_mib(value, VIDEO_MIN_MIB, VIDEO_MAX_MIB, &v, why);

	if (err)
		return err;
	if (v & (v - 1))
		return config_refuse(why,
				     "'%s' is not a power of two; write 8, 16, 32, 64, 128 "
				     "or 256.",
				     value);
	c->video_memory = v;
	return 0;
}

int config_set_cpus(struct config *c, const char *value, char **why)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (!isdigit((unsigned char)*value) || *end || n < 1 || n > CONFIG_CPUS_MAX)
		return config_refuse(why, "'%s' is not a number of CPUs; it must be from 1 to %d.",
				     value, CONFIG_CPUS_MAX);
	c->cpus = (unsigned)n;
	return 0;
}

int config_set_boot(struct config *c, const char *value, char **why)
{
	size_t n = strspn(value, "cdn");
	bool twice = false;

	for (size_t i = 0; i < n; i++)
		twice |= strchr(value + i + 1, value[i]) != NULL;
	if (!n || value[n] || twice)
		return config_refuse(why,
				     "'%s' is not a boot order; use the letters c (disk), "
				     "d (CD-ROM) and n (network), each once at most.",
				     value);
	strcpy(c->boot, value); /* three different letters at most */
	if (strchr(value, 'n'))
		return config_note(c, true,
				   "boot order '%s': network boot is not available in "
				   "this version, 'n' is passed over.",
				   value);
	return 0;
}

bool config_vnc_parts(const char *vnc, size_t *host, unsigned *port)
{
	const char *colon = strrchr(vnc, ':');
	char *end;
	unsigned long n;

	if (!strncmp(vnc, "unix:", 5) || !colon || colon == vnc ||
	    !isdigit((unsigned char)colon[1]))
		return false;
	n = strtoul(colon + 1, &end, 10);
	*host = (size_t)(colon - vnc);
	*port = (unsigned)n;
	/* an IPv6 address has colons of its own, hence the brackets */
	return !*end && n <= 65535 &&
	       (!memchr(vnc, ':', *host) || (*vnc == '[' && colon[-1] == ']'));
}

int config_set_vnc(struct config *c, const char *value, char **why)
{
	unsigned port;
	size_t host;

	if (!strcmp(value, "none"))
		return config_replace(&c->vnc, NULL);
	if (!(!strncmp(value, "unix:", 5) && value[5]) && !config_vnc_parts(value, &host, &port))
		return config_refuse(why,
				     "'%s' is not a VNC address; write ADDR:PORT such as "
				     "127.0.0.1:5900, [::1]:5900, unix:PATH, or none.",
				     value);
	c->vnc_search = false;
	return config_replace(&c->vnc, value);
}

/* The last of the two counts, whichever it is: an option overrides a file. */
int config_set_vnc_password_file(struct config *c, const char *value, char **why)
{
	int err;

	if (!*value)
		return config_refuse(why, "a file's name is needed.");
	err = config_replace(&c->vnc_password, NULL);
	return err ? err : config_replace(&c->vnc_password_file, value);
}

int config_set_vnc_password(struct config *c, const char *value, char **why)
{
	int err = config_replace(&c->vnc_password_file, NULL);

	return err ? err : config_replace(&c->vnc_password, *value ? value : NULL);
}

static int set_chardev(char **field, const char *value, char **why)
{
	if (strcmp(value, "stdio") && strcmp(value, "pty") && strcmp(value, "none") &&
	    !(!strncmp(value, "file:", 5) && value[5]))
		return config_refuse(why,
				     "'%s' is no place for a serial line; write stdio, pty, "
				     "file:PATH or none.",
				     value);
	return config_replace(field, value);
}

int config_set_serial(struct config *c, const char *value, char **why)
{
	return set_chardev(&c->serial, value, why);
}

int config_set_debugcon(struct config *c, const char *value, char **why)
{
	return set_chardev(&c->debugcon, value, why);
}

int config_set_accel(struct config *c, const char *value, char **why)
{
	if (strcmp(value, "auto") && strcmp(value, "caisson") && strcmp(value, "kvm") &&
	    value[0] != '/')
		return config_refuse(why,
				     "'%s' is not an accelerator; write auto, caisson, kvm "
				     "or the path of a device node.",
				     value);
	return config_replace(&c->accel, value);
}

/* 500ms or 2s. */
static int set_idle_time(struct config *c, const char *text, char **why)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10), unit = 0;

	if (!strcmp(end, "ms"))
		unit = NS_PER_MS;
	else if (!strcmp(end, "s"))
		unit = NS_PER_SEC;
	if (text[0] < '0' || text[0] > '9' || !unit || n > IDLE_MAX_S * NS_PER_SEC / unit)
		return config_refuse(why, "'%s' is not a time; write 500ms or 2s, up to %ds.", text,
				     IDLE_MAX_S);
	c->vram_idle_ns = n * unit;
	return 0;
}

int config_set_vram_tracking(struct config *c, const char *value, char **why)
{
	static const char *const names[] = {
		[VRAM_COMPARE] = "compare", [VRAM_LOG] = "log", [VRAM_IDLE] = "idle" };

	c->vram_idle_ns = CONFIG_IDLE_AUTO;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(value, names[i])) {
			c->vram_tracking = i;
			return 0;
		}
	}
	c->vram_tracking = VRAM_IDLE;
	if (!strncmp(value, "idle:", 5))
		return set_idle_time(c, value + 5, why);
	return config_refuse(why, "'%s' is none of compare, log, idle and idle:TIME.", value);
}

int config_set_user(struct config *c, const char *value, char **why)
{
	if (!*value)
		return config_refuse(why, "a user's name is needed.");
	return config_replace(&c->user, value);
}

/* xl.cfg(5) has names for the kind (bios, uefi) and for the program. */
int config_set_firmware(struct config *c, const char *value, char **why)
{
	if (!strcmp(value, "bios"))
		value = "seabios";
	else if (!strcmp(value, "uefi"))
		value = "ovmf";
	if (strcmp(value, "seabios") && strcmp(value, "ovmf") && !strchr(value, '/'))
		return config_refuse(why,
				     "'%s' is no firmware that is known; write seabios, ovmf, "
				     "or the path of an image with a slash in it.",
				     value);
	return config_replace(&c->firmware, value);
}

int config_set_kernel(struct config *c, const char *value, char **why)
{
	if (!*value)
		return config_refuse(why, "a kernel's file name is needed.");
	return config_replace(&c->kernel, value);
}

int config_set_initrd(struct config *c, const char *value, char **why)
{
	return config_replace(&c->initrd, *value ? value : NULL);
}

int config_set_append(struct config *c, const char *value, char **why)
{
	return config_replace(&c->append, *value ? value : NULL);
}

/* --- what follows from the rest -------------------------------------------------------------- */

int config_next_vnc(struct config *c)
{
	unsigned port;
	size_t host;
	char *next;

	if (!c->vnc_search || !c->vnc || !config_vnc_parts(c->vnc, &host, &port) ||
	    port % CONFIG_VNC_SEARCH == CONFIG_VNC_SEARCH - 1 || port == 65535)
		return -EADDRINUSE;
	if (asprintf(&next, "%.*s:%u", (int)host, c->vnc, port + 1) < 0)
		return -ENOMEM;
	free(c->vnc);
	c->vnc = next;
	return 0;
}

/* What the guest is named after: the one argument, or the first drive's file. */
static const char *name_giver(const struct config *c)
{
	if (c->source)
		return c->source;
	for (unsigned i = 0; i < CONFIG_DRIVES; i++) {
		if (c->drives[i].path)
			return c->drives[i].path;
	}
	return c->kernel ? c->kernel : "guest";
}

/* The file's name without folder and ending, made fit for a name. */
static int derive_name(struct config *c)
{
	const char *path = name_giver(c), *base, *dot;
	char name[CONFIG_NAME_MAX + 1];
	size_t n = 0;

	base = strrchr(path, '/');
	base = base ? base + 1 : path;
	dot = strrchr(base, '.');
	if (!dot || dot == base || path == c->kernel) /* vmlinuz-6.1.0 has no ending */
		dot = base + strlen(base);
	for (; base < dot && n < CONFIG_NAME_MAX; base++) {
		if (n || isalnum((unsigned char)*base))
			name[n++] = name_char(*base) ? *base : '-';
	}
	name[n] = 0;
	return config_replace(&c->name, n ? name : "guest");
}

static int derive_uuid(struct config *c)
{
	char uuid[37];

	uuid_from_name(uuid, c->name);
	return config_replace(&c->uuid, uuid);
}

static int derive_serials(struct config *c)
{
	char serial[CONFIG_SERIAL_MAX + 1];
	int err = 0;

	for (unsigned i = 0; i < CONFIG_DRIVES && !err; i++) {
		if (!c->drives[i].present || c->drives[i].serial)
			continue;
		serial_from_uuid(serial, c->uuid, config_drive_name(i));
		err = config_replace(&c->drives[i].serial, serial);
	}
	return err;
}

static bool any_drive(const struct config *c)
{
	for (unsigned i = 0; i < CONFIG_DRIVES; i++) {
		if (c->drives[i].path)
			return true;
	}
	return false;
}

int config_finish(struct config *c, char **why)
{
	int err = config_check_web(c, why);

	if (err)
		return err;
	if (!strcmp(c->serial, "stdio") && !strcmp(c->debugcon, "stdio"))
		return config_refuse(why, "The serial port and the debug console cannot both be "
					  "on stdio; send one of them to file:PATH.");
	if (!c->kernel && (c->initrd || c->append))
		return config_refuse(why, "There is %s but no kernel; name one with --kernel.",
				     c->initrd ? "an initial file system" : "a command line");
	if (!c->boot[0])
		strcpy(c->boot, "cd");
	if (!c->name)
		err = derive_name(c);
	if (!err && !c->uuid)
		err = derive_uuid(c);
	if (!err)
		err = derive_serials(c);
	if (!err && !c->kernel && !any_drive(c))
		err = config_note(c, true,
				  "%s has neither a disk nor a CD to boot from; name an "
				  "image, or use --disk or --cdrom.",
				  c->name);
	return err;
}
