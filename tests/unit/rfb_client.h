/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A viewer for the tests of the VNC server, just able to speak RFB 3.3 to 3.8. It fails the test
 * where the server does not keep to the protocol.
 * Reference: RFC 6143; The RFB Protocol (community version) for the pseudo-encodings.
 */
#ifndef TESTS_UNIT_RFB_CLIENT_H
#define TESTS_UNIT_RFB_CLIENT_H

#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	RFB_RAW = 0,
	RFB_HEXTILE = 5,
	RFB_TIGHT = 7,
	RFB_ZRLE = 16,
	RFB_DESKTOP_SIZE = -223,
	RFB_LAST_RECT = -224,
	RFB_CURSOR = -239,
	RFB_POINTER_MOVES = -257,
	RFB_SCANCODES = -258,
	RFB_LEDS = -261,
	RFB_EXTENDED_SIZE = -308,
	RFB_CLIPBOARD = (int32_t)0xc0a1e5ce,
};

enum { RFB_MAX_RECTS = 4096 };

struct rfb_rect {
	unsigned x, y, w, h;
	int32_t encoding;
};

struct rfb {
	int sock;
	unsigned width, height;
	char name[256];
	uint32_t *pixels;
	struct rfb_rect rects[RFB_MAX_RECTS]; /* of the last update */
	unsigned rect_count;
	int leds;	/* -1: not told */
	bool scancodes; /* the server says it takes them */
	bool moves;	/* the server wants movements of the pointer, not positions */
	/* rfb_decode.h, if anything: what rfb_client.h does not read */
	bool (*decode)(struct rfb *c, const struct rfb_rect *r);
	struct decoder *decoder;
	unsigned tiles[256]; /* of each kind, for tests to see which there were */
};

static inline void rfb_put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void rfb_put32(uint8_t *p, uint32_t v)
{
	rfb_put16(p, v >> 16);
	rfb_put16(p + 2, v & 0xffff);
}

static inline unsigned rfb_get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static inline uint32_t rfb_get32(const uint8_t *p)
{
	return (uint32_t)rfb_get16(p) << 16 | rfb_get16(p + 2);
}

/* --- connections --- */

static inline int rfb_dial_unix(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(at.sun_path, path, sizeof(at.sun_path) - 1);
	assert_int_equal(connect(s, (struct sockaddr *)&at, sizeof(at)), 0);
	return s;
}

/* Only the connection; address as vnc_address() gives it. */
static inline int rfb_dial(const char *address)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	struct timeval limit = {.tv_sec = 120}; /* a watchdog, not a measure */
	int s;

	if (!strncmp(address, "unix:", 5))
		return rfb_dial_unix(address + 5);
	assert_int_equal(strncmp(address, "127.0.0.1:", 10), 0);
	at.sin_port = htons((uint16_t)atoi(address + 10));
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(s, (struct sockaddr *)&at, sizeof(at)), 0);
	return s;
}

static inline void rfb_send(struct rfb *c, const void *bytes, size_t n)
{
	assert_int_equal(send(c->sock, bytes, n, MSG_NOSIGNAL), n);
}

static inline void rfb_receive(struct rfb *c, void *bytes, size_t n)
{
	assert_int_equal(recv(c->sock, bytes, n, MSG_WAITALL), n);
}

/* Does the server hang up within the limit of rfb_dial(), whatever it sends before? */
static inline bool rfb_is_closed(int sock)
{
	char junk[4096];
	ssize_t n;

	do
		n = recv(sock, junk, sizeof(junk), 0);
	while (n > 0);
	return n == 0 || errno == ECONNRESET;
}

/* Security type None is what the server wants. */
static inline void rfb_security(struct rfb *c, int minor)
{
	uint8_t b[4];

	if (minor == 3) {
		rfb_receive(c, b, 4);
		assert_int_equal(rfb_get32(b), 1);
		return;
	}
	rfb_receive(c, b, 2);
	assert_int_equal(b[0], 1);
	assert_int_equal(b[1], 1);
	rfb_send(c, "\x01", 1);
	if (minor == 7)
		return;
	rfb_receive(c, b, 4);
	assert_int_equal(rfb_get32(b), 0);
}

/* A connection on which both have said their version: 3.3, 3.7 or 3.8. */
static inline struct rfb *rfb_greet_at(int sock, int minor)
{
	struct rfb *c = calloc(1, sizeof(*c));
	char version[] = "RFB 003.00x\n";
	uint8_t b[12];

	c->leds = -1;
	c->sock = sock;
	rfb_receive(c, b, 12);
	assert_memory_equal(b, "RFB 003.008\n", 12);
	version[10] = (char)('0' + minor);
	rfb_send(c, version, 12);
	return c;
}

static inline struct rfb *rfb_greet(const char *address, int minor)
{
	return rfb_greet_at(rfb_dial(address), minor);
}

/* After the handshake. */
static inline void rfb_init(struct rfb *c, bool shared)
{
	uint8_t b[24];
	uint32_t n;

	rfb_send(c, shared ? "\1" : "\0", 1);
	rfb_receive(c, b, 24);
	c->width = rfb_get16(b);
	c->height = rfb_get16(b + 2);
	assert_int_equal(b[4], 32); /* bits per pixel; little-endian, true colour, x8r8g8b8 */
	assert_int_equal(b[6], 0);
	assert_int_not_equal(b[7], 0);
	assert_memory_equal(b + 8, "\0\xff\0\xff\0\xff\x10\x08\x00", 9);
	n = rfb_get32(b + 20);
	assert_in_range(n, 0, sizeof(c->name) - 1);
	rfb_receive(c, c->name, n);
	c->pixels = calloc((size_t)c->width * c->height, 4);
}

