// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/caisson's vCPUs: lifetime, the pages that user space maps, and the ioctls of a vCPU's file
 * descriptor, which are decoded here and done in run.c, state.c, fpu.c and hv.h.
 *
 * What is served, with every errno: docs/abi.md.
 *
 * Reference: Linux, "The Definitive KVM API Documentation".
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "glue.h"

enum { MAX_MSRS = 256, MAX_CPUID_IN = 256 }; /* in one call */

/* --- CPUID --- */

static struct kvm_cpuid_entry2 cpuid_out(const struct hv_cpuid *from)
{
	return (struct kvm_cpuid_entry2){
		.function = from->leaf,
		.index = from->sub,
		.flags = from->has_sub ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
		.eax = from->eax,
		.ebx = from->ebx,
		.ecx = from->ecx,
		.edx = from->edx,
	};
}

static struct hv_cpuid cpuid_in(const struct kvm_cpuid_entry2 *from)
{
	return (struct hv_cpuid){
		.leaf = from->function,
		.sub = from->index,
		.eax = from->eax,
		.ebx = from->ebx,
		.ecx = from->ecx,
		.edx = from->edx,
		.has_sub = from->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
	};
}

long put_cpuids(struct kvm_cpuid2 __user *user, const struct hv_cpuid *from, unsigned int n)
{
	u32 room;

	if (get_user(room, &user->nent))
		return -EFAULT;
	if (room < n)
		return -E2BIG;
	for (unsigned int i = 0; i < n; i++) {
		struct kvm_cpuid_entry2 e = cpuid_out(&from[i]);

		if (copy_to_user(&user->entries[i], &e, sizeof(e)))
			return -EFAULT;
	}
	return put_user(n, &user->nent) ? -EFAULT : 0;
}

static long set_cpuid(struct vcpu *vcpu, struct kvm_cpuid2 __user *user)
{
	struct kvm_cpuid_entry2 *in;
	struct hv_cpuid *to;
	long err = -ENOMEM;
	u32 n;

	if (get_user(n, &user->nent))
		return -EFAULT;
	if (n > HV_MAX_CPUID)
		return -E2BIG;
	in = vmemdup_user(user->entries, array_size(n, sizeof(*in)));
	if (IS_ERR(in))
		return PTR_ERR(in);
	to = kcalloc(n, sizeof(*to), GFP_KERNEL_ACCOUNT);
	if (to) {
		for (u32 i = 0; i < n; i++)
			to[i] = cpuid_in(&in[i]);
		err = hv_cpuid_set(vcpu->hv, to, n);
	}
	kfree(to);
	kvfree(in);
	return err;
}

static long get_cpuid(struct vcpu *vcpu, struct kvm_cpuid2 __user *user)
{
	struct hv_cpuid *c = kcalloc(HV_MAX_CPUID, sizeof(*c), GFP_KERNEL_ACCOUNT);
	long err;

	if (!c)
		return -ENOMEM;
	err = put_cpuids(user, c, hv_cpuid_get(vcpu->hv, c));
	kfree(c);
	return err;
}

/* --- MSRs --- */

/* How many were done, from the first on: the rest was not, because one was refused. */
static long move_msrs(struct vcpu *vcpu, struct kvm_msrs __user *user, bool set)
{
	struct kvm_msr_entry *e;
	struct kvm_msrs head;
	size_t bytes;
	long done;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nmsrs >= MAX_MSRS)
		return -E2BIG;
	bytes = head.nmsrs * sizeof(*e);
	e = memdup_user(user->entries, bytes);
	if (IS_ERR(e))
		return PTR_ERR(e);
	for (done = 0; done < head.nmsrs; done++) {
		uint64_t val = e[done].data;

		if (set ? hv_msr_set(vcpu->hv, e[done].index, val, true) :
			  hv_msr_get(vcpu->hv, e[done].index, &val, true))
			break;
		e[done].data = val;
	}
	if (!set && copy_to_user(user->entries, e, bytes))
		done = -EFAULT;
	kfree(e);
	return done;
}

/* --- small ones --- */

static long set_tsc_offset(struct vcpu *vcpu, const u64 __user *user)
{
	u64 offset;

	if (get_user(offset, user))
		return -EFAULT;
	hv_tsc_offset_set(vcpu->hv, offset);
	return 0;
}

static long device_attr(struct vcpu *vcpu, unsigned int cmd, const struct kvm_device_attr __user *arg)
{
	struct kvm_device_attr a;
	u64 __user *user;

	if (copy_from_user(&a, arg, sizeof(a)))
		return -EFAULT;
	if (a.group != KVM_VCPU_TSC_CTRL || a.attr != KVM_VCPU_TSC_OFFSET)
		return -ENXIO;
	user = (u64 __user *)(unsigned long)a.addr;
	switch (cmd) {
	case KVM_GET_DEVICE_ATTR:
		return put_user(hv_tsc_offset_get(vcpu->hv), user);
	case KVM_SET_DEVICE_ATTR:
		return set_tsc_offset(vcpu, user);
	default: /* KVM_HAS_DEVICE_ATTR */
		return 0;
	}
}

