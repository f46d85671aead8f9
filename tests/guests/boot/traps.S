/* SPDX-License-Identifier: GPL-2.0-only */
/* The 256 gates of 32- and 64-bit guests: each says its number, and all end up in trap(). */
#if GUEST_BITS == 64
#define PUSH	pushq
#else
#define PUSH	pushl
#endif

	.text
	.set	vector, 0
	.balign 16
	.global first_gate		/* the others follow, 16 bytes each */
first_gate:
	.rept	256
	.balign 16
	/* 8, 10 to 14, 17, 21, 29 and 30 bring an error code */
	.if	!(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || \
		  vector == 21 || vector == 29 || vector == 30)
	PUSH	$0
	.endif
	PUSH	$vector
	jmp	common
	.set	vector, vector + 1
	.endr

#if GUEST_BITS == 64
common:	push	%rax
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	cld
	movq	(9 * 8)(%rsp), %rdi	/* vector */
	movq	(10 * 8)(%rsp), %rsi	/* error code */
	leaq	(11 * 8)(%rsp), %rdx	/* instruction pointer */
	call	trap
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	pop	%rax
	add	$16, %rsp
	iretq
#else
common:	pushal
	cld
	leal	(10 * 4)(%esp), %eax
	pushl	%eax
	pushl	(10 * 4)(%esp)		/* error code */
	pushl	(10 * 4)(%esp)		/* vector: one word has been pushed meanwhile */
	call	trap
	addl	$12, %esp
	popal
	addl	$8, %esp
	iretl
#endif

