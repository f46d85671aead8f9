// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looks at what a configuration names before anything is opened for good: what is wrong is told at
 * once and alone, whichever hypervisor is chosen.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "dm/block.h"
#include "dm/log.h"
#include "run.h"
#include "ui/vnc.h"

static int check_drive(const struct config *c, const struct config_drive *d, char **why)
{
	struct block_options opt = {
		.read_only = d->read_only || d->cdrom,
		.discard_changes = c->discard_changes,
	};

	return d->present && d->path ? block_check_raw(d->path, &opt, why) : 0;
}

/* The same file, whatever its names; not where both drives only read it. */
static bool collide(const struct config *c, const struct config_drive *a,
		    const struct config_drive *b)
{
	bool shared = c->discard_changes ||
		      ((a->read_only || a->cdrom) && (b->read_only || b->cdrom));
	struct stat x, y;

	return a->path && b->path && !shared && !stat(a->path, &x) && !stat(b->path, &y) &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int check_twice(const struct config *c, unsigned n, char **why)
{
	for (unsigned i = 0; i < n; i++) {
		if (!collide(c, &c->drives[i], &c->drives[n]))
			continue;
		*why = sentence("%s is given to this guest twice; leave one of them out, or give "
				"both read-only.", c->drives[n].path);
		return -EINVAL;
	}
	return 0;
}

/* A kernel, or what goes with it. Its content is looked at later. */
static int check_file(const char *path, char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		err = -errno;
		*why = sentence("%s cannot be opened: %s; check the path and its permissions.",
				path, strerror(-err));
	} else if (!S_ISREG(st.st_mode)) {
		err = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
		*why = sentence("%s is not a file; name one that is.", path);
	}
	if (fd >= 0)
		close(fd);
	return err;
}

static int check_vnc(const struct config *c, char **why)
{
	struct vnc_options opt = {
		.address = c->vnc,
		.password_file = c->vnc_password_file,
		.password = c->vnc_password,
	};

	return c->vnc ? vnc_check(&opt, why) : 0;
}

int preflight_files(const struct config *c, char **why)
{
	int err = 0;

	for (unsigned n = 0; n < CONFIG_DRIVES && !err; n++)
		err = check_drive(c, &c->drives[n], why);
	for (unsigned n = 1; n < CONFIG_DRIVES && !err; n++)
		err = check_twice(c, n, why);
	if (!err && c->kernel)
		err = check_file(c->kernel, why);
	if (!err && c->initrd)
		err = check_file(c->initrd, why);
	if (!err && c->web_key)
		err = check_file(c->web_certificate, why);
	if (!err && c->web_key)
		err = check_file(c->web_key, why);
	if (!err)
		err = check_vnc(c, why);
	return err;
}

int preflight_host(const struct config *c, char **why)
{
	uint64_t host = (uint64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);

	if (c->memory <= host)
		return 0;
	*why = sentence("The guest's memory of %llu MiB is more than this host has (%llu MiB); "
			"give it less with --memory.", (unsigned long long)(c->memory / CONFIG_MIB),
			(unsigned long long)(host / CONFIG_MIB));
	return -ENOMEM;
}
