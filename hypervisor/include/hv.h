/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What host glue calls: the hypervisor's own interface. The ioctl layer decodes and calls these;
 * nothing here knows an ioctl number or a struct of the KVM API.
 *
 * Everything returns 0 or -errno unless it says otherwise. Calls that take a vCPU wait until it is
 * not running (inside hv_vcpu_run()) unless they say otherwise; all may sleep unless they say so.
 */
#ifndef HV_HV_H
#define HV_HV_H

#include "backend.h"

enum { HV_MAX_VCPUS = 64, HV_MAX_SLOTS = 128, HV_MAX_CPUID = 100 };

/* --- module --- */

int hv_load(const char **why); /* chooses the vendor; *why: one sentence when it fails */
int hv_cpu_on(void);	       /* on each processor; no sleep; -EBUSY: KVM or another has it */
void hv_cpu_off(void);
void hv_unload(void);	       /* no VM is left */
const struct hv_caps *hv_caps(void);
const char *hv_vendor(void);

/* --- VMs --- */

int hv_vm_create(struct hv_vm **vm, void *host); /* host: the glue's own, vm->host */
void hv_vm_destroy(struct hv_vm *vm);		 /* and its vCPUs; nothing else calls any more */

enum { HV_SLOT_LOG = 1, HV_SLOT_READONLY = 2 }; /* as in the KVM API */
/*
 * Adds, changes (gpa, flags) or, len 0, deletes slot id. All vCPUs are brought out of the guest.
 * -EINVAL: unknown flags, not aligned, wraps, beyond the address width, or a change of size, uaddr
 * or READONLY; -EEXIST: overlaps; -ENOMEM.
 */
int hv_slot_set(struct hv_vm *vm, unsigned id, uint64_t gpa, uint64_t len, uint64_t uaddr,
		uint32_t flags);
uint64_t hv_slot_pages(struct hv_vm *vm, unsigned id); /* 0: no such slot */
/*
 * ORs the dirty bits, one for each 4 KiB page, into bits; clear: and forgets them. -EINVAL: no slot
 * can have this id; -ENOENT: no log.
 */
int hv_slot_dirty(struct hv_vm *vm, unsigned id, unsigned long *bits, bool clear);
/*
 * Forgets those of [first, first + n) whose bit (0 is page first) is set in bits. -EINVAL also: not
 * in whole words (but at the slot's end), or not in the slot.
 */
int hv_slot_clear(struct hv_vm *vm, unsigned id, uint64_t first, uint64_t n,
		  const unsigned long *bits);

/*
 * Video memory: pages of a slot with a log. It is idle when a query has found nothing, idle_ns or
 * more after the last that did; the first write after that signals event.
 */
struct hv_vram {
	uint64_t first, pages; /* of the slot */
	uint64_t idle_ns;
	void *event;	   /* host_event_signal() */
	bool idle;
	uint64_t wakes;	     /* how often a write has ended the rest */
	unsigned long *bits; /* what a query has found, 0 being first; NULL: nothing */
	uint64_t found_ns;   /* the core's own: when a query found something last */
};
/*
 * From now on, or (0 pages) no more; any change of the slot ends it, too. The event is used no more
 * once there is another, or no such slot. -EINVAL: no slot can have this id, or the range is not in
 * it; -ENOENT: no log.
 */
int hv_vram_set(struct hv_vm *vm, unsigned id, const struct hv_vram *t);
/*
 * A query: moves what is dirty out of the log. *now: how it is then; its bits stay until the next
 * query, or until the slot changes. -ENOENT: not tracked.
 */
int hv_vram_dirty(struct hv_vm *vm, unsigned id, struct hv_vram *now);

/*
 * The host takes pages of the process away: between begin and end no mapping of [start, end) is
 * left or made. No sleep; begin waits for guests to leave. young: touched since last cleared?
 */
void hv_mem_invalidate_begin(struct hv_vm *vm, uint64_t start, uint64_t end);
void hv_mem_invalidate_end(struct hv_vm *vm);
bool hv_mem_young(struct hv_vm *vm, uint64_t start, uint64_t end, bool clear);

/* An interrupt message, from a device or a routed input. Any context. 1: delivered; 0: nobody. */
int hv_send_message(struct hv_vm *vm, uint64_t address, uint32_t data);
/* The level-triggered vectors whose EOI the user is told of: 256 bits. Any context. */
void hv_set_eoi_vectors(struct hv_vm *vm, const uint64_t vectors[4]);

