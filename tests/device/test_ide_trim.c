// SPDX-License-Identifier: GPL-2.0-only
/*
 * ATA disk: discarded sectors, writes that go through to the disk, and whether IDENTIFY DEVICE and
 * the commands agree: what is announced works, what is not is aborted.
 */
#include "disk_rig.h"

#include <stdlib.h>
#include <sys/syscall.h>

enum { LIST = 0x20000, TRIM = 0x06 };

/* In front of the C library's. */
static _Atomic unsigned syncs;

int fdatasync(int fd)
{
	syncs++;
	return syscall(SYS_fdatasync, fd);
}

static uint16_t word(const uint8_t *id, unsigned n)
{
	return id[2 * n] | id[2 * n + 1] << 8;
}

static void identify(struct ide_bench *b, unsigned unit, uint8_t *id)
{
	outr(b, R_DEV, 0xa0 | unit << 4);
	outr(b, R_CMD, 0xec);
	assert_int_equal(rig_in8(b->r, C1), READY | DRQ);
	pio_in(b, id, 512);
	assert_int_equal(inr(b, R_STATUS), READY);
}

/* --- TRIM --- */

static bool can_trim(struct ide_bench *b)
{
	return block_discard(b->block[0]) == DISCARD_ZEROES;
}

static void range(struct ide_bench *b, unsigned n, uint64_t lba, uint16_t count)
{
	rig_write(b->r, LIST + 8 * n, lba | (uint64_t)count << 48, 8);
}

/* Sends the list in n blocks; the status when all is over. */
static uint8_t trim(struct ide_bench *b, uint8_t feature, uint16_t blocks)
{
	outr(b, R_FEAT, feature);
	prd(b, 0, LIST, blocks * 512, true);
	command48(b, TRIM, 0, blocks);
	bm_go(b, false);
	wait_ready(b, C1);
	bm_stop(b);
	return inr(b, R_STATUS);
}

static void clear_list(struct ide_bench *b, unsigned blocks)
{
	memset(b->r->ram + LIST, 0, blocks * 512);
}

static void trims(void **state)
{
	struct ide_bench *b = *state;
	unsigned rises = b->r->rises[14];

	if (!can_trim(b))
		skip();
	clear_list(b, 1);
	range(b, 0, 100, 8);
	range(b, 1, 108, 4); /* goes on where the one before ends */
	range(b, 3, 50, 1);  /* behind an entry without sectors */
	range(b, 63, SECTORS - 1, 1);
	assert_int_equal(trim(b, 1, 1), READY);
	assert_int_equal(b->r->rises[14], rises + 1);
	assert_int_equal(image_word(b, 0, 99 * 512 + 508), 99);
	for (unsigned i = 100; i < 112; i++)
		assert_int_equal(image_word(b, 0, i * 512 + 4), 0);
	assert_int_equal(image_word(b, 0, 112 * 512), 112);
	assert_int_equal(image_word(b, 0, 49 * 512), 49);
	assert_int_equal(image_word(b, 0, 50 * 512), 0);
	assert_int_equal(image_word(b, 0, 51 * 512), 51);
	assert_int_equal(image_word(b, 0, (SECTORS - 1) * 512), 0);
	assert_int_equal(image_word(b, 0, 0), 0); /* that is its pattern */
	assert_int_equal(image_word(b, 0, 512), 1); /* entries of 0 name no sector */
}

static void longest_list(void **state)
{
	struct ide_bench *b = *state;
	uint8_t id[512];
	unsigned blocks;

	if (!can_trim(b))
		skip();
	identify(b, 0, id);
	blocks = word(id, 105);
	assert_true(blocks >= 1);
	for (unsigned i = 0; i < blocks * 64; i++)
		range(b, i, 1 + 2 * i, 1);
	assert_int_equal(trim(b, 1, blocks), READY);
	for (unsigned i = 0; i < blocks * 64; i++) {
		assert_int_equal(image_word(b, 0, (1 + 2 * i) * 512), 0);
		assert_int_equal(image_word(b, 0, (2 + 2 * i) * 512), 2 + 2 * i);
	}
	assert_int_equal(trim(b, 1, blocks + 1), READY | ERR);
	assert_int_equal(trim(b, 1, 1), READY);
}

