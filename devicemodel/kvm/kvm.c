// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening the hypervisor, the VM and its vCPUs, and bringing them to a stop.
 * Reference: Linux, "The Definitive KVM (Kernel-based Virtual Machine) API Documentation".
 */
#include "kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dm/log.h"
#include "kvm_priv.h"

enum { IDENTITY_MAP = KVM_RESERVED_BASE, TSS_PAGES = KVM_RESERVED_BASE + 0x1000 };

static const struct {
	int cap;
	const char *name;
} needed[] = {
	{ KVM_CAP_USER_MEMORY, "user memory" },
	{ KVM_CAP_SPLIT_IRQCHIP, "a split irqchip" },
	{ KVM_CAP_SIGNAL_MSI, "message-signalled interrupts" },
	{ KVM_CAP_IMMEDIATE_EXIT, "immediate exit" },
	{ KVM_CAP_READONLY_MEM, "read-only memory" },
	{ KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, "a dirty log that is cleared page by page" },
};

static int open_device(struct kvm *k, const char *path, char **why)
{
	k->dev = open(path, O_RDWR | O_CLOEXEC);
	if (k->dev < 0) {
		int err = errno;

		*why = sentence("Cannot open %s (%s): %s.", path, strerror(err),
				err == EACCES ? "join its group, or run as root" :
						"is a hypervisor module loaded?");
		return -err;
	}
	if (ioctl(k->dev, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		*why = sentence("%s does not speak version %d of the KVM API.", path,
				KVM_API_VERSION);
		return -ENODEV;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		if (ioctl(k->dev, KVM_CHECK_EXTENSION, needed[i].cap) > 0)
			continue;
		*why = sentence("%s lacks %s, which this program needs.", path, needed[i].name);
		return -ENODEV;
	}
	return 0;
}

static int make_vm(struct kvm *k, const char *path, char **why)
{
	uint64_t identity_map = IDENTITY_MAP;
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { MACHINE_GSIS } };
	struct kvm_enable_cap clear = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
					.args = { KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE } };
	const char *step = "make a virtual machine";

	do /* a signal at the wrong moment is not a failure */
		k->vm = ioctl(k->dev, KVM_CREATE_VM, 0);
	while (k->vm < 0 && errno == EINTR);
	if (k->vm >= 0) {
		step = "set up the virtual machine";
		if (!ioctl(k->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity_map) &&
		    !ioctl(k->vm, KVM_SET_TSS_ADDR, TSS_PAGES) &&
		    !ioctl(k->vm, KVM_ENABLE_CAP, &split) &&
		    !ioctl(k->vm, KVM_ENABLE_CAP, &clear))
			return 0;
	}
	*why = sentence("%s refused to %s (%s).", path, step, strerror(errno));
	return -errno;
}

static int make_vcpu(struct kvm *k, unsigned index, const char *path, char **why)
{
	struct vcpu *v = &k->vcpu[index];
	int err = 0;

	v->k = k;
	v->index = index;
	v->fd = ioctl(k->vm, KVM_CREATE_VCPU, index);
	if (v->fd < 0)
		err = -errno;
	else {
		v->run = mmap(NULL, k->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
		if (v->run == MAP_FAILED) {
			v->run = NULL;
			err = -errno;
		}
	}
	if (!err)
		err = kvm_set_cpuid(v);
	if (!err)
		err = vcpu_state_capture(v);
	if (err)
		*why = sentence("%s refused virtual processor %u (%s).", path, index,
				strerror(-err));
	return err;
}

static int make_vcpus(struct kvm *k, unsigned n, const char *path, char **why)
{
	int limit = ioctl(k->dev, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);

	if ((int)n > limit) {
		*why = sentence("%s allows at most %d virtual processors, not %u.", path, limit, n);
		return -EINVAL;
	}
	k->run_size = ioctl(k->dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	for (; k->n_vcpus < n; k->n_vcpus++) {
		int err = make_vcpu(k, k->n_vcpus, path, why);

		if (err) {
			k->n_vcpus++; /* what there is of it is taken down with the others */
			return err;
		}
	}
	return 0;
}

static int start_threads(struct kvm *k, char **why)
{
	int err = 0;

	machine_lock(k->m);
	for (unsigned i = 0; i < k->n_vcpus && !err; i++)
		err = vcpu_start(&k->vcpu[i]);
	machine_unlock(k->m);
	if (err)
		*why = sentence("No thread for a virtual processor (%s): raise the limit on "
				"processes (ulimit -u).", strerror(-err));
	return err;
}

int kvm_create(struct kvm **out, struct machine *m, const char *path, unsigned vcpus, char **why)
{
	struct kvm *k = calloc(1, sizeof(*k));
	int err;

	if (!k)
		return -ENOMEM;
	k->m = m;
	k->n_vcpus_wanted = vcpus;
	k->dev = k->vm = -1;
	k->holds = 1; /* until the first kvm_go() */
	for (unsigned i = 0; i < KVM_MAX_VCPUS; i++)
		k->vcpu[i].fd = -1;
	pthread_cond_init(&k->parked, NULL);
	pthread_cond_init(&k->go, NULL);
	kvm_init_routes(k);
	err = open_device(k, path, why);
	if (!err)
		err = make_vm(k, path, why);
	if (!err)
		err = kvm_vram_init(k);
	if (!err)
		err = make_vcpus(k, vcpus, path, why);
	if (!err)
		err = start_threads(k, why);
	if (err)
		kvm_destroy(k);
	else
		*out = k;
	return err;
}

static void vcpu_end(struct vcpu *v)
{
	if (v->started)
		pthread_join(v->thread, NULL);
	if (v->run)
		munmap(v->run, v->k->run_size);
	if (v->fd >= 0)
		close(v->fd);
	vcpu_state_free(v);
}

void kvm_destroy(struct kvm *k)
{
	if (!k)
		return;
	machine_lock(k->m);
	k->quit = true;
	pthread_cond_broadcast(&k->go);
	for (unsigned i = 0; i < k->n_vcpus; i++)
		vcpu_kick(&k->vcpu[i]);
	machine_unlock(k->m);
	for (unsigned i = 0; i < k->n_vcpus; i++)
		vcpu_end(&k->vcpu[i]);
	machine_lock(k->m);
	kvm_vram_fini(k);
	machine_unlock(k->m);
	if (k->vm >= 0)
		close(k->vm);
	if (k->dev >= 0)
		close(k->dev);
	pthread_cond_destroy(&k->go);
	pthread_cond_destroy(&k->parked);
	free(k);
}

void kvm_set_board(struct kvm *k, const struct kvm_board *b)
{
	k->board = *b;
}

void kvm_read_stats(const struct kvm *k, struct kvm_stats *s)
{
	*s = k->stats;
	s->vcpus = k->n_vcpus;
	s->vram_faults += k->vram.faults;
	for (unsigned i = 0; i < k->n_vcpus; i++)
		memcpy(s->exits[i], k->vcpu[i].exits, sizeof(s->exits[i]));
}

void kvm_stop(struct kvm *k)
{
	k->holds++;
	for (unsigned i = 0; i < k->n_vcpus; i++)
		vcpu_kick(&k->vcpu[i]);
	while (k->inside)
		pthread_cond_wait(&k->parked, &k->m->lock);
}

void kvm_go(struct kvm *k)
{
	k->holds--;
	pthread_cond_broadcast(&k->go);
}

void kvm_reset(struct kvm *k)
{
	for (unsigned i = 0; i < k->n_vcpus; i++)
		vcpu_state_restore(&k->vcpu[i]);
}
