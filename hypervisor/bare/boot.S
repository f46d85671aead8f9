/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the bare machine begins: a multiboot 1 header, and from 32-bit mode to long mode with the
 * first 4 GiB mapped to themselves by 2 MiB pages, the last of them uncached for the local APIC.
 *
 * References: Multiboot Specification 0.6.96; AMD APM 2, "Activating Long Mode".
 */
#include "layout.h"

#define MULTIBOOT_HEADER	0x1badb002
#define MULTIBOOT_FLAGS		3		/* modules on pages, memory map */
#define MULTIBOOT_LOADED	0x2badb002
#define STACK_SIZE		0x8000

	.section .multiboot, "a"
	.balign 4
	.long	MULTIBOOT_HEADER, MULTIBOOT_FLAGS, -(MULTIBOOT_HEADER + MULTIBOOT_FLAGS)

	.text
	.code32
	.global start
start:	cli
	cld
	movl	$stack_top, %esp
	movl	%eax, %esi
	movl	%ebx, %edi

	movl	$pdpt + 3, pml4
	xorl	%ecx, %ecx
1:	movl	%ecx, %eax			/* pdpt[ecx] = &pd[ecx * 512] */
	shll	$12, %eax
	addl	$pd + 3, %eax
	movl	%eax, pdpt(, %ecx, 8)
	incl	%ecx
	cmpl	$4, %ecx
	jb	1b
	xorl	%ecx, %ecx
2:	movl	%ecx, %eax			/* pd[ecx]: 2 MiB, present, writable */
	shll	$21, %eax
	orl	$0x83, %eax
	cmpl	$3 * 512, %ecx
	jb	3f
	orl	$0x18, %eax			/* above 3 GiB: devices */
3:	movl	%eax, pd(, %ecx, 8)
	incl	%ecx
	cmpl	$4 * 512, %ecx
	jb	2b

	movl	%cr4, %eax
	orl	$0x620, %eax			/* PAE, OSFXSR, OSXMMEXCPT */
	movl	%eax, %cr4
	movl	$pml4, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx		/* EFER: SCE, LME, NXE */
	rdmsr
	orl	$0x901, %eax
	wrmsr
	movl	$0x80010033, %eax		/* PG, WP, NE, ET, MP, PE */
	movl	%eax, %cr0
	lgdt	gdt_pointer
	ljmp	$BARE_CS, $long_mode

	.code64
long_mode:
	movl	$BARE_DS, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	%eax, %fs
	movl	%eax, %gs
	xorl	%ebp, %ebp
	xchgl	%esi, %edi			/* bare_main(magic, multiboot information) */
	call	bare_main
1:	hlt
	jmp	1b

	.data
	.balign 8
	.global bare_gdt
bare_gdt:
	.quad	0, 0
	.quad	0x00af9b000000ffff		/* BARE_CS */
	.quad	0x00cf93000000ffff		/* BARE_DS */
	.quad	0, 0				/* BARE_TR: traps.c */
	.quad	0x00cff3000000ffff		/* BARE_USER_DS */
	.quad	0, 0				/* BARE_LDT: traps.c */
gdt_pointer:
	.word	. - bare_gdt - 1
	.quad	bare_gdt

	.bss
	.balign 4096
pml4:	.skip	4096
pdpt:	.skip	4096
pd:	.skip	4 * 4096
	.skip	STACK_SIZE
stack_top:

	.section .note.GNU-stack, "", @progbits
