// SPDX-License-Identifier: GPL-2.0-only
/* TCP sockets that listen, and connections that come to them. */
#include "ui/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 128 };

/* --- places --- */

static bool is_port(const char *s)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	return s[0] >= '0' && s[0] <= '9' && !*end && n <= 65535 && strlen(s) <= 5;
}

bool place_split(struct place *p, const char *where)
{
	const char *colon = strrchr(where, ':');
	size_t n = colon ? (size_t)(colon - where) : 0;

	if (!colon || n >= sizeof(p->host) || !is_port(colon + 1))
		return false;
	if (n > 1 && where[0] == '[' && where[n - 1] == ']')
		snprintf(p->host, sizeof(p->host), "%.*s", (int)n - 2, where + 1);
	else
		snprintf(p->host, sizeof(p->host), "%.*s", (int)n, where);
	if (!p->host[0])
		strcpy(p->host, "127.0.0.1");
	strcpy(p->port, colon + 1);
	return true;
}

int place_find(const struct place *p, struct addrinfo **at)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };

	return getaddrinfo(p->host, p->port, &hints, at);
}

/* --- listening --- */

bool socket_is_loopback(const struct sockaddr *at)
{
	const struct in6_addr *in6 = &((const struct sockaddr_in6 *)at)->sin6_addr;

	if (at->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)at)->sin_addr.s_addr) >> 24 == 127;
	return at->sa_family == AF_INET6 &&
	       (IN6_IS_ADDR_LOOPBACK(in6) ||
		(IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == 127));
}

static unsigned port_of(const struct sockaddr_storage *at)
{
	return ntohs(at->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)at)->sin6_port :
						 ((const struct sockaddr_in *)at)->sin_port);
}

int socket_listen(const struct addrinfo *at, unsigned *port)
{
	int s = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, err;
	struct sockaddr_storage bound;
	socklen_t len = sizeof(bound);

	if (s < 0)
		return -errno;
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(s, at->ai_addr, at->ai_addrlen) && !listen(s, BACKLOG) &&
	    !getsockname(s, (struct sockaddr *)&bound, &len)) {
		*port = port_of(&bound);
		return s;
	}
	err = -errno;
	close(s);
	return err;
}

/* --- connections --- */

static void turn_away(int listener, int *spare)
{
	int sock;

	if (*spare < 0)
		return;
	close(*spare);
	sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (sock >= 0)
		close(sock);
	*spare = fcntl(listener, F_DUPFD_CLOEXEC, 0);
}

int socket_accept(int listener, int *spare)
{
	int sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), on = 1;

	if (sock < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			turn_away(listener, spare);
		return -1;
	}
	/* both fail on a unix socket, and need not work there */
	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(sock, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	return sock;
}
