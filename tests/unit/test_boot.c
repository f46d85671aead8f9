// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernels that are started directly: made-up bzImages and ELF files, whole, truncated and
 * malformed, and what the kernel is handed. The files come from this test; no kernel is needed.
 */
#include "unit.h"

#include <asm/bootparam.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "boot/boot_priv.h"

#define MIB	(1ull << 20)
#define RAM_LEN (64 * MIB)
enum { SETUP = 5 * 512, CODE = 4096, BZIMAGE_LEN = SETUP + CODE, HEADER = 0x1f1 };

/* --- files and memory --- */

struct place {
	char kernel[64], initrd[64];
	uint8_t *ram;
};

static int place_make(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	snprintf(p->kernel, sizeof(p->kernel), "/tmp/test-boot-%d.kernel", (int)getpid());
	snprintf(p->initrd, sizeof(p->initrd), "/tmp/test-boot-%d.initrd", (int)getpid());
	p->ram = mmap(NULL, RAM_LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*state = p;
	return p->ram == MAP_FAILED;
}

static int place_drop(void **state)
{
	struct place *p = *state;

	unlink(p->kernel);
	unlink(p->initrd);
	munmap(p->ram, RAM_LEN);
	free(p);
	return 0;
}

static void put_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* Writes the kernel and opens it; the sentence of a refusal goes to *why. */
static struct boot *try(struct place *p, const void *kernel, size_t len, const char *cmdline,
			bool initrd, uint64_t ram, char **why)
{
	struct boot_files f = { .kernel = p->kernel, .initrd = initrd ? p->initrd : NULL,
				.cmdline = cmdline };
	struct boot *b = NULL;
	int err;

	put_file(p->kernel, kernel, len);
	*why = NULL;
	err = boot_open(&b, &f, p->ram, ram, why);
	assert_true(err <= 0);
	assert_true(!err == !!b);
	assert_true(!err == !*why);
	return b;
}

static struct boot *opens(struct place *p, const void *kernel, size_t len, const char *cmdline,
			  bool initrd)
{
	char *why;
	struct boot *b = try(p, kernel, len, cmdline, initrd, RAM_LEN, &why);

	if (why)
		print_error("%s\n", why);
	assert_non_null(b);
	return b;
}

/* Refused, with one line that names the file and says what. */
static void refused(struct place *p, const void *kernel, size_t len, const char *what)
{
	char *why;
	struct boot *b = try(p, kernel, len, NULL, false, RAM_LEN, &why);

	assert_null(b);
	if (!strstr(why, p->kernel) || !strstr(why, what) || strchr(why, '\n'))
		fail_msg("'%s' lacks '%s'", why, what);
	free(why);
}

/* --- bzImages --- */

union bzimage {
	uint8_t byte[BZIMAGE_LEN];
	struct {
		uint8_t before[HEADER];
		struct setup_header hdr;
	} __attribute__((packed));
};

/* As a kernel of today has it: protocol 2.15, to be loaded at 16 MiB, with a 64-bit entry. */
static union bzimage bzimage(void)
{
	union bzimage k;

	for (unsigned i = 0; i < sizeof(k.byte); i++)
		k.byte[i] = i < SETUP ? 0 : i >> 3;
	k.hdr = (struct setup_header){
		.setup_sects = SETUP / 512 - 1,
		.syssize = CODE / 16,
		.boot_flag = 0xaa55,
		.header = 0x53726448,
		.jump = 0x6aeb, /* over the header, which ends at 0x26c */
		.version = 0x20f,
		.loadflags = LOADED_HIGH,
		.initrd_addr_max = 0x7fffffff,
		.kernel_alignment = 0x200000,
		.relocatable_kernel = 1,
		.xloadflags = XLF_KERNEL_64,
		.cmdline_size = 2047,
		.pref_address = 16 * MIB,
		.init_size = 8 * MIB,
	};
	return k;
}

static void bzimage_finds_its_place(void **state)
{
	struct place *p = *state;
	union bzimage k = bzimage();
	struct boot *b = opens(p, &k, sizeof(k), NULL, false);
	const struct boot_image *i = &b->image;

	assert_int_equal(i->protocol, BOOT_LINUX_64);
	assert_int_equal(i->entry, 16 * MIB + 0x200);
	assert_int_equal(i->begin, 16 * MIB);
	assert_int_equal(i->end, 24 * MIB);
	assert_int_equal(i->segments, 1);
	assert_int_equal(i->segment[0].off, SETUP);
	assert_int_equal(i->segment[0].len, CODE);
	assert_int_equal(i->segment[0].gpa, 16 * MIB);
	boot_close(b);
}

static void older_kernels_use_the_32_bit_entry(void **state)
{
	struct place *p = *state;
	union bzimage k = bzimage();
	struct boot *b;

	k.hdr.xloadflags = 0;
	b = opens(p, &k, sizeof(k), NULL, false);
	assert_int_equal(b->image.protocol, BOOT_LINUX_32);
	assert_int_equal(b->image.entry, 16 * MIB);
	boot_close(b);
	/* before 2.10 nobody says where it wants to be: at 1 MiB; before 2.12 xloadflags is not */
	k.hdr.version = 0x209;
	k.hdr.xloadflags = XLF_KERNEL_64;
	b = opens(p, &k, sizeof(k), NULL, false);
	assert_int_equal(b->image.protocol, BOOT_LINUX_32);
	assert_int_equal(b->image.entry, MIB);
	boot_close(b);
}

static void initrd_lies_as_high_as_allowed(void **state)
{
	struct place *p = *state;
	union bzimage k = bzimage();
	struct boot *b;
	char *why;

	put_file(p->initrd, &k, 5000);
	b = opens(p, &k, sizeof(k), NULL, true);
	assert_int_equal(b->initrd_at, RAM_LEN - BOOT_TABLES_ROOM - 2 * 4096);
	boot_close(b);
	k.hdr.initrd_addr_max = 32 * MIB - 1;
	b = opens(p, &k, sizeof(k), NULL, true);
	assert_int_equal(b->initrd_at, 32 * MIB - 2 * 4096);
	boot_close(b);
	k.hdr.initrd_addr_max = 24 * MIB + 4095; /* just behind the kernel: one page too few */
	assert_null(try(p, &k, sizeof(k), NULL, true, RAM_LEN, &why));
	assert_non_null(strstr(why, p->initrd));
	assert_non_null(strstr(why, "too large"));
	free(why);
	k.hdr.initrd_addr_max = 0xffffffff;
	assert_null(try(p, &k, sizeof(k), NULL, true, 24 * MIB + BOOT_TABLES_ROOM, &why));
	assert_non_null(strstr(why, "needs 25 MiB"));
	free(why);
}

static void memory_must_hold_it(void **state)
{
	struct place *p = *state;
	union bzimage k = bzimage();
	char *why;

	assert_null(try(p, &k, sizeof(k), NULL, false, 24 * MIB, &why));
	assert_non_null(strstr(why, "needs 25 MiB"));
	assert_non_null(strstr(why, "--memory"));
	free(why);
	assert_null(try(p, &k, sizeof(k), NULL, false, MIB, &why));
	free(why);
	k.hdr.init_size = 0xffffffff;
	refused(p, &k, sizeof(k), "needs");
	k.hdr.pref_address = -1ull - 4096;
	refused(p, &k, sizeof(k), "no place");
	k.hdr.pref_address = 0;
	refused(p, &k, sizeof(k), "no place");
}

static void command_line_is_limited(void **state)
{
	struct place *p = *state;
	union bzimage k = bzimage();
	char line[300], *why;

	memset(line, 'x', sizeof(line));
	line[256] = 0;
	boot_close(opens(p, &k, sizeof(k), line, false));
	k.hdr.cmdline_size = 255;
	assert_null(try(p, &k, sizeof(k), line, false, RAM_LEN, &why));
	assert_non_null(strstr(why, "255 characters"));
	free(why);
	line[255] = 0;
	boot_close(opens(p, &k, sizeof(k), line, false));
}

static void bad_bzimages_are_refused(void **state)
{
	struct place *p = *state;
	union bzimage good = bzimage(), k = good;

	for (size_t len = 1; len < 0x206; len += 7)
		refused(p, &k, len, "");
	refused(p, &k, SETUP, "truncated");
	refused(p, &k, SETUP + 0x200, "truncated");
	refused(p, &k, sizeof(k) - 16, "truncated");
	k.hdr.syssize = 0xffffffff;
	refused(p, &k, sizeof(k), "truncated");
	k = good;
	k.hdr.setup_sects = 255;
	refused(p, &k, sizeof(k), "truncated");
	k = good;
	k.hdr.version = 0x201;
	refused(p, &k, sizeof(k), "2.01");
	k = good;
	k.hdr.loadflags = 0;
	refused(p, &k, sizeof(k), "zImage");
	k = good;
	k.hdr.jump = 0xffeb;
	refused(p, &k, sizeof(k), "damaged");
	k.hdr.jump = 0x10eb;
	refused(p, &k, sizeof(k), "damaged");
	k = good;
	k.hdr.boot_flag = 0;
	refused(p, &k, sizeof(k), "neither");
	refused(p, "", 0, "empty");
}

static void vga_asks_for_a_picture(void **state)
{
	static const struct {
		const char *line;
		bool screen;
	} lines[] = {
		{ "", false }, { "vga=normal", false }, { "quiet vga=788 x", true },
		{ "xvga=788", false }, { "vga=0x314", true }, { "vga=788 vga=normal", false },
	};
	struct place *p = *state;
	union bzimage k = bzimage();

	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct boot *b = opens(p, &k, sizeof(k), lines[i].line, false);

		assert_int_equal(bzimage_wants_screen(b), lines[i].screen);
		boot_close(b);
	}
}

