# shellcheck shell=bash disable=SC2154
# The job that `run` and `demo` send through the stack: a real document, from the submission to the record in PostgreSQL.

record_of() { "$bin/gannet" get "$1" --json 2>/dev/null; }
is_recorded() { record_of "$1" | grep -q '"status": *"completed"'; }

now_ms() { date +%s%3N; }

run_job() {
	local document=$root/examples/incident-report.txt id start recorded
	id=demo-$(now_ms)-$$
	# shellcheck source=/dev/null
	. "$var/env"
	say ""
	say "${bold}A job for the model 'simulated': a summary of examples/${document##*/} ($(wc -c <"$document") bytes)${plain}"
	start=$(now_ms)
	"$bin/gannet" submit --job-id "$id" --model simulated --template 'Summarise this document in three sentences: {{document}}' \
		--var "document=@$document" --wait || return 1
	until is_recorded "$id"; do
		[ $(($(now_ms) - start)) -lt 30000 ] || { complain "the jobs service has no record of $id"; return 1; }
		sleep 0.02
	done
	recorded=$(($(now_ms) - start))
	say ""
	say "recorded in PostgreSQL $recorded ms after it was handed in; the broker has stored:"
	stored_messages
}

# One line for each stream, out of the broker's own monitoring.
stored_messages() {
	curl -fsS --max-time 5 "$NATS_MONITOR_URL/jsz?streams=1" | tr -d '\n\t ' | sed 's/{"name"/\n&/g' |
		sed -nE 's/^\{"name":"([A-Z]+)","created".*"messages":([0-9]+),"bytes":([0-9]+).*/  \1: \2 messages, \3 bytes/p' | sort
}
