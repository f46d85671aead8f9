/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VT-x in constants: capabilities, controls, exit reasons, and the encodings of the VMCS. No code.
 *
 * Reference: Intel SDM 3, "VMX Capability Reporting Facility", "Field Encoding in VMCS", "VMX Basic
 * Exit Reasons", "VM-Execution Control Fields".
 */
#ifndef VMX_VMX_REG_H
#define VMX_VMX_REG_H

#include "host_types.h"

/* --- CPUID --- */

enum { CPUID_EXT_FEATURES = (int)0x80000001, CPUID_EXT_SIZES = (int)0x80000008 };
enum { BASIC_ECX_VMX = 1 << 5, BASIC_ECX_DEADLINE = 1 << 24, EXT_EDX_RDTSCP = 1 << 27 };
enum {
	LEAF7_EBX_INVPCID = 1 << 10, LEAF7_EDX_IBRS_IBPB = 1 << 26, LEAF7_EDX_STIBP = 1 << 27,
	LEAF7_EDX_FLUSH_L1D = 1 << 28, LEAF7_EDX_ARCH_CAPABILITIES = 1 << 29,
	LEAF7_EDX_CORE_CAPABILITIES = 1 << 30, LEAF7_EDX_SSBD = (int)(1u << 31),
};

#define CR4_FRED (1ull << 32)

/* --- MSRs --- */

enum vmx_msr {
	MSR_TEST_CTRL = 0x33,
	MSR_FLUSH_CMD = 0x10b,
	MSR_VMX_BASIC = 0x480,
	MSR_VMX_MISC = 0x485,
	MSR_VMX_CR4_FIXED1 = 0x489,
	MSR_VMX_PROC2 = 0x48b,
	MSR_VMX_EPT_VPID = 0x48c,
	MSR_VMX_TRUE_PIN = 0x48d,
	MSR_VMX_TRUE_PROC = 0x48e,
	MSR_VMX_TRUE_EXIT = 0x48f,
	MSR_VMX_TRUE_ENTRY = 0x490,
};
enum { FEATURE_LOCKED = 1 << 0, FEATURE_VMX = 1 << 2 };
enum { FLUSH_L1D = 1 };
enum { TEST_SPLIT_LOCK = 1 << 29 };
enum { MISC_TIMER_RATE = 31 }; /* the timer counts where this bit of the TSC changes */
#define BASIC_REVISION	    0x7fffffffull
#define BASIC_TRUE_CONTROLS (1ull << 55)

enum { ARCH_RDCL_NO = 1 << 0, ARCH_SKIP_L1D_FLUSH = 1 << 3 };
/* What says that a weakness is absent or how to treat it, and grants no MSR; as for guests. */
#define ARCH_FOR_GUESTS 0x1d1ae17full

#define EPT_FOUR_LEVELS	 (1ull << 6)
#define EPT_WRITE_BACK	 (1ull << 14)
#define EPT_2M		 (1ull << 16)
#define EPT_INVEPT	 (1ull << 20)
#define EPT_AD_BITS	 (1ull << 21)
#define EPT_INVEPT_ONE	 (1ull << 25)
#define EPT_INVEPT_ALL	 (1ull << 26)
#define VPID_INVVPID	 (1ull << 32)
#define VPID_INVVPID_ALL (1ull << 42)
enum { INVEPT_ONE = 1, INVEPT_ALL = 2, INVVPID_ALL = 2 }; /* types */

/* --- controls --- */

enum vmx_pin { PIN_INTR = 1 << 0, PIN_NMI = 1 << 3, PIN_VIRTUAL_NMI = 1 << 5, PIN_TIMER = 1 << 6 };

enum vmx_proc {
	PROC_INTR_WINDOW = 1 << 2, PROC_TSC_OFFSET = 1 << 3, PROC_HLT = 1 << 7,
	PROC_MWAIT = 1 << 10, PROC_RDPMC = 1 << 11, PROC_TPR_SHADOW = 1 << 21,
	PROC_NMI_WINDOW = 1 << 22, PROC_MOV_DR = 1 << 23, PROC_IO = 1 << 24,
	PROC_MSR_MAP = 1 << 28, PROC_MONITOR = 1 << 29, PROC_PAUSE = 1 << 30,
	PROC_SECONDARY = (int)(1u << 31),
};

