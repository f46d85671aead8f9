// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modes as programs set them, by int 10h: text, 12h, 13h, and VBE with banks and frame buffer; what
 * is written by the service is looked for in memory, and the other way round.
 * Reference: IBM VGA BIOS interface; VESA, "VBE Core Functions Standard 3.0".
 */
#include "bios.h"

#include "guest.h"
#include "io.h"

enum { TEXT = 0xb800, GRAPHICS = 0xa000, MODE_WORDS = 128, VBE_OK = 0x004f, LFB = 0x4000 };

static uint16_t info[MODE_WORDS], block[256];

static struct bios_regs call(struct bios_regs r)
{
	bios(0x10, &r);
	return r;
}

static void set_mode(uint8_t mode)
{
	call((struct bios_regs){ .eax = mode });
}

static uint8_t mode(void)
{
	return call((struct bios_regs){ .eax = 0x0f00 }).eax;
}

static void put_pixel(uint16_t x, uint16_t y, uint8_t colour)
{
	call((struct bios_regs){ .eax = 0x0c00 | colour, .ecx = x, .edx = y });
}

static uint8_t get_pixel(uint16_t x, uint16_t y)
{
	return call((struct bios_regs){ .eax = 0x0d00, .ecx = x, .edx = y }).eax;
}

static void check_text(void)
{
	set_mode(0x03);
	check("mode-3", mode(), 0x03);
	check("columns", call((struct bios_regs){ .eax = 0x0f00 }).eax >> 8 & 0xff, 80);
	check("cleared", far_read(TEXT, 2 * (5 * 80 + 7)), ' ');
	call((struct bios_regs){ .eax = 0x0200, .edx = 0x0507 }); /* row 5, column 7 */
	call((struct bios_regs){ .eax = 0x0941, .ebx = 0x1e, .ecx = 3 });
	check("text-written", far_read(TEXT, 2 * (5 * 80 + 9)), 'A');
	check("attribute-written", far_read(TEXT, 2 * (5 * 80 + 9) + 1), 0x1e);
	far_write(TEXT, 2 * (5 * 80 + 7), 'z');
	check("text-read", call((struct bios_regs){ .eax = 0x0800 }).eax & 0xff, 'z');
	call((struct bios_regs){ .eax = 0x0e42, .ebx = 0x07 });
	check("teletype-cursor", call((struct bios_regs){ .eax = 0x0300 }).edx & 0xffff, 0x0508);
	call((struct bios_regs){ .eax = 0x0601, .ebx = 0x0700, .ecx = 0x0000, .edx = 0x184f });
	check("scrolled", far_read(TEXT, 2 * (4 * 80 + 9)), 'A');
}

static void check_mode13(void)
{
	set_mode(0x13);
	put_pixel(300, 150, 0x77);
	check("mode-13-written", far_read(GRAPHICS, 150 * 320 + 300), 0x77);
	far_write(GRAPHICS, 10 * 320 + 5, 0x42);
	check("mode-13-read", get_pixel(5, 10), 0x42);
	out8(0x3c7, 4);
	check("palette-red", in8(0x3c9), 0x2a);
}

/* 80 bytes a line, one bit a pixel in each plane. */
static void check_mode12(void)
{
	set_mode(0x12);
	put_pixel(3, 2, 0x0a);
	out8(0x3ce, 4);
	out8(0x3cf, 1);
	check("mode-12-plane-1", far_read(GRAPHICS, 2 * 80), 0x10);
	out8(0x3cf, 2);
	check("mode-12-plane-2", far_read(GRAPHICS, 2 * 80), 0x00);
	out8(0x3cf, 0);
	out8(0x3c4, 2);
	out8(0x3c5, 0x05);
	far_write(GRAPHICS, 479 * 80 + 79, 0x01);
	out8(0x3c5, 0x0f);
	check("mode-12-read", get_pixel(639, 479), 0x05);
}

/* Memory above 1 MiB by int 15h's block move: one word of the frame buffer. */
static uint16_t frame_buffer_word(uint32_t address)
{
	static uint16_t got;
	static uint8_t gdt[48];
	struct bios_regs r = { .eax = 0x8700, .ecx = 1, .esi = (uintptr_t)gdt };
	uint32_t to = (uintptr_t)&got;

	memset(gdt, 0, sizeof(gdt));
	for (unsigned i = 0; i < 2; i++) {
		uint8_t *d = gdt + 16 + 8 * i;
		uint32_t base = i ? to : address;

		d[0] = d[1] = 0xff;
		d[2] = base;
		d[3] = base >> 8;
		d[4] = base >> 16;
		d[5] = 0x93;
		d[7] = base >> 24;
	}
	bios(0x15, &r);
	return r.flags & FLAG_CARRY ? 0xdead : got;
}

static uint16_t find_mode(uint16_t width, uint16_t height, uint8_t bits)
{
	uint16_t off = block[7], segment = block[8];

	for (unsigned i = 0; i < 200; i++, off += 2) {
		uint16_t m = far_read(segment, off) | far_read(segment, off + 1) << 8;

		if (m == 0xffff)
			break;
		call((struct bios_regs){ .eax = 0x4f01, .ecx = m, .edi = (uintptr_t)info });
		if (info[9] == width && info[10] == height && info[12] >> 8 == bits)
			return m;
	}
	return 0;
}

static void check_vbe(void)
{
	uint32_t frame_buffer;
	uint16_t m;

	memset(block, 0, sizeof(block));
	memcpy(block, "VBE2", 4);
	check("vbe",
	      call((struct bios_regs){ .eax = 0x4f00, .edi = (uintptr_t)block }).eax & 0xffff,
	      VBE_OK);
	check("vbe-signature", memcmp(block, "VESA", 4), 0);
	check("vbe-memory", block[9], 256);
	m = find_mode(800, 600, 16);
	if (!check_true("vbe-800x600x16", m))
		return;
	frame_buffer = info[20] | (uint32_t)info[21] << 16;
	check("vbe-pitch", info[8], 1600);
	check("vbe-attributes", info[0] & 0x0099, 0x0099);
	check("vbe-set", call((struct bios_regs){ .eax = 0x4f02, .ebx = m }).eax & 0xffff, VBE_OK);
	check("vbe-set-reads",
	      call((struct bios_regs){ .eax = 0x4f03 }).ebx & 0x3fff, m);
	call((struct bios_regs){ .eax = 0x4f05, .ebx = 0, .edx = 5 });
	far_write(GRAPHICS, 0x1234, 0xcd);
	far_write(GRAPHICS, 0x1235, 0xab);
	check("vbe-bank-in-frame-buffer", frame_buffer_word(frame_buffer + 5 * 65536ul + 0x1234),
	      0xabcd);
	check("vbe-set-linear",
	      call((struct bios_regs){ .eax = 0x4f02, .ebx = m | LFB }).eax & 0xffff, VBE_OK);
	check("vbe-cleared", frame_buffer_word(frame_buffer + 5 * 65536ul + 0x1234), 0);
}

void guest_main(void)
{
	check_text();
	check_mode13();
	check_mode12();
	check_vbe();
	set_mode(0x03);
	check("text-again", mode(), 0x03);
}
