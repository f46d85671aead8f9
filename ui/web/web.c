// SPDX-License-Identifier: GPL-2.0-only
/*
 * A web server: its start and end, and the thread that runs libwebsockets.
 *
 * The library's own loop wakes every 30 seconds to look after its tables. So the thread uses it
 * only while something is on its way. When every connection is a WebSocket at rest, it sleeps in a
 * poll() of its own, without a timeout, on the same descriptors; none of the library's timers
 * matters then, since those are for requests that do not get on.
 */
#include "web_priv.h"

#include "dm/log.h"
#include "dm/sandbox.h"
#include "dm/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_SECONDS = 10, IDLE_SECONDS = 5 }; /* to make one, and until the next one */

/* --- connections --- */

/* The library closes the socket if it does not take it. */
static void add_connection(struct web *web, int sock)
{
	struct web_connection *c = calloc(1, sizeof(*c));
	lws_adopt_desc_t info = {
		.vh = web->host,
		.type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | LWS_ADOPT_ALLOW_SSL,
		.fd.sockfd = sock,
		.opaque = c,
	};

	if (!c) {
		close(sock);
		return;
	}
	c->web = web;
	c->next = web->connections;
	web->connections = c;
	web->n_connections++;
	if (!lws.adopt_descriptor_vhost_via_info(&info))
		c->browser = NULL;
}

static void take_connection(struct web *web)
{
	int sock = socket_accept(web->sock, &web->spare);

	if (sock < 0)
		return;
	if (web->n_connections == WEB_CONNECTIONS)
		close(sock);
	else
		add_connection(web, sock);
}

/* After the library has run: frees what is over, asks for what is next. */
static void look_after_connections(struct web *web)
{
	struct web_connection **at = &web->connections, *c;

	while ((c = *at)) {
		if (c->browser || c->viewer) {
			web_relay_ask(c);
			at = &c->next;
			continue;
		}
		*at = c->next;
		web->n_connections--;
		free(c->down);
		free(c);
	}
}

/* --- the library's calls --- */

/* The listening socket or the eventfd. */
static int on_own_descriptor(struct web *web, const struct lws *wsi)
{
	eventfd_t count;

	if (wsi == web->listener)
		take_connection(web);
	else
		eventfd_read(web->wake, &count);
	return 0;
}

static void on_destroy(struct web_connection *c, struct lws *wsi)
{
	if (c && wsi == c->viewer)
		web_relay_viewer_gone(c);
	else if (c && wsi == c->browser)
		web_relay_browser_gone(c);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
		    size_t len)
{
	struct web_connection *c = lws.get_opaque_user_data(wsi);

	switch (reason) {
	case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
		c->browser = wsi;
		return 0;
	case LWS_CALLBACK_HTTP:
		return web_page_request(c, in);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return web_page_continue(c);
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return web_page_upgrade(c, in);
	case LWS_CALLBACK_ESTABLISHED:
		return web_relay_begin(c);
	case LWS_CALLBACK_RECEIVE:
		return web_relay_from_browser(c, in, len);
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return web_relay_to_browser(c);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		c->closing = true;
		return 0;
	case LWS_CALLBACK_RAW_RX_FILE:
		return c ? web_relay_from_viewer(c)
			 : on_own_descriptor(lws.context_user(lws.get_context(wsi)), wsi);
	case LWS_CALLBACK_RAW_WRITEABLE_FILE:
		return c ? web_relay_to_viewer(c) : 0;
	case LWS_CALLBACK_WSI_DESTROY:
		on_destroy(c, wsi);
		return 0;
	case LWS_CALLBACK_HTTP_BODY:
	case LWS_CALLBACK_RAW_ADOPT: /* the method CONNECT */
	case LWS_CALLBACK_RAW_RX:
		return -1;
	default:
		return 0;
	}
}

/* --- the thread --- */

static bool everything_rests(const struct web *web)
{
	for (const struct web_connection *c = web->connections; c; c = c->next)
		if (!web_relay_rests(c))
			return false;
	return lws.service_adjust_timeout(web->lws, 1, 0) != 0;
}

static void sleep_until_work(const struct web *web)
{
	struct pollfd p[2 + 2 * WEB_CONNECTIONS] = {{.fd = web->sock}, {.fd = web->wake}};
	nfds_t n = 2;

	for (const struct web_connection *c = web->connections; c; c = c->next) {
		p[n++].fd = lws.get_socket_fd(c->browser);
		p[n++].fd = lws.get_socket_fd(c->viewer);
	}
	for (nfds_t i = 0; i < n; i++)
		p[i].events = POLLIN;
	poll(p, n, -1);
}

/* Twice: what the first round leaves to be sent, such as a pong, the second one sends. */
static void run_library(struct web *web, bool rested)
{
	if (!rested) {
		lws.service(web->lws, 0); /* sleeps if need be */
		return;
	}
	lws.service(web->lws, -1);
	lws.service(web->lws, -1);
}

static void *web_run(void *arg)
{
	struct web *web = arg;

	prctl(PR_SET_NAME, "web");
	while (!web->stopping) {
		bool rested = everything_rests(web);

		if (rested)
			sleep_until_work(web);
		web->wakeups++;
		if (web->stopping)
			break;
		sandbox_narrow(SANDBOX_WEB);
		run_library(web, rested);
		look_after_connections(web);
	}
	return NULL;
}

/* --- start and stop --- */

