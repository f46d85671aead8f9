// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a BIOS does with memory between C0000 and 1 MiB, before there is one: the PAM registers in
 * all four states, the firmware's image in its two places, and A20.
 * Reference: Intel 82441FX (PMC), "PAM[6:0]"; Intel 82371SB (PIIX3), "Port 92 Register".
 */
#include "guest.h"
#include "io.h"
#include "pci.h"

enum { PAM0 = 0x59, CLOSED = 0x00, READ = 0x11, WRITE = 0x22, BOTH = 0x33 };
#define HIGH_IMAGE 0xfffe0000u
#define LOW_IMAGE  0x000e0000u

/* PAM1 to PAM6 cover 32 KiB each from C0000; PAM0's upper half is F0000 to the end. */
static void set_pam(uint32_t address, uint8_t attributes)
{
	if (address >= 0xf0000)
		pci_write8(PCI_HOST, PAM0, attributes & 0xf0);
	else
		pci_write8(PCI_HOST, PAM0 + 1 + (address - 0xc0000) / 0x8000, attributes);
}

static void check_segment(const char *where, uint32_t address, uint32_t closed)
{
	bool good;

	say("note %s at %x\n", where, address);
	set_pam(address, BOTH);
	*mem32(address) = 0x11111111;
	check("memory", *mem32(address), 0x11111111);
	set_pam(address, CLOSED);
	check("closed", *mem32(address), closed);
	*mem32(address) = 0x22222222;
	set_pam(address, WRITE);
	good = *mem32(address) == closed;
	*mem32(address) = 0x33333333;
	check_true("write-only-reads-rom", good && *mem32(address) == closed);
	set_pam(address, READ);
	check("written-through", *mem32(address), 0x33333333);
	*mem32(address) = 0x44444444;
	check("read-only", *mem32(address), 0x33333333);
	set_pam(address, BOTH);
	check("both", *mem32(address), 0x33333333);
	set_pam(address, CLOSED);
}

/* A BIOS copies itself: reads ROM and writes memory at the same address. */
static void check_copy(void)
{
	unsigned same = 0;

	set_pam(0xf0000, WRITE);
	for (uint32_t a = 0xff000; a < 0x100000; a += 4)
		*mem32(a) = *mem32(a);
	set_pam(0xf0000, READ);
	for (uint32_t a = 0xff000; a < 0x100000; a += 4)
		same += *mem32(a) == *mem32(a + (HIGH_IMAGE - LOW_IMAGE));
	check("copied", same, 0x1000 / 4);
	set_pam(0xf0000, CLOSED);
}

static void check_image(void)
{
	uint32_t first = *mem32(HIGH_IMAGE);

	check("reset-vector", *mem8(0xfffffff0u), 0xea);
	check("low-image", *mem32(LOW_IMAGE), first);
	check("low-reset-vector", *mem8(0xffff0), 0xea);
	*mem32(HIGH_IMAGE) = ~first;
	check("image-is-rom", *mem32(HIGH_IMAGE), first);
}

static void check_a20(void)
{
	*mem32(0x500) = 0x55555555;
	*mem32(0x100500) = 0xaaaaaaaa;
	check("a20-on-at-first", in8(0x92) & 2, 2);
	check("no-wrap", *mem32(0x500), 0x55555555);
	out8(0x92, in8(0x92) & ~2);
	check("a20-bit-off", in8(0x92) & 3, 0);
	check("wrap", *mem32(0x100500), 0x55555555);
	*mem32(0x100500) = 0x66666666;
	check("written-around", *mem32(0x500), 0x66666666);
	out8(0x92, in8(0x92) | 2);
	check("a20-bit-on", in8(0x92) & 3, 2);
	check("no-wrap-again", *mem32(0x100500), 0xaaaaaaaa);
}

void guest_main(void)
{
	check_image();
	check_segment("video-bios", 0xc0000, UINT32_MAX);
	check_segment("option-rom", 0xd8000, UINT32_MAX);
	check_segment("extension", 0xe8000, *mem32(0xe8000));
	check_segment("system-bios", 0xf4000, *mem32(0xf4000));
	check_copy();
	check_a20();
}
