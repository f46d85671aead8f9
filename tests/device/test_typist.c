// SPDX-License-Identifier: GPL-2.0-only
/* Typing for control requests: paced by what the guest reads from the keyboard controller. */
#include <errno.h>

#include "i8042_box.h"

#include "control/control.h"
#include "machine/typist.h"

/* Stands in for the control server's: what a request was answered with. */
static unsigned answers;
static int last_answer;

void control_answer(struct control_request *q, int err)
{
	q->cancel = NULL;
	answers++;
	last_answer = err;
}

struct desk {
	struct box *b;
	struct typist *t;
	struct control_request q, other;
};

static int setup_desk(void **state)
{
	struct desk *d = calloc(1, sizeof(*d));
	void *box;

	setup(&box);
	d->b = box;
	d->t = typist_create(d->b->r->m, d->b->k);
	assert_non_null(d->t);
	command1(d->b, 0x60, CTR_TRANSLATED); /* set 1, as guests have it */
	answers = 0;
	last_answer = 1;
	*state = d;
	return 0;
}

static int teardown_desk(void **state)
{
	struct desk *d = *state;
	void *box = d->b;

	free(d->q.why);
	free(d->other.why);
	typist_destroy(d->t);
	teardown(&box);
	free(d);
	return 0;
}

static void type(struct desk *d, struct control_request *q, const char *text)
{
	struct strokes s = { 0 };
	char *why = NULL;

	assert_int_equal(strokes_text(&s, text, false, &why), 0);
	assert_int_equal(typist_type(d->t, q, &s), CONTROL_LATER);
	assert_null(s.list);
}

/* Reads all there is, for so long; how many bytes came. */
static unsigned read_for(struct desk *d, uint8_t *to, unsigned max, unsigned ms)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ms; i++) {
		int b;

		while ((b = get(d->b)) >= 0)
			if (n < max)
				to[n++] = b;
		rig_advance(d->b->r, NS_PER_MS);
	}
	return n;
}

static void test_text(void **state)
{
	static const uint8_t aB[] = { 0x1e, 0x9e, 0x2a, 0x30, 0xb0, 0xaa };
	struct desk *d = *state;
	uint8_t got[16];

	type(d, &d->q, "aB");
	assert_int_equal(read_for(d, got, sizeof(got), 1000), sizeof(aB));
	assert_memory_equal(got, aB, sizeof(aB));
	assert_int_equal(answers, 1);
	assert_int_equal(last_answer, 0);
	assert_false(rig_timer_armed(d->b->r)); /* nothing waits for anything */
}

/* Far more than the keyboard's queue holds, to a guest that reads a byte now and then. */
static void test_slow_guest(void **state)
{
	enum { N = 100 };
	struct desk *d = *state;
	char text[N + 1];
	unsigned n = 0;

	memset(text, 'x', N);
	text[N] = 0;
	type(d, &d->q, text);
	for (unsigned i = 0; i < 10 * N && !answers; i++) {
		int b;

		rig_advance(d->b->r, 300 * NS_PER_MS);
		b = get(d->b);
		if (b < 0)
			continue;
		assert_int_equal(b, n % 2 ? 0xad : 0x2d); /* nothing lost, nothing repeated */
		n++;
	}
	assert_int_equal(n, 2 * N);
	assert_int_equal(last_answer, 0);
}

static void test_guest_that_does_not_read(void **state)
{
	struct desk *d = *state;
	uint8_t got[32];

	type(d, &d->q, "Abc");
	rig_advance(d->b->r, 9 * NS_PER_SEC);
	assert_int_equal(answers, 0);
	rig_advance(d->b->r, 2 * NS_PER_SEC);
	assert_int_equal(answers, 1);
	assert_int_equal(last_answer, -ETIMEDOUT);
	assert_non_null(strstr(d->q.why, "1 of 8"));
	assert_false(rig_timer_armed(d->b->r));
	/* shift, which went down and began to repeat, has come up */
	assert_int_equal(read_for(d, got, sizeof(got), 100), 3);
	assert_int_equal(got[0], 0x2a);
	assert_int_equal(got[1], 0x2a);
	assert_int_equal(got[2], 0xaa);
}

