// SPDX-License-Identifier: GPL-2.0-only
/*
 * SMBIOS tables: who made this machine, and what is in it. The firmware copies the structures
 * into guest memory, puts their address and the checksums into the entry point, and leaves the
 * rest alone.
 * Reference: DMTF DSP0134, System Management BIOS Reference Specification 2.8.0, "SMBIOS structure
 * definitions", "SMBIOS 2.1 (32-bit) Entry Point".
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "firmware/tables.h"

enum {
	TYPE_BIOS = 0,
	TYPE_SYSTEM = 1,
	TYPE_CHASSIS = 3,
	TYPE_PROCESSOR = 4,
	TYPE_MEMORY_ARRAY = 16,
	TYPE_MEMORY_DEVICE = 17,
	TYPE_ARRAY_ADDRESS = 19,
	TYPE_BOOT = 32,
	TYPE_END = 127,
};
/* Handles: the type in the high byte, so that a dump reads well. */
#define HANDLE(type, n) ((type) << 8 | (n))

enum { ENTRY_LEN = 31, MINOR_VERSION = 8, MAX_STRINGS = 6, NONE = 0xffff };
#define MANUFACTURER "Caisson"
#define PRODUCT	     "Standard PC (i440FX + PIIX3)"
#define KIB	     1024ull
#define MIB	     (1024 * KIB)
#define DIMM_BYTES   (16384 * MIB)

/* One structure: the formatted part goes to the blob at once, strings follow at the end. */
struct builder {
	struct blob *out;
	size_t start;
	const char *string[MAX_STRINGS];
	unsigned n_strings;
	unsigned structures;
	size_t longest;
};

static void begin(struct builder *w, uint8_t type, uint16_t handle)
{
	w->start = w->out->len;
	w->n_strings = 0;
	blob_put8(w->out, type);
	blob_put8(w->out, 0); /* length */
	blob_put16(w->out, handle);
}

static void put_string(struct builder *w, const char *text)
{
	if (!text || !*text || w->n_strings == MAX_STRINGS) {
		blob_put8(w->out, 0); /* none */
		return;
	}
	w->string[w->n_strings++] = text;
	blob_put8(w->out, w->n_strings);
}

static void end(struct builder *w)
{
	blob_set(w->out, w->start + 1, w->out->len - w->start, 1);
	for (unsigned i = 0; i < w->n_strings; i++) {
		blob_put_text(w->out, w->string[i]);
		blob_put8(w->out, 0);
	}
	blob_put(w->out, NULL, w->n_strings ? 1 : 2);
	w->structures++;
	if (w->out->len - w->start > w->longest)
		w->longest = w->out->len - w->start;
}

static void put_bios(struct builder *w)
{
	begin(w, TYPE_BIOS, HANDLE(TYPE_BIOS, 0));
	put_string(w, "SeaBIOS");
	put_string(w, "Caisson");
	blob_put16(w->out, 0xe800); /* segment where it begins */
	put_string(w, "01/01/2024");
	blob_put8(w->out, 256 * KIB / (64 * KIB) - 1);
	blob_put64(w->out, 1 << 3); /* characteristics: not told here */
	blob_put8(w->out, 1 << 0);  /* ACPI */
	blob_put8(w->out, 1 << 2 | 1 << 4); /* targeted content distribution; a virtual machine */
	blob_put16(w->out, 0);	    /* release */
	blob_put16(w->out, NONE);   /* no embedded controller */
	end(w);
}

/* The first three fields are numbers, and little-endian; the rest stays as it is written. */
static void put_uuid(struct blob *b, const uint8_t *u)
{
	const uint8_t fields[] = { u[3], u[2], u[1], u[0], u[5], u[4], u[7], u[6] };

	blob_put(b, fields, sizeof(fields));
	blob_put(b, u + sizeof(fields), 16 - sizeof(fields));
}

static void put_system(struct builder *w, const struct firmware_info *info)
{
	begin(w, TYPE_SYSTEM, HANDLE(TYPE_SYSTEM, 0));
	put_string(w, MANUFACTURER);
	put_string(w, PRODUCT);
	put_string(w, NULL); /* version */
	put_string(w, NULL); /* serial number */
	put_uuid(w->out, info->uuid);
	blob_put8(w->out, 0x06); /* woken by its power switch */
	put_string(w, NULL);	 /* SKU */
	put_string(w, info->name);
	end(w);
}

