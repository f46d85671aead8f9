// SPDX-License-Identifier: GPL-2.0-only
/*
 * Video memory: active, idle, and back. Each test runs in both formats, with and without the
 * processor's dirty bits; whatever writes, and whenever, the write is found by a query.
 */
#include "memory_guest.h"

enum { PAGES = 1400, FIRST = 70, RANGE = 1000, WORDS = (PAGES + 63) / 64, ROUNDS = 6000 };
enum { REST = 1000, HOST_EVENTS = 2 };
#define GPA   0x10000000ull
#define LEN   ((uint64_t)PAGES * S2_PAGE)
#define AT(n) (GPA + (uint64_t)(n) * S2_PAGE) /* of the slot */
#define IN(n) AT(FIRST + (n))		      /* of the range */

static uint8_t *mem;
static unsigned long bits[WORDS];
static struct hv_vram now;
static char event[HOST_EVENTS];

static void track(void)
{
	const struct hv_vram t = { .first = FIRST, .pages = RANGE, .idle_ns = REST,
				   .event = &event[0] };

	assert_int_equal(hv_vram_set(vm, 1, &t), 0);
}

static void query(void)
{
	memset(bits, 0, sizeof(bits));
	assert_int_equal(hv_vram_dirty(vm, 1, &now), 0);
	if (now.bits)
		memcpy(bits, now.bits, (now.pages + 63) / 64 * 8);
}

static unsigned found(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PAGES; i++)
		n += bits[i / 64] >> i % 64 & 1;
	return n;
}

static bool has(unsigned page)
{
	return bits[page / 64] >> page % 64 & 1;
}

/* Nothing is dirty any more, and then it rests. */
static void rest(void)
{
	query();
	fake_host_advance(REST);
	query();
	assert_int_equal(found(), 0);
	assert_true(now.idle);
}

/* --- every test, four times --- */

struct kind {
	const struct stage2_format *fmt;
	bool ad_bits;
};

static int begin(void **state)
{
	const struct kind *k = *state;

	setup(state);
	vm->s2.fmt = k->fmt;
	vm->s2.ad_bits = k->ad_bits;
	mem = fake_slot_add(vm, 1, GPA, LEN, HV_SLOT_LOG);
	track();
	return 0;
}

/* --- the three states --- */

static void active_and_idle(void **state)
{
	uint64_t gen;

	for (unsigned i = 0; i < RANGE; i++)
		touch(IN(i), true);
	touch(AT(0), true);
	query();
	assert_int_equal(found(), RANGE);
	assert_false(now.idle);
	touch(IN(3), true);
	touch(IN(149), true);
	fake_host_advance(REST);
	query(); /* late, but it finds something */
	assert_int_equal(found(), 2);
	assert_true(has(3) && has(149));
	fake_host_advance(REST - 1);
	query();
	assert_int_equal(found(), 0);
	assert_false(now.idle);
	fake_host_advance(1);
	gen = vm->s2_gen;
	query();
	assert_true(now.idle);
	assert_int_equal(vm->s2_gen - gen, vm->s2.ad_bits); /* one flush */
	assert_int_equal(fake.signals, 0);

	gen = vm->s2_gen;
	vm->mmu.held = true; /* nobody looks at the tables, nobody waits for who does */
	for (unsigned i = 0; i < 10; i++)
		query();
	vm->mmu.held = false;
	assert_true(now.idle);
	assert_int_equal(vm->s2_gen, gen);
	assert_int_equal(now.wakes, 0);
}

static void one_fault(void **state)
{
	for (unsigned i = 0; i < RANGE; i++)
		touch(IN(i), true);
	rest();
	for (unsigned i = 0; i < RANGE; i++)
		assert_true(reaches(IN(i), false));
	for (unsigned i = 0; i < RANGE; i++)
		assert_false(reaches(IN(i), true));
	assert_true(!vm->s2.ad_bits || reaches(AT(FIRST - 1), true) || !level_at(AT(FIRST - 1)));
	touch(IN(17), true);
	assert_int_equal(fake.signals, 1);
	assert_ptr_equal(fake.last_event, &event[0]);
	for (unsigned i = 0; i < RANGE && vm->s2.ad_bits; i++)
		assert_true(reaches(IN(i), true));
	query();
	assert_false(now.idle);
	assert_int_equal(now.wakes, 1);
	assert_int_equal(found(), vm->s2.ad_bits ? RANGE : 1);
	assert_int_equal(fake.signals, 1);
	rest();
	touch(IN(17), true);
	assert_int_equal(fake.signals, 2);
	query();
	assert_int_equal(now.wakes, 2);
	assert_true(has(17));
}

