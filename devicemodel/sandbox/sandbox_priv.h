/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of sandbox/ only: the list of system calls, filters, privileges. */
#ifndef SANDBOX_PRIV_H
#define SANDBOX_PRIV_H

#include <linux/filter.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

#include "dm/sandbox.h"

/* --- calls.c: the list ----------------------------------------------------------------------- */

/* Roles as bits; the event loop is MAY_LOOP, and has what any role has. */
enum {
	MAY_VCPU = 1 << SANDBOX_VCPU,
	MAY_BLOCK = 1 << SANDBOX_BLOCK,
	MAY_VNC = 1 << SANDBOX_VNC,
	MAY_WEB = 1 << SANDBOX_WEB,
	MAY_SDL = 1 << SANDBOX_SDL,
	MAY_LOOP = 1 << SANDBOX_ROLES,
	MAY_ALL = MAY_VCPU | MAY_BLOCK | MAY_VNC | MAY_WEB | MAY_SDL | MAY_LOOP,
};

/* A call that is allowed if all of its n conditions hold; several rows of one call are "or". */
struct allowed_call {
	int nr;
	unsigned roles;
	unsigned n;
	struct scmp_arg_cmp if_arg[2];
};

/* A call that ends the process (with a sentence) if its condition holds. */
struct hostile_call {
	int nr;
	const char *name;
	unsigned n;
	struct scmp_arg_cmp if_arg[1];
};

extern const struct allowed_call allowed_calls[];
extern const size_t n_allowed_calls;
extern const struct hostile_call hostile_calls[];
extern const size_t n_hostile_calls;

/* --- filter.c: the list as programs for the kernel ------------------------------------------- */

struct filter {
	struct sock_filter *code;
	unsigned short len;
};

/* roles: bits; a filter for MAY_ALL also knows what is hostile. 0 or -errno. */
int filter_build(struct filter *f, unsigned roles);
/* For the calling thread, or for all threads at once. 0 or -errno. */
int filter_load(const struct filter *f, bool all_threads);

/* --- privileges.c ---------------------------------------------------------------------------- */

/* For the process; a capability that another thread had before stays until it narrows itself. */
int privileges_drop(const char *user, char **why);
/* Of the calling thread. 0 or -errno. */
int privileges_drop_capabilities(void);

#endif
