// SPDX-License-Identifier: GPL-2.0-only
/* Who is let in by the web server: tokens, cookies, Host and Origin. */
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "../../ui/web/web_priv.h"

static struct access a;
static char token[SECRET_TEXT], value[SECRET_TEXT];

static int setup(void **state)
{
	access_init(&a, "127.0.0.1", 6080, false);
	assert_int_equal(access_new_token(&a, token), 0);
	return 0;
}

static int teardown(void **state)
{
	access_fini(&a);
	return 0;
}

static enum access_answer ask(const char *host, const char *origin, const char *with)
{
	struct access_request q = {.host = host, .origin = origin, .token = with};

	return access_check(&a, &q, value);
}

static enum access_answer ask_with_cookie(const char *format, const char *secret)
{
	char cookie[4096];
	struct access_request q = {.host = "localhost", .cookie = cookie};

	snprintf(cookie, sizeof(cookie), format, secret);
	return access_check(&a, &q, (char[SECRET_TEXT]){0});
}

/* --- tokens --- */

static void test_token_is_random(void **state)
{
	char other[SECRET_TEXT];

	assert_int_equal(strlen(token), 32);
	assert_int_equal(strspn(token, "0123456789abcdef"), 32);
	assert_int_equal(access_new_token(&a, other), 0);
	assert_string_not_equal(token, other);
}

static void test_token_works_once(void **state)
{
	assert_int_equal(ask("localhost", NULL, NULL), ACCESS_NO_SESSION);
	assert_int_equal(ask("localhost", NULL, token), ACCESS_NEW_SESSION);
	assert_string_not_equal(value, token);
	assert_int_equal(ask("localhost", NULL, token), ACCESS_NO_SESSION);
}

static void test_wrong_tokens(void **state)
{
	char near[SECRET_TEXT + 1] = {0};

	assert_int_equal(ask("localhost", NULL, ""), ACCESS_NO_SESSION);
	assert_int_equal(ask("localhost", NULL, "00000000000000000000000000000000"),
			 ACCESS_NO_SESSION);
	memcpy(near, token, SECRET_TEXT - 1);
	near[31] ^= 1;
	assert_int_equal(ask("localhost", NULL, near), ACCESS_NO_SESSION);
	near[31] ^= 1;
	near[32] = '0';
	assert_int_equal(ask("localhost", NULL, near), ACCESS_NO_SESSION);
	near[31] = 0;
	assert_int_equal(ask("localhost", NULL, near), ACCESS_NO_SESSION);
	assert_int_equal(ask("localhost", NULL, token), ACCESS_NEW_SESSION); /* still there */
}

/* A stranger who may not ask does not use it up. */
static void test_token_survives_refusals(void **state)
{
	assert_int_equal(ask("evil.example", NULL, token), ACCESS_STRANGE_HOST);
	assert_int_equal(ask("localhost", "http://evil.example", token), ACCESS_STRANGE_ORIGIN);
	assert_int_equal(ask("localhost", NULL, token), ACCESS_NEW_SESSION);
}

static void test_oldest_token_gives_way(void **state)
{
	char others[ACCESS_TOKENS][SECRET_TEXT];

	for (unsigned i = 0; i < ACCESS_TOKENS; i++)
		assert_int_equal(access_new_token(&a, others[i]), 0);
	assert_int_equal(ask("localhost", NULL, token), ACCESS_NO_SESSION);
	for (unsigned i = 0; i < ACCESS_TOKENS; i++)
		assert_int_equal(ask("localhost", NULL, others[i]), ACCESS_NEW_SESSION);
}

/* --- cookies --- */

