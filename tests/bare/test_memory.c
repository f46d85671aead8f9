// SPDX-License-Identifier: GPL-2.0-only
/* Guest memory: faults, slots, dirty logs, invalidation, and that no stale translation survives. */
#include "rig.h"

enum { PAGE = 4096, MORE_PAGES = G_MORE_SIZE / PAGE };

/* --- what the guest is told to do --- */

static void command(struct rig *r, uint32_t what, uint32_t gpa)
{
	expect_in(r, P_DATA, 4, what);
	expect_in(r, P_DATA, 4, gpa);
}

/* The guest reads this value there, from RAM. */
static void guest_reads(struct rig *r, uint32_t gpa, uint32_t val)
{
	command(r, 1, gpa);
	expect_out(r, P_DATA, 4, val);
}

static void guest_reads_mmio(struct rig *r, uint32_t gpa)
{
	command(r, 1, gpa);
	expect_mmio_read(r, gpa, 4, 0x4d4d494f);
	expect_out(r, P_DATA, 4, 0x4d4d494f);
}

/* The next command's IN must come: call one of the above, or end(), afterwards. */
static void guest_writes(struct rig *r, uint32_t gpa, uint32_t val)
{
	command(r, 2, gpa);
	expect_in(r, P_DATA, 4, val);
}

static void guest_writes_mmio(struct rig *r, uint32_t gpa, uint32_t val)
{
	guest_writes(r, gpa, val);
	expect_mmio_write(r, gpa, 4, val);
}

static void end(struct rig *r)
{
	expect_in(r, P_DATA, 4, 0);
	expect_done(r);
}

/* --- faults --- */

static void fault_all(struct rig *r)
{
	rig_more(r, 0);
	for (uint32_t gpa = G_MORE; gpa < G_MORE + G_MORE_SIZE; gpa += 33 * PAGE)
		rig_poke32(r, gpa + 8, ~gpa);
	for (uint32_t gpa = G_MORE; gpa < G_MORE + G_MORE_SIZE; gpa += 33 * PAGE) {
		guest_reads(r, gpa + 8, ~gpa);
		guest_writes(r, gpa + 16, gpa + 1);
	}
	end(r);
	for (uint32_t gpa = G_MORE; gpa < G_MORE + G_MORE_SIZE; gpa += 33 * PAGE)
		CHECK_EQ(rig_peek32(r, gpa + 16), gpa + 1);
}

CASE(memory_4k, MODE_LONG, guest_memory)
{
	fault_all(r);
	CHECK(r->host.gets >= MORE_PAGES / 33);
}

CASE(memory_2m, MODE_LONG, guest_memory)
{
	r->host.huge = true;
	fault_all(r);
	CHECK(r->host.gets < MORE_PAGES / 33);
}

CASE(memory_execute, MODE_LONG, guest_memory)
{
	rig_more(r, 0);
	*rig_ram(r, G_MORE + 0x5000) = 0xc3; /* RET */
	command(r, 3, G_MORE + 0x5000);
	end(r);
}

/* --- slots --- */

CASE(memory_readonly, MODE_LONG, guest_memory)
{
	rig_more(r, HV_SLOT_READONLY);
	rig_poke32(r, G_MORE + 64, 0x11223344);
	guest_reads(r, G_MORE + 64, 0x11223344);
	guest_writes_mmio(r, G_MORE + 64, 5);
	guest_reads(r, G_MORE + 64, 0x11223344);
	CHECK_EQ(hv_slot_set(r->vm, 1, G_MORE, G_MORE_SIZE, (uint64_t)r->more.va, 0), -EINVAL);
	rig_slot(r, 1, G_MORE, 0, 0, 0);
	rig_more(r, 0); /* writable now */
	guest_writes(r, G_MORE + 64, 6);
	guest_reads(r, G_MORE + 64, 6);
	end(r);
}

static void delete_while_mapped(struct rig *r, bool huge)
{
	r->host.huge = huge;
	rig_more(r, 0);
	rig_poke32(r, G_MORE, 0x1111);
	guest_reads(r, G_MORE, 0x1111);
	guest_writes(r, G_MORE + 4, 0x2222);
	guest_reads(r, G_MORE + 4, 0x2222);
	rig_slot(r, 1, G_MORE, 0, 0, 0);
	guest_reads_mmio(r, G_MORE);
	guest_writes_mmio(r, G_MORE + 4, 0x3333);
	guest_reads_mmio(r, G_MORE + 4);
	rig_more(r, 0);
	guest_reads(r, G_MORE + 4, 0x2222);
	end(r);
}

