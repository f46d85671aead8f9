// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts from outside: routes from input numbers to messages, eventfds that raise an input, and
 * eventfds that a guest's write to a port or address signals.
 *
 * Missing: level-triggered eventfds (KVM_IRQFD_FLAG_RESAMPLE), routes to an irqchip in the kernel.
 *
 * Reference: Linux, "The Definitive KVM API Documentation".
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/log2.h>
#include <linux/nospec.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "glue.h"

/* --- routes --- */

enum { MSI_LEVEL = 1 << 15, MSI_VECTOR = 0xff }; /* in a message's data */

struct route {
	u64 address;
	u32 data;
	bool used;
};

/*
 * The message is sent under the lock: once a new table is in place, nothing follows the old one.
 * An edge has no other half: lowering the line is nothing.
 */
int irq_raise(struct vm *vm, unsigned int gsi, bool level)
{
	const struct route *r = NULL;
	unsigned long flags;
	int reached = -1;

	if (!level || gsi >= GLUE_GSIS)
		return -1;
	read_lock_irqsave(&vm->routes_lock, flags);
	if (vm->routes)
		r = &vm->routes[array_index_nospec(gsi, GLUE_GSIS)];
	if (r && r->used)
		reached = hv_send_message(vm->hv, r->address, r->data);
	read_unlock_irqrestore(&vm->routes_lock, flags);
	return reached;
}

static int fill_routes(struct route *r, const struct kvm_irq_routing_entry *e, unsigned int n)
{
	for (; n--; e++) {
		if (e->gsi >= GLUE_GSIS || e->type != KVM_IRQ_ROUTING_MSI ||
		    e->flags & ~KVM_MSI_VALID_DEVID || r[e->gsi].used)
			return -EINVAL;
		r[e->gsi] = (struct route){ e->u.msi.address_lo, e->u.msi.data, true };
	}
	return 0;
}

/* The I/O APIC in user space wants to hear of the EOI of what is routed as level-triggered. */
static void tell_eoi_vectors(struct vm *vm, const struct route *r)
{
	uint64_t vectors[4] = {};

	for (unsigned int i = 0; i < vm->ioapic_pins; i++)
		if (r[i].used && r[i].data & MSI_LEVEL)
			vectors[(r[i].data & MSI_VECTOR) / 64] |= 1ull << r[i].data % 64;
	hv_set_eoi_vectors(vm->hv, vectors);
}

long irq_set_routing(struct vm *vm, void *arg, void __user *user)
{
	const struct kvm_irq_routing *head = arg;
	struct kvm_irq_routing_entry *e;
	struct route *made;
	long err = -ENOMEM;

	if (!vm->split || head->nr > GLUE_GSIS || head->flags)
		return -EINVAL;
	e = vmemdup_user(user + sizeof(*head), array_size(sizeof(*e), head->nr));
	if (IS_ERR(e))
		return PTR_ERR(e);
	made = kvcalloc(GLUE_GSIS, sizeof(*made), GFP_KERNEL_ACCOUNT);
	if (made)
		err = fill_routes(made, e, head->nr);
	if (!err) {
		tell_eoi_vectors(vm, made);
		write_lock_irq(&vm->routes_lock);
		swap(vm->routes, made);
		write_unlock_irq(&vm->routes_lock);
	}
	kvfree(made);
	kvfree(e);
	return err;
}

/* --- eventfds that raise an input --- */

struct irqfd {
	struct list_head link; /* vm->lock */
	struct vm *vm;
	unsigned int gsi;
	struct eventfd_ctx *ctx;
	wait_queue_entry_t wait;
	poll_table poll;
	bool closed; /* nobody can signal it any more; swept later */
};

