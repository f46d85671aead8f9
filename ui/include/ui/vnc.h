/* SPDX-License-Identifier: GPL-2.0-only */
/* A VNC server that shows a surface and hands on input. */
#ifndef UI_VNC_H
#define UI_VNC_H

#include <stdint.h>

struct surface;
struct input;
struct vnc;

struct vnc_options {
	/* ADDR:PORT (127.0.0.1:5900; port 0: any free one) or unix:PATH; NULL: vnc_serve() only */
	const char *address;
	const char *name;    /* shown by viewers */
	/*
	 * Passwords of up to 8 characters, or NULL: a file that only its owner may read, whose
	 * first line lets a viewer use the guest and whose second, if any, lets it look on; or
	 * one of the first kind.
	 */
	const char *password_file;
	const char *password;
};

/*
 * What is wrong with the options on any host: a password that is none, or an address that others
 * than this host's users reach, without a password. 0 or -errno, with one sentence in *why.
 */
int vnc_check(const struct vnc_options *opt, char **why);

/*
 * Starts serving. 0 or -errno, with one sentence in *why (to be freed). Starts its own threads;
 * none of them ever holds the machine lock while it talks to a viewer. Whoever paints may send a
 * little, without waiting.
 */
int vnc_start(struct vnc **v, const struct vnc_options *opt, struct surface *s, struct input *in,
	      char **why);
/*
 * Serves a viewer at a connected stream socket that does not block and is the server's from then
 * on. Whoever brings it knows whose it is: nothing more is asked there. Any thread. 0, or -errno
 * (closed).
 */
int vnc_serve(struct vnc *v, int sock);
/* What to type into a viewer, e.g. 127.0.0.1:5900; NULL: it does not listen. */
const char *vnc_address(const struct vnc *v);
void vnc_stop(struct vnc *v);
/* Removes the socket of an unix:PATH where nobody listens (any more); anything else is left. */
void vnc_remove_stale(const char *where);

/* Since the start, but for the viewers, which are those of now. Any thread. */
struct vnc_stats {
	unsigned viewers;
	uint64_t wakeups, updates, bytes; /* of all threads; sent */
};
void vnc_read_stats(const struct vnc *v, struct vnc_stats *s);

#endif
