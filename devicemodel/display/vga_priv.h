/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the display adapter share: its registers, what they mean for the picture, and
 * who does what. Everything under the machine lock.
 *
 *	vga.c		the VGA's registers, PCI function, reset, saved state
 *	vga_mem.c	the legacy window at 0xa0000
 *	vga_direct.c	the window without exits
 *	vbe.c		the Bochs VBE registers
 *	vga_view.c	from registers to a description of the picture
 *	vga_refresh.c	when to draw
 *	vga_text.c	drawing text
 *	vga_graphics.c	drawing graphics
 *	vga_linear.c	a line of a mode without planes
 *	vga_screen.c	the characters on the screen, for those who read instead of look
 *	vram_track.c	which parts of video memory changed
 *
 * Video memory: the VGA's 256 KiB are the first of vram, with the four planes side by side: byte
 * off of plane p is vram[off * 4 + p], and the 32-bit word at off * 4 is what one display fetch
 * or one latch load gives. Chained addresses (chain 4, odd/even) count in these words too, so
 * that the 256-colour mode of the BIOS and the linear framebuffer show the same bytes in the same
 * order. The CRTC's word and doubleword modes, which undo the chaining on the real board, have
 * therefore nothing left to do.
 */
#ifndef DISPLAY_VGA_PRIV_H
#define DISPLAY_VGA_PRIV_H

#include <string.h>

#include "dm/device.h"
#include "dm/parts.h"
#include "dm/pci.h"
#include "dm/timer.h"
#include "dm/vram.h"

struct surface;

/* --- vram_track.c: which parts of video memory changed --- */

struct track {
	struct machine *machine;
	enum vram_mode mode;
	struct vram_look look;	/* the last one; its region is the guest's own way to the memory */
	uint64_t len;
	unsigned long *marked;	/* a bit a page: written by the device since the last collect */
	unsigned long *changed;	/* a bit a page: what the last collect found */
	size_t words;		/* of each of the two */
};

int track_init(struct track *t, struct machine *m, struct region *region, uint64_t len);
void track_fini(struct track *t);
void track_mark(struct track *t, uint64_t off, uint64_t len); /* the device wrote here */
void track_all(struct track *t);	/* all counts as changed: after a reset or a restore */
/*
 * Moves on to the changes since the last call. True if there were any in [off, off + len), the part
 * that shows. rest: who asks does without a timer while track_idle().
 */
bool track_collect(struct track *t, uint64_t off, uint64_t len, bool rest);
bool track_idle(const struct track *t); /* nothing changes before look.woken() */
bool track_changed(const struct track *t, uint64_t off, uint64_t len); /* as last collected */
uint64_t track_next(const struct track *t, uint64_t off); /* that changed; UINT64_MAX: none */

/* --- registers --- */

