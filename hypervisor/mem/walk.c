// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's own page tables, walked as a processor does: for the emulator, and for who asks.
 * Missing: protection keys.
 *
 * References: Intel SDM 3, "Paging"; AMD APM 2, "Page Translation and Protection".
 */
#include "core/core.h"

enum { WALK_LEVELS = 4, WALK_TRIES = 16 };

/* Bits that must be 0 in any 64-bit entry with PAE paging, and in its page directory pointers. */
#define PAE_RESERVED   0x7ff0000000000000ull
#define PDPTE_RESERVED 0xfff00000000001c6ull /* not A: emulated processors set it */
/* An entry of 4 MiB has bits 39 to 32 of the address in its bits 20 to 13. */
#define PSE36_SHIFT    13
#define PSE36_MASK     0xffull
#define PSE36_RESERVED (1ull << 21)

struct walk {
	struct hv_vcpu *v;
	uint64_t linear;
	uint64_t table;	   /* of the level that comes next */
	uint64_t reserved; /* bits that no entry may have */
	uint64_t all, any; /* AND and OR of the entries */
	unsigned levels, entry_size;
	unsigned n;	   /* entries that were read */
	struct { uint64_t gpa, val; } seen[WALK_LEVELS];
	uint64_t gpa;	   /* what came of it */
	uint32_t error;
};

static int walk_fault(struct walk *w, uint32_t error)
{
	w->error = error;
	return -EFAULT;
}

/* Bits of an address that the guest's processor does not have. */
static uint64_t beyond_width(const struct hv_vcpu *v)
{
	return PTE_ADDR & ~((1ull << v->phys_bits) - 1);
}

/* --- where a walk begins --- */

int hv_load_pdptes(struct hv_vcpu *v, uint64_t cr3)
{
	uint64_t pdpte[4];

	if (hv_mem_read(v, cr3 & 0xffffffe0, pdpte, sizeof(pdpte)))
		return -EINVAL;
	for (unsigned i = 0; i < 4; i++)
		if ((pdpte[i] & PTE_P) && (pdpte[i] & (PDPTE_RESERVED | beyond_width(v))))
			return -EINVAL;
	memcpy(v->st.pdpte, pdpte, sizeof(pdpte));
	return 0;
}

static int walk_begin_pae(struct walk *w)
{
	struct hv_vcpu *v = w->v;
	unsigned i = w->linear >> 30 & 3;
	uint64_t e = v->st.pdpte[i];

	if (!hv_cap.pdpte_registers &&
	    hv_mem_read(v, (v->st.cr3 & 0xffffffe0) + i * sizeof(e), &e, sizeof(e)))
		return walk_fault(w, 0);
	if (!(e & PTE_P))
		return walk_fault(w, 0);
	if (e & (PDPTE_RESERVED | beyond_width(v)))
		return walk_fault(w, PF_PRESENT | PF_RESERVED);
	w->levels = 2;
	w->table = e & PTE_ADDR;
	w->reserved |= PAE_RESERVED;
	return 0;
}

static int walk_begin(struct walk *w)
{
	const struct hv_state *st = &w->v->st;

	w->all = PTE_W | PTE_U;
	w->any = 0;
	w->n = 0;
	if (!(st->cr4 & CR4_PAE)) {
		w->entry_size = 4;
		w->levels = 2;
		w->table = st->cr3 & 0xfffff000;
		w->reserved = 0;
		return 0;
	}
	w->entry_size = 8;
	w->reserved = beyond_width(w->v) | (st->efer & EFER_NXE ? 0 : PTE_NX);
	if (!(st->efer & EFER_LMA))
		return walk_begin_pae(w);
	w->levels = WALK_LEVELS;
	w->table = st->cr3 & PTE_ADDR;
	return 0;
}

/* --- down --- */

static bool is_large(const struct walk *w, uint64_t e, unsigned level)
{
	if (!(e & PTE_PS) || level == 1 || level > 3)
		return false;
	return w->entry_size == 8 || (w->v->st.cr4 & CR4_PSE);
}

/* What a leaf of size bytes, or with size 0 a table, may not have besides w->reserved. */
static uint64_t reserved_here(const struct walk *w, unsigned level, uint64_t size)
{
	if (!size)
		return level > 3 ? PTE_PS : 0;
	if (level == 1)
		return 0;
	/* bit 12 belongs to the memory type */
	return w->entry_size == 8 ? (size - 1) & ~0x1fffull : PSE36_RESERVED;
}

static uint64_t leaf_address(const struct walk *w, uint64_t e, uint64_t size)
{
	uint64_t address = e & PTE_ADDR & ~(size - 1);

	if (w->entry_size == 4 && size > S2_PAGE)
		address |= (e >> PSE36_SHIFT & PSE36_MASK) << 32;
	return address | (w->linear & (size - 1));
}

