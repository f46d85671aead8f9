// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's registers, as a page and as MSRs, its modes, and the order of interrupts.
 * The pins LINT0 and LINT1 are the user's: it has the 8259A, it looks at the LVT (lapic_save()),
 * and asks by hv_interrupt() and hv_nmi(). Thermal, performance and CMCI are registers only.
 * Missing: APR and RRD (they read 0, as today); lapic_save() forgets errors not yet in ESR.
 *
 * Reference: Intel SDM 3, "Local APIC", "Handling Interrupts", "Extended XAPIC (x2APIC)".
 */
#include "lapic/lapic_reg.h"

/* Who may do what with a register: P in the page, M as MSR. What has no rule is reserved. */
enum { PR = 1, PW = 2, MR = 4, MW = 8, PAGE = PR | PW, READ = PR | MR, ALL = PAGE | MR | MW };

static const struct rule {
	uint8_t access;
	uint32_t valid; /* bits that it keeps; writing others: ignored in the page, #GP as MSR */
} rules[LAPIC_REGS] = {
	[LAPIC_ID] = { READ },
	[LAPIC_VERSION] = { READ },
	[LAPIC_TPR] = { ALL, 0xff },
	[LAPIC_APR] = { PR },
	[LAPIC_PPR] = { READ },
	[LAPIC_EOI] = { PW | MW },
	[LAPIC_RRD] = { PR },
	[LAPIC_LDR] = { PAGE | MR, 0xff000000 },
	[LAPIC_DFR] = { PAGE, 0xf0000000 },
	[LAPIC_SVR] = { ALL, SVR_VECTOR | SVR_ENABLE | SVR_FOCUS | SVR_NO_EOI_BROADCAST },
	[LAPIC_ISR ... LAPIC_IRR + LAPIC_WORDS - 1] = { READ, 0xffffffff },
	[LAPIC_ESR] = { ALL },
	[LAPIC_CMCI] = { ALL, LVT_SENSOR },
	[LAPIC_ICR] = { ALL, ICR_VALID },
	[LAPIC_ICR_HIGH] = { PAGE, 0xff000000 },
	[LAPIC_LVT_TIMER] = { ALL, LVT_VECTOR | LVT_BUSY | LVT_MASKED | LVT_TIMER_MODE },
	[LAPIC_LVT_THERMAL ... LAPIC_LVT_PERF] = { ALL, LVT_SENSOR },
	[LAPIC_LVT_LINT0 ... LAPIC_LVT_LINT1] = { ALL, LVT_LINT },
	[LAPIC_LVT_ERROR] = { ALL, LVT_VECTOR | LVT_BUSY | LVT_MASKED },
	[LAPIC_INITIAL] = { ALL, 0xffffffff },
	[LAPIC_CURRENT] = { READ },
	[LAPIC_DIVIDE] = { ALL, 0xb },
	[LAPIC_SELF_IPI] = { MW, LVT_VECTOR },
};

bool lapic_enabled(const struct hv_vcpu *v)
{
	return v->lapic.base & APIC_BASE_ENABLE;
}

bool lapic_software_enabled(const struct hv_vcpu *v)
{
	return lapic_enabled(v) && (v->lapic.reg[LAPIC_SVR] & SVR_ENABLE);
}

bool lapic_covers(const struct hv_vcpu *v, uint64_t gpa)
{
	return gpa >> 12 == v->lapic.base >> 12 && lapic_enabled(v) && !lapic_x2apic(v);
}

bool lapic_takes_extint(const struct hv_vcpu *v)
{
	uint32_t lint0 = v->lapic.reg[LAPIC_LVT_LINT0];

	return !lapic_enabled(v) || (lint0 & (LVT_MASKED | LVT_MODE)) == LVT_EXTINT;
}

/* --- priority --- */

/* The highest vector whose bit is set; words says in which words to look. */
static int highest(const uint32_t *bits, uint32_t words)
{
	while (words) {
		unsigned w = 31 - __builtin_clz(words);
		uint32_t word = cpu_load(&bits[w]);

		if (word)
			return w * 32 + 31 - __builtin_clz(word);
		words &= ~(1u << w);
	}
	return -1;
}

