// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two processors write at random places of a linear frame buffer, with pauses of all lengths. Then
 * both are still, and sums of what is in video memory are told, band by band: a viewer that was
 * there all the time must see the same. It checks nothing itself and goes on without writing.
 * Run by tests/system/test_vram.py.
 */
#include "apic.h"
#include "clock.h"
#include "guest.h"
#include "io.h"
#include "pci.h"
#include "smp.h"
#include "trap.h"

enum { VBE_INDEX = 0x1ce, VBE_DATA = 0x1d0 };
enum { XRES = 1, YRES, BPP, ENABLE, VBE_ON = 0x41 };
enum { WIDTH = 640, HEIGHT = 480, PIXELS = WIDTH * HEIGHT, BAND = 16 };
enum { ROUNDS = 2000, VECTOR_TIMER = 0x50, LIMIT_US = 600 * 1000000 };
#define LFB 0xe0000000u

static volatile uint32_t finished;

static void vbe(uint16_t index, uint16_t v)
{
	out16(VBE_INDEX, index);
	out16(VBE_DATA, v);
}

static void set_mode(void)
{
	unsigned fn = pci_find_class(0x0300);

	pci_write32(fn, PCI_BAR0, LFB);
	pci_write16(fn, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	vbe(XRES, WIDTH);
	vbe(YRES, HEIGHT);
	vbe(BPP, 32);
	vbe(ENABLE, VBE_ON);
	in8(0x3da);
	out8(0x3c0, 0x20); /* screen on */
}

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void on_timer(unsigned vector)
{
	(void)vector;
	apic_end();
}

/*
 * Asleep: the local APIC's clock runs at 1 GHz here. It goes on, as an emulated processor may take
 * an interrupt between STI and HLT.
 */
static void pause_us(uint32_t us)
{
	apic_write(APIC_TIMER_DIVIDE, 0xb);
	apic_write(APIC_LVT_TIMER, VECTOR_TIMER | LVT_PERIODIC);
	apic_write(APIC_TIMER_INITIAL, us * 1000);
	halt();
	apic_write(APIC_TIMER_INITIAL, 0);
}

static uint32_t some_pause(uint32_t *seed)
{
	switch (next(seed) % 8) {
	case 0 ... 3:
		return 100 + next(seed) % 1000;
	case 4 ... 5:
		return 4000 + next(seed) % 16000;
	default:
		return 25000 + next(seed) % 30000;
	}
}

/* Processor n has every second pixel, so that a page is written by both. */
static void scribble(unsigned n, uint32_t *seed)
{
	uint32_t at = next(seed) % (PIXELS / 2), count = 1 + next(seed) % 24;
	bool spread = next(seed) & 1;

	while (count--) {
		*mem32(LFB + (at * 2 + n) * 4) = next(seed);
		at = (spread ? next(seed) : at + 1) % (PIXELS / 2);
	}
}

static void work(unsigned n)
{
	uint32_t seed = 12345 + n;

	for (unsigned i = 0; i < ROUNDS; i++) {
		scribble(n, &seed);
		pause_us(some_pause(&seed));
	}
	__atomic_fetch_add(&finished, 1, __ATOMIC_SEQ_CST);
}

static void other(void)
{
	apic_on();
	work(1);
}

static uint32_t sum_of_band(unsigned y)
{
	uint32_t sum = 0;

	for (unsigned i = y * WIDTH; i < (y + BAND) * WIDTH; i++)
		sum = sum * 31 + (*mem32(LFB + i * 4) & 0xffffff);
	return sum;
}

static bool both_finished(void)
{
	return finished == 2;
}

void guest_main(void)
{
	trap_init();
	pic_init();
	apic_on();
	trap_handler[VECTOR_TIMER] = on_timer;
	set_mode();
	say("mode %u %u\n", WIDTH, HEIGHT);
	if (!smp_start(1, other))
		guest_fail("no second processor");
	work(0);
	if (!wait_until(both_finished, LIMIT_US))
		guest_fail("the second processor does not finish");
	for (unsigned y = 0; y < HEIGHT; y += BAND)
		say("band %u %u\n", y, sum_of_band(y));
	say("still\n");
	interrupts_off();
	for (;;)
		__asm__ volatile("hlt");
}
