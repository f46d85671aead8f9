// SPDX-License-Identifier: GPL-2.0-only
/* The TSC's offset and rate, and kvmclock: what a guest computes is the time of the host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* in this order */
#include <cmocka.h>

#include "core/core.h"
#include "fake_host.h"

enum { CPUS = 2, PAGE_GPA = 0x1000, WALL_GPA = 0x2000, RAM = 0x3000 };

struct page {
	uint32_t version, pad;
	uint64_t tsc, ns;
	uint32_t mul;
	int8_t shift;
	uint8_t flags, pad2[2];
};

struct wall {
	uint32_t version, sec, nsec;
};

static struct hv_vm vm;
static struct hv_vcpu vcpu[CPUS];
static struct hv_vcpu *const v = &vcpu[0];
static uint8_t ram[RAM];
static unsigned writes, odd_writes;
static uint64_t set_offset, set_ratio;

/* --- what the file needs of the core --- */

struct hv_caps hv_cap;

static void fake_set_tsc(struct hv_vcpu *of, uint64_t offset, uint64_t ratio)
{
	assert_true(of->loaded);
	set_offset = offset;
	set_ratio = ratio;
}

static const struct hv_backend backend = { .set_tsc = fake_set_tsc };
const struct hv_backend *hv_ops = &backend;

void hv_vcpu_poke(struct hv_vcpu *to)
{
}

void hv_vcpu_request(struct hv_vcpu *to, uint32_t request)
{
	to->requests |= request;
}

void hv_vcpu_bind(struct hv_vcpu *of)
{
	of->loaded = true;
}

void hv_vcpu_unlock(struct hv_vcpu *of)
{
	of->loaded = false;
	host_unlock(&of->lock);
}

int hv_mem_read(struct hv_vcpu *of, uint64_t gpa, void *buf, size_t n)
{
	if (gpa > RAM || n > RAM - gpa)
		return -EFAULT;
	memcpy(buf, ram + gpa, n);
	return 0;
}

/* Whatever is written but the version itself is written under an odd one. */
int hv_mem_write(struct hv_vcpu *of, uint64_t gpa, const void *buf, size_t n)
{
	uint32_t version;

	if (gpa > RAM || n > RAM - gpa)
		return -EFAULT;
	memcpy(&version, ram + (gpa & ~0xfffull), sizeof(version));
	if (gpa & 0xfff)
		odd_writes += version & 1;
	memcpy(ram + gpa, buf, n);
	writes++;
	return 0;
}

/* --- the machine under test --- */

static int setup(void **state)
{
	fake_host_reset();
	memset(&vm, 0, sizeof(vm));
	memset(vcpu, 0, sizeof(vcpu));
	memset(ram, 0, sizeof(ram));
	memset(&hv_cap, 0, sizeof(hv_cap));
	writes = odd_writes = 0;
	vm.n_vcpus = CPUS;
	vm.clock_tsc = cpu_rdtsc();
	vm.tsc_offset = -vm.clock_tsc;
	for (unsigned i = 0; i < CPUS; i++) {
		vcpu[i] = (struct hv_vcpu){ .vm = &vm, .id = i, .tsc_khz = fake.tsc_khz,
					    .tsc_ratio = 1ull << 32, .tsc_offset = vm.tsc_offset };
		vm.vcpu[i] = &vcpu[i];
		lapic_timer_init(&vcpu[i]);
	}
	return 0;
}

static int teardown(void **state)
{
	return fake.mutexes || v->loaded ? -1 : 0;
}

static struct page page_of(struct hv_vcpu *of)
{
	struct page p;

	of->clock_gpa = PAGE_GPA | 1;
	hv_clock_update(of);
	memcpy(&p, ram + PAGE_GPA, sizeof(p));
	return p;
}

