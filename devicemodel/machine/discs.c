// SPDX-License-Identifier: GPL-2.0-only
/*
 * Discs in and out of CD-ROM drives. The file comes open from the client: the guest's process has
 * no file system to open it from. A disc that is taken out may still be read; its file is closed
 * once it is not.
 */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "dm/block.h"
#include "dm/log.h"
#include "dm/parts.h"
#include "run_priv.h"

/* The drive that the request names, or the first; CONFIG_DRIVES: none. */
static unsigned find_drive(const struct run *r, const char *name)
{
	unsigned n = 0;

	while (n < CONFIG_DRIVES && !(r->config->drives[n].present && r->config->drives[n].cdrom &&
				      (!name || !strcmp(name, config_drive_name(n)))))
		n++;
	return n;
}

static int choose_drive(const struct run *r, struct control_request *q, unsigned *n)
{
	const char *name = control_text(q, "drive");

	*n = find_drive(r, name);
	if (*n < CONFIG_DRIVES)
		return 0;
	if (name)
		q->why = sentence("%s has no CD-ROM drive %s.", r->config->name, name);
	else
		q->why = sentence("%s has no CD-ROM drive; start it with --cdrom.",
				  r->config->name);
	return -ENODEV;
}

/* The guest may have the drive locked, and the disc before may still be on its way out. */
static int check_drive(struct run *r, struct control_request *q, unsigned n)
{
	struct pc *pc = &r->pc;

	if (pc->old_disc[n] && !block_ended(pc->old_disc[n])) {
		q->why = sentence("%s is still reading %s; try again.", r->config->name,
				  block_path(pc->old_disc[n]));
		return -EBUSY;
	}
	block_close(pc->old_disc[n]);
	pc->old_disc[n] = NULL;
	if (control_flag(q, "force") || !ide_press_eject(pc->ide, n / 2, n % 2))
		return 0;
	q->why = sentence("%s has locked its drive %s and was told that you want the disc; try "
			  "again when it has let go, or take it out with --force.",
			  r->config->name, config_drive_name(n));
	return -EBUSY;
}

static void change(struct pc *pc, unsigned n, struct block *b)
{
	pc->old_disc[n] = pc->block[n];
	if (pc->old_disc[n])
		block_end(pc->old_disc[n]);
	pc->block[n] = b;
	ide_change_medium(pc->ide, n / 2, n % 2, b);
}

int run_insert(void *arg, struct control_request *q)
{
	struct block_options opt = { .read_only = true, .guest_of = rundir_guest_of };
	const char *path = control_text(q, "path");
	struct run *r = arg;
	struct block *b;
	unsigned n;
	int err = choose_drive(r, q, &n);

	if (!err && (q->fd < 0 || !path)) {
		q->why = sentence("The request 'insert' needs the descriptor of an image and its "
				  "\"path\".");
		err = -EINVAL;
	}
	if (!err)
		err = check_drive(r, q, n);
	if (err)
		return err;
	err = block_open_fd(&b, &r->pc.m, q->fd, path, &opt, &q->why);
	q->fd = -1;
	if (!err)
		change(&r->pc, n, b);
	return err;
}

int run_eject(void *arg, struct control_request *q)
{
	struct run *r = arg;
	unsigned n;
	int err = choose_drive(r, q, &n);

	if (!err)
		err = check_drive(r, q, n);
	if (!err)
		change(&r->pc, n, NULL);
	return err;
}
