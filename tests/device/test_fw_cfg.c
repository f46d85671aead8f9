// SPDX-License-Identifier: GPL-2.0-only
/* fw_cfg: selector, data port, DMA, and the directory of files. */
#include "rig.h"

#include <endian.h>
#include <errno.h>

enum { SELECTOR = 0x510, DATA = 0x511, DMA_HIGH = 0x514, DMA_LOW = 0x518 };
enum { ERROR = 0x01, READ = 0x02, SKIP = 0x04, SELECT = 0x08, WRITE = 0x10 };
enum { REQUEST = 0x1000, BUFFER = 0x2000 };

struct box {
	struct rig *r;
	struct fw_cfg *f;
};

static int setup(void **state)
{
	struct box *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->r = rig_new();
	b->f = fw_cfg_create(b->r->m);
	assert_non_null(b->f);
	rig_reset(b->r);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct box *b = *state;

	rig_free(b->r);
	free(b);
	return 0;
}

static void pick(struct box *b, uint16_t key)
{
	rig_out16(b->r, SELECTOR, key);
}

static uint32_t get_be(struct box *b, unsigned n)
{
	uint32_t v = 0;

	while (n--)
		v = v << 8 | rig_in8(b->r, DATA);
	return v;
}

static void expect(struct box *b, const void *want, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(rig_in8(b->r, DATA), ((const uint8_t *)want)[i]);
}

static void put_be(struct box *b, uint64_t at, uint64_t v, unsigned n)
{
	while (n--) {
		b->r->ram[at + n] = v;
		v >>= 8;
	}
}

/* Starts a request and gives the control word that it left. */
static uint32_t dma(struct box *b, uint32_t control, uint32_t len, uint64_t address)
{
	uint32_t done;

	put_be(b, REQUEST, control, 4);
	put_be(b, REQUEST + 4, len, 4);
	put_be(b, REQUEST + 8, address, 8);
	rig_out32(b->r, DMA_HIGH, 0);
	rig_out32(b->r, DMA_LOW, htobe32(REQUEST));
	memcpy(&done, b->r->ram + REQUEST, 4);
	return be32toh(done);
}

static void test_signature(void **state)
{
	struct box *b = *state;

	pick(b, 0);
	expect(b, "QEMU\0\0", 6);
	pick(b, 1);
	expect(b, "\3\0\0\0\0", 5);
	pick(b, 0);
	expect(b, "QE", 2);
	pick(b, 0);
	expect(b, "QE", 2);
	/* nobody there, and nothing to write */
	pick(b, 0x1234);
	expect(b, "\0\0", 2);
	pick(b, 0);
	rig_out8(b->r, DATA, 'x');
	rig_out8(b->r, SELECTOR, 1); /* the selector has 16 bits */
	expect(b, "QEMU", 4);
	/* the DMA register says that it is there */
	assert_int_equal(be32toh(rig_in32(b->r, DMA_HIGH)), 0x51454d55);
	assert_int_equal(be32toh(rig_in32(b->r, DMA_LOW)), 0x20434647);
	assert_int_equal(rig_in8(b->r, DMA_LOW + 3), 'G');
	assert_int_equal(rig_in16(b->r, DMA_HIGH + 2), 'M' | 'U' << 8);
}

static void test_items(void **state)
{
	struct box *b = *state;
	char data[] = "copied";

	assert_int_equal(fw_cfg_add_item(b->f, 0x05, "\4\0", 2), 0);
	assert_int_equal(fw_cfg_add_item(b->f, 0x8003, data, 6), 0);
	assert_int_equal(fw_cfg_add_item(b->f, 0x0e, NULL, 0), 0);
	assert_int_equal(fw_cfg_add_item(b->f, 0x05, "x", 1), -EEXIST);
	assert_int_equal(fw_cfg_add_item(b->f, 0x19, "x", 1), -EEXIST);
	memset(data, 0, sizeof(data));
	pick(b, 0x8003);
	expect(b, "copied\0", 7);
	pick(b, 0x05);
	expect(b, "\4\0\0", 3);
	pick(b, 0x0e);
	expect(b, "\0", 1);
}

struct file {
	uint32_t size;
	uint16_t key;
	char name[56];
};

static struct file read_file(struct box *b)
{
	struct file f;

	f.size = get_be(b, 4);
	f.key = get_be(b, 2);
	assert_int_equal(get_be(b, 2), 0);
	for (unsigned i = 0; i < sizeof(f.name); i++)
		f.name[i] = rig_in8(b->r, DATA);
	return f;
}

