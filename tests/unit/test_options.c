// SPDX-License-Identifier: GPL-2.0-only
/* Tests of `caisson run`'s arguments, with real files for the one whose kind is guessed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"

enum { ARGS_MAX = 14 };

static char folder[64];

static int make_folder(void **state)
{
	strcpy(folder, "/tmp/caisson-test-XXXXXX");
	return mkdtemp(folder) && !chdir(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const files[] = { "cd.iso", "cd.bin",    "mbr.img", "zero.img",
					     "x.cfg",  "empty",	    "q.qcow2", "vmlinuz",
					     "x.gz",   "named.iso", "bad.cfg", "v.vmdk" };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(files[i]);
	return chdir("/") || rmdir(folder) ? -1 : 0;
}

/* A file of len zeros with bytes at off. */
static void make_file(const char *name, off_t len, off_t off, const char *bytes, size_t n)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, len), 0);
	assert_int_equal(pwrite(fd, bytes, n, off), n);
	close(fd);
}

static int run(struct config *c, char **why, const char *const args[])
{
	char *argv[ARGS_MAX + 2] = { (char *)"run" };
	int argc = 1;

	while (args[argc - 1]) {
		argv[argc] = (char *)args[argc - 1];
		argc++;
	}
	*why = NULL;
	assert_int_equal(config_init(c), 0);
	return options_parse_run(c, argc, argv, why);
}

#define ARGS(...) ((const char *const[ARGS_MAX + 1]){ __VA_ARGS__ })

static struct config accepted(const char *const args[])
{
	struct config c;
	char *why;

	if (run(&c, &why, args))
		fail_msg("refused: %s", why);
	assert_null(why);
	return c;
}

static void refused(const char *const args[], const char *culprit)
{
	struct config c;
	char *why;

	assert_int_equal(run(&c, &why, args), -EINVAL);
	assert_non_null(why);
	if (!strstr(why, culprit) || why[strlen(why) - 1] != '.' || strchr(why, '\n'))
		fail_msg("no '%s' in: %s", culprit, why);
	free(why);
	config_free(&c);
}

static bool has_note(const struct config *c, const char *text)
{
	for (size_t i = 0; i < c->n_notes; i++) {
		if (strstr(c->notes[i].text, text))
			return true;
	}
	return false;
}

static void test_all_options(void **state)
{
	struct config c = accepted(ARGS("--name=web", "--memory", "2G", "--cpus=4", "--vnc", "none",
					"--serial=stdio", "--debugcon=file:/x", "--rtc=local",
					"--accel=/dev/kvm", "--exit-port", "--discard-changes",
					"--vnc-password-file", "/pw"));

	assert_string_equal(c.name, "web");
	assert_true(c.memory == 2ull << 30);
	assert_int_equal(c.cpus, 4);
	assert_null(c.vnc);
	assert_string_equal(c.vnc_password_file, "/pw");
	assert_string_equal(c.serial, "stdio");
	assert_string_equal(c.debugcon, "file:/x");
	assert_string_equal(c.accel, "/dev/kvm");
	assert_true(c.local_time && c.exit_port && c.discard_changes);
	assert_false(c.dry_run || c.verbose);
	config_free(&c);
	c = accepted(ARGS("--dry-run", "--verbose", "--rtc", "local", "--rtc", "utc"));
	assert_true(c.dry_run && c.verbose);
	assert_false(c.local_time);
	assert_false(c.exit_port);
	config_free(&c);
}

static void test_drive_order(void **state)
{
	struct config c = accepted(ARGS("--disk", "/1", "--disk", "/2,ro", "--disk=/3,serial=S3",
					"--cdrom", "/cd", "--boot", "dc"));

	assert_string_equal(c.drives[0].path, "/1");
	assert_string_equal(c.drives[1].path, "/2");
	assert_string_equal(c.drives[2].path, "/cd");
	assert_string_equal(c.drives[3].path, "/3");
	assert_string_equal(c.drives[3].serial, "S3");
	assert_true(c.drives[1].read_only && c.drives[2].read_only && c.drives[2].cdrom);
	assert_false(c.drives[0].read_only || c.drives[0].cdrom);
	assert_string_equal(c.boot, "dc");
	assert_string_equal(c.name, "1");
	config_free(&c);
	c = accepted(ARGS("--disk", "/a,,b,ro", "--cdrom", "/x", "--cdrom", "/y"));
	assert_string_equal(c.drives[0].path, "/a,b");
	assert_true(c.drives[0].read_only);
	assert_string_equal(c.drives[2].path, "/y");
	assert_false(c.drives[3].present);
	config_free(&c);
}