/* Who is told before the guest has written finds the page all the same, and does not rest again. */
static void told_before_written(void **state)
{
	touch(IN(5), true);
	rest();
	fake_host_advance(100 * REST);
	assert_int_equal(fault(IN(5), true), HV_AGAIN);
	assert_int_equal(fake.signals, 1);
	query();
	assert_true(has(5));
	query();
	assert_false(now.idle);
	touch(IN(5), true);
	query();
	assert_true(has(5));
	assert_int_equal(fake.signals, 1);
}

static void outside_does_not_count(void **state)
{
	touch(AT(FIRST - 1), true);
	touch(AT(FIRST + RANGE), true);
	rest();
	touch(AT(FIRST - 1), true);
	touch(AT(FIRST + RANGE), true);
	touch(AT(FIRST - 2), true);
	host_lock(&v->lock);
	assert_int_equal(hv_mem_write(v, IN(0) - 8, bits, 8), 0);
	assert_int_equal(hv_mem_write(v, IN(RANGE), bits, 8), 0);
	host_unlock(&v->lock);
	query();
	assert_true(now.idle);
	assert_int_equal(found(), 0);
	assert_int_equal(fake.signals, 0);
	touch(IN(0), true);
	query();
	assert_int_equal(found(), 1);
	/* they are in the slot's own log still */
	assert_int_equal(dirty_log(1, bits, WORDS, true), 0);
	assert_true(has(FIRST - 2) && has(FIRST - 1) && has(FIRST + RANGE));
	assert_int_equal(found(), 3);
}

/* --- who else writes --- */

static void core_writes(void **state)
{
	uint64_t old;

	for (unsigned i = 0; i < 3; i++) {
		rest();
		host_lock(&v->lock);
		if (i == 0) { /* without leaving the processor, as kvmclock's page is written */
			hv_vcpu_bind(v);
			assert_int_equal(hv_mem_write(v, IN(9) + 5, &i, 4), 0);
			hv_vcpu_release(v);
		} else if (i == 1) { /* into the range from before it */
			assert_int_equal(hv_mem_write(v, IN(0) - 4, &old, 8), 0);
		} else {
			memcpy(&old, mem + 100 * S2_PAGE, 8);
			assert_int_equal(hv_mem_cmpxchg(v, AT(100), &old, 5, 8), 0);
		}
		host_unlock(&v->lock);
		assert_int_equal(fake.signals, i + 1);
		query();
		assert_false(now.idle);
		assert_int_equal(now.wakes, i + 1);
		assert_int_equal(found(), 1);
		assert_true(has(i == 0 ? 9 : i == 1 ? 0 : 100 - FIRST));
	}
}

/* --- what the host does to its pages --- */

static void shared_pages(void **state)
{
	unsigned gets;

	fake.frame_shared = true;
	touch(IN(1), false); /* copy on write: the host wants to hear of the first write */
	fake.frame_shared = false;
	touch(IN(2), true);
	rest();
	touch(IN(2), true);
	assert_false(reaches(IN(1), true));
	gets = fake.frame_gets;
	touch(IN(1), true);
	assert_int_equal(fake.frame_gets, gets + 1);
	assert_int_equal(fake.signals, 1);
}

static void zapped_while_idle(void **state)
{
	const uint64_t at = (uintptr_t)mem + (FIRST + 1) * S2_PAGE;

	for (unsigned i = 0; i < 4; i++)
		touch(IN(i), true);
	rest();
	hv_mem_invalidate_begin(vm, at, at + 2 * S2_PAGE);
	hv_mem_invalidate_end(vm);
	touch(IN(1), false);
	assert_false(reaches(IN(1), true));
	assert_int_equal(fake.signals, 0);
	query();
	assert_true(now.idle);
	touch(IN(2), true);
	assert_int_equal(fake.signals, 1);
	touch(IN(1), true);
	query();
	assert_int_equal(found(), 2);
	assert_true(has(1) && has(2));
}

/* --- meanwhile --- */