uint8_t lapic_ppr(const struct lapic *l)
{
	uint8_t tpr = l->reg[LAPIC_TPR], serving = l->isr_highest < 0 ? 0 : l->isr_highest & 0xf0;

	return (tpr & 0xf0) >= serving ? tpr : serving;
}

int lapic_requested(const struct hv_vcpu *v)
{
	return highest(&v->lapic.reg[LAPIC_IRR], cpu_load(&v->lapic.irr_words));
}

int lapic_pending(const struct hv_vcpu *v)
{
	int vector = lapic_requested(v);

	if (vector < 0 || vector >> 4 <= lapic_ppr(&v->lapic) >> 4 || !lapic_enabled(v))
		return -1;
	return vector;
}

/* The word's bit in irr_words goes only while the word is 0; a request in between puts it back. */
static void forget_request(struct lapic *l, unsigned w, uint32_t bit)
{
	cpu_and(&l->reg[LAPIC_IRR + w], ~bit);
	if (cpu_load(&l->reg[LAPIC_IRR + w]))
		return;
	cpu_and(&l->irr_words, ~(1u << w));
	if (cpu_load(&l->reg[LAPIC_IRR + w]))
		cpu_or(&l->irr_words, 1u << w);
}

void lapic_take(struct hv_vcpu *v, int vector)
{
	struct lapic *l = &v->lapic;
	unsigned w = vector / 32u;
	uint32_t bit = 1u << vector % 32u;

	forget_request(l, w, bit);
	l->reg[LAPIC_ISR + w] |= bit;
	l->isr_words |= 1u << w;
	if (vector > l->isr_highest)
		l->isr_highest = vector;
}

static bool user_wants_eoi(const struct hv_vcpu *v, unsigned vector)
{
	const uint32_t *reg = v->lapic.reg;
	uint64_t wanted = cpu_load(&v->vm->eoi_vectors[vector / 64]);

	return cpu_load(&reg[LAPIC_TMR + vector / 32]) >> vector % 32 & 1 &&
	       wanted >> vector % 64 & 1 && !(reg[LAPIC_SVR] & SVR_NO_EOI_BROADCAST);
}

void lapic_eoi(struct hv_vcpu *v)
{
	struct lapic *l = &v->lapic;
	unsigned vector = l->isr_highest, w = vector / 32;

	if (l->isr_highest < 0)
		return;
	l->reg[LAPIC_ISR + w] &= ~(1u << vector % 32);
	if (!l->reg[LAPIC_ISR + w])
		l->isr_words &= ~(1u << w);
	l->isr_highest = highest(&l->reg[LAPIC_ISR], l->isr_words);
	if (user_wants_eoi(v, vector))
		v->eoi_pending = vector;
}

/* --- EOI without an exit: a word of the guest's says that it may, and it clears the word --- */

static bool only_request(const struct lapic *l)
{
	uint32_t words = cpu_load(&l->irr_words), word;

	if (!words || words & (words - 1))
		return false;
	word = cpu_load(&l->reg[LAPIC_IRR + __builtin_ctz(words)]);
	return !(word & (word - 1));
}

/* What the guest may end by itself after the next entry. Nothing may wait for that, nobody know. */
static int may_end(const struct hv_vcpu *v)
{
	const struct lapic *l = &v->lapic;
	int vector = lapic_requested(v);

	if (l->isr_highest >= 0)
		vector = vector < 0 ? l->isr_highest : -1;
	else if (!only_request(l))
		vector = -1;
	return vector >= 0 && !user_wants_eoi(v, vector) ? vector : -1;
}

void lapic_eoi_offer(struct hv_vcpu *v)
{
	const uint8_t on = 1;
	int vector = may_end(v);

	if (vector >= 0 && !hv_mem_write(v, v->msr.pv_eoi & ~1ull, &on, sizeof(on)))
		v->lapic.eoi_offered = vector;
}

