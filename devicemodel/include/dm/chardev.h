/* SPDX-License-Identifier: GPL-2.0-only */
/* Character back ends: where a serial port's bytes go to and come from. Machine lock held. */
#ifndef DM_CHARDEV_H
#define DM_CHARDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine;

struct chardev {
	/* Takes what it can without blocking; the rest is dropped, as on a real line. */
	void (*write)(struct chardev *c, const uint8_t *p, size_t n);
	/* The device has room again: bytes that rx refused may come. Optional. */
	void (*rx_ready)(struct chardev *c);
	void (*close)(struct chardev *c);

	/* Set by the device: takes up to n bytes, returns how many. NULL: input is thrown away. */
	size_t (*rx)(void *dev, const uint8_t *p, size_t n);
	void *dev;

	/* Set by the back end: the terminal at whose other end it is, or NULL. */
	const char *terminal;
};

void chr_write(struct chardev *c, const uint8_t *p, size_t n); /* c may be NULL */
/* Input begins with the device's first chr_rx_ready(), in its reset for example. */
void chr_attach(struct chardev *c, size_t (*rx)(void *dev, const uint8_t *p, size_t n), void *dev);
void chr_rx_ready(struct chardev *c);
void chr_close(struct chardev *c);

/*
 * Opens what --serial names: stdio, pty, file:PATH, none (then *c is NULL). 0 or -errno, with one
 * sentence in *why (to be freed). *where is a line that tells the user where to look, or NULL.
 */
int chr_open(struct chardev **c, struct machine *m, const char *spec, char **where, char **why);

#endif
