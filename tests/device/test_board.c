// SPDX-License-Identifier: GPL-2.0-only
/*
 * The board as a direct boot leaves it, seen through its ports, and the tables in memory: what an
 * operating system expects of firmware. Every chip is the real one.
 */
#include "rig.h"

#include <errno.h>

#include "boot/boot_priv.h"
#include "dm/pci.h"
#include "firmware/tables.h"
#include "ui/surface.h"

enum { VRAM_LEN = 16 << 20, IDE = PCI_DEVFN(1, 1), POWER = PCI_DEVFN(1, 3), VGA = PCI_DEVFN(2, 0) };
#define WINDOW 0x80000000u

struct board {
	struct rig *rig;
	struct surface *surface;
	struct vga *vga;
	uint8_t *vram;
	struct board_cards cards;
};

static void no_message(void *arg, uint64_t address, uint32_t data)
{
}

static void no_route(void *arg, unsigned pin, uint64_t address, uint32_t data)
{
}

static void no_intr(void *arg, unsigned n, bool level)
{
}

static int board_make(void **state)
{
	static const struct ioapic_ops ops = { no_message, no_route };
	struct board *b = calloc(1, sizeof(*b));
	struct rtc_options rtc = { 0 };
	struct i440fx_memory mem = { 0 };
	struct vga_options vga = { .vram_len = VRAM_LEN };
	struct machine *m;

	b->rig = rig_new();
	b->vram = calloc(1, VRAM_LEN);
	m = b->rig->m;
	mem.ram = b->rig->ram;
	vga.vram = b->vram;
	vga.surface = b->surface = surface_create();
	rig_add_pci(b->rig);
	assert_true(i8259_create(m, no_intr, NULL) && ioapic_create(m, &ops, NULL));
	assert_true(i8254_create(m) && mc146818_create(m, &rtc));
	assert_true(i440fx_create(m, &mem) && piix3_create(m) && piix_ide_create(m));
	assert_true(piix4_pm_create(m) && i8042_create(m));
	b->vga = vga_create(m, &vga);
	assert_non_null(b->vga);
	rig_reset(b->rig);
	*state = b;
	return 0;
}

static int board_drop(void **state)
{
	struct board *b = *state;

	rig_free(b->rig);
	surface_destroy(b->surface);
	free(b->vram);
	free(b);
	return 0;
}

static struct rig *set_up(void **state)
{
	struct board *b = *state;

	b->cards = (struct board_cards){ .memory = WINDOW };
	board_set_up(b->rig->m);
	board_place_cards(b->rig->m, &b->cards);
	return b->rig;
}

static void cards_have_addresses(void **state)
{
	struct rig *r = set_up(state);
	struct board *b = *state;
	uint32_t fb = rig_config_read(r, VGA, PCI_BAR0, 4), regs = rig_config_read(r, VGA, 0x18, 4);

	assert_int_equal(fb & ~0xfu, WINDOW);
	assert_int_equal(b->cards.framebuffer, WINDOW);
	assert_int_equal(regs, WINDOW + VRAM_LEN);
	assert_int_equal(rig_config_read(r, VGA, PCI_COMMAND, 2) & 7, PCI_COMMAND_MEMORY);
	rig_write(r, WINDOW + 4, 0x12345678, 4);
	assert_memory_equal(b->vram + 4, "\x78\x56\x34\x12", 4);
	assert_int_equal(rig_config_read(r, IDE, 0x20, 4), 0xc001);
	assert_int_equal(rig_config_read(r, IDE, PCI_COMMAND, 2) & 7,
			 PCI_COMMAND_IO | PCI_COMMAND_MASTER);
	assert_int_equal(rig_config_read(r, IDE, 0x40, 4), 0x80008000);
	assert_int_equal(rig_in8(r, 0xc002) & 0x80, 0); /* the bus master answers */
}

static void power_management_is_where_the_tables_say(void **state)
{
	struct rig *r = set_up(state);

	assert_int_equal(rig_config_read(r, POWER, 0x40, 4), FIRMWARE_PM_BASE | 1);
	assert_int_equal(rig_config_read(r, POWER, 0x80, 1) & 1, 1);
	assert_int_equal(rig_config_read(r, POWER, PCI_INT_LINE, 1), 9);
	assert_int_equal(rig_in16(r, FIRMWARE_PM_BASE + 4) & 1, 1); /* ACPI mode */
	rig_advance(r, 1000000000);
	assert_true(rig_in32(r, FIRMWARE_PM_BASE + 8) > 3000000);
}

