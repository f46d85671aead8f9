// SPDX-License-Identifier: GPL-2.0-only
/*
 * Carries out the table loader's script on guest memory, where otherwise the firmware does: one
 * set of tables and one script serve both. The format is in firmware/loader.c.
 */
#include <errno.h>
#include <string.h>

#include "boot_priv.h"
#include "firmware/tables.h"

/* One command, its fields as they lie. */
struct command {
	uint32_t number;
	char name[LOADER_NAME_LEN];
	union {
		struct {
			uint32_t align;
			uint8_t zone;
		} __attribute__((packed)) allocate;
		struct {
			char target[LOADER_NAME_LEN];
			uint32_t off;
			uint8_t size;
		} __attribute__((packed)) pointer;
		struct {
			uint32_t off, start, len;
		} checksum;
		uint8_t room[LOADER_COMMAND_LEN - LOADER_NAME_LEN - 4];
	};
} __attribute__((packed));

static struct script_file *find(struct script *s, const char *name)
{
	for (unsigned i = 0; i < s->files; i++)
		if (!strncmp(s->file[i].name, name, LOADER_NAME_LEN))
			return &s->file[i];
	return NULL;
}

/* Both zones shrink: the F segment from below, high memory from above. */
uint64_t script_place(struct script *s, const struct blob *b, uint64_t align, bool fseg)
{
	uint64_t at;

	if (!align || (align & (align - 1)))
		return 0;
	if (fseg) {
		at = (s->fseg + align - 1) & -align;
		if (at > s->fseg_end || b->len > s->fseg_end - at)
			return 0;
		s->fseg = at + b->len;
	} else {
		if (b->len > s->high_end - s->high)
			return 0;
		at = (s->high_end - b->len) & -align;
		if (at < s->high)
			return 0;
		s->high_end = at;
	}
	memcpy(s->ram + at, b->data, b->len);
	return at;
}

static int allocate(struct script *s, const struct command *c)
{
	struct script_file *f = find(s, c->name);

	if (!f || f->gpa)
		return -EINVAL;
	f->gpa = script_place(s, f->blob, c->allocate.align, c->allocate.zone == LOADER_FSEG);
	return f->gpa ? 0 : -ENOSPC;
}

static bool inside(const struct script_file *f, uint32_t off, uint32_t len)
{
	return f && f->gpa && off <= f->blob->len && len <= f->blob->len - off;
}

static int add_pointer(struct script *s, const struct command *c)
{
	const struct script_file *f = find(s, c->name), *to = find(s, c->pointer.target);
	unsigned size = c->pointer.size;
	uint64_t val = 0;

	if (!inside(f, c->pointer.off, size) || !inside(to, 0, 0) ||
	    (size != 1 && size != 2 && size != 4 && size != 8))
		return -EINVAL;
	memcpy(&val, s->ram + f->gpa + c->pointer.off, size);
	val += to->gpa;
	memcpy(s->ram + f->gpa + c->pointer.off, &val, size);
	return 0;
}

static int add_checksum(struct script *s, const struct command *c)
{
	const struct script_file *f = find(s, c->name);
	uint8_t sum = 0;

	if (!inside(f, c->checksum.off, 1) || !inside(f, c->checksum.start, c->checksum.len))
		return -EINVAL;
	for (uint32_t i = 0; i < c->checksum.len; i++)
		sum += s->ram[f->gpa + c->checksum.start + i];
	s->ram[f->gpa + c->checksum.off] -= sum;
	return 0;
}

static int run_command(struct script *s, const struct command *c)
{
	switch (c->number) {
	case LOADER_ALLOCATE:
		return allocate(s, c);
	case LOADER_ADD_POINTER:
		return add_pointer(s, c);
	case LOADER_ADD_CHECKSUM:
		return add_checksum(s, c);
	default:
		return -EINVAL;
	}
}

int script_run(struct script *s, const struct blob *commands)
{
	struct command c;
	int err = 0;

	if (commands->len % sizeof(c))
		return -EINVAL;
	for (size_t off = 0; off < commands->len && !err; off += sizeof(c)) {
		memcpy(&c, commands->data + off, sizeof(c));
		err = run_command(s, &c);
	}
	return err;
}
