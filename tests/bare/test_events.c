// SPDX-License-Identifier: GPL-2.0-only
/* Events into the guest: in every state, in the right order, exactly once. */
#include "rig.h"

extern char guest_spin_at[], guest_nops_1[], guest_sti_shadow_in[], guest_sti_exit_after[];
extern char guest_sti_hlt_after[], guest_window_after[];

static void set_shadow(struct rig *r, bool sti, bool movss)
{
	struct hv_state s;

	hv_vcpu_get(r->v, &s, HV_ALL);
	s.rflags |= RFLAGS_IF;
	s.shadow_sti = sti;
	s.shadow_movss = movss;
	CHECK_EQ(hv_vcpu_set(r->v, &s, HV_ALL), 0);
}

static void set_if(struct rig *r)
{
	set_shadow(r, false, false);
}

static void inject(struct rig *r, enum hv_event_type type, uint8_t vector, bool has_error,
		   uint32_t error)
{
	struct hv_events e;

	hv_events_get(r->v, &e);
	e.event = (struct hv_event){ .type = type, .vector = vector, .has_error = has_error,
				     .error = error };
	e.exception_pending = type == HV_EV_EXCEPTION;
	CHECK_EQ(hv_events_set(r->v, &e), 0);
}

/* --- by the user --- */

CASE(event_interrupt, MODE_LONG, guest_nops)
{
	set_if(r);
	CHECK_EQ(hv_interrupt(r->v, 0x41), 0);
	CHECK_EQ(hv_interrupt(r->v, 0x42), -EEXIST);
	expect_done(r);
	CHECK_EQ(rig_count(r, 0x41), 1);
	CHECK_EQ(rig_peek(r, T_RIP), (uint64_t)guest_nops);
	CHECK_EQ(rig_peek(r, T_FLAGS) & RFLAGS_IF, RFLAGS_IF);
}

CASE(event_interrupt_real, MODE_REAL, guest_real_faults)
{
	expect_step(r, 1);
	CHECK_EQ(hv_interrupt(r->v, 0x41), 0);
	expect_done(r);
}

CASE(event_exception, MODE_LONG, guest_nops)
{
	rig_poke(r, T_RESUME, (uint64_t)guest_nops_1);
	inject(r, HV_EV_EXCEPTION, X86_UD, false, 0);
	expect_done(r);
	CHECK_EQ(rig_count(r, X86_UD), 1);
	CHECK_EQ(rig_peek(r, T_RIP), (uint64_t)guest_nops);
}

CASE(event_exception_error, MODE_LONG, guest_nops)
{
	rig_poke(r, T_RESUME, (uint64_t)guest_nops_1);
	inject(r, HV_EV_EXCEPTION, X86_GP, true, 0x1238);
	expect_done(r);
	CHECK_EQ(rig_count(r, X86_GP), 1);
	CHECK_EQ(rig_peek(r, T_ERROR), 0x1238);
}

/* What the user says of an event that is on its way need not be what a processor would say. */
CASE(event_user_error, MODE_LONG, guest_nops)
{
	rig_poke(r, T_RESUME, (uint64_t)guest_nops_1);
	inject(r, HV_EV_EXCEPTION, X86_GP, true, 0xabcd1238);
	expect_done(r);
	CHECK_EQ(rig_count(r, X86_GP), 1);
	CHECK_EQ(rig_peek(r, T_ERROR) & 0xffff, 0x1238);
}

CASE(event_user_nmi, MODE_LONG, guest_nops)
{
	struct hv_events e;

	hv_events_get(r->v, &e);
	e.event = (struct hv_event){ .type = HV_EV_NMI, .vector = X86_NMI };
	e.nmi_masked = true;
	CHECK_EQ(hv_events_set(r->v, &e), 0);
	expect_done(r);
	CHECK_EQ(rig_count(r, X86_NMI), 1);
	hv_events_get(r->v, &e);
	CHECK(!e.nmi_masked);
}

