// SPDX-License-Identifier: GPL-2.0-only
/*
 * hpet: a high precision event timer of 100 MHz with three comparators, all periodic and 64 bits
 * wide, which can take over the interrupts of 8254 and MC146818.
 *
 * The counter is computed when read; a comparator has a timer only while its next match would
 * change an interrupt that somebody listens to, and is brought up to date when looked at.
 *
 * State: the registers; for each comparator the count up to which its matches are dealt with.
 * Missing: FSB (message) delivery, and its capability bit.
 * Ignored: accesses of one or two bytes, which the specification does not allow, when writing.
 * Reference: IA-PC HPET Specification 1.0a, "Register Overview" and "Theory of Operation".
 */
#include <errno.h>

#include "dm/device.h"
#include "dm/isa.h"
#include "dm/parts.h"

#define HPET_BASE 0xfed00000ull
enum { HPET_LEN = 0x400, TIMERS = 3, TICK_NS = 10, NO_GSI = -1, ROUTE_LEGACY_PIT = 2 };
#define FS_PER_NS 1000000ull
#define MIN_GAP	  (20 * NS_PER_US)	   /* between two edges, however short the period */
#define LATE_MAX  (NS_PER_SEC / TICK_NS)   /* matches later than this are lost */
#define FAR_AWAY  (UINT64_MAX / 4 / TICK_NS) /* beyond what a timer can wait for */

enum {
	REG_CAPABILITIES = 0x00,
	REG_CONFIG = 0x10,
	REG_STATUS = 0x20,
	REG_COUNTER = 0xf0,
	REG_TIMERS = 0x100,
	TIMER_SPAN = 0x20,
	TIMER_CONFIG = 0x00, /* within a timer's registers */
	TIMER_COMPARATOR = 0x08,
};

enum { CAP_REVISION = 0x01, CAP_TIMERS_SHIFT = 8, CAP_64BIT = 0x2000, CAP_LEGACY = 0x8000 };
#define CAP_VENDOR   (0x8086ull << 16)
#define CAPABILITIES (CAP_REVISION | (TIMERS - 1) << CAP_TIMERS_SHIFT | CAP_64BIT | CAP_LEGACY | \
		      CAP_VENDOR | TICK_NS * FS_PER_NS << 32)

enum { CONFIG_ENABLE = 0x1, CONFIG_LEGACY = 0x2, CONFIG_WRITABLE = 0x3 };
enum {
	T_LEVEL = 0x02,
	T_INT = 0x04,
	T_PERIODIC = 0x08,
	T_PERIODIC_CAP = 0x10,
	T_64BIT_CAP = 0x20,
	T_SET_VALUE = 0x40,
	T_32BIT = 0x100,
	T_ROUTE_SHIFT = 9,
	T_ROUTE = 0x1f << T_ROUTE_SHIFT,
	T_WRITABLE = T_LEVEL | T_INT | T_PERIODIC | T_SET_VALUE | T_32BIT | T_ROUTE,
};
/* I/O APIC pins that a comparator may use: 2 and 8, where PIT and RTC arrive, and 16 to 23. */
#define ROUTES		0x00ff0104ull
#define T_CAPABILITIES	(T_PERIODIC_CAP | T_64BIT_CAP | ROUTES << 32)

struct hpet;

struct comparator {
	struct hpet *hpet;
	struct timer timer;
	unsigned n;

	uint64_t config;
	uint64_t match;	 /* count of the next match */
	uint64_t period; /* in periodic mode: what each match adds */
	uint64_t seen;	 /* count up to which matches are dealt with */
	uint8_t high;	 /* edge-triggered: fired since it was set up */
};

struct hpet {
	struct device dev;
	struct region mmio;
	struct irq_line irq[MACHINE_GSIS];
	struct irq_watch watch[MACHINE_GSIS];
	struct i8254 *pit;
	struct mc146818 *rtc;

	struct comparator cmp[TIMERS];
	uint64_t config, status;
	uint64_t count; /* at tick since; the counter stands while not enabled */
	uint64_t since;
};

/* --- counting --- */

static uint64_t tick_now(const struct hpet *h)
{
	return machine_now(h->dev.machine) / TICK_NS;
}

static uint64_t counter(const struct hpet *h)
{
	return h->config & CONFIG_ENABLE ? h->count + (tick_now(h) - h->since) : h->count;
}

static uint64_t width_mask(const struct comparator *c)
{
	return c->config & T_32BIT ? UINT32_MAX : UINT64_MAX;
}

