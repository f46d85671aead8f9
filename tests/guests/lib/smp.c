// SPDX-License-Identifier: GPL-2.0-only
/* Starts other processors. Reference: Intel SDM 3, "Multiple-Processor (MP) Initialization". */
#include "smp.h"

#include "apic.h"
#include "clock.h"
#include "guest.h"

enum { START_PAGE = 0x5, PAGE = 4096, STACK = 4096 };

extern const char ap_start[], ap_start_end[];
extern volatile uint64_t ap_stack, ap_main;

static uint8_t stacks[SMP_MAX][STACK] __attribute__((aligned(16)));
static void (*volatile wanted)(void);
static volatile bool begun;

static void arrived(void)
{
	void (*function)(void) = wanted;

	begun = true;
	function();
}

static bool has_begun(void)
{
	return begun;
}

void smp_stop(uint32_t id)
{
	apic_send(id, ICR_INIT | ICR_ASSERT);
	delay_us(10000);
}

/* The second start-up message is for those who missed the first: here, too. */
bool smp_start(uint32_t id, void (*function)(void))
{
	memcpy((void *)(uintptr_t)(START_PAGE * PAGE), ap_start, ap_start_end - ap_start);
	ap_stack = (uintptr_t)stacks[id % SMP_MAX] + STACK;
	ap_main = (uintptr_t)arrived;
	wanted = function;
	begun = false;
	smp_stop(id);
	apic_send(id, ICR_STARTUP | ICR_ASSERT | START_PAGE);
	if (wait_until(has_begun, 20000))
		return true;
	apic_send(id, ICR_STARTUP | ICR_ASSERT | START_PAGE);
	return wait_until(has_begun, 1000000);
}