CASE(event_user_shadow, MODE_LONG, guest_shadow)
{
	set_shadow(r, true, false);
	inject(r, HV_EV_INTR, 0x41, false, 0);
	expect_done(r);
	CHECK_EQ(rig_count(r, 0x41), 1);
}

CASE(event_user_closed, MODE_LONG, guest_sti_exit)
{
	struct hv_state s;

	expect_step(r, 1);
	set_if(r);
	inject(r, HV_EV_INTR, 0x41, false, 0);
	hv_vcpu_get(r->v, &s, HV_GPR);
	s.rflags &= ~RFLAGS_IF;
	CHECK_EQ(hv_vcpu_set(r->v, &s, HV_GPR), 0);
	expect_done(r);
	CHECK_EQ(rig_count(r, 0x41), 1);
	CHECK_EQ(rig_peek(r, T_RIP), (uint64_t)guest_sti_exit_after);
}

CASE(event_soft, MODE_LONG, guest_nops)
{
	struct hv_events e;

	hv_events_get(r->v, &e);
	e.event = (struct hv_event){ .type = HV_EV_SOFT, .vector = 0x48, .insn_len = 1 };
	CHECK_EQ(hv_events_set(r->v, &e), 0);
	expect_done(r);
	CHECK_EQ(rig_count(r, 0x48), 1);
	CHECK_EQ(rig_peek(r, T_RIP), (uint64_t)guest_nops_1); /* behind the "INT n" of one byte */
}

CASE(event_priority, MODE_LONG, guest_nops)
{
	set_if(r);
	inject(r, HV_EV_EXCEPTION, X86_DB, false, 0);
	CHECK_EQ(hv_interrupt(r->v, 0x41), 0);
	hv_nmi(r->v);
	expect_done(r);
	CHECK_EQ(rig_count(r, X86_DB), 1);
	CHECK_EQ(rig_count(r, X86_NMI), 1);
	CHECK_EQ(rig_count(r, 0x41), 1);
}

/* --- shadows and windows --- */

CASE(event_shadow_set, MODE_LONG, guest_shadow)
{
	set_shadow(r, true, false);
	CHECK_EQ(hv_interrupt(r->v, 0x41), 0);
	expect_done(r);
	CHECK_EQ(rig_count(r, 0x41), 1);
	CHECK(rig_peek(r, T_RIP) > (uint64_t)guest_shadow);
}

CASE(event_shadow_movss, MODE_LONG, guest_shadow)
{
	set_shadow(r, false, true);
	hv_nmi(r->v);
	expect_done(r);
	CHECK_EQ(rig_count(r, X86_NMI), 1);
	CHECK(rig_peek(r, T_RIP) > (uint64_t)guest_shadow);
}

static void pending_at_step(struct rig *r, const char *after)
{
	expect_step(r, 1);
	CHECK_EQ(hv_interrupt(r->v, 0x41), 0);
	expect_done(r);
	CHECK_EQ(rig_count(r, 0x41), 1);
	CHECK_EQ(rig_peek(r, T_RIP), (uint64_t)after);
}

CASE(event_sti_shadow, MODE_LONG, guest_sti_shadow)
{
	expect_step(r, 1);
	CHECK_EQ(hv_interrupt(r->v, 0x41), 0);
	expect_done(r);
	CHECK_EQ(rig_count(r, 0x41), 1);
	CHECK(rig_peek(r, T_RIP) > (uint64_t)guest_sti_shadow_in);
}

CASE(event_sti_exit, MODE_LONG, guest_sti_exit)
{
	pending_at_step(r, guest_sti_exit_after);
}

CASE(event_sti_hlt, MODE_LONG, guest_sti_hlt)
{
	pending_at_step(r, guest_sti_hlt_after);
}

CASE(event_window, MODE_LONG, guest_window)
{
	pending_at_step(r, guest_window_after);
}

