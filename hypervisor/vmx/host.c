// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's state around guests: the fields of the VMCS from which each exit restores it, and
 * what no exit restores. The registers that only user space depends on are the guest's from load()
 * to unload(), and so are the limits of the host's tables as the exit leaves them: nothing reaches
 * behind their ends meanwhile. Lists of MSRs that entry and exit switch are not used: what they
 * could hold changes less often than the guest enters.
 *
 * Reference: Intel SDM 3, "Host-State Area", "Checks on Host Segment and Descriptor-Table
 * Registers", "Loading Host State".
 */
#include "vmx.h"

const uint32_t vmx_syscall_msrs[VMX_SYSCALL_MSRS] = { MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK };

enum { SELECTOR_RPL_TI = 7, SELECTOR_INDEX = 0xfff8 };

#define SELECTOR_READ(name)                                                                        \
	static uint16_t read_##name(void)                                                          \
	{                                                                                          \
		uint16_t selector;                                                                 \
                                                                                                   \
		asm volatile("mov %%" #name ", %0" : "=r"(selector));                              \
		return selector;                                                                   \
	}
SELECTOR_READ(es)
SELECTOR_READ(cs)
SELECTOR_READ(ss)
SELECTOR_READ(ds)
SELECTOR_READ(fs)
SELECTOR_READ(gs)

/* --- on a processor --- */

/* A descriptor of 16 bytes in the GDT. */
static uint64_t tss_base(uint64_t gdt, uint16_t selector)
{
	const uint64_t *d = (const uint64_t *)(gdt + (selector & SELECTOR_INDEX));

	return (d[0] >> 16 & 0xffffff) | (d[0] >> 32 & 0xff000000) | d[1] << 32;
}

/* What belongs to the processor. The vCPU has just come to it. */
void vmx_host_init(struct vmx_vcpu *vv)
{
	struct vmx_host *h = &vv->host;
	uint16_t tr;

	asm volatile("sgdt %0" : "=m"(h->gdt));
	asm volatile("sidt %0" : "=m"(h->idt));
	asm volatile("str %0" : "=r"(tr));
	vmx_write(HOST_CS, read_cs());
	vmx_write(HOST_SS, read_ss());
	vmx_write(HOST_TR, tr);
	vmx_write(HOST_TR_BASE, tss_base(h->gdt.base, tr));
	vmx_write(HOST_GDTR_BASE, h->gdt.base);
	vmx_write(HOST_IDTR_BASE, h->idt.base);
	vmx_write(HOST_SYSENTER_CS, cpu_rdmsr(MSR_SYSENTER_CS));
	vmx_write(HOST_SYSENTER_ESP, cpu_rdmsr(MSR_SYSENTER_ESP));
	vmx_write(HOST_SYSENTER_EIP, cpu_rdmsr(MSR_SYSENTER_EIP));
	vmx_write(HOST_EFER, cpu_rdmsr(MSR_EFER));
	vmx_write(HOST_RIP, (uint64_t)vmx_exited);
	for (unsigned i = 0; i < VMX_SYSCALL_MSRS; i++)
		h->syscall[i] = cpu_rdmsr(vmx_syscall_msrs[i]);
}

/* --- load and unload --- */

/* An exit loads selectors of the GDT's ring 0 only; what it cannot is put back by unload(). */
static void host_selector(uint32_t field, uint16_t *now, uint16_t selector)
{
	*now = selector;
	vmx_write(field, selector & SELECTOR_RPL_TI ? 0 : selector);
}

static void load_segments(struct vmx_host *h)
{
	host_selector(HOST_ES, &h->es, read_es());
	host_selector(HOST_DS, &h->ds, read_ds());
	host_selector(HOST_FS, &h->fs, read_fs());
	host_selector(HOST_GS, &h->gs, read_gs());
	asm volatile("sldt %0" : "=r"(h->ldt));
	vmx_update(HOST_FS_BASE, &h->fs_base, cpu_rdmsr(MSR_FS_BASE));
	vmx_update(HOST_GS_BASE, &h->gs_base, cpu_rdmsr(MSR_GS_BASE));
}

void vmx_host_load(struct vmx_vcpu *vv)
{
	struct vmx_host *h = &vv->host;

	load_segments(h);
	vmx_update(HOST_CR0, &h->cr0, cpu_cr0());
	for (unsigned i = 0; i < VMX_SYSCALL_MSRS; i++)
		cpu_msr_switch(vmx_syscall_msrs[i], h->syscall[i], vv->syscall[i]);
	h->kernel_gs_base = cpu_rdmsr(MSR_KERNEL_GS_BASE);
	cpu_msr_switch(MSR_KERNEL_GS_BASE, h->kernel_gs_base, vv->kernel_gs_base);
	if (vmx_machine.tsc_aux) {
		h->tsc_aux = cpu_rdmsr(MSR_TSC_AUX);
		cpu_msr_switch(MSR_TSC_AUX, h->tsc_aux, vv->tsc_aux);
	}
	h->debugctl = cpu_rdmsr(MSR_DEBUGCTL);
	if (vmx_machine.spec_ctrl)
		vv->switched.host_spec_ctrl = cpu_rdmsr(MSR_SPEC_CTRL);
	vv->entered = false;
}

/* Before each entry: what the host may change while we are loaded. Interrupts are off. */
void vmx_host_enter(struct vmx_vcpu *vv)
{
	uint64_t cr3;

	asm volatile("mov %%cr3, %0" : "=r"(cr3));
	vmx_update(HOST_CR3, &vv->host.cr3, cr3);
	vmx_update(HOST_CR4, &vv->host.cr4, cpu_cr4());
	vv->entered = true;
}

/*
 * The host may have #AC come up for a locked access across two cache lines, of which no guest
 * knows: its next one passes, until unload(). true: that is what it was.
 */
bool vmx_host_split_lock(struct vmx_vcpu *vv)
{
	uint64_t now = vmx_machine.test_ctrl ? cpu_rdmsr(MSR_TEST_CTRL) : 0;

	if (!(now & TEST_SPLIT_LOCK))
		return false;
	vv->host.test_ctrl = now;
	cpu_wrmsr(MSR_TEST_CTRL, now & ~(uint64_t)TEST_SPLIT_LOCK);
	return true;
}

/*
 * Would loading it fault? The thread's own table may have been changed since it was loaded; not
 * while interrupts are off.
 */
static bool loadable(uint16_t selector)
{
	uint32_t rights = 0;
	bool readable, there;

	asm volatile("verr %1; setz %0" : "=qm"(readable) : "r"(selector) : "cc");
	asm volatile("lar %2, %0; setz %1" : "+r"(rights), "=qm"(there)
		     : "r"((uint32_t)selector) : "cc");
	return readable && there && rights & SEG_P << 8;
}

/* GS in the place of the user's, so that the kernel's base is never away for long. */
static void unload_segments(const struct vmx_host *h)
{
	uint64_t flags = cpu_irq_off();

	if (h->ldt)
		asm volatile("lldt %0" : : "r"(h->ldt));
	if (h->es & SELECTOR_RPL_TI && loadable(h->es))
		asm volatile("mov %0, %%es" : : "r"(h->es));
	if (h->ds & SELECTOR_RPL_TI && loadable(h->ds))
		asm volatile("mov %0, %%ds" : : "r"(h->ds));
	if (h->fs & SELECTOR_RPL_TI && loadable(h->fs)) {
		asm volatile("mov %0, %%fs" : : "r"(h->fs));
		cpu_wrmsr(MSR_FS_BASE, h->fs_base);
	}
	if (h->gs & SELECTOR_RPL_TI && loadable(h->gs))
		asm volatile("swapgs; mov %0, %%gs; swapgs" : : "r"(h->gs));
	asm volatile("lgdt %0" : : "m"(h->gdt));
	asm volatile("lidt %0" : : "m"(h->idt));
	cpu_irq_restore(flags);
}

void vmx_host_unload(struct vmx_vcpu *vv)
{
	struct vmx_host *h = &vv->host;

	vv->kernel_gs_base = cpu_rdmsr(MSR_KERNEL_GS_BASE);
	if (h->test_ctrl)
		cpu_wrmsr(MSR_TEST_CTRL, h->test_ctrl);
	h->test_ctrl = 0;
	if (vv->entered)
		unload_segments(h);
	if (vv->entered && h->gs & SELECTOR_RPL_TI)
		cpu_wrmsr(MSR_KERNEL_GS_BASE, h->kernel_gs_base);
	else
		cpu_msr_switch(MSR_KERNEL_GS_BASE, vv->kernel_gs_base, h->kernel_gs_base);
	for (unsigned i = 0; i < VMX_SYSCALL_MSRS; i++)
		cpu_msr_switch(vmx_syscall_msrs[i], vv->syscall[i], h->syscall[i]);
	if (vmx_machine.tsc_aux)
		cpu_msr_switch(MSR_TSC_AUX, vv->tsc_aux, h->tsc_aux);
}
