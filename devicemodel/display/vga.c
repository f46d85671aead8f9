// SPDX-License-Identifier: GPL-2.0-only
/*
 * The display adapter: a standard VGA with Bochs VBE as PCI function 00.2.0, 0x1234:0x1111. Here
 * are its ports, its PCI function, reset and saved state; vga_priv.h says what is where.
 * State: all registers, the flip-flop, the DAC's sequencer, the latch (vga_mem.c). Video memory is
 * saved by the machine.
 * Missing: interrupts at vertical retrace, light pen, diagnostic bits of input status 1, EDID.
 * Ignored: the PCI command register's enable bits for the legacy ports and window, port 0x3c3,
 * sequencer resets, the rule that palette registers are out of reach while the screen is on.
 * Reference: IBM Personal System/2 Hardware Interface Technical Reference, Video Subsystem: "VGA
 * Programming Considerations", "Registers"; Linux, drivers/gpu/drm/tiny/bochs.c for BAR 2.
 */
#include <errno.h>

#include "dm/isa.h"
#include "vga_priv.h"

enum { PORT_SPAN = 0x30, WINDOW_BASE = 0xa0000, WINDOW_LEN = 0x20000, VBE_SPAN = 4 };
/* Above main memory; a chipset that opens SMRAM under the window puts it higher still. */
enum { WINDOW_PRIO = 1 };

enum {
	PORT_MONO_INDEX = 0x3b4,
	PORT_MONO_DATA = 0x3b5,
	PORT_MONO_STATUS = 0x3ba, /* write: feature control */
	PORT_ATTR = 0x3c0,
	PORT_ATTR_READ = 0x3c1,
	PORT_MISC = 0x3c2, /* read: input status 0 */
	PORT_ENABLE = 0x3c3,
	PORT_SEQ_INDEX = 0x3c4,
	PORT_SEQ_DATA = 0x3c5,
	PORT_DAC_MASK = 0x3c6,
	PORT_DAC_READ = 0x3c7, /* read: state */
	PORT_DAC_WRITE = 0x3c8,
	PORT_DAC_DATA = 0x3c9,
	PORT_FEATURE_READ = 0x3ca,
	PORT_MISC_READ = 0x3cc,
	PORT_GFX_INDEX = 0x3ce,
	PORT_GFX_DATA = 0x3cf,
	PORT_COLOUR_INDEX = 0x3d4,
	PORT_COLOUR_DATA = 0x3d5,
	PORT_COLOUR_STATUS = 0x3da,
};
enum { CRTC_LATCH = 0x22, CRTC_FLIP_FLOP = 0x24 }; /* what all VGAs have and no manual names */
enum { STATUS0_SENSE = 0x10 };
enum { STATUS1_BLANK = 0x01, STATUS1_RETRACE = 0x08 };
enum { DAC_STATE_READ = 3 };

enum { MMIO_LEN = 4096, MMIO_PORTS = 0x400, MMIO_PORTS_END = 0x420 };
enum { MMIO_VBE = 0x500, MMIO_VBE_END = MMIO_VBE + 2 * VBE_COUNT, MMIO_PORT_BASE = 0x3c0 };

static const uint8_t seq_mask[SEQ_COUNT] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e };
static const uint8_t gfx_mask[GFX_COUNT] = {
	0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff
};

/* --- timing --- */

static unsigned dot_clock(const struct vga *v)
{
	unsigned hz = v->misc >> 2 & 1 ? 28322000 : 25175000;

	return v->seq[SEQ_CLOCK] & CLOCK_HALF ? hz / 2 : hz;
}

/* How long a picture takes by the registers, or what is usual where they make no sense. */
static uint64_t frame_ns(const struct vga *v, unsigned lines)
{
	unsigned dots = v->seq[SEQ_CLOCK] & CLOCK_8_DOTS ? 8 : 9;
	uint64_t ns = (v->crtc[CRTC_HTOTAL] + 5ull) * dots * lines * NS_PER_SEC / dot_clock(v);

	return ns >= 8 * NS_PER_MS && ns <= 25 * NS_PER_MS ? ns : NS_PER_SEC / 60;
}

