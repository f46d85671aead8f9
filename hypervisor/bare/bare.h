/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the bare machine share, and what a program on it (the tests) may use. */
#ifndef BARE_BARE_H
#define BARE_BARE_H

#include "cpu.h"
#include "host.h"

/* --- console.c: the first serial port --- */

void console_init(void);
void console_flush(void); /* until the last character is on the line */
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A subset of printf: c d i u x p s %, with 0, #, width and l; cut to n bytes with the zero. */
void print_to(char *buf, size_t n, const char *fmt, __builtin_va_list args);

/* --- main.c --- */

/* Ends the machine with a verdict. */
void machine_end(bool ok) __attribute__((noreturn));
/* The hypervisor did what host.h does not allow: says so, and ends. */
void bug(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
#define BUG_ON(cond)                                                           \
	do {                                                                   \
		if (cond)                                                      \
			bug("%s: %s", __func__, #cond);                        \
	} while (0)

/* The program that the machine runs: its words on the command line, true when all is well. */
bool bare_program(const char *words);

/* --- memory.c --- */

struct multiboot_info;
void memory_init(const struct multiboot_info *info);
uint64_t memory_used(void); /* pages, by whoever */

/* --- traps.c --- */

enum { TRAP_NMI = 2, TRAP_TIMER = 0x40, TRAP_TEST = 0x41, TRAP_SPURIOUS = 0xff };
void traps_init(void);
uint64_t traps_seen(unsigned vector);

/* --- time.c: the clock by the TSC, timers by the local APIC --- */

void time_init(void);
void time_interrupt(void); /* TRAP_TIMER has come */
uint32_t apic_read(uint32_t reg);
void apic_write(uint32_t reg, uint32_t val);
enum { APIC_ID = 0x20, APIC_TPR = 0x80, APIC_EOI = 0xb0, APIC_SVR = 0xf0, APIC_ICR = 0x300 };

/* --- host.c --- */

enum { BARE_MOVED = 8, BARE_XSAVE = 4096 };

/*
 * vm->host. A user address is the machine's own address, but for the pages that have been moved (so
 * that invalidation has something to do), and where that is shared it may not be written.
 */
struct bare_vm {
	bool huge; /* frames are said to be mapped by 2 MiB */
	struct bare_moved {
		uint64_t uaddr, pa;
		bool shared; /* until it is asked for to be written */
	} moved[BARE_MOVED];
	unsigned n_moved;
	unsigned frames; /* got and not put */
	uint64_t gets;
};

/* v->host: extended state, while it is not in the registers. */
struct bare_vcpu {
	uint8_t xsave[BARE_XSAVE] __attribute__((aligned(64)));
};
void bare_vcpu_init(struct bare_vcpu *h); /* as INIT leaves it */

/* What host_wish() says, until it is taken back. */
extern unsigned bare_warnings; /* lines of the log */
extern volatile enum host_wish bare_wish;
/* Sleep is allowed here. BUG otherwise. */
void host_may_sleep(void);
/* Every promise kept: nothing locked, interrupts on, preemption on. BUG otherwise. */
void host_settled(void);

static inline void outb(uint16_t port, uint8_t val)
{
	asm volatile("outb %0, %1" : : "a"(val), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t val;

	asm volatile("inb %1, %0" : "=a"(val) : "Nd"(port));
	return val;
}

static inline bool interrupts_on(void)
{
	uint64_t flags;

	asm volatile("pushfq; popq %0" : "=r"(flags));
	return flags & 0x200;
}

#endif
