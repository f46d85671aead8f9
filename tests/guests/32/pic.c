// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two 8259A: masks, requests, priorities, ends of interrupts, modes. The keyboard controller
 * and the serial port serve as interrupts that can be made at will.
 * Reference: Intel 8259A data sheet, "Operation Command Words"; Intel 82371SB, "ELCR".
 */
#include "clock.h"
#include "guest.h"
#include "io.h"
#include "trap.h"

enum { PIC1 = 0x20, PIC2 = 0xa0, ELCR = 0x4d0 };
enum { KBC_DATA = 0x60, KBC_COMMAND = 0x64, COM1_IER = 0x3f9, COM1_IIR = 0x3fa };
enum { IRQ_KBD = 1, IRQ_COM1 = 4, IRQ_MOUSE = 12 };
enum { EOI = 0x20, EOI_SPECIFIC = 0x60, EOI_ROTATE = 0xa0, SET_PRIORITY = 0xc0 };
enum { READ_IRR = 0x0a, READ_ISR = 0x0b, POLL = 0x0c, SPECIAL_MASK = 0x68, NORMAL_MASK = 0x48 };

static uint8_t order[8], served, in_service1, in_service2;
static unsigned level_repeats;

static uint8_t read_pic(uint16_t pic, uint8_t what)
{
	out8(pic, what);
	return in8(pic);
}

static void raise_kbd(void)
{
	out8(KBC_COMMAND, 0xd2);
	out8(KBC_DATA, 0x11);
}

static void raise_mouse(void)
{
	out8(KBC_COMMAND, 0xd3);
	out8(KBC_DATA, 0x22);
}

static void raise_com1(void)
{
	out8(COM1_IER, 0x02);
}

static void quiet(unsigned irq)
{
	if (irq == IRQ_COM1) {
		in8(COM1_IIR);
		out8(COM1_IER, 0);
	} else {
		in8(KBC_DATA);
	}
}

/* Takes the cause away and leaves the end to whoever set this up. */
static void note(unsigned vector)
{
	unsigned irq = vector - VECTOR_PIC;

	in_service1 = read_pic(PIC1, READ_ISR);
	in_service2 = read_pic(PIC2, READ_ISR);
	if (served < sizeof(order))
		order[served++] = irq;
	quiet(irq);
}

static void let_in(void)
{
	interrupts_on();
	delay_us(2000);
	interrupts_off();
}

static void set_up(bool auto_end)
{
	quiet(IRQ_COM1);
	quiet(IRQ_KBD);
	pic_init();
	pic_auto_end(auto_end);
	for (unsigned irq = 0; irq < 16; irq++)
		trap_handler[VECTOR_PIC + irq] = note;
	served = 0;
	pic_mask(IRQ_KBD, false);
	pic_mask(IRQ_COM1, false);
	pic_mask(IRQ_MOUSE, false);
}

static void check_masks(void)
{
	set_up(true);
	out8(PIC1 + 1, 0xa5);
	out8(PIC2 + 1, 0x5a);
	check("mask-1", in8(PIC1 + 1), 0xa5);
	check("mask-2", in8(PIC2 + 1), 0x5a);
	out8(PIC1 + 1, 0xff);
	raise_kbd();
	let_in();
	check("masked-not-taken", served, 0);
	check("masked-requests", read_pic(PIC1, READ_IRR) & 0x02, 0x02);
	out8(PIC1 + 1, 0xfd);
	let_in();
	check("unmasked-taken", served, 1);
	check("request-gone", read_pic(PIC1, READ_IRR) & 0x02, 0);
	check("in-service", in_service1, 0x02);
	check("ended", read_pic(PIC1, READ_ISR), 0);
	raise_kbd();
	quiet(IRQ_KBD);
	let_in();
	check("withdrawn", served, 1);
}