static void query_in_a_fault(struct hv_vm *of, uint64_t uaddr)
{
	fake.on_frame = NULL;
	fake_host_advance(REST);
	query();
	assert_true(now.idle);
}

/* It goes idle between a write's fault and the mapping of its page. */
static void idle_before_mapping(void **state)
{
	query();
	fake.on_frame = query_in_a_fault;
	assert_int_equal(fault(IN(8), true), HV_AGAIN);
	assert_null(fake.on_frame);
	assert_false(reaches(IN(8), true));
	touch(IN(8), true);
	assert_int_equal(fake.signals, 1);
	query();
	assert_true(has(8));
}

/* A processor writes by what it has cached, until the flush, which finds it inside. */
static void cached_write(unsigned cpu, bool wait)
{
	unsigned level;

	fake.on_kick = NULL;
	*walk(IN(4), &level) |= vm->s2.fmt->dirty;
}

static void write_before_flush(void **state)
{
	if (!vm->s2.ad_bits)
		return; /* nothing is taken away that a processor can have cached */
	touch(IN(4), true);
	query();
	query(); /* no reason for a flush is left */
	fake_host_advance(REST);
	v->where = HV_INSIDE;
	fake.on_kick = cached_write;
	query();
	v->where = HV_OUTSIDE;
	assert_null(fake.on_kick);
	assert_false(now.idle);
	assert_true(has(4));
	assert_true(reaches(IN(4), true)); /* as before, without a fault */
	assert_int_equal(fake.signals, 0);
	query();
	assert_true(has(4));
}

static void fault_or_write(unsigned cpu, bool wait)
{
	fake.on_kick = NULL;
	v->where = HV_OUTSIDE;
	touch(IN(4), true);
}

/* One that has left the guest writes while another's flush is waited for. */
static void fault_before_idle_is_said(void **state)
{
	if (!vm->s2.ad_bits)
		return;
	for (unsigned i = 0; i < 8; i++)
		touch(IN(i), true);
	query();
	query();
	fake_host_advance(REST);
	v->where = HV_INSIDE;
	fake.on_kick = fault_or_write;
	query();
	assert_null(fake.on_kick);
	assert_false(now.idle);
	assert_int_equal(now.wakes, 1);
	assert_int_equal(fake.signals, 1);
	assert_true(has(4));
	for (unsigned i = 0; i < 8; i++)
		assert_true(reaches(IN(i), true));
}

/* --- at each moment that there is --- */

static unsigned step, at_step;
static void (*meanwhile)(void);

/* Somebody else is quicker, once. */
static void at_lock(void)
{
	if (++step != at_step)
		return;
	fake.on_spin = NULL;
	meanwhile();
}

static void guest_writes(void)
{
	touch(IN(4), true);
}

static void core_write(void)
{
	host_lock(&v->lock);
	assert_int_equal(hv_mem_write(v, IN(4), bits, 8), 0);
	host_unlock(&v->lock);
}

/* With as many faults as it takes. */
static void guest_writes_in_the_end(void)
{
	for (unsigned i = 0; i < 5 && !reaches(IN(4), true); i++)
		assert_int_equal(fault(IN(4), true), HV_AGAIN);
	assert_true(reaches(IN(4), true));
}

static void two_queries(void)
{
	query();
	query();
}

/* Was it before the moment at_step that all was over? */
static bool stepped(void (*who)(void), void (*other)(void))
{
	step = 0;
	meanwhile = other;
	fake.on_spin = at_lock;
	who();
	if (!fake.on_spin)
		return false;
	fake.on_spin = NULL;
	return true;
}

/* A write at each moment of a query that goes idle, or is about to. */
static void write_while_it_goes_idle(void (*write)(void))
{
	unsigned signals;
	bool over = false;

	for (at_step = 1; !over; at_step++) {
		touch(IN(4), true);
		rest();
		touch(IN(5), true); /* active, IN(4) clean, write access or not as it may be */
		query();
		fake_host_advance(REST);
		signals = fake.signals;
		over = stepped(query, write);
		if (over)
			break;
		if (!has(4) || now.idle) {
			assert_true(!now.idle || fake.signals == signals + 1);
			query();
			assert_true(has(4));
		}
		assert_false(now.idle);
		assert_true(!vm->s2.ad_bits || reaches(IN(5), true));
		rest();
		touch(IN(4), true);
		query();
		assert_true(has(4));
	}
	assert_true(at_step > 3);
}

