// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions on memory that is not RAM: the emulator's memory, and how an instruction waits for
 * the user. Each access beyond RAM is a fragment of at most 8 bytes. One that nobody here answers
 * makes the instruction stop; when the user has answered, it starts again from its beginning and
 * finds the answers in the fragments that it has got so far. So nothing is done twice; and what was
 * beyond RAM once stays so for this instruction, even if the user has put RAM there meanwhile.
 * A write has no answer: as long as nothing else follows for the user, the instruction goes on to
 * its end, and the user is told then.
 *
 * Missing: locked operations that cross a page, are not aligned or have 16 bytes are not atomic.
 *
 * References: Intel SDM 3, "The Local APIC Block Diagram", "Locked Atomic Operations".
 */
#include "core/core.h"

/* Iterations of a REP before the run loop has its turn. */
enum { REPEATS = 1024, FRAGMENT_BYTES = sizeof(((struct hv_fragment *)0)->data) };

static int complete_mmio(struct hv_vcpu *v);

/* --- fragments --- */

static unsigned first_part(unsigned n)
{
	return n < FRAGMENT_BYTES ? n : FRAGMENT_BYTES;
}

/* What an earlier run has had of these n bytes, and this one not yet; NULL: nothing. */
static struct hv_fragment *had_before(struct hv_vcpu *v, uint64_t gpa, unsigned n, bool write)
{
	for (struct hv_fragment *f = v->fragment; f < v->fragment + v->n_fragments; f++)
		if (!f->seen && f->gpa == gpa && f->len == first_part(n) && f->write == write)
			return f;
	return NULL;
}

/* The next access of this run: as an earlier one has left it, or a new one. NULL: too many. */
static struct hv_fragment *next_fragment(struct hv_vcpu *v, uint64_t gpa, unsigned n, bool write)
{
	struct hv_fragment *f = had_before(v, gpa, n, write);

	if (!f && v->n_fragments < HV_FRAGMENTS) {
		f = &v->fragment[v->n_fragments++];
		*f = (struct hv_fragment){ .gpa = gpa, .len = first_part(n), .write = write };
	}
	if (f)
		f->seen = true;
	return f;
}

/* Words of 32 bits, and reads within one; everything else reads 0 and writes nothing. */
static void access_lapic(struct hv_vcpu *v, struct hv_fragment *f)
{
	uint32_t off = f->gpa & (S2_PAGE - 1), val;

	if (f->write) {
		memcpy(&val, f->data, sizeof(val));
		if (f->len == 4 && !(off & 3))
			lapic_write(v, off, val);
	} else if ((off & 3) + f->len <= 4) {
		val = lapic_read(v, off & ~3u) >> 8 * (off & 3);
		memcpy(f->data, &val, f->len);
	}
}

static bool signal_event(struct hv_vcpu *v, const struct hv_fragment *f)
{
	uint64_t val = 0;

	if (!f->write || !v->vm->n_ioevents)
		return false;
	memcpy(&val, f->data, f->len);
	return hv_ioevent_signal(v->vm, false, f->gpa, val, f->len);
}

static void ask_user(struct hv_vcpu *v, const struct hv_fragment *f)
{
	struct hv_user *u = v->user;

	u->mmio.gpa = f->gpa;
	u->mmio.len = f->len;
	u->mmio.write = f->write;
	memcpy(u->mmio.data, f->data, sizeof(f->data));
	hv_tell_user(v, HV_USER_MMIO, complete_mmio);
}

/* Answers it here, or asks the user; not while he has a write to see. A debugger sees each step. */
static enum emul_result answer(struct hv_vcpu *v, struct hv_fragment *f)
{
	if (f->done)
		return EMUL_OK;
	f->done = true;
	if (lapic_covers(v, f->gpa))
		access_lapic(v, f);
	else
		f->done = signal_event(v, f);
	if (f->done)
		return EMUL_OK;
	if (v->posted) {
		v->n_fragments--; /* this one comes again, behind the write */
		return EMUL_RETRY;
	}
	ask_user(v, f);
	v->posted = f->done = f->write && !hv_stepped(v);
	return f->done ? EMUL_OK : EMUL_RETRY;
}

