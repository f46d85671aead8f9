// SPDX-License-Identifier: GPL-2.0-only
/* Tests of configuration files: the syntax of xl.cfg, what its keys do, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

#include "config/internal.h"
#include "config/xlcfg.h"

static void parse(struct xlcfg *x, const char *text)
{
	char *why = NULL;

	if (xlcfg_parse(x, "f.cfg", text, strlen(text), &why))
		fail_msg("%s", why);
}

static void test_syntax(void **state)
{
	static const char text[] = "# a comment\n"
				   "name = \"web\" # another\n"
				   "\n"
				   "memory=512; vcpus\t=\t2 ;\n"
				   "quoted = 'it\\'s # not a comment'\r\n"
				   "list = [ 'a', # first\n"
				   "\t\"b\",\n"
				   "\t3 ]\n"
				   "empty = []\n"
				   "hex = 0x10\n"
				   "minus = -5\n"
				   "escape = \"a\\\\b\\\"c\\n\\x41\"\n"
				   "list += ['d',]";
	static const struct {
		const char *key, *first;
		unsigned line;
		size_t n;
	} expected[] = {
		{ "name", "web", 2, 1 },
		{ "memory", "512", 4, 1 },
		{ "vcpus", "2", 4, 1 },
		{ "quoted", "it's # not a comment", 5, 1 },
		{ "list", "a", 6, 4 },
		{ "empty", NULL, 9, 0 },
		{ "hex", "0x10", 10, 1 },
		{ "minus", "-5", 11, 1 },
		{ "escape", "a\\b\"c\nA", 12, 1 },
	};
	struct xlcfg x;

	parse(&x, text);
	assert_int_equal(x.n, sizeof(expected) / sizeof(expected[0]));
	for (size_t i = 0; i < x.n; i++) {
		assert_string_equal(x.settings[i].key, expected[i].key);
		assert_int_equal(x.settings[i].line, expected[i].line);
		assert_int_equal(x.settings[i].n, expected[i].n);
		if (x.settings[i].n)
			assert_string_equal(x.settings[i].values[0].text, expected[i].first);
	}
	assert_int_equal(x.settings[4].values[2].line, 8);
	assert_string_equal(x.settings[4].values[3].text, "d");
	xlcfg_free(&x);
}

static void test_syntax_errors(void **state)
{
	static const struct {
		const char *text, *where;
	} cases[] = {
		{ "name", "f.cfg:1: " },	  { "\n\nname = ", "f.cfg:3: " },
		{ "name = web", "f.cfg:1: " },	  { "name = \"web\nvcpus = 1", "f.cfg:1: " },
		{ "name = 'web", "f.cfg:1: " },	  { "x = 1 2", "f.cfg:1: " },
		{ "\nx = [ 1 2 ]", "f.cfg:2: " }, { "x = [\n 1,\n", "f.cfg:1: " },
		{ "x = [ [1] ]", "f.cfg:1: " },	  { "x = \"\\q\"", "f.cfg:1: " },
		{ "x = \"\\x00\"", "f.cfg:1: " }, { "x = \"\\x4", "f.cfg:1: " },
		{ "x = \"\\", "f.cfg:1: " },	  { "= 1", "f.cfg:1: " },
		{ "x += 1", "f.cfg:1: " },	  { "x = 1\nx += [2]", "f.cfg:2: " },
		{ "x =\n1", "f.cfg:1: " },	  { "]", "f.cfg:1: " },
		{ "x = [,]", "f.cfg:1: " },	  { "x = 1;;y", "f.cfg:1: " },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct xlcfg x;
		char *why = NULL;

		if (xlcfg_parse(&x, "f.cfg", cases[i].text, strlen(cases[i].text), &why) != -EINVAL)
			fail_msg("accepted: %s", cases[i].text);
		if (strncmp(why, cases[i].where, strlen(cases[i].where)))
			fail_msg("'%s' gave: %s", cases[i].text, why);
		free(why);
		xlcfg_free(&x);
	}
}

/* Any bytes: no more than an error; the sanitizers watch. The text has no end of its own. */
static void test_syntax_of_noise(void **state)
{
	static const char alphabet[] = "ax=[]'\"\\#\n;,+ 0-\xff";
	uint32_t seed = 1;

	for (unsigned round = 0; round < 20000; round++) {
		size_t len = round % 24;
		char *text = malloc(len + 1), *why = NULL;
		struct xlcfg x;

		for (size_t i = 0; i < len; i++) {
			seed = seed * 1664525u + 1013904223u;
			text[i] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
		}
		text = realloc(text, len ? len : 1);
		xlcfg_parse(&x, "noise", text, len, &why);
		xlcfg_free(&x);
		free(why);
		free(text);
	}
}