/*
 * Computed from the clock. Vertical retrace lasts as long as the lower border does, one line in
 * sixteen at least, so that a guest that looks seldom sees it nevertheless.
 */
static uint8_t status1(const struct vga *v)
{
	unsigned lines = vga_scan_lines(v), shown = v->crtc[CRTC_VDISPLAY_END];
	uint64_t frame = frame_ns(v, lines), at = machine_now(v->dev.machine) % frame;
	uint64_t line_ns = frame / lines + 1;

	shown |= (v->crtc[CRTC_OVERFLOW] & 0x02) << 7 | (v->crtc[CRTC_OVERFLOW] & 0x40) << 3;
	if (shown > lines - lines / 16 - 1)
		shown = lines - lines / 16 - 1;
	if (at / line_ns >= shown)
		return STATUS1_BLANK | STATUS1_RETRACE;
	return at % line_ns >= line_ns / 5 * 4 ? STATUS1_BLANK : 0;
}

/* --- CRTC --- */

static bool crtc_here(const struct vga *v, unsigned port)
{
	return (port >= PORT_COLOUR_INDEX) == !!(v->misc & MISC_COLOUR);
}

static uint8_t crtc_read(const struct vga *v)
{
	if (v->crtc_index < CRTC_COUNT)
		return v->crtc[v->crtc_index];
	if (v->crtc_index == CRTC_LATCH)
		return v->latch >> (v->gfx[GFX_READ_MAP] & 3) * 8;
	if (v->crtc_index == CRTC_FLIP_FLOP)
		return v->attr_is_data << 7 | v->attr_index;
	return 0;
}

static void crtc_write(struct vga *v, uint8_t val)
{
	unsigned i = v->crtc_index;

	if (i >= CRTC_COUNT)
		return;
	if (i <= CRTC_OVERFLOW && (v->crtc[CRTC_VRETRACE_END] & CRTC_PROTECT)) {
		if (i != CRTC_OVERFLOW) /* of which the line compare bit can be written */
			return;
		val = (v->crtc[i] & ~0x10) | (val & 0x10);
	}
	v->crtc[i] = val;
	vga_touch(v);
}

/* --- attribute controller --- */

static void attr_write(struct vga *v, uint8_t val)
{
	unsigned i = v->attr_index & ATTR_INDEX_MASK;

	v->attr_is_data = !v->attr_is_data;
	if (v->attr_is_data) {
		v->attr_index = val & (ATTR_VIDEO_ON | ATTR_INDEX_MASK);
	} else if (i < ATTR_COUNT) {
		v->attr[i] = i < ATTR_PALETTE ? val & 0x3f : val;
		v->paint.palette_changed = true;
	}
	vga_touch(v);
}

static uint8_t attr_read(const struct vga *v)
{
	unsigned i = v->attr_index & ATTR_INDEX_MASK;

	return i < ATTR_COUNT ? v->attr[i] : 0;
}

/* --- DAC --- */

/* Reading goes through a holding register that is filled one colour ahead. */
static void dac_fetch(struct vga *v)
{
	memcpy(v->dac_hold, v->dac[v->dac_address], sizeof(v->dac_hold));
	v->dac_address++;
}

static void dac_start(struct vga *v, uint8_t address, bool reading)
{
	v->dac_address = address;
	v->dac_reading = reading;
	v->dac_part = 0;
	if (reading)
		dac_fetch(v);
}

static uint8_t dac_read(struct vga *v)
{
	uint8_t val = v->dac_hold[v->dac_part % 3];

	v->dac_part = (v->dac_part + 1) % 3;
	if (!v->dac_part)
		dac_fetch(v);
	return val;
}

