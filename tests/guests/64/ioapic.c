// SPDX-License-Identifier: GPL-2.0-only
/*
 * The I/O APIC: identity, the PIT's edges at pin 2, a level with its ends, masks, delivery to a
 * chosen vector, and what becomes of an entry's bits.
 * Reference: Intel 82093AA data sheet, "Register Description"; MP Specification, "Interrupt modes".
 */
#include "apic.h"
#include "clock.h"
#include "guest.h"
#include "io.h"
#include "trap.h"

enum { PIN_PIT = 2, PIN_COM1 = 4, VECTOR_PIT = 0x60, VECTOR_COM1 = 0x70, PIT_HZ = 1193182 };
enum { COM1_IER = 0x3f9, COM1_IIR = 0x3fa, TICKS = 20, TICK_US = 10000, REPEATS = 3 };

static struct stopwatch since;
static volatile uint32_t first_at, last_at, ticks, levels, remote_in_handler;

static void on_pit(unsigned vector)
{
	(void)vector;
	if (ticks <= TICKS)
		last_at = stopwatch_ticks(&since);
	if (!ticks++)
		first_at = last_at;
	apic_end();
}

/* The cause goes away with the third; until then the level brings the interrupt back. */
static void on_level(unsigned vector)
{
	(void)vector;
	remote_in_handler += !!(ioapic_entry(PIN_COM1) & RTE_REMOTE);
	if (++levels >= REPEATS)
		out8(COM1_IER, 0);
	apic_end();
}

static bool ticked_enough(void)
{
	return ticks > TICKS;
}

static void let_in(void)
{
	interrupts_on();
	delay_us(5000);
	interrupts_off();
}

static void check_registers(void)
{
	check("pins", ioapic_read(IOAPIC_VERSION) >> 16 & 0xff, IOAPIC_PINS - 1);
	ioapic_write(IOAPIC_ID, 0x05000000);
	check("id", ioapic_read(IOAPIC_ID) & 0x0f000000, 0x05000000);
	ioapic_write(IOAPIC_ID, 0);
	check64("masked-at-first", ioapic_entry(0) & RTE_MASKED, RTE_MASKED);
	ioapic_set_entry(IOAPIC_PINS - 1, ~0ull);
	check64("entry-bits", ioapic_entry(IOAPIC_PINS - 1) & ~0x0000ff0000000000ull &
			      0xff0000000001ffffull, 0xff0000000001afffull);
	ioapic_set_entry(IOAPIC_PINS - 1, RTE_MASKED);
}

static uint32_t periods_us(void)
{
	ticks = 0;
	stopwatch_start(&since);
	interrupts_on();
	wait_until(ticked_enough, 3000000);
	interrupts_off();
	return muldiv(last_at - first_at, 1000000, PM_HZ);
}

static void check_edges(void)
{
	trap_handler[VECTOR_PIT] = on_pit;
	out8(0x43, 0x34);
	out8(0x40, (PIT_HZ / 100) & 0xff);
	out8(0x40, (PIT_HZ / 100) >> 8);
	ioapic_set_entry(PIN_PIT, (uint64_t)apic_id() << 56 | VECTOR_PIT);
	check_time("pit-at-pin-2", periods_us, TICKS * TICK_US, 5);
	ioapic_set_entry(PIN_PIT, RTE_MASKED | VECTOR_PIT);
	let_in();
	ticks = 0;
	interrupts_on();
	delay_us(5 * TICK_US);
	interrupts_off();
	check("masked", ticks, 0);
	out8(0x43, 0x30);
}

static void check_level(void)
{
	trap_handler[VECTOR_COM1] = on_level;
	out8(COM1_IER, 0);
	ioapic_set_entry(PIN_COM1, RTE_LEVEL | VECTOR_COM1);
	out8(COM1_IER, 0x02); /* the transmitter is empty, and stays so */
	let_in();
	check("level-repeats", levels, REPEATS);
	check("level-remote-irr", remote_in_handler, REPEATS);
	check64("level-ended", ioapic_entry(PIN_COM1) & RTE_REMOTE, 0);

	levels = REPEATS - 1;
	ioapic_set_entry(PIN_COM1, RTE_MASKED | RTE_LEVEL | VECTOR_COM1);
	out8(COM1_IER, 0x02);
	let_in();
	check("level-masked", levels, REPEATS - 1);
	ioapic_set_entry(PIN_COM1, RTE_LEVEL | VECTOR_COM1);
	let_in();
	check("level-waits-for-unmask", levels, REPEATS);

	levels = REPEATS - 1;
	ioapic_set_entry(PIN_COM1, VECTOR_COM1); /* an edge */
	out8(COM1_IER, 0x02);
	let_in();
	check("edge-once", levels, REPEATS);
	ioapic_set_entry(PIN_COM1, RTE_MASKED);
}

void guest_main(void)
{
	trap_init();
	pic_init();
	apic_on();
	check_registers();
	check_edges();
	check_level();
}
