/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest memory: a memfd, mapped once, with huge pages where the host gives them. */
#ifndef MACHINE_RAM_H
#define MACHINE_RAM_H

#include <stdint.h>

struct ram {
	int fd;
	uint8_t *host; /* 2 MiB aligned */
	uint64_t len;
};

/* Zeroed and not yet taken from the host. name shows in /proc/PID/maps. 0 or -errno. */
int ram_create(struct ram *r, const char *name, uint64_t len);
void ram_destroy(struct ram *r);

#endif
