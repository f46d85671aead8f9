// SPDX-License-Identifier: GPL-2.0-only
/* Sizes as people write them: 512M, 2G, 1.5G; a plain number counts MiB, as in xl.cfg. */
#include <errno.h>
#include <string.h>

#include "config.h"

static bool is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

/* The multiplier a suffix names, 0 if it names none. */
static uint64_t unit_of(const char *s)
{
	static const char letters[] = "KMGT";
	const char *p;

	if (!*s)
		return CONFIG_MIB;
	p = strchr(letters, *s >= 'a' && *s <= 'z' ? *s - 'a' + 'A' : *s);
	if (!p || (s[1] && strcmp(s + 1, "B") && strcmp(s + 1, "iB")))
		return 0;
	return 1ull << 10 * (p - letters + 1);
}

/* Reads digits; -EINVAL if there is none, -ERANGE if they are too many. */
static int number(const char **s, uint64_t *value)
{
	const char *p = *s;

	if (!is_digit(*p))
		return -EINVAL;
	for (*value = 0; is_digit(*p); p++) {
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, (uint64_t)(*p - '0'), value))
			return -ERANGE;
	}
	*s = p;
	return 0;
}

/* What the digits after a decimal point are worth; digits beyond the sixth do not count. */
static int fraction(const char **s, uint64_t unit, uint64_t *value)
{
	uint64_t millionths = 0, weight = 100000;

	if (!is_digit(**s))
		return -EINVAL;
	for (; is_digit(**s); (*s)++, weight /= 10)
		millionths += weight * (uint64_t)(**s - '0');
	*value = (unsigned __int128)unit * millionths / 1000000;
	return 0;
}

int units_parse(const char *s, uint64_t *bytes)
{
	uint64_t whole, part = 0, unit;
	const char *digits;
	int err = number(&s, &whole);

	if (err)
		return err;
	digits = *s == '.' ? s + 1 : NULL;
	if (digits)
		s = digits + strspn(digits, "0123456789");
	unit = unit_of(s);
	if (!unit)
		return -EINVAL;
	if (digits) {
		err = fraction(&digits, unit, &part);
		if (err)
			return err;
	}
	if (__builtin_mul_overflow(whole, unit, bytes) ||
	    __builtin_add_overflow(*bytes, part, bytes))
		return -ERANGE;
	return 0;
}