static void put_chassis(struct builder *w)
{
	begin(w, TYPE_CHASSIS, HANDLE(TYPE_CHASSIS, 0));
	put_string(w, MANUFACTURER);
	blob_put8(w->out, 0x01); /* other */
	put_string(w, NULL);
	put_string(w, NULL);
	put_string(w, NULL);
	blob_put8(w->out, 0x03); /* booted safe */
	blob_put8(w->out, 0x03); /* power safe */
	blob_put8(w->out, 0x03); /* thermally safe */
	blob_put8(w->out, 0x02); /* security unknown */
	blob_put32(w->out, 0);	 /* OEM's */
	blob_put8(w->out, 0);	 /* height */
	blob_put8(w->out, 0);	 /* power cords */
	blob_put8(w->out, 0);	 /* contained elements, and the length of each */
	blob_put8(w->out, 0);
	put_string(w, NULL);	 /* SKU */
	end(w);
}

static void put_processor(struct builder *w, const struct firmware_info *info, unsigned n)
{
	char socket[16];

	snprintf(socket, sizeof(socket), "CPU %u", n);
	begin(w, TYPE_PROCESSOR, HANDLE(TYPE_PROCESSOR, n));
	put_string(w, socket);
	blob_put8(w->out, 0x03); /* central processor */
	blob_put8(w->out, 0x01); /* family: other */
	put_string(w, MANUFACTURER);
	blob_put32(w->out, info->cpu_signature);
	blob_put32(w->out, info->cpu_features);
	put_string(w, NULL);	 /* version */
	blob_put8(w->out, 0);	 /* voltage */
	blob_put16(w->out, 0);	 /* clocks unknown: external, greatest, present */
	blob_put16(w->out, 0);
	blob_put16(w->out, 0);
	blob_put8(w->out, 0x41); /* populated and enabled */
	blob_put8(w->out, 0x01); /* upgrade: other */
	blob_put16(w->out, NONE); /* caches */
	blob_put16(w->out, NONE);
	blob_put16(w->out, NONE);
	put_string(w, NULL);	 /* serial number, asset tag, part number */
	put_string(w, NULL);
	put_string(w, NULL);
	blob_put8(w->out, 1);	 /* cores: all, enabled; threads */
	blob_put8(w->out, 1);
	blob_put8(w->out, 1);
	blob_put16(w->out, 1 << 2); /* 64-bit capable */
	blob_put16(w->out, 0x01);   /* family again, in 16 bits */
	end(w);
}

static void put_memory_array(struct builder *w, uint64_t bytes, unsigned devices)
{
	bool extended = bytes / KIB >= 0x80000000u;

	begin(w, TYPE_MEMORY_ARRAY, HANDLE(TYPE_MEMORY_ARRAY, 0));
	blob_put8(w->out, 0x01); /* other */
	blob_put8(w->out, 0x03); /* system memory */
	blob_put8(w->out, 0x06); /* multi-bit ECC, which Windows' certification asks for */
	blob_put32(w->out, extended ? 0x80000000u : bytes / KIB);
	blob_put16(w->out, 0xfffe); /* error information: not provided */
	blob_put16(w->out, devices);
	blob_put64(w->out, extended ? bytes : 0);
	end(w);
}

static void put_memory_device(struct builder *w, uint64_t bytes, unsigned n)
{
	char locator[16];

	snprintf(locator, sizeof(locator), "DIMM %u", n);
	begin(w, TYPE_MEMORY_DEVICE, HANDLE(TYPE_MEMORY_DEVICE, n));
	blob_put16(w->out, HANDLE(TYPE_MEMORY_ARRAY, 0));
	blob_put16(w->out, 0xfffe); /* error information */
	blob_put16(w->out, NONE);   /* widths unknown */
	blob_put16(w->out, NONE);
	blob_put16(w->out, bytes / MIB);
	blob_put8(w->out, 0x09); /* DIMM */
	blob_put8(w->out, 0);
	put_string(w, locator);
	put_string(w, NULL);
	blob_put8(w->out, 0x07);   /* RAM */
	blob_put16(w->out, 1 << 1); /* other */
	blob_put16(w->out, 0);	   /* speed */
	put_string(w, MANUFACTURER);
	put_string(w, NULL);
	put_string(w, NULL);
	put_string(w, NULL);
	blob_put8(w->out, 0);	   /* rank */
	blob_put32(w->out, 0);	   /* extended size: not needed */
	blob_put16(w->out, 0);	   /* configured speed and voltages */
	blob_put16(w->out, 0);
	blob_put16(w->out, 0);
	blob_put16(w->out, 0);
	end(w);
}

