/* SPDX-License-Identifier: GPL-2.0-only */
/* Where interrupts and exceptions arrive: 256 stubs of 16 bytes, and the way to trap_handle(). */

	.text
	.balign 16
	.global vector_stubs
vector_stubs:
	.set	n, 0
	.rept	256
	.balign 16
	.if	!(n == 8 || (n >= 10 && n <= 14) || n == 17 || n == 21 || n == 29 || n == 30)
	pushq	$0				/* where the processor pushes no error code */
	.endif
	pushq	$n
	jmp	common
	.set	n, n + 1
	.endr

/* Pushes the rest of struct trap_frame (traps.c). */
common:	pushq	%rax
	pushq	%rcx
	pushq	%rdx
	pushq	%rbx
	pushq	%rbp
	pushq	%rsi
	pushq	%rdi
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	cld
	movq	%rsp, %rdi
	call	trap_handle
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdi
	popq	%rsi
	popq	%rbp
	popq	%rbx
	popq	%rdx
	popq	%rcx
	popq	%rax
	addq	$16, %rsp
	iretq

	.section .note.GNU-stack, "", @progbits
