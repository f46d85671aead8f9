// SPDX-License-Identifier: GPL-2.0-only
/* CD-ROM drive: the packet protocol by PIO and DMA, sense data, discs that change. */
#include <errno.h>

#include "atapi_rig.h"

static void signature(void **state)
{
	struct ide_bench *b = *state;

	assert_int_equal(inr(b, R_STATUS), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(inr(b, R_COUNT), 1);
		assert_int_equal(inr(b, R_LOW), 1);
		assert_int_equal(byte_count(b), 0xeb14);
		outr(b, R_COUNT, 7);
		outr(b, R_MID, 7);
		if (i == 0) { /* IDENTIFY DEVICE and READ SECTORS tell what is here */
			outr(b, R_CMD, 0xec);
			assert_int_equal(inr(b, R_STATUS), READY | ERR);
			assert_int_equal(inr(b, R_ERR), 4);
		} else if (i == 1) {
			unsigned before = b->r->rises[14];

			outr(b, R_CMD, 0x08); /* DEVICE RESET */
			assert_int_equal(b->r->rises[14], before);
			assert_int_equal(inr(b, R_STATUS), 0);
			assert_int_equal(inr(b, R_ERR), 1);
		}
	}
}

static void absent_slave(void **state)
{
	struct ide_bench *b = *state;

	outr(b, R_DEV, 0xb0); /* not mistaken for a second one */
	for (unsigned i = 1; i < 8; i++)
		assert_int_equal(inr(b, i), 0);
}

static void identify(void **state)
{
	struct ide_bench *b = *state;
	uint8_t id[512];

	outr(b, R_CMD, 0xa1);
	assert_int_equal(rig_in8(b->r, C1), READY | DRQ);
	assert_true(b->r->gsi[14]);
	pio_in(b, id, 512);
	assert_int_equal(inr(b, R_STATUS), READY);
	assert_false(b->r->gsi[14]);
	assert_int_equal(id[0] | id[1] << 8, 0x85c0);
	assert_true(id[49 * 2 + 1] & 1);
	assert_true(id[82 * 2] & 0x10);
	assert_memory_equal(id + 54, "aCsios nDCR-MO", 14);
	outr(b, R_FEAT, 3);
	outr(b, R_COUNT, 0x42);
	outr(b, R_CMD, 0xef);
	assert_int_equal(inr(b, R_STATUS), READY);
	outr(b, R_CMD, 0xa1);
	pio_in(b, id, 512);
	assert_int_equal(id[88 * 2 + 1], 4);
}

static void attention_at_power_on(void **state)
{
	struct ide_bench *b = *state;
	static const uint8_t inquiry[12] = { 0x12, 0, 0, 0, 36 };
	uint8_t buf[36];

	assert_int_equal(in(b, inquiry, buf, 36), 36);
	assert_int_equal(buf[0], 5);
	assert_int_equal(buf[1], 0x80);
	fails(b, test_ready, 6, 0x29, 0);
	succeeds(b, test_ready);
}

static void sense_instead_of_attention(void **state)
{
	sense(*state, 6, 0x29, 0);
	succeeds(*state, test_ready);
}

static void expect_sectors(const uint8_t *buf, uint32_t lba, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint32_t first, last;

		memcpy(&first, buf + 2048 * i, 4);
		memcpy(&last, buf + 2048 * i + 2044, 4);
		assert_int_equal(first, lba + i);
		assert_int_equal(last, lba + i);
	}
}

