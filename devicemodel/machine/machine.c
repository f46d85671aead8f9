// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine's hub: lock, clock, spaces, the 24 interrupt inputs, and what devices ask for.
 * Knows no device and no hypervisor.
 */
#include <errno.h>
#include <stdlib.h>

#include "dm/device.h"
#include "dm/loop.h"
#include "machine_priv.h"

enum { PIO_SIZE = 0x10000 };
#define MEM_SIZE (1ull << 46)

static void gsi_changed(void *arg, unsigned n, bool level)
{
	struct machine *m = arg;

	if (m->ops.gsi)
		m->ops.gsi(m->ops_arg, n, level);
}

int machine_init(struct machine *m, uint64_t (*source)(void *arg),
		 void (*rearm)(void *arg, bool armed, uint64_t host_ns), void *arg)
{
	*m = (struct machine){ .a20 = 1u << A20_PORT92 };
	pthread_mutex_init(&m->lock, NULL);
	clock_init(&m->clock, source, rearm, arg);
	space_init(&m->pio, "ports", PIO_SIZE);
	space_init(&m->mem, "memory", MEM_SIZE);
	m->dma.mem = &m->mem;
	m->devices_end = &m->devices;
	for (unsigned i = 0; i < MACHINE_GSIS; i++)
		irq_gate_init(&m->gsi[i], gsi_changed, m, i);
	return 0;
}

void machine_fini(struct machine *m)
{
	struct device *d = m->devices, *next;

	for (; d; d = next) {
		next = d->next;
		if (d->class->destroy)
			d->class->destroy(d);
		free(d);
	}
	space_fini(&m->mem);
	space_fini(&m->pio);
	pthread_mutex_destroy(&m->lock);
}

void machine_set_ops(struct machine *m, const struct machine_ops *ops, void *arg)
{
	m->ops = *ops;
	m->ops_arg = arg;
}

void machine_lock(struct machine *m)
{
	pthread_mutex_lock(&m->lock);
}

void machine_unlock(struct machine *m)
{
	pthread_mutex_unlock(&m->lock);
}

void machine_reset_devices(struct machine *m)
{
	space_begin(&m->mem);
	space_begin(&m->pio);
	for (struct device *d = m->devices; d; d = d->next)
		d->class->reset(d);
	space_commit(&m->pio);
	space_commit(&m->mem);
}

void *device_new(struct machine *m, const struct device_class *class)
{
	struct device *d = calloc(1, class->size);

	if (!d)
		return NULL;
	d->class = class;
	d->machine = m;
	for (struct device *o = m->devices; o; o = o->next)
		d->instance += o->class == class;
	*m->devices_end = d;
	m->devices_end = &d->next;
	return d;
}

struct space *machine_pio(struct machine *m)
{
	return &m->pio;
}

struct space *machine_mem(struct machine *m)
{
	return &m->mem;
}

const struct dma *machine_dma(struct machine *m)
{
	return &m->dma;
}

struct pci_bus *machine_pci(struct machine *m)
{
	return m->pci;
}

struct loop *machine_loop(struct machine *m)
{
	return m->loop;
}

uint64_t machine_now(const struct machine *m)
{
	return clock_now(&m->clock);
}

void machine_irq_connect(struct machine *m, struct irq_line *l, unsigned gsi)
{
	irq_connect(l, gsi < MACHINE_GSIS ? &m->gsi[gsi] : NULL);
}

int machine_vram_look(struct machine *m, struct vram_look *look)
{
	return m->ops.vram_look ? m->ops.vram_look(m->ops_arg, look) : -ENOTSUP;
}

static void wake(struct machine *m)
{
	if (m->loop)
		loop_wake(m->loop);
}

void machine_request_reset(struct machine *m)
{
	m->reset_wanted = true;
	wake(m);
}

void machine_report_crash(struct machine *m)
{
	m->crashed = true;
	machine_request_reset(m);
}

void machine_request_stop(struct machine *m, enum stop_cause cause)
{
	if (m->stop_wanted == STOP_NONE)
		m->stop_wanted = cause;
	wake(m);
}

void machine_request_pause(struct machine *m)
{
	m->pause_wanted = true;
	wake(m);
}

void machine_set_a20(struct machine *m, enum a20_source who, bool on)
{
	bool was = machine_a20(m);

	m->a20 = (m->a20 & ~(1u << who)) | (unsigned)on << who;
	if (machine_a20(m) != was && m->ops.a20)
		m->ops.a20(m->ops_arg, !was);
}

bool machine_a20(const struct machine *m)
{
	return m->a20;
}

void machine_set_exit_code(struct machine *m, int code)
{
	m->exit_code = code;
}

int machine_exit_code(const struct machine *m)
{
	return m->exit_code;
}
