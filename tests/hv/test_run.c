// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run loop: requests and kicks at every moment, sleep and what ends it, windows, what the user
 * is told, and that state gets to the hardware and back.
 */
#include "fake_backend.h"
#include "fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { SVR = 0xf0, LVT_TIMER = 0x320, TIMER_INITIAL = 0x380, TIMER_DIVIDE = 0x3e0 };

static struct hv_vm *vm;
static struct hv_vcpu *v;
static struct fake_hw *hw;
static struct hv_user user;
static uint8_t io_data[HV_IO_BYTES];
static volatile uint8_t stop;

static void begin(void)
{
	fake_host_reset();
	vm = fake_vm_new(1 << 20);
	v = fake_vcpu_new(vm);
	hw = fake_hw(v);
	stop = 0;
	lapic_write(v, SVR, 0x1ff);
	memset(&user, 0, sizeof(user));
}

static void end(void)
{
	assert_int_equal(fake.mutexes, 0);
	assert_int_equal(fake.preempt_off, 0);
	assert_null(fake.fpu);
	assert_false(hw->loaded);
	fake_vm_free(vm);
	assert_int_equal(fake.live, 0);
}

static int run(void)
{
	user.reason = HV_USER_NONE;
	return hv_vcpu_run(v, &user, io_data, &stop);
}

/* The queue is through: the guest shuts down. */
static void run_to_the_end(void)
{
	assert_int_equal(run(), 0);
	assert_int_equal(user.reason, HV_USER_SHUTDOWN);
}

static void expect_delivered(unsigned n, enum hv_event_type type, unsigned vector)
{
	assert_true(hw->n_delivered > n);
	assert_int_equal(hw->delivered[n].type, type);
	assert_int_equal(hw->delivered[n].vector, vector);
}

/* --- there and back --- */

static void exits_are_counted(void **state)
{
	const uint64_t *exits;
	unsigned loads;

	begin();
	loads = hw->loads;
	fake_push(v, HV_EXIT_HOST_INTR);
	fake_push(v, HV_EXIT_HOST_INTR);
	fake_push(v, HV_EXIT_CACHE)->insn_len = 2;
	run_to_the_end();
	exits = hv_stats(v);
	assert_int_equal(exits[HV_EXIT_HOST_INTR], 2);
	assert_int_equal(exits[HV_EXIT_CACHE], 1);
	assert_int_equal(exits[HV_EXIT_SHUTDOWN], 1);
	assert_int_equal(v->st.rip, FAKE_CODE + 2);
	assert_int_equal(hw->loads, loads + 1);
	end();
}

static void state_reaches_the_hardware(void **state)
{
	struct hv_state s;

	begin();
	hv_vcpu_get(v, &s, HV_ALL);
	s.rip = 0x9000;
	s.gpr[HV_RBX] = 0x1111;
	s.seg[HV_FS].base = 0x77000;
	s.lstar = 0xffffffff81000000;
	s.dr[0] = 0x4444;
	assert_int_equal(hv_vcpu_set(v, &s, HV_ALL), 0);
	run_to_the_end();
	assert_int_equal(hw->st.rip, 0x9000);
	assert_int_equal(hw->st.gpr[HV_RBX], 0x1111);
	assert_int_equal(hw->st.seg[HV_FS].base, 0x77000);
	assert_int_equal(hw->st.lstar, 0xffffffff81000000);
	assert_int_equal(hw->st.dr[0], 0x4444);
	hw->st.seg[HV_FS].base = 0x88000; /* the guest's own doing */
	memset(&s, 0, sizeof(s));
	hv_vcpu_get(v, &s, HV_SEG);
	assert_int_equal(s.seg[HV_FS].base, 0x88000);
	end();
}

static int refuse(struct hv_vcpu *me, struct fake_hw *h, struct hv_exit *x)
{
	x->hw_reason = 0x21;
	return -EIO;
}

static void entry_that_fails(void **state)
{
	begin();
	hw->guest = refuse;
	assert_int_equal(run(), 0);
	assert_int_equal(user.reason, HV_USER_FAIL_ENTRY);
	assert_int_equal(user.fail.hw_reason, 0x21);
	assert_int_equal(run(), 0); /* and again, without harm */
	assert_int_equal(user.reason, HV_USER_FAIL_ENTRY);
	end();
}

