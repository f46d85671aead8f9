/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The seam between core and vendor. A vendor file moves state, enters the guest and turns what
 * the hardware reports into neutral exits; policy (CPUID, MSR values, event priority, CR checks)
 * is the core's. One table for each vendor, chosen once at load. An op never calls another op.
 */
#ifndef HV_BACKEND_H
#define HV_BACKEND_H

#include "host.h"

struct hv_vm;
struct hv_vcpu;
struct stage2_format;

/* --- events on their way into the guest --- */

enum hv_event_type {
	HV_EV_NONE,
	HV_EV_INTR,	 /* external interrupt */
	HV_EV_NMI,
	HV_EV_EXCEPTION, /* raised by the processor; #BP and #OF of INT3 and INTO too */
	HV_EV_SOFT,	 /* INT n */
};

struct hv_event {
	enum hv_event_type type;
	uint8_t vector;
	bool has_error;
	uint8_t insn_len; /* HV_EV_SOFT, #BP, #OF: the instruction's, if interrupted; 0: unknown */
	uint32_t error;
};

/* --- exits --- */

enum hv_exit_kind {
	HV_EXIT_NONE,	   /* handled below the seam: enter again */
	HV_EXIT_HOST_INTR, /* the host has an interrupt or NMI, which it takes by itself */
	HV_EXIT_WINDOW,	   /* what want_window() asked for can be taken now */
	HV_EXIT_DEADLINE,  /* v->deadline has come, or nearly */
	HV_EXIT_IO,
	HV_EXIT_MEM,	   /* stage 2 has no mapping, or not for this access */
	HV_EXIT_MSR,
	HV_EXIT_CPUID,
	HV_EXIT_CR,
	HV_EXIT_DR,
	HV_EXIT_XSETBV,
	HV_EXIT_EXCEPTION, /* one that set_exception_trap() asked for; not delivered yet */
	HV_EXIT_HLT,
	HV_EXIT_PAUSE,
	HV_EXIT_HYPERCALL, /* VMCALL or VMMCALL, whichever the processor has */
	HV_EXIT_TASK,	   /* a task switch of a 32-bit guest */
	HV_EXIT_CACHE,	   /* WBINVD, INVD: nothing to do but to go on behind it */
	HV_EXIT_UNDEFINED, /* an instruction that this machine does not have: #UD */
	HV_EXIT_SHUTDOWN,  /* triple fault */
	HV_EXIT_UNHANDLED, /* hw_reason says what */
	HV_EXIT_KINDS,
};

enum { HV_ACCESS_READ = 1, HV_ACCESS_WRITE = 2, HV_ACCESS_FETCH = 4, HV_ACCESS_WALK = 8 };
enum { HV_INSN_MAX = 15, HV_GPR_UNKNOWN = 0xff };

struct hv_exit {
	enum hv_exit_kind kind;
	uint8_t insn_len;	     /* 0: unknown, the core decodes */
	uint8_t n_insn;		     /* bytes of the instruction that the hardware fetched, or 0 */
	uint8_t insn[HV_INSN_MAX];
	uint64_t hw_reason;	     /* raw code: for traces and for people only */
	struct hv_event interrupted; /* the event whose delivery this exit cut short */
	union {
		/* seg: which, of INS and OUTS; addr_bits 16, 32, 64, or 0: decode seg and size */
		struct { uint16_t port; uint8_t size, seg, addr_bits; bool in, string, rep; } io;
		struct { uint64_t gpa; uint32_t access; } mem; /* HV_ACCESS_* */
		struct { bool write; } msr;	/* index in RCX, value in RDX:RAX */
		struct { uint8_t cr, gpr; bool write; } cr; /* HV_GPR_UNKNOWN: LMSW, CLTS */
		struct { uint8_t dr, gpr; bool write; } dr;
		struct { uint8_t vector; bool has_error; uint32_t error; uint64_t addr; } exc;
		struct { uint16_t selector; uint8_t source; bool has_error; uint32_t error; } task;
	};
};
enum hv_task_source { HV_TASK_CALL, HV_TASK_IRET, HV_TASK_JMP, HV_TASK_GATE };

/* --- guest state, moved in groups --- */

enum {
	HV_GPR = 1 << 0,   /* general registers, RIP, RFLAGS; CR8: always current between entries */
	HV_MODE = 1 << 6,  /* CS, SS and CPL: what most want to know of segments */
	HV_SEG = 1 << 1 | HV_MODE, /* all segments, GDT, IDT */
	HV_CR = 1 << 2,	   /* CR0, CR2, CR3, CR4, EFER */
	HV_DR = 1 << 3,	   /* DR0 to DR3, DR6, DR7 */
	HV_MSR = 1 << 4,   /* those that the hardware switches: from star to spec_ctrl below */
	HV_EVENT = 1 << 5, /* interrupt shadow, NMI masking */
	HV_ALL = (1 << 7) - 1,
};

/* In the order of the encoding in instructions. */
enum hv_seg_name { HV_ES, HV_CS, HV_SS, HV_DS, HV_FS, HV_GS, HV_LDTR, HV_TR, HV_SEGS };
enum hv_gpr_name {
	HV_RAX, HV_RCX, HV_RDX, HV_RBX, HV_RSP, HV_RBP, HV_RSI, HV_RDI,
	HV_R8, HV_R9, HV_R10, HV_R11, HV_R12, HV_R13, HV_R14, HV_R15, HV_GPRS,
};

