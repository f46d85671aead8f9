// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8042 keyboard controller of a PS/2 at ports 0x60 and 0x64, with a keyboard and a mouse.
 *
 * State: the controller's RAM with its command byte, one output buffer, the output port, and both
 * devices. Missing: the password commands (a4 says that there is none). Ignored: output port
 * bits other than reset and A20; time-outs and parity errors, which do not happen here.
 * Reference: IBM PS/2 Hardware Interface Technical Reference, "Keyboard/Auxiliary Device
 * Controller"; Intel UPI-42 data sheet for the RAM and the test inputs.
 */
#include <errno.h>

#include "dm/device.h"
#include "dm/isa.h"
#include "dm/log.h"
#include "dm/parts.h"
#include "input/ps2.h"

enum {
	STATUS_OBF = 0x01,
	STATUS_SYSTEM = 0x04,
	STATUS_COMMAND = 0x08,	/* the last byte written came through port 0x64 */
	STATUS_UNLOCKED = 0x10,
	STATUS_AUX = 0x20,
};

enum {
	CTR_KBD_IRQ = 0x01,
	CTR_AUX_IRQ = 0x02,
	CTR_SYSTEM = 0x04,
	CTR_KBD_OFF = 0x10,
	CTR_AUX_OFF = 0x20,
	CTR_TRANSLATE = 0x40,
};

enum {
	CMD_READ_RAM = 0x20,	/* to 0x3f */
	CMD_WRITE_RAM = 0x60,	/* to 0x7f */
	CMD_PASSWORD_TEST = 0xa4,
	CMD_AUX_OFF = 0xa7,
	CMD_AUX_ON = 0xa8,
	CMD_AUX_TEST = 0xa9,
	CMD_SELF_TEST = 0xaa,
	CMD_KBD_TEST = 0xab,
	CMD_KBD_OFF = 0xad,
	CMD_KBD_ON = 0xae,
	CMD_READ_INPUT = 0xc0,
	CMD_READ_OUTPUT = 0xd0,
	CMD_WRITE_OUTPUT = 0xd1,
	CMD_WRITE_KBD_BUFFER = 0xd2,
	CMD_WRITE_AUX_BUFFER = 0xd3,
	CMD_WRITE_AUX = 0xd4,
	CMD_A20_OFF = 0xdd,
	CMD_A20_ON = 0xdf,
	CMD_READ_TEST = 0xe0,
	CMD_PULSE = 0xf0,	/* to 0xff: the bits that are 0 are pulsed low */
};

enum { OUTPUT_NOT_RESET = 0x01, OUTPUT_A20 = 0x02, OUTPUT_KBD_FULL = 0x10,
       OUTPUT_AUX_FULL = 0x20, OUTPUT_LINES = 0xc0 };
enum { INPUT_UNLOCKED = 0x80, INPUT_NO_JUMPER = 0x20 };
enum { PASSWORD_NONE = 0xf1, SELF_TEST_OK = 0x55, LINE_TEST_OK = 0x00 };

enum { RAM_LEN = 32 };

/* Who filled the output buffer; the last two show as auxiliary. */
enum { FROM_NOBODY, FROM_CONTROLLER, FROM_KBD, FROM_CONTROLLER_AUX, FROM_MOUSE };

struct i8042 {
	struct device dev;
	struct region data, command;
	struct irq_line kbd_irq, aux_irq;
	struct ps2_keyboard kbd;
	struct ps2_mouse mouse;
	uint8_t ram[RAM_LEN];	/* ram[0] is the command byte */
	uint8_t output;		/* the output buffer; keeps its value when empty */
	uint8_t from;
	uint8_t held;		/* a device's byte that an answer of the controller overtook */
	uint8_t held_from;
	uint8_t awaiting;	/* the command whose data byte comes next, or 0 */
	uint8_t last_was_command;
	uint8_t a20;

	void (*on_drained)(void *arg);
	void *drained_arg;
};

