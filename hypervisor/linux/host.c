// SPDX-License-Identifier: GPL-2.0-only
/*
 * host.h for Linux, but for memory (mem.c): processors, entries, extended state, locks, time,
 * waiting, telling.
 *
 * Reference: Linux, "Entry/exit handling for exceptions, interrupts, syscalls and KVM".
 */
#include <linux/entry-kvm.h>
#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/kvm_host.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/rcuwait.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>
#include <linux/timekeeping.h>
#include <linux/version.h>
#include <trace/events/ipi.h>
#include <asm/cpufeature.h>
#include <asm/desc.h>
#include <asm/nospec-branch.h>
#include <asm/tsc.h>

#include "glue.h"

struct timer {
	struct hrtimer hrtimer;
	void (*fire)(void *arg);
	void *arg;
};

struct spin {
	raw_spinlock_t lock;
	unsigned long flags; /* of whoever holds it */
};

static_assert(sizeof(struct mutex) <= sizeof(struct host_mutex));
static_assert(sizeof(struct spin) <= sizeof(struct host_spin));
static_assert(sizeof(struct timer) <= sizeof(struct host_timer));
static_assert(sizeof(struct rcuwait) <= sizeof(struct host_wait));

/* --- processors --- */

unsigned host_cpu(void)
{
	return raw_smp_processor_id();
}

unsigned host_ncpu(void)
{
	return nr_cpu_ids;
}

/* A processor that has gone offline has nothing left to be called for: see hv_cpu_off(). */
void host_call_on(unsigned cpu, void (*fn)(void *arg), void *arg)
{
	smp_call_function_single(cpu, fn, arg, 1);
}

static void nothing(void *arg)
{
}

/* Our own processor is not in the guest. */
void host_kick(unsigned cpu, bool wait)
{
	unsigned int me = get_cpu();

	if (cpu != me && cpu < nr_cpu_ids && cpu_online(cpu)) {
		if (wait)
			smp_call_function_single(cpu, nothing, NULL, 1);
		else
			smp_send_reschedule(cpu);
	}
	put_cpu();
}

void host_preempt_off(void)
{
	preempt_disable();
	pagefault_disable(); /* host_copy() fails rather than sleep */
}

/*
 * What the kernel wants done before this thread goes on, short of signals. The function is made for
 * KVM and notes signals in KVM's struct: here, in one that nobody reads.
 */
static void let_others_run(void)
{
	static struct kvm_run unread;
	static struct kvm_vcpu nobody = { .run = &unread };

	if (unlikely(__xfer_to_guest_mode_work_pending()) && !signal_pending(current))
		xfer_to_guest_mode_handle_work(&nobody);
}

/*
 * An exit may have cut TR's limit: the next thread with a map of ports in its TSS sees to that. A
 * kernel that does not count preempt_disable() says that it is never preemptible().
 */
void host_preempt_on(void)
{
	invalidate_tss_limit();
	pagefault_enable();
	preempt_enable();
	if (preemptible() || !IS_ENABLED(CONFIG_PREEMPT_COUNT))
		let_others_run();
}

enum host_wish host_wish(void)
{
	if (likely(!__xfer_to_guest_mode_work_pending()))
		return unlikely(READ_ONCE(glue_stopping)) ? HOST_SIGNAL : HOST_GO_ON;
	return signal_pending(current) ? HOST_SIGNAL : HOST_RESCHED;
}

/* --- around entries --- */

void host_guest_begin(void)
{
	local_irq_disable();
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
	guest_timing_enter_irqoff();
	guest_state_enter_irqoff();
}

/*
 * VMSCAPE: on processors that predict the branches of our user space from what a guest did there,
 * the kernel flushes the predictors before this processor runs user space again.
 */
static void forget_predictions(void)
{
#ifdef X86_FEATURE_IBPB_EXIT_TO_USER
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
#endif
}

/* The interrupt is taken between STI and CLI, still in the guest's time; STI delays it by one. */
void host_guest_end(void)
{
	guest_state_exit_irqoff();
	forget_predictions();
	local_irq_enable();
	asm volatile("nop");
	local_irq_disable();
	guest_timing_exit_irqoff();
	local_irq_enable();
}

/* --- extended state: x87, SSE, AVX and what else XSAVE saves --- */

