// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's state, by groups, between v->st and the VMCB. What the guest cannot change without an
 * exit (CR4, PAT, DEBUGCTL, TSC_AUX, the cache bits of CR0) stays in v->st as it was last set; DR0
 * to DR3 are there between entries too.
 *
 * Reference: AMD APM 2, "VMRUN Instruction", "Segment State in the VMCB", "Canonicalization and
 * Consistency Checks", "#VMEXIT".
 */
#include "svm.h"

static const uint8_t seg_index[HV_SEGS] = {
	[HV_ES] = VMCB_ES, [HV_CS] = VMCB_CS, [HV_SS] = VMCB_SS, [HV_DS] = VMCB_DS,
	[HV_FS] = VMCB_FS, [HV_GS] = VMCB_GS, [HV_LDTR] = VMCB_LDTR, [HV_TR] = VMCB_TR,
};

/* --- segments --- */

enum { SEG_ACCESSED = 1, TSS_BUSY = 2 }; /* of a segment's type */

/* The VMCB has no bits 48 to 51, the limit's. */
static void svm_seg_set(struct vmcb_seg *to, const struct hv_seg *from)
{
	to->selector = from->selector;
	to->attr = (from->attr & 0xff) | (from->attr >> 4 & 0xf00);
	to->limit = from->limit;
	to->base = from->base;
}

/*
 * Some processors keep no G bit; it follows from the limit. Some hide that a segment in use has
 * been accessed, too.
 */
static void svm_seg_get(struct hv_seg *to, const struct vmcb_seg *from)
{
	uint16_t attr = (from->attr & 0xff) | (from->attr & 0x700) << 4;

	if ((attr & (SEG_P | SEG_S)) == (SEG_P | SEG_S))
		attr |= SEG_ACCESSED;
	to->selector = from->selector;
	to->attr = attr | (from->limit > 0xfffff ? SEG_G : 0);
	to->limit = from->limit;
	to->base = from->base;
}

/*
 * Only task switches ask whether the task is busy, and they are intercepted; VMRUN does not check.
 * Processors that do not tell save TR as free, and so load it at every entry but the first; QEMU's
 * never has the bit beside TR, and ends when a change of ring finds it there.
 */
static void svm_segs_set(struct vmcb *b, const struct hv_state *st)
{
	for (unsigned i = 0; i < HV_SEGS; i++)
		svm_seg_set(&b->seg[seg_index[i]], &st->seg[i]);
	b->seg[VMCB_TR].attr &= ~TSS_BUSY;
	b->seg[VMCB_GDTR].base = st->gdt.base;
	b->seg[VMCB_GDTR].limit = st->gdt.limit;
	b->seg[VMCB_IDTR].base = st->idt.base;
	b->seg[VMCB_IDTR].limit = st->idt.limit;
	b->cpl = st->cpl;
}

/* SYSRET changes CPL, and not SS's DPL, from which users take CPL. */
static void svm_mode_get(const struct vmcb *b, struct hv_state *st)
{
	svm_seg_get(&st->seg[HV_CS], &b->seg[seg_index[HV_CS]]);
	svm_seg_get(&st->seg[HV_SS], &b->seg[seg_index[HV_SS]]);
	st->cpl = b->cpl;
	st->seg[HV_SS].attr = (st->seg[HV_SS].attr & ~SEG_DPL) | st->cpl << SEG_DPL_SHIFT;
}

static void svm_segs_get(const struct vmcb *b, struct hv_state *st)
{
	for (unsigned i = 0; i < HV_SEGS; i++)
		if (i != HV_CS && i != HV_SS)
			svm_seg_get(&st->seg[i], &b->seg[seg_index[i]]);
	st->seg[HV_TR].attr |= TSS_BUSY;
	st->gdt.base = b->seg[VMCB_GDTR].base;
	st->gdt.limit = b->seg[VMCB_GDTR].limit;
	st->idt.base = b->seg[VMCB_IDTR].base;
	st->idt.limit = b->seg[VMCB_IDTR].limit;
}

/* --- control registers --- */

enum {
	CR0_BOTH = 1 << CR_READ_SHIFT | 1 << CR_WRITE_SHIFT,
	CR4_READ = 1 << (CR_READ_SHIFT + 4),
};
static const uint64_t cr0_hidden = CR0_CD | CR0_NW;

/*
 * The cache stays on whatever the guest thinks, and machine checks stay enabled as the host has
 * them. While the guest's register is not the hardware's, reading it is intercepted too.
 */
static void svm_crs_set(struct svm_vcpu *sv, const struct hv_state *st)
{
	struct vmcb *b = sv->vmcb;

	b->cr0 = st->cr0 & ~cr0_hidden;
	b->cr4 = st->cr4 | (cpu_cr4() & CR4_MCE);
	svm_intercept(&b->intercept_cr, CR0_BOTH, b->cr0 != st->cr0);
	svm_intercept(&b->intercept_cr, CR4_READ, b->cr4 != st->cr4);
	b->cr2 = st->cr2;
	b->cr3 = st->cr3;
	b->efer = st->efer | EFER_SVME; /* VMRUN insists on it; CPUID says that there is none */
}

static void svm_crs_get(const struct vmcb *b, struct hv_state *st)
{
	st->cr0 = b->cr0 | (st->cr0 & cr0_hidden);
	st->cr2 = b->cr2;
	st->cr3 = b->cr3;
	st->efer = b->efer & ~(EFER_SVME | EFER_LMA);
	/* Bochs has cleared it already when a write of CR0 that ends paging is intercepted. */
	if ((st->efer & EFER_LME) && (st->cr0 & CR0_PG))
		st->efer |= EFER_LMA;
}

