// SPDX-License-Identifier: GPL-2.0-only
/*
 * Port I/O: IN, OUT, INS, OUTS. The answer of an IN is in v->io_data when the user comes back; a
 * string instruction moves as many items at a time as there is room for, and is entered again until
 * its count is used up, so that interrupts get in between.
 *
 * Missing: ioevents for OUTS, whose items always go to the user, and for INS to devices; items of a
 * device's that cross a page (HV_USER_INTERNAL); more than one item at a time when DF is set.
 *
 * Reference: Intel SDM 2, "IN", "INS/INSB/INSW/INSD", "OUTS/OUTSB/OUTSW/OUTSD", "REP".
 */
#include "core/core.h"

/* RIP moves when nothing of a REP is left. */
static int io_done(struct hv_vcpu *v, bool more)
{
	return hv_insn_done(v, v->st.rip + (more ? 0 : v->io.insn_len));
}

/* --- registers by the instruction's address size --- */

static uint64_t addr_mask(const struct hv_vcpu *v)
{
	return v->io.addr_size == 8 ? ~0ull : (1ull << 8 * v->io.addr_size) - 1;
}

static void set_register(struct hv_vcpu *v, enum hv_gpr_name reg, uint64_t val)
{
	uint64_t *r = &v->st.gpr[reg];

	if (v->io.addr_size == 2)
		*r = (*r & ~0xffffull) | (val & 0xffff);
	else
		*r = val & addr_mask(v);
}

static enum hv_gpr_name index_register(const struct hv_vcpu *v)
{
	return v->io.in ? HV_RDI : HV_RSI;
}

/* --- when the user has answered --- */

/* Of 32 bits the upper half becomes zero; 8 and 16 bits leave the others as they are. */
static void store_in(struct hv_vcpu *v)
{
	uint32_t val = 0;

	memcpy(&val, v->io_data, v->io.size);
	if (v->io.size == 4)
		v->st.gpr[HV_RAX] = val;
	else
		memcpy(&v->st.gpr[HV_RAX], &val, v->io.size);
}

/* RCX that the user has made less meanwhile is used up: below 0 the guest would write on and on. */
static int end_string(struct hv_vcpu *v)
{
	enum hv_gpr_name reg = index_register(v);
	uint64_t count = v->io.count, left = 0, bytes;

	if (v->io.rep) {
		left = v->st.gpr[HV_RCX] & addr_mask(v);
		count = count < left ? count : left;
		left -= count;
		set_register(v, HV_RCX, left);
	}
	bytes = count * v->io.size;
	if (v->st.rflags & RFLAGS_DF)
		bytes = -bytes;
	set_register(v, reg, v->st.gpr[reg] + bytes);
	return io_done(v, left != 0);
}

/* The item of a device: what a port gave goes there, or it comes before a port gets it. */
static int ask_device(struct hv_vcpu *v, int (*then)(struct hv_vcpu *v))
{
	struct hv_user *u = v->user;

	u->mmio.gpa = v->io.span.gpa[0];
	u->mmio.len = v->io.size;
	u->mmio.write = v->io.in;
	memset(u->mmio.data, 0, sizeof(u->mmio.data));
	if (v->io.in)
		memcpy(u->mmio.data, v->io_data, v->io.size);
	return hv_tell_user(v, HV_USER_MMIO, then);
}

static int complete_string(struct hv_vcpu *v)
{
	if (v->io.in && v->io.device)
		return ask_device(v, end_string);
	if (v->io.in) /* ROM ignores it, and so does memory that the process has taken away */
		hv_span_write(v, &v->io.span, v->io_data);
	return end_string(v);
}

static int complete_io(struct hv_vcpu *v)
{
	if (v->io.string)
		return complete_string(v);
	if (v->io.in)
		store_in(v);
	return io_done(v, false);
}

static int ask_user(struct hv_vcpu *v, uint32_t count)
{
	v->io.count = count;
	v->user->io.port = v->io.port;
	v->user->io.size = v->io.size;
	v->user->io.in = v->io.in;
	v->user->io.count = count;
	return hv_tell_user(v, HV_USER_IO, complete_io);
}

