/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest for each mode, and one that goes through all of them by itself. */
#include "guest.h"

/* What every mode does: registers, stack, memory, an exit with an answer, INT and IRET. */
	.macro	probe acc, count
	movl	$0x12345678, %eax
	xorl	%ecx, %ecx
	push	%\acc
	pop	%\count
	cmp	%\acc, %\count
	REQUIRE(e)
	movl	%eax, %ecx
	movl	%ecx, G_SCRATCH
	cmpl	$0x12345678, G_SCRATCH
	REQUIRE(e)
	xorl	%eax, %eax
	cpuid
	cmpl	$1, %eax
	REQUIRE(ae)
	inl	$P_DATA, %eax
	cmpl	$0xcafe1234, %eax
	REQUIRE(e)
	cmpl	$0, G_GDT			/* mapped: else the delivery faults */
	cmpl	$0, G_IDT
	int	$0x44
	cmpl	$0x44, T_VECTOR
	REQUIRE(e)
	cmpl	$1, G_COUNTS + 0x44 * 4
	REQUIRE(e)
	.endm

/* And where it can address it: a register of a device. */
	.macro	probe_mmio
	movl	$G_MMIO, %ebx
	movl	$0x5a5a0001, (%ebx)
	movl	4(%ebx), %ecx
	cmpl	$0x600dcafe, %ecx
	REQUIRE(e)
	.endm

guest real, 16
	probe	ax, cx
	DONE

guest unreal, 16
	probe	ax, cx
	probe_mmio
	movl	$G_FREE, %ebx			/* RAM beyond 64 KiB */
	movl	$0x11223344, (%ebx)
	cmpl	$0x11223344, (%ebx)
	REQUIRE(e)
	DONE

guest prot32, 32
	probe	eax, ecx
	probe_mmio
	DONE

guest long, 64
	probe	rax, rcx
	probe_mmio
	movabsq	$0x123456789abcdef0, %r15
	movq	%r15, G_SCRATCH
	cmpq	%r15, G_SCRATCH
	REQUIRE(e)
	DONE

guest compat, 32
	probe	eax, ecx
	probe_mmio
	.byte	0x48				/* DEC EAX here, REX.W in 64-bit mode */
	movl	$1, %eax
	cmpl	$1, %eax
	REQUIRE(e)
	DONE

/* By IRET, with a task register of its own loading. */
guest v86_enter, 32
	movw	$S_TSS, %ax
	ltr	%ax
	xorl	%eax, %eax
	pushl	%eax				/* GS, FS, DS, ES, SS */
	pushl	%eax
	pushl	%eax
	pushl	%eax
	pushl	%eax
	pushl	$G_USER_STACK
	pushl	$0x23002			/* VM, IOPL 3 */
	pushl	%eax
	pushl	$guest_v86
	iretl

guest v86, 16
	probe	ax, cx
	DONE

/* Where the processor comes up: CS F000:FFF0, base FFFF0000; the test has put a far jump there. */
guest reset, 16
	movl	$0, T_RESUME
	movw	%cs, %ax
	testw	%ax, %ax
	REQUIRE(z)
	movl	%cr0, %eax
	testl	$1, %eax
	REQUIRE(z)
	DONE

/* Real, unreal, protected, PAE, long, compatibility, and all the way back. */
guest walk, 16
	lgdtl	walk_gdt
	lidtl	walk_idt
	movl	%cr0, %eax
	orl	$1, %eax
	movl	%eax, %cr0
	movw	$S_DATA, %cx			/* 4 GiB limits, then real mode again */
	movw	%cx, %ds
	andb	$0xfe, %al
	movl	%eax, %cr0
	xorw	%cx, %cx
	movw	%cx, %ds
	movl	$G_FREE, %ebx
	movl	$0x55, (%ebx)
	cmpl	$0x55, (%ebx)
	REQUIRE(e)
	STEP(1)
	movl	%cr0, %eax
	orl	$1, %eax
	movl	%eax, %cr0
	ljmpl	$S_CODE32, $1f
	.code32
1:	movw	$S_DATA, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	$G_STACK, %esp
	STEP(2)
	movl	%cr4, %eax
	orl	$0x20, %eax			/* PAE */
	movl	%eax, %cr4
	movl	$G_PDPT, %eax			/* as long mode's PDPT, which PAE refuses */
	EXPECT_TRAP(13, 0, movl %eax, %cr3; movl %cr0, %eax; orl $0x80000000, %eax; movl %eax, %cr0)
	movl	$G_TABLES, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx
	rdmsr
	orl	$0x100, %eax			/* LME */
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000000, %eax
	movl	%eax, %cr0
	movl	$0xc0000080, %ecx
	rdmsr
	testl	$0x400, %eax			/* LMA */
	REQUIRE(nz)
	STEP(3)
	ljmpl	$S_CODE64, $1f
	.code64
1:	movq	$-1, %rax
	movl	$1, %eax
	cmpq	$1, %rax
	REQUIRE(e)
	STEP(4)
	pushq	$S_CODE32
	pushq	$1f
	lretq
	.code32
1:	STEP(5)
	movl	%cr0, %eax
	andl	$0x7fffffff, %eax
	movl	%eax, %cr0
	movl	$0xc0000080, %ecx
	rdmsr
	testl	$0x400, %eax
	REQUIRE(z)
	andl	$~0x100, %eax
	wrmsr
	movl	%cr4, %eax
	andl	$~0x20, %eax
	movl	%eax, %cr4
	STEP(6)
	ljmpl	$S_CODE16, $1f
	.code16
1:	movw	$S_DATA16, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	%cr0, %eax
	andb	$0xfe, %al
	movl	%eax, %cr0
	ljmpw	$0, $1f
1:	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$G_STACK, %sp
	STEP(7)
	lidtl	walk_ivt
	int	$0x45
	cmpl	$0x45, T_VECTOR
	REQUIRE(e)
	DONE

walk_gdt:
	.word	G_GDT_SIZE - 1
	.long	G_GDT
walk_idt:
	.word	0x3ff
	.long	G_IDT
walk_ivt:
	.word	0x3ff
	.long	0

/* To ring 3 and back by an interrupt, in 64-bit and compatibility mode. */
guest rings, 64
	movl	$S_USER_DATA, %eax
	movl	%eax, %ds
	pushq	$S_USER_DATA
	pushq	$G_USER_STACK
	pushq	$0x3002
	pushq	$S_USER64
	pushq	$1f
	iretq
1:	movw	%cs, %ax
	cmpw	$S_USER64, %ax
	REQUIRE(e)
	movl	$2f, T_HOOK
	int	$0x50
2:	movq	$0, T_HOOK			/* in the handler, in ring 0, on its stack */
	cmpl	$S_USER64, T_CS
	REQUIRE(e)
	cmpl	$G_USER_STACK, T_SP
	REQUIRE(e)
	leaq	-G_STACK0 + 0x100(%rsp), %rax
	cmpq	$0x100, %rax
	REQUIRE(b)
	pushq	$S_USER_DATA
	pushq	$G_USER_STACK
	pushq	$0x3002
	pushq	$S_USER32
	pushq	$3f
	iretq
	.code32
3:	movl	$S_USER_DATA, %eax
	movl	%eax, %ds
	movw	%cs, %ax
	cmpw	$S_USER32, %ax
	REQUIRE(e)
	EXPECT_TRAP(13, 0, hlt)			/* privileged: not the hypervisor's affair */
	DONE

	.section .note.GNU-stack, "", @progbits
