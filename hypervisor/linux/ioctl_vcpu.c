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
#include <asm/msr.h>

#include "glue.h"

enum { MAX_MSRS = 256 }; /* in one call */

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

/* Without a vCPU: what it may be told. */
static long get_cpuid(struct vcpu *vcpu, void *arg, void __user *user)
{
	struct hv_cpuid *c = kcalloc(HV_MAX_CPUID, sizeof(*c), GFP_KERNEL_ACCOUNT);
	struct kvm_cpuid_entry2 __user *to = user + sizeof(struct kvm_cpuid2);
	struct kvm_cpuid2 *head = arg;
	unsigned int n;
	long err = 0;

	if (!c)
		return -ENOMEM;
	n = vcpu ? hv_cpuid_get(vcpu->hv, c) : hv_cpuid_supported(c);
	if (n > HV_MAX_CPUID || n > head->nent)
		err = -E2BIG;
	for (unsigned int i = 0; i < n && !err; i++) {
		struct kvm_cpuid_entry2 e = cpuid_out(&c[i]);

		err = copy_to_user(&to[i], &e, sizeof(e)) ? -EFAULT : 0;
	}
	head->nent = n;
	kfree(c);
	return err;
}

static long set_cpuid(struct vcpu *vcpu, void *arg, void __user *user)
{
	struct kvm_cpuid_entry2 __user *from = user + sizeof(struct kvm_cpuid2);
	u32 n = ((struct kvm_cpuid2 *)arg)->nent;
	struct hv_cpuid *c;
	long err = 0;

	if (n > HV_MAX_CPUID)
		return -E2BIG;
	c = kcalloc(n, sizeof(*c), GFP_KERNEL_ACCOUNT);
	if (!c)
		return -ENOMEM;
	for (u32 i = 0; i < n && !err; i++) {
		struct kvm_cpuid_entry2 e = {};

		err = copy_from_user(&e, &from[i], sizeof(e)) ? -EFAULT : 0;
		c[i] = cpuid_in(&e);
	}
	if (!err)
		err = hv_cpuid_set(vcpu->hv, c, n);
	kfree(c);
	return err;
}

/* --- MSRs --- */

/* What the processor says of itself, for user space to offer to guests. */
static int host_msr(u32 index, uint64_t *val)
{
	return index == MSR_IA32_UCODE_REV ? rdmsrl_safe(index, val) : -ENOENT;
}

static int move_msr(struct vcpu *vcpu, u32 index, uint64_t *val, bool set)
{
	if (!vcpu)
		return host_msr(index, val);
	return set ? hv_msr_set(vcpu->hv, index, *val) : hv_msr_get(vcpu->hv, index, val);
}

/* How many were done, from the first on: the next one was refused. */
static long move_msrs(struct vcpu *vcpu, u32 n, struct kvm_msr_entry __user *at, bool set)
{
	struct kvm_msr_entry *e;
	uint64_t val;
	long done;

	if (n >= MAX_MSRS)
		return -E2BIG;
	e = memdup_user(at, n * sizeof(*e));
	if (IS_ERR(e))
		return PTR_ERR(e);
	for (done = 0; done < n; done++) {
		val = e[done].data;
		if (move_msr(vcpu, e[done].index, &val, set))
			break;
		e[done].data = val;
	}
	if (!set && copy_to_user(at, e, n * sizeof(*e)))
		done = -EFAULT;
	kfree(e);
	return done;
}

static long get_msrs(struct vcpu *vcpu, void *arg, void __user *user)
{
	const struct kvm_msrs *head = arg;

	return move_msrs(vcpu, head->nmsrs, user + sizeof(*head), false);
}

static long set_msrs(struct vcpu *vcpu, void *arg, void __user *user)
{
	const struct kvm_msrs *head = arg;

	return move_msrs(vcpu, head->nmsrs, user + sizeof(*head), true);
}

/* --- time --- */

static long get_khz(struct vcpu *vcpu, void *arg, void __user *user)
{
	return hv_tsc_khz_get(vcpu->hv);
}

static long set_khz(struct vcpu *vcpu, void *arg, void __user *khz)
{
	return hv_tsc_khz_set(vcpu->hv, khz ? (unsigned long)khz : host_tsc().khz);
}

