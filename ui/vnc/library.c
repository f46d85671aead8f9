// SPDX-License-Identifier: GPL-2.0-only
/*
 * A viewer in libvncserver: its screen, its client, and the messages that get through.
 *
 * The library is used for messages and encodings only. Its loop, sockets and handshake are not;
 * file transfer, chat, scaling and the rest of what viewers could ask for are refused by message
 * type, before it sees them.
 */
#include "vnc_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <rfb/rfbregion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The library keeps lists for the whole process that a new client touches. */
static pthread_mutex_t newcomers = PTHREAD_MUTEX_INITIALIZER;

/* --- the screen --- */

static bool is_channel(unsigned max, unsigned shift, unsigned bits)
{
	return max && shift < bits && max <= (0xffffffffu >> (32 - bits)) >> shift;
}

/* Divides, shifts and tables of the library depend on what the viewer says here. */
static rfbBool set_format(rfbClientRec *cl)
{
	const rfbPixelFormat *f = &cl->format;
	unsigned bits = f->bitsPerPixel;

	if ((bits == 8 && !f->trueColour) ||
	    ((bits == 8 || bits == 16 || bits == 32) && f->trueColour &&
	     is_channel(f->redMax, f->redShift, bits) &&
	     is_channel(f->greenMax, f->greenShift, bits) &&
	     is_channel(f->blueMax, f->blueShift, bits)))
		return rfbSetTranslateFunction(cl);
	rfbCloseClient(cl);
	return FALSE;
}

static void be_x8r8g8b8(rfbPixelFormat *f)
{
	f->depth = 24;
	f->redShift = 16;
	f->greenShift = 8;
	f->blueShift = 0;
}

int vnc_screen_create(struct vnc_viewer *v)
{
	rfbScreenInfo *s = rfbGetScreen(NULL, NULL, 4, 4, 8, 3, 4);

	if (!s)
		return -ENOMEM;
	be_x8r8g8b8(&s->serverFormat);
	s->screenData = v;
	s->desktopName = v->vnc->name;
	s->alwaysShared = TRUE;
	s->deferUpdateTime = 0; /* the viewer's thread keeps the pace */
	s->maxClientWait = VNC_STALL_MS;
	s->cursor = NULL; /* the guest draws its own into the picture */
	s->setTranslateFunction = set_format;
	v->screen = s;
	vnc_input_hooks(v);
	return 0;
}

void vnc_screen_destroy(struct vnc_viewer *v)
{
	if (!v->screen)
		return;
	rfbScreenCleanup(v->screen);
	v->screen = NULL;
}

/* What was changed in a picture of another size must not be sent. */
static void announce_size(rfbClientRec *cl)
{
	sraRgnMakeEmpty(cl->modifiedRegion);
	rfbMarkRectAsModified(cl->screen, 0, 0, cl->screen->width, cl->screen->height);
	cl->newFBSizePending = cl->useNewFBSize;
}

int vnc_screen_resize(struct vnc_viewer *v, unsigned width, unsigned height)
{
	uint32_t *picture = calloc((size_t)width * height, sizeof(*picture));

	if (!picture)
		return -ENOMEM;
	v->screen->frameBuffer = (char *)picture;
	v->screen->width = (int)width;
	v->screen->height = (int)height;
	v->screen->paddedWidthInBytes = (int)width * 4;
	free(v->picture);
	v->picture = picture;
	v->width = width;
	v->height = height;
	if (v->client)
		announce_size(v->client);
	return 0;
}

/* --- the client --- */

/*
 * The library insists on shaking hands, so it shakes them with these words: version 3.8, security
 * type None, shared. Nothing here waits, since all the words are there.
 */
static int introduce(struct vnc_viewer *v, const int ends[2])
{
	static const char words[] = "RFB 003.008\n\x01\x01";
	const ssize_t len = sizeof(words) - 1;
	int i;

	if (send(ends[1], words, (size_t)len, MSG_NOSIGNAL) != len) {
		close(ends[0]);
		return -EIO;
	}
	v->client = rfbNewClient(v->screen, ends[0]);
	for (i = 0; i < 3 && v->client && v->client->sock >= 0; i++)
		rfbProcessClientMessage(v->client);
	return v->client && v->client->state == RFB_NORMAL ? 0 : -EIO;
}

/* What the library answered: the handshake, which the viewer has had, and ServerInit. */
static int pass_server_init(const struct vnc_viewer *v, int from)
{
	enum { VERSION = 12, SECURITY_TYPES = 2, SECURITY_RESULT = 4 };
	const ssize_t skip = VERSION + SECURITY_TYPES + SECURITY_RESULT;
	char answer[512];
	ssize_t n = recv(from, answer, sizeof(answer), MSG_DONTWAIT);

	if (n < skip + sz_rfbServerInitMsg)
		return -EIO;
	return vnc_send(v->sock, answer + skip, (size_t)(n - skip),
			vnc_now() + VNC_STALL_MS * 1000000ull);
}

/* The library divides by the size of what is asked for, so nothing becomes one pixel. */
static void on_request(rfbClientRec *cl, rfbFramebufferUpdateRequestMsg *m)
{
	(void)cl;
	if (m->w && m->h)
		return;
	m->x = m->y = 0;
	m->w = m->h = 1;
}

int vnc_client_adopt(struct vnc_viewer *v)
{
	int ends[2], err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends))
		return -errno;
	if (ends[0] >= FD_SETSIZE) { /* the library uses select() */
		close(ends[0]);
		close(ends[1]);
		return -EMFILE;
	}
	pthread_mutex_lock(&newcomers);
	err = introduce(v, ends);
	pthread_mutex_unlock(&newcomers);
	if (!err)
		err = pass_server_init(v, ends[1]);
	/* from here on the library's end is the viewer */
	if (!err && dup3(v->sock, v->client->sock, O_CLOEXEC) < 0)
		err = -errno;
	close(ends[1]);
	if (err)
		return err;
	v->client->clientFramebufferUpdateRequestHook = on_request;
	v->client->viewOnly = v->access != VNC_ALL;
	return 0;
}

static bool is_served(uint8_t type)
{
	switch (type) {
	case rfbSetPixelFormat:
	case rfbSetEncodings:
	case rfbFramebufferUpdateRequest:
	case rfbKeyEvent:
	case rfbPointerEvent:
	case rfbClientCutText:
	case rfbSetDesktopSize:
	case rfbQemuEvent:
		return true;
	}
	return false;
}

int vnc_client_message(struct vnc_viewer *v)
{
	uint8_t m[sz_rfbFramebufferUpdateRequestMsg];
	ssize_t n = recv(v->sock, m, sizeof(m), MSG_PEEK | MSG_DONTWAIT);
	uint8_t type = n > 0 ? m[0] : 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0 || !is_served(type))
		return -EPIPE;
	if (type == rfbClientCutText)
		return vnc_paste_message(v);
	if (vnc_plain_request(v, m, (size_t)n))
		return 0;
	if (type == rfbSetPixelFormat || type == rfbSetEncodings)
		v->settled = false;
	if (type == rfbSetEncodings)
		v->moves = false; /* unless it is on this list, too */
	rfbProcessClientMessage(v->client);
	if (v->client->tightCompressLevel < 1) /* 0 is a dialect of Tight that few viewers know */
		v->client->tightCompressLevel = 1;
	return v->client->sock < 0 ? -EPIPE : 0;
}

void vnc_client_drop(struct vnc_viewer *v)
{
	if (!v->client)
		return;
	v->client->extensions = NULL; /* ours, and not from malloc() */
	rfbClientConnectionGone(v->client);
	v->client = NULL;
}
