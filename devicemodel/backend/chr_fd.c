// SPDX-License-Identifier: GPL-2.0-only
/*
 * Character back ends on file descriptors: standard input and output, a pseudo-terminal, a file.
 *
 * Nothing here blocks the machine and nothing polls. What a slow reader does not take waits in a
 * buffer, then is dropped and counted. Each watch is for one event and is set anew when there is
 * a use for the next one, so that a device without room, or a line that hung up, costs nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "backend/chr_fd.h"
#include "backend/terminal.h"
#include "dm/chardev.h"
#include "dm/log.h"
#include "dm/loop.h"
#include "dm/machine.h"

enum {
	OUT_LEN = 256 << 10,	/* power of two */
	IN_LEN = 64,
	PULLS_MAX = 64,		/* reads in a row from a file, which is always ready */
	DRAIN_MS = 1000,	/* patience with a reader when the program ends */
	QUIT_KEY = 0x1d,	/* Ctrl-] ends the guest from its terminal */
};

struct chr_fd {
	struct chardev chr;
	struct machine *m;
	int in, out, slave;		/* -1: none */
	char slave_name[64];
	int restore_in, restore_out;	/* descriptors whose flags are borrowed, or -1 */
	bool terminal;
	bool drains;			/* close waits a little for the reader */
	bool polled;			/* the input has a watch; otherwise it is a file */
	struct loop_fd in_watch, out_watch;

	uint8_t got[IN_LEN];		/* read, but not yet taken by the device */
	size_t got_first, got_len;

	uint8_t *buf;			/* OUT_LEN bytes in a ring */
	size_t buf_first, buf_len;
	unsigned long dropped;
};

/* --- watches ------------------------------------------------------------------------------- */

/* One event. 0, or -errno where the descriptor cannot be watched (a file, no event loop). */
static int watch_once(struct chr_fd *f, struct loop_fd *w, int fd, uint32_t events,
		      void (*ready)(void *arg, uint32_t events))
{
	struct loop *l = machine_loop(f->m);
	int err;

	if (!l)
		return -ENOENT;
	if (w->added) {
		loop_change(l, w, events | EPOLLONESHOT);
		return 0;
	}
	err = loop_add(l, w, fd, events | EPOLLONESHOT, ready, f);
	loop_name(l, w, "serial port");
	if (err)
		w->added = false;
	return err;
}

static void unwatch(struct chr_fd *f, struct loop_fd *w)
{
	struct loop *l = machine_loop(f->m);

	if (l && w->added)
		loop_del(l, w);
	w->added = false;
}

/* --- output -------------------------------------------------------------------------------- */

static void drop(struct chr_fd *f, size_t n, const char *reason)
{
	if (n && !f->dropped)
		log_line(LOG_WARN, "Serial output is being lost: %s.", reason);
	f->dropped += n;
}

static void stop_output(struct chr_fd *f)
{
	unwatch(f, &f->out_watch);
	if (f->out >= 0)
		close(f->out);
	f->out = -1;
	f->buf_len = 0;
}

static bool would_block(int err)
{
	return err == EAGAIN || err == EWOULDBLOCK || err == EINTR;
}

/* Bytes written; 0 when there is no room now, and also after the line was given up. */
static size_t write_some(struct chr_fd *f, const uint8_t *p, size_t n)
{
	ssize_t done = write(f->out, p, n);

	if (done >= 0)
		return done;
	/* a full disk may get room again; a closed pipe is gone */
	if (errno == EPIPE || errno == EBADF || errno == EIO)
		stop_output(f);
	else if (!would_block(errno))
		drop(f, n, strerror(errno));
	return 0;
}

static void flush_buffer(struct chr_fd *f)
{
	while (f->out >= 0 && f->buf_len) {
		size_t piece = OUT_LEN - f->buf_first, done;

		if (piece > f->buf_len)
			piece = f->buf_len;
		done = write_some(f, f->buf + f->buf_first, piece);
		if (!done)
			return;
		f->buf_first = (f->buf_first + done) % OUT_LEN;
		f->buf_len -= done;
	}
}

static void out_ready(void *arg, uint32_t events)
{
	struct chr_fd *f = arg;

	flush_buffer(f);
	if (f->out >= 0 && f->buf_len)
		watch_once(f, &f->out_watch, f->out, EPOLLOUT, out_ready);
}

static void keep_for_later(struct chr_fd *f, const uint8_t *p, size_t n)
{
	bool waiting = f->buf_len;
	size_t room;

	if (!f->buf)
		f->buf = malloc(OUT_LEN);
	room = f->buf ? OUT_LEN - f->buf_len : 0;
	if (n > room) {
		drop(f, n - room, "nobody reads it, or not fast enough");
		n = room;
	}
	for (size_t i = 0; i < n; i++)
		f->buf[(f->buf_first + f->buf_len++) % OUT_LEN] = p[i];
	if (f->buf_len && !waiting)
		watch_once(f, &f->out_watch, f->out, EPOLLOUT, out_ready);
}

