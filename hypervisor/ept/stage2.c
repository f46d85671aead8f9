// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walker of second-stage page tables, for both formats. An entry is 0 when there is nothing:
 * that is all that is known of it here without asking the format. The processor sets accessed and
 * dirty bits at any time, so that entries change by atomic operations only.
 * Missing: 1 GiB leaves, five levels.
 *
 * References: Intel SDM 3, "The Extended Page Table Mechanism (EPT)", "Caching Translation
 * Information"; AMD APM 2, "Nested Paging", "Translation-Lookaside Buffer (TLB)".
 */
#include "stage2.h"
#include "cpu.h"
#include "errno_names.h"
#include "x86.h"

enum { ENTRIES = 512, INDEX_BITS = 9 };

/*
 * Our own bit of an entry that names a table; no processor looks at it. With it and the accessed
 * bit off no leaf below is dirty, and stage2_dirty() need not look: see may_be_dirty().
 */
#define UNSURE (1ull << 58)
/* Our own bit of a leaf: it was writable before stage2_hold(). */
#define HELD   (1ull << 52)
#define ALL    (~0ull)

/* Bytes that one entry of a level stands for. */
static uint64_t span(unsigned level)
{
	return 1ull << (PAGE_SHIFT_4K + INDEX_BITS * (level - 1));
}

static unsigned index_of(uint64_t gpa, unsigned level)
{
	return gpa >> (PAGE_SHIFT_4K + INDEX_BITS * (level - 1)) & (ENTRIES - 1);
}

static uint64_t *entry_of(uint64_t table, uint64_t gpa, unsigned level)
{
	return (uint64_t *)host_page_va(table & PTE_ADDR) + index_of(gpa, level);
}

/* What makes a leaf dirty. */
static uint64_t dirty_mask(const struct stage2 *s)
{
	return s->ad_bits ? s->fmt->dirty : s->fmt->write;
}

static uint64_t ad_mask(const struct stage2 *s)
{
	return s->ad_bits ? s->fmt->accessed | s->fmt->dirty : 0;
}

/* --- pool, lifetime --- */

int stage2_pool_fill(struct stage2_pool *p)
{
	while (p->n < HV_ARRAY(p->page)) {
		if (host_page_new(&p->page[p->n], 0))
			return -ENOMEM;
		p->n++;
	}
	return 0;
}

void stage2_pool_drain(struct stage2_pool *p)
{
	while (p->n)
		host_page_del(&p->page[--p->n], 0);
}

int stage2_init(struct stage2 *s, const struct stage2_format *fmt, bool ad_bits)
{
	*s = (struct stage2){ .fmt = fmt, .ad_bits = ad_bits && fmt->dirty };
	if (host_page_new(&s->root, 0))
		return -ENOMEM;
	s->root_value = fmt->root(s->root.pa, s->ad_bits);
	return 0;
}

static void free_table(uint64_t pa)
{
	struct host_page page = { .va = host_page_va(pa), .pa = pa };

	host_page_del(&page, 0);
}

static void free_tables(const struct stage2 *s, uint64_t pa, unsigned level)
{
	const uint64_t *table = host_page_va(pa);

	for (unsigned i = 0; level > 1 && i < ENTRIES; i++)
		if (table[i] && !s->fmt->is_leaf(table[i], level))
			free_tables(s, table[i] & PTE_ADDR, level - 1);
	free_table(pa);
}

void stage2_fini(struct stage2 *s)
{
	stage2_bury(stage2_take_dead(s));
	if (s->root.va)
		free_tables(s, s->root.pa, S2_LEVELS);
	s->root.va = NULL;
}

/*
 * A dead table's first entry is the address of the next one: to a processor that still walks it
 * that is, as the low bits are 0, an entry that is not present, as all others are.
 */
static void bequeath(struct stage2 *s, uint64_t entry)
{
	uint64_t pa = entry & PTE_ADDR;
	uint64_t *table = host_page_va(pa);

	cpu_store(&table[0], s->dead);
	s->dead = pa;
}

