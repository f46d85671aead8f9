/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMs and vCPUs as the rooms of the hypervisor share them.
 *
 * Locks, in this order (docs/locking.md says more):
 *   vm->lock    mutex: what a VM consists of: slots, vCPUs, configuration
 *   vcpu->lock  mutex: held by whoever runs or inspects that vCPU; several only in index order
 *   vm->mmu     spin lock, the innermost: stage-2 tables, and slots as invalidation reads them
 * Field letters: [I] immutable after create, [m] vm->lock, [v] vcpu->lock, [V] read under any one
 * vcpu->lock (or vm->lock, or vm->mmu), changed under vm->lock, all of them and vm->mmu;
 * [s] vm->mmu, [a] atomic (cpu.h).
 */
#ifndef HV_CORE_H
#define HV_CORE_H

#include "backend.h"
#include "cpu.h"
#include "emul/emul.h"
#include "ept/stage2.h"
#include "errno_names.h"
#include "hv.h"
#include "lapic/lapic.h"
#include "x86.h"

enum { HV_IOEVENTS = 128, HV_FRAGMENTS = 64, HV_MC_BANKS = 10, HV_MTRR_VAR = 8 };

/* --- a VM --- */

struct hv_slot {
	unsigned id;
	uint64_t gpa, len, uaddr;
	uint32_t flags;		/* HV_SLOT_* */
	unsigned long *written; /* [a] pages that the core itself has written, while HV_SLOT_LOG;
				 * behind them as much room for vram.bits [m] */
	struct hv_vram vram;	/* [V], its state: see vram.c; no pages: nothing is tracked */
};

struct hv_vm {
	void *host;		/* [I] the glue's */
	void *hw;		/* [I] the vendor's */
	struct host_mutex lock;
	struct hv_vcpu *vcpu[HV_MAX_VCPUS]; /* [a] by id; set once */
	unsigned n_vcpus;	/* [a] ids below it may be there */
	struct hv_slot slot[HV_MAX_SLOTS]; /* [V] by gpa */
	unsigned n_slots;	/* [V] */

	struct host_spin mmu;
	struct stage2 s2;	/* [s] */
	uint64_t mmu_seq;	/* [s] invalidations that ended */
	unsigned mmu_busy;	/* [s] invalidations that are going on */
	uint64_t s2_gen;	/* [a] grows when translations went away: vCPUs flush then */

	uint64_t eoi_vectors[4]; /* [a] level-triggered: EOI goes to the user */
	struct hv_ioevent ioevent[HV_IOEVENTS]; /* [V] */
	unsigned n_ioevents;	/* [V] */
	uint64_t clock_tsc;	/* [I] the host's TSC when the VM was created */
	uint64_t clock_ns;	/* [a] kvmclock then */
	uint64_t tsc_offset;	/* [a] the one that new vCPUs get, and all with the same TSC have */
	uint64_t tsc_khz;	/* [a] which hv_tsc_khz_set() was called with last, 0: none */
	uint32_t msr_to_user;	/* [V] HV_MSR_* */
	struct hv_msr_filter filter; /* [V] */
	uint32_t xen_msr;	/* [V] */
	bool xen_intercept;	/* [V] */
};

/* --- a vCPU --- */

/* Requests from other threads, in vcpu->requests; the run loop answers before entering. */
enum {
	HV_REQ_YIELD = 1 << 0,	/* let go of the lock: somebody waits for all of them */
	HV_REQ_NMI = 1 << 1,
	HV_REQ_INIT = 1 << 2,
	HV_REQ_SIPI = 1 << 3,	/* vector in sipi_vector */
	HV_REQ_CLOCK = 1 << 4,	/* kvmclock page is to be written anew */
	HV_REQ_KICK = 1 << 5,	/* hv_vcpu_kick(): only out of the guest or the sleep */
};

/* vcpu->where: pairs with host_kick() in hv_vcpu_poke(). */
enum hv_where { HV_OUTSIDE, HV_INSIDE };

/* One access that an instruction makes beyond RAM, kept until the instruction is complete. */
struct hv_fragment {
	uint64_t gpa;
	uint8_t len;
	bool write, done; /* done: the user (or the APIC) has answered */
	bool seen;	  /* this run of the instruction has come to it */
	uint8_t data[8];
};

/* Where an operand lies in guest-physical memory: one piece, or two when it crosses a page. */
struct hv_span {
	uint64_t gpa[2];
	unsigned len[2];
};

