// SPDX-License-Identifier: GPL-2.0-only
/* ATA disk: task file, resets, PIO, settings. */
#include "disk_rig.h"

static void power_on(void **state)
{
	struct ide_bench *b = *state;

	expect_signature(b);
	assert_int_equal(inr(b, R_STATUS), READY);
	assert_false(b->r->gsi[14]);
	assert_false(rig_timer_armed(b->r));
}

static void registers_hold_what_is_written(void **state)
{
	struct ide_bench *b = *state;

	outr(b, R_DEV, 0xa0);
	outr(b, R_COUNT, 0x55);
	outr(b, R_LOW, 0xaa);
	assert_int_equal(inr(b, R_DEV), 0xa0);
	assert_int_equal(inr(b, R_COUNT), 0x55);
	assert_int_equal(inr(b, R_LOW), 0xaa);
	outr(b, R_LOW, 0x12);
	rig_out8(b->r, C1, 0x80);
	assert_int_equal(inr(b, R_LOW), 0xaa); /* the previous content */
	outr(b, R_MID, 0);
	assert_int_equal(inr(b, R_LOW), 0x12); /* any write turns back */
}

static void absent_slave(void **state)
{
	struct ide_bench *b = *state;

	outr(b, R_DEV, 0xb0);
	assert_int_equal(inr(b, R_STATUS), 0);
	assert_int_equal(rig_in8(b->r, C1), 0);
	assert_int_equal(inr(b, R_DEV), 0xb0);
	outr(b, R_CMD, 0xec);
	assert_int_equal(inr(b, R_STATUS), 0);
	assert_false(b->r->gsi[14]);
	outr(b, R_CMD, 0x90); /* the one command that drive 0 takes for both */
	assert_int_equal(inr(b, R_DEV) & 0x10, 0);
	assert_true(b->r->gsi[14]);
	expect_signature(b);
}

static void empty_channel(void **state)
{
	struct ide_bench *b = *state;

	for (unsigned i = 1; i < 8; i++)
		assert_int_equal(rig_in8(b->r, P2 + i), 0);
	rig_out8(b->r, P2 + R_CMD, 0x90);
	rig_out8(b->r, C2, 4);
	rig_out8(b->r, C2, 0);
	assert_int_equal(rig_in8(b->r, P2 + 7), 0);
	assert_false(b->r->gsi[15]);
}

static uint16_t word(const uint8_t *id, unsigned n)
{
	return id[2 * n] | id[2 * n + 1] << 8;
}

static void read_identify(struct ide_bench *b, uint8_t cmd, uint8_t *id)
{
	outr(b, R_DEV, 0xa0);
	outr(b, R_CMD, cmd);
	assert_int_equal(rig_in8(b->r, C1), READY | DRQ);
	pio_in(b, id, 512);
	assert_int_equal(inr(b, R_STATUS), READY);
}

static void identify(void **state)
{
	struct ide_bench *b = *state;
	uint8_t id[512], sum = 0;

	read_identify(b, 0xec, id);
	for (unsigned i = 0; i < 512; i++)
		sum += id[i];
	assert_int_equal(sum, 0);
	assert_int_equal(word(id, 0) & 0x8000, 0);
	assert_int_equal(word(id, 1), SECTORS / (16 * 63));
	assert_int_equal(word(id, 3), 16);
	assert_int_equal(word(id, 6), 63);
	assert_int_equal(word(id, 60) | word(id, 61) << 16, SECTORS);
	assert_int_equal(word(id, 100), SECTORS);
	assert_int_equal(word(id, 103), 0);
	assert_int_equal(word(id, 47) & 0xff, 16);
	assert_int_equal(word(id, 59), 0x110);
	assert_memory_equal(id + 54, "aCsios nidks ", 12); /* words 27 on: swapped */
	assert_true(word(id, 83) & 1 << 10);
	assert_true(word(id, 93) & 1 << 13);
}

static void identify_interrupts_once(void **state)
{
	struct ide_bench *b = *state;
	uint8_t id[512];
	unsigned before = b->r->rises[14];

	outr(b, R_CMD, 0xec);
	assert_true(b->r->gsi[14]);
	rig_in8(b->r, C1);
	assert_true(b->r->gsi[14]); /* alternate status leaves it */
	inr(b, R_STATUS);
	assert_false(b->r->gsi[14]);
	pio_in(b, id, 512);
	assert_int_equal(b->r->rises[14], before + 1);
	assert_int_equal(rig_in8(b->r, BM + 2) & 4, 4);
}

