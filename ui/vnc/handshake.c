// SPDX-License-Identifier: GPL-2.0-only
/*
 * The server's side of RFB's handshake, up to and without ServerInit, against a time limit. It is
 * done here, and the library gets to see only viewers that have been through it: so no stranger's
 * bytes reach its TLS and WebSocket code, which no option turns off (a WebSocket would also let
 * any web page that a user looks at reach a server on that user's loopback).
 *
 * Reference: RFC 6143, "Handshake Messages", "Security Types" and "Initialization Messages".
 */
#include "vnc_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { VERSION_LEN = 12, SECURITY_NONE = 1, SECURITY_VNC = 2 };
enum { APPLE_MINOR = 889 }; /* macOS's viewer, which takes "None" for the end of the handshake */

uint64_t vnc_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t in_ms(unsigned ms)
{
	return vnc_now() + ms * 1000000ull;
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

/* --- the version --- */

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

/* --- security --- */

static int refuse(int sock, const char *reason, uint64_t deadline)
{
	const uint32_t head[2] = {htonl(1), htonl((uint32_t)strlen(reason))};
	int err = vnc_send(sock, head, sizeof(head), deadline);

	if (!err)
		err = vnc_send(sock, reason, strlen(reason), deadline);
	return err ? err : -EACCES;
}

static int pass(int sock, uint64_t deadline)
{
	const uint32_t passed = 0;

	return vnc_send(sock, &passed, sizeof(passed), deadline);
}

/* Version 3.3 is told, later ones choose; there is one type to choose from. */
static int agree_on_type(int sock, int minor, uint8_t type, uint64_t deadline)
{
	const uint8_t offer[2] = {1, type};
	const uint32_t decided = htonl(type);
	uint8_t chosen = 0;
	int err;

	if (minor < 7)
		return vnc_send(sock, &decided, sizeof(decided), deadline);
	err = vnc_send(sock, offer, sizeof(offer), deadline);
	if (!err)
		err = receive(sock, &chosen, 1, deadline);
	if (err || chosen == type)
		return err;
	return minor == 7 ? -EACCES
			  : refuse(sock, "This security type was not offered.", deadline);
}

static int refuse_password(struct vnc_viewer *v, int minor)
{
	enum viewer_state stranger = VIEWER_STRANGER;
	const uint32_t failed = htonl(1);
	uint64_t deadline;

	if (!atomic_compare_exchange_strong(&v->state, &stranger, VIEWER_PUNISHED))
		return -EPIPE;
	vnc_punish(v);
	deadline = in_ms(VNC_HANDSHAKE_MS);
	if (minor >= 8)
		return refuse(v->sock, "The password is wrong.", deadline);
	vnc_send(v->sock, &failed, sizeof(failed), deadline);
	return -EACCES;
}

static int ask_for_password(struct vnc_viewer *v, int minor)
{
	uint64_t deadline = in_ms(VNC_ANSWER_MS);
	uint8_t challenge[VNC_CHALLENGE], answer[VNC_CHALLENGE];
	int err = vnc_challenge(challenge);

	if (!err)
		err = vnc_send(v->sock, challenge, sizeof(challenge), deadline);
	if (!err)
		err = receive(v->sock, answer, sizeof(answer), deadline);
	if (err)
		return err;
	v->access = vnc_judge(&v->vnc->passwords, challenge, answer);
	return v->access == VNC_NOTHING ? refuse_password(v, minor)
					: pass(v->sock, in_ms(VNC_HANDSHAKE_MS));
}

static int agree_on_security(struct vnc_viewer *v, int minor, uint64_t deadline)
{
	bool asked = v->vnc->passwords.full[0] && !v->trusted;
	int err = agree_on_type(v->sock, minor, asked ? SECURITY_VNC : SECURITY_NONE, deadline);

	if (err)
		return err;
	if (asked)
		return ask_for_password(v, minor);
	v->access = VNC_ALL;
	return minor < 8 || minor == APPLE_MINOR ? 0 : pass(v->sock, deadline);
}

int vnc_handshake(struct vnc_viewer *v)
{
	uint64_t deadline = in_ms(VNC_HANDSHAKE_MS);
	int minor = agree_on_version(v->sock, deadline), err;
	bool asked = v->vnc->passwords.full[0] && !v->trusted;
	uint8_t shared = 1;

	if (minor < 0)
		return minor;
	err = agree_on_security(v, minor, deadline);
	if (!err && (asked || minor != APPLE_MINOR))
		err = receive(v->sock, &shared, 1, asked ? in_ms(VNC_HANDSHAKE_MS) : deadline);
	v->alone = !shared && v->access == VNC_ALL;
	return err;
}
