/* SPDX-License-Identifier: GPL-2.0-only */
/* The character back ends that are file descriptors. Private to this folder. */
#ifndef BACKEND_CHR_FD_H
#define BACKEND_CHR_FD_H

struct chardev;
struct machine;

/* 0 or -errno, with one sentence in *why. *where tells the user where to look, or is NULL. */
int chr_open_stdio(struct chardev **c, struct machine *m, char **where, char **why);
int chr_open_pty(struct chardev **c, struct machine *m, char **where, char **why);
int chr_open_file(struct chardev **c, struct machine *m, const char *path, char **where,
		  char **why);

#endif
