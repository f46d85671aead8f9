// SPDX-License-Identifier: GPL-2.0-only
/* The rig: VMs for tests, and what is expected of them. */
#include "rig.h"

enum { RAM_ORDER = 9, MORE_ORDER = 10, WATCHDOG_NS = 2000000000 }; /* of the machine's time */

static const char *const reasons[] = {
	"none", "io", "mmio", "window", "eoi", "shutdown", "debug", "hypercall", "msr read",
	"msr write", "internal error", "refused entry", "xen",
};

/* --- beginning and end --- */

static void make_vcpu(struct rig *r, unsigned id)
{
	static struct hv_cpuid leaves[HV_MAX_CPUID];

	bare_vcpu_init(&r->fpu[id]);
	CHECK_EQ(hv_vcpu_create(r->vm, id, &r->fpu[id], &r->vcpu[id]), 0);
	CHECK_EQ(hv_cpuid_set(r->vcpu[id], leaves, hv_cpuid_supported(leaves)), 0);
	CHECK_EQ(hv_mp_set(r->vcpu[id], HV_MP_RUN), 0);
}

void rig_slot(struct rig *r, unsigned id, uint64_t gpa, uint64_t len, uint64_t uaddr,
	      uint32_t flags)
{
	CHECK_EQ(hv_slot_set(r->vm, id, gpa, len, uaddr, flags), 0);
}

void rig_begin(struct rig *r, const struct bare_case *c)
{
	memset(r, 0, sizeof(*r));
	r->watchdog_ns = WATCHDOG_NS;
	CHECK_EQ(host_page_new(&r->ram, RAM_ORDER), 0);
	CHECK_EQ(hv_vm_create(&r->vm, &r->host), 0);
	rig_slot(r, 0, 0, G_RAM_SIZE, (uint64_t)r->ram.va, 0);
	make_vcpu(r, 0);
	r->v = r->vcpu[0];
	setup_memory(r, c->mode);
	if (c->mode != MODE_RESET)
		setup_vcpu(r->v, c->mode, (uint64_t)c->entry);
}

void rig_second(struct rig *r, enum rig_mode mode, char *entry)
{
	make_vcpu(r, 1);
	setup_vcpu(r->vcpu[1], mode, (uint64_t)entry);
}

void rig_more(struct rig *r, uint32_t flags)
{
	if (!r->more.va)
		CHECK_EQ(host_page_new(&r->more, MORE_ORDER), 0);
	rig_slot(r, 1, G_MORE, G_MORE_SIZE, (uint64_t)r->more.va, flags);
}

void rig_end(struct rig *r)
{
	if (r->vm)
		hv_vm_destroy(r->vm);
	r->vm = NULL;
	asm volatile("mov %0, %%db7" : : "r"(DR7_FIXED));
	host_page_del(&r->more, MORE_ORDER);
	host_page_del(&r->ram, RAM_ORDER);
}

/* --- running --- */

static void overdue(void *arg)
{
	struct rig *r = arg;

	bare_wish = HOST_SIGNAL;
	hv_vcpu_kick(r->v);
}

static void explain(struct rig *r, char *buf, size_t n, ...)
{
	__builtin_va_list args;

	__builtin_va_start(args, n);
	print_to(buf, n, "%s at %#lx:%#lx", args);
	__builtin_va_end(args);
}

/* What came back, and where the guest was. */
static const char *where(struct rig *r)
{
	static char buf[96];
	struct hv_state s;

	hv_vcpu_get(r->v, &s, HV_ALL);
	explain(r, buf, sizeof(buf), reasons[r->u.reason < HV_ARRAY(reasons) ? r->u.reason : 0],
		(unsigned long)s.seg[HV_CS].selector, (unsigned long)s.rip);
	return buf;
}

int rig_run(struct rig *r)
{
	static struct host_state before, after;
	struct host_timer watchdog;
	int err;

	host_timer_init(&watchdog, overdue, r);
	host_timer_arm(&watchdog, host_now_ns() + r->watchdog_ns);
	host_state_get(&before);
	err = hv_vcpu_run(r->v, &r->u, r->io, &r->stop);
	host_state_get(&after);
	host_timer_stop(&watchdog);
	host_state_compare(&before, &after);
	host_settled();
	if (bare_wish == HOST_SIGNAL) {
		bare_wish = HOST_GO_ON;
		fail("no end of it: last was %s", where(r));
	}
	return err;
}

static uint32_t io_value(const struct rig *r)
{
	uint32_t val = 0;

	memcpy(&val, r->io, r->u.io.size);
	return val;
}

enum hv_reason rig_go(struct rig *r)
{
	int err = rig_run(r);