CASE(event_window_user, MODE_LONG, guest_window)
{
	struct hv_state s;

	expect_step(r, 1);
	CHECK(!r->u.interrupt_ready);
	hv_interrupt_window(r->v, true);
	expect(r, HV_USER_WINDOW);
	CHECK(r->u.interrupt_ready);
	hv_vcpu_get(r->v, &s, HV_ALL);
	CHECK_EQ(s.rip, (uint64_t)guest_window_after);
	hv_interrupt_window(r->v, false);
	CHECK_EQ(hv_interrupt(r->v, 0x41), 0);
	expect_done(r);
}

CASE(event_nmi, MODE_LONG, guest_nmi)
{
	struct hv_events e;

	expect_step(r, 1);
	hv_nmi(r->v);
	expect_step(r, 10);
	hv_events_get(r->v, &e);
	CHECK(e.nmi_masked && !e.nmi_pending);
	hv_nmi(r->v);
	hv_nmi(r->v); /* a third is lost */
	hv_nmi(r->v);
	expect_step(r, 10);
	CHECK_EQ(rig_count(r, X86_NMI), 2);
	hv_events_get(r->v, &e);
	e.nmi_pending = false;
	CHECK_EQ(hv_events_set(r->v, &e), 0);
	expect_done(r);
	hv_events_get(r->v, &e);
	CHECK(!e.nmi_masked && !e.nmi_pending);
}

CASE(event_tpr, MODE_LONG, guest_tpr)
{
	expect_step(r, 1);
	CHECK_EQ(hv_send_message(r->vm, 0xfee00000, 0x45), 1);
	expect_done(r);
}

/* --- deliveries that fault --- */

/* The IDT in slot 1, of which stage 2 has nothing at each step. */
static void move_idt(struct rig *r)
{
	struct hv_state s;

	rig_more(r, 0);
	memcpy(r->more.va, rig_ram(r, G_IDT), 4096);
	hv_vcpu_get(r->v, &s, HV_SEG);
	s.idt.base = G_MORE;
	CHECK_EQ(hv_vcpu_set(r->v, &s, HV_SEG), 0);
	rig_poke(r, G_PT + G_FREE / 4096 * 8, 0);
}

static void zap_idt(struct rig *r)
{
	hv_mem_invalidate_begin(r->vm, (uint64_t)r->more.va, (uint64_t)r->more.va + 4096);
	hv_mem_invalidate_end(r->vm);
}

CASE(event_delivery_faults, MODE_LONG, guest_raise)
{
	uint64_t gets;

	move_idt(r);
	for (unsigned i = 1; i <= 6; i++) {
		struct hv_events e;

		expect_step(r, i);
		hv_events_get(r->v, &e);
		CHECK_EQ(e.event.type, HV_EV_NONE);
		zap_idt(r);
		gets = r->host.gets;
		if (i == 5)
			CHECK_EQ(hv_interrupt(r->v, 0x41), 0);
		if (i == 6)
			hv_nmi(r->v);
	}
	expect_done(r);
	CHECK(r->host.gets > gets);
	CHECK_EQ(rig_count(r, X86_UD), 1);
	CHECK_EQ(rig_count(r, X86_PF), 1);
	CHECK_EQ(rig_count(r, X86_GP), 2);
	CHECK_EQ(rig_count(r, 0x41), 1);
	CHECK_EQ(rig_count(r, X86_NMI), 1);
}

CASE(event_delivery_soft, MODE_LONG, guest_raise_soft)
{
	move_idt(r);
	for (unsigned i = 1; i <= 2; i++) {
		expect_step(r, i);
		zap_idt(r);
	}
	expect_done(r);
	CHECK_EQ(rig_count(r, 0x47), 1);
	CHECK_EQ(rig_count(r, X86_BP), 1);
}

