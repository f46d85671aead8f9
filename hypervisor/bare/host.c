// SPDX-License-Identifier: GPL-2.0-only
/*
 * host.h without an operating system: processors, guest memory, extended state, locks, waiting. One
 * processor and one thread, so that a lock that is held already, or sleep where none is allowed,
 * is a mistake of the caller, which ends the machine. Missing: further processors.
 */
#include "bare.h"
#include "core/core.h"

enum { PAGE = 4096, XMM_AT = 160, XMM_SIZE = 16 };
enum { FCW_AT = 0, FCW_INIT = 0x37f, MXCSR_AT = 24, MXCSR_INIT = 0x1f80, XSTATE_BV_AT = 512 };
static const uint64_t user_top = 256 << 20;

volatile enum host_wish bare_wish;

static struct {
	unsigned preempt_off, mutexes, spins, copies;
	bool in_guest;			/* the guest's extended state is in the registers */
	struct bare_vcpu fpu;		/* the machine's own, meanwhile */
} host;

void host_may_sleep(void)
{
	BUG_ON(host.preempt_off);
	BUG_ON(host.spins);
	BUG_ON(!interrupts_on());
}

void host_settled(void)
{
	host_may_sleep();
	BUG_ON(host.mutexes);
	BUG_ON(host.in_guest);
}

/* --- guest memory --- */

static struct bare_vm *bare_vm_of(struct hv_vm *vm)
{
	return vm->host;
}

static struct bare_moved *find_moved(struct hv_vm *vm, uint64_t uaddr)
{
	struct bare_vm *h = bare_vm_of(vm);

	for (unsigned i = 0; i < h->n_moved; i++)
		if (h->moved[i].uaddr == (uaddr & ~(uint64_t)(PAGE - 1)))
			return &h->moved[i];
	return NULL;
}

int host_frame_get(struct hv_vm *vm, uint64_t uaddr, bool write, struct host_frame *f)
{
	struct bare_vm *h = bare_vm_of(vm);
	struct bare_moved *m = find_moved(vm, uaddr);

	host_may_sleep();
	if (bare_wish == HOST_SIGNAL)
		return -EINTR;
	if (!uaddr || uaddr >= user_top)
		return -EFAULT;
	if (m && write)
		m->shared = false;
	f->pa = m ? m->pa : uaddr & ~(uint64_t)(PAGE - 1);
	f->writable = !m || !m->shared;
	f->huge = !h->n_moved && h->huge;
	f->ref = &h->frames;
	h->frames++;
	h->gets++;
	return 0;
}

void host_frame_put(struct host_frame *f, bool dirty)
{
	unsigned *frames = f->ref;

	BUG_ON(!frames || !*frames);
	--*frames;
	f->ref = NULL;
}

static void *user_at(struct hv_vm *vm, uint64_t uaddr)
{
	struct bare_moved *m = find_moved(vm, uaddr);

	return (void *)(m ? m->pa + uaddr % PAGE : uaddr);
}

int host_copy(struct hv_vm *vm, uint64_t uaddr, void *buf, size_t n, bool write)
{
	uint8_t *p = buf;

	if (host.preempt_off && ++host.copies % 4 == 0)
		return -EFAULT; /* as if the page were not there now and then */
	if (!host.preempt_off)
		host_may_sleep();
	while (n) {
		size_t part = PAGE - uaddr % PAGE;

		part = part < n ? part : n;
		if (!uaddr || uaddr >= user_top)
			return -EFAULT;
		memcpy(write ? user_at(vm, uaddr) : p, write ? p : user_at(vm, uaddr), part);
		p += part;
		uaddr += part;
		n -= part;
	}
	return 0;
}

#define CMPXCHG(type)                                                                              \
	do {                                                                                       \
		type was = (type)*old;                                                             \
		done = cpu_cas((type *)at, &was, (type)val);                                       \
		*old = was;                                                                        \
	} while (0)

int host_cmpxchg(struct hv_vm *vm, uint64_t uaddr, uint64_t *old, uint64_t val, unsigned size)
{
	void *at = user_at(vm, uaddr);
	bool done = false;

	host_may_sleep();
	BUG_ON(uaddr % size);
	if (!uaddr || uaddr >= user_top)
		return -EFAULT;
	switch (size) {
	case 1:
		CMPXCHG(uint8_t);
		break;
	case 2:
		CMPXCHG(uint16_t);
		break;
	case 4:
		CMPXCHG(uint32_t);
		break;
	case 8:
		CMPXCHG(uint64_t);
		break;
	default:
		bug("host_cmpxchg: %u bytes", size);
	}
	return done ? 0 : -EAGAIN;
}

/* --- processors --- */

