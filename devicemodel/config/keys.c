// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the keys of a configuration file mean: those of xl.cfg(5) that this version serves, and a
 * few of our own for what only options could say otherwise (accel, debugcon, exit_port,
 * discard_changes, vncport, vnc_password_file, web, web_tls). A key that is not known is named in
 * a warning; a known one with a value that cannot be served is an error.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "xlcfg.h"

enum { FILE_MAX_LEN = 1 << 20 };

/* What several keys say together, until all are read. */
struct keys {
	struct config *c;
	bool vnc_off, vnc_unused, vnc_unused_given;
	const char *listen; /* the file's text */
	long display;	    /* -1: not given */
	long port;	    /* -1: not given */
	uint64_t maxmem;    /* 0: not given */
	const char *root, *extra; /* together a command line, where there is no cmdline */
};

static int number(const char *text, long max, long *value, char **why)
{
	char *end;

	errno = 0;
	*value = strtol(text, &end, 0);
	if (!isdigit((unsigned char)*text) || *end || errno || *value > max)
		return config_refuse(why, "'%s' is not a number from 0 to %ld.", text, max);
	return 0;
}

static int boolean(const char *text, bool *value, char **why)
{
	if (strcmp(text, "0") && strcmp(text, "1"))
		return config_refuse(why, "'%s' is neither 0 nor 1.", text);
	*value = *text == '1';
	return 0;
}

/* --- keys of one value that need more than a setter ------------------------------------------ */

/* The name of the key comes with every error, so these need not say it. */
typedef int key_fn(struct keys *k, const char *text, char **why);

static int key_type(struct keys *k, const char *text, char **why)
{
	if (strcmp(text, "hvm"))
		return config_refuse(why, "'%s' guests are not available; only \"hvm\" is.", text);
	return 0;
}

/* The path of an image, if another key has one, says more. */
static int key_firmware(struct keys *k, const char *text, char **why)
{
	struct config other = { 0 };
	int err;

	if (!strchr(k->c->firmware, '/'))
		return config_set_firmware(k->c, text, why);
	err = config_set_firmware(&other, text, why);
	free(other.firmware);
	return err;
}

static int key_kernel(struct keys *k, const char *text, char **why)
{
	const char *base = strrchr(text, '/');

	/* the loader that older files of HVM guests name */
	if (!strcmp(base ? base + 1 : text, "hvmloader"))
		return 0;
	return config_set_kernel(k->c, text, why);
}

static int key_root(struct keys *k, const char *text, char **why)
{
	k->root = text;
	return 0;
}

static int key_extra(struct keys *k, const char *text, char **why)
{
	k->extra = text;
	return 0;
}

static int key_maxmem(struct keys *k, const char *text, char **why)
{
	struct config other = { 0 };
	int err = config_set_memory(&other, text, why);

	k->maxmem = other.memory;
	return err;
}

static int key_vga(struct keys *k, const char *text, char **why)
{
	if (strcmp(text, "stdvga"))
		return config_refuse(why,
				     "the adapter '%s' is not available in this version; write "
				     "\"stdvga\".",
				     text);
	return 0;
}

static int key_vnc(struct keys *k, const char *text, char **why)
{
	bool on = false;
	int err = boolean(text, &on, why);

	k->vnc_off = !err && !on;
	return err;
}

static int key_vnclisten(struct keys *k, const char *text, char **why)
{
	k->listen = text;
	return 0;
}

static int key_vncdisplay(struct keys *k, const char *text, char **why)
{
	return number(text, 65535 - CONFIG_VNC_PORT, &k->display, why);
}

static int key_vncport(struct keys *k, const char *text, char **why)
{
	return number(text, 65535, &k->port, why);
}

static int key_vncunused(struct keys *k, const char *text, char **why)
{
	k->vnc_unused_given = true;
	return boolean(text, &k->vnc_unused, why);
}

static int key_localtime(struct keys *k, const char *text, char **why)
{
	return boolean(text, &k->c->local_time, why);
}

static int key_exit_port(struct keys *k, const char *text, char **why)
{
	return boolean(text, &k->c->exit_port, why);
}

static int key_sdl(struct keys *k, const char *text, char **why)
{
	return boolean(text, &k->c->sdl, why);
}

static int key_discard(struct keys *k, const char *text, char **why)
{
	return boolean(text, &k->c->discard_changes, why);
}

static int key_sandbox(struct keys *k, const char *text, char **why)
{
	return boolean(text, &k->c->sandbox, why);
}

/* What this machine always has. */
static int key_always(struct keys *k, const char *text, char **why)
{
	bool on = false;
	int err = boolean(text, &on, why);

	if (!err && !on)
		return config_refuse(why,
				     "it cannot be switched off in this version; remove the line.");
	return err;
}

/* What this version never has. */
static int key_never(struct keys *k, const char *text, char **why)
{
	bool on = false;
	int err = boolean(text, &on, why);

	if (!err && on)
		return config_refuse(why, "it is not available in this version; remove the line.");
	return err;
}

