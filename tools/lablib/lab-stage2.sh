# SPDX-License-Identifier: GPL-2.0-only
#
# First process of the emulated host, on its final root: network, hypervisor, then the command, then the end.
# Descriptors as in lab-virtio.sh.

/run/lab/busybox --install -s /run/lab/bin
PATH=/run/lab/bin
. /run/lab/run.sh

fail()	# SENTENCE: give up; tools/lab shows the sentence
{
	echo "fail $*" >&3
	while :; do sleep 1000; done
}

hostname lab
ifconfig lo 127.0.0.1 up
if [ -n "$NETWORK" ]; then
	rm -f /etc/resolv.conf
	echo nameserver 10.0.2.3 >/etc/resolv.conf
fi
# Services in the lab listen on its loopback address, the emulator delivers to its network card: a relay between them.
for pair in $FORWARDS; do
	nc -ll -p "${pair%:*}" -e nc 127.0.0.1 "${pair#*:}" 2>/dev/null &
done

case $HV in
none) ;;
kvm)
	modprobe "kvm-$CPU" || fail "the module kvm-$CPU does not load in the emulated host"
	[ -c /dev/kvm ] || fail "there is no /dev/kvm in the emulated host after kvm-$CPU was loaded"
	;;
caisson)
	insmod "$MODULE" || fail "the module $MODULE does not load in the emulated host"
	[ -c /dev/caisson ] || fail "there is no /dev/caisson in the emulated host after $MODULE was loaded"
	# For programs that know KVM's name only.
	ln -s caisson /dev/kvm
	;;
*)
	fail "the emulated host does not know the hypervisor $HV"
	;;
esac

# Signals for the command arrive by name on the control port.
while read -r signal; do
	kill "-$signal" "-$(cat /run/lab/pid)" 2>/dev/null
done <&3 &

survivors()	# what the command left running; kernel threads have no program, ours is busybox
{
	for process in /proc/[0-9]*; do
		program=$(readlink "$process/exe") || continue
		[ "$program" = /run/lab/busybox ] || echo "${process#/proc/}"
	done
}

# Not in the background: a shell makes what it starts there ignore SIGINT.
command_to_its_end()
{
	echo start >&3
	setsid sh -c 'echo $$ >/run/lab/pid; . /run/lab/run.sh; run_command' </dev/null >&4 2>&5 3<&- 4>&- 5>&- 6>&- 7>&-
	echo "exit $?" >&3
	# Survivors would hold the pipes open.
	while pids=$(survivors) && [ -n "$pids" ]; do
		kill -9 $pids 2>/dev/null
		sleep 0.02
	done
}

carry()	# standard input, then the mark that tells tools/lab that nothing is on its way any more
{
	cat
	printf '\0%s' "$END"
}

# Output goes through pipes: a port can be opened only once, and the command may open /dev/stdout again.
{ command_to_its_end 5>&1 >/dev/console | carry >&7 4>&-; } 4>&1 | carry >&6
sync
# Nothing uses it any more. What it has to say when it goes is for the kernel log, which tools/lab reads.
[ "$HV" != caisson ] || rmmod caisson || fail "the module caisson does not unload after the command"
[ -n "$OUT" ] && umount /out
echo "done" >&3
while :; do sleep 1000; done