/* Set 2 to set 1, as the controller translates: what keys send, and every other byte below 0x80. */
static const uint8_t set1_code[128] = {
	0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58,
	0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
	0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a,
	0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
	0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c,
	0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
	0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e,
	0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
	0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60,
	0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
	0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e,
	0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
	0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b,
	0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
	0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45,
	0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
};

static void i8042_update_irq(struct i8042 *k)
{
	bool kbd = k->from == FROM_CONTROLLER || k->from == FROM_KBD;
	bool aux = k->from == FROM_CONTROLLER_AUX || k->from == FROM_MOUSE;

	irq_set(&k->kbd_irq, kbd && k->ram[0] & CTR_KBD_IRQ);
	irq_set(&k->aux_irq, aux && k->ram[0] & CTR_AUX_IRQ);
}

/* --- the output buffer --------------------------------------------------------------------- */

/* The line goes low in between: each byte is an edge of its own. */
static void fill(struct i8042 *k, uint8_t b, uint8_t from)
{
	k->from = FROM_NOBODY;
	i8042_update_irq(k);
	k->output = b;
	k->from = from;
	i8042_update_irq(k);
}

static uint8_t translate(uint8_t b)
{
	if (b < 0x80)
		return set1_code[b];
	return b == 0x83 ? 0x41 : b == 0x84 ? 0x54 : b;
}

/* With translation, the break prefix f0 becomes bit 7 of the code behind it. */
static int next_from_keyboard(struct i8042 *k)
{
	int b = ps2_keyboard_next(&k->kbd);

	if (b < 0 || !(k->ram[0] & CTR_TRANSLATE))
		return b;
	if (b != 0xf0)
		return translate(b);
	b = ps2_keyboard_next(&k->kbd);
	return b < 0 ? b : translate(b) | 0x80;
}

/* Moves the next byte up when the buffer is empty. A port that is off keeps its bytes. */
static void refill(struct i8042 *k)
{
	int b = -1;

	if (k->from != FROM_NOBODY)
		return;
	if (k->held_from != FROM_NOBODY) {
		uint8_t from = k->held_from;

		k->held_from = FROM_NOBODY;
		fill(k, k->held, from);
		return;
	}
	if (!(k->ram[0] & CTR_KBD_OFF))
		b = next_from_keyboard(k);
	if (b >= 0) {
		fill(k, b, FROM_KBD);
		return;
	}
	if (!(k->ram[0] & CTR_AUX_OFF))
		b = ps2_mouse_next(&k->mouse);
	if (b >= 0)
		fill(k, b, FROM_MOUSE);
}

/* The controller's own answers come first; a device's byte in their way is given afterwards. */
static void answer(struct i8042 *k, uint8_t b, uint8_t from)
{
	if (k->from == FROM_KBD || k->from == FROM_MOUSE) {
		k->held = k->output;
		k->held_from = k->from;
	}
	fill(k, b, from);
}

/* --- effects ------------------------------------------------------------------------------- */

static void set_ctr(struct i8042 *k, uint8_t ctr)
{
	k->ram[0] = ctr;
	i8042_update_irq(k);
	refill(k);
}

static void set_a20(struct i8042 *k, bool on)
{
	k->a20 = on;
	machine_set_a20(k->dev.machine, A20_8042, on);
}

static uint8_t output_port(const struct i8042 *k)
{
	uint8_t v = OUTPUT_NOT_RESET | OUTPUT_LINES;

	if (k->a20)
		v |= OUTPUT_A20;
	if (k->from == FROM_CONTROLLER || k->from == FROM_KBD)
		v |= OUTPUT_KBD_FULL;
	if (k->from == FROM_CONTROLLER_AUX || k->from == FROM_MOUSE)
		v |= OUTPUT_AUX_FULL;
	return v;
}

static void request_reset(struct i8042 *k)
{
	log_guest("i8042", "reset by the keyboard controller");
	machine_request_reset(k->dev.machine);
}

