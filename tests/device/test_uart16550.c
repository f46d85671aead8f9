// SPDX-License-Identifier: GPL-2.0-only
/* The 16550A at 0x3f8, against a chardev that the test itself is. */
#include "rig.h"

#include "dm/chardev.h"

enum { COM = PORT_COM1, DATA = COM, IER, IIR, LCR, MCR, LSR, MSR, SCR, FCR = IIR };

struct box {
	struct rig *r;
	struct chardev chr;
	char sent[65536];
	size_t sent_len;
	unsigned ready;		/* calls of rx_ready */
	const char *waiting;	/* handed over in rx_ready, as a back end would */
};

static struct box *box_of(struct chardev *c)
{
	return (struct box *)((char *)c - offsetof(struct box, chr));
}

static void box_write(struct chardev *c, const uint8_t *p, size_t n)
{
	struct box *b = box_of(c);

	assert_true(n <= sizeof(b->sent));
	if (b->sent_len + n > sizeof(b->sent))
		b->sent_len = 0;
	memcpy(b->sent + b->sent_len, p, n);
	b->sent_len += n;
}

static size_t give(struct box *b, const char *s)
{
	return b->chr.rx(b->chr.dev, (const uint8_t *)s, strlen(s));
}

static void box_ready(struct chardev *c)
{
	struct box *b = box_of(c);

	b->ready++;
	if (b->waiting)
		b->waiting += give(b, b->waiting);
}

static void wr(struct box *b, uint16_t port, uint8_t v)
{
	rig_out8(b->r, port, v);
}

static uint8_t rd(struct box *b, uint16_t port)
{
	return rig_in8(b->r, port);
}

static bool line(struct box *b)
{
	return b->r->gsi[IRQ_COM1];
}

static int setup(void **state)
{
	struct box *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->r = rig_new();
	b->chr.write = box_write;
	b->chr.rx_ready = box_ready;
	assert_int_equal(uart16550_create(b->r->m, COM, IRQ_COM1, &b->chr), 0);
	rig_reset(b->r);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct box *b = *state;

	rig_free(b->r);
	free(b);
	return 0;
}

/* 115200 8N1, FIFOs with a trigger level of 8, as drivers leave it */
static void start(struct box *b)
{
	wr(b, LCR, 0x83);
	wr(b, DATA, 1);
	wr(b, IER, 0);
	wr(b, LCR, 0x03);
	wr(b, FCR, 0x87);
	wr(b, MCR, 0x0b);
}

static void test_reset_values(void **state)
{
	struct box *b = *state;

	assert_int_equal(rd(b, IER), 0);
	assert_int_equal(rd(b, IIR), 0x01);
	assert_int_equal(rd(b, LCR), 0);
	assert_int_equal(rd(b, MCR), 0);
	assert_int_equal(rd(b, LSR), 0x60);
	assert_int_equal(rd(b, MSR), 0xb0);
	assert_false(line(b));
}

/* The probes of Linux's 8250 driver, in its order. */
static void test_linux_autoconfig(void **state)
{
	struct box *b = *state;

	wr(b, IER, 0);
	assert_int_equal(rd(b, IER) & 0x0f, 0);
	wr(b, IER, 0x0f);
	assert_int_equal(rd(b, IER) & 0x0f, 0x0f);
	wr(b, IER, 0);
	wr(b, MCR, 0x1a);
	assert_int_equal(rd(b, MSR) & 0xf0, 0x90);
	wr(b, MCR, 0);
	wr(b, LCR, 0xbf);
	wr(b, FCR, 0);
	wr(b, LCR, 0);
	wr(b, FCR, 1);
	assert_int_equal(rd(b, IIR) >> 6, 3); /* a 16550A */
	wr(b, LCR, 0x80);
	assert_int_not_equal(rd(b, IIR), 0); /* no enhanced feature register */
	wr(b, LCR, 0xbf);
	assert_int_not_equal(rd(b, IIR), 0);
	wr(b, LCR, 0);
	wr(b, FCR, 1);
	wr(b, LCR, 0x80);
	wr(b, FCR, 0x21);
	assert_int_equal(rd(b, IIR) >> 5, 6); /* no 64-byte FIFO */
	wr(b, FCR, 1);
	wr(b, LCR, 0);
	wr(b, IER, 0x40);
	assert_int_equal(rd(b, IER), 0); /* no UART unit enable of an XScale */
	wr(b, IER, 0);
	/* does the transmitter interrupt come again when it is enabled again? */
	wr(b, IER, 0x02);
	assert_int_equal(rd(b, IIR) & 0x0f, 0x02);
	wr(b, IER, 0);
	wr(b, IER, 0x02);
	assert_int_equal(rd(b, IIR) & 0x0f, 0x02);
	assert_int_equal(rd(b, IIR) & 0x0f, 0x01);
}

