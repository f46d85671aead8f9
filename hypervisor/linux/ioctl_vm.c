// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/caisson's VMs: lifetime, capabilities, and the ioctls of a VM's file descriptor. It decodes,
 * checks what user space gave, and calls hv.h (memory, clock, MSR filter, Xen) or irqfd.c.
 *
 * What is served, with every errno: docs/abi.md.
 *
 * Reference: Linux, "The Definitive KVM API Documentation".
 */
#include <linux/anon_inodes.h>
#include <linux/cpumask.h>
#include <linux/eventfd.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "glue.h"
#include "uapi/caisson.h"

/* --- capabilities --- */

static const u16 simple_caps[] = { /* those whose answer is 1 */
	KVM_CAP_CHECK_EXTENSION_VM, KVM_CAP_CLOCKSOURCE, KVM_CAP_DEBUGREGS,
	KVM_CAP_DESTROY_MEMORY_REGION_WORKS, KVM_CAP_ENABLE_CAP_VM, KVM_CAP_EXT_CPUID,
	KVM_CAP_GET_MSR_FEATURES, KVM_CAP_GET_TSC_KHZ, KVM_CAP_HLT, KVM_CAP_IMMEDIATE_EXIT,
	KVM_CAP_INTERNAL_ERROR_DATA, KVM_CAP_IOEVENTFD, KVM_CAP_IOEVENTFD_ANY_LENGTH,
	KVM_CAP_IRQCHIP, KVM_CAP_IRQFD, KVM_CAP_IRQ_INJECT_STATUS,
	KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, KVM_CAP_KVMCLOCK_CTRL,
	KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, KVM_CAP_MP_STATE, KVM_CAP_NOP_IO_DELAY,
	KVM_CAP_READONLY_MEM, KVM_CAP_SET_GUEST_DEBUG, KVM_CAP_SET_IDENTITY_MAP_ADDR,
	KVM_CAP_SET_TSS_ADDR, KVM_CAP_SIGNAL_MSI, KVM_CAP_SPLIT_IRQCHIP, KVM_CAP_SYNC_MMU,
	KVM_CAP_TSC_DEADLINE_TIMER, KVM_CAP_USER_MEMORY, KVM_CAP_USER_NMI, KVM_CAP_VCPU_ATTRIBUTES,
	KVM_CAP_VCPU_EVENTS, KVM_CAP_X86_MSR_FILTER, KVM_CAP_X86_USER_SPACE_MSR, KVM_CAP_XSAVE,
};

long vm_check_extension(unsigned long cap)
{
	unsigned int i;

	switch (cap) {
	case KVM_CAP_NR_VCPUS:
		return min_t(long, num_online_cpus(), HV_MAX_VCPUS);
	case KVM_CAP_MAX_VCPUS:
	case KVM_CAP_MAX_VCPU_ID:
		return HV_MAX_VCPUS;
	case KVM_CAP_NR_MEMSLOTS:
		return HV_MAX_SLOTS;
	case KVM_CAP_IRQ_ROUTING:
		return GLUE_GSIS;
	case KVM_CAP_ADJUST_CLOCK:
		return KVM_CLOCK_TSC_STABLE; /* what is read is what guests see */
	case KVM_CAP_XEN_HVM:
		return KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL;
	case CAISSON_CAP_VRAM_TRACKING:
		return 1;
	case KVM_CAP_XCRS:
		return boot_cpu_has(X86_FEATURE_XSAVE);
	case KVM_CAP_TSC_CONTROL:
		return hv_caps()->tsc_scaling;
	}
	for (i = 0; i < ARRAY_SIZE(simple_caps); i++)
		if (simple_caps[i] == cap)
			return 1;
	return 0;
}

static long enable_split(struct vm *vm, u64 pins)
{
	if (pins > GLUE_GSIS)
		return -EINVAL;
	if (vm->split || vm->n_vcpus)
		return -EEXIST;
	vm->split = true;
	vm->ioapic_pins = pins;
	return 0;
}

static_assert((int)HV_MSR_UNKNOWN == (int)KVM_MSR_EXIT_REASON_UNKNOWN);
static_assert((int)HV_MSR_INVALID == (int)KVM_MSR_EXIT_REASON_INVAL);
static_assert((int)HV_MSR_FILTERED == (int)KVM_MSR_EXIT_REASON_FILTER);

