/* SPDX-License-Identifier: GPL-2.0-only */
/* Logging: one line a call to standard error. What a guest can trigger is limited in rate. */
#ifndef DM_LOG_H
#define DM_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

extern enum log_level log_threshold; /* set once at start, by --verbose */

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * For what a guest does, shown with --verbose: at most 10 lines a minute for each place in the
 * code, then silence with a count. who is the device's class name.
 */
struct log_limit {
	unsigned long window; /* minute of the last line */
	unsigned lines, dropped;
};
void log_guest_at(struct log_limit *l, const char *who, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
#define log_guest(who, ...)                                                                        \
	do {                                                                                       \
		static struct log_limit limit_;                                                    \
		log_guest_at(&limit_, who, __VA_ARGS__);                                           \
	} while (0)

/* A sentence in malloc'ed memory, for the char **why of functions that open things. */
char *sentence(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
