// SPDX-License-Identifier: GPL-2.0-only
/*
 * The options of `caisson run`, one row each, and its one argument, whose kind is guessed. Options
 * are long; a value follows as the next argument or after an equals sign. They are applied after
 * the argument, whatever their order, so that they override a configuration file; the last of
 * several counts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct option {
	const char *name;
	const char *value; /* what the help calls it; NULL: takes none */
	config_setter *set;
	const char *help;
};

static int set_rtc(struct config *c, const char *value, char **why)
{
	if (strcmp(value, "utc") && strcmp(value, "local"))
		return config_refuse(why, "'%s' is neither utc nor local.", value);
	c->local_time = !strcmp(value, "local");
	return 0;
}

static int set_exit_port(struct config *c, const char *value, char **why)
{
	c->exit_port = true;
	return 0;
}

static int set_dry_run(struct config *c, const char *value, char **why)
{
	c->dry_run = true;
	return 0;
}

static int set_sdl(struct config *c, const char *value, char **why)
{
	c->sdl = true;
	return 0;
}

static int set_discard(struct config *c, const char *value, char **why)
{
	c->discard_changes = true;
	return 0;
}

static int set_verbose(struct config *c, const char *value, char **why)
{
	c->verbose = true;
	return 0;
}

static int set_sandbox(struct config *c, const char *value, char **why)
{
	if (strcmp(value, "on") && strcmp(value, "off"))
		return config_refuse(why, "'%s' is neither on nor off.", value);
	c->sandbox = !strcmp(value, "on");
	return 0;
}

static const struct option options[] = {
	{ "name", "NAME", config_set_name, "what the guest is called (from the file's name)" },
	{ "memory", "SIZE", config_set_memory, "main memory, e.g. 512M or 2G (1G)" },
	{ "cpus", "N", config_set_cpus, "number of processors, up to 16 (1)" },
	{ "disk", "PATH[,ro][,no-discard][,serial=S]", drives_add_option,
	  "a raw disk image or block device; may be repeated" },
	{ "cdrom", "ISO", drives_set_cdrom, "a CD-ROM image" },
	{ "firmware", "seabios|ovmf|PATH", config_set_firmware,
	  "the firmware, or an image of one (seabios)" },
	{ "kernel", "FILE", config_set_kernel,
	  "a bzImage, or an ELF file with a PVH entry, to start without firmware" },
	{ "initrd", "FILE", config_set_initrd, "its initial file system" },
	{ "append", "WORDS", config_set_append, "its command line" },
	{ "boot", "ORDER", config_set_boot,
	  "letters c (disk), d (CD-ROM), n (network) in order (cd)" },
	{ "vnc", "ADDR:PORT|unix:PATH|none", config_set_vnc,
	  "where the screen is shown (127.0.0.1:5900 or the next free port)" },
	{ "web", "ADDR[:PORT]|none", config_set_web,
	  "where browsers see the screen; without a port 6080 or the next free one (none)" },
	{ "web-tls", "CERT,KEY", config_set_web_tls,
	  "PEM files for https, which other addresses than loopback need" },
	{ "vram-tracking", "compare|log|idle[:TIME]", config_set_vram_tracking,
	  "how changes of the screen are found; with idle, how long without one before nobody "
	  "looks any more, e.g. 2s (idle)" },
	{ "vnc-password-file", "PATH", config_set_vnc_password_file,
	  "its first line is the password for VNC, its second one to look only" },
	{ "sdl", NULL, set_sdl, "show the screen in a window on this desktop" },
	{ "serial", "stdio|pty|file:PATH|none", config_set_serial, "the serial port COM1 (none)" },
	{ "debugcon", "stdio|pty|file:PATH|none", config_set_debugcon,
	  "the firmware's log (none)" },
	{ "rtc", "utc|local", set_rtc, "what the real-time clock shows (utc)" },
	{ "accel", "auto|caisson|kvm|DEVICE", config_set_accel, "the hypervisor (auto)" },
	{ "exit-port", NULL, set_exit_port, "let the guest end the run by writing to port 0x501" },
	{ "discard-changes", NULL, set_discard, "leave the disk images as they are" },
	{ "sandbox", "on|off", set_sandbox, "off only for debugging (on)" },
	{ "user", "NAME", config_set_user, "whom root becomes in the sandbox (nobody)" },
	{ "dry-run", NULL, set_dry_run, "print the whole configuration and stop" },
	{ "verbose", NULL, set_verbose, "log what happens" },
};

/* Planned, and refused until they do something. */
static const char *const unavailable[] = {
	"nic",
};

void options_print_help(FILE *f)
{
	fputs("Usage: caisson run [CONFIG | ISO | IMAGE] [OPTION]...\n"
	      "Starts a guest from a configuration file, a CD-ROM image or a raw disk image.\n\n",
	      f);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const struct option *o = &options[i];

		fprintf(f, "  --%s%s%s\n        %s\n", o->name, o->value ? " " : "",
			o->value ? o->value : "", o->help);
	}
	fputs("  --help\n        print this\n\n"
	      "Exit status: 0 powered off, 1 usage or configuration, 2 host problem,\n"
	      "3 guest crashed, 4 internal error. See caisson(1) for configuration files.\n",
	      f);
}

