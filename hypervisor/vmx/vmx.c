// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-x: what the processor offers, each processor switched on and off, lifetime of VMs and vCPUs,
 * which processor a vCPU is bound to, and virtual processor identifiers (VPIDs).
 *
 * Missing: the page-modification log (docs/hypervisor.md has the figures), virtualized APIC
 * registers: what they are for goes by dirty bits and by exits.
 *
 * Reference: Intel SDM 3, "Discovering Support for VMX", "Enabling and Entering VMX Operation",
 * "VMX Capability Reporting Facility", "VMX Transitions and Caching of Translations"; "Software
 * Use of Virtual-Machine Control Structures" for which processor may hold one.
 */
#include "vmx.h"

struct vmx_machine vmx_machine;
static struct vmx_cpu *vmx_cpus; /* by host_cpu() */

enum { VPIDS = 1 << 16, SIGNATURE_XEON_E3_V2 = 0x306a8 };

/* --- instructions; none of them fails with what they are given here --- */

static void vmx_clear(struct vmx_vcpu *vv)
{
	asm volatile("vmclear %0" : : "m"(vv->page.pa) : "cc", "memory");
}

static void vmx_invept(uint64_t type, uint64_t eptp)
{
	const uint64_t what[2] = { eptp };

	asm volatile("invept %0, %1" : : "m"(what), "r"(type) : "cc", "memory");
}

static void vmx_invvpid_all(void)
{
	const uint64_t what[2] = { 0 };

	asm volatile("invvpid %0, %1" : : "m"(what), "r"((uint64_t)INVVPID_ALL) : "cc", "memory");
}

/* --- module --- */

/* The bits of CR4 that guests may have; each but the first ones follows CPUID. */
static uint64_t vmx_cr4_guest(void)
{
	static const uint64_t known = CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE |
				      CR4_MCE | CR4_PGE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT |
				      CR4_UMIP | CR4_FSGSBASE | CR4_PCIDE | CR4_OSXSAVE | CR4_SMEP |
				      CR4_SMAP;

	return cpu_rdmsr(MSR_VMX_CR4_FIXED1) & known;
}

/* Bits of a control: those needed, those liked that there are, those that cannot be off. */
static bool vmx_controls(uint32_t msr, uint32_t need, uint32_t like, uint32_t *val)
{
	uint64_t cap = cpu_rdmsr(msr);

	*val = (uint32_t)cap | ((need | like) & (uint32_t)(cap >> 32));
	return (*val & need) == need;
}

/* Before processors had TSC deadlines, and on one with, the timer runs at a wrong rate. */
static bool vmx_timer_counts(void)
{
	struct cpu_regs basic = cpu_cpuid(1, 0);

	return basic.ecx & BASIC_ECX_DEADLINE && basic.eax != SIGNATURE_XEON_E3_V2;
}

/*
 * Not asked for: exits of descriptor-table instructions, as nothing depends on them; those of CR3,
 * which are for shadow paging.
 */
static bool vmx_choose_controls(struct vmx_machine *m)
{
	return vmx_controls(MSR_VMX_TRUE_PIN, PIN_INTR | PIN_NMI | PIN_VIRTUAL_NMI,
			    vmx_timer_counts() ? PIN_TIMER : 0, &m->pin) &&
	       vmx_controls(MSR_VMX_TRUE_PROC,
			    PROC_INTR_WINDOW | PROC_NMI_WINDOW | PROC_TSC_OFFSET | PROC_HLT |
				    PROC_MWAIT | PROC_RDPMC | PROC_TPR_SHADOW | PROC_MOV_DR |
				    PROC_IO | PROC_MSR_MAP | PROC_MONITOR | PROC_PAUSE |
				    PROC_SECONDARY, 0, &m->proc) &&
	       vmx_controls(MSR_VMX_PROC2, PROC2_EPT | PROC2_UNRESTRICTED | PROC2_WBINVD,
			    PROC2_RDTSCP | PROC2_VPID | PROC2_PAUSE_LOOP | PROC2_INVPCID |
				    PROC2_TSC_SCALING, &m->may_proc2) &&
	       vmx_controls(MSR_VMX_TRUE_EXIT, EXIT_SAVE_DEBUG | EXIT_HOST_64 | EXIT_LOAD_EFER, 0,
			    &m->exit) &&
	       vmx_controls(MSR_VMX_TRUE_ENTRY, ENTRY_DEBUG | ENTRY_LONG | ENTRY_EFER, 0,
			    &m->entry);
}

