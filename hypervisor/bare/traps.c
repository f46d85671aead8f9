// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts and exceptions of the bare machine. Interrupts and NMIs are counted; an exception is a
 * mistake of the hypervisor: it prints the registers and ends.
 *
 * References: AMD APM 2, "Long-Mode Interrupt Control Transfers", "64-Bit Task State Segment".
 */
#include "bare.h"
#include "layout.h"

enum { VECTORS = 256, EXCEPTIONS = 32, STUB_SIZE = 16, IST_SIZE = 8192 };
enum { DEBUG = 1, DOUBLE_FAULT = 8, MACHINE_CHECK = 18 };
enum { GATE_INTERRUPT = 0x8e, DESC_TSS = 0x89, DESC_LDT = 0x82 };

struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_middle;
	uint32_t offset_high, reserved;
};

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3], reserved1, ist[7], reserved2;
	uint16_t reserved3, iomap;
} __attribute__((packed));

void trap_handle(struct trap_frame *f);

extern uint64_t bare_gdt[];
extern char vector_stubs[];

static struct {
	struct gate idt[VECTORS] __attribute__((aligned(16)));
	struct tss tss;
	uint8_t stack[3][IST_SIZE] __attribute__((aligned(16)));
	uint64_t seen[VECTORS];
	uint64_t ldt[1];
} traps;

uint64_t traps_seen(unsigned vector)
{
	return *(volatile uint64_t *)&traps.seen[vector];
}

static void print_frame(const struct trap_frame *f)
{
	uint64_t cr2, cr3;

	asm volatile("mov %%cr2, %0; mov %%cr3, %1" : "=r"(cr2), "=r"(cr3));
	print("exception %lu error %#lx at %#lx:%#lx rflags %#lx ", f->vector, f->error, f->cs,
	      f->rip, f->rflags);
	print("stack %#lx:%#lx cr2 %#lx cr3 %#lx\n", f->ss, f->rsp, cr2, cr3);
	print("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", f->rax, f->rbx, f->rcx, f->rdx);
	print("rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", f->rsi, f->rdi, f->rbp, f->r8);
	print("r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", f->r9, f->r10, f->r11, f->r12);
	print("r13 %016lx r14 %016lx r15 %016lx\n", f->r13, f->r14, f->r15);
}

/*
 * Nothing here steps or comes to a breakpoint: such an exception belongs to the guest that has just
 * exited by it. Bochs leaves it pending.
 */
static bool is_stray(const struct trap_frame *f)
{
	return !(f->rflags & 0x100);
}

void trap_handle(struct trap_frame *f)
{
	traps.seen[f->vector]++;
	if (f->vector == TRAP_NMI || f->vector == TRAP_SPURIOUS)
		return;
	if (f->vector == DEBUG && is_stray(f))
		return;
	if (f->vector < EXCEPTIONS) {
		print_frame(f);
		bug("exception in the hypervisor");
	}
	apic_write(APIC_EOI, 0);
	if (f->vector == TRAP_TIMER)
		time_interrupt();
}

static void set_gate(unsigned vector, unsigned ist)
{
	uint64_t at = (uint64_t)vector_stubs + vector * STUB_SIZE;

	traps.idt[vector] = (struct gate){
		.offset_low = (uint16_t)at, .offset_middle = (uint16_t)(at >> 16),
		.offset_high = (uint32_t)(at >> 32), .selector = BARE_CS, .type = GATE_INTERRUPT,
		.ist = (uint8_t)ist,
	};
}

static void set_system(unsigned selector, const void *at, uint64_t limit, uint64_t type)
{
	uint64_t base = (uint64_t)at;

	bare_gdt[selector / 8] = limit | (base & 0xffffff) << 16 | type << 40 |
				 (base >> 24 & 0xff) << 56;
	bare_gdt[selector / 8 + 1] = base >> 32;
}

static void load_tss(void)
{
	for (unsigned i = 0; i < 3; i++)
		traps.tss.ist[i] = (uint64_t)(traps.stack[i] + IST_SIZE);
	traps.tss.iomap = sizeof(traps.tss);
	set_system(BARE_TR, &traps.tss, sizeof(traps.tss) - 1, DESC_TSS);
	asm volatile("ltr %w0" : : "r"(BARE_TR));
}

/* Selectors as a host may have them that has just been in user space; nothing here uses them. */
static void load_user_segments(void)
{
	traps.ldt[0] = bare_gdt[BARE_USER_DS / 8];
	set_system(BARE_LDT, traps.ldt, sizeof(traps.ldt) - 1, DESC_LDT);
	asm volatile("lldt %w0" : : "r"(BARE_LDT));
	asm volatile("mov %0, %%ds; mov %0, %%fs; mov %0, %%gs" : : "r"(BARE_USER_DS));
	asm volatile("mov %0, %%es" : : "r"(BARE_LDT_DS));
}

void traps_init(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) idtr = { sizeof(traps.idt) - 1, (uint64_t)traps.idt };

	for (unsigned i = 0; i < VECTORS; i++)
		set_gate(i, 0);
	set_gate(TRAP_NMI, 1);
	set_gate(DOUBLE_FAULT, 2);
	set_gate(MACHINE_CHECK, 3);
	load_tss();
	load_user_segments();
	asm volatile("lidt %0" : : "m"(idtr));
	outb(0x21, 0xff); /* both 8259A masked */
	outb(0xa1, 0xff);
}
