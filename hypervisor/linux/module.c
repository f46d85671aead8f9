// SPDX-License-Identifier: GPL-2.0-only
/*
 * caisson.ko: turns the processors' virtualization on and off with them, serves /dev/caisson, and
 * the counters below /sys/kernel/debug/caisson.
 *
 * Reference: Linux, "CPU hotplug in the Kernel".
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/debugfs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/syscore_ops.h>
#include <linux/uaccess.h>
#include <asm/msr-index.h>
#include <asm/reboot.h>

#include "glue.h"

DEFINE_MUTEX(vms_lock);
LIST_HEAD(vms); /* vms_lock */
bool glue_stopping;

/* --- processors --- */

static int cpu_comes(unsigned int cpu)
{
	int err;

	preempt_disable();
	err = hv_cpu_on();
	preempt_enable();
	if (err && err != -EBUSY)
		host_log(HOST_ERROR, "Processor %u does not switch its virtualization on (%d); "
			 "look into the firmware's setup.", cpu, err);
	return err;
}

static int cpu_goes(unsigned int cpu)
{
	preempt_disable();
	hv_cpu_off();
	preempt_enable();
	return 0;
}

/* The kernel's hooks for sleep got an argument and a new name in the midst of a stable series. */
#ifdef GLUE_SYSCORE_DATA
#define HOOK_ARGUMENT void *unused
#else
#define HOOK_ARGUMENT void
#define register_syscore register_syscore_ops
#define unregister_syscore unregister_syscore_ops
#endif

/* Sleep takes the other processors offline first; this is the last one, with interrupts off. */
static int sleep_begins(HOOK_ARGUMENT)
{
	hv_cpu_off();
	return 0;
}

static void sleep_ends(HOOK_ARGUMENT)
{
	if (hv_cpu_on())
		host_log(HOST_ERROR, "Virtualization is off since the sleep: reload caisson.");
}

static struct syscore_ops sleep_ops = { .suspend = sleep_begins, .resume = sleep_ends };
#ifdef GLUE_SYSCORE_DATA
static struct syscore sleep_hooks = { .ops = &sleep_ops };
#else
#define sleep_hooks sleep_ops
#endif

/* --- the machine goes down --- */

static void turn_off(void *unused)
{
	hv_cpu_off();
}

/* None runs or touches its hardware's state any more: each sees glue_stopping under its lock. */
static void stop_guests(void)
{
	struct vm *vm;
	unsigned int i;

	WRITE_ONCE(glue_stopping, true);
	mutex_lock(&vms_lock);
	list_for_each_entry(vm, &vms, link) {
		for (i = 0; i < HV_MAX_VCPUS; i++) {
			struct vcpu *vcpu = READ_ONCE(vm->vcpu[i]);

			if (!vcpu)
				continue;
			hv_vcpu_kick(vcpu->hv);
			mutex_lock(&vcpu->lock);
			mutex_unlock(&vcpu->lock);
		}
	}
	mutex_unlock(&vms_lock);
}

