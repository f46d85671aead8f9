// SPDX-License-Identifier: GPL-2.0-only
/* Tests of the verbs that talk to guests, against a real server, and of the run directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <png.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "control_server.h"

/* --- verbs ----------------------------------------------------------------------------------- */

struct outcome {
	int status;
	char out[8192], err[4096];
};

static void slurp(FILE *f, char *text, size_t size)
{
	size_t n;

	rewind(f);
	n = fread(text, 1, size - 1, f);
	text[n] = 0;
	fclose(f);
}

/* Runs a verb with standard output, which goes to fo, and error caught. */
static struct outcome verb_to(FILE *fo, char **argv)
{
	int argc = 0, out = dup(1), err = dup(2);
	FILE *fe = tmpfile();
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

static struct outcome verb_of(char **argv)
{
	return verb_to(tmpfile(), argv);
}

static struct outcome verb(const char *a, const char *b, const char *c)
{
	char *argv[] = { (char *)a, (char *)b, (char *)c, NULL };

	return verb_of(argv);
}

#define VERB(...) verb_of((char *[]){ __VA_ARGS__, NULL })

/* What the server was asked for last. */
static void check_noted(const char *request, bool with_file)
{
	char noted[sizeof(server.noted)];
	bool file;

	machine_lock(&server.m);
	memcpy(noted, server.noted, sizeof(noted));
	file = server.noted_fd;
	machine_unlock(&server.m);
	assert_string_equal(noted, request);
	assert_int_equal(file, with_file);
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
	assert_non_null(strstr(o.out, "screenshot NAME FILE.png | NAME --text"));
	assert_int_equal(verb("stop", "--help", NULL).status, 0);
	assert_int_equal(read_count(&server.stops), 1);
}

static void check_picture(const char *path)
{
	png_image image = { .version = PNG_IMAGE_VERSION };
	uint8_t rgb[6];

	assert_true(png_image_begin_read_from_file(&image, path));
	assert_int_equal(image.width, 2);
	assert_int_equal(image.height, 1);
	image.format = PNG_FORMAT_RGB;
	assert_true(png_image_finish_read(&image, NULL, rgb, 0, NULL));
	assert_memory_equal(rgb, "\x11\x22\x33\xff\xee\xdd", 6);
}

static void test_screenshot_verb(void **state)
{
	char path[128];
	struct outcome o;
	struct stat st;

	snprintf(path, sizeof(path), "%s/x.png", folder);
	assert_int_equal(verb("screenshot", "web", path).status, 0);
	check_picture(path);
	/* an older picture stays when there is no newer one */
	assert_int_equal(verb("screenshot", "other", path).status, 1);
	check_picture(path);
	unlink(path);
	assert_int_equal(verb("screenshot", "web", "/dev/null").status, 1);
	assert_int_equal(verb("screenshot", "web", folder).status, 1);
	assert_int_equal(verb("screenshot", "web", "/nowhere/x.png").status, 1);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	assert_int_equal(verb("screenshot", "web", NULL).status, 1);
	assert_int_equal(VERB("screenshot", "web", "--text", path).status, 1);
	o = verb("screenshot", "--text", "web");
	assert_int_equal(o.status, 0);
	assert_string_equal(o.out, "one\n\xe2\x94\x82\n");
}

static void test_input_verbs(void **state)
{
	struct outcome o;

	assert_int_equal(verb("type", "web", "ls -l\n").status, 0);
	check_noted("{\"request\":\"type\",\"text\":\"ls -l\\n\"}", false);
	assert_int_equal(VERB("type", "web", "--", "--help").status, 0);
	check_noted("{\"request\":\"type\",\"text\":\"--help\"}", false);
	o = verb("type", "web", "gr\xc3\xbc\xc3\x9f");
	assert_int_equal(o.status, 1);
	assert_non_null(strstr(o.err, "types '\xc3\xbc'"));
	assert_int_equal(verb("type", "web", "\xff").status, 1);
	assert_int_equal(VERB("key", "web", "Ctrl+Alt+Delete", "F12").status, 0);
	check_noted("{\"request\":\"key\",\"keys\":[\"Ctrl+Alt+Delete\",\"F12\"]}", false);
	o = verb("key", "web", "Ctrl+Hurz");
	assert_int_equal(o.status, 1);
	assert_non_null(strstr(o.err, "'Hurz'"));
	assert_int_equal(VERB("mouse", "web", "move", "-5", "7").status, 0);
	check_noted("{\"request\":\"mouse\",\"dx\":-5,\"dy\":7}", false);
	assert_int_equal(VERB("mouse", "web", "wheel", "-2").status, 0);
	check_noted("{\"request\":\"mouse\",\"wheel\":-2}", false);
	assert_int_equal(VERB("mouse", "web", "click", "right").status, 0);
	check_noted("{\"request\":\"mouse\",\"click\":\"right\"}", false);
	assert_int_equal(VERB("mouse", "web", "click", "middling").status, 1);
	assert_int_equal(VERB("mouse", "web", "move", "5").status, 1);
	assert_int_equal(VERB("mouse", "web", "move", "5", "99999999999").status, 1);
	assert_int_equal(VERB("mouse", "web", "jump", "5").status, 1);
	assert_int_equal(read_count(&server.notes), 6);
}

/* A text longer than a request goes in pieces. */
static void test_type_from_input(void **state)
{
	enum { LEN = 20000 };
	int in = dup(0), file;
	char path[128], *text = malloc(LEN);

	snprintf(path, sizeof(path), "%s/text", folder);
	file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	memset(text, 'x', LEN);
	assert_int_equal(write(file, text, LEN), LEN);
	lseek(file, 0, SEEK_SET);
	dup2(file, 0);
	clearerr(stdin);
	assert_int_equal(verb("type", "web", "-").status, 0);
	dup2(in, 0);
	close(in);
	close(file);
	unlink(path);
	free(text);
	assert_int_equal(read_count(&server.notes), 3);
}

static void test_cd_verb(void **state)
{
	char path[128], expected[256];
	int file;

	snprintf(path, sizeof(path), "%s/disc.iso", folder);
	assert_int_equal(VERB("cd", "web", "insert", path).status, 1);
	file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(VERB("cd", "web", "insert", path).status, 1); /* empty */
	assert_int_equal(ftruncate(file, 4096), 0);
	assert_int_equal(VERB("cd", "web", "insert", path).status, 0);
	snprintf(expected, sizeof(expected),
		 "{\"request\":\"insert\",\"path\":\"%s\",\"force\":false}", path);
	check_noted(expected, true);
	assert_int_equal(VERB("cd", "web", "eject", "--drive", "hdb", "--force").status, 0);
	check_noted("{\"request\":\"eject\",\"drive\":\"hdb\",\"force\":true}", false);
	assert_int_equal(VERB("cd", "--drive=hdc", "web", "eject").status, 0);
	check_noted("{\"request\":\"eject\",\"drive\":\"hdc\",\"force\":false}", false);
	assert_int_equal(VERB("cd", "web", "insert").status, 1);
	assert_int_equal(VERB("cd", "web", "insert", folder).status, 1);
	assert_int_equal(VERB("cd", "web", "eject", "--text").status, 1);
	close(file);
	unlink(path);
}

/* --- the console ----------------------------------------------------------------------------- */

/* The guest's end of a terminal, and the verb in a child of its own. */
struct line {
	int guest, keep;
	char name[64];
	int in, out; /* the verb's */
	pid_t verb;
};

static void start_line(struct line *l)
{
	struct termios t;

	l->guest = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(l->guest >= 0 && !grantpt(l->guest) && !unlockpt(l->guest));
	assert_int_equal(ptsname_r(l->guest, l->name, sizeof(l->name)), 0);
	l->keep = open(l->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	tcgetattr(l->keep, &t);
	cfmakeraw(&t);
	tcsetattr(l->keep, TCSANOW, &t);
	machine_lock(&server.m);
	server.serial = l->name;
	machine_unlock(&server.m);
}

/* The child is this process again: what the verb needs of it is no thread. */
static void start_console(struct line *l)
{
	int in[2], out[2];

	assert_true(!pipe(in) && !pipe(out));
	l->verb = fork();
	if (!l->verb) {
		char *argv[] = { (char *)"console", (char *)"web", NULL };

		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(l->guest); /* else it would be this process that keeps the line up */
		_exit(client_main(2, argv));
	}
	close(in[0]);
	close(out[1]);
	l->in = in[1];
	l->out = out[0];
}

static void expect_bytes(int fd, const char *text)
{
	char got[64] = "";
	size_t n = 0, len = strlen(text);

	while (n < len) {
		ssize_t piece = read(fd, got + n, len - n);

		assert_true(piece > 0);
		n += (size_t)piece;
	}
	assert_string_equal(got, text);
}

static int end_console(struct line *l)
{
	int status;

	assert_int_equal(waitpid(l->verb, &status, 0), l->verb);
	close(l->in);
	close(l->out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_console_verb(void **state)
{
	struct line l;
	struct outcome o = verb("console", "web", NULL);

	assert_int_equal(o.status, 2);
	assert_non_null(strstr(o.err, "--serial pty"));
	start_line(&l);
	start_console(&l);
	assert_int_equal(write(l.in, "ls\r", 3), 3);
	expect_bytes(l.guest, "ls\r");
	assert_int_equal(write(l.guest, "a b\r\n", 5), 5);
	expect_bytes(l.out, "a b\r\n");
	o = verb("console", "web", NULL);
	assert_int_equal(o.status, 2);
	assert_non_null(strstr(o.err, "already"));
	assert_int_equal(write(l.in, "x\035y", 3), 3); /* nothing behind Ctrl-] counts */
	expect_bytes(l.guest, "x");
	assert_int_equal(end_console(&l), 0);
	/* the guest goes away: so does the console */
	start_console(&l);
	assert_int_equal(write(l.guest, "bye", 3), 3);
	expect_bytes(l.out, "bye");
	close(l.guest);
	assert_int_equal(end_console(&l), 0);
	close(l.keep);
}

static void test_stats_verb(void **state)
{
	struct outcome o = verb("stats", "web", NULL);
	struct json_object *json, *v;

	assert_int_equal(o.status, 0);
	assert_non_null(strstr(o.out, "web: up for 1:02:03, guest time 1.5 s"));
	assert_non_null(strstr(o.out, "4711"));
	assert_non_null(strstr(o.out, "event loop: wakeups 12"));
	assert_non_null(strstr(o.out, "for: control 7\n"));
	assert_non_null(strstr(o.out, "display: tracking idle, faults 0\n"));
	assert_non_null(strstr(o.out, "test_client")); /* a thread of this process */
	o = verb("stats", "--json", "web");
	assert_int_equal(o.status, 0);
	json = json_tokener_parse(o.out);
	assert_true(json_object_object_get_ex(json, "threads", &v));
	assert_true(json_object_array_length(v) >= 2);
	assert_true(json_object_object_get_ex(json, "memory", &v));
	assert_true(json_object_object_get_ex(v, "beside_bytes", &v));
	assert_true(json_object_get_int64(v) > 0);
	assert_false(json_object_object_get_ex(json, "ok", &v));
	json_object_put(json);
}

static void test_full_output(void **state)
{
	char *full[] = { (char *)"stats", (char *)"web", NULL };
	struct outcome o = verb_to(fopen("/dev/full", "re+"), full);

	assert_int_equal(o.status, 2);
	assert_string_equal(o.err, "caisson: Standard output cannot be written: No space left on "
				   "device.\n");
	o = verb("screenshot", "web", "/dev/full");
	assert_int_equal(o.status, 1);
	assert_non_null(strstr(o.err, "/dev/full cannot be written: it is no file; "));
	assert_int_equal(verb("list", NULL, NULL).status, 0);
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
	s.control = control_start(&s.m, "guest", verbs_served, &s, &why);
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
		SERVED(test_input_verbs), SERVED(test_type_from_input), SERVED(test_cd_verb),
		SERVED(test_console_verb),
		SERVED(test_stats_verb), SERVED(test_full_output), SERVED(test_kill_verb),
		SERVED(test_rundir_mode), SERVED(test_rundir_is_no_link),
	};

	return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
