// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the list of system calls to filters in the kernel: libseccomp compiles, this file loads,
 * because threads load theirs later and have nothing left to compile with.
 * Reference: seccomp(2); Linux, "Seccomp BPF (SECure COMPuting with filters)".
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox_priv.h"

enum { BINARY_TREE = 2 };

static int add_allowed(scmp_filter_ctx ctx, unsigned roles)
{
	int err = 0;

	for (size_t i = 0; i < n_allowed_calls && !err; i++) {
		const struct allowed_call *c = &allowed_calls[i];

		if (c->roles & roles)
			err = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, c->nr, c->n, c->if_arg);
	}
	return err;
}

static int add_hostile(scmp_filter_ctx ctx)
{
	int err = 0;

	for (size_t i = 0; i < n_hostile_calls && !err; i++) {
		const struct hostile_call *c = &hostile_calls[i];

		err = seccomp_rule_add_array(ctx, SCMP_ACT_TRAP, c->nr, c->n, c->if_arg);
	}
	return err;
}

/* Signals between threads: kicks, and abort(). */
static int add_signals(scmp_filter_ctx ctx, bool hostile)
{
	scmp_datum_t self = (scmp_datum_t)getpid();
	int err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				   SCMP_A0(SCMP_CMP_EQ, self));

	if (!err && hostile)
		err = seccomp_rule_add(ctx, SCMP_ACT_TRAP, SCMP_SYS(tgkill), 1,
				       SCMP_A0(SCMP_CMP_NE, self));
	return err;
}

static int add_rules(scmp_filter_ctx ctx, unsigned roles)
{
	bool hostile = roles == MAY_ALL;
	int err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, BINARY_TREE);

	/* calls by another convention (32 bits) have other numbers */
	if (!err)
		err = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (!err)
		err = add_allowed(ctx, roles);
	if (!err)
		err = add_signals(ctx, hostile);
	if (!err && hostile)
		err = add_hostile(ctx);
	return err;
}

/* libseccomp writes its result to a file only. */
static int take_code(struct filter *f, scmp_filter_ctx ctx)
{
	int fd = memfd_create("filter", MFD_CLOEXEC), err;
	struct stat st;

	if (fd < 0)
		return -errno;
	err = seccomp_export_bpf(ctx, fd);
	if (!err && fstat(fd, &st))
		err = -errno;
	if (!err && st.st_size / sizeof(*f->code) > BPF_MAXINSNS)
		err = -E2BIG;
	if (!err) {
		f->len = (unsigned short)(st.st_size / sizeof(*f->code));
		f->code = malloc(st.st_size);
		if (!f->code || pread(fd, f->code, st.st_size, 0) != st.st_size)
			err = -ENOMEM;
	}
	close(fd);
	return err;
}

int filter_build(struct filter *f, unsigned roles)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int err = ctx ? add_rules(ctx, roles) : -ENOMEM;

	*f = (struct filter){ 0 };
	if (!err)
		err = take_code(f, ctx);
	if (ctx)
		seccomp_release(ctx);
	if (err) {
		free(f->code);
		f->code = NULL;
	}
	return err;
}

int filter_load(const struct filter *f, bool all_threads)
{
	struct sock_fprog program = { .len = f->len, .filter = f->code };
	unsigned flags = all_threads ? SECCOMP_FILTER_FLAG_TSYNC : 0;
	long err = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);

	if (err > 0) /* a thread that has a filter of its own already */
		return -EBUSY;
	return err ? -errno : 0;
}
