// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages of video memory the guest wrote, and rest: when nothing has been written for a while,
 * write access to the part that shows is taken away, and nobody asks before the next write is told.
 * That part is in the linear frame buffer or in the text window, one at a time: whose look is the
 * last one. What is lost by a change from one to the other is drawn whole then.
 *
 * /dev/caisson does that by itself (<uapi/caisson.h>). Elsewhere the slot shows a second mapping of
 * the memory, of which mprotect() takes write access: the guest's write then ends KVM_RUN with
 * EFAULT, before it has had an effect, and is made again when access is back. What the device
 * model itself writes goes through the first mapping, so it cannot meet its own fault.
 * docs/performance.md says why not a read-only slot or userfaultfd.
 */
#include <caisson.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dm/loop.h"
#include "dm/timer.h"
#include "kvm_priv.h"

enum { PAGE = VRAM_PAGE, BITS_PER_LONG = 8 * sizeof(long) };

/* Rest costs KVM's guests two walks of the memory's pages, and a fault for each that they write. */
#define KVM_IDLE_NS (2 * NS_PER_SEC)
/* For this part of the time without a change before rest, hot pages are taken as written. */
enum { HOT_PART = 4 };

/* --- rest ends --- */

static void wake(struct kvm_vram *t)
{
	bool told = t->idle;

	t->idle = false;
	if (told && t->woken)
		t->woken(t->dev);
}

static void unprotect(struct kvm_vram *t)
{
	if (!t->held)
		return;
	mprotect(t->held, t->len, PROT_READ | PROT_WRITE);
	t->held = NULL;
	t->turns++;
}

static void event_ready(void *arg, uint32_t events)
{
	(void)events;
	wake(arg);
}

bool kvm_vram_fault(struct kvm *k, uint64_t seen)
{
	struct kvm_vram *t = &k->vram;

	if (!t->held) /* another processor was first, or protect() found a change */
		return t->turns != seen;
	t->faults++;
	unprotect(t);
	wake(t);
	return true;
}

/* What KVM itself executes for the guest does not end with EFAULT but as an access to a device. */
void kvm_vram_written(struct kvm *k, uint64_t gpa)
{
	struct kvm_vram *t = &k->vram;

	if (t->slot < 0 || t->extension || gpa < k->slot[t->slot].gpa ||
	    gpa - k->slot[t->slot].gpa >= k->slot[t->slot].len)
		return;
	t->lost = true;
	t->faults += !!t->held;
	unprotect(t);
	wake(t);
}

void kvm_vram_moved(struct kvm *k)
{
	struct kvm_vram *t = &k->vram;

	unprotect(t);
	t->slot = -1;
	t->lost = true;
	wake(t);
}

/* --- dirty pages --- */

/*
 * A page that is found and cleared costs KVM's guest a fault when it is written again. One that two
 * looks running find is hot: it is not cleared, which leaves it writable and in the log, so each
 * look finds it, written or not. Who draws compares anyway. From time to time all are cleared; what
 * the next look finds is hot again. As nothing is forgotten that has not been cleared, an empty
 * log still means that nothing was written.
 */

/* Of n pages from first on, in whole words, as logged; returns how many were dirty. */
static unsigned add_pages(struct kvm *k, const unsigned long *log, uint64_t first, uint64_t n,
			  const struct vram_look *look)
{
	unsigned long *to = look->bitmap + first / BITS_PER_LONG;
	unsigned shift = first % BITS_PER_LONG, found = 0;

	for (size_t i = 0; i * BITS_PER_LONG < n; i++) {
		if (!log[i])
			continue;
		to[i] |= log[i] << shift;
		if (shift && log[i] >> (BITS_PER_LONG - shift))
			to[i + 1] |= log[i] >> (BITS_PER_LONG - shift);
		found += __builtin_popcountl(log[i]);
	}
	k->stats.dirty_pages += found;
	return found;
}

/* Two logs for as many pages, kept until more are asked for. */
static bool have_logs(struct kvm_vram *t, uint64_t pages)
{
	size_t words = (pages + BITS_PER_LONG - 1) / BITS_PER_LONG;

	if (words <= t->words)
		return true;
	free(t->log);
	free(t->found);
	t->log = calloc(words, sizeof(*t->log));
	t->found = calloc(words, sizeof(*t->found));
	t->words = t->log && t->found ? words : 0;
	return t->words;
}

/* From what was found to what is to be cleared of it, which may be nothing: false. */
static bool leave_hot(struct kvm_vram *t, size_t from, size_t end, bool none_hot)
{
	unsigned long any = 0;

	for (size_t i = from; i < end; i++) {
		unsigned long found = t->log[i], before = none_hot ? 0 : t->found[i];

		t->found[i] = found;
		t->log[i] = found & ~before;
		any |= t->log[i];
	}
	return any;
}

