// SPDX-License-Identifier: GPL-2.0-only
/* The VNC server: who may do what. Where it listens, passwords, several viewers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "vnc_host.h"

#include <fcntl.h>
#include <rfb/rfb.h>
#include <sys/stat.h>

/* --- addresses --- */

/* Others than this host's users reach these, or may. */
static void test_addresses_for_others(void **state)
{
	static const char *const open_to_others[] = {"0.0.0.0:5900", "[::]:5900", "203.0.113.7:0",
						     "[::ffff:203.0.113.7]:0", "[2001:db8::1]:1"};
	static const char *const local[] = {"127.0.0.1:0", "127.9.8.7:0", "localhost:0", "[::1]:0",
					    "[::ffff:127.0.0.1]:0", ":0", "unix:/some/where"};
	unsigned i;
	char *why = NULL;

	(void)state;
	for (i = 0; i < sizeof(open_to_others) / sizeof(open_to_others[0]); i++) {
		struct vnc_options opt = {.address = open_to_others[i]};

		assert_int_equal(vnc_check(&opt, &why), -EACCES);
		assert_non_null(strstr(why, open_to_others[i]));
		assert_non_null(strstr(why, "--vnc-password-file"));
		free(why);
		opt.password = "x";
		assert_int_equal(vnc_check(&opt, &why), 0);
	}
	for (i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
		struct vnc_options opt = {.address = local[i]};

		assert_int_equal(vnc_check(&opt, &why), 0);
	}
}

/* The server itself holds to that, too. */
static void test_start_for_others(void **state)
{
	struct host *h = *state;
	struct vnc_options opt = {.address = "0.0.0.0:0", .name = "x"};
	struct vnc *vnc = NULL;
	char *why = NULL;

	assert_int_equal(vnc_start(&vnc, &opt, h->s, h->in, &why), -EACCES);
	assert_null(vnc);
	assert_non_null(why);
	free(why);
}

static void assert_refused(struct host *h, const char *address, int err, const char *says)
{
	struct vnc_options opt = {.address = address, .name = "x", .password = "secret"};
	struct vnc *vnc = NULL;
	char *why = NULL;

	assert_int_equal(vnc_start(&vnc, &opt, h->s, h->in, &why), err);
	assert_non_null(why);
	assert_non_null(strstr(why, says));
	assert_non_null(strstr(why, "--vnc"));
	free(why);
}

static void test_addresses(void **state)
{
	struct host *h = *state;
	char long_path[200] = "unix:/";

	memset(long_path + 6, 'x', 150);
	assert_refused(h, h->address, -EADDRINUSE, strchr(h->address, ':') + 1);
	assert_refused(h, "nonsense", -EINVAL, "nonsense");
	assert_refused(h, "", -EINVAL, "''");
	assert_refused(h, "127.0.0.1:65536", -EINVAL, "65536");
	assert_refused(h, "127.0.0.1:-1", -EINVAL, "-1");
	assert_refused(h, "127.0.0.1:", -EINVAL, "127.0.0.1:");
	assert_refused(h, "203.0.113.7:0", -EADDRNOTAVAIL, "203.0.113.7");
	assert_refused(h, "unix:", -EINVAL, "unix:PATH");
	assert_refused(h, long_path, -EINVAL, "xxx");
	assert_refused(h, "unix:/nowhere/at/all", -ENOENT, "/nowhere/at/all");
}

static void test_unix_socket(void **state)
{
	struct host *h = *state;
	char folder[] = "/tmp/test_vnc.XXXXXX", path[64], address[80];
	struct stat st;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/vnc", folder);
	snprintf(address, sizeof(address), "unix:%s", path);
	vnc_stop(h->vnc);
	serve(h, address);
	assert_string_equal(h->address, address);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_alive(h);
	assert_refused(h, address, -EADDRINUSE, path);
	vnc_stop(h->vnc);
	assert_int_not_equal(stat(path, &st), 0);

	assert_int_equal(mknod(path, S_IFSOCK | 0600, 0), 0); /* as a process that died leaves it */
	serve(h, address);
	assert_alive(h);
	vnc_stop(h->vnc);
	assert_int_equal(mknod(path, S_IFREG | 0600, 0),
			 0); /* a file of somebody's is not removed */
	assert_refused(h, address, -EADDRINUSE, path);
	assert_int_equal(stat(path, &st), 0);
	unlink(path);
	rmdir(folder);
	serve(h, "127.0.0.1:0");
}

