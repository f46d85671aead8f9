// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PS/2 mouse with wheel and five buttons: the standard protocol, IntelliMouse and IntelliMouse
 * Explorer.
 *
 * State: struct ps2_mouse. Missing: the time between samples; instead, what moves while a packet
 * waits to be read is merged into the next one. Ignored: the resolution.
 * Reference: IBM PS/2 Hardware Interface Technical Reference, "Auxiliary Device/Controller";
 * Microsoft, "Device Support: IntelliMouse", for the wheel.
 */
#include "input/ps2.h"
#include "ui/input.h"

enum {
	CMD_SCALING_1 = 0xe6,
	CMD_SCALING_2 = 0xe7,
	CMD_RESOLUTION = 0xe8,
	CMD_STATUS = 0xe9,
	CMD_STREAM = 0xea,
	CMD_READ = 0xeb,
	CMD_WRAP_OFF = 0xec,
	CMD_WRAP_ON = 0xee,
	CMD_REMOTE = 0xf0,
	CMD_IDENTIFY = 0xf2,
	CMD_RATE = 0xf3,
	CMD_ENABLE = 0xf4,
	CMD_DISABLE = 0xf5,
	CMD_DEFAULTS = 0xf6,
	CMD_RESEND = 0xfe,
};

enum { FIRST_COMMAND = CMD_SCALING_1 };

enum { ID_PLAIN = 0, ID_WHEEL = 3, ID_EXPLORER = 4 };

enum { PACKET_LEFT = 0x01, PACKET_RIGHT = 0x02, PACKET_MIDDLE = 0x04, PACKET_ONE = 0x08,
       PACKET_X_SIGN = 0x10, PACKET_Y_SIGN = 0x20, PACKET_X_OVERFLOW = 0x40,
       PACKET_Y_OVERFLOW = 0x80 };
enum { PACKET4_SIDE = 0x10, PACKET4_EXTRA = 0x20 };

enum { STATUS_SCALING = 0x10, STATUS_REPORTING = 0x20, STATUS_REMOTE = 0x40 };

enum { RESOLUTION_DEFAULT = 2, RATE_DEFAULT = 100 };

enum {
	COUNTER_MAX = 1023,	/* four packets of movement, then the overflow bit */
	STEP_MAX = 255,		/* what one packet carries */
	STEP_MAX_SCALED = 127,	/* doubled, it still fits */
	WHEEL_MAX = 127,
	WHEEL_STEP_MAX = 7,
};

/* --- movement ------------------------------------------------------------------------------ */

static int clamp(int v, int limit)
{
	return v > limit ? limit : v < -limit ? -limit : v;
}

static bool streaming(const struct ps2_mouse *m)
{
	return m->reporting && !m->remote && !m->wrap;
}

static void add(int16_t *counter, int by, int limit, uint8_t *overflow, uint8_t bit)
{
	int sum = *counter + clamp(by, 2 * limit);

	*counter = clamp(sum, limit);
	if (*counter != sum)
		*overflow |= bit;
}

/*
 * Movement joins the last entry as long as the buttons stay, so that each change of a button is
 * reported where it happened. Out of stream mode one entry suffices: the host asks when it wants.
 */
static struct ps2_motion *entry_for(struct ps2_mouse *m, uint8_t buttons)
{
	struct ps2_motion *e = m->motion_count ? &m->motion[m->motion_count - 1] : NULL;

	if (!e || (streaming(m) && e->buttons != buttons && m->motion_count < MOUSE_MOTIONS)) {
		e = &m->motion[m->motion_count++];
		*e = (struct ps2_motion){ 0 };
	}
	e->buttons = buttons;
	return e;
}

void ps2_mouse_move(struct ps2_mouse *m, int dx, int dy, int dz, unsigned buttons)
{
	struct ps2_motion *e;

	if (m->id == ID_PLAIN)
		dz = 0;
	if (m->id != ID_EXPLORER)
		buttons &= INPUT_LEFT | INPUT_MIDDLE | INPUT_RIGHT;
	buttons &= 0x1f;
	if (!dx && !dy && !dz && buttons == m->buttons)
		return;
	m->buttons = buttons;
	e = entry_for(m, buttons);
	add(&e->dx, dx, COUNTER_MAX, &e->overflow, PACKET_X_OVERFLOW);
	/* the mouse counts up what the screen counts down */
	add(&e->dy, -clamp(dy, 2 * COUNTER_MAX), COUNTER_MAX, &e->overflow, PACKET_Y_OVERFLOW);
	add(&e->dz, dz, WHEEL_MAX, &e->overflow, 0);
}

