/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a 16-bit guest begins: all segments 0, interrupts as the firmware left them. */
	.code16
	.section .start, "ax"

	.global start
start:	ljmp	$0, $1f
1:	xorl	%eax, %eax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	$0x7c00, %esp
	movzbl	%dl, %edx
	movl	%edx, boot_drive
	cld
	movl	$bss_start, %edi
	movl	$bss_end, %ecx
	subl	%edi, %ecx
	rep stosb
	calll	guest_begin

/*
 * void bios(unsigned n, struct bios_regs *r): int n with r's registers, which it leaves in r. The
 * number is patched into the instruction.
 */
	.text
	.global bios
bios:	pushal
	pushw	%ds
	pushw	%es
	movl	40(%esp), %eax
	movb	%al, bios_int + 1
	movl	44(%esp), %ebp
	movl	%ebp, bios_regs_at
	movl	0(%ebp), %eax
	movl	4(%ebp), %ebx
	movl	8(%ebp), %ecx
	movl	12(%ebp), %edx
	movl	16(%ebp), %esi
	movl	20(%ebp), %edi
	movw	28(%ebp), %es
	movl	24(%ebp), %ebp
	clc
	jmp	bios_int		/* the patched byte may have been fetched already */
bios_int:
	int	$0
	pushfw
	pushl	%ebp
	xorw	%bp, %bp
	movw	%bp, %ds
	movl	bios_regs_at, %ebp
	movl	%eax, 0(%ebp)
	movl	%ebx, 4(%ebp)
	movl	%ecx, 8(%ebp)
	movl	%edx, 12(%ebp)
	movl	%esi, 16(%ebp)
	movl	%edi, 20(%ebp)
	popl	24(%ebp)
	movw	%es, 28(%ebp)
	popw	30(%ebp)
	cld
	popw	%es
	popw	%ds
	popal
	retl

	.data
	.balign 4
	.global boot_drive
boot_drive:
	.long	0
bios_regs_at:
	.long	0
