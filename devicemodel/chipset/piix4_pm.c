// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PIIX4's power management function, at 00.1.3: PM1 events and control, the PM timer, GPE0, an
 * SMBus without devices, and the APM ports. SCI is IRQ 9.
 *
 * State: config space, PM1 and GPE0 registers, SMBus registers, the two APM latches. The PM timer
 * is computed when read; a host timer runs only while its overflow can interrupt.
 * Missing: SMM, so ACPI mode is always on and APM commands do nothing; sleep states other than
 * soft-off; processor clock control; device monitors; SMBus slave mode.
 * Ignored: writes to the registers beyond the PM timer, which read 0.
 * Reference: Intel 82371AB (PIIX4), "Power Management PCI Configuration Registers", "Power
 * Management I/O Space Registers", "SMBus I/O Space Registers"; ACPI Specification 2.0, "ACPI
 * Hardware Specification". GPE0 stands where virtual PCs have it, at a port of its own.
 */
#include <errno.h>

#include "dm/device.h"
#include "dm/isa.h"
#include "dm/parts.h"
#include "dm/pci.h"

/* config space */
enum {
	CFG_PMBASE = 0x40,
	CFG_DEVACTB = 0x58,
	CFG_APMC_ENABLE = 0x5b, /* bit 25 of DEVACTB */
	CFG_PMREGMISC = 0x80,
	CFG_SMBBASE = 0x90,
	CFG_SMBHSTCFG = 0xd2,
};
enum { APMC_ENABLED = 0x02, PMREGMISC_ON = 0x01, SMBHSTCFG_ON = 0x01 };
enum { SMBHSTCFG_INTR = 0x0e, SMBHSTCFG_IRQ9 = 0x08 };

/* PM I/O space: 64 bytes */
enum { PM1_STS = 0x00, PM1_EN = 0x02, PM1_CNT = 0x04, PM_TMR = 0x08, PM_SPAN = 0x40 };
enum {
	PM1_TMR = 1 << 0,
	PM1_GBL = 1 << 5,
	PM1_PWRBTN = 1 << 8,
	PM1_RTC = 1 << 10,
	PM1_WAK = 1 << 15,
	PM1_STS_BITS = PM1_TMR | PM1_GBL | PM1_PWRBTN | PM1_RTC | PM1_WAK,
	PM1_EN_BITS = PM1_TMR | PM1_GBL | PM1_PWRBTN | PM1_RTC,
};
enum {
	CNT_SCI_EN = 1 << 0,
	CNT_BM_RLD = 1 << 1,
	CNT_SLP_TYP = 7 << 10,
	CNT_SLP_EN = 1 << 13,
	SLP_TYP_SOFT_OFF = 0 << 10,
};
#define PM_TMR_HZ   3579545u
#define PM_TMR_MASK 0xffffffu
#define PM_TMR_HALF 23 /* the status bit is set whenever this bit of the timer changes */

/* GPE0 block: 4 bytes */
enum { GPE0_BASE = 0xafe0, GPE0_SPAN = 4, GPE0_EN = 2 };

/* SMBus I/O space */
enum {
	SMB_STS = 0x0,
	SMB_CNT = 0x2,
	SMB_LAST = 0x6, /* SMB_CMD to SMB_DATA1 are plain bytes */
	SMB_SPAN = 0x10,
};
enum { SMB_STS_DEV_ERR = 0x04, SMB_STS_BITS = 0x1e };
enum { SMB_CNT_INTR = 0x01, SMB_CNT_START = 0x40, SMB_CNT_BITS = 0x1d };

enum { APM_PORT = 0xb2, APM_SPAN = 2 };

struct piix4_pm {
	struct device dev;
	struct pci_dev pci;
	struct region pm, gpe, smb, apm;
	struct irq_line sci;
	struct timer overflow;
	uint16_t sts, en, cnt;
	uint64_t half_seen; /* changes of the timer's top bit up to when its status was cleared */
	uint8_t gpe_sts[2], gpe_en[2];
	uint8_t smb_reg[SMB_SPAN];
	uint8_t apm_reg[APM_SPAN];
};

