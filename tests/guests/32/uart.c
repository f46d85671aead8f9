// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 16550A at COM1: registers, loopback, FIFO, interrupts. Results are told while the port is
 * as it should be for that.
 * Reference: National Semiconductor PC16550D data sheet, "Registers", "FIFO Operation".
 */
#include "clock.h"
#include "guest.h"
#include "io.h"
#include "trap.h"

enum { COM1 = 0x3f8, DATA = COM1, IER, IIR, LCR, MCR, LSR, MSR, SCR, FCR = IIR };
enum { IRQ_COM1 = 4, LOOP = 0x10, READY = 0x01, OVERRUN = 0x02, TX_EMPTY = 0x60, DLAB = 0x80 };
enum { IIR_MODEM = 0x00, IIR_NONE = 0x01, IIR_TX = 0x02, IIR_RX = 0x04, IIR_LINE = 0x06,
       IIR_TIMEOUT = 0x0c };
enum { FIFO_ON = 0x01, FIFO_CLEAR = 0x06, TRIGGER_8 = 0x80, LINES = 12 };

static volatile uint8_t cause[LINES];
static volatile unsigned causes;

/* Takes note of why, and removes the cause. */
static void on_com1(unsigned vector)
{
	uint8_t iir;

	(void)vector;
	while (!((iir = in8(IIR)) & IIR_NONE) && causes < LINES) {
		cause[causes++] = iir & 0x0f;
		if ((iir & 0x0f) == IIR_MODEM)
			in8(MSR);
		else if ((iir & 0x0f) == IIR_LINE)
			in8(LSR);
		else if ((iir & 0x0f) == IIR_RX || (iir & 0x0f) == IIR_TIMEOUT)
			while (in8(LSR) & READY)
				in8(DATA);
	}
}

static bool sent(void)
{
	return (in8(LSR) & TX_EMPTY) == TX_EMPTY;
}

static void send(uint8_t b)
{
	wait_until(sent, 100000);
	out8(DATA, b);
}

static bool ready(void)
{
	return in8(LSR) & READY;
}

static unsigned receive(void)
{
	return wait_until(ready, 100000) ? in8(DATA) : 0x100;
}

static void set_divisor(uint16_t v)
{
	uint8_t lcr = in8(LCR);

	out8(LCR, lcr | DLAB);
	out8(DATA, v);
	out8(IER, v >> 8);
	out8(LCR, lcr);
}

static void check_registers(void)
{
	uint8_t low, high;

	out8(SCR, 0x5a);
	check("scratch", in8(SCR), 0x5a);
	set_divisor(0x1234);
	out8(LCR, 0x03 | DLAB);
	low = in8(DATA);
	high = in8(IER);
	out8(LCR, 0x03);
	set_divisor(1);
	check("divisor-low", low, 0x34);
	check("divisor-high", high, 0x12);
	check("line-control", in8(LCR), 0x03);
	check("interrupt-enable-bits", (out8(IER, 0), in8(IER)), 0);
	check("transmitter-empty", (delay_us(2000), in8(LSR) & TX_EMPTY), TX_EMPTY);
}

static void check_loopback(void)
{
	unsigned first, second, delta;
	uint8_t lines;

	wait_until(sent, 100000);
	out8(FCR, 0);
	out8(MCR, LOOP);
	in8(MSR);
	send(0xa5);
	first = receive();
	send(0x5a);
	second = receive();
	out8(MCR, LOOP | 0x0b); /* OUT2, RTS, DTR: DCD, CTS, DSR */
	lines = in8(MSR);
	delta = in8(MSR);
	out8(MCR, 0x03);
	in8(MSR);
	check("loop-first", first, 0xa5);
	check("loop-second", second, 0x5a);
	check("loop-lines", lines & 0xf0, 0xb0);
	check("loop-changes", lines & 0x0f, 0x0b);
	check("changes-cleared", delta & 0x0f, 0);
}

static void check_fifo(void)
{
	unsigned in_order = 0, got, error;
	uint8_t id, no_fifo = in8(IIR) & 0xc0;

	wait_until(sent, 100000);
	out8(FCR, FIFO_ON | FIFO_CLEAR);
	id = in8(IIR) & 0xc0;
	out8(MCR, LOOP);
	for (unsigned i = 0; i < 16; i++)
		send(i + 1);
	delay_us(3000);
	error = in8(LSR) & OVERRUN;
	for (unsigned i = 0; i < 16; i++)
		in_order += receive() == i + 1;
	got = in8(LSR) & READY;
	out8(MCR, 0x03);
	check("no-fifo-id", no_fifo, 0);
	check("fifo-id", id, 0xc0);
	check("fifo-no-overrun", error, 0);
	check("fifo-in-order", in_order, 16);
	check("fifo-empty", got, 0);

	wait_until(sent, 100000);
	out8(MCR, LOOP);
	for (unsigned i = 0; i < 17; i++)
		send(i);
	delay_us(3000);
	error = in8(LSR) & OVERRUN;
	out8(FCR, FIFO_ON | FIFO_CLEAR);
	got = in8(LSR) & (READY | OVERRUN);
	out8(FCR, 0);
	out8(MCR, 0x03);
	check("fifo-overrun", error, OVERRUN);
	check("fifo-cleared", got, 0);
}

static void listen(uint8_t ier, uint8_t fcr)
{
	wait_until(sent, 100000);
	causes = 0;
	out8(MCR, LOOP | 0x08);
	out8(FCR, fcr);
	in8(MSR);
	in8(LSR);
	interrupts_on();
	out8(IER, ier);
}

static void stop(void)
{
	delay_us(5000);
	interrupts_off();
	out8(IER, 0);
	out8(FCR, FIFO_ON | FIFO_CLEAR);
	out8(FCR, 0);
	out8(MCR, 0x0b);
}

/* Slow enough that eight bytes are written within the time of four. */
static void check_trigger(void)
{
	set_divisor(48);
	listen(0x01, FIFO_ON | FIFO_CLEAR | TRIGGER_8);
	for (unsigned i = 0; i < 8; i++)
		out8(DATA, i);
	delay_us(5000);
	out8(DATA, 8);
	delay_us(40000);
	stop();
	set_divisor(1);
	check("trigger-and-time-out", causes, 2);
	check("trigger-cause", cause[0], IIR_RX);
	check("time-out-cause", cause[1], IIR_TIMEOUT);
}

static void check_interrupts(void)
{
	listen(0x02, 0);
	stop();
	check("tx-interrupt-when-enabled", causes, 1);
	check("tx-cause", cause[0], IIR_TX);
	listen(0x02, 0);
	delay_us(2000);
	out8(DATA, 'x');
	stop();
	check("tx-interrupt-after-byte", causes, 2);

	listen(0x01, 0);
	out8(DATA, 'x');
	stop();
	check("rx-interrupt", causes, 1);
	check("rx-cause", cause[0], IIR_RX);

	listen(0x04, 0);
	out8(DATA, 1);
	delay_us(500);
	out8(DATA, 2);
	stop();
	check("overrun-interrupt", cause[0], IIR_LINE);
	listen(0x08, 0);
	out8(MCR, LOOP | 0x0a);
	stop();
	check("modem-interrupt", causes, 1);
	check("modem-cause", cause[0], IIR_MODEM);
}

void guest_main(void)
{
	trap_init();
	pic_init();
	trap_handler[VECTOR_PIC + IRQ_COM1] = on_com1;
	pic_mask(IRQ_COM1, false);
	check_registers();
	check_loopback();
	check_fifo();
	check_trigger();
	check_interrupts();
}
