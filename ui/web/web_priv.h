/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The web server's inside. libwebsockets speaks HTTP, WebSocket and TLS, in one thread; what a
 * browser says by WebSocket goes through a socket pair to the VNC server, where it is a viewer
 * like any other. Nothing here blocks but the thread's sleep, and no buffer grows: whoever does
 * not take what he is sent is not read from.
 */
#ifndef UI_WEB_PRIV_H
#define UI_WEB_PRIV_H

#include "library.h"
#include "ui/socket.h"
#include "ui/web.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	WEB_CONNECTIONS = 32, /* at a time; a browser needs up to six while it loads the page */
	WEB_DOWN = 32 << 10,  /* bytes on their way to a browser */
	WEB_UP = 4 << 10,     /* and from it */
};

/* --- access.c: who may see the guest --- */

enum {
	SECRET_LEN = 16,		  /* bytes of randomness */
	SECRET_TEXT = 2 * SECRET_LEN + 1, /* as hexadecimal digits, with the end */
	ACCESS_TOKENS = 16,		  /* that nobody has used yet */
	ACCESS_SESSIONS = 64,
};

struct secret {
	bool used;
	uint8_t bytes[SECRET_LEN];
};

/* Fields: [I] immutable once made, [l] lock */
struct access {
	pthread_mutex_t lock;
	struct secret tokens[ACCESS_TOKENS];	 /* [l] each lets in one browser, once */
	struct secret sessions[ACCESS_SESSIONS]; /* [l] browsers that are in */
	unsigned next_token, next_session;	 /* [l] whose place the next one takes */
	bool tls;				 /* [I] */
	char host[256];				 /* [I] as the user named it */
	char cookie[24];			 /* [I] its name */
};

/* What counts of a request; NULL where it has none. */
struct access_request {
	const char *host, *origin, *cookie, *token;
	bool upgrade; /* to a WebSocket */
};

enum access_answer {
	ACCESS_GRANTED,
	ACCESS_NEW_SESSION, /* granted; the cookie's value is to be sent */
	ACCESS_NO_SESSION,
	ACCESS_STRANGE_HOST,
	ACCESS_STRANGE_ORIGIN,
};

/* host: without port, as users write it; port: tells cookies of several guests apart. */
void access_init(struct access *a, const char *host, unsigned port, bool tls);
void access_fini(struct access *a);
/* 0 or -errno. */
int access_new_token(struct access *a, char text[SECRET_TEXT]);
/* Uses the token up, if there is a right one. value: for ACCESS_NEW_SESSION. */
enum access_answer access_check(struct access *a, const struct access_request *q,
				char value[SECRET_TEXT]);

/* --- files.c: noVNC in memory --- */

struct web_file {
	char *path; /* as in a URL: /core/rfb.js */
	const char *type;
	uint8_t *data;
	size_t len;
};

struct web_files {
	struct web_file *file; /* by path */
	size_t n;
	char tag[20]; /* an ETag: other files have another */
};

/* 0 or -errno, with one sentence. web_files_free() takes what either left. */
int web_files_load(struct web_files *f, const char *folder, char **why);
const struct web_file *web_files_find(const struct web_files *f, const char *path);
void web_files_free(struct web_files *f);

/* --- listen.c --- */

struct web_place {
	int sock;
	struct place place; /* as it was asked for */
	unsigned port;	    /* the one that was bound */
};

/* 0 or -errno, with one sentence. any: other addresses than those of the loopback too. */
int web_listen(struct web_place *p, const char *address, bool any, char **why);

/* --- web.c: connections and the thread's loop --- */

/* A browser's connection. All of it is the web thread's. */
struct web_connection {
	struct web *web;
	struct web_connection *next;
	struct lws *browser; /* NULL: gone */
	/* an answer that is on its way */
	const uint8_t *body;
	size_t left;
	/* as a WebSocket */
	bool admitted, established, closing;
	struct lws *viewer; /* our end of the pair; NULL: gone */
	size_t down_len;    /* in down, from LWS_PRE on */
	uint8_t *down;
	size_t up_at, up_len; /* in up, what is left */
	uint8_t up[WEB_UP];
};

/* Fields: [I] immutable once started, [a] atomic, [t] the web thread's */
struct web {
	struct vnc *vnc;     /* [I] */
	char *name, *url;    /* [I] */
	struct web_files files; /* [I] */
	struct access access;
	struct lws_context *lws;	    /* [t] */
	struct lws_vhost *host;		    /* [t] */
	struct lws *listener;		    /* [t] the listening socket, as the library knows it */
	struct web_connection *connections; /* [t] */
	unsigned n_connections;		    /* [t] */
	int sock, wake;			    /* [I] listens; an eventfd */
	int spare;			    /* [t] given up to turn somebody away */
	pthread_t thread;		    /* [I] */
	atomic_bool stopping;		    /* [a] */
	atomic_uint browsers;		    /* [a] */
	atomic_ullong wakeups, requests, bytes; /* [a] */
};

/* --- pages.c: what HTTP requests get. Each gives what a callback of the library gives. --- */

int web_page_request(struct web_connection *c, const char *path);
int web_page_continue(struct web_connection *c); /* there is room for more of the answer */
int web_page_upgrade(struct web_connection *c, const char *protocol); /* to a WebSocket: 0 or not */

/* --- relay.c: between a WebSocket and the VNC server; the same --- */

int web_relay_begin(struct web_connection *c);
int web_relay_from_browser(struct web_connection *c, const uint8_t *bytes, size_t n);
int web_relay_to_browser(struct web_connection *c);  /* there is room */
int web_relay_from_viewer(struct web_connection *c); /* there is something */
int web_relay_to_viewer(struct web_connection *c);   /* there is room */
void web_relay_browser_gone(struct web_connection *c);
void web_relay_viewer_gone(struct web_connection *c);
void web_relay_ask(struct web_connection *c); /* after the library has run: for what is next */
/* Nothing is on its way, and nothing will be before a descriptor of the two is readable. */
bool web_relay_rests(const struct web_connection *c);

#endif
