// SPDX-License-Identifier: GPL-2.0-only
/* Raw images: opening and refusing, locks, requests and their order, discarded changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dm/block.h"
#include "machine/machine_priv.h"

enum { SIZE = 1 << 20 };

struct fixture {
	struct machine m;
	char dir[32], path[64];
};

/*
 * Stand in front of the C library's, to see in which order they are called and to make the disk
 * full.
 */
static _Atomic unsigned writes, syncs, writes_at_sync;
static _Atomic bool disk_full;

int fdatasync(int fd)
{
	writes_at_sync = writes;
	syncs++;
	return syscall(SYS_fdatasync, fd);
}

ssize_t pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	if (disk_full) {
		errno = ENOSPC;
		return -1;
	}
	writes++;
	return syscall(SYS_pwrite64, fd, buf, len, offset);
}

static uint64_t no_time(void *arg)
{
	(void)arg;
	return 0;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fd;

	machine_init(&f->m, no_time, NULL, NULL);
	strcpy(f->dir, "/tmp/test-block-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/image", f->dir);
	fd = open(f->path, O_CREAT | O_RDWR, 0600);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	close(fd);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	rmdir(f->dir);
	machine_fini(&f->m);
	free(f);
	return 0;
}

static struct block *open_with(struct fixture *f, const struct block_options *opt)
{
	struct block *b;
	char *why;

	assert_int_equal(block_open_raw(&b, &f->m, f->path, opt, &why), 0);
	assert_non_null(b);
	return b;
}

static void refused(struct fixture *f, const char *path, bool read_only, int err, const char *word)
{
	struct block_options opt = { .read_only = read_only };
	struct block *b = (void *)1;
	char *why = NULL;

	assert_int_equal(block_open_raw(&b, &f->m, path, &opt, &why), -err);
	assert_null(b);
	assert_non_null(why);
	assert_non_null(strstr(why, path)); /* names the culprit */
	if (!strstr(why, word))
		fail_msg("'%s' does not say '%s'", why, word);
	free(why);
}

/* --- requests --- */

struct waiter {
	struct block_req req;
	int err, order;
	bool done;
};

static int finished; /* requests so far; under the machine lock */

static void done(struct block_req *r, int err)
{
	struct waiter *w = r->owner;

	w->err = err;
	w->order = ++finished;
	w->done = true;
}

static void submit(struct block *b, struct waiter *w, enum block_op op, void *buf, size_t len,
		   uint64_t offset)
{
	*w = (struct waiter){ .req = { .op = op, .buf = buf, .len = len, .offset = offset,
				       .done = done, .owner = w } };
	block_submit(b, &w->req);
}

static void wait_for(struct fixture *f, struct waiter *w)
{
	while (!w->done) {
		machine_unlock(&f->m);
		usleep(100);
		machine_lock(&f->m);
	}
}

static int request(struct fixture *f, struct block *b, enum block_op op, void *buf, size_t len,
		   uint64_t offset)
{
	struct waiter w;

	machine_lock(&f->m);
	submit(b, &w, op, buf, len, offset);
	assert_false(w.done); /* never from submit, and not without the lock */
	wait_for(f, &w);
	machine_unlock(&f->m);
	return w.err;
}

static void reads_and_writes(void **state)
{
	struct fixture *f = *state;
	struct block *b = open_with(f, &(struct block_options){ 0 });
	uint8_t out[5000], in[5000];

	assert_int_equal(block_size(b), SIZE);
	assert_string_equal(block_path(b), f->path);
	assert_false(block_read_only(b));
	for (unsigned i = 0; i < sizeof(out); i++)
		out[i] = i * 7;
	assert_int_equal(request(f, b, BLOCK_WRITE, out, sizeof(out), 1536), 0);
	assert_int_equal(request(f, b, BLOCK_FLUSH, NULL, 0, 0), 0);
	assert_int_equal(request(f, b, BLOCK_READ, in, sizeof(in), 1536), 0);
	assert_memory_equal(in, out, sizeof(in));
	block_close(b);
}