static void zero_page_says_it_all(void **state)
{
	static const struct boot_range map[] = { { 0, 0x9fc00, 1 }, { MIB, 63 * MIB, 1 },
						 { 0xf0000, 0x10000, 2 } };
	struct boot_screen screen = { false, 0x80000000, 16 * MIB, 1024, 768, 4096 };
	struct place *p = *state;
	union bzimage k = bzimage();
	struct boot_params *z = (void *)(p->ram + BOOT_PARAMS);
	struct boot *b;
	char *why = NULL;

	put_file(p->initrd, &k, 5000);
	b = opens(p, &k, sizeof(k), "quiet", true);
	memset(z, 0xff, sizeof(*z));
	assert_int_equal(bzimage_hand_over(b, map, 3, 0xf0010, &screen, &why), 0);
	assert_int_equal(z->hdr.header, 0x53726448);
	assert_int_equal(z->hdr.init_size, 8 * MIB);
	assert_int_equal(z->hdr.type_of_loader, 0xff);
	assert_int_equal(z->hdr.cmd_line_ptr, BOOT_CMDLINE);
	assert_int_equal(z->hdr.code32_start, 16 * MIB);
	assert_int_equal(z->hdr.ramdisk_image, b->initrd_at);
	assert_int_equal(z->hdr.ramdisk_size, 5000);
	assert_int_equal(z->acpi_rsdp_addr, 0xf0010);
	assert_int_equal(z->e820_entries, 3);
	assert_int_equal(z->e820_table[1].addr, MIB);
	assert_int_equal(z->e820_table[2].type, 2);
	assert_int_equal(z->screen_info.orig_video_isVGA, VIDEO_TYPE_VLFB);
	assert_int_equal(z->screen_info.lfb_base, 0x80000000);
	assert_int_equal(z->screen_info.lfb_size, 256);
	assert_int_equal(z->screen_info.lfb_linelength, 4096);
	assert_int_equal(z->sentinel, 0);
	screen.address = 0;
	assert_int_equal(bzimage_hand_over(b, map, 3, 0xf0010, &screen, &why), 0);
	assert_int_equal(z->screen_info.orig_video_isVGA, 0);
	/* the file got shorter since it was checked */
	assert_int_equal(truncate(p->kernel, HEADER + 10), 0);
	assert_int_equal(bzimage_hand_over(b, map, 3, 0, &screen, &why), -EINVAL);
	assert_non_null(strstr(why, "truncated"));
	free(why);
	boot_close(b);
}

