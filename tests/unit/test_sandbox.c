// SPDX-License-Identifier: GPL-2.0-only
/* Tests of the sandbox as a whole: what ends the process, what is refused, what goes on working. */
#include "sandboxed.h"

#include <linux/kvm.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>

#include "backend/block_priv.h"

#define HIGH_BIT (1l << 32) /* of an argument of which the kernel takes the low half */

/* --- calls that end the process -------------------------------------------------------------- */

struct attempt {
	const char *name; /* of the call, which the sentence names */
	long nr;
	long arg[6];
};

static void attempt_run(const void *arg)
{
	const struct attempt *a = arg;
	long nr = a->nr;

	enter_or_end();
	/* what only the child knows: itself */
	if (nr == SYS_tgkill)
		syscall(nr, getpid() | HIGH_BIT, syscall(SYS_gettid), 0);
	syscall(nr, a->arg[0], a->arg[1], a->arg[2], a->arg[3], a->arg[4], a->arg[5]);
	_exit(NOT_REFUSED);
}

static const char file[] = "/etc/passwd", folder_name[] = "/tmp", program[] = "/bin/true";

#define P(pointer) ((long)(uintptr_t)(pointer))

static const struct attempt attempts[] = {
	{ "execve", SYS_execve, { P(program), 0, 0 } },
	{ "execveat", SYS_execveat, { AT_FDCWD, P(program) } },
	{ "fork", SYS_fork, { 0 } },
	{ "vfork", SYS_vfork, { 0 } },
	{ "clone", SYS_clone, { SIGCHLD } },
	{ "clone", SYS_clone, { CLONE_NEWUSER | SIGCHLD } },
	{ "clone", SYS_clone, { CLONE_VM | CLONE_VFORK | SIGCHLD } },
	{ "ptrace", SYS_ptrace, { PTRACE_TRACEME } },
	{ "process_vm_readv", SYS_process_vm_readv, { 1 } },
	{ "process_vm_writev", SYS_process_vm_writev, { 1 } },
	{ "kill", SYS_kill, { 1, 0 } },
	{ "kill", SYS_kill, { -1, 0 } },
	{ "tkill", SYS_tkill, { 1, 0 } },
	{ "tgkill", SYS_tgkill, { 1, 1, 0 } },
	{ "pidfd_open", SYS_pidfd_open, { 1 } },
	{ "pidfd_send_signal", SYS_pidfd_send_signal, { 0 } },
	{ "open", SYS_open, { P(file), O_RDONLY } },
	{ "openat", SYS_openat, { AT_FDCWD, P(file), O_RDONLY } },
	{ "openat2", SYS_openat2, { AT_FDCWD, P(file) } },
	{ "creat", SYS_creat, { P("/tmp/sandbox-test"), 0600 } },
	{ "open_by_handle_at", SYS_open_by_handle_at, { AT_FDCWD } },
	{ "rename", SYS_rename, { P(file), P(file) } },
	{ "link", SYS_link, { P(file), P(file) } },
	{ "chmod", SYS_chmod, { P(file), 0600 } },
	{ "chown", SYS_chown, { P(file), 0, 0 } },
	{ "mkdir", SYS_mkdir, { P("/tmp/sandbox-test"), 0700 } },
	{ "truncate", SYS_truncate, { P(file), 0 } },
	{ "chroot", SYS_chroot, { P(folder_name) } },
	{ "mount", SYS_mount, { P("none"), P(folder_name), P("tmpfs") } },
	{ "umount2", SYS_umount2, { P(folder_name) } },
	{ "pivot_root", SYS_pivot_root, { P(folder_name), P(folder_name) } },
	{ "unshare", SYS_unshare, { CLONE_NEWUSER } },
	{ "setns", SYS_setns, { 0 } },
	{ "socket", SYS_socket, { AF_INET, SOCK_STREAM } },
	{ "socket", SYS_socket, { AF_UNIX, SOCK_STREAM } },
	{ "socket", SYS_socket, { AF_NETLINK, SOCK_RAW } },
	{ "connect", SYS_connect, { 0 } },
	{ "bind", SYS_bind, { 0 } },
	{ "setuid", SYS_setuid, { 0 } },
	{ "setresuid", SYS_setresuid, { 0, 0, 0 } },
	{ "setgroups", SYS_setgroups, { 0 } },
	{ "bpf", SYS_bpf, { 0 } },
	{ "perf_event_open", SYS_perf_event_open, { 0 } },
	{ "userfaultfd", SYS_userfaultfd, { 0 } },
	{ "io_uring_setup", SYS_io_uring_setup, { 1 } },
	{ "keyctl", SYS_keyctl, { 0 } },
	{ "init_module", SYS_init_module, { 0 } },
	{ "kexec_load", SYS_kexec_load, { 0 } },
	{ "reboot", SYS_reboot, { 0 } },
	{ "iopl", SYS_iopl, { 3 } },
	{ "personality", SYS_personality, { 0x0400000 } },
	{ "mmap", SYS_mmap,
	  { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 } },
	{ "mprotect", SYS_mprotect, { 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC } },
};

