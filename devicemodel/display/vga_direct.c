// SPDX-License-Identifier: GPL-2.0-only
/*
 * The window without exits. Where the registers make the window plain bytes of planes, 32 KiB of it
 * are ordinary memory of the guest: at 0xb8000 text (characters and attributes in turn), at 0xa0000
 * one plane alone, as fonts are loaded. What was written comes into the planes when a register is
 * written that gives the window another meaning, or when a picture is drawn or asked for.
 *
 * While somebody looks, that is for text only, and only with the kind of tracking that knows rest:
 * the hypervisor tells which pages were written, and ends a rest with the first write, as it does
 * for the linear frame buffer. Eight pages are quickly without write access, so rest need not wait.
 *
 * Making and dropping the mapping costs as much as some hundred exits, so it waits for a guest
 * that keeps using the window, longer each time that it was dropped.
 * State: none; whoever saves video memory calls vga_direct_settle() first.
 * Ignored: the latch, which reads do not load meanwhile; what the linear frame buffer shows of
 * the same memory, where it appears late.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "vga_priv.h"

enum { DIRECT_LEN = 0x8000, DIRECT_PRIO = 2, DIRECT_PAGES = DIRECT_LEN / VRAM_PAGE };
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

/* True while the window may be memory of the guest in this way, whatever the registers say. */
static bool allowed(const struct vga *v, enum vga_direct_kind kind)
{
	uint32_t shown = v->paint.view.kind;

	if (!v->paint.watched)
		return true;
	return kind == DIRECT_TEXT && v->track.mode == VRAM_IDLE && !v->direct.untold &&
	       (shown == VGA_TEXT || shown == VGA_BLANK);
}

/* --- into the planes --- */

/* Eight characters and attributes, and the fetches of four planes that hold four of them. */
typedef uint8_t text_bytes __attribute__((vector_size(16)));
typedef uint16_t text_pairs __attribute__((vector_size(16)));

/* Four pairs, from the first on, into the lower half of four fetches: those bytes that differ. */
static void settle_four(uint8_t *fetches, text_pairs pairs, text_pairs differ)
{
	text_pairs there;

	memcpy(&there, fetches, sizeof(there));
	there = (there & ~differ) | (pairs & differ);
	memcpy(fetches, &there, sizeof(there));
}

/* Bytes that are as they were keep what the linear frame buffer may have put into the planes. */
static void settle_text(struct vga *v, unsigned page)
{
	static const text_pairs low = { 0, 8, 1, 8, 2, 8, 3, 8 }, high = { 4, 8, 5, 8, 6, 8, 7, 8 };
	const text_pairs none = { 0 };
	struct vga_direct *d = &v->direct;
	unsigned end = (page + 1) * VRAM_PAGE;

	for (unsigned i = page * VRAM_PAGE; i < end; i += sizeof(text_bytes)) {
		uint8_t *fetches = v->vram + plane_byte(DIRECT_TEXT, i);
		text_bytes now, seen;
		text_pairs pairs, differ;

		memcpy(&now, d->mem + i, sizeof(now));
		if (!memcmp(d->seen + i, &now, sizeof(now)))
			continue;
		memcpy(&seen, d->seen + i, sizeof(seen));
		memcpy(d->seen + i, &now, sizeof(now));
		pairs = (text_pairs)now;
		differ = (text_pairs)(now != seen);
		settle_four(fetches, __builtin_shuffle(pairs, none, low),
			    __builtin_shuffle(differ, none, low));
		settle_four(fetches + 16, __builtin_shuffle(pairs, none, high),
			    __builtin_shuffle(differ, none, high));
		track_mark(&v->track, plane_byte(DIRECT_TEXT, i), 32);
	}
}

static void settle_plane(struct vga *v)
{
	struct vga_direct *d = &v->direct;
	uint64_t at;

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

static void settle_pages(struct vga *v, unsigned long pages)
{
	for (unsigned page = 0; page < DIRECT_PAGES; page++)
		if (pages >> page & 1)
			settle_text(v, page);
}

/* What the guest has written since the last time. Rest is not relied on any more. */
void vga_direct_settle(struct vga *v)
{
	v->direct.look.idle = false;
	if (v->direct.kind == DIRECT_TEXT)
		settle_pages(v, ~0ul);
	else if (v->direct.kind)
		settle_plane(v);
}

/* At rest not even a question is needed: a cursor that blinks costs nothing here. */
void vga_direct_look(struct vga *v)
{
	struct vga_direct *d = &v->direct;

	if (!d->kind || !v->paint.watched)
		return;
	if (allowed(v, d->kind)) {
		if (d->look.idle && !d->written)
			return;
		d->untold = machine_vram_look(v->dev.machine, &d->look);
	}
	if (!allowed(v, d->kind)) {
		vga_direct_leave(v);
		return;
	}
	settle_pages(v, d->written);
	d->written = 0;
}

static void woken(void *dev)
{
	struct vga *v = dev;

	v->direct.look.idle = false;
	vga_touch(v);
}

/* --- on and off --- */

static void enter(struct vga *v, enum vga_direct_kind kind)
{
	struct vga_direct *d = &v->direct;

	for (unsigned i = 0; i < DIRECT_LEN; i++)
		d->mem[i] = d->seen[i] = v->vram[plane_byte(kind, i)];
	d->kind = kind;
	d->written = 0;
	d->look.idle = false;
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
		if (kind && allowed(v, kind))
			enter(v, kind);
	}
	if (!d->kind || addr < base_of(d->kind) || addr - base_of(d->kind) >= DIRECT_LEN)
		return NULL;
	off = addr - base_of(d->kind);
	d->written |= 1ul << off / VRAM_PAGE;
	return d->mem + off;
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
	void *mem;
	int err;

	/* shared, so that the hypervisor can be shown a mapping of its own */
	mem = mmap(NULL, DIRECT_LEN, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return -errno;
	d->mem = mem;
	madvise(mem, DIRECT_LEN, MADV_DONTDUMP);
	d->seen = malloc(DIRECT_LEN);
	if (!d->seen)
		return -ENOMEM;
	err = region_add_ram(machine_mem(m), &d->region, WINDOW_B8000, DIRECT_LEN, mem,
			     REGION_LOG_DIRTY);
	if (err)
		return err;
	d->look.region = &d->region;
	d->look.len = DIRECT_LEN;
	d->look.bitmap = &d->written;
	d->look.rest = true;
	d->look.woken = woken;
	d->look.dev = v;
	region_enable(&d->region, false);
	region_set_prio(&d->region, DIRECT_PRIO);
	return 0;
}

void vga_direct_fini(struct vga *v)
{
	free(v->direct.seen);
	if (v->direct.mem)
		munmap(v->direct.mem, DIRECT_LEN);
}