/* With the eventfd's own lock held, interrupts off. */
static int eventfd_woke(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *f = container_of(wait, struct irqfd, wait);
	u64 count;

	if (key_to_poll(key) & EPOLLIN) {
		eventfd_ctx_do_read(f->ctx, &count);
		irq_raise(f->vm, f->gsi, true);
	}
	if (key_to_poll(key) & EPOLLHUP)
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

/* Those of ctx and gsi, and those that are closed. */
static void drop_irqfds(struct vm *vm, const struct eventfd_ctx *ctx, unsigned int gsi)
{
	struct irqfd *f, *next;

	list_for_each_entry_safe(f, next, &vm->irqfds, link)
		if (READ_ONCE(f->closed) || (f->ctx == ctx && f->gsi == gsi))
			free_irqfd(f);
}

/* Takes ctx when it succeeds. */
static int add_irqfd(struct vm *vm, unsigned int gsi, struct file *file, struct eventfd_ctx *ctx)
{
	struct irqfd *f;

	list_for_each_entry(f, &vm->irqfds, link)
		if (f->ctx == ctx)
			return -EBUSY;
	f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);
	if (!f)
		return -ENOMEM;
	f->vm = vm;
	f->gsi = gsi;
	f->ctx = ctx;
	list_add(&f->link, &vm->irqfds);
	init_waitqueue_func_entry(&f->wait, eventfd_woke);
	init_poll_funcptr(&f->poll, join_queue);
	if (vfs_poll(file, &f->poll) & EPOLLIN) /* signalled before we listened */
		irq_raise(vm, gsi, true);
	return 0;
}

long irq_fd(struct vm *vm, void *arg, void __user *user)
{
	const struct kvm_irqfd *asked = arg;
	bool remove = asked->flags & KVM_IRQFD_FLAG_DEASSIGN;
	struct eventfd_ctx *ctx;
	struct file *file;
	long err = 0;

	if (asked->flags & ~KVM_IRQFD_FLAG_DEASSIGN || asked->gsi >= GLUE_GSIS || !vm->split)
		return -EINVAL;
	file = fget(asked->fd);
	if (!file)
		return -EBADF;
	ctx = eventfd_ctx_fileget(file);
	if (IS_ERR(ctx)) {
		err = PTR_ERR(ctx);
	} else {
		drop_irqfds(vm, remove ? ctx : NULL, asked->gsi);
		if (!remove)
			err = add_irqfd(vm, asked->gsi, file, ctx);
		if (remove || err)
			eventfd_ctx_put(ctx);
	}
	fput(file);
	return err;
}

/* --- eventfds that the guest signals --- */

static bool makes_sense(const struct kvm_ioeventfd *asked)
{
	const u32 known = KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_PIO |
			  KVM_IOEVENTFD_FLAG_DEASSIGN;

	if (asked->flags & ~known || asked->addr + asked->len < asked->addr)
		return false;
	if (!asked->len)
		return !(asked->flags & KVM_IOEVENTFD_FLAG_DATAMATCH);
	return asked->len <= 8 && is_power_of_2(asked->len);
}

long irq_io_eventfd(struct vm *vm, void *arg, void __user *user)
{
	const struct kvm_ioeventfd *asked = arg;
	bool remove = asked->flags & KVM_IOEVENTFD_FLAG_DEASSIGN;
	struct hv_ioevent ev = {
		.addr = asked->addr,
		.val = asked->datamatch,
		.len = asked->len,
		.pio = asked->flags & KVM_IOEVENTFD_FLAG_PIO,
		.match = asked->flags & KVM_IOEVENTFD_FLAG_DATAMATCH,
	};
	long err;

	if (!makes_sense(asked))
		return -EINVAL;
	ev.event = eventfd_ctx_fdget(asked->fd);
	if (IS_ERR(ev.event))
		return PTR_ERR(ev.event);
	err = remove ? hv_ioevent_del(vm->hv, &ev) : hv_ioevent_add(vm->hv, &ev);
	if (remove && !err)
		eventfd_ctx_put(ev.event); /* which the core had */
	if (remove || err)
		eventfd_ctx_put(ev.event);
	return err;
}

/* Nobody else has the VM any more. */
void irq_free(struct vm *vm)
{
	struct irqfd *f, *next;
	struct hv_ioevent e;

	list_for_each_entry_safe(f, next, &vm->irqfds, link)
		free_irqfd(f);
	while (vm->hv && hv_ioevent_pop(vm->hv, &e))
		eventfd_ctx_put(e.event);
	kvfree(vm->routes);
}
