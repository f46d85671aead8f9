/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this vendor share. */
#ifndef VMX_VMX_H
#define VMX_VMX_H

#include "core/core.h"
#include "vmx_reg.h"

/* What the processors have, and what is chosen of it; filled by vmx_setup(). */
struct vmx_machine {
	uint32_t revision;	   /* of the VMCS */
	uint32_t pin, proc, proc2, exit, entry; /* controls that every VMCS begins with */
	uint32_t may_proc2;	   /* the optional ones that there are */
	uint64_t ept_vpid;	   /* capabilities */
	uint8_t timer_rate;	   /* cycles of the TSC for a count, as a power of 2 */
	bool tsc_aux, spec_ctrl;
	bool flush_l1d;		   /* before each entry: L1 terminal fault */
	bool test_ctrl;		   /* there is MSR_TEST_CTRL */
};
extern struct vmx_machine vmx_machine;

static inline bool vmx_has(uint32_t proc2)
{
	return vmx_machine.may_proc2 & proc2;
}

/* One processor. Only used on it, preemption off; what another may write is [a]. */
struct vmx_cpu {
	struct host_page area;	  /* VMXON's */
	bool on;
	struct vmx_vcpu *first;	  /* whose VMCS it may hold; interrupts off */
	struct vmx_vcpu *current; /* the one that VMREAD means */
	uint32_t vpid;		  /* handed out last */
	uint64_t generation;	  /* of VPIDs; each begins with a flush of all */
};

/* entry.S knows the order. */
struct vmx_switch {
	uint64_t host_rsp;	  /* as the VMCS has it */
	uint64_t spec_ctrl, host_spec_ctrl;
	uint64_t swap_spec_ctrl;  /* the guest may leave MSR_SPEC_CTRL other than the host's */
};

enum { VMX_SYSCALL_MSRS = 4 };

/* What of the host no exit restores, and the VMCS's fields of what it does; see host.c. */
struct vmx_host {
	struct __attribute__((packed)) { uint16_t limit; uint64_t base; } gdt, idt;
	uint16_t es, ds, fs, gs, ldt;
	uint64_t cr0, cr3, cr4, fs_base, gs_base; /* as the VMCS has them */
	uint64_t syscall[VMX_SYSCALL_MSRS], kernel_gs_base, tsc_aux, debugctl;
	uint64_t dr[4], dr7;
	uint64_t test_ctrl;	   /* what unload() is to write; 0: nothing */
};

/* v->hw. Fields belong to whoever holds the vCPU's lock. */
struct vmx_vcpu {
	struct host_page page, msr_page, apic_page;

	struct vmx_cpu *cpu;	  /* [a] whose first is the list that it is in; NULL: none */
	struct vmx_vcpu *next, **link; /* there; interrupts off */
	bool ready;		  /* the VMCS has been filled */
	bool launched;		  /* since it was made current on that processor */
	bool entered;		  /* since load() */
	uint64_t generation;	  /* of its VPID; 0: it needs a new one */
	bool flush_ept;		  /* at the next entry */

	uint32_t proc, proc2, entry; /* controls as the VMCS has them */
	bool debug_trap;	  /* accesses to debug registers are the core's to see */
	bool debug_open;	  /* until the next exit the guest may access them freely */
	bool debug_loaded;	  /* during an entry: DR0 to DR3 are the guest's */
	bool spec_ctrl_open;	  /* the guest writes MSR_SPEC_CTRL without an exit */
	uint32_t window;	  /* HV_WINDOW_* */
	uint32_t tpr_threshold;
	uint64_t timer;		  /* counts that each entry begins with, as the VMCS has them */
	uint32_t refused_event;	  /* which the last refused entry was to bring, for the dump */

	uint64_t rip, rsp, rflags, dr7, cr4_mask; /* as the VMCS has them */
	/* what the processor holds from load() to unload() */
	uint64_t syscall[VMX_SYSCALL_MSRS], kernel_gs_base, tsc_aux;
	struct vmx_switch switched;
	struct vmx_host host;
};

/* --- vmx.c --- */

void vmx_tag_ready(struct hv_vcpu *v);

/* --- vmcs.c --- */

void vmx_vmcs_init(struct hv_vcpu *v);
void vmx_proc_set(struct vmx_vcpu *vv, uint32_t bits, bool on);
void vmx_proc2_set(struct vmx_vcpu *vv, uint32_t bits, bool on);
void vmx_window_update(struct vmx_vcpu *vv);
void vmx_inject(struct hv_vcpu *v, const struct hv_event *ev);
void vmx_want_window(struct hv_vcpu *v, uint32_t windows);
void vmx_set_tsc(struct hv_vcpu *v, uint64_t offset, uint64_t ratio);
void vmx_set_msr_trap(struct hv_vcpu *v, uint32_t msr, uint32_t access);
void vmx_set_exception_trap(struct hv_vcpu *v, uint32_t vectors, bool debug_registers);
void vmx_flush_tlb(struct hv_vcpu *v, bool stage2);

/* --- host.c --- */

extern const uint32_t vmx_syscall_msrs[VMX_SYSCALL_MSRS];
void vmx_host_init(struct vmx_vcpu *vv);
void vmx_host_load(struct vmx_vcpu *vv);
void vmx_host_enter(struct vmx_vcpu *vv);
bool vmx_host_split_lock(struct vmx_vcpu *vv);
void vmx_host_unload(struct vmx_vcpu *vv);

/* --- state.c --- */

void vmx_state_get(struct hv_vcpu *v, uint32_t groups);
void vmx_state_set(struct hv_vcpu *v, uint32_t groups);
void vmx_dump(struct hv_vcpu *v);

/* --- exit.c --- */

int vmx_enter(struct hv_vcpu *v, struct hv_exit *x);

/* --- entry.S --- */

/* The guest runs once. Interrupts are off before and after. false: VMLAUNCH or VMRESUME failed. */
bool vmx_switch(uint64_t gpr[HV_GPRS], struct vmx_switch *s, bool launched);
extern char vmx_exited[]; /* where it comes out */
/* Changes CR4, of which the host keeps account: VMXE. Interrupts are off. */
void vmx_cr4(uint64_t set, uint64_t clear);

/* --- instructions --- */

static inline uint64_t vmx_read(uint32_t field)
{
	uint64_t val;

	asm volatile("vmread %1, %0" : "=r"(val) : "r"((uint64_t)field) : "cc");
	return val;
}

static inline void vmx_write(uint32_t field, uint64_t val)
{
	asm volatile("vmwrite %0, %1" : : "r"(val), "r"((uint64_t)field) : "cc", "memory");
}

/* The VMCS keeps what was written: a field that has it already is left alone. */
static inline void vmx_update(uint32_t field, uint64_t *now, uint64_t val)
{
	if (*now == val)
		return;
	*now = val;
	vmx_write(field, val);
}

#endif
