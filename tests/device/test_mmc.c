// SPDX-License-Identifier: GPL-2.0-only
/* CD-ROM drive: commands that tell about the drive and its disc. */
#include "atapi_rig.h"

static void capacity(void **state)
{
	struct ide_bench *b = *state;
	static const uint8_t cdb[12] = { 0x25 };
	static const uint8_t want[8] = { 0, 0, (SECTORS - 1) >> 8, (SECTORS - 1) & 0xff, 0, 0, 8 };
	uint8_t buf[8];

	settle(b);
	assert_int_equal(in(b, cdb, buf, 8), 8);
	assert_memory_equal(buf, want, 8);
}

static void toc(void **state)
{
	struct ide_bench *b = *state;
	uint8_t cdb[12] = { 0x43, 0, 0, 0, 0, 0, 0, 0, 255 }, buf[256];

	settle(b);
	assert_int_equal(in(b, cdb, buf, 256), 20);
	assert_int_equal(buf[1], 18);
	assert_int_equal(buf[6], 1);
	assert_int_equal(buf[5], 0x14);
	assert_int_equal(buf[14], 0xaa);
	assert_int_equal(buf[18] << 8 | buf[19], SECTORS);
	cdb[1] = 2; /* MSF: sector 700 is frame 850, at 0:11:25 */
	assert_int_equal(in(b, cdb, buf, 256), 20);
	assert_int_equal(buf[10], 2);
	assert_memory_equal(buf + 17, "\0\13\31", 3);
	cdb[6] = 0xaa;
	assert_int_equal(in(b, cdb, buf, 256), 12);
	cdb[6] = 2;
	fails(b, cdb, 5, 0x24, 0);
	cdb[6] = 0;
	cdb[9] = 0x40; /* the older place of the format: sessions */
	assert_int_equal(in(b, cdb, buf, 256), 12);
	assert_int_equal(buf[2], 1);
	cdb[9] = 0;
	cdb[2] = 2;
	assert_int_equal(in(b, cdb, buf, 256), 4 + 4 * 11);
	assert_int_equal(buf[7], 0xa0);
	assert_int_equal(buf[4 + 33 + 3], 1);
	cdb[8] = 5; /* an allocation that is short, and odd */
	assert_int_equal(in(b, cdb, buf, 256), 5);
	cdb[8] = 0;
	succeeds(b, cdb);
	cdb[2] = 5;
	fails(b, cdb, 5, 0x24, 0);
}

static void configuration(void **state)
{
	struct ide_bench *b = *state;
	uint8_t cdb[12] = { 0x46, 0, 0, 0, 0, 0, 0, 1, 0 }, buf[256];
	size_t n = in(b, cdb, buf, 256), at = 8;
	unsigned last = 0;

	assert_int_equal(n, (buf[2] << 8 | buf[3]) + 4);
	assert_int_equal(buf[7], 8); /* CD-ROM */
	for (unsigned i = 0; at < n; i++, at += 4 + buf[at + 3]) {
		unsigned code = buf[at] << 8 | buf[at + 1];

		assert_true(!i || code > last);
		assert_int_equal(buf[at + 3] % 4, 0);
		last = code;
	}
	assert_int_equal(at, n);
	cdb[1] = 2;
	cdb[3] = 0x1e;
	assert_int_equal(in(b, cdb, buf, 256), 16);
	assert_int_equal(buf[9], 0x1e);
	assert_int_equal(buf[10] & 1, 1);
	cdb[3] = 0x1f;
	in(b, cdb, buf, 256);
	assert_int_equal(buf[10] & 1, 0);
	cdb[3] = 0x99;
	assert_int_equal(in(b, cdb, buf, 256), 8);
	cdb[1] = 3;
	packet(b, cdb, 0, false);
	sense(b, 5, 0x24, 0);
}

