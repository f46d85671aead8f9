// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time for guests: the TSC's offset and rate, and kvmclock. All pages of a VM count from the same
 * moment, the VM's creation, by the TSC alone: so they agree to the nanosecond, between vCPUs and
 * with hv_clock_get(), and no page has to be written again while nothing changes.
 * Missing: steal time; hosts whose TSC stops or changes its pace, or that sleep meanwhile.
 *
 * Reference: the kernel's Documentation/virt/kvm/x86: msr.rst, timekeeping.rst.
 */
#include "core/core.h"

enum { CLOCK_ENABLE = 1 };				/* MSR_KVM_SYSTEM_TIME */
enum { CLOCK_TSC_STABLE = 1, CLOCK_GUEST_STOPPED = 2 };	/* flags */
enum { RATIO_SHIFT = 32, RATIO_BITS = 8 }; /* behind the point, and before it where least are */
enum { TOLERANCE_PPM = 250, NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

struct clock_page {
	uint32_t version; /* odd while it is written */
	uint32_t pad;
	uint64_t tsc, ns; /* at this TSC it was that late */
	uint32_t mul;	  /* ns = (ticks << shift) * mul >> 32 */
	int8_t shift;
	uint8_t flags;
	uint8_t pad2[2];
};

struct wall_page {
	uint32_t version, sec, nsec;
};

/* --- rates --- */

static uint64_t tsc_scale(uint64_t tsc, uint64_t ratio)
{
	return (unsigned __int128)tsc * ratio >> RATIO_SHIFT;
}

/* Nanoseconds per tick of khz (32 bits, not 0) as mul and shift, mul with its highest bit set. */
static void set_rate(struct clock_page *p, uint64_t khz)
{
	uint64_t num = NS_PER_MS, den = khz;

	p->shift = 0;
	for (; num >= den; den *= 2)
		p->shift++;
	for (; num * 2 < den; num *= 2)
		p->shift--;
	p->mul = (num << 32) / den;
}

/* As a guest does it with its page. */
static uint64_t ticks_ns(uint64_t ticks, uint64_t khz)
{
	struct clock_page p;

	set_rate(&p, khz);
	ticks = p.shift < 0 ? ticks >> -p.shift : ticks << p.shift;
	return (unsigned __int128)ticks * p.mul >> 32;
}

/* --- TSC --- */

uint64_t hv_guest_tsc(const struct hv_vcpu *v)
{
	return tsc_scale(cpu_rdtsc(), v->tsc_ratio) + v->tsc_offset;
}

void hv_tsc_apply(struct hv_vcpu *v)
{
	hv_vcpu_bind(v);
	hv_ops->set_tsc(v, v->tsc_offset, v->tsc_ratio);
	lapic_timer_update(v);
	hv_vcpu_request(v, HV_REQ_CLOCK);
}

uint64_t hv_tsc_khz_get(struct hv_vcpu *v)
{
	return cpu_load(&v->tsc_khz);
}

uint64_t hv_tsc_offset_get(struct hv_vcpu *v)
{
	return cpu_load(&v->tsc_offset);
}

/* The last one that the user sets is the VM's: vCPUs with the same one have the same TSC. */
void hv_tsc_offset_set(struct hv_vcpu *v, uint64_t offset)
{
	host_lock(&v->lock);
	v->tsc_offset = offset;
	cpu_store(&v->vm->tsc_offset, offset);
	hv_tsc_apply(v);
	hv_vcpu_unlock(v);
}

static bool same_rate(uint64_t a, uint64_t b)
{
	uint64_t apart = a > b ? a - b : b - a;

	return apart * 1000000 <= b * TOLERANCE_PPM;
}

/*
 * As if it had run at this rate since the VM's creation; the first vCPU that is set decides for the
 * others. Hosts measure their own rate anew at each boot: what is near it is taken for it.
 */
static void set_khz(struct hv_vcpu *v, uint64_t khz, uint64_t ratio)
{
	struct hv_vm *vm = v->vm;

	if (cpu_load(&vm->tsc_khz) != khz) {
		cpu_store(&vm->tsc_offset, v->tsc_offset + tsc_scale(vm->clock_tsc, v->tsc_ratio) -
						   tsc_scale(vm->clock_tsc, ratio));
		cpu_store(&vm->tsc_khz, khz);
	}
	v->tsc_offset = cpu_load(&vm->tsc_offset);
	v->tsc_khz = khz;
	v->tsc_ratio = ratio;
	hv_tsc_apply(v);
}

int hv_tsc_khz_set(struct hv_vcpu *v, uint64_t khz)
{
	uint64_t host_khz = host_tsc().khz, ratio = 1ull << RATIO_SHIFT;

	if (!khz || khz > UINT32_MAX)
		return -EINVAL;
	if (!same_rate(khz, host_khz)) {
		if (!hv_cap.tsc_scaling)
			return -EINVAL;
		ratio = (khz << RATIO_SHIFT) / host_khz;
		if (ratio >> (RATIO_SHIFT + RATIO_BITS))
			return -EINVAL;
	}
	host_lock(&v->lock);
	if (khz != v->tsc_khz)
		set_khz(v, khz, ratio);
	hv_vcpu_unlock(v);
	return 0;
}

/* --- kvmclock --- */

static uint64_t host_elapsed_ns(const struct hv_vm *vm)
{
	return ticks_ns(cpu_rdtsc() - vm->clock_tsc, host_tsc().khz);
}

uint64_t hv_clock_get(struct hv_vm *vm)
{
	return cpu_load(&vm->clock_ns) + host_elapsed_ns(vm);
}

void hv_clock_set(struct hv_vm *vm, uint64_t ns)
{
	cpu_store(&vm->clock_ns, ns - host_elapsed_ns(vm));
	HV_EACH_VCPU(v, vm)
		hv_vcpu_request(v, HV_REQ_CLOCK);
}

/* An address that is no RAM is the guest's own fault: it has no clock then. */
static void write_page(struct hv_vcpu *v, uint64_t gpa, uint32_t *version, void *page, size_t n)
{
	uint32_t *page_version = page; /* its first field */

	*page_version = *version | 1;
	if (hv_mem_write(v, gpa, page_version, sizeof(*page_version)))
		return;
	hv_mem_write(v, gpa + sizeof(uint32_t), page_version + 1, n - sizeof(uint32_t));
	*version = ++*page_version;
	hv_mem_write(v, gpa, page_version, sizeof(*page_version));
}

/* That it was stopped stays until the guest has taken note and cleared it. */
void hv_clock_update(struct hv_vcpu *v)
{
	uint64_t gpa = v->clock_gpa & ~(uint64_t)CLOCK_ENABLE;
	struct clock_page old, p = { 0 };

	if (!(v->clock_gpa & CLOCK_ENABLE) || hv_mem_read(v, gpa, &old, sizeof(old)))
		return;
	p.tsc = tsc_scale(v->vm->clock_tsc, v->tsc_ratio) + v->tsc_offset;
	p.ns = cpu_load(&v->vm->clock_ns);
	set_rate(&p, v->tsc_khz);
	p.flags = old.flags & CLOCK_GUEST_STOPPED;
	if (v->clock_paused)
		p.flags |= CLOCK_GUEST_STOPPED;
	/* may a guest compare what its processors read? */
	if (host_tsc().steady && v->tsc_offset == cpu_load(&v->vm->tsc_offset))
		p.flags |= CLOCK_TSC_STABLE;
	v->clock_paused = false;
	write_page(v, gpa, &v->clock_version, &p, sizeof(p));
}

int hv_clock_paused(struct hv_vcpu *v)
{
	int err = -EINVAL;

	host_lock(&v->lock);
	if (v->clock_gpa & CLOCK_ENABLE) {
		v->clock_paused = true;
		hv_vcpu_request(v, HV_REQ_CLOCK);
		err = 0;
	}
	host_unlock(&v->lock);
	return err;
}

/* What the time of day was when kvmclock was 0. */
void hv_clock_write_wall(struct hv_vcpu *v)
{
	uint64_t ns = host_wall_ns() - hv_clock_get(v->vm);
	struct wall_page p = { .sec = ns / NS_PER_S, .nsec = ns % NS_PER_S };
	uint32_t version;

	if (v->wall_gpa && !hv_mem_read(v, v->wall_gpa, &version, sizeof(version)))
		write_page(v, v->wall_gpa, &version, &p, sizeof(p));
}
