// SPDX-License-Identifier: GPL-2.0-only
/* Interrupt lines and the gates where they meet. */
#include "dm/irq.h"

#include <stddef.h>

void irq_gate_init(struct irq_gate *g, irq_fn *fn, void *arg, unsigned n)
{
	*g = (struct irq_gate){ .fn = fn, .arg = arg, .n = n };
}

static void gate_count(struct irq_gate *g, bool up)
{
	bool was = g->high;

	g->high += up ? 1 : -1;
	if (was != !!g->high && g->fn)
		g->fn(g->arg, g->n, !was);
}

void irq_connect(struct irq_line *l, struct irq_gate *g)
{
	if (l->gate == g)
		return;
	if (l->gate && l->level)
		gate_count(l->gate, false);
	l->gate = g;
	if (g && l->level)
		gate_count(g, true);
}

void irq_set(struct irq_line *l, bool level)
{
	if (l->level == level)
		return;
	l->level = level;
	if (l->gate)
		gate_count(l->gate, level);
}