static void unknown_exits_go_to_the_user(void **state)
{
	begin();
	fake_push(v, HV_EXIT_UNHANDLED);
	assert_int_equal(run(), 0);
	assert_int_equal(user.reason, HV_USER_INTERNAL);
	end();
}

/* --- interruptions of the run --- */

static void stop_completes_what_was_asked(void **state)
{
	struct hv_exit *x;

	begin();
	x = fake_push(v, HV_EXIT_IO);
	x->insn_len = 2;
	x->io.size = 1;
	x->io.in = true;
	assert_int_equal(run(), 0);
	assert_int_equal(user.reason, HV_USER_IO);
	io_data[0] = 0x5a;
	stop = 1;
	assert_int_equal(run(), -EINTR);
	assert_int_equal(v->st.gpr[HV_RAX], 0x5a);
	assert_int_equal(v->st.rip, FAKE_CODE + 2);
	assert_int_equal(hw->enters, 1);
	assert_int_equal(run(), -EINTR);
	stop = 0;
	run_to_the_end();
	end();
}

static void signal_ends_the_run(void **state)
{
	begin();
	fake.wish = HOST_SIGNAL;
	assert_int_equal(run(), -EINTR);
	assert_int_equal(hw->enters, 0);
	end();
}

static void resched_once(void)
{
	if (fake.wishes >= 2)
		fake.wish = HOST_GO_ON;
}

static void others_get_the_processor(void **state)
{
	begin();
	fake_push(v, HV_EXIT_HOST_INTR);
	fake.wish = HOST_RESCHED;
	fake.on_wish = resched_once;
	fake.wishes = 0;
	run_to_the_end();
	end();
}

static int request_inside(struct hv_vcpu *me, struct fake_hw *h, struct hv_exit *x)
{
	if (h->enters == 1) {
		hv_nmi(me);
		x->kind = HV_EXIT_HOST_INTR;
	} else {
		x->kind = HV_EXIT_SHUTDOWN;
	}
	return 0;
}

static void request_while_inside_kicks(void **state)
{
	begin();
	hw->guest = request_inside;
	run_to_the_end();
	assert_int_equal(fake.kicks[fake.cpu], 1);
	expect_delivered(0, HV_EV_NMI, X86_NMI);
	assert_int_equal(hw->enters, 2);
	end();
}

static unsigned wishes_left;

static void request_at_the_last_moment(void)
{
	if (wishes_left && --wishes_left == 0)
		hv_nmi(v);
}

/* Wherever the NMI comes in, it is in the next entry, or kicks it. */
static void request_at_any_moment(void **state)
{
	for (unsigned when = 1; when <= 4; when++) {
		begin();
		wishes_left = when;
		fake.on_wish = request_at_the_last_moment;
		for (unsigned i = 0; i < 4; i++)
			fake_push(v, HV_EXIT_HOST_INTR);
		run_to_the_end();
		assert_int_equal(hw->n_delivered, 1);
		expect_delivered(0, HV_EV_NMI, X86_NMI);
		end();
	}
}

static int yield_inside(struct hv_vcpu *me, struct fake_hw *h, struct hv_exit *x)
{
	if (h->enters == 1)
		hv_vcpu_request(me, HV_REQ_YIELD);
	x->kind = h->enters == 1 ? HV_EXIT_HOST_INTR : HV_EXIT_SHUTDOWN;
	return 0;
}

static void yield_lets_go_of_everything(void **state)
{
	unsigned loads;

	begin();
	loads = hw->loads;
	hw->guest = yield_inside;
	run_to_the_end();
	assert_int_equal(v->requests, 0);
	assert_int_equal(hw->loads, loads + 2);
	end();
}

static void kick_is_no_event(void **state)
{
	begin();
	hv_vcpu_kick(v);
	run_to_the_end();
	assert_int_equal(hw->n_delivered, 0);
	end();
}

/* --- NMI --- */

static void nmis_are_counted_to_two(void **state)
{
	begin();
	for (unsigned i = 0; i < 5; i++) {
		hv_nmi(v);
		stop = 1;
		assert_int_equal(run(), -EINTR);
	}
	stop = 0;
	assert_int_equal(v->nmis, 2);
	for (unsigned i = 0; i < 3; i++)
		fake_push(v, HV_EXIT_HOST_INTR);
	run_to_the_end();
	assert_int_equal(hw->n_delivered, 2);
	assert_int_equal(hw->window, 0);
	end();
}

/* --- halted --- */

static void wake_by_nmi(void)
{
	hv_nmi(v);
}