static void limits(void **state)
{
	struct fixture *f = *state;
	struct block *b = open_with(f, &(struct block_options){ 0 });
	uint8_t buf[1024];

	assert_int_equal(request(f, b, BLOCK_READ, buf, 1024, SIZE - 1024), 0);
	assert_int_equal(request(f, b, BLOCK_READ, buf, 1024, SIZE - 512), -EIO);
	assert_int_equal(request(f, b, BLOCK_WRITE, buf, 1024, SIZE - 512), -EIO);
	assert_int_equal(request(f, b, BLOCK_READ, buf, 512, UINT64_MAX - 100), -EIO);
	assert_int_equal(request(f, b, BLOCK_READ, buf, 512, 1ull << 63), -EIO);
	assert_int_equal(request(f, b, BLOCK_READ, buf, 0, SIZE), 0);
	block_close(b);
}

/* While we hold the lock nothing completes; then everything does, in order. */
static void many_requests(void **state)
{
	struct fixture *f = *state;
	struct block *b = open_with(f, &(struct block_options){ 0 });
	struct waiter w[20];
	uint32_t buf[20][128];

	finished = 0;
	machine_lock(&f->m);
	for (unsigned i = 0; i < 20; i++) {
		buf[i][0] = i;
		submit(b, &w[i], i == 19 ? BLOCK_FLUSH : BLOCK_WRITE, buf[i], i == 19 ? 0 : 512,
		       i * 512);
	}
	usleep(2000);
	assert_int_equal(finished, 0);
	for (unsigned i = 0; i < 20; i++) {
		wait_for(f, &w[i]);
		assert_int_equal(w[i].err, 0);
		assert_int_equal(w[i].order, i + 1);
	}
	machine_unlock(&f->m);
	block_close(b);
}

static void close_waits(void **state)
{
	struct fixture *f = *state;
	struct block *b = open_with(f, &(struct block_options){ 0 });
	struct waiter w[8];
	uint8_t buf[8][512];

	machine_lock(&f->m);
	for (unsigned i = 0; i < 8; i++)
		submit(b, &w[i], BLOCK_READ, buf[i], 512, 0);
	machine_unlock(&f->m);
	block_close(b);
	for (unsigned i = 0; i < 8; i++)
		assert_true(w[i].done);
}

