// SPDX-License-Identifier: GPL-2.0-only
/*
 * An ATAPI CD-ROM as the secondary channel's first drive: identify, inquiry, capacity, reads by
 * PIO and DMA, errors and sense. The CD has the pattern of tests/system/guests_here.py.
 * Reference: ATA/ATAPI-6 (T13/1410D), "PACKET"; SFF-8020i, "Command descriptions".
 */
#include "ata.h"
#include "clock.h"
#include "guest.h"
#include "io.h"

enum { PACKET = 0xa0, IDENTIFY = 0xec, IDENTIFY_PACKET = 0xa1, RESET = 0x08 };
enum { TEST_READY = 0x00, REQUEST_SENSE = 0x03, INQUIRY = 0x12, READ_CAPACITY = 0x25,
       READ_10 = 0x28, READ_TOC = 0x43, READ_12 = 0xa8 };
enum { FRAME = 2048, FRAMES = 512, LIMIT = 0xfffe };
enum { COMMAND_PHASE = 0x01, DATA_IN = 0x02, DONE = 0x03 }; /* interrupt reasons */

static struct ata cd;
static uint8_t buffer[8 * FRAME];
static uint16_t id[256];
static unsigned moved; /* bytes of the last command */

/* A packet whose bytes 2 to 5 and 7 to 8 are an address and a length. */
static void make_packet(uint8_t packet[12], uint8_t op, uint32_t address, uint16_t n)
{
	memset(packet, 0, 12);
	packet[0] = op;
	for (unsigned i = 0; i < 4; i++)
		packet[2 + i] = address >> 8 * (3 - i);
	packet[7] = n >> 8;
	packet[8] = n;
}

static bool send_packet(const uint8_t packet[12], bool dma, uint16_t limit)
{
	ata_select(&cd);
	out8(cd.port + ATA_FEATURES, dma);
	out8(cd.port + ATA_LBA_MID, limit);
	out8(cd.port + ATA_LBA_HIGH, limit >> 8);
	out8(cd.port + ATA_COMMAND, PACKET);
	if ((ata_wait(&cd) & (ST_DRQ | ST_ERR)) != ST_DRQ ||
	    (in8(cd.port + ATA_COUNT) & 3) != COMMAND_PHASE)
		return false;
	out16s(cd.port, packet, 6);
	return true;
}

/* The status in the end; what came is in buffer. */
static uint8_t run_limited(const uint8_t packet[12], uint16_t limit)
{
	moved = 0;
	if (!send_packet(packet, false, limit))
		return 0xff;
	while ((ata_wait(&cd) & (ST_DRQ | ST_ERR)) == ST_DRQ) {
		unsigned n = in8(cd.port + ATA_LBA_MID) | in8(cd.port + ATA_LBA_HIGH) << 8;

		if ((in8(cd.port + ATA_COUNT) & 3) != DATA_IN || n > limit ||
		    moved + n > sizeof(buffer))
			return 0xfe;
		in16s(cd.port, buffer + moved, (n + 1) / 2);
		moved += n;
	}
	return in8(cd.port + ATA_STATUS);
}

static uint8_t run(uint8_t op, uint32_t address, uint16_t n)
{
	uint8_t packet[12];

	make_packet(packet, op, address, n);
	if (op == REQUEST_SENSE || op == INQUIRY) {
		memset(packet + 1, 0, 11);
		packet[4] = n;
	}
	return run_limited(packet, LIMIT);
}

