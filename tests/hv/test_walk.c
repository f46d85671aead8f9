// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's page tables and segments: tables are built in guest memory for each paging mode, and
 * every combination of rights is compared with what the manuals say; then what is malformed.
 * Segments by tables of cases.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "fake_backend.h"
#include "fake_host.h"

#define TABLES 0x20000ull /* one page for each level, from the root on */
#define TARGET 0x12340000000ull
#define ROM    0x80000000ull

static struct hv_vm *vm;
static struct hv_vcpu *v;

static int setup(void **state)
{
	fake_host_reset();
	vm = fake_vm_new(0x40000);
	v = fake_vcpu_new(vm);
	host_lock(&v->lock);
	hv_touch(v, HV_ALL);
	return 0;
}

static int teardown(void **state)
{
	hv_vcpu_release(v);
	host_unlock(&v->lock);
	fake_vm_free(vm);
	assert_int_equal(fake.live, 0);
	return 0;
}

/* --- the shapes that tables have --- */

static const struct shape {
	uint64_t linear;
	unsigned levels, leaf, size; /* leaf: its level; size of entries */
	uint64_t cr4, efer;
	bool pdpt;
} shapes[] = {
	{ 0x89abcdef, 2, 1, 4, 0, 0, false },
	{ 0x89abcdef, 2, 2, 4, CR4_PSE, 0, false },
	{ 0x89abcdef, 2, 1, 8, CR4_PAE, EFER_NXE, true },
	{ 0xc9abcdef, 2, 2, 8, CR4_PAE, EFER_NXE, true },
	{ 0x00007654321fedcb, 4, 1, 8, CR4_PAE, EFER_NXE | EFER_LME | EFER_LMA, false },
	{ 0xffff8654321fedcb, 4, 2, 8, CR4_PAE, EFER_NXE | EFER_LME | EFER_LMA, false },
	{ 0x00007654321fedcb, 4, 3, 8, CR4_PAE, EFER_NXE | EFER_LME | EFER_LMA, false },
};

static const struct shape *shape;
static void *entry[6]; /* by level; of size bytes */
static uint64_t *pdpte;

static uint64_t get(unsigned level)
{
	return shape->size == 8 ? *(uint64_t *)entry[level] : *(uint32_t *)entry[level];
}

static void set(unsigned level, uint64_t val)
{
	if (shape->size == 8)
		*(uint64_t *)entry[level] = val;
	else
		*(uint32_t *)entry[level] = (uint32_t)val;
}

static unsigned shift_of(unsigned level)
{
	return 12 + (shape->size == 8 ? 9 : 10) * (level - 1);
}

static uint64_t leaf_size(void)
{
	return 1ull << shift_of(shape->leaf);
}

/* The page that the leaf names: what 32-bit tables can name, too. */
static uint64_t target(void)
{
	uint64_t mask = ~(leaf_size() - 1);

	if (shape->size == 4)
		mask &= shape->leaf == 2 ? 0xffffc00000 : 0xfffff000;
	return TARGET & mask;
}

static uint64_t leaf_value(void)
{
	uint64_t e = target() | (shape->leaf > 1 ? PTE_PS : 0);

	if (shape->size == 4 && shape->leaf == 2)
		e = (uint32_t)e | (target() >> 32) << 13;
	return e | PTE_P | PTE_W | PTE_U;
}

/* Everything present and allowed. */
static void build(const struct shape *s)
{
	uint64_t index_mask = s->size == 8 ? 511 : 1023;

	shape = s;
	memset(fake_ram(vm, TABLES), 0, 7 * S2_PAGE);
	for (unsigned level = s->levels, i = 0; level >= s->leaf; level--, i++) {
		uint8_t *table = fake_ram(vm, TABLES + i * S2_PAGE);

		entry[level] = table + (s->linear >> shift_of(level) & index_mask) * s->size;
		set(level, (TABLES + (i + 1) * S2_PAGE) | PTE_P | PTE_W | PTE_U);
	}
	set(s->leaf, leaf_value());
	v->phys_bits = 44;
	v->st.cr0 = CR0_PE | CR0_PG | CR0_WP;
	v->st.cr3 = TABLES;
	v->st.cr4 = s->cr4;
	v->st.efer = s->efer;
	v->st.cpl = 0;
	v->st.rflags = RFLAGS_RESERVED1;
	if (!s->pdpt)
		return;
	pdpte = (uint64_t *)((uint8_t *)fake_ram(vm, TABLES + 6 * S2_PAGE) + 0x20);
	pdpte[s->linear >> 30] = TABLES | PTE_P;
	v->st.cr3 = TABLES + 6 * S2_PAGE + 0x20;
}

