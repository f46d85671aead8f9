// SPDX-License-Identifier: GPL-2.0-only
/* The listening socket of the web server: ADDR:PORT or [ADDR]:PORT. */
#include "web_priv.h"

#include "dm/log.h"

#include <errno.h>
#include <string.h>

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
	struct addrinfo *at;
	int err = place_split(&p->place, address) ? place_find(&p->place, &at) : EAI_NONAME;

	if (err) {
		*why = sentence("'%s' is no address to listen at for browsers (%s); use --web "
				"127.0.0.1:PORT.", address, gai_strerror(err));
		return -EADDRNOTAVAIL;
	}
	if (!any && !socket_is_loopback(at->ai_addr)) {
		freeaddrinfo(at);
		*why = sentence("The network could read along at %s; give a certificate with "
				"--web-tls CERT,KEY, or use --web 127.0.0.1:%s.", address,
				p->place.port);
		return -EACCES;
	}
	p->sock = socket_listen(at, &p->port);
	freeaddrinfo(at);
	if (p->sock >= 0)
		return 0;
	*why = explain(address, p->sock);
	return p->sock;
}
