/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The x86 architecture in constants, as both vendors have it. No code, no vendor's own names.
 * Reference: Intel SDM 3, "Control Registers", "Extended Feature Enable Register"; AMD APM 2.
 */
#ifndef HV_X86_H
#define HV_X86_H

#define CR0_PE 0x00000001ull
#define CR0_MP 0x00000002ull
#define CR0_EM 0x00000004ull
#define CR0_TS 0x00000008ull
#define CR0_ET 0x00000010ull
#define CR0_NE 0x00000020ull
#define CR0_WP 0x00010000ull
#define CR0_AM 0x00040000ull
#define CR0_NW 0x20000000ull
#define CR0_CD 0x40000000ull
#define CR0_PG 0x80000000ull

#define CR4_VME	       0x00000001ull
#define CR4_PVI	       0x00000002ull
#define CR4_TSD	       0x00000004ull
#define CR4_DE	       0x00000008ull
#define CR4_PSE	       0x00000010ull
#define CR4_PAE	       0x00000020ull
#define CR4_MCE	       0x00000040ull
#define CR4_PGE	       0x00000080ull
#define CR4_PCE	       0x00000100ull
#define CR4_OSFXSR     0x00000200ull
#define CR4_OSXMMEXCPT 0x00000400ull
#define CR4_UMIP       0x00000800ull
#define CR4_VMXE       0x00002000ull
#define CR4_FSGSBASE   0x00010000ull
#define CR4_PCIDE      0x00020000ull
#define CR4_OSXSAVE    0x00040000ull
#define CR4_SMEP       0x00100000ull
#define CR4_SMAP       0x00200000ull

#define EFER_SCE   0x0001ull
#define EFER_LME   0x0100ull
#define EFER_LMA   0x0400ull
#define EFER_NXE   0x0800ull
#define EFER_SVME  0x1000ull
#define EFER_FFXSR 0x4000ull

#define RFLAGS_CF 0x000001ull
#define RFLAGS_RESERVED1 0x000002ull
#define RFLAGS_PF 0x000004ull
#define RFLAGS_AF 0x000010ull
#define RFLAGS_ZF 0x000040ull
#define RFLAGS_SF 0x000080ull
#define RFLAGS_TF 0x000100ull
#define RFLAGS_IF 0x000200ull
#define RFLAGS_DF 0x000400ull
#define RFLAGS_OF 0x000800ull
#define RFLAGS_IOPL 0x003000ull
#define RFLAGS_NT 0x004000ull
#define RFLAGS_RF 0x010000ull
#define RFLAGS_VM 0x020000ull
#define RFLAGS_AC 0x040000ull
#define RFLAGS_KNOWN 0x3f7fd5ull /* all that are not fixed */

#define DR6_FIXED 0xffff0ff0ull
#define DR6_KNOWN 0x0000e00full /* what may be written */
#define DR6_BD	  0x00002000ull
#define DR6_BS	  0x00004000ull
#define DR6_BT	  0x00008000ull
#define DR7_FIXED 0x00000400ull
#define DR7_KNOWN 0xffff23ffull
#define DR7_GD	  0x00002000ull
#define DR7_LOCAL 0x00000155ull /* L0 to L3, LE */

#define XCR0_X87    0x01ull
#define XCR0_SSE    0x02ull
#define XCR0_AVX    0x04ull
#define XCR0_AVX512 0xe0ull

#define SPEC_CTRL_IBRS	0x1ull
#define SPEC_CTRL_STIBP 0x2ull
#define SPEC_CTRL_SSBD	0x4ull
#define PRED_CMD_IBPB	0x1ull

enum x86_vector {
	X86_DE = 0, X86_DB = 1, X86_NMI = 2, X86_BP = 3, X86_OF = 4, X86_BR = 5, X86_UD = 6,
	X86_NM = 7, X86_DF = 8, X86_TS = 10, X86_NP = 11, X86_SS = 12, X86_GP = 13, X86_PF = 14,
	X86_MF = 16, X86_AC = 17, X86_MC = 18, X86_XM = 19,
};

