// SPDX-License-Identifier: GPL-2.0-only
/*
 * The firmware's images, read from files. They come from Debian's packages seabios and ovmf;
 * nothing is built or shipped here. Before the sandbox: this opens files.
 * Reference: UEFI Platform Initialization specification, volume 3, "Firmware Volume Header".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dm/log.h"
#include "firmware/firmware.h"

enum { PATH_LEN = 4096, PAGE_LEN = 4096 };
enum { FVH_OFFSET = 40, FVH_LEN = 4 }; /* "_FVH", by which a UEFI firmware volume is known */

struct rom_limits {
	const char *dir, *file;
	uint64_t least, most;
	const char *advice;
};

#define SEABIOS_ADVICE \
	"install the package seabios, or set CAISSON_FIRMWARE to where its images are"
#define OVMF_ADVICE    "install the package ovmf, or set CAISSON_FIRMWARE to where its image is"

/* A BIOS fills the last 128 KiB below 1 MiB at least; 16 MiB below 4 GiB are its at most. */
static const struct rom_limits seabios_limits = { "/usr/share/seabios", "bios-256k.bin", 128 << 10,
						  16 << 20, SEABIOS_ADVICE };
static const struct rom_limits ovmf_limits = { "/usr/share/ovmf", "OVMF.fd", 128 << 10, 16 << 20,
					       OVMF_ADVICE };
static const struct rom_limits path_limits = { NULL, NULL, 128 << 10, 16 << 20,
					       "name another with --firmware" };
static const struct rom_limits vga_limits = { "/usr/share/seabios", "vgabios-stdvga.bin", 2 << 10,
					      64 << 10, SEABIOS_ADVICE };

static uint64_t round_up_to_power(uint64_t len)
{
	uint64_t p = PAGE_LEN;

	while (p < len)
		p *= 2;
	return p;
}

static int read_whole(int fd, uint8_t *p, uint64_t len)
{
	while (len) {
		ssize_t n = read(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		p += n;
		len -= n;
	}
	return 0;
}

/* Pages of its own, because the guest maps them. */
static int rom_read(struct firmware_rom *rom, int fd, uint64_t len, bool round_up)
{
	uint64_t room = round_up ? round_up_to_power(len) : len;
	void *p = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err;

	if (p == MAP_FAILED)
		return -ENOMEM;
	err = read_whole(fd, p, len);
	if (err) {
		munmap(p, room);
		return err;
	}
	*rom = (struct firmware_rom){ p, room };
	return 0;
}

/* The end of a BIOS is at 4 GiB, so it must be whole pages. */
static bool size_fits(const struct rom_limits *lim, uint64_t len)
{
	if (len < lim->least || len > lim->most)
		return false;
	return lim == &vga_limits || len % PAGE_LEN == 0;
}

static int rom_open(int *fd, struct stat *st, const char *path, const char *advice, char **why)
{
	int err;

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd >= 0 && !fstat(*fd, st))
		return 0;
	err = -errno;
	*why = sentence("Cannot open the firmware %s (%s); %s.", path, strerror(-err), advice);
	if (*fd >= 0)
		close(*fd);
	return err;
}

static int rom_load_file(struct firmware_rom *rom, const char *path, const struct rom_limits *lim,
			 char **why)
{
	struct stat st;
	int fd, err = rom_open(&fd, &st, path, lim->advice, why);

	if (err)
		return err;
	if (!S_ISREG(st.st_mode) || !size_fits(lim, st.st_size)) {
		*why = sentence("%s is not a usable firmware image (%lld bytes); %s.", path,
				(long long)st.st_size, lim->advice);
		err = -EINVAL;
	} else {
		err = rom_read(rom, fd, st.st_size, lim == &vga_limits);
		if (err)
			*why = sentence("Cannot read the firmware %s (%s); %s.", path,
					strerror(-err), lim->advice);
	}
	close(fd);
	return err;
}

static int rom_load(struct firmware_rom *rom, const char *dir, const struct rom_limits *lim,
		    char **why)
{
	char path[PATH_LEN];

	if (!dir)
		dir = getenv("CAISSON_FIRMWARE");
	snprintf(path, sizeof(path), "%s/%s", dir && *dir ? dir : lim->dir, lim->file);
	return rom_load_file(rom, path, lim, why);
}

void firmware_load_vga_rom(struct firmware_roms *roms, const char *dir)
{
	char *why = NULL;

	*roms = (struct firmware_roms){ 0 };
	rom_load(&roms->vga, dir, &vga_limits, &why);
	free(why);
}

static int load_bios(struct firmware_rom *rom, const char *which, const char *dir, char **why)
{
	if (strchr(which, '/'))
		return rom_load_file(rom, which, &path_limits, why);
	return rom_load(rom, dir, strcmp(which, "ovmf") ? &seabios_limits : &ovmf_limits, why);
}

int firmware_load_roms(struct firmware_roms *roms, const char *which, const char *dir, char **why)
{
	int err;

	*roms = (struct firmware_roms){ 0 };
	err = load_bios(&roms->bios, which, dir, why);
	if (!err)
		err = rom_load(&roms->vga, dir, &vga_limits, why);
	if (err)
		firmware_free_roms(roms);
	else
		roms->uefi = !memcmp((char *)roms->bios.data + FVH_OFFSET, "_FVH", FVH_LEN);
	return err;
}

void firmware_free_roms(struct firmware_roms *roms)
{
	if (roms->bios.data)
		munmap(roms->bios.data, roms->bios.len);
	if (roms->vga.data)
		munmap(roms->vga.data, roms->vga.len);
	*roms = (struct firmware_roms){ 0 };
}
