# SPDX-License-Identifier: GPL-2.0-only
# Every entry point of the project; `make help` lists them. Everything built goes to build/.

BUILD   := build
CC      := gcc
PKGS    := pixman-1 libpng libvncserver json-c
PKG_CONFIG := pkg-config

WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
           -Wold-style-definition -Wpointer-arith -Wno-unused-parameter
INCLUDE := -Idevicemodel/include -Idevicemodel -Iui/include
CFLAGS  ?= -O2 -g
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -pthread $(WARN) $(INCLUDE) $(CFLAGS) \
           $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
LIBS     = $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null) -lm
SAN     := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

PREFIX  ?= /usr/local
DESTDIR ?=

SOURCES := $(sort $(wildcard devicemodel/*/*.c ui/*.c))
MAIN    := devicemodel/machine/main.c
LIBRARY := $(filter-out $(MAIN),$(SOURCES))
HEADERS := $(sort $(shell find devicemodel ui tests -name '*.h'))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory -j$(shell nproc)
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

$(BUILD)/san/tests/device/%: $(BUILD)/san/tests/device/%.o $(BUILD)/san/tests/device/rig.o \
                             $(BUILD)/san/libcaisson.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(SAN) -o $@ $^ $(LIBS) -lcmocka

.PRECIOUS: $(BUILD)/san/%.o

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

## clean: remove build/
clean:
	rm -rf $(BUILD)

.PHONY: all clean