static void test_scratch_and_divisor(void **state)
{
	struct box *b = *state;

	wr(b, SCR, 0xa5);
	assert_int_equal(rd(b, SCR), 0xa5);
	wr(b, IER, 0x05);
	wr(b, LCR, 0x80);
	wr(b, DATA, 0x34);
	wr(b, IER, 0x12);
	assert_int_equal(rig_in16(b->r, COM), 0x1234);
	assert_int_equal(b->sent_len, 0);
	wr(b, LCR, 0x03);
	assert_int_equal(rd(b, IER), 0x05);
	rig_out32(b->r, COM + 4, 0); /* LSR and MSR are not for writing */
	assert_int_equal(rd(b, LSR), 0x60);
}

static void test_transmit(void **state)
{
	struct box *b = *state;
	unsigned rises;

	start(b);
	for (const char *p = "hello"; *p; p++) {
		assert_true(rd(b, LSR) & 0x20);
		wr(b, DATA, *p);
	}
	assert_int_equal(b->sent_len, 5);
	assert_memory_equal(b->sent, "hello", 5);
	assert_false(line(b));
	wr(b, IER, 0x02);
	assert_true(line(b));
	assert_int_equal(rd(b, IIR), 0xc2);
	assert_false(line(b)); /* seen */
	assert_int_equal(rd(b, IIR), 0xc1);
	rises = b->r->rises[IRQ_COM1];
	wr(b, DATA, 'x');
	assert_true(line(b));
	wr(b, DATA, 'y'); /* an edge for each */
	assert_int_equal(b->r->rises[IRQ_COM1], rises + 2);
	wr(b, IER, 0x02); /* no change, no new interrupt */
	rd(b, IIR);
	wr(b, IER, 0x02);
	assert_false(line(b));
}

static void test_receive_without_fifo(void **state)
{
	struct box *b = *state;

	wr(b, IER, 0x01);
	assert_int_equal(give(b, "ab"), 1);
	assert_true(line(b));
	assert_int_equal(rd(b, IIR), 0x04);
	assert_int_equal(rd(b, LSR), 0x61);
	b->ready = 0;
	assert_int_equal(rd(b, DATA), 'a');
	assert_int_equal(b->ready, 1);
	assert_false(line(b));
	assert_int_equal(rd(b, LSR), 0x60);
}

static void test_trigger_and_timeout(void **state)
{
	struct box *b = *state;

	start(b);
	wr(b, IER, 0x01);
	assert_false(rig_timer_armed(b->r));
	assert_int_equal(give(b, "1234567"), 7);
	assert_false(line(b));
	assert_true(rig_timer_armed(b->r));
	rig_advance(b->r, 300 * NS_PER_US); /* four characters at 115200 are 347 us */
	assert_false(line(b));
	rig_advance(b->r, 60 * NS_PER_US);
	assert_true(line(b));
	assert_int_equal(rd(b, IIR), 0xcc);
	assert_false(rig_timer_armed(b->r));
	assert_int_equal(rd(b, DATA), '1');
	assert_false(line(b));
	assert_true(rig_timer_armed(b->r)); /* for those still there */
	assert_int_equal(give(b, "89"), 2);
	assert_int_equal(rd(b, IIR), 0xc4);
	assert_false(rig_timer_armed(b->r));
	for (char c = '2'; c <= '9'; c++)
		assert_int_equal(rd(b, DATA), c);
	assert_false(line(b));
	assert_false(rig_timer_armed(b->r));
	assert_int_equal(rd(b, IIR), 0xc1);
	/* who does not want the interrupt pays for no timer */
	wr(b, IER, 0);
	give(b, "x");
	assert_false(rig_timer_armed(b->r));
	wr(b, IER, 0x01);
	assert_true(rig_timer_armed(b->r));
	wr(b, FCR, 0x03); /* clears, and trigger level 1 */
	assert_false(rig_timer_armed(b->r));
	assert_int_equal(rd(b, LSR), 0x60);
	give(b, "x");
	assert_int_equal(rd(b, IIR), 0xc4);
}

