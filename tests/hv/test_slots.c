// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory slots, the fault path and the core's own accesses: what a slot may be, what is found
 * where, that no write of anybody's is missing in the dirty log, and that nothing is mapped that
 * the host has taken away. The test plays the processor: it walks stage 2 and sets its bits.
 */
#include "memory_guest.h"

enum { PAGES = 300, WORDS = (PAGES + 63) / 64, ROUNDS = 4000 };
#define GPA    0x10000000ull
#define LEN    ((uint64_t)PAGES * S2_PAGE)
#define USER   0x7000000000ull /* nothing is there: for slots that nobody touches */

/* --- what a slot may be --- */

static void slot_errors(void **state)
{
	const uint64_t top = 1ull << hv_cap.phys_bits;
	const uint32_t log = HV_SLOT_LOG, rom = HV_SLOT_READONLY;

	assert_int_equal(hv_slot_set(vm, HV_MAX_SLOTS, GPA, LEN, USER, 0), -EINVAL);
	assert_int_equal(hv_slot_set(vm, 1, GPA + 1, LEN, USER, 0), -EINVAL);
	assert_int_equal(hv_slot_set(vm, 1, GPA, LEN + 512, USER, 0), -EINVAL);
	assert_int_equal(hv_slot_set(vm, 1, GPA, LEN, USER + 8, 0), -EINVAL);
	assert_int_equal(hv_slot_set(vm, 1, GPA, LEN, USER, 4), -EINVAL);
	assert_int_equal(hv_slot_set(vm, 1, top, S2_PAGE, USER, 0), -EINVAL);
	assert_int_equal(hv_slot_set(vm, 1, top - S2_PAGE, 2 * S2_PAGE, USER, 0), -EINVAL);
	assert_int_equal(hv_slot_set(vm, 1, -(uint64_t)S2_PAGE, 2 * S2_PAGE, USER, 0), -EINVAL);
	assert_int_equal(hv_slot_set(vm, 1, GPA, -(uint64_t)S2_PAGE, USER, 0), -EINVAL);
	assert_int_equal(hv_slot_set(vm, 1, GPA, LEN, -(uint64_t)S2_PAGE, 0), -EINVAL);
	assert_int_equal(hv_slot_set(vm, 1, GPA, 0, USER, 0), -EINVAL); /* there is none */
	assert_int_equal(hv_slot_pages(vm, 1), 0);
	hv_cap.phys_bits = 52;
	assert_int_equal(hv_slot_set(vm, 1, 1ull << 48, S2_PAGE, USER, 0), -EINVAL);
	assert_int_equal(hv_slot_set(vm, 1, 0, 1ull << 43, USER, 0), -EINVAL); /* too many pages */

	assert_int_equal(hv_slot_set(vm, 1, GPA, LEN, USER, 0), 0);
	assert_int_equal(hv_slot_pages(vm, 1), PAGES);
	assert_int_equal(hv_slot_set(vm, 1, GPA, LEN, USER, 0), 0); /* nothing new */
	assert_int_equal(hv_slot_set(vm, 1, GPA, LEN + S2_PAGE, USER, 0), -EINVAL);
	assert_int_equal(hv_slot_set(vm, 1, GPA, LEN, USER + S2_PAGE, 0), -EINVAL);
	assert_int_equal(hv_slot_set(vm, 1, GPA, LEN, USER, rom), -EINVAL);
	fake.allocs_left = 0;
	assert_int_equal(hv_slot_set(vm, 1, GPA, LEN, USER, log), -ENOMEM);
	assert_int_equal(vm->n_slots, 2);
	fake.allocs_left = -1;
	assert_int_equal(hv_slot_set(vm, 1, GPA, LEN, USER, log), 0);
	assert_int_equal(hv_slot_set(vm, 1, GPA + LEN, LEN, USER, log), 0);
	assert_int_equal(hv_slot_set(vm, 1, GPA, LEN, USER, 0), 0);
	assert_int_equal(hv_slot_set(vm, 1, 0, 0, 0, 0), 0);
	assert_int_equal(hv_slot_set(vm, 1, 0, 0, 0, 0), -EINVAL);
	assert_int_equal(vm->n_slots, 1);
}

