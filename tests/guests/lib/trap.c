// SPDX-License-Identifier: GPL-2.0-only
/* The IDT and the 8259A pair. */
#include "trap.h"

#include "guest.h"
#include "io.h"

enum { CODE = GUEST_BITS == 64 ? 0x18 : 0x08, INTERRUPT_GATE = 0x8e, GATE_BYTES = 16 };
enum { PIC1 = 0x20, PIC2 = 0xa0, EXCEPTIONS = 32 };

struct gate {
	uint16_t offset_low, selector;
	uint8_t stack, type;
	uint16_t offset_middle;
#if GUEST_BITS == 64
	uint32_t offset_high, zero;
#endif
};

struct __attribute__((packed)) table_pointer {
	uint16_t limit;
	uintptr_t base;
};

extern const char first_gate[];
extern struct table_pointer idt_pointer;
void trap(unsigned vector, uintptr_t error, const uintptr_t *frame);

static struct gate idt[VECTORS];
struct table_pointer idt_pointer = { sizeof(idt) - 1, (uintptr_t)idt };
volatile uint32_t trap_count[VECTORS];
void (*trap_handler[VECTORS])(unsigned vector);
static bool auto_end;

void trap(unsigned vector, uintptr_t error, const uintptr_t *frame)
{
	trap_count[vector]++;
	if (trap_handler[vector]) {
		trap_handler[vector](vector);
	} else if (vector < EXCEPTIONS) {
		say("bad exception %u error %llx at %llx\n", vector, (unsigned long long)error,
		    (unsigned long long)frame[0]);
		guest_fail("exception");
	}
	if (auto_end && vector >= VECTOR_PIC && vector < VECTOR_PIC + 16)
		pic_end(vector - VECTOR_PIC);
}

void trap_init(void)
{
	for (unsigned v = 0; v < VECTORS; v++) {
		uintptr_t at = (uintptr_t)first_gate + v * GATE_BYTES;

		idt[v] = (struct gate){
			.offset_low = at,
			.selector = CODE,
			.type = INTERRUPT_GATE,
			.offset_middle = at >> 16,
		};
	}
	__asm__ volatile("lidt %0" : : "m"(idt_pointer));
}

void pic_init(void)
{
	static const uint8_t icw[][2] = { { 0x11, 0x11 },
					  { VECTOR_PIC, VECTOR_PIC + 8 },
					  { 0x04, 0x02 },
					  { 0x01, 0x01 },
					  { 0xff, 0xff } };

	for (unsigned i = 0; i < 5; i++) {
		out8(PIC1 + !!i, icw[i][0]);
		out8(PIC2 + !!i, icw[i][1]);
	}
	auto_end = true;
}

void pic_mask(unsigned irq, bool masked)
{
	uint16_t port = (irq < 8 ? PIC1 : PIC2) + 1;
	uint8_t bit = 1u << (irq & 7);

	out8(port, masked ? in8(port) | bit : in8(port) & ~bit);
	if (irq >= 8 && !masked)
		out8(PIC1 + 1, in8(PIC1 + 1) & ~4);
}

void pic_auto_end(bool on)
{
	auto_end = on;
}

void pic_end(unsigned irq)
{
	if (irq >= 8)
		out8(PIC2, 0x20);
	out8(PIC1, 0x20);
}
