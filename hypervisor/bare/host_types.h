/* SPDX-License-Identifier: GPL-2.0-only */
/* What host.h's structs are without an operating system: one processor, no threads. */
#ifndef HV_HOST_TYPES_H
#define HV_HOST_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host_mutex {
	bool held;
};

struct host_spin {
	bool held;
	uint64_t flags; /* of the processor, before it was taken */
};

struct host_timer {
	void (*fire)(void *arg);
	void *arg;
	uint64_t when_ns;
	bool armed;
	struct host_timer *next;
};

struct host_wait {
	unsigned wakes;
};

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *p, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#endif
