// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may see the guest: whoever has been given a token, which is exchanged once for a cookie; and
 * only by pages that this server sent itself.
 *
 * Browsers let any page send requests anywhere, cookies included, and open WebSockets anywhere.
 * Host tells by which name we were found: a name of somebody else's that leads here would make his
 * pages ours (DNS rebinding), so without TLS, whose certificate no such name has, only addresses,
 * "localhost" and the name that the user gave are taken. Origin tells whose page asks.
 *
 * Reference: RFC 6265, "Cookie"; RFC 6454, "The HTTP Origin Header Field"; RFC 6455, "Origin
 * Considerations".
 */
#include "web_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

void access_init(struct access *a, const char *host, unsigned port, bool tls)
{
	memset(a, 0, sizeof(*a));
	pthread_mutex_init(&a->lock, NULL);
	a->tls = tls;
	snprintf(a->host, sizeof(a->host), "%s", host);
	snprintf(a->cookie, sizeof(a->cookie), "caisson_%u", port);
}

void access_fini(struct access *a)
{
	pthread_mutex_destroy(&a->lock);
}

/* --- secrets --- */

static void write_hex(char text[SECRET_TEXT], const uint8_t bytes[SECRET_LEN])
{
	for (unsigned i = 0; i < SECRET_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

/* One after the other; the oldest gives its place. */
static int new_secret(struct secret *all, unsigned n, unsigned *next, char text[SECRET_TEXT])
{
	struct secret s = {.used = true};

	if (getrandom(s.bytes, SECRET_LEN, 0) != SECRET_LEN)
		return -EIO;
	write_hex(text, s.bytes);
	all[*next] = s;
	*next = (*next + 1) % n;
	return 0;
}

/* In a time that does not depend on how much of it is right. */
static struct secret *find_secret(struct secret *all, unsigned n, const char *text, size_t len)
{
	struct secret *found = NULL;
	char right[SECRET_TEXT];
	unsigned differs, k;

	if (len != SECRET_TEXT - 1)
		return NULL;
	for (unsigned i = 0; i < n; i++) {
		write_hex(right, all[i].bytes);
		for (differs = !all[i].used, k = 0; k < SECRET_TEXT - 1; k++)
			differs |= (unsigned char)(right[k] ^ text[k]);
		if (!differs)
			found = &all[i];
	}
	return found;
}

int access_new_token(struct access *a, char text[SECRET_TEXT])
{
	int err;

	pthread_mutex_lock(&a->lock);
	err = new_secret(a->tokens, ACCESS_TOKENS, &a->next_token, text);
	pthread_mutex_unlock(&a->lock);
	return err;
}

/* The session is there before the token is gone, lest a failure use it up for nothing. */
static bool redeem(struct access *a, const char *token, char value[SECRET_TEXT])
{
	struct secret *s = find_secret(a->tokens, ACCESS_TOKENS, token, strlen(token));

	if (!s || new_secret(a->sessions, ACCESS_SESSIONS, &a->next_session, value))
		return false;
	memset(s, 0, sizeof(*s));
	return true;
}

/* "a=b; NAME=VALUE; c=d": any of ours that is right will do. */
static bool has_session(struct access *a, const char *cookies)
{
	size_t name = strlen(a->cookie), len;

	for (const char *p = cookies; *p; p += len) {
		p += strspn(p, "; ");
		len = strcspn(p, "; ");
		if (len > name && !strncmp(p, a->cookie, name) && p[name] == '=' &&
		    find_secret(a->sessions, ACCESS_SESSIONS, p + name + 1, len - name - 1))
			return true;
	}
	return false;
}

/* --- names --- */

/* What is before the port, without brackets. */
static bool split_host(const char *host, char *name, size_t room, bool *brackets)
{
	const char *end = host + strcspn(host, ":");

	*brackets = *host == '[';
	if (*brackets) {
		end = strchr(++host, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
	}
	if (end == host || (size_t)(end - host) >= room)
		return false;
	memcpy(name, host, (size_t)(end - host));
	name[end - host] = 0;
	return true;
}

/* The port may be any, since a tunnel may have brought the user here. */
static bool host_is_ours(const struct access *a, const char *host)
{
	struct in6_addr address;
	char name[256];
	bool brackets;

	if (!split_host(host, name, sizeof(name), &brackets))
		return false;
	if (a->tls)
		return true;
	return inet_pton(brackets ? AF_INET6 : AF_INET, name, &address) == 1 ||
	       !strcasecmp(name, "localhost") || !strcasecmp(name, a->host);
}

static bool origin_is_ours(const struct access *a, const char *origin, const char *host)
{
	const char *scheme = a->tls ? "https://" : "http://";
	size_t n = strlen(scheme);

	return !strncasecmp(origin, scheme, n) && !strcasecmp(origin + n, host);
}

enum access_answer access_check(struct access *a, const struct access_request *q,
				char value[SECRET_TEXT])
{
	enum access_answer answer = ACCESS_NO_SESSION;

	if (!q->host || !host_is_ours(a, q->host))
		return ACCESS_STRANGE_HOST;
	if (q->origin ? !origin_is_ours(a, q->origin, q->host) : q->upgrade)
		return ACCESS_STRANGE_ORIGIN;
	pthread_mutex_lock(&a->lock);
	if (q->token && redeem(a, q->token, value))
		answer = ACCESS_NEW_SESSION;
	else if (q->cookie && has_session(a, q->cookie))
		answer = ACCESS_GRANTED;
	pthread_mutex_unlock(&a->lock);
	return answer;
}
