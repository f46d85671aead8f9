// SPDX-License-Identifier: GPL-2.0-only
/*
 * ELF kernels with a PVH entry: a note names the 32-bit address at which to begin, in flat
 * protected mode, with the start information's address in EBX.
 * Missing: a command line for the module.
 * Reference: Xen, "x86/HVM direct boot ABI"; Xen public headers, elfnote.h and
 * arch-x86/hvm/start_info.h; System V ABI, "Program Header", "Note Section".
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "boot_priv.h"

enum { NOTE_PHYS32_ENTRY = 18, NOTES_MAX = 1 << 20, HEADERS_MAX = 512 };
#define FOUR_GIB (1ull << 32)

/* What both classes of program header say. */
struct program_header {
	uint32_t type;
	uint64_t off, len, gpa, room, align;
};

union elf_header {
	uint8_t ident[EI_NIDENT];
	Elf32_Ehdr e32;
	Elf64_Ehdr e64;
};

bool pvh_is(const struct boot_file *f)
{
	char ident[EI_NIDENT], *why = NULL;

	if (f->len < sizeof(ident) || boot_read(f, 0, ident, sizeof(ident), &why)) {
		free(why);
		return false;
	}
	return !memcmp(ident, ELFMAG, SELFMAG);
}

/* --- headers --- */

static int check_header(const struct boot_file *f, const union elf_header *h, char **why)
{
	unsigned machine = h->e32.e_machine; /* at the same place in both classes */
	bool wide = h->ident[EI_CLASS] == ELFCLASS64;

	if ((!wide && h->ident[EI_CLASS] != ELFCLASS32) || h->ident[EI_DATA] != ELFDATA2LSB ||
	    (machine != EM_X86_64 && machine != EM_386))
		return boot_refuse(f, why, "is an ELF file for another kind of computer");
	if (wide ? h->e64.e_phentsize != sizeof(Elf64_Phdr)
		 : h->e32.e_phentsize != sizeof(Elf32_Phdr))
		return boot_refuse(f, why, "is a damaged ELF file: it has no program headers");
	return 0;
}

static int read_program_header(const struct boot_file *f, const union elf_header *h, unsigned n,
			       struct program_header *p, char **why)
{
	bool wide = h->ident[EI_CLASS] == ELFCLASS64;
	uint64_t off = wide ? h->e64.e_phoff : h->e32.e_phoff;
	Elf64_Phdr p64;
	Elf32_Phdr p32;
	int err;

	off += (uint64_t)n * (wide ? sizeof(p64) : sizeof(p32));
	if (off > f->len)
		return boot_refuse(f, why, "is truncated: it ends before its program headers");
	if (wide) {
		err = boot_read(f, off, &p64, sizeof(p64), why);
		if (!err)
			*p = (struct program_header){ p64.p_type, p64.p_offset, p64.p_filesz,
						      p64.p_paddr, p64.p_memsz, p64.p_align };
	} else {
		err = boot_read(f, off, &p32, sizeof(p32), why);
		if (!err)
			*p = (struct program_header){ p32.p_type, p32.p_offset, p32.p_filesz,
						      p32.p_paddr, p32.p_memsz, p32.p_align };
	}
	if (!err && (p->off > f->len || p->len > f->len - p->off))
		err = boot_refuse(f, why, "is truncated: program header %u reaches beyond its end",
				  n);
	return err;
}

/* --- segments --- */

static int add_segment(struct boot *b, const struct program_header *p, char **why)
{
	struct boot_image *i = &b->image;

	if (!p->room)
		return 0;
	if (p->len > p->room)
		return boot_refuse(&b->kernel, why, "is a damaged ELF file: a segment is larger in "
						    "the file than in memory");
	if (p->gpa < BOOT_IMAGE || p->gpa >= FOUR_GIB || p->room > FOUR_GIB - p->gpa)
		return boot_refuse(&b->kernel, why, "wants a segment at 0x%llx, which is not "
						    "between 1 MiB and 4 GiB",
				   (unsigned long long)p->gpa);
	if (i->segments == BOOT_SEGMENTS)
		return boot_refuse(&b->kernel, why, "has more than %d segments", BOOT_SEGMENTS);
	i->segment[i->segments++] = (struct boot_segment){ p->off, p->len, p->gpa, p->room };
	if (i->segments == 1 || p->gpa < i->begin)
		i->begin = p->gpa;
	if (p->gpa + p->room > i->end)
		i->end = p->gpa + p->room;
	return 0;
}

/* --- notes --- */

static uint64_t aligned(uint64_t len, uint64_t align)
{
	return (len + align - 1) & -align;
}

