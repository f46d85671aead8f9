# SPDX-License-Identifier: GPL-2.0-only
# Every entry point of the project; `make help` lists them. Everything built goes to build/.

BUILD   := build
CC      := gcc
PKGS    := pixman-1 libpng libvncserver json-c libseccomp zlib
# Loaded by those who want a browser or a window: ui/include/ui/library.h.
LOADED  := libwebsockets sdl2
PKG_CONFIG := pkg-config

WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
           -Wold-style-definition -Wpointer-arith -Wno-unused-parameter
INCLUDE := -Idevicemodel/include -Idevicemodel -Iui/include -Ihypervisor/include/uapi
CFLAGS  ?= -O2 -g
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -pthread $(WARN) $(INCLUDE) $(CFLAGS) \
           $(shell $(PKG_CONFIG) --cflags $(PKGS) $(LOADED) 2>/dev/null)
LIBS     = $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null) -lm
SAN     := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

PREFIX  ?= /usr/local
DESTDIR ?=

SOURCES := $(sort $(wildcard devicemodel/*/*.c ui/*.c ui/*/*.c))
MAIN    := devicemodel/machine/main.c
LIBRARY := $(filter-out $(MAIN),$(SOURCES))
HEADERS := $(sort $(shell find devicemodel ui tests/unit tests/device -name '*.h'))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
# As parallel as the machine, unless told otherwise or called by a make that was.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
MAKEFLAGS += --no-print-directory
# One line a step; V=1 shows the commands.
ifneq ($(V),1)
Q := @
endif
say = @printf '  %-5s %s\n' $(1) $(2)

include firmware/firmware.mk

