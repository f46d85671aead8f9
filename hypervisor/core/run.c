// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run loop: from the user into the guest and back. Everything that happens to a vCPU happens on
 * this thread; others leave requests, interrupt bits and kicks.
 */
#include "core/core.h"

/* --- requests --- */

/* Somebody holds vm->lock and wants all vCPU locks: he is through when we have had vm->lock. */
static void yield_lock(struct hv_vcpu *v)
{
	hv_vcpu_release(v);
	host_unlock(&v->lock);
	host_lock(&v->vm->lock);
	host_unlock(&v->vm->lock);
	host_lock(&v->lock);
}

static void take_init(struct hv_vcpu *v)
{
	hv_vcpu_reset(v, true);
	v->mp = v->id ? HV_MP_WAIT_SIPI : HV_MP_RUN;
}

/* Intel SDM 3, "Multiple-Processor Initialization": the vector is the page where it starts. */
static void take_sipi(struct hv_vcpu *v)
{
	uint8_t vector = cpu_load(&v->sipi_vector);

	if (v->mp != HV_MP_WAIT_SIPI)
		return;
	hv_touch(v, HV_SEG);
	v->st.seg[HV_CS].selector = (uint16_t)(vector << 8);
	v->st.seg[HV_CS].base = (uint64_t)vector << 12;
	v->st.rip = 0;
	v->mp = HV_MP_RUN;
}

void hv_take_start(struct hv_vcpu *v)
{
	uint32_t requests = cpu_and(&v->requests, ~(HV_REQ_INIT | HV_REQ_SIPI));

	if (requests & HV_REQ_INIT)
		take_init(v);
	if (requests & HV_REQ_SIPI)
		take_sipi(v);
}

/* The processor latches one NMI behind the one that it delivers or handles. */
static void latch_nmi(struct hv_vcpu *v)
{
	hv_need(v, HV_EVENT);
	if (v->nmis < (v->st.nmi_masked ? 1 : 2))
		v->nmis++;
}

static void take_requests(struct hv_vcpu *v)
{
	const uint32_t start = HV_REQ_INIT | HV_REQ_SIPI;
	uint32_t requests = cpu_and(&v->requests, start);

	if (requests & HV_REQ_YIELD)
		yield_lock(v);
	if (requests & start)
		hv_take_start(v);
	if (requests & HV_REQ_NMI)
		latch_nmi(v);
	if (requests & HV_REQ_CLOCK)
		hv_clock_update(v);
}

/* --- halted, or waiting for another processor --- */

static bool awake(void *arg)
{
	struct hv_vcpu *v = arg;

	if (cpu_load(&v->requests) || cpu_load(&v->lapic.timer_fired))
		return true;
	return v->mp == HV_MP_HALTED && hv_event_waiting(v);
}

/* The lock stays ours: who wants it asks for it, and so wakes us. */
static void sleep(struct hv_vcpu *v)
{
	hv_vcpu_release(v);
	lapic_timer_sleep(v);
	host_sleep_until(&v->wait, awake, v);
	lapic_timer_poll(v);
	if (v->mp == HV_MP_HALTED && (hv_event_waiting(v) || (cpu_load(&v->requests) & HV_REQ_NMI)))
		v->mp = HV_MP_RUN;
}

/* --- to the user --- */

static int tell_eoi(struct hv_vcpu *v)
{
	v->user->eoi.vector = (uint8_t)v->eoi_pending;
	v->eoi_pending = -1;
	return hv_tell_user(v, HV_USER_EOI, NULL);
}

static int shut_down(struct hv_vcpu *v)
{
	v->triple = false;
	return hv_tell_user(v, HV_USER_SHUTDOWN, NULL);
}

/* --- the loop --- */

/* What comes before an entry and may sleep. HV_AGAIN: nothing is in the way. */
static int prepare(struct hv_vcpu *v, const volatile uint8_t *stop)
{
	enum host_wish wish;

	if (cpu_load(&v->requests))
		take_requests(v);
	lapic_timer_poll(v);
	if (v->eoi_pending >= 0)
		return tell_eoi(v);
	if (v->triple)
		return shut_down(v);
	wish = host_wish();
	if (*stop || wish == HOST_SIGNAL)
		return -EINTR;
	if (wish == HOST_RESCHED)
		hv_vcpu_release(v);
	if (v->user_window && hv_user_interrupt_open(v))
		return hv_tell_user(v, HV_USER_WINDOW, NULL);
	return HV_AGAIN;
}

/* --- what a debugger needs of the guest's registers during an entry --- */

struct lent {
	uint64_t rflags, dr[4], dr6, dr7;
};

/* DR7.GD is not set: the guest's accesses exit in any case. */
static void lend(struct hv_vcpu *v, struct lent *l)
{
	struct hv_state *st = &v->st;

	hv_touch(v, HV_DR);
	*l = (struct lent){ .rflags = st->rflags, .dr6 = st->dr6, .dr7 = st->dr7 };
	memcpy(l->dr, st->dr, sizeof(l->dr));
	st->dr6 = DR6_FIXED;
	if (v->debug.step)
		st->rflags |= RFLAGS_TF;
	if (!v->debug.hard_bp)
		return;
	memcpy(st->dr, v->debug.dr, sizeof(st->dr));
	st->dr7 = (v->debug.dr7 & DR7_KNOWN & ~DR7_GD) | DR7_FIXED;
}