static void drop_motion(struct ps2_mouse *m)
{
	m->motion_count--;
	memmove(&m->motion[0], &m->motion[1], m->motion_count * sizeof(m->motion[0]));
	m->motion[m->motion_count] = (struct ps2_motion){ 0 };
}

static void forget_motion(struct ps2_mouse *m)
{
	memset(m->motion, 0, sizeof(m->motion));
	m->motion_count = 0;
}

/* --- packets ------------------------------------------------------------------------------- */

/* Scaling 2:1, which halves small movements and doubles large ones. */
static int scale(int v)
{
	static const uint8_t small[] = { 0, 1, 1, 3, 6, 9 };
	int n = v < 0 ? -v : v;

	n = n < (int)sizeof(small) ? small[n] : 2 * n;
	return v < 0 ? -n : n;
}

static uint8_t first_byte(const struct ps2_motion *e, int dx, int dy)
{
	uint8_t b = PACKET_ONE | e->overflow;

	if (e->buttons & INPUT_LEFT)
		b |= PACKET_LEFT;
	if (e->buttons & INPUT_RIGHT)
		b |= PACKET_RIGHT;
	if (e->buttons & INPUT_MIDDLE)
		b |= PACKET_MIDDLE;
	if (dx < 0)
		b |= PACKET_X_SIGN;
	if (dy < 0)
		b |= PACKET_Y_SIGN;
	return b;
}

static uint8_t fourth_byte(const struct ps2_mouse *m, const struct ps2_motion *e, int dz)
{
	uint8_t b = dz;

	if (m->id != ID_EXPLORER)
		return b;
	b &= 0x0f;
	if (e->buttons & INPUT_SIDE)
		b |= PACKET4_SIDE;
	if (e->buttons & INPUT_EXTRA)
		b |= PACKET4_EXTRA;
	return b;
}

static void say(struct ps2_mouse *m, const uint8_t *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		ps2_queue_push(&m->out, p[i]);
	memset(m->last, 0, sizeof(m->last));
	memcpy(m->last, p, n);
	m->last_len = n;
}

/* Takes from the oldest entry what one packet can carry. p has room for four bytes. */
static unsigned make_packet(struct ps2_mouse *m, uint8_t *p, bool scaled)
{
	struct ps2_motion still = { .buttons = m->buttons };
	struct ps2_motion *e = m->motion_count ? &m->motion[0] : &still;
	int limit = scaled ? STEP_MAX_SCALED : STEP_MAX;
	int dx = clamp(e->dx, limit), dy = clamp(e->dy, limit), dz = clamp(e->dz, WHEEL_STEP_MAX);

	p[0] = first_byte(e, dx, dy);
	p[1] = scaled ? scale(dx) : dx;
	p[2] = scaled ? scale(dy) : dy;
	p[3] = fourth_byte(m, e, dz);
	e->dx -= dx;
	e->dy -= dy;
	e->dz -= dz;
	e->overflow = 0;
	if (m->motion_count && !e->dx && !e->dy && !e->dz)
		drop_motion(m);
	return m->id == ID_PLAIN ? 3 : 4;
}

int ps2_mouse_next(struct ps2_mouse *m)
{
	uint8_t packet[4];
	unsigned n;

	if (!m->out.count && m->motion_count && streaming(m) && !m->command) {
		n = make_packet(m, packet, m->scaling);
		say(m, packet, n);
	}
	return ps2_queue_pop(&m->out);
}

/* --- commands ------------------------------------------------------------------------------ */

static void say1(struct ps2_mouse *m, uint8_t b)
{
	say(m, &b, 1);
}

static void set_defaults(struct ps2_mouse *m)
{
	forget_motion(m);
	m->reporting = 0;
	m->remote = 0;
	m->scaling = 0;
	m->resolution = RESOLUTION_DEFAULT;
	m->rate = RATE_DEFAULT;
}

/* Twice in a row is an error, once is perhaps a bad line. */
static void complain(struct ps2_mouse *m)
{
	say1(m, m->invalid ? PS2_ERROR : PS2_RESEND);
	m->invalid = !m->invalid;
}

/* Three rates in a row are the knock that opens the wheel, and then the fourth and fifth button. */
static void set_rate(struct ps2_mouse *m, uint8_t rate)
{
	if (m->knock[0] == 200 && m->knock[1] == 100 && rate == 80)
		m->id = ID_WHEEL;
	else if (m->knock[0] == 200 && m->knock[1] == 200 && rate == 80)
		m->id = ID_EXPLORER;
	m->knock[0] = m->knock[1];
	m->knock[1] = rate;
	m->rate = rate;
}

