// SPDX-License-Identifier: GPL-2.0-only
/*
 * Task switches of 32-bit and 16-bit guests. The processor has checked who may switch; what it
 * checks after that, and the switch itself, is here. And segments that are loaded by instructions
 * which are emulated, or whose descriptor is in ROM.
 *
 * Reference: Intel SDM 3, "Task Management": "Task Switching", and its tables of exceptions and of
 * the busy flag, NT and the link; AMD APM 2, "Task Management".
 */
#include "core/core.h"

enum { TSS_LINK = 0, TSS_CR3 = 0x1c, TSS_TRAP = 0x64, TSS_MAX = 0x68 };
enum { TYPE_AVAILABLE = 1, TYPE_BUSY = 2, TYPE_32 = 8, TYPE_LDT = 2 };	  /* system segments */
enum { TYPE_ACCESSED = 1, TYPE_RW = 2, TYPE_CONFORMING = 4, TYPE_CODE = 8 }; /* the others */

/* From start on: EIP, EFLAGS, eight registers, segments, LDT, as words of width. */
static const struct layout {
	uint8_t start, width, segs, limit;
} tss16 = { 0x0e, 2, 4, 0x2b }, tss32 = { 0x20, 4, 6, 0x67 };
enum { WORD_EIP, WORD_EFLAGS, WORD_GPR, WORD_SEG = WORD_GPR + 8 };

struct task {
	struct hv_vcpu *v;
	enum hv_task_source source;
	uint32_t ext;	     /* bit 0 of error codes: nothing that the program did */
	struct hv_seg tss;   /* the new one */
	uint64_t descriptor; /* where its descriptor is */
	uint8_t image[TSS_MAX];
	struct emul_fault f;
};

static int fault(struct task *t, uint8_t vector, uint16_t selector)
{
	t->f = (struct emul_fault){ .vector = vector, .has_error = true,
				    .error = (selector & 0xfffc) | t->ext };
	return -EFAULT;
}

/* --- memory --- */

/* access: PF_WRITE, PF_USER. Without buf it is only found out whether it could be done. */
static int access_linear(struct task *t, uint64_t linear, void *buf, unsigned n, uint32_t access)
{
	struct hv_span s;
	int err = 0;

	if (hv_span_find(t->v, linear, n, access, &s, &t->f))
		return -EFAULT;
	if (buf && access & PF_WRITE)
		err = hv_span_write(t->v, &s, buf);
	else if (buf)
		err = hv_span_read(t->v, &s, buf);
	return err ? fault(t, X86_GP, 0) : 0; /* tables and stacks in a device's registers */
}

static struct hv_seg unpack(uint16_t selector, uint64_t raw)
{
	struct hv_seg s = {
		.selector = selector,
		.base = (raw >> 16 & 0xffffff) | (raw >> 32 & 0xff000000),
		.limit = (uint32_t)((raw & 0xffff) | (raw >> 32 & 0xf0000)),
		.attr = raw >> 40 & 0xf0ff,
	};

	if (s.attr & SEG_G)
		s.limit = s.limit << 12 | 0xfff;
	return s;
}

/* *linear: where it is. */
static int read_descriptor(struct task *t, uint16_t selector, uint8_t vector, struct hv_seg *s,
			   uint64_t *linear)
{
	const struct hv_state *st = &t->v->st;
	const struct hv_seg *ldt = &st->seg[HV_LDTR];
	bool local = selector & 4;
	uint64_t raw;

	if ((local && !(ldt->attr & SEG_P)) ||
	    (selector | 7u) > (local ? ldt->limit : st->gdt.limit))
		return fault(t, vector, selector);
	*linear = (local ? ldt->base : st->gdt.base) + (selector & ~7u);
	if (!(st->efer & EFER_LMA)) /* where there is long mode, only instructions come here */
		*linear = (uint32_t)*linear;
	if (access_linear(t, *linear, &raw, sizeof(raw), 0))
		return -EFAULT;
	*s = unpack(selector, raw);
	return 0;
}

/* The byte of a descriptor with type, DPL and P. */
static int write_rights(struct task *t, uint64_t descriptor, uint16_t attr)
{
	uint8_t byte = (uint8_t)attr;

	return access_linear(t, descriptor + 5, &byte, 1, PF_WRITE);
}