static void test_directory(void **state)
{
	struct box *b = *state;
	char longest[56], too_long[57];
	struct file f;

	memset(longest, 'z', sizeof(longest));
	longest[55] = 0;
	memset(too_long, 'z', sizeof(too_long));
	too_long[56] = 0;
	pick(b, 0x19);
	assert_int_equal(get_be(b, 4), 0);
	assert_int_equal(fw_cfg_add_file(b->f, "etc/table-loader", "loader", 6), 0);
	assert_int_equal(fw_cfg_add_file(b->f, "bootorder", "/pci", 5), 0);
	assert_int_equal(fw_cfg_add_file(b->f, longest, "z", 1), 0);
	assert_int_equal(fw_cfg_add_file(b->f, "etc/acpi/tables", "", 0), 0);
	assert_int_equal(fw_cfg_add_file(b->f, "bootorder", "x", 1), -EEXIST);
	assert_int_equal(fw_cfg_add_file(b->f, too_long, "z", 1), -EINVAL);
	assert_int_equal(fw_cfg_add_file(b->f, "", "z", 1), -EINVAL);
	pick(b, 0x19);
	assert_int_equal(get_be(b, 4), 4);
	f = read_file(b);
	assert_string_equal(f.name, "bootorder");
	assert_int_equal(f.size, 5);
	assert_true(f.key >= 0x20);
	assert_string_equal(read_file(b).name, "etc/acpi/tables");
	f = read_file(b);
	assert_string_equal(f.name, "etc/table-loader");
	assert_string_equal(read_file(b).name, longest);
	assert_int_equal(get_be(b, 4), 0);
	pick(b, f.key);
	assert_int_equal(f.size, 6);
	expect(b, "loader\0", 7);
}

static void test_directory_full(void **state)
{
	struct box *b = *state;
	char name[16];
	int err = 0;
	unsigned n;

	for (n = 0; n < 1000 && !err; n++) {
		snprintf(name, sizeof(name), "f%u", n);
		err = fw_cfg_add_file(b->f, name, name, strlen(name));
	}
	assert_int_equal(err, -ENOSPC);
	pick(b, 0x19);
	assert_int_equal(get_be(b, 4), n - 1);
	for (unsigned i = 0; i < n - 1; i++) {
		struct file f = read_file(b);

		assert_int_equal(f.size, strlen(f.name));
	}
}

static void test_dma(void **state)
{
	struct box *b = *state;
	uint8_t *ram = b->r->ram;

	fw_cfg_add_item(b->f, 0x8001, "0123456789", 10);
	memset(ram + BUFFER, 0xee, 64);
	assert_int_equal(dma(b, 0x8001u << 16 | SELECT | READ, 4, BUFFER), 0);
	assert_memory_equal(ram + BUFFER, "0123\xee", 5);
	assert_int_equal(dma(b, SKIP, 2, 0), 0);
	assert_int_equal(dma(b, READ, 2, BUFFER), 0);
	assert_memory_equal(ram + BUFFER, "6723\xee", 5);
	/* the data port goes on where DMA stopped */
	assert_int_equal(rig_in8(b->r, DATA), '8');
	/* behind the end there are zeroes */
	assert_int_equal(dma(b, READ, 4, BUFFER), 0);
	assert_memory_equal(ram + BUFFER, "9\0\0\0\xee", 5);
	assert_int_equal(dma(b, SKIP, UINT32_MAX, 0), 0);
	assert_int_equal(dma(b, SKIP, UINT32_MAX, 0), 0);
	assert_int_equal(rig_in8(b->r, DATA), 0);
	/* select alone, and an item that is not there */
	assert_int_equal(dma(b, 0u << 16 | SELECT, 0, 0), 0);
	assert_int_equal(rig_in8(b->r, DATA), 'Q');
	assert_int_equal(dma(b, 0x4242u << 16 | SELECT | READ, 3, BUFFER), 0);
	assert_memory_equal(ram + BUFFER, "\0\0\0\0\xee", 5);
	assert_int_equal(dma(b, 0, 0, 0), 0);
}

