// SPDX-License-Identifier: GPL-2.0-only
/* Tests of the sandbox's threads and privileges: who is in it, what each role keeps, who it is. */
#include "sandboxed.h"

#include <dirent.h>
#include <linux/kvm.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* --- one thread of each kind ----------------------------------------------------------------- */

struct worker {
	enum sandbox_role role;
	bool blocks_signals;
	void (*work)(struct worker *w);
	int wake; /* an eventfd: the thread is older than the sandbox, and works when told to */
	int file, socket;
	pthread_t thread;
};

static void *worker_run(void *arg)
{
	struct worker *w = arg;
	eventfd_t n;

	must(!eventfd_read(w->wake, &n));
	sandbox_narrow(w->role);
	w->work(w);
	return NULL;
}

static void start(struct worker *w)
{
	int ends[2];
	sigset_t all, old;

	w->wake = eventfd(0, EFD_CLOEXEC);
	w->file = memfd_create("file", MFD_CLOEXEC);
	must(w->wake >= 0 && w->file >= 0);
	must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends));
	w->socket = ends[0];
	sigfillset(&all);
	if (w->blocks_signals)
		pthread_sigmask(SIG_SETMASK, &all, &old);
	must(!pthread_create(&w->thread, NULL, worker_run, w));
	if (w->blocks_signals)
		pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void finish(struct worker *w)
{
	must(!eventfd_write(w->wake, 1) && !pthread_join(w->thread, NULL));
}

static bool is_refused(long result)
{
	return result == -1 && errno == ENOSYS;
}

static void *nothing(void *arg)
{
	return arg;
}

static bool can_make_threads(void)
{
	pthread_t t;

	return !pthread_create(&t, NULL, nothing, NULL) && !pthread_join(t, NULL);
}

static bool can_use_files(struct worker *w)
{
	char c = 'x';

	return pwrite(w->file, &c, 1, 0) == 1 && pread(w->file, &c, 1, 0) == 1 &&
	       !fdatasync(w->file);
}

static bool can_use_sockets(struct worker *w)
{
	char c;
	struct pollfd p = { .fd = w->socket, .events = POLLIN };

	return recv(w->socket, &c, 1, 0) == -1 && errno == EAGAIN && !poll(&p, 1, 0);
}

/* What every device may do, whoever runs its code. */
static void do_device_work(void)
{
	void *p = malloc(1 << 20);
	eventfd_t n = 1;

	must(p);
	free(p);
	must(write(STDERR_FILENO, "", 0) == 0);
	must(!is_refused(ioctl(-1, KVM_SIGNAL_MSI, &n)) && errno == EBADF);
	must(!is_refused(ioctl(-1, KVM_SET_USER_MEMORY_REGION, &n)) && errno == EBADF);
	must(!pthread_kill(pthread_self(), 0));
}

static void vcpu_work(struct worker *w)
{
	do_device_work();
	must(ioctl(-1, KVM_RUN, 0) == -1 && errno == EBADF);
	must(is_refused(pread(w->file, &errno, 1, 0)));
	must(is_refused(pwrite(w->file, "x", 1, 0)));
	must(is_refused(accept4(w->socket, NULL, NULL, 0)));
	must(is_refused(recv(w->socket, &errno, 1, 0)));
	must(is_refused(ioctl(-1, KVM_SET_MSRS, 0)));
	must(is_refused(syscall(SYS_capset, NULL, NULL)));
	must(!can_make_threads());
}

static void block_work(struct worker *w)
{
	do_device_work();
	must(can_use_files(w));
	must(is_refused(ioctl(-1, KVM_RUN, 0)));
	must(is_refused(recv(w->socket, &errno, 1, 0)));
	must(is_refused(accept4(w->socket, NULL, NULL, 0)));
	must(!can_make_threads());
}

static void vnc_work(struct worker *w)
{
	do_device_work();
	must(can_use_sockets(w));
	must(can_make_threads());
	must(is_refused(ioctl(-1, KVM_RUN, 0)));
	must(is_refused(pread(w->file, &errno, 1, 0)));
	must(is_refused(pwrite(w->file, "x", 1, 0)));
	must(is_refused(recvmsg(w->socket, NULL, 0))); /* no descriptors from viewers */
}

