// SPDX-License-Identifier: GPL-2.0-only
/* The web server: pages, who gets them, WebSockets, rest, and what can go wrong at the start. */
#include "unit.h"

#include "web_host.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

/* --- pages --- */

static void test_first_page(void **state)
{
	struct site *s = *state;
	char path[128], what[160];

	assert_int_equal(request(s, "GET /", ""), 403);
	assert_non_null(strstr(s->answer, "'caisson web box'"));
	new_path(s, path, sizeof(path));
	snprintf(what, sizeof(what), "HEAD %s", path); /* only looks: the token stays */
	assert_int_equal(request(s, what, ""), 403);
	snprintf(what, sizeof(what), "GET %s", path);
	assert_int_equal(request(s, what, ""), 200);
	assert_non_null(strstr(s->answer, "; Path=/; HttpOnly; SameSite=Strict\r\n"));
	assert_non_null(strstr(s->answer, "cache-control: no-store\r\n"));
	assert_non_null(strstr(s->answer, "<title>box</title>"));
	assert_non_null(strstr(s->answer, "vnc.html?autoconnect=true"));
	assert_int_equal(request(s, what, ""), 403);
	log_in(s);
	assert_int_equal(get(s, "GET /"), 200);
	assert_null(strstr(s->answer, "set-cookie"));
	assert_int_equal(get(s, what), 200); /* whoever is in needs no token */
}

static void assert_page(struct site *s, const char *what, const char *type, size_t len)
{
	assert_int_equal(get(s, what), 200);
	assert_non_null(strstr(s->answer, type));
	assert_non_null(strstr(s->answer, "x-content-type-options: nosniff\r\n"));
	assert_int_equal(strtoul(strstr(s->answer, "content-length: ") + 16, NULL, 10), len);
}

static void test_files(void **state)
{
	struct site *s = *state;
	const char *body;

	log_in(s);
	assert_page(s, "GET /vnc.html", "content-type: text/html", 15);
	assert_non_null(strstr(s->answer, "\r\n\r\n<p>the page</p>"));
	assert_page(s, "GET /core/empty.css", "content-type: text/css", 0);
	assert_page(s, "HEAD /app/big.js", "content-type: text/javascript", BIG);
	assert_page(s, "GET /app/big.js?x=y", "content-type: text/javascript", BIG);
	body = strstr(s->answer, "\r\n\r\n") + 4;
	for (unsigned i = 0; i < BIG; i++)
		assert_int_equal(body[i], "0123456789abcdef\n"[i % 17]);
}

static void test_cached(void **state)
{
	struct site *s = *state;
	char lines[256], *tag;

	log_in(s);
	assert_int_equal(get(s, "GET /vnc.html"), 200);
	tag = strstr(s->answer, "etag: ") + 6;
	snprintf(lines, sizeof(lines), "%sIf-None-Match: %.*s\r\n", s->cookie,
		 (int)strcspn(tag, "\r"), tag);
	assert_int_equal(request(s, "GET /app/big.js", lines), 304);
	assert_int_equal(request(s, "GET /app/big.js", "If-None-Match: *\r\n"), 403);
}

