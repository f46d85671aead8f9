// SPDX-License-Identifier: GPL-2.0-only
/* ATA disk: failing back ends, two drives, saved state, hostile guests. */
#include "disk_rig.h"

#include <signal.h>
#include <sys/resource.h>

static void write_burst(struct ide_bench *b, uint32_t value, unsigned sectors)
{
	uint32_t buf[128];

	for (unsigned i = 0; i < 128; i++)
		buf[i] = value;
	for (unsigned i = 0; i < sectors; i++)
		pio_out(b, buf, 512);
}

/* --- failing back ends --- */

static void write_error(void **state)
{
	struct ide_bench *b = *state;
	struct rlimit old, limit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = 100 * 512;
	setrlimit(RLIMIT_FSIZE, &limit);
	command28(b, 0x30, 100, 2);
	write_burst(b, 1, 1);
	assert_int_equal(wait_ready(b, C1), READY | DF | ERR);
	assert_true(b->r->gsi[14]);
	assert_int_equal(inr(b, R_LOW), 100);
	/* a block that fails in the middle: the first sector that could not be written */
	command28(b, 0xc5, 96, 16);
	write_burst(b, 1, 16);
	assert_int_equal(wait_ready(b, C1), READY | DF | ERR);
	assert_int_equal(inr(b, R_LOW), 100);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(image_word(b, 0, 99 * 512), 1);
	assert_int_equal(image_word(b, 0, 100 * 512), 100);
}

static void read_error(void **state)
{
	struct ide_bench *b = *state;
	uint32_t buf[128];

	assert_int_equal(truncate(b->path[0], 53 * 512), 0);
	command28(b, 0x20, 50, 8);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(wait_ready(b, C1), READY | DRQ);
		pio_in(b, buf, 512);
		expect_sector(buf, 50 + i);
	}
	assert_int_equal(wait_ready(b, C1), READY | ERR);
	assert_int_equal(inr(b, R_ERR), 0x40);
	assert_int_equal(inr(b, R_LOW), 53);
	command28(b, 0x40, 0, 100);
	assert_int_equal(wait_ready(b, C1), READY | ERR);
	assert_int_equal(inr(b, R_LOW), 53);
}

static void read_only_image(void **state)
{
	struct ide_bench *b = *state;
	int fd = fd_of_image(b->path[1], 64, 512);

	close(fd);
	b->block[1] = bench_open(b, b->path[1], true);
	assert_int_equal(piix_ide_attach(b->ide, 0, 1, IDE_DISK, b->block[1], "S"), 0);
	bench_start(b);
	outr(b, R_DEV, 0xf0);
	outr(b, R_COUNT, 1);
	outr(b, R_CMD, 0x30);
	assert_int_equal(inr(b, R_STATUS), READY | ERR);
	assert_int_equal(inr(b, R_ERR), 0x44);
}

/* --- two drives --- */

static void two_drives(void **state)
{
	struct ide_bench *b = *state;
	uint32_t buf[128];

	bench_drive(b, 1, IDE_DISK, 2000);
	bench_start(b);
	command28(b, 0x20, 30, 2);
	wait_ready(b, C1);
	pio_in(b, buf, 512);
	outr(b, R_DEV, 0xf0); /* in the middle of drive 0's burst */
	assert_int_equal(rig_in8(b->r, C1), READY);
	rig_in16(b->r, P1);
	rig_out16(b->r, P1, 1);
	outr(b, R_DEV, 0xe0);
	assert_int_equal(rig_in8(b->r, C1), READY | DRQ);
	pio_in(b, buf, 512);
	expect_sector(buf, 31);
	outr(b, R_DEV, 0xf0);
	outr(b, R_COUNT, 1);
	outr(b, R_LOW, 0xcf);
	outr(b, R_MID, 7);
	outr(b, R_HIGH, 0);
	outr(b, R_CMD, 0x20);
	assert_int_equal(wait_ready(b, C1), READY | DRQ);
	pio_in(b, buf, 512);
	expect_sector(buf, 1999);
	outr(b, R_LOW, 0xd0);
	outr(b, R_CMD, 0x20);
	assert_int_equal(wait_ready(b, C1), READY | ERR);
}