enum vmx_proc2 {
	PROC2_EPT = 1 << 1, PROC2_RDTSCP = 1 << 3, PROC2_VPID = 1 << 5, PROC2_WBINVD = 1 << 6,
	PROC2_UNRESTRICTED = 1 << 7, PROC2_PAUSE_LOOP = 1 << 10, PROC2_INVPCID = 1 << 12,
	PROC2_TSC_SCALING = 1 << 25,
};

enum vmx_exit_control { EXIT_SAVE_DEBUG = 1 << 2, EXIT_HOST_64 = 1 << 9, EXIT_LOAD_EFER = 1 << 21 };
enum vmx_entry_control { ENTRY_DEBUG = 1 << 2, ENTRY_LONG = 1 << 9, ENTRY_EFER = 1 << 15 };

/* The permission map: one bit for an MSR, in four parts: reading, writing, of two ranges each. */
enum { MSR_MAP_SIZE = 0x1000, MSR_MAP_HIGH = 0x400, MSR_MAP_WRITE = 0x800, MSR_MAP_MSRS = 0x2000 };

enum { TSC_MULTIPLIER_SHIFT = 48 - 32 }; /* 16.48 from 32.32 */
enum { APIC_PAGE_TPR = 0x80 };

/* --- exit reasons --- */

enum vmx_exit_reason {
	EXIT_EXCEPTION = 0, EXIT_INTR = 1, EXIT_TRIPLE_FAULT = 2, EXIT_INIT = 3, EXIT_SIPI = 4,
	EXIT_SMI_IO = 5, EXIT_SMI = 6, EXIT_INTR_WINDOW = 7, EXIT_NMI_WINDOW = 8,
	EXIT_TASK_SWITCH = 9, EXIT_CPUID = 10, EXIT_GETSEC = 11, EXIT_HLT = 12, EXIT_INVD = 13,
	EXIT_RDPMC = 15, EXIT_RSM = 17, EXIT_VMCALL = 18, EXIT_VMCLEAR = 19, EXIT_VMXON = 27,
	EXIT_CR = 28, EXIT_DR = 29, EXIT_IO = 30, EXIT_RDMSR = 31, EXIT_WRMSR = 32, EXIT_MWAIT = 36,
	EXIT_MONITOR = 39, EXIT_PAUSE = 40, EXIT_MACHINE_CHECK = 41, EXIT_TPR_BELOW = 43,
	EXIT_EPT_VIOLATION = 48, EXIT_EPT_MISCONFIG = 49, EXIT_INVEPT = 50, EXIT_TIMER = 52,
	EXIT_INVVPID = 53, EXIT_WBINVD = 54, EXIT_XSETBV = 55, EXIT_REASON = 0xffff,
};
#define EXIT_ENTRY_FAILED (1u << 31)
enum { EXIT_GUEST_STATE = 33 };			      /* with EXIT_ENTRY_FAILED */
enum { ERROR_CONTROLS = 7, ERROR_HOST_STATE = 8 }; /* INSN_ERROR */

/* exit qualifications, and the instruction information of INS and OUTS */
enum { IO_SIZE = 7, IO_IN = 1 << 3, IO_STRING = 1 << 4, IO_REP = 1 << 5, IO_PORT_SHIFT = 16 };
enum { INFO_ADDR_SHIFT = 7, INFO_ADDR = 7, INFO_SEG_SHIFT = 15, INFO_SEG = 7 };
enum { CR_NUMBER = 15, CR_TYPE_SHIFT = 4, CR_TYPE = 3, CR_GPR_SHIFT = 8, CR_GPR = 15 };
enum { CR_TYPE_WRITE = 0, CR_TYPE_READ = 1, CR_TYPE_CLTS = 2, CR_TYPE_LMSW = 3 };
enum { DR_NUMBER = 7, DR_READ = 1 << 4 };
enum { MEM_WRITE = 1 << 1, MEM_FETCH = 1 << 2, MEM_LINEAR = 1 << 7, MEM_NOT_WALK = 1 << 8 };
enum { TASK_SOURCE_SHIFT = 30 };
enum { DEBUG_DR6 = 0x600f }; /* B0 to B3, BD, BS */

/* the formats of events: into the guest, cut short, and as an exit's cause */
enum { EVENT_VECTOR = 0xff, EVENT_TYPE = 7 << 8, EVENT_HAS_ERROR = 1 << 11 };
enum {
	EVENT_INTR = 0 << 8, EVENT_NMI = 2 << 8, EVENT_EXCEPTION = 3 << 8, EVENT_SOFT = 4 << 8,
	EVENT_INT1 = 5 << 8, EVENT_TRAP = 6 << 8, /* INT3, INTO */
};
enum { EVENT_NMI_UNBLOCKED = 1 << 12 }; /* by IRET; in qualifications of memory exits too */
#define EVENT_VALID (1u << 31)