static void test_cookies(void **state)
{
	assert_int_equal(ask("localhost", NULL, token), ACCESS_NEW_SESSION);
	assert_int_equal(ask_with_cookie("caisson_6080=%s", value), ACCESS_GRANTED);
	assert_int_equal(ask_with_cookie("a=b; caisson_6080=%s; c=d", value), ACCESS_GRANTED);
	assert_int_equal(ask_with_cookie("caisson_6080=00; caisson_6080=%s", value),
			 ACCESS_GRANTED);
	assert_int_equal(ask_with_cookie("caisson_6081=%s", value), ACCESS_NO_SESSION);
	assert_int_equal(ask_with_cookie("xcaisson_6080=%s", value), ACCESS_NO_SESSION);
	assert_int_equal(ask_with_cookie("caisson_6080%s", value), ACCESS_NO_SESSION);
	assert_int_equal(ask_with_cookie("caisson_6080=%s0", value), ACCESS_NO_SESSION);
	assert_int_equal(ask_with_cookie("caisson_6080=", ""), ACCESS_NO_SESSION);
	assert_int_equal(ask_with_cookie(";;; ;%s", "="), ACCESS_NO_SESSION);
	assert_int_equal(ask_with_cookie("caisson_6080=%s", token), ACCESS_NO_SESSION);
}

/* --- names --- */

static void test_hosts(void **state)
{
	static const char *const ours[] = {"127.0.0.1", "127.0.0.1:6080", "localhost:8080",
					   "LOCALHOST", "[::1]:6080", "192.0.2.7:6080"};
	static const char *const others[] = {"evil.example", "evil.example:6080", "127.0.0.1.evil",
					     "localhost.evil:6080", "", ":6080", "[::1", "[]:1",
					     "[::1]evil", "::1", "127.0.0.1,evil"};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		assert_int_equal(ask(ours[i], NULL, NULL), ACCESS_NO_SESSION);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(ask(others[i], NULL, NULL), ACCESS_STRANGE_HOST);
	assert_int_equal(ask(NULL, NULL, NULL), ACCESS_STRANGE_HOST);
}

/* The name that the user gave, and with TLS any: the certificate says who we are. */
static void test_named_hosts(void **state)
{
	access_fini(&a);
	access_init(&a, "guests.example", 6080, false);
	assert_int_equal(ask("guests.example:6080", NULL, NULL), ACCESS_NO_SESSION);
	assert_int_equal(ask("evil.example:6080", NULL, NULL), ACCESS_STRANGE_HOST);
	access_fini(&a);
	access_init(&a, "0.0.0.0", 6080, true);
	assert_int_equal(ask("guests.example:6080", NULL, NULL), ACCESS_NO_SESSION);
	assert_int_equal(ask("x:1", "http://x:1", NULL), ACCESS_STRANGE_ORIGIN);
	assert_int_equal(ask("x:1", "https://x:1", NULL), ACCESS_NO_SESSION);
}

static void test_origins(void **state)
{
	static const char *const others[] = {"null", "", "http://", "http://localhost:1",
					     "https://localhost:6080", "http://localhost:6080/",
					     "http://evil.example", "localhost:6080"};

	assert_int_equal(ask("localhost:6080", "http://localhost:6080", NULL), ACCESS_NO_SESSION);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(ask("localhost:6080", others[i], NULL), ACCESS_STRANGE_ORIGIN);
}

/* Every browser says whose page opens a WebSocket. */
static void test_upgrade_needs_origin(void **state)
{
	char cookie[80];
	struct access_request q = {.host = "localhost", .cookie = cookie, .upgrade = true};

	assert_int_equal(ask("localhost", NULL, token), ACCESS_NEW_SESSION);
	snprintf(cookie, sizeof(cookie), "caisson_6080=%s", value);
	assert_int_equal(access_check(&a, &q, value), ACCESS_STRANGE_ORIGIN);
	q.origin = "http://localhost";
	assert_int_equal(access_check(&a, &q, value), ACCESS_GRANTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_token_is_random, setup, teardown),
		cmocka_unit_test_setup_teardown(test_token_works_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_tokens, setup, teardown),
		cmocka_unit_test_setup_teardown(test_token_survives_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_oldest_token_gives_way, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cookies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hosts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_named_hosts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_origins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_upgrade_needs_origin, setup, teardown),
	};

	return cmocka_run_group_tests_name("web_access", tests, NULL, NULL);
}
