// SPDX-License-Identifier: GPL-2.0-only
/*
 * Privileges: another user than root, no capability, no way to get new ones, small limits.
 * Reference: credentials(7), capabilities(7), prctl(2).
 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dm/log.h"
#include "sandbox_priv.h"

/* 32 viewers with 4 each, 32 browsers' connections with 2, 16 control clients with 2, the rest */
enum { FILES_MAX = 320 };

static int find_user(const char *name, uid_t *uid, gid_t *gid, char **why)
{
	struct passwd *p;

	errno = 0;
	p = getpwnam(name);
	if (!p) {
		*why = sentence("There is no user '%s' to run the guest as: name another with "
				"--user.", name);
		return -ENOENT;
	}
	if (!p->pw_uid || !p->pw_gid) {
		*why = sentence("User '%s' has root's rights: name an ordinary one with --user.",
				name);
		return -EINVAL;
	}
	*uid = p->pw_uid;
	*gid = p->pw_gid;
	return 0;
}

/* The C library does this in every thread. */
static int become(const char *name, char **why)
{
	uid_t uid;
	gid_t gid;
	int err = find_user(name, &uid, &gid, why);

	if (err)
		return err;
	if (!setgroups(0, NULL) && !setresgid(gid, gid, gid) && !setresuid(uid, uid, uid))
		return 0;
	err = -errno;
	*why = sentence("Cannot become user '%s' (%s): start the guest as an ordinary user, or "
			"with all of root's rights.", name, strerror(-err));
	return err;
}

/* An ordinary user stays who they are: --user is then a wish that cannot be granted. */
static int check_self(const char *name, char **why)
{
	uid_t uid;
	gid_t gid;
	int err = name ? find_user(name, &uid, &gid, why) : 0;

	if (err || !name || uid == geteuid())
		return err;
	*why = sentence("Only root can run a guest as user '%s': leave out --user.", name);
	return -EPERM;
}

int sandbox_check_user(const char *user, char **why)
{
	uid_t uid;
	gid_t gid;

	return geteuid() == 0 ? find_user(user, &uid, &gid, why) : check_self(user, why);
}

int privileges_drop_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	return syscall(SYS_capset, &head, none) ? -errno : 0;
}

static int set_limit(int what, rlim_t max)
{
	struct rlimit r;

	if (getrlimit(what, &r))
		return -errno;
	if (r.rlim_max > max)
		r.rlim_max = max;
	if (r.rlim_cur > r.rlim_max)
		r.rlim_cur = r.rlim_max;
	return setrlimit(what, &r) ? -errno : 0;
}

static int set_limits(void)
{
	int err = set_limit(RLIMIT_CORE, 0);

	return err ? err : set_limit(RLIMIT_NOFILE, FILES_MAX);
}

int privileges_drop(const char *user, char **why)
{
	bool root = geteuid() == 0;
	int err = root ? become(user ? user : "nobody", why) : check_self(user, why);

	if (err)
		return err;
	err = privileges_drop_capabilities();
	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err = -errno;
	if (!err && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		err = -errno;
	if (!err)
		err = set_limits();
	if (err)
		*why = sentence("Cannot give up privileges (%s): --sandbox off does without, for "
				"debugging.", strerror(-err));
	return err;
}
