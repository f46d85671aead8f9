/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AMD-V in constants and the layout of the VMCB. No code.
 *
 * Reference: AMD APM 2, "Secure Virtual Machine", "Layout of VMCB", "SVM Intercept Exit Codes"; AMD
 * APM 3, "Function 8000_000Ah - SVM Features".
 */
#ifndef SVM_SVM_REG_H
#define SVM_SVM_REG_H

#include "host_types.h"

/* --- CPUID --- */

enum {
	CPUID_EXT_MAX = (int)0x80000000, CPUID_EXT_FEATURES = (int)0x80000001,
	CPUID_EXT_SIZES = (int)0x80000008, CPUID_SVM = (int)0x8000000a,
};
enum { EXT_ECX_SVM = 1 << 2, EXT_EDX_RDTSCP = 1 << 27 };
enum { SIZES_EBX_IBPB = 1 << 12 };
enum { SIZES_EBX_SPEC_CTRL = 1 << 14 | 1 << 15 | 1 << 24 }; /* IBRS, STIBP or SSBD */
enum {
	SVM_EDX_NPT = 1 << 0, SVM_EDX_NRIP = 1 << 3, SVM_EDX_TSC_RATIO = 1 << 4,
	SVM_EDX_FLUSH_ASID = 1 << 6, SVM_EDX_DECODE = 1 << 7, SVM_EDX_PAUSE_FILTER = 1 << 10,
	SVM_EDX_PAUSE_THRESHOLD = 1 << 12, SVM_EDX_SPEC_CTRL = 1 << 20,
};

/* --- MSRs --- */

enum svm_msr {
	MSR_TSC_RATIO = (int)0xc0000104, /* 8.32 */
	MSR_VM_CR = (int)0xc0010114,
	MSR_VM_HSAVE_PA = (int)0xc0010117,
};
enum { VM_CR_SVMDIS = 1 << 4 };
#define TSC_RATIO_ONE 0x100000000ull

/* Permission maps: two bits (read, write) for an MSR, in three ranges; one bit for a port. */
enum { MSR_MAP_ORDER = 1, MSR_MAP_SIZE = 0x2000, MSR_MAP_RANGE = 0x800, MSR_MAP_MSRS = 0x2000 };
enum { IO_MAP_ORDER = 2, IO_MAP_SIZE = 0x3000 };

/* --- intercepts --- */

enum { CR_READ_SHIFT = 0, CR_WRITE_SHIFT = 16 }; /* bit n: CRn */
enum { DR_ALL = (int)0xffffffff };

enum svm_intercept1 {
	I1_INTR = 1 << 0, I1_NMI = 1 << 1, I1_SMI = 1 << 2, I1_INIT = 1 << 3, I1_VINTR = 1 << 4,
	I1_CR0_SELECTIVE = 1 << 5, /* what MOV and LMSW change beside TS and MP */
	I1_RDPMC = 1 << 15, I1_CPUID = 1 << 18, I1_RSM = 1 << 19, I1_IRET = 1 << 20,
	I1_INVD = 1 << 22, I1_PAUSE = 1 << 23, I1_HLT = 1 << 24, I1_INVLPGA = 1 << 26,
	I1_IO = 1 << 27, I1_MSR = 1 << 28, I1_TASK_SWITCH = 1 << 29, I1_FERR_FREEZE = 1 << 30,
	I1_SHUTDOWN = (int)(1u << 31),
};

enum svm_intercept2 {
	I2_VMRUN = 1 << 0, I2_VMMCALL = 1 << 1, I2_VMLOAD = 1 << 2, I2_VMSAVE = 1 << 3,
	I2_STGI = 1 << 4, I2_CLGI = 1 << 5, I2_SKINIT = 1 << 6, I2_WBINVD = 1 << 9,
	I2_MONITOR = 1 << 10, I2_MWAIT = 1 << 11, I2_MWAIT_ARMED = 1 << 12, I2_XSETBV = 1 << 13,
	I2_RDPRU = 1 << 14,
};

/* --- exit codes; intercept bit n of the words above is code 0x60 + n and 0x80 + n --- */

enum svm_exit_code {
	EXIT_CR_READ = 0x00, EXIT_CR_WRITE = 0x10, EXIT_DR_READ = 0x20, EXIT_DR_WRITE = 0x30,
	EXIT_EXCEPTION = 0x40, /* and the vector */
	EXIT_INTR = 0x60, EXIT_NMI = 0x61, EXIT_SMI = 0x62, EXIT_INIT = 0x63, EXIT_VINTR = 0x64,
	EXIT_CR0_SELECTIVE = 0x65, EXIT_RDPMC = 0x6f, EXIT_CPUID = 0x72, EXIT_RSM = 0x73,
	EXIT_IRET = 0x74, EXIT_INVD = 0x76, EXIT_PAUSE = 0x77, EXIT_HLT = 0x78, EXIT_INVLPGA = 0x7a,
	EXIT_IO = 0x7b, EXIT_MSR = 0x7c, EXIT_TASK_SWITCH = 0x7d, EXIT_FERR_FREEZE = 0x7e,
	EXIT_SHUTDOWN = 0x7f, EXIT_VMRUN = 0x80, EXIT_VMMCALL = 0x81, EXIT_VMLOAD = 0x82,
	EXIT_VMSAVE = 0x83, EXIT_STGI = 0x84, EXIT_CLGI = 0x85, EXIT_SKINIT = 0x86,
	EXIT_WBINVD = 0x89, EXIT_MONITOR = 0x8a, EXIT_MWAIT = 0x8b, EXIT_MWAIT_ARMED = 0x8c,
	EXIT_XSETBV = 0x8d, EXIT_RDPRU = 0x8e, EXIT_NPF = 0x400,
};
enum { EXIT_INVALID = -1 }; /* in 64 bits; QEMU writes 32 */

