// SPDX-License-Identifier: GPL-2.0-only
/*
 * The exits benchmark's user of the KVM API: as small as one can be. Runs guest.c on two vCPUs,
 * prints a line `NAME<tab>INSTRUCTIONS` for each operation; those that are calls of ours it
 * measures itself.
 *
 *	vmm DEVICE GUEST
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "shared.h"
#include "uapi/caisson.h"

#define RAM_BYTES (16ul << 20)
#define PAGE	  4096ul
#define HUGE	  (2ul << 20)

enum { TABLES_GPA = 0x1000, GDT_GPA = 0x800, CPUS = 2, CALLS = 200, QUERIES = 20 };
enum { SLOT_RAM, SLOT_SMALL, SLOT_HUGE, SLOT_LOGGED };

struct vcpu {
	int fd;
	struct kvm_run *run;
};

static int vm;
static uint8_t *guest_ram;
static struct vcpu vcpu[CPUS];

static void die(const char *what)
{
	fprintf(stderr, "exits: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int call(int fd, unsigned long request, const char *name, void *arg)
{
	int r = ioctl(fd, request, arg);

	if (r < 0)
		die(name);
	return r;
}
#define CALL(fd, request, arg) call(fd, request, #request, (void *)(arg))

static uint64_t tsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

static void tell(const char *name, uint64_t insn)
{
	printf("%s\t%llu\n", name, (unsigned long long)insn);
}

/* --- memory --- */

static uint8_t *add_memory(unsigned slot, uint64_t gpa, size_t len, uint32_t flags, int advice)
{
	uint8_t *at = mmap(NULL, len + HUGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region region = {
		.slot = slot, .flags = flags, .guest_phys_addr = gpa, .memory_size = len,
	};

	if (at == MAP_FAILED)
		die("memory");
	at = (uint8_t *)(((uintptr_t)at + HUGE - 1) & ~(HUGE - 1));
	madvise(at, len, advice);
	memset(at, 0, len); /* all there: only the guest's own tables lack it */
	region.userspace_addr = (uintptr_t)at;
	CALL(vm, KVM_SET_USER_MEMORY_REGION, &region);
	return at;
}

/* The first 4 GiB, one to one. */
static void make_tables(uint8_t *ram)
{
	uint64_t *top = (uint64_t *)(ram + TABLES_GPA), *third = top + 512, *second = third + 512;

	top[0] = (TABLES_GPA + PAGE) | 3;
	for (uint64_t i = 0; i < 4; i++)
		third[i] = (TABLES_GPA + (2 + i) * PAGE) | 3;
	for (uint64_t i = 0; i < 4 * 512; i++)
		second[i] = i * HUGE | 0x83;
}

static void load_guest(uint8_t *ram, const char *path)
{
	FILE *f = fopen(path, "rb");

	if (!f || !fread(ram + IMAGE_GPA, 1, 1 << 20, f))
		die(path);
	fclose(f);
}

/* --- processors --- */

static void set_cpuid(int dev, int fd)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 256 * sizeof(c->entries[0]));

	if (!c)
		die("memory");
	c->nent = 256;
	CALL(dev, KVM_GET_SUPPORTED_CPUID, c);
	for (unsigned i = 0; i < c->nent; i++)
		if (c->entries[i].function == 1)
			c->entries[i].ecx |= 1 << 24; /* TSC deadline */
	CALL(fd, KVM_SET_CPUID2, c);
	free(c);
}

static void set_registers(struct vcpu *v, unsigned number)
{
	struct kvm_segment code = { .limit = ~0u, .selector = 8, .type = 11, .present = 1, .s = 1,
				    .l = 1, .g = 1 };
	struct kvm_segment data = { .limit = ~0u, .selector = 16, .type = 3, .present = 1, .s = 1,
				    .db = 1, .g = 1 };
	struct kvm_regs regs = { .rip = IMAGE_GPA, .rflags = 2, .rdi = number,
				 .rsp = STACKS_GPA - 8 - number * 0x10000 };
	struct kvm_mp_state running = { KVM_MP_STATE_RUNNABLE };
	struct kvm_sregs s;

	CALL(v->fd, KVM_GET_SREGS, &s);
	s.cs = code;
	s.ds = s.es = s.fs = s.gs = s.ss = data;
	s.gdt.base = GDT_GPA;
	s.gdt.limit = 23;
	s.cr0 = 0x80010033;
	s.cr3 = TABLES_GPA;
	s.cr4 = 0x20;
	s.efer = 0x500;
	CALL(v->fd, KVM_SET_SREGS, &s);
	CALL(v->fd, KVM_SET_REGS, &regs);
	CALL(v->fd, KVM_SET_MP_STATE, &running);
}

