// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is delivered to the guest next, and what waits: exceptions, their pairs, NMIs, interrupts.
 *
 * References: Intel SDM 3, "Priority Among Concurrent Events", "Interrupt 8 - Double Fault
 * Exception (#DF)"; AMD APM 2, "Priorities", "#DF - Double-Fault Exception (Vector 8)".
 */
#include "core/core.h"

enum severity { BENIGN, CONTRIBUTORY, PAGE_FAULT, DOUBLE_FAULT };

static enum severity severity(uint8_t vector)
{
	switch (vector) {
	case X86_DE:
	case X86_TS:
	case X86_NP:
	case X86_SS:
	case X86_GP:
		return CONTRIBUTORY;
	case X86_PF:
		return PAGE_FAULT;
	case X86_DF:
		return DOUBLE_FAULT;
	default:
		return BENIGN;
	}
}

/* Pushed with RF set, so that a breakpoint on the instruction does not fire again after it. */
static bool is_fault(uint8_t vector)
{
	return vector != X86_DB && vector != X86_BP && vector != X86_OF && vector != X86_DF &&
	       vector != X86_MC;
}

/* The table of the manuals: a second exception while the first is being delivered. */
static bool makes_double_fault(enum severity first, enum severity second)
{
	return (first == CONTRIBUTORY && second == CONTRIBUTORY) ||
	       (first == PAGE_FAULT && (second == CONTRIBUTORY || second == PAGE_FAULT));
}

/*
 * An interrupt or NMI whose delivery was cut short waits until it may be taken again, which the
 * exception's handler decides: it has been acknowledged. An exception or INT n does not: its
 * instruction comes again after the handler.
 */
static void put_back_interrupted(struct hv_vcpu *v)
{
	if (v->interrupted.type == HV_EV_NMI)
		v->nmis++;
	else if (v->interrupted.type == HV_EV_INTR && v->user_vector < 0)
		v->user_vector = v->interrupted.vector;
	else if (v->interrupted.type == HV_EV_INTR)
		return; /* a user who gives vectors that nobody asks for: this one comes first */
	v->interrupted.type = HV_EV_NONE;
}

/* CR2 at once: the user may look at it before the fault is delivered. */
int hv_raise_fault(struct hv_vcpu *v, const struct emul_fault *f)
{
	struct hv_event ev = { .type = HV_EV_EXCEPTION, .vector = f->vector,
			       .has_error = f->has_error, .error = f->error };
	const struct hv_event *first = v->exception.type ? &v->exception : &v->interrupted;
	enum severity before = BENIGN;

	if (f->vector == X86_PF) {
		hv_touch(v, HV_CR);
		v->st.cr2 = f->address;
	}
	if (first->type == HV_EV_EXCEPTION)
		before = severity(first->vector);
	if (before == DOUBLE_FAULT && severity(ev.vector) != BENIGN) {
		v->triple = true;
		return HV_AGAIN;
	}
	if (makes_double_fault(before, severity(ev.vector)))
		ev = (struct hv_event){ .type = HV_EV_EXCEPTION, .vector = X86_DF,
					.has_error = true };
	put_back_interrupted(v);
	v->exception = ev;
	return HV_AGAIN;
}

int hv_raise(struct hv_vcpu *v, uint8_t vector)
{
	return hv_raise_fault(v, &(struct emul_fault){ .vector = vector });
}

int hv_raise_gp(struct hv_vcpu *v)
{
	return hv_raise_fault(v, &(struct emul_fault){ .vector = X86_GP, .has_error = true });
}

/* --- what may be delivered --- */

static bool in_shadow(struct hv_vcpu *v)
{
	hv_need(v, HV_EVENT);
	return v->st.shadow_sti || v->st.shadow_movss;
}

bool hv_interrupts_open(struct hv_vcpu *v)
{
	return (v->st.rflags & RFLAGS_IF) && v->exception.type == HV_EV_NONE &&
	       v->interrupted.type == HV_EV_NONE && !in_shadow(v);
}

bool hv_user_interrupt_open(struct hv_vcpu *v)
{
	return v->user_vector < 0 && lapic_takes_extint(v) && hv_interrupts_open(v);
}

static bool nmis_open(struct hv_vcpu *v)
{
	hv_need(v, HV_EVENT);
	return !v->st.nmi_masked && !v->st.shadow_movss && !v->st.shadow_sti;
}

static bool interrupt_waits(const struct hv_vcpu *v)
{
	return v->user_vector >= 0 ||
	       (cpu_load(&v->lapic.irr_words) && lapic_pending(v) >= 0);
}

bool hv_event_waiting(const struct hv_vcpu *v)
{
	if (v->exception.type || v->interrupted.type || v->nmis)
		return true;
	return v->st.rflags & RFLAGS_IF && interrupt_waits(v);
}

/* --- delivery --- */

static void deliver_exception(struct hv_vcpu *v)
{
	struct hv_event ev = v->exception;

	v->exception.type = HV_EV_NONE;
	hv_need(v, HV_CR);
	if (!(v->st.cr0 & CR0_PE))
		ev.has_error = false; /* real mode pushes none */
	if (is_fault(ev.vector))
		v->st.rflags |= RFLAGS_RF;
	hv_ops->inject(v, &ev);
}

/*
 * An interrupt waits if the user has closed them since. What comes of the instruction in a shadow
 * ends it.
 */
static void deliver_interrupted(struct hv_vcpu *v)
{
	struct hv_event ev = v->interrupted;

	if (ev.type == HV_EV_INTR && (!(v->st.rflags & RFLAGS_IF) || in_shadow(v))) {
		put_back_interrupted(v);
		return;
	}
	v->interrupted.type = HV_EV_NONE;
	if (in_shadow(v)) {
		hv_touch(v, HV_EVENT);
		v->st.shadow_sti = v->st.shadow_movss = false;
	}
	hv_ops->inject(v, &ev);
}

static void deliver_nmi(struct hv_vcpu *v)
{
	struct hv_event ev = { .type = HV_EV_NMI, .vector = X86_NMI };

	v->nmis--;
	hv_ops->inject(v, &ev);
}

/* The 8259A's interrupt, which the user has acknowledged already, before the APIC's. */
static void deliver_interrupt(struct hv_vcpu *v)
{
	struct hv_event ev = { .type = HV_EV_INTR };
	int vector = v->user_vector;

	if (vector >= 0)
		v->user_vector = -1;
	else {
		vector = lapic_pending(v);
		lapic_take(v, vector);
	}
	ev.vector = vector;
	hv_ops->inject(v, &ev);
}

/* What remains, and what must make the guest exit for it. */
static uint32_t windows(const struct hv_vcpu *v)
{
	uint32_t want = 0;
	int blocked;

	if (v->nmis)
		want |= HV_WINDOW_NMI;
	if ((v->user_window && lapic_takes_extint(v)) || interrupt_waits(v))
		want |= HV_WINDOW_INTR;
	blocked = lapic_requested(v);
	if (blocked >= 0 && blocked >> 4 <= v->st.cr8)
		want |= HV_WINDOW_TPR | (uint32_t)(blocked >> 4) << HV_WINDOW_CLASS;
	return want;
}

void hv_event_prepare(struct hv_vcpu *v)
{
	uint32_t want;

	if (v->exception.type)
		deliver_exception(v);
	else if (v->interrupted.type)
		deliver_interrupted(v);
	else if (v->nmis && nmis_open(v))
		deliver_nmi(v);
	else if (interrupt_waits(v) && hv_interrupts_open(v))
		deliver_interrupt(v);
	want = windows(v);
	if (want != v->window) {
		v->window = want;
		hv_ops->want_window(v, want);
	}
}
