/* SPDX-License-Identifier: GPL-2.0-only */
/* Two tasks of a 32-bit guest, that switch in each way there is: the second is a coroutine. */
#include "guest.h"

#define BUSY_A	G_GDT + S_TSS + 5
#define BUSY_B	G_GDT + S_TSS_B + 5

guest task, 32
	movl	$0xaaaa, %ebp
	movl	$0x5555, %edi
	ljmp	$S_TSS_B, $0
	cmpl	$0xaaaa, %ebp			/* it has come back by JMP */
	REQUIRE(e)
	cmpl	$0x5555, %edi
	REQUIRE(e)
	cmpl	$G_STACK, %esp
	REQUIRE(e)
	testb	$2, BUSY_B
	REQUIRE(z)
	testb	$2, BUSY_A
	REQUIRE(nz)
	STEP(1)
	lcall	$S_TSS_B, $0
	testb	$2, BUSY_B
	REQUIRE(z)
	pushfl
	testl	$0x4000, (%esp)
	REQUIRE(z)
	popfl
	STEP(2)
	movw	$0x5678, %ax
	movw	%ax, %es			/* #GP, whose gate leads to the other task */
	FAIL
	.globl	guest_task_after
guest_task_after:
	STEP(3)
	movb	$0x09, G_GDT + S_TSS_C + 5	/* not present */
	EXPECT_TRAP(11, S_TSS_C, ljmp $S_TSS_C, $0)
	movb	$0x89, G_GDT + S_TSS_C + 5
	movw	$0x20, G_GDT + S_TSS_C		/* too short */
	EXPECT_TRAP(10, S_TSS_C, ljmp $S_TSS_C, $0)
	EXPECT_TRAP(13, S_TSS, ljmp $S_TSS, $0)	/* busy */
	cmpl	$0xaaaa, %ebp
	REQUIRE(e)
	DONE

guest task_b, 32
	cmpl	$0x1234, %ebx			/* from its TSS */
	REQUIRE(e)
	movw	%ds, %ax
	cmpw	$S_DATA, %ax
	REQUIRE(e)
	testb	$2, BUSY_A
	REQUIRE(z)
	testb	$2, BUSY_B
	REQUIRE(nz)
	movl	%cr0, %eax
	testl	$8, %eax			/* TS */
	REQUIRE(nz)
	clts
	movl	$0xbbbb, %ebp
	STEP(10)
	ljmp	$S_TSS, $0
	cmpl	$0xbbbb, %ebp			/* by CALL */
	REQUIRE(e)
	cmpw	$S_TSS, G_TSS_B
	REQUIRE(e)
	testb	$2, BUSY_A
	REQUIRE(nz)
	pushfl
	testl	$0x4000, (%esp)
	REQUIRE(nz)
	popl	%eax
	STEP(11)
	iretl
	popl	%eax				/* by an exception: its error code */
	cmpl	$0x5678, %eax
	REQUIRE(e)
	movl	$guest_task_after, G_TSS + 0x20
	STEP(12)
	iretl
	FAIL

/* INT n through a task gate. */
guest task_int, 32
	movl	$0xaaaa, %ebp
	int	$0x4a
	cmpl	$0xaaaa, %ebp
	REQUIRE(e)
	STEP(2)
	int	$0x4a
	DONE

guest task_int_b, 32
	pushfl
	testl	$0x4000, (%esp)
	REQUIRE(nz)
	movl	$0xbbbb, %ebp
	STEP(1)
	popl	%eax
	iretl
	STEP(3)
	iretl

	.section .note.GNU-stack, "", @progbits
