/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VNC server's inside. One thread waits for viewers, and each viewer has a thread of its own
 * with a picture and a libvncserver screen of its own: the library reads and writes sockets until
 * it is done, so a viewer that is slow or hangs delays itself and nobody else, and nothing of the
 * library is used by two threads. A thread without work sleeps without a timeout. While it does,
 * whoever has painted may send a little in its place, if that does not block.
 */
#ifndef UI_VNC_PRIV_H
#define UI_VNC_PRIV_H

#include "ui/input.h"
#include "ui/surface.h"
#include "ui/typing.h"

#include <pthread.h>
#include <rfb/rfb.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	VNC_VIEWERS = 32,	      /* at a time; more are turned away */
	VNC_HANDSHAKE_MS = 10 * 1000, /* to get through the handshake */
	VNC_ANSWER_MS = 120 * 1000,   /* for somebody to type a password */
	VNC_STALL_MS = 10 * 1000,     /* a viewer that takes or gives nothing so long is dropped */
	VNC_PENALTY_MS = 2 * 1000,    /* for a wrong password */
	VNC_MAX_WIDTH = 8192,	      /* a longer line does not fit the library's buffer */
	VNC_LITTLE = 1024,	      /* pixels that a painter sends: a word of text, a cursor */
};
#define VNC_FRAME_NS (1000000000ull / 60)

enum { VNC_PASSWORD = 8, VNC_CHALLENGE = 16 }; /* bytes; the protocol's */

/* "" is none. Without one in full, nobody is asked. */
struct vnc_passwords {
	char full[VNC_PASSWORD + 1], view[VNC_PASSWORD + 1];
};

enum vnc_access { VNC_NOTHING, VNC_LOOK, VNC_ALL };

/*
 * A stranger, who has not been through the handshake, may be turned out for a newcomer. One who
 * gave a wrong password keeps his place until the penalty is over.
 */
enum viewer_state {
	VIEWER_FREE,
	VIEWER_STRANGER,
	VIEWER_TURNED_OUT,
	VIEWER_PUNISHED,
	VIEWER_RUNNING,
	VIEWER_GONE
};

/*
 * Fields: [I] set before the thread starts, [a] atomic, [t] the viewer's thread only, and a
 * painter's with the lock "awake"
 */
struct vnc_viewer {
	struct vnc *vnc;		  /* [I] */
	pthread_t thread;		  /* [I] */
	pthread_mutex_t awake;		  /* its thread holds it but while it sleeps */
	_Atomic enum viewer_state state;  /* [a] */
	unsigned long number;		  /* [I] later ones have larger numbers */
	int sock;			  /* [I] stays open until the thread has been joined */
	int wake;			  /* [I] an eventfd */
	int epoll;			  /* [t] of the two */
	bool trusted;			  /* [I] came by vnc_serve(): is not asked for a password */
	rfbScreenInfo *screen;		  /* [t] made once, used by one viewer after the other */
	rfbClientRec *client;		  /* [t] */
	enum vnc_access access;		  /* [t] */
	bool alone;			  /* [t] wants no other viewer beside it */
	struct surface_viewer damage;	  /* [t] but for the surface's part */
	struct input_watcher leds_watch;  /* [t] but for the hub's part */
	rfbExtensionData extension;	  /* [t] */
	uint32_t *picture;		  /* [t] what the library sends from */
	unsigned width, height;		  /* [t] of that */
	unsigned seen_width, seen_height; /* [t] the surface's size, when last looked at */
	uint8_t *wire;			  /* [t] plain.c's, or NULL */
	size_t unsent, unsent_end;	  /* [t] what of that a painter could not send */
	bool dirty;			  /* [t] the surface has news for this viewer */
	bool asked;			  /* [t] for what changes, and the library was not told */
	bool settled;			  /* [t] it has had an update since it changed its wishes */
	uint64_t next_frame;		  /* [t] no update before this time */
	struct typing typing;		  /* [t] */
	bool touched;			  /* [t] it has sent a key or a position */
	int buttons;			  /* [t] the last mask the viewer sent */
	unsigned leds;			  /* [t] as last told */
	bool wants_leds, wants_scancodes; /* [t] */
	bool moves;			  /* [t] tells movements of its pointer, not positions */
	char *clipboard;		  /* [t] UTF-8, or NULL */
	bool pasting;			  /* [t] the key that asked for it is still down */
	unsigned sent;			  /* [t] bytes, as the library counts them: modulo 2^32 */
};