/* --- keys ------------------------------------------------------------------------------------ */

static struct config read_config(const char *text)
{
	struct config c;
	char *why = NULL;

	assert_int_equal(config_init(&c), 0);
	if (config_read_text(&c, "f.cfg", text, strlen(text), &why) || config_finish(&c, &why))
		fail_msg("'%s' gave: %s", text, why);
	return c;
}

static void refuses(const char *text, const char *where, const char *culprit)
{
	struct config c;
	char *why = NULL;

	assert_int_equal(config_init(&c), 0);
	if (config_read_text(&c, "f.cfg", text, strlen(text), &why) != -EINVAL)
		fail_msg("accepted: %s", text);
	if (strncmp(why, where, strlen(where)) || !strstr(why, culprit) ||
	    why[strlen(why) - 1] != '.' || strchr(why, '\n'))
		fail_msg("'%s' gave: %s", text, why);
	free(why);
	config_free(&c);
}

static bool has_warning(const struct config *c, const char *text)
{
	for (size_t i = 0; i < c->n_notes; i++) {
		if (c->notes[i].warning && strstr(c->notes[i].text, text))
			return true;
	}
	return false;
}

static void test_keys(void **state)
{
	struct config c =
		read_config("name = 'win'\nbuilder='hvm'\ntype = \"hvm\"\n"
			    "uuid = '01234567-89AB-cdef-0123-456789abcdef'\n"
			    "memory = 2048\nmaxmem = 2048\nvcpus = 2\nboot = 'dc'\n"
			    "vga = 'stdvga'\nvideoram = 32\nlocaltime = 1\n"
			    "serial = ['pty']\nacpi=1\napic=1\npae=1\nnx=1\nhpet=1\n"
			    "on_poweroff='destroy'\non_reboot='destroy'\nvnc=1\n"
			    "vnclisten='0.0.0.0'\nvncdisplay=3\nfirmware='seabios'\n"
			    "accel='kvm'\ndebugcon='file:/x'\nexit_port=1\n"
			    "discard_changes=1\nsdl=1\nvram_tracking='log'\n"
			    "disk = ['format=raw, vdev=hda, access=rw, target=/w.img']\n");

	assert_string_equal(c.name, "win");
	assert_string_equal(c.uuid, "01234567-89ab-cdef-0123-456789abcdef");
	assert_true(c.memory == 2048ull << 20 && c.video_memory == 32ull << 20);
	assert_int_equal(c.cpus, 2);
	assert_string_equal(c.boot, "dc");
	assert_true(c.local_time && c.exit_port && c.discard_changes && c.sdl);
	assert_string_equal(c.serial, "pty");
	assert_string_equal(c.vnc, "0.0.0.0:5903");
	assert_false(c.vnc_search);
	assert_string_equal(c.accel, "kvm");
	assert_int_equal(c.vram_tracking, VRAM_LOG);
	assert_string_equal(c.debugcon, "file:/x");
	assert_int_equal(c.on_reboot, CONFIG_DESTROY);
	assert_string_equal(c.drives[0].path, "/w.img");
	assert_int_equal(c.n_notes, 0);
	config_free(&c);
}

static void firmware_is(const char *text, const char *firmware)
{
	struct config c = read_config(text);

	assert_string_equal(c.firmware, firmware);
	config_free(&c);
}

static void test_firmware_keys(void **state)
{
	firmware_is("", "seabios");
	firmware_is("firmware = 'bios'", "seabios");
	firmware_is("firmware = 'uefi'", "ovmf");
	firmware_is("bios = 'ovmf'", "ovmf");
	firmware_is("bios = 'ovmf'\nbios_path_override = '/x/OVMF.fd'", "/x/OVMF.fd");
	firmware_is("bios_path_override = '/x/OVMF.fd'\nbios = 'ovmf'", "/x/OVMF.fd");
}