/* Byte count limits of all sorts: odd, 0, longer than the data. */
static void read_by_pio(void **state)
{
	struct ide_bench *b = *state;
	static const uint16_t limits[] = { 2048, 0xfffe, 0, 0xffff, 2047, 1, 2, 3, 4096, 5000,
					   0x8000, 0xf800 };
	uint8_t cdb[12], *buf = malloc(50 * 2048);

	settle(b);
	read10(cdb, 30, 50);
	for (unsigned i = 0; i < sizeof(limits) / 2; i++) {
		uint16_t most = limits[i] ? limits[i] : 0xfffe;

		if (i > 3)
			read10(cdb, 30, 5);
		memset(buf, 0xee, 50 * 2048);
		packet(b, cdb, limits[i], false);
		assert_int_equal(receive(b, buf, 50 * 2048, most < 2 ? 2 : most),
				 cdb[8] * 2048);
		assert_int_equal(inr(b, R_STATUS), READY);
		expect_sectors(buf, 30, cdb[8]);
	}
	free(buf);
}

static void burst_is_the_limit(void **state)
{
	struct ide_bench *b = *state;
	uint8_t cdb[12];

	settle(b);
	read10(cdb, 0, 4);
	packet(b, cdb, 2048, false);
	assert_int_equal(byte_count(b), 2048);
	packet(b, cdb, 4095, false);
	assert_int_equal(byte_count(b), 4094);
	packet(b, cdb, 8193, false);
	assert_int_equal(byte_count(b), 8192);
}

static void read_by_dma(void **state)
{
	struct ide_bench *b = *state;
	uint8_t cdb[12];

	settle(b);
	for (unsigned i = 0; i < 5; i++)
		prd(b, i, DATA + 0x10000 * i, 0, i == 4);
	read10(cdb, 3, 160);
	outr(b, R_FEAT, 1);
	outr(b, R_CMD, 0xa0);
	pio_out(b, cdb, 12);
	bm_go(b, true);
	assert_int_equal(wait_ready(b, C1), READY);
	assert_int_equal(inr(b, R_COUNT), STATUS_PHASE);
	assert_int_equal(rig_in8(b->r, BM + 2), 4);
	assert_true(b->r->gsi[14]);
	expect_sectors(b->r->ram + DATA, 3, 160);
	/* and a short reply, with the engine started first */
	bm_stop(b);
	inr(b, R_STATUS);
	prd(b, 0, DATA, 36, true);
	bm_go(b, true);
	memcpy(cdb, (const uint8_t[12]){ 0x12, 0, 0, 0, 36 }, 12);
	assert_int_equal(packet(b, cdb, 0, true), READY);
	assert_int_equal(b->r->ram[DATA], 5);
	assert_memory_equal(b->r->ram + DATA + 8, "Caisson ", 8);
	assert_int_equal(rig_in8(b->r, BM + 2), 4);
}

static void read_12_and_cd(void **state)
{
	struct ide_bench *b = *state;
	uint8_t buf[3 * 2048];
	uint8_t r12[12] = { 0xa8, 0, 0, 0, 0, 9, 0, 0, 0, 3 };
	uint8_t cd[12] = { 0xbe, 0, 0, 0, 0, 11, 0, 0, 2, 0x10 };

	settle(b);
	assert_int_equal(in(b, r12, buf, sizeof(buf)), 3 * 2048);
	expect_sectors(buf, 9, 3);
	assert_int_equal(in(b, cd, buf, sizeof(buf)), 2 * 2048);
	expect_sectors(buf, 11, 2);
	cd[9] = 0;
	succeeds(b, cd);
	cd[9] = 0xf8; /* raw sectors are not here */
	fails(b, cd, 5, 0x24, 0);
	cd[9] = 0x10;
	cd[1] = 1 << 2; /* nor is audio */
	fails(b, cd, 5, 0x64, 0);
}

static void read_cd_by_time(void **state)
{
	struct ide_bench *b = *state;
	uint8_t buf[2 * 2048];
	uint8_t cdb[12] = { 0xb9, 0, 0, 0, 2, 73, 0, 3, 0, 0x10 }; /* 73 + 2 is sector 75 */

	settle(b);
	assert_int_equal(in(b, cdb, buf, sizeof(buf)), 2 * 2048);
	expect_sectors(buf, 73, 2);
	cdb[6] = 80;
	fails(b, cdb, 5, 0x21, 0);
	cdb[6] = 0;
	cdb[7] = 2;
	cdb[8] = 72; /* ends before it begins */
	fails(b, cdb, 5, 0x24, 0);
	cdb[4] = 1; /* the lead-in */
	fails(b, cdb, 5, 0x21, 0);
	cdb[4] = 2;
	cdb[8] = 75; /* no such frame */
	fails(b, cdb, 5, 0x24, 0);
}