static unsigned good_frames(uint32_t first, unsigned n)
{
	const uint32_t *p = (const uint32_t *)buffer;
	unsigned good = 0;

	for (unsigned i = 0; i < n; i++, p += FRAME / 4)
		good += p[0] == 4 * (first + i) && p[FRAME / 4 - 1] == 4 * (first + i) + 3;
	return good;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static void check_identify(void)
{
	out8(cd.port + ATA_DEVICE, 0xa0);
	out8(cd.port + ATA_COMMAND, RESET);
	ata_wait(&cd);
	check("signature", in8(cd.port + ATA_LBA_MID) | in8(cd.port + ATA_LBA_HIGH) << 8, 0xeb14);
	out8(cd.port + ATA_COMMAND, IDENTIFY);
	check("no-identify-device", ata_wait(&cd) & ST_ERR, ST_ERR);
	check("abort-signature",
	      in8(cd.port + ATA_LBA_MID) | in8(cd.port + ATA_LBA_HIGH) << 8, 0xeb14);
	ata_command(&cd, IDENTIFY_PACKET, 0, 0, false);
	check("identify-packet", ata_pio_in(&cd, id, 1, 1) & ST_ERR, 0);
	check("atapi-cd-12-byte-packets", id[0] & 0xdf03, 0x8500);
}

/* After power-on the first command fails: UNIT ATTENTION. */
static void check_ready(void)
{
	unsigned tries = 0;

	while (run(TEST_READY, 0, 0) & ST_ERR && tries++ < 4)
		run(REQUEST_SENSE, 0, 18);
	check_range("ready-after-attention", tries, 0, 2);
	check("interrupt-reason-done", in8(cd.port + ATA_COUNT) & 3, DONE);
}

static void check_inquiry(void)
{
	check("inquiry", run(INQUIRY, 0, 36) & ST_ERR, 0);
	check("inquiry-length", moved, 36);
	check("inquiry-type", buffer[0] & 0x1f, 5);
	check("inquiry-removable", buffer[1] & 0x80, 0x80);
	check("capacity", run(READ_CAPACITY, 0, 0) & ST_ERR, 0);
	check("capacity-last", be32(buffer), FRAMES - 1);
	check("capacity-frame", be32(buffer + 4), FRAME);
	check("toc", run(READ_TOC, 0, 100) & ST_ERR, 0);
	check("toc-tracks", buffer[2] << 8 | buffer[3], 0x0101);
}

static void check_reads(void)
{
	uint8_t packet[12];

	check("read", run(READ_10, 16, 1) & ST_ERR, 0);
	check("read-data", good_frames(16, 1), 1);
	check("read-8", (run(READ_10, 100, 8), good_frames(100, 8)), 8);
	make_packet(packet, READ_10, 50, 4);
	check("read-limited", run_limited(packet, FRAME) & ST_ERR, 0);
	check("read-limited-data", good_frames(50, 4), 4);
	make_packet(packet, READ_12, 60, 0);
	packet[9] = 2;
	check("read-12", (run_limited(packet, LIMIT), good_frames(60, 2)), 2);
	check("beyond-end", run(READ_10, FRAMES, 1) & ST_ERR, ST_ERR);
	check("beyond-end-sense", in8(cd.port + ATA_ERROR) >> 4, 5);
	check("sense", run(REQUEST_SENSE, 0, 18) & ST_ERR, 0);
	check("sense-key", buffer[2] & 0x0f, 5);
	check("sense-code", buffer[12], 0x21);
	check("unknown-command", run(0xf7, 0, 0) & ST_ERR, ST_ERR);
	check("unknown-sense", (run(REQUEST_SENSE, 0, 18), buffer[12]), 0x20);
}

static void check_dma(void)
{
	static struct prd table[2] __attribute__((aligned(16)));
	uint8_t packet[12];

	table[0] = (struct prd){ (uintptr_t)buffer, 1000, 0 };
	table[1] = (struct prd){ (uintptr_t)buffer + 1000, 4 * FRAME - 1000, PRD_LAST };
	memset(buffer, 0, sizeof(buffer));
	ata_dma_prepare(&cd, table, true);
	make_packet(packet, READ_10, 200, 4);
	check_true("dma-packet", send_packet(packet, true, 0));
	check("dma", ata_dma_run(&cd) & (BM_IRQ | BM_ERROR), BM_IRQ);
	check("dma-status", in8(cd.port + ATA_STATUS) & (ST_ERR | ST_DRQ | ST_BUSY), 0);
	check("dma-data", good_frames(200, 4), 4);
}

void guest_main(void)
{
	cd = ata_drive(1, 0);
	check_identify();
	check_ready();
	check_inquiry();
	check_reads();
	check_dma();
}