static void errors_arrive(void **state)
{
	struct fixture *f = *state;
	struct block *b = open_with(f, &(struct block_options){ 0 });
	struct rlimit old, limit;
	uint8_t buf[512] = { 0 };

	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = 4096;
	setrlimit(RLIMIT_FSIZE, &limit); /* its signal must not end us */
	assert_int_equal(request(f, b, BLOCK_WRITE, buf, 512, 8192), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(request(f, b, BLOCK_WRITE, buf, 512, 8192), 0);
	assert_int_equal(truncate(f->path, 4096), 0);
	assert_int_equal(request(f, b, BLOCK_READ, buf, 512, 8192), -EIO);
	block_close(b);
	assert_int_equal(truncate(f->path, SIZE), 0);
	b = open_with(f, &(struct block_options){ .read_only = true });
	assert_true(block_read_only(b));
	assert_int_equal(request(f, b, BLOCK_WRITE, buf, 512, 0), -EROFS);
	assert_int_equal(request(f, b, BLOCK_FLUSH, NULL, 0, 0), 0);
	block_close(b);
}

/* Whoever is told that a flush is done finds all writes before it synced, and no sync too many. */
static void flushes(void **state)
{
	struct fixture *f = *state;
	struct block *b = open_with(f, &(struct block_options){ 0 });
	struct waiter w[6];
	uint8_t buf[512] = { 1 };
	unsigned before = syncs;

	machine_lock(&f->m);
	writes = 0;
	for (unsigned i = 0; i < 5; i++)
		submit(b, &w[i], BLOCK_WRITE, buf, 512, i * 512);
	submit(b, &w[5], BLOCK_FLUSH, NULL, 0, 0);
	wait_for(f, &w[5]);
	assert_int_equal(syncs, before + 1);
	assert_int_equal(writes_at_sync, 5);
	machine_unlock(&f->m);
	block_close(b);
}

/* The write comes through in the end, and the machine was asked to stand still meanwhile. */
static void full_disk(void **state)
{
	struct fixture *f = *state;
	struct block_options opt = { .wait_for_room = true, .guest = "web" };
	struct block *b = open_with(f, &opt);
	struct waiter w[2];
	uint8_t out[512] = { 7 }, in[512] = { 0 };

	disk_full = true;
	machine_lock(&f->m);
	submit(b, &w[0], BLOCK_WRITE, out, 512, 1024);
	submit(b, &w[1], BLOCK_READ, in, 512, 1024);
	for (unsigned i = 0; i < 5000 && !f->m.pause_wanted; i++) {
		machine_unlock(&f->m);
		usleep(1000);
		machine_lock(&f->m);
	}
	assert_true(f->m.pause_wanted);
	f->m.pause_wanted = false;
	block_retry(b); /* too early: it asks again */
	for (unsigned i = 0; i < 5000 && !f->m.pause_wanted; i++) {
		machine_unlock(&f->m);
		usleep(1000);
		machine_lock(&f->m);
	}
	assert_true(f->m.pause_wanted);
	assert_false(w[0].done);
	disk_full = false;
	block_retry(b);
	wait_for(f, &w[1]);
	assert_int_equal(w[0].err, 0);
	assert_memory_equal(in, out, 512);
	machine_unlock(&f->m);
	block_close(b);
}

static void full_disk_does_not_keep_from_closing(void **state)
{
	struct fixture *f = *state;
	struct block *b = open_with(f, &(struct block_options){ .wait_for_room = true });
	struct waiter w[2];
	uint8_t buf[512] = { 0 };

	disk_full = true;
	machine_lock(&f->m);
	submit(b, &w[0], BLOCK_WRITE, buf, 512, 0);
	submit(b, &w[1], BLOCK_WRITE, buf, 512, 512);
	machine_unlock(&f->m);
	block_close(b);
	assert_true(w[0].done && w[1].done);
	assert_int_equal(w[0].err, -ENOSPC);
	b = open_with(f, &(struct block_options){ 0 }); /* nobody would resume this one */
	assert_int_equal(request(f, b, BLOCK_WRITE, buf, 512, 0), -ENOSPC);
	disk_full = false;
	block_close(b);
}

/* --- discard --- */

static uint64_t blocks_of(struct fixture *f)
{
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	return st.st_blocks;
}

static void fill_image(struct fixture *f, uint8_t byte)
{
	static uint8_t buf[SIZE];
	int fd = open(f->path, O_RDWR);

	memset(buf, byte, SIZE);
	assert_int_equal(pwrite(fd, buf, SIZE, 0), SIZE);
	assert_int_equal(fsync(fd), 0);
	close(fd);
}

static bool all_are(const uint8_t *p, size_t n, uint8_t byte)
{
	while (n && *p == byte) {
		p++;
		n--;
	}
	return !n;
}

static void discard(void **state)
{
	struct fixture *f = *state;
	static uint8_t in[SIZE];
	struct block *b;
	uint64_t before;

	fill_image(f, 0x5a);
	before = blocks_of(f);
	b = open_with(f, &(struct block_options){ 0 });
	assert_int_equal(blocks_of(f), before); /* asking what can be done has done nothing */
	if (block_discard(b) != DISCARD_ZEROES) { /* such a file system: then nothing may happen */
		assert_int_equal(request(f, b, BLOCK_DISCARD, NULL, 512, 0), -EOPNOTSUPP);
		block_close(b);
		skip();
	}
	assert_int_equal(request(f, b, BLOCK_DISCARD, NULL, 300000, 512), 0);
	assert_int_equal(request(f, b, BLOCK_DISCARD, NULL, 0, 0), 0);
	assert_int_equal(request(f, b, BLOCK_DISCARD, NULL, 1024, SIZE - 512), -EIO);
	assert_int_equal(request(f, b, BLOCK_READ, in, SIZE, 0), 0);
	assert_true(all_are(in, 512, 0x5a));
	assert_true(all_are(in + 512, 300000, 0));
	assert_true(all_are(in + 300512, SIZE - 300512, 0x5a));
	assert_true(blocks_of(f) <= before - 300000 / 512 + 2 * 4096 / 512);
	assert_int_equal(block_size(b), SIZE);
	block_close(b);
	b = open_with(f, &(struct block_options){ .no_discard = true });
	assert_int_equal(block_discard(b), DISCARD_NONE);
	assert_int_equal(request(f, b, BLOCK_DISCARD, NULL, 512, 0), -EOPNOTSUPP);
	block_close(b);
	b = open_with(f, &(struct block_options){ .read_only = true });
	assert_int_equal(block_discard(b), DISCARD_NONE);
	assert_int_equal(request(f, b, BLOCK_DISCARD, NULL, 512, 0), -EROFS);
	block_close(b);
	assert_int_equal(truncate(f->path, 0), 0);
	assert_int_equal(truncate(f->path, SIZE), 0);
}

/* In an overlay, beside writes: what the guest sees is as if there were none. */
static void discard_of_discarded_changes(void **state)
{
	struct fixture *f = *state;
	static uint8_t shadow[SIZE], in[SIZE], buf[200000];
	struct block *b;
	unsigned seed = 9;

	fill_image(f, 0x77);
	memset(shadow, 0x77, SIZE);
	b = open_with(f, &(struct block_options){ .discard_changes = true });
	assert_int_equal(block_discard(b), DISCARD_ZEROES);
	for (unsigned i = 0; i < 60; i++) {
		size_t len = rand_r(&seed) % 390 * 512, at = rand_r(&seed) % 1600 * 512;
		bool write = i & 1;

		memset(buf, i + 1, len);
		memset(shadow + at, write ? i + 1 : 0, len);
		assert_int_equal(request(f, b, write ? BLOCK_WRITE : BLOCK_DISCARD, buf, len, at),
				 0);
	}
	assert_int_equal(request(f, b, BLOCK_READ, in, SIZE, 0), 0);
	assert_memory_equal(in, shadow, SIZE);
	block_close(b);
	b = open_with(f, &(struct block_options){ 0 });
	assert_int_equal(request(f, b, BLOCK_READ, in, SIZE, 0), 0);
	assert_true(all_are(in, SIZE, 0x77));
	block_close(b);
}

/* --- opening --- */

static void check_only(void **state)
{
	struct fixture *f = *state;
	struct block *b = open_with(f, &(struct block_options){ 0 });
	struct block_options opt = { 0 };
	char *why = NULL;

	assert_int_equal(block_check_raw(f->path, &opt, &why), 0); /* whoever has it */
	assert_null(why);
	assert_int_equal(block_check_raw("/nonexistent", &opt, &why), -ENOENT);
	assert_non_null(strstr(why, "/nonexistent"));
	free(why);
	block_close(b);
}

static void refusals(void **state)
{
	struct fixture *f = *state;
	char path[80];

	refused(f, "/nonexistent/image", false, ENOENT, "truncate");
	refused(f, "/nonexistent/image", true, ENOENT, "check the path");
	refused(f, f->dir, false, EISDIR, "directory");
	refused(f, f->dir, true, EISDIR, "directory");
	refused(f, "/dev/null", false, EINVAL, "neither");
	assert_int_equal(truncate(f->path, 0), 0);
	refused(f, f->path, false, EINVAL, "empty");
	assert_int_equal(truncate(f->path, 511), 0);
	refused(f, f->path, true, EINVAL, "512");
	snprintf(path, sizeof(path), "%s/fifo", f->dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(f, path, true, EINVAL, "neither"); /* and does not wait for a writer */
	unlink(path);
	if (geteuid()) {
		chmod(f->path, 0400);
		refused(f, f->path, false, EACCES, "read-only");
	}
}

static void odd_tail(void **state)
{
	struct fixture *f = *state;
	struct block *b;

	assert_int_equal(truncate(f->path, 1000), 0);
	b = open_with(f, &(struct block_options){ .read_only = true });
	assert_int_equal(block_size(b), 512);
	block_close(b);
}

static void locked_twice(void **state)
{
	struct fixture *f = *state;
	struct block_options ro = { .read_only = true };
	struct block *b = open_with(f, &(struct block_options){ 0 }), *second;

	refused(f, f->path, false, EBUSY, "twice");
	refused(f, f->path, true, EBUSY, "twice");
	block_close(b);
	b = open_with(f, &ro); /* readers share */
	second = open_with(f, &ro);
	refused(f, f->path, false, EBUSY, "twice");
	block_close(second);
	block_close(b);
	block_close(open_with(f, &(struct block_options){ 0 }));
}

/* The other process runs with arguments such as the program has. */
static void names_the_holder(void **state)
{
	struct fixture *f = *state;
	struct flock lock = { .l_type = F_WRLCK };
	int fd = open(f->path, O_RDWR), hold[2];
	char pid[16], c;
	pid_t child;

	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, hold), 0);
	child = fork();
	if (!child) {
		dup2(hold[1], 0);
		dup2(hold[1], 1);
		execl("/bin/sh", "sh", "-c", "echo; read x", "sh", "run", "--name", "web", NULL);
		_exit(1);
	}
	close(fd);
	close(hold[1]);
	assert_int_equal(read(hold[0], &c, 1), 1);
	snprintf(pid, sizeof(pid), "%d", child);
	refused(f, f->path, false, EBUSY, pid);
	refused(f, f->path, true, EBUSY, "guest web");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(hold[0]);
	block_close(open_with(f, &(struct block_options){ 0 }));
}

