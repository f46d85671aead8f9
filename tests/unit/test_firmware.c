// SPDX-License-Identifier: GPL-2.0-only
/*
 * What firmware_add_tables() leaves in fw_cfg and CMOS, and the reading of images. fw_cfg and the
 * RTC are played by this file: the real ones would hide what was handed to them.
 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dm/parts.h"
#include "firmware/tables.h"

#define GIB (1ull << 30)
enum { ENTRIES = 32, CMOS_LEN = 128 };

struct entry {
	char name[64]; /* empty: an item */
	uint16_t key;
	uint8_t *data;
	size_t len;
};

struct fw_cfg {
	struct entry entry[ENTRIES];
	unsigned n, fail_at; /* the entry that finds no memory, from 1; 0: none */
};

struct mc146818 {
	uint8_t cmos[CMOS_LEN];
};

static int take(struct fw_cfg *f, const char *name, uint16_t key, const void *data, size_t len)
{
	struct entry *e = &f->entry[f->n];

	if (f->n + 1 == f->fail_at)
		return -ENOMEM;
	assert_true(f->n < ENTRIES);
	snprintf(e->name, sizeof(e->name), "%s", name);
	e->key = key;
	e->data = malloc(len);
	assert_non_null(e->data);
	memcpy(e->data, data, len);
	e->len = len;
	f->n++;
	return 0;
}

int fw_cfg_add_item(struct fw_cfg *f, uint16_t key, const void *data, size_t len)
{
	return take(f, "", key, data, len);
}

int fw_cfg_add_file(struct fw_cfg *f, const char *name, const void *data, size_t len)
{
	assert_true(strlen(name) <= 55);
	return take(f, name, 0, data, len);
}

void mc146818_set_cmos(struct mc146818 *rtc, uint8_t index, uint8_t value)
{
	assert_true(index < CMOS_LEN);
	rtc->cmos[index] = value;
}

static void forget(struct fw_cfg *f)
{
	for (unsigned i = 0; i < f->n; i++)
		free(f->entry[i].data);
	memset(f, 0, sizeof(*f));
}

static const struct entry *find(const struct fw_cfg *f, const char *name, uint16_t key)
{
	for (unsigned i = 0; i < f->n; i++)
		if (!strcmp(f->entry[i].name, name) && f->entry[i].key == key)
			return &f->entry[i];
	return NULL;
}

static uint64_t number(const struct fw_cfg *f, uint16_t key, size_t len)
{
	const struct entry *e = find(f, "", key);
	uint64_t v = 0;

	assert_non_null(e);
	assert_int_equal(e->len, len);
	memcpy(&v, e->data, len);
	return v;
}

static const struct firmware_info usual = {
	.vcpus = 4,
	.ram_below_4g = 3 * GIB,
	.ram_above_4g = GIB,
	.reserved_base = 0xfeffc000,
	.reserved_len = 0x4000,
	.uuid = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 },
	.boot = "dcn",
	.nic_slot = 3,
	.has_hpet = true,
};

static void items_have_their_sizes(void **state)
{
	struct fw_cfg f = { 0 };

	assert_int_equal(firmware_add_tables(&f, &usual), 0);
	assert_int_equal(number(&f, 0x03, 8), 4 * GIB);
	assert_int_equal(number(&f, 0x05, 2), 4);
	assert_int_equal(number(&f, 0x0f, 2), 4);
	assert_int_equal(number(&f, 0x0e, 2), 0);
	assert_int_equal(number(&f, 0x8002, 4), 1);
	assert_memory_equal(find(&f, "", 0x02)->data, usual.uuid, 16);
	assert_non_null(find(&f, "etc/acpi/rsdp", 0));
	assert_non_null(find(&f, "etc/acpi/tables", 0));
	assert_int_equal(find(&f, "etc/table-loader", 0)->len % 128, 0);
	assert_int_equal(find(&f, "etc/smbios/smbios-anchor", 0)->len, 31);
	assert_non_null(find(&f, "etc/smbios/smbios-tables", 0));
	assert_null(find(&f, "etc/boot-menu-wait", 0));
	forget(&f);
}

