/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What `caisson run` is asked for: one struct, filled with defaults, then from a configuration
 * file, then from options, and resolved before anything is opened.
 *
 * Functions that can fail give 0 or -errno and put one sentence for the user into *why (to be
 * freed); *why is NULL only when memory ran out. Every such failure is exit status 1.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "dm/vram.h"

#define CONFIG_MIB	 (1ull << 20)
#define CONFIG_IDLE_AUTO UINT64_MAX /* what suits the hypervisor */

enum {
	CONFIG_DRIVES = 4,   /* hda, hdb, hdc, hdd: channel n / 2, unit n % 2 */
	CONFIG_DRIVE_CD = 2, /* hdc, where the CD-ROM drive goes by default */
	CONFIG_CPUS_MAX = 16,
	CONFIG_NAME_MAX = 64,
	CONFIG_SERIAL_MAX = 20, /* of a drive, as ATA has it */
	CONFIG_VNC_PORT = 5900,
	CONFIG_VNC_SEARCH = 100, /* 5900 to 5999 are tried when the address is the default */
	CONFIG_WEB_PORT = 6080,
	CONFIG_WEB_SEARCH = 20, /* 6080 to 6099 are tried when no port was given */
};

enum config_action { CONFIG_DESTROY, CONFIG_RESTART };

struct config_drive {
	bool present;
	bool cdrom;
	bool read_only; /* always, for a CD-ROM */
	bool no_discard; /* the image keeps its blocks when the guest gives them up */
	char *path;	/* NULL: a CD-ROM drive without a disc */
	char *serial;	/* NULL, until config_finish(): one that follows from uuid and place */
};

/* A line for the user at start. */
struct config_note {
	bool warning;
	char *text;
};

struct config {
	char *name;		       /* config_name_ok() holds for it */
	char *uuid;		       /* 8-4-4-4-12 hexadecimal digits, lower case */
	uint64_t memory, video_memory; /* bytes, whole MiB; video_memory a power of two */
	unsigned cpus;
	struct config_drive drives[CONFIG_DRIVES];
	char *firmware;	 /* seabios, ovmf, or the path of an image */
	char *kernel;	 /* started without firmware; NULL: none */
	char *initrd;	 /* its initial file system; NULL: none */
	char *append;	 /* its command line; NULL: empty */
	char boot[4];	 /* letters c, d, n in order; "" until config_finish() */
	char *vnc;	 /* ADDR:PORT or unix:PATH; NULL: no VNC server */
	bool vnc_search; /* the address is the default: see config_next_vnc() */
	char *web;	 /* ADDR:PORT; NULL: no web server */
	bool web_search; /* the port was not given: see config_next_web() */
	char *web_certificate, *web_key; /* files for TLS, both or none */
	char *vnc_password_file; /* see ui/vnc.h; NULL: none */
	char *vnc_password;	 /* instead of the file, from a configuration file; NULL: none */
	bool sdl;	 /* a window */
	char *serial;	 /* as chr_open() takes it: stdio, pty, file:PATH, none */
	char *debugcon;	 /* the same */
	enum vram_mode vram_tracking;
	uint64_t vram_idle_ns; /* whole ms, or CONFIG_IDLE_AUTO */
	char *accel;	 /* auto, caisson, kvm, or the path of a device node */
	bool local_time, exit_port, discard_changes;
	bool sandbox;
	char *user; /* whom root becomes in the sandbox; NULL: nobody */
	enum config_action on_reboot; /* CONFIG_DESTROY: a reset ends the guest */
	enum config_action on_crash;  /* CONFIG_DESTROY: a triple fault ends the guest */

	bool dry_run, verbose;
	char *source; /* the positional argument; NULL: none */
	struct config_note *notes;
	size_t n_notes;
};

/* Defaults. 0 or -ENOMEM; config_free() takes what either left. */
int config_init(struct config *c);
void config_free(struct config *c);

/*
 * `caisson run`: argv[0] is the verb, the rest its arguments. Reads the configuration file if one
 * is named and finishes the configuration. 0; 1 when --help was asked for and nothing is to be
 * run; -errno. *c must come from config_init(). The caller prints c->notes.
 */
int options_parse_run(struct config *c, int argc, char **argv, char **why);
void options_print_help(FILE *f);

/* Reads a file in xl.cfg's syntax; see config_finish(). */
int config_read_file(struct config *c, const char *path, char **why);
/* The same from memory; file is for messages only. */
int config_read_text(struct config *c, const char *file, const char *text, size_t len, char **why);
/* Derives what was not given (name, uuid, boot order) and checks what depends on two settings. */
int config_finish(struct config *c, char **why);

/* The whole configuration in the file format; reading it back gives the same configuration. */
void config_dump(const struct config *c, FILE *f);

/*
 * For when c->vnc turned out to be in use: 0 after moving c->vnc to the next port; -EADDRINUSE
 * when the address was the user's choice or every port has been tried.
 */
int config_next_vnc(struct config *c);
int config_next_web(struct config *c); /* the same for c->web */

/* Letters, digits and ._- with one of the former first, up to CONFIG_NAME_MAX: fit for a file. */
bool config_name_ok(const char *name);
const char *config_drive_name(unsigned drive); /* "hda" */

/* 512M, 2G, 1.5G, 64K, 1T, also with iB; a plain number counts MiB. 0, -EINVAL or -ERANGE. */
int units_parse(const char *s, uint64_t *bytes);

#endif
