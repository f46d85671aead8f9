/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rig: a bare machine without a CPU. A test pokes ports and memory, advances the clock and
 * looks at the lines. cmocka drives it.
 */
#ifndef TESTS_DEVICE_RIG_H
#define TESTS_DEVICE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dm/device.h"
#include "dm/isa.h"
#include "dm/parts.h"

#define RIG_RAM_LEN (4u << 20) /* main memory from address 0 */

struct rig {
	struct machine *m;
	uint8_t *ram;		/* RIG_RAM_LEN bytes at guest-physical 0 */
	uint64_t host_ns;	/* what the clock runs on */
	bool gsi[24];		/* level of each input */
	unsigned rises[24];	/* times it went high */
	unsigned resets;	/* machine_request_reset() calls */
	enum stop_cause stop;	/* last machine_request_stop() */
};

/* A machine with RAM and no device; the clock runs. Fails the test when it cannot. */
struct rig *rig_new(void);
void rig_free(struct rig *r);

void rig_reset(struct rig *r);			/* every device, in order of creation */
void rig_advance(struct rig *r, uint64_t ns);	/* moves time, firing each timer at its time */
bool rig_timer_armed(const struct rig *r);	/* does anything wait for time? */
uint64_t rig_now(const struct rig *r);

void rig_out8(struct rig *r, uint16_t port, uint8_t v);
void rig_out16(struct rig *r, uint16_t port, uint16_t v);
void rig_out32(struct rig *r, uint16_t port, uint32_t v);
uint8_t rig_in8(struct rig *r, uint16_t port);
uint16_t rig_in16(struct rig *r, uint16_t port);
uint32_t rig_in32(struct rig *r, uint16_t port);
uint64_t rig_read(struct rig *r, uint64_t gpa, unsigned size);
void rig_write(struct rig *r, uint64_t gpa, uint64_t v, unsigned size);

/* PCI configuration space through ports 0xcf8 and 0xcfc; needs rig_add_pci(). */
void rig_add_pci(struct rig *r);
uint32_t rig_config_read(struct rig *r, unsigned devfn, unsigned off, unsigned size);
void rig_config_write(struct rig *r, unsigned devfn, unsigned off, uint32_t v, unsigned size);

/* Waits (in real time, with the machine lock free) until *flag is not 0: for back end threads. */
void rig_wait(struct rig *r, const volatile int *flag);

/*
 * Saves every device, resets the machine, loads, saves again and compares: each field table must
 * carry the whole state. Fails the test where it does not.
 */
void rig_check_saved_state(struct rig *r);

#endif
