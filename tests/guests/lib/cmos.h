/* SPDX-License-Identifier: GPL-2.0-only */
/* CMOS memory, and in it the step at which a guest is that resets the machine on its way. */
#ifndef GUESTS_CMOS_H
#define GUESTS_CMOS_H

#include "io.h"

enum { CMOS_INDEX = 0x70, CMOS_DATA = 0x71, CMOS_STEP = 0x7e };

static inline uint8_t cmos_read(uint8_t n)
{
	out8(CMOS_INDEX, n);
	return in8(CMOS_DATA);
}

static inline void cmos_write(uint8_t n, uint8_t v)
{
	out8(CMOS_INDEX, n);
	out8(CMOS_DATA, v);
}

#endif