/* No side effect: it serves to refuse as well. */
static const char *vmx_look(struct vmx_machine *m)
{
	static const uint64_t ept = EPT_FOUR_LEVELS | EPT_WRITE_BACK | EPT_2M | EPT_INVEPT |
				    EPT_INVEPT_ALL;
	uint64_t basic, feature;

	feature = cpu_rdmsr(MSR_FEATURE_CONTROL);
	if ((feature & FEATURE_LOCKED) && !(feature & FEATURE_VMX))
		return "The firmware has switched VT-x off; switch it on in its setup.";
	if (cpu_cr4() & CR4_FRED) /* no INT n stands for an NMI then */
		return "The host takes events by FRED, which we do not; boot with fred=off.";
	basic = cpu_rdmsr(MSR_VMX_BASIC);
	m->revision = basic & BASIC_REVISION;
	if (!(basic & BASIC_TRUE_CONTROLS) || !vmx_choose_controls(m))
		return "The processor's VT-x has no EPT with unrestricted guests; use a processor "
		       "that has it.";
	m->ept_vpid = cpu_rdmsr(MSR_VMX_EPT_VPID);
	if ((m->ept_vpid & ept) != ept)
		return "The processor's EPT lacks write-back memory, 2 MiB pages or INVEPT; use a "
		       "processor that has them.";
	return NULL;
}

static struct cpu_regs vmx_leaf7(void)
{
	struct cpu_regs none = { 0 };

	return cpu_cpuid(0, 0).eax < 7 ? none : cpu_cpuid(7, 0);
}

static uint64_t vmx_arch_capabilities(void)
{
	return vmx_leaf7().edx & LEAF7_EDX_ARCH_CAPABILITIES ? cpu_rdmsr(MSR_ARCH_CAPABILITIES) : 0;
}

static int vmx_probe(struct hv_caps *caps, const char **why)
{
	struct vmx_machine m = { 0 };
	const char *lacks;

	if (!(cpu_cpuid(1, 0).ecx & BASIC_ECX_VMX))
		return -ENODEV;
	lacks = vmx_look(&m);
	if (lacks) {
		*why = lacks;
		return -ENODEV;
	}
	caps->stage2_dirty = m.ept_vpid & EPT_AD_BITS;
	caps->xsetbv_trap = true;
	caps->tsc_scaling = m.may_proc2 & PROC2_TSC_SCALING;
	caps->deadline = m.pin & PIN_TIMER;
	caps->pdpte_registers = true;
	caps->cr4_guest = vmx_cr4_guest();
	caps->phys_bits = cpu_cpuid(CPUID_EXT_SIZES, 0).eax & 0xff;
	caps->pred_cmd = vmx_leaf7().edx & LEAF7_EDX_IBRS_IBPB;
	caps->arch_capabilities = vmx_arch_capabilities() & ARCH_FOR_GUESTS;
	memcpy(caps->hypercall_insn, "\x0f\x01\xc1", sizeof(caps->hypercall_insn));
	return 0;
}

static void vmx_teardown(void)
{
	for (unsigned i = 0; vmx_cpus && i < host_ncpu(); i++)
		host_page_del(&vmx_cpus[i].area, 0);
	host_free(vmx_cpus);
	vmx_cpus = NULL;
}

static int vmx_setup(void)
{
	struct vmx_machine *m = &vmx_machine;
	uint32_t more = vmx_leaf7().edx;
	int err;

	vmx_look(m);
	m->proc &= ~(uint32_t)(PROC_INTR_WINDOW | PROC_NMI_WINDOW | PROC_PAUSE);
	m->proc2 = m->may_proc2 & ~(uint32_t)(PROC2_PAUSE_LOOP | PROC2_TSC_SCALING);
	m->entry &= ~(uint32_t)ENTRY_LONG;
	if (!(m->ept_vpid & VPID_INVVPID) || !(m->ept_vpid & VPID_INVVPID_ALL))
		m->proc2 &= ~(uint32_t)PROC2_VPID;
	m->spec_ctrl = more & (LEAF7_EDX_IBRS_IBPB | LEAF7_EDX_STIBP | LEAF7_EDX_SSBD);
	m->timer_rate = cpu_rdmsr(MSR_VMX_MISC) & MISC_TIMER_RATE;
	m->tsc_aux = cpu_cpuid(CPUID_EXT_FEATURES, 0).edx & EXT_EDX_RDTSCP;
	m->test_ctrl = more & LEAF7_EDX_CORE_CAPABILITIES;
	m->flush_l1d = more & LEAF7_EDX_FLUSH_L1D &&
		       !(vmx_arch_capabilities() & (ARCH_RDCL_NO | ARCH_SKIP_L1D_FLUSH));
	vmx_cpus = host_alloc(sizeof(*vmx_cpus) * host_ncpu());
	err = vmx_cpus ? 0 : -ENOMEM;
	for (unsigned i = 0; !err && i < host_ncpu(); i++)
		err = host_page_new(&vmx_cpus[i].area, 0);
	if (err)
		vmx_teardown();
	return err;
}

