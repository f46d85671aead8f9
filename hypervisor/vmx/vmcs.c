// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMCS's control fields: what makes the guest exit, its permission map, its time, events on
 * their way in, and the flushes that it is entered with.
 *
 * Reference: Intel SDM 3, "VM-Execution Control Fields", "VM-Entry Controls for Event Injection",
 * "Interrupt-Window Exiting and Virtual-Interrupt Delivery", "TPR Shadow and Virtual-APIC Page",
 * "MSR-Bitmap Address".
 */
#include "vmx.h"

enum { PAUSE_GAP_CYCLES = 128, PAUSE_WINDOW_CYCLES = 4096 };

/*
 * CR0: what the guest changes freely. All else in it makes it exit, unless it writes what it reads
 * there already. CR4: see state.c.
 */
static const uint64_t cr0_free = CR0_MP | CR0_EM | CR0_TS | CR0_WP | CR0_AM;

/* A page of zeroes need not mean fields of zeroes. */
static const uint32_t zero_fields[] = {
	PAGE_FAULT_MASK, PAGE_FAULT_MATCH, CR3_TARGETS, EXIT_STORE_MSRS, EXIT_LOAD_MSRS,
	ENTRY_LOAD_MSRS, ENTRY_EVENT, TPR_THRESHOLD, GUEST_DEBUGCTL, GUEST_SHADOW, GUEST_ACTIVITY,
	GUEST_PENDING_DEBUG, GUEST_RIP, GUEST_RSP, GUEST_DR7, HOST_FS_BASE,
};

static void vmx_msr_map_bit(uint8_t *map, uint32_t n, bool on)
{
	map[n / 8] &= ~(1 << n % 8);
	map[n / 8] |= on << n % 8;
}

/* Writes to the MSRs of SYSCALL are seldom, and seen: unload() need not read what they hold. */
static void vmx_msr_map_set(uint8_t *map, uint32_t msr, uint32_t access)
{
	static const uint32_t bases[] = { 0, 0xc0000000 };

	for (unsigned i = 0; i < VMX_SYSCALL_MSRS; i++)
		access |= msr == vmx_syscall_msrs[i] ? HV_ACCESS_WRITE : 0;
	for (unsigned i = 0; i < HV_ARRAY(bases); i++) {
		uint32_t n = msr - bases[i];

		if (n >= MSR_MAP_MSRS)
			continue;
		vmx_msr_map_bit(map + i * MSR_MAP_HIGH, n, access & HV_ACCESS_READ);
		vmx_msr_map_bit(map + MSR_MAP_WRITE + i * MSR_MAP_HIGH, n,
				access & HV_ACCESS_WRITE);
	}
}

void vmx_vmcs_init(struct hv_vcpu *v)
{
	struct vmx_vcpu *vv = v->hw;
	const struct vmx_machine *m = &vmx_machine;

	memset(vv->msr_page.va, 0xff, MSR_MAP_SIZE);
	for (unsigned i = 0; i < VMX_SYSCALL_MSRS; i++)
		vv->syscall[i] = cpu_rdmsr(vmx_syscall_msrs[i]);
	for (unsigned i = 0; i < HV_ARRAY(zero_fields); i++)
		vmx_write(zero_fields[i], 0);
	vmx_write(PIN_CONTROLS, m->pin);
	vmx_write(PROC_CONTROLS, vv->proc = m->proc);
	vmx_write(PROC2_CONTROLS, vv->proc2 = m->proc2);
	vmx_write(EXIT_CONTROLS, m->exit);
	vmx_write(ENTRY_CONTROLS, vv->entry = m->entry);
	vmx_write(MSR_MAP, vv->msr_page.pa);
	vmx_write(APIC_PAGE, vv->apic_page.pa);
	vmx_write(EPT_POINTER, v->vm->s2.root_value);
	vmx_write(VMCS_LINK, ~0ull);
	vmx_write(CR0_MASK, ~cr0_free);
	if (m->pin & PIN_TIMER)
		vmx_write(TIMER_VALUE, vv->timer = UINT32_MAX);
	vmx_write(CR4_MASK, vv->cr4_mask = ~0ull);
	if (vmx_has(PROC2_PAUSE_LOOP)) {
		vmx_write(PAUSE_GAP, PAUSE_GAP_CYCLES);
		vmx_write(PAUSE_WINDOW, PAUSE_WINDOW_CYCLES);
	}
	vv->ready = true;
}

static void set_bits(uint32_t field, uint32_t *now, uint32_t bits, bool on)
{
	uint32_t val = on ? *now | bits : *now & ~bits;

	if (val != *now)
		vmx_write(field, *now = val);
}

void vmx_proc_set(struct vmx_vcpu *vv, uint32_t bits, bool on)
{
	set_bits(PROC_CONTROLS, &vv->proc, bits, on);
}

void vmx_proc2_set(struct vmx_vcpu *vv, uint32_t bits, bool on)
{
	set_bits(PROC2_CONTROLS, &vv->proc2, bits, on);
}

