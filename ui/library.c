// SPDX-License-Identifier: GPL-2.0-only
/* Loading a library that is not linked. */
#include "ui/library.h"

#include <dlfcn.h>
#include <string.h>

bool library_load(const char *file, const struct library_call *calls, size_t n, void *table,
		  const char **why)
{
	void *lib = dlopen(file, RTLD_NOW | RTLD_LOCAL);

	for (size_t i = 0; lib && i < n; i++) {
		void *call = dlsym(lib, calls[i].name);

		if (!call)
			lib = NULL;
		else
			memcpy((char *)table + calls[i].at, &call, sizeof(call));
	}
	if (!lib)
		*why = dlerror();
	return lib;
}
