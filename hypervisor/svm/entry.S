/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Into the guest and out of it. The processor itself moves RAX, RSP, RIP, RFLAGS, the control
 * registers and ES to DS with their tables; VMLOAD and VMSAVE move FS, GS, TR, LDTR and the MSRs of
 * system calls; the general registers are left, and they are moved here.
 *
 * As a part of Linux it applies what the host applies against speculation, which patches it in
 * where its processor needs it: for return buffer and branch predictors after the guest; before it
 * for the processor's buffers, and the divider of some. On the bare machine there is nobody to
 * protect.
 *
 * Reference: AMD APM 2, "Basic Operation", "VMSAVE and VMLOAD Instructions", "Global Interrupt
 * Flag, STGI and CLGI Instructions".
 */
#include "switch.h"

#ifdef __KERNEL__
#define RETURNS_GUARD FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT
#ifdef UNTRAIN_RET_VM
#define PREDICTORS_GUARD UNTRAIN_RET_VM
#else
#define PREDICTORS_GUARD UNTRAIN_RET; ALTERNATIVE "", "call entry_ibpb", X86_FEATURE_IBPB_ON_VMEXIT
#endif
#define DIVIDER_GUARD \
	ALTERNATIVE "", "xor %eax, %eax; xor %edx, %edx; mov $1, %ecx; div %ecx", X86_BUG_DIV0
#else /* the bare machine */
#define RETURNS_GUARD
#define PREDICTORS_GUARD
#define DIVIDER_GUARD
#endif
#ifndef VM_CLEAR_CPU_BUFFERS
#define VM_CLEAR_CPU_BUFFERS
#endif

/* On the stack, below the registers that C wants back. */
#define VMCB_PA	0
#define GPRS	8
#define HOST_PA	16

	.text

/* void svm_switch(uint64_t vmcb_pa, uint64_t gpr[16], uint64_t host_area_pa) */
SYM_FUNC_START(svm_switch)
	PUSH_HOST_REGS
	push	%rdx
	push	%rsi
	push	%rdi

	/* From here to STGI neither interrupt nor NMI sees the guest's FS, GS and TR. */
	clgi
	mov	%rdx, %rax
	vmsave	%rax
	DIVIDER_GUARD
	mov	%rdi, %rax
	mov	%rsi, %rdi
	LOAD_GUEST_REGS

	/* With V_INTR_MASKING this flag is the one that counts: interrupts end the guest's turn. */
	sti
	vmload	%rax
	VM_CLEAR_CPU_BUFFERS
	vmrun	%rax
	vmsave	%rax
	mov	HOST_PA(%rsp), %rax
	vmload	%rax
	cli

	mov	GPRS(%rsp), %rax
	STORE_GUEST_REGS

	RETURNS_GUARD
	PREDICTORS_GUARD
	stgi

	add	$24, %rsp
	POP_HOST_REGS
	RET
SYM_FUNC_END(svm_switch)

	.section .note.GNU-stack, "", @progbits