static void mode_pages(void **state)
{
	struct ide_bench *b = *state;
	uint8_t cdb[12] = { 0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 128 }, buf[128];
	uint8_t lock[12] = { 0x1e, 0, 0, 0, 1 };

	settle(b);
	assert_int_equal(in(b, cdb, buf, 128), 28);
	assert_int_equal(buf[1], 26);
	assert_int_equal(buf[8], 0x2a);
	assert_int_equal(buf[9], 18);
	assert_int_equal(buf[14] & 2, 0);
	succeeds(b, lock);
	in(b, cdb, buf, 128);
	assert_int_equal(buf[14] & 2, 2);
	cdb[2] = 0x01;
	assert_int_equal(in(b, cdb, buf, 128), 16);
	cdb[2] = 0x3f;
	assert_int_equal(in(b, cdb, buf, 128), 8 + 8 + 16 + 12 + 10 + 20);
	cdb[2] = 0x1a;
	assert_int_equal(in(b, cdb, buf, 128), 8 + 12);
	cdb[2] = 0x1d;
	assert_int_equal(in(b, cdb, buf, 128), 8 + 10);
	cdb[2] = 0x7f; /* changeable: nothing is */
	in(b, cdb, buf, 128);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(buf[10 + i], 0);
	cdb[2] = 0xc1;
	fails(b, cdb, 5, 0x39, 0);
	cdb[2] = 0x05;
	fails(b, cdb, 5, 0x24, 0);
}

static void mode_select(void **state)
{
	struct ide_bench *b = *state;
	static const uint8_t cdb[12] = { 0x55, 0x10, 0, 0, 0, 0, 0, 0, 21 };
	uint8_t data[24] = { 0 };

	settle(b);
	assert_int_equal(packet(b, cdb, 16, false), READY | DRQ);
	assert_int_equal(inr(b, R_COUNT), 0);
	assert_int_equal(byte_count(b), 16);
	assert_true(b->r->gsi[14]);
	inr(b, R_STATUS);
	pio_out(b, data, 16);
	assert_int_equal(rig_in8(b->r, C1), READY | DRQ);
	assert_int_equal(byte_count(b), 5);
	inr(b, R_STATUS);
	pio_out(b, data, 6);
	assert_int_equal(rig_in8(b->r, C1), READY);
	assert_int_equal(inr(b, R_COUNT), STATUS_PHASE);
	assert_true(b->r->gsi[14]);
	prd(b, 0, DATA, 22, true);
	bm_go(b, false);
	assert_int_equal(packet(b, cdb, 0, true), READY);
}

static void disc_commands(void **state)
{
	struct ide_bench *b = *state;
	uint8_t buf[64], info[12] = { 0x51, 0, 0, 0, 0, 0, 0, 0, 64 };
	uint8_t track[12] = { 0x52, 1, 0, 0, 0, 1, 0, 0, 64 };
	uint8_t sub[12] = { 0x42, 2, 0x40, 1, 0, 0, 0, 0, 64 };
	uint8_t dvd[12] = { 0xad, 0, 0, 0, 0, 0, 0, 0, 8 };
	uint8_t mech[12] = { 0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8 };
	static const uint8_t speed[12] = { 0xbb, 0, 0xff, 0xff };

	settle(b);
	assert_int_equal(in(b, info, buf, 64), 34);
	assert_int_equal(buf[2], 0x0e);
	assert_int_equal(in(b, track, buf, 64), 36);
	assert_int_equal(buf[26] << 8 | buf[27], SECTORS);
	track[5] = 2;
	fails(b, track, 5, 0x24, 0);
	assert_int_equal(in(b, sub, buf, 64), 16);
	assert_int_equal(buf[10], 2);
	sub[3] = 9;
	fails(b, sub, 5, 0x24, 0);
	fails(b, dvd, 5, 0x30, 2);
	assert_int_equal(in(b, mech, buf, 64), 8);
	succeeds(b, speed);
}

static void large_disc_is_dvd(void **state)
{
	struct ide_bench *b = *state;
	uint8_t cdb[12] = { 0xad, 0, 0, 0, 0, 0, 0, 0, 8, 4 }, *buf = malloc(4096);
	uint8_t conf[12] = { 0x46, 0, 0, 0, 0, 0, 0, 1, 0 };
	struct block *blk;

	assert_int_equal(truncate(b->path[0], 4ll << 30), 0);
	blk = bench_open(b, b->path[0], true);
	ide_change_medium(b->ide, 0, 0, blk);
	bench_close(b, b->block[0]);
	b->block[0] = blk;
	settle(b);
	assert_int_equal(in(b, cdb, buf, 4096), 2052);
	assert_int_equal(buf[0] << 8 | buf[1], 2050);
	cdb[7] = 0xff;
	assert_int_equal(in(b, cdb, buf, 4096), 16);
	cdb[6] = 1;
	fails(b, cdb, 5, 0x24, 0);
	in(b, conf, buf, 256);
	assert_int_equal(buf[7], 0x10);
	free(buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(capacity), T(toc), T(configuration), T(mode_pages), T(mode_select),
		T(disc_commands), T(large_disc_is_dvd),
	};

	return cmocka_run_group_tests_name("mmc", tests, NULL, NULL);
}
