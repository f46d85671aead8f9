// SPDX-License-Identifier: GPL-2.0-only
/* The PC, assembled: memory map, wiring, and the list of parts. */
#include "pc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/loop_priv.h"
#include "boot/boot.h"
#include "control/control.h"
#include "dm/block.h"
#include "dm/chardev.h"
#include "dm/isa.h"
#include "dm/log.h"
#include "dm/loop.h"
#include "dm/parts.h"
#include "kvm/kvm.h"
#include "typist.h"
#include "ui/surface.h"

/* Main memory below 4 GiB ends where the PCI hole begins at the latest; the rest goes above. */
#define LOW_MAX	    0xc0000000ull
#define HIGH_START  0x100000000ull
#define SHADOW	    0xc0000ull /* to 1 MiB: the host bridge overlays this by its PAM registers */
#define SHADOW_END  0x100000ull
#define WRAP_LEN    0x10000ull /* what real mode reaches above 1 MiB */
#define MIB	    (1ull << 20)

enum { PIC_INPUTS = 16, PIT_GSI = 0, PIT_PIN = 2 };

static int fail(int err, char **why, const char *what)
{
	if (!*why)
		*why = sentence("%s (%s).", what, strerror(-err));
	return err;
}

/* --- memory --- */

static uint64_t low_len(const struct pc *pc)
{
	return pc->ram.len < LOW_MAX ? pc->ram.len : LOW_MAX;
}

/*
 * Four pieces, so that shadowing does not touch the memory slots of the others: below the shadow
 * area, the area itself, the rest below the hole, and above 4 GiB.
 */
static int map_memory(struct pc *pc)
{
	struct space *mem = &pc->m.mem;
	uint64_t low = low_len(pc);
	int err;

	err = region_add_ram(mem, &pc->low, 0, SHADOW, pc->ram.host, REGION_DMA);
	if (!err)
		err = region_add_ram(mem, &pc->shadow, SHADOW, SHADOW_END - SHADOW,
				     pc->ram.host + SHADOW, REGION_DMA);
	if (!err)
		err = region_add_ram(mem, &pc->main, SHADOW_END, low - SHADOW_END,
				     pc->ram.host + SHADOW_END, REGION_DMA);
	if (!err && pc->ram.len > low)
		err = region_add_ram(mem, &pc->high, HIGH_START, pc->ram.len - low,
				     pc->ram.host + low, REGION_DMA);
	if (!err)
		err = region_add_ram(mem, &pc->wrap, SHADOW_END, WRAP_LEN, pc->ram.host, 0);
	if (err)
		return err;
	region_enable(&pc->wrap, false);
	region_set_prio(&pc->wrap, 1);
	return 0;
}

/*
 * With the gate shut, addresses of the first 64 KiB above 1 MiB come out at 0, which is what real
 * mode can see of it. Higher odd MiB stay as they are. Devices do not write there meanwhile.
 */
static void a20_changed(void *arg, bool open)
{
	region_enable(&((struct pc *)arg)->wrap, !open);
}

static int open_memory(struct pc *pc, const struct config *c, char **why)
{
	int err = ram_create(&pc->ram, c->memory);

	if (!err)
		err = ram_create_small(&pc->vram, "guest-vram", c->video_memory);
	if (!err)
		err = map_memory(pc);
	return err ? fail(err, why, "Cannot map the guest's memory") : 0;
}

/* --- wiring --- */

static void intr_changed(void *arg, unsigned n, bool level)
{
	kvm_set_intr(((struct pc *)arg)->kvm, level);
}

/* The board's inputs: both controllers hear the first 16, but the PIT arrives at I/O APIC pin 2. */
static void gsi_changed(void *arg, unsigned gsi, bool level)
{
	struct pc *pc = arg;

	if (gsi < PIC_INPUTS)
		i8259_input(pc->pic, gsi, level);
	if (gsi == PIT_GSI)
		ioapic_input(pc->ioapic, PIT_PIN, level);
	else if (gsi != PIT_PIN)
		ioapic_input(pc->ioapic, gsi, level);
}

static int vram_look(void *arg, struct vram_look *look)
{
	return kvm_vram_look(((struct pc *)arg)->kvm, look);
}

static void send_message(void *arg, uint64_t address, uint32_t data)
{
	kvm_send_message(((struct pc *)arg)->kvm, address, data);
}

/* An input that both controllers have masked is ignored: its clock may rest. */
static void hears(struct pc *pc, uint32_t *by, unsigned gsi, bool on)
{
	*by = (*by & ~(1u << gsi)) | (uint32_t)on << gsi;
	irq_gate_ignore(&pc->m.gsi[gsi], !((pc->pic_hears | pc->ioapic_hears) >> gsi & 1));
}

static void pic_unmasked(void *arg, unsigned irq, bool on)
{
	struct pc *pc = arg;

	hears(pc, &pc->pic_hears, irq, on);
}

