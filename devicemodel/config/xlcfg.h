/* SPDX-License-Identifier: GPL-2.0-only */
/* The syntax of xl.cfg: settings in order, their values as text. What keys mean is in keys.c. */
#ifndef CONFIG_XLCFG_H
#define CONFIG_XLCFG_H

#include <stdbool.h>
#include <stddef.h>

struct xlcfg_value {
	char *text;
	unsigned line;
};

struct xlcfg_setting {
	char *key;
	unsigned line;
	bool list;
	struct xlcfg_value *values; /* one, unless it is a list */
	size_t n;
};

struct xlcfg {
	struct xlcfg_setting *settings;
	size_t n;
};

/*
 * 0, or -errno with a sentence "FILE:LINE: ..." in *why. To be freed with xlcfg_free() either way.
 */
int xlcfg_parse(struct xlcfg *x, const char *file, const char *text, size_t len, char **why);
void xlcfg_free(struct xlcfg *x);

#endif
