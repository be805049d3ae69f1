#!/bin/bash
# check-logs.sh ERROR_LOG [REPORTS]   judges what a run of nginx has left
#
#   ERROR_LOG   the error logs of all blocks, one after another
#   REPORTS     directory where sanitizers write their reports
#
# An [alert] is nginx saying that somebody has a bug: a worker that crashed,
# a connection left open, a chain that went wrong.  Lines that tests bring
# about on purpose are in expected-alerts.
#
# An [emerg] mostly refuses a configuration, at start or at reload.  Whether
# that was wanted is judged by the tests themselves: a must_die block wants
# it, any other block without a server bails out.  So only an [emerg] of a
# process that was already serving counts, and not while it reads a new
# configuration.  (That it serves is known from what it logs; at a log_level
# that hides this, an [emerg] may escape.)

. "$(dirname "$0")/lib.sh"

log=${1:?error log}
reports=${2:-}
status=0

if [ ! -s "$log" ]; then
    status=1
    echo "not ok - no error log was collected in $log"
    log=/dev/null
fi

bad=$(awk -v expected="$tools/expected-alerts" '
    BEGIN {
        while ((getline line < expected) > 0)
            if (line != "" && line !~ /^#/)
                allowed[++n] = line
    }

    # 2026/01/01 00:00:00 [level] pid#tid: *connection ...
    { split($4, id, "#"); pid = id[1] }

    $5 ~ /^\*[0-9]+$/ || /worker cycle|epoll timer:/ { serving[pid] = 1 }
    / start worker process [0-9]+/ { serving[pid] = serving[$NF] = 1 }
    /\[notice\] .*, reconfiguring/ { delete serving[pid] }

    /\[emerg\]/ {
        if (pid in serving) print
        next
    }

    # of a sanitizer that found no file to write to: stderr ends up here
    / runtime error: |ERROR: [A-Z][A-Za-z]*Sanitizer/ { print }

    /\[alert\]/ {
        for (i = 1; i <= n; i++)
            if ($0 ~ allowed[i]) next
        print
    }' "$log")

if [ -z "$bad" ]; then
    echo "ok - the error logs hold no unexpected [alert] or [emerg]"
else
    status=1
    echo "not ok - the error logs hold what no server should say"
    printf '%s\n' "$bad" | sort | uniq -c | sort -rn | head -n 40 | sed 's/^/#/'
fi

if [ -n "$reports" ]; then
    found=$(find "$reports" -type f 2>/dev/null)
    if [ -z "$found" ]; then
        echo "ok - no sanitizer report"
    else
        status=1
        echo "not ok - $(printf '%s\n' "$found" | wc -l) sanitizer report(s)"
        for file in $found; do
            printf '# %s\n' "$file"
            head -n 60 "$file" | sed 's/^/#   /'
        done | head -n 300
    fi
fi

exit $status