static void walk_is(uint32_t access, int want, uint32_t want_error)
{
	uint64_t gpa = ~0ull;
	struct emul_fault f = { 0 };

	assert_int_equal(hv_walk(v, shape->linear, access, &gpa, &f), want);
	if (want) {
		assert_int_equal(f.vector, X86_PF);
		assert_true(f.has_error);
		assert_int_equal(f.error, want_error);
		assert_int_equal(f.address, shape->linear);
	} else
		assert_int_equal(gpa, target() | (shape->linear & (leaf_size() - 1)));
}

/* --- rights --- */

/* As the manuals say it: a table of what each kind of access needs. */
static bool is_allowed(uint32_t access, bool user, bool write, bool nx)
{
	const struct hv_state *st = &v->st;
	bool wants_write = access & PF_WRITE, fetch = access & PF_FETCH;

	if (nx && fetch)
		return false;
	if (access & PF_USER)
		return user && (write || !wants_write);
	if (user && fetch && (st->cr4 & CR4_SMEP))
		return false;
	if (user && !fetch && (st->cr4 & CR4_SMAP) && (st->cpl == 3 || !(st->rflags & RFLAGS_AC)))
		return false;
	return write || !wants_write || !(st->cr0 & CR0_WP);
}

/* Rights of the leaf (bits 0 to 2: W, U, NX) and, likewise, of the entry above it. */
static void set_rights(unsigned rights)
{
	for (unsigned level = shape->leaf; level <= shape->leaf + 1; level++, rights >>= 3) {
		uint64_t e;

		if (level > shape->levels)
			return;
		e = get(level) & ~(PTE_W | PTE_U | PTE_NX | PTE_A | PTE_D);
		e |= (rights & 1 ? PTE_W : 0) | (rights & 2 ? PTE_U : 0);
		if (shape->size == 8 && (shape->efer & EFER_NXE))
			e |= rights & 4 ? PTE_NX : 0;
		set(level, e);
	}
}

static void check_marks(bool done, bool write)
{
	for (unsigned level = shape->leaf; level <= shape->levels; level++) {
		bool dirty = done && write && level == shape->leaf;

		assert_int_equal((get(level) & PTE_A) != 0, done);
		assert_int_equal((get(level) & PTE_D) != 0, dirty);
		set(level, get(level) & ~(PTE_A | PTE_D));
	}
}

static void one_access(uint32_t access, unsigned rights)
{
	unsigned above = shape->leaf < shape->levels ? rights >> 3 : 3;
	bool has_nx = shape->size == 8 && (shape->efer & EFER_NXE);
	bool says_fetch = has_nx || (v->st.cr4 & CR4_SMEP);
	bool ok = is_allowed(access, (rights & above) & 2, (rights & above) & 1,
			     has_nx && ((rights | above) & 4));
	uint32_t error = PF_PRESENT | (says_fetch ? access : access & ~PF_FETCH);

	walk_is(access, ok ? 0 : -EFAULT, error);
	check_marks(ok, access & PF_WRITE);
}

/* Which of CR0.WP, SMEP, SMAP, AC and CPL 3 are on. */
static void set_controls(unsigned n)
{
	v->st.cr0 = CR0_PE | CR0_PG | (n & 1 ? CR0_WP : 0);
	v->st.cr4 = shape->cr4 | (n & 2 ? CR4_SMEP : 0) | (n & 4 ? CR4_SMAP : 0);
	v->st.rflags = RFLAGS_RESERVED1 | (n & 8 ? RFLAGS_AC : 0);
	v->st.cpl = n & 16 ? 3 : 0;
}

