// SPDX-License-Identifier: GPL-2.0-only
/* What users ask of a guest that runs, through its control socket. In the loop, lock held. */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dm/block.h"
#include "dm/chardev.h"
#include "dm/log.h"
#include "dm/parts.h"
#include "kvm/kvm.h"
#include "run_priv.h"
#include "typist.h"
#include "ui/input.h"
#include "ui/raw.h"
#include "ui/vnc.h"
#include "ui/web.h"

enum { SCREEN_TEXT_MAX = 48 << 10 }; /* an answer must fit into the socket's buffer */

static void put_text(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, value ? json_object_new_string(value) : NULL);
}

static void put_number(struct json_object *o, const char *key, int64_t value)
{
	json_object_object_add(o, key, json_object_new_int64(value));
}

/* --- power and time --- */

void run_pause(struct run *r)
{
	if (r->paused)
		return;
	kvm_stop(r->pc.kvm);
	clock_stop(&r->pc.m.clock);
	kvm_time_stop(r->pc.kvm);
	r->paused = true;
	console_set_paused(&r->pc, true);
}

static int do_pause(void *arg, struct control_request *q)
{
	run_pause(arg);
	return 0;
}

static int do_resume(void *arg, struct control_request *q)
{
	struct run *r = arg;

	if (!r->paused)
		return 0;
	kvm_time_start(r->pc.kvm);
	clock_start(&r->pc.m.clock);
	kvm_go(r->pc.kvm);
	r->paused = false;
	console_set_paused(&r->pc, false);
	for (unsigned n = 0; n < CONFIG_DRIVES; n++)
		if (r->pc.block[n])
			block_retry(r->pc.block[n]);
	return 0;
}

static int refuse_paused(const struct run *r, struct control_request *q, const char *what)
{
	q->why = sentence("%s is paused and %s; let it go on first, with 'caisson resume %s'.",
			  r->config->name, what, r->config->name);
	return -EBUSY;
}

static int do_stop(void *arg, struct control_request *q)
{
	struct run *r = arg;

	if (r->paused)
		return refuse_paused(r, q, "cannot hear its power button");
	piix4_pm_power_button(r->pc.pm);
	return 0;
}

static int do_kill(void *arg, struct control_request *q)
{
	machine_request_stop(&((struct run *)arg)->pc.m, STOP_REQUESTED);
	return 0;
}

/* The user's own wish: on_reboot has no say. */
static int do_reset(void *arg, struct control_request *q)
{
	run_reset(arg);
	return 0;
}

/* --- what is shown --- */

/* The pixels go into the file that came along; a pipe or a terminal could make us wait. */
static int do_screenshot(void *arg, struct control_request *q)
{
	struct run *r = arg;
	unsigned width = 0, height = 0;
	struct stat st;
	int err;

	if (q->fd < 0 || fstat(q->fd, &st) || !S_ISREG(st.st_mode)) {
		q->why = sentence("A screenshot needs the descriptor of a regular file.");
		return -EINVAL;
	}
	vga_refresh(r->pc.vga);
	err = raw_write_surface(r->pc.surface, q->fd, &width, &height);
	put_number(q->answer, "width", width);
	put_number(q->answer, "height", height);
	return err;
}

static void put_screen(struct json_object *o, const struct vga_screen *s)
{
	put_number(o, "columns", s->columns);
	put_number(o, "rows", s->rows);
	put_text(o, "text", s->text);
	if (s->cursor_row < 0)
		return;
	put_number(o, "cursor_column", s->cursor_column);
	put_number(o, "cursor_row", s->cursor_row);
}

static int do_text(void *arg, struct control_request *q)
{
	const struct run *r = arg;
	const char *name = r->config->name;
	struct vga_screen s;
	int err = vga_read_screen(r->pc.vga, &s);

	if (err == -ENOTSUP)
		q->why = sentence("%s shows graphics, not text; take a picture with 'caisson "
				  "screenshot %s FILE.png'.", name, name);
	else if (err == -ENODATA)
		q->why = sentence("The screen of %s is dark.", name);
	if (err)
		return err;
	if (strlen(s.text) > SCREEN_TEXT_MAX)
		err = -E2BIG;
	else
		put_screen(q->answer, &s);
	free(s.text);
	return err;
}

