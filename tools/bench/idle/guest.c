// SPDX-License-Identifier: GPL-2.0-only
/*
 * First process of the idle benchmark's guest: sleeps until a byte on the first serial port says
 * what to do on the screen. Its answers go to the port's data register, not through the driver, so
 * that each leaves the guest at the moment when it is given.
 * Missing: a way out; the benchmark ends the machine.
 */
#include <fcntl.h>
#include <linux/fb.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <termios.h>
#include <unistd.h>

enum {
	COM1 = 0x3f8,
	MANY_LINES = 1000,	/* text mode */
	LINES = 200,		/* each a redrawn picture */
	FRAMES = 200,
};

static int screen, ports;

static void answer(char c)
{
	if (pwrite(ports, &c, 1, COM1) != 1)
		_exit(1);
}

static void show(const char *text)
{
	if (write(screen, text, strlen(text)) < 0)
		answer('!');
}

/* Lines of which hardly a character is that of the line before. */
static void scroll(unsigned lines)
{
	char line[80] = "\n";
	uint32_t random = 1;

	for (unsigned i = 0; i < lines; i++) {
		for (unsigned column = 1; column < sizeof(line) - 1; column++) {
			random = random * 1664525 + 1013904223;
			line[column] = '!' + (random >> 16) % 94;
		}
		show(line);
	}
}

/* Every pixel is another in every frame. 16 bits each, as the frame buffer console has them. */
static void draw_frame(uint8_t *memory, const struct fb_var_screeninfo *mode, size_t pitch,
		       unsigned time)
{
	for (unsigned y = 0; y < mode->yres; y++) {
		uint16_t *line = (uint16_t *)(memory + y * pitch);

		for (unsigned x = 0; x < mode->xres; x++)
			line[x] = (x ^ y) + time * 33;
	}
}

static void play(void)
{
	int fd = open("/dev/fb0", O_RDWR);
	struct fb_var_screeninfo mode;
	struct fb_fix_screeninfo fixed;
	uint8_t *memory;

	if (fd < 0 || ioctl(fd, FBIOGET_VSCREENINFO, &mode) ||
	    ioctl(fd, FBIOGET_FSCREENINFO, &fixed))
		return;
	memory = mmap(NULL, fixed.smem_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory != MAP_FAILED && mode.bits_per_pixel == 16)
		for (unsigned i = 1; i <= FRAMES; i++)
			draw_frame(memory, &mode, fixed.line_length, i);
	close(fd);
}

static void obey(char command)
{
	switch (command) {
	case 'c':		/* the cursor, as vt.global_cursor_default has it */
		show("\033[?25h");
		break;
	case 'C':
		show("\033[?25l");
		break;
	case 'w':		/* first the answer: its time is that of the write */
		answer(command);
		show("x");
		return;
	case 's':
		scroll(LINES);
		break;
	case 'S':
		scroll(MANY_LINES);
		break;
	case 'p':
		play();
		break;
	}
	answer(command);
}

int main(void)
{
	struct termios raw;
	char command;
	int serial;

	mount("dev", "/dev", "devtmpfs", 0, NULL);
	screen = open("/dev/tty0", O_RDWR | O_NOCTTY);
	serial = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
	ports = open("/dev/port", O_RDWR);
	if (screen < 0 || serial < 0 || ports < 0 || tcgetattr(serial, &raw))
		return 1;
	cfmakeraw(&raw);
	tcsetattr(serial, TCSANOW, &raw);
	answer('r');
	while (read(serial, &command, 1) == 1)
		obey(command);
	return 1;
}
