/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The firmware's images, read from files. They come from Debian's package seabios; nothing is
 * built or shipped here. Before the sandbox: this opens files.
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

enum { PATH_LEN = 4096 };
#define PACKAGED_DIR "/usr/share/seabios"
#define ADVICE	     "install the package seabios, or set CAISSON_FIRMWARE to where its images are"

struct rom_limits {
	const char *file;
	uint64_t least, most;
};

/* The BIOS fills the last 128 KiB below 1 MiB at least; 16 MiB below 4 GiB are its at most. */
static const struct rom_limits bios_limits = { "bios-256k.bin", 128 << 10, 16 << 20 };
static const struct rom_limits vga_limits = { "vgabios-stdvga.bin", 2 << 10, 64 << 10 };

static uint64_t round_up_to_power(uint64_t len)
{
	uint64_t p = 4096;

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
static int rom_read(struct firmware_rom *rom, int fd, uint64_t len)
{
	uint64_t room = round_up_to_power(len);
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

/* Only an image of a BIOS whose end is at 4 GiB boots, so its size must be a power of two. */
static bool size_fits(const struct rom_limits *lim, uint64_t len)
{
	if (len < lim->least || len > lim->most)
		return false;
	return lim != &bios_limits || round_up_to_power(len) == len;
}

static int rom_open(int *fd, struct stat *st, const char *path, char **why)
{
	int err;

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd >= 0 && !fstat(*fd, st))
		return 0;
	err = -errno;
	*why = sentence("Cannot open the firmware %s (%s); %s.", path, strerror(-err), ADVICE);
	if (*fd >= 0)
		close(*fd);
	return err;
}

static int rom_load(struct firmware_rom *rom, const char *dir, const struct rom_limits *lim,
		    char **why)
{
	char path[PATH_LEN];
	struct stat st;
	int fd, err;

	snprintf(path, sizeof(path), "%s/%s", dir, lim->file);
	err = rom_open(&fd, &st, path, why);
	if (err)
		return err;
	if (!S_ISREG(st.st_mode) || !size_fits(lim, st.st_size)) {
		*why = sentence("%s is not a usable firmware image (%lld bytes); %s.", path,
				(long long)st.st_size, ADVICE);
		err = -EINVAL;
	} else {
		err = rom_read(rom, fd, st.st_size);
		if (err)
			*why = sentence("Cannot read the firmware %s (%s); %s.", path,
					strerror(-err), ADVICE);
	}
	close(fd);
	return err;
}

static const char *rom_dir(const char *dir)
{
	if (!dir)
		dir = getenv("CAISSON_FIRMWARE");
	return dir && *dir ? dir : PACKAGED_DIR;
}

void firmware_load_vga_rom(struct firmware_roms *roms, const char *dir)
{
	char *why = NULL;

	*roms = (struct firmware_roms){ 0 };
	rom_load(&roms->vga, rom_dir(dir), &vga_limits, &why);
	free(why);
}

int firmware_load_roms(struct firmware_roms *roms, const char *dir, char **why)
{
	int err;

	*roms = (struct firmware_roms){ 0 };
	dir = rom_dir(dir);
	err = rom_load(&roms->bios, dir, &bios_limits, why);
	if (!err)
		err = rom_load(&roms->vga, dir, &vga_limits, why);
	if (err)
		firmware_free_roms(roms);
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
