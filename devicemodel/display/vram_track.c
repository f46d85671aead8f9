/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which parts of video memory changed: the one place that answers it. Two sources are joined, page
 * by page: marks of the device, for what it wrote on the guest's behalf, and the hypervisor's dirty
 * log, for what the guest wrote by itself. Where there is no log, all counts as changed at each
 * look, and who asks compares with what is on the surface.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "vga_priv.h"

enum { WORD_BITS = sizeof(unsigned long) * CHAR_BIT };

int track_init(struct track *t, struct machine *m, struct region *region, uint64_t len)
{
	uint64_t pages = (len + TRACK_PAGE - 1) / TRACK_PAGE;

	*t = (struct track){ .machine = m, .region = region, .len = len };
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
	*first = off / TRACK_PAGE;
	*last = (off + len - 1) / TRACK_PAGE;
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

bool track_collect(struct track *t)
{
	unsigned long *bits = t->marked, any = 0;

	if (machine_dirty_fetch(t->machine, t->region, bits))
		track_all(t);
	t->marked = t->changed;
	t->changed = bits;
	memset(t->marked, 0, t->words * sizeof(*t->marked));
	for (size_t i = 0; i < t->words; i++)
		any |= bits[i];
	return any;
}

bool track_changed(const struct track *t, uint64_t off, uint64_t len)
{
	uint64_t page, last;

	if (!page_range(t, off, len, &page, &last))
		return false;
	for (; page <= last; page++)
		if (t->changed[page / WORD_BITS] >> page % WORD_BITS & 1)
			return true;
	return false;
}
