// SPDX-License-Identifier: GPL-2.0-only
/* Time by the PM timer. Reference: Intel 82371AB (PIIX4), "Power Management I/O Space". */
#include "clock.h"

#include "guest.h"
#include "io.h"
#include "pci.h"

enum { PMBASE = 0x40, PMREGMISC = 0x80, PM_TIMER = 8, PLACE = 0x600, TRIES = 16 };
enum { MEASUREMENTS = 100 }; /* a host that stood still makes up for a burst of ticks first */

uint16_t pm_base(void)
{
	static uint16_t base;

	if (base)
		return base;
	base = pci_read32(PCI_PM, PMBASE) & 0xffc0;
	if (!base || !(pci_read8(PCI_PM, PMREGMISC) & 1)) {
		base = PLACE;
		pci_write32(PCI_PM, PMBASE, base);
		pci_write8(PCI_PM, PMREGMISC, 1);
	}
	return base;
}

uint32_t pm_read(void)
{
	return in32(pm_base() + PM_TIMER) & 0xffffff;
}

void stopwatch_start(struct stopwatch *s)
{
	s->last = pm_read();
	s->ticks = 0;
}

uint32_t stopwatch_ticks(struct stopwatch *s)
{
	uint32_t now = pm_read();

	s->ticks += (now - s->last) & 0xffffff;
	s->last = now;
	return s->ticks;
}

uint32_t stopwatch_us(struct stopwatch *s)
{
	return muldiv(stopwatch_ticks(s), 1000000, PM_HZ);
}

void delay_us(uint32_t us)
{
	struct stopwatch s;

	stopwatch_start(&s);
	while (stopwatch_us(&s) < us)
		relax();
}

bool wait_until(bool (*done)(void), uint32_t us)
{
	struct stopwatch s;

	stopwatch_start(&s);
	while (!done())
		if (stopwatch_us(&s) >= us)
			return done();
	return true;
}

static uint32_t read_between(uint32_t (*read)(void), uint32_t *value)
{
	uint32_t best = UINT32_MAX, when = 0;

	for (unsigned i = 0; i < TRIES; i++) {
		uint32_t before = pm_read(), v = read(), took = (pm_read() - before) & 0xffffff;

		if (took >= best)
			continue;
		best = took;
		when = before + took / 2;
		*value = v;
	}
	return when;
}

/* Fills in the bits beyond mask so that count is as close to want as can be. */
static uint32_t unwrap(uint32_t count, uint32_t mask, uint32_t want)
{
	count &= mask;
	if (mask == UINT32_MAX || count > want)
		return count;
	return want + ((count - want + mask / 2) & mask) - mask / 2;
}

uint32_t counter_rate(uint32_t (*read)(void), uint32_t mask, uint32_t want, uint32_t us)
{
	uint32_t first = 0, last = 0, begin = read_between(read, &first), ticks;

	delay_us(us);
	ticks = (read_between(read, &last) - begin) & 0xffffff;
	return muldiv(unwrap(last - first, mask, muldiv(want, ticks, PM_HZ)), PM_HZ, ticks);
}

bool check_time(const char *name, uint32_t (*measure)(void), uint32_t want, unsigned percent)
{
	uint32_t room = muldiv(want, percent, 100), got = 0;

	for (unsigned i = 0; i < MEASUREMENTS; i++) {
		got = measure();
		if (got >= want - room && got <= want + room)
			break;
	}
	return check_near(name, got, want, percent);
}
