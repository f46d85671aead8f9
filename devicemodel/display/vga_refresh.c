// SPDX-License-Identifier: GPL-2.0-only
/*
 * When to draw. Nobody looks: never. Otherwise a change that goes through the device (registers,
 * the legacy window) asks for a picture, and in text modes the clock asks for one when something
 * blinks. In linear modes, and in text modes once vga_direct.c has made the window memory of the
 * guest, the guest draws without our knowledge: memory is looked at each frame while it changes,
 * then less and less often, until it rests and the next write is told.
 *
 * The first change after rest is drawn soon, but not at once: what a guest draws in one go, a
 * character or a cursor, is one picture then. Such a change is likely to be alone, so a second look
 * follows it straight away, where rest is cheap enough to begin right then. Where it is not, and a
 * look finds a change that comes alone, such as a cursor's, the next look has time: more of it if
 * it is the change of last time again. A key or a movement hurries it.
 * State: none; see struct vga_paint.
 */
#include "ui/surface.h"
#include "vga_priv.h"

#define FRAME_NS  (NS_PER_SEC / 60)
#define SLOW_NS	  (100 * NS_PER_MS) /* between looks that find nothing, at most */
#define SETTLE_NS (2 * NS_PER_MS)
#define ALONE_NS  (25 * NS_PER_MS)  /* from one change to the next: there is no sequence */
#define SELDOM_NS (150 * NS_PER_MS) /* the same while looks are rare */
#define BLINK_NS  (200 * NS_PER_MS) /* to the next look, where nothing but a cursor changes */

/* --- palette --- */

static uint32_t dac_colour(const struct vga *v, unsigned index)
{
	const uint8_t *part = v->dac[index & v->dac_mask];
	uint32_t colour = 0;

	for (unsigned i = 0; i < 3; i++) {
		unsigned c = part[i];

		if (!(v->vbe[VBE_ENABLE] & VBE_8BIT_DAC))
			c = (c & 0x3f) << 2 | (c >> 4 & 3);
		colour = colour << 8 | c;
	}
	return colour;
}

/* From the four bits of a pixel to an entry of the DAC. */
static unsigned attribute_index(const struct vga *v, unsigned pixel)
{
	unsigned index = v->attr[pixel & v->attr[ATTR_PLANES] & 0xf] & 0x3f;
	unsigned select = v->attr[ATTR_SELECT];

	if (v->attr[ATTR_MODE] & ATTR_MODE_P54S)
		index = (index & 0xf) | (select & 3) << 4;
	return index | (select & 0xc) << 4;
}

static unsigned palette_size(const struct vga_view *view)
{
	switch (view->kind) {
	case VGA_BLANK:
		return 0;
	case VGA_BYTES:
		return 256;
	case VGA_LINEAR:
		return view->bpp == 8 ? 256 : 0;
	default:
		return ATTR_PALETTE;
	}
}

/* True if a colour in use is another than the one that was drawn with. */
static bool update_palette(struct vga *v)
{
	struct vga_paint *p = &v->paint;
	unsigned n = palette_size(&p->view);
	bool changed = false;

	for (unsigned i = 0; i < n; i++) {
		uint32_t c = dac_colour(v, n == 256 ? i : attribute_index(v, i));

		changed |= p->colour[i] != c;
		p->colour[i] = c;
	}
	p->palette_changed = false;
	return changed;
}

/* --- drawing --- */

static void draw_blank(struct vga *v, uint32_t *pixels, unsigned width, unsigned height,
		       unsigned stride)
{
	for (unsigned y = 0; y < height; y++)
		memset(pixels + (size_t)y * stride, 0, width * sizeof(*pixels));
	surface_damage(v->paint.surface, 0, 0, width, height);
}

/* Moves on to what the registers say now; true if nothing on the surface can be kept. */
static bool update_view(struct vga *v)
{
	struct vga_paint *p = &v->paint;
	struct vga_view view;
	bool same;

	vga_view_compute(v, &view);
	same = !memcmp(&view, &p->view, sizeof(view));
	p->view = view;
	return !same;
}

