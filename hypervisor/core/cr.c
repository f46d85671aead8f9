// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control registers, debug registers and XCR0, as a guest writes them and as the user does.
 * Missing: LA57, protection keys, CET; no vendor is asked for them.
 *
 * References: Intel SDM 2, "MOV-Move to/from Control Registers", "XSETBV"; Intel SDM 3, "Control
 * Registers", "Operations that Invalidate TLBs and Paging-Structure Caches", "Debug Registers";
 * AMD APM 2, "System-Control Registers", "TLB Management".
 */
#include "core/core.h"

#define CR0_KNOWN (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | \
		   CR0_NW | CR0_CD | CR0_PG)
#define CR3_NO_FLUSH (1ull << 63)
#define CR3_PCID     0xfffull

/* --- what may stand in CR0, CR3, CR4 and EFER --- */

static bool pae_paging(const struct hv_control *c)
{
	return (c->cr0 & CR0_PG) && (c->cr4 & CR4_PAE) && !(c->efer & EFER_LMA);
}

bool hv_control_valid(const struct hv_vcpu *v, const struct hv_control *c)
{
	bool lma = c->efer & EFER_LMA;

	if (c->cr0 >> 32 || ((c->cr0 & CR0_PG) && !(c->cr0 & CR0_PE)) ||
	    ((c->cr0 & CR0_NW) && !(c->cr0 & CR0_CD)))
		return false;
	if ((c->cr4 & ~(v->cr4_allowed & hv_cap.cr4_guest)) || (c->efer & ~v->efer_allowed))
		return false;
	if (lma != ((c->efer & EFER_LME) && (c->cr0 & CR0_PG)))
		return false;
	if (lma)
		return (c->cr4 & CR4_PAE) && !(c->cr3 >> v->phys_bits);
	return !(c->cr4 & CR4_PCIDE);
}

static bool needs_pdptes(const struct hv_control *old, const struct hv_control *new, bool cr3)
{
	if (!pae_paging(new))
		return false;
	return cr3 || !pae_paging(old) || ((old->cr0 ^ new->cr0) & (CR0_CD | CR0_NW)) ||
	       ((old->cr4 ^ new->cr4) & (CR4_PSE | CR4_PGE | CR4_SMEP));
}

/* What invalidates translations by itself; the manuals of both vendors taken together. */
static bool needs_flush(const struct hv_control *old, const struct hv_control *new)
{
	uint64_t on = new->cr4 & ~old->cr4, off = old->cr4 & ~new->cr4;

	return ((old->cr0 ^ new->cr0) & CR0_PG) ||
	       ((on | off) & (CR4_PGE | CR4_PAE | CR4_PSE)) || (on & CR4_SMEP) || (off & CR4_PCIDE);
}

static struct hv_control control_now(struct hv_vcpu *v)
{
	hv_need(v, HV_CR | HV_MODE);
	return (struct hv_control){ v->st.cr0, v->st.cr3, v->st.cr4, v->st.efer };
}

static void flush_guest(struct hv_vcpu *v)
{
	hv_vcpu_bind(v);
	hv_ops->flush_tlb(v, false);
}

/* All of it or nothing. cr3: it is CR3 that is written; flush: whatever else has changed. */
static int change_control(struct hv_vcpu *v, const struct hv_control *new, bool cr3, bool flush)
{
	struct hv_control old = control_now(v);

	if (!hv_control_valid(v, new))
		return -EINVAL;
	if (needs_pdptes(&old, new, cr3) && hv_load_pdptes(v, new->cr3))
		return -EINVAL;
	hv_touch(v, HV_CR);
	v->st.cr0 = new->cr0;
	v->st.cr3 = new->cr3;
	v->st.cr4 = new->cr4;
	v->st.efer = new->efer;
	if (flush || needs_flush(&old, new))
		flush_guest(v);
	return 0;
}

/* Long mode becomes active, or ends, with paging: never in a 64-bit code segment. */
static int write_cr0(struct hv_vcpu *v, uint64_t val)
{
	struct hv_control c = control_now(v);
	bool paging = (c.cr0 ^ val) & CR0_PG;

	if (val >> 32)
		return -EINVAL;
	if (paging && (c.efer & EFER_LME) && (v->st.seg[HV_CS].attr & SEG_L))
		return -EINVAL;
	c.cr0 = (val & CR0_KNOWN) | CR0_ET;
	c.efer &= ~EFER_LMA;
	if ((c.cr0 & CR0_PG) && (c.efer & EFER_LME))
		c.efer |= EFER_LMA;
	return change_control(v, &c, false, false);
}

static int write_cr3(struct hv_vcpu *v, uint64_t val)
{
	struct hv_control c = control_now(v);
	bool keep = (c.cr4 & CR4_PCIDE) && (val & CR3_NO_FLUSH);

	c.cr3 = keep ? val & ~CR3_NO_FLUSH : val;
	return change_control(v, &c, true, !keep);
}

