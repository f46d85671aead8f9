/* SPDX-License-Identifier: GPL-2.0-only */
/* A web server with a VNC server and small pages behind it, and a browser of sorts. */
#ifndef TESTS_UNIT_WEB_HOST_H
#define TESTS_UNIT_WEB_HOST_H

#include "vnc_host.h"

#include "ui/web.h"

#include <stdio.h>
#include <sys/stat.h>

/* Fails the test, after minutes, where the server does not answer at all. */
enum { PATIENCE_S = 120, ANSWER_MAX = 128 << 10, BIG = 100 << 10 };

struct site {
	struct host *host;
	struct web *web;
	char folder[64], port[8], cookie[80]; /* "Cookie: ...\r\n" */
	char answer[ANSWER_MAX];
	size_t len; /* of the answer */
};

/* --- pages --- */

static inline void write_page(struct site *s, const char *name, const char *text, size_t n)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", s->folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	for (size_t i = 0; i < n; i++)
		fputc(text[i % strlen(text)], f);
	fclose(f);
}

static inline void make_pages(struct site *s)
{
	static const char *const folders[] = {"app", "core", "vendor", "secret"};
	char path[128];

	strcpy(s->folder, "/tmp/test_web.XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	for (unsigned i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", s->folder, folders[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	write_page(s, "vnc.html", "<p>the page</p>", 15);
	write_page(s, "app/big.js", "0123456789abcdef\n", BIG);
	write_page(s, "app/tool.sh", "no", 2);
	write_page(s, "core/empty.css", "", 0);
	write_page(s, "secret/key.js", "no", 2);
}

static inline void remove_pages(struct site *s)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", s->folder);
	assert_int_equal(system(command), 0);
}

/* --- requests --- */

static inline int dial(struct site *s)
{
	struct timeval limit = {.tv_sec = PATIENCE_S};
	char address[32];
	int sock;

	snprintf(address, sizeof(address), "127.0.0.1:%s", s->port);
	sock = rfb_dial(address);
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return sock;
}

/* One answer's head into s->answer, nothing of what follows. */
static inline void read_head(struct site *s, int sock)
{
	s->len = 0;
	do {
		assert_true(s->len < ANSWER_MAX - 1);
		assert_int_equal(recv(sock, s->answer + s->len, 1, 0), 1);
		s->answer[++s->len] = 0;
	} while (s->len < 4 || memcmp(s->answer + s->len - 4, "\r\n\r\n", 4));
}

/* Its status; the head and the body (whose length it tells) are in s->answer. */
static inline int read_answer(struct site *s, int sock, bool body)
{
	const char *length;
	size_t n;

	read_head(s, sock);
	length = strstr(s->answer, "content-length: ");
	n = length && body ? strtoul(length + 16, NULL, 10) : 0;
	assert_true(s->len + n < ANSWER_MAX);
	if (n)
		assert_int_equal(recv(sock, s->answer + s->len, n, MSG_WAITALL), n);
	s->len += n;
	s->answer[s->len] = 0;
	return atoi(s->answer + strlen("HTTP/1.1 "));
}

/* A request on a connection of its own: "GET /app/big.js", further lines. */
static inline int request(struct site *s, const char *what, const char *lines)
{
	int sock = dial(s), status;
	char text[8192];

	snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: localhost:%s\r\n%s\r\n", what, s->port,
		 lines);
	assert_int_equal(send(sock, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	status = read_answer(s, sock, strncmp(what, "HEAD", 4) != 0);
	close(sock);
	return status;
}

static inline int get(struct site *s, const char *what)
{
	return request(s, what, s->cookie);
}

/* "/?token=..." */
static inline void new_path(struct site *s, char *path, size_t room)
{
	char *url = web_new_url(s->web);

	assert_non_null(url);
	assert_int_equal(strncmp(url, web_address(s->web), strlen(web_address(s->web))), 0);
	snprintf(path, room, "/%s", url + strlen(web_address(s->web)));
	free(url);
}

static inline void log_in(struct site *s)
{
	char path[128], what[160], *cookie;

	new_path(s, path, sizeof(path));
	snprintf(what, sizeof(what), "GET %s", path);
	assert_int_equal(request(s, what, ""), 200);
	cookie = strstr(s->answer, "set-cookie: ");
	assert_non_null(cookie);
	snprintf(s->cookie, sizeof(s->cookie), "Cookie: %.*s\r\n", (int)strcspn(cookie + 12, ";"),
		 cookie + 12);
}

/* --- WebSockets --- */

static inline int upgrade(struct site *s, int sock, const char *origin)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "GET /websockify HTTP/1.1\r\nHost: localhost:%s\r\nUpgrade: websocket\r\n"
		 "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s\r\n",
		 s->port, s->cookie, origin);
	assert_int_equal(send(sock, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	read_head(s, sock);
	return atoi(s->answer + strlen("HTTP/1.1 "));
}

/* A socket on which frames go. */
static inline int open_websocket(struct site *s)
{
	int sock = dial(s);
	char origin[64];

	snprintf(origin, sizeof(origin), "Origin: http://localhost:%s\r\n", s->port);
	assert_int_equal(upgrade(s, sock, origin), 101);
	return sock;
}

/* A frame's head, with a mask of zeros, so that the bytes behind it stay as they are. */
static inline size_t frame_head(uint8_t *head, unsigned opcode, size_t n)
{
	size_t len = 2;

	head[0] = (uint8_t)(0x80 | opcode);
	head[1] = (uint8_t)(0x80 | (n < 126 ? n : n < 65536 ? 126 : 127));
	if (n >= 126 && n < 65536) {
		rfb_put16(head + 2, (unsigned)n);
		len = 4;
	} else if (n >= 65536) {
		rfb_put32(head + 2, 0);
		rfb_put32(head + 6, (uint32_t)n);
		len = 10;
	}
	memset(head + len, 0, 4);
	return len + 4;
}

static inline void send_frame(int sock, const void *bytes, size_t n)
{
	uint8_t head[14];
	size_t len = frame_head(head, 2, n);

	assert_int_equal(send(sock, head, len, MSG_NOSIGNAL), len);
	assert_int_equal(send(sock, bytes, n, MSG_NOSIGNAL), n);
}

/* One frame of the server's: its opcode, and its bytes in s->answer. */
static inline unsigned read_frame(struct site *s, int sock)
{
	uint8_t head[2], more[8];

	assert_int_equal(recv(sock, head, 2, MSG_WAITALL), 2);
	s->len = head[1];
	if (head[1] == 126) {
		assert_int_equal(recv(sock, more, 2, MSG_WAITALL), 2);
		s->len = rfb_get16(more);
	} else if (head[1] == 127) {
		assert_int_equal(recv(sock, more, 8, MSG_WAITALL), 8);
		s->len = rfb_get32(more + 4);
	}
	assert_true(s->len <= ANSWER_MAX);
	if (s->len)
		assert_int_equal(recv(sock, s->answer, s->len, MSG_WAITALL), s->len);
	return head[0] & 15;
}

/* At least so many bytes, in however many frames. */
static inline void read_bytes(struct site *s, int sock, size_t n)
{
	size_t got = 0;

	while (got < n) {
		assert_int_equal(read_frame(s, sock), 2);
		got += s->len;
	}
}

/* Through the handshake: a viewer. */
static inline int open_viewer(struct site *s)
{
	int sock = open_websocket(s);

	read_bytes(s, sock, 12);
	send_frame(sock, "RFB 003.008\n", 12);
	read_bytes(s, sock, 2);
	send_frame(sock, "\1", 1);
	read_bytes(s, sock, 4);
	send_frame(sock, "\1", 1);
	read_bytes(s, sock, 24);
	return sock;
}

/* --- start and end --- */

static inline void web_serve(struct site *s)
{
	struct web_options opt = {.address = "127.0.0.1:0", .name = "box", .folder = s->folder};
	char *why = NULL;

	assert_int_equal(web_start(&s->web, &opt, s->host->vnc, &why), 0);
	assert_null(why);
	assert_int_equal(sscanf(web_address(s->web), "http://127.0.0.1:%7[0-9]/", s->port), 1);
}

static inline int web_setup(void **state)
{
	struct site *s = calloc(1, sizeof(*s));

	setup((void **)&s->host);
	make_pages(s);
	web_serve(s);
	*state = s;
	return 0;
}

static inline int web_teardown(void **state)
{
	struct site *s = *state;

	web_stop(s->web);
	remove_pages(s);
	teardown((void **)&s->host);
	free(s);
	return 0;
}

#endif
