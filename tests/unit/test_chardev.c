// SPDX-License-Identifier: GPL-2.0-only
/* Character back ends, with a real event loop: files, pseudo-terminals, stdio. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/loop_priv.h"
#include "dm/chardev.h"
#include "dm/loop.h"
#include "dm/machine.h"
#include "machine/machine_priv.h"

enum { FLOOD = 1 << 20, PATIENCE_MS = 5000, QUIET_MS = 60, BUSY_MS = 30 };

/* A device with as much room as the test gives it. */
struct box {
	struct machine m;
	struct loop *loop;
	pthread_t thread;
	struct chardev *c;
	char *where, *why;
	char got[4096];
	size_t got_len, room;
	int saved_in, saved_out;
};

static size_t box_rx(void *dev, const uint8_t *p, size_t n)
{
	struct box *b = dev;

	if (n > b->room)
		n = b->room;
	assert_true(b->got_len + n < sizeof(b->got));
	memcpy(b->got + b->got_len, p, n);
	b->got_len += n;
	b->room -= n;
	return n;
}

static void *run(void *arg)
{
	loop_run(arg);
	return NULL;
}

static int setup(void **state)
{
	struct box *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	assert_int_equal(machine_init(&b->m, loop_host_now, loop_rearm, &b->m), 0);
	b->loop = loop_create(&b->m);
	assert_non_null(b->loop);
	b->room = 1000;
	b->saved_in = fcntl(0, F_DUPFD_CLOEXEC, 100);
	b->saved_out = fcntl(1, F_DUPFD_CLOEXEC, 100);
	assert_int_equal(pthread_create(&b->thread, NULL, run, b->loop), 0);
	*state = b;
	return 0;
}

static void close_port(struct box *b)
{
	machine_lock(&b->m);
	chr_close(b->c);
	b->c = NULL;
	machine_unlock(&b->m);
}

static int teardown(void **state)
{
	struct box *b = *state;

	close_port(b);
	loop_quit(b->loop);
	pthread_join(b->thread, NULL);
	fflush(stdout);
	dup2(b->saved_in, 0);
	dup2(b->saved_out, 1);
	close(b->saved_in);
	close(b->saved_out);
	loop_destroy(b->loop);
	machine_fini(&b->m);
	free(b->where);
	free(b->why);
	free(b);
	return 0;
}

static int open_port(struct box *b, const char *spec)
{
	int err;

	machine_lock(&b->m);
	err = chr_open(&b->c, &b->m, spec, &b->where, &b->why);
	if (b->c) {
		chr_attach(b->c, box_rx, b);
		chr_rx_ready(b->c);
	}
	machine_unlock(&b->m);
	return err;
}

static void send(struct box *b, const void *p, size_t n)
{
	machine_lock(&b->m);
	chr_write(b->c, p, n);
	machine_unlock(&b->m);
}

static void make_room(struct box *b, size_t room)
{
	machine_lock(&b->m);
	b->room = room;
	chr_rx_ready(b->c);
	machine_unlock(&b->m);
}

static size_t got_len(struct box *b)
{
	size_t n;

	machine_lock(&b->m);
	n = b->got_len;
	machine_unlock(&b->m);
	return n;
}

static void wait_got(struct box *b, const char *want)
{
	for (int i = 0; i < PATIENCE_MS && got_len(b) < strlen(want); i++)
		usleep(1000);
	assert_int_equal(got_len(b), strlen(want));
	assert_memory_equal(b->got, want, strlen(want));
}

/* The event loop uses next to no processor time for a while. */
static void assert_idle(struct box *b)
{
	struct timespec before, after;
	clockid_t clock;
	int64_t ns;

	assert_int_equal(pthread_getcpuclockid(b->thread, &clock), 0);
	clock_gettime(clock, &before);
	usleep(QUIET_MS * 1000);
	clock_gettime(clock, &after);
	ns = (after.tv_sec - before.tv_sec) * 1000000000ll + after.tv_nsec - before.tv_nsec;
	assert_true(ns < BUSY_MS * 1000000ll);
}

