/* SPDX-License-Identifier: GPL-2.0-only */
/* TCP sockets that viewers and browsers come to. Nothing here says a word to users. */
#ifndef UI_SOCKET_H
#define UI_SOCKET_H

#include <netdb.h>
#include <stdbool.h>
#include <sys/socket.h>

struct place {
	char host[256]; /* without brackets; of ":PORT", 127.0.0.1 */
	char port[8];
};

/* ADDR:PORT or [ADDR]:PORT; false for anything else. */
bool place_split(struct place *p, const char *where);
/* As getaddrinfo(), which see for the errors; *at is for freeaddrinfo(). */
int place_find(const struct place *p, struct addrinfo **at);

bool socket_is_loopback(const struct sockaddr *at);
/* A socket that listens and does not block, or -errno. *port: the one that was really bound. */
int socket_listen(const struct addrinfo *at, unsigned *port);
/*
 * A connection that waits, which does not block; -1: none. *spare is a descriptor that is given up
 * where there are no others, to turn the connection away: one that is never taken would wake its
 * thread for ever. It may be -1.
 */
int socket_accept(int listener, int *spare);

#endif
