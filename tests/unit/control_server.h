/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests of the control socket: a server in a run directory of its own, whose loop runs on a
 * thread, with operations that count. One program has one of these.
 */
#ifndef TESTS_UNIT_CONTROL_SERVER_H
#define TESTS_UNIT_CONTROL_SERVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/loop_priv.h"
#include "control/control.h"
#include "dm/log.h"
#include "dm/loop.h"
#include "dm/timer.h"
#include "machine/machine_priv.h"

static char folder[64];

struct server {
	struct machine m;
	struct loop *loop;
	struct control *control, *other;
	pthread_t thread;
	struct timer timer;
	/* the machine lock's */
	unsigned stops, kills, resets, pauses, resumes, shots, notes, cancels;
	struct control_request *later;
	char noted[512];
	bool noted_fd;
	const char *serial; /* a terminal */
};

static struct server server;

/* --- the machine's verbs --------------------------------------------------------------------- */

static inline int op_status(void *arg, struct control_request *q)
{
	struct json_object *o = q->answer;

	json_object_object_add(o, "name", json_object_new_string("web"));
	json_object_object_add(o, "state", json_object_new_string("running"));
	json_object_object_add(o, "memory", json_object_new_int64(512 << 20));
	json_object_object_add(o, "cpus", json_object_new_int(2));
	json_object_object_add(o, "vnc", json_object_new_string("127.0.0.1:5907"));
	if (((struct server *)arg)->serial)
		json_object_object_add(o, "serial",
				       json_object_new_string(((struct server *)arg)->serial));
	return 0;
}

static inline int op_stop(void *arg, struct control_request *q)
{
	((struct server *)arg)->stops++;
	return 0;
}

static inline int op_kill(void *arg, struct control_request *q)
{
	struct server *s = arg;

	s->kills++;
	loop_quit(s->loop);
	return 0;
}

static inline int op_reset(void *arg, struct control_request *q)
{
	((struct server *)arg)->resets++;
	return 0;
}

static inline int op_pause(void *arg, struct control_request *q)
{
	((struct server *)arg)->pauses++;
	q->why = sentence("The guest is paused already.");
	return -EALREADY;
}

static inline int op_resume(void *arg, struct control_request *q)
{
	((struct server *)arg)->resumes++;
	return -EPERM;
}

/* A picture of two pixels by one. */
static inline int op_screenshot(void *arg, struct control_request *q)
{
	static const uint32_t pixels[2] = { 0x112233, 0xffeedd };

	((struct server *)arg)->shots++;
	json_object_object_add(q->answer, "width", json_object_new_int(2));
	json_object_object_add(q->answer, "height", json_object_new_int(1));
	if (q->fd < 0)
		return -EBADF;
	return pwrite(q->fd, pixels, sizeof(pixels), 0) == sizeof(pixels) ? 0 : -EIO;
}

static inline int op_text(void *arg, struct control_request *q)
{
	json_object_object_add(q->answer, "text", json_object_new_string("one\n\xe2\x94\x82\n"));
	return 0;
}

/* Keeps what it was asked for, for a test to look at. */
static inline int op_note(void *arg, struct control_request *q)
{
	struct server *s = arg;

	snprintf(s->noted, sizeof(s->noted), "%s",
		 json_object_to_json_string_ext(q->args, JSON_C_TO_STRING_PLAIN |
								 JSON_C_TO_STRING_NOSLASHESCAPE));
	s->noted_fd = q->fd >= 0;
	s->notes++;
	return 0;
}

static inline void on_later(void *arg)
{
	struct server *s = arg;
	struct control_request *q = s->later;

	s->later = NULL;
	if (q)
		control_answer(q, 0);
}

static inline void on_cancel(struct control_request *q)
{
	struct server *s = q->owner;

	s->later = NULL;
	s->cancels++;
}

/* Is answered after "ms", or never. */
static inline int op_later(void *arg, struct control_request *q)
{
	struct server *s = arg;
	int ms = control_number(q, "ms", -1);

	s->later = q;
	q->owner = s;
	q->cancel = on_cancel;
	if (ms >= 0)
		timer_arm_in(&s->timer, ms * NS_PER_MS);
	return CONTROL_LATER;
}