static long enable_cap(struct vm *vm, void *arg, void __user *user)
{
	const struct kvm_enable_cap *c = arg;
	const u64 reasons = HV_MSR_UNKNOWN | HV_MSR_INVALID | HV_MSR_FILTERED;
	u64 val = c->args[0];

	if (c->flags)
		return -EINVAL;
	switch (c->cap) {
	case KVM_CAP_SPLIT_IRQCHIP:
		return enable_split(vm, val);
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		if (val & ~(u64)KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE)
			return -EINVAL;
		vm->manual_dirty = val;
		return 0;
	case KVM_CAP_X86_USER_SPACE_MSR:
		if (val & ~reasons)
			return -EINVAL;
		hv_msr_to_user(vm->hv, val);
		return 0;
	default:
		return -EINVAL;
	}
}

/* --- memory --- */

static_assert((int)HV_SLOT_LOG == (int)KVM_MEM_LOG_DIRTY_PAGES);
static_assert((int)HV_SLOT_READONLY == (int)KVM_MEM_READONLY);

static long set_region(struct vm *vm, void *arg, void __user *user)
{
	const struct kvm_userspace_memory_region *r = arg;

	if (!access_ok((void __user *)(unsigned long)r->userspace_addr, r->memory_size))
		return -EINVAL;
	return hv_slot_set(vm->hv, r->slot, r->guest_phys_addr, r->memory_size, r->userspace_addr,
			   r->flags);
}

static size_t bitmap_bytes(u64 pages)
{
	return BITS_TO_LONGS(pages) * sizeof(long);
}

static long get_dirty(struct vm *vm, void *arg, void __user *user)
{
	const struct kvm_dirty_log *asked = arg;
	size_t bytes = bitmap_bytes(hv_slot_pages(vm->hv, asked->slot));
	unsigned long few[64] = {}, *bits = few; /* a display's, at each of its frames */
	long err;

	if (bytes > sizeof(few))
		bits = kvzalloc(bytes, GFP_KERNEL_ACCOUNT);
	if (!bits)
		return -ENOMEM;
	err = hv_slot_dirty(vm->hv, asked->slot, bits, !vm->manual_dirty);
	if (!err && copy_to_user(asked->dirty_bitmap, bits, bytes))
		err = -EFAULT;
	if (bits != few)
		kvfree(bits);
	return err;
}

/* What goes beyond the slot is refused whatever its bits are. */
static long clear_dirty(struct vm *vm, void *arg, void __user *user)
{
	const struct kvm_clear_dirty_log *asked = arg;
	u64 n = asked->num_pages, pages = hv_slot_pages(vm->hv, asked->slot);
	unsigned long *bits = vmemdup_user(asked->dirty_bitmap, bitmap_bytes(min(n, pages)));
	long err;

	if (IS_ERR(bits))
		return PTR_ERR(bits);
	err = hv_slot_clear(vm->hv, asked->slot, asked->first_page, n, bits);
	kvfree(bits);
	return err;
}

/* --- video memory --- */

static long set_vram_tracking(struct vm *vm, void *arg, void __user *user)
{
	const struct caisson_vram_tracking *asked = arg;
	struct hv_vram t = { .idle_ns = asked->idle_ns };
	long err;

	if (asked->fd != -1) {
		if (!asked->len || (asked->offset | asked->len) % PAGE_SIZE)
			return -EINVAL;
		t.first = asked->offset / PAGE_SIZE;
		t.pages = asked->len / PAGE_SIZE;
		t.event = eventfd_ctx_fdget(asked->fd);
		if (IS_ERR(t.event))
			return PTR_ERR(t.event);
	}
	err = hv_vram_set(vm->hv, asked->slot, &t);
	if (!err)
		swap(vm->vram_event[asked->slot], t.event);
	if (t.event)
		eventfd_ctx_put(t.event);
	return err;
}

static long get_vram_dirty(struct vm *vm, void *arg, void __user *user)
{
	struct caisson_vram_dirty *asked = arg;
	u64 old, __user *to = (u64 __user *)asked->bitmap;
	struct hv_vram now;
	long err = hv_vram_dirty(vm->hv, asked->slot, &now);

	if (err)
		return err;
	asked->state = now.idle ? CAISSON_VRAM_IDLE : CAISSON_VRAM_ACTIVE;
	asked->faults = now.wakes;
	asked->pages = 0;
	for (u64 i = 0; now.bits && i < BITS_TO_LONGS(now.pages); i++) {
		asked->pages += hweight64(now.bits[i]);
		if (now.bits[i] &&
		    (get_user(old, &to[i]) || put_user(old | now.bits[i], &to[i])))
			return -EFAULT;
	}
	return 0;
}