static void interrupt_gates(void **state)
{
	struct ide_bench *b = *state;

	rig_out8(b->r, C1, 2); /* nIEN */
	outr(b, R_CMD, 0x10);
	assert_false(b->r->gsi[14]);
	rig_out8(b->r, C1, 0);
	assert_true(b->r->gsi[14]);
	outr(b, R_DEV, 0xb0); /* a drive that is not selected is not heard */
	assert_false(b->r->gsi[14]);
	outr(b, R_DEV, 0xa0);
	assert_true(b->r->gsi[14]);
	outr(b, R_CMD, 0xe5); /* the next command takes the old interrupt back */
	assert_true(b->r->gsi[14]);
	inr(b, R_STATUS);
	assert_false(b->r->gsi[14]);
}

static void read_sectors(void **state)
{
	struct ide_bench *b = *state;
	uint32_t buf[128];

	command28(b, 0x20, 100, 3);
	assert_int_equal(rig_in8(b->r, C1) & BSY, BSY);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(wait_ready(b, C1), READY | DRQ);
		assert_true(b->r->gsi[14]);
		inr(b, R_STATUS);
		assert_false(b->r->gsi[14]);
		pio_in(b, buf, 512);
		expect_sector(buf, 100 + i);
	}
	assert_false(b->r->gsi[14]);
	assert_int_equal(inr(b, R_STATUS), READY);
	assert_int_equal(inr(b, R_COUNT), 0);
	assert_int_equal(inr(b, R_LOW), 102);
}

static void read_with_all_widths(void **state)
{
	struct ide_bench *b = *state;

	command28(b, 0x20, 0x0fff, 1);
	wait_ready(b, C1);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(rig_in32(b->r, P1), 0xfff);
	for (unsigned i = 0; i < 64; i++) {
		assert_int_equal(rig_in8(b->r, P1), 0xff); /* uses up a word */
		assert_int_equal(rig_in16(b->r, P1), 0);
	}
	assert_int_equal(inr(b, R_STATUS), READY);
	rig_in16(b->r, P1); /* nothing waits any more */
	assert_int_equal(inr(b, R_STATUS), READY);
}

static void read_multiple(void **state)
{
	struct ide_bench *b = *state;
	uint32_t *buf = malloc(40 * 512);
	unsigned before;

	outr(b, R_COUNT, 8);
	outr(b, R_CMD, 0xc6);
	assert_int_equal(inr(b, R_STATUS), READY);
	before = b->r->rises[14];
	command28(b, 0xc4, 7, 20); /* 8 + 8 + 4 */
	for (unsigned i = 0; i < 20; i += 8) {
		assert_int_equal(wait_ready(b, C1), READY | DRQ);
		inr(b, R_STATUS);
		pio_in(b, buf + 128 * i, 512 * (i < 16 ? 8 : 4));
	}
	assert_int_equal(b->r->rises[14], before + 3);
	assert_int_equal(inr(b, R_STATUS), READY);
	for (unsigned i = 0; i < 20; i++)
		expect_sector(buf + 128 * i, 7 + i);
	free(buf);
}

static void set_multiple(void **state)
{
	struct ide_bench *b = *state;
	static const uint8_t bad[] = { 3, 17, 32, 128, 255 };

	for (unsigned i = 0; i < sizeof(bad); i++) {
		outr(b, R_COUNT, bad[i]);
		outr(b, R_CMD, 0xc6);
		assert_int_equal(inr(b, R_STATUS), READY | ERR);
		assert_int_equal(inr(b, R_ERR), 4);
	}
	outr(b, R_COUNT, 0);
	outr(b, R_CMD, 0xc6);
	assert_int_equal(inr(b, R_STATUS), READY);
	command28(b, 0xc4, 0, 1);
	assert_int_equal(wait_ready(b, C1), READY | ERR);
}

static void long_pio_read(void **state)
{
	struct ide_bench *b = *state;
	uint32_t buf[128];

	command28(b, 0x20, 1000, 0); /* 256 sectors */
	for (unsigned i = 0; i < 256; i++) {
		assert_int_equal(wait_ready(b, C1), READY | DRQ);
		pio_in(b, buf, 512);
		expect_sector(buf, 1000 + i);
	}
	assert_int_equal(inr(b, R_STATUS), READY);
}

static void write_burst(struct ide_bench *b, uint32_t value, unsigned sectors)
{
	uint32_t buf[128];

	for (unsigned i = 0; i < 128; i++)
		buf[i] = value;
	for (unsigned i = 0; i < sectors; i++)
		pio_out(b, buf, 512);
}

