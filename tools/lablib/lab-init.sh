#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
#
# First process of the emulated host, in its initramfs: modules, network, the ports to tools/lab; goes on with stage1.
# /lab/run.sh is written by tools/lab for each run.

/bin/busybox mkdir -p /proc /sys /dev /low /layer /new
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev

while read -r module; do
	insmod "/modules/$module" || {
		echo "lab: the module $module does not load in the emulated host" >/dev/kmsg
		poweroff -f
	}
done </modules/order
rm -r /modules
. /lab/run.sh
if [ -n "$NETWORK" ]; then
	ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
	route add default gw 10.0.2.2
fi
exec /lab/way ports
