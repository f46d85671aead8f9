// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls: Xen's, which are the user's, and those of KVM's that need no offer in CPUID. A guest
 * may use either vendor's instruction: the one that this processor lacks comes as #UD.
 *
 * Missing: KVM_HC_KICK_CPU and others that CPUID does not offer to the guest.
 *
 * References: Linux, "Linux KVM Hypercall"; Xen's public headers, "Hypercall interface".
 */
#include "core/core.h"

enum { KVM_HC_VAPIC_POLL_IRQ = 1, KVM_HC_SEND_IPI = 10 };
enum { KVM_EPERM = 1, KVM_EINVAL = 22, KVM_ENOSYS = 1000 };

/* --- Xen --- */

/* v->io says how long it was, as for a port. */
static int complete_xen(struct hv_vcpu *v)
{
	uint64_t result = v->user->hypercall.result;

	v->st.gpr[HV_RAX] = v->user->hypercall.longmode ? result : (uint32_t)result;
	return hv_insn_done(v, v->st.rip + v->io.insn_len);
}

static int xen_hypercall(struct hv_vcpu *v, unsigned insn_len)
{
	static const uint8_t args64[6] = { HV_RDI, HV_RSI, HV_RDX, HV_R10, HV_R8, HV_R9 };
	static const uint8_t args32[6] = { HV_RBX, HV_RCX, HV_RDX, HV_RSI, HV_RDI, HV_RBP };
	struct hv_user *u = v->user;
	bool long_mode = hv_mode(v) == EMUL_64;
	const uint8_t *args = long_mode ? args64 : args32;
	uint64_t mask = long_mode ? ~0ull : 0xffffffff;

	u->hypercall.nr = v->st.gpr[HV_RAX] & mask;
	for (unsigned i = 0; i < 6; i++)
		u->hypercall.args[i] = v->st.gpr[args[i]] & mask;
	u->hypercall.result = 0;
	u->hypercall.longmode = long_mode;
	u->hypercall.cpl = v->st.cpl;
	v->io.insn_len = insn_len;
	return hv_tell_user(v, HV_USER_XEN, complete_xen);
}

/* --- KVM --- */

/* Processors from the APIC ID in RDX on, RSI is an ICR. To how many it came. */
static int64_t send_ipis(struct hv_vcpu *v, bool long_mode)
{
	const uint64_t *gpr = v->st.gpr;
	uint64_t low = gpr[HV_RBX], high = gpr[HV_RCX], to[2] = { low, high };
	int taken;

	if (!long_mode) {
		to[0] = (uint32_t)low | high << 32;
		to[1] = 0;
	}
	taken = lapic_send_ipis(v, (uint32_t)gpr[HV_RDX], to, (uint32_t)gpr[HV_RSI]);
	return taken < 0 ? -KVM_EINVAL : taken;
}

static int kvm_hypercall(struct hv_vcpu *v, unsigned insn_len)
{
	bool long_mode = hv_mode(v) == EMUL_64;
	uint64_t mask = long_mode ? ~0ull : 0xffffffff, nr = v->st.gpr[HV_RAX] & mask;
	int64_t result = -KVM_ENOSYS;

	if (v->st.cpl)
		result = -KVM_EPERM;
	else if (nr == KVM_HC_VAPIC_POLL_IRQ)
		result = 0;
	else if (nr == KVM_HC_SEND_IPI)
		result = send_ipis(v, long_mode);
	v->st.gpr[HV_RAX] = (uint64_t)result & mask;
	return hv_insn_done(v, v->st.rip + insn_len);
}

/* --- exits --- */

static int hypercall(struct hv_vcpu *v, unsigned insn_len)
{
	return v->vm->xen_intercept ? xen_hypercall(v, insn_len) : kvm_hypercall(v, insn_len);
}

/* Where the hardware does not say how long it was, it had no prefix: three bytes. */
int hv_exit_hypercall(struct hv_vcpu *v, struct hv_exit *x)
{
	return hypercall(v, x->insn_len ? x->insn_len : 3);
}

int hv_exit_ud(struct hv_vcpu *v, struct hv_exit *x)
{
	const struct emul_insn *i = &v->emul.insn;

	if (hv_fetch_insn(v))
		return HV_AGAIN;
	if (i->len == 3 && i->bytes[0] == 0x0f && i->bytes[1] == 0x01 &&
	    (i->bytes[2] == 0xc1 || i->bytes[2] == 0xd9))
		return hypercall(v, i->len);
	return hv_raise(v, X86_UD);
}