CASE(memory_delete, MODE_LONG, guest_memory)
{
	delete_while_mapped(r, false);
}

CASE(memory_delete_2m, MODE_LONG, guest_memory)
{
	delete_while_mapped(r, true);
}

CASE(memory_move, MODE_LONG, guest_memory)
{
	static const uint32_t to = G_MORE + 0x1000000;

	rig_more(r, 0);
	rig_poke32(r, G_MORE + 0x2000, 0xabcd);
	guest_reads(r, G_MORE + 0x2000, 0xabcd);
	rig_slot(r, 1, to, G_MORE_SIZE, (uint64_t)r->more.va, 0);
	guest_reads_mmio(r, G_MORE + 0x2000);
	guest_reads(r, to + 0x2000, 0xabcd);
	end(r);
}

CASE(memory_slot_errors, MODE_LONG, guest_memory)
{
	uint64_t at = (uint64_t)r->ram.va;

	rig_more(r, 0);
	CHECK_EQ(hv_slot_set(r->vm, 2, G_MORE + PAGE, PAGE, at, 0), -EEXIST);
	CHECK_EQ(hv_slot_set(r->vm, 2, 0x10000001, PAGE, at, 0), -EINVAL);
	CHECK_EQ(hv_slot_set(r->vm, 2, 0x10000000, PAGE + 1, at, 0), -EINVAL);
	CHECK_EQ(hv_slot_set(r->vm, 2, -4096ull, 2 * PAGE, at, 0), -EINVAL);
	CHECK_EQ(hv_slot_set(r->vm, 1, G_MORE, PAGE, (uint64_t)r->more.va, 0), -EINVAL);
	CHECK_EQ(hv_slot_pages(r->vm, 1), MORE_PAGES);
	CHECK_EQ(hv_slot_pages(r->vm, 2), 0);
	CHECK_EQ(hv_slot_set(r->vm, HV_MAX_SLOTS, 0x10000000, PAGE, at, 0), -EINVAL);
	end(r);
}

/* --- dirty logs --- */

static unsigned long dirty[MORE_PAGES / 64];

static void get_dirty(struct rig *r, bool clear)
{
	memset(dirty, 0, sizeof(dirty));
	CHECK_EQ(hv_slot_dirty(r->vm, 1, dirty, clear), 0);
}

/* Exactly these pages, n of them. */
static void check_dirty(const unsigned *pages, unsigned n)
{
	for (unsigned p = 0, i = 0; p < MORE_PAGES; p++) {
		bool is = dirty[p / 64] >> p % 64 & 1, wanted = i < n && pages[i] == p;

		if (is != wanted)
			fail("page %u is %s", p, is ? "dirty" : "clean");
		i += wanted;
	}
}

static void write_pages(struct rig *r, const unsigned *pages, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		guest_writes(r, G_MORE + pages[i] * PAGE + 12, i);
	guest_reads(r, G_MORE + 3 * PAGE, 0);
}

static void dirty_log(struct rig *r, bool huge)
{
	static const unsigned first[] = { 0, 1, 7, 64, 511, 512, 1000, 1023 };
	static const unsigned second[] = { 1, 2, 600 };

	r->host.huge = huge;
	rig_more(r, 0);
	guest_writes(r, G_MORE + 99 * PAGE, 1); /* before there is a log */
	guest_reads(r, G_MORE + 99 * PAGE, 1);
	rig_more(r, HV_SLOT_LOG);
	guest_reads(r, G_MORE + 100 * PAGE, 0);
	get_dirty(r, true);
	write_pages(r, first, HV_ARRAY(first));
	get_dirty(r, false);
	check_dirty(first, HV_ARRAY(first));
	get_dirty(r, true);
	check_dirty(first, HV_ARRAY(first));
	get_dirty(r, true);
	check_dirty(NULL, 0);
	write_pages(r, second, HV_ARRAY(second));
	get_dirty(r, true);
	check_dirty(second, HV_ARRAY(second));
	write_pages(r, first, HV_ARRAY(first)); /* the processor's bits are really off */
	get_dirty(r, true);
	check_dirty(first, HV_ARRAY(first));
	end(r);
}