static int asked_pid;

static char *a_guest(int pid)
{
	asked_pid = pid;
	return strdup("db.1");
}

/* A process of ours has its plate up, which needs no look into /proc. */
static void names_the_guest(void **state)
{
	struct fixture *f = *state;
	struct block_options opt = { .guest_of = a_guest };
	int told[2], keep[2];
	struct block *b;
	char *why, c;
	pid_t child;

	assert_int_equal(pipe(told), 0);
	assert_int_equal(pipe(keep), 0);
	child = fork();
	if (!child) {
		if (!block_open_raw(&b, &f->m, f->path, &opt, &why) && write(told[1], "", 1) == 1) {
			close(keep[1]);
			_exit(read(keep[0], &c, 1) > 0);
		}
		_exit(1);
	}
	close(told[1]);
	assert_int_equal(read(told[0], &c, 1), 1);
	assert_int_equal(block_open_raw(&b, &f->m, f->path, &opt, &why), -EBUSY);
	assert_int_equal(asked_pid, child);
	assert_non_null(strstr(why, "guest db.1"));
	free(why);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(told[0]);
	close(keep[0]);
	close(keep[1]);
	block_close(open_with(f, &opt));
}

/* --- discarded changes --- */

static void discarded_changes(void **state)
{
	struct fixture *f = *state;
	static uint8_t shadow[SIZE], in[SIZE], buf[200000];
	struct block *b;
	unsigned seed = 5;
	int fd = open(f->path, O_RDWR);

	for (unsigned i = 0; i < SIZE; i++)
		shadow[i] = rand_r(&seed);
	assert_int_equal(pwrite(fd, shadow, SIZE, 0), SIZE);
	b = open_with(f, &(struct block_options){ .discard_changes = true });
	assert_false(block_read_only(b));
	for (unsigned i = 0; i < 30; i++) {
		size_t len = rand_r(&seed) % 390 * 512, at = rand_r(&seed) % 1600 * 512;

		if (i == 29) {
			len = 512;
			at = SIZE - 512;
		}
		memset(buf, i + 1, len);
		memcpy(shadow + at, buf, len);
		assert_int_equal(request(f, b, BLOCK_WRITE, buf, len, at), 0);
	}
	assert_int_equal(request(f, b, BLOCK_FLUSH, NULL, 0, 0), 0);
	assert_int_equal(request(f, b, BLOCK_READ, in, SIZE, 0), 0);
	assert_memory_equal(in, shadow, SIZE);
	block_close(b);
	seed = 5;
	assert_int_equal(pread(fd, in, SIZE, 0), SIZE);
	for (unsigned i = 0; i < SIZE; i++)
		assert_int_equal(in[i], (uint8_t)rand_r(&seed));
	close(fd);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* --- files that come open --- */

static void opened_elsewhere(void **state)
{
	struct fixture *f = *state;
	const struct block_options ro = { .read_only = true }, rw = { 0 };
	struct block_stats stats;
	struct waiter w;
	struct block *b;
	char *why = NULL, buf[512];
	int fd = open(f->path, O_RDWR | O_CLOEXEC);

	assert_int_equal(pwrite(fd, "there", 5, 512), 5);
	assert_int_equal(block_open_fd(&b, &f->m, fd, "a disc", &rw, &why), 0);
	assert_string_equal(block_path(b), "a disc");
	assert_int_equal(block_size(b), SIZE);
	refused(f, f->path, false, EBUSY, "twice"); /* it is locked */
	machine_lock(&f->m);
	submit(b, &w, BLOCK_READ, buf, 512, 512);
	wait_for(f, &w);
	machine_unlock(&f->m);
	assert_memory_equal(buf, "there", 5);
	block_read_stats(b, &stats);
	assert_int_equal(stats.requests[BLOCK_READ], 1);
	assert_int_equal(stats.bytes[BLOCK_READ], 512);
	assert_int_equal(stats.requests[BLOCK_WRITE], 0);
	block_close(b);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	/* not opened as it would have to be */
	fd = open(f->path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(block_open_fd(&b, &f->m, fd, "a disc", &rw, &why), -EBADF);
	assert_non_null(strstr(why, "a disc was not opened for writing"));
	free(why);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	fd = open(f->path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(block_open_fd(&b, &f->m, fd, "a disc", &ro, &why), -EBADF);
	free(why);
	fd = open(f->path, O_PATH | O_CLOEXEC);
	assert_int_equal(block_open_fd(&b, &f->m, fd, "a disc", &ro, &why), -EBADF);
	free(why);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_int_equal(block_open_fd(&b, &f->m, fd, "a disc", &ro, &why), -EINVAL);
	free(why);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* One who cannot wait: what is under way completes, then the file is closed, and its lock gone. */
static void ends_without_waiting(void **state)
{
	struct fixture *f = *state;
	struct block *b = open_with(f, &(struct block_options){ 0 }), *again;
	char *buf = malloc(SIZE);
	struct waiter w[8];

	machine_lock(&f->m); /* as in the loop: the worker cannot finish now */
	for (unsigned i = 0; i < 8; i++)
		submit(b, &w[i], BLOCK_READ, buf, SIZE, 0);
	block_end(b);
	assert_false(block_ended(b));
	for (unsigned i = 0; i < 8; i++)
		wait_for(f, &w[i]);
	machine_unlock(&f->m);
	while (!block_ended(b))
		usleep(1000);
	again = open_with(f, &(struct block_options){ 0 });
	block_close(again);
	block_close(b);
	free(buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(reads_and_writes), T(limits), T(many_requests), T(close_waits),
		T(errors_arrive), T(refusals), T(odd_tail), T(locked_twice),
		T(names_the_holder), T(discarded_changes), T(flushes), T(full_disk),
		T(full_disk_does_not_keep_from_closing), T(discard),
		T(discard_of_discarded_changes), T(check_only), T(names_the_guest),
		T(opened_elsewhere), T(ends_without_waiting),
	};

	return cmocka_run_group_tests_name("block_raw", tests, NULL, NULL);
}