/* --- clock --- */

static long get_clock(struct vm *vm, void *arg, void __user *user)
{
	struct kvm_clock_data *d = arg;

	d->clock = hv_clock_get(vm->hv);
	d->flags = KVM_CLOCK_TSC_STABLE;
	return 0;
}

static long set_clock(struct vm *vm, void *arg, void __user *user)
{
	const struct kvm_clock_data *d = arg;

	if (d->flags)
		return -EINVAL;
	hv_clock_set(vm->hv, d->clock);
	return 0;
}

/* --- MSR filter, Xen, messages --- */

enum { FILTER_BYTES = 0x600 }; /* of one range's bitmap */

static int copy_range(struct hv_msr_range *to, const struct kvm_msr_filter_range *from)
{
	size_t bytes = bitmap_bytes(from->nmsrs);

	if (from->flags & ~(KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE) || !from->flags ||
	    bytes > FILTER_BYTES)
		return -EINVAL;
	*to = (struct hv_msr_range){
		.base = from->base,
		.count = from->nmsrs,
		.read = from->flags & KVM_MSR_FILTER_READ,
		.write = from->flags & KVM_MSR_FILTER_WRITE,
		.bits = host_alloc(bytes),
	};
	if (!to->bits)
		return -ENOMEM;
	return copy_from_user(to->bits, (void __user *)from->bitmap, bytes) ? -EFAULT : 0;
}

static long set_msr_filter(struct vm *vm, void *arg, void __user *user)
{
	const struct kvm_msr_filter *asked = arg;
	struct hv_msr_filter f = { .deny = asked->flags & KVM_MSR_FILTER_DEFAULT_DENY };
	long err = 0;

	static_assert(KVM_MSR_FILTER_MAX_RANGES <= ARRAY_SIZE(f.range));
	if (asked->flags & ~KVM_MSR_FILTER_DEFAULT_DENY)
		return -EINVAL;
	for (unsigned int i = 0; i < KVM_MSR_FILTER_MAX_RANGES && !err; i++)
		if (asked->ranges[i].nmsrs)
			err = copy_range(&f.range[f.n++], &asked->ranges[i]);
	if (!err && f.deny && !f.n)
		err = -EINVAL; /* nothing could run */
	if (err)
		hv_msr_filter_free(&f);
	else
		hv_msr_filter_set(vm->hv, &f);
	return err;
}

static long set_xen(struct vm *vm, void *arg, void __user *user)
{
	const struct kvm_xen_hvm_config *c = arg;
	bool intercept = c->flags & KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL;

	if (c->flags & ~KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL || c->blob_addr_32 || c->blob_addr_64 ||
	    c->blob_size_32 || c->blob_size_64 || memchr_inv(c->pad2, 0, sizeof(c->pad2)))
		return -EINVAL;
	if (!intercept && c->msr)
		return -EINVAL; /* the kernel holds no hypercall page of user space's */
	hv_xen_config(vm->hv, c->msr, intercept);
	return 0;
}

/* --- addresses that processors without real mode in the guest need, and interrupts --- */

static long set_identity_map(struct vm *vm, void *arg, void __user *user)
{
	return vm->n_vcpus ? -EINVAL : 0;
}

static long set_tss(struct vm *vm, void *arg, void __user *user)
{
	return (unsigned long)user > (u32)(-3 * PAGE_SIZE) ? -EINVAL : 0;
}

static long signal_msi(struct vm *vm, void *arg, void __user *user)
{
	const struct kvm_msi *m = arg;

	if (m->flags & ~KVM_MSI_VALID_DEVID || !vm->split)
		return -EINVAL;
	return hv_send_message(vm->hv, m->address_lo, m->data);
}

static long irq_line(struct vm *vm, void *arg, void __user *user)
{
	struct kvm_irq_level *l = arg;

	if (!vm->split)
		return -ENXIO;
	l->status = irq_raise(vm, l->irq, l->level);
	return 0;
}