static bool is_periodic(const struct comparator *c)
{
	return c->config & T_PERIODIC && c->period;
}

static bool is_level(const struct comparator *c)
{
	return c->config & T_LEVEL;
}

/* Ticks from seen to the next match: a full turn when they are equal. */
static uint64_t distance(const struct comparator *c)
{
	uint64_t d = (c->match - c->seen) & width_mask(c);

	if (d)
		return d;
	return c->config & T_32BIT ? 1ull << 32 : UINT64_MAX;
}

/* Ticks from one match to the next one after it. */
static uint64_t step(const struct comparator *c)
{
	if (is_periodic(c))
		return c->period;
	return c->config & T_32BIT ? 1ull << 32 : UINT64_MAX;
}

static uint64_t matches_until(const struct comparator *c, uint64_t count)
{
	uint64_t passed = count - c->seen, d = distance(c);

	return passed < d ? 0 : 1 + (passed - d) / step(c);
}

/* --- interrupts --- */

static uint64_t status_bit(const struct comparator *c)
{
	return 1ull << c->n;
}

static int gsi_of(const struct comparator *c)
{
	unsigned pin = (c->config & T_ROUTE) >> T_ROUTE_SHIFT;

	if (c->hpet->config & CONFIG_LEGACY && c->n < 2)
		return c->n ? IRQ_RTC : IRQ_PIT;
	if (!(ROUTES >> pin & 1))
		return NO_GSI;
	return pin == ROUTE_LEGACY_PIT ? IRQ_PIT : (int)pin;
}

static bool is_enabled(const struct comparator *c)
{
	return c->hpet->config & CONFIG_ENABLE && c->config & T_INT && gsi_of(c) != NO_GSI;
}

static void hpet_update_irq(struct hpet *h)
{
	uint32_t high = 0;

	for (unsigned i = 0; i < TIMERS; i++) {
		const struct comparator *c = &h->cmp[i];

		if (is_enabled(c) && (is_level(c) ? h->status & status_bit(c) : c->high))
			high |= 1u << gsi_of(c);
	}
	for (unsigned gsi = 0; gsi < MACHINE_GSIS; gsi++)
		irq_set(&h->irq[gsi], high >> gsi & 1);
}

/* n matches, of which a level-triggered comparator notes that there were any. */
static void pass(struct comparator *c, uint64_t n)
{
	c->seen += distance(c) + (n - 1) * step(c);
	if (is_periodic(c))
		c->match = (c->match + n * c->period) & width_mask(c);
	if (is_level(c))
		c->hpet->status |= status_bit(c);
}

/* The next match would be noticed: a level that is high already has nothing to add. */
static bool needs_timer(const struct comparator *c)
{
	return is_enabled(c) && !irq_ignored(&c->hpet->irq[gsi_of(c)]) &&
	       !(is_level(c) && c->hpet->status & status_bit(c));
}

static void arm(struct comparator *c, uint64_t not_before)
{
	uint64_t passed = counter(c->hpet) - c->seen, d = distance(c), when;
	uint64_t wait = passed < d ? d - passed : 0;

	if (!needs_timer(c) || wait > FAR_AWAY) {
		timer_cancel(&c->timer);
		return;
	}
	when = (tick_now(c->hpet) + wait) * TICK_NS;
	timer_arm_at(&c->timer, when > not_before ? when : not_before);
}

/* An edge. The line stays high until the next one. */
static void deliver(struct comparator *c)
{
	c->high = 0;
	hpet_update_irq(c->hpet);
	c->high = !is_level(c);
	hpet_update_irq(c->hpet);
}

/* Matches that are late are made up one by one, at up to four times the rate. */
static void comparator_fire(void *dev)
{
	struct comparator *c = dev;
	uint64_t now = machine_now(c->hpet->dev.machine), count = counter(c->hpet);
	uint64_t gap = is_periodic(c) && c->period < FAR_AWAY ? c->period * TICK_NS / 4 : 0;

	if (matches_until(c, count)) {
		pass(c, 1);
		if (count - c->seen > LATE_MAX && matches_until(c, count - LATE_MAX))
			pass(c, matches_until(c, count - LATE_MAX));
		deliver(c);
	}
	arm(c, now + (gap > MIN_GAP ? gap : MIN_GAP));
}

