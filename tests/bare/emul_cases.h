/* SPDX-License-Identifier: GPL-2.0-only */
/* Where guest_emul.S and test_emul.c meet. */
#ifndef BARE_EMUL_CASES_H
#define BARE_EMUL_CASES_H

#define EMUL_REGS	0x28000
#define EMUL_XMM	0x28100
#define EMUL_CODE	0x29000
#define EMUL_RAM	0x2a000	/* two pages: source and destination */

#endif
