// SPDX-License-Identifier: GPL-2.0-only
/* SMBIOS as a reader walks it: structure by structure, each with its strings. */
#include "unit.h"

#include "firmware/tables.h"

#define GIB (1ull << 30)
enum { TYPES = 128, HANDLES = 0x10000 };

static uint64_t le(const uint8_t *p, unsigned size)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < size; i++)
		v |= (uint64_t)p[i] << i * 8;
	return v;
}

static uint8_t sum(const uint8_t *p, size_t len)
{
	uint8_t s = 0;

	while (len--)
		s += *p++;
	return s;
}

/* Bytes of the structure at p with its strings; fails when it does not end before the blob. */
static size_t structure_len(const uint8_t *p, size_t room)
{
	size_t len;

	assert_true(room >= 4);
	len = p[1];
	assert_true(len >= 4 && len + 2 <= room);
	while (p[len] || p[len + 1]) {
		len++;
		assert_true(len + 2 <= room);
	}
	return len + 2;
}

/* The text behind a string number of a structure */
static const char *text(const uint8_t *p, unsigned off)
{
	const char *s = (const char *)p + p[1];

	assert_true(off < p[1]);
	assert_true(p[off]);
	for (unsigned n = 1; n < p[off]; n++) {
		assert_true(*s);
		s += strlen(s) + 1;
	}
	assert_true(*s);
	return s;
}

struct walk {
	unsigned count[TYPES], all;
	size_t longest;
	const uint8_t *first[TYPES], *last[TYPES];
};

static void walk(struct walk *w, const struct blob *b)
{
	uint8_t *seen = calloc(HANDLES, 1);
	size_t at = 0;

	assert_non_null(seen);
	memset(w, 0, sizeof(*w));
	while (at < b->len) {
		const uint8_t *p = b->data + at;
		size_t len = structure_len(p, b->len - at);

		assert_true(p[0] < TYPES);
		assert_false(w->count[127]); /* the end is the end */
		assert_false(seen[le(p + 2, 2)]++);
		if (!w->count[p[0]]++)
			w->first[p[0]] = p;
		w->last[p[0]] = p;
		w->all++;
		if (len > w->longest)
			w->longest = len;
		at += len;
	}
	free(seen);
	assert_int_equal(w->count[127], 1);
}

static void every_type_is_there(void **state)
{
	const struct firmware_info info = { .vcpus = 3, .ram_below_4g = 3 * GIB,
					    .ram_above_4g = 30 * GIB, .name = "guest" };
	struct smbios_files s;
	struct walk w;

	assert_int_equal(smbios_build(&s, &info), 0);
	walk(&w, &s.tables);
	assert_int_equal(w.count[0], 1);
	assert_int_equal(w.count[1], 1);
	assert_int_equal(w.count[3], 1);
	assert_int_equal(w.count[4], 3);
	assert_int_equal(w.count[16], 1);
	assert_int_equal(w.count[17], 3); /* 33 GiB in DIMMs of 16 */
	assert_int_equal(w.count[19], 2);
	assert_int_equal(w.count[32], 1);
	/* lengths of the formatted parts in version 2.8 */
	assert_int_equal(w.first[0][1], 0x18);
	assert_int_equal(w.first[1][1], 0x1b);
	assert_int_equal(w.first[3][1], 0x16);
	assert_int_equal(w.first[4][1], 0x2a);
	assert_int_equal(w.first[16][1], 0x17);
	assert_int_equal(w.first[17][1], 0x28);
	assert_int_equal(w.first[19][1], 0x1f);
	assert_int_equal(w.first[32][1], 0x0b);
	assert_int_equal(w.first[127][1], 4);
	smbios_free(&s);
}

static void anchor_describes_the_tables(void **state)
{
	const struct firmware_info info = { .vcpus = 8, .ram_below_4g = GIB };
	struct smbios_files s;
	struct walk w;

	assert_int_equal(smbios_build(&s, &info), 0);
	walk(&w, &s.tables);
	assert_int_equal(s.anchor.len, 31);
	assert_memory_equal(s.anchor.data, "_SM_", 4);
	assert_int_equal(s.anchor.data[5], 31);
	assert_int_equal(s.anchor.data[6], 2);
	assert_int_equal(s.anchor.data[7], 8);
	assert_int_equal(le(s.anchor.data + 8, 2), w.longest);
	assert_memory_equal(s.anchor.data + 16, "_DMI_", 5);
	assert_int_equal(le(s.anchor.data + 22, 2), s.tables.len);
	assert_int_equal(le(s.anchor.data + 28, 2), w.all);
	assert_int_equal(sum(s.anchor.data, 31), 0);
	assert_int_equal(sum(s.anchor.data + 16, 15), 0);
	smbios_free(&s);
}