/* --- ELF files --- */

struct elf64 {
	Elf64_Ehdr e;
	Elf64_Phdr load, bss, note;
	struct {
		Elf64_Nhdr other;
		char other_name[4], other_desc[8]; /* 5 bytes of 8 */
		Elf64_Nhdr n;
		char name[4];
		uint64_t entry;
	} __attribute__((packed)) notes;
	uint8_t code[256];
};

static struct elf64 elf64(void)
{
	struct elf64 k = {
		.e = { .e_ident = ELFMAG, .e_machine = EM_X86_64, .e_phnum = 3,
		       .e_phentsize = sizeof(Elf64_Phdr), .e_phoff = sizeof(Elf64_Ehdr) },
		.load = { PT_LOAD, PF_R, offsetof(struct elf64, code), 0xffffffff81000000,
			  16 * MIB, 256, 8192, 0 },
		.bss = { PT_LOAD, PF_R, 0, 0, 18 * MIB + 100, 0, 1000, 0 },
		.note = { PT_NOTE, PF_R, offsetof(struct elf64, notes), 0, 0,
			  sizeof(k.notes), sizeof(k.notes), 4 },
		.notes = { { 4, 5, 18 }, "GNU", "", { 4, 8, 18 }, "Xen", 16 * MIB + 64 },
	};

