// SPDX-License-Identifier: GPL-2.0-only
/* Tests of a configuration's values: sizes, names, addresses, what is derived, and the dump. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

#include "config/internal.h"

static void test_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "512", 512ull << 20 },    { "512M", 512ull << 20 },  { "2G", 2ull << 30 },
		{ "2g", 2ull << 30 },	    { "64K", 64ull << 10 },    { "1T", 1ull << 40 },
		{ "1.5G", 1536ull << 20 },  { "0.25M", 256ull << 10 }, { "0", 0 },
		{ "256MiB", 256ull << 20 }, { "256MB", 256ull << 20 }, { "2.000G", 2ull << 30 },
	};
	static const char *const bad[] = {
		"",    "M",  "-1",  "+1",  " 1",   "1 ",  "1X",	 "1GG",
		"1G ", "1.", "1.M", ".5G", "0x10", "1e3", "1Mi", "1.5.5"
	};
	uint64_t v;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(units_parse(good[i].text, &v), 0);
		assert_true(v == good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(units_parse(bad[i], &v), -EINVAL);
	assert_int_equal(units_parse("99999999999999999999", &v), -ERANGE);
	assert_int_equal(units_parse("18446744073709551615T", &v), -ERANGE);
	assert_int_equal(units_parse("16777216T", &v), -ERANGE);
}

static struct config fresh(void)
{
	struct config c;

	assert_int_equal(config_init(&c), 0);
	return c;
}

/* Expects set to refuse value with a sentence that has culprit in it. */
static void refuses(config_setter *set, const char *value, const char *culprit)
{
	struct config c = fresh();
	char *why = NULL;

	assert_int_equal(set(&c, value, &why), -EINVAL);
	assert_non_null(why);
	if (!strstr(why, culprit) || why[strlen(why) - 1] != '.')
		fail_msg("'%s' gave: %s", value, why);
	assert_null(strchr(why, '\n'));
	free(why);
	config_free(&c);
}

static void accepts(struct config *c, config_setter *set, const char *value)
{
	char *why = NULL;

	if (set(c, value, &why))
		fail_msg("'%s' was refused: %s", value, why);
}

static void test_defaults(void **state)
{
	struct config c = fresh();
	char *why = NULL;

	assert_int_equal(config_finish(&c, &why), 0);
	assert_string_equal(c.name, "guest");
	assert_true(c.memory == 1ull << 30);
	assert_int_equal(c.cpus, 1);
	assert_string_equal(c.vnc, "127.0.0.1:5900");
	assert_true(c.vnc_search);
	assert_string_equal(c.boot, "cd");
	assert_string_equal(c.serial, "none");
	assert_string_equal(c.debugcon, "none");
	assert_string_equal(c.accel, "auto");
	assert_false(c.exit_port || c.local_time || c.discard_changes);
	assert_true(c.sandbox);
	assert_int_equal(c.n_notes, 1); /* nothing to boot from */
	assert_true(c.notes[0].warning);
	config_free(&c);
}

