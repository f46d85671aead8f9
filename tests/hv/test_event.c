// SPDX-License-Identifier: GPL-2.0-only
/*
 * Priority of events: every pair of exceptions, interrupted deliveries, NMIs, interrupts, and what
 * keeps each of them waiting. The table of double faults is written down here a second time.
 */
#include "fake_backend.h"
#include "fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct hv_vm *vm;
static struct hv_vcpu *v;

static void begin(void)
{
	fake_host_reset();
	vm = fake_vm_new(1 << 20);
	v = fake_vcpu_new(vm);
	fake_mode(v, 32);
	v->st.rflags |= RFLAGS_IF;
	lapic_write(v, 0xf0, 0x1ff); /* spurious interrupt vector: software enable */
}

static void end(void)
{
	hv_vcpu_release(v);
	fake_vm_free(vm);
	assert_int_equal(fake.live, 0);
}

/* One entry, as far as events are concerned. */
static struct hv_event next(void)
{
	struct hv_event ev;

	hv_vcpu_bind(v);
	hv_event_prepare(v);
	ev = fake_hw(v)->inject;
	fake_hw(v)->inject.type = HV_EV_NONE;
	fake_exit(v);
	return ev;
}

static void expect(enum hv_event_type type, unsigned vector)
{
	struct hv_event ev = next();

	assert_int_equal(ev.type, type);
	if (type != HV_EV_NONE)
		assert_int_equal(ev.vector, vector);
}

static void interrupted(enum hv_event_type type, unsigned vector)
{
	struct hv_event ev = { .type = type, .vector = vector };

	v->interrupted = ev;
}

/* --- pairs of exceptions --- */

static const uint8_t vectors[] = {
	X86_DE, X86_DB, X86_BP, X86_OF, X86_BR, X86_UD, X86_NM, X86_DF, X86_TS, X86_NP, X86_SS,
	X86_GP, X86_PF, X86_MF, X86_AC, X86_MC, X86_XM,
};

static bool in(unsigned vector, const char *list)
{
	for (; *list; list++)
		if (vector == (unsigned)*list - 'A')
			return true;
	return false;
}

/* Vectors as letters, A is 0: divide error; K to N: #TS, #NP, #SS, #GP; O: #PF. */
static int expected(unsigned first, unsigned second)
{
	const char *contributory = "AKLMN", *bad_in_page_fault = "AKLMNO";

	if (first == X86_DF)
		return in(second, bad_in_page_fault) || second == X86_DF ? -1 : (int)second;
	if (in(first, contributory) && in(second, contributory))
		return X86_DF;
	if (first == X86_PF && in(second, bad_in_page_fault))
		return X86_DF;
	return second;
}

static void raise_error(uint8_t vector, uint32_t error)
{
	hv_raise_fault(v, &(struct emul_fault){ vector, true, error, 0 });
}

static void raise_page_fault(uint64_t address, uint32_t error)
{
	hv_raise_fault(v, &(struct emul_fault){ X86_PF, true, error, address });
}

static void raise_vector(unsigned vector)
{
	if (vector == X86_PF)
		raise_page_fault(0x1234, PF_WRITE);
	else if (in(vector, "IKLMNR"))
		raise_error(vector, 0x18);
	else
		hv_raise(v, vector);
}

static void every_pair_of_exceptions(void **state)
{
	for (unsigned i = 0; i < HV_ARRAY(vectors); i++) {
		for (unsigned j = 0; j < HV_ARRAY(vectors); j++) {
			int want = expected(vectors[i], vectors[j]);
			struct hv_event ev;

			begin();
			interrupted(HV_EV_EXCEPTION, vectors[i]);
			raise_vector(vectors[j]);
			assert_int_equal(v->triple, want < 0);
			if (want >= 0) {
				ev = next();
				assert_int_equal(ev.type, HV_EV_EXCEPTION);
				assert_int_equal(ev.vector, want);
				if (want == X86_DF && vectors[j] != X86_DF) {
					assert_true(ev.has_error);
					assert_int_equal(ev.error, 0);
				}
				expect(HV_EV_NONE, 0); /* the first comes by itself again */
			}
			end();
		}
	}
}

