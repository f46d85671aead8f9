// SPDX-License-Identifier: GPL-2.0-only
/*
 * Video memory on KVM, which is a fake here: ioctl() is ours and keeps a dirty log as KVM does. Who
 * looks takes the pages that are found; what it has must be what the guest wrote.
 */
#include "rig.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kvm/kvm_priv.h"

enum { PAGE = VRAM_PAGE, PAGES = 1100, LONG_BITS = 64, TABLE = 512, VM = 1000, LATE = 8 };

#define FRAME_NS (17 * NS_PER_MS)

struct fixture {
	struct rig *r;
	struct kvm *k;
	struct region region;
	struct vram_look look;
	unsigned long bitmap[PAGES / LONG_BITS + 1];
	/* the fake, by pages of the region; what may be written without a fault is in the log */
	bool dirty[PAGES];
	unsigned gets, clears, faults, told;
	int refuse;			/* errno of both calls */
	unsigned value[PAGES], drawn[PAGES];
	unsigned writes;
	void (*meanwhile)(struct fixture *f); /* between KVM_GET_DIRTY_LOG and what follows */
	unsigned late[LATE], n_late;	/* writes that wait for access during a look */
	uint32_t seed;
};

static struct fixture *now; /* the one that ioctl() is for */

/* --- KVM --- */

static int get_log(struct fixture *f, const struct kvm_dirty_log *get)
{
	const struct kvm_slot *s = &f->k->slot[get->slot];
	unsigned long *bits = get->dirty_bitmap;

	f->gets++;
	memset(bits, 0, (s->len / PAGE + LONG_BITS - 1) / LONG_BITS * sizeof(*bits));
	for (unsigned i = 0; i < s->len / PAGE; i++)
		bits[i / LONG_BITS] |= (unsigned long)f->dirty[s->off / PAGE + i] << i % LONG_BITS;
	if (f->meanwhile)
		f->meanwhile(f);
	return 0;
}

static int clear_log(struct fixture *f, const struct kvm_clear_dirty_log *clear)
{
	const struct kvm_slot *s = &f->k->slot[clear->slot];
	const unsigned long *bits = clear->dirty_bitmap;
	uint64_t first = clear->first_page, n = clear->num_pages, pages = s->len / PAGE;

	f->clears++;
	assert_int_equal(first % LONG_BITS, 0);
	assert_true(n && first < pages && n <= pages - first);
	assert_true(n % LONG_BITS == 0 || first + n == pages);
	for (unsigned i = 0; i < n; i++)
		if (bits[i / LONG_BITS] >> i % LONG_BITS & 1)
			f->dirty[s->off / PAGE + first + i] = false;
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	void *arg;
	va_list ap;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	assert_int_equal(fd, VM);
	if (request == KVM_CHECK_EXTENSION)
		return 0;
	if (now->refuse) {
		errno = now->refuse;
		return -1;
	}
	if (request == KVM_GET_DIRTY_LOG)
		return get_log(now, arg);
	assert_int_equal(request, KVM_CLEAR_DIRTY_LOG);
	return clear_log(now, arg);
}

/* --- the guest --- */

static bool held(const struct fixture *f, unsigned page)
{
	const struct kvm_vram *t = &f->k->vram;

	return t->held && page >= t->off / PAGE && page < (t->off + t->len) / PAGE;
}

static void guest_writes(struct fixture *f, unsigned page)
{
	if (held(f, page))
		assert_true(kvm_vram_fault(f->k, f->k->vram.turns));
	assert_false(held(f, page));
	f->faults += !f->dirty[page];
	f->dirty[page] = true;
	f->value[page] = ++f->writes;
}

/* During a look: who meets a fault that comes out of KVM_RUN waits for its end. */
static void guest_writes_meanwhile(struct fixture *f, unsigned page)
{
	if (!held(f, page))
		guest_writes(f, page);
	else if (f->n_late < LATE)
		f->late[f->n_late++] = page;
}

static void guest_writes_all(struct fixture *f, unsigned first, unsigned n)
{
	while (n--)
		guest_writes(f, first++);
}

/* --- who draws --- */

static void woken(void *dev)
{
	struct fixture *f = dev;

	f->told++;
}

static void expect_same(const struct fixture *f)
{
	uint64_t first = f->look.off / PAGE, n = f->look.len / PAGE;

	assert_memory_equal(f->drawn + first, f->value + first, n * sizeof(*f->drawn));
}

/* The pages that it finds of those that show. */
static unsigned look(struct fixture *f)
{
	uint64_t first = f->look.off / PAGE, end = first + f->look.len / PAGE, turns;
	unsigned found = 0;

	turns = f->k->vram.turns;
	memset(f->bitmap, 0, sizeof(f->bitmap));
	assert_int_equal(kvm_vram_look(f->k, &f->look), -f->refuse);
	for (unsigned i = 0; i < PAGES; i++) {
		if (!(f->bitmap[i / LONG_BITS] >> i % LONG_BITS & 1))
			continue;
		f->drawn[i] = f->value[i];
		found += i >= first && i < end;
	}
	if (f->look.idle)
		expect_same(f);
	for (; f->n_late; f->n_late--) { /* nobody enters the guest while a look is made */
		assert_true(kvm_vram_fault(f->k, turns));
		guest_writes(f, f->late[f->n_late - 1]);
	}
	return found;
}