static void make_vcpu(int dev, unsigned number, int run_size)
{
	struct vcpu *v = &vcpu[number];

	v->fd = CALL(vm, KVM_CREATE_VCPU, (long)number);
	v->run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED)
		die("run page");
	set_cpuid(dev, v->fd);
	set_registers(v, number);
}

static void *run_second(void *arg)
{
	struct vcpu *v = arg;

	for (;;)
		if (ioctl(v->fd, KVM_RUN, 0) < 0 && errno != EINTR && errno != EAGAIN)
			return NULL;
}

/* --- what we measure ourselves --- */

static void measure_log(const char *name, unsigned times, unsigned expected)
{
	static unsigned long bits[LOGGED_PAGES / 64];
	struct kvm_dirty_log log = { .slot = SLOT_LOGGED, .dirty_bitmap = bits };
	uint64_t begin, spent = 0;
	unsigned found = 0;

	for (unsigned i = 0; i < times; i++) {
		begin = tsc();
		CALL(vm, KVM_GET_DIRTY_LOG, &log);
		spent += tsc() - begin;
		usleep(1000); /* whoever it has woken sleeps again */
	}
	for (unsigned i = 0; i < LOGGED_PAGES / 64; i++)
		found += __builtin_popcountl(bits[i]);
	tell(name, spent / times);
	if (found != expected) {
		fprintf(stderr, "exits: %s: %u pages instead of %u\n", name, found, expected);
		exit(1);
	}
}

static void measure_log_calls(void)
{
	static bool again;

	measure_log(again ? "dirty log, 768 pages, again" : "dirty log, 768 pages", 1,
		    LOGGED_PAGES);
	measure_log(again ? "dirty log, none, again" : "dirty log, none", QUERIES, 0);
	again = true;
}

/* The logged slot's pages, with so long until it is idle. */
static void track(int event, uint64_t idle_ns)
{
	struct caisson_vram_tracking t = {
		.slot = SLOT_LOGGED, .fd = event, .len = LOGGED_PAGES * PAGE, .idle_ns = idle_ns,
	};

	CALL(vm, CAISSON_SET_VRAM_TRACKING, &t);
}

static void measure_query(const char *name, unsigned times, unsigned expected, unsigned state)
{
	static unsigned long bits[LOGGED_PAGES / 64];
	struct caisson_vram_dirty d = { .slot = SLOT_LOGGED, .bitmap = (uintptr_t)bits };
	uint64_t begin = tsc();

	for (unsigned i = 0; i < times; i++)
		CALL(vm, CAISSON_GET_VRAM_DIRTY, &d);
	tell(name, (tsc() - begin) / times);
	if (d.pages != expected || d.state != state) {
		fprintf(stderr, "exits: %s: %llu pages, state %u\n", name,
			(unsigned long long)d.pages, d.state);
		exit(1);
	}
}

/* False: this hypervisor does not have it. */
static bool measure_vram_calls(void)
{
	int event = eventfd(0, EFD_CLOEXEC);

	if (ioctl(vm, KVM_CHECK_EXTENSION, CAISSON_CAP_VRAM_TRACKING) <= 0)
		return false;
	if (event < 0)
		die("eventfd");
	track(event, ~0ull);
	measure_query("video memory, 768 pages", 1, LOGGED_PAGES, CAISSON_VRAM_ACTIVE);
	measure_query("video memory, none", QUERIES, 0, CAISSON_VRAM_ACTIVE);
	track(event, 0);
	measure_query("video memory, going idle", 1, 0, CAISSON_VRAM_IDLE);
	measure_query("video memory, idle", QUERIES, 0, CAISSON_VRAM_IDLE);
	return true;
}

/* In ticks of the TSC, as all else; not the time that they slept. */
static void store_spent(struct vcpu *v)
{
	uint64_t khz = CALL(v->fd, KVM_GET_TSC_KHZ, 0);
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	*(uint64_t *)(guest_ram + SPENT_GPA) = t.tv_sec * khz * 1000 + t.tv_nsec * khz / 1000000;
}

