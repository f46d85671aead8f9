// SPDX-License-Identifier: GPL-2.0-only
/* What strangers and broken browsers do to the web server, after which it must serve as before. */
#include "unit.h"

#include "web_host.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>

#define HOST "Host: localhost\r\n"

/* Sends whatever the server takes of it, and waits until it hangs up. */
static void throw_at(struct site *s, const void *bytes, size_t n)
{
	int sock = dial(s);

	if (send(sock, bytes, n, MSG_NOSIGNAL) >= 0) {
		shutdown(sock, SHUT_WR);
		assert_true(rfb_is_closed(sock));
	}
	close(sock);
}

static void assert_serves(struct site *s)
{
	int sock;

	log_in(s);
	assert_int_equal(get(s, "GET /vnc.html"), 200);
	sock = open_viewer(s);
	close(sock);
}

/* --- before there is a session --- */

static void test_noise(void **state)
{
	struct site *s = *state;
	unsigned seed = 1;
	uint8_t bytes[3000];

	for (unsigned i = 0; i < 50; i++) {
		for (unsigned k = 0; k < sizeof(bytes); k++)
			bytes[k] = (uint8_t)(rand_r(&seed) >> 8);
		throw_at(s, bytes, (size_t)rand_r(&seed) % sizeof(bytes));
	}
	assert_serves(s);
}

static void test_broken_requests(void **state)
{
	static const char *const requests[] = {
		"", "\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /",
		"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST HOST "\r\n",
		"CONNECT localhost:1 HTTP/1.1\r\n" HOST "\r\n",
		"POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\nxxx",
		"POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\nxxx",
		"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nffffffff\r\n",
		"GET / HTTP/1.1\r\n" HOST "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST "Upgrade: smtp\r\nConnection: Upgrade\r\n\r\n",
		"GET /websockify HTTP/1.1\r\n" HOST "Upgrade: websocket\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET /?token=&token=%zz&%%% HTTP/1.1\r\n" HOST "\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	};
	struct site *s = *state;

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		throw_at(s, requests[i], strlen(requests[i]));
	assert_serves(s);
}

/* Lines and heads without an end, and long ones that do end. */
static void test_long_requests(void **state)
{
	static const char *const heads[] = {"GET /", "GET / HTTP/1.1\r\nCookie: ", "GET /?token=",
					    "GET / HTTP/1.1\r\nHost: ", "GET / HTTP/1.1\r\nX"};
	struct site *s = *state;
	char *text = malloc(70000);

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		memset(text, 'a', 70000);
		memcpy(text, heads[i], strlen(heads[i]));
		throw_at(s, text, 70000);
		memcpy(text + 5000, "\r\n\r\n", 4);
		throw_at(s, text, 5004);
	}
	free(text);
	assert_serves(s);
}

/* Waits for a place: the server may hear of who comes before it hears of who has left. */
static void wait_for_place(struct site *s)
{
	static const char text[] = "GET / HTTP/1.1\r\n" HOST "\r\n";
	ssize_t n;

	do {
		int sock = dial(s);
		char byte;

		send(sock, text, strlen(text), MSG_NOSIGNAL);
		n = recv(sock, &byte, 1, 0);
		close(sock);
	} while (n != 1);
}

/* More connections than places: those beyond are turned away, and places come free again. */
static void test_many_connections(void **state)
{
	struct site *s = *state;
	int socks[100];

	for (unsigned i = 0; i < 100; i++) {
		socks[i] = dial(s);
		send(socks[i], "GET / HT", 8, MSG_NOSIGNAL);
	}
	assert_true(rfb_is_closed(socks[99]));
	for (unsigned i = 0; i < 100; i++)
		close(socks[i]);
	wait_for_place(s);
	assert_serves(s);
}

/* Whoever does not finish a request is dropped without anybody else's doing. */
static void test_half_requests(void **state)
{
	struct site *s = *state;
	int silent = dial(s), half = dial(s);

	assert_int_equal(send(half, "GET / HTTP/1.1\r\n", 16, MSG_NOSIGNAL), 16);
	assert_true(rfb_is_closed(half));
	close(silent);
	close(half);
	assert_serves(s);
}

/* --- with a session --- */