/* A colour takes effect as a whole, with its third part. */
static void dac_write(struct vga *v, uint8_t val)
{
	bool wide = v->vbe[VBE_ENABLE] & VBE_8BIT_DAC;

	v->dac_hold[v->dac_part % 3] = wide ? val : val & 0x3f;
	v->dac_part = (v->dac_part + 1) % 3;
	if (v->dac_part)
		return;
	memcpy(v->dac[v->dac_address], v->dac_hold, sizeof(v->dac_hold));
	v->dac_address++;
	v->paint.palette_changed = true;
	vga_touch(v);
}

/* --- ports --- */

uint8_t vga_port_read(struct vga *v, unsigned port)
{
	switch (port) {
	case PORT_MONO_INDEX:
	case PORT_COLOUR_INDEX:
		return crtc_here(v, port) ? v->crtc_index : 0xff;
	case PORT_MONO_DATA:
	case PORT_COLOUR_DATA:
		return crtc_here(v, port) ? crtc_read(v) : 0xff;
	case PORT_MONO_STATUS:
	case PORT_COLOUR_STATUS:
		if (!crtc_here(v, port))
			return 0xff;
		v->attr_is_data = 0;
		return status1(v);
	case PORT_ATTR:
		return v->attr_index;
	case PORT_ATTR_READ:
		return attr_read(v);
	case PORT_MISC:
		return STATUS0_SENSE;
	case PORT_ENABLE:
		return v->enable;
	case PORT_SEQ_INDEX:
		return v->seq_index;
	case PORT_SEQ_DATA:
		return v->seq_index < SEQ_COUNT ? v->seq[v->seq_index] : 0;
	case PORT_DAC_MASK:
		return v->dac_mask;
	case PORT_DAC_READ:
		return v->dac_reading ? DAC_STATE_READ : 0;
	case PORT_DAC_WRITE:
		return v->dac_address;
	case PORT_DAC_DATA:
		return dac_read(v);
	case PORT_FEATURE_READ:
		return v->feature;
	case PORT_MISC_READ:
		return v->misc;
	case PORT_GFX_INDEX:
		return v->gfx_index;
	case PORT_GFX_DATA:
		return v->gfx_index < GFX_COUNT ? v->gfx[v->gfx_index] : 0;
	default:
		return 0xff;
	}
}

static void seq_write(struct vga *v, uint8_t val)
{
	if (v->seq_index >= SEQ_COUNT)
		return;
	v->seq[v->seq_index] = val & seq_mask[v->seq_index];
	vga_direct_check(v);
	vga_touch(v);
}

static void gfx_write(struct vga *v, uint8_t val)
{
	if (v->gfx_index >= GFX_COUNT)
		return;
	v->gfx[v->gfx_index] = val & gfx_mask[v->gfx_index];
	vga_direct_check(v);
	if (v->gfx_index == GFX_MODE || v->gfx_index == GFX_MISC)
		vga_touch(v);
}

void vga_port_write(struct vga *v, unsigned port, uint8_t val)
{
	switch (port) {
	case PORT_MONO_INDEX:
	case PORT_COLOUR_INDEX:
		if (crtc_here(v, port))
			v->crtc_index = val;
		break;
	case PORT_MONO_DATA:
	case PORT_COLOUR_DATA:
		if (crtc_here(v, port))
			crtc_write(v, val);
		break;
	case PORT_MONO_STATUS:
	case PORT_COLOUR_STATUS:
		if (crtc_here(v, port))
			v->feature = val & 0x0b;
		break;
	case PORT_ATTR:
		attr_write(v, val);
		break;
	case PORT_MISC:
		v->misc = val;
		vga_direct_check(v);
		break;
	case PORT_ENABLE:
		v->enable = val & 1;
		break;
	case PORT_SEQ_INDEX:
		v->seq_index = val;
		break;
	case PORT_SEQ_DATA:
		seq_write(v, val);
		break;
	case PORT_DAC_MASK:
		v->dac_mask = val;
		v->paint.palette_changed = true;
		vga_touch(v);
		break;
	case PORT_DAC_READ:
	case PORT_DAC_WRITE:
		dac_start(v, val, port == PORT_DAC_READ);
		break;
	case PORT_DAC_DATA:
		dac_write(v, val);
		break;
	case PORT_GFX_INDEX:
		v->gfx_index = val;
		break;
	case PORT_GFX_DATA:
		gfx_write(v, val);
		break;
	}
}