CASE(event_delivery_soft_shadow, MODE_LONG, guest_soft_shadow)
{
	move_idt(r);
	expect_step(r, 1);
	zap_idt(r);
	CHECK_EQ(hv_interrupt(r->v, 0x41), 0);
	expect_done(r);
	CHECK_EQ(rig_count(r, 0x47), 1);
	CHECK_EQ(rig_peek(r, T_VECTOR), 0x41);
}

static void take_gate(struct rig *r, unsigned vector)
{
	*rig_ram(r, G_IDT + vector * 16 + 5) &= 0x7f;
}

CASE(event_double_injected, MODE_LONG, guest_double)
{
	take_gate(r, X86_GP);
	expect_done(r);
	CHECK_EQ(rig_count(r, X86_DF), 1);
}

CASE(event_double_native, MODE_LONG, guest_double_native)
{
	rig_poke(r, G_PT + G_FREE / 4096 * 8, 0);
	take_gate(r, X86_PF);
	expect_done(r);
	CHECK_EQ(rig_count(r, X86_DF), 1);
}

CASE(event_double_injected_io, MODE_LONG, guest_double_io)
{
	rig_poke(r, G_PT + G_FREE / 4096 * 8, 0);
	take_gate(r, X86_PF);
	for (;;) {
		expect(r, HV_USER_IO);
		if (r->u.io.port == P_DONE)
			break;
		CHECK_EQ(r->u.io.port, P_DATA);
	}
	CHECK_EQ(rig_count(r, X86_DF), 1);
}

/* And a reset by the user gets it going again. */
CASE(event_triple_fault, MODE_LONG, guest_triple_rdmsr)
{
	struct hv_state s;

	hv_vcpu_get(r->v, &s, HV_ALL);
	take_gate(r, X86_GP);
	take_gate(r, X86_DF);
	take_gate(r, X86_NP);
	expect(r, HV_USER_SHUTDOWN);
	s.rip = (uint64_t)guest_nops;
	CHECK_EQ(hv_vcpu_set(r->v, &s, HV_ALL), 0);
	expect_done(r);
}

/* --- single steps --- */

CASE(event_step, MODE_LONG, guest_step)
{
	expect(r, HV_USER_IO);
	CHECK_EQ(r->u.io.port, P_DATA);
	expect_mmio_read(r, G_MMIO, 4, 0);
	expect_done(r);
}

CASE(event_debug_step, MODE_LONG, guest_nops)
{
	struct hv_debug on = { .on = true, .step = true }, off = { .on = false };
	struct hv_state s;

	CHECK_EQ(hv_debug_set(r->v, &on), 0);
	for (unsigned i = 1; i <= 3; i++) {
		expect(r, HV_USER_DEBUG);
		CHECK_EQ(r->u.debug.exception, X86_DB);
		CHECK_EQ(r->u.debug.pc, (uint64_t)guest_nops + i);
		hv_vcpu_get(r->v, &s, HV_GPR | HV_DR);
		CHECK_EQ(s.rflags & RFLAGS_TF, 0);
		CHECK_EQ(s.dr6, DR6_FIXED);
	}
	CHECK_EQ(hv_debug_set(r->v, &off), 0);
	expect_done(r);
	CHECK_EQ(rig_count(r, X86_DB), 0);
}

CASE(event_debug_hard, MODE_LONG, guest_nops)
{
	struct hv_debug d = { .on = true, .hard_bp = true, .dr7 = 0x402,
			      .dr = { (uint64_t)guest_nops_1 } };
	struct hv_state s;

	CHECK_EQ(hv_debug_set(r->v, &d), 0);
	expect(r, HV_USER_DEBUG);
	CHECK_EQ(r->u.debug.exception, X86_DB);
	CHECK_EQ(r->u.debug.pc, (uint64_t)guest_nops_1);
	hv_vcpu_get(r->v, &s, HV_ALL);
	CHECK_EQ(s.rip, (uint64_t)guest_nops_1);
	CHECK_EQ(s.dr7, DR7_FIXED);
	d.on = false;
	CHECK_EQ(hv_debug_set(r->v, &d), 0);
	expect_done(r);
}

