// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 440FX host bridge at 00.0: PAM decides what answers from C0000 to FFFFF, memory or what
 * lies behind it, and the firmware image stands below 4 GiB.
 *
 * Main memory lies underneath with priority 0, added by the machine. Each of the 13 segments has
 * two overlays of priority 1, of which PAM enables one or none: memory that drops writes, or the
 * PCI side, which is the end of the firmware image from E0000 on and nothing below.
 *
 * State: config space.
 * Missing: SMM; the SMRAM register is kept, but A0000 always goes to the display.
 * Ignored: DRAM timing, row boundaries, and the hole at 15 MiB.
 * Reference: Intel 82441FX (PMC), "PAM[6:0] - Programmable Attribute Map Registers", "SMRAM -
 * System Management RAM Control Register".
 */
#include "dm/device.h"
#include "dm/parts.h"
#include "dm/pci.h"

enum { CFG_PAM = 0x59, CFG_SMRAM = 0x72 };
enum { PAM_READ = 1, PAM_WRITE = 2, PAM_BITS = 0x33, PAM0_BITS = 0x30 };
enum { SMRAM_OPEN = 0x40, SMRAM_LOCK = 0x10, SMRAM_SEGMENT = 0x02, SMRAM_BITS = 0x78 };
enum { SEGMENTS = 13, SEGMENT_PRIO = 1 };
enum { PAM_BASE = 0xc0000, BIOS_BASE = 0xe0000, TOP = 0x100000 };
enum { SMALL_SEGMENT = 0x4000, BIG_BASE = 0xf0000, BIG_SEGMENT = 0x10000 };
#define FOUR_GIB (1ull << 32)

struct segment {
	struct i440fx *bridge;
	uint8_t *ram;		/* the memory underneath */
	struct region locked;	/* memory without writes */
	struct region pci;	/* what the PCI side has here */
};

struct i440fx {
	struct device dev;
	struct pci_dev pci;
	struct region bios;
	struct segment segment[SEGMENTS]; /* in order of address; the last one is the big one */
};

/* --- PAM --- */

/* Register and nibble of a segment: the big one has the first register's upper half. */
static unsigned pam_attributes(const struct i440fx *f, unsigned n)
{
	const uint8_t *pam = f->pci.config + CFG_PAM;

	if (n == SEGMENTS - 1)
		return pam[0] >> 4;
	return n & 1 ? pam[1 + n / 2] >> 4 : pam[1 + n / 2] & 0xf;
}

static void update_pam(struct i440fx *f)
{
	struct space *mem = machine_mem(f->dev.machine);

	space_begin(mem);
	for (unsigned n = 0; n < SEGMENTS; n++) {
		unsigned attr = pam_attributes(f, n);

		region_enable(&f->segment[n].pci, !(attr & PAM_READ));
		region_enable(&f->segment[n].locked, (attr & PAM_READ) && !(attr & PAM_WRITE));
	}
	space_commit(mem);
}

/* Reads go to the PCI side, writes to memory if so set: this is how a BIOS copies itself. */
static uint64_t segment_read(void *dev, uint64_t off, unsigned size)
{
	return ~0ull;
}

static void segment_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
	struct segment *s = dev;
	const struct i440fx *f = s->bridge;

	if (pam_attributes(f, s - f->segment) & PAM_WRITE)
		s->ram[off] = val;
}

/* --- SMRAM --- */

/* Once locked, the register stays as it is until the next reset. */
static void update_smram(struct i440fx *f)
{
	uint8_t *smram = &f->pci.config[CFG_SMRAM];
	bool locked = *smram & SMRAM_LOCK;

	if (locked)
		*smram &= ~SMRAM_OPEN;
	f->pci.wmask[CFG_SMRAM] = locked ? 0 : SMRAM_BITS;
}

static void i440fx_config_written(void *dev, unsigned off, unsigned size)
{
	update_smram(dev);
	update_pam(dev);
}

/* --- device --- */

