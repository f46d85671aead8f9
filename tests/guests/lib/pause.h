/* SPDX-License-Identifier: GPL-2.0-only */
/* Random numbers, and pauses of all lengths by the local APIC's timer, in 64-bit guests. */
#ifndef GUESTS_PAUSE_H
#define GUESTS_PAUSE_H

#include <stdint.h>

/* 24 bits */
uint32_t random_next(uint32_t *seed);
/* Sleeps for 0.1 to 55 ms. Needs trap_init(), pic_init(), and apic_on() on this processor. */
void random_pause(uint32_t *seed);

#endif