/* --- MSRs --- */

/* From STAR to SYSENTER_EIP they stand in the same order in both structs. */
enum { SYSCALL_MSRS = 8 * sizeof(uint64_t) };
_Static_assert(__builtin_offsetof(struct hv_state, pat) ==
	       __builtin_offsetof(struct hv_state, star) + SYSCALL_MSRS, "struct hv_state");
_Static_assert(__builtin_offsetof(struct vmcb, cr2) ==
	       __builtin_offsetof(struct vmcb, star) + SYSCALL_MSRS, "struct vmcb");

static void svm_msrs_set(struct svm_vcpu *sv, const struct hv_state *st)
{
	struct vmcb *b = sv->vmcb;

	memcpy(&b->star, &st->star, SYSCALL_MSRS);
	b->pat = st->pat;
	b->spec_ctrl = sv->spec_ctrl = st->spec_ctrl;
	if (svm_machine.tsc_aux)
		cpu_msr_switch(MSR_TSC_AUX, sv->tsc_aux, st->tsc_aux);
	cpu_msr_switch(MSR_DEBUGCTL, sv->debugctl, st->debugctl);
	sv->tsc_aux = st->tsc_aux;
	sv->debugctl = st->debugctl;
}

static void svm_msrs_get(const struct svm_vcpu *sv, struct hv_state *st)
{
	memcpy(&st->star, &sv->vmcb->star, SYSCALL_MSRS);
	st->spec_ctrl = svm_has(SVM_EDX_SPEC_CTRL) ? sv->vmcb->spec_ctrl : sv->spec_ctrl;
}

/* --- groups --- */

void svm_state_get(struct hv_vcpu *v, uint32_t groups)
{
	struct svm_vcpu *sv = v->hw;
	const struct vmcb *b = sv->vmcb;

	if (groups & HV_MODE)
		svm_mode_get(b, &v->st);
	if (groups & HV_SEG & ~HV_MODE)
		svm_segs_get(b, &v->st);
	if (groups & HV_CR)
		svm_crs_get(b, &v->st);
	if (groups & HV_DR) {
		v->st.dr6 = b->dr6;
		v->st.dr7 = b->dr7;
	}
	if (groups & HV_MSR)
		svm_msrs_get(sv, &v->st);
	if (groups & HV_EVENT) {
		v->st.shadow_sti = b->int_state & INT_SHADOW;
		v->st.shadow_movss = false; /* the processor does not say which it was */
		v->st.nmi_masked = sv->nmi != NMI_OPEN;
	}
}

void svm_state_set(struct hv_vcpu *v, uint32_t groups)
{
	struct svm_vcpu *sv = v->hw;
	struct vmcb *b = sv->vmcb;
	struct hv_state *st = &v->st;

	if (groups & HV_SEG)
		svm_segs_set(b, st);
	if (groups & HV_CR)
		svm_crs_set(sv, st);
	if (groups & HV_DR) {
		b->dr6 = st->dr6;
		b->dr7 = st->dr7;
	}
	if (groups & HV_MSR)
		svm_msrs_set(sv, st);
	if (groups & HV_EVENT) {
		b->int_state = st->shadow_sti || st->shadow_movss ? INT_SHADOW : 0;
		if (st->nmi_masked != (sv->nmi != NMI_OPEN))
			svm_nmi_set(sv, st->nmi_masked ? NMI_MASKED : NMI_OPEN);
	}
}

/* --- what the hardware holds, to the log --- */

void svm_dump(struct hv_vcpu *v)
{
	static const char *const names[VMCB_SEGS] = {
		"ES", "CS", "SS", "DS", "FS", "GS", "GDTR", "LDTR", "IDTR", "TR",
	};
	const struct vmcb *b = ((struct svm_vcpu *)v->hw)->vmcb;
	const struct { const char *name; uint64_t val; } words[] = {
		{ "exit code", b->exit_code }, { "exit info 1", b->exit_info1 },
		{ "exit info 2", b->exit_info2 }, { "event cut short", b->exit_int_info },
		{ "interrupt control", b->int_control }, { "nested CR3", b->nested_cr3 },
		{ "RIP", b->rip }, { "RSP", b->rsp }, { "RFLAGS", b->rflags }, { "CR0", b->cr0 },
		{ "CR2", b->cr2 }, { "CR3", b->cr3 }, { "CR4", b->cr4 }, { "EFER", b->efer },
		{ "DR6", b->dr6 }, { "DR7", b->dr7 }, { "PAT", b->pat },
	};

	host_log(HOST_WARN, "vCPU %u: ASID %u, CPL %u, intercepts %08x %08x %08x %08x %08x", v->id,
		 b->asid, b->cpl, b->intercept_cr, b->intercept_dr, b->intercept_exception,
		 b->intercept1, b->intercept2);
	for (unsigned i = 0; i < HV_ARRAY(words); i++)
		host_log(HOST_WARN, "%s %016llx", words[i].name, (unsigned long long)words[i].val);
	for (unsigned i = 0; i < VMCB_SEGS; i++)
		host_log(HOST_WARN, "%s %04x base %016llx limit %08x attr %03x", names[i],
			 b->seg[i].selector, (unsigned long long)b->seg[i].base, b->seg[i].limit,
			 b->seg[i].attr);
}
