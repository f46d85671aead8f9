// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two processors write at random places of a linear frame buffer, with pauses of all lengths, until
 * a key is pressed or it has been enough. Then both are still, and sums of what is in video memory
 * are told, band by band: a viewer that was there all the time must see the same. It checks nothing
 * itself and goes on without writing. Run by tests/system/vram_here.py.
 */
#include "apic.h"
#include "clock.h"
#include "guest.h"
#include "io.h"
#include "pause.h"
#include "pci.h"
#include "smp.h"
#include "trap.h"

enum { VBE_INDEX = 0x1ce, VBE_DATA = 0x1d0 };
enum { XRES = 1, YRES, BPP, ENABLE, VBE_ON = 0x41 };
enum { WIDTH = 640, HEIGHT = 480, PIXELS = WIDTH * HEIGHT, BAND = 16 };
enum { KEYBOARD_STATUS = 0x64, KEYBOARD_FULL = 0x01 };
enum { ROUNDS = 2000, LIMIT_US = 600 * 1000000 };
#define LFB 0xe0000000u

static volatile uint32_t finished, enough;

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

/* Processor n has every second pixel, so that a page is written by both. */
static void scribble(unsigned n, uint32_t *seed)
{
	uint32_t at = random_next(seed) % (PIXELS / 2), count = 1 + random_next(seed) % 24;
	bool spread = random_next(seed) & 1;

	while (count--) {
		*mem32(LFB + (at * 2 + n) * 4) = random_next(seed);
		at = (spread ? random_next(seed) : at + 1) % (PIXELS / 2);
	}
}

static void work(unsigned n)
{
	uint32_t seed = 12345 + n;

	for (unsigned i = 0; i < ROUNDS && !enough; i++) {
		scribble(n, &seed);
		random_pause(&seed);
		enough |= in8(KEYBOARD_STATUS) & KEYBOARD_FULL;
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