static void lba_limits(void **state)
{
	struct ide_bench *b = *state;
	uint8_t cdb[12];

	settle(b);
	read10(cdb, SECTORS, 0);
	succeeds(b, cdb);
	read10(cdb, SECTORS, 1);
	fails(b, cdb, 5, 0x21, 0);
	read10(cdb, SECTORS - 1, 2);
	fails(b, cdb, 5, 0x21, 0);
	read10(cdb, 0xffffffff, 2);
	fails(b, cdb, 5, 0x21, 0);
	memcpy(cdb, (const uint8_t[12]){ 0xa8, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff }, 12);
	fails(b, cdb, 5, 0x21, 0);
	memcpy(cdb, (const uint8_t[12]){ 0x2b, 0, 0, 0, SECTORS >> 8, SECTORS & 0xff }, 12);
	fails(b, cdb, 5, 0x21, 0);
	cdb[5]--;
	succeeds(b, cdb);
}

static void unknown_commands(void **state)
{
	struct ide_bench *b = *state;
	static const uint8_t unknown[] = { 0x08, 0x0a, 0x2a, 0x1a, 0x15, 0x04, 0xff, 0xaa, 0x85 };
	uint8_t cdb[12] = { 0 };

	settle(b);
	for (unsigned i = 0; i < sizeof(unknown); i++) {
		cdb[0] = unknown[i];
		fails(b, cdb, 5, 0x20, 0);
	}
	outr(b, R_FEAT, 2); /* overlapped */
	outr(b, R_CMD, 0xa0);
	assert_int_equal(inr(b, R_STATUS), READY | ERR);
	outr(b, R_CMD, 0xc8);
	assert_int_equal(inr(b, R_STATUS), READY | ERR);
	assert_int_equal(inr(b, R_ERR), 4);
}

static void read_error(void **state)
{
	struct ide_bench *b = *state;
	uint8_t cdb[12], buf[2048];

	settle(b);
	assert_int_equal(truncate(b->path[0], 42 * 2048), 0);
	read10(cdb, 41, 4);
	packet(b, cdb, 2048, false);
	assert_int_equal(receive(b, buf, 2048, 2048), 2048);
	assert_int_equal(inr(b, R_STATUS), READY | ERR);
	expect_sectors(buf, 41, 1);
	sense(b, 3, 0x11, 0);
}

static void event(struct ide_bench *b, uint8_t code, uint8_t status)
{
	static const uint8_t cdb[12] = { 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8 };
	uint8_t buf[8];

	assert_int_equal(in(b, cdb, buf, 8), 8);
	assert_int_equal(buf[1], 4);
	assert_int_equal(buf[2], 4);
	assert_int_equal(buf[3], 0x10);
	assert_int_equal(buf[4], code);
	assert_int_equal(buf[5], status);
}

static void tray(void **state)
{
	struct ide_bench *b = *state;
	uint8_t eject[12] = { 0x1b, 0, 0, 0, 2 }, lock[12] = { 0x1e, 0, 0, 0, 1 };
	static const uint8_t none[12] = { 0x4a, 1, 0, 0, 0x02, 0, 0, 0, 8 };
	uint8_t buf[8];

	settle(b);
	event(b, 0, 2);
	succeeds(b, lock);
	fails(b, eject, 5, 0x53, 2);
	lock[4] = 0;
	succeeds(b, lock);
	succeeds(b, eject);
	event(b, 3, 1);
	event(b, 0, 1);
	fails(b, test_ready, 2, 0x3a, 2);
	rig_reset(b->r); /* no reset closes a tray */
	rig_config_write(b->r, IDE_FN, 0x04, 5, 2);
	fails(b, test_ready, 6, 0x29, 0);
	fails(b, test_ready, 2, 0x3a, 2);
	eject[4] = 3;
	succeeds(b, eject);
	event(b, 2, 2);
	fails(b, test_ready, 6, 0x28, 0);
	succeeds(b, test_ready);
	assert_int_equal(in(b, none, buf, 8), 4);
	assert_int_equal(buf[2], 0x80);
}

