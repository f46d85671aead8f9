// SPDX-License-Identifier: GPL-2.0-only
/*
 * Model-specific registers: what a guest and the user read and write. Those that only hold a value
 * are rows of a table; what else a read or a write does is in msr_read() and msr_write().
 * Missing: performance counters, which read 0; machine checks and memory types hold what was
 * written and have no effect.
 *
 * References: Intel SDM 4, "Architectural MSRs"; Intel SDM 3, "Memory Cache Control",
 * "Machine-Check Architecture"; AMD APM 2, "MSR Cross-Reference".
 */
#include "core/core.h"

enum { MTRRCAP_FIXED = 1 << 8, MTRRCAP_WC = 1 << 10, MCG_CTL_P = 1 << 8 };
enum { MISC_FAST_STRING = 1, MISC_BTS_UNAVAILABLE = 1 << 11, MISC_PEBS_UNAVAILABLE = 1 << 12 };
enum { DEBUGCTL_LBR = 1, DEBUGCTL_BTF = 2, FEATURE_CONTROL_LOCKED = 1 };
#define PAT_DEFAULT   0x0007040600070406ull
#define MICROCODE     0x100000065ull /* some systems look at the upper half, some at the lower */
#define HWCR_TSC_FREQ 0x01000000ull  /* the TSC counts at a fixed rate */
#define DE_LFENCE     0x2ull	     /* LFENCE waits for what came before it */

/* --- the table --- */

/* What may be written; everything else is #GP. */
enum rule {
	ANY,	   /* bits of the mask */
	CANONICAL,
	MEM_TYPES, /* eight memory types, of the mask's bits */
	MTRR_VAR,
	DEFTYPE,
	MC_CTL,	   /* 0 or all ones, by the guest */
	MC_BANK,
	CONSTANT,  /* mask is its value; nothing */
	IGNORED,   /* mask is its value; anything, without effect */
	SPECIAL,   /* msr_write() says; reads are as for the others */
};

struct msr {
	uint32_t first, count;
	enum rule rule;
	uint64_t mask;
	uint32_t at;	/* where it is kept in struct hv_vcpu */
	uint32_t group; /* when that is in v->st */
};

#define STATE(i, g, field, r, m)	{ i, 1, r, m, offsetof(struct hv_vcpu, st.field), g }
#define KEPT(i, n, field, r, m) { i, n, r, m, offsetof(struct hv_vcpu, field), 0 }
#define FIXED(i, n, r, value)	{ i, n, r, value, 0, 0 }
#define TYPES_MTRR 0x73 /* types 0, 1, 4, 5, 6 */
#define TYPES_PAT  0xf3 /* and 7: uncached, unless an MTRR says otherwise */
#define LOW32	   0xffffffffull

