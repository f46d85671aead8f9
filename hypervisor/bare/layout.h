/* SPDX-License-Identifier: GPL-2.0-only */
/* Selectors of the bare machine: for C and for assembly. */
#ifndef BARE_LAYOUT_H
#define BARE_LAYOUT_H

#define BARE_CS 0x10
#define BARE_DS 0x18
#define BARE_TR 0x20
#define BARE_USER_DS 0x33
#define BARE_LDT 0x38
#define BARE_LDT_DS 0x07 /* in the LDT */

#endif
