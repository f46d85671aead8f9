// SPDX-License-Identifier: GPL-2.0-only
/*
 * Saved state of a device: a record of its fields in the order of the table.
 *
 * Record: u16 version, then each field of the table up to that version: bytes as they are in
 * memory, a timer as u8 armed and u64 virtual ns. The version is the highest in the table.
 */
#include <errno.h>
#include <string.h>

#include "dm/device.h"

enum { TIMER_BYTES = 9 };

static uint16_t format_version(const struct device_class *c)
{
	uint16_t v = 0;

	for (const struct field *f = c->fields; f && f->kind; f++)
		if (f->version > v)
			v = f->version;
	return v;
}

static size_t field_bytes(const struct field *f)
{
	return f->kind == FIELD_KIND_TIMER ? TIMER_BYTES : f->size;
}

static void put_field(uint8_t *out, const struct field *f, const uint8_t *dev)
{
	const struct timer *t = (const void *)(dev + f->offset);

	if (f->kind == FIELD_KIND_BYTES) {
		memcpy(out, dev + f->offset, f->size);
		return;
	}
	out[0] = t->armed;
	memset(out + 1, 0, TIMER_BYTES - 1);
	if (t->armed)
		memcpy(out + 1, &t->when, sizeof(t->when));
}

static void get_field(const uint8_t *in, const struct field *f, uint8_t *dev)
{
	struct timer *t = (void *)(dev + f->offset);
	uint64_t when;

	if (f->kind == FIELD_KIND_BYTES) {
		memcpy(dev + f->offset, in, f->size);
		return;
	}
	memcpy(&when, in + 1, sizeof(when));
	if (in[0])
		timer_arm_at(t, when);
	else
		timer_cancel(t);
}

size_t device_save(const struct device *d, void *buf, size_t len)
{
	uint16_t version = format_version(d->class);
	size_t need = sizeof(version);
	uint8_t *out = buf;

	for (const struct field *f = d->class->fields; f && f->kind; f++)
		need += field_bytes(f);
	if (need > len)
		return need;
	memcpy(out, &version, sizeof(version));
	out += sizeof(version);
	for (const struct field *f = d->class->fields; f && f->kind; f++) {
		put_field(out, f, (const uint8_t *)d);
		out += field_bytes(f);
	}
	return need;
}

static int load_fields(struct device *d, const uint8_t *in, size_t len)
{
	uint16_t version;

	if (len < sizeof(version))
		return -EINVAL;
	memcpy(&version, in, sizeof(version));
	in += sizeof(version);
	len -= sizeof(version);
	if (version > format_version(d->class))
		return -EINVAL;
	for (const struct field *f = d->class->fields; f && f->kind; f++) {
		if (f->version > version)
			continue;
		if (len < field_bytes(f))
			return -EINVAL;
		get_field(in, f, (uint8_t *)d);
		in += field_bytes(f);
		len -= field_bytes(f);
	}
	return len ? -EINVAL : 0;
}

int device_load(struct device *d, const void *buf, size_t len)
{
	int err = load_fields(d, buf, len);

	if (!err && d->class->loaded)
		err = d->class->loaded(d);
	if (err)
		d->class->reset(d);
	return err;
}
