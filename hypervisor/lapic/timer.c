// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's timer: one-shot, periodic, and by TSC deadline. Nothing ticks: the count is
 * worked out when it is read; the host has a timer only while an unmasked interrupt hangs on it,
 * and, if entries into the guest can end at a deadline by themselves, one of these only in a sleep.
 *
 * What is due happens in lapic_timer_settle(), before each change of a register, so the state since
 * the last one has been the same all the time. Missed periods collapse into one interrupt.
 *
 * Reference: Intel SDM 3, "APIC Timer", "TSC-Deadline Mode".
 */
#include "lapic/lapic_reg.h"

enum { NS_PER_MS = 1000000, NEVER_SHIFT = 40 }; /* so many ms are decades: no deadline is beyond */
enum { PERIOD_MIN_NS = 20000 };			/* no guest's timer keeps a processor busy */
static const uint64_t FAR_CYCLES = 1ull << 62;	/* centuries */

static bool in_mode(const struct lapic *l, uint32_t mode)
{
	return (l->reg[LAPIC_LVT_TIMER] & LVT_TIMER_MODE) == mode;
}

/* Divide configuration: bits 3, 1 and 0 make a number; 7 divides by 1, n by 2^(n+1). */
static uint64_t tick_ns(const struct lapic *l)
{
	unsigned n = (l->reg[LAPIC_DIVIDE] >> 1 & 4) | (l->reg[LAPIC_DIVIDE] & 3);

	return LAPIC_BUS_NS << ((n + 1) & 7);
}

static uint64_t period_ns(const struct lapic *l)
{
	return l->reg[LAPIC_INITIAL] * tick_ns(l);
}

uint32_t lapic_timer_current(const struct hv_vcpu *v)
{
	const struct lapic *l = &v->lapic;
	uint64_t period = period_ns(l), elapsed = host_now_ns() - l->timer_start_ns;

	if (!l->timer_start_ns || in_mode(l, LVT_DEADLINE))
		return 0;
	if (elapsed >= period) {
		if (!in_mode(l, LVT_PERIODIC))
			return 0;
		elapsed %= period;
	}
	return l->reg[LAPIC_INITIAL] - elapsed / tick_ns(l);
}

uint64_t lapic_deadline(const struct hv_vcpu *v)
{
	return v->lapic.deadline > hv_guest_tsc(v) ? v->lapic.deadline : 0;
}

void lapic_timer_settle(struct hv_vcpu *v)
{
	struct lapic *l = &v->lapic;
	uint64_t elapsed, period;

	if (l->deadline) {
		if (hv_guest_tsc(v) < l->deadline)
			return;
		l->deadline = v->deadline = 0;
	} else {
		if (!l->timer_start_ns)
			return;
		elapsed = host_now_ns() - l->timer_start_ns;
		period = period_ns(l);
		if (elapsed < period)
			return;
		if (in_mode(l, LVT_PERIODIC))
			l->timer_start_ns += elapsed - elapsed % period;
		else
			l->timer_start_ns = 0;
	}
	lapic_fire(v, LAPIC_LVT_TIMER);
}

/* When a guest's TSC will have got that far, in the host's time, rounded up. */
static uint64_t tsc_when_ns(const struct hv_vcpu *v, uint64_t now, uint64_t tsc)
{
	uint64_t at = hv_guest_tsc(v), left = tsc > at ? tsc - at : 0, ms = left / v->tsc_khz;

	if (ms >> NEVER_SHIFT)
		ms = 1ull << NEVER_SHIFT;
	return now + ms * NS_PER_MS + left % v->tsc_khz * NS_PER_MS / v->tsc_khz + 1;
}

/* When the host is to wake us; 0: no need. */
static uint64_t next_ns(const struct hv_vcpu *v)
{
	const struct lapic *l = &v->lapic;
	uint64_t now, when;

	if (l->reg[LAPIC_LVT_TIMER] & LVT_MASKED || (!l->deadline && !l->timer_start_ns))
		return 0;
	now = host_now_ns();
	if (l->deadline)
		return tsc_when_ns(v, now, l->deadline);
	when = l->timer_start_ns + period_ns(l);
	if (in_mode(l, LVT_PERIODIC) && when < now + PERIOD_MIN_NS)
		when = now + PERIOD_MIN_NS;
	return when;
}

/* Does the processor watch for it, while the vCPU does not sleep? The two TSCs then run alike. */
static bool by_entries(const struct hv_vcpu *v)
{
	return hv_cap.deadline && v->lapic.deadline && v->tsc_ratio == 1ull << 32 &&
	       !(v->lapic.reg[LAPIC_LVT_TIMER] & LVT_MASKED);
}

