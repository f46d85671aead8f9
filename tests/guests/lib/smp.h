/* SPDX-License-Identifier: GPL-2.0-only */
/* Other processors, in 64-bit guests. */
#ifndef GUESTS_SMP_H
#define GUESTS_SMP_H

#include <stdbool.h>
#include <stdint.h>

enum { SMP_MAX = 16 };

/*
 * Starts the processor with this APIC ID and has it call function with interrupts off, in long
 * mode, on a stack of its own. False: it did not begin within a second. When the function
 * returns, the processor halts for good.
 */
bool smp_start(uint32_t id, void (*function)(void));
/* Sends INIT, by which a processor stops and waits for the next start. */
void smp_stop(uint32_t id);

#endif
