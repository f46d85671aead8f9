// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID: what a guest may be told of this processor and this hypervisor, what the user then chose
 * for a vCPU, and what follows from that for other registers.
 * Missing: nested virtualization, MONITOR, performance counters, protection keys, XSAVEC and
 * XSAVES, transactional memory, LA57.
 *
 * References: Intel SDM 2, "CPUID-CPU Identification"; AMD APM 3, "Obtaining Processor Information
 * Via the CPUID Instruction"; Linux, "KVM CPUID bits".
 */
#include "core/core.h"

#define BIT(n) (1u << (n))

enum { EAX, EBX, ECX, EDX };
enum { LEAF1_PCID = BIT(17), LEAF1_X2APIC = BIT(21), LEAF1_TSC_DEADLINE = BIT(24) };
enum { LEAF1_XSAVE = BIT(26), LEAF1_OSXSAVE = BIT(27), LEAF1_EDX_APIC = BIT(9) };
enum { LEAF6_ARAT = BIT(2), LEAF7_TSC_ADJUST = BIT(1), LEAF7_INVPCID = BIT(10) };
enum { LEAF7_IBRS = BIT(26), LEAF7_STIBP = BIT(27), LEAF7_ARCH_CAPABILITIES = BIT(29) };
enum { LEAF81_SYSCALL = BIT(11), LEAF81_NX = BIT(20), LEAF81_FFXSR = BIT(25), LEAF81_LM = BIT(29) };
enum { LEAF88_IBPB = BIT(12), LEAF88_IBRS = BIT(14), LEAF88_STIBP = BIT(15) };
enum { LEAF88_SSBD = BIT(24) };
#define LEAF1_HYPERVISOR BIT(31)
#define LEAF7_SSBD	 BIT(31)
enum { MAX_BASIC = 0xd, MAX_SUB = 63, LEGACY_XSAVE = 512 + 64, DEFAULT_PHYS_BITS = 36 };
#define EXTENDED     0x80000000u
#define MAX_EXTENDED 0x80000008u
/* CLOCKSOURCE, NOP_IO_DELAY, CLOCKSOURCE2, PV_EOI, CLOCKSOURCE_STABLE */
#define KVM_FEATURES (BIT(0) | BIT(1) | BIT(3) | BIT(6) | BIT(24))

/* --- what there is --- */

/* Bits of the host's answer that are passed on, and bits that this hypervisor adds. */
static const struct row {
	uint32_t leaf, sub;
	bool has_sub;
	uint32_t mask[4], force[4];
} rows[] = {
	{ 0, 0, false, { ~0u, ~0u, ~0u, ~0u }, { 0 } },
	{ 1, 0, false, { ~0u, 0xff00, 0x77fa3203, 0x0f8bfbff },
	  { 0, 0, LEAF1_X2APIC | LEAF1_TSC_DEADLINE | LEAF1_HYPERVISOR, LEAF1_EDX_APIC } },
	{ 2, 0, false, { ~0u, ~0u, ~0u, ~0u }, { 0 } },
	{ 6, 0, false, { 0 }, { LEAF6_ARAT } },
	{ 7, 0, true, { 0, 0xf1bf07a9, 0x1a405f46, 0x8c00451c }, { 0, LEAF7_TSC_ADJUST } },
	{ 0xb, 0, true, { 0 }, { 0 } }, /* for the user to fill */
	{ 0xb, 1, true, { 0 }, { 0 } },
	{ 0xd, 1, true, { 0x5 }, { 0 } }, /* XSAVEOPT, XGETBV of XINUSE */
	{ 0x80000000, 0, false, { ~0u, ~0u, ~0u, ~0u }, { 0 } },
	{ 0x80000001, 0, false, { ~0u, 0, 0x002109f3, 0xefd3fbff }, { 0 } },
	{ 0x80000002, 0, false, { ~0u, ~0u, ~0u, ~0u }, { 0 } },
	{ 0x80000003, 0, false, { ~0u, ~0u, ~0u, ~0u }, { 0 } },
	{ 0x80000004, 0, false, { ~0u, ~0u, ~0u, ~0u }, { 0 } },
	{ 0x80000005, 0, false, { ~0u, ~0u, ~0u, ~0u }, { 0 } },
	{ 0x80000006, 0, false, { ~0u, ~0u, ~0u, ~0u }, { 0 } },
	{ 0x80000007, 0, false, { 0, 0, 0, 0x100 }, { 0 } }, /* TSC of a fixed rate */
	{ 0x80000008, 0, false, { 0xff, 0x2500d005, 0, 0 }, { 0 } },
};

