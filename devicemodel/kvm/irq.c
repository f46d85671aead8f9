// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts on their way to the local APICs in the kernel: messages of the I/O APIC, and the
 * 8259A's INTR, which the device model injects into the boot processor itself.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "dm/log.h"
#include "kvm_priv.h"

void kvm_init_routes(struct kvm *k)
{
	for (unsigned i = 0; i < MACHINE_GSIS; i++)
		k->route[i] = (struct kvm_irq_routing_entry){ .gsi = i,
							      .type = KVM_IRQ_ROUTING_MSI };
	k->routes_stale = true;
}

/*
 * A masked pin keeps its last route: an interrupt that was sent before may still want its EOI
 * reported.
 */
void kvm_set_route(struct kvm *k, unsigned pin, uint64_t address, uint32_t data)
{
	struct kvm_irq_routing_msi *msi = &k->route[pin].u.msi;

	if (!address || (msi->address_lo == (uint32_t)address && msi->data == data))
		return;
	msi->address_lo = address;
	msi->address_hi = address >> 32;
	msi->data = data;
	k->routes_stale = true;
}

/* The kernel sees routes before the first message that depends on them, not at every change. */
static void flush_routes(struct kvm *k)
{
	struct kvm_irq_routing *r;

	if (!k->routes_stale)
		return;
	r = calloc(1, sizeof(*r) + sizeof(k->route));
	if (!r)
		return;
	r->nr = MACHINE_GSIS;
	memcpy(r->entries, k->route, sizeof(k->route));
	if (ioctl(k->vm, KVM_SET_GSI_ROUTING, r))
		log_line(LOG_ERROR, "The hypervisor refused interrupt routes (%s).",
			 strerror(errno));
	free(r);
	k->routes_stale = false;
}

void kvm_send_message(struct kvm *k, uint64_t address, uint32_t data)
{
	struct kvm_msi msi = { .address_lo = address, .address_hi = address >> 32, .data = data };

	flush_routes(k);
	k->stats.messages++;
	ioctl(k->vm, KVM_SIGNAL_MSI, &msi); /* no one listens there: lost, as on a real bus */
}

void kvm_set_intr(struct kvm *k, bool level)
{
	k->intr = level;
	if (level)
		vcpu_kick(&k->vcpu[0]);
}

void kvm_prepare_irq(struct vcpu *v)
{
	struct kvm *k = v->k;

	if (v->index)
		return;
	if (k->intr && v->run->ready_for_interrupt_injection) {
		struct kvm_interrupt irq = { .irq = k->board.acknowledge(k->board.arg) };

		if (ioctl(v->fd, KVM_INTERRUPT, &irq))
			log_line(LOG_ERROR, "The hypervisor refused interrupt 0x%x (%s).", irq.irq,
				 strerror(errno));
		k->stats.injected++;
		v->run->ready_for_interrupt_injection = 0;
	}
	v->run->request_interrupt_window = k->intr;
}
