/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The inside of struct machine, for those who run one: machine.c, pc.c, kvm/, back ends that
 * complete under the machine lock, and the test rig. Devices use dm/machine.h.
 */
#ifndef MACHINE_PRIV_H
#define MACHINE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dm/clock.h"
#include "dm/dma.h"
#include "dm/irq.h"
#include "dm/machine.h"
#include "dm/pci.h"
#include "dm/region.h"
#include "dm/vram.h"

struct device;
struct loop;

/* What the board's inputs and messages drive: the processors, or a test. Machine lock held. */
struct machine_ops {
	/* optional: see dm/vram.h */
	int (*vram_look)(void *arg, struct vram_look *look);
	/* optional: a level change of one of the 24 inputs */
	irq_fn *gsi;
	/* optional: the A20 gate's position changed */
	void (*a20)(void *arg, bool on);
};

/*
 * Locks: [I] immutable after create, [m] the machine lock, [a] atomic.
 */
struct machine {
	pthread_mutex_t lock;	   /* the machine lock */
	struct loop *loop;	   /* [I] NULL in tests */
	struct clock clock;	   /* [m] */
	struct space pio, mem;	   /* [m] */
	struct dma dma;		   /* [I] */
	struct pci_bus *pci;	   /* [I] once pci_bus_create() ran */
	struct irq_gate gsi[MACHINE_GSIS]; /* [m] */
	struct device *devices, **devices_end; /* [m] */
	struct machine_ops ops;	   /* [I] once the machine is assembled */
	void *ops_arg;		   /* [I] */
	unsigned a20;		   /* [m] bit a20_source: that driver holds the gate open */
	bool reset_wanted;	   /* [m] */
	bool crashed;		   /* [m] and it was a triple fault */
	bool pause_wanted;	   /* [m] */
	enum stop_cause stop_wanted; /* [m] the first cause asked for */
	int exit_code;		   /* [m] */
};

/* A machine without loop, memory or devices; source as clock_init(). 0 or -errno. */
int machine_init(struct machine *m, uint64_t (*source)(void *arg),
		 void (*rearm)(void *arg, bool armed, uint64_t host_ns), void *arg);
/* Frees the devices too. */
void machine_fini(struct machine *m);
void machine_set_ops(struct machine *m, const struct machine_ops *ops, void *arg);

void machine_lock(struct machine *m);
void machine_unlock(struct machine *m);

/* A triple fault: a reset, as a PC's chipset answers it, unless the user wants it otherwise. */
void machine_report_crash(struct machine *m);

/* Power-on state: every device in order of creation. Machine lock held, no vCPU running. */
void machine_reset_devices(struct machine *m);

bool machine_a20(const struct machine *m);

#endif