/* Features that come only with bits of CR4, or of XCR0. */
static const struct need {
	uint32_t leaf, reg, bits;
	uint64_t cr4, xcr0;
} needs[] = {
	{ 1, ECX, LEAF1_PCID, CR4_PCIDE, 0 },
	{ 1, ECX, LEAF1_XSAVE, CR4_OSXSAVE, XCR0_X87 | XCR0_SSE },
	{ 1, ECX, BIT(12) | BIT(28) | BIT(29), 0, XCR0_AVX }, /* FMA, AVX, F16C */
	{ 7, EBX, BIT(0), CR4_FSGSBASE, 0 },
	{ 7, EBX, BIT(7), CR4_SMEP, 0 },
	{ 7, EBX, BIT(20), CR4_SMAP, 0 },
	{ 7, ECX, BIT(2), CR4_UMIP, 0 },
	{ 7, EBX, BIT(5), 0, XCR0_AVX }, /* AVX2 */
	{ 7, ECX, BIT(9) | BIT(10), 0, XCR0_AVX }, /* VAES, VPCLMULQDQ */
	{ 7, EBX, 0xd0230000, 0, XCR0_AVX512 },
	{ 7, ECX, 0x00005842, 0, XCR0_AVX512 },
	{ 7, EDX, 0x0000010c, 0, XCR0_AVX512 },
	{ 0x80000001, ECX, BIT(11) | BIT(16), 0, XCR0_AVX }, /* XOP, FMA4 */
};

static uint32_t *reg_of(struct hv_cpuid *c, uint32_t reg)
{
	return reg == EAX ? &c->eax : reg == EBX ? &c->ebx : reg == ECX ? &c->ecx : &c->edx;
}

static uint64_t host_xcr0(void)
{
	uint64_t x = hv_cap.host_xcr0 & (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512);

	return (x & XCR0_AVX512) == XCR0_AVX512 ? x : x & ~XCR0_AVX512;
}

static struct hv_cpuid host_leaf(uint32_t leaf, uint32_t sub, bool has_sub)
{
	struct cpu_regs r = { 0 };

	if (leaf <= cpu_cpuid(leaf & EXTENDED, 0).eax)
		r = cpu_cpuid(leaf, sub);
	return (struct hv_cpuid){ leaf, sub, r.eax, r.ebx, r.ecx, r.edx, has_sub };
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void adjust(struct hv_cpuid *c)
{
	switch (c->leaf) {
	case 0:
		c->eax = least(c->eax, MAX_BASIC);
		break;
	case 7:
		if (!(hv_cap.cr4_guest & CR4_PCIDE))
			c->ebx &= ~LEAF7_INVPCID;
		if (!hv_cap.pred_cmd)
			c->edx &= ~LEAF7_IBRS;
		c->edx |= hv_cap.arch_capabilities ? LEAF7_ARCH_CAPABILITIES : 0;
		break;
	case EXTENDED:
		c->eax = least(c->eax, MAX_EXTENDED);
		break;
	case 0x80000008:
		c->eax = 48 << 8 | least(c->eax, hv_cap.phys_bits);
		if (!hv_cap.pred_cmd)
			c->ebx &= ~LEAF88_IBPB;
		break;
	}
}

static struct hv_cpuid offer(const struct row *r)
{
	struct hv_cpuid c = host_leaf(r->leaf, r->sub, r->has_sub);

