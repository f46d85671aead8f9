/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Into the guest and out of it. The processor itself moves RSP, RIP, RFLAGS, segments, control
 * registers and what else the VMCS has; the general registers are left, and they are moved here.
 *
 * As a part of Linux it applies what the host applies against speculation, which patches it in
 * where its processor needs it: for return buffer, branch history and MSR_SPEC_CTRL after the
 * guest; before it for the processor's buffers. On the bare machine there is nobody to protect.
 *
 * Reference: Intel SDM 3, "VMLAUNCH/VMRESUME-Launch/Resume Virtual Machine", "VM Exits".
 */
#include "switch.h"

#ifdef __KERNEL__
#include <asm/ibt.h>
#include <asm/unwind_hints.h>
#define RETURNS_GUARD \
	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
			   X86_FEATURE_RSB_VMEXIT_LITE
#ifdef X86_FEATURE_CLEAR_BHB_LOOP_ON_VMEXIT
#define HISTORY_GUARD CLEAR_BRANCH_HISTORY_VMEXIT
#else
#define HISTORY_GUARD
#endif
#ifdef VM_CLEAR_CPU_BUFFERS
#define BUFFERS_GUARD VM_CLEAR_CPU_BUFFERS
#elif defined(CLEAR_CPU_BUFFERS)
#define BUFFERS_GUARD CLEAR_CPU_BUFFERS
#else
#define BUFFERS_GUARD
#endif
/* There is a tracer that some processors cannot run meanwhile. */
#if defined(CONFIG_PERF_EVENTS) && defined(CONFIG_CPU_SUP_INTEL)
#define TELL_TRACER shr $13, %edi; call intel_pt_handle_vmx
#else
#define TELL_TRACER
#endif
#else /* the bare machine */
#define ENDBR
#define UNWIND_HINT_SAVE
#define UNWIND_HINT_RESTORE
#define RETURNS_GUARD
#define HISTORY_GUARD
#define BUFFERS_GUARD
#endif

/* struct vmx_switch */
#define S_HOST_RSP		0
#define S_SPEC_CTRL		8
#define S_HOST_SPEC_CTRL	16
#define S_SWAP_SPEC_CTRL	24

/* On the stack, below the registers that C wants back. */
#define GPRS	0
#define SWITCH	8
#define RESULT	16

#define FIELD_HOST_RSP	0x6c14
#define MSR_SPEC_CTRL_	0x48

	.text

/* bool vmx_switch(uint64_t gpr[16], struct vmx_switch *s, bool launched) */
SYM_FUNC_START(vmx_switch)
	PUSH_HOST_REGS
	push	$1
	push	%rsi
	push	%rdi

	cmp	%rsp, S_HOST_RSP(%rsi)
	je	1f
	mov	%rsp, S_HOST_RSP(%rsi)
	mov	$FIELD_HOST_RSP, %eax
	vmwrite	%rsp, %rax
1:
	/* Nothing below changes the carry flag. */
	bt	$0, %edx
	mov	GPR(0)(%rdi), %rax
	LOAD_GUEST_REGS
	BUFFERS_GUARD
	UNWIND_HINT_SAVE
	jnc	2f
	vmresume
	jmp	3f
2:	vmlaunch
3:	movb	$0, RESULT(%rsp)
	jmp	4f

SYM_INNER_LABEL(vmx_exited, SYM_L_GLOBAL)
	UNWIND_HINT_RESTORE
	ENDBR
4:	push	%rax
	mov	8 + GPRS(%rsp), %rax
	STORE_GUEST_REGS
	pop	GPR(0)(%rax)

	/* Both before the first return. */
	RETURNS_GUARD
	mov	SWITCH(%rsp), %rsi
	cmpq	$0, S_SWAP_SPEC_CTRL(%rsi)
	je	5f
	mov	$MSR_SPEC_CTRL_, %ecx
	rdmsr
	mov	%eax, S_SPEC_CTRL(%rsi)
	cmp	S_HOST_SPEC_CTRL(%rsi), %eax
	je	5f
	mov	S_HOST_SPEC_CTRL(%rsi), %eax
	xor	%edx, %edx
	wrmsr
5:	lfence
	HISTORY_GUARD

	mov	RESULT(%rsp), %rax
	add	$24, %rsp
	POP_HOST_REGS
	RET
SYM_FUNC_END(vmx_switch)

/* void vmx_cr4(uint64_t set, uint64_t clear) */
SYM_FUNC_START(vmx_cr4)
#ifdef __KERNEL__
	push	%rdi
	call	cr4_update_irqsoff
	mov	(%rsp), %rdi
	TELL_TRACER
	pop	%rdi
#else
	mov	%cr4, %rax
	or	%rdi, %rax
	not	%rsi
	and	%rsi, %rax
	mov	%rax, %cr4
#endif
	RET
SYM_FUNC_END(vmx_cr4)

	.section .note.GNU-stack, "", @progbits