/* As the Linux guest does it. */
static uint64_t guest_ns(struct hv_vcpu *of, const struct page *p)
{
	uint64_t ticks = hv_guest_tsc(of) - p->tsc;

	ticks = p->shift < 0 ? ticks >> -p->shift : ticks << p->shift;
	return p->ns + (uint64_t)((unsigned __int128)ticks * p->mul >> 32);
}

static void assert_near(uint64_t a, uint64_t b, uint64_t apart)
{
	if (a - b > apart && b - a > apart)
		fail_msg("%llu and %llu are more than %llu apart", (unsigned long long)a,
			 (unsigned long long)b, (unsigned long long)apart);
}

/* --- tests --- */

static void test_guest_reads_time(void **state)
{
	static const uint64_t rates[] = { 1000, 999999, 1000000, 1000001, 1999998, 2000000, 3700123,
					  10000000 };

	for (unsigned i = 0; i < HV_ARRAY(rates); i++) {
		struct page p;
		uint64_t start;

		setup(NULL);
		fake.tsc_khz = rates[i];
		vm.clock_tsc = cpu_rdtsc();
		v->tsc_khz = rates[i];
		v->tsc_offset = vm.tsc_offset = -vm.clock_tsc;
		start = fake.now_ns;
		p = page_of(v);
		assert_true(p.mul >> 31);
		for (unsigned day = 0; day < 3; day++) {
			fake_host_advance(86400ull * 1000000000 + 12345);
			assert_near(guest_ns(v, &p), fake.now_ns - start, 1001 + 300000);
			assert_int_equal(guest_ns(v, &p), hv_clock_get(&vm));
		}
	}
}

/* Pages of different moments and vCPUs say the same, to the nanosecond. */
static void test_pages_agree(void **state)
{
	struct page a = page_of(v), b, c;

	fake_host_advance(3600ull * 1000000000 + 77);
	b = page_of(&vcpu[1]);
	c = page_of(v);
	assert_int_equal(guest_ns(v, &a), guest_ns(&vcpu[1], &b));
	assert_int_equal(guest_ns(v, &a), guest_ns(v, &c));
}

static void test_version(void **state)
{
	struct page p = page_of(v);

	assert_int_equal(p.version & 1, 0);
	assert_int_equal(odd_writes, 1);
	assert_int_equal(page_of(v).version, p.version + 2);
	assert_int_equal(odd_writes, 2);
}

static void test_disabled(void **state)
{
	v->clock_gpa = PAGE_GPA;
	hv_clock_update(v);
	assert_int_equal(writes, 0);
	assert_int_equal(hv_clock_paused(v), -EINVAL);
	v->clock_gpa = (RAM - 8) | 1;
	hv_clock_update(v); /* not in RAM */
	assert_int_equal(writes, 0);
}

static void test_flags(void **state)
{
	assert_int_equal(page_of(v).flags, 1);
	fake.tsc_unsteady = true;
	assert_int_equal(page_of(v).flags, 0);
	fake.tsc_unsteady = false;
	v->tsc_offset++; /* its TSC differs from the others' */
	assert_int_equal(page_of(v).flags, 0);
	v->tsc_offset--;
	v->requests = 0;
	assert_int_equal(hv_clock_paused(v), 0);
	assert_true(v->requests & HV_REQ_CLOCK);
	hv_clock_update(v);
	assert_int_equal(ram[PAGE_GPA + 29], 2 | 1);
	assert_int_equal(page_of(v).flags, 2 | 1); /* until the guest clears it */
	ram[PAGE_GPA + 29] = 0;
	assert_int_equal(page_of(v).flags, 1);
}

static void test_clock_set(void **state)
{
	struct page p;

	fake_host_advance(5000000000);
	assert_near(hv_clock_get(&vm), 5000000000, 2);
	hv_clock_set(&vm, 42000000000);
	assert_true(vcpu[0].requests & vcpu[1].requests & HV_REQ_CLOCK);
	assert_near(hv_clock_get(&vm), 42000000000, 0);
	p = page_of(v);
	assert_near(guest_ns(v, &p), 42000000000, 0);
	hv_clock_set(&vm, 7); /* back, before the VM's creation: the page still works */
	p = page_of(v);
	fake_host_advance(1000);
	assert_near(guest_ns(v, &p), 1007, 1);
}

