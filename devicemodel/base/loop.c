// SPDX-License-Identifier: GPL-2.0-only
/*
 * The event loop: epoll, one timerfd for the soonest timer of the virtual clock, one eventfd for
 * those who want the loop to look at the machine's requests.
 */
#include "dm/loop.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "dm/timer.h"
#include "loop_priv.h"
#include "machine/machine_priv.h"

enum { EVENTS_PER_WAIT = 16 };

struct loop {
	struct machine *m;		/* [I] */
	int epoll, timer, wake;		/* [I] */
	uint64_t set_for;		/* [m] host time of the timer; 0: off */
	struct loop_fd timer_fd, wake_fd; /* [m] */
	void (*wanted)(void *arg);	/* [I] once running */
	void *wanted_arg;		/* [I] */
	struct loop_fd *watches;	/* [m] */
	struct loop_stats stats;	/* [m] */
	atomic_bool quit;		/* [a] */
};

uint64_t loop_host_now(void *arg)
{
	struct timespec ts;

	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

void loop_rearm(void *arg, bool armed, uint64_t host_ns)
{
	struct machine *m = arg;
	struct itimerspec its = { 0 };

	if (!m->loop || (!armed && m->loop->set_for <= loop_host_now(NULL)))
		return; /* it has fired, and is off */
	m->loop->set_for = armed ? host_ns : 0;
	if (armed) {
		if (!host_ns)
			host_ns = 1; /* 0 would disarm */
		its.it_value.tv_sec = host_ns / NS_PER_SEC;
		its.it_value.tv_nsec = host_ns % NS_PER_SEC;
	}
	timerfd_settime(m->loop->timer, TFD_TIMER_ABSTIME, &its, NULL);
}

static void timer_ready(void *arg, uint32_t events)
{
	struct loop *l = arg;

	(void)events;
	clock_run(&l->m->clock);
}

static void wake_ready(void *arg, uint32_t events)
{
	struct loop *l = arg;
	uint64_t n;

	(void)events;
	if (read(l->wake, &n, sizeof(n)) < 0)
		return;
	if (l->wanted)
		l->wanted(l->wanted_arg);
}

struct loop *loop_create(struct machine *m)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->m = m;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	l->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (l->epoll < 0 || l->timer < 0 || l->wake < 0 ||
	    /* by its edge: it is set again each time, which takes back what nobody has read */
	    loop_add(l, &l->timer_fd, l->timer, EPOLLIN | EPOLLET, timer_ready, l) ||
	    loop_add(l, &l->wake_fd, l->wake, EPOLLIN, wake_ready, l)) {
		loop_destroy(l);
		return NULL;
	}
	l->stats.source[0].name = "other";
	loop_name(l, &l->timer_fd, "timers");
	loop_name(l, &l->wake_fd, "requests of the machine");
	m->loop = l;
	return l;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void loop_destroy(struct loop *l)
{
	if (l->m->loop == l)
		l->m->loop = NULL;
	close_fd(l->epoll);
	close_fd(l->timer);
	close_fd(l->wake);
	free(l);
}

void loop_on_wanted(struct loop *l, void (*fn)(void *arg), void *arg)
{
	l->wanted = fn;
	l->wanted_arg = arg;
}

int loop_add(struct loop *l, struct loop_fd *w, int fd, uint32_t events,
	     void (*ready)(void *arg, uint32_t events), void *arg)
{
	struct epoll_event e = { .events = events, .data.ptr = w };

	*w = (struct loop_fd){ .fd = fd, .ready = ready, .arg = arg };
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e))
		return -errno;
	w->added = true;
	w->next = l->watches;
	l->watches = w;
	return 0;
}

void loop_change(struct loop *l, struct loop_fd *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };

	epoll_ctl(l->epoll, EPOLL_CTL_MOD, w->fd, &e);
}

void loop_del(struct loop *l, struct loop_fd *w)
{
	struct loop_fd **p = &l->watches;

	if (!w->added)
		return;
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	w->added = false;
	while (*p != w)
		p = &(*p)->next;
	*p = w->next;
}

void loop_name(struct loop *l, struct loop_fd *w, const char *name)
{
	unsigned i = 1;

	while (i < LOOP_SOURCES && l->stats.source[i].name &&
	       strcmp(l->stats.source[i].name, name))
		i++;
	if (i == LOOP_SOURCES)
		return;
	l->stats.source[i].name = name;
	w->source = i;
}

const struct loop_stats *loop_stats(const struct loop *l)
{
	return &l->stats;
}

void loop_wake(struct loop *l)
{
	uint64_t one = 1;

	/* fails only when the counter is full: then the loop is about to wake anyway */
	if (write(l->wake, &one, sizeof(one)) < 0)
		return;
}

void loop_quit(struct loop *l)
{
	atomic_store(&l->quit, true);
	loop_wake(l);
}

/*
 * Events were collected without the machine lock: any of them may be of a watch that has been
 * taken away since. A new watch in its place is called for nothing, which its descriptor stands.
 */
static void dispatch(struct loop *l, const struct epoll_event *e)
{
	struct loop_fd *w = l->watches;

	while (w && w != e->data.ptr)
		w = w->next;
	if (!w)
		return;
	l->stats.source[w->source].events++;
	w->ready(w->arg, e->events);
}

void loop_run(struct loop *l)
{
	struct epoll_event events[EVENTS_PER_WAIT];

	while (!atomic_load(&l->quit)) {
		int n = epoll_wait(l->epoll, events, EVENTS_PER_WAIT, -1);

		machine_lock(l->m);
		l->stats.wakeups++;
		for (int i = 0; i < n; i++)
			dispatch(l, &events[i]);
		machine_unlock(l->m);
	}
}