/* --- out of the old task --- */

static const struct layout *layout_of(const struct hv_seg *tss)
{
	return tss->attr & TYPE_32 ? &tss32 : &tss16;
}

static uint32_t get_word(const struct task *t, const struct layout *l, unsigned word)
{
	uint32_t val = 0;

	memcpy(&val, &t->image[l->start + word * l->width], l->width);
	return val;
}

static bool nests(const struct task *t)
{
	return t->source == HV_TASK_CALL || t->source == HV_TASK_GATE;
}

static int find_tss(struct task *t, uint16_t selector)
{
	bool returns = t->source == HV_TASK_IRET;
	uint8_t vector = returns ? X86_TS : X86_GP;

	if (!(selector & 0xfffc) || (selector & 4))
		return fault(t, vector, selector);
	if (read_descriptor(t, selector, vector, &t->tss, &t->descriptor))
		return -EFAULT;
	if ((t->tss.attr & (SEG_S | SEG_TYPE) & ~TYPE_32) !=
	    (returns ? TYPE_AVAILABLE | TYPE_BUSY : TYPE_AVAILABLE))
		return fault(t, vector, selector);
	if (!(t->tss.attr & SEG_P))
		return fault(t, X86_NP, selector);
	if (t->tss.limit < layout_of(&t->tss)->limit)
		return fault(t, X86_TS, selector);
	return 0;
}

/* All that the switch touches is there, before anything changes. */
static int check_memory(struct task *t)
{
	const struct hv_seg *old = &t->v->st.seg[HV_TR];
	const struct layout *from = layout_of(old), *to = layout_of(&t->tss);

	if (!(old->attr & SEG_P) || old->limit < from->limit)
		return fault(t, X86_TS, old->selector);
	if (access_linear(t, (uint32_t)old->base, NULL, from->limit + 1, PF_WRITE))
		return -EFAULT;
	return access_linear(t, (uint32_t)t->tss.base, NULL, to->limit + 1,
			     nests(t) ? PF_WRITE : 0);
}

static int save_old(struct task *t, uint64_t rip)
{
	const struct hv_state *st = &t->v->st;
	const struct layout *l = layout_of(&st->seg[HV_TR]);
	uint32_t word[WORD_SEG + 6] = { (uint32_t)rip, (uint32_t)st->rflags };
	unsigned n = WORD_SEG + l->segs;
	uint8_t image[sizeof(word)];

	if (t->source == HV_TASK_IRET)
		word[WORD_EFLAGS] &= ~(uint32_t)RFLAGS_NT;
	for (unsigned i = 0; i < 8; i++)
		word[WORD_GPR + i] = (uint32_t)st->gpr[i];
	for (unsigned i = 0; i < l->segs; i++)
		word[WORD_SEG + i] = st->seg[i].selector;
	for (unsigned i = 0; i < n; i++)
		memcpy(&image[i * l->width], &word[i], l->width);
	return access_linear(t, (uint32_t)st->seg[HV_TR].base + l->start, image, n * l->width,
			     PF_WRITE);
}

/* Busy flags and the link: a task that nested another stays busy. */
static int mark_tasks(struct task *t)
{
	uint16_t old = t->v->st.seg[HV_TR].selector;
	struct hv_seg s;
	uint64_t linear;

	if (!nests(t) && (read_descriptor(t, old, X86_TS, &s, &linear) ||
			  write_rights(t, linear, s.attr & ~TYPE_BUSY)))
		return -EFAULT;
	t->tss.attr |= TYPE_BUSY;
	if (t->source != HV_TASK_IRET && write_rights(t, t->descriptor, t->tss.attr))
		return -EFAULT;
	if (!nests(t))
		return 0;
	return access_linear(t, (uint32_t)t->tss.base + TSS_LINK, &old, sizeof(old), PF_WRITE);
}

static int leave_old(struct task *t, uint64_t rip)
{
	if (check_memory(t) || save_old(t, rip) || mark_tasks(t))
		return -EFAULT;
	return access_linear(t, (uint32_t)t->tss.base, t->image, layout_of(&t->tss)->limit + 1, 0);
}

