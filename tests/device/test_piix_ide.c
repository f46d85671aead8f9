// SPDX-License-Identifier: GPL-2.0-only
/* The PCI function and its bus masters: decoding, registers, tables of regions, long transfers. */
#include "disk_rig.h"

#include <signal.h>
#include <sys/resource.h>

enum { ACTIVE = 1, ERROR = 2, INTR = 4 };

static uint8_t bm_status(struct ide_bench *b)
{
	return rig_in8(b->r, BM + 2);
}

static uint32_t ram_word(struct ide_bench *b, uint32_t addr)
{
	return rig_read(b->r, addr, 4);
}

static void expect_ram(struct ide_bench *b, uint32_t addr, uint32_t sector, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(ram_word(b, addr + 512 * i), sector + i);
		assert_int_equal(ram_word(b, addr + 512 * i + 508), sector + i);
	}
}

static void config_space(void **state)
{
	struct ide_bench *b = *state;

	assert_int_equal(rig_config_read(b->r, IDE_FN, 0, 4), 0x70108086);
	assert_int_equal(rig_config_read(b->r, IDE_FN, 8, 4) >> 8, 0x010180);
	rig_config_write(b->r, IDE_FN, 0x20, 0xffffffff, 4);
	assert_int_equal(rig_config_read(b->r, IDE_FN, 0x20, 4), 0xfffffff1);
	rig_config_write(b->r, IDE_FN, 0x10, 0xffffffff, 4);
	assert_int_equal(rig_config_read(b->r, IDE_FN, 0x10, 4), 0);
	rig_config_write(b->r, IDE_FN, 0x40, 0xa307e377, 4);
	assert_int_equal(rig_config_read(b->r, IDE_FN, 0x40, 4), 0xa307e377);
}

static void decoding(void **state)
{
	struct ide_bench *b = *state;

	assert_int_equal(inr(b, R_STATUS), READY);
	rig_config_write(b->r, IDE_FN, 0x40, 0x0000, 2);
	assert_int_equal(inr(b, R_STATUS), 0xff);
	assert_int_equal(rig_in8(b->r, C1), 0xff);
	assert_int_equal(rig_in8(b->r, P2 + 7), 0);
	rig_config_write(b->r, IDE_FN, 0x40, 0x8000, 2);
	assert_int_equal(inr(b, R_STATUS), READY);
	rig_config_write(b->r, IDE_FN, 0x04, 0, 2);
	assert_int_equal(inr(b, R_STATUS), 0xff);
	assert_int_equal(rig_in8(b->r, BM), 0xff);
}

static void bm_registers(void **state)
{
	struct ide_bench *b = *state;

	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(rig_in8(b->r, BM + i), 0);
	rig_out32(b->r, BM + 12, 0xffffffff);
	assert_int_equal(rig_in32(b->r, BM + 12), 0xfffffffc);
	assert_int_equal(rig_in32(b->r, BM + 4), 0);
	rig_out8(b->r, BM + 2, 0xff);
	assert_int_equal(bm_status(b), 0x60);
	rig_out8(b->r, BM, 0xf8);
	assert_int_equal(rig_in8(b->r, BM), 8);
	rig_out8(b->r, BM + 1, 0xff);
	assert_int_equal(rig_in8(b->r, BM + 1), 0);
	outr(b, R_CMD, 0x10); /* any interrupt of the channel shows */
	assert_int_equal(bm_status(b), 0x60 | INTR);
	rig_out8(b->r, BM + 2, 0x60 | INTR);
	assert_int_equal(bm_status(b), 0x60);
	assert_true(b->r->gsi[14]);
}

static void dma_read_to_ram(void **state)
{
	struct ide_bench *b = *state;

	prd(b, 0, DATA, 1024, false);
	prd(b, 1, DATA + 0x8000, 512, false);
	prd(b, 2, DATA + 0x10000, 2560, true);
	command28(b, 0xc8, 300, 8);
	bm_go(b, true);
	assert_int_equal(bm_status(b) & ACTIVE, ACTIVE);
	assert_int_equal(wait_ready(b, C1), READY);
	assert_int_equal(bm_status(b), INTR); /* all moved: the engine is idle */
	assert_true(b->r->gsi[14]);
	bm_stop(b);
	assert_int_equal(inr(b, R_STATUS), READY);
	assert_false(b->r->gsi[14]);
	expect_ram(b, DATA, 300, 2);
	expect_ram(b, DATA + 0x8000, 302, 1);
	expect_ram(b, DATA + 0x10000, 303, 5);
	assert_int_equal(ram_word(b, DATA + 0x10000 + 2560), 0);
	assert_int_equal(ram_word(b, DATA + 1024), 0);
	assert_false(rig_timer_armed(b->r));
}