static void halt(unsigned flags)
{
	fake_push(v, HV_EXIT_HLT)->insn_len = 1;
	v->st.rflags |= flags;
}

static void nmi_ends_hlt(void **state)
{
	begin();
	halt(0);
	fake.on_sleep = wake_by_nmi;
	run_to_the_end();
	assert_int_equal(fake.sleeps, 1);
	expect_delivered(0, HV_EV_NMI, X86_NMI);
	assert_int_equal(v->st.rip, FAKE_CODE + 1);
	assert_int_equal(hv_mp_get(v), HV_MP_RUN);
	end();
}

static void wake_by_interrupt(void)
{
	lapic_accept(v, 0x51, false);
}

static void interrupt_ends_hlt(void **state)
{
	begin();
	halt(RFLAGS_IF);
	fake.on_sleep = wake_by_interrupt;
	run_to_the_end();
	expect_delivered(0, HV_EV_INTR, 0x51);
	end();
}

static void signal_then(void)
{
	fake.wish = HOST_SIGNAL;
}

static void signal_ends_hlt_but_not_the_halt(void **state)
{
	begin();
	halt(0);
	fake.on_sleep = signal_then;
	assert_int_equal(run(), -EINTR);
	assert_int_equal(hv_mp_get(v), HV_MP_HALTED);
	assert_int_equal(hw->enters, 1);
	fake.wish = HOST_GO_ON;
	fake.on_sleep = wake_by_nmi;
	run_to_the_end();
	expect_delivered(0, HV_EV_NMI, X86_NMI);
	end();
}

static void kick_then_stop(void)
{
	stop = 1;
	hv_vcpu_kick(v);
}

static void kick_ends_the_sleep(void **state)
{
	begin();
	halt(RFLAGS_IF);
	fake.on_sleep = kick_then_stop;
	assert_int_equal(run(), -EINTR);
	assert_int_equal(hv_mp_get(v), HV_MP_HALTED);
	end();
}

static void timer_ends_hlt(void **state)
{
	begin();
	lapic_write(v, LVT_TIMER, 0x61);
	lapic_write(v, TIMER_DIVIDE, 0xb); /* by 1 */
	lapic_write(v, TIMER_INITIAL, 1000000);
	assert_int_equal(fake_host_timers(), 1);
	halt(RFLAGS_IF);
	run_to_the_end(); /* the fake host's clock goes to the timer */
	assert_int_equal(fake.sleeps, 1);
	expect_delivered(0, HV_EV_INTR, 0x61);
	assert_int_equal(fake_host_timers(), 0);
	end();
}

static void masked_interrupt_does_not_end_hlt(void **state)
{
	begin();
	halt(0);
	lapic_accept(v, 0x51, false);
	fake.on_sleep = signal_then;
	assert_int_equal(run(), -EINTR);
	assert_int_equal(hv_mp_get(v), HV_MP_HALTED);
	end();
}

/* --- other processors --- */

static void wake_by_init_and_sipi(void)
{
	hv_vcpu_request(v, HV_REQ_INIT);
	cpu_store(&v->sipi_vector, 0x9a);
	hv_vcpu_request(v, HV_REQ_SIPI);
}

static void second_processor_starts(void **state)
{
	struct hv_state s;

	begin();
	v = fake_vcpu_new(vm);
	hw = fake_hw(v);
	assert_int_equal(hv_mp_set(v, HV_MP_WAIT_INIT), 0);
	fake.on_sleep = wake_by_init_and_sipi;
	run_to_the_end();
	hv_vcpu_get(v, &s, HV_ALL);
	assert_int_equal(s.seg[HV_CS].selector, 0x9a00);
	assert_int_equal(s.seg[HV_CS].base, 0x9a000);
	assert_int_equal(s.rip, 0);
	assert_int_equal(s.cr0 & CR0_PE, 0);
	assert_int_equal(s.rflags, RFLAGS_RESERVED1);
	end();
}

/* Paging ends, and so does what the exceptions of before have led to. */
static void init_forgets_translations_and_faults(void **state)
{
	unsigned flushes;

	begin();
	run_to_the_end();
	flushes = hw->flushes;
	v->triple = true;
	hv_vcpu_request(v, HV_REQ_INIT);
	fake_push(v, HV_EXIT_HOST_INTR);
	fake_push(v, HV_EXIT_UNHANDLED);
	assert_int_equal(run(), 0);
	assert_int_equal(user.reason, HV_USER_INTERNAL);
	assert_int_equal(hw->flushes, flushes + 1);
	end();
}

