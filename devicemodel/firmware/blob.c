// SPDX-License-Identifier: GPL-2.0-only
/* Bytes that grow while a table is written. */
#include <stdlib.h>
#include <string.h>

#include "firmware/tables.h"

enum { FIRST_ROOM = 256 };

static bool blob_grow(struct blob *b, size_t len)
{
	size_t room = b->room ? b->room : FIRST_ROOM;
	uint8_t *data;

	while (room - b->len < len)
		room *= 2;
	if (room == b->room)
		return true;
	data = realloc(b->data, room);
	if (!data)
		return false;
	b->data = data;
	b->room = room;
	return true;
}

void blob_put(struct blob *b, const void *p, size_t len)
{
	if (b->failed || !len)
		return;
	if (!blob_grow(b, len)) {
		b->failed = true;
		return;
	}
	if (p)
		memcpy(b->data + b->len, p, len);
	else
		memset(b->data + b->len, 0, len);
	b->len += len;
}

void blob_put8(struct blob *b, uint8_t val)
{
	blob_put(b, &val, 1);
}

void blob_put16(struct blob *b, uint16_t val)
{
	blob_put8(b, val);
	blob_put8(b, val >> 8);
}

void blob_put32(struct blob *b, uint32_t val)
{
	blob_put16(b, val);
	blob_put16(b, val >> 16);
}

void blob_put64(struct blob *b, uint64_t val)
{
	blob_put32(b, val);
	blob_put32(b, val >> 32);
}

void blob_put_text(struct blob *b, const char *text)
{
	blob_put(b, text, strlen(text));
}

void blob_set(struct blob *b, size_t off, uint64_t val, unsigned size)
{
	if (b->failed || off > b->len || size > b->len - off)
		return;
	for (unsigned i = 0; i < size; i++)
		b->data[off + i] = val >> i * 8;
}

void blob_align(struct blob *b, size_t align)
{
	blob_put(b, NULL, -b->len % align);
}

void blob_free(struct blob *b)
{
	free(b->data);
	*b = (struct blob){ 0 };
}
