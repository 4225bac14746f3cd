#!/bin/sh -eu
# A snapshot of the example platform, as the collector takes it now.
bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); fi
printf '\n%sWhat is the example platform like? A snapshot of it%s\n' "$bold" "$plain"
gannet snapshot --take
