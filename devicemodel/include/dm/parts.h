/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What machine/pc.c can put into a PC: one create function a part, and the few calls that
 * connect parts. Every create returns NULL or -ENOMEM when memory is short, and nothing else can
 * fail unless it says so. Parts live as long as the machine.
 */
#ifndef DM_PARTS_H
#define DM_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dm/irq.h"
#include "dm/vram.h"

struct machine;
struct block;
struct chardev;
struct surface;
struct pci_bus;

/* --- chipset: interrupt controllers ------------------------------------------------------- */

/* Two 8259A and their ELCR. intr hears the level of the master's INT output (n is 0). */
struct i8259;
struct i8259 *i8259_create(struct machine *m, irq_fn *intr, void *arg);
void i8259_input(void *pic, unsigned irq, bool level); /* an irq_fn: irq 0 to 15 */
uint8_t i8259_acknowledge(struct i8259 *pic);	       /* the INTA cycle: gives the vector */
/* unmasked hears of each irq whether the mask register lets it through: all now, then changes */
void i8259_watch(struct i8259 *pic, irq_fn *unmasked, void *arg);

/* I/O APIC at 0xfec00000, 24 pins. */
struct ioapic;
struct ioapic_ops {
	/* an interrupt message to the local APICs */
	void (*message)(void *arg, uint64_t address, uint32_t data);
	/* redirection entry of pin changed: the message it would send; both 0 when masked */
	void (*route)(void *arg, unsigned pin, uint64_t address, uint32_t data);
};
struct ioapic *ioapic_create(struct machine *m, const struct ioapic_ops *ops, void *arg);
void ioapic_input(void *ioapic, unsigned pin, bool level); /* an irq_fn: pin 0 to 23 */
void ioapic_eoi(struct ioapic *io, uint8_t vector);	   /* a local APIC's EOI broadcast */

/* --- chipset: time ------------------------------------------------------------------------- */

/* 8254 at 0x40, and the speaker's port 0x61. */
struct i8254;
struct i8254 *i8254_create(struct machine *m);

/* MC146818 and its CMOS memory at 0x70. */
struct mc146818;
struct rtc_options {
	bool local_time; /* the clock shows local time, not UTC */
};
struct mc146818 *mc146818_create(struct machine *m, const struct rtc_options *opt);
void mc146818_set_cmos(struct mc146818 *rtc, uint8_t index, uint8_t value); /* at power-on */

/*
 * HPET at 0xfed00000, three comparators. In legacy replacement it takes over the interrupts of
 * PIT and RTC, which it tells through the two calls below.
 */
struct hpet;
struct hpet *hpet_create(struct machine *m, struct i8254 *pit, struct mc146818 *rtc);
void i8254_set_replaced(struct i8254 *pit, bool replaced);
void mc146818_set_replaced(struct mc146818 *rtc, bool replaced);

/* --- chipset: bridges, power management ------------------------------------------------------ */

/* Host bridge 00.0 with PAM and SMRAM. The memory map below 1 MiB follows its registers. */
struct i440fx;
struct i440fx_memory {
	uint8_t *ram;	  /* low memory from address 0 on, at least 1 MiB */
	uint8_t *bios;	  /* the firmware image, which ends at 4 GiB */
	uint64_t bios_len; /* 0: none, for kernels that are started without */
};
struct i440fx *i440fx_create(struct machine *m, const struct i440fx_memory *mem);

/* ISA bridge 00.1.0: PIRQ routing, ports 0x92 and 0xcf9. */
struct piix3;
struct piix3 *piix3_create(struct machine *m);

/* Power management 00.1.3: PM timer, PM1 event and control, GPE0, SMBus left out. */
struct piix4_pm;
struct piix4_pm *piix4_pm_create(struct machine *m);
void piix4_pm_power_button(struct piix4_pm *pm);

/* --- chipset: keyboard, serial, firmware interface ------------------------------------------- */

