/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device: a class, a struct allocated by device_new(), and a table of the fields that are its
 * saved state. Everything a device does happens under the machine lock.
 */
#ifndef DM_DEVICE_H
#define DM_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include "dm/dma.h"
#include "dm/irq.h"
#include "dm/machine.h"
#include "dm/region.h"
#include "dm/timer.h"

/*
 * Saved state, one row a field. The number is the version of the device's format that brought
 * the field; a reader that meets an older file leaves younger fields as reset made them.
 */
enum field_kind {
	FIELD_KIND_END,
	FIELD_KIND_BYTES, /* scalars and arrays of scalars, in the host's (little-endian) order */
	FIELD_KIND_TIMER, /* struct timer: armed or not, and when */
};

struct field {
	const char *name;
	enum field_kind kind;
	uint32_t offset, size;
	uint16_t version;
};

#define FIELD(type, member, ver)                                                                   \
	{                                                                                          \
		#member, FIELD_KIND_BYTES, offsetof(type, member),                                 \
			sizeof(((type *)0)->member), (ver)                                         \
	}
#define FIELD_TIMER(type, member, ver)                                                             \
	{                                                                                          \
		#member, FIELD_KIND_TIMER, offsetof(type, member), sizeof(struct timer), (ver)     \
	}
#define FIELD_END { 0 }

struct device_class {
	const char *name; /* as in logs and saved state */
	size_t size;	  /* of the struct that begins with struct device */
	void (*reset)(void *dev); /* power-on state; also called once before the guest starts */
	const struct field *fields;
	/* optional: check and derive after a restore; -EINVAL refuses */
	int (*loaded)(void *dev);
	/* optional: gives back what device_new() does not free */
	void (*destroy)(void *dev);
};

struct device {
	const struct device_class *class;
	struct machine *machine;
	struct device *next; /* in order of creation, which is the order of reset */
	unsigned instance;   /* among the devices of this class */
};

/* A zeroed struct of class->size bytes, owned by the machine; NULL when out of memory. */
void *device_new(struct machine *m, const struct device_class *class);

/*
 * Save and load of one device (dm/device.h, base/state.c). save gives the bytes needed, and
 * writes them if they fit. load: 0, or -EINVAL for a record that is cut short, younger than this
 * program, or refused by the device; the device is then reset.
 */
size_t device_save(const struct device *d, void *buf, size_t len);
int device_load(struct device *d, const void *buf, size_t len);

#endif
