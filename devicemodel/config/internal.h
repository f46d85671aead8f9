/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of config/ share: setting one value from text, whichever source it came from. */
#ifndef CONFIG_INTERNAL_H
#define CONFIG_INTERNAL_H

#include "config.h"

/* Puts a sentence into *why; gives -EINVAL. */
int config_refuse(char **why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Puts "PREFIX: " in front of the sentence that is in *why; gives err. */
int config_blame(char **why, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Replaces an owned string; value may be NULL. 0 or -ENOMEM. */
int config_replace(char **field, const char *value);
int config_note(struct config *c, bool warning, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* One setting from its text: an option's value, or a key's. */
typedef int config_setter(struct config *c, const char *value, char **why);
config_setter config_set_name, config_set_uuid, config_set_memory, config_set_video_memory;
config_setter config_set_cpus, config_set_boot, config_set_vnc, config_set_serial;
config_setter config_set_web, config_set_web_tls;
config_setter config_set_vnc_password_file, config_set_vnc_password;
config_setter config_set_debugcon, config_set_accel, config_set_user;
config_setter config_set_firmware, config_set_vram_tracking;
config_setter config_set_kernel, config_set_initrd, config_set_append;

/* ADDR:PORT into its parts; *host is the length of ADDR. False for unix:PATH and nonsense. */
bool config_vnc_parts(const char *vnc, size_t *host, unsigned *port);
/* web.c: what depends on other settings. */
int config_check_web(const struct config *c, char **why);

/* drives.c: PATH[,ro][,serial=S]; one image; an entry of xl.cfg's disk list. */
config_setter drives_add_option, drives_set_cdrom, drives_add_entry;
int drives_add_disk(struct config *c, const char *path, char **why);

/* image.c: what a file seems to be. */
enum image_kind { IMAGE_DISK, IMAGE_CDROM, IMAGE_CONFIG };
/* For the one argument of `caisson run`. *what is a phrase such as "a disk image". */
int image_guess(const char *path, enum image_kind *kind, const char **what, char **why);
/* 0 unless the file can be read and is clearly an image of a format other than raw. */
int image_check_raw(const char *path, char **why);
/* 0 unless the file can be read and is clearly only a part of a CD-ROM image. */
int image_check_disc(const char *path, char **why);

/* uuid.c: a name's own, the same each time. */
void uuid_from_name(char uuid[37], const char *name);
/* A drive's of that guest, and of no other drive's or guest's. */
void serial_from_uuid(char serial[CONFIG_SERIAL_MAX + 1], const char *uuid, const char *drive);

#endif