static long interrupt(struct vcpu *vcpu, const struct kvm_interrupt *i)
{
	return i->irq > 255 ? -EINVAL : hv_interrupt(vcpu->hv, i->irq);
}

static int translate(struct vcpu *vcpu, struct kvm_translation *t)
{
	uint64_t gpa;
	bool valid = !hv_translate(vcpu->hv, t->linear_address, &gpa);

	t->physical_address = valid ? gpa : ~0ull;
	t->valid = valid;
	t->writeable = 1;
	t->usermode = 0;
	return 0;
}

/* --- the file --- */

/* What an ioctl's argument points to; too large for the stack. */
union vcpu_arg {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_fpu fpu;
	struct kvm_xsave xsave;
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debugregs;
	struct kvm_vcpu_events events;
	struct kvm_lapic_state lapic;
	struct kvm_mp_state mp;
	struct kvm_guest_debug debug;
	struct kvm_translation translation;
	struct kvm_interrupt interrupt;
};

/* Those that fill or take one struct, which lies in the kernel by now. */
static long move_struct(struct vcpu *vcpu, unsigned int cmd, union vcpu_arg *a)
{
	switch (cmd) {
	case KVM_GET_REGS:
		return state_get_regs(vcpu, &a->regs);
	case KVM_SET_REGS:
		return state_set_regs(vcpu, &a->regs);
	case KVM_GET_SREGS:
		return state_get_sregs(vcpu, &a->sregs);
	case KVM_SET_SREGS:
		return state_set_sregs(vcpu, &a->sregs);
	case KVM_GET_FPU:
		return fpu_get_regs(vcpu, &a->fpu);
	case KVM_SET_FPU:
		return fpu_set_regs(vcpu, &a->fpu);
	case KVM_GET_XSAVE:
		return fpu_get_xsave(vcpu, &a->xsave);
	case KVM_SET_XSAVE:
		return fpu_set_xsave(vcpu, &a->xsave);
	case KVM_GET_XCRS:
		return state_get_xcrs(vcpu, &a->xcrs);
	case KVM_SET_XCRS:
		return state_set_xcrs(vcpu, &a->xcrs);
	case KVM_GET_DEBUGREGS:
		return state_get_debugregs(vcpu, &a->debugregs);
	case KVM_SET_DEBUGREGS:
		return state_set_debugregs(vcpu, &a->debugregs);
	case KVM_GET_VCPU_EVENTS:
		return state_get_events(vcpu, &a->events);
	case KVM_SET_VCPU_EVENTS:
		return state_set_events(vcpu, &a->events);
	case KVM_GET_LAPIC:
		return state_get_lapic(vcpu, &a->lapic);
	case KVM_SET_LAPIC:
		return state_set_lapic(vcpu, &a->lapic);
	case KVM_GET_MP_STATE:
		return state_get_mp(vcpu, &a->mp);
	case KVM_SET_MP_STATE:
		return state_set_mp(vcpu, &a->mp);
	case KVM_SET_GUEST_DEBUG:
		return state_set_debug(vcpu, &a->debug);
	case KVM_TRANSLATE:
		return translate(vcpu, &a->translation);
	case KVM_INTERRUPT:
		return interrupt(vcpu, &a->interrupt);
	}
	return -EINVAL;
}

/*
 * By the direction in the number, which is the API's own; KVM_GET_XSAVE and others are "read" and
 * fill the struct as a whole.
 */
static long struct_ioctl(struct vcpu *vcpu, unsigned int cmd, void __user *user)
{
	size_t bytes = _IOC_SIZE(cmd);
	union vcpu_arg *a;
	long r = 0;

	if (_IOC_TYPE(cmd) != KVMIO || bytes > sizeof(*a) || !bytes)
		return -EINVAL;
	a = kzalloc(sizeof(*a), GFP_KERNEL_ACCOUNT);
	if (!a)
		return -ENOMEM;
	if (_IOC_DIR(cmd) & _IOC_WRITE && copy_from_user(a, user, bytes))
		r = -EFAULT;
	if (!r)
		r = move_struct(vcpu, cmd, a);
	if (!r && _IOC_DIR(cmd) & _IOC_READ && copy_to_user(user, a, bytes))
		r = -EFAULT;
	kfree(a);
	return r;
}

