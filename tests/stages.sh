# To be sourced: `stage NAME COMMAND ARGUMENTS...` runs a command and notes how long it took, and how much of one
# processor it used in that time: two processors that never wait are 200 %.
# The script that sources this first prints the times when it ends, those of the scripts it calls included.
if [ -z "${STAGE_TIMES:-}" ]; then
    STAGE_TIMES=$(mktemp)
    export STAGE_TIMES
    trap 'echo "Seconds of each stage, and how busy it was:"; cat "$STAGE_TIMES"; rm -f "$STAGE_TIMES" "$STAGE_TIMES".*' EXIT
fi

used() { # into `seconds`: of a processor, by all that this shell, not one of its own, has started and waited for
    times >"$STAGE_TIMES.$$"
    seconds=$(awk 'NR == 2 { split($1 "m" $2, t, "[ms]"); print int(60 * (t[1] + t[4]) + t[2] + t[5]) }' "$STAGE_TIMES.$$")
}

stage() {
    name=$1
    shift
    began=$(date +%s)
    used
    before=$seconds
    ended=0
    "$@" || ended=$?
    took=$(($(date +%s) - began))
    used
    busy=$(((seconds - before) * 100 / (took > 0 ? took : 1)))
    printf '%6d  %3d %%  %s%s\n' "$took" "$busy" "$name" "$([ $ended = 0 ] || echo " (failed)")" >>"$STAGE_TIMES"
    return $ended
}
