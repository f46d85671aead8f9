// SPDX-License-Identifier: GPL-2.0-only
/* The core's own reads and writes of guest-physical memory, through the process's mapping of it. */
#include "core/core.h"

/* After the write, so that whoever takes the mark away before sees what was written. */
void hv_slot_written(struct hv_vcpu *v, struct hv_slot *s, uint64_t gpa, size_t n)
{
	uint64_t last = (gpa - s->gpa + n - 1) / S2_PAGE;

	if (!s->written)
		return;
	for (uint64_t page = (gpa - s->gpa) / S2_PAGE; page <= last; page++)
		cpu_or(&s->written[page / 64], 1ul << page % 64);
	if (hv_vram_rests(s, gpa, n))
		hv_vram_wake(v, s);
}

/* A page of the process that is not there must be brought in, and that may take long. */
static int copy(struct hv_vcpu *v, uint64_t gpa, uint8_t *buf, size_t n, bool write)
{
	hv_vcpu_release(v);
	while (n) {
		struct hv_slot *s = hv_slot_find(v, gpa);
		uint64_t off, part;
		int err;

		if (!s)
			return -EFAULT;
		if (write && (s->flags & HV_SLOT_READONLY))
			return -EROFS;
		off = gpa - s->gpa;
		part = n < s->len - off ? n : s->len - off;
		err = host_copy(v->vm, s->uaddr + off, buf, part, write);
		if (write)
			hv_slot_written(v, s, gpa, part); /* a copy that failed may have begun */
		if (err)
			return -EFAULT;
		gpa += part;
		buf += part;
		n -= part;
	}
	return 0;
}

/* Without sleep, where the page is there and the vCPU need not leave its processor. */
static inline bool at_once(struct hv_vcpu *v, const struct hv_slot *s, uint64_t gpa, void *buf,
			   size_t n, bool write)
{
	return v->loaded && s && n <= s->len - (gpa - s->gpa) &&
	       !host_copy(v->vm, s->uaddr + (gpa - s->gpa), buf, n, write);
}

int hv_mem_read(struct hv_vcpu *v, uint64_t gpa, void *buf, size_t n)
{
	return at_once(v, hv_slot_find(v, gpa), gpa, buf, n, false) ? 0 :
	       copy(v, gpa, buf, n, false);
}

int hv_mem_write(struct hv_vcpu *v, uint64_t gpa, const void *from, size_t n)
{
	struct hv_slot *s = hv_slot_find(v, gpa);
	void *buf = (void *)from;

	if (s && s->flags & HV_SLOT_READONLY)
		return -EROFS;
	if (!at_once(v, s, gpa, buf, n, true))
		return copy(v, gpa, buf, n, true);
	hv_slot_written(v, s, gpa, n);
	return 0;
}

int hv_mem_cmpxchg(struct hv_vcpu *v, uint64_t gpa, uint64_t *old, uint64_t val, unsigned size)
{
	struct hv_slot *s;
	int err;

	if ((size != 1 && size != 2 && size != 4 && size != 8) || gpa % size)
		return -EINVAL;
	hv_vcpu_release(v);
	s = hv_slot_find(v, gpa);
	if (!s)
		return -EFAULT;
	if (s->flags & HV_SLOT_READONLY)
		return -EROFS;
	err = host_cmpxchg(v->vm, s->uaddr + (gpa - s->gpa), old, val, size);
	if (!err)
		hv_slot_written(v, s, gpa, size);
	return err;
}
