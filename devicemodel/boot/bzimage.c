// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linux's own boot protocol: a bzImage's header, and the page of parameters that the kernel is
 * handed. Entered at the 64-bit entry point where there is one, else at the 32-bit one; the
 * real-mode part of the kernel, which asks a BIOS, is passed over.
 * Missing: zImages and kernels before protocol 2.02 (Linux 2.4); loading above 4 GiB.
 * Reference: Linux, "The Linux/x86 Boot Protocol".
 */
#include <asm/bootparam.h>
#include <stdlib.h>
#include <string.h>

#include "boot_priv.h"

enum {
	HEADER_OFFSET = offsetof(struct boot_params, hdr), /* the same in the file */
	HEADER_SIGN = 0x202,	 /* "HdrS" */
	HEADER_JUMP = 0x201,	 /* its operand: how long the header is, counted from 0x202 */
	HEADER_END_MAX = 0x290,	 /* where the next part of the page begins */
	HEADER_END_MIN = 0x22c,	 /* of protocol 2.02 */
	SECTOR = 512,
	SETUP_SECTORS_DEFAULT = 4,
};
enum { PROTOCOL_2_02 = 0x202, PROTOCOL_2_03 = 0x203, PROTOCOL_2_04 = 0x204, PROTOCOL_2_06 = 0x206,
       PROTOCOL_2_10 = 0x20a, PROTOCOL_2_12 = 0x20c };
enum { ENTRY_64 = 0x200, CMDLINE_OLD = 255, LOADER_UNKNOWN = 0xff, VIDEO_NORMAL = 0xffff };
enum { BIOS_MODE_3 = 3, EGA_256K = 3 };
#define INITRD_MAX_OLD 0x37ffffffull

/* Everything that is read from a file of unknown length first. */
union head {
	uint8_t byte[HEADER_END_MAX];
	struct {
		uint8_t before[HEADER_OFFSET];
		struct setup_header hdr;
	} __attribute__((packed));
};

static int read_head(const struct boot_file *f, union head *h, char **why)
{
	uint64_t len = f->len < sizeof(h->byte) ? f->len : sizeof(h->byte);

	memset(h, 0, sizeof(*h));
	return boot_read(f, 0, h->byte, len, why);
}

bool bzimage_is(const struct boot_file *f)
{
	union head h;
	char *why = NULL;

	if (read_head(f, &h, &why)) {
		free(why);
		return false;
	}
	return h.hdr.boot_flag == 0xaa55 && !memcmp(h.byte + HEADER_SIGN, "HdrS", 4);
}

static int check_version(const struct boot *b, const struct setup_header *h, char **why)
{
	if (h->version < PROTOCOL_2_02)
		return boot_refuse(&b->kernel, why, "is too old a kernel: it knows boot protocol "
						    "%u.%02u, and 2.02 is needed",
				   h->version >> 8, h->version & 0xff);
	if (!(h->loadflags & LOADED_HIGH))
		return boot_refuse(&b->kernel, why, "is a zImage: only a bzImage can be started "
						    "directly");
	return 0;
}

/* The protected-mode part: everything behind the setup sectors. */
static int find_code(struct boot *b, const struct setup_header *h, char **why)
{
	uint64_t sectors = h->setup_sects ? h->setup_sects : SETUP_SECTORS_DEFAULT;
	uint64_t setup = (sectors + 1) * SECTOR;
	struct boot_segment *s = &b->image.segment[0];

	if (b->kernel.len <= setup + ENTRY_64)
		return boot_refuse(&b->kernel, why, "is truncated: it ends within its setup part");
	*s = (struct boot_segment){ .off = setup, .len = b->kernel.len - setup };
	/* the size counts paragraphs; a kernel of old need not fill its last one */
	if (h->version >= PROTOCOL_2_04 && (uint64_t)h->syssize * 16 > s->len + 15)
		return boot_refuse(&b->kernel, why, "is truncated: it has %llu of %llu bytes",
				   (unsigned long long)b->kernel.len,
				   (unsigned long long)h->syssize * 16 + setup);
	b->image.segments = 1;
	return 0;
}

static int find_place(struct boot *b, const struct setup_header *h, char **why)
{
	struct boot_image *i = &b->image;
	struct boot_segment *s = &i->segment[0];
	uint64_t room = s->len;

	i->begin = BOOT_IMAGE;
	if (h->version >= PROTOCOL_2_10) {
		i->begin = h->pref_address;
		if (h->init_size > room)
			room = h->init_size;
	}
	if (i->begin < BOOT_IMAGE || i->begin >= UINT32_MAX)
		return boot_refuse(&b->kernel, why, "wants to lie at 0x%llx, which is no place "
						    "for a kernel", (unsigned long long)i->begin);
	i->end = i->begin + room;
	s->gpa = i->begin;
	s->room = s->len;
	return 0;
}