/* EXITINFO1 and 2 of the exits that have them */
enum { IO_IN = 1 << 0, IO_STRING = 1 << 2, IO_REP = 1 << 3 };
enum { IO_SIZE_SHIFT = 4, IO_ADDR_SHIFT = 7, IO_SEG_SHIFT = 10, IO_PORT_SHIFT = 16 };
enum { MOV_GPR = 15 };
#define MOV_CR_VALID (1ull << 63) /* a MOV, not LMSW or CLTS */
#define NPF_WRITE    (1ull << 1)
#define NPF_FETCH    (1ull << 4)
#define NPF_WALK     (1ull << 33)
#define TASK_IRET    (1ull << 36)
#define TASK_JMP     (1ull << 38)
#define TASK_ERROR   (1ull << 44)

/* EVENTINJ and EXITINTINFO; the error code is in the upper half */
enum { EVENT_VECTOR = 0xff, EVENT_TYPE = 7 << 8, EVENT_HAS_ERROR = 1 << 11 };
enum {
	EVENT_INTR = 0 << 8, EVENT_NMI = 2 << 8, EVENT_EXCEPTION = 3 << 8, EVENT_SOFT = 4 << 8,
};
#define EVENT_VALID (1ull << 31)
enum { EVENT_ERROR_SHIFT = 32 };

/* --- the VMCB --- */

enum { TLB_KEEP = 0, TLB_FLUSH_ALL = 1, TLB_FLUSH_ASID = 3 };
enum { V_TPR = 0xf, V_IRQ = 1 << 8, V_IGNORE_TPR = 1 << 20, V_INTR_MASKING = 1 << 24 };
enum { INT_SHADOW = 1, NESTED_PAGING = 1 };

struct vmcb_seg {
	uint16_t selector;
	uint16_t attr; /* descriptor bits 40 to 47 and 52 to 55 */
	uint32_t limit;
	uint64_t base;
};

enum vmcb_seg_name {
	VMCB_ES, VMCB_CS, VMCB_SS, VMCB_DS, VMCB_FS, VMCB_GS, VMCB_GDTR, VMCB_LDTR, VMCB_IDTR,
	VMCB_TR, VMCB_SEGS,
};

struct vmcb {
	uint32_t intercept_cr, intercept_dr, intercept_exception; /* 000 */
	uint32_t intercept1, intercept2, intercept3;		  /* 00c */
	uint8_t reserved1[0x24];
	uint16_t pause_threshold, pause_count;			  /* 03c */
	uint64_t io_map_pa, msr_map_pa, tsc_offset;		  /* 040 */
	uint32_t asid;						  /* 058 */
	uint8_t tlb_control;					  /* 05c */
	uint8_t reserved2[3];
	uint64_t int_control, int_state;			  /* 060 */
	uint64_t exit_code, exit_info1, exit_info2, exit_int_info; /* 070 */
	uint64_t nested_control;				  /* 090 */
	uint8_t reserved3[0x10];
	uint64_t event_inject, nested_cr3, lbr_control;		  /* 0a8 */
	uint32_t clean, reserved4;				  /* 0c0 */
	uint64_t next_rip;					  /* 0c8 */
	uint8_t n_insn, insn[15];				  /* 0d0 */
	uint8_t reserved5[0x320];

	struct vmcb_seg seg[VMCB_SEGS];				  /* 400 */
	uint8_t reserved6[0x2b];
	uint8_t cpl;						  /* 4cb */
	uint32_t reserved7;
	uint64_t efer;						  /* 4d0 */
	uint8_t reserved8[0x70];
	uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;		  /* 548 */
	uint8_t reserved9[0x58];
	uint64_t rsp;						  /* 5d8 */
	uint8_t reserved10[0x18];
	uint64_t rax;						  /* 5f8 */
	uint64_t star, lstar, cstar, sfmask, kernel_gs_base;	  /* 600 */
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;	  /* 628 */
	uint64_t cr2;						  /* 640 */
	uint8_t reserved11[0x20];
	uint64_t pat, debugctl;					  /* 668 */
	uint8_t reserved12[0x68];
	uint64_t spec_ctrl;					  /* 6e0 */
	uint8_t reserved13[0x918];
};

#define VMCB_AT(field, offset)                                                                     \
	_Static_assert(__builtin_offsetof(struct vmcb, field) == (offset), #field " is elsewhere")

VMCB_AT(tlb_control, 0x05c);
VMCB_AT(event_inject, 0x0a8);
VMCB_AT(insn, 0x0d1);
VMCB_AT(seg, 0x400);
VMCB_AT(rip, 0x578);
VMCB_AT(spec_ctrl, 0x6e0);
_Static_assert(sizeof(struct vmcb) == 0x1000, "a VMCB is a page");

#undef VMCB_AT

#endif