/* The button of a locked drive opens nothing; the guest hears of it, and may let go. */
static void eject_button(void **state)
{
	struct ide_bench *b = *state;
	uint8_t lock[12] = { 0x1e, 0, 0, 0, 1 };

	settle(b);
	assert_int_equal(ide_press_eject(b->ide, 0, 0), 0);
	event(b, 0, 2);
	succeeds(b, lock);
	assert_int_equal(ide_press_eject(b->ide, 0, 0), -EBUSY);
	event(b, 1, 2);
	event(b, 0, 2);
	succeeds(b, test_ready);
	lock[4] = 0;
	succeeds(b, lock);
	assert_int_equal(ide_press_eject(b->ide, 0, 0), 0);
	lock[4] = 1;
	succeeds(b, lock);
	ide_change_medium(b->ide, 0, 0, NULL); /* by force */
	assert_int_equal(ide_press_eject(b->ide, 0, 0), 0);
	assert_int_equal(ide_press_eject(b->ide, 0, 1), -EINVAL);
	assert_int_equal(ide_press_eject(b->ide, 2, 0), -EINVAL);
}

static void empty_drive_and_new_disc(void **state)
{
	struct ide_bench *b = *state;
	uint8_t cdb[12];

	settle(b);
	assert_int_equal(ide_change_medium(b->ide, 0, 0, NULL), 0);
	event(b, 3, 0);
	fails(b, test_ready, 6, 0x28, 0);
	fails(b, test_ready, 2, 0x3a, 1);
	read10(cdb, 0, 1);
	fails(b, cdb, 2, 0x3a, 1);
	assert_int_equal(ide_change_medium(b->ide, 0, 0, b->block[0]), 0);
	event(b, 2, 2);
	fails(b, cdb, 6, 0x28, 0);
	succeeds(b, test_ready);
}

/* The disc goes while it is read: no byte of another one follows. */
static void change_while_reading(void **state)
{
	struct ide_bench *b = *state;
	uint8_t cdb[12], buf[2048];

	settle(b);
	read10(cdb, 0, 100);
	packet(b, cdb, 2048, false);
	ide_change_medium(b->ide, 0, 0, NULL);
	while (wait_ready(b, C1) & DRQ)
		pio_in(b, buf, 2048);
	assert_int_equal(inr(b, R_STATUS), READY | ERR);
	sense(b, 6, 0x28, 0);
	ide_change_medium(b->ide, 0, 0, b->block[0]);
	settle(b);
	outr(b, R_FEAT, 1);
	outr(b, R_CMD, 0xa0);
	prd(b, 0, DATA, 0, true);
	bm_go(b, true);
	pio_out(b, cdb, 12); /* under way */
	ide_change_medium(b->ide, 0, 0, NULL);
	bench_close(b, b->block[0]);
	b->block[0] = NULL;
	assert_int_equal(wait_ready(b, C1), READY | ERR);
}

static void cut_short_disc(void **state)
{
	struct ide_bench *b = *state;
	uint8_t cdb[12], buf[2048];
	struct block *blk;

	settle(b);
	assert_int_equal(truncate(b->path[0], 10 * 2048 + 512), 0);
	blk = bench_open(b, b->path[0], true);
	ide_change_medium(b->ide, 0, 0, blk);
	bench_close(b, b->block[0]);
	b->block[0] = blk;
	settle(b);
	read10(cdb, 10, 1);
	assert_int_equal(in(b, cdb, buf, 2048), 2048);
	assert_int_equal(buf[508], 10);
	for (unsigned i = 512; i < 2048; i++)
		assert_int_equal(buf[i], 0);
	read10(cdb, 11, 1);
	fails(b, cdb, 5, 0x21, 0);
}