static void set_route(void *arg, unsigned pin, uint64_t address, uint32_t data)
{
	struct pc *pc = arg;

	kvm_set_route(pc->kvm, pin, address, data);
	if (pin == PIT_PIN)
		hears(pc, &pc->ioapic_hears, PIT_GSI, address);
	else if (pin != PIT_GSI)
		hears(pc, &pc->ioapic_hears, pin, address);
}

static uint8_t acknowledge(void *arg)
{
	return i8259_acknowledge(((struct pc *)arg)->pic);
}

static void eoi(void *arg, uint8_t vector)
{
	ioapic_eoi(((struct pc *)arg)->ioapic, vector);
}

static void connect_processors(struct pc *pc)
{
	static const struct machine_ops ops = {
		.vram_look = vram_look, .gsi = gsi_changed, .a20 = a20_changed };
	struct kvm_board board = { .acknowledge = acknowledge, .eoi = eoi, .arg = pc };

	machine_set_ops(&pc->m, &ops, pc);
	kvm_set_board(pc->kvm, &board);
	kvm_follow_memory(pc->kvm);
}

/* --- what the configuration names --- */

static int open_drive(struct pc *pc, const struct config *c, unsigned n, char **why)
{
	const struct config_drive *d = &c->drives[n];
	struct block_options opt = {
		.read_only = d->read_only || d->cdrom,
		.discard_changes = c->discard_changes && !d->cdrom,
		.no_discard = d->no_discard,
		.wait_for_room = true,
		.guest = c->name,
		.guest_of = rundir_guest_of,
	};

	if (!d->present || !d->path)
		return 0;
	return block_open_raw(&pc->block[n], &pc->m, d->path, &opt, why);
}

static int open_backends(struct pc *pc, const struct config *c, char **why)
{
	char *where = NULL;
	int err = 0;

	for (unsigned n = 0; n < CONFIG_DRIVES && !err; n++)
		err = open_drive(pc, c, n, why);
	machine_lock(&pc->m);
	if (!err)
		err = chr_open(&pc->serial, &pc->m, c->serial, &pc->serial_where, why);
	if (!err)
		err = chr_open(&pc->debugcon, &pc->m, c->debugcon, &where, why);
	machine_unlock(&pc->m);
	free(where);
	return err ? fail(err, why, "Cannot open a drive or port") : 0;
}

static int open_kernel(struct pc *pc, const struct config *c, char **why)
{
	struct boot_files files = { c->kernel, c->initrd, c->append, pc->roms.vga.data,
				    pc->roms.vga.len };

	if (!c->kernel)
		return 0;
	return boot_open(&pc->boot, &files, pc->ram.host, low_len(pc), why);
}

int pc_start_kernel(struct pc *pc, char **why)
{
	return pc->boot ? boot_start(pc->boot, &pc->m, pc->kvm, &pc->info, why) : 0;
}

/* --- the parts --- */

static bool add_clocks(struct pc *pc, const struct config *c, struct mc146818 **rtc)
{
	struct machine *m = &pc->m;
	struct rtc_options opt = { .local_time = c->local_time };
	struct i8254 *pit = i8254_create(m);

	*rtc = mc146818_create(m, &opt);
	return pit && *rtc && hpet_create(m, pit, *rtc);
}

static bool add_drives(struct pc *pc, const struct config *c)
{
	struct piix_ide *ide = pc->ide = piix_ide_create(&pc->m);

	for (unsigned n = 0; ide && n < CONFIG_DRIVES; n++) {
		const struct config_drive *d = &c->drives[n];

		if (d->present &&
		    piix_ide_attach(ide, n / 2, n % 2, d->cdrom ? IDE_CDROM : IDE_DISK,
				    pc->block[n], d->serial))
			return false;
	}
	return ide;
}

static bool add_ports(struct pc *pc, const struct config *c)
{
	struct machine *m = &pc->m;

	pc->kbc = i8042_create(m);
	return pc->kbc && !uart16550_create(m, PORT_COM1, IRQ_COM1, pc->serial) &&
	       (!pc->debugcon || !debugcon_create(m, pc->debugcon)) &&
	       (!c->exit_port || !exit_port_create(m));
}

/* uuid is 8-4-4-4-12 hexadecimal digits, as config_finish() leaves it. */
static void uuid_bytes(const char *uuid, uint8_t bytes[16])
{
	for (unsigned i = 0; i < 16 && *uuid; i++) {
		unsigned val = 0;

		uuid += *uuid == '-';
		sscanf(uuid, "%2x", &val);
		bytes[i] = val;
		uuid += 2;
	}
}