/* Two faults of one exit: the first was not delivered at all, so it is the same as above. */
static void second_fault_before_delivery(void **state)
{
	begin();
	raise_error(X86_GP, 0x18);
	raise_error(X86_NP, 0x20);
	expect(HV_EV_EXCEPTION, X86_DF);
	end();
}

/* --- deliveries cut short --- */

/* The user may have closed interrupts since, and VT-x refuses one then. */
static void interrupted_interrupt_waits_for_if(void **state)
{
	const struct hv_event ev = { .type = HV_EV_INTR, .vector = 0x31 };

	begin();
	v->st.rflags &= ~RFLAGS_IF;
	v->interrupted = ev;
	expect(HV_EV_NONE, 0);
	v->st.rflags |= RFLAGS_IF;
	expect(HV_EV_INTR, 0x31);
	expect(HV_EV_NONE, 0);
	end();
}

static void interrupted_events_come_again(void **state)
{
	static const struct hv_event events[] = {
		{ .type = HV_EV_INTR, .vector = 0x31 },
		{ .type = HV_EV_NMI, .vector = X86_NMI },
		{ .type = HV_EV_EXCEPTION, .vector = X86_GP, .has_error = true, .error = 0x123 },
		{ .type = HV_EV_EXCEPTION, .vector = X86_BP, .insn_len = 1 },
		{ .type = HV_EV_SOFT, .vector = 0x80, .insn_len = 2 },
	};

	for (unsigned i = 0; i < HV_ARRAY(events); i++) {
		struct hv_event ev;

		begin();
		v->interrupted = events[i];
		ev = next();
		assert_int_equal(ev.type, events[i].type);
		assert_int_equal(ev.vector, events[i].vector);
		assert_int_equal(ev.has_error, events[i].has_error);
		assert_int_equal(ev.error, events[i].error);
		assert_int_equal(ev.insn_len, events[i].insn_len);
		expect(HV_EV_NONE, 0);
		end();
	}
}

/* A page fault on the way to an interrupt's handler: the interrupt has been acknowledged. */
/* INT n behind STI: it has been the instruction in the shadow, interrupts come after it. */
static void delivery_ends_the_shadow(void **state)
{
	begin();
	interrupted(HV_EV_SOFT, 0x47);
	hv_touch(v, HV_EVENT);
	v->st.shadow_sti = true;
	hv_event_prepare(v);
	assert_int_equal(v->interrupted.type, HV_EV_NONE);
	hv_need(v, HV_EVENT);
	assert_false(v->st.shadow_sti);
	end();
}

static void fault_while_delivering(void **state)
{
	static const struct { enum hv_event_type type; uint8_t vector; bool kept; } row[] = {
		{ HV_EV_INTR, 0x31, true },	    { HV_EV_NMI, X86_NMI, true },
		{ HV_EV_SOFT, 0x80, false },	    { HV_EV_EXCEPTION, X86_BP, false },
		{ HV_EV_EXCEPTION, X86_UD, false },
	};

	for (unsigned i = 0; i < HV_ARRAY(row); i++) {
		begin();
		interrupted(row[i].type, row[i].vector);
		raise_page_fault(0x5678, 0);
		expect(HV_EV_EXCEPTION, X86_PF);
		expect(row[i].kept ? row[i].type : HV_EV_NONE, row[i].vector);
		end();
	}
}

/* The handler of the exception has them closed, and its own delivery may be cut short as well. */
static void interrupted_waits_for_the_handler(void **state)
{
	begin();
	interrupted(HV_EV_INTR, 0x31);
	hv_raise(v, X86_NP);
	expect(HV_EV_EXCEPTION, X86_NP);
	interrupted(HV_EV_EXCEPTION, X86_NP);
	expect(HV_EV_EXCEPTION, X86_NP);
	v->st.rflags &= ~RFLAGS_IF;
	expect(HV_EV_NONE, 0);
	assert_int_equal(fake_hw(v)->window, HV_WINDOW_INTR);
	v->st.rflags |= RFLAGS_IF;
	expect(HV_EV_INTR, 0x31);
	expect(HV_EV_NONE, 0);
	end();
}

/* --- order --- */

