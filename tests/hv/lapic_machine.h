/* SPDX-License-Identifier: GPL-2.0-only */
/* Four APICs without their vCPUs, and a guest's view of the first; for one test file each. */
#ifndef HV_LAPIC_MACHINE_H
#define HV_LAPIC_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_host.h"
#include "lapic/lapic_reg.h"

#define HELPER static inline

enum { CPUS = 4 };
static struct hv_vm vm;
static struct hv_vcpu vcpu[CPUS];
static struct hv_vcpu *const v = &vcpu[0];
static unsigned pokes[CPUS];

/* --- what the room needs of the core --- */

const struct hv_backend *hv_ops;
struct hv_caps hv_cap;

void hv_vcpu_poke(struct hv_vcpu *to)
{
	pokes[to->id]++;
}

void hv_vcpu_request(struct hv_vcpu *to, uint32_t request)
{
	to->requests |= request;
	hv_vcpu_poke(to);
}

/* There is no memory: nobody offers an EOI without an exit. */
int hv_mem_read(struct hv_vcpu *of, uint64_t gpa, void *buf, size_t n)
{
	return -EFAULT;
}

int hv_mem_write(struct hv_vcpu *of, uint64_t gpa, const void *buf, size_t n)
{
	return -EFAULT;
}

uint64_t hv_guest_tsc(const struct hv_vcpu *of)
{
	return cpu_rdtsc() + of->tsc_offset;
}

/* --- the machine under test --- */

HELPER uint32_t rd(unsigned reg)
{
	return lapic_read(v, reg * 16);
}

HELPER void wr(unsigned reg, uint32_t val)
{
	lapic_write(v, reg * 16, val);
}

HELPER uint64_t rdmsr(unsigned reg)
{
	uint64_t val = 0;

	assert_int_equal(lapic_msr_read(v, MSR_X2APIC + reg, &val), 0);
	return val;
}

HELPER void x2apic_on(struct hv_vcpu *of)
{
	assert_int_equal(lapic_set_base(of, of->lapic.base | APIC_BASE_X2APIC, false), 0);
}

HELPER int setup(void **state)
{
	fake_host_reset();
	memset(&vm, 0, sizeof(vm));
	memset(vcpu, 0, sizeof(vcpu));
	memset(pokes, 0, sizeof(pokes));
	vm.n_vcpus = CPUS;
	for (unsigned i = 0; i < CPUS; i++) {
		vcpu[i] = (struct hv_vcpu){ .vm = &vm, .id = i, .phys_bits = 48,
					    .x2apic_allowed = true, .tsc_khz = 2000000,
					    .tsc_ratio = 1ull << 32, .eoi_pending = -1 };
		vm.vcpu[i] = &vcpu[i];
		lapic_init(&vcpu[i]);
		lapic_reset(&vcpu[i], false);
		lapic_write(&vcpu[i], LAPIC_SVR * 16, 0x1ff);
	}
	return 0;
}

HELPER bool requested(struct hv_vcpu *of, unsigned vector)
{
	return of->lapic.reg[LAPIC_IRR + vector / 32] >> vector % 32 & 1;
}

/* Takes and ends everything that is deliverable: how many. */
HELPER unsigned drain(struct hv_vcpu *of, int expected)
{
	unsigned n = 0;
	int vector;

	lapic_timer_poll(of);
	while ((vector = lapic_pending(of)) >= 0) {
		assert_int_equal(vector, expected);
		lapic_take(of, vector);
		lapic_eoi(of);
		n++;
	}
	return n;
}

HELPER void check_errors(uint32_t expected)
{
	wr(LAPIC_ESR, 0);
	assert_int_equal(rd(LAPIC_ESR), expected);
}

#endif