static void e820_lists_memory(void **state)
{
	static const uint64_t want[3][3] = {
		{ 0xfeffc000, 0x4000, 2 }, { 0, 3 * GIB, 1 }, { 4 * GIB, GIB, 1 },
	};
	struct firmware_info info = usual;
	struct fw_cfg f = { 0 };
	const struct entry *e;

	assert_int_equal(firmware_add_tables(&f, &info), 0);
	e = find(&f, "etc/e820", 0);
	assert_non_null(e);
	assert_int_equal(e->len, 60);
	for (unsigned i = 0; i < 3; i++) {
		assert_memory_equal(e->data + 20 * i, want[i], 16);
		assert_memory_equal(e->data + 20 * i + 16, &want[i][2], 4);
	}
	forget(&f);
	info.ram_above_4g = info.reserved_len = 0;
	assert_int_equal(firmware_add_tables(&f, &info), 0);
	assert_int_equal(find(&f, "etc/e820", 0)->len, 20);
	forget(&f);
}

static void boot_order_names_paths(void **state)
{
	static const char want[] =
		"/pci@i0cf8/ide@1,1/drive@1/disk@0\n"
		"/pci@i0cf8/ide@1,1/drive@0/disk@0\n"
		"/pci@i0cf8/ide@1,1/drive@0/disk@1\n"
		"/pci@i0cf8/ide@1,1/drive@1/disk@1\n"
		"/pci@i0cf8/ethernet@3/ethernet-phy@0";
	struct firmware_info info = usual;
	struct fw_cfg f = { 0 };
	const struct entry *e;

	assert_int_equal(firmware_add_tables(&f, &info), 0);
	e = find(&f, "bootorder", 0);
	assert_non_null(e);
	assert_int_equal(e->len, sizeof(want)); /* with its end */
	assert_string_equal((char *)e->data, want);
	forget(&f);
	info.boot = "n?";
	info.nic_slot = 0;
	assert_int_equal(firmware_add_tables(&f, &info), 0);
	assert_null(find(&f, "bootorder", 0));
	forget(&f);
	info.boot = NULL;
	assert_int_equal(firmware_add_tables(&f, &info), 0);
	assert_null(find(&f, "bootorder", 0));
	forget(&f);
}

static void boot_order_follows_the_drives(void **state)
{
	static const char want[] =
		"/pci@i0cf8/ide@1,1/drive@0/disk@1\n"
		"/pci@i0cf8/ide@1,1/drive@1/disk@1\n"
		"/pci@i0cf8/ide@1,1/drive@0/disk@0\n"
		"/pci@i0cf8/ide@1,1/drive@1/disk@0";
	struct firmware_info info = usual;
	struct fw_cfg f = { 0 };

	info.boot = "dc";
	info.cdroms = 1 << 1 | 1 << 3; /* hdb and hdd */
	assert_int_equal(firmware_add_tables(&f, &info), 0);
	assert_string_equal((char *)find(&f, "bootorder", 0)->data, want);
	forget(&f);
}

static void boot_menu_waits(void **state)
{
	struct firmware_info info = usual;
	struct fw_cfg f = { 0 };

	info.boot_menu_ms = 5000;
	assert_int_equal(firmware_add_tables(&f, &info), 0);
	assert_int_equal(number(&f, 0x0e, 2), 1);
	assert_int_equal(find(&f, "etc/boot-menu-wait", 0)->len, 2);
	assert_memory_equal(find(&f, "etc/boot-menu-wait", 0)->data, "\x88\x13", 2);
	forget(&f);
}