static void writes_at_each_moment(void **state)
{
	write_while_it_goes_idle(guest_writes);
	write_while_it_goes_idle(core_write);
}

/* Queries at each moment of a write that wakes: the second goes idle if nothing was found. */
static void queries_at_each_moment(void **state)
{
	struct hv_vram t = { .first = FIRST, .pages = RANGE, .event = &event[0] };
	bool over = false, drawn;

	assert_int_equal(hv_vram_set(vm, 1, &t), 0);
	for (unsigned i = 0; i < 8; i++)
		touch(IN(i), true);
	for (at_step = 1; !over; at_step++) {
		while (query(), !now.idle)
			;
		over = stepped(guest_writes_in_the_end, two_queries);
		drawn = false;
		for (unsigned i = 0; i < 3; i++) {
			query();
			drawn |= has(4);
		}
		assert_true(drawn);
		assert_true(now.idle);
		for (unsigned i = 0; i < 8; i++)
			assert_false(reaches(IN(i), true));
	}
	assert_true(at_step > 2);
}

/* --- it ends --- */

static void ends_with_the_slot(void **state)
{
	const struct hv_vram none = { 0 };

	for (unsigned i = 0; i < 4; i++) {
		touch(IN(0), true);
		touch(IN(500), true); /* of a table that is wholly in the range */
		rest();
		if (i == 0)
			assert_int_equal(hv_slot_set(vm, 1, 2 * GPA, LEN, (uintptr_t)mem, 1), 0);
		else if (i == 1)
			assert_int_equal(hv_slot_set(vm, 1, GPA, LEN, (uintptr_t)mem, 0), 0);
		else if (i == 2)
			assert_int_equal(hv_slot_set(vm, 1, 0, 0, 0, 0), 0);
		else
			assert_int_equal(hv_vram_set(vm, 1, &none), 0);
		assert_int_equal(hv_vram_dirty(vm, 1, &now), -ENOENT);
		if (i < 3)
			assert_int_equal(hv_slot_set(vm, 1, GPA, LEN, (uintptr_t)mem, 1), 0);
		assert_int_equal(hv_vram_dirty(vm, 1, &now), -ENOENT);
		touch(IN(0), true);
		touch(IN(500), true); /* of a table that is wholly in the range */
		assert_int_equal(fake.signals, 0);
		track();
	}
	assert_int_equal(hv_slot_set(vm, 1, GPA, LEN, (uintptr_t)mem, 1), 0); /* no change */
	query();
}

/* Another range takes its place while it rests: what was held is writable again. */
static void replaced(void **state)
{
	const struct hv_vram other = { .first = 0, .pages = PAGES, .idle_ns = 0,
				       .event = &event[1] };

	touch(IN(6), true);
	rest();
	assert_int_equal(hv_vram_set(vm, 1, &other), 0);
	assert_true(!vm->s2.ad_bits || reaches(IN(6), true));
	touch(IN(6), true);
	assert_int_equal(fake.signals, 0);
	query();
	assert_int_equal(now.pages, PAGES);
	assert_true(has(FIRST + 6));
	assert_false(now.idle);
	query();
	assert_true(now.idle); /* at once: that was asked for */
	touch(AT(0), true);
	assert_int_equal(fake.signals, 1);
	assert_ptr_equal(fake.last_event, &event[1]);
}

static void errors(void **state)
{
	struct hv_vram t = { .first = 0, .pages = PAGES };

	assert_int_equal(hv_vram_set(vm, HV_MAX_SLOTS, &t), -EINVAL);
	assert_int_equal(hv_vram_set(vm, 5, &t), -ENOENT);
	assert_int_equal(hv_vram_set(vm, 0, &t), -ENOENT); /* no log */
	assert_int_equal(hv_vram_set(vm, 1, &t), 0);
	t.first = 1;
	assert_int_equal(hv_vram_set(vm, 1, &t), -EINVAL);
	t.pages = ~0ull;
	assert_int_equal(hv_vram_set(vm, 1, &t), -EINVAL);
	t = (struct hv_vram){ .first = PAGES + 1, .pages = 1 };
	assert_int_equal(hv_vram_set(vm, 1, &t), -EINVAL);
	assert_int_equal(hv_vram_dirty(vm, HV_MAX_SLOTS, &now), -EINVAL);
	assert_int_equal(hv_vram_dirty(vm, 0, &now), -ENOENT);
	assert_int_equal(hv_vram_dirty(vm, 5, &now), -ENOENT);
	query(); /* refusals change nothing */
	assert_int_equal(now.pages, PAGES);
}

