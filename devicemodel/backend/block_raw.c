// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw disk images: a file or block device behind one worker thread, which sleeps while there is
 * nothing to do. Requests are served in the order in which they came, so a flush covers every
 * write before it.
 *
 * Missing: O_DIRECT, more than one request at a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/fs.h>

#include "block_priv.h"
#include "dm/block.h"
#include "dm/log.h"
#include "dm/sandbox.h"
#include "dm/thread.h"
#include "machine/machine_priv.h"

enum { SECTOR = 512, HOLE_PROBE = 1 << 20 };

/* Locks: [I] immutable once opened, [q] the queue's lock, [w] the worker's own. */
struct block {
	struct machine *m;	/* [I] */
	int fd;			/* [I] until the worker has ended */
	uint64_t size;		/* [I] bytes, whole sectors */
	bool read_only;		/* [I] */
	unsigned odd;		/* [I] bytes behind them, which no guest sees */
	bool device;		/* [I] a block device */
	bool wait_for_room;	/* [I] */
	enum block_discard discard; /* [I] */
	char *guest;		/* [I] for advice; may be NULL */
	char *path;		/* [I] */
	struct overlay *overlay; /* [I] NULL unless changes are discarded; inside: [w] */
	bool complained[BLOCK_DISCARD + 1]; /* [w] a failure of that kind was reported */

	pthread_t worker;	/* [I] */
	pthread_mutex_t lock;	/* the queue's lock: innermost, never held over a call-out */
	pthread_cond_t wanted;
	struct block_req *head, **tail; /* [q] */
	bool quit;		/* [q] */
	bool ended;		/* [q] the worker is done, and the file is closed */
	unsigned retries;	/* [q] times that room was said to have been made */
	struct block_stats stats; /* [q] */
};

/* --- whole reads and writes --- */

