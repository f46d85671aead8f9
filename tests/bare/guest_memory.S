/* SPDX-License-Identifier: GPL-2.0-only */
/* Guests that read and write where the test tells them to. */
#include "guest.h"

/* Commands from the test, by IN: 1 read, 2 write, 3 execute, 0 end; then address and value. */
guest memory, 64
1:	inl	$P_DATA, %eax
	cmpl	$1, %eax
	je	2f
	cmpl	$2, %eax
	je	3f
	cmpl	$3, %eax
	je	4f
	DONE
2:	inl	$P_DATA, %eax
	movl	%eax, %ebx
	movl	(%rbx), %eax
	outl	%eax, $P_DATA
	jmp	1b
3:	inl	$P_DATA, %eax
	movl	%eax, %ebx
	inl	$P_DATA, %eax
	movl	%eax, (%rbx)
	jmp	1b
4:	inl	$P_DATA, %eax
	movl	%eax, %ebx
	callq	*%rbx
	jmp	1b

/* Touches RCX pages from RBX on, writing each; EDX: stride. */
guest sweep, 64
1:	incl	(%rbx)
	addq	%rdx, %rbx
	decq	%rcx
	jnz	1b
	DONE

	.section .note.GNU-stack, "", @progbits
