/* SPDX-License-Identifier: GPL-2.0-only */
/* Guests of the local APIC, by its page and by its MSRs. */
#include "guest.h"

	.macro	xapic_on
	movl	$0xfee00000, %ebx
	movl	$0x1ff, 0xf0(%rbx)
	movl	$1, T_EOI
	.endm

	.macro	x2apic_write reg, lo, hi=0
	movl	$0x800 + \reg, %ecx
	movl	$\lo, %eax
	movl	$\hi, %edx
	wrmsr
	.endm

	.macro	x2apic_on
	movl	$0x1b, %ecx
	rdmsr
	orl	$0xc00, %eax
	wrmsr
	x2apic_write 0xf, 0x1ff
	movl	$2, T_EOI
	.endm

	.macro	count_is vector, n
	cmpl	$\n, G_COUNTS + \vector * 4
	REQUIRE(e)
	.endm

guest xapic, 64
	xapic_on
	movl	0x30(%rbx), %eax		/* version: integrated, at least six LVTs */
	movzbl	%al, %ecx
	shrl	$4, %ecx
	cmpl	$1, %ecx
	REQUIRE(e)
	movl	0x20(%rbx), %eax		/* ID 0 */
	testl	%eax, %eax
	REQUIRE(z)
	movl	$0x40000 + 0x51, 0x300(%rbx)	/* self, fixed */
	movl	0x220(%rbx), %eax		/* IRR of 0x40 to 0x5f */
	testl	$0x20000, %eax
	REQUIRE(nz)
	movl	$0x40000 + 0x62, 0x300(%rbx)
	sti
	nop
	count_is 0x51, 1
	count_is 0x62, 1
	movl	$0, 0x310(%rbx)			/* by its ID, without shorthand */
	movl	$0x51, 0x300(%rbx)
	nop
	count_is 0x51, 2
	movl	$0x40000 + 0x400, 0x300(%rbx)	/* NMI to itself */
	nop
	count_is 2, 1
	cli
	movl	$0, T_EOI
	movq	$0, T_HOOK
	movl	$0x40000 + 0x51, 0x300(%rbx)
	movl	$0x40000 + 0x52, 0x300(%rbx)
	sti
	nop
	nop
	count_is 0x52, 1
	count_is 0x51, 2
	movl	$0, 0xb0(%rbx)
	nop
	count_is 0x51, 3
	movl	$0, 0xb0(%rbx)
	DONE

guest x2apic, 64
	movl	$1, %eax
	cpuid
	btl	$21, %ecx
	REQUIRE(c)
	x2apic_on
	movl	$0x802, %ecx			/* ID */
	rdmsr
	testl	%eax, %eax
	REQUIRE(z)
	sti
	x2apic_write 0x3f, 0x51			/* self IPI */
	nop
	count_is 0x51, 1
	x2apic_write 0x30, 0x62, 0		/* ICR, to ID 0 */
	nop
	count_is 0x62, 1
	x2apic_write 0x30, 0x40063
	nop
	count_is 0x63, 1
	movl	$0x80e, %ecx			/* there is no DFR, and EOI takes 0 only */
	EXPECT_TRAP(13, 0, rdmsr)
	movl	$0x80b, %ecx
	movl	$1, %eax
	xorl	%edx, %edx
	EXPECT_TRAP(13, 0, wrmsr)
	x2apic_write 0x08, 0x60			/* TPR and CR8 */
	movq	%cr8, %rax
	cmpl	$6, %eax
	REQUIRE(e)
	x2apic_write 0x3f, 0x51
	nop
	count_is 0x51, 1
	xorl	%eax, %eax
	movq	%rax, %cr8
	nop
	nop
	count_is 0x51, 2
	DONE

/* EBX ticks of the timer's clock, once; then one after another. */
guest timer, 64
	movl	%ebx, %esi
	xapic_on
	movl	$0xb, 0x3e0(%rbx)		/* divide by 1 */
	movl	$0x71, 0x320(%rbx)
	movl	%esi, 0x380(%rbx)
	movl	0x390(%rbx), %eax
	cmpl	%esi, %eax
	REQUIRE(be)
	sti
	hlt
	count_is 0x71, 1
	movl	0x390(%rbx), %eax
	testl	%eax, %eax
	REQUIRE(z)
	STEP(1)
	movl	$0x20072, 0x320(%rbx)		/* periodic */
	movl	%esi, 0x380(%rbx)
1:	hlt
	cmpl	$5, G_COUNTS + 0x72 * 4
	jb	1b
	STEP(2)
2:	pause					/* without sleep, too */
	cmpl	$8, G_COUNTS + 0x72 * 4
	jb	2b
	movl	$0x30072, 0x320(%rbx)		/* masked */
	movl	$0, 0x380(%rbx)
	movl	G_COUNTS + 0x72 * 4, %edi
	STEP(3)
	cmpl	%edi, G_COUNTS + 0x72 * 4
	REQUIRE(e)
	DONE

/* The deadline, ESI cycles from now; RDI is when. */
	.macro	arm
	rdtsc
	shlq	$32, %rdx
	orq	%rdx, %rax
	addq	%rsi, %rax
	movq	%rax, %rdi
	movq	%rax, %rdx
	shrq	$32, %rdx
	movl	$0x6e0, %ecx
	wrmsr
	.endm

/* EBX cycles of the TSC. */
guest deadline, 64
	movl	%ebx, %esi
	movl	$1, %eax
	cpuid
	btl	$24, %ecx
	REQUIRE(c)
	xapic_on
	movl	$0x40073, 0x320(%rbx)
	arm
	sti
	hlt
	count_is 0x73, 1
	rdtsc
	shlq	$32, %rdx
	orq	%rdx, %rax
	cmpq	%rdi, %rax
	REQUIRE(ae)
	movl	$0x6e0, %ecx			/* disarmed by itself */
	rdmsr
	orl	%edx, %eax
	REQUIRE(z)
	movl	$1, %eax			/* one that has passed fires at once */
	xorl	%edx, %edx
	wrmsr
	nop
	nop
	count_is 0x73, 2
	DONE

/* Deadlines of EBX cycles without a sleep; one that passes outside; one that never comes. */
guest deadline_spin, 64
	movl	%ebx, %esi
	xapic_on
	movl	$0x40073, 0x320(%rbx)
	sti
	arm
1:	cmpl	$0, G_COUNTS + 0x73 * 4
	je	1b
	rdtsc
	shlq	$32, %rdx
	orq	%rdx, %rax
	cmpq	%rdi, %rax
	REQUIRE(ae)
	count_is 0x73, 1
	STEP(1)
	arm
	STEP(2)
1:	cmpl	$1, G_COUNTS + 0x73 * 4		/* when the host's timer says so, at the latest */
	je	1b
	count_is 0x73, 2
	movl	$-1, %eax
	movl	$-1, %edx
	movl	$0x6e0, %ecx
	wrmsr
	STEP(3)
	movl	$1000, %ecx
1:	loop	1b
	count_is 0x73, 2
	DONE

/* A level-triggered message: its EOI goes to the user. */
guest eoi, 64
	xapic_on
	sti
	STEP(1)
	nop
	count_is 0x59, 1
	STEP(2)
	DONE

	.section .note.GNU-stack, "", @progbits
