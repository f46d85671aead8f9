#include "guest.h"
void guest_main(void) { say("start\n");check("x", 1, 1); say("drive %x\n", boot_drive); }
