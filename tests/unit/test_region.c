// SPDX-License-Identifier: GPL-2.0-only
/* Address spaces: overlap, priority, moves, splitting and joining of accesses, the listener. */
#include "unit.h"

#include "dm/region.h"

struct probe {
	uint8_t mem[64];
	unsigned reads, writes, last_size;
	uint64_t last_off;
};

static uint64_t probe_read(void *dev, uint64_t off, unsigned size)
{
	struct probe *p = dev;
	uint64_t val = 0;

	p->reads++;
	p->last_off = off;
	p->last_size = size;
	memcpy(&val, p->mem + off, size);
	return val;
}

static void probe_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct probe *p = dev;

	p->writes++;
	p->last_off = off;
	p->last_size = size;
	memcpy(p->mem + off, &val, size);
}

static const struct region_ops bytes = { probe_read, probe_write, .min = 1, .max = 1 };
static const struct region_ops words = { probe_read, probe_write, .min = 1, .max = 2 };
static const struct region_ops dwords = { probe_read, probe_write, .min = 4, .max = 4 };

static void nobody_answers(void **state)
{
	struct space s;

	space_init(&s, "test", 0x10000);
	assert_int_equal(space_read(&s, 0x80, 1), 0xff);
	assert_int_equal(space_read(&s, 0x80, 4), 0xffffffff);
	assert_true(space_read(&s, ~0ull - 3, 8) == ~0ull);
	space_write(&s, 0x80, 1, 4);
	assert_null(space_find(&s, 0x80));
	space_fini(&s);
}

static void offsets_not_addresses(void **state)
{
	struct probe p = { .mem = { 1, 2, 3, 4 } };
	struct region r;
	struct space s;

	space_init(&s, "test", 0x10000);
	assert_int_equal(region_add(&s, &r, &words, &p, 0x100, 8), 0);
	assert_int_equal(space_read(&s, 0x102, 1), 3);
	assert_int_equal(p.last_off, 2);
	region_move(&r, 0x200);
	assert_int_equal(space_read(&s, 0x102, 1), 0xff);
	assert_int_equal(space_read(&s, 0x202, 1), 3);
	region_enable(&r, false);
	assert_int_equal(space_read(&s, 0x202, 1), 0xff);
	space_fini(&s);
}

static void wide_accesses_are_split(void **state)
{
	struct probe p = { .mem = { 1, 2, 3, 4, 5, 6, 7, 8 } };
	struct region r;
	struct space s;

	space_init(&s, "test", 0x10000);
	region_add(&s, &r, &bytes, &p, 0, 16);
	assert_int_equal(space_read(&s, 0, 4), 0x04030201);
	assert_int_equal(p.reads, 4);
	space_write(&s, 4, 0xaabb, 2);
	assert_int_equal(p.writes, 2);
	assert_int_equal(p.mem[4], 0xbb);
	assert_int_equal(p.mem[5], 0xaa);
	region_del(&r);
	region_add(&s, &r, &words, &p, 0, 16);
	p.reads = 0;
	assert_int_equal(space_read(&s, 1, 4), 0xbb040302);
	assert_int_equal(p.reads, 3); /* a byte, an aligned word, a byte */
	space_fini(&s);
}

static void narrow_accesses_are_widened(void **state)
{
	struct probe p = { .mem = { 1, 2, 3, 4, 5, 6, 7, 8 } };
	struct region r;
	struct space s;

	space_init(&s, "test", 0x10000);
	region_add(&s, &r, &dwords, &p, 0, 16);
	assert_int_equal(space_read(&s, 2, 1), 3);
	assert_int_equal(p.last_off, 0);
	assert_int_equal(p.last_size, 4);
	assert_int_equal(space_read(&s, 2, 4), 0x06050403);
	space_write(&s, 5, 0x99, 1);
	assert_int_equal(p.last_off, 4);
	assert_int_equal(p.mem[5], 0x99);
	space_fini(&s);
}

static void accesses_straddle_regions(void **state)
{
	struct probe a = { .mem = { 0x11, 0x12 } }, b = { .mem = { 0x21, 0x22 } };
	struct region ra, rb;
	struct space s;

	space_init(&s, "test", 0x10000);
	region_add(&s, &ra, &words, &a, 0, 2);
	region_add(&s, &rb, &words, &b, 3, 2);
	assert_int_equal(space_read(&s, 0, 4), 0x21ff1211);
	space_write(&s, 1, 0xddccbbaa, 4);
	assert_int_equal(a.mem[1], 0xaa);
	assert_int_equal(b.mem[0], 0xcc);
	assert_int_equal(b.mem[1], 0xdd);
	space_fini(&s);
}