static int write_cr4(struct hv_vcpu *v, uint64_t val)
{
	struct hv_control c = control_now(v);

	if ((val & ~c.cr4 & CR4_PCIDE) && (c.cr3 & CR3_PCID))
		return -EINVAL;
	c.cr4 = val;
	return change_control(v, &c, false, false);
}

/* 0; -EINVAL: #GP. The vCPU lock is held; may sleep and leave the vCPU unbound. */
int hv_cr_write(struct hv_vcpu *v, unsigned cr, uint64_t val)
{
	switch (cr) {
	case 0:
		return write_cr0(v, val);
	case 2:
		hv_touch(v, HV_CR);
		v->st.cr2 = val;
		return 0;
	case 3:
		return write_cr3(v, val);
	case 4:
		return write_cr4(v, val);
	case 8:
		if (val > 15)
			return -EINVAL;
		lapic_set_cr8(v, (uint8_t)val);
		return 0;
	default:
		return -EINVAL;
	}
}

uint64_t hv_cr_read(struct hv_vcpu *v, unsigned cr)
{
	hv_need(v, HV_CR);
	switch (cr) {
	case 0:
		return v->st.cr0;
	case 2:
		return v->st.cr2;
	case 3:
		return v->st.cr3;
	case 4:
		return v->st.cr4;
	case 8:
		return lapic_cr8(v);
	default:
		return 0;
	}
}

/* LMA is the processor's: what is written there counts for nothing. */
int hv_efer_write(struct hv_vcpu *v, uint64_t val)
{
	struct hv_control c = control_now(v);

	if (((val ^ c.efer) & EFER_LME) && (c.cr0 & CR0_PG))
		return -EINVAL;
	c.efer = (val & ~EFER_LMA) | (c.efer & EFER_LMA);
	return change_control(v, &c, false, false);
}

/* --- exits: control registers --- */

enum { OP_GROUP7 = 0x01, OP_CLTS = 0x06, OP_READ_CR = 0x20, OP_READ_DR, OP_WRITE_CR, OP_WRITE_DR };
enum { GROUP7_LMSW = 6 };

static int finish_cr(struct hv_vcpu *v, const struct hv_exit *x, int err)
{
	return err ? hv_raise_gp(v) : hv_skip(v, x);
}

static int move_cr(struct hv_vcpu *v, const struct hv_exit *x)
{
	uint64_t *gpr = &v->st.gpr[x->cr.gpr % HV_GPRS];
	uint64_t mask = hv_mode(v) == EMUL_64 ? ~0ull : 0xffffffff;

	if (x->cr.write)
		return finish_cr(v, x, hv_cr_write(v, x->cr.cr, *gpr & mask));
	*gpr = hv_cr_read(v, x->cr.cr) & mask;
	return hv_skip(v, x);
}

/* It sets four bits, and PE it only sets. */
static int load_msw(struct hv_vcpu *v, const struct hv_exit *x)
{
	struct emul_fault f = { .vector = X86_GP, .has_error = true }; /* a device's register */
	const struct emul_insn *insn = &v->emul.insn;
	uint64_t bits = CR0_MP | CR0_EM | CR0_TS;
	uint16_t msw = (uint16_t)v->st.gpr[insn->rm % HV_GPRS];
	struct hv_span s;

	if (insn->is_mem && (hv_operand(v, insn->seg, insn->ea, sizeof(msw), 0, &s, &f) ||
			     hv_span_read(v, &s, &msw)))
		return hv_raise_fault(v, &f);
	hv_need(v, HV_CR);
	return finish_cr(v, x, hv_cr_write(v, 0, (v->st.cr0 & ~bits) | (msw & (bits | CR0_PE))));
}

/*
 * What stands at RIP now need not be what made the guest exit: another processor may have written
 * there. Then the guest runs what it finds.
 */
static int decoded_cr(struct hv_vcpu *v, struct hv_exit *x)
{
	const struct emul_insn *insn = &v->emul.insn;

	if (insn->map != 2)
		return HV_AGAIN;
	switch (insn->opcode) {
	case OP_READ_CR:
	case OP_WRITE_CR:
		x->cr.write = insn->opcode == OP_WRITE_CR;
		x->cr.cr = insn->lock ? 8 : insn->reg; /* LOCK: CR8 outside 64-bit mode, on AMD */
		x->cr.gpr = insn->rm;
		return move_cr(v, x);
	case OP_CLTS:
		return finish_cr(v, x, hv_cr_write(v, 0, hv_cr_read(v, 0) & ~CR0_TS));
	case OP_GROUP7:
		if ((insn->reg & 7) == GROUP7_LMSW)
			return load_msw(v, x);
		return HV_AGAIN;
	default:
		return HV_AGAIN;
	}
}