static void interrupts_are_steered_and_masked(void **state)
{
	struct rig *r = set_up(state);

	assert_int_equal(rig_config_read(r, PCI_DEVFN(1, 0), 0x60, 4), 0x0b0b0a0a);
	assert_int_equal(rig_in8(r, 0x4d1), 0x0c);
	assert_int_equal(rig_in8(r, 0x21), 0xfb);
	assert_int_equal(rig_in8(r, 0xa1), 0xff);
}

static void legacy_chips_are_initialised(void **state)
{
	struct rig *r = set_up(state);

	rig_out8(r, 0x70, 0x0a);
	assert_int_equal(rig_in8(r, 0x71) & 0x7f, 0x26);
	rig_out8(r, 0x70, 0x0b);
	assert_int_equal(rig_in8(r, 0x71), 0x02);
	rig_out8(r, 0x70, 0x0f);
	assert_int_equal(rig_in8(r, 0x71), 0);
	assert_int_equal(rig_in8(r, 0x64) & 0x05, 0x04); /* tested, nothing to fetch */
	rig_out8(r, 0x64, 0x20);
	assert_int_equal(rig_in8(r, 0x60), 0x65);
	assert_int_equal(rig_in8(r, 0x92) & 2, 2);
	rig_out8(r, 0x43, 0xe2); /* status of channel 0: both bytes, mode 2 */
	assert_int_equal(rig_in8(r, 0x40) & 0x3f, 0x34);
}

static void shadow_area_is_memory(void **state)
{
	struct rig *r = set_up(state);

	for (uint32_t at = 0xc0000; at < 0x100000; at += 0x4000) {
		rig_write(r, at, at ^ 0x5a5a5a5a, 4);
		assert_int_equal(rig_read(r, at, 4), at ^ 0x5a5a5a5a);
	}
}

static void screen_is_linear(void **state)
{
	struct rig *r = set_up(state);
	struct board *b = *state;
	struct surface_look look;
	struct boot_screen s;

	board_show_screen(r->m, b->cards.framebuffer, &s);
	assert_int_equal(s.address, WINDOW);
	assert_int_equal(s.len, VRAM_LEN);
	assert_int_equal(s.stride, s.width * 4);
	rig_out16(r, 0x1ce, 1);
	assert_int_equal(rig_in16(r, 0x1d0), s.width);
	rig_out16(r, 0x1ce, 2);
	assert_int_equal(rig_in16(r, 0x1d0), s.height);
	rig_out16(r, 0x1ce, 3);
	assert_int_equal(rig_in16(r, 0x1d0), 32);
	rig_write(r, WINDOW + 5 * 4, 0x00ff8000, 4);
	vga_refresh(b->vga);
	surface_take(b->surface, NULL, NULL, &look);
	assert_int_equal(look.width, s.width);
	assert_int_equal(look.height, s.height);
	assert_int_equal(look.pixels[5] & 0xffffff, 0xff8000);
	surface_release(b->surface);
	board_show_screen(r->m, 0, &s);
	assert_int_equal(s.address, 0);
}

static void text_needs_a_font(void **state)
{
	static const uint8_t glyph[2 * 16] = {
		0, 0, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6, 0xc6, 0, 0, 0, 0,
		0, 0, 0xfc, 0x66, 0x66, 0x66, 0x7c, 0x66, 0x66, 0x66, 0x66, 0xfc, 0, 0, 0, 0,
	};
	enum { AT = 100, ROM = AT + 4096 };
	struct rig *r = set_up(state);
	struct board *b = *state;
	struct surface_look look;
	uint8_t rom[ROM] = { 0 };

	assert_false(board_show_text(r->m, NULL, 0));
	assert_false(board_show_text(r->m, rom, sizeof(rom)));
	memcpy(rom + AT + 'A' * 16, glyph, sizeof(glyph));
	assert_false(board_show_text(r->m, rom, sizeof(rom) - 1)); /* cut short */
	assert_false(board_show_text(r->m, rom + AT + 1, sizeof(rom) - AT - 1));
	assert_true(board_show_text(r->m, rom, sizeof(rom)));
	rig_write(r, 0xb8000, 0x0c41, 2); /* a red A */
	vga_refresh(b->vga);
	surface_take(b->surface, NULL, NULL, &look);
	assert_int_equal(look.width, 720);
	assert_int_equal(look.height, 400);
	assert_int_equal(look.pixels[2 * look.stride + 3] & 0xffffff, 0xff5555);
	assert_int_equal(look.pixels[2 * look.stride + 2] & 0xffffff, 0);
	assert_int_equal(look.pixels[7 * look.stride] & 0xffffff, 0xff5555);
	surface_release(b->surface);
}

