/* SPDX-License-Identifier: GPL-2.0-only */
/* Guests for each family of exits. */
#include "guest.h"

/* --- ports --- */

guest io, 64
	movb	$0x11, %al
	outb	%al, $P_DATA
	movw	$0x2233, %ax
	outw	%ax, $P_DATA
	movl	$0x44556677, %eax
	outl	%eax, $P_DATA
	movw	$0x1234, %dx
	outb	%al, %dx
	movq	$-1, %rax
	inb	$P_DATA, %al
	cmpq	$~0xff + 0x81, %rax
	REQUIRE(e)
	movq	$-1, %rax
	inw	%dx, %ax
	cmpq	$~0xffff + 0x8182, %rax
	REQUIRE(e)
	movq	$-1, %rax
	inl	%dx, %eax			/* clears the upper half */
	movl	$0x81828384, %ebx
	cmpq	%rbx, %rax
	REQUIRE(e)
	DONE

/* The test fills G_FREE with a pattern; rdi and rsi are checked after each. */
guest io_string, 64
	cld
	movl	$G_FREE, %esi
	movw	$P_DATA, %dx
	movl	$10, %ecx
	rep	outsb
	cmpl	$G_FREE + 10, %esi
	REQUIRE(e)
	testl	%ecx, %ecx
	REQUIRE(z)
	movl	$3, %ecx
	rep	outsl
	cmpl	$G_FREE + 22, %esi
	REQUIRE(e)
	outsw
	cmpl	$G_FREE + 24, %esi
	REQUIRE(e)
	xorl	%ecx, %ecx
	rep	outsb				/* nothing */
	movl	$G_FREE + 0x1000, %edi
	movl	$5, %ecx
	rep	insw
	cmpl	$G_FREE + 0x1000 + 10, %edi
	REQUIRE(e)
	std
	movl	$G_FREE + 0x2007, %edi
	movl	$8, %ecx
	rep	insb
	cld
	cmpl	$G_FREE + 0x1fff, %edi
	REQUIRE(e)
	insl
	cmpl	$G_FREE + 0x2003, %edi
	REQUIRE(e)
	movl	$G_FREE + 0x2ffa, %esi		/* across a page, more than a page */
	movl	$5000, %ecx
	rep	outsb
	cmpl	$G_FREE + 0x2ffa + 5000, %esi
	REQUIRE(e)
	DONE

guest io_string16, 16
	cld
	movw	$0x6ff0, %si
	movw	$P_DATA, %dx
	movw	$4, %cx
	rep	outsb
	cmpw	$0x6ff4, %si
	REQUIRE(e)
	movw	$0x600, %ax			/* ES and a segment prefix */
	movw	%ax, %es
	movw	$0x10, %di
	movw	$2, %cx
	rep	insw
	cmpw	$0x14, %di
	REQUIRE(e)
	movw	$0x10, %si
	movw	$2, %cx
	rep	outsw	%es:(%si), %dx
	cmpw	$0x14, %si
	REQUIRE(e)
	DONE

/* A page that the guest's own tables do not map, in the middle of REP INS. */
guest io_string_fault, 64
	cld
	movl	$G_FREE + 0x1ffe, %edi
	movw	$P_DATA, %dx
	movl	$4, %ecx
	EXPECT_TRAP(14, 2, rep insb)
	cmpq	$G_FREE + 0x2000, T_CR2
	REQUIRE(e)
	cmpl	$G_FREE + 0x2000, %edi
	REQUIRE(e)
	cmpl	$2, %ecx
	REQUIRE(e)
	DONE

/* --- MMIO: read, write, read-modify-write --- */