static void impossible_machines_are_refused(void **state)
{
	struct firmware_info info = usual;
	struct fw_cfg f = { 0 };

	info.vcpus = 0;
	assert_int_equal(firmware_add_tables(&f, &info), -EINVAL);
	info.vcpus = FIRMWARE_MAX_VCPUS + 1;
	assert_int_equal(firmware_add_tables(&f, &info), -EINVAL);
	info = usual;
	info.ram_below_4g = 0;
	assert_int_equal(firmware_add_tables(&f, &info), -EINVAL);
	info.ram_below_4g = 4 * GIB;
	assert_int_equal(firmware_add_tables(&f, &info), -EINVAL);
	info = usual;
	info.ram_above_4g = 1ull << 50;
	assert_int_equal(firmware_add_tables(&f, &info), -EINVAL);
	assert_int_equal(f.n, 0);
}

/* Whichever entry fails, the error comes out and nothing leaks. */
static void errors_come_out(void **state)
{
	struct fw_cfg f = { 0 };
	unsigned entries;

	assert_int_equal(firmware_add_tables(&f, &usual), 0);
	entries = f.n;
	forget(&f);
	for (unsigned i = 1; i <= entries; i++) {
		f.fail_at = i;
		assert_int_equal(firmware_add_tables(&f, &usual), -ENOMEM);
		forget(&f);
	}
}

static void cmos_has_the_sizes(void **state)
{
	struct firmware_info info = usual;
	struct mc146818 rtc = { 0 };

	firmware_set_cmos(&rtc, &info);
	assert_memory_equal(rtc.cmos + 0x15, "\x80\x02", 2);	 /* 640 KiB */
	assert_memory_equal(rtc.cmos + 0x17, "\xff\xff", 2);	 /* as much as fits */
	assert_memory_equal(rtc.cmos + 0x30, "\xff\xff", 2);
	assert_memory_equal(rtc.cmos + 0x34, "\x00\xbf", 2);	 /* 3 GiB - 16 MiB, in 64 KiB */
	assert_memory_equal(rtc.cmos + 0x5b, "\x00\x40\x00", 3); /* 1 GiB */
	assert_int_equal(rtc.cmos[0x5f], 3);
	assert_int_equal(rtc.cmos[0x3d], 0x23);			 /* CD-ROM, then disk */
	assert_int_equal(rtc.cmos[0x38], 0x41);
	info = (struct firmware_info){ .vcpus = 1, .ram_below_4g = 8 << 20 };
	firmware_set_cmos(&rtc, &info);
	assert_memory_equal(rtc.cmos + 0x30, "\x00\x1c", 2);	 /* 7 MiB */
	assert_memory_equal(rtc.cmos + 0x34, "\x00\x00", 2);
	assert_int_equal(rtc.cmos[0x5f], 0);
}

/* --- images --- */

struct folder {
	char dir[32];
};

static void put_file(const struct folder *d, const char *name, size_t len)
{
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", d->dir, name);
	out = fopen(path, "w");
	assert_non_null(out);
	for (size_t i = 0; i < len; i++)
		fputc(i >> 8 ^ i, out);
	assert_int_equal(fclose(out), 0);
}

static void folder_make(struct folder *d, size_t bios, size_t vga)
{
	snprintf(d->dir, sizeof(d->dir), "/tmp/test-roms-%d", (int)getpid());
	assert_int_equal(mkdir(d->dir, 0700), 0);
	if (bios)
		put_file(d, "bios-256k.bin", bios);
	if (vga)
		put_file(d, "vgabios-stdvga.bin", vga);
}

static void folder_remove(struct folder *d)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/bios-256k.bin", d->dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/vgabios-stdvga.bin", d->dir);
	unlink(path);
	assert_int_equal(rmdir(d->dir), 0);
}

