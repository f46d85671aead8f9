// SPDX-License-Identifier: GPL-2.0-only
/* Power management: PM timer, PM1 events and SCI, soft-off, GPE0, the empty SMBus, APM ports. */
#include "rig.h"

#include "dm/pci.h"

enum { DEVFN = PCI_DEVFN(1, 3), PM = 0x600, GPE0 = 0xafe0, SMB = 0xb100, SCI = 9 };
enum { STS = PM, EN = PM + 2, CNT = PM + 4, TMR = PM + 8 };
enum { TMR_BIT = 0x0001, GBL_BIT = 0x0020, PWRBTN_BIT = 0x0100, RTC_BIT = 0x0400 };
#define TMR_HZ	 3579545ull
#define HALF_NS	 (((1ull << 23) * NS_PER_SEC) / TMR_HZ) /* between changes of its top bit */

struct pm_rig {
	struct rig *r;
	struct piix4_pm *pm;
};

/* As SeaBIOS sets it up: PM at 0x600, SMBus at 0xb100 with its interrupt on IRQ 9 */
static void program(struct rig *r)
{
	rig_config_write(r, DEVFN, 0x40, PM | 1, 4);
	rig_config_write(r, DEVFN, 0x80, 1, 1);
	rig_config_write(r, DEVFN, 0x90, SMB | 1, 4);
	rig_config_write(r, DEVFN, 0xd2, 9, 1);
}

static int setup(void **state)
{
	struct pm_rig *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->r = rig_new();
	rig_add_pci(p->r);
	p->pm = piix4_pm_create(p->r->m);
	assert_non_null(p->pm);
	rig_reset(p->r);
	program(p->r);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pm_rig *p = *state;

	rig_free(p->r);
	free(p);
	return 0;
}

static void identity(void **state)
{
	struct rig *r = ((struct pm_rig *)*state)->r;

	assert_int_equal(rig_config_read(r, DEVFN, 0x00, 4), 0x71138086);
	assert_int_equal(rig_config_read(r, DEVFN, 0x08, 4), 0x06800003);
	assert_int_equal(rig_config_read(r, DEVFN, 0x2c, 4), 0x11001af4);
	assert_int_equal(rig_config_read(r, DEVFN, 0x3d, 1), 1);
	/* SeaBIOS skips SMM only if this says that it is done */
	assert_true(rig_config_read(r, DEVFN, 0x58, 4) & 1 << 25);
}

static void block_moves_and_goes(void **state)
{
	struct rig *r = ((struct pm_rig *)*state)->r;

	assert_int_equal(rig_in16(r, CNT), 1);
	rig_config_write(r, DEVFN, 0x40, 0xb000, 4);
	assert_int_equal(rig_config_read(r, DEVFN, 0x40, 4), 0xb001);
	assert_int_equal(rig_in16(r, CNT), 0xffff);
	assert_int_equal(rig_in16(r, 0xb004), 1);
	rig_config_write(r, DEVFN, 0x80, 0, 1);
	assert_int_equal(rig_in16(r, 0xb004), 0xffff);
	rig_config_write(r, DEVFN, 0x40, 0xffff, 2);
	rig_config_write(r, DEVFN, 0x80, 1, 1);
	assert_int_equal(rig_config_read(r, DEVFN, 0x40, 4), 0xffc1);
	assert_int_equal(rig_in16(r, 0xffc4), 1);
	rig_config_write(r, DEVFN, 0x40, 0, 4); /* not placed: hides no port */
	assert_int_equal(rig_in16(r, 4), 0xffff);
	rig_reset(r);
	assert_int_equal(rig_in16(r, CNT), 0xffff);
}

static void timer_counts_at_its_rate(void **state)
{
	struct rig *r = ((struct pm_rig *)*state)->r;
	uint32_t before = rig_in32(r, TMR), after;

	rig_advance(r, NS_PER_SEC);
	after = rig_in32(r, TMR);
	assert_in_range((after - before) & 0xffffff, TMR_HZ - 1, TMR_HZ + 1);
	rig_advance(r, 100 * NS_PER_SEC);
	assert_int_equal(rig_in32(r, TMR) >> 24, 0);
	assert_int_equal(rig_in32(r, TMR) & 0xff, rig_in8(r, TMR));
	assert_int_equal(rig_in32(r, TMR) >> 16, rig_in16(r, TMR + 2));
	rig_out32(r, TMR, 0); /* read-only */
	assert_in_range((rig_in32(r, TMR) - before) & 0xffffff,
			(101 * TMR_HZ & 0xffffff) - 2, (101 * TMR_HZ & 0xffffff) + 2);
}

static void idle_arms_nothing(void **state)
{
	struct pm_rig *p = *state;

	assert_false(rig_timer_armed(p->r));
	rig_advance(p->r, 10 * HALF_NS);
	assert_true(rig_in16(p->r, STS) & TMR_BIT); /* the status sets itself all the same */
	assert_false(p->r->gsi[SCI]);
	assert_false(rig_timer_armed(p->r));
}

