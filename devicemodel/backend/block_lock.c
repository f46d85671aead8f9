/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Image locks, and finding out who holds one.
 *
 * Locks belong to the open file, not to the process: no other descriptor of ours drops them by
 * being closed. Such locks name no owner, so on a conflict /proc is searched for the process that
 * has the image open with a lock on it. Reference: fcntl(2), "Open file description locks";
 * proc(5), "/proc/pid/fdinfo".
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block_priv.h"
#include "dm/log.h"

enum { NAME_LEN = 64, PATH_LEN = 320, COMMAND_LEN = 4096 };

struct holder {
	pid_t pid; /* 0: not found */
	char command[NAME_LEN];
	char guest[NAME_LEN]; /* "": unknown */
};

/* Whether descriptor n of the process has a lock; each shows as a line of its fdinfo. */
static bool has_lock(pid_t pid, const char *n)
{
	char path[PATH_LEN], line[256];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", pid, n);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = !strncmp(line, "lock:", 5);
	fclose(f);
	return found;
}

static bool is_image(pid_t pid, const char *n, const struct stat *image)
{
	char path[PATH_LEN];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, n);
	return !stat(path, &st) && st.st_dev == image->st_dev && st.st_ino == image->st_ino &&
	       st.st_rdev == image->st_rdev;
}

static bool holds(pid_t pid, const struct stat *image)
{
	char path[PATH_LEN];
	struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	if (!d)
		return false;
	while (!found && (e = readdir(d)))
		found = is_image(pid, e->d_name, image) && has_lock(pid, e->d_name);
	closedir(d);
	return found;
}

/* The value of --name among the process's arguments. */
static void find_guest_name(struct holder *h)
{
	char path[PATH_LEN], args[COMMAND_LEN + 1];
	const char *p = args;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", h->pid);
	f = fopen(path, "re");
	if (!f)
		return;
	n = fread(args, 1, COMMAND_LEN, f);
	fclose(f);
	args[n] = 0;
	for (; p < args + n; p += strlen(p) + 1) {
		const char *value = NULL;

		if (!strncmp(p, "--name=", 7))
			value = p + 7;
		else if (!strcmp(p, "--name") && p + 7 < args + n)
			value = p + 7;
		if (value)
			snprintf(h->guest, sizeof(h->guest), "%.*s", NAME_LEN - 1, value);
	}
}

static void find_command(struct holder *h)
{
	char path[PATH_LEN];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", h->pid);
	f = fopen(path, "re");
	if (f && fgets(h->command, sizeof(h->command), f))
		h->command[strcspn(h->command, "\n")] = 0;
	if (f)
		fclose(f);
}

static void find_holder(int fd, struct holder *h)
{
	struct stat image;
	struct dirent *e;
	DIR *d;

	*h = (struct holder){ .command = "unknown" };
	d = opendir("/proc");
	if (!d)
		return;
	while (!h->pid && !fstat(fd, &image) && (e = readdir(d))) {
		pid_t pid = atoi(e->d_name);

		if (pid > 0 && holds(pid, &image))
			h->pid = pid;
	}
	closedir(d);
	if (h->pid) {
		find_command(h);
		find_guest_name(h);
	}
}

static char *conflict(int fd, const char *path, bool exclusive)
{
	const char *advice = exclusive ? "stop it first, or give this guest a copy of the image" :
					 "stop it first";
	struct holder h;

	find_holder(fd, &h);
	if (h.pid == getpid())
		return sentence("%s is given to this guest twice; leave one of them out, or give "
				"both read-only.", path);
	if (!h.pid)
		return sentence("%s is in use by another process; %s.", path, advice);
	if (!h.guest[0])
		return sentence("%s is in use by process %d (%s); %s.", path, h.pid, h.command,
				advice);
	return sentence("%s is in use by process %d (%s), guest %s; %s.", path, h.pid, h.command,
			h.guest, advice);
}

int block_lock(int fd, bool exclusive, const char *path, char **why)
{
	struct flock lock = { .l_type = exclusive ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET };

	if (!fcntl(fd, F_OFD_SETLK, &lock))
		return 0;
	if (errno != EAGAIN && errno != EACCES) {
		log_line(LOG_WARN, "%s cannot be locked (%s): do not give it to two guests.",
			 path, strerror(errno));
		return 0;
	}
	*why = conflict(fd, path, exclusive);
	return -EBUSY;
}