/* --- PM timer --- */

static uint64_t pm_ticks(const struct piix4_pm *p)
{
	return muldiv64(machine_now(p->dev.machine), PM_TMR_HZ, NS_PER_SEC);
}

/* The overflow status sets itself: it is looked at whenever the status is. */
static void latch_overflow(struct piix4_pm *p)
{
	uint64_t half = pm_ticks(p) >> PM_TMR_HALF;

	if (half != p->half_seen)
		p->sts |= PM1_TMR;
	p->half_seen = half;
}

static void arm_overflow(struct piix4_pm *p)
{
	uint64_t next = ((pm_ticks(p) >> PM_TMR_HALF) + 1) << PM_TMR_HALF;

	if ((p->en & PM1_TMR) && !(p->sts & PM1_TMR))
		timer_arm_at(&p->overflow, muldiv64(next, NS_PER_SEC, PM_TMR_HZ) + 1);
	else
		timer_cancel(&p->overflow);
}

/* --- SCI --- */

static bool smb_interrupts(const struct piix4_pm *p)
{
	return (p->smb_reg[SMB_STS] & SMB_STS_BITS) && (p->smb_reg[SMB_CNT] & SMB_CNT_INTR) &&
	       (p->pci.config[CFG_SMBHSTCFG] & SMBHSTCFG_INTR) == SMBHSTCFG_IRQ9;
}

static void pm_update_irq(struct piix4_pm *p)
{
	bool pm1, gpe;

	latch_overflow(p);
	arm_overflow(p);
	pm1 = p->sts & p->en & PM1_EN_BITS;
	gpe = (p->gpe_sts[0] & p->gpe_en[0]) || (p->gpe_sts[1] & p->gpe_en[1]);
	irq_set(&p->sci, pm1 || gpe || smb_interrupts(p));
}

static void pm_overflowed(void *dev)
{
	pm_update_irq(dev);
}

void piix4_pm_power_button(struct piix4_pm *p)
{
	p->sts |= PM1_PWRBTN;
	pm_update_irq(p);
}

/* --- PM I/O space --- */

static uint32_t pm_read32(struct piix4_pm *p, unsigned reg)
{
	switch (reg) {
	case PM1_STS:
		latch_overflow(p);
		return p->sts | (uint32_t)p->en << 16;
	case PM1_CNT:
		return p->cnt | CNT_SCI_EN;
	case PM_TMR:
		return pm_ticks(p) & PM_TMR_MASK;
	}
	return 0;
}

/* The bus hands over aligned accesses only, so none reaches into two of these words. */
static uint64_t pm_read(void *dev, uint64_t off, unsigned size)
{
	return pm_read32(dev, off & ~3u) >> (off & 3) * 8;
}

static void control_write(struct piix4_pm *p, uint16_t val)
{
	p->cnt = val & (CNT_BM_RLD | CNT_SLP_TYP);
	if ((val & CNT_SLP_EN) && (val & CNT_SLP_TYP) == SLP_TYP_SOFT_OFF)
		machine_request_stop(p->dev.machine, STOP_POWEROFF);
}

/* val holds the written bytes at their place in the register, mask which those are. */
static void pm_write16(struct piix4_pm *p, unsigned reg, uint16_t val, uint16_t mask)
{
	switch (reg) {
	case PM1_STS:
		latch_overflow(p);
		p->sts &= ~(val & mask);
		break;
	case PM1_EN:
		p->en = ((p->en & ~mask) | (val & mask)) & PM1_EN_BITS;
		break;
	case PM1_CNT:
		control_write(p, (p->cnt & ~mask) | (val & mask));
		break;
	}
}

