// SPDX-License-Identifier: GPL-2.0-only
/*
 * What firmware leaves in memory for operating systems: ACPI tables, SMBIOS, the BIOS data area,
 * and the map of memory itself. The tables are built anew for each start, so that no copy is kept.
 * Missing: MP and $PIR tables, which only kernels without ACPI would ask for.
 * Reference: DMTF DSP0134, "SMBIOS 2.1 (32-bit) Entry Point".
 */
#include <errno.h>
#include <string.h>

#include "boot_priv.h"
#include "dm/isa.h"
#include "firmware/tables.h"

enum { BDA_COM1 = 0x400, BDA_EBDA = 0x40e, BDA_EQUIPMENT = 0x410, BDA_KIB = 0x413,
       BDA_END = 0x500 };
enum { EQUIPMENT_FPU = 0x0002, EQUIPMENT_MOUSE = 0x0004, EQUIPMENT_ONE_SERIAL = 0x0200 };
enum { ANCHOR_SUM = 4, ANCHOR_DMI = 16, ANCHOR_DMI_SUM = 21, ANCHOR_ADDRESS = 24, ANCHOR_LEN = 31 };
enum { ALIGN = 16, FSEG_END = BOOT_IMAGE };
#define FOUR_GIB (1ull << 32)

static int place_acpi(struct script *s, const struct acpi_files *a, uint64_t *rsdp)
{
	int err;

	s->file[0] = (struct script_file){ .name = FILE_ACPI_RSDP, .blob = &a->rsdp };
	s->file[1] = (struct script_file){ .name = FILE_ACPI_TABLES, .blob = &a->tables };
	s->files = 2;
	err = script_run(s, &a->script);
	*rsdp = s->file[0].gpa;
	return err;
}

/* The entry point's two sums are right without the address: they change by what that adds. */
static void set_anchor(uint8_t *anchor, uint32_t address)
{
	uint8_t sum = 0;

	memcpy(anchor + ANCHOR_ADDRESS, &address, sizeof(address));
	anchor[ANCHOR_DMI_SUM] = anchor[ANCHOR_SUM] = 0;
	for (unsigned i = ANCHOR_DMI; i < ANCHOR_LEN; i++)
		sum -= anchor[i];
	anchor[ANCHOR_DMI_SUM] = sum;
	sum = 0;
	for (unsigned i = 0; i < ANCHOR_LEN; i++)
		sum -= anchor[i];
	anchor[ANCHOR_SUM] = sum;
}

static int place_smbios(struct script *s, const struct smbios_files *f)
{
	uint64_t anchor = script_place(s, &f->anchor, ALIGN, true);
	uint64_t tables = script_place(s, &f->tables, ALIGN, false);

	if (f->anchor.len < ANCHOR_LEN)
		return -EINVAL;
	if (!anchor || !tables)
		return -ENOSPC;
	set_anchor(s->ram + anchor, tables);
	return 0;
}

/* The few words that kernels still look at: ports, and where base memory ends. */
static void put_bios_data(uint8_t *ram)
{
	uint16_t com1 = PORT_COM1, segment = BOOT_EBDA >> 4, kib = BOOT_EBDA >> 10;
	uint16_t equipment = EQUIPMENT_FPU | EQUIPMENT_MOUSE | EQUIPMENT_ONE_SERIAL;

	memset(ram + BDA_COM1, 0, BDA_END - BDA_COM1);
	memcpy(ram + BDA_COM1, &com1, sizeof(com1));
	memcpy(ram + BDA_EBDA, &segment, sizeof(segment));
	memcpy(ram + BDA_EQUIPMENT, &equipment, sizeof(equipment));
	memcpy(ram + BDA_KIB, &kib, sizeof(kib));
	memset(ram + BOOT_EBDA, 0, BOOT_LOW_END - BOOT_EBDA);
	ram[BOOT_EBDA] = (BOOT_LOW_END - BOOT_EBDA) >> 10; /* its size in KiB */
}

int tables_place(uint8_t *ram, const struct firmware_info *info, uint64_t *rsdp)
{
	struct script s = {
		.ram = ram,
		.fseg = BOOT_FSEG,
		.fseg_end = FSEG_END,
		.high = info->ram_below_4g - BOOT_TABLES_ROOM,
		.high_end = info->ram_below_4g,
	};
	struct smbios_files smbios;
	struct acpi_files acpi;
	int err;

	memset(ram + BOOT_FSEG, 0, FSEG_END - BOOT_FSEG);
	put_bios_data(ram);
	err = acpi_build(&acpi, info);
	if (!err)
		err = place_acpi(&s, &acpi, rsdp);
	acpi_free(&acpi);
	if (err)
		return err;
	err = smbios_build(&smbios, info);
	if (!err)
		err = place_smbios(&s, &smbios);
	smbios_free(&smbios);
	return err;
}

static void add_range(struct boot_range *map, unsigned *n, uint64_t base, uint64_t len,
		      uint32_t type)
{
	if (len)
		map[(*n)++] = (struct boot_range){ base, len, type };
}

unsigned tables_memory_map(const struct firmware_info *info, struct boot_range *map)
{
	uint64_t tables = info->ram_below_4g - BOOT_TABLES_ROOM;
	unsigned n = 0;

	add_range(map, &n, 0, BOOT_EBDA, BOOT_RAM);
	add_range(map, &n, BOOT_EBDA, BOOT_LOW_END - BOOT_EBDA, BOOT_RESERVED);
	add_range(map, &n, BOOT_FSEG, FSEG_END - BOOT_FSEG, BOOT_RESERVED);
	add_range(map, &n, BOOT_IMAGE, tables - BOOT_IMAGE, BOOT_RAM);
	add_range(map, &n, tables, BOOT_TABLES_ROOM, BOOT_RESERVED);
	add_range(map, &n, info->reserved_base, info->reserved_len, BOOT_RESERVED);
	add_range(map, &n, FOUR_GIB, info->ram_above_4g, BOOT_RAM);
	return n;
}