void host_fpu_swap(struct hv_vcpu *v, bool to_guest)
{
	fpu_swap_kvm_fpstate(&((struct vcpu *)hv_vcpu_host(v))->fpu, to_guest);
}

/* By way of the whole legacy area: guests seldom move SSE registers to devices. */
void host_fpu_xmm(struct hv_vcpu *v, unsigned reg, void *data16, bool write)
{
	struct vcpu *vcpu = hv_vcpu_host(v);
	struct fxregs_state *area = (struct fxregs_state *)vcpu->fxsave;
	void *at = reg < 16 ? &area->xmm_space[4 * reg] : &area->st_space[4 * (reg - 16)];

	fpregs_lock();
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
	asm volatile("fxsave64 %0" : "=m"(*area));
	memcpy(write ? at : data16, write ? data16 : at, 16);
	if (reg >= 16) { /* all of the stack is in use, and counted from its first one */
		area->twd = 0xff;
		area->swd &= ~0x3800;
	}
	if (write || reg >= 16)
		asm volatile("fxrstor64 %0" : : "m"(*area));
	fpregs_unlock();
}

/* --- locks --- */

void host_lock_init(struct host_mutex *l)
{
	mutex_init((struct mutex *)l);
}

void host_lock(struct host_mutex *l)
{
	mutex_lock((struct mutex *)l);
}

void host_unlock(struct host_mutex *l)
{
	mutex_unlock((struct mutex *)l);
}

void host_spin_lock(struct host_spin *l) __acquires(l)
{
	struct spin *s = (struct spin *)l;
	unsigned long flags;

	raw_spin_lock_irqsave(&s->lock, flags);
	s->flags = flags;
}

void host_spin_unlock(struct host_spin *l) __releases(l)
{
	struct spin *s = (struct spin *)l;

	raw_spin_unlock_irqrestore(&s->lock, s->flags);
}

/* --- time --- */

uint64_t host_now_ns(void)
{
	return ktime_get_ns();
}

uint64_t host_wall_ns(void)
{
	return ktime_get_real_ns();
}

struct host_tsc host_tsc(void)
{
	return (struct host_tsc){ .khz = tsc_khz, .steady = !check_tsc_unstable() };
}

static enum hrtimer_restart fired(struct hrtimer *h)
{
	struct timer *t = container_of(h, struct timer, hrtimer);

	t->fire(t->arg);
	return HRTIMER_NORESTART;
}

void host_timer_init(struct host_timer *timer, void (*fire)(void *arg), void *arg)
{
	struct timer *t = (struct timer *)timer;

	t->fire = fire;
	t->arg = arg;
	hrtimer_init(&t->hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_HARD);
	t->hrtimer.function = fired;
}

void host_timer_arm(struct host_timer *timer, uint64_t when_ns)
{
	struct timer *t = (struct timer *)timer;

	hrtimer_start(&t->hrtimer, ns_to_ktime(min_t(u64, when_ns, KTIME_MAX)),
		      HRTIMER_MODE_ABS_PINNED_HARD);
}

void host_timer_stop(struct host_timer *timer)
{
	hrtimer_cancel(&((struct timer *)timer)->hrtimer);
}

/* --- waiting, and telling --- */

void host_sleep_until(struct host_wait *w, bool (*ready)(void *arg), void *arg)
{
	rcuwait_wait_event((struct rcuwait *)w, ready(arg), TASK_INTERRUPTIBLE);
	let_others_run(); /* a thread switch leaves something to do: no entry in vain */
}

void host_wake(struct host_wait *w)
{
	rcuwait_wake_up((struct rcuwait *)w);
}

void host_event_signal(void *event)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	eventfd_signal(event);
#else
	eventfd_signal(event, 1);
#endif
}

/* Warnings are dumps of what guests can bring about: two or three a minute. */
void host_log(enum host_log_level level, const char *fmt, ...)
{
	static const char *const prefix[] = { KERN_ERR, KERN_WARNING, KERN_INFO };
	static DEFINE_RATELIMIT_STATE(dumps, 60 * HZ, 200);
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	if (level == HOST_WARN && !__ratelimit(&dumps))
		return;
	va_start(args, fmt);
	vaf.va = &args;
	printk("%scaisson: %pV\n", prefix[level], &vaf);
	va_end(args);
}
