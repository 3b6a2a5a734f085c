#!/bin/sh
# Debian's own bash, a dynamic program, in the guest. Prints "ok NAME" or "not ok NAME: ...".
# package: bash
. "$(dirname "$0")/check.sh"

is bash.version "$(bash -c 'echo ${BASH_VERSINFO[0]}')" 5
is bash.arithmetic "$(bash -c 'for i in {1..5}; do ((s += i * i)); done; echo $s')" 55
is bash.arrays "$(bash -c 'a=(x y z); echo ${#a[@]} ${a[1]}')" "3 y"
is bash.process_substitution "$(bash -c 'cat <(echo one) <(echo two) | tr "\n" " "')" "one two "
is bash.pipe_status "$(bash -c 'false | true | (exit 4); echo ${PIPESTATUS[*]}')" "1 0 4"
is bash.trap "$(bash -c 'trap "echo bye" EXIT; exit 3'; echo $?)" "bye
3"
is bash.read "$(printf 'a b c\n' | bash -c 'read x y z; echo $z$y$x')" cba
is bash.background "$(bash -c 'for i in {1..20}; do (echo $i) & done | sort -n | tail -1; wait')" 20
exit $failed
