/* SPDX-License-Identifier: GPL-2.0-only */
/* The inside of firmware/: a growing buffer, the table loader's script, and the table builders. */
#ifndef FIRMWARE_TABLES_H
#define FIRMWARE_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/firmware.h"

/* Bytes that grow. Running out of memory shows once, in failed; until then nothing to check. */
struct blob {
	uint8_t *data;
	size_t len, room;
	bool failed;
};

/* len bytes from p, or zeroes for NULL; everything here is little-endian. */
void blob_put(struct blob *b, const void *p, size_t len);
void blob_put8(struct blob *b, uint8_t val);
void blob_put16(struct blob *b, uint16_t val);
void blob_put32(struct blob *b, uint32_t val);
void blob_put64(struct blob *b, uint64_t val);
void blob_put_text(struct blob *b, const char *text); /* without its end */
void blob_set(struct blob *b, size_t off, uint64_t val, unsigned size);
void blob_align(struct blob *b, size_t align);
void blob_free(struct blob *b);

/* --- the table loader: commands that the firmware carries out when it places tables ---------- */

enum loader_zone { LOADER_HIGH = 1, LOADER_FSEG = 2 };
enum loader_command { LOADER_ALLOCATE = 1, LOADER_ADD_POINTER = 2, LOADER_ADD_CHECKSUM = 3 };
enum { LOADER_COMMAND_LEN = 128, LOADER_NAME_LEN = 56 };

void loader_allocate(struct blob *script, const char *file, uint32_t align, enum loader_zone zone);
/* size bytes at off in file hold an offset into target: adds where target was placed. */
void loader_add_pointer(struct blob *script, const char *file, uint32_t off, unsigned size,
			const char *target);
/* Makes [start, start + len) of file sum up to 0 by the byte at off. */
void loader_add_checksum(struct blob *script, const char *file, uint32_t off, uint32_t start,
			 uint32_t len);

/* --- tables ---------------------------------------------------------------------------------- */

#define FILE_ACPI_RSDP	   "etc/acpi/rsdp"
#define FILE_ACPI_TABLES   "etc/acpi/tables"
#define FILE_TABLE_LOADER  "etc/table-loader"
#define FILE_SMBIOS_ANCHOR "etc/smbios/smbios-anchor"
#define FILE_SMBIOS_TABLES "etc/smbios/smbios-tables"
#define FILE_E820	   "etc/e820"
#define FILE_BOOT_ORDER	   "bootorder"
#define FILE_BOOT_MENU	   "etc/boot-menu-wait"

struct acpi_files {
	struct blob rsdp, tables, script;
};

/* 0, -EINVAL or -ENOMEM; to be freed in any case. */
int acpi_build(struct acpi_files *a, const struct firmware_info *info);
void acpi_free(struct acpi_files *a);

struct smbios_files {
	struct blob anchor, tables;
};

int smbios_build(struct smbios_files *s, const struct firmware_info *info);
void smbios_free(struct smbios_files *s);

/* Where the PCI window below 4 GiB begins: SeaBIOS places BARs from there on. */
uint32_t firmware_pci_window(const struct firmware_info *info);

#endif
