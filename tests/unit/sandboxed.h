/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests of the sandbox: each runs in a child process that enters it, because there is no way
 * back. The child reports by its exit status, and by what it writes to standard error.
 */
#ifndef TESTS_UNIT_SANDBOXED_H
#define TESTS_UNIT_SANDBOXED_H

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dm/sandbox.h"

enum { GOOD = 0, ENDED = 4, NO_ENTRY = 90, NOT_REFUSED = 91, BAD = 92 };

/* In the child: ends it unless cond. */
#define must(cond) ((cond) ? (void)0 : must_failed(#cond, __LINE__))

static inline void must_failed(const char *what, int line)
{
	char text[160];
	int n = snprintf(text, sizeof(text), "line %d: %s (errno %d)\n", line, what, errno);

	if (write(STDERR_FILENO, text, (size_t)n) < 0)
		_exit(BAD);
	_exit(BAD);
}

struct outcome {
	int status; /* as waitpid() gives it */
	char said[1024];
};

static inline void enter_or_end(void)
{
	char *why = NULL;

	if (!sandbox_enter(NULL, &why))
		return;
	fprintf(stderr, "%s\n", why ? why : "no reason given");
	_exit(NO_ENTRY);
}

/* fn(arg) in a child, which ends well when fn returns. */
static inline struct outcome in_child(void (*fn)(const void *arg), const void *arg)
{
	struct outcome o = { 0 };
	size_t n = 0;
	ssize_t got;
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		signal(SIGALRM, SIG_DFL);
		alarm(60);
		dup2(ends[1], STDERR_FILENO);
		fn(arg);
		_exit(GOOD);
	}
	close(ends[1]);
	while ((got = read(ends[0], o.said + n, sizeof(o.said) - 1 - n)) > 0)
		n += (size_t)got;
	close(ends[0]);
	assert_int_equal(waitpid(pid, &o.status, 0), pid);
	return o;
}

static inline void expect_status(const struct outcome *o, int status)
{
	if (!WIFEXITED(o->status) || WEXITSTATUS(o->status) != status)
		fail_msg("status 0x%x, not exit %d; it said: %s", o->status, status, o->said);
}

/* fn does its work inside the sandbox. */
static inline void expect_good(void (*fn)(const void *arg))
{
	struct outcome o = in_child(fn, NULL);

	expect_status(&o, GOOD);
}

#endif