/* A second start, with what the guest left in the registers, ends the same. */
static void another_start_is_the_same(void **state)
{
	struct rig *r = set_up(state);
	uint32_t before[4][16], after[4][16];
	static const unsigned fn[] = { PCI_DEVFN(0, 0), PCI_DEVFN(1, 0), IDE, POWER };

	for (unsigned i = 0; i < 4; i++)
		for (unsigned k = 0; k < 16; k++)
			before[i][k] = rig_config_read(r, fn[i], k * 16, 4);
	rig_config_write(r, VGA, PCI_BAR0, 0xe0000000, 4);
	rig_config_write(r, POWER, 0x40, 0x1001, 4);
	rig_out8(r, 0x21, 0);
	rig_reset(r);
	set_up(state);
	for (unsigned i = 0; i < 4; i++)
		for (unsigned k = 0; k < 16; k++)
			after[i][k] = rig_config_read(r, fn[i], k * 16, 4);
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(rig_config_read(r, VGA, PCI_BAR0, 4) & ~0xf, WINDOW);
}

/* --- tables --- */

static const struct firmware_info small = {
	.vcpus = 2, .ram_below_4g = RIG_RAM_LEN, .reserved_base = 0xfeffc000,
	.reserved_len = 0x4000, .name = "test", .has_hpet = true,
};

static uint8_t sum(const uint8_t *p, size_t len)
{
	uint8_t s = 0;

	while (len--)
		s += *p++;
	return s;
}

