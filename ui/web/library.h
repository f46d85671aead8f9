/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of libwebsockets that serves browsers. It is loaded for a guest that has --web: linked,
 * it would bring OpenSSL into each process, more to relocate at the start than all the others.
 */
#ifndef WEB_LIBRARY_H
#define WEB_LIBRARY_H

#include <libwebsockets.h>
#include <stdbool.h>

#define WEB_LIBRARY_CALLS(CALL)									   \
	CALL(add_http_common_headers)								   \
	CALL(add_http_header_by_name)								   \
	CALL(adopt_descriptor_vhost_via_info)							   \
	CALL(callback_on_writable)								   \
	CALL(close_reason)									   \
	CALL(context_destroy)									   \
	CALL(context_user)									   \
	CALL(create_context)									   \
	CALL(create_vhost)									   \
	CALL(finalize_http_header)								   \
	CALL(get_close_length)									   \
	CALL(get_context)									   \
	CALL(get_opaque_user_data)								   \
	CALL(get_socket_fd)									   \
	CALL(get_urlarg_by_name)								   \
	CALL(hdr_copy)										   \
	CALL(hdr_total_length)									   \
	CALL(http_transaction_completed)							   \
	CALL(partial_buffered)									   \
	CALL(rx_flow_control)									   \
	CALL(service)										   \
	CALL(service_adjust_timeout)								   \
	CALL(set_log_level)									   \
	CALL(set_timeout)									   \
	CALL(write)

struct web_library {
#define LIBRARY_FIELD(name) __typeof__(lws_##name) *name;
	WEB_LIBRARY_CALLS(LIBRARY_FIELD)
#undef LIBRARY_FIELD
};

/* Set once, before any thread calls it. */
extern struct web_library lws;

/* False if it is not there, or lacks a call; *why says so in the linker's words. */
bool web_library_load(const char **why);

#endif
