#!/usr/bin/env bash
# What action.yml does once usersync is installed: from the inputs, which came as environment
# variables, to the command, and from its exit code to the outputs and the colour of the step.
set -euo pipefail

home="$RUNNER_TEMP/usersync"
run_file=$(mktemp "$RUNNER_TEMP/usersync-run-XXXXXX")

refuse() {
    echo "::error title=usersync::$1"
    exit 3
}

# Each input is one word, whatever it holds; only `arguments` is several, one a line, where a `#` in
# front takes a line out.
[[ $TASK =~ ^[a-z][a-z.-]*$ ]] || refuse 'the input task is no name of a task'
[[ $RUNBOOK != -* ]] || refuse 'the input runbook is no name of a runbook'
words=("$TASK")
[ -z "$RUNBOOK" ] || words+=("$RUNBOOK")
[ -z "$TARGET" ] || words+=("--target=$TARGET")
[ -z "$APPROVE" ] || words+=("--approve=$APPROVE")
while IFS= read -r line; do
    [[ $line == '' || $line == '#'* ]] || words+=("$line")
done <<<"$ARGUMENTS"
case $TASK in
    targets) words+=(--json) ;;
    report.render) ;;
    report.publish) words+=("--publish=${PUBLISH:-outputs}") ;;
    *) words+=("--out=$run_file" "--publish=${PUBLISH:-outputs}") ;;
esac

# The inputs are read: usersync sees GitHub's variables and the caller's, and none of these. Nor is
# there anybody whom it could ask, whatever a runner makes of its standard input.
exec </dev/null
export -n TASK RUNBOOK TARGET APPROVE ARGUMENTS PUBLISH PASS_ON
code=0
if [ "$TASK" = targets ]; then
    listed=$("$home/bin/usersync" "${words[@]}") || code=$?
    printf 'targets=%s\n' "$listed" | tee -a "$GITHUB_OUTPUT"
else
    "$home/bin/usersync" "${words[@]}" || code=$?
fi

# What publishing wrote stands; what ended before that is told by its exit code alone.
case $code in
    0) status=ok ;;
    2) status=drift ;;
    3) status=refused ;;
    4) status=stopped ;;
    5 | 6) status=failed ;;
    7) status=locked ;;
    *) status=error ;;
esac
grep -q '^exit-code[=<]' "$GITHUB_OUTPUT" \
    || printf 'status=%s\nexit-code=%s\n' "$status" "$code" >>"$GITHUB_OUTPUT"

if [ -s "$run_file" ]; then
    printf 'run-file=%s\n' "$run_file" >>"$GITHUB_OUTPUT"
fi

case " $PASS_ON " in
    *" $code "*)
        if [ "$code" -eq 7 ]; then
            echo '::notice title=usersync::Another run holds the lock of the target; this one did nothing.'
        fi
        exit 0
        ;;
esac
exit "$code"
