// SPDX-License-Identifier: GPL-2.0-only
/* Listening sockets for the VNC server: ADDR:PORT, [ADDR]:PORT and unix:PATH. */
#include "vnc_priv.h"

#include "dm/log.h"
#include "ui/socket.h"
#include "ui/vnc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 128 };

static int fail(int err, char **why, char *text)
{
	*why = text;
	return err;
}

/* --- unix:PATH --- */

/* A socket nobody answers at was left behind by a process that died. */
static bool is_stale(const struct sockaddr_un *at)
{
	struct stat st;
	bool refused;
	int s;

	if (lstat(at->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0)
		return false;
	refused = connect(s, (const struct sockaddr *)at, sizeof(*at)) && errno == ECONNREFUSED;
	close(s);
	return refused;
}

void vnc_remove_stale(const char *where)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	if (strncmp(where, "unix:", 5) || strlen(where + 5) >= sizeof(at.sun_path))
		return;
	strcpy(at.sun_path, where + 5);
	if (is_stale(&at))
		unlink(at.sun_path);
}

static int bind_unix(int s, const struct sockaddr_un *at)
{
	fchmod(s, 0600); /* Linux gives the file the mode that the socket has */
	if (!bind(s, (const struct sockaddr *)at, sizeof(*at)))
		return 0;
	if (errno != EADDRINUSE || !is_stale(at))
		return -errno;
	unlink(at->sun_path);
	return bind(s, (const struct sockaddr *)at, sizeof(*at)) ? -errno : 0;
}

static int listen_unix(const char *path, char **why)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int s, err;

	if (!path[0] || strlen(path) >= sizeof(at.sun_path))
		return fail(-EINVAL, why,
			    sentence("The path of a VNC socket has 1 to %zu characters, and '%s' "
				     "has not; choose another with --vnc unix:PATH.",
				     sizeof(at.sun_path) - 1, path));
	strcpy(at.sun_path, path);
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	err = s < 0 ? -errno : bind_unix(s, &at);
	if (!err && listen(s, BACKLOG))
		err = -errno;
	if (!err)
		return s;
	if (s >= 0)
		close(s);
	if (err == -EADDRINUSE)
		return fail(err, why,
			    sentence("%s is in use by another process or is no socket; choose "
				     "another with --vnc unix:PATH.",
				     path));
	return fail(err, why,
		    sentence("Cannot create the VNC socket %s: %s; check the folder or "
			     "choose another with --vnc unix:PATH.",
			     path, strerror(-err)));
}

/* --- ADDR:PORT --- */

/* With the port that was really bound, which the caller may have left open. */
static char *name_address(const char *host, unsigned port)
{
	const char *form = strchr(host, ':') ? "[%s]:%u" : "%s:%u";
	char *text;

	return asprintf(&text, form, host, port) < 0 ? NULL : text;
}

static char *explain(const struct place *p, int err)
{
	if (err == -EADDRINUSE)
		return sentence("Port %s of %s is taken by another program; choose another with "
				"--vnc %s:PORT, or any free one with --vnc %s:0.",
				p->port, p->host, p->host, p->host);
	return sentence("Cannot listen for VNC on port %s of %s: %s; choose another address with "
			"--vnc ADDR:PORT.",
			p->port, p->host, strerror(-err));
}

static int find(const struct place *p, struct addrinfo **at, char **why)
{
	int err = place_find(p, at);

	if (!err)
		return 0;
	return fail(-EADDRNOTAVAIL, why,
		    sentence("'%s' is no address to listen on for VNC (%s); use --vnc "
			     "127.0.0.1:PORT.",
			     p->host, gai_strerror(err)));
}

static int listen_tcp(const struct place *p, char **address, char **why)
{
	struct addrinfo *at;
	int s = find(p, &at, why);
	unsigned port;

	if (s)
		return s;
	s = socket_listen(at, &port);
	freeaddrinfo(at);
	if (s < 0)
		return fail(s, why, explain(p, s));
	*address = name_address(p->host, port);
	if (*address)
		return s;
	close(s);
	return fail(-ENOMEM, why, sentence("Out of memory while starting the VNC server."));
}

static int find_tcp(const char *where, struct place *p, char **why)
{
	if (place_split(p, where))
		return 0;
	return fail(-EINVAL, why,
		    sentence("'%s' is no place for a VNC server; use --vnc ADDR:PORT (as "
			     "127.0.0.1:5900), --vnc unix:PATH or --vnc none.",
			     where));
}

int vnc_check_local(const char *where, char **why)
{
	struct addrinfo *at;
	struct place p;
	bool local;
	int err;

	if (!strncmp(where, "unix:", 5))
		return 0; /* a file of this user's, mode 0600 */
	err = find_tcp(where, &p, why);
	if (!err)
		err = find(&p, &at, why);
	if (err)
		return err;
	local = socket_is_loopback(at->ai_addr);
	freeaddrinfo(at);
	if (local)
		return 0;
	return fail(-EACCES, why,
		    sentence("Without a password, whoever reaches %s could use the guest; give one "
			     "with --vnc-password-file FILE, or listen with --vnc 127.0.0.1:%s.",
			     where, p.port));
}

int vnc_listen(const char *where, char **address, char **path, char **why)
{
	struct place p;
	int s;

	*address = *path = NULL;
	if (!strncmp(where, "unix:", 5)) {
		s = listen_unix(where + 5, why);
		if (s >= 0) {
			*address = strdup(where);
			*path = strdup(where + 5);
		}
		return s;
	}
	s = find_tcp(where, &p, why);
	return s ? s : listen_tcp(&p, address, why);
}