int block_read_all(int fd, void *buf, size_t len, uint64_t offset)
{
	uint8_t *p = buf;

	while (len) {
		ssize_t n = pread(fd, p, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO; /* somebody cut the file short */
		p += n;
		offset += n;
		len -= n;
	}
	return 0;
}

int block_write_all(int fd, const void *buf, size_t len, uint64_t offset)
{
	const uint8_t *p = buf;

	while (len) {
		ssize_t n = pwrite(fd, p, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		p += n;
		offset += n;
		len -= n;
	}
	return 0;
}

int block_punch(int fd, uint64_t len, uint64_t offset)
{
	int err;

	do
		err = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, len);
	while (err && errno == EINTR);
	if (!err)
		return 0;
	return errno == ENOSYS || errno == EINVAL ? -EOPNOTSUPP : -errno;
}

/* --- the worker --- */

static int do_read(struct block *b, const struct block_req *r)
{
	if (b->overlay)
		return overlay_read(b->overlay, r->buf, r->len, r->offset);
	return block_read_all(b->fd, r->buf, r->len, r->offset);
}

static int do_write(struct block *b, const struct block_req *r)
{
	if (b->read_only)
		return -EROFS;
	if (b->overlay)
		return overlay_write(b->overlay, r->buf, r->len, r->offset);
	return block_write_all(b->fd, r->buf, r->len, r->offset);
}

static int do_flush(const struct block *b)
{
	/* what is thrown away need not be kept */
	if (b->read_only || b->overlay)
		return 0;
	return fdatasync(b->fd) ? -errno : 0;
}

/* A device may forget what it is told to or keep it, so nobody is promised zeroes. */
static int discard_device(const struct block *b, const struct block_req *r)
{
	uint64_t range[2] = { r->offset, r->len };

	if (!ioctl(b->fd, BLKDISCARD, range))
		return 0;
	/* sectors of its own that the range cuts, or no such command: hints may be passed over */
	return errno == EINVAL || errno == EOPNOTSUPP ? 0 : -errno;
}

static int do_discard(struct block *b, const struct block_req *r)
{
	if (b->read_only)
		return -EROFS;
	if (b->discard == DISCARD_NONE)
		return -EOPNOTSUPP;
	if (!r->len)
		return 0;
	if (b->overlay)
		return overlay_discard(b->overlay, r->len, r->offset);
	return b->device ? discard_device(b, r) : block_punch(b->fd, r->len, r->offset);
}

static int serve(struct block *b, const struct block_req *r)
{
	if (r->op == BLOCK_FLUSH)
		return do_flush(b);
	if (r->offset > b->size || r->len > b->size - r->offset)
		return -EIO;
	if (r->op == BLOCK_DISCARD)
		return do_discard(b, r);
	return r->op == BLOCK_READ ? do_read(b, r) : do_write(b, r);
}

/* The guest sees every failure; the user is told of the first of each kind. */
static void complain(struct block *b, const struct block_req *r, int err)
{
	static const char *const what[] = { "Reading", "Writing", "Flushing", "Discarding in" };

	if (b->complained[r->op])
		return;
	b->complained[r->op] = true;
	log_line(LOG_ERROR, "%s %s failed: %s; the guest is told that its disk failed.",
		 what[r->op], b->path, strerror(-err));
}

/*
 * The disk under the image is full: the guest stands still until there is room, and learns of
 * nothing. False where that is no way out.
 */
static bool wait_for_room(struct block *b, const struct block_req *r, int err)
{
	const char *guest = b->guest ? b->guest : "NAME";
	unsigned retries;
	bool quit;

	if (!b->wait_for_room || r->op != BLOCK_WRITE || (err != -ENOSPC && err != -EDQUOT))
		return false;
	pthread_mutex_lock(&b->lock);
	retries = b->retries;
	quit = b->quit;
	pthread_mutex_unlock(&b->lock);
	if (quit)
		return false;
	log_line(LOG_ERROR, "%s cannot grow: %s; the guest is paused, so make room there and go on "
			    "with 'caisson resume %s'.", b->path, strerror(-err), guest);
	machine_lock(b->m);
	machine_request_pause(b->m);
	machine_unlock(b->m);
	pthread_mutex_lock(&b->lock);
	while (b->retries == retries && !b->quit)
		pthread_cond_wait(&b->wanted, &b->lock);
	quit = b->quit;
	pthread_mutex_unlock(&b->lock);
	return !quit;
}

void block_retry(struct block *b)
{
	pthread_mutex_lock(&b->lock);
	b->retries++;
	pthread_cond_signal(&b->wanted);
	pthread_mutex_unlock(&b->lock);
}

/* The next request; waits for one. NULL: none is left, and none will come. */
static struct block_req *next_request(struct block *b)
{
	struct block_req *r;

	pthread_mutex_lock(&b->lock);
	while (!b->head && !b->quit) {
		pthread_cond_wait(&b->wanted, &b->lock);
		b->stats.wakeups++;
	}
	r = b->head;
	if (r) {
		b->head = r->next;
		if (!b->head)
			b->tail = &b->head;
	}
	pthread_mutex_unlock(&b->lock);
	return r;
}

static void *work(void *arg)
{
	struct block *b = arg;
	struct block_req *r;

	pthread_setname_np(pthread_self(), "block");
	while ((r = next_request(b))) {
		int err;

		sandbox_narrow(SANDBOX_BLOCK);
		do
			err = serve(b, r);
		while (err && wait_for_room(b, r, err));
		if (err && err != -EROFS)
			complain(b, r, err);
		machine_lock(b->m);
		r->done(r, err);
		machine_unlock(b->m);
	}
	pthread_mutex_lock(&b->lock);
	close(b->fd); /* the lock goes with it */
	b->fd = -1;
	b->ended = true;
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

static void count(struct block_stats *s, const struct block_req *r)
{
	s->requests[r->op]++;
	s->bytes[r->op] += r->len;
}

void block_submit(struct block *b, struct block_req *r)
{
	pthread_mutex_lock(&b->lock);
	count(&b->stats, r);
	r->next = NULL;
	*b->tail = r;
	b->tail = &r->next;
	pthread_cond_signal(&b->wanted);
	pthread_mutex_unlock(&b->lock);
}

/* --- opening --- */

static int open_failed(const char *path, bool read_only, int err, char **why)
{
	const char *advice = "check the path";

	if (err == ENOENT && !read_only) {
		*why = sentence("%s does not exist; check the path, or make an empty image with "
				"'truncate -s 20G %s'.", path, path);
		return -err;
	}
	if ((err == EACCES || err == EPERM || err == EROFS) && !read_only)
		advice = "make it writable for you, or give it to the guest read-only";
	else if (err == EACCES || err == EPERM)
		advice = "make it readable for you";
	else if (err == EISDIR)
		advice = "name an image file inside that directory";
	*why = sentence("%s cannot be opened: %s; %s.", path, strerror(err), advice);
	return -err;
}

static int refuse(const char *path, int err, const char *what, char **why)
{
	*why = sentence("%s %s", path, what);
	return -err;
}

/* A regular file or a block device, and its size in bytes. */
static int measure(int fd, const char *path, uint64_t *size, bool *device, char **why)
{
	struct stat st;

	if (fstat(fd, &st))
		return open_failed(path, true, errno, why);
	*device = S_ISBLK(st.st_mode);
	if (S_ISREG(st.st_mode))
		*size = st.st_size;
	else if (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, size))
		return open_failed(path, true, errno, why);
	else if (S_ISDIR(st.st_mode))
		return refuse(path, EISDIR, "is a directory; name an image file inside it.", why);
	else if (!S_ISBLK(st.st_mode))
		return refuse(path, EINVAL, "is neither a file nor a block device; name one that "
					    "is.", why);
	return 0;
}

static int set_size(struct block *b, char **why)
{
	uint64_t size = 0;
	int err = measure(b->fd, b->path, &size, &b->device, why);

	if (err)
		return err;
	b->size = size - size % SECTOR;
	if (!size)
		return refuse(b->path, EINVAL, "is empty; name another image, or give it a size "
					       "with truncate -s 20G.", why);
	if (!b->size)
		return refuse(b->path, EINVAL, "is shorter than one sector of 512 bytes; name "
					       "another image, or make it longer.", why);
	b->odd = size - b->size;
	return 0;
}

/*
 * Whether holes can be made is asked behind the image's end, where nothing is lost. The file does
 * not count as changed by that.
 */
static bool can_punch(const struct block *b)
{
	struct stat st;
	bool can = !fstat(b->fd, &st) && !block_punch(b->fd, SECTOR, b->size + HOLE_PROBE);

	if (can)
		futimens(b->fd, (struct timespec[2]){ st.st_atim, st.st_mtim });
	return can;
}

static enum block_discard discard_kind(const struct block *b, const struct block_options *opt)
{
	if (b->read_only || opt->no_discard)
		return DISCARD_NONE;
	if (b->overlay)
		return DISCARD_ZEROES;
	if (b->device)
		return DISCARD_HINT;
	return can_punch(b) ? DISCARD_ZEROES : DISCARD_NONE;
}

static bool opens_for_writing(const struct block_options *opt)
{
	return !opt->read_only && !opt->discard_changes;
}

/* Somebody else has opened it. */
static int check_access(const struct block *b, bool write, char **why)
{
	int flags = fcntl(b->fd, F_GETFL), access = flags & O_ACCMODE;

	if (flags >= 0 && !(flags & O_PATH) && (access == O_RDWR || (!write && access == O_RDONLY)))
		return 0;
	*why = sentence("%s was not opened for %s.", b->path, write ? "writing" : "reading");
	return -EBADF;
}

static int open_file(struct block *b, const struct block_options *opt, char **why)
{
	bool write = opens_for_writing(opt);

	if (b->fd >= 0 && check_access(b, write, why))
		return -EBADF;
	/* without O_NONBLOCK a pipe would keep us waiting; on files it means nothing */
	if (b->fd < 0)
		b->fd = open(b->path,
			     (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (b->fd < 0)
		return open_failed(b->path, !write, errno, why);
	b->read_only = opt->read_only;
	return set_size(b, why);
}

int block_check_raw(const char *path, const struct block_options *opt, char **why)
{
	struct block b = { .fd = -1, .path = (char *)path };
	int err = open_file(&b, opt, why);

	if (b.fd >= 0)
		close(b.fd);
	return err;
}

static int open_image(struct block *b, const struct block_options *opt, char **why)
{
	int err = open_file(b, opt, why);

	if (!err)
		err = block_lock(b->fd, opens_for_writing(opt), b->path, opt->guest_of, why);
	if (!err && opt->discard_changes && !opt->read_only)
		err = overlay_create(&b->overlay, b->fd, b->size, why);
	if (err)
		return err;
	b->discard = discard_kind(b, opt);
	b->wait_for_room = opt->wait_for_room;
	if (b->odd)
		log_line(LOG_WARN, "%s: its last %u bytes are no whole sector, and the guest "
				   "does not see them.", b->path, b->odd);
	return 0;
}

/* A file that grows too large is an error there and no signal. */
static int start_worker(struct block *b, char **why)
{
	int err = thread_start(&b->worker, work, b);

	if (err)
		*why = sentence("No thread could be started for %s: %s; raise the limit on "
				"processes.", b->path, strerror(-err));
	return err;
}

static void block_free(struct block *b)
{
	overlay_free(b->overlay);
	if (b->fd >= 0)
		close(b->fd); /* the lock goes with it */
	pthread_cond_destroy(&b->wanted);
	pthread_mutex_destroy(&b->lock);
	free(b->guest);
	free(b->path);
	free(b);
}

/* fd: -1, or the file itself, which is then closed even if this fails. */
static int open_block(struct block **out, struct machine *m, int fd, const char *path,
		      const struct block_options *opt, char **why)
{
	struct block *b = calloc(1, sizeof(*b));
	int err = -ENOMEM;

	*out = NULL;
	*why = NULL;
	if (!b) {
		if (fd >= 0)
			close(fd);
		return err;
	}
	b->m = m;
	b->fd = fd;
	b->tail = &b->head;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->wanted, NULL);
	b->path = strdup(path);
	b->guest = opt->guest ? strdup(opt->guest) : NULL;
	if (b->path)
		err = open_image(b, opt, why);
	if (!err)
		err = start_worker(b, why);
	if (err) {
		block_free(b);
		return err;
	}
	*out = b;
	return 0;
}

int block_open_raw(struct block **out, struct machine *m, const char *path,
		   const struct block_options *opt, char **why)
{
	return open_block(out, m, -1, path, opt, why);
}

int block_open_fd(struct block **out, struct machine *m, int fd, const char *path,
		  const struct block_options *opt, char **why)
{
	return open_block(out, m, fd, path, opt, why);
}

void block_end(struct block *b)
{
	pthread_mutex_lock(&b->lock);
	b->quit = true;
	pthread_cond_signal(&b->wanted);
	pthread_mutex_unlock(&b->lock);
}

bool block_ended(struct block *b)
{
	bool ended;

	pthread_mutex_lock(&b->lock);
	ended = b->ended;
	pthread_mutex_unlock(&b->lock);
	return ended;
}

void block_close(struct block *b)
{
	if (!b)
		return;
	block_end(b);
	pthread_join(b->worker, NULL);
	block_free(b);
}

void block_read_stats(struct block *b, struct block_stats *s)
{
	pthread_mutex_lock(&b->lock);
	*s = b->stats;
	pthread_mutex_unlock(&b->lock);
}

uint64_t block_size(const struct block *b)
{
	return b->size;
}

bool block_read_only(const struct block *b)
{
	return b->read_only;
}

enum block_discard block_discard(const struct block *b)
{
	return b->discard;
}

const char *block_path(const struct block *b)
{
	return b->path;
}
