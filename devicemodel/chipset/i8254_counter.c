// SPDX-License-Identifier: GPL-2.0-only
/*
 * One counter of an 8254: six modes, both number systems, the byte sequences of reads and writes.
 *
 * Nothing counts: value and OUT follow from the tick at which the count was loaded.
 * Ignored: a count of 1 in modes 2 and 3, which the data sheet forbids, counts as 2.
 * Reference: Intel 82C54 data sheet, "Programming the 82C54", "Read Operations" and "Mode
 * Definitions".
 */
#include "i8254_counter.h"

#include <errno.h>

enum { /* control word, and low bits of the status byte */
	CONTROL_BCD = 0x01,
	CONTROL_MODE_SHIFT = 1,
	CONTROL_MODE = 0x07,
	CONTROL_RW_SHIFT = 4,
	CONTROL_RW = 0x03,
	CONTROL_KEPT = 0x3f,
};
enum { RW_LATCH, RW_LOW, RW_HIGH, RW_BOTH };
enum { STATUS_OUT = 0x80, STATUS_NULL = 0x40 };
enum { MODE_TERMINAL, MODE_ONE_SHOT, MODE_RATE, MODE_SQUARE, MODE_STROBE, MODE_HW_STROBE };

/* What a written count waits for: a trigger, or a tick at which OUT goes high or low. */
enum { WAIT_NONE, WAIT_TRIGGER, WAIT_HIGH, WAIT_LOW, WAITS };

#define SLACK (1u << 22) /* ticks that a saved counter may be ahead of the clock */

/* Modes 6 and 7 are 2 and 3. */
static unsigned mode(const struct counter *c)
{
	unsigned m = c->control >> CONTROL_MODE_SHIFT & CONTROL_MODE;

	return m > MODE_HW_STROBE ? m - 4 : m;
}

static unsigned rw(const struct counter *c)
{
	return c->control >> CONTROL_RW_SHIFT & CONTROL_RW;
}

static bool is_periodic(const struct counter *c)
{
	return mode(c) == MODE_RATE || mode(c) == MODE_SQUARE;
}

static bool is_triggered(const struct counter *c)
{
	return mode(c) == MODE_ONE_SHOT || mode(c) == MODE_HW_STROBE;
}

static uint32_t from_bcd(uint16_t v)
{
	return (v >> 12) * 1000 + (v >> 8 & 0xf) * 100 + (v >> 4 & 0xf) * 10 + (v & 0xf);
}

static uint16_t to_bcd(uint32_t v)
{
	return v / 1000 % 10 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10;
}

/* The number of ticks that the written count stands for. */
static uint32_t reload_count(const struct counter *c)
{
	bool bcd = c->control & CONTROL_BCD;
	uint32_t n = bcd ? from_bcd(c->reload) : c->reload;

	if (n == 0)
		return bcd ? 10000 : 0x10000;
	return n == 1 && is_periodic(c) ? 2 : n;
}

static bool is_stopped(const struct counter *c)
{
	return !c->gate && !is_triggered(c);
}

/* Ticks since the count was loaded; negative until it is. */
static int64_t elapsed(const struct counter *c, uint64_t now)
{
	return is_stopped(c) ? (int64_t)c->held : (int64_t)(now - c->start);
}

static uint32_t high_ticks(uint32_t count)
{
	return (count + 1) / 2;
}

bool counter_out(const struct counter *c, uint64_t now)
{
	int64_t e = elapsed(c, now);

	if (!c->started || e < 0)
		return c->before;
	switch (mode(c)) {
	case MODE_TERMINAL:
	case MODE_ONE_SHOT:
		return e >= c->count;
	case MODE_RATE:
		return !c->gate || e % c->count != c->count - 1;
	case MODE_SQUARE:
		return !c->gate || e % c->count < high_ticks(c->count);
	default:
		return e != c->count;
	}
}

