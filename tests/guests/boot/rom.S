/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A firmware image of 128 KiB that is nothing but a guest: copies the guest to where a boot
 * sector would have loaded it, and starts it with DL = 0xff. GUEST_IMAGE names the image.
 */
	.code16
	.section .rom, "ax"

rom:	.incbin	GUEST_IMAGE
	.if	. - rom > 0xfe00
	.error	"the guest does not fit"
	.endif

	.org	rom + 0x1fe00
reset:	cli
	cld
	movw	$0xe000, %ax
	movw	%ax, %ds
	xorw	%ax, %ax
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7c00, %sp
	xorw	%si, %si
	movw	$0x7c00, %di
	movw	$(0x8400 / 4), %cx	/* up to 64 KiB in guest memory */
	rep movsl
	movw	$0x1000, %ax
	movw	%ax, %es
	xorw	%di, %di
	movw	$(0x7a00 / 4), %cx	/* and the rest of the image */
	rep movsl
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movb	$0xff, %dl
	ljmp	$0, $0x7e00

	.org	rom + 0x1fff0
	ljmp	$0xf000, $(reset - rom - 0x10000)
	.org	rom + 0x20000
