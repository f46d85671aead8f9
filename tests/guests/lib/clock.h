/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Time by the ACPI PM timer, against which guests hold the other clocks. Its ports are where the
 * firmware placed them; without firmware the first use places them.
 */
#ifndef GUESTS_CLOCK_H
#define GUESTS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum { PM_HZ = 3579545 };

uint16_t pm_base(void);
uint32_t pm_read(void); /* 24 bits */

/* Must be looked at every four seconds, since the timer has 24 bits. */
struct stopwatch {
	uint32_t last, ticks;
};
void stopwatch_start(struct stopwatch *s);
uint32_t stopwatch_ticks(struct stopwatch *s);
uint32_t stopwatch_us(struct stopwatch *s);

void delay_us(uint32_t us);
/* Until done() or the time is over; says which. */
bool wait_until(bool (*done)(void), uint32_t us);

/*
 * The rate in Hz of a counter that should run at about want, from two readings us apart. Each is
 * the best of several tries between two looks at the PM timer, because anything may stop a guest
 * at any time. mask is what the counter counts up to; how often it went round meanwhile is what
 * brings the result closest to want. One that counts down is read negated.
 */
uint32_t counter_rate(uint32_t (*read)(void), uint32_t mask, uint32_t want, uint32_t us);

/* As check_near(), but of several measurements the first good one counts, for the same reason. */
bool check_time(const char *name, uint32_t (*measure)(void), uint32_t want, unsigned percent);

#endif
