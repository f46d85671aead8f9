// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's state, by groups, between v->st and the VMCS. What the guest cannot change without an
 * exit (most of CR4, EFER, most MSRs, the cache bits of CR0) stays in v->st as it was last set;
 * CR2, DR0 to DR3 and DR6 are there between entries too. PAT has no effect in a guest: stage 2 says
 * what kind of memory there is.
 *
 * Reference: Intel SDM 3, "Guest Register State", "Checks on Guest Segment Registers", "Checks on
 * Guest Non-Register State", "Saving Guest State".
 */
#include "vmx.h"

/* --- segments --- */

enum { SEG_ACCESSED = 1, TSS_BUSY = 2 }; /* of a segment's type */

/* An entry insists on a G bit that agrees with the limit. */
static uint32_t vmx_seg_attr(const struct hv_seg *s)
{
	uint32_t attr = s->attr & ~(uint32_t)SEG_G;

	if (!(attr & SEG_P))
		return attr | SEG_UNUSABLE;
	if (s->limit > 0xfffff || (s->attr & SEG_G && (s->limit & 0xfff) == 0xfff))
		attr |= SEG_G;
	return attr;
}

static void vmx_seg_set(unsigned i, const struct hv_seg *from, uint32_t attr)
{
	vmx_write(GUEST_SELECTOR + 2 * i, from->selector);
	vmx_write(GUEST_BASE + 2 * i, from->base);
	vmx_write(GUEST_LIMIT + 2 * i, from->limit);
	vmx_write(GUEST_ATTR + 2 * i, attr);
}

static void vmx_seg_get(struct hv_seg *to, unsigned i)
{
	uint32_t attr = (uint32_t)vmx_read(GUEST_ATTR + 2 * i);

	to->selector = (uint16_t)vmx_read(GUEST_SELECTOR + 2 * i);
	to->base = vmx_read(GUEST_BASE + 2 * i);
	to->limit = (uint32_t)vmx_read(GUEST_LIMIT + 2 * i);
	to->attr = (uint16_t)(attr & SEG_UNUSABLE ? attr & ~(uint32_t)SEG_P : attr);
}

/* CPL is the DPL of SS. A task in use is busy, and a segment in use has been accessed. */
static void vmx_segs_set(const struct hv_state *st)
{
	for (unsigned i = 0; i < HV_SEGS; i++) {
		uint32_t attr = vmx_seg_attr(&st->seg[i]);

		if (i == HV_SS)
			attr = (attr & ~(uint32_t)SEG_DPL) | st->cpl << SEG_DPL_SHIFT;
		if (i == HV_TR)
			attr |= TSS_BUSY;
		if (i <= HV_GS && attr & SEG_S)
			attr |= SEG_ACCESSED;
		vmx_seg_set(i, &st->seg[i], attr);
	}
	vmx_write(GUEST_GDTR_BASE, st->gdt.base);
	vmx_write(GUEST_GDTR_LIMIT, st->gdt.limit);
	vmx_write(GUEST_IDTR_BASE, st->idt.base);
	vmx_write(GUEST_IDTR_LIMIT, st->idt.limit);
}

static void vmx_mode_get(struct hv_state *st)
{
	vmx_seg_get(&st->seg[HV_CS], HV_CS);
	vmx_seg_get(&st->seg[HV_SS], HV_SS);
	st->cpl = (st->seg[HV_SS].attr & SEG_DPL) >> SEG_DPL_SHIFT;
}

static void vmx_segs_get(struct hv_state *st)
{
	for (unsigned i = 0; i < HV_SEGS; i++)
		if (i != HV_CS && i != HV_SS)
			vmx_seg_get(&st->seg[i], i);
	st->gdt.base = vmx_read(GUEST_GDTR_BASE);
	st->gdt.limit = (uint16_t)vmx_read(GUEST_GDTR_LIMIT);
	st->idt.base = vmx_read(GUEST_IDTR_BASE);
	st->idt.limit = (uint16_t)vmx_read(GUEST_IDTR_LIMIT);
}

/* --- control registers --- */