static void test_errors(void **state)
{
	refused(ARGS("--frobnicate"), "--frobnicate is not an option");
	refused(ARGS("--frobnicate=1"), "--frobnicate is not an option");
	refused(ARGS("-m", "1G"), "-m is not an option");
	refused(ARGS("--mem", "1G"), "--mem is not an option");
	refused(ARGS("--memory"), "--memory needs a value");
	refused(ARGS("--memory", "--verbose"), "--memory needs a value");
	refused(ARGS("--memory", "x"), "--memory: 'x'");
	refused(ARGS("--verbose=1"), "--verbose takes no value");
	refused(ARGS("--vnc", "5900"), "--vnc: '5900'");
	refused(ARGS("--web", "6080"), "--web: '6080'");
	refused(ARGS("--web", "0.0.0.0:80"), "--web-tls CERT,KEY");
	refused(ARGS("--rtc", "gmt"), "--rtc: 'gmt'");
	refused(ARGS("--disk", ""), "--disk: ");
	refused(ARGS("--disk", ",ro"), "--disk: ");
	refused(ARGS("--disk", "/x,r"), "'r'");
	refused(ARGS("--disk", "/x,serial="), "serial");
	refused(ARGS("--disk", "/x,serial=123456789012345678901"), "serial");
	refused(ARGS("--cdrom", ""), "--cdrom: ");
	refused(ARGS("--disk", "1", "--disk", "2", "--disk", "3", "--disk", "4"), "hdc");
	refused(ARGS("--serial", "stdio", "--debugcon", "stdio"), "stdio");
	refused(ARGS("/nowhere/x.img"), "/nowhere/x.img");
	refused(ARGS("/"), "folder");
	refused(ARGS("/dev/null"), "/dev/null");
	refused(ARGS(""), "cannot be read");
}

static void test_window(void **state)
{
	struct config c = accepted(ARGS("--name", "x"));

	assert_false(c.sdl);
	config_free(&c);
	c = accepted(ARGS("--sdl", "--vnc", "none"));
	assert_true(c.sdl);
	assert_null(c.vnc);
	config_free(&c);
	refused(ARGS("--sdl=1"), "takes no value");
}

static void test_unavailable(void **state)
{
	static const char *const options[] = { "--nic" };

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		refused(ARGS(options[i], "x"), "is not available in this version");
		refused(ARGS(options[i]), options[i]);
	}
	refused(ARGS("--nic=x y"), "--nic is not available");
}

static void test_kernel(void **state)
{
	struct config c = accepted(ARGS("--kernel", "/boot/vmlinuz-6.1.0", "--initrd=/i.gz",
					"--append", "root=/dev/sda1 quiet"));

	assert_string_equal(c.kernel, "/boot/vmlinuz-6.1.0");
	assert_string_equal(c.initrd, "/i.gz");
	assert_string_equal(c.append, "root=/dev/sda1 quiet");
	assert_string_equal(c.name, "vmlinuz-6.1.0");
	assert_false(has_note(&c, "neither a disk"));
	config_free(&c);
	c = accepted(ARGS("--kernel", "k", "--append", "", "--initrd", ""));
	assert_null(c.initrd);
	assert_null(c.append);
	config_free(&c);
	refused(ARGS("--initrd", "/i.gz"), "no kernel");
	refused(ARGS("--append", "quiet"), "no kernel");
	refused(ARGS("--kernel", ""), "--kernel: a kernel's file name");
}

static void test_guess_cd(void **state)
{
	struct config c;

	make_file("cd.bin", 65536, 32769, "CD001", 5);
	make_file("cd.iso", 65536, 32769, "CD001", 5);
	make_file("named.iso", 65536, 0, "", 0);
	c = accepted(ARGS("cd.bin"));
	assert_string_equal(c.drives[2].path, "cd.bin");
	assert_true(c.drives[2].cdrom);
	assert_string_equal(c.boot, "dc");
	assert_string_equal(c.name, "cd");
	assert_true(has_note(&c, "cd.bin is an ISO 9660 image"));
	config_free(&c);
	c = accepted(ARGS("--disk", "/d", "cd.iso", "--boot", "cd"));
	assert_string_equal(c.drives[2].path, "cd.iso");
	assert_string_equal(c.drives[0].path, "/d");
	assert_string_equal(c.boot, "cd");
	assert_string_equal(c.name, "cd");
	config_free(&c);
	c = accepted(ARGS("named.iso"));
	assert_true(c.drives[2].cdrom);
	config_free(&c);
}