/* Every place and size of a second slot against one of pages 4 to 7: added, and moved there. */
static void overlap_matrix(void **state)
{
	assert_int_equal(hv_slot_set(vm, 7, GPA + 4 * S2_PAGE, 4 * S2_PAGE, USER, 0), 0);
	for (unsigned from = 0; from < 12; from++) {
		for (unsigned n = 1; n <= 12; n++) {
			uint64_t gpa = GPA + from * S2_PAGE, len = n * S2_PAGE;
			int want = from < 8 && from + n > 4 ? -EEXIST : 0;

			assert_int_equal(hv_slot_set(vm, 3, gpa, len, USER, 0), want);
			if (!want)
				assert_int_equal(hv_slot_set(vm, 3, 0, 0, 0, 0), 0);
			assert_int_equal(hv_slot_set(vm, 9, 2 * GPA, len, USER, 0), 0);
			assert_int_equal(hv_slot_set(vm, 9, gpa, len, USER, 0), want);
			assert_int_equal(hv_slot_set(vm, 9, 0, 0, 0, 0), 0);
		}
	}
	/* it may be moved over itself */
	assert_int_equal(hv_slot_set(vm, 7, GPA + 5 * S2_PAGE, 4 * S2_PAGE, USER, 0), 0);
}

/* Which slot each page of a small world has, beside a model. */
static void random_slots(void **state)
{
	enum { WORLD = 64, IDS = 20 };
	struct { unsigned first, n; } m[IDS] = { 0 };

	srand(2);
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned id = 1 + rand() % (IDS - 1), first = rand() % WORLD, n = 1 + rand() % 6;
		int want = 0;

		if (m[id].n)
			n = rand() % 3 ? m[id].n : 0; /* move or delete */
		for (unsigned i = 1; i < IDS; i++)
			if (n && i != id && m[i].n && first < m[i].first + m[i].n &&
			    m[i].first < first + n)
				want = -EEXIST;
		if (m[id].n) /* it is what was used last */
			assert_int_equal(hv_slot_find(v, GPA + m[id].first * S2_PAGE)->id, id);
		assert_int_equal(hv_slot_set(vm, id, GPA + first * S2_PAGE, n * S2_PAGE,
					     USER + (uint64_t)id * S2_HUGE, 0), want);
		if (!want && n == 0)
			assert_null(hv_slot_find(v, GPA + m[id].first * S2_PAGE));
		if (!want) {
			m[id].first = first;
			m[id].n = n;
		}
		for (unsigned page = 0; page < WORLD + 8; page++) {
			uint64_t gpa = GPA + page * S2_PAGE + rand() % S2_PAGE;
			const struct hv_slot *s = hv_slot_find(v, gpa);
			unsigned in = 0;

			for (unsigned i = 1; i < IDS; i++)
				if (page >= m[i].first && page < m[i].first + m[i].n)
					in = i;
			assert_int_equal(s ? s->id : 0, in);
		}
	}
}

/* --- the fault path --- */

static void faults(void **state)
{
	uint8_t *mem = fake_slot_add(vm, 1, GPA, LEN, 0);
	unsigned level;

	touch(GPA + 5, false);
	assert_int_equal(*walk(GPA, &level) & PTE_ADDR, (uintptr_t)mem);
	assert_int_equal(level, 1);
	assert_true(reaches(GPA, true)); /* writable at once */
	assert_int_equal(fake.frame_dirty_puts, 1);
	assert_int_equal(fault(GPA, true), HV_AGAIN); /* spurious */
	fake.frame_shared = true;
	touch(GPA + S2_PAGE, false);
	assert_false(reaches(GPA + S2_PAGE, true));
	touch(GPA + S2_PAGE, true);
	assert_int_equal(stage2_count(&vm->s2).leaves, 2);
	assert_int_equal(vm->s2_gen, 0); /* none of this needed a flush */

	fake.frame_error = -EFAULT;
	assert_int_equal(fault(GPA + 2 * S2_PAGE, false), -EFAULT);
	fake.frame_error = -EINTR;
	assert_int_equal(fault(GPA + 2 * S2_PAGE, false), HV_AGAIN);
	fake.frame_error = 0;
	stage2_pool_drain(&v->pool);
	fake.allocs_left = 2;
	assert_int_equal(fault(GPA + 2 * S2_PAGE, false), -ENOMEM);
	fake.allocs_left = -1;
	assert_int_equal(stage2_count(&vm->s2).leaves, 2);
}

