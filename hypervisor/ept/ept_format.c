// SPDX-License-Identifier: GPL-2.0-only
/*
 * EPT: stage 2 in Intel's format. Memory is write-back whatever the guest's PAT says: it is the
 * process's ordinary memory.
 * Missing: 1 GiB leaves, other memory types, separate execute rights for user mode; 2 MiB leaves
 * from which nothing executes, for processors that raise a machine check when one is split.
 *
 * Reference: Intel SDM 3, "The Extended Page Table Mechanism (EPT)".
 */
#include "stage2.h"
#include "x86.h"

enum { EPT_READ = 1, EPT_WRITE = 2, EPT_EXEC = 4, EPT_RIGHTS = 7 };
enum { EPT_WB = 6, EPT_LEAF_TYPE_SHIFT = 3, EPT_IGNORE_PAT = 0x40, EPT_LARGE = 0x80 };
enum { EPT_ACCESSED = 0x100, EPT_DIRTY = 0x200 };
enum { EPTP_LEVELS = (S2_LEVELS - 1) << 3, EPTP_AD_BITS = 0x40 };

_Static_assert((int)EPT_READ == S2_READ && (int)EPT_WRITE == S2_WRITE && (int)EPT_EXEC == S2_EXEC,
	       "rights are passed on as they are");

static uint64_t ept_leaf(uint64_t pa, unsigned level, uint32_t prot)
{
	uint64_t e = pa | (prot & EPT_RIGHTS) | EPT_WB << EPT_LEAF_TYPE_SHIFT | EPT_IGNORE_PAT;

	return level > 1 ? e | EPT_LARGE : e;
}

static uint64_t ept_table(uint64_t pa)
{
	return pa | EPT_RIGHTS;
}

static uint32_t ept_prot(uint64_t e)
{
	return e & EPT_RIGHTS;
}

static bool ept_is_leaf(uint64_t e, unsigned level)
{
	return level == 1 || (e & EPT_LARGE);
}

static uint64_t ept_root(uint64_t pa, bool ad_bits)
{
	return pa | EPT_WB | EPTP_LEVELS | (ad_bits ? EPTP_AD_BITS : 0);
}

const struct stage2_format ept_format = {
	.leaf = ept_leaf, .table = ept_table, .prot = ept_prot, .is_leaf = ept_is_leaf,
	.root = ept_root, .accessed = EPT_ACCESSED, .dirty = EPT_DIRTY, .write = EPT_WRITE,
};
