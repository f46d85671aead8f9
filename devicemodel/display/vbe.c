// SPDX-License-Identifier: GPL-2.0-only
/*
 * The Bochs VBE extension: an index and a data register of 16 bits, which set modes that VGA
 * registers cannot describe. The registers keep what was written; what it comes to (does the
 * picture fit, where does a bank end) is worked out where memory is touched, since every
 * combination can come about in any order.
 * Missing: 32 KiB banks, separate read and write banks, DDC.
 * Reference: Bochs, "VBE Display API" (vbe_display_api.txt).
 */
#include "vga_priv.h"

enum { VBE_ID_FIRST = 0xb0c0, VBE_ID_LAST = 0xb0c5 };
enum { VBE_ENABLE_BITS = VBE_ENABLED | VBE_GETCAPS | VBE_8BIT_DAC | VBE_LFB | VBE_NOCLEARMEM };
enum { BYTE_INDEX_LOW, BYTE_INDEX_HIGH, BYTE_DATA_LOW, BYTE_DATA_HIGH };

uint32_t vbe_virt_width(const struct vga *v)
{
	uint32_t width = v->vbe[VBE_VIRT_WIDTH];

	if (width < v->vbe[VBE_XRES])
		width = v->vbe[VBE_XRES];
	return v->vbe[VBE_BPP] == 4 ? (width + 7) & ~7u : width;
}

uint32_t vbe_stride(const struct vga *v)
{
	uint32_t bpp = v->vbe[VBE_BPP];

	if (bpp == 4) /* eight pixels to a word of four planes */
		return vbe_virt_width(v) / 8 * 4;
	return vbe_virt_width(v) * ((bpp + 7) / 8);
}

static uint16_t virt_height(const struct vga *v)
{
	uint32_t stride = vbe_stride(v);
	uint64_t lines = stride ? v->vram_len / stride : 0;

	return lines < 0xffff ? lines : 0xffff;
}

/* --- effects --- */

static void clear_screen(struct vga *v)
{
	uint64_t len = (uint64_t)vbe_stride(v) * v->vbe[VBE_YRES];

	if (len > v->vram_len)
		len = v->vram_len;
	memset(v->vram, 0, len);
	track_mark(&v->track, 0, len);
}

static void write_enable(struct vga *v, uint16_t val)
{
	bool was = vbe_enabled(v);

	v->vbe[VBE_ENABLE] = val & VBE_ENABLE_BITS;
	v->paint.palette_changed = true;
	if (was == vbe_enabled(v))
		return;
	v->vbe[VBE_BANK] = 0;
	if (was)
		return;
	v->vbe[VBE_VIRT_WIDTH] = 0;
	v->vbe[VBE_X_OFFSET] = v->vbe[VBE_Y_OFFSET] = 0;
	if (!(val & VBE_NOCLEARMEM))
		clear_screen(v);
}

static uint16_t at_most(uint16_t val, uint16_t max)
{
	return val < max ? val : max;
}

bool vbe_bpp_known(uint16_t bpp)
{
	return bpp == 4 || bpp == 8 || bpp == 15 || bpp == 16 || bpp == 24 || bpp == 32;
}

/* --- registers --- */

uint16_t vbe_read(const struct vga *v, unsigned index)
{
	bool caps = v->vbe[VBE_ENABLE] & VBE_GETCAPS;

	if (index >= VBE_COUNT)
		return 0;
	switch (index) {
	case VBE_XRES:
		return caps ? VBE_MAX_XRES : v->vbe[VBE_XRES];
	case VBE_YRES:
		return caps ? VBE_MAX_YRES : v->vbe[VBE_YRES];
	case VBE_BPP:
		return caps ? VBE_MAX_BPP : v->vbe[VBE_BPP];
	case VBE_VIRT_WIDTH:
		return vbe_virt_width(v);
	case VBE_VIRT_HEIGHT:
		return virt_height(v);
	case VBE_MEMORY_64K:
		return v->vram_len >> 16 < 0xffff ? v->vram_len >> 16 : 0xffff;
	default:
		return v->vbe[index];
	}
}