static const struct msr table[] = {
	STATE(MSR_FS_BASE, HV_SEG, seg[HV_FS].base, CANONICAL, 0),
	STATE(MSR_GS_BASE, HV_SEG, seg[HV_GS].base, CANONICAL, 0),
	STATE(MSR_KERNEL_GS_BASE, HV_MSR, kernel_gs_base, CANONICAL, 0),
	STATE(MSR_STAR, HV_MSR, star, ANY, ~0ull),
	STATE(MSR_LSTAR, HV_MSR, lstar, CANONICAL, 0),
	STATE(MSR_CSTAR, HV_MSR, cstar, CANONICAL, 0),
	STATE(MSR_SFMASK, HV_MSR, sfmask, ANY, LOW32),
	STATE(MSR_SYSENTER_CS, HV_MSR, sysenter_cs, ANY, LOW32),
	STATE(MSR_SYSENTER_ESP, HV_MSR, sysenter_esp, CANONICAL, 0),
	STATE(MSR_SYSENTER_EIP, HV_MSR, sysenter_eip, CANONICAL, 0),
	STATE(MSR_TSC_AUX, HV_MSR, tsc_aux, ANY, LOW32),
	STATE(MSR_PAT, HV_MSR, pat, MEM_TYPES, TYPES_PAT),
	STATE(MSR_EFER, HV_CR, efer, SPECIAL, 0),
	STATE(MSR_SPEC_CTRL, HV_MSR, spec_ctrl, SPECIAL, 0),

	KEPT(MSR_APIC_BASE, 1, lapic.base, SPECIAL, 0),
	KEPT(MSR_TSC_ADJUST, 1, msr.tsc_adjust, SPECIAL, 0),
	KEPT(MSR_BIOS_SIGN_ID, 1, msr.bios_sign, SPECIAL, 0),
	KEPT(MSR_KVM_SYSTEM_TIME, 1, clock_gpa, SPECIAL, 0),
	KEPT(MSR_KVM_SYSTEM_TIME_OLD, 1, clock_gpa, SPECIAL, 0),
	KEPT(MSR_KVM_WALL_CLOCK, 1, wall_gpa, SPECIAL, 0),
	KEPT(MSR_KVM_WALL_CLOCK_OLD, 1, wall_gpa, SPECIAL, 0),
	FIXED(MSR_DEBUGCTL, 1, SPECIAL, 0),

	FIXED(MSR_MTRRCAP, 1, CONSTANT, HV_MTRR_VAR | MTRRCAP_FIXED | MTRRCAP_WC),
	KEPT(MSR_MTRR_PHYSBASE0, 2 * HV_MTRR_VAR, msr.mtrr_var, MTRR_VAR, 0),
	KEPT(MSR_MTRR_FIX64K, 1, msr.mtrr_fixed[0], MEM_TYPES, TYPES_MTRR),
	KEPT(MSR_MTRR_FIX16K, 2, msr.mtrr_fixed[1], MEM_TYPES, TYPES_MTRR),
	KEPT(MSR_MTRR_FIX4K, 8, msr.mtrr_fixed[3], MEM_TYPES, TYPES_MTRR),
	KEPT(MSR_MTRR_DEFTYPE, 1, msr.mtrr_deftype, DEFTYPE, 0),
	FIXED(MSR_MCG_CAP, 1, CONSTANT, HV_MC_BANKS | MCG_CTL_P),
	KEPT(MSR_MCG_STATUS, 1, msr.mcg_status, ANY, ~0ull),
	KEPT(MSR_MCG_CTL, 1, msr.mcg_ctl, MC_CTL, 0),
	KEPT(MSR_MC0_CTL, 4 * HV_MC_BANKS, msr.mc, MC_BANK, 0),

	KEPT(MSR_MISC_ENABLE, 1, msr.misc_enable, ANY, ~0ull),
	KEPT(MSR_POWER_CTL, 1, msr.power_ctl, ANY, ~0ull),
	KEPT(MSR_KVM_PV_EOI, 1, msr.pv_eoi, ANY, ~2ull),
	FIXED(MSR_FEATURE_CONTROL, 1, CONSTANT, FEATURE_CONTROL_LOCKED),

	/* without effect in a guest: they are there because systems look at them */
	FIXED(0x17, 1, IGNORED, 0),		/* PLATFORM_ID */
	FIXED(0x2a, 1, IGNORED, 0),		/* EBL_CR_POWERON */
	FIXED(0x34, 1, CONSTANT, 0),		/* SMI_COUNT */
	FIXED(0x79, 1, IGNORED, 0),		/* BIOS_UPDT_TRIG */
	FIXED(0xc1, 2, IGNORED, 0),		/* PMC0, PMC1 */
	FIXED(0xcd, 1, IGNORED, 3),		/* FSB_FREQ: 166 MHz */
	FIXED(0xce, 1, CONSTANT, 0),		/* PLATFORM_INFO */
	FIXED(0x11e, 1, IGNORED, 0xbe702111),	/* BBL_CR_CTL3: a second-level cache that is on */
	FIXED(0x186, 2, IGNORED, 0),		/* PERFEVTSEL0, PERFEVTSEL1 */
	FIXED(0x198, 2, IGNORED, 0),		/* PERF_STATUS, PERF_CTL */
	FIXED(0x1db, 4, IGNORED, 0),		/* LASTBRANCHFROMIP to LASTINTTOIP */
	FIXED(0xc0010000, 8, IGNORED, 0),	/* PERF_CTL0 to PERF_CTR3 */
	FIXED(0xc0010010, 1, IGNORED, 0),	/* SYSCFG */
	FIXED(0xc0010015, 1, IGNORED, HWCR_TSC_FREQ),
	FIXED(0xc001001f, 1, IGNORED, 0),	/* NB_CFG */
	FIXED(0xc0010020, 1, IGNORED, 0),	/* PATCH_LOADER */
	FIXED(0xc0010055, 1, IGNORED, 0),	/* INTERRUPT_PENDING */
	FIXED(0xc0010058, 1, IGNORED, 0),	/* MMIO_CONF_BASE */
	FIXED(0xc0010061, 11, IGNORED, 0),	/* PSTATE_LIMIT and the states */
	FIXED(0xc0010112, 2, IGNORED, 0),	/* TSEG */
	FIXED(0xc0010140, 2, IGNORED, 0),	/* OSVW */
	FIXED(0xc0011020, 4, IGNORED, 0),	/* LS_CFG to DC_CFG */
	FIXED(0xc0011029, 1, IGNORED, DE_LFENCE),
	FIXED(0xc001102a, 1, IGNORED, 0),	/* BU_CFG2 */
	FIXED(0xc001102c, 1, IGNORED, 0),	/* EX_CFG */
};

