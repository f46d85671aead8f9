// SPDX-License-Identifier: GPL-2.0-only
/* The verbs that talk to running guests: their arguments, and those that need few lines. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "control/client.h"
#include "control/control.h"
#include "dm/block.h"
#include "dm/log.h"

/* --- list ------------------------------------------------------------------------------------ */

static void print_row(const char *name, pid_t pid, struct json_object *o)
{
	char memory[24] = "-", cpus[16] = "-";

	if (o) {
		snprintf(memory, sizeof(memory), "%lldM",
			 (long long)(client_number(o, "memory") / (int64_t)CONFIG_MIB));
		snprintf(cpus, sizeof(cpus), "%d", (int)client_number(o, "cpus"));
	}
	printf("%-20s %8ld  %-8s %8s %4s  %s\n", name, (long)pid,
	       o ? client_text(o, "state", "-") : "silent", memory, cpus,
	       o ? client_text(o, "vnc", "-") : "-");
}

/* Nobody listens: when nobody owns the name either, the guest died and its files can go. */
static void remove_stale(const struct rundir *dir, const char *name)
{
	pid_t holder;
	int lock = rundir_lock(dir->fd, name, &holder);

	if (lock >= 0)
		rundir_unlock(dir->fd, name, lock);
}

static void list_guest(const struct rundir *dir, const char *name)
{
	struct json_object *answer = NULL;
	int fd = client_connect(dir, name, PATIENCE);

	if (fd == -ECONNREFUSED) {
		remove_stale(dir, name);
		return;
	}
	if (fd == -ENOENT) /* it has ended in this moment */
		return;
	if (fd >= 0)
		answer = client_exchange(fd, client_request("status"), -1);
	print_row(name, rundir_holder(dir->fd, name), answer);
	json_object_put(answer);
	if (fd >= 0)
		close(fd);
}

/* Those that are sockets by their name. */
static int is_socket(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 5 && n - 5 <= CONFIG_NAME_MAX && !strcmp(e->d_name + n - 5, ".sock");
}

static int verb_list(const struct arguments *a)
{
	struct dirent **entries = NULL;
	struct rundir dir;
	int status = client_open_rundir(&dir), n = 0;

	if (status == STATUS_OK) {
		n = scandir(dir.path, &entries, is_socket, alphasort);
		printf("%-20s %8s  %-8s %8s %4s  %s\n", "NAME", "PID", "STATE", "MEMORY", "CPUS",
		       "VNC");
	}
	for (int i = 0; i < n; i++) {
		char *name = entries[i]->d_name;

		name[strlen(name) - 5] = 0;
		if (config_name_ok(name))
			list_guest(&dir, name);
		free(entries[i]);
	}
	free(entries);
	client_close_rundir(&dir);
	return status;
}

/* --- cd -------------------------------------------------------------------------------------- */

/* request: from client_request(); taken over. */
static int call_drive(const struct arguments *a, struct json_object *request, int fd)
{
	struct call c = { a->text[0], request, .passed = fd, .patience = PATIENCE };
	int status;

	if (a->drive)
		json_object_object_add(request, "drive", json_object_new_string(a->drive));
	json_object_object_add(request, "force", json_object_new_boolean(a->force));
	status = client_call(&c);
	json_object_put(c.answer);
	return status;
}

/* The file is opened here: the guest's process sees no files but those that it is given. */
static int insert(const struct arguments *a)
{
	const struct block_options opt = { .read_only = true };
	struct json_object *request;
	const char *file = a->text[2];
	char *why = NULL, *path;
	int fd, status;

	if (block_check_raw(file, &opt, &why))
		return client_fail(STATUS_USAGE, why);
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return client_fail(STATUS_USAGE, sentence("%s cannot be opened: %s.", file,
							  strerror(errno)));
	path = realpath(file, NULL);
	request = client_request("insert");
	json_object_object_add(request, "path", json_object_new_string(path ? path : file));
	free(path);
	status = call_drive(a, request, fd);
	close(fd);
	return status;
}

