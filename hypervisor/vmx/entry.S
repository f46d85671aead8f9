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
#ifdef __KERNEL__
#include <linux/linkage.h>
#include <asm/cpufeatures.h>
#include <asm/ibt.h>
#include <asm/nospec-branch.h>
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
#define SYM_FUNC_START(name) .global name; .balign 16; name:
#define SYM_FUNC_END(name) .type name, @function; .size name, . - name
#define SYM_INNER_LABEL(name, linkage) .global name; name:
#define RET ret; int3
#define ENDBR
#define UNWIND_HINT_SAVE
#define UNWIND_HINT_RESTORE
#define RETURNS_GUARD
#define HISTORY_GUARD
#define BUFFERS_GUARD
#endif

/* struct hv_state begins with the general registers, in the order of their numbers. */
#define GPR(n) ((n) * 8)

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
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
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
	mov	GPR(1)(%rdi), %rcx
	mov	GPR(2)(%rdi), %rdx
	mov	GPR(3)(%rdi), %rbx
	mov	GPR(5)(%rdi), %rbp
	mov	GPR(6)(%rdi), %rsi
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15
	mov	GPR(\n)(%rdi), %r\n
	.endr
	mov	GPR(7)(%rdi), %rdi
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
	mov	%rcx, GPR(1)(%rax)
	mov	%rdx, GPR(2)(%rax)
	mov	%rbx, GPR(3)(%rax)
	mov	%rbp, GPR(5)(%rax)
	mov	%rsi, GPR(6)(%rax)
	mov	%rdi, GPR(7)(%rax)
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15
	mov	%r\n, GPR(\n)(%rax)
	.endr
	pop	GPR(0)(%rax)

	/* No value of the guest's is left for speculation to use. */
	.irp	reg, ecx, edx, ebx, ebp, esi, edi
	xor	%\reg, %\reg
	.endr
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15
	xor	%r\n\()d, %r\n\()d
	.endr

	/* Both before the first return; what the guest cannot change is read all the same. */
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
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
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
