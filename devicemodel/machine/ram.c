// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory. Main memory is anonymous: that is what hosts give huge pages for (those of a memfd
 * are off on a stock Debian), and a small page costs the guest an exit at its first touch. Video
 * memory is a memfd: it is touched in few places, so small pages keep the process small.
 */
#include "ram.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_PAGE (2ull << 20)
#define FIRST	  (64ull << 20)

/* A mapping of len bytes that starts at a huge page: reserve one page more, give back the rest. */
static uint8_t *map_aligned(int fd, uint64_t len)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	uint8_t *room = mmap(NULL, len + HUGE_PAGE, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t before;
	uint8_t *host;

	if (room == MAP_FAILED)
		return NULL;
	before = -(uintptr_t)room & (HUGE_PAGE - 1);
	host = mmap(room + before, len, PROT_READ | PROT_WRITE,
		    flags | MAP_FIXED | MAP_NORESERVE, fd, 0);
	if (host == MAP_FAILED) {
		munmap(room, len + HUGE_PAGE);
		return NULL;
	}
	if (before)
		munmap(room, before);
	if (HUGE_PAGE - before)
		munmap(host + len, HUGE_PAGE - before);
	return host;
}

int ram_create(struct ram *r, uint64_t len)
{
	*r = (struct ram){ .fd = -1, .len = len };
	r->host = map_aligned(-1, len);
	if (!r->host)
		return -errno;
	/* advice: a host without huge pages goes on with small ones */
	madvise(r->host, len, MADV_HUGEPAGE);
	madvise(r->host, len, MADV_DONTDUMP);
	madvise(r->host, len, MADV_DONTFORK);
	return 0;
}

/* Advice, too. */
void ram_take_first(struct ram *r)
{
	uint64_t quarter = r->len / 4;

	madvise(r->host, quarter < FIRST ? quarter : FIRST, MADV_POPULATE_WRITE);
}

int ram_create_small(struct ram *r, const char *name, uint64_t len)
{
	int err;

	*r = (struct ram){ .fd = memfd_create(name, MFD_CLOEXEC), .len = len };
	if (r->fd < 0)
		return -errno;
	if (!ftruncate(r->fd, len))
		r->host = map_aligned(r->fd, len);
	if (!r->host) {
		err = errno;
		close(r->fd);
		return -err;
	}
	madvise(r->host, len, MADV_DONTDUMP);
	return 0;
}

void ram_destroy(struct ram *r)
{
	if (!r->host)
		return;
	munmap(r->host, r->len);
	if (r->fd >= 0)
		close(r->fd);
	r->host = NULL;
}

/* Piece by piece: mincore() gives a byte for each page. */
uint64_t ram_resident(const struct ram *r)
{
	static const uint64_t page = 4096;
	unsigned char there[4096];
	uint64_t n = 0;

	for (uint64_t at = 0; at < r->len; at += sizeof(there) * page) {
		uint64_t len = r->len - at;

		if (len > sizeof(there) * page)
			len = sizeof(there) * page;
		if (mincore(r->host + at, len, there))
			return n;
		for (uint64_t i = 0; i < len / page; i++)
			n += (there[i] & 1) * page;
	}
	return n;
}