static void pm_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct piix4_pm *p = dev;
	unsigned shift = (off & 1) * 8;

	if (size == 1) {
		pm_write16(p, off & ~1u, val << shift, 0xff << shift);
	} else {
		pm_write16(p, off, val, 0xffff);
		if (size == 4)
			pm_write16(p, off + 2, val >> 16, 0xffff);
	}
	pm_update_irq(p);
}

/* --- GPE0: nothing on this board raises an event --- */

static uint64_t gpe_read(void *dev, uint64_t off, unsigned size)
{
	const struct piix4_pm *p = dev;

	return off < GPE0_EN ? p->gpe_sts[off & 1] : p->gpe_en[off & 1];
}

static void gpe_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct piix4_pm *p = dev;

	if (off < GPE0_EN)
		p->gpe_sts[off & 1] &= ~val;
	else
		p->gpe_en[off & 1] = val;
	pm_update_irq(p);
}

/* --- SMBus: every transaction ends at once, since nobody acknowledges --- */

static uint64_t smb_read(void *dev, uint64_t off, unsigned size)
{
	const struct piix4_pm *p = dev;

	return p->smb_reg[off % SMB_SPAN];
}

static void smb_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct piix4_pm *p = dev;

	if (off == SMB_STS) {
		p->smb_reg[SMB_STS] &= ~(val & SMB_STS_BITS);
	} else if (off == SMB_CNT) {
		p->smb_reg[SMB_CNT] = val & SMB_CNT_BITS;
		if (val & SMB_CNT_START)
			p->smb_reg[SMB_STS] |= SMB_STS_DEV_ERR;
	} else if (off > SMB_CNT && off <= SMB_LAST) {
		p->smb_reg[off] = val;
	}
	pm_update_irq(p);
}

/* --- APM: two latches that nobody behind them reads --- */

static uint64_t apm_read(void *dev, uint64_t off, unsigned size)
{
	const struct piix4_pm *p = dev;

	return p->apm_reg[off % APM_SPAN];
}

static void apm_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct piix4_pm *p = dev;

	p->apm_reg[off % APM_SPAN] = val;
}

/* --- config space --- */

/* Firmware that has not placed a block yet leaves 0 there, which must not hide other ports. */
static void place_block(struct region *r, uint32_t base, bool on)
{
	struct space *s = r->space;

	space_begin(s);
	if (base)
		region_move(r, base);
	region_enable(r, on && base);
	space_commit(s);
}

static void pm_config_written(void *dev, unsigned off, unsigned size)
{
	struct piix4_pm *p = dev;
	const uint8_t *cfg = p->pci.config;

	place_block(&p->pm, pci_config16(&p->pci, CFG_PMBASE) & ~(PM_SPAN - 1),
		    cfg[CFG_PMREGMISC] & PMREGMISC_ON);
	place_block(&p->smb, pci_config16(&p->pci, CFG_SMBBASE) & ~(SMB_SPAN - 1),
		    cfg[CFG_SMBHSTCFG] & SMBHSTCFG_ON);
	pm_update_irq(p);
}

static void config_init(struct pci_dev *d)
{
	pci_set16(d, PCI_SUBSYS_VENDOR, 0x1af4); /* by which SeaBIOS knows a virtual PC */
	pci_set16(d, PCI_SUBSYS_ID, 0x1100);
	pci_set16(d, PCI_STATUS, 0x0280);
	d->config[CFG_PMBASE] = 1; /* an I/O address */
	d->wmask[CFG_PMBASE] = 0xc0;
	d->wmask[CFG_PMBASE + 1] = 0xff;
	d->config[CFG_SMBBASE] = 1;
	d->wmask[CFG_SMBBASE] = 0xf0;
	d->wmask[CFG_SMBBASE + 1] = 0xff;
	d->wmask[CFG_PMREGMISC] = PMREGMISC_ON;
	d->wmask[CFG_SMBHSTCFG] = SMBHSTCFG_ON | SMBHSTCFG_INTR;
	for (unsigned i = 0; i < 4; i++)
		d->wmask[CFG_DEVACTB + i] = 0xff;
	/* Says that an SMM handler is in place: otherwise SeaBIOS would wait for its SMI. */
	d->config[CFG_APMC_ENABLE] = APMC_ENABLED;
}

