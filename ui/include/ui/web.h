/* SPDX-License-Identifier: GPL-2.0-only */
/* A web server that shows a guest in a browser: noVNC's pages, and the VNC server behind them. */
#ifndef UI_WEB_H
#define UI_WEB_H

#include <stdbool.h>
#include <stdint.h>

struct vnc;
struct web;

struct web_options {
	const char *address;	 /* ADDR:PORT; port 0: any free one */
	const char *name;	 /* the guest's, for the page's title and for sentences */
	const char *folder;	 /* where noVNC is; NULL: where Debian's package puts it */
	const char *certificate; /* PEM files, both for TLS; NULL: without, and on loopback only */
	const char *key;
};

/*
 * Starts serving viewers of v, which must stay until web_stop(). Reads all its files now. 0 or
 * -errno, with one sentence in *why (to be freed). Its thread never takes the machine lock.
 */
int web_start(struct web **w, const struct web_options *opt, struct vnc *v, char **why);
/*
 * A new URL that lets in one browser, once; to be freed. NULL: no randomness, no memory. Any
 * thread. The oldest of several that nobody has used yet ends when there are too many.
 */
char *web_new_url(struct web *w);
/* The part of it that is no secret, e.g. http://127.0.0.1:6080/. */
const char *web_address(const struct web *w);
void web_stop(struct web *w);

/* Since the start, but for the browsers, which are those of now. Any thread. */
struct web_stats {
	unsigned browsers;
	uint64_t wakeups, requests, bytes; /* bytes: sent to browsers as their guest's picture */
};
void web_read_stats(const struct web *w, struct web_stats *s);

#endif
