// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts from outside: routes from input numbers to messages, eventfds that raise an input, and
 * eventfds that a guest's write to a port or address signals.
 *
 * Missing: level-triggered eventfds (KVM_IRQFD_FLAG_RESAMPLE), routes to an irqchip in the kernel.
 *
 * Reference: Linux, "The Definitive KVM API Documentation": KVM_SET_GSI_ROUTING, KVM_IRQFD,
 * KVM_IOEVENTFD.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/log2.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "glue.h"

enum { MSI_LEVEL = 1 << 15, MSI_VECTOR = 0xff }; /* in a message's data */

/* --- routes --- */

/*
 * The message is sent under the lock: once a new table is in place, nothing follows the old one.
 * An edge has no other half: lowering the line is nothing.
 */
int irq_raise(struct vm *vm, unsigned int gsi, bool level)
{
	unsigned long flags;
	const struct routes *r;
	int reached = -1;

	if (!level)
		return -1;
	read_lock_irqsave(&vm->routes_lock, flags);
	r = vm->routes;
	if (r && gsi < r->n && r->gsi[gsi].used)
		reached = hv_send_message(vm->hv, r->gsi[gsi].address, r->gsi[gsi].data);
	read_unlock_irqrestore(&vm->routes_lock, flags);
	return reached;
}

static int add_route(struct routes *r, const struct kvm_irq_routing_entry *e, bool wide)
{
	struct msi_route *route = &r->gsi[e->gsi];

	if (e->type != KVM_IRQ_ROUTING_MSI || e->flags & ~KVM_MSI_VALID_DEVID || route->used)
		return -EINVAL;
	if (wide && e->u.msi.address_hi & 0xff)
		return -EINVAL;
	route->address = e->u.msi.address_lo | (wide ? (u64)e->u.msi.address_hi << 32 : 0);
	route->data = e->u.msi.data;
	route->used = true;
	return 0;
}

static struct routes *make_routes(const struct vm *vm, const struct kvm_irq_routing_entry *e,
				  unsigned int n)
{
	unsigned int top = 0, i;
	struct routes *r;
	int err = 0;

	for (i = 0; i < n; i++) {
		if (e[i].gsi >= GLUE_MAX_GSI)
			return ERR_PTR(-EINVAL);
		top = max(top, e[i].gsi + 1);
	}
	r = kvzalloc(struct_size(r, gsi, top), GFP_KERNEL_ACCOUNT);
	if (!r)
		return ERR_PTR(-ENOMEM);
	r->n = top;
	for (i = 0; i < n && !err; i++)
		err = add_route(r, &e[i], vm->wide_apic_ids);
	if (err) {
		kvfree(r);
		return ERR_PTR(err);
	}
	return r;
}

/* The I/O APIC in user space wants to hear of the EOI of what is routed as level-triggered. */
static void tell_eoi_vectors(struct vm *vm, const struct routes *r)
{
	uint64_t vectors[4] = {};
	unsigned int i;

	for (i = 0; i < min(r->n, vm->ioapic_pins); i++) {
		u32 data = r->gsi[i].data;

		if (r->gsi[i].used && data & MSI_LEVEL)
			vectors[(data & MSI_VECTOR) / 64] |= 1ull << data % 64;
	}
	hv_set_eoi_vectors(vm->hv, vectors);
}

static void swap_routes(struct vm *vm, struct routes *made)
{
	struct routes *old;

	write_lock_irq(&vm->routes_lock);
	old = vm->routes;
	vm->routes = made;
	write_unlock_irq(&vm->routes_lock);
	kvfree(old);
}

long irq_set_routing(struct vm *vm, const struct kvm_irq_routing __user *from)
{
	struct kvm_irq_routing_entry *e = NULL;
	struct kvm_irq_routing head;
	struct routes *made;

	if (copy_from_user(&head, from, sizeof(head)))
		return -EFAULT;
	if (!vm->split || head.nr > GLUE_MAX_GSI || head.flags)
		return -EINVAL;
	if (head.nr) {
		e = vmemdup_user(from->entries, array_size(sizeof(*e), head.nr));
		if (IS_ERR(e))
			return PTR_ERR(e);
	}
	made = make_routes(vm, e, head.nr);
	kvfree(e);
	if (IS_ERR(made))
		return PTR_ERR(made);
	tell_eoi_vectors(vm, made);
	swap_routes(vm, made);
	return 0;
}

/* --- eventfds that raise an input --- */

struct irqfd {
	struct list_head link; /* vm->lock */
	struct vm *vm;
	unsigned int gsi;
	struct eventfd_ctx *ctx;
	wait_queue_entry_t wait;
	poll_table poll;
	bool closed; /* its file is gone; swept later */
};

/* With the eventfd's own lock held, interrupts off. */
static int eventfd_woke(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *f = container_of(wait, struct irqfd, wait);
	__poll_t what = key_to_poll(key);
	u64 count;

	if (what & EPOLLIN) {
		eventfd_ctx_do_read(f->ctx, &count);
		irq_raise(f->vm, f->gsi, true);
	}
	if (what & EPOLLHUP)
		WRITE_ONCE(f->closed, true);
	return 0;
}

static void join_queue(struct file *file, wait_queue_head_t *queue, poll_table *poll)
{
	add_wait_queue(queue, &container_of(poll, struct irqfd, poll)->wait);
}

static void free_irqfd(struct irqfd *f)
{
	u64 count;

	list_del(&f->link);
	eventfd_ctx_remove_wait_queue(f->ctx, &f->wait, &count);
	eventfd_ctx_put(f->ctx);
	kfree(f);
}

