// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stage-2 walker in both formats, with and without accessed and dirty bits: cases by hand, then
 * random operations beside a model that is an array of pages. The test plays the processor: it
 * walks the tables by itself and sets bits as one does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "ept/stage2.h"
#include "fake_host.h"
#include "stage2_count.h"
#include "x86.h"

enum { GROUPS = 4, PAGES = GROUPS * 512, ROUNDS = 6000 };
#define BASE   ((1ull << 30) - 2 * S2_HUGE) /* across a table of level 2 */
#define HOST   (1ull << 32)		    /* guest memory in the host */
#define RX     (S2_READ | S2_EXEC)

static struct stage2 s2;
static struct stage2_pool pool;
static unsigned long bits[PAGES / 64];
static const struct stage2_log whole = { bits, BASE, (uint64_t)PAGES * S2_PAGE };

static void start(const struct stage2_format *fmt, bool ad_bits)
{
	fake_host_reset();
	pool.n = 0;
	memset(bits, 0, sizeof(bits));
	assert_int_equal(stage2_init(&s2, fmt, ad_bits), 0);
}

static void finish(void)
{
	stage2_fini(&s2);
	stage2_pool_drain(&pool);
	assert_int_equal(fake.live, 0);
}

static uint64_t gpa_of(unsigned page)
{
	return BASE + (uint64_t)page * S2_PAGE;
}

static bool bit(unsigned page)
{
	return bits[page / 64] >> page % 64 & 1;
}

/* --- the processor --- */

/* The leaf's entry, its level; with visit: accessed bits of the tables on the way are set. */
static uint64_t *walk(uint64_t gpa, unsigned *level, bool visit)
{
	uint64_t *table = s2.root.va;

	for (*level = S2_LEVELS;; --*level) {
		uint64_t *e = &table[gpa >> (3 + 9 * *level) & 511];

		if (!*e)
			return NULL;
		if (s2.fmt->is_leaf(*e, *level))
			return e;
		if (visit && s2.ad_bits)
			*e |= s2.fmt->accessed;
		table = host_page_va(*e & PTE_ADDR);
	}
}

/* What the guest's access does; false: it faults. */
static bool access_page(uint64_t gpa, bool write)
{
	unsigned level;
	uint64_t *e = walk(gpa, &level, true);

	if (!e || (write && !(s2.fmt->prot(*e) & S2_WRITE)))
		return false;
	if (s2.ad_bits)
		*e |= s2.fmt->accessed | (write ? s2.fmt->dirty : 0);
	return true;
}

static void map(uint64_t gpa, uint64_t pa, unsigned level, uint32_t prot, bool want_flush)
{
	bool flush;

	assert_int_equal(stage2_pool_fill(&pool), 0);
	assert_int_equal(stage2_map(&s2, &pool, gpa, pa, level, prot, &flush), 0);
	assert_int_equal(flush, want_flush);
}

static void expect(uint64_t gpa, unsigned want_level, uint64_t pa, uint32_t prot)
{
	unsigned level;
	uint64_t *e = walk(gpa, &level, false);

	if (!want_level) {
		assert_null(e);
		return;
	}
	assert_non_null(e);
	assert_int_equal(level, want_level);
	assert_int_equal(*e & PTE_ADDR, pa);
	assert_int_equal(s2.fmt->prot(*e), prot);
}

static void check_counts(void)
{
	unsigned dead = 0;

	for (uint64_t pa = s2.dead; pa; pa = *(uint64_t *)host_page_va(pa))
		dead++;
	assert_int_equal(fake.live, stage2_count(&s2).tables + dead + pool.n);
}

/* --- formats --- */

