// SPDX-License-Identifier: GPL-2.0-only
/* Which parts of video memory changed: marks, the hypervisor's log, and neither. */
#include "rig.h"

#include <errno.h>

#include "display/vga_priv.h"
#include "machine/machine_priv.h"

enum { PAGES = 1100, TABLE = 2 << 20, LEN = PAGES * VRAM_PAGE };

struct fixture {
	struct rig *r;
	struct region region;
	struct track track;
	unsigned long log[4];
	struct vram_look asked;
	unsigned looks;
	bool idle;
	int answer;
};

static int look(void *arg, struct vram_look *look)
{
	struct fixture *f = arg;

	f->asked = *look;
	f->looks++;
	for (unsigned i = 0; i < 4; i++) {
		if (i < 3 && !f->answer)
			look->bitmap[i] |= f->log[i];
		f->log[i] = 0;
	}
	look->idle = f->idle;
	return f->answer;
}

static int setup(void **state)
{
	static const struct machine_ops ops = { .vram_look = look };
	struct fixture *f = calloc(1, sizeof(*f));

	f->r = rig_new();
	machine_set_ops(f->r->m, &ops, f);
	assert_int_equal(track_init(&f->track, f->r->m, &f->region, LEN), 0);
	f->track.mode = VRAM_LOG;
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
		n += track_changed(t, (uint64_t)i * VRAM_PAGE, VRAM_PAGE);
	return n;
}

static bool collect(struct fixture *f)
{
	return track_collect(&f->track, 0, LEN, true);
}

static void test_nothing(void **state)
{
	struct fixture *f = *state;

	assert_false(collect(f));
	assert_int_equal(changed_pages(&f->track), 0);
	assert_ptr_equal(f->asked.region, &f->region);
}

static void test_marks(void **state)
{
	struct fixture *f = *state;
	struct track *t = &f->track;

	track_mark(t, 4095, 2);
	track_mark(t, 129 * VRAM_PAGE, 1);
	assert_false(track_changed(t, 0, LEN)); /* not before it is collected */
	assert_true(collect(f));
	assert_int_equal(changed_pages(t), 3);
	assert_true(track_changed(t, 0, 1));
	assert_true(track_changed(t, VRAM_PAGE, 1));
	assert_false(track_changed(t, 2 * VRAM_PAGE, 127 * VRAM_PAGE));
	assert_true(track_changed(t, 2 * VRAM_PAGE, 127 * VRAM_PAGE + 1));
	assert_false(collect(f)); /* once only */
	assert_false(track_changed(t, 0, LEN));
}

static void test_log(void **state)
{
	struct fixture *f = *state;

	f->log[1] = 1ul << 3;
	track_mark(&f->track, 0, 1);
	assert_true(collect(f));
	assert_int_equal(changed_pages(&f->track), 2);
	assert_true(track_changed(&f->track, 67 * VRAM_PAGE + 5, 1));
	assert_false(collect(f));
}

static void test_no_log(void **state)
{
	struct fixture *f = *state;

	f->answer = -ENOTSUP;
	assert_true(collect(f));
	assert_int_equal(changed_pages(&f->track), PAGES);
	f->answer = 0;
	assert_false(collect(f));
}

static void test_all(void **state)
{
	struct fixture *f = *state;

	track_all(&f->track);
	assert_true(collect(f));
	assert_int_equal(changed_pages(&f->track), PAGES);
	assert_false(collect(f));
}

static void test_range_ends(void **state)
{
	struct fixture *f = *state;
	struct track *t = &f->track;

	track_mark(t, LEN, 1);
	track_mark(t, UINT64_MAX, 1);
	track_mark(t, UINT64_MAX, UINT64_MAX);
	track_mark(t, 0, 0);
	assert_false(collect(f));
	track_mark(t, LEN - 1, UINT64_MAX);
	assert_true(collect(f));
	assert_int_equal(changed_pages(t), 1);
	assert_true(track_changed(t, LEN - 1, UINT64_MAX));
	assert_false(track_changed(t, LEN, 1));
	assert_false(track_changed(t, 0, 0));
}

/* The part that shows is told in whole tables; what changes elsewhere is no change. */
static void test_part(void **state)
{
	struct fixture *f = *state;

	f->log[0] = 1ul << 2 | 1ul << 5;
	assert_false(track_collect(&f->track, 3 * VRAM_PAGE + 5, VRAM_PAGE, true));
	assert_int_equal(f->asked.off, 0);
	assert_int_equal(f->asked.len, TABLE);
	assert_false(track_collect(&f->track, TABLE - 1, 2, true));
	assert_int_equal(f->asked.off, 0);
	assert_int_equal(f->asked.len, 2 * TABLE);
	f->log[0] = 1ul << 4;
	assert_true(track_collect(&f->track, 3 * VRAM_PAGE + 5, VRAM_PAGE, true));
	assert_false(track_collect(&f->track, LEN - 1, UINT64_MAX, true));
	assert_int_equal(f->asked.off, 2 * TABLE);
	assert_int_equal(f->asked.off + f->asked.len, LEN);
	assert_false(track_collect(&f->track, LEN, 1, true)); /* nothing of it is there */
	assert_int_equal(f->looks, 4);
}

static void test_compare(void **state)
{
	struct fixture *f = *state;

	f->track.mode = VRAM_COMPARE;
	assert_true(track_collect(&f->track, VRAM_PAGE, VRAM_PAGE, true));
	assert_int_equal(changed_pages(&f->track), 1);
	assert_true(track_collect(&f->track, VRAM_PAGE, VRAM_PAGE, true));
	assert_int_equal(f->looks, 0);
	assert_false(track_idle(&f->track));
}

static void test_rest(void **state)
{
	struct fixture *f = *state;

	collect(f);
	assert_false(f->asked.rest); /* not with a log alone */
	f->track.mode = VRAM_IDLE;
	track_collect(&f->track, 0, LEN, false);
	assert_false(f->asked.rest); /* not while nobody waits for a change */
	collect(f);
	assert_true(f->asked.rest);
	assert_false(track_idle(&f->track));
	f->idle = true;
	collect(f);
	assert_true(track_idle(&f->track));
	f->answer = -ENOTSUP;
	f->idle = false;
	assert_true(collect(f));
	assert_false(track_idle(&f->track));
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
		cmocka_unit_test_setup_teardown(test_part, setup, teardown),
		cmocka_unit_test_setup_teardown(test_compare, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rest, setup, teardown),
	};

	return cmocka_run_group_tests_name("vram_track", tests, NULL, NULL);
}
