// SPDX-License-Identifier: GPL-2.0-only
/*
 * fw_cfg: signature, numbered items, the directory, and a file by port and by DMA.
 * Reference: QEMU, "QEMU Firmware Configuration (fw_cfg) Device".
 */
#include "guest.h"
#include "io.h"

enum { SELECTOR = 0x510, DATA = 0x511, DMA_HIGH = 0x514, DMA_LOW = 0x518 };
enum { SIGNATURE = 0x00, FEATURES = 0x01, CPUS = 0x05, DIRECTORY = 0x19 };
enum { DMA_ERROR = 0x01, DMA_READ = 0x02, DMA_SKIP = 0x04, DMA_SELECT = 0x08 };
enum { FILE_MAX = 4096 };

struct file {
	uint32_t size;
	uint16_t key, reserved;
	char name[56];
};

struct dma {
	uint32_t control, length;
	uint32_t address_high, address_low;
};

static uint8_t by_port[FILE_MAX], by_dma[FILE_MAX];
static volatile struct dma dma __attribute__((aligned(16)));

static uint32_t swap32(uint32_t v)
{
	return __builtin_bswap32(v);
}

static void read_port(void *p, unsigned n)
{
	uint8_t *to = p;

	while (n--)
		*to++ = in8(DATA);
}

static uint32_t run_dma(uint32_t control, void *p, uint32_t n)
{
	dma.control = swap32(control);
	dma.length = swap32(n);
	dma.address_high = 0;
	dma.address_low = swap32((uintptr_t)p);
	out32(DMA_HIGH, 0);
	out32(DMA_LOW, swap32((uintptr_t)&dma));
	return swap32(dma.control);
}

static bool ends_in_zero(const char *name, unsigned n)
{
	while (n--)
		if (!*name++)
			return true;
	return false;
}

/* The directory's first file that fits, after looking at all of it. */
static struct file find_file(void)
{
	struct file f, found = { 0 };
	uint32_t count;
	unsigned good = 0;

	out16(SELECTOR, DIRECTORY);
	read_port(&count, 4);
	count = swap32(count);
	check_range("files", count, 1, 64);
	for (uint32_t i = 0; i < count && i < 64; i++) {
		read_port(&f, sizeof(f));
		f.size = swap32(f.size);
		f.key = f.key << 8 | f.key >> 8;
		good += f.key >= 0x20 && ends_in_zero(f.name, sizeof(f.name)) && f.name[0];
		if (!found.size && f.size >= 16 && f.size <= FILE_MAX)
			found = f;
	}
	check("files-well-formed", good, count);
	return found;
}

static void check_items(void)
{
	char text[4];
	uint32_t v;
	uint16_t cpus;

	out16(SELECTOR, SIGNATURE);
	read_port(text, 4);
	check("signature", !memcmp(text, "QEMU", 4), 1);
	check("behind-the-end", in8(DATA), 0);
	out16(SELECTOR, FEATURES);
	read_port(&v, 4);
	check("has-dma", v & 3, 3);
	out16(SELECTOR, CPUS);
	read_port(&cpus, 2);
	check("cpus", cpus, 2);
	out16(SELECTOR, 0x7ff0);
	check("no-such-item", in8(DATA), 0);
	check("dma-signature", in32(DMA_HIGH), 'Q' | 'E' << 8 | 'M' << 16 | 'U' << 24);
}

static void check_dma(const struct file *f)
{
	uint8_t rest[16];

	out16(SELECTOR, f->key);
	read_port(by_port, f->size);
	check("dma-read", run_dma((uint32_t)f->key << 16 | DMA_SELECT | DMA_READ, by_dma, f->size),
	      0);
	check("dma-same", memcmp(by_port, by_dma, f->size), 0);
	check("dma-select", run_dma((uint32_t)f->key << 16 | DMA_SELECT, 0, 0), 0);
	check("dma-skip", run_dma(DMA_SKIP, 0, 5), 0);
	check("dma-after-skip", run_dma(DMA_READ, rest, 8), 0);
	check("dma-skipped", memcmp(rest, by_port + 5, 8), 0);
	check("port-goes-on", in8(DATA), by_port[13]);
	check("dma-error", run_dma(DMA_READ, (void *)0xfffffff0u, 8) & DMA_ERROR, DMA_ERROR);
}

void guest_main(void)
{
	struct file f;

	check_items();
	f = find_file();
	if (!f.size)
		guest_fail("no-file-of-use");
	check_dma(&f);
}
