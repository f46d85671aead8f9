// SPDX-License-Identifier: GPL-2.0-only
/*
 * Typing for control requests and viewers. The keyboard's queue is short, so a stroke goes in when
 * the guest has read the one before: the keyboard controller says when that is, and nothing polls.
 * A timer leaves a gap between strokes, for guests that read into a buffer of their own; while a
 * stroke has not been read, the same timer is the end of patience. Both are guest time: in a guest
 * that stands still, typing does too.
 */
#include "typist.h"

#include <errno.h>
#include <stdlib.h>

#include "control/control.h"
#include "dm/log.h"
#include "dm/parts.h"
#include "dm/timer.h"

#define GAP_NS	    (20 * NS_PER_MS)
#define PATIENCE_NS (10 * NS_PER_SEC)

struct job {
	struct job *next;
	struct typist *typist;
	struct control_request *q; /* NULL: a viewer's */
	struct strokes strokes;
	size_t at;
};

struct typist {
	struct i8042 *kbc;
	struct timer timer;
	bool waiting; /* for the guest to read what was sent */
	struct job *jobs, **end;
};

static void send_stroke(struct typist *t, const struct stroke *k)
{
	unsigned buttons = i8042_buttons(t->kbc);

	if (k->kind == STROKE_KEY) {
		i8042_key(t->kbc, k->qnum, k->down);
		return;
	}
	buttons = k->down ? buttons | k->buttons : buttons & ~k->buttons;
	i8042_mouse(t->kbc, k->dx, k->dy, k->dz, buttons);
}

/* Whatever a job that does not go on has pressed, it lets go. */
static void release(struct typist *t, const struct job *j)
{
	for (size_t i = j->at; j->at && i < j->strokes.n; i++)
		if (!j->strokes.list[i].down)
			send_stroke(t, &(struct stroke){ .kind = j->strokes.list[i].kind,
							 .qnum = j->strokes.list[i].qnum,
							 .buttons = j->strokes.list[i].buttons });
}

static void unlink_job(struct typist *t, struct job *j)
{
	struct job **p = &t->jobs;

	while (*p != j)
		p = &(*p)->next;
	*p = j->next;
	if (!*p)
		t->end = p;
}

static void free_job(struct job *j)
{
	strokes_free(&j->strokes);
	free(j);
}

/* Answering comes last: it may bring the next request. */
static void end_job(struct typist *t, struct job *j, int err)
{
	struct control_request *q = j->q;

	release(t, j);
	unlink_job(t, j);
	if (err && q)
		q->why = sentence("The guest does not read its keyboard or mouse; it has taken %zu "
				  "of %zu strokes.", j->at, j->strokes.n);
	free_job(j);
	if (t->jobs)
		timer_arm_in(&t->timer, GAP_NS);
	if (q)
		control_answer(q, err);
}

static void drop(struct job *j)
{
	release(j->typist, j);
	unlink_job(j->typist, j);
	free_job(j);
}

static void on_cancel(struct control_request *q)
{
	drop(q->owner);
}

void typist_interrupt(struct typist *t)
{
	struct job *j, *next;

	for (j = t->jobs; j; j = next) {
		next = j->next;
		if (!j->q)
			drop(j);
	}
}

static bool only_releases_left(const struct job *j)
{
	for (size_t i = j->at; i < j->strokes.n; i++) {
		const struct stroke *k = &j->strokes.list[i];

		if (k->down || k->dx || k->dy || k->dz)
			return false;
	}
	return j->at;
}

/* The next timer is the gap's, or the end of patience while the guest has something to read. */
static void pace(struct typist *t, uint64_t gap_ns)
{
	t->waiting = !i8042_drained(t->kbc);
	timer_arm_in(&t->timer, t->waiting ? PATIENCE_NS : gap_ns);
}

/* Sends the next stroke, with those that follow at once. */
static void go_on(struct typist *t, struct job *j)
{
	bool more = true;

	while (more && j->at < j->strokes.n) {
		const struct stroke *k = &j->strokes.list[j->at++];

		send_stroke(t, k);
		more = k->more;
	}
	pace(t, GAP_NS);
}

/*
 * Nobody waits for a guest to read that the last keys have been let go of: what it has read may
 * have been the order to start again.
 */
static void timer_fired(void *arg)
{
	struct typist *t = arg;
	struct job *j = t->jobs;
	bool patience_over = t->waiting;

	t->waiting = false;
	if (!j)
		return;
	if (patience_over && !i8042_drained(t->kbc))
		end_job(t, j, -ETIMEDOUT);
	else if (only_releases_left(j))
		end_job(t, j, 0);
	else if (i8042_drained(t->kbc))
		go_on(t, j);
	else /* others have sent something since, or it is an answer to the guest */
		pace(t, GAP_NS);
}

/* On the thread of the processor that has read the last byte. */
static void on_drained(void *arg)
{
	struct typist *t = arg;

	if (!t->waiting)
		return;
	t->waiting = false;
	timer_arm_in(&t->timer, GAP_NS);
}

/* Strokes of others may be on their way, too: they are waited for. */
static void start(struct typist *t)
{
	pace(t, 0);
}

static struct job *add_job(struct typist *t, struct control_request *q, struct strokes *s)
{
	struct job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	*j = (struct job){ .typist = t, .q = q, .strokes = *s };
	*s = (struct strokes){ 0 };
	*t->end = j;
	t->end = &j->next;
	if (t->jobs == j)
		start(t);
	return j;
}

int typist_type(struct typist *t, struct control_request *q, struct strokes *s)
{
	struct job *j = add_job(t, q, s);

	if (!j)
		return -ENOMEM;
	q->owner = j;
	q->cancel = on_cancel;
	return CONTROL_LATER;
}

int typist_paste(struct typist *t, struct strokes *s)
{
	typist_interrupt(t);
	return add_job(t, NULL, s) ? 0 : -ENOMEM;
}

struct typist *typist_create(struct machine *m, struct i8042 *kbc)
{
	struct typist *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->kbc = kbc;
	t->end = &t->jobs;
	timer_init(&t->timer, m, timer_fired, t);
	i8042_watch_drained(kbc, on_drained, t);
	return t;
}

void typist_destroy(struct typist *t)
{
	if (!t)
		return;
	typist_interrupt(t);
	timer_cancel(&t->timer);
	i8042_watch_drained(t->kbc, NULL, NULL);
	free(t);
}
