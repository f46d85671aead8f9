// SPDX-License-Identifier: GPL-2.0-only
/*
 * From registers to a description of the picture: size, kind of pixels, where each part of it
 * begins. Nothing is assumed about the registers; that what comes out lies within video memory is
 * for those who draw to check, fetch by fetch.
 * Ignored: horizontal and vertical position on the monitor, the border, interlace, cursor and
 * display enable skew, vertical counter halving, 9-dot clocks in graphics modes, address counting
 * by two or four.
 * Reference: IBM Personal System/2 Hardware Interface Technical Reference, Video Subsystem:
 * "CRT Controller", "Sequencer", "Graphics Controller", "Attribute Controller".
 */
#include "vga_priv.h"

static unsigned crtc_height(const struct vga *v)
{
	unsigned overflow = v->crtc[CRTC_OVERFLOW];

	return (v->crtc[CRTC_VDISPLAY_END] | (overflow & 0x02) << 7 | (overflow & 0x40) << 3) + 1;
}

unsigned vga_scan_lines(const struct vga *v)
{
	unsigned overflow = v->crtc[CRTC_OVERFLOW];

	return (v->crtc[CRTC_VTOTAL] | (overflow & 0x01) << 8 | (overflow & 0x20) << 4) + 2;
}

/* The split takes effect on the line after the one that compares equal. */
static unsigned split_line(const struct vga *v)
{
	unsigned compare = v->crtc[CRTC_LINE_COMPARE];

	compare |= (v->crtc[CRTC_OVERFLOW] & 0x10) << 4;
	compare |= (v->crtc[CRTC_MAX_LINE] & 0x40) << 3;
	return compare + 1;
}

/* Plane 2 holds eight fonts of 8 KiB, numbered in the order in which EGA and VGA added them. */
static uint32_t font_address(unsigned map)
{
	return (map & 3) * 0x4000 + (map & 4 ? 0x2000 : 0);
}

static void set_fonts(const struct vga *v, struct vga_view *view)
{
	unsigned select = v->seq[SEQ_FONT];

	view->font[0] = font_address((select & 3) | (select & 0x10) >> 2);
	view->font[1] = font_address((select >> 2 & 3) | (select & 0x20) >> 3);
}

/* What text and the VGA's graphics have in common. */
static void set_scan(const struct vga *v, struct vga_view *view)
{
	unsigned max_line = v->crtc[CRTC_MAX_LINE], preset = v->crtc[CRTC_PRESET_ROW];

	view->units = v->crtc[CRTC_HDISPLAY_END] + 1;
	view->height = crtc_height(v);
	view->pitch = v->crtc[CRTC_OFFSET] * 2;
	view->wrap = VGA_PLANE_LEN - 1;
	view->x_scale = v->seq[SEQ_CLOCK] & CLOCK_HALF ? 2 : 1;
	view->line_shift = max_line & MAX_LINE_DOUBLE ? 1 : 0;
	view->row_lines = (max_line & 0x1f) + 1;
	view->row_first = (preset & 0x1f) < view->row_lines ? preset & 0x1f : 0;
	view->split = split_line(v);
}

static void set_pan(const struct vga *v, struct vga_view *view, unsigned dots)
{
	view->pan = dots;
	view->pan_below = v->attr[ATTR_MODE] & ATTR_MODE_PAN_TOP ? 0 : dots;
}

static void text_view(const struct vga *v, struct vga_view *view)
{
	unsigned pan = v->attr[ATTR_PAN] & 0xf;

	view->kind = VGA_TEXT;
	view->cell_dots = v->seq[SEQ_CLOCK] & CLOCK_8_DOTS ? 8 : 9;
	view->width = view->units * view->cell_dots * view->x_scale;
	view->blink = v->attr[ATTR_MODE] & ATTR_MODE_BLINK;
	view->line_graphics = v->attr[ATTR_MODE] & ATTR_MODE_LINE_GRAPHICS;
	view->underline = v->crtc[CRTC_UNDERLINE] & 0x1f;
	if (pan > 7) /* none; which is 8 with nine dots */
		set_pan(v, view, 0);
	else
		set_pan(v, view, view->cell_dots == 9 ? pan + 1 : pan);
	set_fonts(v, view);
}

static void graphics_view(const struct vga *v, struct vga_view *view)
{
	unsigned mode = v->crtc[CRTC_MODE], pan = v->attr[ATTR_PAN] & 7;

	view->start = vga_crtc16(v, CRTC_START_HIGH) + (v->crtc[CRTC_PRESET_ROW] >> 5 & 3);
	view->row_bits = ~mode & (CRTC_MODE_NO_ROW0 | CRTC_MODE_NO_ROW1);
	view->row_bits |= mode & CRTC_MODE_BYTE;
	view->width = view->units * 8 * view->x_scale;
	view->kind = v->gfx[GFX_MODE] & GFX_MODE_CGA ? VGA_CGA : VGA_PLANAR;
	if (v->gfx[GFX_MODE] & GFX_MODE_256) {
		view->kind = VGA_BYTES;
		view->x_scale *= 2;
		pan /= 2;
	}
	set_pan(v, view, pan);
}

static void vbe_view(const struct vga *v, struct vga_view *view)
{
	uint32_t x = v->vbe[VBE_X_OFFSET], y = v->vbe[VBE_Y_OFFSET], bpp = v->vbe[VBE_BPP];
	uint32_t stride = vbe_stride(v);

	if (!stride)
		return;
	view->width = v->vbe[VBE_XRES];
	view->height = v->vbe[VBE_YRES];
	if (view->height > v->vram_len / stride) /* no larger than its memory */
		view->height = v->vram_len / stride;
	view->split = UINT32_MAX;
	view->row_lines = 1;
	view->x_scale = 1;
	view->row_bits = CRTC_MODE_BYTE;
	view->wrap = UINT32_MAX;
	view->pitch = stride;
	if (bpp == 4) {
		view->kind = VGA_PLANAR;
		view->units = (view->width + 7) / 8;
		view->pitch /= 4;
		view->start = x / 8;
		view->pan = x % 8;
	} else {
		view->kind = VGA_LINEAR;
		view->bpp = bpp;
		view->start = x * ((bpp + 7) / 8);
	}
	/* at most 65535 lines of 8192 pixels of 4 bytes: fits in 32 bits */
	view->start += y * view->pitch;
}

static bool blanked(const struct vga *v)
{
	return !(v->attr_index & ATTR_VIDEO_ON) || (v->seq[SEQ_CLOCK] & CLOCK_SCREEN_OFF);
}

void vga_view_compute(const struct vga *v, struct vga_view *view)
{
	memset(view, 0, sizeof(*view));
	if (blanked(v))
		return;
	if (vbe_enabled(v)) {
		vbe_view(v, view);
	} else {
		set_scan(v, view);
		if (v->gfx[GFX_MISC] & GFX_MISC_GRAPHICS)
			graphics_view(v, view);
		else
			text_view(v, view);
	}
	if (!view->width || !view->height)
		memset(view, 0, sizeof(*view));
}