static void web_work(struct worker *w)
{
	do_device_work();
	must(can_use_sockets(w));
	must(!can_make_threads()); /* viewers' threads are the VNC server's */
	must(is_refused(ioctl(-1, KVM_RUN, 0)));
	must(is_refused(pread(w->file, &errno, 1, 0)));
	must(is_refused(recvmsg(w->socket, NULL, 0)));
}

static void sdl_work(struct worker *w)
{
	struct pollfd p = { .fd = w->socket };

	do_device_work();
	must(poll(&p, 1, 0) >= 0);
	must(!is_refused(recv(w->socket, &errno, 1, MSG_DONTWAIT)));
	must(!is_refused(send(w->socket, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT)));
	must(is_refused(accept4(w->socket, NULL, NULL, 0)));
	must(is_refused(recvmsg(w->socket, NULL, 0)));
	must(is_refused(ioctl(-1, KVM_RUN, 0)));
	must(is_refused(pread(w->file, &errno, 1, 0)));
	must(!can_make_threads());
}

static void one_of_each(const void *arg)
{
	struct worker w[] = {
		{ .role = SANDBOX_VCPU, .work = vcpu_work },
		{ .role = SANDBOX_BLOCK, .work = block_work, .blocks_signals = true },
		{ .role = SANDBOX_VNC, .work = vnc_work },
		{ .role = SANDBOX_WEB, .work = web_work },
		{ .role = SANDBOX_SDL, .work = sdl_work, .blocks_signals = true },
	};

	for (size_t i = 0; i < sizeof(w) / sizeof(w[0]); i++)
		start(&w[i]);
	enter_or_end();
	for (size_t i = 0; i < sizeof(w) / sizeof(w[0]); i++)
		finish(&w[i]);
	/* the event loop has all of it still */
	must(can_use_files(&w[0]) && can_use_sockets(&w[0]) && can_make_threads());
}

static void roles_keep_what_they_need(void **state)
{
	expect_good(one_of_each);
}

static void *inherit(void *arg)
{
	must(is_refused(pread(((struct worker *)arg)->file, &errno, 1, 0)));
	return NULL;
}

static void make_viewer(struct worker *w)
{
	pthread_t t;

	must(!pthread_create(&t, NULL, inherit, w) && !pthread_join(t, NULL));
}

static void listener_with_viewer(const void *arg)
{
	struct worker w = { .role = SANDBOX_VNC, .work = make_viewer };

	start(&w);
	enter_or_end();
	finish(&w);
}

static void threads_of_a_thread_are_as_narrow(void **state)
{
	expect_good(listener_with_viewer);
}

/* --- hostile calls of other threads than the first ------------------------------------------- */

static void open_file(struct worker *w)
{
	open("/etc/passwd", O_RDONLY);
	_exit(NOT_REFUSED);
}

static void attack_from(const void *arg)
{
	struct worker w = *(const struct worker *)arg;

	start(&w);
	enter_or_end();
	finish(&w);
}

static void every_thread_is_in_it(void **state)
{
	for (unsigned role = 0; role < SANDBOX_ROLES; role++) {
		struct worker w = { .role = role, .work = open_file,
				    .blocks_signals = role == SANDBOX_BLOCK ||
						      role == SANDBOX_SDL };
		struct outcome o = in_child(attack_from, &w);

		expect_status(&o, ENDED);
		assert_non_null(strstr(o.said, "openat"));
	}
}

static void *attack_at_once(void *arg)
{
	eventfd_t n;

	must(!eventfd_read(*(int *)arg, &n));
	syscall(SYS_execve, "/bin/true", NULL, NULL);
	_exit(NOT_REFUSED);
	return NULL;
}

/* Before it has narrowed anything. */
static void attack_from_old_thread(const void *arg)
{
	int wake = eventfd(0, EFD_CLOEXEC);
	pthread_t t;

	must(!pthread_create(&t, NULL, attack_at_once, &wake));
	enter_or_end();
	must(!eventfd_write(wake, 1));
	pthread_join(t, NULL);
}

