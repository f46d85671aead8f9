// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8042 with keyboard and mouse: self test, command byte, translation, scan code sets, LEDs,
 * identities, the IntelliMouse knock, IRQ 1 and 12.
 * Reference: IBM PS/2 Hardware Interface Technical Reference, "Keyboard/Auxiliary Device
 * Controller", "Keyboards", "Auxiliary Device".
 */
#include "clock.h"
#include "guest.h"
#include "io.h"
#include "trap.h"

enum { DATA = 0x60, COMMAND = 0x64, OBF = 0x01, IBF = 0x02, AUX = 0x20 };
enum { CTR_KBD_IRQ = 0x01, CTR_AUX_IRQ = 0x02, CTR_SYSTEM = 0x04, CTR_TRANSLATE = 0x40 };
enum { ACK = 0xfa, RESEND = 0xfe, BAT_OK = 0xaa, NOTHING = 0x100 };
enum { IRQ_KBD = 1, IRQ_MOUSE = 12 };

static volatile unsigned from_irq1, from_irq12, status_irq12;

static bool full(void)
{
	return in8(COMMAND) & OBF;
}

static bool can_write(void)
{
	return !(in8(COMMAND) & IBF);
}

static void command(uint8_t c)
{
	wait_until(can_write, 100000);
	out8(COMMAND, c);
}

static void data(uint8_t d)
{
	wait_until(can_write, 100000);
	out8(DATA, d);
}

static unsigned answer(void)
{
	return wait_until(full, 100000) ? in8(DATA) : NOTHING;
}

static unsigned controller(uint8_t c)
{
	command(c);
	return answer();
}

static unsigned keyboard(uint8_t c)
{
	data(c);
	return answer();
}

static unsigned mouse(uint8_t c)
{
	command(0xd4);
	data(c);
	return answer();
}

static void set_ctr(uint8_t v)
{
	command(0x60);
	data(v);
}

static void check_controller(void)
{
	check("self-test", controller(0xaa), 0x55);
	check("system-flag", in8(COMMAND) & CTR_SYSTEM, CTR_SYSTEM);
	check("keyboard-line", controller(0xab), 0);
	check("mouse-line", controller(0xa9), 0);
	set_ctr(CTR_SYSTEM);
	check("command-byte", controller(0x20), CTR_SYSTEM);
	command(0xad);
	check("keyboard-off", controller(0x20), CTR_SYSTEM | 0x10);
	command(0xae);
	command(0xa7);
	check("mouse-off", controller(0x20), CTR_SYSTEM | 0x20);
	command(0xa8);
	check("both-on", controller(0x20), CTR_SYSTEM);
	command(0x61);
	data(0x5a);
	check("ram", controller(0x21), 0x5a);
	check("no-password", controller(0xa4), 0xf1);
	command(0xd1);
	data(0xdf);
	check("output-port-a20", controller(0xd0) & 0x03, 0x03);
	command(0xd1);
	data(0xdd);
	check("output-port-no-a20", controller(0xd0) & 0x03, 0x01);
	command(0xdf);
	check("a20-command", controller(0xd0) & 0x03, 0x03);
	command(0xd3);
	data(0x77);
	check_true("aux-buffer-full", wait_until(full, 100000));
	check("aux-flag", in8(COMMAND) & AUX, AUX);
	check("aux-buffer", answer(), 0x77);
	check("empty", in8(COMMAND) & OBF, 0);
}

static void check_keyboard(void)
{
	check("echo", keyboard(0xee), 0xee);
	check("reset", keyboard(0xff), ACK);
	check("reset-done", answer(), BAT_OK);
	check("identify", keyboard(0xf2), ACK);
	check("id-1", answer(), 0xab);
	check("id-2", answer(), 0x83);
	check("disable", keyboard(0xf5), ACK);
	check("leds", keyboard(0xed), ACK);
	check("leds-value", keyboard(0x07), ACK);
	check("rate", keyboard(0xf3), ACK);
	check("rate-value", keyboard(0x20), ACK);
	check("unknown-command", keyboard(0xef), RESEND);
	check("resend", keyboard(0xee), 0xee);
	check("resend-again", keyboard(0xfe), 0xee);
	check("enable", keyboard(0xf4), ACK);
}

