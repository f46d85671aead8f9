#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# /lab/way of an emulated host that has virtio devices.
# ports: goes on with stage1, which finds the ports as descriptors 3, 6 and 7: control (both ways, lines), the command's
# output, its errors. share NAME FOLDER OPTIONS: mounts what the emulator shares.

last_port_is_there()
{
	set -- /sys/class/virtio-ports/*p3/name
	[ -e "$1" ]
}

case $1 in
ports)
	# They appear a moment after their driver. Without a limit: with --icount, time passes at once
	# when nothing runs, and tools/lab keeps the real time.
	until last_port_is_there; do sleep 0.02; done
	for port in /sys/class/virtio-ports/*; do
		read -r name <"$port/name"
		case $name in
		lab.control) exec 3<>"/dev/${port##*/}" ;;
		lab.stdout) exec 6>"/dev/${port##*/}" ;;
		lab.stderr) exec 7>"/dev/${port##*/}" ;;
		esac
	done
	exec sh /lab/stage1
	;;
share)
	exec mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000,$4" "$2" "$3"
	;;
esac
