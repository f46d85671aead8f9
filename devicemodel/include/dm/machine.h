/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine as its devices see it: spaces, guest memory, time, interrupt inputs, and requests
 * that end or restart it. What is behind it (KVM, or a test) is none of a device's business.
 */
#ifndef DM_MACHINE_H
#define DM_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

struct machine;
struct space;
struct dma;
struct irq_line;

struct space *machine_pio(struct machine *m);
struct space *machine_mem(struct machine *m);
const struct dma *machine_dma(struct machine *m);

/*
 * The 24 interrupt inputs of the board: 0 to 15 reach both 8259A and I/O APIC (input 0 arrives at
 * I/O APIC pin 2), 16 to 23 the I/O APIC only. Several lines may drive one.
 */
enum { MACHINE_GSIS = 24 };
void machine_irq_connect(struct machine *m, struct irq_line *l, unsigned gsi);

/* Ask; the event loop acts once the caller's access is done. Any thread under the machine lock. */
enum stop_cause { STOP_NONE, STOP_POWEROFF, STOP_REQUESTED, STOP_CRASH, STOP_ERROR };
void machine_request_reset(struct machine *m);
void machine_request_stop(struct machine *m, enum stop_cause cause);
void machine_request_pause(struct machine *m); /* as `caisson pause` does */

/* Where the A20 gate's two drivers (8042 and port 92) meet: the line is high while either is. */
enum a20_source { A20_8042, A20_PORT92 };
void machine_set_a20(struct machine *m, enum a20_source who, bool on);

/* The guest's own verdict (exit port), which becomes the program's exit status. */
void machine_set_exit_code(struct machine *m, int code);
int machine_exit_code(const struct machine *m);

#endif