static void read_all(int fd, char *p, size_t n)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	for (size_t done = 0; done < n;) {
		ssize_t now;

		assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
		now = read(fd, p + done, n - done);
		assert_true(now > 0);
		done += now;
	}
}

/* --- choice and files ---------------------------------------------------------------------- */

static void test_names(void **state)
{
	static const char *const wrong[] = { "", "tcp:1", "file:", "stdio2",
					    "file:/nowhere/at/all" };
	struct box *b = *state;

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_true(open_port(b, wrong[i]) < 0);
		assert_null(b->c);
		assert_non_null(b->why);
		assert_non_null(strstr(b->why, wrong[i][0] == 'f' && wrong[i][5] ? "/nowhere" :
				       wrong[i]));
		free(b->why);
		b->why = NULL;
	}
	assert_int_equal(open_port(b, "none"), 0);
	assert_null(b->c);
	chr_write(NULL, (const uint8_t *)"x", 1);
	chr_rx_ready(NULL);
}

static void test_file(void **state)
{
	struct box *b = *state;
	char path[] = "/tmp/caisson-chr-XXXXXX", spec[64], text[64] = "";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "something older and longer", 26), 26);
	snprintf(spec, sizeof(spec), "file:%s", path);
	assert_int_equal(open_port(b, spec), 0);
	assert_non_null(strstr(b->where, path));
	send(b, "line 1\n", 7);
	send(b, "line 2\n", 7);
	close_port(b);
	assert_int_equal(pread(fd, text, sizeof(text), 0), 14);
	assert_string_equal(text, "line 1\nline 2\n");
	close(fd);
	unlink(path);
}

/* --- pseudo-terminal ----------------------------------------------------------------------- */

static int open_slave(struct box *b)
{
	char path[64];
	int fd;

	assert_int_equal(sscanf(strstr(b->where, "/dev/"), "%63s", path), 1);
	fd = open(path, O_RDWR | O_NOCTTY);
	assert_true(fd >= 0);
	return fd;
}

static void test_pty(void **state)
{
	struct box *b = *state;
	char text[32] = "";
	int fd;

	assert_int_equal(open_port(b, "pty"), 0);
	assert_idle(b); /* nobody there */
	send(b, "early\r\n", 7);
	for (int i = 0; i < 3; i++) {
		fd = open_slave(b);
		close(fd); /* came and went */
	}
	assert_idle(b);
	fd = open_slave(b);
	read_all(fd, text, 7);
	assert_string_equal(text, "early\r\n");
	assert_int_equal(write(fd, "root\r", 5), 5);
	wait_got(b, "root\r"); /* raw: no echo, no translation */
	send(b, "ok", 2);
	read_all(fd, text, 2);
	assert_memory_equal(text, "ok", 2);
	close(fd);
}

static void test_flow(void **state)
{
	struct box *b = *state;
	int fd;

	assert_int_equal(open_port(b, "pty"), 0);
	b->room = 4;
	fd = open_slave(b);
	assert_int_equal(write(fd, "0123456789", 10), 10);
	wait_got(b, "0123");
	assert_idle(b); /* bytes wait, the device has no room: no reason to be awake */
	make_room(b, 3);
	wait_got(b, "0123456");
	make_room(b, 100);
	wait_got(b, "0123456789");
	assert_int_equal(write(fd, "abc", 3), 3);
	wait_got(b, "0123456789abc");
	close(fd);
}