bool lapic_eoi_overtaken(const struct hv_vcpu *v)
{
	return v->lapic.eoi_offered != may_end(v);
}

void lapic_eoi_collect(struct hv_vcpu *v)
{
	uint64_t gpa = v->msr.pv_eoi & ~1ull;
	uint8_t word;

	v->lapic.eoi_offered = -1;
	if (hv_mem_read(v, gpa, &word, sizeof(word)))
		return;
	if (!(word & 1))
		return lapic_eoi(v);
	word = 0;
	hv_mem_write(v, gpa, &word, sizeof(word));
}

uint8_t lapic_cr8(const struct hv_vcpu *v)
{
	return v->lapic.reg[LAPIC_TPR] >> 4;
}

/* CR8 does not show the low half of TPR: it survives when nothing changes. */
void lapic_set_cr8(struct hv_vcpu *v, uint8_t cr8)
{
	if (lapic_cr8(v) != cr8)
		v->lapic.reg[LAPIC_TPR] = (cr8 & 0xf) << 4;
}

/* --- reset, and modes --- */

/* Read-only in x2APIC mode: it follows from the ID. */
static void reset_ldr(struct lapic *l, bool x2apic)
{
	l->reg[LAPIC_LDR] = x2apic ? l->id >> 4 << 16 | 1u << (l->id & 0xf) : 0;
}

/*
 * All but base and id. LINT0 of the first processor passes the 8259A's interrupts on from the
 * beginning: a PC has it wired so, and firmware counts on it, as it does on KVM.
 */
static void reset_registers(struct hv_vcpu *v)
{
	struct lapic *l = &v->lapic;

	for (unsigned reg = 0; reg < LAPIC_REGS; reg++)
		cpu_store(&l->reg[reg], 0);
	cpu_store(&l->irr_words, 0);
	cpu_store(&l->esr_pending, 0);
	l->isr_words = 0;
	l->isr_highest = -1;
	l->timer_start_ns = l->deadline = 0;
	reset_ldr(l, lapic_x2apic(v));
	l->reg[LAPIC_DFR] = 0xffffffff;
	l->reg[LAPIC_SVR] = SVR_VECTOR;
	l->reg[LAPIC_CMCI] = LVT_MASKED;
	for (unsigned reg = LAPIC_LVT_TIMER; reg <= LAPIC_LVT_ERROR; reg++)
		l->reg[reg] = LVT_MASKED;
	if (l->base & APIC_BASE_BSP)
		l->reg[LAPIC_LVT_LINT0] = LVT_EXTINT;
	lapic_timer_update(v);
}

void lapic_init(struct hv_vcpu *v)
{
	v->lapic.id = v->id;
	v->lapic.eoi_offered = -1;
	lapic_timer_init(v);
}

void lapic_reset(struct hv_vcpu *v, bool init)
{
	if (!init)
		v->lapic.base = APIC_DEFAULT_GPA | APIC_BASE_ENABLE | (v->id ? 0 : APIC_BASE_BSP);
	reset_registers(v);
}

void lapic_fini(struct hv_vcpu *v)
{
	host_timer_stop(&v->lapic.timer);
}

enum { APIC_OFF, APIC_INVALID, APIC_XAPIC, APIC_X2APIC }; /* bits 11 and 10 of the MSR */

/*
 * "x2APIC State Transitions": a guest gets from x2APIC to xAPIC only through off, and from off to
 * x2APIC only through xAPIC. The user, who restores, may.
 */
int lapic_set_base(struct hv_vcpu *v, uint64_t val, bool by_user)
{
	unsigned was = v->lapic.base >> 10 & 3, now = val >> 10 & 3;
	uint64_t reserved = ~0ull << v->phys_bits | 0x2ff;

	if (!v->x2apic_allowed)
		reserved |= APIC_BASE_X2APIC;
	if (val & reserved || now == APIC_INVALID)
		return -EINVAL;
	if (!by_user && ((was == APIC_OFF && now == APIC_X2APIC) ||
			 (was == APIC_X2APIC && now == APIC_XAPIC)))
		return -EINVAL;
	v->lapic.base = val;
	if (now != was)
		now == APIC_OFF ? reset_registers(v) : reset_ldr(&v->lapic, now == APIC_X2APIC);
	return 0;
}

