# SPDX-License-Identifier: GPL-2.0-only
# The DSDT: compiled by iasl, then turned into the two C symbols that devicemodel/firmware/acpi.c
# links: dsdt_aml[] and dsdt_aml_len. Needs BUILD.

IASL       := iasl
DSDT_ASL   := firmware/acpi/dsdt.asl
DSDT_AML   := $(BUILD)/firmware/dsdt.aml
DSDT_AML_C := $(BUILD)/firmware/dsdt_aml.c

# -we: a warning is an error. iasl has no quiet mode, so its words are shown only when it fails.
$(DSDT_AML): $(DSDT_ASL)
	@mkdir -p $(@D)
	@$(IASL) -vs -we -p $(basename $@) $< >$(basename $@).log 2>&1 || \
		{ cat $(basename $@).log; rm -f $@; exit 1; }

$(DSDT_AML_C): $(DSDT_AML)
	@{ echo '/* SPDX-License-Identifier: GPL-2.0-only */'; \
	   echo '/* Made from $(DSDT_ASL); do not edit. */'; \
	   echo 'const unsigned char dsdt_aml[] = {'; \
	   od -An -v -tx1 $< | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1, /g'; \
	   echo '};'; \
	   echo 'const unsigned int dsdt_aml_len = sizeof(dsdt_aml);'; } >$@
