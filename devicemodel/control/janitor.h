/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest in its sandbox cannot remove files. Its janitor can: a process that waits until the
 * guest's has ended, however it ended, removes the sockets and the lock, and ends too.
 */
#ifndef CONTROL_JANITOR_H
#define CONTROL_JANITOR_H

#include <sys/types.h>

struct janitor {
	pid_t pid;
	int alive; /* the only writing end of a pipe: its reader sees this process end */
};

/* Before there are threads and open images. vnc: ADDR:PORT, unix:PATH or NULL. 0 or -errno. */
int janitor_start(struct janitor *j, const char *name, const char *vnc);
/* Returns when all is removed. */
void janitor_finish(struct janitor *j);

#endif
