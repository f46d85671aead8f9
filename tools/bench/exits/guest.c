// SPDX-License-Identifier: GPL-2.0-only
/*
 * The exits benchmark's guest: each operation several times between two readings of the TSC, which
 * counts executed instructions where the host counts them as time. Entered in 64-bit mode,
 * with flat segments and memory mapped one to one, on each vCPU with its number in RDI.
 */
#include "shared.h"

enum { LONG = 20000 }; /* a wait, in ticks of the TSC */
enum { VECTOR = 0x60, TIMER_VECTOR = 0x61, APIC = 0xfee00000 };
enum { TIMES = 10, ROUNDS = 20, MANY = TIMES * ROUNDS };
enum {
	APIC_EOI = 0xb0, APIC_SVR = 0xf0, APIC_ICR = 0x300, APIC_ICR2 = 0x310,
	APIC_LVT_TIMER = 0x320,
};
enum { MSR_APIC_BASE = 0x1b, MSR_TSC_ADJUST = 0x3b, MSR_DEADLINE = 0x6e0, MSR_X2 = 0x800 };
enum { CR0_WP = 1 << 16, CR4_PGE = 1 << 7, CODE = 0x08 };

static struct result *result = (struct result *)RESULTS_GPA;
static volatile uint32_t answers;
static volatile uint64_t *page;

/* --- instructions --- */

static uint64_t tsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

static void out32(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "d"(port) : "memory");
}

static uint32_t in32(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "d"(port));
	return v;
}

static void wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr"
			 : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

static uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}

static void apic_write(uint32_t reg, uint32_t v)
{
	*(volatile uint32_t *)(uintptr_t)(APIC + reg) = v;
}

/* --- interrupts --- */

struct frame;
static volatile uint32_t taken;
static int x2apic;

static void end_of_interrupt(void)
{
	if (x2apic)
		wrmsr(MSR_X2 + (APIC_EOI >> 4), 0);
	else
		apic_write(APIC_EOI, 0);
}

__attribute__((interrupt)) static void on_interrupt(struct frame *f)
{
	(void)f;
	taken++;
	end_of_interrupt();
}

struct gate {
	uint16_t low, selector;
	uint8_t stack, type;
	uint16_t middle;
	uint32_t high, zero;
};
static struct gate idt[256];

static void set_gates(void)
{
	uint64_t at = (uint64_t)on_interrupt;
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = { sizeof(idt) - 1, (uint64_t)idt };

	for (unsigned v = VECTOR; v <= TIMER_VECTOR; v++)
		idt[v] = (struct gate){ .low = at, .selector = CODE, .type = 0x8e,
					.middle = at >> 16, .high = at >> 32 };
	__asm__ volatile("lidt %0" : : "m"(pointer));
}

static void wait_taken(uint32_t until)
{
	while (taken < until)
		__asm__ volatile("sti; nop; nop; cli" ::: "memory");
}

/* Returns with at least so many taken; halts in between. */
static void halt_taken(uint32_t until)
{
	while (taken < until)
		__asm__ volatile("sti; hlt; cli" ::: "memory");
}

/* --- operations --- */

static void op_nothing(void)
{
	__asm__ volatile("" ::: "memory");
}

static void op_cpuid(void)
{
	uint32_t a = 0, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
}

/*
 * Of the two calls one belongs to the other vendor's processors. KVM writes the right one over it;
 * here it is as it was each time, as the two would be the same otherwise.
 */
static void op_vmcall(void)
{
	uint64_t nr = 1; /* one that does nothing */

	__asm__ volatile("movb $0xc1, 1f + 2(%%rip); 1: vmcall" : "+a"(nr) : : "memory");
}

static void op_vmmcall(void)
{
	uint64_t nr = 1;

	__asm__ volatile("movb $0xd9, 1f + 2(%%rip); 1: vmmcall" : "+a"(nr) : : "memory");
}

static void op_cr8_read(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr8, %0" : "=r"(v));
}

static void op_cr8_write(void)
{
	__asm__ volatile("mov %0, %%cr8" : : "r"(0ull));
}

static void op_dr_write(void)
{
	__asm__ volatile("mov %0, %%db0" : : "r"(0ull));
}

static void op_in_user(void)
{
	in32(PORT_USER);
}

static void op_out_event(void)
{
	out32(PORT_EVENT, 0);
}

