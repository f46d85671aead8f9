/* SPDX-License-Identifier: GPL-2.0-only */
/* First in the guest's image. */
	.section .start, "ax"
	.globl start
start:
	jmp main_of
	.section .note.GNU-stack, "", @progbits
