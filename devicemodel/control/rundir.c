// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run directory: where the sockets of running guests are, and who owns which name. A name is
 * owned by whoever holds the lock on NAME.lock; the kernel lets go of it when a process ends,
 * however it ends, so that what a crashed guest left behind is recognised and replaced.
 */
#include "control/control.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "dm/log.h"

enum { FILE_NAME_LEN = 96, LOCK_TRIES = 16 };

static char *choose_path(void)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");

	if (xdg && xdg[0] == '/')
		return sentence("%s/caisson", xdg);
	if (geteuid() == 0)
		return strdup("/run/caisson");
	return sentence("/tmp/caisson-%u", (unsigned)geteuid());
}

/* Ours alone: in /tmp anyone could have made it first. */
static int check_owner(int dir)
{
	struct stat st;

	if (fstat(dir, &st))
		return -errno;
	if (st.st_uid != geteuid())
		return -EPERM;
	if ((st.st_mode & 0777) != 0700 && fchmod(dir, 0700))
		return -errno;
	return 0;
}

int rundir_open(char **path, char **why)
{
	int dir, err;

	*path = choose_path();
	if (!*path)
		return -ENOMEM;
	if (mkdir(*path, 0700) && errno != EEXIST) {
		err = -errno;
		*why = sentence("%s cannot be made: %s; set XDG_RUNTIME_DIR to a folder of yours.",
				*path, strerror(-err));
		return err;
	}
	dir = open(*path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	err = dir < 0 ? -errno : check_owner(dir);
	if (!err)
		return dir;
	if (dir >= 0)
		close(dir);
	*why = err == -EPERM ? sentence("%s belongs to another user; remove it, or set "
					"XDG_RUNTIME_DIR to a folder of yours.",
					*path)
			     : sentence("%s cannot be used: %s; set XDG_RUNTIME_DIR to a folder of "
					"yours.",
					*path, strerror(-err));
	return err;
}

static pid_t read_pid(int fd)
{
	char text[24] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	return n > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

pid_t rundir_holder(int dir, const char *name)
{
	char file[FILE_NAME_LEN];
	pid_t pid;
	int fd;

	snprintf(file, sizeof(file), "%s.lock", name);
	fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return 0;
	pid = read_pid(fd);
	close(fd);
	return pid;
}

/* The file may have been removed, by its last owner, between open and lock. */
static bool is_same_file(int dir, const char *file, int fd)
{
	struct stat a, b;

	return !fstat(fd, &a) && !fstatat(dir, file, &b, AT_SYMLINK_NOFOLLOW) &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int try_lock(int dir, const char *file, pid_t *holder)
{
	int fd = openat(dir, file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600), err;

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		err = -errno;
		*holder = read_pid(fd);
	} else {
		err = is_same_file(dir, file, fd) ? 0 : -ESTALE;
	}
	if (!err)
		return fd;
	close(fd);
	return err;
}

int rundir_lock(int dir, const char *name, pid_t *holder)
{
	char file[FILE_NAME_LEN], pid[24];
	int fd = -ESTALE, n;

	*holder = 0;
	snprintf(file, sizeof(file), "%s.lock", name);
	for (unsigned i = 0; i < LOCK_TRIES && fd == -ESTALE; i++)
		fd = try_lock(dir, file, holder);
	if (fd < 0)
		return fd;
	n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) || pwrite(fd, pid, (size_t)n, 0) != n) {
		n = -errno;
		rundir_unlock(dir, name, fd);
		return n;
	}
	return fd;
}

void rundir_unlock(int dir, const char *name, int lock)
{
	char file[FILE_NAME_LEN];

	/* In a sandbox this may fail; the next who wants the name cleans up then. */
	snprintf(file, sizeof(file), "%s.sock", name);
	unlinkat(dir, file, 0);
	snprintf(file, sizeof(file), "%s.lock", name);
	unlinkat(dir, file, 0);
	close(lock);
}

static bool is_lock_of(int dir, const char *file, char *name, int pid)
{
	size_t n = strlen(file);

	if (n <= 5 || n - 5 > CONFIG_NAME_MAX || strcmp(file + n - 5, ".lock"))
		return false;
	memcpy(name, file, n - 5);
	name[n - 5] = 0;
	return rundir_holder(dir, name) == pid;
}

char *rundir_guest_of(int pid)
{
	char *path = choose_path(), name[CONFIG_NAME_MAX + 1];
	DIR *d = path ? opendir(path) : NULL;
	struct dirent *e;
	bool found = false;

	free(path);
	if (!d)
		return NULL;
	while (!found && (e = readdir(d)))
		found = is_lock_of(dirfd(d), e->d_name, name, pid);
	closedir(d);
	return found ? strdup(name) : NULL;
}