static void images_are_read_and_rounded(void **state)
{
	struct firmware_roms roms;
	struct folder d;
	char *why = NULL;
	uint8_t *vga;

	folder_make(&d, 256 << 10, 39000);
	assert_int_equal(firmware_load_roms(&roms, "seabios", d.dir, &why), 0);
	assert_null(why);
	assert_int_equal(roms.bios.len, 256 << 10);
	assert_int_equal(roms.vga.len, 64 << 10);
	assert_int_equal((uintptr_t)roms.vga.data % 4096, 0);
	vga = roms.vga.data;
	assert_int_equal(vga[38999], (38999 >> 8 ^ 38999) & 0xff);
	assert_int_equal(vga[39000], 0);
	firmware_free_roms(&roms);
	assert_null(roms.bios.data);
	folder_remove(&d);
}

static void environment_names_the_folder(void **state)
{
	struct firmware_roms roms;
	struct folder d;
	char *why = NULL;

	folder_make(&d, 128 << 10, 4096);
	setenv("CAISSON_FIRMWARE", d.dir, 1);
	assert_int_equal(firmware_load_roms(&roms, "seabios", NULL, &why), 0);
	assert_int_equal(roms.bios.len, 128 << 10);
	firmware_free_roms(&roms);
	unsetenv("CAISSON_FIRMWARE");
	folder_remove(&d);
}

/* By its path, in whole pages but no power of two, with a UEFI volume's signature. */
static void an_image_of_uefi_is_known(void **state)
{
	struct firmware_roms roms;
	struct folder d;
	char *why = NULL, path[64];
	FILE *f;

	folder_make(&d, 320 << 10, 4096);
	snprintf(path, sizeof(path), "%s/bios-256k.bin", d.dir);
	assert_int_equal(firmware_load_roms(&roms, path, d.dir, &why), 0);
	assert_int_equal(roms.bios.len, 320 << 10);
	assert_false(roms.uefi);
	firmware_free_roms(&roms);
	f = fopen(path, "r+");
	assert_non_null(f);
	fseek(f, 40, SEEK_SET);
	fputs("_FVH", f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(firmware_load_roms(&roms, path, d.dir, &why), 0);
	assert_true(roms.uefi);
	firmware_free_roms(&roms);
	assert_int_equal(firmware_load_roms(&roms, "ovmf", d.dir, &why), -ENOENT);
	assert_non_null(strstr(why, "OVMF.fd"));
	assert_non_null(strstr(why, "package ovmf"));
	free(why);
	folder_remove(&d);
}

static void refused(size_t bios, size_t vga, int err, const char *file)
{
	struct firmware_roms roms;
	struct folder d;
	char *why = NULL;

	folder_make(&d, bios, vga);
	assert_int_equal(firmware_load_roms(&roms, "seabios", d.dir, &why), err);
	assert_non_null(why);
	assert_non_null(strstr(why, file));
	assert_non_null(strstr(why, "seabios"));
	assert_null(strchr(why, '\n'));
	assert_null(roms.bios.data);
	assert_null(roms.vga.data);
	free(why);
	folder_remove(&d);
}

static void bad_images_are_refused_in_a_sentence(void **state)
{
	refused(0, 4096, -ENOENT, "bios-256k.bin");
	refused(256 << 10, 0, -ENOENT, "vgabios-stdvga.bin");
	refused(1, 4096, -EINVAL, "bios-256k.bin");
	refused((256 << 10) - 1, 4096, -EINVAL, "bios-256k.bin");
	refused(256 << 10, 100000, -EINVAL, "vgabios-stdvga.bin");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_have_their_sizes),
		cmocka_unit_test(e820_lists_memory),
		cmocka_unit_test(boot_order_names_paths),
		cmocka_unit_test(boot_order_follows_the_drives),
		cmocka_unit_test(boot_menu_waits),
		cmocka_unit_test(impossible_machines_are_refused),
		cmocka_unit_test(errors_come_out),
		cmocka_unit_test(cmos_has_the_sizes),
		cmocka_unit_test(images_are_read_and_rounded),
		cmocka_unit_test(environment_names_the_folder),
		cmocka_unit_test(an_image_of_uefi_is_known),
		cmocka_unit_test(bad_images_are_refused_in_a_sentence),
	};

	return cmocka_run_group_tests_name("firmware", tests, NULL, NULL);
}
