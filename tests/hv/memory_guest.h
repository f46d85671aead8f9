/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM whose guest is the test itself, for the tests of memory: it plays the processor, walks
 * stage 2 and sets its bits; for one test file each.
 */
#ifndef HV_MEMORY_GUEST_H
#define HV_MEMORY_GUEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "fake_backend.h"
#include "fake_host.h"
#include "stage2_count.h"

#define HELPER static inline

static struct hv_vm *vm;
static struct hv_vcpu *v;

HELPER int setup(void **state)
{
	fake_host_reset();
	vm = fake_vm_new(0x10000);
	v = fake_vcpu_new(vm);
	return 0;
}

HELPER int teardown(void **state)
{
	fake_vm_free(vm);
	assert_int_equal(fake.live, 0);
	assert_int_equal(fake.frames, 0);
	return 0;
}

/* --- the processor --- */

/* The leaf, and the rights that all entries on the way to it agree on. */
HELPER uint64_t *walk_with(uint64_t gpa, unsigned *level, uint32_t *prot)
{
	const struct stage2 *s = &vm->s2;
	uint64_t *table = s->root.va;

	*prot = S2_ALL;
	for (*level = S2_LEVELS;; --*level) {
		uint64_t *e = &table[gpa >> (3 + 9 * *level) & 511];

		if (!*e)
			return NULL;
		*prot &= s->fmt->prot(*e);
		if (s->fmt->is_leaf(*e, *level))
			return e;
		if (s->ad_bits)
			*e |= s->fmt->accessed;
		table = host_page_va(*e & PTE_ADDR);
	}
}

HELPER uint64_t *walk(uint64_t gpa, unsigned *level)
{
	uint32_t prot;

	return walk_with(gpa, level, &prot);
}

HELPER int fault(uint64_t gpa, bool write)
{
	struct hv_exit x = { .kind = HV_EXIT_MEM };
	int r;

	x.mem.gpa = gpa;
	x.mem.access = write ? HV_ACCESS_WRITE : HV_ACCESS_READ;
	host_lock(&v->lock);
	r = hv_exit_mem(v, &x);
	hv_vcpu_release(v);
	host_unlock(&v->lock);
	return r;
}

HELPER bool reaches(uint64_t gpa, bool write)
{
	const struct stage2 *s = &vm->s2;
	unsigned level;
	uint32_t prot;
	uint64_t *e = walk_with(gpa, &level, &prot);

	if (!e || (write && !(prot & S2_WRITE)))
		return false;
	if (s->ad_bits)
		*e |= s->fmt->accessed | (write ? s->fmt->dirty : 0);
	return true;
}

/* The guest's access, with the faults that it takes: at most one. */
HELPER void touch(uint64_t gpa, bool write)
{
	if (reaches(gpa, write))
		return;
	assert_int_equal(fault(gpa, write), HV_AGAIN);
	assert_true(reaches(gpa, write));
}

HELPER unsigned level_at(uint64_t gpa)
{
	unsigned level;

	return walk(gpa, &level) ? level : 0;
}

/* The dirty log of a slot, as whole words. */
HELPER int dirty_log(unsigned id, unsigned long *to, unsigned words, bool clear)
{
	const unsigned long *bits;
	int err = hv_slot_dirty(vm, id, clear, &bits);

	if (!err)
		memcpy(to, bits, words * sizeof(*to));
	return err;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
