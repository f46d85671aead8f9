// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory slots follow the flat map of the memory space: RAM as it is, ROM read-only, everything
 * else left out, so that touching it comes out as MMIO.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "dm/log.h"
#include "dm/region.h"
#include "kvm_priv.h"

enum { PAGE = 4096, BITS_PER_LONG = 8 * sizeof(long) };

static int set_slot(struct kvm *k, unsigned n, const struct kvm_slot *s)
{
	struct kvm_userspace_memory_region r = {
		.slot = n,
		.flags = s->flags,
		.guest_phys_addr = s->gpa,
		.memory_size = s->len,
		.userspace_addr = (uintptr_t)s->host,
	};

	return ioctl(k->vm, KVM_SET_USER_MEMORY_REGION, &r) ? -errno : 0;
}

/* The slot that piece f wants; false where it is not memory, or not whole pages. */
static bool wanted(const struct flat *f, struct kvm_slot *s)
{
	struct region *r = f->region;

	if (r->kind == REGION_IO || (f->start | f->end | f->off) % PAGE)
		return false;
	*s = (struct kvm_slot){
		.gpa = f->start,
		.len = f->end - f->start,
		.host = r->host + f->off,
		.flags = (r->kind == REGION_ROM ? KVM_MEM_READONLY : 0) |
			 (r->flags & REGION_LOG_DIRTY ? KVM_MEM_LOG_DIRTY_PAGES : 0),
		.region = r,
	};
	return true;
}

static bool same(const struct kvm_slot *a, const struct kvm_slot *b)
{
	return a->gpa == b->gpa && a->len == b->len && a->host == b->host && a->flags == b->flags;
}

static bool listed(const struct kvm_slot *s, const struct flat *map, size_t n)
{
	struct kvm_slot w;

	for (size_t i = 0; i < n; i++)
		if (wanted(&map[i], &w) && same(&w, s))
			return true;
	return false;
}

static struct kvm_slot *find(struct kvm *k, const struct kvm_slot *s)
{
	for (unsigned i = 0; i < KVM_SLOTS; i++)
		if (k->slot[i].len && same(&k->slot[i], s))
			return &k->slot[i];
	return NULL;
}

static void drop(struct kvm *k, unsigned n)
{
	struct kvm_slot gone = { .gpa = k->slot[n].gpa, .host = k->slot[n].host };

	if (k->slot[n].flags & KVM_MEM_LOG_DIRTY_PAGES)
		k->lost_log = k->slot[n].region;
	set_slot(k, n, &gone);
	k->slot[n] = (struct kvm_slot){ 0 };
}

static void fill(struct kvm *k, const struct kvm_slot *s)
{
	unsigned n = 0;
	int err = -ENOSPC;

	while (n < KVM_SLOTS && k->slot[n].len)
		n++;
	if (n < KVM_SLOTS)
		err = set_slot(k, n, s);
	if (!err)
		k->slot[n] = *s;
	else /* the guest can still use it, slowly: every access comes out as MMIO */
		log_line(LOG_WARN, "No memory slot for 0x%llx bytes at 0x%llx (%s).",
			 (unsigned long long)s->len, (unsigned long long)s->gpa, strerror(-err));
}

static void map_changed(void *arg, const struct flat *old, size_t n_old, const struct flat *new,
			size_t n_new)
{
	struct kvm *k = arg;
	struct kvm_slot s;

	for (unsigned i = 0; i < KVM_SLOTS; i++)
		if (k->slot[i].len && !listed(&k->slot[i], new, n_new))
			drop(k, i);
	for (size_t i = 0; i < n_new; i++)
		if (wanted(&new[i], &s) && !find(k, &s))
			fill(k, &s);
}

void kvm_follow_memory(struct kvm *k)
{
	space_listen(&k->m->mem, map_changed, k);
}

static void set_bits(unsigned long *bitmap, uint64_t first, uint64_t n)
{
	for (uint64_t i = first; i < first + n; i++)
		bitmap[i / BITS_PER_LONG] |= 1ul << i % BITS_PER_LONG;
}

/* Moves one slot's log into the bitmap of its region. */
static int fetch_slot(struct kvm *k, unsigned n, unsigned long *bitmap)
{
	const struct kvm_slot *s = &k->slot[n];
	uint64_t pages = s->len / PAGE, first = (s->host - s->region->host) / PAGE;
	unsigned long *log = calloc((pages + BITS_PER_LONG - 1) / BITS_PER_LONG, sizeof(long));
	struct kvm_dirty_log get = { .slot = n, .dirty_bitmap = log };
	int err = 0;

	if (!log)
		return -ENOMEM;
	k->stats.dirty_queries++;
	if (ioctl(k->vm, KVM_GET_DIRTY_LOG, &get))
		err = -errno;
	for (uint64_t i = 0; i < pages && !err; i++) {
		if (!log[i / BITS_PER_LONG]) {
			i |= BITS_PER_LONG - 1; /* nothing in this word */
		} else if (log[i / BITS_PER_LONG] >> i % BITS_PER_LONG & 1) {
			set_bits(bitmap, first + i, 1);
			k->stats.dirty_pages++;
		}
	}
	free(log);
	return err;
}

int kvm_dirty_fetch(struct kvm *k, struct region *r, unsigned long *bitmap)
{
	int err = 0;

	if (k->lost_log == r) {
		set_bits(bitmap, 0, r->len / PAGE);
		k->lost_log = NULL;
	}
	for (unsigned i = 0; i < KVM_SLOTS && !err; i++)
		if (k->slot[i].len && k->slot[i].region == r)
			err = fetch_slot(k, i, bitmap);
	return err;
}