/* Takes at most two items at a time, and every third call none. */
static unsigned probe_read_string(void *dev, uint64_t off, void *buf, unsigned size,
				  unsigned count)
{
	struct probe *p = dev;
	unsigned n = p->reads++ % 3 == 2 ? 0 : count < 2 ? count : 2;

	memset(buf, 0x40 + off, n * size);
	return n;
}

static unsigned probe_write_string(void *dev, uint64_t off, const void *buf, unsigned size,
				   unsigned count)
{
	struct probe *p = dev;

	memcpy(p->mem + off, buf, size);
	p->writes++;
	return count;
}

static void strings_stay_at_one_address(void **state)
{
	const struct region_ops strings = { probe_read, probe_write, .min = 1, .max = 2,
					    .read_string = probe_read_string,
					    .write_string = probe_write_string };
	struct probe p = { .mem = { 1, 2, 3, 4 } }, q = p;
	struct region r, t;
	uint16_t buf[8] = { 0 };
	struct space s;

	space_init(&s, "test", 0x10000);
	assert_int_equal(region_add(&s, &r, &words, &p, 0x100, 8), 0);
	assert_int_equal(region_add(&s, &t, &strings, &q, 0x108, 8), 0);
	space_read_string(&s, 0x102, buf, 2, 3); /* a device without strings: one by one */
	assert_int_equal(p.reads, 3);
	assert_int_equal(buf[0], 0x0403);
	assert_int_equal(buf[2], 0x0403);
	assert_int_equal(buf[3], 0);
	space_write_string(&s, 0x104, buf, 2, 2);
	assert_int_equal(p.writes, 2);
	memset(buf, 0, sizeof(buf));
	space_read_string(&s, 0x10a, buf, 2, 7); /* 2, 2, none and so 1 by itself, 2 */
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(buf[i], i == 4 ? 0x0403 : 0x4242);
	assert_int_equal(buf[7], 0);
	space_write_string(&s, 0x108, "abcdef", 1, 6);
	assert_int_equal(q.writes, 1);
	q.writes = 0;
	space_write_string(&s, 0x10f, buf, 2, 2); /* over the edge: not the device's strings */
	assert_int_equal(q.writes, 2);
	space_read_string(&s, 0x8000, buf, 2, 2); /* nobody */
	assert_int_equal(buf[1], 0xffff);
	space_fini(&s);
}

static void priority_then_age(void **state)
{
	struct probe a = { .mem = { 1, 1, 1, 1 } }, b = { .mem = { 2, 2 } }, c = { .mem = { 3 } };
	struct region ra, rb, rc;
	struct space s;

	space_init(&s, "test", 0x10000);
	region_add(&s, &ra, &bytes, &a, 0, 4);
	region_add(&s, &rb, &bytes, &b, 1, 2);
	assert_int_equal(space_read(&s, 0, 4), 0x01010101);
	region_set_prio(&rb, 1);
	assert_int_equal(space_read(&s, 0, 4), 0x01020201);
	region_add(&s, &rc, &bytes, &c, 1, 1);
	region_set_prio(&rc, 1);
	assert_int_equal(space_read(&s, 1, 1), 2);
	region_del(&rb);
	assert_int_equal(space_read(&s, 0, 4), 0x01010301);
	space_fini(&s);
}

static void rom_reads_memory_and_writes_ops(void **state)
{
	uint8_t rom[4] = { 9, 8, 7, 6 };
	struct probe p = { 0 };
	struct region r;
	struct space s;

	space_init(&s, "test", 0x10000);
	region_add_rom(&s, &r, 0, 4, rom, &bytes, &p);
	assert_int_equal(space_read(&s, 0, 4), 0x06070809);
	space_write(&s, 1, 0x55, 1);
	assert_int_equal(rom[1], 8);
	assert_int_equal(p.mem[1], 0x55);
	region_del(&r);
	region_add_rom(&s, &r, 0, 4, rom, NULL, NULL);
	space_write(&s, 1, 0x55, 1);
	assert_int_equal(rom[1], 8);
	space_fini(&s);
}

