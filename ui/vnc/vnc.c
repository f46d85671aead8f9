// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VNC server: the thread that waits for viewers, and the places it has for them.
 * State: one screen of libvncserver for each place, made at the start, because the library may
 * not make screens while others are in use.
 */
#include "ui/vnc.h"

#include "vnc_priv.h"

#include "dm/log.h"
#include "dm/sandbox.h"
#include "dm/thread.h"
#include "ui/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- places for viewers --- */

/* All of these with the lock on the places held. */

static void give_back(struct vnc_viewer *v)
{
	close(v->sock);
	close(v->wake);
	v->state = VIEWER_FREE;
}

/* The thread of a viewer that is gone or turned out; it does not want the lock any more. */
static void reap(struct vnc_viewer *v)
{
	pthread_join(v->thread, NULL);
	give_back(v);
}

static void stop_viewer(struct vnc_viewer *v)
{
	shutdown(v->sock, SHUT_RDWR); /* ends whatever it or the library waits for */
	eventfd_write(v->wake, 1);
}

/* Connections that say nothing must not keep out one that does. */
static struct vnc_viewer *turn_out_stranger(struct vnc *vnc)
{
	struct vnc_viewer *v, *oldest = NULL;
	enum viewer_state stranger = VIEWER_STRANGER;

	for (v = vnc->viewers; v < vnc->viewers + VNC_VIEWERS; v++)
		if (v->state == VIEWER_STRANGER && (!oldest || v->number < oldest->number))
			oldest = v;
	if (!oldest ||
	    !atomic_compare_exchange_strong(&oldest->state, &stranger, VIEWER_TURNED_OUT))
		return NULL;
	stop_viewer(oldest);
	reap(oldest);
	return oldest;
}

static void reap_gone(struct vnc *vnc)
{
	struct vnc_viewer *v;

	for (v = vnc->viewers; v < vnc->viewers + VNC_VIEWERS; v++)
		if (v->state == VIEWER_GONE)
			reap(v);
}

static struct vnc_viewer *find_place(struct vnc *vnc)
{
	struct vnc_viewer *v;

	reap_gone(vnc);
	for (v = vnc->viewers; v < vnc->viewers + VNC_VIEWERS; v++)
		if (v->state == VIEWER_FREE)
			return v;
	return turn_out_stranger(vnc);
}

static int start_viewer(struct vnc_viewer *v, int sock, bool trusted)
{
	v->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (v->wake < 0)
		return -errno;
	v->sock = sock;
	v->trusted = trusted;
	v->number = v->vnc->viewer_count++;
	v->state = VIEWER_STRANGER;
	if (!pthread_create(&v->thread, NULL, vnc_viewer_run, v))
		return 0;
	v->state = VIEWER_FREE;
	close(v->wake);
	return -EAGAIN;
}

void vnc_be_alone(struct vnc_viewer *me)
{
	struct vnc *vnc = me->vnc;
	struct vnc_viewer *v;

	pthread_mutex_lock(&vnc->places);
	for (v = vnc->viewers; v < vnc->viewers + VNC_VIEWERS; v++)
		if (v != me && v->state == VIEWER_RUNNING)
			stop_viewer(v);
	pthread_mutex_unlock(&vnc->places);
}

/* --- the listening thread --- */

static void admit(struct vnc *vnc, int sock, bool trusted)
{
	struct vnc_viewer *v;

	pthread_mutex_lock(&vnc->places);
	v = find_place(vnc);
	if (!v || start_viewer(v, sock, trusted))
		close(sock);
	pthread_mutex_unlock(&vnc->places);
}

static void take_connection(struct vnc *vnc)
{
	int sock = socket_accept(vnc->sock, &vnc->spare);

	if (sock >= 0)
		admit(vnc, sock, false);
}

/* A socket is one write and one read; the pipe's end does not block. */
static bool take_handed(struct vnc *vnc, int *sock)
{
	return read(vnc->handed[0], sock, sizeof(*sock)) == sizeof(*sock);
}

static bool is_empty(const struct vnc *vnc)
{
	const struct vnc_viewer *v;

	for (v = vnc->viewers; v < vnc->viewers + VNC_VIEWERS; v++)
		if (v->state != VIEWER_FREE)
			return false;
	return true;
}

/*
 * A viewer's last act is to say so: nothing of it stays until the next one comes. When the last has
 * left, the system gets back the memory between what others have on the heap.
 */
static void tidy(struct vnc *vnc)
{
	eventfd_t n;
	bool empty;

	eventfd_read(vnc->wake, &n);
	pthread_mutex_lock(&vnc->places);
	reap_gone(vnc);
	empty = is_empty(vnc);
	pthread_mutex_unlock(&vnc->places);
	if (empty)
		malloc_trim(0);
}

static void *listen_run(void *arg)
{
	struct vnc *vnc = arg;
	struct pollfd p[3] = {{.fd = vnc->sock, .events = POLLIN},
			      {.fd = vnc->handed[0], .events = POLLIN},
			      {.fd = vnc->wake, .events = POLLIN}};
	int sock;

	prctl(PR_SET_NAME, "vnc");
	while (!vnc->stopping) {
		int n = poll(p, 3, -1);

		vnc->wakeups++;
		if (n <= 0 || vnc->stopping)
			continue;
		sandbox_narrow(SANDBOX_VNC);
		if (p[2].revents)
			tidy(vnc);
		if (p[0].revents)
			take_connection(vnc);
		if (p[1].revents && take_handed(vnc, &sock))
			admit(vnc, sock, true);
	}
	return NULL;
}

