# shellcheck shell=bash disable=SC2154
# Processes and ports of the stack: started in the background, remembered in var/run, stopped by name.

# The state letter and the start time of a process: with its number they name it for good, while numbers alone are used again.
process_stat() {
	local line
	read -r line 2>/dev/null <"/proc/$1/stat" || return 1
	# shellcheck disable=SC2086 # fields
	set -- ${line##*) }
	say "$1 ${20}"
}

# alive NAME: whether the process that this stack started under the name still runs.
alive() {
	local pid since stat
	read -r pid since 2>/dev/null <"$run/$1.pid" || return 1
	stat=$(process_stat "$pid") || return 1
	[ "${stat#* }" = "$since" ] && [ "${stat%% *}" != Z ]
}

pid_of() {
	local pid _
	read -r pid _ <"$run/$1.pid"
	say "$pid"
}

started() {
	local file
	for file in "$run"/*.pid; do
		[ ! -e "$file" ] || basename "$file" .pid
	done
}

any_alive() {
	local name
	for name in $(started); do
		! alive "$name" || return 0
	done
	return 1
}

# launch NAME COMMAND…: in a session of its own, so that Ctrl-C at the terminal does not reach it; output goes to its log.
launch() {
	local name=$1 log=$var/log/$1.log stat
	shift
	if [ -f "$log" ] && [ "$(stat -c %s "$log")" -gt 33554432 ]; then mv "$log" "$log.1"; fi
	setsid "$@" </dev/null >>"$log" 2>&1 9>&- &
	stat=$(process_stat $!) || stat="X 0" # ended already: who waits for it says so and shows its log
	say "$! ${stat#* }" >"$run/$name.pid"
	disown
}

last_lines() {
	[ ! -f "$var/log/$1.log" ] || tail -n "${2:-15}" "$var/log/$1.log" | cut -c 1-400 | sed 's/^/    /' >&2
}

# wait_until SECONDS NAME COMMAND…: until the command succeeds; fails when the process of that name ends first or time is up.
wait_until() {
	local until=$((SECONDS + $1)) name=$2
	shift 2
	while ! { "$@" >/dev/null 2>&1 && alive "$name"; }; do
		if ! alive "$name"; then
			complain "$name ended while starting; the end of $var/log/$name.log:"
			last_lines "$name"
			return 1
		elif [ $SECONDS -ge $until ]; then
			complain "$name is not healthy in time; the end of $var/log/$name.log:"
			last_lines "$name"
			return 1
		fi
		sleep 0.05
	done
}

# stop NAME…: asks all of them to end, waits for them together, and ends by force what does not end in time.
stop() {
	local name until=$((SECONDS + 30)) signal
	for name in "$@"; do
		signal=TERM
		[ "$name" != postgres ] || signal=INT # fast shutdown: does not wait for clients
		! alive "$name" || kill -s $signal "$(pid_of "$name")" 2>/dev/null || true
	done
	for name in "$@"; do
		while alive "$name"; do
			if [ $SECONDS -ge $until ]; then
				complain "$name does not end; killing it"
				kill -s KILL "$(pid_of "$name")" 2>/dev/null || true
			fi
			sleep 0.05
		done
		rm -f "$run/$name.pid"
	done
}

port_is_free() {
	! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# port_for OWNER NAME PREFERRED: prints the port remembered for a name while its owner runs or it is free, else the preferred one or the
# next that is free and promised to no other name.
port_for() {
	local file=$run/$2.port port
	if read -r port 2>/dev/null <"$file" && { alive "$1" || port_is_free "$port"; }; then
		say "$port"
		return
	fi
	rm -f "$file"
	port=$3
	while grep -qsx "$port" "$run"/*.port || ! port_is_free "$port"; do
		port=$((port + 1))
		[ $port -lt 65536 ] || die "no free port for $1"
	done
	say "$port" | tee "$file"
}