static void test_key_errors(void **state)
{
	refuses("\nmemory = 'x'", "f.cfg:2: memory: ", "'x'");
	refuses("memory = [1, 2]", "f.cfg:1: memory: ", "one value");
	refuses("memory = []", "f.cfg:1: memory: ", "one value");
	refuses("vcpus = 17", "f.cfg:1: vcpus: ", "16");
	refuses("type = 'pv'", "f.cfg:1: type: ", "'pv'");
	refuses("vga = 'cirrus'", "f.cfg:1: vga: ", "cirrus");
	refuses("acpi = 0", "f.cfg:1: acpi: ", "this version");
	refuses("hpet = 2", "f.cfg:1: hpet: ", "'2'");
	refuses("sdl = 2", "f.cfg:1: sdl: ", "'2'");
	refuses("on_reboot = 'preserve'", "f.cfg:1: on_reboot: ", "preserve");
	refuses("on_poweroff = 'restart'", "f.cfg:1: on_poweroff: ", "restart");
	refuses("serial = 'tcp::1'", "f.cfg:1: serial: ", "tcp::1");
	refuses("serial = ['pty', 'pty']", "f.cfg:1: serial: ", "2");
	refuses("kernel = ''", "f.cfg:1: kernel: ", "file name");
	refuses("firmware = 'coreboot'", "f.cfg:1: firmware: ", "coreboot");
	refuses("bios = ''", "f.cfg:1: bios: ", "ovmf");
	refuses("vncdisplay = -1", "f.cfg:1: vncdisplay: ", "-1");
	refuses("vncdisplay = 65000", "f.cfg:1: vncdisplay: ", "65000");
	refuses("vnclisten = 'unix:'", "f.cfg: vnclisten: ", "unix:");
	refuses("localtime = 'yes'", "f.cfg:1: localtime: ", "yes");
}

static void test_kernel_keys(void **state)
{
	struct config c = read_config("kernel = '/k'\nramdisk = '/i'\nroot = '/dev/sda1'\n"
				      "extra = 'ro quiet'\n");

	assert_string_equal(c.kernel, "/k");
	assert_string_equal(c.initrd, "/i");
	assert_string_equal(c.append, "root=/dev/sda1 ro quiet");
	config_free(&c);
	c = read_config("kernel = '/k'\nextra = 'quiet'\n");
	assert_string_equal(c.append, "quiet");
	config_free(&c);
	c = read_config("kernel = '/k'\nroot = '/dev/sda1'\ncmdline = 'x y'\n");
	assert_string_equal(c.append, "x y");
	assert_true(has_warning(&c, "root and extra are ignored"));
	config_free(&c);
	c = read_config("kernel = '/usr/lib/xen/boot/hvmloader'\n");
	assert_null(c.kernel);
	config_free(&c);
}

static void test_warnings(void **state)
{
	struct config c = read_config("memory = 256\n\nvif = ['bridge=br0']\nmaxmem = 512\n"
				      "vcpus = 4\nvcpus = 2\nkernel = '/usr/lib/hvmloader'\n"
				      "boot = 'n'\n");

	assert_true(has_warning(&c, "f.cfg:3: the key 'vif'"));
	assert_true(has_warning(&c, "maxmem"));
	assert_true(has_warning(&c, "f.cfg:5: the key 'vcpus'"));
	assert_true(has_warning(&c, "network"));
	assert_int_equal(c.cpus, 2);
	assert_true(c.memory == 256ull << 20);
	config_free(&c);
}

static void check_vnc(const char *text, const char *address, bool search)
{
	struct config c = read_config(text);

	if (address)
		assert_string_equal(c.vnc, address);
	else
		assert_null(c.vnc);
	assert_int_equal(c.vnc_search, search);
	config_free(&c);
}

static void test_vnc_keys(void **state)
{
	check_vnc("vnc = 1", "127.0.0.1:5900", true);
	check_vnc("vnc = 0\nvncdisplay = 1", NULL, true);
	check_vnc("vnclisten = '0.0.0.0'", "0.0.0.0:5900", true);
	check_vnc("vnclisten = '0.0.0.0:7'", "0.0.0.0:5907", false);
	check_vnc("vnclisten = '::1'", "[::1]:5900", true);
	check_vnc("vnclisten = '[::1]'\nvncdisplay = 2", "[::1]:5902", false);
	check_vnc("vncdisplay = 2\nvncunused = 1", "127.0.0.1:5902", true);
	check_vnc("vncport = 80", "127.0.0.1:80", false);
	check_vnc("vnclisten = 'unix:/x'", "unix:/x", false);
}

static void check_password(const char *text, const char *password, const char *file)
{
	struct config c = read_config(text);

	assert_string_equal(c.vnc_password ? c.vnc_password : "", password);
	assert_string_equal(c.vnc_password_file ? c.vnc_password_file : "", file);
	config_free(&c);
}

static void test_vnc_password_keys(void **state)
{
	check_password("vncpasswd = 'secret'", "secret", "");
	check_password("vncpasswd = ''", "", ""); /* as xl has it: none */
	check_password("vnc_password_file = '/x'", "", "/x");
	check_password("vnc_password_file = '/x'\nvncpasswd = 'secret'", "secret", "");
	check_password("vncpasswd = 'secret'\nvnc_password_file = '/x'", "", "/x");
}