static void ranges_are_checked(void **state)
{
	struct region r;
	struct space s;

	space_init(&s, "test", 0x10000);
	assert_int_not_equal(region_add(&s, &r, &bytes, NULL, 0x10000, 1), 0);
	assert_int_not_equal(region_add(&s, &r, &bytes, NULL, 0xffff, 2), 0);
	assert_int_not_equal(region_add(&s, &r, &bytes, NULL, 0, 0), 0);
	assert_int_not_equal(region_add(&s, &r, &bytes, NULL, ~0ull, 2), 0);
	assert_int_equal(region_add(&s, &r, &bytes, NULL, 0xffff, 1), 0);
	region_move(&r, ~0ull);
	assert_int_equal(r.base, 0xffff);
	space_fini(&s);
}

struct heard {
	unsigned calls;
	size_t n;
	struct flat map[8];
};

static void hear(void *arg, const struct flat *old, size_t n_old, const struct flat *new, size_t n)
{
	struct heard *h = arg;

	h->calls++;
	h->n = n;
	assert_true(n <= 8);
	if (n)
		memcpy(h->map, new, n * sizeof(*new));
}

static void listener_hears_the_flat_map(void **state)
{
	uint8_t ram[0x400] = { 0 };
	struct heard h = { 0 };
	struct probe p = { 0 };
	struct region low, hole;
	struct space s;

	space_init(&s, "test", 0x10000);
	space_listen(&s, hear, &h);
	assert_int_equal(h.calls, 1);
	space_begin(&s);
	region_add_ram(&s, &low, 0, 0x400, ram, 0);
	region_add(&s, &hole, &bytes, &p, 0x100, 0x100);
	region_set_prio(&hole, 1);
	assert_int_equal(h.calls, 1);
	space_commit(&s);
	assert_int_equal(h.calls, 2);
	assert_int_equal(h.n, 3);
	assert_ptr_equal(h.map[1].region, &hole);
	assert_int_equal(h.map[2].start, 0x200);
	assert_int_equal(h.map[2].off, 0x200);
	assert_int_equal(h.map[2].end, 0x400);
	region_enable(&hole, false);
	assert_int_equal(h.n, 1);
	space_fini(&s);
}

/* Against a plain model: each byte's owner is found by looking at every region. */
static void random_maps(void **state)
{
	enum { REGIONS = 6, SPAN = 64 };
	struct region r[REGIONS];
	struct probe p[REGIONS] = { 0 };
	struct space s;

	srand(7);
	space_init(&s, "test", SPAN);
	for (unsigned i = 0; i < REGIONS; i++) {
		memset(p[i].mem, i + 1, sizeof(p[i].mem));
		region_add(&s, &r[i], &words, &p[i], rand() % 32, 1 + rand() % 32);
	}
	for (unsigned round = 0; round < 2000; round++) {
		struct region *c = &r[rand() % REGIONS];
		unsigned addr = rand() % (SPAN - 4);

		region_move(c, rand() % 32);
		region_set_prio(c, rand() % 3);
		region_enable(c, rand() % 4);
		for (unsigned b = 0; b < 4; b++) {
			int best = -1;

			for (int i = 0; i < REGIONS; i++)
				if (r[i].enabled && addr + b >= r[i].base &&
				    addr + b < r[i].base + r[i].len &&
				    (best < 0 || r[i].prio > r[best].prio))
					best = i;
			assert_int_equal(space_read(&s, addr, 4) >> b * 8 & 0xff,
					 best < 0 ? 0xff : best + 1);
		}
	}
	space_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_answers),
		cmocka_unit_test(offsets_not_addresses),
		cmocka_unit_test(wide_accesses_are_split),
		cmocka_unit_test(narrow_accesses_are_widened),
		cmocka_unit_test(accesses_straddle_regions),
		cmocka_unit_test(strings_stay_at_one_address),
		cmocka_unit_test(priority_then_age),
		cmocka_unit_test(rom_reads_memory_and_writes_ops),
		cmocka_unit_test(ranges_are_checked),
		cmocka_unit_test(listener_hears_the_flat_map),
		cmocka_unit_test(random_maps),
	};

	return cmocka_run_group_tests_name("region", tests, NULL, NULL);
}
