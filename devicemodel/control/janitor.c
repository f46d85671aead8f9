// SPDX-License-Identifier: GPL-2.0-only
/* The janitor's process. It reads nothing but the end of a pipe. */
#include "control/janitor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/control.h"
#include "ui/vnc.h"

/* Whoever reads the guest's output or waits for its terminal does not wait for the janitor. */
static void let_go_of_output(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			close(fd);
}

static void wait_for_end(int alive)
{
	char none;

	while (read(alive, &none, 1) < 0 && errno == EINTR)
		;
}

/* Another guest may have the name by now: then it also has the lock, and has replaced the rest. */
static void tidy(const char *name, const char *vnc)
{
	char *path = NULL, *why = NULL;
	int dir = rundir_open(&path, &why), lock = -1;
	pid_t holder;

	if (dir >= 0)
		lock = rundir_lock(dir, name, &holder);
	if (lock >= 0)
		rundir_unlock(dir, name, lock);
	if (vnc)
		vnc_remove_stale(vnc);
}

static void janitor_run(int alive, const char *name, const char *vnc)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL); /* Ctrl-C is for the guest */
	prctl(PR_SET_NAME, "caisson-janitor");
	let_go_of_output();
	wait_for_end(alive);
	tidy(name, vnc);
	_exit(EXIT_SUCCESS);
}

int janitor_start(struct janitor *j, const char *name, const char *vnc)
{
	int ends[2], err = 0;

	*j = (struct janitor){ .alive = -1 };
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	j->pid = fork();
	if (j->pid < 0)
		err = -errno;
	if (!j->pid) {
		close(ends[1]);
		janitor_run(ends[0], name, vnc);
	}
	close(ends[0]);
	if (!err)
		j->alive = ends[1];
	else
		close(ends[1]);
	return err;
}

void janitor_finish(struct janitor *j)
{
	if (j->alive < 0)
		return;
	close(j->alive);
	j->alive = -1;
	waitpid(j->pid, NULL, 0);
}