/* --- into the new one: what goes wrong from here on is the new task's fault --- */

static bool rights_valid(unsigned seg, const struct hv_seg *s, unsigned cpl)
{
	unsigned dpl = (s->attr & SEG_DPL) >> SEG_DPL_SHIFT, rpl = s->selector & 3;
	bool code = s->attr & TYPE_CODE, conforming = code && (s->attr & TYPE_CONFORMING);
	bool rw = s->attr & TYPE_RW;

	if (seg == HV_LDTR)
		return !(s->selector & 4) && (s->attr & (SEG_S | SEG_TYPE)) == TYPE_LDT;
	if (seg == HV_TR)
		return !(s->selector & 4) &&
		       (s->attr & (SEG_S | SEG_TYPE) & ~TYPE_32) == TYPE_AVAILABLE;
	if (!(s->attr & SEG_S))
		return false;
	if (seg == HV_CS)
		return code && (conforming ? dpl <= rpl : dpl == rpl);
	if (seg == HV_SS)
		return !code && rw && dpl == cpl && rpl == cpl;
	return (!code || rw) && (conforming || (dpl >= cpl && dpl >= rpl));
}

/* vector: of what is wrong with it, #TS in a task switch. */
static uint8_t absent_vector(unsigned seg, uint8_t vector)
{
	return seg == HV_SS ? X86_SS : seg == HV_LDTR && vector == X86_TS ? X86_TS : X86_NP;
}

/* What is read from linear becomes *s when it is found good; TSSs become busy. */
static int take_segment(struct task *t, unsigned seg, struct hv_seg *s, uint64_t linear,
			uint8_t vector)
{
	uint16_t mark = s->attr & SEG_S ? TYPE_ACCESSED : seg == HV_TR ? TYPE_BUSY : 0;

	if (!rights_valid(seg, s, t->v->st.cpl))
		return fault(t, vector, s->selector);
	if (!(s->attr & SEG_P))
		return fault(t, absent_vector(seg, vector), s->selector);
	if (mark & ~s->attr) {
		s->attr |= mark;
		if (write_rights(t, linear, s->attr))
			return -EFAULT;
	}
	t->v->st.seg[seg] = *s;
	return 0;
}

static int load_segment(struct task *t, unsigned seg)
{
	uint16_t selector = t->v->st.seg[seg].selector;
	struct hv_seg s;
	uint64_t linear;

	if (!(selector & 0xfffc))
		return seg == HV_CS || seg == HV_SS ? fault(t, X86_TS, selector) : 0;
	if (read_descriptor(t, selector, X86_TS, &s, &linear))
		return -EFAULT;
	return take_segment(t, seg, &s, linear, X86_TS);
}

static int load_segments(struct task *t)
{
	static const uint8_t order[] = { HV_LDTR, HV_CS, HV_SS, HV_DS, HV_ES, HV_FS, HV_GS };
	bool vm86 = t->v->st.rflags & RFLAGS_VM;
	int err = 0;

	for (unsigned i = 0; i < (vm86 ? 1 : sizeof(order)) && !err; i++)
		err = load_segment(t, order[i]);
	return err;
}

/* Selectors as they stand, nothing behind them; but an entry needs some CS, and CPL in SS. */
static void set_selectors(struct task *t, const struct layout *l)
{
	struct hv_state *st = &t->v->st;
	uint16_t cs = (uint16_t)get_word(t, l, WORD_SEG + HV_CS);

	st->cpl = st->rflags & RFLAGS_VM ? 3 : cs & 3;
	for (unsigned i = HV_ES; i <= HV_GS; i++) {
		uint16_t dpl = (uint16_t)(st->cpl << SEG_DPL_SHIFT);
		uint16_t selector = i < l->segs ? (uint16_t)get_word(t, l, WORD_SEG + i) : 0;

		st->seg[i] = (struct hv_seg){ .selector = selector, .limit = 0xffff, .attr = dpl };
		if (i == HV_CS)
			st->seg[i].attr |= SEG_P | SEG_S | TYPE_CODE | TYPE_RW | TYPE_ACCESSED;
		if (st->rflags & RFLAGS_VM) {
			st->seg[i].base = selector << 4;
			st->seg[i].attr = SEG_P | SEG_S | SEG_DPL | TYPE_RW | TYPE_ACCESSED;
		}
	}
	st->seg[HV_LDTR] = (struct hv_seg){
		.selector = (uint16_t)get_word(t, l, WORD_SEG + l->segs),
	};
}

