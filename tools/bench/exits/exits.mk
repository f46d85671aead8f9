# SPDX-License-Identifier: GPL-2.0-only
# The exits benchmark: a guest as a flat image, and a user of the KVM API that runs it.

EXITS_OUT := $(BUILD)/bench/exits
EXITS     := tools/bench/exits

exits-programs: $(EXITS_OUT)/vmm $(EXITS_OUT)/guest.bin

$(EXITS_OUT)/vmm: $(EXITS)/vmm.c $(EXITS)/shared.h hypervisor/include/uapi/caisson.h
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -O2 -g $(WARN) -Ihypervisor/include -pthread -o $@ $<

$(EXITS_OUT)/guest.bin: $(EXITS)/start.S $(EXITS)/guest.c $(EXITS)/shared.h $(EXITS)/link.ld
	@mkdir -p $(@D)
	$(call say,GUEST,$@)
	$(Q)$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -m64 -ffreestanding -nostdlib -fno-pic -fno-pie \
		-fno-stack-protector -fno-builtin -mno-red-zone -mgeneral-regs-only -fcf-protection=none \
		-fno-asynchronous-unwind-tables -static -no-pie -Wl,--build-id=none -Wl,--no-warn-rwx-segments \
		-T $(EXITS)/link.ld -o $(@D)/guest.elf $(EXITS)/start.S $(EXITS)/guest.c
	$(Q)objcopy -O binary $(@D)/guest.elf $@

.PHONY: exits-programs
