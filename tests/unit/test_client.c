/* SPDX-License-Identifier: GPL-2.0-only */
/* Tests of the verbs that talk to guests, against a real server, and of the run directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control_server.h"

/* --- verbs ----------------------------------------------------------------------------------- */

struct outcome {
	int status;
	char out[4096], err[4096];
};

static void slurp(FILE *f, char *text, size_t size)
{
	size_t n;

	rewind(f);
	n = fread(text, 1, size - 1, f);
	text[n] = 0;
	fclose(f);
}

/* Runs a verb with standard output and error caught. */
static struct outcome verb(const char *a, const char *b, const char *c)
{
	char *argv[] = { (char *)a, (char *)b, (char *)c, NULL };
	int argc = 0, out = dup(1), err = dup(2);
	FILE *fo = tmpfile(), *fe = tmpfile();
	struct outcome o = { 0 };

	while (argv[argc])
		argc++;
	fflush(stdout);
	dup2(fileno(fo), 1);
	dup2(fileno(fe), 2);
	o.status = client_main(argc, argv);
	fflush(stdout);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	slurp(fo, o.out, sizeof(o.out));
	slurp(fe, o.err, sizeof(o.err));
	return o;
}

static void test_list(void **state)
{
	struct outcome o;
	char *row;

	leave_stale_files();
	o = verb("list", NULL, NULL);
	assert_int_equal(o.status, 0);
	row = strstr(o.out, "web");
	assert_non_null(row);
	assert_non_null(strstr(row, "running"));
	assert_non_null(strstr(row, "512M"));
	assert_non_null(strstr(row, "127.0.0.1:5907"));
	assert_true(strtol(row + 3, NULL, 10) == getpid());
	assert_null(strstr(o.out, "dead"));
	assert_false(exists("dead.sock") || exists("dead.lock"));
}

static void test_verbs(void **state)
{
	struct outcome o = verb("stop", "web", NULL);

	assert_int_equal(o.status, 0);
	assert_non_null(strstr(o.out, "power off"));
	assert_int_equal(verb("reset", "web", NULL).status, 0);
	o = verb("pause", "web", NULL);
	assert_int_equal(o.status, 2);
	assert_string_equal(o.err, "caisson: The guest is paused already.\n");
	o = verb("resume", "web", NULL);
	assert_int_equal(o.status, 2);
	assert_string_equal(o.err, "caisson: web: Operation not permitted.\n");
	o = verb("stop", "other", NULL);
	assert_int_equal(o.status, 1);
	assert_non_null(strstr(o.err, "other"));
	assert_int_equal(verb("stop", "../web", NULL).status, 1);
	assert_int_equal(verb("stop", NULL, NULL).status, 1);
	assert_int_equal(verb("list", "web", NULL).status, 1);
	o = verb("frobnicate", NULL, NULL);
	assert_int_equal(o.status, 1);
	assert_non_null(strstr(o.err, "frobnicate"));
	assert_int_equal(verb(NULL, NULL, NULL).status, 1);
	o = verb("version", NULL, NULL);
	assert_int_equal(o.status, 0);
	assert_non_null(strstr(o.out, CAISSON_VERSION));
	o = verb("help", NULL, NULL);
	assert_int_equal(o.status, 0);
	assert_non_null(strstr(o.out, "screenshot NAME FILE.png"));
	assert_int_equal(verb("stop", "--help", NULL).status, 0);
	assert_int_equal(read_count(&server.stops), 1);
}

static void test_screenshot_verb(void **state)
{
	char path[128], got[16] = "";
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/x.png", folder);
	assert_int_equal(verb("screenshot", "web", path).status, 0);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0 && !fstat(fd, &st));
	assert_int_equal(read(fd, got, sizeof(got)), 7);
	close(fd);
	/* an older picture stays when there is no newer one */
	assert_int_equal(verb("screenshot", "other", path).status, 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 7);
	unlink(path);
	assert_int_equal(verb("screenshot", "web", "/dev/null").status, 1);
	assert_int_equal(verb("screenshot", "web", folder).status, 1);
	assert_int_equal(verb("screenshot", "web", "/nowhere/x.png").status, 1);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
}

/* A guest of its own process, which takes a moment to end. */
static pid_t start_guest(void)
{
	struct server s = { 0 };
	char *why = NULL;
	pid_t child = fork();

	if (child)
		return child;
	machine_init(&s.m, loop_host_now, loop_rearm, &s.m);
	s.loop = loop_create(&s.m);
	s.control = control_start(&s.m, "guest", &ops, &s, &why);
	if (!s.control)
		_exit(1);
	loop_run(s.loop);
	control_stop(s.control);
	usleep(50000);
	_exit(0);
}

static void test_kill_verb(void **state)
{
	pid_t child = start_guest();
	int status;

	for (unsigned i = 0; i < 500 && !exists("guest.sock"); i++)
		usleep(10000);
	assert_true(exists("guest.sock"));
	usleep(10000); /* from bind to listen */
	assert_int_equal(verb("kill", "guest", NULL).status, 0);
	/* the verb waited: the child has ended already */
	assert_int_equal(waitpid(child, &status, WNOHANG), child);
	assert_int_equal(status, 0);
	assert_false(exists("guest.sock") || exists("guest.lock"));
	assert_int_equal(verb("kill", "guest", NULL).status, 1);
}

/* --- the run directory ----------------------------------------------------------------------- */

static void test_rundir_mode(void **state)
{
	char path[128], *opened = NULL, *why = NULL;
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/caisson", folder);
	assert_int_equal(chmod(path, 0755), 0);
	fd = rundir_open(&opened, &why);
	assert_true(fd >= 0);
	assert_string_equal(opened, path);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	free(opened);
	close(fd);
}

static void test_rundir_is_no_link(void **state)
{
	char path[192], link[160], *opened = NULL, *why = NULL;

	snprintf(link, sizeof(link), "%s/caisson/elsewhere", folder);
	assert_int_equal(mkdir(link, 0700), 0);
	snprintf(path, sizeof(path), "%s/caisson", link);
	assert_int_equal(symlink("/tmp", path), 0);
	setenv("XDG_RUNTIME_DIR", link, 1);
	assert_true(rundir_open(&opened, &why) < 0);
	assert_non_null(why);
	free(why);
	free(opened);
	setenv("XDG_RUNTIME_DIR", folder, 1);
	unlink(path);
	rmdir(link);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(test_list),	SERVED(test_verbs),	  SERVED(test_screenshot_verb),
		SERVED(test_kill_verb), SERVED(test_rundir_mode), SERVED(test_rundir_is_no_link),
	};

	return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
