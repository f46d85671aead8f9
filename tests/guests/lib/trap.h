/* SPDX-License-Identifier: GPL-2.0-only */
/* Interrupts in 32- and 64-bit guests: the IDT, counts by vector, and the two 8259A. */
#ifndef GUESTS_TRAP_H
#define GUESTS_TRAP_H

#include <stdbool.h>
#include <stdint.h>

enum { VECTOR_PIC = 0x20, VECTORS = 256 };

extern volatile uint32_t trap_count[VECTORS];
/* Called after counting. An exception that has none ends the guest. */
extern void (*trap_handler[VECTORS])(unsigned vector);

void trap_init(void);

/* IRQ 0 to 15 become vectors 0x20 to 0x2f, all masked. */
void pic_init(void);
void pic_mask(unsigned irq, bool masked);
/* Off: handlers do it themselves. On after pic_init(). */
void pic_auto_end(bool on);
void pic_end(unsigned irq);

static inline uint32_t irq_count(unsigned irq)
{
	return trap_count[VECTOR_PIC + irq];
}

#endif