static void test_flow(void **state)
{
	static const char text[] = "The quick brown fox jumps over the lazy dog.";
	struct box *b = *state;
	char got[64] = "";

	start(b);
	assert_int_equal(give(b, "0123456789abcdefXYZ"), 16);
	assert_int_equal(give(b, "XYZ"), 0);
	wr(b, FCR, 0x87);
	b->waiting = text;
	wr(b, FCR, 0x83); /* room: the back end hands over what waits */
	for (unsigned i = 0; rd(b, LSR) & 1 && i < sizeof(got) - 1; i++)
		got[i] = rd(b, DATA);
	assert_string_equal(got, text);
	assert_false(rd(b, LSR) & 0x02);
}

static void test_priorities(void **state)
{
	struct box *b = *state;

	start(b);
	wr(b, FCR, 0x01);
	rd(b, MSR);
	wr(b, MCR, 0x1b); /* loopback: RI low, others as MCR says; DCD, DSR, CTS stay high */
	wr(b, MCR, 0x10);
	for (unsigned i = 0; i < 17; i++)
		wr(b, DATA, i); /* the last one overruns */
	wr(b, IER, 0x0f);
	assert_int_equal(rd(b, IIR), 0xc6);
	assert_int_equal(rd(b, LSR), 0x63);
	assert_int_equal(rd(b, IIR), 0xc4);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(rd(b, DATA), i);
	assert_int_equal(rd(b, IIR), 0xc2);
	assert_int_equal(rd(b, IIR), 0xc0);
	assert_int_equal(rd(b, MSR), 0x0b);
	assert_int_equal(rd(b, IIR), 0xc1);
	assert_false(line(b));
	assert_int_equal(b->sent_len, 0);
}

static void test_loopback_modem(void **state)
{
	static const struct { uint8_t mcr, msr; } pins[] = {
		{ 0x01, 0x20 }, { 0x02, 0x10 }, { 0x04, 0x40 }, { 0x08, 0x80 }, { 0x0f, 0xf0 },
	};
	struct box *b = *state;

	for (unsigned i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
		wr(b, MCR, 0x10 | pins[i].mcr);
		assert_int_equal(rd(b, MSR) & 0xf0, pins[i].msr);
	}
	/* ring tells of its end only */
	wr(b, MCR, 0x10);
	rd(b, MSR);
	wr(b, MCR, 0x14);
	assert_int_equal(rd(b, MSR), 0x40);
	wr(b, MCR, 0x10);
	assert_int_equal(rd(b, MSR), 0x04);
	assert_int_equal(rd(b, MSR), 0x00);
	/* nothing comes in from outside meanwhile */
	assert_int_equal(give(b, "x"), 0);
	b->ready = 0;
	wr(b, MCR, 0x03);
	assert_int_equal(b->ready, 1);
	assert_int_equal(rd(b, MSR), 0xbb);
}

static void test_overrun_without_fifo(void **state)
{
	struct box *b = *state;

	wr(b, MCR, 0x10);
	wr(b, DATA, 'a');
	wr(b, DATA, 'b');
	assert_int_equal(rd(b, LSR), 0x63);
	assert_int_equal(rd(b, LSR), 0x61);
	assert_int_equal(rd(b, DATA), 'b'); /* the new one took its place */
}

static void test_break(void **state)
{
	struct box *b = *state;

	start(b);
	wr(b, FCR, 0x01);
	wr(b, MCR, 0x10);
	wr(b, DATA, 'a');
	wr(b, LCR, 0x43);
	wr(b, LCR, 0x03);
	wr(b, DATA, 'z');
	assert_int_equal(rd(b, LSR), 0xe1); /* somewhere in the FIFO, not yet in front */
	assert_int_equal(rd(b, DATA), 'a');
	wr(b, IER, 0x04);
	assert_int_equal(rd(b, IIR), 0xc6);
	assert_int_equal(rd(b, LSR) & 0x1f, 0x19);
	assert_int_equal(rd(b, LSR), 0x61);
	assert_int_equal(rd(b, DATA), 0);
	assert_int_equal(rd(b, DATA), 'z');
}

