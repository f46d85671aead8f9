/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What firmware does with the table loader's script, written from the format's description: it
 * places files, adds addresses to pointers, and puts checksums right. Fails the test on anything
 * that firmware would refuse.
 */
#ifndef TESTS_UNIT_PLACE_H
#define TESTS_UNIT_PLACE_H

#include "unit.h"

#include "firmware/tables.h"

enum { PLACE_FILES = 4, PLACE_COMMAND = 128, PLACE_NAME = 56 };

struct placed {
	const char *name;
	struct blob *blob;
	uint32_t address; /* where this test's firmware puts it */
	bool allocated;
	uint32_t align;
	uint8_t zone;
};

struct place {
	struct placed file[PLACE_FILES];
	unsigned commands;
};

static inline uint64_t le(const uint8_t *p, unsigned size)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < size; i++)
		v |= (uint64_t)p[i] << i * 8;
	return v;
}

static inline uint8_t sum(const uint8_t *p, size_t len)
{
	uint8_t s = 0;

	while (len--)
		s += *p++;
	return s;
}

static inline struct placed *place_find(struct place *pl, const uint8_t *name)
{
	assert_int_equal(name[PLACE_NAME - 1], 0);
	for (unsigned i = 0; i < PLACE_FILES; i++)
		if (pl->file[i].name && !strcmp(pl->file[i].name, (const char *)name))
			return &pl->file[i];
	fail_msg("no file %.56s", (const char *)name);
	return NULL;
}

static inline void place_allocate(struct place *pl, const uint8_t *c)
{
	struct placed *f = place_find(pl, c + 4);

	assert_false(f->allocated); /* exactly once */
	f->allocated = true;
	f->align = le(c + 60, 4);
	f->zone = c[64];
	assert_true(f->align && !(f->align & (f->align - 1)));
	assert_true(f->zone == 1 || f->zone == 2);
	assert_int_equal(f->address % f->align, 0);
}

static inline void place_pointer(struct place *pl, const uint8_t *c)
{
	struct placed *f = place_find(pl, c + 4), *target = place_find(pl, c + 60);
	uint32_t off = le(c + 116, 4);
	unsigned size = c[120];
	uint64_t val;

	assert_true(f->allocated && target->allocated);
	assert_true(size == 4 || size == 8);
	assert_true(off <= f->blob->len && size <= f->blob->len - off);
	val = le(f->blob->data + off, size);
	assert_true(val < target->blob->len); /* points into the file */
	blob_set(f->blob, off, val + target->address, size);
}

static inline void place_checksum(struct place *pl, const uint8_t *c)
{
	struct placed *f = place_find(pl, c + 4);
	uint32_t off = le(c + 60, 4), start = le(c + 64, 4), len = le(c + 68, 4);

	assert_true(f->allocated);
	assert_true(off >= start && off - start < len);
	assert_true(start <= f->blob->len && len <= f->blob->len - start);
	f->blob->data[off] -= sum(f->blob->data + start, len);
}

static inline void place_run(struct place *pl, const struct blob *script)
{
	assert_int_equal(script->len % PLACE_COMMAND, 0);
	for (size_t at = 0; at < script->len; at += PLACE_COMMAND, pl->commands++) {
		const uint8_t *c = script->data + at;

		switch (le(c, 4)) {
		case 1:
			place_allocate(pl, c);
			break;
		case 2:
			place_pointer(pl, c);
			break;
		case 3:
			place_checksum(pl, c);
			break;
		default:
			fail_msg("unknown command %u", (unsigned)le(c, 4));
		}
	}
}

#endif