static const uint64_t cr0_hidden = CR0_CD | CR0_NW | CR0_NE;

static bool pae_paging(const struct hv_state *st)
{
	return st->cr0 & CR0_PG && st->cr4 & CR4_PAE && !(st->efer & EFER_LMA);
}

/*
 * CR4: what the guest changes freely, if its CPUID has it: flushes of global translations, which
 * the processor does by itself, and what says how instructions work.
 */
static const uint64_t cr4_free = CR4_TSD | CR4_DE | CR4_PGE | CR4_PCE | CR4_OSFXSR |
				 CR4_OSXMMEXCPT | CR4_FSGSBASE;

/*
 * The cache stays on whatever the guest thinks, x87 errors are exceptions, and machine checks stay
 * enabled as the host has them. The guest reads its own register.
 */
static void vmx_crs_set(const struct hv_vcpu *v)
{
	const struct hv_state *st = &v->st;
	struct vmx_vcpu *vv = v->hw;
	uint32_t entry = st->efer & EFER_LMA ? vv->entry | ENTRY_LONG :
					       vv->entry & ~(uint32_t)ENTRY_LONG;

	vmx_write(GUEST_CR0, (st->cr0 & ~cr0_hidden) | CR0_NE);
	vmx_write(CR0_SHADOW, st->cr0);
	vmx_write(GUEST_CR4, st->cr4 | CR4_VMXE | (cpu_cr4() & CR4_MCE));
	vmx_write(CR4_SHADOW, st->cr4);
	vmx_update(CR4_MASK, &vv->cr4_mask, ~(cr4_free & v->cr4_allowed & hv_cap.cr4_guest));
	vmx_write(GUEST_CR3, st->cr3);
	vmx_write(GUEST_EFER, st->efer);
	if (entry != vv->entry)
		vmx_write(ENTRY_CONTROLS, vv->entry = entry);
	for (unsigned i = 0; pae_paging(st) && i < HV_ARRAY(st->pdpte); i++)
		vmx_write(GUEST_PDPTE + 2 * i, st->pdpte[i]);
}

static void vmx_crs_get(const struct vmx_vcpu *vv, struct hv_state *st)
{
	st->cr0 = (vmx_read(GUEST_CR0) & ~cr0_hidden) | (st->cr0 & cr0_hidden);
	st->cr3 = vmx_read(GUEST_CR3);
	st->cr4 = (vmx_read(GUEST_CR4) & ~vv->cr4_mask) | (st->cr4 & vv->cr4_mask);
	for (unsigned i = 0; pae_paging(st) && i < HV_ARRAY(st->pdpte); i++)
		st->pdpte[i] = vmx_read(GUEST_PDPTE + 2 * i);
}

/* --- MSRs --- */

/* From STAR to SFMASK they stand in the same order as in vmx_syscall_msrs[]. */
_Static_assert(__builtin_offsetof(struct hv_state, kernel_gs_base) ==
	       __builtin_offsetof(struct hv_state, star) + VMX_SYSCALL_MSRS * sizeof(uint64_t),
	       "struct hv_state");

static void vmx_msrs_set(struct vmx_vcpu *vv, const struct hv_state *st)
{
	const uint64_t *syscall = &st->star;

	for (unsigned i = 0; i < VMX_SYSCALL_MSRS; i++) {
		cpu_msr_switch(vmx_syscall_msrs[i], vv->syscall[i], syscall[i]);
		vv->syscall[i] = syscall[i];
	}
	cpu_wrmsr(MSR_KERNEL_GS_BASE, st->kernel_gs_base);
	if (vmx_machine.tsc_aux)
		cpu_msr_switch(MSR_TSC_AUX, vv->tsc_aux, st->tsc_aux);
	vv->tsc_aux = st->tsc_aux;
	vmx_write(GUEST_SYSENTER_CS, st->sysenter_cs);
	vmx_write(GUEST_SYSENTER_ESP, st->sysenter_esp);
	vmx_write(GUEST_SYSENTER_EIP, st->sysenter_eip);
	vmx_write(GUEST_DEBUGCTL, st->debugctl);
	vv->switched.spec_ctrl = st->spec_ctrl;
}