static void end_entries_at(struct hv_vcpu *v, uint64_t guest_tsc)
{
	uint64_t now = cpu_rdtsc(), at = now + v->tsc_offset, left = 0;

	if (guest_tsc > at)
		left = guest_tsc - at;
	v->deadline = now + (left < FAR_CYCLES ? left : FAR_CYCLES);
}

/*
 * The host's timer may be on after a sleep that something else has ended, until the next one. A
 * timer that fires too early does no harm: the poll finds nothing due.
 */
void lapic_timer_update(struct hv_vcpu *v)
{
	struct lapic *l = &v->lapic;
	uint64_t when;

	lapic_timer_settle(v);
	v->deadline = 0;
	if (by_entries(v)) {
		end_entries_at(v, l->deadline);
		return;
	}
	when = next_ns(v);
	if (when)
		host_timer_arm(&l->timer, when);
	else if (l->timer_armed)
		host_timer_stop(&l->timer);
	l->timer_armed = when != 0;
}

void lapic_timer_sleep(struct hv_vcpu *v)
{
	if (!v->deadline)
		return;
	host_timer_arm(&v->lapic.timer, next_ns(v));
	v->lapic.timer_armed = true;
}

static void fire(void *arg)
{
	struct hv_vcpu *v = arg;

	cpu_store(&v->lapic.timer_fired, 1);
	hv_vcpu_poke(v);
}

void lapic_timer_init(struct hv_vcpu *v)
{
	host_timer_init(&v->lapic.timer, fire, v);
}

void lapic_timer_poll(struct hv_vcpu *v)
{
	if (!cpu_load(&v->lapic.timer_fired))
		return;
	cpu_store(&v->lapic.timer_fired, 0);
	lapic_timer_update(v);
}

/* --- registers --- */

/* To and from deadline mode the timer is disarmed. */
static void write_lvt(struct lapic *l, uint32_t val)
{
	if (in_mode(l, LVT_DEADLINE) != ((val & LVT_TIMER_MODE) == LVT_DEADLINE))
		l->reg[LAPIC_INITIAL] = l->deadline = l->timer_start_ns = 0;
	l->reg[LAPIC_LVT_TIMER] = val;
}

/* The count goes on from where it is, at the new pace. */
static void write_divide(struct hv_vcpu *v, uint32_t val)
{
	struct lapic *l = &v->lapic;
	uint64_t gone = l->reg[LAPIC_INITIAL] - lapic_timer_current(v);

	l->reg[LAPIC_DIVIDE] = val;
	if (l->timer_start_ns)
		l->timer_start_ns = host_now_ns() - gone * tick_ns(l);
}

void lapic_timer_write(struct hv_vcpu *v, enum lapic_reg reg, uint32_t val)
{
	struct lapic *l = &v->lapic;

	lapic_timer_settle(v);
	if (reg == LAPIC_LVT_TIMER) {
		write_lvt(l, val);
	} else if (reg == LAPIC_DIVIDE) {
		write_divide(v, val);
	} else if (!in_mode(l, LVT_DEADLINE)) {
		l->reg[LAPIC_INITIAL] = val;
		l->timer_start_ns = val ? host_now_ns() : 0;
	}
	lapic_timer_update(v);
}

void lapic_set_deadline(struct hv_vcpu *v, uint64_t tsc)
{
	if (!in_mode(&v->lapic, LVT_DEADLINE))
		return;
	lapic_timer_settle(v);
	v->lapic.deadline = tsc;
	lapic_timer_update(v);
}

/*
 * After lapic_load(). A one-shot whose current count is 0 is due at once: users that do not keep
 * the count (QEMU) would lose an interrupt, those that do get one too many at worst.
 */
void lapic_timer_resume(struct hv_vcpu *v, uint32_t current)
{
	struct lapic *l = &v->lapic;
	uint32_t gone = current < l->reg[LAPIC_INITIAL] ? l->reg[LAPIC_INITIAL] - current : 0;

	if (in_mode(l, LVT_DEADLINE))
		l->reg[LAPIC_INITIAL] = 0;
	else
		l->deadline = 0;
	if (!current && in_mode(l, LVT_PERIODIC))
		gone = 0;
	l->timer_start_ns = l->reg[LAPIC_INITIAL] ? host_now_ns() - gone * tick_ns(l) : 0;
	lapic_timer_update(v);
}