/* n bytes within a page that is not RAM. */
static enum emul_result access_device(struct hv_vcpu *v, uint64_t gpa, uint8_t *buf, unsigned n,
				      bool write)
{
	while (n) {
		struct hv_fragment *f = next_fragment(v, gpa, n, write);
		enum emul_result r;

		if (!f)
			return EMUL_UNHANDLED;
		if (write && !f->done)
			memcpy(f->data, buf, f->len);
		r = answer(v, f);
		if (r != EMUL_OK)
			return r;
		if (!write)
			memcpy(buf, f->data, f->len);
		gpa += f->len;
		buf += f->len;
		n -= f->len;
	}
	return EMUL_OK;
}

/* --- pieces of memory --- */

/* The APIC's page hides RAM. */
static const struct hv_slot *find_slot(struct hv_vcpu *v, uint64_t gpa)
{
	return lapic_covers(v, gpa) ? NULL : hv_slot_find(v, gpa);
}

static bool is_ram(struct hv_vcpu *v, uint64_t gpa)
{
	const struct hv_slot *s = find_slot(v, gpa);

	return s && !(s->flags & HV_SLOT_READONLY);
}

/* n bytes within a page. Only for memory is the vCPU unloaded. */
static enum emul_result read_piece(struct hv_vcpu *v, uint64_t gpa, void *buf, unsigned n)
{
	if (!had_before(v, gpa, n, false) && find_slot(v, gpa) && !hv_mem_read(v, gpa, buf, n))
		return EMUL_OK;
	return access_device(v, gpa, buf, n, false);
}

static enum emul_result write_piece(struct hv_vcpu *v, uint64_t gpa, const void *buf, unsigned n)
{
	if (!had_before(v, gpa, n, true) && is_ram(v, gpa) && !hv_mem_write(v, gpa, buf, n))
		return EMUL_OK;
	return access_device(v, gpa, (uint8_t *)buf, n, true);
}

static enum emul_result read_span(struct hv_vcpu *v, const struct hv_span *s, void *buf)
{
	enum emul_result r = read_piece(v, s->gpa[0], buf, s->len[0]);

	if (r == EMUL_OK && s->len[1])
		r = read_piece(v, s->gpa[1], (char *)buf + s->len[0], s->len[1]);
	return r;
}

/* RAM is written last: an instruction that starts again must find there what it has read. */
static enum emul_result write_span(struct hv_vcpu *v, const struct hv_span *s, const void *buf)
{
	const char *piece[2] = { buf, (const char *)buf + s->len[0] };
	unsigned first = s->len[1] && is_ram(v, s->gpa[0]);
	enum emul_result r = write_piece(v, s->gpa[first], piece[first], s->len[first]);

	if (r == EMUL_OK && s->len[1])
		r = write_piece(v, s->gpa[!first], piece[!first], s->len[!first]);
	return r;
}

/* --- the emulator's ops --- */

/*
 * Is this the operand that the exit has told the address of? So it is if there is but one in the
 * instruction (no string, no PUSH or POP) and the addresses agree as far as paging leaves them.
 */
static bool operand_known(struct hv_vcpu *v, unsigned seg, uint64_t off, unsigned n, bool write,
			  struct hv_span *s)
{
	const struct emul_insn *i = &v->emul.insn;
	uint64_t gpa = v->operand.gpa, linear = off;

	if (!v->operand.known || (write && !v->operand.write) || !i->has_modrm || !i->is_mem ||
	    off != i->ea || (i->map == 1 && (i->opcode == 0x8f || i->opcode == 0xff)))
		return false;
	if (v->emul.mode != EMUL_64 || seg == HV_FS || seg == HV_GS) {
		hv_need(v, HV_SEG);
		linear += v->st.seg[seg].base;
	}
	if (((linear ^ gpa) & (S2_PAGE - 1)) || (gpa & (S2_PAGE - 1)) + n > S2_PAGE)
		return false;
	*s = (struct hv_span){ .gpa = { gpa }, .len = { n } };
	return true;
}

static enum emul_result locate(struct emul *e, unsigned seg, uint64_t off, unsigned n, bool write,
			       struct hv_span *s)
{
	struct hv_vcpu *v = e->ctx;

	if (operand_known(v, seg, off, n, write, s) ||
	    !hv_operand(v, seg, off, n, write ? PF_WRITE : 0, s, &e->fault))
		return EMUL_OK;
	return EMUL_FAULT;
}

