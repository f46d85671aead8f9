// SPDX-License-Identifier: GPL-2.0-only
/*
 * Between a WebSocket and the VNC server: a socket pair, one end of which is a viewer there. Each
 * direction has one buffer, and its source is not read before the buffer is empty again. So a
 * browser that reads slowly makes the VNC server's thread for it wait, and no other; and a guest
 * that takes keys slowly makes the browser's connection wait.
 */
#include "web_priv.h"

#include "ui/vnc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Our end, in the library's loop. */
static struct lws *adopt(struct web_connection *c, int end)
{
	lws_adopt_desc_t info = {
		.vh = c->web->host,
		.type = LWS_ADOPT_RAW_FILE_DESC,
		.fd.filefd = end,
		.opaque = c,
	};

	return lws.adopt_descriptor_vhost_via_info(&info);
}

int web_relay_begin(struct web_connection *c)
{
	int ends[2];

	c->down = malloc(LWS_PRE + WEB_DOWN);
	if (!c->admitted || !c->down)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends))
		return -1;
	c->viewer = adopt(c, ends[1]);
	if (!c->viewer) {
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	c->established = true;
	c->web->browsers++;
	return vnc_serve(c->web->vnc, ends[0]) ? -1 : 0;
}

/* --- towards the browser --- */

int web_relay_from_viewer(struct web_connection *c)
{
	ssize_t n;

	if (c->down_len)
		return 0;
	n = recv(lws.get_socket_fd(c->viewer), c->down + LWS_PRE, WEB_DOWN, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -1;
	c->down_len = (size_t)n;
	return lws.rx_flow_control(c->viewer, 0);
}

/* What the library cannot send at once it keeps, and asks for more only when that is gone. */
int web_relay_to_browser(struct web_connection *c)
{
	size_t n = c->down_len;

	if (n) {
		if (lws.write(c->browser, c->down + LWS_PRE, n, LWS_WRITE_BINARY) < (int)n)
			return -1;
		c->down_len = 0;
		c->web->bytes += n;
		return c->viewer ? lws.rx_flow_control(c->viewer, 1) : 0;
	}
	if (c->viewer || c->closing)
		return 0;
	c->closing = true;
	lws.close_reason(c->browser, LWS_CLOSE_STATUS_GOINGAWAY, NULL, 0);
	return -1;
}

/* --- towards the viewer --- */

/* How many bytes it took; -1: it is gone. */
static ssize_t pass(struct web_connection *c, const uint8_t *bytes, size_t n)
{
	ssize_t sent = send(lws.get_socket_fd(c->viewer), bytes, n, MSG_NOSIGNAL);

	return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : sent;
}

int web_relay_from_browser(struct web_connection *c, const uint8_t *bytes, size_t n)
{
	ssize_t sent;

	if (!c->viewer)
		return 0;
	if (c->up_len || n > sizeof(c->up))
		return -1;
	sent = pass(c, bytes, n);
	if (sent < 0)
		return -1;
	c->up_at = 0;
	c->up_len = n - (size_t)sent;
	if (!c->up_len)
		return 0;
	memcpy(c->up, bytes + sent, c->up_len);
	return lws.rx_flow_control(c->browser, 0);
}

int web_relay_to_viewer(struct web_connection *c)
{
	ssize_t sent = pass(c, c->up + c->up_at, c->up_len);

	if (sent < 0)
		return -1;
	c->up_at += (size_t)sent;
	c->up_len -= (size_t)sent;
	return c->up_len || !c->browser ? 0 : lws.rx_flow_control(c->browser, 1);
}

/* --- the end, and rest --- */

void web_relay_browser_gone(struct web_connection *c)
{
	if (c->established)
		c->web->browsers--;
	c->browser = NULL;
}

void web_relay_viewer_gone(struct web_connection *c)
{
	c->viewer = NULL;
	c->up_len = 0;
}

/* The library has a reason to close, ours or its own, and only waits for the browser to agree. */
static bool is_ending(const struct web_connection *c)
{
	return c->closing || lws.get_close_length(c->browser) > 0;
}

/*
 * Asks the library for what is to happen next. Not where the need arises: it takes back what is
 * asked for while it tells that there is room.
 */
void web_relay_ask(struct web_connection *c)
{
	if (c->browser && c->viewer && c->up_len)
		lws.callback_on_writable(c->viewer);
	if (c->browser && c->established && !is_ending(c) && (c->down_len || !c->viewer))
		lws.callback_on_writable(c->browser);
	if (!c->browser && c->viewer)
		lws.set_timeout(c->viewer, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_ASYNC);
}

bool web_relay_rests(const struct web_connection *c)
{
	return c->established && c->browser && c->viewer && !is_ending(c) && !c->down_len &&
	       !c->up_len && !lws.partial_buffered(c->browser);
}
