/* SPDX-License-Identifier: GPL-2.0-only */
/* The user's terminal in raw mode. */
#ifndef BACKEND_TERMINAL_H
#define BACKEND_TERMINAL_H

/*
 * Raw mode for a terminal, until terminal_restore(), exit(), or a signal that ends the program.
 * One at a time. 0 or -errno.
 */
int terminal_make_raw(int fd);
void terminal_restore(void);

#endif
