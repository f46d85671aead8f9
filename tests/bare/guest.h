/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What guests and tests agree on: where things are in a guest, and the ports by which it reports.
 * For assembly and C. Guests are linked for where they run: all of guest_*.S is copied to G_CODE.
 */
#ifndef BARE_GUEST_H
#define BARE_GUEST_H

/* guest-physical, and linear unless a test changes the tables */
#define G_TRAP		0x600	/* the last exception or interrupt: T_* */
#define G_SCRATCH	0x680	/* the guest's own results */
#define G_COUNTS	0x800	/* 32 bits for each vector: how often */
#define G_GDT		0x1000
#define G_IDT		0x2000
#define G_STACK		0x5000	/* top; a page */
#define G_STACK0	0x6000	/* ring 0, when coming from outside; top */
#define G_USER_STACK	0x7000	/* top */
#define G_CODE		0x8000
#define G_TABLES	0x10000 /* page tables of the mode: PML4, page directory, or PDPT */
#define G_PDS		0x11000	/* four page directories */
#define G_PDPT		0x15000	/* long mode */
#define G_PT		0x18000	/* of the first 2 or 4 MiB */
#define G_TSS		0x20000	/* with its I/O map */
#define G_TSS_B		0x23000
#define G_TSS_C		0x24000
#define G_FREE		0x28000	/* up to G_RAM_SIZE: for tests */
#define G_RAM_SIZE	0x200000
#define G_MORE		0x400000 /* a second slot, of tests that want one: G_MORE_SIZE */
#define G_MORE_SIZE	0x400000
#define G_MMIO		0xd0000000

#define T_VECTOR	(G_TRAP + 0x00)
#define T_ERROR		(G_TRAP + 0x08)
#define T_RIP		(G_TRAP + 0x10)
#define T_FLAGS		(G_TRAP + 0x18)
#define T_CR2		(G_TRAP + 0x20)
#define T_CS		(G_TRAP + 0x28)
#define T_SP		(G_TRAP + 0x30)
#define T_RESUME	(G_TRAP + 0x38)	/* where to go on, once; 0: where it happened */
#define T_EOI		(G_TRAP + 0x40)	/* 1: by the xAPIC, 2: by the x2APIC */
#define T_HOOK		(G_TRAP + 0x48)	/* called in the handler, with the vector in EAX */

/* selectors, the same in all modes with a GDT */
#define S_CODE32	0x08
#define S_CODE64	0x10
#define S_DATA		0x18
#define S_USER32	0x23
#define S_USER_DATA	0x2b
#define S_USER64	0x33
#define S_CODE16	0x38
#define S_DATA16	0x40
#define S_TSS		0x48	/* 16 bytes in long mode */
#define S_TSS_B		0x58
#define S_TSS_C		0x60
#define S_GATE_B	0x68	/* task gate to B */
#define G_GDT_SIZE	0x80

#define P_FAIL		0xe0	/* EAX: line of the guest's source */
#define P_DONE		0xe1
#define P_TRAP		0xe2	/* an exception that nobody expected */
#define P_STEP		0xe3	/* EAX: which */
#define P_DATA		0xe4	/* means what the test says */

#ifdef __ASSEMBLER__

#define FAIL		movl $__LINE__, %eax; outl %eax, $P_FAIL
#define REQUIRE(cc)	j##cc 77f; FAIL; 77:
#define STEP(n)		movl $(n), %eax; outl %eax, $P_STEP
#define DONE		76: outl %eax, $P_DONE; jmp 76b
/* The instructions raise this exception; what follows runs after it. */
#define EXPECT_TRAP(vector, error, ...)                                        \
	movl $0xff, T_VECTOR; movl $78f, T_RESUME; __VA_ARGS__; FAIL;          \
78:	cmpl $(vector), T_VECTOR; REQUIRE(e); cmpl $(error), T_ERROR; REQUIRE(e)

	.macro guest name, bits
	.code\bits
	.balign 16
	.globl guest_\name
guest_\name:
	.endm

	.section .guest, "awx"

#endif
#endif
