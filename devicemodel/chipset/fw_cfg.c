// SPDX-License-Identifier: GPL-2.0-only
/*
 * fw_cfg: named and numbered blobs for the firmware, through a selector, a data port and DMA.
 *
 * State: the chosen item, the place in it, half a DMA address. The items are configuration, not
 * state: whoever restores a machine adds them as before. Missing: items that a guest may write.
 * Reference: QEMU, "QEMU Firmware Configuration (fw_cfg) Device".
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dm/device.h"
#include "dm/isa.h"
#include "dm/parts.h"

enum { REG_SELECTOR = 0, REG_DATA = 1, REG_DMA_HIGH = 4, REG_DMA_LOW = 8, REG_SPAN = 12 };
enum { SELECTOR_LEN = 2, DMA_LEN = 8 };

enum { KEY_SIGNATURE = 0x00, KEY_ID = 0x01, KEY_DIRECTORY = 0x19, KEY_FIRST_FILE = 0x20 };
enum { ID_TRADITIONAL = 1, ID_DMA = 2 };

enum { DMA_ERROR = 0x01, DMA_READ = 0x02, DMA_SKIP = 0x04, DMA_SELECT = 0x08, DMA_WRITE = 0x10 };

/* What the DMA register says of itself, as it lies in the ports. */
static const char dma_signature[DMA_LEN] = "QEMU CFG";

enum { NAME_LEN = 56, DIRECTORY_MAX = 128 };
/* A guest may ask for zeroes behind an item's end, but not for gigabytes of them. */
enum { PADDING_MAX = 16 << 20, CHUNK = 64 << 10 };

struct fw_cfg_item {
	uint16_t key;
	uint8_t *data;
	size_t len;
	struct fw_cfg_item *next;
};

/* As guests see it: big-endian. */
struct fw_cfg_file {
	uint32_t size;
	uint16_t key;
	uint16_t reserved;
	char name[NAME_LEN];
};

struct fw_cfg_directory {
	uint32_t count;
	struct fw_cfg_file file[DIRECTORY_MAX];
};

struct fw_cfg_dma {
	uint32_t control, length;
	uint64_t address;
};

struct fw_cfg {
	struct device dev;
	struct region selector, dma;
	struct fw_cfg_item *items;
	const struct fw_cfg_item *current;	/* the item of that key; NULL: there is none */
	unsigned files;
	struct fw_cfg_directory directory;	/* by name; its item is made when it is chosen */
	struct fw_cfg_item directory_item;
	uint16_t key;
	uint32_t dma_high;
	uint64_t offset;			/* may lie beyond the item's end */
};

/* --- items --------------------------------------------------------------------------------- */

static const struct fw_cfg_item *find(const struct fw_cfg *f, uint16_t key)
{
	const struct fw_cfg_item *i;

	if (key == KEY_DIRECTORY)
		return &f->directory_item;
	for (i = f->items; i && i->key != key; i = i->next)
		;
	return i;
}

int fw_cfg_add_item(struct fw_cfg *f, uint16_t key, const void *data, size_t len)
{
	struct fw_cfg_item *i;

	if (find(f, key))
		return -EEXIST;
	i = calloc(1, sizeof(*i));
	if (!i)
		return -ENOMEM;
	i->data = malloc(len ? len : 1);
	if (!i->data) {
		free(i);
		return -ENOMEM;
	}
	if (len)
		memcpy(i->data, data, len);
	i->key = key;
	i->len = len;
	i->next = f->items;
	f->items = i;
	f->current = find(f, f->key);
	return 0;
}

/* Where name stands, or belongs, in the directory. */
static unsigned directory_slot(const struct fw_cfg *f, const char *name)
{
	unsigned slot = 0;

	while (slot < f->files && strcmp(f->directory.file[slot].name, name) < 0)
		slot++;
	return slot;
}

int fw_cfg_add_file(struct fw_cfg *f, const char *name, const void *data, size_t len)
{
	struct fw_cfg_file row = { .size = htobe32(len) };
	unsigned slot = directory_slot(f, name);
	int err;

	if (f->files == DIRECTORY_MAX)
		return -ENOSPC;
	if (!*name || strlen(name) >= NAME_LEN || len > UINT32_MAX)
		return -EINVAL;
	if (slot < f->files && !strcmp(f->directory.file[slot].name, name))
		return -EEXIST;
	err = fw_cfg_add_item(f, KEY_FIRST_FILE + f->files, data, len);
	if (err)
		return err;
	row.key = htobe16(KEY_FIRST_FILE + f->files);
	memcpy(row.name, name, strlen(name));
	memmove(&f->directory.file[slot + 1], &f->directory.file[slot],
		(f->files - slot) * sizeof(row));
	f->directory.file[slot] = row;
	f->files++;
	f->directory.count = htobe32(f->files);
	f->directory_item.len = sizeof(f->directory.count) + f->files * sizeof(row);
	return 0;
}

/* --- the traditional interface ------------------------------------------------------------- */

static void choose(struct fw_cfg *f, uint16_t key)
{
	f->key = key;
	f->offset = 0;
	f->current = find(f, key);
}

static size_t left(const struct fw_cfg *f)
{
	return f->current && f->offset < f->current->len ? f->current->len - f->offset : 0;
}

static uint8_t read_byte(struct fw_cfg *f)
{
	return left(f) ? f->current->data[f->offset++] : 0;
}