CASE(memory_dirty_4k, MODE_LONG, guest_memory)
{
	dirty_log(r, false);
}

CASE(memory_dirty_2m, MODE_LONG, guest_memory)
{
	dirty_log(r, true);
}

/* What the hypervisor itself writes for the guest counts too. */
CASE(memory_dirty_by_core, MODE_LONG, guest_io_string)
{
	static const unsigned pages[] = { 0 };
	struct hv_state s;
	uint8_t byte = 1;

	rig_more(r, HV_SLOT_LOG);
	get_dirty(r, true);
	hv_vcpu_get(r->v, &s, HV_GPR);
	s.rip = (uint64_t)guest_io_string; /* MOVSB from a device into RAM, by the emulator */
	memcpy(rig_ram(r, s.rip), "\xa4\xf4", 2);
	s.gpr[HV_RSI] = G_MMIO;
	s.gpr[HV_RDI] = G_MORE + 17;
	CHECK_EQ(hv_vcpu_set(r->v, &s, HV_GPR), 0);
	expect_mmio_read(r, G_MMIO, 1, byte);
	r->stop = 1;
	CHECK_EQ(rig_run(r), -EINTR);
	CHECK_EQ(*rig_ram(r, G_MORE + 17), byte);
	get_dirty(r, true);
	check_dirty(pages, 1);
}

CASE(memory_dirty_clear, MODE_LONG, guest_memory)
{
	static const unsigned first[] = { 64, 65, 66, 130 }, left[] = { 65, 130 };
	const unsigned long which = 1ul << 0 | 1ul << 2; /* pages 64 and 66 */

	rig_more(r, HV_SLOT_LOG);
	guest_reads(r, G_MORE + 100 * PAGE, 0);
	get_dirty(r, true);
	write_pages(r, first, HV_ARRAY(first));
	get_dirty(r, false);
	check_dirty(first, HV_ARRAY(first));
	CHECK_EQ(hv_slot_clear(r->vm, 1, 64, 64, &which), 0);
	get_dirty(r, false);
	check_dirty(left, HV_ARRAY(left));
	write_pages(r, first + 2, 1);
	get_dirty(r, true);
	CHECK(dirty[1] & 1ul << 2);
	CHECK(!(dirty[1] & 1));
	CHECK_EQ(hv_slot_dirty(r->vm, 2, dirty, false), -ENOENT);
	end(r);
}

/* The page behind gpa of slot 1 becomes another one. */
static void move_page(struct rig *r, uint32_t gpa, struct host_page *to, bool shared)
{
	uint64_t uaddr = (uint64_t)r->more.va + (gpa - G_MORE);

	hv_mem_invalidate_begin(r->vm, uaddr, uaddr + PAGE);
	r->host.moved[r->host.n_moved++] = (struct bare_moved){ uaddr, to->pa, shared };
	hv_mem_invalidate_end(r->vm);
}

/* --- video memory --- */

enum { VRAM_FIRST = 10, VRAM_PAGES = 600 };
static uint64_t told; /* how often the event was signalled */

static void vram_track(struct rig *r)
{
	const struct hv_vram t = { .first = VRAM_FIRST, .pages = VRAM_PAGES, .event = &told };

	told = 0;
	rig_more(r, HV_SLOT_LOG);
	CHECK_EQ(hv_vram_set(r->vm, 1, &t), 0);
}

/* Exactly these pages, counted from the range's first, are found; none: it is idle then. */
static void vram_finds(struct rig *r, const unsigned *pages, unsigned n)
{
	struct hv_vram now;

	CHECK_EQ(hv_vram_dirty(r->vm, 1, &now), 0);
	memset(dirty, 0, sizeof(dirty));
	if (now.bits)
		memcpy(dirty, now.bits, (VRAM_PAGES + 63) / 64 * 8);
	check_dirty(pages, n);
	CHECK_EQ(now.idle, n == 0);
}

static uint64_t faults(struct rig *r)
{
	return hv_stats(r->v)[HV_EXIT_MEM];
}

