#!/bin/sh
# Programs that use up what there is: they get errors or are ended, and the others go on. Run in the guest
# alone. Prints "ok NAME" or "not ok NAME: ...". $1: an empty folder to work in.
# guest only
. "$(dirname "$0")/check.sh"
cd "$1" || exit 2

alive() {
    is "$1" "$(seq 1 1000 | awk '{ s += $1 } END { print s }')" 500500
}

# --- memory ---
sh -c 'x=0123456789abcdef; while :; do x=$x$x; done' 2>/dev/null
is memory_bomb "$(($? != 0))" 1
alive after_memory_bomb

# --- files ---
is file_bomb "$(dd if=/dev/zero of=big bs=1M count=2000 2>&1 | grep -c 'No space')" 1
rm big
echo kept > small
is after_file_bomb "$(cat small)" kept

# --- processes ---
(i=0; while [ $i -lt 4000 ]; do sleep 1000 & i=$((i + 1)); done) 2>said
is process_bomb "$(grep -c 'fork' said)" 1
killall -9 sleep
sleep 1
alive after_process_bomb

# --- descriptors ---
sh -c 'i=3; while :; do eval "exec $i</dev/null" || exit 3; i=$((i + 1)); done' 2>/dev/null
is descriptor_bomb "$(($? != 0))" 1
alive after_descriptor_bomb

exit $failed