/* --- string instructions --- */

/* How many items at once: 1 where each of them is to be seen by itself. */
static uint32_t batch(const struct hv_vcpu *v, uint64_t off, uint64_t left)
{
	uint64_t fit = (addr_mask(v) - off) / v->io.size;

	if (v->st.rflags & RFLAGS_DF || hv_stepped(v))
		return 1;
	if (fit > HV_IO_BYTES / v->io.size)
		fit = HV_IO_BYTES / v->io.size;
	if (fit > left)
		fit = left;
	return fit ? fit : 1;
}

static bool is_ram(struct hv_vcpu *v, const struct hv_span *s)
{
	return hv_slot_find(v, s->gpa[0]) && (!s->len[1] || hv_slot_find(v, s->gpa[1]));
}

/* Before the user is told: what INS reads from a port is gone when it cannot be stored. */
static bool ready_memory(struct hv_vcpu *v, const struct hv_span *s)
{
	return v->io.in ? is_ram(v, s) : !hv_span_read(v, s, v->io_data);
}

static int complete_outs_read(struct hv_vcpu *v)
{
	memcpy(v->io_data, v->user->mmio.data, v->io.size);
	return ask_user(v, 1);
}

static int device_io(struct hv_vcpu *v)
{
	if (v->io.span.len[1])
		return hv_internal_error(v, v->emul.insn.bytes, 0);
	return v->io.in ? ask_user(v, 1) : ask_device(v, complete_outs_read);
}

/* Where not all of them can be reached, as many as lie before the end of the page; or one. */
static int string_io(struct hv_vcpu *v)
{
	struct hv_span *s = &v->io.span;
	struct emul_fault f;
	uint64_t off = v->st.gpr[index_register(v)] & addr_mask(v);
	uint64_t left = v->io.rep ? v->st.gpr[HV_RCX] & addr_mask(v) : 1;
	uint32_t access = v->io.in ? PF_WRITE : 0, n = batch(v, off, left), whole;
	bool ready;
	int err;

	if (!left)
		return io_done(v, false);
	for (;;) {
		err = hv_operand(v, v->io.seg, off, n * v->io.size, access, s, &f);
		ready = !err && ready_memory(v, s);
		if (ready || n == 1)
			break;
		whole = s->len[0] / v->io.size;
		n = err && whole && whole < n ? whole : 1;
	}
	if (err)
		return hv_raise_fault(v, &f);
	v->io.device = !ready;
	return ready ? ask_user(v, n) : device_io(v);
}

/* --- the exit --- */

static int plain_io(struct hv_vcpu *v)
{
	uint32_t val = 0;

	if (v->io.in)
		return ask_user(v, 1);
	memcpy(&val, &v->st.gpr[HV_RAX], v->io.size);
	if (hv_ioevent_signal(v->vm, true, v->io.port, val, v->io.size))
		return io_done(v, false);
	memcpy(v->io_data, &val, v->io.size);
	return ask_user(v, 1);
}

/* What the hardware does not say is in the instruction. */
static int decode_io(struct hv_vcpu *v)
{
	int err = hv_fetch_insn(v);

	if (err)
		return err;
	v->io.insn_len = v->emul.insn.len;
	v->io.seg = v->io.in ? HV_ES : v->emul.insn.seg;
	v->io.addr_size = v->emul.insn.addr_size;
	return 0;
}

int hv_exit_io(struct hv_vcpu *v, struct hv_exit *x)
{
	v->io.port = x->io.port;
	v->io.size = x->io.size;
	v->io.in = x->io.in;
	v->io.string = x->io.string;
	v->io.rep = x->io.rep;
	v->io.seg = x->io.in ? HV_ES : x->io.seg;
	v->io.addr_size = x->io.addr_bits / 8;
	v->io.insn_len = x->insn_len;
	if ((!x->insn_len || (x->io.string && !x->io.addr_bits)) && decode_io(v))
		return HV_AGAIN;
	return x->io.string ? string_io(v) : plain_io(v);
}
