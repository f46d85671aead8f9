// SPDX-License-Identifier: GPL-2.0-only
/* Tests of the control socket's server, by clients well-behaved and not, and of who owns a name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control_server.h"

static int client_of(const char *name)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval patience = { .tv_sec = 5 };

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/caisson/%s.sock", folder, name);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* One line; "" at the end of the connection; fails when neither comes in time. */
static void hear(int fd, char *line, size_t size)
{
	size_t n = 0;

	for (;;) {
		ssize_t got = recv(fd, line + n, 1, 0);

		if (got < 0 && errno != ECONNRESET)
			fail_msg("no answer: %s", strerror(errno));
		if (got <= 0 || line[n] == '\n' || n + 1 == size)
			break;
		n++;
	}
	line[n] = 0;
}

static void expect(int fd, const char *request, const char *in_answer)
{
	char line[1024];

	if (*request)
		say(fd, request);
	hear(fd, line, sizeof(line));
	if (!strstr(line, in_answer))
		fail_msg("%s gave %s", request, line);
}

static void expect_end(int fd)
{
	char line[1024];

	hear(fd, line, sizeof(line));
	assert_string_equal(line, "");
	close(fd);
}

static void still_serves(void)
{
	int fd = client_of("web");

	expect(fd, "{\"request\":\"status\"}\n", "\"ok\":true");
	close(fd);
}

/* --- well-behaved clients -------------------------------------------------------------------- */

static void test_requests(void **state)
{
	int fd = client_of("web");

	expect(fd, "{\"request\":\"status\"}\n", "\"ok\":true");
	expect(fd, "{\"request\":\"status\"}\n", "\"name\":\"web\"");
	expect(fd, " {\"request\": \"status\", \"more\": [1]} \r\n", "\"vnc\":\"127.0.0.1:5907\"");
	expect(fd, "{\"request\":\"stop\"}\n", "\"ok\":true");
	expect(fd, "{\"request\":\"reset\"}\n", "\"ok\":true");
	expect(fd, "{\"request\":\"pause\"}\n", "{\"ok\":false,\"error\":\"The guest is paused");
	expect(fd, "{\"request\":\"resume\"}\n", "Operation not permitted");
	expect(fd, "{\"request\":\"leap\"}\n", "no such request");
	/* in pieces, and several at once */
	say(fd, "{\"requ");
	usleep(1000);
	expect(fd, "est\":\"stop\"}\n{\"request\":\"stop\"}\n", "\"ok\":true");
	expect(fd, "", "\"ok\":true");
	assert_int_equal(read_count(&server.stops), 3);
	assert_int_equal(read_count(&server.resets), 1);
	assert_int_equal(read_count(&server.pauses), 1);
	assert_int_equal(read_count(&server.resumes), 1);
	/* what was said before the end is still answered */
	say(fd, "{\"request\":\"status\"}\n");
	shutdown(fd, SHUT_WR);
	expect(fd, "", "\"ok\":true");
	expect_end(fd);
}

static void send_fds(int fd, const int *fds, unsigned n)
{
	char text[] = "{\"request\":\"screenshot\"}\n";
	struct iovec v = { text, sizeof(text) - 1 };
	union {
		char bytes[CMSG_SPACE(8 * sizeof(int))];
		struct cmsghdr align;
	} c = { 0 };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = &c,
			    .msg_controllen = CMSG_SPACE(n * sizeof(int)) };

	c.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(n * sizeof(int)),
				    .cmsg_level = SOL_SOCKET,
				    .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&c.align), fds, n * sizeof(int));
	assert_int_equal(sendmsg(fd, &m, MSG_NOSIGNAL), v.iov_len);
}

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void test_screenshot_descriptor(void **state)
{
	int fd = client_of("web"), file = open(folder, O_TMPFILE | O_RDWR, 0600), ends[2];
	int many[7];
	uint32_t got[2] = { 0 };
	unsigned before;

	assert_true(file >= 0 && !pipe(ends));
	expect(fd, "{\"request\":\"screenshot\"}\n", "Bad file descriptor");
	send_fds(fd, &file, 1);
	expect(fd, "", "\"ok\":true");
	assert_int_equal(pread(file, got, sizeof(got), 0), sizeof(got));
	assert_int_equal(got[0], 0x112233);
	/* it was for that request only */
	expect(fd, "{\"request\":\"screenshot\"}\n", "Bad file descriptor");
	/* the server is this process: what it keeps of the descriptors sent shows in our table */
	before = open_fds();
	send_fds(fd, &ends[1], 1);
	expect(fd, "", "\"ok\":false");
	for (unsigned i = 0; i < 7; i++)
		many[i] = file;
	for (unsigned i = 0; i < 20; i++) {
		send_fds(fd, many, 7);
		expect(fd, "", "\"ok\"");
	}
	/* the answer goes out before the last of them is closed */
	for (unsigned i = 0; i < 2000 && open_fds() != before; i++)
		usleep(1000);
	assert_int_equal(open_fds(), before);
	close(file);
	close(ends[0]);
	close(ends[1]);
	close(fd);
}

