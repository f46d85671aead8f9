// SPDX-License-Identifier: GPL-2.0-only
/*
 * `caisson console`: this terminal becomes one at the guest's serial port, by way of the
 * pseudo-terminal that the port is connected to. The guest's process has no part in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "backend/terminal.h"
#include "control/client.h"
#include "dm/log.h"

enum { LEAVE_KEY = 0x1d, PIECE = 4096 }; /* Ctrl-] */

/* Why it was left. */
enum end { END_NONE, END_KEY, END_GUEST, END_OUTPUT };

static bool write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

/* The other end hangs up when the guest's process ends. */
static enum end from_guest(int port)
{
	char buf[PIECE];
	ssize_t n = read(port, buf, sizeof(buf));

	if (n < 0 && errno == EINTR)
		return END_NONE;
	if (n <= 0)
		return END_GUEST;
	return write_all(STDOUT_FILENO, buf, (size_t)n) ? END_NONE : END_OUTPUT;
}

/* What is behind the end of a file that is typed from is nothing: the guest goes on alone. */
static enum end to_guest(int port, struct pollfd *in)
{
	char buf[PIECE], *leave;
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));

	if (n < 0 && errno == EINTR)
		return END_NONE;
	if (n <= 0) {
		in->fd = -1;
		return END_NONE;
	}
	leave = memchr(buf, LEAVE_KEY, (size_t)n);
	if (!write_all(port, buf, leave ? (size_t)(leave - buf) : (size_t)n))
		return END_GUEST;
	return leave ? END_KEY : END_NONE;
}

static enum end talk(int port)
{
	struct pollfd p[2] = { { .fd = port, .events = POLLIN },
			       { .fd = STDIN_FILENO, .events = POLLIN } };
	enum end end = END_NONE;

	while (end == END_NONE) {
		if (poll(p, 2, -1) < 0)
			continue; /* a signal */
		if (p[0].revents)
			end = from_guest(port);
		if (end == END_NONE && p[1].revents)
			end = to_guest(port, &p[1]);
	}
	return end;
}

/* Two at one port would each see a part. The lock goes when this process does. */
static int open_port(const char *name, const char *path)
{
	int port = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (port < 0) {
		client_fail(STATUS_HOST,
			    sentence("%s, the serial port of %s, cannot be opened: %s.",
						  path, name, strerror(errno)));
		return -1;
	}
	if (!flock(port, LOCK_EX | LOCK_NB))
		return port;
	client_fail(STATUS_HOST, sentence("Somebody has the console of %s already.", name));
	close(port);
	return -1;
}

static int attach(const char *name, const char *path)
{
	int port = open_port(name, path);
	enum end end;

	if (port < 0)
		return STATUS_HOST;
	if (isatty(STDIN_FILENO)) {
		fprintf(stderr, "caisson: the serial port of %s; Ctrl-] leaves it\n", name);
		terminal_make_raw(STDIN_FILENO);
	}
	end = talk(port);
	terminal_restore();
	close(port);
	if (end == END_OUTPUT)
		return client_fail(STATUS_HOST, sentence("Standard output cannot be written."));
	if (isatty(STDIN_FILENO))
		fprintf(stderr, "\r\ncaisson: %s\n",
			end == END_KEY ? "left" : "the guest has ended");
	return STATUS_OK;
}

int verb_console(const struct arguments *a)
{
	const char *name = a->text[0], *path;
	struct call c = { name, client_request("status"), .passed = -1, .patience = PATIENCE };
	int status = client_call(&c);

	if (status != STATUS_OK)
		return status;
	path = client_text(c.answer, "serial", NULL);
	if (path)
		status = attach(name, path);
	else
		status = client_fail(STATUS_HOST,
				     sentence("The serial port of %s is not on a pseudo-terminal; "
					      "start it with --serial pty.",
					      name));
	json_object_put(c.answer);
	return status;
}