/* Where the library finds that a path leads outside or ends early, it hangs up. */
static void assert_missing(struct site *s, const char *path)
{
	char text[512], status[13] = "";
	int sock = dial(s);
	ssize_t n;

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path,
		 s->cookie);
	assert_int_equal(send(sock, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	n = recv(sock, status, 12, MSG_WAITALL);
	if (n > 0 && strcmp(status, "HTTP/1.1 404"))
		fail_msg("%s: %s", path, status);
	assert_true(n >= 0 || errno == ECONNRESET);
	close(sock);
}

static void test_missing(void **state)
{
	static const char *const paths[] = {
		"/app", "/app/", "/app/tool.sh", "/secret/key.js", "/nothing.html", "/vnc.htm",
		"//vnc.html.", "/app/../secret/key.js", "/app/%2e%2e/secret/key.js",
		"/%2e%2e/%2e%2e/etc/passwd", "/app/..%2f..%2fetc/passwd", "/\\..\\etc",
		"/app/big.js%00.html", "/websockify",
	};
	struct site *s = *state;

	log_in(s);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_missing(s, paths[i]);
	assert_int_equal(get(s, "POST /vnc.html"), 405);
	assert_non_null(strstr(s->answer, "allow: GET, HEAD\r\n"));
	assert_int_equal(get(s, "PUT /vnc.html"), 405);
}

/* Several requests on one connection, one of them refused. */
static void test_kept_connection(void **state)
{
	static const int statuses[] = {200, 404, 200};
	struct site *s = *state;
	char text[1024];
	int sock = dial(s);

	log_in(s);
	snprintf(text, sizeof(text),
		 "GET /app/big.js HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
		 "GET /nothing HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
		 "GET /vnc.html HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
		 s->cookie, s->cookie, s->cookie);
	assert_int_equal(send(sock, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(read_answer(s, sock, true), statuses[i]);
	close(sock);
}

/* --- pages from elsewhere --- */

static void assert_no_websocket(struct site *s, const char *origin)
{
	int sock = dial(s);

	assert_int_equal(upgrade(s, sock, origin), 403);
	close(sock);
}

static void test_strangers(void **state)
{
	struct site *s = *state;
	char lines[256], origin[64];

	log_in(s);
	snprintf(origin, sizeof(origin), "Origin: http://localhost:%s\r\n", s->port);
	snprintf(lines, sizeof(lines), "%sOrigin: http://evil.example\r\n", s->cookie);
	assert_int_equal(request(s, "GET /vnc.html", lines), 403);
	snprintf(lines, sizeof(lines), "%s%s", s->cookie, origin);
	assert_int_equal(request(s, "GET /vnc.html", lines), 200);
	assert_no_websocket(s, "");
	assert_no_websocket(s, "Origin: http://evil.example\r\n");
	s->cookie[0] = 0;
	assert_no_websocket(s, origin);
}

static void test_other_names(void **state)
{
	struct site *s = *state;
	char text[512];
	int sock = dial(s);

	log_in(s);
	snprintf(text, sizeof(text), "GET /vnc.html HTTP/1.1\r\nHost: evil.example:%s\r\n%s\r\n",
		 s->port, s->cookie);
	assert_int_equal(send(sock, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	assert_int_equal(read_answer(s, sock, true), 403);
	close(sock);
}

/* --- WebSockets --- */

static void test_viewer(void **state)
{
	struct site *s = *state;
	struct web_stats stats;
	int sock;

	log_in(s);
	sock = open_viewer(s);
	assert_watched(s->host, true);
	web_read_stats(s->web, &stats);
	assert_int_equal(stats.browsers, 1);
	fill(s->host, 0, 0, 320, 200, 0x123456);
	send_frame(sock, "\3\0\0\0\0\0\1\x40\0\xc8", 10); /* the whole picture */
	read_bytes(s, sock, 320 * 200 * 4);
	send_frame(sock, "\4\1\0\0\0\0\0a", 8);
	assert_events(s->host, "+1e ");
	close(sock);
	assert_events(s->host, "-1e ");
	assert_watched(s->host, false);
}

/* The server's end is told as browsers expect it. */
static void test_viewer_ended(void **state)
{
	struct site *s = *state;
	int sock;

	log_in(s);
	sock = open_viewer(s);
	send_frame(sock, "\xff", 1); /* no such message: the VNC server hangs up */
	assert_int_equal(read_frame(s, sock), 8);
	assert_memory_equal(s->answer, "\x03\xe9", 2);
	close(sock);
}

/* 300 KB of clipboard in one frame, and a key behind it: nothing is lost on the way. */
static void test_much_to_the_guest(void **state)
{
	enum { LEN = 300 << 10 };
	struct site *s = *state;
	uint8_t *m = calloc(1, 8 + LEN + 8);
	int sock;

	log_in(s);
	sock = open_viewer(s);
	m[0] = 6;
	rfb_put32(m + 4, LEN);
	memset(m + 8, 'x', LEN);
	memcpy(m + 8 + LEN, "\4\1\0\0\0\0\0a", 8);
	send_frame(sock, m, 8 + LEN + 8);
	assert_events(s->host, "+1e ");
	close(sock);
	free(m);
}

/* --- rest --- */

/* The kernel's word for what the thread does: poll() with -1 milliseconds. */
static bool sleeps_for_ever(const char *thread)
{
	char path[300], name[32] = "", call[200] = "";
	unsigned long nr, fds, n, timeout;
	struct dirent *e;
	bool found = false;
	DIR *d = opendir("/proc/self/task");
	FILE *f;

	while (!found && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", e->d_name);
		f = fopen(path, "r");
		if (f && fgets(name, sizeof(name), f))
			found = !strncmp(name, thread, strlen(thread)) &&
				name[strlen(thread)] == '\n';
		if (f)
			fclose(f);
		snprintf(path, sizeof(path), "/proc/self/task/%s/syscall", e->d_name);
	}
	closedir(d);
	f = found ? fopen(path, "r") : NULL;
	if (f && !fgets(call, sizeof(call), f))
		call[0] = 0;
	if (f)
		fclose(f);
	return sscanf(call, "%lu %lx %lx %lx", &nr, &fds, &n, &timeout) == 4 &&
	       (int)timeout == -1;
}

static void assert_rests(const char *thread)
{
	uint64_t until = now_ns() + PATIENCE_S * 1000000000ull;

	while (!sleeps_for_ever(thread)) {
		assert_true(now_ns() < until);
		sleep_ms(10);
	}
}

static void test_rest(void **state)
{
	struct site *s = *state;
	int sock;

	assert_rests("web");
	log_in(s);
	sock = open_viewer(s);
	assert_int_equal(get(s, "GET /vnc.html"), 200);
	assert_rests("web");
	send_frame(sock, "\4\1\0\0\0\0\0a", 8);
	assert_events(s->host, "+1e ");
	assert_rests("web");
	close(sock);
	assert_rests("web");
}

/* --- start --- */

static void assert_no_start(struct site *s, struct web_options opt, int err, const char *hint)
{
	struct web *web = NULL;
	char *why = NULL;

	opt.folder = opt.folder ? opt.folder : s->folder;
	assert_int_equal(web_start(&web, &opt, s->host->vnc, &why), err);
	assert_non_null(why);
	if (!strstr(why, hint))
		fail_msg("no '%s' in: %s", hint, why);
	free(why);
}

static void test_no_start(void **state)
{
	struct site *s = *state;
	char taken[32];

	snprintf(taken, sizeof(taken), "127.0.0.1:%s", s->port);
	assert_no_start(s, (struct web_options){.address = taken}, -EADDRINUSE, taken);
	assert_no_start(s, (struct web_options){.address = "0.0.0.0:0"}, -EACCES, "--web-tls");
	assert_no_start(s, (struct web_options){.address = "[::]:0"}, -EACCES, "--web-tls");
	assert_no_start(s, (struct web_options){.address = "nonsense"}, -EADDRNOTAVAIL, "nonsense");
	assert_no_start(s, (struct web_options){.address = "127.0.0.1:x"}, -EADDRNOTAVAIL, "--web");
	assert_no_start(s, (struct web_options){.address = "127.0.0.1:0", .folder = "/nowhere"},
			-ENOENT, "novnc");
	assert_no_start(s, (struct web_options){.address = "127.0.0.1:0", .certificate = s->folder,
						.key = "/nowhere"}, -EINVAL, "/nowhere");
}

/* --- TLS --- */

static void save_certificate(struct site *s, char *certificate, char *key)
{
	EVP_PKEY *pair = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	FILE *f;

	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const unsigned char *)"box", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, pair);
	assert_true(X509_sign(x, pair, EVP_sha256()) > 0);
	sprintf(certificate, "%s/cert.pem", s->folder);
	sprintf(key, "%s/key.pem", s->folder);
	f = fopen(certificate, "w");
	assert_true(PEM_write_X509(f, x));
	fclose(f);
	f = fopen(key, "w");
	assert_true(PEM_write_PrivateKey(f, pair, NULL, NULL, 0, NULL, NULL));
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(pair);
}

static void test_tls(void **state)
{
	struct site *s = *state;
	char certificate[96], key[96], path[128], text[512], answer[1024] = "", *why = NULL;
	struct web_options opt = {.address = "0.0.0.0:0", .name = "box", .folder = s->folder,
				  .certificate = certificate, .key = key};
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	int sock, n, len = 0;

	save_certificate(s, certificate, key);
	web_stop(s->web);
	assert_int_equal(web_start(&s->web, &opt, s->host->vnc, &why), 0);
	assert_int_equal(strncmp(web_address(s->web), "https://", 8), 0);
	strcpy(s->port, strrchr(web_address(s->web), ':') + 1);
	*strchr(s->port, '/') = 0;
	new_path(s, path, sizeof(path));

	sock = dial(s);
	SSL_set_fd(ssl, sock);
	assert_int_equal(SSL_connect(ssl), 1);
	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: box.example:%s\r\n\r\n", path,
		 s->port);
	assert_int_equal(SSL_write(ssl, text, (int)strlen(text)), strlen(text));
	while (!strstr(answer, "</html>")) {
		n = SSL_read(ssl, answer + len, (int)sizeof(answer) - 1 - len);
		assert_true(n > 0);
		len += n;
	}
	assert_int_equal(strncmp(answer, "HTTP/1.1 200", 12), 0);
	assert_non_null(strstr(answer, "SameSite=Strict; Secure\r\n"));
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(sock);

	sock = dial(s); /* in clear there is nothing to be had */
	assert_int_equal(send(sock, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	assert_true(rfb_is_closed(sock));
	close(sock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first_page, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_files, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_cached, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_missing, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_kept_connection, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_strangers, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_other_names, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_viewer, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_viewer_ended, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_much_to_the_guest, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_rest, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_no_start, web_setup, web_teardown),
		cmocka_unit_test_setup_teardown(test_tls, web_setup, web_teardown),
	};

	return cmocka_run_group_tests_name("web", tests, NULL, NULL);
}