static int do_web(void *arg, struct control_request *q)
{
	const struct run *r = arg;
	char *url;

	if (!r->pc.web) {
		q->why = sentence("%s is not shown to browsers; start it with --web 127.0.0.1.",
				  r->config->name);
		return -ENOTSUP;
	}
	url = web_new_url(r->pc.web);
	if (!url)
		return -ENOMEM;
	put_text(q->answer, "url", url);
	free(url);
	return 0;
}

static void put_drives(struct json_object *o, const struct run *r)
{
	struct json_object *drives = json_object_new_object();

	for (unsigned n = 0; n < CONFIG_DRIVES; n++) {
		const struct block *b = r->pc.block[n];

		if (r->config->drives[n].present)
			put_text(drives, config_drive_name(n), b ? block_path(b) : NULL);
	}
	json_object_object_add(o, "drives", drives);
}

static int do_status(void *arg, struct control_request *q)
{
	const struct run *r = arg;
	const char *vnc = r->pc.vnc ? vnc_address(r->pc.vnc) : NULL;

	put_text(q->answer, "name", r->config->name);
	put_number(q->answer, "pid", r->pid);
	put_text(q->answer, "state", r->paused ? "paused" : "running");
	put_number(q->answer, "memory", r->config->memory);
	put_number(q->answer, "cpus", r->config->cpus);
	put_text(q->answer, "vnc", vnc ? vnc : "none");
	put_text(q->answer, "web", r->pc.web ? web_address(r->pc.web) : "none");
	put_text(q->answer, "serial", r->pc.serial ? r->pc.serial->terminal : NULL);
	put_drives(q->answer, r);
	return 0;
}

/* --- keyboard and mouse --- */

/* Takes the strokes over, whatever happens. */
static int type(struct run *r, struct control_request *q, struct strokes *s, int err)
{
	if (!err && r->paused)
		err = refuse_paused(r, q, "reads no keys");
	if (!err)
		err = console_typist(&r->pc) ? typist_type(r->pc.typist, q, s) : -ENOMEM;
	strokes_free(s);
	return err;
}

static int misused(struct control_request *q, const char *what)
{
	q->why = sentence("The request '%s' needs %s.", control_text(q, "request"), what);
	return -EINVAL;
}

static int do_type(void *arg, struct control_request *q)
{
	struct run *r = arg;
	const char *text = control_text(q, "text");
	bool caps = input_leds(r->pc.input) & INPUT_LED_CAPS;
	struct strokes s = { 0 };

	if (!text)
		return misused(q, "a \"text\"");
	return type(r, q, &s, strokes_text(&s, text, caps, &q->why));
}

static int do_key(void *arg, struct control_request *q)
{
	struct json_object *keys, *k;
	struct strokes s = { 0 };
	int err = 0;

	if (!json_object_object_get_ex(q->args, "keys", &keys) ||
	    !json_object_is_type(keys, json_type_array))
		return misused(q, "a list of \"keys\"");
	for (size_t i = 0; i < json_object_array_length(keys) && !err; i++) {
		k = json_object_array_get_idx(keys, i);
		err = json_object_is_type(k, json_type_string) ?
			      strokes_combination(&s, json_object_get_string(k), &q->why) :
			      misused(q, "a list of texts as \"keys\"");
	}
	return type(arg, q, &s, err);
}

static int do_mouse(void *arg, struct control_request *q)
{
	const char *button = control_text(q, "click");
	struct strokes s = { 0 };
	int err = strokes_move(&s, control_number(q, "dx", 0), control_number(q, "dy", 0), &q->why);

	if (!err)
		err = strokes_wheel(&s, control_number(q, "wheel", 0), &q->why);
	if (!err && button)
		err = strokes_click(&s, button, &q->why);
	return type(arg, q, &s, err);
}

const struct control_verb run_verbs[] = {
	{ "status", do_status },
	{ "stop", do_stop },
	{ "kill", do_kill },
	{ "reset", do_reset },
	{ "pause", do_pause },
	{ "resume", do_resume },
	{ "screenshot", do_screenshot },
	{ "text", do_text },
	{ "web", do_web },
	{ "type", do_type },
	{ "key", do_key },
	{ "mouse", do_mouse },
	{ "insert", run_insert },
	{ "eject", run_eject },
	{ "stats", run_stats },
	{ NULL, NULL },
};
