// SPDX-License-Identifier: GPL-2.0-only
/* Loading libwebsockets. */
#include "library.h"

#include "ui/library.h"

struct web_library lws;

static const struct library_call calls[] = {
#define LIBRARY_ROW(name) {"lws_" #name, offsetof(struct web_library, name)},
	WEB_LIBRARY_CALLS(LIBRARY_ROW)
#undef LIBRARY_ROW
};

bool web_library_load(const char **why)
{
	return library_load("libwebsockets.so.17", calls, sizeof(calls) / sizeof(calls[0]), &lws,
			    why);
}
