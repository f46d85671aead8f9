#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the lab, with no hypervisor loaded: the exits benchmark on KVM, then on ours. Results go to /out.
set -eu
top=$(cd "$(dirname "$0")/../../.." && pwd)
programs=$top/build/bench/exits

modprobe kvm-amd
"$programs/vmm" /dev/kvm "$programs/guest.bin" >/out/kvm.txt
modprobe -r kvm-amd
insmod "$(cat /out/module)"
"$programs/vmm" /dev/caisson "$programs/guest.bin" >/out/caisson.txt
rmmod caisson
