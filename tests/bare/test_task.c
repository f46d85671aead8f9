// SPDX-License-Identifier: GPL-2.0-only
/* Task switches of 32-bit guests: JMP, CALL, INT, exceptions and IRET; and refused ones. */
#include "rig.h"

extern char guest_task_b[], guest_task_int_b[];

enum { TSS_CR3 = 0x1c, TSS_EIP = 0x20, TSS_EFLAGS = 0x24, TSS_EBX = 0x34, TSS_ESP = 0x38 };
enum { TSS_ES = 0x48, TSS_CS = 0x4c, TSS_SS = 0x50, TSS_DS = 0x54 };

static void task_gate(struct rig *r, unsigned vector)
{
	rig_poke(r, G_IDT + vector * 8, (uint64_t)S_TSS_B << 16 | 0xe5ull << 40);
}

static void second_task(struct rig *r, char *entry)
{
	rig_poke32(r, G_TSS + TSS_CR3, G_TABLES);
	rig_poke32(r, G_TSS_B + TSS_CR3, G_TABLES);
	rig_poke32(r, G_TSS_B + TSS_EIP, (uint32_t)(uint64_t)entry);
	rig_poke32(r, G_TSS_B + TSS_EFLAGS, RFLAGS_RESERVED1);
	rig_poke32(r, G_TSS_B + TSS_EBX, 0x1234);
	rig_poke32(r, G_TSS_B + TSS_ESP, G_STACK0);
	rig_poke32(r, G_TSS_B + TSS_CS, S_CODE32);
	rig_poke32(r, G_TSS_B + TSS_SS, S_DATA);
	rig_poke32(r, G_TSS_B + TSS_DS, S_DATA);
	rig_poke32(r, G_TSS_B + TSS_ES, S_DATA);
}

static void tasks(struct rig *r)
{
	static const uint32_t steps[] = { 10, 1, 11, 2, 12, 3 };

	second_task(r, guest_task_b);
	task_gate(r, X86_GP);
	for (unsigned i = 0; i < HV_ARRAY(steps); i++)
		expect_step(r, steps[i]);
	rig_poke(r, G_IDT + X86_GP * 8, rig_peek(r, G_IDT + X86_NP * 8) + 2 * 16);
	expect_done(r);
	CHECK_EQ(rig_count(r, X86_GP), 1);
	CHECK_EQ(rig_count(r, X86_TS), 1);
	CHECK_EQ(rig_count(r, X86_NP), 1);
}

static void task_by_int(struct rig *r)
{
	second_task(r, guest_task_int_b);
	task_gate(r, 0x4a);
	for (uint32_t i = 1; i <= 3; i++)
		expect_step(r, i);
	expect_done(r);
}

CASE_ENTRY(task_32, MODE_32, guest_task, tasks);
CASE_ENTRY(task_32_paged, MODE_32_PAGED, guest_task, tasks);
CASE_ENTRY(task_soft, MODE_32_PAGED, guest_task_int, task_by_int);