static uint64_t ports_read(void *dev, uint64_t off, unsigned size)
{
	return vga_port_read(dev, PORT_VGA + off);
}

static void ports_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	vga_port_write(dev, PORT_VGA + off, val);
}

/* --- BAR 2: the same registers in memory --- */

static uint64_t mmio_read(void *dev, uint64_t off, unsigned size)
{
	if (off >= MMIO_VBE && off < MMIO_VBE_END)
		return vbe_read(dev, (off - MMIO_VBE) / 2) >> (off & 1) * 8;
	if (off < MMIO_PORTS || off >= MMIO_PORTS_END)
		return ~0ull;
	off += MMIO_PORT_BASE - MMIO_PORTS;
	if (size == 1)
		return vga_port_read(dev, off);
	return vga_port_read(dev, off) | vga_port_read(dev, off + 1) << 8;
}

static void mmio_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	if (off >= MMIO_VBE && off < MMIO_VBE_END) {
		if (size == 2)
			vbe_write(dev, (off - MMIO_VBE) / 2, val);
		return;
	}
	if (off < MMIO_PORTS || off >= MMIO_PORTS_END)
		return;
	for (unsigned i = 0; i < size; i++)
		vga_port_write(dev, off + i + MMIO_PORT_BASE - MMIO_PORTS, val >> i * 8);
}

/* --- reset, saved state --- */

static void vga_reset(void *dev)
{
	struct vga *v = dev;

	vga_direct_leave(v);
	vga_direct_reset(v);
	v->misc = MISC_COLOUR;
	v->enable = 1;
	v->feature = 0;
	v->seq_index = v->crtc_index = v->gfx_index = v->attr_index = v->attr_is_data = 0;
	memset(v->seq, 0, sizeof(v->seq));
	memset(v->crtc, 0, sizeof(v->crtc));
	memset(v->gfx, 0, sizeof(v->gfx));
	memset(v->attr, 0, sizeof(v->attr));
	v->gfx[GFX_BIT_MASK] = 0xff;
	memset(v->dac, 0, sizeof(v->dac));
	memset(v->dac_hold, 0, sizeof(v->dac_hold));
	v->dac_mask = 0xff;
	v->dac_address = v->dac_reading = v->dac_part = 0;
	v->latch = 0;
	vbe_reset(v);
	pci_reset(&v->pci);
	vga_paint_reset(v);
}

static int vga_loaded(void *dev)
{
	struct vga *v = dev;

	if (v->dac_part > 2 || v->attr_is_data > 1 || v->dac_reading > 1 ||
	    v->vbe[VBE_XRES] > VBE_MAX_XRES || v->vbe[VBE_YRES] > VBE_MAX_YRES ||
	    v->vbe[VBE_VIRT_WIDTH] > VBE_MAX_XRES || !vbe_bpp_known(v->vbe[VBE_BPP]))
		return -EINVAL;
	pci_loaded(&v->pci);
	vga_direct_reset(v);
	vga_paint_reset(v);
	return 0;
}

static void vga_destroy(void *dev)
{
	struct vga *v = dev;

	timer_cancel(&v->paint.timer);
	track_fini(&v->track);
	vga_linear_forget(v);
	vga_direct_fini(v);
}

static const struct region_ops ports_ops = { ports_read, ports_write, .min = 1, .max = 1 };
static const struct region_ops mmio_ops = { mmio_read, mmio_write, .min = 1, .max = 2 };

