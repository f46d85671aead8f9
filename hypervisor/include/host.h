/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All that the core may ask of the host it runs on. Link-time: linux/ implements it for the
 * module, bare/ for a machine without an operating system, tests/hv/fake_host.c for unit tests.
 * host_types.h, one for each host, sizes the structs. No other host header is seen by the core.
 */
#ifndef HV_HOST_H
#define HV_HOST_H

#include "host_types.h" /* uintN_t, bool, size_t, mem*(), struct host_mutex, spin, timer, wait */

struct hv_vm;
struct hv_vcpu;

/* --- memory for the hypervisor itself --- */

void *host_alloc(size_t n); /* zeroed; may sleep; NULL when out of memory */
void host_free(void *p);	/* NULL is fine */

struct host_page {
	void *va; /* 2^order zeroed pages */
	uint64_t pa;
};
int host_page_new(struct host_page *pg, unsigned order); /* may sleep; 0 or -ENOMEM */
void host_page_del(struct host_page *pg, unsigned order); /* a page never made (va NULL) is fine */
void *host_page_va(uint64_t pa); /* of a page from host_page_new(); any context */

/* --- guest memory: the process's --- */

/*
 * The page behind a user address, faulted in for reading or writing. It is not pinned: from
 * host_frame_put() on only hv_mem_invalidate_begin() says when it goes (see mem/fault.c).
 * May sleep. 0; -EFAULT; -EINTR when a signal came first.
 */
struct host_frame {
	uint64_t pa;   /* of the 4 KiB page */
	bool writable; /* may be mapped writable without asking again */
	bool huge;     /* the host maps the aligned 2 MiB around uaddr with one entry */
	void *ref;     /* the host's own, until host_frame_put() */
};
int host_frame_get(struct hv_vm *vm, uint64_t uaddr, bool write, struct host_frame *f);
void host_frame_put(struct host_frame *f, bool dirty); /* any context */

/*
 * Copies to (write) or from the process of the VM, on one of its threads. May sleep; with
 * preemption off it fails where it would have to. 0, -EFAULT.
 */
int host_copy(struct hv_vm *vm, uint64_t uaddr, void *buf, size_t n, bool write);
/* Atomic compare and exchange of 1, 2, 4 or 8 aligned bytes: 0; -EAGAIN with *old as found. */
int host_cmpxchg(struct hv_vm *vm, uint64_t uaddr, uint64_t *old, uint64_t val, unsigned size);

/* --- processors --- */

unsigned host_cpu(void);
unsigned host_ncpu(void); /* numbers of processors are below it */
void host_call_on(unsigned cpu, void (*fn)(void *arg), void *arg); /* waits; interrupts on */
/* Makes a guest on that processor exit; any context. Waiting until it has: interrupts on. */
void host_kick(unsigned cpu, bool wait);
void host_preempt_off(void);
void host_preempt_on(void); /* and lets others run when they want to; may sleep */
/*
 * Around entries: interrupts off, the guest's extended state in the registers; and back on, with
 * whatever interrupt made the guest exit taken by the host before it returns.
 */
void host_guest_begin(void);
void host_guest_end(void);
enum host_wish { HOST_GO_ON, HOST_RESCHED, HOST_SIGNAL };
enum host_wish host_wish(void); /* before an entry: does somebody want this processor, or thread? */

/* The guest's extended state, which lies in the glue's own v->host. XCR0 is not touched. */
void host_fpu_swap(struct hv_vcpu *v, bool to_guest); /* may sleep */
/* After the swap. From reg 16 on: MMX registers, 8 bytes and two more that are all ones. */
void host_fpu_xmm(struct hv_vcpu *v, unsigned reg, void *data16, bool write);

/* --- locks; a spin lock of zeroes is free, and so is a wait --- */

void host_lock_init(struct host_mutex *l);
void host_lock(struct host_mutex *l);
void host_unlock(struct host_mutex *l);
void host_spin_lock(struct host_spin *l); /* interrupts off while held; no sleep */
void host_spin_unlock(struct host_spin *l);

/* --- time --- */

struct host_tsc {
	uint64_t khz; /* 0: not known */
	bool steady;  /* at one pace, and the same on all processors */
};
uint64_t host_now_ns(void);  /* monotonic */
uint64_t host_wall_ns(void); /* since 1970 */
struct host_tsc host_tsc(void);
void host_timer_init(struct host_timer *t, void (*fire)(void *arg), void *arg);
void host_timer_arm(struct host_timer *t, uint64_t when_ns); /* fire: any processor, no sleep */
void host_timer_stop(struct host_timer *t); /* fire is not running when it returns */

/* --- waiting, and telling --- */

/* Sleeps until ready(arg) or a signal. host_wake() may come from any context. */
void host_sleep_until(struct host_wait *w, bool (*ready)(void *arg), void *arg);
void host_wake(struct host_wait *w);
void host_event_signal(void *event); /* the glue's own, from hv_ioevent_set(); any context */

enum host_log_level { HOST_ERROR, HOST_WARN, HOST_INFO };
__attribute__((format(printf, 2, 3)))
void host_log(enum host_log_level level, const char *fmt, ...);

#endif