static void start_before_command(void **state)
{
	struct ide_bench *b = *state;

	prd(b, 0, DATA, 512, true);
	bm_go(b, true);
	command28(b, 0xc9, 9, 1);
	assert_int_equal(wait_ready(b, C1), READY);
	expect_ram(b, DATA, 9, 1);
}

static void dma_write_from_ram(void **state)
{
	struct ide_bench *b = *state;

	for (unsigned i = 0; i < 0x20000; i += 4)
		rig_write(b->r, DATA + i, 0xd0000000 | i / 512, 4);
	prd(b, 0, DATA, 2, false); /* sectors straddle regions */
	prd(b, 1, DATA + 2, 1022, false);
	prd(b, 2, DATA + 1024, 0, false); /* 64 KiB */
	prd(b, 3, DATA + 1024 + 0x10000, 0x8000, true);
	command48(b, 0x35, 700, 194);
	bm_go(b, false);
	assert_int_equal(wait_ready(b, C1), READY);
	assert_int_equal(bm_status(b), INTR);
	for (unsigned i = 0; i < 194; i++) {
		assert_int_equal(image_word(b, 0, (700 + i) * 512), 0xd0000000 | i);
		assert_int_equal(image_word(b, 0, (700 + i) * 512 + 508), 0xd0000000 | i);
	}
	assert_int_equal(image_word(b, 0, 699 * 512), 699);
	assert_int_equal(image_word(b, 0, 894 * 512), 894);
}

/* The engine's status bits as the document's table of them has it. */
static void table_longer_than_command(void **state)
{
	struct ide_bench *b = *state;

	prd(b, 0, DATA, 4096, true);
	command28(b, 0xc8, 1, 2);
	bm_go(b, true);
	assert_int_equal(wait_ready(b, C1), READY);
	assert_int_equal(bm_status(b), INTR | ACTIVE);
	bm_stop(b);
	assert_int_equal(bm_status(b), INTR);
	expect_ram(b, DATA, 1, 2);
	assert_int_equal(ram_word(b, DATA + 1024), 0);
}

static void settle(struct ide_bench *b)
{
	for (unsigned i = 0; i < 20; i++) {
		machine_unlock(b->r->m);
		usleep(100);
		machine_lock(b->r->m);
	}
}

/* Until the engine stands: on a busy host the worker may be slow. */
static void wait_idle(struct ide_bench *b)
{
	for (unsigned i = 0; i < 500 && bm_status(b) & ACTIVE; i++)
		settle(b);
	settle(b);
}

static void table_shorter_than_command(void **state)
{
	struct ide_bench *b = *state;

	prd(b, 0, DATA, 1024 + 100, true);
	command28(b, 0xc8, 1, 4);
	bm_go(b, true);
	wait_idle(b);
	assert_int_equal(rig_in8(b->r, C1) & BSY, BSY); /* the drive still waits */
	assert_int_equal(bm_status(b), 0);
	assert_false(b->r->gsi[14]);
	expect_ram(b, DATA, 1, 2);
	assert_int_equal(ram_word(b, DATA + 1024 + 96), 3);
	assert_int_equal(ram_word(b, DATA + 1024 + 100), 0);
	rig_out8(b->r, C1, 4);
	rig_out8(b->r, C1, 0);
	assert_int_equal(wait_ready(b, C1), READY);
	bm_stop(b);

	/* the same for a write: whole sectors arrive, and no part of one */
	command28(b, 0xca, 11, 4);
	bm_go(b, false);
	wait_idle(b);
	assert_int_equal(rig_in8(b->r, C1) & BSY, BSY);
	assert_int_equal(bm_status(b), 0);
	assert_int_equal(image_word(b, 0, 12 * 512 + 508), 2);
	assert_int_equal(image_word(b, 0, 13 * 512), 13);
	bm_stop(b);
	prd(b, 0, DATA, 1024, true); /* another table lets it go on */
	bm_go(b, false);
	assert_int_equal(wait_ready(b, C1), READY);
	assert_int_equal(image_word(b, 0, 13 * 512), 1);
	assert_int_equal(image_word(b, 0, 14 * 512), 2);
}