int bzimage_parse(struct boot *b, char **why)
{
	struct boot_image *i = &b->image;
	union head h;
	const struct setup_header *hdr = &h.hdr;
	unsigned end;
	int err = read_head(&b->kernel, &h, why);

	err = err ?: check_version(b, hdr, why);
	err = err ?: find_code(b, hdr, why);
	err = err ?: find_place(b, hdr, why);
	if (err)
		return err;
	end = HEADER_SIGN + h.byte[HEADER_JUMP];
	if (end < HEADER_END_MIN || end > HEADER_END_MAX)
		return boot_refuse(&b->kernel, why, "has a damaged header: it claims to end at "
						    "0x%x", end);
	i->header_len = end - HEADER_OFFSET;
	i->protocol = BOOT_LINUX_32;
	i->entry = i->begin;
	if (hdr->version >= PROTOCOL_2_12 && hdr->xloadflags & XLF_KERNEL_64) {
		i->protocol = BOOT_LINUX_64;
		i->entry = i->begin + ENTRY_64;
	}
	i->initrd_end = INITRD_MAX_OLD + 1;
	if (hdr->version >= PROTOCOL_2_03)
		i->initrd_end = hdr->initrd_addr_max + 1ull;
	i->cmdline_max = CMDLINE_OLD;
	if (hdr->version >= PROTOCOL_2_06 && hdr->cmdline_size)
		i->cmdline_max = hdr->cmdline_size;
	return 0;
}

/* --- the page of parameters --- */

/* "vga=" and the number of a mode asks a boot loader for a picture; without it, text. */
bool bzimage_wants_screen(const struct boot *b)
{
	static const char word[] = "vga=";
	const char *p = b->cmdline;
	bool wants = false;

	while ((p = strstr(p, word))) {
		bool own = p == b->cmdline || p[-1] == ' ';

		p += sizeof(word) - 1;
		if (own)
			wants = *p >= '0' && *p <= '9';
	}
	return wants;
}

/* What a VESA BIOS would have told: a picture with a byte for each of blue, green and red. */
static void put_screen(struct screen_info *s, const struct boot_screen *screen)
{
	s->orig_video_cols = 80;
	s->orig_video_lines = 25;
	s->orig_video_points = 16;
	if (screen->text) {
		s->orig_video_mode = BIOS_MODE_3;
		s->orig_video_ega_bx = EGA_256K;
		s->orig_video_isVGA = 1;
	}
	if (!screen->address)
		return;
	s->orig_video_isVGA = VIDEO_TYPE_VLFB;
	s->lfb_base = screen->address;
	s->lfb_size = screen->len >> 16;
	s->lfb_width = screen->width;
	s->lfb_height = screen->height;
	s->lfb_linelength = screen->stride;
	s->lfb_depth = 32;
	s->blue_size = s->green_size = s->red_size = s->rsvd_size = 8;
	s->green_pos = 8;
	s->red_pos = 16;
	s->rsvd_pos = 24;
	s->pages = 1;
}

static void put_memory_map(struct boot_params *p, const struct boot_range *map, unsigned ranges)
{
	for (unsigned i = 0; i < ranges; i++) {
		p->e820_table[i].addr = map[i].base;
		p->e820_table[i].size = map[i].len;
		p->e820_table[i].type = map[i].type;
	}
	p->e820_entries = ranges;
}

int bzimage_hand_over(struct boot *b, const struct boot_range *map, unsigned ranges, uint64_t rsdp,
		      const struct boot_screen *screen, char **why)
{
	struct boot_params *p = (struct boot_params *)(b->ram + BOOT_PARAMS);
	int err;

	memset(p, 0, sizeof(*p));
	err = boot_read(&b->kernel, HEADER_OFFSET, &p->hdr, b->image.header_len, why);
	if (err)
		return err;
	p->hdr.type_of_loader = LOADER_UNKNOWN;
	p->hdr.vid_mode = VIDEO_NORMAL;
	p->hdr.code32_start = b->image.begin;
	p->hdr.cmd_line_ptr = BOOT_CMDLINE;
	p->hdr.ramdisk_image = b->initrd_at;
	p->hdr.ramdisk_size = b->initrd_at ? b->initrd.len : 0;
	p->acpi_rsdp_addr = rsdp;
	put_screen(&p->screen_info, screen);
	put_memory_map(p, map, ranges);
	return 0;
}
