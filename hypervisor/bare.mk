# SPDX-License-Identifier: GPL-2.0-only
# The hypervisor without an operating system, and its tests: one ELF that QEMU and Bochs start.

BARE_OUT    := $(BUILD)/bare
BARE_DIRS   := $(HV_ROOMS:%=hypervisor/%) hypervisor/svm hypervisor/vmx hypervisor/bare tests/bare
BARE_OBJ    := $(patsubst %,$(BARE_OUT)/%.o,$(sort $(wildcard $(BARE_DIRS:%=%/*.c) $(BARE_DIRS:%=%/*.S))))
BARE_CFLAGS := -std=gnu11 -m64 -O2 -g $(WARN) -Wno-sign-compare -ffreestanding -fno-pic -fno-pie \
               -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -mno-red-zone \
               -mgeneral-regs-only -fno-toplevel-reorder -fno-omit-frame-pointer -Ihypervisor/include -Ihypervisor -Ihypervisor/bare -Itests/bare
BARE_CFLAGS += $(if $(wildcard hypervisor/svm/svm.c),-DHV_HAVE_SVM) $(if $(wildcard hypervisor/vmx/vmx.c),-DHV_HAVE_VMX)

$(BARE_OUT)/%.o: %
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(BARE_CFLAGS) -MMD -MP -c -o $@ $<

# The loaders take a 32-bit ELF only, whatever is in it.
$(BARE_OUT)/caisson.elf: $(BARE_OBJ) hypervisor/bare/link.ld
	$(call say,LD,$@)
	$(Q)ld -m elf_x86_64 -z max-page-size=4096 --no-warn-rwx-segments -T hypervisor/bare/link.ld -o $@.64 $(BARE_OBJ)
	$(Q)objcopy -O elf32-i386 $@.64 $@

bare-image: $(BARE_OUT)/caisson.elf

.PHONY: bare-image