/* A copy, since the library closes what it has. */
static struct lws *adopt_own(struct web *web, int fd)
{
	lws_adopt_desc_t info = {
		.vh = web->host,
		.type = LWS_ADOPT_RAW_FILE_DESC,
		.fd.filefd = fcntl(fd, F_DUPFD_CLOEXEC, 0),
	};
	struct lws *wsi = NULL;

	if (info.fd.filefd >= 0)
		wsi = lws.adopt_descriptor_vhost_via_info(&info);
	if (!wsi && info.fd.filefd >= 0)
		close(info.fd.filefd);
	return wsi;
}

/* No pings: a connection that has nothing to say is as good as any other. */
static const lws_retry_bo_t no_pings;

static const struct lws_protocols protocols[] = {
	{.name = "binary", .callback = on_event, .rx_buffer_size = WEB_UP},
	{.name = NULL},
};

static int create_library(struct web *web, const struct web_options *opt, char **why)
{
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.user = web,
		.server_string = "caisson",
		.alpn = "http/1.1",
		.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
			   LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME |
			   (opt->certificate ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0),
		.ssl_cert_filepath = opt->certificate,
		.ssl_private_key_filepath = opt->key,
		.fd_limit_per_thread = 2 * WEB_CONNECTIONS + 8,
		.max_http_header_pool = WEB_CONNECTIONS,
		.timeout_secs = REQUEST_SECONDS,
		.timeout_secs_ah_idle = REQUEST_SECONDS,
		.keepalive_timeout = IDLE_SECONDS,
		.retry_and_idle_policy = &no_pings,
	};
	const char *missing;

	if (!web_library_load(&missing)) {
		*why = sentence("Cannot load libwebsockets: %s; install libwebsockets17, or leave "
				"out --web.", missing);
		return -ENOENT;
	}
	lws.set_log_level(0, NULL);
	web->lws = lws.create_context(&info);
	if (web->lws)
		web->host = lws.create_vhost(web->lws, &info);
	if (web->host)
		return 0;
	*why = web->lws && opt->certificate
		       ? sentence("Cannot use the certificate %s with the key %s; both must be "
				  "PEM files, and belong together.", opt->certificate, opt->key)
		       : sentence("Cannot start the web server; leave out --web.");
	return -EINVAL;
}

static int start(struct web *web)
{
	web->spare = fcntl(web->wake, F_DUPFD_CLOEXEC, 0);
	web->listener = adopt_own(web, web->sock);
	if (web->spare < 0 || !web->listener || !adopt_own(web, web->wake))
		return -EMFILE;
	return thread_start(&web->thread, web_run, web);
}

/* Where every address is listened at, the machine's name is what others can use. */
static char *make_url(const struct web_place *p, bool tls)
{
	const char *host = p->place.host, *scheme = tls ? "https" : "http";
	char name[256] = "", *url;

	if (!strcmp(host, "0.0.0.0") || !strcmp(host, "::")) {
		gethostname(name, sizeof(name) - 1);
		host = name;
	}
	if (asprintf(&url, strchr(host, ':') ? "%s://[%s]:%u/" : "%s://%s:%u/", scheme, host,
		     p->port) < 0)
		return NULL;
	return url;
}

static int prepare(struct web *web, const struct web_options *opt, char **why)
{
	struct web_place place = {.sock = -1};
	bool tls = opt->certificate != NULL;
	int err = web_listen(&place, opt->address, tls, why);

	web->sock = place.sock;
	if (err)
		return err;
	web->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	web->name = strdup(opt->name ? opt->name : "Caisson");
	web->url = make_url(&place, tls);
	if (web->wake < 0 || !web->name || !web->url)
		return -ENOMEM;
	access_init(&web->access, place.place.host, place.port, tls);
	err = web_files_load(&web->files, opt->folder, why);
	return err ? err : create_library(web, opt, why);
}

static void destroy(struct web *web)
{
	if (web->lws)
		lws.context_destroy(web->lws);
	look_after_connections(web);
	if (web->sock >= 0)
		close(web->sock);
	if (web->wake >= 0)
		close(web->wake);
	if (web->spare >= 0)
		close(web->spare);
	web_files_free(&web->files);
	access_fini(&web->access);
	free(web->name);
	free(web->url);
	free(web);
}

int web_start(struct web **out, const struct web_options *opt, struct vnc *v, char **why)
{
	struct web *web = calloc(1, sizeof(*web));
	int err = web ? 0 : -ENOMEM;

	*why = NULL;
	if (web) {
		web->sock = web->wake = web->spare = -1;
		web->vnc = v;
		err = prepare(web, opt, why);
	}
	if (!err)
		err = start(web);
	if (!err) {
		*out = web;
		return 0;
	}
	if (!*why)
		*why = sentence("Cannot start the web server at %s: %s; leave out --web.",
				opt->address, strerror(-err));
	if (web)
		destroy(web);
	return err;
}

char *web_new_url(struct web *web)
{
	char token[SECRET_TEXT], *url;

	if (access_new_token(&web->access, token))
		return NULL;
	return asprintf(&url, "%s?token=%s", web->url, token) < 0 ? NULL : url;
}

const char *web_address(const struct web *web)
{
	return web->url;
}

void web_stop(struct web *web)
{
	if (!web)
		return;
	web->stopping = true;
	eventfd_write(web->wake, 1);
	pthread_join(web->thread, NULL);
	destroy(web);
}

void web_read_stats(const struct web *web, struct web_stats *s)
{
	*s = (struct web_stats){web->browsers, web->wakeups, web->requests, web->bytes};
}
