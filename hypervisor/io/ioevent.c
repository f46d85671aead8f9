// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes to a port or an address that only wake somebody up: a table that is looked into before an
 * exit goes to the user.
 */
#include "core/core.h"

static bool fits(const struct hv_ioevent *e, bool pio, uint64_t addr, uint64_t val, unsigned len)
{
	return e->addr == addr && e->pio == pio && (!e->len || e->len == len) &&
	       (!e->match || e->val == val);
}

/* True: that was all. val has len bytes, the rest is 0. */
bool hv_ioevent_signal(struct hv_vm *vm, bool pio, uint64_t addr, uint64_t val, unsigned len)
{
	for (unsigned i = 0; i < vm->n_ioevents; i++)
		if (fits(&vm->ioevent[i], pio, addr, val, len)) {
			host_event_signal(vm->ioevent[i].event);
			return true;
		}
	return false;
}

/* Is there a write that both stand for? */
static bool collide(const struct hv_ioevent *a, const struct hv_ioevent *b)
{
	return a->addr == b->addr && a->pio == b->pio &&
	       (!a->len || !b->len || a->len == b->len) &&
	       (!a->match || !b->match || a->val == b->val);
}

static bool same(const struct hv_ioevent *a, const struct hv_ioevent *b)
{
	return a->addr == b->addr && a->pio == b->pio && a->len == b->len &&
	       a->match == b->match && (!a->match || a->val == b->val) && a->event == b->event;
}

int hv_ioevent_add(struct hv_vm *vm, const struct hv_ioevent *e)
{
	int err = 0;

	hv_vm_freeze(vm);
	for (unsigned i = 0; i < vm->n_ioevents; i++)
		if (collide(&vm->ioevent[i], e))
			err = -EEXIST;
	if (!err && vm->n_ioevents == HV_IOEVENTS)
		err = -ENOSPC;
	if (!err)
		vm->ioevent[vm->n_ioevents++] = *e;
	hv_vm_thaw(vm);
	return err;
}

int hv_ioevent_del(struct hv_vm *vm, const struct hv_ioevent *e)
{
	int err = -ENOENT;

	hv_vm_freeze(vm);
	for (unsigned i = 0; i < vm->n_ioevents; i++)
		if (same(&vm->ioevent[i], e)) {
			vm->ioevent[i] = vm->ioevent[--vm->n_ioevents];
			err = 0;
		}
	hv_vm_thaw(vm);
	return err;
}

bool hv_ioevent_pop(struct hv_vm *vm, struct hv_ioevent *e)
{
	if (!vm->n_ioevents)
		return false;
	*e = vm->ioevent[--vm->n_ioevents];
	return true;
}