/* Before it has run, the user sees it as it will be then. */
static void what_was_sent_is_saved(void **state)
{
	struct hv_state s;

	begin();
	v = fake_vcpu_new(vm);
	hw = fake_hw(v);
	assert_int_equal(hv_mp_set(v, HV_MP_WAIT_INIT), 0);
	hv_vcpu_request(v, HV_REQ_INIT);
	assert_int_equal(hv_mp_get(v), HV_MP_WAIT_SIPI);
	cpu_store(&v->sipi_vector, 0x9a);
	hv_vcpu_request(v, HV_REQ_SIPI);
	assert_int_equal(hv_mp_get(v), HV_MP_RUN);
	hv_vcpu_get(v, &s, HV_ALL);
	assert_int_equal(s.seg[HV_CS].base, 0x9a000);
	assert_int_equal(s.rip, 0);
	end();
}

static void sipi_without_init_is_ignored(void **state)
{
	begin();
	cpu_store(&v->sipi_vector, 0x9a);
	hv_vcpu_request(v, HV_REQ_SIPI);
	run_to_the_end();
	assert_int_equal(v->st.rip, FAKE_CODE);
	end();
}

/* --- windows, and what else the user is told --- */

static int open_after_two(struct hv_vcpu *me, struct fake_hw *h, struct hv_exit *x)
{
	if (h->enters == 2)
		h->st.rflags |= RFLAGS_IF;
	x->kind = h->enters == 2 ? HV_EXIT_WINDOW : HV_EXIT_HOST_INTR;
	return 0;
}

static void window_for_the_users_interrupt(void **state)
{
	begin();
	hw->guest = open_after_two;
	hv_interrupt_window(v, true);
	assert_int_equal(run(), 0);
	assert_int_equal(user.reason, HV_USER_WINDOW);
	assert_int_equal(hw->enters, 2);
	assert_true(hw->window & HV_WINDOW_INTR);
	assert_true(user.interrupt_ready);
	assert_int_equal(hv_interrupt(v, 0x40), 0);
	assert_int_equal(hv_interrupt(v, 0x41), -EEXIST);
	hv_interrupt_window(v, false);
	hw->guest = NULL;
	run_to_the_end();
	expect_delivered(0, HV_EV_INTR, 0x40);
	end();
}

static void end_of_interrupt_is_told(void **state)
{
	begin();
	v->eoi_pending = 0x51;
	assert_int_equal(run(), 0);
	assert_int_equal(user.reason, HV_USER_EOI);
	assert_int_equal(user.eoi.vector, 0x51);
	run_to_the_end();
	end();
}

static void triple_fault_is_a_shutdown(void **state)
{
	struct hv_exit *x;

	begin();
	x = fake_push(v, HV_EXIT_EXCEPTION);
	x->interrupted = (struct hv_event){ .type = HV_EV_EXCEPTION, .vector = X86_DF };
	x->exc.vector = X86_PF;
	run_to_the_end();
	assert_int_equal(hw->enters, 1);
	assert_int_equal(hw->n_delivered, 0);
	end();
}

static void delivery_cut_short_comes_again(void **state)
{
	struct hv_exit *x;

	begin();
	x = fake_push(v, HV_EXIT_HOST_INTR);
	x->interrupted = (struct hv_event){ .type = HV_EV_SOFT, .vector = 0x80, .insn_len = 2 };
	run_to_the_end();
	expect_delivered(0, HV_EV_SOFT, 0x80);
	assert_int_equal(hw->delivered[0].insn_len, 2);
	end();
}

static void debugger_sees_breakpoints(void **state)
{
	const struct hv_debug d = { .on = true, .soft_bp = true, .step = true };
	struct hv_state s;

	begin();
	assert_int_equal(hv_debug_set(v, &d), 0);
	assert_int_equal(hw->exception_traps, HV_TRAPS | 1 << X86_BP);
	fake_push(v, HV_EXIT_EXCEPTION)->exc.vector = X86_BP;
	assert_int_equal(run(), 0);
	assert_int_equal(user.reason, HV_USER_DEBUG);
	assert_int_equal(user.debug.exception, X86_BP);
	assert_int_equal(user.debug.pc, FAKE_CODE);
	assert_true(hw->st.rflags & RFLAGS_TF);
	hv_vcpu_get(v, &s, HV_GPR);
	assert_false(s.rflags & RFLAGS_TF);
	end();
}

