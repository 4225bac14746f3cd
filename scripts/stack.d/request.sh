# shellcheck shell=bash disable=SC2154
# Requests over NATS with nothing but the shell: what the stack shows of services that the gannet command does not ask.

# nats_request SUBJECT BODY: prints the answer's body; fails when none comes within 10 s or it is an error.
nats_request() {
	local at=${NATS_URL#nats://} line size inbox=_INBOX.stack-$$-$RANDOM
	(
		exec 3<>"/dev/tcp/${at%:*}/${at##*:}"
		printf 'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nSUB %s 1\r\nPUB %s %s %d\r\n%s\r\n' \
			"$inbox" "$1" "$inbox" "$(printf %s "$2" | wc -c)" "$2" >&3
		while IFS= read -r -t 10 line <&3; do
			case $line in
			PING*) printf 'PONG\r\n' >&3 ;;
			HMSG*) exit 1 ;; # only errors have headers
			MSG*)
				size=${line##* }
				LC_ALL=C IFS= read -r -N "${size%$'\r'}" -t 10 line <&3
				printf '%s\n' "$line"
				exit 0
				;;
			esac
		done
		exit 1
	)
}

# member NAME: the value of a scalar member of the JSON object on standard input.
member() { grep -oE "\"$1\":(\"[^\"]*\"|[-+.0-9eE]+|true|false)" | head -n 1 | cut -d : -f 2- | tr -d '"'; }

# A snapshot of the example platform, as the collector takes it now.
show_snapshot() {
	local snapshot errors
	[ -x "$bin/gannet-collector" ] || return 0
	snapshot=$(nats_request gannet.default.snapshot.take '{}') || { complain "the collector takes no snapshot"; return 1; }
	of() { printf '%s' "$snapshot" | member "$1"; }
	errors=$(printf '%s' "$snapshot" | grep -oE '"[a-z0-9_]+_error":"[^"]*"' || true)
	say ""
	say "a snapshot of the example content platform, taken in $(of collection_time_ms) ms:"
	say "  queue $(of queue_pending) pending, $(of queue_failed) failed; $(of publish_total_24h) publications in 24 h, success rate" \
		"$(of publish_success_rate); $(of clips_ready) clips ready; $(of alerts_critical) critical alerts"
	[ -z "$errors" ] || { complain "sources that failed: $errors"; return 1; }
}