static void readonly_slot(void **state)
{
	static const uint8_t store[] = { 0xa2, 0x34, 0x12 }; /* MOV [1234h], AL */
	static uint8_t io[HV_IO_BYTES];
	const uint8_t go_on = 0;
	struct hv_user user;
	struct hv_exit *x;

	fake_slot_add(vm, 1, GPA, LEN, HV_SLOT_READONLY);
	touch(GPA + 0x1234, false);
	assert_false(reaches(GPA + 0x1234, true));
	assert_int_equal(fake.frame_dirty_puts, 0);
	fake_mode(v, 16);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t at = i ? GPA + LEN : GPA; /* nothing is there, either */

		v->n_fragments = 0;
		v->complete = NULL;
		fake_code(v, store, sizeof(store));
		host_lock(&v->lock);
		hv_touch(v, HV_SEG);
		v->st.seg[HV_DS].base = at;
		hv_vcpu_release(v);
		host_unlock(&v->lock);
		x = fake_push(v, HV_EXIT_MEM);
		x->mem.gpa = at + 0x1234;
		x->mem.access = HV_ACCESS_WRITE;
		assert_int_equal(hv_vcpu_run(v, &user, io, &go_on), 0);
		assert_int_equal(user.reason, HV_USER_MMIO);
		assert_int_equal(user.mmio.gpa, at + 0x1234);
		assert_true(user.mmio.write);
	}
}

static void huge_pages(void **state)
{
	const uint64_t at = 4ull * S2_HUGE;
	uint8_t *mem = fake_slot_add(vm, 1, at, 2 * S2_HUGE + S2_PAGE, 0);

	fake.frame_huge = true;
	touch(at + 0x5123, false);
	assert_int_equal(level_at(at), 2);
	touch(at + 2 * S2_HUGE, true); /* its 2 MiB are not all in the slot */
	assert_int_equal(level_at(at + 2 * S2_HUGE), 1);
	assert_int_equal(stage2_count(&vm->s2).leaves, 2);
	/* a log wants pages: all goes, and comes back so */
	assert_int_equal(hv_slot_set(vm, 1, at, 2 * S2_HUGE + S2_PAGE, (uintptr_t)mem, HV_SLOT_LOG),
			 0);
	assert_int_equal(stage2_count(&vm->s2).leaves, 0);
	touch(at, true);
	assert_int_equal(level_at(at), 1);
	/* begins, or ends, in the middle; or the addresses do not agree */
	assert_int_equal(hv_slot_set(vm, 2, 9ull * S2_HUGE + S2_PAGE, S2_HUGE,
				     (uintptr_t)mem + S2_PAGE, 0), 0);
	touch(9ull * S2_HUGE + 3 * S2_PAGE, false);
	assert_int_equal(level_at(9ull * S2_HUGE + 3 * S2_PAGE), 1);
	assert_int_equal(hv_slot_set(vm, 3, 12ull * S2_HUGE, S2_HUGE, (uintptr_t)mem + S2_PAGE, 0),
			 0);
	touch(12ull * S2_HUGE, false);
	assert_int_equal(level_at(12ull * S2_HUGE), 1);
	/* the host breaks it up */
	assert_int_equal(hv_slot_set(vm, 4, 16ull * S2_HUGE, S2_HUGE, (uintptr_t)mem, 0), 0);
	touch(16ull * S2_HUGE, true);
	assert_int_equal(level_at(16ull * S2_HUGE), 2);
	fake.frame_huge = false;
	hv_mem_invalidate_begin(vm, (uintptr_t)mem + 5 * S2_PAGE, (uintptr_t)mem + 6 * S2_PAGE);
	hv_mem_invalidate_end(vm);
	assert_int_equal(level_at(16ull * S2_HUGE), 0);
	touch(16ull * S2_HUGE, true);
	assert_int_equal(level_at(16ull * S2_HUGE), 1);
}

/* --- the host takes pages away --- */

static unsigned races;

static void take_away(struct hv_vm *of, uint64_t uaddr)
{
	if (!races)
		return;
	races--;
	hv_mem_invalidate_begin(of, uaddr, uaddr + 1);
	if (!races)
		hv_mem_invalidate_end(of);
}

