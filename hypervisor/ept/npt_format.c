// SPDX-License-Identifier: GPL-2.0-only
/*
 * NPT: stage 2 in AMD's format, which is that of ordinary long-mode page tables. Every access of a
 * guest counts as one of user mode, so that the user bit is always set.
 * Missing: 1 GiB leaves, memory types other than write-back.
 *
 * Reference: AMD APM 2, "Nested Paging".
 */
#include "stage2.h"
#include "x86.h"

static uint64_t npt_leaf(uint64_t pa, unsigned level, uint32_t prot)
{
	uint64_t e = pa | PTE_P | PTE_U;

	if (prot & S2_WRITE)
		e |= PTE_W;
	if (!(prot & S2_EXEC))
		e |= PTE_NX;
	if (level > 1)
		e |= PTE_PS;
	return e;
}

static uint64_t npt_table(uint64_t pa)
{
	return pa | PTE_P | PTE_U | PTE_W;
}

static uint32_t npt_prot(uint64_t e)
{
	uint32_t prot = S2_READ;

	if (!(e & PTE_P))
		return 0;
	if (e & PTE_W)
		prot |= S2_WRITE;
	if (!(e & PTE_NX))
		prot |= S2_EXEC;
	return prot;
}

static bool npt_is_leaf(uint64_t e, unsigned level)
{
	return level == 1 || (e & PTE_PS);
}

static uint64_t npt_root(uint64_t pa, bool ad_bits)
{
	return pa; /* accessed and dirty bits need no permission */
}

const struct stage2_format npt_format = {
	.leaf = npt_leaf, .table = npt_table, .prot = npt_prot, .is_leaf = npt_is_leaf,
	.root = npt_root, .accessed = PTE_A, .dirty = PTE_D, .write = PTE_W,
};