static void test_wall(void **state)
{
	struct wall w;

	fake_host_advance(3000000000);
	v->wall_gpa = WALL_GPA;
	hv_clock_write_wall(v);
	memcpy(&w, ram + WALL_GPA, sizeof(w));
	assert_int_equal(w.version, 2);
	assert_near(w.sec * 1000000000ull + w.nsec + hv_clock_get(&vm), fake.wall_ns, 0);
	assert_true(w.nsec < 1000000000);
	assert_int_equal(odd_writes, 1);
	writes = 0;
	v->wall_gpa = 0;
	hv_clock_write_wall(v);
	v->wall_gpa = 1ull << 50;
	hv_clock_write_wall(v);
	assert_int_equal(writes, 0);
}

static void test_offset(void **state)
{
	hv_tsc_offset_set(v, 12345);
	assert_int_equal(hv_tsc_offset_get(v), 12345);
	assert_int_equal(set_offset, 12345);
	assert_int_equal(set_ratio, 1ull << 32);
	assert_int_equal(hv_guest_tsc(v), cpu_rdtsc() + 12345);
	assert_true(v->requests & HV_REQ_CLOCK);
	assert_false(v->loaded);
}

static void test_khz(void **state)
{
	assert_int_equal(hv_tsc_khz_get(v), 2000000);
	assert_int_equal(hv_tsc_khz_set(v, 0), -EINVAL);
	assert_int_equal(hv_tsc_khz_set(v, 1ull << 32), -EINVAL);
	assert_int_equal(hv_tsc_khz_set(v, 2000501), -EINVAL);
	assert_int_equal(hv_tsc_khz_set(v, 1999499), -EINVAL);
	assert_int_equal(hv_tsc_khz_set(v, 2000499), 0); /* as good as the same */
	assert_int_equal(hv_tsc_khz_get(v), 2000499);
	assert_int_equal(v->tsc_ratio, 1ull << 32);
	assert_int_equal(v->tsc_offset, vm.tsc_offset);
}

static void test_scaling(void **state)
{
	struct page p;

	hv_cap.tsc_scaling = true;
	fake_host_advance(1000000000);
	assert_int_equal(hv_tsc_khz_set(v, 2000000 * 256u), -EINVAL); /* no processor can */
	for (unsigned i = 0; i < CPUS; i++) {
		assert_int_equal(hv_tsc_khz_set(&vcpu[i], 3000000), 0);
		assert_int_equal(set_ratio, 3ull << 31);
		assert_near(hv_guest_tsc(&vcpu[i]), 3000000000, 2);
	}
	assert_int_equal(vcpu[0].tsc_offset, vcpu[1].tsc_offset);
	fake_host_advance(1000000000);
	assert_near(hv_guest_tsc(v), 6000000000, 2);
	p = page_of(v);
	assert_near(guest_ns(v, &p), 2000000000, 2);
	vcpu[1].tsc_ratio = 1ull << 32; /* as a vCPU that is made now */
	vcpu[1].tsc_khz = 2000000;
	assert_int_equal(hv_tsc_khz_set(&vcpu[1], 3000000), 0);
	assert_int_equal(hv_guest_tsc(v), hv_guest_tsc(&vcpu[1]));
	assert_int_equal(hv_tsc_khz_set(v, 2000000), 0);
	assert_near(hv_guest_tsc(v), 4000000000, 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_guest_reads_time), T(test_pages_agree), T(test_version), T(test_disabled),
		T(test_flags), T(test_clock_set), T(test_wall), T(test_offset), T(test_khz),
		T(test_scaling),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
