// SPDX-License-Identifier: GPL-2.0-only
/*
 * The legacy window, 128 KiB at 0xa0000: through latches and write modes to the planes, or in
 * banks of 64 KiB to the linear memory while a VBE mode is on. One exit for each access, where
 * vga_direct.c does not keep it from that.
 * State: latch. Ignored: the page bit for odd/even modes (misc output bit 5), the extended memory
 * bit (there are always 256 KiB).
 * Reference: IBM Personal System/2 Hardware Interface Technical Reference, Video Subsystem:
 * "Graphics Controller", "Sequencer", "Video Memory Read and Write Operations".
 */
#include "vga_priv.h"

enum { WINDOW_64K = 0x10000, WINDOW_32K = 0x8000, WINDOW_B0000 = 0x10000, WINDOW_B8000 = 0x18000 };

/* From an offset in the window to one in what of it is decoded; false where nothing answers. */
static bool window_decode(const struct vga *v, uint64_t *off)
{
	if (!(v->misc & MISC_RAM))
		return false;
	if (vbe_linear(v))
		return *off < WINDOW_64K;
	switch (v->gfx[GFX_MISC] >> 2 & 3) {
	case 0:
		return true;
	case 1:
		return *off < WINDOW_64K;
	case 2:
		*off -= WINDOW_B0000;
		return *off < WINDOW_32K;
	default:
		*off -= WINDOW_B8000;
		return *off < WINDOW_32K;
	}
}

/* The address in vram of a byte in the window of a linear mode; may be beyond the end. */
static uint64_t linear_address(const struct vga *v, uint64_t off)
{
	return (uint64_t)v->vbe[VBE_BANK] * WINDOW_64K + off;
}

/* Where the planes' bytes of a decoded offset are in vram. False beyond the end. */
static bool plane_address(const struct vga *v, uint64_t off, uint64_t *at)
{
	if (vbe_enabled(v))
		off += (uint64_t)v->vbe[VBE_BANK] * WINDOW_64K;
	if (v->seq[SEQ_MEMORY] & MEMORY_CHAIN4)
		off >>= 2;
	else if (v->gfx[GFX_MISC] & GFX_MISC_CHAIN)
		off >>= 1;
	if (!vbe_enabled(v))
		off %= VGA_PLANE_LEN;
	*at = off * 4;
	return off < v->vram_len / 4;
}

/* --- reading --- */

static unsigned read_plane(const struct vga *v, uint64_t off)
{
	if (v->seq[SEQ_MEMORY] & MEMORY_CHAIN4)
		return off & 3;
	if (v->gfx[GFX_MODE] & GFX_MODE_ODD_EVEN)
		return (v->gfx[GFX_READ_MAP] & 2) | (off & 1);
	return v->gfx[GFX_READ_MAP] & 3;
}

/* A bit is set where the pixel's colour is the one looked for, in the planes that matter. */
static uint8_t colour_compare(const struct vga *v)
{
	uint32_t differ = v->latch ^ vga_planes(v->gfx[GFX_COLOUR_COMPARE]);

	differ &= vga_planes(v->gfx[GFX_COLOUR_CARE]);
	differ |= differ >> 16;
	differ |= differ >> 8;
	return ~differ;
}

static uint8_t read_byte(struct vga *v, uint64_t off)
{
	uint64_t at;

	if (!window_decode(v, &off))
		return 0xff;
	if (vbe_linear(v)) {
		at = linear_address(v, off);
		return at < v->vram_len ? v->vram[at] : 0xff;
	}
	if (!plane_address(v, off, &at))
		return 0xff;
	memcpy(&v->latch, v->vram + at, 4);
	if (v->gfx[GFX_MODE] & GFX_MODE_READ1)
		return colour_compare(v);
	return v->latch >> read_plane(v, off) * 8;
}

static uint64_t window_read(void *dev, uint64_t off, unsigned size)
{
	uint8_t *direct = vga_direct_access(dev, off);
	uint64_t val = 0;

	if (direct) {
		memcpy(&val, direct, size);
		return val;
	}
	for (unsigned i = 0; i < size; i++)
		val |= (uint64_t)read_byte(dev, off + i) << i * 8;
	return val;
}

/* --- writing --- */

static unsigned write_planes(const struct vga *v, uint64_t off)
{
	unsigned planes = v->seq[SEQ_MAP_MASK];

	if (v->seq[SEQ_MEMORY] & MEMORY_CHAIN4)
		return planes & 1u << (off & 3);
	if (!(v->seq[SEQ_MEMORY] & MEMORY_SEQUENTIAL))
		return planes & 5u << (off & 1);
	return planes;
}

static uint8_t rotate_right(uint8_t val, unsigned n)
{
	return val >> n | val << (8 - n);
}

static uint32_t apply_function(const struct vga *v, uint32_t val)
{
	switch (v->gfx[GFX_ROTATE] >> 3 & 3) {
	case 1:
		return val & v->latch;
	case 2:
		return val | v->latch;
	case 3:
		return val ^ v->latch;
	default:
		return val;
	}
}

/* What a write of val means for all four planes, before the map mask. */
static uint32_t write_word(const struct vga *v, uint8_t val)
{
	uint8_t bit_mask = v->gfx[GFX_BIT_MASK];
	uint8_t rotated = rotate_right(val, v->gfx[GFX_ROTATE] & 7);
	uint32_t set = vga_planes(v->gfx[GFX_SET_RESET]), word, bits;

	switch (v->gfx[GFX_MODE] & 3) {
	case 0:
		bits = vga_planes(v->gfx[GFX_ENABLE_SET_RESET]);
		word = (rotated * 0x01010101u & ~bits) | (set & bits);
		break;
	case 1:
		return v->latch;
	case 2:
		word = vga_planes(val);
		break;
	default:
		word = set;
		bit_mask &= rotated;
		break;
	}
	bits = bit_mask * 0x01010101u;
	return (apply_function(v, word) & bits) | (v->latch & ~bits);
}

static void write_to_planes(struct vga *v, uint64_t off, uint8_t val)
{
	unsigned planes = write_planes(v, off);
	uint32_t word, keep;
	uint64_t at;

	if (!planes || !plane_address(v, off, &at))
		return;
	memcpy(&keep, v->vram + at, 4);
	word = (keep & ~vga_planes(planes)) | (write_word(v, val) & vga_planes(planes));
	if (word == keep)
		return;
	memcpy(v->vram + at, &word, 4);
	track_mark(&v->track, at, 4);
	if (planes & 4)
		v->paint.font_changed = true;
}

static void write_byte(struct vga *v, uint64_t off, uint8_t val)
{
	uint64_t at;

	if (!window_decode(v, &off))
		return;
	if (!vbe_linear(v)) {
		write_to_planes(v, off, val);
		return;
	}
	at = linear_address(v, off);
	if (at >= v->vram_len)
		return;
	v->vram[at] = val;
	track_mark(&v->track, at, 1);
}

static void window_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	uint8_t *direct = vga_direct_access(dev, off);
	struct vga *v = dev;

	if (direct)
		memcpy(direct, &val, size);
	for (unsigned i = 0; i < size && !direct; i++)
		write_byte(v, off + i, val >> i * 8);
	vga_touch(v);
}

const struct region_ops vga_window_ops = { window_read, window_write, .min = 1, .max = 8 };
