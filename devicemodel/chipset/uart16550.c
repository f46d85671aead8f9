// SPDX-License-Identifier: GPL-2.0-only
/*
 * A 16550A serial port: both FIFOs, loopback, all interrupt sources.
 *
 * State: the registers and the receive FIFO. A byte is sent the moment it is written, so the
 * transmitter is always empty. Missing: modem lines from outside (a connected, ready peer is
 * shown), break and line errors from outside. Ignored: DMA mode; word length and parity, apart
 * from the time-out's length; OUT2, which on a PC gates the interrupt: small kernels that leave it
 * low would hear nothing.
 * Reference: National Semiconductor PC16550D data sheet, "Registers" and "FIFO Interrupt Mode
 * Operation".
 */
#include <errno.h>
#include <string.h>

#include "dm/chardev.h"
#include "dm/device.h"
#include "dm/parts.h"

enum {
	REG_DATA,	/* receive and transmit; divisor low with DLAB */
	REG_IER,	/* divisor high with DLAB */
	REG_IIR,	/* written: FCR */
	REG_LCR,
	REG_MCR,
	REG_LSR,
	REG_MSR,
	REG_SCR,
	REG_SPAN
};

enum { IER_RX = 0x01, IER_TX = 0x02, IER_LINE = 0x04, IER_MODEM = 0x08, IER_ALL = 0x0f };
enum { IIR_MODEM = 0x00, IIR_NONE = 0x01, IIR_TX = 0x02, IIR_RX = 0x04, IIR_LINE = 0x06,
       IIR_TIMEOUT = 0x0c, IIR_FIFO = 0xc0 };
enum { FCR_ENABLE = 0x01, FCR_CLEAR_RX = 0x02, FCR_TRIGGER = 0xc0, FCR_KEPT = 0xc9 };
enum { LCR_LENGTH = 0x03, LCR_STOP2 = 0x04, LCR_PARITY = 0x08, LCR_BREAK = 0x40,
       LCR_DLAB = 0x80 };
enum { MCR_DTR = 0x01, MCR_RTS = 0x02, MCR_OUT1 = 0x04, MCR_OUT2 = 0x08, MCR_LOOP = 0x10,
       MCR_ALL = 0x1f };
enum { LSR_READY = 0x01, LSR_OVERRUN = 0x02, LSR_PARITY = 0x04, LSR_FRAMING = 0x08,
       LSR_BREAK = 0x10, LSR_TX_EMPTY = 0x60, LSR_FIFO_ERROR = 0x80 };
enum { LSR_OF_BYTE = LSR_PARITY | LSR_FRAMING | LSR_BREAK,
       LSR_ERRORS = LSR_OVERRUN | LSR_OF_BYTE };
enum { MSR_RING_ENDED = 0x04, MSR_CHANGES = 0x0f, MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RING = 0x40,
       MSR_DCD = 0x80 };

enum { FIFO_LEN = 16, DIVISOR_RESET = 12, TIMEOUT_CHARS = 4 };
#define CLOCK_HZ 115200ull		/* the crystal, after the fixed division by 16 */
#define TIMEOUT_MAX (100 * NS_PER_MS)	/* for divisors that nothing real uses */

struct uart16550 {
	struct device dev;
	struct region io;
	struct irq_line irq;
	struct chardev *chr;
	struct timer timeout;		/* data below the trigger level that nobody fetches */
	uint8_t ier, fcr, lcr, mcr, scr;
	uint8_t lsr;			/* errors not yet read; the rest is computed */
	uint8_t msr;
	uint8_t divisor[2];
	uint8_t tx_pending;		/* "transmitter empty" has not been seen in IIR */
	uint8_t timeout_pending;
	uint8_t rx[FIFO_LEN];
	uint8_t rx_error[FIFO_LEN];	/* LSR_OF_BYTE bits that came with the byte */
	uint8_t rx_first, rx_count;
};

/* --- interrupt ----------------------------------------------------------------------------- */

static unsigned trigger_level(const struct uart16550 *u)
{
	static const uint8_t level[] = { 1, 4, 8, 14 };

	return u->fcr & FCR_ENABLE ? level[(u->fcr & FCR_TRIGGER) >> 6] : 1;
}

