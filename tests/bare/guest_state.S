/* SPDX-License-Identifier: GPL-2.0-only */
/* Guests that look whether their registers are still theirs. */
#include "guest.h"

/* SSE, x87 and MXCSR; EBX tells two vCPUs apart. Two rounds, an exit between. */
guest fpu, 64
	movd	%ebx, %xmm3
	pshufd	$0, %xmm3, %xmm3
	movdqa	%xmm3, %xmm15
	fninit
	movl	%ebx, G_SCRATCH + 32(%rdi)
	fildl	G_SCRATCH + 32(%rdi)
	movl	$0x3f80, G_SCRATCH + 40(%rdi)	/* MXCSR: round down */
	ldmxcsr	G_SCRATCH + 40(%rdi)
	movl	$4, %ecx
1:	outl	%eax, $P_DATA
	movd	%xmm15, %eax
	cmpl	%eax, %ebx
	REQUIRE(e)
	pshufd	$0x1b, %xmm3, %xmm4
	movd	%xmm4, %eax
	cmpl	%eax, %ebx
	REQUIRE(e)
	stmxcsr	G_SCRATCH + 44(%rdi)
	cmpl	$0x3f80, G_SCRATCH + 44(%rdi)
	REQUIRE(e)
	fistl	G_SCRATCH + 48(%rdi)
	cmpl	%ebx, G_SCRATCH + 48(%rdi)
	REQUIRE(e)
	loop	1b
	DONE

/* XCR0 is EBX; the upper half of YMM7 too, where there is one. */
guest xcr0, 64
	movq	%cr4, %rax
	btsq	$18, %rax
	movq	%rax, %cr4
	movl	%ebx, %eax
	xorl	%ecx, %ecx
	xorl	%edx, %edx
	xsetbv
	movl	$4, %esi
1:	outl	%eax, $P_DATA
	xorl	%ecx, %ecx
	xgetbv
	cmpl	%eax, %ebx
	REQUIRE(e)
	decl	%esi
	jnz	1b
	DONE

/* General registers, segment bases and system call MSRs; EBX tells two vCPUs apart. */
guest registers, 64
	movl	%ebx, %eax
	shlq	$20, %rax
	movq	%rax, %rbp
	movq	%rax, %rdx			/* FS, GS, kernel GS */
	shrq	$32, %rdx
	movl	$0xc0000100, %ecx
	wrmsr
	incl	%ecx
	incl	%eax
	wrmsr
	incl	%ecx
	incl	%eax
	wrmsr
	movl	$0x175, %ecx
	wrmsr
	movl	$0xc0000083, %ecx
	wrmsr
	movl	$4, %esi
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15
	leaq	\n(%rbp), %r\n
	.endr
1:	outl	%eax, $P_DATA
	swapgs					/* changes places: GS is kernel GS now */
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15
	leaq	\n(%rbp), %rax
	cmpq	%rax, %r\n
	REQUIRE(e)
	.endr
	movl	$0xc0000100, %ecx
	rdmsr
	cmpl	%ebp, %eax
	REQUIRE(e)
	movl	$0xc0000101, %ecx
	rdmsr
	subl	%ebp, %eax
	movl	%esi, %edi
	andl	$1, %edi
	xorl	$3, %edi			/* 1 + how often it was swapped: esi = 4, 3, ... */
	addl	$-1, %edi
	cmpl	%edi, %eax
	REQUIRE(e)
	movl	$0xc0000083, %ecx
	rdmsr
	subl	%ebp, %eax
	cmpl	$2, %eax
	REQUIRE(e)
	decl	%esi
	jnz	1b
	DONE

