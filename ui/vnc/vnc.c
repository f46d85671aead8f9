/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VNC server: the thread that waits for viewers, and the places it has for them.
 * State: one screen of libvncserver for each place, made at the start, because the library may
 * not make screens while others are in use.
 */
#include "ui/vnc.h"

#include "vnc_priv.h"

#include "dm/log.h"
#include "dm/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- places for viewers --- */

static void reap(struct vnc_viewer *v)
{
	pthread_join(v->thread, NULL);
	close(v->sock);
	close(v->wake);
	v->state = VIEWER_FREE;
}

static struct vnc_viewer *find_place(struct vnc *vnc)
{
	struct vnc_viewer *v, *found = NULL;

	for (v = vnc->viewers; v < vnc->viewers + VNC_VIEWERS; v++) {
		if (v->state == VIEWER_GONE)
			reap(v);
		if (v->state == VIEWER_FREE && !found)
			found = v;
	}
	return found;
}

static int start_viewer(struct vnc_viewer *v, int sock, bool trusted)
{
	v->trusted = trusted;
	v->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (v->wake < 0)
		return -errno;
	v->sock = sock;
	v->state = VIEWER_RUNNING;
	if (!pthread_create(&v->thread, NULL, vnc_viewer_run, v))
		return 0;
	v->state = VIEWER_FREE;
	close(v->wake);
	return -EAGAIN;
}

/* --- the listening thread --- */

/* Out of descriptors: a connection that is never taken would wake the thread for ever. */
static void turn_away(struct vnc *vnc)
{
	int sock;

	if (vnc->spare < 0)
		return;
	close(vnc->spare);
	sock = accept4(vnc->sock, NULL, NULL, SOCK_CLOEXEC);
	if (sock >= 0)
		close(sock);
	vnc->spare = fcntl(vnc->sock, F_DUPFD_CLOEXEC, 0);
}

static void set_options(int sock)
{
	int on = 1;

	/* both fail on a unix socket, and need not work there */
	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(sock, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

static void admit(struct vnc *vnc, int sock, bool trusted)
{
	struct vnc_viewer *v = find_place(vnc);

	if (!v || start_viewer(v, sock, trusted))
		close(sock);
}

static void take_connection(struct vnc *vnc)
{
	int sock = accept4(vnc->sock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (sock < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			turn_away(vnc);
		return;
	}
	set_options(sock);
	admit(vnc, sock, false);
}

/* A socket is one write and one read; the pipe's end does not block. */
static bool take_handed(struct vnc *vnc, int *sock)
{
	return read(vnc->handed[0], sock, sizeof(*sock)) == sizeof(*sock);
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
		if (n <= 0 || p[2].revents)
			continue;
		sandbox_narrow(SANDBOX_VNC);
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

	for (v = vnc->viewers; v < vnc->viewers + VNC_VIEWERS; v++)
		vnc_screen_destroy(v);
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
	free(vnc);
}

/* Viewers' threads inherit the mask: no signal is for them but those of their own faults. */
static int start_listener(struct vnc *vnc)
{
	static const int own[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS, SIGTRAP, SIGABRT};
	sigset_t mask, old;
	size_t i;
	int err;

	sigfillset(&mask);
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(&mask, own[i]);
	pthread_sigmask(SIG_BLOCK, &mask, &old);
	err = -pthread_create(&vnc->thread, NULL, listen_run, vnc);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
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
	return start_listener(vnc);
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
	vnc->surface = s;
	vnc->input = in;
	vnc->name = strdup(opt->name ? opt->name : "Caisson");
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
		shutdown(v->sock, SHUT_RDWR); /* ends whatever the library waits for */
		eventfd_write(v->wake, 1);
		reap(v);
	}
	destroy(vnc);
}

void vnc_read_stats(const struct vnc *vnc, struct vnc_stats *s)
{
	*s = (struct vnc_stats){0, vnc->wakeups, vnc->updates, vnc->bytes};
	for (unsigned i = 0; i < VNC_VIEWERS; i++)
		s->viewers += vnc->viewers[i].state == VIEWER_RUNNING;
}
