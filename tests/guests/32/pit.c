#include "guest.h"
#include "trap.h"
#include "clock.h"
void guest_main(void) { say("start\n");trap_init(); pic_init(); check("x", 1, 1); say("drive %x\n", boot_drive);delay_us(1000); say("e820 %u\n", e820_count()); }