static void formats(void **state)
{
	const uint64_t pa = 0x123456000;

	assert_int_equal(npt_format.leaf(pa, 1, S2_ALL), pa | 7);
	assert_int_equal(npt_format.leaf(pa, 1, RX), pa | 5);
	assert_int_equal(npt_format.leaf(pa, 1, S2_READ), pa | 5 | 1ull << 63);
	assert_int_equal(npt_format.leaf(S2_HUGE, 2, S2_ALL), S2_HUGE | 0x87);
	assert_int_equal(npt_format.table(pa), pa | 7);
	assert_int_equal(npt_format.root(pa, true), pa);
	assert_int_equal(npt_format.accessed, 0x20);
	assert_int_equal(npt_format.dirty, 0x40);
	assert_int_equal(npt_format.write, 2);

	assert_int_equal(ept_format.leaf(pa, 1, S2_ALL), pa | 0x77);
	assert_int_equal(ept_format.leaf(pa, 1, RX), pa | 0x75);
	assert_int_equal(ept_format.leaf(S2_HUGE, 2, S2_READ), S2_HUGE | 0xf1);
	assert_int_equal(ept_format.table(pa), pa | 7);
	assert_int_equal(ept_format.root(pa, false), pa | 0x1e);
	assert_int_equal(ept_format.root(pa, true), pa | 0x5e);
	assert_int_equal(ept_format.accessed, 0x100);
	assert_int_equal(ept_format.dirty, 0x200);
	assert_int_equal(ept_format.write, 2);

	for (uint32_t prot = 1; prot < 8; prot += 2) {
		assert_int_equal(npt_format.prot(npt_format.leaf(pa, 1, prot)), prot);
		assert_int_equal(ept_format.prot(ept_format.leaf(pa, 1, prot)), prot);
	}
	assert_int_equal(npt_format.prot(0), 0);
	assert_int_equal(ept_format.prot(0), 0);
	assert_true(npt_format.is_leaf(npt_format.leaf(0, 2, RX), 2));
	assert_true(ept_format.is_leaf(ept_format.leaf(0, 2, RX), 2));
	assert_false(npt_format.is_leaf(npt_format.table(pa), 2));
	assert_false(ept_format.is_leaf(ept_format.table(pa), 2));
}

/* --- by hand; each for both formats, with and without bits --- */

static void map_and_zap(void)
{
	map(BASE, HOST, 1, RX, false);
	assert_int_equal(stage2_count(&s2).tables, 4);
	expect(BASE, 1, HOST, RX);
	expect(BASE + S2_PAGE, 0, 0, 0);
	map(BASE, HOST, 1, RX, false);
	map(BASE, HOST, 1, S2_ALL, false); /* more rights need no flush */
	expect(BASE, 1, HOST, S2_ALL);
	map(BASE, HOST, 1, RX, false); /* fewer are not taken away */
	expect(BASE, 1, HOST, S2_ALL);
	map(BASE, HOST + S2_PAGE, 1, S2_ALL, true);
	expect(BASE, 1, HOST + S2_PAGE, S2_ALL);
	check_counts();
	assert_false(stage2_zap(&s2, BASE + S2_PAGE, S2_PAGE, NULL));
	assert_false(stage2_zap(&s2, 0, BASE, NULL));
	assert_true(stage2_zap(&s2, BASE, S2_PAGE, NULL));
	expect(BASE, 0, 0, 0);
	assert_int_equal(stage2_count(&s2).tables, 1); /* the others wait for a flush */
	check_counts();
	assert_int_equal(fake.live, 4 + pool.n);
	stage2_bury(stage2_take_dead(&s2));
	assert_int_equal(fake.live, 1 + pool.n);
	assert_false(stage2_zap(&s2, 0, 1ull << 48, NULL));
	map((1ull << 48) - S2_PAGE, HOST, 1, RX, false);
	assert_true(stage2_zap(&s2, 0, 1ull << 48, NULL));
	assert_int_equal(stage2_count(&s2).leaves, 0);
}

