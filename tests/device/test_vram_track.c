/* SPDX-License-Identifier: GPL-2.0-only */
/* Which parts of video memory changed: marks, the hypervisor's log, and neither. */
#include "rig.h"

#include <errno.h>

#include "display/vga_priv.h"
#include "machine/machine_priv.h"

enum { PAGES = 130, LEN = PAGES * TRACK_PAGE };

struct fixture {
	struct rig *r;
	struct region region;
	struct track track;
	unsigned long log[4];
	struct region *asked;
	int answer;
};

static int fetch(void *arg, struct region *region, unsigned long *bitmap)
{
	struct fixture *f = arg;

	f->asked = region;
	for (unsigned i = 0; i < 4; i++) {
		if (i < 3 && !f->answer)
			bitmap[i] |= f->log[i];
		f->log[i] = 0;
	}
	return f->answer;
}

static int setup(void **state)
{
	static const struct machine_ops ops = { .dirty_fetch = fetch };
	struct fixture *f = calloc(1, sizeof(*f));

	f->r = rig_new();
	machine_set_ops(f->r->m, &ops, f);
	assert_int_equal(track_init(&f->track, f->r->m, &f->region, LEN), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	track_fini(&f->track);
	rig_free(f->r);
	free(f);
	return 0;
}

static unsigned changed_pages(const struct track *t)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PAGES; i++)
		n += track_changed(t, (uint64_t)i * TRACK_PAGE, TRACK_PAGE);
	return n;
}

static void test_nothing(void **state)
{
	struct fixture *f = *state;

	assert_false(track_collect(&f->track));
	assert_int_equal(changed_pages(&f->track), 0);
	assert_ptr_equal(f->asked, &f->region);
}

static void test_marks(void **state)
{
	struct fixture *f = *state;
	struct track *t = &f->track;

	track_mark(t, 4095, 2);
	track_mark(t, 129 * TRACK_PAGE, 1);
	assert_false(track_changed(t, 0, LEN)); /* not before it is collected */
	assert_true(track_collect(t));
	assert_int_equal(changed_pages(t), 3);
	assert_true(track_changed(t, 0, 1));
	assert_true(track_changed(t, TRACK_PAGE, 1));
	assert_false(track_changed(t, 2 * TRACK_PAGE, 127 * TRACK_PAGE));
	assert_true(track_changed(t, 2 * TRACK_PAGE, 127 * TRACK_PAGE + 1));
	assert_false(track_collect(t)); /* once only */
	assert_false(track_changed(t, 0, LEN));
}

static void test_log(void **state)
{
	struct fixture *f = *state;

	f->log[1] = 1ul << 3;
	track_mark(&f->track, 0, 1);
	assert_true(track_collect(&f->track));
	assert_int_equal(changed_pages(&f->track), 2);
	assert_true(track_changed(&f->track, 67 * TRACK_PAGE + 5, 1));
	assert_false(track_collect(&f->track));
}

static void test_no_log(void **state)
{
	struct fixture *f = *state;

	f->answer = -ENOTSUP;
	assert_true(track_collect(&f->track));
	assert_int_equal(changed_pages(&f->track), PAGES);
	f->answer = 0;
	assert_false(track_collect(&f->track));
}

static void test_all(void **state)
{
	struct fixture *f = *state;

	track_all(&f->track);
	assert_true(track_collect(&f->track));
	assert_int_equal(changed_pages(&f->track), PAGES);
	assert_false(track_collect(&f->track));
}

static void test_range_ends(void **state)
{
	struct fixture *f = *state;
	struct track *t = &f->track;

	track_mark(t, LEN, 1);
	track_mark(t, UINT64_MAX, 1);
	track_mark(t, UINT64_MAX, UINT64_MAX);
	track_mark(t, 0, 0);
	assert_false(track_collect(t));
	track_mark(t, LEN - 1, UINT64_MAX);
	assert_true(track_collect(t));
	assert_int_equal(changed_pages(t), 1);
	assert_true(track_changed(t, LEN - 1, UINT64_MAX));
	assert_false(track_changed(t, LEN, 1));
	assert_false(track_changed(t, 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_marks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_log, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_log, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_range_ends, setup, teardown),
	};

	return cmocka_run_group_tests_name("vram_track", tests, NULL, NULL);
}