/* --- device --- */

static void pm_reset(void *dev)
{
	struct piix4_pm *p = dev;

	p->sts = p->en = p->cnt = 0;
	p->half_seen = pm_ticks(p) >> PM_TMR_HALF;
	for (unsigned i = 0; i < 2; i++)
		p->gpe_sts[i] = p->gpe_en[i] = 0;
	for (unsigned i = 0; i < SMB_SPAN; i++)
		p->smb_reg[i] = 0;
	for (unsigned i = 0; i < APM_SPAN; i++)
		p->apm_reg[i] = 0;
	pci_reset(&p->pci);
	pm_update_irq(p);
}

/* Bits that do not exist stay 0 whatever a file says; none of them is used as an index. */
static int pm_loaded(void *dev)
{
	struct piix4_pm *p = dev;

	if ((p->sts & ~PM1_STS_BITS) || (p->en & ~PM1_EN_BITS) ||
	    (p->cnt & ~(CNT_BM_RLD | CNT_SLP_TYP)))
		return -EINVAL;
	pci_loaded(&p->pci);
	pm_update_irq(p);
	return 0;
}

static const struct region_ops pm_io = { pm_read, pm_write, .min = 1, .max = 4 };
static const struct region_ops gpe_io = { gpe_read, gpe_write, .min = 1, .max = 1 };
static const struct region_ops smb_io = { smb_read, smb_write, .min = 1, .max = 1 };
static const struct region_ops apm_io = { apm_read, apm_write, .min = 1, .max = 1 };

static const struct field pm_fields[] = {
	PCI_FIELDS(struct piix4_pm, pci, 1),
	FIELD(struct piix4_pm, sts, 1),
	FIELD(struct piix4_pm, en, 1),
	FIELD(struct piix4_pm, cnt, 1),
	FIELD(struct piix4_pm, half_seen, 1),
	FIELD(struct piix4_pm, gpe_sts, 1),
	FIELD(struct piix4_pm, gpe_en, 1),
	FIELD(struct piix4_pm, smb_reg, 1),
	FIELD(struct piix4_pm, apm_reg, 1),
	FIELD_END
};

static const struct device_class pm_class = {
	.name = "piix4-pm",
	.size = sizeof(struct piix4_pm),
	.reset = pm_reset,
	.fields = pm_fields,
	.loaded = pm_loaded,
};

static const struct pci_id pm_id = {
	.vendor = 0x8086,
	.device = 0x7113,
	.class = 0x068000,
	.revision = 3,
	.int_pin = 1,
};

static int add_regions(struct piix4_pm *p, struct space *pio)
{
	int err = region_add(pio, &p->pm, &pm_io, p, 0, PM_SPAN);

	region_enable(&p->pm, false);
	err = err ?: region_add(pio, &p->smb, &smb_io, p, 0, SMB_SPAN);
	region_enable(&p->smb, false);
	err = err ?: region_add(pio, &p->gpe, &gpe_io, p, GPE0_BASE, GPE0_SPAN);
	return err ?: region_add(pio, &p->apm, &apm_io, p, APM_PORT, APM_SPAN);
}

struct piix4_pm *piix4_pm_create(struct machine *m)
{
	struct piix4_pm *p = device_new(m, &pm_class);

	if (!p || pci_add(machine_pci(m), PCI_DEVFN(1, 3), &p->pci, p, &pm_id))
		return NULL;
	p->pci.config_written = pm_config_written;
	config_init(&p->pci);
	timer_init(&p->overflow, m, pm_overflowed, p);
	timer_name(&p->overflow, "PM timer");
	machine_irq_connect(m, &p->sci, IRQ_SCI);
	return add_regions(p, machine_pio(m)) ? NULL : p;
}