/* --- answers that come later ----------------------------------------------------------------- */

static void test_later(void **state)
{
	int fd = client_of("web"), other = client_of("web");

	/* what is behind it waits, and nobody else does */
	say(fd, "{\"request\":\"later\",\"ms\":200}\n{\"request\":\"stop\"}\n");
	expect(other, "{\"request\":\"status\"}\n", "\"ok\":true");
	assert_int_equal(read_count(&server.stops), 0);
	expect(fd, "", "{\"ok\":true}");
	expect(fd, "", "{\"ok\":true}");
	assert_int_equal(read_count(&server.stops), 1);
	expect(fd, "{\"request\":\"later\",\"ms\":0}\n", "{\"ok\":true}");
	/* one who has said all is answered */
	say(fd, "{\"request\":\"later\",\"ms\":50}\n");
	shutdown(fd, SHUT_WR);
	expect(fd, "", "{\"ok\":true}");
	expect_end(fd);
	assert_int_equal(read_count(&server.cancels), 0);
	close(other);
}

/* Of one who goes away meanwhile, or is put out, the verb hears. */
static void test_later_cancelled(void **state)
{
	int fd = client_of("web"), crowd[CONTROL_CLIENTS];

	say(fd, "{\"request\":\"later\"}\n{\"request\":\"stop\"}\n");
	still_serves();
	close(fd);
	still_serves();
	assert_int_equal(read_count(&server.cancels), 1);
	assert_int_equal(read_count(&server.stops), 0);
	fd = client_of("web");
	say(fd, "{\"request\":\"later\"}\n");
	for (unsigned i = 0; i < CONTROL_CLIENTS + 1; i++)
		still_serves();
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		int one = client_of("web");

		expect(one, "{\"request\":\"status\"}\n", "\"ok\":true");
		crowd[i] = one;
	}
	expect_end(fd);
	assert_int_equal(read_count(&server.cancels), 2);
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		close(crowd[i]);
}

/* The loop says what woke it. */
static void test_wakeups(void **state)
{
	struct loop_stats s;
	uint64_t control = 0, timers = 0;

	for (unsigned i = 0; i < 5; i++)
		still_serves();
	test_later(state);
	machine_lock(&server.m);
	s = *loop_stats(server.loop);
	machine_unlock(&server.m);
	for (unsigned i = 0; i < LOOP_SOURCES && s.source[i].name; i++) {
		if (!strcmp(s.source[i].name, "control"))
			control += s.source[i].events;
		if (!strcmp(s.source[i].name, "timers"))
			timers += s.source[i].events;
	}
	assert_true(control >= 10); /* a connection and a request each, at least */
	assert_int_equal(timers, 3);
	assert_true(s.wakeups >= 10);
}

/* --- others ---------------------------------------------------------------------------------- */

static void test_garbage(void **state)
{
	static const char *const garbage[] = {
		"\n",
		"hello\n",
		"[]\n",
		"{}\n",
		"1\n",
		"null\n",
		"{\"request\":1}\n",
		"{\"request\":\"status\"} x\n",
		"{\"request\":\"status\"}{}\n",
		"{\"request\":\"status\"\n",
		"{'request':'status'}\n",
		"{\"request\":null}\n",
		"\xff\xfe\n",
		"{\"request\":\"\xff\"}\n",
		"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}\n",
	};

	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		int fd = client_of("web");

		expect(fd, garbage[i], "\"ok\":false");
		expect_end(fd);
	}
	still_serves();
}