uint64_t stage2_take_dead(struct stage2 *s)
{
	uint64_t dead = s->dead;

	s->dead = 0;
	return dead;
}

void stage2_bury(uint64_t dead)
{
	while (dead) {
		uint64_t next = *(uint64_t *)host_page_va(dead);

		free_table(dead);
		dead = next;
	}
}

/* --- map --- */

/* Puts a table of the pool where old is: empty, or with what old, a 2 MiB leaf, has mapped. */
static int grow(struct stage2 *s, struct stage2_pool *p, uint64_t *e, uint64_t old, uint64_t *now)
{
	uint64_t first, ad, *table;

	if (!p->n)
		return -ENOMEM;
	p->n--;
	*now = s->fmt->table(p->page[p->n].pa);
	if (!old) {
		cpu_store(e, *now);
		return 0;
	}
	table = p->page[p->n].va;
	first = s->fmt->leaf(old & PTE_ADDR, 1, s->fmt->prot(old));
	for (unsigned i = 0; i < ENTRIES; i++)
		table[i] = first + (uint64_t)i * S2_PAGE;
	*now |= UNSURE;
	ad = cpu_swap(e, *now) & ad_mask(s); /* some may have been set since old was read */
	for (unsigned i = 0; ad && i < ENTRIES; i++)
		cpu_or(&table[i], ad);
	return 0;
}

/* Does the leaf, level its own, map gpa to pa with at least these rights? */
static bool suffices(const struct stage2 *s, uint64_t leaf, unsigned level, uint64_t gpa,
		     uint64_t pa, uint32_t prot)
{
	uint64_t offset = gpa & (span(level) - 1);

	return (leaf & PTE_ADDR) + offset == pa && !(prot & ~s->fmt->prot(leaf));
}

/* Accessed and dirty bits of a leaf that makes way stay with the new one. */
static void set_leaf(struct stage2 *s, uint64_t *e, uint64_t leaf, unsigned level, bool *flush)
{
	uint64_t old = cpu_swap(e, leaf);

	if (!old)
		return;
	if (!s->fmt->is_leaf(old, level)) {
		uint64_t *table = host_page_va(old & PTE_ADDR);

		for (unsigned i = 0; i < ENTRIES; i++)
			cpu_store(&table[i], 0);
		bequeath(s, old);
		*flush = true;
		return;
	}
	if (old & ad_mask(s))
		cpu_or(e, old & ad_mask(s));
	if (((old ^ leaf) & PTE_ADDR) || (s->fmt->prot(old) & ~s->fmt->prot(leaf)))
		*flush = true;
}

int stage2_map(struct stage2 *s, struct stage2_pool *p, uint64_t gpa, uint64_t pa, unsigned level,
	       uint32_t prot, bool *flush)
{
	bool is_leaf, unsure = !s->ad_bits && (prot & S2_WRITE);
	uint64_t *e, val, table = s->root.pa;

	*flush = false;
	for (unsigned l = S2_LEVELS;; l--) {
		e = entry_of(table, gpa, l);
		val = cpu_load(e);
		is_leaf = val && s->fmt->is_leaf(val, l);
		if (is_leaf && suffices(s, val, l, gpa, pa, prot))
			return 0;
		if (l == level)
			break;
		if (!val || is_leaf)
			if (grow(s, p, e, val, &val))
				return -ENOMEM;
		*flush |= is_leaf; /* it was split: sizes change only with a flush */
		if (unsure && !(val & UNSURE))
			cpu_or(e, UNSURE);
		table = val;
	}
	set_leaf(s, e, s->fmt->leaf(pa, level, prot), level, flush);
	return 0;
}

/* --- one pass over the leaves of a range --- */

