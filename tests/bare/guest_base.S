/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where exceptions and interrupts of guests arrive, for real mode, 32-bit modes and long mode: 128
 * stubs of 16 bytes each; the handlers fill T_*, count, and return.
 */
#include "guest.h"

#define VECTORS	128
#define HAS_ERROR(n) ((n) == 8 || ((n) >= 10 && (n) <= 14) || (n) == 17)

	.code64
	.balign 16
	.globl guest_traps64
guest_traps64:
	.set n, 0
	.rept VECTORS
	.balign 16
	.if !HAS_ERROR(n)
	pushq	$0
	.endif
	pushq	$n
	jmp	common64
	.set n, n + 1
	.endr

/* On the stack: RBX, RAX, vector, error, RIP, CS, RFLAGS, RSP, SS. */
common64:
	pushq	%rax
	pushq	%rbx
	movq	24(%rsp), %rax
	movq	%rax, T_ERROR
	movq	32(%rsp), %rax
	movq	%rax, T_RIP
	movq	40(%rsp), %rax
	movq	%rax, T_CS
	movq	48(%rsp), %rax
	movq	%rax, T_FLAGS
	movq	56(%rsp), %rax
	movq	%rax, T_SP
	movq	%cr2, %rax
	movq	%rax, T_CR2
	movq	16(%rsp), %rax
	movq	%rax, T_VECTOR
	incl	G_COUNTS(, %rax, 4)
	movq	T_HOOK, %rbx
	testq	%rbx, %rbx
	jz	1f
	callq	*%rbx
	movq	16(%rsp), %rax
1:	movl	T_RESUME, %ebx
	testl	%ebx, %ebx
	jz	2f
	movq	%rbx, 32(%rsp)
	movl	$0, T_RESUME
	jmp	4f
2:	cmpl	$32, %eax
	jae	4f
	cmpl	$1, %eax			/* #DB, NMI, #BP, #OF go on */
	jb	3f
	cmpl	$4, %eax
	jbe	4f
3:	outl	%eax, $P_TRAP
	jmp	3b
4:	cmpl	$0x30, %eax
	jb	6f
	cmpl	$1, T_EOI
	jb	6f
	ja	5f
	movl	$0xfee000b0, %ebx
	movl	$0, (%rbx)
	jmp	6f
5:	pushq	%rcx
	pushq	%rdx
	movl	$0x80b, %ecx
	xorl	%eax, %eax
	xorl	%edx, %edx
	wrmsr
	popq	%rdx
	popq	%rcx
6:	popq	%rbx
	popq	%rax
	addq	$16, %rsp
	iretq

	.code32
	.balign 16
	.globl guest_traps32
guest_traps32:
	.set n, 0
	.rept VECTORS
	.balign 16
	.if !HAS_ERROR(n)
	pushl	$0
	.endif
	pushl	$n
	jmp	common32
	.set n, n + 1
	.endr

/* On the stack: EBX, EAX, vector, error, EIP, CS, EFLAGS. */
common32:
	pushl	%eax
	pushl	%ebx
	movl	$S_DATA, %ebx			/* virtual 8086 mode leaves none */
	pushl	%ds
	movl	%ebx, %ds
	movl	16(%esp), %eax
	movl	%eax, T_ERROR
	movl	20(%esp), %eax
	movl	%eax, T_RIP
	movl	24(%esp), %eax
	movl	%eax, T_CS
	movl	28(%esp), %eax
	movl	%eax, T_FLAGS
	leal	32(%esp), %eax
	movl	%eax, T_SP
	movl	%cr2, %eax
	movl	%eax, T_CR2
	movl	12(%esp), %eax
	movl	%eax, T_VECTOR
	incl	G_COUNTS(, %eax, 4)
	movl	T_HOOK, %ebx
	testl	%ebx, %ebx
	jz	1f
	call	*%ebx
	movl	12(%esp), %eax
1:	movl	T_RESUME, %ebx
	testl	%ebx, %ebx
	jz	2f
	movl	%ebx, 20(%esp)
	movl	$0, T_RESUME
	jmp	4f
2:	cmpl	$32, %eax
	jae	4f
	cmpl	$1, %eax
	jb	3f
	cmpl	$4, %eax
	jbe	4f
3:	outl	%eax, $P_TRAP
	jmp	3b
4:	cmpl	$0x30, %eax
	jb	5f
	cmpl	$1, T_EOI
	jne	5f
	movl	$0, 0xfee000b0
5:	popl	%ds
	popl	%ebx
	popl	%eax
	addl	$8, %esp
	iretl

	.code16
	.balign 16
	.globl guest_traps16
guest_traps16:
	.set n, 0
	.rept VECTORS
	.balign 16
	pushw	$0
	pushw	$n
	jmp	common16
	.set n, n + 1
	.endr

/* On the stack: BX, AX, vector, 0, IP, CS, FLAGS. DS is 0 in all real-mode guests. */
common16:
	pushw	%ax
	pushw	%bx
	movw	%sp, %bx
	movzwl	%ss:8(%bx), %eax
	movl	%eax, T_RIP
	movzwl	%ss:10(%bx), %eax
	movl	%eax, T_CS
	movzwl	%ss:12(%bx), %eax
	movl	%eax, T_FLAGS
	movl	$0, T_ERROR
	movzwl	%ss:4(%bx), %eax
	movl	%eax, T_VECTOR
	shlw	$2, %ax
	xchgw	%ax, %bx
	incl	G_COUNTS(%bx)
	xchgw	%ax, %bx
	movw	%ss:4(%bx), %ax
	cmpw	$0, T_RESUME
	je	2f
	movw	T_RESUME, %ax
	movw	%ax, %ss:8(%bx)
	movl	$0, T_RESUME
	jmp	4f
2:	cmpw	$32, %ax
	jae	4f
	cmpw	$1, %ax
	jb	3f
	cmpw	$4, %ax
	jbe	4f
3:	outl	%eax, $P_TRAP
	jmp	3b
4:	popw	%bx
	popw	%ax
	addw	$4, %sp
	iretw

	.section .note.GNU-stack, "", @progbits
