// SPDX-License-Identifier: GPL-2.0-only
/* Strokes for text, for combinations of keys, and for the mouse. */
#include "unit.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "ui/input.h"
#include "ui/strokes.h"

/* A list as text: "1e+" is a down, "1e-" up; "&" joins those that go in one piece. */
static void expect(const struct strokes *s, const char *expected)
{
	char text[2048] = "";
	size_t len = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct stroke *k = &s->list[i];

		assert_int_equal(k->kind, STROKE_KEY);
		len += snprintf(text + len, sizeof(text) - len, "%s%02x%c", i ? " " : "", k->qnum,
				k->down ? '+' : '-');
		if (k->more)
			text[len++] = '&', text[len] = 0;
	}
	assert_string_equal(text, expected);
}

static void check_text(const char *text, bool caps, const char *expected)
{
	struct strokes s = { 0 };
	char *why = NULL;

	assert_int_equal(strokes_text(&s, text, caps, &why), 0);
	assert_null(why);
	expect(&s, expected);
	strokes_free(&s);
}

static void test_text(void **state)
{
	check_text("", false, "");
	check_text("a\n", false, "1e+& 1e- 1c+& 1c-");
	check_text("\t ", false, "0f+& 0f- 39+& 39-");
	/* one shift for all that want it */
	check_text("aBC!d", false,
		   "1e+& 1e- 2a+ 30+& 30- 2e+& 2e- 02+& 02- 2a- 20+& 20-");
	check_text("~", false, "2a+ 29+& 29- 2a-");
	/* Caps Lock turns letters around, and nothing else */
	check_text("aA1!", true, "2a+ 1e+& 1e- 2a- 1e+& 1e- 02+& 02- 2a+ 02+& 02- 2a-");
}

static void test_whole_keyboard(void **state)
{
	struct strokes s = { 0 };
	char *why = NULL, text[128];
	size_t n = 0;

	for (char c = ' '; c < 0x7f; c++)
		text[n++] = c;
	text[n] = 0;
	assert_int_equal(strokes_text(&s, text, false, &why), 0);
	assert_true(s.n >= 2 * n);
	/* whatever goes down comes up */
	for (size_t i = 0, down = 0; i < s.n; i++) {
		down += s.list[i].down ? 1 : -1;
		assert_true(down <= 2);
		assert_true(i + 1 < s.n || !down);
	}
	strokes_free(&s);
}

static void refuse_text(const char *text, const char *in_sentence)
{
	struct strokes s = { 0 };
	char *why = NULL;

	assert_int_equal(strokes_text(&s, text, false, &why), -EINVAL);
	assert_non_null(why);
	assert_non_null(strstr(why, in_sentence));
	free(why);
	strokes_free(&s);
}

static void test_text_refused(void **state)
{
	refuse_text("na\xc3\xafve", "'\xc3\xaf'");
	refuse_text("\xe2\x82\xac", "'\xe2\x82\xac'");
	refuse_text("\xf0\x9f\x98\x80", "'\xf0\x9f\x98\x80'");
	refuse_text("a\x01", "number 1");
	refuse_text("\x7f", "number 127");
	refuse_text("\xff", "UTF-8");
	refuse_text("\x80", "UTF-8");
	refuse_text("\xe2\x82", "UTF-8");
	refuse_text("\xc3", "UTF-8");
}

static void check_combination(const char *text, const char *expected)
{
	struct strokes s = { 0 };
	char *why = NULL;

	assert_int_equal(strokes_combination(&s, text, &why), 0);
	expect(&s, expected);
	strokes_free(&s);
}

static void refuse_combination(const char *text, const char *in_sentence)
{
	struct strokes s = { 0 };
	char *why = NULL;

	assert_int_equal(strokes_combination(&s, text, &why), -EINVAL);
	assert_non_null(strstr(why, in_sentence));
	free(why);
	strokes_free(&s);
}

static void test_combinations(void **state)
{
	check_combination("F12", "58+& 58-");
	check_combination("Ctrl+Alt+Delete", "1d+ 38+ d3+& d3- 38- 1d-");
	check_combination("ctrl+c", "1d+ 2e+& 2e- 1d-");
	check_combination("Pause", "c6+& c6-");
	check_combination("Print", "54+& 54-");
	check_combination("Alt+Print", "38+ 54+& 54- 38-");
	check_combination("+", "0d+& 0d-");
	check_combination("Ctrl++", "1d+ 0d+& 0d- 1d-");
	check_combination("++Ctrl", "0d+ 1d+& 1d- 0d-");
	refuse_combination("", "joined");
	refuse_combination("Ctrl+", "joined");
	refuse_combination("+Ctrl", "joined");
	refuse_combination("Ctrl+Hurz", "'Hurz'");
	refuse_combination("ThisIsNotTheNameOfAnyKeyOnAnyKeyboard", "'ThisIsNot");
	refuse_combination("a+b+c+d+e+f+g+h+i", "joined");
}

static void test_mouse(void **state)
{
	struct strokes s = { 0 };
	char *why = NULL;
	int x = 0, y = 0;

	assert_int_equal(strokes_move(&s, 450, -3, &why), 0);
	for (size_t i = 0; i < s.n; i++) {
		assert_int_equal(s.list[i].kind, STROKE_MOUSE);
		assert_true(s.list[i].dx <= 255 && s.list[i].dx >= -255); /* what a packet holds */
		x += s.list[i].dx;
		y += s.list[i].dy;
	}
	assert_int_equal(x, 450);
	assert_int_equal(y, -3);
	strokes_free(&s);
	assert_int_equal(strokes_click(&s, "right", &why), 0);
	assert_int_equal(s.n, 2);
	assert_true(s.list[0].down && !s.list[1].down);
	assert_int_equal(s.list[0].buttons, INPUT_RIGHT);
	assert_int_equal(s.list[1].buttons, INPUT_RIGHT);
	strokes_free(&s);
	assert_int_equal(strokes_wheel(&s, -3, &why), 0);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.list[2].dz, -1);
	strokes_free(&s);
	assert_null(why);
}

static void test_mouse_refused(void **state)
{
	struct strokes s = { 0 };
	char *why = NULL;

	assert_int_equal(strokes_move(&s, INT_MIN, 0, &why), -ERANGE);
	free(why);
	assert_int_equal(strokes_wheel(&s, INT_MIN, &why), -ERANGE);
	free(why);
	assert_int_equal(strokes_click(&s, "any", &why), -EINVAL);
	free(why);
	assert_int_equal(s.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_whole_keyboard),
		cmocka_unit_test(test_text_refused),
		cmocka_unit_test(test_combinations),
		cmocka_unit_test(test_mouse),
		cmocka_unit_test(test_mouse_refused),
	};

	return cmocka_run_group_tests_name("strokes", tests, NULL, NULL);
}