/* --- registers --- */

static uint32_t reg_read(struct hv_vcpu *v, enum lapic_reg reg)
{
	switch (reg) {
	case LAPIC_ID:
		return lapic_x2apic(v) ? v->lapic.id : v->lapic.id << 24;
	case LAPIC_VERSION: /* who has split these two has an I/O APIC with an EOI register */
		return VERSION_BASIC | VERSION_NO_EOI_BROADCAST;
	case LAPIC_PPR:
		return lapic_ppr(&v->lapic);
	case LAPIC_CURRENT:
		return lapic_timer_current(v);
	default:
		return cpu_load(&v->lapic.reg[reg]);
	}
}

/* What a register keeps of val: not what it has no bits for, nor what is read-only. */
static uint32_t reg_kept(enum lapic_reg reg, uint32_t val)
{
	val &= rules[reg].valid;
	if (reg == LAPIC_CMCI || (reg >= LAPIC_LVT_TIMER && reg <= LAPIC_LVT_ERROR))
		return val & ~(LVT_BUSY | LVT_REMOTE_IRR);
	if (reg == LAPIC_ICR)
		return val & ~ICR_BUSY;
	return reg == LAPIC_DFR ? val | ~rules[reg].valid : val;
}

/* Software disable masks all local sources; they stay masked until they are written again. */
static void write_svr(struct hv_vcpu *v, uint32_t val)
{
	uint32_t *reg = v->lapic.reg;

	reg[LAPIC_SVR] = val;
	if (val & SVR_ENABLE)
		return;
	lapic_timer_settle(v);
	for (unsigned i = LAPIC_LVT_TIMER; i <= LAPIC_LVT_ERROR; i++)
		reg[i] |= LVT_MASKED;
	reg[LAPIC_CMCI] |= LVT_MASKED;
	lapic_timer_update(v);
}

static void reg_write(struct hv_vcpu *v, enum lapic_reg reg, uint32_t val)
{
	struct lapic *l = &v->lapic;
	uint32_t masked = l->reg[LAPIC_SVR] & SVR_ENABLE ? 0 : LVT_MASKED;

	val = reg_kept(reg, val);
	switch (reg) {
	case LAPIC_EOI:
		lapic_eoi(v);
		break;
	case LAPIC_SVR:
		write_svr(v, val);
		break;
	case LAPIC_ESR:
		l->reg[reg] = cpu_swap(&l->esr_pending, 0);
		break;
	case LAPIC_ICR:
		l->reg[reg] = val;
		lapic_send_ipi(v);
		break;
	case LAPIC_CMCI:
	case LAPIC_LVT_THERMAL ... LAPIC_LVT_ERROR:
		l->reg[reg] = val | masked;
		break;
	case LAPIC_LVT_TIMER:
	case LAPIC_INITIAL:
	case LAPIC_DIVIDE:
		lapic_timer_write(v, reg, reg == LAPIC_LVT_TIMER ? val | masked : val);
		break;
	case LAPIC_SELF_IPI:
		lapic_accept(v, val, false);
		break;
	default:
		l->reg[reg] = val;
	}
}

/* Is there a register in the page at off, for this access? If none at all, ESR says so. */
static bool page_allows(struct hv_vcpu *v, uint32_t off, uint8_t access)
{
	uint8_t has = off / 16 < LAPIC_REGS ? rules[off / 16].access : 0;

	if (off % 16)
		return false; /* undefined, but no error */
	if (!(has & PAGE))
		lapic_error(v, ESR_REGISTER);
	return has & access;
}

uint32_t lapic_read(struct hv_vcpu *v, uint32_t off)
{
	return page_allows(v, off, PR) ? reg_read(v, off / 16) : 0;
}