static void test_setters_refuse(void **state)
{
	char long_name[CONFIG_NAME_MAX + 2];

	memset(long_name, 'a', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = 0;
	refuses(config_set_name, long_name, "aaaa");
	refuses(config_set_name, "", "''");
	refuses(config_set_name, "../etc", "../etc");
	refuses(config_set_name, ".hidden", ".hidden");
	refuses(config_set_name, "a/b", "a/b");
	refuses(config_set_name, "a b", "a b");
	refuses(config_set_memory, "lots", "lots");
	refuses(config_set_memory, "0", "'0'");
	refuses(config_set_memory, "1025K", "1025K");
	refuses(config_set_memory, "5121K", "whole number of MiB");
	refuses(config_set_memory, "2000000G", "out of range");
	refuses(config_set_video_memory, "24", "power of two");
	refuses(config_set_video_memory, "4", "out of range");
	refuses(config_set_cpus, "0", "'0'");
	refuses(config_set_cpus, "17", "16");
	refuses(config_set_cpus, "-1", "-1");
	refuses(config_set_cpus, "4x", "4x");
	refuses(config_set_cpus, "99999999999999999999", "9999");
	refuses(config_set_boot, "", "''");
	refuses(config_set_boot, "ca", "ca");
	refuses(config_set_boot, "cc", "cc");
	refuses(config_set_boot, "cdnc", "cdnc");
	refuses(config_set_accel, "xen", "xen");
	refuses(config_set_vram_tracking, "lazy", "compare, log");
	refuses(config_set_vram_tracking, "idle:", "500ms");
	refuses(config_set_vram_tracking, "idle:2", "'2'");
	refuses(config_set_vram_tracking, "idle:-2s", "2s");
	refuses(config_set_vram_tracking, "idle:3601s", "3600s");
	refuses(config_set_serial, "tcp:1234", "tcp:1234");
	refuses(config_set_serial, "file:", "file:");
	refuses(config_set_debugcon, "", "''");
	refuses(config_set_uuid, "01234567-89ab-cdef-0123-456789abcde", "01234567");
	refuses(config_set_uuid, "01234567-89ab-cdef-0123-456789abcdefa", "01234567");
	refuses(config_set_uuid, "0123456789abcdef0123456789abcdef", "01234567");
}

static void test_vnc_addresses(void **state)
{
	static const char *const good[] = { "127.0.0.1:5900", "0.0.0.0:0", "localhost:65535",
					    "[::1]:5901", "unix:/run/x.sock" };
	static const char *const bad[] = { "",	    "5900",	":5900",      "127.0.0.1",
					   "host:", "host:x",	"host:65536", "host:59 ",
					   "unix:", "::1:5900", "host:-1",    "host:+1" };
	struct config c = fresh();

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		accepts(&c, config_set_vnc, good[i]);
		assert_string_equal(c.vnc, good[i]);
		assert_false(c.vnc_search);
	}
	accepts(&c, config_set_vnc, "none");
	assert_null(c.vnc);
	config_free(&c);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuses(config_set_vnc, bad[i], bad[i]);
}

static void test_web_addresses(void **state)
{
	static const char *const good[] = { "127.0.0.1:6080", "0.0.0.0:0", "localhost:65535",
					    "[::1]:6081" };
	static const char *const bad[] = { "",	    "6080",	":6080",      "unix:/x",
					   "host:", "host:x",	"host:65536", "[::1]:",
					   "::1",   "::1:6080", "[::1",	      "host:+1" };
	struct config c = fresh();

	assert_null(c.web);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		accepts(&c, config_set_web, good[i]);
		assert_string_equal(c.web, good[i]);
		assert_int_equal(config_next_web(&c), -EADDRINUSE);
	}
	accepts(&c, config_set_web, "[::1]");
	assert_string_equal(c.web, "[::1]:6080");
	accepts(&c, config_set_web, "localhost");
	for (unsigned port = 6081; port < 6100; port++)
		assert_int_equal(config_next_web(&c), 0);
	assert_string_equal(c.web, "localhost:6099");
	assert_int_equal(config_next_web(&c), -EADDRINUSE);
	accepts(&c, config_set_web, "none");
	assert_null(c.web);
	config_free(&c);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuses(config_set_web, bad[i], bad[i]);
	refuses(config_set_web_tls, "cert.pem", "CERT,KEY");
	refuses(config_set_web_tls, "cert.pem,", "CERT,KEY");
	refuses(config_set_web_tls, ",key.pem", "CERT,KEY");
}