enum {
	MISC_COLOUR = 0x01, /* CRTC at 3dx, not 3bx */
	MISC_RAM = 0x02,
};
enum { SEQ_RESET, SEQ_CLOCK, SEQ_MAP_MASK, SEQ_FONT, SEQ_MEMORY, SEQ_COUNT };
enum { CLOCK_8_DOTS = 0x01, CLOCK_HALF = 0x08, CLOCK_SCREEN_OFF = 0x20 };
enum { MEMORY_SEQUENTIAL = 0x04, MEMORY_CHAIN4 = 0x08 };
enum {
	CRTC_HTOTAL = 0x00,
	CRTC_HDISPLAY_END = 0x01,
	CRTC_VTOTAL = 0x06,
	CRTC_OVERFLOW = 0x07,
	CRTC_PRESET_ROW = 0x08,
	CRTC_MAX_LINE = 0x09,
	CRTC_CURSOR_START = 0x0a,
	CRTC_CURSOR_END = 0x0b,
	CRTC_START_HIGH = 0x0c,
	CRTC_START_LOW = 0x0d,
	CRTC_CURSOR_HIGH = 0x0e,
	CRTC_CURSOR_LOW = 0x0f,
	CRTC_VRETRACE_END = 0x11,
	CRTC_VDISPLAY_END = 0x12,
	CRTC_OFFSET = 0x13,
	CRTC_UNDERLINE = 0x14,
	CRTC_MODE = 0x17,
	CRTC_LINE_COMPARE = 0x18,
	CRTC_COUNT
};
enum { CRTC_PROTECT = 0x80 };	  /* in CRTC_VRETRACE_END */
enum { MAX_LINE_DOUBLE = 0x80 };  /* in CRTC_MAX_LINE */
enum { CURSOR_OFF = 0x20 };	  /* in CRTC_CURSOR_START */
enum { CRTC_MODE_NO_ROW0 = 0x01, CRTC_MODE_NO_ROW1 = 0x02, CRTC_MODE_BYTE = 0x40 };
enum {
	GFX_SET_RESET,
	GFX_ENABLE_SET_RESET,
	GFX_COLOUR_COMPARE,
	GFX_ROTATE,
	GFX_READ_MAP,
	GFX_MODE,
	GFX_MISC,
	GFX_COLOUR_CARE,
	GFX_BIT_MASK,
	GFX_COUNT
};
enum { GFX_MODE_READ1 = 0x08, GFX_MODE_ODD_EVEN = 0x10, GFX_MODE_CGA = 0x20, GFX_MODE_256 = 0x40 };
enum { GFX_MISC_GRAPHICS = 0x01, GFX_MISC_CHAIN = 0x02 };
enum { ATTR_MODE = 0x10, ATTR_OVERSCAN, ATTR_PLANES, ATTR_PAN, ATTR_SELECT, ATTR_COUNT };
enum { ATTR_PALETTE = 16, ATTR_INDEX_MASK = 0x1f, ATTR_VIDEO_ON = 0x20 };
enum {
	ATTR_MODE_LINE_GRAPHICS = 0x04,
	ATTR_MODE_BLINK = 0x08,
	ATTR_MODE_PAN_TOP = 0x20, /* panning ends at the split */
	ATTR_MODE_P54S = 0x80,
};

enum {
	VBE_ID,
	VBE_XRES,
	VBE_YRES,
	VBE_BPP,
	VBE_ENABLE,
	VBE_BANK,
	VBE_VIRT_WIDTH,
	VBE_VIRT_HEIGHT,
	VBE_X_OFFSET,
	VBE_Y_OFFSET,
	VBE_MEMORY_64K,
	VBE_COUNT
};
enum {
	VBE_ENABLED = 0x01,
	VBE_GETCAPS = 0x02,
	VBE_8BIT_DAC = 0x20,
	VBE_LFB = 0x40,
	VBE_NOCLEARMEM = 0x80,
};
enum { VBE_MAX_XRES = 8192, VBE_MAX_YRES = 8192, VBE_MAX_BPP = 32 };

enum { VGA_PLANE_LEN = 0x10000, VGA_MEM_LEN = 4 * VGA_PLANE_LEN };

/* --- the picture --- */

enum vga_kind {
	VGA_BLANK,
	VGA_TEXT,
	VGA_PLANAR, /* 16 colours, one bit a plane */
	VGA_CGA,    /* 4 colours (16 with all planes), two bits from each of two planes */
	VGA_BYTES,  /* 256 colours, one byte a plane */
	VGA_LINEAR, /* VBE: 8 to 32 bits, no planes */
};

/*
 * What a picture looks like, apart from what video memory, the palette and (in text) start
 * address and cursor say. Two equal views need no full redraw between them. All members are of
 * one type, so that views can be compared as memory.
 */