static void all_rights(void **state)
{
	static const uint32_t accesses[] = { 0, PF_WRITE, PF_FETCH, PF_USER, PF_USER | PF_WRITE,
					     PF_USER | PF_FETCH };

	for (unsigned s = 0; s < HV_ARRAY(shapes); s++) {
		build(&shapes[s]);
		for (unsigned controls = 0; controls < 32; controls++) {
			set_controls(controls);
			for (unsigned rights = 0; rights < 64; rights++) {
				set_rights(rights);
				for (unsigned i = 0; i < HV_ARRAY(accesses); i++)
					one_access(accesses[i], rights);
			}
		}
	}
}

/* --- what is not there, or malformed --- */

static void not_present(void **state)
{
	for (unsigned s = 0; s < HV_ARRAY(shapes); s++) {
		for (unsigned level = shapes[s].leaf; level <= shapes[s].levels; level++) {
			build(&shapes[s]);
			walk_is(0, 0, 0);
			set(level, get(level) & ~PTE_P);
			walk_is(0, -EFAULT, 0);
			walk_is(PF_WRITE | PF_USER, -EFAULT, PF_WRITE | PF_USER);
			walk_is(PF_FETCH, -EFAULT, shape->size == 8 ? PF_FETCH : 0);
			if (level == shape->leaf)
				continue;
			set(level, 0x30000000 | PTE_P | PTE_W | PTE_U); /* no RAM */
			walk_is(0, -EFAULT, 0);
		}
	}
}

/* Which bits no entry of this level may have. */
static uint64_t reserved_bits(unsigned level)
{
	bool leaf = level == shape->leaf;
	uint64_t bits = 0;

	if (shape->size == 4)
		return leaf && level == 2 ? 1ull << 21 : 0;
	bits |= 0x000ff00000000000ull; /* beyond 44 bits of address */
	if (shape->pdpt)
		bits |= 0x7ff0000000000000ull;
	if (!(v->st.efer & EFER_NXE))
		bits |= PTE_NX;
	if (level > 3)
		bits |= PTE_PS;
	if (leaf && level == 2)
		bits |= 0x1fe000;
	if (leaf && level == 3)
		bits |= 0x3fffe000;
	return bits;
}

/* Bits that change the address, or whether it is a leaf. */
static uint64_t meaningful(unsigned level)
{
	uint64_t low = level == shape->leaf && level > 1 ? leaf_size() - 1 : 0xfff;

	if (shape->size == 4)
		return (level == 2 && (v->st.cr4 & CR4_PSE) ? PTE_PS | 0x1fe000 : 0) |
		       (0xfffff000 & ~low) | PTE_P;
	return (PTE_ADDR & ~low) | PTE_P | (level == 2 || level == 3 ? PTE_PS : 0);
}

static void reserved(void **state)
{
	for (unsigned i = 0; i < 2 * HV_ARRAY(shapes); i++) {
		for (unsigned level = shapes[i / 2].leaf; level <= shapes[i / 2].levels; level++) {
			build(&shapes[i / 2]);
			if (i & 1)
				v->st.efer &= ~EFER_NXE;
			for (unsigned b = 0; b < shape->size * 8; b++) {
				uint64_t bit = 1ull << b, was = get(level);

				if (bit == PTE_W || bit == PTE_U)
					continue;
				if (!(reserved_bits(level) & bit) && (meaningful(level) & bit))
					continue;
				set(level, was | bit);
				if (reserved_bits(level) & bit)
					walk_is(PF_WRITE, -EFAULT,
						PF_PRESENT | PF_RESERVED | PF_WRITE);
				else
					walk_is(PF_WRITE, 0, 0);
				set(level, was);
			}
		}
	}
}