static void dma_fails_at(struct ide_bench *b, uint32_t table, uint8_t cmd)
{
	command28(b, cmd, 0, 8);
	rig_out32(b->r, BM + 4, table);
	rig_out8(b->r, BM + 2, 6);
	rig_out8(b->r, BM, cmd == 0xc8 ? 9 : 1);
	wait_idle(b);
	assert_int_equal(bm_status(b), ERROR);
	assert_int_equal(rig_in8(b->r, C1) & BSY, BSY);
	bm_stop(b);
	rig_out8(b->r, C1, 4);
	rig_out8(b->r, C1, 0);
	assert_int_equal(wait_ready(b, C1), READY);
	rig_out8(b->r, BM + 2, 2);
	assert_int_equal(bm_status(b), 0);
}

static void outside_memory(void **state)
{
	struct ide_bench *b = *state;

	dma_fails_at(b, 0xfffffff8, 0xc8);
	dma_fails_at(b, RIG_RAM_LEN - 4, 0xca);
	prd(b, 0, 0xfee00000, 4096, true);
	dma_fails_at(b, PRDT, 0xc8);
	dma_fails_at(b, PRDT, 0xca);
	prd(b, 0, RIG_RAM_LEN - 2048, 4096, true);
	dma_fails_at(b, PRDT, 0xc8);
	prd(b, 0, 0xfffffffe, 0, true);
	dma_fails_at(b, PRDT, 0xca);
	assert_int_equal(image_word(b, 0, 0), 0);
	assert_int_equal(image_word(b, 0, 512), 1);
}

/* Memory full of entries that move two bytes each and never end: the table has a limit. */
static void endless_table(void **state)
{
	struct ide_bench *b = *state;

	for (uint32_t a = PRDT; a < RIG_RAM_LEN - 8; a += 8) {
		rig_write(b->r, a, 0x300000, 4);
		rig_write(b->r, a + 4, 3, 4); /* odd: bit 0 is not there */
	}
	command28(b, 0xc8, 0, 0);
	bm_go(b, true);
	wait_idle(b);
	assert_int_equal(bm_status(b) & (ACTIVE | INTR), 0);
	bm_stop(b);
}

static void data_over_the_table(void **state)
{
	struct ide_bench *b = *state;

	prd(b, 0, PRDT, 512, false); /* the second entry is overwritten by sector 7's content */
	prd(b, 1, DATA, 512, true);
	command28(b, 0xc8, 7, 2);
	bm_go(b, true);
	wait_idle(b);
	assert_int_equal(ram_word(b, DATA), 0); /* entry 1 now reads: 6 bytes at address 6 */
	assert_int_equal(bm_status(b) & ERROR, 0);
	assert_int_equal(ram_word(b, PRDT), 7);
	bm_stop(b);
	rig_out8(b->r, C1, 4);
	rig_out8(b->r, C1, 0);
	wait_ready(b, C1);
}

static void overlapping_regions(void **state)
{
	struct ide_bench *b = *state;

	for (unsigned i = 0; i < 16; i++)
		prd(b, i, DATA + 2 * i + 1, 512, i == 15); /* odd addresses: bit 0 is not there */
	command28(b, 0xc8, 1000, 16);
	bm_go(b, true);
	assert_int_equal(wait_ready(b, C1), READY);
	assert_int_equal(ram_word(b, DATA + 30 + 508), 1015);
}

static void needs_to_be_master(void **state)
{
	struct ide_bench *b = *state;

	prd(b, 0, DATA, 512, true);
	rig_config_write(b->r, IDE_FN, 0x04, 1, 2);
	command28(b, 0xc8, 5, 1);
	bm_go(b, true);
	settle(b);
	assert_int_equal(ram_word(b, DATA), 0);
	rig_config_write(b->r, IDE_FN, 0x04, 5, 2);
	assert_int_equal(wait_ready(b, C1), READY);
	expect_ram(b, DATA, 5, 1);
}

static void stopped_and_started(void **state)
{
	struct ide_bench *b = *state;

	prd(b, 0, DATA, 4096, true);
	command28(b, 0xc8, 20, 8);
	bm_go(b, true);
	bm_stop(b); /* while the back end works */
	settle(b);
	assert_int_equal(ram_word(b, DATA), 0);
	assert_int_equal(bm_status(b) & (ACTIVE | INTR), 0);
	bm_go(b, true);
	assert_int_equal(wait_ready(b, C1), READY);
	expect_ram(b, DATA, 20, 8);

	rig_write(b->r, DATA, 0x99, 4);
	command28(b, 0xca, 20, 8);
	bm_go(b, false);
	bm_stop(b);
	bm_go(b, false);
	wait_ready(b, C1);
	assert_int_equal(image_word(b, 0, 20 * 512), 0x99);
}

