/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of libSDL2 that the window uses. It is loaded in the window's process only: linked, it
 * would bring some fifty libraries into each guest's.
 */
#ifndef SDL_LIBRARY_H
#define SDL_LIBRARY_H

#define SDL_MAIN_HANDLED
#include <SDL.h>
#include <stdbool.h>

#define LIBRARY_CALLS(CALL)                                                                        \
	CALL(CreateWindow)                                                                         \
	CALL(FillRect)                                                                             \
	CALL(GetCurrentVideoDriver)                                                                \
	CALL(GetDisplayUsableBounds)                                                               \
	CALL(GetError)                                                                             \
	CALL(GetModState)                                                                          \
	CALL(GetWindowDisplayIndex)                                                                \
	CALL(GetWindowFlags)                                                                       \
	CALL(GetWindowSurface)                                                                     \
	CALL(Init)                                                                                 \
	CALL(PushEvent)                                                                            \
	CALL(Quit)                                                                                 \
	CALL(SetHint)                                                                              \
	CALL(SetRelativeMouseMode)                                                                 \
	CALL(SetWindowFullscreen)                                                                  \
	CALL(SetWindowKeyboardGrab)                                                                \
	CALL(SetWindowMinimumSize)                                                                 \
	CALL(SetWindowSize)                                                                        \
	CALL(SetWindowTitle)                                                                       \
	CALL(ShowWindow)                                                                           \
	CALL(StopTextInput)                                                                        \
	CALL(UpdateWindowSurface)                                                                  \
	CALL(UpdateWindowSurfaceRects)                                                             \
	CALL(WaitEventTimeout)

struct sdl_library {
#define LIBRARY_FIELD(name) __typeof__(SDL_##name) *name;
	LIBRARY_CALLS(LIBRARY_FIELD)
#undef LIBRARY_FIELD
};

/* False if it is not there, or lacks a call; *why says so in the linker's words. */
bool sdl_library_load(struct sdl_library *l, const char **why);

#endif
