// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMCB's control area: what makes the guest exit, its permission maps, its time, events on
 * their way in, and the flushes that it is entered with.
 *
 * Reference: AMD APM 2, "Intercept Operation", "Event Injection", "Interrupt and Local APIC
 * Support", "Nested Paging", "TSC Ratio MSR (C000_0104h)".
 */
#include "svm.h"

enum { PAUSE_COUNT = 3000, PAUSE_THRESHOLD = 128 };

/*
 * CR0: all that changes more than TS and MP. The guest reads the hardware's register as long as
 * that is what it has written (svm_state_set() intercepts more when it is not). CR4: each write.
 */
static const uint32_t intercept_cr = 1u << (CR_WRITE_SHIFT + 4);

static const uint32_t intercept1 =
	I1_INTR | I1_NMI | I1_SMI | I1_INIT | I1_CR0_SELECTIVE | I1_RDPMC | I1_CPUID | I1_RSM |
	I1_INVD | I1_HLT | I1_INVLPGA | I1_IO | I1_MSR | I1_TASK_SWITCH | I1_FERR_FREEZE |
	I1_SHUTDOWN;

static const uint32_t intercept2 =
	I2_VMRUN | I2_VMMCALL | I2_VMLOAD | I2_VMSAVE | I2_STGI | I2_CLGI | I2_SKINIT | I2_WBINVD |
	I2_MONITOR | I2_MWAIT | I2_MWAIT_ARMED | I2_XSETBV | I2_RDPRU;

static void svm_msr_map_set(uint8_t *map, uint32_t msr, uint32_t access)
{
	static const uint32_t bases[] = { 0, 0xc0000000, 0xc0010000 };
	unsigned shift = msr % 4 * 2;

	for (unsigned i = 0; i < HV_ARRAY(bases); i++) {
		uint32_t n = msr - bases[i];

		if (n >= MSR_MAP_MSRS)
			continue;
		map[i * MSR_MAP_RANGE + n / 4] &= ~(3 << shift);
		map[i * MSR_MAP_RANGE + n / 4] |= (access & HV_ACCESS_READ ? 1 : 0) << shift |
						  (access & HV_ACCESS_WRITE ? 2 : 0) << shift;
	}
}

void svm_vmcb_init(struct hv_vcpu *v)
{
	struct svm_vcpu *sv = v->hw;
	struct vmcb *b = sv->page.va;

	sv->vmcb = b;
	sv->msr_map = sv->msr_page.va;
	memset(sv->msr_map, 0xff, MSR_MAP_SIZE);
	b->intercept_cr = intercept_cr;
	b->intercept1 = intercept1;
	b->intercept2 = intercept2;
	b->io_map_pa = svm_machine.io_map.pa;
	b->msr_map_pa = sv->msr_page.pa;
	b->nested_control = NESTED_PAGING;
	b->nested_cr3 = v->vm->s2.root_value;
	b->int_control = V_INTR_MASKING;
	b->pause_count = svm_has(SVM_EDX_PAUSE_FILTER) ? PAUSE_COUNT : 0;
	b->pause_threshold = svm_has(SVM_EDX_PAUSE_THRESHOLD) ? PAUSE_THRESHOLD : 0;
	sv->tsc_ratio = TSC_RATIO_ONE;
}

/* --- windows, and events on their way in --- */

/*
 * A virtual interrupt that is never delivered, because its delivery is intercepted, says when one
 * could be. It serves for NMIs too that only an interrupt shadow or another event keeps away: late
 * where the guest has interrupts off, but then each other exit is a chance as well. A write of CR8
 * exits meanwhile: an emulated host may not get over one beside a virtual interrupt.
 */
static void svm_window_update(struct svm_vcpu *sv)
{
	struct vmcb *b = sv->vmcb;
	bool irq = sv->window & HV_WINDOW_INTR ||
		   (sv->window & HV_WINDOW_NMI && sv->nmi == NMI_OPEN);
	bool cr8 = irq || sv->window & HV_WINDOW_TPR;

	b->int_control &= ~(uint64_t)(V_IRQ | V_IGNORE_TPR);
	b->int_control |= irq ? V_IRQ | V_IGNORE_TPR : 0;
	svm_intercept(&b->intercept1, I1_VINTR, irq);
	svm_intercept(&b->intercept_cr, 1u << (CR_WRITE_SHIFT + 8), cr8);
}

void svm_want_window(struct hv_vcpu *v, uint32_t windows)
{
	struct svm_vcpu *sv = v->hw;

	sv->window = windows;
	svm_window_update(sv);
}

void svm_nmi_set(struct svm_vcpu *sv, enum svm_nmi nmi)
{
	sv->nmi = nmi;
	svm_intercept(&sv->vmcb->intercept1, I1_IRET, nmi == NMI_MASKED);
	svm_window_update(sv);
}

/* INT n, INT3 and INTO push the address behind themselves; how far that is. 0: none of these. */
unsigned svm_soft_len(const struct hv_event *ev)
{
	bool trap = ev->type == HV_EV_EXCEPTION && (ev->vector == X86_BP || ev->vector == X86_OF);

	if (ev->type != HV_EV_SOFT && !trap)
		return 0;
	if (ev->insn_len)
		return ev->insn_len;
	return trap ? 1 : 2;
}

void svm_inject(struct hv_vcpu *v, const struct hv_event *ev)
{
	static const uint16_t types[] = {
		[HV_EV_INTR] = EVENT_INTR, [HV_EV_NMI] = EVENT_NMI,
		[HV_EV_EXCEPTION] = EVENT_EXCEPTION, [HV_EV_SOFT] = EVENT_SOFT,
	};
	struct svm_vcpu *sv = v->hw;
	uint64_t inject = EVENT_VALID | types[ev->type] | ev->vector;

	if (ev->has_error)
		inject |= EVENT_HAS_ERROR | (uint64_t)ev->error << EVENT_ERROR_SHIFT;
	sv->vmcb->event_inject = inject;
	sv->soft_len = svm_soft_len(ev);
	if (ev->type == HV_EV_NMI) {
		svm_nmi_set(sv, NMI_MASKED);
		v->st.nmi_masked = true; /* state_set() of a changed shadow may still come */
	}
}

/* --- time, traps, translations --- */

void svm_set_tsc(struct hv_vcpu *v, uint64_t offset, uint64_t ratio)
{
	struct svm_vcpu *sv = v->hw;

	sv->vmcb->tsc_offset = offset;
	sv->tsc_ratio = ratio & 0xffffffffff;
	if (v->loaded)
		svm_tsc_ratio_load(sv);
}

void svm_set_msr_trap(struct hv_vcpu *v, uint32_t msr, uint32_t access)
{
	struct svm_vcpu *sv = v->hw;

	svm_msr_map_set(sv->msr_map, msr, access);
	if (msr == MSR_SPEC_CTRL)
		sv->spec_ctrl_open = !(access & HV_ACCESS_WRITE);
}

void svm_set_exception_trap(struct hv_vcpu *v, uint32_t vectors, bool debug_registers)
{
	struct svm_vcpu *sv = v->hw;

	sv->vmcb->intercept_exception = sv->traps = vectors;
	sv->debug_trap = debug_registers;
}

/* An ASID has both translations in one; one that nobody has used is as good as a flushed one. */
void svm_flush_tlb(struct hv_vcpu *v, bool stage2)
{
	struct svm_vcpu *sv = v->hw;

	if (svm_has(SVM_EDX_FLUSH_ASID))
		sv->vmcb->tlb_control = TLB_FLUSH_ASID;
	else
		sv->generation = 0;
}
