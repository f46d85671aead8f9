// SPDX-License-Identifier: GPL-2.0-only
/* The virtual clock, and timers in the order in which they are due. */
#include "dm/clock.h"

#include <stddef.h>

#include "dm/timer.h"
#include "machine/machine_priv.h"

void clock_init(struct clock *c, uint64_t (*source)(void *arg),
		void (*rearm)(void *arg, bool armed, uint64_t host_ns), void *arg)
{
	*c = (struct clock){ .source = source, .rearm = rearm, .arg = arg };
}

uint64_t clock_now(const struct clock *c)
{
	return c->running ? c->source(c->arg) - c->offset : c->stopped_at;
}

/* Not while timers fire: clock_run() does it once, at its end. */
static void rearm(struct clock *c)
{
	bool armed = c->running && c->timers;

	if (c->rearm && !c->firing)
		c->rearm(c->arg, armed, armed ? c->timers->when + c->offset : 0);
}

void clock_start(struct clock *c)
{
	if (c->running)
		return;
	c->offset = c->source(c->arg) - c->stopped_at;
	c->running = true;
	rearm(c);
}

void clock_stop(struct clock *c)
{
	if (!c->running)
		return;
	c->stopped_at = clock_now(c);
	c->running = false;
	rearm(c);
}

static void unlink_timer(struct timer *t)
{
	struct timer **p = &t->clock->timers;

	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
	t->next = NULL;
	t->armed = false;
}

void clock_run(struct clock *c)
{
	uint64_t now = clock_now(c);

	c->firing = true;
	while (c->running && c->timers && c->timers->when <= now) {
		struct timer *t = c->timers;

		unlink_timer(t);
		c->fired++;
		t->fired++;
		t->fire(t->dev);
	}
	c->firing = false;
	rearm(c);
}

void timer_init(struct timer *t, struct machine *m, void (*fire)(void *dev), void *dev)
{
	*t = (struct timer){ .clock = &m->clock, .fire = fire, .dev = dev };
}

void timer_name(struct timer *t, const char *name)
{
	t->name = name;
	t->next_named = t->clock->named;
	t->clock->named = t;
}

void timer_arm_at(struct timer *t, uint64_t when_ns)
{
	struct timer **p = &t->clock->timers, *first = *p;

	if (t->armed && t->when == when_ns)
		return;
	if (t->armed)
		unlink_timer(t);
	while (*p && (*p)->when <= when_ns)
		p = &(*p)->next;
	t->when = when_ns;
	t->armed = true;
	t->next = *p;
	*p = t;
	if (t->clock->timers == t || first == t)
		rearm(t->clock);
}

void timer_arm_in(struct timer *t, uint64_t ns)
{
	uint64_t now = clock_now(t->clock);

	timer_arm_at(t, ns > UINT64_MAX - now ? UINT64_MAX : now + ns);
}

void timer_cancel(struct timer *t)
{
	bool first = t->armed && t->clock->timers == t;

	if (t->armed)
		unlink_timer(t);
	if (first)
		rearm(t->clock);
}