static const struct msr *find_row(uint32_t index)
{
	for (const struct msr *m = table; m < table + HV_ARRAY(table); m++)
		if (index - m->first < m->count)
			return m;
	return NULL;
}

static uint64_t *row_value(struct hv_vcpu *v, const struct msr *m, uint32_t index)
{
	return (uint64_t *)((char *)v + m->at) + (index - m->first);
}

static bool types_valid(uint64_t val, uint32_t types, unsigned n)
{
	for (; n--; val >>= 8)
		if ((val & 0xff) > 7 || !(types >> (val & 7) & 1))
			return false;
	return true;
}

/* Intel SDM 3, "Variable Range MTRRs": base and type, mask and the valid bit, in turns. */
static bool mtrr_var_valid(const struct hv_vcpu *v, uint32_t index, uint64_t val)
{
	if (val >> v->phys_bits)
		return false;
	return index & 1 ? !(val & 0x7ff) : !(val & 0xf00) && types_valid(val, TYPES_MTRR, 1);
}

static bool mc_ctl_valid(uint64_t val)
{
	return !val || !(~val & ~(1ull << 10)); /* Linux clears that bit in one bank */
}

static bool row_valid(const struct hv_vcpu *v, const struct msr *m, uint32_t index, uint64_t val,
		      bool by_user)
{
	switch (m->rule) {
	case ANY:
		return !(val & ~m->mask);
	case CANONICAL:
		return hv_canonical(val);
	case MEM_TYPES:
		return types_valid(val, (uint32_t)m->mask, 8);
	case MTRR_VAR:
		return mtrr_var_valid(v, index, val);
	case DEFTYPE:
		return !(val & ~0xcffull) && types_valid(val, TYPES_MTRR, 1);
	case MC_CTL:
		return by_user || mc_ctl_valid(val);
	case MC_BANK: /* control, status, address, more, in turns */
		return by_user || (index & 3) > 1 || (index & 1 ? !val : mc_ctl_valid(val));
	case CONSTANT:
		return by_user && val == m->mask;
	default:
		return true;
	}
}

static int row_read(struct hv_vcpu *v, uint32_t index, uint64_t *val)
{
	const struct msr *m = find_row(index);

	if (!m)
		return -ENOENT;
	hv_need(v, m->group);
	*val = m->at ? *row_value(v, m, index) : m->mask;
	return 0;
}

static int row_write(struct hv_vcpu *v, uint32_t index, uint64_t val, bool by_user)
{
	const struct msr *m = find_row(index);

	if (!m)
		return -ENOENT;
	if (!row_valid(v, m, index, val, by_user))
		return -EINVAL;
	if (!m->at)
		return 0;
	hv_touch(v, m->group);
	*row_value(v, m, index) = val;
	return 0;
}

/* --- which accesses come here at all --- */

static bool is_x2apic(uint32_t index)
{
	return index >= MSR_X2APIC && index < MSR_X2APIC + 0x100;
}

static bool range_says(const struct hv_msr_range *r, uint32_t index)
{
	uint32_t i = index - r->base;

	return r->bits[i / 64] >> (i % 64) & 1;
}

/* The x2APIC's are never filtered: some of them never come here. */
static bool allowed(const struct hv_vm *vm, uint32_t index, bool write)
{
	const struct hv_msr_filter *f = &vm->filter;

	if (is_x2apic(index))
		return true;
	for (const struct hv_msr_range *r = f->range; r < f->range + f->n; r++)
		if ((write ? r->write : r->read) && index - r->base < r->count)
			return range_says(r, index);
	return !f->deny;
}

