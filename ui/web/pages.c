// SPDX-License-Identifier: GPL-2.0-only
/*
 * What HTTP requests get: noVNC's files, a first page that leads to them, or one sentence. Every
 * request is checked (access.c), files and WebSocket alike.
 *
 * The URL with the token answers with a page of its own that goes on to noVNC's, instead of an
 * HTTP redirect: browsers count a redirect as part of what led here, and do not send a strict
 * cookie after a link from elsewhere. The page also takes the token out of the history.
 *
 * Reference: RFC 9110, "Status Codes", "Conditional Requests"; Content Security Policy Level 3.
 */
#include "web_priv.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SOCKET_PATH "/websockify" /* where noVNC looks for it */
#define VIEWER	    "vnc.html?autoconnect=true&amp;resize=scale"

enum { HEAD_MAX = 2048, PAGE_MAX = 1024, CHUNK = 16 << 10 };

/* --- answers --- */

/* An answer's head, and a short page behind it. */
struct answer {
	uint8_t bytes[LWS_PRE + HEAD_MAX + PAGE_MAX];
	uint8_t *at, *end; /* where to go on, and where the head must end */
	bool failed;
};

static void add_header(struct web_connection *c, struct answer *a, const char *name,
		       const char *value)
{
	a->failed |= lws.add_http_header_by_name(c->browser, (const unsigned char *)name,
						 (const unsigned char *)value, (int)strlen(value),
						 &a->at, a->end) != 0;
}

/* Our pages run our scripts, in no other page's frame, and tell nobody where they have been. */
static void begin(struct web_connection *c, struct answer *a, unsigned status, const char *type,
		  size_t len)
{
	a->at = a->bytes + LWS_PRE;
	a->end = a->at + HEAD_MAX;
	a->failed = lws.add_http_common_headers(c->browser, status, type, len, &a->at, a->end);
	add_header(c, a, "content-security-policy:",
		   "default-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:; "
		   "frame-ancestors 'none'; base-uri 'none'");
	add_header(c, a, "x-content-type-options:", "nosniff");
	add_header(c, a, "referrer-policy:", "no-referrer");
	add_header(c, a, "cross-origin-resource-policy:", "same-origin");
}

/* Sends the head, with a page behind it or not. */
static int send_head(struct web_connection *c, struct answer *a, const char *page, size_t len)
{
	uint8_t *start = a->bytes + LWS_PRE;
	size_t n;

	if (a->failed || lws.finalize_http_header(c->browser, &a->at, a->end))
		return -1;
	memcpy(a->at, page, len);
	n = (size_t)(a->at - start) + len;
	return lws.write(c->browser, start, n, LWS_WRITE_HTTP_HEADERS) < (int)n ? -1 : 0;
}

static int answer_page(struct web_connection *c, unsigned status, const char *type,
		       const char *page, const char *cookie)
{
	size_t len = strlen(page);
	bool head = lws.hdr_total_length(c->browser, WSI_TOKEN_HEAD_URI) > 0;
	struct answer a;

	begin(c, &a, status, type, len);
	add_header(c, &a, "cache-control:", "no-store");
	if (status == HTTP_STATUS_METHOD_NOT_ALLOWED)
		add_header(c, &a, "allow:", "GET, HEAD");
	if (cookie)
		add_header(c, &a, "set-cookie:", cookie);
	return send_head(c, &a, page, head ? 0 : len);
}

static int answer_sentence(struct web_connection *c, unsigned status, const char *text)
{
	return answer_page(c, status, "text/plain; charset=utf-8", text, NULL);
}

static int refuse(struct web_connection *c, enum access_answer answer)
{
	char text[PAGE_MAX];

	if (answer == ACCESS_STRANGE_HOST)
		return answer_sentence(c, HTTP_STATUS_FORBIDDEN,
				       "This server is not known by that name; use the address "
				       "that it was started with.\n");
	if (answer == ACCESS_STRANGE_ORIGIN)
		return answer_sentence(c, HTTP_STATUS_FORBIDDEN,
				       "A page from elsewhere asked for this guest, and only "
				       "pages of this server may.\n");
	snprintf(text, sizeof(text),
		 "This browser has no session with the guest, or the address was used before; "
		 "'caisson web %s' prints a new address.\n", c->web->name);
	return answer_sentence(c, HTTP_STATUS_FORBIDDEN, text);
}

static int answer_first(struct web_connection *c, const char *value)
{
	const struct access *a = &c->web->access;
	char page[PAGE_MAX], cookie[160];

	snprintf(page, sizeof(page),
		 "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		 "<title>%s</title><meta http-equiv=\"refresh\" content=\"0; url=" VIEWER "\">"
		 "</head><body><a href=\"" VIEWER "\">%s</a></body></html>\n",
		 c->web->name, c->web->name);
	snprintf(cookie, sizeof(cookie), "%s=%s; Path=/; HttpOnly; SameSite=Strict%s", a->cookie,
		 value, a->tls ? "; Secure" : "");
	return answer_page(c, HTTP_STATUS_OK, "text/html; charset=utf-8", page,
			   *value ? cookie : NULL);
}

