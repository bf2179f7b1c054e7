#!/usr/bin/env bash
# The workflows beside this file without GitHub: cron mails what a run prints.
#
#   17 6 1 * *  /srv/mail/cron.sh rotate    a branch with the next keys, for review
#   37 5 * * *  /srv/mail/cron.sh check     prints, and fails, if something is wrong, due or changed by hand
#   */5 * * * * /srv/mail/cron.sh metrics   for the textfile collector of Prometheus' node exporter
#
# After the review, and a merge: `cron.sh up`.
set -euo pipefail
cd "${PROJECT:-$(dirname "$0")}"
: "${STACK:=prod}" "${BRANCH:=rotate-dkim-keys}" "${MAIN:=main}" "${METRICS:=/var/lib/node_exporter/byodkim.prom}"
PATH="$PWD/venv/bin:$PATH"

case "${1:-}" in
    rotate)
        git switch --quiet "$MAIN"
        git pull --quiet --ff-only
        code=0
        change=$(byodkim rotate --stack "$STACK" --older-than 180 --yes --no-up) || code=$?
        # 1 with a change: done, but for domains without a next key, which are named on standard error.
        if [ "$code" -gt 1 ] || [ -z "$change" ]; then exit "$code"; fi
        git switch --quiet --force-create "$BRANCH"
        git commit --quiet --all --message "Rotate DKIM keys older than 180 days"
        git push --quiet --force origin "$BRANCH"
        pulumi preview --stack "$STACK" --suppress-progress --color never
        git switch --quiet "$MAIN"
        ;;
    up)
        git switch --quiet "$MAIN"
        git pull --quiet --ff-only
        pulumi up --stack "$STACK" --yes --skip-preview --suppress-progress --color never
        ;;
    check)
        code=0
        report=$(byodkim status --stack "$STACK") || code=$?
        if [ "$code" != 0 ]; then echo "$report"; fi
        drift=$(pulumi preview --stack "$STACK" --refresh --expect-no-changes --suppress-progress --color never 2>&1) ||
            { echo "$drift"; exit 1; }
        exit "$code"
        ;;
    metrics)
        code=0
        byodkim status --stack "$STACK" --format prometheus > "$METRICS.new" || code=$?
        # Nothing was found out: the metrics stay as old as they are.
        if [ ! -s "$METRICS.new" ]; then exit "$code"; fi
        mv "$METRICS.new" "$METRICS"
        ;;
    *)
        echo "usage: $0 rotate | up | check | metrics" >&2
        exit 2
        ;;
esac