static void op_mmio_event(void)
{
	*(volatile uint32_t *)EVENT_GPA = 0;
}

static void op_mmio_read_user(void)
{
	(void)*(volatile uint32_t *)NOWHERE_GPA;
}

static void op_mmio_write_user(void)
{
	*(volatile uint32_t *)NOWHERE_GPA = 1;
}

static void op_tsc_adjust_read(void)
{
	rdmsr(MSR_TSC_ADJUST);
}

static void op_tsc_adjust_write(void)
{
	wrmsr(MSR_TSC_ADJUST, 0);
}

static void op_wbinvd(void)
{
	__asm__ volatile("wbinvd" ::: "memory");
}

static void op_cr0_wp(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr0, %0; xor %1, %0; mov %0, %%cr0" : "=&r"(v) : "i"(CR0_WP));
}

static void op_cr4_pge(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr4, %0; xor %1, %0; mov %0, %%cr4" : "=&r"(v) : "i"(CR4_PGE));
}

static void send_self(void)
{
	if (x2apic)
		wrmsr(MSR_X2 + (APIC_ICR >> 4), 0x40000 | VECTOR);
	else
		apic_write(APIC_ICR, 0x40000 | VECTOR);
}

static void op_self_ipi(void)
{
	uint32_t until = taken + 1;

	send_self();
	wait_taken(until);
}

static void op_self_ipi_halt(void)
{
	uint32_t until = taken + 1;

	send_self();
	halt_taken(until);
}

static void op_eoi(void)
{
	end_of_interrupt();
}

static void op_deadline(void)
{
	uint32_t until = taken + 1;

	wrmsr(MSR_DEADLINE, tsc() + 100);
	wait_taken(until);
}

static void op_deadline_halt(void)
{
	uint32_t until = taken + 1;

	wrmsr(MSR_DEADLINE, tsc() + LONG);
	halt_taken(until);
}

static void op_touch(void)
{
	*page = 1;
	page += 4096 / sizeof(*page);
}

static void op_touch_huge(void)
{
	*page = 1;
	page += (2 << 20) / sizeof(*page);
}

/* The other one halts; it answers in its handler, by an interrupt to us. */
static void op_ping(void)
{
	uint32_t until = answers + 1;

	apic_write(APIC_ICR2, 1 << 24);
	apic_write(APIC_ICR, VECTOR);
	while (answers < until)
		__asm__ volatile("sti; hlt; cli" ::: "memory");
}

/* --- measuring --- */

static void tell(const char *name, uint64_t insn)
{
	result->insn = insn;
	for (unsigned i = 0; name[i] && i < sizeof(result->name) - 1; i++)
		result->name[i] = name[i];
	result++;
}

static uint64_t time_of(void (*op)(void), unsigned times)
{
	uint64_t begin = tsc();

	for (unsigned i = 0; i < times; i++)
		op();
	return tsc() - begin;
}

/* The host's own timer gets into some rounds, not into all. */
static uint64_t least_time_of(void (*op)(void), unsigned times, unsigned rounds)
{
	uint64_t least = ~0ull, one;

	for (unsigned i = 0; i < rounds; i++) {
		one = time_of(op, times);
		least = one < least ? one : least;
	}
	return least;
}

static void measure_in(unsigned rounds, const char *name, void (*op)(void), unsigned times)
{
	uint64_t empty = least_time_of(op_nothing, times, rounds);

	tell(name, (least_time_of(op, times, rounds) - empty) / times);
}

static void measure(const char *name, void (*op)(void))
{
	measure_in(ROUNDS, name, op, TIMES);
}

/* Each page is touched once, and some cost more than others. */
static void measure_pages(const char *name, void (*op)(void), unsigned pages)
{
	measure_in(4, name, op, pages / 4);
}

static uint64_t spent(void)
{
	out32(PORT_DONE, DONE_SPENT);
	return *(volatile uint64_t *)SPENT_GPA;
}

/* The TSC goes on while the host is idle: apart, what was executed, and how late it got. */
static void measure_deadline_halt(void)
{
	uint64_t insn = spent(), begin = tsc();

	for (unsigned i = 0; i < MANY; i++)
		op_deadline_halt();
	begin = tsc() - begin;
	tell("TSC deadline, halted until then", (spent() - insn) / MANY);
	tell("TSC deadline, halted: time from then to its end", begin / MANY - LONG);
}

