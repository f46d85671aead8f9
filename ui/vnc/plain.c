// SPDX-License-Identifier: GPL-2.0-only
/*
 * Updates past the library, in the common case: the viewer takes raw pixels, has asked for whatever
 * changes, and is owed nothing else. Then an update is one write, and no region is computed. All
 * others are the library's: compressed encodings, parts of the picture, pseudo-encodings.
 * Reference: RFC 6143, "FramebufferUpdateRequest", "FramebufferUpdate", "Raw Encoding".
 */
#include "vnc_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <rfb/rfbregion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { WIRE_LEN = 128 * 1024 }; /* at least a line of VNC_MAX_WIDTH pixels and a header */

struct wire {
	struct vnc_viewer *v;
	size_t used;
};

/* --- requests --- */

/* All that changes, and the library has had its say since the viewer last changed its mind. */
static bool is_plain(const struct vnc_viewer *v, const rfbFramebufferUpdateRequestMsg *m)
{
	return v->settled && m->type == rfbFramebufferUpdateRequest && m->incremental && !m->x &&
	       !m->y && ntohs(m->w) >= v->width && ntohs(m->h) >= v->height;
}

/*
 * Else TCP does so at once, with a packet of its own, where the last answer took long. A socket
 * that is none of TCP's does not mind.
 */