static int verb_cd(const struct arguments *a)
{
	if (!strcmp(a->text[1], "insert") && a->n == 3)
		return insert(a);
	if (!strcmp(a->text[1], "eject") && a->n == 2)
		return call_drive(a, client_request("eject"), -1);
	return client_fail(STATUS_USAGE,
			   sentence("A disc is put in by 'caisson cd NAME insert FILE' and taken "
				    "out by 'caisson cd NAME eject'."));
}

/* --- verbs without more ---------------------------------------------------------------------- */

static int verb_stop(const struct arguments *a)
{
	const char *name = a->text[0];
	int status = client_ask(name, "stop");

	if (status == STATUS_OK)
		printf("%s was asked to power off; 'caisson kill %s' ends it without asking.\n",
		       name, name);
	return status;
}

static int verb_kill(const struct arguments *a)
{
	return client_ask(a->text[0], "kill");
}

static int verb_reset(const struct arguments *a)
{
	return client_ask(a->text[0], "reset");
}

static int verb_pause(const struct arguments *a)
{
	return client_ask(a->text[0], "pause");
}

static int verb_resume(const struct arguments *a)
{
	return client_ask(a->text[0], "resume");
}

static int verb_web(const struct arguments *a)
{
	struct call c = { a->text[0], client_request("web"), .passed = -1, .patience = PATIENCE };
	int status = client_call(&c);

	if (status == STATUS_OK)
		puts(client_text(c.answer, "url", ""));
	json_object_put(c.answer);
	return status;
}

static int verb_version(const struct arguments *a)
{
	puts("caisson " CAISSON_VERSION);
	return STATUS_OK;
}

/* --- the table ------------------------------------------------------------------------------- */

static int verb_help(const struct arguments *a);

enum { TAKES_TEXT = 1, TAKES_JSON = 2, TAKES_FORCE = 4, TAKES_DRIVE = 8, MANY = 1000 };

struct verb {
	const char *name, *arguments, *help;
	int min, max; /* arguments without a dash */
	unsigned takes;
	int (*run)(const struct arguments *a);
};

static const struct verb verbs[] = {
	{ "list", "", "show the guests that run", 0, 0, 0, verb_list },
	{ "stop", " NAME", "press the power button", 1, 1, 0, verb_stop },
	{ "kill", " NAME", "end a guest at once", 1, 1, 0, verb_kill },
	{ "reset", " NAME", "press the reset button", 1, 1, 0, verb_reset },
	{ "pause", " NAME", "make a guest stand still", 1, 1, 0, verb_pause },
	{ "resume", " NAME", "let a paused guest go on", 1, 1, 0, verb_resume },
	{ "screenshot", " NAME FILE.png | NAME --text",
	  "save the picture on the screen, or print the characters on it", 1, 2, TAKES_TEXT,
	  verb_screenshot },
	{ "type", " NAME TEXT", "type text; - takes it from standard input", 2, 2, 0, verb_type },
	{ "key", " NAME KEYS...", "press keys, such as Ctrl+Alt+Delete or F12", 2, MANY, 0,
	  verb_key },
	{ "mouse", " NAME move DX DY | click BUTTON | wheel N", "use the mouse", 3, 4, 0,
	  verb_mouse },
	{ "cd", " NAME insert FILE | eject [--drive hdX] [--force]",
	  "change the disc in a CD-ROM drive", 2, 3, TAKES_DRIVE | TAKES_FORCE, verb_cd },
	{ "web", " NAME", "print a new address for a browser, to be used once", 1, 1, 0,
	  verb_web },
	{ "stats", " NAME [--json]", "show what a guest costs", 1, 1, TAKES_JSON, verb_stats },
	{ "console", " NAME", "use a guest's serial port from this terminal", 1, 1, 0,
	  verb_console },
	{ "version", "", "print the version", 0, 0, 0, verb_version },
	{ "help", "", "print this", 0, 0, 0, verb_help },
};

