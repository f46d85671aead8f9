// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands of the firmware's table loader. Tables are written here before anyone knows where they
 * will lie; the firmware places each file and then does what this script says: adds addresses to
 * pointers and puts checksums right. OVMF knows the same script.
 *
 * A command is 128 bytes: a number, its arguments, zeroes. File names fill 56 bytes.
 * Reference: SeaBIOS, "romfile loader"; the fw_cfg file is etc/table-loader.
 */
#include <string.h>

#include "firmware/tables.h"

static size_t command_begin(struct blob *script, uint32_t number)
{
	size_t start = script->len;

	blob_put32(script, number);
	return start;
}

static void command_name(struct blob *script, const char *name)
{
	size_t len = strnlen(name, LOADER_NAME_LEN - 1);

	blob_put(script, name, len);
	blob_put(script, NULL, LOADER_NAME_LEN - len);
}

static void command_end(struct blob *script, size_t start)
{
	blob_put(script, NULL, LOADER_COMMAND_LEN - (script->len - start));
}

void loader_allocate(struct blob *script, const char *file, uint32_t align, enum loader_zone zone)
{
	size_t start = command_begin(script, LOADER_ALLOCATE);

	command_name(script, file);
	blob_put32(script, align);
	blob_put8(script, zone);
	command_end(script, start);
}

void loader_add_pointer(struct blob *script, const char *file, uint32_t off, unsigned size,
			const char *target)
{
	size_t start = command_begin(script, LOADER_ADD_POINTER);

	command_name(script, file);
	command_name(script, target);
	blob_put32(script, off);
	blob_put8(script, size);
	command_end(script, start);
}

void loader_add_checksum(struct blob *script, const char *file, uint32_t off, uint32_t start,
			 uint32_t len)
{
	size_t begin = command_begin(script, LOADER_ADD_CHECKSUM);

	command_name(script, file);
	blob_put32(script, off);
	blob_put32(script, start);
	blob_put32(script, len);
	command_end(script, begin);
}
