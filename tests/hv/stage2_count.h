/* SPDX-License-Identifier: GPL-2.0-only */
/* How many tables and leaves second-stage page tables have: those that a processor can reach. */
#ifndef TEST_STAGE2_COUNT_H
#define TEST_STAGE2_COUNT_H

#include "ept/stage2.h"
#include "x86.h"

struct stage2_count {
	unsigned tables, leaves;
};

static inline void count_below(const struct stage2 *s, const uint64_t *table, unsigned level,
			       struct stage2_count *n)
{
	n->tables++;
	for (unsigned i = 0; i < 512; i++) {
		if (!table[i])
			continue;
		if (s->fmt->is_leaf(table[i], level))
			n->leaves++;
		else
			count_below(s, host_page_va(table[i] & PTE_ADDR), level - 1, n);
	}
}

static inline struct stage2_count stage2_count(const struct stage2 *s)
{
	struct stage2_count n = { 0, 0 };

	count_below(s, s->root.va, S2_LEVELS, &n);
	return n;
}

#endif