guest mmio, 64
	movl	$G_MMIO, %ebx
	movb	$0x12, (%rbx)
	movw	$0x1234, 2(%rbx)
	movl	$0x12345678, 4(%rbx)
	movabsq	$0x1122334455667788, %rax
	movq	%rax, 8(%rbx)
	movb	(%rbx), %cl
	cmpb	$0xa1, %cl
	REQUIRE(e)
	movzwl	2(%rbx), %ecx
	cmpl	$0xa2a3, %ecx
	REQUIRE(e)
	movslq	4(%rbx), %rcx
	cmpq	$-2, %rcx
	REQUIRE(e)
	movq	8(%rbx), %rcx
	movabsq	$0x8877665544332211, %rax
	cmpq	%rax, %rcx
	REQUIRE(e)
	addl	$5, 0x10(%rbx)
	REQUIRE(nc)
	lock orl $0x80, 0x14(%rbx)
	REQUIRE(nz)
	movl	$77, %eax
	xchgl	%eax, 0x18(%rbx)
	cmpl	$0x99, %eax
	REQUIRE(e)
	btsl	$4, 0x1c(%rbx)
	REQUIRE(c)
	movl	$3, 0xffe(%rbx)			/* across a page of nothing */
	DONE

/* --- CPUID and MSRs --- */

/* Stores leaves 0 and 1 at G_SCRATCH. */
guest cpuid, 64
	xorl	%eax, %eax
	cpuid
	movl	%eax, G_SCRATCH
	movl	%ebx, G_SCRATCH + 4
	movl	%ecx, G_SCRATCH + 8
	movl	%edx, G_SCRATCH + 12
	movq	$-1, %rax
	movl	$1, %eax
	movq	$-1, %rbx
	cpuid
	movl	%eax, G_SCRATCH + 16
	movl	%ebx, G_SCRATCH + 20
	movl	%ecx, G_SCRATCH + 24
	movl	%edx, G_SCRATCH + 28
	shrq	$32, %rbx
	REQUIRE(z)
	DONE

	.macro	msr_keeps msr, lo, hi
	movl	$\msr, %ecx
	movl	$\lo, %eax
	movl	$\hi, %edx
	wrmsr
	outl	%eax, $P_DATA			/* an exit between */
	xorl	%eax, %eax
	xorl	%edx, %edx
	rdmsr
	cmpl	$\lo, %eax
	REQUIRE(e)
	cmpl	$\hi, %edx
	REQUIRE(e)
	.endm

guest msr, 64
	msr_keeps 0x174, 0x10, 0		/* SYSENTER_CS, ESP, EIP */
	msr_keeps 0x175, 0x12345000, 0
	msr_keeps 0x176, 0x23456000, 0
	msr_keeps 0x277, 0x00070106, 0x00070106	/* PAT */
	msr_keeps 0xc0000081, 0, 0x00230010	/* STAR, LSTAR, CSTAR, SFMASK */
	msr_keeps 0xc0000082, 0x81234567, 0xffffffff
	msr_keeps 0xc0000083, 0x81234568, 0xffffffff
	msr_keeps 0xc0000084, 0x300, 0
	msr_keeps 0xc0000100, 0x11110000, 0x1	/* FS, GS, kernel GS */
	msr_keeps 0xc0000101, 0x22220000, 0x2
	msr_keeps 0xc0000102, 0x33330000, 0x3
	msr_keeps 0x2ff, 0xc06, 0		/* MTRR default type */
	DONE

	.macro	wrmsr_faults msr, lo, hi
	movl	$\msr, %ecx
	movl	$\lo, %eax
	movl	$\hi, %edx
	EXPECT_TRAP(13, 0, wrmsr)
	.endm

guest msr_faults, 64
	movl	$0x12345, %ecx
	EXPECT_TRAP(13, 0, rdmsr)
	wrmsr_faults 0x12345, 0, 0
	wrmsr_faults 0x277, 0x00000002, 0	/* PAT: no such type */
	wrmsr_faults 0xc0000080, 0x501, 0x80000000 /* EFER: a reserved bit */
	wrmsr_faults 0xc0000080, 0x001, 0	/* EFER: LME off while paging */
	wrmsr_faults 0x1b, 0xfee00d00 | 0x200, 0 /* APIC base: a reserved bit */
	cmpl	$6, G_COUNTS + 13 * 4
	REQUIRE(e)
	DONE

/* One that nobody knows, for the user, who answers, takes a write, and makes the third fault. */
guest msr_user, 64
	movl	$0x12345, %ecx
	rdmsr
	cmpl	$0x55667788, %eax
	REQUIRE(e)
	cmpl	$0x11223344, %edx
	REQUIRE(e)
	movl	$0xaabbccdd, %eax
	movl	$0x11, %edx
	wrmsr
	EXPECT_TRAP(13, 0, rdmsr)
	DONE