/* --- disks ----------------------------------------------------------------------------------- */

struct drive_case {
	const char *entry;
	unsigned drive;
	const char *path, *serial;
	bool read_only, cdrom;
};

static void check_drive(const struct drive_case *t)
{
	struct config c;
	char *why = NULL;
	const struct config_drive *d = &c.drives[t->drive];

	assert_int_equal(config_init(&c), 0);
	if (drives_add_entry(&c, t->entry, &why))
		fail_msg("'%s' gave: %s", t->entry, why);
	assert_true(d->present);
	assert_int_equal(d->read_only, t->read_only);
	assert_int_equal(d->cdrom, t->cdrom);
	if (t->path)
		assert_string_equal(d->path, t->path);
	else
		assert_null(d->path);
	if (t->serial)
		assert_string_equal(d->serial, t->serial);
	config_free(&c);
}

static void test_disk_entries(void **state)
{
	static const struct drive_case cases[] = {
		{ "format=raw, vdev=hda, access=rw, target=/x", 0, "/x", NULL, false, false },
		{ "vdev=hdb,target=/a,b=c", 1, "/a,b=c", NULL, false, false },
		{ "access=ro,vdev=hdd,serial=S1,target=/x y ", 3, "/x y ", "S1", true, false },
		{ "/x,raw,hda,rw", 0, "/x", NULL, false, false },
		{ "/x,,hdb,w", 1, "/x", NULL, false, false },
		{ "/x , raw , hda , r", 0, "/x", NULL, true, false },
		{ "/x,raw,hda", 0, "/x", NULL, false, false },
		{ "/x.iso,raw,hdc,devtype=cdrom", 2, "/x.iso", NULL, true, true },
		{ "/x.iso,,hdc,cdrom", 2, "/x.iso", NULL, true, true },
		{ "file:/x.iso,hdc:cdrom,r", 2, "/x.iso", NULL, true, true },
		{ "phy:/dev/vg/lv,hda,w", 0, "/dev/vg/lv", NULL, false, false },
		{ "vdev=hdc,devtype=cdrom,format=empty", 2, NULL, NULL, true, true },
		{ "devtype=cdrom,vdev=hdc,target=", 2, NULL, NULL, true, true },
		{ "/x,raw,hda,rw,discard,direct-io-safe,backendtype=qdisk", 0, "/x", NULL, false,
		  false },
		{ "/odd=name.img,raw,hda", 0, "/odd=name.img", NULL, false, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_drive(&cases[i]);
}

static void test_disk_errors(void **state)
{
	refuses("disk = [\n'/x,raw,hda',\n'/y,qcow2,hdb']", "f.cfg:3: disk: ", "qcow2");
	refuses("disk = ['/x,raw,hda','/y,raw,hda']", "f.cfg:1: disk: ", "hda is there twice");
	refuses("disk = ['/x,raw,xvda']", "f.cfg:1: disk: ", "xvda");
	refuses("disk = ['/x,raw,hde']", "f.cfg:1: disk: ", "hde");
	refuses("disk = ['/x']", "f.cfg:1: disk: ", "vdev");
	refuses("disk = ['vdev=hda']", "f.cfg:1: disk: ", "target");
	refuses("disk = ['']", "f.cfg:1: disk: ", "target");
	refuses("disk = ['/x,raw,hda,rx']", "f.cfg:1: disk: ", "rx");
	refuses("disk = ['/x,raw,hda,rw,more']", "f.cfg:1: disk: ", "more");
	refuses("disk = ['/x,raw,hda,script=block']", "f.cfg:1: disk: ", "script=block");
	refuses("disk = ['/x,raw,hda,devtype=floppy']", "f.cfg:1: disk: ", "floppy");
	refuses("disk = ['/x,raw,hda,serial=123456789012345678901']", "f.cfg:1: disk: ", "serial");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syntax),		cmocka_unit_test(test_syntax_errors),
		cmocka_unit_test(test_syntax_of_noise), cmocka_unit_test(test_keys),
		cmocka_unit_test(test_key_errors),	cmocka_unit_test(test_kernel_keys),
		cmocka_unit_test(test_firmware_keys),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_vnc_keys),
		cmocka_unit_test(test_vnc_password_keys),	cmocka_unit_test(test_disk_entries),
		cmocka_unit_test(test_disk_errors),
	};

	return cmocka_run_group_tests_name("xlcfg", tests, NULL, NULL);
}