static void huge_pages(void)
{
	bool flush;

	map(BASE, HOST, 2, S2_ALL, false);
	assert_int_equal(stage2_count(&s2).tables, 3);
	map(BASE + 5 * S2_PAGE, HOST + 5 * S2_PAGE, 1, S2_ALL, false); /* there already */
	assert_int_equal(stage2_count(&s2).leaves, 1);
	assert_true(access_page(BASE + 8 * S2_PAGE, true));
	map(BASE + 5 * S2_PAGE, HOST, 1, RX, true); /* splits it */
	assert_int_equal(stage2_count(&s2).leaves, 512);
	for (unsigned i = 0; i < 512; i++)
		if (i != 5)
			expect(gpa_of(i), 1, HOST + (uint64_t)i * S2_PAGE, S2_ALL);
	expect(gpa_of(5), 1, HOST, RX);
	check_counts();
	stage2_dirty(&s2, BASE, S2_HUGE, &whole, false);
	for (unsigned i = 0; i < 512; i++)
		assert_int_equal(bit(i), s2.ad_bits || i != 5); /* the split kept it */
	map(BASE, HOST + S2_HUGE, 2, RX, true); /* and together again */
	assert_int_equal(stage2_count(&s2).leaves, 1);
	check_counts();
	/* a part of it goes: all of it does, but the log gets no more than it asks for */
	map(BASE, HOST + S2_HUGE, 2, S2_ALL, false);
	assert_true(access_page(BASE, true));
	memset(bits, 0, sizeof(bits));
	stage2_dirty(&s2, BASE, S2_PAGE,
		     &(struct stage2_log){ bits, BASE + 8 * S2_PAGE, 8 * S2_PAGE }, false);
	assert_int_equal(bits[0], 0xff);
	assert_true(stage2_zap(&s2, BASE + S2_PAGE, S2_PAGE, NULL));
	assert_int_equal(stage2_count(&s2).leaves, 0);
	check_counts();
	stage2_pool_drain(&pool);
	assert_int_equal(stage2_map(&s2, &pool, BASE, HOST, 1, RX, &flush), -ENOMEM);
	fake.allocs_left = 1;
	assert_int_equal(stage2_pool_fill(&pool), -ENOMEM);
	assert_int_equal(pool.n, 1);
	assert_int_equal(stage2_map(&s2, &pool, BASE, HOST, 1, RX, &flush), -ENOMEM);
	fake.allocs_left = -1;
	stage2_zap(&s2, BASE, S2_PAGE, NULL);
	assert_int_equal(stage2_count(&s2).tables, 1);
	check_counts();
}

/* Asks and expects these bits of the first pages, and whether a flush is wanted. */
static void dirty_is(unsigned long want, bool clear, bool flush)
{
	memset(bits, 0, sizeof(bits));
	assert_int_equal(stage2_dirty(&s2, whole.gpa, whole.len, &whole, clear), flush);
	assert_int_equal(bits[0], want);
	for (unsigned i = 1; i < PAGES / 64; i++)
		assert_int_equal(bits[i], 0);
}

static void dirty_pages(void)
{
	for (unsigned i = 0; i < 8; i++)
		map(gpa_of(i), HOST + i * S2_PAGE, 1, i < 4 && !s2.ad_bits ? RX : S2_ALL, false);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(access_page(gpa_of(i), i >= 4), true);
	dirty_is(0xf0, false, false);
	dirty_is(0xf0, true, true);
	dirty_is(0, true, false);
	assert_int_equal(access_page(gpa_of(6), true), s2.ad_bits);
	if (!s2.ad_bits)
		map(gpa_of(6), HOST + 6 * S2_PAGE, 1, S2_ALL, false);
	assert_true(access_page(gpa_of(6), true));
	dirty_is(0x40, false, false);
	assert_false(stage2_clean(&s2, BASE, 0xbf));
	assert_true(stage2_clean(&s2, BASE, 0x40));
	dirty_is(0, false, false);
	/* what goes leaves its dirtiness in the log */
	map(gpa_of(6), HOST + 6 * S2_PAGE, 1, S2_ALL, false);
	map(gpa_of(7), HOST + 7 * S2_PAGE, 1, S2_ALL, false);
	assert_true(access_page(gpa_of(6), true));
	assert_true(access_page(gpa_of(7), true));
	memset(bits, 0, sizeof(bits));
	assert_true(stage2_zap(&s2, gpa_of(7), S2_PAGE, &whole));
	assert_int_equal(bits[0], 0x80);
	assert_false(access_page(gpa_of(7), true));
	dirty_is(0x40, true, true);
}

