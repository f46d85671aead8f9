// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACPI tables as an operating system meets them: placed by firmware, then walked from the root
 * pointer. Offsets are those of the ACPI specification's tables.
 */
#include "place.h"

#include <stdio.h>

#define RSDP_AT	  0xf5a40u
#define TABLES_AT 0x7ffe0040u
#define GIB	  (1ull << 30)

struct board {
	struct acpi_files a;
	struct place pl;
};

static const struct firmware_info usual = {
	.vcpus = 2,
	.ram_below_4g = 2 * GIB,
	.has_hpet = true,
};

static void board_make(struct board *b, const struct firmware_info *info)
{
	memset(b, 0, sizeof(*b));
	assert_int_equal(acpi_build(&b->a, info), 0);
	b->pl.file[0] = (struct placed){ .name = FILE_ACPI_RSDP, .blob = &b->a.rsdp,
					 .address = RSDP_AT };
	b->pl.file[1] = (struct placed){ .name = FILE_ACPI_TABLES, .blob = &b->a.tables,
					 .address = TABLES_AT };
	place_run(&b->pl, &b->a.script);
}

/* Guest memory at an address, which must lie in the placed tables. */
static const uint8_t *at(const struct board *b, uint64_t address, size_t len)
{
	assert_true(address >= TABLES_AT);
	assert_true(address - TABLES_AT <= b->a.tables.len);
	assert_true(len <= b->a.tables.len - (address - TABLES_AT));
	return b->a.tables.data + (address - TABLES_AT);
}

/* A table with a header in order. */
static const uint8_t *table_at(const struct board *b, uint64_t address)
{
	uint32_t len = le(at(b, address, 36) + 4, 4);
	const uint8_t *t = at(b, address, len);

	assert_true(len >= 36);
	assert_int_equal(sum(t, len), 0);
	assert_memory_equal(t + 10, "CAISSN", 6);
	return t;
}

static const uint8_t *find(const struct board *b, const char *signature)
{
	const uint8_t *rsdt = table_at(b, le(b->a.rsdp.data + 16, 4));
	uint32_t len = le(rsdt + 4, 4);

	assert_memory_equal(rsdt, "RSDT", 4);
	assert_int_equal((len - 36) % 4, 0);
	for (unsigned off = 36; off < len; off += 4) {
		const uint8_t *t = table_at(b, le(rsdt + off, 4));

		if (!memcmp(t, signature, 4))
			return t;
	}
	return NULL;
}

static void root_pointer(void **state)
{
	struct board b;

	board_make(&b, &usual);
	assert_int_equal(b.a.rsdp.len, 20);
	assert_memory_equal(b.a.rsdp.data, "RSD PTR ", 8);
	assert_int_equal(sum(b.a.rsdp.data, 20), 0);
	assert_int_equal(b.a.rsdp.data[15], 0);
	assert_int_equal(b.pl.file[0].zone, LOADER_FSEG);
	assert_int_equal(b.pl.file[1].zone, LOADER_HIGH);
	assert_non_null(find(&b, "FACP"));
	assert_non_null(find(&b, "SSDT"));
	assert_non_null(find(&b, "APIC"));
	assert_non_null(find(&b, "HPET"));
	assert_non_null(find(&b, "WAET"));
	acpi_free(&b.a);
}

/* Both forms of a port must agree, or Linux complains of the firmware. */
static void same_port(const uint8_t *fadt, unsigned off, unsigned len_off, unsigned gas)
{
	uint32_t port = le(fadt + off, 4);

	assert_int_equal(le(fadt + gas + 4, 8), port);
	if (!port)
		return;
	assert_int_equal(fadt[gas], 1); /* I/O space */
	assert_int_equal(fadt[gas + 1], fadt[len_off] * 8);
	assert_int_equal(fadt[gas + 2], 0);
}

static void fadt_describes_the_piix4(void **state)
{
	const uint8_t *fadt;
	struct board b;

	board_make(&b, &usual);
	fadt = find(&b, "FACP");
	assert_int_equal(le(fadt + 4, 4), 244);
	assert_int_equal(fadt[8], 3);
	assert_int_equal(le(fadt + 46, 2), 9);	     /* SCI */
	assert_int_equal(le(fadt + 48, 4), 0);	     /* no SMI command: ACPI is on */
	assert_int_equal(le(fadt + 56, 4), 0x600);   /* PM1a event */
	assert_int_equal(le(fadt + 64, 4), 0x604);   /* PM1a control */
	assert_int_equal(le(fadt + 76, 4), 0x608);   /* PM timer */
	assert_int_equal(le(fadt + 80, 4), 0xafe0);  /* GPE0 */
	assert_true(le(fadt + 96, 2) > 100);	     /* no C2 */
	assert_true(le(fadt + 98, 2) > 1000);	     /* no C3 */
	assert_int_equal(le(fadt + 109, 2) & 3, 3);  /* legacy devices, 8042 */
	assert_true(le(fadt + 112, 4) & 1 << 10);    /* the reset register is there */
	assert_false(le(fadt + 112, 4) & 1 << 4);    /* a fixed power button */
	assert_false(le(fadt + 112, 4) & 1 << 8);    /* the timer has 24 bits */
	assert_memory_equal(fadt + 116, "\x01\x08\0\0\xf9\x0c\0\0\0\0\0\0\x06", 13);
	same_port(fadt, 56, 88, 148);
	same_port(fadt, 60, 88, 160);
	same_port(fadt, 64, 89, 172);
	same_port(fadt, 68, 89, 184);
	same_port(fadt, 72, 90, 196);
	same_port(fadt, 76, 91, 208);
	same_port(fadt, 80, 92, 220);
	same_port(fadt, 84, 93, 232);
	acpi_free(&b.a);
}

