// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which parts of video memory changed: the one place that answers it. Two sources are joined, page
 * by page: marks of the device, for what it wrote on the guest's behalf, and the hypervisor's dirty
 * log, for what the guest wrote by itself. Where there is no log, or none is wanted, all that shows
 * counts as changed at each look, and who asks compares with what is on the surface.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "vga_priv.h"

enum { WORD_BITS = sizeof(unsigned long) * CHAR_BIT, TABLE = 2 << 20 };

int track_init(struct track *t, struct machine *m, struct region *region, uint64_t len)
{
	uint64_t pages = (len + VRAM_PAGE - 1) / VRAM_PAGE;

	*t = (struct track){ .machine = m, .look.region = region, .len = len };
	t->words = (pages + WORD_BITS - 1) / WORD_BITS;
	t->marked = calloc(t->words + 1, sizeof(*t->marked));
	t->changed = calloc(t->words + 1, sizeof(*t->changed));
	if (t->marked && t->changed)
		return 0;
	track_fini(t);
	return -ENOMEM;
}

void track_fini(struct track *t)
{
	free(t->marked);
	free(t->changed);
	*t = (struct track){ 0 };
}

/* The pages of [off, off + len) within the memory: false if there is none. */
static bool page_range(const struct track *t, uint64_t off, uint64_t len, uint64_t *first,
		       uint64_t *last)
{
	if (!len || off >= t->len)
		return false;
	if (len > t->len - off)
		len = t->len - off;
	*first = off / VRAM_PAGE;
	*last = (off + len - 1) / VRAM_PAGE;
	return true;
}

void track_mark(struct track *t, uint64_t off, uint64_t len)
{
	uint64_t page, last;

	if (!page_range(t, off, len, &page, &last))
		return;
	for (; page <= last; page++)
		t->marked[page / WORD_BITS] |= 1ul << page % WORD_BITS;
}

void track_all(struct track *t)
{
	memset(t->marked, 0xff, t->words * sizeof(*t->marked));
}

/*
 * Asks for whole page tables of the hypervisor's, which loses and gets write access to one of them
 * as fast as to a page. What is written beside the part that shows ends a rest and changes no
 * picture. False where there is no log.
 */
static bool ask(struct track *t, uint64_t off, uint64_t len, bool rest)
{
	struct vram_look *look = &t->look;
	uint64_t first, last, end;

	look->idle = false;
	if (t->mode == VRAM_COMPARE || !page_range(t, off, len, &first, &last))
		return false;
	end = (last * VRAM_PAGE | (TABLE - 1)) + 1;
	look->off = first * VRAM_PAGE & ~(uint64_t)(TABLE - 1);
	look->len = (end < t->len ? end : t->len) - look->off;
	look->rest = rest && t->mode == VRAM_IDLE;
	look->bitmap = t->marked;
	return !machine_vram_look(t->machine, look);
}

bool track_collect(struct track *t, uint64_t off, uint64_t len, bool rest)
{
	unsigned long *bits;

	if (!ask(t, off, len, rest))
		track_mark(t, off, len);
	bits = t->marked;
	t->marked = t->changed;
	t->changed = bits;
	memset(t->marked, 0, t->words * sizeof(*t->marked));
	return track_changed(t, off, len);
}

bool track_idle(const struct track *t)
{
	return t->look.idle;
}

uint64_t track_next(const struct track *t, uint64_t off)
{
	uint64_t page = off / VRAM_PAGE;
	size_t i = page / WORD_BITS;
	unsigned long word;

	if (off >= t->len)
		return UINT64_MAX;
	word = t->changed[i] & ~0ul << page % WORD_BITS;
	while (!word && ++i < t->words)
		word = t->changed[i];
	if (!word)
		return UINT64_MAX;
	page = i * WORD_BITS + __builtin_ctzl(word);
	return page * VRAM_PAGE > off ? page * VRAM_PAGE : off;
}

bool track_changed(const struct track *t, uint64_t off, uint64_t len)
{
	uint64_t next = track_next(t, off);

	return next != UINT64_MAX && next - off < len;
}