/* An MSR that the vendor switches need not make the guest exit, unless it is filtered. */
static void trap_filtered(struct hv_vcpu *v, uint32_t index)
{
	uint32_t trap = allowed(v->vm, index, false) ? 0 : HV_ACCESS_READ;

	trap |= allowed(v->vm, index, true) ? 0 : HV_ACCESS_WRITE;
	hv_vcpu_bind(v);
	hv_ops->set_msr_trap(v, index, trap);
}

void hv_msr_traps(struct hv_vcpu *v)
{
	static const uint32_t direct[] = {
		MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_STAR, MSR_LSTAR, MSR_CSTAR,
		MSR_SFMASK, MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
	};

	for (unsigned i = 0; i < HV_ARRAY(direct); i++)
		trap_filtered(v, direct[i]);
	hv_ops->set_msr_trap(v, MSR_SPEC_CTRL, HV_ACCESS_READ | HV_ACCESS_WRITE);
}

/* --- time --- */

static void move_tsc(struct hv_vcpu *v, uint64_t by)
{
	v->tsc_offset += by;
	hv_tsc_apply(v);
}

static void write_tsc(struct hv_vcpu *v, uint64_t val)
{
	uint64_t by = val - hv_guest_tsc(v);

	v->msr.tsc_adjust += by;
	move_tsc(v, by);
}

/*
 * The user sets one vCPU after the other and means the same time in all: what is within a second of
 * the last one, or 0 as at power-on, becomes equal to it, to the cycle.
 */
static void set_tsc(struct hv_vcpu *v, uint64_t val)
{
	uint64_t common = cpu_load(&v->vm->tsc_offset);
	uint64_t wanted = v->tsc_offset + val - hv_guest_tsc(v);
	int64_t apart = (int64_t)(wanted - common), second = (int64_t)v->tsc_khz * 1000;

	if (!val || (apart < second && -apart < second))
		wanted = common;
	cpu_store(&v->vm->tsc_offset, wanted);
	move_tsc(v, wanted - v->tsc_offset);
}

static void write_tsc_adjust(struct hv_vcpu *v, uint64_t val, bool by_user)
{
	uint64_t by = val - v->msr.tsc_adjust;

	v->msr.tsc_adjust = val;
	if (!by_user) /* the user has set the TSC itself as it is to be */
		move_tsc(v, by);
}

/* --- speculation --- */

/* Those that a guest has only if its CPUID says so. */
static bool absent(const struct hv_vcpu *v, uint32_t index)
{
	switch (index) {
	case MSR_SPEC_CTRL:
		return !v->spec_ctrl_allowed;
	case MSR_PRED_CMD:
		return !v->pred_cmd_allowed;
	case MSR_ARCH_CAPABILITIES:
		return !v->arch_capabilities_allowed;
	default:
		return false;
	}
}

static int write_spec_ctrl(struct hv_vcpu *v, uint64_t val, bool by_user)
{
	if (val & ~(by_user ? hv_spec_ctrl_host() : v->spec_ctrl_allowed))
		return -EINVAL;
	hv_touch(v, HV_MSR);
	v->st.spec_ctrl = val;
	if (val && !by_user) /* who uses it does so often */
		trap_filtered(v, MSR_SPEC_CTRL);
	return 0;
}

/* A barrier on this processor, before the guest goes on here. */
static int write_pred_cmd(struct hv_vcpu *v, uint64_t val)
{
	if (val & ~PRED_CMD_IBPB)
		return -EINVAL;
	if (val && hv_cap.pred_cmd) {
		hv_vcpu_bind(v);
		cpu_wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
	}
	return 0;
}

/* --- hypercall page --- */

enum { PAGE_STUBS = 128, STUB_SIZE = 32, STUB_CALL_AT = 5 };

static void make_stub(uint8_t stub[STUB_SIZE], uint8_t n)
{
	memset(stub, 0xcc, STUB_SIZE);
	memset(stub, 0, STUB_CALL_AT);
	stub[0] = 0xb8; /* mov $n,%eax */
	stub[1] = n;
	memcpy(&stub[STUB_CALL_AT], hv_cap.hypercall_insn, sizeof(hv_cap.hypercall_insn));
	stub[STUB_CALL_AT + sizeof(hv_cap.hypercall_insn)] = 0xc3; /* ret */
}

