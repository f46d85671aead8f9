// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode for the user's terminal, and its way back however the program ends. A signal handler
 * can only look at file-scope variables, so here they are, set before it is installed.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "backend/terminal.h"

static struct termios saved;
static volatile sig_atomic_t raw_fd = -1;

/*
 * Also called from a signal handler: all of this is allowed there. From the background it would
 * stop the program, and the terminal is then someone else's.
 */
void terminal_restore(void)
{
	int fd = raw_fd, err = errno;

	raw_fd = -1;
	if (fd >= 0 && tcgetpgrp(fd) == getpgrp())
		tcsetattr(fd, TCSANOW, &saved);
	errno = err;
}

static void restore_and_die(int sig)
{
	terminal_restore();
	/* the handler was installed for one shot: now the signal does what it always does */
	raise(sig);
}

/* Only signals that would end the program anyway: whoever handles one restores by exiting. */
static void catch_signals(void)
{
	static const int ends[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGILL, SIGABRT, SIGBUS,
				    SIGFPE, SIGSEGV, SIGSYS };
	struct sigaction now, ours = { .sa_handler = restore_and_die, .sa_flags = SA_RESETHAND };

	for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (!sigaction(ends[i], NULL, &now) && !(now.sa_flags & SA_SIGINFO) &&
		    now.sa_handler == SIG_DFL)
			sigaction(ends[i], &ours, NULL);
}

/* Output processing stays on: the program's own lines go to the same screen. */
int terminal_make_raw(int fd)
{
	struct termios t;

	if (raw_fd >= 0)
		return -EBUSY;
	if (tcgetattr(fd, &saved))
		return -errno;
	t = saved;
	t.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	t.c_lflag &= ~(ECHO | ECHONL | ICANON | IEXTEN | ISIG);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	raw_fd = fd;
	catch_signals();
	atexit(terminal_restore);
	if (tcsetattr(fd, TCSANOW, &t)) {
		raw_fd = -1;
		return -errno;
	}
	return 0;
}
