/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sandbox of the process: an unprivileged user, no capability, and an allow list of system
 * calls, in force for every thread; threads then narrow it to what their role needs. What is
 * refused and why: docs/security.md.
 */
#ifndef DM_SANDBOX_H
#define DM_SANDBOX_H

#include <stdbool.h>

/* Whose calls: the event loop (main thread) has no role, and all that is allowed at all. */
enum sandbox_role {
	SANDBOX_VCPU,
	SANDBOX_BLOCK,
	SANDBOX_VNC,
	SANDBOX_WEB,
	SANDBOX_SDL,
	SANDBOX_ROLES,
};

/* Whether sandbox_enter() could become that user; with one sentence in *why if not. 0 or -errno. */
int sandbox_check_user(const char *user, char **why);

/*
 * For good, and for every thread that exists or will be made. Everything is open by now, the guest
 * has not started. user: whom root becomes (NULL: nobody). 0 or -errno, with one sentence in *why
 * (to be freed); after a failure the process may have lost privileges already.
 */
int sandbox_enter(const char *user, char **why);
bool sandbox_entered(void);

/*
 * The calling thread, and those it makes, keep what the role needs. A thread that is older than
 * the sandbox calls this when it wakes for work: the first call inside the sandbox counts, others
 * do nothing.
 */
void sandbox_narrow(enum sandbox_role role);

#endif
