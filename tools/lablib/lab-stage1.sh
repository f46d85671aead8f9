# SPDX-License-Identifier: GPL-2.0-only
#
# First process of the emulated host, still in its initramfs: puts the real machine's root file system, read-only below
# a throw-away layer of memory, in place, and goes on there with stage2. Descriptors as in lab-virtio.sh.

. /lab/run.sh

fail()	# SENTENCE: give up; tools/lab shows the sentence
{
	echo "lab: $*" >/dev/kmsg
	echo "fail $*" >&3
	while :; do sleep 1000; done
}

/lab/way share root /low ro,cache=loose || fail "the real machine's root file system cannot be mounted"
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
	/lab/way share out /new/out rw,cache=mmap || fail "the folder for results cannot be mounted"
fi

mkdir -p run/lab/bin
cp /bin/busybox /lab/stage2 /lab/run.sh run/lab
cd /

# Not chroot: the kernel refuses user namespaces and pivot_root to a process in a chroot, and sandboxes need both.
exec switch_root /new /run/lab/busybox sh /run/lab/stage2