/* A guest that starts again when the third key goes down, and is busy with that for a while. */
static void test_guest_that_starts_again(void **state)
{
	struct desk *d = *state;
	struct strokes s = { 0 };
	char *why = NULL;
	uint8_t got[2] = { 0 };

	assert_int_equal(strokes_combination(&s, "Ctrl+Alt+Delete", &why), 0);
	assert_int_equal(typist_type(d->t, &d->q, &s), CONTROL_LATER);
	while (got[1] != 0x53)
		read_for(d, got, sizeof(got), 1);
	rig_reset(d->b->r);
	i8042_key(d->b->k, 0x1e, true); /* and somebody presses a key meanwhile */
	rig_advance(d->b->r, 60 * NS_PER_SEC);
	assert_int_equal(answers, 1);
	assert_int_equal(last_answer, 0);
}

/* What a viewer sends in a gap between two strokes is waited for as strokes are. */
static void test_gap_that_others_use(void **state)
{
	struct desk *d = *state;
	uint8_t got[8];

	type(d, &d->q, "ab");
	assert_int_equal(read_for(d, got, sizeof(got), 5), 2);
	i8042_key(d->b->k, 0x2e, true);
	i8042_key(d->b->k, 0x2e, false);
	rig_advance(d->b->r, NS_PER_SEC);
	assert_int_equal(answers, 0);
	assert_int_equal(read_for(d, got, sizeof(got), 1000), 4);
	assert_int_equal(answers, 1);
	assert_int_equal(last_answer, 0);
}

static void test_one_after_the_other(void **state)
{
	static const uint8_t both[] = { 0x1e, 0x9e, 0x30, 0xb0 };
	struct desk *d = *state;
	uint8_t got[16];

	type(d, &d->q, "a");
	type(d, &d->other, "b");
	assert_int_equal(read_for(d, got, sizeof(got), 1000), sizeof(both));
	assert_memory_equal(got, both, sizeof(both));
	assert_int_equal(answers, 2);
}

static void test_cancel(void **state)
{
	struct desk *d = *state;
	uint8_t got[32];

	type(d, &d->q, "ABC");
	type(d, &d->other, "x");
	assert_int_equal(read_for(d, got, sizeof(got), 10), 1);
	assert_int_equal(got[0], 0x2a);
	d->q.cancel(&d->q);
	/* shift comes up, and the other one's turn begins */
	assert_int_equal(read_for(d, got, sizeof(got), 1000), 3);
	assert_int_equal(got[0], 0xaa);
	assert_int_equal(got[1], 0x2d);
	assert_int_equal(answers, 1);
	type(d, &d->q, "y");
	d->q.cancel(&d->q);
	assert_int_equal(read_for(d, got, sizeof(got), 1000), 0);
	assert_false(rig_timer_armed(d->b->r));
}

static void test_mouse(void **state)
{
	struct desk *d = *state;
	struct strokes s = { 0 };
	char *why = NULL;
	unsigned n = 0;

	mouse_ack(d->b, 0xf4); /* reporting on */
	assert_int_equal(strokes_move(&s, 300, 0, &why), 0);
	assert_int_equal(strokes_click(&s, "left", &why), 0);
	assert_int_equal(typist_type(d->t, &d->q, &s), CONTROL_LATER);
	for (unsigned i = 0; i < 500; i++) {
		int first = get_aux(d->b);

		if (first >= 0) {
			int dx = get_aux(d->b);

			get_aux(d->b);
			assert_int_equal(first & 1, n == 2);
			assert_int_equal(dx, n == 0 ? 200 : n == 1 ? 100 : 0);
			n++;
		}
		rig_advance(d->b->r, NS_PER_MS);
	}
	assert_int_equal(n, 4);
	assert_int_equal(answers, 1);
	/* a guest without interest in its mouse holds up nobody */
	mouse_ack(d->b, 0xf5);
	assert_int_equal(strokes_move(&s, 5, 5, &why), 0);
	assert_int_equal(typist_type(d->t, &d->q, &s), CONTROL_LATER);
	rig_advance(d->b->r, NS_PER_SEC);
	assert_int_equal(answers, 2);
	assert_int_equal(last_answer, 0);
}

#define AT_DESK(fn) cmocka_unit_test_setup_teardown(fn, setup_desk, teardown_desk)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_DESK(test_text),
		AT_DESK(test_slow_guest),
		AT_DESK(test_guest_that_does_not_read),
		AT_DESK(test_guest_that_starts_again),
		AT_DESK(test_gap_that_others_use),
		AT_DESK(test_one_after_the_other),
		AT_DESK(test_cancel),
		AT_DESK(test_mouse),
	};

	return cmocka_run_group_tests_name("typist", tests, NULL, NULL);
}
