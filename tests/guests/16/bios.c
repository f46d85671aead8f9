// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the firmware's services say of this machine: disks by int 13h, memory by int 15h, PCI and
 * time by int 1Ah, the timer interrupt, keyboard, serial port. They all rest on the devices.
 * Reference: Phoenix, "BIOS Enhanced Disk Drive Specification"; ACPI, "INT 15H, E820H"; PCI BIOS
 * Specification 2.1.
 */
#include "bios.h"

#include "clock.h"
#include "guest.h"

enum { SECTOR = 512, DISK_SECTORS = 16384, SECOND = 0x81, MARK = 0xca155001 };
enum { MEMORY_MIB = 64 };

static uint8_t buffer[4 * SECTOR] __attribute__((aligned(16)));

static struct bios_regs call(unsigned n, struct bios_regs r)
{
	bios(n, &r);
	return r;
}

static uint8_t high(uint32_t r)
{
	return r >> 8;
}

static struct bios_regs disk_packet(uint8_t function, uint32_t lba, uint16_t n)
{
	static struct {
		uint8_t len, zero;
		uint16_t count, off, segment;
		uint32_t lba, lba_high;
	} packet;

	packet.len = sizeof(packet);
	packet.count = n;
	packet.off = (uintptr_t)buffer;
	packet.lba = lba;
	return call(0x13, (struct bios_regs){ .eax = function << 8, .edx = SECOND,
					      .esi = (uintptr_t)&packet });
}

static uint32_t word(unsigned i)
{
	return ((const uint32_t *)buffer)[i];
}

static void check_disk(void)
{
	static uint16_t parameters[15] = { 30 };
	struct bios_regs r;

	check("boot-drive", boot_drive, 0x80);
	r = call(0x13, (struct bios_regs){ .eax = 0x4100, .ebx = 0x55aa, .edx = SECOND });
	check("edd", r.ebx & 0xffff, 0xaa55);
	r = call(0x13, (struct bios_regs){ .eax = 0x4800, .edx = SECOND,
					   .esi = (uintptr_t)parameters });
	check("parameters", r.flags & FLAG_CARRY, 0);
	check("sectors", parameters[8] | parameters[9] << 16, DISK_SECTORS);
	r = disk_packet(0x42, 100, 4);
	check("read", r.flags & FLAG_CARRY, 0);
	check("read-first", word(0), MARK);
	check("read-last", word(4 * SECTOR / 4 - 1), 103);
	r = call(0x13, (struct bios_regs){ .eax = 0x0201, .ebx = (uintptr_t)buffer, .ecx = 0x0002,
					   .edx = 0x0100 | SECOND });
	check("read-chs", r.flags & FLAG_CARRY, 0);
	check("read-chs-data", word(1), 63 + 1);
	memset(buffer, 0x5a, sizeof(buffer));
	check("write", disk_packet(0x43, 1000, 1).flags & FLAG_CARRY, 0);
	memset(buffer, 0, sizeof(buffer));
	disk_packet(0x42, 1000, 1);
	check("write-read", word(17), 0x5a5a5a5a);
	check("beyond-end", disk_packet(0x42, DISK_SECTORS, 1).flags & FLAG_CARRY, FLAG_CARRY);
}

static void check_memory(void)
{
	struct {
		uint32_t base, base_high, len, len_high, type, more;
	} e;
	struct bios_regs r = { 0 };
	uint32_t ram = 0;
	unsigned entries = 0;

	do {
		r = call(0x15, (struct bios_regs){ .eax = 0xe820, .ebx = r.ebx, .ecx = 20,
						   .edx = 0x534d4150, .edi = (uintptr_t)&e });
		if (e.type == 1)
			ram += e.len / 1024;
	} while (!(r.flags & FLAG_CARRY) && r.ebx && ++entries < 32);
	check("e820-signature", r.eax, 0x534d4150);
	check_range("e820-ram", ram, (MEMORY_MIB - 1) * 1024, MEMORY_MIB * 1024);
	r = call(0x15, (struct bios_regs){ .eax = 0xe801 });
	check("e801-below-16m", r.eax & 0xffff, 15 * 1024);
	check_range("e801-above-16m", r.ebx & 0xffff, (MEMORY_MIB - 17) * 16,
		    (MEMORY_MIB - 16) * 16);
	r = call(0x15, (struct bios_regs){ .eax = 0x8800 });
	check_range("int-15-88", r.eax & 0xffff, (MEMORY_MIB - 2) * 1024, (MEMORY_MIB - 1) * 1024);
	r = call(0x12, (struct bios_regs){ 0 });
	check_range("int-12", r.eax & 0xffff, 600, 640);
	r = call(0x15, (struct bios_regs){ .eax = 0x2402 });
	check("a20-status", r.eax & 0xff, 1);
}

static void check_pci(void)
{
	struct bios_regs r = call(0x1a, (struct bios_regs){ .eax = 0xb101 });

	check("pci-bios", r.edx, 0x20494350);
	r = call(0x1a, (struct bios_regs){ .eax = 0xb102, .ecx = 0x7010, .edx = 0x8086 });
	check("pci-find", r.ebx & 0xffff, 0x0009);
	r = call(0x1a, (struct bios_regs){ .eax = 0xb109, .ebx = 0x0009, .edi = 2 });
	check("pci-read", r.ecx & 0xffff, 0x7010);
}

static uint32_t ticks(void)
{
	struct bios_regs r = call(0x1a, (struct bios_regs){ 0 });

	return r.ecx << 16 | (r.edx & 0xffff);
}

static uint32_t next_tick;

static bool tick_changed(void)
{
	return ticks() != next_tick;
}

/* IRQ 0 at 18.2 Hz: six periods, from one tick to another. */
static uint32_t ticks_us(void)
{
	struct stopwatch s;

	next_tick = ticks();
	wait_until(tick_changed, 1000000);
	stopwatch_start(&s);
	for (unsigned i = 0; i < 6; i++) {
		next_tick = ticks();
		wait_until(tick_changed, 1000000);
	}
	return stopwatch_us(&s);
}

static void check_clocks(void)
{
	struct bios_regs r;

	check_time("tick-rate", ticks_us, 329552, 5);
	r = call(0x1a, (struct bios_regs){ .eax = 0x0200 });
	check("rtc-time", r.flags & FLAG_CARRY, 0);
	check_range("rtc-hour", high(r.ecx), 0, 0x23);
	r = call(0x1a, (struct bios_regs){ .eax = 0x0400 });
	check("rtc-century", high(r.ecx), 0x20);
}

static void check_others(void)
{
	struct bios_regs r = call(0x11, (struct bios_regs){ 0 });

	check("serial-ports", r.eax >> 9 & 7, 1);
	check("keyboard-empty", call(0x16, (struct bios_regs){ .eax = 0x0100 }).flags & FLAG_ZERO,
	      FLAG_ZERO);
	call(0x16, (struct bios_regs){ .eax = 0x0500, .ecx = 0x1e61 });
	r = call(0x16, (struct bios_regs){ .eax = 0x0000 });
	check("keyboard-buffer", r.eax & 0xffff, 0x1e61);
	r = call(0x14, (struct bios_regs){ .eax = 0x0300 });
	check("serial-status", high(r.eax) & 0x60, 0x60);
	r = call(0x15, (struct bios_regs){ .eax = 0x8600, .ecx = 0, .edx = 20000 });
	check("wait", r.flags & FLAG_CARRY, 0);
}

void guest_main(void)
{
	check_disk();
	check_memory();
	check_pci();
	check_clocks();
	check_others();
}