void vbe_write(struct vga *v, unsigned index, uint16_t val)
{
	switch (index) {
	case VBE_ID:
		if (val >= VBE_ID_FIRST && val <= VBE_ID_LAST)
			v->vbe[VBE_ID] = val;
		return;
	case VBE_XRES:
		v->vbe[VBE_XRES] = at_most(val, VBE_MAX_XRES);
		v->vbe[VBE_VIRT_WIDTH] = 0;
		break;
	case VBE_YRES:
		v->vbe[VBE_YRES] = at_most(val, VBE_MAX_YRES);
		break;
	case VBE_BPP:
		if (!val)
			val = 8;
		if (!vbe_bpp_known(val))
			return;
		v->vbe[VBE_BPP] = val;
		break;
	case VBE_ENABLE:
		vga_direct_leave(v);
		write_enable(v, val);
		break;
	case VBE_VIRT_WIDTH:
		v->vbe[VBE_VIRT_WIDTH] = at_most(val, VBE_MAX_XRES);
		break;
	case VBE_BANK:
	case VBE_X_OFFSET:
	case VBE_Y_OFFSET:
		v->vbe[index] = val;
		break;
	default:
		return; /* read-only, or not there */
	}
	vga_touch(v);
}

/*
 * --- ports 0x1ce to 0x1d1 ---
 *
 * Words go to 0x1ce (index), 0x1d0 (data) and, unaligned, 0x1cf (data too, as on the first of
 * these adapters). The bus splits what it hands to vbe_ports into bytes, and a word at 0x1cf
 * meets vbe_odd_port, which lies above. Halves of words at the other two reach it singly.
 */

static uint64_t vbe_ports_read(void *dev, uint64_t off, unsigned size)
{
	const struct vga *v = dev;

	switch (off) {
	case BYTE_INDEX_LOW:
		return v->vbe_index & 0xff;
	case BYTE_INDEX_HIGH:
		return v->vbe_index >> 8;
	case BYTE_DATA_LOW:
		return vbe_read(v, v->vbe_index) & 0xff;
	default:
		return vbe_read(v, v->vbe_index) >> 8;
	}
}

static void vbe_ports_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct vga *v = dev;

	switch (off) {
	case BYTE_INDEX_LOW:
		v->vbe_index = (v->vbe_index & 0xff00) | (val & 0xff);
		break;
	case BYTE_INDEX_HIGH:
		v->vbe_index = (v->vbe_index & 0xff) | (val & 0xff) << 8;
		break;
	case BYTE_DATA_LOW:
		v->vbe_low = val;
		break;
	case BYTE_DATA_HIGH:
		vbe_write(v, v->vbe_index, (val & 0xff) << 8 | v->vbe_low);
		break;
	}
}

static uint64_t vbe_odd_port_read(void *dev, uint64_t off, unsigned size)
{
	const struct vga *v = dev;

	return size == 2 ? vbe_read(v, v->vbe_index) : vbe_ports_read(dev, off + 1, 1);
}

static void vbe_odd_port_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct vga *v = dev;

	if (size == 2)
		vbe_write(v, v->vbe_index, val);
	else
		vbe_ports_write(dev, off + 1, val, 1);
}

const struct region_ops vbe_ports_ops = { vbe_ports_read, vbe_ports_write, .min = 1, .max = 1 };
const struct region_ops vbe_odd_port_ops = {
	vbe_odd_port_read, vbe_odd_port_write, .min = 1, .max = 2
};

void vbe_reset(struct vga *v)
{
	memset(v->vbe, 0, sizeof(v->vbe));
	v->vbe[VBE_ID] = VBE_ID_LAST;
	v->vbe[VBE_BPP] = 8;
	v->vbe_index = 0;
	v->vbe_low = 0;
}
