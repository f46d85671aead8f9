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
#ifdef __KERNEL__
#include <linux/linkage.h>
#include <asm/cpufeatures.h>
#include <asm/nospec-branch.h>
#define RETURNS_GUARD FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT
#ifdef UNTRAIN_RET_VM
#define PREDICTORS_GUARD UNTRAIN_RET_VM
#else
#define PREDICTORS_GUARD UNTRAIN_RET; ALTERNATIVE "", "call entry_ibpb", X86_FEATURE_IBPB_ON_VMEXIT
#endif
#define DIVIDER_GUARD \
	ALTERNATIVE "", "xor %eax, %eax; xor %edx, %edx; mov $1, %ecx; div %ecx", X86_BUG_DIV0
#else /* the bare machine */
#define SYM_FUNC_START(name) .global name; .balign 16; name:
#define SYM_FUNC_END(name) .type name, @function; .size name, . - name
#define RET ret; int3
#define RETURNS_GUARD
#define PREDICTORS_GUARD
#define DIVIDER_GUARD
#endif
#ifndef VM_CLEAR_CPU_BUFFERS
#define VM_CLEAR_CPU_BUFFERS
#endif

/* struct hv_state begins with the general registers, in the order of their numbers. */
#define GPR(n) ((n) * 8)

/* On the stack, below the registers that C wants back. */
#define VMCB_PA	0
#define GPRS	8
#define HOST_PA	16

	.text

/* void svm_switch(uint64_t vmcb_pa, uint64_t gpr[16], uint64_t host_area_pa) */
SYM_FUNC_START(svm_switch)
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
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
	mov	GPR(1)(%rdi), %rcx
	mov	GPR(2)(%rdi), %rdx
	mov	GPR(3)(%rdi), %rbx
	mov	GPR(5)(%rdi), %rbp
	mov	GPR(6)(%rdi), %rsi
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15
	mov	GPR(\n)(%rdi), %r\n
	.endr
	mov	GPR(7)(%rdi), %rdi

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
	mov	%rcx, GPR(1)(%rax)
	mov	%rdx, GPR(2)(%rax)
	mov	%rbx, GPR(3)(%rax)
	mov	%rbp, GPR(5)(%rax)
	mov	%rsi, GPR(6)(%rax)
	mov	%rdi, GPR(7)(%rax)
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15
	mov	%r\n, GPR(\n)(%rax)
	.endr

	/* No value of the guest's is left for speculation to use. */
	.irp	reg, ecx, edx, ebx, ebp, esi, edi
	xor	%\reg, %\reg
	.endr
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15
	xor	%r\n\()d, %r\n\()d
	.endr

	RETURNS_GUARD
	PREDICTORS_GUARD
	stgi

	add	$24, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	RET
SYM_FUNC_END(svm_switch)

	.section .note.GNU-stack, "", @progbits