/* In clear on the loopback address only, and no certificate for nothing. */
static void test_web_needs_tls(void **state)
{
	static const struct {
		const char *web, *tls;
		int err;
	} cases[] = {
		{ "127.0.0.1:0", NULL, 0 },	    { "127.1.2.3", NULL, 0 },
		{ "localhost", NULL, 0 },	    { "[::1]:1", NULL, 0 },
		{ "0.0.0.0", NULL, -EINVAL },	    { "example.org:6080", NULL, -EINVAL },
		{ "localhost.evil", NULL, -EINVAL }, { "[::]", NULL, -EINVAL },
		{ "0.0.0.0", "/c,/k", 0 },	    { "127.0.0.1", "/c,/k", 0 },
		{ "none", "/c,/k", -EINVAL },	    { "none", NULL, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config c = fresh();
		char *why = NULL;

		accepts(&c, config_set_web, cases[i].web);
		if (cases[i].tls)
			accepts(&c, config_set_web_tls, cases[i].tls);
		assert_int_equal(config_finish(&c, &why), cases[i].err);
		assert_true(!cases[i].err || strstr(why, "--web"));
		free(why);
		config_free(&c);
	}
}

static void test_next_vnc(void **state)
{
	struct config c = fresh();
	unsigned n = 0;

	assert_int_equal(config_next_vnc(&c), 0);
	assert_string_equal(c.vnc, "127.0.0.1:5901");
	while (!config_next_vnc(&c))
		assert_true(++n < 200);
	assert_string_equal(c.vnc, "127.0.0.1:5999");
	assert_int_equal(config_next_vnc(&c), -EADDRINUSE);
	accepts(&c, config_set_vnc, "127.0.0.1:5900");
	assert_int_equal(config_next_vnc(&c), -EADDRINUSE);
	assert_string_equal(c.vnc, "127.0.0.1:5900");
	accepts(&c, config_set_vnc, "none");
	assert_int_equal(config_next_vnc(&c), -EADDRINUSE);
	config_free(&c);
}

static void test_name_from_file(void **state)
{
	static const struct {
		const char *path, *name;
	} cases[] = {
		{ "/images/debian-12.5.0-amd64.iso", "debian-12.5.0-amd64" },
		{ "disk.img", "disk" },
		{ "/x/My Windows (10).img", "My-Windows--10-" },
		{ "/x/.hidden", "hidden" },
		{ "/dev/sda", "sda" },
		{ "-.img", "guest" },
		{ "/x/\xc3\xa9.img", "guest" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config c = fresh();
		char *why = NULL;

		accepts(&c, drives_add_disk, cases[i].path);
		assert_int_equal(config_finish(&c, &why), 0);
		assert_string_equal(c.name, cases[i].name);
		assert_true(config_name_ok(c.name));
		config_free(&c);
	}
}

static void test_uuid_of_name(void **state)
{
	char a[37], b[37], again[37];
	struct config c = fresh();

	uuid_from_name(a, "web");
	uuid_from_name(b, "wec");
	uuid_from_name(again, "web");
	assert_string_equal(a, again);
	assert_string_not_equal(a, b);
	assert_int_equal(a[14], '8');		/* version */
	assert_non_null(strchr("89ab", a[19])); /* variant */
	accepts(&c, config_set_uuid, a);
	accepts(&c, config_set_uuid, "01234567-89AB-CDEF-0123-456789ABCDEF");
	assert_string_equal(c.uuid, "01234567-89ab-cdef-0123-456789abcdef");
	config_free(&c);
}

/* Each drive of each guest has its own, the same each time; what was given stays. */
static void test_serial_numbers(void **state)
{
	struct config c[3];
	char *why;

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(config_init(&c[i]), 0);
		accepts(&c[i], config_set_name, i == 1 ? "wec" : "web");
		accepts(&c[i], drives_add_option, "/a.img");
		accepts(&c[i], drives_add_option, "/b.img,no-discard");
		accepts(&c[i], drives_add_option, "/c.img,serial=MINE");
		assert_int_equal(config_finish(&c[i], &why), 0);
		assert_in_range(strlen(c[i].drives[0].serial), 8, CONFIG_SERIAL_MAX);
		assert_string_not_equal(c[i].drives[0].serial, c[i].drives[1].serial);
		assert_string_equal(c[i].drives[3].serial, "MINE");
		assert_false(c[i].drives[0].no_discard);
		assert_true(c[i].drives[1].no_discard);
	}
	assert_string_not_equal(c[0].drives[0].serial, c[1].drives[0].serial);
	assert_string_not_equal(c[0].drives[1].serial, c[1].drives[0].serial);
	assert_string_equal(c[0].drives[0].serial, c[2].drives[0].serial);
	for (unsigned i = 0; i < 3; i++)
		config_free(&c[i]);
}

static void test_one_user_of_stdio(void **state)
{
	struct config c = fresh();
	char *why = NULL;

	accepts(&c, config_set_serial, "stdio");
	accepts(&c, config_set_debugcon, "stdio");
	assert_int_equal(config_finish(&c, &why), -EINVAL);
	assert_non_null(strstr(why, "stdio"));
	free(why);
	config_free(&c);
}

static char *dump(const struct config *c)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	config_dump(c, f);
	fclose(f);
	return text;
}