static void fadt_follows_uefi(void **state)
{
	struct firmware_info info = usual;
	const uint8_t *fadt;
	struct board b;

	info.uefi = true;
	board_make(&b, &info);
	fadt = find(&b, "FACP");
	assert_int_equal(le(fadt + 56, 4), 0xb000);
	assert_int_equal(le(fadt + 64, 4), 0xb004);
	assert_int_equal(le(fadt + 76, 4), 0xb008);
	assert_int_equal(le(fadt + 80, 4), 0xafe0);
	same_port(fadt, 56, 88, 148);
	same_port(fadt, 64, 89, 172);
	same_port(fadt, 76, 91, 208);
	acpi_free(&b.a);
}

static void fadt_points_to_facs_and_dsdt(void **state)
{
	const uint8_t *fadt, *facs, *dsdt;
	struct board b;

	board_make(&b, &usual);
	fadt = find(&b, "FACP");
	assert_int_equal(le(fadt + 36, 4) % 64, 0);
	facs = at(&b, le(fadt + 36, 4), 64);
	assert_memory_equal(facs, "FACS", 4);
	assert_int_equal(le(facs + 4, 4), 64);
	assert_int_equal(le(fadt + 132, 8), 0); /* not named twice */
	dsdt = table_at(&b, le(fadt + 40, 4));
	assert_memory_equal(dsdt, "DSDT", 4);
	assert_int_equal(le(fadt + 140, 8), le(fadt + 40, 4));
	acpi_free(&b.a);
}

/* The value of Name (name, <a dword>) in the DSDT */
static uint32_t dsdt_value(const struct board *b, const char *name)
{
	const uint8_t *dsdt = table_at(b, le(find(b, "FACP") + 40, 4));
	uint32_t len = le(dsdt + 4, 4);

	for (uint32_t i = 36; i + 10 <= len; i++)
		if (dsdt[i] == 0x08 && !memcmp(dsdt + i + 1, name, 4)) {
			assert_int_equal(dsdt[i + 5], 0x0c);
			return le(dsdt + i + 6, 4);
		}
	fail_msg("no %s in the DSDT", name);
	return 0;
}

static void dsdt_follows_the_configuration(void **state)
{
	struct firmware_info info = usual;
	struct board b;

	board_make(&b, &info);
	assert_int_equal(dsdt_value(&b, "PCIM"), 0x80000000u);
	assert_int_equal(dsdt_value(&b, "BRDF") & 1, 1);
	acpi_free(&b.a);
	info.ram_below_4g = 3 * GIB;
	info.has_hpet = false;
	board_make(&b, &info);
	assert_int_equal(dsdt_value(&b, "PCIM"), 0xc0000000u);
	assert_int_equal(dsdt_value(&b, "BRDF") & 1, 0);
	assert_null(find(&b, "HPET"));
	acpi_free(&b.a);
}

struct madt_count {
	unsigned cpus, ioapics, overrides, nmis;
};

static void madt_entry(const uint8_t *e, struct madt_count *n)
{
	switch (e[0]) {
	case 0:
		assert_int_equal(e[1], 8);
		assert_int_equal(e[2], n->cpus);
		assert_int_equal(e[3], n->cpus);
		assert_int_equal(le(e + 4, 4), 1);
		n->cpus++;
		break;
	case 1:
		assert_int_equal(e[1], 12);
		assert_int_equal(le(e + 4, 4), 0xfec00000);
		assert_int_equal(le(e + 8, 4), 0);
		n->ioapics++;
		break;
	case 2:
		assert_int_equal(e[1], 10);
		assert_int_equal(le(e + 4, 4), e[3] ? e[3] : 2);
		assert_int_equal(le(e + 8, 2), e[3] ? 0x0d : 0);
		n->overrides++;
		break;
	case 4:
		assert_memory_equal(e, "\x04\x06\xff\0\0\x01", 6);
		n->nmis++;
		break;
	default:
		fail_msg("unexpected entry %u", e[0]);
	}
}