struct hv_seg {
	uint64_t base;
	uint32_t limit;	   /* in bytes, granularity applied */
	uint16_t selector;
	uint16_t attr;	   /* SEG_* of x86.h, bits 40 to 55 of a descriptor; no SEG_P: unusable */
};

struct hv_table {
	uint64_t base;
	uint16_t limit;
};

struct hv_state {
	uint64_t gpr[HV_GPRS]; /* first: entry.S counts on it */
	uint64_t rip, rflags;
	uint8_t cr8;
	struct hv_seg seg[HV_SEGS];
	struct hv_table gdt, idt;
	uint8_t cpl;
	uint64_t cr0, cr2, cr3, cr4, efer; /* as the guest sees them */
	uint64_t pdpte[4]; /* PAE paging: as the last load of CR3 read them; the core fills them */
	uint64_t dr[4], dr6, dr7;
	uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
	uint64_t pat, tsc_aux, debugctl, spec_ctrl;
	bool shadow_sti, shadow_movss; /* no interrupt before the next instruction is through */
	bool nmi_masked;
};

/* What the processor can do; filled by probe(), read by everyone. */
struct hv_caps {
	bool stage2_dirty; /* the processor sets accessed and dirty bits in stage 2 */
	bool xsetbv_trap;  /* a guest's XSETBV is seen; if not, XCR0 is read back after each exit */
	bool tsc_scaling;
	bool deadline;	   /* entries end at v->deadline */
	bool pdpte_registers; /* PAE paging uses st.pdpte; if not, memory at each walk */
	uint64_t cr4_guest; /* CR4 bits that a guest may set on this processor */
	uint64_t host_xcr0; /* the host's XCR0, 0: it has no XSAVE; filled by the core */
	unsigned phys_bits; /* width of host physical addresses in stage 2 */
	uint8_t hypercall_insn[3]; /* VMCALL or VMMCALL */
	bool pred_cmd;		   /* MSR_PRED_CMD is there: a guest may ask for the barrier */
	uint64_t arch_capabilities; /* MSR_ARCH_CAPABILITIES for guests; 0: there is none */
};

/*
 * want_window(): exit as soon as an interrupt could be taken, an NMI could be taken, or CR8 falls
 * below a class, which stands from bit HV_WINDOW_CLASS on (any write of CR8 may exit as well).
 */
enum { HV_WINDOW_INTR = 1, HV_WINDOW_NMI = 2, HV_WINDOW_TPR = 4, HV_WINDOW_CLASS = 4 };

/*
 * State moves between load() and unload() only: state_get() fills v->st from the hardware,
 * state_set() does the reverse; the core remembers which groups are current (v->cached) and which
 * it has changed (v->dirty). HV_GPR moves by itself in enter().
 */
struct hv_backend {
	const char *name;	     /* "vmx" or "svm" */
	const struct stage2_format *stage2;

	/* module; may sleep */
	/* no side effect; -ENODEV with why, which stays if it is another vendor's processor */
	int (*probe)(struct hv_caps *caps, const char **why);
	int (*setup)(void);
	void (*teardown)(void);

	/* on the CPU concerned; must not sleep; cpu_on: 0, -EBUSY when another hypervisor has it */
	int (*cpu_on)(void);
	void (*cpu_off)(void); /* flushes what load() left cached */

	/* lifetime; may sleep; fini accepts a half-made object */
	int (*vm_init)(struct hv_vm *vm);
	void (*vm_fini)(struct hv_vm *vm);
	int (*vcpu_init)(struct hv_vcpu *v); /* the hardware's state comes by state_set(HV_ALL) */
	void (*vcpu_fini)(struct hv_vcpu *v);

	/* bind to this CPU; preemption is off from load to unload */
	void (*load)(struct hv_vcpu *v);
	void (*unload)(struct hv_vcpu *v);

	/* between load and unload */
	void (*state_get)(struct hv_vcpu *v, uint32_t groups);
	void (*state_set)(struct hv_vcpu *v, uint32_t groups);
	void (*inject)(struct hv_vcpu *v, const struct hv_event *ev); /* in the next entry */
	void (*want_window)(struct hv_vcpu *v, uint32_t windows); /* HV_WINDOW_*; lasts */
	void (*set_tsc)(struct hv_vcpu *v, uint64_t offset, uint64_t ratio); /* ratio 32.32 */
	void (*set_msr_trap)(struct hv_vcpu *v, uint32_t msr, uint32_t access);
	void (*set_exception_trap)(struct hv_vcpu *v, uint32_t vectors, bool debug_registers);
	void (*flush_tlb)(struct hv_vcpu *v, bool stage2); /* at the next entry */
	int (*enter)(struct hv_vcpu *v, struct hv_exit *exit); /* interrupts off; -EIO: refused */
	void (*dump)(struct hv_vcpu *v); /* what the hardware holds, readable, to the log */
};

extern const struct hv_backend hv_vmx, hv_svm;

#endif
