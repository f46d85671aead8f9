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

bool vnc_plain_request(struct vnc_viewer *v, const void *message, size_t n)
{
	rfbFramebufferUpdateRequestMsg m;

	if (n < sz_rfbFramebufferUpdateRequestMsg)
		return false;
	memcpy(&m, message, sizeof(m));
	if (!is_plain(v, &m) || recv(v->sock, &m, sizeof(m), MSG_DONTWAIT) != sizeof(m))
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
static int flush(struct wire *w)
{
	struct pollfd p = {.fd = w->v->sock, .events = POLLOUT};
	const uint8_t *from = w->v->wire, *end = from + w->used;
	ssize_t n;

	w->v->vnc->bytes += w->used;
	w->used = 0;
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

int vnc_plain_send(struct vnc_viewer *v, pixman_region32_t *damage)
{
	rfbFramebufferUpdateMsg m = {.type = rfbFramebufferUpdate};
	struct wire w = {.v = v};
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
	err = put(&w, &m, sz_rfbFramebufferUpdateMsg);
	if (!err)
		err = put_boxes(&w, boxes, n);
	if (!err)
		err = flush(&w);
	v->asked = false;
	v->vnc->updates++;
	return err;
}
