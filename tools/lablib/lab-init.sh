#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
#
# First process of the emulated host, in its initramfs: puts the real machine's root file system, read-only below a
# throw-away layer of memory, in place, and goes on there with stage2. /lab/run.sh is written by tools/lab for each run.

/bin/busybox mkdir -p /proc /sys /dev /low /layer /new
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev

fail()	# SENTENCE: give up; tools/lab shows the sentence
{
	echo "lab: $*" >/dev/kmsg
	[ -c /dev/lab/control ] && echo "fail $*" >/dev/lab/control && sleep 1000
	poweroff -f
}

while read -r module; do
	insmod "/modules/$module" || fail "the module $module does not load in the emulated host"
done </modules/order
rm -r /modules

last_port_is_there()
{
	set -- /sys/class/virtio-ports/*p3/name
	[ -e "$1" ]
}
# The ports appear a moment after their driver. Without a limit: with --icount, time passes at once
# when nothing runs, and tools/lab keeps the real time.
until last_port_is_there; do sleep 0.02; done
mkdir /dev/lab
for port in /sys/class/virtio-ports/*; do
	read -r name <"$port/name"
	ln -s "/dev/${port##*/}" "/dev/lab/${name#lab.}"
done
. /lab/run.sh

NINEP=trans=virtio,version=9p2000.L,msize=512000
mount -t 9p -o "$NINEP,ro,cache=loose" root /low || fail "the real machine's root file system cannot be mounted"
mount -t tmpfs -o mode=755 layer /layer
mkdir /layer/upper /layer/work
mount -t overlay -o lowerdir=/low,upperdir=/layer/upper,workdir=/layer/work root /new ||
	fail "no overlay on the real machine's root file system"

cd /new || fail "the root file system is not there"
mkdir -p proc sys dev run tmp add out
mount -t proc proc proc
mount -t sysfs sys sys
mount -t devtmpfs dev dev
mkdir -p dev/pts dev/shm
mount -t devpts -o mode=620,ptmxmode=666 pts dev/pts
mount -t tmpfs -o mode=1777 shm dev/shm
mount -t tmpfs -o mode=755 run run
mount -t tmpfs -o mode=1777 tmp tmp
mount -t debugfs debug sys/kernel/debug
mount -t tracefs trace sys/kernel/tracing
mount -t cgroup2 cgroup sys/fs/cgroup
ln -sf /proc/self/fd dev/fd
ln -sf /proc/self/fd/0 dev/stdin
ln -sf /proc/self/fd/1 dev/stdout
ln -sf /proc/self/fd/2 dev/stderr

show()	# PATH AT: a file or folder of the real machine, read-only, at AT
{
	if [ -d "/low$1" ]; then
		mkdir -p "/new$2"
	elif [ -e "/low$1" ]; then
		mkdir -p "/new${2%/*}"
		[ -e "/new$2" ] || : >"/new$2"
	else
		fail "$1 cannot be read in the emulated host"
	fi
	mount -o bind "/low$1" "/new$2" || fail "$1 cannot be mounted in the emulated host"
}
show_all
if [ -n "$OUT" ]; then
	# cache=mmap: what is written goes out at once, and files can still be mapped for writing.
	mount -t 9p -o "$NINEP,rw,cache=mmap" out out || fail "the folder for results cannot be mounted"
fi

mkdir -p run/lab/bin
cp /bin/busybox /lab/stage2 /lab/run.sh run/lab
for link in /bin/*; do
	[ "$link" = /bin/busybox ] || ln -s ../busybox "run/lab/bin/${link##*/}"
done
cd /

# Not chroot: the kernel refuses user namespaces and pivot_root to a process in a chroot, and sandboxes need both.
exec switch_root /new /run/lab/busybox sh /run/lab/stage2