static int clear(struct kvm *k, unsigned n, size_t from, size_t end)
{
	uint64_t first = from * BITS_PER_LONG, pages = k->slot[n].len / PAGE;
	struct kvm_clear_dirty_log clear = {
		.slot = n,
		.first_page = first,
		.num_pages = (end * BITS_PER_LONG < pages ? end * BITS_PER_LONG : pages) - first,
		.dirty_bitmap = k->vram.log + from,
	};

	return ioctl(k->vm, KVM_CLEAR_DIRTY_LOG, &clear) ? -errno : 0;
}

/*
 * Moves len bytes at off of one slot's log, or some pages more, into the bitmap; the number of
 * dirty pages, or -errno.
 */
static int fetch_part(struct kvm *k, unsigned n, uint64_t off, uint64_t len, bool none_hot,
		      const struct vram_look *look)
{
	struct kvm_vram *t = &k->vram;
	const struct kvm_slot *s = &k->slot[n];
	size_t from = off / PAGE / BITS_PER_LONG;
	size_t end = ((off + len) / PAGE + BITS_PER_LONG - 1) / BITS_PER_LONG;
	struct kvm_dirty_log get = { .slot = n };
	int found, err = 0;

	if (!have_logs(t, s->len / PAGE))
		return -ENOMEM;
	get.dirty_bitmap = t->log;
	k->stats.dirty_queries++;
	if (ioctl(k->vm, KVM_GET_DIRTY_LOG, &get))
		return -errno;
	found = add_pages(k, t->log + from, s->off / PAGE + from * BITS_PER_LONG,
			  (end - from) * BITS_PER_LONG, look);
	if (leave_hot(t, from, end, none_hot))
		err = clear(k, n, from, end);
	return err ? err : found;
}

static int fetch_all(struct kvm *k, struct vram_look *look)
{
	int err = 0;

	for (unsigned i = 0; i < KVM_SLOTS && err >= 0; i++)
		if (k->slot[i].len && k->slot[i].region == look->region)
			err = fetch_part(k, i, 0, k->slot[i].len, true, look);
	return err < 0 ? err : 0;
}

/* What is tracked. */
static int fetch(struct kvm *k, bool none_hot, const struct vram_look *look)
{
	struct kvm_vram *t = &k->vram;

	return fetch_part(k, t->slot, t->off - k->slot[t->slot].off, t->len, none_hot, look);
}

/* --- rest on KVM --- */

static bool same_range(const struct kvm_vram *t, unsigned slot, const struct vram_look *look)
{
	return t->slot == (int)slot && t->off == look->off && t->len == look->len &&
	       t->idle_ns == look->idle_ns;
}

static void set_range(struct kvm_vram *t, unsigned slot, const struct vram_look *look)
{
	t->slot = (int)slot;
	t->off = look->off;
	t->len = look->len;
	t->idle_ns = look->idle_ns;
}

/* What was written between the look and the loss of write access is in the log. */
static int protect(struct kvm *k, struct vram_look *look)
{
	struct kvm_vram *t = &k->vram;
	const struct kvm_slot *s = &k->slot[t->slot];
	uint8_t *range = s->host + (t->off - s->off);
	int found;

	if (s->host == s->region->host + s->off || mprotect(range, t->len, PROT_READ))
		return 0; /* no mapping of the guest's own */
	t->held = range;
	t->turns++;
	found = fetch(k, true, look);
	if (found)
		unprotect(t);
	return found;
}

static int look_and_protect(struct kvm *k, unsigned slot, struct vram_look *look)
{
	struct kvm_vram *t = &k->vram;
	uint64_t now = machine_now(k->m);
	bool none_hot;
	int found;

	if (!same_range(t, slot, look)) {
		unprotect(t);
		set_range(t, slot, look);
		t->last_found = now;
	}
	if (!t->held) {
		none_hot = now - t->last_clear >= t->idle_ns / HOT_PART;
		if (none_hot)
			t->last_clear = now;
		found = fetch(k, none_hot, look);
		if (!found && now - t->last_found >= t->idle_ns)
			found = protect(k, look);
		if (found)
			t->last_found = now;
		if (found < 0)
			return found;
	}
	t->idle = look->idle = t->held != NULL;
	return 0;
}

/* --- rest on /dev/caisson --- */