static void fd_write(struct chardev *c, const uint8_t *p, size_t n)
{
	struct chr_fd *f = (struct chr_fd *)c;
	unsigned long dropped = f->dropped;
	size_t done = 0;

	if (f->out < 0)
		return;
	if (!f->buf_len || !f->out_watch.added)
		flush_buffer(f);
	while (f->out >= 0 && !f->buf_len && done < n) {
		size_t now = write_some(f, p + done, n - done);

		if (!now)
			break;
		done += now;
	}
	if (f->out >= 0 && done < n && f->dropped == dropped)
		keep_for_later(f, p + done, n - done);
}

/* --- input --------------------------------------------------------------------------------- */

static void stop_input(struct chr_fd *f)
{
	unwatch(f, &f->in_watch);
	if (f->in >= 0)
		close(f->in);
	f->in = -1;
}

/* In raw mode no key is the shell's any more, so that one has to be ours. */
static bool asks_to_quit(struct chr_fd *f)
{
	if (!f->terminal || !memchr(f->got, QUIT_KEY, f->got_len))
		return false;
	f->got_len = 0;
	machine_request_stop(f->m, STOP_REQUESTED);
	return true;
}

/* Hands on what was read. False: the device has no room, or nobody is attached. */
static bool deliver(struct chr_fd *f)
{
	size_t taken;

	if (!f->chr.rx)
		f->got_len = 0;
	if (!f->got_len)
		return true;
	taken = f->chr.rx(f->chr.dev, f->got + f->got_first, f->got_len);
	if (taken > f->got_len)
		taken = f->got_len;
	f->got_first += taken;
	f->got_len -= taken;
	return !f->got_len;
}

/* False: nothing now, or never again. */
static bool fetch(struct chr_fd *f)
{
	ssize_t n = read(f->in, f->got, IN_LEN);

	if (n > 0) {
		f->got_first = 0;
		f->got_len = n;
		return !asks_to_quit(f);
	}
	if (n == 0 || !would_block(errno))
		stop_input(f);
	return false;
}

static void in_ready(void *arg, uint32_t events);

static void wait_for_input(struct chr_fd *f)
{
	if (f->in >= 0)
		watch_once(f, &f->in_watch, f->in, EPOLLIN, in_ready);
}

static void in_ready(void *arg, uint32_t events)
{
	struct chr_fd *f = arg;

	if (f->got_len || f->in < 0)
		return;
	fetch(f);
	if (deliver(f))
		wait_for_input(f);
}

/* A file has no event: its bytes are fetched as the device takes them. */
static void fd_rx_ready(struct chardev *c)
{
	struct chr_fd *f = (struct chr_fd *)c;

	if (!deliver(f) || f->in < 0 || !f->chr.rx)
		return;
	if (f->polled && machine_loop(f->m)) {
		wait_for_input(f);
		return;
	}
	for (unsigned i = 0; i < PULLS_MAX && f->in >= 0; i++)
		if (!fetch(f) || !deliver(f))
			return;
}

/* --- life ---------------------------------------------------------------------------------- */

/* A reader that is merely slow gets the end of the story; one that is stuck does not stop us. */
static void drain(struct chr_fd *f)
{
	for (int waited = 0; f->drains && f->out >= 0 && f->buf_len && waited < DRAIN_MS;
	     waited += 10) {
		struct pollfd p = { .fd = f->out, .events = POLLOUT };

		poll(&p, 1, 10);
		flush_buffer(f);
	}
}

static void give_back(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

static void fd_close(struct chardev *c)
{
	struct chr_fd *f = (struct chr_fd *)c;

	drain(f);
	if (f->dropped)
		log_line(LOG_WARN, "Of the serial output %lu bytes were lost.", f->dropped);
	stop_input(f);
	stop_output(f);
	if (f->terminal)
		terminal_restore();
	give_back(f->restore_in);
	give_back(f->restore_out);
	if (f->slave >= 0)
		close(f->slave);
	free(f->buf);
	free(f);
}

static struct chr_fd *chr_fd_new(struct machine *m, char **why)
{
	struct chr_fd *f = calloc(1, sizeof(*f));

	if (!f) {
		*why = sentence("Out of memory for a serial port.");
		return NULL;
	}
	f->chr.write = fd_write;
	f->chr.rx_ready = fd_rx_ready;
	f->chr.close = fd_close;
	f->m = m;
	f->in = -1;
	f->out = -1;
	f->slave = -1;
	f->restore_in = -1;
	f->restore_out = -1;
	f->polled = true;
	return f;
}

/* --- stdio --------------------------------------------------------------------------------- */

static bool is_file(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode);
}