/* The address of a page in RAM, and which of one pages. */
static int write_hypercall_page(struct hv_vcpu *v, uint64_t val)
{
	uint8_t stub[STUB_SIZE];

	if (val & 0xfff)
		return -EINVAL;
	for (unsigned i = 0; i < PAGE_STUBS; i++) {
		make_stub(stub, (uint8_t)i);
		if (hv_mem_write(v, val + i * STUB_SIZE, stub, sizeof(stub)))
			return -EINVAL;
	}
	return 0;
}

static bool is_hypercall_page(const struct hv_vcpu *v, uint32_t index)
{
	return v->vm->xen_intercept && v->vm->xen_msr && index == v->vm->xen_msr;
}

/* --- all of them --- */

static int msr_read(struct hv_vcpu *v, uint32_t index, uint64_t *val)
{
	if (is_x2apic(index))
		return lapic_msr_read(v, index, val);
	switch ((int)index) {
	case MSR_TSC_DEADLINE:
		*val = lapic_deadline(v);
		return 0;
	case MSR_TSC:
		*val = hv_guest_tsc(v);
		return 0;
	case MSR_ARCH_CAPABILITIES:
		*val = hv_cap.arch_capabilities;
		return 0;
	default:
		*val = 0;
		return is_hypercall_page(v, index) ? 0 : row_read(v, index, val);
	}
}

static int msr_write(struct hv_vcpu *v, uint32_t index, uint64_t val, bool by_user)
{
	if (is_x2apic(index))
		return lapic_msr_write(v, index, val);
	if (is_hypercall_page(v, index))
		return write_hypercall_page(v, val);
	switch ((int)index) {
	case MSR_TSC_DEADLINE:
		lapic_set_deadline(v, val);
		return 0;
	case MSR_TSC:
		by_user ? set_tsc(v, val) : write_tsc(v, val);
		return 0;
	case MSR_TSC_ADJUST:
		write_tsc_adjust(v, val, by_user);
		return 0;
	case MSR_APIC_BASE:
		return lapic_set_base(v, val, by_user);
	case MSR_EFER:
		return hv_efer_write(v, val);
	case MSR_BIOS_SIGN_ID: /* a guest writes 0 before it asks for the version */
		if (by_user)
			v->msr.bios_sign = val;
		return 0;
	case MSR_DEBUGCTL: /* recording and stepping by branches: not done */
		return val & ~(uint64_t)(DEBUGCTL_LBR | DEBUGCTL_BTF) ? -EINVAL : 0;
	case MSR_SPEC_CTRL:
		return write_spec_ctrl(v, val, by_user);
	case MSR_PRED_CMD:
		return write_pred_cmd(v, val);
	case MSR_KVM_SYSTEM_TIME:
	case MSR_KVM_SYSTEM_TIME_OLD:
		v->clock_gpa = val;
		hv_vcpu_request(v, HV_REQ_CLOCK);
		return 0;
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_OLD:
		v->wall_gpa = val;
		hv_clock_write_wall(v);
		return 0;
	default:
		return row_write(v, index, val, by_user);
	}
}

int hv_msr_get(struct hv_vcpu *v, uint32_t index, uint64_t *val)
{
	int err;

	host_lock(&v->lock);
	err = msr_read(v, index, val);
	hv_vcpu_unlock(v);
	return err;
}

int hv_msr_set(struct hv_vcpu *v, uint32_t index, uint64_t val)
{
	int err;

	host_lock(&v->lock);
	err = msr_write(v, index, val, true);
	hv_vcpu_unlock(v);
	return err;
}

/* Those of v->st that the user wants to set all at once: would each be taken? */
bool hv_msr_group_valid(struct hv_vcpu *v, const struct hv_state *s)
{
	const char *st = (const char *)s - offsetof(struct hv_vcpu, st);

	for (const struct msr *m = table; m < table + HV_ARRAY(table); m++)
		if (m->group == HV_MSR &&
		    !row_valid(v, m, m->first, *(const uint64_t *)(st + m->at), true))
			return false;
	return !s->debugctl && !(s->spec_ctrl & ~hv_spec_ctrl_host());
}

