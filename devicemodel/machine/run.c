// SPDX-License-Identifier: GPL-2.0-only
/*
 * A running PC: starts it, does in the event loop what the guest, the user and signals ask for,
 * and turns the end into an exit status.
 */
#include "run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/loop_priv.h"
#include "control/janitor.h"
#include "dm/log.h"
#include "dm/loop.h"
#include "dm/sandbox.h"
#include "kvm/kvm.h"
#include "run_priv.h"
#include "ui/vnc.h"
#include "ui/web.h"

enum { EXIT_POWERED_OFF = 0, EXIT_USAGE = 1, EXIT_HOST = 2, EXIT_CRASHED = 3, EXIT_INTERNAL = 4 };

/* --- requests of the guest, in the loop --- */

void run_reset(struct run *r)
{
	struct machine *m = &r->pc.m;
	char *why = NULL;

	kvm_stop(r->pc.kvm);
	m->reset_wanted = m->crashed = false;
	machine_reset_devices(m);
	kvm_reset(r->pc.kvm);
	if (pc_start_kernel(&r->pc, &why)) {
		log_line(LOG_ERROR, "%s", why ? why : "Out of memory.");
		machine_request_stop(m, STOP_ERROR);
	}
	free(why);
	kvm_go(r->pc.kvm);
}

static void end(struct run *r, enum stop_cause cause)
{
	r->ended = cause;
	kvm_stop(r->pc.kvm); /* for good */
	clock_stop(&r->pc.m.clock);
	loop_quit(r->pc.m.loop);
}

static void on_wanted(void *arg)
{
	struct run *r = arg;
	struct machine *m = &r->pc.m;

	if (r->ended)
		return;
	if (m->crashed && r->config->on_crash == CONFIG_DESTROY)
		machine_request_stop(m, STOP_CRASH);
	else if (m->reset_wanted && r->config->on_reboot == CONFIG_DESTROY)
		machine_request_stop(m, m->crashed ? STOP_CRASH : STOP_REQUESTED);
	if (m->stop_wanted)
		end(r, m->stop_wanted);
	else if (m->reset_wanted)
		run_reset(r);
	if (m->pause_wanted && !r->ended)
		run_pause(r);
	m->pause_wanted = false;
}

/* --- signals: the plug is pulled --- */

static void on_signal(void *arg, uint32_t events)
{
	struct run *r = arg;
	struct signalfd_siginfo si;

	if (read(r->signals.fd, &si, sizeof(si)) == sizeof(si))
		machine_request_stop(&r->pc.m, STOP_REQUESTED);
}

/* Before any thread is made, so that all of them leave these signals to the loop. */
static int block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* --- start and end --- */

static void print_notes(const struct config *c)
{
	for (size_t i = 0; i < c->n_notes; i++)
		log_line(c->notes[i].warning ? LOG_WARN : LOG_INFO, "%s", c->notes[i].text);
}

static void print_screens(const struct pc *pc)
{
	char *url = pc->web ? web_new_url(pc->web) : NULL;

	if (pc->vnc && vnc_address(pc->vnc))
		log_line(LOG_INFO, "screen:  VNC viewer to %s", vnc_address(pc->vnc));
	if (url)
		log_line(LOG_INFO, "browser: %s", url);
	free(url);
	if (pc->sdl)
		log_line(LOG_INFO, "screen:  a window; closing it presses the power button");
}

static void print_start(const struct run *r, const char *device)
{
	const struct pc *pc = &r->pc;

	log_line(LOG_INFO, "%s: %u CPU%s, %llu MiB, on %s, process %d", r->config->name,
		 r->config->cpus, r->config->cpus == 1 ? "" : "s",
		 (unsigned long long)(r->config->memory / CONFIG_MIB), device, getpid());
	print_screens(pc);
	if (pc->serial_where)
		log_line(LOG_INFO, "serial:  %s", pc->serial_where);
	log_line(LOG_INFO, "to stop: caisson stop %s (power button), caisson kill %s%s",
		 r->config->name, r->config->name,
		 strcmp(r->config->serial, "stdio") ? ", or Ctrl-C" : "");
}

