// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory slots: which memory of the process is the guest's RAM at which address, what of it is
 * dirty, what happens to mappings when the host takes pages away. Slots are sorted by gpa.
 *
 * No dirty page is ever lost: a page is dirty by its stage-2 leaf until the leaf goes away, which
 * moves the dirtiness to slot->written; what the core itself writes is marked there after it was
 * written; and what is reported is flushed first, so that a later write makes the leaf dirty again.
 */
#include "core/core.h"

enum { PIECE = 64 << 20 }; /* of a slot: vm->mmu is not held longer than for this much */
enum { ADDRESS_BITS = 48 }; /* of S2_LEVELS levels */
#define MAX_PAGES ((1ull << 31) - 1)

static struct hv_slot *slot_by_id(struct hv_vm *vm, unsigned id)
{
	for (unsigned i = 0; i < vm->n_slots; i++)
		if (vm->slot[i].id == id)
			return &vm->slot[i];
	return NULL;
}

static uint64_t slot_end(const struct hv_slot *s)
{
	return s->gpa + s->len;
}

static uint64_t slot_words(const struct hv_slot *s)
{
	return (s->len / S2_PAGE + 63) / 64;
}

/* Where dirtiness goes that the tables lose; nowhere if the slot is not logged. */
static struct stage2_log slot_log(const struct hv_slot *s)
{
	return (struct stage2_log){ .bits = s->written, .gpa = s->gpa, .len = s->len };
}

/* Pieces do not cut tables. */
uint64_t hv_piece_end(uint64_t gpa, uint64_t end)
{
	uint64_t next = (gpa | (PIECE - 1)) + 1;

	return next < end ? next : end;
}

/* --- find --- */

struct hv_slot *hv_slot_search(struct hv_vcpu *v, uint64_t gpa)
{
	struct hv_vm *vm = v->vm;
	unsigned low = 0, high = vm->n_slots;

