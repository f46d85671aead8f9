// SPDX-License-Identifier: GPL-2.0-only
/* The client's side of the control socket: one connection, one request, one answer. */
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/client.h"
#include "control/control.h"
#include "dm/log.h"

enum { ANSWER_LEN = 256 << 10, END_SECONDS = 10 };

int client_fail(int status, char *why)
{
	fprintf(stderr, "caisson: %s\n", why ? why : "Out of memory.");
	free(why);
	return status;
}

int client_open_rundir(struct rundir *dir)
{
	char *why = NULL;

	dir->fd = rundir_open(&dir->path, &why);
	return dir->fd < 0 ? client_fail(STATUS_HOST, why) : STATUS_OK;
}

void client_close_rundir(struct rundir *dir)
{
	if (dir->fd >= 0)
		close(dir->fd);
	free(dir->path);
}

int client_connect(const struct rundir *dir, const char *name, unsigned patience)
{
	struct timeval limit = { .tv_sec = patience };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, err;

	if (snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%s.sock", dir->path, name) >=
	    (int)sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (!connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* --- one exchange ---------------------------------------------------------------------------- */

/* Bytes sent with the first piece, which the descriptor goes with; -1: failure. */
static ssize_t send_first(int fd, const char *text, size_t len, int passed)
{
	struct iovec v = { (void *)text, len };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	if (passed >= 0) {
		control.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
						  .cmsg_level = SOL_SOCKET,
						  .cmsg_type = SCM_RIGHTS };
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &passed, sizeof(int));
	}
	return sendmsg(fd, &m, MSG_NOSIGNAL);
}

/* Each piece that is sent is a wakeup for the guest: the line goes with its end. */
static int send_request(int fd, struct json_object *request, int passed)
{
	char *line = sentence("%s\n",
			      json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN));
	size_t len = line ? strlen(line) : 0;
	ssize_t n = line ? send_first(fd, line, len, passed) : -1;

	for (size_t done = 0; n > 0 && (done += (size_t)n) < len;)
		n = send(fd, line + done, len - done, MSG_NOSIGNAL);
	free(line);
	return n > 0 ? 0 : -EPIPE;
}

/* The object that one line holds; NULL when none came in time. */
static struct json_object *read_answer(int fd)
{
	struct json_object *answer = NULL;
	char *text = malloc(ANSWER_LEN), *nl = NULL;
	size_t len = 0;

	while (text && !nl && len < ANSWER_LEN) {
		ssize_t n = recv(fd, text + len, ANSWER_LEN - len, 0);

		if (n <= 0)
			break;
		nl = memchr(text + len, '\n', (size_t)n);
		len += (size_t)n;
	}
	if (nl) {
		*nl = 0;
		answer = json_tokener_parse(text);
	}
	free(text);
	if (json_object_is_type(answer, json_type_object))
		return answer;
	json_object_put(answer);
	return NULL;
}

struct json_object *client_exchange(int fd, struct json_object *request, int passed)
{
	int err = request ? send_request(fd, request, passed) : -ENOMEM;

	json_object_put(request);
	return err ? NULL : read_answer(fd);
}

struct json_object *client_request(const char *request)
{
	struct json_object *o = json_object_new_object();

	if (o)
		json_object_object_add(o, "request", json_object_new_string(request));
	return o;
}

const char *client_text(struct json_object *o, const char *key, const char *otherwise)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_string))
		return otherwise;
	return json_object_get_string(v);
}

int64_t client_number(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) ? json_object_get_int64(v) : 0;
}

/* --- a call ---------------------------------------------------------------------------------- */

static pid_t peer_pid(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) ? 0 : cred.pid;
}

/* STATUS_OK, or the failure's status after printing a sentence. */
static int check_answer(const struct call *c, pid_t holder)
{
	struct json_object *ok;

	if (!c->answer)
		return client_fail(STATUS_HOST,
				   sentence("%s does not answer; if this lasts, end it with "
					    "'kill -9 %ld'.",
					    c->name, (long)holder));
	if (json_object_object_get_ex(c->answer, "ok", &ok) && json_object_get_boolean(ok))
		return STATUS_OK;
	return client_fail(STATUS_HOST,
			   sentence("%s", client_text(c->answer, "error", "The guest refused.")));
}

/* So that whoever starts the guest again finds its images free. */
static int wait_for_end(int process, const char *name)
{
	struct pollfd p = { .fd = process, .events = POLLIN };

	if (process < 0 || poll(&p, 1, END_SECONDS * 1000) > 0)
		return STATUS_OK;
	return client_fail(STATUS_HOST,
			   sentence("%s was told to end, but has not done so yet.", name));
}

static int cannot_connect(const struct rundir *dir, const char *name, int err)
{
	if (err == -ENOENT || err == -ECONNREFUSED)
		return client_fail(STATUS_USAGE,
				   sentence("No guest named %s is running; 'caisson list' shows "
					    "those that are.",
					    name));
	return client_fail(STATUS_HOST, sentence("%s/%s.sock cannot be reached: %s.", dir->path,
						 name, strerror(-err)));
}

static int call_in(struct call *c, const struct rundir *dir)
{
	bool ends = !strcmp(client_text(c->request, "request", ""), "kill");
	int fd = client_connect(dir, c->name, c->patience), process = -1, status;

	if (fd < 0) {
		json_object_put(c->request);
		return cannot_connect(dir, c->name, fd);
	}
	c->pid = peer_pid(fd);
	if (ends && c->pid)
		process = pidfd_open(c->pid, 0);
	c->answer = client_exchange(fd, c->request, c->passed);
	status = check_answer(c, rundir_holder(dir->fd, c->name));
	if (status == STATUS_OK && ends)
		status = wait_for_end(process, c->name);
	if (process >= 0)
		close(process);
	close(fd);
	return status;
}

int client_call(struct call *c)
{
	struct rundir dir;
	int status = client_open_rundir(&dir);

	c->answer = NULL;
	if (status == STATUS_OK)
		status = call_in(c, &dir);
	else
		json_object_put(c->request);
	c->request = NULL;
	client_close_rundir(&dir);
	if (status == STATUS_OK)
		return status;
	json_object_put(c->answer);
	c->answer = NULL;
	return status;
}

int client_ask(const char *name, const char *request)
{
	struct call c = { name, client_request(request), .passed = -1, .patience = PATIENCE };
	int status = client_call(&c);

	json_object_put(c.answer);
	return status;
}
