# shellcheck shell=bash disable=SC2154
kubernetes_files() { :; }