	while (low < high) {
		unsigned mid = (low + high) / 2;
		struct hv_slot *s = &vm->slot[mid];

		if (gpa - s->gpa < s->len)
			return v->last_slot = s;
		if (gpa < s->gpa)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

/* --- flush --- */

/*
 * Who is not inside sees the new generation before it enters: run.c looks at it after it has said
 * INSIDE. Dead tables may go when nobody can have old ways to them cached.
 */
void hv_flush_all(struct hv_vm *vm)
{
	uint64_t dead;

	host_spin_lock(&vm->mmu);
	dead = stage2_take_dead(&vm->s2);
	host_spin_unlock(&vm->mmu);
	cpu_add(&vm->s2_gen, 1);
	HV_EACH_VCPU(v, vm)
		if (cpu_load(&v->where) == HV_INSIDE)
			host_kick(cpu_load(&v->cpu), true);
	stage2_bury(dead);
}

/* --- mappings follow the process's memory --- */

/*
 * The next piece, from *gpa on, of what maps [start, end) of the process; *gpa and *len say which.
 * vm->mmu held; it may be let go of between pieces: slots that change meanwhile are zapped by
 * whoever changes them.
 */
static const struct hv_slot *next_piece(const struct hv_vm *vm, uint64_t start, uint64_t end,
					uint64_t *gpa, uint64_t *len)
{
	for (unsigned i = 0; i < vm->n_slots; i++) {
		const struct hv_slot *s = &vm->slot[i];
		uint64_t low = start > s->uaddr ? start - s->uaddr : 0;
		uint64_t high = end < s->uaddr + s->len ? end - s->uaddr : s->len;

		if (end <= s->uaddr || low >= s->len || s->gpa + high <= *gpa)
			continue;
		if (*gpa < s->gpa + low)
			*gpa = s->gpa + low;
		*len = hv_piece_end(*gpa, s->gpa + high) - *gpa;
		return s;
	}
	return NULL;
}

enum sweep { ZAP, LOOK, AGE }; /* AGE: forgets what LOOK finds */

/* All that maps [start, end), with a flush at the end if it is needed. LOOK, AGE: was any young? */
static bool sweep(struct hv_vm *vm, uint64_t start, uint64_t end, enum sweep what)
{
	const struct hv_slot *s;
	uint64_t len, gpa = 0;
	bool any, flush = false, young = false;

	host_spin_lock(&vm->mmu);
	while ((s = next_piece(vm, start, end, &gpa, &len))) {
		const struct stage2_log log = slot_log(s);

		if (what == ZAP) {
			stage2_zap(&vm->s2, gpa, len, &log);
			flush = true;
		} else {
			flush |= stage2_young(&vm->s2, gpa, len, &log, what == AGE, &any);
			young |= any;
		}
		gpa += len;
		host_spin_unlock(&vm->mmu);
		host_spin_lock(&vm->mmu);
	}
	host_spin_unlock(&vm->mmu);
	if (flush)
		hv_flush_all(vm);
	return young;
}

/*
 * Flushes even if nothing was mapped any more: whoever unmapped it may not have flushed yet, and
 * the host must not have the pages before.
 */
void hv_mem_invalidate_begin(struct hv_vm *vm, uint64_t start, uint64_t end)
{
	host_spin_lock(&vm->mmu);
	vm->mmu_busy++;
	host_spin_unlock(&vm->mmu);
	sweep(vm, start, end, ZAP);
}

void hv_mem_invalidate_end(struct hv_vm *vm)
{
	host_spin_lock(&vm->mmu);
	vm->mmu_busy--;
	vm->mmu_seq++;
	host_spin_unlock(&vm->mmu);
}

bool hv_mem_young(struct hv_vm *vm, uint64_t start, uint64_t end, bool clear)
{
	return sweep(vm, start, end, clear ? AGE : LOOK);
}

/* --- add, delete, move, change --- */

static bool slot_fits(const struct hv_slot *s)
{
	unsigned bits = hv_cap.phys_bits < ADDRESS_BITS ? hv_cap.phys_bits : ADDRESS_BITS;
	uint64_t top = 1ull << bits;

	return (s->gpa | s->len | s->uaddr) % S2_PAGE == 0 && s->len / S2_PAGE <= MAX_PAGES &&
	       s->gpa <= top && s->len <= top - s->gpa && s->uaddr + s->len >= s->uaddr;
}

static bool slot_overlaps(const struct hv_vm *vm, const struct hv_slot *s)
{
	for (unsigned i = 0; i < vm->n_slots; i++)
		if (vm->slot[i].id != s->id && s->gpa < slot_end(&vm->slot[i]) &&
		    vm->slot[i].gpa < slot_end(s))
			return true;
	return false;
}

/* old: what id is now, or NULL. */
static int slot_check(const struct hv_vm *vm, const struct hv_slot *old, const struct hv_slot *s)
{
	if (s->id >= HV_MAX_SLOTS || s->flags & ~(HV_SLOT_LOG | HV_SLOT_READONLY) || !slot_fits(s))
		return -EINVAL;
	if (!s->len)
		return old ? 0 : -EINVAL;
	if (old && (s->len != old->len || s->uaddr != old->uaddr ||
		    ((s->flags ^ old->flags) & HV_SLOT_READONLY)))
		return -EINVAL;
	return slot_overlaps(vm, s) ? -EEXIST : 0;
}

/* Takes old out of the array and puts s, unless it has no length, in its place. Frozen. */
static void slot_replace(struct hv_vm *vm, struct hv_slot *old, const struct hv_slot *s)
{
	unsigned at = 0, behind;

	host_spin_lock(&vm->mmu);
	if (old) {
		behind = &vm->slot[vm->n_slots--] - old - 1;
		memmove(old, old + 1, behind * sizeof(*old));
	}
	if (s->len) {
		while (at < vm->n_slots && vm->slot[at].gpa < s->gpa)
			at++;
		behind = vm->n_slots++ - at;
		memmove(&vm->slot[at + 1], &vm->slot[at], behind * sizeof(*s));
		vm->slot[at] = *s;
	}
	host_spin_unlock(&vm->mmu);
	HV_EACH_VCPU(v, vm)
		v->last_slot = NULL;
}

/*
 * Whatever changes, the slot's old mappings go: at another address they are wrong, and a log has
 * to begin with clean leaves of 4 KiB.
 */
static int slot_change(struct hv_vm *vm, struct hv_slot *old, struct hv_slot *s)
{
	unsigned long *written = old ? old->written : NULL;

	if (old && s->gpa == old->gpa && s->flags == old->flags && s->len)
		return 0;
	if (s->len && (s->flags & HV_SLOT_LOG)) {
		s->written = written ? written : host_alloc(2 * slot_words(s) * sizeof(*written));
		if (!s->written)
			return -ENOMEM;
	}
	if (old)
		sweep(vm, old->uaddr, old->uaddr + old->len, ZAP);
	slot_replace(vm, old, s);
	if (written != s->written)
		host_free(written);
	return 0;
}

int hv_slot_set(struct hv_vm *vm, unsigned id, uint64_t gpa, uint64_t len, uint64_t uaddr,
		uint32_t flags)
{
	struct hv_slot s = { .id = id, .gpa = gpa, .len = len, .uaddr = uaddr, .flags = flags };
	struct hv_slot *old;
	int err;

	hv_vm_freeze(vm);
	old = slot_by_id(vm, id);
	err = slot_check(vm, old, &s);
	if (!err)
		err = slot_change(vm, old, &s);
	hv_vm_thaw(vm);
	return err;
}

/* --- dirty pages --- */

uint64_t hv_slot_pages(struct hv_vm *vm, unsigned id)
{
	const struct hv_slot *s;
	uint64_t pages;

	host_lock(&vm->lock);
	s = slot_by_id(vm, id);
	pages = s ? s->len / S2_PAGE : 0;
	host_unlock(&vm->lock);
	return pages;
}

static bool take_written(const struct hv_slot *s, uint64_t first, uint64_t n, unsigned long *bits,
			 bool clear)
{
	bool flush = false;

	for (uint64_t at = first & ~63ull; at < first + n; at += 64) {
		unsigned long taken = 0, w = cpu_load(&s->written[at / 64]);

		for (; w; w &= w - 1) {
			uint64_t page = at + __builtin_ctzl(w) - first;

			if (page >= n)
				continue;
			bits[page / 64] |= 1ul << page % 64;
			taken |= w & -w;
		}
		if (!taken || !clear)
			continue;
		cpu_and(&s->written[at / 64], ~taken);
		flush = true;
	}
	return flush;
}

/*
 * Leaves first: one that is zapped meanwhile leaves its dirtiness in written. Of what is found
 * there a processor may still have the old mapping, too, so that both ask for a flush.
 */
void hv_slot_take(struct hv_vm *vm, const struct hv_slot *s, uint64_t first, uint64_t n,
		  unsigned long *bits, bool clear)
{
	const struct stage2_log log = { .bits = bits, .gpa = s->gpa + first * S2_PAGE,
					.len = n * S2_PAGE };
	uint64_t next, end = log.gpa + log.len;
	bool flush = false;

	for (uint64_t gpa = log.gpa; gpa < end; gpa = next) {
		next = hv_piece_end(gpa, end);
		host_spin_lock(&vm->mmu);
		flush |= stage2_dirty(&vm->s2, gpa, next - gpa, &log, clear);
		host_spin_unlock(&vm->mmu);
	}
	flush |= take_written(s, first, n, bits, clear);
	if (flush)
		hv_flush_all(vm);
}

int hv_slot_logged(struct hv_vm *vm, unsigned id, struct hv_slot **s)
{
	if (id >= HV_MAX_SLOTS)
		return -EINVAL;
	*s = slot_by_id(vm, id);
	return *s && (*s)->written ? 0 : -ENOENT;
}

int hv_slot_dirty(struct hv_vm *vm, unsigned id, unsigned long *bits, bool clear)
{
	struct hv_slot *s;
	int err;

	host_lock(&vm->lock);
	err = hv_slot_logged(vm, id, &s);
	if (!err)
		hv_slot_take(vm, s, 0, s->len / S2_PAGE, bits, clear);
	host_unlock(&vm->lock);
	return err;
}

/* [first, first + n) has whole words, but at the slot's end. */
static bool clear_range_ok(uint64_t pages, uint64_t first, uint64_t n)
{
	return first % 64 == 0 && first <= pages && n <= pages - first &&
	       (n % 64 == 0 || n == pages - first);
}

/* Bits of a last word that are behind the range do not count. */
static bool clear_pages(struct hv_vm *vm, const struct hv_slot *s, uint64_t first, uint64_t n,
			const unsigned long *bits)
{
	bool flush = false;

	for (uint64_t at = 0; at < n; at += 64) {
		unsigned long which = bits[at / 64];

		if (n - at < 64)
			which &= (1ul << (n - at)) - 1;
		if (!which)
			continue;
		flush |= (cpu_and(&s->written[(first + at) / 64], ~which) & which) != 0;
		host_spin_lock(&vm->mmu);
		flush |= stage2_clean(&vm->s2, s->gpa + (first + at) * S2_PAGE, which);
		host_spin_unlock(&vm->mmu);
	}
	return flush;
}

int hv_slot_clear(struct hv_vm *vm, unsigned id, uint64_t first, uint64_t n,
		  const unsigned long *bits)
{
	struct hv_slot *s;
	int err;

	host_lock(&vm->lock);
	err = hv_slot_logged(vm, id, &s);
	if (!err && !clear_range_ok(s->len / S2_PAGE, first, n))
		err = -EINVAL;
	if (!err && clear_pages(vm, s, first, n, bits))
		hv_flush_all(vm);
	host_unlock(&vm->lock);
	return err;
}
