# To be sourced: `stage NAME COMMAND ARGUMENTS...` runs a command and notes how long it took.
# The script that sources this first prints the times when it ends, those of the scripts it calls included.
if [ -z "${STAGE_TIMES:-}" ]; then
    STAGE_TIMES=$(mktemp)
    export STAGE_TIMES
    trap 'echo "Seconds of each stage:"; cat "$STAGE_TIMES"; rm -f "$STAGE_TIMES"' EXIT
fi

stage() {
    name=$1
    shift
    began=$(date +%s)
    ended=0
    "$@" || ended=$?
    printf '%6d  %s%s\n' "$(($(date +%s) - began))" "$name" "$([ $ended = 0 ] || echo " (failed)")" >>"$STAGE_TIMES"
    return $ended
}