static void invalidation_race(void **state)
{
	uint8_t *mem = fake_slot_add(vm, 1, GPA, LEN, 0);

	fake.on_frame = take_away;
	races = 1; /* begins and ends while we look */
	assert_int_equal(fault(GPA, true), HV_AGAIN);
	assert_int_equal(level_at(GPA), 0);
	touch(GPA, true);
	races = 2; /* begins, and goes on */
	assert_int_equal(fault(GPA + S2_PAGE, true), HV_AGAIN);
	races = 0;
	assert_int_equal(level_at(GPA + S2_PAGE), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(fault(GPA + S2_PAGE, true), HV_AGAIN);
	assert_int_equal(level_at(GPA + S2_PAGE), 0);
	hv_mem_invalidate_end(vm);
	touch(GPA + S2_PAGE, true);
	/* borders */
	for (unsigned i = 0; i < 5; i++)
		touch(GPA + i * S2_PAGE, true);
	hv_mem_invalidate_begin(vm, (uintptr_t)mem + S2_PAGE, (uintptr_t)mem + 3 * S2_PAGE);
	hv_mem_invalidate_end(vm);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(level_at(GPA + i * S2_PAGE), i != 1 && i != 2);
	hv_mem_invalidate_begin(vm, 0, ~0ull);
	hv_mem_invalidate_end(vm);
	assert_int_equal(stage2_count(&vm->s2).leaves, 0);
	assert_int_equal(stage2_count(&vm->s2).tables, 1);
	assert_int_equal(vm->s2.dead, 0);
}

static unsigned waits;

static void out_of_guest(unsigned cpu, bool wait)
{
	waits += wait && cpu == 3;
}

/* Who is inside is waited for, who is outside is not; tables are not freed before. */
static void flush_kicks(void **state)
{
	uint8_t *mem = fake_slot_add(vm, 1, GPA, LEN, 0);
	uint64_t gen = vm->s2_gen;

	touch(GPA, true);
	fake.on_kick = out_of_guest;
	waits = 0;
	hv_mem_invalidate_begin(vm, (uintptr_t)mem + LEN, (uintptr_t)mem + 2 * LEN); /* not ours */
	hv_mem_invalidate_end(vm);
	assert_int_equal(vm->s2_gen, gen);
	hv_mem_invalidate_begin(vm, (uintptr_t)mem, (uintptr_t)mem + S2_PAGE);
	hv_mem_invalidate_end(vm);
	assert_int_equal(vm->s2_gen, gen + 1);
	assert_int_equal(waits, 0);
	v->cpu = 3;
	v->where = HV_INSIDE;
	hv_mem_invalidate_begin(vm, (uintptr_t)mem, (uintptr_t)mem + S2_PAGE); /* gone already */
	hv_mem_invalidate_end(vm);
	v->where = HV_OUTSIDE;
	assert_int_equal(vm->s2_gen, gen + 2);
	assert_int_equal(waits, 1);
}

static void young_pages(void **state)
{
	for (unsigned ad = 0; ad < 2; ad++) {
		uint8_t *mem = fake_slot_add(vm, 1 + ad, GPA + ad * LEN, LEN, 0);
		uint64_t start = (uintptr_t)mem;

		vm->s2.ad_bits = ad;
		assert_false(hv_mem_young(vm, start, start + LEN, true));
		touch(GPA + ad * LEN, false);
		assert_false(hv_mem_young(vm, start + S2_PAGE, start + LEN, true));
		assert_true(hv_mem_young(vm, start, start + LEN, false));
		assert_true(hv_mem_young(vm, start, start + S2_PAGE, true));
		assert_false(hv_mem_young(vm, start, start + S2_PAGE, true));
		assert_int_equal(level_at(GPA + ad * LEN), ad);
	}
}

/* --- the core's own accesses --- */

static void core_accesses(void **state)
{
	uint8_t *low = fake_slot_add(vm, 1, GPA, 2 * S2_PAGE, 0);
	uint8_t *high = fake_slot_add(vm, 2, GPA + 2 * S2_PAGE, S2_PAGE, 0);
	uint8_t *rom = fake_slot_add(vm, 3, GPA + 3 * S2_PAGE, S2_PAGE, HV_SLOT_READONLY);
	const uint64_t seam = GPA + 2 * S2_PAGE - 3;
	uint64_t old = 0;
	uint8_t buf[8];

	host_lock(&v->lock);
	assert_int_equal(hv_mem_write(v, seam, "abcdefgh", 8), 0);
	assert_memory_equal(low + 2 * S2_PAGE - 3, "abc", 3);
	assert_memory_equal(high, "defgh", 5);
	assert_int_equal(hv_mem_read(v, seam, buf, 8), 0);
	assert_memory_equal(buf, "abcdefgh", 8);
	memcpy(rom, "rom", 3);
	assert_int_equal(hv_mem_read(v, GPA + 3 * S2_PAGE, buf, 3), 0);
	assert_memory_equal(buf, "rom", 3);
	assert_int_equal(hv_mem_write(v, GPA + 3 * S2_PAGE, buf, 1), -EROFS);
	assert_int_equal(hv_mem_read(v, GPA + 4 * S2_PAGE - 1, buf, 2), -EFAULT);
	assert_int_equal(hv_mem_read(v, GPA - 1, buf, 1), -EFAULT);
	assert_int_equal(hv_mem_read(v, ~0ull, buf, 8), -EFAULT);
	assert_int_equal(hv_mem_read(v, 0x123456789000, buf, 0), 0);

	assert_int_equal(hv_mem_cmpxchg(v, GPA, &old, 0x1122334455667788, 8), 0);
	assert_int_equal(hv_mem_cmpxchg(v, GPA, &old, 5, 8), -EAGAIN);
	assert_int_equal(old, 0x1122334455667788);
	assert_int_equal(hv_mem_cmpxchg(v, GPA + 2, &old, 5, 4), -EINVAL);
	assert_int_equal(hv_mem_cmpxchg(v, GPA, &old, 5, 3), -EINVAL);
	assert_int_equal(hv_mem_cmpxchg(v, GPA + 3 * S2_PAGE, &old, 5, 4), -EROFS);
	assert_int_equal(hv_mem_cmpxchg(v, GPA - 8, &old, 5, 8), -EFAULT);
	fake.fault_start = (uintptr_t)high;
	fake.fault_end = fake.fault_start + S2_PAGE;
	assert_int_equal(hv_mem_read(v, seam, buf, 8), -EFAULT);
	assert_int_equal(hv_mem_write(v, seam, buf, 8), -EFAULT);
	host_unlock(&v->lock);
}

/* --- the dirty log --- */

static unsigned long bits[WORDS], model[WORDS];

static void mark(unsigned page)
{
	model[page / 64] |= 1ul << page % 64;
}

static void expect_dirty(bool clear)
{
	memset(bits, 0, sizeof(bits));
	assert_int_equal(hv_slot_dirty(vm, 1, bits, clear), 0);
	assert_memory_equal(bits, model, sizeof(bits));
	if (clear)
		memset(model, 0, sizeof(model));
}

static void core_write(void)
{
	uint64_t off = rand() % (LEN - S2_PAGE), old = 0;
	unsigned n = 1 + rand() % 8;

	if (rand() % 2)
		off = (off | (S2_PAGE - 1)) - rand() % 3;
	host_lock(&v->lock);
	if (rand() % 4) {
		assert_int_equal(hv_mem_write(v, GPA + off, &off, n), 0);
		mark((off + n - 1) / S2_PAGE);
	} else {
		off &= ~7ull;
		if (hv_mem_cmpxchg(v, GPA + off, &old, off, 8))
			assert_int_equal(hv_mem_cmpxchg(v, GPA + off, &old, off, 8), 0);
	}
	host_unlock(&v->lock);
	mark(off / S2_PAGE);
}

static void random_clear(void)
{
	unsigned first = rand() % WORDS * 64, n = PAGES - first;
	unsigned long which[WORDS];

	if (rand() % 2 && n > 64)
		n = 64;
	for (unsigned i = 0; i < WORDS; i++)
		which[i] = (unsigned long)rand() << 32 | rand();
	assert_int_equal(hv_slot_clear(vm, 1, first, n, which), 0);
	for (unsigned i = 0; i < n; i++)
		if (which[i / 64] >> i % 64 & 1)
			model[(first + i) / 64] &= ~(1ul << (first + i) % 64);
}

static void random_invalidation(uint64_t start)
{
	uint64_t from = start + (uint64_t)(rand() % PAGES) * S2_PAGE;

	if (rand() % 2) {
		hv_mem_invalidate_begin(vm, from, from + (1 + rand() % 20) * S2_PAGE);
		hv_mem_invalidate_end(vm);
	} else {
		hv_mem_young(vm, from, from + 20 * S2_PAGE, rand() % 2);
	}
}

static void random_dirty(bool ad_bits)
{
	uint8_t *mem = fake_slot_add(vm, 1, GPA, LEN, HV_SLOT_LOG);

	vm->s2.ad_bits = ad_bits;
	memset(model, 0, sizeof(model));
	srand(3);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned page = rand() % PAGES, what = rand() % 16;

		if (what < 8) {
			touch(GPA + (uint64_t)page * S2_PAGE, what < 4);
			if (what < 4)
				mark(page);
		} else if (what < 10) {
			core_write();
		} else if (what < 12) {
			random_invalidation((uintptr_t)mem);
		} else if (what == 12) {
			random_clear();
		} else if (what == 13) {
			/* moved: its log moves with it */
			assert_int_equal(hv_slot_set(vm, 1, 2 * GPA, LEN, (uintptr_t)mem, 1), 0);
			assert_int_equal(hv_slot_set(vm, 1, GPA, LEN, (uintptr_t)mem, 1), 0);
		} else {
			expect_dirty(what == 14);
		}
	}
	expect_dirty(true);
	expect_dirty(false);
}