guest tsc, 64
	rdtsc
	movl	%eax, %esi
	movl	%edx, %edi
	movl	$0x10, %ecx
	rdmsr					/* the MSR is the same clock */
	subl	%esi, %eax
	sbbl	%edi, %edx
	REQUIRE(nc)
	cmpl	$0, %edx
	REQUIRE(e)
	STEP(1)
	rdtsc
	movl	%eax, G_SCRATCH
	movl	%edx, G_SCRATCH + 4
	STEP(2)
	xorl	%eax, %eax			/* the guest sets it */
	movl	$0x100, %edx
	movl	$0x10, %ecx
	wrmsr
	rdtsc
	cmpl	$0x100, %edx
	REQUIRE(e)
	DONE

/* --- control registers --- */

guest cr, 64
	movq	%cr0, %rax
	movq	%rax, %rbx
	orq	$0x8, %rax			/* TS, and CLTS */
	movq	%rax, %cr0
	movq	%cr0, %rcx
	testb	$8, %cl
	REQUIRE(nz)
	clts
	movq	%cr0, %rcx
	testb	$8, %cl
	REQUIRE(z)
	movw	$0xb, %ax			/* LMSW sets PE, MP, TS; cannot clear PE */
	lmsw	%ax
	smsw	%rcx
	andl	$0xf, %ecx
	cmpl	$0xb, %ecx
	REQUIRE(e)
	xorl	%eax, %eax
	lmsw	%ax
	movq	%cr0, %rcx
	andl	$0xf, %ecx
	cmpl	$1, %ecx
	REQUIRE(e)
	movq	%rbx, %rax
	orq	$0x60000000, %rax		/* CD, NW: allowed, and there when read */
	movq	%rax, %cr0
	movq	%cr0, %rcx
	andl	$0x60000000, %ecx
	cmpl	$0x60000000, %ecx
	REQUIRE(e)
	movq	%rbx, %cr0
	movq	%rbx, %rax
	orq	$0x20000000, %rax		/* NW without CD */
	EXPECT_TRAP(13, 0, movq %rax, %cr0)
	movq	%rbx, %rax
	andq	$~1, %rax			/* PG without PE */
	EXPECT_TRAP(13, 0, movq %rax, %cr0)
	movl	$0x1234, %eax
	movq	%rax, %cr2
	outl	%eax, $P_DATA
	movq	%cr2, %rcx
	cmpl	$0x1234, %ecx
	REQUIRE(e)
	movq	%cr3, %rax
	movq	%rax, %cr3
	cmpl	$G_TABLES, %eax
	REQUIRE(e)
	movq	%cr4, %rbx
	movq	%rbx, %rax
	orq	$0x80, %rax			/* PGE */
	movq	%rax, %cr4
	movq	%cr4, %rcx
	cmpq	%rax, %rcx
	REQUIRE(e)
	outl	%eax, $P_DATA
	movq	%rbx, %rax
	andq	$~0x20, %rax			/* no PAE in long mode */
	EXPECT_TRAP(13, 0, movq %rax, %cr4)
	movq	%rbx, %rax
	btsq	$15, %rax			/* reserved */
	EXPECT_TRAP(13, 0, movq %rax, %cr4)
	movq	%rbx, %cr4
	DONE

/* What the processor refuses without an exit. */
guest reserved_native, 64
	movq	%cr0, %rbx
	btsq	$32, %rbx
	EXPECT_TRAP(13, 0, movq %rbx, %cr0)
	movl	$16, %eax
	EXPECT_TRAP(13, 0, movq %rax, %cr8)
	DONE

guest cr8, 64
	movl	$9, %eax
	movq	%rax, %cr8
	outl	%eax, $P_DATA
	movq	%cr8, %rcx
	cmpl	$9, %ecx
	REQUIRE(e)
	movl	$0xfee00080, %ebx		/* the APIC's task priority is the same */
	movl	(%rbx), %eax
	cmpl	$0x90, %eax
	REQUIRE(e)
	movl	$0x35, (%rbx)
	movq	%cr8, %rcx
	cmpl	$3, %ecx
	REQUIRE(e)
	DONE