static unsigned scan_set(void)
{
	keyboard(0xf0);
	keyboard(0);
	return answer();
}

static void check_scan_sets(void)
{
	check("set-default", scan_set(), 2);
	for (unsigned set = 1; set <= 3; set++) {
		keyboard(0xf0);
		check("set-choose", keyboard(set), ACK);
		check("set-chosen", scan_set(), set);
	}
	check("defaults", keyboard(0xf6), ACK);
	set_ctr(CTR_SYSTEM | CTR_TRANSLATE);
	keyboard(0xf0);
	keyboard(2);
	check("set-translated", scan_set(), 0x41);
	check("identify-translated", keyboard(0xf2), ACK);
	check("id-translated-1", answer(), 0xab);
	check("id-translated-2", answer(), 0x41);
	set_ctr(CTR_SYSTEM);
	check("nothing-more", in8(COMMAND) & OBF, 0);
}

static void mouse_rate(uint8_t rate)
{
	mouse(0xf3);
	mouse(rate);
}

static unsigned mouse_id(void)
{
	check("mouse-identify", mouse(0xf2), ACK);
	return answer();
}

static void check_mouse(void)
{
	check("mouse-reset", mouse(0xff), ACK);
	check("mouse-reset-done", answer(), BAT_OK);
	check("mouse-reset-id", answer(), 0);
	check("mouse-id", mouse_id(), 0);
	mouse_rate(200);
	mouse_rate(100);
	mouse_rate(80);
	check("intellimouse", mouse_id(), 3);
	mouse_rate(200);
	mouse_rate(200);
	mouse_rate(80);
	check("explorer", mouse_id(), 4);
	check("mouse-resolution", mouse(0xe8), ACK);
	check("mouse-resolution-value", mouse(3), ACK);
	check("mouse-enable", mouse(0xf4), ACK);
	check("mouse-status", mouse(0xe9), ACK);
	check("mouse-status-1", answer(), 0x20);
	check("mouse-status-2", answer(), 3);
	check("mouse-status-3", answer(), 80);
	check("mouse-read", mouse(0xeb), ACK);
	check("mouse-packet-1", answer(), 0x08);
	check("mouse-packet-2", answer(), 0);
	check("mouse-packet-3", answer(), 0);
	check("mouse-packet-4", answer(), 0);
	check("mouse-defaults", mouse(0xf6), ACK);
}

static void on_kbd(unsigned vector)
{
	(void)vector;
	from_irq1 = from_irq1 << 8 | in8(DATA);
}

static void on_mouse(unsigned vector)
{
	(void)vector;
	status_irq12 = in8(COMMAND);
	from_irq12 = from_irq12 << 8 | in8(DATA);
}

/* Each byte is an interrupt of its own. */
static void check_interrupts(void)
{
	trap_handler[VECTOR_PIC + IRQ_KBD] = on_kbd;
	trap_handler[VECTOR_PIC + IRQ_MOUSE] = on_mouse;
	pic_mask(IRQ_KBD, false);
	pic_mask(IRQ_MOUSE, false);
	set_ctr(CTR_SYSTEM | CTR_KBD_IRQ | CTR_AUX_IRQ);
	interrupts_on();
	data(0xf2);
	delay_us(20000);
	command(0xd4);
	data(0xf2);
	delay_us(20000);
	set_ctr(CTR_SYSTEM);
	data(0xee);
	delay_us(20000);
	interrupts_off();
	check("irq1-bytes", from_irq1, 0xfaab83);
	check("irq1-count", irq_count(IRQ_KBD), 3);
	check("irq12-bytes", from_irq12, 0xfa04);
	check("irq12-count", irq_count(IRQ_MOUSE), 2);
	check("irq12-status", status_irq12 & (AUX | OBF), AUX | OBF);
	check("polled-while-off", answer(), 0xee);
}

void guest_main(void)
{
	trap_init();
	pic_init();
	check_controller();
	check_keyboard();
	check_scan_sets();
	check_mouse();
	check_interrupts();
}