static void write_sectors(void **state)
{
	struct ide_bench *b = *state;
	unsigned before = b->r->rises[14];

	command28(b, 0x30, 50, 2);
	assert_int_equal(inr(b, R_STATUS), READY | DRQ);
	assert_int_equal(b->r->rises[14], before); /* none for the first burst */
	write_burst(b, 0xabcd0001, 1);
	assert_int_equal(wait_ready(b, C1), READY | DRQ);
	assert_int_equal(b->r->rises[14], before + 1);
	inr(b, R_STATUS);
	write_burst(b, 0xabcd0002, 1);
	assert_int_equal(wait_ready(b, C1), READY);
	assert_int_equal(b->r->rises[14], before + 2);
	assert_int_equal(image_word(b, 0, 49 * 512 + 508), 49);
	assert_int_equal(image_word(b, 0, 50 * 512), 0xabcd0001);
	assert_int_equal(image_word(b, 0, 51 * 512 + 508), 0xabcd0002);
	assert_int_equal(image_word(b, 0, 52 * 512), 52);
}

static void write_multiple_ext(void **state)
{
	struct ide_bench *b = *state;

	command48(b, 0x39, 200, 18); /* 16 + 2 */
	assert_int_equal(inr(b, R_STATUS), READY | DRQ);
	write_burst(b, 0x1111, 16);
	assert_int_equal(wait_ready(b, C1), READY | DRQ);
	write_burst(b, 0x2222, 2);
	assert_int_equal(wait_ready(b, C1), READY);
	assert_int_equal(image_word(b, 0, 215 * 512), 0x1111);
	assert_int_equal(image_word(b, 0, 217 * 512), 0x2222);
	assert_int_equal(image_word(b, 0, 218 * 512), 218);
}

static void write_cache_off(void **state)
{
	struct ide_bench *b = *state;
	uint8_t id[512];

	outr(b, R_FEAT, 0x82);
	outr(b, R_CMD, 0xef);
	assert_int_equal(wait_ready(b, C1), READY);
	read_identify(b, 0xec, id);
	assert_int_equal(word(id, 85) & 0x20, 0);
	command28(b, 0x30, 1, 1);
	write_burst(b, 5, 1);
	assert_int_equal(wait_ready(b, C1), READY);
	assert_true(b->r->gsi[14]);
	assert_int_equal(inr(b, R_LOW), 1);
	assert_int_equal(image_word(b, 0, 512), 5);
	outr(b, R_FEAT, 0x02);
	outr(b, R_CMD, 0xef);
	read_identify(b, 0xec, id);
	assert_int_equal(word(id, 85) & 0x20, 0x20);
}

static void chs(void **state)
{
	struct ide_bench *b = *state;
	uint32_t buf[128];

	outr(b, R_DEV, 0xa0 | 3);
	outr(b, R_COUNT, 10);
	outr(b, R_CMD, 0x91); /* 4 heads of 10 sectors */
	assert_int_equal(inr(b, R_STATUS), READY);
	outr(b, R_DEV, 0xa0 | 2);
	outr(b, R_COUNT, 9);
	outr(b, R_LOW, 4);
	outr(b, R_MID, 5);
	outr(b, R_HIGH, 0);
	outr(b, R_CMD, 0x20);
	for (unsigned i = 0; i < 9; i++) {
		wait_ready(b, C1);
		pio_in(b, buf, 512);
		expect_sector(buf, (5 * 4 + 2) * 10 + 3 + i);
	}
	assert_int_equal(inr(b, R_LOW), 2);
	assert_int_equal(inr(b, R_DEV) & 0xf, 3);
	outr(b, R_LOW, 0);
	outr(b, R_CMD, 0x20);
	assert_int_equal(inr(b, R_STATUS), READY | ERR);
	assert_int_equal(inr(b, R_ERR), 0x10);
	outr(b, R_LOW, 11);
	outr(b, R_CMD, 0x40);
	assert_int_equal(inr(b, R_ERR), 0x10);
	outr(b, R_COUNT, 0);
	outr(b, R_CMD, 0x91);
	assert_int_equal(inr(b, R_ERR), 4);
}

static void beyond_the_end(void **state)
{
	struct ide_bench *b = *state;

	command28(b, 0x20, SECTORS - 1, 2);
	assert_int_equal(wait_ready(b, C1), READY | ERR);
	assert_true(b->r->gsi[14]);
	assert_int_equal(inr(b, R_ERR), 0x10);
	assert_int_equal(inr(b, R_LOW) | inr(b, R_MID) << 8, SECTORS);
	command28(b, 0x30, 0x0fffffff, 1);
	assert_int_equal(wait_ready(b, C1), READY | ERR);
	assert_int_equal(inr(b, R_DEV) & 0xf, 0xf);
	command48(b, 0x24, 0xffffffffffff, 0);
	assert_int_equal(wait_ready(b, C1), READY | ERR);
	command48(b, 0x24, 0x100000000ull, 1);
	assert_int_equal(wait_ready(b, C1), READY | ERR);
	assert_int_equal(inr(b, R_LOW), 0);
	rig_out8(b->r, C1, 0x80);
	assert_int_equal(inr(b, R_MID), 1);
	command28(b, 0x20, SECTORS - 1, 1);
	assert_int_equal(wait_ready(b, C1), READY | DRQ);
}

