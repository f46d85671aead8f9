/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The processors and the memory map of a machine, through the KVM ioctl API with a split irqchip:
 * local APICs in the kernel, everything else in the device model. All functions but kvm_create()
 * and kvm_destroy() want the machine lock held.
 */
#ifndef KVM_KVM_H
#define KVM_KVM_H

#include <stdbool.h>
#include <stdint.h>

#include "dm/irq.h"

struct machine;
struct kvm;
struct vram_look;

enum { KVM_MAX_VCPUS = 16 };

/*
 * Pages that KVM keeps for itself on old processors (identity map and TSS): above every device,
 * below the firmware.
 */
#define KVM_RESERVED_BASE 0xfeffc000u
#define KVM_RESERVED_LEN  0x4000u

/* What the processors need from the board; called with the machine lock held. */
struct kvm_board {
	uint8_t (*acknowledge)(void *arg);	  /* INTA cycle: the 8259A's vector */
	void (*eoi)(void *arg, uint8_t vector);	  /* a level-triggered vector is done */
	void *arg;
};

/*
 * Opens path (/dev/kvm or /dev/caisson), makes the VM, its vCPUs and their threads; none of them
 * enters the guest before kvm_go(). 0 or -errno, with one sentence in *why (to be freed).
 */
int kvm_create(struct kvm **k, struct machine *m, const char *path, unsigned vcpus, char **why);
/* Ends the threads. Without the machine lock. k may be NULL. */
void kvm_destroy(struct kvm *k);
void kvm_set_board(struct kvm *k, const struct kvm_board *b);

/* CPUID leaf 1, EAX and EDX, as the guest sees them. */
void kvm_cpu_signature(struct kvm *k, uint32_t *signature, uint32_t *features);

/* Follows the machine's memory space from now on. */
void kvm_follow_memory(struct kvm *k);
/* machine_ops.vram_look, and the idle time that suits this hypervisor best. */
int kvm_vram_look(struct kvm *k, struct vram_look *look);
uint64_t kvm_vram_idle_ns(const struct kvm *k);

/*
 * Stop: no vCPU is in the guest, or handles an exit, when it returns (the machine lock is given
 * up while waiting, never from a vCPU thread). Stops nest; each has its go.
 */
void kvm_stop(struct kvm *k);
void kvm_go(struct kvm *k);
/* Power-on state, as the kernel made it. Only while stopped. */
void kvm_reset(struct kvm *k);

/* Guest time stands still from stop to start. Only between kvm_stop() and kvm_go(). */
void kvm_time_stop(struct kvm *k);
void kvm_time_start(struct kvm *k);

/*
 * The first processor begins at rip, interrupts off, in flat 64-bit code with the page tables that
 * stand in guest memory, or in flat 32-bit code without paging. gdt is the address of five
 * descriptors, of which number 2 is code, 3 data and 4 a task. Memory types and local APICs of all
 * are as firmware leaves them; from uncached (a power of two below 4 GiB) on lie devices.
 */
struct kvm_entry {
	bool long_mode;
	uint64_t rip, rbx, rsi;
	uint64_t gdt, page_tables;
	uint32_t uncached;
};
/* Only while stopped, after kvm_reset() or before the first kvm_go(). 0 or -errno. */
int kvm_set_entry(struct kvm *k, const struct kvm_entry *e);

/* What there is to count; since the start. */
enum exits_kind { EXITS_IO, EXITS_MMIO, EXITS_EOI, EXITS_WINDOW, EXITS_KICKED, EXITS_VRAM,
		  EXITS_OTHER, EXITS_KINDS };
struct kvm_stats {
	unsigned vcpus;
	uint64_t exits[KVM_MAX_VCPUS][EXITS_KINDS];
	uint64_t injected, messages; /* interrupts: by the 8259A, by message */
	/* video memory: looks, pages that they found, first writes after rest */
	uint64_t dirty_queries, dirty_pages, vram_faults;
};
void kvm_read_stats(const struct kvm *k, struct kvm_stats *s);

/* The master 8259A's output. */
void kvm_set_intr(struct kvm *k, bool level);
/* An interrupt message to the local APICs. */
void kvm_send_message(struct kvm *k, uint64_t address, uint32_t data);
/* What I/O APIC pin would send, so that the kernel knows whose EOI to report. */
void kvm_set_route(struct kvm *k, unsigned pin, uint64_t address, uint32_t data);

#endif