static void bad_lists(void **state)
{
	struct ide_bench *b = *state;

	if (!can_trim(b))
		skip();
	clear_list(b, 1);
	range(b, 0, SECTORS - 4, 5);
	assert_int_equal(trim(b, 1, 1), READY | ERR);
	assert_int_equal(inr(b, R_ERR), 4);
	assert_int_equal(image_word(b, 0, (SECTORS - 4) * 512), SECTORS - 4);
	range(b, 0, 0xffffffffffffull, 0xffff);
	assert_int_equal(trim(b, 1, 1), READY | ERR);
	range(b, 0, 9, 1);
	assert_int_equal(trim(b, 0, 1), READY | ERR); /* not TRIM */
	assert_int_equal(trim(b, 3, 1), READY | ERR);
	assert_int_equal(trim(b, 1, 0), READY | ERR);
	assert_int_equal(image_word(b, 0, 9 * 512), 9);
	assert_int_equal(trim(b, 1, 1), READY);
	assert_int_equal(image_word(b, 0, 9 * 512), 0);
}

/* Saved while the list is awaited, and while a range is under way. */
static void saved_in_between(void **state)
{
	struct ide_bench *b = *state;

	if (!can_trim(b))
		skip();
	clear_list(b, 1);
	range(b, 0, 20, 2);
	range(b, 1, 30, 2);
	outr(b, R_FEAT, 1);
	prd(b, 0, LIST, 512, true);
	command48(b, TRIM, 0, 1);
	rig_check_saved_state(b->r);
	bm_go(b, false);
	rig_check_saved_state(b->r);
	wait_ready(b, C1);
	bm_stop(b);
	assert_int_equal(inr(b, R_STATUS), READY);
	assert_int_equal(image_word(b, 0, 21 * 512), 0);
	assert_int_equal(image_word(b, 0, 31 * 512), 0);
	assert_int_equal(image_word(b, 0, 32 * 512), 32);
}

static void announced(void **state)
{
	struct ide_bench *b = *state;
	uint8_t id[512];
	int fd = fd_of_image(b->path[1], 64, 512);

	close(fd);
	b->block[1] = bench_open(b, b->path[1], true);
	assert_int_equal(piix_ide_attach(b->ide, 0, 1, IDE_DISK, b->block[1], "S"), 0);
	bench_start(b);
	identify(b, 0, id);
	assert_int_equal(word(id, 169) & 1, can_trim(b));
	assert_int_equal(word(id, 69) & 0x4020, can_trim(b) ? 0x4020 : 0);
	assert_true(word(id, 80) & 1 << 9); /* the standard that has the command */
	identify(b, 1, id); /* a protected disk */
	assert_int_equal(word(id, 169), 0);
	assert_int_equal(word(id, 69), 0);
	assert_int_equal(word(id, 105), 0);
	outr(b, R_DEV, 0xf0);
	outr(b, R_FEAT, 1);
	outr(b, R_COUNT, 1);
	outr(b, R_CMD, TRIM);
	assert_int_equal(inr(b, R_STATUS), READY | ERR);
}

/* --- writes through --- */

