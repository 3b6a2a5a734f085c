# What scripts of tests/linux share: `. "$(dirname "$0")/check.sh"`. They print "ok NAME" or "not ok NAME: ...",
# and end with `exit $failed`.
failed=0

# is NAME GOT WANTED
is() {
    if [ "$2" = "$3" ]; then
        echo "ok $1"
    else
        echo "not ok $1: got '$2', wanted '$3'"
        failed=1
    fi
}