void lapic_write(struct hv_vcpu *v, uint32_t off, uint32_t val)
{
	if (page_allows(v, off, PW))
		reg_write(v, off / 16, val);
}

static bool msr_allows(const struct hv_vcpu *v, uint32_t msr, uint8_t access)
{
	uint32_t reg = msr - MSR_X2APIC;

	return lapic_x2apic(v) && reg < LAPIC_REGS && rules[reg].access & access;
}

int lapic_msr_read(struct hv_vcpu *v, uint32_t msr, uint64_t *val)
{
	enum lapic_reg reg = msr - MSR_X2APIC;

	if (!msr_allows(v, msr, MR))
		return -EINVAL;
	*val = reg_read(v, reg);
	if (reg == LAPIC_ICR)
		*val |= (uint64_t)v->lapic.reg[LAPIC_ICR_HIGH] << 32;
	return 0;
}

int lapic_msr_write(struct hv_vcpu *v, uint32_t msr, uint64_t val)
{
	enum lapic_reg reg = msr - MSR_X2APIC;
	uint64_t high = reg == LAPIC_ICR ? val >> 32 << 32 : 0;

	if (!msr_allows(v, msr, MW) || (val ^ high) & ~(uint64_t)rules[reg].valid)
		return -EINVAL;
	if (reg == LAPIC_ICR)
		v->lapic.reg[LAPIC_ICR_HIGH] = high >> 32;
	reg_write(v, reg, val);
	return 0;
}

/* --- save and load --- */

void lapic_save(struct hv_vcpu *v, void *regs1k)
{
	lapic_timer_settle(v);
	memset(regs1k, 0, LAPIC_REGS * 16);
	for (unsigned reg = 0; reg < LAPIC_REGS; reg++) {
		uint32_t val = rules[reg].access & PR ? reg_read(v, reg) : 0;

		if (reg == LAPIC_ID)
			val = v->lapic.id << 24; /* in x2APIC mode, too */
		memcpy((char *)regs1k + reg * 16, &val, sizeof(val));
	}
}

static uint32_t page_word(const void *regs1k, unsigned reg)
{
	uint32_t val;

	memcpy(&val, (const char *)regs1k + reg * 16, sizeof(val));
	return val;
}

static void load_vectors(struct lapic *l)
{
	uint32_t irr_words = 0, legal = ~0u << LAPIC_FIRST_VECTOR;

	l->reg[LAPIC_ISR] &= legal;
	cpu_and(&l->reg[LAPIC_IRR], legal);
	l->isr_words = 0;
	for (unsigned w = 0; w < LAPIC_WORDS; w++) {
		irr_words |= (cpu_load(&l->reg[LAPIC_IRR + w]) != 0) << w;
		l->isr_words |= (l->reg[LAPIC_ISR + w] != 0) << w;
	}
	cpu_store(&l->irr_words, irr_words);
	l->isr_highest = highest(&l->reg[LAPIC_ISR], l->isr_words);
}

/* ID is not the user's to choose. */
int lapic_load(struct hv_vcpu *v, const void *regs1k)
{
	struct lapic *l = &v->lapic;
	bool x2apic = lapic_x2apic(v);

	if (x2apic && page_word(regs1k, LAPIC_ID) != l->id << 24)
		return -EINVAL;
	for (unsigned reg = 0; reg < LAPIC_REGS; reg++)
		cpu_store(&l->reg[reg], reg_kept(reg, page_word(regs1k, reg)));
	l->reg[LAPIC_ESR] = page_word(regs1k, LAPIC_ESR) & ESR_ALL;
	cpu_store(&l->esr_pending, 0);
	if (x2apic) {
		reset_ldr(l, true);
		l->reg[LAPIC_ICR_HIGH] = page_word(regs1k, LAPIC_ICR_HIGH);
	}
	load_vectors(l);
	lapic_timer_resume(v, page_word(regs1k, LAPIC_CURRENT));
	return 0;
}