static void pse36(void **state)
{
	build(&shapes[1]);
	v->phys_bits = 36;
	walk_is(0, -EFAULT, PF_PRESENT | PF_RESERVED); /* TARGET has 40 bits here */
	set(2, get(2) & ~(0xf0ull << 13));
	set(2, get(2) | 0xfull << 13);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t gpa;
		struct emul_fault f;

		v->phys_bits = i ? 35 : 36;
		assert_int_equal(hv_walk(v, shape->linear, 0, &gpa, &f), i ? -EFAULT : 0);
		if (!i)
			assert_int_equal(gpa, 0xf00000000 | (get(2) & 0xffc00000) |
					      (shape->linear & 0x3fffff));
	}
	v->st.cr4 = 0; /* without PSE it is a table */
	set(2, TABLES | PTE_P | PTE_PS);
	walk_is(0, -EFAULT, 0);
}

static void pdptes(void **state)
{
	build(&shapes[3]);
	assert_int_equal(hv_load_pdptes(v, v->st.cr3 | 0x18), 0);
	assert_int_equal(v->st.pdpte[3], TABLES | PTE_P);
	pdpte[3] |= 2;
	assert_int_equal(hv_load_pdptes(v, v->st.cr3), -EINVAL);
	assert_int_equal(v->st.pdpte[3], TABLES | PTE_P);
	walk_is(0, -EFAULT, PF_PRESENT | PF_RESERVED);
	hv_cap.pdpte_registers = true; /* what is loaded counts */
	walk_is(0, 0, 0);
	v->st.pdpte[3] = 0;
	walk_is(PF_USER, -EFAULT, PF_USER);
	pdpte[3] = 1ull << 44 | PTE_P;
	assert_int_equal(hv_load_pdptes(v, v->st.cr3), -EINVAL);
	pdpte[3] = ~(uint64_t)PTE_P; /* not present: nothing else counts */
	assert_int_equal(hv_load_pdptes(v, v->st.cr3), 0);
	assert_int_equal(hv_load_pdptes(v, 0x30000000), -EINVAL);
	hv_cap.pdpte_registers = false;
	v->st.cr3 = 0x30000000;
	walk_is(0, -EFAULT, 0);
}

/* Tables in ROM stay as they are; the translation is good. */
static void rom_tables(void **state)
{
	void *rom;

	hv_vcpu_release(v);
	host_unlock(&v->lock);
	rom = fake_slot_add(vm, 1, ROM, S2_PAGE, HV_SLOT_READONLY);
	host_lock(&v->lock);
	build(&shapes[0]);
	memcpy(rom, fake_ram(vm, TABLES + S2_PAGE), S2_PAGE);
	set(2, ROM | PTE_P | PTE_W | PTE_U);
	walk_is(PF_WRITE, 0, 0);
	assert_memory_equal(rom, fake_ram(vm, TABLES + S2_PAGE), S2_PAGE);
	assert_true(get(2) & PTE_A);
}

static void no_paging(void **state)
{
	uint64_t gpa;
	struct emul_fault f;

	v->st.cr0 = CR0_PE;
	assert_int_equal(hv_walk(v, 0x89abcdef, PF_WRITE | PF_USER, &gpa, &f), 0);
	assert_int_equal(gpa, 0x89abcdef);
}

static void translate(void **state)
{
	uint64_t gpa;

	for (unsigned s = 0; s < HV_ARRAY(shapes); s++) {
		build(&shapes[s]);
		set(shape->leaf, get(shape->leaf) & ~(PTE_W | PTE_U));
		v->st.cpl = 3;
		hv_vcpu_release(v);
		host_unlock(&v->lock);
		assert_int_equal(hv_translate(v, shape->linear, &gpa), 0);
		assert_int_equal(gpa, target() | (shape->linear & (leaf_size() - 1)));
		check_marks(false, false);
		set(shape->leaf, 0);
		assert_int_equal(hv_translate(v, shape->linear, &gpa), -EFAULT);
		host_lock(&v->lock);
	}
	v->st.cr0 = CR0_PE;
	host_unlock(&v->lock);
	assert_int_equal(hv_translate(v, 0x1234567, &gpa), 0);
	assert_int_equal(gpa, 0x1234567);
	host_lock(&v->lock);
}

