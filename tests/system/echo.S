/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A boot sector that shows what is typed, by way of the BIOS: characters as they are, other keys as
 * their scan codes in angle brackets. Made and used by test_control.py.
 */
#include "sector.inc"

	BEGIN
	movw	$greeting, %si
	SAY	next

next:
	movb	$0x10, %ah		/* wait for a key, those of 101-key keyboards included */
	int	$0x16
	cmpb	$0, %al
	je	special
	cmpb	$0xe0, %al
	je	special
	call	put
	cmpb	$'\r', %al
	jne	next
	movb	$'\n', %al
	call	put
	jmp	next

special:
	movb	%ah, %dl
	movb	$'<', %al
	call	put
	movb	%dl, %al
	shrb	$4, %al
	call	digit
	movb	%dl, %al
	andb	$15, %al
	call	digit
	movb	$'>', %al
	call	put
	jmp	next

digit:
	addb	$'0', %al
	cmpb	$'9', %al
	jbe	put
	addb	$'a' - '9' - 1, %al
	PUT

greeting:
	.asciz	"\r\necho is ready\r\n"

	END