static bool draw_view(struct vga *v, bool all)
{
	struct vga_paint *p = &v->paint;
	unsigned width, height, stride;
	uint32_t *pixels = surface_begin(p->surface, &width, &height, &stride);
	bool drawn = all;

	p->cursor_shown = p->blink_shown = false;
	if (p->view.kind == VGA_BLANK)
		draw_blank(v, pixels, width, height, stride);
	else if (width != p->view.width || height != p->view.height)
		p->redraw = true; /* no memory for this size: the old picture stays */
	else if (p->view.kind == VGA_TEXT)
		drawn = vga_draw_text(v, pixels, stride, all);
	else
		drawn = vga_draw_graphics(v, pixels, stride, all);
	surface_end(p->surface);
	p->frames += drawn;
	return drawn;
}

static void fit_surface(struct vga *v)
{
	const struct vga_view *view = &v->paint.view;
	unsigned width, height, stride;

	if (view->kind == VGA_BLANK)
		return;
	surface_begin(v->paint.surface, &width, &height, &stride);
	surface_end(v->paint.surface);
	if (width != view->width || height != view->height)
		surface_resize(v->paint.surface, view->width, view->height);
}

/* The part of video memory that shows. */
static void shown_part(const struct vga_view *view, uint64_t *off, uint64_t *len)
{
	bool linear = view->kind == VGA_LINEAR;

	*off = linear ? view->start : 0;
	*len = linear ? (uint64_t)view->pitch * view->height : VGA_MEM_LEN;
}

/* Text is not tracked but compared, cell by cell. */
static bool memory_changed(struct vga *v)
{
	struct vga_paint *p = &v->paint;
	uint64_t off, len;

	if (p->view.kind == VGA_TEXT || p->view.kind == VGA_BLANK)
		return p->view.kind == VGA_TEXT;
	shown_part(&p->view, &off, &len);
	return track_collect(&v->track, off, len, p->watched && p->view.kind == VGA_LINEAR);
}

/* True if the picture changed. */
static bool draw(struct vga *v)
{
	struct vga_paint *p = &v->paint;
	bool all = update_view(v) | p->redraw, changed;

	p->redraw = false;
	vga_direct_look(v);
	if (all || p->palette_changed)
		all |= update_palette(v);
	all |= p->view.kind == VGA_TEXT && p->font_changed;
	p->font_changed = false;
	if (all) {
		fit_surface(v);
		vga_linear_keep(v);
	}
	changed = memory_changed(v);
	p->last_draw = machine_now(v->dev.machine);
	return (all || changed) && draw_view(v, all);
}

/* --- the timer --- */

static uint64_t next_blink(const struct vga_paint *p, uint64_t now)
{
	uint64_t period = p->cursor_shown ? VGA_BLINK_NS : 2 * VGA_BLINK_NS;

	return (now / period + 1) * period;
}

/* The last look at what the guest draws without our knowledge; NULL: it cannot, at present. */
static const struct vram_look *last_look(const struct vga *v)
{
	if (v->paint.view.kind == VGA_LINEAR)
		return &v->track.look;
	return v->paint.view.kind == VGA_TEXT && v->direct.kind ? &v->direct.look : NULL;
}

static bool resting(const struct vga *v)
{
	const struct vram_look *look = last_look(v);

	return !look || look->idle;
}

/* When memory is to be looked at again. */
static uint64_t next_look(struct vga_paint *p)
{
	uint64_t when = p->last_draw + p->pace;

	p->soon = p->pace == FRAME_NS;
	p->pace = 2 * p->pace < SLOW_NS ? 2 * p->pace : SLOW_NS;
	return when;
}

