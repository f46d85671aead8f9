/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of the IDE controller share: drives over temporary files, and the host's side
 * of the protocols. Sector n of an image is filled with the 32-bit number n, repeated. */
#ifndef TESTS_DEVICE_IDE_RIG_H
#define TESTS_DEVICE_IDE_RIG_H

#include "rig.h"

#include <fcntl.h>
#include <unistd.h>

#include "dm/block.h"
#include "machine/machine_priv.h"

enum { P1 = 0x1f0, C1 = 0x3f6, P2 = 0x170, C2 = 0x376, BM = 0xc000, IDE_FN = 1 << 3 | 1 };
enum { R_DATA, R_ERR, R_COUNT, R_LOW, R_MID, R_HIGH, R_DEV, R_CMD, R_FEAT = 1, R_STATUS = 7 };
enum { BSY = 0x80, DRDY = 0x40, DF = 0x20, DSC = 0x10, DRQ = 0x08, ERR = 0x01 };
enum { READY = DRDY | DSC };
enum { PRDT = 0x1000, DATA = 0x10000 }; /* where tests keep them in guest memory */

struct ide_bench {
	struct rig *r;
	struct piix_ide *ide;
	struct block *block[4];
	char path[4][64];
};

static inline void bench_new(struct ide_bench *b)
{
	memset(b, 0, sizeof(*b));
	b->r = rig_new();
	rig_add_pci(b->r);
	b->ide = piix_ide_create(b->r->m);
	assert_non_null(b->ide);
}

static inline int fd_of_image(char *path, uint32_t n, uint32_t sector)
{
	uint32_t *buf = malloc(sector);
	int fd;

	strcpy(path, "/tmp/test-ide-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0 && buf);
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t k = 0; k < sector / 4; k++)
			buf[k] = i;
		assert_int_equal(write(fd, buf, sector), sector);
	}
	free(buf);
	return fd;
}

static inline struct block *bench_open(struct ide_bench *b, const char *path, bool read_only)
{
	struct block_options opt = { .read_only = read_only };
	struct block *blk;
	char *why;
	int err = block_open_raw(&blk, b->r->m, path, &opt, &why);

	if (err)
		fail_msg("%s", why);
	return blk;
}

/* A drive over a file of n sectors; place is 2 * channel + unit. */
static inline void bench_drive(struct ide_bench *b, unsigned place, enum ide_kind kind, uint32_t n)
{
	int fd = fd_of_image(b->path[place], n, kind == IDE_CDROM ? 2048 : 512);

	close(fd);
	b->block[place] = bench_open(b, b->path[place], kind == IDE_CDROM);
	assert_int_equal(piix_ide_attach(b->ide, place / 2, place % 2, kind, b->block[place], NULL),
			 0);
}

/* As firmware leaves the controller. */
static inline void bench_start(struct ide_bench *b)
{
	rig_reset(b->r);
	rig_config_write(b->r, IDE_FN, 0x20, BM, 4);
	rig_config_write(b->r, IDE_FN, 0x04, 5, 2);
}

static inline void bench_close(struct ide_bench *b, struct block *blk)
{
	machine_unlock(b->r->m);
	block_close(blk);
	machine_lock(b->r->m);
}

static inline void bench_free(struct ide_bench *b)
{
	for (unsigned i = 0; i < 4; i++) {
		bench_close(b, b->block[i]);
		if (b->path[i][0])
			unlink(b->path[i]);
	}
	rig_free(b->r);
}

/* For setup: *state is a bench with one drive, a disk or CD-ROM. */
static inline int bench_one(void **state, enum ide_kind kind, uint32_t sectors)
{
	struct ide_bench *b = calloc(1, sizeof(*b));

	bench_new(b);
	bench_drive(b, 0, kind, sectors);
	bench_start(b);
	*state = b;
	return 0;
}

static inline int teardown(void **state)
{
	bench_free(*state);
	free(*state);
	return 0;
}

/* Waits, in real time, until the selected drive is not busy; its alternate status. */
static inline uint8_t wait_ready(struct ide_bench *b, uint16_t control)
{
	for (unsigned i = 0; i < 100000; i++) {
		uint8_t st = rig_in8(b->r, control);

		if (!(st & BSY))
			return st;
		machine_unlock(b->r->m);
		usleep(i < 100 ? 10 : 200);
		machine_lock(b->r->m);
	}
	fail_msg("the drive stays busy");
	return 0;
}

static inline void outr(struct ide_bench *b, unsigned reg, uint8_t v)
{
	rig_out8(b->r, P1 + reg, v);
}

static inline uint8_t inr(struct ide_bench *b, unsigned reg)
{
	return rig_in8(b->r, P1 + reg);
}

/* An LBA28 command to drive 0 of the first channel. */
static inline void command28(struct ide_bench *b, uint8_t cmd, uint32_t lba, uint8_t count)
{
	outr(b, R_DEV, 0xe0 | lba >> 24);
	outr(b, R_COUNT, count);
	outr(b, R_LOW, lba);
	outr(b, R_MID, lba >> 8);
	outr(b, R_HIGH, lba >> 16);
	outr(b, R_CMD, cmd);
}

static inline void command48(struct ide_bench *b, uint8_t cmd, uint64_t lba, uint16_t count)
{
	outr(b, R_DEV, 0x40);
	outr(b, R_COUNT, count >> 8);
	outr(b, R_LOW, lba >> 24);
	outr(b, R_MID, lba >> 32);
	outr(b, R_HIGH, lba >> 40);
	outr(b, R_COUNT, count);
	outr(b, R_LOW, lba);
	outr(b, R_MID, lba >> 8);
	outr(b, R_HIGH, lba >> 16);
	outr(b, R_CMD, cmd);
}

static inline void pio_in(struct ide_bench *b, void *buf, size_t n)
{
	uint16_t *p = buf;

	for (size_t i = 0; i < n / 2; i++)
		p[i] = rig_in16(b->r, P1);
}

static inline void pio_out(struct ide_bench *b, const void *buf, size_t n)
{
	const uint16_t *p = buf;

	for (size_t i = 0; i < n / 2; i++)
		rig_out16(b->r, P1, p[i]);
}

/* Entry n of the table of regions. */
static inline void prd(struct ide_bench *b, unsigned n, uint32_t addr, uint16_t count, bool last)
{
	rig_write(b->r, PRDT + 8 * n, addr, 4);
	rig_write(b->r, PRDT + 8 * n + 4, count | (last ? 0x80000000u : 0), 4);
}

static inline void bm_go(struct ide_bench *b, bool to_memory)
{
	rig_out32(b->r, BM + 4, PRDT);
	rig_out8(b->r, BM + 2, 6);
	rig_out8(b->r, BM, to_memory ? 8 : 0);
	rig_out8(b->r, BM, to_memory ? 9 : 1);
}

static inline void bm_stop(struct ide_bench *b)
{
	rig_out8(b->r, BM, 0);
}

static inline uint32_t image_word(struct ide_bench *b, unsigned place, uint64_t offset)
{
	int fd = open(b->path[place], O_RDONLY);
	uint32_t v = 0;

	assert_int_equal(pread(fd, &v, 4, offset), 4);
	close(fd);
	return v;
}

#endif
