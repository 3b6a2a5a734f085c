#!/bin/sh
# Files, folders, pipes, devices and /proc as busybox's shell and applets see them: run in the guest by
# tests/linux, and the same on any Linux, which is the reference. Prints "ok NAME" or "not ok NAME: ...".
# $1: an empty folder to work in.
. "$(dirname "$0")/check.sh"
cd "$1" || exit 2

# fails NAME COMMAND...: it does, and says this ($want)
fails() {
    name=$1
    shift
    said=$("$@" 2>&1) && { is "$name" succeeded "$want"; return; }
    case $said in
    *"$want"*) is "$name" ok ok ;;
    *) is "$name" "$said" "$want" ;;
    esac
}

# --- content ---
echo hello > a
is write_read "$(cat a)" hello
echo world >> a
is append "$(cat a | tr '\n' ' ')" "hello world "
: > a
is truncate "$(wc -c < a)" 0
dd if=/dev/zero of=big bs=64k count=32 2>/dev/null
is size_of_big "$(stat -c %s big)" 2097152
dd if=/dev/urandom of=random bs=1000 count=777 2>/dev/null
cp random copy
is copied "$(cmp random copy && echo same)" same
is sum_through_pipes "$(cat random | cat | cat | md5sum)" "$(md5sum < copy)"
dd if=random of=hole bs=1000 count=1 seek=100 2>/dev/null
is hole_size "$(stat -c %s hole)" 101000
is hole_zero "$(dd if=hole bs=1000 count=100 2>/dev/null | tr -d '\000' | wc -c)" 0
truncate -s 10 copy
is truncated "$(wc -c < copy)" 10
dd if=/dev/zero of=copy bs=1 count=1 seek=20 conv=notrunc 2>/dev/null
is grown_zero "$(tail -c 10 copy | tr -d '\000' | wc -c)" 0

# --- names ---
mkdir -p d/e/f
touch d/e/f/g
is find "$(find d | sort | tr '\n' ' ')" "d d/e d/e/f d/e/f/g "
mv d/e d/moved
is moved "$(ls d)" moved
want='Directory not empty' fails rmdir_full rmdir d
want='No such file' fails missing cat nothing
want='Not a directory' fails through_a_file cat a/b
want='Is a directory' fails write_to_folder dd if=/dev/null of=d
ln -s d/moved/f link
is through_link "$(ls link)" g
is readlink "$(readlink link)" d/moved/f
ln -s loop1 loop2
ln -s loop2 loop1
want='ymbolic link' fails loop cat loop1
ln a hard
echo both > a
is hard_link "$(cat hard)" both
is link_count "$(stat -c %h a)" 2
rm a
is link_left "$(stat -c %h hard)" 1
i=0
mkdir many
while [ $i -lt 500 ]; do
    : > many/file$i
    i=$((i + 1))
done
is many_listed "$(ls many | wc -l)" 500
rm -r many
is removed "$(ls -d many 2>/dev/null)" ""
mkdir cwd
(cd cwd && rmdir ../cwd && want='No such file' fails gone_cwd touch x)
is pwd "$(cd d/moved && /bin/pwd)" "$(pwd -P)/d/moved"

# --- permissions and times ---
umask 027
touch masked
is umask "$(stat -c %a masked)" 640
chmod 4711 masked
is chmod "$(stat -c %a masked)" 4711
chown 12:34 masked
is chown "$(stat -c %u:%g masked)" 12:34
touch -d '2001-02-03 04:05:06' masked
is times "$(stat -c %Y masked)" "$(date -d '2001-02-03 04:05:06' +%s)"
is newer "$(find . -name big -newer masked)" ./big

# --- pipes and devices ---
mkfifo fifo
echo through > fifo &
is fifo "$(cat fifo)" through
wait
is pipe_status "$( (exit 3) | cat; echo $?)" 0
yes 2>/dev/null | head -n 100000 | tail -n 1 > last
is broken_pipe "$(cat last)" y
is null "$(cat /dev/null | wc -c)" 0
want='No space' fails full sh -c 'echo x > /dev/full'
is zero "$(head -c 1000 /dev/zero | tr -d '\000' | wc -c)" 0
is here_document "$(cat <<END
one $((1 + 1))
END
)" "one 2"
exec 3> third
echo three >&3
exec 3>&-
is descriptor_3 "$(cat third)" three
is dev_fd "$(echo again | cat /dev/fd/0)" again
is dev_stdin "$(echo again | cat /dev/stdin)" again

# --- archives: many small files and their kinds ---
tar cf t.tar d link fifo hard
mkdir out
tar xf t.tar -C out
is tar "$(cd out && find . | sort | tr '\n' ' ')" ". ./d ./d/moved ./d/moved/f ./d/moved/f/g ./fifo ./hard ./link "
is tar_fifo "$(stat -c %F out/fifo)" fifo
gzip -c random > r.gz
is gzip "$(gunzip -c r.gz | cmp - random && echo same)" same

# --- /proc ---
is proc_self "$(readlink /proc/self/cwd)" "$(pwd -P)"
is proc_status "$(sed -n 's/^PPid:\t//p' /proc/self/status)" "$$"
is proc_cmdline "$(tr '\000' ' ' < /proc/$$/cmdline | grep -c files.sh)" 1
is proc_fields "$(sed 's/.*) //' /proc/$$/stat | wc -w)" 50
is proc_mounts "$(grep -c ' /proc proc ' /proc/mounts)" 1
is proc_uptime "$(awk 'NF == 2 && $1 > 0' /proc/uptime | wc -l)" 1
is proc_meminfo "$(awk '/^MemTotal:/ && $2 > 1000 {print $3}' /proc/meminfo)" kB
is proc_fd "$(ls /proc/$$/fd | grep -c '^[012]$')" 3
is ps_self "$(ps | awk -v pid=$$ '$1 == pid' | wc -l)" 1
is proc_maps "$(grep -c stack /proc/$$/maps)" 1

exit $failed
