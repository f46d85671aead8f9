// SPDX-License-Identifier: GPL-2.0-only
/* A vendor without hardware, for unit tests: see fake_backend.h. One thread. */
#include "fake_backend.h"
#include "fake_host.h"

#include <stdio.h>
#include <stdlib.h>

/* A rule of backend.h is broken: no test can go on. */
#define RULE(ok)                                                                                   \
	do {                                                                                       \
		if (!(ok)) {                                                                       \
			fprintf(stderr, "fake_backend: %s: broken: %s\n", __func__, #ok);          \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* Memory that fake_vm_new() and fake_slot_add() made, to be freed with its VM. */
static struct { struct hv_vm *vm; void *mem; } memory[64];

/* --- state by groups --- */

#define SPAN(first, last)                                                                          \
	offsetof(struct hv_state, first),                                                          \
		offsetof(struct hv_state, last) + sizeof(((struct hv_state *)0)->last)

static const struct { uint32_t group; size_t from, to; } span[] = {
	{ HV_GPR, SPAN(gpr, cr8) },	    { HV_SEG, SPAN(seg, cpl) },
	{ HV_CR, SPAN(cr0, efer) },	    { HV_DR, SPAN(dr, dr7) },
	{ HV_MSR, SPAN(star, spec_ctrl) }, { HV_EVENT, SPAN(shadow_sti, nmi_masked) },
};

static void copy_groups(struct hv_state *to, const struct hv_state *from, uint32_t groups)
{
	for (unsigned i = 0; i < HV_ARRAY(span); i++)
		if (groups & span[i].group)
			memcpy((char *)to + span[i].from, (const char *)from + span[i].from,
			       span[i].to - span[i].from);
}

/* Bools become no bools, too: a sanitizer sees who reads them. */
static void spoil_groups(struct hv_state *st, uint32_t groups)
{
	for (unsigned i = 0; i < HV_ARRAY(span); i++)
		if (groups & span[i].group)
			memset((char *)st + span[i].from, 0xa5, span[i].to - span[i].from);
}

static void fake_state_get(struct hv_vcpu *v, uint32_t groups)
{
	struct fake_hw *hw = v->hw;

	RULE(hw->loaded);
	hw->gets++;
	copy_groups(&v->st, &hw->st, groups & ~HV_GPR & ~HV_MODE);
	if (!(groups & HV_MODE))
		return;
	v->st.seg[HV_CS] = hw->st.seg[HV_CS];
	v->st.seg[HV_SS] = hw->st.seg[HV_SS];
	v->st.cpl = hw->st.cpl;
}

static void fake_state_set(struct hv_vcpu *v, uint32_t groups)
{
	struct fake_hw *hw = v->hw;

	RULE(hw->loaded);
	RULE(!(groups & ~HV_GPR & ~v->cached));
	hw->sets++;
	copy_groups(&hw->st, &v->st, groups & ~HV_GPR);
	if (groups & HV_CR)
		memcpy(hw->st.pdpte, v->st.pdpte, sizeof(hw->st.pdpte));
}

/* --- lifetime --- */

static int fake_probe(struct hv_caps *caps, const char **why)
{
	*caps = (struct hv_caps){ .cr4_guest = 0x7fffff & ~CR4_VMXE,
				  .phys_bits = 40, .xsetbv_trap = true };
	*why = NULL;
	return 0;
}

static int fake_nothing(void)
{
	return 0;
}

static void fake_void(void)
{
}

static int fake_vm_init(struct hv_vm *vm)
{
	return 0;
}

static void fake_vm_fini(struct hv_vm *vm)
{
}

static int fake_vcpu_init(struct hv_vcpu *v)
{
	struct fake_hw *hw = calloc(1, sizeof(*hw));

	RULE(hw);
	spoil_groups(&hw->st, HV_ALL);
	v->hw = hw;
	return 0;
}

static void fake_vcpu_fini(struct hv_vcpu *v)
{
	free(v->hw);
	v->hw = NULL;
}

/* --- between load and unload --- */

static void fake_load(struct hv_vcpu *v)
{
	struct fake_hw *hw = v->hw;

	RULE(!hw->loaded);
	hw->loaded = true;
	hw->loads++;
}

static void fake_unload(struct hv_vcpu *v)
{
	struct fake_hw *hw = v->hw;

	RULE(hw->loaded);
	hw->loaded = false;
}

static void fake_inject(struct hv_vcpu *v, const struct hv_event *ev)
{
	struct fake_hw *hw = v->hw;

	RULE(hw->loaded && ev->type != HV_EV_NONE);
	RULE(hw->inject.type == HV_EV_NONE);
	hw->inject = *ev;
}

static void fake_want_window(struct hv_vcpu *v, uint32_t windows)
{
	struct fake_hw *hw = v->hw;

	RULE(hw->loaded);
	hw->window = windows;
	hw->window_calls++;
}

static void fake_set_tsc(struct hv_vcpu *v, uint64_t offset, uint64_t ratio)
{
	struct fake_hw *hw = v->hw;

	RULE(hw->loaded);
	hw->tsc_offset = offset;
	hw->tsc_ratio = ratio;
}

static void fake_set_msr_trap(struct hv_vcpu *v, uint32_t msr, uint32_t access)
{
	struct fake_hw *hw = v->hw;
	unsigned i = 0;

	RULE(hw->loaded);
	while (i < hw->n_msr_traps && hw->msr_trap[i].msr != msr)
		i++;
	RULE(i < FAKE_TRAPS);
	hw->msr_trap[i].msr = msr;
	hw->msr_trap[i].access = access;
	if (i == hw->n_msr_traps)
		hw->n_msr_traps++;
}

static void fake_set_exception_trap(struct hv_vcpu *v, uint32_t vectors, bool debug_registers)
{
	struct fake_hw *hw = v->hw;

	RULE(hw->loaded);
	hw->exception_traps = vectors;
	hw->dr_trap = debug_registers;
}

static void fake_flush_tlb(struct hv_vcpu *v, bool stage2)
{
	struct fake_hw *hw = v->hw;

	RULE(hw->loaded);
	if (stage2)
		hw->stage2_flushes++;
	else
		hw->flushes++;
}

/* The event of inject() has been delivered, as far as the script does not say otherwise. */
static void deliver(struct fake_hw *hw)
{
	if (hw->inject.type == HV_EV_NONE)
		return;
	RULE(hw->n_delivered < FAKE_EVENTS);
	hw->delivered[hw->n_delivered++] = hw->inject;
	hw->inject.type = HV_EV_NONE;
}

static int fake_enter(struct hv_vcpu *v, struct hv_exit *x)
{
	struct fake_hw *hw = v->hw;
	int err = 0;

	RULE(hw->loaded);
	hw->enters++;
	fake.entering = false;
	copy_groups(&hw->st, &v->st, HV_GPR);
	deliver(hw);
	memset(x, 0, sizeof(*x));
	if (hw->queue_first < hw->queue_end)
		*x = hw->queue[hw->queue_first++];
	else if (hw->guest)
		err = hw->guest(v, hw, x);
	else
		x->kind = HV_EXIT_SHUTDOWN;
	copy_groups(&v->st, &hw->st, HV_GPR);
	spoil_groups(&v->st, HV_ALL & ~HV_GPR);
	fake.entering = fake.irq_off;
	return err;
}

static void fake_dump(struct hv_vcpu *v)
{
}

/* Entries that the stage-2 walker can work with, as neither vendor has them. */
enum { FAKE_LEAF = 8 };

static uint64_t format_leaf(uint64_t pa, unsigned level, uint32_t prot)
{
	return pa | FAKE_LEAF | prot;
}

static uint64_t format_table(uint64_t pa)
{
	return pa | S2_ALL;
}

static uint32_t format_prot(uint64_t entry)
{
	return entry & S2_ALL;
}

static bool format_is_leaf(uint64_t entry, unsigned level)
{
	return entry & FAKE_LEAF;
}

static uint64_t format_root(uint64_t pa, bool ad_bits)
{
	return pa;
}

static const struct stage2_format fake_format = {
	.leaf = format_leaf, .table = format_table, .prot = format_prot,
	.is_leaf = format_is_leaf, .root = format_root,
	.accessed = 0x20, .dirty = 0x40, .write = S2_WRITE,
};

const struct hv_backend fake_backend = {
	.name = "fake",
	.stage2 = &fake_format,
	.probe = fake_probe,
	.setup = fake_nothing,
	.teardown = fake_void,
	.cpu_on = fake_nothing,
	.cpu_off = fake_void,
	.vm_init = fake_vm_init,
	.vm_fini = fake_vm_fini,
	.vcpu_init = fake_vcpu_init,
	.vcpu_fini = fake_vcpu_fini,
	.load = fake_load,
	.unload = fake_unload,
	.state_get = fake_state_get,
	.state_set = fake_state_set,
	.inject = fake_inject,
	.want_window = fake_want_window,
	.set_tsc = fake_set_tsc,
	.set_msr_trap = fake_set_msr_trap,
	.set_exception_trap = fake_set_exception_trap,
	.flush_tlb = fake_flush_tlb,
	.enter = fake_enter,
	.dump = fake_dump,
};

/* --- VMs for tests --- */

struct hv_vm *fake_vm_new(size_t ram)
{
	static struct hv_vcpu *last[HV_MAX_VCPUS];
	struct hv_vm *vm = NULL;
	const char *why;

	hv_ops = &fake_backend;
	hv_last = last;
	fake_probe(&hv_cap, &why);
	RULE(hv_vm_create(&vm, NULL) == 0);
	if (ram)
		fake_slot_add(vm, 0, 0, ram, 0);
	return vm;
}

void fake_vm_free(struct hv_vm *vm)
{
	hv_vm_destroy(vm);
	for (unsigned i = 0; i < HV_ARRAY(memory); i++)
		if (memory[i].vm == vm) {
			free(memory[i].mem);
			memory[i].vm = NULL;
		}
}

void *fake_slot_add(struct hv_vm *vm, unsigned id, uint64_t gpa, size_t len, uint32_t flags)
{
	unsigned i = 0;
	void *mem = aligned_alloc(S2_HUGE, len + (-len & (S2_HUGE - 1)));

	while (i < HV_ARRAY(memory) && memory[i].vm)
		i++;
	RULE(mem && i < HV_ARRAY(memory));
	memset(mem, 0, len);
	memory[i].vm = vm;
	memory[i].mem = mem;
	RULE(hv_slot_set(vm, id, gpa, len, (uintptr_t)mem, flags) == 0);
	return mem;
}

void *fake_ram(struct hv_vm *vm, uint64_t gpa)
{
	for (unsigned i = 0; i < vm->n_slots; i++) {
		const struct hv_slot *s = &vm->slot[i];

		if (gpa - s->gpa < s->len)
			return (void *)(uintptr_t)(s->uaddr + (gpa - s->gpa));
	}
	RULE(!"no RAM at that address");
	return NULL;
}

struct hv_vcpu *fake_vcpu_new(struct hv_vm *vm)
{
	struct hv_vcpu *v = NULL;

	RULE(hv_vcpu_create(vm, vm->n_vcpus, NULL, &v) == 0);
	v->mp = HV_MP_RUN;
	v->cr4_allowed = hv_cap.cr4_guest;
	v->efer_allowed = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
	v->xcr0 = v->xcr0_allowed = 1;
	fake_mode(v, vm->n_slots && vm->slot[0].len > FAKE_STACK ? 64 : 16);
	return v;
}

/* PML4, PDPT, and four tables of 2 MiB pages. */
static void build_tables(struct hv_vm *vm)
{
	uint64_t *pml4 = fake_ram(vm, FAKE_TABLES), *pdpt = pml4 + 512, *pd = pdpt + 512;

	memset(pml4, 0, 2 * S2_PAGE);
	pml4[0] = (FAKE_TABLES + S2_PAGE) | PTE_P | PTE_W | PTE_U;
	for (unsigned i = 0; i < 4; i++)
		pdpt[i] = (FAKE_TABLES + (2 + i) * S2_PAGE) | PTE_P | PTE_W | PTE_U;
	for (uint64_t i = 0; i < 4 * 512; i++)
		pd[i] = i << PAGE_SHIFT_2M | PTE_P | PTE_W | PTE_U | PTE_PS;
}

static void flat_segments(struct hv_state *st, unsigned bits)
{
	uint16_t big = bits == 16 ? 0 : SEG_DB | SEG_G;
	uint32_t limit = bits == 16 ? 0xffff : 0xffffffff;

	for (unsigned i = HV_ES; i <= HV_GS; i++)
		st->seg[i] = (struct hv_seg){ .limit = limit, .selector = bits == 16 ? 0 : 0x10,
					      .attr = SEG_P | SEG_S | 3 | big };
	st->seg[HV_CS].attr = SEG_P | SEG_S | 0xb | (bits == 64 ? SEG_L | SEG_G : big);
	st->seg[HV_CS].selector = bits == 16 ? 0 : 8;
	st->seg[HV_LDTR] = (struct hv_seg){ .limit = 0xffff, .attr = SEG_P | 2 };
	st->seg[HV_TR] = (struct hv_seg){ .limit = 0xffff, .attr = SEG_P | 0xb };
	st->gdt = st->idt = (struct hv_table){ .limit = 0xffff };
}

void fake_mode(struct hv_vcpu *v, unsigned bits)
{
	struct hv_state *st = &v->st;

	memset(st, 0, sizeof(*st));
	flat_segments(st, bits);
	st->rip = FAKE_CODE;
	st->gpr[HV_RSP] = FAKE_STACK;
	st->rflags = RFLAGS_RESERVED1;
	st->cr0 = CR0_ET | (bits == 16 ? 0 : CR0_PE | CR0_NE);
	st->dr6 = DR6_FIXED;
	st->dr7 = DR7_FIXED;
	st->pat = 0x0007040600070406;
	if (bits == 64) {
		build_tables(v->vm);
		st->cr0 |= CR0_PG;
		st->cr3 = FAKE_TABLES;
		st->cr4 = CR4_PAE | CR4_OSFXSR;
		st->efer = EFER_LME | EFER_LMA;
	}
	v->cached = v->dirty = HV_ALL;
	fake_exit(v);
}

/* The linear address of RIP is the guest-physical one in all three modes. */
void fake_code(struct hv_vcpu *v, const void *code, size_t n)
{
	const struct hv_state *hw = &fake_hw(v)->st;

	memcpy(fake_ram(v->vm, (v->cached & HV_SEG ? &v->st : hw)->seg[HV_CS].base + v->st.rip),
	       code, n);
}

void fake_exit(struct hv_vcpu *v)
{
	struct fake_hw *hw = v->hw;

	copy_groups(&hw->st, &v->st, HV_GPR | (v->dirty & v->cached));
	if (v->dirty & HV_CR)
		memcpy(hw->st.pdpte, v->st.pdpte, sizeof(hw->st.pdpte));
	spoil_groups(&v->st, HV_ALL & ~HV_GPR);
	v->cached = v->dirty = 0;
}

struct hv_exit *fake_push(struct hv_vcpu *v, enum hv_exit_kind kind)
{
	struct fake_hw *hw = v->hw;
	struct hv_exit *x = &hw->queue[hw->queue_end];

	RULE(hw->queue_end < FAKE_EXITS);
	hw->queue_end++;
	memset(x, 0, sizeof(*x));
	x->kind = kind;
	return x;
}