/* Code that cannot be reached in whole is fetched up to the end of its page, or byte by byte. */
static enum emul_result op_fetch(struct emul *e, unsigned off, uint8_t *buf, unsigned n,
				 unsigned *got)
{
	struct hv_vcpu *v = e->ctx;
	uint64_t at = e->mode == EMUL_64 ? e->rip + off : (uint32_t)(e->rip + off);
	struct hv_span s;

	if (hv_operand(v, HV_CS, at, n, PF_FETCH, &s, &e->fault)) {
		n = s.len[0] ? s.len[0] : 1;
		if (hv_operand(v, HV_CS, at, n, PF_FETCH, &s, &e->fault))
			return EMUL_FAULT;
	}
	*got = n;
	return hv_span_read(v, &s, buf) ? EMUL_UNHANDLED : EMUL_OK;
}

static enum emul_result op_read(struct emul *e, unsigned seg, uint64_t off, void *buf, unsigned n)
{
	struct hv_span s;
	enum emul_result r = locate(e, seg, off, n, false, &s);

	return r == EMUL_OK ? read_span(e->ctx, &s, buf) : r;
}

static enum emul_result op_write(struct emul *e, unsigned seg, uint64_t off, const void *buf,
				 unsigned n)
{
	struct hv_span s;
	enum emul_result r = locate(e, seg, off, n, true, &s);

	return r == EMUL_OK ? write_span(e->ctx, &s, buf) : r;
}

static enum emul_result exchange_ram(struct hv_vcpu *v, uint64_t gpa, const void *old,
				     const void *val, unsigned n)
{
	uint64_t before = 0, after = 0;
	int err;

	memcpy(&before, old, n);
	memcpy(&after, val, n);
	err = hv_mem_cmpxchg(v, gpa, &before, after, n);
	return !err ? EMUL_OK : err == -EAGAIN ? EMUL_RETRY : EMUL_UNHANDLED;
}

/* Beyond RAM, read and write are two accesses, and the read has been made already. */
static enum emul_result op_cmpxchg(struct emul *e, unsigned seg, uint64_t off, const void *old,
				   const void *val, unsigned n)
{
	struct hv_vcpu *v = e->ctx;
	uint8_t now[EMUL_DATA_MAX];
	struct hv_span s;
	enum emul_result r = locate(e, seg, off, n, true, &s);

	if (r != EMUL_OK)
		return r;
	if (!v->n_fragments && is_ram(v, s.gpa[0]) && (!s.len[1] || is_ram(v, s.gpa[1]))) {
		if (!s.len[1] && n <= 8 && !(s.gpa[0] & (n - 1)))
			return exchange_ram(v, s.gpa[0], old, val, n);
		r = read_span(v, &s, now);
		if (r != EMUL_OK || memcmp(now, old, n))
			return r == EMUL_OK ? EMUL_RETRY : r;
	}
	return write_span(v, &s, val);
}

static void op_read_xmm(struct emul *e, unsigned reg, void *buf)
{
	host_fpu_xmm(e->ctx, reg, buf, false);
}

static void op_write_xmm(struct emul *e, unsigned reg, const void *buf)
{
	host_fpu_xmm(e->ctx, reg, (void *)buf, true);
}

static uint16_t op_selector(struct emul *e, unsigned seg)
{
	struct hv_vcpu *v = e->ctx;

	hv_need(v, HV_SEG);
	return v->st.seg[seg].selector;
}

static enum emul_result op_load_segment(struct emul *e, unsigned seg, uint16_t selector)
{
	int err = hv_load_segment(e->ctx, seg, selector, &e->fault);

	return !err ? EMUL_OK : err == -EFAULT ? EMUL_FAULT : EMUL_UNHANDLED;
}

static const struct emul_ops guest_ops = {
	.fetch = op_fetch, .read = op_read, .write = op_write, .cmpxchg = op_cmpxchg,
	.read_xmm = op_read_xmm, .write_xmm = op_write_xmm, .selector = op_selector,
	.load_segment = op_load_segment,
};

/* --- instructions --- */

