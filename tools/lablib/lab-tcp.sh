#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# /lab/way of an emulated host that has a network card only: connections to tools/lab. Arguments as in lab-virtio.sh.
# Each connection is standard input and output of what nc becomes, and begins with the secret, which run.sh knows.

. /lab/run.sh

way()	# ARGUMENTS: this file again, with a new connection
{
	exec nc 10.0.2.2 "$GATE" -e /lab/way "$@"
}

case $1 in
ports)
	way control
	;;
control)
	echo "$SECRET control"
	exec 3<&0
	way stdout
	;;
stdout)
	echo "$SECRET stdout"
	exec 6>&1
	way stderr
	;;
stderr)
	echo "$SECRET stderr"
	exec 7>&1 </dev/null >/dev/console
	exec sh /lab/stage1
	;;
share)
	way mount "$2" "$3" "$4"
	;;
mount)
	echo "$SECRET $2"
	exec mount -t 9p -o "trans=fd,rfdno=0,wfdno=1,version=9p2000.L,msize=262144,access=any,uname=$USER,aname=/proc/self/cwd/.,$4" "$2" "$3"
	;;
esac