	for (unsigned i = EAX; i <= EDX; i++)
		*reg_of(&c, i) = (*reg_of(&c, i) & r->mask[i]) | r->force[i];
	for (const struct need *n = needs; n < needs + HV_ARRAY(needs); n++)
		if (n->leaf == c.leaf && ((n->cr4 & ~hv_cap.cr4_guest) || (n->xcr0 & ~host_xcr0())))
			*reg_of(&c, n->reg) &= ~n->bits;
	adjust(&c);
	return c;
}

static struct hv_cpuid offered(uint32_t leaf)
{
	for (const struct row *r = rows; r < rows + HV_ARRAY(rows); r++)
		if (r->leaf == leaf)
			return offer(r);
	return (struct hv_cpuid){ .leaf = leaf };
}

/* In order of leaf and sub; entries of which these are the same stay in the user's order. */
static void sort_in(struct hv_cpuid *to, unsigned n, const struct hv_cpuid *c)
{
	for (; n > 0; n--) {
		const struct hv_cpuid *before = &to[n - 1];

		if (before->leaf < c->leaf || (before->leaf == c->leaf && before->sub <= c->sub))
			break;
		to[n] = *before;
	}
	to[n] = *c;
}

struct list {
	struct hv_cpuid *out; /* HV_MAX_CPUID of them */
	unsigned n;	      /* so many there are, even if they do not fit */
};

/* In the order in which hv_cpuid_get() will give them back. */
static void add(struct list *l, struct hv_cpuid c)
{
	if (l->n < HV_MAX_CPUID)
		sort_in(l->out, l->n, &c);
	l->n++;
}

/* Caches, one after the other, to the one that is none. */
static void add_caches(struct list *l)
{
	struct hv_cpuid c;
	unsigned sub = 0;

	do {
		c = host_leaf(4, sub++, true);
		add(l, c);
	} while ((c.eax & 0x1f) && sub < MAX_SUB);
}

/* Extended state in its standard form: components have fixed places. */
static void add_xsave(struct list *l)
{
	uint64_t xcr0 = host_xcr0();
	struct hv_cpuid first = { .leaf = 0xd, .has_sub = true, .eax = (uint32_t)xcr0 };

	first.ebx = first.ecx = xcr0 ? LEGACY_XSAVE : 0;
	for (unsigned i = 2; i < MAX_SUB; i++) {
		struct hv_cpuid c = host_leaf(0xd, i, true);

		if (!(xcr0 >> i & 1))
			continue;
		c.ecx = c.edx = 0;
		add(l, c);
		if (c.ebx + c.eax > first.ecx)
			first.ebx = first.ecx = c.ebx + c.eax;
	}
	add(l, first);
}

unsigned hv_cpuid_supported(struct hv_cpuid *out)
{
	struct list l = { .out = out };

	for (const struct row *r = rows; r < rows + HV_ARRAY(rows); r++)
		add(&l, offer(r));
	add_caches(&l);
	add_xsave(&l);
	add(&l, (struct hv_cpuid){ .leaf = 0x40000000, .eax = 0x40000001, .ebx = 0x4b4d564b,
				   .ecx = 0x564b4d56, .edx = 0x4d }); /* KVMKVMKVM */
	add(&l, (struct hv_cpuid){ .leaf = 0x40000001, .eax = KVM_FEATURES });
	return l.n;
}

/* --- what a vCPU has --- */

/* The first entry of the leaf, or of the next one that is there: they are in order. */
static const struct hv_cpuid *first_of(const struct hv_vcpu *v, uint32_t leaf)
{
	unsigned low = 0, high = v->n_cpuid;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (v->cpuid[middle].leaf < leaf)
			low = middle + 1;
		else
			high = middle;
	}
	return &v->cpuid[low];
}

const struct hv_cpuid *hv_cpuid_find(const struct hv_vcpu *v, uint32_t leaf, uint32_t sub)
{
	const struct hv_cpuid *end = &v->cpuid[v->n_cpuid];

	for (const struct hv_cpuid *c = first_of(v, leaf); c < end && c->leaf == leaf; c++)
		if (!c->has_sub || c->sub == sub)
			return c;
	return NULL;
}

