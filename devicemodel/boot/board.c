// SPDX-License-Identifier: GPL-2.0-only
/*
 * The chips of the board, programmed through their ports as firmware leaves them to an operating
 * system: shadow memory, interrupt steering, power management, both 8259A, timer, clock, keyboard
 * controller, display.
 * Reference: Intel 82441FX, 82371SB and 82371AB data sheets, configuration registers; Intel 8259A,
 * "Programming the 8259A"; Bochs, "VBE Display API".
 */
#include "boot_priv.h"
#include "dm/isa.h"
#include "dm/machine.h"
#include "dm/pci.h"
#include "dm/region.h"
#include "firmware/firmware.h"

enum { HOST_BRIDGE = PCI_DEVFN(0, 0), ISA_BRIDGE = PCI_DEVFN(1, 0), POWER = PCI_DEVFN(1, 3) };
enum { PAM_FIRST = 0x59, PAM_BIG_ON = 0x30, PAM_COUNT = 7, PAM_ON = 0x33 };
enum { PIRQ_ROUTE = 0x60, ELCR_10_AND_11 = 0x0c };
enum { PM_BASE = 0x40, PM_MISC = 0x80, PM_ON = 1, SMB_BASE = 0x90, SMB_CONFIG = 0xd2,
       SMB_PORTS = 0x700, SMB_ON_IRQ9 = 0x09 };
enum { ICW1 = 0x11, ICW2_MASTER = 0x08, ICW2_SLAVE = 0x70, ICW3_MASTER = 0x04, ICW3_SLAVE = 0x02,
       ICW4 = 0x01, MASK_BUT_CASCADE = 0xfb, MASK_ALL = 0xff };
enum { PIT_CONTROL = PORT_PIT + 3, PIT_TICK = 0x34 }; /* channel 0, both bytes, mode 2 */
enum { RTC_A = 0x0a, RTC_A_RUN = 0x26, RTC_B = 0x0b, RTC_B_24H = 0x02, RTC_C = 0x0c,
       RTC_SHUTDOWN = 0x0f };
enum { KBC_SELF_TEST = 0xaa, KBC_WRITE_MODE = 0x60, KBC_MODE = 0x65 }; /* translated, IRQ 1 */
enum { VBE_DATA = PORT_VBE + 2, VBE_XRES = 1, VBE_YRES = 2, VBE_BPP = 3, VBE_ENABLE = 4,
       VBE_MEMORY_64K = 0x0a, VBE_ON_LINEAR = 0x41 };
enum { VGA_MISC = 0x3c2, VGA_ATTRIBUTE = 0x3c0, VGA_SEQUENCER = 0x3c4, VGA_STATUS = 0x3da };
enum { MISC_COLOUR_AND_RAM = 0x67, ATTRIBUTE_VIDEO_ON = 0x20, SEQUENCER_CLOCK = 1, CLOCK_RUNS = 1 };
enum { SCREEN_WIDTH = 1024, SCREEN_HEIGHT = 768, SCREEN_BITS = 32 };

void board_out(struct machine *m, unsigned port, uint32_t val, unsigned size)
{
	space_write(machine_pio(m), port, val, size);
}

uint32_t board_in(struct machine *m, unsigned port, unsigned size)
{
	return space_read(machine_pio(m), port, size);
}

/* --- chips --- */

/* All of the shadow area is memory: there is no ROM that would have to be copied first. */
static void open_shadow(struct machine *m)
{
	space_begin(machine_mem(m));
	board_config_write(m, HOST_BRIDGE, PAM_FIRST, PAM_BIG_ON, 1);
	for (unsigned i = 1; i < PAM_COUNT; i++)
		board_config_write(m, HOST_BRIDGE, PAM_FIRST + i, PAM_ON, 1);
	space_commit(machine_mem(m));
}

/* Cards share inputs 10 and 11, which are levels then. The tables know links that move them. */
static void steer_interrupts(struct machine *m)
{
	static const uint8_t route[] = { 10, 10, 11, 11 };

	for (unsigned i = 0; i < sizeof(route); i++)
		board_config_write(m, ISA_BRIDGE, PIRQ_ROUTE + i, route[i], 1);
	board_out(m, PORT_ELCR, 0, 1);
	board_out(m, PORT_ELCR + 1, ELCR_10_AND_11, 1);
}

