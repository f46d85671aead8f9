/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual clock and its timers. Device clocks are computed when read; a timer is armed only
 * while something that the guest can see depends on it. Guest time stands still while the machine
 * is paused. Under the machine lock.
 */
#ifndef DM_TIMER_H
#define DM_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_US  1000ull
#define NS_PER_MS  1000000ull
#define NS_PER_SEC 1000000000ull

struct machine;
struct clock;

struct timer {
	struct clock *clock;
	void (*fire)(void *dev);
	void *dev;
	uint64_t when;	    /* virtual ns; meaningful while armed */
	bool armed;
	struct timer *next; /* armed timers, soonest first */

	const char *name; /* NULL: counted among others */
	uint64_t fired;
	struct timer *next_named;
};

/* fire runs in the event loop with the machine lock held; the timer is disarmed by then. */
void timer_init(struct timer *t, struct machine *m, void (*fire)(void *dev), void *dev);
/* How often it fires is told under this name. Once; then it must live as long as the machine. */
void timer_name(struct timer *t, const char *name);
void timer_arm_at(struct timer *t, uint64_t when_ns);
void timer_arm_in(struct timer *t, uint64_t ns);
void timer_cancel(struct timer *t);

/* Virtual nanoseconds since the machine was made; they stand still while it is paused. */
uint64_t machine_now(const struct machine *m);

/* a * b / c without overflow in between: for turning nanoseconds into ticks and back. */
static inline uint64_t muldiv64(uint64_t a, uint64_t b, uint64_t c)
{
	return (unsigned __int128)a * b / c;
}

#endif
