// SPDX-License-Identifier: GPL-2.0-only
/*
 * What exits share that stand for an instruction: where its operands are, and what is to be done
 * when it is through. Outside 64-bit mode RIP is cut to 32 bits; code that runs beyond 64 KiB of a
 * 16-bit segment gets the #GP of its next fetch, as on a processor.
 *
 * References: Intel SDM 3, "Masking Exceptions and Interrupts When Switching Stacks", "Single-Step
 * Exception Condition"; AMD APM 2, "Debug Exceptions".
 */
#include "core/core.h"

/* --- operands --- */

int hv_span_find(struct hv_vcpu *v, uint64_t linear, unsigned n, uint32_t access,
		 struct hv_span *s, struct emul_fault *f)
{
	unsigned room = S2_PAGE - linear % S2_PAGE;
	uint64_t next = linear + room;

	s->len[0] = n < room ? n : room;
	s->len[1] = 0;
	if (hv_walk(v, linear, access, &s->gpa[0], f))
		return -EFAULT;
	if (n <= room)
		return 0;
	if (!(linear >> 32) && hv_mode(v) != EMUL_64)
		next = (uint32_t)next;
	if (hv_walk(v, next, access, &s->gpa[1], f))
		return -EFAULT;
	s->len[1] = n - room;
	return 0;
}

int hv_operand(struct hv_vcpu *v, unsigned seg, uint64_t off, unsigned n, uint32_t access,
	       struct hv_span *s, struct emul_fault *f)
{
	uint64_t linear;

	s->len[0] = 0;
	hv_need(v, HV_MODE);
	if (v->st.cpl == 3)
		access |= PF_USER;
	if (hv_linear(v, seg, off, n, access, &linear, f))
		return -EFAULT;
	return hv_span_find(v, linear, n, access, s, f);
}

int hv_span_read(struct hv_vcpu *v, const struct hv_span *s, void *buf)
{
	int err = hv_mem_read(v, s->gpa[0], buf, s->len[0]);

	if (!err && s->len[1])
		err = hv_mem_read(v, s->gpa[1], (char *)buf + s->len[0], s->len[1]);
	return err;
}

int hv_span_write(struct hv_vcpu *v, const struct hv_span *s, const void *buf)
{
	bool ok = !hv_mem_write(v, s->gpa[0], buf, s->len[0]);

	if (s->len[1])
		ok &= !hv_mem_write(v, s->gpa[1], (const char *)buf + s->len[0], s->len[1]);
	return ok ? 0 : -EFAULT;
}

/* --- the end of an instruction --- */

/* The trap behind an instruction that began with TF set; it is the debugger's, if there is one. */
static int single_step(struct hv_vcpu *v)
{
	if (v->debug.step)
		return hv_tell_debugger(v, X86_DB, DR6_FIXED | DR6_BS);
	hv_touch(v, HV_DR);
	v->st.dr6 |= DR6_BS;
	return hv_raise(v, X86_DB);
}

/*
 * Only where RIP crosses 4 GiB is it of interest which mode this is. Where it stays, a REP goes on,
 * and a breakpoint on it is not to fire again.
 */
int hv_insn_done(struct hv_vcpu *v, uint64_t rip)
{
	if (rip >> 32 != v->st.rip >> 32 && hv_mode(v) != EMUL_64)
		rip = (uint32_t)rip;
	if (rip != v->st.rip)
		v->st.rflags &= ~RFLAGS_RF;
	v->st.rip = rip;
	hv_need(v, HV_EVENT);
	if (v->st.shadow_sti || v->st.shadow_movss) {
		hv_touch(v, HV_EVENT);
		v->st.shadow_sti = v->st.shadow_movss = false;
	}
	return hv_stepped(v) ? single_step(v) : HV_AGAIN;
}

/*
 * The length of an instruction that the exit has named, if it begins with its opcode: then it has
 * no prefix, and there is nothing to decode. 0: it may have one.
 */
static unsigned bare_len(struct hv_vcpu *v, enum hv_exit_kind kind)
{
	static const uint8_t opcodes[HV_EXIT_KINDS] = {
		[HV_EXIT_HLT] = 0xf4, [HV_EXIT_MSR] = 0x0f, [HV_EXIT_CPUID] = 0x0f,
	};
	uint8_t opcode = opcodes[kind], first;
	uint64_t linear, gpa;
	struct emul_fault f;

	hv_need(v, HV_MODE | HV_CR | HV_EVENT); /* and what hv_insn_done() asks for */
	if (!opcode || hv_linear(v, HV_CS, v->st.rip, 1, PF_FETCH, &linear, &f) ||
	    hv_walk(v, linear, PF_FETCH | (v->st.cpl == 3 ? PF_USER : 0), &gpa, &f) ||
	    hv_mem_read(v, gpa, &first, 1) || first != opcode)
		return 0;
	return opcode == 0x0f ? 2 : 1;
}

int hv_skip(struct hv_vcpu *v, const struct hv_exit *x)
{
	unsigned len = x->insn_len ? x->insn_len : bare_len(v, x->kind);

	if (!len) {
		if (hv_fetch_insn(v))
			return HV_AGAIN;
		len = v->emul.insn.len;
	}
	return hv_insn_done(v, v->st.rip + len);
}
