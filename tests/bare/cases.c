// SPDX-License-Identifier: GPL-2.0-only
/*
 * The program of the bare machine: loads the hypervisor, runs the cases whose name has the words
 * given, one after another, and unloads it. Nothing may be left behind by any of them. With !WORD,
 * the processor is to be refused.
 */
#include "rig.h"

extern const struct bare_case *const cases_begin[], *const cases_end[]; /* link.ld */

static struct rig rig;
static void *leave[5]; /* __builtin_longjmp: out of the case that runs */
static char why[256];

void fail(const char *fmt, ...)
{
	__builtin_va_list args;

	__builtin_va_start(args, fmt);
	print_to(why, sizeof(why), fmt, args);
	__builtin_va_end(args);
	__builtin_longjmp(leave, 1);
}

static __attribute__((noinline)) void run_case(const struct bare_case *c)
{
	why[0] = 0;
	if (__builtin_setjmp(leave))
		return;
	rig_begin(&rig, c);
	c->run(&rig);
}

/* The same for what is torn down: destroying must work whatever the case did. */
static __attribute__((noinline)) void end_case(uint64_t pages)
{
	if (__builtin_setjmp(leave))
		return;
	rig_end(&rig);
	host_settled();
	if (why[0])
		return;
	CHECK_EQ(rig.host.frames, 0);
	CHECK_EQ(memory_used(), pages);
}

static bool one(const struct bare_case *c)
{
	uint64_t pages = memory_used();

	run_case(c);
	end_case(pages);
	bare_wish = HOST_GO_ON;
	if (why[0])
		print("FAIL %s: %s\n", c->name, why);
	else
		print("PASS %s\n", c->name);
	return !why[0];
}

/* Is the word, up to a blank, somewhere in the name? */
static bool has_word(const char *name, const char *word)
{
	for (; *name; name++) {
		unsigned i = 0;

		while (word[i] && word[i] != ' ' && name[i] == word[i])
			i++;
		if (!word[i] || word[i] == ' ')
			return true;
	}
	return false;
}

/* One of the words given, if any are, and none of those behind a minus sign. */
static bool wanted(const char *name, const char *words)
{
	bool some = false, found = false;

	while (*words) {
		if (*words == '-' && has_word(name, words + 1))
			return false;
		if (*words != '-' && *words != ' ') {
			some = true;
			found |= has_word(name, words);
		}
		while (*words && *words != ' ')
			words++;
		while (*words == ' ')
			words++;
	}
	return found || !some;
}

static bool load(void)
{
	const char *sentence = "";
	int err = hv_load(&sentence);

	if (err) {
		print("FAIL load: %d %s\n", err, sentence);
		return false;
	}
	err = hv_cpu_on();
	if (err)
		print("FAIL cpu_on: %d\n", err);
	return !err;
}

/* Of a processor that will not do, with this word in the sentence; nothing of it has changed. */
static bool refusal(const char *word)
{
	static struct host_state before, after;
	const char *sentence = "";
	int err;

	host_state_get(&before);
	err = hv_load(&sentence);
	host_state_get(&after);
	why[0] = 0;
	if (!__builtin_setjmp(leave)) {
		CHECK_EQ(err, -ENODEV);
		CHECK(has_word(sentence, word));
		host_state_compare(&before, &after);
	}
	print("%s refusal: %s%s\n", why[0] ? "FAIL" : "PASS", why, sentence);
	return !why[0];
}

bool bare_program(const char *words)
{
	static struct host_state before, after;
	const uint64_t pages = memory_used();
	unsigned passed = 0, failed = 0;

	host_state_init();
	if (*words == '!')
		return refusal(words + 1);
	host_state_get(&before);
	if (!load())
		return false;
	print("hypervisor on %s\n", hv_vendor());
	for (const struct bare_case *const *c = cases_begin; c < cases_end; c++) {
		if (!wanted((*c)->name, words))
			continue;
		if (one(*c))
			passed++;
		else
			failed++;
	}
	hv_cpu_off();
	hv_unload();
	host_state_get(&after);
	why[0] = 0;
	if (!__builtin_setjmp(leave)) {
		host_state_compare(&before, &after);
		CHECK_EQ(memory_used(), pages);
	}
	print("%s unload%s%s\n", why[0] ? "FAIL" : "PASS", why[0] ? ": " : "", why);
	print("%u passed, %u failed\n", passed, failed);
	return passed && !failed && !why[0];
}