struct pass {
	struct stage2 *s;
	const struct stage2_log *log; /* gets the dirty ones; NULL: nobody wants to know */
	uint64_t mask;	/* a leaf without any of these bits is not visited */
	uint64_t strip; /* bits that a leaf loses; all: it goes */
	uint64_t give;	/* bits that it gets */
	uint64_t gpa, which; /* not 0: only 4 KiB leaves whose bit, counted from gpa, is set */
	bool dirty;	/* subtrees that cannot be dirty are skipped */
	bool tables;	/* of a table that is wholly in the range, the entry that names it counts */
	bool flush, found; /* what came of it */
};

static void log_leaf(const struct stage2_log *log, uint64_t gpa, unsigned level)
{
	for (uint64_t end = gpa + span(level); gpa < end; gpa += S2_PAGE) {
		uint64_t page = (gpa - log->gpa) / S2_PAGE;

		if (page < log->len / S2_PAGE)
			cpu_or(&log->bits[page / 64], 1ul << page % 64);
	}
}

static void pass_leaf(struct pass *p, uint64_t *e, uint64_t gpa, unsigned level)
{
	uint64_t old;

	if (p->which && (level > 1 || !(p->which >> (gpa - p->gpa) / S2_PAGE & 1)))
		return;
	old = p->strip ? cpu_and(e, ~p->strip) : cpu_load(e);
	if (p->give)
		cpu_or(e, p->give);
	p->found = true;
	p->flush |= (p->strip & ~p->s->fmt->accessed) != 0;
	if (p->log && p->log->bits && (old & dirty_mask(p->s)))
		log_leaf(p->log, gpa, level);
}

/*
 * The first entry from e on with a bit of the mask. Most have none: eight are looked at together.
 * What the processor sets meanwhile is seen or not: whoever needs it looks again after a flush.
 */
static uint64_t *next_leaf(uint64_t *e, uint64_t *end, uint64_t mask)
{
	for (; end - e >= 8; e += 8)
		if ((e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7]) & mask)
			break;
	while (e < end && !(*e & mask))
		e++;
	return e;
}

static void pass_leaves(struct pass *p, uint64_t *first, uint64_t gpa, uint64_t n)
{
	uint64_t *e = next_leaf(first, first + n, p->mask);

	for (; e < first + n; e = next_leaf(e + 1, first + n, p->mask))
		pass_leaf(p, e, gpa + (e - first) * S2_PAGE, 1);
}

/* Is all that the table of an entry maps in [gpa, end)? */
static bool maps_only(uint64_t entry, unsigned level, uint64_t gpa, uint64_t end)
{
	uint64_t *table = host_page_va(entry & PTE_ADDR), *from, *to;

	if (level > 2 || end - gpa == span(level))
		return end - gpa == span(level);
	from = &table[index_of(gpa, 1)];
	to = from + (end - gpa) / S2_PAGE;
	return next_leaf(table, from, ALL) == from &&
	       next_leaf(to, table + ENTRIES, ALL) == table + ENTRIES;
}

/*
 * A processor that makes a leaf dirty walks there, which sets the accessed bit of each table on
 * its way, unless it has cached the way since before our last flush. So a table whose accessed bit
 * we cleared is unsure until it has been looked through once more after that flush; from then on it
 * can be skipped until the accessed bit is on again. Without these bits stage2_map() says UNSURE.
 */
static bool may_be_dirty(struct pass *p, uint64_t *e, unsigned level, uint64_t gpa, uint64_t end)
{
	uint64_t accessed = ad_mask(p->s) & p->s->fmt->accessed;
	uint64_t val = cpu_load(e);

	if (!(val & (accessed | UNSURE)))
		return false;
	if (!p->strip || !maps_only(val, level, gpa, end))
		return true;
	if (val & accessed) {
		cpu_or(e, UNSURE);
		p->flush = true;
	}
	cpu_and(e, val & accessed ? ~accessed : ~UNSURE);
	return true;
}