static void acknowledge_by_answer(const struct vnc_viewer *v)
{
	static const int off;

	setsockopt(v->sock, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
}

bool vnc_plain_request(struct vnc_viewer *v, const void *message, size_t n)
{
	rfbFramebufferUpdateRequestMsg m;

	if (n < sz_rfbFramebufferUpdateRequestMsg)
		return false;
	memcpy(&m, message, sizeof(m));
	if (!is_plain(v, &m))
		return false;
	acknowledge_by_answer(v);
	if (recv(v->sock, &m, sizeof(m), MSG_DONTWAIT) != sizeof(m))
		return false;
	v->asked = true;
	return true;
}

void vnc_plain_hand_over(struct vnc_viewer *v)
{
	sraRegionPtr all;

	if (!v->asked)
		return;
	all = sraRgnCreateRect(0, 0, (int)v->width, (int)v->height);
	sraRgnOr(v->client->requestedRegion, all);
	sraRgnDestroy(all);
	v->asked = false;
}

/* --- updates --- */

bool vnc_plain_is_enough(const struct vnc_viewer *v)
{
	const rfbClientRec *cl = v->client;

	return v->asked && v->settled && cl->preferredEncoding == rfbEncodingRaw &&
	       !cl->newFBSizePending && !cl->cursorWasChanged && !cl->cursorWasMoved &&
	       sraRgnEmpty(cl->requestedRegion) && sraRgnEmpty(cl->modifiedRegion);
}

/* Whoever takes something within the time gets more of it. */
static int send_all(const struct vnc_viewer *v, const uint8_t *from, const uint8_t *end)
{
	struct pollfd p = {.fd = v->sock, .events = POLLOUT};
	ssize_t n;

	while (from < end) {
		n = send(p.fd, from, (size_t)(end - from), MSG_NOSIGNAL);
		if (n > 0)
			from += n;
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return -EPIPE;
		else if (errno == EAGAIN && !poll(&p, 1, VNC_STALL_MS))
			return -ETIMEDOUT;
	}
	return 0;
}

static int flush(struct wire *w)
{
	size_t len = w->used;

	w->v->vnc->bytes += len;
	w->used = 0;
	return send_all(w->v, w->v->wire, w->v->wire + len);
}

static int put(struct wire *w, const void *data, size_t n)
{
	int err = n > WIRE_LEN - w->used ? flush(w) : 0;

	memcpy(w->v->wire + w->used, data, n);
	w->used += n;
	return err;
}

static int put_header(struct wire *w, const pixman_box32_t *b)
{
	rfbFramebufferUpdateRectHeader h = {
		.r = {htons((uint16_t)b->x1), htons((uint16_t)b->y1),
		      htons((uint16_t)(b->x2 - b->x1)), htons((uint16_t)(b->y2 - b->y1))},
		.encoding = htonl(rfbEncodingRaw),
	};

	return put(w, &h, sz_rfbFramebufferUpdateRectHeader);
}

/* Converts as many lines at a time as there is room for. */
static int put_pixels(struct wire *w, const pixman_box32_t *b)
{
	struct vnc_viewer *v = w->v;
	rfbClientRec *cl = v->client;
	int width = b->x2 - b->x1, lines, y, err = 0;
	size_t len = (size_t)width * cl->format.bitsPerPixel / 8;

	for (y = b->y1; y < b->y2 && !err; y += lines) {
		if (len > WIRE_LEN - w->used)
			err = flush(w);
		lines = (int)((WIRE_LEN - w->used) / len);
		lines = lines < b->y2 - y ? lines : b->y2 - y;
		cl->translateFn(cl->translateLookupTable, &cl->screen->serverFormat, &cl->format,
				(char *)(v->picture + (size_t)y * v->width + b->x1),
				(char *)v->wire + w->used, (int)v->width * 4, width, lines);
		w->used += len * (size_t)lines;
	}
	return err;
}

/* The part of a box that is in the viewer's picture; false if there is none. */
static bool clip(const struct vnc_viewer *v, pixman_box32_t *b)
{
	if (b->x2 > (int)v->width)
		b->x2 = (int)v->width;
	if (b->y2 > (int)v->height)
		b->y2 = (int)v->height;
	return b->x1 < b->x2 && b->y1 < b->y2;
}

static int put_boxes(struct wire *w, const pixman_box32_t *boxes, int n)
{
	pixman_box32_t b;
	int err = 0, i;

	for (i = 0; i < n && !err; i++) {
		b = boxes[i];
		if (!clip(w->v, &b))
			continue;
		err = put_header(w, &b);
		if (!err)
			err = put_pixels(w, &b);
	}
	return err;
}

static unsigned count_boxes(const struct vnc_viewer *v, const pixman_box32_t *boxes, int n)
{
	pixman_box32_t b;
	unsigned count = 0;
	int i;

	for (i = 0; i < n; i++) {
		b = boxes[i];
		count += clip(v, &b);
	}
	return count;
}

/* An update, of which only the end is still in the wire; nothing at all if nothing shows. */
static int put_update(struct wire *w, pixman_region32_t *damage)
{
	rfbFramebufferUpdateMsg m = {.type = rfbFramebufferUpdate};
	struct vnc_viewer *v = w->v;
	int n, err;
	const pixman_box32_t *boxes = pixman_region32_rectangles(damage, &n);
	unsigned count = count_boxes(v, boxes, n);

	if (!count)
		return 0;
	if (!v->wire)
		v->wire = malloc(WIRE_LEN);
	if (!v->wire)
		return -ENOMEM;
	m.nRects = htons((uint16_t)count);
	err = put(w, &m, sz_rfbFramebufferUpdateMsg);
	if (!err)
		err = put_boxes(w, boxes, n);
	v->asked = false;
	v->vnc->updates++;
	return err;
}

int vnc_plain_send(struct vnc_viewer *v, pixman_region32_t *damage)
{
	struct wire w = {.v = v};
	int err = put_update(&w, damage);

	return err ? err : flush(&w);
}

/* So little goes into the wire in one piece. What is wrong with a socket is the thread's to see. */
bool vnc_plain_send_little(struct vnc_viewer *v, pixman_region32_t *damage)
{
	struct wire w = {.v = v};
	ssize_t n;

	_Static_assert(VNC_LITTLE * (sz_rfbFramebufferUpdateRectHeader + 4) < WIRE_LEN / 2, "");
	if (put_update(&w, damage) || !w.used)
		return true;
	n = send(v->sock, v->wire, w.used, MSG_NOSIGNAL | MSG_DONTWAIT);
	v->vnc->bytes += w.used;
	v->unsent = n > 0 ? (size_t)n : 0;
	v->unsent_end = w.used;
	return v->unsent == v->unsent_end;
}

int vnc_plain_finish(struct vnc_viewer *v)
{
	size_t from = v->unsent, end = v->unsent_end;

	v->unsent = v->unsent_end = 0;
	return send_all(v, v->wire + from, v->wire + end);
}
