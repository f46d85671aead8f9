/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What host.h's structs weigh on Linux. Storage only, so that the core never sees a kernel header;
 * host.c asserts that the real ones fit.
 */
#ifndef HV_HOST_TYPES_H
#define HV_HOST_TYPES_H

#include <linux/types.h>

#define UINT32_MAX 0xffffffffu

struct host_mutex {
	uint64_t opaque[6];
};

struct host_spin {
	uint64_t opaque[2];
};

struct host_timer {
	uint64_t opaque[12];
};

struct host_wait {
	uint64_t opaque[4];
};

#ifndef _LINUX_STRING_H_ /* the glue has these as the kernel's macros */
void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *p, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
#endif

#endif
