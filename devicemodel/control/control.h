/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control socket of a running guest, and the verbs that talk to it.
 *
 * Protocol: a Unix stream socket NAME.sock in the run directory. Each line is one JSON object, the
 * answer to each line is one line:
 *	{"request":"status"}      {"ok":true,"name":"web","pid":4711,"state":"running",...}
 *	{"request":"stop"}        {"ok":true}
 *	{"request":"leap"}        {"ok":false,"error":"one sentence"}
 * Requests: status, stop, kill, reset, pause, resume, screenshot. A screenshot goes into the
 * regular file whose descriptor comes with the line (SCM_RIGHTS), so that the guest's process
 * opens no file. Only the user who started the guest, and root, are listened to.
 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct machine;
struct control;
struct json_object;

enum {
	CONTROL_CLIENTS = 16,	 /* a further one takes the place of the longest silent */
	CONTROL_LINE = 64 << 10, /* bytes of a request; a longer one closes the connection */
};

/*
 * What requests do. The machine lock is held, as in any callback of the loop. 0 or -errno, with
 * one sentence in *why (to be freed) if there is more to say than the error.
 */
struct control_ops {
	/* Adds to the answer: "state" (running, paused), "memory" (bytes), "cpus", "vnc" (text). */
	void (*status)(void *arg, struct json_object *status);
	int (*stop)(void *arg, char **why); /* presses the ACPI power button */
	int (*kill)(void *arg, char **why);
	int (*reset)(void *arg, char **why);
	int (*pause)(void *arg, char **why);
	int (*resume)(void *arg, char **why);
	int (*screenshot)(void *arg, int fd, char **why); /* PNG to fd, which stays open */
};

/*
 * Takes the guest's name for this process and serves on the machine's loop; NULL with one sentence
 * in *why when that cannot be, most likely because a guest of that name is running. Opens files,
 * so: before the sandbox. Machine lock held, as for the loop.
 */
struct control *control_start(struct machine *m, const char *name, const struct control_ops *ops,
			      void *arg, char **why);
/* Gives the name up. Machine lock held. */
void control_stop(struct control *ct);

#define CAISSON_VERSION "0.2"

/*
 * `caisson VERB ...`: argv[0] is the verb. Handles list, stop, kill, reset, pause, resume,
 * screenshot, version and help, and says so of a verb it does not know. The exit status.
 */
int client_main(int argc, char **argv);

/* --- the run directory (rundir.c) ------------------------------------------------------------ */

/*
 * $XDG_RUNTIME_DIR/caisson, or /run/caisson for root, or /tmp/caisson-UID; made if need be, mode
 * 0700, and refused if it is someone else's. A descriptor or -errno; *path (to be freed) names it.
 */
int rundir_open(char **path, char **why);

/*
 * The lock of a name: NAME.lock, which holds the pid of its owner. A descriptor; -EWOULDBLOCK
 * when someone has it, with their pid in *holder (0: not written yet); -errno.
 */
int rundir_lock(int dir, const char *name, pid_t *holder);
/* Removes NAME.sock and NAME.lock and lets go; lock came from rundir_lock(). */
void rundir_unlock(int dir, const char *name, int lock);
/* The pid in NAME.lock, 0 if there is none. */
pid_t rundir_holder(int dir, const char *name);
/* The name of the guest that a process runs, to be freed; NULL: none that we know of. */
char *rundir_guest_of(int pid);

#endif
