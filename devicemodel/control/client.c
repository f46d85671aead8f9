/* SPDX-License-Identifier: GPL-2.0-only */
/* The verbs that talk to running guests: one connection, one request, one answer each. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/config.h"
#include "control/control.h"
#include "dm/log.h"

enum { STATUS_OK = 0, STATUS_USAGE = 1, STATUS_HOST = 2 };
enum { ANSWER_SECONDS = 10, ANSWER_LEN = 64 << 10 };

/* Prints the sentence and gives the status; takes over why. */
static int fail(int status, char *why)
{
	fprintf(stderr, "caisson: %s\n", why ? why : "Out of memory.");
	free(why);
	return status;
}

/* --- one request ----------------------------------------------------------------------------- */

struct rundir {
	int fd;
	char *path;
};

/* A connected socket, or -errno. */
static int connect_guest(const struct rundir *dir, const char *name)
{
	struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, err;

	if (snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%s.sock", dir->path, name) >=
	    (int)sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* Request names need no escaping. passed: a descriptor to go with it, or -1. 0 or -errno. */
static int send_request(int fd, const char *request, int passed)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "{\"request\":\"%s\"}\n", request);
	struct iovec v = { line, (size_t)len };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	if (passed >= 0) {
		control.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
						  .cmsg_level = SOL_SOCKET,
						  .cmsg_type = SCM_RIGHTS };
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &passed, sizeof(int));
	}
	return sendmsg(fd, &m, MSG_NOSIGNAL) == len ? 0 : -EPIPE;
}

/* The object that one line holds; NULL when none came in time. */
static struct json_object *read_answer(int fd)
{
	struct json_object *answer = NULL;
	char *text = malloc(ANSWER_LEN), *nl = NULL;
	size_t len = 0;

	while (text && !nl && len < ANSWER_LEN) {
		ssize_t n = recv(fd, text + len, ANSWER_LEN - len, 0);

		if (n <= 0)
			break;
		nl = memchr(text + len, '\n', (size_t)n);
		len += (size_t)n;
	}
	if (nl) {
		*nl = 0;
		answer = json_tokener_parse(text);
	}
	free(text);
	if (json_object_is_type(answer, json_type_object))
		return answer;
	json_object_put(answer);
	return NULL;
}

static const char *text_of(struct json_object *o, const char *key, const char *otherwise)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) ? json_object_get_string(v) : otherwise;
}

static int64_t number_of(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) ? json_object_get_int64(v) : 0;
}

/* STATUS_OK, or the failure's status after printing a sentence. */
static int check_answer(struct json_object *answer, const char *name, pid_t pid)
{
	struct json_object *ok;

	if (!answer)
		return fail(STATUS_HOST, sentence("%s does not answer; if this lasts, end it with "
						  "'kill -9 %ld'.",
						  name, (long)pid));
	if (json_object_object_get_ex(answer, "ok", &ok) && json_object_get_boolean(ok))
		return STATUS_OK;
	return fail(STATUS_HOST, sentence("%s", text_of(answer, "error", "The guest refused.")));
}

/* Something that becomes readable when the process at the other end is gone, or -1. */
static int open_process(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return -1;
	return pidfd_open(cred.pid, 0);
}

/* So that whoever starts the guest again finds its images free. */
static int wait_for_end(int process, const char *name)
{
	struct pollfd p = { .fd = process, .events = POLLIN };

	if (process < 0 || poll(&p, 1, ANSWER_SECONDS * 1000) > 0)
		return STATUS_OK;
	return fail(STATUS_HOST, sentence("%s was told to end, but has not done so yet.", name));
}

static int open_rundir(struct rundir *dir)
{
	char *why = NULL;

	dir->fd = rundir_open(&dir->path, &why);
	return dir->fd < 0 ? fail(STATUS_HOST, why) : STATUS_OK;
}

static void close_rundir(struct rundir *dir)
{
	if (dir->fd >= 0)
		close(dir->fd);
	free(dir->path);
}