/* A write of val (any: match false) to gpa or port signals event instead of going to the user. */
struct hv_ioevent {
	uint64_t addr, val;
	uint8_t len; /* 1, 2, 4, 8; 0: any */
	bool pio, match;
	void *event; /* host_event_signal() */
};
int hv_ioevent_add(struct hv_vm *vm, const struct hv_ioevent *e); /* -EEXIST, -ENOSPC */
int hv_ioevent_del(struct hv_vm *vm, const struct hv_ioevent *e); /* -ENOENT */
bool hv_ioevent_pop(struct hv_vm *vm, struct hv_ioevent *e); /* any; when no vCPU runs any more */

/* kvmclock: nanoseconds that guests of this VM see now. */
uint64_t hv_clock_get(struct hv_vm *vm);
void hv_clock_set(struct hv_vm *vm, uint64_t ns);

/* Which MSR accesses go to the user (HV_USER_MSR_*): those that nobody knows, filtered ones. */
enum { HV_MSR_INVALID = 1, HV_MSR_UNKNOWN = 2, HV_MSR_FILTERED = 4 }; /* as in the KVM API */
void hv_msr_to_user(struct hv_vm *vm, uint32_t reasons);
struct hv_msr_range {
	uint32_t base, count;
	bool read, write;	   /* which accesses the bits speak of */
	unsigned long *bits;	   /* 1: allowed; host_alloc()'s */
};
struct hv_msr_filter {
	struct hv_msr_range range[16];
	unsigned n;
	bool deny; /* what no range names */
};
/* Takes the place of the one before. It is the VM's from now on, which frees it. */
void hv_msr_filter_set(struct hv_vm *vm, const struct hv_msr_filter *f);
void hv_msr_filter_free(struct hv_msr_filter *f); /* one that never was a VM's */

/* Xen: a write of this MSR and hypercalls go to the user (KVM_XEN_HVM_CONFIG); 0: none. */
void hv_xen_config(struct hv_vm *vm, uint32_t msr, bool intercept);

/* --- vCPUs --- */

/* host: the glue's own, v->host, with the extended state of host_fpu_swap(). -EEXIST, -EINVAL. */
int hv_vcpu_create(struct hv_vm *vm, unsigned id, void *host, struct hv_vcpu **v);
void *hv_vcpu_host(const struct hv_vcpu *v); /* what hv_vcpu_create() was given */
void hv_vcpu_kick(struct hv_vcpu *v); /* out of the guest or its sleep, soon; any context */

/* Why hv_vcpu_run() came back. What is needed as an answer is put back before the next run. */
enum hv_reason {
	HV_USER_NONE, HV_USER_IO, HV_USER_MMIO, HV_USER_WINDOW, HV_USER_EOI, HV_USER_SHUTDOWN,
	HV_USER_DEBUG, HV_USER_MSR_READ, HV_USER_MSR_WRITE, HV_USER_INTERNAL,
	HV_USER_FAIL_ENTRY, HV_USER_XEN,
};
enum { HV_IO_BYTES = 4096 };

struct hv_user {
	enum hv_reason reason;
	/* As it stands at the end of hv_vcpu_run(), whatever that returned. */
	bool if_flag;		/* RFLAGS.IF */
	bool interrupt_ready;	/* hv_interrupt()'s could be taken at once */
	uint8_t cr8;
	uint64_t apic_base;	/* MSR_APIC_BASE */
	union {
		struct { uint16_t port; uint8_t size; bool in; uint32_t count; } io;
		struct { uint64_t gpa; uint8_t len; bool write; uint8_t data[8]; } mmio;
		struct { uint8_t vector; } eoi;
		struct { uint64_t nr, args[6], result; bool longmode; uint8_t cpl; } hypercall;
		struct { uint32_t index, why; uint64_t data; bool fault; } msr;
		struct { uint32_t exception; uint64_t pc, dr6, dr7; } debug;
		struct { uint8_t insn[HV_INSN_MAX], n_insn; } internal;
		struct { uint64_t hw_reason; } fail;
	};
};