/* TF stays where it was the guest's own: what it has set meanwhile cannot be told from ours. */
static void take_back(struct hv_vcpu *v, const struct lent *l)
{
	struct hv_state *st = &v->st;

	hv_ops->state_get(v, HV_DR);
	v->debug_dr6 = st->dr6;
	memcpy(st->dr, l->dr, sizeof(st->dr));
	st->dr6 = l->dr6;
	st->dr7 = l->dr7;
	v->cached |= HV_DR;
	v->dirty |= HV_DR;
	if (v->debug.step && !(l->rflags & RFLAGS_TF))
		st->rflags &= ~RFLAGS_TF;
}

/* --- entries --- */

/* Nothing but the guest's own may be between these two (XCR0 is part of no state group). */
static int enter_with_xcr0(struct hv_vcpu *v, struct hv_exit *x)
{
	uint64_t host = hv_cap.host_xcr0, guest = v->xcr0;
	int err;

	if (!host)
		return hv_ops->enter(v, x);
	if (guest != host)
		cpu_xsetbv(guest);
	err = hv_ops->enter(v, x);
	if (!hv_cap.xsetbv_trap)
		v->xcr0 = guest = cpu_xgetbv();
	if (guest != host)
		cpu_xsetbv(host);
	return err;
}

static void flush_stale(struct hv_vcpu *v)
{
	uint64_t gen = cpu_load(&v->vm->s2_gen);

	if (v->s2_gen == gen)
		return;
	v->s2_gen = gen;
	hv_ops->flush_tlb(v, true);
}

/* Interrupts are off. */
static int run_guest(struct hv_vcpu *v, struct hv_exit *x)
{
	bool debugged = v->debug.step || v->debug.hard_bp;
	struct lent lent;
	int err;

	if (debugged)
		lend(v, &lent);
	if (v->dirty) {
		hv_ops->state_set(v, v->dirty);
		v->dirty = 0;
	}
	err = enter_with_xcr0(v, x);
	lapic_set_cr8(v, v->st.cr8);
	v->cached = 0;
	v->exits[x->kind]++;
	if (debugged)
		take_back(v, &lent);
	return err;
}

/*
 * One entry. With interrupts off and where INSIDE, whoever kicks us from here on makes the guest
 * exit at once, and whoever did so before is seen by the checks: nothing is lost.
 */
static int enter(struct hv_vcpu *v, struct hv_exit *x, const volatile uint8_t *stop)
{
	int err = 0;

	x->kind = HV_EXIT_NONE;
	x->interrupted.type = HV_EV_NONE;
	hv_vcpu_bind(v);
	host_guest_begin();
	cpu_store(&v->where, HV_INSIDE);
	if (!cpu_load(&v->requests) && !cpu_load(&v->lapic.timer_fired) && !*stop &&
	    host_wish() == HOST_GO_ON &&
	    (v->lapic.eoi_offered < 0 || !lapic_eoi_overtaken(v))) {
		v->st.cr8 = lapic_cr8(v);
		hv_event_prepare(v);
		flush_stale(v);
		err = run_guest(v, x);
	}
	cpu_store(&v->where, HV_OUTSIDE);
	host_guest_end();
	return err;
}

static void log_four(const char *names, const uint64_t val[4])
{
	host_log(HOST_WARN, "%s %016llx %016llx %016llx %016llx", names,
		 (unsigned long long)val[0], (unsigned long long)val[1],
		 (unsigned long long)val[2], (unsigned long long)val[3]);
}

/* What the vendor's dump does not have. */
static void log_registers(const struct hv_vcpu *v)
{
	static const char *const names[] = {
		"RAX RCX RDX RBX", "RSP RBP RSI RDI", "R8 to R11", "R12 to R15",
	};

	for (unsigned i = 0; i < HV_ARRAY(names); i++)
		log_four(names[i], &v->st.gpr[i * 4]);
	log_four("DR0 to DR3", v->st.dr);
}

static int refused(struct hv_vcpu *v, const struct hv_exit *x)
{
	if (!v->complained) {
		hv_ops->dump(v);
		log_registers(v);
	}
	v->complained = true;
	v->user->fail.hw_reason = x->hw_reason;
	return hv_tell_user(v, HV_USER_FAIL_ENTRY, NULL);
}

static int step(struct hv_vcpu *v, const volatile uint8_t *stop)
{
	struct hv_exit *x = &v->exit;
	int r = prepare(v, stop);

	if (r != HV_AGAIN)
		return r;
	if (v->mp != HV_MP_RUN) {
		sleep(v);
		return HV_AGAIN;
	}
	if (v->msr.pv_eoi & 1)
		lapic_eoi_offer(v);
	r = enter(v, x, stop);
	if (v->lapic.eoi_offered >= 0)
		lapic_eoi_collect(v);
	if (r)
		return refused(v, x);
	if (x->interrupted.type)
		v->interrupted = x->interrupted;
	return hv_exit_handle(v, x);
}

/* What user space looks at after every run, while it is at hand. */
static void sum_up(struct hv_vcpu *v, struct hv_user *u)
{
	u->if_flag = v->st.rflags & RFLAGS_IF;
	u->interrupt_ready = hv_user_interrupt_open(v);
	u->cr8 = v->st.cr8;
	u->apic_base = v->lapic.base;
}

int hv_vcpu_run(struct hv_vcpu *v, struct hv_user *u, void *io_data, const volatile uint8_t *stop)
{
	int r;

	host_lock(&v->lock);
	v->user = u;
	v->io_data = io_data;
	host_fpu_swap(v, true);
	r = hv_complete(v);
	while (r == HV_AGAIN)
		r = step(v, stop);
	sum_up(v, u);
	hv_vcpu_release(v);
	host_fpu_swap(v, false);
	v->user = NULL;
	host_unlock(&v->lock);
	return r < 0 ? r : 0;
}