static void order_of_all(void **state)
{
	begin();
	raise_error(X86_GP, 0);
	v->interrupted = (struct hv_event){ .type = HV_EV_INTR, .vector = 0x30 };
	v->nmis = 1;
	v->user_vector = 0x40;
	lapic_accept(v, 0x51, false);
	lapic_accept(v, 0x62, false);
	expect(HV_EV_EXCEPTION, X86_GP);
	assert_int_equal(fake_hw(v)->window & (HV_WINDOW_INTR | HV_WINDOW_NMI),
			 HV_WINDOW_INTR | HV_WINDOW_NMI);
	expect(HV_EV_INTR, 0x30);
	expect(HV_EV_NMI, X86_NMI);
	assert_int_equal(fake_hw(v)->window & (HV_WINDOW_INTR | HV_WINDOW_NMI), HV_WINDOW_INTR);
	expect(HV_EV_INTR, 0x40);
	expect(HV_EV_INTR, 0x62);
	expect(HV_EV_NONE, 0); /* 0x51 is below the one in service */
	assert_int_equal(fake_hw(v)->window, 0);
	lapic_eoi(v);
	expect(HV_EV_INTR, 0x51);
	end();
}

static void interrupts_wait_for_if(void **state)
{
	begin();
	v->st.rflags &= ~RFLAGS_IF;
	v->user_vector = 0x40;
	expect(HV_EV_NONE, 0);
	assert_int_equal(fake_hw(v)->window, HV_WINDOW_INTR);
	assert_false(hv_event_waiting(v));
	v->st.rflags |= RFLAGS_IF;
	assert_true(hv_event_waiting(v));
	expect(HV_EV_INTR, 0x40);
	assert_int_equal(fake_hw(v)->window, 0);
	end();
}

static void shadows_hold_back(void **state)
{
	for (unsigned sti = 0; sti < 2; sti++) {
		begin();
		hv_touch(v, HV_EVENT);
		v->st.shadow_sti = sti;
		v->st.shadow_movss = !sti;
		v->user_vector = 0x40;
		v->nmis = 1;
		assert_false(hv_interrupts_open(v));
		expect(HV_EV_NONE, 0);
		assert_int_equal(fake_hw(v)->window, HV_WINDOW_INTR | HV_WINDOW_NMI);
		hv_raise(v, X86_DB); /* not those */
		expect(HV_EV_EXCEPTION, X86_DB);
		hv_touch(v, HV_EVENT);
		v->st.shadow_sti = v->st.shadow_movss = false;
		expect(HV_EV_NMI, X86_NMI);
		expect(HV_EV_INTR, 0x40);
		end();
	}
}

static void nmi_waits_for_the_last_one(void **state)
{
	begin();
	hv_touch(v, HV_EVENT);
	v->st.nmi_masked = true;
	v->nmis = 1;
	v->user_vector = 0x40;
	expect(HV_EV_INTR, 0x40); /* which it does not hold back */
	assert_int_equal(fake_hw(v)->window, HV_WINDOW_NMI);
	hv_touch(v, HV_EVENT);
	v->st.nmi_masked = false;
	expect(HV_EV_NMI, X86_NMI);
	assert_int_equal(v->nmis, 0);
	end();
}

static void priority_holds_back(void **state)
{
	begin();
	v->st.cr8 = 6;
	lapic_set_cr8(v, 6);
	lapic_accept(v, 0x51, false);
	expect(HV_EV_NONE, 0);
	assert_int_equal(fake_hw(v)->window, HV_WINDOW_TPR | 5 << HV_WINDOW_CLASS);
	v->st.cr8 = 4;
	lapic_set_cr8(v, 4);
	expect(HV_EV_INTR, 0x51);
	assert_int_equal(fake_hw(v)->window, 0);
	end();
}

static void window_is_asked_for_once(void **state)
{
	unsigned calls;

	begin();
	v->st.rflags &= ~RFLAGS_IF;
	v->user_window = true;
	next();
	calls = fake_hw(v)->window_calls;
	next();
	next();
	assert_int_equal(fake_hw(v)->window_calls, calls);
	v->user_window = false;
	next();
	assert_int_equal(fake_hw(v)->window_calls, calls + 1);
	end();
}

/* --- what goes with a delivery --- */