static void config_init(struct pci_dev *d)
{
	pci_set16(d, PCI_SUBSYS_VENDOR, 0x1af4); /* by which SeaBIOS knows a virtual PC */
	pci_set16(d, PCI_SUBSYS_ID, 0x1100);
	pci_set16(d, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	d->wmask[PCI_COMMAND] = 0; /* hard-wired */
	pci_set16(d, PCI_STATUS, 0x0280);
	d->wmask[CFG_PAM] = PAM0_BITS;
	for (unsigned i = 1; i <= SEGMENTS / 2; i++)
		d->wmask[CFG_PAM + i] = PAM_BITS;
	d->config[CFG_SMRAM] = SMRAM_SEGMENT;
	d->wmask[CFG_SMRAM] = SMRAM_BITS;
}

static void i440fx_reset(void *dev)
{
	struct i440fx *f = dev;

	pci_reset(&f->pci);
}

static int i440fx_loaded(void *dev)
{
	struct i440fx *f = dev;

	pci_loaded(&f->pci);
	return 0;
}

static const struct region_ops segment_io = { segment_read, segment_write, .min = 1, .max = 1 };

static const struct field i440fx_fields[] = { PCI_FIELDS(struct i440fx, pci, 1), FIELD_END };

static const struct device_class i440fx_class = {
	.name = "i440fx",
	.size = sizeof(struct i440fx),
	.reset = i440fx_reset,
	.fields = i440fx_fields,
	.loaded = i440fx_loaded,
};

static const struct pci_id i440fx_id = {
	.vendor = 0x8086,
	.device = 0x1237,
	.class = 0x060000,
	.revision = 2,
};

/* The image's last bytes show up to 1 MiB as well; NULL where it does not reach that far down. */
static uint8_t *bios_at(const struct i440fx_memory *mem, uint32_t base)
{
	uint32_t below_top = TOP - base;

	if (base < BIOS_BASE || mem->bios_len < below_top)
		return NULL;
	return mem->bios + mem->bios_len - below_top;
}

static int add_segment(struct i440fx *f, unsigned n, const struct i440fx_memory *mem)
{
	struct space *space = machine_mem(f->dev.machine);
	struct segment *s = &f->segment[n];
	uint32_t base = n == SEGMENTS - 1 ? BIG_BASE : PAM_BASE + n * SMALL_SEGMENT;
	uint32_t len = n == SEGMENTS - 1 ? BIG_SEGMENT : SMALL_SEGMENT;
	uint8_t *bios = bios_at(mem, base);
	int err;

	s->bridge = f;
	s->ram = mem->ram + base;
	if (bios)
		err = region_add_rom(space, &s->pci, base, len, bios, &segment_io, s);
	else
		err = region_add(space, &s->pci, &segment_io, s, base, len);
	err = err ?: region_add_rom(space, &s->locked, base, len, s->ram, NULL, NULL);
	s->locked.flags = REGION_DMA; /* still main memory to devices that read it */
	region_set_prio(&s->pci, SEGMENT_PRIO);
	region_set_prio(&s->locked, SEGMENT_PRIO);
	return err;
}

static int add_memory(struct i440fx *f, const struct i440fx_memory *mem)
{
	struct space *space = machine_mem(f->dev.machine);
	int err = 0;

	if (mem->bios_len) {
		err = region_add_rom(space, &f->bios, FOUR_GIB - mem->bios_len, mem->bios_len,
				     mem->bios, NULL, NULL);
		region_set_prio(&f->bios, SEGMENT_PRIO);
	}
	for (unsigned n = 0; n < SEGMENTS; n++)
		err = err ?: add_segment(f, n, mem);
	return err;
}

struct i440fx *i440fx_create(struct machine *m, const struct i440fx_memory *mem)
{
	struct i440fx *f = device_new(m, &i440fx_class);
	int err;

	if (!f || pci_add(machine_pci(m), PCI_DEVFN(0, 0), &f->pci, f, &i440fx_id))
		return NULL;
	f->pci.config_written = i440fx_config_written;
	config_init(&f->pci);
	space_begin(machine_mem(m));
	err = add_memory(f, mem);
	space_commit(machine_mem(m));
	return err ? NULL : f;
}