/* The interrupt of the highest priority, as IIR names it. */
static uint8_t interrupt_source(const struct uart16550 *u)
{
	if (u->ier & IER_LINE && u->lsr & LSR_ERRORS)
		return IIR_LINE;
	if (u->ier & IER_RX && u->rx_count >= trigger_level(u))
		return IIR_RX;
	if (u->ier & IER_RX && u->timeout_pending)
		return IIR_TIMEOUT;
	if (u->ier & IER_TX && u->tx_pending)
		return IIR_TX;
	if (u->ier & IER_MODEM && u->msr & MSR_CHANGES)
		return IIR_MODEM;
	return IIR_NONE;
}

static void uart_update_irq(struct uart16550 *u)
{
	irq_set(&u->irq, interrupt_source(u) != IIR_NONE);
}

/* --- receiver ------------------------------------------------------------------------------ */

/* Four characters' time: start, data, parity and stop bits at the programmed rate. */
static uint64_t timeout_ns(const struct uart16550 *u)
{
	unsigned divisor = u->divisor[0] | u->divisor[1] << 8;
	unsigned bits = 1 + 5 + (u->lcr & LCR_LENGTH) + 1;
	uint64_t ns;

	bits += !!(u->lcr & LCR_STOP2) + !!(u->lcr & LCR_PARITY);
	ns = muldiv64(TIMEOUT_CHARS * bits * NS_PER_SEC, divisor ? divisor : 1, CLOCK_HZ);
	return ns < TIMEOUT_MAX ? ns : TIMEOUT_MAX;
}

/* The timer runs only where its end would be an interrupt; each byte in or out starts it anew. */
static void restart_timeout(struct uart16550 *u)
{
	if (u->fcr & FCR_ENABLE && u->ier & IER_RX && u->rx_count && !u->timeout_pending &&
	    u->rx_count < trigger_level(u))
		timer_arm_in(&u->timeout, timeout_ns(u));
	else
		timer_cancel(&u->timeout);
}

static void uart_timeout(void *dev)
{
	struct uart16550 *u = dev;

	u->timeout_pending = u->rx_count != 0;
	uart_update_irq(u);
}

static unsigned rx_capacity(const struct uart16550 *u)
{
	return u->fcr & FCR_ENABLE ? FIFO_LEN : 1;
}

/* The errors of a byte show once it is the next to be read. */
static void show_error(struct uart16550 *u)
{
	if (u->rx_count)
		u->lsr |= u->rx_error[u->rx_first];
}

static void rx_put(struct uart16550 *u, uint8_t b, uint8_t error)
{
	unsigned at = (u->rx_first + u->rx_count) % FIFO_LEN;

	if (u->rx_count >= rx_capacity(u)) {
		u->lsr |= LSR_OVERRUN;
		if (u->fcr & FCR_ENABLE)
			return;	/* the FIFO stays, the newcomer is lost */
		at = u->rx_first;
		u->rx_count = 0;
	}
	u->rx[at] = b;
	u->rx_error[at] = error;
	u->rx_count++;
	if (u->rx_count == 1)
		show_error(u);
}

static void rx_clear(struct uart16550 *u)
{
	memset(u->rx, 0, sizeof(u->rx));
	memset(u->rx_error, 0, sizeof(u->rx_error));
	u->rx_first = 0;
	u->rx_count = 0;
	u->timeout_pending = 0;
	timer_cancel(&u->timeout);
}

static uint8_t rx_get(struct uart16550 *u)
{
	uint8_t b = u->rx[u->rx_first];

	if (!u->rx_count)
		return b;
	u->rx_error[u->rx_first] = 0;
	u->rx_count--;
	if (u->rx_count) {
		u->rx_first = (u->rx_first + 1) % FIFO_LEN;
		show_error(u);
	}
	u->timeout_pending = 0;
	restart_timeout(u);
	uart_update_irq(u);
	if (!u->rx_count)
		chr_rx_ready(u->chr);
	return b;
}

