// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which system calls the program may make inside its sandbox, thread role by thread role, and
 * which are a sign that it is no longer the program that makes them.
 *
 * A call on neither list answers ENOSYS, as on a kernel that does not have it: libraries know what
 * to do then (the C library's clone3 is one that needs this). Conditions on arguments compare all
 * 64 bits with a value that is allowed, so that bits which the kernel does not look at cannot make
 * one argument look like another; "anything but this value" is therefore not a condition for
 * allowing. Reference: seccomp(2), seccomp_rule_add(3).
 */
#include <asm/ioctls.h>
#include <caisson.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "sandbox_priv.h"

/* What pthread_create() asks clone() for: memory, files and handlers shared, one process. */
#define THREAD_FLAGS                                                                           \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |     \
	 CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

#define IS(arg, val)	   { arg, SCMP_CMP_EQ, (val), 0 }
#define HAS(arg, bit)	   { arg, SCMP_CMP_MASKED_EQ, (bit), (bit) }
#define HAS_NOT(arg, bit) { arg, SCMP_CMP_MASKED_EQ, (bit), 0 }

#define CALL(name, who)		{ SCMP_SYS(name), who, 0, { { 0 } } }
#define CALL_IF(name, who, a)	{ SCMP_SYS(name), who, 1, { a } }
#define CALL_IF2(name, who, a, b) { SCMP_SYS(name), who, 2, { a, b } }
#define IOCTL(request, who)	CALL_IF(ioctl, who, IS(1, request))
#define FCNTL(command)		CALL_IF(fcntl, MAY_ALL, IS(1, command))

const struct allowed_call allowed_calls[] = {
	/* memory, but nothing that can be executed */
	CALL(brk, MAY_ALL),
	CALL_IF(mmap, MAY_ALL, HAS_NOT(2, PROT_EXEC)),
	CALL_IF(mprotect, MAY_ALL, HAS_NOT(2, PROT_EXEC)),
	CALL(munmap, MAY_ALL),
	CALL(mremap, MAY_ALL),
	CALL(madvise, MAY_ALL),

	/* threads, locks, signals of their own; tgkill is added by filter.c */
	CALL(futex, MAY_ALL),
	CALL(sched_yield, MAY_ALL),
	CALL(sched_getaffinity, MAY_ALL), /* malloc: how many arenas */
	CALL(set_robust_list, MAY_ALL),
	CALL(rseq, MAY_ALL),
	CALL(sigaltstack, MAY_ALL),
	CALL_IF(prctl, MAY_ALL, IS(0, PR_SET_NAME)),
	CALL_IF(clone, MAY_VNC | MAY_LOOP, IS(0, THREAD_FLAGS)),
	CALL(rt_sigprocmask, MAY_ALL),
	CALL(rt_sigreturn, MAY_ALL),
	CALL_IF(rt_sigaction, MAY_ALL, IS(0, SIGABRT)), /* abort(); no new handler for SIGSYS */
	CALL(restart_syscall, MAY_ALL),
	CALL(gettid, MAY_ALL),
	CALL(getpid, MAY_ALL),
	CALL(exit, MAY_ALL),
	CALL(exit_group, MAY_ALL),

	/* time */
	CALL(clock_gettime, MAY_ALL), /* these three where the kernel has no fast way */
	CALL(gettimeofday, MAY_ALL),
	CALL(time, MAY_ALL),
	CALL(clock_nanosleep, MAY_ALL),
	CALL(nanosleep, MAY_ALL),
	CALL(timerfd_settime, MAY_ALL),

	/* what a device does with descriptors that are open: serial port, log, wake-ups */
	CALL(read, MAY_ALL),
	CALL(write, MAY_ALL),
	CALL(writev, MAY_ALL),
	CALL(close, MAY_ALL),
	CALL(epoll_ctl, MAY_ALL),
	CALL(fstat, MAY_ALL),
	CALL_IF(newfstatat, MAY_ALL, IS(3, AT_EMPTY_PATH)), /* the C library's fstat() */
	CALL(getrandom, MAY_ALL),
	FCNTL(F_GETFD),
	FCNTL(F_SETFD),
	FCNTL(F_GETFL),
	FCNTL(F_SETFL),
	FCNTL(F_DUPFD_CLOEXEC),
	FCNTL(F_OFD_SETLK), /* these three: a disc that was put in */
	FCNTL(F_SETLK),
	FCNTL(F_GETLK),

	/* the terminal, which is given back on every way out; not TIOCSTI, which types into it */
	CALL(getpgrp, MAY_ALL),
	IOCTL(TCGETS, MAY_ALL),
	IOCTL(TCSETS, MAY_ALL),
	IOCTL(TIOCGPGRP, MAY_ALL),

	/* the hypervisor: whatever thread touches a device may raise a line or move memory */
	IOCTL(KVM_SIGNAL_MSI, MAY_ALL),
	IOCTL(KVM_SET_GSI_ROUTING, MAY_ALL),
	IOCTL(KVM_SET_USER_MEMORY_REGION, MAY_ALL),
	IOCTL(KVM_GET_DIRTY_LOG, MAY_ALL),
	IOCTL(KVM_CLEAR_DIRTY_LOG, MAY_ALL),
	IOCTL(CAISSON_SET_VRAM_TRACKING, MAY_ALL),
	IOCTL(CAISSON_GET_VRAM_DIRTY, MAY_ALL),
	IOCTL(KVM_RUN, MAY_VCPU),
	IOCTL(KVM_INTERRUPT, MAY_VCPU),
	IOCTL(KVM_GET_REGS, MAY_VCPU), /* for the report of a crash */
	IOCTL(KVM_GET_SREGS, MAY_VCPU),
	IOCTL(KVM_SET_REGS, MAY_LOOP), /* the others: reset */
	IOCTL(KVM_SET_SREGS, MAY_LOOP),
	IOCTL(KVM_GET_MSRS, MAY_LOOP),
	IOCTL(KVM_SET_MSRS, MAY_LOOP),
	IOCTL(KVM_SET_MP_STATE, MAY_LOOP),
	IOCTL(KVM_SET_XSAVE, MAY_LOOP),
	IOCTL(KVM_SET_XCRS, MAY_LOOP),
	IOCTL(KVM_SET_DEBUGREGS, MAY_LOOP),
	IOCTL(KVM_GET_LAPIC, MAY_LOOP),
	IOCTL(KVM_SET_LAPIC, MAY_LOOP),
	IOCTL(KVM_SET_VCPU_EVENTS, MAY_LOOP),
	IOCTL(KVM_GET_CLOCK, MAY_LOOP), /* these five: pause and resume */
	IOCTL(KVM_SET_CLOCK, MAY_LOOP),
	IOCTL(KVM_KVMCLOCK_CTRL, MAY_LOOP),
	IOCTL(KVM_GET_DEVICE_ATTR, MAY_LOOP),
	IOCTL(KVM_SET_DEVICE_ATTR, MAY_LOOP),

	/* images; the loop reads a kernel again at each reset, and measures a new disc */
	CALL(pread64, MAY_BLOCK | MAY_LOOP),
	CALL(preadv, MAY_BLOCK | MAY_LOOP),
	CALL(pwrite64, MAY_BLOCK | MAY_LOOP),
	CALL(pwritev, MAY_BLOCK | MAY_LOOP),
	CALL(lseek, MAY_BLOCK | MAY_LOOP),
	CALL(fdatasync, MAY_BLOCK | MAY_LOOP),
	CALL(fsync, MAY_BLOCK | MAY_LOOP),
	CALL(fallocate, MAY_BLOCK | MAY_LOOP),
	CALL(ftruncate, MAY_LOOP),
	IOCTL(BLKDISCARD, MAY_BLOCK),
	IOCTL(BLKZEROOUT, MAY_BLOCK),
	IOCTL(BLKGETSIZE64, MAY_LOOP),

	/* viewers, browsers, control clients: sockets come by accept, or in pairs, or not at all */
	CALL(accept4, MAY_VNC | MAY_WEB | MAY_LOOP),
	CALL_IF(socketpair, MAY_VNC | MAY_WEB, IS(0, AF_UNIX)),
	CALL(recvfrom, MAY_VNC | MAY_WEB | MAY_SDL | MAY_LOOP),
	/* no address */
	CALL_IF(sendto, MAY_VNC | MAY_WEB | MAY_SDL | MAY_LOOP, IS(4, 0)),
	CALL(recvmsg, MAY_LOOP),
	CALL(sendmsg, MAY_LOOP),
	CALL(shutdown, MAY_VNC | MAY_WEB | MAY_LOOP),
	CALL(getpeername, MAY_VNC),
	CALL(getsockname, MAY_VNC),
	CALL_IF2(getsockopt, MAY_LOOP, IS(1, SOL_SOCKET), IS(2, SO_PEERCRED)),
	CALL_IF2(setsockopt, MAY_VNC | MAY_WEB, IS(1, IPPROTO_TCP), IS(2, TCP_NODELAY)),
	CALL_IF2(setsockopt, MAY_VNC | MAY_WEB, IS(1, SOL_SOCKET), IS(2, SO_KEEPALIVE)),
	CALL_IF2(setsockopt, MAY_VNC, IS(1, IPPROTO_TCP), IS(2, TCP_QUICKACK)),
	CALL(dup3, MAY_VNC),
	CALL(eventfd2, MAY_VNC),
	CALL(poll, MAY_VNC | MAY_WEB | MAY_SDL | MAY_LOOP),
	CALL(ppoll, MAY_VNC | MAY_LOOP),
	CALL(select, MAY_VNC),
	CALL(pselect6, MAY_VNC),
	CALL(epoll_create1, MAY_VNC),
	CALL(epoll_pwait2, MAY_VNC),

	/* the event loop, start and end */
	CALL(epoll_wait, MAY_LOOP),
	CALL(epoll_pwait, MAY_LOOP),
	CALL(mincore, MAY_LOOP), /* caisson stats */
	CALL(wait4, MAY_LOOP),	   /* the janitor */

	/* narrowing: both can only take away */
	CALL(capset, MAY_LOOP),
	CALL_IF2(seccomp, MAY_LOOP, IS(0, SECCOMP_SET_MODE_FILTER), IS(1, 0)),
};

const size_t n_allowed_calls = sizeof(allowed_calls) / sizeof(allowed_calls[0]);

#define HOSTILE(name)	    { SCMP_SYS(name), #name, 0, { { 0 } } }
#define HOSTILE_IF(name, a) { SCMP_SYS(name), #name, 1, { a } }

/*
 * Nothing in this program ever asks for these once it is in its sandbox. Not among them, although
 * they are refused: unlink, which the ordinary way out tries, and stat, access and readlink, with
 * which libraries look for files.
 */
const struct hostile_call hostile_calls[] = {
	/* another program, another process, other code */
	HOSTILE(execve),
	HOSTILE(execveat),
	HOSTILE(fork),
	HOSTILE(vfork),
	HOSTILE_IF(clone, HAS_NOT(0, CLONE_THREAD)),
	HOSTILE_IF(mmap, HAS(2, PROT_EXEC)),
	HOSTILE_IF(mprotect, HAS(2, PROT_EXEC)),
	HOSTILE(pkey_mprotect),
	HOSTILE(personality),

	/* somebody else's process */
	HOSTILE(ptrace),
	HOSTILE(process_vm_readv),
	HOSTILE(process_vm_writev),
	HOSTILE(process_madvise),
	HOSTILE(kcmp),
	HOSTILE(kill),
	HOSTILE(tkill),
	HOSTILE(rt_sigqueueinfo),
	HOSTILE(rt_tgsigqueueinfo),
	HOSTILE(pidfd_open),
	HOSTILE(pidfd_getfd),
	HOSTILE(pidfd_send_signal),

	/* files by their names */
	HOSTILE(open),
	HOSTILE(openat),
	HOSTILE(openat2),
	HOSTILE(creat),
	HOSTILE(open_by_handle_at),
	HOSTILE(name_to_handle_at),
	HOSTILE(truncate),
	HOSTILE(rename),
	HOSTILE(renameat),
	HOSTILE(renameat2),
	HOSTILE(link),
	HOSTILE(linkat),
	HOSTILE(symlink),
	HOSTILE(symlinkat),
	HOSTILE(mkdir),
	HOSTILE(mkdirat),
	HOSTILE(mknod),
	HOSTILE(mknodat),
	HOSTILE(chmod),
	HOSTILE(fchmod),
	HOSTILE(fchmodat),
	HOSTILE(chown),
	HOSTILE(fchown),
	HOSTILE(lchown),
	HOSTILE(fchownat),
	HOSTILE(setxattr),
	HOSTILE(lsetxattr),
	HOSTILE(fsetxattr),
	HOSTILE(chdir),
	HOSTILE(fchdir),
	HOSTILE(chroot),
	HOSTILE(pivot_root),

	/* new ways out */
	HOSTILE(socket),
	HOSTILE(connect),
	HOSTILE(bind),
	HOSTILE(listen),
	HOSTILE(io_uring_setup),
	HOSTILE(io_uring_enter),
	HOSTILE(io_uring_register),
	HOSTILE(shmget),
	HOSTILE(shmat),
	HOSTILE(msgget),
	HOSTILE(mq_open),

	/* other rights */
	HOSTILE(setuid),
	HOSTILE(setgid),
	HOSTILE(setreuid),
	HOSTILE(setregid),
	HOSTILE(setresuid),
	HOSTILE(setresgid),
	HOSTILE(setfsuid),
	HOSTILE(setfsgid),
	HOSTILE(setgroups),
	HOSTILE(unshare),
	HOSTILE(setns),
	HOSTILE(keyctl),
	HOSTILE(add_key),
	HOSTILE(request_key),

	/* the host */
	HOSTILE(mount),
	HOSTILE(umount2),
	HOSTILE(mount_setattr),
	HOSTILE(move_mount),
	HOSTILE(open_tree),
	HOSTILE(fsopen),
	HOSTILE(fsmount),
	HOSTILE(fspick),
	HOSTILE(fsconfig),
	HOSTILE(quotactl),
	HOSTILE(swapon),
	HOSTILE(swapoff),
	HOSTILE(init_module),
	HOSTILE(finit_module),
	HOSTILE(delete_module),
	HOSTILE(kexec_load),
	HOSTILE(kexec_file_load),
	HOSTILE(reboot),
	HOSTILE(bpf),
	HOSTILE(perf_event_open),
	HOSTILE(userfaultfd),
	HOSTILE(syslog),
	HOSTILE(acct),
	HOSTILE(iopl),
	HOSTILE(ioperm),
	HOSTILE(modify_ldt),
	HOSTILE(settimeofday),
	HOSTILE(clock_settime),
	HOSTILE(clock_adjtime),
	HOSTILE(adjtimex),
	HOSTILE(sethostname),
	HOSTILE(setdomainname),
};

const size_t n_hostile_calls = sizeof(hostile_calls) / sizeof(hostile_calls[0]);