	k.e.e_ident[EI_CLASS] = ELFCLASS64;
	k.e.e_ident[EI_DATA] = ELFDATA2LSB;
	return k;
}

static void elf_is_entered_by_its_note(void **state)
{
	struct place *p = *state;
	struct elf64 k = elf64();
	struct boot *b;

	put_file(p->initrd, &k, 5000 < sizeof(k) ? 5000 : sizeof(k));
	b = opens(p, &k, sizeof(k), "x", true);
	assert_int_equal(b->image.protocol, BOOT_PVH);
	assert_int_equal(b->image.entry, 16 * MIB + 64);
	assert_int_equal(b->image.segments, 2);
	assert_int_equal(b->image.begin, 16 * MIB);
	assert_int_equal(b->image.end, 18 * MIB + 1100);
	assert_int_equal(b->initrd_at, 18 * MIB + 4096);
	boot_close(b);
	k.notes.n.n_descsz = 4; /* the upper half is another note's then, and none */
	k.note.p_filesz -= 4;
	b = opens(p, &k, sizeof(k), "x", false);
	assert_int_equal(b->image.entry, 16 * MIB + 64);
	boot_close(b);
}

static void elf_of_32_bits_too(void **state)
{
	struct place *p = *state;
	struct {
		Elf32_Ehdr e;
		Elf32_Phdr load, note;
		Elf32_Nhdr n;
		char name[4];
		uint32_t entry;
		uint8_t code[64];
	} k = {
		.e = { .e_ident = ELFMAG, .e_machine = EM_386, .e_phnum = 2,
		       .e_phentsize = sizeof(Elf32_Phdr), .e_phoff = sizeof(Elf32_Ehdr) },
		.n = { 4, 4, 18 }, .name = "Xen", .entry = 2 * MIB,
	};
	struct boot *b;

	k.e.e_ident[EI_CLASS] = ELFCLASS32;
	k.e.e_ident[EI_DATA] = ELFDATA2LSB;
	k.load = (Elf32_Phdr){ PT_LOAD, (uint32_t)((char *)k.code - (char *)&k), 0, 2 * MIB, 64,
			       64, 0, 0 };
	k.note = (Elf32_Phdr){ PT_NOTE, (uint32_t)((char *)&k.n - (char *)&k), 0, 0, 20, 20, 0, 4 };
	b = opens(p, &k, sizeof(k), NULL, false);
	assert_int_equal(b->image.entry, 2 * MIB);
	assert_int_equal(b->image.segment[0].len, 64);
	boot_close(b);
}