static void assert_same_text(const char *a, const char *b)
{
	assert_int_equal(!a, !b);
	if (a)
		assert_string_equal(a, b);
}

static void assert_same(const struct config *a, const struct config *b)
{
	for (unsigned i = 0; i < CONFIG_DRIVES; i++) {
		const struct config_drive *d = &a->drives[i], *e = &b->drives[i];

		assert_int_equal(d->present, e->present);
		assert_int_equal(d->cdrom, e->cdrom);
		assert_int_equal(d->read_only, e->read_only);
		assert_same_text(d->path, e->path);
		assert_same_text(d->serial, e->serial);
	}
	assert_same_text(a->name, b->name);
	assert_same_text(a->uuid, b->uuid);
	assert_same_text(a->boot, b->boot);
	assert_same_text(a->vnc, b->vnc);
	assert_same_text(a->web, b->web);
	assert_same_text(a->web_certificate, b->web_certificate);
	assert_same_text(a->web_key, b->web_key);
	assert_int_equal(a->web_search, b->web_search);
	assert_same_text(a->vnc_password, b->vnc_password);
	assert_same_text(a->vnc_password_file, b->vnc_password_file);
	assert_same_text(a->serial, b->serial);
	assert_same_text(a->debugcon, b->debugcon);
	assert_same_text(a->accel, b->accel);
	assert_int_equal(a->memory, b->memory);
	assert_int_equal(a->video_memory, b->video_memory);
	assert_int_equal(a->vram_tracking, b->vram_tracking);
	assert_int_equal(a->vram_idle_ns, b->vram_idle_ns);
	assert_int_equal(a->cpus, b->cpus);
	assert_int_equal(a->vnc_search, b->vnc_search);
	assert_int_equal(a->local_time, b->local_time);
	assert_int_equal(a->exit_port, b->exit_port);
	assert_int_equal(a->discard_changes, b->discard_changes);
	assert_int_equal(a->sandbox, b->sandbox);
	assert_string_equal(a->user ? a->user : "", b->user ? b->user : "");
	assert_int_equal(a->on_reboot, b->on_reboot);
	assert_int_equal(a->on_crash, b->on_crash);
}

/* What is read back from a dump must be the same and dump to the same text, without a warning. */
static void round_trip(const struct config *c)
{
	struct config again = fresh();
	char *first = dump(c), *second, *why = NULL;

	if (config_read_text(&again, "dump", first, strlen(first), &why))
		fail_msg("%s in:\n%s", why, first);
	assert_int_equal(config_finish(&again, &why), 0);
	for (size_t i = 0; i < again.n_notes; i++)
		assert_null(strstr(again.notes[i].text, "dump"));
	second = dump(&again);
	assert_string_equal(first, second);
	assert_same(c, &again);
	free(first);
	free(second);
	config_free(&again);
}