/* --- files with passwords --- */

struct file {
	char folder[32], path[64];
};

static struct file *make_file(const char *text, size_t n, mode_t mode)
{
	struct file *f = calloc(1, sizeof(*f));
	int fd;

	strcpy(f->folder, "/tmp/test_vnc.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/password", f->folder);
	fd = open(f->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, text, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	return f;
}

static void remove_file(struct file *f)
{
	unlink(f->path);
	rmdir(f->folder);
	free(f);
}

static void assert_file(const char *text, size_t n, mode_t mode, int err, const char *says)
{
	struct file *f = make_file(text, n, mode);
	struct vnc_options opt = {.address = "127.0.0.1:0", .password_file = f->path};
	char *why = NULL;

	assert_int_equal(vnc_check(&opt, &why), err);
	if (err) {
		assert_non_null(strstr(why, f->path));
		assert_non_null(strstr(why, says));
	}
	free(why);
	remove_file(f);
}

#define TEXT(s) s, sizeof(s) - 1

static void test_password_files(void **state)
{
	static const char from_vncpasswd[] = {0x17, 0x52, 0x6b, 0x06, 0x23, 0x4e, 0x58, 0x07};
	char much[1000];

	(void)state;
	memset(much, 'x', sizeof(much));
	assert_file(TEXT("secret"), 0600, 0, NULL);
	assert_file(TEXT("secret\n"), 0400, 0, NULL);
	assert_file(TEXT("two word\r\n"), 0600, 0, NULL);
	assert_file(TEXT("secret\nlook\n"), 0600, 0, NULL);
	assert_file(TEXT("secret\nlook\nmore\n"), 0600, 0, NULL);
	assert_file(TEXT(""), 0600, -EINVAL, "1 to 8");
	assert_file(TEXT("\nlook\n"), 0600, -EINVAL, "1 to 8");
	assert_file(TEXT("secret\n\n"), 0600, -EINVAL, "1 to 8");
	assert_file(TEXT("ninechars\n"), 0600, -EINVAL, "has 9");
	assert_file(TEXT("secret\nninechars"), 0600, -EINVAL, "has 9");
	assert_file(much, sizeof(much), 0600, -EINVAL, "1 to 8");
	assert_file(from_vncpasswd, sizeof(from_vncpasswd), 0600, -EINVAL, "plain");
	assert_file(TEXT("a\0b\n"), 0600, -EINVAL, "plain");
	assert_file(TEXT("same\nsame\n"), 0600, -EINVAL, "to look");
	assert_file(TEXT("xxxxpppp\n"), 0600, -EINVAL, "key"); /* DES takes this for a weak one */
	assert_file(TEXT("secret\n"), 0640, -EPERM, "chmod 600");
	assert_file(TEXT("secret\n"), 0604, -EPERM, "chmod 600");
	assert_file(TEXT("secret\n"), 0620, -EPERM, "chmod 600");
}

static void test_no_password_file(void **state)
{
	struct vnc_options opt = {.address = "127.0.0.1:0", .password_file = "/nowhere/at/all"};
	char *why = NULL;

	(void)state;
	assert_int_equal(vnc_check(&opt, &why), -ENOENT);
	assert_non_null(strstr(why, "/nowhere/at/all"));
	free(why);
	opt.password_file = "/tmp";
	assert_int_equal(vnc_check(&opt, &why), -EINVAL);
	assert_non_null(strstr(why, "/tmp is not a file"));
	free(why);
}

/* --- passwords --- */

/* What the server says to an answer of this password: 0, passed; 1, failed, and all is read. */
static uint32_t log_in(struct rfb *c, int minor, const char *password)
{
	uint8_t b[16];
	uint32_t result;
	char reason[100];

	if (minor == 3) {
		rfb_receive(c, b, 4);
		assert_int_equal(rfb_get32(b), 2);
	} else {
		rfb_receive(c, b, 2);
		assert_memory_equal(b, "\1\2", 2); /* VNC Authentication is the only choice */
		rfb_send(c, "\2", 1);
	}
	rfb_receive(c, b, sizeof(b));
	if (password)
		rfbEncryptBytes(b, (char *)password);
	rfb_send(c, b, sizeof(b));
	rfb_receive(c, b, 4);
	result = rfb_get32(b);
	if (result && minor == 8) {
		rfb_receive(c, b, 4);
		assert_in_range(rfb_get32(b), 1, sizeof(reason));
		rfb_receive(c, reason, rfb_get32(b));
	}
	return result;
}

static struct rfb *enter(struct host *h, int minor, const char *password)
{
	struct rfb *c = rfb_greet(h->address, minor);