/* To rest and back, a few times: one fault where the processor has dirty bits, and one event. */
CASE(memory_vram, MODE_LONG, guest_memory)
{
	static const unsigned all[] = { 0, 1, 63, 64, 500, 501, 502, 599 };
	unsigned pages[HV_ARRAY(all)];
	uint64_t before;

	vram_track(r);
	for (unsigned i = 0; i < HV_ARRAY(all); i++)
		pages[i] = all[i] + VRAM_FIRST;
	write_pages(r, pages, HV_ARRAY(pages));
	vram_finds(r, all, HV_ARRAY(all));
	for (unsigned i = 1; i < 5; i++) {
		vram_finds(r, NULL, 0);
		guest_reads(r, G_MORE + pages[3] * PAGE + 12, 3);
		guest_writes(r, G_MORE + 12, i); /* outside */
		guest_reads(r, G_MORE + 12, i);
		vram_finds(r, NULL, 0);
		CHECK_EQ(told, i - 1);
		before = faults(r);
		write_pages(r, pages, HV_ARRAY(pages));
		CHECK_EQ(told, i);
		CHECK_EQ(faults(r) - before, hv_caps()->stage2_dirty ? 1 : HV_ARRAY(all));
		vram_finds(r, all, HV_ARRAY(all));
	}
	end(r);
}

/* Pages come and go while it is idle: what the host takes, what it shares, what was never there. */
CASE(memory_vram_host, MODE_LONG, guest_memory)
{
	static const unsigned five[] = { 5 }, six[] = { 6 }, seven[] = { 7 };
	struct host_page same = { 0 };
	const uint32_t at = G_MORE + (VRAM_FIRST + 5) * PAGE;

	vram_track(r);
	same.pa = (uint64_t)r->more.va + (at - G_MORE);
	guest_writes(r, at, 1);
	guest_reads(r, at, 1);
	vram_finds(r, five, 1);
	vram_finds(r, NULL, 0);
	move_page(r, at, &same, true);
	guest_reads(r, at, 1);
	guest_reads(r, at + PAGE, 0);
	vram_finds(r, NULL, 0);
	CHECK_EQ(told, 0);
	guest_writes(r, at + PAGE, 2); /* mapped while it was idle, for reading */
	guest_reads(r, at + PAGE, 2);
	CHECK_EQ(told, 1);
	vram_finds(r, six, 1);
	CHECK(r->host.moved[0].shared);
	guest_writes(r, at, 3);
	guest_reads(r, at, 3);
	CHECK(!r->host.moved[0].shared);
	vram_finds(r, five, 1);
	vram_finds(r, NULL, 0);
	guest_writes(r, at + 2 * PAGE, 4);
	guest_reads(r, at + 2 * PAGE, 4);
	CHECK_EQ(told, 2);
	vram_finds(r, seven, 1);
	end(r);
}

/* It ends while it rests: nothing is held any more, and nobody is told. */
CASE(memory_vram_ends, MODE_LONG, guest_memory)
{
	static const unsigned pages[] = { VRAM_FIRST + 5 }, five[] = { 5 };
	const struct hv_vram none = { 0 };
	struct hv_vram now;

	vram_track(r);
	write_pages(r, pages, 1);
	vram_finds(r, five, 1);
	vram_finds(r, NULL, 0);
	CHECK_EQ(hv_vram_set(r->vm, 1, &none), 0);
	CHECK_EQ(hv_vram_dirty(r->vm, 1, &now), -ENOENT);
	write_pages(r, pages, 1);
	get_dirty(r, true);
	check_dirty(pages, 1);
	vram_track(r);
	vram_finds(r, NULL, 0);
	rig_slot(r, 1, 2 * G_MORE, G_MORE_SIZE, (uint64_t)r->more.va, HV_SLOT_LOG);
	CHECK_EQ(hv_vram_dirty(r->vm, 1, &now), -ENOENT);
	guest_writes(r, 2 * G_MORE + 5 * PAGE, 1);
	guest_reads(r, 2 * G_MORE + 5 * PAGE, 1);
	CHECK_EQ(told, 0);
	end(r);
}

/* --- the host takes pages away --- */

