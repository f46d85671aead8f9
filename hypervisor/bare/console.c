// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the bare machine says: a subset of printf to the first serial port, by polling.
 * Reference: 16550D data sheet, "Registers".
 */
#include "bare.h"

enum { COM1 = 0x3f8, UART_LCR = 3, UART_LSR = 5, LSR_EMPTY = 0x20, LSR_IDLE = 0x40 };

void console_init(void)
{
	outb(COM1 + 1, 0);
	outb(COM1 + UART_LCR, 0x80);
	outb(COM1 + 0, 1); /* 115200 baud */
	outb(COM1 + 1, 0);
	outb(COM1 + UART_LCR, 3);
	outb(COM1 + 2, 7); /* FIFO */
}

static void put_char(char c)
{
	while (!(inb(COM1 + UART_LSR) & LSR_EMPTY))
		;
	outb(COM1, (uint8_t)c);
}

void console_flush(void)
{
	while (!(inb(COM1 + UART_LSR) & LSR_IDLE))
		;
}

struct text {
	char *at, *end;
};

static void add_char(struct text *t, char c)
{
	if (t->at < t->end)
		*t->at++ = c;
}

static void add_padded(struct text *t, const char *s, size_t len, unsigned width, char pad)
{
	while (width-- > len)
		add_char(t, pad);
	while (len--)
		add_char(t, *s++);
}

struct spec {
	char pad;
	bool prefix, is_long;
	unsigned width;
};

static void add_number(struct text *t, const struct spec *f, uint64_t val, unsigned base,
		       bool minus)
{
	char buf[24], *s = buf + sizeof(buf);
	char *const end = s;

	do
		*--s = "0123456789abcdef"[val % base];
	while (val /= base);
	if (base == 16 && f->prefix) {
		*--s = 'x';
		*--s = '0';
	}
	if (minus)
		*--s = '-';
	add_padded(t, s, (size_t)(end - s), f->width, f->pad);
}

/* What stands between % and the letter; returns at the letter. */
static const char *parse(struct spec *f, const char *fmt)
{
	*f = (struct spec){ .pad = ' ' };
	for (; *fmt == '0' || *fmt == '#' || *fmt == '-'; fmt++) {
		if (*fmt == '#')
			f->prefix = true;
		else if (*fmt == '0')
			f->pad = '0';
	}
	for (; *fmt >= '0' && *fmt <= '9'; fmt++)
		f->width = f->width * 10 + (unsigned)(*fmt - '0');
	for (; *fmt == 'l' || *fmt == 'z'; fmt++)
		f->is_long = true;
	return fmt;
}

static void add_text(struct text *t, const struct spec *f, const char *s)
{
	size_t n = 0;

	while (s && s[n])
		n++;
	add_padded(t, s, n, f->width, ' ');
}

void print_to(char *buf, size_t n, const char *fmt, __builtin_va_list args)
{
	struct text t = { buf, buf + n - 1 };
	struct spec f;
	int64_t i;

	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			add_char(&t, *fmt);
			continue;
		}
		fmt = parse(&f, fmt + 1);
		switch (*fmt) {
		case 'd':
		case 'i':
			i = f.is_long ? __builtin_va_arg(args, long) : __builtin_va_arg(args, int);
			add_number(&t, &f, (uint64_t)(i < 0 ? -i : i), 10, i < 0);
			break;
		case 'u':
		case 'x':
		case 'X':
			add_number(&t, &f, f.is_long ? __builtin_va_arg(args, unsigned long)
						     : __builtin_va_arg(args, unsigned),
				   *fmt == 'u' ? 10 : 16, false);
			break;
		case 'p':
			f.prefix = true;
			add_number(&t, &f, (uint64_t)__builtin_va_arg(args, void *), 16, false);
			break;
		case 's':
			add_text(&t, &f, __builtin_va_arg(args, const char *));
			break;
		case 'c':
			add_char(&t, (char)__builtin_va_arg(args, int));
			break;
		default:
			add_char(&t, *fmt);
		}
	}
	*t.at = 0;
}

static void print_args(const char *fmt, __builtin_va_list args)
{
	char buf[512];

	print_to(buf, sizeof(buf), fmt, args);
	for (const char *s = buf; *s; s++)
		put_char(*s);
}

void print(const char *fmt, ...)
{
	__builtin_va_list args;

	__builtin_va_start(args, fmt);
	print_args(fmt, args);
	__builtin_va_end(args);
}

unsigned bare_warnings;

void host_log(enum host_log_level level, const char *fmt, ...)
{
	static const char *const names[] = { "error", "warning", "info" };
	__builtin_va_list args;

	bare_warnings += level == HOST_WARN;
	print("log %s: ", names[level]);
	__builtin_va_start(args, fmt);
	print_args(fmt, args);
	__builtin_va_end(args);
	print("\n");
}

/* Return addresses, by the frame pointers that everything is compiled with. */
static void print_callers(const uint64_t *frame)
{
	print("called from");
	for (unsigned i = 0; i < 8 && frame && frame[1]; i++) {
		print(" %lx", frame[1]);
		frame = (const uint64_t *)frame[0];
	}
	print("\n");
}

void bug(const char *fmt, ...)
{
	__builtin_va_list args;

	print("BUG ");
	__builtin_va_start(args, fmt);
	print_args(fmt, args);
	__builtin_va_end(args);
	print("\n");
	print_callers(__builtin_frame_address(0));
	machine_end(false);
}