static int key_destroy(struct keys *k, const char *text, char **why)
{
	if (strcmp(text, "destroy"))
		return config_refuse(why,
				     "'%s' is not available in this version; write \"destroy\" or "
				     "remove the line.",
				     text);
	return 0;
}

static int set_action(enum config_action *a, const char *text, char **why)
{
	if (!strcmp(text, "restart"))
		*a = CONFIG_RESTART;
	else if (!strcmp(text, "destroy"))
		*a = CONFIG_DESTROY;
	else
		return config_refuse(why,
				     "'%s' is not available in this version; write \"restart\" or "
				     "\"destroy\".",
				     text);
	return 0;
}

static int key_on_reboot(struct keys *k, const char *text, char **why)
{
	return set_action(&k->c->on_reboot, text, why);
}

static int key_on_crash(struct keys *k, const char *text, char **why)
{
	return set_action(&k->c->on_crash, text, why);
}

struct key {
	const char *name;
	config_setter *set; /* one of the two */
	key_fn *fn;
};

static const struct key keys[] = {
	{ "name", config_set_name, NULL },
	{ "uuid", config_set_uuid, NULL },
	{ "type", NULL, key_type },
	{ "builder", NULL, key_type },
	{ "memory", config_set_memory, NULL },
	{ "maxmem", NULL, key_maxmem },
	{ "vcpus", config_set_cpus, NULL },
	{ "boot", config_set_boot, NULL },
	{ "firmware", NULL, key_firmware },
	{ "bios", NULL, key_firmware },
	{ "bios_path_override", config_set_firmware, NULL },
	{ "kernel", NULL, key_kernel },
	{ "ramdisk", config_set_initrd, NULL },
	{ "cmdline", config_set_append, NULL },
	{ "root", NULL, key_root },
	{ "extra", NULL, key_extra },
	{ "vga", NULL, key_vga },
	{ "videoram", config_set_video_memory, NULL },
	{ "vram_tracking", config_set_vram_tracking, NULL },
	{ "vnc", NULL, key_vnc },
	{ "vnclisten", NULL, key_vnclisten },
	{ "vncdisplay", NULL, key_vncdisplay },
	{ "vncunused", NULL, key_vncunused },
	{ "vncport", NULL, key_vncport },
	{ "web", config_set_web, NULL },
	{ "web_tls", config_set_web_tls, NULL },
	{ "vncpasswd", config_set_vnc_password, NULL },
	{ "vnc_password_file", config_set_vnc_password_file, NULL },
	{ "sdl", NULL, key_sdl },
	{ "spice", NULL, key_never },
	{ "localtime", NULL, key_localtime },
	{ "serial", config_set_serial, NULL },
	{ "debugcon", config_set_debugcon, NULL },
	{ "exit_port", NULL, key_exit_port },
	{ "accel", config_set_accel, NULL },
	{ "discard_changes", NULL, key_discard },
	{ "sandbox", NULL, key_sandbox },
	{ "user", config_set_user, NULL },
	{ "acpi", NULL, key_always },
	{ "apic", NULL, key_always },
	{ "pae", NULL, key_always },
	{ "nx", NULL, key_always },
	{ "hpet", NULL, key_always },
	{ "hap", NULL, key_always },
	{ "nestedhvm", NULL, key_never },
	{ "on_poweroff", NULL, key_destroy },
	{ "on_crash", NULL, key_on_crash },
	{ "on_reboot", NULL, key_on_reboot },
};

/* --- from settings to the configuration ------------------------------------------------------ */

static int apply_disks(struct config *c, const char *file, const struct xlcfg_setting *s,
		       char **why)
{
	for (size_t i = 0; i < s->n; i++) {
		int err = drives_add_entry(c, s->values[i].text, why);

		if (err)
			return config_blame(why, err, "%s:%u: disk", file, s->values[i].line);
	}
	return 0;
}

static int apply(struct keys *k, const char *file, const struct xlcfg_setting *s, char **why)
{
	const struct key *key = keys, *end = keys + sizeof(keys) / sizeof(keys[0]);
	int err;

	if (!strcmp(s->key, "disk"))
		return apply_disks(k->c, file, s, why);
	while (key < end && strcmp(key->name, s->key))
		key++;
	if (key == end)
		return config_note(k->c, true,
				   "%s:%u: the key '%s' is not known to this version and is "
				   "ignored.",
				   file, s->line, s->key);
	/* a list of one is as good as its value: serial = ["pty"] */
	if (s->n != 1)
		err = config_refuse(why, "one value is needed, and there are %zu.", s->n);
	else if (key->set)
		err = key->set(k->c, s->values[0].text, why);
	else
		err = key->fn(k, s->values[0].text, why);
	return err ? config_blame(why, err, "%s:%u: %s", file, s->line, s->key) : 0;
}

static bool set_again(const struct xlcfg *x, size_t i)
{
	for (size_t k = i + 1; k < x->n; k++) {
		if (!strcmp(x->settings[k].key, x->settings[i].key))
			return true;
	}
	return false;
}