CASE(event_debug_soft, MODE_LONG, guest_nops)
{
	struct hv_debug d = { .on = true, .soft_bp = true };

	CHECK_EQ(hv_debug_set(r->v, &d), 0);
	*rig_ram(r, (uint64_t)guest_nops_1) = 0xcc;
	expect(r, HV_USER_DEBUG);
	CHECK_EQ(r->u.debug.exception, X86_BP);
	CHECK_EQ(r->u.debug.pc, (uint64_t)guest_nops_1);
	*rig_ram(r, (uint64_t)guest_nops_1) = 0x90;
	d.on = false;
	CHECK_EQ(hv_debug_set(r->v, &d), 0);
	expect_done(r);
	CHECK_EQ(rig_count(r, X86_BP), 0);
}

/* --- the host's own --- */

static volatile unsigned host_fired;

static void host_tick(void *arg)
{
	struct rig *r = arg;

	if (++host_fired == 5)
		rig_poke(r, G_SCRATCH, 1);
}

/* The host's interrupts come while the guest spins, and disturb nothing. */
CASE(host_interrupts, MODE_LONG, guest_spin)
{
	struct host_timer t[5];

	host_fired = 0;
	for (unsigned i = 0; i < HV_ARRAY(t); i++) {
		host_timer_init(&t[i], host_tick, r);
		host_timer_arm(&t[i], host_now_ns() + (i + 1) * 1000000);
	}
	expect_done(r);
	CHECK_EQ(host_fired, 5);
}

/* The 8254 by way of the I/O APIC, as an NMI. */
static void ioapic_write(uint32_t reg, uint32_t val)
{
	volatile uint32_t *io = (volatile uint32_t *)0xfec00000;

	io[0] = reg;
	io[4] = val;
}

static void host_nmi_in(uint16_t ticks)
{
	ioapic_write(0x10 + 2 * 2 + 1, 0);
	ioapic_write(0x10 + 2 * 2, 4 << 8); /* NMI, edge */
	outb(0x43, 0x30);
	outb(0x40, (uint8_t)ticks);
	outb(0x40, (uint8_t)(ticks >> 8));
}

CASE(host_nmis, MODE_LONG, guest_spin)
{
	struct host_timer t;
	uint64_t seen = traps_seen(TRAP_NMI);

	host_nmi_in(2000); /* 1.7 ms */
	host_fired = 4;
	host_timer_init(&t, host_tick, r);
	host_timer_arm(&t, host_now_ns() + 5000000);
	expect_done(r);
	ioapic_write(0x10 + 2 * 2, 1 << 16);
	CHECK_EQ(traps_seen(TRAP_NMI), seen + 1);
	CHECK_EQ(rig_count(r, X86_NMI), 0);
}

static void stop_it(void *arg)
{
	struct rig *r = arg;

	r->stop = 1;
	hv_vcpu_kick(r->v);
}

/* A kick brings a spinning guest out, and a halted one; and it goes on afterwards. */
CASE(host_kicks, MODE_LONG, guest_spin)
{
	struct host_timer t;

	host_timer_init(&t, stop_it, r);
	host_timer_arm(&t, host_now_ns() + 2000000);
	CHECK_EQ(rig_run(r), -EINTR);
	CHECK_EQ(rig_run(r), -EINTR);
	r->stop = 0;
	CHECK_EQ(hv_mp_set(r->v, HV_MP_HALTED), 0);
	host_timer_arm(&t, host_now_ns() + 2000000);
	CHECK_EQ(rig_run(r), -EINTR);
	r->stop = 0;
	CHECK_EQ(hv_mp_set(r->v, HV_MP_RUN), 0);
	rig_poke(r, G_SCRATCH, 1);
	expect_done(r);
}