/* Decoded before it is done: afterwards, paging may show something else at RIP. */
int hv_exit_cr(struct hv_vcpu *v, struct hv_exit *x)
{
	bool unknown = x->cr.gpr == HV_GPR_UNKNOWN;

	if (unknown || !x->insn_len) {
		if (hv_fetch_insn(v))
			return HV_AGAIN;
		x->insn_len = v->emul.insn.len;
	}
	return unknown ? decoded_cr(v, x) : move_cr(v, x);
}

/* --- exits: debug registers --- */

static uint64_t *debug_register(struct hv_vcpu *v, unsigned dr)
{
	return dr < 4 ? &v->st.dr[dr] : dr == 6 ? &v->st.dr6 : &v->st.dr7;
}

static bool write_dr(struct hv_vcpu *v, unsigned dr, uint64_t val)
{
	if (dr >= 6 && val >> 32)
		return false;
	if (dr == 6)
		val = (val & DR6_KNOWN) | DR6_FIXED;
	else if (dr == 7)
		val = (val & DR7_KNOWN) | DR7_FIXED;
	hv_touch(v, HV_DR);
	*debug_register(v, dr) = val;
	return true;
}

/* DR7.GD: somebody wants to know of accesses, the guest or who debugs it from outside. */
static int general_detect(struct hv_vcpu *v)
{
	if (v->debug.hard_bp && (v->debug.dr7 & DR7_GD))
		return hv_tell_debugger(v, X86_DB, DR6_FIXED | DR6_BD);
	hv_touch(v, HV_DR);
	v->st.dr6 |= DR6_BD;
	v->st.dr7 &= ~DR7_GD;
	return hv_raise(v, X86_DB);
}

static int access_dr(struct hv_vcpu *v, const struct hv_exit *x)
{
	uint64_t *gpr = &v->st.gpr[x->dr.gpr % HV_GPRS];
	uint64_t mask = hv_mode(v) == EMUL_64 ? ~0ull : 0xffffffff;
	unsigned dr = x->dr.dr & 7;

	hv_need(v, HV_DR | HV_CR);
	if (dr == 4 || dr == 5) {
		if (v->st.cr4 & CR4_DE)
			return hv_raise(v, X86_UD);
		dr += 2;
	}
	if ((v->st.dr7 & DR7_GD) || (v->debug.hard_bp && (v->debug.dr7 & DR7_GD)))
		return general_detect(v);
	if (!x->dr.write)
		*gpr = *debug_register(v, dr) & mask;
	else if (!write_dr(v, dr, *gpr & mask))
		return hv_raise_gp(v);
	return hv_skip(v, x);
}

int hv_exit_dr(struct hv_vcpu *v, struct hv_exit *x)
{
	const struct emul_insn *insn = &v->emul.insn;

	if (x->dr.gpr != HV_GPR_UNKNOWN)
		return access_dr(v, x);
	if (hv_fetch_insn(v))
		return HV_AGAIN;
	if (insn->map != 2 || (insn->opcode != OP_READ_DR && insn->opcode != OP_WRITE_DR))
		return HV_AGAIN;
	x->insn_len = insn->len;
	x->dr.write = insn->opcode == OP_WRITE_DR;
	x->dr.dr = insn->reg;
	x->dr.gpr = insn->rm;
	return access_dr(v, x);
}

/* --- XCR0 --- */

static bool xcr0_valid(const struct hv_vcpu *v, uint64_t val)
{
	if (!(val & XCR0_X87) || (val & ~(v->xcr0_allowed | XCR0_X87)))
		return false;
	if ((val & XCR0_AVX) && !(val & XCR0_SSE))
		return false;
	if (!(val & XCR0_AVX512))
		return true;
	return (val & XCR0_AVX) && (val & XCR0_AVX512) == XCR0_AVX512;
}

int hv_exit_xsetbv(struct hv_vcpu *v, struct hv_exit *x)
{
	uint64_t val = v->st.gpr[HV_RDX] << 32 | (uint32_t)v->st.gpr[HV_RAX];

	hv_need(v, HV_CR | HV_MODE);
	if (!(v->st.cr4 & CR4_OSXSAVE))
		return hv_raise(v, X86_UD);
	if (v->st.cpl || (uint32_t)v->st.gpr[HV_RCX] || !xcr0_valid(v, val))
		return hv_raise_gp(v);
	v->xcr0 = val;
	return hv_skip(v, x);
}

uint64_t hv_xcr0_get(struct hv_vcpu *v)
{
	return cpu_load(&v->xcr0);
}

int hv_xcr0_set(struct hv_vcpu *v, uint64_t val)
{
	bool valid;

	host_lock(&v->lock);
	valid = xcr0_valid(v, val);
	if (valid)
		v->xcr0 = val;
	host_unlock(&v->lock);
	return valid ? 0 : -EINVAL;
}
