// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which hypervisor runs the guest: our module, KVM where the processor has VT-x or AMD-V, or else
 * the lab, an emulated host that has AMD-V.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/config.h"
#include "dm/log.h"
#include "run.h"

#define OUR_DEVICE "/dev/caisson"
#define KVM_DEVICE "/dev/kvm"

enum { LAB_EXTRA_MIB = 1024, LAB_ARGS = 24 };

static bool flag_present(const char *line, const char *flag)
{
	size_t n = strlen(flag);

	for (const char *p = line; (p = strstr(p, flag)); p += n)
		if (p > line && p[-1] == ' ' && (p[n] == ' ' || p[n] == '\n' || !p[n]))
			return true;
	return false;
}

/* A /dev/kvm without either flag emulates guest kernels one instruction at a time. */
static bool cpu_has_virtualization(void)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char *line = NULL;
	size_t room = 0;
	bool found = false;

	while (f && !found && getline(&line, &room, f) > 0)
		found = !strncmp(line, "flags", 5) &&
			(flag_present(line, "vmx") || flag_present(line, "svm"));
	free(line);
	if (f)
		fclose(f);
	return found;
}

int accel_choose(const struct config *c, enum accel_kind *kind, const char **device, char **why)
{
	*kind = ACCEL_DEVICE;
	if (!strcmp(c->accel, "caisson"))
		*device = OUR_DEVICE;
	else if (!strcmp(c->accel, "kvm"))
		*device = KVM_DEVICE;
	else if (c->accel[0] == '/')
		*device = c->accel;
	else if (!access(OUR_DEVICE, F_OK))
		*device = OUR_DEVICE;
	else if (!access(KVM_DEVICE, F_OK) && cpu_has_virtualization())
		*device = KVM_DEVICE;
	else if (!getenv("CAISSON_LAB"))
		*kind = ACCEL_LAB;
	else {
		*why = sentence("No hypervisor in the lab: start it with --hv caisson.");
		return -ENODEV;
	}
	return 0;
}

/* tools/lab of the checkout that this program was built in: build/caisson, tools/lab. */
static int lab_path(char *path, size_t len)
{
	ssize_t n = readlink("/proc/self/exe", path, len - 1);
	char *slash;

	if (n <= 0)
		return -ENOENT;
	path[n] = 0;
	for (unsigned up = 0; up < 2; up++) {
		slash = strrchr(path, '/');
		if (!slash)
			return -ENOENT;
		*slash = 0;
	}
	if (strlen(path) + sizeof("/tools/lab") > len)
		return -ENAMETOOLONG;
	strcat(path, "/tools/lab");
	return access(path, X_OK) ? -ENOENT : 0;
}

/* True when nothing listens on this port of the loopback address. */
static bool port_free(unsigned port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && !bind(fd, (struct sockaddr *)&sa, sizeof(sa));

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Of ADDR:PORT; 0: there is none. */
static unsigned port_of(const char *address)
{
	const char *colon = address && strncmp(address, "unix:", 5) ? strrchr(address, ':') : NULL;

	return colon ? (unsigned)atoi(colon + 1) : 0;
}

/* What the lab's program and the one inside it are told; the strings live in *w. */
struct lab_words {
	char lab[PATH_MAX], self[PATH_MAX], memory[32];
	struct lab_port {
		char forward[32], address[32]; /* "" where there is nothing to carry */
	} vnc, web;
};

/* Carries a port out of the lab: the first that is free out here. */
static void choose_port(struct lab_port *p, struct config *c, char *const *address,
			int (*next)(struct config *c))
{
	while (port_of(*address) && !port_free(port_of(*address)) && !next(c))
		;
	p->forward[0] = p->address[0] = 0;
	if (!port_of(*address))
		return;
	snprintf(p->forward, sizeof(p->forward), "%u", port_of(*address));
	snprintf(p->address, sizeof(p->address), "127.0.0.1:%u", port_of(*address));
}

static int put_pair(char **args, int i, const char *option, char *value)
{
	if (!*value)
		return i;
	args[i++] = (char *)option;
	args[i++] = value;
	return i;
}

static char **lab_arguments(struct lab_words *w, int argc, char **argv)
{
	char **args = calloc(argc + LAB_ARGS, sizeof(*args));
	int i = 0;

	if (!args)
		return NULL;
	args[i++] = w->lab;
	args[i++] = (char *)"--progress";
	args[i++] = (char *)"--hv";
	args[i++] = (char *)"caisson";
	args[i++] = (char *)"--memory";
	args[i++] = w->memory;
	i = put_pair(args, i, "--forward", w->vnc.forward);
	i = put_pair(args, i, "--forward", w->web.forward);
	args[i++] = (char *)"--";
	args[i++] = w->self;
	memcpy(args + i, argv, argc * sizeof(*args));
	i += argc;
	i = put_pair(args, i, "--vnc", w->vnc.address);
	put_pair(args, i, "--web", w->web.address);
	return args;
}

int accel_exec_lab(struct config *c, int argc, char **argv, char **why)
{
	struct lab_words w;
	ssize_t n = readlink("/proc/self/exe", w.self, sizeof(w.self) - 1);
	char **args;

	if (n <= 0 || lab_path(w.lab, sizeof(w.lab))) {
		*why = sentence("This processor has neither VT-x nor AMD-V, and the lab is not "
				"beside this program: run it from a checkout, or take --accel kvm "
				"as it is, slow.");
		return -ENODEV;
	}
	w.self[n] = 0;
	snprintf(w.memory, sizeof(w.memory), "%lluM",
		 (unsigned long long)(c->memory / CONFIG_MIB + LAB_EXTRA_MIB));
	choose_port(&w.vnc, c, &c->vnc, config_next_vnc);
	choose_port(&w.web, c, &c->web, config_next_web);
	args = lab_arguments(&w, argc, argv);
	if (!args)
		return -ENOMEM;
	log_line(LOG_INFO, "no VT-x or AMD-V here: starting an emulated host that has it; changes "
			   "to disks stay in there and are lost");
	execv(w.lab, args);
	*why = sentence("Cannot start %s (%s).", w.lab, strerror(errno));
	free(args);
	return -errno;
}