OBJ     := $(SOURCES:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/dsdt.o
SANOBJ  := $(LIBRARY:%.c=$(BUILD)/san/%.o) $(BUILD)/obj/dsdt.o
UNIT    := $(patsubst tests/%.c,$(BUILD)/san/tests/%,$(sort $(wildcard tests/unit/test_*.c)))
DEVICE  := $(patsubst tests/%.c,$(BUILD)/san/tests/%,$(sort $(wildcard tests/device/test_*.c)))

## all: build everything (default)
all: $(BUILD)/caisson

$(BUILD)/caisson: $(OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Pixels, several at a time.
$(BUILD)/obj/devicemodel/display/vga_graphics.o $(BUILD)/obj/devicemodel/display/vga_linear.o: CFLAGS += -O3

$(BUILD)/obj/dsdt.o: $(BUILD)/firmware/dsdt_aml.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -O2 -c -o $@ $<

$(BUILD)/san/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(SAN) -MMD -MP -c -o $@ $<

$(BUILD)/san/libcaisson.a: $(SANOBJ)
	$(call say,AR,$@)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/san/tests/unit/%: $(BUILD)/san/tests/unit/%.o $(BUILD)/san/libcaisson.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(SAN) -o $@ $^ $(LIBS) -lcmocka

# It is a client of TLS as well.
$(BUILD)/san/tests/unit/test_web: LIBS += -lssl -lcrypto

$(BUILD)/san/tests/device/%: $(BUILD)/san/tests/device/%.o $(BUILD)/san/tests/device/rig.o \
                             $(BUILD)/san/libcaisson.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(SAN) -o $@ $^ $(LIBS) -lcmocka

.PRECIOUS: $(BUILD)/san/%.o

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# --- set-up ------------------------------------------------------------------------------------

PACKAGES := $(shell sed 's/\#.*//' tools/packages)

## deps: install the Debian packages that building, running and testing need
deps:
	@tools/deps $(PACKAGES)

# A build on a fresh machine sets itself up first: these two are made before anything includes them.
$(BUILD)/deps.ok: tools/packages
	@mkdir -p $(@D)
	@$(MAKE) deps
	@touch $@

# --- running -----------------------------------------------------------------------------------

GUEST ?= installer
IMAGE  = $(BUILD)/images/$(firstword $(filter-out %.tmp,$(IMAGE_$(GUEST))))
IMAGE_installer := installer.iso
IMAGE_memtest   := memtest.iso
IMAGE_grub      := grub.iso
IMAGE_linux     := linux.img
RUN_installer   := --memory 1G
RUN_memtest     := --memory 128M
RUN_grub        := --memory 256M
RUN_linux       := --memory 512M --cpus 2
ARGS ?=

## run: start a guest to look at over VNC: GUEST=installer (default), memtest, grub, linux, or a path
run: $(BUILD)/deps.ok
	@$(MAKE) all module
ifdef IMAGE_$(GUEST)
	@tools/mkimage $(GUEST)
	$(BUILD)/caisson run $(IMAGE) --name $(GUEST) $(RUN_$(GUEST)) $(ARGS)
else
	$(BUILD)/caisson run $(GUEST) $(ARGS)
endif

# --- tests -------------------------------------------------------------------------------------

## test: everything: check, bare, lab
test: $(BUILD)/deps.ok
	@$(MAKE) all module
	@$(MAKE) module KERNEL=small
	@tests/all check bare lab

## check: style, headers, unit and device tests under ASan and UBSan; seconds
check: $(BUILD)/deps.ok
	@$(MAKE) all
	@tests/all check

## fuzz: viewers that are made up against the VNC server, for minutes: ROUNDS=N, SEED=N
ROUNDS ?= 400000
SEED   ?= 0x5eed
fuzz: $(BUILD)/deps.ok
	@$(MAKE) $(BUILD)/san/tests/unit/test_vnc_fuzz
	FUZZ_ROUNDS=$(ROUNDS) FUZZ_SEED=$(SEED) $(BUILD)/san/tests/unit/test_vnc_fuzz

## bare: the hypervisor without an operating system, on AMD-V and VT-x; a minute
bare: $(BUILD)/deps.ok
	@tests/all bare

## lab: real guests in the emulated host; minutes
lab: $(BUILD)/deps.ok
	@$(MAKE) all module
	@$(MAKE) module KERNEL=small
	@tests/all lab

## lab-intel: all guests on the lab's Intel processors; half an hour
lab-intel: $(BUILD)/deps.ok
	@$(MAKE) all
	@$(MAKE) module KERNEL=small
	@tests/all lab-intel

## soak: hours that make test does not have: idle, busy, resets; ARGS='--minutes 10 idle'
soak: $(BUILD)/deps.ok
	@$(MAKE) all module
	@tests/system/soak.py $(ARGS)

# What `check` consists of, for tests/all.
style:
	@tools/style

CPPCHECK := cppcheck -q --std=c11 --enable=warning,portability,performance --error-exitcode=1 \
            --suppress=missingIncludeSystem --inline-suppr \
            --suppress=unknownMacro
cppcheck:
	@$(CPPCHECK) -j$(shell nproc) $(INCLUDE) devicemodel ui
	@$(CPPCHECK) -j$(shell nproc) $(HV_INCLUDE) $(wildcard $(HV_ROOMS:%=hypervisor/%) hypervisor/svm hypervisor/vmx)

headers: $(HEADERS:%=$(BUILD)/headers/%.ok)

$(BUILD)/headers/%.ok: %
	@mkdir -p $(@D)
	@$(CC) $(ALL_CFLAGS) -Itests/unit -Itests/device -fsyntax-only -x c $<
	@touch $@

sanitized: $(UNIT) $(DEVICE)

unit-programs:
	@echo $(UNIT) $(DEVICE) $(HV_UNIT)

include tests/guests/guests.mk
include hypervisor/hv.mk
include hypervisor/bare.mk
include hypervisor/module.mk
include tools/bench/exits/exits.mk
include tools/bench/idle/idle.mk

## bench: all measurements, beside QEMU in the lab; each prints a table and writes build/bench/
bench:
	@$(MAKE) bench-boot
	@$(MAKE) bench-idle
	@$(MAKE) bench-exits

## bench-boot: instructions, exits and memory of a boot of Debian's kernel
bench-boot: $(BUILD)/deps.ok
	@$(MAKE) all module
	@tools/bench/bench boot

## bench-idle: what an idle guest costs, with and without a viewer; ARGS=--all, ARGS="--case 'fb, idle on kvm'"
bench-idle: $(BUILD)/deps.ok
	@$(MAKE) all module idle-programs
	@tools/bench/bench idle $(ARGS)

## bench-exits: instructions of each kind of exit, our hypervisor beside KVM, on AMD-V and VT-x; ARGS='--cpu intel'
bench-exits: $(BUILD)/deps.ok
	@$(MAKE) all module exits-programs
	@$(MAKE) module KERNEL=small
	@tools/bench/bench exits $(ARGS)

# --- the rest ----------------------------------------------------------------------------------

## install: the program and its manual page below PREFIX (/usr/local)
install: all
	install -D -m 755 $(BUILD)/caisson $(DESTDIR)$(PREFIX)/bin/caisson
	install -D -m 644 docs/caisson.1 $(DESTDIR)$(PREFIX)/share/man/man1/caisson.1

## help: this list
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST) | sort | sed 's/: /\t/; s/^/  make /' | expand -t 20

## clean: remove build/
clean:
	rm -rf $(BUILD)

.PHONY: all deps run test check fuzz bare lab lab-intel soak style cppcheck headers sanitized unit-programs bench bench-boot \
        bench-idle bench-exits install help clean