/* All of that. */
static inline struct rfb *rfb_begin(int sock, int minor)
{
	struct rfb *c = rfb_greet_at(sock, minor);

	rfb_security(c, minor);
	rfb_init(c, true);
	return c;
}

static inline struct rfb *rfb_connect(const char *address, int minor)
{
	return rfb_begin(rfb_dial(address), minor);
}

static inline void rfb_close(struct rfb *c)
{
	close(c->sock);
	free(c->pixels);
	free(c);
}

/* --- to the server --- */

static inline void rfb_encodings(struct rfb *c, const int32_t *list, unsigned n)
{
	uint8_t m[4 + 4 * 32] = {2};
	unsigned i;

	rfb_put16(m + 2, n);
	for (i = 0; i < n; i++)
		rfb_put32(m + 4 + 4 * i, (uint32_t)list[i]);
	rfb_send(c, m, 4 + 4 * (size_t)n);
}

static inline void rfb_request(struct rfb *c, bool incremental, unsigned x, unsigned y, unsigned w,
			       unsigned h)
{
	uint8_t m[10] = {3, incremental};

	rfb_put16(m + 2, x);
	rfb_put16(m + 4, y);
	rfb_put16(m + 6, w);
	rfb_put16(m + 8, h);
	rfb_send(c, m, sizeof(m));
}

static inline void rfb_request_all(struct rfb *c, bool incremental)
{
	rfb_request(c, incremental, 0, 0, c->width, c->height);
}

static inline void rfb_key(struct rfb *c, uint32_t keysym, bool down)
{
	uint8_t m[8] = {4, down};

	rfb_put32(m + 4, keysym);
	rfb_send(c, m, sizeof(m));
}

static inline void rfb_scancode(struct rfb *c, uint32_t keysym, uint32_t code, bool down)
{
	uint8_t m[12] = {255, 0, 0, down};

	rfb_put32(m + 4, keysym);
	rfb_put32(m + 8, code);
	rfb_send(c, m, sizeof(m));
}

static inline void rfb_pointer(struct rfb *c, unsigned mask, unsigned x, unsigned y)
{
	uint8_t m[6] = {5, (uint8_t)mask};

	rfb_put16(m + 2, x);
	rfb_put16(m + 4, y);
	rfb_send(c, m, sizeof(m));
}

/* --- from the server --- */

/* Nothing to read for so long? */
static inline bool rfb_is_quiet(struct rfb *c, int ms)
{
	struct pollfd p = {.fd = c->sock, .events = POLLIN};

	return poll(&p, 1, ms) == 0;
}

static inline void rfb_read_raw(struct rfb *c, const struct rfb_rect *r)
{
	unsigned y;

	assert_in_range(r->x + r->w, 0, c->width);
	assert_in_range(r->y + r->h, 0, c->height);
	for (y = r->y; y < r->y + r->h; y++)
		rfb_receive(c, c->pixels + (size_t)y * c->width + r->x, (size_t)r->w * 4);
}

static inline void rfb_resize(struct rfb *c, const struct rfb_rect *r)
{
	c->width = r->w;
	c->height = r->h;
	free(c->pixels);
	c->pixels = calloc((size_t)r->w * r->h, 4);
}

/* One screen, which is all of the picture. */
static inline void rfb_read_screens(struct rfb *c, const struct rfb_rect *r)
{
	uint8_t b[4 + 16];

	rfb_receive(c, b, sizeof(b));
	assert_int_equal(b[0], 1);
	assert_int_equal(rfb_get32(b + 8), 0);
	assert_int_equal(rfb_get16(b + 12), r->w);
	assert_int_equal(rfb_get16(b + 14), r->h);
}

/* false: an encoding that is not read here. */
static inline bool rfb_read_rect(struct rfb *c, const struct rfb_rect *r)
{
	uint8_t b;

	switch (r->encoding) {
	case RFB_RAW:
		rfb_read_raw(c, r);
		return true;
	case RFB_DESKTOP_SIZE:
		rfb_resize(c, r);
		return true;
	case RFB_EXTENDED_SIZE:
		rfb_read_screens(c, r);
		if (r->w != c->width || r->h != c->height)
			rfb_resize(c, r);
		return true;
	case RFB_CURSOR:
		assert_int_equal(r->w * r->h, 0); /* none: the guest draws its own */
		return true;
	case RFB_POINTER_MOVES:
		c->moves = r->x == 0;
		return true;
	case RFB_SCANCODES:
		c->scancodes = true;
		return true;
	case RFB_LEDS:
		rfb_receive(c, &b, 1);
		c->leds = b;
		return true;
	}
	return c->decode && c->decode(c, r);
}

/* Reads one update, up to the first rectangle whose encoding is not read here. */
static inline void rfb_update(struct rfb *c)
{
	uint8_t b[12];
	unsigned n, i;

	rfb_receive(c, b, 4);
	assert_int_equal(b[0], 0);
	n = rfb_get16(b + 2);
	for (i = c->rect_count = 0; i < n; i++) {
		struct rfb_rect *r = &c->rects[i];

		assert_true(i < RFB_MAX_RECTS);
		rfb_receive(c, b, 12);
		*r = (struct rfb_rect){rfb_get16(b), rfb_get16(b + 2), rfb_get16(b + 4),
				       rfb_get16(b + 6), (int32_t)rfb_get32(b + 8)};
		c->rect_count++;
		if (r->encoding == RFB_LAST_RECT)
			return;
		if (!rfb_read_rect(c, r))
			return;
	}
}

#endif