/* Page-fault error code, and the access that a walk is for. */
enum { PF_PRESENT = 1, PF_WRITE = 2, PF_USER = 4, PF_RESERVED = 8, PF_FETCH = 16 };

/* Page table entries. */
#define PTE_P	 0x001ull
#define PTE_W	 0x002ull
#define PTE_U	 0x004ull
#define PTE_A	 0x020ull
#define PTE_D	 0x040ull
#define PTE_PS	 0x080ull
#define PTE_NX	 0x8000000000000000ull
#define PTE_ADDR 0x000ffffffffff000ull

enum { PAGE_SHIFT_4K = 12, PAGE_SHIFT_2M = 21 };

enum x86_msr {
	MSR_TSC = 0x10,
	MSR_APIC_BASE = 0x1b,
	MSR_FEATURE_CONTROL = 0x3a,
	MSR_TSC_ADJUST = 0x3b,
	MSR_SPEC_CTRL = 0x48,
	MSR_PRED_CMD = 0x49,
	MSR_BIOS_SIGN_ID = 0x8b,
	MSR_MTRRCAP = 0xfe,
	MSR_ARCH_CAPABILITIES = 0x10a,
	MSR_SYSENTER_CS = 0x174,
	MSR_SYSENTER_ESP = 0x175,
	MSR_SYSENTER_EIP = 0x176,
	MSR_MCG_CAP = 0x179,
	MSR_MCG_STATUS = 0x17a,
	MSR_MCG_CTL = 0x17b,
	MSR_MISC_ENABLE = 0x1a0,
	MSR_DEBUGCTL = 0x1d9,
	MSR_POWER_CTL = 0x1fc,
	MSR_MTRR_PHYSBASE0 = 0x200,
	MSR_MTRR_FIX64K = 0x250,
	MSR_MTRR_FIX16K = 0x258,
	MSR_MTRR_FIX4K = 0x268,
	MSR_PAT = 0x277,
	MSR_MTRR_DEFTYPE = 0x2ff,
	MSR_MC0_CTL = 0x400,
	MSR_TSC_DEADLINE = 0x6e0,
	MSR_X2APIC = 0x800,
	MSR_XSS = 0xda0,
	MSR_EFER = (int)0xc0000080,
	MSR_STAR = (int)0xc0000081,
	MSR_LSTAR = (int)0xc0000082,
	MSR_CSTAR = (int)0xc0000083,
	MSR_SFMASK = (int)0xc0000084,
	MSR_FS_BASE = (int)0xc0000100,
	MSR_GS_BASE = (int)0xc0000101,
	MSR_KERNEL_GS_BASE = (int)0xc0000102,
	MSR_TSC_AUX = (int)0xc0000103,
	/* kvmclock */
	MSR_KVM_WALL_CLOCK_OLD = 0x11,
	MSR_KVM_SYSTEM_TIME_OLD = 0x12,
	MSR_KVM_WALL_CLOCK = 0x4b564d00,
	MSR_KVM_SYSTEM_TIME = 0x4b564d01,
	MSR_KVM_PV_EOI = 0x4b564d04,
};

#define APIC_BASE_BSP	 0x100ull
#define APIC_BASE_X2APIC 0x400ull
#define APIC_BASE_ENABLE 0x800ull
#define APIC_DEFAULT_GPA 0xfee00000ull

/* Segment attributes, in the order of a descriptor's bits 40 to 55. */
enum {
	SEG_TYPE = 0x000f, SEG_S = 0x0010, SEG_DPL = 0x0060, SEG_DPL_SHIFT = 5, SEG_P = 0x0080,
	SEG_L = 0x2000, SEG_DB = 0x4000, SEG_G = 0x8000,
};

#endif
