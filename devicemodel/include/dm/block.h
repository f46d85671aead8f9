/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Block back ends as disks see them. A request is submitted under the machine lock, worked on by
 * the back end's own thread, and completed under the machine lock.
 */
#ifndef DM_BLOCK_H
#define DM_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine;
struct block;

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH };

struct block_req {
	enum block_op op;
	uint64_t offset; /* bytes */
	void *buf;	 /* len bytes; the back end's from submit to done */
	size_t len;
	/* err is 0 or -errno; machine lock held; never called from within submit */
	void (*done)(struct block_req *r, int err);
	void *owner;		/* the submitter's */
	struct block_req *next; /* the back end's */
};

struct block_options {
	bool read_only;
	bool discard_changes; /* writes go to a nameless file and are gone in the end */
	const char *owner;    /* guest's name, written into the lock for others to read */
};

/*
 * A raw image, locked for this process. 0 or -errno; *why is then one sentence for the user (to
 * be freed). Opens files and starts the worker, so: before the sandbox, without the machine lock.
 */
int block_open_raw(struct block **b, struct machine *m, const char *path,
		   const struct block_options *opt, char **why);
/* Waits for what is under way. Without the machine lock. */
void block_close(struct block *b);

/*
 * Requests finish in any order, except that a flush covers every write that was done before it
 * was submitted. A request beyond the end of the image fails with -EIO.
 */
void block_submit(struct block *b, struct block_req *r);

uint64_t block_size(const struct block *b); /* bytes */
bool block_read_only(const struct block *b);
const char *block_path(const struct block *b);

#endif
