// SPDX-License-Identifier: GPL-2.0-only
/*
 * host.h for unit tests: see fake_host.h.
 * Missing: threads. Nothing runs in between unless the test's own hook does it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake_host.h"

enum { TIMERS = 256, PAGE = 4096, SLEEP_ROUNDS = 100000 };
#define PAGE_TAG (1ull << 47) /* user space is below it: no page of a process has this address */

struct fake_host fake;
static struct host_timer *timers[TIMERS]; /* armed ones, in no order */

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("fake host: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}

static void may_sleep(const char *who)
{
	if (fake.spins)
		die("%s may sleep, but a spin lock is held", who);
	if (fake.preempt_off)
		die("%s may sleep, but preemption is off", who);
	if (fake.irq_off)
		die("%s may sleep, but interrupts are off", who);
}

/* Between host_guest_begin() and the guest, and from there to host_guest_end(), RCU is off. */
static void not_while_entering(const char *who)
{
	if (fake.entering)
		die("%s on the way into the guest or out of it", who);
}

/* Before the first test, too: a test that needs no reset need not call it. */
__attribute__((constructor)) void fake_host_reset(void)
{
	if (fake.spins || fake.mutexes || fake.preempt_off || fake.irq_off)
		die("reset with %u spin locks, %u mutexes, preemption off %u times, interrupts %s",
		    fake.spins, fake.mutexes, fake.preempt_off, fake.irq_off ? "off" : "on");
	fake = (struct fake_host){
		.now_ns = 1000000000, .wall_ns = 1700000000000000000ull, .tsc_khz = 2000000,
		.allocs_left = -1, .ncpu = FAKE_CPUS,
	};
	memset(timers, 0, sizeof(timers));
}

/* --- memory --- */

static bool alloc_fails(void)
{
	may_sleep("an allocation");
	if (fake.allocs_left < 0)
		return false;
	if (!fake.allocs_left)
		return true;
	fake.allocs_left--;
	return false;
}

void *host_alloc(size_t n)
{
	void *p = alloc_fails() ? NULL : calloc(1, n);

	fake.live += p != NULL;
	return p;
}

void host_free(void *p)
{
	fake.live -= p != NULL;
	free(p);
}

int host_page_new(struct host_page *pg, unsigned order)
{
	size_t n = (size_t)PAGE << order;

	*pg = (struct host_page){ 0 };
	if (alloc_fails())
		return -ENOMEM;
	pg->va = aligned_alloc(n, n);
	if (!pg->va)
		die("no memory for %zu bytes", n);
	memset(pg->va, 0, n);
	pg->pa = (uint64_t)(uintptr_t)pg->va | PAGE_TAG;
	fake.live++;
	return 0;
}

void host_page_del(struct host_page *pg, unsigned order)
{
	fake.live -= pg->va != NULL;
	free(pg->va);
	*pg = (struct host_page){ 0 };
}

void *host_page_va(uint64_t pa)
{
	if (!(pa & PAGE_TAG))
		die("%#llx is no page of the hypervisor's", (unsigned long long)pa);
	return (void *)(uintptr_t)(pa & ~PAGE_TAG);
}

static bool absent(uint64_t uaddr, size_t n, bool write)
{
	if (uaddr < fake.fault_end && uaddr + n > fake.fault_start)
		return true;
	return write && uaddr < fake.fault_write_end && uaddr + n > fake.fault_write_start;
}

int host_frame_get(struct hv_vm *vm, uint64_t uaddr, bool write, struct host_frame *f)
{
	uint64_t page = uaddr & ~(uint64_t)(PAGE - 1);

	may_sleep("host_frame_get");
	fake.frame_gets++;
	if (fake.frame_error)
		return fake.frame_error;
	if (absent(page, PAGE, write))
		return -EFAULT;
	*f = (struct host_frame){
		.pa = page, .huge = fake.frame_huge,
		.writable = write || (!fake.frame_shared && !absent(page, PAGE, true)),
		.ref = &fake,
	};
	fake.frames++;
	if (fake.on_frame)
		fake.on_frame(vm, uaddr);
	return 0;
}

void host_frame_put(struct host_frame *f, bool dirty)
{
	if (f->ref != &fake || !fake.frames)
		die("a frame is put that was not got");
	f->ref = NULL;
	fake.frames--;
	fake.frame_dirty_puts += dirty;
}

int host_copy(struct hv_vm *vm, uint64_t uaddr, void *buf, size_t n, bool write)
{
	void *user = (void *)(uintptr_t)uaddr;

	if (!fake.preempt_off)
		may_sleep("host_copy");
	fake.copies++;
	if (absent(uaddr, n, write))
		return -EFAULT;
	memcpy(write ? user : buf, write ? buf : user, n);
	return 0;
}

#define CAS(type) __atomic_compare_exchange_n((type *)(uintptr_t)uaddr, (type *)old, (type)val, \
					      false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
int host_cmpxchg(struct hv_vm *vm, uint64_t uaddr, uint64_t *old, uint64_t val, unsigned size)
{
	bool done;

	may_sleep("host_cmpxchg");
	fake.cmpxchgs++;
	if (size != 1 && size != 2 && size != 4 && size != 8)
		die("host_cmpxchg of %u bytes", size);
	if (uaddr & (size - 1))
		die("host_cmpxchg is not aligned");
	if (absent(uaddr, size, true))
		return -EFAULT;
	done = size == 1 ? CAS(uint8_t) : size == 2 ? CAS(uint16_t) : size == 4 ? CAS(uint32_t) :
	       CAS(uint64_t);
	return done ? 0 : -EAGAIN;
}

/* --- processors --- */

unsigned host_cpu(void)
{
	return fake.cpu;
}

unsigned host_ncpu(void)
{
	return fake.ncpu;
}

void host_call_on(unsigned cpu, void (*fn)(void *arg), void *arg)
{
	unsigned here = fake.cpu;

	may_sleep("host_call_on");
	if (cpu >= fake.ncpu)
		die("there is no processor %u", cpu);
	fake.cpu = cpu;
	fake.preempt_off++;
	fn(arg);
	fake.preempt_off--;
	fake.cpu = here;
}

void host_kick(unsigned cpu, bool wait)
{
	if (cpu >= fake.ncpu)
		die("there is no processor %u", cpu);
	if (wait && (fake.spins || fake.irq_off))
		die("host_kick waits with interrupts off");
	fake.kicks[cpu]++;
	fake.kick_waits += wait;
	if (fake.on_kick)
		fake.on_kick(cpu, wait);
}

void host_preempt_off(void)
{
	fake.preempt_off++;
}

void host_preempt_on(void)
{
	if (!fake.preempt_off)
		die("preemption is on already");
	fake.preempt_off--;
	if (!fake.preempt_off)
		may_sleep("host_preempt_on");
}

void host_guest_begin(void)
{
	if (!fake.preempt_off)
		die("host_guest_begin with preemption on");
	if (fake.irq_off || fake.spins)
		die("host_guest_begin with interrupts off");
	fake.irq_off = fake.entering = true;
}

void host_guest_end(void)
{
	if (!fake.irq_off)
		die("host_guest_end without host_guest_begin");
	fake.irq_off = fake.entering = false;
}

enum host_wish host_wish(void)
{
	bool entering = fake.entering;

	fake.wishes++;
	fake.entering = false; /* the hook is somebody else */
	if (fake.on_wish)
		fake.on_wish();
	fake.entering = entering;
	return fake.wish;
}

void host_fpu_swap(struct hv_vcpu *v, bool to_guest)
{
	may_sleep("host_fpu_swap");
	if (fake.fpu != (to_guest ? NULL : v))
		die("host_fpu_swap to the %s twice", to_guest ? "guest" : "host");
	fake.fpu = to_guest ? v : NULL;
	fake.fpu_swaps++;
}

void host_fpu_xmm(struct hv_vcpu *v, unsigned reg, void *data16, bool write)
{
	if (reg >= 24)
		die("there is no XMM%u", reg);
	memcpy(write ? fake.xmm[reg] : data16, write ? data16 : fake.xmm[reg], 16);
}

/* --- locks --- */

void host_lock_init(struct host_mutex *l)
{
	l->held = false;
}

void host_lock(struct host_mutex *l)
{
	may_sleep("host_lock");
	if (l->held)
		die("a mutex is taken twice");
	l->held = true;
	fake.mutexes++;
}

void host_unlock(struct host_mutex *l)
{
	if (!l->held)
		die("a mutex is given back that is free");
	l->held = false;
	fake.mutexes--;
}

void host_spin_lock(struct host_spin *l)
{
	not_while_entering("host_spin_lock");
	if (fake.on_spin)
		fake.on_spin();
	if (l->held)
		die("a spin lock is taken twice");
	if (fake.spins)
		die("two spin locks at once");
	l->held = true;
	fake.spins++;
}

void host_spin_unlock(struct host_spin *l)
{
	if (!l->held)
		die("a spin lock is given back that is free");
	l->held = false;
	fake.spins--;
	if (fake.on_spin)
		fake.on_spin();
}

/* --- time --- */

uint64_t host_now_ns(void)
{
	return fake.now_ns;
}

uint64_t host_wall_ns(void)
{
	return fake.wall_ns;
}

struct host_tsc host_tsc(void)
{
	return (struct host_tsc){ .khz = fake.tsc_khz, .steady = !fake.tsc_unsteady };
}

uint64_t cpu_rdtsc(void)
{
	return (unsigned __int128)fake.now_ns * fake.tsc_khz / 1000000;
}

void host_timer_init(struct host_timer *t, void (*fire)(void *arg), void *arg)
{
	*t = (struct host_timer){ .fire = fire, .arg = arg };
}

static struct host_timer **timer_place(const struct host_timer *t)
{
	for (unsigned i = 0; i < TIMERS; i++)
		if (timers[i] == t)
			return &timers[i];
	return NULL;
}

void host_timer_arm(struct host_timer *t, uint64_t when_ns)
{
	struct host_timer **place = timer_place(t);

	not_while_entering("host_timer_arm");
	if (!t->fire)
		die("a timer is armed that was not initialized");
	if (!place)
		place = timer_place(NULL);
	if (!place)
		die("more than %u timers", TIMERS);
	*place = t;
	t->when_ns = when_ns;
	t->armed = true;
}

void host_timer_stop(struct host_timer *t)
{
	struct host_timer **place = timer_place(t);

	not_while_entering("host_timer_stop");
	if (place)
		*place = NULL;
	t->armed = false;
}

static struct host_timer *timer_first(void)
{
	struct host_timer *first = NULL;

	for (unsigned i = 0; i < TIMERS; i++)
		if (timers[i] && (!first || timers[i]->when_ns < first->when_ns))
			first = timers[i];
	return first;
}

static void timer_fire(struct host_timer *t)
{
	bool irq_off = fake.irq_off;

	host_timer_stop(t);
	fake.irq_off = true; /* as in an interrupt: nothing in there may sleep */
	t->fire(t->arg);
	fake.irq_off = irq_off;
}

void fake_host_advance(uint64_t ns)
{
	uint64_t end = fake.now_ns + ns;
	struct host_timer *t;

	while ((t = timer_first()) && t->when_ns <= end) {
		if (t->when_ns > fake.now_ns) {
			fake.wall_ns += t->when_ns - fake.now_ns;
			fake.now_ns = t->when_ns;
		}
		timer_fire(t);
	}
	fake.wall_ns += end - fake.now_ns;
	fake.now_ns = end;
}

uint64_t fake_host_next_timer(void)
{
	struct host_timer *t = timer_first();

	return t ? t->when_ns : 0;
}

unsigned fake_host_timers(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < TIMERS; i++)
		n += timers[i] != NULL;
	return n;
}

