// SPDX-License-Identifier: GPL-2.0-only
/*
 * Passwords of the VNC server: the file they come from, the test of a viewer's answer, and what
 * comes of wrong ones.
 *
 * The cipher is the library's, which is libgcrypt's: it leaves the challenge as it is where it
 * does not take a key (a DES key that is weak), so such passwords are refused at the start.
 * Reference: RFC 6143, "VNC Authentication".
 */
#include "vnc_priv.h"

#include "dm/log.h"
#include "ui/vnc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { FILE_MAX_LEN = 256 }; /* two passwords and the ends of their lines, and too much */
#define TELL_NS (60 * 1000000000ull)

static int refuse(int err, char **why, char *text)
{
	*why = text;
	return err;
}

/* --- where passwords come from --- */

static void encrypt(uint8_t block[VNC_CHALLENGE], const char *password)
{
	char key[VNC_PASSWORD + 1];

	memcpy(key, password, sizeof(key));
	rfbEncryptBytes(block, key);
}

/* As a key: some cannot be one. Also the first use of the cipher, which may open files. */
static bool is_key(const char *password)
{
	uint8_t block[VNC_CHALLENGE] = {0};
	static const uint8_t same[VNC_CHALLENGE];

	encrypt(block, password);
	return memcmp(block, same, sizeof(block));
}

static int refuse_text(const char *whence, char **why)
{
	return refuse(-EINVAL, why,
		      sentence("%s: this is not a password in plain ASCII text; write one into the "
			       "first line.",
			       whence));
}

/* One password of n bytes; whence says where it was found. */
static int take(char password[VNC_PASSWORD + 1], const char *text, size_t n, const char *whence,
		char **why)
{
	size_t i;

	if (!n || n > VNC_PASSWORD)
		return refuse(-EINVAL, why,
			      sentence("%s: a VNC password has 1 to %d characters, and this one "
				       "has %zu; choose another.",
				       whence, VNC_PASSWORD, n));
	for (i = 0; i < n; i++)
		if ((uint8_t)text[i] < ' ' || (uint8_t)text[i] > '~')
			return refuse_text(whence, why);
	memset(password, 0, VNC_PASSWORD + 1);
	memcpy(password, text, n);
	if (!is_key(password))
		return refuse(-EINVAL, why,
			      sentence("%s: this password makes no key for VNC's cipher; choose "
				       "another.",
				       whence));
	return 0;
}

static int check_mode(int fd, const char *path, char **why)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode)) /* a pipe could be read once, and it is read twice */
		return refuse(-EINVAL, why,
			      sentence("%s is not a file; name one with the VNC password in it.",
				       path));
	if (!(st.st_mode & (S_IRWXG | S_IRWXO)))
		return 0;
	return refuse(-EPERM, why,
		      sentence("%s can be used by others than its owner, and it has a password "
			       "in it; run chmod 600 on it.",
			       path));
}

/* All of it, or FILE_MAX_LEN of it, with a zero behind: its length or -errno. */
static ssize_t read_file(const char *path, char *text, char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n = 1, len = 0;
	int err = fd < 0 ? -errno : check_mode(fd, path, why);

	while (!err && n > 0 && len < FILE_MAX_LEN) {
		n = read(fd, text + len, (size_t)(FILE_MAX_LEN - len));
		if (n < 0)
			err = -errno;
		else
			len += n;
	}
	if (fd >= 0)
		close(fd);
	if (err && !*why)
		*why = sentence("%s with the VNC password cannot be read: %s; check the path and "
				"its permissions.",
				path, strerror(-err));
	text[len] = 0;
	return err ? err : len;
}