/*
 * Runs until something needs the user: 0 with *u filled; -EINTR (signal, or *stop not 0; what the
 * last *u asked is completed first), -EAGAIN (waits for INIT or SIPI), -errno. u is the same
 * struct each time; io_data holds HV_IO_BYTES for HV_USER_IO's items.
 */
int hv_vcpu_run(struct hv_vcpu *v, struct hv_user *u, void *io_data, const volatile uint8_t *stop);

/* State by groups (HV_GPR ... of backend.h). Setting: -EINVAL for what no entry would take. */
void hv_vcpu_get(struct hv_vcpu *v, struct hv_state *s, uint32_t groups);
int hv_vcpu_set(struct hv_vcpu *v, const struct hv_state *s, uint32_t groups);
uint64_t hv_xcr0_get(struct hv_vcpu *v);
int hv_xcr0_set(struct hv_vcpu *v, uint64_t val);

/* Sets also what a guest may not. -ENOENT: no such MSR; -EINVAL. */
int hv_msr_get(struct hv_vcpu *v, uint32_t index, uint64_t *val);
int hv_msr_set(struct hv_vcpu *v, uint32_t index, uint64_t val);
const uint32_t *hv_msr_list(unsigned *n); /* those to save and restore */

struct hv_cpuid {
	uint32_t leaf, sub, eax, ebx, ecx, edx;
	bool has_sub;
};
/* HV_MAX_CPUID at most; how many there are, for what may be offered also if they are more. */
unsigned hv_cpuid_supported(struct hv_cpuid *out);
unsigned hv_cpuid_get(struct hv_vcpu *v, struct hv_cpuid *out);
int hv_cpuid_set(struct hv_vcpu *v, const struct hv_cpuid *in, unsigned n);

/* Interrupts by the user (an 8259A's vector), NMI. -EEXIST: one is waiting already. */
int hv_interrupt(struct hv_vcpu *v, uint8_t vector);
void hv_nmi(struct hv_vcpu *v);		    /* need not wait for the vCPU */
/* Tell by HV_USER_WINDOW as soon as it can; until the next run. */
void hv_interrupt_window(struct hv_vcpu *v, bool want);

/* The local APIC as a page of registers (1 KiB is used). */
void hv_lapic_get(struct hv_vcpu *v, void *regs1k);
int hv_lapic_set(struct hv_vcpu *v, const void *regs1k);

/* Everything about events that is on its way. */
struct hv_events {
	struct hv_event event;	       /* exception, or interrupt whose delivery was cut short */
	bool exception_pending;	       /* event is one that has not been delivered once */
	bool nmi_pending, nmi_masked;
	bool shadow_sti, shadow_movss;
	uint8_t sipi_vector;
};
void hv_events_get(struct hv_vcpu *v, struct hv_events *e);
int hv_events_set(struct hv_vcpu *v, const struct hv_events *e);

enum hv_mp { HV_MP_RUN, HV_MP_WAIT_INIT, HV_MP_WAIT_SIPI, HV_MP_HALTED };
enum hv_mp hv_mp_get(struct hv_vcpu *v);
int hv_mp_set(struct hv_vcpu *v, enum hv_mp mp);

/* The guest's TSC frequency, and its offset to the host's. */
uint64_t hv_tsc_khz_get(struct hv_vcpu *v);
int hv_tsc_khz_set(struct hv_vcpu *v, uint64_t khz); /* -EINVAL: no scaling, and not the host's */
uint64_t hv_tsc_offset_get(struct hv_vcpu *v);
void hv_tsc_offset_set(struct hv_vcpu *v, uint64_t offset);
int hv_clock_paused(struct hv_vcpu *v); /* the guest's watchdog is to be told; -EINVAL: no clock */

/* Debugging the guest from outside. -EBUSY: inject, but an exception is on its way. */
struct hv_debug {
	bool on, step, soft_bp, hard_bp;
	uint8_t inject; /* 1: #DB, 3: #BP for the guest, now; 0: none */
	uint64_t dr[4], dr7;
};
int hv_debug_set(struct hv_vcpu *v, const struct hv_debug *d);

/* A guest's linear address, as its page tables have it now. -EFAULT: not mapped. */
int hv_translate(struct hv_vcpu *v, uint64_t linear, uint64_t *gpa);

/* Exits by kind since the vCPU began. */
const uint64_t *hv_stats(const struct hv_vcpu *v);

#endif