/* What the guest sees of the machine check and memory type registers; no effect here. */
struct hv_dull_msrs {
	uint64_t mtrr_fixed[11], mtrr_var[2 * HV_MTRR_VAR], mtrr_deftype;
	uint64_t mcg_status, mcg_ctl, mc[4 * HV_MC_BANKS];
	uint64_t misc_enable, tsc_adjust, bios_sign, power_ctl;
	uint64_t pv_eoi; /* MSR_KVM_PV_EOI: address of a word, bit 0: on */
};

struct hv_vcpu {
	struct hv_vm *vm;	/* [I] */
	unsigned id;		/* [I] also its APIC ID at power-on */
	void *host;		/* [I] the glue's: extended state */
	void *hw;		/* [I] the vendor's */
	struct host_mutex lock;

	struct hv_state st;	/* [v] as far as cached says */
	uint32_t cached, dirty; /* [v] groups that st has; that the hardware has to get */
	bool loaded;		/* [v] between load() and unload() */
	int cpu;		/* [v] where it was loaded last; -1: nowhere */
	uint32_t where;		/* [a] enum hv_where */
	uint32_t requests;	/* [a] HV_REQ_* */
	uint64_t s2_gen;	/* [v] vm->s2_gen at the last flush */
	struct host_wait wait;	/* of a halted vCPU */
	enum hv_mp mp;		/* [v] */
	uint8_t sipi_vector;	/* [a] */

	/* events: event.c */
	struct hv_event interrupted; /* [v] cut short: to be delivered again, before all others */
	struct hv_event exception;   /* [v] to be delivered */
	bool triple;		     /* [v] an exception came up in a double fault: to shut down */
	uint32_t nmis;		     /* [v] waiting, 2 at most */
	int16_t user_vector;	     /* [v] hv_interrupt()'s, -1: none */
	bool user_window;	     /* [v] tell when one could be taken */
	uint32_t window;	     /* [v] what the vendor was asked for last */
	int16_t eoi_pending;	     /* [v] vector to tell the user of, -1: none */

	/* what an exit left for the user, and how to go on: io.c, mmio.c */
	struct hv_exit exit;	     /* [v] the last one; not on the stack, which Linux zeroes */
	struct hv_user *user;	     /* [v] during hv_vcpu_run() */
	void *io_data;		     /* [v] likewise */
	int (*complete)(struct hv_vcpu *v); /* [v] when the user has answered; NULL: nothing */
	uint64_t complete_rip;	     /* [v] where that instruction is: the user may move it */
	struct hv_fragment fragment[HV_FRAGMENTS]; /* [v] of the instruction that is under way */
	unsigned n_fragments;		     /* [v] */
	bool posted;			     /* [v] a write of it is left for the user to see */
	struct {
		uint64_t gpa;
		bool known, write;
	} operand;			     /* [v] of the memory exit that is emulated */
	struct {
		uint16_t port;
		uint8_t size, seg, addr_size, insn_len;
		bool in, string, rep, device; /* device: span is not RAM */
		uint32_t count;
		struct hv_span span;
	} io;			     /* [v] under way */
	struct emul emul;	     /* [v] */
	struct hv_slot *last_slot; /* [v] a guess; forgotten when slots change */
	struct stage2_pool pool;     /* [v] */

	struct lapic lapic;
	struct hv_cpuid cpuid[HV_MAX_CPUID]; /* [v] */
	unsigned n_cpuid;
	uint64_t cr4_allowed, efer_allowed;  /* [v] by CPUID */
	uint64_t xcr0, xcr0_allowed;	     /* [v] */
	unsigned phys_bits;		     /* [v] by CPUID: what its page tables may name */
	uint64_t spec_ctrl_allowed;	     /* [v] by CPUID */
	bool x2apic_allowed, pred_cmd_allowed, arch_capabilities_allowed; /* [v] by CPUID */

	uint64_t tsc_offset, tsc_khz, tsc_ratio; /* [v] guest = host * ratio + offset; 32.32 */
	uint64_t deadline; /* [v] host's TSC when entries are to end, where they can; 0: never */
	struct hv_dull_msrs msr;	     /* [v] */
	uint64_t clock_gpa, wall_gpa;	     /* [v] MSR_KVM_SYSTEM_TIME, MSR_KVM_WALL_CLOCK */
	uint32_t clock_version;
	bool clock_paused;
	struct hv_debug debug;		     /* [v] all zero unless on */
	uint64_t debug_dr6;		     /* [v] DR6 as the last entry for it left it */
	bool complained;		     /* [v] a refused entry has been logged */
	uint64_t exits[HV_EXIT_KINDS];	     /* [v] */
};