static int verb_help(const struct arguments *a)
{
	puts("Usage: caisson VERB [ARGUMENT]...\n"
	     "  run [CONFIG | ISO | IMAGE] [OPTION]...\n"
	     "        start a guest; 'caisson run --help' lists the options");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		printf("  %s%s\n        %s\n", verbs[i].name, verbs[i].arguments, verbs[i].help);
	return STATUS_OK;
}

static const struct verb *find_verb(const char *name)
{
	/* as most programs have them */
	if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		name = "help";
	else if (!strcmp(name, "--version"))
		name = "version";
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (!strcmp(name, verbs[i].name))
			return &verbs[i];
	}
	return NULL;
}

/* --- options --------------------------------------------------------------------------------- */

/* How many arguments the option at argv[0] takes up; 0: the verb has no such option. */
static int take_option(const struct verb *v, struct arguments *a, int argc, char **argv)
{
	if ((v->takes & TAKES_DRIVE) && argc > 1 && !strcmp(argv[0], "--drive")) {
		a->drive = argv[1];
		return 2;
	}
	if ((v->takes & TAKES_TEXT) && !strcmp(argv[0], "--text"))
		a->as_text = true;
	else if ((v->takes & TAKES_JSON) && !strcmp(argv[0], "--json"))
		a->json = true;
	else if ((v->takes & TAKES_FORCE) && !strcmp(argv[0], "--force"))
		a->force = true;
	else if ((v->takes & TAKES_DRIVE) && !strncmp(argv[0], "--drive=", 8))
		a->drive = argv[0] + 8;
	else
		return 0;
	return 1;
}

/* Moves what is not an option to the front of argv. Behind "--" nothing is one. */
static int sort_arguments(const struct verb *v, struct arguments *a, int argc, char **argv)
{
	bool options = true;
	int used;

	a->text = argv;
	for (int i = 0; i < argc; i += used) {
		used = 1;
		if (options && !strcmp(argv[i], "--")) {
			options = false;
		} else if (!options || strncmp(argv[i], "--", 2)) {
			argv[a->n++] = argv[i];
		} else {
			used = take_option(v, a, argc - i, argv + i);
			if (!used)
				return client_fail(STATUS_USAGE,
						   sentence("'caisson %s' has no option %s; write "
							    "caisson %s%s.",
							    v->name, argv[i], v->name,
							    v->arguments));
		}
	}
	return STATUS_OK;
}

/* What a verb has printed counts as done when it has been taken. */
static int flush_output(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	clearerr(stdout);
	return status ? status
		      : client_fail(STATUS_HOST, sentence("Standard output cannot be written: %s.",
							  strerror(errno)));
}

static int run_verb(const struct verb *v, int argc, char **argv)
{
	struct arguments a = { 0 };
	int status = sort_arguments(v, &a, argc, argv);

	if (status != STATUS_OK)
		return status;
	if (a.n < v->min || a.n > v->max)
		return client_fail(STATUS_USAGE,
				   sentence("'caisson %s' takes %s arguments; write caisson %s%s.",
					    v->name, a.n < v->min ? "more" : "fewer", v->name,
					    v->arguments));
	if (v->min && !config_name_ok(a.text[0]))
		return client_fail(STATUS_USAGE,
				   sentence("'%s' cannot be a guest's name; 'caisson list' shows "
					    "those that run.",
					    a.text[0]));
	return flush_output(v->run(&a));
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strcmp(argv[i], "--help"))
			return true;
	}
	return false;
}

int client_main(int argc, char **argv)
{
	const struct verb *v;

	if (argc < 1)
		return client_fail(STATUS_USAGE, sentence("A verb is missing, such as run; "
							  "'caisson help' lists them."));
	v = find_verb(argv[0]);
	if (!v)
		return client_fail(STATUS_USAGE,
				   sentence("'%s' is not a verb; 'caisson help' lists them.",
					    argv[0]));
	if (!wants_help(argc - 1, argv + 1))
		return run_verb(v, argc - 1, argv + 1);
	printf("Usage: caisson %s%s\n        %s\n", v->name, v->arguments, v->help);
	return STATUS_OK;
}