static void put_array_address(struct builder *w, uint64_t base, uint64_t bytes, unsigned n)
{
	bool extended = (base + bytes) / KIB > 0xffffffffu;

	begin(w, TYPE_ARRAY_ADDRESS, HANDLE(TYPE_ARRAY_ADDRESS, n));
	blob_put32(w->out, extended ? 0xffffffffu : base / KIB);
	blob_put32(w->out, extended ? 0xffffffffu : (base + bytes) / KIB - 1);
	blob_put16(w->out, HANDLE(TYPE_MEMORY_ARRAY, 0));
	blob_put8(w->out, 1);
	blob_put64(w->out, extended ? base : 0);
	blob_put64(w->out, extended ? base + bytes - 1 : 0);
	end(w);
}

static void put_memory(struct builder *w, const struct firmware_info *info)
{
	uint64_t bytes = info->ram_below_4g + info->ram_above_4g;
	unsigned devices = (bytes + DIMM_BYTES - 1) / DIMM_BYTES;

	put_memory_array(w, bytes, devices);
	for (unsigned n = 0; n < devices; n++) {
		uint64_t rest = bytes - n * DIMM_BYTES;

		put_memory_device(w, rest < DIMM_BYTES ? rest : DIMM_BYTES, n);
	}
	put_array_address(w, 0, info->ram_below_4g, 0);
	if (info->ram_above_4g)
		put_array_address(w, 1ull << 32, info->ram_above_4g, 1);
}

static void put_boot(struct builder *w)
{
	begin(w, TYPE_BOOT, HANDLE(TYPE_BOOT, 0));
	blob_put(w->out, NULL, 6); /* reserved */
	blob_put8(w->out, 0);	   /* no errors */
	end(w);
}

static void put_end(struct builder *w)
{
	begin(w, TYPE_END, HANDLE(TYPE_END, 0));
	end(w);
}

static uint8_t checksum(const struct blob *b, size_t from, size_t to)
{
	uint8_t sum = 0;

	for (size_t i = from; i < to && i < b->len; i++)
		sum += b->data[i];
	return -sum;
}

/* The address stays 0; firmware that fills it in puts the checksums right again. */
static void put_anchor(struct blob *b, const struct builder *w)
{
	blob_put_text(b, "_SM_");
	blob_put8(b, 0);
	blob_put8(b, ENTRY_LEN);
	blob_put8(b, 2);
	blob_put8(b, MINOR_VERSION);
	blob_put16(b, w->longest);
	blob_put(b, NULL, 6); /* entry point revision, formatted area */
	blob_put_text(b, "_DMI_");
	blob_put8(b, 0);
	blob_put16(b, w->out->len);
	blob_put32(b, 0);
	blob_put16(b, w->structures);
	blob_put8(b, 0x20 | MINOR_VERSION);
	blob_set(b, 21, checksum(b, 16, ENTRY_LEN), 1);
	blob_set(b, 4, checksum(b, 0, ENTRY_LEN), 1);
}

int smbios_build(struct smbios_files *s, const struct firmware_info *info)
{
	struct builder w = { .out = &s->tables };

	*s = (struct smbios_files){ 0 };
	put_bios(&w);
	put_system(&w, info);
	put_chassis(&w);
	for (unsigned n = 0; n < info->vcpus; n++)
		put_processor(&w, info, n);
	put_memory(&w, info);
	put_boot(&w);
	put_end(&w);
	put_anchor(&s->anchor, &w);
	return s->tables.failed || s->anchor.failed ? -ENOMEM : 0;
}

void smbios_free(struct smbios_files *s)
{
	blob_free(&s->anchor);
	blob_free(&s->tables);
}
