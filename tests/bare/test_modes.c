// SPDX-License-Identifier: GPL-2.0-only
/* Entries in each mode that a processor has, and a guest that walks through them. */
#include "rig.h"

static void answer_probe(struct rig *r)
{
	expect_in(r, P_DATA, 4, 0xcafe1234);
}

static void probe(struct rig *r)
{
	answer_probe(r);
	expect_done(r);
}

static void probe_mmio(struct rig *r)
{
	answer_probe(r);
	expect_mmio_write(r, G_MMIO, 4, 0x5a5a0001);
	expect_mmio_read(r, G_MMIO + 4, 4, 0x600dcafe);
	expect_done(r);
}

CASE_ENTRY(mode_real, MODE_REAL, guest_real, probe);
CASE_ENTRY(mode_unreal, MODE_UNREAL, guest_unreal, probe_mmio);
CASE_ENTRY(mode_32, MODE_32, guest_prot32, probe_mmio);
CASE_ENTRY(mode_32_paged, MODE_32_PAGED, guest_prot32, probe_mmio);
CASE_ENTRY(mode_pae, MODE_PAE, guest_prot32, probe_mmio);
CASE_ENTRY(mode_long, MODE_LONG, guest_long, probe_mmio);
CASE_ENTRY(mode_compat, MODE_COMPAT, guest_compat, probe_mmio);
GUEST_CASE(mode_rings, MODE_LONG, guest_rings);

/* Set by the user, and by the guest itself. */
CASE_ENTRY(mode_v86_set, MODE_V86, guest_v86, probe);

CASE(mode_v86, MODE_32_PAGED, guest_v86_enter)
{
	*rig_ram(r, G_GDT + S_TSS + 5) &= ~2; /* not busy: LTR wants it so */
	probe(r);
}

/* The processor as it comes up: at the reset vector, just below 4 GiB, in a slot of its own. */
CASE(mode_reset, MODE_RESET, guest_reset)
{
	static const uint64_t top = 1ull << 32;
	uint8_t *rom;

	rig_more(r, 0);
	rig_slot(r, 1, G_MORE, 0, 0, 0);
	rom = r->more.va;
	rom[0xff0] = 0xea; /* JMP 0000:guest_reset */
	rom[0xff1] = (uint8_t)(uint64_t)guest_reset;
	rom[0xff2] = (uint8_t)((uint64_t)guest_reset >> 8);
	rom[0xff3] = rom[0xff4] = 0;
	rig_slot(r, 1, top - 4096, 4096, (uint64_t)rom, HV_SLOT_READONLY);
	expect_done(r);
}

CASE(mode_walk, MODE_REAL, guest_walk)
{
	setup_memory(r, MODE_LONG); /* page tables, */
	setup_memory(r, MODE_32);   /* the 32-bit IDT, */
	setup_memory(r, MODE_REAL); /* and the real-mode one */
	for (uint32_t i = 1; i <= 7; i++)
		expect_step(r, i);
	expect_done(r);
	CHECK_EQ(rig_count(r, 13), 1);
	CHECK_EQ(rig_count(r, 0x45), 1);
}
