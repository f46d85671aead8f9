/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Types into the guest on behalf of control requests: one stroke after another, as fast as the
 * guest reads them. Everything under the machine lock.
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

#endif