/*
 * A descriptor of our own for fd that does not block. Opened anew where that can be done: the
 * flag would else be shared with the shell, and with whatever else writes to the same terminal.
 */
static int open_again(int fd, int flags, int *restore)
{
	char path[32];
	int again;

	if (fcntl(fd, F_GETFL) < 0)
		return -1;
	if (is_file(fd))
		return fcntl(fd, F_DUPFD_CLOEXEC, 3);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (again >= 0)
		return again;
	again = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (again >= 0 && !(fcntl(fd, F_GETFL) & O_NONBLOCK)) {
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		*restore = fd;
	}
	return again;
}

/* What has no events (a file, /dev/null) is read as the device wants it. */
static bool has_events(int fd)
{
	struct epoll_event e = { .events = 0 };
	int ep = epoll_create1(EPOLL_CLOEXEC);
	bool ok;

	if (ep < 0)
		return false;
	ok = !epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
	close(ep);
	return ok;
}

/* A terminal in whose background we run is not ours: reading it would stop the program. */
static bool is_our_terminal(int fd)
{
	return isatty(fd) && tcgetpgrp(fd) == getpgrp();
}

int chr_open_stdio(struct chardev **c, struct machine *m, char **where, char **why)
{
	struct chr_fd *f = chr_fd_new(m, why);

	if (!f)
		return -ENOMEM;
	/* a reader that goes away is an error of that write, not the end of the guest */
	signal(SIGPIPE, SIG_IGN);
	f->drains = true;
	f->out = open_again(STDOUT_FILENO, O_WRONLY, &f->restore_out);
	if (!isatty(STDIN_FILENO) || is_our_terminal(STDIN_FILENO))
		f->in = open_again(STDIN_FILENO, O_RDONLY, &f->restore_in);
	f->polled = f->in >= 0 && has_events(f->in);
	if (f->in >= 0 && is_our_terminal(STDIN_FILENO) && !terminal_make_raw(STDIN_FILENO)) {
		f->terminal = true;
		*where = sentence("serial port: this terminal; Ctrl-] ends the guest");
	}
	*c = &f->chr;
	return 0;
}

/* --- pty ----------------------------------------------------------------------------------- */

/* The slave stays open here, raw: its absence would be an endless hang-up, its echo a loop. */
static int open_slave(struct chr_fd *f)
{
	struct termios t;

	if (grantpt(f->in) || unlockpt(f->in) ||
	    ptsname_r(f->in, f->slave_name, sizeof(f->slave_name)))
		return -errno;
	f->slave = open(f->slave_name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (f->slave < 0 || tcgetattr(f->slave, &t))
		return -errno;
	cfmakeraw(&t);
	if (tcsetattr(f->slave, TCSANOW, &t))
		return -errno;
	f->out = fcntl(f->in, F_DUPFD_CLOEXEC, 3);
	return f->out < 0 ? -errno : 0;
}

int chr_open_pty(struct chardev **c, struct machine *m, char **where, char **why)
{
	struct chr_fd *f = chr_fd_new(m, why);
	int err;

	if (!f)
		return -ENOMEM;
	f->in = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	err = f->in < 0 ? -errno : open_slave(f);
	if (err) {
		*why = sentence("No pseudo-terminal for the serial port: %s; mount /dev/pts, or "
				"choose file:PATH or none.", strerror(-err));
		fd_close(&f->chr);
		return err;
	}
	f->chr.terminal = f->slave_name;
	*where = sentence("serial port: %s (caisson console shows it; so does screen %s)",
			  f->slave_name, f->slave_name);
	*c = &f->chr;
	return 0;
}

/* --- file ---------------------------------------------------------------------------------- */

int chr_open_file(struct chardev **c, struct machine *m, const char *path, char **where,
		  char **why)
{
	struct chr_fd *f = chr_fd_new(m, why);
	int err;

	if (!f)
		return -ENOMEM;
	signal(SIGPIPE, SIG_IGN);
	f->out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644);
	if (f->out < 0) {
		err = -errno;
		*why = err == -ENXIO
			? sentence("%s is a pipe that nobody reads; start its reader first.", path)
			: sentence("Cannot write serial output to %s: %s; choose another file.",
				   path, strerror(errno));
		fd_close(&f->chr);
		return err;
	}
	*where = sentence("serial port: output goes to %s", path);
	*c = &f->chr;
	return 0;
}