/* --- processors --- */

/* Firmware that has not decided leaves it to us. */
static bool vmx_firmware_allows(void)
{
	uint64_t feature = cpu_rdmsr(MSR_FEATURE_CONTROL);

	if (!(feature & FEATURE_LOCKED)) {
		feature |= FEATURE_LOCKED | FEATURE_VMX;
		cpu_wrmsr(MSR_FEATURE_CONTROL, feature);
	}
	return feature & FEATURE_VMX;
}

static int vmx_cpu_on(void)
{
	struct vmx_cpu *c = &vmx_cpus[host_cpu()];
	uint64_t flags;
	bool failed;

	if (cpu_cr4() & CR4_VMXE)
		return -EBUSY;
	if (!vmx_firmware_allows())
		return -ENODEV;
	*(uint32_t *)c->area.va = vmx_machine.revision;
	flags = cpu_irq_off();
	vmx_cr4(CR4_VMXE, 0);
	asm volatile("vmxon %1; setbe %0" : "=qm"(failed) : "m"(c->area.pa) : "cc", "memory");
	if (failed)
		vmx_cr4(0, CR4_VMXE);
	c->on = !failed;
	cpu_irq_restore(flags);
	if (failed)
		return -EIO;
	/* what its TLB holds nobody knows */
	vmx_invept(INVEPT_ALL, 0);
	c->generation++;
	c->vpid = VPIDS;
	return 0;
}

/* Out of the list of the processor that it is on, this one. Interrupts are off. */
static void vmx_let_go(struct vmx_vcpu *vv)
{
	struct vmx_cpu *c = &vmx_cpus[host_cpu()];

	vmx_clear(vv);
	if (c->current == vv)
		c->current = NULL;
	*vv->link = vv->next;
	if (vv->next)
		vv->next->link = vv->link;
	vv->launched = false;
	cpu_store(&vv->cpu, NULL);
}

/* Also in an emergency, when it may never have been on. */
static void vmx_cpu_off(void)
{
	struct vmx_cpu *c = &vmx_cpus[host_cpu()];
	uint64_t flags = cpu_irq_off();

	if (c->on) {
		while (c->first)
			vmx_let_go(c->first);
		asm volatile("vmxoff" : : : "cc", "memory");
		vmx_cr4(0, CR4_VMXE);
		c->on = false;
	}
	cpu_irq_restore(flags);
}

/* --- lifetime --- */

static int vmx_vm_init(struct hv_vm *vm)
{
	return 0;
}

static void vmx_vm_fini(struct hv_vm *vm)
{
}

/* On the processor that may hold the VMCS; by now it may have let go of it. */
static void vmx_let_go_here(void *arg)
{
	struct vmx_vcpu *vv = arg;
	uint64_t flags = cpu_irq_off();

	if (cpu_load(&vv->cpu) == &vmx_cpus[host_cpu()])
		vmx_let_go(vv);
	cpu_irq_restore(flags);
}

/* A processor that has gone has let go of all. Interrupts are on. */
static void vmx_take_away(struct vmx_vcpu *vv)
{
	struct vmx_cpu *c = cpu_load(&vv->cpu);

	if (c)
		host_call_on((unsigned)(c - vmx_cpus), vmx_let_go_here, vv);
}

static void vmx_vcpu_fini(struct hv_vcpu *v)
{
	struct vmx_vcpu *vv = v->hw;

	if (!vv)
		return;
	vmx_take_away(vv);
	host_page_del(&vv->page, 0);
	host_page_del(&vv->msr_page, 0);
	host_page_del(&vv->apic_page, 0);
	host_free(vv);
	v->hw = NULL;
}