/* Enters with the user's, and writes DR6 as a processor does at a breakpoint. */
static int guest_at_breakpoint(struct hv_vcpu *vcpu, struct fake_hw *h, struct hv_exit *x)
{
	assert_int_equal(h->st.dr[1], 0x1000);
	assert_int_equal(h->st.dr6, DR6_FIXED);
	assert_int_equal(h->st.dr7, 0x404);
	h->st.dr6 |= 2;
	x->kind = HV_EXIT_EXCEPTION;
	x->exc.vector = X86_DB;
	return 0;
}

static void debugger_has_the_debug_registers(void **state)
{
	const struct hv_debug d = { .on = true, .hard_bp = true, .dr = { 0, 0x1000 },
				    .dr7 = 0x404 | DR7_GD };
	const struct hv_debug off = { .hard_bp = true };
	struct hv_state s = { .dr = { 5, 6, 7, 8 }, .dr6 = DR6_FIXED | DR6_BS, .dr7 = 0x455 }, t;

	begin();
	assert_int_equal(hv_vcpu_set(v, &s, HV_DR), 0);
	assert_int_equal(hv_debug_set(v, &d), 0);
	assert_true(hw->dr_trap);
	hw->guest = guest_at_breakpoint;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(run(), 0);
		assert_int_equal(user.reason, HV_USER_DEBUG);
		assert_int_equal(user.debug.dr6, DR6_FIXED | 2);
		assert_int_equal(user.debug.dr7, 0x404 | DR7_GD);
		hv_vcpu_get(v, &t, HV_DR);
		assert_memory_equal(t.dr, s.dr, sizeof(t.dr));
		assert_int_equal(t.dr6, s.dr6);
		assert_int_equal(t.dr7, s.dr7);
	}
	hw->guest = NULL;
	assert_int_equal(hv_debug_set(v, &off), 0);
	assert_false(hw->dr_trap);
	assert_int_equal(hw->exception_traps, HV_TRAPS);
	run_to_the_end();
	assert_memory_equal(hw->st.dr, s.dr, sizeof(s.dr));
	assert_int_equal(hw->st.dr7, s.dr7);
	end();
}

static void processors_forget_vcpus(void **state)
{
	begin();
	fake_push(v, HV_EXIT_SHUTDOWN);
	run_to_the_end();
	assert_ptr_equal(hv_last[fake.cpu], v);
	end();
	assert_null(hv_last[fake.cpu]);
}

/* Breakpoints in software alone leave #DB to the guest. */
static void guest_keeps_its_own_traps(void **state)
{
	const struct hv_debug d = { .on = true, .soft_bp = true };

	begin();
	assert_int_equal(hv_debug_set(v, &d), 0);
	fake_push(v, HV_EXIT_EXCEPTION)->exc.vector = X86_DB;
	run_to_the_end();
	expect_delivered(0, HV_EV_EXCEPTION, X86_DB);
	end();
}

/* --- the processor's own copies --- */

static void stale_translations_are_flushed_once(void **state)
{
	unsigned before;

	begin();
	run_to_the_end();
	before = hw->stage2_flushes;
	hv_flush_all(vm);
	fake_push(v, HV_EXIT_HOST_INTR); /* the queue is behind: it goes on from there */
	hw->queue_first = hw->queue_end - 1;
	run_to_the_end();
	assert_int_equal(hw->stage2_flushes, before + 1);
	end();
}

static unsigned delivered_at[4]; /* n_delivered in the n-th entry */

static int guest_sets_cr8(struct hv_vcpu *me, struct fake_hw *h, struct hv_exit *x)
{
	delivered_at[h->enters] = h->n_delivered;
	if (h->enters == 1) {
		h->st.rflags |= RFLAGS_IF;
		h->st.cr8 = 6;
		lapic_accept(me, 0x51, false);
	} else if (h->enters == 2) {
		h->st.cr8 = 4;
	}
	x->kind = h->enters == 3 ? HV_EXIT_SHUTDOWN : HV_EXIT_HOST_INTR;
	return 0;
}

/* CR8 moves without an exit: the APIC has to hear of it, and CR8 of the APIC. */
static void task_priority_follows_cr8(void **state)
{
	begin();
	hw->guest = guest_sets_cr8;
	run_to_the_end();
	assert_int_equal(delivered_at[2], 0);
	assert_int_equal(delivered_at[3], 1);
	expect_delivered(0, HV_EV_INTR, 0x51);
	lapic_set_cr8(v, 9);
	hw->guest = NULL;
	run_to_the_end();
	assert_int_equal(hw->st.cr8, 9);
	end();
}