/* --- segments --- */

enum { DATA_RO = 0x91, DATA_RW = 0x93, DOWN_RW = 0x97, CODE_X = 0x99, CODE_XR = 0x9b };
enum { SYSTEM = 0x82 };

static int linear_of(unsigned seg, uint64_t off, unsigned n, uint32_t access, uint64_t *linear)
{
	struct emul_fault f = { 0 };
	int err = hv_linear(v, seg, off, n, access, linear, &f);

	if (err) {
		assert_int_equal(err, -EFAULT);
		assert_int_equal(f.vector, seg == HV_SS ? X86_SS : X86_GP);
		assert_true(f.has_error);
		assert_int_equal(f.error, 0);
	}
	return err;
}

static bool fits(unsigned seg, uint64_t off, unsigned n, uint32_t access)
{
	uint64_t linear;

	return linear_of(seg, off, n, access, &linear) == 0;
}

static void modes(void **state)
{
	static const struct { uint64_t efer; uint16_t attr; enum emul_mode mode; } cases[] = {
		{ 0, CODE_XR, EMUL_16 },
		{ 0, CODE_XR | SEG_DB, EMUL_32 },
		{ 0, CODE_XR | SEG_L, EMUL_16 },
		{ EFER_LME, CODE_XR | SEG_L, EMUL_16 },
		{ EFER_LME | EFER_LMA, CODE_XR | SEG_L, EMUL_64 },
		{ EFER_LME | EFER_LMA, CODE_XR | SEG_DB, EMUL_32 },
		{ EFER_LME | EFER_LMA, CODE_XR, EMUL_16 },
	};

	for (unsigned i = 0; i < HV_ARRAY(cases); i++) {
		v->st.efer = cases[i].efer;
		v->st.seg[HV_CS].attr = cases[i].attr;
		assert_int_equal(hv_mode(v), cases[i].mode);
	}
}

static void protected_rights(void **state)
{
	static const struct { uint16_t attr; bool read, write; } cases[] = {
		{ DATA_RO, true, false }, { DATA_RW, true, true },
		{ CODE_X, false, false }, { CODE_XR, true, false },
		{ SYSTEM, false, false }, { DATA_RW & ~SEG_P, false, false },
		{ 0, false, false },
	};

	fake_mode(v, 32);
	hv_touch(v, HV_ALL);
	for (unsigned i = 0; i < HV_ARRAY(cases); i++) {
		for (unsigned seg = HV_ES; seg <= HV_GS; seg++) {
			if (seg == HV_CS)
				continue; /* its D bit says which mode it is */
			v->st.seg[seg].attr = cases[i].attr;
			assert_int_equal(fits(seg, 0, 4, 0), cases[i].read);
			assert_int_equal(fits(seg, 0, 4, PF_WRITE), cases[i].write);
			assert_true(fits(seg, 0, 4, PF_FETCH)); /* was checked by its load */
		}
	}
	/* neither real nor virtual-8086 mode asks for more than the limit */
	v->st.seg[HV_DS].attr = CODE_X;
	assert_false(fits(HV_DS, 0, 4, PF_WRITE));
	v->st.rflags |= RFLAGS_VM;
	assert_true(fits(HV_DS, 0, 4, PF_WRITE));
	v->st.rflags &= ~RFLAGS_VM;
	v->st.cr0 &= ~CR0_PE;
	assert_true(fits(HV_DS, 0, 4, PF_WRITE));
}

