// SPDX-License-Identifier: GPL-2.0-only
/* Prints a configuration in the file format, every default included, for --dry-run. */
#include <string.h>

#include "dm/timer.h"
#include "internal.h"

/* In double quotes, with what would end or change the string escaped. */
static void put_quoted(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fprintf(f, "\\%c", *s);
		else if ((unsigned char)*s < 0x20 || *s == 0x7f)
			fprintf(f, "\\x%02x", (unsigned)*s);
		else
			fputc(*s, f);
	}
}

static void put_string(FILE *f, const char *key, const char *value)
{
	fprintf(f, "%s = \"", key);
	put_quoted(f, value);
	fputs("\"\n", f);
}

static void put_number(FILE *f, const char *key, uint64_t value)
{
	fprintf(f, "%s = %llu\n", key, (unsigned long long)value);
}

/* target= comes last: it reaches to the end of the entry, commas and all. */
static void put_drive(FILE *f, const struct config_drive *d, const char *vdev)
{
	fprintf(f, "\t\"format=raw, vdev=%s, access=%s, ", vdev, d->read_only ? "ro" : "rw");
	if (d->cdrom)
		fputs("devtype=cdrom, ", f);
	if (d->no_discard)
		fputs("no-discard, ", f);
	if (d->serial) {
		fputs("serial=", f);
		put_quoted(f, d->serial);
		fputs(", ", f);
	}
	fputs("target=", f);
	if (d->path)
		put_quoted(f, d->path);
	fputs("\",\n", f);
}

static void put_drives(FILE *f, const struct config *c)
{
	fputs("disk = [\n", f);
	for (unsigned i = 0; i < CONFIG_DRIVES; i++) {
		if (c->drives[i].present)
			put_drive(f, &c->drives[i], config_drive_name(i));
	}
	fputs("]\n", f);
}

static void put_vnc(FILE *f, const struct config *c)
{
	unsigned port;
	size_t host;

	put_number(f, "vnc", c->vnc != NULL);
	if (!c->vnc)
		return;
	if (!config_vnc_parts(c->vnc, &host, &port)) {
		put_string(f, "vnclisten", c->vnc);
		return;
	}
	fprintf(f, "vnclisten = \"%.*s\"\n", (int)host, c->vnc);
	if (port >= CONFIG_VNC_PORT)
		put_number(f, "vncdisplay", port - CONFIG_VNC_PORT);
	else
		put_number(f, "vncport", port);
	put_number(f, "vncunused", c->vnc_search);
}

/* Without a port where one is looked for: that is what was asked for. */
static void put_web(FILE *f, const struct config *c)
{
	unsigned port;
	size_t host;

	if (!c->web) {
		put_string(f, "web", "none");
		return;
	}
	if (c->web_search && config_vnc_parts(c->web, &host, &port))
		fprintf(f, "web = \"%.*s\"\n", (int)host, c->web);
	else
		put_string(f, "web", c->web);
	if (!c->web_key)
		return;
	fputs("web_tls = \"", f);
	put_quoted(f, c->web_certificate);
	fputc(',', f);
	put_quoted(f, c->web_key);
	fputs("\"\n", f);
}

static void put_tracking(FILE *f, const struct config *c)
{
	static const char *const names[] = {
		[VRAM_COMPARE] = "compare", [VRAM_LOG] = "log", [VRAM_IDLE] = "idle" };

	if (c->vram_tracking == VRAM_IDLE && c->vram_idle_ns != CONFIG_IDLE_AUTO)
		fprintf(f, "vram_tracking = \"idle:%llums\"\n",
			(unsigned long long)(c->vram_idle_ns / NS_PER_MS));
	else
		put_string(f, "vram_tracking", names[c->vram_tracking]);
}

static void put_vnc_password(FILE *f, const struct config *c)
{
	if (c->vnc_password_file)
		put_string(f, "vnc_password_file", c->vnc_password_file);
	if (c->vnc_password)
		put_string(f, "vncpasswd", c->vnc_password);
}

void config_dump(const struct config *c, FILE *f)
{
	put_string(f, "name", c->name);
	put_string(f, "uuid", c->uuid);
	put_string(f, "type", "hvm");
	put_string(f, "firmware", c->firmware);
	put_number(f, "memory", c->memory / CONFIG_MIB);
	put_number(f, "maxmem", c->memory / CONFIG_MIB);
	put_number(f, "vcpus", c->cpus);
	put_drives(f, c);
	if (c->kernel)
		put_string(f, "kernel", c->kernel);
	if (c->initrd)
		put_string(f, "ramdisk", c->initrd);
	if (c->append)
		put_string(f, "cmdline", c->append);
	put_string(f, "boot", c->boot);
	put_string(f, "vga", "stdvga");
	put_number(f, "videoram", c->video_memory / CONFIG_MIB);
	put_tracking(f, c);
	put_vnc(f, c);
	put_web(f, c);
	put_vnc_password(f, c);
	put_number(f, "sdl", c->sdl);
	put_string(f, "serial", c->serial);
	put_string(f, "debugcon", c->debugcon);
	put_number(f, "exit_port", c->exit_port);
	put_number(f, "localtime", c->local_time);
	put_string(f, "accel", c->accel);
	put_number(f, "discard_changes", c->discard_changes);
	put_number(f, "sandbox", c->sandbox);
	if (c->user)
		put_string(f, "user", c->user);
	put_number(f, "acpi", 1);
	put_number(f, "apic", 1);
	put_number(f, "pae", 1);
	put_number(f, "nx", 1);
	put_number(f, "hpet", 1);
	put_string(f, "on_poweroff", "destroy");
	put_string(f, "on_reboot", c->on_reboot == CONFIG_RESTART ? "restart" : "destroy");
	put_string(f, "on_crash", c->on_crash == CONFIG_RESTART ? "restart" : "destroy");
}