struct vga_view {
	uint32_t kind;
	uint32_t width, height;	   /* of the picture */
	uint32_t start, pitch;	   /* in fetches of four planes; in bytes when linear */
	uint32_t units;		   /* fetches a line; text: characters a line */
	uint32_t wrap;		   /* mask of fetch addresses */
	uint32_t x_scale;	   /* pixels of the picture for each pixel or dot */
	uint32_t line_shift;	   /* 1: every line twice */
	uint32_t row_lines;	   /* lines of a character, or repetitions of a line */
	uint32_t row_first;	   /* line at which the first row begins */
	uint32_t row_bits;	   /* which lines of a row replace address bits: see CRTC_MODE */
	uint32_t split;		   /* first line of the lower part, which begins at address 0 */
	uint32_t pan, pan_below;   /* dots to the left: above and below the split */
	uint32_t bpp;		   /* linear: 8, 15, 16, 24, 32 */
	uint32_t cell_dots;	   /* text: 8 or 9 */
	uint32_t font[2];	   /* text: where in plane 2; [1] for attribute bit 3 */
	uint32_t blink, line_graphics, underline; /* text */
};

enum { TEXT_MAX_COLS = 257, TEXT_MAX_ROWS = 1024, LINE_PIXELS = VBE_MAX_XRES + 16 };

/* Nothing in here is the guest's state: it says what is on the surface, and when to look again. */
struct vga_paint {
	struct surface *surface;
	struct timer timer;
	bool watched;
	bool soon;		/* the timer is armed for the next frame already */
	bool redraw;		/* the surface is not to be relied on */
	bool font_changed;
	bool palette_changed;
	bool cursor_shown;	/* text: something blinks, so time alone changes the picture */
	bool blink_shown;
	uint64_t last_draw, last_change;
	uint64_t pace;		/* how long after this look the next one is due */
	uint64_t frames;	/* drawn */
	struct vga_view view;
	uint32_t colour[256];	/* palette as drawn */
	uint32_t cell[TEXT_MAX_ROWS * TEXT_MAX_COLS]; /* text as drawn */
	uint32_t word[TEXT_MAX_ROWS * TEXT_MAX_COLS]; /* the memory behind it, without gaps */
	unsigned rows;		/* of text, as drawn */
	struct {
		uint16_t first, end;	/* columns between which something blinks, in each row */
	} lively[TEXT_MAX_ROWS];
	uint32_t pixel[LINE_PIXELS], scaled[LINE_PIXELS]; /* one line in the making */
	uint8_t *drawn_from;	/* see vga_linear.c; NULL: none */
	size_t drawn_len;
};

/* A part of the window as memory of the guest: a copy of planes' bytes, see vga_direct.c. */
enum vga_direct_kind { DIRECT_OFF, DIRECT_TEXT, DIRECT_PLANE_0, DIRECT_PLANE_3 = 5 };

struct vga_direct {
	struct region region;
	uint8_t *mem;		/* what the guest reads and writes while on */
	uint8_t *seen;		/* what of it is in the planes */
	struct vram_look look;	/* while somebody looks: the last one */
	unsigned long written;	/* a bit a page: what was found, or came through the device */
	bool untold;		/* there is nobody who knows what the guest wrote */
	enum vga_direct_kind kind;
	unsigned count;		/* accesses through the device since the last change */
	unsigned patience;	/* how many before it goes on */
};

struct vga {
	struct device dev;
	struct pci_dev pci;
	struct region ports, window, vbe_ports, vbe_odd_port;
	uint8_t *vram;
	uint64_t vram_len;
	struct track track;

	uint8_t misc, feature, enable;
	uint8_t seq_index, seq[SEQ_COUNT];
	uint8_t crtc_index, crtc[CRTC_COUNT];
	uint8_t gfx_index, gfx[GFX_COUNT];
	uint8_t attr_index, attr[ATTR_COUNT];
	uint8_t attr_is_data;	/* the flip-flop: the next write to 3c0 goes to the register */
	uint8_t dac_mask, dac_address, dac_reading, dac_part, dac_hold[3];
	uint8_t dac[256][3];
	uint32_t latch;		/* the four planes' bytes of the last read */
	uint16_t vbe_index, vbe[VBE_COUNT];
	uint8_t vbe_low;	/* low byte of a data write that comes in two bytes */

	struct vga_paint paint;
	struct vga_direct direct;
};

/* vga.c */
uint8_t vga_port_read(struct vga *v, unsigned port);
void vga_port_write(struct vga *v, unsigned port, uint8_t val);

/* vga_mem.c */
extern const struct region_ops vga_window_ops;