/* A page becomes dirty by a cached walk, between the query and its flush: the next one finds it. */
static void dirty_before_flush(void)
{
	unsigned level;

	map(BASE, HOST, 1, S2_ALL, false);
	access_page(BASE, true);
	dirty_is(1, true, true);
	if (s2.ad_bits)
		*walk(BASE, &level, false) |= s2.fmt->dirty;
	else
		map(BASE, HOST, 1, S2_ALL, false);
	dirty_is(1, true, true);
	dirty_is(0, true, false);
	dirty_is(0, true, false);
	/* now the subtree is known to be clean: what no processor does is not seen */
	if (s2.ad_bits) {
		*walk(BASE, &level, false) |= s2.fmt->dirty;
		dirty_is(0, true, false);
		access_page(BASE, false);
		dirty_is(1, true, true);
	}
}

/* The dirty ones of the first four pages, which are clean then. */
static unsigned long dirty_of_four(void)
{
	memset(bits, 0, sizeof(bits));
	stage2_dirty(&s2, BASE, 4 * S2_PAGE, &whole, true);
	return bits[0];
}

/* A table that maps more than is asked for is looked through each time. */
static void dirty_part_of_table(void)
{
	unsigned level;

	map(BASE, HOST, 1, S2_ALL, false);
	map(gpa_of(9), HOST + S2_PAGE, 1, S2_ALL, false);
	access_page(BASE, true);
	access_page(gpa_of(9), true);
	assert_int_equal(dirty_of_four(), 1);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(dirty_of_four(), 0);
	if (!s2.ad_bits)
		return;
	*walk(BASE, &level, false) |= s2.fmt->dirty;
	assert_int_equal(dirty_of_four(), 1);
	stage2_zap(&s2, gpa_of(9), S2_PAGE, NULL);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(dirty_of_four(), 0);
	*walk(BASE, &level, false) |= s2.fmt->dirty;
	assert_int_equal(dirty_of_four(), 0);
	access_page(BASE, false);
	assert_int_equal(dirty_of_four(), 1);
}

static void young_pages(void)
{
	bool young;

	stage2_young(&s2, BASE, S2_HUGE, NULL, true, &young);
	assert_false(young);
	map(BASE, HOST, 1, S2_ALL, false);
	access_page(BASE, true);
	assert_false(stage2_young(&s2, BASE, S2_HUGE, &whole, false, &young));
	assert_true(young);
	assert_int_equal(stage2_young(&s2, BASE, S2_HUGE, &whole, true, &young), !s2.ad_bits);
	assert_true(young);
	stage2_young(&s2, BASE, S2_HUGE, &whole, true, &young);
	assert_false(young);
	assert_int_equal(bit(0), !s2.ad_bits); /* zapped */
	assert_int_equal(access_page(BASE, false), s2.ad_bits);
}

/* --- random operations beside the model --- */

static struct page {
	uint64_t pa;
	uint32_t prot; /* 0: not mapped */
	bool huge, accessed, dirty;
} model[PAGES];
static unsigned long model_log[PAGES / 64]; /* dirtiness that the tables have lost */

static bool is_dirty(const struct page *p)
{
	return s2.ad_bits ? p->dirty : p->prot & S2_WRITE;
}