/* 8042 with PS/2 keyboard and wheel mouse. qnum: see ui/input.h. */
struct i8042;
struct i8042 *i8042_create(struct machine *m);
void i8042_key(struct i8042 *kbc, unsigned qnum, bool down);
/* buttons as in ui/input.h */
void i8042_mouse(struct i8042 *kbc, int dx, int dy, int dz, unsigned buttons);
/* leds hears of changes: bit 0 scroll, 1 num, 2 caps lock */
void i8042_watch_leds(struct i8042 *kbc, void (*leds)(void *arg, unsigned leds), void *arg);
unsigned i8042_buttons(const struct i8042 *kbc); /* of the mouse that are down */
/* Whether the guest has read all that keyboard and mouse have for it; drained hears of it. */
bool i8042_drained(const struct i8042 *kbc);
void i8042_watch_drained(struct i8042 *kbc, void (*drained)(void *arg), void *arg);

/* 16550A. c may be NULL. */
int uart16550_create(struct machine *m, uint16_t port, unsigned gsi, struct chardev *c);

/* fw_cfg at 0x510 with DMA. Data is copied. key as in fw_cfg's list; names up to 55 characters. */
struct fw_cfg;
struct fw_cfg *fw_cfg_create(struct machine *m);
int fw_cfg_add_item(struct fw_cfg *f, uint16_t key, const void *data, size_t len);
int fw_cfg_add_file(struct fw_cfg *f, const char *name, const void *data, size_t len);

/* The firmware's debug port 0x402. */
int debugcon_create(struct machine *m, struct chardev *c);

/* A byte written to port 0x501 stops the machine; machine_exit_code() then gives it. */
int exit_port_create(struct machine *m);

/* --- IDE ------------------------------------------------------------------------------------- */

/* PIIX3 bus-master IDE 00.1.1: two channels of two drives. */
struct piix_ide;
enum ide_kind { IDE_DISK, IDE_CDROM };
struct piix_ide *piix_ide_create(struct machine *m);
/* b may be NULL for an empty CD-ROM drive. serial: up to 20 characters. Before the first reset. */
int piix_ide_attach(struct piix_ide *ide, unsigned channel, unsigned unit, enum ide_kind kind,
		    struct block *b, const char *serial);
/*
 * Another disc, or with NULL none, in a CD-ROM drive. The old back end may be closed afterwards,
 * without the machine lock; what is under way on it still completes. 0, or -EINVAL: no such drive.
 */
int ide_change_medium(struct piix_ide *ide, unsigned channel, unsigned unit, struct block *b);
/*
 * Whether a hand may take the disc out: 0; -EBUSY when the guest has locked the drive, which then
 * tells the guest that its button was pressed; -EINVAL: no such drive.
 */
int ide_press_eject(struct piix_ide *ide, unsigned channel, unsigned unit);

/* --- display --------------------------------------------------------------------------------- */

/* Standard VGA with Bochs VBE at 00.2.0; vram_len and rom_len are powers of two. */
struct vga;
struct vga_options {
	struct surface *surface;
	void *vram;
	uint64_t vram_len;
	void *rom; /* VGA BIOS */
	uint64_t rom_len;
	enum vram_mode tracking;
	uint64_t idle_ns; /* with VRAM_IDLE: how long without a change before rest */
};
struct vga *vga_create(struct machine *m, const struct vga_options *opt);
void vga_refresh(struct vga *v);	     /* brings the surface up to date, now */
void vga_set_watched(struct vga *v, bool on); /* whether anyone looks; if not, nothing is drawn */
void vga_expect(struct vga *v); /* somebody has typed or moved: the guest is likely to draw */
/*
 * The characters on the screen in text modes, as UTF-8 with a newline after each row and without
 * blanks at its end (to be freed). 0; -ENOTSUP in graphics modes; -ENODATA: the screen is dark;
 * -ENOMEM.
 */
struct vga_screen {
	char *text;
	unsigned columns, rows;
	int cursor_column, cursor_row; /* -1: not to be seen */
};
int vga_read_screen(struct vga *v, struct vga_screen *screen);
uint64_t vga_frames(const struct vga *v); /* drawn since the start */
/*
 * How changes are found just now: off (nobody looks), trapped (each write is an exit), compare,
 * log, active, idle.
 */
const char *vga_tracking(const struct vga *v);

#endif
