// SPDX-License-Identifier: GPL-2.0-only
/*
 * `caisson type`, `key` and `mouse`. What cannot be typed is refused here, before anything is sent;
 * each verb waits until the guest has read what it was sent.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/client.h"
#include "control/control.h"
#include "dm/log.h"
#include "ui/strokes.h"

/* However long the guest takes: its process says so when the guest reads nothing any more. */
static int send_input(const char *name, struct json_object *request)
{
	struct call c = { name, request, .passed = -1, .patience = 0 };
	int status = client_call(&c);

	json_object_put(c.answer);
	return status;
}

/* What became of strokes that were made to see whether they can be. */
static int check_strokes(struct strokes *s, int err, char *why)
{
	strokes_free(s);
	return err ? client_fail(STATUS_USAGE, why) : STATUS_OK;
}

/* --- type ------------------------------------------------------------------------------------ */

/* As much as a request may hold, with room for what JSON adds. */
enum { TEXT_MAX = CONTROL_LINE / 8 };

static int send_piece(const char *name, const char *text, size_t len)
{
	struct json_object *request = client_request("type");

	json_object_object_add(request, "text", json_object_new_string_len(text, (int)len));
	return send_input(name, request);
}

/* Nothing but ASCII can be typed, so that any byte may be the last of a piece. */
static int send_text(const char *name, const char *text)
{
	struct strokes s = { 0 };
	char *why = NULL;
	int err = strokes_text(&s, text, false, &why), status = check_strokes(&s, err, why);

	while (status == STATUS_OK && *text) {
		size_t n = strnlen(text, TEXT_MAX);

		status = send_piece(name, text, n);
		text += n;
	}
	return status;
}

static int type_input(const char *name)
{
	char *text = NULL;
	size_t room = 0;
	ssize_t n = getdelim(&text, &room, 0, stdin);
	int status;

	if (n < 0 && ferror(stdin))
		status = client_fail(STATUS_HOST, sentence("Standard input cannot be read: %s.",
							   strerror(errno)));
	else
		status = send_text(name, n < 0 ? "" : text);
	free(text);
	return status;
}

int verb_type(const struct arguments *a)
{
	return strcmp(a->text[1], "-") ? send_text(a->text[0], a->text[1]) :
					 type_input(a->text[0]);
}

/* --- key ------------------------------------------------------------------------------------- */

int verb_key(const struct arguments *a)
{
	struct json_object *request, *keys;
	struct strokes s = { 0 };
	char *why = NULL;
	int err = 0, status;

	for (int i = 1; i < a->n && !err; i++)
		err = strokes_combination(&s, a->text[i], &why);
	status = check_strokes(&s, err, why);
	if (status != STATUS_OK)
		return status;
	request = client_request("key");
	keys = json_object_new_array();
	for (int i = 1; i < a->n; i++)
		json_object_array_add(keys, json_object_new_string(a->text[i]));
	json_object_object_add(request, "keys", keys);
	return send_input(a->text[0], request);
}

/* --- mouse ----------------------------------------------------------------------------------- */

static bool parse_number(const char *text, int *n)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(text, &end, 10);
	*n = (int)v;
	return end != text && !*end && !errno && v == *n;
}

/* Adds to request what the mouse is to do. 0, or -EINVAL, with a sentence or without. */
static int fill_mouse(const struct arguments *a, struct json_object *request, char **why)
{
	const char *what = a->text[1];
	struct strokes s = { 0 };
	int x, y, err = -EINVAL;

	if (!strcmp(what, "move") && a->n == 4 && parse_number(a->text[2], &x) &&
	    parse_number(a->text[3], &y)) {
		json_object_object_add(request, "dx", json_object_new_int(x));
		json_object_object_add(request, "dy", json_object_new_int(y));
		err = strokes_move(&s, x, y, why);
	} else if (!strcmp(what, "wheel") && a->n == 3 && parse_number(a->text[2], &x)) {
		json_object_object_add(request, "wheel", json_object_new_int(x));
		err = strokes_wheel(&s, x, why);
	} else if (!strcmp(what, "click") && a->n == 3) {
		json_object_object_add(request, "click", json_object_new_string(a->text[2]));
		err = strokes_click(&s, a->text[2], why);
	}
	strokes_free(&s);
	return err;
}

int verb_mouse(const struct arguments *a)
{
	struct json_object *request = client_request("mouse");
	char *why = NULL;

	if (!fill_mouse(a, request, &why))
		return send_input(a->text[0], request);
	json_object_put(request);
	if (!why)
		why = sentence("The mouse does one of these: move DX DY, click BUTTON, wheel N.");
	return client_fail(STATUS_USAGE, why);
}
