/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs one instruction from a block of registers: the test writes the registers (RAX to R15 in the
 * order of their numbers, without RSP, then RFLAGS) to EMUL_REGS and the instruction with a RET to
 * EMUL_CODE; what came of it is written back.
 */
#include "guest.h"
#include "emul_cases.h"

guest emul, 64
1:	STEP(1)
	movdqu	EMUL_XMM, %xmm2
	movdqu	EMUL_XMM + 16, %xmm9
	movq	EMUL_REGS + 16 * 8, %rax
	pushq	%rax
	movq	EMUL_REGS + 0 * 8, %rax
	movq	EMUL_REGS + 1 * 8, %rcx
	movq	EMUL_REGS + 2 * 8, %rdx
	movq	EMUL_REGS + 3 * 8, %rbx
	movq	EMUL_REGS + 5 * 8, %rbp
	movq	EMUL_REGS + 6 * 8, %rsi
	movq	EMUL_REGS + 7 * 8, %rdi
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15
	movq	EMUL_REGS + \n * 8, %r\n
	.endr
	popfq
	callq	*emul_entry
	pushfq
	movq	%rax, EMUL_REGS + 0 * 8
	movq	%rcx, EMUL_REGS + 1 * 8
	movq	%rdx, EMUL_REGS + 2 * 8
	movq	%rbx, EMUL_REGS + 3 * 8
	movq	%rbp, EMUL_REGS + 5 * 8
	movq	%rsi, EMUL_REGS + 6 * 8
	movq	%rdi, EMUL_REGS + 7 * 8
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15
	movq	%r\n, EMUL_REGS + \n * 8
	.endr
	popq	EMUL_REGS + 16 * 8
	movdqu	%xmm2, EMUL_XMM
	movdqu	%xmm9, EMUL_XMM + 16
	cld
	jmp	1b
emul_entry:
	.quad	EMUL_CODE

	.section .note.GNU-stack, "", @progbits