enum { SHADOW_STI = 1, SHADOW_MOVSS = 2, NMI_MASKED = 8 }; /* interruptibility */
enum { PENDING_STEP = 1 << 14 };
enum { SEG_UNUSABLE = 1 << 16 };

/* --- the VMCS --- */

/* Guest segments are in the order of enum hv_seg_name, 2 apart. */
enum vmcs_field {
	VPID = 0x0000,
	GUEST_SELECTOR = 0x0800,
	HOST_ES = 0x0c00, HOST_CS = 0x0c02, HOST_SS = 0x0c04, HOST_DS = 0x0c06, HOST_FS = 0x0c08,
	HOST_GS = 0x0c0a, HOST_TR = 0x0c0c,

	MSR_MAP = 0x2004, TSC_OFFSET = 0x2010, APIC_PAGE = 0x2012, EPT_POINTER = 0x201a,
	TSC_MULTIPLIER = 0x2032, EXIT_GPA = 0x2400, VMCS_LINK = 0x2800, GUEST_DEBUGCTL = 0x2802,
	GUEST_EFER = 0x2806, GUEST_PDPTE = 0x280a, HOST_EFER = 0x2c02,

	PIN_CONTROLS = 0x4000, PROC_CONTROLS = 0x4002, EXCEPTION_MAP = 0x4004,
	PAGE_FAULT_MASK = 0x4006, PAGE_FAULT_MATCH = 0x4008, CR3_TARGETS = 0x400a,
	EXIT_CONTROLS = 0x400c, EXIT_STORE_MSRS = 0x400e, EXIT_LOAD_MSRS = 0x4010,
	ENTRY_CONTROLS = 0x4012, ENTRY_LOAD_MSRS = 0x4014, ENTRY_EVENT = 0x4016,
	ENTRY_ERROR = 0x4018, ENTRY_INSN_LEN = 0x401a, TPR_THRESHOLD = 0x401c,
	PROC2_CONTROLS = 0x401e, PAUSE_GAP = 0x4020, PAUSE_WINDOW = 0x4022,

	INSN_ERROR = 0x4400, EXIT_REASON_FIELD = 0x4402, EXIT_EVENT = 0x4404, EXIT_ERROR = 0x4406,
	CUT_SHORT_EVENT = 0x4408, CUT_SHORT_ERROR = 0x440a, EXIT_INSN_LEN = 0x440c,
	EXIT_INSN_INFO = 0x440e,

	GUEST_LIMIT = 0x4800, GUEST_GDTR_LIMIT = 0x4810, GUEST_IDTR_LIMIT = 0x4812,
	GUEST_ATTR = 0x4814, GUEST_SHADOW = 0x4824, GUEST_ACTIVITY = 0x4826,
	GUEST_SYSENTER_CS = 0x482a, TIMER_VALUE = 0x482e, HOST_SYSENTER_CS = 0x4c00,

	CR0_MASK = 0x6000, CR4_MASK = 0x6002, CR0_SHADOW = 0x6004, CR4_SHADOW = 0x6006,
	QUALIFICATION = 0x6400, EXIT_LINEAR = 0x640a,
	GUEST_CR0 = 0x6800, GUEST_CR3 = 0x6802, GUEST_CR4 = 0x6804, GUEST_BASE = 0x6806,
	GUEST_GDTR_BASE = 0x6816, GUEST_IDTR_BASE = 0x6818, GUEST_DR7 = 0x681a, GUEST_RSP = 0x681c,
	GUEST_RIP = 0x681e, GUEST_RFLAGS = 0x6820, GUEST_PENDING_DEBUG = 0x6822,
	GUEST_SYSENTER_ESP = 0x6824, GUEST_SYSENTER_EIP = 0x6826,
	HOST_CR0 = 0x6c00, HOST_CR3 = 0x6c02, HOST_CR4 = 0x6c04, HOST_FS_BASE = 0x6c06,
	HOST_GS_BASE = 0x6c08, HOST_TR_BASE = 0x6c0a, HOST_GDTR_BASE = 0x6c0c,
	HOST_IDTR_BASE = 0x6c0e, HOST_SYSENTER_ESP = 0x6c10, HOST_SYSENTER_EIP = 0x6c12,
	HOST_RSP = 0x6c14, HOST_RIP = 0x6c16,
};

#endif
