/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The event loop: one thread, asleep without a timeout unless a timer is armed. Callbacks run with
 * the machine lock held.
 */
#ifndef DM_LOOP_H
#define DM_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct machine;
struct loop;

struct loop_fd {
	int fd;
	void (*ready)(void *arg, uint32_t events); /* EPOLLIN, EPOLLOUT, ... */
	void *arg;
	bool added;
	unsigned source;      /* the loop's: a row of its counters */
	struct loop_fd *next; /* the loop's */
};

struct loop *loop_create(struct machine *m); /* NULL: out of memory or descriptors */
void loop_destroy(struct loop *l);

/*
 * Machine lock held, on any thread. *w lives until loop_del(). events as epoll_ctl(2), level
 * triggered; ready may be called once for nothing, so its descriptor must not block. 0 or -errno.
 */
int loop_add(struct loop *l, struct loop_fd *w, int fd, uint32_t events,
	     void (*ready)(void *arg, uint32_t events), void *arg);
void loop_change(struct loop *l, struct loop_fd *w, uint32_t events);
void loop_del(struct loop *l, struct loop_fd *w);
/* Its events are counted under this name, together with others of it. A string that stays. */
void loop_name(struct loop *l, struct loop_fd *w, const char *name);

/* Makes the loop look at the machine's requests. Any thread, any lock. */
void loop_wake(struct loop *l);

/* Runs until loop_quit(). Without the machine lock. */
void loop_run(struct loop *l);
void loop_quit(struct loop *l);

struct loop *machine_loop(struct machine *m); /* NULL in device tests */

#endif