static void test_half_lines(void **state)
{
	int waiting = client_of("web");

	say(waiting, "{\"request\":\"st");
	for (unsigned i = 0; i < 50; i++) {
		int fd = client_of("web");

		say(fd, "{\"request\":\"kill\"}"); /* without the end of the line */
		close(fd);
	}
	still_serves();
	expect(waiting, "atus\"}\n", "\"ok\":true");
	close(waiting);
	assert_int_equal(read_count(&server.kills), 0);
}

static void test_huge_line(void **state)
{
	char *text = malloc(CONTROL_LINE + 2);
	int fd = client_of("web");
	size_t n = 0;

	/* just below the limit it is a request like any other */
	memset(text, ' ', CONTROL_LINE);
	memcpy(text, "{\"request\":\"status\"}", 20);
	strcpy(text + CONTROL_LINE - 1, "\n");
	expect(fd, text, "\"ok\":true");
	memset(text, ' ', CONTROL_LINE);
	while (n < 4 * CONTROL_LINE) {
		ssize_t sent = send(fd, text, CONTROL_LINE, MSG_NOSIGNAL);

		if (sent < 0)
			break;
		n += (size_t)sent;
	}
	expect_end(fd);
	free(text);
	still_serves();
}

static void test_never_reads(void **state)
{
	static const char request[] = "{\"request\":\"status\"}\n";
	int fd = client_of("web");
	unsigned n = 0;

	while (n < 1000000 && send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0)
		n++;
	assert_true(n < 1000000);
	assert_true(errno == EPIPE || errno == ECONNRESET);
	close(fd);
	still_serves();
}

static void test_many_clients(void **state)
{
	int fds[CONTROL_CLIENTS + 4];

	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		fds[i] = client_of("web");
		expect(fds[i], "{\"request\":\"status\"}\n", "\"ok\":true");
	}
	/* the first speaks again; so the second, third, ... have been silent the longest */
	expect(fds[0], "{\"request\":\"status\"}\n", "\"ok\":true");
	for (unsigned i = CONTROL_CLIENTS; i < CONTROL_CLIENTS + 4; i++) {
		fds[i] = client_of("web");
		expect(fds[i], "{\"request\":\"status\"}\n", "\"ok\":true");
	}
	for (unsigned i = 1; i <= 4; i++)
		expect_end(fds[i]);
	expect(fds[0], "{\"request\":\"status\"}\n", "\"ok\":true");
	expect(fds[5], "{\"request\":\"status\"}\n", "\"ok\":true");
	close(fds[0]);
	for (unsigned i = 5; i < CONTROL_CLIENTS + 4; i++)
		close(fds[i]);
	still_serves();
}

static void test_noise(void **state)
{
	static const char alphabet[] = "{}[]\":,\\request status\n\n01\xff";
	uint32_t seed = 7;

	for (unsigned round = 0; round < 300; round++) {
		int fd = client_of("web");
		char text[64];

		for (size_t i = 0; i < sizeof(text); i++) {
			seed = seed * 1664525u + 1013904223u;
			text[i] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
		}
		send(fd, text, sizeof(text), MSG_NOSIGNAL);
		close(fd);
	}
	still_serves();
}

/* --- the name -------------------------------------------------------------------------------- */

static void test_second_of_the_name(void **state)
{
	char *why = NULL, pid[32];

	snprintf(pid, sizeof(pid), "pid %d", (int)getpid());
	assert_null(start_other("web", &why));
	assert_non_null(strstr(why, pid));
	assert_non_null(strstr(why, "web"));
	free(why);
	still_serves();
}

static void test_bad_names(void **state)
{
	static const char *const names[] = { "", "../web", "a/b", ".x" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *why = NULL;

		assert_null(start_other(names[i], &why));
		assert_non_null(why);
		free(why);
	}
}

static void test_stale_files(void **state)
{
	char *why = NULL;
	int fd;

	leave_stale_files();
	assert_true(exists("dead.sock") && exists("dead.lock"));
	assert_non_null(start_other("dead", &why));
	fd = client_of("dead");
	expect(fd, "{\"request\":\"status\"}\n", "\"ok\":true");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(test_requests),
		SERVED(test_screenshot_descriptor),
		SERVED(test_later),
		SERVED(test_later_cancelled),
		SERVED(test_wakeups),
		SERVED(test_garbage),
		SERVED(test_half_lines),
		SERVED(test_huge_line),
		SERVED(test_never_reads),
		SERVED(test_many_clients),
		SERVED(test_noise),
		SERVED(test_second_of_the_name),
		SERVED(test_bad_names),
		SERVED(test_stale_files),
	};

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
