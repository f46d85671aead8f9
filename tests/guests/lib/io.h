/* SPDX-License-Identifier: GPL-2.0-only */
/* Ports, device memory and processor registers, for guests of all three widths. */
#ifndef GUESTS_IO_H
#define GUESTS_IO_H

#include <stdint.h>

static inline uint8_t in8(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint16_t in16(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint32_t in32(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline void out8(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline void out16(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static inline void out32(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

/* n words from or to one port, by a string instruction */
static inline void in16s(uint16_t port, void *p, unsigned n)
{
	__asm__ volatile("rep insw" : "+D"(p), "+c"(n) : "d"(port) : "memory");
}

static inline void out16s(uint16_t port, const void *p, unsigned n)
{
	__asm__ volatile("rep outsw" : "+S"(p), "+c"(n) : "d"(port) : "memory");
}

static inline volatile uint8_t *mem8(uintptr_t address)
{
	return (volatile uint8_t *)address;
}

static inline volatile uint16_t *mem16(uintptr_t address)
{
	return (volatile uint16_t *)address;
}

static inline volatile uint32_t *mem32(uintptr_t address)
{
	return (volatile uint32_t *)address;
}

static inline volatile uint64_t *mem64(uintptr_t address)
{
	return (volatile uint64_t *)address;
}

static inline uint64_t read_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static inline uint64_t read_msr(uint32_t n)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(n));
	return (uint64_t)high << 32 | low;
}

static inline void write_msr(uint32_t n, uint64_t v)
{
	__asm__ volatile("wrmsr" : : "c"(n), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

static inline void cpuid(uint32_t leaf, uint32_t regs[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(regs[0]), "=b"(regs[1]), "=c"(regs[2]), "=d"(regs[3])
			 : "a"(leaf), "c"(0));
}

static inline void interrupts_on(void)
{
	__asm__ volatile("sti" : : : "memory");
}

static inline void interrupts_off(void)
{
	__asm__ volatile("cli" : : : "memory");
}

/*
 * Sleeps until the next interrupt, which is taken before this returns. The lab's AMD processor may
 * take it before HLT, so there must be another one to come: docs/lab.md, "Traps".
 */
static inline void halt(void)
{
	__asm__ volatile("sti; hlt; cli" : : : "memory");
}

static inline void relax(void)
{
	__asm__ volatile("pause" : : : "memory");
}

#endif