/* --- windows, and events on their way in --- */

/*
 * The window for NMIs is open in the shadow of STI, where none is delivered; that ends where the
 * one for interrupts opens. So this is asked before each entry while an NMI waits.
 */
void vmx_window_update(struct vmx_vcpu *vv)
{
	bool nmi = vv->window & HV_WINDOW_NMI;
	bool sti = nmi && vmx_read(GUEST_SHADOW) & SHADOW_STI;

	vmx_proc_set(vv, PROC_INTR_WINDOW, vv->window & HV_WINDOW_INTR || sti);
	vmx_proc_set(vv, PROC_NMI_WINDOW, nmi && !sti);
}

void vmx_want_window(struct hv_vcpu *v, uint32_t windows)
{
	struct vmx_vcpu *vv = v->hw;
	uint32_t class = windows & HV_WINDOW_TPR ? windows >> HV_WINDOW_CLASS : 0;

	vv->window = windows;
	vmx_window_update(vv);
	if (class != vv->tpr_threshold)
		vmx_write(TPR_THRESHOLD, vv->tpr_threshold = class);
}

/* An INT n, INT3 or INTO pushes the address behind itself: its length says where that is. */
static uint32_t vmx_soft_type(const struct hv_event *ev, uint32_t *len)
{
	*len = ev->insn_len;
	if (ev->type == HV_EV_SOFT) {
		*len += ev->insn_len ? 0 : 2;
		return EVENT_SOFT;
	}
	if (ev->vector == X86_BP || ev->vector == X86_OF) {
		*len += ev->insn_len ? 0 : 1;
		return EVENT_TRAP;
	}
	return ev->vector == X86_DB && ev->insn_len ? EVENT_INT1 : EVENT_EXCEPTION;
}

/* In protected mode an entry insists on an error code for those that have one, and only those. */
static bool vmx_has_error(const struct hv_vcpu *v, const struct hv_event *ev)
{
	static const uint32_t with_error = 1 << X86_DF | 1 << X86_TS | 1 << X86_NP | 1 << X86_SS |
					   1 << X86_GP | 1 << X86_PF | 1 << X86_AC;

	if (ev->type != HV_EV_EXCEPTION || !(with_error >> (ev->vector & 31) & 1))
		return false;
	return v->cached & HV_CR ? v->st.cr0 & CR0_PE : vmx_read(GUEST_CR0) & CR0_PE;
}

void vmx_inject(struct hv_vcpu *v, const struct hv_event *ev)
{
	static const uint16_t types[] = {
		[HV_EV_INTR] = EVENT_INTR, [HV_EV_NMI] = EVENT_NMI,
	};
	uint32_t type = types[ev->type % HV_ARRAY(types)], len = 0;

	if (ev->type == HV_EV_EXCEPTION || ev->type == HV_EV_SOFT)
		type = vmx_soft_type(ev, &len);
	if (len)
		vmx_write(ENTRY_INSN_LEN, len);
	if (vmx_has_error(v, ev)) {
		vmx_write(ENTRY_ERROR, ev->error & 0xffff); /* the user's may have more */
		type |= EVENT_HAS_ERROR;
	}
	vmx_write(ENTRY_EVENT, EVENT_VALID | type | ev->vector);
}

/* --- time, traps, translations --- */

void vmx_set_tsc(struct hv_vcpu *v, uint64_t offset, uint64_t ratio)
{
	struct vmx_vcpu *vv = v->hw;
	bool scaled = ratio != 1ull << 32;

	vmx_write(TSC_OFFSET, offset);
	if (!vmx_has(PROC2_TSC_SCALING))
		return;
	vmx_proc2_set(vv, PROC2_TSC_SCALING, scaled);
	vmx_write(TSC_MULTIPLIER, ratio << TSC_MULTIPLIER_SHIFT);
}

void vmx_set_msr_trap(struct hv_vcpu *v, uint32_t msr, uint32_t access)
{
	struct vmx_vcpu *vv = v->hw;

	vmx_msr_map_set(vv->msr_page.va, msr, access);
	if (msr == MSR_SPEC_CTRL)
		vv->spec_ctrl_open = !(access & HV_ACCESS_WRITE);
}

void vmx_set_exception_trap(struct hv_vcpu *v, uint32_t vectors, bool debug_registers)
{
	struct vmx_vcpu *vv = v->hw;

	vmx_write(EXCEPTION_MAP, vectors);
	vv->debug_trap = debug_registers;
}

/*
 * A VPID that nobody has used is as good as a flushed one; what is cached of stage 2 alone stays.
 * INVEPT takes all that came by way of stage 2, and so the guest's own translations as well.
 */
void vmx_flush_tlb(struct hv_vcpu *v, bool stage2)
{
	struct vmx_vcpu *vv = v->hw;

	if (stage2)
		vv->flush_ept = true;
	else
		vv->generation = 0;
}