static void no_data_commands(void **state)
{
	struct ide_bench *b = *state;
	static const uint8_t good[] = { 0x10, 0x1f, 0x70, 0x40, 0x41, 0xe7, 0xea, 0xe0, 0xe1,
					0xe2, 0xe3, 0xe5, 0x94, 0x95, 0x96, 0x97, 0x98, 0xf8,
					0x27 };
	static const uint8_t bad[] = { 0x00, 0x08, 0xa0, 0xa1, 0xb0, 0xf1, 0xf2, 0xf6, 0xf9, 0x37,
				       0x22, 0x50, 0xc7, 0xcc, 0xe4, 0xe8, 0xff, 0x92, 0x60, 0x0f };

	for (unsigned i = 0; i < sizeof(good); i++) {
		unsigned before = b->r->rises[14];

		command28(b, good[i], 5, 1);
		assert_int_equal(wait_ready(b, C1), READY);
		assert_int_equal(b->r->rises[14], before + 1);
		inr(b, R_STATUS);
	}
	command48(b, 0x42, SECTORS - 300, 300);
	assert_int_equal(wait_ready(b, C1), READY);
	for (unsigned i = 0; i < sizeof(bad); i++) {
		command28(b, bad[i], 5, 1);
		assert_int_equal(wait_ready(b, C1), READY | ERR);
		assert_int_equal(inr(b, R_ERR), 4);
		assert_true(b->r->gsi[14]);
		inr(b, R_STATUS);
	}
}

static void power_modes(void **state)
{
	struct ide_bench *b = *state;

	command28(b, 0xe5, 0, 0);
	assert_int_equal(inr(b, R_COUNT), 0xff);
	command28(b, 0xe0, 0, 0);
	wait_ready(b, C1);
	command28(b, 0x98, 0, 7);
	assert_int_equal(inr(b, R_COUNT), 0);
	command28(b, 0x40, 0, 1); /* wakes up */
	wait_ready(b, C1);
	command28(b, 0xe5, 0, 0);
	assert_int_equal(inr(b, R_COUNT), 0xff);
	command28(b, 0xe6, 0, 0);
	wait_ready(b, C1);
	inr(b, R_STATUS);
	command28(b, 0xec, 0, 0); /* asleep: only a reset is heard */
	assert_int_equal(rig_in8(b->r, C1), READY);
	assert_false(b->r->gsi[14]);
	rig_out8(b->r, C1, 4);
	rig_out8(b->r, C1, 0);
	command28(b, 0xec, 0, 0);
	assert_int_equal(rig_in8(b->r, C1), READY | DRQ);
}

static void transfer_modes(void **state)
{
	struct ide_bench *b = *state;
	static const struct {
		uint8_t mode;
		bool ok;
		uint8_t mwdma, udma;
	} rows[] = { { 0x45, true, 0, 0x20 }, { 0x46, false, 0, 0x20 }, { 0x22, true, 4, 0 },
		     { 0x23, false, 4, 0 },   { 0x0c, true, 4, 0 },     { 0x0d, false, 4, 0 },
		     { 0x00, true, 4, 0 },    { 0x40, true, 0, 1 },     { 0x12, false, 0, 1 },
		     { 0xff, false, 0, 1 } };

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t id[512];

		outr(b, R_FEAT, 3);
		outr(b, R_COUNT, rows[i].mode);
		outr(b, R_CMD, 0xef);
		assert_int_equal(inr(b, R_STATUS), rows[i].ok ? READY : READY | ERR);
		read_identify(b, 0xec, id);
		assert_int_equal(word(id, 63), 7 | rows[i].mwdma << 8);
		assert_int_equal(word(id, 88), 0x3f | rows[i].udma << 8);
	}
}

static void native_max(void **state)
{
	struct ide_bench *b = *state;

	command28(b, 0xf8, 0, 0);
	assert_int_equal(inr(b, R_LOW) | inr(b, R_MID) << 8, SECTORS - 1);
	command48(b, 0x27, 0x112233445566, 0);
	assert_int_equal(inr(b, R_LOW) | inr(b, R_MID) << 8, SECTORS - 1);
	rig_out8(b->r, C1, 0x80);
	assert_int_equal(inr(b, R_LOW), 0);
}