static void dirty_by_bits(void **state)
{
	random_dirty(true);
}

static void dirty_by_faults(void **state)
{
	random_dirty(false);
}

static void dirty_errors(void **state)
{
	uint8_t *mem = fake_slot_add(vm, 1, GPA, LEN, 0);
	uint64_t gen;

	assert_int_equal(hv_slot_dirty(vm, 1, bits, true), -ENOENT);
	assert_int_equal(hv_slot_dirty(vm, 5, bits, true), -ENOENT);
	assert_int_equal(hv_slot_clear(vm, 1, 0, PAGES, bits), -ENOENT);
	touch(GPA, true); /* before logging: does not count */
	assert_int_equal(hv_slot_set(vm, 1, GPA, LEN, (uintptr_t)mem, HV_SLOT_LOG), 0);
	memset(model, 0, sizeof(model));
	expect_dirty(true);
	assert_int_equal(hv_slot_clear(vm, 1, 1, 64, bits), -EINVAL);
	assert_int_equal(hv_slot_clear(vm, 1, 0, 65, bits), -EINVAL);
	assert_int_equal(hv_slot_clear(vm, 1, 0, PAGES + 1, bits), -EINVAL);
	assert_int_equal(hv_slot_clear(vm, 1, 320, 0, bits), -EINVAL);
	assert_int_equal(hv_slot_clear(vm, 1, 64, ~0ull, bits), -EINVAL);
	assert_int_equal(hv_slot_clear(vm, 1, 256, PAGES - 256, bits), 0);
	gen = vm->s2_gen;
	expect_dirty(true);
	assert_int_equal(vm->s2_gen, gen); /* nothing to flush for */
	touch(GPA, true);
	mark(0);
	expect_dirty(false);
	assert_int_equal(vm->s2_gen, gen);
	expect_dirty(true);
	assert_int_equal(vm->s2_gen, gen + 1);
	/* dirtiness of a mapping that has gone: it may still be cached until a flush */
	for (unsigned i = 0; i < 2; i++) {
		touch(GPA, true);
		hv_mem_invalidate_begin(vm, (uintptr_t)mem, (uintptr_t)mem + S2_PAGE);
		hv_mem_invalidate_end(vm);
		gen = vm->s2_gen;
		memset(bits, 0xff, sizeof(bits));
		if (i)
			assert_int_equal(hv_slot_clear(vm, 1, 0, 64, bits), 0);
		else
			assert_int_equal(hv_slot_dirty(vm, 1, bits, true), 0);
		assert_int_equal(vm->s2_gen, gen + 1);
	}
	/* bits behind the slot's end mean nothing, not even the pages of the next slot */
	fake_slot_add(vm, 2, GPA + LEN, LEN, HV_SLOT_LOG);
	touch(GPA + LEN, true);
	memset(bits, 0xff, sizeof(bits));
	assert_int_equal(hv_slot_clear(vm, 1, 256, PAGES - 256, bits), 0);
	memset(bits, 0, sizeof(bits));
	assert_int_equal(hv_slot_dirty(vm, 2, bits, true), 0);
	assert_int_equal(bits[0], 1);
	/* what the log had is gone with it */
	touch(GPA, true);
	assert_int_equal(hv_slot_set(vm, 1, GPA, LEN, (uintptr_t)mem, 0), 0);
	assert_int_equal(hv_slot_set(vm, 1, GPA, LEN, (uintptr_t)mem, HV_SLOT_LOG), 0);
	expect_dirty(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(slot_errors),	 TEST(overlap_matrix), TEST(random_slots),
		TEST(faults),		 TEST(readonly_slot),  TEST(huge_pages),
		TEST(invalidation_race), TEST(flush_kicks),    TEST(young_pages),
		TEST(core_accesses),	 TEST(dirty_by_bits),  TEST(dirty_by_faults),
		TEST(dirty_errors),
	};

	return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