static struct hv_cpuid own(const struct hv_vcpu *v, uint32_t leaf)
{
	const struct hv_cpuid *c = hv_cpuid_find(v, leaf, 0);

	return c ? *c : (struct hv_cpuid){ .leaf = leaf };
}

static uint64_t spec_ctrl_bits(const struct hv_cpuid *leaf7, const struct hv_cpuid *leaf88)
{
	uint64_t bits = 0;

	if ((leaf7->edx & LEAF7_IBRS) || (leaf88->ebx & LEAF88_IBRS))
		bits |= SPEC_CTRL_IBRS;
	if ((leaf7->edx & LEAF7_STIBP) || (leaf88->ebx & LEAF88_STIBP))
		bits |= SPEC_CTRL_STIBP;
	if ((leaf7->edx & LEAF7_SSBD) || (leaf88->ebx & LEAF88_SSBD))
		bits |= SPEC_CTRL_SSBD;
	return bits;
}

uint64_t hv_spec_ctrl_host(void)
{
	const struct hv_cpuid leaf7 = offered(7), leaf88 = offered(0x80000008);

	return spec_ctrl_bits(&leaf7, &leaf88);
}

/* Without any CPUID all that there is may be set, for users who set registers first. */
static uint64_t cr4_bits(const struct hv_vcpu *v)
{
	uint64_t bits = CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE |
			CR4_PGE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	if (!v->n_cpuid)
		return hv_cap.cr4_guest;
	for (const struct need *n = needs; n < needs + HV_ARRAY(needs); n++) {
		struct hv_cpuid c = own(v, n->leaf);

		if (*reg_of(&c, n->reg) & n->bits)
			bits |= n->cr4;
	}
	return bits & hv_cap.cr4_guest;
}

static uint64_t efer_bits(const struct hv_vcpu *v)
{
	uint32_t edx = offered(0x80000001).edx;
	uint64_t bits = 0;

	if (v->n_cpuid)
		edx &= own(v, 0x80000001).edx;
	if (edx & (LEAF81_SYSCALL | LEAF81_LM))
		bits |= EFER_SCE;
	if (edx & LEAF81_LM)
		bits |= EFER_LME | EFER_LMA;
	if (edx & LEAF81_NX)
		bits |= EFER_NXE;
	if (edx & LEAF81_FFXSR)
		bits |= EFER_FFXSR;
	return bits;
}

/* Never more than the processor has, whatever the user says: it goes into the real registers. */
static void derive(struct hv_vcpu *v)
{
	const struct hv_cpuid leaf1 = own(v, 1), leaf7 = own(v, 7), leaf88 = own(v, 0x80000008);
	unsigned bits = leaf88.eax & 0xff;

	v->cr4_allowed = cr4_bits(v);
	v->efer_allowed = efer_bits(v);
	v->xcr0_allowed = leaf1.ecx & LEAF1_XSAVE ? own(v, 0xd).eax & host_xcr0() : 0;
	v->spec_ctrl_allowed = spec_ctrl_bits(&leaf7, &leaf88) & hv_spec_ctrl_host();
	v->pred_cmd_allowed = (leaf7.edx & LEAF7_IBRS) || (leaf88.ebx & LEAF88_IBPB);
	v->arch_capabilities_allowed = leaf7.edx & LEAF7_ARCH_CAPABILITIES;
	v->x2apic_allowed = leaf1.ecx & LEAF1_X2APIC;
	v->phys_bits = bits ? least(bits < 32 ? 32 : bits, 52) : DEFAULT_PHYS_BITS;
}

/* n 0: no features, none refused. -E2BIG; -EINVAL: a width of linear addresses that is not ours. */
int hv_cpuid_set(struct hv_vcpu *v, const struct hv_cpuid *in, unsigned n)
{
	if (n > HV_MAX_CPUID)
		return -E2BIG;
	for (unsigned i = 0; i < n; i++)
		if (in[i].leaf == 0x80000008 && (in[i].eax & 0xff00) &&
		    (in[i].eax & 0xff00) != 48 << 8)
			return -EINVAL;
	host_lock(&v->lock);
	v->n_cpuid = 0;
	for (unsigned i = 0; i < n; i++)
		sort_in(v->cpuid, v->n_cpuid++, &in[i]);
	derive(v);
	host_unlock(&v->lock);
	return 0;
}

