// SPDX-License-Identifier: GPL-2.0-only
/* The listening socket of the web server: ADDR:PORT or [ADDR]:PORT. */
#include "web_priv.h"

#include "dm/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 32 };

/* The port as it was written; NULL for what is no ADDR:PORT. */
static const char *split(struct web_place *p, const char *address)
{
	const char *colon = strrchr(address, ':');
	size_t n = colon ? (size_t)(colon - address) : 0;

	if (n > 1 && address[0] == '[' && address[n - 1] == ']') {
		address++;
		n -= 2;
	}
	if (!n || n >= sizeof(p->host))
		return NULL;
	memcpy(p->host, address, n);
	p->host[n] = 0;
	return colon + 1;
}

static bool is_loopback(const struct sockaddr *at)
{
	if (at->sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)at)->sin6_addr);
	return ntohl(((const struct sockaddr_in *)at)->sin_addr.s_addr) >> 24 == 127;
}

static int bind_at(struct web_place *p, const struct addrinfo *at)
{
	struct sockaddr_storage bound;
	socklen_t len = sizeof(bound);
	int on = 1, err;

	p->sock = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->sock < 0)
		return -errno;
	setsockopt(p->sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(p->sock, at->ai_addr, at->ai_addrlen) && !listen(p->sock, BACKLOG) &&
	    !getsockname(p->sock, (struct sockaddr *)&bound, &len)) {
		p->port = ntohs(bound.ss_family == AF_INET6
					? ((struct sockaddr_in6 *)&bound)->sin6_port
					: ((struct sockaddr_in *)&bound)->sin_port);
		return 0;
	}
	err = -errno;
	close(p->sock);
	p->sock = -1;
	return err;
}

static char *explain(const char *address, int err)
{
	if (err == -EADDRINUSE)
		return sentence("%s is taken by another program; choose another port with --web "
				"ADDR:PORT, or any free one with port 0.", address);
	return sentence("Cannot listen for browsers at %s: %s; choose another address with --web "
			"ADDR:PORT.", address, strerror(-err));
}

int web_listen(struct web_place *p, const char *address, bool any, char **why)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *at;
	const char *port = split(p, address);
	int err = port ? getaddrinfo(p->host, port, &hints, &at) : EAI_NONAME;

	if (err) {
		*why = sentence("'%s' is no address to listen at for browsers (%s); use --web "
				"127.0.0.1:PORT.", address, gai_strerror(err));
		return -EADDRNOTAVAIL;
	}
	p->loopback = is_loopback(at->ai_addr);
	if (!any && !p->loopback) {
		freeaddrinfo(at);
		*why = sentence("The network could read along at %s; give a certificate with "
				"--web-tls CERT,KEY, or use --web 127.0.0.1:%s.", address, port);
		return -EACCES;
	}
	err = bind_at(p, at);
	freeaddrinfo(at);
	if (err)
		*why = explain(address, err);
	return err;
}