static void check_madt(unsigned vcpus)
{
	struct firmware_info info = usual;
	struct madt_count n = { 0 };
	const uint8_t *madt;
	struct board b;
	uint32_t off = 44;

	info.vcpus = vcpus;
	board_make(&b, &info);
	madt = find(&b, "APIC");
	assert_int_equal(le(madt + 36, 4), 0xfee00000);
	assert_int_equal(le(madt + 40, 4), 1);
	while (off < le(madt + 4, 4)) {
		assert_true(madt[off + 1] >= 2);
		assert_true(off + madt[off + 1] <= le(madt + 4, 4));
		madt_entry(madt + off, &n);
		off += madt[off + 1];
	}
	assert_int_equal(n.cpus, vcpus);
	assert_int_equal(n.ioapics, 1);
	assert_int_equal(n.overrides, 5);
	assert_int_equal(n.nmis, 1);
	acpi_free(&b.a);
}

static void madt_lists_controllers(void **state)
{
	check_madt(1);
	check_madt(64);
	check_madt(FIRMWARE_MAX_VCPUS);
}

/* A PkgLength, and how many bytes it took */
static uint32_t package_length(const uint8_t *p, unsigned *took)
{
	unsigned more = p[0] >> 6;
	uint32_t len = more ? p[0] & 0xf : p[0] & 0x3f;

	for (unsigned i = 0; i < more; i++)
		len |= (uint32_t)p[1 + i] << (4 + 8 * i);
	*took = 1 + more;
	return len;
}

/* A _CST as iasl makes it: one state, C1, its register all 0 but for FFixedHW, which is HLT. */
static const uint8_t *check_idle_states(const uint8_t *p)
{
	static const uint8_t head[] = "\x08_CST\x12\x20\x02\x01\x12\x1c\x04\x11\x14\x0a\x11";
	static const uint8_t generic_register[12 + 3] = { 0x82, 12, 0, 0x7f };
	static const uint8_t tail[] = { 0x79, 0, 0x01, 0x01, 0x0b, 1000 & 0xff, 1000 >> 8 };

	assert_memory_equal(p, head, sizeof(head) - 1);
	p += sizeof(head) - 1;
	assert_memory_equal(p, generic_register, sizeof(generic_register));
	p += sizeof(generic_register);
	assert_memory_equal(p, tail, sizeof(tail));
	return p + sizeof(tail);
}

/* Scope (\_SB) with one Processor for each vCPU, every package as long as it says. */
static void check_ssdt(unsigned vcpus)
{
	struct firmware_info info = usual;
	const uint8_t *ssdt, *p, *end;
	char name[16];
	unsigned took;
	struct board b;

	info.vcpus = vcpus;
	board_make(&b, &info);
	ssdt = find(&b, "SSDT");
	end = ssdt + le(ssdt + 4, 4);
	assert_int_equal(ssdt[36], 0x10);
	assert_ptr_equal(ssdt + 37 + package_length(ssdt + 37, &took), end);
	p = ssdt + 37 + took;
	assert_memory_equal(p, "\\_SB_", 5);
	p += 5;
	for (unsigned n = 0; n < vcpus; n++) {
		assert_true(end - p >= 51);
		assert_memory_equal(p, "\x5b\x83", 2);
		assert_int_equal(package_length(p + 2, &took), 49);
		assert_int_equal(took, 1);
		snprintf(name, sizeof(name), "C%03X", n);
		assert_memory_equal(p + 3, name, 4);
		assert_int_equal(p[7], n);
		assert_int_equal(le(p + 8, 4), 0);
		assert_int_equal(p[12], 0);
		p = check_idle_states(p + 13);
	}
	assert_ptr_equal(p, end);
	acpi_free(&b.a);
}

static void ssdt_lists_processors(void **state)
{
	check_ssdt(1); /* one length byte */
	check_ssdt(4);
	check_ssdt(5); /* two */
	check_ssdt(64);
	check_ssdt(FIRMWARE_MAX_VCPUS);
}

static void hpet_and_waet(void **state)
{
	const uint8_t *t;
	struct board b;

	board_make(&b, &usual);
	t = find(&b, "HPET");
	assert_int_equal(le(t + 4, 4), 56);
	assert_int_equal(le(t + 36, 4), 0x8086a201);
	assert_int_equal(t[40], 0);
	assert_int_equal(le(t + 44, 8), 0xfed00000);
	t = find(&b, "WAET");
	assert_int_equal(le(t + 4, 4), 40);
	assert_int_equal(le(t + 36, 4), 3);
	acpi_free(&b.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_pointer),
		cmocka_unit_test(fadt_describes_the_piix4),
		cmocka_unit_test(fadt_follows_uefi),
		cmocka_unit_test(fadt_points_to_facs_and_dsdt),
		cmocka_unit_test(dsdt_follows_the_configuration),
		cmocka_unit_test(madt_lists_controllers),
		cmocka_unit_test(ssdt_lists_processors),
		cmocka_unit_test(hpet_and_waet),
	};

	return cmocka_run_group_tests_name("acpi", tests, NULL, NULL);
}
