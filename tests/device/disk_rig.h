/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of the ATA disk share: one disk, made new for each test, and what is expected. */
#ifndef TESTS_DEVICE_DISK_RIG_H
#define TESTS_DEVICE_DISK_RIG_H

#include "ide_rig.h"

enum { SECTORS = 4096 };

static inline int setup(void **state)
{
	return bench_one(state, IDE_DISK, SECTORS);
}

static inline void expect_signature(struct ide_bench *b)
{
	assert_int_equal(inr(b, R_ERR), 1);
	assert_int_equal(inr(b, R_COUNT), 1);
	assert_int_equal(inr(b, R_LOW), 1);
	assert_int_equal(inr(b, R_MID), 0);
	assert_int_equal(inr(b, R_HIGH), 0);
}

static inline void expect_sector(const uint32_t *p, uint32_t n)
{
	for (unsigned i = 0; i < 128; i++)
		assert_int_equal(p[i], n);
}

#endif