extern const struct hv_backend *hv_ops; /* [I] after hv_load() */
extern struct hv_caps hv_cap;		/* [I] likewise */
extern struct hv_vcpu **hv_last; /* [a] by host_cpu(): whose branch predictions it may hold */

/*
 * What a handler tells the run loop. Handlers are called with the vCPU lock held, loaded or not;
 * one that may sleep calls hv_vcpu_release() first.
 */
enum hv_next { HV_AGAIN, HV_TO_USER }; /* or -errno */

/*
 * Exceptions that always exit. Machine checks are the host's. #UD may be the other vendor's
 * hypercall. #DB and #AC can come up again in their own delivery, for ever and with no interrupt in
 * between: a guest would have the processor for good. The core delivers them.
 */
enum { HV_TRAPS = 1 << X86_MC | 1 << X86_UD | 1 << X86_DB | 1 << X86_AC };

/* --- vcpu.c: lifetime, binding, requests --- */

void hv_vcpu_bind(struct hv_vcpu *v);	 /* load() on this CPU, preemption off; idempotent */
void hv_vcpu_release(struct hv_vcpu *v); /* unload(), preemption on; idempotent; may sleep */
void hv_need_missing(struct hv_vcpu *v, uint32_t groups);
/* v->st has these groups after it; binds when it must ask the hardware. */
static inline void hv_need(struct hv_vcpu *v, uint32_t groups)
{
	if (groups & ~(v->cached | HV_GPR))
		hv_need_missing(v, groups & ~(v->cached | HV_GPR));
}
/* The same, and they are written back before the next entry. */
void hv_touch(struct hv_vcpu *v, uint32_t groups);
/* Requests and makes it look: out of the guest, out of its sleep. Any context. */
void hv_vcpu_request(struct hv_vcpu *v, uint32_t request);
void hv_vcpu_poke(struct hv_vcpu *v); /* the same without a request bit */
void hv_vcpu_reset(struct hv_vcpu *v, bool init); /* power-on, or INIT */
void hv_vcpu_free(struct hv_vcpu *v);
void hv_take_start(struct hv_vcpu *v); /* INIT and SIPI that were sent; the vCPU lock is held */
void hv_vcpu_unlock(struct hv_vcpu *v); /* its lock; released before */
/* The first vCPU with this id or one above; NULL: none. Any thread: vCPUs come, and never go. */
static inline struct hv_vcpu *hv_vcpu_from(const struct hv_vm *vm, unsigned id)
{
	struct hv_vcpu *v = NULL;

	for (; !v && id < cpu_load(&vm->n_vcpus); id++)
		v = cpu_load(&vm->vcpu[id]);
	return v;
}
#define HV_EACH_VCPU(v, vm)                                                                        \
	for (struct hv_vcpu *v = hv_vcpu_from(vm, 0); v; v = hv_vcpu_from(vm, v->id + 1))
/* vm->lock and all vCPU locks: nothing of the VM runs until the other. */
void hv_vm_freeze(struct hv_vm *vm);
void hv_vm_thaw(struct hv_vm *vm);

/* --- exit.c --- */

/* What the exit means: HV_AGAIN, HV_TO_USER with *v->user filled, -errno. */
int hv_exit_handle(struct hv_vcpu *v, struct hv_exit *x);
/* RIP to behind the instruction of the exit; fetches it when the length is unknown. HV_AGAIN. */
int hv_skip(struct hv_vcpu *v, const struct hv_exit *x);
/* Decodes what stands at RIP into v->emul.insn. 0; -EFAULT: an exception was raised instead. */
int hv_fetch_insn(struct hv_vcpu *v);
/* The instruction is through: what that means for RIP, RF, the interrupt shadow, and TF. */
int hv_insn_done(struct hv_vcpu *v, uint64_t rip);
/*
 * To the user, with the rest of *v->user filled. complete, if any, is what hv_complete() does when
 * he has answered. HV_TO_USER.
 */
int hv_tell_user(struct hv_vcpu *v, enum hv_reason reason, int (*complete)(struct hv_vcpu *v));
int hv_complete(struct hv_vcpu *v);
/* HV_USER_DEBUG at RIP. HV_TO_USER. */
int hv_tell_debugger(struct hv_vcpu *v, uint8_t vector, uint64_t dr6);
/* Does a trap follow each instruction, the guest's or the debugger's? */
static inline bool hv_stepped(const struct hv_vcpu *v)
{
	return v->debug.step || v->st.rflags & RFLAGS_TF;
}
/* HV_USER_INTERNAL: what stands at RIP cannot be emulated. HV_TO_USER. */
int hv_internal_error(struct hv_vcpu *v, const uint8_t *insn, unsigned n);