	assert_int_equal(log_in(c, minor, password), 0);
	rfb_init(c, true);
	return c;
}

static void assert_shut(struct host *h, int minor, const char *password)
{
	struct rfb *c = rfb_greet(h->address, minor);

	assert_int_equal(log_in(c, minor, password), 1);
	assert_true(rfb_is_closed(c->sock));
	rfb_close(c);
}

static void serve_password(struct host *h, const char *password)
{
	vnc_stop(h->vnc);
	serve_with(h, "127.0.0.1:0", password);
}

static void test_right_password(void **state)
{
	static const int minors[] = {3, 7, 8};
	struct host *h = *state;
	struct rfb *c;
	unsigned i;

	serve_password(h, "secret");
	for (i = 0; i < 3; i++) {
		c = enter(h, minors[i], "secret");
		rfb_request_all(c, false);
		rfb_update(c);
		rfb_key(c, 'a', true);
		assert_events(h, "+1e ");
		rfb_close(c);
		assert_events(h, "-1e ");
	}
}

static void test_wrong_passwords(void **state)
{
	struct host *h = *state;

	serve_password(h, "secret");
	assert_shut(h, 8, "Secret");
	assert_shut(h, 7, "secre");
	assert_shut(h, 3, "");
	assert_shut(h, 8, NULL); /* the challenge sent back */
	rfb_close(enter(h, 8, "secret"));
}

/* A view-only viewer sees all, and changes nothing, by its coming and going neither. */
static void test_view_only(void **state)
{
	const int32_t encodings[] = {RFB_RAW, RFB_SCANCODES};
	static const uint8_t paste[] = {6, 0, 0, 0, 0, 0, 0, 1, 'x'};
	struct file *f = make_file(TEXT("secret\nlook\n"), 0600);
	struct host *h = *state;
	struct rfb *user, *viewer;

	serve_password(h, f->path);
	remove_file(f);
	user = enter(h, 8, "secret");
	viewer = enter(h, 8, "look");
	rfb_key(user, 'u', true);
	assert_events(h, "+16 ");
	fill(h, 0, 0, 1, 1, 0x1234);
	rfb_encodings(viewer, encodings, 2);
	rfb_update(viewer);
	rfb_key(viewer, 'a', true);
	rfb_scancode(viewer, 'b', 0x30, true);
	rfb_pointer(viewer, 1, 10, 10);
	rfb_pointer(viewer, 0, 20, 20);
	rfb_send(viewer, paste, sizeof(paste));
	rfb_key(viewer, 0xffe3, true);
	rfb_key(viewer, 0xffe9, true);
	rfb_key(viewer, 'v', true);
	rfb_request_all(viewer, false);
	rfb_update(viewer); /* all of it has been heeded now, or not */
	assert_int_equal(viewer->pixels[0], 0x1234);
	rfb_close(viewer);
	assert_watched(h, true);
	rfb_key(user, 'u', false);
	assert_events(h, "-16 ");
	rfb_close(user);
	assert_shut(h, 8, "nothing");
}

/* While wrong answers wait for theirs, others come in. */
static void test_nobody_waits_for_wrong_ones(void **state)
{
	struct host *h = *state;
	struct rfb *wrong[4], *right;
	uint8_t b[18];
	unsigned i;

	serve_password(h, "secret");
	for (i = 0; i < 4; i++) {
		wrong[i] = rfb_greet(h->address, 8);
		rfb_receive(wrong[i], b, 2);
		rfb_send(wrong[i], "\2", 1);
		rfb_receive(wrong[i], b, 16);
		rfb_send(wrong[i], b, 16);
	}
	right = enter(h, 8, "secret");
	rfb_request_all(right, false);
	rfb_update(right);
	for (i = 0; i < 4; i++) {
		assert_true(rfb_is_closed(wrong[i]->sock)); /* in the end, after the answer */
		rfb_close(wrong[i]);
	}
	rfb_close(right);
}

/* A stop does not wait for the end of a penalty, and forgets nobody. */
static void test_stop_in_a_penalty(void **state)
{
	struct host *h = *state;
	struct rfb *c;
	uint8_t b[18];

	serve_password(h, "secret");
	c = rfb_greet(h->address, 8);
	rfb_receive(c, b, 2);
	rfb_send(c, "\2", 1);
	rfb_receive(c, b, 16);
	rfb_send(c, b, 16);
	vnc_stop(h->vnc);
	assert_true(rfb_is_closed(c->sock));
	rfb_close(c);
	serve(h, "127.0.0.1:0");
}

/* --- several viewers --- */

static struct rfb *enter_alone(struct host *h)
{
	struct rfb *c = rfb_greet(h->address, 8);

