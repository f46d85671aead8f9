/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The server's side of RFB's handshake, up to and without ServerInit, against a time limit. It is
 * done here, and the library gets to see only viewers that have been through it: so no stranger's
 * bytes reach its TLS and WebSocket code, which no option turns off (a WebSocket would also let
 * any web page that a user looks at reach a server on that user's loopback).
 *
 * Missing: authentication; who may connect decides who may use.
 * Reference: RFC 6143, "Handshake Messages" and "Initialization Messages".
 */
#include "vnc_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { VERSION_LEN = 12, SECURITY_NONE = 1 };
enum { APPLE_MINOR = 889 }; /* macOS's viewer, which takes "None" for the end of the handshake */

uint64_t vnc_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int wait_until(int sock, short events, uint64_t deadline)
{
	struct pollfd p = {.fd = sock, .events = events};
	uint64_t now = vnc_now();
	struct timespec left;
	int n;

	if (now >= deadline)
		return -ETIMEDOUT;
	left.tv_sec = (time_t)((deadline - now) / 1000000000u);
	left.tv_nsec = (long)((deadline - now) % 1000000000u);
	n = ppoll(&p, 1, &left, NULL);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return n ? 0 : -ETIMEDOUT;
}

/* How to go on after a transfer of n bytes (or an error): 0 or -errno. */
static int after(ssize_t n, int sock, short events, uint64_t deadline)
{
	if (n > 0 || (n < 0 && errno == EINTR))
		return 0;
	if (n == 0)
		return -EPIPE;
	return errno == EAGAIN ? wait_until(sock, events, deadline) : -errno;
}

int vnc_send(int sock, const void *buf, size_t n, uint64_t deadline)
{
	const char *p = buf;
	ssize_t done;
	int err;

	while (n) {
		done = send(sock, p, n, MSG_NOSIGNAL);
		err = after(done, sock, POLLOUT, deadline);
		if (err)
			return err;
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		}
	}
	return 0;
}

static int receive(int sock, void *buf, size_t n, uint64_t deadline)
{
	char *p = buf;
	ssize_t done;
	int err;

	while (n) {
		done = recv(sock, p, n, 0);
		err = after(done, sock, POLLIN, deadline);
		if (err)
			return err;
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		}
	}
	return 0;
}

/* "RFB 003.008\n": the minor version, or -EPROTO. */
static int parse_version(const char *s)
{
	int i, minor = 0;

	if (memcmp(s, "RFB 003.", 8) || s[11] != '\n')
		return -EPROTO;
	for (i = 8; i < 11; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -EPROTO;
		minor = minor * 10 + (s[i] - '0');
	}
	return minor;
}

static int agree_on_version(int sock, uint64_t deadline)
{
	char version[VERSION_LEN];
	int err = vnc_send(sock, "RFB 003.008\n", VERSION_LEN, deadline);

	if (!err)
		err = receive(sock, version, VERSION_LEN, deadline);
	return err ? err : parse_version(version);
}

static int refuse(int sock, uint64_t deadline)
{
	static const char reason[] = "This server knows the security type None only.";
	const uint32_t head[2] = {htonl(1), htonl(sizeof(reason) - 1)};
	int err = vnc_send(sock, head, sizeof(head), deadline);

	if (!err)
		err = vnc_send(sock, reason, sizeof(reason) - 1, deadline);
	return err ? err : -EACCES;
}

static int agree_on_security(int sock, int minor, uint64_t deadline)
{
	static const uint8_t offer[2] = {1, SECURITY_NONE};
	const uint32_t decided = htonl(SECURITY_NONE), passed = 0;
	uint8_t chosen;
	int err;

	if (minor < 7)
		return vnc_send(sock, &decided, sizeof(decided), deadline);
	err = vnc_send(sock, offer, sizeof(offer), deadline);
	if (!err)
		err = receive(sock, &chosen, 1, deadline);
	if (err || minor == 7 || minor == APPLE_MINOR)
		return !err && chosen != SECURITY_NONE ? -EACCES : err;
	if (chosen != SECURITY_NONE)
		return refuse(sock, deadline);
	return vnc_send(sock, &passed, sizeof(passed), deadline);
}

int vnc_handshake(int sock)
{
	uint64_t deadline = vnc_now() + VNC_HANDSHAKE_MS * 1000000ull;
	int minor = agree_on_version(sock, deadline), err;
	uint8_t shared; /* every viewer shares */

	if (minor < 0)
		return minor;
	err = agree_on_security(sock, minor, deadline);
	if (err || minor == APPLE_MINOR)
		return err;
	return receive(sock, &shared, 1, deadline);
}
