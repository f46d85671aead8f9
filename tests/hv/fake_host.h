/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * host.h for unit tests: one thread, one processor, a clock that stands still until the test moves
 * it. What a test wants to go wrong, it sets in `fake`; what happened, it reads there. Misuse of
 * the host (a lock taken twice, a sleep where none may be) aborts with a sentence.
 */
#ifndef HV_FAKE_HOST_H
#define HV_FAKE_HOST_H

#include "host.h"

enum { FAKE_CPUS = 8, FAKE_LOG = 4096 };

struct fake_host {
	/* time; the TSC (cpu_rdtsc() in tests) follows now_ns at tsc_khz */
	uint64_t now_ns, wall_ns, tsc_khz;
	bool tsc_unsteady;

	/* memory for the hypervisor */
	int allocs_left;      /* host_alloc() and host_page_new() that still succeed; -1: all */
	unsigned live;	      /* objects and pages not given back: 0 when nothing leaks */

	/* the process's memory: a "user address" is the address of a buffer of the test, and the
	 * physical address of its page is the same number; hypervisor pages have bit 47 set too */
	bool frame_huge;      /* host_frame_get() says huge */
	bool frame_shared;    /* writable only when it is asked for writing */
	int frame_error;      /* host_frame_get() fails with it, when not 0 */
	unsigned frames;      /* got and not yet put */
	unsigned frame_gets, frame_dirty_puts;
	uint64_t fault_start, fault_end; /* user addresses that are not there: -EFAULT everywhere */
	uint64_t fault_write_start, fault_write_end; /* there, but not for writing */
	unsigned copies, cmpxchgs;
	void (*on_frame)(struct hv_vm *vm, uint64_t uaddr); /* after a frame was found: races */

	/* processors */
	unsigned cpu, ncpu;
	unsigned kicks[FAKE_CPUS], kick_waits;
	void (*on_kick)(unsigned cpu, bool wait);
	enum host_wish wish;
	unsigned wishes;      /* calls of host_wish() */
	void (*on_wish)(void);
	unsigned preempt_off, spins, mutexes; /* how many are held */
	void (*on_spin)(void); /* before and after a spin lock is held: races */
	bool irq_off;
	bool entering; /* between host_guest_begin() and _end(), but for the guest itself */
	struct hv_vcpu *fpu;  /* whose extended state is in the registers */
	unsigned fpu_swaps;
	uint8_t xmm[24][16];

	/* Called while host_sleep_until() waits; NULL: the clock goes to the next timer. It ends
	 * when ready() says so or wish is HOST_SIGNAL; one that nothing can end aborts. */
	void (*on_sleep)(void);
	unsigned sleeps;
	unsigned wakes;	      /* calls of host_wake() */
	unsigned signals;     /* of host_event_signal() */
	void *last_event;

	unsigned logs;	      /* lines */
	char log[FAKE_LOG];   /* the last of them, cut off at the front */
};

extern struct fake_host fake;

/* Everything as in the beginning; aborts when a lock is held or preemption off. */
void fake_host_reset(void);
/* Moves the clock, firing timers on the way, each at its time. */
void fake_host_advance(uint64_t ns);
/* When the next armed timer fires; 0: none is armed ("idle means idle"). */
uint64_t fake_host_next_timer(void);
unsigned fake_host_timers(void); /* armed ones */
bool fake_host_logged(const char *text); /* is it in the log? */

#endif
