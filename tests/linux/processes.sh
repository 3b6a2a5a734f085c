#!/bin/sh
# Processes, signals and time as busybox's shell sees them: run in the guest by tests/linux, and the
# same on any Linux, which is the reference. Prints "ok NAME" or "not ok NAME: ...".
# $1: an empty folder to work in.
. "$(dirname "$0")/check.sh"
cd "$1" || exit 2

# --- ends ---
sh -c 'exit 42'
is exit_status "$?" 42
sh -c 'kill -9 $$'
is killed_status "$?" 137
sh -c 'kill -SEGV $$' 2>/dev/null
is fault_status "$?" 139
./missing 2>/dev/null
is not_found "$?" 127
echo data > plain
./plain 2>/dev/null
is not_executable "$?" 126
(sleep 0.2; exit 5) &
wait $!
is wait_status "$?" 5
is parent "$(sh -c 'echo $PPID')" "$$"

# --- programs ---
printf '#!/bin/sh\necho "script $0 $1"\n' > script
chmod +x script
is script "$(./script word)" "script ./script word"
printf '#! /bin/cat -u\nbody\n' > shown
chmod +x shown
is script_argument "$(./shown | tail -1)" body
is environment "$(WORD='a b' sh -c 'echo "$WORD"')" "a b"
is empty_environment "$(env -i A=1 "$(which busybox)" env)" "A=1"
long=$(head -c 100000 /dev/zero | tr '\000' x)
is long_argument "$(sh -c 'echo ${#1}' sh "$long")" 100000

# --- signals ---
is trap "$(sh -c 'trap "echo got" USR1; kill -USR1 $$; echo on')" "got
on"
is ignored "$(sh -c 'trap "" TERM; kill $$; echo alive')" alive
is trap_in_wait "$(sh -c 'trap "echo woken; exit" USR1; (sleep 0.2; kill -USR1 $$) & sleep 5 & wait')" woken
(sleep 20 & echo $! > pid; wait) &
while [ ! -s pid ]; do sleep 0.05; done
kill "$(cat pid)"
wait
is killed_sleep "$(kill -0 "$(cat pid)" 2>/dev/null || echo gone)" gone
sleep 20 &
stopped=$!
kill -STOP $stopped
sleep 0.1
is stopped "$(awk '{print $3}' /proc/$stopped/stat)" T
kill -CONT $stopped
sleep 0.1
is continued "$(awk '{print $3}' /proc/$stopped/stat)" S
kill $stopped
wait $stopped 2>/dev/null
is term_status "$?" 143
is timeout "$(timeout 1 sleep 10; echo $?)" 143

# --- many ---
i=0
while [ $i -lt 300 ]; do
    busybox true || echo "not ok many: $i"
    i=$((i + 1))
done
is many_in_turn $i 300
for i in 1 2 3 4 5 6 7 8 9 10; do
    (for j in 1 2 3 4 5; do (echo $i $j | cat; exit 0); done) &
done > lines
wait
is many_at_once "$(sort -u lines | wc -l)" 50
is deep "$(sh -c 'sh -c "sh -c \"sh -c echo\\ bottom\""')" bottom
is pipeline "$(echo 1 | cat | cat | cat | cat | cat | cat | cat | cat)" 1
is no_zombies "$(awk -v shell=$$ '$3 == "Z" && $4 == shell' /proc/[0-9]*/stat 2>/dev/null | wc -l)" 0

# --- time ---
before=$(date +%s)
sleep 1
after=$(date +%s)
is slept "$((after - before >= 1 && after - before < 20))" 1
is year "$(($(date +%Y) >= 2024))" 1

exit $failed