static const struct field vga_fields[] = {
	PCI_FIELDS(struct vga, pci, 1),
	FIELD(struct vga, misc, 1),
	FIELD(struct vga, feature, 1),
	FIELD(struct vga, enable, 1),
	FIELD(struct vga, seq_index, 1),
	FIELD(struct vga, seq, 1),
	FIELD(struct vga, crtc_index, 1),
	FIELD(struct vga, crtc, 1),
	FIELD(struct vga, gfx_index, 1),
	FIELD(struct vga, gfx, 1),
	FIELD(struct vga, attr_index, 1),
	FIELD(struct vga, attr, 1),
	FIELD(struct vga, attr_is_data, 1),
	FIELD(struct vga, dac_mask, 1),
	FIELD(struct vga, dac_address, 1),
	FIELD(struct vga, dac_reading, 1),
	FIELD(struct vga, dac_part, 1),
	FIELD(struct vga, dac_hold, 1),
	FIELD(struct vga, dac, 1),
	FIELD(struct vga, latch, 1),
	FIELD(struct vga, vbe_index, 1),
	FIELD(struct vga, vbe, 1),
	FIELD(struct vga, vbe_low, 1),
	FIELD_END
};

static const struct device_class vga_class = {
	.name = "vga",
	.size = sizeof(struct vga),
	.reset = vga_reset,
	.fields = vga_fields,
	.loaded = vga_loaded,
	.destroy = vga_destroy,
};

/* --- assembly --- */

static int add_pci(struct vga *v, struct machine *m, const struct vga_options *opt)
{
	static const struct pci_id id = { .vendor = 0x1234, .device = 0x1111, .class = 0x030000 };
	int err = pci_add(machine_pci(m), PCI_DEVFN(2, 0), &v->pci, v, &id);

	if (err)
		return err;
	pci_set16(&v->pci, PCI_SUBSYS_VENDOR, 0x1af4);
	pci_set16(&v->pci, PCI_SUBSYS_ID, 0x1100);
	err = pci_bar_ram(&v->pci, 0, opt->vram_len, opt->vram, REGION_LOG_DIRTY);
	if (!err)
		err = pci_bar(&v->pci, 2, BAR_MEM, MMIO_LEN, &mmio_ops);
	if (!err && opt->rom_len)
		err = pci_bar_rom(&v->pci, opt->rom_len, opt->rom);
	return err;
}

static int add_legacy(struct vga *v, struct machine *m)
{
	struct space *pio = machine_pio(m);
	int err = region_add(pio, &v->ports, &ports_ops, v, PORT_VGA, PORT_SPAN);

	if (!err)
		err = region_add(pio, &v->vbe_ports, &vbe_ports_ops, v, PORT_VBE, VBE_SPAN);
	if (!err)
		err = region_add(pio, &v->vbe_odd_port, &vbe_odd_port_ops, v, PORT_VBE + 1, 2);
	if (!err)
		err = region_add(machine_mem(m), &v->window, &vga_window_ops, v, WINDOW_BASE,
				 WINDOW_LEN);
	if (err)
		return err;
	region_set_prio(&v->vbe_odd_port, 1);
	region_set_prio(&v->window, WINDOW_PRIO);
	return vga_direct_init(v, m);
}

struct vga *vga_create(struct machine *m, const struct vga_options *opt)
{
	struct vga *v;

	if (opt->vram_len < VGA_MEM_LEN)
		return NULL;
	v = device_new(m, &vga_class);
	if (!v)
		return NULL;
	v->vram = opt->vram;
	v->vram_len = opt->vram_len;
	if (track_init(&v->track, m, &v->pci.bar[0].region, opt->vram_len))
		return NULL;
	v->track.mode = opt->tracking;
	v->track.look.idle_ns = opt->idle_ns;
	vga_paint_init(v, opt->surface);
	if (add_pci(v, m, opt) || add_legacy(v, m))
		return NULL;
	return v;
}
