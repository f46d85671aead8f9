/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the vendors' ways into the guest and out of it share, for the assembler: names of the
 * kernel's that the bare machine lacks, and the general registers, which no processor moves.
 */
#ifndef HV_SWITCH_H
#define HV_SWITCH_H

#ifdef __ASSEMBLER__

#ifdef __KERNEL__
#include <linux/linkage.h>
#include <asm/cpufeatures.h>
#include <asm/nospec-branch.h>
#else
#define SYM_FUNC_START(name) .global name; .balign 16; name:
#define SYM_FUNC_END(name) .type name, @function; .size name, . - name
#define SYM_INNER_LABEL(name, linkage) .global name; name:
#define RET ret; int3
#endif

/* struct hv_state begins with the general registers, in the order of their numbers. */
#define GPR(n) ((n) * 8)

/* The registers that C wants back. */
.macro PUSH_HOST_REGS
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
.endm

.macro POP_HOST_REGS
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
.endm

/* The guest's from (RDI), all but RAX and RSP. */
.macro LOAD_GUEST_REGS
	mov	GPR(1)(%rdi), %rcx
	mov	GPR(2)(%rdi), %rdx
	mov	GPR(3)(%rdi), %rbx
	mov	GPR(5)(%rdi), %rbp
	mov	GPR(6)(%rdi), %rsi
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15
	mov	GPR(\n)(%rdi), %r\n
	.endr
	mov	GPR(7)(%rdi), %rdi
.endm

/* And back to (RAX). No value of the guest's is left in them for speculation to use. */
.macro STORE_GUEST_REGS
	mov	%rcx, GPR(1)(%rax)
	mov	%rdx, GPR(2)(%rax)
	mov	%rbx, GPR(3)(%rax)
	mov	%rbp, GPR(5)(%rax)
	mov	%rsi, GPR(6)(%rax)
	mov	%rdi, GPR(7)(%rax)
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15
	mov	%r\n, GPR(\n)(%rax)
	.endr
	.irp	reg, ecx, edx, ebx, ebp, esi, edi, r8d, r9d, r10d, r11d, r12d, r13d, r14d, r15d
	xor	%\reg, %\reg
	.endr
.endm

#endif
#endif
