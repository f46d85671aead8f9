/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The boot sector: loads the rest of the image behind itself with int 13h's extended read, and
 * goes there in real mode with DL still the drive. From a firmware image (boot/rom.S) all is in
 * place already; then this is not run.
 */
	.code16
	.section .boot, "ax"

	.global boot_sector
boot_sector:
	ljmp	$0, $1f
1:	cli
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7c00, %sp
	sti
	cld
	movw	$image_sectors, %bp
2:	movw	$64, %ax		/* sectors at a time: 32 KiB */
	cmpw	%ax, %bp
	ja	3f
	movw	%bp, %ax
3:	movw	%ax, packet_count
	movw	$packet, %si
	movb	$0x42, %ah
	int	$0x13
	jc	fail
	movw	packet_count, %ax
	subw	%ax, %bp
	jz	start
	addw	%ax, packet_sector
	shlw	$5, %ax			/* sectors to paragraphs */
	addw	%ax, packet_segment
	jmp	2b

/* Nothing to print with yet: the verdict must do. */
fail:	movw	$0x501, %dx
	movb	$102, %al
	outb	%al, %dx
	hlt
	jmp	fail

	.balign 4
packet:	.word	16
packet_count:
	.word	0
	.word	0			/* offset and segment of 0x7e00 */
packet_segment:
	.word	0x7e0
packet_sector:
	.quad	1

	/* One active partition, so that firmware takes this for a disk to boot from. */
	.org	boot_sector + 446
	.byte	0x80, 0, 2, 0, 0x7f, 0, 0x3f, 0
	.long	1, 2047
	.org	boot_sector + 510
	.word	0xaa55
