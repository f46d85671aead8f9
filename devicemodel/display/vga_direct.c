// SPDX-License-Identifier: GPL-2.0-only
/*
 * Text memory without exits. While nobody looks, no one needs to hear of each character that a
 * guest writes: the window at 0xb8000 is then ordinary memory of the guest, in the processor's
 * order (character, attribute, ...), and comes back into the planes when a register is written
 * that gives the window another meaning, when a viewer comes, or when a picture is asked for.
 *
 * Making and dropping the mapping costs as much as some hundred exits, so it waits for a guest
 * that keeps using the window, longer each time that it was dropped.
 * State: none; whoever saves video memory calls vga_direct_settle() first.
 * Ignored: the latch, which reads do not load meanwhile; text seen through the linear frame
 * buffer, where it appears late.
 */
#include <errno.h>
#include <stdlib.h>

#include "vga_priv.h"

enum { DIRECT_BASE = 0xb8000, DIRECT_LEN = 0x8000, DIRECT_PRIO = 2, PAGE = 4096 };
enum { FIRST_PATIENCE = 64, MAX_PATIENCE = 1 << 16 }; /* accesses */

/* True while each byte of the window is a plain byte of plane 0 or 1. */
static bool plain_text(const struct vga *v)
{
	const uint8_t *gfx = v->gfx;

	return (v->misc & MISC_RAM) && !vbe_enabled(v) && gfx[GFX_MISC] >> 2 == 3 &&
	       (gfx[GFX_MISC] & GFX_MISC_CHAIN) && v->seq[SEQ_MAP_MASK] == 3 &&
	       !(v->seq[SEQ_MEMORY] & (MEMORY_SEQUENTIAL | MEMORY_CHAIN4)) &&
	       (gfx[GFX_MODE] & ~(GFX_MODE_CGA | GFX_MODE_256)) == GFX_MODE_ODD_EVEN &&
	       !(gfx[GFX_READ_MAP] & 2) && !(gfx[GFX_ENABLE_SET_RESET] & 3) &&
	       !gfx[GFX_ROTATE] && gfx[GFX_BIT_MASK] == 0xff;
}

static uint8_t *plane_byte(struct vga *v, unsigned off)
{
	return v->vram + (off >> 1) * 4 + (off & 1);
}

/* What the guest has written since the last time, into the planes. */
void vga_direct_settle(struct vga *v)
{
	struct vga_direct *d = &v->direct;

	if (!d->on)
		return;
	for (unsigned i = 0; i < DIRECT_LEN; i++) {
		uint8_t val = d->mem[i];

		if (val == d->seen[i])
			continue;
		d->seen[i] = val;
		*plane_byte(v, i) = val;
		track_mark(&v->track, (i >> 1) * 4, 4);
	}
}

static void enter(struct vga *v)
{
	struct vga_direct *d = &v->direct;

	for (unsigned i = 0; i < DIRECT_LEN; i++)
		d->mem[i] = d->seen[i] = *plane_byte(v, i);
	d->on = true;
	region_enable(&d->region, true);
}

void vga_direct_leave(struct vga *v)
{
	struct vga_direct *d = &v->direct;

	d->count = 0;
	if (!d->on)
		return;
	region_enable(&d->region, false);
	vga_direct_settle(v);
	d->on = false;
	if (d->patience < MAX_PATIENCE)
		d->patience *= 2;
}

void vga_direct_check(struct vga *v)
{
	if (v->direct.on && !plain_text(v))
		vga_direct_leave(v);
}

/* While on, what still comes this way is the rest of an access that the bus has split. */
uint8_t *vga_direct_access(struct vga *v, unsigned off)
{
	struct vga_direct *d = &v->direct;

	if (!d->on && ++d->count >= d->patience) {
		d->count = 0;
		if (!v->paint.watched && plain_text(v))
			enter(v);
	}
	return d->on ? d->mem + off : NULL;
}

/* What a mapped window holds is worth nothing after a restore. */
void vga_direct_reset(struct vga *v)
{
	struct vga_direct *d = &v->direct;

	if (d->on)
		region_enable(&d->region, false);
	d->on = false;
	d->count = 0;
	d->patience = FIRST_PATIENCE;
}

int vga_direct_init(struct vga *v, struct machine *m)
{
	struct vga_direct *d = &v->direct;
	int err;

	d->mem = aligned_alloc(PAGE, 2 * DIRECT_LEN);
	if (!d->mem)
		return -ENOMEM;
	d->seen = d->mem + DIRECT_LEN;
	err = region_add_ram(machine_mem(m), &d->region, DIRECT_BASE, DIRECT_LEN, d->mem, 0);
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