/* Bytes that XSAVE writes with what XCR0 enables now. */
static uint32_t xsave_size(const struct hv_vcpu *v)
{
	uint32_t size = LEGACY_XSAVE;

	for (uint64_t left = v->xcr0 >> 2, i = 2; left; left >>= 1, i++) {
		const struct hv_cpuid *c = left & 1 ? hv_cpuid_find(v, 0xd, (uint32_t)i) : NULL;

		if (c && c->ebx + c->eax > size)
			size = c->ebx + c->eax;
	}
	return size;
}

/* What depends on other registers. */
static void make_live(struct hv_vcpu *v, struct hv_cpuid *c)
{
	if (c->leaf == 1) {
		hv_need(v, HV_CR);
		c->ecx &= ~LEAF1_OSXSAVE;
		if (v->st.cr4 & CR4_OSXSAVE)
			c->ecx |= LEAF1_OSXSAVE;
		if (!lapic_enabled(v))
			c->edx &= ~LEAF1_EDX_APIC;
	} else if (c->leaf == 0xd && c->sub == 0 && c->ebx) {
		c->ebx = xsave_size(v);
	}
}

/* As the guest reads it now. */
unsigned hv_cpuid_get(struct hv_vcpu *v, struct hv_cpuid *out)
{
	unsigned n;

	host_lock(&v->lock);
	n = v->n_cpuid;
	memcpy(out, v->cpuid, n * sizeof(*out));
	for (unsigned i = 0; i < n; i++)
		make_live(v, &out[i]);
	hv_vcpu_unlock(v);
	return n;
}

/* --- exits --- */

static bool zero_beyond_range(const struct hv_cpuid *leaf0)
{
	return leaf0->ebx == 0x68747541 /* Auth */ || leaf0->ebx == 0x6f677948; /* Hygo */
}

/*
 * A leaf that is not there reads 0 if it is within its range. Beyond the last one Intel's
 * processors answer with the last basic leaf, AMD's with 0.
 */
static const struct hv_cpuid *substitute(const struct hv_vcpu *v, uint32_t *leaf, uint32_t sub)
{
	const struct hv_cpuid *leaf0 = hv_cpuid_find(v, 0, 0), *range;

	if (!leaf0 || zero_beyond_range(leaf0))
		return NULL;
	range = hv_cpuid_find(v, *leaf >> 28 == 4 ? *leaf & 0xffffff00 : *leaf & 0xc0000000, 0);
	if (range && *leaf <= range->eax)
		return NULL;
	*leaf = leaf0->eax;
	return hv_cpuid_find(v, *leaf, sub);
}

int hv_exit_cpuid(struct hv_vcpu *v, struct hv_exit *x)
{
	uint64_t *gpr = v->st.gpr;
	uint32_t leaf = (uint32_t)gpr[HV_RAX], sub = (uint32_t)gpr[HV_RCX];
	const struct hv_cpuid *c = hv_cpuid_find(v, leaf, sub), *level;
	struct hv_cpuid answer = { 0 };

	if (!c)
		c = substitute(v, &leaf, sub);
	if (c) {
		answer = *c;
		make_live(v, &answer);
	} else if (leaf == 0xb || leaf == 0x1f) {
		level = hv_cpuid_find(v, leaf, 1);
		answer.ecx = sub & 0xff; /* a level that is none still says of whom it speaks */
		answer.edx = level ? level->edx : 0;
	}
	gpr[HV_RAX] = answer.eax;
	gpr[HV_RBX] = answer.ebx;
	gpr[HV_RCX] = answer.ecx;
	gpr[HV_RDX] = answer.edx;
	return hv_skip(v, x);
}
