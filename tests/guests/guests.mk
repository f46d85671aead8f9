# SPDX-License-Identifier: GPL-2.0-only
# Our own small guests: 16/NAME.c, 32/NAME.c and 64/NAME.c become $(BUILD)/guests/NAME.img, a disk to
# boot from, and $(BUILD)/guests/NAME/bios-256k.bin, a firmware image that is nothing but the guest. Needs BUILD, CC, Q, say.

GUESTS     := tests/guests
GUESTS_OUT := $(BUILD)/guests
GUESTS_SRC := $(sort $(wildcard $(GUESTS)/16/*.c $(GUESTS)/32/*.c $(GUESTS)/64/*.c))
GUESTS_IMG := $(addprefix $(GUESTS_OUT)/,$(addsuffix .img,$(basename $(notdir $(GUESTS_SRC)))))
GUESTS_ROM := $(GUESTS_IMG:%.img=%/bios-256k.bin)

GUEST_CFLAGS := -std=gnu11 -Os -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
                -ffreestanding -nostdlib -fno-pic -fno-pie -fno-stack-protector -fno-builtin \
                -fno-asynchronous-unwind-tables -fcf-protection=none -mgeneral-regs-only --param=min-pagesize=0 -static -no-pie \
                -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments -I$(GUESTS)/lib
GUEST_16 := -m16 -march=i386 -DGUEST_BITS=16
GUEST_32 := -m32 -march=i686 -DGUEST_BITS=32
GUEST_64 := -m64 -mno-red-zone -DGUEST_BITS=64

# The library, and what comes before it; the linker leaves out what a guest does not use.
GUEST_LIB_16 := start16.S boot.S guest.c pci.c clock.c
GUEST_LIB_32 := start.S boot.S traps.S guest.c pci.c clock.c trap.c ata.c
GUEST_LIB_64 := $(GUEST_LIB_32) apic.c pause.c smp.c
GUEST_HEADERS := $(wildcard $(GUESTS)/lib/*.h)

## guests: our own small guests, which tests/system/guests_here.py runs
guests: $(GUESTS_IMG) $(GUESTS_ROM)

define guest_rules
$(GUESTS_OUT)/$(1)/%.S.o: $(GUESTS)/boot/%.S
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(GUEST_CFLAGS) $$(GUEST_$(1)) -c -o $$@ $$<

$(GUESTS_OUT)/$(1)/%.c.o: $(GUESTS)/lib/%.c $(GUEST_HEADERS)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(GUEST_CFLAGS) $$(GUEST_$(1)) -c -o $$@ $$<

$(GUESTS_OUT)/$(1)/%.o: $(GUESTS)/$(1)/%.c $(GUEST_HEADERS)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(GUEST_CFLAGS) $$(GUEST_$(1)) -c -o $$@ $$<

$(patsubst $(GUESTS)/$(1)/%.c,$(GUESTS_OUT)/%.elf,$(filter $(GUESTS)/$(1)/%,$(GUESTS_SRC))): \
$(GUESTS_OUT)/%.elf: $(GUESTS_OUT)/$(1)/%.o $(GUEST_LIB_$(1):%=$(GUESTS_OUT)/$(1)/%.o) $(GUESTS)/boot/link.ld
	$$(Q)$$(CC) $$(GUEST_CFLAGS) $$(GUEST_$(1)) -T $(GUESTS)/boot/link.ld \
		-Wl,--gc-sections -Wl,--defsym=GUEST_LIMIT=$$(if $$(filter 16,$(1)),0x10000,0x80000) \
		-o $$@ $$(filter %.o,$$^)
endef
$(foreach bits,16 32 64,$(eval $(call guest_rules,$(bits))))

# Rounded up to 1 MiB: a disk that every firmware accepts.
$(GUESTS_OUT)/%.img: $(GUESTS_OUT)/%.elf
	$(call say,GUEST,$@)
	$(Q)objcopy -O binary $< $@
	$(Q)truncate -s 1M $@

$(GUESTS_OUT)/%/bios-256k.bin: $(GUESTS_OUT)/%.elf $(GUESTS)/boot/rom.S
	@mkdir -p $(@D)
	$(call say,GUEST,$@)
	$(Q)objcopy -O binary $< $(@D)/guest.bin
	$(Q)$(CC) -m32 -DGUEST_IMAGE='"$(@D)/guest.bin"' -c -o $(@D)/rom.o $(GUESTS)/boot/rom.S
	$(Q)objcopy -O binary -j .rom $(@D)/rom.o $@

.PHONY: guests
.SECONDARY: $(GUESTS_IMG:%.img=%.elf)
