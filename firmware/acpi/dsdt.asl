/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The board as ACPI describes it: PCI bus 0 with its windows and interrupt routing, the ISA
 * devices behind the PIIX3, and soft-off. What depends on the guest's configuration is left to
 * devicemodel/firmware/acpi.c: the processors are in an SSDT, and the two integers BRDF and PCIM
 * below are overwritten in the compiled table (their values here only make iasl spend four bytes).
 *
 * Everything here stays within ACPI 1.0's language (revision 1: 32-bit integers), because Windows
 * XP reads it, and within what SeaBIOS's own small parser skips safely: no External(), no aliases.
 * Reference: ACPI Specification 2.0, "ACPI Source Language Reference", "Resource Data Types for
 * ACPI"; Intel 82371SB (PIIX3), "PIRQ[A:D]# Route Control Registers".
 */
DefinitionBlock ("dsdt.aml", "DSDT", 1, "CAISSN", "CAISSON ", 1)
{
    Name (BRDF, 0x80000001)             // bit 0: there is an HPET
    Name (PCIM, 0xC0000000)             // first address of the PCI memory window

    Name (\_S5, Package () {Zero, Zero, Zero, Zero})  // SLP_TYP of soft-off, for both PM1 blocks

    Scope (\_SB)
    {
        Device (PCI0)
        {
            Name (_HID, EisaId ("PNP0A03"))
            Name (_UID, Zero)

            Name (WINS, ResourceTemplate ()
            {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode,
                    0x0000, 0x0000, 0x00FF, 0x0000, 0x0100)
                IO (Decode16, 0x0CF8, 0x0CF8, 0x01, 0x08)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
                    0x0000, 0x0000, 0x0CF7, 0x0000, 0x0CF8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
                    0x0000, 0x0D00, 0xFFFF, 0x0000, 0xF300)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite,
                    0x00000000, 0x000A0000, 0x000BFFFF, 0x00000000, 0x00020000)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable,
                    ReadWrite,
                    0x00000000, 0xC0000000, 0xFEBFFFFF, 0x00000000, 0x3EC00000,
                    ,, PMEM)
            })

            Method (_CRS, 0, Serialized)
            {
                CreateDWordField (WINS, ^PMEM._MIN, PMIN)
                CreateDWordField (WINS, ^PMEM._MAX, PMAX)
                CreateDWordField (WINS, ^PMEM._LEN, PLEN)
                Store (PCIM, PMIN)
                Add (Subtract (PMAX, PMIN), One, PLEN)
                Return (WINS)
            }

            /*
             * INTA# of slot 1 is PIRQA, and each further pin or slot is one further on. Slot 1 is
             * the PIIX3 itself, whose INTA# is the power management's: hard-wired to IRQ 9.
             */
            Name (_PRT, Package ()
            {
                Package () {0x0000FFFF, 0, LNKD, 0}, Package () {0x0000FFFF, 1, LNKA, 0},
                Package () {0x0000FFFF, 2, LNKB, 0}, Package () {0x0000FFFF, 3, LNKC, 0},
                Package () {0x0001FFFF, 0, LNKS, 0}, Package () {0x0001FFFF, 1, LNKB, 0},
                Package () {0x0001FFFF, 2, LNKC, 0}, Package () {0x0001FFFF, 3, LNKD, 0},
                Package () {0x0002FFFF, 0, LNKB, 0}, Package () {0x0002FFFF, 1, LNKC, 0},
                Package () {0x0002FFFF, 2, LNKD, 0}, Package () {0x0002FFFF, 3, LNKA, 0},
                Package () {0x0003FFFF, 0, LNKC, 0}, Package () {0x0003FFFF, 1, LNKD, 0},
                Package () {0x0003FFFF, 2, LNKA, 0}, Package () {0x0003FFFF, 3, LNKB, 0},
                Package () {0x0004FFFF, 0, LNKD, 0}, Package () {0x0004FFFF, 1, LNKA, 0},
                Package () {0x0004FFFF, 2, LNKB, 0}, Package () {0x0004FFFF, 3, LNKC, 0},
                Package () {0x0005FFFF, 0, LNKA, 0}, Package () {0x0005FFFF, 1, LNKB, 0},
                Package () {0x0005FFFF, 2, LNKC, 0}, Package () {0x0005FFFF, 3, LNKD, 0},
                Package () {0x0006FFFF, 0, LNKB, 0}, Package () {0x0006FFFF, 1, LNKC, 0},
                Package () {0x0006FFFF, 2, LNKD, 0}, Package () {0x0006FFFF, 3, LNKA, 0},
                Package () {0x0007FFFF, 0, LNKC, 0}, Package () {0x0007FFFF, 1, LNKD, 0},
                Package () {0x0007FFFF, 2, LNKA, 0}, Package () {0x0007FFFF, 3, LNKB, 0},
                Package () {0x0008FFFF, 0, LNKD, 0}, Package () {0x0008FFFF, 1, LNKA, 0},
                Package () {0x0008FFFF, 2, LNKB, 0}, Package () {0x0008FFFF, 3, LNKC, 0},
                Package () {0x0009FFFF, 0, LNKA, 0}, Package () {0x0009FFFF, 1, LNKB, 0},
                Package () {0x0009FFFF, 2, LNKC, 0}, Package () {0x0009FFFF, 3, LNKD, 0},
                Package () {0x000AFFFF, 0, LNKB, 0}, Package () {0x000AFFFF, 1, LNKC, 0},
                Package () {0x000AFFFF, 2, LNKD, 0}, Package () {0x000AFFFF, 3, LNKA, 0},
                Package () {0x000BFFFF, 0, LNKC, 0}, Package () {0x000BFFFF, 1, LNKD, 0},
                Package () {0x000BFFFF, 2, LNKA, 0}, Package () {0x000BFFFF, 3, LNKB, 0},
                Package () {0x000CFFFF, 0, LNKD, 0}, Package () {0x000CFFFF, 1, LNKA, 0},
                Package () {0x000CFFFF, 2, LNKB, 0}, Package () {0x000CFFFF, 3, LNKC, 0},
                Package () {0x000DFFFF, 0, LNKA, 0}, Package () {0x000DFFFF, 1, LNKB, 0},
                Package () {0x000DFFFF, 2, LNKC, 0}, Package () {0x000DFFFF, 3, LNKD, 0},
                Package () {0x000EFFFF, 0, LNKB, 0}, Package () {0x000EFFFF, 1, LNKC, 0},
                Package () {0x000EFFFF, 2, LNKD, 0}, Package () {0x000EFFFF, 3, LNKA, 0},
                Package () {0x000FFFFF, 0, LNKC, 0}, Package () {0x000FFFFF, 1, LNKD, 0},
                Package () {0x000FFFFF, 2, LNKA, 0}, Package () {0x000FFFFF, 3, LNKB, 0},
                Package () {0x0010FFFF, 0, LNKD, 0}, Package () {0x0010FFFF, 1, LNKA, 0},
                Package () {0x0010FFFF, 2, LNKB, 0}, Package () {0x0010FFFF, 3, LNKC, 0},
                Package () {0x0011FFFF, 0, LNKA, 0}, Package () {0x0011FFFF, 1, LNKB, 0},
                Package () {0x0011FFFF, 2, LNKC, 0}, Package () {0x0011FFFF, 3, LNKD, 0},
                Package () {0x0012FFFF, 0, LNKB, 0}, Package () {0x0012FFFF, 1, LNKC, 0},
                Package () {0x0012FFFF, 2, LNKD, 0}, Package () {0x0012FFFF, 3, LNKA, 0},
                Package () {0x0013FFFF, 0, LNKC, 0}, Package () {0x0013FFFF, 1, LNKD, 0},
                Package () {0x0013FFFF, 2, LNKA, 0}, Package () {0x0013FFFF, 3, LNKB, 0},
                Package () {0x0014FFFF, 0, LNKD, 0}, Package () {0x0014FFFF, 1, LNKA, 0},
                Package () {0x0014FFFF, 2, LNKB, 0}, Package () {0x0014FFFF, 3, LNKC, 0},
                Package () {0x0015FFFF, 0, LNKA, 0}, Package () {0x0015FFFF, 1, LNKB, 0},
                Package () {0x0015FFFF, 2, LNKC, 0}, Package () {0x0015FFFF, 3, LNKD, 0},
                Package () {0x0016FFFF, 0, LNKB, 0}, Package () {0x0016FFFF, 1, LNKC, 0},
                Package () {0x0016FFFF, 2, LNKD, 0}, Package () {0x0016FFFF, 3, LNKA, 0},
                Package () {0x0017FFFF, 0, LNKC, 0}, Package () {0x0017FFFF, 1, LNKD, 0},
                Package () {0x0017FFFF, 2, LNKA, 0}, Package () {0x0017FFFF, 3, LNKB, 0},
                Package () {0x0018FFFF, 0, LNKD, 0}, Package () {0x0018FFFF, 1, LNKA, 0},
                Package () {0x0018FFFF, 2, LNKB, 0}, Package () {0x0018FFFF, 3, LNKC, 0},
                Package () {0x0019FFFF, 0, LNKA, 0}, Package () {0x0019FFFF, 1, LNKB, 0},
                Package () {0x0019FFFF, 2, LNKC, 0}, Package () {0x0019FFFF, 3, LNKD, 0},
                Package () {0x001AFFFF, 0, LNKB, 0}, Package () {0x001AFFFF, 1, LNKC, 0},
                Package () {0x001AFFFF, 2, LNKD, 0}, Package () {0x001AFFFF, 3, LNKA, 0},
                Package () {0x001BFFFF, 0, LNKC, 0}, Package () {0x001BFFFF, 1, LNKD, 0},
                Package () {0x001BFFFF, 2, LNKA, 0}, Package () {0x001BFFFF, 3, LNKB, 0},
                Package () {0x001CFFFF, 0, LNKD, 0}, Package () {0x001CFFFF, 1, LNKA, 0},
                Package () {0x001CFFFF, 2, LNKB, 0}, Package () {0x001CFFFF, 3, LNKC, 0},
                Package () {0x001DFFFF, 0, LNKA, 0}, Package () {0x001DFFFF, 1, LNKB, 0},
                Package () {0x001DFFFF, 2, LNKC, 0}, Package () {0x001DFFFF, 3, LNKD, 0},
                Package () {0x001EFFFF, 0, LNKB, 0}, Package () {0x001EFFFF, 1, LNKC, 0},
                Package () {0x001EFFFF, 2, LNKD, 0}, Package () {0x001EFFFF, 3, LNKA, 0},
                Package () {0x001FFFFF, 0, LNKC, 0}, Package () {0x001FFFFF, 1, LNKD, 0},
                Package () {0x001FFFFF, 2, LNKA, 0}, Package () {0x001FFFFF, 3, LNKB, 0}
            })

            Device (ISA)
            {
                Name (_ADR, 0x00010000)
                OperationRegion (PIRQ, PCI_Config, 0x60, 0x04)
            }
        }
    }

    /* The PIRQ route control registers: bit 7 off, bits 3 to 0 the ISA interrupt. */
    Field (\_SB.PCI0.ISA.PIRQ, ByteAcc, NoLock, Preserve)
    {
        PRQA, 8,
        PRQB, 8,
        PRQC, 8,
        PRQD, 8
    }

    Scope (\_SB)
    {
        Name (LKPR, ResourceTemplate ()
        {
            Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) {5, 10, 11}
        })

        Method (LKST, 1, NotSerialized)  // a link's _STA: is it routed?
        {
            If (And (Arg0, 0x80))
            {
                Return (0x09)
            }
            Return (0x0B)
        }

        Name (LKBF, ResourceTemplate ()
        {
            Interrupt (ResourceConsumer, Level, ActiveHigh, Shared, ,, LIRQ) {0}
        })

        Method (LKCR, 1, Serialized)     // a link's _CRS: interrupt 0 while it is off
        {
            CreateDWordField (LKBF, ^LIRQ._INT, NUMB)
            If (And (Arg0, 0x80))
            {
                Store (Zero, NUMB)
            }
            Else
            {
                And (Arg0, 0x0F, NUMB)
            }
            Return (LKBF)
        }

        Device (LNKA)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, Zero)
            Method (_STA, 0, NotSerialized)
            {
                Return (LKST (PRQA))
            }
            Method (_PRS, 0, NotSerialized)
            {
                Return (LKPR)
            }
            Method (_CRS, 0, NotSerialized)
            {
                Return (LKCR (PRQA))
            }
            Method (_DIS, 0, NotSerialized)
            {
                Or (PRQA, 0x80, PRQA)
            }
            Method (_SRS, 1, NotSerialized)
            {
                CreateDWordField (Arg0, 0x05, NUMB)
                Store (NUMB, PRQA)
            }
        }

        Device (LNKB)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, One)
            Method (_STA, 0, NotSerialized)
            {
                Return (LKST (PRQB))
            }
            Method (_PRS, 0, NotSerialized)
            {
                Return (LKPR)
            }
            Method (_CRS, 0, NotSerialized)
            {
                Return (LKCR (PRQB))
            }
            Method (_DIS, 0, NotSerialized)
            {
                Or (PRQB, 0x80, PRQB)
            }
            Method (_SRS, 1, NotSerialized)
            {
                CreateDWordField (Arg0, 0x05, NUMB)
                Store (NUMB, PRQB)
            }
        }

        Device (LNKC)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 2)
            Method (_STA, 0, NotSerialized)
            {
                Return (LKST (PRQC))
            }
            Method (_PRS, 0, NotSerialized)
            {
                Return (LKPR)
            }
            Method (_CRS, 0, NotSerialized)
            {
                Return (LKCR (PRQC))
            }
            Method (_DIS, 0, NotSerialized)
            {
                Or (PRQC, 0x80, PRQC)
            }
            Method (_SRS, 1, NotSerialized)
            {
                CreateDWordField (Arg0, 0x05, NUMB)
                Store (NUMB, PRQC)
            }
        }

        Device (LNKD)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 3)
            Method (_STA, 0, NotSerialized)
            {
                Return (LKST (PRQD))
            }
            Method (_PRS, 0, NotSerialized)
            {
                Return (LKPR)
            }
            Method (_CRS, 0, NotSerialized)
            {
                Return (LKCR (PRQD))
            }
            Method (_DIS, 0, NotSerialized)
            {
                Or (PRQD, 0x80, PRQD)
            }
            Method (_SRS, 1, NotSerialized)
            {
                CreateDWordField (Arg0, 0x05, NUMB)
                Store (NUMB, PRQD)
            }
        }

        Device (LNKS)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 4)
            Name (_STA, 0x0B)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) {9}
            })
            Name (_CRS, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) {9}
            })
            Method (_DIS, 0, NotSerialized)
            {
            }
            Method (_SRS, 1, NotSerialized)
            {
            }
        }

        Device (HPET)
        {
            Name (_HID, EisaId ("PNP0103"))
            Name (_UID, Zero)
            Method (_STA, 0, NotSerialized)
            {
                If (And (BRDF, One))
                {
                    Return (0x0F)
                }
                Return (Zero)
            }
            Name (_CRS, ResourceTemplate ()
            {
                Memory32Fixed (ReadOnly, 0xFED00000, 0x00000400)
            })
        }
    }

    /* Each device's registers and interrupt are where every PC has them; nothing moves. */
    Scope (\_SB.PCI0.ISA)
    {
        Device (PIC)
        {
            Name (_HID, EisaId ("PNP0000"))
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x0020, 0x0020, 0x01, 0x02)
                IO (Decode16, 0x00A0, 0x00A0, 0x01, 0x02)
                IO (Decode16, 0x04D0, 0x04D0, 0x01, 0x02)
                IRQNoFlags () {2}
            })
        }

        Device (TMR)
        {
            Name (_HID, EisaId ("PNP0100"))
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x0040, 0x0040, 0x01, 0x04)
                IRQNoFlags () {0}
            })
        }

        Device (SPKR)
        {
            Name (_HID, EisaId ("PNP0800"))
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x0061, 0x0061, 0x01, 0x01)
            })
        }

        Device (RTC)
        {
            Name (_HID, EisaId ("PNP0B00"))
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x0070, 0x0070, 0x01, 0x02)
                IRQNoFlags () {8}
            })
        }

        Device (KBD)
        {
            Name (_HID, EisaId ("PNP0303"))
            Name (_STA, 0x0F)
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x0060, 0x0060, 0x01, 0x01)
                IO (Decode16, 0x0064, 0x0064, 0x01, 0x01)
                IRQNoFlags () {1}
            })
        }

        Device (MOU)
        {
            Name (_HID, EisaId ("PNP0F13"))
            Name (_STA, 0x0F)
            Name (_CRS, ResourceTemplate ()
            {
                IRQNoFlags () {12}
            })
        }

        Device (COM1)
        {
            Name (_HID, EisaId ("PNP0501"))
            Name (_UID, One)
            Name (_STA, 0x0F)
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x03F8, 0x03F8, 0x01, 0x08)
                IRQNoFlags () {4}
            })
        }

        /* Ports that no driver shall be given: chipset latches, fw_cfg, power management. */
        Device (MBRD)
        {
            Name (_HID, EisaId ("PNP0C02"))
            Name (_UID, Zero)
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x0080, 0x0080, 0x01, 0x01)
                IO (Decode16, 0x0092, 0x0092, 0x01, 0x01)
                IO (Decode16, 0x00B2, 0x00B2, 0x01, 0x02)
                IO (Decode16, 0x0510, 0x0510, 0x01, 0x0C)
                IO (Decode16, 0x0600, 0x0600, 0x01, 0x40)
                IO (Decode16, 0xAFE0, 0xAFE0, 0x01, 0x04)
            })
        }
    }
}