static void set_up_power(struct machine *m)
{
	board_config_write(m, POWER, PM_BASE, FIRMWARE_PM_BASE | 1, 4);
	board_config_write(m, POWER, PM_MISC, PM_ON, 1);
	board_config_write(m, POWER, SMB_BASE, SMB_PORTS | 1, 4);
	board_config_write(m, POWER, SMB_CONFIG, SMB_ON_IRQ9, 1);
}

/* Everything masked but the cascade. */
static void set_up_pic(struct machine *m, unsigned port, uint8_t base, uint8_t cascade,
		       uint8_t mask)
{
	board_out(m, port, ICW1, 1);
	board_out(m, port + 1, base, 1);
	board_out(m, port + 1, cascade, 1);
	board_out(m, port + 1, ICW4, 1);
	board_out(m, port + 1, mask, 1);
}

static void set_up_timer(struct machine *m)
{
	board_out(m, PIT_CONTROL, PIT_TICK, 1);
	board_out(m, PORT_PIT, 0, 1);
	board_out(m, PORT_PIT, 0, 1);
}

static void write_cmos(struct machine *m, uint8_t index, uint8_t val)
{
	board_out(m, PORT_RTC, index, 1);
	board_out(m, PORT_RTC + 1, val, 1);
}

/* The shutdown status would tell a BIOS where to go on after a reset. */
static void set_up_clock(struct machine *m)
{
	write_cmos(m, RTC_A, RTC_A_RUN);
	write_cmos(m, RTC_B, RTC_B_24H);
	write_cmos(m, RTC_SHUTDOWN, 0);
	board_out(m, PORT_RTC, RTC_C, 1);
	board_in(m, PORT_RTC + 1, 1);
}

static void set_up_keyboard(struct machine *m)
{
	board_out(m, PORT_8042_COMMAND, KBC_SELF_TEST, 1);
	board_in(m, PORT_8042_DATA, 1);
	board_out(m, PORT_8042_COMMAND, KBC_WRITE_MODE, 1);
	board_out(m, PORT_8042_DATA, KBC_MODE, 1);
}

void board_set_up(struct machine *m)
{
	open_shadow(m);
	steer_interrupts(m);
	set_up_power(m);
	set_up_pic(m, PORT_PIC1, ICW2_MASTER, ICW3_MASTER, MASK_BUT_CASCADE);
	set_up_pic(m, PORT_PIC2, ICW2_SLAVE, ICW3_SLAVE, MASK_ALL);
	set_up_timer(m);
	set_up_clock(m);
	set_up_keyboard(m);
}

/* --- display --- */

static void write_vbe(struct machine *m, unsigned index, uint16_t val)
{
	board_out(m, PORT_VBE, index, 2);
	board_out(m, VBE_DATA, val, 2);
}

/* The VGA below may blank the picture in any mode. Reading the status makes 0x3c0 the index. */
static void unblank(struct machine *m)
{
	board_out(m, VGA_MISC, MISC_COLOUR_AND_RAM, 1);
	board_out(m, VGA_SEQUENCER, SEQUENCER_CLOCK, 1);
	board_out(m, VGA_SEQUENCER + 1, CLOCK_RUNS, 1);
	board_in(m, VGA_STATUS, 1);
	board_out(m, VGA_ATTRIBUTE, ATTRIBUTE_VIDEO_ON, 1);
}

void board_show_screen(struct machine *m, uint32_t framebuffer, struct boot_screen *screen)
{
	*screen = (struct boot_screen){ 0 };
	if (!framebuffer)
		return;
	write_vbe(m, VBE_XRES, SCREEN_WIDTH);
	write_vbe(m, VBE_YRES, SCREEN_HEIGHT);
	write_vbe(m, VBE_BPP, SCREEN_BITS);
	write_vbe(m, VBE_ENABLE, VBE_ON_LINEAR);
	unblank(m);
	board_out(m, PORT_VBE, VBE_MEMORY_64K, 2);
	*screen = (struct boot_screen){
		.address = framebuffer,
		.len = board_in(m, VBE_DATA, 2) << 16,
		.width = SCREEN_WIDTH,
		.height = SCREEN_HEIGHT,
		.stride = SCREEN_WIDTH * SCREEN_BITS / 8,
	};
}
