// SPDX-License-Identifier: GPL-2.0-only
/*
 * Main memory: the firmware's map against the CMOS memory's sizes, no overlaps, and a pattern
 * through all of it that would show one address answering for another.
 * Reference: ACPI Specification, "INT 15H, E820H - Query System Address Map".
 */
#include "cmos.h"
#include "guest.h"
#include "io.h"

#define MIB  (1ull << 20)
#define GIB  (1ull << 30)
#define STEP (32 * MIB)
#define HOLE 0xe0000000ull /* nothing is placed there by this firmware */
enum { UNIT = 65536 };

/* Below, page tables and this guest itself lie. */
#define FIRST (4 * MIB)

static uint64_t cmos_units(unsigned reg, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v |= (uint64_t)cmos_read(reg + i) << 8 * i;
	return v * UNIT;
}

static void check_map(void)
{
	const struct e820 *e = e820_map();
	uint64_t low = 0, high = 0, overlaps = 0, in_legacy = 0;

	for (unsigned i = 0; i < e820_count(); i++) {
		for (unsigned j = 0; j < i; j++)
			overlaps += e[i].base < e[j].base + e[j].len &&
				    e[j].base < e[i].base + e[i].len;
		if (e[i].type != E820_RAM)
			continue;
		in_legacy += e[i].base < MIB && e[i].base + e[i].len > 0xa0000;
		if (e[i].base >= 4 * GIB)
			high += e[i].len;
		else if (e[i].base + e[i].len > low)
			low = e[i].base + e[i].len;
	}
	check_range("entries", e820_count(), 4, 32);
	check64("overlaps", overlaps, 0);
	check64("ram-in-legacy-area", in_legacy, 0);
	/* the firmware keeps some of the top for its tables */
	check_range("below-4g-mib", low / MIB, (16 * MIB + cmos_units(0x34, 2)) / MIB - 1,
		    (16 * MIB + cmos_units(0x34, 2)) / MIB);
	check64("above-4g", high, cmos_units(0x5b, 3));
}

/* Calls touch for places all over memory above 4 MiB; how many there were. */
static unsigned walk(bool (*touch)(uint64_t address))
{
	const struct e820 *e = e820_map();
	unsigned n = 0;

	for (unsigned i = 0; i < e820_count(); i++) {
		uint64_t at = e[i].base < FIRST ? FIRST : e[i].base, end = e[i].base + e[i].len;

		if (e[i].type != E820_RAM || end <= at)
			continue;
		for (; at < end; at += STEP)
			n += touch(at);
		n += touch(end - 8);
	}
	return n;
}

static bool mark(uint64_t address)
{
	*mem64(address) = ~address;
	return true;
}

static bool is_marked(uint64_t address)
{
	return *mem64(address) == ~address;
}

void guest_main(void)
{
	unsigned places;

	check_map();
	places = walk(mark);
	check_true("places", places);
	check("marks", walk(is_marked), places);
	*mem64(HOLE) = 0;
	check64("hole-floats", *mem64(HOLE), UINT64_MAX);
}