static void threads_from_before_are_in_it(void **state)
{
	struct outcome o = in_child(attack_from_old_thread, NULL);

	expect_status(&o, ENDED);
	assert_non_null(strstr(o.said, "execve"));
}

/* Outside the sandbox there is nothing to narrow: unit tests and --sandbox off. */
static void narrow_outside(const void *arg)
{
	int fd;

	sandbox_narrow(SANDBOX_VCPU);
	fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	must(fd >= 0 && !sandbox_entered());
	enter_or_end();
	must(sandbox_entered());
	sandbox_narrow(SANDBOX_VCPU); /* counts now */
	must(is_refused(pread(fd, &errno, 1, 0)));
}

static void without_a_sandbox_nothing_is_narrowed(void **state)
{
	expect_good(narrow_outside);
}

/* --- who it is ------------------------------------------------------------------------------- */

static void wait_inside(const void *arg)
{
	struct worker w = { .role = SANDBOX_BLOCK, .work = vcpu_work };

	start(&w);
	enter_or_end();
	must(write(STDERR_FILENO, "in", 2) == 2);
	poll(NULL, 0, -1);
}

/* A line of a file of that thread, behind its key. */
static void read_line(char *value, size_t len, pid_t pid, const char *task, const char *key)
{
	char path[600], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)pid, task);
	f = fopen(path, "re");
	assert_non_null(f);
	value[0] = 0;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			snprintf(value, len, "%s", line + strlen(key) + 1);
	fclose(f);
}

static void check_thread(pid_t pid, const char *task)
{
	static const char *const wanted[][2] = {
		{ "Seccomp:", "2" }, { "NoNewPrivs:", "1" }, { "CapEff:", "0000000000000000" },
		{ "CapPrm:", "0000000000000000" },
	};
	char value[256];

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		read_line(value, sizeof(value), pid, task, wanted[i][0]);
		if (strncmp(value, wanted[i][1], strlen(wanted[i][1])))
			fail_msg("%s %s", wanted[i][0], value);
	}
	read_line(value, sizeof(value), pid, task, "Uid:");
	assert_true(strtol(value, NULL, 10) > 0);
	read_line(value, sizeof(value), pid, task, "Groups:");
	if (geteuid() == 0)
		assert_int_equal(strspn(value, " \n"), strlen(value));
}

static unsigned check_threads(pid_t pid)
{
	char path[64];
	struct dirent *e;
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		check_thread(pid, e->d_name);
		n++;
	}
	closedir(d);
	return n;
}

static void check_limits(pid_t pid)
{
	char path[64], line[256];
	long core = -1, files = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "Max core file size %*s %ld", &core);
		sscanf(line, "Max open files %*s %ld", &files);
	}
	fclose(f);
	assert_int_equal(core, 0);
	assert_in_range(files, 1, 320);
}

static void no_thread_has_privileges(void **state)
{
	char in[2];
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		dup2(ends[1], STDERR_FILENO);
		alarm(60);
		wait_inside(NULL);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], in, 2), 2);
	assert_int_equal(strncmp(in, "in", 2), 0);
	assert_true(check_threads(pid) >= 2);
	check_limits(pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ends[0]);
}

static void refuse_user(const void *name)
{
	char *why = NULL;

	must(sandbox_enter(name, &why) && why && strstr(why, name) && strstr(why, "--user"));
	must(!sandbox_entered());
	free(why);
}

static void unfit_users_are_refused(void **state)
{
	struct outcome o = in_child(refuse_user, "no-such-user-here");

	expect_status(&o, GOOD);
	o = in_child(refuse_user, "root");
	expect_status(&o, GOOD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roles_keep_what_they_need),
		cmocka_unit_test(threads_of_a_thread_are_as_narrow),
		cmocka_unit_test(every_thread_is_in_it),
		cmocka_unit_test(threads_from_before_are_in_it),
		cmocka_unit_test(without_a_sandbox_nothing_is_narrowed),
		cmocka_unit_test(no_thread_has_privileges),
		cmocka_unit_test(unfit_users_are_refused),
	};

	return cmocka_run_group_tests_name("sandbox_roles", tests, NULL, NULL);
}
