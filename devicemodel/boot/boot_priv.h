/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of boot/ and their tests only. */
#ifndef BOOT_PRIV_H
#define BOOT_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot.h"

struct blob;

/* Where what the kernel is handed lies: in low memory, which every kernel leaves alone at first. */
enum {
	BOOT_PARAMS = 0x10000, /* the zero page, or the PVH start information and its lists */
	BOOT_GDT = 0x11000,
	BOOT_PAGE_TABLES = 0x12000, /* six pages */
	BOOT_CMDLINE = 0x20000,
	BOOT_CMDLINE_ROOM = 0x10000,
	BOOT_EBDA = 0x9fc00, /* the BIOS's own data, up to 640 KiB */
	BOOT_LOW_END = 0xa0000,
	BOOT_FSEG = 0xf0000, /* where systems look for root pointer and SMBIOS entry point */
	BOOT_IMAGE = 0x100000, /* kernels lie from here on */
	BOOT_TABLES_ROOM = 0x20000, /* at the end of main memory below 4 GiB */
	BOOT_PAGE = 4096,
};

enum { BOOT_SEGMENTS = 32, BOOT_RANGES = 12 };

struct boot_file {
	int fd; /* -1: none */
	char *path;
	uint64_t len;
};

/* len bytes of the kernel's file at off go to guest memory at gpa; zeroes follow up to room. */
struct boot_segment {
	uint64_t off, len, gpa, room;
};

enum boot_protocol { BOOT_LINUX_64, BOOT_LINUX_32, BOOT_PVH };

/* What the kernel's file says, checked. */
struct boot_image {
	enum boot_protocol protocol;
	struct boot_segment segment[BOOT_SEGMENTS];
	unsigned segments;
	uint64_t begin, end;  /* all that it takes when it runs */
	uint64_t entry;
	uint64_t initrd_end;  /* the initial file system must end here at the latest */
	uint64_t cmdline_max; /* without its end */
	uint64_t header_len;  /* bzImage: bytes to copy from its offset 0x1f1 on */
};

struct boot {
	struct boot_file kernel, initrd;
	char *cmdline;
	const uint8_t *vga_rom;
	size_t vga_rom_len;
	uint8_t *ram;
	uint64_t low_len;
	struct boot_image image;
	uint64_t initrd_at; /* 0: none */
};

/* What the display shows: text, a linear picture, or with an address of 0 nothing. */
struct boot_screen {
	bool text; /* BIOS mode 3 */
	uint32_t address, len, width, height, stride;
};

enum { BOOT_RAM = 1, BOOT_RESERVED = 2 }; /* as in E820 and in PVH's memory map */
struct boot_range {
	uint64_t base, len;
	uint32_t type;
};

/* boot.c: len bytes at off, all of them. 0, or -errno and a sentence. */
int boot_read(const struct boot_file *f, uint64_t off, void *buf, uint64_t len, char **why);
/* "FILE is not usable: ..."; gives -EINVAL. */
int boot_refuse(const struct boot_file *f, char **why, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The end of the memory that kernel and initial file system may fill. */
uint64_t boot_memory_end(const struct boot *b);

/* bzimage.c: Linux's own boot protocol. */
bool bzimage_is(const struct boot_file *f);
int bzimage_parse(struct boot *b, char **why);
bool bzimage_wants_screen(const struct boot *b); /* a picture, not text */
int bzimage_hand_over(struct boot *b, const struct boot_range *map, unsigned ranges, uint64_t rsdp,
		      const struct boot_screen *screen, char **why);

/* pvh.c: ELF files and the PVH start information. */
bool pvh_is(const struct boot_file *f);
int pvh_parse(struct boot *b, char **why);
void pvh_hand_over(struct boot *b, const struct boot_range *map, unsigned ranges, uint64_t rsdp);

/* tables.c: ACPI and SMBIOS, the BIOS data area, the memory map. *rsdp: the root pointer. */
int tables_place(uint8_t *ram, const struct firmware_info *info, uint64_t *rsdp);
unsigned tables_memory_map(const struct firmware_info *info, struct boot_range *map);

/* script.c: the commands of the table loader, carried out here. */
struct script_file {
	const char *name;
	const struct blob *blob;
	uint64_t gpa; /* 0: not placed */
};
struct script {
	uint8_t *ram;
	uint64_t fseg, fseg_end, high, high_end; /* what is left of either zone */
	struct script_file file[4];
	unsigned files;
};
/* 0, -EINVAL for a command that makes no sense, -ENOSPC for a zone that is full. */
int script_run(struct script *s, const struct blob *commands);
/* Places one file without a script; 0: no room. */
uint64_t script_place(struct script *s, const struct blob *b, uint64_t align, bool fseg);

/* board.c: the chips as firmware leaves them; board_pci.c: addresses and interrupts of cards. */
void board_set_up(struct machine *m);
struct board_cards {
	uint32_t memory, io;  /* the next free address of either space */
	uint32_t framebuffer; /* BAR 0 of the first display adapter; 0: none */
};
void board_place_cards(struct machine *m, struct board_cards *c);
uint32_t board_config_read(struct machine *m, unsigned devfn, unsigned off, unsigned size);
void board_config_write(struct machine *m, unsigned devfn, unsigned off, uint32_t val,
			unsigned size);
void board_out(struct machine *m, unsigned port, uint32_t val, unsigned size);
uint32_t board_in(struct machine *m, unsigned port, unsigned size);
/* text_mode.c: text, with the font of the display's BIOS. False, and nothing done, without one. */
bool board_show_text(struct machine *m, const uint8_t *rom, size_t len);
/* Switches the adapter to a linear mode, for kernels that cannot. */
void board_show_screen(struct machine *m, uint32_t framebuffer, struct boot_screen *screen);

#endif
