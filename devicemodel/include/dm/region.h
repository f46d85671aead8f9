/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address spaces: ports, and guest-physical memory. A device adds a region and sees offsets into
 * it, never its address; the space decides which region answers at an address, and splits, joins
 * and drops accesses so that a device meets only the sizes it names.
 *
 * All of this runs under the machine lock.
 */
#ifndef DM_REGION_H
#define DM_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct region_ops {
	uint64_t (*read)(void *dev, uint64_t off, unsigned size);
	void (*write)(void *dev, uint64_t off, uint64_t val, unsigned size);
	unsigned min, max; /* sizes the device accepts, in bytes: 1, 2, 4 or 8 */
	/*
	 * Optional: items of a string instruction, which all go to off, at once. Returns how many
	 * of count it took; 0 has the next one come by read or write.
	 */
	unsigned (*read_string)(void *dev, uint64_t off, void *buf, unsigned size,
				unsigned count);
	unsigned (*write_string)(void *dev, uint64_t off, const void *buf, unsigned size,
				 unsigned count);
};

enum region_kind {
	REGION_IO,  /* every access goes to ops */
	REGION_RAM, /* host memory; the guest reads and writes it without an exit */
	REGION_ROM, /* host memory to read; writes go to ops, or nowhere without ops */
};

enum {
	REGION_DMA = 1u << 0,	    /* main memory: the door in dm/dma.h opens onto it */
	REGION_LOG_DIRTY = 1u << 1, /* the hypervisor keeps a dirty log of it */
};

struct space;

struct region {
	struct space *space;
	const struct region_ops *ops;
	void *dev;
	uint64_t base, len;
	uint8_t *host;	     /* REGION_RAM, REGION_ROM: len bytes */
	enum region_kind kind;
	unsigned flags;	     /* REGION_DMA, REGION_LOG_DIRTY */
	int prio;	     /* where regions overlap the highest answers, then the oldest */
	bool enabled;
	struct region *next; /* in order of addition */
};

/* One piece of the flattened space: [start, end) is answered by region from offset off on. */
struct flat {
	uint64_t start, end;
	struct region *region;
	uint64_t off;
};

/* Told after the map changed; old and new are sorted, without overlap. */
typedef void space_listener_fn(void *arg, const struct flat *old, size_t n_old,
			       const struct flat *new, size_t n_new);

struct space {
	const char *name;
	uint64_t size;		 /* addresses from 0 to size - 1 */
	struct region *regions;
	struct flat *flat;
	size_t n_flat;
	unsigned deferred;	 /* space_begin() without space_commit() */
	bool stale;
	space_listener_fn *listener;
	void *listener_arg;
};

void space_init(struct space *s, const char *name, uint64_t size);
void space_fini(struct space *s);

/* Changes between begin and commit reach the flat map, and the listener, once. They nest. */
void space_begin(struct space *s);
void space_commit(struct space *s);

/* fn is called at once with the present map as new, then after each change. One per space. */
void space_listen(struct space *s, space_listener_fn *fn, void *arg);

/*
 * Each of these adds *r, which lives until region_del(). 0, -EINVAL for a range outside the
 * space, or -ENOMEM. A region starts enabled.
 */
int region_add(struct space *s, struct region *r, const struct region_ops *ops, void *dev,
	       uint64_t base, uint64_t len);
int region_add_ram(struct space *s, struct region *r, uint64_t base, uint64_t len, void *host,
		   unsigned flags);
int region_add_rom(struct space *s, struct region *r, uint64_t base, uint64_t len, void *host,
		   const struct region_ops *ops, void *dev);
void region_del(struct region *r);

void region_move(struct region *r, uint64_t base);
void region_enable(struct region *r, bool on);
void region_set_prio(struct region *r, int prio);

/*
 * The guest's accesses. size is 1 to 8. Where nothing answers, reads give all ones and writes are
 * dropped. RAM and ROM are served too, so that an access may straddle anything.
 */
uint64_t space_read(struct space *s, uint64_t addr, unsigned size);
void space_write(struct space *s, uint64_t addr, uint64_t val, unsigned size);

/* The same for count items in a row at one address, as string instructions make them. */
void space_read_string(struct space *s, uint64_t addr, void *buf, unsigned size, unsigned count);
void space_write_string(struct space *s, uint64_t addr, const void *buf, unsigned size,
			unsigned count);

/* The piece that answers at addr, or NULL. Valid until the next change. */
const struct flat *space_find(const struct space *s, uint64_t addr);

#endif