/* --- event.c: what is delivered next --- */

/* An exception; HV_AGAIN. */
int hv_raise_fault(struct hv_vcpu *v, const struct emul_fault *f);
int hv_raise(struct hv_vcpu *v, uint8_t vector); /* without error code */
int hv_raise_gp(struct hv_vcpu *v);		 /* error code 0 */
/* Before an entry: one event into the hardware, windows for the rest. */
void hv_event_prepare(struct hv_vcpu *v);
/* Would it leave HLT now? Any thread may ask for a guess. */
bool hv_event_waiting(const struct hv_vcpu *v);
/* May an interrupt be delivered (IF, shadow, nothing before it)? */
bool hv_interrupts_open(struct hv_vcpu *v);
/* The same for one by the user, hv_interrupt(). */
bool hv_user_interrupt_open(struct hv_vcpu *v);

/* --- cr.c, msr.c, cpuid.c: 0, or -EINVAL for #GP; -ENOENT: no such MSR --- */

int hv_cr_write(struct hv_vcpu *v, unsigned cr, uint64_t val);
uint64_t hv_cr_read(struct hv_vcpu *v, unsigned cr);
int hv_load_pdptes(struct hv_vcpu *v, uint64_t cr3); /* into v->st; -EINVAL: reserved bits */
int hv_efer_write(struct hv_vcpu *v, uint64_t val);
/* With 48 bits of linear address, as all processors with four levels of tables have them. */
static inline bool hv_canonical(uint64_t address)
{
	return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}
/* Are these four possible together, in this vCPU? */
struct hv_control {
	uint64_t cr0, cr3, cr4, efer;
};
bool hv_control_valid(const struct hv_vcpu *v, const struct hv_control *c);
int hv_exit_cr(struct hv_vcpu *v, struct hv_exit *x);
int hv_exit_dr(struct hv_vcpu *v, struct hv_exit *x);
int hv_exit_xsetbv(struct hv_vcpu *v, struct hv_exit *x);
int hv_exit_msr(struct hv_vcpu *v, struct hv_exit *x);
int hv_exit_cpuid(struct hv_vcpu *v, struct hv_exit *x);
void hv_msr_reset(struct hv_vcpu *v, bool init);
bool hv_msr_group_valid(struct hv_vcpu *v, const struct hv_state *s); /* HV_MSR, set by the user */
void hv_msr_traps(struct hv_vcpu *v); /* anew, after a change of the filter or of CPUID */
const struct hv_cpuid *hv_cpuid_find(const struct hv_vcpu *v, uint32_t leaf, uint32_t sub);
uint64_t hv_spec_ctrl_host(void); /* the bits of MSR_SPEC_CTRL that this processor has for guests */
uint64_t hv_guest_tsc(const struct hv_vcpu *v); /* now */

/* --- clock.c: kvmclock --- */

void hv_clock_update(struct hv_vcpu *v); /* writes the page; may sleep */
void hv_clock_write_wall(struct hv_vcpu *v); /* the other one, at wall_gpa; likewise */
void hv_tsc_apply(struct hv_vcpu *v);	 /* tsc_offset or ratio has changed */

/* --- io.c, mmio.c, task.c --- */

int hv_exit_io(struct hv_vcpu *v, struct hv_exit *x);
/* Emulates the instruction of a HV_EXIT_MEM that is not RAM's. */
int hv_emulate(struct hv_vcpu *v, const struct hv_exit *x);
int hv_exit_task(struct hv_vcpu *v, struct hv_exit *x);
/*
 * What an instruction that loads a segment (far jumps: CS) does when it has the selector. -EFAULT:
 * *f is to be raised; -EINVAL: a gate or a task. May sleep and leave the vCPU unbound.
 */
int hv_load_segment(struct hv_vcpu *v, unsigned seg, uint16_t selector, struct emul_fault *f);
/*
 * A write to ROM by v->emul.insn, which the emulator does not know: the accessed or busy bit of a
 * descriptor. LTR and far returns of 32-bit code go on without it, the processor has checked all
 * else by then; others are HV_USER_INTERNAL. HV_AGAIN, HV_TO_USER.
 */
int hv_load_from_rom(struct hv_vcpu *v);
int hv_exit_hypercall(struct hv_vcpu *v, struct hv_exit *x);
/* #UD: a hypercall by the other vendor's instruction, or the guest's own affair. */
int hv_exit_ud(struct hv_vcpu *v, struct hv_exit *x);
bool hv_ioevent_signal(struct hv_vm *vm, bool pio, uint64_t addr, uint64_t val, unsigned len);

