/* SPDX-License-Identifier: GPL-2.0-only */
/* The event loop towards the one who runs it: its clock, and what to do when woken. */
#ifndef LOOP_PRIV_H
#define LOOP_PRIV_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* The two functions that clock_init() wants, for a machine with a loop; arg is the machine. */
uint64_t loop_host_now(void *arg);
void loop_rearm(void *arg, bool armed, uint64_t host_ns);

/* How often the loop woke, and for what. */
enum { LOOP_SOURCES = 16 };
struct loop_stats {
	uint64_t wakeups;
	struct {
		const char *name;
		uint64_t events;
	} source[LOOP_SOURCES]; /* the first is for all without a name; up to one that is NULL */
};
const struct loop_stats *loop_stats(const struct loop *l); /* machine lock held */

/* fn runs with the machine lock held after each loop_wake(). Before loop_run(). */
void loop_on_wanted(struct loop *l, void (*fn)(void *arg), void *arg);

#endif
