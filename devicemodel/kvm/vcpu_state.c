// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's state as a whole. Power-on state is what the kernel made at creation: it is read once,
 * and put back at every reset, so that no rule about reset values stands here a second time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "dm/log.h"
#include "kvm_priv.h"

enum { MSRS_MAX = 512, XSAVE_MAX = 4096 };

struct vcpu_state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_xsave xsave;
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debugregs;
	struct kvm_vcpu_events events;
	struct kvm_lapic_state lapic;
	struct kvm_mp_state mp_state;
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[MSRS_MAX];
	} msrs;
};

/* MSRs one at a time: one that this processor lacks must not stop the others. */
static void capture_msrs(struct vcpu *v, const struct kvm_msr_list *list)
{
	struct vcpu_state *s = v->power_on;
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} one;

	for (unsigned i = 0; i < list->nmsrs && s->msrs.head.nmsrs < MSRS_MAX; i++) {
		memset(&one, 0, sizeof(one));
		one.head.nmsrs = 1;
		one.entry.index = list->indices[i];
		if (ioctl(v->fd, KVM_GET_MSRS, &one) == 1)
			s->msrs.entry[s->msrs.head.nmsrs++] = one.entry;
	}
}

static int capture_all_msrs(struct vcpu *v)
{
	struct kvm_msr_list *list = calloc(1, sizeof(*list) + MSRS_MAX * sizeof(uint32_t));
	int err = 0;

	if (!list)
		return -ENOMEM;
	list->nmsrs = MSRS_MAX;
	if (ioctl(v->k->dev, KVM_GET_MSR_INDEX_LIST, list))
		err = -errno;
	else
		capture_msrs(v, list);
	free(list);
	return err;
}

int vcpu_state_capture(struct vcpu *v)
{
	struct vcpu_state *s = v->power_on = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	if (ioctl(v->fd, KVM_GET_REGS, &s->regs) || ioctl(v->fd, KVM_GET_SREGS, &s->sregs) ||
	    ioctl(v->fd, KVM_GET_XSAVE, &s->xsave) ||
	    ioctl(v->fd, KVM_GET_DEBUGREGS, &s->debugregs) ||
	    ioctl(v->fd, KVM_GET_VCPU_EVENTS, &s->events) ||
	    ioctl(v->fd, KVM_GET_LAPIC, &s->lapic) ||
	    ioctl(v->fd, KVM_GET_MP_STATE, &s->mp_state))
		return -errno;
	ioctl(v->fd, KVM_GET_XCRS, &s->xcrs); /* nr_xcrs stays 0 on processors without XSAVE */
	return capture_all_msrs(v);
}

/* The kernel stops at the first MSR that it refuses: step over that one. */
static void restore_msrs(struct vcpu *v)
{
	struct vcpu_state *s = v->power_on;
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[MSRS_MAX];
	} left;
	unsigned done = 0, total = s->msrs.head.nmsrs;

	while (done < total) {
		int n;

		memset(&left.head, 0, sizeof(left.head));
		left.head.nmsrs = total - done;
		memcpy(left.entry, s->msrs.entry + done, (total - done) * sizeof(left.entry[0]));
		n = ioctl(v->fd, KVM_SET_MSRS, &left);
		done += n < (int)(total - done) ? (n < 0 ? 0 : n) + 1 : n;
	}
}

/* Registers that lean on others come after them: the APIC after its base, its timer at the end. */
void vcpu_state_restore(struct vcpu *v)
{
	struct vcpu_state *s = v->power_on;
	int bad = 0;

	bad |= ioctl(v->fd, KVM_SET_MP_STATE, &s->mp_state);
	bad |= ioctl(v->fd, KVM_SET_SREGS, &s->sregs);
	bad |= ioctl(v->fd, KVM_SET_REGS, &s->regs);
	bad |= ioctl(v->fd, KVM_SET_XSAVE, &s->xsave);
	if (s->xcrs.nr_xcrs)
		bad |= ioctl(v->fd, KVM_SET_XCRS, &s->xcrs);
	bad |= ioctl(v->fd, KVM_SET_DEBUGREGS, &s->debugregs);
	bad |= ioctl(v->fd, KVM_SET_LAPIC, &s->lapic);
	restore_msrs(v);
	bad |= ioctl(v->fd, KVM_SET_VCPU_EVENTS, &s->events);
	if (bad)
		log_line(LOG_ERROR, "The hypervisor refused a part of the power-on state of "
				    "virtual processor %u (%s).", v->index, strerror(errno));
}

void vcpu_state_free(struct vcpu *v)
{
	free(v->power_on);
	v->power_on = NULL;
}

static void print_segment(const char *name, const struct kvm_segment *s)
{
	fprintf(stderr, "  %s %04x base %016llx limit %08x type %x dpl %d %s%s%s\n", name,
		s->selector, s->base, s->limit, s->type, s->dpl, s->present ? "p" : "-",
		s->db ? "d" : "-", s->l ? "l" : "-");
}

static void print_sregs(struct vcpu *v)
{
	struct kvm_sregs s;

	if (ioctl(v->fd, KVM_GET_SREGS, &s))
		return;
	print_segment("cs", &s.cs);
	print_segment("ss", &s.ss);
	print_segment("ds", &s.ds);
	print_segment("es", &s.es);
	fprintf(stderr, "  cr0 %08llx cr2 %016llx cr3 %016llx cr4 %08llx efer %04llx\n", s.cr0,
		s.cr2, s.cr3, s.cr4, s.efer);
	fprintf(stderr, "  gdt %016llx+%04x idt %016llx+%04x\n", s.gdt.base, s.gdt.limit,
		s.idt.base, s.idt.limit);
}

void vcpu_state_print(struct vcpu *v)
{
	struct kvm_regs r;

	if (ioctl(v->fd, KVM_GET_REGS, &r))
		return;
	fprintf(stderr, "  rip %016llx rflags %08llx\n", r.rip, r.rflags);
	fprintf(stderr, "  rax %016llx rbx %016llx rcx %016llx rdx %016llx\n", r.rax, r.rbx, r.rcx,
		r.rdx);
	fprintf(stderr, "  rsi %016llx rdi %016llx rbp %016llx rsp %016llx\n", r.rsi, r.rdi, r.rbp,
		r.rsp);
	fprintf(stderr, "  r8  %016llx r9  %016llx r10 %016llx r11 %016llx\n", r.r8, r.r9, r.r10,
		r.r11);
	fprintf(stderr, "  r12 %016llx r13 %016llx r14 %016llx r15 %016llx\n", r.r12, r.r13, r.r14,
		r.r15);
	print_sregs(v);
}
