/* SPDX-License-Identifier: GPL-2.0-only */
/* A running PC, as those see it who start it and act on it: run.c and requests.c. */
#ifndef MACHINE_RUN_PRIV_H
#define MACHINE_RUN_PRIV_H

#include <stdbool.h>

#include "control/control.h"
#include "dm/loop.h"
#include "pc.h"

/* Everything here is the loop's: [m] the machine lock is held where it is used. */
struct run {
	struct pc pc;
	struct config *config;
	struct control *control;
	struct loop_fd signals;
	bool paused;	       /* [m] by the user */
	enum stop_cause ended; /* [m] */
};

/* run.c: every device and processor as at power-on. Machine lock held, in the loop. */
void run_reset(struct run *r);

/* requests.c: what a user asks of a guest that runs. */
extern const struct control_ops run_control_ops;

#endif
