// SPDX-License-Identifier: GPL-2.0-only
/* Tests of what is left in the run directory when a guest's process ends, whichever way. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/control.h"
#include "control/janitor.h"

static char folder[64];

static char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int listen_at(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* What a guest has open, in the process that is to have a janitor. */
static void become_guest(const char *name, struct janitor *j)
{
	char *path = NULL, *why = NULL, vnc[80], control[96];
	pid_t holder;
	int dir;

	snprintf(vnc, sizeof(vnc), "unix:%s", path_of("vnc"));
	assert_int_equal(janitor_start(j, name, vnc), 0);
	dir = rundir_open(&path, &why);
	assert_true(rundir_lock(dir, name, &holder) >= 0);
	snprintf(control, sizeof(control), "caisson/%s.sock", name);
	listen_at(path_of(control));
	listen_at(path_of("vnc"));
	free(path);
}

static bool is_there(const char *name)
{
	struct stat st;

	return !lstat(path_of(name), &st);
}

static bool wait_until_gone(const char *name)
{
	for (unsigned i = 0; i < 1000 && is_there(name); i++)
		usleep(10000);
	return !is_there(name);
}

/* A child that is a guest; ready when it has said so. *ready is closed by the child's end. */
static pid_t start_guest(bool ends_itself)
{
	struct janitor j;
	int ends[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		become_guest("web", &j);
		assert_int_equal(write(ends[1], "x", 1), 1);
		if (ends_itself) {
			janitor_finish(&j);
			_exit(0);
		}
		pause();
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &c, 1), 1);
	close(ends[0]);
	return pid;
}

static void expect_nothing_left(void)
{
	assert_true(wait_until_gone("caisson/web.sock"));
	assert_true(wait_until_gone("caisson/web.lock"));
	assert_true(wait_until_gone("vnc"));
}

static void a_killed_guest_leaves_nothing(void **state)
{
	pid_t pid = start_guest(false);

	assert_true(is_there("caisson/web.sock"));
	assert_true(is_there("vnc"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	expect_nothing_left();
}

/* The guest is still there, and has its lock, when the janitor is told to finish. */
static void finishing_waits_and_leaves_what_is_in_use(void **state)
{
	pid_t pid = start_guest(true);
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(is_there("caisson/web.lock"));
	unlink(path_of("caisson/web.sock"));
	unlink(path_of("caisson/web.lock"));
	unlink(path_of("vnc"));
}

/* One that failed to start because its name or address is another's. */
static void others_keep_theirs(void **state)
{
	pid_t pid = start_guest(false);
	struct janitor j;
	char vnc[80];

	snprintf(vnc, sizeof(vnc), "unix:%s", path_of("vnc"));
	assert_int_equal(janitor_start(&j, "web", vnc), 0);
	janitor_finish(&j);
	assert_true(is_there("caisson/web.sock"));
	assert_true(is_there("caisson/web.lock"));
	assert_true(is_there("vnc"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	expect_nothing_left();
}

/* Whoever reads the guest's output until its end does not wait for anybody else. */
static void the_janitor_holds_no_output(void **state)
{
	int ends[2], status;
	struct janitor j;
	pid_t pid;
	char c;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[1]);
		close(ends[0]);
		assert_int_equal(janitor_start(&j, "web", NULL), 0);
		close(STDOUT_FILENO);
		pause();
	}
	close(ends[1]);
	alarm(30);
	assert_int_equal(read(ends[0], &c, 1), 0);
	alarm(0);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(ends[0]);
}

static int make_folder(void **state)
{
	strcpy(folder, "/tmp/janitor-XXXXXX");
	return !mkdtemp(folder) || setenv("XDG_RUNTIME_DIR", folder, 1);
}

static int remove_folder(void **state)
{
	return rmdir(path_of("caisson")) || rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_killed_guest_leaves_nothing),
		cmocka_unit_test(finishing_waits_and_leaves_what_is_in_use),
		cmocka_unit_test(others_keep_theirs),
		cmocka_unit_test(the_janitor_holds_no_output),
	};

	return cmocka_run_group_tests_name("janitor", tests, make_folder, remove_folder);
}