/* The VMCS is filled when it is loaded first. */
static int vmx_vcpu_init(struct hv_vcpu *v)
{
	struct vmx_vcpu *vv = host_alloc(sizeof(*vv));

	v->hw = vv;
	if (!vv || host_page_new(&vv->page, 0) || host_page_new(&vv->msr_page, 0) ||
	    host_page_new(&vv->apic_page, 0))
		return -ENOMEM;
	*(uint32_t *)vv->page.va = vmx_machine.revision;
	return 0;
}

/* --- binding --- */

/*
 * To this processor. What that may have kept of its translations from an earlier stay nobody has
 * flushed meanwhile.
 */
static void vmx_bring(struct vmx_vcpu *vv, struct vmx_cpu *c)
{
	uint64_t flags;

	vmx_take_away(vv);
	flags = cpu_irq_off();
	vmx_clear(vv);
	vv->next = c->first;
	if (vv->next)
		vv->next->link = &vv->next;
	vv->link = &c->first;
	c->first = vv;
	cpu_store(&vv->cpu, c);
	cpu_irq_restore(flags);
	vv->generation = 0;
	vv->flush_ept = true;
}

static void vmx_load(struct hv_vcpu *v)
{
	struct vmx_vcpu *vv = v->hw;
	struct vmx_cpu *c = &vmx_cpus[host_cpu()];
	bool comes = cpu_load(&vv->cpu) != c;

	if (comes)
		vmx_bring(vv, c);
	if (c->current != vv) {
		asm volatile("vmptrld %0" : : "m"(vv->page.pa) : "cc", "memory");
		c->current = vv;
	}
	if (!vv->ready)
		vmx_vmcs_init(v);
	if (comes)
		vmx_host_init(vv);
	vmx_host_load(vv);
	/* Alone it waits for nobody. */
	if (vmx_has(PROC2_PAUSE_LOOP))
		vmx_proc2_set(vv, PROC2_PAUSE_LOOP, cpu_load(&v->vm->n_vcpus) > 1);
	else
		vmx_proc_set(vv, PROC_PAUSE, cpu_load(&v->vm->n_vcpus) > 1);
}

static void vmx_unload(struct hv_vcpu *v)
{
	vmx_host_unload(v->hw);
}

/*
 * Before each entry. A vCPU keeps its VPID while it stays on a processor; one that comes, or whose
 * translations are to be forgotten, gets the next. When they run out all are void, and the TLB with
 * them: that is a new generation. Without VPIDs each entry and exit flushes by itself.
 */
void vmx_tag_ready(struct hv_vcpu *v)
{
	struct vmx_vcpu *vv = v->hw;
	struct vmx_cpu *c = vv->cpu;

	if (vv->flush_ept)
		vmx_invept(vmx_machine.ept_vpid & EPT_INVEPT_ONE ? INVEPT_ONE : INVEPT_ALL,
			   v->vm->s2.root_value);
	vv->flush_ept = false;
	if (vv->generation == c->generation || !(vmx_machine.proc2 & PROC2_VPID))
		return;
	if (++c->vpid >= VPIDS) {
		c->vpid = 1; /* 0 is the host */
		c->generation++;
		vmx_invvpid_all();
	}
	vv->generation = c->generation;
	vmx_write(VPID, c->vpid);
}

const struct hv_backend hv_vmx = {
	.name = "vmx",
	.stage2 = &ept_format,
	.probe = vmx_probe,
	.setup = vmx_setup,
	.teardown = vmx_teardown,
	.cpu_on = vmx_cpu_on,
	.cpu_off = vmx_cpu_off,
	.vm_init = vmx_vm_init,
	.vm_fini = vmx_vm_fini,
	.vcpu_init = vmx_vcpu_init,
	.vcpu_fini = vmx_vcpu_fini,
	.load = vmx_load,
	.unload = vmx_unload,
	.state_get = vmx_state_get,
	.state_set = vmx_state_set,
	.inject = vmx_inject,
	.want_window = vmx_want_window,
	.set_tsc = vmx_set_tsc,
	.set_msr_trap = vmx_set_msr_trap,
	.set_exception_trap = vmx_set_exception_trap,
	.flush_tlb = vmx_flush_tlb,
	.enter = vmx_enter,
	.dump = vmx_dump,
};
