// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that was given no UUID gets one that follows from its name, so that a system which
 * binds its licence to the machine finds the same machine each time; likewise its drives' serial
 * numbers, by which systems tell disks apart.
 * Reference: RFC 9562, "UUID Version 8".
 */
#include "internal.h"

/* FNV-1a with a final mix, so that short names fill all bits. */
static uint64_t hash(const char *s, uint64_t seed)
{
	uint64_t h = 0xcbf29ce484222325ull ^ seed;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ull;
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdull;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ull;
	return h ^ h >> 33;
}

void serial_from_uuid(char serial[CONFIG_SERIAL_MAX + 1], const char *uuid, const char *drive)
{
	snprintf(serial, CONFIG_SERIAL_MAX + 1, "CS%016llX",
		 (unsigned long long)hash(drive, hash(uuid, 0)));
}

void uuid_from_name(char uuid[37], const char *name)
{
	uint64_t hi = hash(name, 0), lo = hash(name, 0x9e3779b97f4a7c15ull);

	snprintf(uuid, 37, "%08x-%04x-8%03x-%04x-%012llx", (unsigned)(hi >> 32),
		 (unsigned)(hi >> 16 & 0xffff), (unsigned)(hi & 0xfff),
		 (unsigned)(lo >> 48 & 0x3fff) | 0x8000,
		 (unsigned long long)(lo & 0xffffffffffffull));
}