static bool add_firmware(struct pc *pc, const struct config *c, struct mc146818 *rtc)
{
	struct fw_cfg *fw = fw_cfg_create(&pc->m);
	struct firmware_info *info = &pc->info;

	*info = (struct firmware_info){
		.vcpus = c->cpus,
		.ram_below_4g = low_len(pc),
		.ram_above_4g = pc->ram.len - low_len(pc),
		.reserved_base = KVM_RESERVED_BASE,
		.reserved_len = KVM_RESERVED_LEN,
		.name = c->name,
		.boot = c->boot,
		.has_hpet = true,
		.uefi = pc->roms.uefi,
	};

	for (unsigned n = 0; n < CONFIG_DRIVES; n++)
		info->cdroms |= (c->drives[n].present && c->drives[n].cdrom) << n;
	uuid_bytes(c->uuid, info->uuid);
	kvm_cpu_signature(pc->kvm, &info->cpu_signature, &info->cpu_features);
	firmware_set_cmos(rtc, info);
	return fw && !firmware_add_tables(fw, info);
}

/* In the order in which they are reset. */
static bool add_parts(struct pc *pc, const struct config *c)
{
	static const struct ioapic_ops ioapic_ops = { .message = send_message, .route = set_route };
	struct machine *m = &pc->m;
	struct i440fx_memory mem = { pc->ram.host, pc->roms.bios.data, pc->roms.bios.len };
	struct vga_options vga = { pc->surface, pc->vram.host, pc->vram.len, pc->roms.vga.data,
				   pc->roms.vga.len, c->vram_tracking, c->vram_idle_ns };
	struct mc146818 *rtc;

	if (vga.idle_ns == CONFIG_IDLE_AUTO)
		vga.idle_ns = kvm_vram_idle_ns(pc->kvm);
	pc->pic = i8259_create(m, intr_changed, pc);
	pc->ioapic = ioapic_create(m, &ioapic_ops, pc);
	if (!pc->pic || !pc->ioapic || !add_clocks(pc, c, &rtc))
		return false;
	i8259_watch(pc->pic, pic_unmasked, pc);
	if (!pci_bus_create(m) || !i440fx_create(m, &mem) || !piix3_create(m))
		return false;
	pc->pm = piix4_pm_create(m);
	if (!pc->pm || !add_drives(pc, c) || !add_ports(pc, c))
		return false;
	pc->vga = vga_create(m, &vga);
	return pc->vga && add_firmware(pc, c, rtc);
}

static int assemble(struct pc *pc, const struct config *c, char **why)
{
	int err = 0;

	machine_lock(&pc->m);
	if (add_parts(pc, c)) {
		connect_processors(pc);
		console_connect(pc);
		machine_reset_devices(&pc->m);
		err = pc_start_kernel(pc, why);
	} else {
		err = -ENOMEM;
	}
	machine_unlock(&pc->m);
	return err ? fail(err, why, "Cannot assemble the PC") : 0;
}

int pc_init(struct pc *pc, char **why)
{
	int err;

	*pc = (struct pc){ .ram.fd = -1 };
	err = machine_init(&pc->m, loop_host_now, loop_rearm, &pc->m);
	if (!err && !loop_create(&pc->m))
		err = fail(-ENOMEM, why, "Cannot make the event loop");
	return err;
}

int pc_create(struct pc *pc, struct config *c, const char *device, char **why)
{
	int err = console_open_window(pc, c, why);

	if (!err && c->kernel)
		firmware_load_vga_rom(&pc->roms, NULL);
	else if (!err)
		err = firmware_load_roms(&pc->roms, c->firmware, NULL, why);
	if (!err)
		err = open_memory(pc, c, why);
	if (!err && !c->kernel)
		ram_take_first(&pc->ram);
	if (!err)
		err = open_kernel(pc, c, why);
	if (!err)
		err = open_backends(pc, c, why);
	if (!err)
		err = console_create(pc, why);
	if (!err)
		err = kvm_create(&pc->kvm, &pc->m, device, c->cpus, why);
	if (!err)
		err = assemble(pc, c, why);
	if (!err)
		err = console_serve(pc, c, why);
	return err;
}

/* Viewers first, then processors, then what they used. */
void pc_destroy(struct pc *pc)
{
	console_stop_serving(pc);
	kvm_destroy(pc->kvm);
	for (unsigned n = 0; n < CONFIG_DRIVES; n++) {
		block_close(pc->block[n]);
		block_close(pc->old_disc[n]);
	}
	machine_lock(&pc->m);
	typist_destroy(pc->typist);
	chr_close(pc->serial);
	chr_close(pc->debugcon);
	machine_unlock(&pc->m);
	machine_fini(&pc->m);
	console_destroy(pc);
	if (pc->m.loop)
		loop_destroy(pc->m.loop);
	boot_close(pc->boot);
	ram_destroy(&pc->ram);
	ram_destroy(&pc->vram);
	firmware_free_roms(&pc->roms);
	free(pc->serial_where);
}
