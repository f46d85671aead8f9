# SPDX-License-Identifier: GPL-2.0-only
# caisson.ko, against the headers of an installed Debian kernel: the newest of the series KERNEL.
# Kbuild writes beside its sources, so it gets a tree of links to them, one for each kernel.

KERNEL       ?= 6.1
MOD_HEADERS  := $(lastword $(shell ls -d /usr/src/linux-headers-$(KERNEL).*-amd64 2>/dev/null | sort -V))
MOD_RELEASE  := $(MOD_HEADERS:/usr/src/linux-headers-%=%)
ifeq ($(KERNEL),small)
# The lab's own, built when it is asked for first.
MOD_HEADERS  := $(addsuffix /build,$(shell tools/lablib/small-kernel))
MOD_RELEASE  := small
endif
MOD_DIR      := $(BUILD)/module/$(MOD_RELEASE)
MOD_PACKAGE  := $(if $(filter small,$(KERNEL)),linux-source-6.1,linux-headers-$(if $(filter 6.1,$(KERNEL)),amd64,$(KERNEL)-amd64))
# The stock kernel's module has the plain name: it is what runs by default.
MOD_FILE     := $(BUILD)/caisson$(if $(filter-out 6.1,$(KERNEL)),-$(KERNEL)).ko

## module: build/caisson.ko for Debian's 6.1 kernel; KERNEL=6.12, KERNEL=small: build/caisson-6.12.ko, ...-small.ko; C=2: with sparse
module:
	@test -n "$(MOD_HEADERS)" || { echo "The headers of Debian's $(KERNEL) kernel are missing:" \
		"install $(MOD_PACKAGE), or run \`make deps\`." >&2; exit 1; }
	@mkdir -p $(MOD_DIR)
	@find $(MOD_DIR) -xtype l -delete
	@cp -rsf $(addprefix $(CURDIR)/hypervisor/,$(MOD_ROOMS)) $(MOD_DIR)/
	@ln -sf $(CURDIR)/hypervisor/linux/Kbuild $(MOD_DIR)/Kbuild
	$(call say,KO,$(MOD_FILE))
	$(Q)flock $(MOD_DIR) $(MAKE) -s -C $(MOD_HEADERS) M=$(CURDIR)/$(MOD_DIR) $(if $(C),C=$(C) CF=-Wsparse-error) \
		CONFIG_DEBUG_INFO_BTF_MODULES= modules
	@strip --strip-debug -o $(MOD_FILE) $(MOD_DIR)/caisson.ko

MOD_ROOMS := $(notdir $(patsubst %/,%,$(filter-out %/bare/,$(wildcard hypervisor/*/))))

# For tests/all: both kernels, every file with sparse.
modules-checked:
	@$(MAKE) module C=2
	@$(MAKE) module KERNEL=6.12 C=2

.PHONY: module modules-checked
