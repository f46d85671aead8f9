/* SPDX-License-Identifier: GPL-2.0-only */
/* What the exits benchmark's guest and its user have in common: addresses, ports, results. */
#ifndef EXITS_SHARED_H
#define EXITS_SHARED_H

#include <stdint.h>

enum {
	RESULTS_GPA = 0x20000,	  /* struct result[], ended by an empty name */
	IMAGE_GPA = 0x100000,	  /* where the guest's program lies; entered at its start */
	STACKS_GPA = 0x400000,	  /* the end of the first vCPU's stack; 64 KiB for each */
	SMALL_GPA = 0x10000000,	  /* memory in pages of 4 KiB */
	HUGE_GPA = 0x20000000,	  /* memory in pages of 2 MiB */
	LOGGED_GPA = 0x30000000,  /* memory whose dirty pages are logged */
	EVENT_GPA = 0x40000000,	  /* an ioeventfd */
	NOWHERE_GPA = 0x40001000, /* nothing: for the user */
};
enum { PAGES = 256, HUGE_PAGES = 16, LOGGED_PAGES = 768 };
enum { PORT_USER = 0x608, PORT_EVENT = 0x620, PORT_DONE = 0x630 };
/* Written to PORT_DONE: what the user is to do before the guest goes on. */
enum { DONE_LOG, DONE_SPENT, DONE_VRAM, DONE_ALL };
/* DONE_SPENT: what the user's threads executed, 64 bits; DONE_VRAM: can it be tracked? */
enum { SPENT_GPA = 0x30000 };

struct result {
	char name[56];
	uint64_t insn; /* of one operation */
};

#endif