/* --- waiting, and telling --- */

void host_sleep_until(struct host_wait *w, bool (*ready)(void *arg), void *arg)
{
	may_sleep("host_sleep_until");
	fake.sleeps++;
	for (unsigned i = 0; !ready(arg) && fake.wish != HOST_SIGNAL; i++) {
		uint64_t next = fake_host_next_timer();

		if (i == SLEEP_ROUNDS || (!fake.on_sleep && !next))
			die("host_sleep_until: nothing will end this sleep");
		if (fake.on_sleep)
			fake.on_sleep();
		else
			fake_host_advance(next > fake.now_ns ? next - fake.now_ns : 0);
	}
}

void host_wake(struct host_wait *w)
{
	not_while_entering("host_wake");
	w->wakes++;
	fake.wakes++;
}

void host_event_signal(void *event)
{
	not_while_entering("host_event_signal");
	fake.signals++;
	fake.last_event = event;
}

void host_log(enum host_log_level level, const char *fmt, ...)
{
	char line[512];
	size_t have = strlen(fake.log), n;
	va_list ap;

	not_while_entering("host_log");
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	n = strlen(line);
	line[n++] = '\n';
	if (have + n >= FAKE_LOG) {
		size_t cut = have + n - FAKE_LOG + 1;

		memmove(fake.log, fake.log + cut, have - cut);
		have -= cut;
	}
	memcpy(fake.log + have, line, n);
	fake.log[have + n] = 0;
	fake.logs++;
}

bool fake_host_logged(const char *text)
{
	return strstr(fake.log, text) != NULL;
}