static void hostile_calls_end_the_process(void **state)
{
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		struct outcome o = in_child(attempt_run, &attempts[i]);
		char wanted[64];

		snprintf(wanted, sizeof(wanted), "system call %s,", attempts[i].name);
		if (!WIFEXITED(o.status) || WEXITSTATUS(o.status) != ENDED ||
		    !strstr(o.said, wanted))
			fail_msg("%s: status 0x%x; it said: %s", attempts[i].name, o.status,
				 o.said);
		/* one line */
		assert_ptr_equal(strchr(o.said, '\n'), o.said + strlen(o.said) - 1);
	}
}

/* The same numbers mean other calls there. */
static void call_as_32_bit(const void *arg)
{
	long result;

	enter_or_end();
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
	_exit(NOT_REFUSED);
}

static void other_conventions_are_killed(void **state)
{
	struct outcome o = in_child(call_as_32_bit, NULL);

	assert_true(WIFSIGNALED(o.status));
}

/* --- calls that are refused, and the program goes on ----------------------------------------- */

static void refused(long result)
{
	must(result == -1 && errno == ENOSYS);
}

static void try_refused(const void *arg)
{
	struct sigaction sa = { .sa_handler = SIG_IGN };
	struct rlimit limit = { 1024, 1024 };
	char text[64];

	enter_or_end();
	refused(unlink("/tmp/sandbox-test"));
	refused(access(file, R_OK));
	refused(readlink("/proc/self/exe", text, sizeof(text)));
	refused(syscall(SYS_stat, file, text));
	refused(syscall(SYS_newfstatat, AT_FDCWD, file, text, 0));
	refused(syscall(SYS_clone3, text, sizeof(text)));
	refused(syscall(SYS_clone, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, 0, 0, 0, 0));
	refused(syscall(SYS_clone, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_NEWUSER, 0, 0,
			0, 0));
	refused(ioctl(0, KVM_CREATE_VM, 0));
	refused(ioctl(0, KVM_CREATE_VCPU, 0));
	refused(ioctl(0, TIOCSTI, "x"));
	refused(ioctl(0, HIGH_BIT | KVM_RUN, 0));
	refused(fcntl(0, F_SETOWN, 1));
	refused(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	refused(prctl(PR_SET_SECUREBITS, 0, 0, 0, 0));
	refused(setrlimit(RLIMIT_NOFILE, &limit));
	refused(setpriority(PRIO_PROCESS, 1, 0));
	refused(sigaction(SIGSYS, &sa, NULL));
	refused(syscall(SYS_rt_sigaction, HIGH_BIT | SIGSYS, &sa, NULL, 8));
	refused(socketpair(AF_INET, SOCK_STREAM, 0, (int *)text));
	refused(setsockopt(0, SOL_SOCKET, SO_DEBUG, text, 4));
	refused(syscall(SYS_sendto, 0, text, 1, 0, text, sizeof(struct sockaddr_in)));
	refused(syscall(SYS_seccomp, 1, 1ul << 3, text)); /* a listener to filters */
}

static void the_rest_is_refused_and_work_goes_on(void **state)
{
	expect_good(try_refused);
}

/* --- what must go on working ----------------------------------------------------------------- */

static void *allocate(void *arg)
{
	for (size_t len = 16; len < 64 << 20; len *= 8) {
		volatile char *p = malloc(len);

		must(p);
		p[len - 1] = 1;
		free((void *)p);
	}
	return arg;
}

static void use_threads(const void *arg)
{
	pthread_t t[8];
	void *result;

	enter_or_end();
	for (long i = 0; i < 8; i++)
		must(!pthread_create(&t[i], NULL, allocate, (void *)i));
	for (long i = 0; i < 8; i++)
		must(!pthread_join(t[i], &result) && result == (void *)i);
}

static void threads_and_memory_work(void **state)
{
	expect_good(use_threads);
}

static void use_files(const void *arg)
{
	char path[] = "/tmp/sandbox-XXXXXX", text[4] = "";
	int fd = mkostemp(path, O_CLOEXEC), copy;
	struct stat st;

	must(fd >= 0 && !unlink(path));
	enter_or_end();
	must(pwrite(fd, "abcd", 4, 4096) == 4 && pread(fd, text, 4, 4096) == 4);
	must(!memcmp(text, "abcd", 4) && !fdatasync(fd) && !fstat(fd, &st) && st.st_size == 4100);
	must(!fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4096) || errno == EOPNOTSUPP);
	must(lseek(fd, 0, SEEK_END) == 4100 && write(fd, "e", 1) == 1);
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	must(copy >= 0 && !close(copy));
}

