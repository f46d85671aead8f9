// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moves the data of a command between back end and guest, by PIO bursts or by the bus master, in
 * requests of at most IDE_CHUNK bytes however long the command is.
 *
 * ide_step() looks at the transfer and does what comes next; it is called again when a burst is
 * through, when the back end is done and when the bus master starts. A request's effects appear
 * when it is done and not before, so that a restored transfer simply asks again.
 *
 * Reference: ATA/ATAPI-6 (T13/1410D), "PIO data-in command protocol" and the sections after it.
 */
#include <errno.h>
#include <string.h>

#include "ide.h"

static uint32_t sector_size(const struct ide_drive *d)
{
	return d->kind == IDE_CDROM ? CD_SECTOR : IDE_SECTOR;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

struct ide_transfer *ide_begin(struct ide_channel *c, enum ide_op op)
{
	c->x = (struct ide_transfer){
		.unit = ide_selected(c) == &c->drive[1],
		.op = op,
		.step = IDE_CHUNK,
		.block = IDE_SECTOR,
	};
	return &c->x;
}

static void set_phase(struct ide_channel *c, enum ide_phase phase)
{
	c->x.phase = phase;
	ide_owner(c)->status = ST_READY | (phase >= IDE_IO ? ST_BSY : ST_DRQ);
}

/* --- ends --- */

void ide_finish(struct ide_channel *c)
{
	struct ide_drive *d = ide_owner(c);

	d->status = ST_READY;
	if (c->x.packet)
		atapi_done(c, d);
	else
		ata_done(c, d);
}

static void fail(struct ide_channel *c, int err)
{
	struct ide_drive *d = ide_owner(c);

	d->status = ST_READY;
	if (c->x.packet)
		atapi_failed(c, d, err);
	else
		ata_failed(c, d, err);
}

static void advance(struct ide_channel *c, uint64_t n)
{
	n = least(n, c->x.left);
	c->x.offset += n;
	c->x.left -= n;
}

/* --- requests to the back end --- */

static void request_done(struct block_req *r, int err);

void ide_submit(struct ide_channel *c, enum block_op op, uint64_t offset, uint64_t len)
{
	struct block *b = ide_owner(c)->block;
	uint64_t size = b ? block_size(b) : 0;

	set_phase(c, IDE_IO);
	if (!b || offset > size) {
		fail(c, -ENOMEDIUM);
		return;
	}
	c->req = (struct block_req){ .op = op, .offset = offset, .buf = c->io, .len = len,
				     .done = request_done, .owner = c };
	/* the last sector of a disc may be cut short */
	if (op == BLOCK_READ && len > size - offset) {
		c->req.len = size - offset;
		memset(c->io + c->req.len, 0, len - c->req.len);
	}
	c->in_flight = true;
	block_submit(b, &c->req);
}

/* The next len bytes of the transfer. */
static void submit(struct ide_channel *c, enum block_op op, uint32_t len)
{
	c->want = len;
	ide_submit(c, op, c->x.offset, len);
}

/* A long request that fails is made again sector by sector, until the bad one is met. */
static void request_failed(struct ide_channel *c, int err)
{
	uint32_t sector = sector_size(ide_owner(c));

	if (c->x.op == OP_FLUSH || c->x.op == OP_TRIM || c->want <= sector) {
		fail(c, err);
		return;
	}
	c->x.step = sector;
	ide_step(c);
}

static void dma_read_done(struct ide_channel *c)
{
	struct bm_cursor at = c->bm.at;
	size_t n = bm_ready(c) ? bm_move(c, &at, c->io, c->want, true) : 0;

	bm_commit(c, &at);
	/* a table too short for the command: the sector that it cut is sent again */
	advance(c, n == c->want ? n : n - n % sector_size(ide_owner(c)));
}

static void write_done(struct ide_channel *c)
{
	if (!c->x.dma)
		c->x.pos += c->want;
	else if (c->bm.after_valid)
		bm_commit(c, &c->bm.after);
	advance(c, c->want);
}

static void pio_read_done(struct ide_channel *c)
{
	struct ide_transfer *x = &c->x;
	uint32_t n = least(c->want, sizeof(c->pio) - x->end);

	memcpy(c->pio + x->end, c->io, n);
	x->end += n;
	advance(c, n);
}

static void request_done(struct block_req *r, int err)
{
	struct ide_channel *c = r->owner;

	c->in_flight = false;
	if (c->dropped) {
		c->dropped = false;
		ide_resume(c);
		return;
	}
	if (err) {
		request_failed(c, err);
		return;
	}
	if (c->x.op == OP_FLUSH) {
		ide_finish(c);
		return;
	}
	if (c->x.op == OP_WRITE)
		write_done(c);
	else if (c->x.op == OP_VERIFY)
		advance(c, c->want);
	else if (c->x.op == OP_TRIM)
		c->x.pos += c->want;
	else if (c->x.dma)
		dma_read_done(c);
	else
		pio_read_done(c);
	ide_step(c);
}

/* --- to the guest --- */

static void burst_in(struct ide_channel *c)
{
	struct ide_transfer *x = &c->x;
	struct ide_drive *d = ide_owner(c);
	uint32_t n = x->end - x->pos;

	if (n > x->block)
		n = x->block & ~1u; /* only the last burst may be odd */
	x->stop = x->pos + n;
	set_phase(c, IDE_DATA_IN);
	if (x->packet)
		atapi_burst(c, d, true);
	ide_raise(c, d);
}

/* Reads on behind what the buffer still holds, which is less than a burst. */
static void fill(struct ide_channel *c)
{
	struct ide_transfer *x = &c->x;
	uint32_t held = x->end - x->pos, room;

	memmove(c->pio, c->pio + x->pos, held);
	x->pos = x->stop = 0;
	x->end = held;
	room = sizeof(c->pio) - held;
	room -= room % sector_size(ide_owner(c));
	submit(c, BLOCK_READ, least(least(x->left, x->step), least(room, IDE_DRQ_MAX)));
}

static void step_in(struct ide_channel *c)
{
	struct ide_transfer *x = &c->x;
	uint32_t held = x->end - x->pos;

	if (held && (held >= x->block || !x->left))
		burst_in(c);
	else if (x->left)
		fill(c);
	else
		ide_finish(c);
}

static void step_dma_read(struct ide_channel *c)
{
	struct ide_transfer *x = &c->x;

	if (!x->left)
		ide_finish(c);
	else if (!bm_ready(c))
		set_phase(c, IDE_DMA_WAIT);
	else
		submit(c, BLOCK_READ, least(x->left, x->step));
}

static void step_dma_reply(struct ide_channel *c)
{
	struct ide_transfer *x = &c->x;
	struct bm_cursor at = c->bm.at;

	set_phase(c, IDE_DMA_WAIT);
	if (!bm_ready(c))
		return;
	x->pos += bm_move(c, &at, c->pio + x->pos, x->end - x->pos, true);
	bm_commit(c, &at);
	if (x->pos == x->end)
		ide_finish(c);
}

/* --- from the guest --- */

static void burst_out(struct ide_channel *c)
{
	struct ide_transfer *x = &c->x;
	struct ide_drive *d = ide_owner(c);
	bool first = !x->stop;
	uint32_t n = x->left;

	if (x->op != OP_PACKET && n > x->block)
		n = x->block & ~1u;
	x->pos = 0;
	x->stop = n;
	set_phase(c, IDE_DATA_OUT);
	if (x->packet)
		atapi_burst(c, d, false);
	/* the host finds the first DRQ of a write, and that of a packet, by looking */
	if (!first || x->op == OP_SINK)
		ide_raise(c, d);
}

static void finish_write(struct ide_channel *c)
{
	if (ide_owner(c)->write_cache && !c->x.flush) {
		ide_finish(c);
		return;
	}
	c->x.op = OP_FLUSH;
	submit(c, BLOCK_FLUSH, 0);
}

static void step_write(struct ide_channel *c)
{
	struct ide_transfer *x = &c->x;
	uint32_t n;

	if (x->phase == IDE_IO && x->pos < x->stop) {
		n = least(x->step, x->stop - x->pos);
		memcpy(c->io, c->pio + x->pos, n);
		submit(c, BLOCK_WRITE, n);
	} else if (x->left) {
		burst_out(c);
	} else {
		finish_write(c);
	}
}

static void step_dma_write(struct ide_channel *c)
{
	struct ide_transfer *x = &c->x;
	struct bm_cursor at = c->bm.at;
	uint32_t n = least(x->left, x->step), got;

	if (!n) {
		finish_write(c);
		return;
	}
	set_phase(c, IDE_DMA_WAIT);
	if (!bm_ready(c))
		return;
	got = bm_move(c, &at, c->io, n, false);
	got -= got % sector_size(ide_owner(c));
	if (!got) {
		bm_commit(c, &at);
		return;
	}
	c->bm.after = at;
	c->bm.after_valid = true;
	submit(c, BLOCK_WRITE, got);
}

static void step_sink(struct ide_channel *c)
{
	struct bm_cursor at = c->bm.at;

	if (!c->x.left) {
		ide_finish(c);
		return;
	}
	if (!c->x.dma) {
		burst_out(c);
		return;
	}
	set_phase(c, IDE_DMA_WAIT);
	if (!bm_ready(c))
		return;
	c->x.left -= bm_move(c, &at, c->io, least(c->x.left, IDE_CHUNK), false);
	bm_commit(c, &at);
	if (!c->x.left)
		ide_finish(c);
}

static void step_trim_list(struct ide_channel *c)
{
	struct ide_transfer *x = &c->x;
	struct bm_cursor at = c->bm.at;

	set_phase(c, IDE_DMA_WAIT);
	if (!bm_ready(c))
		return;
	x->pos += bm_move(c, &at, c->pio + x->pos, x->end - x->pos, false);
	bm_commit(c, &at);
	if (x->pos < x->end)
		return;
	x->op = OP_TRIM;
	x->pos = 0;
	ide_step_trim(c);
}

/* --- what comes next --- */

void ide_step(struct ide_channel *c)
{
	struct ide_transfer *x = &c->x;

	if (c->in_flight) { /* overtaken by a restore; ide_resume() comes back here */
		if (x->phase < IDE_IO)
			set_phase(c, IDE_IO);
		return;
	}
	if (x->stale) {
		fail(c, -ENOMEDIUM);
		return;
	}
	switch (x->op) {
	case OP_READ:
		x->dma ? step_dma_read(c) : step_in(c);
		break;
	case OP_REPLY:
		x->dma ? step_dma_reply(c) : step_in(c);
		break;
	case OP_WRITE:
		x->dma ? step_dma_write(c) : step_write(c);
		break;
	case OP_VERIFY:
		x->left ? submit(c, BLOCK_READ, least(x->left, x->step)) : ide_finish(c);
		break;
	case OP_FLUSH:
		submit(c, BLOCK_FLUSH, 0);
		break;
	case OP_SINK:
		step_sink(c);
		break;
	case OP_PACKET:
		burst_out(c);
		break;
	case OP_TRIM_LIST:
		step_trim_list(c);
		break;
	case OP_TRIM:
		ide_step_trim(c);
		break;
	}
}

/* The guest has moved the last word of a burst. */
void ide_burst_done(struct ide_channel *c)
{
	struct ide_transfer *x = &c->x;
	struct ide_drive *d = ide_owner(c);

	if (x->op == OP_PACKET) {
		memcpy(d->packet, c->pio, sizeof(d->packet));
		atapi_packet(c, d);
		return;
	}
	if (x->op == OP_SINK)
		x->left -= least(x->stop, x->left);
	if (x->op == OP_WRITE) {
		set_phase(c, IDE_IO);
		x->pos = 0;
	}
	ide_step(c);
}

/* --- resets and restores --- */

static void finish_reset(struct ide_channel *c)
{
	uint8_t units = c->x.reset;

	c->x = (struct ide_transfer){ 0 };
	for (unsigned u = 0; u < 2; u++) {
		struct ide_drive *d = &c->drive[u];

		if (!(units >> u & 1))
			continue;
		ide_set_signature(d);
		d->error = ERR_PASSED;
		d->status = d->kind == IDE_CDROM ? 0 : ST_READY;
	}
}

/* The buffer of a request under way is the back end's: BSY shows until it has been given back. */
void ide_reset_drives(struct ide_channel *c, uint8_t units)
{
	uint8_t waiting = c->x.phase == IDE_RESET ? c->x.reset : 0;

	if (c->x.phase != IDE_READY)
		ide_owner(c)->status = ST_READY;
	c->dropped = c->in_flight;
	c->bm.after_valid = false;
	c->x = (struct ide_transfer){ .phase = IDE_RESET, .reset = units | waiting };
	for (unsigned u = 0; u < 2; u++)
		if (units >> u & 1)
			c->drive[u].intrq = false;
	ide_resume(c);
	ide_update_irq(c);
}

void ide_resume(struct ide_channel *c)
{
	if (c->x.phase == IDE_RESET) {
		if (!c->in_flight && !(c->control & CTL_SRST))
			finish_reset(c);
	} else if (c->x.phase == IDE_IO || c->x.phase == IDE_DMA_WAIT) {
		ide_step(c);
	}
}

/* --- a restored transfer --- */

static bool sectors_valid(const struct ide_transfer *x, const struct ide_drive *d)
{
	uint32_t sector = sector_size(d);
	uint64_t size = d->block ? block_size(d->block) : 0;

	size += sector - 1;
	size -= size % sector;
	if (x->op == OP_WRITE && (d->kind != IDE_DISK || block_read_only(d->block) ||
				  x->block % sector))
		return false;
	return x->offset % sector == 0 && x->left % sector == 0 && x->step % sector == 0 &&
	       x->offset <= size && x->left <= size - x->offset;
}

/* The window in pio that the next access, or step, goes by. */
static bool window_valid(const struct ide_channel *c)
{
	const struct ide_transfer *x = &c->x;
	bool in = x->op == OP_READ || x->op == OP_REPLY;

	if (x->pos > sizeof(c->pio) || x->stop > sizeof(c->pio) || x->end > sizeof(c->pio))
		return false;
	if (x->phase == IDE_DATA_IN)
		return in && !x->dma && x->pos < x->stop && x->stop <= x->end;
	if (x->phase == IDE_DATA_OUT)
		return !in && (!x->dma || x->op == OP_PACKET) && x->pos < x->stop &&
		       x->stop <= x->left;
	if (in)
		return x->pos <= x->end;
	return x->op != OP_WRITE || x->dma || (x->pos <= x->stop && x->stop - x->pos <= x->left);
}

/* Lengths that ops other than those on sectors go by. */
static bool op_valid(const struct ide_transfer *x, const struct ide_drive *d)
{
	switch (x->op) {
	case OP_READ:
	case OP_WRITE:
	case OP_VERIFY:
		return d->block && sectors_valid(x, d);
	case OP_FLUSH:
		return d->block;
	case OP_REPLY:
		return !x->left;
	case OP_SINK:
		return x->packet && x->left <= UINT16_MAX;
	case OP_PACKET:
		return x->packet && x->left == IDE_PACKET_LEN;
	case OP_TRIM_LIST:
	case OP_TRIM:
		return d->block && ide_trim_valid(x);
	default:
		return false;
	}
}

int ide_check_transfer(const struct ide_channel *c)
{
	const struct ide_transfer *x = &c->x;
	const struct ide_drive *d = &c->drive[x->unit & 1];
	bool cd = d->kind == IDE_CDROM;

	if (x->unit > 1 || x->phase > IDE_RESET || x->form > FORM_LBA48 || x->reset > 3 ||
	    c->bm.at.left > 0x10000)
		return -EINVAL;
	if (x->phase == IDE_READY || x->phase == IDE_RESET)
		return 0;
	/* a packet device moves data without a packet only to identify itself */
	if (!d->present || (x->packet && !cd) || (cd && !x->packet && x->op != OP_REPLY))
		return -EINVAL;
	if (x->block < 2 || x->block > IDE_DRQ_MAX || x->step < sector_size(d) ||
	    x->step > IDE_CHUNK || (x->phase == IDE_DMA_WAIT && !x->dma))
		return -EINVAL;
	return op_valid(x, d) && window_valid(c) ? 0 : -EINVAL;
}