static void test_guess_disk(void **state)
{
	struct config c;

	make_file("mbr.img", 65536, 510, "\x55\xaa", 2);
	make_file("zero.img", 65536, 0, "", 0);
	c = accepted(ARGS("--disk", "/second", "mbr.img"));
	assert_string_equal(c.drives[0].path, "mbr.img");
	assert_false(c.drives[0].read_only || c.drives[0].cdrom);
	assert_string_equal(c.drives[1].path, "/second");
	assert_string_equal(c.boot, "cd");
	assert_true(has_note(&c, "mbr.img is a disk image with a boot sector: disk hda."));
	config_free(&c);
	c = accepted(ARGS("--", "zero.img"));
	assert_true(has_note(&c, "without a boot sector"));
	config_free(&c);
}

static void test_guess_refused(void **state)
{
	make_file("empty", 0, 0, "", 0);
	make_file("q.qcow2", 65536, 0, "QFI\xfb", 4);
	make_file("x.gz", 4096, 0, "\x1f\x8b", 2);
	make_file("v.vmdk", 512, 0, "# Disk DescriptorFile\n", 22);
	make_file("vmlinuz", 65536, 510, "\x55\xaa\xeb\x66HdrS", 8);
	refused(ARGS("empty"), "empty is empty");
	refused(ARGS("q.qcow2"), "qcow2");
	refused(ARGS("x.gz"), "gzip");
	refused(ARGS("v.vmdk"), "VMDK");
	refused(ARGS("vmlinuz"), "--kernel");
	refused(ARGS("cd.iso", "mbr.img"), "mbr.img");
	refused(ARGS("--disk", "q.qcow2"), "qcow2");
}

static void test_config_file(void **state)
{
	static const char text[] = "memory = 256\nvcpus = 2\nboot = \"d\"\n"
				   "disk = [ 'q.qcow2,raw,hda,rw', '/cd,raw,hdc,cdrom' ]\n";
	static const char bad[] = "memory = 256\nvcpus = two\n";
	struct config c;

	make_file("q.qcow2", 65536, 0, "QFI\xfb", 4);
	make_file("x.cfg", 0, 0, text, sizeof(text) - 1);
	make_file("bad.cfg", 0, 0, bad, sizeof(bad) - 1);
	c = accepted(ARGS("--memory", "1G", "x.cfg", "--disk", "/more", "--cdrom", "/other"));
	assert_true(c.memory == 1ull << 30); /* the option wins */
	assert_int_equal(c.cpus, 2);
	assert_string_equal(c.boot, "d");
	assert_string_equal(c.name, "x");
	assert_string_equal(c.drives[0].path, "q.qcow2"); /* the file insists that it is raw */
	assert_string_equal(c.drives[1].path, "/more");
	assert_string_equal(c.drives[2].path, "/other");
	assert_true(has_note(&c, "x.cfg is a configuration file"));
	config_free(&c);
	refused(ARGS("bad.cfg"), "bad.cfg:2: ");
}

static void test_sandbox(void **state)
{
	struct config c = accepted(ARGS("--name=a"));

	assert_true(c.sandbox);
	assert_null(c.user);
	config_free(&c);
	c = accepted(ARGS("--name=a", "--user=web", "--sandbox", "off"));
	assert_false(c.sandbox);
	assert_string_equal(c.user, "web");
	config_free(&c);
	refused(ARGS("--name=a", "--sandbox=maybe"), "--sandbox: 'maybe'");
	refused(ARGS("--name=a", "--user="), "--user");
}

static void test_help(void **state)
{
	static const char *const named[] = { "--name",	  "--memory",	       "--cpus",
					     "--disk",	  "--cdrom",	       "--boot",
					     "--vnc",	  "--serial",	       "--rtc",
					     "--accel",	  "--debugcon",	       "--exit-port",
					     "--dry-run", "--discard-changes", "--verbose" };
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	options_print_help(f);
	fclose(f);
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		assert_non_null(strstr(text, named[i]));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_options),   cmocka_unit_test(test_drive_order),
		cmocka_unit_test(test_errors),	      cmocka_unit_test(test_unavailable),
		cmocka_unit_test(test_kernel),	      cmocka_unit_test(test_window),
		cmocka_unit_test(test_guess_cd),      cmocka_unit_test(test_guess_disk),
		cmocka_unit_test(test_guess_refused), cmocka_unit_test(test_config_file),
		cmocka_unit_test(test_help),	      cmocka_unit_test(test_sandbox),
	};

	return cmocka_run_group_tests_name("options", tests, make_folder, remove_folder);
}
