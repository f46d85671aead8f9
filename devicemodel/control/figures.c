// SPDX-License-Identifier: GPL-2.0-only
/*
 * `caisson stats`: what the guest's process counts, with what the kernel counts about that process
 * beside it, as a table or as JSON.
 */
#include <dirent.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/client.h"

enum { LINE_LEN = 256, KIB = 1024 };

/* --- the kernel's figures -------------------------------------------------------------------- */

/* The number behind a key in a file of lines "key: number ..."; 0 if it is not there. */
static uint64_t read_field(const char *path, const char *key)
{
	char line[LINE_LEN];
	uint64_t n = 0;
	size_t len = strlen(key);
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, len) && line[len] == ':')
			n = strtoull(line + len + 1, NULL, 10);
	if (f)
		fclose(f);
	return n;
}

/*
 * The guest's main memory is anonymous memory, whose size its process knows, and video memory is
 * all that is shared; the rest of the process is what it costs beside.
 */
static void add_memory(struct json_object *o, pid_t pid)
{
	struct json_object *memory = json_object_new_object();
	int64_t ram = client_number(o, "main_memory_bytes"), shared, all;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	shared = (int64_t)read_field(path, "RssShmem") * KIB;
	all = (int64_t)(read_field(path, "RssAnon") + read_field(path, "RssFile")) * KIB + shared;
	json_object_object_add(memory, "guest_bytes", json_object_new_int64(ram + shared));
	json_object_object_add(memory, "beside_bytes", json_object_new_int64(all - ram - shared));
	json_object_object_add(o, "memory", memory);
	json_object_object_del(o, "main_memory_bytes");
}

static struct json_object *thread(pid_t pid, const char *tid)
{
	struct json_object *t = json_object_new_object();
	char path[320], name[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", pid, tid);
	f = fopen(path, "re");
	if (f && fgets(name, sizeof(name), f))
		name[strcspn(name, "\n")] = 0;
	if (f)
		fclose(f);
	snprintf(path, sizeof(path), "/proc/%d/task/%s/status", pid, tid);
	json_object_object_add(t, "id", json_object_new_int64(strtol(tid, NULL, 10)));
	json_object_object_add(t, "name", json_object_new_string(name));
	json_object_object_add(t, "voluntary_switches",
		json_object_new_int64(read_field(path, "voluntary_ctxt_switches")));
	json_object_object_add(t, "involuntary_switches",
		json_object_new_int64(read_field(path, "nonvoluntary_ctxt_switches")));
	return t;
}

static void add_threads(struct json_object *o, pid_t pid)
{
	struct json_object *threads = json_object_new_array();
	struct dirent *e;
	char path[64];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			json_object_array_add(threads, thread(pid, e->d_name));
	if (d)
		closedir(d);
	json_object_object_add(o, "threads", threads);
}

/* --- the table ------------------------------------------------------------------------------- */

static struct json_object *child(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	json_object_object_get_ex(o, key, &v);
	return v;
}

static void print_head(const char *name, struct json_object *o)
{
	int64_t up = client_number(o, "uptime_ms") / 1000;
	struct json_object *memory = child(o, "memory");

	printf("%s: up for %" PRId64 ":%02d:%02d, guest time %.1f s\n", name, up / 3600,
	       (int)(up / 60 % 60), (int)(up % 60),
	       (double)client_number(o, "guest_time_ms") / 1000);
	printf("memory: %.1f MiB of the guest's, %.1f MiB beside\n",
	       (double)client_number(memory, "guest_bytes") / (KIB * KIB),
	       (double)client_number(memory, "beside_bytes") / (KIB * KIB));
}

/* An object of objects as rows, whose columns are named by the first one's keys. */
static void print_rows(const char *head, struct json_object *rows)
{
	bool first = true;

	if (!rows)
		return;
	json_object_object_foreach(rows, name, row) {
		if (first) {
			printf("\n%-10s", head);
			json_object_object_foreach(row, key, value) {
				(void)value;
				printf(" %*s", strlen(key) < 12 ? 12 : (int)strlen(key), key);
			}
			puts("");
		}
		first = false;
		printf("%-10s", name);
		json_object_object_foreach(row, key, value)
			printf(" %*" PRId64, strlen(key) < 12 ? 12 : (int)strlen(key),
			       json_object_get_int64(value));
		puts("");
	}
}

/* An object of numbers and words on one line. */
static void print_line(const char *head, struct json_object *o, bool zeros)
{
	const char *separator = ":";

	if (!o)
		return;
	printf("%s", head);
	json_object_object_foreach(o, key, value) {
		if (json_object_is_type(value, json_type_object) ||
		    (!zeros && json_object_is_type(value, json_type_int) &&
		     !json_object_get_int64(value)))
			continue;
		printf("%s %s %s", separator, key, json_object_get_string(value));
		separator = ",";
	}
	puts(separator[0] == ':' ? ": none" : "");
}

static void print_threads(struct json_object *threads)
{
	printf("\n%-16s %8s %12s %12s\n", "thread", "id", "sleeps", "preemptions");
	for (size_t i = 0; i < json_object_array_length(threads); i++) {
		struct json_object *t = json_object_array_get_idx(threads, i);

		printf("%-16s %8" PRId64 " %12" PRId64 " %12" PRId64 "\n",
		       client_text(t, "name", "-"), client_number(t, "id"),
		       client_number(t, "voluntary_switches"),
		       client_number(t, "involuntary_switches"));
	}
}

static void print_table(const char *name, struct json_object *o)
{
	struct json_object *loop = child(o, "loop");

	print_head(name, o);
	print_rows("exits", child(o, "exits"));
	print_rows("drive", child(o, "drives"));
	puts("");
	print_line("interrupts", child(o, "interrupts"), false);
	print_line("event loop", loop, false);
	print_line("  for", child(loop, "sources"), false);
	print_line("  timers", child(loop, "timers"), false);
	print_line("display", child(o, "display"), true);
	print_line("viewers", child(o, "vnc"), true);
	print_line("browsers", child(o, "web"), true);
	print_line("window", child(o, "window"), true);
	print_threads(child(o, "threads"));
}

int verb_stats(const struct arguments *a)
{
	struct call c = { a->text[0], client_request("stats"), .passed = -1, .patience = PATIENCE };
	int status = client_call(&c);

	if (status != STATUS_OK)
		return status;
	json_object_object_del(c.answer, "ok");
	add_memory(c.answer, c.pid);
	add_threads(c.answer, c.pid);
	if (a->json)
		puts(json_object_to_json_string_ext(c.answer, JSON_C_TO_STRING_PRETTY |
								      JSON_C_TO_STRING_SPACED));
	else
		print_table(c.name, c.answer);
	json_object_put(c.answer);
	return STATUS_OK;
}
