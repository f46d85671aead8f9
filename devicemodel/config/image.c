// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a file seems to be, from its first sectors and its name: CD-ROM, disk, or configuration
 * file; and which formats there are that this version cannot read.
 * Reference: ECMA-119, "Volume Descriptors"; the headers of each image format.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

enum {
	HEAD_LEN = 4096,
	ISO_DESCRIPTOR = 32768, /* the first: a type, "CD001", ... */
	ISO_PRIMARY = 1,
	ISO_VOLUME_SIZE = 80, /* in it, 32 bits: sectors */
	ISO_HEAD_LEN = 84,
	ISO_SECTOR = 2048,
	ISO_PADDING = 512 << 10, /* may be missing at the end */
	MBR_SIGNATURE = 510,
};

struct head {
	bool block_device;
	uint64_t size; /* 0 for a block device */
	size_t len;
	unsigned char bytes[HEAD_LEN];
	unsigned char iso[ISO_HEAD_LEN];
};

/* Formats by a signature at an offset. Those that are text come with the rest. */
struct format {
	size_t off, len;
	const char *signature, *name, *advice;
};

#define CONVERT "convert it with 'qemu-img convert -O raw FILE FILE.img'"
#define UNPACK	"unpack it first"

static const struct format formats[] = {
	{ 0, 4, "QFI\xfb", "a qcow2 image", CONVERT },
	{ 0, 4, "QED\0", "a QED image", CONVERT },
	{ 0, 4, "KDMV", "a VMDK image", CONVERT },
	{ 0, 21, "# Disk DescriptorFile", "a VMDK image", CONVERT },
	{ 0, 8, "conectix", "a VHD image", CONVERT },
	{ 0, 8, "vhdxfile", "a VHDX image", CONVERT },
	{ 64, 4, "\x7f\x10\xda\xbe", "a VDI image", CONVERT },
	{ 0, 2, "\x1f\x8b", "compressed with gzip", UNPACK },
	{ 0, 6,
	  "\xfd"
	  "7zXZ\0",
	  "compressed with xz", UNPACK },
	{ 0, 3, "BZh", "compressed with bzip2", UNPACK },
	{ 0, 4, "\x28\xb5\x2f\xfd", "compressed with zstd", UNPACK },
	{ 0, 4, "PK\3\4", "a zip archive", UNPACK },
};

static const struct format *format_of(const struct head *h)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		const struct format *f = &formats[i];

		if (h->len >= f->off + f->len && !memcmp(h->bytes + f->off, f->signature, f->len))
			return f;
	}
	return NULL;
}

static int refuse_format(const char *path, const struct format *f, char **why)
{
	return config_refuse(why, "%s is %s, and this version reads raw images only; %s.", path,
			     f->name, f->advice);
}

/* 0, or -errno of what went wrong. */
static int read_head(struct head *h, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = 0;
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		err = S_ISDIR(st.st_mode) ? -EISDIR : -ENOTBLK;
	if (!err) {
		n = pread(fd, h->bytes, HEAD_LEN, 0);
		h->len = n > 0 ? (size_t)n : 0;
		err = n < 0 ? -errno : 0;
		h->block_device = S_ISBLK(st.st_mode);
		h->size = h->block_device ? 0 : (uint64_t)st.st_size;
		if (pread(fd, h->iso, sizeof(h->iso), ISO_DESCRIPTOR) != sizeof(h->iso))
			memset(h->iso, 0, sizeof(h->iso));
	}
	close(fd);
	return err;
}

static int refuse_file(const char *path, int err, char **why)
{
	if (err == -EISDIR)
		return config_refuse(why,
				     "%s is a folder; name an ISO, a disk image or a "
				     "configuration file.",
				     path);
	if (err == -ENOTBLK)
		return config_refuse(why,
				     "%s is neither a file nor a block device; name an ISO, a "
				     "disk image or a configuration file.",
				     path);
	return config_refuse(why, "%s cannot be read: %s; check the name and its permissions.",
			     path, strerror(-err));
}

static bool is_iso(const struct head *h)
{
	return !memcmp(h->iso + 1, "CD001", 5);
}

static bool has_ending(const char *path, const char *ending)
{
	size_t n = strlen(path), e = strlen(ending);

	return n > e && !strcasecmp(path + n - e, ending);
}

static bool is_boot_sector(const struct head *h)
{
	return h->len >= 512 && h->bytes[MBR_SIGNATURE] == 0x55 &&
	       h->bytes[MBR_SIGNATURE + 1] == 0xaa;
}

/* A Linux kernel has a boot sector's signature too. */
static bool is_kernel(const struct head *h)
{
	return is_boot_sector(h) && h->len >= 0x206 && !memcmp(h->bytes + 0x202, "HdrS", 4);
}

static bool is_text(const struct head *h)
{
	for (size_t i = 0; i < h->len; i++) {
		unsigned char ch = h->bytes[i];

		if (ch == 0x7f || (ch < 0x20 && !(ch >= '\t' && ch <= '\r')))
			return false;
	}
	return h->len > 0 && !h->block_device;
}

int image_guess(const char *path, enum image_kind *kind, const char **what, char **why)
{
	struct head h = { 0 };
	const struct format *f;
	int err = read_head(&h, path);

	if (err)
		return refuse_file(path, err, why);
	if (!h.block_device && !h.size)
		return config_refuse(why,
				     "%s is empty; name an ISO, a disk image or a "
				     "configuration file.",
				     path);
	f = format_of(&h);
	if (f)
		return refuse_format(path, f, why);
	if (is_kernel(&h))
		return config_refuse(why,
				     "%s is a Linux kernel; to start it without firmware, write "
				     "--kernel in front of it.",
				     path);
	*kind = IMAGE_DISK;
	if (is_iso(&h)) {
		*kind = IMAGE_CDROM;
		*what = "an ISO 9660 image";
	} else if (has_ending(path, ".iso")) {
		*kind = IMAGE_CDROM;
		*what = "a CD-ROM image by its name";
	} else if (is_boot_sector(&h)) {
		*what = "a disk image with a boot sector";
	} else if (is_text(&h)) {
		*kind = IMAGE_CONFIG;
		*what = "a configuration file";
	} else {
		*what = h.block_device ? "a block device" : "a disk image without a boot sector";
	}
	return 0;
}

int image_check_raw(const char *path, char **why)
{
	struct head h = { 0 };
	const struct format *f;

	if (read_head(&h, path)) /* the block back end says why, when it opens the file */
		return 0;
	f = format_of(&h);
	return f ? refuse_format(path, f, why) : 0;
}

int image_check_disc(const char *path, char **why)
{
	const unsigned char *size;
	struct head h = { 0 };
	uint64_t want;

	if (read_head(&h, path)) /* as above */
		return 0;
	size = h.iso + ISO_VOLUME_SIZE;
	want = (uint64_t)(size[0] | size[1] << 8 | size[2] << 16 | (uint32_t)size[3] << 24) *
	       ISO_SECTOR;
	if (h.block_device || !is_iso(&h) || h.iso[0] != ISO_PRIMARY)
		return 0;
	if (want <= h.size + ISO_PADDING)
		return 0;
	return config_refuse(why,
			     "%s is cut short: its file system has %llu MiB, of which there are "
			     "%llu; get it again.", path, (unsigned long long)(want / CONFIG_MIB),
			     (unsigned long long)(h.size / CONFIG_MIB));
}