static int ask_in(const struct rundir *dir, const char *name, const char *request, int passed)
{
	int fd = connect_guest(dir, name), process, status;
	struct json_object *answer = NULL;

	if (fd == -ENOENT || fd == -ECONNREFUSED)
		return fail(STATUS_USAGE,
			    sentence("No guest named %s is running; 'caisson list' shows "
				     "those that are.",
				     name));
	if (fd < 0)
		return fail(STATUS_HOST, sentence("%s/%s.sock cannot be reached: %s.", dir->path,
						  name, strerror(-fd)));
	process = open_process(fd);
	if (!send_request(fd, request, passed))
		answer = read_answer(fd);
	status = check_answer(answer, name, rundir_holder(dir->fd, name));
	if (status == STATUS_OK && !strcmp(request, "kill"))
		status = wait_for_end(process, name);
	json_object_put(answer);
	if (process >= 0)
		close(process);
	close(fd);
	return status;
}

/* Sends a request to a guest and prints what goes wrong. The exit status. */
static int ask(const char *name, const char *request, int passed)
{
	struct rundir dir;
	int status = open_rundir(&dir);

	if (status == STATUS_OK)
		status = ask_in(&dir, name, request, passed);
	close_rundir(&dir);
	return status;
}

/* --- list ------------------------------------------------------------------------------------ */

static void print_row(const char *name, pid_t pid, struct json_object *o)
{
	char memory[24] = "-", cpus[16] = "-";

	if (o) {
		snprintf(memory, sizeof(memory), "%lldM",
			 (long long)(number_of(o, "memory") / (int64_t)CONFIG_MIB));
		snprintf(cpus, sizeof(cpus), "%d", (int)number_of(o, "cpus"));
	}
	printf("%-20s %8ld  %-8s %8s %4s  %s\n", name, (long)pid,
	       o ? text_of(o, "state", "-") : "silent", memory, cpus,
	       o ? text_of(o, "vnc", "-") : "-");
}

/* Nobody listens: when nobody owns the name either, the guest died and its files can go. */
static void remove_stale(const struct rundir *dir, const char *name)
{
	pid_t holder;
	int lock = rundir_lock(dir->fd, name, &holder);

	if (lock >= 0)
		rundir_unlock(dir->fd, name, lock);
}

static void list_guest(const struct rundir *dir, const char *name)
{
	struct json_object *answer = NULL;
	int fd = connect_guest(dir, name);

	if (fd == -ECONNREFUSED) {
		remove_stale(dir, name);
		return;
	}
	if (fd == -ENOENT) /* it has ended in this moment */
		return;
	if (fd >= 0 && !send_request(fd, "status", -1))
		answer = read_answer(fd);
	print_row(name, rundir_holder(dir->fd, name), answer);
	json_object_put(answer);
	if (fd >= 0)
		close(fd);
}

/* Those that are sockets by their name. */
static int is_socket(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 5 && n - 5 <= CONFIG_NAME_MAX && !strcmp(e->d_name + n - 5, ".sock");
}

static int verb_list(char **argv)
{
	struct dirent **entries = NULL;
	struct rundir dir;
	int status = open_rundir(&dir), n = 0;

	if (status == STATUS_OK) {
		n = scandir(dir.path, &entries, is_socket, alphasort);
		printf("%-20s %8s  %-8s %8s %4s  %s\n", "NAME", "PID", "STATE", "MEMORY", "CPUS",
		       "VNC");
	}
	for (int i = 0; i < n; i++) {
		char *name = entries[i]->d_name;

		name[strlen(name) - 5] = 0;
		if (config_name_ok(name))
			list_guest(&dir, name);
		free(entries[i]);
	}
	free(entries);
	close_rundir(&dir);
	return status;
}

/* --- screenshot ------------------------------------------------------------------------------ */

/*
 * The picture goes to a new file beside the one that is asked for, and takes its place when it is
 * complete. Devices and the like are not replaced.
 */