/* Every opcode with byte counts of every sort, and data phases left or run over at any point. */
static void every_opcode(void **state)
{
	struct ide_bench *b = *state;
	static const uint16_t limits[] = { 0, 1, 2, 3, 511, 2048, 0x7fff, 0xfffe, 0xffff };
	unsigned seed = 3;

	for (unsigned op = 0; op < 256; op++) {
		for (unsigned i = 0; i < sizeof(limits) / 2; i++) {
			uint8_t cdb[12], unit = rand_r(&seed) % 2;
			unsigned words = rand_r(&seed) % 3 ? 40 : 3000;

			for (unsigned k = 0; k < 12; k++)
				cdb[k] = rand_r(&seed) % 3 ? 0 : rand_r(&seed);
			cdb[0] = op;
			packet(b, cdb, limits[i], false);
			for (unsigned k = 0; k < words && (rig_in8(b->r, C1) & DRQ); k++) {
				rig_in32(b->r, P1);
				rig_out16(b->r, P1, k);
			}
			outr(b, R_DEV, unit << 4); /* and away */
			rig_in16(b->r, P1);
			outr(b, R_DEV, 0);
			wait_ready(b, C1);
			if (rand_r(&seed) % 4 == 0) {
				outr(b, R_CMD, 0x08);
				assert_int_equal(wait_ready(b, C1), 0);
			}
		}
	}
	outr(b, R_CMD, 0x08);
	assert_int_equal(byte_count(b), 0xeb14);
}

static void device_reset_in_flight(void **state)
{
	struct ide_bench *b = *state;
	uint8_t cdb[12];

	settle(b);
	read10(cdb, 0, 10);
	outr(b, R_FEAT, 0);
	outr(b, R_CMD, 0xa0);
	pio_out(b, cdb, 12);
	outr(b, R_CMD, 0x08); /* the one command that a busy drive takes */
	assert_int_equal(rig_in8(b->r, C1) & BSY, BSY);
	assert_int_equal(wait_ready(b, C1), 0);
	assert_int_equal(byte_count(b), 0xeb14);
	assert_false(b->r->gsi[14]);
	succeeds(b, test_ready);
}

static void saved_state(void **state)
{
	struct ide_bench *b = *state;
	uint8_t cdb[12], buf[20 * 2048];

	rig_check_saved_state(b->r);
	settle(b);
	read10(cdb, 40, 20);
	outr(b, R_FEAT, 0);
	outr(b, R_MID, 0x32); /* 50: bursts that straddle requests */
	outr(b, R_HIGH, 0);
	outr(b, R_CMD, 0xa0);
	pio_out(b, cdb, 6);
	rig_check_saved_state(b->r);
	pio_out(b, cdb + 6, 6);
	rig_check_saved_state(b->r);
	wait_ready(b, C1);
	rig_check_saved_state(b->r);
	assert_int_equal(receive(b, buf, sizeof(buf), 50), sizeof(buf));
	expect_sectors(buf, 40, 20);
	rig_check_saved_state(b->r);
	cdb[0] = 0x77;
	packet(b, cdb, 0, false);
	rig_check_saved_state(b->r);
	sense(b, 5, 0x20, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(signature), T(absent_slave), T(identify), T(attention_at_power_on),
		T(sense_instead_of_attention), T(read_by_pio), T(burst_is_the_limit),
		T(read_by_dma), T(read_12_and_cd), T(read_cd_by_time), T(lba_limits),
		T(unknown_commands),
		T(read_error), T(tray), T(eject_button), T(empty_drive_and_new_disc),
		T(change_while_reading),
		T(cut_short_disc), T(every_opcode), T(device_reset_in_flight), T(saved_state),
	};

	return cmocka_run_group_tests_name("atapi", tests, NULL, NULL);
}