static void vmx_msrs_get(const struct vmx_vcpu *vv, struct hv_state *st)
{
	st->kernel_gs_base = cpu_rdmsr(MSR_KERNEL_GS_BASE);
	st->sysenter_cs = vmx_read(GUEST_SYSENTER_CS);
	st->sysenter_esp = vmx_read(GUEST_SYSENTER_ESP);
	st->sysenter_eip = vmx_read(GUEST_SYSENTER_EIP);
	st->spec_ctrl = vv->switched.spec_ctrl;
}

/* --- interrupt shadow --- */

static void vmx_events_set(const struct hv_state *st)
{
	uint32_t shadow = st->nmi_masked ? NMI_MASKED : 0;

	if (st->shadow_movss)
		shadow |= SHADOW_MOVSS;
	else if (st->shadow_sti && st->rflags & RFLAGS_IF)
		shadow |= SHADOW_STI;
	vmx_write(GUEST_SHADOW, shadow);
	vmx_write(GUEST_ACTIVITY, 0);
	vmx_write(GUEST_PENDING_DEBUG, (shadow & (SHADOW_STI | SHADOW_MOVSS)) &&
				       st->rflags & RFLAGS_TF ? PENDING_STEP : 0);
}

static void vmx_events_get(struct hv_state *st)
{
	uint32_t shadow = (uint32_t)vmx_read(GUEST_SHADOW);

	st->shadow_sti = shadow & SHADOW_STI;
	st->shadow_movss = shadow & SHADOW_MOVSS;
	st->nmi_masked = shadow & NMI_MASKED;
}

/* --- groups --- */

void vmx_state_get(struct hv_vcpu *v, uint32_t groups)
{
	struct vmx_vcpu *vv = v->hw;

	if (groups & HV_MODE)
		vmx_mode_get(&v->st);
	if (groups & HV_SEG & ~HV_MODE)
		vmx_segs_get(&v->st);
	if (groups & HV_CR)
		vmx_crs_get(vv, &v->st);
	if (groups & HV_DR)
		v->st.dr7 = vv->dr7 = vmx_read(GUEST_DR7);
	if (groups & HV_MSR)
		vmx_msrs_get(vv, &v->st);
	if (groups & HV_EVENT)
		vmx_events_get(&v->st);
}

void vmx_state_set(struct hv_vcpu *v, uint32_t groups)
{
	struct vmx_vcpu *vv = v->hw;
	struct hv_state *st = &v->st;

	if (groups & HV_SEG)
		vmx_segs_set(st);
	if (groups & HV_CR)
		vmx_crs_set(v);
	if (groups & HV_DR)
		vmx_update(GUEST_DR7, &vv->dr7, st->dr7);
	if (groups & HV_MSR)
		vmx_msrs_set(vv, st);
	if (groups & HV_EVENT)
		vmx_events_set(st);
}

/* --- what the hardware holds, to the log --- */

struct named_field {
	const char *name;
	uint32_t field;
};

static void dump_fields(const struct named_field *f, unsigned n)
{
	for (; n--; f++)
		host_log(HOST_WARN, "%s %016llx", f->name,
			 (unsigned long long)vmx_read(f->field));
}

static void dump_segments(void)
{
	static const char *const names[HV_SEGS] = {
		"ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR",
	};

	for (unsigned i = 0; i < HV_SEGS; i++)
		host_log(HOST_WARN, "%s %04llx base %016llx limit %08llx attr %05llx", names[i],
			 (unsigned long long)vmx_read(GUEST_SELECTOR + 2 * i),
			 (unsigned long long)vmx_read(GUEST_BASE + 2 * i),
			 (unsigned long long)vmx_read(GUEST_LIMIT + 2 * i),
			 (unsigned long long)vmx_read(GUEST_ATTR + 2 * i));
}

static const char *dump_reason(uint32_t reason)
{
	switch (reason) {
	case EXIT_ENTRY_FAILED | EXIT_GUEST_STATE:
		return "the guest's state";
	case ERROR_CONTROLS:
		return "the control fields";
	case ERROR_HOST_STATE:
		return "the host's state";
	default:
		return "the entry, or what came of it";
	}
}