/* INIT leaves all of them alone. The caller has made v->st anew, and writes all of it back. */
void hv_msr_reset(struct hv_vcpu *v, bool init)
{
	if (init)
		return;
	v->msr = (struct hv_dull_msrs){
		.misc_enable = MISC_FAST_STRING | MISC_BTS_UNAVAILABLE | MISC_PEBS_UNAVAILABLE,
		.bios_sign = MICROCODE,
	};
	v->st.pat = PAT_DEFAULT;
	v->xcr0 = XCR0_X87;
}

#define FOUR(i)	 (i), (i) + 1, (i) + 2, (i) + 3
#define EIGHT(i) FOUR(i), FOUR((i) + 4)

/* In the order in which they are to be set again: the TSC, then what counts by it. */
const uint32_t *hv_msr_list(unsigned *n)
{
	static const uint32_t list[] = {
		MSR_TSC, MSR_TSC_ADJUST, MSR_KVM_WALL_CLOCK, MSR_KVM_SYSTEM_TIME, MSR_KVM_PV_EOI,
		MSR_KVM_WALL_CLOCK_OLD, MSR_KVM_SYSTEM_TIME_OLD, MSR_STAR, MSR_LSTAR, MSR_CSTAR,
		MSR_SFMASK, MSR_KERNEL_GS_BASE, MSR_SYSENTER_CS, MSR_SYSENTER_ESP,
		MSR_SYSENTER_EIP, MSR_TSC_AUX, MSR_SPEC_CTRL, MSR_PAT, MSR_MISC_ENABLE,
		MSR_POWER_CTL, MSR_BIOS_SIGN_ID, MSR_MTRR_DEFTYPE, MSR_MTRR_FIX64K,
		MSR_MTRR_FIX16K, MSR_MTRR_FIX16K + 1, EIGHT(MSR_MTRR_FIX4K),
		EIGHT(MSR_MTRR_PHYSBASE0), EIGHT(MSR_MTRR_PHYSBASE0 + 8), MSR_MCG_STATUS,
		MSR_MCG_CTL, EIGHT(MSR_MC0_CTL), EIGHT(MSR_MC0_CTL + 8), EIGHT(MSR_MC0_CTL + 16),
		EIGHT(MSR_MC0_CTL + 24), EIGHT(MSR_MC0_CTL + 32), MSR_TSC_DEADLINE,
	};

	*n = HV_ARRAY(list);
	return list;
}

/* --- exits --- */

static int finish_read(struct hv_vcpu *v, const struct hv_exit *x, uint64_t val)
{
	v->st.gpr[HV_RAX] = (uint32_t)val;
	v->st.gpr[HV_RDX] = val >> 32;
	return hv_skip(v, x);
}

/* The user has put a value, or a fault, into what was asked. */
static int complete_msr(struct hv_vcpu *v)
{
	const struct hv_exit x = { .insn_len = (uint8_t)v->io.insn_len };

	if (v->user->msr.fault)
		return hv_raise_gp(v);
	if (v->io.in)
		return finish_read(v, &x, v->user->msr.data);
	return hv_skip(v, &x);
}

static int refuse(struct hv_vcpu *v, const struct hv_exit *x, uint32_t why, uint64_t val)
{
	struct hv_user *u = v->user;

	if (!(v->vm->msr_to_user & why))
		return hv_raise_gp(v);
	u->msr.index = (uint32_t)v->st.gpr[HV_RCX];
	u->msr.why = why;
	u->msr.data = x->msr.write ? val : 0;
	u->msr.fault = false;
	v->io.in = !x->msr.write;
	v->io.insn_len = x->insn_len;
	return hv_tell_user(v, x->msr.write ? HV_USER_MSR_WRITE : HV_USER_MSR_READ, complete_msr);
}

int hv_exit_msr(struct hv_vcpu *v, struct hv_exit *x)
{
	uint64_t val = v->st.gpr[HV_RDX] << 32 | (uint32_t)v->st.gpr[HV_RAX];
	uint32_t index = (uint32_t)v->st.gpr[HV_RCX];
	int err;

	if (!allowed(v->vm, index, x->msr.write))
		return refuse(v, x, HV_MSR_FILTERED, val);
	if (absent(v, index))
		err = -ENOENT;
	else
		err = x->msr.write ? msr_write(v, index, val, false) : msr_read(v, index, &val);
	if (err)
		return refuse(v, x, err == -ENOENT ? HV_MSR_UNKNOWN : HV_MSR_INVALID, val);
	return x->msr.write ? hv_skip(v, x) : finish_read(v, x, val);
}