/* Looks through the notes for the entry; leaves *entry alone where there is none. */
static void find_entry(const uint8_t *notes, uint64_t len, uint64_t align, uint64_t *entry)
{
	Elf32_Nhdr n; /* the same in both classes */
	uint64_t at = 0, name, desc;

	while (len - at >= sizeof(n)) {
		memcpy(&n, notes + at, sizeof(n));
		name = at + sizeof(n);
		desc = aligned(name + n.n_namesz, align);
		if (desc > len || n.n_descsz > len - desc)
			return;
		if (n.n_type == NOTE_PHYS32_ENTRY && n.n_namesz == 4 &&
		    !memcmp(notes + name, "Xen", 4) && (n.n_descsz == 4 || n.n_descsz == 8)) {
			*entry = 0;
			memcpy(entry, notes + desc, n.n_descsz);
		}
		at = aligned(desc + n.n_descsz, align);
		if (at > len)
			return;
	}
}

static int read_notes(struct boot *b, const struct program_header *p, char **why)
{
	uint64_t len = p->len < NOTES_MAX ? p->len : NOTES_MAX;
	uint8_t *notes = malloc(len ? len : 1);
	int err;

	if (!notes)
		return -ENOMEM;
	err = boot_read(&b->kernel, p->off, notes, len, why);
	if (!err)
		find_entry(notes, len, p->align == 8 ? 8 : 4, &b->image.entry);
	free(notes);
	return err;
}

/* --- the whole --- */

static bool entry_is_loaded(const struct boot_image *i)
{
	for (unsigned n = 0; n < i->segments; n++) {
		const struct boot_segment *s = &i->segment[n];

		if (i->entry >= s->gpa && i->entry - s->gpa < s->len)
			return true;
	}
	return false;
}

static int read_parts(struct boot *b, const union elf_header *h, char **why)
{
	unsigned parts = h->ident[EI_CLASS] == ELFCLASS64 ? h->e64.e_phnum : h->e32.e_phnum;
	struct program_header p = { 0 };
	int err = 0;

	if (parts > HEADERS_MAX)
		return boot_refuse(&b->kernel, why, "has too many program headers (%u)", parts);
	for (unsigned n = 0; n < parts && !err; n++) {
		err = read_program_header(&b->kernel, h, n, &p, why);
		if (!err && p.type == PT_LOAD)
			err = add_segment(b, &p, why);
		else if (!err && p.type == PT_NOTE)
			err = read_notes(b, &p, why);
	}
	return err;
}

int pvh_parse(struct boot *b, char **why)
{
	struct boot_image *i = &b->image;
	union elf_header h = { 0 };
	uint64_t len = b->kernel.len < sizeof(h) ? b->kernel.len : sizeof(h);
	int err = boot_read(&b->kernel, 0, &h, len, why);

	i->protocol = BOOT_PVH;
	i->entry = UINT64_MAX;
	i->initrd_end = FOUR_GIB;
	i->cmdline_max = BOOT_CMDLINE_ROOM - 1;
	err = err ?: check_header(&b->kernel, &h, why);
	err = err ?: read_parts(b, &h, why);
	if (err)
		return err;
	if (i->entry == UINT64_MAX)
		return boot_refuse(&b->kernel, why, "has no PVH entry point (the note "
						    "XEN_ELFNOTE_PHYS32_ENTRY): take the bzImage, "
						    "or a kernel built with CONFIG_PVH");
	if (!entry_is_loaded(i))
		return boot_refuse(&b->kernel, why, "has its PVH entry point at 0x%llx, where it "
						    "loads nothing", (unsigned long long)i->entry);
	return 0;
}

/* --- start information --- */

#define START_MAGIC 0x336ec578u

struct start_info {
	uint32_t magic, version, flags, modules;
	uint64_t module_list, cmdline, rsdp, memory_map;
	uint32_t memory_ranges, reserved;
};

struct start_module {
	uint64_t address, len, cmdline, reserved;
};

struct start_range {
	uint64_t base, len;
	uint32_t type, reserved;
};

/* All of it in one page, in this order. */
struct start_page {
	struct start_info info;
	struct start_module module;
	struct start_range range[BOOT_RANGES];
};

void pvh_hand_over(struct boot *b, const struct boot_range *map, unsigned ranges, uint64_t rsdp)
{
	struct start_page *s = (struct start_page *)(b->ram + BOOT_PARAMS);

	*s = (struct start_page){
		.info = {
			.magic = START_MAGIC,
			.version = 1,
			.cmdline = BOOT_CMDLINE,
			.rsdp = rsdp,
			.memory_map = BOOT_PARAMS + offsetof(struct start_page, range),
			.memory_ranges = ranges,
		},
	};
	if (b->initrd_at) {
		s->info.modules = 1;
		s->info.module_list = BOOT_PARAMS + offsetof(struct start_page, module);
		s->module.address = b->initrd_at;
		s->module.len = b->initrd.len;
	}
	for (unsigned i = 0; i < ranges; i++)
		s->range[i] = (struct start_range){ map[i].base, map[i].len, map[i].type, 0 };
}