static void limits(void **state)
{
	struct hv_seg *ds = &v->st.seg[HV_DS];
	uint64_t linear;

	fake_mode(v, 32);
	hv_touch(v, HV_ALL);
	*ds = (struct hv_seg){ .base = 0xfffff000, .limit = 0x1fff, .attr = DATA_RW | SEG_DB };
	assert_true(fits(HV_DS, 0x1ffc, 4, 0));
	assert_false(fits(HV_DS, 0x1ffd, 4, 0));
	assert_true(fits(HV_DS, 0x1fff, 1, 0));
	assert_false(fits(HV_DS, 0x2000, 1, 0));
	assert_int_equal(linear_of(HV_DS, 0x1234, 4, 0, &linear), 0);
	assert_int_equal(linear, 0x234); /* wraps at 4 GiB */
	ds->attr = DOWN_RW | SEG_DB;
	assert_false(fits(HV_DS, 0x1fff, 1, 0));
	assert_true(fits(HV_DS, 0x2000, 4, 0));
	assert_true(fits(HV_DS, 0xfffffffc, 4, 0));
	assert_false(fits(HV_DS, 0xfffffffd, 4, 0));
	ds->attr = DOWN_RW;
	assert_true(fits(HV_DS, 0xfffc, 4, 0));
	assert_false(fits(HV_DS, 0xfffd, 4, 0));
	v->st.seg[HV_SS].limit = 15;
	assert_false(fits(HV_SS, 12, 8, 0)); /* and it is #SS */
	ds->attr = DATA_RW;
	ds->limit = 0xffffffff;
	assert_true(fits(HV_DS, 0xfffffffc, 4, 0));
	assert_false(fits(HV_DS, 0xfffffffd, 4, 0));

	fake_mode(v, 16);
	hv_touch(v, HV_ALL);
	ds->base = 0x12340;
	assert_int_equal(linear_of(HV_DS, 0xfffe, 2, PF_WRITE, &linear), 0);
	assert_int_equal(linear, 0x2233e);
	assert_false(fits(HV_DS, 0xffff, 2, 0));
	ds->limit = 0xffffffff; /* big real mode */
	assert_true(fits(HV_DS, 0x12345678, 4, 0));
}

static void long_mode(void **state)
{
	uint64_t linear;

	v->st.seg[HV_FS].base = 0x1000;
	v->st.seg[HV_GS].base = 0xffff800000000000;
	v->st.seg[HV_DS] = (struct hv_seg){ .base = 0x5000 }; /* null, and its base is nothing */
	assert_int_equal(linear_of(HV_DS, 0x123456789abc, 8, PF_WRITE, &linear), 0);
	assert_int_equal(linear, 0x123456789abc);
	assert_int_equal(linear_of(HV_FS, 0x234, 8, 0, &linear), 0);
	assert_int_equal(linear, 0x1234);
	assert_int_equal(linear_of(HV_GS, 0x10, 8, 0, &linear), 0);
	assert_int_equal(linear, 0xffff800000000010);
	assert_int_equal(linear_of(HV_FS, -(uint64_t)0x800, 8, 0, &linear), 0);
	assert_int_equal(linear, 0x800);
	assert_false(fits(HV_GS, -(uint64_t)1, 1, 0));
	assert_true(fits(HV_SS, 0x7ffffffffff8, 8, 0));
	assert_false(fits(HV_SS, 0x7ffffffffff9, 8, 0));
	assert_false(fits(HV_DS, 0x800000000000, 1, 0));
	assert_false(fits(HV_CS, 0xffff7fffffffffff, 1, PF_FETCH));
	assert_true(fits(HV_CS, 0xffff800000000000, 15, PF_FETCH));
	/* compatibility mode has segments again */
	v->st.seg[HV_CS].attr = CODE_XR | SEG_DB;
	assert_false(fits(HV_DS, 0, 1, 0));
	v->st.seg[HV_DS] = (struct hv_seg){ .base = 0x5000, .limit = 0xfff, .attr = DATA_RW };
	assert_int_equal(linear_of(HV_DS, 0xff8, 8, 0, &linear), 0);
	assert_int_equal(linear, 0x5ff8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_rights),  TEST(not_present), TEST(reserved), TEST(pse36),
		TEST(pdptes),	   TEST(rom_tables),  TEST(no_paging), TEST(translate),
		TEST(modes),	   TEST(protected_rights), TEST(limits), TEST(long_mode),
	};

	return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