static void bad_headers_are_refused(void **state)
{
	struct place *p = *state;
	struct elf64 k = elf64();

	refused(p, &k, 3, "neither");
	for (size_t len = EI_NIDENT; len < offsetof(struct elf64, code); len += 9)
		refused(p, &k, len, "");
	refused(p, &k, sizeof(k) - 1, "truncated");
	k.e.e_machine = EM_AARCH64;
	refused(p, &k, sizeof(k), "another kind");
	k = elf64();
	k.e.e_ident[EI_DATA] = ELFDATA2MSB;
	refused(p, &k, sizeof(k), "another kind");
	k = elf64();
	k.e.e_phentsize = 1;
	refused(p, &k, sizeof(k), "damaged");
	k = elf64();
	k.e.e_phoff = -1ull - 60;
	refused(p, &k, sizeof(k), "truncated");
	k.e.e_phoff = sizeof(k) - 10;
	refused(p, &k, sizeof(k), "truncated");
	k = elf64();
	k.e.e_phnum = 0xffff;
	refused(p, &k, sizeof(k), "too many");
	k.e.e_phnum = 0;
	refused(p, &k, sizeof(k), "no PVH entry");
}

static void bad_segments_are_refused(void **state)
{
	struct place *p = *state;
	struct elf64 k = elf64();

	k.load.p_offset = -1ull;
	refused(p, &k, sizeof(k), "truncated");
	k.load.p_offset = 0;
	k.load.p_filesz = -1ull;
	refused(p, &k, sizeof(k), "truncated");
	k = elf64();
	k.load.p_memsz = 255;
	refused(p, &k, sizeof(k), "damaged");
	k.load.p_memsz = -1ull;
	refused(p, &k, sizeof(k), "between 1 MiB and 4 GiB");
	k = elf64();
	k.bss.p_paddr = MIB - 1;
	refused(p, &k, sizeof(k), "between 1 MiB and 4 GiB");
	k.bss.p_paddr = -500ull;
	refused(p, &k, sizeof(k), "between 1 MiB and 4 GiB");
	k.bss.p_paddr = RAM_LEN;
	refused(p, &k, sizeof(k), "needs");
}

static void bad_notes_are_refused(void **state)
{
	struct place *p = *state;
	struct elf64 k = elf64();

	k.notes.name[0] = 'Y';
	refused(p, &k, sizeof(k), "no PVH entry");
	k = elf64();
	k.notes.other.n_descsz = 0xffffffff;
	refused(p, &k, sizeof(k), "no PVH entry");
	k.notes.other.n_namesz = 0xffffffff;
	refused(p, &k, sizeof(k), "no PVH entry");
	k = elf64();
	k.note.p_filesz -= 1;
	refused(p, &k, sizeof(k), "no PVH entry");
	k = elf64();
	k.notes.entry = 17 * MIB; /* memory, but nothing that the file has */
	refused(p, &k, sizeof(k), "loads nothing");
	k.notes.entry = -1ull - 1;
	refused(p, &k, sizeof(k), "loads nothing");
}

