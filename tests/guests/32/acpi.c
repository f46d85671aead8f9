// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACPI as the firmware left it: the tables from the root pointer down, the hardware that the FADT
 * names, the timer's interrupt; then a reset by the reset register and, the second time, power-off
 * by what the DSDT says of \_S5.
 * Reference: ACPI Specification 2.0, "ACPI Software Programming Model", "ACPI Hardware
 * Specification".
 */
#include "clock.h"
#include "cmos.h"
#include "guest.h"
#include "io.h"
#include "trap.h"

enum { CPUS = 2, SCI = 9, TABLES_MAX = 32 };
enum { PM1_STATUS = 0, PM1_ENABLE = 2, TIMER = 0x0001, SLEEP = 1 << 13, SLEEP_TYPE = 10 };
enum { RESET_SUPPORTED = 1 << 10 };

struct __attribute__((packed)) header {
	char signature[4];
	uint32_t len;
	uint8_t revision, sum;
	char oem[18];
	uint32_t creator, creator_revision;
};

struct __attribute__((packed)) root {
	char signature[8];
	uint8_t sum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt;
};

struct __attribute__((packed)) fadt {
	struct header h;
	uint32_t facs, dsdt;
	uint8_t model, profile;
	uint16_t sci;
	uint32_t smi_port;
	uint8_t acpi_on, acpi_off, s4bios, pstate;
	uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer;
	uint32_t gpe0, gpe1;
	uint8_t lengths[8];
	uint16_t latencies[4];
	uint8_t duty[2], day_alarm, month_alarm, century;
	uint16_t boot_flags;
	uint8_t reserved;
	uint32_t flags;
	uint8_t reset_space, reset_width, reset_offset, reset_access;
	uint64_t reset_address;
	uint8_t reset_value;
};

struct __attribute__((packed)) madt {
	struct header h;
	uint32_t local_apic, flags;
	uint8_t entries[];
};

static const struct header *table[TABLES_MAX];
static unsigned tables;

static uint8_t sum(const void *p, uint32_t n)
{
	const uint8_t *b = p;
	uint8_t s = 0;

	while (n--)
		s += *b++;
	return s;
}

static bool is(const struct header *h, const char *signature)
{
	return !memcmp(h->signature, signature, 4);
}

static const void *find(const char *signature)
{
	for (unsigned i = 0; i < tables; i++)
		if (is(table[i], signature))
			return table[i];
	return NULL;
}

static const struct root *find_root(void)
{
	for (uintptr_t a = 0xe0000; a < 0x100000; a += 16)
		if (!memcmp((const void *)a, "RSD PTR ", 8) && !sum((const void *)a, 20))
			return (const struct root *)a;
	return NULL;
}

static void check_tables(void)
{
	const struct root *root = find_root();
	const struct header *rsdt;
	const uint32_t *entry;
	unsigned bad = 0;

	if (!root)
		guest_fail("no-root-pointer");
	rsdt = (const struct header *)root->rsdt;
	check_true("rsdt", is(rsdt, "RSDT") && rsdt->len < 4096);
	check("rsdt-sum", sum(rsdt, rsdt->len), 0);
	entry = (const uint32_t *)(rsdt + 1);
	for (unsigned n = (rsdt->len - sizeof(*rsdt)) / 4; n-- && tables < TABLES_MAX; entry++)
		table[tables++] = (const struct header *)*entry;
	for (unsigned i = 0; i < tables; i++)
		bad += sum(table[i], table[i]->len) != 0;
	check("bad-sums", bad, 0);
	if (!find("FACP") || !find("APIC"))
		guest_fail("no-fadt-or-madt");
	check_true("hpet-table", find("HPET"));
}

static void check_madt(const struct madt *m)
{
	const uint8_t *e = m->entries, *end = (const uint8_t *)m + m->h.len;
	unsigned cpus = 0, ioapics = 0, pit = 0, sci = 0;

	for (; e + 2 <= end && e[1] >= 2; e += e[1]) {
		if (e[0] == 0)
			cpus += e[4] & 1;
		else if (e[0] == 1)
			ioapics += *(const uint32_t *)(e + 4) == 0xfec00000u;
		else if (e[0] == 2 && e[3] == 0)
			pit = e[4];
		else if (e[0] == 2 && e[3] == SCI)
			sci = e[8];
	}
	check("local-apic", m->local_apic, 0xfee00000u);
	check("pc-compatible", m->flags & 1, 1);
	check("processors", cpus, CPUS);
	check("io-apics", ioapics, 1);
	check("pit-override", pit, 2);
	check("sci-level", sci & 0x0c, 0x0c);
}

static void check_fadt(const struct fadt *f)
{
	const struct header *dsdt = (const struct header *)f->dsdt;

	check_true("dsdt", is(dsdt, "DSDT"));
	check("dsdt-sum", sum(dsdt, dsdt->len), 0);
	check("facs", memcmp((const void *)f->facs, "FACS", 4), 0);
	check("facs-aligned", f->facs & 63, 0);
	check("sci", f->sci, SCI);
	check("pm-base", f->pm1a_event, pm_base());
	check("pm-control", f->pm1a_control, pm_base() + 4u);
	check("pm-timer", f->pm_timer, pm_base() + 8u);
	check("acpi-is-on", in16(f->pm1a_control) & 1, 1);
	check("has-reset-register", f->flags & RESET_SUPPORTED, RESET_SUPPORTED);
	check("reset-register-is-a-port", f->reset_space, 1);
}

static bool sci_came(void)
{
	return irq_count(SCI);
}

static void on_sci(unsigned vector)
{
	(void)vector;
	out16(pm_base() + PM1_STATUS, TIMER);
}

/* The timer's top bit changes within 2.4 seconds. */
static void check_sci(void)
{
	trap_handler[VECTOR_PIC + SCI] = on_sci;
	pic_mask(SCI, false);
	out16(pm_base() + PM1_STATUS, TIMER);
	out16(pm_base() + PM1_ENABLE, TIMER);
	interrupts_on();
	check_true("sci", wait_until(sci_came, 3000000));
	interrupts_off();
	out16(pm_base() + PM1_ENABLE, 0);
	check("sci-once", irq_count(SCI), 1);
	check("sci-status-cleared", in16(pm_base() + PM1_STATUS) & TIMER, 0);
}

/* SLP_TYPa of \_S5: the first element of its package; 8 if there is none. */
static unsigned soft_off_type(const struct header *dsdt)
{
	const uint8_t *p = (const uint8_t *)(dsdt + 1), *end = (const uint8_t *)dsdt + dsdt->len;

	for (; p + 10 < end; p++) {
		if (memcmp(p, "_S5_", 4) || p[4] != 0x12)
			continue;
		p += 6 + (p[5] >> 6) + 1; /* behind package, its length, and its count */
		return p[0] == 0x0a ? p[1] : p[0];
	}
	return 8;
}

void guest_main(void)
{
	const struct fadt *f;
	unsigned type;

	trap_init();
	pic_init();
	check_tables();
	f = find("FACP");
	if (!cmos_read(CMOS_STEP)) {
		check_madt(find("APIC"));
		check_fadt(f);
		check_sci();
		cmos_write(CMOS_STEP, 1);
		out8(f->reset_address, f->reset_value);
		delay_us(1000000);
		guest_fail("no-reset");
	}
	type = soft_off_type((const struct header *)f->dsdt);
	check_range("soft-off-type", type, 0, 7);
	if (!guest_summary())
		guest_fail("not-powering-off");
	out16(f->pm1a_control, type << SLEEP_TYPE | SLEEP);
	delay_us(1000000);
	guest_fail("no-power-off");
}
