/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a 32- or 64-bit guest begins: from real mode, by way of the firmware's memory map, to flat
 * protected mode, and in long mode with the first 8 GiB mapped to themselves. Interrupts are off,
 * both 8259A masked.
 */
#define STACK_TOP	0x90000
#define E820_MAP	0x6000		/* at most 64 entries of 24 bytes */
#define E820_COUNT	0x67fc
#define PAGE_TABLES	0x200000	/* PML4, PDPT, eight page directories */
#define CODE32		0x08
#define DATA32		0x10
#define CODE64		0x18

	.code16
	.section .start, "ax"

	.global start
start:	ljmp	$0, $1f
1:	xorl	%eax, %eax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7c00, %sp
	cld
	movl	%eax, E820_COUNT
	movzbl	%dl, %eax
	movl	%eax, boot_drive
	cmpb	$0xff, %dl		/* no firmware, no map */
	je	3f
	xorl	%ebx, %ebx
	movw	$E820_MAP, %di
2:	movl	$1, 20(%di)
	movl	$0xe820, %eax
	movl	$24, %ecx
	movl	$0x534d4150, %edx
	int	$0x15
	jc	3f
	incl	E820_COUNT
	addw	$24, %di
	testl	%ebx, %ebx
	jz	3f
	cmpl	$64, E820_COUNT
	jb	2b
3:	cli
	movb	$0xff, %al
	outb	%al, $0x21
	outb	%al, $0xa1
	lgdtl	gdt_pointer
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	ljmpl	$CODE32, $4f

	.code32
4:	movw	$DATA32, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %fs
	movw	%ax, %gs
	movw	%ax, %ss
	movl	$STACK_TOP, %esp
	movl	$bss_start, %edi
	movl	$bss_end, %ecx
	subl	%edi, %ecx
	xorl	%eax, %eax
	rep stosb
#if GUEST_BITS == 32
	call	guest_begin
#else
	call	make_page_tables
	call	enter_long_mode
	ljmpl	$CODE64, $5f

	.code64
5:	movl	$STACK_TOP, %esp	/* clears the upper half, too */
	call	guest_begin

/* Identity, 2 MiB pages, all of it cached: guests have no MTRRs to say otherwise. */
	.code32
make_page_tables:
	movl	$PAGE_TABLES, %edi
	movl	$(10 * 4096 / 4), %ecx
	xorl	%eax, %eax
	rep stosl
	movl	$(PAGE_TABLES + 0x1003), PAGE_TABLES
	movl	$(PAGE_TABLES + 0x2003), %eax
	movl	$(PAGE_TABLES + 0x1000), %edi
	movl	$8, %ecx
6:	movl	%eax, (%edi)
	addl	$0x1000, %eax
	addl	$8, %edi
	loop	6b
	movl	$0x83, %eax
	xorl	%edx, %edx
	movl	$(PAGE_TABLES + 0x2000), %edi
	movl	$(8 * 512), %ecx
7:	movl	%eax, (%edi)
	movl	%edx, 4(%edi)
	addl	$0x200000, %eax
	adcl	$0, %edx
	addl	$8, %edi
	loop	7b
	ret

/* PAE, page tables, LME, paging: other processors come here too. */
enter_long_mode:
	movl	%cr4, %eax
	orl	$0x20, %eax
	movl	%eax, %cr4
	movl	$PAGE_TABLES, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx
	rdmsr
	orl	$0x100, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000000, %eax
	movl	%eax, %cr0
	ret

/*
 * Where another processor begins after its start-up message: copied to page 5 of memory by
 * smp.c, which puts the processor's stack into ap_stack and its function into ap_main.
 */
	.code16
	.global ap_start, ap_start_end, ap_stack, ap_main
ap_start:
	cli
	xorw	%ax, %ax
	movw	%ax, %ds
	lgdtl	gdt_pointer
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	ljmpl	$CODE32, $8f
ap_start_end:

	.code32
8:	movw	$DATA32, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	ap_stack, %esp
	call	enter_long_mode
	ljmpl	$CODE64, $9f

	.code64
9:	movl	%esp, %esp
	lidt	idt_pointer
	call	*ap_main
	cli
	hlt
	jmp	9b

	.data
	.balign 8
ap_stack:
	.quad	0
ap_main:
	.quad	0
#endif

	.data
	.balign 8
gdt:	.quad	0
	.quad	0x00cf9b000000ffff
	.quad	0x00cf93000000ffff
	.quad	0x00af9b000000ffff
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt

	.global boot_drive
boot_drive:
	.long	0
