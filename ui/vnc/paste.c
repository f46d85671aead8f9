// SPDX-License-Identifier: GPL-2.0-only
/*
 * A viewer's clipboard, and Ctrl+Alt+V, which types it into the guest. Viewers send what their
 * users copy anywhere, unasked, so nothing is typed before somebody says so.
 *
 * The messages are read here and not by the library, which hangs up on a viewer whose user has
 * copied more than a megabyte, or whose zlib ends its stream. A text that is too long is read past
 * and forgotten: half of it might be a command that nobody meant.
 * Missing: the way back, from the guest to a viewer's clipboard, which needs help in the guest.
 * Reference: RFC 6143, "ClientCutText"; The RFB Protocol (community version), "Extended Clipboard
 * Pseudo-Encoding".
 */
#include "vnc_priv.h"

#include "ui/keymap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
	TEXT_MAX = 16 << 10,	    /* bytes of UTF-8: five minutes of typing */
	MESSAGE_MAX = 2 * TEXT_MAX, /* bytes, as sent */
	SKIP_MAX = 1 << 28,	    /* nobody has copied more than that */
};
enum { EXTENDED_TEXT = 1 << 0, EXTENDED_NOTIFY = 1 << 27, EXTENDED_PROVIDE = 1 << 28 };
enum { KEY_CTRL_L = 0x1d, KEY_V = 0x2f, KEY_ALT_L = 0x38, KEY_CTRL_R = 0x9d, KEY_ALT_R = 0xb8 };

void vnc_paste_forget(struct vnc_viewer *v)
{
	free(v->clipboard);
	v->clipboard = NULL;
}

/* --- text on its way here --- */

/* Lines end with a line feed here, whatever they end with there. At most n bytes, and a zero. */
static void unify_lines(char *text, size_t n)
{
	const char *from = text, *end = text + strnlen(text, n);
	char *to = text;

	for (; from < end; from++)
		if (*from != '\r')
			*to++ = *from;
		else if (from[1] != '\n')
			*to++ = '\n';
	*to = 0;
}

static char *from_latin1(const uint8_t *text, size_t n)
{
	char *utf8 = malloc(2 * n + 1);
	size_t i, len = 0;

	for (i = 0; utf8 && i < n; i++) {
		if (text[i] >= 0x80)
			utf8[len++] = (char)(0xc0 | text[i] >> 6);
		utf8[len++] = (char)(text[i] < 0x80 ? text[i] : 0x80 | (text[i] & 0x3f));
	}
	if (utf8)
		utf8[len] = 0;
	return utf8;
}

/* As much as there is of n bytes. */
static size_t inflate_some(const uint8_t *data, size_t len, uint8_t *out, size_t n)
{
	z_stream z = {.next_in = (uint8_t *)data, .avail_in = (unsigned)len};

	if (inflateInit(&z) != Z_OK)
		return 0;
	z.next_out = out;
	z.avail_out = (unsigned)n;
	inflate(&z, Z_SYNC_FLUSH);
	inflateEnd(&z);
	return n - z.avail_out;
}

/* Formats in the order of their bits, each with its length in front; text is the first. */
static char *from_zlib(const uint8_t *data, size_t len)
{
	char *out = malloc(4 + TEXT_MAX + 1);
	size_t got = out ? inflate_some(data, len, (uint8_t *)out, 4 + TEXT_MAX) : 0;
	uint32_t n = UINT32_MAX;

	if (got >= 4)
		memcpy(&n, out, 4);
	n = ntohl(n);
	if (n > TEXT_MAX || n > got - 4) {
		free(out);
		return NULL;
	}
	memmove(out, out + 4, n);
	out[n] = 0;
	return out;
}

static void keep(struct vnc_viewer *v, char *text)
{
	vnc_paste_forget(v);
	if (!text)
		return;
	unify_lines(text, strlen(text));
	if (*text && strlen(text) <= TEXT_MAX)
		v->clipboard = text;
	else
		free(text);
}

static void take_extended(struct vnc_viewer *v, const uint8_t *data, size_t len)
{
	uint32_t flags = 0;

	if (len >= sizeof(flags))
		memcpy(&flags, data, sizeof(flags));
	flags = ntohl(flags);
	if (flags & EXTENDED_NOTIFY)
		vnc_paste_forget(v); /* something else has been copied */
	else if (flags & EXTENDED_PROVIDE && flags & EXTENDED_TEXT)
		keep(v, from_zlib(data + sizeof(flags), len - sizeof(flags)));
}

/* --- messages --- */

static int skip(struct vnc_viewer *v, size_t n)
{
	char waste[4096];

	while (n) {
		size_t part = n < sizeof(waste) ? n : sizeof(waste);

		if (rfbReadExact(v->client, waste, (int)part) <= 0)
			return -EPIPE;
		n -= part;
	}
	return 0;
}

static int take(struct vnc_viewer *v, size_t n, bool extended)
{
	uint8_t *data = malloc(n + 1);
	int err = data && rfbReadExact(v->client, (char *)data, (int)n) > 0 ? 0 : -EPIPE;

	if (!err && extended)
		take_extended(v, data, n);
	else if (!err)
		keep(v, from_latin1(data, n));
	free(data);
	return err;
}

int vnc_paste_message(struct vnc_viewer *v)
{
	uint8_t head[8];
	uint32_t n;
	bool extended;

	if (rfbReadExact(v->client, (char *)head, sizeof(head)) <= 0)
		return -EPIPE;
	memcpy(&n, head + 4, sizeof(n));
	n = ntohl(n);
	extended = v->client->enableExtendedClipboard && n > INT32_MAX;
	if (extended)
		n = -n;
	if (n > SKIP_MAX)
		return -EPIPE;
	if (n && n <= MESSAGE_MAX && !v->client->viewOnly)
		return take(v, n, extended);
	vnc_paste_forget(v);
	return skip(v, n);
}

/* --- typing --- */

static void type(struct vnc_viewer *v)
{
	char *why = NULL;

	input_release_all(v->vnc->input); /* Ctrl and Alt would make other keys of these */
	if (input_type(v->vnc->input, v->clipboard, &why))
		rfbWriteExact(v->client, "\x02", 1); /* a bell: no key types it */
	free(why);
}

static bool is_down(const struct vnc_viewer *v, unsigned left, unsigned right)
{
	return input_key_is_down(v->vnc->input, left) || input_key_is_down(v->vnc->input, right);
}

bool vnc_paste_key(struct vnc_viewer *v, unsigned qnum, bool down)
{
	bool ours = v->pasting;

	if (qnum != KEY_V)
		return false;
	if (!down)
		v->pasting = false;
	if (ours || !down || !v->clipboard || !is_down(v, KEY_CTRL_L, KEY_CTRL_R) ||
	    !is_down(v, KEY_ALT_L, KEY_ALT_R))
		return ours; /* a key that is held down repeats, and goes up */
	v->pasting = true;
	type(v);
	return true;
}