	rfb_security(c, 8);
	rfb_init(c, false);
	return c;
}

/* Who does not want to share ends the others; whoever comes later is let in beside him. */
static void test_who_does_not_share(void **state)
{
	struct host *h = *state;
	struct rfb *a = rfb_connect(h->address, 8), *b = rfb_connect(h->address, 8), *alone, *late;

	alone = enter_alone(h);
	assert_true(rfb_is_closed(a->sock));
	assert_true(rfb_is_closed(b->sock));
	late = rfb_connect(h->address, 8);
	rfb_request_all(alone, false);
	rfb_update(alone);
	rfb_request_all(late, false);
	rfb_update(late);
	rfb_close(a);
	rfb_close(b);
	rfb_close(alone);
	rfb_close(late);
}

static void test_lookers_share(void **state)
{
	struct file *f = make_file(TEXT("secret\nlook\n"), 0600);
	struct host *h = *state;
	struct rfb *user, *looker;

	serve_password(h, f->path);
	remove_file(f);
	user = enter(h, 8, "secret");
	looker = rfb_greet(h->address, 8);
	assert_int_equal(log_in(looker, 8, "look"), 0);
	rfb_init(looker, false);
	rfb_request_all(looker, false);
	rfb_update(looker);
	rfb_request_all(user, false);
	rfb_update(user);
	rfb_close(user);
	rfb_close(looker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_for_others),
		cmocka_unit_test_setup_teardown(test_start_for_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_socket, setup, teardown),
		cmocka_unit_test(test_password_files),
		cmocka_unit_test(test_no_password_file),
		cmocka_unit_test_setup_teardown(test_right_password, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_passwords, setup, teardown),
		cmocka_unit_test_setup_teardown(test_view_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_waits_for_wrong_ones, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_in_a_penalty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_does_not_share, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lookers_share, setup, teardown),
	};

	return cmocka_run_group_tests_name("vnc_access", tests, NULL, NULL);
}
