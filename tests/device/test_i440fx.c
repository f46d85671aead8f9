// SPDX-License-Identifier: GPL-2.0-only
/* Host bridge: what each PAM setting lets through, segment by segment; SMRAM; the image. */
#include "rig.h"

#include "dm/pci.h"

enum { DEVFN = PCI_DEVFN(0, 0), PAM = 0x59, SMRAM = 0x72 };
enum { BIOS_LEN = 256 << 10, SEGMENTS = 13, RAM_BYTE = 0x5a };

struct bridge {
	struct rig *r;
	uint8_t *bios;
};

static int setup(void **state)
{
	struct bridge *b = calloc(1, sizeof(*b));
	struct i440fx_memory mem;

	assert_non_null(b);
	b->r = rig_new();
	rig_add_pci(b->r);
	b->bios = malloc(BIOS_LEN);
	assert_non_null(b->bios);
	for (unsigned i = 0; i < BIOS_LEN; i++)
		b->bios[i] = i ^ i >> 8 ^ i >> 16 ^ 0x80;
	memset(b->r->ram, RAM_BYTE, 1 << 20);
	mem = (struct i440fx_memory){ b->r->ram, b->bios, BIOS_LEN };
	assert_non_null(i440fx_create(b->r->m, &mem));
	rig_reset(b->r);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bridge *b = *state;

	rig_free(b->r);
	free(b->bios);
	free(b);
	return 0;
}

/* Segments in order of address: 12 of 16 KiB from C0000 on, then F0000. */
static uint32_t segment_base(unsigned n)
{
	return 0xc0000 + n * 0x4000;
}

static uint32_t segment_last(unsigned n)
{
	return n == 12 ? 0xfffff : segment_base(n) + 0x3fff;
}

static void set_pam(struct rig *r, unsigned n, unsigned attr)
{
	unsigned reg = n == 12 ? PAM : PAM + 1 + n / 2;
	unsigned shift = n == 12 || n % 2 ? 4 : 0;
	uint32_t val = rig_config_read(r, DEVFN, reg, 1) & ~(0xfu << shift);

	rig_config_write(r, DEVFN, reg, val | attr << shift, 1);
}

static uint8_t pci_side(const struct bridge *b, uint32_t addr)
{
	return addr < 0xe0000 ? 0xff : b->bios[BIOS_LEN - (0x100000 - addr)];
}

static void identity(void **state)
{
	struct rig *r = ((struct bridge *)*state)->r;

	assert_int_equal(rig_config_read(r, DEVFN, 0x00, 4), 0x12378086);
	assert_int_equal(rig_config_read(r, DEVFN, 0x08, 4), 0x06000002);
	assert_int_equal(rig_config_read(r, DEVFN, 0x2c, 4), 0x11001af4);
	assert_int_equal(rig_config_read(r, DEVFN, 0x10, 4), 0);
}

static void image_below_4_gib(void **state)
{
	struct bridge *b = *state;

	assert_int_equal(rig_read(b->r, 0xfffc0000, 1), b->bios[0]);
	assert_int_equal(rig_read(b->r, 0xfffffff0, 1), b->bios[BIOS_LEN - 16]);
	rig_write(b->r, 0xfffffff0, 0, 4);
	assert_int_equal(rig_read(b->r, 0xfffffff0, 1), b->bios[BIOS_LEN - 16]);
	assert_int_equal(rig_read(b->r, 0xfffbffff, 1), 0xff);
}

/* Every segment in each of its four settings, its first and last byte. */
static void segments_follow_pam(void **state)
{
	struct bridge *b = *state;

	for (unsigned n = 0; n < SEGMENTS; n++) {
		for (unsigned attr = 0; attr < 4; attr++) {
			const uint32_t edge[] = { segment_base(n), segment_last(n) };

			set_pam(b->r, n, attr);
			for (unsigned i = 0; i < 2; i++) {
				uint32_t at = edge[i];
				uint8_t seen = attr & 1 ? RAM_BYTE : pci_side(b, at);
				uint8_t rom = pci_side(b, at);

				b->r->ram[at] = RAM_BYTE;
				assert_int_equal(rig_read(b->r, at, 1), seen);
				rig_write(b->r, at, 0xa5, 1);
				assert_int_equal(b->r->ram[at], attr & 2 ? 0xa5 : RAM_BYTE);
				assert_int_equal(pci_side(b, at), rom);
				b->r->ram[at] = RAM_BYTE;
			}
		}
		set_pam(b->r, n, 0);
	}
}

