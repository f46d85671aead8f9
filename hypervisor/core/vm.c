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
	if (!host_tsc_khz())
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
	for (unsigned i = 0; i < vm->n_filters; i++)
		host_free((void *)vm->filter[i].bits);
	host_free(vm);
}

/*
 * Each vCPU in turn is asked to let go of its lock. One that does so waits for vm->lock before it
 * takes it again (see run.c), so nobody overtakes us.
 */
void hv_vm_freeze(struct hv_vm *vm)
{
	for (unsigned i = 0; i < vm->n_vcpus; i++) {
		struct hv_vcpu *v = cpu_load(&vm->vcpu[i]);

		if (!v)
			continue;
		hv_vcpu_request(v, HV_REQ_YIELD);
		host_lock(&v->lock);
		cpu_and(&v->requests, ~HV_REQ_YIELD);
	}
}

void hv_vm_thaw(struct hv_vm *vm)
{
	for (unsigned i = vm->n_vcpus; i-- > 0;)
		if (vm->vcpu[i])
			host_unlock(&vm->vcpu[i]->lock);
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
	host_lock(&vm->lock);
	hv_vm_freeze(vm);
	vm->msr_to_user = reasons;
	hv_vm_thaw(vm);
	host_unlock(&vm->lock);
}

void hv_xen_config(struct hv_vm *vm, uint32_t msr, bool intercept)
{
	host_lock(&vm->lock);
	hv_vm_freeze(vm);
	vm->xen_msr = msr;
	vm->xen_intercept = intercept;
	hv_vm_thaw(vm);
	host_unlock(&vm->lock);
}

static const unsigned long *copy_bits(const struct hv_msr_range *r)
{
	size_t bytes = (r->count + 63) / 64 * sizeof(unsigned long);
	void *copy = host_alloc(bytes);

	if (copy)
		memcpy(copy, r->bits, bytes);
	return copy;
}

/* All are frozen. */
static void refresh_traps(struct hv_vm *vm)
{
	for (unsigned i = 0; i < vm->n_vcpus; i++)
		if (vm->vcpu[i]) {
			hv_msr_traps(vm->vcpu[i]);
			hv_vcpu_release(vm->vcpu[i]);
		}
}

/* The new filter takes the place of the old one as a whole, or not at all. */
int hv_msr_filter(struct hv_vm *vm, const struct hv_msr_range *r, unsigned n, bool default_allow)
{
	struct hv_msr_range made[HV_MSR_RANGES], old[HV_MSR_RANGES];
	unsigned n_made = 0, n_old = 0;
	int err = n > HV_MSR_RANGES ? -EINVAL : 0;

	for (; !err && n_made < n; n_made++) {
		made[n_made] = r[n_made];
		made[n_made].bits = copy_bits(&r[n_made]);
		if (!made[n_made].bits)
			err = -ENOMEM;
	}
	if (!err) {
		host_lock(&vm->lock);
		hv_vm_freeze(vm);
		n_old = vm->n_filters;
		memcpy(old, vm->filter, sizeof(old));
		memcpy(vm->filter, made, sizeof(made[0]) * n);
		vm->n_filters = n;
		vm->filter_deny = !default_allow;
		refresh_traps(vm);
		hv_vm_thaw(vm);
		host_unlock(&vm->lock);
	}
	for (unsigned i = 0; i < n_old; i++)
		host_free((void *)old[i].bits);
	for (unsigned i = 0; err && i < n_made; i++)
		host_free((void *)made[i].bits);
	return err;
}
