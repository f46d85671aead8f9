// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the firmware finds in fw_cfg and CMOS: the size of the machine, its tables, and what to
 * boot from.
 * Reference: QEMU, "QEMU Firmware Configuration (fw_cfg) Device" (the items' layout); SeaBIOS,
 * "Runtime configuration" (its files).
 */
#include "firmware/firmware.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dm/parts.h"
#include "firmware/tables.h"

/* fw_cfg's numbered items */
enum {
	ITEM_UUID = 0x02,
	ITEM_RAM_SIZE = 0x03,
	ITEM_CPUS = 0x05,
	ITEM_BOOT_MENU = 0x0e,
	ITEM_MAX_CPUS = 0x0f,
	ITEM_IRQ0_OVERRIDE = 0x8002, /* that IRQ 0 arrives at pin 2, for the MP table */
};
enum { E820_RAM = 1, E820_RESERVED = 2 };
enum { IDE_PLACES = 4, HDC = 2 };
#define RAM_BELOW_4G_MAX 0xc0000000ull
#define RAM_MAX		 (1ull << 41) /* as many 16 GiB DIMMs as SMBIOS has handles here */
#define FOUR_GIB	 (1ull << 32)

static int check(const struct firmware_info *info)
{
	if (!info->vcpus || info->vcpus > FIRMWARE_MAX_VCPUS)
		return -EINVAL;
	if (!info->ram_below_4g || info->ram_below_4g > RAM_BELOW_4G_MAX ||
	    info->ram_above_4g > RAM_MAX)
		return -EINVAL;
	return 0;
}

static int add_number(struct fw_cfg *f, uint16_t key, uint64_t val, unsigned size)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = val >> i * 8;
	return fw_cfg_add_item(f, key, bytes, size);
}

static int add_items(struct fw_cfg *f, const struct firmware_info *info)
{
	int err = fw_cfg_add_item(f, ITEM_UUID, info->uuid, sizeof(info->uuid));

	err = err ?: add_number(f, ITEM_RAM_SIZE, info->ram_below_4g + info->ram_above_4g, 8);
	err = err ?: add_number(f, ITEM_CPUS, info->vcpus, 2);
	err = err ?: add_number(f, ITEM_MAX_CPUS, info->vcpus, 2);
	err = err ?: add_number(f, ITEM_BOOT_MENU, !!info->boot_menu_ms, 2);
	return err ?: add_number(f, ITEM_IRQ0_OVERRIDE, 1, 4);
}

/* Takes the blob's bytes into fw_cfg, and its memory back. */
static int add_blob(struct fw_cfg *f, const char *name, struct blob *b)
{
	int err = b->failed ? -ENOMEM : fw_cfg_add_file(f, name, b->data, b->len);

	blob_free(b);
	return err;
}

static void e820_put(struct blob *b, uint64_t base, uint64_t len, uint32_t type)
{
	if (!len)
		return;
	blob_put64(b, base);
	blob_put64(b, len);
	blob_put32(b, type);
}

static int add_e820(struct fw_cfg *f, const struct firmware_info *info)
{
	struct blob b = { 0 };

	e820_put(&b, info->reserved_base, info->reserved_len, E820_RESERVED);
	e820_put(&b, 0, info->ram_below_4g, E820_RAM);
	e820_put(&b, FOUR_GIB, info->ram_above_4g, E820_RAM);
	return add_blob(f, FILE_E820, &b);
}

/* --- boot order --- */

static void boot_put(struct blob *b, const char *path)
{
	if (b->len)
		blob_put8(b, '\n');
	blob_put_text(b, path);
}

/* SeaBIOS passes over paths that lead nowhere, so every place of a disk may be named. */
static void boot_put_drives(struct blob *b, const struct firmware_info *info, bool cdrom)
{
	unsigned cdroms = info->cdroms ? info->cdroms : 1 << HDC;
	char path[64];

	for (unsigned n = 0; n < IDE_PLACES; n++) {
		if ((cdroms >> n & 1) != cdrom)
			continue;
		snprintf(path, sizeof(path), "/pci@i0cf8/ide@1,1/drive@%u/disk@%u", n / 2, n % 2);
		boot_put(b, path);
	}
}

static void boot_put_letter(struct blob *b, char letter, const struct firmware_info *info)
{
	char path[64];

	switch (letter) {
	case 'c':
	case 'd':
		boot_put_drives(b, info, letter == 'd');
		break;
	case 'n':
		if (!info->nic_slot)
			break;
		snprintf(path, sizeof(path), "/pci@i0cf8/ethernet@%x/ethernet-phy@0",
			 info->nic_slot);
		boot_put(b, path);
		break;
	}
}

