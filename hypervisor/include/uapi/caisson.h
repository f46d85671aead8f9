/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What /dev/caisson has beyond the KVM API: video memory that costs nothing while it rests. A range
 * of a slot with KVM_MEM_LOG_DIRTY_PAGES is tracked. While it is active, its pages are found by the
 * processor's dirty bits; a query without a find, so long after the last page that was found, takes
 * write access from the whole range: it is idle, and a query costs no more than the call. The first
 * write brings it back and signals an eventfd.
 * docs/abi.md has the errors.
 */
#ifndef CAISSON_UAPI_H
#define CAISSON_UAPI_H

#include <linux/kvm.h>

/* KVM_CHECK_EXTENSION, of the system and of a VM: 1 if the two calls are there. */
#define CAISSON_CAP_VRAM_TRACKING 0xca1550

/* A slot has one range at most; a new one takes its place, and it goes with the slot. */
struct caisson_vram_tracking {
	__u32 slot;
	__s32 fd;	/* an eventfd, signalled by the first write while idle; -1: tracking ends */
	__u64 offset;	/* bytes from the start of the slot; whole pages, as len */
	__u64 len;
	__u64 idle_ns;
};
#define CAISSON_SET_VRAM_TRACKING _IOW(KVMIO, 0xf0, struct caisson_vram_tracking)

enum { CAISSON_VRAM_ACTIVE, CAISSON_VRAM_IDLE };

/* Moves what was written since the last query out of the slot's dirty log. */
struct caisson_vram_dirty {
	__u32 slot;
	__u32 state;	/* out: idle: nothing comes before the eventfd does */
	__u64 bitmap;	/* address; bit 0 is the range's first page; bits are set, none cleared */
	__u64 pages;	/* out: found by this query */
	__u64 faults;	/* out: first writes, since tracking began */
};
#define CAISSON_GET_VRAM_DIRTY _IOWR(KVMIO, 0xf1, struct caisson_vram_dirty)

#endif
