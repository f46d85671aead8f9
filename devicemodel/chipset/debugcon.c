// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two one-byte ports for those who write firmware and tests: what goes to the debug console comes
 * out at a chardev; what goes to the exit port is the guest's verdict, and stops the machine.
 *
 * State: none.
 * Reference: none but custom; firmware knows the debug console by reading 0xe9 from it.
 */
#include <errno.h>

#include "dm/chardev.h"
#include "dm/device.h"
#include "dm/isa.h"
#include "dm/parts.h"

enum { DEBUGCON_ID = 0xe9 };

struct debugcon {
	struct device dev;
	struct region io;
	struct chardev *chr;
};

struct exit_port {
	struct device dev;
	struct region io;
};

static uint64_t debugcon_read(void *dev, uint64_t off, unsigned size)
{
	return DEBUGCON_ID;
}

static void debugcon_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct debugcon *d = dev;
	uint8_t b = val;

	chr_write(d->chr, &b, 1);
}

static uint64_t exit_port_read(void *dev, uint64_t off, unsigned size)
{
	return 0;
}

static void exit_port_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct exit_port *e = dev;

	machine_set_exit_code(e->dev.machine, val);
	machine_request_stop(e->dev.machine, STOP_REQUESTED);
}

static void no_reset(void *dev)
{
}

static const struct region_ops debugcon_ops = { debugcon_read, debugcon_write, .min = 1, .max = 1 };
static const struct region_ops exit_port_ops = { exit_port_read, exit_port_write,
						 .min = 1, .max = 1 };
static const struct field no_fields[] = { FIELD_END };

static const struct device_class debugcon_class = {
	.name = "debugcon",
	.size = sizeof(struct debugcon),
	.reset = no_reset,
	.fields = no_fields,
};

static const struct device_class exit_port_class = {
	.name = "exit-port",
	.size = sizeof(struct exit_port),
	.reset = no_reset,
	.fields = no_fields,
};

int debugcon_create(struct machine *m, struct chardev *c)
{
	struct debugcon *d = device_new(m, &debugcon_class);

	if (!d)
		return -ENOMEM;
	d->chr = c;
	return region_add(machine_pio(m), &d->io, &debugcon_ops, d, PORT_DEBUGCON, 1);
}

int exit_port_create(struct machine *m)
{
	struct exit_port *e = device_new(m, &exit_port_class);

	if (!e)
		return -ENOMEM;
	return region_add(machine_pio(m), &e->io, &exit_port_ops, e, PORT_EXIT, 1);
}
