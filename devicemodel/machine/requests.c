/* SPDX-License-Identifier: GPL-2.0-only */
/* What users ask of a guest that runs, through its control socket. In the loop, lock held. */
#include <errno.h>
#include <json-c/json.h>

#include "dm/block.h"
#include "dm/log.h"
#include "dm/parts.h"
#include "kvm/kvm.h"
#include "run_priv.h"
#include "ui/png.h"
#include "ui/vnc.h"

static int do_pause(void *arg, char **why)
{
	struct run *r = arg;

	if (r->paused)
		return 0;
	kvm_stop(r->pc.kvm);
	clock_stop(&r->pc.m.clock);
	kvm_time_stop(r->pc.kvm);
	r->paused = true;
	return 0;
}

static int do_resume(void *arg, char **why)
{
	struct run *r = arg;

	if (!r->paused)
		return 0;
	kvm_time_start(r->pc.kvm);
	clock_start(&r->pc.m.clock);
	kvm_go(r->pc.kvm);
	r->paused = false;
	for (unsigned n = 0; n < CONFIG_DRIVES; n++)
		if (r->pc.block[n])
			block_retry(r->pc.block[n]);
	return 0;
}

static int do_stop(void *arg, char **why)
{
	struct run *r = arg;

	if (r->paused) {
		*why = sentence("%s is paused and cannot hear its power button: resume it first",
				r->config->name);
		return -EBUSY;
	}
	piix4_pm_power_button(r->pc.pm);
	return 0;
}

static int do_kill(void *arg, char **why)
{
	machine_request_stop(&((struct run *)arg)->pc.m, STOP_REQUESTED);
	return 0;
}

/* The user's own wish: on_reboot has no say. */
static int do_reset(void *arg, char **why)
{
	run_reset(arg);
	return 0;
}

static int do_screenshot(void *arg, int fd, char **why)
{
	struct run *r = arg;

	vga_refresh(r->pc.vga);
	return png_write_surface(r->pc.surface, fd);
}

static void do_status(void *arg, struct json_object *status)
{
	struct run *r = arg;
	const char *vnc = r->pc.vnc ? vnc_address(r->pc.vnc) : "none";

	json_object_object_add(status, "state",
			       json_object_new_string(r->paused ? "paused" : "running"));
	json_object_object_add(status, "memory", json_object_new_int64(r->config->memory));
	json_object_object_add(status, "cpus", json_object_new_int(r->config->cpus));
	json_object_object_add(status, "vnc", json_object_new_string(vnc));
}

const struct control_ops run_control_ops = {
	.status = do_status,
	.stop = do_stop,
	.kill = do_kill,
	.reset = do_reset,
	.pause = do_pause,
	.resume = do_resume,
	.screenshot = do_screenshot,
};