/* Rights are those that an entry and all above it give. Only here does a table's lack one. */
static void hold_table(struct pass *p, uint64_t *e, uint64_t val)
{
	bool take = p->strip & p->s->fmt->write;

	if (take == !(val & p->s->fmt->write))
		return;
	if (take)
		cpu_and(e, ~p->s->fmt->write);
	else
		cpu_or(e, p->s->fmt->write);
	p->flush = true;
}

static void pass_table(struct pass *p, uint64_t *table, unsigned level, uint64_t gpa, uint64_t end);

/* What one entry above level 1 stands for, of which [gpa, end) is in the range. */
static void pass_entry(struct pass *p, uint64_t *e, unsigned level, uint64_t gpa, uint64_t end)
{
	uint64_t *below, val = cpu_load(e);

	if (!val)
		return;
	if (p->s->fmt->is_leaf(val, level)) {
		if (val & p->mask)
			pass_leaf(p, e, gpa & ~(span(level) - 1), level);
		return;
	}
	if (p->tables && level == 2 && end - gpa == span(2)) {
		hold_table(p, e, val);
		return;
	}
	if (p->dirty && !may_be_dirty(p, e, level, gpa, end))
		return;
	below = host_page_va(val & PTE_ADDR);
	if (level == 2)
		pass_leaves(p, &below[index_of(gpa, 1)], gpa, (end - gpa) / S2_PAGE);
	else
		pass_table(p, below, level - 1, gpa, end);
	if (p->strip == ALL && next_leaf(below, below + ENTRIES, ALL) == below + ENTRIES) {
		bequeath(p->s, cpu_swap(e, 0));
		p->flush = true;
	}
}

static void pass_table(struct pass *p, uint64_t *table, unsigned level, uint64_t gpa, uint64_t end)
{
	uint64_t next;

	for (; gpa < end; gpa = next) {
		next = (gpa | (span(level) - 1)) + 1;
		if (next > end)
			next = end;
		pass_entry(p, &table[index_of(gpa, level)], level, gpa, next);
	}
}

static bool pass(struct pass *p, uint64_t gpa, uint64_t len)
{
	const uint64_t page = S2_PAGE - 1;

	pass_table(p, p->s->root.va, S2_LEVELS, gpa & ~page, (gpa + len + page) & ~page);
	return p->flush;
}

/* --- what a pass is for --- */

bool stage2_zap(struct stage2 *s, uint64_t gpa, uint64_t len, const struct stage2_log *log)
{
	struct pass p = { .s = s, .log = log, .mask = ALL, .strip = ALL };

	return pass(&p, gpa, len);
}

bool stage2_dirty(struct stage2 *s, uint64_t gpa, uint64_t len, const struct stage2_log *log,
		  bool clear)
{
	struct pass p = { .s = s, .log = log, .mask = dirty_mask(s), .dirty = true,
			  .strip = clear ? dirty_mask(s) : 0 };

	return pass(&p, gpa, len);
}

bool stage2_clean(struct stage2 *s, uint64_t gpa, uint64_t which)
{
	struct pass p = { .s = s, .mask = dirty_mask(s), .strip = dirty_mask(s), .gpa = gpa,
			  .which = which };

	return which && pass(&p, gpa, 64 * S2_PAGE);
}

bool stage2_hold(struct stage2 *s, uint64_t gpa, uint64_t len, bool take)
{
	const uint64_t w = s->fmt->write;
	struct pass p = { .s = s, .mask = take ? w : HELD, .strip = take ? w : HELD,
			  .give = take ? HELD : w, .tables = true };

	return s->ad_bits && pass(&p, gpa, len);
}

bool stage2_young(struct stage2 *s, uint64_t gpa, uint64_t len, const struct stage2_log *log,
		  bool clear, bool *young)
{
	struct pass p = { .s = s, .mask = s->ad_bits ? s->fmt->accessed : ALL };

	p.strip = clear ? p.mask : 0;
	p.log = p.strip == ALL ? log : NULL;
	pass(&p, gpa, len);
	*young = p.found;
	return p.flush;
}
