// SPDX-License-Identifier: GPL-2.0-only
/*
 * A triple fault where the configuration says on_crash = "destroy": the program ends with the
 * status for it, and the guest does not start again.
 */
#include "guest.h"

void guest_main(void)
{
	static const struct __attribute__((packed)) {
		uint16_t limit;
		uint32_t base;
	} no_idt = { 0, 0 };

	check("started", 1, 1);
	guest_summary();
	__asm__ volatile("lidt %0; int3" : : "m"(no_idt));
	guest_fail("no-triple-fault");
}
