// SPDX-License-Identifier: GPL-2.0-only
/* The checked door from devices to main memory. */
#include "dm/dma.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "dm/region.h"

/* The piece of main memory at gpa that may be read, or written; NULL if there is none. */
static const struct flat *ram_at(const struct dma *d, uint64_t gpa, bool write)
{
	const struct flat *f = space_find(d->mem, gpa);

	if (!f || !(f->region->flags & REGION_DMA))
		return NULL;
	return write && f->region->kind != REGION_RAM ? NULL : f;
}

static size_t within(const struct flat *f, uint64_t gpa, size_t n)
{
	return f->end - gpa < n ? f->end - gpa : n;
}

static bool all_ram(const struct dma *d, uint64_t gpa, size_t n, bool write)
{
	if (n > UINT64_MAX - gpa)
		return false;
	while (n) {
		const struct flat *f = ram_at(d, gpa, write);
		size_t part;

		if (!f)
			return false;
		part = within(f, gpa, n);
		gpa += part;
		n -= part;
	}
	return true;
}

static int copy(const struct dma *d, uint64_t gpa, uint8_t *buf, size_t n, bool write)
{
	if (!all_ram(d, gpa, n, write))
		return -EFAULT;
	while (n) {
		const struct flat *f = ram_at(d, gpa, write);
		size_t part = within(f, gpa, n);
		uint8_t *host = f->region->host + f->off + (gpa - f->start);

		memcpy(write ? host : buf, write ? buf : host, part);
		gpa += part;
		buf += part;
		n -= part;
	}
	return 0;
}

int dma_read(const struct dma *d, uint64_t gpa, void *buf, size_t n)
{
	return copy(d, gpa, buf, n, false);
}

int dma_write(const struct dma *d, uint64_t gpa, const void *buf, size_t n)
{
	return copy(d, gpa, (uint8_t *)buf, n, true);
}