/* vga_direct.c */
int vga_direct_init(struct vga *v, struct machine *m);
void vga_direct_fini(struct vga *v);
void vga_direct_reset(struct vga *v);
/* An access at off of the window came as an exit: where it goes, or NULL for the planes. */
uint8_t *vga_direct_access(struct vga *v, unsigned off);
void vga_direct_check(struct vga *v);	/* after a register that says what the window means */
void vga_direct_leave(struct vga *v);
void vga_direct_settle(struct vga *v);	/* brings the planes up to date */
void vga_direct_look(struct vga *v);	/* the same for viewers, by pages */

/* vbe.c */
extern const struct region_ops vbe_ports_ops, vbe_odd_port_ops;
void vbe_reset(struct vga *v);
uint16_t vbe_read(const struct vga *v, unsigned index);
void vbe_write(struct vga *v, unsigned index, uint16_t val);
bool vbe_bpp_known(uint16_t bpp);
uint32_t vbe_virt_width(const struct vga *v); /* pixels, as it takes effect */
uint32_t vbe_stride(const struct vga *v);     /* bytes of vram from one line to the next */
static inline bool vbe_enabled(const struct vga *v)
{
	return v->vbe[VBE_ENABLE] & VBE_ENABLED;
}
static inline bool vbe_linear(const struct vga *v) /* no planes */
{
	return vbe_enabled(v) && v->vbe[VBE_BPP] > 4;
}

/* vga_view.c */
void vga_view_compute(const struct vga *v, struct vga_view *view);
unsigned vga_scan_lines(const struct vga *v);
static inline unsigned vga_crtc16(const struct vga *v, unsigned high)
{
	return v->crtc[high] << 8 | v->crtc[high + 1];
}

/* vga_refresh.c */
void vga_paint_init(struct vga *v, struct surface *surface);
void vga_paint_reset(struct vga *v);	/* nothing on the surface is to be relied on */
void vga_wake(struct vga *v);
/* To be called when the device, not the processor by itself, changed something that shows. */
static inline void vga_touch(struct vga *v)
{
	if (v->paint.watched && !v->paint.soon)
		vga_wake(v);
}

/* vga_text.c, vga_graphics.c: to the surface's pixels, with damage; true if anything changed */
bool vga_draw_text(struct vga *v, uint32_t *pixels, unsigned stride, bool all);
bool vga_draw_graphics(struct vga *v, uint32_t *pixels, unsigned stride, bool all);

/* Pixels of a line: from x0 to before x1. */
struct vga_span {
	unsigned x0, x1;
};

/* vga_linear.c */
unsigned vga_linear_len(const struct vga_view *view);	/* of a line, in bytes */
void vga_linear_keep(struct vga *v);	/* before all is drawn: a copy fit for the view */
void vga_linear_forget(struct vga *v);
/* Nothing that shows has changed from address to the end of its page; false: it may have. */
bool vga_linear_page_same(const struct vga *v, uint64_t address);
/*
 * Draws line y, the bytes of which lie at address in video memory as a whole. True, and where, if
 * anything changed, which is likely to be where s says; all: the copy is not to be relied on.
 */
bool vga_linear_line(struct vga *v, uint64_t address, unsigned y, uint32_t *to, bool all,
		     struct vga_span *s);

/*
 * Half a period of the text cursor's blinking, as desktops' cursors have it; characters blink at
 * half its rate. A guest cannot see it; the real board's 16 frames would cost twice the wakeups.
 */
#define VGA_BLINK_NS (530 * NS_PER_MS)

/* Four planes' words: bit p of n selects byte p. */
static inline uint32_t vga_planes(unsigned n)
{
	return ((n & 1) | (n & 2) << 7 | (n & 4) << 14 | (n & 8) << 21) * 0xffu;
}

/* The four planes at fetch address a, or nothing beyond the end of video memory. */
static inline uint32_t vga_fetch(const struct vga *v, uint64_t a)
{
	uint32_t word = 0;

	if (a < v->vram_len / 4)
		memcpy(&word, v->vram + a * 4, 4);
	return word;
}

#endif