static void reset_in_flight(void **state)
{
	struct ide_bench *b = *state;

	prd(b, 0, DATA, 4096, true);
	command28(b, 0xc8, 20, 8);
	bm_go(b, true);
	rig_out8(b->r, C1, 4);
	rig_out8(b->r, C1, 0);
	assert_int_equal(wait_ready(b, C1), READY);
	assert_int_equal(ram_word(b, DATA), 0);
	assert_int_equal(bm_status(b) & INTR, 0);
	bm_stop(b);
	command28(b, 0xc8, 30, 8);
	bm_go(b, true);
	assert_int_equal(wait_ready(b, C1), READY);
	expect_ram(b, DATA, 30, 8);
}

/* 65536 sectors, which is what a count of 0 means to 48-bit commands. */
static void longest_command(void **state)
{
	struct ide_bench *b = *state;
	uint32_t mark = 0xfeedbeef;
	int fd;

	bench_drive(b, 2, IDE_DISK, 1);
	bench_close(b, b->block[2]);
	fd = open(b->path[2], O_RDWR);
	assert_int_equal(ftruncate(fd, 65600 * 512ll), 0);
	assert_int_equal(pwrite(fd, &mark, 4, 65599 * 512ll), 4);
	close(fd);
	bench_close(b, b->block[0]);
	rig_free(b->r);
	b->r = rig_new();
	rig_add_pci(b->r);
	b->ide = piix_ide_create(b->r->m);
	b->block[0] = bench_open(b, b->path[0], false);
	b->block[2] = bench_open(b, b->path[2], false);
	piix_ide_attach(b->ide, 0, 0, IDE_DISK, b->block[2], NULL);
	bench_start(b);
	for (unsigned i = 0; i < 512; i++)
		prd(b, i, DATA, 0, i == 511);
	command48(b, 0x25, 64, 0);
	bm_go(b, true);
	assert_int_equal(wait_ready(b, C1), READY);
	assert_int_equal(bm_status(b), INTR);
	assert_int_equal(ram_word(b, DATA + 0xfe00), mark);
	assert_int_equal(inr(b, R_LOW), 65599 & 0xff);
}

static void dma_errors(void **state)
{
	struct ide_bench *b = *state;
	struct rlimit old, limit;

	prd(b, 0, DATA, 0, true);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = 100 * 512;
	setrlimit(RLIMIT_FSIZE, &limit);
	command28(b, 0xca, 90, 20);
	bm_go(b, false);
	assert_int_equal(wait_ready(b, C1), READY | DF | ERR);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(inr(b, R_LOW), 100);
	assert_true(b->r->gsi[14]);
	assert_int_equal(bm_status(b), INTR | ACTIVE);
	bm_stop(b);
	inr(b, R_STATUS);
	assert_int_equal(truncate(b->path[0], 53 * 512), 0);
	command28(b, 0xc8, 40, 20);
	bm_go(b, true);
	assert_int_equal(wait_ready(b, C1), READY | ERR);
	assert_int_equal(inr(b, R_ERR), 0x40);
	assert_int_equal(inr(b, R_LOW), 53);
	assert_int_equal(bm_status(b), INTR | ACTIVE);
}

static void saved_state(void **state)
{
	struct ide_bench *b = *state;

	for (unsigned i = 0; i < 0x40000; i += 4)
		rig_write(b->r, DATA + i, i, 4);
	for (unsigned i = 0; i < 4; i++)
		prd(b, i, DATA + i * 0x10000, 0, i == 3);
	rig_config_write(b->r, IDE_FN, 0x40, 0x8000a344, 4);
	command48(b, 0x35, 100, 512);
	rig_check_saved_state(b->r);
	bm_go(b, false);
	rig_check_saved_state(b->r); /* under way: it starts again */
	assert_int_equal(wait_ready(b, C1), READY);
	rig_check_saved_state(b->r);
	assert_int_equal(bm_status(b), INTR);
	for (unsigned i = 0; i < 512; i++)
		assert_int_equal(image_word(b, 0, (100 + i) * 512), i * 512);
	bm_stop(b);
	inr(b, R_STATUS);
	command48(b, 0x25, 1000, 512);
	bm_go(b, true);
	rig_check_saved_state(b->r);
	assert_int_equal(wait_ready(b, C1), READY);
	expect_ram(b, DATA, 1000, 512);
	assert_int_equal(rig_config_read(b->r, IDE_FN, 0x40, 2), 0xa344);
}

