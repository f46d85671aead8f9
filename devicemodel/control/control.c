// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control socket, on the guest's side: takes requests as lines of JSON, lets the machine's
 * verbs act on them, and answers. Everything happens in callbacks of the loop, with the machine
 * lock held, so nothing here ever waits: a client that does not read its answers is dropped as
 * soon as one of them does not fit into the socket's buffer.
 */
#include "control/control.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/config.h"
#include "dm/log.h"
#include "dm/loop.h"

enum { READ_LEN = 16 << 10, FDS_MAX = 4, JSON_DEPTH = 8 };

struct client {
	struct control *ct;
	struct client *next; /* the longest silent first */
	struct loop_fd w;
	int fd;
	size_t len;
	char *line; /* CONTROL_LINE bytes, len of which have come */
	struct control_request q; /* the present one; its descriptor may come before its line */
	bool waiting;		  /* it is answered later, and those behind it wait */
};

struct control {
	struct loop *loop;
	struct loop_fd w;
	int dir, lock, listener;
	int spare; /* given up for a moment when descriptors run out: see refuse_client() */
	uid_t owner; /* who started the guest: the sandbox may have made us another */
	char *name;
	const struct control_verb *verbs;
	void *arg;
	struct client *clients;
	unsigned n_clients;
};

/* --- clients --------------------------------------------------------------------------------- */

static void client_unlink(struct client *c)
{
	struct client **p = &c->ct->clients;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
}

static void client_append(struct client *c)
{
	struct client **p = &c->ct->clients;

	while (*p)
		p = &(*p)->next;
	c->next = NULL;
	*p = c;
}

static void drop_passed(struct client *c)
{
	if (c->q.fd >= 0)
		close(c->q.fd);
	c->q.fd = -1;
}

static void request_clear(struct client *c)
{
	drop_passed(c); /* whoever reads the answer finds the file closed */
	json_object_put(c->q.args);
	json_object_put(c->q.answer);
	free(c->q.why);
	c->q = (struct control_request){ .fd = -1 };
	c->waiting = false;
}

static void client_close(struct client *c)
{
	if (c->waiting && c->q.cancel)
		c->q.cancel(&c->q);
	request_clear(c);
	loop_del(c->ct->loop, &c->w);
	client_unlink(c);
	c->ct->n_clients--;
	close(c->fd);
	free(c->line);
	free(c);
}