static int apply_all(struct keys *k, const char *file, const struct xlcfg *x, char **why)
{
	int err = 0;

	for (size_t i = 0; i < x->n && !err; i++) {
		const struct xlcfg_setting *s = &x->settings[i];

		if (set_again(x, i))
			err = config_note(k->c, true,
					  "%s:%u: the key '%s' is set again below, where it "
					  "counts.",
					  file, s->line, s->key);
		else
			err = apply(k, file, s, why);
	}
	return err;
}

/* xl takes ADDR:DISPLAY too; an address with more colons is one of IPv6. */
static void split_listen(struct keys *k, int *len, bool *v6)
{
	const char *colon = strchr(k->listen, ':');

	*len = (int)strlen(k->listen);
	*v6 = colon && *k->listen != '[' && strchr(colon + 1, ':');
	if (!colon || *v6 || *k->listen == '[')
		return;
	*len = (int)(colon - k->listen);
	if (k->port < 0 && k->display < 0 && isdigit((unsigned char)colon[1]))
		k->display = strtol(colon + 1, NULL, 10);
}

/* ADDR:PORT from what the keys said, or the default. */
static int vnc_address(struct keys *k, char **address)
{
	long port;
	bool v6;
	int len;

	if (!k->listen)
		k->listen = "127.0.0.1";
	split_listen(k, &len, &v6);
	port = k->port >= 0 ? k->port : CONFIG_VNC_PORT + (k->display > 0 ? k->display : 0);
	return asprintf(address, v6 ? "[%.*s]:%ld" : "%.*s:%ld", len, k->listen, port) < 0 ? -ENOMEM
											   : 0;
}

static int finish_vnc(struct keys *k, const char *file, char **why)
{
	char *address;
	int err;

	if (k->vnc_off)
		return config_replace(&k->c->vnc, NULL);
	if (k->listen && !strncmp(k->listen, "unix:", 5)) {
		err = config_set_vnc(k->c, k->listen, why);
		return err ? config_blame(why, err, "%s: vnclisten", file) : 0;
	}
	err = vnc_address(k, &address);
	if (err)
		return err;
	err = config_set_vnc(k->c, address, why);
	k->c->vnc_search = k->vnc_unused_given ? k->vnc_unused : k->display < 0 && k->port < 0;
	free(address);
	return err ? config_blame(why, err, "%s: vnclisten", file) : 0;
}

/* As xl: root= and what is extra, unless the command line is given as a whole. */
static int finish_cmdline(struct keys *k, const char *file)
{
	char *words;
	int err;

	if (!k->root && !k->extra)
		return 0;
	if (k->c->append)
		return config_note(k->c, true,
				   "%s: cmdline is given, so root and extra are ignored.", file);
	if (asprintf(&words, "%s%s%s%s", k->root ? "root=" : "", k->root ? k->root : "",
		     k->root && k->extra ? " " : "", k->extra ? k->extra : "") < 0)
		return -ENOMEM;
	err = config_replace(&k->c->append, words);
	free(words);
	return err;
}

static int apply_text(struct config *c, const char *file, const struct xlcfg *x, char **why)
{
	struct keys k = { .c = c, .display = -1, .port = -1 };
	int err = apply_all(&k, file, x, why);

	if (!err)
		err = finish_vnc(&k, file, why);
	if (!err)
		err = finish_cmdline(&k, file);
	if (!err && k.maxmem && k.maxmem != c->memory)
		err = config_note(c, true,
				  "%s: maxmem is not memory; the guest gets memory (%lluM) "
				  "and maxmem is ignored.",
				  file, (unsigned long long)(c->memory / CONFIG_MIB));
	return err;
}

int config_read_text(struct config *c, const char *file, const char *text, size_t len, char **why)
{
	struct xlcfg x;
	int err = xlcfg_parse(&x, file, text, len, why);

	if (!err)
		err = apply_text(c, file, &x, why);
	xlcfg_free(&x);
	return err;
}

/* 0 or -errno; *text is to be freed. */
static int read_all(const char *path, char **text, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = 0;

	*len = 0;
	*text = malloc(FILE_MAX_LEN + 1);
	if (fd < 0 || !*text) {
		int err = fd < 0 ? -errno : -ENOMEM;

		if (fd >= 0)
			close(fd);
		return err;
	}
	do {
		*len += (size_t)n;
		n = read(fd, *text + *len, FILE_MAX_LEN + 1 - *len);
	} while (n > 0);
	close(fd);
	if (n < 0)
		return -errno;
	return *len > FILE_MAX_LEN ? -EFBIG : 0;
}

int config_read_file(struct config *c, const char *path, char **why)
{
	char *text = NULL;
	size_t len;
	int err = read_all(path, &text, &len);

	if (err)
		config_refuse(why, "%s cannot be read: %s; check the name and its permissions.",
			      path, strerror(-err));
	else
		err = config_read_text(c, path, text, len, why);
	free(text);
	return err;
}
