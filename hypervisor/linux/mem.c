// SPDX-License-Identifier: GPL-2.0-only
/*
 * host.h's memory for Linux: the hypervisor's own, the process's pages that become the guest's, and
 * the notifier by which the kernel takes those away again.
 *
 * Missing: device memory (VM_PFNMAP): it has no struct page, and is refused as not mapped.
 *
 * Reference: Linux, "mmu_notifier.h"; "get_user_pages".
 */
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/uaccess.h>

#include "glue.h"

enum { SMALL_COPY = 64 };

/* --- the hypervisor's own --- */

void *host_alloc(size_t n)
{
	return kvzalloc(n, GFP_KERNEL_ACCOUNT);
}

void host_free(void *p)
{
	kvfree(p);
}

int host_page_new(struct host_page *pg, unsigned order)
{
	struct page *page = alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO, order);

	if (!page)
		return -ENOMEM;
	pg->va = page_address(page);
	pg->pa = page_to_phys(page);
	return 0;
}

void host_page_del(struct host_page *pg, unsigned order)
{
	if (pg->va)
		free_pages((unsigned long)pg->va, order);
	pg->va = NULL;
}

void *host_page_va(uint64_t pa)
{
	return __va(pa);
}

/* --- the process's pages --- */

/*
 * Does one entry of the process's page table map the whole 2 MiB? The answer is a guess that holds
 * as long as no invalidation came (see mem/fault.c); interrupts are off so that the tables that we
 * walk are not freed meanwhile.
 */
static bool walk_is_huge(unsigned long addr)
{
	pgd_t pgd = READ_ONCE(*pgd_offset(current->mm, addr));
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;

	if (pgd_none(pgd))
		return false;
	p4d = READ_ONCE(*p4d_offset(&pgd, addr));
	if (!p4d_present(p4d))
		return false;
	pud = READ_ONCE(*pud_offset(&p4d, addr));
	if (!pud_present(pud) || pud_leaf(pud))
		return pud_present(pud);
	pmd = READ_ONCE(*pmd_offset(&pud, addr));
	return pmd_present(pmd) && pmd_leaf(pmd);
}

static bool mapped_huge(unsigned long addr)
{
	unsigned long flags;
	bool huge;

	local_irq_save(flags);
	huge = walk_is_huge(addr);
	local_irq_restore(flags);
	return huge;
}

static int fault_in(unsigned long addr, bool write, struct page **page)
{
	long n = get_user_pages_unlocked(addr, 1, page, FOLL_HWPOISON | (write ? FOLL_WRITE : 0));

	if (n == 1)
		return 0;
	return n == -EINTR || n == -ERESTARTSYS ? -EINTR : -EFAULT;
}

/*
 * Asking for write access first, without faulting, costs a reader nothing and spares the fault of
 * its first write; a page that is shared copy-on-write stays so.
 */
int host_frame_get(struct hv_vm *vm, uint64_t uaddr, bool write, struct host_frame *f)
{
	unsigned long addr = uaddr & PAGE_MASK;
	struct page *page;
	int err;

	f->writable = get_user_page_fast_only(addr, FOLL_WRITE, &page);
	if (!f->writable) {
		err = fault_in(addr, write, &page);
		if (err)
			return err;
		f->writable = write;
	}
	f->ref = page;
	f->pa = page_to_phys(page);
	f->huge = PageCompound(page) && mapped_huge(addr);
	return 0;
}

/* Whoever got it writable did so through a writable entry, so that its file system knows. */
void host_frame_put(struct host_frame *f, bool dirty)
{
	struct page *page = f->ref;

	if (dirty)
		SetPageDirty(page);
	mark_page_accessed(page);
	put_page(page);
}

/* Entries of page tables, instructions, operands: without copy_from_user()'s look at our side. */
#define COPY_WORDS(type)                                                                           \
	for (; n >= sizeof(type); n -= sizeof(type), at += sizeof(type), buf += sizeof(type)) {    \
		if (write)                                                                         \
			unsafe_put_user(*(type *)buf, (type __user *)at, fault);                   \
		else                                                                               \
			unsafe_get_user(*(type *)buf, (type __user *)at, fault);                   \
	}

static int copy_small(char __user *at, char *buf, size_t n, bool write)
{
	if (!user_access_begin(at, n))
		return -EFAULT;
	COPY_WORDS(u64);
	COPY_WORDS(u32);
	COPY_WORDS(u16);
	COPY_WORDS(u8);
	user_access_end();
	return 0;
fault:
	user_access_end();
	return -EFAULT;
}

int host_copy(struct hv_vm *vm, uint64_t uaddr, void *buf, size_t n, bool write)
{
	void __user *at = (void __user *)(unsigned long)uaddr;
	unsigned long left;

	if (n <= SMALL_COPY)
		return copy_small(at, buf, n, write);
	left = write ? copy_to_user(at, buf, n) : copy_from_user(buf, at, n);
	return left ? -EFAULT : 0;
}

#define CMPXCHG(type)                                                                              \
	do {                                                                                       \
		type was = *old;                                                                   \
		if (!unsafe_try_cmpxchg_user((type __user *)at, &was, (type)val, fault))           \
			err = -EAGAIN;                                                             \
		*old = was;                                                                        \
	} while (0)

int host_cmpxchg(struct hv_vm *vm, uint64_t uaddr, uint64_t *old, uint64_t val, unsigned size)
{
	void __user *at = (void __user *)(unsigned long)uaddr;
	int err = 0;

	if (!user_access_begin(at, size))
		return -EFAULT;
	if (size == 1)
		CMPXCHG(u8);
	else if (size == 2)
		CMPXCHG(u16);
	else if (size == 4)
		CMPXCHG(u32);
	else
		CMPXCHG(u64);
	user_access_end();
	return err;
fault:
	user_access_end();
	return -EFAULT;
}

/* --- what the kernel takes away --- */

static struct hv_vm *watched(struct mmu_notifier *n)
{
	return container_of(n, struct vm, notifier)->hv;
}

static int range_start(struct mmu_notifier *n, const struct mmu_notifier_range *r)
{
	hv_mem_invalidate_begin(watched(n), r->start, r->end);
	return 0;
}

static void range_end(struct mmu_notifier *n, const struct mmu_notifier_range *r)
{
	hv_mem_invalidate_end(watched(n));
}

static int clear_young(struct mmu_notifier *n, struct mm_struct *mm, unsigned long start,
		       unsigned long end)
{
	return hv_mem_young(watched(n), start, end, true);
}

static int test_young(struct mmu_notifier *n, struct mm_struct *mm, unsigned long addr)
{
	return hv_mem_young(watched(n), addr, addr + PAGE_SIZE, false);
}

/* The process is gone, with all it had mapped. */
static void release(struct mmu_notifier *n, struct mm_struct *mm)
{
	hv_mem_invalidate_begin(watched(n), 0, ~0ull);
	hv_mem_invalidate_end(watched(n));
}

static const struct mmu_notifier_ops notifier_ops = {
	.invalidate_range_start = range_start,
	.invalidate_range_end = range_end,
	.clear_flush_young = clear_young,
	.clear_young = clear_young,
	.test_young = test_young,
	.release = release,
};

int mem_watch(struct vm *vm)
{
	int err;

	vm->notifier.ops = &notifier_ops;
	err = mmu_notifier_register(&vm->notifier, vm->mm);
	if (err)
		vm->notifier.ops = NULL;
	return err;
}

void mem_unwatch(struct vm *vm)
{
	if (vm->notifier.ops)
		mmu_notifier_unregister(&vm->notifier, vm->mm);
}