/* False when the client does not take it. */
static bool client_send(struct client *c, struct json_object *answer)
{
	size_t len;
	const char *text = json_object_to_json_string_length(answer, JSON_C_TO_STRING_PLAIN, &len);
	struct iovec v[2] = { { (void *)text, len }, { "\n", 1 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	return text && sendmsg(c->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len + 1;
}

/* --- requests -------------------------------------------------------------------------------- */

const char *control_text(const struct control_request *q, const char *key)
{
	struct json_object *v;

	if (!json_object_object_get_ex(q->args, key, &v) ||
	    !json_object_is_type(v, json_type_string))
		return NULL;
	return json_object_get_string(v);
}

bool control_flag(const struct control_request *q, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(q->args, key, &v) &&
	       json_object_is_type(v, json_type_boolean) && json_object_get_boolean(v);
}

int control_number(const struct control_request *q, const char *key, int otherwise)
{
	struct json_object *v;

	if (!json_object_object_get_ex(q->args, key, &v) || !json_object_is_type(v, json_type_int))
		return otherwise;
	return json_object_get_int(v); /* the nearest that fits */
}

/* Sends what came of the request, and forgets it; false when the client is to be closed. */
static bool finish(struct client *c, int err)
{
	struct control_request *q = &c->q;
	const char *why = q->why;
	char *plain = NULL;
	bool sent;

	json_object_object_add(q->answer, "ok", json_object_new_boolean(!err));
	if (err && !why)
		why = plain = sentence("%s: %s.", c->ct->name, strerror(-err));
	if (err)
		json_object_object_add(q->answer, "error",
				       json_object_new_string(why ? why : "Out of memory."));
	sent = client_send(c, q->answer);
	free(plain);
	request_clear(c);
	return sent;
}

static int act(struct client *c)
{
	const char *name = control_text(&c->q, "request");

	for (const struct control_verb *v = c->ct->verbs; v->name; v++) {
		if (!strcmp(v->name, name))
			return v->run(c->ct->arg, &c->q);
	}
	c->q.why = sentence("This version has no such request; the manual page caisson(1) lists "
			    "those that there are.");
	return -EOPNOTSUPP;
}

/* A whole object and nothing else, or NULL. */
static struct json_object *parse(const char *line, size_t len)
{
	struct json_tokener *t = json_tokener_new_ex(JSON_DEPTH);
	struct json_object *o;

	if (!t)
		return NULL;
	while (len && (line[len - 1] == ' ' || line[len - 1] == '\t' || line[len - 1] == '\r'))
		len--;
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(t, line, (int)len);
	if (json_tokener_get_error(t) != json_tokener_success ||
	    json_tokener_get_parse_end(t) != len || !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(t);
	return o;
}

/* One line without its end. False when the client is to be closed. */
static bool serve_line(struct client *c, const char *line, size_t len)
{
	int err;

	c->q.args = parse(line, len);
	c->q.answer = json_object_new_object();
	c->q.client = c;
	if (!c->q.answer)
		return false;
	if (!control_text(&c->q, "request")) {
		c->q.why = sentence("A request is one line with a JSON object that has a "
				    "\"request\".");
		finish(c, -EINVAL);
		return false;
	}
	err = act(c);
	if (err != CONTROL_LATER)
		return finish(c, err);
	c->waiting = true;
	loop_change(c->ct->loop, &c->w, 0); /* a hang-up is told in any case */
	return true;
}

/* --- reading --------------------------------------------------------------------------------- */

/* Keeps the last descriptor that came; the others were not asked for. */
static void take_fds(struct client *c, struct msghdr *m)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int fds[FDS_MAX];

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		if (n > FDS_MAX)
			n = FDS_MAX; /* cannot be: there was no room for more */
		memcpy(fds, CMSG_DATA(h), n * sizeof(int));
		for (size_t i = 0; i < n; i++) {
			drop_passed(c);
			c->q.fd = fds[i];
		}
	}
}

/* As recv(2), with descriptors. */
static ssize_t receive(struct client *c)
{
	size_t room = CONTROL_LINE - c->len;
	struct iovec v = { c->line + c->len, room < READ_LEN ? room : READ_LEN };
	union {
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n >= 0)
		take_fds(c, &m);
	return n;
}

/*
 * Serves each whole line that has come, up to one that is answered later. False when the client is
 * to be closed.
 */
static bool serve_lines(struct client *c)
{
	char *start = c->line, *end = c->line + c->len, *nl;

	while (!c->waiting && (nl = memchr(start, '\n', (size_t)(end - start)))) {
		if (!serve_line(c, start, (size_t)(nl - start)))
			return false;
		start = nl + 1;
	}
	c->len = (size_t)(end - start);
	memmove(c->line, start, c->len);
	return c->waiting || c->len < CONTROL_LINE;
}

void control_answer(struct control_request *q, int err)
{
	struct client *c = q->client;

	c->waiting = false;
	loop_change(c->ct->loop, &c->w, EPOLLIN);
	if (!finish(c, err) || !serve_lines(c))
		client_close(c);
}

static void client_ready(void *arg, uint32_t events)
{
	struct client *c = arg;
	ssize_t n = c->waiting ? 0 : receive(c);

	if (c->waiting && !(events & (EPOLLHUP | EPOLLERR)))
		return;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		c->len += (size_t)n;
	if (n <= 0 || !serve_lines(c)) {
		client_close(c);
		return;
	}
	client_unlink(c);
	client_append(c);
}

/* --- the listening socket -------------------------------------------------------------------- */

/*
 * Seen from inside a user namespace, users that have no number there all look alike; then it is
 * the folder's mode alone that keeps them out.
 */
static bool is_allowed(const struct control *ct, int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) &&
	       (cred.uid == ct->owner || cred.uid == 0);
}

static int client_new(struct control *ct, int fd)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->line = malloc(CONTROL_LINE);
	if (!c->line || loop_add(ct->loop, &c->w, fd, EPOLLIN, client_ready, c)) {
		free(c->line);
		free(c);
		return -ENOMEM;
	}
	loop_name(ct->loop, &c->w, "control");
	c->ct = ct;
	c->fd = fd;
	c->q.fd = -1;
	client_append(c);
	ct->n_clients++;
	return 0;
}

