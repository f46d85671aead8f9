// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VNC server against viewers that are made up: every stage of the protocol, whole messages with
 * nonsense in them, messages that end halfway, viewers that read nothing, some or all, hang up,
 * reset or stay, many at a time, while the guest paints and changes modes. The server outlives
 * them, still serves, and holds no more memory, threads or descriptors than before.
 *
 * FUZZ_ROUNDS and FUZZ_SEED say how much of it and which (`make fuzz`); the same seed sends the
 * same bytes. What the server makes of them depends on the order in which threads run, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "vnc_host.h"

#include <dirent.h>
#include <fcntl.h>
#include <rfb/rfb.h>

/* Of the sanitizer, whose headers not every package of gcc has. */
extern size_t __sanitizer_get_current_allocated_bytes(void);

enum { ROUNDS = 4000, SEED = 0x5eed };
enum { AT_A_TIME = 40, BYTES = 64 * 1024 }; /* more than the server has places for */

struct session {
	int sock; /* -1: none */
};

struct fuzz {
	struct host *h;
	uint32_t state;
	struct session s[AT_A_TIME];
	uint8_t *bytes;
	size_t n;
};

/* --- chance --- */

static uint32_t chance(struct fuzz *f)
{
	f->state ^= f->state << 13;
	f->state ^= f->state >> 17;
	f->state ^= f->state << 5;
	return f->state;
}

static unsigned below(struct fuzz *f, unsigned n)
{
	return chance(f) % n;
}

/* Sizes and places that are what they should be, nearly, or not at all. */
static unsigned coordinate(struct fuzz *f)
{
	static const unsigned edges[] = {0, 1, 2, 15, 16, 17, 63, 64, 65, 255, 320, 0x7fff, 65535};

	return below(f, 2) ? below(f, 330) : edges[below(f, sizeof(edges) / sizeof(edges[0]))];
}

/* --- what is sent --- */

static void put(struct fuzz *f, const void *bytes, size_t n)
{
	if (n > BYTES - f->n)
		n = BYTES - f->n;
	memcpy(f->bytes + f->n, bytes, n);
	f->n += n;
}

static void put_be(struct fuzz *f, uint32_t v, unsigned len)
{
	uint8_t b[4];

	rfb_put32(b, v);
	put(f, b + 4 - len, len);
}

static void put_noise(struct fuzz *f, size_t n)
{
	for (; n; n--)
		put_be(f, chance(f) & 0xff, 1);
}

