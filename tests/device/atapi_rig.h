/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of the CD-ROM drive share: the host's side of the packet protocol. */
#ifndef TESTS_DEVICE_ATAPI_RIG_H
#define TESTS_DEVICE_ATAPI_RIG_H

#include "ide_rig.h"

enum { SECTORS = 700 };
enum { C_D = 1, I_O = 2, STATUS_PHASE = C_D | I_O };

static inline int setup(void **state)
{
	return bench_one(state, IDE_CDROM, SECTORS);
}

/* Sends a packet; the alternate status that follows. */
static inline uint8_t packet(struct ide_bench *b, const uint8_t *cdb, uint16_t limit, bool dma)
{
	outr(b, R_DEV, 0xa0);
	outr(b, R_FEAT, dma);
	outr(b, R_MID, limit);
	outr(b, R_HIGH, limit >> 8);
	outr(b, R_CMD, 0xa0);
	assert_int_equal(rig_in8(b->r, C1), READY | DRQ);
	assert_int_equal(inr(b, R_COUNT), C_D);
	assert_false(b->r->gsi[14]);
	pio_out(b, cdb, 12);
	return wait_ready(b, C1);
}

static inline uint16_t byte_count(struct ide_bench *b)
{
	return inr(b, R_MID) | inr(b, R_HIGH) << 8;
}

/* The data phase by PIO: all bursts, up to max bytes kept. How many bytes came. */
static inline size_t receive(struct ide_bench *b, uint8_t *buf, size_t max, uint16_t limit)
{
	size_t n = 0;

	while (wait_ready(b, C1) & DRQ) {
		uint16_t burst = byte_count(b);

		assert_int_equal(inr(b, R_COUNT), I_O);
		assert_true(b->r->gsi[14]);
		inr(b, R_STATUS);
		assert_true(burst > 0 && burst <= limit);
		for (unsigned i = 0; i < burst; i += 2) {
			uint16_t w = rig_in16(b->r, P1);

			if (n + i < max)
				buf[n + i] = w;
			if (i + 1 < burst && n + i + 1 < max)
				buf[n + i + 1] = w >> 8;
		}
		n += burst;
	}
	assert_int_equal(inr(b, R_COUNT), STATUS_PHASE);
	assert_true(b->r->gsi[14]);
	return n;
}

/* A command with data in; how many bytes came, which must end well. */
static inline size_t in(struct ide_bench *b, const uint8_t *cdb, uint8_t *buf, size_t max)
{
	size_t n;

	packet(b, cdb, 0xfffe, false);
	n = receive(b, buf, max, 0xfffe);
	assert_int_equal(inr(b, R_STATUS), READY);
	return n;
}

static inline void sense(struct ide_bench *b, uint8_t key, uint8_t asc, uint8_t ascq)
{
	static const uint8_t cdb[12] = { 0x03, 0, 0, 0, 18 };
	uint8_t s[18];

	assert_int_equal(in(b, cdb, s, 18), 18);
	assert_int_equal(s[0], 0x70);
	assert_int_equal(s[2], key);
	assert_int_equal(s[12], asc);
	assert_int_equal(s[13], ascq);
}

static inline void fails(struct ide_bench *b, const uint8_t *cdb, uint8_t key, uint8_t asc,
			 uint8_t ascq)
{
	assert_int_equal(packet(b, cdb, 0xfffe, false), READY | ERR);
	assert_int_equal(inr(b, R_ERR) >> 4, key);
	assert_int_equal(inr(b, R_COUNT), STATUS_PHASE);
	assert_true(b->r->gsi[14]);
	inr(b, R_STATUS);
	sense(b, key, asc, ascq);
	sense(b, 0, 0, 0); /* told once */
}

static inline void succeeds(struct ide_bench *b, const uint8_t *cdb)
{
	assert_int_equal(packet(b, cdb, 0, false), READY);
	assert_int_equal(inr(b, R_COUNT), STATUS_PHASE);
	assert_true(b->r->gsi[14]);
	inr(b, R_STATUS);
}

static const uint8_t test_ready[12];

/* Past the unit attention of power-on. */
static inline void settle(struct ide_bench *b)
{
	packet(b, test_ready, 0, false);
	succeeds(b, test_ready);
}

static inline void read10(uint8_t *cdb, uint32_t lba, uint16_t n)
{
	memset(cdb, 0, 12);
	cdb[0] = 0x28;
	cdb[2] = lba >> 24;
	cdb[3] = lba >> 16;
	cdb[4] = lba >> 8;
	cdb[5] = lba;
	cdb[7] = n >> 8;
	cdb[8] = n;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