/* No descriptor is left for a client; one left waiting would keep the loop awake for ever. */
static void refuse_client(struct control *ct)
{
	int fd;

	if (ct->spare >= 0)
		close(ct->spare);
	fd = accept4(ct->listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	ct->spare = fcntl(ct->dir, F_DUPFD_CLOEXEC, 0);
}

static void listener_ready(void *arg, uint32_t events)
{
	struct control *ct = arg;
	int fd = accept4(ct->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		refuse_client(ct);
	if (fd < 0)
		return;
	if (!is_allowed(ct, fd)) {
		close(fd);
		return;
	}
	if (ct->n_clients == CONTROL_CLIENTS)
		client_close(ct->clients);
	if (client_new(ct, fd))
		close(fd);
}

/* --- start and stop -------------------------------------------------------------------------- */

static int take_name(struct control *ct, char **why)
{
	pid_t holder;

	ct->lock = rundir_lock(ct->dir, ct->name, &holder);
	if (ct->lock >= 0)
		return 0;
	if (ct->lock != -EWOULDBLOCK)
		*why = sentence("The name %s cannot be locked: %s; check the run directory.",
				ct->name, strerror(-ct->lock));
	else if (holder)
		*why = sentence("A guest named %s is running already (pid %ld); choose another "
				"--name, or end that one with 'caisson kill %s'.",
				ct->name, (long)holder, ct->name);
	else
		*why = sentence("A guest named %s is just being started; choose another --name.",
				ct->name);
	return ct->lock;
}

static int bind_socket(struct control *ct, const char *path, char **why)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int n = snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%s.sock", path, ct->name);

	if (n >= (int)sizeof(sa.sun_path)) {
		*why = sentence("%s/%s.sock is too long for the name of a socket; choose a shorter "
				"--name or XDG_RUNTIME_DIR.",
				path, ct->name);
		return -ENAMETOOLONG;
	}
	unlink(sa.sun_path); /* left by a guest that died: we have the lock */
	ct->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (ct->listener >= 0 && !bind(ct->listener, (struct sockaddr *)&sa, sizeof(sa)) &&
	    !listen(ct->listener, CONTROL_CLIENTS))
		return 0;
	n = -errno;
	*why = sentence("%s cannot be made: %s; check the run directory.", sa.sun_path,
			strerror(-n));
	return n;
}

static int start(struct control *ct, char **why)
{
	char *path = NULL;
	int err;

	ct->dir = rundir_open(&path, why);
	ct->spare = fcntl(ct->dir, F_DUPFD_CLOEXEC, 0);
	err = ct->dir < 0 ? ct->dir : take_name(ct, why);
	if (err >= 0)
		err = bind_socket(ct, path, why);
	if (!err) {
		err = loop_add(ct->loop, &ct->w, ct->listener, EPOLLIN, listener_ready, ct);
		loop_name(ct->loop, &ct->w, "control");
		if (err)
			*why = sentence("The control socket cannot be watched: %s.",
					strerror(-err));
	}
	free(path);
	return err;
}

struct control *control_start(struct machine *m, const char *name,
			      const struct control_verb *verbs, void *arg, char **why)
{
	struct control *ct = calloc(1, sizeof(*ct));

	*why = NULL;
	if (!ct)
		return NULL;
	*ct = (struct control){ .loop = machine_loop(m),
				.dir = -1,
				.lock = -1,
				.listener = -1,
				.spare = -1,
				.owner = geteuid(),
				.verbs = verbs,
				.arg = arg };
	ct->name = config_name_ok(name) ? strdup(name) : NULL;
	if (!ct->name)
		*why = sentence("'%s' cannot be a guest's name; choose another --name.", name);
	if (ct->name && !start(ct, why))
		return ct;
	control_stop(ct);
	return NULL;
}

void control_stop(struct control *ct)
{
	if (!ct)
		return;
	while (ct->clients)
		client_close(ct->clients);
	loop_del(ct->loop, &ct->w);
	if (ct->listener >= 0)
		close(ct->listener);
	if (ct->lock >= 0)
		rundir_unlock(ct->dir, ct->name, ct->lock);
	if (ct->spare >= 0)
		close(ct->spare);
	if (ct->dir >= 0)
		close(ct->dir);
	free(ct->name);
	free(ct);
}
