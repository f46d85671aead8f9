/* SPDX-License-Identifier: GPL-2.0-only */
/* `caisson run`: from arguments to exit status. */
#ifndef MACHINE_RUN_H
#define MACHINE_RUN_H

/* argv[0] is the verb. The program's exit status: see EXIT_* in run.c. */
int run_main(int argc, char **argv);

/* accel.c: which hypervisor. */
struct config;
enum accel_kind { ACCEL_DEVICE, ACCEL_LAB };
/* 0, with *device the node to open for ACCEL_DEVICE; or -errno and a sentence in *why. */
int accel_choose(const struct config *c, enum accel_kind *kind, const char **device, char **why);
/* Becomes the lab's program, which runs this command again inside; only returns on failure. */
int accel_exec_lab(struct config *c, int argc, char **argv, char **why);

/*
 * preflight.c: what can be told to be wrong before anything is started, here or in the lab. 0, or
 * -errno and a sentence: about the files that are named, and about what the host has.
 */
int preflight_files(const struct config *c, char **why);
int preflight_host(const struct config *c, char **why);

#endif