static int start_tracking(struct kvm *k, unsigned slot, const struct vram_look *look)
{
	struct kvm_vram *t = &k->vram;
	struct caisson_vram_tracking set = {
		.slot = slot,
		.fd = t->event,
		.offset = look->off - k->slot[slot].off,
		.len = look->len,
		.idle_ns = look->idle_ns,
	};

	t->slot = -1;
	if (ioctl(k->vm, CAISSON_SET_VRAM_TRACKING, &set))
		return -errno;
	set_range(t, slot, look);
	k->stats.vram_faults += t->faults;
	t->faults = 0;
	return 0;
}

static int ask(struct kvm *k, struct vram_look *look)
{
	struct kvm_vram *t = &k->vram;
	struct caisson_vram_dirty get = { .slot = t->slot };
	int err = 0;

	if (!have_logs(t, t->len / PAGE))
		return -ENOMEM;
	memset(t->log, 0, t->words * sizeof(*t->log));
	get.bitmap = (uintptr_t)t->log;
	k->stats.dirty_queries++;
	if (ioctl(k->vm, CAISSON_GET_VRAM_DIRTY, &get))
		err = -errno;
	else
		add_pages(k, t->log, t->off / PAGE, t->len / PAGE, look);
	t->faults = get.faults;
	t->idle = look->idle = !err && get.state == CAISSON_VRAM_IDLE;
	return err;
}

static int look_and_ask(struct kvm *k, unsigned slot, struct vram_look *look)
{
	int err = same_range(&k->vram, slot, look) ? 0 : start_tracking(k, slot, look);

	return err ? fetch_all(k, look) : ask(k, look);
}

/* --- looks --- */

static bool holds(const struct kvm_slot *s, const struct vram_look *look)
{
	return look->off >= s->off && look->off - s->off <= s->len &&
	       look->len <= s->len - (look->off - s->off);
}

int kvm_vram_look(struct kvm *k, struct vram_look *look)
{
	struct kvm_vram *t = &k->vram;
	unsigned n = 0, slots = 0;

	t->woken = look->woken;
	t->dev = look->dev;
	t->idle = look->idle = false;
	for (unsigned i = 0; i < KVM_SLOTS; i++) {
		if (k->slot[i].len && k->slot[i].region == look->region) {
			n = i;
			slots++;
		}
	}
	if (t->lost)
		memset(look->bitmap, 0xff, look->region->len / PAGE / 8);
	t->lost = false;
	if (!slots) { /* out of the guest's reach, until it moves */
		t->idle = look->idle = look->rest;
		return 0;
	}
	if (!look->rest || slots > 1 || !holds(&k->slot[n], look))
		return fetch_all(k, look);
	return t->extension ? look_and_ask(k, n, look) : look_and_protect(k, n, look);
}

uint64_t kvm_vram_idle_ns(const struct kvm *k)
{
	return k->vram.extension ? 0 : KVM_IDLE_NS;
}

/* --- start and end --- */

/* Made once, when a slot shows the region for the first time, and kept. */
uint8_t *kvm_vram_host(struct kvm *k, struct region *r)
{
	struct kvm_vram *t = &k->vram;
	unsigned i = 0;

	while (i < KVM_VIEWS && t->view[i].region && t->view[i].region != r)
		i++;
	if (t->extension || i == KVM_VIEWS)
		return r->host;
	if (!t->view[i].region) {
		void *view = mremap(r->host, 0, r->len, MREMAP_MAYMOVE);

		t->view[i].region = r;
		t->view[i].host = view == MAP_FAILED ? NULL : view;
	}
	return t->view[i].host ? t->view[i].host : r->host;
}

int kvm_vram_init(struct kvm *k)
{
	struct kvm_vram *t = &k->vram;
	int err = 0;

	t->slot = -1;
	t->extension = ioctl(k->vm, KVM_CHECK_EXTENSION, CAISSON_CAP_VRAM_TRACKING) > 0;
	if (!t->extension)
		return 0;
	t->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (t->event < 0)
		return -errno;
	machine_lock(k->m);
	/* by its edge: what was told counts, not how often, so nobody reads it */
	err = loop_add(k->m->loop, &t->watch, t->event, EPOLLIN | EPOLLET, event_ready, t);
	loop_name(k->m->loop, &t->watch, "video memory");
	machine_unlock(k->m);
	return err;
}

void kvm_vram_fini(struct kvm *k)
{
	struct kvm_vram *t = &k->vram;

	if (t->watch.added)
		loop_del(k->m->loop, &t->watch);
	if (t->extension && t->event >= 0)
		close(t->event);
	free(t->log);
	free(t->found);
	for (unsigned i = 0; i < KVM_VIEWS; i++)
		if (t->view[i].host)
			munmap(t->view[i].host, t->view[i].region->len);
}
