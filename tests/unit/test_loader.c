// SPDX-License-Identifier: GPL-2.0-only
/* The table loader's script, byte for byte and as firmware carries it out; growing buffers. */
#include "place.h"

static void allocate_has_its_layout(void **state)
{
	struct blob s = { 0 };

	loader_allocate(&s, "etc/thing", 0x12345678, LOADER_FSEG);
	assert_int_equal(s.len, 128);
	assert_memory_equal(s.data, "\x01\0\0\0etc/thing\0", 14);
	assert_memory_equal(s.data + 60, "\x78\x56\x34\x12\x02", 5);
	for (unsigned i = 65; i < 128; i++)
		assert_int_equal(s.data[i], 0);
	blob_free(&s);
}

static void pointer_has_its_layout(void **state)
{
	struct blob s = { 0 };

	loader_add_pointer(&s, "a", 0x0102, 8, "b");
	assert_int_equal(s.len, 128);
	assert_memory_equal(s.data, "\x02\0\0\0a\0", 6);
	assert_memory_equal(s.data + 60, "b\0", 2);
	assert_memory_equal(s.data + 116, "\x02\x01\0\0\x08\0\0\0", 8);
	blob_free(&s);
}

static void checksum_has_its_layout(void **state)
{
	struct blob s = { 0 };

	loader_add_checksum(&s, "a", 9, 0x10, 0x11223344);
	assert_int_equal(s.len, 128);
	assert_memory_equal(s.data, "\x03\0\0\0a\0", 6);
	assert_memory_equal(s.data + 60, "\x09\0\0\0\x10\0\0\0\x44\x33\x22\x11\0\0\0\0", 16);
	blob_free(&s);
}

static void names_always_end(void **state)
{
	char name[100];
	struct blob s = { 0 };

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = 0;
	loader_allocate(&s, name, 1, LOADER_HIGH);
	assert_int_equal(s.len, 128);
	assert_int_equal(s.data[4 + 54], 'x');
	assert_int_equal(s.data[4 + 55], 0);
	blob_free(&s);
}

static void firmware_carries_it_out(void **state)
{
	struct blob from = { 0 }, to = { 0 }, s = { 0 };
	struct place pl = {
		.file = { { .name = "from", .blob = &from, .address = 0xf0000 },
			  { .name = "to", .blob = &to, .address = 0x7fe00040 } },
	};

	blob_put32(&from, 4);
	blob_put32(&from, 0);
	blob_put64(&to, 0);
	loader_allocate(&s, "from", 16, LOADER_FSEG);
	loader_allocate(&s, "to", 64, LOADER_HIGH);
	loader_add_pointer(&s, "from", 0, 4, "to");
	loader_add_checksum(&s, "from", 7, 0, 8);
	place_run(&pl, &s);
	assert_int_equal(pl.commands, 4);
	assert_int_equal(le(from.data, 4), 0x7fe00044);
	assert_int_equal(sum(from.data, 8), 0);
	assert_int_equal(pl.file[0].zone, 2);
	assert_int_equal(pl.file[1].align, 64);
	blob_free(&from);
	blob_free(&to);
	blob_free(&s);
}

static void blobs_grow(void **state)
{
	struct blob b = { 0 };

	for (unsigned i = 0; i < 100000; i++)
		blob_put8(&b, i);
	assert_false(b.failed);
	assert_int_equal(b.len, 100000);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(b.data[i], i & 0xff);
	blob_free(&b);
	assert_null(b.data);
}

static void blobs_are_little_endian(void **state)
{
	struct blob b = { 0 };

	blob_put16(&b, 0x0102);
	blob_put32(&b, 0x03040506);
	blob_put64(&b, 0x0708090a0b0c0d0eull);
	assert_memory_equal(b.data, "\x02\x01\x06\x05\x04\x03\x0e\x0d\x0c\x0b\x0a\x09\x08\x07", 14);
	blob_set(&b, 1, 0xaabb, 2);
	assert_memory_equal(b.data, "\x02\xbb\xaa\x05", 4);
	blob_set(&b, 13, 0xffff, 2); /* beyond the end: nothing */
	assert_int_equal(b.data[13], 0x07);
	blob_align(&b, 8);
	assert_int_equal(b.len, 16);
	blob_align(&b, 8);
	assert_int_equal(b.len, 16);
	assert_int_equal(b.data[15], 0);
	blob_free(&b);
}

static void a_failed_blob_stays_harmless(void **state)
{
	struct blob b = { .failed = true };

	blob_put64(&b, 1);
	blob_set(&b, 0, 1, 8);
	blob_align(&b, 64);
	loader_allocate(&b, "x", 1, LOADER_HIGH);
	assert_int_equal(b.len, 0);
	assert_null(b.data);
	blob_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocate_has_its_layout),
		cmocka_unit_test(pointer_has_its_layout),
		cmocka_unit_test(checksum_has_its_layout),
		cmocka_unit_test(names_always_end),
		cmocka_unit_test(firmware_carries_it_out),
		cmocka_unit_test(blobs_grow),
		cmocka_unit_test(blobs_are_little_endian),
		cmocka_unit_test(a_failed_blob_stays_harmless),
	};

	return cmocka_run_group_tests_name("loader", tests, NULL, NULL);
}
