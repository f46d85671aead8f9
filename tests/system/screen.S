/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A boot sector for viewers: it shows what is typed and how the mouse moves (+ and - for right and
 * left, L for the left button), and changes the screen's mode: F1 is text, F2 a picture of 640 by
 * 480 dots. There is no cursor, so that the screen is at rest while nothing happens. Made and used
 * by test_web.py.
 */
#include "sector.inc"

	BEGIN
	MOUSE	moved
	movw	$0x0003, %ax
mode:
	int	$0x10
	movb	$1, %ah			/* no cursor */
	movw	$0x2000, %cx
	int	$0x10
	movw	$greeting, %si
	SAY	next

next:
	movb	$0x10, %ah
	int	$0x16
	cmpb	$0x3b, %ah
	je	text
	cmpb	$0x3c, %ah
	je	picture
	call	put
	cmpb	$'\r', %al
	jne	next
	movb	$'\n', %al
	call	put
	jmp	next
text:
	movw	$0x0003, %ax
	jmp	mode
picture:
	movw	$0x0012, %ax
	jmp	mode

	PUT

/* Called far by the BIOS, with a packet on the stack. */
moved:
	pusha
	movw	%sp, %bp
	movw	26(%bp), %cx		/* buttons and signs */
	movb	$'L', %al
	testb	$1, %cl
	jnz	1f
	movb	$'-', %al
	testb	$0x10, %cl
	jnz	1f
	movb	$'+', %al
	cmpw	$0, 24(%bp)
	je	2f
1:	call	put
2:	popa
	lret

greeting:
	.asciz	"the screen is ready\r\n"

	END
