// SPDX-License-Identifier: GPL-2.0-only
/*
 * i8254: the programmable interval timer, and port 0x61 with the speaker's gate.
 *
 * Counts are computed when read, from the CLK tick at which the count was loaded. Only channel 0
 * has a timer: it is armed for the next rising edge of OUT, while someone listens to the input.
 *
 * State: three channels, port 0x61's low bits, the edge that channel 0 owes the controllers.
 * Missing: sound; the refresh that channel 1 would drive. In modes 2 and 3 the controllers see
 * channel 0 fall just before it rises, not when OUT does, which halves the wakeups.
 * Reference: Intel 82C54 data sheet, "Programming the 82C54"; Intel 82371SB (PIIX3) data sheet,
 * "NMISC - NMI Status and Control Register".
 */
#include <errno.h>

#include "dm/device.h"
#include "dm/isa.h"
#include "dm/parts.h"
#include "i8254_counter.h"

enum { PIT_HZ = 1193182, REFRESH_TICKS = 18 };
enum { CHANNELS = 3, REG_CONTROL = 3, REG_SPAN = 4, SPEAKER_CHANNEL = 2 };
enum { CONTROL_CHANNEL_SHIFT = 6, CONTROL_READ_BACK = 3, CONTROL_RW = 0x30 };

enum { READ_BACK_NO_COUNT = 0x20, READ_BACK_NO_STATUS = 0x10, READ_BACK_CHANNEL0 = 0x02 };

enum { /* port 0x61 */
	SPEAKER_GATE = 0x01,
	SPEAKER_WRITABLE = 0x0f,
	SPEAKER_REFRESH = 0x10,
	SPEAKER_OUT = 0x20,
};

#define MIN_GAP	 (20 * NS_PER_US) /* between two edges of channel 0, however short its period */
#define LATE_MAX PIT_HZ		  /* edges later than this many ticks are lost */

struct i8254 {
	struct device dev;
	struct region io, speaker_io;
	struct timer timer;
	struct irq_line irq;
	struct irq_watch watch;

	struct counter ch[CHANNELS];
	uint64_t due;	  /* tick of the next rising edge of channel 0 that is to be delivered */
	uint8_t line;	  /* channel 0's OUT as the controllers were shown it */
	uint8_t replaced; /* the HPET drives the input instead */
	uint8_t speaker;
};

static uint64_t tick_now(const struct i8254 *pit)
{
	return muldiv64(machine_now(pit->dev.machine), PIT_HZ, NS_PER_SEC);
}

/* The first nanosecond of a tick. */
static uint64_t tick_ns(uint64_t tick)
{
	uint64_t ns = muldiv64(tick, NS_PER_SEC, PIT_HZ);

	return muldiv64(ns, PIT_HZ, NS_PER_SEC) < tick ? ns + 1 : ns;
}

/* --- channel 0's interrupt --- */

static void i8254_update_irq(struct i8254 *pit)
{
	irq_set(&pit->irq, pit->line && !pit->replaced);
}

/* No sooner than not_before: after an edge that came late, the guest needs time to take it. */
static void arm(struct i8254 *pit, uint64_t not_before)
{
	uint64_t when;

	if (pit->due == COUNTER_NEVER || pit->replaced || irq_ignored(&pit->irq)) {
		timer_cancel(&pit->timer);
		return;
	}
	when = tick_ns(pit->due);
	timer_arm_at(&pit->timer, when > not_before ? when : not_before);
}

/* One rising edge. */
static void deliver(struct i8254 *pit)
{
	pit->line = 0;
	i8254_update_irq(pit);
	pit->line = 1;
	i8254_update_irq(pit);
}

/* Edges that are late are made up one by one, at up to four times the rate. */
static void i8254_fire(void *dev)
{
	struct i8254 *pit = dev;
	struct counter *ch = &pit->ch[0];
	uint64_t now = tick_now(pit), gap, prev = pit->due;

	deliver(pit);
	counter_sync(ch, prev);
	pit->due = counter_next_rise(ch, prev);
	gap = tick_ns(counter_period(ch)) / 4;
	if (now > LATE_MAX && pit->due < now - LATE_MAX) {
		counter_sync(ch, now - LATE_MAX);
		pit->due = counter_next_rise(ch, now - LATE_MAX);
	}
	arm(pit, machine_now(pit->dev.machine) + (gap > MIN_GAP ? gap : MIN_GAP));
}

/*
 * Nobody looked for a while. An 8259A would have held the first edge that came meanwhile, so one
 * is delivered now.
 */
static void i8254_watch_changed(void *dev)
{
	struct i8254 *pit = dev;
	struct counter *ch = &pit->ch[0];
	uint64_t now = tick_now(pit);

	if (!irq_ignored(&pit->irq) && !pit->replaced && pit->due <= now) {
		deliver(pit);
		counter_sync(ch, now);
		pit->due = counter_next_rise(ch, now);
	}
	arm(pit, 0);
}

/* After channel 0 was programmed. */
static void restart(struct i8254 *pit, uint64_t now)
{
	pit->line = counter_out(&pit->ch[0], now);
	pit->due = counter_next_rise(&pit->ch[0], now);
	i8254_update_irq(pit);
	arm(pit, 0);
}

/* Channel 0 goes on, but its next edge has moved. One that is late already still comes. */
static void reschedule(struct i8254 *pit, uint64_t now)
{
	if (pit->due <= now)
		return;
	pit->due = counter_next_rise(&pit->ch[0], now);
	arm(pit, 0);
}

