/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What drives the timers of dm/timer.h: the event loop in the program, the test itself in device
 * tests. Devices do not include this. Under the machine lock.
 */
#ifndef DM_CLOCK_H
#define DM_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct timer;

struct clock {
	uint64_t (*source)(void *arg);			   /* host ns, monotonic */
	void (*rearm)(void *arg, bool armed, uint64_t host_ns); /* the soonest timer changed */
	void *arg;
	uint64_t offset;     /* virtual = source - offset, while running */
	uint64_t stopped_at; /* virtual, while not running */
	bool running;
	bool firing; /* inside clock_run() */
	struct timer *timers;
	struct timer *named;
	uint64_t fired; /* all timers together */
};

/* rearm may be NULL. The clock starts stopped, at 0. */
void clock_init(struct clock *c, uint64_t (*source)(void *arg),
		void (*rearm)(void *arg, bool armed, uint64_t host_ns), void *arg);
uint64_t clock_now(const struct clock *c);
void clock_start(struct clock *c);
void clock_stop(struct clock *c);

/* Fires what is due, the soonest first, including what fire functions arm for the past. */
void clock_run(struct clock *c);

#endif
