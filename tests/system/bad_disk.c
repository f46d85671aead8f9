// SPDX-License-Identifier: GPL-2.0-only
/*
 * Disks for tests/system/test_durability.py, loaded in front of the C library. With BAD_DISK=slow
 * each write takes a while before it has any effect, and often does half of what it was asked for;
 * a program that confirms too early is caught by that. With BAD_DISK=lying each write is held back
 * until the next one; that must be caught whatever the program does.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST = 128 << 10, SECTOR = 512, SLOWEST_US = 16000 };

/* Only the one thread of the one image comes here. */
static struct {
	bool held;
	int fd;
	size_t len;
	off_t offset;
	char bytes[LONGEST];
} late;
static bool lies;
static unsigned seed;

__attribute__((constructor)) static void start(void)
{
	const char *how = getenv("BAD_DISK");

	lies = how && !strcmp(how, "lying");
	seed = getpid();
}

static ssize_t lie(int fd, const void *buf, size_t len, off_t offset)
{
	if (late.held)
		syscall(SYS_pwrite64, late.fd, late.bytes, late.len, late.offset);
	if (len > LONGEST)
		len = LONGEST;
	late.held = true;
	late.fd = fd;
	late.len = len;
	late.offset = offset;
	memcpy(late.bytes, buf, len);
	return len;
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t); /* no system call, so that no sandbox minds */
	return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

static ssize_t dawdle(int fd, const void *buf, size_t len, off_t offset)
{
	int64_t end = now_us() + rand_r(&seed) % SLOWEST_US;

	if (len > SECTOR && rand_r(&seed) % 2)
		len -= len / 2 / SECTOR * SECTOR;
	while (now_us() < end)
		;
	return syscall(SYS_pwrite64, fd, buf, len, offset);
}

ssize_t pwrite64(int fd, const void *buf, size_t len, off_t offset);
ssize_t pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	return lies ? lie(fd, buf, len, offset) : dawdle(fd, buf, len, offset);
}

ssize_t pwrite64(int fd, const void *buf, size_t len, off_t offset)
{
	return pwrite(fd, buf, len, offset);
}