static void overflow_interrupts(void **state)
{
	struct rig *r = ((struct pm_rig *)*state)->r;
	uint32_t top;

	rig_out16(r, STS, 0xffff);
	rig_out16(r, EN, TMR_BIT);
	assert_true(rig_timer_armed(r));
	top = rig_in32(r, TMR) & 0x800000;
	rig_advance(r, HALF_NS + 1000);
	assert_int_not_equal(rig_in32(r, TMR) & 0x800000, top);
	assert_true(r->gsi[SCI]);
	assert_int_equal(rig_in16(r, STS), TMR_BIT);
	assert_false(rig_timer_armed(r)); /* nothing new until it is cleared */
	rig_out16(r, STS, TMR_BIT);
	assert_false(r->gsi[SCI]);
	assert_true(rig_timer_armed(r));
	rig_advance(r, HALF_NS + 1000);
	assert_int_equal(r->rises[SCI], 2);
	rig_out16(r, EN, 0);
	assert_false(r->gsi[SCI]);
	assert_false(rig_timer_armed(r));
}

/* Not before the top bit changes, and at once when it has. */
static void overflow_is_exact(void **state)
{
	struct rig *r = ((struct pm_rig *)*state)->r;
	uint32_t left;

	rig_out16(r, STS, 0xffff);
	rig_out16(r, EN, TMR_BIT);
	left = 0x800000 - (rig_in32(r, TMR) & 0x7fffff);
	rig_advance(r, muldiv64(left - 2, NS_PER_SEC, TMR_HZ));
	assert_false(r->gsi[SCI]);
	rig_advance(r, muldiv64(3, NS_PER_SEC, TMR_HZ));
	assert_true(r->gsi[SCI]);
}

static void power_button(void **state)
{
	struct pm_rig *p = *state;
	struct rig *r = p->r;

	piix4_pm_power_button(p->pm);
	assert_int_equal(rig_in16(r, STS), PWRBTN_BIT);
	assert_false(r->gsi[SCI]); /* nobody asked */
	rig_out16(r, EN, PWRBTN_BIT);
	assert_true(r->gsi[SCI]);
	rig_out8(r, STS, 0xff); /* the other byte */
	assert_true(r->gsi[SCI]);
	rig_out8(r, STS + 1, PWRBTN_BIT >> 8);
	assert_false(r->gsi[SCI]);
	assert_int_equal(rig_in16(r, STS), 0);
	piix4_pm_power_button(p->pm);
	piix4_pm_power_button(p->pm);
	assert_int_equal(r->rises[SCI], 2);
	rig_out32(r, STS, PWRBTN_BIT | (uint32_t)(PWRBTN_BIT | GBL_BIT) << 16);
	assert_false(r->gsi[SCI]);
	assert_int_equal(rig_in16(r, EN), PWRBTN_BIT | GBL_BIT);
	assert_int_equal(r->stop, STOP_NONE); /* the guest decides */
}

static void registers_keep_what_exists(void **state)
{
	struct rig *r = ((struct pm_rig *)*state)->r;

	rig_out16(r, EN, 0xffff);
	assert_int_equal(rig_in16(r, EN), TMR_BIT | GBL_BIT | PWRBTN_BIT | RTC_BIT);
	rig_out16(r, CNT, 0);
	assert_int_equal(rig_in16(r, CNT), 1); /* ACPI mode is always on */
	rig_out16(r, CNT, 0x1402);
	assert_int_equal(rig_in16(r, CNT), 0x1403);
	rig_out8(r, CNT + 1, 0x08);
	assert_int_equal(rig_in16(r, CNT), 0x0803);
	assert_int_equal(rig_in32(r, PM + 0x0c), 0);
	assert_int_equal(rig_in32(r, PM + 0x3c), 0);
}

static void soft_off(void **state)
{
	struct rig *r = ((struct pm_rig *)*state)->r;

	rig_out16(r, CNT, 0x2000 | 5 << 10); /* another state than soft-off: not offered */
	assert_int_equal(r->stop, STOP_NONE);
	assert_int_equal(rig_in16(r, CNT) & 0x2000, 0);
	rig_out16(r, CNT, 0x0000); /* type alone */
	assert_int_equal(r->stop, STOP_NONE);
	rig_out16(r, CNT, 0x2000);
	assert_int_equal(r->stop, STOP_POWEROFF);
}

static void soft_off_by_bytes(void **state)
{
	struct rig *r = ((struct pm_rig *)*state)->r;

	rig_out8(r, CNT + 1, 0x20);
	assert_int_equal(r->stop, STOP_POWEROFF);
}

static void gpe0_is_quiet(void **state)
{
	struct rig *r = ((struct pm_rig *)*state)->r;

	assert_int_equal(rig_in32(r, GPE0), 0);
	rig_out32(r, GPE0, 0xffffffff);
	assert_int_equal(rig_in32(r, GPE0), 0xffff0000);
	rig_out8(r, GPE0 + 2, 0x0f);
	assert_int_equal(rig_in16(r, GPE0 + 2), 0xff0f);
	assert_false(r->gsi[SCI]);
}

