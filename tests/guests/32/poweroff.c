// SPDX-License-Identifier: GPL-2.0-only
/*
 * Soft-off without firmware, by the PIIX4's own registers; before it, what must not power off.
 * Reference: Intel 82371AB (PIIX4), "PMCNTRL - Power Management Control Register".
 */
#include "clock.h"
#include "guest.h"
#include "io.h"

enum { PM1_CONTROL = 4, SCI_ON = 0x0001, SLEEP = 1 << 13, TYPE_SOFT_OFF = 0 << 10, TYPE = 7 << 10 };

void guest_main(void)
{
	uint16_t control = pm_base() + PM1_CONTROL;

	out16(control, SCI_ON | TYPE);
	delay_us(10000);
	check("type-alone-does-nothing", in16(control) & TYPE, TYPE);
	out16(control, SCI_ON);
	check("type-kept", in16(control) & TYPE, 0);
	check("sleep-reads-0", in16(control) & SLEEP, 0);
	if (!guest_summary())
		guest_fail("not-powering-off");
	out16(control, TYPE_SOFT_OFF | SLEEP);
	delay_us(1000000);
	guest_fail("no-power-off");
}
