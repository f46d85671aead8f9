/* SPDX-License-Identifier: GPL-2.0-only */
/* Guests that take exceptions and interrupts in every state; the tests inject them. */
#include "guest.h"

/* Counts in EBX, interrupts open: whatever comes is counted by the handlers. */
guest spin, 64
	sti
guest_spin_at:
	.globl	guest_spin_at
1:	incl	%ebx
	cmpl	$0, G_SCRATCH			/* until the test, or a handler, says so */
	je	1b
	DONE

/* The test sets the shadow, or a pending event, and looks where it hit: T_RIP. */
guest nops, 64
	nop
	.globl	guest_nops_1
guest_nops_1:
	nop
	nop
	nop
	DONE

/* Waits for something to come; the test has set a shadow over the first instruction. */
guest shadow, 64
	nop
	movl	$1000, %ecx
1:	movl	G_COUNTS + 2 * 4, %eax
	addl	G_COUNTS + 0x41 * 4, %eax
	jnz	2f
	loop	1b
	FAIL
2:	DONE

/* An interrupt waits: it comes behind the instruction that follows STI. */
guest sti_shadow, 64
	movl	$0, G_SCRATCH
	movl	$1000, %ecx
	STEP(1)
	sti
	.globl	guest_sti_shadow_in
guest_sti_shadow_in:
	incl	G_SCRATCH
1:	cmpl	$0, G_COUNTS + 0x41 * 4		/* emulators may be an instruction or two late */
	jne	2f
	loop	1b
	FAIL
2:	DONE

/* STI, then an exit that is handled in the hypervisor: the shadow is over behind it. */
guest sti_exit, 64
	STEP(1)
	sti
	cpuid
	.globl	guest_sti_exit_after
guest_sti_exit_after:
	nop
	cmpl	$1, G_COUNTS + 0x41 * 4
	REQUIRE(e)
	DONE

guest sti_hlt, 64
	STEP(1)
	sti
	hlt
	.globl	guest_sti_hlt_after
guest_sti_hlt_after:
	cmpl	$1, G_COUNTS + 0x41 * 4
	REQUIRE(e)
	DONE

/* Interrupts closed: the window opens at POPF, and at IRET. */
guest window, 64
	STEP(1)
	nop
	cmpl	$0, G_COUNTS + 0x41 * 4
	REQUIRE(e)
	pushq	$0x202
	popfq
	.globl	guest_window_after
guest_window_after:
	nop
	cmpl	$1, G_COUNTS + 0x41 * 4
	REQUIRE(e)
	DONE

/* NMI: the handler stops at step 10, where the test sends another; it may come after IRET only. */
guest nmi, 64
	movq	$nmi_hook, T_HOOK
	STEP(1)
	nop
	cmpl	$2, G_COUNTS + 2 * 4
	REQUIRE(e)
	DONE
nmi_hook:
	incl	G_SCRATCH
	cmpl	$1, G_SCRATCH
	REQUIRE(e)
	STEP(10)
	cpuid
	nop
	decl	G_SCRATCH
	ret

/* What the guest raises by itself, while the test takes the IDT away from stage 2. */
guest raise, 64
	STEP(1)
	EXPECT_TRAP(6, 0, ud2)
	STEP(2)
	EXPECT_TRAP(14, 2, movl %eax, G_FREE)	/* not in the guest's tables */
	cmpq	$G_FREE, T_CR2
	REQUIRE(e)
	STEP(3)
	movl	$0x12345, %ecx
	EXPECT_TRAP(13, 0, rdmsr)
	STEP(4)
	movw	$0x5678, %ax
	EXPECT_TRAP(13, 0x5678, movw %ax, %ds)
	STEP(5)
	sti
	nop
	nop
	cli
	cmpl	$1, G_COUNTS + 0x41 * 4
	REQUIRE(e)
	STEP(6)
	nop
	cmpl	$1, G_COUNTS + 2 * 4
	REQUIRE(e)
	DONE

/* INT n and INT3 are run again when their delivery is cut short. */
guest raise_soft, 64
	STEP(1)
	int	$0x47
	cmpl	$1, G_COUNTS + 0x47 * 4
	REQUIRE(e)
	STEP(2)
	int3
	cmpl	$1, G_COUNTS + 3 * 4
	REQUIRE(e)
	DONE

/* The same behind STI, while an interrupt waits: that one comes afterwards. */
guest soft_shadow, 64
	STEP(1)
	sti
	int	$0x47
	nop
	cmpl	$1, G_COUNTS + 0x47 * 4
	REQUIRE(e)
	cmpl	$1, G_COUNTS + 0x41 * 4
	REQUIRE(e)
	DONE

/* A fault in the delivery of a fault: gates are taken away by the test. */
guest double, 64
	movl	$0x12345, %ecx			/* the hypervisor's #GP finds its gate absent */
	EXPECT_TRAP(8, 0, rdmsr)
	DONE

guest double_native, 64
	EXPECT_TRAP(8, 0, movl %eax, G_FREE)
	DONE

guest double_io, 64
	movw	$P_DATA, %dx
	movl	$G_FREE, %edi
	EXPECT_TRAP(8, 0, insb)			/* the hypervisor's page fault */
	DONE

guest triple_rdmsr, 64
	movl	$0x12345, %ecx
	rdmsr
	FAIL

/* Exceptions in real mode have no error code. */
guest real_faults, 16
	EXPECT_TRAP(6, 0, ud2)
	movl	$0x12345, %ecx
	EXPECT_TRAP(13, 0, rdmsr)		/* the hypervisor's */
	cmpw	$G_STACK, %sp
	REQUIRE(e)
	STEP(1)
	sti
	nop
	nop
	cmpl	$1, G_COUNTS + 0x41 * 4
	REQUIRE(e)
	DONE

/* Single steps: RFLAGS.TF over instructions that exit and are finished in the hypervisor. */
guest step, 64
	movl	$G_MMIO, %esi
	pushfq
	orl	$0x100, (%rsp)
	popfq
	nop					/* 1 */
	cpuid					/* 2 */
	outl	%eax, $P_DATA			/* 3 */
	movl	(%rsi), %eax			/* 4 */
	pushfq					/* 5 */
	andl	$~0x100, (%rsp)			/* 6 */
	popfq					/* 7 */
	nop
	cmpl	$7, G_COUNTS + 1 * 4
	REQUIRE(e)
	DONE

/* An interrupt of priority class 4 while CR8 goes down. */
guest tpr, 64
	movl	$0xfee000f0, %ebx
	movl	$0x100 + 0xff, (%rbx)
	movl	$1, T_EOI
	movl	$8, %eax
	movq	%rax, %cr8
	sti
	STEP(1)
	nop
	cmpl	$0, G_COUNTS + 0x45 * 4
	REQUIRE(e)
	movl	$4, %eax			/* its own class masks it */
	movq	%rax, %cr8
	nop
	cmpl	$0, G_COUNTS + 0x45 * 4
	REQUIRE(e)
	movl	$3, %eax
	movq	%rax, %cr8
	nop
	nop
	cmpl	$1, G_COUNTS + 0x45 * 4
	REQUIRE(e)
	DONE

	.section .note.GNU-stack, "", @progbits