static void test_fifo_switch_clears(void **state)
{
	struct box *b = *state;

	start(b);
	give(b, "abc");
	wr(b, FCR, 0);
	assert_int_equal(rd(b, LSR), 0x60);
	assert_int_equal(rd(b, IIR), 0x01);
	give(b, "d");
	wr(b, FCR, 0x06); /* without the enable bit the rest does not count */
	assert_int_equal(rd(b, LSR), 0x61);
	assert_int_equal(rd(b, DATA), 'd');
}

static void test_no_chardev(void **state)
{
	struct rig *r = rig_new();

	assert_int_equal(uart16550_create(r->m, 0x2f8, 3, NULL), 0);
	rig_reset(r);
	rig_out8(r, 0x2f8, 'x');
	rig_out8(r, 0x2fa, 0x07);
	rig_in8(r, 0x2f8);
	assert_int_equal(rig_in8(r, 0x2fd), 0x60);
	assert_int_equal(rig_in8(r, 0x300), 0xff);
	rig_free(r);
}

static void test_saved_state(void **state)
{
	struct box *b = *state;

	start(b);
	wr(b, IER, 0x0f);
	wr(b, SCR, 0x77);
	give(b, "state");
	rd(b, DATA);
	rig_check_saved_state(b->r);
	assert_true(line(b));
	assert_true(rig_timer_armed(b->r));
	assert_int_equal(rd(b, DATA), 't');
	assert_int_equal(rd(b, SCR), 0x77);
}

static void test_sweep(void **state)
{
	struct box *b = *state;
	struct device *d = b->chr.dev;
	uint8_t good[256], bad[256];
	size_t len;
	unsigned seed = 16550;

	for (unsigned i = 0; i < 100000; i++) {
		uint32_t v = rand_r(&seed);
		uint16_t port = COM + v % 8;

		switch (rand_r(&seed) % 7) {
		case 0:
			wr(b, port, v >> 8);
			break;
		case 1:
			rig_out16(b->r, port, v >> 8);
			break;
		case 2:
			rig_out32(b->r, port, v);
			break;
		case 3:
			rig_in16(b->r, port);
			break;
		case 4:
			rig_in32(b->r, port);
			break;
		case 5:
			give(b, "some text for the port");
			break;
		default:
			rig_advance(b->r, v % NS_PER_MS);
		}
	}
	rig_check_saved_state(b->r);
	len = device_save(d, good, sizeof(good));
	assert_in_range(len, 3, sizeof(good));
	for (unsigned i = 0; i < 3000; i++) {
		memcpy(bad, good, len);
		bad[2 + (unsigned)rand_r(&seed) % (len - 2)] = rand_r(&seed);
		bad[2 + (unsigned)rand_r(&seed) % (len - 2)] = rand_r(&seed);
		device_load(d, bad, len);
		give(b, "more");
		for (unsigned p = 0; p < 8; p++)
			rd(b, COM + p);
	}
}

/* --- debug console and exit port ----------------------------------------------------------- */

static void test_debugcon(void **state)
{
	struct box *b = *state;

	assert_int_equal(debugcon_create(b->r->m, &b->chr), 0);
	assert_int_equal(rd(b, PORT_DEBUGCON), 0xe9);
	wr(b, PORT_DEBUGCON, 'o');
	rig_out16(b->r, PORT_DEBUGCON, 'k');
	assert_int_equal(b->sent_len, 2);
	assert_memory_equal(b->sent, "ok", 2);
	rig_check_saved_state(b->r);
}

static void test_exit_port(void **state)
{
	struct box *b = *state;

	assert_int_equal(exit_port_create(b->r->m), 0);
	rd(b, PORT_EXIT);
	assert_int_equal(b->r->stop, STOP_NONE);
	wr(b, PORT_EXIT, 42);
	assert_int_equal(b->r->stop, STOP_REQUESTED);
	assert_int_equal(machine_exit_code(b->r->m), 42);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reset_values),
		TEST(test_linux_autoconfig),
		TEST(test_scratch_and_divisor),
		TEST(test_transmit),
		TEST(test_receive_without_fifo),
		TEST(test_trigger_and_timeout),
		TEST(test_flow),
		TEST(test_priorities),
		TEST(test_loopback_modem),
		TEST(test_overrun_without_fifo),
		TEST(test_break),
		TEST(test_fifo_switch_clears),
		TEST(test_no_chardev),
		TEST(test_saved_state),
		TEST(test_sweep),
		TEST(test_debugcon),
		TEST(test_exit_port),
	};

	return cmocka_run_group_tests_name("uart16550", tests, NULL, NULL);
}
