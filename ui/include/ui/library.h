/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Libraries that few guests need, and that bring many others: loaded when asked for, not linked.
 * The caller has a structure of pointers to functions, and a row for each of them.
 */
#ifndef UI_LIBRARY_H
#define UI_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

struct library_call {
	const char *name;
	size_t at; /* of its pointer in the structure */
};

/* False if it is not there, or lacks a call; *why says so in the linker's words. It stays. */
bool library_load(const char *file, const struct library_call *calls, size_t n, void *table,
		  const char **why);

#endif