static void test_broken_frames(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} frames[] = {
		{"\x82\x01x", 3},			      /* not masked */
		{"\x83\x80\0\0\0\0", 6},		      /* no such opcode */
		{"\xf2\x80\0\0\0\0", 6},		      /* reserved bits */
		{"\x80\x80\0\0\0\0", 6},		      /* goes on from nothing */
		{"\x09\x80\0\0\0\0", 6},		      /* a ping in pieces */
		{"\x89\xfe\x01\x00\0\0\0\0", 8},	      /* a ping that is too long */
		{"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14}, /* a length below zero */
		{"\x88\x81\0\0\0\0x", 7},		      /* half a reason to close */
		{"\x88\x80\0\0\0\0", 6},
		{"\x82\xfe", 2},
	};
	struct site *s = *state;
	int sock;

	log_in(s);
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		sock = open_viewer(s);
		assert_int_equal(send(sock, frames[i].bytes, frames[i].n, MSG_NOSIGNAL),
				 frames[i].n);
		shutdown(sock, SHUT_WR);
		assert_true(rfb_is_closed(sock));
		close(sock);
	}
	assert_watched(s->host, false);
	assert_serves(s);
}

static uint64_t wakeups(struct site *s)
{
	struct web_stats st;

	web_read_stats(s->web, &st);
	return st.wakeups;
}

/* A browser is told that its connection ends, does not answer, and stays: nobody spins for it. */
static void test_unanswered_close(void **state)
{
	static const char *const last[] = {
		"\x85\x81\0\0\0\0x\x89\x81\0\0\0\0y", /* no such opcode, and more behind it */
		"\x82\x8e\0\0\0\0not what you want", /* the VNC server hangs up */
	};
	struct site *s = *state;
	uint64_t before;
	int sock;

	log_in(s);
	for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++) {
		sock = open_websocket(s);
		before = wakeups(s);
		assert_int_equal(send(sock, last[i], i ? 20 : 14, MSG_NOSIGNAL), i ? 20 : 14);
		assert_true(rfb_is_closed(sock));
		close(sock);
		assert_true(wakeups(s) - before < 1000);
	}
	assert_serves(s);
}

static void test_ping(void **state)
{
	struct site *s = *state;
	int sock;

	log_in(s);
	sock = open_viewer(s);
	assert_int_equal(send(sock, "\x89\x82\0\0\0\0hi", 8, MSG_NOSIGNAL), 8);
	assert_int_equal(read_frame(s, sock), 10);
	assert_memory_equal(s->answer, "hi", 2);
	close(sock);
}

/* A viewer asks for picture after picture and reads none: others do not notice. */
static void test_slow_browser(void **state)
{
	struct site *s = *state;
	int sock;

	log_in(s);
	sock = open_viewer(s);
	for (unsigned i = 0; i < 100; i++) {
		fill_noise(s->host, i);
		send_frame(sock, "\3\0\0\0\0\0\1\x40\0\xc8", 10);
	}
	assert_serves(s);
	assert_alive(s->host);
	close(sock);
	assert_watched(s->host, false);
}

/* And one that sends without end what the guest does not take. */
static void test_flood(void **state)
{
	struct site *s = *state;
	uint8_t *m = calloc(1, 1 << 20);
	uint8_t head[14];
	int sock;

	log_in(s);
	sock = open_viewer(s);
	m[0] = 6;
	rfb_put32(m + 4, 0x7fffffff); /* a clipboard that the VNC server will not have */
	assert_true(frame_head(head, 2, 1 << 20) == sizeof(head));
	send(sock, head, sizeof(head), MSG_NOSIGNAL);
	for (unsigned i = 0; i < 8; i++)
		if (send(sock, m, 1 << 20, MSG_NOSIGNAL) < 0)
			break;
	assert_true(rfb_is_closed(sock));
	close(sock);
	free(m);
	assert_serves(s);
}

/* The end of the server with everything going on. */
static void test_stop_in_the_middle(void **state)
{
	struct site *s = *state;
	int viewer, slow, half = dial(s);

	log_in(s);
	viewer = open_viewer(s);
	slow = open_viewer(s);
	fill_noise(s->host, 1);
	send_frame(slow, "\3\0\0\0\0\0\1\x40\0\xc8", 10);
	assert_int_equal(send(half, "GET /", 5, MSG_NOSIGNAL), 5);
	web_stop(s->web);
	assert_true(rfb_is_closed(viewer));
	assert_true(rfb_is_closed(half));
	close(viewer);
	close(slow);
	close(half);
	assert_watched(s->host, false);
	web_serve(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_noise, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_broken_requests, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_long_requests, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_many_connections, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_half_requests, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_broken_frames, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_unanswered_close, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_ping, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_slow_browser, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_flood, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_stop_in_the_middle, web_setup, web_teardown),
	};

	return cmocka_run_group_tests_name("web_hostile", tests, NULL, NULL);
}