static void page_fault_sets_cr2(void **state)
{
	struct hv_event ev;

	begin();
	raise_page_fault(0xabcdef, PF_USER | PF_WRITE);
	hv_need(v, HV_CR);
	assert_int_equal(v->st.cr2, 0xabcdef); /* for the user, too */
	ev = next();
	assert_int_equal(ev.error, PF_USER | PF_WRITE);
	assert_true(ev.has_error);
	assert_int_equal(fake_hw(v)->st.cr2, 0xabcdef);
	assert_true(v->st.rflags & RFLAGS_RF);
	end();
}

static void traps_leave_rf_alone(void **state)
{
	begin();
	hv_raise(v, X86_DB);
	expect(HV_EV_EXCEPTION, X86_DB);
	assert_false(v->st.rflags & RFLAGS_RF);
	end();
}

static void real_mode_has_no_error_codes(void **state)
{
	struct hv_event ev;

	begin();
	fake_mode(v, 16);
	raise_error(X86_GP, 0x18);
	ev = next();
	assert_int_equal(ev.vector, X86_GP);
	assert_false(ev.has_error);
	end();
}

/* --- as the user saves and restores them --- */

static void events_survive_saving(void **state)
{
	struct hv_events e, again;

	begin();
	raise_error(X86_GP, 0x18);
	hv_touch(v, HV_EVENT);
	v->st.shadow_sti = true;
	v->st.nmi_masked = true;
	v->nmis = 1;
	hv_vcpu_release(v);
	hv_events_get(v, &e);
	assert_true(e.exception_pending && e.nmi_pending && e.nmi_masked && e.shadow_sti);
	end();
	begin();
	assert_int_equal(hv_events_set(v, &e), 0);
	hv_events_get(v, &again);
	assert_int_equal(again.event.vector, X86_GP);
	assert_int_equal(again.event.error, 0x18);
	assert_true(again.exception_pending && again.nmi_pending && again.nmi_masked);
	assert_true(again.shadow_sti && !again.shadow_movss);
	expect(HV_EV_EXCEPTION, X86_GP);
	hv_vcpu_release(v);
	e.event.vector = 77;
	assert_int_equal(hv_events_set(v, &e), -EINVAL);
	end();
}

/* One that the user has acknowledged and that waits for IF does so after a restore, too. */
static void interrupt_of_the_user_survives_saving(void **state)
{
	struct hv_events e;

	begin();
	v->st.rflags &= ~RFLAGS_IF;
	assert_int_equal(hv_interrupt(v, 0x31), 0);
	hv_events_get(v, &e);
	assert_int_equal(e.event.type, HV_EV_INTR);
	assert_int_equal(hv_events_set(v, &e), 0);
	expect(HV_EV_NONE, 0);
	v->st.rflags |= RFLAGS_IF;
	expect(HV_EV_INTR, 0x31);
	end();
}

/* A #DB for the guest takes nobody's place. */
static void debugger_injects(void **state)
{
	const struct hv_debug d = { .inject = X86_DB };

	begin();
	v->st.rflags |= RFLAGS_IF;
	assert_int_equal(hv_interrupt(v, 0x31), 0);
	assert_int_equal(hv_debug_set(v, &d), 0);
	assert_int_equal(hv_debug_set(v, &d), -EBUSY);
	expect(HV_EV_EXCEPTION, X86_DB);
	expect(HV_EV_INTR, 0x31);
	end();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_of_exceptions),
		cmocka_unit_test(second_fault_before_delivery),
		cmocka_unit_test(interrupted_events_come_again),
		cmocka_unit_test(interrupted_interrupt_waits_for_if),
		cmocka_unit_test(delivery_ends_the_shadow),
		cmocka_unit_test(fault_while_delivering),
		cmocka_unit_test(interrupted_waits_for_the_handler),
		cmocka_unit_test(order_of_all),
		cmocka_unit_test(interrupts_wait_for_if),
		cmocka_unit_test(shadows_hold_back),
		cmocka_unit_test(nmi_waits_for_the_last_one),
		cmocka_unit_test(priority_holds_back),
		cmocka_unit_test(window_is_asked_for_once),
		cmocka_unit_test(page_fault_sets_cr2),
		cmocka_unit_test(traps_leave_rf_alone),
		cmocka_unit_test(real_mode_has_no_error_codes),
		cmocka_unit_test(events_survive_saving),
		cmocka_unit_test(interrupt_of_the_user_survives_saving),
		cmocka_unit_test(debugger_injects),
	};

	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