static void check_registers(void)
{
	measure("CPUID", op_cpuid);
	measure("VMCALL", op_vmcall);
	measure("VMMCALL", op_vmmcall);
	measure("CR8 read", op_cr8_read);
	measure("CR8 write", op_cr8_write);
	measure("DR write", op_dr_write);
	measure("TSC_ADJUST read", op_tsc_adjust_read);
	measure("TSC_ADJUST write", op_tsc_adjust_write);
	measure("WBINVD", op_wbinvd);
	measure("toggle CR0.WP", op_cr0_wp);
	measure("toggle CR4.PGE", op_cr4_pge);
}

static void check_devices(void)
{
	measure("port read answered by the user", op_in_user);
	measure("port write with ioeventfd", op_out_event);
	measure("MMIO write with ioeventfd", op_mmio_event);
	measure("MMIO read answered by the user", op_mmio_read_user);
	measure("MMIO write answered by the user", op_mmio_write_user);
}

static void check_apic(void)
{
	apic_write(APIC_SVR, 0x1ff);
	measure("self IPI by xAPIC, STI, NOP", op_self_ipi);
	measure("self IPI by xAPIC, STI, HLT", op_self_ipi_halt);
	measure("EOI by xAPIC", op_eoi);
	apic_write(APIC_LVT_TIMER, 0x40000 | TIMER_VECTOR);
	measure("TSC deadline, taken at once", op_deadline);
	measure_deadline_halt();
	measure("IPI to a halted vCPU and back, halted", op_ping);
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | 0x400);
	x2apic = 1;
	measure("self IPI by x2APIC, STI, NOP", op_self_ipi);
	measure("self IPI by x2APIC, STI, HLT", op_self_ipi_halt);
	measure("EOI by x2APIC", op_eoi);
}

static void check_memory(void)
{
	page = (volatile uint64_t *)SMALL_GPA;
	measure_pages("stage-2 fault, 4 KiB", op_touch, PAGES);
	page = (volatile uint64_t *)HUGE_GPA;
	measure_pages("stage-2 fault, 2 MiB", op_touch_huge, HUGE_PAGES);
	page = (volatile uint64_t *)LOGGED_GPA;
	measure_pages("first write to a logged page", op_touch, LOGGED_PAGES);
	out32(PORT_DONE, DONE_LOG);
	page = (volatile uint64_t *)LOGGED_GPA;
	measure_pages("write to a logged page after a query", op_touch, LOGGED_PAGES);
	out32(PORT_DONE, DONE_LOG);
}

/* The logged pages again; in the end they are idle, and one write brings all of them back. */
static void check_vram(void)
{
	uint64_t begin;

	page = (volatile uint64_t *)LOGGED_GPA;
	for (unsigned i = 0; i < LOGGED_PAGES; i++)
		op_touch();
	out32(PORT_DONE, DONE_VRAM);
	if (!*(volatile uint64_t *)SPENT_GPA)
		return;
	page = (volatile uint64_t *)LOGGED_GPA;
	begin = tsc();
	op_touch();
	tell("video memory, first write after idle", tsc() - begin);
	measure_pages("video memory, further writes", op_touch, LOGGED_PAGES - 4);
}

__attribute__((interrupt)) static void on_answer(struct frame *f)
{
	(void)f;
	answers++;
	apic_write(APIC_EOI, 0);
	apic_write(APIC_ICR2, 0);
	apic_write(APIC_ICR, TIMER_VECTOR);
}

static void second(void)
{
	static struct gate own[256];
	uint64_t at = (uint64_t)on_answer;
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = { sizeof(own) - 1, (uint64_t)own };

	own[VECTOR] = (struct gate){ .low = at, .selector = CODE, .type = 0x8e, .middle = at >> 16,
				     .high = at >> 32 };
	__asm__ volatile("lidt %0" : : "m"(pointer));
	apic_write(APIC_SVR, 0x1ff);
	for (;;)
		__asm__ volatile("sti; hlt; cli" ::: "memory");
}

void main_of(uint64_t number);
void main_of(uint64_t number)
{
	if (number)
		second();
	set_gates();
	check_registers();
	check_devices();
	check_memory();
	check_vram();
	check_apic();
	out32(PORT_DONE, DONE_ALL);
	for (;;)
		__asm__ volatile("hlt");
}
