// SPDX-License-Identifier: GPL-2.0-only
/* Reports and verdicts of guests. */
#include "guest.h"

#include <stdarg.h>

#include "io.h"

enum { COM1 = 0x3f8, COM1_LCR = COM1 + 3, COM1_LSR = COM1 + 5 };
enum { LCR_DLAB = 0x80, LCR_8N1 = 0x03, LSR_EMPTY = 0x20, EXIT_PORT = 0x501 };

static unsigned checks, failures;

void *memset(void *p, int v, size_t n)
{
	uint8_t *to = p;

	while (n--)
		*to++ = v;
	return p;
}

void *memcpy(void *to, const void *from, size_t n)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	while (n--)
		*t++ = *f++;
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

/* --- printing --- */

static void say_char(char c)
{
	while (!(in8(COM1_LSR) & LSR_EMPTY))
		relax();
	out8(COM1, c);
}

static void say_string(const char *s)
{
	while (*s)
		say_char(*s++);
}

static void say_number(uint64_t v, bool hex)
{
	char digits[21];
	unsigned n = 0;
	uint32_t v32 = v;

	if (hex)
		say_string("0x");
	do { /* decimal numbers are of 32 bits: there is no 64-bit division here */
		digits[n++] = "0123456789abcdef"[hex ? v & 15 : v32 % 10];
		v >>= 4;
		v32 /= 10;
	} while (hex ? v : v32);
	while (n--)
		say_char(digits[n]);
}

void say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	for (; *format; format++) {
		if (*format != '%') {
			say_char(*format);
			continue;
		}
		switch (*++format) {
		case 's':
			say_string(va_arg(ap, const char *));
			break;
		case 'u':
			say_number(va_arg(ap, unsigned), false);
			break;
		case 'x':
			say_number(va_arg(ap, unsigned), true);
			break;
		case 'l': /* %llx */
			format += 2;
			say_number(va_arg(ap, unsigned long long), true);
			break;
		}
	}
	va_end(ap);
}

/* --- checks --- */

static bool verdict(const char *name, bool good)
{
	checks++;
	failures += !good;
	say("%s %s", good ? "ok" : "bad", name);
	if (good)
		say("\n");
	return good;
}

bool check(const char *name, uint32_t got, uint32_t want)
{
	if (!verdict(name, got == want))
		say(" got %x want %x\n", got, want);
	return got == want;
}

bool check64(const char *name, uint64_t got, uint64_t want)
{
	if (!verdict(name, got == want))
		say(" got %llx want %llx\n", (unsigned long long)got, (unsigned long long)want);
	return got == want;
}

bool check_true(const char *name, bool got)
{
	if (!verdict(name, got))
		say(" got 0 want 1\n");
	return got;
}

bool check_range(const char *name, uint32_t got, uint32_t low, uint32_t high)
{
	bool good = got >= low && got <= high;

	if (!verdict(name, good))
		say(" got %u want %u to %u\n", got, low, high);
	return good;
}

bool check_near(const char *name, uint32_t got, uint32_t want, unsigned percent)
{
	uint32_t room = muldiv(want, percent, 100);

	return check_range(name, got, want - room, want + room);
}

/* --- beginning and end --- */

void guest_begin(void)
{
	out8(COM1_LCR, LCR_DLAB);
	out16(COM1, 1); /* 115200 */
	out8(COM1_LCR, LCR_8N1);
	say("start\n");
	guest_main();
	guest_end();
}

__attribute__((noreturn)) static void leave(uint8_t code)
{
	for (;;)
		out8(EXIT_PORT, code);
}

bool guest_summary(void)
{
	say("done %u\n", checks);
	return !failures;
}

void guest_end(void)
{
	leave(guest_summary() ? VERDICT_GOOD : VERDICT_BAD);
}

void guest_fail(const char *why)
{
	say("bad %s\n", why);
	leave(VERDICT_BAD);
}
