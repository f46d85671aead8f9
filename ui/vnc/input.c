// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a viewer does with keys and pointer, and the keyboard's lights on their way back.
 *
 * The library does not know QEMU's pseudo-encodings, so they are an extension of it. The guest has
 * a mouse, which moves: a viewer that can is asked for movements ("QEMU Pointer Motion Change"),
 * and others' positions become movements in ui/input.c. Missing: buttons 9 and up, which take a
 * pseudo-encoding of their own; the wheel's sideways steps.
 * Reference: The RFB Protocol (community version), "QEMU Extended Key Event Message", "QEMU LED
 * State Pseudo-encoding", "QEMU Pointer Motion Change Pseudo-encoding".
 */
#include "vnc_priv.h"

#include "ui/keymap.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>

enum {
	ENCODING_QEMU_POINTER = -257,
	ENCODING_QEMU_SCANCODES = -258,
	ENCODING_QEMU_LEDS = -261,
};
enum { POINTER_AT_REST = 0x7fff }; /* what a movement of nothing is sent as */

enum {
	MASK_WHEEL_UP = 0x08,
	MASK_WHEEL_DOWN = 0x10,
	MASK_BUTTON_8 = 0x80,
};

/* --- the server's answers: updates with one rectangle that is none --- */

static void send_pseudo(rfbClientRec *cl, int32_t encoding, const void *data, size_t n)
{
	struct {
		rfbFramebufferUpdateMsg update;
		rfbFramebufferUpdateRectHeader rect;
		uint8_t data[8];
	} __attribute__((packed)) m;

	memset(&m, 0, sizeof(m));
	m.update.type = rfbFramebufferUpdate;
	m.update.nRects = htons(1);
	m.rect.encoding = htonl((uint32_t)encoding);
	memcpy(m.data, data, n);
	if (rfbWriteExact(cl, (char *)&m, (int)(sizeof(m) - sizeof(m.data) + n)) < 0)
		rfbCloseClient(cl);
}

static void send_leds(struct vnc_viewer *v)
{
	uint8_t leds;

	v->leds = input_leds(v->vnc->input);
	leds = (uint8_t)v->leds; /* the protocol's bits are ours */
	send_pseudo(v->client, ENCODING_QEMU_LEDS, &leds, 1);
}

void vnc_input_tell_leds(struct vnc_viewer *v)
{
	if (v->wants_leds && input_leds(v->vnc->input) != v->leds)
		send_leds(v);
}

/* --- the extension --- */

static rfbBool enable_encoding(rfbClientRec *cl, void **data, int encoding)
{
	struct vnc_viewer *v = *data;

	if (encoding == ENCODING_QEMU_SCANCODES) {
		if (!v->wants_scancodes && cl->sock >= 0)
			send_pseudo(cl, encoding, "", 0);
		v->wants_scancodes = true;
		return TRUE;
	}
	if (encoding == ENCODING_QEMU_POINTER) {
		if (!v->moves && cl->sock >= 0)
			send_pseudo(cl, encoding, "", 0); /* at x = 0: movements */
		v->moves = true;
		return TRUE;
	}
	if (encoding == ENCODING_QEMU_LEDS) {
		if (!v->wants_leds && cl->sock >= 0)
			send_leds(v);
		v->wants_leds = true;
		return TRUE;
	}
	return FALSE;
}

static void keysym_key(struct vnc_viewer *v, uint32_t keysym, bool down)
{
	v->touched = true;
	if (!vnc_paste_key(v, keymap_from_keysym(keysym).qnum, down))
		typing_key(&v->typing, keysym, down);
}

/* A key by its scan code where there is one: Print has a second one of old, Pause's is E0 46. */
static void scancode_key(struct vnc_viewer *v, uint32_t code, uint32_t keysym, bool down)
{
	if (code == 0xb7)
		code = 0x54;
	v->touched = true;
	if (!code || code > 0xff)
		keysym_key(v, keysym, down);
	else if (!vnc_paste_key(v, code, down))
		input_key(v->vnc->input, code, down);
}

static rfbBool handle_message(rfbClientRec *cl, void *data, const rfbClientToServerMsg *m)
{
	rfbQemuExtendedKeyEventMsg key;

	if (m->type != rfbQemuEvent)
		return FALSE;
	if (rfbReadExact(cl, (char *)&key + 1, 1) <= 0 || key.subtype != 0 ||
	    rfbReadExact(cl, (char *)&key + 2, sz_rfbQemuExtendedKeyEventMsg - 2) <= 0) {
		rfbCloseClient(cl);
		return TRUE;
	}
	if (!cl->viewOnly)
		scancode_key(data, ntohl(key.keycode), ntohl(key.keysym), key.down != 0);
	return TRUE;
}

static rfbProtocolExtension qemu_extension = {
	.enablePseudoEncoding = enable_encoding,
	.handleMessage = handle_message,
};

/* --- the library's hooks --- */

static void on_key(rfbBool down, rfbKeySym keysym, rfbClientRec *cl)
{
	keysym_key(cl->screen->screenData, keysym, down);
}

static void on_pointer(int mask, int x, int y, rfbClientRec *cl)
{
	struct vnc_viewer *v = cl->screen->screenData;
	int pressed = mask & ~v->buttons, dz = 0;
	unsigned buttons = (unsigned)mask & (INPUT_LEFT | INPUT_MIDDLE | INPUT_RIGHT);

	if (pressed & MASK_WHEEL_UP)
		dz--;
	if (pressed & MASK_WHEEL_DOWN)
		dz++;
	if (mask & MASK_BUTTON_8)
		buttons |= INPUT_SIDE;
	v->buttons = mask;
	v->touched = true;
	if (v->moves) {
		input_relative(v->vnc->input, x - POINTER_AT_REST, y - POINTER_AT_REST, dz,
			       buttons);
		return;
	}
	input_absolute(v->vnc->input, x, y, v->width, v->height, dz, buttons);
}

static void on_leds(struct input_watcher *w)
{
	struct vnc_viewer *v = (void *)((char *)w - offsetof(struct vnc_viewer, leds_watch));

	eventfd_write(v->wake, 1);
}

void vnc_input_hooks(struct vnc_viewer *v)
{
	v->screen->kbdAddEvent = on_key;
	v->screen->ptrAddEvent = on_pointer;
}

void vnc_input_begin(struct vnc_viewer *v)
{
	typing_init(&v->typing, v->vnc->input);
	v->buttons = 0;
	v->wants_leds = v->wants_scancodes = v->moves = v->pasting = v->touched = false;
	/* without rfbEnableExtension(), whose memory the library never frees */
	v->extension = (rfbExtensionData){.extension = &qemu_extension, .data = v};
	v->client->extensions = &v->extension;
	v->leds_watch.changed = on_leds;
	input_watch_leds(v->vnc->input, &v->leds_watch);
}

void vnc_input_end(struct vnc_viewer *v)
{
	input_unwatch_leds(v->vnc->input, &v->leds_watch);
	vnc_paste_forget(v);
	if (v->touched) /* else nothing that is down is this viewer's */
		input_release_all(v->vnc->input);
}
