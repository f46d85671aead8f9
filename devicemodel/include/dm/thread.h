/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DM_THREAD_H
#define DM_THREAD_H

#include <pthread.h>

/*
 * Starts a thread beside the main one, to which all signals are left but those of the thread's own
 * faults. Any thread may call it; no lock is needed. 0 or -errno.
 */
int thread_start(pthread_t *thread, void *(*run)(void *), void *arg);

#endif