/* Changing one segment leaves its neighbours alone. */
static void segments_are_independent(void **state)
{
	struct bridge *b = *state;

	for (unsigned n = 0; n < SEGMENTS; n++) {
		set_pam(b->r, n, 1);
		for (unsigned other = 0; other < SEGMENTS; other++) {
			uint32_t at = segment_base(other) + 8;

			assert_int_equal(rig_read(b->r, at, 1),
					 other == n ? RAM_BYTE : pci_side(b, at));
		}
		set_pam(b->r, n, 0);
	}
	assert_int_equal(rig_read(b->r, 0xbfff0, 1), RAM_BYTE);
	assert_int_equal(rig_read(b->r, 0x100000, 1), 0);
}

/* As SeaBIOS does it: reads from the image, writes to memory, wide accesses. */
static void firmware_copies_itself(void **state)
{
	struct bridge *b = *state;

	set_pam(b->r, 12, 2);
	for (uint32_t at = 0xf0000; at < 0x100000; at += 8)
		rig_write(b->r, at, rig_read(b->r, at, 8), 8);
	set_pam(b->r, 12, 1);
	assert_memory_equal(b->r->ram + 0xf0000, b->bios + BIOS_LEN - 0x10000, 0x10000);
	assert_int_equal(rig_read(b->r, 0xffff0, 1), b->bios[BIOS_LEN - 16]);
	rig_write(b->r, 0xffff0, 0, 8);
	assert_int_equal(rig_read(b->r, 0xffff0, 1), b->bios[BIOS_LEN - 16]);
}

static void accesses_straddle_segments(void **state)
{
	struct bridge *b = *state;

	set_pam(b->r, 0, 3);
	set_pam(b->r, 1, 0);
	assert_int_equal(rig_read(b->r, 0xc3ffe, 4), 0xffff5a5a);
	rig_write(b->r, 0xc3ffe, 0x01020304, 4);
	assert_int_equal(b->r->ram[0xc3ffe], 0x04);
	assert_int_equal(b->r->ram[0xc3fff], 0x03);
	assert_int_equal(b->r->ram[0xc4000], RAM_BYTE);
}

static void dma_sees_memory_only(void **state)
{
	struct bridge *b = *state;
	const struct dma *dma = machine_dma(b->r->m);
	uint8_t buf[4] = { 1, 2, 3, 4 };

	assert_int_not_equal(dma_read(dma, 0xe0000, buf, 4), 0);
	set_pam(b->r, 8, 1); /* E0000, memory without writes */
	assert_int_equal(dma_read(dma, 0xe0000, buf, 4), 0);
	assert_int_equal(buf[0], RAM_BYTE);
	assert_int_not_equal(dma_write(dma, 0xe0000, buf, 4), 0);
	set_pam(b->r, 8, 3);
	buf[0] = 0x77;
	assert_int_equal(dma_write(dma, 0xe0000, buf, 4), 0);
	assert_int_equal(b->r->ram[0xe0000], 0x77);
}

static void reserved_bits_read_zero(void **state)
{
	struct rig *r = ((struct bridge *)*state)->r;

	rig_config_write(r, DEVFN, 0x58, 0xffffffff, 4);
	rig_config_write(r, DEVFN, 0x5c, 0xffffffff, 4);
	assert_int_equal(rig_config_read(r, DEVFN, 0x58, 4), 0x33333000);
	assert_int_equal(rig_config_read(r, DEVFN, 0x5c, 4), 0x33333333);
	rig_config_write(r, DEVFN, 0x00, 0, 4);
	assert_int_equal(rig_config_read(r, DEVFN, 0x00, 4), 0x12378086);
}

static void smram_locks(void **state)
{
	struct rig *r = ((struct bridge *)*state)->r;

	assert_int_equal(rig_config_read(r, DEVFN, SMRAM, 1), 0x02);
	rig_config_write(r, DEVFN, SMRAM, 0x4a, 1);
	assert_int_equal(rig_config_read(r, DEVFN, SMRAM, 1), 0x4a);
	rig_config_write(r, DEVFN, SMRAM, 0x5a, 1); /* locking closes it */
	assert_int_equal(rig_config_read(r, DEVFN, SMRAM, 1), 0x1a);
	rig_config_write(r, DEVFN, SMRAM, 0x4a, 1);
	assert_int_equal(rig_config_read(r, DEVFN, SMRAM, 1), 0x1a);
	rig_reset(r);
	assert_int_equal(rig_config_read(r, DEVFN, SMRAM, 1), 0x02);
	rig_config_write(r, DEVFN, SMRAM, 0x48, 1);
	assert_int_equal(rig_config_read(r, DEVFN, SMRAM, 1), 0x4a);
}