static void write_output_port(struct i8042 *k, uint8_t v)
{
	set_a20(k, v & OUTPUT_A20);
	if (!(v & OUTPUT_NOT_RESET))
		request_reset(k);
}

/* The clock lines: high unless the controller holds them. */
static uint8_t test_inputs(const struct i8042 *k)
{
	return (k->ram[0] & CTR_KBD_OFF ? 0 : 1) | (k->ram[0] & CTR_AUX_OFF ? 0 : 2);
}

static void ranged_command(struct i8042 *k, uint8_t cmd)
{
	if (cmd >= CMD_PULSE) {
		if (!(cmd & OUTPUT_NOT_RESET))
			request_reset(k);
	} else if (cmd >= CMD_WRITE_RAM && cmd < CMD_WRITE_RAM + RAM_LEN) {
		k->awaiting = cmd;
	} else if (cmd >= CMD_READ_RAM && cmd < CMD_READ_RAM + RAM_LEN) {
		answer(k, k->ram[cmd % RAM_LEN], FROM_CONTROLLER);
	}
}

static void command(struct i8042 *k, uint8_t cmd)
{
	k->awaiting = 0;
	switch (cmd) {
	case CMD_PASSWORD_TEST:
		answer(k, PASSWORD_NONE, FROM_CONTROLLER);
		break;
	case CMD_AUX_OFF:
		set_ctr(k, k->ram[0] | CTR_AUX_OFF);
		break;
	case CMD_AUX_ON:
		set_ctr(k, k->ram[0] & ~CTR_AUX_OFF);
		break;
	case CMD_SELF_TEST:
		k->ram[0] |= CTR_SYSTEM;
		answer(k, SELF_TEST_OK, FROM_CONTROLLER);
		break;
	case CMD_AUX_TEST:
	case CMD_KBD_TEST:
		answer(k, LINE_TEST_OK, FROM_CONTROLLER);
		break;
	case CMD_KBD_OFF:
		set_ctr(k, k->ram[0] | CTR_KBD_OFF);
		break;
	case CMD_KBD_ON:
		set_ctr(k, k->ram[0] & ~CTR_KBD_OFF);
		break;
	case CMD_READ_INPUT:
		answer(k, INPUT_UNLOCKED | INPUT_NO_JUMPER, FROM_CONTROLLER);
		break;
	case CMD_READ_OUTPUT:
		answer(k, output_port(k), FROM_CONTROLLER);
		break;
	case CMD_WRITE_OUTPUT:
	case CMD_WRITE_KBD_BUFFER:
	case CMD_WRITE_AUX_BUFFER:
	case CMD_WRITE_AUX:
		k->awaiting = cmd;
		break;
	case CMD_A20_OFF:
	case CMD_A20_ON:
		set_a20(k, cmd == CMD_A20_ON);
		break;
	case CMD_READ_TEST:
		answer(k, test_inputs(k), FROM_CONTROLLER);
		break;
	default:
		ranged_command(k, cmd);
	}
}

/* Speaking to a device turns its port on. */
static void write_keyboard(struct i8042 *k, uint8_t b)
{
	k->ram[0] &= ~CTR_KBD_OFF;
	ps2_keyboard_write(&k->kbd, b);
	refill(k);
}

static void write_mouse(struct i8042 *k, uint8_t b)
{
	k->ram[0] &= ~CTR_AUX_OFF;
	ps2_mouse_write(&k->mouse, b);
	refill(k);
}

static void data_for_command(struct i8042 *k, uint8_t cmd, uint8_t b)
{
	switch (cmd) {
	case CMD_WRITE_OUTPUT:
		write_output_port(k, b);
		break;
	case CMD_WRITE_KBD_BUFFER:
		answer(k, b, FROM_CONTROLLER);
		break;
	case CMD_WRITE_AUX_BUFFER:
		answer(k, b, FROM_CONTROLLER_AUX);
		break;
	case CMD_WRITE_AUX:
		write_mouse(k, b);
		break;
	case CMD_WRITE_RAM:
		set_ctr(k, b);
		break;
	default:
		k->ram[cmd % RAM_LEN] = b;
	}
}

