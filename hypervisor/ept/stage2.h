/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Second-stage page tables: guest-physical to host-physical. One walker for two formats; the
 * format files hold all that differs. Every function wants vm->mmu held unless it says otherwise;
 * none of them flushes a TLB: what they return says whether one is needed.
 */
#ifndef HV_STAGE2_H
#define HV_STAGE2_H

#include "host.h"

/* The same bits as a memory exit's access, without the walk's. */
enum { S2_READ = 1, S2_WRITE = 2, S2_EXEC = 4, S2_ALL = 7 };
enum { S2_LEVELS = 4, S2_PAGE = 4096 };
enum { S2_HUGE = 2 << 20 };

/* All that differs between EPT and NPT. Levels: 1 is 4 KiB, 2 is 2 MiB, 3 is 1 GiB. */
struct stage2_format {
	uint64_t (*leaf)(uint64_t pa, unsigned level, uint32_t prot); /* write-back memory */
	uint64_t (*table)(uint64_t pa);
	uint32_t (*prot)(uint64_t entry); /* 0: not present */
	bool (*is_leaf)(uint64_t entry, unsigned level);
	uint64_t (*root)(uint64_t pa, bool ad_bits); /* what the hardware is given: nCR3, EPTP */
	uint64_t accessed, dirty;      /* 0: the processor has no such bits */
	uint64_t write;		       /* the bit that allows writes */
};

struct stage2 {
	const struct stage2_format *fmt;
	struct host_page root;
	uint64_t root_value; /* [I] fmt->root(), for the vendor */
	bool ad_bits;	     /* [I] the processor sets fmt->accessed and fmt->dirty */
	uint64_t dead;	     /* tables taken out, which a processor may still be walking; a chain */
};

/* Pages of a range as bits: bit n is the page n behind gpa. bits NULL: nobody wants to know. */
struct stage2_log {
	unsigned long *bits; /* [a] */
	uint64_t gpa, len;
};

/* Tables for one stage2_map(), made before the lock is taken. */
struct stage2_pool {
	unsigned n;
	struct host_page page[S2_LEVELS - 1];
};
int stage2_pool_fill(struct stage2_pool *p); /* no lock held; may sleep; 0 or -ENOMEM */
void stage2_pool_drain(struct stage2_pool *p);

int stage2_init(struct stage2 *s, const struct stage2_format *fmt, bool ad_bits); /* may sleep */
void stage2_fini(struct stage2 *s); /* all tables go; nothing uses them any more */

/*
 * Maps one leaf of the level (1 or 2) at gpa; an entry that is there is replaced, tables below
 * it die, a larger leaf around it is split. What maps the page to pa already, with these rights
 * or more, is left as it is. -ENOMEM: the pool was too small. *flush: an old translation may be in
 * a TLB.
 */
int stage2_map(struct stage2 *s, struct stage2_pool *p, uint64_t gpa, uint64_t pa, unsigned level,
	       uint32_t prot, bool *flush);

/*
 * Tables die when their last leaf goes or a larger leaf takes their place; as a processor may have
 * cached the way to them, they are freed after a flush: by whoever has taken them, without a lock.
 */
uint64_t stage2_take_dead(struct stage2 *s);
void stage2_bury(uint64_t dead);

/*
 * What is done to the leaves of [gpa, gpa + len), below 1 << 48; of a 2 MiB leaf it is done to all
 * when a part is in the range. Each returns whether a flush is needed. A leaf is dirty by its dirty
 * bit or, without ad_bits, by being writable. The log (may be NULL) gets the pages whose leaf is
 * dirty, as far as it reaches.
 */
bool stage2_zap(struct stage2 *s, uint64_t gpa, uint64_t len, const struct stage2_log *log);
/*
 * clear: makes them clean (dirty bit off, or write access off). Between two calls that clear there
 * must have been the flush that the first asked for.
 */
bool stage2_dirty(struct stage2 *s, uint64_t gpa, uint64_t len, const struct stage2_log *log,
		  bool clear);
/* Makes those of the 64 pages from gpa on clean whose bit is set; 2 MiB leaves stay as they are. */
bool stage2_clean(struct stage2 *s, uint64_t gpa, uint64_t which);
/*
 * Takes write access from those that have it, or gives it back to those it was taken from; of a
 * table that is wholly in the range, in one entry. Nothing without ad_bits: what is not dirty has
 * no write access there.
 */
bool stage2_hold(struct stage2 *s, uint64_t gpa, uint64_t len, bool take);
/*
 * Has any been accessed? clear: and forgets it, without a flush, as a guess is good enough.
 * Without ad_bits any leaf counts, and clear zaps it.
 */
bool stage2_young(struct stage2 *s, uint64_t gpa, uint64_t len, const struct stage2_log *log,
		  bool clear, bool *young);

extern const struct stage2_format ept_format, npt_format;

#endif
