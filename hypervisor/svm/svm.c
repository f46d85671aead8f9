// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD-V: what the processor offers, each processor switched on and off, lifetime of VMs and vCPUs,
 * which processor a vCPU is bound to, and address space identifiers (ASIDs).
 *
 * Missing: VMCB clean bits (every entry reads all of it), virtual NMIs, virtual VMLOAD and VMSAVE.
 *
 * Reference: AMD APM 2, "Enabling SVM", "VM_CR MSR (C001_0114h)", "VM_HSAVE_PA MSR
 * (C001_0117h)", "TLB Control".
 */
#include "svm.h"

struct svm_machine svm_machine;
static struct svm_cpu *svm_cpus; /* by host_cpu() */

enum { AREA_ORDER = 1 };

/* --- module --- */

/* The bits of CR4 that every processor with nested paging has, and those that CPUID speaks of. */
static uint64_t svm_cr4_guest(void)
{
	uint64_t cr4 = CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE |
		       CR4_PGE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	struct cpu_regs basic = cpu_cpuid(1, 0), more = { 0 };

	if (cpu_cpuid(0, 0).eax >= 7)
		more = cpu_cpuid(7, 0);
	cr4 |= basic.ecx & 1 << 17 ? CR4_PCIDE : 0;
	cr4 |= basic.ecx & 1 << 26 ? CR4_OSXSAVE : 0;
	cr4 |= more.ebx & 1 << 0 ? CR4_FSGSBASE : 0;
	cr4 |= more.ebx & 1 << 7 ? CR4_SMEP : 0;
	cr4 |= more.ebx & 1 << 20 ? CR4_SMAP : 0;
	cr4 |= more.ecx & 1 << 2 ? CR4_UMIP : 0;
	return cr4;
}

/* QEMU without KVM says that it intercepts XSETBV and does not. */
static bool svm_xsetbv_ignored(void)
{
	struct cpu_regs hv = cpu_cpuid(0x40000000, 0);

	return cpu_cpuid(1, 0).ecx & 1u << 31 && !memcmp(&hv.ebx, "TCGT", sizeof(hv.ebx));
}

static int svm_probe(struct hv_caps *caps, const char **why)
{
	struct cpu_regs svm;

	if (cpu_cpuid(CPUID_EXT_MAX, 0).eax < (uint32_t)CPUID_SVM ||
	    !(cpu_cpuid(CPUID_EXT_FEATURES, 0).ecx & EXT_ECX_SVM))
		return -ENODEV;
	if (cpu_rdmsr(MSR_VM_CR) & VM_CR_SVMDIS) {
		*why = "The firmware has switched AMD-V off; switch SVM on in its setup.";
		return -ENODEV;
	}
	svm = cpu_cpuid(CPUID_SVM, 0);
	if (!(svm.edx & SVM_EDX_NPT)) {
		*why = "The processor's AMD-V has no nested paging; use a processor that has it.";
		return -ENODEV;
	}
	caps->stage2_dirty = true;
	caps->xsetbv_trap = !svm_xsetbv_ignored();
	caps->tsc_scaling = svm.edx & SVM_EDX_TSC_RATIO;
	caps->cr4_guest = svm_cr4_guest();
	caps->phys_bits = cpu_cpuid(CPUID_EXT_SIZES, 0).eax & 0xff;
	caps->pred_cmd = cpu_cpuid(CPUID_EXT_SIZES, 0).ebx & SIZES_EBX_IBPB;
	memcpy(caps->hypercall_insn, "\x0f\x01\xd9", sizeof(caps->hypercall_insn));
	return 0;
}

static void svm_teardown(void)
{
	for (unsigned i = 0; svm_cpus && i < host_ncpu(); i++)
		host_page_del(&svm_cpus[i].area, AREA_ORDER);
	host_free(svm_cpus);
	svm_cpus = NULL;
	host_page_del(&svm_machine.io_map, IO_MAP_ORDER);
}

static int svm_setup(void)
{
	struct cpu_regs svm = cpu_cpuid(CPUID_SVM, 0);
	uint32_t sizes = cpu_cpuid(CPUID_EXT_SIZES, 0).ebx;
	struct svm_machine *m = &svm_machine;
	int err;

	m->features = svm.edx;
	m->n_asids = svm.ebx;
	m->tsc_aux = cpu_cpuid(CPUID_EXT_FEATURES, 0).edx & EXT_EDX_RDTSCP;
	m->swap_spec_ctrl = sizes & SIZES_EBX_SPEC_CTRL && !svm_has(SVM_EDX_SPEC_CTRL);
	err = host_page_new(&m->io_map, IO_MAP_ORDER);
	if (err)
		return err;
	memset(m->io_map.va, 0xff, IO_MAP_SIZE);
	svm_cpus = host_alloc(sizeof(*svm_cpus) * host_ncpu());
	err = svm_cpus ? 0 : -ENOMEM;
	for (unsigned i = 0; !err && i < host_ncpu(); i++)
		err = host_page_new(&svm_cpus[i].area, AREA_ORDER);
	if (err)
		svm_teardown();
	return err;
}

/* --- processors --- */

static int svm_cpu_on(void)
{
	struct svm_cpu *c = &svm_cpus[host_cpu()];
	uint64_t efer = cpu_rdmsr(MSR_EFER);

	if (efer & EFER_SVME)
		return -EBUSY;
	if (cpu_rdmsr(MSR_VM_CR) & VM_CR_SVMDIS)
		return -ENODEV;
	cpu_wrmsr(MSR_EFER, efer | EFER_SVME);
	cpu_wrmsr(MSR_VM_HSAVE_PA, c->area.pa);
	c->generation++;
	c->asid = svm_machine.n_asids; /* what its TLB holds nobody knows: begin with a flush */
	c->tsc_ratio = 0;
	return 0;
}