/* The square wave's counter goes down by two, twice in a period, from an even number. */
static uint32_t square_value(uint32_t count, uint32_t pos)
{
	uint32_t high = high_ticks(count);

	return (count & ~1u) - 2 * (pos < high ? pos : pos - high);
}

static uint16_t present_count(const struct counter *c, uint64_t now)
{
	int64_t e = elapsed(c, now);
	uint32_t n;

	if (!c->started || e < 0)
		return c->reload;
	if (mode(c) == MODE_SQUARE)
		n = square_value(c->count, e % c->count);
	else if (mode(c) == MODE_RATE)
		n = c->count - e % c->count;
	else
		n = c->control & CONTROL_BCD ? c->count + 10000 - e % 10000 : c->count - e;
	return c->control & CONTROL_BCD ? to_bcd(n) : n;
}

/* "Null Count": the count that was written last is not in the counting element yet. */
static bool is_null(const struct counter *c, uint64_t now)
{
	return !c->written || !c->started || c->waiting || (int64_t)(now - c->start) < 0;
}

/* The written count is loaded with the next CLK pulse. */
static void begin(struct counter *c, uint64_t now)
{
	c->before = mode(c) == MODE_ONE_SHOT ? counter_out(c, now) : mode(c) != MODE_TERMINAL;
	c->count = reload_count(c);
	c->start = now + 1;
	c->held = 0;
	c->started = 1;
	c->waiting = WAIT_NONE;
}

/* A count written to a running mode 2 or 3 waits for the end of the period or half-period. */
static void wait_turn(struct counter *c, uint64_t now)
{
	uint64_t pos = (uint64_t)elapsed(c, now) % c->count;
	uint32_t high = high_ticks(c->count);

	if (mode(c) == MODE_SQUARE && pos < high) {
		c->switch_at = now - pos + high;
		c->waiting = WAIT_LOW;
	} else {
		c->switch_at = now - pos + c->count;
		c->waiting = WAIT_HIGH;
	}
}

static bool will_switch(const struct counter *c)
{
	return c->waiting == WAIT_HIGH || c->waiting == WAIT_LOW;
}

void counter_sync(struct counter *c, uint64_t now)
{
	if (!will_switch(c) || (int64_t)(now - c->switch_at) < 0)
		return;
	c->count = reload_count(c);
	c->start = c->switch_at - (c->waiting == WAIT_LOW ? high_ticks(c->count) : 0);
	c->waiting = WAIT_NONE;
}

uint64_t counter_next_rise(const struct counter *c, uint64_t now)
{
	int64_t e = elapsed(c, now), rise = c->count;

	if (!c->started || is_stopped(c))
		return COUNTER_NEVER;
	if (will_switch(c))
		return c->switch_at + (c->waiting == WAIT_LOW ? reload_count(c) / 2 : 0);
	if (mode(c) == MODE_STROBE || mode(c) == MODE_HW_STROBE)
		rise++;
	if (is_periodic(c) && e >= 0)
		rise += e - e % c->count;
	return e < rise ? c->start + rise : COUNTER_NEVER;
}

bool counter_is_running(const struct counter *c, uint64_t now)
{
	return c->started && elapsed(c, now) >= 0;
}

uint32_t counter_period(const struct counter *c)
{
	return is_periodic(c) ? c->count : 0;
}

/* --- gate, control word --- */

void counter_set_gate(struct counter *c, bool gate, uint64_t now)
{
	int64_t e;

	if (c->gate == gate)
		return;
	counter_sync(c, now);
	e = elapsed(c, now);
	c->gate = gate;
	if (!gate) {
		c->held = e < 0 ? 0 : e;
		if (will_switch(c))
			c->waiting = WAIT_TRIGGER;
	} else if (is_triggered(c) || is_periodic(c)) {
		if (c->written)
			begin(c, now);
	} else {
		c->start = now - c->held;
	}
}

