// SPDX-License-Identifier: GPL-2.0-only
/* Where browsers see the screen: --web and --web-tls, or the keys web and web_tls. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* An address may come without a port, even one of IPv6, whose colons are in brackets. */
static bool has_port(const char *value)
{
	const char *bracket = strrchr(value, ']');

	return strchr(bracket ? bracket : value, ':') != NULL;
}

int config_set_web(struct config *c, const char *value, char **why)
{
	bool search = !has_port(value);
	unsigned port;
	size_t host;
	char *web;
	int err = 0;

	if (!strcmp(value, "none"))
		return config_replace(&c->web, NULL);
	if (asprintf(&web, search ? "%s:%u" : "%s", value, CONFIG_WEB_PORT) < 0)
		return -ENOMEM;
	if (!config_vnc_parts(web, &host, &port) || !value[strspn(value, "0123456789")])
		err = config_refuse(why,
				    "'%s' is no address for browsers; write ADDR:PORT or ADDR, "
				    "such as 127.0.0.1:6080, [::1] or localhost, or none.",
				    value);
	else
		err = config_replace(&c->web, web);
	free(web);
	c->web_search = search;
	return err;
}

int config_set_web_tls(struct config *c, const char *value, char **why)
{
	const char *comma = strchr(value, ',');
	char *certificate;
	int err;

	if (!comma || comma == value || !comma[1])
		return config_refuse(why, "'%s' is not the names of two files; write CERT,KEY.",
				     value);
	certificate = strndup(value, (size_t)(comma - value));
	err = certificate ? config_replace(&c->web_certificate, certificate) : -ENOMEM;
	free(certificate);
	return err ? err : config_replace(&c->web_key, comma + 1);
}

/* By its looks: a name that leads elsewhere is found out when it is listened at. */
static bool looks_local(const char *web)
{
	return !strncmp(web, "127.", 4) || !strncmp(web, "localhost:", 10) ||
	       !strncmp(web, "[::1]:", 6);
}

int config_check_web(const struct config *c, char **why)
{
	if (c->web_key && !c->web)
		return config_refuse(why, "There is a certificate for browsers but no address; "
					  "give one with --web ADDR:PORT.");
	if (c->web && !c->web_key && !looks_local(c->web))
		return config_refuse(why,
				     "The network could read along at %s; give a certificate "
				     "with --web-tls CERT,KEY, or use --web 127.0.0.1.", c->web);
	return 0;
}

int config_next_web(struct config *c)
{
	unsigned port;
	size_t host;
	char *next;

	if (!c->web_search || !config_vnc_parts(c->web, &host, &port) ||
	    port + 1 == CONFIG_WEB_PORT + CONFIG_WEB_SEARCH)
		return -EADDRINUSE;
	if (asprintf(&next, "%.*s:%u", (int)host, c->web, port + 1) < 0)
		return -ENOMEM;
	free(c->web);
	c->web = next;
	return 0;
}