/* --- files --- */

/* The head of a file's answer; its bytes follow when there is room. */
static int answer_file(struct web_connection *c, const struct web_file *f)
{
	bool head = lws.hdr_total_length(c->browser, WSI_TOKEN_HEAD_URI) > 0, known;
	char tag[64] = "";
	struct answer a;

	lws.hdr_copy(c->browser, tag, sizeof(tag), WSI_TOKEN_HTTP_IF_NONE_MATCH);
	known = !strcmp(tag, c->web->files.tag);
	begin(c, &a, known ? HTTP_STATUS_NOT_MODIFIED : HTTP_STATUS_OK, f->type,
	      known ? 0 : f->len);
	add_header(c, &a, "cache-control:", "private, no-cache");
	add_header(c, &a, "etag:", c->web->files.tag);
	c->body = f->data;
	c->left = head || known ? 0 : f->len;
	return send_head(c, &a, "", 0);
}

/* Ready for the next request, or for more of this answer. */
static int finish(struct web_connection *c)
{
	if (!c->left)
		return lws.http_transaction_completed(c->browser) ? -1 : 0;
	lws.callback_on_writable(c->browser);
	return 0;
}

int web_page_continue(struct web_connection *c)
{
	uint8_t chunk[LWS_PRE + CHUNK]; /* the library writes in front of what it sends */
	size_t n = c->left < CHUNK ? c->left : CHUNK;

	if (!n)
		return 0;
	memcpy(chunk + LWS_PRE, c->body, n);
	c->body += n;
	c->left -= n;
	if (lws.write(c->browser, chunk + LWS_PRE, n,
		      c->left ? LWS_WRITE_HTTP : LWS_WRITE_HTTP_FINAL) < (int)n)
		return -1;
	return finish(c);
}

/* --- requests --- */

/* NULL where there is none; what is too long is not right either. */
static const char *header(struct web_connection *c, enum lws_token_indexes token, char *room,
			  int len)
{
	if (!lws.hdr_total_length(c->browser, token))
		return NULL;
	return lws.hdr_copy(c->browser, room, len, token) < 0 ? "" : room;
}

/* The token counts where it is meant to be used up: not for who only looks (HEAD). */
static enum access_answer check(struct web_connection *c, const char *path, bool upgrade,
				char value[SECRET_TEXT])
{
	bool get = lws.hdr_total_length(c->browser, WSI_TOKEN_GET_URI) > 0;
	char host[300], origin[300], cookie[4096], token[128];
	struct access_request q = {
		.host = header(c, WSI_TOKEN_HOST, host, sizeof(host)),
		.origin = header(c, WSI_TOKEN_ORIGIN, origin, sizeof(origin)),
		.cookie = header(c, WSI_TOKEN_HTTP_COOKIE, cookie, sizeof(cookie)),
		.upgrade = upgrade,
	};

	if (!upgrade && get && !strcmp(path, "/"))
		q.token = lws.get_urlarg_by_name(c->browser, "token=", token, sizeof(token));
	*value = 0;
	c->web->requests++;
	return access_check(&c->web->access, &q, value);
}

static bool is_readable(struct web_connection *c)
{
	return lws.hdr_total_length(c->browser, WSI_TOKEN_GET_URI) > 0 ||
	       lws.hdr_total_length(c->browser, WSI_TOKEN_HEAD_URI) > 0;
}

static int answer(struct web_connection *c, const char *path)
{
	char value[SECRET_TEXT];
	enum access_answer answer = check(c, path, false, value);
	const struct web_file *f = web_files_find(&c->web->files, path);

	c->left = 0;
	if (answer != ACCESS_GRANTED && answer != ACCESS_NEW_SESSION)
		return refuse(c, answer);
	if (!is_readable(c))
		return answer_sentence(c, HTTP_STATUS_METHOD_NOT_ALLOWED,
				       "Files here can only be read.\n");
	if (!strcmp(path, "/"))
		return answer_first(c, value);
	return f ? answer_file(c, f)
		 : answer_sentence(c, HTTP_STATUS_NOT_FOUND, "There is no such page here.\n");
}

/* What else than GET and HEAD brings is not read: the connection ends. */
int web_page_request(struct web_connection *c, const char *path)
{
	if (answer(c, path))
		return -1;
	return is_readable(c) ? finish(c) : -1;
}

int web_page_upgrade(struct web_connection *c, const char *protocol)
{
	enum access_answer answer;
	char path[64], value[SECRET_TEXT];

	if (strcasecmp(protocol, "websocket"))
		return -1;
	answer = check(c, "", true, value);
	if (answer != ACCESS_GRANTED)
		return refuse(c, answer) ? -1 : 1;
	if (lws.hdr_copy(c->browser, path, sizeof(path), WSI_TOKEN_GET_URI) < 0 ||
	    strcmp(path, SOCKET_PATH))
		return answer_sentence(c, HTTP_STATUS_NOT_FOUND,
				       "The screen is at " SOCKET_PATH ".\n") ? -1 : 1;
	c->admitted = true;
	return 0;
}