static void load_emulator(struct hv_vcpu *v)
{
	struct emul *e = &v->emul;

	hv_need(v, HV_MODE | HV_CR);
	e->ops = &guest_ops;
	e->ctx = v;
	memcpy(e->gpr, v->st.gpr, sizeof(e->gpr));
	e->rip = v->st.rip;
	e->rflags = v->st.rflags;
	e->mode = hv_mode(v);
	e->cpl = v->st.cpl;
	e->cr0 = v->st.cr0;
	e->cr4 = v->st.cr4;
	e->stack32 = v->st.seg[HV_SS].attr & SEG_DB;
}

/* What no memory holds, and what no table knows, is no instruction: #UD. */
int hv_fetch_insn(struct hv_vcpu *v)
{
	enum emul_result r;

	load_emulator(v);
	r = emul_decode(&v->emul, NULL, 0);
	if (r == EMUL_OK)
		return 0;
	if (r == EMUL_FAULT)
		hv_raise_fault(v, &v->emul.fault);
	else
		hv_raise(v, X86_UD);
	return -EFAULT;
}

/* It did not get through. Whatever it is, it is so again when the user has seen the write. */
static int stopped(struct hv_vcpu *v, enum emul_result r)
{
	if (v->posted || (r == EMUL_RETRY && v->complete))
		return HV_TO_USER;
	v->n_fragments = 0;
	if (r == EMUL_RETRY)
		return HV_AGAIN;
	if (r != EMUL_FAULT)
		return v->operand.known && v->operand.write ? hv_load_from_rom(v) :
			hv_internal_error(v, v->emul.insn.bytes, v->emul.insn.fetched);
	return hv_raise_fault(v, &v->emul.fault);
}

/* May the next iteration of a REP follow without a look at what else there is to do? */
static bool may_repeat(const struct hv_vcpu *v)
{
	return !hv_stepped(v) && !cpu_load(&v->requests) &&
	       !cpu_load(&v->lapic.timer_fired) && !hv_event_waiting(v);
}

/* A REP that has more to do goes on where it is when the user has seen its write. */
static int finished(struct hv_vcpu *v)
{
	if (!v->posted)
		return hv_insn_done(v, v->emul.rip);
	if (v->emul.rip != v->st.rip)
		v->complete = NULL;
	hv_insn_done(v, v->emul.rip);
	return HV_TO_USER;
}

static int emulate(struct hv_vcpu *v, const uint8_t *bytes, unsigned n)
{
	struct emul *e = &v->emul;
	uint8_t kept[EMUL_INSN_MAX];

	load_emulator(v);
	v->posted = false;
	for (unsigned i = 0; i < REPEATS; i++) {
		enum emul_result r;

		for (unsigned j = 0; j < v->n_fragments; j++)
			v->fragment[j].seen = false;
		r = emul_step(e, bytes, n);
		if (r != EMUL_OK)
			return stopped(v, r);
		v->n_fragments = 0;
		memcpy(v->st.gpr, e->gpr, sizeof(e->gpr));
		v->st.rflags = e->rflags;
		if (v->posted || e->rip != v->st.rip || !may_repeat(v))
			break;
		n = e->insn.len;
		memcpy(kept, e->insn.bytes, n);
		bytes = kept;
	}
	return finished(v);
}

static int complete_mmio(struct hv_vcpu *v)
{
	unsigned n = v->n_fragments;
	struct hv_fragment *f = &v->fragment[n ? n - 1 : 0];
	uint8_t kept[EMUL_INSN_MAX];

	if (!n && !may_repeat(v))
		return HV_AGAIN;
	f->done = true;
	if (!f->write)
		memcpy(f->data, v->user->mmio.data, sizeof(f->data));
	memcpy(kept, v->emul.insn.bytes, sizeof(kept));
	return emulate(v, kept, v->emul.insn.len);
}

/* A fault of the guest's page tables themselves says nothing of an operand. */
int hv_emulate(struct hv_vcpu *v, const struct hv_exit *x)
{
	v->operand.gpa = x->mem.gpa;
	v->operand.known = !(x->mem.access & (HV_ACCESS_WALK | HV_ACCESS_FETCH));
	v->operand.write = x->mem.access & HV_ACCESS_WRITE;
	v->n_fragments = 0;
	return emulate(v, x->insn, x->n_insn);
}
