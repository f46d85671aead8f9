/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions that C has no words for, as both vendors have them, and atomic operations. Those
 * that are privileged are for the core and the vendor files; never in a unit test.
 */
#ifndef HV_CPU_H
#define HV_CPU_H

#include "host_types.h"

static inline uint64_t cpu_rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}

static inline void cpu_wrmsr(uint32_t msr, uint64_t val)
{
	uint32_t lo = val & 0xffffffff, hi = val >> 32;

	asm volatile("wrmsr" : : "c"(msr), "a"(lo), "d"(hi) : "memory");
}

#ifndef HOST_OWN_TSC /* unit tests have one that stands still */
static inline uint64_t cpu_rdtsc(void)
{
	uint32_t lo, hi;

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}
#endif

static inline uint64_t cpu_xgetbv(void) /* XCR0 */
{
	uint32_t lo, hi;

	asm volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (uint64_t)hi << 32 | lo;
}

static inline void cpu_xsetbv(uint64_t val) /* XCR0 */
{
	asm volatile("xsetbv" : : "c"(0), "a"((uint32_t)val), "d"((uint32_t)(val >> 32)));
}

struct cpu_regs {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpu_regs cpu_cpuid(uint32_t leaf, uint32_t sub)
{
	struct cpu_regs r;

	asm volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
		     : "a"(leaf), "c"(sub));
	return r;
}

static inline void cpu_msr_switch(uint32_t msr, uint64_t from, uint64_t to)
{
	if (from != to)
		cpu_wrmsr(msr, to);
}

static inline uint64_t cpu_cr0(void)
{
	uint64_t v;

	asm volatile("mov %%cr0, %0" : "=r"(v));
	return v;
}

static inline uint64_t cpu_cr4(void)
{
	uint64_t v;

	asm volatile("mov %%cr4, %0" : "=r"(v));
	return v;
}

static inline uint64_t cpu_cr2(void)
{
	uint64_t v;

	asm volatile("mov %%cr2, %0" : "=r"(v));
	return v;
}

/* DR0 to DR3 */
static inline void cpu_read_breakpoints(uint64_t dr[4])
{
	asm volatile("mov %%db0, %0; mov %%db1, %1; mov %%db2, %2; mov %%db3, %3"
		     : "=r"(dr[0]), "=r"(dr[1]), "=r"(dr[2]), "=r"(dr[3]));
}

static inline void cpu_write_breakpoints(const uint64_t dr[4])
{
	asm volatile("mov %0, %%db0; mov %1, %%db1; mov %2, %%db2; mov %3, %%db3"
		     : : "r"(dr[0]), "r"(dr[1]), "r"(dr[2]), "r"(dr[3]));
}

/* Interrupts off, and as they were. */
static inline uint64_t cpu_irq_off(void)
{
	uint64_t flags;

	asm volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
	return flags;
}

static inline void cpu_irq_restore(uint64_t flags)
{
	asm volatile("pushq %0; popfq" : : "r"(flags) : "memory", "cc");
}

/* The order of every atomic operation below is the strongest, so that they pair by themselves. */
#define cpu_load(p)	   __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define cpu_store(p, v)	   __atomic_store_n(p, v, __ATOMIC_SEQ_CST)
#define cpu_or(p, v)	   __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST)   /* the value before */
#define cpu_and(p, v)	   __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST)  /* the value before */
#define cpu_add(p, v)	   __atomic_add_fetch(p, v, __ATOMIC_SEQ_CST)  /* the value after */
#define cpu_swap(p, v)	   __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST) /* the value before */
#define cpu_cas(p, old, v) /* bool; *old is what was found */ \
	__atomic_compare_exchange_n(p, old, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

#define HV_ARRAY(a) (sizeof(a) / sizeof((a)[0]))

#endif