/* Brings a comparator up to date; a timer that is due, but has not run yet, goes first. */
static void sync_all(struct hpet *h)
{
	for (unsigned i = 0; i < TIMERS; i++) {
		struct comparator *c = &h->cmp[i];
		uint64_t n = matches_until(c, counter(h));

		if (n && !c->timer.armed) {
			pass(c, n);
		} else if (n && c->timer.when <= machine_now(h->dev.machine)) {
			timer_cancel(&c->timer);
			comparator_fire(c);
		}
	}
}

/* Nobody looked for a while: one edge is what an 8259A would have held. */
static void hpet_watch_changed(void *dev)
{
	struct hpet *h = dev;

	for (unsigned i = 0; i < TIMERS; i++) {
		struct comparator *c = &h->cmp[i];
		uint64_t n = matches_until(c, counter(h));

		if (n && needs_timer(c) && !c->timer.armed) {
			pass(c, n);
			deliver(c);
		}
		arm(c, 0);
	}
}

static void rearm_all(struct hpet *h)
{
	hpet_update_irq(h);
	for (unsigned i = 0; i < TIMERS; i++)
		arm(&h->cmp[i], 0);
}

/* --- registers --- */

static uint64_t timer_read(const struct comparator *c, unsigned reg)
{
	switch (reg) {
	case TIMER_CONFIG:
		return c->config | T_CAPABILITIES;
	case TIMER_COMPARATOR:
		return c->match;
	default:
		return 0;
	}
}

static uint64_t register_read(struct hpet *h, unsigned reg)
{
	switch (reg) {
	case REG_CAPABILITIES:
		return CAPABILITIES;
	case REG_CONFIG:
		return h->config;
	case REG_COUNTER:
		return counter(h);
	}
	sync_all(h);
	if (reg == REG_STATUS)
		return h->status;
	if (reg < REG_TIMERS || reg >= REG_TIMERS + TIMERS * TIMER_SPAN)
		return 0;
	return timer_read(&h->cmp[(reg - REG_TIMERS) / TIMER_SPAN], reg % TIMER_SPAN);
}

/* The outputs are handed over so that neither side sees the other's line as an edge. */
static void set_legacy(struct hpet *h, bool on)
{
	if (!on)
		hpet_update_irq(h);
	i8254_set_replaced(h->pit, on);
	mc146818_set_replaced(h->rtc, on);
}

static void write_config(struct hpet *h, uint64_t val)
{
	uint64_t changed = (val ^ h->config) & CONFIG_WRITABLE;

	h->count = counter(h);
	h->since = tick_now(h);
	h->config ^= changed;
	for (unsigned i = 0; i < TIMERS && changed; i++)
		h->cmp[i].high = 0;
	if (changed & CONFIG_LEGACY)
		set_legacy(h, h->config & CONFIG_LEGACY);
}

static void write_counter(struct hpet *h, uint64_t val)
{
	h->count = val;
	h->since = tick_now(h);
	for (unsigned i = 0; i < TIMERS; i++)
		h->cmp[i].seen = val;
}

/* A route that the comparator does not have is not taken over. */
static void write_timer_config(struct comparator *c, uint64_t val)
{
	unsigned pin = (val & T_ROUTE) >> T_ROUTE_SHIFT;
	uint64_t old = c->config;

	if (!(ROUTES >> pin & 1))
		val = (val & ~(uint64_t)T_ROUTE) | (old & T_ROUTE);
	c->config = val & T_WRITABLE;
	c->match &= width_mask(c);
	c->period &= width_mask(c);
	if ((old ^ c->config) & (T_INT | T_LEVEL | T_ROUTE))
		c->high = 0;
	if ((old ^ c->config) & (T_PERIODIC | T_32BIT))
		c->seen = counter(c->hpet);
}

/* bits is val's part of the register that the access covers. */
static uint64_t merge(uint64_t old, uint64_t val, uint64_t bits)
{
	return (old & ~bits) | (val & bits);
}

/* "Timer N Comparator Value": in periodic mode this is the period, and after VAL_SET both. */
static void write_comparator(struct comparator *c, uint64_t val, uint64_t bits)
{
	bool periodic = c->config & T_PERIODIC;

	if (periodic)
		c->period = merge(c->period, val, bits) & width_mask(c);
	if (periodic && !(c->config & T_SET_VALUE))
		return;
	c->match = merge(c->match, val, bits) & width_mask(c);
	c->seen = counter(c->hpet);
	c->config &= ~(uint64_t)T_SET_VALUE;
}

