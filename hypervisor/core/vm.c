// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hypervisor as a whole, and VMs: choice of the vendor, lifetime, all vCPUs brought to a halt.
 */
#include "core/core.h"

const struct hv_backend *hv_ops;
struct hv_caps hv_cap;
struct hv_vcpu **hv_last;

static const struct hv_backend *const vendors[] = {
#ifdef HV_HAVE_SVM
	&hv_svm,
#endif
#ifdef HV_HAVE_VMX
	&hv_vmx,
#endif
	NULL
};

static int set_up(const struct hv_backend *b)
{
	int err = -ENOMEM;

	hv_last = host_alloc(sizeof(*hv_last) * host_ncpu());
	if (hv_last)
		err = b->setup();
	if (err)
		host_free(hv_last);
	return err;
}

int hv_load(const char **why)
{
	int err = -ENODEV;

	*why = "The host does not know its TSC's frequency: choose a machine with a constant TSC.";
	if (!host_tsc().khz)
		return -ENODEV;
	*why = "This processor has neither VT-x nor AMD-V: choose another machine, or the lab; "
	       "in a virtual machine, switch nesting on.";
	for (const struct hv_backend *const *b = vendors; *b; b++) {
		const char *reason = NULL;

		memset(&hv_cap, 0, sizeof(hv_cap));
		err = (*b)->probe(&hv_cap, &reason);
		if (err) {
			*why = reason ? reason : *why;
			continue;
		}
		err = set_up(*b);
		if (!err) {
			hv_ops = *b;
			hv_cap.host_xcr0 = cpu_cr4() & CR4_OSXSAVE ? cpu_xgetbv() : 0;
		} else
			*why = "There is not enough memory to start the hypervisor.";
		return err;
	}
	return err;
}

void hv_unload(void)
{
	hv_ops->teardown();
	hv_ops = NULL;
	host_free(hv_last);
}

int hv_cpu_on(void)
{
	return hv_ops->cpu_on();
}

void hv_cpu_off(void)
{
	hv_ops->cpu_off();
}

const struct hv_caps *hv_caps(void)
{
	return &hv_cap;
}

const char *hv_vendor(void)
{
	return hv_ops->name;
}

int hv_vm_create(struct hv_vm **out, void *host)
{
	struct hv_vm *vm = host_alloc(sizeof(*vm));
	int err;

	if (!vm)
		return -ENOMEM;
	vm->host = host;
	host_lock_init(&vm->lock);
	vm->clock_tsc = cpu_rdtsc();
	vm->tsc_offset = -vm->clock_tsc;
	err = stage2_init(&vm->s2, hv_ops->stage2, hv_cap.stage2_dirty);
	if (!err)
		err = hv_ops->vm_init(vm);
	if (err) {
		hv_vm_destroy(vm);
		return err;
	}
	*out = vm;
	return 0;
}

/* Nothing runs and nothing calls any more, so no lock is needed. Accepts a half-made VM. */
void hv_vm_destroy(struct hv_vm *vm)
{
	for (unsigned i = 0; i < vm->n_vcpus; i++)
		if (vm->vcpu[i])
			hv_vcpu_free(vm->vcpu[i]);
	hv_ops->vm_fini(vm);
	stage2_fini(&vm->s2);
	for (unsigned i = 0; i < vm->n_slots; i++)
		host_free(vm->slot[i].written);
	hv_msr_filter_free(&vm->filter);
	host_free(vm);
}

/*
 * Each vCPU in turn is asked to let go of its lock. One that does so waits for vm->lock before it
 * takes it again (see run.c), so nobody overtakes us.
 */
void hv_vm_freeze(struct hv_vm *vm)
{
	host_lock(&vm->lock);
	HV_EACH_VCPU(v, vm) {
		hv_vcpu_request(v, HV_REQ_YIELD);
		host_lock(&v->lock);
		cpu_and(&v->requests, ~HV_REQ_YIELD);
	}
}

void hv_vm_thaw(struct hv_vm *vm)
{
	HV_EACH_VCPU(v, vm)
		host_unlock(&v->lock);
	host_unlock(&vm->lock);
}

void hv_set_eoi_vectors(struct hv_vm *vm, const uint64_t vectors[4])
{
	for (unsigned i = 0; i < 4; i++)
		cpu_store(&vm->eoi_vectors[i], vectors[i]);
}

int hv_send_message(struct hv_vm *vm, uint64_t address, uint32_t data)
{
	return lapic_send_msi(vm, address, data);
}

void hv_msr_to_user(struct hv_vm *vm, uint32_t reasons)
{
	hv_vm_freeze(vm);
	vm->msr_to_user = reasons;
	hv_vm_thaw(vm);
}

void hv_xen_config(struct hv_vm *vm, uint32_t msr, bool intercept)
{
	hv_vm_freeze(vm);
	vm->xen_msr = msr;
	vm->xen_intercept = intercept;
	hv_vm_thaw(vm);
}

void hv_msr_filter_set(struct hv_vm *vm, const struct hv_msr_filter *f)
{
	struct hv_msr_filter old;

	hv_vm_freeze(vm);
	old = vm->filter;
	vm->filter = *f;
	HV_EACH_VCPU(v, vm) {
		hv_msr_traps(v);
		hv_vcpu_release(v);
	}
	hv_vm_thaw(vm);
	hv_msr_filter_free(&old);
}

void hv_msr_filter_free(struct hv_msr_filter *f)
{
	for (unsigned i = 0; i < f->n; i++)
		host_free(f->range[i].bits);
}
