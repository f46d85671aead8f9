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

enum { PAGE = 4096 };

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
static bool wanted(struct kvm *k, const struct flat *f, struct kvm_slot *s)
{
	struct region *r = f->region;
	bool log = r->flags & REGION_LOG_DIRTY;

	if (r->kind == REGION_IO || (f->start | f->end | f->off) % PAGE)
		return false;
	*s = (struct kvm_slot){
		.gpa = f->start,
		.len = f->end - f->start,
		.host = (log ? kvm_vram_host(k, r) : r->host) + f->off,
		.flags = (r->kind == REGION_ROM ? KVM_MEM_READONLY : 0) |
			 (log ? KVM_MEM_LOG_DIRTY_PAGES : 0),
		.region = r,
		.off = f->off,
	};
	return true;
}

static bool same(const struct kvm_slot *a, const struct kvm_slot *b)
{
	return a->gpa == b->gpa && a->len == b->len && a->host == b->host && a->flags == b->flags;
}

static bool listed(struct kvm *k, const struct kvm_slot *s, const struct flat *map, size_t n)
{
	struct kvm_slot w;

	for (size_t i = 0; i < n; i++)
		if (wanted(k, &map[i], &w) && same(&w, s))
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
		kvm_vram_moved(k);
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
	if (!err && (s->flags & KVM_MEM_LOG_DIRTY_PAGES))
		kvm_vram_moved(k);
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
		if (k->slot[i].len && !listed(k, &k->slot[i], new, n_new))
			drop(k, i);
	for (size_t i = 0; i < n_new; i++)
		if (wanted(k, &new[i], &s) && !find(k, &s))
			fill(k, &s);
}

void kvm_follow_memory(struct kvm *k)
{
	space_listen(&k->m->mem, map_changed, k);
}
