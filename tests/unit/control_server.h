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
#include "machine/machine_priv.h"

static char folder[64];

struct server {
	struct machine m;
	struct loop *loop;
	struct control *control, *other;
	pthread_t thread;
	unsigned stops, kills, resets, pauses, resumes, shots; /* machine lock */
};

static struct server server;

/* --- the machine's operations ---------------------------------------------------------------- */

static inline void op_status(void *arg, struct json_object *o)
{
	json_object_object_add(o, "state", json_object_new_string("running"));
	json_object_object_add(o, "memory", json_object_new_int64(512 << 20));
	json_object_object_add(o, "cpus", json_object_new_int(2));
	json_object_object_add(o, "vnc", json_object_new_string("127.0.0.1:5907"));
}

static inline int op_stop(void *arg, char **why)
{
	((struct server *)arg)->stops++;
	return 0;
}

static inline int op_kill(void *arg, char **why)
{
	struct server *s = arg;

	s->kills++;
	loop_quit(s->loop);
	return 0;
}

static inline int op_reset(void *arg, char **why)
{
	((struct server *)arg)->resets++;
	return 0;
}

static inline int op_pause(void *arg, char **why)
{
	((struct server *)arg)->pauses++;
	*why = sentence("The guest is paused already.");
	return -EALREADY;
}

static inline int op_resume(void *arg, char **why)
{
	((struct server *)arg)->resumes++;
	return -EPERM;
}

static inline int op_screenshot(void *arg, int fd, char **why)
{
	((struct server *)arg)->shots++;
	return write(fd, "picture", 7) == 7 ? 0 : -EIO;
}

static const struct control_ops ops = { op_status, op_stop,   op_kill,	    op_reset,
					op_pause,  op_resume, op_screenshot };

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
	s->control = control_start(&s->m, "web", &ops, s, &why);
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
		_exit(control_start(&m, "dead", &ops, NULL, &why) ? 0 : 1);
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
	ct = server.other = control_start(&server.m, name, &ops, &server, why);
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