/* --- reading the arguments ------------------------------------------------------------------- */

struct given {
	const struct option *option;
	const char *value;
};

struct arguments {
	struct given *given;
	size_t n;
	const char *source; /* the positional argument */
	bool help;
};

/* Compares an argument's name, which may end with an equals sign. */
static bool is_named(const char *arg, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(arg, name, n) && (!arg[n] || arg[n] == '=');
}

static const struct option *find_option(const char *arg)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (is_named(arg, options[i].name))
			return &options[i];
	}
	return NULL;
}

static int unknown_option(const char *arg, char **why)
{
	for (size_t i = 0; i < sizeof(unavailable) / sizeof(unavailable[0]); i++) {
		if (!strncmp(arg, "--", 2) && is_named(arg + 2, unavailable[i]))
			return config_refuse(why,
					     "--%s is not available in this version; leave it "
					     "out.",
					     unavailable[i]);
	}
	return config_refuse(why, "%.*s is not an option; 'caisson run --help' lists them.",
			     (int)strcspn(arg, "="), arg);
}

/* Reads argv[*i], an option, and its value if that is the next one. */
static int read_option(struct arguments *a, int argc, char **argv, int *i, char **why)
{
	const char *arg = argv[*i], *equals = strchr(arg, '=');
	const struct option *o = strncmp(arg, "--", 2) ? NULL : find_option(arg + 2);
	const char *value = equals ? equals + 1 : NULL;

	if (!strcmp(arg, "--help") || !strcmp(arg, "-h")) {
		a->help = true;
		return 0;
	}
	if (!o)
		return unknown_option(arg, why);
	if (!o->value && value)
		return config_refuse(why, "--%s takes no value; leave out '=%s'.", o->name, value);
	if (o->value && !value && *i + 1 < argc && strncmp(argv[*i + 1], "--", 2))
		value = argv[++*i];
	if (o->value && !value)
		return config_refuse(why, "--%s needs a value: --%s %s.", o->name, o->name,
				     o->value);
	a->given[a->n++] = (struct given){ o, value };
	return 0;
}

static int read_arguments(struct arguments *a, int argc, char **argv, char **why)
{
	bool only_files = false;
	int err;

	for (int i = 1; i < argc; i++) {
		if (!only_files && !strcmp(argv[i], "--")) {
			only_files = true;
		} else if (!only_files && argv[i][0] == '-') {
			err = read_option(a, argc, argv, &i, why);
			if (err)
				return err;
		} else if (a->source) {
			return config_refuse(why,
					     "'%s' is one argument too many after '%s'; add a disk "
					     "with --disk, a CD with --cdrom.",
					     argv[i], a->source);
		} else {
			a->source = argv[i];
		}
	}
	return 0;
}

/* --- applying them --------------------------------------------------------------------------- */

/* The first drive of a kind, which is the one that the argument became. */
static unsigned find_drive(const struct config *c, bool cdrom)
{
	unsigned i = 0;

	while (i < CONFIG_DRIVES && !(c->drives[i].present && c->drives[i].cdrom == cdrom))
		i++;
	return i;
}

static int apply_source(struct config *c, const char *path, char **why)
{
	enum image_kind kind;
	const char *what;
	int err = image_guess(path, &kind, &what, why);

	if (!err)
		err = config_replace(&c->source, path);
	if (!err && kind == IMAGE_CONFIG)
		err = config_note(c, false, "%s is %s.", path, what);
	if (err || kind == IMAGE_CONFIG)
		return err ? err : config_read_file(c, path, why);
	if (kind == IMAGE_CDROM) {
		strcpy(c->boot, "dc");
		err = drives_set_cdrom(c, path, why);
	} else {
		err = drives_add_disk(c, path, why);
	}
	return err ? err
		   : config_note(c, false, "%s is %s: %s %s.", path, what,
				 kind == IMAGE_CDROM ? "CD-ROM drive" : "disk",
				 config_drive_name(find_drive(c, kind == IMAGE_CDROM)));
}

static int apply(struct config *c, const struct arguments *a, char **why)
{
	int err = a->source ? apply_source(c, a->source, why) : 0;

	for (size_t i = 0; i < a->n && !err; i++) {
		const struct given *g = &a->given[i];

		err = g->option->set(c, g->value, why);
		if (err)
			config_blame(why, err, "--%s", g->option->name);
	}
	return err ? err : config_finish(c, why);
}

int options_parse_run(struct config *c, int argc, char **argv, char **why)
{
	struct arguments a = { .given = calloc((size_t)argc + 1, sizeof(*a.given)) };
	int err;

	*why = NULL;
	if (!a.given)
		return -ENOMEM;
	err = read_arguments(&a, argc, argv, why);
	if (!err && a.help) {
		options_print_help(stdout);
		err = 1;
	}
	if (!err)
		err = apply(c, &a, why);
	free(a.given);
	return err;
}