static void open_files_work(void **state)
{
	expect_good(use_files);
}

/* A descriptor comes by the only way that there is. */
static void receive_descriptor(int from)
{
	char byte;
	struct iovec v = { &byte, 1 };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	int fd;

	must(recvmsg(from, &m, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&m));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	must(write(fd, "picture", 7) == 7 && !close(fd));
}

static void send_descriptor(int to, int fd)
{
	char byte = 0;
	struct iovec v = { &byte, 1 };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .align = { .cmsg_len = CMSG_LEN(sizeof(int)),
				 .cmsg_level = SOL_SOCKET,
				 .cmsg_type = SCM_RIGHTS } };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof(fd));
	must(sendmsg(to, &m, 0) == 1);
}

static void use_descriptors(const void *arg)
{
	int ends[2], file_fd = memfd_create("picture", MFD_CLOEXEC);

	must(file_fd >= 0 && !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	enter_or_end();
	send_descriptor(ends[0], file_fd);
	receive_descriptor(ends[1]);
	must(lseek(file_fd, 0, SEEK_END) == 7);
}

static void descriptors_come_in_over_a_socket(void **state)
{
	expect_good(use_descriptors);
}

static void use_loop(const void *arg)
{
	struct itimerspec soon = { .it_value.tv_nsec = 1000000 };
	struct epoll_event e = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, 0);
	uint64_t n;

	enter_or_end();
	must(!epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &e));
	must(!timerfd_settime(timer, 0, &soon, NULL));
	must(epoll_wait(epoll, &e, 1, -1) == 1 && read(timer, &n, sizeof(n)) == sizeof(n));
}

static void use_time(const void *arg)
{
	struct timespec now, nap = { .tv_nsec = 1000 };
	time_t seconds;
	struct tm tm;

	enter_or_end();
	must(!clock_gettime(CLOCK_REALTIME, &now) && !nanosleep(&nap, NULL));
	seconds = now.tv_sec;
	must(localtime_r(&seconds, &tm) && tm.tm_year >= 120); /* reads a file the first time */
}

static void loop_and_clocks_work(void **state)
{
	expect_good(use_loop);
	expect_good(use_time);
}

/* A disc that is put in while another process writes to its image: nothing can be searched. */
static void use_locked_image(const void *arg)
{
	char *why = NULL;
	int fd = open(arg, O_RDONLY | O_CLOEXEC);

	must(fd >= 0);
	enter_or_end();
	must(block_lock(fd, false, "image", NULL, &why) == -EBUSY && why && strstr(why, "in use"));
}

static void locked_images_are_refused(void **state)
{
	char path[] = "/tmp/sandbox-XXXXXX", *why = NULL;
	int fd = mkostemp(path, O_CLOEXEC);
	struct outcome o;

	assert_true(fd >= 0);
	assert_int_equal(block_lock(fd, true, "image", NULL, &why), 0);
	o = in_child(use_locked_image, path);
	close(fd);
	unlink(path);
	expect_status(&o, GOOD);
}

static volatile sig_atomic_t kicks;

static void on_kick(int sig)
{
	kicks++;
}

static void use_signals(const void *arg)
{
	signal(SIGUSR1, on_kick);
	enter_or_end();
	must(!pthread_kill(pthread_self(), SIGUSR1) && kicks == 1);
	abort();
}

static void kicks_and_aborts_work(void **state)
{
	struct outcome o = in_child(use_signals, NULL);

	assert_true(WIFSIGNALED(o.status) && WTERMSIG(o.status) == SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_calls_end_the_process),
		cmocka_unit_test(other_conventions_are_killed),
		cmocka_unit_test(the_rest_is_refused_and_work_goes_on),
		cmocka_unit_test(threads_and_memory_work),
		cmocka_unit_test(open_files_work),
		cmocka_unit_test(descriptors_come_in_over_a_socket),
		cmocka_unit_test(loop_and_clocks_work),
		cmocka_unit_test(locked_images_are_refused),
		cmocka_unit_test(kicks_and_aborts_work),
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
