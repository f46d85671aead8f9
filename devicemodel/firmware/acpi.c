// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACPI tables, written as two files for the firmware to place: the root pointer, which BIOSes keep
 * in the F segment, and everything else. The DSDT comes from firmware/acpi/dsdt.asl.
 *
 * Root pointer of revision 0 with an RSDT: every system since Windows 98 reads that. ACPI mode is
 * always on (no SMI command): there is no SMM that could own the hardware before.
 * Missing: sleep states other than soft-off, NUMA, processor or memory hotplug.
 * Reference: ACPI Specification 3.0, "ACPI Software Programming Model"; IA-PC HPET Specification
 * 1.0a, "The ACPI HPET Description Table"; Windows ACPI Emulated Devices Table 1.0; ACPI
 * Specification 2.0, "AML Specification" (the SSDT).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dm/isa.h"
#include "firmware/tables.h"

extern const unsigned char dsdt_aml[];
extern const unsigned int dsdt_aml_len;

enum { SPACE_MEMORY = 0, SPACE_IO = 1 };
enum { TABLES_ALIGN = 64, RSDP_ALIGN = 16 };
enum { HEADER_LEN = 36, HEADER_LENGTH = 4, HEADER_CHECKSUM = 9 };
enum { RSDP_LEN = 20, RSDP_CHECKSUM = 8, RSDP_RSDT = 16, FACS_LEN = 64 };
enum { PM1_EVT_LEN = 4, PM1_CNT_LEN = 2, PM_TMR_LEN = 4, GPE0_LEN = 4 };
enum { PM1_EVT = 0, PM1_CNT = 4, PM_TMR = 8 }; /* from where the firmware puts them */
#define IOAPIC_BASE 0xfec00000u
#define LAPIC_BASE  0xfee00000u
#define HPET_BASE   0xfed00000u

/* "Fixed ACPI Description Table Fixed Feature Flags" */
enum {
	FADT_WBINVD = 1 << 0,
	FADT_PROC_C1 = 1 << 2,
	FADT_NO_SLEEP_BUTTON = 1 << 5,
	FADT_NO_FIXED_RTC = 1 << 6,
	FADT_RESET_REG = 1 << 10,
	FADT_PLATFORM_CLOCK = 1 << 15, /* its clocks go on whatever a processor does */
};
enum { BOOT_LEGACY_DEVICES = 1 << 0, BOOT_8042 = 1 << 1 };
enum { RESET_HARD = 0x06, CMOS_CENTURY = 0x32, PROFILE_DESKTOP = 1 };
enum { NO_C2 = 0x0fff, NO_C3 = 0x0fff };

/* "MADT": interrupt controller structures, and the MPS INTI flags of an override */
enum { MADT_LAPIC = 0, MADT_IOAPIC = 1, MADT_OVERRIDE = 2, MADT_LAPIC_NMI = 4 };
enum { MADT_PCAT_COMPAT = 1, LAPIC_ENABLED = 1, ALL_PROCESSORS = 0xff, LINT1 = 1 };
enum { INTI_BUS_DEFAULT = 0, INTI_HIGH_LEVEL = 0x0d };

enum { WAET_RTC_GOOD = 1, WAET_PM_TIMER_GOOD = 2 };
enum { AML_NAME = 0x08, AML_DWORD = 0x0c, AML_SCOPE = 0x10, AML_EXT = 0x5b, AML_PROCESSOR = 0x83 };

uint32_t firmware_pci_window(const struct firmware_info *info)
{
	return info->ram_below_4g <= 0x80000000u ? 0x80000000u : 0xc0000000u;
}

/* --- one table --- */

static size_t table_begin(struct acpi_files *a, const char *signature, uint8_t revision)
{
	struct blob *b = &a->tables;
	size_t start;

	blob_align(b, 8);
	start = b->len;
	blob_put_text(b, signature);
	blob_put32(b, 0); /* length */
	blob_put8(b, revision);
	blob_put8(b, 0); /* checksum */
	blob_put_text(b, "CAISSN" "CAISSON ");
	blob_put32(b, 1);
	blob_put_text(b, "CAIS");
	blob_put32(b, 1);
	return start;
}

/* After the last pointer of the table: the checksum covers them as the firmware left them. */
static void table_end(struct acpi_files *a, size_t start)
{
	size_t len = a->tables.len - start;

	blob_set(&a->tables, start + HEADER_LENGTH, len, 4);
	loader_add_checksum(&a->script, FILE_ACPI_TABLES, start + HEADER_CHECKSUM, start, len);
}

