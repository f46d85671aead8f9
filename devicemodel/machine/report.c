// SPDX-License-Identifier: GPL-2.0-only
/*
 * Figures about a running guest, all since its start: what its processors left the guest for, what
 * woke the event loop, what its disks, its screen and its viewers did. What the kernel counts about
 * the process is for the client to read.
 */
#include <json-c/json.h>
#include <stdio.h>

#include "base/loop_priv.h"
#include "dm/block.h"
#include "dm/parts.h"
#include "dm/timer.h"
#include "kvm/kvm.h"
#include "run_priv.h"
#include "ui/sdl.h"
#include "ui/vnc.h"
#include "ui/web.h"

static void put(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_int64(value));
}

static struct json_object *add_object(struct json_object *o, const char *key)
{
	struct json_object *child = json_object_new_object();

	json_object_object_add(o, key, child);
	return child;
}

static void put_processors(struct json_object *o, const struct kvm_stats *s)
{
	static const char *const names[EXITS_KINDS] = {
		[EXITS_IO] = "io",
		[EXITS_MMIO] = "mmio",
		[EXITS_EOI] = "eoi",
		[EXITS_WINDOW] = "interrupt_window",
		[EXITS_KICKED] = "kicked",
		[EXITS_VRAM] = "video_memory",
		[EXITS_OTHER] = "other",
	};
	struct json_object *exits = add_object(o, "exits"), *interrupts;

	for (unsigned i = 0; i < s->vcpus; i++) {
		char name[16];
		struct json_object *v;

		snprintf(name, sizeof(name), "vcpu%u", i);
		v = add_object(exits, name);
		for (unsigned k = 0; k < EXITS_KINDS; k++)
			put(v, names[k], s->exits[i][k]);
	}
	interrupts = add_object(o, "interrupts");
	put(interrupts, "injected", s->injected);
	put(interrupts, "messages", s->messages);
}

/* Several timers may share a name: the HPET's. */
static void put_timers(struct json_object *o, const struct clock *c)
{
	uint64_t others = c->fired;
	struct json_object *v;

	for (const struct timer *t = c->named; t; t = t->next_named) {
		uint64_t before = json_object_object_get_ex(o, t->name, &v) ?
					  (uint64_t)json_object_get_int64(v) : 0;

		put(o, t->name, before + t->fired);
		others -= t->fired;
	}
	put(o, "other", others);
}

static void put_loop(struct json_object *o, const struct run *r)
{
	const struct loop_stats *s = loop_stats(r->pc.m.loop);
	struct json_object *loop = add_object(o, "loop"), *sources;

	put(loop, "wakeups", s->wakeups);
	sources = add_object(loop, "sources");
	for (unsigned i = 0; i < LOOP_SOURCES && s->source[i].name; i++)
		put(sources, s->source[i].name, s->source[i].events);
	put_timers(add_object(loop, "timers"), &r->pc.m.clock);
}

static void put_drive(struct json_object *o, struct block *b)
{
	struct block_stats s;

	block_read_stats(b, &s);
	put(o, "reads", s.requests[BLOCK_READ]);
	put(o, "bytes_read", s.bytes[BLOCK_READ]);
	put(o, "writes", s.requests[BLOCK_WRITE]);
	put(o, "bytes_written", s.bytes[BLOCK_WRITE]);
	put(o, "flushes", s.requests[BLOCK_FLUSH]);
	put(o, "discards", s.requests[BLOCK_DISCARD]);
	put(o, "wakeups", s.wakeups);
}

static void put_drives(struct json_object *o, const struct run *r)
{
	struct json_object *drives = add_object(o, "drives");

	for (unsigned n = 0; n < CONFIG_DRIVES; n++)
		if (r->pc.block[n])
			put_drive(add_object(drives, config_drive_name(n)), r->pc.block[n]);
}

static void put_display(struct json_object *o, const struct run *r, const struct kvm_stats *s)
{
	struct json_object *display = add_object(o, "display"), *vnc;
	struct vnc_stats v;

	json_object_object_add(display, "tracking",
			       json_object_new_string(vga_tracking(r->pc.vga)));
	put(display, "frames", vga_frames(r->pc.vga));
	put(display, "dirty_queries", s->dirty_queries);
	put(display, "dirty_pages", s->dirty_pages);
	put(display, "faults", s->vram_faults);
	if (!r->pc.vnc)
		return;
	vnc_read_stats(r->pc.vnc, &v);
	vnc = add_object(o, "vnc");
	put(vnc, "viewers", v.viewers);
	put(vnc, "wakeups", v.wakeups);
	put(vnc, "updates", v.updates);
	put(vnc, "bytes", v.bytes);
}

static void put_web(struct json_object *o, const struct run *r)
{
	struct json_object *web;
	struct web_stats s;

	if (!r->pc.web)
		return;
	web_read_stats(r->pc.web, &s);
	web = add_object(o, "web");
	put(web, "browsers", s.browsers);
	put(web, "wakeups", s.wakeups);
	put(web, "requests", s.requests);
	put(web, "bytes", s.bytes);
}

static void put_window(struct json_object *o, const struct run *r)
{
	struct json_object *window;
	struct sdl_stats s;

	if (!r->pc.sdl)
		return;
	sdl_read_stats(r->pc.sdl, &s);
	window = add_object(o, "window");
	put(window, "shown", s.shown);
	put(window, "wakeups", s.wakeups);
	put(window, "updates", s.updates);
	put(window, "pixels", s.pixels);
}

int run_stats(void *arg, struct control_request *q)
{
	struct run *r = arg;
	struct kvm_stats s;

	kvm_read_stats(r->pc.kvm, &s);
	put(q->answer, "uptime_ms", (loop_host_now(NULL) - r->started) / NS_PER_MS);
	put(q->answer, "guest_time_ms", machine_now(&r->pc.m) / NS_PER_MS);
	put(q->answer, "main_memory_bytes", ram_resident(&r->pc.ram));
	put_processors(q->answer, &s);
	put_loop(q->answer, r);
	put_drives(q->answer, r);
	put_display(q->answer, r, &s);
	put_web(q->answer, r);
	put_window(q->answer, r);
	return 0;
}
