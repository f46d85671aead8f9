// SPDX-License-Identifier: GPL-2.0-only
/* Memory and registers of a guest for each mode: descriptors, gates, page tables that map 4 GiB. */
#include "rig.h"

enum { ATTR_CODE32 = 0xc09b, ATTR_CODE64 = 0xa09b, ATTR_DATA = 0xc093, ATTR_CODE16 = 0x009b };
enum { ATTR_DATA16 = 0x0093, ATTR_TSS = 0x008b, ATTR_LDT = 0x0082, ATTR_V86 = 0x00f3 };
enum { VECTORS = 128, STUB = 16, TSS_SIZE = 0x68, IO_MAP = 0x2001, ENTRY = PTE_P | PTE_W | PTE_U };

extern char guest_image[], guest_image_size[]; /* link.ld */
extern char guest_traps64[], guest_traps32[], guest_traps16[];

static bool is_long(enum rig_mode mode)
{
	return mode == MODE_LONG || mode == MODE_COMPAT;
}

/* --- descriptors --- */

static uint64_t descriptor(uint64_t base, uint64_t limit, uint64_t attr)
{
	return (limit & 0xffff) | (base & 0xffffff) << 16 | attr << 40 |
	       (limit >> 16 & 0xf) << 48 | (base >> 24 & 0xff) << 56;
}

static void setup_gdt(struct rig *r, enum rig_mode mode)
{
	bool lm = is_long(mode);

	rig_poke(r, G_GDT + S_CODE32, descriptor(0, 0xfffff, ATTR_CODE32));
	rig_poke(r, G_GDT + S_CODE64, descriptor(0, 0xfffff, ATTR_CODE64));
	rig_poke(r, G_GDT + S_DATA, descriptor(0, 0xfffff, ATTR_DATA));
	rig_poke(r, G_GDT + (S_USER32 & ~7), descriptor(0, 0xfffff, ATTR_CODE32 | SEG_DPL));
	rig_poke(r, G_GDT + (S_USER_DATA & ~7), descriptor(0, 0xfffff, ATTR_DATA | SEG_DPL));
	rig_poke(r, G_GDT + (S_USER64 & ~7), descriptor(0, 0xfffff, ATTR_CODE64 | SEG_DPL));
	rig_poke(r, G_GDT + S_CODE16, descriptor(0, 0xffff, ATTR_CODE16));
	rig_poke(r, G_GDT + S_DATA16, descriptor(0, 0xffff, ATTR_DATA16));
	rig_poke(r, G_GDT + S_TSS, descriptor(G_TSS, TSS_SIZE + IO_MAP - 1, ATTR_TSS));
	rig_poke(r, G_GDT + S_TSS + 8, 0);
	if (lm)
		return;
	rig_poke(r, G_GDT + S_TSS_B, descriptor(G_TSS_B, TSS_SIZE - 1, ATTR_TSS & ~2));
	rig_poke(r, G_GDT + S_TSS_C, descriptor(G_TSS_C, TSS_SIZE - 1, ATTR_TSS & ~2));
	rig_poke(r, G_GDT + S_GATE_B, (uint64_t)S_TSS_B << 16 | 0xe5ull << 40);
}

static void setup_tss(struct rig *r, enum rig_mode mode)
{
	if (is_long(mode)) {
		rig_poke(r, G_TSS + 4, G_STACK0); /* RSP0 */
	} else {
		rig_poke32(r, G_TSS + 4, G_STACK0); /* ESP0 */
		rig_poke32(r, G_TSS + 8, S_DATA);   /* SS0 */
	}
	rig_poke32(r, G_TSS + 0x64, TSS_SIZE << 16); /* the I/O map allows everything */
	*rig_ram(r, G_TSS + TSS_SIZE + IO_MAP - 1) = 0xff;
}

static void setup_idt(struct rig *r, enum rig_mode mode)
{
	for (unsigned n = 0; n < VECTORS; n++) {
		uint64_t at = (uint64_t)guest_traps32 + n * STUB;

		if (mode <= MODE_UNREAL) {
			rig_poke32(r, n * 4, (uint32_t)((uint64_t)guest_traps16 + n * STUB));
		} else if (is_long(mode)) {
			at = (uint64_t)guest_traps64 + n * STUB;
			rig_poke(r, G_IDT + n * 16, at | S_CODE64 << 16 | 0xeeull << 40);
			rig_poke(r, G_IDT + n * 16 + 8, 0);
		} else {
			rig_poke(r, G_IDT + n * 8, at | S_CODE32 << 16 | 0xeeull << 40);
		}
	}
}

/* --- page tables: linear is guest-physical, for everybody to do everything --- */