/* pace: until the next look, if the picture changed. */
static void schedule(struct vga *v, bool changed, uint64_t pace)
{
	struct vga_paint *p = &v->paint;
	uint64_t when = UINT64_MAX, blink;

	if (changed) {
		p->last_change = p->last_draw;
		p->pace = pace;
	}
	p->soon = false;
	if (!resting(v))
		when = next_look(p);
	if (p->cursor_shown || p->blink_shown) {
		blink = next_blink(p, p->last_draw);
		when = blink < when ? blink : when;
	}
	if (when == UINT64_MAX)
		timer_cancel(&p->timer);
	else
		timer_arm_at(&p->timer, when);
}

static bool rest_is_cheap(const struct vga *v)
{
	return v->track.mode == VRAM_IDLE && !last_look(v)->idle_ns;
}

static void refresh_fire(void *dev)
{
	struct vga *v = dev;
	struct vga_paint *p = &v->paint;
	uint64_t last = p->last_change, pace = FRAME_NS;
	bool changed = draw(v), active = changed && !resting(v);

	if (active && rest_is_cheap(v) && p->last_draw - last > ALONE_NS)
		draw(v);
	else if (active && !rest_is_cheap(v) && !p->soon && p->last_draw - last > SELDOM_NS)
		pace = p->blinks ? BLINK_NS : SLOW_NS;
	schedule(v, changed, pace);
}

void vga_expect(struct vga *v)
{
	struct vga_paint *p = &v->paint;
	uint64_t when = machine_now(v->dev.machine) + FRAME_NS;

	if (!p->watched || resting(v))
		return;
	p->pace = FRAME_NS;
	if (p->timer.armed && p->timer.when > when)
		timer_arm_at(&p->timer, when);
}

/* Called only while someone watches and no draw is due within a frame. */
void vga_wake(struct vga *v)
{
	struct vga_paint *p = &v->paint;
	uint64_t now = machine_now(v->dev.machine), when = p->last_draw + FRAME_NS;

	p->soon = true;
	timer_arm_at(&p->timer, when > now + SETTLE_NS ? when : now + SETTLE_NS);
}

static void woken(void *dev)
{
	vga_touch(dev);
}

void vga_set_watched(struct vga *v, bool on)
{
	struct vga_paint *p = &v->paint;

	if (p->watched == on)
		return;
	p->watched = on;
	p->soon = false;
	if (!on) {
		timer_cancel(&p->timer);
		vga_linear_forget(v);
		return;
	}
	vga_direct_settle(v);
	p->redraw = true; /* at once: the clock may stand still, in a machine that is paused */
	schedule(v, draw(v), FRAME_NS);
}

void vga_refresh(struct vga *v)
{
	struct vga_paint *p = &v->paint;

	vga_direct_settle(v);
	if (p->watched) { /* perhaps the first look after rest, of which nobody else is told then */
		schedule(v, draw(v), FRAME_NS);
		return;
	}
	p->redraw = true;
	if (draw(v))
		p->last_change = p->last_draw;
}

uint64_t vga_frames(const struct vga *v)
{
	return v->paint.frames;
}

const char *vga_tracking(const struct vga *v)
{
	const struct vga_paint *p = &v->paint;
	const struct vram_look *look = last_look(v);

	if (!p->watched || p->view.kind == VGA_BLANK)
		return "off";
	if (!look)
		return "trapped";
	if (v->track.mode == VRAM_COMPARE)
		return "compare";
	if (v->track.mode == VRAM_LOG)
		return "log";
	return look->idle && !p->soon ? "idle" : "active";
}

void vga_paint_reset(struct vga *v)
{
	struct vga_paint *p = &v->paint;

	p->redraw = true;
	track_all(&v->track);
	/* a restore may have turned the clock back */
	p->last_draw = p->last_change = machine_now(v->dev.machine);
	if (p->watched)
		vga_wake(v);
}

void vga_paint_init(struct vga *v, struct surface *surface)
{
	v->paint.surface = surface;
	timer_init(&v->paint.timer, v->dev.machine, refresh_fire, v);
	timer_name(&v->paint.timer, "display");
	v->paint.pace = FRAME_NS;
	v->track.look.woken = woken;
	v->track.look.dev = v;
}
