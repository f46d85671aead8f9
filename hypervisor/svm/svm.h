/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this vendor share. */
#ifndef SVM_SVM_H
#define SVM_SVM_H

#include "core/core.h"
#include "svm_reg.h"

/* What the processors have; filled by svm_setup(). */
struct svm_machine {
	uint32_t features, n_asids; /* SVM_EDX_* */
	bool tsc_aux;
	bool swap_spec_ctrl;	 /* there is MSR_SPEC_CTRL, and entries do not switch it */
	struct host_page io_map; /* all ports trapped; for all guests */
};
extern struct svm_machine svm_machine;

static inline bool svm_has(uint32_t feature)
{
	return svm_machine.features & feature;
}

/* One processor. Only used on it, preemption off; what another may write is [a]. */
struct svm_cpu {
	struct host_page area;	  /* two pages: VM_HSAVE_PA's, and the host's VMSAVE */
	uint32_t asid;		  /* handed out last */
	uint64_t generation;	  /* of ASIDs; each begins with a flush of all */
	uint64_t tsc_ratio;	  /* what the MSR holds */
};

/*
 * How far an NMI's handler is. There is no intercept for "NMIs are open again": the IRET that ends
 * the handler is intercepted before it is executed, and stepped over.
 */
enum svm_nmi { NMI_OPEN, NMI_MASKED, NMI_IRET };

/* v->hw. Fields belong to whoever holds the vCPU's lock. */
struct svm_vcpu {
	struct host_page page, msr_page;
	struct vmcb *vmcb;	  /* in page */
	uint8_t *msr_map;	  /* in msr_page */

	struct svm_cpu *cpu;	  /* where it is or was loaded; NULL: nowhere yet */
	uint64_t generation;	  /* of its ASID; 0: it needs a new one */
	uint64_t tsc_ratio;

	uint32_t traps;		  /* exceptions that the core wants to see */
	bool debug_trap;	  /* accesses to debug registers are the core's to see */
	bool debug_open;	  /* until the next exit the guest may access them freely */
	bool debug_loaded;	  /* during an entry: DR0 to DR3 are the guest's */
	bool spec_ctrl_open;	  /* the guest writes MSR_SPEC_CTRL without an exit */

	enum svm_nmi nmi;
	uint64_t iret_rip;	  /* NMI_IRET: where the IRET stands */
	bool stepping, guest_steps; /* the entry is a step: RFLAGS.TF is ours, or the guest's too */
	uint64_t step_dr6;	  /* before it */
	uint32_t window;	  /* HV_WINDOW_* */
	uint8_t soft_len;	  /* RIP is moved by this for an injection; see svm_inject() */

	/* what the processor holds during an entry, and what the host had before */
	uint64_t tsc_aux, debugctl, spec_ctrl;
	uint64_t host_tsc_aux, host_debugctl, host_spec_ctrl;
	uint64_t host_dr[4], host_dr7;
};

/* --- svm.c --- */

void svm_tsc_ratio_load(struct svm_vcpu *sv);
void svm_tag_ready(struct svm_vcpu *sv);

/* --- vmcb.c --- */

void svm_vmcb_init(struct hv_vcpu *v);
void svm_nmi_set(struct svm_vcpu *sv, enum svm_nmi nmi);
unsigned svm_soft_len(const struct hv_event *ev);
void svm_inject(struct hv_vcpu *v, const struct hv_event *ev);
void svm_want_window(struct hv_vcpu *v, uint32_t windows);
void svm_set_tsc(struct hv_vcpu *v, uint64_t offset, uint64_t ratio);
void svm_set_msr_trap(struct hv_vcpu *v, uint32_t msr, uint32_t access);
void svm_set_exception_trap(struct hv_vcpu *v, uint32_t vectors, bool debug_registers);
void svm_flush_tlb(struct hv_vcpu *v, bool stage2);

/* --- state.c --- */

void svm_state_get(struct hv_vcpu *v, uint32_t groups);
void svm_state_set(struct hv_vcpu *v, uint32_t groups);
void svm_dump(struct hv_vcpu *v);

/* --- exit.c --- */

int svm_enter(struct hv_vcpu *v, struct hv_exit *x);

/* --- entry.S --- */

/* Global interrupt flag off; the guest runs once; flag on. Interrupts are off before and after. */
void svm_switch(uint64_t vmcb_pa, uint64_t gpr[HV_GPRS], uint64_t host_area_pa);

static inline void svm_intercept(uint32_t *word, uint32_t bits, bool on)
{
	*word = on ? *word | bits : *word & ~bits;
}

#endif
