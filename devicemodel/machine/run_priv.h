/* SPDX-License-Identifier: GPL-2.0-only */
/* A running PC, as those see it who start it and act on it. */
#ifndef MACHINE_RUN_PRIV_H
#define MACHINE_RUN_PRIV_H

#include <stdbool.h>
#include <sys/types.h>

#include "control/control.h"
#include "dm/loop.h"
#include "pc.h"

/* Everything here is the loop's: [m] the machine lock is held where it is used. */
struct run {
	struct pc pc;
	struct config *config;
	struct control *control;
	struct loop_fd signals;
	pid_t pid;	       /* as others see it: a sandbox may show us another */
	uint64_t started;      /* host ns */
	bool paused;	       /* [m] by the user */
	enum stop_cause ended; /* [m] */
};

/* run.c: every device and processor as at power-on. Machine lock held, in the loop. */
void run_reset(struct run *r);

/* requests.c: what a user asks of a guest that runs. Machine lock held, in the loop. */
extern const struct control_verb run_verbs[]; /* arg is the struct run */
void run_pause(struct run *r);

/* discs.c: discs in and out of CD-ROM drives. */
int run_insert(void *arg, struct control_request *q);
int run_eject(void *arg, struct control_request *q);

/* report.c: figures. */
int run_stats(void *arg, struct control_request *q);

#endif
