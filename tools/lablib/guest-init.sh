#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
#
# First process of the Linux guest images. Words of the kernel command line that it knows:
#   guest.run=shell       a root shell on tty1 and ttyS0 (the default)
#   guest.run=selftest    write a file to the disk and read it back, report the kernel's complaints, power off
#   guest.text=WORD       what selftest writes (caisson-selftest)
#   guest.run=resets      reset the machine in one way after another, count the starts on the disk, power off
#   guest.resets=A,B,C    these ways: words of /sys/kernel/reboot/type (acpi,kbd,pci,triple,bios)

/bin/busybox mkdir -p /proc /sys /dev /mnt /root /tmp
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root TERM=linux
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts
mount -t devpts pts /dev/pts

# A line for whoever watches: the screen, and the serial port if the machine has one.
say()
{
	echo "caisson-guest: $*" >/dev/tty0
	[ -n "$serial" ] && echo "caisson-guest: $*" >/dev/ttyS0
}
stty -F /dev/ttyS0 >/dev/null 2>&1 && serial=yes || serial=

run=shell
text=caisson-selftest
resets=acpi,kbd,pci,triple,bios
for word in $(cat /proc/cmdline); do
	case $word in
	guest.run=*) run=${word#*=} ;;
	guest.text=*) text=${word#*=} ;;
	guest.resets=*) resets=${word#*=} ;;
	esac
done

while read -r module; do
	# Some refuse, as they should: Xen's on a machine without Xen.
	insmod "/modules/$module" 2>/dev/kmsg
	[ "$run" = resets ] && [ -b /dev/sda ] && break # it has many starts before it
done </modules/order
rm -r /modules

find_disk()	# the partition of this image, for which the probing of slow devices may take a while
{
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		disk=$(findfs LABEL=caisson-guest 2>/dev/null) && return
		sleep 0.5
	done
	return 1
}

test_disk()
{
	find_disk || { say "disk none"; return; }
	mount -t ext4 "$disk" /mnt || { say "disk FAIL $disk cannot be mounted"; return; }
	if ! echo "$text" >/mnt/selftest.txt || ! sync || ! umount /mnt; then
		say "disk FAIL $disk cannot be written"
		return
	fi
	# Mounted again, so that it comes from the disk.
	echo 3 >/proc/sys/vm/drop_caches
	mount -t ext4 -o ro "$disk" /mnt || { say "disk FAIL $disk cannot be mounted again"; return; }
	if [ "$(cat /mnt/selftest.txt)" = "$text" ]; then
		say "disk ok $disk"
	else
		say "disk FAIL $disk reads back differently"
	fi
	umount /mnt
}

selftest()
{
	test_disk
	say "processors $(nproc)"
	# With regard to case: healthy kernels write "report a bug" and "this is not a bug". What they
	# write about speculation concerns the processor's model only.
	words='ACPI (BIOS )?(Error|Warning|BIOS)|[Ff]irmware [Bb]ug|[Nn]o (irq|IRQ)|nobody cared'
	dmesg | grep -v hw-vuln | grep -E "$words|\<(BUG|WARNING)\>" >/tmp/problems
	while read -r line; do
		say "problem $line"
	done </tmp/problems
	say "problems $(wc -l </tmp/problems)"
	say "done"
	# The serial port is slower than the power switch.
	sleep 0.2
	poweroff -f
}

# The count is in a sector that nothing else uses, between the boot loader and the first partition.
resets()
{
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ -b /dev/sda ] && break
		sleep 0.5
	done
	count=$(dd if=/dev/sda bs=512 skip=2047 count=1 2>/dev/null | tr -cd 0-9)
	count=$((${count:-0} + 1))
	printf %-512s "$count" | dd of=/dev/sda bs=512 seek=2047 conv=notrunc,fsync 2>/dev/null
	say "start $count"
	say "processors $(nproc)"
	set -- $(echo "$resets" | tr , ' ')
	[ "$count" -gt $# ] && say "done" && sleep 0.2 && poweroff -f
	shift $((count - 1))
	echo "$1" >/sys/kernel/reboot/type
	say "reset by $(cat /sys/kernel/reboot/type)"
	sleep 0.2
	reboot -f
}

say ready
case $run in
shell)
	for terminal in tty1 ${serial:+ttyS0}; do
		while :; do
			setsid -c sh -l <>"/dev/$terminal" >&0 2>&1
			sleep 1
		done &
	done
	wait
	;;
selftest)
	selftest
	;;
resets)
	resets
	;;
*)
	say "guest.run=$run is none of shell, selftest and resets"
	;;
esac
while :; do sleep 1000; done