static uint32_t word(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Follows the root pointer to every table as a system does. */
static void acpi_tables_hang_together(void **state)
{
	struct board *b = *state;
	uint8_t *ram = b->rig->ram, *rsdt, *t;
	uint64_t rsdp = 0;
	unsigned found = 0;

	assert_int_equal(tables_place(ram, &small, &rsdp), 0);
	assert_true(rsdp >= 0xe0000 && rsdp < 0x100000 && !(rsdp % 16));
	assert_memory_equal(ram + rsdp, "RSD PTR ", 8);
	assert_int_equal(sum(ram + rsdp, 20), 0);
	rsdt = ram + word(ram + rsdp + 16);
	assert_true(word(ram + rsdp + 16) >= RIG_RAM_LEN - BOOT_TABLES_ROOM);
	assert_memory_equal(rsdt, "RSDT", 4);
	assert_int_equal(sum(rsdt, word(rsdt + 4)), 0);
	for (unsigned off = 36; off < word(rsdt + 4); off += 4, found++) {
		t = ram + word(rsdt + off);
		assert_int_equal(sum(t, word(t + 4)), 0);
		if (!memcmp(t, "FACP", 4)) {
			assert_memory_equal(ram + word(t + 36), "FACS", 4);
			assert_memory_equal(ram + word(t + 40), "DSDT", 4);
			assert_int_equal(sum(ram + word(t + 40), word(ram + word(t + 40) + 4)), 0);
		}
	}
	assert_int_equal(found, 5);
}

static void smbios_is_found(void **state)
{
	struct board *b = *state;
	uint8_t *ram = b->rig->ram, *at = NULL;
	uint64_t rsdp;

	assert_int_equal(tables_place(ram, &small, &rsdp), 0);
	for (uint32_t a = 0xf0000; a < 0x100000 && !at; a += 16)
		if (!memcmp(ram + a, "_SM_", 4))
			at = ram + a;
	assert_non_null(at);
	assert_int_equal(sum(at, at[5]), 0);
	assert_int_equal(sum(at + 16, 15), 0);
	assert_true(word(at + 24) >= RIG_RAM_LEN - BOOT_TABLES_ROOM);
	assert_int_equal(ram[word(at + 24)], 0); /* its first structure: the BIOS */
	assert_memory_equal(ram + 0x40e, "\xc0\x9f", 2);
	assert_memory_equal(ram + 0x413, "\x7f\x02", 2);
}

static void memory_map_covers_all(void **state)
{
	struct firmware_info info = small;
	struct boot_range map[BOOT_RANGES];
	unsigned n;
	uint64_t ram = 0;

	info.ram_above_4g = 5ull << 30;
	n = tables_memory_map(&info, map);
	assert_true(n <= BOOT_RANGES);
	for (unsigned i = 0; i < n; i++) {
		if (i)
			assert_true(map[i - 1].base + map[i - 1].len <= map[i].base);
		if (map[i].type == BOOT_RAM)
			ram += map[i].len;
	}
	assert_int_equal(ram, RIG_RAM_LEN - BOOT_TABLES_ROOM - (0x100000 - 0x9fc00) +
				      (5ull << 30));
	info.ram_above_4g = info.reserved_len = 0;
	assert_int_equal(tables_memory_map(&info, map), n - 2);
}

/* --- the script --- */

static int run(struct board *b, const struct blob *file, struct blob *commands)
{
	struct script s = {
		.ram = b->rig->ram, .fseg = 0xf0000, .fseg_end = 0x100000,
		.high = 0x200000, .high_end = 0x201000,
		.file = { { .name = "a", .blob = file }, { .name = "b", .blob = file } },
		.files = 2,
	};
	int err = script_run(&s, commands);

	blob_free(commands);
	return err;
}

static void senseless_commands_are_refused(void **state)
{
	struct board *b = *state;
	uint8_t bytes[64] = { 0 };
	struct blob file = { .data = bytes, .len = sizeof(bytes) }, c = { 0 };

	loader_allocate(&c, "nobody", 16, LOADER_HIGH);
	assert_int_equal(run(b, &file, &c), -EINVAL);
	loader_allocate(&c, "a", 3, LOADER_HIGH);
	assert_int_equal(run(b, &file, &c), -ENOSPC);
	loader_allocate(&c, "a", 16, LOADER_FSEG);
	loader_allocate(&c, "a", 16, LOADER_FSEG);
	assert_int_equal(run(b, &file, &c), -EINVAL);
	loader_add_pointer(&c, "a", 0, 4, "a"); /* not placed yet */
	assert_int_equal(run(b, &file, &c), -EINVAL);
	loader_allocate(&c, "a", 16, LOADER_FSEG);
	loader_add_pointer(&c, "a", 61, 4, "a");
	assert_int_equal(run(b, &file, &c), -EINVAL);
	loader_allocate(&c, "a", 16, LOADER_FSEG);
	loader_add_pointer(&c, "a", 0, 3, "a");
	assert_int_equal(run(b, &file, &c), -EINVAL);
	loader_allocate(&c, "a", 16, LOADER_FSEG);
	loader_add_checksum(&c, "a", 64, 0, 64);
	assert_int_equal(run(b, &file, &c), -EINVAL);
	loader_allocate(&c, "a", 16, LOADER_FSEG);
	loader_add_checksum(&c, "a", 0, 1, 64);
	assert_int_equal(run(b, &file, &c), -EINVAL);
	blob_put(&c, NULL, 128);
	assert_int_equal(run(b, &file, &c), -EINVAL);
	blob_put(&c, NULL, 127);
	assert_int_equal(run(b, &file, &c), -EINVAL);
}

static void zones_can_be_full(void **state)
{
	struct board *b = *state;
	struct blob file = { .data = calloc(1, 0x1000), .len = 0x1000 }, c = { 0 };

	loader_allocate(&c, "a", 4096, LOADER_HIGH);
	loader_allocate(&c, "b", 1, LOADER_HIGH);
	assert_int_equal(run(b, &file, &c), -ENOSPC);
	loader_allocate(&c, "a", 0x8000, LOADER_HIGH);
	assert_int_equal(run(b, &file, &c), 0);
	loader_allocate(&c, "a", 0x100000, LOADER_FSEG);
	assert_int_equal(run(b, &file, &c), -ENOSPC);
	free(file.data);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, board_make, board_drop)
	const struct CMUnitTest tests[] = {
		TEST(cards_have_addresses),
		TEST(power_management_is_where_the_tables_say),
		TEST(interrupts_are_steered_and_masked),
		TEST(legacy_chips_are_initialised),
		TEST(shadow_area_is_memory),
		TEST(screen_is_linear),
		TEST(text_needs_a_font),
		TEST(another_start_is_the_same),
		TEST(acpi_tables_hang_together),
		TEST(smbios_is_found),
		TEST(memory_map_covers_all),
		TEST(senseless_commands_are_refused),
		TEST(zones_can_be_full),
	};

	return cmocka_run_group_tests_name("board", tests, NULL, NULL);
}
