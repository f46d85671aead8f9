/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Direct boot: a kernel is started without firmware. Instead of the firmware, the device model
 * sets the board up, places the tables, and puts kernel, initial file system and command line
 * into guest memory; the boot processor begins at the kernel's entry point.
 */
#ifndef BOOT_BOOT_H
#define BOOT_BOOT_H

#include <stddef.h>
#include <stdint.h>

struct boot;
struct firmware_info;
struct kvm;
struct machine;

struct boot_files {
	const char *kernel;  /* a bzImage, or an ELF file with a PVH entry */
	const char *initrd;  /* NULL: none */
	const char *cmdline; /* NULL: empty */
	const uint8_t *vga_rom; /* the display's BIOS, for its font; NULL: none. Stays. */
	size_t vga_rom_len;
};

/*
 * Opens the files, checks every offset that they name, and finds each part its place in the low_len
 * bytes of main memory at ram, address 0 on. 0 or -errno, with one sentence in *why (to be freed).
 */
int boot_open(struct boot **b, const struct boot_files *files, uint8_t *ram, uint64_t low_len,
	      char **why);
/* b may be NULL. */
void boot_close(struct boot *b);

/*
 * After a reset of devices and processors: everything as firmware would leave it, the kernel in
 * memory, the boot processor at its entry. Reads the files, which stay open. info describes the
 * machine. Machine lock held, no vCPU running. 0 or -errno, with one sentence in *why.
 */
int boot_start(struct boot *b, struct machine *m, struct kvm *k, const struct firmware_info *info,
	       char **why);

#endif