static void register_write(struct hpet *h, unsigned reg, uint64_t val, uint64_t bits)
{
	struct comparator *c;

	switch (reg) {
	case REG_CONFIG:
		write_config(h, merge(h->config, val, bits));
		return;
	case REG_STATUS:
		h->status &= ~(val & bits);
		return;
	case REG_COUNTER:
		write_counter(h, merge(counter(h), val, bits));
		return;
	}
	if (reg < REG_TIMERS || reg >= REG_TIMERS + TIMERS * TIMER_SPAN)
		return;
	c = &h->cmp[(reg - REG_TIMERS) / TIMER_SPAN];
	if (reg % TIMER_SPAN == TIMER_CONFIG)
		write_timer_config(c, merge(c->config, val, bits));
	else if (reg % TIMER_SPAN == TIMER_COMPARATOR)
		write_comparator(c, val, bits);
}

static uint64_t hpet_read(void *dev, uint64_t off, unsigned size)
{
	return register_read(dev, off & ~7ull) >> (off & 7) * 8;
}

static void hpet_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct hpet *h = dev;
	unsigned shift = (off & 7) * 8;

	if (size < 4)
		return;
	sync_all(h);
	register_write(h, off & ~7ull, val << shift,
		       size == 8 ? UINT64_MAX : (uint64_t)UINT32_MAX << shift);
	rearm_all(h);
}

static void hpet_reset(void *dev)
{
	struct hpet *h = dev;

	h->config = h->status = h->count = 0;
	h->since = tick_now(h);
	for (unsigned i = 0; i < TIMERS; i++) {
		struct comparator *c = &h->cmp[i];

		c->config = c->period = c->seen = 0;
		c->match = UINT64_MAX;
		c->high = 0;
	}
	rearm_all(h);
	set_legacy(h, false);
}

static int hpet_loaded(void *dev)
{
	struct hpet *h = dev;

	if (h->since > tick_now(h))
		return -EINVAL;
	h->config &= CONFIG_WRITABLE;
	for (unsigned i = 0; i < TIMERS; i++) {
		struct comparator *c = &h->cmp[i];

		c->config &= T_WRITABLE;
		c->match &= width_mask(c);
		c->period &= width_mask(c);
	}
	set_legacy(h, h->config & CONFIG_LEGACY);
	rearm_all(h);
	return 0;
}

static const struct region_ops hpet_io = { hpet_read, hpet_write, .min = 1, .max = 8 };

#define COMPARATOR_FIELDS(n)                                                                       \
	FIELD(struct hpet, cmp[n].config, 1), FIELD(struct hpet, cmp[n].match, 1),                 \
		FIELD(struct hpet, cmp[n].period, 1), FIELD(struct hpet, cmp[n].seen, 1),          \
		FIELD(struct hpet, cmp[n].high, 1)

static const struct field hpet_fields[] = {
	COMPARATOR_FIELDS(0),
	COMPARATOR_FIELDS(1),
	COMPARATOR_FIELDS(2),
	FIELD(struct hpet, config, 1),
	FIELD(struct hpet, status, 1),
	FIELD(struct hpet, count, 1),
	FIELD(struct hpet, since, 1),
	FIELD_END,
};

static const struct device_class hpet_class = {
	.name = "hpet",
	.size = sizeof(struct hpet),
	.reset = hpet_reset,
	.fields = hpet_fields,
	.loaded = hpet_loaded,
};

static void connect_lines(struct hpet *h)
{
	for (unsigned gsi = 0; gsi < MACHINE_GSIS; gsi++) {
		if (gsi != IRQ_PIT && (gsi == ROUTE_LEGACY_PIT || !(ROUTES >> gsi & 1)))
			continue;
		machine_irq_connect(h->dev.machine, &h->irq[gsi], gsi);
		irq_watch(&h->irq[gsi], &h->watch[gsi], hpet_watch_changed, h);
	}
}

struct hpet *hpet_create(struct machine *m, struct i8254 *pit, struct mc146818 *rtc)
{
	struct hpet *h = device_new(m, &hpet_class);

	if (!h)
		return NULL;
	h->pit = pit;
	h->rtc = rtc;
	connect_lines(h);
	for (unsigned i = 0; i < TIMERS; i++) {
		h->cmp[i].hpet = h;
		h->cmp[i].n = i;
		timer_init(&h->cmp[i].timer, m, comparator_fire, &h->cmp[i]);
		timer_name(&h->cmp[i].timer, "HPET");
	}
	if (region_add(machine_mem(m), &h->mmio, &hpet_io, h, HPET_BASE, HPET_LEN))
		return NULL;
	hpet_reset(h);
	return h;
}
