// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bare machine: sets itself up, runs its program, and ends. QEMU ends by the isa-debug-exit
 * device, Bochs by its shutdown port; what counts is the last line on the serial port.
 */
#include "bare.h"
#include "x86.h"

enum { MULTIBOOT_LOADED = 0x2badb002, CMDLINE_FLAG = 4, CMDLINE_WORD = 4 };
enum { QEMU_EXIT = 0xf4, BOCHS_EXIT = 0x8900 };
enum { XCR0_X87_SSE_AVX = 7 };

void bare_main(uint32_t magic, const uint32_t *info);

void machine_end(bool ok)
{
	print("RESULT %s\n", ok ? "PASS" : "FAIL");
	console_flush();
	outb(QEMU_EXIT, ok ? 0 : 1);
	for (const char *s = "Shutdown"; *s; s++)
		outb(BOCHS_EXIT, (uint8_t)*s);
	for (;;)
		asm volatile("cli; hlt");
}

/* XSAVE with the states that every processor of the last ten years has. */
static void extended_state_init(void)
{
	if (!(cpu_cpuid(1, 0).ecx & 1 << 26))
		return;
	asm volatile("mov %0, %%cr4" : : "r"(cpu_cr4() | CR4_OSXSAVE));
	cpu_xsetbv(cpu_cpuid(0xd, 0).eax & XCR0_X87_SSE_AVX);
}

/* The words behind the name of the program. */
static const char *words_of(const uint32_t *info)
{
	const char *s = info[0] & CMDLINE_FLAG ? (const char *)(uint64_t)info[CMDLINE_WORD] : "";

	while (*s && *s != ' ')
		s++;
	while (*s == ' ')
		s++;
	return s;
}

void bare_main(uint32_t magic, const uint32_t *info)
{
	const char *words = words_of(info);

	console_init();
	traps_init();
	if (magic != MULTIBOOT_LOADED)
		bug("not started by a multiboot loader: %#x", magic);
	memory_init((const void *)info);
	extended_state_init();
	time_init();
	asm volatile("sti");
	print("bare machine, TSC %lu kHz\n", host_tsc().khz);
	machine_end(bare_program(words));
}
