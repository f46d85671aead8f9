/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every guest has: a serial port to report to, checks, and an end. It prints `start` first,
 * with each check `ok NAME` or `bad NAME got X want Y`, and in the end `done COUNT`; the verdict
 * goes to the exit port.
 */
#ifndef GUESTS_GUEST_H
#define GUESTS_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DRIVE_NONE = 0xff }; /* boot_drive of a guest that was started as the firmware */
enum { VERDICT_GOOD = 0, VERDICT_BAD = 100 };

extern uint32_t boot_drive;

/* The guest's own: what it checks. When it returns, the guest ends. */
void guest_main(void);
__attribute__((noreturn)) void guest_begin(void); /* from boot/ */
__attribute__((noreturn)) void guest_end(void);
/* For guests that end otherwise: prints `done COUNT`, and says whether all was good. */
bool guest_summary(void);
/* Gives up: something that all else rests on is not there. */
__attribute__((noreturn)) void guest_fail(const char *why);

/* Knows %s, %u, %x (32 bits), %llx. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

bool check(const char *name, uint32_t got, uint32_t want);
bool check64(const char *name, uint64_t got, uint64_t want);
bool check_true(const char *name, bool got);
bool check_range(const char *name, uint32_t got, uint32_t low, uint32_t high);
/* want, give or take so many percent */
bool check_near(const char *name, uint32_t got, uint32_t want, unsigned percent);

/* a * b / c, which must fit 32 bits */
static inline uint32_t muldiv(uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t high;

	__asm__("mull %2; divl %3" : "+a"(a), "=&d"(high) : "r"(b), "r"(c) : "cc");
	return a;
}

void *memset(void *p, int v, size_t n);
void *memcpy(void *to, const void *from, size_t n);
int memcmp(const void *a, const void *b, size_t n);

/* The firmware's memory map, as 32- and 64-bit guests found it on their way up. */
struct e820 {
	uint64_t base, len;
	uint32_t type, attributes;
};
enum { E820_RAM = 1, E820_RESERVED = 2, E820_ACPI = 3 };
static inline const struct e820 *e820_map(void)
{
	return (const struct e820 *)0x6000;
}
static inline uint32_t e820_count(void)
{
	return *(const volatile uint32_t *)0x67fc;
}

#endif
