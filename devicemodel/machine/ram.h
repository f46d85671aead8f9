/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest memory: main memory in huge pages where the host gives them, video memory in small ones. */
#ifndef MACHINE_RAM_H
#define MACHINE_RAM_H

#include <stdint.h>

struct ram {
	int fd;	       /* -1: anonymous */
	uint8_t *host; /* 2 MiB aligned */
	uint64_t len;
};

/* Zeroed and not yet taken from the host. 0 or -errno. */
int ram_create(struct ram *r, uint64_t len);
/* In small pages; name shows in /proc/PID/maps. */
int ram_create_small(struct ram *r, const char *name, uint64_t len);
/*
 * Takes the part from the host in which boot loaders work. One that reads there before it writes,
 * as GRUB does when it moves a kernel, would get it in small pages for good, each with an exit: a
 * host splits its huge page of zeroes when that is written.
 */
void ram_take_first(struct ram *r);
void ram_destroy(struct ram *r);
/* Bytes of it that the host has given so far. */
uint64_t ram_resident(const struct ram *r);

#endif
