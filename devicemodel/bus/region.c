// SPDX-License-Identifier: GPL-2.0-only
/* Address spaces: who answers where (the flat map), and the guest's accesses on their way. */
#include "dm/region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void space_init(struct space *s, const char *name, uint64_t size)
{
	*s = (struct space){ .name = name, .size = size };
}

void space_fini(struct space *s)
{
	free(s->flat);
	*s = (struct space){ 0 };
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The region that answers at addr, by priority and then by age. */
static struct region *top_region(const struct space *s, uint64_t addr)
{
	struct region *best = NULL;

	for (struct region *r = s->regions; r; r = r->next)
		if (r->enabled && addr >= r->base && addr - r->base < r->len &&
		    (!best || r->prio > best->prio))
			best = r;
	return best;
}

static size_t region_count(const struct space *s)
{
	size_t n = 0;

	for (struct region *r = s->regions; r; r = r->next)
		n++;
	return n;
}

/* Between two neighbouring edges the same region answers everywhere: ask once for each gap. */
static size_t flatten(const struct space *s, uint64_t *edge, struct flat *out)
{
	size_t n_edge = 0, n = 0;

	for (struct region *r = s->regions; r; r = r->next) {
		if (!r->enabled)
			continue;
		edge[n_edge++] = r->base;
		edge[n_edge++] = r->base + r->len;
	}
	qsort(edge, n_edge, sizeof(*edge), by_address);
	for (size_t i = 0; i + 1 < n_edge; i++) {
		uint64_t start = edge[i], end = edge[i + 1];
		struct region *r = start < end ? top_region(s, start) : NULL;

		if (!r)
			continue;
		if (n && out[n - 1].region == r && out[n - 1].end == start)
			out[n - 1].end = end;
		else
			out[n++] = (struct flat){ start, end, r, start - r->base };
	}
	return n;
}

/*
 * A change that finds no memory leaves the old map standing: wrong until the next change, but
 * never dangling, as region_del() below makes sure.
 */
static void space_update(struct space *s)
{
	size_t regions = region_count(s), n;
	uint64_t *edge;
	struct flat *flat, *old = s->flat;

	s->stale = true;
	if (s->deferred)
		return;
	s->stale = false;
	edge = calloc(2 * regions + 1, sizeof(*edge));
	flat = calloc(2 * regions + 1, sizeof(*flat));
	if (!edge || !flat) {
		free(edge);
		free(flat);
		return;
	}
	n = flatten(s, edge, flat);
	free(edge);
	regions = s->n_flat;
	s->flat = flat;
	s->n_flat = n;
	if (s->listener)
		s->listener(s->listener_arg, old, regions, flat, n);
	free(old);
}

void space_begin(struct space *s)
{
	s->deferred++;
}

void space_commit(struct space *s)
{
	if (--s->deferred == 0 && s->stale)
		space_update(s);
}

void space_listen(struct space *s, space_listener_fn *fn, void *arg)
{
	s->listener = fn;
	s->listener_arg = arg;
	fn(arg, NULL, 0, s->flat, s->n_flat);
}

static int add(struct space *s, struct region *r, uint64_t base, uint64_t len)
{
	struct region **end = &s->regions;

	if (!len || base >= s->size || len > s->size - base)
		return -EINVAL;
	r->space = s;
	r->base = base;
	r->len = len;
	r->enabled = true;
	r->next = NULL;
	while (*end)
		end = &(*end)->next;
	*end = r;
	space_update(s);
	return 0;
}

int region_add(struct space *s, struct region *r, const struct region_ops *ops, void *dev,
	       uint64_t base, uint64_t len)
{
	*r = (struct region){ .ops = ops, .dev = dev, .kind = REGION_IO };
	return add(s, r, base, len);
}

int region_add_ram(struct space *s, struct region *r, uint64_t base, uint64_t len, void *host,
		   unsigned flags)
{
	*r = (struct region){ .host = host, .kind = REGION_RAM, .flags = flags };
	return add(s, r, base, len);
}

int region_add_rom(struct space *s, struct region *r, uint64_t base, uint64_t len, void *host,
		   const struct region_ops *ops, void *dev)
{
	*r = (struct region){ .host = host, .ops = ops, .dev = dev, .kind = REGION_ROM };
	return add(s, r, base, len);
}

void region_del(struct region *r)
{
	struct space *s = r->space;
	struct region **p;

	if (!s)
		return;
	for (p = &s->regions; *p && *p != r; p = &(*p)->next)
		;
	if (*p)
		*p = r->next;
	r->space = NULL;
	space_update(s);
	for (size_t i = 0; i < s->n_flat; i++)
		if (s->flat[i].region == r)
			s->n_flat = 0;
}

void region_move(struct region *r, uint64_t base)
{
	if (r->base == base || base >= r->space->size || r->len > r->space->size - base)
		return;
	r->base = base;
	if (r->enabled)
		space_update(r->space);
}

void region_enable(struct region *r, bool on)
{
	if (r->enabled == on)
		return;
	r->enabled = on;
	space_update(r->space);
}

void region_set_prio(struct region *r, int prio)
{
	if (r->prio == prio)
		return;
	r->prio = prio;
	if (r->enabled)
		space_update(r->space);
}

/* The first piece that ends beyond addr: the one at addr, if any does, else the next one up. */
static const struct flat *flat_from(const struct space *s, uint64_t addr)
{
	size_t lo = 0, hi = s->n_flat;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->flat[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n_flat ? &s->flat[lo] : NULL;
}

const struct flat *space_find(const struct space *s, uint64_t addr)
{
	const struct flat *f = flat_from(s, addr);

	return f && f->start <= addr ? f : NULL;
}

static uint64_t ones(unsigned size)
{
	return size >= 8 ? ~0ull : (1ull << size * 8) - 1;
}

/*
 * How many bytes of [off, off + size) one device access may cover: its largest size that fits
 * and is aligned. A device whose smallest size is larger gets that size, aligned around off.
 */
static unsigned access_width(const struct region_ops *ops, uint64_t off, unsigned size)
{
	unsigned w = ops->max;

	while (w > 1 && (w > size || off % w))
		w /= 2;
	return w < ops->min ? ops->min : w;
}

static uint64_t ops_read(const struct region *r, uint64_t off, unsigned size)
{
	uint64_t val = 0;

	for (unsigned done = 0; done < size;) {
		unsigned w = access_width(r->ops, off + done, size - done);
		unsigned skew = (off + done) % w;
		unsigned take = w - skew < size - done ? w - skew : size - done;
		uint64_t part = r->ops->read(r->dev, off + done - skew, w) >> skew * 8;

		val |= (part & ones(take)) << done * 8;
		done += take;
	}
	return val;
}

/* Bytes that a device does not take alone arrive with zeroes beside them, as on a narrow bus. */
static void ops_write(const struct region *r, uint64_t off, uint64_t val, unsigned size)
{
	for (unsigned done = 0; done < size;) {
		unsigned w = access_width(r->ops, off + done, size - done);
		unsigned skew = (off + done) % w;
		unsigned take = w - skew < size - done ? w - skew : size - done;
		uint64_t part = val >> done * 8 & ones(take);

		r->ops->write(r->dev, off + done - skew, part << skew * 8, w);
		done += take;
	}
}

static uint64_t region_read(const struct region *r, uint64_t off, unsigned size)
{
	uint64_t val = 0;

	if (r->kind == REGION_IO)
		return r->ops->read ? ops_read(r, off, size) : ones(size);
	memcpy(&val, r->host + off, size);
	return val;
}

static void region_write(const struct region *r, uint64_t off, uint64_t val, unsigned size)
{
	if (r->kind == REGION_RAM)
		memcpy(r->host + off, &val, size);
	else if (r->ops && r->ops->write)
		ops_write(r, off, val, size);
}

/*
 * Bytes of an access at addr that stay within one piece of the map or one gap. An access of one
 * piece, the usual case, takes one turn. A handler may change the map, so each turn looks anew.
 */
static unsigned chunk(const struct flat *f, uint64_t addr, unsigned size)
{
	uint64_t end;

	if (!f) /* nothing further up: what is left is one gap */
		return size;
	end = f->start <= addr ? f->end : f->start;
	return end - addr < size ? end - addr : size;
}

uint64_t space_read(struct space *s, uint64_t addr, unsigned size)
{
	uint64_t val = 0;

	for (unsigned done = 0, n; done < size; done += n) {
		const struct flat *f = flat_from(s, addr + done);
		uint64_t part;

		n = chunk(f, addr + done, size - done);
		part = ones(n);
		if (f && f->start <= addr + done)
			part &= region_read(f->region, addr + done - f->start + f->off, n);
		val |= part << done * 8;
	}
	return val;
}

void space_write(struct space *s, uint64_t addr, uint64_t val, unsigned size)
{
	for (unsigned done = 0, n; done < size; done += n) {
		const struct flat *f = flat_from(s, addr + done);

		n = chunk(f, addr + done, size - done);
		if (f && f->start <= addr + done)
			region_write(f->region, addr + done - f->start + f->off,
				     val >> done * 8 & ones(n), n);
	}
}

/* The piece that takes all of an item at addr, if it is a device's. */
static const struct flat *string_piece(const struct space *s, uint64_t addr, unsigned size)
{
	const struct flat *f = space_find(s, addr);

	return f && f->region->kind == REGION_IO && f->end - addr >= size ? f : NULL;
}

void space_read_string(struct space *s, uint64_t addr, void *buf, unsigned size, unsigned count)
{
	uint8_t *p = buf;

	for (unsigned done = 0, n; done < count; done += n, p += n * size) {
		const struct flat *f = string_piece(s, addr, size);
		uint64_t val;

		n = 0;
		if (f && f->region->ops->read_string)
			n = f->region->ops->read_string(f->region->dev, addr - f->start + f->off,
							p, size, count - done);
		if (n)
			continue;
		val = space_read(s, addr, size);
		memcpy(p, &val, size);
		n = 1;
	}
}

void space_write_string(struct space *s, uint64_t addr, const void *buf, unsigned size,
			unsigned count)
{
	const uint8_t *p = buf;

	for (unsigned done = 0, n; done < count; done += n, p += n * size) {
		const struct flat *f = string_piece(s, addr, size);
		uint64_t val = 0;

		n = 0;
		if (f && f->region->ops->write_string)
			n = f->region->ops->write_string(f->region->dev, addr - f->start + f->off,
							 p, size, count - done);
		if (n)
			continue;
		memcpy(&val, p, size);
		space_write(s, addr, val, size);
		n = 1;
	}
}
