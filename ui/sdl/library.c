// SPDX-License-Identifier: GPL-2.0-only
/* Loading libSDL2. */
#include "library.h"

#include "ui/library.h"

static const struct library_call calls[] = {
#define LIBRARY_ROW(name) {"SDL_" #name, offsetof(struct sdl_library, name)},
	LIBRARY_CALLS(LIBRARY_ROW)
#undef LIBRARY_ROW
};

bool sdl_library_load(struct sdl_library *l, const char **why)
{
	return library_load("libSDL2-2.0.so.0", calls, sizeof(calls) / sizeof(calls[0]), l, why);
}