void counter_control(struct counter *c, uint8_t val)
{
	c->control = val & CONTROL_KEPT;
	c->latched_bytes = c->status_latched = 0;
	c->read_high = c->write_high = 0;
	c->written = c->started = 0;
	c->waiting = WAIT_NONE;
	c->before = mode(c) != MODE_TERMINAL;
}

/* --- bytes --- */

void counter_latch_count(struct counter *c, uint64_t now)
{
	if (c->latched_bytes)
		return;
	counter_sync(c, now);
	c->latched = present_count(c, now);
	c->latched_bytes = rw(c) == RW_BOTH ? 2 : 1;
}

void counter_latch_status(struct counter *c, uint64_t now)
{
	if (c->status_latched)
		return;
	counter_sync(c, now);
	c->status = c->control | (counter_out(c, now) ? STATUS_OUT : 0) |
		     (is_null(c, now) ? STATUS_NULL : 0);
	c->status_latched = 1;
}

/* False: more bytes are to come. The first of two stops mode 0 at once, with OUT low. */
static bool take_byte(struct counter *c, uint8_t val)
{
	if (rw(c) == RW_BOTH && !c->write_high) {
		c->write_low_byte = val;
		c->write_high = 1;
		if (mode(c) == MODE_TERMINAL)
			c->started = 0;
		return false;
	}
	if (rw(c) == RW_BOTH)
		c->reload = val << 8 | c->write_low_byte;
	else
		c->reload = rw(c) == RW_HIGH ? val << 8 : val;
	c->write_high = 0;
	c->written = 1;
	return true;
}

/* The count is complete: it is loaded at once, at the end of the period, or by a trigger. */
static void load(struct counter *c, uint64_t now)
{
	bool running = counter_is_running(c, now);

	if (is_triggered(c) || (is_periodic(c) && running && is_stopped(c)))
		c->waiting = WAIT_TRIGGER;
	else if (!is_periodic(c) || !running)
		begin(c, now);
	else if (!c->waiting)
		wait_turn(c, now);
}

void counter_write(struct counter *c, uint8_t val, uint64_t now)
{
	counter_sync(c, now);
	if (take_byte(c, val))
		load(c, now);
}

static uint8_t take_latched(struct counter *c)
{
	bool high = rw(c) == RW_HIGH || (rw(c) == RW_BOTH && c->latched_bytes == 1);

	c->latched_bytes--;
	return high ? c->latched >> 8 : c->latched;
}

uint8_t counter_read(struct counter *c, uint64_t now)
{
	uint16_t value;
	bool high = rw(c) == RW_HIGH;

	if (c->status_latched) {
		c->status_latched = 0;
		return c->status;
	}
	if (c->latched_bytes)
		return take_latched(c);
	counter_sync(c, now);
	value = present_count(c, now);
	if (rw(c) == RW_BOTH) {
		high = c->read_high;
		c->read_high = !high;
	}
	return high ? value >> 8 : value;
}

/* --- reset, saved state --- */

void counter_reset(struct counter *c, bool gate)
{
	*c = (struct counter){
		.control = RW_BOTH << CONTROL_RW_SHIFT,
		.count = 0x10000,
		.gate = gate,
	};
}

/* Far enough from the ends of the range that nothing overflows. */
static bool is_sane(uint64_t tick, uint64_t now)
{
	return now + SLACK - tick < COUNTER_NEVER / 4;
}

int counter_loaded(const struct counter *c, uint64_t now)
{
	bool ok = c->count >= (is_periodic(c) && c->started ? 2 : 1) && c->count <= 0x10000 &&
		  c->control <= CONTROL_KEPT && c->latched_bytes <= 2 && c->waiting < WAITS &&
		  c->held < COUNTER_NEVER / 4 && is_sane(c->start, now) &&
		  is_sane(c->switch_at, now);

	return ok ? 0 : -EINVAL;
}