static void test_pty_nobody_reads(void **state)
{
	struct box *b = *state;
	char *flood = malloc(FLOOD), *text = calloc(1, FLOOD);
	struct timespec t0, t1;
	int fd;

	assert_non_null(flood);
	assert_non_null(text);
	for (int i = 0; i < FLOOD; i++)
		flood[i] = 'a' + i % 23;
	assert_int_equal(open_port(b, "pty"), 0);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (int i = 0; i < FLOOD; i += 1024)
		send(b, flood + i, 1024);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	assert_true(t1.tv_sec - t0.tv_sec < 3);
	assert_idle(b);
	/* who comes late finds the beginning, without a gap */
	fd = open_slave(b);
	read_all(fd, text, 200000);
	assert_memory_equal(text, flood, 200000);
	close(fd);
	free(flood);
	free(text);
}

/* --- standard input and output --------------------------------------------------------------- */

static void redirect(int in, int out)
{
	fflush(stdout);
	if (in >= 0)
		assert_int_equal(dup2(in, 0), 0);
	if (out >= 0)
		assert_int_equal(dup2(out, 1), 1);
}

static void test_stdio_pipes(void **state)
{
	struct box *b = *state;
	int in[2], out[2];
	char text[8] = "";

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	redirect(in[0], out[1]);
	close(in[0]);
	close(out[1]);
	assert_int_equal(open_port(b, "stdio"), 0);
	assert_null(b->where);
	assert_int_equal(write(in[1], "in", 2), 2);
	wait_got(b, "in");
	send(b, "out", 3);
	read_all(out[0], text, 3);
	assert_string_equal(text, "out");
	/* the flag is not forced on those who share the pipe */
	assert_false(fcntl(0, F_GETFL) & O_NONBLOCK);
	assert_false(fcntl(1, F_GETFL) & O_NONBLOCK);
	close(in[1]);
	assert_idle(b); /* end of input */
	send(b, "out", 3);
	read_all(out[0], text, 3);
	close(out[0]);
	send(b, "lost", 4); /* the reader is gone: no signal, no error */
	send(b, "lost", 4);
	assert_idle(b);
}

/* The input ends while the device has no room. */
static void test_stdio_end_when_full(void **state)
{
	struct box *b = *state;
	int in[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	redirect(in[0], -1);
	close(in[0]);
	b->room = 0;
	assert_int_equal(open_port(b, "stdio"), 0);
	assert_int_equal(write(in[1], "x", 1), 1);
	close(in[1]);
	assert_idle(b);
	make_room(b, 10);
	wait_got(b, "x");
	assert_idle(b);
}

static void test_stdio_slow_reader(void **state)
{
	struct box *b = *state;
	char *flood = malloc(FLOOD), *text = calloc(1, FLOOD);
	int out[2];

	assert_non_null(flood);
	assert_non_null(text);
	for (int i = 0; i < FLOOD; i++)
		flood[i] = 'a' + i % 19;
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	redirect(-1, out[1]);
	close(out[1]);
	assert_int_equal(open_port(b, "stdio"), 0);
	send(b, flood, 200000); /* more than a pipe holds, less than is lost */
	assert_idle(b);
	read_all(out[0], text, 200000);
	assert_memory_equal(text, flood, 200000);
	/* and the other way round: what cannot be kept is dropped, nothing hangs */
	for (int i = 0; i < FLOOD; i += 4096)
		send(b, flood + i, 4096);
	read_all(out[0], text, 250000);
	assert_memory_equal(text, flood, 250000);
	close(out[0]);
	free(flood);
	free(text);
}

static void test_stdio_closed(void **state)
{
	struct box *b = *state;

	fflush(stdout);
	close(0);
	close(1);
	assert_int_equal(open_port(b, "stdio"), 0);
	send(b, "x", 1);
	assert_idle(b);
}

static void test_stdio_null(void **state)
{
	struct box *b = *state;
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	redirect(fd, fd);
	close(fd);
	assert_int_equal(open_port(b, "stdio"), 0);
	send(b, "x", 1);
	make_room(b, 10);
	assert_idle(b);
	assert_int_equal(got_len(b), 0);
}

static void test_stdio_from_file(void **state)
{
	struct box *b = *state;
	char path[] = "/tmp/caisson-chr-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a script\nof two lines\n", 22), 22);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	redirect(fd, -1);
	close(fd);
	unlink(path);
	b->room = 5;
	assert_int_equal(open_port(b, "stdio"), 0);
	wait_got(b, "a scr");
	make_room(b, 100);
	wait_got(b, "a script\nof two lines\n");
	make_room(b, 100);
	assert_idle(b);
}