void vmx_dump(struct hv_vcpu *v)
{
	static const struct named_field fields[] = {
		{ "exit reason", EXIT_REASON_FIELD }, { "qualification", QUALIFICATION },
		{ "instruction error", INSN_ERROR }, { "guest-physical", EXIT_GPA },
		{ "event cut short", CUT_SHORT_EVENT },
		{ "error code", ENTRY_ERROR }, { "instruction length", ENTRY_INSN_LEN },
		{ "pin controls", PIN_CONTROLS }, { "processor controls", PROC_CONTROLS },
		{ "secondary controls", PROC2_CONTROLS }, { "entry controls", ENTRY_CONTROLS },
		{ "exit controls", EXIT_CONTROLS }, { "exceptions", EXCEPTION_MAP },
		{ "TPR threshold", TPR_THRESHOLD }, { "EPT pointer", EPT_POINTER },
		{ "RIP", GUEST_RIP }, { "RSP", GUEST_RSP }, { "RFLAGS", GUEST_RFLAGS },
		{ "CR0", GUEST_CR0 }, { "CR0 as read", CR0_SHADOW }, { "CR3", GUEST_CR3 },
		{ "CR4", GUEST_CR4 }, { "CR4 as read", CR4_SHADOW }, { "EFER", GUEST_EFER },
		{ "DR7", GUEST_DR7 }, { "DEBUGCTL", GUEST_DEBUGCTL },
		{ "TSC offset", TSC_OFFSET }, { "shadow, NMI mask", GUEST_SHADOW },
		{ "activity", GUEST_ACTIVITY }, { "pending debug", GUEST_PENDING_DEBUG },
		{ "SYSENTER CS", GUEST_SYSENTER_CS }, { "SYSENTER ESP", GUEST_SYSENTER_ESP },
		{ "SYSENTER EIP", GUEST_SYSENTER_EIP }, { "GDTR base", GUEST_GDTR_BASE },
		{ "GDTR limit", GUEST_GDTR_LIMIT }, { "IDTR base", GUEST_IDTR_BASE },
		{ "IDTR limit", GUEST_IDTR_LIMIT }, { "host CR0", HOST_CR0 },
		{ "host CR3", HOST_CR3 }, { "host CR4", HOST_CR4 }, { "host RSP", HOST_RSP },
		{ "host RIP", HOST_RIP }, { "host FS base", HOST_FS_BASE },
		{ "host GS base", HOST_GS_BASE }, { "host TR base", HOST_TR_BASE },
		{ "host GDTR base", HOST_GDTR_BASE }, { "host IDTR base", HOST_IDTR_BASE },
		{ "host CS", HOST_CS }, { "host SS", HOST_SS }, { "host DS", HOST_DS },
		{ "host ES", HOST_ES }, { "host FS", HOST_FS }, { "host GS", HOST_GS },
		{ "host TR", HOST_TR }, { "host EFER", HOST_EFER },
		{ "host SYSENTER ESP", HOST_SYSENTER_ESP },
		{ "host SYSENTER EIP", HOST_SYSENTER_EIP },
	};
	static const struct named_field pdptes[] = {
		{ "PDPTE 0", GUEST_PDPTE }, { "PDPTE 1", GUEST_PDPTE + 2 },
		{ "PDPTE 2", GUEST_PDPTE + 4 }, { "PDPTE 3", GUEST_PDPTE + 6 },
	};

	host_log(HOST_WARN, "vCPU %u: the processor refuses %s (%#llx); TPR %u, event %08x", v->id,
		 dump_reason((uint32_t)v->exit.hw_reason),
		 (unsigned long long)v->exit.hw_reason, v->st.cr8,
		 ((struct vmx_vcpu *)v->hw)->refused_event);
	dump_fields(fields, HV_ARRAY(fields));
	dump_segments();
	if (pae_paging(&v->st))
		dump_fields(pdptes, HV_ARRAY(pdptes));
}