static long vcpu_ioctl_locked(struct vcpu *vcpu, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case KVM_RUN:
		return arg ? -EINVAL : vcpu_run(vcpu);
	case KVM_SET_SIGNAL_MASK:
		return vcpu_set_signal_mask(vcpu, user);
	case KVM_SET_CPUID2:
		return set_cpuid(vcpu, user);
	case KVM_GET_CPUID2:
		return get_cpuid(vcpu, user);
	case KVM_GET_MSRS:
	case KVM_SET_MSRS:
		return move_msrs(vcpu, user, cmd == KVM_SET_MSRS);
	case KVM_NMI:
		hv_nmi(vcpu->hv);
		return 0;
	case KVM_GET_TSC_KHZ:
		return hv_tsc_khz_get(vcpu->hv);
	case KVM_SET_TSC_KHZ:
		return hv_tsc_khz_set(vcpu->hv, arg ? arg : host_tsc_khz());
	case KVM_KVMCLOCK_CTRL:
		return hv_clock_paused(vcpu->hv);
	case KVM_HAS_DEVICE_ATTR:
	case KVM_GET_DEVICE_ATTR:
	case KVM_SET_DEVICE_ATTR:
		return device_attr(vcpu, cmd, user);
	default:
		return struct_ioctl(vcpu, cmd, user);
	}
}

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vcpu *vcpu = file->private_data;
	long r;

	if (vcpu->vm->mm != current->mm)
		return -EIO;
	if (mutex_lock_killable(&vcpu->lock))
		return -EINTR;
	if (unlikely(READ_ONCE(glue_stopping)))
		r = -ESHUTDOWN;
	else
		r = vcpu_ioctl_locked(vcpu, cmd, arg);
	mutex_unlock(&vcpu->lock);
	return r;
}

static vm_fault_t vcpu_fault(struct vm_fault *fault)
{
	struct vcpu *vcpu = fault->vma->vm_file->private_data;
	void *at;

	if (fault->pgoff == 0)
		at = vcpu->run;
	else if (fault->pgoff == 1)
		at = vcpu->io_data;
	else
		return VM_FAULT_SIGBUS;
	fault->page = virt_to_page(at);
	get_page(fault->page);
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_fault,
};

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

/* The vCPU itself lives as long as its VM; one that was never made goes at once. */
static int vcpu_release(struct inode *inode, struct file *file)
{
	struct vcpu *vcpu = file->private_data;
	struct vm *vm = vcpu->vm;

	if (!vcpu->hv)
		vcpu_free(vcpu);
	vm_put(vm);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vcpu_ioctl,
	.mmap = vcpu_mmap,
	.release = vcpu_release,
	.llseek = noop_llseek,
};

/* --- lifetime --- */

/* Accepts a half-made one. Pages that are still mapped go with their last mapping. */
void vcpu_free(struct vcpu *vcpu)
{
	if (vcpu->fpu.fpstate)
		fpu_free_guest_fpstate(&vcpu->fpu);
	free_page((unsigned long)vcpu->run);
	free_page((unsigned long)vcpu->io_data);
	kfree(vcpu);
}

static struct vcpu *vcpu_new(struct vm *vm)
{
	struct vcpu *vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);

	if (!vcpu)
		return NULL;
	vcpu->vm = vm;
	mutex_init(&vcpu->lock);
	static_assert((int)HV_IO_BYTES == (int)PAGE_SIZE);
	vcpu->run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vcpu->io_data = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (vcpu->run && vcpu->io_data && fpu_alloc_guest_fpstate(&vcpu->fpu))
		return vcpu;
	vcpu_free(vcpu);
	return NULL;
}

/* The core's vCPU comes last: it cannot be taken back. */
static int vcpu_publish(struct vm *vm, struct vcpu *vcpu, unsigned int id)
{
	int err = hv_vcpu_create(vm->hv, id, vcpu, &vcpu->hv);

	if (err) {
		vcpu->hv = NULL;
		return err;
	}
	vm->vcpu[id] = vcpu;
	vm->n_vcpus++;
	return 0;
}

long vcpu_create(struct vm *vm, unsigned long id)
{
	struct vcpu *vcpu;
	struct file *file;
	int fd, err;

	if (id >= HV_MAX_VCPUS || !vm->split) /* there is no vCPU without a local APIC */
		return -EINVAL;
	if (vm->vcpu[id])
		return -EEXIST;
	vcpu = vcpu_new(vm);
	if (!vcpu)
		return -ENOMEM;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		vcpu_free(vcpu);
		return fd;
	}
	file = anon_inode_getfile("caisson-vcpu", &vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		vcpu_free(vcpu);
		return PTR_ERR(file);
	}
	refcount_inc(&vm->users);
	err = vcpu_publish(vm, vcpu, id);
	if (err) {
		put_unused_fd(fd);
		fput(file);
		return err;
	}
	fd_install(fd, file);
	return fd;
}