/* What is not present may have any bits; when reserved bits of the others fault, vendors differ. */
guest pae_cr3, 32
	movl	$0x1e6, G_FREE + 8
	movl	G_TABLES, %ecx
	movl	%ecx, G_FREE
	movl	$G_FREE, %eax
	movl	%eax, %cr3
	movl	%cr0, %ebx
	movl	%ebx, %ecx
	orl	$0x60000000, %ecx		/* CD and NW load them anew */
	movl	%ecx, %cr0
	movl	%ebx, %cr0
	movl	%cr3, %ecx
	cmpl	%eax, %ecx
	REQUIRE(e)
	DONE

guest lmsw_real, 16
	smsww	%ax
	orw	$1, %ax
	lgdtl	lmsw_gdt
	lmsw	%ax
	ljmpl	$S_CODE32, $1f
	.code32
1:	movw	$S_DATA, %ax
	movw	%ax, %ds
	DONE
lmsw_gdt:
	.word	G_GDT_SIZE - 1
	.long	G_GDT

/* --- instructions that exit for other reasons --- */

guest misc, 64
	pause
	wbinvd
	invd
	STEP(1)
	xorl	%eax, %eax
	xorl	%ecx, %ecx
	xorl	%edx, %edx
	EXPECT_TRAP(6, 0, monitor)
	EXPECT_TRAP(6, 0, mwait)
	EXPECT_TRAP(6, 0, ud2)
	EXPECT_TRAP(6, 0, vmrun)
	EXPECT_TRAP(6, 0, vmload)
	EXPECT_TRAP(6, 0, clgi)
	EXPECT_TRAP(6, 0, stgi)
	EXPECT_TRAP(6, 0, vmxon G_SCRATCH)
	EXPECT_TRAP(6, 0, .byte 0x0f; .byte 0xff; .byte 0xc0)
	DONE

guest hypercall, 64
	movl	$1000, %eax
	vmcall
	movq	%rax, %rcx
	STEP(1)
	movl	$1000, %eax
	vmmcall
	cmpq	%rax, %rcx
	REQUIRE(e)
	movq	%rax, G_SCRATCH
	DONE

guest hypercall_user, 64
	movl	$17, %eax
	movl	$1, %edi
	movl	$2, %esi
	movl	$3, %edx
	movl	$4, %r10d
	movl	$5, %r8d
	movl	$6, %r9d
	vmcall
	cmpl	$0x4321, %eax
	REQUIRE(e)
	movl	$17, %eax
	vmmcall
	cmpl	$0x4322, %eax
	REQUIRE(e)
	DONE

guest hlt, 64
	sti
	hlt
	cmpl	$1, G_COUNTS + 0x61 * 4
	REQUIRE(e)
	STEP(1)
	cli
	hlt					/* only an NMI ends this */
	cmpl	$1, G_COUNTS + 2 * 4
	REQUIRE(e)
	DONE

guest triple, 64
	lidt	triple_idt
	ud2
	FAIL
triple_idt:
	.word	0
	.quad	0

/* --- XSETBV --- */

guest xsetbv, 64
	movl	$1, %eax
	xorl	%ecx, %ecx
	cpuid
	btl	$26, %ecx			/* XSAVE */
	jnc	1f
	movq	%cr4, %rax
	btsq	$18, %rax
	movq	%rax, %cr4
	movl	$1, %eax
	cpuid
	btl	$27, %ecx			/* OSXSAVE follows CR4 */
	REQUIRE(c)
	xorl	%ecx, %ecx
	xgetbv
	cmpl	$1, %eax
	REQUIRE(e)
	movl	$3, %eax
	xorl	%edx, %edx
	xsetbv
	outl	%eax, $P_DATA
	xgetbv
	cmpl	$3, %eax
	REQUIRE(e)
	xorl	%edx, %edx
	movl	$2, %eax			/* without x87 */
	EXPECT_TRAP(13, 0, xsetbv)
	movl	$1, %ecx
	movl	$3, %eax
	EXPECT_TRAP(13, 0, xsetbv)
	xorl	%ecx, %ecx
	xgetbv
	cmpl	$3, %eax
	REQUIRE(e)
1:	DONE

	.section .note.GNU-stack, "", @progbits