static void test_dma_errors(void **state)
{
	struct box *b = *state;
	uint8_t *ram = b->r->ram;

	fw_cfg_add_item(b->f, 0x8001, "0123456789", 10);
	assert_int_equal(dma(b, 0x8001u << 16 | SELECT | WRITE, 4, BUFFER), ERROR);
	assert_int_equal(dma(b, 0x8001u << 16 | SELECT | READ, 4, RIG_RAM_LEN - 2), ERROR);
	assert_int_equal(dma(b, 0x8001u << 16 | SELECT | READ, 4, UINT64_MAX - 1), ERROR);
	assert_int_equal(dma(b, 0x8001u << 16 | SELECT | READ, UINT32_MAX, BUFFER), ERROR);
	/* a request outside of memory, or half of it */
	rig_out32(b->r, DMA_HIGH, htobe32(0xff));
	rig_out32(b->r, DMA_LOW, htobe32(0xfffffff8));
	rig_out32(b->r, DMA_LOW, htobe32(RIG_RAM_LEN - 8));
	assert_memory_equal(ram + RIG_RAM_LEN - 8, "\0\0\0\1\0\0\0\0", 8);
	/* the upper half counts once */
	rig_out32(b->r, DMA_HIGH, htobe32(1));
	rig_out32(b->r, DMA_LOW, htobe32(REQUEST));
	assert_int_equal(dma(b, 0x8001u << 16 | SELECT | READ, 4, BUFFER), 0);
	put_be(b, REQUEST, 0x8001u << 16 | SELECT | READ, 4);
	rig_out32(b->r, DMA_LOW, htobe32(REQUEST));
	assert_int_equal(be32toh(*(uint32_t *)(ram + REQUEST)), 0);
	/* a request that overwrites itself was read before */
	assert_int_equal(dma(b, 0x8001u << 16 | SELECT | READ, 10, REQUEST + 4), 0);
	assert_memory_equal(ram + REQUEST + 4, "0123456789", 10);
}

static void test_large_item(void **state)
{
	struct box *b = *state;
	size_t len = 300001;
	uint8_t *big = malloc(len);

	assert_non_null(big);
	for (size_t i = 0; i < len; i++)
		big[i] = i * 31 >> 3;
	assert_int_equal(fw_cfg_add_file(b->f, "opt/big", big, len), 0);
	memset(b->r->ram + BUFFER, 0xee, len + 100001);
	assert_int_equal(dma(b, 0x20u << 16 | SELECT | READ, len + 100000, BUFFER), 0);
	assert_memory_equal(b->r->ram + BUFFER, big, len);
	for (size_t i = 0; i < 100000; i++)
		assert_int_equal(b->r->ram[BUFFER + len + i], 0);
	assert_int_equal(b->r->ram[BUFFER + len + 100000], 0xee);
	free(big);
}

static void test_saved_state(void **state)
{
	struct box *b = *state;

	fw_cfg_add_item(b->f, 0x8001, "0123456789", 10);
	pick(b, 0x8001);
	expect(b, "012", 3);
	rig_out32(b->r, DMA_HIGH, htobe32(7));
	rig_check_saved_state(b->r);
	expect(b, "3456", 4);
	rig_reset(b->r);
	expect(b, "QEMU", 4);
}

static void test_hostile_state(void **state)
{
	struct box *b = *state;
	struct device *d = (struct device *)b->f;
	uint8_t rec[64];
	size_t len = device_save(d, rec, sizeof(rec));
	unsigned seed = 510;

	assert_in_range(len, 3, sizeof(rec));
	for (unsigned round = 0; round < 2000; round++) {
		for (size_t i = 2; i < len; i++)
			rec[i] = rand_r(&seed);
		if (round & 1)
			rec[2] = rec[3] = 0; /* an item that exists, at any place in it */
		device_load(d, rec, len);
		rig_in8(b->r, DATA);
		dma(b, READ, 100, BUFFER);
	}
}

static void test_sweep(void **state)
{
	struct box *b = *state;
	unsigned seed = 511;

	for (unsigned i = 0; i < 50000; i++) {
		uint32_t v = rand_r(&seed);
		uint16_t port = SELECTOR + v % 14;

		/* small lengths, so that no round takes long */
		put_be(b, v & 0xffff, v << 7 & 0xff001f, 4);
		put_be(b, (v & 0xffff) + 4, v & 0xfff, 4);
		switch (rand_r(&seed) % 6) {
		case 0:
			rig_out8(b->r, port, v);
			break;
		case 1:
			rig_out16(b->r, port, v);
			break;
		case 2:
			rig_out32(b->r, port, htobe32(v & 0x1ffff));
			break;
		case 3:
			rig_in8(b->r, port);
			break;
		case 4:
			rig_in16(b->r, port);
			break;
		default:
			rig_in32(b->r, port);
		}
	}
	rig_check_saved_state(b->r);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_signature),
		TEST(test_items),
		TEST(test_directory),
		TEST(test_directory_full),
		TEST(test_dma),
		TEST(test_dma_errors),
		TEST(test_large_item),
		TEST(test_saved_state),
		TEST(test_hostile_state),
		TEST(test_sweep),
	};

	return cmocka_run_group_tests_name("fw_cfg", tests, NULL, NULL);
}
