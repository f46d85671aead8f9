// SPDX-License-Identifier: GPL-2.0-only
/* What of the machine's own state must be the same after a run of a guest as before. */
#include "rig.h"

enum { CPUID_RDTSCP = 1 << 27, CPUID_SEP = 1 << 11 };
enum { CPUID_IBRS = 1 << 26, CPUID_IBRS_AMD = 1 << 14 };
enum { DR7_ENABLES = 0xff };

static bool has_rdtscp, has_sysenter, has_spec_ctrl;

/* The MSRs that guests have too. */
static const struct {
	uint32_t msr;
	const char *name;
	uint64_t mark; /* for host_state_init(); 0: leave */
} msrs[] = {
	{ MSR_EFER, "EFER", 0 },
	{ MSR_PAT, "PAT", 0 },
	{ MSR_FS_BASE, "FS base", 0x0000123456780000 },
	{ MSR_GS_BASE, "GS base", 0x0000234567890000 },
	{ MSR_KERNEL_GS_BASE, "kernel GS base", 0x00003456789a0000 },
	{ MSR_STAR, "STAR", 0x0023001000000000 },
	{ MSR_LSTAR, "LSTAR", 0xffffffff81234567 },
	{ MSR_CSTAR, "CSTAR", 0xffffffff87654321 },
	{ MSR_SFMASK, "SFMASK", 0x47700 },
	{ MSR_TSC_AUX, "TSC_AUX", 0x77 },
	{ MSR_SYSENTER_CS, "SYSENTER_CS", 0x10 },
	{ MSR_SYSENTER_ESP, "SYSENTER_ESP", 0x00001111222233 },
	{ MSR_SYSENTER_EIP, "SYSENTER_EIP", 0xffffffff81111111 },
	{ MSR_DEBUGCTL, "DEBUGCTL", 1 },
	{ MSR_SPEC_CTRL, "SPEC_CTRL", 0 },
};

static const char *const names[] = {
	"CR0", "CR3", "CR4", "CR8", "DR7", "DR0", "DR1", "DR2", "DR3", "XCR0", "GDT", "GDT limit",
	"IDT", "IDT limit", "TR", "LDTR", "CS", "SS", "DS", "ES", "FS", "GS", "RFLAGS",
	"x87 control", "MXCSR",
};

static bool there(uint32_t msr)
{
	if (msr == MSR_TSC_AUX)
		return has_rdtscp;
	if (msr == MSR_SPEC_CTRL)
		return has_spec_ctrl;
	return has_sysenter || msr < MSR_SYSENTER_CS || msr > MSR_SYSENTER_EIP;
}

void host_state_init(void)
{
	has_rdtscp = cpu_cpuid(0x80000001, 0).edx & CPUID_RDTSCP;
	has_sysenter = cpu_cpuid(1, 0).edx & CPUID_SEP;
	has_spec_ctrl = (cpu_cpuid(0, 0).eax >= 7 && cpu_cpuid(7, 0).edx & CPUID_IBRS) ||
			cpu_cpuid(0x80000008, 0).ebx & CPUID_IBRS_AMD;
	for (unsigned i = 0; i < HV_ARRAY(msrs); i++)
		if (msrs[i].mark && there(msrs[i].msr))
			cpu_wrmsr(msrs[i].msr, msrs[i].mark);
	for (unsigned i = 0; i < 16; i++) {
		static uint64_t mark[2];

		mark[0] = 0x1111111111111111ull * i;
		mark[1] = ~mark[0];
		host_state_mark_xmm(i, mark);
	}
}

/* XMM registers by number: FXSAVE's image is the simplest way there. */
static uint8_t image[512] __attribute__((aligned(64)));

void host_state_mark_xmm(unsigned reg, const uint64_t mark[2])
{
	asm volatile("fxsave64 %0" : "=m"(image));
	memcpy(image + 160 + reg * 16, mark, 16);
	asm volatile("fxrstor64 %0" : : "m"(image));
}

struct table_register {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

#define GET(insn, to) asm volatile(insn " %0" : "=r"(to))

static uint64_t *get_control(uint64_t *w)
{
	struct table_register gdt, idt;
	uint64_t dr7;

	GET("mov %%cr0,", *w++);
	GET("mov %%cr3,", *w++);
	GET("mov %%cr4,", *w++);
	GET("mov %%cr8,", *w++);
	GET("mov %%dr7,", dr7);
	*w++ = dr7;
	memset(w, 0, 4 * sizeof(*w)); /* without breakpoints in them they are nobody's */
	if (dr7 & DR7_ENABLES)
		cpu_read_breakpoints(w);
	w += 4;
	*w++ = cpu_cr4() & CR4_OSXSAVE ? cpu_xgetbv() : 0;
	asm volatile("sgdt %0" : "=m"(gdt));
	asm volatile("sidt %0" : "=m"(idt));
	*w++ = gdt.base;
	*w++ = gdt.limit;
	*w++ = idt.base;
	*w++ = idt.limit;
	return w;
}

static uint64_t *get_selectors(uint64_t *w)
{
	GET("str", *w++);
	GET("sldt", *w++);
	GET("mov %%cs,", *w++);
	GET("mov %%ss,", *w++);
	GET("mov %%ds,", *w++);
	GET("mov %%es,", *w++);
	GET("mov %%fs,", *w++);
	GET("mov %%gs,", *w++);
	return w;
}

void host_state_get(struct host_state *s)
{
	static const uint64_t watched = RFLAGS_IF | RFLAGS_DF | RFLAGS_TF | RFLAGS_NT | RFLAGS_AC;
	uint64_t *w = s->words, flags;

	w = get_selectors(get_control(w));
	asm volatile("pushfq; popq %0" : "=r"(flags));
	*w++ = flags & watched;
	asm volatile("fxsave64 %0" : "=m"(image));
	memcpy(s->xmm, image + 160, sizeof(s->xmm));
	*w++ = (uint64_t)image[0] | (uint64_t)image[1] << 8;
	*w++ = (uint64_t)image[24] | (uint64_t)image[25] << 8;
	for (unsigned i = 0; i < HV_ARRAY(msrs); i++)
		*w++ = there(msrs[i].msr) ? cpu_rdmsr(msrs[i].msr) : 0;
}

void host_state_compare(const struct host_state *a, const struct host_state *b)
{
	const unsigned n = HV_ARRAY(names);

	for (unsigned i = 0; i < n + HV_ARRAY(msrs); i++)
		if (a->words[i] != b->words[i])
			fail("the host's %s was %#lx and is %#lx",
			     i < n ? names[i] : msrs[i - n].name, a->words[i], b->words[i]);
	for (unsigned i = 0; i < 16; i++)
		if (memcmp(a->xmm[i], b->xmm[i], 16))
			fail("the host's XMM%u is lost", i);
}