static void smbus_is_empty(void **state)
{
	struct rig *r = ((struct pm_rig *)*state)->r;

	assert_int_equal(rig_in8(r, SMB), 0);
	rig_out8(r, SMB + 4, 0xa1);
	assert_int_equal(rig_in8(r, SMB + 4), 0xa1);
	rig_out8(r, SMB + 2, 0x48); /* start */
	assert_int_equal(rig_in8(r, SMB), 0x04); /* nobody there; not busy */
	assert_int_equal(rig_in8(r, SMB + 2) & 0x40, 0);
	assert_false(r->gsi[SCI]);
	rig_out8(r, SMB + 2, 0x49); /* with its interrupt */
	assert_true(r->gsi[SCI]);
	rig_out8(r, SMB, 0xff);
	assert_false(r->gsi[SCI]);
	rig_config_write(r, DEVFN, 0xd2, 0, 1);
	assert_int_equal(rig_in8(r, SMB), 0xff);
}

static void apm_ports_are_latches(void **state)
{
	struct rig *r = ((struct pm_rig *)*state)->r;

	rig_out8(r, 0xb2, 0xf1);
	rig_out8(r, 0xb3, 0x5a);
	assert_int_equal(rig_in16(r, 0xb2), 0x5af1);
	assert_int_equal(rig_in16(r, CNT), 1);
	assert_int_equal(r->stop, STOP_NONE);
	assert_int_equal(r->resets, 0);
}

static void reset_clears_events(void **state)
{
	struct pm_rig *p = *state;

	rig_out16(p->r, EN, PWRBTN_BIT | TMR_BIT);
	piix4_pm_power_button(p->pm);
	assert_true(p->r->gsi[SCI]);
	rig_reset(p->r);
	assert_false(p->r->gsi[SCI]);
	assert_false(rig_timer_armed(p->r));
	program(p->r);
	assert_int_equal(rig_in32(p->r, STS), 0);
}

static void saved_state(void **state)
{
	struct pm_rig *p = *state;

	rig_out16(p->r, EN, PWRBTN_BIT | TMR_BIT);
	piix4_pm_power_button(p->pm);
	rig_out16(p->r, CNT, 0x1402);
	rig_out32(p->r, GPE0, 0xffffffff);
	rig_out8(p->r, SMB + 3, 7);
	rig_out8(p->r, 0xb2, 9);
	rig_check_saved_state(p->r);
	assert_true(p->r->gsi[SCI]);
	assert_true(rig_timer_armed(p->r));
	assert_int_equal(rig_in16(p->r, CNT), 0x1403); /* and the block is where it was */
	assert_int_equal(rig_in32(p->r, GPE0), 0xffff0000);
	assert_int_equal(rig_in8(p->r, SMB + 3), 7);
	assert_int_equal(rig_in8(p->r, 0xb2), 9);
}

static void hostile_state_is_refused(void **state)
{
	struct pm_rig *p = *state;
	struct device *d = (struct device *)p->pm;
	size_t len = device_save(d, NULL, 0);
	uint8_t *buf = malloc(len);
	unsigned refused = 0;

	assert_non_null(buf);
	srand(1);
	for (unsigned i = 0; i < 500; i++) {
		assert_int_equal(device_save(d, buf, len), len);
		for (unsigned n = 0; n < 8; n++)
			buf[2 + rand() % (len - 2)] = rand();
		refused += !!device_load(d, buf, len);
		rig_in32(p->r, TMR);
		rig_advance(p->r, NS_PER_MS);
	}
	assert_int_not_equal(refused, 0);
	free(buf);
}

static void random_accesses(void **state)
{
	static const uint16_t base[] = { PM, GPE0, SMB, 0xb0 };
	struct rig *r = ((struct pm_rig *)*state)->r;

	srand(2);
	for (unsigned i = 0; i < 20000; i++) {
		uint16_t port = base[rand() % 4] + rand() % 70;
		uint32_t val = (uint32_t)rand() << 16 ^ rand();
		unsigned size = 1 << rand() % 3;

		if (rand() & 1)
			space_write(machine_pio(r->m), port, val, size);
		else
			space_read(machine_pio(r->m), port, size);
		if (!(i % 16))
			rig_config_write(r, DEVFN, rand() & 0xfc, val, 4);
		if (!(i % 64))
			rig_advance(r, (uint64_t)rand() % (4 * HALF_NS));
		if (!(i % 256))
			program(r);
	}
	rig_check_saved_state(r);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(identity),
		TEST(block_moves_and_goes),
		TEST(timer_counts_at_its_rate),
		TEST(idle_arms_nothing),
		TEST(overflow_interrupts),
		TEST(overflow_is_exact),
		TEST(power_button),
		TEST(registers_keep_what_exists),
		TEST(soft_off),
		TEST(soft_off_by_bytes),
		TEST(gpe0_is_quiet),
		TEST(smbus_is_empty),
		TEST(apm_ports_are_latches),
		TEST(reset_clears_events),
		TEST(saved_state),
		TEST(hostile_state_is_refused),
		TEST(random_accesses),
	};

	return cmocka_run_group_tests_name("piix4_pm", tests, NULL, NULL);
}
