// SPDX-License-Identifier: GPL-2.0-only
/*
 * What CPUID says in the guest: what the hypervisor supports, and each vCPU as a core of one
 * package.
 * Reference: Intel SDM volume 2, "CPUID-CPU Identification"; AMD APM volume 3, "Obtaining
 * Processor Information Via the CPUID Instruction".
 */
#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "kvm_priv.h"

enum { ENTRIES = 256 };
enum { LEAF1_ECX_X2APIC = 1u << 21, LEAF1_ECX_TSC_DEADLINE = 1u << 24 };
#define LEAF1_ECX_HYPERVISOR (1u << 31)
enum { LEAF1_EDX_HTT = 1u << 28, LEAF81_ECX_CMP_LEGACY = 1u << 1 };
enum { LEVEL_TYPE_SMT = 1, LEVEL_TYPE_CORE = 2 };

static unsigned bits_for(unsigned n)
{
	unsigned bits = 0;

	while (1u << bits < n)
		bits++;
	return bits;
}

static void leaf_features(struct vcpu *v, struct kvm_cpuid_entry2 *e)
{
	unsigned n = v->k->n_vcpus_wanted;

	e->ebx = (e->ebx & 0x0000ffff) | v->index << 24 | n << 16;
	e->edx &= ~LEAF1_EDX_HTT;
	e->edx |= n > 1 ? LEAF1_EDX_HTT : 0;
	e->ecx |= LEAF1_ECX_X2APIC | LEAF1_ECX_HYPERVISOR;
	if (ioctl(v->k->dev, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0)
		e->ecx |= LEAF1_ECX_TSC_DEADLINE;
}

/* Deterministic cache parameters: no cache is shared, all cores are in this package. */
static void leaf_cache(struct vcpu *v, struct kvm_cpuid_entry2 *e)
{
	if (!(e->eax & 0x1f))
		return;
	e->eax = (e->eax & 0x00003fff) | ((1u << bits_for(v->k->n_vcpus_wanted)) - 1) << 26;
}

static void leaf_topology(struct vcpu *v, struct kvm_cpuid_entry2 *e)
{
	e->edx = v->index;
	e->ecx = e->index;
	e->eax = e->ebx = 0;
	if (e->index == 0) {
		e->ebx = 1;
		e->ecx |= LEVEL_TYPE_SMT << 8;
	} else if (e->index == 1) {
		e->eax = bits_for(v->k->n_vcpus_wanted);
		e->ebx = v->k->n_vcpus_wanted;
		e->ecx |= LEVEL_TYPE_CORE << 8;
	}
}

/* The processor's name and its first caches, which KVM leaves out: those of the host. */
static void leaf_host(struct kvm_cpuid_entry2 *e)
{
	if (!(e->eax | e->ebx | e->ecx | e->edx))
		__get_cpuid(e->function, &e->eax, &e->ebx, &e->ecx, &e->edx);
}

static void remember_signature(struct kvm *k, const struct kvm_cpuid_entry2 *e)
{
	k->cpu_signature = e->eax;
	k->cpu_features = e->edx;
}

static void adjust(struct vcpu *v, struct kvm_cpuid_entry2 *e)
{
	unsigned n = v->k->n_vcpus_wanted;

	switch (e->function) {
	case 1:
		leaf_features(v, e);
		remember_signature(v->k, e);
		break;
	case 4:
		leaf_cache(v, e);
		break;
	case 0xb:
	case 0x1f:
		leaf_topology(v, e);
		break;
	case 0x80000001:
		e->ecx &= ~LEAF81_ECX_CMP_LEGACY;
		break;
	case 0x80000002 ... 0x80000005:
		leaf_host(e);
		break;
	case 0x80000008: /* core count and width of the core id, on AMD */
		v->k->phys_bits = e->eax & 0xff;
		e->ecx = bits_for(n) << 12 | (n - 1);
		break;
	case 0x8000001e: /* extended APIC id; one thread a core; one node */
		e->eax = v->index;
		e->ebx = v->index;
		e->ecx = 0;
		break;
	}
}

void kvm_cpu_signature(struct kvm *k, uint32_t *signature, uint32_t *features)
{
	*signature = k->cpu_signature;
	*features = k->cpu_features;
}

int kvm_set_cpuid(struct vcpu *v)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + ENTRIES * sizeof(c->entries[0]));
	int err = 0;

	if (!c)
		return -ENOMEM;
	c->nent = ENTRIES;
	if (ioctl(v->k->dev, KVM_GET_SUPPORTED_CPUID, c))
		err = -errno;
	for (unsigned i = 0; i < c->nent && !err; i++)
		adjust(v, &c->entries[i]);
	if (!err && ioctl(v->fd, KVM_SET_CPUID2, c))
		err = -errno;
	free(c);
	return err;
}
