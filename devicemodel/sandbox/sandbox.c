// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entering the sandbox, narrowing it thread by thread, and what happens when a call is made that
 * the program never makes by itself.
 *
 * State: one for the process, since that is what a sandbox is of; a signal handler needs none.
 * Missing: own user, mount, PID, IPC and network namespaces; Landlock.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "backend/terminal.h"
#include "dm/log.h"
#include "sandbox_priv.h"

enum { EXIT_INTERNAL = 4, LINE_LEN = 256 };

static struct filter role_filter[SANDBOX_ROLES]; /* immutable once entered */
static atomic_bool entered;
static _Thread_local bool narrowed;

/* --- a call that was refused ----------------------------------------------------------------- */

static const char *call_name(int nr)
{
	for (size_t i = 0; i < n_hostile_calls; i++)
		if (hostile_calls[i].nr == nr)
			return hostile_calls[i].name;
	return nr == SYS_tgkill ? "tgkill" : "unknown";
}

/* In a signal handler: nothing but copying, and system calls that are allowed. */
static void on_refusal(int sig, siginfo_t *info, void *context)
{
	const char *part[] = { "caisson: the sandbox refused the system call ",
			       call_name(info->si_syscall),
			       ", which this program never makes: somebody may have taken it over, "
			       "so it ends here; treat the guest as hostile\n" };
	char line[LINE_LEN];
	size_t n = 0;

	for (unsigned i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
		size_t len = strlen(part[i]);

		if (len > sizeof(line) - n)
			len = sizeof(line) - n;
		memcpy(line + n, part[i], len);
		n += len;
	}
	terminal_restore();
	if (write(STDERR_FILENO, line, n) < 0)
		_exit(EXIT_INTERNAL); /* it is said to nobody */
	_exit(EXIT_INTERNAL);
}

static int handle_refusals(void)
{
	struct sigaction sa = { .sa_sigaction = on_refusal, .sa_flags = SA_SIGINFO };

	return sigaction(SIGSYS, &sa, NULL) ? -errno : 0;
}

/* --- entering -------------------------------------------------------------------------------- */

/* What libraries look up when it is first wanted. */
static void open_the_rest(void)
{
	tzset();
}

static int build_role_filters(void)
{
	int err = 0;

	for (unsigned r = 0; r < SANDBOX_ROLES && !err; r++)
		err = filter_build(&role_filter[r], 1u << r);
	return err;
}

static int load_filters(char **why)
{
	struct filter all = { 0 };
	int err = handle_refusals();

	if (!err)
		err = build_role_filters();
	if (!err)
		err = filter_build(&all, MAY_ALL);
	if (!err)
		err = filter_load(&all, true);
	free(all.code);
	if (err)
		*why = sentence("The kernel does not take the filter for system calls (%s): "
				"--sandbox off does without, for debugging.", strerror(-err));
	return err;
}

int sandbox_enter(const char *user, char **why)
{
	int err;

	open_the_rest();
	/* Namespaces come before privileges go, Landlock after them: neither is there yet. */
	err = privileges_drop(user, why);
	if (!err)
		err = load_filters(why);
	if (!err)
		atomic_store(&entered, true);
	return err;
}

bool sandbox_entered(void)
{
	return atomic_load(&entered);
}

/* --- narrowing ------------------------------------------------------------------------------- */

/* Workers block every signal, and this one kills without a word when it is blocked. */
static void hear_refusals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void sandbox_narrow(enum sandbox_role role)
{
	int err;

	if (narrowed || !sandbox_entered())
		return;
	narrowed = true;
	hear_refusals();
	err = privileges_drop_capabilities();
	if (!err)
		err = filter_load(&role_filter[role], false);
	if (!err)
		return;
	log_line(LOG_ERROR, "A thread could not enter its sandbox (%s), so the guest ends.",
		 strerror(-err));
	_exit(EXIT_INTERNAL);
}