/* --- ports --------------------------------------------------------------------------------- */

static uint64_t data_read(void *dev, uint64_t off, unsigned size)
{
	struct i8042 *k = dev;
	uint8_t v = k->output;

	if (k->from != FROM_NOBODY) {
		k->from = FROM_NOBODY;
		i8042_update_irq(k);
		refill(k);
		if (k->on_drained && i8042_drained(k))
			k->on_drained(k->drained_arg);
	}
	return v;
}

static void data_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct i8042 *k = dev;
	uint8_t cmd = k->awaiting;

	k->last_was_command = 0;
	k->awaiting = 0;
	if (cmd)
		data_for_command(k, cmd, val);
	else
		write_keyboard(k, val);
}

static uint64_t status_read(void *dev, uint64_t off, unsigned size)
{
	const struct i8042 *k = dev;
	uint8_t v = STATUS_UNLOCKED;

	if (k->from != FROM_NOBODY)
		v |= STATUS_OBF;
	if (k->from == FROM_CONTROLLER_AUX || k->from == FROM_MOUSE)
		v |= STATUS_AUX;
	if (k->ram[0] & CTR_SYSTEM)
		v |= STATUS_SYSTEM;
	if (k->last_was_command)
		v |= STATUS_COMMAND;
	return v;
}

static void command_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct i8042 *k = dev;

	k->last_was_command = 1;
	command(k, val);
}

static const struct region_ops data_ops = { data_read, data_write, .min = 1, .max = 1 };
static const struct region_ops command_ops = { status_read, command_write, .min = 1, .max = 1 };

/* --- the host's side ----------------------------------------------------------------------- */

void i8042_key(struct i8042 *k, unsigned qnum, bool down)
{
	ps2_keyboard_key(&k->kbd, qnum, down);
	refill(k);
}

void i8042_mouse(struct i8042 *k, int dx, int dy, int dz, unsigned buttons)
{
	ps2_mouse_move(&k->mouse, dx, dy, dz, buttons);
	refill(k);
}

void i8042_watch_leds(struct i8042 *k, void (*leds)(void *arg, unsigned leds), void *arg)
{
	k->kbd.leds_changed = leds;
	k->kbd.leds_arg = arg;
}

unsigned i8042_buttons(const struct i8042 *k)
{
	return k->mouse.buttons;
}

bool i8042_drained(const struct i8042 *k)
{
	bool mouse_off = k->ram[0] & CTR_AUX_OFF; /* then its bytes stay where they are */

	return k->from == FROM_NOBODY && k->held_from == FROM_NOBODY &&
	       ps2_keyboard_drained(&k->kbd) && (mouse_off || ps2_mouse_drained(&k->mouse));
}

void i8042_watch_drained(struct i8042 *k, void (*drained)(void *arg), void *arg)
{
	k->on_drained = drained;
	k->drained_arg = arg;
}

static void i8042_repeat(void *dev)
{
	struct i8042 *k = dev;

	ps2_keyboard_repeat(&k->kbd);
	refill(k);
}

/* --- life ---------------------------------------------------------------------------------- */

static void i8042_reset(void *dev)
{
	struct i8042 *k = dev;

	ps2_keyboard_reset(&k->kbd);
	ps2_mouse_reset(&k->mouse);
	memset(k->ram, 0, sizeof(k->ram));
	k->ram[0] = CTR_KBD_IRQ | CTR_AUX_IRQ;
	k->output = 0;
	k->from = FROM_NOBODY;
	k->held = 0;
	k->held_from = FROM_NOBODY;
	k->awaiting = 0;
	k->last_was_command = 0;
	set_a20(k, false);
	i8042_update_irq(k);
}