static void svm_cpu_off(void)
{
	struct svm_cpu *c = &svm_cpus[host_cpu()];

	if (c->tsc_ratio && c->tsc_ratio != TSC_RATIO_ONE)
		cpu_wrmsr(MSR_TSC_RATIO, TSC_RATIO_ONE);
	cpu_wrmsr(MSR_VM_HSAVE_PA, 0);
	cpu_wrmsr(MSR_EFER, cpu_rdmsr(MSR_EFER) & ~EFER_SVME);
}

/* --- lifetime --- */

static int svm_vm_init(struct hv_vm *vm)
{
	return 0;
}

static void svm_vm_fini(struct hv_vm *vm)
{
}

static void svm_vcpu_fini(struct hv_vcpu *v)
{
	struct svm_vcpu *sv = v->hw;

	if (!sv)
		return;
	host_page_del(&sv->page, 0);
	host_page_del(&sv->msr_page, MSR_MAP_ORDER);
	host_free(sv);
	v->hw = NULL;
}

static int svm_vcpu_init(struct hv_vcpu *v)
{
	struct svm_vcpu *sv = host_alloc(sizeof(*sv));

	v->hw = sv;
	if (!sv || host_page_new(&sv->page, 0) || host_page_new(&sv->msr_page, MSR_MAP_ORDER))
		return -ENOMEM;
	svm_vmcb_init(v);
	return 0;
}

/* --- binding --- */

void svm_tsc_ratio_load(struct svm_vcpu *sv)
{
	if (!svm_has(SVM_EDX_TSC_RATIO) || sv->cpu->tsc_ratio == sv->tsc_ratio)
		return;
	cpu_wrmsr(MSR_TSC_RATIO, sv->tsc_ratio);
	sv->cpu->tsc_ratio = sv->tsc_ratio;
}

/*
 * The registers that no entry switches and that the host's kernel does not depend on stay the
 * guest's until unload(): TSC_AUX is for user space, and single steps by branch are not made
 * meanwhile.
 */
static void svm_load(struct hv_vcpu *v)
{
	struct svm_vcpu *sv = v->hw;
	struct svm_cpu *c = &svm_cpus[host_cpu()];

	if (sv->cpu != c) {
		sv->cpu = c;
		sv->generation = 0;
	}
	svm_tsc_ratio_load(sv);
	if (svm_machine.tsc_aux) {
		sv->host_tsc_aux = cpu_rdmsr(MSR_TSC_AUX);
		cpu_msr_switch(MSR_TSC_AUX, sv->host_tsc_aux, sv->tsc_aux);
	}
	sv->host_debugctl = cpu_rdmsr(MSR_DEBUGCTL);
	cpu_msr_switch(MSR_DEBUGCTL, sv->host_debugctl, sv->debugctl);
	if (svm_machine.swap_spec_ctrl)
		sv->host_spec_ctrl = cpu_rdmsr(MSR_SPEC_CTRL);
	/* Alone it waits for nobody; a filter that lets short waits pass costs nothing. */
	svm_intercept(&sv->vmcb->intercept1, I1_PAUSE,
		      svm_has(SVM_EDX_PAUSE_FILTER) || cpu_load(&v->vm->n_vcpus) > 1);
}

static void svm_unload(struct hv_vcpu *v)
{
	struct svm_vcpu *sv = v->hw;

	if (svm_machine.tsc_aux)
		cpu_msr_switch(MSR_TSC_AUX, sv->tsc_aux, sv->host_tsc_aux);
	cpu_msr_switch(MSR_DEBUGCTL, sv->debugctl, sv->host_debugctl);
}

/*
 * Before each entry. A vCPU keeps its ASID while it stays on a processor; one that comes, or whose
 * translations are to be forgotten, gets the next. When they run out all are void, and the TLB with
 * them: that is a new generation.
 */
void svm_tag_ready(struct svm_vcpu *sv)
{
	struct svm_cpu *c = sv->cpu;

	if (sv->generation == c->generation)
		return;
	sv->vmcb->tlb_control = TLB_KEEP;
	if (++c->asid >= svm_machine.n_asids) {
		c->asid = 1; /* 0 is the host */
		c->generation++;
		sv->vmcb->tlb_control = TLB_FLUSH_ALL;
	}
	sv->generation = c->generation;
	sv->vmcb->asid = c->asid;
}

const struct hv_backend hv_svm = {
	.name = "svm",
	.stage2 = &npt_format,
	.probe = svm_probe,
	.setup = svm_setup,
	.teardown = svm_teardown,
	.cpu_on = svm_cpu_on,
	.cpu_off = svm_cpu_off,
	.vm_init = svm_vm_init,
	.vm_fini = svm_vm_fini,
	.vcpu_init = svm_vcpu_init,
	.vcpu_fini = svm_vcpu_fini,
	.load = svm_load,
	.unload = svm_unload,
	.state_get = svm_state_get,
	.state_set = svm_state_set,
	.inject = svm_inject,
	.want_window = svm_want_window,
	.set_tsc = svm_set_tsc,
	.set_msr_trap = svm_set_msr_trap,
	.set_exception_trap = svm_set_exception_trap,
	.flush_tlb = svm_flush_tlb,
	.enter = svm_enter,
	.dump = svm_dump,
};