static unsigned look_later(struct fixture *f, uint64_t ns)
{
	rig_advance(f->r, ns);
	return look(f);
}

/* Looks until it rests; how long that took. */
static uint64_t rest(struct fixture *f)
{
	uint64_t begin = rig_now(f->r);

	do {
		look_later(f, FRAME_NS);
		assert_true(rig_now(f->r) - begin < 10 * NS_PER_SEC);
	} while (!f->look.idle);
	return rig_now(f->r) - begin;
}

/* --- the tests --- */

static void set_slot(struct fixture *f, unsigned n, uint64_t first, uint64_t pages)
{
	struct kvm_slot *s = &f->k->slot[n];

	*s = (struct kvm_slot){ .gpa = 0xe0000000 + first * PAGE, .len = pages * PAGE,
				.off = first * PAGE, .region = &f->region,
				.flags = KVM_MEM_LOG_DIRTY_PAGES };
	s->host = kvm_vram_host(f->k, &f->region) + s->off;
	kvm_vram_moved(f->k);
	memset(f->dirty + first, 0, pages);
}

/* The first table shows, and has been drawn. */
static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	now = f;
	f->r = rig_new();
	f->k = calloc(1, sizeof(*f->k));
	f->k->m = f->r->m;
	f->k->vm = VM;
	f->seed = 1;
	f->region.flags = REGION_LOG_DIRTY;
	f->region.len = PAGES * PAGE;
	f->region.host = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(kvm_vram_init(f->k), 0);
	set_slot(f, 5, 0, PAGES);
	f->look = (struct vram_look){ .region = &f->region, .len = TABLE * PAGE, .rest = true,
				      .idle_ns = kvm_vram_idle_ns(f->k), .bitmap = f->bitmap,
				      .woken = woken, .dev = f };
	rig_advance(f->r, NS_PER_SEC);
	assert_int_equal(look(f), TABLE);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	kvm_vram_fini(f->k);
	munmap(f->region.host, PAGES * PAGE);
	free(f->k);
	rig_free(f->r);
	free(f);
	return 0;
}

static void test_alone(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(look_later(f, FRAME_NS), 0);
	assert_int_equal(f->clears, 0);
	for (unsigned i = 1; i < 100; i++) { /* a cursor that blinks */
		guest_writes(f, 7);
		assert_int_equal(look_later(f, FRAME_NS), 1);
		assert_int_equal(look_later(f, FRAME_NS), 0);
		assert_int_equal(f->faults, i);
	}
	assert_int_equal(f->k->stats.dirty_pages, 99);
	guest_writes(f, 7);
	assert_int_equal(look_later(f, f->look.idle_ns), 1);
	assert_false(f->look.idle); /* not with a look that finds something */
}

static void test_hot(void **state)
{
	struct fixture *f = *state;
	unsigned looks = 0;

	for (; rig_now(f->r) < 11 * NS_PER_SEC; looks++) { /* ten seconds of a moving picture */
		guest_writes_all(f, 0, 400);
		assert_int_equal(look_later(f, FRAME_NS), 400);
		expect_same(f);
	}
	assert_true(looks > 500);
	assert_in_range(f->faults, 400 * 10, 400 * 25); /* not at each look */
}

static void test_hot_ends(void **state)
{
	struct fixture *f = *state;
	uint64_t begin;

	for (unsigned i = 0; i < 100; i++) {
		guest_writes_all(f, 100, 50);
		look_later(f, FRAME_NS);
	}
	begin = rig_now(f->r);
	guest_writes(f, 300); /* another one that is not written again */
	look_later(f, FRAME_NS);
	while (look_later(f, FRAME_NS))
		assert_true(rig_now(f->r) - begin < NS_PER_SEC);
	assert_false(f->dirty[100] || f->dirty[149] || f->dirty[300]);
	rest(f);
	assert_true(rig_now(f->r) - begin <= f->look.idle_ns * 3 / 2);
	assert_int_equal(f->told, 0);
	guest_writes(f, 120);
	assert_int_equal(f->told, 1);
	assert_int_equal(look_later(f, FRAME_NS), 1);
}

static void write_page_9(struct fixture *f)
{
	guest_writes_meanwhile(f, 9);
}

