# shellcheck shell=bash disable=SC2154
# What services show of themselves after the job: services/<folder>/demo.sh, run with var/env; it fails the demo by failing.
run_demos() {
	local script
	for script in "$root"/services/*/demo.sh; do
		[ -x "$script" ] || continue
		# shellcheck source=/dev/null
		(. "$var/env" && PATH=$bin:$PATH "$script") || { complain "${script#"$root"/} failed"; return 1; }
	done
}