static int add_boot_order(struct fw_cfg *f, const struct firmware_info *info)
{
	struct blob b = { 0 };

	for (const char *p = info->boot ? info->boot : ""; *p; p++)
		boot_put_letter(&b, *p, info);
	if (!b.len && !b.failed)
		return 0;
	blob_put8(&b, 0); /* OVMF wants its end marked */
	return add_blob(f, FILE_BOOT_ORDER, &b);
}

static int add_boot_menu(struct fw_cfg *f, const struct firmware_info *info)
{
	struct blob b = { 0 };

	if (!info->boot_menu_ms)
		return 0;
	blob_put16(&b, info->boot_menu_ms < 0xffff ? info->boot_menu_ms : 0xffff);
	return add_blob(f, FILE_BOOT_MENU, &b);
}

/* --- tables --- */

static int add_acpi(struct fw_cfg *f, const struct firmware_info *info)
{
	struct acpi_files a;
	int err = acpi_build(&a, info);

	err = err ?: add_blob(f, FILE_ACPI_RSDP, &a.rsdp);
	err = err ?: add_blob(f, FILE_ACPI_TABLES, &a.tables);
	err = err ?: add_blob(f, FILE_TABLE_LOADER, &a.script);
	acpi_free(&a);
	return err;
}

static int add_smbios(struct fw_cfg *f, const struct firmware_info *info)
{
	struct smbios_files s;
	int err = smbios_build(&s, info);

	err = err ?: add_blob(f, FILE_SMBIOS_ANCHOR, &s.anchor);
	err = err ?: add_blob(f, FILE_SMBIOS_TABLES, &s.tables);
	smbios_free(&s);
	return err;
}

int firmware_add_tables(struct fw_cfg *f, const struct firmware_info *info)
{
	int err = check(info);

	err = err ?: add_items(f, info);
	err = err ?: add_e820(f, info);
	err = err ?: add_boot_order(f, info);
	err = err ?: add_boot_menu(f, info);
	err = err ?: add_acpi(f, info);
	return err ?: add_smbios(f, info);
}

/* --- CMOS --- */

enum {
	CMOS_EQUIPMENT = 0x14,
	CMOS_BASE_MEMORY = 0x15,     /* KiB, low byte first, as are all below */
	CMOS_EXTENDED = 0x17,	     /* KiB above 1 MiB, up to 64 MiB */
	CMOS_EXTENDED_FOUND = 0x30,
	CMOS_ABOVE_16M = 0x34,	     /* 64 KiB units */
	CMOS_BOOT_HIGH = 0x38,	     /* third device in bits 7 to 4; bit 0: no floppy check */
	CMOS_BOOT_LOW = 0x3d,	     /* second and first device */
	CMOS_ABOVE_4G = 0x5b,	     /* 64 KiB units, three bytes */
	CMOS_CPUS = 0x5f,	     /* beside the first */
};
enum { EQUIPMENT_FPU = 0x02, EQUIPMENT_MOUSE = 0x04 };
#define KIB 1024ull
#define MIB (1024 * KIB)

static uint64_t above(uint64_t bytes, uint64_t base)
{
	return bytes > base ? bytes - base : 0;
}

static void cmos_set(struct mc146818 *rtc, uint8_t index, uint64_t val, uint64_t most,
		     unsigned size)
{
	if (val > most)
		val = most;
	for (unsigned i = 0; i < size; i++)
		mc146818_set_cmos(rtc, index + i, val >> i * 8);
}

static unsigned boot_nibble(const char *boot, unsigned n)
{
	if (!boot || strlen(boot) <= n)
		return 0;
	return boot[n] == 'c' ? 2 : boot[n] == 'd' ? 3 : boot[n] == 'n' ? 4 : 0;
}

void firmware_set_cmos(struct mc146818 *rtc, const struct firmware_info *info)
{
	uint64_t low = info->ram_below_4g;

	cmos_set(rtc, CMOS_EQUIPMENT, EQUIPMENT_FPU | EQUIPMENT_MOUSE, 0xff, 1);
	cmos_set(rtc, CMOS_BASE_MEMORY, 640, 640, 2);
	cmos_set(rtc, CMOS_EXTENDED, above(low, MIB) / KIB, 0xffff, 2);
	cmos_set(rtc, CMOS_EXTENDED_FOUND, above(low, MIB) / KIB, 0xffff, 2);
	cmos_set(rtc, CMOS_ABOVE_16M, above(low, 16 * MIB) / (64 * KIB), 0xffff, 2);
	cmos_set(rtc, CMOS_ABOVE_4G, info->ram_above_4g / (64 * KIB), 0xffffff, 3);
	cmos_set(rtc, CMOS_CPUS, info->vcpus - 1, 0xff, 1);
	cmos_set(rtc, CMOS_BOOT_HIGH, boot_nibble(info->boot, 2) << 4 | 1, 0xff, 1);
	cmos_set(rtc, CMOS_BOOT_LOW,
		 boot_nibble(info->boot, 1) << 4 | boot_nibble(info->boot, 0), 0xff, 1);
}
