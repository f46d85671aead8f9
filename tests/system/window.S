/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A boot sector for a window: shows what is typed, and > < ! for what the mouse does; F1 switches
 * between text and 640x480 graphics; the power button turns it off. Used by test_sdl.py.
 */
	.equ	PM1_STATUS, 0x600	/* where SeaBIOS puts it */
	.equ	PM1_CONTROL, 0x604
	.equ	POWER_BUTTON, 0x100
	.equ	SOFT_OFF, 0x2000

#include "sector.inc"

	BEGIN
	MOUSE	on_mouse
greet:
	movw	$greeting, %si
	SAY	next

next:
	hlt
	movw	$PM1_STATUS, %dx
	inw	%dx, %ax
	testw	$POWER_BUTTON, %ax
	jnz	off
	xorb	%al, %al
	xchgb	%al, moved
	testb	%al, %al
	jz	keys
	call	put
keys:
	movb	$0x11, %ah		/* is there a key? */
	int	$0x16
	jz	next
	movb	$0x10, %ah
	int	$0x16
	cmpb	$0x3b, %ah
	je	switch
	call	put
	jmp	keys

switch:
	movb	mode, %al
	xorb	$(0x03 ^ 0x12), %al
	movb	%al, mode
	xorb	%ah, %ah
	int	$0x10
	jmp	greet

off:
	movw	$PM1_CONTROL, %dx
	movw	$SOFT_OFF, %ax
	outw	%ax, %dx
	jmp	off

	PUT

/* Called far by the BIOS, with status, x, y and 0 on the stack, each a word. */
on_mouse:
	pushw	%bp
	movw	%sp, %bp
	cmpb	$'!', %ss:moved		/* a click that was not shown yet stays */
	je	2f
	testw	$1, 12(%bp)
	jz	1f
	movb	$'!', %ss:moved
	jmp	2f
1:	cmpw	$0, 10(%bp)
	je	2f
	movb	$'>', %ss:moved
	testw	$0x10, 12(%bp)
	jz	2f
	movb	$'<', %ss:moved
2:	popw	%bp
	lret

moved:	.byte	0
mode:	.byte	3
greeting:
	.asciz	"\r\nwindow is ready\r\n"

	END
