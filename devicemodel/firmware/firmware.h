/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the guest's firmware is given: its images, and through fw_cfg and CMOS the tables that
 * describe this machine. Used by machine/pc.c before the guest starts.
 */
#ifndef FIRMWARE_H
#define FIRMWARE_H

#include <stdbool.h>
#include <stdint.h>

struct fw_cfg;
struct mc146818;

/* The same numbers in the board, the tables and the tests. */
enum {
	FIRMWARE_PM_BASE = 0x600,   /* where SeaBIOS puts the PIIX4's registers, */
	FIRMWARE_PM_UEFI = 0xb000,  /* and where OVMF does */
	FIRMWARE_GPE0_BASE = 0xafe0,
	FIRMWARE_MAX_VCPUS = 254,   /* 8-bit APIC ids; 255 is the broadcast */
};

struct firmware_info {
	unsigned vcpus;		 /* vCPU n has local APIC id n */
	uint64_t ram_below_4g;	 /* bytes from address 0 on, at most 3 GiB */
	uint64_t ram_above_4g;	 /* bytes from 4 GiB on */
	uint64_t reserved_base;	 /* pages below 4 GiB that the hypervisor keeps for itself, */
	uint64_t reserved_len;	 /* such as KVM's TSS; 0: none */
	uint8_t uuid[16];	 /* in the order in which it is written */
	const char *name;	 /* the guest's; NULL: none */
	const char *boot;	 /* letters, first choice first: c disk, d CD-ROM, n network */
	unsigned cdroms;	 /* bit 2 * channel + unit: an IDE CD-ROM; 0: where hdc is */
	unsigned nic_slot;	 /* PCI slot of the network card to boot from; 0: none */
	unsigned boot_menu_ms;	 /* how long SeaBIOS offers its boot menu; 0: not at all */
	bool has_hpet;
	bool uefi;		 /* OVMF's places, not SeaBIOS's */
	uint32_t cpu_signature;	 /* CPUID 1 EAX and EDX, for SMBIOS; 0: not told */
	uint32_t cpu_features;
};

/* 0, -EINVAL for a machine that the tables cannot describe, or -ENOMEM. */
int firmware_add_tables(struct fw_cfg *f, const struct firmware_info *info);

/* Memory size and processor count where BIOSes of old keep them. */
void firmware_set_cmos(struct mc146818 *rtc, const struct firmware_info *info);

/* In whole pages; the VGA BIOS's len is a power of two, with zeroes after the file's end. */
struct firmware_rom {
	void *data;
	uint64_t len;
};

struct firmware_roms {
	struct firmware_rom bios, vga;
	bool uefi; /* the first is one of UEFI */
};

/*
 * Reads the firmware (seabios, ovmf, or a path) and SeaBIOS's VGA BIOS. Those without a path come
 * from dir; NULL: from $CAISSON_FIRMWARE, or else from where Debian's packages put them. 0 or
 * -errno; *why is then one sentence for the user (to be freed).
 */
int firmware_load_roms(struct firmware_roms *roms, const char *which, const char *dir, char **why);
/* For a machine that starts without firmware: the VGA BIOS alone, and without it nothing. */
void firmware_load_vga_rom(struct firmware_roms *roms, const char *dir);
void firmware_free_roms(struct firmware_roms *roms);

#endif