struct vnc {
	struct surface *surface; /* [I] */
	struct input *input;	 /* [I] */
	char *name, *address;	 /* [I] */
	struct vnc_passwords passwords; /* [I] */
	char *path;		 /* [I] of the unix socket, or NULL */
	int sock;		 /* [I] listens; -1: vnc_serve() only */
	int spare;		 /* the listener's: given up to turn a viewer away without one */
	int handed[2];		 /* [I] a pipe of sockets, from vnc_serve() to the listener */
	int wake;		 /* [I] an eventfd */
	atomic_bool stopping;	 /* [a] */
	atomic_ullong wakeups, updates, bytes; /* [a] for vnc_read_stats() */
	atomic_uint wrong;	 /* [a] passwords, since the start */
	atomic_ullong tell_due;	 /* [a] no line in the log about them before this time */
	pthread_t thread;	 /* [I] */
	pthread_mutex_t places;	 /* who takes, gives back or ends a place, holds it */
	unsigned long viewer_count; /* [under places] ever */
	struct vnc_viewer viewers[VNC_VIEWERS];
};

/* vnc.c */
void vnc_be_alone(struct vnc_viewer *v); /* ends all others */

/* listen.c: a listening socket. *address is what to type, *path a socket file to remove. */
int vnc_listen(const char *where, char **address, char **path, char **why);
/* 0 if only this host's users can reach the place; -EACCES or what is wrong with it. */
int vnc_check_local(const char *where, char **why);

/* auth.c. 0 or -errno, with one sentence in *why */
struct vnc_options;
int vnc_passwords(struct vnc_passwords *p, const struct vnc_options *opt, char **why);
int vnc_challenge(uint8_t challenge[VNC_CHALLENGE]);
enum vnc_access vnc_judge(const struct vnc_passwords *p, const uint8_t *challenge,
			  const uint8_t *answer);
void vnc_punish(struct vnc_viewer *v); /* its answer was wrong: logs, waits */

/* handshake.c: up to and without ServerInit. 0 or -errno. The socket does not block. */
int vnc_handshake(struct vnc_viewer *v);
/* All n bytes before the time (CLOCK_MONOTONIC, ns). 0 or -errno; -EPIPE: the viewer has left. */
int vnc_send(int sock, const void *buf, size_t n, uint64_t deadline);
uint64_t vnc_now(void);

/* viewer.c */
void *vnc_viewer_run(void *viewer); /* the thread of a viewer that has just connected */

/* library.c: what the library is told and when. 0 or -errno. */
int vnc_screen_create(struct vnc_viewer *v); /* before there is any viewer's thread */
void vnc_screen_destroy(struct vnc_viewer *v);
int vnc_screen_resize(struct vnc_viewer *v, unsigned width, unsigned height); /* black */
int vnc_client_adopt(struct vnc_viewer *v);   /* after the handshake */
int vnc_client_message(struct vnc_viewer *v); /* its socket is readable; not 0: it is gone */
void vnc_client_drop(struct vnc_viewer *v);

/* plain.c: updates past the library. They begin with a request that it does not get to see. */
bool vnc_plain_request(struct vnc_viewer *v, const void *message, size_t n); /* true: was one */
void vnc_plain_hand_over(struct vnc_viewer *v); /* the request, to the library */
bool vnc_plain_is_enough(const struct vnc_viewer *v);
int vnc_plain_send(struct vnc_viewer *v, pixman_region32_t *damage); /* -errno: it is gone */
/* Does not wait, for damage of VNC_LITTLE pixels. False: something is left for the thread. */
bool vnc_plain_send_little(struct vnc_viewer *v, pixman_region32_t *damage);
int vnc_plain_finish(struct vnc_viewer *v); /* sends what is left, before anything else */

/* input.c */
void vnc_input_hooks(struct vnc_viewer *v); /* of its screen */
void vnc_input_begin(struct vnc_viewer *v); /* of its client */
void vnc_input_end(struct vnc_viewer *v);
void vnc_input_tell_leds(struct vnc_viewer *v);

/* paste.c */
int vnc_paste_message(struct vnc_viewer *v); /* ClientCutText; not 0: the viewer is gone */
bool vnc_paste_key(struct vnc_viewer *v, unsigned qnum, bool down); /* true: it was for us */
void vnc_paste_forget(struct vnc_viewer *v);

#endif