static inline int op_stats(void *arg, struct control_request *q)
{
	static const char figures[] =
		"{\"uptime_ms\":3723000,\"guest_time_ms\":1500,"
		"\"exits\":{\"vcpu0\":{\"io\":4711,\"a_long_name_of_a_column\":1}},"
		"\"loop\":{\"wakeups\":12,\"sources\":{\"control\":7,\"signals\":0},"
		"\"timers\":{\"RTC\":3}},\"drives\":{},"
		"\"display\":{\"tracking\":\"idle\",\"faults\":0}}";
	struct json_object *o = json_tokener_parse(figures);

	json_object_object_foreach(o, key, value)
		json_object_object_add(q->answer, key, json_object_get(value));
	json_object_put(o);
	return 0;
}

static const struct control_verb verbs_served[] = {
	{ "status", op_status }, { "stop", op_stop },	{ "kill", op_kill },
	{ "reset", op_reset },	 { "pause", op_pause }, { "resume", op_resume },
	{ "text", op_text },	 { "type", op_note },	{ "key", op_note },
	{ "mouse", op_note },	 { "insert", op_note }, { "eject", op_note },
	{ "stats", op_stats },	 { "later", op_later }, { "screenshot", op_screenshot },
	{ NULL, NULL },
};

/* --- set up ---------------------------------------------------------------------------------- */

static inline void *serve(void *arg)
{
	struct server *s = arg;

	loop_run(s->loop);
	machine_lock(&s->m);
	control_stop(s->control);
	control_stop(s->other);
	machine_unlock(&s->m);
	return NULL;
}

static inline int start_server(void **state)
{
	struct server *s = &server;
	char *why = NULL;

	*s = (struct server){ 0 };
	strcpy(folder, "/tmp/caisson-test-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	setenv("XDG_RUNTIME_DIR", folder, 1);
	machine_init(&s->m, loop_host_now, loop_rearm, &s->m);
	s->loop = loop_create(&s->m);
	machine_lock(&s->m);
	clock_start(&s->m.clock);
	timer_init(&s->timer, &s->m, on_later, s);
	s->control = control_start(&s->m, "web", verbs_served, s, &why);
	machine_unlock(&s->m);
	if (!s->control)
		print_error("%s\n", why);
	return s->control && !pthread_create(&s->thread, NULL, serve, s) ? 0 : -1;
}

static inline int stop_server(void **state)
{
	struct server *s = &server;
	char path[128];

	loop_quit(s->loop);
	pthread_join(s->thread, NULL);
	loop_destroy(s->loop);
	machine_fini(&s->m);
	snprintf(path, sizeof(path), "%s/caisson", folder);
	/* fails if a server left a file behind */
	return rmdir(path) || rmdir(folder) ? -1 : 0;
}

/* A child that takes the name "dead" and dies without giving it up. */
static inline void leave_stale_files(void)
{
	pid_t child = fork();
	int status;

	if (!child) {
		char *why = NULL;
		struct machine m;

		machine_init(&m, loop_host_now, loop_rearm, &m);
		if (!loop_create(&m))
			_exit(1);
		_exit(control_start(&m, "dead", verbs_served, NULL, &why) ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static inline bool exists(const char *file)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/caisson/%s", folder, file);
	return !access(path, F_OK);
}

/* Starts a second server in the same loop; the loop's end stops it. */
static inline struct control *start_other(const char *name, char **why)
{
	struct control *ct;

	machine_lock(&server.m);
	ct = server.other = control_start(&server.m, name, verbs_served, &server, why);
	machine_unlock(&server.m);
	return ct;
}

/* No assertion is made under the lock: one that fails would keep it. */
static inline unsigned read_count(const unsigned *count)
{
	unsigned n;

	machine_lock(&server.m);
	n = *count;
	machine_unlock(&server.m);
	return n;
}

#define SERVED(fn) cmocka_unit_test_setup_teardown(fn, start_server, stop_server)

#endif