static void finish_and_trip(struct config *c)
{
	char *why = NULL;

	assert_int_equal(config_finish(c, &why), 0);
	round_trip(c);
	config_free(c);
}

static void test_dump_reads_back(void **state)
{
	struct config c = fresh();

	finish_and_trip(&c);
	c = fresh();
	accepts(&c, drives_add_option, "/a b/x,,y=\"z\"\\.img,ro,serial=S-1");
	accepts(&c, drives_add_option, "new\nline'.img");
	accepts(&c, drives_set_cdrom, "/cd,with,commas.iso");
	accepts(&c, config_set_vnc, "[::1]:5907");
	accepts(&c, config_set_web, "[::1]");
	accepts(&c, config_set_web_tls, "/a \"b\".pem,/c,d.pem");
	accepts(&c, config_set_vnc_password_file, "/etc/a \"word\"");
	accepts(&c, config_set_serial, "file:/tmp/a \"log\"");
	accepts(&c, config_set_accel, "/dev/kvm");
	accepts(&c, config_set_boot, "dc");
	accepts(&c, config_set_cpus, "3");
	accepts(&c, config_set_memory, "768M");
	accepts(&c, config_set_video_memory, "64M");
	accepts(&c, config_set_vram_tracking, "idle:2s");
	assert_int_equal(c.vram_idle_ns, 2000000000);
	c.local_time = c.exit_port = c.discard_changes = true;
	c.sandbox = false;
	c.user = strdup("web");
	c.on_reboot = c.on_crash = CONFIG_DESTROY;
	accepts(&c, config_set_kernel, "/boot/vm linuz");
	accepts(&c, config_set_initrd, "/boot/initrd.img");
	accepts(&c, config_set_append, "root=/dev/sda1 x=\"y z\"");
	finish_and_trip(&c);
	c = fresh();
	accepts(&c, config_set_vnc, "none");
	accepts(&c, config_set_vram_tracking, "compare");
	finish_and_trip(&c);
	c = fresh();
	accepts(&c, config_set_vnc, "unix:/run/a b.sock");
	accepts(&c, config_set_web, "127.0.0.1:6080");
	finish_and_trip(&c);
	c = fresh();
	accepts(&c, config_set_vnc, "0.0.0.0:80");
	accepts(&c, config_set_vnc_password, "a\\ \"b'");
	finish_and_trip(&c);
}

static void test_dump_has_every_key(void **state)
{
	static const char *const lines[] = {
		"name = \"guest\"\n",
		"memory = 1024\n",
		"vcpus = 1\n",
		"boot = \"cd\"\n",
		"videoram = 16\n",
		"vram_tracking = \"idle\"\n",
		"vnc = 1\n",
		"vnclisten = \"127.0.0.1\"\n",
		"vncdisplay = 0\n",
		"vncunused = 1\n",
		"web = \"none\"\n",
		"serial = \"none\"\n",
		"debugcon = \"none\"\n",
		"localtime = 0\n",
		"accel = \"auto\"\n",
		"exit_port = 0\n",
		"discard_changes = 0\n",
		"on_reboot = \"restart\"\n",
		"type = \"hvm\"\n",
	};
	struct config c = fresh();
	char *why = NULL, *text;

	assert_int_equal(config_finish(&c, &why), 0);
	text = dump(&c);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (!strstr(text, lines[i]))
			fail_msg("no %s in:\n%s", lines[i], text);
	}
	free(text);
	config_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units),		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_setters_refuse),	cmocka_unit_test(test_vnc_addresses),
		cmocka_unit_test(test_next_vnc),	cmocka_unit_test(test_name_from_file),
		cmocka_unit_test(test_uuid_of_name),	cmocka_unit_test(test_one_user_of_stdio),
		cmocka_unit_test(test_dump_reads_back), cmocka_unit_test(test_dump_has_every_key),
		cmocka_unit_test(test_serial_numbers),	cmocka_unit_test(test_web_addresses),
		cmocka_unit_test(test_web_needs_tls),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