static void put_format(struct fuzz *f)
{
	static const uint8_t good[][13] = {
		{32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0},
		{32, 24, 1, 1, 0, 255, 0, 255, 0, 255, 0, 8, 16},
		{16, 16, 0, 1, 0, 31, 0, 63, 0, 31, 11, 5, 0},
		{16, 15, 1, 1, 0, 31, 0, 31, 0, 31, 10, 5, 0},
		{8, 8, 0, 1, 0, 7, 0, 7, 0, 3, 0, 3, 6},
		{8, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	};
	uint8_t m[20] = {0};

	memcpy(m + 4, good[below(f, 6)], 13);
	if (!below(f, 4))
		m[4 + below(f, 13)] = (uint8_t)chance(f);
	put(f, m, sizeof(m));
}

static void put_encodings(struct fuzz *f)
{
	static const int32_t known[] = {0,	1,    2,    4,	  5,	6,	  7,	    9,
					16,	17,   21,   -223, -224, -232,	  -239,	    -240,
					-247,	-256, -23,  -32,  -257, -258,	  -261,	    -305,
					-307,	-308, -309, -312, -313, -0x3f5e1a32, -65527, -65535,
					-512,	-412, -768, -763, 15,	10,	  8,	    -260};
	unsigned n = below(f, 40) ? below(f, 12) : below(f, 3000), i;

	put_be(f, 2, 1);
	put_be(f, chance(f), 1);
	put_be(f, n, 2);
	for (i = 0; i < n; i++)
		put_be(f, below(f, 8) ? (uint32_t)known[below(f, 40)] : chance(f), 4);
}

static void put_request(struct fuzz *f)
{
	put_be(f, 3, 1);
	put_be(f, below(f, 2), 1);
	if (below(f, 2)) { /* of everything */
		put_be(f, 0, 4);
		put_be(f, 330, 2);
		put_be(f, 330, 2);
		return;
	}
	put_be(f, coordinate(f), 2);
	put_be(f, coordinate(f), 2);
	put_be(f, coordinate(f), 2);
	put_be(f, coordinate(f), 2);
}

static void put_input(struct fuzz *f)
{
	static const unsigned keysyms[] = {0xffe3, 0xffe9, 'v', 'a', 0xffe1, 0xff0d, 0, 0x1000000};

	if (below(f, 2)) {
		put_be(f, 4, 1);
		put_be(f, below(f, 2), 1);
		put_be(f, 0, 2);
		put_be(f, below(f, 4) ? keysyms[below(f, 8)] : chance(f), 4);
		return;
	}
	put_be(f, 5, 1);
	put_be(f, chance(f), 1);
	put_be(f, coordinate(f), 2);
	put_be(f, coordinate(f), 2);
}

static void put_clipboard(struct fuzz *f)
{
	static const uint32_t odd[] = {0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffc, 1 << 20};
	uint32_t n = below(f, 10) ? below(f, 300) : below(f, 40000);

	put_be(f, 6, 1);
	put_be(f, 0, 3);
	if (!below(f, 10)) {
		put_be(f, odd[below(f, 5)], 4);
		return;
	}
	put_be(f, below(f, 2) ? n : -n, 4);
	if (n >= 4)
		put_be(f, below(f, 2) ? 0x10000001 : chance(f), 4);
	put_noise(f, n >= 4 ? n - 4 : n);
}

static void put_extension(struct fuzz *f)
{
	unsigned screens = below(f, 4);

	if (below(f, 2)) {
		put_be(f, 0xff0000 | below(f, 2), 4);
		f->bytes[f->n - 4] = 255;
		put_be(f, chance(f), 4);
		put_be(f, below(f, 300), 4);
		return;
	}
	put_be(f, 251, 1);
	put_be(f, 0, 1);
	put_be(f, coordinate(f), 2);
	put_be(f, coordinate(f), 2);
	put_be(f, screens, 1);
	put_be(f, 0, 1);
	put_noise(f, 16 * (size_t)screens);
}

static void put_message(struct fuzz *f)
{
	static void (*const makers[])(struct fuzz *) = {
		put_format, put_encodings, put_request, put_request, put_request,
		put_input, put_clipboard, put_extension,
	};

	if (below(f, 60))
		makers[below(f, 8)](f);
	else
		put_noise(f, 1 + below(f, 100));
}

/* A whole session's bytes, all at once: the server's words need not be awaited. */
static void make_bytes(struct fuzz *f)
{
	static const char *const versions[] = {"RFB 003.003\n", "RFB 003.007\n", "RFB 003.008\n",
					       "RFB 003.889\n", "RFB 003.999\n"};
	unsigned version = below(f, 5), i, n = below(f, 60);

	f->n = 0;
	if (!below(f, 12)) {
		put_noise(f, below(f, 600));
		return;
	}
	put(f, versions[version], below(f, 20) ? 12 : below(f, 12));
	if (version)
		put_be(f, below(f, 20) ? 1 : chance(f), 1);
	if (version != 3)
		put_be(f, below(f, 50) > 0, 1); /* one that does not share ends all others */
	if (below(f, 3)) { /* one that behaves, at first */
		put_be(f, 0x02000001, 4);
		put_be(f, below(f, 2) ? RFB_RAW : RFB_ZRLE, 4);
		put_request(f);
		n %= 4;
	}
	for (i = 0; i < n; i++)
		put_message(f);
	if (!below(f, 4)) /* ends halfway */
		f->n -= below(f, (unsigned)f->n / 2 + 1);
}

/* --- sessions --- */

static void open_session(struct fuzz *f, struct session *s)
{
	s->sock = rfb_dial(f->h->address);
	fcntl(s->sock, F_SETFL, O_NONBLOCK);
	make_bytes(f);
	send(s->sock, f->bytes, f->n, MSG_NOSIGNAL); /* as much as is taken */
}

/* Of one that is still there, perhaps: asks, as viewers do after an update, or anything. */
static void send_more(struct fuzz *f, const struct session *s)
{
	unsigned n = below(f, 4);

	f->n = 0;
	if (below(f, 4)) {
		put_be(f, 0x03010000, 4);
		put_be(f, 0, 2);
		put_be(f, 400, 2);
		put_be(f, 400, 2);
	}
	while (n--)
		put_message(f);
	send(s->sock, f->bytes, f->n, MSG_NOSIGNAL);
}

static void read_some(struct fuzz *f, const struct session *s)
{
	unsigned n = below(f, 8);
	ssize_t got;

	do
		got = recv(s->sock, f->bytes, BYTES, 0);
	while (got > 0 && n--);
}

static void close_session(struct fuzz *f, struct session *s)
{
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};

	if (below(f, 2))
		setsockopt(s->sock, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	else if (below(f, 2))
		shutdown(s->sock, SHUT_WR);
	close(s->sock);
	s->sock = -1;
}

static void disturb(struct fuzz *f)
{
	unsigned what = below(f, 100);

	if (what < 2)
		surface_resize(f->h->s, 1 + below(f, 330), 1 + below(f, 330));
	else if (what < 5)
		fill_noise(f->h, chance(f));
	else if (what < 45)
		fill(f->h, 0, 0, 1, 1, chance(f));
	else if (what < 50)
		input_set_leds(f->h->in, below(f, 8));
	else if (what < 65)
		sleep_ms(below(f, 8)); /* a viewer is served 60 times a second */
}

static void step(struct fuzz *f)
{
	struct session *s = &f->s[below(f, AT_A_TIME)];

	disturb(f);
	if (s->sock < 0)
		open_session(f, s);
	else if (below(f, 2))
		send_more(f, s);
	else if (below(f, 4))
		read_some(f, s);
	else
		close_session(f, s);
}

static void run(struct fuzz *f, unsigned rounds)
{
	unsigned i;

	for (i = 0; i < AT_A_TIME; i++)
		f->s[i].sock = -1;
	while (rounds--)
		step(f);
	for (i = 0; i < AT_A_TIME; i++)
		if (f->s[i].sock >= 0)
			close_session(f, &f->s[i]);
}

/* --- what is left --- */

struct held {
	unsigned threads, files;
	size_t memory;
};

static unsigned count_entries(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static struct held look(void)
{
	return (struct held){count_entries("/proc/self/task"), count_entries("/proc/self/fd"),
			     __sanitizer_get_current_allocated_bytes()};
}

/* Waits for the threads that are on their way out. */
static struct held settle(const struct held *want)
{
	struct held now = look();
	int i;

	for (i = 0; i < 12000 && (now.threads > want->threads || now.files > want->files); i++) {
		sleep_ms(10);
		now = look();
	}
	return now;
}

static unsigned setting(const char *name, unsigned usual)
{
	const char *text = getenv(name);

	return text ? (unsigned)strtoul(text, NULL, 0) : usual;
}

static void settle_and_compare(struct fuzz *f, const struct held *before, unsigned rounds)
{
	struct held after;
	struct vnc_stats s;

	input_release_all(f->h->in);
	surface_resize(f->h->s, 320, 200);
	assert_alive(f->h);
	after = settle(before);
	print_message("%u rounds: %u threads, %u descriptors, %zu bytes; before: %u, %u, %zu\n",
		      rounds, after.threads, after.files, after.memory, before->threads,
		      before->files, before->memory);
	vnc_read_stats(f->h->vnc, &s);
	print_message("%lu updates of %lu bytes were sent\n", (unsigned long)s.updates,
		      (unsigned long)s.bytes);
	assert_true(s.updates > 10); /* or they did not get far */
	assert_int_equal(after.threads, before->threads);
	assert_int_equal(after.files, before->files);
	/* what the library keeps for each of 32 places, in whatever order they are first used */
	assert_true(after.memory < before->memory + (64 << 10));
}

static void test_nothing_is_left(void **state)
{
	unsigned rounds = setting("FUZZ_ROUNDS", ROUNDS);
	struct fuzz f = {.h = *state, .state = setting("FUZZ_SEED", SEED)};
	struct held before;

	f.bytes = malloc(BYTES);
	before = look();
	assert_alive(f.h); /* the first viewer makes the library get memory that it keeps */
	before.memory = settle(&before).memory;
	run(&f, rounds);
	settle_and_compare(&f, &before, rounds);
	free(f.bytes);
}

/* The same where they do not get past the password. */
static void test_nobody_gets_in(void **state)
{
	unsigned rounds = setting("FUZZ_ROUNDS", ROUNDS) / 4;
	struct fuzz f = {.h = *state, .state = setting("FUZZ_SEED", SEED) + 1};
	char none[] = "";

	vnc_stop(f.h->vnc);
	serve_with(f.h, "127.0.0.1:0", "secret");
	f.bytes = malloc(BYTES);
	run(&f, rounds);
	assert_watched(f.h, false);
	assert_true(happened(f.h, none)); /* not one key or movement */
	free(f.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_is_left, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_gets_in, setup, teardown),
	};

	return cmocka_run_group_tests_name("vnc_fuzz", tests, NULL, NULL);
}