/* --- the file --- */

static const struct vm_call calls[] = {
	{ KVM_SIGNAL_MSI, signal_msi },
	{ KVM_GET_DIRTY_LOG, get_dirty },
	{ KVM_CLEAR_DIRTY_LOG, clear_dirty },
	{ CAISSON_GET_VRAM_DIRTY, get_vram_dirty },
	{ CAISSON_SET_VRAM_TRACKING, set_vram_tracking },
	{ KVM_IRQ_LINE, irq_line },
	{ KVM_IRQ_LINE_STATUS, irq_line },
	{ KVM_SET_GSI_ROUTING, irq_set_routing },
	{ KVM_SET_USER_MEMORY_REGION, set_region },
	{ KVM_CREATE_VCPU, vcpu_create },
	{ KVM_ENABLE_CAP, enable_cap },
	{ KVM_IRQFD, irq_fd },
	{ KVM_IOEVENTFD, irq_io_eventfd },
	{ KVM_GET_CLOCK, get_clock },
	{ KVM_SET_CLOCK, set_clock },
	{ KVM_X86_SET_MSR_FILTER, set_msr_filter },
	{ KVM_XEN_HVM_CONFIG, set_xen },
	{ KVM_SET_TSS_ADDR, set_tss },
	{ KVM_SET_IDENTITY_MAP_ADDR, set_identity_map },
};

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long val)
{
	void __user *user = (void __user *)val;
	struct vm *vm = file->private_data;
	unsigned int i;
	struct arg arg;
	long r;

	if (vm->mm != current->mm)
		return -EIO;
	if (cmd == KVM_CHECK_EXTENSION)
		return vm_check_extension(val);
	for (i = 0; i < ARRAY_SIZE(calls) && calls[i].cmd != cmd; i++)
		;
	if (i == ARRAY_SIZE(calls))
		return -ENOTTY;
	r = arg_in(&arg, cmd, user);
	if (r)
		return r;
	mutex_lock(&vm->lock);
	r = calls[i].fn(vm, arg.at, user);
	mutex_unlock(&vm->lock);
	return arg_out(&arg, cmd, user, r);
}

static int vm_release(struct inode *inode, struct file *file)
{
	vm_put(file->private_data);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vm_ioctl,
	.release = vm_release,
	.llseek = noop_llseek,
};

/* --- lifetime --- */

/* Accepts a half-made VM. The core's goes last but for what its vCPUs' hosts hold. */
static void vm_free(struct vm *vm)
{
	unsigned int i;

	irq_free(vm);
	mem_unwatch(vm);
	if (vm->hv)
		hv_vm_destroy(vm->hv);
	for (i = 0; i < HV_MAX_VCPUS; i++)
		if (vm->vcpu[i])
			vcpu_free(vm->vcpu[i]);
	for (i = 0; i < HV_MAX_SLOTS; i++)
		if (vm->vram_event[i])
			eventfd_ctx_put(vm->vram_event[i]);
	kvfree(vm);
}

void vm_put(struct vm *vm)
{
	if (!refcount_dec_and_test(&vm->users))
		return;
	mutex_lock(&vms_lock);
	list_del(&vm->link);
	mutex_unlock(&vms_lock);
	vm_free(vm);
}

static struct vm *vm_new(void)
{
	struct vm *vm = kvzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	int err;

	if (!vm)
		return ERR_PTR(-ENOMEM);
	vm->mm = current->mm;
	refcount_set(&vm->users, 1);
	mutex_init(&vm->lock);
	rwlock_init(&vm->routes_lock);
	INIT_LIST_HEAD(&vm->irqfds);
	err = hv_vm_create(&vm->hv, vm);
	if (!err)
		err = mem_watch(vm);
	if (err) {
		vm_free(vm);
		return ERR_PTR(err);
	}
	return vm;
}

/* The bits of type choose what no VM here has (KVM_CAP_VM_TYPES). */
long vm_create(unsigned long type)
{
	struct vm *vm;
	int fd;

	if (type)
		return -EINVAL;
	vm = vm_new();
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	mutex_lock(&vms_lock);
	list_add_tail(&vm->link, &vms);
	mutex_unlock(&vms_lock);
	fd = anon_inode_getfd("caisson-vm", &vm_fops, vm, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		vm_put(vm);
	return fd;
}
