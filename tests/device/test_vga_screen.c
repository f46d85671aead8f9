// SPDX-License-Identifier: GPL-2.0-only
/* The characters of the display adapter's text screen, read as text. */
#include <errno.h>

#include "vga_look.h"

static void put_line(struct vga_rig *t, unsigned row, const char *text)
{
	for (unsigned i = 0; i < 80; i++)
		put(t, row * 80 + i, *text ? *text++ : ' ', WHITE);
}

static void start_empty(struct vga_rig *t)
{
	start_text(t);
	for (unsigned row = 0; row < 25; row++)
		put_line(t, row, "");
}

/* Row n of the text, without its newline. */
static const char *row_of(const struct vga_screen *s, unsigned n)
{
	static char row[1024];
	const char *p = s->text;

	while (n--) {
		p = strchr(p, '\n');
		assert_non_null(p);
		p++;
	}
	snprintf(row, sizeof(row), "%.*s", (int)strcspn(p, "\n"), p);
	return row;
}

static void read_screen(struct vga_rig *t, struct vga_screen *s)
{
	unsigned lines = 0;

	assert_int_equal(vga_read_screen(t->vga, s), 0);
	for (const char *p = s->text; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, s->rows);
}

static void test_text(void **state)
{
	struct vga_rig *t = *state;
	struct vga_screen s;

	start_empty(t);
	put_line(t, 0, "The first line");
	put_line(t, 24, "  the last");
	read_screen(t, &s);
	assert_int_equal(s.columns, 80);
	assert_int_equal(s.rows, 25);
	assert_string_equal(row_of(&s, 0), "The first line");
	assert_string_equal(row_of(&s, 1), "");
	assert_string_equal(row_of(&s, 24), "  the last");
	assert_int_equal(s.cursor_row, -1); /* it is off */
	free(s.text);
}

/* All 256: printable ones as they are, the others as the BIOS's font shows them. */
static void test_characters(void **state)
{
	struct vga_rig *t = *state;
	struct vga_screen s;

	start_empty(t);
	for (unsigned c = 0; c < 256; c++)
		put(t, (c / 64) * 80 + c % 64, c, WHITE);
	put(t, 4 * 80 + 79, 0xdb, WHITE);
	read_screen(t, &s);
	assert_memory_equal(row_of(&s, 0), " \xe2\x98\xba\xe2\x98\xbb\xe2\x99\xa5", 10);
	assert_non_null(strstr(row_of(&s, 0), " !\"#$%&'()*+,-./0123456789:;<=>?"));
	assert_non_null(strstr(row_of(&s, 1), "@ABC"));
	assert_non_null(strstr(row_of(&s, 1), "xyz{|}~\xe2\x8c\x82"));
	assert_memory_equal(row_of(&s, 2), "\xc3\x87\xc3\xbc\xc3\xa9", 6); /* C cedilla, u, e */
	assert_non_null(strstr(row_of(&s, 2), "\xe2\x94\x82\xe2\x94\xa4")); /* lines */
	assert_non_null(strstr(row_of(&s, 3), "\xce\xb1\xc3\x9f\xce\x93"));	/* alpha, sz */
	assert_int_equal(strlen(row_of(&s, 4)), 79 + 3);
	free(s.text);
}

static void test_scrolled(void **state)
{
	struct vga_rig *t = *state;
	struct vga_screen s;

	start_empty(t);
	put_line(t, 3, "three");
	set_crtc(t, 0x0d, 3 * 80); /* starts three rows on */
	put_line(t, 27, "behind");
	set_crtc(t, 0x0a, 0x0d); /* cursor on, in the fifth row of memory */
	set_crtc(t, 0x0e, (4 * 80 + 7) >> 8);
	set_crtc(t, 0x0f, (4 * 80 + 7) & 0xff);
	read_screen(t, &s);
	assert_string_equal(row_of(&s, 0), "three");
	assert_string_equal(row_of(&s, 24), "behind");
	assert_int_equal(s.cursor_row, 1);
	assert_int_equal(s.cursor_column, 7);
	free(s.text);
	/* a split in the midst of a row: below it, memory from the beginning */
	put_line(t, 0, "below");
	set_crtc(t, 0x18, 100);
	set_crtc(t, 0x07, 0x0f);
	set_crtc(t, 0x09, 0x0f);
	read_screen(t, &s);
	assert_string_equal(row_of(&s, 0), "three");
	assert_string_equal(row_of(&s, 7), "below");
	free(s.text);
}

/* What the guest has written into the window while that was plain memory counts, too. */
static void test_window(void **state)
{
	struct vga_rig *t = *state;
	struct vga_screen s;

	start_empty(t);
	for (unsigned i = 0; i < 1000; i++)
		put_line(t, i % 25, i < 975 ? "earlier" : "later");
	read_screen(t, &s);
	assert_string_equal(row_of(&s, 0), "later");
	assert_string_equal(row_of(&s, 24), "later");
	free(s.text);
}

static void test_no_text(void **state)
{
	struct vga_rig *t = *state;
	struct vga_screen s;

	start_empty(t);
	set_screen(t, false);
	assert_int_equal(vga_read_screen(t->vga, &s), -ENODATA);
	assert_null(s.text);
	set_mode(t, &mode_13h);
	assert_int_equal(vga_read_screen(t->vga, &s), -ENOTSUP);
	set_mode(t, &mode_12h);
	assert_int_equal(vga_read_screen(t->vga, &s), -ENOTSUP);
	set_vbe_mode(t, 640, 480, 32);
	assert_int_equal(vga_read_screen(t->vga, &s), -ENOTSUP);
}

/* Whatever a guest makes of the registers: an answer, within memory. */
static void test_any_registers(void **state)
{
	struct vga_rig *t = *state;
	uint32_t seed = 4711;
	struct vga_screen s;
	unsigned texts = 0;

	start_text(t);
	for (unsigned i = 0; i < 3000; i++) {
		set_crtc(t, 0x11, 0);
		for (unsigned n = 0; n < 4; n++)
			set_crtc(t, vga_random(&seed) % 25, vga_random(&seed));
		set_seq(t, 1, vga_random(&seed) & 0x1f);
		if (vga_read_screen(t->vga, &s))
			continue;
		texts++;
		assert_true(s.rows <= 1024 && s.columns <= 256);
		free(s.text);
	}
	assert_true(texts > 1000);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, vga_rig_setup, look_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_text),   TEST(test_characters), TEST(test_scrolled),
		TEST(test_window), TEST(test_no_text),	  TEST(test_any_registers),
	};

	return cmocka_run_group_tests_name("vga_screen", tests, NULL, NULL);
}