static int open_beside(const char *file, char **beside)
{
	mode_t mask = umask(0);
	struct stat st;
	int fd;

	umask(mask);
	if (!stat(file, &st) && !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EEXIST;
	*beside = sentence("%s.XXXXXX", file);
	if (!*beside)
		return -ENOMEM;
	fd = mkostemp(*beside, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	fchmod(fd, 0666 & ~mask);
	return fd;
}

static int verb_screenshot(char **argv)
{
	const char *name = argv[0], *file = argv[1];
	char *beside = NULL;
	int fd = open_beside(file, &beside), status;

	if (fd < 0) {
		free(beside);
		return fail(STATUS_USAGE, sentence("%s cannot be written: %s; name another file.",
						   file, strerror(-fd)));
	}
	status = ask(name, "screenshot", fd);
	if (close(fd) && status == STATUS_OK)
		status = fail(STATUS_HOST, sentence("%s: %s.", file, strerror(errno)));
	if (status == STATUS_OK && rename(beside, file))
		status = fail(STATUS_HOST, sentence("%s: %s.", file, strerror(errno)));
	if (status != STATUS_OK)
		unlink(beside);
	free(beside);
	return status;
}

/* --- the other verbs ------------------------------------------------------------------------- */

static int verb_stop(char **argv)
{
	int status = ask(argv[0], "stop", -1);

	if (status == STATUS_OK)
		printf("%s was asked to power off; 'caisson kill %s' ends it without asking.\n",
		       argv[0], argv[0]);
	return status;
}

static int verb_kill(char **argv)
{
	return ask(argv[0], "kill", -1);
}

static int verb_reset(char **argv)
{
	return ask(argv[0], "reset", -1);
}

static int verb_pause(char **argv)
{
	return ask(argv[0], "pause", -1);
}

static int verb_resume(char **argv)
{
	return ask(argv[0], "resume", -1);
}

static int verb_version(char **argv)
{
	puts("caisson " CAISSON_VERSION);
	return STATUS_OK;
}

static int verb_help(char **argv);

struct verb {
	const char *name, *arguments, *help;
	int n; /* arguments */
	int (*run)(char **argv);
};

static const struct verb verbs[] = {
	{ "list", "", "show the guests that run", 0, verb_list },
	{ "stop", " NAME", "press the power button", 1, verb_stop },
	{ "kill", " NAME", "end a guest at once", 1, verb_kill },
	{ "reset", " NAME", "press the reset button", 1, verb_reset },
	{ "pause", " NAME", "make a guest stand still", 1, verb_pause },
	{ "resume", " NAME", "let a paused guest go on", 1, verb_resume },
	{ "screenshot", " NAME FILE.png", "save the picture on the screen", 2, verb_screenshot },
	{ "version", "", "print the version", 0, verb_version },
	{ "help", "", "print this", 0, verb_help },
};

static int verb_help(char **argv)
{
	puts("Usage: caisson VERB [ARGUMENT]...\n"
	     "  run [CONFIG | ISO | IMAGE] [OPTION]...\n"
	     "        start a guest; 'caisson run --help' lists the options");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		printf("  %s%s\n        %s\n", verbs[i].name, verbs[i].arguments, verbs[i].help);
	return STATUS_OK;
}

static const struct verb *find_verb(const char *name)
{
	/* as most programs have them */
	if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		name = "help";
	else if (!strcmp(name, "--version"))
		name = "version";
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (!strcmp(name, verbs[i].name))
			return &verbs[i];
	}
	return NULL;
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--help"))
			return true;
	}
	return false;
}

int client_main(int argc, char **argv)
{
	const struct verb *v;

	if (argc < 1)
		return fail(STATUS_USAGE, sentence("A verb is missing, such as run; 'caisson help' "
						   "lists them."));
	v = find_verb(argv[0]);
	if (!v)
		return fail(STATUS_USAGE,
			    sentence("'%s' is not a verb; 'caisson help' lists them.", argv[0]));
	argc--;
	argv++;
	if (wants_help(argc, argv)) {
		printf("Usage: caisson %s%s\n        %s\n", v->name, v->arguments, v->help);
		return STATUS_OK;
	}
	if (argc != v->n)
		return fail(STATUS_USAGE,
			    sentence("'caisson %s' takes %s; write caisson %s%s.", v->name,
				     v->n == 0	 ? "no argument"
				     : v->n == 1 ? "one argument"
						 : "two arguments",
				     v->name, v->arguments));
	if (v->n && !config_name_ok(argv[0]))
		return fail(STATUS_USAGE,
			    sentence("'%s' cannot be a guest's name; 'caisson list' shows "
				     "those that run.",
				     argv[0]));
	return v->run(argv);
}