/* A write after the log was read, before it is cleared, or before write access goes. */
static void test_meanwhile(void **state)
{
	struct fixture *f = *state;

	guest_writes(f, 9);
	f->meanwhile = write_page_9;
	look_later(f, FRAME_NS);
	f->meanwhile = NULL;
	look_later(f, FRAME_NS);
	expect_same(f);
	guest_writes(f, 8);
	f->meanwhile = write_page_9; /* it was not in the log that was read */
	look_later(f, FRAME_NS);
	f->meanwhile = NULL;
	assert_int_equal(look_later(f, FRAME_NS), 1);
	expect_same(f);
	rig_advance(f->r, 2 * f->look.idle_ns);
	f->meanwhile = write_page_9; /* before access goes, and without it */
	assert_int_equal(look(f), 1);
	assert_false(f->look.idle);
	f->meanwhile = NULL;
	assert_int_equal(look_later(f, FRAME_NS), 1);
	expect_same(f);
	rest(f);
}

/* What does not show is left alone. */
static void test_beside(void **state)
{
	struct fixture *f = *state;
	unsigned faults;

	guest_writes(f, 600);
	assert_int_equal(look_later(f, FRAME_NS), 0);
	rest(f);
	assert_true(f->dirty[600]);
	faults = f->faults;
	guest_writes(f, 600);
	assert_int_equal(f->faults, faults);
	assert_int_equal(f->told, 0);
	f->look.off = TABLE * PAGE; /* now it does */
	assert_int_equal(look_later(f, FRAME_NS), 1);
	assert_false(f->dirty[600]);
	f->look.len = (PAGES - TABLE) * PAGE;
	guest_writes(f, PAGES - 1);
	assert_int_equal(look_later(f, FRAME_NS), 1);
	assert_int_equal(look_later(f, FRAME_NS), 0);
	rest(f);
	guest_writes(f, PAGES - 1);
	assert_int_equal(f->told, 1);
}

static void test_slots(void **state)
{
	struct fixture *f = *state;

	f->k->slot[5].len = 0;
	set_slot(f, 6, 5, 700); /* not at the beginning of a word */
	f->look.off = 70 * PAGE;
	f->look.len = 300 * PAGE;
	assert_int_equal(look(f), 300);
	guest_writes(f, 70);
	guest_writes(f, 369);
	assert_int_equal(look_later(f, FRAME_NS), 2);
	expect_same(f);
	rest(f);
	set_slot(f, 2, 800, 300); /* two of them: no rest */
	look(f);
	guest_writes(f, 71);
	assert_int_equal(look_later(f, f->look.idle_ns), 1);
	assert_int_equal(look_later(f, f->look.idle_ns), 0);
	assert_false(f->look.idle);
	f->k->slot[2].len = f->k->slot[6].len = 0;
	kvm_vram_moved(f->k);
	assert_int_equal(look(f), 300);
	assert_true(f->look.idle); /* out of reach */
}

/* Where rest does not wait, as in the text window, nothing gets hot. */
static void test_rest_at_once(void **state)
{
	struct fixture *f = *state;

	f->look.idle_ns = 0;
	assert_int_equal(look_later(f, FRAME_NS), 0);
	assert_true(f->look.idle);
	for (unsigned i = 0; i < 10; i++) {
		guest_writes(f, 3);
		assert_int_equal(look_later(f, FRAME_NS), 1);
	}
	assert_int_equal(f->faults, 10);
	assert_int_equal(look(f), 0);
	assert_true(f->look.idle);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;

	f->refuse = ENOMEM;
	look(f);
	f->refuse = 0;
	guest_writes(f, 3);
	assert_int_equal(look_later(f, FRAME_NS), 1);
}

static unsigned some(struct fixture *f, unsigned below)
{
	f->seed = f->seed * 1664525u + 1013904223u;
	return (f->seed >> 8) % below;
}

/* Some pages more often than others, so that there are hot ones and cold ones. */
static unsigned some_page(struct fixture *f)
{
	return some(f, 2) ? 40 + some(f, 8) : some(f, PAGES);
}

static void write_some(struct fixture *f)
{
	for (unsigned n = some(f, 3); n; n--)
		guest_writes_meanwhile(f, some_page(f));
}

static void test_random(void **state)
{
	struct fixture *f = *state;
	unsigned rests = 0;

	f->meanwhile = write_some;
	for (unsigned round = 0; round < 300; round++) {
		f->look.idle_ns = (uint64_t[]){ 40, 200, 2000 }[some(f, 3)] * NS_PER_MS;
		for (unsigned n = some(f, 200); n; n--) {
			for (unsigned i = some(f, 4); i; i--)
				guest_writes(f, some_page(f));
			look_later(f, some(f, 30) * NS_PER_MS);
			rests += f->look.idle;
		}
		f->meanwhile = NULL;
		rest(f);
		f->meanwhile = some(f, 4) ? write_some : NULL;
	}
	assert_int_equal(f->told, f->k->vram.faults);
	assert_true(f->told > 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hot, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hot_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_beside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slots, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rest_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random, setup, teardown),
	};

	return cmocka_run_group_tests_name("kvm_vram", tests, NULL, NULL);
}