/* --- all of it, beside a model --- */

static bool model[PAGES];

static void mark(unsigned page, bool *woke)
{
	model[page] = true;
	*woke |= page >= FIRST && page < FIRST + RANGE;
}

static void expect_marks(unsigned first, unsigned n)
{
	unsigned marks = 0;

	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(has(i), model[first + i]);
		marks += model[first + i];
		model[first + i] = false;
	}
	assert_int_equal(found(), marks);
}

static void random_write(bool *woke)
{
	unsigned page = rand() % (PAGES - 1), what = rand() % 4;

	if (what < 2) {
		touch(AT(page), true);
	} else if (what == 2) {
		touch(AT(page), false);
		return;
	} else {
		host_lock(&v->lock);
		assert_int_equal(hv_mem_write(v, AT(page + 1) - 3, &page, 4), 0);
		host_unlock(&v->lock);
		mark(page + 1, woke);
	}
	mark(page, woke);
}

static void random_take(unsigned what)
{
	uint64_t from = (uintptr_t)mem + (uint64_t)(rand() % PAGES) * S2_PAGE;

	if (what == 0) {
		assert_int_equal(dirty_log(1, bits, WORDS, true), 0);
		expect_marks(0, PAGES);
	} else if (what == 1) {
		memset(bits, 0xff, sizeof(bits));
		assert_int_equal(hv_slot_clear(vm, 1, 128, 64, bits), 0);
		memset(model + 128, 0, 64);
	} else if (what < 5) {
		hv_mem_invalidate_begin(vm, from, from + (1 + rand() % 20) * S2_PAGE);
		hv_mem_invalidate_end(vm);
	} else {
		hv_mem_young(vm, from, from + 20 * S2_PAGE, true);
	}
}

static void at_random(void **state)
{
	bool idle = false, woke;
	unsigned signals = 0, rests = 0;

	srand(6);
	memset(model, 0, sizeof(model));
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned what = rand() % 16;

		woke = false;
		if (what < 4) {
			random_write(&woke);
		} else if (what < 8) {
			random_take(rand() % 8);
		} else {
			fake_host_advance(rand() % REST);
			query();
			expect_marks(FIRST, RANGE);
			assert_true(!idle || now.idle);
			rests += now.idle && !idle;
			idle = now.idle;
		}
		signals += idle && woke;
		idle &= !woke;
		assert_int_equal(fake.signals, signals);
	}
	assert_true(rests > 50);
	assert_int_equal(now.wakes, signals - (rests < signals));
}

#define ALL_KINDS(name)                                                                            \
	{ #name "_ept", name, begin, teardown, &kinds[0] },                                        \
	{ #name "_ept_by_faults", name, begin, teardown, &kinds[1] },                              \
	{ #name "_npt", name, begin, teardown, &kinds[2] },                                        \
	{ #name "_npt_by_faults", name, begin, teardown, &kinds[3] }

int main(void)
{
	static struct kind kinds[] = {
		{ &ept_format, true }, { &ept_format, false }, { &npt_format, true },
		{ &npt_format, false },
	};
	const struct CMUnitTest tests[] = {
		ALL_KINDS(active_and_idle),	ALL_KINDS(one_fault),
		ALL_KINDS(told_before_written), ALL_KINDS(outside_does_not_count),
		ALL_KINDS(core_writes),		ALL_KINDS(shared_pages),
		ALL_KINDS(zapped_while_idle),	ALL_KINDS(idle_before_mapping),
		ALL_KINDS(write_before_flush),	ALL_KINDS(fault_before_idle_is_said),
		ALL_KINDS(writes_at_each_moment), ALL_KINDS(queries_at_each_moment),
		ALL_KINDS(ends_with_the_slot),	ALL_KINDS(replaced),
		ALL_KINDS(errors),		ALL_KINDS(at_random),
	};

	return cmocka_run_group_tests_name("vram", tests, NULL, NULL);
}
