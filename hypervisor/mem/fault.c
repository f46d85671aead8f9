// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest touched what stage 2 does not map: RAM is mapped, as the process has it now; all else is
 * emulated.
 *
 * The host may take a page away between our finding it and our mapping it. If an invalidation is
 * going on then, or has ended since we began to look, nothing is mapped: the guest goes on and
 * faults again, and the run loop in between looks for signals.
 */
#include "core/core.h"

/* 2 MiB where the host has them too, at addresses that agree; a log wants single pages. */
static bool is_huge(const struct hv_slot *s, uint64_t gpa, const struct host_frame *f)
{
	const uint64_t mask = S2_HUGE - 1;
	uint64_t first = gpa & ~mask;

	return f->huge && !(s->flags & HV_SLOT_LOG) && !((f->pa ^ gpa) & mask & -S2_PAGE) &&
	       first >= s->gpa && first + S2_HUGE <= s->gpa + s->len;
}

/*
 * Writable as soon as possible, unless the first write is what makes it dirty, or is to wake video
 * memory, which may have gone idle since this fault. vm->mmu held.
 */
static uint32_t leaf_prot(const struct hv_vm *vm, const struct hv_slot *s, uint64_t gpa,
			  bool write, const struct host_frame *f)
{
	bool by_fault = (s->flags & HV_SLOT_LOG) && !vm->s2.ad_bits;

	if (!f->writable || (s->flags & HV_SLOT_READONLY) || (by_fault && !write) ||
	    hv_vram_rests(s, gpa, 1))
		return S2_READ | S2_EXEC;
	return S2_ALL;
}

static int map_page(struct hv_vcpu *v, struct hv_slot *s, uint64_t gpa, bool write)
{
	struct hv_vm *vm = v->vm;
	struct host_frame f;
	bool flush = false;
	uint64_t seq, size;
	uint32_t prot;
	int err;

	hv_vcpu_release(v);
	if (write && hv_vram_rests(s, gpa, 1))
		hv_slot_written(v, s, gpa, 1);
	err = stage2_pool_fill(&v->pool);
	if (err)
		return err;
	seq = cpu_load(&vm->mmu_seq);
	err = host_frame_get(vm, s->uaddr + (gpa - s->gpa), write, &f);
	if (err)
		return err == -EINTR ? HV_AGAIN : err;
	size = is_huge(s, gpa, &f) ? S2_HUGE : S2_PAGE;
	host_spin_lock(&vm->mmu);
	prot = leaf_prot(vm, s, gpa, write, &f);
	if (!vm->mmu_busy && vm->mmu_seq == seq)
		err = stage2_map(&vm->s2, &v->pool, gpa & ~(size - 1), f.pa & ~(size - 1),
				 size == S2_HUGE ? 2 : 1, prot, &flush);
	host_spin_unlock(&vm->mmu);
	host_frame_put(&f, prot & S2_WRITE);
	if (flush)
		hv_flush_all(vm);
	return err ? err : HV_AGAIN;
}

int hv_exit_mem(struct hv_vcpu *v, struct hv_exit *x)
{
	bool write = x->mem.access & HV_ACCESS_WRITE;
	struct hv_slot *s = hv_slot_find(v, x->mem.gpa);

	if (!s || (write && (s->flags & HV_SLOT_READONLY)) || lapic_covers(v, x->mem.gpa))
		return hv_emulate(v, x);
	return map_page(v, s, x->mem.gpa, write);
}
