/* SPDX-License-Identifier: GPL-2.0-only */
/* The firmware's services, for 16-bit guests. */
#ifndef GUESTS_BIOS_H
#define GUESTS_BIOS_H

#include <stdint.h>

struct bios_regs {
	uint32_t eax, ebx, ecx, edx, esi, edi, ebp;
	uint16_t es, flags;
};
enum { FLAG_CARRY = 0x01, FLAG_ZERO = 0x40 };

void bios(unsigned n, struct bios_regs *r);

/* Bytes anywhere below 1 MiB, through FS: one segment reaches no farther than 64 KiB. */
static inline uint8_t far_read(uint16_t segment, uint16_t off)
{
	uint8_t v;

	__asm__ volatile("movw %1, %%fs; movb %%fs:(%2), %0"
			 : "=q"(v)
			 : "r"(segment), "b"((uint32_t)off)
			 : "memory");
	return v;
}

static inline void far_write(uint16_t segment, uint16_t off, uint8_t v)
{
	__asm__ volatile("movw %1, %%fs; movb %0, %%fs:(%2)"
			 :
			 : "q"(v), "r"(segment), "b"((uint32_t)off)
			 : "memory");
}

#endif