unsigned host_cpu(void)
{
	return 0;
}

unsigned host_ncpu(void)
{
	return 1;
}

void host_call_on(unsigned cpu, void (*fn)(void *arg), void *arg)
{
	BUG_ON(cpu || !interrupts_on());
	fn(arg);
}

/* Whoever calls this runs on the only processor: its guest has left it. */
void host_kick(unsigned cpu, bool wait)
{
	BUG_ON(cpu);
}

void host_preempt_off(void)
{
	host.preempt_off++;
}

void host_preempt_on(void)
{
	BUG_ON(!host.preempt_off);
	host.preempt_off--;
}

void host_guest_begin(void)
{
	BUG_ON(!host.preempt_off || !host.in_guest || host.spins || !interrupts_on());
	asm volatile("cli" : : : "memory");
}

void host_guest_end(void)
{
	BUG_ON(interrupts_on());
	asm volatile("sti; nop; nop" : : : "memory");
}

enum host_wish host_wish(void)
{
	return bare_wish;
}

/* --- extended state: XSAVE of all that XCR0 has; FXSAVE where the processor has no XSAVE --- */

static void state_save(struct bare_vcpu *h)
{
	if (cpu_cr4() & CR4_OSXSAVE)
		asm volatile("xsave64 %0" : "+m"(h->xsave) : "a"(~0u), "d"(~0u));
	else
		asm volatile("fxsave64 %0" : "+m"(h->xsave));
}

static void state_load(const struct bare_vcpu *h)
{
	if (cpu_cr4() & CR4_OSXSAVE)
		asm volatile("xrstor64 %0" : : "m"(h->xsave), "a"(~0u), "d"(~0u));
	else
		asm volatile("fxrstor64 %0" : : "m"(h->xsave));
}

void bare_vcpu_init(struct bare_vcpu *h)
{
	static const uint64_t x87_sse = 3;

	memset(h, 0, sizeof(*h));
	h->xsave[FCW_AT] = FCW_INIT & 0xff;
	h->xsave[FCW_AT + 1] = FCW_INIT >> 8;
	h->xsave[MXCSR_AT] = MXCSR_INIT & 0xff;
	h->xsave[MXCSR_AT + 1] = MXCSR_INIT >> 8;
	memcpy(h->xsave + XSTATE_BV_AT, &x87_sse, sizeof(x87_sse));
}

void host_fpu_swap(struct hv_vcpu *v, bool to_guest)
{
	struct bare_vcpu *guest = v->host;

	host_may_sleep();
	BUG_ON(host.in_guest == to_guest);
	state_save(to_guest ? &host.fpu : guest);
	state_load(to_guest ? guest : &host.fpu);
	host.in_guest = to_guest;
}

void host_fpu_xmm(struct hv_vcpu *v, unsigned reg, void *data16, bool write)
{
	static struct bare_vcpu now;
	uint8_t *at = now.xsave + XMM_AT + reg * XMM_SIZE;

	BUG_ON(!host.in_guest || reg > 15); /* no MMX in the tests */
	asm volatile("fxsave64 %0" : "=m"(now.xsave));
	if (!write) {
		memcpy(data16, at, XMM_SIZE);
		return;
	}
	memcpy(at, data16, XMM_SIZE);
	asm volatile("fxrstor64 %0" : : "m"(now.xsave));
}

/* --- locks --- */

void host_lock_init(struct host_mutex *l)
{
	l->held = false;
}

void host_lock(struct host_mutex *l)
{
	host_may_sleep();
	BUG_ON(l->held);
	l->held = true;
	host.mutexes++;
}

void host_unlock(struct host_mutex *l)
{
	BUG_ON(!l->held);
	l->held = false;
	host.mutexes--;
}

void host_spin_lock(struct host_spin *l)
{
	uint64_t flags = cpu_irq_off();

	BUG_ON(l->held);
	l->held = true;
	l->flags = flags;
	host.spins++;
}

void host_spin_unlock(struct host_spin *l)
{
	BUG_ON(!l->held);
	l->held = false;
	host.spins--;
	cpu_irq_restore(l->flags);
}

/* --- waiting, and telling --- */

void host_sleep_until(struct host_wait *w, bool (*ready)(void *arg), void *arg)
{
	host_may_sleep();
	for (;;) {
		asm volatile("cli");
		if (ready(arg) || bare_wish == HOST_SIGNAL)
			break;
		asm volatile("sti; hlt" : : : "memory");
	}
	asm volatile("sti");
}

void host_wake(struct host_wait *w)
{
	w->wakes++;
}

/* An event of the bare machine is a counter. */
void host_event_signal(void *event)
{
	++*(uint64_t *)event;
}
