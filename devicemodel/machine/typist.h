/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Types into the guest on behalf of control requests and viewers: one stroke after another, as fast
 * as the guest reads them. Everything under the machine lock.
 */
#ifndef MACHINE_TYPIST_H
#define MACHINE_TYPIST_H

#include "ui/strokes.h"

struct control_request;
struct i8042;
struct machine;
struct typist;

struct typist *typist_create(struct machine *m, struct i8042 *kbc); /* NULL: out of memory */
void typist_destroy(struct typist *t); /* after the control socket; t may be NULL */

/*
 * Takes the strokes over, and q, which is answered when the guest has read them all or stopped
 * reading. CONTROL_LATER or -ENOMEM.
 */
int typist_type(struct typist *t, struct control_request *q, struct strokes *s);

/* For a viewer: takes the strokes over, instead of what is left of the last such. 0 or -ENOMEM. */
int typist_paste(struct typist *t, struct strokes *s);
/* A viewer's key has gone down: whoever types here wants no more of what was pasted. */
void typist_interrupt(struct typist *t);

#endif