static void invalidate(struct rig *r, bool huge)
{
	static struct host_page page;

	CHECK_EQ(host_page_new(&page, 0), 0);
	r->host.huge = huge;
	rig_more(r, 0);
	rig_poke32(r, G_MORE + 0x3000, 0x1111);
	*(uint32_t *)page.va = 0x2222;
	guest_reads(r, G_MORE + 0x3000, 0x1111);
	guest_writes(r, G_MORE + 0x3004, 1);
	guest_reads(r, G_MORE + 0x3004, 1);
	move_page(r, G_MORE + 0x3000, &page, false);
	guest_reads(r, G_MORE + 0x3000, 0x2222);
	guest_writes(r, G_MORE + 0x3004, 0x77);
	guest_reads(r, G_MORE + 0x3004, 0x77);
	end(r);
	CHECK_EQ(((uint32_t *)page.va)[1], 0x77);
	CHECK_EQ(rig_peek32(r, G_MORE + 0x3004), 1);
	rig_end(r);
	host_page_del(&page, 0);
}

CASE(memory_invalidate, MODE_LONG, guest_memory)
{
	invalidate(r, false);
}

CASE(memory_invalidate_2m, MODE_LONG, guest_memory)
{
	invalidate(r, true);
}

/* Copy on write: readable at first; asked for anew when it is written. */
CASE(memory_shared, MODE_LONG, guest_memory)
{
	struct host_page same = { 0 };
	uint64_t gets;

	rig_more(r, 0);
	same.pa = (uint64_t)r->more.va + 0x3000;
	rig_poke32(r, G_MORE + 0x3000, 0x1111);
	move_page(r, G_MORE + 0x3000, &same, true);
	guest_reads(r, G_MORE + 0x3000, 0x1111);
	CHECK(r->host.moved[0].shared);
	gets = r->host.gets;
	guest_writes(r, G_MORE + 0x3000, 0x2222);
	guest_reads(r, G_MORE + 0x3000, 0x2222);
	CHECK(!r->host.moved[0].shared);
	CHECK_EQ(r->host.gets, gets + 1);
	end(r);
}

CASE(memory_young, MODE_LONG, guest_memory)
{
	uint64_t at;

	rig_more(r, 0);
	at = (uint64_t)r->more.va;
	guest_reads(r, G_MORE, 0);
	CHECK(hv_mem_young(r->vm, at, at + PAGE, true));
	CHECK(!hv_mem_young(r->vm, at, at + PAGE, false));
	guest_reads(r, G_MORE, 0);
	CHECK(hv_mem_young(r->vm, at, at + PAGE, false));
	end(r);
}

/* --- the hypervisor's view of the guest's tables --- */

CASE(memory_translate, MODE_LONG, guest_memory)
{
	uint64_t gpa = 0;

	rig_poke(r, G_PT + G_FREE / PAGE * 8, 0x123000 | PTE_P | PTE_W);
	rig_poke(r, G_PT + (G_FREE + PAGE) / PAGE * 8, 0);
	CHECK_EQ(hv_translate(r->v, G_FREE + 0x18, &gpa), 0);
	CHECK_EQ(gpa, 0x123018);
	CHECK_EQ(hv_translate(r->v, G_FREE + PAGE, &gpa), -EFAULT);
	CHECK_EQ(hv_translate(r->v, 0xd0123456, &gpa), 0);
	CHECK_EQ(gpa, 0xd0123456);
	CHECK_EQ(hv_translate(r->v, 1ull << 39, &gpa), -EFAULT);
	end(r);
}

/* Many entries in a row, to see that nothing wears out. */
CASE(memory_sweep, MODE_LONG, guest_sweep)
{
	struct hv_state s;

	rig_more(r, 0);
	hv_vcpu_get(r->v, &s, HV_GPR);
	s.gpr[HV_RBX] = G_MORE;
	s.gpr[HV_RCX] = MORE_PAGES;
	s.gpr[HV_RDX] = PAGE;
	CHECK_EQ(hv_vcpu_set(r->v, &s, HV_GPR), 0);
	expect_done(r);
	for (unsigned p = 0; p < MORE_PAGES; p++)
		CHECK_EQ(rig_peek32(r, G_MORE + p * PAGE), 1);
}
