// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processors as firmware hands them to a kernel that is started directly: memory types and local
 * APICs set up everywhere, the first processor at the kernel's entry, the others waiting for their
 * start-up message.
 * Reference: Intel SDM volume 3, "Memory Type Range Registers (MTRRs)", "Local Vector Table".
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "dm/log.h"
#include "kvm_priv.h"

enum { MTRR_BASE0 = 0x200, MTRR_MASK0 = 0x201, MTRR_64K = 0x250, MTRR_16K_80000 = 0x258,
       MTRR_16K_A0000 = 0x259, MTRR_4K_C0000 = 0x268, MTRR_4K_COUNT = 8, MTRR_DEFAULT = 0x2ff };
enum { UNCACHED = 0, WRITE_PROTECT = 5, WRITE_BACK = 6 };
enum { DEFAULT_ON = 1 << 11, DEFAULT_FIXED_ON = 1 << 10, MASK_ON = 1 << 11 };
enum { APIC_SVR = 0xf0, APIC_LVT0 = 0x350, APIC_LVT1 = 0x360 };
enum { SVR_ENABLED = 0x1ff, LVT_EXTINT = 0x700, LVT_NMI = 0x400, LVT_MASKED = 1 << 16 };
enum { CR0_PE = 1 << 0, CR0_ET = 1 << 4, CR4_PAE = 1 << 5, EFER_LME = 1 << 8, EFER_LMA = 1 << 10 };
#define CR0_PG	 0x80000000u
#define FOUR_GIB (1ull << 32)
enum { CODE = 2, DATA = 3, TASK = 4, DESCRIPTORS = 5, DESCRIPTOR_LEN = 8 };
enum { TYPE_CODE = 0xb, TYPE_DATA = 0x3, TYPE_BUSY_TSS = 0xb, TSS_LIMIT = 0x67 };
enum { FLAGS_RESERVED = 2, MSRS = 16 };

/* --- every processor --- */

struct msr_list {
	struct kvm_msrs head;
	struct kvm_msr_entry entry[MSRS];
};

static void add_msr(struct msr_list *l, uint32_t index, uint64_t val)
{
	l->entry[l->head.nmsrs++] = (struct kvm_msr_entry){ .index = index, .data = val };
}

/* One type in each of the eight fields of a fixed-range register. */
static uint64_t fixed(uint8_t type)
{
	return type * 0x0101010101010101ull;
}

/* Memory can be cached, but for the display's window and all from uncached to 4 GiB. */
static int set_memory_types(struct vcpu *v, uint32_t uncached)
{
	unsigned bits = v->k->phys_bits ? v->k->phys_bits : 36;
	uint64_t mask = ((1ull << bits) - 1) & ~(FOUR_GIB - uncached - 1);
	struct msr_list l = { 0 };

	add_msr(&l, MTRR_64K, fixed(WRITE_BACK));
	add_msr(&l, MTRR_16K_80000, fixed(WRITE_BACK));
	add_msr(&l, MTRR_16K_A0000, fixed(UNCACHED));
	for (unsigned i = 0; i < MTRR_4K_COUNT; i++)
		add_msr(&l, MTRR_4K_C0000 + i, fixed(WRITE_PROTECT));
	add_msr(&l, MTRR_BASE0, uncached | UNCACHED);
	add_msr(&l, MTRR_MASK0, mask | MASK_ON);
	add_msr(&l, MTRR_DEFAULT, DEFAULT_ON | DEFAULT_FIXED_ON | WRITE_BACK);
	return ioctl(v->fd, KVM_SET_MSRS, &l) == (int)l.head.nmsrs ? 0 : -EINVAL;
}

static void set_register(struct kvm_lapic_state *s, unsigned reg, uint32_t val)
{
	memcpy(s->regs + reg, &val, sizeof(val));
}

/* The 8259A's interrupts reach the first processor only, NMI all. */
static int set_local_apic(struct vcpu *v)
{
	struct kvm_lapic_state s;

	if (ioctl(v->fd, KVM_GET_LAPIC, &s))
		return -errno;
	set_register(&s, APIC_SVR, SVR_ENABLED);
	set_register(&s, APIC_LVT0, LVT_EXTINT | (v->index ? LVT_MASKED : 0));
	set_register(&s, APIC_LVT1, LVT_NMI);
	return ioctl(v->fd, KVM_SET_LAPIC, &s) ? -errno : 0;
}

/* --- the first processor --- */

static struct kvm_segment flat(unsigned descriptor, unsigned type, bool long_mode)
{
	return (struct kvm_segment){
		.selector = descriptor * DESCRIPTOR_LEN,
		.limit = 0xffffffff,
		.type = type,
		.present = 1,
		.s = 1,
		.g = 1,
		.db = !long_mode,
		.l = long_mode,
	};
}

static int set_system_registers(struct vcpu *v, const struct kvm_entry *e)
{
	struct kvm_sregs s;

	if (ioctl(v->fd, KVM_GET_SREGS, &s))
		return -errno;
	s.cr0 = CR0_PE | CR0_ET | (e->long_mode ? CR0_PG : 0);
	s.cr3 = e->long_mode ? e->page_tables : 0;
	s.cr4 = e->long_mode ? CR4_PAE : 0;
	s.efer = e->long_mode ? EFER_LME | EFER_LMA : 0;
	s.cs = flat(CODE, TYPE_CODE, e->long_mode);
	s.ds = s.es = s.fs = s.gs = s.ss = flat(DATA, TYPE_DATA, false);
	s.tr = (struct kvm_segment){
		.selector = TASK * DESCRIPTOR_LEN,
		.limit = TSS_LIMIT,
		.type = TYPE_BUSY_TSS,
		.present = 1,
	};
	s.gdt = (struct kvm_dtable){ .base = e->gdt, .limit = DESCRIPTORS * DESCRIPTOR_LEN - 1 };
	s.idt = (struct kvm_dtable){ 0 };
	return ioctl(v->fd, KVM_SET_SREGS, &s) ? -errno : 0;
}

static int set_registers(struct vcpu *v, const struct kvm_entry *e)
{
	struct kvm_regs r = { .rip = e->rip, .rbx = e->rbx, .rsi = e->rsi,
			      .rflags = FLAGS_RESERVED };

	return ioctl(v->fd, KVM_SET_REGS, &r) ? -errno : 0;
}

int kvm_set_entry(struct kvm *k, const struct kvm_entry *e)
{
	struct vcpu *first = &k->vcpu[0];
	int err = 0;

	for (unsigned i = 0; i < k->n_vcpus && !err; i++) {
		if (set_memory_types(&k->vcpu[i], e->uncached))
			log_line(LOG_WARN, "The hypervisor refused memory types; the guest may "
					   "complain about MTRRs.");
		err = set_local_apic(&k->vcpu[i]);
	}
	err = err ?: set_system_registers(first, e);
	return err ?: set_registers(first, e);
}
