// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segmentation: from a segment and an offset to a linear address, in every mode.
 * Missing: alignment checks, EFER.LMSLE, LAM.
 *
 * References: Intel SDM 3, "Protected-Mode Memory Management", "Protection"; AMD APM 2,
 * "Segmented Virtual Memory".
 */
#include "core/core.h"

/* Types of code and data segments. */
enum { TYPE_WRITE_READ = 2, TYPE_DOWN = 4, TYPE_CODE = 8 };

enum emul_mode hv_mode(struct hv_vcpu *v)
{
	uint16_t attr;

	hv_need(v, HV_MODE | HV_CR);
	attr = v->st.seg[HV_CS].attr;
	if ((v->st.efer & EFER_LMA) && (attr & SEG_L))
		return EMUL_64;
	return attr & SEG_DB ? EMUL_32 : EMUL_16;
}

/* Real and virtual-8086 mode know of limits only. */
static bool no_rights(const struct hv_vcpu *v)
{
	return !(v->st.cr0 & CR0_PE) || (v->st.rflags & RFLAGS_VM);
}

/* CS was checked when it was loaded, and what real mode leaves there may be a data segment. */
static bool rights_ok(const struct hv_seg *s, uint32_t access)
{
	if (access & PF_FETCH)
		return true;
	if (!(s->attr & SEG_P) || !(s->attr & SEG_S))
		return false;
	if (s->attr & TYPE_CODE)
		return !(access & PF_WRITE) && (s->attr & TYPE_WRITE_READ);
	return !(access & PF_WRITE) || (s->attr & TYPE_WRITE_READ);
}

static bool limit_ok(const struct hv_seg *s, uint64_t off, unsigned n)
{
	uint64_t last = off + n - 1;

	if ((s->attr & (TYPE_CODE | TYPE_DOWN)) == TYPE_DOWN)
		return off > s->limit && last <= (s->attr & SEG_DB ? 0xffffffffu : 0xffffu);
	return last >= off && last <= s->limit;
}

int hv_linear(struct hv_vcpu *v, unsigned seg, uint64_t off, unsigned n, uint32_t access,
	      uint64_t *linear, struct emul_fault *f)
{
	enum emul_mode mode = hv_mode(v);
	const struct hv_seg *s = &v->st.seg[seg];
	bool ok;

	if (mode != EMUL_64 || seg == HV_FS || seg == HV_GS)
		hv_need(v, HV_SEG);
	if (mode == EMUL_64) {
		*linear = off + (seg == HV_FS || seg == HV_GS ? s->base : 0);
		ok = hv_canonical(*linear) && hv_canonical(*linear + n - 1);
	} else {
		*linear = (uint32_t)(s->base + off);
		ok = limit_ok(s, off, n) && (no_rights(v) || rights_ok(s, access));
	}
	if (ok)
		return 0;
	*f = (struct emul_fault){ .vector = seg == HV_SS ? X86_SS : X86_GP, .has_error = true };
	return -EFAULT;
}