void i8254_set_replaced(struct i8254 *pit, bool replaced)
{
	uint64_t now = tick_now(pit);

	if (pit->replaced == replaced)
		return;
	pit->replaced = replaced;
	if (!replaced && pit->due <= now) {
		counter_sync(&pit->ch[0], now);
		restart(pit, now);
		return;
	}
	i8254_update_irq(pit);
	arm(pit, 0);
}

/* --- gates and writes --- */

static void read_back(struct i8254 *pit, uint8_t val, uint64_t now)
{
	for (unsigned n = 0; n < CHANNELS; n++) {
		if (!(val & READ_BACK_CHANNEL0 << n))
			continue;
		if (!(val & READ_BACK_NO_COUNT))
			counter_latch_count(&pit->ch[n], now);
		if (!(val & READ_BACK_NO_STATUS))
			counter_latch_status(&pit->ch[n], now);
	}
}

static void control_write(struct i8254 *pit, uint8_t val)
{
	unsigned n = val >> CONTROL_CHANNEL_SHIFT;
	uint64_t now = tick_now(pit);

	if (n == CONTROL_READ_BACK) {
		read_back(pit, val, now);
	} else if (!(val & CONTROL_RW)) {
		counter_latch_count(&pit->ch[n], now);
	} else {
		counter_control(&pit->ch[n], val);
		if (n == 0)
			restart(pit, now);
	}
}

static void count_write(struct i8254 *pit, unsigned n, uint8_t val)
{
	uint64_t now = tick_now(pit);

	counter_write(&pit->ch[n], val, now);
	if (n > 0)
		return;
	if (counter_is_running(&pit->ch[0], now))
		reschedule(pit, now);
	else
		restart(pit, now);
}

/* --- register access --- */

static uint64_t i8254_read(void *dev, uint64_t off, unsigned size)
{
	struct i8254 *pit = dev;

	return off >= CHANNELS ? 0xff : counter_read(&pit->ch[off], tick_now(pit));
}

static void i8254_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct i8254 *pit = dev;

	if (off >= CHANNELS)
		control_write(pit, val);
	else
		count_write(pit, off, val);
}

/* The refresh bit toggles with each memory refresh, every 15 us: software times loops by it. */
static uint64_t speaker_read(void *dev, uint64_t off, unsigned size)
{
	struct i8254 *pit = dev;
	struct counter *ch = &pit->ch[SPEAKER_CHANNEL];
	uint64_t now = tick_now(pit);

	counter_sync(ch, now);
	return pit->speaker | (now / REFRESH_TICKS % 2 ? SPEAKER_REFRESH : 0) |
	       (counter_out(ch, now) ? SPEAKER_OUT : 0);
}

static void speaker_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct i8254 *pit = dev;

	pit->speaker = val & SPEAKER_WRITABLE;
	counter_set_gate(&pit->ch[SPEAKER_CHANNEL], val & SPEAKER_GATE, tick_now(pit));
}

/* The data sheet leaves the chip undefined at power-on: here it stands still, with OUT low. */
static void i8254_reset(void *dev)
{
	struct i8254 *pit = dev;

	for (unsigned n = 0; n < CHANNELS; n++)
		counter_reset(&pit->ch[n], n != SPEAKER_CHANNEL);
	pit->speaker = 0;
	restart(pit, tick_now(pit));
}

static int i8254_loaded(void *dev)
{
	struct i8254 *pit = dev;
	uint64_t now = tick_now(pit);

	for (unsigned n = 0; n < CHANNELS; n++) {
		if (counter_loaded(&pit->ch[n], now))
			return -EINVAL;
		pit->ch[n].gate = n != SPEAKER_CHANNEL || pit->speaker & SPEAKER_GATE;
	}
	pit->speaker &= SPEAKER_WRITABLE;
	i8254_update_irq(pit);
	arm(pit, 0);
	return 0;
}

static const struct region_ops i8254_io = { i8254_read, i8254_write, .min = 1, .max = 1 };
static const struct region_ops speaker_io = { speaker_read, speaker_write, .min = 1, .max = 1 };

static const struct field i8254_fields[] = {
	COUNTER_FIELDS(struct i8254, ch[0], 1),
	COUNTER_FIELDS(struct i8254, ch[1], 1),
	COUNTER_FIELDS(struct i8254, ch[2], 1),
	FIELD(struct i8254, due, 1),
	FIELD(struct i8254, line, 1),
	FIELD(struct i8254, replaced, 1),
	FIELD(struct i8254, speaker, 1),
	FIELD_END,
};

static const struct device_class i8254_class = {
	.name = "i8254",
	.size = sizeof(struct i8254),
	.reset = i8254_reset,
	.fields = i8254_fields,
	.loaded = i8254_loaded,
};

struct i8254 *i8254_create(struct machine *m)
{
	struct i8254 *pit = device_new(m, &i8254_class);

	if (!pit)
		return NULL;
	timer_init(&pit->timer, m, i8254_fire, pit);
	timer_name(&pit->timer, "PIT");
	machine_irq_connect(m, &pit->irq, IRQ_PIT);
	irq_watch(&pit->irq, &pit->watch, i8254_watch_changed, pit);
	if (region_add(machine_pio(m), &pit->io, &i8254_io, pit, PORT_PIT, REG_SPAN) ||
	    region_add(machine_pio(m), &pit->speaker_io, &speaker_io, pit, PORT_SPEAKER, 1))
		return NULL;
	i8254_reset(pit);
	return pit;
}
