// SPDX-License-Identifier: GPL-2.0-only
/*
 * Video memory that costs nothing while it rests: a range of a slot is active, and its pages are
 * found in the slot's dirty log, or idle, without write access.
 *
 * No write is lost on the way: idle is set first, so that from then on a write by the core, or a
 * fault, wakes; then write access goes, with a flush; then what is dirty, by a write that came
 * before, is looked for once more. Who maps a page sees idle under vm->mmu, or maps it before write
 * access goes. A page is marked before its write ends the rest: whoever is woken finds it. One that
 * is late in giving write access back finds, under vm->mmu, that it has been taken anew.
 */
#include "core/core.h"

/* Write access goes, or comes back, as idle says, for as long as it says so. */
static void hold(struct hv_vm *vm, const struct hv_slot *s, bool take)
{
	uint64_t next, gpa = s->gpa + s->vram.first * S2_PAGE;
	const uint64_t end = gpa + s->vram.pages * S2_PAGE;
	bool flush = false;

	for (; gpa < end; gpa = next) {
		next = hv_piece_end(gpa, end);
		host_spin_lock(&vm->mmu);
		if (cpu_load(&s->vram.idle) == take)
			flush |= stage2_hold(&vm->s2, gpa, next - gpa, take);
		host_spin_unlock(&vm->mmu);
	}
	if (flush && take)
		hv_flush_all(vm);
}

/* Was it idle? */
static bool wake(struct hv_vm *vm, struct hv_slot *s)
{
	bool idle = cpu_swap(&s->vram.idle, false);

	if (idle)
		hold(vm, s, false);
	return idle;
}

/* The vCPU's lock keeps the slot, and the event. */
void hv_vram_wake(struct hv_vcpu *v, struct hv_slot *s)
{
	hv_vcpu_release(v);
	if (!wake(v->vm, s))
		return;
	cpu_add(&s->vram.wakes, 1);
	host_event_signal(s->vram.event);
}

int hv_vram_set(struct hv_vm *vm, unsigned id, const struct hv_vram *t)
{
	struct hv_slot *s;
	int err;

	hv_vm_freeze(vm);
	err = hv_slot_logged(vm, id, &s);
	if (!err && (t->first > s->len / S2_PAGE || t->pages > s->len / S2_PAGE - t->first))
		err = -EINVAL;
	if (!err) {
		wake(vm, s);
		s->vram = *t;
		s->vram.bits = s->written + (s->len / S2_PAGE + 63) / 64;
		s->vram.found_ns = host_now_ns();
	}
	hv_vm_thaw(vm);
	return err;
}

/* Is anything dirty? */
static bool find(struct hv_vm *vm, struct hv_slot *s)
{
	const uint64_t words = (s->vram.pages + 63) / 64;
	unsigned long any = 0;

	memset(s->vram.bits, 0, words * sizeof(any));
	hv_slot_take(vm, s, s->vram.first, s->vram.pages, s->vram.bits, true);
	for (uint64_t i = 0; i < words; i++)
		any |= s->vram.bits[i];
	return any;
}

/* The same, and if nothing has been for long enough, it goes idle. */
static bool find_or_rest(struct hv_vm *vm, struct hv_slot *s)
{
	uint64_t now = host_now_ns();
	bool found = find(vm, s);

	if (!found && now - s->vram.found_ns >= s->vram.idle_ns) {
		cpu_store(&s->vram.idle, true);
		hold(vm, s, true);
		found = find(vm, s);
		if (found)
			wake(vm, s);
	}
	if (found)
		s->vram.found_ns = now;
	return found;
}

int hv_vram_dirty(struct hv_vm *vm, unsigned id, struct hv_vram *now)
{
	struct hv_slot *s;
	int err;

	host_lock(&vm->lock);
	err = hv_slot_logged(vm, id, &s);
	if (!err && !s->vram.pages)
		err = -ENOENT;
	if (!err) {
		bool found = !cpu_load(&s->vram.idle) && find_or_rest(vm, s);

		*now = s->vram;
		if (!found)
			now->bits = NULL;
	}
	host_unlock(&vm->lock);
	return err;
}