/* --- mem/: guest memory: slots.c, vram.c, guest.c, fault.c, walk.c, segment.c --- */

struct hv_slot *hv_slot_search(struct hv_vcpu *v, uint64_t gpa);
/* The slot with gpa, NULL: none. */
static inline struct hv_slot *hv_slot_find(struct hv_vcpu *v, uint64_t gpa)
{
	struct hv_slot *s = v->last_slot;

	return s && gpa - s->gpa < s->len ? s : hv_slot_search(v, gpa);
}
/* Guest-physical reads and writes of RAM, also across pages; may sleep. -EFAULT: not RAM. */
int hv_mem_read(struct hv_vcpu *v, uint64_t gpa, void *buf, size_t n);
int hv_mem_write(struct hv_vcpu *v, uint64_t gpa, const void *buf, size_t n); /* -EROFS: ROM */
int hv_mem_cmpxchg(struct hv_vcpu *v, uint64_t gpa, uint64_t *old, uint64_t val, unsigned size);
/* Something of [gpa, gpa + n) was written, or is about to be: marks it, wakes what rests there. */
void hv_slot_written(struct hv_vcpu *v, struct hv_slot *s, uint64_t gpa, size_t n);
/*
 * vm->lock held. The slot with a log: -EINVAL, no slot can have this id; -ENOENT. Its dirty pages
 * of [first, first + n) into bits, 0 being first; clear: and forgets them, with a flush.
 */
int hv_slot_logged(struct hv_vm *vm, unsigned id, struct hv_slot **s);
void hv_slot_take(struct hv_vm *vm, const struct hv_slot *s, uint64_t first, uint64_t n,
		  unsigned long *bits, bool clear);
/* The end of the piece that begins at gpa: vm->mmu is not held longer than for that. */
uint64_t hv_piece_end(uint64_t gpa, uint64_t end);
/* Is any of [gpa, gpa + n) of the slot without write access because it is idle? */
static inline bool hv_vram_rests(const struct hv_slot *s, uint64_t gpa, size_t n)
{
	uint64_t first = (gpa - s->gpa) / S2_PAGE, last = (gpa - s->gpa + n - 1) / S2_PAGE;

	return cpu_load(&s->vram.idle) && last >= s->vram.first &&
	       first < s->vram.first + s->vram.pages;
}
void hv_vram_wake(struct hv_vcpu *v, struct hv_slot *s); /* releases v */
/* HV_EXIT_MEM: maps the page; emulates what is not RAM. */
int hv_exit_mem(struct hv_vcpu *v, struct hv_exit *x);
/* Translations went away (vm->mmu is not held): no guest enters with old ones; waits if asked. */
void hv_flush_all(struct hv_vm *vm);

/*
 * The guest's own page tables: linear to guest-physical for an access (PF_WRITE, PF_USER, PF_FETCH
 * of x86.h), setting accessed and dirty bits as a processor does. 0; -EFAULT with *f, the page
 * fault; may sleep.
 */
int hv_walk(struct hv_vcpu *v, uint64_t linear, uint32_t access, uint64_t *gpa,
	    struct emul_fault *f);

/*
 * Segmented access: checks limit, rights and canonical form as a processor does for the mode, for n
 * bytes (1 or more, across pages too), and adds the base. No walk. 0; -EFAULT with *f to raise.
 */
int hv_linear(struct hv_vcpu *v, unsigned seg, uint64_t off, unsigned n, uint32_t access,
	      uint64_t *linear, struct emul_fault *f);
enum emul_mode hv_mode(struct hv_vcpu *v); /* by CS, EFER and CR0 */
/*
 * insn.c: n bytes, 4096 at most, that may cross a page: at a linear address; and by segment, with
 * the guest's CPL. 0; -EFAULT with *f to raise, and s->len[0] bytes up to the first page's end (0:
 * not even a linear address).
 */
int hv_span_find(struct hv_vcpu *v, uint64_t linear, unsigned n, uint32_t access,
		 struct hv_span *s, struct emul_fault *f);
int hv_operand(struct hv_vcpu *v, unsigned seg, uint64_t off, unsigned n, uint32_t access,
	       struct hv_span *s, struct emul_fault *f);
/* 0; -EFAULT: not RAM, or ROM. What one page does not take the other gets all the same. */
int hv_span_read(struct hv_vcpu *v, const struct hv_span *s, void *buf);
int hv_span_write(struct hv_vcpu *v, const struct hv_span *s, const void *buf);

#endif