static bool rate_valid(uint8_t rate)
{
	switch (rate) {
	case 10:
	case 20:
	case 40:
	case 60:
	case 80:
	case 100:
	case 200:
		return true;
	default:
		return false;
	}
}

static void argument(struct ps2_mouse *m, uint8_t command, uint8_t b)
{
	if (command == CMD_RATE ? !rate_valid(b) : b > 3) {
		complain(m);
		return;
	}
	m->invalid = 0;
	if (command == CMD_RATE)
		set_rate(m, b);
	else
		m->resolution = b;
	say1(m, PS2_ACK);
}

static void say_status(struct ps2_mouse *m)
{
	uint8_t b = 0;

	if (m->buttons & INPUT_RIGHT)
		b |= 0x01;
	if (m->buttons & INPUT_MIDDLE)
		b |= 0x02;
	if (m->buttons & INPUT_LEFT)
		b |= 0x04;
	if (m->scaling)
		b |= STATUS_SCALING;
	if (m->reporting)
		b |= STATUS_REPORTING;
	if (m->remote)
		b |= STATUS_REMOTE;
	say(m, (const uint8_t[]){ PS2_ACK, b, m->resolution, m->rate }, 4);
}

static void say_packet(struct ps2_mouse *m)
{
	uint8_t p[MOUSE_PACKET_MAX] = { PS2_ACK };

	say(m, p, 1 + make_packet(m, p + 1, false));
}

static void reset_command(struct ps2_mouse *m)
{
	set_defaults(m);
	m->wrap = 0;
	m->id = ID_PLAIN;
	memset(m->knock, 0, sizeof(m->knock));
	say(m, (const uint8_t[]){ PS2_ACK, PS2_BAT_OK, m->id }, 3);
}

/* Those that change something and need no more than an acknowledgement; false: no such command. */
static bool simple_command(struct ps2_mouse *m, uint8_t b)
{
	switch (b) {
	case CMD_SCALING_1:
	case CMD_SCALING_2:
		m->scaling = b == CMD_SCALING_2;
		return true;
	case CMD_RESOLUTION:
	case CMD_RATE:
		m->command = b;
		return true;
	case CMD_STREAM:
	case CMD_REMOTE:
		forget_motion(m);
		m->remote = b == CMD_REMOTE;
		return true;
	case CMD_WRAP_OFF:
	case CMD_WRAP_ON:
		m->wrap = b == CMD_WRAP_ON;
		return true;
	case CMD_ENABLE:
	case CMD_DISABLE:
		forget_motion(m);
		m->reporting = b == CMD_ENABLE;
		return true;
	case CMD_DEFAULTS:
		set_defaults(m);
		return true;
	default:
		return false;
	}
}

static void command(struct ps2_mouse *m, uint8_t b)
{
	uint8_t again[MOUSE_PACKET_MAX];

	switch (b) {
	case CMD_STATUS:
		say_status(m);
		break;
	case CMD_READ:
		say_packet(m);
		break;
	case CMD_IDENTIFY:
		say(m, (const uint8_t[]){ PS2_ACK, m->id }, 2);
		break;
	case CMD_RESEND:
		memcpy(again, m->last, sizeof(again));
		say(m, again, m->last_len);
		break;
	case PS2_CMD_RESET:
		reset_command(m);
		break;
	default:
		if (!simple_command(m, b)) {
			complain(m);
			return;
		}
		say1(m, PS2_ACK);
	}
	m->invalid = 0;
}

/* A byte from the host cuts short whatever was being sent: no packet goes on after a reply. */
void ps2_mouse_write(struct ps2_mouse *m, uint8_t b)
{
	uint8_t awaited = m->command;

	ps2_queue_clear(&m->out);
	m->command = 0;
	if (m->wrap && b != CMD_WRAP_OFF && b != PS2_CMD_RESET)
		say1(m, b);
	else if (awaited && b < FIRST_COMMAND)
		argument(m, awaited, b);
	else
		command(m, b);
}

/* --- life ---------------------------------------------------------------------------------- */

void ps2_mouse_reset(struct ps2_mouse *m)
{
	memset(m, 0, sizeof(*m));
	set_defaults(m);
}

bool ps2_mouse_valid(const struct ps2_mouse *m)
{
	return ps2_queue_valid(&m->out) && m->last_len <= MOUSE_PACKET_MAX &&
	       m->motion_count <= MOUSE_MOTIONS;
}