/* What is not there or malformed is a fault; rights are looked at when all entries are known. */
static int walk_down(struct walk *w)
{
	const unsigned index_bits = w->entry_size == 8 ? 9 : 10;
	uint64_t e, size;

	for (unsigned level = w->levels;; level--) {
		unsigned shift = PAGE_SHIFT_4K + index_bits * (level - 1);
		uint64_t index = w->linear >> shift & ((1u << index_bits) - 1);
		uint64_t gpa = w->table + index * w->entry_size;

		e = 0;
		if (hv_mem_read(w->v, gpa, &e, w->entry_size) || !(e & PTE_P))
			return walk_fault(w, 0);
		size = level == 1 || is_large(w, e, level) ? 1ull << shift : 0;
		if (e & (w->reserved | reserved_here(w, level, size)))
			return walk_fault(w, PF_PRESENT | PF_RESERVED);
		w->seen[w->n].gpa = gpa;
		w->seen[w->n++].val = e;
		w->all &= e;
		w->any |= e;
		if (size)
			break;
		w->table = e & PTE_ADDR;
	}
	w->gpa = leaf_address(w, e, size);
	return w->gpa & beyond_width(w->v) ? walk_fault(w, PF_PRESENT | PF_RESERVED) : 0;
}

/* --- rights --- */

/* A supervisor's data access to a user page; what the processor itself does at CPL 3 has no AC. */
static bool smap_forbids(struct hv_vcpu *v)
{
	if (!(v->st.cr4 & CR4_SMAP))
		return false;
	hv_need(v, HV_MODE);
	return v->st.cpl == 3 || !(v->st.rflags & RFLAGS_AC);
}

static bool allowed(const struct walk *w, uint32_t access)
{
	const struct hv_state *st = &w->v->st;

	if ((access & PF_FETCH) && (w->any & PTE_NX) && (st->efer & EFER_NXE))
		return false;
	if (access & PF_USER)
		return (w->all & PTE_U) && (!(access & PF_WRITE) || (w->all & PTE_W));
	if ((access & PF_WRITE) && !(w->all & PTE_W) && (st->cr0 & CR0_WP))
		return false;
	if (!(w->all & PTE_U))
		return true;
	return access & PF_FETCH ? !(st->cr4 & CR4_SMEP) : !smap_forbids(w->v);
}

/* Accessed bits on the way and the dirty bit. -EAGAIN: an entry is not what it was. */
static int walk_mark(struct walk *w, bool write)
{
	for (unsigned i = 0; i < w->n; i++) {
		uint64_t old = w->seen[i].val;
		uint64_t val = old | PTE_A | (write && i == w->n - 1 ? PTE_D : 0);
		int err = 0;

		if (val != old)
			err = hv_mem_cmpxchg(w->v, w->seen[i].gpa, &old, val, w->entry_size);
		if (err && err != -EROFS) /* tables in ROM stay as they are */
			return err;
	}
	return 0;
}

static int walk_once(struct walk *w, uint32_t access)
{
	int err = walk_begin(w);

	if (!err)
		err = walk_down(w);
	if (err)
		return err;
	if (!allowed(w, access))
		return walk_fault(w, PF_PRESENT);
	return walk_mark(w, access & PF_WRITE);
}

/* Entries that never hold still make a fault that is none any more when the guest looks into it. */
int hv_walk(struct hv_vcpu *v, uint64_t linear, uint32_t access, uint64_t *gpa,
	    struct emul_fault *f)
{
	struct walk w = { .v = v, .linear = linear, .gpa = linear, .error = PF_PRESENT };
	int err = -EAGAIN;

	hv_need(v, HV_CR);
	if (!(v->st.cr0 & CR0_PG))
		err = 0;
	for (unsigned i = 0; i < WALK_TRIES && err == -EAGAIN; i++)
		err = walk_once(&w, access);
	if (!err) {
		*gpa = w.gpa;
		return 0;
	}
	/* That it was a fetch is said only where fetches can be forbidden. */
	if (!(v->st.efer & EFER_NXE && v->st.cr4 & CR4_PAE) && !(v->st.cr4 & CR4_SMEP))
		access &= ~PF_FETCH;
	*f = (struct emul_fault){ X86_PF, true, w.error | access, linear };
	return -EFAULT;
}

int hv_translate(struct hv_vcpu *v, uint64_t linear, uint64_t *gpa)
{
	struct walk w = { .v = v, .linear = linear, .gpa = linear };
	int err = 0;

	host_lock(&v->lock);
	hv_need(v, HV_CR);
	if (v->st.cr0 & CR0_PG) {
		err = walk_begin(&w);
		if (!err)
			err = walk_down(&w);
	}
	hv_vcpu_unlock(v);
	*gpa = w.gpa;
	return err;
}