static long clock_paused(struct vcpu *vcpu, void *arg, void __user *user)
{
	return hv_clock_paused(vcpu->hv);
}

/* The one attribute that there is: the TSC offset. */
static long has_attr(struct vcpu *vcpu, void *arg, void __user *user)
{
	const struct kvm_device_attr *a = arg;

	return a->group == KVM_VCPU_TSC_CTRL && a->attr == KVM_VCPU_TSC_OFFSET ? 0 : -ENXIO;
}

static long get_attr(struct vcpu *vcpu, void *arg, void __user *user)
{
	u64 __user *to = (u64 __user *)(unsigned long)((struct kvm_device_attr *)arg)->addr;
	long err = has_attr(vcpu, arg, user);

	return err ? err : put_user(hv_tsc_offset_get(vcpu->hv), to);
}

static long set_attr(struct vcpu *vcpu, void *arg, void __user *user)
{
	u64 __user *from = (u64 __user *)(unsigned long)((struct kvm_device_attr *)arg)->addr;
	long err = has_attr(vcpu, arg, user);
	u64 offset;

	if (!err)
		err = get_user(offset, from);
	if (!err)
		hv_tsc_offset_set(vcpu->hv, offset);
	return err;
}

/* --- interrupts --- */

static long nmi(struct vcpu *vcpu, void *arg, void __user *user)
{
	hv_nmi(vcpu->hv);
	return 0;
}

static long interrupt(struct vcpu *vcpu, void *arg, void __user *user)
{
	u32 vector = ((struct kvm_interrupt *)arg)->irq;

	return vector > 255 ? -EINVAL : hv_interrupt(vcpu->hv, vector);
}

/* No guest's TPR is shadowed in its memory: only to say so is served, as QEMU does at reset. */
static long set_vapic(struct vcpu *vcpu, void *arg, void __user *user)
{
	return ((struct kvm_vapic_addr *)arg)->vapic_addr ? -EINVAL : 0;
}

/* --- the file --- */

static const struct vcpu_call calls[] = {
	{ KVM_INTERRUPT, interrupt },
	{ KVM_NMI, nmi },
	{ KVM_GET_MSRS, get_msrs },
	{ KVM_SET_MSRS, set_msrs },
	{ KVM_SET_VAPIC_ADDR, set_vapic },
	{ KVM_SET_CPUID2, set_cpuid },
	{ KVM_GET_CPUID2, get_cpuid },
	{ KVM_GET_TSC_KHZ, get_khz },
	{ KVM_SET_TSC_KHZ, set_khz },
	{ KVM_KVMCLOCK_CTRL, clock_paused },
	{ KVM_HAS_DEVICE_ATTR, has_attr },
	{ KVM_GET_DEVICE_ATTR, get_attr },
	{ KVM_SET_DEVICE_ATTR, set_attr },
	{}
};

static const struct vcpu_call *find_call(const struct vcpu_call *in, unsigned int cmd)
{
	for (; in->cmd; in++)
		if (in->cmd == cmd)
			return in;
	return NULL;
}

long vcpu_call(struct vcpu *vcpu, unsigned int cmd, void __user *user)
{
	const struct vcpu_call *c = find_call(calls, cmd) ?: find_call(state_calls, cmd);
	struct arg arg;
	long err;

	if (!c)
		return -EINVAL;
	err = arg_in(&arg, cmd, user);
	return err ?: arg_out(&arg, cmd, user, c->fn(vcpu, arg.at, user));
}

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long val)
{
	struct vcpu *vcpu = file->private_data;
	long r;

	if (vcpu->vm->mm != current->mm)
		return -EIO;
	if (mutex_lock_killable(&vcpu->lock))
		return -EINTR;
	if (unlikely(READ_ONCE(glue_stopping)))
		r = -ESHUTDOWN;
	else if (cmd == KVM_RUN)
		r = val ? -EINVAL : vcpu_run(vcpu);
	else if (cmd == KVM_SET_SIGNAL_MASK)
		r = vcpu_set_signal_mask(vcpu, (void __user *)val);
	else
		r = vcpu_call(vcpu, cmd, (void __user *)val);
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

long vcpu_create(struct vm *vm, void *arg, void __user *user)
{
	unsigned long id = (unsigned long)user;
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