/* A pointer to the table at target in the same file. */
static void table_put_pointer(struct acpi_files *a, size_t target, unsigned size)
{
	loader_add_pointer(&a->script, FILE_ACPI_TABLES, a->tables.len, size, FILE_ACPI_TABLES);
	if (size == 8)
		blob_put64(&a->tables, target);
	else
		blob_put32(&a->tables, target);
}

/* Generic Address Structure; a length of 0 leaves it empty */
static void put_address(struct blob *b, uint8_t space, unsigned bytes, uint64_t address)
{
	blob_put8(b, bytes ? space : 0);
	blob_put8(b, bytes * 8);
	blob_put8(b, 0); /* bit offset */
	blob_put8(b, 0); /* access size: not said */
	blob_put64(b, bytes ? address : 0);
}

/* --- DSDT and SSDT --- */

/* Overwrites the value of Name (name, <a dword>); iasl made sure that there is one. */
static void aml_set_name(struct blob *b, size_t from, const char *name, uint32_t val)
{
	for (size_t i = from; i + 10 <= b->len; i++) {
		const uint8_t *p = b->data + i;

		if (p[0] == AML_NAME && !memcmp(p + 1, name, 4) && p[5] == AML_DWORD) {
			blob_set(b, i + 6, val, 4);
			return;
		}
	}
}

static size_t put_dsdt(struct acpi_files *a, const struct firmware_info *info)
{
	size_t start;

	blob_align(&a->tables, 8);
	start = a->tables.len;
	blob_put(&a->tables, dsdt_aml, dsdt_aml_len);
	blob_set(&a->tables, start + HEADER_CHECKSUM, 0, 1);
	aml_set_name(&a->tables, start, "BRDF", info->has_hpet);
	aml_set_name(&a->tables, start, "PCIM", firmware_pci_window(info));
	table_end(a, start);
	return start;
}

/* PkgLength counts itself: one byte up to 63, else a count of further bytes and a low nibble. */
static void aml_put_length(struct blob *b, size_t body)
{
	if (body + 1 <= 0x3f) {
		blob_put8(b, body + 1);
	} else if (body + 2 <= 0xfff) {
		blob_put8(b, 1 << 6 | ((body + 2) & 0xf));
		blob_put8(b, (body + 2) >> 4);
	} else {
		blob_put8(b, 2 << 6 | ((body + 3) & 0xf));
		blob_put16(b, (body + 3) >> 4);
	}
}

/*
 * Processor objects, which Windows XP knows, rather than processor devices. A Linux that is told of
 * no idle state, not even of HLT, has nobody who judges how long it will be idle: it keeps its tick
 * for one more period behind each timer interrupt.
 */
static void aml_put_processor(struct blob *b, unsigned n)
{
	/* Name (_CST, Package () { 1, Package () { Register (FFixedHW, 0, 0, 0), 1, 1, 1000 } }) */
	static const uint8_t idle_states[] = {
		0x08, '_', 'C', 'S', 'T', 0x12, 0x20, 2, 0x01, 0x12, 0x1c, 4, 0x11, 0x14, 0x0a, 17,
		0x82, 12, 0, 0x7f, [31] = 0x79, 0, 0x01, 0x01, 0x0b, 0xe8, 0x03,
	};
	char name[8];

	snprintf(name, sizeof(name), "C%03X", n & 0xfff);
	blob_put8(b, AML_EXT);
	blob_put8(b, AML_PROCESSOR);
	aml_put_length(b, 4 + 1 + 4 + 1 + sizeof(idle_states));
	blob_put_text(b, name);
	blob_put8(b, n);  /* as in the MADT */
	blob_put32(b, 0); /* no P_BLK: nothing deeper than C1 */
	blob_put8(b, 0);
	blob_put(b, idle_states, sizeof(idle_states));
}

static size_t put_ssdt(struct acpi_files *a, const struct firmware_info *info)
{
	static const char root[] = "\\_SB_";
	size_t start = table_begin(a, "SSDT", 1);
	struct blob body = { 0 };

	blob_put_text(&body, root);
	for (unsigned n = 0; n < info->vcpus; n++)
		aml_put_processor(&body, n);
	a->tables.failed |= body.failed;
	blob_put8(&a->tables, AML_SCOPE);
	aml_put_length(&a->tables, body.len);
	blob_put(&a->tables, body.data, body.len);
	blob_free(&body);
	table_end(a, start);
	return start;
}