/* --- the user's terminal --------------------------------------------------------------------- */

struct tty {
	int master, ready;
	pid_t child;
	struct termios before;
};

static void child_main(const char *slave, int ready, int how)
{
	struct box *b = calloc(1, sizeof(*b));
	int fd;

	setsid();
	fd = open(slave, O_RDWR);
	dup2(fd, 0);
	dup2(fd, 1);
	machine_init(&b->m, loop_host_now, loop_rearm, &b->m);
	b->loop = loop_create(&b->m);
	b->room = 100;
	if (open_port(b, "stdio") || !b->where)
		_exit(9);
	if (write(ready, "r", 1) != 1)
		_exit(9);
	if (how == SIGTERM || how == SIGABRT)
		raise(how);
	if (how == SIGUSR1) { /* end from the terminal */
		pthread_create(&b->thread, NULL, run, b->loop);
		for (int i = 0; i < PATIENCE_MS && b->m.stop_wanted == STOP_NONE; i++)
			usleep(1000);
		exit(b->m.stop_wanted == STOP_REQUESTED ? 3 : 9);
	}
	if (read(0, b->got, 1) < 0) /* wait for the test to have looked */
		_exit(9);
	exit(3);
}

static struct tty start_child(int how)
{
	struct tty t;
	int ready[2];
	char c;

	t.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(t.master >= 0);
	assert_int_equal(grantpt(t.master) || unlockpt(t.master), 0);
	assert_int_equal(tcgetattr(t.master, &t.before), 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	fflush(NULL);
	t.child = fork();
	if (!t.child)
		child_main(ptsname(t.master), ready[1], how);
	close(ready[1]);
	t.ready = ready[0];
	read_all(t.ready, &c, 1);
	return t;
}

/* It has ended; gives how, and the terminal is as it was. */
static int end_child(struct tty *t)
{
	struct termios now;
	int status;

	assert_int_equal(waitpid(t->child, &status, 0), t->child);
	assert_int_equal(tcgetattr(t->master, &now), 0);
	assert_int_equal(now.c_lflag, t->before.c_lflag);
	assert_int_equal(now.c_iflag, t->before.c_iflag);
	close(t->master);
	close(t->ready);
	return status;
}

static void test_terminal(void **state)
{
	struct tty t = start_child(0);
	struct termios now;
	int status;

	assert_int_equal(tcgetattr(t.master, &now), 0);
	assert_int_equal(now.c_lflag & (ECHO | ICANON | ISIG), 0);
	assert_true(t.before.c_lflag & ICANON);
	assert_int_equal(write(t.master, "x", 1), 1);
	status = end_child(&t);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

static void test_terminal_signal(void **state)
{
	struct tty t = start_child(SIGTERM);
	int status = end_child(&t);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void test_terminal_quit_key(void **state)
{
	struct tty t = start_child(SIGUSR1);
	int status;

	assert_int_equal(write(t.master, "ab\x1d", 3), 3);
	status = end_child(&t);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* first, while there is one thread only: these fork */
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_terminal_signal),
		cmocka_unit_test(test_terminal_quit_key),
		TEST(test_names),
		TEST(test_file),
		TEST(test_pty),
		TEST(test_flow),
		TEST(test_pty_nobody_reads),
		TEST(test_stdio_pipes),
		TEST(test_stdio_end_when_full),
		TEST(test_stdio_slow_reader),
		TEST(test_stdio_closed),
		TEST(test_stdio_null),
		TEST(test_stdio_from_file),
	};

	return cmocka_run_group_tests_name("chardev", tests, NULL, NULL);
}