static void fua(void **state)
{
	struct ide_bench *b = *state;
	uint8_t id[512];
	unsigned before;

	identify(b, 0, id);
	assert_true(word(id, 84) & 1 << 6);
	assert_true(word(id, 87) & 1 << 6);
	prd(b, 0, DATA, 1024, true);
	rig_write(b->r, DATA + 512, 0x12345678, 4);
	before = syncs;
	command48(b, 0x35, 200, 2); /* into the cache */
	bm_go(b, false);
	assert_int_equal(wait_ready(b, C1), READY);
	bm_stop(b);
	assert_int_equal(syncs, before);
	command48(b, 0x3d, 300, 2);
	bm_go(b, false);
	assert_int_equal(wait_ready(b, C1), READY);
	bm_stop(b);
	assert_int_equal(syncs, before + 1);
	assert_int_equal(image_word(b, 0, 301 * 512), 0x12345678);
	command48(b, 0xce, 400, 1);
	for (unsigned i = 0; i < 256; i++)
		rig_out16(b->r, P1, 0x4242);
	assert_int_equal(wait_ready(b, C1), READY);
	assert_int_equal(syncs, before + 2);
	assert_int_equal(image_word(b, 0, 400 * 512), 0x42424242);
}

/* --- IDENTIFY DEVICE against the commands --- */

static bool aborted(struct ide_bench *b, uint8_t cmd, uint8_t feature)
{
	outr(b, R_FEAT, feature);
	command28(b, cmd, 0, 1);
	return wait_ready(b, C1) == (READY | ERR) && inr(b, R_ERR) == 4;
}

static void not_announced(void **state)
{
	static const struct {
		uint8_t word, mask, cmd, feature;
	} rows[] = {
		{ 82, 0x01, 0xb0, 0xd0 }, /* SMART: data, status, enable */
		{ 82, 0x01, 0xb0, 0xda },
		{ 82, 0x01, 0xb0, 0xd8 },
		{ 82, 0x02, 0xf5, 0 },	/* security: freeze lock */
		{ 82, 0x02, 0xf6, 0 },
		{ 84, 0x20, 0x2f, 0 },	/* logs */
		{ 84, 0x20, 0x3f, 0 },
		{ 84, 0x20, 0x47, 0 },
		{ 84, 0x01, 0xb0, 0xd5 },
		{ 83, 0x01, 0x92, 7 },	/* microcode */
		{ 83, 0x02, 0xcc, 0 },	/* queued */
		{ 78, 0xff, 0xef, 0x10 }, /* features of serial ATA */
	};
	struct ide_bench *b = *state;
	uint8_t id[512];

	identify(b, 0, id);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (word(id, rows[i].word) & rows[i].mask)
			fail_msg("row %zu is announced", i);
		if (!aborted(b, rows[i].cmd, rows[i].feature))
			fail_msg("row %zu is not aborted", i);
	}
	assert_int_equal(word(id, 82) & 1 << 10, 0); /* protected area: SET MAX */
	assert_true(aborted(b, 0xf9, 0));
	assert_int_equal(word(id, 82) & 3 << 12, 0); /* READ BUFFER, WRITE BUFFER */
	assert_true(aborted(b, 0xe4, 0));
	assert_true(aborted(b, 0xe8, 0));
}

static void words_agree(void **state)
{
	struct ide_bench *b = *state;
	uint8_t id[512];
	unsigned n;

	identify(b, 0, id);
	assert_int_equal(word(id, 2), 0xc837);
	assert_int_equal(word(id, 83) >> 14, 1);
	assert_int_equal(word(id, 84) >> 14, 1);
	assert_int_equal(word(id, 87) >> 14, 1);
	for (n = 0; n < 2; n++) /* what is on is there */
		assert_int_equal(word(id, 85 + n) & ~word(id, 82 + n) & 0x3fff, 0);
	assert_int_equal(word(id, 217), 1);
	assert_int_equal(word(id, 93) & 0xe000, 0x6000);
	/* the current translation covers no more than there is, and its product is right */
	n = word(id, 54) * word(id, 55) * word(id, 56);
	assert_int_equal(word(id, 57) | word(id, 58) << 16, n);
	assert_true(n <= SECTORS);
	assert_true(word(id, 54) <= 16383);
	assert_int_equal(word(id, 54), word(id, 1));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(trims), T(longest_list), T(bad_lists), T(saved_in_between), T(announced),
		T(fua), T(not_announced), T(words_agree),
	};

	return cmocka_run_group_tests_name("ide_trim", tests, NULL, NULL);
}