static void setup_32bit_tables(struct rig *r)
{
	for (uint32_t i = 0; i < 1024; i++) {
		rig_poke32(r, G_TABLES + i * 4, i << 22 | PTE_PS | ENTRY);
		rig_poke32(r, G_PT + i * 4, i << 12 | ENTRY);
	}
	rig_poke32(r, G_TABLES, G_PT | ENTRY);
}

static void setup_64bit_tables(struct rig *r, bool lm)
{
	uint64_t pdpt = lm ? G_PDPT : G_TABLES;

	for (uint64_t i = 0; i < 4 * 512; i++)
		rig_poke(r, G_PDS + i * 8, i << 21 | PTE_PS | ENTRY);
	for (uint64_t i = 0; i < 512; i++)
		rig_poke(r, G_PT + i * 8, i << 12 | ENTRY);
	rig_poke(r, G_PDS, G_PT | ENTRY);
	for (uint64_t i = 0; i < 4; i++)
		rig_poke(r, pdpt + i * 8, (G_PDS + i * 0x1000) | (lm ? ENTRY : PTE_P));
	if (lm)
		rig_poke(r, G_TABLES, G_PDPT | ENTRY);
}

void setup_memory(struct rig *r, enum rig_mode mode)
{
	memcpy(rig_ram(r, G_CODE), guest_image, (size_t)guest_image_size);
	setup_idt(r, mode);
	setup_gdt(r, mode);
	setup_tss(r, mode);
	if (mode == MODE_32_PAGED || mode == MODE_V86)
		setup_32bit_tables(r);
	if (mode == MODE_PAE || is_long(mode))
		setup_64bit_tables(r, is_long(mode));
}

/* --- registers --- */

static void set_segments(struct hv_state *s, uint16_t selector, uint32_t limit, uint16_t attr)
{
	static const enum hv_seg_name data[] = { HV_ES, HV_SS, HV_DS, HV_FS, HV_GS };

	for (unsigned i = 0; i < HV_ARRAY(data); i++)
		s->seg[data[i]] = (struct hv_seg){ 0, limit, selector, attr };
}

static void set_control(struct hv_state *s, enum rig_mode mode)
{
	s->cr0 = CR0_ET | CR0_NE;
	s->cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT;
	s->efer = 0;
	if (mode > MODE_UNREAL)
		s->cr0 |= CR0_PE;
	if (mode > MODE_32) {
		s->cr0 |= CR0_PG | CR0_WP;
		s->cr4 |= CR4_PSE;
		s->cr3 = G_TABLES;
	}
	if (mode == MODE_PAE || is_long(mode))
		s->cr4 |= CR4_PAE;
	if (is_long(mode))
		s->efer = EFER_LME | EFER_LMA | EFER_SCE | EFER_NXE;
}

static void set_mode(struct hv_state *s, enum rig_mode mode)
{
	set_control(s, mode);
	set_segments(s, S_DATA, 0xffffffff, ATTR_DATA);
	s->gdt = (struct hv_table){ G_GDT, G_GDT_SIZE - 1 };
	s->idt = (struct hv_table){ G_IDT, (uint16_t)(VECTORS * (is_long(mode) ? 16 : 8) - 1) };
	s->seg[HV_TR] = (struct hv_seg){ G_TSS, TSS_SIZE + IO_MAP - 1, S_TSS, ATTR_TSS };
	s->seg[HV_LDTR] = (struct hv_seg){ 0, 0xffff, 0, ATTR_LDT };
	s->cpl = 0;
	if (mode == MODE_REAL || mode == MODE_UNREAL) {
		set_segments(s, 0, mode == MODE_REAL ? 0xffff : 0xffffffff,
			     mode == MODE_REAL ? ATTR_DATA16 : ATTR_DATA);
		s->seg[HV_CS] = (struct hv_seg){ 0, 0xffff, 0, ATTR_CODE16 };
		s->idt = (struct hv_table){ 0, 0x3ff };
	} else if (mode == MODE_V86) {
		set_segments(s, 0, 0xffff, ATTR_V86);
		s->seg[HV_CS] = s->seg[HV_DS];
		s->rflags |= RFLAGS_VM | RFLAGS_IOPL;
		s->cpl = 3;
	} else if (mode == MODE_LONG) {
		s->seg[HV_CS] = (struct hv_seg){ 0, 0xffffffff, S_CODE64, ATTR_CODE64 };
	} else {
		s->seg[HV_CS] = (struct hv_seg){ 0, 0xffffffff, S_CODE32, ATTR_CODE32 };
	}
}

void setup_vcpu(struct hv_vcpu *v, enum rig_mode mode, uint64_t entry)
{
	struct hv_state s;

	hv_vcpu_get(v, &s, HV_ALL);
	s.rflags = RFLAGS_RESERVED1;
	set_mode(&s, mode);
	s.rip = entry;
	s.gpr[HV_RSP] = G_STACK;
	CHECK_EQ(hv_vcpu_set(v, &s, HV_ALL), 0);
}