static void start_information_lists_all(void **state)
{
	static const struct boot_range map[] = { { 0, 0x9fc00, 1 }, { MIB, 63 * MIB, 1 } };
	struct place *p = *state;
	struct elf64 k = elf64();
	uint64_t v[7], module[4], range[3];
	uint32_t *info = (uint32_t *)(p->ram + BOOT_PARAMS);
	struct boot *b;

	put_file(p->initrd, &k, 100);
	b = opens(p, &k, sizeof(k), "x", true);
	memset(info, 0xff, 4096);
	pvh_hand_over(b, map, 2, 0xf0000);
	memcpy(v, info, sizeof(v));
	assert_int_equal(info[0], 0x336ec578);
	assert_int_equal(info[1], 1);
	assert_int_equal(info[2], 0);
	assert_int_equal(info[3], 1);
	assert_int_equal(v[3], BOOT_CMDLINE);
	assert_int_equal(v[4], 0xf0000);
	assert_int_equal(info[12], 2);
	memcpy(module, p->ram + v[2], sizeof(module));
	assert_int_equal(module[0], b->initrd_at);
	assert_int_equal(module[1], 100);
	assert_int_equal(module[2], 0);
	memcpy(range, p->ram + v[5] + 24, sizeof(range));
	assert_int_equal(range[0], MIB);
	assert_int_equal(range[1], 63 * MIB);
	assert_int_equal(range[2], 1);
	boot_close(b);
}

/* --- any file --- */

static void what_is_no_kernel_is_refused(void **state)
{
	struct place *p = *state;
	struct boot_files f = { .kernel = "/tmp" };
	char *why = NULL, text[1000];
	struct boot *b;

	memset(text, 'x', sizeof(text));
	refused(p, text, sizeof(text), "neither");
	assert_int_equal(boot_open(&b, &f, p->ram, RAM_LEN, &why), -EINVAL);
	assert_non_null(strstr(why, "/tmp"));
	free(why);
	why = NULL;
	f.kernel = "/nowhere/vmlinuz";
	assert_int_equal(boot_open(&b, &f, p->ram, RAM_LEN, &why), -ENOENT);
	assert_non_null(strstr(why, "/nowhere/vmlinuz"));
	free(why);
}

/* Any bytes of either header changed: refused or taken, but never beyond the memory. */
static void damaged_headers_do_no_harm(void **state)
{
	struct place *p = *state;
	unsigned seed = 1;

	for (unsigned n = 0; n < 2000; n++) {
		union bzimage bz = bzimage();
		struct elf64 elf = elf64();
		uint8_t *at = n & 1 ? (uint8_t *)&elf : bz.byte + 0x1f1;
		size_t len = n & 1 ? offsetof(struct elf64, code) : 0x80;
		const struct boot_segment *s;
		struct boot *b;
		char *why;

		for (unsigned i = 0; i < 1 + n % 4; i++)
			at[rand_r(&seed) % len] = rand_r(&seed);
		b = n & 1 ? try(p, &elf, sizeof(elf), "", false, RAM_LEN, &why)
			  : try(p, &bz, sizeof(bz), "", false, RAM_LEN, &why);
		free(why);
		for (unsigned i = 0; b && i < b->image.segments; i++) {
			s = &b->image.segment[i];
			assert_true(s->gpa >= MIB && s->gpa < RAM_LEN && s->len <= s->room);
			assert_true(s->room <= RAM_LEN - s->gpa);
			assert_true(s->off + s->len <= b->kernel.len);
		}
		boot_close(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bzimage_finds_its_place),
		cmocka_unit_test(older_kernels_use_the_32_bit_entry),
		cmocka_unit_test(initrd_lies_as_high_as_allowed),
		cmocka_unit_test(memory_must_hold_it),
		cmocka_unit_test(command_line_is_limited),
		cmocka_unit_test(bad_bzimages_are_refused),
		cmocka_unit_test(vga_asks_for_a_picture),
		cmocka_unit_test(zero_page_says_it_all),
		cmocka_unit_test(elf_is_entered_by_its_note),
		cmocka_unit_test(elf_of_32_bits_too),
		cmocka_unit_test(bad_headers_are_refused),
		cmocka_unit_test(bad_segments_are_refused),
		cmocka_unit_test(bad_notes_are_refused),
		cmocka_unit_test(start_information_lists_all),
		cmocka_unit_test(what_is_no_kernel_is_refused),
		cmocka_unit_test(damaged_headers_do_no_harm),
	};

	return cmocka_run_group_tests_name("boot", tests, place_make, place_drop);
}
