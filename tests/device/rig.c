// SPDX-License-Identifier: GPL-2.0-only
/* The rig: a bare machine without a CPU, for device tests. */
#include "rig.h"

#include <unistd.h>

#include "dm/clock.h"
#include "dm/pci.h"
#include "machine/machine_priv.h"

enum { STATE_MAX = 64 << 10, WAIT_STEPS = 20000, WAIT_STEP_US = 500 };

struct rig_inside {
	struct rig rig;
	struct machine machine;
	struct region ram_region;
};

static uint64_t rig_source(void *arg)
{
	return ((struct rig *)arg)->host_ns;
}

static void rig_gsi(void *arg, unsigned n, bool level)
{
	struct rig *r = arg;

	r->gsi[n] = level;
	r->rises[n] += level;
}

static const struct machine_ops rig_ops = { .gsi = rig_gsi };

struct rig *rig_new(void)
{
	struct rig_inside *in = calloc(1, sizeof(*in));
	struct rig *r;

	assert_non_null(in);
	r = &in->rig;
	r->m = &in->machine;
	r->host_ns = 12345;
	assert_int_equal(machine_init(r->m, rig_source, NULL, r), 0);
	machine_set_ops(r->m, &rig_ops, r);
	r->ram = calloc(1, RIG_RAM_LEN);
	assert_non_null(r->ram);
	assert_int_equal(region_add_ram(machine_mem(r->m), &in->ram_region, 0, RIG_RAM_LEN, r->ram,
					REGION_DMA), 0);
	clock_start(&r->m->clock);
	machine_lock(r->m);
	return r;
}

void rig_free(struct rig *r)
{
	uint8_t *ram = r->ram;

	machine_unlock(r->m);
	machine_fini(r->m);
	free(ram);
	free(r);
}

/* What devices asked of the machine, moved to where tests look. */
static void collect(struct rig *r)
{
	r->resets += r->m->reset_wanted;
	r->m->reset_wanted = false;
	if (r->m->stop_wanted)
		r->stop = r->m->stop_wanted;
	r->m->stop_wanted = STOP_NONE;
}

void rig_reset(struct rig *r)
{
	machine_reset_devices(r->m);
	collect(r);
}

void rig_advance(struct rig *r, uint64_t ns)
{
	struct clock *c = &r->m->clock;
	uint64_t end = clock_now(c) + ns;

	while (c->timers && c->timers->when <= end) {
		if (c->timers->when > clock_now(c))
			r->host_ns += c->timers->when - clock_now(c);
		clock_run(c);
	}
	r->host_ns += end - clock_now(c);
	collect(r);
}

bool rig_timer_armed(const struct rig *r)
{
	return r->m->clock.timers;
}

uint64_t rig_now(const struct rig *r)
{
	return machine_now(r->m);
}

static void out(struct rig *r, uint16_t port, uint32_t v, unsigned size)
{
	space_write(machine_pio(r->m), port, v, size);
	collect(r);
}

void rig_out8(struct rig *r, uint16_t port, uint8_t v)
{
	out(r, port, v, 1);
}

void rig_out16(struct rig *r, uint16_t port, uint16_t v)
{
	out(r, port, v, 2);
}

void rig_out32(struct rig *r, uint16_t port, uint32_t v)
{
	out(r, port, v, 4);
}

uint8_t rig_in8(struct rig *r, uint16_t port)
{
	return space_read(machine_pio(r->m), port, 1);
}

uint16_t rig_in16(struct rig *r, uint16_t port)
{
	return space_read(machine_pio(r->m), port, 2);
}

uint32_t rig_in32(struct rig *r, uint16_t port)
{
	return space_read(machine_pio(r->m), port, 4);
}

uint64_t rig_read(struct rig *r, uint64_t gpa, unsigned size)
{
	return space_read(machine_mem(r->m), gpa, size);
}

void rig_write(struct rig *r, uint64_t gpa, uint64_t v, unsigned size)
{
	space_write(machine_mem(r->m), gpa, v, size);
	collect(r);
}

void rig_add_pci(struct rig *r)
{
	assert_non_null(pci_bus_create(r->m));
}

static void config_select(struct rig *r, unsigned devfn, unsigned off)
{
	rig_out32(r, PORT_PCI_CONFIG, 0x80000000u | devfn << 8 | (off & 0xfc));
}

uint32_t rig_config_read(struct rig *r, unsigned devfn, unsigned off, unsigned size)
{
	config_select(r, devfn, off);
	return space_read(machine_pio(r->m), PORT_PCI_CONFIG + 4 + (off & 3), size);
}

void rig_config_write(struct rig *r, unsigned devfn, unsigned off, uint32_t v, unsigned size)
{
	config_select(r, devfn, off);
	out(r, PORT_PCI_CONFIG + 4 + (off & 3), v, size);
}

void rig_wait(struct rig *r, const volatile int *flag)
{
	for (unsigned i = 0; i < WAIT_STEPS && !*flag; i++) {
		machine_unlock(r->m);
		usleep(WAIT_STEP_US);
		machine_lock(r->m);
	}
	assert_true(*flag);
}

/* --- saved state --- */

struct record {
	size_t len;
	uint8_t bytes[STATE_MAX];
};

static struct record *save_all(struct rig *r, size_t *n)
{
	struct record *rec;

	*n = 0;
	for (struct device *d = r->m->devices; d; d = d->next)
		++*n;
	rec = calloc(*n + 1, sizeof(*rec));
	assert_non_null(rec);
	*n = 0;
	for (struct device *d = r->m->devices; d; d = d->next, ++*n) {
		rec[*n].len = device_save(d, rec[*n].bytes, STATE_MAX);
		assert_true(rec[*n].len <= STATE_MAX);
	}
	return rec;
}

/* Outside of fields, a device has pointers and derived state only: lines must come back too. */
void rig_check_saved_state(struct rig *r)
{
	size_t n, again, i = 0;
	struct record *before = save_all(r, &n), *after;
	bool gsi[24];

	memcpy(gsi, r->gsi, sizeof(gsi));
	rig_reset(r);
	for (struct device *d = r->m->devices; d; d = d->next, i++) {
		/* a record that is cut short is refused */
		if (before[i].len > 2)
			assert_int_not_equal(device_load(d, before[i].bytes, before[i].len - 1), 0);
		assert_int_equal(device_load(d, before[i].bytes, before[i].len), 0);
	}
	after = save_all(r, &again);
	assert_int_equal(n, again);
	for (i = 0; i < n; i++) {
		assert_int_equal(before[i].len, after[i].len);
		assert_memory_equal(before[i].bytes, after[i].bytes, before[i].len);
	}
	assert_memory_equal(gsi, r->gsi, sizeof(gsi));
	free(before);
	free(after);
}
