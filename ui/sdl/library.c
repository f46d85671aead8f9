// SPDX-License-Identifier: GPL-2.0-only
/* Loading libSDL2. */
#include "library.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

static const struct {
	const char *name;
	size_t at;
} calls[] = {
#define LIBRARY_ROW(name) {"SDL_" #name, offsetof(struct library, name)},
	LIBRARY_CALLS(LIBRARY_ROW)
#undef LIBRARY_ROW
};

bool library_load(struct library *l, const char **why)
{
	void *lib = dlopen("libSDL2-2.0.so.0", RTLD_NOW | RTLD_LOCAL);
	size_t i;

	for (i = 0; lib && i < sizeof(calls) / sizeof(calls[0]); i++) {
		void *call = dlsym(lib, calls[i].name);

		if (!call)
			lib = NULL;
		else
			memcpy((char *)l + calls[i].at, &call, sizeof(call));
	}
	if (!lib)
		*why = dlerror();
	return lib;
}