/* Breakpoints of the guest's own. */
guest debug, 64
	movl	$debug_at, %eax
	movq	%rax, %dr0
	movl	$G_SCRATCH, %eax
	movq	%rax, %dr1
	movl	$0x400 + 0x2 + 0x8 + 0xd00000, %eax /* 0: execution; 1: writes of 4 bytes */
	movq	%rax, %dr7
	outl	%eax, $P_DATA
	movq	%dr0, %rcx
	cmpl	$debug_at, %ecx
	REQUIRE(e)
	movq	%dr1, %rcx
	cmpl	$G_SCRATCH, %ecx
	REQUIRE(e)
	movl	$0xffff0ff0, %eax
	movq	%rax, %dr6
	movl	%eax, G_SCRATCH
	cmpl	$1, G_COUNTS + 4
	REQUIRE(e)
	movq	%dr6, %rcx
	testl	$2, %ecx
	REQUIRE(nz)
	movl	$0xffff0ff0, %eax
	movq	%rax, %dr6
	movl	$debug_behind, T_RESUME
debug_at:
	FAIL
debug_behind:
	cmpl	$2, G_COUNTS + 4
	REQUIRE(e)
	movq	%dr6, %rcx
	testl	$1, %ecx
	REQUIRE(nz)
	movq	%dr7, %rcx
	cmpl	$0x400 + 0x2 + 0x8 + 0xd00000, %ecx
	REQUIRE(e)
	movl	$0x400, %eax
	movq	%rax, %dr7
	DONE

/* CR4: two bits toggled; then as the user has set it; then one that its CPUID does not have. */
guest cr4, 64
	movq	%cr4, %rax
	xorl	$0x84, %eax			/* PGE, TSD */
	movq	%rax, %cr4
	outl	%eax, $P_DATA
	movq	%cr4, %rax
	outl	%eax, $P_DATA
	EXPECT_TRAP(13, 0, btsq $16, %rax; movq %rax, %cr4)
	DONE

/* System calls from ring 3, 64-bit. */
guest syscall, 64
	movl	$0xc0000081, %ecx
	xorl	%eax, %eax
	movl	$(S_USER32 << 16) | S_CODE64, %edx
	wrmsr
	incl	%ecx
	movl	$1f, %eax
	xorl	%edx, %edx
	wrmsr
	movl	$0xc0000084, %ecx
	movl	$0x200, %eax
	wrmsr
	pushq	$S_USER_DATA
	pushq	$G_USER_STACK
	pushq	$0x3002
	pushq	$S_USER64
	pushq	$2f
	iretq
1:	movw	%cs, %ax			/* in ring 0 */
	cmpw	$S_CODE64, %ax
	REQUIRE(e)
	outl	%eax, $P_DATA
	sysretq
2:	outl	%eax, $P_DATA
	movw	%cs, %ax
	cmpw	$S_USER64, %ax
	REQUIRE(e)
	syscall
	movw	%cs, %ax
	cmpw	$S_USER64, %ax
	REQUIRE(e)
	DONE

/* SYSENTER and SYSEXIT, 32-bit, flat. The selectors are CS, +8, +16, +24: a GDT of its own. */
guest sysenter, 32
	lgdtl	sysenter_gdt
	movl	$0x174, %ecx
	movl	$0x8, %eax
	xorl	%edx, %edx
	wrmsr
	incl	%ecx
	movl	$G_STACK0, %eax
	wrmsr
	incl	%ecx
	movl	$1f, %eax
	wrmsr
	movl	$2f, %edx
	movl	$G_USER_STACK, %ecx
	sysexit
1:	movw	%cs, %ax
	cmpw	$0x8, %ax
	REQUIRE(e)
	cmpl	$G_STACK0, %esp
	REQUIRE(e)
	DONE
2:	movw	%cs, %ax
	cmpw	$0x1b, %ax
	jne	3f
	cmpl	$G_USER_STACK, %esp
	jne	3f
	sysenter
3:	ud2
	.balign 8
sysenter_table:
	.quad	0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff
sysenter_gdt:
	.word	5 * 8 - 1
	.long	sysenter_table

/* CR2 as the test has set it. */
guest cr2, 64
	movq	%cr2, %rax
	outl	%eax, $P_DATA
	DONE

	.section .note.GNU-stack, "", @progbits
