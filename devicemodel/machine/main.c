// SPDX-License-Identifier: GPL-2.0-only
/* The program caisson: `run` starts a guest here, every other verb talks to one that runs. */
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "control/control.h"
#include "run.h"

/* So that no image or socket becomes somebody's standard output. */
static void fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	close(fd);
}

/*
 * One heap for all threads, which hardly allocate while the guest runs. The C library gives memory
 * of further heaps back only after a look at /proc/sys/vm/overcommit_memory, for which the sandbox
 * ends the program.
 */
static void share_one_heap(void)
{
	mallopt(M_ARENA_MAX, 1);
}

int main(int argc, char **argv)
{
	char *help[] = { (char *)"help", NULL };

	share_one_heap();
	fill_standard_descriptors();
	signal(SIGPIPE, SIG_IGN); /* a viewer that leaves is not a reason to end */
	signal(SIGXFSZ, SIG_IGN); /* nor is a file that may not grow */
	if (argc < 2)
		return client_main(1, help);
	if (!strcmp(argv[1], "run"))
		return run_main(argc - 1, argv + 1);
	return client_main(argc - 1, argv + 1);
}
