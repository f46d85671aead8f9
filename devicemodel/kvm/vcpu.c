// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's thread: enter the guest, handle why it came out, again. The machine lock is held
 * everywhere but inside KVM_RUN.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "dm/log.h"
#include "dm/sandbox.h"
#include "kvm_priv.h"

enum { KICK_SIGNAL = SIGUSR1 };

static uint64_t load(const uint8_t *p, unsigned size)
{
	uint64_t val = 0;

	memcpy(&val, p, size);
	return val;
}

/* A string instruction comes as one exit with count items in a row. */
static void exit_io(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	uint8_t *p = (uint8_t *)run + run->io.data_offset;
	struct space *pio = &v->k->m->pio;

	if (run->io.direction == KVM_EXIT_IO_IN)
		space_read_string(pio, run->io.port, p, run->io.size, run->io.count);
	else
		space_write_string(pio, run->io.port, p, run->io.size, run->io.count);
}

static void exit_mmio(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	struct space *mem = &v->k->m->mem;
	unsigned len = run->mmio.len;

	if (len > sizeof(run->mmio.data))
		len = sizeof(run->mmio.data);
	if (run->mmio.is_write) {
		kvm_vram_written(v->k, run->mmio.phys_addr);
		space_write(mem, run->mmio.phys_addr, load(run->mmio.data, len), len);
	} else {
		uint64_t val = space_read(mem, run->mmio.phys_addr, len);

		memcpy(run->mmio.data, &val, len);
	}
}

/* The hypervisor cannot go on with this guest: say all that is known, and stop. */
static void give_up(struct vcpu *v, const char *what, uint64_t detail)
{
	log_line(LOG_ERROR, "Virtual processor %u stopped: %s (0x%llx); its registers follow.",
		 v->index, what, (unsigned long long)detail);
	vcpu_state_print(v);
	machine_request_stop(v->k->m, STOP_ERROR);
}

static enum exits_kind kind_of(uint32_t reason)
{
	switch (reason) {
	case KVM_EXIT_IO:
		return EXITS_IO;
	case KVM_EXIT_MMIO:
		return EXITS_MMIO;
	case KVM_EXIT_IOAPIC_EOI:
		return EXITS_EOI;
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		return EXITS_WINDOW;
	case KVM_EXIT_INTR:
		return EXITS_KICKED;
	default:
		return EXITS_OTHER;
	}
}

static void handle_exit(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	struct machine *m = v->k->m;

	v->exits[kind_of(run->exit_reason)]++;
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		exit_io(v);
		break;
	case KVM_EXIT_MMIO:
		exit_mmio(v);
		break;
	case KVM_EXIT_IOAPIC_EOI:
		v->k->board.eoi(v->k->board.arg, run->eoi.vector);
		break;
	case KVM_EXIT_IRQ_WINDOW_OPEN:
	case KVM_EXIT_INTR:
		break;
	case KVM_EXIT_SHUTDOWN: /* triple fault: a PC's chipset turns it into a reset */
		log_line(LOG_WARN, "guest: triple fault on virtual processor %u.", v->index);
		machine_report_crash(m);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		give_up(v, "the processor refused to enter the guest",
			run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		give_up(v, "the hypervisor cannot run or emulate the guest's instruction",
			run->internal.suberror);
		break;
	default:
		give_up(v, "the hypervisor reports an unknown exit", run->exit_reason);
	}
}

static bool must_park(const struct kvm *k)
{
	return k->holds || k->m->reset_wanted || k->m->stop_wanted || k->quit;
}

/* False: the thread is to end. */
static bool park(struct kvm *k)
{
	k->inside--;
	pthread_cond_broadcast(&k->parked);
	while (must_park(k) && !k->quit)
		pthread_cond_wait(&k->go, &k->m->lock);
	sandbox_narrow(SANDBOX_VCPU);
	k->inside += !k->quit;
	return !k->quit;
}

/*
 * An exit for port or memory access is finished by the next KVM_RUN only. Before the state of the
 * vCPU is looked at or replaced, one is made that finishes it and returns at once; the rest of a
 * string instruction may come out of it as exits of its own.
 */
static void complete_exit(struct vcpu *v)
{
	v->run->immediate_exit = 1;
	while (!ioctl(v->fd, KVM_RUN, 0)) {
		handle_exit(v);
		v->run->immediate_exit = 1;
	}
	v->run->immediate_exit = 0;
}

static void enter(struct vcpu *v)
{
	struct machine *m = v->k->m;
	uint64_t turns = v->k->vram.turns;
	int err;

	kvm_prepare_irq(v);
	machine_unlock(m);
	err = ioctl(v->fd, KVM_RUN, 0) ? errno : 0;
	machine_lock(m);
	v->run->immediate_exit = 0;
	if (!err)
		handle_exit(v);
	else if (err == EINTR)
		v->exits[EXITS_KICKED]++;
	else if (err == EFAULT && kvm_vram_fault(v->k, turns))
		v->exits[EXITS_VRAM]++;
	else if (err != EAGAIN)
		give_up(v, "entering the guest failed with an error", err);
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *v = arg;
	struct kvm *k = v->k;
	char name[16];
	bool on = true;

	snprintf(name, sizeof(name), "vcpu%u", v->index);
	pthread_setname_np(pthread_self(), name);
	machine_lock(k->m);
	k->inside++;
	while (on) {
		if (must_park(k)) {
			complete_exit(v);
			on = park(k);
		} else {
			enter(v);
		}
	}
	machine_unlock(k->m);
	return NULL;
}

/* Only there to interrupt KVM_RUN. */
static void on_kick(int sig)
{
}

int vcpu_start(struct vcpu *v)
{
	struct sigaction sa = { .sa_handler = on_kick };
	int err;

	sigaction(KICK_SIGNAL, &sa, NULL);
	err = pthread_create(&v->thread, NULL, vcpu_thread, v);
	v->started = !err;
	return -err;
}

/*
 * immediate_exit catches the thread on its way into KVM_RUN, the signal catches it inside. Both
 * sides hold the machine lock, so a kick is never lost.
 */
void vcpu_kick(struct vcpu *v)
{
	if (!v->started || pthread_equal(v->thread, pthread_self()))
		return;
	v->run->immediate_exit = 1;
	pthread_kill(v->thread, KICK_SIGNAL);
}