static void software_reset(void **state)
{
	struct ide_bench *b = *state;

	command28(b, 0x20, 9, 1);
	wait_ready(b, C1);
	inr(b, R_DATA);
	outr(b, R_DEV, 0xb0);
	rig_out8(b->r, C1, 4);
	assert_int_equal(inr(b, R_STATUS), BSY);
	assert_false(b->r->gsi[14]);
	outr(b, R_CMD, 0xec); /* not heard */
	rig_out8(b->r, C1, 0);
	assert_int_equal(inr(b, R_STATUS), READY);
	expect_signature(b);
	assert_int_equal(inr(b, R_DEV), 0xa0);
	assert_false(b->r->gsi[14]);
}

/* The lock is ours until we wait, so the request stays under way as long as we like. */
static void reset_in_flight(void **state)
{
	struct ide_bench *b = *state;
	uint32_t buf[128];

	command28(b, 0x20, 9, 8);
	rig_out8(b->r, C1, 4);
	rig_out8(b->r, C1, 0);
	assert_int_equal(inr(b, R_STATUS) & BSY, BSY);
	outr(b, R_CMD, 0xec); /* not heard */
	outr(b, R_LOW, 77);
	assert_int_equal(wait_ready(b, C1), READY);
	expect_signature(b);
	assert_false(b->r->gsi[14]);
	command28(b, 0x20, 10, 1);
	assert_int_equal(wait_ready(b, C1), READY | DRQ);
	pio_in(b, buf, 512);
	expect_sector(buf, 10);

	command28(b, 0x20, 9, 8);
	rig_reset(b->r);
	rig_config_write(b->r, IDE_FN, 0x04, 5, 2);
	assert_int_equal(wait_ready(b, C1), READY);
	expect_signature(b);
}

static void command_ends_a_burst(void **state)
{
	struct ide_bench *b = *state;
	uint32_t buf[128];

	command28(b, 0x30, 3, 4);
	write_burst(b, 1, 1);
	wait_ready(b, C1);
	rig_out16(b->r, P1, 0x1234);
	command28(b, 0x20, 5, 1);
	assert_int_equal(wait_ready(b, C1), READY | DRQ);
	pio_in(b, buf, 512);
	expect_sector(buf, 5);
	assert_int_equal(image_word(b, 0, 4 * 512), 4);
}

/* Items of one string instruction, which end with the burst, before it, or beyond it. */
static void string_instructions(void **state)
{
	struct ide_bench *b = *state;
	struct space *pio = machine_pio(b->r->m);
	uint32_t buf[129];

	command28(b, 0x20, 3, 2);
	wait_ready(b, C1);
	space_read_string(pio, P1, buf, 2, 100);
	space_read_string(pio, P1, (uint16_t *)buf + 100, 2, 156);
	expect_sector(buf, 3);
	assert_int_equal(wait_ready(b, C1), READY | DRQ);
	rig_in16(b->r, P1);
	buf[128] = 0;
	space_read_string(pio, P1, buf, 4, 129); /* 127 items, half of one, and what is not there */
	assert_int_equal(buf[126], 4 << 16);
	assert_int_equal(buf[127], 0);
	assert_int_equal(buf[128], 0xffffffff);
	assert_int_equal(wait_ready(b, C1), READY);

	for (unsigned i = 0; i < 128; i++)
		buf[i] = 77;
	command28(b, 0x30, 9, 1);
	assert_int_equal(wait_ready(b, C1), READY | DRQ);
	space_write_string(pio, P1, buf, 2, 256);
	assert_int_equal(wait_ready(b, C1), READY);
	assert_int_equal(image_word(b, 0, 9 * 512 + 508), 77);
	assert_int_equal(image_word(b, 0, 10 * 512), 10);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(power_on), T(registers_hold_what_is_written), T(absent_slave),
		T(empty_channel), T(identify), T(identify_interrupts_once), T(interrupt_gates),
		T(read_sectors), T(read_with_all_widths), T(read_multiple), T(set_multiple),
		T(long_pio_read), T(write_sectors), T(write_multiple_ext), T(write_cache_off),
		T(chs), T(beyond_the_end), T(no_data_commands), T(power_modes),
		T(transfer_modes), T(native_max), T(software_reset), T(reset_in_flight),
		T(command_ends_a_burst), T(string_instructions),
	};

	return cmocka_run_group_tests_name("ide", tests, NULL, NULL);
}