/* An NMI that came by a task gate masks the next one; IRET lets it in. */
static void finish_event(struct task *t)
{
	struct hv_vcpu *v = t->v;

	v->st.shadow_sti = v->st.shadow_movss = false;
	if (t->source == HV_TASK_IRET)
		v->st.nmi_masked = false;
	if (t->source == HV_TASK_GATE) {
		v->st.nmi_masked |= v->interrupted.type == HV_EV_NMI;
		v->interrupted.type = HV_EV_NONE;
	}
}

static int enter_new(struct task *t)
{
	const struct layout *l = layout_of(&t->tss);
	struct hv_state *st = &t->v->st;
	uint32_t cr3;

	hv_touch(t->v, HV_SEG | HV_CR | HV_DR | HV_EVENT);
	finish_event(t);
	st->seg[HV_TR] = t->tss;
	st->cr0 |= CR0_TS;
	st->dr7 &= ~DR7_LOCAL;
	st->rip = get_word(t, l, WORD_EIP);
	st->rflags = (get_word(t, l, WORD_EFLAGS) & RFLAGS_KNOWN) | RFLAGS_RESERVED1;
	if (nests(t))
		st->rflags |= RFLAGS_NT;
	for (unsigned i = 0; i < 8; i++)
		st->gpr[i] = get_word(t, l, WORD_GPR + i);
	set_selectors(t, l);
	memcpy(&cr3, &t->image[TSS_CR3], sizeof(cr3));
	if (l == &tss32 && (st->cr0 & CR0_PG) && hv_cr_write(t->v, 3, cr3))
		return fault(t, X86_TS, t->tss.selector);
	return load_segments(t);
}

static int push_error(struct task *t, uint32_t error)
{
	struct hv_state *st = &t->v->st;
	unsigned width = layout_of(&t->tss)->width;
	uint64_t mask = st->seg[HV_SS].attr & SEG_DB ? 0xffffffff : 0xffff;
	uint64_t off = (st->gpr[HV_RSP] - width) & mask;
	struct hv_span s;

	if (hv_operand(t->v, HV_SS, off, width, PF_WRITE, &s, &t->f))
		return -EFAULT;
	if (hv_span_write(t->v, &s, &error))
		return fault(t, X86_GP, 0);
	st->gpr[HV_RSP] = (st->gpr[HV_RSP] & ~mask) | off;
	return 0;
}

/* --- the exit --- */

/* Instructions are behind them when they come back; exceptions and interrupts are not. */
static int find_return(struct hv_vcpu *v, const struct hv_exit *x, uint64_t *rip)
{
	const struct hv_event *ev = &v->interrupted;
	unsigned len = x->insn_len;

	*rip = v->st.rip;
	if (x->task.source == HV_TASK_GATE && ev->type != HV_EV_SOFT &&
	    !(ev->type == HV_EV_EXCEPTION && (ev->vector == X86_BP || ev->vector == X86_OF)))
		return 0;
	if (!len && hv_fetch_insn(v))
		return -EFAULT;
	*rip += len ? len : v->emul.insn.len;
	return 0;
}

/* A TSS with T set: a trap before the first instruction of its task. */
static void trap(struct task *t)
{
	if (layout_of(&t->tss) == &tss32 && (t->image[TSS_TRAP] & 1)) {
		t->v->st.dr6 |= DR6_BT;
		hv_raise(t->v, X86_DB);
	}
}

int hv_exit_task(struct hv_vcpu *v, struct hv_exit *x)
{
	struct task t = { .v = v, .source = x->task.source };
	uint64_t rip;

	if (find_return(v, x, &rip))
		return HV_AGAIN;
	hv_need(v, HV_SEG | HV_CR | HV_DR | HV_EVENT);
	t.ext = t.source == HV_TASK_GATE && rip == v->st.rip;
	if (find_tss(&t, x->task.selector) || leave_old(&t, rip) || enter_new(&t) ||
	    (x->task.has_error && push_error(&t, x->task.error)))
		return hv_raise_fault(v, &t.f);
	trap(&t);
	return HV_AGAIN;
}

