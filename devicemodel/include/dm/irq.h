/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupt lines. A device drives a level; who listens is the machine's affair. Several lines
 * may drive one input: the gate is high while any of them is. Under the machine lock.
 */
#ifndef DM_IRQ_H
#define DM_IRQ_H

#include <stdbool.h>

typedef void irq_fn(void *arg, unsigned n, bool level);

/* An input that several lines may drive: fn hears of changes only. */
struct irq_gate {
	irq_fn *fn;
	void *arg;
	unsigned n;	/* handed to fn: which of the listener's inputs this is */
	unsigned high;	/* lines that are high now */
	bool ignored;	/* every controller behind it has it masked; see irq_watch() */
	struct irq_watch *watches;
};

struct irq_line {
	struct irq_gate *gate; /* NULL: not connected */
	bool level;
};

void irq_gate_init(struct irq_gate *g, irq_fn *fn, void *arg, unsigned n);
void irq_connect(struct irq_line *l, struct irq_gate *g);

/* Idempotent: only a change is passed on. */
void irq_set(struct irq_line *l, bool level);

/*
 * Clocks arm a timer only while somebody would notice its interrupt. The machine says when the
 * controllers behind a gate all have it masked; a device that wants to know watches its line,
 * once it is connected: changed is then called after each change. Ignored inputs still take
 * levels, so nothing else needs to care. Until told otherwise, a gate is not ignored.
 */
struct irq_watch {
	void (*changed)(void *dev);
	void *dev;
	struct irq_watch *next;
};
void irq_watch(struct irq_line *l, struct irq_watch *w, void (*changed)(void *dev), void *dev);
bool irq_ignored(const struct irq_line *l);
void irq_gate_ignore(struct irq_gate *g, bool ignored); /* the machine's; idempotent */

#endif