static void model_map(unsigned page, uint64_t pa, bool huge, uint32_t prot)
{
	unsigned first = page & ~511u;
	struct page old = model[page];

	if (old.prot && old.pa == pa && !(prot & ~old.prot) && (old.huge || !huge))
		return;
	if (huge)
		for (unsigned i = 0; i < 512; i++)
			model[page + i] = (struct page){ pa + (uint64_t)i * S2_PAGE, prot, true,
							 old.huge && old.accessed,
							 old.huge && old.dirty };
	for (unsigned i = 0; !huge && i < 512; i++)
		model[first + i].huge = false;
	if (!huge)
		model[page] = (struct page){ pa, prot, false, old.accessed, old.dirty };
}

static void model_zap(unsigned page)
{
	unsigned first = model[page].huge ? page & ~511u : page;
	unsigned n = model[page].huge ? 512 : 1;

	for (unsigned i = first; i < first + n; i++) {
		if (is_dirty(&model[i]))
			model_log[i / 64] |= 1ul << i % 64;
		model[i] = (struct page){ 0 };
	}
}

static void model_clean(unsigned page)
{
	unsigned first = model[page].huge ? page & ~511u : page;
	unsigned n = model[page].huge ? 512 : 1;

	for (unsigned i = first; i < first + n; i++) {
		model[i].dirty = false;
		if (!s2.ad_bits)
			model[i].prot &= ~S2_WRITE;
	}
}

static void random_map(void)
{
	static const uint32_t prots[] = { S2_ALL, RX, S2_ALL, S2_READ };
	bool flush, huge = rand() % 8 == 0, moved = rand() % 4 == 0;
	unsigned page = rand() % PAGES & (huge ? ~511u : ~0u);
	uint64_t pa = HOST + (uint64_t)page * S2_PAGE + (moved ? S2_HUGE : 0);
	uint32_t prot = prots[rand() % 4];

	assert_int_equal(stage2_pool_fill(&pool), 0);
	assert_int_equal(stage2_map(&s2, &pool, gpa_of(page), pa, huge ? 2 : 1, prot, &flush), 0);
	model_map(page, pa, huge, prot);
}

static void random_access(void)
{
	unsigned page = rand() % PAGES;
	bool write = rand() % 2, ok = model[page].prot && (!write || (model[page].prot & S2_WRITE));
	unsigned first = model[page].huge ? page & ~511u : page;
	unsigned n = model[page].huge ? 512 : 1;

	assert_int_equal(access_page(gpa_of(page), write), ok);
	for (unsigned i = first; ok && s2.ad_bits && i < first + n; i++) {
		model[i].accessed = true;
		model[i].dirty |= write;
	}
}

/* bits has what the tables say, model_log[] and lost bits aside. */
static void random_dirty(unsigned from, unsigned to)
{
	bool clear = rand() % 2;
	unsigned long want[PAGES / 64] = { 0 };

	memset(bits, 0, sizeof(bits));
	for (unsigned i = from; i < to; i++) {
		if (!is_dirty(&model[i]))
			continue;
		if (model[i].huge)
			for (unsigned j = i & ~511u; j <= (i | 511); j++)
				want[j / 64] |= 1ul << j % 64;
		want[i / 64] |= 1ul << i % 64;
	}
	for (unsigned i = from; clear && i < to; i++)
		if (is_dirty(&model[i]))
			model_clean(i);
	stage2_dirty(&s2, gpa_of(from), (uint64_t)(to - from) * S2_PAGE, &whole, clear);
	assert_memory_equal(bits, want, sizeof(bits));
}

static void random_clean(unsigned from)
{
	uint64_t which = (uint64_t)rand() << 32 | rand();

	from &= ~63u;
	for (unsigned i = 0; i < 64; i++)
		if ((which >> i & 1) && !model[from + i].huge && is_dirty(&model[from + i]))
			model_clean(from + i);
	stage2_clean(&s2, gpa_of(from), which);
}