static void reset_shows_the_image(void **state)
{
	struct bridge *b = *state;

	for (unsigned n = 0; n < SEGMENTS; n++)
		set_pam(b->r, n, 3);
	assert_int_equal(rig_read(b->r, 0xffff0, 1), RAM_BYTE);
	rig_reset(b->r);
	assert_int_equal(rig_read(b->r, 0xffff0, 1), b->bios[BIOS_LEN - 16]);
	assert_int_equal(rig_read(b->r, 0xe0000, 1), pci_side(b, 0xe0000));
	assert_int_equal(rig_read(b->r, 0xc0000, 1), 0xff);
}

static void saved_state(void **state)
{
	struct bridge *b = *state;

	set_pam(b->r, 0, 3);
	set_pam(b->r, 5, 1);
	set_pam(b->r, 12, 2);
	rig_config_write(b->r, DEVFN, SMRAM, 0x18, 1);
	rig_check_saved_state(b->r);
	assert_int_equal(rig_read(b->r, 0xc0000, 1), RAM_BYTE);
	rig_write(b->r, segment_base(5), 1, 1);
	assert_int_equal(rig_read(b->r, segment_base(5), 1), RAM_BYTE);
	assert_int_equal(rig_read(b->r, 0xffff0, 1), b->bios[BIOS_LEN - 16]);
	rig_config_write(b->r, DEVFN, SMRAM, 0x48, 1); /* still locked */
	assert_int_equal(rig_config_read(b->r, DEVFN, SMRAM, 1), 0x1a);
}

/* Random settings against the rule in one line; the image never changes. */
static void random_settings(void **state)
{
	struct bridge *b = *state;
	uint8_t *before = malloc(BIOS_LEN);

	assert_non_null(before);
	memcpy(before, b->bios, BIOS_LEN);
	srand(3);
	for (unsigned i = 0; i < 3000; i++) {
		unsigned n = rand() % SEGMENTS, attr = rand() % 16;
		uint32_t span = segment_last(n) - segment_base(n);
		uint32_t at = segment_base(n) + rand() % (span - 8);

		set_pam(b->r, n, attr);
		rig_write(b->r, at, ((uint64_t)rand() << 32) | rand(), 1 << rand() % 4);
		assert_int_equal(rig_read(b->r, at, 1),
				 attr & 1 ? b->r->ram[at] : pci_side(b, at));
		rig_config_write(b->r, DEVFN, rand() & 0xff & ~3, rand(), 4);
	}
	assert_memory_equal(before, b->bios, BIOS_LEN);
	rig_check_saved_state(b->r);
	free(before);
}

/* An image that ends below 128 KiB shows where it is, and nothing else does. */
static void small_image(void **state)
{
	struct rig *r = rig_new();
	uint8_t bios[0x10000];
	struct i440fx_memory mem = { r->ram, bios, sizeof(bios) };

	rig_add_pci(r);
	memset(bios, 0x42, sizeof(bios));
	assert_non_null(i440fx_create(r->m, &mem));
	rig_reset(r);
	assert_int_equal(rig_read(r, 0xf0000, 2), 0x4242);
	assert_int_equal(rig_read(r, 0xeffff, 1), 0xff);
	assert_int_equal(rig_read(r, 0xffff0000, 1), 0x42);
	rig_free(r);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(identity),
		TEST(image_below_4_gib),
		TEST(segments_follow_pam),
		TEST(segments_are_independent),
		TEST(firmware_copies_itself),
		TEST(accesses_straddle_segments),
		TEST(dma_sees_memory_only),
		TEST(reserved_bits_read_zero),
		TEST(smram_locks),
		TEST(reset_shows_the_image),
		TEST(saved_state),
		TEST(random_settings),
		cmocka_unit_test(small_image),
	};

	return cmocka_run_group_tests_name("i440fx", tests, NULL, NULL);
}
