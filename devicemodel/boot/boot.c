// SPDX-License-Identifier: GPL-2.0-only
/*
 * Direct boot: which files, where everything goes, and the first start as well as every further
 * one. Files are read straight into guest memory and stay open for the next reset; nothing of them
 * is kept here but what was checked.
 */
#include "boot_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dm/log.h"
#include "firmware/tables.h"
#include "kvm/kvm.h"

#define MIB (1ull << 20)

int boot_refuse(const struct boot_file *f, char **why, const char *fmt, ...)
{
	char *what = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&what, fmt, ap) < 0)
		what = NULL;
	va_end(ap);
	*why = sentence("%s %s.", f->path, what ? what : "cannot be used");
	free(what);
	return -EINVAL;
}

uint64_t boot_memory_end(const struct boot *b)
{
	return b->low_len - BOOT_TABLES_ROOM;
}

/* --- files --- */

int boot_read(const struct boot_file *f, uint64_t off, void *buf, uint64_t len, char **why)
{
	uint8_t *p = buf;

	while (len) {
		ssize_t n = pread(f->fd, p, len, off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			*why = sentence("Cannot read %s (%s).", f->path, strerror(errno));
			return -errno;
		}
		if (!n)
			return boot_refuse(f, why, "is truncated: it ends before what it says it "
						   "contains");
		p += n;
		off += n;
		len -= n;
	}
	return 0;
}

static int file_open(struct boot_file *f, const char *path, char **why)
{
	struct stat st;

	f->path = strdup(path);
	if (!f->path)
		return -ENOMEM;
	f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (f->fd < 0 || fstat(f->fd, &st)) {
		int err = errno;

		*why = sentence("Cannot open %s (%s): check the name and its permissions.", path,
				strerror(err));
		return -err;
	}
	if (!S_ISREG(st.st_mode))
		return boot_refuse(f, why, "is not a file");
	f->len = st.st_size;
	return f->len ? 0 : boot_refuse(f, why, "is empty");
}

static void file_close(struct boot_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
}

/* --- places --- */

static int too_small(const struct boot *b, uint64_t end, char **why)
{
	uint64_t need = (end + BOOT_TABLES_ROOM + MIB - 1) / MIB;

	*why = sentence("%s%s%s needs %llu MiB of memory below 4 GiB to start, and the guest has "
			"%llu: give it more with --memory.", b->kernel.path,
			b->initrd.path ? " with " : "", b->initrd.path ? b->initrd.path : "",
			(unsigned long long)need, (unsigned long long)(b->low_len / MIB));
	return -ENOMEM;
}

/* PVH: right behind the kernel, as Xen's tools do. Linux: as high as it allows. */
static int place_initrd(struct boot *b, char **why)
{
	uint64_t end = boot_memory_end(b), least = (b->image.end + BOOT_PAGE - 1) & -BOOT_PAGE;

	if (b->initrd.len > end)
		return too_small(b, least + b->initrd.len, why);
	if (end > b->image.initrd_end)
		end = b->image.initrd_end;
	b->initrd_at = least;
	if (b->image.protocol != BOOT_PVH && end > b->initrd.len)
		b->initrd_at = (end - b->initrd.len) & -BOOT_PAGE;
	if (b->initrd_at >= least && b->initrd_at + b->initrd.len <= end)
		return 0;
	if (end == b->image.initrd_end)
		return boot_refuse(&b->initrd, why, "is too large for where %s wants it (below "
						    "%llu MiB)", b->kernel.path,
				   (unsigned long long)(end / MIB));
	return too_small(b, least + b->initrd.len, why);
}

static int check_cmdline(const struct boot *b, char **why)
{
	size_t len = strlen(b->cmdline);
	uint64_t max = b->image.cmdline_max;

	if (max > BOOT_CMDLINE_ROOM - 1)
		max = BOOT_CMDLINE_ROOM - 1;
	if (len <= max)
		return 0;
	return boot_refuse(&b->kernel, why, "takes a command line of up to %llu characters, and "
					    "this one has %zu: shorten it",
			   (unsigned long long)max, len);
}

static int parse(struct boot *b, char **why)
{
	int err;

	if (b->low_len <= BOOT_IMAGE + BOOT_TABLES_ROOM)
		return too_small(b, BOOT_IMAGE + 1, why);
	if (pvh_is(&b->kernel))
		err = pvh_parse(b, why);
	else if (bzimage_is(&b->kernel))
		err = bzimage_parse(b, why);
	else
		return boot_refuse(&b->kernel, why, "is neither a bzImage nor an ELF file: name a "
						    "kernel such as /boot/vmlinuz");
	if (!err && b->image.end > boot_memory_end(b))
		err = too_small(b, b->image.end, why);
	if (!err)
		err = check_cmdline(b, why);
	if (!err && b->initrd.path)
		err = place_initrd(b, why);
	return err;
}

