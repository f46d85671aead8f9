/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One counter of an 8254, which knows no time but the number of CLK ticks it is handed. Callers
 * pass the present tick, and see to it that ticks never go back.
 */
#ifndef I8254_COUNTER_H
#define I8254_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

#define COUNTER_NEVER UINT64_MAX

struct counter {
	uint64_t start;	    /* tick at which count was loaded */
	uint64_t switch_at; /* tick at which a waiting count takes over */
	uint64_t held;	    /* ticks counted when the gate stopped counting */
	uint32_t count;	    /* 2 to 65536 in modes 2 and 3, 1 to 65536 in others */
	uint16_t reload;    /* as written */
	uint16_t latched;
	uint8_t control;    /* as written, without the channel */
	uint8_t status;	    /* latched */
	uint8_t latched_bytes, status_latched;
	uint8_t read_high, write_high, write_low_byte;
	uint8_t written;    /* a count came since the control word */
	uint8_t started;    /* ... and was loaded, or will be at start */
	uint8_t waiting;
	uint8_t before;	    /* OUT until the count is loaded */
	uint8_t gate;
};

/* Rows for the saved state of the counter called member. */
#define COUNTER_FIELDS(type, member, ver)                                                          \
	FIELD(type, member.start, ver), FIELD(type, member.switch_at, ver),                        \
		FIELD(type, member.held, ver), FIELD(type, member.count, ver),                     \
		FIELD(type, member.reload, ver), FIELD(type, member.latched, ver),                 \
		FIELD(type, member.control, ver), FIELD(type, member.status, ver),                 \
		FIELD(type, member.latched_bytes, ver), FIELD(type, member.status_latched, ver),   \
		FIELD(type, member.read_high, ver), FIELD(type, member.write_high, ver),           \
		FIELD(type, member.write_low_byte, ver), FIELD(type, member.written, ver),         \
		FIELD(type, member.started, ver), FIELD(type, member.waiting, ver),                \
		FIELD(type, member.before, ver), FIELD(type, member.gate, ver)

void counter_reset(struct counter *c, bool gate); /* mode 0 without a count, OUT low */
int counter_loaded(const struct counter *c, uint64_t now); /* -EINVAL: no counter has that state */

void counter_control(struct counter *c, uint8_t control); /* a control word: all but bits 7 and 6 */
void counter_write(struct counter *c, uint8_t val, uint64_t now);
uint8_t counter_read(struct counter *c, uint64_t now);
void counter_latch_count(struct counter *c, uint64_t now);
void counter_latch_status(struct counter *c, uint64_t now);
void counter_set_gate(struct counter *c, bool gate, uint64_t now);

/* Brings a count that waited into effect, once its time has come. */
void counter_sync(struct counter *c, uint64_t now);

/* After counter_sync(): */
bool counter_out(const struct counter *c, uint64_t now);
bool counter_is_running(const struct counter *c, uint64_t now); /* its count is loaded */
uint32_t counter_period(const struct counter *c);		  /* in ticks; 0: not periodic */
uint64_t counter_next_rise(const struct counter *c, uint64_t now); /* of OUT, or COUNTER_NEVER */

#endif
