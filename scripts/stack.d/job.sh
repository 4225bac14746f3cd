# shellcheck shell=bash disable=SC2154
# The job that `run` and `demo` send through the stack.
run_job() { return 0; }
