/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which pages of video memory the guest wrote: what the display asks, and the hypervisor answers.
 * Under the machine lock.
 */
#ifndef DM_VRAM_H
#define DM_VRAM_H

#include <stdbool.h>
#include <stdint.h>

struct machine;
struct region;

enum { VRAM_PAGE = 4096 };

/* How changes are found: three generations. */
enum vram_mode {
	VRAM_COMPARE, /* all that shows is compared, on a timer */
	VRAM_LOG,     /* the hypervisor's dirty log is asked, on a timer */
	VRAM_IDLE,    /* the same, until it finds nothing: then the guest's next write is told */
};

struct vram_look {
	struct region *region; /* has REGION_LOG_DIRTY */
	uint64_t off, len;     /* the part of it that shows: whole pages */
	bool rest;	       /* so long after the last page that was found: become idle */
	uint64_t idle_ns;
	unsigned long *bitmap; /* a bit for each page of the region; bits are set, none cleared */
	bool idle;	       /* out: nothing can change before woken() */
	/*
	 * Told once after idle was answered, with the machine lock held, in any thread: a write
	 * is about to happen, or the memory is somewhere else now. May come for nothing.
	 */
	void (*woken)(void *dev);
	void *dev;
};

/*
 * Pages that were written since the last look, at least those that show; and some that were not,
 * where that costs the guest less. 0 or -errno.
 */
int machine_vram_look(struct machine *m, struct vram_look *look);

#endif
