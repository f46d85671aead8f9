// SPDX-License-Identifier: GPL-2.0-only
/*
 * The window without exits. While nobody looks, no one needs to hear of each byte that a guest
 * writes. Where the registers make the window plain bytes of planes, 32 KiB of it are ordinary
 * memory of the guest then: at 0xb8000 text (characters and attributes in turn), at 0xa0000 one
 * plane alone, as fonts are loaded. What was written comes into the planes when a register is
 * written that gives the window another meaning, when a viewer comes, or when a picture is asked
 * for.
 *
 * Making and dropping the mapping costs as much as some hundred exits, so it waits for a guest
 * that keeps using the window, longer each time that it was dropped.
 * State: none; whoever saves video memory calls vga_direct_settle() first.
 * Ignored: the latch, which reads do not load meanwhile; what the linear frame buffer shows of
 * the same memory, where it appears late.
 */
#include <errno.h>
#include <stdlib.h>

#include "vga_priv.h"

enum { DIRECT_LEN = 0x8000, DIRECT_PRIO = 2, HOST_PAGE = 4096 };
enum { WINDOW_A0000 = 0xa0000, WINDOW_B8000 = 0xb8000, SELECT_A0000 = 1, SELECT_B8000 = 3 };
enum { FIRST_PATIENCE = 64, MAX_PATIENCE = 1 << 16 }; /* accesses */

/* True while a byte that is written is the byte that a plane gets, and the one that is read. */
static bool plain_bytes(const struct vga *v)
{
	const uint8_t *gfx = v->gfx;

	return (v->misc & MISC_RAM) && !vbe_enabled(v) && !(v->seq[SEQ_MEMORY] & MEMORY_CHAIN4) &&
	       !(gfx[GFX_MODE] & (3 | GFX_MODE_READ1)) && !gfx[GFX_ENABLE_SET_RESET] &&
	       !gfx[GFX_ROTATE] && gfx[GFX_BIT_MASK] == 0xff;
}

static bool plain_text(const struct vga *v)
{
	return v->gfx[GFX_MISC] >> 2 == SELECT_B8000 && (v->gfx[GFX_MISC] & GFX_MISC_CHAIN) &&
	       (v->gfx[GFX_MODE] & GFX_MODE_ODD_EVEN) && !(v->gfx[GFX_READ_MAP] & 2) &&
	       !(v->seq[SEQ_MEMORY] & MEMORY_SEQUENTIAL) && v->seq[SEQ_MAP_MASK] == 3;
}

static bool one_plane(const struct vga *v)
{
	return v->gfx[GFX_MISC] >> 2 == SELECT_A0000 && !(v->gfx[GFX_MISC] & GFX_MISC_CHAIN) &&
	       !(v->gfx[GFX_MODE] & GFX_MODE_ODD_EVEN) &&
	       (v->seq[SEQ_MEMORY] & MEMORY_SEQUENTIAL) &&
	       v->seq[SEQ_MAP_MASK] == 1 << (v->gfx[GFX_READ_MAP] & 3);
}

static enum vga_direct_kind possible(const struct vga *v)
{
	if (!plain_bytes(v))
		return DIRECT_OFF;
	if (plain_text(v))
		return DIRECT_TEXT;
	return one_plane(v) ? DIRECT_PLANE_0 + (v->gfx[GFX_READ_MAP] & 3) : DIRECT_OFF;
}

static uint32_t base_of(enum vga_direct_kind kind)
{
	return kind == DIRECT_TEXT ? WINDOW_B8000 : WINDOW_A0000;
}

/* Where byte off of the window is in vram. */
static uint64_t plane_byte(enum vga_direct_kind kind, unsigned off)
{
	if (kind == DIRECT_TEXT)
		return (uint64_t)(off >> 1) * 4 + (off & 1);
	return (uint64_t)off * 4 + (kind - DIRECT_PLANE_0);
}

/* What the guest has written since the last time, into the planes. */
void vga_direct_settle(struct vga *v)
{
	struct vga_direct *d = &v->direct;
	uint64_t at;

	if (!d->kind)
		return;
	for (unsigned i = 0; i < DIRECT_LEN; i++) {
		uint8_t val = d->mem[i];

		if (val == d->seen[i])
			continue;
		at = plane_byte(d->kind, i);
		d->seen[i] = v->vram[at] = val;
		track_mark(&v->track, at, 1);
		v->paint.font_changed |= at % 4 == 2;
	}
}

static void enter(struct vga *v, enum vga_direct_kind kind)
{
	struct vga_direct *d = &v->direct;

	for (unsigned i = 0; i < DIRECT_LEN; i++)
		d->mem[i] = d->seen[i] = v->vram[plane_byte(kind, i)];
	d->kind = kind;
	region_move(&d->region, base_of(kind));
	region_enable(&d->region, true);
}

void vga_direct_leave(struct vga *v)
{
	struct vga_direct *d = &v->direct;

	d->count = 0;
	if (!d->kind)
		return;
	region_enable(&d->region, false);
	vga_direct_settle(v);
	d->kind = DIRECT_OFF;
	if (d->patience < MAX_PATIENCE)
		d->patience *= 2;
}

void vga_direct_check(struct vga *v)
{
	if (v->direct.kind && possible(v) != v->direct.kind)
		vga_direct_leave(v);
}

/* While on, what still comes this way is the rest of an access that the bus has split. */
uint8_t *vga_direct_access(struct vga *v, unsigned off)
{
	struct vga_direct *d = &v->direct;
	uint32_t addr = WINDOW_A0000 + off;

	if (!d->kind && ++d->count >= d->patience) {
		enum vga_direct_kind kind = possible(v);

		d->count = 0;
		if (kind && !v->paint.watched)
			enter(v, kind);
	}
	if (!d->kind || addr < base_of(d->kind) || addr - base_of(d->kind) >= DIRECT_LEN)
		return NULL;
	return d->mem + (addr - base_of(d->kind));
}

/* What a mapped window holds is worth nothing after a restore. */
void vga_direct_reset(struct vga *v)
{
	struct vga_direct *d = &v->direct;

	if (d->kind)
		region_enable(&d->region, false);
	d->kind = DIRECT_OFF;
	d->count = 0;
	d->patience = FIRST_PATIENCE;
}

int vga_direct_init(struct vga *v, struct machine *m)
{
	struct vga_direct *d = &v->direct;
	int err;

	d->mem = aligned_alloc(HOST_PAGE, 2 * DIRECT_LEN);
	if (!d->mem)
		return -ENOMEM;
	d->seen = d->mem + DIRECT_LEN;
	err = region_add_ram(machine_mem(m), &d->region, WINDOW_B8000, DIRECT_LEN, d->mem, 0);
	if (err)
		return err;
	region_enable(&d->region, false);
	region_set_prio(&d->region, DIRECT_PRIO);
	return 0;
}

void vga_direct_fini(struct vga *v)
{
	free(v->direct.mem);
}