static void other_drives_command_ends_a_burst(void **state)
{
	struct ide_bench *b = *state;

	bench_drive(b, 1, IDE_DISK, 2000);
	bench_start(b);
	command28(b, 0x20, 30, 2);
	wait_ready(b, C1);
	outr(b, R_DEV, 0xf0);
	outr(b, R_CMD, 0xec);
	assert_int_equal(rig_in8(b->r, C1), READY | DRQ);
	outr(b, R_DEV, 0xe0);
	assert_int_equal(rig_in8(b->r, C1), READY);
}

/* --- saved state, hostile guests --- */

static void saved_state(void **state)
{
	struct ide_bench *b = *state;
	uint32_t buf[128];

	outr(b, R_FEAT, 0x82);
	outr(b, R_CMD, 0xef);
	wait_ready(b, C1);
	rig_check_saved_state(b->r);
	command28(b, 0x20, 60, 4); /* saved under way, in a burst, and again under way */
	rig_check_saved_state(b->r);
	assert_int_equal(wait_ready(b, C1), READY | DRQ);
	pio_in(b, buf, 100);
	rig_check_saved_state(b->r);
	pio_in(b, buf + 25, 412);
	expect_sector(buf, 60);
	pio_in(b, buf, 512);
	expect_sector(buf, 61);
	command28(b, 0x30, 70, 1);
	write_burst(b, 0x77, 1);
	rig_check_saved_state(b->r);
	assert_int_equal(wait_ready(b, C1), READY);
	assert_int_equal(image_word(b, 0, 70 * 512), 0x77);
}

/* Each byte of a record in turn is damaged: refused or accepted, but never followed astray. */
static void hostile_saved_state(void **state)
{
	struct ide_bench *b = *state;
	static uint8_t good[64 << 10], bad[64 << 10];
	struct device *d = b->r->m->devices;

	command28(b, 0xc4, 60, 40);
	wait_ready(b, C1);
	while (strcmp(d->class->name, "ide-channel"))
		d = d->next;
	size_t n = device_save(d, good, sizeof(good));

	for (unsigned i = 2; i < 300; i++) {
		static const uint8_t values[] = { 0xff, 0x80, 3, 0 };

		memcpy(bad, good, n);
		bad[i] = values[i % 4];
		device_load(d, bad, n);
		for (unsigned k = 0; k < 40; k++) {
			rig_in32(b->r, P1);
			rig_out16(b->r, P1, k);
		}
		if (rig_in8(b->r, C1) & BSY)
			rig_out8(b->r, BM, 0);
		device_load(d, good, n);
	}
	rig_out8(b->r, C1, 4);
	rig_out8(b->r, C1, 0);
	wait_ready(b, C1);
}

static void random_accesses(void **state)
{
	struct ide_bench *b = *state;
	unsigned seed = 1;

	bench_drive(b, 1, IDE_CDROM, 400);
	bench_drive(b, 2, IDE_CDROM, 100);
	bench_start(b);
	for (unsigned i = 0; i < 60000; i++) {
		static const uint16_t bases[] = { P1, P1, P2, C1, C2, BM, BM + 8 };
		unsigned v = rand_r(&seed), which = rand_r(&seed) % 7;
		uint16_t port = bases[which] + (which == 3 || which == 4 ? 0 : v % 8);
		unsigned kind = rand_r(&seed) % 8;

		v = rand_r(&seed) ^ (unsigned)rand_r(&seed) << 16;
		if (kind < 2)
			rig_in8(b->r, port);
		else if (kind == 2)
			rig_in16(b->r, port);
		else if (kind == 3)
			rig_in32(b->r, port);
		else if (kind < 6)
			rig_out8(b->r, port, v);
		else if (kind == 6)
			rig_out16(b->r, port, v);
		else
			rig_out32(b->r, port, v);
		if (i % 64 == 0) {
			machine_unlock(b->r->m);
			usleep(1);
			machine_lock(b->r->m);
		}
	}
	bench_start(b);
	wait_ready(b, C1);
	wait_ready(b, C2);
	outr(b, R_DEV, 0xa0);
	expect_signature(b);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(write_error), T(read_error), T(read_only_image), T(two_drives),
		T(other_drives_command_ends_a_burst), T(saved_state), T(hostile_saved_state),
		T(random_accesses),
	};

	return cmocka_run_group_tests_name("ide_faults", tests, NULL, NULL);
}