static int i8042_loaded(void *dev)
{
	struct i8042 *k = dev;

	if (k->from > FROM_MOUSE || k->held_from > FROM_MOUSE || !ps2_keyboard_valid(&k->kbd) ||
	    !ps2_mouse_valid(&k->mouse))
		return -EINVAL;
	machine_set_a20(k->dev.machine, A20_8042, k->a20);
	if (k->kbd.leds_changed)
		k->kbd.leds_changed(k->kbd.leds_arg, k->kbd.leds);
	i8042_update_irq(k);
	return 0;
}

static const struct field i8042_fields[] = {
	FIELD(struct i8042, ram, 1),
	FIELD(struct i8042, output, 1),
	FIELD(struct i8042, from, 1),
	FIELD(struct i8042, held, 1),
	FIELD(struct i8042, held_from, 1),
	FIELD(struct i8042, awaiting, 1),
	FIELD(struct i8042, last_was_command, 1),
	FIELD(struct i8042, a20, 1),
	FIELD(struct i8042, kbd.replies, 1),
	FIELD(struct i8042, kbd.events, 1),
	FIELD(struct i8042, kbd.last, 1),
	FIELD(struct i8042, kbd.command, 1),
	FIELD(struct i8042, kbd.set, 1),
	FIELD(struct i8042, kbd.scanning, 1),
	FIELD(struct i8042, kbd.leds, 1),
	FIELD(struct i8042, kbd.rate, 1),
	FIELD(struct i8042, kbd.overrun, 1),
	FIELD(struct i8042, kbd.print_as, 1),
	FIELD(struct i8042, kbd.repeat_key, 1),
	FIELD(struct i8042, kbd.repeat_starved, 1),
	FIELD(struct i8042, kbd.down, 1),
	FIELD(struct i8042, kbd.late, 1),
	FIELD(struct i8042, kbd.any_late, 1),
	FIELD(struct i8042, kbd.set3_type, 1),
	FIELD_TIMER(struct i8042, kbd.repeat, 1),
	FIELD(struct i8042, mouse.out, 1),
	FIELD(struct i8042, mouse.last, 1),
	FIELD(struct i8042, mouse.last_len, 1),
	FIELD(struct i8042, mouse.command, 1),
	FIELD(struct i8042, mouse.id, 1),
	FIELD(struct i8042, mouse.reporting, 1),
	FIELD(struct i8042, mouse.remote, 1),
	FIELD(struct i8042, mouse.wrap, 1),
	FIELD(struct i8042, mouse.scaling, 1),
	FIELD(struct i8042, mouse.resolution, 1),
	FIELD(struct i8042, mouse.rate, 1),
	FIELD(struct i8042, mouse.knock, 1),
	FIELD(struct i8042, mouse.invalid, 1),
	FIELD(struct i8042, mouse.buttons, 1),
	FIELD(struct i8042, mouse.motion_count, 1),
	FIELD(struct i8042, mouse.motion, 1),
	FIELD_END
};

static const struct device_class i8042_class = {
	.name = "i8042",
	.size = sizeof(struct i8042),
	.reset = i8042_reset,
	.fields = i8042_fields,
	.loaded = i8042_loaded,
};

struct i8042 *i8042_create(struct machine *m)
{
	struct i8042 *k = device_new(m, &i8042_class);

	if (!k)
		return NULL;
	machine_irq_connect(m, &k->kbd_irq, IRQ_KEYBOARD);
	machine_irq_connect(m, &k->aux_irq, IRQ_MOUSE);
	ps2_keyboard_init(&k->kbd, m, i8042_repeat, k);
	if (region_add(machine_pio(m), &k->data, &data_ops, k, PORT_8042_DATA, 1) ||
	    region_add(machine_pio(m), &k->command, &command_ops, k, PORT_8042_COMMAND, 1))
		return NULL;
	return k;
}