static void system_is_named(void **state)
{
	const struct firmware_info info = {
		.vcpus = 1,
		.ram_below_4g = GIB,
		.name = "web server",
		.uuid = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
			  0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff },
	};
	struct smbios_files s;
	struct walk w;

	assert_int_equal(smbios_build(&s, &info), 0);
	walk(&w, &s.tables);
	assert_string_equal(text(w.first[1], 4), "Caisson");
	assert_string_equal(text(w.first[1], 5), "Standard PC (i440FX + PIIX3)");
	assert_string_equal(text(w.first[1], 0x1a), "web server");
	assert_memory_equal(w.first[1] + 8, "\x33\x22\x11\x00\x55\x44\x77\x66"
			    "\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 16);
	assert_true(w.first[0][0x13] & 0x10); /* says that it is a virtual machine */
	smbios_free(&s);
}

static void no_name_no_string(void **state)
{
	const struct firmware_info info = { .vcpus = 1, .ram_below_4g = GIB, .name = "" };
	struct smbios_files s;
	struct walk w;

	assert_int_equal(smbios_build(&s, &info), 0);
	walk(&w, &s.tables);
	assert_int_equal(w.first[1][0x1a], 0);
	smbios_free(&s);
}

static uint64_t dimms(const struct blob *b)
{
	uint64_t mib = 0;

	for (size_t at = 0; at < b->len; at += structure_len(b->data + at, b->len - at))
		if (b->data[at] == 17) {
			assert_true(le(b->data + at + 0x0c, 2) < 0x7fff);
			mib += le(b->data + at + 0x0c, 2);
		}
	return mib;
}

static void check_memory(uint64_t low, uint64_t high)
{
	const struct firmware_info info = { .vcpus = 1, .ram_below_4g = low,
					    .ram_above_4g = high };
	struct smbios_files s;
	struct walk w;

	assert_int_equal(smbios_build(&s, &info), 0);
	walk(&w, &s.tables);
	assert_int_equal(dimms(&s.tables), (low + high) >> 20);
	assert_int_equal(le(w.first[16] + 0x0d, 2), w.count[17]);
	assert_int_equal(le(w.first[16] + 7, 4), (low + high) >> 10);
	assert_int_equal(le(w.first[19] + 4, 4), 0);
	assert_int_equal(le(w.first[19] + 8, 4), (low >> 10) - 1);
	assert_int_equal(w.count[19], high ? 2 : 1);
	if (high) {
		assert_int_equal(le(w.last[19] + 4, 4), 4 << 20);
		assert_int_equal(le(w.last[19] + 8, 4), (4 << 20) + (high >> 10) - 1);
	}
	smbios_free(&s);
}

static void memory_adds_up(void **state)
{
	check_memory(256 << 20, 0);
	check_memory(3 * GIB, 0);
	check_memory(3 * GIB, GIB);
	check_memory(3 * GIB, 13 * GIB);
	check_memory(3 * GIB, 125 * GIB + (1 << 20));
}

static void processors_have_their_signature(void **state)
{
	const struct firmware_info info = { .vcpus = 64, .ram_below_4g = GIB,
					    .cpu_signature = 0x000306a9,
					    .cpu_features = 0x1f8bfbff };
	struct smbios_files s;
	struct walk w;

	assert_int_equal(smbios_build(&s, &info), 0);
	walk(&w, &s.tables);
	assert_int_equal(w.count[4], 64);
	assert_string_equal(text(w.first[4], 4), "CPU 0");
	assert_string_equal(text(w.last[4], 4), "CPU 63");
	assert_int_equal(le(w.last[4] + 8, 4), 0x000306a9);
	assert_int_equal(le(w.last[4] + 12, 4), 0x1f8bfbff);
	smbios_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_there),
		cmocka_unit_test(anchor_describes_the_tables),
		cmocka_unit_test(system_is_named),
		cmocka_unit_test(no_name_no_string),
		cmocka_unit_test(memory_adds_up),
		cmocka_unit_test(processors_have_their_signature),
	};

	return cmocka_run_group_tests_name("smbios", tests, NULL, NULL);
}