/* What a chardev brings: as much as there is room for, nothing while the line is looped back. */
static size_t uart_receive(void *dev, const uint8_t *p, size_t n)
{
	struct uart16550 *u = dev;
	size_t taken = 0;

	if (u->mcr & MCR_LOOP)
		return 0;
	while (taken < n && u->rx_count < rx_capacity(u))
		rx_put(u, p[taken++], 0);
	if (taken) {
		u->timeout_pending = 0;
		restart_timeout(u);
		uart_update_irq(u);
	}
	return taken;
}

/* --- transmitter and modem lines ----------------------------------------------------------- */

/* Empty again at once; the line goes low in between, so that each byte brings an edge. */
static void transmit(struct uart16550 *u, uint8_t b)
{
	u->tx_pending = 0;
	uart_update_irq(u);
	if (u->mcr & MCR_LOOP) {
		rx_put(u, b, 0);
		u->timeout_pending = 0;
		restart_timeout(u);
	} else {
		chr_write(u->chr, &b, 1);
	}
	u->tx_pending = 1;
	uart_update_irq(u);
}

static uint8_t modem_lines(const struct uart16550 *u)
{
	uint8_t v = 0;

	if (!(u->mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	if (u->mcr & MCR_RTS)
		v |= MSR_CTS;
	if (u->mcr & MCR_DTR)
		v |= MSR_DSR;
	if (u->mcr & MCR_OUT1)
		v |= MSR_RING;
	if (u->mcr & MCR_OUT2)
		v |= MSR_DCD;
	return v;
}

/* Ring tells of its end only, the other three of every change. */
static void update_modem(struct uart16550 *u)
{
	uint8_t now = modem_lines(u);
	uint8_t changed = (now ^ u->msr) & ~MSR_CHANGES;

	if (now & MSR_RING)
		changed &= ~MSR_RING;
	u->msr = now | (u->msr & MSR_CHANGES) | changed >> 4;
}

static void write_mcr(struct uart16550 *u, uint8_t v)
{
	bool looped = u->mcr & MCR_LOOP;

	u->mcr = v & MCR_ALL;
	update_modem(u);
	uart_update_irq(u);
	if (looped && !(v & MCR_LOOP))
		chr_rx_ready(u->chr);
}

/* --- other registers ----------------------------------------------------------------------- */

/* Turning the transmit interrupt on asks anew whether the transmitter is empty: it is. */
static void write_ier(struct uart16550 *u, uint8_t v)
{
	uint8_t turned_on = v & ~u->ier;

	u->ier = v & IER_ALL;
	if (turned_on & IER_TX)
		u->tx_pending = 1;
	restart_timeout(u);
	uart_update_irq(u);
}

static void write_fcr(struct uart16550 *u, uint8_t v)
{
	bool switched = (v ^ u->fcr) & FCR_ENABLE;
	bool cleared = switched || (v & FCR_ENABLE && v & FCR_CLEAR_RX);

	/* without its enable bit, nothing else of it counts */
	u->fcr = v & FCR_ENABLE ? v & FCR_KEPT : 0;
	if (cleared)
		rx_clear(u);
	restart_timeout(u);
	uart_update_irq(u);
	if (cleared)
		chr_rx_ready(u->chr);
}

static uint8_t read_iir(struct uart16550 *u)
{
	uint8_t v = interrupt_source(u);

	if (v == IIR_TX) {
		u->tx_pending = 0;
		uart_update_irq(u);
	}
	return u->fcr & FCR_ENABLE ? v | IIR_FIFO : v;
}

/* A break that loops back arrives as a zero byte without a stop bit. */
static void write_lcr(struct uart16550 *u, uint8_t v)
{
	bool broken = v & ~u->lcr & LCR_BREAK;

	u->lcr = v;
	if (broken && u->mcr & MCR_LOOP) {
		rx_put(u, 0, LSR_BREAK | LSR_FRAMING);
		restart_timeout(u);
		uart_update_irq(u);
	}
}

static uint8_t read_lsr(struct uart16550 *u)
{
	uint8_t v = u->lsr | LSR_TX_EMPTY;

	if (u->rx_count)
		v |= LSR_READY;
	if (u->fcr & FCR_ENABLE)
		for (unsigned i = 0; i < FIFO_LEN; i++)
			if (u->rx_error[i])
				v |= LSR_FIFO_ERROR;
	if (u->rx_count)
		u->rx_error[u->rx_first] = 0; /* it has been shown */
	u->lsr = 0;
	uart_update_irq(u);
	return v;
}

static uint8_t read_msr(struct uart16550 *u)
{
	uint8_t v = u->msr;

	u->msr &= ~MSR_CHANGES;
	uart_update_irq(u);
	return v;
}

static uint64_t uart_read(void *dev, uint64_t off, unsigned size)
{
	struct uart16550 *u = dev;

	if (u->lcr & LCR_DLAB && off <= REG_IER)
		return u->divisor[off];
	switch (off) {
	case REG_DATA:
		return rx_get(u);
	case REG_IER:
		return u->ier;
	case REG_IIR:
		return read_iir(u);
	case REG_LCR:
		return u->lcr;
	case REG_MCR:
		return u->mcr;
	case REG_LSR:
		return read_lsr(u);
	case REG_MSR:
		return read_msr(u);
	default:
		return u->scr;
	}
}

static void uart_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct uart16550 *u = dev;

	if (u->lcr & LCR_DLAB && off <= REG_IER) {
		u->divisor[off] = val;
		return;
	}
	switch (off) {
	case REG_DATA:
		transmit(u, val);
		break;
	case REG_IER:
		write_ier(u, val);
		break;
	case REG_IIR:
		write_fcr(u, val);
		break;
	case REG_LCR:
		write_lcr(u, val);
		break;
	case REG_MCR:
		write_mcr(u, val);
		break;
	case REG_SCR:
		u->scr = val;
		break;
	}
}

/* --- life ---------------------------------------------------------------------------------- */

static void uart_reset(void *dev)
{
	struct uart16550 *u = dev;

	u->ier = 0;
	u->fcr = 0;
	u->lcr = 0;
	u->mcr = 0;
	u->scr = 0;
	u->lsr = 0;
	u->msr = modem_lines(u);
	u->divisor[0] = DIVISOR_RESET;
	u->divisor[1] = 0;
	u->tx_pending = 0;
	rx_clear(u);
	uart_update_irq(u);
	chr_rx_ready(u->chr);
}

static int uart_loaded(void *dev)
{
	struct uart16550 *u = dev;

	if (u->rx_first >= FIFO_LEN || u->rx_count > rx_capacity(u))
		return -EINVAL;
	uart_update_irq(u);
	return 0;
}

static const struct field uart_fields[] = {
	FIELD(struct uart16550, ier, 1),
	FIELD(struct uart16550, fcr, 1),
	FIELD(struct uart16550, lcr, 1),
	FIELD(struct uart16550, mcr, 1),
	FIELD(struct uart16550, scr, 1),
	FIELD(struct uart16550, lsr, 1),
	FIELD(struct uart16550, msr, 1),
	FIELD(struct uart16550, divisor, 1),
	FIELD(struct uart16550, tx_pending, 1),
	FIELD(struct uart16550, timeout_pending, 1),
	FIELD(struct uart16550, rx, 1),
	FIELD(struct uart16550, rx_error, 1),
	FIELD(struct uart16550, rx_first, 1),
	FIELD(struct uart16550, rx_count, 1),
	FIELD_TIMER(struct uart16550, timeout, 1),
	FIELD_END
};

static const struct device_class uart_class = {
	.name = "uart16550",
	.size = sizeof(struct uart16550),
	.reset = uart_reset,
	.fields = uart_fields,
	.loaded = uart_loaded,
};

static const struct region_ops uart_ops = { uart_read, uart_write, .min = 1, .max = 1 };

int uart16550_create(struct machine *m, uint16_t port, unsigned gsi, struct chardev *c)
{
	struct uart16550 *u = device_new(m, &uart_class);

	if (!u)
		return -ENOMEM;
	u->chr = c;
	machine_irq_connect(m, &u->irq, gsi);
	timer_init(&u->timeout, m, uart_timeout, u);
	timer_name(&u->timeout, "serial port");
	if (c)
		chr_attach(c, uart_receive, u);
	return region_add(machine_pio(m), &u->io, &uart_ops, u, port, REG_SPAN);
}