static void two_channels(void **state)
{
	struct ide_bench *b = *state;
	uint8_t st;

	bench_drive(b, 2, IDE_DISK, 1000);
	bench_start(b);
	prd(b, 0, DATA, 4096, true);
	rig_write(b->r, 0x2000, DATA + 0x1000, 4);
	rig_write(b->r, 0x2004, 0x80001000, 4);
	command28(b, 0xc8, 20, 8);
	rig_out8(b->r, P2 + R_DEV, 0xe0);
	rig_out8(b->r, P2 + R_COUNT, 8);
	rig_out8(b->r, P2 + R_LOW, 40);
	rig_out8(b->r, P2 + R_CMD, 0xc8);
	rig_out32(b->r, BM + 12, 0x2000);
	rig_out8(b->r, BM + 8, 9);
	bm_go(b, true);
	st = wait_ready(b, C2);
	assert_int_equal(st, READY);
	assert_int_equal(wait_ready(b, C1), READY);
	expect_ram(b, DATA, 20, 8);
	expect_ram(b, DATA + 0x1000, 40, 8);
	assert_true(b->r->gsi[14] && b->r->gsi[15]);
	rig_in8(b->r, P2 + R_STATUS);
	assert_true(b->r->gsi[14] && !b->r->gsi[15]);
}

static void attach_refuses(void **state)
{
	struct ide_bench *b = *state;

	assert_int_not_equal(piix_ide_attach(b->ide, 0, 0, IDE_CDROM, NULL, NULL), 0);
	assert_int_not_equal(piix_ide_attach(b->ide, 2, 0, IDE_CDROM, NULL, NULL), 0);
	assert_int_not_equal(piix_ide_attach(b->ide, 0, 2, IDE_CDROM, NULL, NULL), 0);
	assert_int_not_equal(piix_ide_attach(b->ide, 1, 0, IDE_DISK, NULL, NULL), 0);
	assert_int_not_equal(ide_change_medium(b->ide, 0, 0, NULL), 0);
	assert_int_not_equal(ide_change_medium(b->ide, 1, 1, NULL), 0);
}

/* Random tables and commands, with the engine started and stopped at any time. */
static void random_tables(void **state)
{
	struct ide_bench *b = *state;
	unsigned seed = 7;

	bench_drive(b, 1, IDE_CDROM, 300);
	bench_start(b);
	for (unsigned i = 0; i < 400; i++) {
		static const uint8_t cmds[] = { 0xc8, 0xca, 0x25, 0x35, 0xa0, 0x20, 0xc4, 0x39 };

		for (unsigned k = 0; k < 8; k++) {
			uint32_t r = rand_r(&seed);

			rig_write(b->r, PRDT + 8 * k, r % 8 ? r % 0x200000 : r * 977, 4);
			rig_write(b->r, PRDT + 8 * k + 4,
				  (r >> 8 & 0xffff) | (rand_r(&seed) % 4 ? 0 : 0x80000000u), 4);
		}
		outr(b, R_FEAT, rand_r(&seed) % 2);
		command28(b, cmds[rand_r(&seed) % 8], rand_r(&seed) % 4000 | (i % 3 ? 0 : 1u << 28),
			  rand_r(&seed));
		bm_go(b, rand_r(&seed) % 2);
		for (unsigned k = 0; k < 6; k++)
			rig_out16(b->r, P1, rand_r(&seed) % 3 ? 0x28 : rand_r(&seed));
		if (i % 2)
			settle(b);
		bm_stop(b);
		if (rand_r(&seed) % 3 == 0) {
			rig_out8(b->r, C1, 4);
			rig_out8(b->r, C1, 0);
		}
		if (i == 200)
			bench_start(b);
	}
	bm_stop(b);
	rig_out8(b->r, C1, 4);
	rig_out8(b->r, C1, 0);
	assert_int_equal(wait_ready(b, C1), READY);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(config_space), T(decoding), T(bm_registers), T(dma_read_to_ram),
		T(start_before_command), T(dma_write_from_ram), T(table_longer_than_command),
		T(table_shorter_than_command), T(outside_memory), T(endless_table),
		T(data_over_the_table), T(overlapping_regions), T(needs_to_be_master),
		T(stopped_and_started), T(reset_in_flight), T(longest_command), T(dma_errors),
		T(saved_state), T(two_channels), T(attach_refuses), T(random_tables),
	};

	return cmocka_run_group_tests_name("piix_ide", tests, NULL, NULL);
}
