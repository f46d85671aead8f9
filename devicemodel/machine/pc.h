/* SPDX-License-Identifier: GPL-2.0-only */
/* The PC: the machine with all its parts, its memory, and what it is connected to. */
#ifndef MACHINE_PC_H
#define MACHINE_PC_H

#include "config/config.h"
#include "firmware/firmware.h"
#include "machine_priv.h"
#include "ram.h"

struct block;
struct boot;
struct chardev;
struct input;
struct kvm;
struct sdl;
struct surface;
struct typist;
struct vnc;
struct web;

/* [m] machine lock; everything else here is fixed once pc_create() is done. */
struct pc {
	struct machine m;
	struct kvm *kvm;
	struct ram ram, vram;
	struct firmware_roms roms;
	struct region low, shadow, main, high; /* main memory's pieces, see pc.c */
	struct region wrap; /* [m] above 1 MiB while A20 is shut */
	struct i8259 *pic;
	struct ioapic *ioapic;
	uint32_t pic_hears, ioapic_hears; /* [m] inputs that are not masked there */
	struct i8042 *kbc;
	struct piix4_pm *pm;
	struct vga *vga;
	struct piix_ide *ide;
	struct block *block[CONFIG_DRIVES];    /* [m] CD-ROM drives: may be changed */
	struct block *old_disc[CONFIG_DRIVES]; /* [m] taken out, but not closed yet */
	struct chardev *serial, *debugcon;
	char *serial_where; /* a line for the user, or NULL */
	struct surface *surface;
	struct input *input;
	struct vnc *vnc; /* NULL without VNC and browsers */
	struct web *web; /* NULL without browsers */
	struct typist *typist; /* [m] from the first text or keys to type on */
	struct sdl *sdl; /* NULL without a window */
	struct firmware_info info; /* the machine, as its tables describe it */
	struct boot *boot; /* a kernel to start without firmware; NULL: the firmware starts */
};

/* A machine without parts, and its event loop: what a control socket needs. As pc_create(). */
int pc_init(struct pc *pc, char **why);
/*
 * Opens everything that the configuration names and puts the PC together; the guest does not run
 * yet. 0 or -errno, with one sentence in *why (to be freed); pc_destroy() takes what was made.
 * device is the hypervisor's node. c->vnc and c->web move on when a default port is taken.
 */
int pc_create(struct pc *pc, struct config *c, const char *device, char **why);
void pc_destroy(struct pc *pc);
/*
 * After a reset of devices and processors: puts the kernel of a direct boot in place, if there is
 * one. Machine lock held, no vCPU running. 0 or -errno, with one sentence in *why.
 */
int pc_start_kernel(struct pc *pc, char **why);

/* console.c: screen, keyboard and mouse of the PC, and those who look at them. */
int console_open_window(struct pc *pc, const struct config *c, char **why); /* first of all */
int console_create(struct pc *pc, char **why);
int console_serve(struct pc *pc, struct config *c, char **why);
void console_connect(struct pc *pc);
void console_set_paused(struct pc *pc, bool paused); /* for those who look */
void console_stop_serving(struct pc *pc);
struct typist *console_typist(struct pc *pc); /* machine lock held; NULL: out of memory */
void console_destroy(struct pc *pc);

#endif