static int connect_loop(struct run *r, int signals, char **why)
{
	struct machine *m = &r->pc.m;
	int err;

	machine_lock(m);
	loop_on_wanted(m->loop, on_wanted, r);
	err = loop_add(m->loop, &r->signals, signals, EPOLLIN, on_signal, r);
	loop_name(m->loop, &r->signals, "signals");
	if (!err)
		r->control = control_start(m, r->config->name, run_verbs, r, why);
	machine_unlock(m);
	if (!err && !r->control)
		err = -EBUSY;
	return err;
}

static int exit_status(const struct run *r)
{
	switch (r->ended) {
	case STOP_CRASH:
		log_line(LOG_ERROR, "%s: the guest crashed.", r->config->name);
		return EXIT_CRASHED;
	case STOP_ERROR:
		return EXIT_INTERNAL;
	case STOP_POWEROFF:
		log_line(LOG_INFO, "%s: powered off", r->config->name);
		break;
	default:
		log_line(LOG_INFO, "%s: stopped", r->config->name);
	}
	return machine_exit_code(&r->pc.m);
}

static int enter_sandbox(const struct config *c, char **why)
{
	if (c->sandbox)
		return sandbox_enter(c->user, why);
	log_line(LOG_WARN, "The sandbox is off (for debugging only); who breaks out of the guest "
			   "can do what you can.");
	return 0;
}

static int run_guest(struct run *r, const char *device)
{
	print_notes(r->config);
	print_start(r, device);
	machine_lock(&r->pc.m);
	clock_start(&r->pc.m.clock);
	kvm_go(r->pc.kvm);
	machine_unlock(&r->pc.m);
	loop_run(r->pc.m.loop);
	return exit_status(r);
}

static void disconnect(struct run *r)
{
	machine_lock(&r->pc.m);
	if (r->control)
		control_stop(r->control);
	if (r->signals.added)
		loop_del(r->pc.m.loop, &r->signals);
	machine_unlock(&r->pc.m);
}

static int run_here(struct config *c, const char *device, char **why)
{
	struct run *r = calloc(1, sizeof(*r));
	int signals = block_signals(), status = EXIT_HOST;
	struct janitor janitor = { .alive = -1 };

	if (!r || signals < 0 || (c->sandbox && janitor_start(&janitor, c->name, c->vnc))) {
		free(r);
		return EXIT_HOST;
	}
	r->config = c;
	r->pid = getpid();
	r->started = loop_host_now(NULL);
	/* the name first: a second guest of that name touches nothing that is the first one's */
	if (!pc_init(&r->pc, why) && !connect_loop(r, signals, why) &&
	    !pc_create(&r->pc, c, device, why) && !enter_sandbox(c, why))
		status = run_guest(r, device);
	disconnect(r);
	pc_destroy(&r->pc);
	janitor_finish(&janitor);
	close(signals);
	free(r);
	return status;
}

static int run_config(struct config *c, int argc, char **argv, char **why)
{
	enum accel_kind kind;
	const char *device;
	int err = options_parse_run(c, argc, argv, why);

	if (err)
		return err > 0 ? EXIT_POWERED_OFF : EXIT_USAGE;
	if (c->verbose)
		log_threshold = LOG_DEBUG;
	if (c->sandbox && c->user && sandbox_check_user(c->user, why))
		return EXIT_USAGE;
	if (!c->dry_run && preflight_files(c, why))
		return EXIT_USAGE;
	if (!c->dry_run && (preflight_host(c, why) || accel_choose(c, &kind, &device, why)))
		return EXIT_HOST;
	if (!c->dry_run && kind == ACCEL_LAB && c->sdl) {
		*why = sentence("--sdl shows no guest that runs in the lab, and this host has "
				"nothing else to run one; leave it out, and take a VNC viewer.");
		return EXIT_HOST;
	}
	if (!c->dry_run && kind == ACCEL_LAB) { /* the one inside will have the notes */
		accel_exec_lab(c, argc, argv, why);
		return EXIT_HOST;
	}
	if (!c->dry_run)
		return run_here(c, device, why);
	print_notes(c);
	config_dump(c, stdout);
	return EXIT_POWERED_OFF;
}

int run_main(int argc, char **argv)
{
	struct config c;
	char *why = NULL;
	int status = config_init(&c) ? EXIT_HOST : run_config(&c, argc, argv, &why);

	if (why)
		log_line(LOG_ERROR, "%s", why);
	else if (status == EXIT_HOST)
		log_line(LOG_ERROR, "Out of memory.");
	free(why);
	config_free(&c);
	return status;
}