/* The first line, and the second if there is one. */
static int read_passwords(struct vnc_passwords *p, const char *path, char **why)
{
	char text[FILE_MAX_LEN + 1], *second;
	ssize_t n = read_file(path, text, why);
	int err = n < 0 ? (int)n : 0;
	size_t first;

	if (!err && memchr(text, 0, (size_t)n))
		err = refuse_text(path, why);
	if (!err) {
		first = strcspn(text, "\n");
		second = text + first + (text[first] == '\n');
		err = take(p->full, text, first - (first && text[first - 1] == '\r'), path, why);
		if (!err && *second)
			err = take(p->view, second, strcspn(second, "\r\n"), path, why);
	}
	explicit_bzero(text, sizeof(text));
	return err;
}

int vnc_passwords(struct vnc_passwords *p, const struct vnc_options *opt, char **why)
{
	int err = 0;

	*p = (struct vnc_passwords){0};
	if (opt->password_file)
		err = read_passwords(p, opt->password_file, why);
	else if (opt->password)
		err = take(p->full, opt->password, strlen(opt->password), "The VNC password", why);
	if (!err && p->view[0] && !strcmp(p->view, p->full))
		err = refuse(-EINVAL, why,
			     sentence("%s: the password to look is the one to use the guest, too; "
				      "choose another or leave its line out.",
				      opt->password_file));
	return err;
}

/* --- viewers' answers --- */

/* Takes as long wherever they differ. */
static bool is_same(const uint8_t *a, const uint8_t *b)
{
	volatile uint8_t differ = 0;
	unsigned i;

	for (i = 0; i < VNC_CHALLENGE; i++)
		differ |= a[i] ^ b[i];
	return !differ;
}

static bool answers(const char *password, const uint8_t *challenge, const uint8_t *answer)
{
	uint8_t want[VNC_CHALLENGE];

	memcpy(want, challenge, sizeof(want));
	encrypt(want, password);
	return is_same(want, answer) & !is_same(want, challenge) & !!password[0];
}

int vnc_challenge(uint8_t challenge[VNC_CHALLENGE])
{
	return getrandom(challenge, VNC_CHALLENGE, 0) == VNC_CHALLENGE ? 0 : -EIO;
}

enum vnc_access vnc_judge(const struct vnc_passwords *p, const uint8_t *challenge,
			  const uint8_t *answer)
{
	bool full = answers(p->full, challenge, answer), view = answers(p->view, challenge, answer);

	return full ? VNC_ALL : view ? VNC_LOOK : VNC_NOTHING;
}

/* --- wrong ones --- */

static void name_peer(int sock, char *text, size_t room)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} at;
	socklen_t len = sizeof(at);
	char host[INET6_ADDRSTRLEN];

	memset(&at, 0, sizeof(at));
	getpeername(sock, &at.any, &len);
	if (at.any.sa_family == AF_INET && inet_ntop(AF_INET, &at.in.sin_addr, host, sizeof(host)))
		snprintf(text, room, "%s:%u", host, ntohs(at.in.sin_port));
	else if (at.any.sa_family == AF_INET6 &&
		 inet_ntop(AF_INET6, &at.in6.sin6_addr, host, sizeof(host)))
		snprintf(text, room, "[%s]:%u", host, ntohs(at.in6.sin6_port));
	else
		snprintf(text, room, "the Unix socket");
}

/* The first at once, then one line a minute that tells how many there were. */
static void tell(struct vnc_viewer *v)
{
	unsigned long long now = vnc_now(), due = v->vnc->tell_due;
	unsigned n = ++v->vnc->wrong;
	char peer[INET6_ADDRSTRLEN + 16];

	if (now < due || !atomic_compare_exchange_strong(&v->vnc->tell_due, &due, now + TELL_NS))
		return;
	name_peer(v->sock, peer, sizeof(peer));
	log_line(LOG_WARN, "VNC: %s gave a wrong password; wrong ones since the start: %u.", peer,
		 n);
}

/*
 * Waits whatever the viewer does: one that hangs up keeps its place, too, or the next guess would
 * come at once. Nobody else waits.
 */
void vnc_punish(struct vnc_viewer *v)
{
	struct pollfd stop = {.fd = v->wake, .events = POLLIN};

	tell(v);
	poll(&stop, 1, VNC_PENALTY_MS);
}