/* --- segments by themselves --- */

/* Only the stack's in 64-bit mode may be none, and data segments. */
static int load_null(struct task *t, unsigned seg, uint16_t selector)
{
	struct hv_state *st = &t->v->st;
	struct hv_seg none = { .selector = selector };

	if (seg == HV_CS || seg == HV_TR)
		return fault(t, X86_GP, 0);
	if (seg == HV_SS) {
		if (hv_mode(t->v) != EMUL_64 || st->cpl == 3 || selector != st->cpl)
			return fault(t, X86_GP, 0);
		none.attr = (uint16_t)(st->cpl << SEG_DPL_SHIFT);
	}
	st->seg[seg] = none;
	return 0;
}

/* Those of the system have 16 bytes in long mode; there, a code segment is of one mode only. */
static int load_described(struct task *t, unsigned seg, uint16_t selector)
{
	struct hv_state *st = &t->v->st;
	bool long_mode = st->efer & EFER_LMA, system = seg == HV_LDTR || seg == HV_TR;
	uint64_t linear, high = 0;
	struct hv_seg s;

	if (read_descriptor(t, selector, X86_GP, &s, &linear) ||
	    (system && long_mode && access_linear(t, linear + 8, &high, sizeof(high), 0)))
		return -EFAULT;
	s.base |= high << 32;
	if (seg == HV_CS) {
		if (!(s.attr & SEG_S))
			return -EINVAL;
		if ((selector & 3) > st->cpl || (long_mode && !(~s.attr & (SEG_L | SEG_DB))))
			return fault(t, X86_GP, selector);
		s.selector = (selector & ~3) | st->cpl;
	}
	return take_segment(t, seg, &s, linear, X86_GP);
}

int hv_load_segment(struct hv_vcpu *v, unsigned seg, uint16_t selector, struct emul_fault *f)
{
	struct hv_state *st = &v->st;
	struct task t = { .v = v };
	int err = 0;

	hv_need(v, HV_SEG | HV_CR);
	hv_touch(v, HV_SEG);
	if (!(st->cr0 & CR0_PE) || (st->rflags & RFLAGS_VM)) {
		st->seg[seg].selector = selector;
		st->seg[seg].base = selector << 4;
	} else if (!(selector & 0xfffc)) {
		err = load_null(&t, seg, selector);
	} else {
		err = load_described(&t, seg, selector);
	}
	*f = t.f;
	return err;
}

/* --- descriptors in ROM --- */

/* RIP and selector, as LTR leaves and has them, or as a far return finds them on the stack. */
int hv_load_from_rom(struct hv_vcpu *v)
{
	const struct emul_insn *in = &v->emul.insn;
	unsigned opcode = in->map << 8 | in->opcode, seg = opcode == 0x1cb ? HV_CS : HV_TR;
	uint32_t far[2] = { (uint32_t)v->st.rip + in->len, (uint32_t)v->st.gpr[in->rm] };
	struct task t = { .v = v };
	struct hv_seg s;
	struct hv_span at;
	uint64_t linear;

	hv_need(v, HV_SEG);
	if (v->emul.mode != EMUL_32 ||
	    (seg == HV_TR && (v->st.cpl || opcode != 0x200 || in->reg != 3 || in->is_mem)) ||
	    (seg == HV_CS &&
	     (in->op_size != 4 || hv_operand(v, HV_SS, v->st.gpr[HV_RSP], 8, 0, &at, &t.f) ||
	      hv_span_read(v, &at, far) || (far[1] & 3) != v->st.cpl)) ||
	    read_descriptor(&t, (uint16_t)far[1], X86_GP, &s, &linear))
		return hv_internal_error(v, in->bytes, in->fetched);
	hv_touch(v, HV_SEG);
	v->st.seg[seg] = s;
	v->st.seg[seg].attr |= seg == HV_CS ? TYPE_ACCESSED : TYPE_BUSY;
	v->st.gpr[HV_RSP] += seg == HV_CS ? 8 : 0;
	return hv_insn_done(v, far[0]);
}
