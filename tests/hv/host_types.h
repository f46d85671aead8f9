/* SPDX-License-Identifier: GPL-2.0-only */
/* What host.h's structs are in unit tests: one thread, a clock that the test moves. */
#ifndef HV_HOST_TYPES_H
#define HV_HOST_TYPES_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HOST_OWN_TSC /* instead of cpu.h's: it goes with the fake clock */
uint64_t cpu_rdtsc(void);

struct host_mutex {
	bool held;
};

struct host_spin {
	bool held;
};

struct host_timer {
	void (*fire)(void *arg);
	void *arg;
	uint64_t when_ns;
	bool armed;
};

struct host_wait {
	unsigned wakes;
};

#endif
