// SPDX-License-Identifier: GPL-2.0-only
/* Pauses: half of them short, a quarter longer than video memory takes to come to rest. */
#include "pause.h"

#include "apic.h"
#include "io.h"
#include "trap.h"

enum { VECTOR_TIMER = 0x50, DIVIDE_BY_1 = 0xb, TICKS_PER_US = 1000, AGAIN_US = 20000 };

uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/*
 * An emulated processor may take an interrupt between STI and HLT, so there is another one, later:
 * not as soon, as a slow host would have time for nothing else.
 */
static void on_timer(unsigned vector)
{
	(void)vector;
	apic_write(APIC_TIMER_INITIAL, AGAIN_US * TICKS_PER_US);
	apic_end();
}

static void sleep_us(uint32_t us)
{
	trap_handler[VECTOR_TIMER] = on_timer;
	apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, VECTOR_TIMER);
	apic_write(APIC_TIMER_INITIAL, us * TICKS_PER_US);
	halt();
	apic_write(APIC_TIMER_INITIAL, 0);
}

void random_pause(uint32_t *seed)
{
	switch (random_next(seed) % 8) {
	case 0 ... 3:
		sleep_us(100 + random_next(seed) % 1000);
		break;
	case 4 ... 5:
		sleep_us(4000 + random_next(seed) % 16000);
		break;
	default:
		sleep_us(25000 + random_next(seed) % 30000);
	}
}
