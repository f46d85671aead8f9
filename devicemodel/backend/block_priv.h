/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the raw back end share: whole transfers, image locks, the overlay. */
#ifndef BLOCK_PRIV_H
#define BLOCK_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All of len bytes: 0 or -errno; -EIO where the file ends before. */
int block_read_all(int fd, void *buf, size_t len, uint64_t offset);
int block_write_all(int fd, const void *buf, size_t len, uint64_t offset);

/* Frees len bytes of a file and makes them zeroes; -EOPNOTSUPP where its file system cannot. */
int block_punch(int fd, uint64_t len, uint64_t offset);

/*
 * Locks the image for this descriptor, against writers or against everybody. 0, or -EBUSY with a
 * sentence that names who has it. A file system without locks is not an error.
 */
int block_lock(int fd, bool exclusive, const char *path, char *(*guest_of)(int pid),
	       char **why);

/*
 * Changes to the first size bytes of base, kept in a file without a name. 0 or -errno with a
 * sentence. Not locked: one thread at a time. base stays the caller's.
 */
struct overlay;
int overlay_create(struct overlay **o, int base, uint64_t size, char **why);
void overlay_free(struct overlay *o); /* may be NULL */
int overlay_read(struct overlay *o, void *buf, size_t len, uint64_t offset);
int overlay_write(struct overlay *o, const void *buf, size_t len, uint64_t offset);
int overlay_discard(struct overlay *o, uint64_t len, uint64_t offset); /* reads as zeroes then */

#endif