/* With virtualization on, some machines do not reset. */
static int going_down(struct notifier_block *n, unsigned long how, void *data)
{
	stop_guests();
	on_each_cpu(turn_off, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block reboot_hook = { .notifier_call = going_down };

/* --- counters --- */

static const char *const exit_names[] = { /* in the order of enum hv_exit_kind */
	"none", "host_intr", "window", "deadline", "io", "mem", "msr", "cpuid", "cr", "dr",
	"xsetbv", "exception", "hlt", "pause", "hypercall", "task", "cache", "undefined",
	"shutdown", "unhandled",
};
static_assert(ARRAY_SIZE(exit_names) == HV_EXIT_KINDS);

static void add_exits(struct vm *vm, uint64_t sum[HV_EXIT_KINDS])
{
	for (unsigned int i = 0; i < HV_MAX_VCPUS; i++) {
		struct vcpu *vcpu = READ_ONCE(vm->vcpu[i]);

		for (unsigned int kind = 0; vcpu && kind < HV_EXIT_KINDS; kind++)
			sum[kind] += READ_ONCE(hv_stats(vcpu->hv)[kind]);
	}
}

/* "total N", then "KIND N" for each kind, of all vCPUs that there are now. */
static int exits_show(struct seq_file *out, void *unused)
{
	uint64_t sum[HV_EXIT_KINDS] = {}, total = 0;
	unsigned int kind;
	struct vm *vm;

	mutex_lock(&vms_lock);
	list_for_each_entry(vm, &vms, link)
		add_exits(vm, sum);
	mutex_unlock(&vms_lock);
	for (kind = 0; kind < HV_EXIT_KINDS; kind++)
		total += sum[kind];
	seq_printf(out, "total %llu\n", total);
	for (kind = 0; kind < HV_EXIT_KINDS; kind++)
		seq_printf(out, "%s %llu\n", exit_names[kind], sum[kind]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(exits);

static struct dentry *counters;

/* --- arguments of ioctls --- */

static void arg_free(struct arg *a)
{
	if (a->at != a->room)
		kfree(a->at);
}

long arg_in(struct arg *a, unsigned int cmd, void __user *user)
{
	size_t bytes = _IOC_SIZE(cmd);

	a->at = NULL;
	if (_IOC_DIR(cmd) == _IOC_NONE)
		return 0;
	if (bytes <= sizeof(a->room))
		a->at = memset(a->room, 0, bytes);
	else
		a->at = kzalloc(bytes, GFP_KERNEL_ACCOUNT);
	if (!a->at)
		return -ENOMEM;
	if (_IOC_DIR(cmd) & _IOC_WRITE && copy_from_user(a->at, user, bytes)) {
		arg_free(a);
		return -EFAULT;
	}
	return 0;
}

long arg_out(struct arg *a, unsigned int cmd, void __user *user, long result)
{
	if (a->at && !result && _IOC_DIR(cmd) & _IOC_READ &&
	    copy_to_user(user, a->at, _IOC_SIZE(cmd)))
		result = -EFAULT;
	arg_free(a);
	return result;
}

/* --- /dev/caisson --- */

/* With too little room, how much it takes. */
static long put_msr_list(struct kvm_msr_list __user *user, const uint32_t *msrs, unsigned int n)
{
	u32 room;

	if (get_user(room, &user->nmsrs) || put_user(n, &user->nmsrs))
		return -EFAULT;
	if (room < n)
		return -E2BIG;
	return copy_to_user(user->indices, msrs, n * sizeof(*msrs)) ? -EFAULT : 0;
}

static const uint32_t feature_msrs[] = { MSR_IA32_UCODE_REV }; /* see host_msr() */

static long dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	const uint32_t *msrs;
	unsigned int n;

	switch (cmd) {
	case KVM_GET_API_VERSION:
		return arg ? -EINVAL : KVM_API_VERSION;
	case KVM_CREATE_VM:
		return vm_create(arg);
	case KVM_CHECK_EXTENSION:
		return vm_check_extension(arg);
	case KVM_GET_VCPU_MMAP_SIZE:
		return arg ? -EINVAL : PAGE_SIZE + HV_IO_BYTES;
	case KVM_GET_SUPPORTED_CPUID:
		return vcpu_call(NULL, KVM_GET_CPUID2, user);
	case KVM_GET_MSR_INDEX_LIST:
		msrs = hv_msr_list(&n);
		return put_msr_list(user, msrs, n);
	case KVM_GET_MSR_FEATURE_INDEX_LIST:
		return put_msr_list(user, feature_msrs, ARRAY_SIZE(feature_msrs));
	case KVM_GET_MSRS:
		return vcpu_call(NULL, cmd, user);
	}
	return -EINVAL;
}

static const struct file_operations dev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = dev_ioctl,
	.llseek = noop_llseek,
};

/* As Debian has /dev/kvm: for root and a group, which a udev rule names. */
static struct miscdevice dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "caisson",
	.fops = &dev_fops,
	.mode = 0660,
};

/* --- load and unload --- */

static int hotplug_state;

static int processors_on(void)
{
	const char *module = strcmp(hv_vendor(), "svm") ? "kvm_intel" : "kvm_amd";
	int err = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "caisson:online", cpu_comes, cpu_goes);

	if (err == -EBUSY)
		host_log(HOST_ERROR, "%s has the processor's virtualization: "
			 "type \"modprobe -r %s\", then load caisson again.", module, module);
	if (err < 0)
		return err;
	hotplug_state = err;
	register_syscore(&sleep_hooks);
	register_reboot_notifier(&reboot_hook);
	cpu_emergency_register_virt_callback(hv_cpu_off);
	return 0;
}

static void processors_off(void)
{
	cpu_emergency_unregister_virt_callback(hv_cpu_off);
	unregister_reboot_notifier(&reboot_hook);
	unregister_syscore(&sleep_hooks);
	cpuhp_remove_state(hotplug_state);
}

static int __init caisson_load(void)
{
	const char *why;
	int err = hv_load(&why);

	if (err) {
		host_log(HOST_ERROR, "%s", why);
		return err;
	}
	err = processors_on();
	if (err)
		goto unload;
	err = misc_register(&dev);
	if (err)
		goto off;
	counters = debugfs_create_dir("caisson", NULL);
	debugfs_create_file("exits", 0444, counters, NULL, &exits_fops);
	return 0;
off:
	processors_off();
unload:
	hv_unload();
	return err;
}

/* No file of ours is open: each holds the module. */
static void __exit caisson_unload(void)
{
	debugfs_remove(counters);
	misc_deregister(&dev);
	processors_off();
	hv_unload();
}

module_init(caisson_load);
module_exit(caisson_unload);
MODULE_DESCRIPTION("Caisson, a hypervisor with the KVM API on /dev/caisson");
MODULE_LICENSE("GPL");