/* --- FACS and FADT --- */

/* No header and no checksum of the common kind; the file's own alignment is the one it needs. */
static size_t put_facs(struct acpi_files *a)
{
	struct blob *b = &a->tables;
	size_t start;

	blob_align(b, TABLES_ALIGN);
	start = b->len;
	blob_put_text(b, "FACS");
	blob_put32(b, FACS_LEN);
	blob_put(b, NULL, 24); /* signature, waking vector, global lock, flags, 64-bit vector */
	blob_put8(b, 1);       /* version */
	blob_put(b, NULL, FACS_LEN - 33);
	return start;
}

static void fadt_put_ports(struct blob *b, uint32_t pm)
{
	blob_put32(b, 0); /* SMI command: none */
	blob_put32(b, 0); /* its values */
	blob_put32(b, pm + PM1_EVT);
	blob_put32(b, 0);
	blob_put32(b, pm + PM1_CNT);
	blob_put32(b, 0);
	blob_put32(b, 0); /* PM2 control */
	blob_put32(b, pm + PM_TMR);
	blob_put32(b, FIRMWARE_GPE0_BASE);
	blob_put32(b, 0);
	blob_put8(b, PM1_EVT_LEN);
	blob_put8(b, PM1_CNT_LEN);
	blob_put8(b, 0);
	blob_put8(b, PM_TMR_LEN);
	blob_put8(b, GPE0_LEN);
	blob_put(b, NULL, 3); /* GPE1 length and base, _CST command */
}

/* The same ports once more, in the form that ACPI 2.0 brought. */
static void fadt_put_addresses(struct blob *b, uint32_t pm)
{
	put_address(b, SPACE_IO, PM1_EVT_LEN, pm + PM1_EVT);
	put_address(b, SPACE_IO, 0, 0);
	put_address(b, SPACE_IO, PM1_CNT_LEN, pm + PM1_CNT);
	put_address(b, SPACE_IO, 0, 0);
	put_address(b, SPACE_IO, 0, 0);
	put_address(b, SPACE_IO, PM_TMR_LEN, pm + PM_TMR);
	put_address(b, SPACE_IO, GPE0_LEN, FIRMWARE_GPE0_BASE);
	put_address(b, SPACE_IO, 0, 0);
}

static size_t put_fadt(struct acpi_files *a, const struct firmware_info *info, size_t facs,
		       size_t dsdt)
{
	uint32_t pm = info->uefi ? FIRMWARE_PM_UEFI : FIRMWARE_PM_BASE;
	struct blob *b = &a->tables;
	size_t start = table_begin(a, "FACP", 3);

	table_put_pointer(a, facs, 4);
	table_put_pointer(a, dsdt, 4);
	blob_put8(b, 0);
	blob_put8(b, PROFILE_DESKTOP);
	blob_put16(b, IRQ_SCI);
	fadt_put_ports(b, pm);
	blob_put16(b, NO_C2);
	blob_put16(b, NO_C3);
	blob_put(b, NULL, 8); /* flushing is WBINVD's; no duty cycle; no alarm beyond a day */
	blob_put8(b, CMOS_CENTURY);
	blob_put16(b, BOOT_LEGACY_DEVICES | BOOT_8042);
	blob_put8(b, 0);
	blob_put32(b, FADT_WBINVD | FADT_PROC_C1 | FADT_NO_SLEEP_BUTTON | FADT_NO_FIXED_RTC |
			      FADT_RESET_REG | FADT_PLATFORM_CLOCK);
	put_address(b, SPACE_IO, 1, PORT_RESET);
	blob_put8(b, RESET_HARD);
	blob_put(b, NULL, 3);
	blob_put64(b, 0); /* the FACS is named by its 32-bit pointer */
	table_put_pointer(a, dsdt, 8);
	fadt_put_addresses(b, pm);
	table_end(a, start);
	return start;
}

/* --- interrupt controllers and timers --- */

static void madt_put_override(struct blob *b, uint8_t irq, uint32_t gsi, uint16_t flags)
{
	blob_put8(b, MADT_OVERRIDE);
	blob_put8(b, 10);
	blob_put8(b, 0); /* ISA */
	blob_put8(b, irq);
	blob_put32(b, gsi);
	blob_put16(b, flags);
}

static void madt_put_cpu(struct blob *b, unsigned n)
{
	blob_put8(b, MADT_LAPIC);
	blob_put8(b, 8);
	blob_put8(b, n); /* as in the SSDT */
	blob_put8(b, n);
	blob_put32(b, LAPIC_ENABLED);
}

