# SPDX-License-Identifier: GPL-2.0-only
# The idle benchmark's guest: all there is in its initramfs.

IDLE_OUT := $(BUILD)/bench/idle

idle-programs: $(IDLE_OUT)/init

$(IDLE_OUT)/init: tools/bench/idle/guest.c
	@mkdir -p $(@D)
	$(call say,GUEST,$@)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 $(WARN) -static -s -o $@ $<

.PHONY: idle-programs
