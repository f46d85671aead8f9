// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the user of a vCPU asks and sets beside its registers: interrupts, the local APIC, events on
 * their way, the processor's state, debugging.
 */
#include "core/core.h"

/* --- interrupts by the user --- */

int hv_interrupt(struct hv_vcpu *v, uint8_t vector)
{
	int err = 0;

	host_lock(&v->lock);
	if (v->user_vector >= 0)
		err = -EEXIST;
	else
		v->user_vector = vector;
	host_unlock(&v->lock);
	return err;
}

void hv_interrupt_window(struct hv_vcpu *v, bool want)
{
	v->user_window = want; /* read by the same thread's next hv_vcpu_run() only */
}

/* --- the local APIC --- */

void hv_lapic_get(struct hv_vcpu *v, void *regs1k)
{
	host_lock(&v->lock);
	lapic_save(v, regs1k);
	hv_vcpu_unlock(v);
}

int hv_lapic_set(struct hv_vcpu *v, const void *regs1k)
{
	int err;

	host_lock(&v->lock);
	err = lapic_load(v, regs1k);
	hv_vcpu_unlock(v);
	return err;
}

/* --- events --- */

void hv_events_get(struct hv_vcpu *v, struct hv_events *e)
{
	host_lock(&v->lock);
	hv_need(v, HV_EVENT);
	*e = (struct hv_events){
		.event = v->exception.type ? v->exception : v->interrupted,
		.exception_pending = v->exception.type != HV_EV_NONE,
		.nmi_pending = v->nmis || (cpu_load(&v->requests) & HV_REQ_NMI),
		.nmi_masked = v->st.nmi_masked,
		.shadow_sti = v->st.shadow_sti,
		.shadow_movss = v->st.shadow_movss,
		.sipi_vector = cpu_load(&v->sipi_vector),
	};
	if (!e->event.type && v->user_vector >= 0)
		e->event = (struct hv_event){ .type = HV_EV_INTR, .vector = v->user_vector };
	hv_vcpu_unlock(v);
}

static bool events_make_sense(const struct hv_events *e)
{
	if (e->event.type == HV_EV_EXCEPTION)
		return e->event.vector < 32 && e->event.vector != X86_NMI;
	return !e->exception_pending;
}

int hv_events_set(struct hv_vcpu *v, const struct hv_events *e)
{
	if (!events_make_sense(e))
		return -EINVAL;
	host_lock(&v->lock);
	hv_touch(v, HV_EVENT);
	v->exception.type = v->interrupted.type = HV_EV_NONE;
	if (e->exception_pending)
		v->exception = e->event;
	else
		v->interrupted = e->event;
	v->user_vector = -1;
	if (e->event.type == HV_EV_INTR && !(v->st.rflags & RFLAGS_IF)) {
		v->interrupted.type = HV_EV_NONE; /* hv_interrupt()'s, which waits for IF */
		v->user_vector = e->event.vector;
	}
	cpu_and(&v->requests, ~HV_REQ_NMI);
	v->nmis = e->nmi_pending;
	v->st.nmi_masked = e->nmi_masked && e->event.type != HV_EV_NMI; /* it has yet to do so */
	v->st.shadow_sti = e->shadow_sti;
	v->st.shadow_movss = e->shadow_movss;
	cpu_store(&v->sipi_vector, e->sipi_vector);
	hv_vcpu_unlock(v);
	return 0;
}

/* What has been sent counts: it may change the registers, too, as with KVM. */
enum hv_mp hv_mp_get(struct hv_vcpu *v)
{
	enum hv_mp mp;

	host_lock(&v->lock);
	hv_take_start(v);
	mp = v->mp;
	hv_vcpu_unlock(v);
	return mp;
}

int hv_mp_set(struct hv_vcpu *v, enum hv_mp mp)
{
	if (mp > HV_MP_HALTED)
		return -EINVAL;
	host_lock(&v->lock);
	v->mp = mp;
	hv_vcpu_unlock(v);
	return 0;
}

/* --- debugging --- */

/* What run.c lends to the debugger for an entry is not for the guest to see there. */
int hv_debug_set(struct hv_vcpu *v, const struct hv_debug *d)
{
	uint32_t traps = HV_TRAPS;
	bool registers;

	host_lock(&v->lock);
	if (d->inject && v->exception.type) {
		hv_vcpu_unlock(v);
		return -EBUSY;
	}
	if (d->inject)
		hv_raise(v, d->inject);
	v->debug = d->on ? *d : (struct hv_debug){ .on = false };
	registers = v->debug.step || v->debug.hard_bp;
	if (v->debug.soft_bp)
		traps |= 1u << X86_BP;
	hv_vcpu_bind(v);
	hv_ops->set_exception_trap(v, traps, registers);
	hv_vcpu_unlock(v);
	return 0;
}
