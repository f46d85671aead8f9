/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control socket of a running guest, and the verbs that talk to it.
 *
 * Protocol: a Unix stream socket NAME.sock in the run directory. Each line is one JSON object, the
 * answer to each line is one line:
 *	{"request":"status"}              {"ok":true,"name":"web","pid":4711,"state":"running",...}
 *	{"request":"type","text":"ls"}    {"ok":true}
 *	{"request":"leap"}                {"ok":false,"error":"one sentence"}
 * Files come as descriptors with the line (SCM_RIGHTS), so that the guest's process opens none.
 * The requests are in machine/requests.c; caisson(1) describes them. Only the user who started the
 * guest, and root, are listened to.
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
 * A request, from its line to its answer. A verb gives 0 or -errno; or CONTROL_LATER, after which
 * control_answer() is called once, later. Until then further requests of that client wait, and
 * cancel is called if the client goes away; then there is nothing to answer any more.
 */
struct control_request {
	struct json_object *args;   /* the request */
	struct json_object *answer; /* "ok" and "error" are added to what is here */
	int fd;			    /* came with the request, or -1; who keeps it puts -1 */
	char *why;		    /* malloc'ed: one sentence, if -errno does not say it all */
	void (*cancel)(struct control_request *q);
	void *owner;  /* the verb's */
	void *client; /* the server's */
};

enum { CONTROL_LATER = 1 };

/* The machine lock is held, as in any callback of the loop. */
struct control_verb {
	const char *name;
	int (*run)(void *arg, struct control_request *q);
};

void control_answer(struct control_request *q, int err);

/* What the request says; NULL, false or otherwise where it does not, or something else. */
const char *control_text(const struct control_request *q, const char *key);
bool control_flag(const struct control_request *q, const char *key);
int control_number(const struct control_request *q, const char *key, int otherwise);

/*
 * Takes the guest's name for this process and serves on the machine's loop; NULL with one sentence
 * in *why when that cannot be, most likely because a guest of that name is running. verbs ends
 * with one without a name. Opens files, so: before the sandbox. Machine lock held, as for the
 * loop.
 */
struct control *control_start(struct machine *m, const char *name,
			      const struct control_verb *verbs, void *arg, char **why);
/* Gives the name up. Machine lock held. */
void control_stop(struct control *ct);

#define CAISSON_VERSION "0.2"

/* `caisson VERB ...`, all but run: argv[0] is the verb. The exit status. */
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
