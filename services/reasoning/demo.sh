#!/bin/sh -eu
# A cycle: a fresh snapshot by the collector, and what the rules make of it.
command -v gannet-collector >/dev/null || exit 0
bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); fi
printf '\n%sHow healthy is it? A snapshot, and what the rules make of it%s\n' "$bold" "$plain"
gannet reason --run