/* --- EOI without an exit --- */

enum { EOI_WORD = 0x3004, EOI = 0xb0 };

static uint8_t *eoi_word(void)
{
	return fake_ram(vm, EOI_WORD);
}

/* 1: one interrupt: the guest ends it by the word. 2: two, the second waits: no offer, as in 3. */
static int guest_ends_interrupts(struct hv_vcpu *me, struct fake_hw *h, struct hv_exit *x)
{
	x->kind = HV_EXIT_HOST_INTR;
	switch (h->enters) {
	case 1:
		assert_int_equal(*eoi_word(), 1);
		*eoi_word() = 0;
		break;
	case 2:
		assert_int_equal(me->lapic.isr_highest, -1);
		assert_int_equal(*eoi_word(), 0);
		lapic_accept(me, 0x51, false);
		lapic_accept(me, 0x52, false);
		break;
	case 3:
		assert_int_equal(me->lapic.isr_highest, 0x52);
		assert_int_equal(*eoi_word(), 0);
		lapic_write(me, EOI, 0);
		break;
	case 4: /* offered, but not taken before another interrupt comes */
		assert_int_equal(me->lapic.isr_highest, 0x51);
		assert_int_equal(*eoi_word(), 1);
		lapic_accept(me, 0x91, false);
		break;
	default:
		assert_int_equal(me->lapic.isr_highest, 0x91);
		assert_int_equal(*eoi_word(), 0);
		x->kind = HV_EXIT_SHUTDOWN;
	}
	return 0;
}

static void eoi_by_the_guests_word(void **state)
{
	begin();
	assert_int_equal(hv_msr_set(v, MSR_KVM_PV_EOI, EOI_WORD + 3), -EINVAL);
	assert_int_equal(hv_msr_set(v, MSR_KVM_PV_EOI, EOI_WORD | 1), 0);
	*eoi_word() = 0;
	hw->st.rflags |= RFLAGS_IF;
	v->st.rflags |= RFLAGS_IF;
	lapic_accept(v, 0x41, false);
	hw->guest = guest_ends_interrupts;
	run_to_the_end();
	assert_int_equal(hw->n_delivered, 4);
	end();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(exits_are_counted),
		cmocka_unit_test(state_reaches_the_hardware),
		cmocka_unit_test(entry_that_fails),
		cmocka_unit_test(unknown_exits_go_to_the_user),
		cmocka_unit_test(stop_completes_what_was_asked),
		cmocka_unit_test(signal_ends_the_run),
		cmocka_unit_test(others_get_the_processor),
		cmocka_unit_test(request_while_inside_kicks),
		cmocka_unit_test(request_at_any_moment),
		cmocka_unit_test(yield_lets_go_of_everything),
		cmocka_unit_test(kick_is_no_event),
		cmocka_unit_test(nmis_are_counted_to_two),
		cmocka_unit_test(nmi_ends_hlt),
		cmocka_unit_test(interrupt_ends_hlt),
		cmocka_unit_test(signal_ends_hlt_but_not_the_halt),
		cmocka_unit_test(kick_ends_the_sleep),
		cmocka_unit_test(timer_ends_hlt),
		cmocka_unit_test(masked_interrupt_does_not_end_hlt),
		cmocka_unit_test(second_processor_starts),
		cmocka_unit_test(init_forgets_translations_and_faults),
		cmocka_unit_test(what_was_sent_is_saved),
		cmocka_unit_test(sipi_without_init_is_ignored),
		cmocka_unit_test(window_for_the_users_interrupt),
		cmocka_unit_test(end_of_interrupt_is_told),
		cmocka_unit_test(triple_fault_is_a_shutdown),
		cmocka_unit_test(delivery_cut_short_comes_again),
		cmocka_unit_test(debugger_sees_breakpoints),
		cmocka_unit_test(debugger_has_the_debug_registers),
		cmocka_unit_test(guest_keeps_its_own_traps),
		cmocka_unit_test(processors_forget_vcpus),
		cmocka_unit_test(stale_translations_are_flushed_once),
		cmocka_unit_test(task_priority_follows_cr8),
		cmocka_unit_test(eoi_by_the_guests_word),
	};

	return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