int boot_open(struct boot **out, const struct boot_files *files, uint8_t *ram, uint64_t low_len,
	      char **why)
{
	struct boot *b = calloc(1, sizeof(*b));
	int err;

	if (!b)
		return -ENOMEM;
	b->kernel.fd = b->initrd.fd = -1;
	b->ram = ram;
	b->low_len = low_len;
	b->cmdline = strdup(files->cmdline ? files->cmdline : "");
	b->vga_rom = files->vga_rom;
	b->vga_rom_len = files->vga_rom_len;
	err = b->cmdline ? file_open(&b->kernel, files->kernel, why) : -ENOMEM;
	if (!err && files->initrd)
		err = file_open(&b->initrd, files->initrd, why);
	if (!err)
		err = parse(b, why);
	if (err)
		boot_close(b);
	else
		*out = b;
	return err;
}

void boot_close(struct boot *b)
{
	if (!b)
		return;
	file_close(&b->kernel);
	file_close(&b->initrd);
	free(b->cmdline);
	free(b);
}

/* --- start --- */

static int load(struct boot *b, char **why)
{
	int err = 0;

	for (unsigned i = 0; i < b->image.segments && !err; i++) {
		const struct boot_segment *s = &b->image.segment[i];

		err = boot_read(&b->kernel, s->off, b->ram + s->gpa, s->len, why);
		memset(b->ram + s->gpa + s->len, 0, s->room - s->len);
	}
	if (!err && b->initrd_at)
		err = boot_read(&b->initrd, 0, b->ram + b->initrd_at, b->initrd.len, why);
	memcpy(b->ram + BOOT_CMDLINE, b->cmdline, strlen(b->cmdline) + 1);
	return err;
}

/* Flat segments; number 2 is code and number 3 data, as Linux wants them. */
static void put_gdt(struct boot *b, bool long_mode)
{
	const uint64_t gdt[] = {
		0, 0, long_mode ? 0x00af9b000000ffff : 0x00cf9b000000ffff, 0x00cf93000000ffff,
		0x00008b0000000067,
	};

	memcpy(b->ram + BOOT_GDT, gdt, sizeof(gdt));
}

/* The first 4 GiB as they are, in pages of 2 MiB. */
static void put_page_tables(struct boot *b)
{
	enum { PRESENT_WRITE = 0x03, LARGE = 0x80, ENTRIES = 512 };
	uint64_t *pml4 = (uint64_t *)(b->ram + BOOT_PAGE_TABLES);
	uint64_t *pointers = pml4 + ENTRIES, *tables = pointers + ENTRIES;

	memset(pml4, 0, 2 * BOOT_PAGE);
	pml4[0] = (BOOT_PAGE_TABLES + BOOT_PAGE) | PRESENT_WRITE;
	for (unsigned i = 0; i < 4; i++)
		pointers[i] = (BOOT_PAGE_TABLES + (2 + i) * BOOT_PAGE) | PRESENT_WRITE;
	for (uint64_t i = 0; i < 4 * ENTRIES; i++)
		tables[i] = i << 21 | LARGE | PRESENT_WRITE;
}

static int enter(struct boot *b, struct kvm *k, uint32_t window, char **why)
{
	struct kvm_entry e = {
		.long_mode = b->image.protocol == BOOT_LINUX_64,
		.rip = b->image.entry,
		.gdt = BOOT_GDT,
		.page_tables = BOOT_PAGE_TABLES,
		.uncached = window,
	};
	int err;

	if (b->image.protocol == BOOT_PVH)
		e.rbx = BOOT_PARAMS;
	else
		e.rsi = BOOT_PARAMS;
	put_gdt(b, e.long_mode);
	if (e.long_mode)
		put_page_tables(b);
	err = kvm_set_entry(k, &e);
	if (err)
		*why = sentence("The hypervisor refused to start at the entry of %s (%s).",
				b->kernel.path, strerror(-err));
	return err;
}

int boot_start(struct boot *b, struct machine *m, struct kvm *k, const struct firmware_info *info,
	       char **why)
{
	struct board_cards cards = { .memory = firmware_pci_window(info) };
	struct boot_range map[BOOT_RANGES];
	unsigned ranges = tables_memory_map(info, map);
	struct boot_screen screen = { 0 };
	uint64_t rsdp;
	int err;

	board_set_up(m);
	board_place_cards(m, &cards);
	err = tables_place(b->ram, info, &rsdp);
	if (err)
		*why = sentence("Cannot place the machine's tables (%s).", strerror(-err));
	if (!err)
		err = load(b, why);
	if (!err && b->image.protocol == BOOT_PVH) {
		pvh_hand_over(b, map, ranges, rsdp);
	} else if (!err) {
		if (!bzimage_wants_screen(b))
			screen.text = board_show_text(m, b->vga_rom, b->vga_rom_len);
		if (!screen.text)
			board_show_screen(m, cards.framebuffer, &screen);
		err = bzimage_hand_over(b, map, ranges, rsdp, &screen, why);
	}
	return err ? err : enter(b, k, firmware_pci_window(info), why);
}