static uint64_t selector_read(void *dev, uint64_t off, unsigned size)
{
	struct fw_cfg *f = dev;

	return off == REG_DATA ? read_byte(f) : 0;
}

static void selector_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	if (off == REG_SELECTOR && size == SELECTOR_LEN)
		choose(dev, val);
}

/* --- DMA ----------------------------------------------------------------------------------- */

static int pad(struct fw_cfg *f, uint64_t to, uint64_t n)
{
	static const uint8_t zeroes[CHUNK];
	int err = 0;

	if (n > PADDING_MAX)
		return -EINVAL;
	while (n && !err) {
		size_t now = n < CHUNK ? n : CHUNK;

		err = dma_write(machine_dma(f->dev.machine), to, zeroes, now);
		to += now;
		n -= now;
	}
	return err;
}

static int dma_copy(struct fw_cfg *f, uint64_t to, uint32_t len)
{
	uint64_t n = left(f) < len ? left(f) : len;
	uint64_t padding = len - n;
	int err = 0;

	while (n && !err) {
		size_t now = n < CHUNK ? n : CHUNK;

		err = dma_write(machine_dma(f->dev.machine), to, f->current->data + f->offset, now);
		f->offset += now;
		to += now;
		n -= now;
	}
	return err ? err : pad(f, to, padding);
}

/* Returns the control word that tells the guest how it went. */
static uint32_t dma_command(struct fw_cfg *f, const struct fw_cfg_dma *d)
{
	uint32_t control = be32toh(d->control), len = be32toh(d->length);

	if (control & DMA_SELECT)
		choose(f, control >> 16);
	if (control & DMA_READ)
		return dma_copy(f, be64toh(d->address), len) ? DMA_ERROR : 0;
	if (control & DMA_WRITE)
		return DMA_ERROR; /* no item may be written */
	if (control & DMA_SKIP)
		f->offset += len < left(f) ? len : left(f);
	return 0;
}

/* The request is read once; where its control word cannot be written, nobody can be told. */
static void dma_start(struct fw_cfg *f, uint64_t at)
{
	const struct dma *mem = machine_dma(f->dev.machine);
	struct fw_cfg_dma d;
	uint32_t control;

	if (dma_read(mem, at, &d, sizeof(d)))
		control = htobe32(DMA_ERROR);
	else
		control = htobe32(dma_command(f, &d));
	dma_write(mem, at, &control, sizeof(control));
}

static uint64_t dma_register_read(void *dev, uint64_t off, unsigned size)
{
	uint64_t val = 0;

	memcpy(&val, dma_signature + off, size);
	return val;
}

/* Two big-endian halves; the low one starts. */
static void dma_register_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct fw_cfg *f = dev;
	uint64_t at;

	if (off == 0) {
		f->dma_high = be32toh((uint32_t)val);
		return;
	}
	at = (uint64_t)f->dma_high << 32 | be32toh((uint32_t)val);
	f->dma_high = 0;
	dma_start(f, at);
}

/* --- life ---------------------------------------------------------------------------------- */

static void fw_cfg_reset(void *dev)
{
	struct fw_cfg *f = dev;

	f->dma_high = 0;
	choose(f, KEY_SIGNATURE);
}

static int fw_cfg_loaded(void *dev)
{
	struct fw_cfg *f = dev;

	f->current = find(f, f->key);
	return 0;
}

static void fw_cfg_destroy(void *dev)
{
	struct fw_cfg *f = dev;
	struct fw_cfg_item *i = f->items, *next;

	for (; i; i = next) {
		next = i->next;
		free(i->data);
		free(i);
	}
}

static const struct field fw_cfg_fields[] = {
	FIELD(struct fw_cfg, key, 1),
	FIELD(struct fw_cfg, dma_high, 1),
	FIELD(struct fw_cfg, offset, 1),
	FIELD_END
};

static const struct device_class fw_cfg_class = {
	.name = "fw_cfg",
	.size = sizeof(struct fw_cfg),
	.reset = fw_cfg_reset,
	.fields = fw_cfg_fields,
	.loaded = fw_cfg_loaded,
	.destroy = fw_cfg_destroy,
};

static const struct region_ops selector_ops = { selector_read, selector_write, .min = 1, .max = 2 };
static const struct region_ops dma_ops = { dma_register_read, dma_register_write,
					   .min = 4, .max = 4 };

struct fw_cfg *fw_cfg_create(struct machine *m)
{
	struct fw_cfg *f = device_new(m, &fw_cfg_class);
	uint32_t id = htole32(ID_TRADITIONAL | ID_DMA);

	if (!f)
		return NULL;
	f->directory_item.key = KEY_DIRECTORY;
	f->directory_item.data = (uint8_t *)&f->directory;
	f->directory_item.len = sizeof(f->directory.count);
	if (fw_cfg_add_item(f, KEY_SIGNATURE, "QEMU", 4) ||
	    fw_cfg_add_item(f, KEY_ID, &id, sizeof(id)) ||
	    region_add(machine_pio(m), &f->selector, &selector_ops, f, PORT_FW_CFG, SELECTOR_LEN) ||
	    region_add(machine_pio(m), &f->dma, &dma_ops, f, PORT_FW_CFG + REG_DMA_HIGH, DMA_LEN))
		return NULL;
	return f;
}
