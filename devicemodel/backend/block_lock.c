// SPDX-License-Identifier: GPL-2.0-only
/*
 * Image locks, and finding out who holds one.
 *
 * Locks belong to the open file, not to the process: no other descriptor of ours drops them by
 * being closed. Such locks name no owner, so a lock of the older kind, which does, stands beside
 * each as its name plate, far behind any image's end. Where there is no plate (another program's
 * lock), /proc is searched for the process that has the image open with a lock on it.
 * Reference: fcntl(2), "Advisory record locking", "Open file description locks"; proc(5),
 * "/proc/pid/fdinfo".
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
#include "dm/sandbox.h"
#include "dm/sandbox.h"

enum { NAME_LEN = 65, PATH_LEN = 320, COMMAND_LEN = 4096 };
#define PLATE (1ll << 62) /* the byte whose lock names the owner */

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

/* The process that has put up its name plate; 0: none has. */
static pid_t read_plate(int fd)
{
	struct flock plate = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = PLATE,
			       .l_len = 1 };

	if (fcntl(fd, F_GETLK, &plate) || plate.l_type == F_UNLCK || plate.l_pid < 0)
		return 0;
	return plate.l_pid;
}

static pid_t search_processes(int fd)
{
	struct stat image;
	struct dirent *e;
	pid_t found = 0;
	DIR *d = opendir("/proc");

	if (!d)
		return 0;
	while (!found && !fstat(fd, &image) && (e = readdir(d))) {
		pid_t pid = atoi(e->d_name);

		if (pid > 0 && holds(pid, &image))
			found = pid;
	}
	closedir(d);
	return found;
}

/*
 * No lock of this process shows to it as a plate, so that the search finds it. In the sandbox,
 * where a disc may be put in, no file can be opened, and the plate has to do.
 */
static void find_holder(int fd, char *(*guest_of)(int pid), struct holder *h)
{
	char *guest;

	*h = (struct holder){ .command = "" };
	h->pid = read_plate(fd);
	if (sandbox_entered()) /* and nothing can be opened */
		return;
	if (sandbox_entered())
		return;
	if (!h->pid)
		h->pid = search_processes(fd);
	if (!h->pid)
		return;
	find_command(h);
	guest = guest_of ? guest_of(h->pid) : NULL;
	if (guest)
		snprintf(h->guest, sizeof(h->guest), "%.*s", NAME_LEN - 1, guest);
	else
		find_guest_name(h);
	free(guest);
}

static char *conflict(int fd, const char *path, bool exclusive, char *(*guest_of)(int pid))
{
	const char *advice = exclusive ? "stop it first, or give this guest a copy of the image" :
					 "stop it first";
	struct holder h;

	find_holder(fd, guest_of, &h);
	if (h.pid == getpid())
		return sentence("%s is given to this guest twice; leave one of them out, or give "
				"both read-only.", path);
	if (!h.pid)
		return sentence("%s is in use already, by this guest or another process; %s.", path,
				advice);
	if (!h.command[0])
		return sentence("%s is in use by process %d; %s.", path, h.pid, advice);
	if (!h.guest[0])
		return sentence("%s is in use by process %d (%s); %s.", path, h.pid, h.command,
				advice);
	return sentence("%s is in use by process %d (%s), guest %s; %s.", path, h.pid, h.command,
			h.guest, advice);
}

int block_lock(int fd, bool exclusive, const char *path, char *(*guest_of)(int pid), char **why)
{
	struct flock lock = { .l_type = exclusive ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET,
			      .l_len = PLATE };
	struct flock plate = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = PLATE,
			       .l_len = 1 };

	if (!fcntl(fd, F_OFD_SETLK, &lock)) {
		fcntl(fd, F_SETLK, &plate); /* if it fails, the search has to do */
		return 0;
	}
	if (errno != EAGAIN && errno != EACCES) {
		log_line(LOG_WARN, "%s cannot be locked (%s): do not give it to two guests.",
			 path, strerror(errno));
		return 0;
	}
	*why = conflict(fd, path, exclusive, guest_of);
	return -EBUSY;
}
