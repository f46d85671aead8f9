// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs: lifetime, power-on state, what binds them to a processor, and requests from other threads.
 *
 * References: Intel SDM 3, "Processor State After Reset"; AMD APM 2, "Processor Initialization
 * State".
 */
#include "core/core.h"

/* The next vCPU may get the same address: no processor takes it for this one. */
void hv_vcpu_free(struct hv_vcpu *v)
{
	for (unsigned i = 0; i < host_ncpu(); i++) {
		struct hv_vcpu *last = v;

		cpu_cas(&hv_last[i], &last, NULL);
	}
	lapic_fini(v);
	hv_ops->vcpu_fini(v);
	stage2_pool_drain(&v->pool);
	host_free(v);
}

/* The vCPU is complete before others can find it. */
static int publish(struct hv_vm *vm, struct hv_vcpu *v)
{
	int err = 0;

	host_lock(&vm->lock);
	if (vm->vcpu[v->id])
		err = -EEXIST;
	else {
		cpu_store(&vm->vcpu[v->id], v);
		if (vm->n_vcpus <= v->id)
			cpu_store(&vm->n_vcpus, v->id + 1);
	}
	host_unlock(&vm->lock);
	return err;
}

static void set_up_hardware(struct hv_vcpu *v)
{
	hv_vcpu_bind(v);
	hv_ops->set_exception_trap(v, HV_TRAPS, false);
	hv_msr_traps(v);
	hv_tsc_apply(v);
	hv_vcpu_release(v);
}

int hv_vcpu_create(struct hv_vm *vm, unsigned id, void *host, struct hv_vcpu **out)
{
	struct hv_vcpu *v;
	int err;

	if (id >= HV_MAX_VCPUS)
		return -EINVAL;
	v = host_alloc(sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->vm = vm;
	v->id = id;
	v->host = host;
	v->cpu = -1;
	v->user_vector = -1;
	v->eoi_pending = -1;
	v->tsc_khz = host_tsc().khz;
	v->tsc_ratio = 1ull << 32;
	v->tsc_offset = vm->tsc_offset;
	host_lock_init(&v->lock);
	lapic_init(v);
	err = hv_ops->vcpu_init(v);
	if (!err)
		err = hv_cpuid_set(v, NULL, 0);
	if (!err) {
		hv_vcpu_reset(v, false);
		set_up_hardware(v);
		err = publish(vm, v);
	}
	if (err) {
		hv_vcpu_free(v);
		return err;
	}
	*out = v;
	return 0;
}

void *hv_vcpu_host(const struct hv_vcpu *v)
{
	return v->host;
}

static void reset_segments(struct hv_state *st)
{
	static const struct hv_seg data = { .limit = 0xffff, .attr = SEG_P | SEG_S | 3 };

	for (unsigned i = HV_ES; i <= HV_GS; i++)
		st->seg[i] = data;
	st->seg[HV_CS] = (struct hv_seg){ .base = 0xffff0000, .limit = 0xffff, .selector = 0xf000,
					  .attr = SEG_P | SEG_S | 0xb };
	st->seg[HV_LDTR] = (struct hv_seg){ .limit = 0xffff, .attr = SEG_P | 2 };
	st->seg[HV_TR] = (struct hv_seg){ .limit = 0xffff, .attr = SEG_P | 0xb };
	st->gdt = st->idt = (struct hv_table){ .limit = 0xffff };
	st->cpl = 0;
}

/* INIT leaves memory types, MSRs, the TSC and CR0's cache bits as they are. */
void hv_vcpu_reset(struct hv_vcpu *v, bool init)
{
	struct hv_state *st = &v->st;
	uint64_t cache = CR0_CD | CR0_NW;
	const struct hv_cpuid *version = hv_cpuid_find(v, 1, 0);

	if (init) {
		hv_need(v, HV_ALL);
		cache = st->cr0 & (CR0_CD | CR0_NW);
		hv_vcpu_bind(v);
		hv_ops->flush_tlb(v, false); /* paging ends */
	} else {
		memset(st, 0, sizeof(*st));
		v->cached = HV_ALL;
	}
	memset(st->gpr, 0, sizeof(st->gpr));
	st->gpr[HV_RDX] = version ? version->eax : 0x600;
	st->rip = 0xfff0;
	st->rflags = RFLAGS_RESERVED1;
	st->cr8 = 0;
	reset_segments(st);
	st->cr0 = CR0_ET | cache;
	st->cr2 = st->cr3 = st->cr4 = st->efer = 0;
	memset(st->dr, 0, sizeof(st->dr));
	st->dr6 = DR6_FIXED;
	st->dr7 = DR7_FIXED;
	st->shadow_sti = st->shadow_movss = st->nmi_masked = false;
	v->dirty = HV_ALL;
	v->interrupted.type = v->exception.type = HV_EV_NONE;
	v->triple = false;
	v->nmis = 0;
	v->n_fragments = 0;
	v->complete = NULL;
	hv_msr_reset(v, init);
	v->clock_gpa = v->msr.pv_eoi = 0; /* the next kernel's memory is not to be written */
	lapic_reset(v, init);
	v->mp = v->id ? HV_MP_WAIT_INIT : HV_MP_RUN;
}

/* --- binding --- */

/*
 * A vCPU's branches are not to be predicted from what another has done, of the same guest neither:
 * the guest takes them for two processors, each with predictors of its own.
 */
static void part_predictions(struct hv_vcpu *v)
{
	struct hv_vcpu **last = &hv_last[host_cpu()];

	if (cpu_load(last) == v)
		return;
	cpu_store(last, v);
	if (hv_cap.pred_cmd)
		cpu_wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
}

void hv_vcpu_bind(struct hv_vcpu *v)
{
	if (v->loaded)
		return;
	host_preempt_off();
	part_predictions(v);
	hv_ops->load(v);
	v->cpu = host_cpu();
	v->loaded = true;
}

void hv_vcpu_release(struct hv_vcpu *v)
{
	if (!v->loaded)
		return;
	v->loaded = false;
	hv_ops->unload(v);
	host_preempt_on();
}

void hv_vcpu_unlock(struct hv_vcpu *v)
{
	hv_vcpu_release(v);
	host_unlock(&v->lock);
}

void hv_need_missing(struct hv_vcpu *v, uint32_t groups)
{
	hv_vcpu_bind(v);
	hv_ops->state_get(v, groups);
	v->cached |= groups;
}

void hv_touch(struct hv_vcpu *v, uint32_t groups)
{
	hv_need(v, groups);
	v->dirty |= groups & ~HV_GPR;
}

/* --- requests --- */

/*
 * Pairs with run.c's enter(): it says INSIDE and then looks for requests; here the request
 * stands before we look at where it is. One of the two sees the other. v->cpu is a guess only when
 * it is outside, and then nothing is lost by a kick too many.
 */
void hv_vcpu_poke(struct hv_vcpu *v)
{
	host_wake(&v->wait);
	if (cpu_load(&v->where) == HV_INSIDE)
		host_kick(cpu_load(&v->cpu), false);
}

void hv_vcpu_request(struct hv_vcpu *v, uint32_t request)
{
	cpu_or(&v->requests, request);
	hv_vcpu_poke(v);
}

void hv_vcpu_kick(struct hv_vcpu *v)
{
	hv_vcpu_request(v, HV_REQ_KICK);
}

void hv_nmi(struct hv_vcpu *v)
{
	hv_vcpu_request(v, HV_REQ_NMI);
}

const uint64_t *hv_stats(const struct hv_vcpu *v)
{
	return v->exits;
}