/* --- start and stop --- */

static void say_nothing(const char *format, ...)
{
	(void)format;
}

static int make_screens(struct vnc *vnc)
{
	struct vnc_viewer *v;
	int err = 0;

	rfbLog = say_nothing;
	rfbErr = say_nothing;
	for (v = vnc->viewers; v < vnc->viewers + VNC_VIEWERS && !err; v++) {
		v->vnc = vnc;
		err = vnc_screen_create(v);
	}
	return err;
}

static void destroy(struct vnc *vnc)
{
	struct vnc_viewer *v;
	int sock;

	for (v = vnc->viewers; v < vnc->viewers + VNC_VIEWERS; v++) {
		vnc_screen_destroy(v);
		pthread_mutex_destroy(&v->awake);
	}
	while (vnc->handed[0] >= 0 && take_handed(vnc, &sock))
		close(sock);
	if (vnc->handed[0] >= 0) {
		close(vnc->handed[0]);
		close(vnc->handed[1]);
	}
	if (vnc->path)
		unlink(vnc->path);
	if (vnc->sock >= 0)
		close(vnc->sock);
	if (vnc->spare >= 0)
		close(vnc->spare);
	if (vnc->wake >= 0)
		close(vnc->wake);
	free(vnc->path);
	free(vnc->address);
	free(vnc->name);
	explicit_bzero(&vnc->passwords, sizeof(vnc->passwords));
	pthread_mutex_destroy(&vnc->places);
	free(vnc);
}

static int start(struct vnc *vnc)
{
	int err;

	signal(SIGPIPE, SIG_IGN); /* the library writes to viewers that may have left */
	err = make_screens(vnc);
	if (err)
		return err;
	vnc->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vnc->wake < 0 || pipe2(vnc->handed, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	if (vnc->sock >= 0)
		vnc->spare = fcntl(vnc->sock, F_DUPFD_CLOEXEC, 0);
	if (vnc->sock >= 0 && vnc->spare < 0)
		return -errno;
	return thread_start(&vnc->thread, listen_run, vnc); /* viewers' threads inherit its mask */
}

static int listen_at(struct vnc *vnc, const char *address, char **why)
{
	int sock = address ? vnc_listen(address, &vnc->address, &vnc->path, why) : -1;

	if (address && sock < 0)
		return sock;
	vnc->sock = sock;
	return 0;
}

int vnc_serve(struct vnc *vnc, int sock)
{
	if (write(vnc->handed[1], &sock, sizeof(sock)) == sizeof(sock))
		return 0;
	close(sock);
	return -EAGAIN;
}

/* What is wrong whatever the host is like; nothing is opened for good. */
static int check(const struct vnc_options *opt, struct vnc_passwords *p, char **why)
{
	int err = vnc_passwords(p, opt, why);

	return err || p->full[0] || !opt->address ? err : vnc_check_local(opt->address, why);
}

int vnc_check(const struct vnc_options *opt, char **why)
{
	struct vnc_passwords p;
	int err = check(opt, &p, why);

	explicit_bzero(&p, sizeof(p));
	return err;
}

int vnc_start(struct vnc **out, const struct vnc_options *opt, struct surface *s, struct input *in,
	      char **why)
{
	struct vnc *vnc = calloc(1, sizeof(*vnc));
	int err;

	*why = NULL;
	if (!vnc) {
		*why = sentence("Out of memory while starting the VNC server.");
		return -ENOMEM;
	}
	vnc->sock = vnc->wake = vnc->spare = vnc->handed[0] = -1;
	pthread_mutex_init(&vnc->places, NULL);
	for (unsigned i = 0; i < VNC_VIEWERS; i++)
		pthread_mutex_init(&vnc->viewers[i].awake, NULL);
	vnc->surface = s;
	vnc->input = in;
	vnc->name = strdup(opt->name ? opt->name : "Caisson");
	err = check(opt, &vnc->passwords, why);
	if (!err)
		err = listen_at(vnc, opt->address, why);
	if (!err) {
		err = start(vnc);
		if (err)
			*why = sentence("Cannot start the VNC server at %s: %s; run without it "
					"with --vnc none.",
					opt->address ? opt->address : "no address", strerror(-err));
	}
	if (err) {
		destroy(vnc);
		return err;
	}
	*out = vnc;
	return 0;
}

const char *vnc_address(const struct vnc *vnc)
{
	return vnc->address;
}

void vnc_stop(struct vnc *vnc)
{
	struct vnc_viewer *v;

	if (!vnc)
		return;
	vnc->stopping = true;
	eventfd_write(vnc->wake, 1);
	pthread_join(vnc->thread, NULL);
	for (v = vnc->viewers; v < vnc->viewers + VNC_VIEWERS; v++) {
		if (v->state == VIEWER_FREE)
			continue;
		stop_viewer(v);
		pthread_join(v->thread, NULL);
		pthread_mutex_lock(&vnc->places); /* another may want to be alone just now */
		give_back(v);
		pthread_mutex_unlock(&vnc->places);
	}
	destroy(vnc);
}

void vnc_read_stats(const struct vnc *vnc, struct vnc_stats *s)
{
	*s = (struct vnc_stats){0, vnc->wakeups, vnc->updates, vnc->bytes};
	for (unsigned i = 0; i < VNC_VIEWERS; i++)
		s->viewers += vnc->viewers[i].state == VIEWER_RUNNING;
}