static void madt_put_ioapic(struct blob *b)
{
	blob_put8(b, MADT_IOAPIC);
	blob_put8(b, 12);
	blob_put8(b, 0); /* its id as after reset */
	blob_put8(b, 0);
	blob_put32(b, IOAPIC_BASE);
	blob_put32(b, 0); /* its first global interrupt */
}

static size_t put_madt(struct acpi_files *a, const struct firmware_info *info)
{
	static const uint8_t pci_irqs[] = { 5, IRQ_SCI, 10, 11 };
	struct blob *b = &a->tables;
	size_t start = table_begin(a, "APIC", 1);

	blob_put32(b, LAPIC_BASE);
	blob_put32(b, MADT_PCAT_COMPAT);
	for (unsigned n = 0; n < info->vcpus; n++)
		madt_put_cpu(b, n);
	madt_put_ioapic(b);
	madt_put_override(b, IRQ_PIT, 2, INTI_BUS_DEFAULT);
	for (unsigned i = 0; i < sizeof(pci_irqs); i++)
		madt_put_override(b, pci_irqs[i], pci_irqs[i], INTI_HIGH_LEVEL);
	blob_put8(b, MADT_LAPIC_NMI);
	blob_put8(b, 6);
	blob_put8(b, ALL_PROCESSORS);
	blob_put16(b, INTI_BUS_DEFAULT);
	blob_put8(b, LINT1);
	table_end(a, start);
	return start;
}

static size_t put_hpet(struct acpi_files *a)
{
	struct blob *b = &a->tables;
	size_t start = table_begin(a, "HPET", 1);

	blob_put32(b, 0x8086a201); /* low half of its capabilities: three 64-bit comparators */
	put_address(b, SPACE_MEMORY, 8, HPET_BASE);
	blob_put8(b, 0);	   /* number */
	blob_put16(b, 0x80);	   /* shortest period that loses no tick */
	blob_put8(b, 0);
	table_end(a, start);
	return start;
}

/* Spares Windows the work-arounds for hardware that this is not. */
static size_t put_waet(struct acpi_files *a)
{
	size_t start = table_begin(a, "WAET", 1);

	blob_put32(&a->tables, WAET_RTC_GOOD | WAET_PM_TIMER_GOOD);
	table_end(a, start);
	return start;
}

/* --- all of them --- */

static size_t put_rsdt(struct acpi_files *a, const size_t *table, unsigned n)
{
	size_t start = table_begin(a, "RSDT", 1);

	for (unsigned i = 0; i < n; i++)
		table_put_pointer(a, table[i], 4);
	table_end(a, start);
	return start;
}

static void put_rsdp(struct acpi_files *a, size_t rsdt)
{
	struct blob *b = &a->rsdp;

	blob_put_text(b, "RSD PTR ");
	blob_put8(b, 0); /* checksum */
	blob_put_text(b, "CAISSN");
	blob_put8(b, 0); /* revision */
	blob_put32(b, rsdt);
	loader_add_pointer(&a->script, FILE_ACPI_RSDP, RSDP_RSDT, 4, FILE_ACPI_TABLES);
	loader_add_checksum(&a->script, FILE_ACPI_RSDP, RSDP_CHECKSUM, 0, RSDP_LEN);
}

int acpi_build(struct acpi_files *a, const struct firmware_info *info)
{
	size_t table[5], facs, dsdt;
	unsigned n = 0;

	*a = (struct acpi_files){ 0 };
	loader_allocate(&a->script, FILE_ACPI_RSDP, RSDP_ALIGN, LOADER_FSEG);
	loader_allocate(&a->script, FILE_ACPI_TABLES, TABLES_ALIGN, LOADER_HIGH);
	facs = put_facs(a);
	dsdt = put_dsdt(a, info);
	table[n++] = put_fadt(a, info, facs, dsdt);
	table[n++] = put_ssdt(a, info);
	table[n++] = put_madt(a, info);
	if (info->has_hpet)
		table[n++] = put_hpet(a);
	table[n++] = put_waet(a);
	put_rsdp(a, put_rsdt(a, table, n));
	return a->rsdp.failed || a->tables.failed || a->script.failed ? -ENOMEM : 0;
}

void acpi_free(struct acpi_files *a)
{
	blob_free(&a->rsdp);
	blob_free(&a->tables);
	blob_free(&a->script);
}
