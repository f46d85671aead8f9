// SPDX-License-Identifier: GPL-2.0-only
/* Log lines on standard error, and sentences for errors that travel. */
#include "dm/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LINE_MAX_LEN = 512, GUEST_LINES_PER_MINUTE = 10 };

enum log_level log_threshold = LOG_INFO;

/* One write a line, so that lines of several threads do not mix. */
static void put(const char *fmt, va_list ap)
{
	char line[LINE_MAX_LEN];
	int n = snprintf(line, sizeof(line), "caisson: ");

	vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	fprintf(stderr, "%s\n", line);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if (level > log_threshold)
		return;
	va_start(ap, fmt);
	put(fmt, ap);
	va_end(ap);
}

void log_guest_at(struct log_limit *l, const char *who, const char *fmt, ...)
{
	unsigned long minute = time(NULL) / 60;
	char text[LINE_MAX_LEN / 2];
	va_list ap;

	if (log_threshold < LOG_DEBUG)
		return;
	if (minute != l->window) {
		if (l->dropped)
			log_line(LOG_DEBUG, "%s: %u more lines of one kind were left out", who,
				 l->dropped);
		*l = (struct log_limit){ .window = minute };
	}
	if (l->lines++ >= GUEST_LINES_PER_MINUTE) {
		l->dropped++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_line(LOG_DEBUG, "guest: %s: %s", who, text);
}

char *sentence(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	return s;
}