static void check_priorities(void)
{
	set_up(true);
	raise_com1();
	raise_kbd();
	let_in();
	check("two-served", served, 2);
	check("higher-first", order[0], IRQ_KBD);
	check("lower-second", order[1], IRQ_COM1);

	served = 0;
	raise_com1();
	raise_mouse();
	let_in();
	check("cascade-first", order[0], IRQ_MOUSE);
	check("cascade-then", order[1], IRQ_COM1);
	raise_mouse();
	let_in();
	check("cascade-in-service-1", in_service1, 0x04);
	check("cascade-in-service-2", in_service2, 0x10);
}

static void check_ends(void)
{
	set_up(false);
	raise_kbd();
	let_in();
	raise_com1();
	let_in();
	check("held-back-until-end", served, 1);
	out8(PIC1, EOI);
	let_in();
	check("let-in-after-end", served, 2);
	raise_kbd();
	let_in();
	check("higher-nests", served, 3);
	check("nested-in-service", in_service1, 0x12);
	out8(PIC1, EOI_SPECIFIC | IRQ_COM1);
	check("specific-end", read_pic(PIC1, READ_ISR), 0x02);
	out8(PIC1, EOI);
	check("end", read_pic(PIC1, READ_ISR), 0);
}

static void check_rotation(void)
{
	set_up(false);
	raise_kbd();
	let_in();
	out8(PIC1, EOI_ROTATE); /* the keyboard is the lowest now */
	served = 0;
	raise_kbd();
	raise_com1();
	let_in();
	check("rotated-first", order[0], IRQ_COM1);
	check("rotated-holds", served, 1);
	out8(PIC1, EOI_SPECIFIC | IRQ_COM1);
	let_in();
	check("rotated-second", order[1], IRQ_KBD);
	out8(PIC1, EOI);
	out8(PIC1, SET_PRIORITY | 7);
	served = 0;
	raise_com1();
	raise_kbd();
	let_in();
	check("priority-set-back", order[0], IRQ_KBD);
}

static void check_modes(void)
{
	set_up(false);
	raise_kbd();
	out8(PIC1, POLL);
	check("poll", in8(PIC1), 0x81);
	check("poll-in-service", read_pic(PIC1, READ_ISR), 0x02);
	out8(PIC1, EOI);
	out8(PIC1, POLL);
	check("poll-nothing", in8(PIC1) & 0x80, 0);
	quiet(IRQ_KBD);

	raise_kbd();
	let_in();
	pic_mask(IRQ_KBD, true);
	out8(PIC1, SPECIAL_MASK);
	raise_com1();
	let_in();
	check("special-mask-lets-in", served, 2);
	out8(PIC1, NORMAL_MASK);

	set_up(false);
	out8(PIC1, 0x11);
	out8(PIC1 + 1, VECTOR_PIC);
	out8(PIC1 + 1, 0x04);
	out8(PIC1 + 1, 0x03); /* ends by itself */
	check("icw1-clears-mask", in8(PIC1 + 1), 0);
	out8(PIC1 + 1, 0xfd);
	raise_kbd();
	let_in();
	check("auto-end-taken", served, 1);
	check("auto-end", in_service1, 0);
}

static void on_level(unsigned vector)
{
	(void)vector;
	if (++level_repeats == 3)
		out8(COM1_IER, 0);
}

/* The cause stays until the third: an edge would come once, a level comes again after each end. */
static void check_level(void)
{
	set_up(true);
	trap_handler[VECTOR_PIC + IRQ_COM1] = on_level;
	raise_com1();
	let_in();
	check("edge-once", level_repeats, 1);
	out8(COM1_IER, 0);
	out8(ELCR, 1 << IRQ_COM1);
	check("elcr", in8(ELCR), 1 << IRQ_COM1);
	level_repeats = 0;
	raise_com1();
	let_in();
	check("level-repeats", level_repeats, 3);
	out8(ELCR, 0xff);
	check("elcr-fixed", in8(ELCR) & 0x07, 0);
	out8(ELCR, 0);
}

void guest_main(void)
{
	trap_init();
	out8(KBC_COMMAND, 0x60);
	out8(KBC_DATA, 0x03);
	check_masks();
	check_priorities();
	check_ends();
	check_rotation();
	check_modes();
	check_level();
}
