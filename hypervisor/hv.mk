# SPDX-License-Identifier: GPL-2.0-only
# The hypervisor's unit tests: its rooms above the vendor, in user space, under ASan and UBSan.

HV_ROOMS   := core io mem ept lapic emul
HV_SOURCES := $(sort $(foreach r,$(HV_ROOMS),$(wildcard hypervisor/$(r)/*.c)))
HV_HEADERS := $(sort $(wildcard hypervisor/include/*.h $(HV_ROOMS:%=hypervisor/%/*.h) tests/hv/*.h \
                hypervisor/svm/*.h hypervisor/vmx/*.h))
HV_INCLUDE := -Ihypervisor/include -Ihypervisor -Itests/hv
HV_CFLAGS   = -std=gnu11 -D_GNU_SOURCE $(WARN) -Wno-sign-compare $(HV_INCLUDE) $(CFLAGS)
HV_FAKES   := $(sort $(wildcard tests/hv/fake_*.c))
HV_SANOBJ  := $(HV_SOURCES:%.c=$(BUILD)/hvsan/%.o) $(HV_FAKES:%.c=$(BUILD)/hvsan/%.o)
HV_UNIT    := $(patsubst %.c,$(BUILD)/hvsan/%,$(sort $(wildcard tests/hv/test_*.c)))

headers: $(HV_HEADERS:%=$(BUILD)/headers/%.hv)

$(BUILD)/headers/%.hv: %
	@mkdir -p $(@D)
	@$(CC) $(HV_CFLAGS) -fsyntax-only -x c $<
	@touch $@

$(BUILD)/hvsan/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(HV_CFLAGS) $(SAN) -MMD -MP -c -o $@ $<

$(BUILD)/hvsan/libhv.a: $(HV_SANOBJ)
	$(call say,AR,$@)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/hvsan/tests/hv/test_%: $(BUILD)/hvsan/tests/hv/test_%.o $(BUILD)/hvsan/libhv.a
	$(call say,LD,$@)
	$(Q)$(CC) $(HV_CFLAGS) $(SAN) -o $@ $^ -lcmocka -lm

sanitized: $(HV_UNIT)