static void random_young(unsigned from, unsigned to)
{
	bool young, want = false, clear = rand() % 2;

	for (unsigned i = from; i < to; i++)
		want |= s2.ad_bits ? model[i].accessed : model[i].prot != 0;
	for (unsigned i = from; clear && i < to; i++) {
		if (!s2.ad_bits)
			model_zap(i);
		for (unsigned j = i & ~511u; model[i].huge && j <= (i | 511); j++)
			model[j].accessed = false;
		model[i].accessed = false;
	}
	stage2_young(&s2, gpa_of(from), (uint64_t)(to - from) * S2_PAGE, &whole, clear, &young);
	assert_int_equal(young, want);
}

/* What it takes away is in the log. */
static void random_zap(unsigned from, unsigned to)
{
	memset(bits, 0, sizeof(bits));
	memset(model_log, 0, sizeof(model_log));
	for (unsigned i = from; i < to; i++)
		model_zap(i);
	stage2_zap(&s2, gpa_of(from), (uint64_t)(to - from) * S2_PAGE, &whole);
	assert_memory_equal(bits, model_log, sizeof(bits));
}

static void compare(void)
{
	for (unsigned i = 0; i < PAGES; i++) {
		const struct page *m = &model[i];
		unsigned level;
		uint64_t *e = walk(gpa_of(i), &level, false);

		assert_int_equal(e != NULL, m->prot != 0);
		if (!e)
			continue;
		assert_int_equal(level, m->huge ? 2 : 1);
		assert_int_equal((*e & PTE_ADDR) + (m->huge ? (uint64_t)(i & 511) * S2_PAGE : 0),
				 m->pa);
		assert_int_equal(s2.fmt->prot(*e), m->prot);
		if (s2.ad_bits) {
			assert_int_equal((*e & s2.fmt->accessed) != 0, m->accessed);
			assert_int_equal((*e & s2.fmt->dirty) != 0, m->dirty);
		}
	}
	check_counts();
}

static void random_step(void)
{
	unsigned from = rand() % PAGES, to = from + 1 + rand() % (PAGES - from);

	if (rand() % 2)
		to = from + 1;
	switch (rand() % 16) {
	case 0:
	case 1:
		random_zap(from, to);
		break;
	case 2:
		random_dirty(rand() % 2 ? 0 : from, to);
		break;
	case 3:
		random_clean(from);
		break;
	case 4:
		random_young(from, to);
		break;
	case 5:
		stage2_bury(stage2_take_dead(&s2));
		break;
	default:
		if (rand() % 2)
			random_map();
		else
			random_access();
	}
}

static void random_operations(void)
{
	memset(model, 0, sizeof(model));
	srand(1);
	for (unsigned i = 0; i < ROUNDS; i++) {
		random_step();
		if (i % 16 == 0)
			compare();
	}
	stage2_zap(&s2, whole.gpa, whole.len, NULL);
	assert_int_equal(stage2_count(&s2).leaves, 0);
	assert_int_equal(stage2_count(&s2).tables, 1);
	check_counts();
}

/* --- all of them, four times --- */

static void each_way(void (*test)(void))
{
	for (unsigned i = 0; i < 4; i++) {
		start(i & 1 ? &ept_format : &npt_format, i & 2);
		test();
		finish();
	}
}

static void no_memory(void **state)
{
	fake_host_reset();
	fake.allocs_left = 0;
	assert_int_equal(stage2_init(&s2, &npt_format, true), -ENOMEM);
	finish();
}

#define EACH_WAY(name) static void test_##name(void **state) { each_way(name); }
EACH_WAY(map_and_zap)
EACH_WAY(huge_pages)
EACH_WAY(dirty_pages)
EACH_WAY(dirty_before_flush)
EACH_WAY(dirty_part_of_table)
EACH_WAY(young_pages)
EACH_WAY(random_operations)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(test_map_and_zap),
		cmocka_unit_test(test_huge_pages),
		cmocka_unit_test(test_dirty_pages),
		cmocka_unit_test(test_dirty_before_flush),
		cmocka_unit_test(test_dirty_part_of_table),
		cmocka_unit_test(test_young_pages),
		cmocka_unit_test(test_random_operations),
	};

	return cmocka_run_group_tests_name("stage2", tests, NULL, NULL);
}