/* Those of ctx and gsi; ctx NULL: those that nobody can signal any more. */
static void drop_irqfds(struct vm *vm, struct eventfd_ctx *ctx, unsigned int gsi)
{
	struct irqfd *f, *next;

	list_for_each_entry_safe(f, next, &vm->irqfds, link)
		if (READ_ONCE(f->closed) || (f->ctx == ctx && f->gsi == gsi))
			free_irqfd(f);
}

static int link_irqfd(struct vm *vm, struct irqfd *f, struct file *file)
{
	struct irqfd *other;

	list_for_each_entry(other, &vm->irqfds, link)
		if (other->ctx == f->ctx)
			return -EBUSY;
	list_add(&f->link, &vm->irqfds);
	init_waitqueue_func_entry(&f->wait, eventfd_woke);
	init_poll_funcptr(&f->poll, join_queue);
	/* What was signalled before we listened. */
	if (vfs_poll(file, &f->poll) & EPOLLIN)
		irq_raise(vm, f->gsi, true);
	return 0;
}

static long assign_irqfd(struct vm *vm, const struct kvm_irqfd *asked, struct file *file,
			 struct eventfd_ctx *ctx)
{
	struct irqfd *f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);
	int err;

	if (!f)
		return -ENOMEM;
	f->vm = vm;
	f->gsi = asked->gsi;
	f->ctx = ctx;
	err = link_irqfd(vm, f, file);
	if (err)
		kfree(f);
	return err;
}

long irq_fd(struct vm *vm, const struct kvm_irqfd *asked)
{
	struct eventfd_ctx *ctx;
	struct file *file;
	long err;

	if (asked->flags & ~KVM_IRQFD_FLAG_DEASSIGN || asked->gsi >= GLUE_MAX_GSI || !vm->split)
		return -EINVAL;
	file = fget(asked->fd);
	if (!file)
		return -EBADF;
	ctx = eventfd_ctx_fileget(file);
	if (IS_ERR(ctx)) {
		fput(file);
		return PTR_ERR(ctx);
	}
	drop_irqfds(vm, NULL, 0);
	if (asked->flags & KVM_IRQFD_FLAG_DEASSIGN) {
		drop_irqfds(vm, ctx, asked->gsi);
		eventfd_ctx_put(ctx);
		err = 0;
	} else {
		err = assign_irqfd(vm, asked, file, ctx);
		if (err)
			eventfd_ctx_put(ctx);
	}
	fput(file);
	return err;
}

/* --- eventfds that the guest signals --- */

struct ioeventfd {
	struct list_head link; /* vm->lock */
	struct hv_ioevent ev;
};

static bool same(const struct hv_ioevent *a, const struct hv_ioevent *b)
{
	return a->event == b->event && a->addr == b->addr && a->len == b->len && a->pio == b->pio &&
	       a->match == b->match && (!a->match || a->val == b->val);
}

static long assign_ioeventfd(struct vm *vm, const struct hv_ioevent *ev)
{
	struct ioeventfd *f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);
	int err;

	if (!f)
		return -ENOMEM;
	f->ev = *ev;
	err = hv_ioevent_add(vm->hv, ev);
	if (err)
		kfree(f);
	else
		list_add(&f->link, &vm->ioeventfds);
	return err;
}

static long deassign_ioeventfd(struct vm *vm, const struct hv_ioevent *ev)
{
	struct ioeventfd *f;
	int err;

	list_for_each_entry(f, &vm->ioeventfds, link) {
		if (!same(&f->ev, ev))
			continue;
		err = hv_ioevent_del(vm->hv, &f->ev);
		if (err)
			return err;
		list_del(&f->link);
		eventfd_ctx_put(f->ev.event);
		kfree(f);
		return 0;
	}
	return -ENOENT;
}

static bool ioeventfd_makes_sense(const struct kvm_ioeventfd *asked)
{
	const u32 known = KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_PIO |
			  KVM_IOEVENTFD_FLAG_DEASSIGN;

	if (asked->flags & ~known || asked->addr + asked->len < asked->addr)
		return false;
	if (!asked->len)
		return !(asked->flags & KVM_IOEVENTFD_FLAG_DATAMATCH);
	return asked->len <= 8 && is_power_of_2(asked->len);
}

long irq_io_eventfd(struct vm *vm, const struct kvm_ioeventfd *asked)
{
	struct hv_ioevent ev = {
		.addr = asked->addr,
		.val = asked->datamatch,
		.len = asked->len,
		.pio = asked->flags & KVM_IOEVENTFD_FLAG_PIO,
		.match = asked->flags & KVM_IOEVENTFD_FLAG_DATAMATCH,
	};
	struct eventfd_ctx *ctx;
	long err;

	if (!ioeventfd_makes_sense(asked))
		return -EINVAL;
	ctx = eventfd_ctx_fdget(asked->fd);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	ev.event = ctx;
	if (asked->flags & KVM_IOEVENTFD_FLAG_DEASSIGN) {
		err = deassign_ioeventfd(vm, &ev);
		eventfd_ctx_put(ctx);
	} else {
		err = assign_ioeventfd(vm, &ev);
		if (err)
			eventfd_ctx_put(ctx);
	}
	return err;
}

/* Nobody else has the VM any more. */
void irq_free(struct vm *vm)
{
	struct ioeventfd *e, *next_e;
	struct irqfd *f, *next;

	list_for_each_entry_safe(f, next, &vm->irqfds, link)
		free_irqfd(f);
	list_for_each_entry_safe(e, next_e, &vm->ioeventfds, link) {
		eventfd_ctx_put(e->ev.event);
		kfree(e);
	}
	kvfree(vm->routes);
}
