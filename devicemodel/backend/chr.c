// SPDX-License-Identifier: GPL-2.0-only
/* Character back ends: what devices call, and the choice by name. */
#include "dm/chardev.h"

#include <errno.h>
#include <string.h>

#include "backend/chr_fd.h"
#include "dm/log.h"

void chr_write(struct chardev *c, const uint8_t *p, size_t n)
{
	if (c)
		c->write(c, p, n);
}

void chr_attach(struct chardev *c, size_t (*rx)(void *dev, const uint8_t *p, size_t n), void *dev)
{
	c->rx = rx;
	c->dev = dev;
}

void chr_rx_ready(struct chardev *c)
{
	if (c && c->rx_ready)
		c->rx_ready(c);
}

void chr_close(struct chardev *c)
{
	if (c)
		c->close(c);
}

int chr_open(struct chardev **c, struct machine *m, const char *spec, char **where, char **why)
{
	*c = NULL;
	*where = NULL;
	*why = NULL;
	if (!strcmp(spec, "none"))
		return 0;
	if (!strcmp(spec, "stdio"))
		return chr_open_stdio(c, m, where, why);
	if (!strcmp(spec, "pty"))
		return chr_open_pty(c, m, where, why);
	if (!strncmp(spec, "file:", 5) && spec[5])
		return chr_open_file(c, m, spec + 5, where, why);
	*why = sentence("Serial port '%s' is not known; choose stdio, pty, file:PATH or none.",
			spec);
	return -EINVAL;
}
