// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of the bare machine: a byte map over the RAM that the boot loader tells of. What is freed
 * is overwritten, so that a use of it afterwards shows. Missing: RAM beyond 256 MiB.
 *
 * Reference: Multiboot Specification 0.6.96, "Boot information format".
 */
#include "bare.h"
#include "errno_names.h"

struct multiboot_info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4];
	uint32_t mmap_length, mmap_addr;
};

struct multiboot_range {
	uint32_t size; /* of what follows */
	uint64_t base, len;
	uint32_t type; /* 1: RAM */
} __attribute__((packed));

enum { PAGE = 4096, FIRST_MB = 1 << 20, MAX_PAGES = (256 << 20) / PAGE, FREED = 0xdd };
enum { HEAD = 64 }; /* before what host_alloc() returns */

static struct {
	bool usable[MAX_PAGES]; /* RAM that nobody has */
	uint64_t used;
} memory;

extern char bare_end[]; /* link.ld */

static void add_range(uint64_t from, uint64_t to)
{
	uint64_t floor = (uint64_t)bare_end > FIRST_MB ? (uint64_t)bare_end : FIRST_MB;

	from = from < floor ? floor : from;
	to = to > (uint64_t)MAX_PAGES * PAGE ? (uint64_t)MAX_PAGES * PAGE : to;
	for (uint64_t p = (from + PAGE - 1) / PAGE; p < to / PAGE; p++)
		memory.usable[p] = true;
}

void memory_init(const struct multiboot_info *info)
{
	uint64_t at = info->mmap_addr;

	if (!(info->flags & 1 << 6)) { /* no map */
		add_range(FIRST_MB, FIRST_MB + (uint64_t)info->mem_upper * 1024);
		return;
	}
	while (at < (uint64_t)info->mmap_addr + info->mmap_length) {
		const struct multiboot_range *r = (const void *)at;

		if (r->type == 1)
			add_range(r->base, r->base + r->len);
		at += r->size + sizeof(r->size);
	}
}

uint64_t memory_used(void)
{
	return memory.used;
}

static bool all_usable(uint64_t first, uint64_t n)
{
	for (uint64_t p = first; p < first + n; p++)
		if (!memory.usable[p])
			return false;
	return true;
}

/* From the top, so that small things do not break up the aligned room below. */
static void *take(uint64_t n, uint64_t align)
{
	if (n > MAX_PAGES)
		return NULL;
	for (int64_t p = (int64_t)((MAX_PAGES - n) & ~(align - 1)); p > 0; p -= (int64_t)align) {
		if (!all_usable((uint64_t)p, n))
			continue;
		memset(memory.usable + p, false, n);
		memory.used += n;
		return memset((void *)(p * PAGE), 0, n * PAGE);
	}
	return NULL;
}

static void give(void *va, uint64_t n)
{
	uint64_t first = (uint64_t)va / PAGE;

	BUG_ON((uint64_t)va % PAGE || first + n > MAX_PAGES);
	for (uint64_t p = first; p < first + n; p++)
		BUG_ON(memory.usable[p]);
	memset(va, FREED, n * PAGE);
	memset(memory.usable + first, true, n);
	memory.used -= n;
}

void *host_alloc(size_t n)
{
	uint64_t pages = (n + HEAD + PAGE - 1) / PAGE;
	uint64_t *head;

	host_may_sleep();
	head = take(pages, 1);
	if (!head)
		return NULL;
	*head = pages;
	return (char *)head + HEAD;
}

void host_free(void *p)
{
	uint64_t *head = p ? (uint64_t *)((char *)p - HEAD) : NULL;

	if (head)
		give(head, *head);
}

int host_page_new(struct host_page *pg, unsigned order)
{
	host_may_sleep();
	pg->va = take(1ull << order, 1ull << order);
	pg->pa = (uint64_t)pg->va;
	return pg->va ? 0 : -ENOMEM;
}

void host_page_del(struct host_page *pg, unsigned order)
{
	if (pg->va)
		give(pg->va, 1ull << order);
	pg->va = NULL;
}

void *host_page_va(uint64_t pa)
{
	return (void *)pa;
}