static void measure_runs(struct vcpu *v)
{
	uint64_t begin, one, least = ~0ull;

	v->run->immediate_exit = 1;
	for (unsigned i = 0; i < CALLS; i++) {
		begin = tsc();
		ioctl(v->fd, KVM_RUN, 0);
		one = tsc() - begin;
		least = one < least ? one : least;
	}
	tell("KVM_RUN that returns at once", least);
	v->run->immediate_exit = 0;
}

/* --- the guest --- */

static void add_event(uint64_t addr, uint32_t flags)
{
	struct kvm_ioeventfd e = {
		.addr = addr, .len = 4, .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.flags = flags,
	};

	if (e.fd < 0)
		die("eventfd");
	CALL(vm, KVM_IOEVENTFD, &e);
}

static void give_up(struct vcpu *v)
{
	struct kvm_regs r;
	struct kvm_sregs s;

	CALL(v->fd, KVM_GET_REGS, &r);
	CALL(v->fd, KVM_GET_SREGS, &s);
	fprintf(stderr,
		"exits: exit reason %u at %llx, stack %llx, flags %llx, CR0 %llx CR2 %llx CR3 %llx "
		"CR4 %llx EFER %llx\n",
		v->run->exit_reason, r.rip, r.rsp, r.rflags, s.cr0, s.cr2, s.cr3, s.cr4, s.efer);
	exit(1);
}

/* False: the guest is through. */
static int handle(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	uint32_t *data = (uint32_t *)((char *)run + run->io.data_offset);

	if (run->exit_reason == KVM_EXIT_MMIO)
		return 1;
	if (run->exit_reason != KVM_EXIT_IO) {
		give_up(v);
	}
	if (run->io.port != PORT_DONE) {
		if (run->io.direction == KVM_EXIT_IO_IN)
			*data = 0;
		return 1;
	}
	if (*data == DONE_LOG)
		measure_log_calls();
	if (*data == DONE_VRAM)
		*(uint64_t *)(guest_ram + SPENT_GPA) = measure_vram_calls();
	if (*data == DONE_SPENT)
		store_spent(v);
	return *data != DONE_ALL;
}

static void run_first(struct vcpu *v)
{
	do {
		if (ioctl(v->fd, KVM_RUN, 0) < 0 && errno != EINTR)
			die("KVM_RUN");
	} while (handle(v));
}

static void make_vm(int dev, const char *guest)
{
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };
	int run_size = CALL(dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	uint8_t *ram;

	vm = CALL(dev, KVM_CREATE_VM, 0);
	CALL(vm, KVM_ENABLE_CAP, &split);
	guest_ram = ram = add_memory(SLOT_RAM, 0, RAM_BYTES, 0, MADV_NOHUGEPAGE);
	add_memory(SLOT_SMALL, SMALL_GPA, PAGES * PAGE, 0, MADV_NOHUGEPAGE);
	add_memory(SLOT_HUGE, HUGE_GPA, HUGE_PAGES * HUGE, 0, MADV_HUGEPAGE);
	add_memory(SLOT_LOGGED, LOGGED_GPA, LOGGED_PAGES * PAGE, KVM_MEM_LOG_DIRTY_PAGES,
		   MADV_NOHUGEPAGE);
	make_tables(ram);
	load_guest(ram, guest);
	((uint64_t *)(ram + GDT_GPA))[1] = 0x00af9b000000ffff;
	((uint64_t *)(ram + GDT_GPA))[2] = 0x00cf93000000ffff;
	for (unsigned i = 0; i < CPUS; i++)
		make_vcpu(dev, i, run_size);
	add_event(PORT_EVENT, KVM_IOEVENTFD_FLAG_PIO);
	add_event(EVENT_GPA, 0);
	measure_runs(&vcpu[0]);
	{
		pthread_t second;
		const struct result *r;

		if (pthread_create(&second, NULL, run_second, &vcpu[1]))
			die("thread");
		run_first(&vcpu[0]);
		for (r = (const struct result *)(ram + RESULTS_GPA); r->name[0]; r++)
			tell(r->name, r->insn);
	}
}

int main(int argc, char **argv)
{
	int dev;

	if (argc != 3) {
		fprintf(stderr, "usage: vmm DEVICE GUEST\n");
		return 1;
	}
	dev = open(argv[1], O_RDWR | O_CLOEXEC);
	if (dev < 0)
		die(argv[1]);
	make_vm(dev, argv[2]);
	return 0;
}