	if (err)
		fail("hv_vcpu_run: %d, %s", err, where(r));
	if (r->u.reason != HV_USER_IO || r->u.io.in)
		return r->u.reason;
	if (r->u.io.port == P_FAIL)
		fail("the guest's line %u; last trap %lu error %#lx at %#lx cr2 %#lx", io_value(r),
		     rig_peek(r, T_VECTOR), rig_peek(r, T_ERROR), rig_peek(r, T_RIP),
		     rig_peek(r, T_CR2));
	if (r->u.io.port == P_TRAP)
		fail("exception %lu error %#lx at %#lx:%#lx cr2 %#lx", rig_peek(r, T_VECTOR),
		     rig_peek(r, T_ERROR), rig_peek(r, T_CS), rig_peek(r, T_RIP),
		     rig_peek(r, T_CR2));
	return r->u.reason;
}

void expect(struct rig *r, enum hv_reason reason)
{
	enum hv_reason is = rig_go(r);

	if (is != reason)
		fail("%s, not %s", where(r), reasons[reason]);
}

void expect_out(struct rig *r, uint16_t port, uint8_t size, uint32_t val)
{
	expect(r, HV_USER_IO);
	if (r->u.io.in || r->u.io.port != port || r->u.io.size != size || r->u.io.count != 1 ||
	    io_value(r) != val)
		fail("%s port %#x size %u count %u value %#x, not out %#x size %u value %#x",
		     r->u.io.in ? "in" : "out", r->u.io.port, r->u.io.size, r->u.io.count,
		     io_value(r), port, size, val);
}

void expect_step(struct rig *r, uint32_t n)
{
	expect_out(r, P_STEP, 4, n);
}

void expect_done(struct rig *r)
{
	expect(r, HV_USER_IO);
	if (r->u.io.in || r->u.io.port != P_DONE)
		fail("port %#x value %#x, not the end", r->u.io.port, io_value(r));
}

void expect_in(struct rig *r, uint16_t port, uint8_t size, uint32_t answer)
{
	expect(r, HV_USER_IO);
	if (!r->u.io.in || r->u.io.port != port || r->u.io.size != size || r->u.io.count != 1)
		fail("%s port %#x size %u count %u, not in %#x size %u", r->u.io.in ? "in" : "out",
		     r->u.io.port, r->u.io.size, r->u.io.count, port, size);
	memcpy(r->io, &answer, size);
}

static void expect_mmio(struct rig *r, uint64_t gpa, uint8_t len, bool write)
{
	expect(r, HV_USER_MMIO);
	if (r->u.mmio.gpa != gpa || r->u.mmio.len != len || r->u.mmio.write != write)
		fail("mmio %s %#lx size %u, not %s %#lx size %u",
		     r->u.mmio.write ? "write" : "read", r->u.mmio.gpa, r->u.mmio.len,
		     write ? "write" : "read", gpa, len);
}

void expect_mmio_read(struct rig *r, uint64_t gpa, uint8_t len, uint64_t answer)
{
	expect_mmio(r, gpa, len, false);
	memcpy(r->u.mmio.data, &answer, sizeof(answer));
}

void expect_mmio_write(struct rig *r, uint64_t gpa, uint8_t len, uint64_t val)
{
	expect_mmio(r, gpa, len, true);
	if (memcmp(r->u.mmio.data, &val, len)) {
		uint64_t is;

		memcpy(&is, r->u.mmio.data, sizeof(is));
		fail("mmio write of %#lx, not %#lx", is, val);
	}
}

/* --- the guest's memory --- */

uint8_t *rig_ram(struct rig *r, uint64_t gpa)
{
	if (gpa >= G_MORE)
		return (uint8_t *)r->more.va + (gpa - G_MORE);
	return (uint8_t *)r->ram.va + gpa;
}

uint64_t rig_peek(struct rig *r, uint64_t gpa)
{
	uint64_t val;

	memcpy(&val, rig_ram(r, gpa), sizeof(val));
	return val;
}

uint32_t rig_peek32(struct rig *r, uint64_t gpa)
{
	return (uint32_t)rig_peek(r, gpa);
}

void rig_poke(struct rig *r, uint64_t gpa, uint64_t val)
{
	memcpy(rig_ram(r, gpa), &val, sizeof(val));
}

void rig_poke32(struct rig *r, uint64_t gpa, uint32_t val)
{
	memcpy(rig_ram(r, gpa), &val, sizeof(val));
}

uint32_t rig_count(struct rig *r, unsigned vector)
{
	return rig_peek32(r, G_COUNTS + vector * 4);
}

void rig_enable_apic(struct rig *r)
{
	static uint8_t regs[1024];

	hv_lapic_get(r->v, regs);
	regs[APIC_SVR] = 0xff;
	regs[APIC_SVR + 1] = 1;
	CHECK_EQ(hv_lapic_set(r->v, regs), 0);
}
