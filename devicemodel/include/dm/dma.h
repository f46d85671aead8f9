/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one checked door from devices to guest memory: main memory only, never a device's own
 * registers, so that no device can be driven into itself. Under the machine lock.
 */
#ifndef DM_DMA_H
#define DM_DMA_H

#include <stddef.h>
#include <stdint.h>

struct space;

struct dma {
	struct space *mem;
};

/* 0, or -EFAULT when any byte of [gpa, gpa + n) is not main memory; then nothing was copied. */
int dma_read(const struct dma *d, uint64_t gpa, void *buf, size_t n);
int dma_write(const struct dma *d, uint64_t gpa, const void *buf, size_t n);

#endif
