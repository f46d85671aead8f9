// SPDX-License-Identifier: GPL-2.0-only
/* Inputs that nobody listens to: how a clock learns that its interrupts are masked everywhere. */
#include "dm/irq.h"

#include <stddef.h>

void irq_watch(struct irq_line *l, struct irq_watch *w, void (*changed)(void *dev), void *dev)
{
	*w = (struct irq_watch){ .changed = changed, .dev = dev };
	if (!l->gate)
		return;
	w->next = l->gate->watches;
	l->gate->watches = w;
}

bool irq_ignored(const struct irq_line *l)
{
	return !l->gate || l->gate->ignored;
}

void irq_gate_ignore(struct irq_gate *g, bool ignored)
{
	if (g->ignored == ignored)
		return;
	g->ignored = ignored;
	for (struct irq_watch *w = g->watches; w; w = w->next)
		w->changed(w->dev);
}
