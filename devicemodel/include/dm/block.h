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

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_OPS };

/* What BLOCK_DISCARD does: it fails; a hint, after which anything may be read; it makes zeroes. */
enum block_discard { DISCARD_NONE, DISCARD_HINT, DISCARD_ZEROES };

struct block_req {
	enum block_op op;
	uint64_t offset; /* bytes */
	void *buf;	 /* len bytes, the back end's from submit to done; NULL to discard, flush */
	size_t len;
	/* err is 0 or -errno; machine lock held; never called from within submit */
	void (*done)(struct block_req *r, int err);
	void *owner;		/* the submitter's */
	struct block_req *next; /* the back end's */
};

struct block_options {
	bool read_only;
	bool discard_changes; /* writes go to a nameless file and are gone in the end */
	bool no_discard;      /* the image keeps its blocks, whatever the guest says of them */
	/*
	 * A write that finds the disk full pauses the machine instead of failing, and is made again
	 * by block_retry(); guest is named in the advice.
	 */
	bool wait_for_room;
	const char *guest;
	/* optional: the name of the guest that a process runs, to be freed, or NULL */
	char *(*guest_of)(int pid);
};

/*
 * A raw image, locked for this process. 0 or -errno; *why is then one sentence for the user (to
 * be freed). Opens files and starts the worker, so: before the sandbox, without the machine lock.
 */
int block_open_raw(struct block **b, struct machine *m, const char *path,
		   const struct block_options *opt, char **why);
/* What block_open_raw() would refuse whoever has the image: 0, or -errno and a sentence. */
int block_check_raw(const char *path, const struct block_options *opt, char **why);
/*
 * The same for a file that somebody else has opened, and path names in messages. fd is the block's
 * from then on, and closed even on failure.
 */
int block_open_fd(struct block **b, struct machine *m, int fd, const char *path,
		  const struct block_options *opt, char **why);
/* Waits for what is under way. Without the machine lock. */
void block_close(struct block *b);
/*
 * For those who cannot wait: nothing is submitted any more, what is under way still completes, and
 * the file is closed then. Once block_ended(), block_close() does not wait. Any lock held.
 */
void block_end(struct block *b);
bool block_ended(struct block *b);

/*
 * Requests finish in any order, except that a flush covers every write that was done before it
 * was submitted. A request beyond the end of the image fails with -EIO.
 */
void block_submit(struct block *b, struct block_req *r);
/* There may be room now: goes on with a write that waits for it, if one does. */
void block_retry(struct block *b);

struct block_stats {
	uint64_t requests[BLOCK_OPS], bytes[BLOCK_OPS];
	uint64_t wakeups; /* of the worker */
};
void block_read_stats(struct block *b, struct block_stats *s);

uint64_t block_size(const struct block *b); /* bytes */
bool block_read_only(const struct block *b);
enum block_discard block_discard(const struct block *b);
const char *block_path(const struct block *b);

#endif
