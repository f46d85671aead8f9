/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the client share: one request and its answer, and the verbs with arguments. */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct json_object;

enum { STATUS_OK = 0, STATUS_USAGE = 1, STATUS_HOST = 2 };

/* Prints the sentence and gives the status; takes over why, which may be NULL: out of memory. */
int client_fail(int status, char *why);

/* --- connect.c ------------------------------------------------------------------------------- */

struct rundir {
	int fd;
	char *path;
};

int client_open_rundir(struct rundir *dir);
void client_close_rundir(struct rundir *dir);

/* A connected socket, or -errno. patience: seconds to wait for each answer; 0: for ever. */
int client_connect(const struct rundir *dir, const char *name, unsigned patience);
/* The answer of a connected guest, or NULL. Takes the request over. passed: or -1. */
struct json_object *client_exchange(int fd, struct json_object *request, int passed);

enum { PATIENCE = 10 };

/* One request to one guest. */
struct call {
	const char *name;
	struct json_object *request; /* client_call() takes it over */
	int passed;		     /* a descriptor to go with it, or -1 */
	unsigned patience;

	struct json_object *answer; /* on success; to be put */
	pid_t pid;		    /* of the guest's process, as this one sees it; 0: unknown */
};

/* {"request": request} */
struct json_object *client_request(const char *request);
/* The exit status, after printing what went wrong. */
int client_call(struct call *c);
/* The same for a request without more, of whose answer only the success counts. */
int client_ask(const char *name, const char *request);

const char *client_text(struct json_object *o, const char *key, const char *otherwise);
int64_t client_number(struct json_object *o, const char *key);

/* --- the verbs ------------------------------------------------------------------------------- */

/* What stands behind a verb. Options that it does not have are refused before. */
struct arguments {
	int n;
	char **text;
	bool as_text, json, force;
	const char *drive;
};

int verb_screenshot(const struct arguments *a); /* picture.c */
int verb_console(const struct arguments *a);	/* console.c */
int verb_stats(const struct arguments *a);	/* figures.c */

/* input.c */
int verb_type(const struct arguments *a);
int verb_key(const struct arguments *a);
int verb_mouse(const struct arguments *a);

#endif
